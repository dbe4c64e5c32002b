package extract_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/text"
)

// memoryLimit is how much heap one object may take at most. What is asked for is 64 MiB; what is wanted 16.
const memoryLimit = 16 << 20

// peak is a sink that watches the heap.
type peak struct {
	extracttest.Stop
	base, most uint64
	documents  int
}

// look counts what is alive, not what the collector has not come to yet: that depends on its settings.
func (p *peak) look() {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.most = max(p.most, m.HeapAlloc)
}

func (p *peak) Begin(d extract.Document) error {
	if p.documents%8192 == 0 {
		p.look()
	}
	p.documents++
	return nil
}

func (p *peak) Text(b *text.Block) error {
	if p.Blocks%256 == 0 {
		p.look()
	}
	return p.Stop.Text(b)
}

func (p *peak) End(extract.Document, extract.Result) error { return nil }

// watched extracts an object and fails if its memory exceeds the limit.
func watched(t *testing.T, o extract.Object, l extract.Limits) (extract.Result, *peak) {
	t.Helper()
	return watchedWithin(t, o, l, memoryLimit)
}

// watchedWithin is watched for documents whose decompressors must keep more.
func watchedWithin(t *testing.T, o extract.Object, l extract.Limits, limit int64) (extract.Result, *peak) {
	t.Helper()
	e := extracttest.Extractor()
	e.Spool = extracttest.FileSpool(t)
	e.Limits = l
	p := new(peak)
	p.look()
	p.base, p.most = p.most, 0
	res, err := e.Extract(context.Background(), o, p)
	if err != nil {
		t.Fatal(err)
	}
	p.look()
	if used := int64(p.most) - int64(p.base); used > limit {
		t.Errorf("%s: %d bytes of heap", o.Name, used)
	}
	return res, p
}

// repeated yields a head, then a body many times, then a tail, without holding it.
func repeated(head, body string, times int64, tail string) io.Reader {
	return io.MultiReader(strings.NewReader(head), &repeat{body: bytes.Repeat([]byte(body), max(1, 64<<10/len(body))), left: times * int64(len(body))}, strings.NewReader(tail))
}

type repeat struct {
	body []byte
	at   int
	left int64
}

func (r *repeat) Read(p []byte) (n int, err error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	for n < len(p) && r.left > 0 {
		k := copy(p[n:], r.body[r.at:])
		k = int(min(int64(k), r.left))
		n, r.at, r.left = n+k, (r.at+k)%len(r.body), r.left-int64(k)
	}
	return n, nil
}

