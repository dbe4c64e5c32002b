package json_test

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/json"
)

// values lists the strings and numbers of a document with their paths, without names.
func values(d *extracttest.Document) []string {
	var all []string
	for _, v := range d.Values {
		if v.Field != nil {
			all = append(all, fmt.Sprintf("%d %s %q", v.Row, v.Field.JSONPath(v.Indexes), v.Text))
		}
	}
	return all
}

// stdValues lists them as encoding/json reads them; paths of more than a few elements are written by the same method, which has tests of
// its own.
func stdValues(content []byte) (all []string, err error) {
	dec := stdjson.NewDecoder(bytes.NewReader(content))
	dec.UseNumber()
	for row := 0; ; row++ {
		if err := stdValue(dec, row, nil, &all); err == io.EOF {
			return all, nil
		} else if err != nil {
			return all, err
		}
	}
}

func stdValue(dec *stdjson.Decoder, row int, path []any, all *[]string) error {
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	value := func(s string) {
		if s != "" {
			*all = append(*all, fmt.Sprintf("%d %s %q", row, pathOf(path), s))
		}
	}
	switch tok := tok.(type) {
	case stdjson.Delim:
		for i := int64(0); dec.More(); i++ {
			var step any = i
			if tok == '{' {
				name, err := dec.Token()
				if err != nil {
					return err
				}
				step = name
			}
			if err := stdValue(dec, row, append(path[:len(path):len(path)], step), all); err != nil {
				return err
			}
		}
		_, err = dec.Token()
	case string:
		value(tok)
	case stdjson.Number:
		value(tok.String())
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func pathOf(path []any) string {
	v := extracttest.Value{Field: extracttest.Field(path...)}
	for _, s := range path {
		if i, ok := s.(int64); ok {
			v.Indexes = append(v.Indexes, i)
		}
	}
	return v.Field.JSONPath(v.Indexes)
}

func anyValue() *rapid.Generator[any] {
	str := rapid.OneOf(
		rapid.StringOfN(rapid.SampledFrom([]rune("ab\"\\/\n\t\u2028<é世😀\x01 ")), 0, 12, -1),
		rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat("x\"é", rapid.IntRange(0, 60).Draw(t, "n")*rapid.SampledFrom([]int{1, 1, 1, 1, 1, 1, 2000}).Draw(t, "times"))
		}),
	)
	leaf := rapid.OneOf(
		rapid.Map(str, func(s string) any { return s }),
		rapid.Map(rapid.Float64(), func(f float64) any { return f }),
		rapid.Map(rapid.Int64(), func(i int64) any { return i }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Just[any](nil),
	)
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		if depth == 0 {
			return leaf
		}
		return rapid.OneOf(leaf,
			rapid.Map(rapid.SliceOfN(value(depth-1), 0, 3), func(s []any) any { return s }),
			rapid.Map(rapid.MapOfN(str, value(depth-1), 0, 5), func(m map[string]any) any { return m }))
	}
	return rapid.Map(rapid.SliceOfN(value(3), 1, 3), func(s []any) any { return s })
}

// What encoding/json writes, indented or not, one value or several, is read as encoding/json reads it.
func TestWrittenJSONReadsAsWithEncodingJSON(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var buf bytes.Buffer
		enc := stdjson.NewEncoder(&buf)
		enc.SetEscapeHTML(rapid.Bool().Draw(rt, "html"))
		if rapid.Bool().Draw(rt, "indent") {
			enc.SetIndent("", "  ")
		}
		for range rapid.IntRange(1, 3).Draw(rt, "values") {
			if err := enc.Encode(anyValue().Draw(rt, "value")); err != nil {
				rt.Fatal(err)
			}
		}
		want, err := stdValues(buf.Bytes())
		if err != nil {
			rt.Fatal(err)
		}
		d := extracttest.Read(t, "x.json", buf.String())
		if diff := cmp.Diff(want, values(d)); diff != "" {
			rt.Fatalf("%.2000s\n%.2000s", buf.String(), diff)
		}
	})
}

