package check

import (
	"encoding/base64"
	"strings"
	"testing"
)

const (
	keyLine = "d1iymEmlSDLLE5krROI+R9NogbTsFlt4oh4lsJLyuVFPKSGnJpfPF1zGZE4XD4Ro" // random
	pemBody = "\n" + keyLine + "\n" + keyLine + "\n-----END PRIVATE KEY-----"
)

// TestCredentialGrammars: how much of the text, which goes on behind the value, belongs to the value; -1 for no value.
func TestCredentialGrammars(t *testing.T) {
	wrapped := base64.StdEncoding.EncodeToString([]byte("-----BEGIN PRIVATE KEY-----" + pemBody))
	wrapped = strings.TrimPrefix(wrapped, "LS0tLS1CRUdJTiB")
	for _, c := range []struct {
		name string
		tail func([]byte, bool) int
		text string
		want int
	}{
		{"PEM", Armor("PRIVATE KEY"), pemBody + " x", len(pemBody)},
		{"PEM of one repeated letter", Armor("PRIVATE KEY"), strings.ReplaceAll(pemBody, keyLine, strings.Repeat("A", 64)), No},
		{"PEM with a row of words", Armor("PRIVATE KEY"), "\n" + strings.Repeat("put your key here ", 9) + "\n-----END PRIVATE KEY-----", No},
		{"PEM with an ellipsis", Armor("PRIVATE KEY"), "\n" + keyLine + "\n…\n-----END PRIVATE KEY-----", No},
		{"PEM in base64", WrappedArmor("RSA PRIVATE KEY", "PRIVATE KEY"), wrapped + `"`, len(wrapped)},
		{"PEM in base64, of another label", WrappedArmor("RSA PRIVATE KEY"), wrapped + `"`, No},
		{"PEM in base64, cut", WrappedArmor("PRIVATE KEY"), wrapped[:len(wrapped)-20] + `"`, No},
		{"header", BasicHeader, `": "Basic dTpwYXNz", x`, len(`": "Basic dTpwYXNz`)},
		{"header in a pair", BasicHeader, "\",\n  \"value\": \"Basic dTpwYXNz\"}, 1", len("\",\n  \"value\": \"Basic dTpwYXNz")},
		{"header in two strings", BasicHeader, `: Basic " + "dTpwYXNz" x`, len(`: Basic " + "dTpwYXNz`)},
		{"header in a URL", BasicHeader, "%3A%20Basic%20dTpwYXM%3D&x=1", len("%3A%20Basic%20dTpwYXM%3D")},
		{"header and a variable", BasicHeader, `: Basic " + token; x`, No},
		{"header with JWT", BasicHeader, ": Basic eyJhbGciOiJIUzI1NiJ9.eyJz x", No},
		{"header, padded too much", BasicHeader, ": Basic dTpwYXNz=== x", No},
		{"value, then name", BasicThenName, "dTpwYXNz\", forHTTPHeaderField: \"Authorization\")                   ",
			len("dTpwYXNz\", forHTTPHeaderField: \"Authorization")},
		{"value, then another name", BasicThenName, "dTpwYXNz\", forHTTPHeaderField: \"Accept\")                         ", No},
		{"prose", BasicHeader, " by the scheme Basic dTpwYXNz x", No},
		{"cookie", CookieHeader(':'), " a=b; c=d\nx", len(" a=b; c=d")},
		{"cookie in a list", CookieHeader(':'), "[a=b]] x", len("[a=b")},
		{"cookie in a string", CookieHeader('"'), `, "a=b")   `, len(`, "a=b`)},
		{"cookie in prose", CookieHeader(0), "is a=b   ", No},
		{"cookie in a template", CookieHeader(':'), " a=${b}; c=d\nx", No},
		{"secret", AWSSecretRest, strings.Repeat("a", 39) + " xyz12", 39},
		{"secret in a URL", AWSSecretRest, strings.Repeat("a", 38) + "%2f&xyz123", 41},
		{"secret behind an escape", AWSSecretEscaped, "u002B" + strings.Repeat("a", 30) + " xyz12", 35},
		{"secret behind no escape", AWSSecretEscaped, "20" + strings.Repeat("a", 30) + " xyz12", No},
		{"secret with padding", AWSSecretRest, strings.Repeat("a", 39) + "%3d&xyz", No},
		{"secret, longer", AWSSecretRest, strings.Repeat("a", 60), No},
		{"stripe", StripeRest, strings.Repeat("a", 24) + " x", 24},
		{"stripe, joined", StripeRest, `" + "` + strings.Repeat("a", 24) + `" x`, 29},
		{"stripe, short", StripeRest, strings.Repeat("a", 23) + " x", No},
		{"stripe, long", StripeRest, strings.Repeat("a", 248) + " x", No},
		{"token with a header in lines", JWTFrom("ewogI"), "CJhbGciOiAibm9uZSIKfQ.eyJzdWIiOiIxIn0. x", len("CJhbGciOiAibm9uZSIKfQ.eyJzdWIiOiIxIn0.")},
		{"signed token without signature", JWT, "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0. x", No},
	} {
		for _, final := range []bool{false, true} {
			if got := c.tail([]byte(c.text), final); got != c.want {
				t.Errorf("%s (final %v): %d, want %d", c.name, final, got, c.want)
			}
		}
		for n := range max(0, c.want) {
			if got := c.tail([]byte(c.text[:n]), false); got != More && got != No {
				t.Errorf("%s: %d for the first %d bytes", c.name, got, n)
			}
		}
	}
}