// Whatever the size and the shape, a document takes a few MiB, and all of its text arrives.
func TestMemoryIsBounded(t *testing.T) {
	const mega, giga = 1 << 20, 1 << 30
	for _, c := range []struct {
		name        string
		head, body  string
		times       int64
		tail        string
		atLeast     int64 // bytes of text that must arrive
		whatFollows extract.Result
	}{
		{"line of 10 GB.log", "", "0123456789abcdef", 10 * giga / 16, "", 10 * giga, extract.Result{Code: extract.Complete, Bytes: 10 * giga}},
		{"cell of 100 MB.csv", "id,note\n1,\"", "some text, \n\"\"quoted\"\" ", 100 * mega / 23, "\"\n2,x\n", 90 * mega, extract.Result{}},
		{"string of 256 MB.json", `{"a":"`, `some longer text, as it comes \u00e9\n`, 256 * mega / 38, `","b":"x"}`, 192 * mega, extract.Result{}},
		{"number of 100 MB.json", `[`, `1234567890`, 10 * mega, `]`, 100 * mega, extract.Result{}},
		{"key of 100 MB.json", `{"`, `some\tname `, 100 * mega / 11, `":"x"}`, 90 * mega, extract.Result{}},
		{"bad line of 100 MB.jsonl", "{\"a\":1}\n{\"a\":2}\n{oops ", "some text ", 10 * mega, "\n{\"a\":3}\n", 100 * mega, extract.Result{}},
		{"millions of columns.csv", "a,b,c\n1,2,3\n4,5,6\n", "column,", 5 * mega, "\n1,2,3\n", 30 * mega, extract.Result{}},
		{"millions of column names.csv", "", "column,", 5 * mega, "x\n1,2,3\n", 30 * mega, extract.Result{}},
		{"blanks of 256 MB.json", `{"a":`, " ", 256 * mega, `"x"}`, 1, extract.Result{}},
		{"lines of 256 MB.csv", "a,b\n1,2\n", "\n", 256 * mega, "3,4\n", 4, extract.Result{}},
		{"shallow arrays.json", "[", "[[[[[[[[1,2,3]]]]]]]],", 10 * mega, "1]", 30 * mega, extract.Result{}},
		{"utf-16 of 256 MB.txt", "\xff\xfe", "a\x00b\x00", giga / 16, "", giga / 8, extract.Result{}},
		{"cell of 100 MB.tsv", "id\tnote\n1\t\"", "some text, \n\"\"quoted\"\" ", 100 * mega / 23, "\"\n2\tx\n", 90 * mega, extract.Result{}},
		{"table of 100 MB.html", "<!doctype html><table>", "<tr><td>523-45-6781</td><td>some &amp; text</td></tr>\n", 2 * mega, "</table>", 50 * mega, extract.Result{}},
		{"attribute of 100 MB.html", `<!doctype html><p title="`, "some text ", 10 * mega, `">x</p>`, 90 * mega, extract.Result{}},
		{"tags that do not end.html", "<!doctype html>", `<a b="`, 4 * mega, "", 4 * mega, extract.Result{}},
		{"element of 100 MB.xml", `<?xml version="1.0"?><a>`, "some text &amp; more ", 5 * mega, "</a>", 80 * mega, extract.Result{}},
		{"attribute of 100 MB.xml", `<?xml version="1.0"?><a b="`, "some text ", 10 * mega, `"/>`, 90 * mega, extract.Result{}},
		{"elements in one another.xml", `<?xml version="1.0"?>`, "<a>x", 2 * mega, "", 2 * mega, extract.Result{}},
		{"scalar of 100 MB.yaml", "a:\n  b: |\n", "    some text\n", 7 * mega, "c: d\n", 90 * mega, extract.Result{}},
		{"line of 100 MB.yaml", "a: ", "some text: ", 10 * mega, "\nc: d\n", 90 * mega, extract.Result{}},
		{"lists in one another.yaml", "a: ", "[", 50 * mega, "", 50 * mega, extract.Result{}},
		{"entries in one another.yaml", "a:\n", "- ", 50 * mega, "b\n", 50 * mega, extract.Result{}},
		{"insert of 256 MB.sql", "CREATE TABLE t (a INT, b TEXT);\nINSERT INTO t VALUES (0,'x')", ",(1,'it''s a row, (with) text')", 256 * mega / 31, ";\n", 128 * mega, extract.Result{}},
		{"value of 256 MB.sql", "INSERT INTO t (a) VALUES ('", "it''s text\nof many lines, ", 256 * mega / 26, "');\n", 192 * mega, extract.Result{}},
		{"statements of 70 MB.sql", "INSERT INTO t (a) VALUES (1);\n", "CREATE;INSERT;", 5 * mega, "", 60 * mega, extract.Result{}},
		{"line of 100 MB.ini", "[a]\nb = ", "some text ", 10 * mega, "\n[c]\nd = e\n", 90 * mega, extract.Result{}},
		{"attachment of 256 MB.eml", "From: a@example.org\nTo: b@example.org\nContent-Type: text/plain; name=a.txt\nContent-Transfer-Encoding: base64\n\n",
			"c29tZSB0ZXh0LCBhcyBpdCBjb21lcwo=\n", 8 * mega, "", 160 * mega, extract.Result{}},
		{"text of 80 MB.eml", "From: a@example.org\nTo: b@example.org\nContent-Transfer-Encoding: quoted-printable\n\n", "some t=65xt on a line=\n and another\n",
			2 * mega, "", 45 * mega, extract.Result{}},
		{"line of 60 MB.eml", "From: a@example.org\nTo: b@example.org\nSubject: ", "=?utf-8?q?=C3=BC?= and text ", 2 * mega, "\n\nhello\n", 20 * mega, extract.Result{}},
		{"20,000 messages.mbox", "", "From a@example.org Mon Feb  2 10:11:12 2026\nFrom: a@example.org\nTo: b@example.org\n\nsome text, as it comes\n\n", 20_000, "",
			1_200_000, extract.Result{}},
		{"message of 256 MB.mbox", "From a@example.org Mon Feb  2 10:11:12 2026\nFrom: a@example.org\nTo: b@example.org\n\n", ">From a text, as it comes\n\n",
			10 * mega, "", 200 * mega, extract.Result{}},
		{"text of 256 MB.rtf", "{\\rtf1\\ansi ", "some text \\'fc\\u8364?{\\b bold}\\par\n", 7 * mega, "}", 120 * mega, extract.Result{}},
		{"paragraph of 60 MB.rtf", "{\\rtf1\\ansi ", "some text {\\footnote a note} ", 2 * mega, "\\par}", 25 * mega, extract.Result{}},
		{"groups.rtf", "{\\rtf1 ", "{", 20 * mega, "x" + strings.Repeat("}", 20*mega) + "}", 1, extract.Result{}},
		{"picture of 256 MB.rtf", "{\\rtf1 {\\pict ", "00112233445566778899aabbccddeeff\n", 8 * mega, "}the end}", 7, extract.Result{}},
		{"bad utf-8 of 256 MB.txt", "größe größe größe ", strings.Repeat("some text ", 10) + "\xff", 2 * mega, "", 200 * mega, extract.Result{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, p := watched(t, extract.Object{Name: c.name, Size: -1, Reader: repeated(c.head, c.body, c.times, c.tail)}, extract.Limits{})
			if res.Code != extract.Complete || p.Bytes < c.atLeast || c.whatFollows.Bytes > 0 && res != c.whatFollows {
				t.Errorf("%+v, %d bytes of text", res, p.Bytes)
			}
		})
	}
}

