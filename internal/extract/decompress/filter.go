package decompress

import (
	"encoding/binary"
	"io"
)

// Delta undoes the filter of 7z and xz that leaves of each byte its difference to the one so many bytes before it (1 to 256).
func Delta(r io.Reader, distance int) io.Reader { return &delta{r: r, distance: distance} }

type delta struct {
	r        io.Reader
	distance int
	past     [256]byte
	at       uint8
}

func (d *delta) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	for i := range p[:n] {
		p[i] += d.past[d.at-uint8(d.distance)]
		d.past[d.at] = p[i]
		d.at++
	}
	return n, err
}

// X86 undoes the filter of 7z and xz for machine code of x86 ("BCJ"), which writes the targets of calls and jumps as addresses rather than
// distances. The rule of which of them it takes, with its memory of the last four bytes, is that of the LZMA SDK.
func X86(r io.Reader) io.Reader { return &x86{r: r} }

type x86 struct {
	r   io.Reader
	buf [4096]byte
	// What stands in buf: ready to be returned from start to done, filtered up to there, and read up to end.
	start, done, end int
	pos              uint32 // of buf[done] in the stream
	err              error

	// marks has a bit for each of the last three bytes that looked like an instruction and was not changed, the nearest one highest.
	marks uint32
}

func (x *x86) Read(p []byte) (int, error) {
	for x.start == x.done {
		if x.err != nil && x.done == x.end {
			return 0, x.err
		}
		if x.err != nil {
			x.done = x.end // the last bytes are too few for an instruction
			break
		}
		copy(x.buf[:], x.buf[x.done:x.end])
		x.start, x.done, x.end = 0, 0, x.end-x.done
		n, err := x.r.Read(x.buf[x.end:])
		x.end += n
		x.err = err
		x.filter()
	}
	n := copy(p, x.buf[x.start:x.done])
	x.start += n
	return n, nil
}

// highByte says whether the highest byte of an address is one that short distances have.
func highByte(b byte) bool { return b == 0 || b == 0xff }

// filter goes on as far as whole instructions are there.
func (x *x86) filter() {
	for x.done+5 <= x.end {
		b := x.buf[x.done:x.end]
		if b[0]&0xfe != 0xe8 { // neither CALL nor JMP
			x.step(0)
			continue
		}
		// What looked like an instruction just before may have this one for its operand.
		m := x.marks
		if m == 3 || m > 4 || m != 0 && highByte(b[m>>1+1]) || !highByte(b[4]) {
			x.step(4)
			continue
		}
		here := x.pos + 5
		v := binary.LittleEndian.Uint32(b[1:]) - here
		if shift := (m & 6) << 2; m != 0 && highByte(byte(v>>shift)) {
			v = (v ^ (0x100<<shift - 1)) - here
		}
		v &= 0x1ffffff
		v |= -(v & 0x1000000) // the sign
		binary.LittleEndian.PutUint32(b[1:], v)
		x.done += 5
		x.pos += 5
		x.marks = 0
	}
}

func (x *x86) step(mark uint32) {
	x.marks = x.marks>>1 | mark
	x.done++
	x.pos++
}
