package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type color string

func (color) Values() []color { return []color{"RED", "GREEN"} }

// sample has a member of every type that the models use, and the timestamp format that no operation does.
type sample struct {
	S    *string
	B    *bool
	I, L *int64
	D    *float64
	T, U *Time
	E    color
	Sub  *sample
	Subs []sample
	Tags map[string]string
	Nest map[color][][]int64
}

func (v *sample) DecodeMember(d *Decoder, name []byte) {
	switch string(name) {
	case "s":
		v.S = d.String()
	case "b":
		v.B = d.Bool()
	case "i":
		v.I = d.Integer()
	case "l":
		v.L = d.Long()
	case "d":
		v.D = d.Double()
	case "t":
		v.T = d.Time(ISO8601)
	case "u":
		v.U = d.Time(UnixTimestamp)
	case "e":
		v.E = Enum[color](d)
	case "sub":
		v.Sub = Struct[sample](d)
	case "subs":
		v.Subs = List(d, StructElem[sample])
	case "tags":
		v.Tags = Map[string](d, StringElem)
	case "nest":
		v.Nest = Map[color](d, func(d *Decoder) [][]int64 {
			return List(d, func(d *Decoder) []int64 { return List(d, IntegerElem) })
		})
	default:
		d.Skip()
	}
}

func (v *sample) EncodeJSON(w *Writer) {
	w.String("s", v.S)
	w.Bool("b", v.B)
	w.Int("i", v.I)
	w.Int("l", v.L)
	w.Double("d", v.D)
	w.Time("t", v.T, ISO8601)
	w.Time("u", v.U, UnixTimestamp)
	w.Enum("e", string(v.E))
	WriteStructMember(w, "sub", v.Sub)
	WriteStructListMember(w, "subs", v.Subs)
	WriteMapMember(w, "tags", v.Tags, WriteString)
	WriteMapMember(w, "nest", v.Nest, func(w *Writer, v [][]int64) {
		WriteList(w, v, func(w *Writer, v []int64) { WriteList(w, v, WriteInt) })
	})
}

func TestUnmarshal(t *testing.T) {
	at := Time(1714406762401)
	cases := []struct {
		in   string
		want sample
	}{
		{`{}`, sample{}},
		{` null `, sample{}},
		{`{"s":"x"}`, sample{S: Ptr("x")}},
		{`{"s":"x","s":null}`, sample{}},
		{`{"s":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é"}`, sample{S: Ptr("a\"\\/\b\f\n\r\té😀é")}},
		{`{"\u0073":""}`, sample{S: Ptr("")}},
		{`{"S":"case counts","sX":1,"":[{"a":[null,true,-1.5e+3,"x"]}]}`, sample{}},
		{`{"b":true,"i":-2147483648,"l":9223372036854775807,"d":1.5e3}`,
			sample{B: Ptr(true), I: Ptr[int64](math.MinInt32), L: Ptr[int64](math.MaxInt64), D: Ptr(1500.0)}},
		{`{"d":"Infinity","b":false,"i":0}`, sample{D: Ptr(math.Inf(1)), B: Ptr(false), I: Ptr[int64](0)}},
		{`{"t":"2024-04-29T16:06:02.401Z"}`, sample{T: &at}},
		{`{"t":"2024-04-29T18:06:02.401999+02:00"}`, sample{T: &at}},
		{`{"u":1714406762.401}`, sample{U: &at}},
		{`{"u":-1}`, sample{U: Ptr[Time](-1000)}},
		{`{"e":"RED"}`, sample{E: "RED"}},
		{`{"e":"unknown ones are for validation"}`, sample{E: "unknown ones are for validation"}},
		{`{"e":null,"subs":null,"tags":null,"sub":null,"i":null,"t":null,"b":null,"d":null}`, sample{}},
		{`{"subs":[],"tags":{},"sub":{}}`, sample{Subs: []sample{}, Tags: map[string]string{}, Sub: &sample{}}},
		{`{"tags":{"a":"1","a":"2"},"subs":[{"s":"x"},{}]}`,
			sample{Tags: map[string]string{"a": "2"}, Subs: []sample{{S: Ptr("x")}, {}}}},
		{`{"nest":{"RED":[[1,2],[]]}}`, sample{Nest: map[color][][]int64{"RED": {{1, 2}, {}}}}},
	}
	for _, c := range cases {
		var got sample
		if err := Unmarshal([]byte(c.in), &got); err != nil {
			t.Errorf("%s: %v", c.in, err)
		} else if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s:\n%s", c.in, diff)
		}
	}
}

