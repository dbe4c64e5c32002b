package main

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/magpie-sec/magpie/internal/api/sigv4"
	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/config"
	"github.com/magpie-sec/magpie/internal/seal"
	"github.com/magpie-sec/magpie/internal/store"
)

const (
	// keyTTL is how long a key that was removed may go on working in a process that has it at hand.
	keyTTL = 5 * time.Second
	// keyCache bounds the keys at hand; a key more empties it.
	keyCache = 1024
	// keyUseEvery is how exact the time of a key's last use is.
	keyUseEvery = time.Hour
)

// rootName is the name of the keys that stand for the account itself. All others stand for an IAM user of their name.
const rootName = "root"

// A keyStore is the sigv4.KeyStore over the database and the configuration file. It keeps what it reads for keyTTL.
type keyStore struct {
	db       store.DB
	master   *seal.Key
	accounts map[string]string    // account id -> partition; a key of any other account is unknown
	fixed    map[string]sigv4.Key // of the configuration file
	now      func() time.Time
	log      *slog.Logger

	mu    sync.Mutex
	cache map[string]cachedKey
	used  map[string]time.Time // when a use was last written down, by key id
}

type cachedKey struct {
	key   sigv4.Key
	until time.Time
}

var _ sigv4.KeyStore = (*keyStore)(nil)

func newKeyStore(db store.DB, master *seal.Key, c *config.Config, now func() time.Time, log *slog.Logger) (*keyStore, error) {
	s := &keyStore{
		db: db, master: master, now: now, log: log, accounts: map[string]string{}, fixed: map[string]sigv4.Key{},
		cache: map[string]cachedKey{}, used: map[string]time.Time{},
	}
	for _, a := range c.Accounts {
		s.accounts[a.ID] = arn.PartitionOf(a.Regions[0])
		for _, k := range a.Keys {
			secret, err := k.Secret.Read()
			if err != nil {
				return nil, fmt.Errorf("access key %s: %w", k.ID, err)
			}
			s.fixed[k.ID] = s.key(a.ID, rootName, secret)
		}
	}
	return s, nil
}

// Key implements sigv4.KeyStore.
func (s *keyStore) Key(ctx context.Context, id string) (sigv4.Key, error) {
	if k, ok := s.fixed[id]; ok {
		return k, nil
	}
	s.mu.Lock()
	c, ok := s.cache[id]
	s.mu.Unlock()
	if ok && s.now().Before(c.until) {
		return c.key, nil
	}
	k, err := s.read(ctx, id)
	if err != nil {
		return sigv4.Key{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.cache) >= keyCache {
		clear(s.cache)
	}
	s.cache[id] = cachedKey{k, s.now().Add(keyTTL)}
	return k, nil
}

func (s *keyStore) read(ctx context.Context, id string) (sigv4.Key, error) {
	var row store.AccessKey
	err := s.db.View(ctx, func(tx store.Tx) (err error) {
		row, err = store.GetAccessKey(ctx, tx, id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return sigv4.Key{}, sigv4.ErrUnknownKey
	}
	if err != nil {
		return sigv4.Key{}, err
	}
	if _, served := s.accounts[row.Account]; !served || row.Disabled {
		return sigv4.Key{}, sigv4.ErrUnknownKey
	}
	secret, err := openSecret(s.master, row)
	if err != nil {
		return sigv4.Key{}, err
	}
	return s.key(row.Account, row.Name, secret), nil
}

// key says whom a key stands for.
func (s *keyStore) key(account, name, secret string) sigv4.Key {
	k := sigv4.Key{Secret: secret, Account: account}
	if name == rootName {
		k.PrincipalARN = "arn:" + s.accounts[account] + ":iam::" + account + ":root"
		k.UserID = account
		return k
	}
	k.PrincipalARN = "arn:" + s.accounts[account] + ":iam::" + account + ":user/" + name
	k.UserID = userID(account, name)
	return k
}

// userID makes what IAM calls the unique id of a user: AIDA and 17 letters and digits, here always the same for the same user.
func userID(account, name string) string {
	sum := sha256.Sum256([]byte(account + "/" + name))
	return "AIDA" + base32.StdEncoding.EncodeToString(sum[:])[:17]
}

// noteUse writes down that a key was used, at most every keyUseEvery.
func (s *keyStore) noteUse(ctx context.Context, id string) {
	if _, ok := s.fixed[id]; ok {
		return
	}
	now := s.now()
	s.mu.Lock()
	due := now.Sub(s.used[id]) >= keyUseEvery
	if due {
		if len(s.used) >= keyCache {
			clear(s.used)
		}
		s.used[id] = now
	}
	s.mu.Unlock()
	if !due {
		return
	}
	err := s.db.Update(ctx, func(tx store.Tx) error { return store.TouchAccessKey(ctx, tx, id, now.UnixMilli()) })
	if err != nil {
		s.log.WarnContext(ctx, "could not note the use of an access key", "accessKeyId", id, "error", err.Error())
	}
}
