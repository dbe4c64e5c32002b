package csv

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/charset"
)

const (
	sampleBytes = 16 << 10
	sampleRows  = 50
	headerRows  = 20
)

// A dialect is how a table is written.
type dialect struct {
	comma  byte
	eol    byte
	header bool // the first row that is not empty names the columns
}

// separators in order of preference.
var separators = []byte{',', '\t', ';', '|'}

// tables are the extensions that promise a table; texts are those that promise running text, in which the separators are punctuation. For
// all other names the content decides alone.
var (
	tables = strings.Fields("csv tsv tab psv")
	texts  = strings.Fields(`log md rst adoc tex rtf htm html xhtml xml svg yaml yml toml ini cfg conf properties env sql ddl
		go py js mjs ts tsx jsx java kt scala c h cc cpp hpp cs rb php pl pm lua r swift m rs sh bash zsh ps1 bat tf hcl css scss less proto
		graphql diff patch eml mbox ics vcf srt vtt pem key crt dockerfile makefile gradle groovy`)
)

// sniff says how the table is written, and how surely it is one. Without a table the dialect is that of one column.
func sniff(b []byte, whole bool, extension string) (dialect, extract.Score) {
	size, whole := sampleSize(b, whole)
	b = b[:size]
	d := dialect{comma: ',', eol: '\n'}
	if bytes.IndexByte(b, '\n') < 0 && bytes.IndexByte(b, '\r') >= 0 {
		d.eol = '\r'
	}
	promised := slices.Contains(tables, extension)
	if len(b) == 0 || !promised && slices.Contains(texts, extension) {
		return d, extract.No
	}
	var best shape
	for _, comma := range separators {
		if bytes.IndexByte(b, comma) < 0 {
			continue
		}
		s := measure(b, whole, comma, d.eol)
		if s.better(best) {
			best, d.comma = s, comma
		}
	}
	d.header = best.columns > 1 && hasHeader(sampleOf(b, whole, d))
	score := best.score(promised, d)
	if score != extract.No && !promised && (d.comma == ',' || d.comma == ';') && isProse(b, whole, d) {
		score = extract.No
	}
	if score == extract.No {
		d.comma = ','
		if !promised || !oneColumn(b, d.eol) {
			return d, extract.No
		}
		if extension == "tsv" || extension == "tab" {
			d.comma = '\t'
		}
		score = extract.Possible
		d.header = hasHeader(sampleOf(b, whole, d))
	}
	return d, score
}

// sampleSize returns how much of a beginning is looked at, and whether that is all there is.
func sampleSize(b []byte, whole bool) (int, bool) {
	if len(b) > sampleBytes {
		return sampleBytes, false
	}
	return len(b), whole
}

// A shape is how regular a text looks with a separator.
type shape struct {
	rows, columns int // columns: the most frequent number of cells in a row
	regular       int // rows with that number
}

func (s shape) better(than shape) bool {
	if s.columns < 2 {
		return false
	}
	a, b := s.regular*max(1, than.rows), than.regular*max(1, s.rows)
	return a > b || a == b && s.columns > than.columns
}

// score asks more of a text whose name does not promise a table: commas and semicolons are punctuation, and two columns without header are as
// likely sentences.
func (s shape) score(promised bool, d dialect) extract.Score {
	switch {
	case s.columns < 2:
		return extract.No
	case promised && s.regular*2 > s.rows:
		return extract.Likely
	case promised || s.rows < 3 || s.regular*100 < s.rows*95:
		return extract.No
	case s.columns == 2 && d.comma != '\t' && !d.header:
		return extract.No
	}
	return extract.Likely
}

func measure(b []byte, whole bool, comma, eol byte) shape {
	var s shape
	var counts [sampleRows]shape // one for each number of columns
	different := 0
	for r := (rows{b: b, whole: whole, comma: comma, eol: eol}); s.rows < sampleRows && r.next(nil); s.rows++ {
		i := 0
		for i < different && counts[i].columns != r.columns {
			i++
		}
		if i == different {
			different++
			counts[i].columns = r.columns
		}
		counts[i].regular++
	}
	for _, c := range counts[:different] {
		if c.regular > s.regular || c.regular == s.regular && c.columns > s.columns {
			s.regular, s.columns = c.regular, c.columns
		}
	}
	return s
}

// isProse says that most rows are pieces of sentences, in which the separators are punctuation.
func isProse(b []byte, whole bool, d dialect) bool {
	n, sentences := 0, 0
	var cells [][]byte
	for r := (rows{b: b, whole: whole, comma: d.comma, eol: d.eol}); n < sampleRows && r.next(&cells); n++ {
		if isSentence(cells) {
			sentences++
		}
		cells = cells[:0]
	}
	return sentences*2 > n
}

