// Package mail has what the readers of mails and of mailboxes share: lines with their numbers, header fields, encoded words and parameters, all
// read leniently, as mails are.
package mail

import (
	"bytes"
	"io"
)

// lineBuffer is how long a line may be that is seen in one piece. RFC 5322 allows 998 bytes.
const lineBuffer = 64 << 10

// Lines reads a stream by lines.
type Lines struct {
	r          io.Reader
	buf        []byte
	start      int // of the line at hand
	pos        int // behind it
	end        int // of what was read
	err        error
	number     int64 // of the line at hand
	unfinished bool  // the line at hand goes on
}

// NewLines returns the lines of r, whose first one has the number first.
func NewLines(r io.Reader, first int64) *Lines {
	return &Lines{r: r, buf: make([]byte, lineBuffer), number: first - 1}
}

// Number is the 1-based number of the line at hand.
func (l *Lines) Number() int64 { return l.number }

// Partial says that the line at hand goes on with what Next returns next.
func (l *Lines) Partial() bool { return l.unfinished }

// Next returns the next line with its end, or a part of a line of more than 64 KiB. The error comes after the last line.
func (l *Lines) Next() ([]byte, error) {
	l.start = l.pos
	n := l.find()
	if n == 0 {
		return nil, l.err
	}
	if !l.unfinished {
		l.number++
	}
	l.unfinished = l.buf[l.pos+n-1] != '\n' && l.err == nil
	l.pos += n
	return l.buf[l.start:l.pos], nil
}

// Line returns the line at hand once more, which Peek may have moved.
func (l *Lines) Line() []byte { return l.buf[l.start:l.pos] }

// Peek returns the line behind the one at hand, as much of it as fits in beside that; nil at the end. What Next returned is to be asked for
// again with Line.
func (l *Lines) Peek() []byte {
	n := l.find()
	return l.buf[l.pos : l.pos+n]
}

// find returns the length of the line at pos, and reads as much as it takes to see its end.
func (l *Lines) find() int {
	from := 0
	for {
		if i := bytes.IndexByte(l.buf[l.pos+from:l.end], '\n'); i >= 0 {
			return from + i + 1
		}
		from = l.end - l.pos
		if l.err != nil {
			return from
		}
		if l.end == len(l.buf) {
			if l.start == 0 {
				return from
			}
			copy(l.buf, l.buf[l.start:l.end])
			l.pos, l.end, l.start = l.pos-l.start, l.end-l.start, 0
		}
		for idle := 0; ; idle++ {
			n, err := l.r.Read(l.buf[l.end:])
			l.end, l.err = l.end+n, err
			if n > 0 || err != nil {
				break
			}
			if idle > 100 {
				l.err = io.ErrNoProgress
				break
			}
		}
	}
}

// Content returns a line without its end, and the end ("\r\n", "\n" or none).
func Content(line []byte) (content []byte, end string) {
	n := len(line)
	switch {
	case n >= 2 && line[n-1] == '\n' && line[n-2] == '\r':
		return line[:n-2], "\r\n"
	case n >= 1 && line[n-1] == '\n':
		return line[:n-1], "\n"
	}
	return line, ""
}
