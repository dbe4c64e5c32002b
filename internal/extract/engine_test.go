package extract_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/text"
)

// zipWith makes an archive of stored members from names and contents in turn.
func zipWith(t testing.TB, members ...string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		f, err := w.CreateHeader(&zip.FileHeader{Name: members[i], Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, members[i+1])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const ooxml = "[Content_Types].xml"

// What we do not read is recognised by its content and told with its real type, whatever its name says.
func TestUnsupportedTypesAreTold(t *testing.T) {
	zeros := strings.Repeat("\x00", 512)
	random := strings.Repeat("\x9f\x02\xe1\x17\x00\xc3\x88\x0e\xfb\x41\x05\xd0", 50)
	for _, c := range []struct{ content, mime string }{
		{"\x00\x00\x01\x00\x01\x00\x10\x10\x00\x00" + zeros, "image/x-icon"},
		{"wOF2\x00\x01\x00\x00" + zeros, "font/woff2"},
		{"Rar!\x1a\x07\x01\x00" + zeros, "application/vnd.rar"},
		{"\x7fELF\x02\x01\x01" + zeros, "application/x-elf"},
		{zipWith(t, "mimetype", "application/vnd.oasis.opendocument.formula", "content.xml", "<c/>"), "application/vnd.oasis.opendocument.formula"},
		{random, "application/octet-stream"},
		{zeros, "application/octet-stream"},
	} {
		for _, name := range []string{"a", "a.csv", "a.json", "a.txt", "a.zip"} {
			d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: name, Size: int64(len(c.content)), Reader: strings.NewReader(c.content)})
			if d.MIME != c.mime || d.Result != (extract.Result{Code: extract.Skipped, Reason: extract.UnsupportedFileType}) {
				t.Errorf("%s %.20q: %s %+v, want %s", name, c.content, d.MIME, d.Result, c.mime)
			}
		}
	}
}

// An Office file whose parts come late is known by its name, and only then.
func TestOfficeFilesWithLateParts(t *testing.T) {
	content := zipWith(t, ooxml, strings.Repeat("<Override/>", 1000), "xl/workbook.xml", "<workbook/>")
	for name, want := range map[string]string{"a.xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "a.zip": "application/zip"} {
		d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: name, Size: int64(len(content)), Reader: strings.NewReader(content)})
		if d.MIME != want {
			t.Errorf("%s: %s, want %s", name, d.MIME, want)
		}
	}
}

// Every kind of content is itself under every name.
func TestAWrongExtensionChangesNothing(t *testing.T) {
	table := "id,name,born\n1,Ann,1984-02-03\n2,Bob,1990-12-01\n3,Cy,1971-07-09\n"
	for _, c := range []struct{ content, mime string }{
		{zipWith(t, "a.txt", "hello"), "application/zip"},
		{string(gz(t, []byte("hello\n"))), "application/gzip"},
		{`{"a":{"b":[1,2,3]}}`, "application/json"},
		{"{\"a\":1}\n{\"a\":2}\n", "application/json"},
		{table, "text/csv"},
		{strings.ReplaceAll(table, ",", "\t"), "text/tab-separated-values"},
		{"Dear Ann,\nthank you for the long letter that you wrote on Monday.\nWe have read it with pleasure and will answer soon.\n", "text/plain"},
	} {
		for _, name := range []string{"a", "a.csv", "a.tsv", "a.json", "a.zip", "a.gz", "a.tar", "a.pdf", "a.xlsx", "a.png", "a.csv.zip"} {
			if d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: name, Size: -1, Reader: strings.NewReader(c.content)}); d.MIME != c.mime {
				t.Errorf("%s %.20q: %s, want %s", name, c.content, d.MIME, c.mime)
			}
		}
	}
}

