package s3test

import (
	"os"
	"syscall"
)

// stateFolder returns where the state of gateways is kept: in memory where there is much of it, for tens of thousands of small files take
// minutes on some disks.
func stateFolder() string {
	const shared, enough = "/dev/shm", 4 << 30
	var s syscall.Statfs_t
	if err := syscall.Statfs(shared, &s); err != nil || s.Bavail*uint64(s.Bsize) < enough {
		return os.TempDir()
	}
	return shared
}
