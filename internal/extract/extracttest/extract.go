package extracttest

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
	"github.com/magpie-sec/magpie/internal/text"
)

// Extractor returns an extractor of all formats that spools into memory.
func Extractor() *extract.Extractor {
	return &extract.Extractor{Formats: formats.All(), Spool: MemorySpool}
}

// Extract extracts an object into a Recorder and fails the test on an error, or if a sink's contract was broken.
func Extract(t testing.TB, e *extract.Extractor, o extract.Object) *Document {
	t.Helper()
	var rec Recorder
	res, err := e.Extract(context.Background(), o, &rec)
	if err != nil {
		t.Fatalf("Extract: %v", err)
	}
	for _, s := range rec.Errors {
		t.Error(s)
	}
	if rec.Root == nil || !rec.Root.Ended || rec.Root.Result != res {
		t.Fatalf("result %+v, but the sink heard %+v", res, rec.Root)
	}
	return rec.Root
}

// Read extracts a short document with all formats.
func Read(t testing.TB, name, content string) *Document {
	t.Helper()
	return Extract(t, Extractor(), extract.Object{Name: name, Size: int64(len(content)), Reader: strings.NewReader(content)})
}

// MemorySpool is a spool in memory.
func MemorySpool() (extract.Spooled, error) { return new(memory), nil }

type memory struct{ bytes.Buffer }

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m.Bytes()).ReadAt(p, off)
}

func (m *memory) Close() error { return nil }

// FileSpool returns a spool of files in a folder of the test's.
func FileSpool(t testing.TB) func() (extract.Spooled, error) {
	dir := t.TempDir()
	return func() (extract.Spooled, error) {
		f, err := os.CreateTemp(dir, "spool")
		return file{f}, err
	}
}

type file struct{ *os.File }

func (f file) Close() error {
	err := f.File.Close()
	if e := os.Remove(f.Name()); err == nil {
		err = e
	}
	return err
}

// Stop is a sink that counts, and after some blocks calls Do and returns Err.
type Stop struct {
	After  int
	Do     func()
	Err    error
	Blocks int
	Bytes  int64
	Ends   []extract.Result
}

// Begin implements extract.Sink.
func (s *Stop) Begin(extract.Document) error { return nil }

// Text implements extract.Sink.
func (s *Stop) Text(b *text.Block) error {
	s.Blocks++
	if len(b.Segments) == 0 {
		s.Bytes += int64(len(b.Text))
	}
	for _, seg := range b.Segments {
		s.Bytes += int64(seg.End - seg.Start)
	}
	if s.After > 0 && s.Blocks == s.After {
		if s.Do != nil {
			s.Do()
		}
		return s.Err
	}
	return nil
}

// End implements extract.Sink.
func (s *Stop) End(d extract.Document, res extract.Result) error {
	s.Ends = append(s.Ends, res)
	return nil
}

// Chunks reads in pieces of n bytes.
func Chunks(r io.Reader, n int) io.Reader { return &chunks{r, n} }

type chunks struct {
	r io.Reader
	n int
}

func (c *chunks) Read(p []byte) (int, error) { return c.r.Read(p[:min(len(p), c.n)]) }

// A Clock moves on by a step whenever it is read.
type Clock struct {
	Time time.Time
	Step time.Duration
}

// Now reads the clock.
func (c *Clock) Now() time.Time {
	c.Time = c.Time.Add(c.Step)
	return c.Time
}