// One NUL in a large log, and much that is no text in a small part of it, do not make it binary.
func TestStrayBytesDoNotMakeTextBinary(t *testing.T) {
	line := "2026-01-02 03:04:05 INFO all is well, nothing happened at all, card 4111111111111111\n"
	for name, content := range map[string]string{
		"a NUL at the beginning": "\x00" + strings.Repeat(line, 2000),
		"a NUL in the middle":    strings.Repeat(line, 1000) + "\x00" + strings.Repeat(line, 1000),
		"a NUL in a short text":  "user\x00name, and so on\n",
		"a list with NULs":       strings.Repeat("some/file/name.txt\x00", 100),
		"binary far behind":      strings.Repeat(line, 1000) + strings.Repeat("\x00\xff\x01", 1000),
	} {
		d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: "a.log", Size: -1, Reader: strings.NewReader(content)})
		if d.Result != (extract.Result{Code: extract.Complete, Bytes: int64(len(content))}) || strings.ReplaceAll(d.Running, "\uFFFD", "\xff") != content {
			t.Errorf("%s: %+v", name, d.Result)
		}
	}
}

// A log whose head is ASCII and that turns out to be written in another charset is read in that one.
func TestCharsetIsDecidedWhereASCIIEnds(t *testing.T) {
	ascii := strings.Repeat("plain old log line\n", 20_000)
	for _, c := range []struct{ more, want string }{
		{"Gr\xfc\xdfe an alle, h\xe4ufig\n", "Grüße an alle, häufig\n"},
		{"Grüße an alle, häufig\n", "Grüße an alle, häufig\n"},
		{"\xc8\xec\xff: \xc0\xed\xed\xe0 \xcf\xe5\xf2\xf0\xee\xe2\xe0\n", "Имя: Анна Петрова\n"},
	} {
		d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: "a.log", Size: -1, Reader: strings.NewReader(ascii + c.more)})
		if d.Running != ascii+c.want {
			t.Errorf("%q became %q", c.more, d.Running[len(ascii):])
		}
	}
}

// fake is a format whose Extract is given; it takes what begins with its name.
func fake(name string, archive bool, f func(*extract.Input, *extract.Output) error) extract.Format {
	return extract.Format{Name: name, MIME: "application/x-" + name, Archive: archive, Extract: f, Match: func(h *extract.Head) extract.Score {
		if strings.HasPrefix(string(h.Bytes), name) {
			return extract.Certain
		}
		return extract.No
	}}
}

// A parser's panic is trouble of the document: what it delivered is kept, and the others are read.
func TestPanicsOfParsersAreContained(t *testing.T) {
	var panicked []string
	e := extracttest.Extractor()
	e.Panicked = func(format string, stack []byte) {
		if !bytes.Contains(stack, []byte("TestPanicsOfParsersAreContained")) {
			t.Errorf("stack: %s", stack)
		}
		panicked = append(panicked, format)
	}
	e.Formats = append([]extract.Format{
		fake("boom", false, func(in *extract.Input, out *extract.Output) error {
			if err := out.Text(&text.Block{Text: []byte("before")}); err != nil {
				return err
			}
			panic("secret")
		}),
		fake("bang", false, func(*extract.Input, *extract.Output) error { panic("secret") }),
	}, e.Formats...)
	content := zipWith(t, "1", "boom", "2", "bang", "3", "text")
	d := extracttest.Extract(t, e, extract.Object{Name: "a.zip", Size: int64(len(content)), ReaderAt: strings.NewReader(content)})
	want := `a.zip: application/zip, PARTIAL ARCHIVE_CONTAINS_UNPROCESSED_FILES, 8 bytes
  1: application/x-boom, PARTIAL MALFORMED_FILE, 4 bytes
    text "before"
  2: application/x-bang, SKIPPED MALFORMED_FILE, 0 bytes
  3: text/plain, COMPLETE, 4 bytes
    text "text"
`
	// The first parser read nothing; the engine counts what was read.
	want = strings.ReplaceAll(strings.ReplaceAll(want, "8 bytes", "4 bytes"), "boom, PARTIAL MALFORMED_FILE, 4", "boom, PARTIAL MALFORMED_FILE, 0")
	if d.String() != want {
		t.Errorf("got\n%swant\n%s", d, want)
	}
	if fmt.Sprint(panicked) != "[boom bang]" {
		t.Errorf("told of %v", panicked)
	}
}

