package xls

import (
	"encoding/binary"
	"io"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/ole"
)

// Types of records ([MS-XLS] 2.3; those of BIFF2 to 4 from Microsoft's Excel File Format).
const (
	recEOF        = 0x000a
	recContinue   = 0x003c
	recBoundSheet = 0x0085
	recSST        = 0x00fc
	recFilePass   = 0x002f
	recFormat     = 0x041e
	recFormatOld  = 0x001e
	recXF         = 0x00e0
	recXF3        = 0x0243
	recXF4        = 0x0443
	rec1904       = 0x0022
	recCodePage   = 0x0042
	recHeader     = 0x0014
	recFooter     = 0x0015
	recHeaderMore = 0x089c

	recNumber   = 0x0203
	recLabel    = 0x0204
	recBoolErr  = 0x0205
	recString   = 0x0207
	recRK       = 0x027e
	recMulRK    = 0x00bd
	recFormula  = 0x0006
	recFormula3 = 0x0206
	recFormula4 = 0x0406
	recLabelSST = 0x00fd
	recRString  = 0x00d6

	recInteger2 = 0x0002
	recNumber2  = 0x0003
	recLabel2   = 0x0004
	recBoolErr2 = 0x0005
	recString2  = 0x0007

	recNote       = 0x001c
	recObj        = 0x005d
	recTXO        = 0x01b6
	recHLink      = 0x01b8
	recSeriesText = 0x100d
)

// isBOF says whether a record begins a stream or a part of it. Its version stands in the type until BIFF4.
func isBOF(kind uint16) bool {
	return kind == 0x0009 || kind == 0x0209 || kind == 0x0409 || kind == 0x0809
}

// records reads the records of a stream. The body of one is read piece by piece, across the records that continue it.
type records struct {
	r   io.ReaderAt
	out *extract.Output
	off int64 // behind the buffer
	buf []byte
	at  int
	mem []byte

	kind  uint16
	start int64 // where the record begins
	left  int   // bytes of the record, or its piece, that were not read
	key   decrypter
}

// decrypter takes the encryption off the bytes of a record's body that stand at an offset in the stream.
type decrypter interface {
	decrypt(b []byte, off int64)
}

const recordBuffer = 32 << 10

func newRecords(r io.ReaderAt, out *extract.Output) *records {
	return &records{r: r, mem: make([]byte, recordBuffer), out: out}
}

// seek moves to an offset of the stream.
func (r *records) seek(off int64) {
	r.off, r.buf, r.at, r.left = off, nil, 0, 0
}

// pos is the offset of what is read next.
func (r *records) pos() int64 { return r.off - int64(len(r.buf)-r.at) }

// fill has n bytes in the buffer, at most recordBuffer.
func (r *records) fill(n int) error {
	for len(r.buf)-r.at < n {
		k := copy(r.mem, r.buf[r.at:])
		r.at = 0
		// What is read counts against the limits of the run: sheets may be said to begin anywhere.
		m, err := r.out.Unpacked(io.NewSectionReader(r.r, r.off, int64(len(r.mem)-k))).Read(r.mem[k:])
		r.buf = r.mem[:k+m]
		r.off += int64(m)
		if m == 0 {
			if err == nil || err == io.EOF {
				err = ole.ErrCut
			}
			return err
		}
	}
	return nil
}

// next moves to the next record, passing over what is left of this one. io.EOF is the end of the stream.
func (r *records) next() error {
	if err := r.skip(r.left); err != nil {
		return err
	}
	r.start = r.pos()
	if err := r.fill(4); err != nil {
		if err == ole.ErrCut && len(r.buf) == r.at {
			return io.EOF
		}
		return err
	}
	r.kind = binary.LittleEndian.Uint16(r.buf[r.at:])
	r.left = int(binary.LittleEndian.Uint16(r.buf[r.at+2:]))
	r.at += 4
	return nil
}

// skip passes over n bytes of the record.
func (r *records) skip(n int) error {
	r.left -= n
	for n > 0 {
		if len(r.buf) == r.at {
			if err := r.fill(1); err != nil {
				return err
			}
		}
		k := min(n, len(r.buf)-r.at)
		r.at += k
		n -= k
	}
	return nil
}

// more moves to the record that continues this one, and returns false if none follows.
func (r *records) more() (bool, error) {
	for r.left == 0 {
		if err := r.fill(4); err != nil {
			if err == ole.ErrCut && len(r.buf) == r.at {
				return false, nil
			}
			return false, err
		}
		if binary.LittleEndian.Uint16(r.buf[r.at:]) != recContinue {
			return false, nil
		}
		r.left = int(binary.LittleEndian.Uint16(r.buf[r.at+2:]))
		r.at += 4
	}
	return true, nil
}

// some returns the next bytes of the record, at most n and at least one, without moving on to a continuation. It returns nothing at the end
// of the record or its piece.
func (r *records) some(n int) ([]byte, error) {
	n = min(n, r.left)
	if n == 0 {
		return nil, nil
	}
	if len(r.buf) == r.at {
		if err := r.fill(1); err != nil {
			return nil, err
		}
	}
	n = min(n, len(r.buf)-r.at)
	b := r.buf[r.at : r.at+n]
	if r.key != nil {
		r.key.decrypt(b, r.pos())
	}
	r.at += n
	r.left -= n
	return b, nil
}

// read fills p from the record and its continuations. A record that ends before gives zeros.
func (r *records) read(p []byte) error {
	for len(p) > 0 {
		if ok, err := r.more(); err != nil {
			return err
		} else if !ok {
			clear(p)
			return nil
		}
		b, err := r.some(len(p))
		if err != nil {
			return err
		}
		p = p[copy(p, b):]
	}
	return nil
}

// discard passes over n bytes of the record and its continuations.
func (r *records) discard(n int64) error {
	for n > 0 {
		ok, err := r.more()
		if err != nil || !ok {
			return err
		}
		k := int(min(n, int64(r.left)))
		if err := r.skip(k); err != nil {
			return err
		}
		n -= int64(k)
	}
	return nil
}

func (r *records) u8() (int, error) {
	var b [1]byte
	err := r.read(b[:])
	return int(b[0]), err
}

func (r *records) u16() (int, error) {
	var b [2]byte
	err := r.read(b[:])
	return int(binary.LittleEndian.Uint16(b[:])), err
}

func (r *records) u32() (int64, error) {
	var b [4]byte
	err := r.read(b[:])
	return int64(binary.LittleEndian.Uint32(b[:])), err
}
