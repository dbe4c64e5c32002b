package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/seal"
)

func key(t testing.TB, fill byte) seal.Key {
	t.Helper()
	k, err := seal.NewKey(bytes.NewReader(bytes.Repeat([]byte{fill}, seal.KeySize)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealedOpensOnlyAsItWasSealed(t *testing.T) {
	s := seal.New(key(t, 1))
	secret := []byte("a secret of an access key")
	sealed := s.Seal(secret, []byte("access key A"))
	if got, err := s.Open(sealed, []byte("access key A")); err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("Open: %q, %v", got, err)
	}
	if bytes.Contains(sealed, secret) {
		t.Error("the sealed value holds the secret")
	}
	if bytes.Equal(sealed, s.Seal(secret, []byte("access key A"))) {
		t.Error("sealing twice gives the same value")
	}
	if _, err := s.Open(sealed, []byte("access key B")); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("opened under another context: %v", err)
	}
	if _, err := seal.New(key(t, 2)).Open(sealed, []byte("access key A")); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("opened with another key: %v", err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := s.Open(changed, []byte("access key A")); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("opened with byte %d changed: %v", i, err)
		}
	}
	for n := range sealed {
		if _, err := s.Open(sealed[:n], []byte("access key A")); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("opened with %d bytes: %v", n, err)
		}
	}
}

func TestDerive(t *testing.T) {
	a, b := key(t, 1), key(t, 2)
	if !bytes.Equal(a.Derive("page tokens"), a.Derive("page tokens")) {
		t.Error("the same purpose gives different keys")
	}
	if bytes.Equal(a.Derive("page tokens"), a.Derive("secrets")) || bytes.Equal(a.Derive("secrets"), b.Derive("secrets")) {
		t.Error("different purposes or master keys give the same key")
	}
}

func TestParseKey(t *testing.T) {
	k := key(t, 7)
	if got, err := seal.ParseKey(" " + k.Text() + "\n"); err != nil || got != k {
		t.Errorf("ParseKey of Text: %v", err)
	}
	for _, bad := range []string{"", "07", strings.Repeat("zz", 32), k.Text() + "07"} {
		if _, err := seal.ParseKey(bad); err == nil {
			t.Errorf("%q is taken for a key", bad)
		} else if bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("the error shows the text: %v", err)
		}
	}
	for _, shown := range []string{fmt.Sprint(k), fmt.Sprintf("%v %s %#v", k, k, k)} {
		if strings.Contains(shown, "0707") || strings.Contains(shown, "0x7") {
			t.Errorf("printing shows the key: %s", shown)
		}
	}
}

func FuzzOpen(f *testing.F) {
	s := seal.New(key(f, 1))
	f.Add("context", s.Seal([]byte("secret"), []byte("context")))
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, context string, sealed []byte) {
		if secret, err := s.Open(sealed, []byte(context)); err == nil && string(secret) != "secret" {
			t.Errorf("a forged value opened: %q", secret)
		}
	})
}
