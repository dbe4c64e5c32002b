package postgres

import (
	"strings"
	"syscall"
	"time"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of tcp(7), in milliseconds, which package syscall does not name.
const tcpUserTimeout = 18

// userTimeout makes a connection end whose data is not acknowledged: the network's own patience is a quarter of an hour.
func userTimeout(network, _ string, conn syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	return conn.Control(func(fd uintptr) {
		// A system that does not know it goes on without.
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int((30 * time.Second).Milliseconds()))
	})
}
