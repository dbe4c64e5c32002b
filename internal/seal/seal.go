// Package seal keeps secrets in a database: AES-256-GCM under a master key that stands elsewhere, each sealed value bound to what it is
// the secret of, and further keys derived from the same master key.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// KeySize is the size of a master key in bytes.
const KeySize = 32

// A Key is a master key.
type Key [KeySize]byte

// NewKey makes a key of random bytes; random is crypto/rand.Reader but in tests.
func NewKey(random io.Reader) (Key, error) {
	var k Key
	_, err := io.ReadFull(random, k[:])
	return k, err
}

// ParseKey reads the text of a key: 64 hexadecimal digits, white space around them allowed. Its error does not show the text.
func ParseKey(text string) (Key, error) {
	var k Key
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != KeySize {
		return Key{}, fmt.Errorf("a key is %d hexadecimal digits; make one with: openssl rand -hex %d", 2*KeySize, KeySize)
	}
	copy(k[:], b)
	return k, nil
}

// Text returns the text that ParseKey reads.
func (k Key) Text() string { return hex.EncodeToString(k[:]) }

// String hides the key from logs and messages.
func (k Key) String() string { return "(key)" }

// GoString hides the key from %#v.
func (k Key) GoString() string { return "seal.Key{}" }

// Derive returns a key of KeySize bytes for another purpose (RFC 5869, HKDF with SHA-256): the same for the same master key and purpose, and
// telling nothing about the master key or about the keys of other purposes.
func (k Key) Derive(purpose string) []byte {
	derived, err := hkdf.Key(sha256.New, k[:], nil, "magpie "+purpose, KeySize)
	if err != nil {
		panic(err) // only lengths that are not ours fail
	}
	return derived
}

// A Sealer seals and opens secrets. It is safe for concurrent use.
type Sealer struct{ aead cipher.AEAD }

// New returns the Sealer of a master key.
func New(k Key) *Sealer {
	block, err := aes.NewCipher(k.Derive("secrets"))
	if err != nil {
		panic(err) // the key has the right size
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the right block size
	}
	return &Sealer{aead}
}

// version begins every sealed value, so that the layout can change.
const version = 1

// ErrOpen says that a value cannot be opened: another master key sealed it, it belongs to something else, or it was changed.
var ErrOpen = errors.New("the secret cannot be opened with this key: was DATA/key or MAGPIE_KEY replaced?")

// Seal returns the secret sealed and bound to a context such as "access key AKIA...": it opens with the same context only.
func (s *Sealer) Seal(secret, context []byte) []byte {
	out := make([]byte, 1+s.aead.NonceSize(), 1+s.aead.NonceSize()+len(secret)+s.aead.Overhead())
	out[0] = version
	rand.Read(out[1:]) // never fails
	return s.aead.Seal(out, out[1:], secret, context)
}

// Open returns the secret of a sealed value, or ErrOpen.
func (s *Sealer) Open(sealed, context []byte) ([]byte, error) {
	head := 1 + s.aead.NonceSize()
	if len(sealed) < head || sealed[0] != version {
		return nil, ErrOpen
	}
	secret, err := s.aead.Open(nil, sealed[1:head], sealed[head:], context)
	if err != nil {
		return nil, ErrOpen
	}
	return secret, nil
}
