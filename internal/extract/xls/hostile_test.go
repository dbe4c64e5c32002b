package xls_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/ole/oletest"
	"github.com/magpie-sec/magpie/internal/text"
)

// rec makes a record. Parts are bytes, strings, and numbers of one, two, four or eight bytes.
func rec(kind uint16, parts ...any) []byte {
	b := body(parts...)
	head := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, kind), uint16(len(b)))
	return append(head, b...)
}

func body(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case []byte:
			b = append(b, p...)
		case string:
			b = append(b, p...)
		case byte:
			b = append(b, p)
		case int: // two bytes
			b = binary.LittleEndian.AppendUint16(b, uint16(p))
		case uint32:
			b = binary.LittleEndian.AppendUint32(b, p)
		case float64:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(p))
		}
	}
	return b
}

var eof = rec(0x0a)

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// workbook makes a workbook of BIFF8: globals, then sheets named A, B and so on.
func workbook(globals []byte, sheets ...[]byte) []byte {
	begin := rec(0x809, 0x600, 5, uint32(0), uint32(0), uint32(0))
	pos := len(begin) + len(globals) + len(sheets)*len(rec(0x85, uint32(0), 0, byte(1), byte(0), "A")) + len(eof)
	stream := begin
	for i, s := range sheets {
		stream = append(stream, rec(0x85, uint32(pos), 0, byte(1), byte(0), string(rune('A'+i)))...)
		pos += len(s)
	}
	stream = join(stream, globals, eof, join(sheets...))
	return oletest.File(oletest.Stream{Path: "Workbook", Content: stream})
}

func sheet(records ...[]byte) []byte {
	return join(rec(0x809, 0x600, 0x10, uint32(0), uint32(0), uint32(0)), join(records...), eof)
}

func read(t testing.TB, content []byte) *extracttest.Document {
	t.Helper()
	e := extracttest.Extractor()
	e.Panicked = func(format string, stack []byte) { t.Errorf("%s panicked:\n%s", format, stack) }
	return extracttest.Extract(t, e, extract.Object{Name: "a", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)})
}

func list(d *extracttest.Document) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", d.Result.Code, d.Result.Reason)
	for _, v := range d.Values {
		fmt.Fprintf(&b, "; %s %q", strings.TrimSpace(v.Place()), v.Text)
	}
	return b.String()
}

