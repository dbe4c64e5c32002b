package managed

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// TestSameEverywhere says that the tables are the same in every process: the name of a set of rules is made of them, and results of different
// workers are compared by it.
func TestSameEverywhere(t *testing.T) {
	h := sha256.New()
	for _, id := range All() {
		fmt.Fprintf(h, "%q %q %q\n", id.ID, id.Keywords, id.Refuse)
		for _, l := range id.Layouts {
			fmt.Fprintf(h, "%q %q %q\n", l.Shape, l.Words, l.Keywords)
		}
	}
	sum := fmt.Sprintf("%x", h.Sum(nil))
	if os.Getenv("MAGPIE_TEST_SUM") != "" {
		fmt.Println(sum)
		return
	}
	for range 3 {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestSameEverywhere$")
		cmd.Env = append(os.Environ(), "MAGPIE_TEST_SUM=1")
		out, err := cmd.Output()
		if err != nil || len(out) < len(sum) || string(out[:len(sum)]) != sum {
			t.Fatalf("another process has %.64s, this one %s (%v)", out, sum, err)
		}
	}
}
