package ppt_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/ole/oletest"
)

// rec makes a record, a container if its kind is negative.
func rec(kind, instance int, parts ...[]byte) []byte {
	version := 0
	if kind < 0 {
		kind, version = -kind, 15
	}
	b := bytes.Join(parts, nil)
	h := binary.LittleEndian.AppendUint16(nil, uint16(version|instance<<4))
	h = binary.LittleEndian.AppendUint16(h, uint16(kind))
	return append(binary.LittleEndian.AppendUint32(h, uint32(len(b))), b...)
}

func u32(all ...uint32) []byte {
	var b []byte
	for _, v := range all {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

func chars(s string) []byte {
	var b []byte
	for _, c := range s {
		b = binary.LittleEndian.AppendUint16(b, uint16(c))
	}
	return b
}

// A show gathers objects behind one another, and where they stand.
type show struct {
	stream []byte
	at     []uint32
}

func (s *show) add(objects ...[]byte) {
	for _, o := range objects {
		s.at = append(s.at, uint32(len(s.stream)))
		s.stream = append(s.stream, o...)
	}
}

// file ends with the list of objects, which are numbered from 1. The first is the document.
func (s *show) file(token uint32, edit func(b []byte)) []byte {
	directory := uint32(len(s.stream))
	s.stream = append(s.stream, rec(0x1772, 0, u32(uint32(len(s.at))<<20|1), u32(s.at...))...)
	last := uint32(len(s.stream))
	b := u32(0, 0x03000000, 0, directory, 1, 100, 0)
	if edit != nil {
		edit(b)
	}
	s.stream = append(s.stream, rec(0xff5, 0, b)...)
	user := rec(0xff6, 0, u32(20, token, last))
	return oletest.File(oletest.Stream{Path: "PowerPoint Document", Content: s.stream}, oletest.Stream{Path: "Current User", Content: user})
}

const sound = 0xe391c05f

func slides(ids ...uint32) []byte {
	var all [][]byte
	for _, id := range ids {
		all = append(all, rec(0x3f3, 0, u32(id, 0, 0, 256+id, 0)), rec(0xfa8, 0, fmt.Appendf(nil, "title %d", id)))
	}
	return rec(-0xff0, 0, all...)
}

func slide(notes uint32, parts ...[]byte) []byte {
	return rec(-0x3ee, 0, append([][]byte{rec(0x3ef, 2, u32(0, 0, 0, 0, notes, 0))}, parts...)...)
}

func shape(parts ...[]byte) []byte {
	return rec(-0xf004, 0, append(append([][]byte{}, parts[:len(parts)-1]...), rec(-0xf00d, 0, parts[len(parts)-1]))...)
}

func TestForms(t *testing.T) {
	malformed := string(extract.MalformedOrFileSizeExceedsLimit)
	var compressed bytes.Buffer
	z := zlib.NewWriter(&compressed)
	z.Write(oletest.File(oletest.Stream{Path: "Package", Content: []byte("card in an object")}))
	z.Close()
	deep := rec(0xfa8, 0, []byte("deep"))
	for range 100 {
		deep = rec(-0xf003, 0, deep)
	}
	for _, c := range []struct {
		name string
		file func(s *show) []byte
		want string
	}{
		{"order", func(s *show) []byte {
			notes := rec(-0xff0, 2, rec(0x3f3, 0, u32(4, 0, 0, 77, 0)))
			masters := rec(-0xff0, 1, rec(0x3f3, 0, u32(5, 0, 0, 99, 0)))
			links := rec(-0x409, 0, rec(-0xfd7, 0, rec(0xfba, 0, chars("shown")), rec(0xfba, 1, chars("http://x.example/"))))
			s.add(rec(-0x3e8, 0, links, masters, slides(3, 2, 3), notes),
				slide(77, shape(rec(0xfa0, 0, chars("second slide\rnext\vline"))), rec(-0xfd9, 3, rec(0xfba, 2, chars("footer")))),
				slide(0, shape(rec(0xfa8, 0, []byte("first slide, gr\xf6\xdfe"))), shape(rec(0xfa8, 0, []byte("*"))), rec(-0xfd9, 3, rec(0xfba, 2, chars("footer"))),
					rec(-0x1388, 0, rec(-0x138a, 0, rec(0xfba, 0, chars("___PPT10")), rec(0x138b, 0, rec(-0x2ee0, 0, rec(0xfba, 0, chars("Bob")), rec(0xfba, 1, chars("comment"))))))),
				rec(-0x3f0, 0, shape(rec(0xfa8, 0, []byte("notes of the second")))),
				rec(-0x3f8, 0, shape(rec(-0xf011, 0, rec(0xbc3, 0, u32(0, 0))), rec(0xfa8, 0, []byte("Click to edit"))), shape(rec(0xfa8, 0, []byte("Example Ltd")))))
			return s.file(sound, nil)
		}, "COMPLETE  title 3|first slide, größe|footer|comment|title 2|second slide|next|line|notes of the second|title 3|Example Ltd|http://x.example/"},
		{"password", func(s *show) []byte { s.add(rec(-0x3e8, 0)); return s.file(0xf3d1c4df, nil) }, "SKIPPED UNSUPPORTED_FILE_TYPE_EXCEPTION"},
		{"circle of changes", func(s *show) []byte {
			s.add(rec(-0x3e8, 0, slides(2)), slide(0, shape(rec(0xfa8, 0, []byte("text")))))
			return s.file(sound, func(b []byte) { copy(b[8:], u32(1<<31)) })
		}, "PARTIAL " + malformed + " title 2|text"},
		{"no list of objects", func(s *show) []byte {
			s.add(rec(-0x3e8, 0, slides(2)), slide(0, shape(rec(0xfa8, 0, []byte("text")))))
			return s.file(sound, func(b []byte) { copy(b[12:], u32(5)) })
		}, "PARTIAL " + malformed + " title 2|text"},
		{"deep", func(s *show) []byte {
			s.add(rec(-0x3e8, 0, slides(2, 3)), slide(0, deep), slide(0, shape(rec(0xfa8, 0, []byte("text")))))
			return s.file(sound, nil)
		}, "PARTIAL " + malformed + " title 2|title 3|text"},
		{"absurd length", func(s *show) []byte {
			long := rec(0xfa8, 0, []byte("text"))
			copy(long[4:], u32(1<<31))
			s.add(rec(-0x3e8, 0, slides(2)), slide(0, long))
			return s.file(sound, nil)
		}, "PARTIAL " + malformed + " title 2|text"},
		{"slides that are not there", func(s *show) []byte {
			s.add(rec(-0x3e8, 0, slides(2, 9, 1)), slide(0, shape(rec(0xfa8, 0, []byte("text")))))
			return s.file(sound, nil)
		}, "COMPLETE  title 2|text|title 9|title 1"},
		{"object", func(s *show) []byte {
			object := rec(0x1011, 1, u32(3072), compressed.Bytes())
			s.add(rec(-0x3e8, 0, slides(), rec(-0x409, 0, rec(-0xfcc, 0, rec(0xfc3, 1, u32(0, 0, 0, 0, 2, 0))), rec(-0xfcc, 0, rec(0xfc3, 1, u32(0, 0, 0, 0, 3, 0))))),
				object, rec(0x1011, 1, u32(3072), []byte("no zlib")))
			return s.file(sound, nil)
		}, "PARTIAL " + malformed + " object 1/Package: card in an object"},
	} {
		content := c.file(new(show))
		e := extracttest.Extractor()
		e.Panicked = func(format string, stack []byte) { t.Errorf("%s panicked:\n%s", format, stack) }
		d := extracttest.Extract(t, e, extract.Object{Name: "a", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)})
		got := fmt.Sprintf("%s %s %s", d.Result.Code, d.Result.Reason, strings.ReplaceAll(strings.TrimSpace(d.Running), "\n", "|"))
		for _, m := range d.Members {
			got += m.Name + ": " + m.Running
		}
		if strings.TrimSpace(got) != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", c.name, got, c.want)
		}
	}
}

// Slides that overlap, and a long list of them, take no longer than the file is large.
func TestOverlappingSlides(t *testing.T) {
	var s show
	inner := bytes.Repeat(rec(-0x3ee, 0), 20_000)
	all := make([]uint32, 20_000)
	for i := range all {
		all[i] = uint32(i + 2)
	}
	s.add(rec(-0x3e8, 0, slides(all...)))
	base := uint32(len(s.stream))
	s.stream = append(s.stream, inner...)
	for i := range all {
		at := base + uint32(8*i)
		binary.LittleEndian.PutUint32(s.stream[at+4:], uint32(len(inner)-8*i-8))
		s.at = append(s.at, at)
	}
	content := s.file(sound, nil)
	res, err := extracttest.Extractor().Extract(t.Context(), extract.Object{Name: "a.ppt", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)}, new(extracttest.Stop))
	if err != nil || res.Reason != extract.MalformedOrFileSizeExceedsLimit {
		t.Errorf("%+v, %v", res, err)
	}
}
