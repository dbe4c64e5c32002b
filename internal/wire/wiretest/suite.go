package wiretest

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/wire"
)

func unions(t testing.TB, modelFile string) map[string]bool {
	t.Helper()
	m, err := ReadModel(modelFile)
	if err != nil {
		t.Fatal(err)
	}
	return m.Unions()
}

func fresh(d wire.Document) wire.Document {
	return reflect.New(reflect.TypeOf(d).Elem()).Interface().(wire.Document)
}

// RoundTrip checks, for random values of every input and output, that writing and reading gives the same
// value, that the text is JSON which encoding/json reads, and that equal values give equal bytes.
func RoundTrip(t *testing.T, modelFile string, endpoints []wire.Endpoint) {
	unions := unions(t, modelFile)
	var documents []wire.Document
	for _, e := range endpoints {
		documents = append(documents, e.New(), e.NewOutput())
	}
	rapid.Check(t, func(rt *rapid.T) {
		d := fresh(rapid.SampledFrom(documents).Draw(rt, "document"))
		f := Filler{Unions: unions, Pick: func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "pick") }}
		f.Fill(d)
		text := wire.Marshal(d)
		if !json.Valid(text) {
			rt.Fatalf("no JSON: %s", text)
		}
		back := fresh(d)
		if err := wire.Unmarshal(text, back); err != nil {
			rt.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(d, back); diff != "" {
			rt.Fatalf("%s: read differs from written:\n%s", text, diff)
		}
		viaStandard, err := json.Marshal(d)
		if err != nil {
			rt.Fatal(err)
		}
		again := fresh(d)
		if err := json.Unmarshal(viaStandard, again); err != nil {
			rt.Fatalf("%s: %v", viaStandard, err)
		}
		if again := wire.Marshal(again); !bytes.Equal(again, text) {
			rt.Fatalf("equal values, different bytes:\n%s\n%s", text, again)
		}
	})
}

// Table checks a generated service against the model file: every operation with its method, path, status
// and errors.
func Table(t *testing.T, modelFile string, service *wire.Service) {
	m, err := ReadModel(modelFile)
	if err != nil {
		t.Fatal(err)
	}
	if len(service.Operations) != len(m.Operations) {
		t.Errorf("%d operations, the model has %d", len(service.Operations), len(m.Operations))
	}
	for name, want := range m.Operations {
		op := service.Operation(name)
		if op == nil {
			t.Errorf("%s is missing", name)
			continue
		}
		if op.Method != want.HTTP.Method || op.URI != want.HTTP.RequestURI || op.Status != want.HTTP.ResponseCode {
			t.Errorf("%s is %s %s %d, the model says %+v", name, op.Method, op.URI, op.Status, want.HTTP)
		}
		var have, model []string
		for _, e := range op.Errors {
			have = append(have, e.Name)
			if e.Status != m.Shapes[e.Name].Error.HTTPStatusCode {
				t.Errorf("%s has status %d, the model says %d", e.Name, e.Status, m.Shapes[e.Name].Error.HTTPStatusCode)
			}
		}
		for _, e := range want.Errors {
			model = append(model, e.Shape)
		}
		if !slices.Equal(have, model) {
			t.Errorf("%s has errors %v, the model says %v", name, have, model)
		}
	}
}

// FuzzRequests decodes and validates foreign bytes as the body of every operation; what is accepted must
// survive writing and reading.
func FuzzRequests(f *testing.F, modelFile string, endpoints []wire.Endpoint) {
	unions := unions(f, modelFile)
	for i, e := range endpoints {
		in := e.New()
		filler := Filler{Unions: unions, Valid: true, Pick: rand.New(rand.NewPCG(1, uint64(i))).IntN}
		filler.Fill(in)
		f.Add(i, wire.Marshal(in), "maxResults=1&tagKeys=a&tagKeys=b&type=ACCOUNT")
	}
	f.Add(0, []byte(`{"a":[[[{"b":"\ud83d\ude00"}]]],"clientToken":null}`), "maxResults=&maxResults=x")
	f.Fuzz(func(t *testing.T, op int, body []byte, query string) {
		if op < 0 {
			op = -(op + 1)
		}
		in := endpoints[op%len(endpoints)].New()
		values, _ := url.ParseQuery(query)
		r := &wire.Request{Label: func(string) string { return "label" }, Query: values, Body: body}
		if err := in.DecodeRequest(r); err != nil {
			var known *wire.Error
			if !errors.As(err, &known) || known.Kind != wire.Serialization && known.Kind != wire.Validation {
				t.Fatalf("%v is no error of a request", err)
			}
			return
		}
		in.Validate(&wire.Check{})
		text := wire.Marshal(in)
		again := fresh(in)
		if err := wire.Unmarshal(text, again); err != nil {
			// Query parameters may hold what JSON text cannot: invalid UTF-8 becomes U+FFFD, an empty enum is refused before.
			t.Fatalf("%s: %v", text, err)
		}
		if second := wire.Marshal(again); !bytes.Equal(second, text) {
			t.Fatalf("%s\nread and written again:\n%s", text, second)
		}
	})
}

// BenchmarkDocument measures writing and reading one filled document.
func BenchmarkDocument(b *testing.B, make func() wire.Document) {
	d := make()
	filler := Filler{Valid: true, Pick: rand.New(rand.NewPCG(1, 1)).IntN}
	filler.Fill(d)
	text := wire.Marshal(d)
	b.Run("write", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf = wire.AppendJSON(buf[:0], d)
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if err := wire.Unmarshal(text, make()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
