package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/*.txtar. Besides testscript's own commands they have
//
//	exits CODE PROGRAM ARG...   the program must end with just this exit code
//	truncated FILE              makes a gzip file that ends too early
//	hides FILE                  neither output of the last program may hold a line of the file
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "truncated": truncated, "hides": hides},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func truncated(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: truncated FILE")
	}
	var text bytes.Buffer
	w := gzip.NewWriter(&text)
	_, err := w.Write(bytes.Repeat([]byte("a line of a log\n"), 1000))
	ts.Check(errors.Join(err, w.Close()))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text.Bytes()[:text.Len()-12], 0o644))
}

func hides(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hides FILE")
	}
	said := ts.ReadFile("stdout") + ts.ReadFile("stderr")
	for secret := range strings.Lines(ts.ReadFile(args[0])) {
		if secret = strings.TrimSpace(secret); secret != "" && strings.Contains(said, secret) {
			ts.Fatalf("the output holds %q", secret)
		}
	}
}
