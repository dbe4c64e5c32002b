package pagetoken

import (
	"bytes"
	"encoding/base64"
	"errors"
	"testing"

	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

var tenant = wire.Caller{Account: "111122223333", Region: "us-east-1", Partition: "aws"}

func sealer(t testing.TB, fill byte) *Sealer {
	t.Helper()
	s, err := New(bytes.Repeat([]byte{fill}, MinKey))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func list(criteria string, token *string, size int64) *macie2.ListFindingsInput {
	return &macie2.ListFindingsInput{
		FindingCriteria: &macie2.FindingCriteria{Criterion: map[string]macie2.CriterionAdditionalProperties{"type": {Eq: []string{criteria}}}},
		MaxResults:      &size, NextToken: token,
	}
}

func TestTokenComesBack(t *testing.T) {
	s := sealer(t, 1)
	for _, cursor := range []string{"", "a", "bucket/\x00\xff key", string(bytes.Repeat([]byte{'k'}, 5000))} {
		token := s.Seal(tenant, list("a", nil, 10), []byte(cursor))
		got, err := s.Open(tenant, list("a", &token, 25)) // another page size is allowed
		if err != nil || string(got) != cursor {
			t.Errorf("cursor %q came back as %q, %v", cursor, got, err)
		}
	}
	if got, err := s.Open(tenant, list("a", nil, 1)); got != nil || err != nil {
		t.Errorf("first page: %q, %v", got, err)
	}
	if got, err := s.Open(tenant, list("a", wire.Ptr(""), 1)); got != nil || err != nil {
		t.Errorf("first page by an empty token: %q, %v", got, err)
	}
}

func TestForeignTokensAreRefused(t *testing.T) {
	s := sealer(t, 1)
	token := s.Seal(tenant, list("a", nil, 10), []byte("cursor"))
	account, region := tenant, tenant
	account.Account, region.Region = "444455556666", "eu-west-1"
	short := base64.RawURLEncoding.EncodeToString([]byte{version})
	huge := string(bytes.Repeat([]byte{'A'}, maxToken+1))
	cases := []struct {
		name   string
		sealer *Sealer
		caller wire.Caller
		in     wire.PagedInput
	}{
		{"another account", s, account, list("a", &token, 10)},
		{"another Region", s, region, list("a", &token, 10)},
		{"another query", s, tenant, list("b", &token, 10)},
		{"no query", s, tenant, &macie2.ListFindingsInput{NextToken: &token}},
		{"another operation", s, tenant, &macie2.ListMembersInput{NextToken: &token}},
		{"another service", s, tenant, &accessanalyzer.ListFindingsInput{NextToken: &token}},
		{"another key", sealer(t, 2), tenant, list("a", &token, 10)},
		{"cut", s, tenant, list("a", wire.Ptr(token[:len(token)-1]), 10)},
		{"longer", s, tenant, list("a", wire.Ptr(token+"A"), 10)},
		{"version only", s, tenant, list("a", &short, 10)},
		{"huge", s, tenant, list("a", &huge, 10)},
		{"no base64", s, tenant, list("a", wire.Ptr("!"), 10)},
	}
	for _, c := range cases {
		_, err := c.sealer.Open(c.caller, c.in)
		var known *wire.Error
		if !errors.As(err, &known) || known.Kind != wire.Validation {
			t.Errorf("%s: %v, want a validation error", c.name, err)
		}
	}
}

func TestEveryBitCounts(t *testing.T) {
	s := sealer(t, 1)
	token := s.Seal(tenant, list("a", nil, 10), []byte("cursor"))
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(text) * 8 {
		text[bit/8] ^= 1 << (bit % 8)
		forged := base64.RawURLEncoding.EncodeToString(text)
		if _, err := s.Open(tenant, list("a", &forged, 10)); err == nil {
			t.Errorf("bit %d changed and the token was taken", bit)
		}
		text[bit/8] ^= 1 << (bit % 8)
	}
}

func TestShortKeyIsRefused(t *testing.T) {
	if _, err := New(make([]byte, MinKey-1)); err == nil {
		t.Error("a short key was taken")
	}
}

// FuzzOpen tries foreign tokens: only what was sealed opens.
func FuzzOpen(f *testing.F) {
	s := sealer(f, 1)
	f.Add(s.Seal(tenant, list("a", nil, 10), []byte("cursor")))
	f.Add(s.Seal(tenant, list("b", nil, 10), []byte("cursor")))
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, token string) {
		cursor, err := s.Open(tenant, list("a", &token, 10))
		if err != nil || token == "" {
			return
		}
		if again := s.Seal(tenant, list("a", nil, 10), cursor); again != token {
			t.Fatalf("%q opened to %q, whose token is %q", token, cursor, again)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	s := sealer(b, 1)
	token := s.Seal(tenant, list("a", nil, 10), []byte("cursor"))
	in := list("a", &token, 10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Open(tenant, in); err != nil {
			b.Fatal(err)
		}
	}
}
