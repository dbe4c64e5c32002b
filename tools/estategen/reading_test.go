package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

const estateFolder = "../../examples/estate"

// A segment is a stretch of text with the names that stand for keywords beside it: a whole text, a cell, or a string of a record.
type segment struct {
	text  string
	names []string
	// place says where the byte at an offset stands.
	place func(offset int) place
}

// A leaf is a file of the estate or a member of an archive that holds no others.
type leaf struct {
	file     string
	member   []string
	binary   bool
	segments []segment
}

// readEstate reads the written folder with nothing but the standard library.
func readEstate(t *testing.T) (leaves []leaf) {
	t.Helper()
	for _, bucket := range bucketFolders(t) {
		root := filepath.Join(estateFolder, bucket)
		err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			key, err := filepath.Rel(root, p)
			if err != nil {
				return err
			}
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			leaves = append(leaves, open(t, bucket+"/"+filepath.ToSlash(key), nil, data)...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return leaves
}

func bucketFolders(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(estateFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// open reads a file, and archives to their last leaf.
func open(t *testing.T, file string, member []string, data []byte) (leaves []leaf) {
	t.Helper()
	name := path.Base(file)
	if len(member) > 0 {
		name = member[len(member)-1]
	}
	inner := func(name string, r io.Reader) {
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s %v: %v", file, member, err)
		}
		leaves = append(leaves, open(t, file, append(member[:len(member):len(member)], name), body)...)
	}
	switch path.Ext(name) {
	case ".gz":
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s %v: %v", file, member, err)
		}
		inner(strings.TrimSuffix(path.Base(name), ".gz"), r)
	case ".zip":
		r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatalf("%s %v: %v", file, member, err)
		}
		for _, f := range r.File {
			body, err := f.Open()
			if err != nil {
				t.Fatalf("%s %v: %v", file, member, err)
			}
			inner(f.Name, body)
		}
	case ".tar":
		for r := tar.NewReader(bytes.NewReader(data)); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s %v: %v", file, member, err)
			}
			inner(h.Name, r)
		}
	default:
		l := leaf{file: file, member: member, binary: isBinary(data)}
		if !l.binary {
			l.segments = segments(t, name, decoded(data))
		}
		return []leaf{l}
	}
	return leaves
}

// isBinary knows the formats in the estate that are not read here: two that nothing reads, and a PDF in which nothing is to be found.
func isBinary(data []byte) bool {
	for _, magic := range []string{"\x89PNG", "\x00\x00\x01\x00", "%PDF-", "\xd0\xcf\x11\xe0"} {
		if bytes.HasPrefix(data, []byte(magic)) {
			return true
		}
	}
	return false
}

// decoded reads UTF-8 and UTF-16 with byte order marks, UTF-8 without, and else ISO 8859-1.
func decoded(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return string(data[3:])
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		var units []uint16
		for i := 2; i+1 < len(data); i += 2 {
			lo, hi := data[i], data[i+1]
			if data[0] == 0xfe {
				lo, hi = hi, lo
			}
			units = append(units, uint16(hi)<<8|uint16(lo))
		}
		return string(utf16.Decode(units))
	case utf8.Valid(data):
		return string(data)
	}
	var b strings.Builder
	for _, c := range data {
		b.WriteRune(rune(c))
	}
	return b.String()
}

func segments(t *testing.T, name, text string) []segment {
	t.Helper()
	switch path.Ext(name) {
	case ".csv", ".tsv":
		return cells(t, name, text)
	case ".json":
		return tokens(t, text, 0)
	case ".jsonl":
		var list []segment
		for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			list = append(list, tokens(t, line, i)...)
		}
		return list
	}
	return []segment{{text: text, place: func(offset int) place {
		before := text[:offset]
		line := strings.Count(before, "\n") + 1
		return place{Line: line, Column: utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1}
	}}}
}

// cells reads a table; the header gives the names, and is running text itself.
func cells(t *testing.T, name, text string) (list []segment) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	header, _, _ := strings.Cut(text, "\n")
	for _, comma := range ";\t" {
		if strings.ContainsRune(header, comma) {
			r.Comma = comma
		}
	}
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for i, row := range rows {
		for j, cell := range row {
			at := place{Row: i + 1, Column: j + 1, ColumnName: rows[0][j]}
			s := segment{text: cell, place: func(int) place { return at }}
			if i > 0 {
				s.names = []string{rows[0][j]}
			}
			list = append(list, s)
		}
	}
	return list
}

// tokens reads one JSON value and returns its strings and numbers.
func tokens(t *testing.T, text string, record int) (list []segment) {
	t.Helper()
	var v any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("record %d: %v", record, err)
	}
	var walk func(v any, at string, names []string)
	walk = func(v any, at string, names []string) {
		switch v := v.(type) {
		case map[string]any:
			for key, inner := range v {
				// Names that are no identifiers of JavaScript stand in brackets; none of ours has a quote.
				next := at + "['" + key + "']"
				if strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == "" && !strings.ContainsAny(key[:1], "0123456789") {
					next = at + "." + key
				}
				walk(inner, next, append(names[:len(names):len(names)], key))
			}
		case []any:
			for i, inner := range v {
				walk(inner, at+"["+strconv.Itoa(i)+"]", names)
			}
		case string:
			list = append(list, segment{v, names, func(int) place { return place{Record: &record, JSONPath: at} }})
		case json.Number:
			list = append(list, segment{v.String(), names, func(int) place { return place{Record: &record, JSONPath: at} }})
		}
	}
	walk(v, "$", nil)
	return list
}
