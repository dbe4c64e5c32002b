//go:build !linux

package folder_test

import (
	"os"
	"testing"
)

// unprivileged runs f as a user whom file permissions bind: elsewhere than on Linux the tests must not run as root.
func unprivileged(t testing.TB, f func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Fatal("run this test as an ordinary user")
	}
	f()
}
