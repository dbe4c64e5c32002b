package main

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/magpie-sec/magpie/internal/seal"
	"github.com/magpie-sec/magpie/internal/store"
)

// A credential is an access key with its secret in the clear.
type credential struct {
	id, secret string
}

// accessKeyID and secretForm are what the AWS shared files and signatures can carry; secretForm allows what other tools make.
var (
	accessKeyID = regexp.MustCompile(`^[A-Za-z0-9_]{16,128}$`)
	secretForm  = regexp.MustCompile(`^[!-~]{16,512}$`)
	userName    = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,64}$`) // IAM's rule, CreateUser
)

// newCredential makes a key as long as AWS's own, whose id does not begin like theirs, so that nobody takes it for a key of AWS.
func newCredential() credential {
	var id [9]byte
	var secret [30]byte
	rand.Read(id[:]) // never fails
	rand.Read(secret[:])
	return credential{"MAGPIE" + base32.StdEncoding.EncodeToString(id[:])[:14], base64.StdEncoding.EncodeToString(secret[:])}
}

func (c credential) check() error {
	switch {
	case !accessKeyID.MatchString(c.id):
		return errors.New("an access key id has 16 to 128 letters, digits and underscores")
	case !secretForm.MatchString(c.secret):
		return errors.New("a secret access key has 16 to 512 printable ASCII characters and no blank")
	}
	return nil
}

// row seals the credential as a key of an account.
func (c credential) row(key *seal.Key, account, name string, now time.Time) (store.AccessKey, error) {
	sealed, err := key.Seal(nil, []byte(c.secret), secretContext, c.id, account)
	return store.AccessKey{ID: c.id, Account: account, Name: name, CreatedAt: now.UnixMilli(), Secret: sealed}, err
}

// secretContext, with the key's id and account behind it, binds a sealed secret to its row.
const secretContext = "access key"

func openSecret(key *seal.Key, row store.AccessKey) (string, error) {
	secret, err := key.Open(row.Secret, secretContext, row.ID, row.Account)
	if err != nil {
		return "", fmt.Errorf("secret of access key %s: %w", row.ID, err)
	}
	return string(secret), nil
}

// putCredential stores a key of the account itself, or the new secret of one that is there.
func putCredential(ctx context.Context, db store.DB, key *seal.Key, c credential, account string, now time.Time) error {
	row, err := c.row(key, account, rootName, now)
	if err != nil {
		return err
	}
	return db.Update(ctx, func(tx store.Tx) error {
		have, err := store.GetAccessKey(ctx, tx, c.id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return store.CreateAccessKey(ctx, tx, row)
		case err != nil:
			return err
		case have.Account != account || have.Name != rootName:
			return fmt.Errorf("access key %s belongs to %s of account %s already; remove it with magpie keys remove, or use another id", c.id, have.Name, have.Account)
		}
		if secret, err := openSecret(key, have); err == nil && secret == c.secret && !have.Disabled {
			return nil
		}
		if err := store.DeleteAccessKey(ctx, tx, c.id); err != nil {
			return err
		}
		return store.CreateAccessKey(ctx, tx, row)
	})
}

func hasAccessKeys(ctx context.Context, db store.DB, account string) (has bool, err error) {
	err = db.View(ctx, func(tx store.Tx) error {
		keys, err := store.AccessKeys(ctx, tx, account)
		has = len(keys) > 0
		return err
	})
	return has, err
}
