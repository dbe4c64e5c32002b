package detect

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/text"
)

// labels makes an engine whose identifiers have one keyword each.
func labels(tb testing.TB, words ...string) *Engine {
	tb.Helper()
	var ids []*Identifier
	for _, w := range words {
		ids = append(ids, &Identifier{ID: w, Keywords: []string{w}, Layouts: []Layout{{Shape: "9{5}"}}, MaxLen: 5})
	}
	e, err := New(Options{Identifiers: ids})
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func found(e *Engine, t string) []string {
	var out []string
	s := e.NewScanner(func(m Match) { out = append(out, m.Identifier.ID) })
	s.Write(&text.Block{Text: []byte(t)})
	s.Close()
	return out
}

func TestKeywordSpellings(t *testing.T) {
	e := labels(t, "credit card", "numéro de compte", "口座番号", "номер счёта", "ss#", "driver's license", "p. iva", "cvc2", "b-day", "άδεια οδήγησης",
		"straße", "dob", "лицо", "n.p.i", "akia…")
	for _, c := range []struct{ text, want string }{
		{"credit card 12345", "credit card"},
		{"CREDIT_CARD=12345", "credit card"},
		{"creditcard: 12345", "credit card"},
		{"customerCreditCard 12345", "credit card"},
		{"my_credit-card_no 12345", "credit card"},
		{"credit\r\n  card 12345", "credit card"},
		{"CreditCardNumber: 12345", "credit card"},
		{"credit / card 12345", ""},
		{"credit cards 12345", ""},
		{"accredit card 12345", ""},
		{"creditcardx 12345", ""},
		{"creditcard2 12345", "credit card"},
		{"2creditcard 12345", "credit card"},
		{"Numéro de compte 12345", "numéro de compte"},
		{"NUMERO_DE_COMPTE 12345", "numéro de compte"},
		{"nume\u0301ro de compte: 12345", "numéro de compte"},
		{"numéro de comptes 12345", ""},
		{"énuméro de compte 12345", ""},
		{"口座番号12345", "口座番号"},
		{"お客様の口座番号は 12345", "口座番号"},
		{"口座番 12345", ""},
		{"Номер счёта: 12345", "номер счёта"},
		{"номер счета: 12345", "номер счёта"},
		{"номера счёта: 12345", ""},
		{"ss#12345", "ss#"},
		{"ss# 12345", "ss#"},
		{"css# 12345", ""},
		{"Driver’s License 12345", "driver's license"},
		{"P.IVA 12345", "p. iva"},
		{"p. iva: 12345", "p. iva"},
		{"CVC2 12345", "cvc2"},
		{"cvc22 12345", ""},
		{"b-day 12345", "b-day"},
		{"bday 12345", "b-day"},
		{"ΆΔΕΙΑ ΟΔΉΓΗΣΗΣ 12345", "άδεια οδήγησης"},
		{"άδεια οδήγησης 12345", "άδεια οδήγησης"},
		{"STRASSE 12345", "straße"},
		{"userDOB 12345", "dob"},
		{"DoB 12345", "dob"},
		{"adob 12345", ""},
		{"dobé 12345", ""},
		{"édob 12345", ""},
		{"\\ndob\\t12345", "dob"},
		{"n.p.i. 12345", "n.p.i"},
		{"лицо 12345", "лицо"},
		{"ｄｏｂ 12345", "dob"},
		{"dob\u00a012345", "dob"},
		{"AKIAQ7XK2MNPLR5TVWZ3 12345", "akia…"},
		{"key=akiaq7xk2mnplr5tvwz3, 12345", "akia…"},
		{"AKIAQ7XK2MNPLR5TVWZ3é 12345", "akia…"},
		{"\\nAKIAQ7XK2MNPLR5TVWZ3\\n12345", "akia…"},
		{"xAKIAQ7XK2MNPLR5TVWZ3 12345", ""},
		{"éAKIAQ7XK2MNPLR5TVWZ3 12345", ""},
		{"akialike 12345", ""}, // no code
		{"Akialike 12345", ""},
		{"AKIA" + strings.Repeat("A", 59) + " 12345", "akia…"},
		{"AKIA" + strings.Repeat("A", 60) + " 12345", ""},
		{"AKIAQ7XK2MNPLR5TVWZ3" + strings.Repeat(" ", 30) + "12345", "akia…"},
		{"AKIAQ7XK2MNPLR5TVWZ3" + strings.Repeat(" ", 31) + "12345", ""},
		{"dob " + strings.Repeat("x", 28) + " 12345", "dob"},
		{"dob " + strings.Repeat("x", 29) + " 12345", ""},
		{"dob " + strings.Repeat("é", 28) + " 12345", "dob"},
		{"dob " + strings.Repeat("é", 29) + " 12345", ""},
		{"12345 dob", ""},
	} {
		var want []string
		if c.want != "" {
			want = []string{c.want}
		}
		if got := found(e, c.text); !slices.Equal(got, want) {
			t.Errorf("%q: found %q, want %q", c.text, got, want)
		}
	}
}

func TestKeywordAfter(t *testing.T) {
	e, err := New(Options{Identifiers: []*Identifier{{ID: "A", Keywords: []string{"points"}, Direction: Either, Distance: 10,
		Layouts: []Layout{{Shape: "9{5}"}}, MaxLen: 5}}})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{"12345 points": 1, "points 12345": 1, "12345 of it points": 1, "12345 of quite some points": 0, "12345 pointsx": 0, "12345": 0} {
		if got := found(e, text); len(got) != want {
			t.Errorf("%q: found %v", text, got)
		}
	}
}

func TestKeywordErrors(t *testing.T) {
	layout := []Layout{{Shape: "9{5}"}}
	for name, ids := range map[string][]*Identifier{
		"digit first":    {{ID: "A", Keywords: []string{"2fa"}, Layouts: layout, MaxLen: 5}},
		"code of words":  {{ID: "A", Keywords: []string{"a b…"}, Layouts: layout, MaxLen: 5}},
		"none":           {{ID: "A", Layouts: layout, MaxLen: 5}},
		"max length":     {{ID: "A", Keywords: []string{"a"}, Layouts: layout, MaxLen: 4}},
		"twice":          {{ID: "A", Keywords: []string{"a"}, Layouts: layout, MaxLen: 5}, {ID: "A", Keywords: []string{"a"}, Layouts: layout, MaxLen: 5}},
		"no layouts":     {{ID: "A", MaxLen: 5}},
		"optional first": {{ID: "A", MaxLen: 5, Layouts: []Layout{{Shape: "9?9", Keyword: KeywordUnneeded}}}},
		"unquoted":       {{ID: "A", MaxLen: 5, Layouts: []Layout{{Shape: "sk_9", Keyword: KeywordUnneeded}}}},
		"bad repetition": {{ID: "A", MaxLen: 5, Layouts: []Layout{{Shape: "9{3,1}", Keyword: KeywordUnneeded}}}},
		"bad set":        {{ID: "A", MaxLen: 5, Layouts: []Layout{{Shape: "[0-9", Keyword: KeywordUnneeded}}}},
	} {
		if _, err := New(Options{Identifiers: ids}); err == nil {
			t.Errorf("%s: no error", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}

// TestKeywordsLikePlainSearch compares what the scanner's loop hears with the plain search at every letter.
func TestKeywordsLikePlainSearch(t *testing.T) {
	words := []string{"ssn", "mc", "c card", "credit card", "tax id", "id", "e-pan", "numéro", "口座", "cvc2", "dl#", "i.v.a.", "card", "cardholder", "über", "p. iva", "akia…", "akia"}
	e := labels(t, words...)
	parts := append(slices.Clone(words), " ", "_", "-", "x", "X", "é", "9", "Card", "ID", "SSN", "ssN", "\n", ".", "#", "日", "CVC", "n", "\\n", "\\", "е", "Numéro", "u\u0308ber", "AKIA", "akia", "AKIA7")
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 1, 12).Draw(t, "parts"), "")
		if strings.Contains(in, `\`) {
			in = strings.ReplaceAll(in, `\n`, "\n") // only the scanner knows escapes
			in = strings.ReplaceAll(in, `\`, "/")
		}
		s := e.NewScanner(func(Match) {})
		s.Write(&text.Block{Text: []byte(in)})
		s.Close()
		last := map[string]nearness{}
		for _, h := range e.keywords.all([]byte(in), nil) {
			for _, g := range h.word.groups {
				last[words[g]] = nearness{start: int64(h.start), end: int64(h.end)}
			}
		}
		got := map[string]nearness{}
		for g, n := range s.heard {
			if n.last.start >= 0 {
				got[words[g]] = nearness{start: n.last.start - s.base, end: n.last.end - s.base}
			}
		}
		if diff := cmp.Diff(last, got, cmp.AllowUnexported(nearness{})); diff != "" {
			t.Fatalf("%q (-plain +scanner):\n%s", in, diff)
		}
	})
}

// TestKeywordWithinValue shows that a keyword that is part of the value, or spans its beginning, hides none in front of it.
func TestKeywordWithinValue(t *testing.T) {
	e, err := New(Options{Identifiers: []*Identifier{{ID: "A", Keywords: []string{"dl", "tax", "tax dl", "no"}, MaxLen: 20,
		Layouts: []Layout{{Shape: "'DL'9{5}"}, {Shape: "'DL'' ''DL'' '9{5}"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{"DL12345": 0, "dl DL12345": 1, "tax DL12345": 1, "DL DL 12345": 0, "no: DL DL 12345": 1, "tax\nDL DL 12345": 1,
		"no" + strings.Repeat(".", 30) + "DL DL 12345": 1, "no" + strings.Repeat(".", 31) + "DL DL 12345": 0} {
		if got := found(e, text); len(got) != want {
			t.Errorf("%q: found %v, want %d", text, got, want)
		}
	}
}
