package detect

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// A lineCounter knows line and column of a position that only moves forward.
type lineCounter struct {
	at     int64 // position, in the scanner's count
	line   int64 // 1-based
	column int64 // characters before at on its line
}

// advance moves over t, which begins at the counter's position.
func (c *lineCounter) advance(t []byte) {
	c.at += int64(len(t))
	if n := bytes.Count(t, newline); n > 0 {
		c.line += int64(n)
		c.column = 0
		t = t[bytes.LastIndexByte(t, '\n')+1:]
	}
	c.column += int64(characters(t))
}

var newline = []byte{'\n'}

// characters counts the characters of t. It counts the bytes that begin one, so that a text cut within a character has the same sum.
func characters(t []byte) int {
	n := 0
	for len(t) >= 8 {
		x := binary.LittleEndian.Uint64(t)
		n += 8 - bits.OnesCount64(x>>7&^(x>>6)&0x0101010101010101)
		t = t[8:]
	}
	for _, b := range t {
		if b&0xC0 != 0x80 {
			n++
		}
	}
	return n
}
