package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestJavaScriptSDK drives a server with AWS's SDK for JavaScript, which npm installs beside the script.
func TestJavaScriptSDK(t *testing.T) {
	installPackages(t, "testdata/js")
	dir := t.TempDir()
	estate := filepath.Join(dir, "estate")
	plants := plantEstate(t, estate, 60)
	s := serve(t, filepath.Join(dir, "data"), "--source", estate)
	key, err := readCredential(filepath.Join(s.dir, "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "drive.mjs", s.endpoint, "customers")
	cmd.Dir = "testdata/js"
	cmd.Env = append(command("", nil).Env, "AWS_ACCESS_KEY_ID="+key.id, "AWS_SECRET_ACCESS_KEY="+key.secret)
	want := 0
	for place := range plants {
		if strings.HasPrefix(place, "customers/") {
			want++
		}
	}
	if got := succeeds(t, cmd); got != fmt.Sprintln(want) {
		t.Errorf("the SDK saw %q findings, want %d", got, want)
	}
}

// installPackages runs npm where its last run is older than the lock file.
func installPackages(t *testing.T, dir string) {
	t.Helper()
	lock, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	done, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	if err == nil && !done.ModTime().Before(lock.ModTime()) {
		return
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--prefer-offline")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
}