// Distinct names and values of every kind do not gather.
func TestMemoryOfManyNames(t *testing.T) {
	pr, pw := io.Pipe()
	go func() {
		w := &errWriter{w: pw}
		io.WriteString(w, "{")
		for i := range 1_000_000 {
			fmt.Fprintf(w, `"name%d":{"k":[1,{"deep%d":"v"}]},`, i, i)
		}
		io.WriteString(w, `"end":1}`)
		pw.CloseWithError(w.err)
	}()
	res, p := watched(t, extract.Object{Name: "x.json", Size: -1, Reader: pr}, extract.Limits{})
	if res.Code != extract.Complete || p.Bytes < 10_000_000 {
		t.Errorf("%+v, %d", res, p.Bytes)
	}
}

type errWriter struct {
	w   io.Writer
	err error
}

func (e *errWriter) Write(p []byte) (int, error) {
	if e.err == nil {
		_, e.err = e.w.Write(p)
	}
	return len(p), e.err
}

func deflated(t testing.TB, r io.Reader) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, r); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// zipOf makes an archive of members with the same deflated content.
func zipOf(t testing.TB, packed []byte, size uint64, crc uint32, names ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		f, err := w.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, CRC32: crc, CompressedSize64: uint64(len(packed)), UncompressedSize64: size})
		if err != nil {
			t.Fatal(err)
		}
		f.Write(packed)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(packed []byte) []byte {
	return append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"), packed...)
}