// The panics of the caller's own code are the caller's.
func TestPanicsOfTheCallerGoOn(t *testing.T) {
	content := zipWith(t, "1", "some text")
	for name, f := range map[string]func(){
		"sink": func() {
			extractor().Extract(context.Background(), extract.Object{Size: int64(len(content)), ReaderAt: strings.NewReader(content)}, &extracttest.Stop{After: 1, Do: func() { panic("mine") }})
		},
		"reader": func() {
			extractor().Extract(context.Background(), extract.Object{Size: -1, Reader: readerFunc(func([]byte) (int, error) { panic("mine") })}, new(extracttest.Stop))
		},
	} {
		func() {
			defer func() {
				if v := recover(); v != "mine" {
					t.Errorf("%s: recovered %v", name, v)
				}
			}()
			f()
		}()
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// brokenSpool fails at one of its methods.
type brokenSpool struct {
	extract.Spooled
	at string
}

var errSpool = errors.New("disk is full")

func (b brokenSpool) Write(p []byte) (int, error) {
	if b.at == "write" {
		return 0, errSpool
	}
	return b.Spooled.Write(p)
}

func (b brokenSpool) ReadAt(p []byte, off int64) (int, error) {
	if b.at == "read" {
		return 0, errSpool
	}
	return b.Spooled.ReadAt(p, off)
}

func (b brokenSpool) Close() error {
	if b.at == "close" {
		return errSpool
	}
	return b.Spooled.Close()
}

func TestTroubleOfTheSpool(t *testing.T) {
	content := zipWith(t, "1", "some text")
	o := func() extract.Object {
		return extract.Object{Name: "a.zip", Size: -1, Reader: strings.NewReader(content)}
	}
	for _, at := range []string{"open", "write", "read", "close"} {
		e := extractor()
		e.Limits.SpoolMemory = 1
		e.Spool = func() (extract.Spooled, error) {
			if at == "open" {
				return nil, errSpool
			}
			s, err := extracttest.MemorySpool()
			return brokenSpool{s, at}, err
		}
		_, err := e.Extract(context.Background(), o(), new(extracttest.Stop))
		var spool *extract.SpoolError
		if !errors.As(err, &spool) || !errors.Is(err, errSpool) {
			t.Errorf("%s: %v", at, err)
		}
	}
	e := extractor()
	e.Limits.SpoolMemory = 1
	if _, err := e.Extract(context.Background(), o(), new(extracttest.Stop)); err == nil || !strings.Contains(err.Error(), "set Extractor.Spool") {
		t.Errorf("without a spool: %v", err)
	}
}

// A stream that stops to yield anything is not waited for without end.
func TestReaderWithoutProgress(t *testing.T) {
	_, err := extractor().Extract(context.Background(), extract.Object{Size: -1, Reader: readerFunc(func([]byte) (int, error) { return 0, nil })}, new(extracttest.Stop))
	var source *extract.SourceError
	if !errors.As(err, &source) || !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v", err)
	}
}

func TestAnExtractorServesManyAtOnce(t *testing.T) {
	e := extracttest.Extractor()
	contents := map[string]string{
		"a.csv":  "id,name\n1,Ann\n2,Bob\n",
		"a.json": `{"a":["b",{"c":"d\u00e9"}]}`,
		"a.zip":  zipWith(t, "b.jsonl", "{\"a\":1}\n{\"a\":2}\n", "c.gz", string(gz(t, []byte("text")))),
		"a.txt":  strings.Repeat("running text\n", 20_000),
	}
	var wg sync.WaitGroup
	for name, content := range contents {
		want := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: name, Size: -1, Reader: strings.NewReader(content)}).String()
		for range 4 {
			wg.Go(func() {
				for range 20 {
					var rec extracttest.Recorder
					if _, err := e.Extract(context.Background(), extract.Object{Name: name, Size: -1, Reader: strings.NewReader(content)}, &rec); err != nil || rec.Root.String() != want {
						t.Errorf("%s: %v", name, err)
					}
				}
			})
		}
	}
	wg.Wait()
}

func TestExtension(t *testing.T) {
	for name, want := range map[string]string{"a.csv": "csv", "a/b.c/d": "", ".env": "env", "x/.env": "env", "a.": "", "": "", "a.tar.GZ": "GZ"} {
		if got := extract.Extension(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
