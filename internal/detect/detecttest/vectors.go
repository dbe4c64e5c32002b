// Package detecttest is the acceptance suite that every identifier has to pass, and a generator of text as machines write it.
package detecttest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/text"
)

// A Vector is a text, and where in it the identifier has to find a value.
type Vector struct {
	// Line is the vector's line in its file.
	Line int
	// Path holds the names of the field that the text is the value of; nil for running text.
	Path []string
	Text string
	// Spans are the values as [start, end); none in a negative vector.
	Spans [][2]int
}

// ReadVectors reads a file of vectors. It begins with comment lines (#) that say where the values come from. Every other line is
//
//   - text with a «value» in it      the identifier finds exactly the marked values
//   - text                           the identifier finds nothing
//
// In the text, \n \r \t and \\ are escapes. "[path.to.field] " in front makes the rest the value of that field.
func ReadVectors(tb testing.TB, file string) []Vector {
	tb.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		tb.Fatalf("vectors: %v", err)
	}
	if !strings.HasPrefix(string(raw), "# ") {
		tb.Errorf("%s: the first line has to say where the values come from", file)
	}
	var out []Vector
	for n, line := range strings.Split(string(raw), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		v, err := parseVector(line)
		if err != nil {
			tb.Fatalf("%s:%d: %v", file, n+1, err)
		}
		v.Line = n + 1
		out = append(out, v)
	}
	return out
}

var unescape = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r", `\t`, "\t")

func parseVector(line string) (Vector, error) {
	var v Vector
	sign, rest, ok := strings.Cut(line, " ")
	if !ok || sign != "+" && sign != "-" {
		return v, fmt.Errorf("a vector begins with '+ ' or '- '")
	}
	if strings.HasPrefix(rest, "[") {
		path, value, ok := strings.Cut(rest[1:], "] ")
		if !ok {
			return v, fmt.Errorf("a field's path ends in '] '")
		}
		v.Path, rest = strings.Split(path, "."), value
	}
	rest = unescape.Replace(rest)
	for {
		before, after, ok := strings.Cut(rest, "«")
		v.Text += before
		if !ok {
			break
		}
		value, after, ok := strings.Cut(after, "»")
		if !ok {
			return v, fmt.Errorf("« without »")
		}
		v.Spans = append(v.Spans, [2]int{len(v.Text), len(v.Text) + len(value)})
		v.Text += value
		rest = after
	}
	if (sign == "+") != (len(v.Spans) > 0) {
		return v, fmt.Errorf("a positive vector marks a value, a negative one does not")
	}
	return v, nil
}

// Blocks returns the vector as a document: running text, or one value of its field.
func (v *Vector) Blocks() []*text.Block {
	if v.Path == nil {
		return []*text.Block{{Text: []byte(v.Text)}}
	}
	return []*text.Block{Value(v.Path, v.Text)}
}

// Value returns a block with one value of a field with these names.
func Value(names []string, value string) *text.Block {
	f := &text.Field{Names: names}
	for _, n := range names {
		f.Steps = append(f.Steps, text.Step{Name: n})
	}
	return &text.Block{Kind: text.Records, Text: []byte(value), Segments: []text.Segment{{End: int32(len(value)), Field: f}}}
}

// Split cuts a document at byte at: running text into two blocks, a value into two pieces.
func Split(b *text.Block, at int) []*text.Block {
	head, tail := &text.Block{Kind: b.Kind, Text: b.Text[:at]}, &text.Block{Kind: b.Kind, Text: b.Text[at:]}
	if len(b.Segments) > 0 {
		one, two := b.Segments[0], b.Segments[0]
		one.End, one.More = int32(at), true
		two.End = int32(len(tail.Text))
		head.Segments, tail.Segments = []text.Segment{one}, []text.Segment{two}
	}
	return []*text.Block{head, tail}
}
