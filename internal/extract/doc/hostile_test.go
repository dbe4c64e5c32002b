package doc_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/ole/oletest"
)

// A piece is text as the table of pieces refers to it.
type piece struct {
	at     int
	length int // in characters
	bytes  bool
}

// word97 makes a document of text in the main stream from offset 1024 on, and a table of pieces.
func word97(main []byte, flags uint16, pieces ...piece) []byte {
	head, table := streams(main, flags, pieces...)
	return oletest.File(oletest.Stream{Path: "WordDocument", Content: head}, oletest.Stream{Path: "0Table", Content: table})
}

// plain makes one of text in bytes.
func plain(s string, flags uint16) []byte { return word97([]byte(s), flags, piece{1024, len(s), true}) }

func streams(main []byte, flags uint16, pieces ...piece) (head, table []byte) {
	head = make([]byte, 1024)
	binary.LittleEndian.PutUint16(head, 0xa5ec)
	binary.LittleEndian.PutUint16(head[2:], 0x00c1)
	binary.LittleEndian.PutUint16(head[10:], flags)
	clx := []byte{1, 2, 0, 'x', 'y', 2}
	clx = binary.LittleEndian.AppendUint32(clx, uint32(4+12*len(pieces)))
	cp := 0
	for _, p := range pieces {
		clx = binary.LittleEndian.AppendUint32(clx, uint32(cp))
		cp += p.length
	}
	clx = binary.LittleEndian.AppendUint32(clx, uint32(cp))
	for _, p := range pieces {
		fc := uint32(p.at)
		if p.bytes {
			fc = uint32(p.at)*2 | 0x40000000
		}
		clx = append(clx, 0, 0)
		clx = append(binary.LittleEndian.AppendUint32(clx, fc), 0, 0)
	}
	binary.LittleEndian.PutUint32(head[0x1a2:], 100)
	binary.LittleEndian.PutUint32(head[0x1a6:], uint32(len(clx)))
	return append(head, main...), append(make([]byte, 100), clx...)
}

// word6 makes a document of the versions 6 and 95, whose text stands in one stretch.
func word6(language uint16, text []byte) []byte {
	head := make([]byte, 0x300)
	binary.LittleEndian.PutUint16(head, 0xa5dc)
	binary.LittleEndian.PutUint16(head[2:], 0x0068)
	binary.LittleEndian.PutUint16(head[6:], language)
	binary.LittleEndian.PutUint32(head[0x18:], 0x300)
	binary.LittleEndian.PutUint32(head[0x1c:], uint32(0x300+len(text)))
	binary.LittleEndian.PutUint32(head[0x34:], uint32(len(text)))
	return oletest.File(oletest.Stream{Path: "WordDocument", Content: append(head, text...)})
}

func wide(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func extractDoc(t testing.TB, content []byte) *extracttest.Document {
	e := extracttest.Extractor()
	e.Panicked = func(format string, stack []byte) { t.Errorf("%s panicked:\n%s", format, stack) }
	return extracttest.Extract(t, e, extract.Object{Name: "a.doc", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)})
}