func TestBombsStopEarly(t *testing.T) {
	const size = 1 << 30
	packed := deflated(t, repeated("", "bomb", size/4, ""))
	t.Logf("1 GiB in %d bytes", len(packed))
	over := extract.ArchiveTotalBytesExtractedOverLimit
	nested := zipOf(t, packed, size, 0, "0.txt", "1.txt")
	for range 3 {
		z := zipOf(t, deflated(t, bytes.NewReader(nested)), uint64(len(nested)), crc32.ChecksumIEEE(nested), "a.zip", "b.zip", "c.zip", "d.zip")
		nested = z
	}
	for _, c := range []struct {
		name    string
		content []byte
		want    extract.Result
		atMost  int64
	}{
		{"bomb.gz", gzipOf(packed), extract.Result{Code: extract.Partial, Reason: over}, 110 << 20},
		{"bomb.zip", zipOf(t, packed, size, 0, "a.txt"), extract.Result{Code: extract.Partial, Reason: over}, 1 << 30 * 6 / 10},
		{"says more than ten GB.zip", zipOf(t, packed, 6*size, 0, "a.txt", "b.txt"), extract.Result{Code: extract.Skipped, Reason: over}, 0},
		{"nested bombs.zip", nested, extract.Result{Code: extract.Partial, Reason: over}, 110 << 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, p := watched(t, extract.Object{Name: c.name, Size: int64(len(c.content)), Reader: bytes.NewReader(c.content)}, extract.Limits{})
			if res.Code != c.want.Code || res.Reason != c.want.Reason || p.Bytes > c.atMost {
				t.Errorf("%+v after %d bytes", res, p.Bytes)
			}
		})
	}
}

// A log that repeats itself as much as logs do is no bomb.
func TestLogsAreNoBombs(t *testing.T) {
	var line strings.Builder
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 5000 {
		fmt.Fprintf(&line, "2026-01-02T03:%02d:%02d INFO health check of backend %d ok, status=200, nothing to report, everything is fine\n", i/60%60, i%60, r.IntN(4))
	}
	one := line.String()
	var whole bytes.Buffer
	for whole.Len() < 150<<20 {
		whole.WriteString(one)
	}
	packed := gz(t, whole.Bytes())
	t.Logf("%d:1", whole.Len()/len(packed))
	res, _ := watched(t, extract.Object{Name: "health.log.gz", Size: int64(len(packed)), Reader: bytes.NewReader(packed)}, extract.Limits{})
	if res != (extract.Result{Code: extract.Complete, Bytes: int64(whole.Len())}) {
		t.Errorf("%+v", res)
	}
}

// quine builds a zip whose only member, stored, is said to begin at the archive's own beginning and to be as long as the archive.
func quine() []byte {
	const name = "quine.zip"
	local := make([]byte, 30+len(name))
	copy(local, "PK\x03\x04")
	binary.LittleEndian.PutUint16(local[26:], uint16(len(name)))
	copy(local[30:], name)
	central := make([]byte, 46+len(name))
	copy(central, "PK\x01\x02")
	binary.LittleEndian.PutUint16(central[28:], uint16(len(name)))
	copy(central[46:], name)
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[8:], 1)
	binary.LittleEndian.PutUint16(end[10:], 1)
	binary.LittleEndian.PutUint32(end[12:], uint32(len(central)))
	binary.LittleEndian.PutUint32(end[16:], uint32(len(local)))
	size := uint32(len(local) + len(central) + len(end))
	for _, h := range []struct {
		b  []byte
		at int
	}{{local, 18}, {central, 20}} {
		binary.LittleEndian.PutUint32(h.b[h.at:], size)
		binary.LittleEndian.PutUint32(h.b[h.at+4:], size)
	}
	return append(append(local, central...), end...)
}

func TestArchivesThatHoldThemselves(t *testing.T) {
	q := quine()
	d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: "quine.zip", Size: int64(len(q)), ReaderAt: bytes.NewReader(q)})
	if d.Result.Code == extract.Complete || d.Result.Bytes != 0 {
		t.Errorf("%s", d)
	}
	// What a real quine comes to: an archive in which the next one stands, without end.
	endless := &matryoshka{}
	f := extract.Format{Name: "endless", MIME: "application/x-endless", Archive: true, Match: func(h *extract.Head) extract.Score { return extract.Certain },
		Extract: func(in *extract.Input, out *extract.Output) error {
			_, err := out.Member(extract.Member{Name: "again", Size: -1}, endless)
			return err
		}}
	d = extracttest.Extract(t, &extract.Extractor{Formats: []extract.Format{f}}, extract.Object{Name: "a", Size: -1, Reader: endless})
	depth := 0
	for inner := d; len(inner.Members) > 0; inner = inner.Members[0] {
		depth++
		if inner.Result.Code != extract.Skipped || inner.Result.Reason != extract.ArchiveNestingLevelOverLimit {
			t.Errorf("at depth %d: %+v", depth, inner.Result)
		}
	}
	if depth != 10 {
		t.Errorf("depth %d", depth)
	}
}

