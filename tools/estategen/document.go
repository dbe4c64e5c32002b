package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// A document is a file of the estate, or a member of an archive.
type document struct {
	data    []byte
	plants  []plant
	members []member
	// skipped is the reason why nothing of the file can be read, "" if all of it can.
	skipped string
}

// A plant is a planted value: what finds it and where it stands.
type plant struct {
	id    string
	place place
}

// A place is where a value starts, in one of the forms of Macie's occurrences: line and column of running text, cell of a table, path in a
// record. Rows, columns and lines count from 1, characters not bytes; records and array elements count from 0.
type place struct {
	Line       int    `json:"line,omitempty"`
	Row        int    `json:"row,omitempty"`
	Column     int    `json:"column,omitempty"`
	ColumnName string `json:"columnName,omitempty"`
	Record     *int   `json:"record,omitempty"`
	JSONPath   string `json:"jsonPath,omitempty"`
}

// A form is how text becomes bytes.
type form struct {
	crlf bool
	// charset is "" for UTF-8, "bom" for UTF-8 with a byte order mark, "latin1", or "utf16le" and "utf16be" with a byte order mark.
	charset string
}

func (f form) encode(text string) ([]byte, error) {
	if f.crlf {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	var enc encoding.Encoding
	switch f.charset {
	case "":
		return []byte(text), nil
	case "bom":
		return []byte("\ufeff" + text), nil
	case "latin1":
		enc = charmap.ISO8859_1
	case "utf16le":
		enc = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case "utf16be":
		enc = unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	default:
		return nil, fmt.Errorf("no charset is called %q", f.charset)
	}
	return enc.NewEncoder().Bytes([]byte(text))
}

// text makes a document of running text out of a text with marks.
func text(s *stream, f form, template string) (document, error) {
	out, finds, err := s.render(template)
	if err != nil {
		return document{}, err
	}
	d := document{}
	for _, at := range finds {
		d.plants = append(d.plants, plant{at.id, place{Line: at.line, Column: at.column}})
	}
	d.data, err = f.encode(out)
	return d, err
}

// A table is how a CSV file is made: for each column a name and the template of its cells.
type table struct {
	form
	comma   rune
	rows    int
	columns []column
}

type column struct{ name, cell string }

// document draws the rows.
func (t table) document(s *stream) (document, error) {
	var d document
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.Comma = t.comma
	record := make([]string, len(t.columns))
	for i, c := range t.columns {
		record[i] = c.name
	}
	if err := w.Write(record); err != nil {
		return d, err
	}
	for row := 2; row < t.rows+2; row++ {
		for i, c := range t.columns {
			cell, finds, err := s.render(alternative(c.cell, row))
			if err != nil {
				return d, fmt.Errorf("column %s: %w", c.name, err)
			}
			record[i] = cell
			for _, id := range ids(finds) {
				d.plants = append(d.plants, plant{id, place{Row: row, Column: i + 1, ColumnName: c.name}})
			}
		}
		if err := w.Write(record); err != nil {
			return d, err
		}
	}
	w.Flush()
	var err error
	d.data, err = t.encode(out.String())
	return d, err
}

// alternative picks the template of a row: alternatives are split by "||" and taken in turn.
func alternative(cell string, row int) string {
	list := strings.Split(cell, "||")
	return list[(row-2)%len(list)]
}

// records makes a document of JSON out of templates with marks in their strings: one template is a JSON document, indented; several are
// JSON Lines. A string that begins with "#" becomes a number.
func records(s *stream, f form, templates ...string) (document, error) {
	var d document
	var out strings.Builder
	for i, template := range templates {
		j := &tree{stream: s, out: &out, record: i, indented: len(templates) == 1}
		dec := json.NewDecoder(strings.NewReader(template))
		dec.UseNumber()
		if err := j.value(dec, "$", 0); err != nil {
			return d, fmt.Errorf("record %d: %w", i, err)
		}
		if _, err := dec.Token(); err != io.EOF {
			return d, fmt.Errorf("record %d: more than one value", i)
		}
		out.WriteByte('\n')
		d.plants = append(d.plants, j.plants...)
	}
	var err error
	d.data, err = f.encode(out.String())
	return d, err
}

// A tree writes one JSON value and keeps the paths of what it plants.
type tree struct {
	*stream
	out      *strings.Builder
	record   int
	indented bool
	plants   []plant
}

func (t *tree) value(dec *json.Decoder, path string, depth int) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	switch v := token.(type) {
	case json.Delim:
		return t.composite(dec, rune(v), path, depth)
	case string:
		return t.text(v, path)
	case json.Number:
		t.out.WriteString(v.String())
	case bool:
		t.out.WriteString(strconv.FormatBool(v))
	default:
		t.out.WriteString("null")
	}
	return nil
}

func (t *tree) composite(dec *json.Decoder, open rune, path string, depth int) error {
	t.out.WriteRune(open)
	empty := true
	for i := 0; dec.More(); i++ {
		if !empty {
			t.out.WriteByte(',')
		}
		empty = false
		t.newline(depth + 1)
		element := fmt.Sprintf("%s[%d]", path, i)
		if open == '{' {
			key, err := dec.Token()
			if err != nil {
				return err
			}
			element = step(path, key.(string))
			t.quote(key.(string))
			t.out.WriteByte(':')
			if t.indented {
				t.out.WriteByte(' ')
			}
		}
		if err := t.value(dec, element, depth+1); err != nil {
			return err
		}
	}
	if !empty {
		t.newline(depth)
	}
	_, err := dec.Token()
	t.out.WriteRune(open + 2) // in ASCII the closing bracket or brace is two behind the opening one
	return err
}

func (t *tree) newline(depth int) {
	if t.indented {
		t.out.WriteString("\n" + strings.Repeat("  ", depth))
	}
}

func (t *tree) text(template, path string) error {
	v, finds, err := t.render(template)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, id := range ids(finds) {
		record := t.record
		t.plants = append(t.plants, plant{id, place{Record: &record, JSONPath: path}})
	}
	if number, ok := strings.CutPrefix(v, "#"); ok {
		t.out.WriteString(number)
	} else {
		t.quote(v)
	}
	return nil
}

func (t *tree) quote(v string) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil { // a string can always be encoded
		panic(err)
	}
	t.out.WriteString(strings.TrimSuffix(b.String(), "\n"))
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// step returns the path of an object's member.
func step(path, name string) string {
	if plainName.MatchString(name) {
		return path + "." + name
	}
	return path + "['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(name) + "']"
}
