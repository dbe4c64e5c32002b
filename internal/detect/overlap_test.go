package detect_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/detecttest"
	"github.com/magpie-sec/magpie/internal/detect/managed"
	"github.com/magpie-sec/magpie/internal/text"
)

// TestOverlap shows the rules that overlap.go states.
func TestOverlap(t *testing.T) {
	e := detecttest.Engine(t, 0, managed.All()...)
	const (
		visa   = "4532015112830366"
		base64 = "MIIBOgIBAAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf9Cnzj4p4WGeKLs1Pt8Qu"
		token  = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
	)
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"never both card ids", "card " + visa, []string{"CREDIT_CARD_NUMBER"}},
		{"never both card ids", "number " + visa, []string{"CREDIT_CARD_NUMBER_(NO_KEYWORD)"}},
		{"a card inside an IBAN", "card, iban DE20 4532 0151 1283 0366 00", []string{"GERMANY_BANK_ACCOUNT_NUMBER"}},
		{"a card inside a longer token", "card ref-" + visa + "-a", nil},
		{"inside a private key", "-----BEGIN RSA PRIVATE KEY-----\n" + base64 + "\nssn 536-22-8145 card " + visa + "\n-----END RSA PRIVATE KEY-----", []string{"PKCS"}},
		{"inside a private key", "-----BEGIN RSA PRIVATE KEY-----\n" + base64 + "\n" + visa + "\n-----END RSA PRIVATE KEY-----", []string{"PKCS"}},
		{"inside a key without an end", "-----BEGIN RSA PRIVATE KEY-----\n" + base64 + "\n" + visa + "\n", []string{"CREDIT_CARD_NUMBER_(NO_KEYWORD)"}},
		{"inside a cookie", "Cookie: a=b; t=" + token, []string{"HTTP_COOKIE", "JSON_WEB_TOKEN"}},
		{"two ids for one label", "passport/ssn 536228145", []string{"USA_PASSPORT_NUMBER", "USA_SOCIAL_SECURITY_NUMBER"}},
		{"the nearer keyword", "SSN: none, passport: 536228145", []string{"USA_PASSPORT_NUMBER"}},
		{"the nearer keyword", "passport: none, SSN: 536228145", []string{"USA_SOCIAL_SECURITY_NUMBER"}},
		{"one phrase", "bank account number " + visa, []string{"BANK_ACCOUNT_NUMBER", "CREDIT_CARD_NUMBER"}},
		{"a checksum stays", "credit card / bank account " + visa, []string{"BANK_ACCOUNT_NUMBER", "CREDIT_CARD_NUMBER"}},
		{"each its own", "SSN: 536-22-8145, phone: 415-555-2671", []string{"USA_SOCIAL_SECURITY_NUMBER", "PHONE_NUMBER"}},
	} {
		var got []string
		for _, f := range detecttest.Scan(e, &text.Block{Text: []byte(c.text)}) {
			got = append(got, f.ID)
		}
		slices.Sort(got)
		want := slices.Sorted(slices.Values(c.want))
		if !slices.Equal(got, want) {
			t.Errorf("%s: found %q in %q, want %q", c.name, got, c.text, want)
		}
	}
}

// TestOverlapInFields shows that of the names of a path the innermost decides.
func TestOverlapInFields(t *testing.T) {
	e := detecttest.Engine(t, 0, managed.All()...)
	for path, want := range map[string]string{
		"passport.ssn":        "USA_SOCIAL_SECURITY_NUMBER",
		"ssn.passport":        "USA_PASSPORT_NUMBER",
		"ssn.passport.number": "USA_PASSPORT_NUMBER",
		"ssn_or_passport":     "USA_PASSPORT_NUMBER USA_SOCIAL_SECURITY_NUMBER",
		"other":               "",
	} {
		var got []string
		for _, f := range detecttest.Scan(e, detecttest.Value(strings.Split(path, "."), "536228145")) {
			got = append(got, f.ID)
		}
		if slices.Sort(got); strings.Join(got, " ") != want {
			t.Errorf("%s: found %q, want %q", path, got, want)
		}
	}
	got := detecttest.Scan(e, detecttest.Value([]string{"ssn"}, "passport 536228145"))
	if len(got) != 1 || got[0].ID != "USA_PASSPORT_NUMBER" {
		t.Errorf("a keyword in the value is nearer than one in its name: found %v", got)
	}
}

// TestSubsets shows that what an identifier finds does not hang on the others, but for what overlap.go says.
func TestSubsets(t *testing.T) {
	var bare *detect.Identifier
	for _, id := range managed.All() {
		if id.ID == "CREDIT_CARD_NUMBER_(NO_KEYWORD)" {
			bare = id
		}
	}
	e := detecttest.Engine(t, 0, bare)
	if got := detecttest.Scan(e, &text.Block{Text: []byte("card 4532015112830366")}); len(got) > 0 {
		t.Errorf("found %v near a keyword", got)
	}
	if got := detecttest.Scan(e, &text.Block{Text: []byte("4532015112830366")}); len(got) != 1 {
		t.Errorf("found %v", got)
	}
}

func TestSeverity(t *testing.T) {
	s := detect.Severity{detect.Low, detect.Medium, detect.High}
	for n, want := range map[int64]string{0: "", 1: "Low", 2: "Medium", 99: "Medium", 100: "High", 1 << 40: "High"} {
		if got := s.At(n).String(); got != want {
			t.Errorf("At(%d) = %q, want %q", n, got, want)
		}
	}
}

// TestManyIdentifiers shows that no identifier is lost where more than a machine word has bits share a keyword and a form, that each is reported
// once for a span whatever the number of its layouts, and that all come in the order of the identifiers.
func TestManyIdentifiers(t *testing.T) {
	var ids []*detect.Identifier
	var want []string
	for i := range 150 {
		id := &detect.Identifier{ID: fmt.Sprintf("ID%03d", i), MaxLen: 9, Keywords: []string{"licence", fmt.Sprintf("no %c%c", 'a'+i/26, 'a'+i%26)},
			Layouts: []detect.Layout{{Shape: "X{8}"}, {Shape: "9{8}"}, {Shape: "9{4}~9{4}"}, {Shape: "A9{7}"}}}
		ids = append(ids, id)
		want = append(want, id.ID)
	}
	e := detecttest.Engine(t, 0, ids...)
	for _, c := range []struct {
		text string
		want []string
	}{
		{"licence 12345678", want},
		{"licence 1234-5678", want},
		{"licence A1234567", want},
		{"no ct: 12345678", want[71:72]},
		{"no aa, no ct: 12345678", want[71:72]}, // the nearer
		{"12345678", nil},
	} {
		var got []string
		for _, f := range detecttest.Scan(e, &text.Block{Text: []byte(c.text)}) {
			got = append(got, f.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: found %q, want %q", c.text, got, c.want)
		}
	}
	// In fields of which each has another keyword, the filters of all groups are exercised.
	for i, id := range want {
		got := detecttest.Scan(e, detecttest.Value([]string{fmt.Sprintf("no %c%c", 'a'+i/26, 'a'+i%26)}, "12345678"))
		if len(got) != 1 || got[0].ID != id {
			t.Errorf("in the field of %s: found %v", id, got)
		}
	}
}
