package main

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/api/sigv4"
	"github.com/magpie-sec/magpie/internal/config"
	"github.com/magpie-sec/magpie/internal/seal"
	"github.com/magpie-sec/magpie/internal/store"
)

type keyFixture struct {
	*keyStore
	clock time.Time
	log   bytes.Buffer
}

func newKeyFixture(t testing.TB) *keyFixture {
	t.Helper()
	db, err := openDatabase(t.Context(), filepath.Join(t.TempDir(), databaseFile), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	master, err := seal.NewKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Simple(defaultAccount, []string{"us-gov-west-1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &keyFixture{clock: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	f.keyStore, err = newKeyStore(db, master, c, func() time.Time { return f.clock }, slog.New(slog.NewTextHandler(&f.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *keyFixture) add(t testing.TB, account, name string) credential {
	t.Helper()
	c := newCredential()
	row, err := c.row(f.master, account, name, f.clock)
	if err != nil {
		t.Fatal(err)
	}
	f.update(t, func(tx store.Tx) error { return store.CreateAccessKey(t.Context(), tx, row) })
	return c
}

func (f *keyFixture) update(t testing.TB, fn func(store.Tx) error) {
	t.Helper()
	if err := f.db.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func TestKeyStoreSaysWhoAKeyStandsFor(t *testing.T) {
	f := newKeyFixture(t)
	root, user := f.add(t, defaultAccount, rootName), f.add(t, defaultAccount, "alice")
	for id, want := range map[string]sigv4.Key{
		root.id: {Secret: root.secret, Account: defaultAccount, PrincipalARN: "arn:aws-us-gov:iam::111122223333:root", UserID: defaultAccount},
		user.id: {Secret: user.secret, Account: defaultAccount, PrincipalARN: "arn:aws-us-gov:iam::111122223333:user/alice", UserID: userID(defaultAccount, "alice")},
	} {
		if got, err := f.Key(t.Context(), id); err != nil || got != want {
			t.Errorf("Key: %+v, %v, want %+v", got, err, want)
		}
	}
	if id := userID(defaultAccount, "alice"); len(id) != 21 || !strings.HasPrefix(id, "AIDA") || id == userID(defaultAccount, "bob") {
		t.Errorf("user id %q", id)
	}
	stranger := f.add(t, "999988887777", rootName)
	for _, id := range []string{stranger.id, "MAGPIENOSUCHKEY00000", "", "\x00\xff"} {
		if _, err := f.Key(t.Context(), id); !errors.Is(err, sigv4.ErrUnknownKey) {
			t.Errorf("Key(%q): %v, want ErrUnknownKey", id, err)
		}
	}
}

func TestKeyStoreForgets(t *testing.T) {
	f := newKeyFixture(t)
	c := f.add(t, defaultAccount, rootName)
	if _, err := f.Key(t.Context(), c.id); err != nil {
		t.Fatal(err)
	}
	f.update(t, func(tx store.Tx) error { return store.DeleteAccessKey(t.Context(), tx, c.id) })
	f.clock = f.clock.Add(keyTTL - time.Millisecond)
	if _, err := f.Key(t.Context(), c.id); err != nil {
		t.Errorf("a key at hand: %v", err)
	}
	f.clock = f.clock.Add(time.Millisecond)
	if _, err := f.Key(t.Context(), c.id); !errors.Is(err, sigv4.ErrUnknownKey) {
		t.Errorf("a key that is gone: %v, want ErrUnknownKey", err)
	}
}

func TestKeyStoreNotesUse(t *testing.T) {
	f := newKeyFixture(t)
	c := f.add(t, defaultAccount, rootName)
	used := func() int64 {
		var row store.AccessKey
		if err := f.db.View(t.Context(), func(tx store.Tx) (err error) {
			row, err = store.GetAccessKey(t.Context(), tx, c.id)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if row.UsedAt == nil {
			return 0
		}
		return *row.UsedAt
	}
	begin := f.clock
	for _, step := range []struct {
		after time.Duration
		want  time.Time
	}{{0, begin}, {keyUseEvery - 1, begin}, {keyUseEvery, begin.Add(keyUseEvery)}} {
		f.clock = begin.Add(step.after)
		f.noteUse(t.Context(), c.id)
		if got := used(); got != step.want.UnixMilli() {
			t.Errorf("after %v the last use is %v, want %v", step.after, time.UnixMilli(got).UTC(), step.want)
		}
	}
}

// A database whose secrets cannot be opened fails the request and accuses nobody; the error shows no secret.
func TestKeyStoreWithAnotherMasterKey(t *testing.T) {
	f := newKeyFixture(t)
	c := f.add(t, defaultAccount, rootName)
	other, err := seal.NewKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	f.master = other
	if _, err := f.Key(t.Context(), c.id); err == nil || errors.Is(err, sigv4.ErrUnknownKey) || strings.Contains(err.Error(), c.secret) {
		t.Errorf("Key: %v, want an error of the store", err)
	}
}

func TestReadCredential(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	good := "[magpie]\naws_access_key_id = MAGPIEKEY0000000001\naws_secret_access_key=a/secret+of=some-length\n"
	for text, ok := range map[string]bool{
		good: true,
		"[default]\naws_access_key_id = AKIAOTHER\n\n" + good + "\n[other]\naws_secret_access_key = another\n": true,
		"": false, "[magpie]\n": false, "[other]\n" + good[9:]: false, strings.Replace(good, "0001", "00 01", 1): false,
	} {
		if err := writeOver(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		c, err := readCredential(path)
		if ok != (err == nil) || ok && c != (credential{"MAGPIEKEY0000000001", "a/secret+of=some-length"}) {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
		if err != nil && strings.Contains(err.Error(), "some-length") {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
}

// FuzzReadCredential holds the reader of the file to what the file can carry.
func FuzzReadCredential(f *testing.F) {
	f.Add("[magpie]\naws_access_key_id = MAGPIEKEY0000000001\naws_secret_access_key=a/secret+of=some-length\n")
	f.Add("[magpie\naws_access_key_id")
	path := filepath.Join(f.TempDir(), "credentials")
	f.Fuzz(func(t *testing.T, text string) {
		if err := writeOver(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if c, err := readCredential(path); err == nil && c.check() != nil {
			t.Errorf("%q is taken for %+v", text, c)
		}
	})
}

// BenchmarkKeyStore is what a request pays for its key.
func BenchmarkKeyStore(b *testing.B) {
	f := newKeyFixture(b)
	c := f.add(b, defaultAccount, rootName)
	b.Run("AtHand", func(b *testing.B) {
		for b.Loop() {
			if _, err := f.Key(b.Context(), c.id); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Read", func(b *testing.B) {
		for b.Loop() {
			if _, err := f.read(b.Context(), c.id); err != nil {
				b.Fatal(err)
			}
		}
	})
}
