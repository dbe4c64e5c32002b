package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/open"
)

// databaseFlags name the database of a server, which may be running on it.
type databaseFlags struct {
	Data     string `default:"data" placeholder:"DIR" help:"The server's data folder. Default: data."`
	Database string `placeholder:"URL" help:"The server's database, if it is not the one in the data folder."`
}

// url names a database that exists.
func (f databaseFlags) url() (string, error) {
	path := strings.TrimPrefix(strings.TrimPrefix(f.Database, "sqlite:"), "//")
	if strings.Contains(path, "://") {
		return f.Database, nil
	}
	if path == "" {
		path = filepath.Join(f.Data, databaseFile)
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%w; name the data folder of a server that has been started with --data, or its --database", err)
	}
	return path, nil
}

// open opens the database for a command that writes, and brings it up to date.
func (f databaseFlags) open(ctx context.Context) (*dataFolder, store.DB, error) {
	url, err := f.url()
	if err != nil {
		return nil, nil, err
	}
	privateFiles()
	data, err := openData(f.Data)
	if err != nil {
		return nil, nil, err
	}
	db, err := openDatabase(ctx, url, 0, nil)
	return data, db, err
}

// read opens the database for a command that only reads: a look at a server's state must not change its schema.
func (f databaseFlags) read(ctx context.Context) (store.DB, error) {
	url, err := f.url()
	if err != nil {
		return nil, err
	}
	return open.OpenReader(ctx, url, open.Options{})
}
