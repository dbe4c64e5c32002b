package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestBoundKey shows that bounded keys are equal exactly when the keys are, fit the indexes, and sort as the keys do as far as S3 allows.
func TestBoundKey(t *testing.T) {
	key := rapid.Custom(func(t *rapid.T) []byte {
		unit := rapid.SliceOfN(rapid.Byte(), 1, 3).Draw(t, "unit")
		length := rapid.SampledFrom([]int{0, 1, 1023, 1024, MaxKey - 1, MaxKey, MaxKey + 1, MaxKey + 2, 5000}).Draw(t, "length")
		key := bytes.Repeat(unit, length/len(unit)+1)[:length]
		if length > 0 && rapid.Bool().Draw(t, "other end") {
			key[length-1] ^= 1
		}
		if rapid.IntRange(0, 9).Draw(t, "bound already") == 0 {
			key = BoundKey(key)
		}
		return key
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := key.Draw(t, "a"), key.Draw(t, "b")
		x, y := BoundKey(a), BoundKey(b)
		if len(x) > MaxKey+1 || bytes.Equal(a, b) != bytes.Equal(x, y) {
			t.Fatalf("bounded lengths %d, %d; equal %t", len(x), len(y), bytes.Equal(x, y))
		}
		if len(a) <= MaxKey && len(b) <= MaxKey && bytes.Compare(a, b) != bytes.Compare(x, y) {
			t.Fatal("the order changed")
		}
	})
}

// TestNumberValue shows that encoded numbers sort as the numbers do.
func TestNumberValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		if (a < b) != (bytes.Compare(numberValue(a), numberValue(b)) < 0) {
			t.Fatalf("%d and %d", a, b)
		}
	})
}

func TestPrefixEnd(t *testing.T) {
	for prefix, want := range map[string]string{"a": "b", "ab": "ac", "a\xff": "b", "a\xff\xff": "b", "\xff": "", "": "", "a\x00": "a\x01"} {
		if got := string(prefixEnd([]byte(prefix))); got != want {
			t.Errorf("%q: got %q, want %q", prefix, got, want)
		}
	}
}

func TestEmbed(t *testing.T) {
	inner := newStatement("x = ").arg("a").add(" OR y = ").arg("b").add(" OR z = $1")
	outer := newStatement("SELECT ").arg(int64(7)).add(" WHERE ").embed(inner).add(" AND ").arg("c")
	if got, want := outer.text(), "SELECT $1 WHERE x = $2 OR y = $3 OR z = $4 AND $5"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(outer.args), "[7 a b a c]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestFindingFields holds what others rely on: every field of macie.md 5.6 is there once, and codes are never reused.
func TestFindingFields(t *testing.T) {
	names, codes := make(map[string]bool), make(map[int64]string)
	kinds := make(map[Kind]int)
	for _, f := range FindingFields() {
		if names[f.Name] {
			t.Errorf("%s is there twice", f.Name)
		}
		names[f.Name] = true
		if f.code != 0 && codes[f.code] != "" {
			t.Errorf("%s and %s share code %d", f.Name, codes[f.code], f.code)
		}
		codes[f.code] = f.Name
		kinds[f.Kind]++
		if (f.seat == inAttribute) != (f.column == "") {
			t.Errorf("%s has column %q", f.Name, f.column)
		}
		if got, ok := FindingField(f.Name); !ok || got != f {
			t.Errorf("%s is not found", f.Name)
		}
	}
	want := map[Kind]int{String: 52, StringSet: 8, Boolean: 15, Number: 4, Date: 6}
	if fmt.Sprint(kinds) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", kinds, want)
	}
	if _, ok := FindingField("severity.score"); ok {
		t.Error("severity.score can be filtered by")
	}
}

// TestSignature shows that a finding's signature has the bits of all its attributes, and that repeated attributes are there once.
func TestSignature(t *testing.T) {
	doc := `{"id":"f","type":"SensitiveData:S3Object/Personal","createdAt":"2026-01-01T00:00:00Z","updatedAt":"2026-01-01T00:00:00Z",
		"resourcesAffected":{"s3Bucket":{"name":"b"},"s3Object":{"key":"k","path":"b/k","extension":"","tags":[{"key":"t","value":"v"},{"key":"t","value":"w"}]}}}`
	row, err := parseFinding([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	if len(row.attributes) != 6 { // bucket, key, extension, one tag key, two tag values
		t.Errorf("attributes %v", row.attributes)
	}
	for _, a := range row.attributes {
		if bits := signatureBits(a); row.signature&bits != bits {
			t.Errorf("the signature lacks bits of %v", a)
		}
	}
	if row.signature <= 0 {
		t.Errorf("signature %x", row.signature)
	}
}

// TestDigest shows that rows that run together alike have different digests.
func TestDigest(t *testing.T) {
	one := int64(1)
	rows := [][]any{{[]byte("a"), []byte("b")}, {[]byte("ab")}, {[]byte("ab"), []byte{}}, {[]byte("ab"), []byte(nil)}, {&one}, {[]byte{0, 0, 0, 0, 0, 0, 0, 1}}, {(*int64)(nil)}, {}}
	var digests []string
	for _, r := range rows {
		digests = append(digests, string(digest(r)))
	}
	slices.Sort(digests)
	if len(slices.Compact(digests)) != len(rows) {
		t.Error("two rows have one digest")
	}
}

// FuzzParseFinding shows that whatever is stored as a finding is refused or taken apart within the bounds of the tables.
func FuzzParseFinding(f *testing.F) {
	f.Add([]byte(`{"id":"f","type":"t","createdAt":"2026-01-01T00:00:00Z","updatedAt":"2026-01-01T00:00:00Z","resourcesAffected":{"s3Bucket":{"name":"b"}}}`))
	f.Add([]byte(`{"id":"f","type":"t","createdAt":"2026-01-01T00:00:00Z","updatedAt":"2026-01-01T00:00:00Z","resourcesAffected":{"s3Bucket":{"name":"b"},` +
		`"s3Object":{"key":"` + strings.Repeat("k", 2000) + `","path":"b/k"}},"policyDetails":{"action":{"apiCallDetails":{"firstSeen":"2026-01-01T00:00:00Z"}}}}`))
	f.Add([]byte(`{"classificationDetails":{"result":{"sensitiveData":[{"category":"CREDENTIALS","detections":[{"type":"T","count":-1}]}]}}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		row, err := parseFinding(doc)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("got %v, want %v", err, ErrInvalid)
			}
			return
		}
		if len(row.resource) > MaxKey+1 || len(row.id) > 128 || row.updatedAt < row.createdAt || row.signature < 0 {
			t.Errorf("out of bounds: %+v", row)
		}
		for _, a := range row.attributes {
			if len(a.value) > maxAttributeValue+1 || a.field == 0 {
				t.Errorf("attribute out of bounds: %+v", a)
			}
		}
	})
}
