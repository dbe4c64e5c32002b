package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/macie2/types"

	"github.com/magpie-sec/magpie/internal/pgtest"
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

// freePort returns a port that nobody listens on just now, and that the system gives to nobody: below those that it chooses itself when asked for
// any (ip_local_port_range, 32768 and more), which other tests take at any time.
func freePort(t *testing.T) int {
	t.Helper()
	for range 1000 {
		port := 12_000 + rand.IntN(20_000)
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port))
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// TestReadmeFleet runs the README's lines of a server and its workers on a database of the test's, and a job on them.
func TestReadmeFleet(t *testing.T) {
	api, ops := fmt.Sprint(freePort(t)), fmt.Sprint(freePort(t))
	block := readmeBlock(t, "test: fleet")
	const database = "postgres://magpie@db.internal/magpie"
	if n := strings.Count(block, "magpie worker --database "+database); n < 2 || !strings.Contains(block, "magpie serve --database "+database) {
		t.Fatalf("the README's block has %d workers:\n%s", n, block)
	}
	block = strings.NewReplacer(database, "'"+pgtest.Database(t)+"'", "magpie serve ", "magpie serve --listen 127.0.0.1:"+api+" --ops 127.0.0.1:"+ops+" ").Replace(block)
	dir := t.TempDir()
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(examples, filepath.Join(dir, "examples")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-c", "trap 'kill $(jobs -p); wait' TERM EXIT\n"+block+"wait\n")
	cmd.Dir, cmd.Env = dir, command("", nil).Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out output
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	}()
	until(t, "the server and its workers work", func() bool {
		status, _, err := tryGet("http://127.0.0.1:" + ops + "/readyz")
		return err == nil && status == http.StatusOK && strings.Count(out.String(), `"msg":"working"`) >= 2
	})
	key, err := readCredential(filepath.Join(dir, "data", "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	c := clientOf("http://127.0.0.1:"+api, key)
	enable(t, c)
	id := createJob(t, c, "talwind-customer-exports")
	awaitStatus(t, c, id, types.JobStatusComplete)
	if len(findingIDs(t, c)) == 0 {
		t.Error("the job found nothing")
	}
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
