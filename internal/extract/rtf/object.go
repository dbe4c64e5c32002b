package rtf

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/mail"
)

// maxString bounds a string in the header of an object.
const maxString = 4 << 10

// objectData reads an embedded object in OLE 1.0's format ([MS-OLEDS] 2.2.5): the file of a package, or an Office document.
func (p *parser) objectData() error {
	r := &hexReader{br: p.br}
	if !p.isHTML {
		m, src := embedded(bufio.NewReaderSize(r, 4<<10))
		if m != "" {
			if p.objects++; m[0] == '.' {
				m = fmt.Sprintf("object-%d%s", p.objects, m)
			}
			if _, err := p.out.Member(extract.Member{Name: m, Size: -1}, src); err != nil {
				return err
			}
		}
	}
	p.dest = skipped
	if r.err == nil {
		_, r.err = io.Copy(io.Discard, r)
	}
	if r.err != nil && r.err != io.EOF {
		return r.err
	}
	return nil
}

// documents are the extensions of the documents of other programs, by the beginning of their class.
var documents = []struct{ class, extension string }{
	{"Word.Document.12", ".docx"}, {"Word.DocumentMacroEnabled", ".docm"}, {"Word.", ".doc"}, {"Excel.Sheet.12", ".xlsx"}, {"Excel.SheetMacroEnabled", ".xlsm"},
	{"Excel.", ".xls"}, {"PowerPoint.Show.12", ".pptx"}, {"PowerPoint.", ".ppt"}, {"AcroExch.", ".pdf"}, {"Acrobat.", ".pdf"}, {"Package", ".ole"},
	{"Outlook.FileAttach", ".msg"}, {"MailMsgAtt", ".msg"},
}

// embedded returns the name of what an object holds and its bytes. A name with a dot in front is only an extension, an empty one stands for an object
// that is none of those that we look for.
func embedded(r *bufio.Reader) (name string, src io.Reader) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil || binary.LittleEndian.Uint32(head[4:]) != 2 {
		return "", nil
	}
	class, ok := lengthString(r)
	if !ok {
		return "", nil
	}
	for range 2 { // topic and item
		if _, ok := lengthString(r); !ok {
			return "", nil
		}
	}
	if _, err := io.ReadFull(r, head[:4]); err != nil {
		return "", nil
	}
	data := bufio.NewReaderSize(io.LimitReader(r, int64(binary.LittleEndian.Uint32(head[:4]))), 4<<10)
	start, _ := data.Peek(8)
	compound := bytes.HasPrefix(start, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"))
	if class == "Package" && !compound {
		return packaged(data)
	}
	for _, d := range documents {
		if strings.HasPrefix(class, d.class) && (compound || bytes.HasPrefix(start, []byte("PK")) || bytes.HasPrefix(start, []byte("%PDF"))) {
			return d.extension, data
		}
	}
	return "", nil
}

// lengthString reads a string with its length before it and a zero at its end.
func lengthString(r io.Reader) (string, bool) {
	var n [4]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return "", false
	}
	size := binary.LittleEndian.Uint32(n[:])
	if size > maxString {
		return "", false
	}
	b := make([]byte, size)
	_, err := io.ReadFull(r, b)
	return strings.TrimRight(string(b), "\x00"), err == nil
}

// packaged reads the header of a package: a label, a path, the path of a temporary file, and the file.
func packaged(r *bufio.Reader) (name string, src io.Reader) {
	var b [4]byte
	if _, err := io.ReadFull(r, b[:2]); err != nil || b[0] != 2 || b[1] != 0 {
		return "", nil
	}
	label, ok := zeroString(r)
	if !ok {
		return "", nil
	}
	path, ok := zeroString(r)
	if !ok {
		return "", nil
	}
	if _, err := io.ReadFull(r, b[:4]); err != nil || binary.LittleEndian.Uint16(b[2:]) != 3 { // 3: embedded
		return "", nil
	}
	if _, ok := lengthString(r); !ok {
		return "", nil
	}
	if _, err := io.ReadFull(r, b[:4]); err != nil {
		return "", nil
	}
	for _, s := range []string{label, path} {
		s = s[strings.LastIndexAny(s, `\/`)+1:]
		if name = strings.TrimLeft(mail.FileName(string(mail.Text(nil, []byte(s)))), "."); name != "" {
			break
		}
	}
	if name == "" {
		name = ".bin"
	}
	return name, io.LimitReader(r, int64(binary.LittleEndian.Uint32(b[:4])))
}

func zeroString(r *bufio.Reader) (string, bool) {
	b, err := r.ReadSlice(0)
	return strings.TrimRight(string(b), "\x00"), err == nil
}

// A hexReader decodes hexadecimal digits up to the end of their group, and the bytes of a \bin among them.
type hexReader struct {
	br  *bufio.Reader
	bin int64
	err error
}

// Read implements io.Reader.
func (h *hexReader) Read(b []byte) (n int, err error) {
	for n < len(b) && h.err == nil {
		c, err := h.br.ReadByte()
		if err != nil {
			h.err = err
			break
		}
		switch {
		case h.bin > 0:
			h.bin--
			b[n] = c
			n++
		case c == '}' || c == '{':
			h.br.UnreadByte()
			h.err = io.EOF
		case c == '\\':
			h.control()
		case hexValue(c) < 16:
			lo := h.digit()
			if lo > 15 {
				break
			}
			b[n] = hexValue(c)<<4 | lo
			n++
		}
	}
	if n > 0 {
		return n, nil
	}
	return 0, h.err
}

// digit reads the second digit of a byte, which may stand on the next line.
func (h *hexReader) digit() byte {
	for {
		c, err := h.br.ReadByte()
		if err != nil {
			h.err = err
			return 255
		}
		if v := hexValue(c); v < 16 {
			return v
		}
		if c == '}' || c == '{' || c == '\\' {
			h.br.UnreadByte()
			return 255
		}
	}
}

// control reads the number of a \bin; other words end the data.
func (h *hexReader) control() {
	b, _ := h.br.Peek(16)
	if !bytes.HasPrefix(b, []byte("bin")) {
		h.br.UnreadByte()
		h.err = io.EOF
		return
	}
	i := 3
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		h.bin = h.bin*10 + int64(b[i]-'0')
	}
	if i < len(b) && b[i] == ' ' {
		i++
	}
	h.br.Discard(i)
}
