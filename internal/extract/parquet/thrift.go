package parquet

import (
	"errors"
	"io"

	"github.com/magpie-sec/magpie/internal/extract/records"
)

// Types of Thrift's compact protocol (thrift-compact-protocol.md of Apache Thrift).
const (
	tStop   = 0
	tTrue   = 1
	tFalse  = 2
	tByte   = 3
	tI16    = 4
	tI32    = 5
	tI64    = 6
	tDouble = 7
	tBinary = 8
	tList   = 9
	tSet    = 10
	tMap    = 11
	tStruct = 12
	tUUID   = 13
)

// maxDepth is how deep structs may stand in one another: those of Parquet come to six.
const maxDepth = 32

var errThrift = errors.New("metadata are no Thrift")

// thrift reads metadata as a stream: nothing is kept but what the callers take.
type thrift struct {
	records.Source
	depth int
}

// structure calls field with the number and type of each field, which must read its value or skip it.
func (t *thrift) structure(field func(id int, typ byte) error) error {
	if t.depth++; t.depth > maxDepth {
		return errThrift
	}
	id := 0
	for {
		b, err := t.Byte()
		if err != nil {
			return err
		}
		if b == tStop {
			t.depth--
			return nil
		}
		if delta := int(b >> 4); delta > 0 {
			id += delta
		} else {
			v, err := t.Varint()
			if err != nil {
				return err
			}
			id = int(v)
		}
		if id < 0 || id > 1<<15 {
			return errThrift
		}
		if err := field(id, b&15); err != nil {
			return err
		}
	}
}

// list returns the number of elements and their type.
func (t *thrift) list() (n uint64, typ byte, err error) {
	b, err := t.Byte()
	if err != nil {
		return 0, 0, err
	}
	if n = uint64(b >> 4); n == 15 {
		n, err = t.Uvarint()
	}
	return n, b & 15, err
}

func (t *thrift) integer(typ byte) (int64, error) {
	switch typ {
	case tByte:
		b, err := t.Byte()
		return int64(int8(b)), err
	case tI16, tI32, tI64:
		return t.Varint()
	}
	return 0, errThrift
}

// text returns the first max bytes of a string.
func (t *thrift) text(typ byte, max int) (string, error) {
	if typ != tBinary {
		return "", errThrift
	}
	n, err := t.Uvarint()
	if err != nil || n > 1<<31 {
		return "", or(err, errThrift)
	}
	k := min(n, uint64(max))
	b, err := t.Need(int(k))
	s := string(b)
	if err != nil {
		return "", err
	}
	return s, t.Skip(int64(n - k))
}

func or(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// skip goes behind a field's value.
func (t *thrift) skip(typ byte) error {
	switch typ {
	case tTrue, tFalse:
		return nil
	case tByte:
		return t.Skip(1)
	case tI16, tI32, tI64:
		_, err := t.Uvarint()
		return err
	case tDouble:
		return t.Skip(8)
	case tUUID:
		return t.Skip(16)
	case tBinary:
		n, err := t.Uvarint()
		if err != nil || n > 1<<31 {
			return or(err, errThrift)
		}
		return t.Skip(int64(n))
	case tStruct:
		return t.structure(func(_ int, typ byte) error { return t.skip(typ) })
	case tList, tSet:
		n, typ, err := t.list()
		if err != nil {
			return err
		}
		return t.elements(n, typ)
	case tMap:
		n, err := t.Uvarint()
		if err != nil || n == 0 {
			return err
		}
		types, err := t.Byte()
		if err != nil {
			return err
		}
		for range n {
			if err := t.skipElement(types >> 4); err != nil {
				return err
			}
			if err := t.skipElement(types & 15); err != nil {
				return err
			}
		}
		return nil
	}
	return errThrift
}

func (t *thrift) elements(n uint64, typ byte) error {
	for range n {
		if err := t.skipElement(typ); err != nil {
			return err
		}
	}
	return nil
}

// skipElement skips a list's element; other than a field's, a boolean takes a byte there.
func (t *thrift) skipElement(typ byte) error {
	if t.depth++; t.depth > maxDepth {
		return errThrift
	}
	defer func() { t.depth-- }()
	if typ == tTrue || typ == tFalse {
		return t.Skip(1)
	}
	return t.skip(typ)
}

// newThrift reads metadata between two offsets.
func newThrift(r io.ReaderAt, from, to int64, window []byte) *thrift {
	return &thrift{Source: records.NewSource(io.NewSectionReader(r, from, to-from), window)}
}
