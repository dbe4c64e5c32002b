package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func newKey(t testing.TB) *Key {
	t.Helper()
	k, err := NewKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestRoundTrip shows for any value and context that what is sealed opens, looks different each time, and is as long as it should be.
func TestRoundTrip(t *testing.T) {
	k := newKey(t)
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.SliceOf(rapid.Byte()).Draw(t, "value")
		context := rapid.SliceOf(rapid.String()).Draw(t, "context")
		sealed, err := k.Seal(nil, value, context...)
		if err != nil {
			t.Fatal(err)
		}
		again, err := k.Seal(nil, value, context...)
		if err != nil || bytes.Equal(sealed, again) {
			t.Fatalf("the same value sealed twice is the same: %v", err)
		}
		if len(sealed) != len(value)+Overhead {
			t.Fatalf("%d bytes sealed are %d", len(value), len(sealed))
		}
		opened, err := k.Open(sealed, context...)
		if err != nil || !bytes.Equal(opened, value) {
			t.Fatalf("got %q, %v", opened, err)
		}
	})
}

// TestTampered shows that every single changed, missing or added byte is noticed.
func TestTampered(t *testing.T) {
	k := newKey(t)
	sealed, err := k.Seal(nil, []byte("wJalrXUtnFEMI/K7MDENG"), "access-key", "AKIA")
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		for name, bad := range map[string][]byte{"changed": changed, "cut": sealed[:i], "longer": append(bytes.Clone(sealed), sealed[:i+1]...)} {
			if got, err := k.Open(bad, "access-key", "AKIA"); !errors.Is(err, ErrOpen) || got != nil {
				t.Errorf("%s at %d: got %q, %v", name, i, got, err)
			}
		}
	}
}

// TestContext shows that a value opens in its own context only, and with its own key.
func TestContext(t *testing.T) {
	k := newKey(t)
	contexts := [][]string{{"a", "b"}, {"ab"}, {"a", "b", ""}, {"", "a", "b"}, {"b", "a"}, {}, {""}, {"a"}, {"a\x01b"}}
	for i, sealedIn := range contexts {
		sealed, err := k.Seal(nil, []byte("secret"), sealedIn...)
		if err != nil {
			t.Fatal(err)
		}
		for j, openedIn := range contexts {
			if _, err := k.Open(sealed, openedIn...); (err == nil) != (i == j) {
				t.Errorf("sealed in %q, opened in %q: %v", sealedIn, openedIn, err)
			}
		}
		if _, err := newKey(t).Open(sealed, sealedIn...); !errors.Is(err, ErrOpen) {
			t.Errorf("opened with another key: %v", err)
		}
	}
}

