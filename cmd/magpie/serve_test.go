package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/macie2/types"
)

// writeTree writes files below a folder.
func writeTree(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestServeFirstStart(t *testing.T) {
	dir := t.TempDir()
	estate := filepath.Join(dir, "estate")
	writeTree(t, estate, map[string]string{"customers/a.csv": "name,card number\nAnn,4539578763621486\n"})
	s := serve(t, filepath.Join(dir, "data"), "--source", estate)
	c := s.client()
	enable(t, c)
	id := createJob(t, c, "customers")
	awaitStatus(t, c, id, types.JobStatusComplete)
	if n := len(findingsByID(t, c)); n != 1 {
		t.Errorf("%d findings, want 1", n)
	}
	s.stop()
}