// isSentence says that a row reads on from cell to cell: five words at least, half of them in small letters and so one of the first cell, and
// a space or the line's end behind each separator. Names, codes and numbers, of which one stands first in most tables, are written otherwise.
func isSentence(row [][]byte) bool {
	words, small := 0, 0
	for i, cell := range row {
		if i > 0 && len(cell) > 0 && cell[0] != ' ' && cell[0] != '\t' {
			return false
		}
		for word := range bytes.FieldsSeq(cell) {
			words++
			if word[0] >= 'a' && word[0] <= 'z' && bytes.IndexByte(word, '@') < 0 {
				small++
			}
		}
		if i == 0 && small == 0 {
			return false
		}
	}
	return words >= 5 && small*2 >= words
}

// sampleOf returns the first rows.
func sampleOf(b []byte, whole bool, d dialect) [][][]byte {
	all := make([][][]byte, 0, headerRows)
	var cells [][]byte
	for r := (rows{b: b, whole: whole, comma: d.comma, eol: d.eol}); len(all) < headerRows; {
		from := len(cells)
		if !r.next(&cells) {
			break
		}
		if len(all) == 0 {
			cells = slices.Grow(cells, headerRows*r.columns) // rows before stay where they are when there are more
		}
		all = append(all, cells[from:len(cells):len(cells)])
	}
	return all
}

// rows splits a sample into rows that are not empty, roughly: cells keep doubled quotes. The last one is left out when it may be cut, unless
// it is the only one.
type rows struct {
	b          []byte
	whole      bool
	comma, eol byte
	some       bool // one was returned
	columns    int  // of the row at hand
}

// next moves on to the next row, and appends its cells unless they are not wanted.
func (r *rows) next(cells *[][]byte) bool {
	for len(r.b) > 0 {
		cut := !r.whole && r.b[len(r.b)-1] != r.eol
		var first, cell []byte
		r.columns = 0
		before := 0
		if cells != nil {
			before = len(*cells)
		}
		for ends := false; !ends; r.columns++ {
			if cell, r.b, ends = splitCell(r.b, r.comma, r.eol); r.columns == 0 {
				first = cell
			}
			if cells != nil {
				*cells = append(*cells, cell)
			}
		}
		switch {
		case len(r.b) == 0 && cut && r.some:
			return false
		case r.columns > 1 || len(first) > 0:
			r.some = true
			return true
		case cells != nil:
			*cells = (*cells)[:before]
		}
	}
	return false
}

func splitCell(b []byte, comma, eol byte) (cell, rest []byte, ends bool) {
	if len(b) > 0 && b[0] == '"' {
		for i := 1; i < len(b); i++ {
			if b[i] != '"' {
				continue
			}
			if i+1 < len(b) && b[i+1] == '"' {
				i++
				continue
			}
			after := bytes.TrimPrefix(b[i+1:], []byte("\r"))
			switch {
			case len(after) == 0:
				return b[1:i], nil, true
			case after[0] == eol:
				return b[1:i], after[1:], true
			case b[i+1] == comma:
				return b[1:i], b[i+2:], false
			case eol == '\r' && b[i+1] == '\r':
				return b[1:i], after, true
			}
			break
		}
	}
	for i, c := range b {
		switch c {
		case comma:
			return b[:i], b[i+1:], false
		case eol:
			return bytes.TrimSuffix(b[:i], []byte("\r")), b[i+1:], true
		}
	}
	return b, nil, true
}

// oneColumn says that lines look like the cells of a single column rather than like sentences: short, of few words.
func oneColumn(b []byte, eol byte) bool {
	lines, words := 0, 0
	for line := range bytes.SplitSeq(b, []byte{eol}) {
		if len(line) > 200 {
			return false
		}
		if len(bytes.TrimSpace(line)) > 0 {
			lines++
			words += len(bytes.Fields(line))
		}
	}
	return lines > 0 && words <= 4*lines
}

// class is what a cell looks like.
type class uint8

const (
	empty  class = iota
	number       // numbers, dates, times, amounts, phone numbers
	word         // a name or a few words
	other        // codes, addresses, URLs, long texts
)

