package main

import (
	"encoding/binary"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/detecttest"
	"github.com/magpie-sec/magpie/internal/detect/managed"
)

// utf16Text encodes with a byte order mark.
func utf16Text(order binary.AppendByteOrder, s string) string {
	out := order.AppendUint16(nil, 0xFEFF)
	for _, u := range utf16.Encode([]rune(s)) {
		out = order.AppendUint16(out, u)
	}
	return string(out)
}

// object nests a value in objects named by the path.
func object(path []string, value string) string {
	var v any = value
	for i := len(path) - 1; i >= 0; i-- {
		v = map[string]any{path[i]: v}
	}
	b, _ := json.Marshal(v)
	return string(b)
}

func table(column, value string) string {
	quote := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	return "no," + quote(column) + ",state\n1," + quote(value) + ",open\n2,,closed\n3,,closed\n"
}

// TestVectors takes the vectors of every identifier through extraction: as a file in UTF-8 and both orders of UTF-16, with LF and CR LF, in a
// JSON document under the path and in a table under the column that the vector names. What the vector says is found, and nothing else of the
// identifier.
func TestVectors(t *testing.T) {
	engine, err := detect.New(detect.Options{Identifiers: managed.All()})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range managed.All() {
		t.Run(id.ID, func(t *testing.T) {
			for _, v := range detecttest.ReadVectors(t, filepath.Join("..", "..", "internal", "detect", "managed", "testdata", id.ID+".txt")) {
				check := func(what, name, content string, crlf bool) {
					var want, got []string
					for _, span := range v.Spans {
						value := v.Text[span[0]:span[1]]
						if crlf {
							value = strings.ReplaceAll(value, "\n", "\r\n")
						}
						want = append(want, value)
					}
					err := detectIn(engine, name, []byte(content), func(m detect.Match) {
						if m.Identifier.ID == id.ID {
							got = append(got, string(m.Text))
						}
					})
					if err != nil {
						t.Fatal(err)
					}
					slices.Sort(want)
					slices.Sort(got)
					if !slices.Equal(got, want) {
						t.Errorf("line %d, %s: found %.200q, want %.200q", v.Line, what, got, want)
					}
				}
				switch {
				case v.Path != nil:
					check("in JSON", "vector.json", object(v.Path, v.Text), false)
					if len(v.Path) == 1 && !strings.Contains(v.Text, "\n") {
						check("in a table", "vector.csv", table(v.Path[0], v.Text), false)
					}
				case strings.HasPrefix(strings.TrimSpace(v.Text), "{") || strings.HasPrefix(strings.TrimSpace(v.Text), "["):
					// It would be read as JSON: the vector means the text.
				default:
					crlf := strings.ReplaceAll(v.Text, "\n", "\r\n")
					check("UTF-8", "vector.txt", v.Text, false)
					check("UTF-16, little endian", "vector.txt", utf16Text(binary.LittleEndian, v.Text), false)
					check("UTF-16, big endian", "vector.txt", utf16Text(binary.BigEndian, v.Text), false)
					if !strings.Contains(v.Text, "\r") {
						check("UTF-16 with CR LF", "vector.txt", utf16Text(binary.LittleEndian, crlf), true)
					}
				}
			}
		})
	}
}

// TestFloors keeps the accuracy from falling: of every identifier that is scored, and over all.
func TestFloors(t *testing.T) {
	list, _, err := scoreAll(40, 20261121, "", false)
	if err != nil {
		t.Fatal(err)
	}
	total := tally{}
	for _, s := range list {
		total.add(s)
		if s.planted == 0 {
			t.Errorf("%s is not scored", s.id)
		}
		if s.recall() < 0.9 || s.precision() < 0.95 {
			t.Errorf("%s: recall %.3f, precision %.3f\n%s", s.id, s.recall(), s.precision(), strings.Join(s.failures[:min(3, len(s.failures))], "\n"))
		}
	}
	if total.recall() < 0.98 || total.precision() < 0.98 {
		t.Errorf("over all: recall %.4f, precision %.4f", total.recall(), total.precision())
	}
}
