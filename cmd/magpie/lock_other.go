//go:build !unix

package main

import (
	"errors"
	"os"
)

var errLocked = errors.New("locked by another process")

// lockFile refuses: without a lock that ends with its process two servers could work on one database as if each were alone.
func lockFile(*os.File) error {
	return errors.New("this system has no lock that the server can use; give it a PostgreSQL database with --database")
}

// privateFiles does nothing: files take the permissions of their folder here.
func privateFiles() {}
