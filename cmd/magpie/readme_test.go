package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// readmeBlock returns the shell lines of the README behind a marker.
func readmeBlock(t *testing.T, marker string) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "<!-- "+marker+" -->\n```sh\n")
	block, _, closed := strings.Cut(rest, "\n```\n")
	if !ok || !closed {
		t.Fatalf("README.md has no sh block behind the marker %q", marker)
	}
	return block + "\n"
}

// freePort returns a port that nobody listens on just now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// TestReadme runs the README's lines with the AWS CLI, on ports that are free.
func TestReadme(t *testing.T) {
	api, ops := fmt.Sprint(freePort(t)), fmt.Sprint(freePort(t))
	block := readmeBlock(t, "test: cli")
	for _, line := range []string{"magpie serve ", ":4750", ":4751"} {
		if !strings.Contains(block, line) {
			t.Fatalf("the README's block does not hold %q:\n%s", line, block)
		}
	}
	block = strings.ReplaceAll(block, "magpie serve ", "magpie serve --listen 127.0.0.1:4750 --ops 127.0.0.1:4751 ")
	block = strings.NewReplacer(":4750", ":"+api, ":4751", ":"+ops).Replace(block)

	dir := t.TempDir()
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(examples, filepath.Join(dir, "examples")); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "readme.sh")
	if err := os.WriteFile(script, []byte("set -euo pipefail\ntrap 'kill %1; wait %1' EXIT\n"+block), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", script)
	cmd.Dir, cmd.Env = dir, command("", nil).Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that a cut short script takes its server along
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	late := time.AfterFunc(patience, func() { _ = cmd.Cancel() })
	defer late.Stop()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"talwind-customer-exports", `"groupKey": "High"`, "SensitiveData:S3Object/", "An access key was made", `"msg":"stopped"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the output does not hold %q", want)
		}
	}
	if row := regexp.MustCompile(`\| *High *\| *SensitiveData:S3Object/\w+ *\| *talwind-`); !row.Match(out) {
		t.Errorf("the output holds no row of a finding")
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}