func TestForms(t *testing.T) {
	fast := append([]byte("world, card 4111 and \r"), wide("größe \U0001F600 日本\r")...)
	long := strings.Repeat("some words of a long text, \U0001F600 ", 5000)
	malformed := string(extract.MalformedOrFileSizeExceedsLimit)
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"saved fast", word97(fast, 4, piece{1024 + 22, 6, false}, piece{1024, 22, true}, piece{1024 + 22 + 12, 6, false}), "COMPLETE  größe world, card 4111 and \n\U0001F600 日本\n"},
		{"long", word97(wide(long), 0, piece{1024, len(utf16.Encode([]rune(long))), false}), "COMPLETE  " + long + "\n"},
		{"Windows-1252", plain("\x93quoted\x94 \x80 5\r", 0), "COMPLETE  “quoted” € 5\n"},
		{"Word 95", word6(0x407, []byte("Gr\xf6\xdfe\rNa\x07Nu\x07\x07Bob\x0712\x07\x07end\r")), "COMPLETE  Größe\nNa\tNu\nBob\t12\nend\n"},
		{"Word 95, Russian", word6(0x419, []byte("\xcf\xf0\xe8\xe2\xe5\xf2\r")), "COMPLETE  Привет\n"},
		{"fields", plain("a \x13 DATE \\@ \"dd\" \x142 May\x15, \x13 HYPERLINK \"http://x.example/\x13 PAGE \x14\x37\x15\" \x14here\x15 b\x1e\x1fc\rd\r", 0),
			"COMPLETE  a 2 May, here b-c\nHYPERLINK \"http://x.example/ PAGE 7\"\nd\n"},
		{"field without end", plain("a \x13 text that goes on\rand on\r", 0), "COMPLETE  a  text that goes on and on \n"},
		{"ends of fields", plain("\x15\x14a\x15\x14b\r", 0), "COMPLETE  ab\n"},
		{"password", plain("a\r", 0x100), "SKIPPED UNSUPPORTED_FILE_TYPE_EXCEPTION "},
		{"piece outside", word97([]byte("ab\r"), 0, piece{1024, 3, true}, piece{1024, 5000, false}, piece{90000, 10, true}), "PARTIAL " + malformed + " ab\n扡\n"},
		{"no pieces", word97([]byte("ab\r"), 0), "COMPLETE  "},
		{"no table", plain("ab\r", 0x200), "SKIPPED " + malformed + " "},
		{"no header", oletest.File(oletest.Stream{Path: "WordDocument", Content: []byte("abc")}), "SKIPPED " + malformed + " "},
	} {
		d := extractDoc(t, c.content)
		if got := fmt.Sprintf("%s %s %s", d.Result.Code, d.Result.Reason, d.Running); got != c.want {
			t.Errorf("%s:\ngot  %.300q\nwant %.300q", c.name, got, c.want)
		}
	}
}

// Pieces that all refer to the same text are a bomb.
func TestManyPieces(t *testing.T) {
	pieces := make([]piece, 20_000)
	for i := range pieces {
		pieces[i] = piece{1024, 1 << 20, true}
	}
	content := word97(bytes.Repeat([]byte("some text "), 1<<17), 0, pieces...)
	sink := new(extracttest.Stop)
	res, err := extracttest.Extractor().Extract(t.Context(), extract.Object{Name: "a.doc", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)}, sink)
	if err != nil || res.Code != extract.Partial || res.Reason != extract.ArchiveTotalBytesExtractedOverLimit {
		t.Errorf("%+v, %v after %d bytes", res, err, sink.Bytes)
	}
}

// What is embedded is delivered under a name: a document of Office with its streams, a file as it is, a file that was dropped into the text.
func TestEmbedded(t *testing.T) {
	native := append([]byte{0, 0, 0, 0, 2, 0}, "C:\\a\\cards.txt\x00C:\\a\\cards.txt\x00\x00\x00\x03\x00\x05\x00\x00\x00C:\\t\x00\x09\x00\x00\x00card 4111tail"...)
	head, table := streams([]byte("outer\r"), 0, piece{1024, 6, true})
	content := oletest.File(
		oletest.Stream{Path: "WordDocument", Content: head},
		oletest.Stream{Path: "0Table", Content: table},
		oletest.Stream{Path: "ObjectPool/_1/WordDocument", Content: head},
		oletest.Stream{Path: "ObjectPool/_1/0Table", Content: table},
		oletest.Stream{Path: "ObjectPool/_2/Package", Content: []byte("name,card\nbob,4111\n")},
		oletest.Stream{Path: "ObjectPool/_3/\x01Ole10Native", Content: native},
		oletest.Stream{Path: "ObjectPool/_4/\x03ObjInfo", Content: []byte("abc")},
	)
	d := extractDoc(t, content)
	var got []string
	for _, m := range d.Members {
		got = append(got, m.Name+" "+m.MIME+" "+strings.Join(m.Texts(), "|"))
	}
	want := "ObjectPool/_1.doc application/msword outer\n;ObjectPool/_2/Package text/plain name,card\nbob,4111\n;ObjectPool/_3/cards.txt text/plain card 4111"
	if s := strings.Join(got, ";"); s != want || d.Running != "outer\n" || d.Result.Code != extract.Complete {
		t.Errorf("%+v\ngot  %q\nwant %q", d.Result, s, want)
	}
}
