package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// A dataFolder is where a server keeps what is its own: the SQLite database unless there is another one, the key that seals secrets, the
// first access key with a client profile, and the audit log. Nobody but its user reads it.
type dataFolder struct {
	path string // absolute
	lock *os.File
}

// openData makes the folder where it is missing.
func openData(path string) (*dataFolder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, dataError(err)
	}
	return &dataFolder{path: path}, nil
}

func dataError(err error) error {
	return fmt.Errorf("data folder: %w; name a folder that this user can write with --data", err)
}

func (d *dataFolder) file(name string) string { return filepath.Join(d.path, name) }

// hold keeps other servers off the folder until this process ends, however it ends.
func (d *dataFolder) hold() error {
	f, err := os.OpenFile(d.file("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return dataError(err)
	}
	switch err := lockFile(f); {
	case errors.Is(err, errLocked):
		f.Close()
		return fmt.Errorf("another server uses the data folder %s: stop it, or give this one its own with --data", d.path)
	case err != nil:
		f.Close()
		return fmt.Errorf("lock the data folder %s: %w", d.path, err)
	}
	d.lock = f
	return nil
}

func (d *dataFolder) close() error {
	if d.lock == nil {
		return nil
	}
	return d.lock.Close()
}

// readPrivate reads a file that holds secrets, fs.ErrNotExist if it is missing. One that other users can read is refused.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s holds secrets and other users can read it: chmod 600 it, and replace the secrets if others may have read them", path)
	}
	return os.ReadFile(path)
}

// writeNew writes a file for this user only, whole or not at all. It fails with fs.ErrExist if there is one of that name.
func writeNew(path string, text []byte) error {
	return writeFile(path, text, func(made string) error { return os.Link(made, path) })
}

// writeOver is writeNew that takes the place of an older file.
func writeOver(path string, text []byte) error {
	return writeFile(path, text, func(made string) error { return os.Rename(made, path) })
}

func writeFile(path string, text []byte, place func(made string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return dataError(err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return dataError(err)
	}
	if err := place(f.Name()); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fs.ErrExist
		}
		return dataError(err)
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes new names in a folder survive a power cut, where the system can do that.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return dataError(err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return dataError(err)
	}
	return nil
}

// databaseFile is the name of the SQLite database in a data folder.
const databaseFile = "magpie.db"