// TestFormat holds the stored form: what an earlier version sealed must open for ever.
func TestFormat(t *testing.T) {
	k, err := ParseKey(strings.Repeat("0f", KeySize))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := k.Seal(bytes.NewReader(bytes.Repeat([]byte{7}, saltSize+gcmNonce)), []byte("secret"), "access-key", "AKIA")
	if err != nil {
		t.Fatal(err)
	}
	const want = "01070707070707070707070707070707070707070707070707070707071b5c1b92adb832036ee9187e1a7b2243735944ef9366"
	if got := hex.EncodeToString(sealed); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestDerive shows that a purpose yields one key, and that keys of different purposes and masters differ.
func TestDerive(t *testing.T) {
	k := newKey(t)
	tokens, err := k.Derive("page-token", 32)
	if err != nil {
		t.Fatal(err)
	}
	again, err := k.Derive("page-token", 32)
	if err != nil || !bytes.Equal(tokens, again) {
		t.Errorf("the same purpose yields another key: %v", err)
	}
	for _, purpose := range []string{"", "page-token ", "page-tokens"} {
		if other, err := k.Derive(purpose, 32); err != nil || bytes.Equal(tokens, other) {
			t.Errorf("purpose %q yields the key of another: %v", purpose, err)
		}
	}
	if other, err := newKey(t).Derive("page-token", 32); err != nil || bytes.Equal(tokens, other) {
		t.Errorf("another master yields the same key: %v", err)
	}
	for _, size := range []int{-1, 0, 8161} {
		if _, err := k.Derive("x", size); err == nil {
			t.Errorf("a key of %d bytes", size)
		}
	}
}

func TestParseKey(t *testing.T) {
	raw := make([]byte, KeySize)
	for i := range raw {
		raw[i] = byte(255 - i*3)
	}
	want := base64.StdEncoding.EncodeToString(raw)
	for _, text := range []string{
		hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)), want, strings.TrimRight(want, "="), base64.URLEncoding.EncodeToString(raw),
		base64.RawURLEncoding.EncodeToString(raw), " \n" + want + "\r\n",
	} {
		k, err := ParseKey(text)
		if err != nil || k.Text() != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	for name, text := range map[string]string{
		"empty": "", "short": want[:40], "long": want + want, "digit of no base": "g" + hex.EncodeToString(raw)[1:], "words": "correct horse battery staple",
		"zeros": strings.Repeat("0", 64), "inside": want[:20] + "\n" + want[20:], "trailing bits": strings.TrimRight(want, "=")[:42] + "B",
	} {
		k, err := ParseKey(text)
		if err == nil || k != nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if len(text) > 8 && strings.Contains(err.Error(), text[:8]) {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
}

// TestSecrecy shows that no way of printing shows the key.
func TestSecrecy(t *testing.T) {
	k := newKey(t)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("key", "pointer", k, "value", *k)
	slog.New(slog.NewTextHandler(&log, nil)).Info("key", "pointer", k, "value", *k)
	doc, err := json.Marshal(struct{ K any }{k})
	if err != nil {
		t.Fatal(err)
	}
	out := log.String() + string(doc) + fmt.Sprint(k, *k) + fmt.Sprintf("%v %+v %#v %s %x %d %q", k, k, k, k, k, *k, *k)
	for _, form := range []string{k.Text(), hex.EncodeToString(k.secret[:]), fmt.Sprint(k.secret[:4])[1:], string(k.secret[:])} {
		if strings.Contains(out, strings.TrimSuffix(form, "]")) {
			t.Errorf("printing shows the key: %s", out)
		}
	}
}

// TestNoRandomness shows that a failing source of randomness is an error, never a weak key or seal.
func TestNoRandomness(t *testing.T) {
	broken := iotest.ErrReader(errors.New("broken"))
	if _, err := NewKey(broken); err == nil {
		t.Error("a key without randomness")
	}
	if _, err := newKey(t).Seal(broken, []byte("x")); err == nil {
		t.Error("a seal without randomness")
	}
	if _, err := NewKey(bytes.NewReader(make([]byte, KeySize-1))); err == nil {
		t.Error("a key from too few bytes")
	}
}

func FuzzOpen(f *testing.F) {
	k := newKey(f)
	sealed, err := k.Seal(nil, []byte("secret"), "a")
	if err != nil {
		f.Fatal(err)
	}
	genuine := bytes.Clone(sealed)
	f.Add(sealed, "b")
	f.Add([]byte{version}, "")
	f.Add(sealed[:Overhead], "a")
	f.Fuzz(func(t *testing.T, sealed []byte, context string) {
		if bytes.Equal(sealed, genuine) && context == "a" {
			return
		}
		if _, err := k.Open(sealed, context); !errors.Is(err, ErrOpen) {
			t.Errorf("opened what was never sealed: %v", err)
		}
	})
}

func FuzzParseKey(f *testing.F) {
	f.Add(strings.Repeat("ab", 32))
	f.Add("q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseKey(text)
		if err != nil {
			return
		}
		if again, err := ParseKey(k.Text()); err != nil || *again != *k {
			t.Errorf("%q does not come back: %v", text, err)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	k := newKey(b)
	sealed, err := k.Seal(nil, make([]byte, 40), "access-key", "AKIAIOSFODNN7EXAMPLE")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := k.Open(sealed, "access-key", "AKIAIOSFODNN7EXAMPLE"); err != nil {
			b.Fatal(err)
		}
	}
}
