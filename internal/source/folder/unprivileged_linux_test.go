package folder_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// unprivileged runs f as a user whom file permissions bind. As root it changes the file system user of the thread, which also takes away
// root's right to override permissions (setfsuid(2), capabilities(7)); all of f must run on this goroutine.
func unprivileged(t testing.TB, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	const nobody = 65534
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0)
	if now, _, _ := syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0); now != nobody {
		t.Fatalf("file system user is %d, want %d", now, nobody)
	}
	defer syscall.RawSyscall(syscall.SYS_SETFSUID, 0, 0, 0)
	f()
}
