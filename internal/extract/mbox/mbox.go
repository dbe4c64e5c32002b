// Package mbox reads mailboxes in the formats mboxo, mboxrd, mboxcl and mboxcl2, which is what mail programs export, mailing lists archive and
// git format-patch writes. Messages are members under their number: "message-3.eml" is the third one, and lines are counted from the first of its
// header.
package mbox

import (
	"bytes"
	"fmt"
	"io"
	"strconv"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/mail"
)

// Format is a mailbox.
var Format = extract.Format{
	Name: "mbox",
	MIME: "application/mbox",
	About: extract.About{
		Title: "mailboxes (mbox)",
		Reads: "Every message as a member, `message-3.eml` for the third one, without the quotes before `From ` in its text.",
		Leaves: "The lines `From ` between messages, which repeat the sender's address and the time. A message starts where such a line with a time and " +
			"a year is followed by a header; `Content-Length` is believed only where it does not hide the header of a mail.",
		Sniffed: "A line `From ` with a time and a year, then a field of a header.",
		Places:  "Lines of the message, counted from its header, with the message's name.",
	},
	Extensions: []string{"mbox", "mbx", "mboxrd", "patch"},
	Archive:    true,
	MaxBytes:   20 * extract.GB,
	First:      "F\r\n",
	Match:      match,
	Extract:    read,
}

func match(h *extract.Head) extract.Score {
	b := bytes.TrimLeft(h.Bytes, "\r\n")
	first, rest, ok := bytes.Cut(b[:min(len(b), 4096)], []byte("\n"))
	if ok && mail.Separator(first) && begins(rest) {
		return extract.Certain
	}
	return extract.No
}

// begins says that a header may begin with the line: with a field, or with a separator that was quoted when a mailbox was put into another.
func begins(line []byte) bool { return mail.Name(line) > 0 || bytes.HasPrefix(line, []byte(">From ")) }

func read(in *extract.Input, out *extract.Output) error {
	b := &box{lines: mail.NewLines(in, 1), last: true}
	for b.err == nil && !b.found { // up to the first separator
		b.line()
		b.buf = b.buf[:0]
	}
	for n := 1; b.found; n++ {
		b.begin()
		if _, err := out.Member(extract.Member{Name: fmt.Sprintf("message-%d.eml", n), Size: -1}, b); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, b); err != nil { // what the reader of the message left
			return err
		}
	}
	if b.err != io.EOF {
		return b.err
	}
	return nil
}

// A box reads the lines of the message at hand. Its reader ends at the separator before the next message.
type box struct {
	lines *mail.Lines
	err   error
	found bool // the line at hand is a separator

	buf    []byte // what is to be read
	off    int
	header bool   // this is the message's header
	blank  []byte // the end of an empty line, which may belong to the separator that follows
	length int64  // how much of the body is left by Content-Length
	last   bool   // the last line was empty
}

// begin makes ready for a message.
func (b *box) begin() {
	b.found, b.header, b.last, b.length = false, true, false, 0
	b.buf, b.off, b.blank = b.buf[:0], 0, b.blank[:0]
}

// Read implements io.Reader.
func (b *box) Read(p []byte) (int, error) {
	for b.off == len(b.buf) {
		b.buf, b.off = b.buf[:0], 0
		switch {
		case b.found:
			return 0, io.EOF
		case b.err != nil:
			return 0, b.err
		}
		for len(b.buf) < batch && !b.found && b.err == nil {
			b.line()
		}
	}
	n := copy(p, b.buf[b.off:])
	b.off += n
	return n, nil
}

// batch is about how much is taken from the mailbox at a time.
const batch = 16 << 10

// line takes the next line into the message, or finds that it separates it from the next one.
func (b *box) line() {
	middle := b.lines.Partial()
	line, err := b.lines.Next()
	if err != nil {
		b.buf = append(b.buf, b.blank...)
		b.blank, b.err = b.blank[:0], err
		return
	}
	if !middle && len(line) > 5 && line[0] == 'F' && mail.Separator(line) {
		if b.separates() {
			b.found = true
			return
		}
		line = b.lines.Line()
	}
	b.buf = append(b.buf, b.blank...)
	b.blank = b.blank[:0]
	content, _ := mail.Content(line)
	b.last = len(content) == 0 && !middle
	switch {
	case b.header && b.last:
		b.header = false
	case b.header && !middle:
		if name, _ := mail.Field(content); name == "content-length" {
			b.length, _ = strconv.ParseInt(string(bytes.TrimSpace(mail.Value(content))), 10, 64)
		}
	case !b.header:
		b.length -= int64(len(line))
		if b.last {
			b.blank = append(b.blank, line...)
			return
		}
	}
	if !middle && !b.header && quoted(line) {
		line = line[1:]
	}
	b.buf = append(b.buf, line...)
}

// separates says that a message begins behind the separator at hand, and that it is no text of the message before. An empty line goes before it,
// or else a field that mails have follows; where Content-Length says that it is text, both.
func (b *box) separates() bool {
	next, _ := mail.Content(b.lines.Peek())
	_, known := mail.Field(next)
	telling := known >= mail.Weak || bytes.HasPrefix(next, []byte(">From "))
	if !b.header && b.length > 0 {
		return telling && b.last
	}
	return begins(next) && (b.last || telling)
}

// quoted says that a line of text was quoted, as it would have been taken for a separator.
func quoted(line []byte) bool {
	if len(line) == 0 || line[0] != '>' {
		return false
	}
	return bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From "))
}