// Whatever encoding/json takes for a value is read the same. (Several values without anything between them, "00", are nobody's JSON.)
func FuzzAgainstEncodingJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":"c\u00e9\ud83d\ude00"}],"d":null}`, `[[],{},"",-1.5e+3,"\ud800x"]`, "[1][2]\n{}", `{"a":{"a":1,"b":2},"a":3}`, "[\"\\u12\"]"} {
		f.Add([]byte(s))
	}
	formats := []extract.Format{json.Format}
	formats[0].Match = func(*extract.Head) extract.Score { return extract.Certain }
	f.Fuzz(func(t *testing.T, content []byte) {
		content = bytes.ToValidUTF8(content, []byte("\uFFFD")) // encoding/json puts one for each byte
		d := extracttest.Extract(t, &extract.Extractor{Formats: formats}, extract.Object{Name: "x", Size: -1, Reader: strings.NewReader("\ufeff" + string(content))})
		if stdjson.Valid(content) && d.Result.Code == extract.Complete {
			want, err := stdValues(content)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, values(d)); diff != "" {
				t.Errorf("%q\n%s", content, diff)
			}
		}
	})
}

func TestBadLinesDoNotHarmTheOthers(t *testing.T) {
	d := extracttest.Read(t, "x.jsonl", "{\"a\":\"1\"}\n\n{\"a\":\"2\", oops \"b\":\"x\"}\nnot json at all\n{\"a\":[\"3\",\n{\"a\":\"4\"}\n{\"a\":\"un\nclosed\n{\"a\":\"5\"}")
	want := `x.jsonl: application/json, COMPLETE, 97 bytes
  line 1 "a"
  record 0 $.a "1"
  record 2 $.a "2"
  line 3 "oops \"b\":\"x\"}"
  line 4 "not json at all"
  record 4 $.a[0] "3"
  record 5 $.a "4"
  line 7 "\"un"
  line 8 "closed"
  record 8 $.a "5"
`
	if diff := cmp.Diff(want, d.String()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatFollowsAnErrorIsText(t *testing.T) {
	d := extracttest.Read(t, "x.json", "{\n  \"a\": \"one\\ntwo\",\n  \"b\": 3,\n"+strings.Repeat(" ", 10<<10)+"\n  # a comment\n  \"c\": 4\n}\n")
	want := `x.json: application/json, COMPLETE, 10297 bytes
  line 2 "a"
  record 0 $.a "one\ntwo"
  line 3 "b"
  record 0 $.b "3"
  line 5 "# a comment\n  \"c\": 4\n}\n"
`
	if diff := cmp.Diff(want, d.String()); diff != "" {
		t.Error(diff)
	}
}

func TestKindsOfJSON(t *testing.T) {
	for _, c := range []struct {
		name, content, kind string
		records             int64
	}{
		{"a.json", `{"a":1}`, "json", 1},
		{"a.txt", `{"a":1}`, "json", 1},
		{"a.json", "{\"a\":1}\n{\"a\":2}\n", "jsonl", 2},
		{"a.jsonl", "\n{\"a\":1}\n\n{\"a\":2}", "jsonl", 4},
		{"a.jsonl", `{"a":1}`, "jsonl", 1},
		{"a.json", "{\"a\":\n1}\n{\"a\":\n2}\n", "json", 2},
		{"a.json", `{"a":1}{"a":2} {"a":3}`, "json", 3},
		{"a.log", "{\"a\":1},\n{\"a\":2},\n", "json", 2},
		{"a.csv", "[{\"a\":1},\n{\"a\":2},\n{\"a\":3}]\n", "json", 1},
		{"a.ini", "[section]\nkey=value\n", "text", 0},
		{"a.json", "{ this is no JSON }", "text", 0},
		{"a.txt", "[12:00] Ann: hello\n[12:01] Bob: hi\n", "text", 0},
		{"a.txt", "[1] Ann Lee, A book\n[2] Bob Ray, Another\n", "text", 0},
		{"a.json", "", "text", 0},
		{"a.json", "\xff\xfe" + "{\x00\"\x00a\x00\"\x00:\x001\x00}\x00", "json", 1},
	} {
		d := extracttest.Read(t, c.name, c.content)
		kind := "text"
		if d.MIME == "application/json" {
			kind = "json"
		}
		last := int64(-1)
		for _, v := range d.Values {
			if v.Field != nil && kind == "json" {
				last = v.Row
			}
		}
		if (kind == "text") != (c.kind == "text") || last+1 != c.records {
			t.Errorf("%s %q: %s, last record %d", c.name, c.content, d.MIME, last)
		}
	}
}

func TestNesting(t *testing.T) {
	for _, c := range []struct {
		depth int
		want  extract.Result
	}{
		{256, extract.Result{Code: extract.Complete, Bytes: 513}},
		{257, extract.Result{Code: extract.Skipped, Reason: extract.JSONNestingLevelOverLimit}},
		{5_000_000, extract.Result{Code: extract.Skipped, Reason: extract.JSONNestingLevelOverLimit}},
	} {
		d := extracttest.Read(t, "x.json", strings.Repeat("[", c.depth)+"1"+strings.Repeat("]", c.depth))
		if d.Result != c.want {
			t.Errorf("depth %d: %+v, want %+v", c.depth, d.Result, c.want)
		}
	}
}

// Strings, numbers and names of several windows arrive whole, wherever their escapes are cut.
func TestTokensLargerThanTheWindow(t *testing.T) {
	for shift := range 14 {
		long := strings.Repeat("y", shift) + strings.Repeat("a😀\"\\", extract.WindowSize/4)
		b, err := stdjson.Marshal(long)
		if err != nil {
			t.Fatal(err)
		}
		escaped := bytes.ReplaceAll(b, []byte("😀"), []byte(`\ud83d\ude00`))
		digits := strings.Repeat("1234567890", extract.WindowSize/4)
		d := extracttest.Read(t, "x.json", fmt.Sprintf(`{"s":%s,%s:"v","n":%s,"t":"z"}`, escaped, escaped, digits))
		if n := len(d.Values); n != 8 {
			t.Fatalf("%d values", n)
		}
		for i, want := range []string{"s", long, long, "v", "n", digits, "t", "z"} {
			if d.Values[i].Text != want {
				t.Errorf("shift %d, value %d: %d bytes, want %d", shift, i, len(d.Values[i].Text), len(want))
			}
		}
		if p := d.Values[3].Place(); !strings.HasPrefix(p, "record 0 $['...") || utf8.RuneCountInString(p) > 9+250 {
			t.Errorf("place %q", p)
		}
	}
}

// Beyond the room for paths, values are placed above, and nothing is lost.
func TestManyPaths(t *testing.T) {
	var b strings.Builder
	const n = 50_000
	b.WriteString("{\"users\":{")
	for i := range n {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `"user%d@example.org":{"list":[{"phone":"%d"}]}`, i, i)
	}
	b.WriteString("},\"end\":\"here\"}")
	d := extracttest.Read(t, "x.json", b.String())
	named, placed := 0, map[string]int{}
	for _, v := range d.Values {
		switch {
		case v.Field == nil && strings.HasPrefix(v.Text, "user") && strings.Contains(v.Text, "@"):
			named++
		case v.Field != nil:
			placed[v.Place()]++
		}
	}
	if named != n {
		t.Errorf("%d of %d names delivered", named, n)
	}
	if placed["record 0 $.users['user0@example.org'].list[0].phone"] != 1 || placed["record 0 $.users"] < n/2 {
		t.Errorf("%d values placed above", placed["record 0 $.users"])
	}
	if last := d.Values[len(d.Values)-1]; last.Text != "here" {
		t.Errorf("last value %+v", last)
	}
}

func TestAcceptance(t *testing.T) { extracttest.Run(t, json.Format, json.Lines) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
