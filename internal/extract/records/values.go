package records

import (
	"bytes"
	"io"
	"math"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/charset"
	"github.com/magpie-sec/magpie/internal/text"
)

// ErrExpands is a document that yields far more text than it has bytes.
var ErrExpands = &extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "yields more text than the limits allow"}

const window = 128 << 10

// Values gathers the values of a document and delivers them in blocks.
type Values struct {
	batch *extract.Batch
	buf   []byte
	n     int
	left  int64
}

// NewValues returns an empty Values for a document of that size. There is one per document.
func NewValues(out *extract.Output, size int64) *Values {
	l := out.Limits()
	v := &Values{batch: extract.NewBatch(out, text.Records), buf: make([]byte, window), left: max(l.ExtractedBytes, l.Ratio*size)}
	v.batch.Window(v.buf)
	return v
}

// Grant allows for more text, because more of a document whose size is not known was read.
func (v *Values) Grant(n int64) { v.left += min(n, math.MaxInt64/2-v.left) }

// PerValue is what a value is charged beside its text.
const PerValue = 16

// Charge counts work: a document may not make more of it than its size and the limits allow.
func (v *Values) Charge(n int64) error {
	if v.left -= n; v.left < 0 {
		return ErrExpands
	}
	return nil
}

// Longest is the longest value that is added in one piece.
const Longest = window / 4

// Room returns an empty slice with space for n bytes, at most twice Longest, to which the next value is appended before Add.
func (v *Values) Room(n int) ([]byte, error) {
	if len(v.buf)-v.n < n || v.batch.Full() {
		if err := v.Flush(); err != nil {
			return nil, err
		}
	}
	return v.buf[v.n:v.n], nil
}

// Add adds the value that was appended to Room's slice. Empty values are left out.
func (v *Values) Add(value []byte, f *text.Field, row int64, indexes []int64) error {
	if len(value) == 0 {
		return v.Charge(PerValue)
	}
	v.add(len(value), f, row, indexes, false)
	return v.Charge(PerValue + int64(len(value)))
}

func (v *Values) add(n int, f *text.Field, row int64, indexes []int64, more bool) {
	var at int32
	if len(indexes) > 0 {
		at = v.batch.Indexes(indexes)
	}
	v.batch.Add(v.n, v.n+n, f, row, at, more)
	v.n += n
}

// Ready adds a value that is UTF-8 and may be of any length.
func (v *Values) Ready(value []byte, f *text.Field, row int64, indexes []int64) error {
	n := len(value)
	if len(v.buf)-v.n < n || v.batch.Full() {
		if n > Longest {
			s := BytesSource(value)
			return v.Long(&s, int64(n), false, f, row, indexes)
		}
		if err := v.Flush(); err != nil {
			return err
		}
	}
	if n > 0 {
		copy(v.buf[v.n:], value)
		if len(indexes) == 0 {
			v.batch.Add(v.n, v.n+n, f, row, 0, false)
			v.n += n
		} else {
			v.add(n, f, row, indexes, false)
		}
	}
	if v.left -= PerValue + int64(n); v.left < 0 {
		return ErrExpands
	}
	return nil
}

// Bytes adds the bytes of a string, at most Longest of them: as they are if they are UTF-8; else with U+FFFD in them, or not at all with onlyText.
func (v *Values) Bytes(value []byte, onlyText bool, f *text.Field, row int64, indexes []int64) error {
	if !utf8.Valid(value) {
		if onlyText {
			return v.Charge(PerValue)
		}
		value = bytes.ToValidUTF8(value, []byte("\uFFFD"))
	}
	return v.Ready(value, f, row, indexes)
}

// Long reads a value of n bytes that may be longer than any memory and adds it in pieces. With onlyText a value whose first piece is no
// UTF-8 is left out.
func (v *Values) Long(s *Source, n int64, onlyText bool, f *text.Field, row int64, indexes []int64) error {
	var cut []byte // begins a character, and the next piece
	for first := true; n > 0; first = false {
		b, err := s.Full(min(n, Longest-utf8.UTFMax))
		if err != nil {
			return v.broken(s, n, cut, !first, f, row, indexes, err)
		}
		n -= int64(len(b))
		b = append(cut, b...)
		k := len(b)
		if n > 0 {
			k -= charset.Cut(b)
		}
		piece := b[:k]
		if !utf8.Valid(piece) {
			if first && onlyText {
				return s.Skip(n)
			}
			piece = bytes.ToValidUTF8(piece, []byte("\uFFFD"))
		}
		cut = append([]byte(nil), b[k:]...)
		room, err := v.Room(len(piece))
		if err != nil {
			return err
		}
		copy(room[:len(piece)], piece)
		v.add(len(piece), f, row, indexes, n > 0)
		if err := v.Charge(int64(len(piece))); err != nil {
			return err
		}
		if n > 0 {
			if err := v.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Piece adds a part of a long value, which is UTF-8 and at most Longest bytes long; more says that another part follows.
func (v *Values) Piece(value []byte, f *text.Field, row int64, indexes []int64, more bool) error {
	if len(v.buf)-v.n < len(value) || v.batch.Full() {
		if err := v.Flush(); err != nil {
			return err
		}
	}
	v.add(copy(v.buf[v.n:], value), f, row, indexes, more)
	if err := v.Charge(PerValue + int64(len(value))); err != nil || !more {
		return err
	}
	return v.Flush()
}

// broken ends a value whose document broke off, with what there is of it.
func (v *Values) broken(s *Source, n int64, cut []byte, begun bool, f *text.Field, row int64, indexes []int64, err error) error {
	b := cut
	if err == io.ErrUnexpectedEOF {
		if some, e := s.Some(min(n, Longest-utf8.UTFMax)); e == nil {
			b = append(b, some...)
		}
	}
	b = b[:len(b)-charset.Cut(b)]
	if !utf8.Valid(b) {
		b = nil
	}
	if len(b) == 0 && !begun {
		return err
	}
	room, e := v.Room(len(b))
	if e != nil {
		return e
	}
	copy(room[:len(b)], b)
	v.add(len(b), f, row, indexes, false)
	return err
}

// Flush delivers what was added.
func (v *Values) Flush() error {
	err := v.batch.Flush(v.n)
	v.n = 0
	v.batch.Window(v.buf)
	return err
}
