package main

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/magpie-sec/magpie/internal/seal"
	"github.com/magpie-sec/magpie/internal/store"
)

// masterKeyVariable is the environment variable that holds the master key instead of DATA/key.
const masterKeyVariable = "MAGPIE_KEY"

// openMasterKey returns the key that all secrets of the database are sealed with: that of the environment, or of the data folder, where the
// first start makes it. It fails if the database was begun with another key.
func openMasterKey(ctx context.Context, data *dataFolder, db store.DB) (*seal.Key, error) {
	text, from := os.Getenv(masterKeyVariable), masterKeyVariable
	if text == "" {
		from = data.file("key")
		var err error
		if text, err = keyFile(from); err != nil {
			return nil, err
		}
	}
	key, err := seal.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return key, compareKey(ctx, db, key, from)
}

// keyFile reads the key's file, and makes it where it is missing.
func keyFile(path string) (string, error) {
	text, err := readPrivate(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return string(text), err
	}
	made, err := seal.NewKey(nil)
	if err != nil {
		return "", err
	}
	if err := writeNew(path, []byte(made.Text()+"\n")); err != nil && !errors.Is(err, fs.ErrExist) { // another server was first
		return "", err
	}
	text, err = readPrivate(path)
	return string(text), err
}

// keyCheck is the setting of the whole database by which a wrong key is noticed.
const keyCheck = "master-key-check"

// compareKey notes in a fresh database which key it belongs to, and compares with the note in others.
func compareKey(ctx context.Context, db store.DB, key *seal.Key, from string) error {
	mine, err := key.Derive("check", seal.KeySize)
	if err != nil {
		return err
	}
	return db.Update(ctx, func(tx store.Tx) error {
		noted, err := store.GetSetting(ctx, tx, store.Tenant{}, keyCheck)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return store.PutSetting(ctx, tx, store.Tenant{}, keyCheck, time.Now().UnixMilli(), mine)
		case err == nil && !hmac.Equal(noted, mine):
			return fmt.Errorf("the database's secrets are sealed with another key than that of %s: set %s to the key in DATA/key of the server that began the database", from, masterKeyVariable)
		}
		return err
	})
}
