// Package allow holds allow lists: texts that are not to be reported although an identifier finds them (macie.md 2.4). A list is compiled
// once and shared; Lists.Allows answers for one value.
package allow

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"unicode"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/detect/custom"
)

// The limits of a list of words.
const (
	MaxEntries    = 100_000
	MaxEntry      = 90       // characters
	MaxBytes      = 35 << 20 // of the file
	maxEntryBytes = MaxEntry * utf8.UTFMax
)

// The errors of Words, for errors.Is.
var (
	// ErrEmpty says that a file has no entries.
	ErrEmpty = errors.New("the list has no entries")
	// ErrOversize says that a file has more bytes or entries than a list may have.
	ErrOversize = errors.New("the list is too large")
	// ErrMalformed says that an entry is too long or that the file is not text in UTF-8.
	ErrMalformed = errors.New("the list cannot be read")
)

// A List is an allow list: a pattern, or words. It is immutable.
type List struct {
	pattern *custom.Pattern

	// text holds the folded words one after the other, each behind its length (two bytes); table is a hash table of their places in it plus
	// 1, its length a power of two.
	text  []byte
	table []uint32
	count int
}

// seed is that of all tables of the process.
var seed = maphash.MakeSeed()

// Regex makes a list of a pattern. The error says what is wrong with it, as that of custom.Check.
func Regex(pattern string) (*List, error) {
	p, err := custom.NewPattern(pattern)
	if err != nil {
		return nil, err
	}
	return &List{pattern: p}, nil
}

// Words reads a list of words: one for each line, blank lines left out. It reads no further than the limits, and its memory is bounded by them.
// It returns ErrEmpty, ErrOversize or ErrMalformed, wrapped, and the reader's own errors as they are.
func Words(r io.Reader) (*List, error) {
	l := &List{}
	counted := &countingReader{r: r}
	in := bufio.NewReaderSize(counted, 64<<10)
	if head, _ := in.Peek(3); string(head) == "\xEF\xBB\xBF" {
		in.Discard(3) // a byte order mark
	}
	for number := 1; ; number++ {
		line, err := in.ReadSlice('\n')
		switch {
		case counted.n > MaxBytes:
			return nil, fmt.Errorf("%w: more than %d bytes", ErrOversize, MaxBytes)
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("%w: line %d is longer than %d characters", ErrMalformed, number, MaxEntry)
		case err != nil && err != io.EOF:
			return nil, err
		}
		if entry := bytes.TrimSpace(line); len(entry) > 0 {
			if !utf8.Valid(entry) || bytes.IndexByte(entry, 0) >= 0 {
				return nil, fmt.Errorf("%w: line %d is not text in UTF-8", ErrMalformed, number)
			}
			if n := utf8.RuneCount(entry); n > MaxEntry {
				return nil, fmt.Errorf("%w: line %d has %d characters, and may have %d", ErrMalformed, number, n, MaxEntry)
			}
			l.add(entry)
			if l.count > MaxEntries {
				return nil, fmt.Errorf("%w: more than %d entries", ErrOversize, MaxEntries)
			}
		}
		if err == io.EOF {
			break
		}
	}
	if l.count == 0 {
		return nil, ErrEmpty
	}
	l.text = bytes.Clone(l.text)
	return l, nil
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// add adds an entry. Entries that are alike but for case and white space count each, and are kept once.
func (l *List) add(entry []byte) {
	l.count++
	var buffer [maxEntryBytes]byte
	word, ok := fold(buffer[:0], entry)
	if !ok {
		return // not reached: folding never makes an entry longer than the buffer
	}
	if l.count*2 > len(l.table) {
		l.grow()
	}
	at := l.slot(word)
	if l.table[at] != 0 {
		return
	}
	l.table[at] = uint32(len(l.text)) + 1
	l.text = append(l.text, byte(len(word)), byte(len(word)>>8))
	l.text = append(l.text, word...)
}

// grow doubles the table.
func (l *List) grow() {
	old := l.table
	l.table = make([]uint32, max(64, 2*len(old)))
	for _, place := range old {
		if place != 0 {
			l.table[l.slot(l.word(place))] = place
		}
	}
}

// word returns the word at a place.
func (l *List) word(place uint32) []byte {
	at := place - 1
	n := uint32(l.text[at]) | uint32(l.text[at+1])<<8
	return l.text[at+2 : at+2+n]
}

// slot returns where the word is in the table, or where it would be.
func (l *List) slot(word []byte) int {
	mask := len(l.table) - 1
	at := int(maphash.Bytes(seed, word)) & mask
	for l.table[at] != 0 && !bytes.Equal(l.word(l.table[at]), word) {
		at = (at + 1) & mask
	}
	return at
}

// Lists are the allow lists of a scan.
type Lists []*List

// Allows reports whether a value is on one of the lists: it matches a pattern completely, or is one of the words but for case, white space
// around it, and how much white space of which kind stands between its words.
func (ls Lists) Allows(value []byte) bool {
	if len(ls) == 0 {
		return false
	}
	var buffer [maxEntryBytes]byte
	var word []byte
	folded, fits := false, false
	for _, l := range ls {
		if l.pattern != nil {
			if l.pattern.Matches(value) {
				return true
			}
			continue
		}
		if !folded {
			word, fits = fold(buffer[:0], value)
			folded = true
		}
		if fits && l.table[l.slot(word)] != 0 {
			return true
		}
	}
	return false
}

// fold appends the form in which words are compared, and reports false if it does not fit into dst's capacity: then it is no word.
func fold(dst, value []byte) ([]byte, bool) {
	space := false
	for i := 0; i < len(value); {
		r, size := rune(value[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(value[i:])
		}
		i += size
		if unicode.IsSpace(r) {
			space = len(dst) > 0
			continue
		}
		r = foldRune(r)
		need := utf8.RuneLen(r)
		if space {
			need++
		}
		if len(dst)+need > cap(dst) {
			return nil, false
		}
		if space {
			dst = append(dst, ' ')
			space = false
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst, true
}

// foldRune returns the same for all characters that differ in case alone.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if r >= 'A' && r <= 'Z' {
			r |= 0x20
		}
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if least >= 'A' && least <= 'Z' {
		least |= 0x20
	}
	return least
}