func TestRecords(t *testing.T) {
	malformed := string(extract.MalformedOrFileSizeExceedsLimit)
	rk := func(v uint32) []byte { return body(v) }
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"numbers", workbook(nil, sheet(
			rec(0x27e, 0, 0, 0, rk(uint32(12345<<2|2))), rec(0x27e, 0, 1, 0, rk(uint32(12345<<2|3))), rec(0x27e, 0, 2, 0, rk(0x40590000)), rec(0x27e, 0, 3, 0, rk(0xffffffff-3|2)),
			rec(0xbd, 1, 0, 0, rk(1<<2|2), 0, rk(2<<2|2), 1), rec(0x203, 2, 255, 0, 4532015112830366.0), rec(0x203, 65535, 0, 0, 0.1+0.2),
			rec(0x203, 3, 0, 0, math.NaN()), rec(0x203, 3, 1, 0, 1e300), rec(0x205, 4, 0, 0, byte(1), byte(0)), rec(0x205, 4, 1, 0, byte(0x2a), byte(1)))),
			`COMPLETE ; cell "A" 1,1 "12345"; cell "A" 1,2 "123.45"; cell "A" 1,3 "100"; cell "A" 1,4 "-1"; cell "A" 2,1 "1"; cell "A" 2,2 "2"; ` +
				`cell "A" 3,256 "4532015112830366"; cell "A" 65536,1 "0.3"; cell "A" 4,2 "1E+300"; cell "A" 5,1 "TRUE"; cell "A" 5,2 "#N/A"`},
		{"strings", workbook(join(rec(0xfc, uint32(9), uint32(4), 3, byte(0), "abc", 4, byte(8), 1, "de"), rec(0x3c, byte(1), "f\x00\xac\x20", 0, 0, 2, byte(5), uint32(3), "g\x00h\x00xy"), rec(0x3c, "z", 1, byte(0)), rec(0x3c, byte(0), "i")),
			sheet(rec(0xfd, 0, 0, 0, uint32(0)), rec(0xfd, 0, 1, 0, uint32(1)), rec(0xfd, 0, 2, 0, uint32(2)), rec(0xfd, 0, 3, 0, uint32(3)), rec(0xfd, 0, 4, 0, uint32(4)), rec(0x204, 0, 5, 0, 1, byte(0), "\xe4"))),
			`COMPLETE ; cell "A" 1,1 "abc"; cell "A" 1,2 "def€"; cell "A" 1,3 "gh"; cell "A" 1,4 "i"; cell "A" 1,6 "ä"`},
		{"formulas", workbook(nil, sheet(
			rec(0x06, 0, 0, 0, body(uint32(0), 0, 0xffff), "tokens"), rec(0x4bc, "shared"), rec(0x207, 3, byte(0), "abc"), rec(0x06, 0, 1, 0, 1.5), rec(0x06, 0, 2, 0, byte(1), byte(0), byte(1), byte(0), 0, 0xffff),
			rec(0x06, 0, 3, 0, byte(2), byte(0), byte(7), byte(0), 0, 0xffff), rec(0x06, 0, 4, 0, byte(3), byte(0), 0, 0, 0xffff), rec(0x207, 1, byte(0), "x"))),
			`COMPLETE ; cell "A" 1,1 "abc"; cell "A" 1,2 "1.5"; cell "A" 1,3 "TRUE"; cell "A" 1,4 "#DIV/0!"`},
		{"dates", workbook(join(rec(0x22, 0), rec(0x41e, 164, 10, byte(0), "yyyy-mm-dd"), rec(0xe0, 0, 0), rec(0xe0, 0, 164), rec(0xe0, 0, 14)),
			sheet(rec(0x203, 0, 0, 1, 30715.0), rec(0x203, 0, 1, 2, 30715.0), rec(0x203, 0, 2, 0, 30715.0), rec(0x203, 0, 3, 99, 30715.0))),
			`COMPLETE ; cell "A" 1,1 "1984-02-03"; cell "A" 1,2 "1984-02-03"; cell "A" 1,3 "30715"; cell "A" 1,4 "30715"`},
		{"cut", workbook(nil, sheet(rec(0x203, 0, 0, 0, 1.0), []byte{3, 2, 14, 0, 9}))[:512+111], "SKIPPED " + malformed},
		{"short cell", workbook(nil, sheet(rec(0x203, 0, 0, 0, 1.0), rec(0x203, 0)), sheet(rec(0x203, 0, 0, 0, 2.0))), "PARTIAL " + malformed + `; cell "A" 1,1 "1"; cell "B" 1,1 "2"`},
		{"no sheet there", workbook(rec(0x85, uint32(99999), 0, byte(1), byte(0), "X"), sheet(rec(0x203, 0, 0, 0, 1.0))), "PARTIAL " + malformed + `; cell "A" 1,1 "1"`},
		{"count of strings", workbook(rec(0xfc, uint32(9), uint32(0xffffffff), 3, byte(0), "abc"), sheet(rec(0xfd, 0, 0, 0, uint32(0)))), `COMPLETE ; cell "A" 1,1 "abc"`},
		{"length of a string", workbook(rec(0xfc, uint32(9), uint32(1), 65535, byte(13), 65535, uint32(0xffffffff), "abc"), sheet(rec(0xfd, 0, 0, 0, uint32(0)))), `COMPLETE ; cell "A" 1,1 "扡"`},
		{"password", workbook(rec(0x2f, 0, 1, 2), sheet()), "SKIPPED " + string(extract.UnsupportedFileType)},
		{"chart in a sheet", workbook(nil, sheet(rec(0x203, 0, 0, 0, 1.0), rec(0x809, 0x600, 0x20, uint32(0), uint32(0), uint32(0)), rec(0x203, 1, 1, 0, 2.0), rec(0x100d, 0, byte(1), byte(0), "t"), eof, rec(0x203, 2, 0, 0, 3.0))),
			`COMPLETE ; cell "A" 1,1 "1"; cell "A" 3,1 "3"; line 1 "t"`},
		{"note without text", workbook(nil, sheet(rec(0x203, 0, 0, 0, 1.0), rec(0x1c, 0, 0, 0, 7, 0, byte(0)))), `COMPLETE ; cell "A" 1,1 "1"`},
		{"Excel 2", join(rec(9, 2, 0x10), rec(0x1e, byte(7), "General"), rec(0x1e, byte(10), "yyyy-mm-dd"), rec(4, 0, 0, byte(0), byte(0), byte(0), byte(4), "name"), rec(2, 1, 0, byte(0), byte(0), byte(0), 17),
			rec(3, 1, 1, byte(0), byte(1), byte(0), 30715.0), rec(6, 1, 2, byte(0), byte(0), byte(0), 0, 0, 0, 0xffff, byte(0), byte(0)), rec(7, byte(2), "ok"), eof),
			`COMPLETE ; cell "Sheet1" 1,1 "name"; cell "Sheet1" 2,1 "17"; cell "Sheet1" 2,2 "1984-02-03"; cell "Sheet1" 2,3 "ok"`},
		{"Excel 3", join(rec(0x209, 3, 0x10, 0), rec(0x42, 1251), rec(0x1e, byte(7), "General"), rec(0x1e, byte(3), "000"), rec(0x243, byte(0), byte(0), 0), rec(0x243, byte(0), byte(1), 0),
			rec(0x204, 0, 0, 0, 2, "\xc4\xe0"), rec(0x203, 1, 0, 1, 7.0), rec(0x206, 1, 1, 0, 2.5), eof), `COMPLETE ; cell "Sheet1" 1,1 "Да"; cell "Sheet1" 2,1 Да "007"; cell "Sheet1" 2,2 "2.5"`},
		{"Excel 4", join(rec(0x409, 4, 0x10, 0), rec(0x41e, 0, byte(7), "General"), rec(0x41e, 0, byte(10), "yyyy-mm-dd"), rec(0x443, byte(0), byte(1), 0), rec(0x27e, 0, 0, 0, uint32(30715<<2|2)), eof), `COMPLETE ; cell "Sheet1" 1,1 "1984-02-03"`},
	} {
		d := read(t, c.content)
		if got := list(d); got != c.want || d.MIME != "application/vnd.ms-excel" {
			t.Errorf("%s (%s):\ngot  %s\nwant %s", c.name, d.MIME, got, c.want)
		}
	}
}

