package detect_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/detecttest"
	"github.com/magpie-sec/magpie/internal/detect/managed"
)

// TestMarksLeaveNothingOut compares the reading by marks, which passes most runs over, with the one that looks at each.
func TestMarksLeaveNothingOut(t *testing.T) {
	e := detecttest.Engine(t, 0, managed.All()...)
	type match struct {
		id, text       string
		offset, length int64
	}
	var found []match
	s := e.NewScanner(func(m detect.Match) {
		found = append(found, match{m.Identifier.ID, string(m.Text), m.Location.Offset, m.Location.Length})
	})
	both := func(tb rapid.TB, text []byte) {
		found = nil
		detect.ScanShort(s, text)
		want := found
		found = nil
		detect.ScanMarked(s, text)
		if diff := cmp.Diff(want, found, cmp.AllowUnexported(match{})); diff != "" {
			tb.Fatalf("%q: (-each run, +marks)\n%s", text, diff)
		}
	}
	from := append(fragments(t), "socialSecurityNumber: ", "userSsn=", "\\nssn ", "Phone", "passport_no: ", "DE", "+1 ", "A1", "10001")
	rapid.Check(t, func(t *rapid.T) { both(t, []byte(drawText(t, from))) })
	corpus := detecttest.NewCorpus(5)
	for _, text := range [][]byte{corpus.Log(1 << 20), corpus.Events(1 << 20), bytes.Repeat([]byte("identificación 1, "), 3000)} {
		both(t, text)
	}
}