func TestAWSSecret(t *testing.T) {
	text := base64.StdEncoding.EncodeToString([]byte("server=db1 user=app mode=read24"))[:40]
	for key, want := range map[string]bool{
		"BnD/QSrqDt/dSjDGx2H8TrlTZ5S+ovS7g5gzKdQK":        true,
		`BnD\/QSrqDt\/dSjDGx2H8TrlTZ5S\u002bovS7g5gzKdQK`: true,
		"BnD%2FQSrqDt%2fdSjDGx2H8TrlTZ5S%2BovS7g5gzKdQK":  true,
		"BnD/QSrqDt/dSjDGx2H8TrlTZ5S+ovS7g5gzKdQ":         false,
		"BnD/QSrqDt/dSjDGx2H8TrlTZ5S+ovS7g5gzKdQK1":       false,
		"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY":        false,
		"je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY":        false,
		"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY":        false,
		text: false,
	} {
		if got := AWSSecret([]byte(key)); got != want {
			t.Errorf("AWSSecret(%q) = %v", key, got)
		}
	}
}

func TestRandomToken(t *testing.T) {
	for text, want := range map[string]bool{
		"pwlqkrWMUF6gzMZkj0AJZ1xh":    true,
		"BQokikJOvBiI2HlWgH4olfQ2":    true,
		"xxxxxxxxxxxxxxxxxxxxxxxx":    false,
		"abcdefghijklmnopqrstuvwx":    false,
		"YourStripeSecretKeyGoesHere": false,
	} {
		if got := RandomToken([]byte(text)); got != want {
			t.Errorf("RandomToken(%q) = %v", text, got)
		}
	}
}

func TestGoogleKey(t *testing.T) {
	for text, want := range map[string]bool{
		"AIzaYYsDaP8GbxquGIby96EQsggLj6OMZ5ajg_m": true,
		"AIzaSyabcdefghijklmnopqrstuvwxyz1234567": false,
		"AIzaSyXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX": false,
	} {
		if got := GoogleKey([]byte(text)); got != want {
			t.Errorf("GoogleKey(%q) = %v", text, got)
		}
	}
}

// FuzzCredential: no panic, and no answer outside the text, for any bytes.
func FuzzCredential(f *testing.F) {
	f.Add([]byte(pemBody), true)
	f.Add([]byte(`", "value": "Basic dTpwYXNz"`), false)
	f.Add([]byte(": a=b; c=\"d\"; Expires=Wed, 21 Oct 2015 07:28:00 GMT"), true)
	f.Add([]byte(`ssh-rsa\r\nEncryption: none\r\nComment: a\r\nPublic-Lines: 1\r\nAAAA\r\nPrivate-Lines: 1\r\nBBBB`), true)
	f.Add([]byte(`BnD\/QSrqDt%2fdSjDGx2H8TrlTZ5S\u002bovS7g5gzKdQK`), true)
	f.Add([]byte("hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"), false)
	tails := []func([]byte, bool) int{Armor("PRIVATE KEY"), WrappedArmor("PRIVATE KEY"), JWT, JWTFrom("ew0K"), BasicHeader, BasicHeaderValue,
		BasicCredentials, BasicThenName, CookieHeader(0), CookieHeader(':'), CookiePairs, PuTTYKey, AWSSecretRest, AWSSecretEscaped, StripeRest}
	f.Fuzz(func(t *testing.T, data []byte, final bool) {
		for i, tail := range tails {
			n := tail(data, final)
			if n > len(data) || n < More || n == More && final {
				t.Errorf("grammar %d: %d of %d bytes", i, n, len(data))
			}
		}
		AWSSecret(data)
		GoogleKey(data)
		if len(data) >= len("sk_live_") {
			StripeKey(data)
		}
	})
}