func classify(cell []byte) class {
	cell = bytes.TrimSpace(cell)
	if len(cell) == 0 {
		return empty
	}
	letters, digits := 0, 0
	for i := 0; i < len(cell); i++ {
		switch c := cell[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= utf8.RuneSelf:
			letters++
		case c == '@':
			return other
		}
	}
	switch {
	case digits > 0 && letters <= 3 && letters*2 <= digits && !isLetter(cell[0]):
		return number
	case letters == 0, digits >= letters, len(cell) > 64, bytes.Contains(cell, []byte("://")):
		return other
	}
	return word
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// hasHeader says that the first row names the columns: all its cells look like names, none of them comes back as a value below, and either
// a column holds something else than words, or the names are usual ones, or they are written in a style that the values are not.
func hasHeader(rows [][][]byte) bool {
	if len(rows) == 0 || !couldNameColumns(rows[0]) {
		return false
	}
	head, body := rows[0], rows[1:]
	contrast := false
	for col, name := range head {
		if len(bytes.TrimSpace(name)) == 0 {
			continue
		}
		words, others := 0, 0
		for _, r := range body {
			if col >= len(r) {
				continue
			}
			if bytes.Equal(r[col], name) {
				return false
			}
			switch classify(r[col]) {
			case word:
				words++
			case number, other:
				others++
			}
		}
		contrast = contrast || others > 0 && others*10 >= (words+others)*7
	}
	return contrast || usualNames(head) || ownStyle(head, body)
}

func couldNameColumns(row [][]byte) bool {
	names, blanks := 0, 0
	var seen map[string]bool
	if len(row) > fewCells {
		seen = map[string]bool{}
	}
	for i, cell := range row {
		switch classify(cell) {
		case word:
			names++
		case empty:
			blanks++
			continue
		default:
			return false
		}
		cell = bytes.TrimSpace(cell)
		if seen == nil {
			if slices.ContainsFunc(row[:i], func(before []byte) bool { return sameInLower(bytes.TrimSpace(before), cell) }) {
				return false
			}
			continue
		}
		name := string(bytes.ToLower(cell))
		if seen[name] {
			return false
		}
		seen[name] = true
	}
	return names > 0 && blanks <= names
}

// fewCells are compared with each other before a map is made.
const fewCells = 16

// sameInLower says that two names are the same in lower case. The empty one is none.
func sameInLower(a, b []byte) bool {
	if charset.FirstWide(a) < len(a) || charset.FirstWide(b) < len(b) {
		return len(a) > 0 && bytes.Equal(bytes.ToLower(a), bytes.ToLower(b))
	}
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		if c != b[i] && (!isLetter(c) || c^0x20 != b[i]) {
			return false
		}
	}
	return len(a) > 0
}

// vocabulary holds words that columns are often called by, in some languages. It decides only where all columns hold words.
var vocabulary = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`id key name names first last middle full given family surname firstname lastname fullname user username login
		email mail phone mobile fax telephone tel address street city town state province region country zip zipcode postcode postal code
		date time timestamp created updated birth birthday birthdate dob age gender sex title type kind status category group class label
		value amount price total currency description comment comments note notes text message subject url link host ip path file
		company organization organisation department dept job role position employer account number no iban bic ssn card passport license
		password secret token apikey product item sku quantity order invoice customer client patient diagnosis language nationality
		vorname nachname anrede strasse straße plz ort stadt land geburtsdatum telefon konto betrag datum bezeichnung firma
		nom prenom prénom adresse ville pays naissance téléphone courriel societe société montant
		nombre apellido apellidos direccion dirección ciudad pais país fecha correo teléfono telefono empresa
		cognome indirizzo citta città paese data nascita azienda sobrenome endereço endereco cidade
		имя фамилия отчество адрес город страна дата телефон почта паспорт`) {
		m[w] = true
	}
	return m
}()

func usualNames(head [][]byte) bool {
	for _, name := range head {
		spaced := strings.Map(func(r rune) rune {
			if r == '_' || r == '-' || r == '.' || r == '/' {
				return ' '
			}
			return r
		}, string(name))
		for _, w := range append(strings.Fields(strings.ToLower(spaced)), strings.Fields(strings.ToLower(splitCamel(spaced)))...) {
			if vocabulary[w] {
				return true
			}
		}
	}
	return false
}

// splitCamel puts a space before capitals that follow a small letter.
func splitCamel(s string) string {
	var b strings.Builder
	small := false
	for _, r := range s {
		capital := r >= 'A' && r <= 'Z'
		if capital && small {
			b.WriteByte(' ')
		}
		small = r >= 'a' && r <= 'z'
		b.WriteRune(r)
	}
	return b.String()
}

// ownStyle says that the names are all lower case, or all upper case, and most values below are not.
func ownStyle(head [][]byte, body [][][]byte) bool {
	for _, upper := range []bool{false, true} {
		if !inStyle(head, upper, 1) {
			continue
		}
		same := 0
		for _, r := range body {
			if inStyle(r, upper, 2) {
				same++
			}
		}
		if len(body) > 0 && same*4 <= len(body) {
			return true
		}
	}
	return false
}

// inStyle says that one cell in so many, or more, is written in upper or in lower case.
func inStyle(row [][]byte, upper bool, oneIn int) bool {
	n := 0
	for _, cell := range row {
		if hasStyle(cell, upper) {
			n++
		}
	}
	return n*oneIn >= len(row)
}

func hasStyle(cell []byte, upper bool) bool {
	not := byte('A')
	if upper {
		not = 'a'
	}
	for _, c := range cell {
		switch {
		case c >= utf8.RuneSelf && upper:
			return bytes.Equal(cell, bytes.ToUpper(cell))
		case c >= utf8.RuneSelf:
			return bytes.Equal(cell, bytes.ToLower(cell))
		case c >= not && c < not+26:
			return false
		}
	}
	return true
}
