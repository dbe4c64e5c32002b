//go:build !linux

package postgres

import "syscall"

// userTimeout leaves a connection to the system's own patience.
func userTimeout(string, string, syscall.RawConn) error { return nil }