func TestUnmarshalErrors(t *testing.T) {
	deep := strings.Repeat(`{"sub":`, maxDepth+1)
	cases := []struct{ in, want string }{
		{``, "request body: expected an object, found the end of the text"},
		{`[]`, "request body: expected an object, found an array"},
		{`{} x`, "unexpected data after the document at byte 3"},
		{`{"s":1}`, "s: expected a string, found a number"},
		{`{"sub":{"subs":[{},{"s":true}]}}`, "sub.subs[1].s: expected a string, found a boolean"},
		{`{"tags":{"k":{}}}`, "tags.k: expected a string, found an object"},
		{`{"tags":[]}`, "tags: expected an object, found an array"},
		{`{"subs":{}}`, "subs: expected an array, found an object"},
		{`{"sub":"x"}`, "sub: expected an object, found a string"},
		{`{"b":"true"}`, "b: expected a boolean, found a string"},
		{`{"i":2147483648}`, "i: expected an integer of 32 bits, found 2147483648"},
		{`{"i":1.0}`, "i: expected an integer of 32 bits, found 1.0"},
		{`{"i":1e2}`, "i: expected an integer of 32 bits, found 1e2"},
		{`{"l":9223372036854775808}`, "l: expected an integer of 64 bits, found 9223372036854775808"},
		{`{"i":"1"}`, "i: expected an integer of 32 bits, found a string"},
		{`{"d":"1"}`, "d: expected a number, found a string"},
		{`{"d":1e999}`, "d: 1e999 is too large a number"},
		{`{"t":1714406762}`, "t: expected an ISO 8601 timestamp as a string, found a number"},
		{`{"t":"2024-04-29"}`, `t: "2024-04-29" is no ISO 8601 date-time`},
		{`{"u":"2024-04-29T16:06:02.401Z"}`, "u: expected a number of seconds, found a string"},
		{`{"u":1e300}`, "u: a timestamp must lie in the years 0000 to 9999"},
		{`{"u":"NaN"}`, "u: expected a number of seconds, found a string"},
		{`{"e":""}`, "1 validation error detected: Value '' at 'e' failed to satisfy constraint: Member must satisfy enum value set: [RED, GREEN]"},
		{`{"tags":{"k":null}}`, "1 validation error detected: Value null at 'tags.k' failed to satisfy constraint: Member must not be null"},
		{`{"subs":[null]}`, "Value null at 'subs[0]' failed"},
		{`{"s":"x"`, "expected a comma or } at byte 8"},
		{`{"s" "x"}`, "expected a colon at byte 5"},
		{`{s:1}`, "expected a member name at byte 1"},
		{`{"s":"x",}`, "expected a member name at byte 9"},
		{`{"x":[1,]}`, "expected a value at byte 8"},
		{`{"x":01}`, "expected a comma or } at byte 6"},
		{`{"x":-}`, "invalid number"},
		{`{"x":1.}`, "invalid number"},
		{`{"x":1e}`, "invalid number"},
		{`{"x":nul}`, "invalid literal"},
		{`{"s":"a`, "unterminated string"},
		{`{"s":"a\`, "invalid escape"},
		{`{"s":"a\x"}`, "invalid escape"},
		{`{"s":"\ud800"}`, "invalid escape"},
		{`{"s":"\ud800\u0041"}`, "invalid escape"},
		{`{"s":"\udc00"}`, "invalid escape"},
		{`{"s":"\u12g4"}`, "invalid escape"},
		{"{\"s\":\"a\nb\"}", "control character in a string"},
		{"{\"s\":\"\\n\x01\"}", "control character in a string"},
		{"{\"s\":\"\xff\"}", "invalid UTF-8"},
		{"{\"s\":\"\\n\xff\"}", "invalid UTF-8"},
		{deep, "nested too deeply"},
		{`{"x":` + strings.Repeat("[", 100000), "nested too deeply"},
		{`{"subs":[` + strings.Repeat("{},", maxElements) + `{}]}`, "subs: more than 100000 elements"},
	}
	for _, c := range cases {
		err := Unmarshal([]byte(c.in), &sample{})
		var known *Error
		if !errors.As(err, &known) {
			t.Errorf("%.80s: no error of the wire: %v", c.in, err)
		} else if !strings.Contains(known.Message, c.want) {
			t.Errorf("%.80s:\n have %s\n want %s", c.in, known.Message, c.want)
		}
	}
}

func TestWriter(t *testing.T) {
	v := sample{S: Ptr("<&>\"\\\n\x00\xff\u2028"), B: Ptr(false), I: Ptr[int64](0), D: Ptr(0.1), T: Ptr[Time](0), U: Ptr[Time](-1500),
		E: "RED", Sub: &sample{}, Subs: []sample{}, Tags: map[string]string{"b": "", "a\"": "x"},
		Nest: map[color][][]int64{"GREEN": {{}, nil, {1, -2}}}}
	want := `{"s":"<&>\"\\\n\u0000` + "\uFFFD\u2028" + `","b":false,"i":0,"d":0.1,"t":"1970-01-01T00:00:00.000Z","u":-1.500,` +
		`"e":"RED","sub":{},"subs":[],"tags":{"a\"":"x","b":""},"nest":{"GREEN":[[],[],[1,-2]]}}`
	if got := string(Marshal(&v)); got != want {
		t.Errorf("have %s\nwant %s", got, want)
	}
	if got := string(Marshal(&sample{})); got != "{}" {
		t.Errorf("an empty structure is written %s", got)
	}
}

func TestNumbersAndTimesSurvive(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := sample{
			D: Ptr(rapid.Float64().Draw(rt, "d")),
			L: Ptr(rapid.Int64().Draw(rt, "l")),
			T: Ptr(Time(rapid.Int64Range(int64(minTime), int64(maxTime)).Draw(rt, "t"))),
			U: Ptr(Time(rapid.Int64Range(int64(minTime), int64(maxTime)).Draw(rt, "u"))),
			S: Ptr(rapid.String().Draw(rt, "s")),
		}
		text := Marshal(&v)
		var back sample
		if err := Unmarshal(text, &back); err != nil {
			rt.Fatalf("%s: %v", text, err)
		}
		if diff := cmp.Diff(v, back); diff != "" {
			rt.Fatalf("%s:\n%s", text, diff)
		}
	})
}

// anything reads a document as encoding/json would into an any, to compare the two.
type anything map[string]json.RawMessage

func (a anything) DecodeMember(d *Decoder, name []byte) { key := string(name); a[key] = d.Raw() }

// FuzzDecoder compares the decoder with encoding/json: it accepts the same texts, apart from what it
// refuses on purpose (no object, invalid Unicode, too deep, too long), and finds the same members.
func FuzzDecoder(f *testing.F) {
	for _, seed := range []string{`{}`, `null`, `{"a":[1,-0.5e-7,"\ud83d\ude00",true,null,{"b":{}}],"\u0061":"é"}`, `{"a":01}`, "{\"\xff\":1}", `{"a":"\ud800"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		mine := anything{}
		err := Unmarshal(text, mine)
		if err == nil {
			var theirs map[string]json.RawMessage
			if err := json.Unmarshal(text, &theirs); err != nil {
				t.Fatalf("accepted %q, encoding/json says %v", text, err)
			}
			if len(mine) != len(theirs) {
				t.Fatalf("%q: members %v, encoding/json has %v", text, mine, theirs)
			}
			for k, v := range theirs {
				var a, b any
				if json.Unmarshal(v, &a) != nil || json.Unmarshal(mine[k], &b) != nil || !reflect.DeepEqual(a, b) {
					t.Fatalf("%q: member %q is %s, encoding/json has %s", text, k, mine[k], v)
				}
			}
			return
		}
		first := bytes.TrimLeft(text, " \t\r\n")
		if json.Valid(text) && first[0] == '{' && utf8.Valid(text) && !bytes.Contains(text, []byte(`\u`)) &&
			len(text) < maxElements && bytes.Count(text, []byte("["))+bytes.Count(text, []byte("{")) < maxDepth {
			t.Fatalf("refused %q: %v", text, err)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	f.Add("2024-04-29T15:46:02.401Z")
	f.Add("0000-01-01T00:00:00+23:59")
	f.Add("9999-12-31T23:59:59.9999-01:00")
	f.Fuzz(func(t *testing.T, s string) {
		at, err := ParseTime(s)
		if err != nil {
			return
		}
		again, err := ParseTime(at.String())
		if err != nil || again != at || len(at.String()) != len("2024-04-29T15:46:02.401Z") {
			t.Fatalf("%q is %s, which reads back as %s, %v", s, at, again, err)
		}
	})
}
