// Package seal keeps secrets unreadable at rest. One master key of 32 bytes, which all servers of a database share, seals values with
// AES-256-GCM and yields keys for other uses.
//
// A sealed value is bound to its context (what it is and whom it belongs to): it opens under the same context only, so that a row of the
// database cannot be put in another's place.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// KeySize is the size of a master key in bytes.
const KeySize = 32

// Overhead is how much longer a sealed value is than what it holds.
const Overhead = 1 + saltSize + gcmNonce + gcmTag

const (
	version  = 1 // first byte of a sealed value
	saltSize = 16
	gcmNonce = 12
	gcmTag   = 16
)

// ErrOpen says that a value was not sealed by this key in this context, or was changed since. It does not say which: nobody may learn it.
var ErrOpen = errors.New("the value was sealed with another key or in another place, or is damaged")

// Key is a master key. Printing it in any way shows no part of it.
type Key struct {
	secret [KeySize]byte
}

// NewKey makes a key from a source of random bytes; nil means the system's.
func NewKey(random io.Reader) (*Key, error) {
	if random == nil {
		random = rand.Reader
	}
	k := &Key{}
	if _, err := io.ReadFull(random, k.secret[:]); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return k, nil
}

// ParseKey reads a key as text: 64 hexadecimal digits or the Base64 of 32 bytes (either alphabet, padded or not), with white space around
// it. It takes what [Key.Text] writes. No error shows any of the text.
func ParseKey(text string) (*Key, error) {
	text = strings.TrimSpace(text)
	var raw []byte
	var err error
	if len(text) == hex.EncodedLen(KeySize) {
		raw, err = hex.DecodeString(text)
	} else {
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		raw, err = base64.RawStdEncoding.Strict().DecodeString(plain)
	}
	if err != nil || len(raw) != KeySize || strings.ContainsAny(text, "\r\n") { // the decoder passes over line breaks
		return nil, fmt.Errorf("the key must be 64 hexadecimal digits or the Base64 of %d bytes: make one with openssl rand -base64 %[1]d", KeySize)
	}
	k := &Key{}
	copy(k.secret[:], raw)
	if k.secret == [KeySize]byte{} {
		return nil, errors.New("the key is all zeros: make one with openssl rand -base64 32")
	}
	return k, nil
}

// Text returns the key as text, for its file: anyone who reads it can open everything.
func (k *Key) Text() string { return base64.StdEncoding.EncodeToString(k.secret[:]) }

// Format implements [fmt.Formatter]: a key shows nothing of itself with any verb.
func (k Key) Format(s fmt.State, _ rune) { io.WriteString(s, "[key]") }

// MarshalText implements [encoding.TextMarshaler], as loggers and encoders use it: it shows nothing of the key.
func (k Key) MarshalText() ([]byte, error) { return []byte("[key]"), nil }

// Derive returns a key of size bytes (1 to 8,160) for a purpose, by HKDF with SHA-256 (RFC 5869). Different purposes yield keys that have
// nothing to do with each other.
func (k *Key) Derive(purpose string, size int) ([]byte, error) {
	if size < 1 {
		return nil, fmt.Errorf("derive a key of %d bytes", size)
	}
	key, err := hkdf.Key(sha256.New, k.secret[:], nil, "magpie derive "+purpose, size)
	if err != nil {
		return nil, fmt.Errorf("derive a key: %w", err)
	}
	return key, nil
}

// Seal seals a value in a context, such as ("access-key", id). The parts of a context may be any strings; ("a", "b") is another context
// than ("ab"). random is a source of random bytes; nil means the system's. Values may be sealed without limit: each has an encryption
// key of its own, derived with a random salt.
func (k *Key) Seal(random io.Reader, value []byte, context ...string) ([]byte, error) {
	if random == nil {
		random = rand.Reader
	}
	out := make([]byte, 1+saltSize+gcmNonce, Overhead+len(value))
	out[0] = version
	if _, err := io.ReadFull(random, out[1:]); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	aead, err := k.aead(out[1 : 1+saltSize])
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return aead.Seal(out, out[1+saltSize:], value, bind(context)), nil
}

// Open opens what [Key.Seal] sealed in the same context, or answers [ErrOpen].
func (k *Key) Open(sealed []byte, context ...string) ([]byte, error) {
	if len(sealed) < Overhead || sealed[0] != version {
		return nil, ErrOpen
	}
	aead, err := k.aead(sealed[1 : 1+saltSize])
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	const start = 1 + saltSize + gcmNonce
	value, err := aead.Open(nil, sealed[1+saltSize:start], sealed[start:], bind(context))
	if err != nil {
		return nil, ErrOpen
	}
	return value, nil
}

func (k *Key) aead(salt []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, k.secret[:], salt, "magpie seal", KeySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// bind joins the parts of a context, each after its length, with the version before them.
func bind(context []string) []byte {
	out := []byte{version}
	for _, part := range context {
		out = binary.AppendUvarint(out, uint64(len(part)))
		out = append(out, part...)
	}
	return out
}