// A table of strings larger than memory is referred to at random, in bounded memory.
func TestManyStrings(t *testing.T) {
	const n = 300_000
	var table bytes.Buffer
	part := body(uint32(n), uint32(n))
	for i := range n {
		s := fmt.Sprintf("string number %d of many, a little longer", i)
		if len(part)+len(s)+3 > 8000 {
			kind := uint16(0x3c)
			if table.Len() == 0 {
				kind = 0xfc
			}
			table.Write(rec(kind, part))
			part = nil
		}
		part = append(part, body(len(s), byte(0), s)...)
	}
	table.Write(rec(0x3c, part))
	var sheets [5][]byte
	for i := range n {
		s := &sheets[i/65536]
		if *s == nil {
			*s = rec(0x809, 0x600, 0x10, uint32(0), uint32(0), uint32(0))
		}
		*s = append(*s, rec(0xfd, i%65536, 0, 0, uint32(n-1-i))...)
		*s = append(*s, rec(0xfd, i%65536, 1, 0, uint32(i*7919%n))...)
	}
	for i := range sheets {
		sheets[i] = append(sheets[i], eof...)
	}
	content := workbook(table.Bytes(), sheets[:]...)
	table.Reset()
	sheets = [5][]byte{}
	e := extracttest.Extractor()
	e.Spool = extracttest.FileSpool(t)
	sink := &checked{t: t, n: n, base: alive()}
	res, err := e.Extract(t.Context(), extract.Object{Name: "a.xls", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)}, sink)
	if err != nil || res.Code != extract.Complete || sink.values != 2*n {
		t.Errorf("%+v, %v, %d values of %d MB", res, err, sink.values, len(content)>>20)
	}
	if used := sink.most - sink.base; used > 16<<20 {
		t.Errorf("%d bytes of heap", used)
	}
	runtime.KeepAlive(content)
}

func alive() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

type checked struct {
	extracttest.Stop
	t          *testing.T
	n, values  int
	base, most int64
	blocks     int
}

func (c *checked) Text(b *text.Block) error {
	if c.blocks++; c.blocks%64 == 0 {
		c.most = max(c.most, alive())
	}
	for _, s := range b.Segments {
		i := c.values / 2
		want := c.n - 1 - i
		if c.values%2 == 1 {
			want = i * 7919 % c.n
		}
		if got := string(b.Text[s.Start:s.End]); got != fmt.Sprintf("string number %d of many, a little longer", want) || s.Row != int64(i%65536+1) || s.Field.Column != c.values%2+1 {
			c.t.Fatalf("value %d: %q in row %d", c.values, got, s.Row)
		}
		c.values++
	}
	return nil
}
