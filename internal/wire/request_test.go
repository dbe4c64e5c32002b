package wire

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQuery(t *testing.T) {
	q, err := url.ParseQuery("s=a&s=b&i=25&l=9007199254740993&yes=true&no=false&e=RED&none=")
	if err != nil {
		t.Fatal(err)
	}
	r := &Request{Query: q, Label: func(name string) string { return "label " + name }}
	have := []any{r.QueryString("s"), r.QueryStrings("s"), r.QueryString("none"), r.QueryString("gone"), r.QueryStrings("gone"), r.QueryInteger("i"),
		r.QueryInteger("gone"), r.QueryLong("l"), r.QueryBool("yes"), r.QueryBool("no"), r.QueryBool("gone"), QueryEnum[color](r, "e"), QueryEnum[color](r, "gone"), r.URI("id")}
	want := []any{Ptr("a"), []string{"a", "b"}, Ptr(""), (*string)(nil), []string(nil), Ptr[int64](25),
		(*int64)(nil), Ptr[int64](9007199254740993), Ptr(true), Ptr(false), (*bool)(nil), color("RED"), color(""), Ptr("label id")}
	if diff := cmp.Diff(want, have); diff != "" || r.Err() != nil {
		t.Error(diff, r.Err())
	}
	for query, want := range map[string]string{
		"i=":           "i: expected an integer of 32 bits",
		"i=2147483648": "i: expected an integer of 32 bits",
		"i=0x10":       "i: expected an integer of 32 bits",
		"b=True":       "b: expected true or false",
		"e=":           "enum value set: [RED, GREEN]",
	} {
		q, _ := url.ParseQuery(query)
		r := &Request{Query: q}
		r.QueryInteger("i")
		r.QueryBool("b")
		QueryEnum[color](r, "e")
		var known *Error
		if !errors.As(r.Err(), &known) || !strings.Contains(known.Message, want) {
			t.Errorf("%s: %v, want %s", query, r.Err(), want)
		}
	}
}
