package extract_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"unicode/utf16"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/ole/oletest"
)

// wideText returns different lines in UTF-16.
func wideText(size int64) []byte {
	var b bytes.Buffer
	if err := numbered(&b, "", ofText, size/2, ""); err != nil {
		panic(err)
	}
	wide := make([]byte, 0, 2*b.Len())
	for _, u := range utf16.Encode([]rune(b.String())) {
		wide = binary.LittleEndian.AppendUint16(wide, u)
	}
	return wide
}

// oldDocument makes a document of Word 97, whose paragraphs end with a carriage return.
func oldDocument(size int64) []byte {
	head := make([]byte, 1024)
	binary.LittleEndian.PutUint32(head, 0x00c1a5ec)
	content := bytes.ReplaceAll(wideText(size), []byte("\n\x00"), []byte("\r\x00"))
	table := []byte{2, 16, 0, 0, 0, 0, 0, 0, 0}
	table = binary.LittleEndian.AppendUint32(table, uint32(len(content)/2))
	table = append(table, 0, 0, 0, 4, 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(head[0x1a6:], uint32(len(table)))
	binary.LittleEndian.PutUint32(head[0x4c:], uint32(len(content)/2))
	binary.LittleEndian.PutUint32(head[0x18:], 1024)
	binary.LittleEndian.PutUint32(head[0x1c:], uint32(1024+len(content)))
	return oletest.File(oletest.Stream{Path: "WordDocument", Content: append(head, content...)}, oletest.Stream{Path: "0Table", Content: table})
}

func oldMessage(size int64) []byte {
	return oletest.File(oletest.Stream{Path: "__properties_version1.0", Content: make([]byte, 32)},
		oletest.Stream{Path: "__substg1.0_1000001F", Content: wideText(size)},
		oletest.Stream{Path: "__attach_version1.0_#00000000/__substg1.0_37010102", Content: wideText(size / 4)},
		oletest.Stream{Path: "__attach_version1.0_#00000000/__properties_version1.0", Content: make([]byte, 8)})
}

func oldPresentation(size int64) []byte {
	atom := binary.LittleEndian.AppendUint32([]byte{0, 0, 0xa0, 0x0f}, uint32(len(wideText(size))))
	return oletest.File(oletest.Stream{Path: "PowerPoint Document", Content: append(atom, wideText(size)...)})
}

// oldWorkbook makes a workbook of rows of a number and a string.
func oldWorkbook(rows int) []byte {
	le := binary.LittleEndian
	record := func(b []byte, kind uint16, body ...byte) []byte {
		return append(le.AppendUint16(le.AppendUint16(b, kind), uint16(len(body))), body...)
	}
	begin := func(b []byte, kind byte) []byte {
		return record(b, 0x809, 0, 6, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	stream := begin(nil, 5)
	count := (rows + 65535) / 65536
	places := make([]int, count)
	for i := range count {
		places[i] = len(stream) + 4
		stream = record(stream, 0x85, 0, 0, 0, 0, 0, 0, 1, 0, 'a'+byte(i))
	}
	stream = record(stream, 0x0a)
	for i := range count {
		le.PutUint32(stream[places[i]:], uint32(len(stream)))
		stream = begin(stream, 0x10)
		for row := range min(65536, rows-i*65536) {
			cell := le.AppendUint16(nil, uint16(row))
			stream = record(stream, 0x203, append(append(append([]byte{}, cell...), 0, 0, 0, 0), 0, 0, 0, 0, byte(row), byte(row>>8), 0x30, 0x41)...)
			s := []byte("a string of this cell and no other " + string(rune('a'+row%26)))
			stream = record(stream, 0x204, append(append(append([]byte{}, cell...), 1, 0, 0, 0, byte(len(s)), 0, 0), s...)...)
		}
		stream = record(stream, 0x0a)
	}
	return oletest.File(oletest.Stream{Path: "Workbook", Content: stream})
}

// Documents of Office before 2007 take bounded memory, with random access and spooled.
func TestMemoryOfCompoundFiles(t *testing.T) {
	const size = 48 << 20
	for _, c := range []struct {
		name    string
		make    func() []byte
		atLeast int64
	}{
		{"a.doc", func() []byte { return oldDocument(size) }, size/2 - 1},
		{"a.msg", func() []byte { return oldMessage(size) }, size/2 - 1},
		{"a.ppt", func() []byte { return oldPresentation(size) }, size/2 - 1},
		{"a.xls", func() []byte { return oldWorkbook(300_000) }, 10_000_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := written(t, c.name, func(w io.Writer) error {
				_, err := w.Write(c.make())
				return err
			})
			res, p := watched(t, o, extract.Limits{})
			known := res.Code == extract.Complete || c.name == "a.ppt" && res.Code == extract.Partial // it has no list of objects
			if !known || p.Bytes < c.atLeast {
				t.Errorf("%+v, %d bytes of text", res, p.Bytes)
			}
			t.Logf("%d KiB of heap, %d MiB of text", (int64(p.most)-int64(p.base))>>10, p.Bytes>>20)
		})
	}
}

// The references are programs: what they take to start is in their figures, some 2 ms, of Python 50.
func BenchmarkCompoundFiles(b *testing.B) {
	for _, c := range []struct {
		name      string
		content   []byte
		reference map[string][]string
	}{
		{"a.doc", oldDocument(benchSize), map[string][]string{"catdoc": {"catdoc"}}},
		{"a.msg", oldMessage(benchSize), nil},
		{"a.xls", oldWorkbook(200_000), map[string][]string{"xls2csv": {"xls2csv"}, "xlrd": {"/usr/bin/python3", "-c", `import sys, xlrd
for s in xlrd.open_workbook(sys.argv[1]).sheets():
    for r in range(s.nrows): s.row_values(r)`}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.Run("ours", func(b *testing.B) {
				bench(b, c.name, c.content, len(c.content))
			})
			file := filepath.Join(b.TempDir(), c.name)
			if err := os.WriteFile(file, c.content, 0o600); err != nil {
				b.Fatal(err)
			}
			for name, command := range c.reference {
				b.Run("reference="+name, func(b *testing.B) {
					if _, err := exec.LookPath(command[0]); err != nil {
						b.Skip(err)
					}
					b.SetBytes(int64(len(c.content)))
					for b.Loop() {
						if err := exec.Command(command[0], append(command[1:], file)...).Run(); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}