type matryoshka struct{}

func (*matryoshka) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestTarsWithAbsurdSizes(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "big.txt", Size: 1<<62 - 1, Format: tar.FormatGNU}); err != nil {
		t.Fatal(err)
	}
	b.WriteString("a little text\n")
	d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: "x.tar", Size: int64(b.Len()), Reader: bytes.NewReader(b.Bytes())})
	if d.Result.Code == extract.Complete || len(d.Members) != 1 || d.Members[0].Result.Reason != extract.FileExceedsSizeLimit {
		t.Errorf("%s", d)
	}
}

// manyMembers yields a zip of empty or tiny members, without holding it.
func manyMembers(t *testing.T, n int) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range n {
		if _, err := w.CreateRaw(&zip.FileHeader{Name: fmt.Sprintf("%07d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The sink of this test counts only: what is bounded is what the extractor keeps.
func TestManyMembers(t *testing.T) {
	const n = 200_000
	content := manyMembers(t, n)
	res, p := watched(t, extract.Object{Name: "x.zip", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)}, extract.Limits{Members: n - 10})
	if res.Reason != extract.ArchiveTotalDocumentsProcessedOverLimit || p.documents != n-10+1 {
		t.Errorf("%+v after %d documents", res, p.documents)
	}
}

func TestMemberLimits(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"small.txt", "large.txt", "last.txt"} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		n := 10
		if name == "large.txt" {
			n = 1000
		}
		io.WriteString(f, strings.Repeat("x", n))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		limits extract.Limits
		want   string
	}{
		{extract.Limits{MemberBytes: 100}, "x.zip PARTIAL ARCHIVE_CONTAINS_UNPROCESSED_FILES 20; small.txt COMPLETE 10; large.txt SKIPPED FILE_EXCEEDS_SIZE_LIMIT 0; last.txt COMPLETE 10"},
		{extract.Limits{ExtractedBytes: 1000}, "x.zip SKIPPED ARCHIVE_TOTAL_BYTES_EXTRACTED_OVER_LIMIT 0"},
		{extract.Limits{Members: 2}, "x.zip PARTIAL ARCHIVE_TOTAL_DOCUMENTS_PROCESSED_OVER_LIMIT 1010; small.txt COMPLETE 10; large.txt COMPLETE 1000"},
		{extract.Limits{RatioFrom: 100, Ratio: 2}, "x.zip PARTIAL ARCHIVE_TOTAL_BYTES_EXTRACTED_OVER_LIMIT 10; small.txt COMPLETE 10; large.txt SKIPPED ARCHIVE_TOTAL_BYTES_EXTRACTED_OVER_LIMIT 0"},
		{extract.Limits{}, "x.zip COMPLETE 1020; small.txt COMPLETE 10; large.txt COMPLETE 1000; last.txt COMPLETE 10"},
	} {
		e := extracttest.Extractor()
		e.Limits = c.limits
		d := extracttest.Extract(t, e, extract.Object{Name: "x.zip", Size: int64(b.Len()), ReaderAt: bytes.NewReader(b.Bytes())})
		var got []string
		for _, m := range append([]*extracttest.Document{d}, d.Members...) {
			got = append(got, strings.ReplaceAll(fmt.Sprintf("%s %s %s %d", m.Name, m.Result.Code, m.Result.Reason, m.Result.Bytes), "  ", " "))
		}
		if s := strings.Join(got, "; "); s != c.want {
			t.Errorf("%+v\ngot  %s\nwant %s", c.limits, s, c.want)
		}
	}
}
