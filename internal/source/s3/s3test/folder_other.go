//go:build !linux

package s3test

import "os"

// stateFolder returns where the state of gateways is kept.
func stateFolder() string { return os.TempDir() }
