package extracttest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
	"github.com/magpie-sec/magpie/internal/text"
)

var update = flag.Bool("update", false, "write the .want files of the samples anew; read them before committing")

const (
	wantSuffix = ".want"
	originFile = "ORIGIN.md"
	// longest is how large a sample may be: every prefix of it is tried.
	longest = 16 << 10
)

// A sample is a file in testdata that has a golden beside it.
type sample struct {
	name    string
	content []byte
	want    string
}

// samples reads testdata. Every file there is a sample, except goldens, fuzz corpora and the page that says where the samples come from.
func samples(t testing.TB) []sample {
	t.Helper()
	origin, err := os.ReadFile(filepath.Join("testdata", originFile))
	if err != nil {
		t.Fatalf("the samples' origin must be told: %v", err)
	}
	files, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	var all []sample
	for _, file := range files {
		name := filepath.Base(file)
		if info, err := os.Stat(file); err != nil || info.IsDir() || name == originFile || strings.HasSuffix(name, wantSuffix) {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(origin, []byte(name)) {
			t.Errorf("%s is not named in testdata/%s", name, originFile)
		}
		if len(content) > longest {
			t.Errorf("%s has more than %d bytes", name, longest)
		}
		want, err := os.ReadFile(file + wantSuffix)
		if err != nil && !*update {
			t.Errorf("%v: run the test with -update, and read what it writes", err)
		}
		all = append(all, sample{name, content, string(want)})
	}
	if len(all) == 0 {
		t.Fatal("no samples in testdata")
	}
	return all
}

// Run is the acceptance suite of the formats in one folder. It reads the samples in testdata, each with the golden of what must come out, and
// puts every sample through what documents and callers do: arrive in pieces of any size, with and without random access, cut anywhere, in
// archives, over limits, with broken readers, cancelled.
func Run(t *testing.T, fs ...extract.Format) {
	all := samples(t)
	t.Run("listed", func(t *testing.T) { testListed(t, fs) })
	t.Run("goldens", func(t *testing.T) { testGoldens(t, fs, all) })
	for name, test := range map[string]func(*testing.T, sample){
		"pieces":       testPieces,
		"truncated":    testTruncated,
		"nested":       testNested,
		"time":         testTime,
		"size":         testSize,
		"cancelled":    testCancelled,
		"sinkErrors":   testSinkErrors,
		"readerErrors": testReaderErrors,
	} {
		t.Run(name, func(t *testing.T) {
			for _, s := range all {
				t.Run(s.name, func(t *testing.T) { test(t, s) })
			}
		})
	}
}

// Fuzz is the fuzz target of every format: seeded with the samples and their halves, it checks that no parser panics, that the sink's contract
// holds, that the result does not depend on how the reads fall, and that little comes out of little.
func Fuzz(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(s.name, s.content)
		f.Add(s.name, s.content[:len(s.content)/2])
	}
	e := Extractor()
	e.Limits = extract.Limits{ExtractedBytes: 8 << 20, MemberBytes: 4 << 20, Members: 1000}
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		var outcome [2]string
		e.Panicked = func(format string, stack []byte) { t.Errorf("%s panicked:\n%s", format, stack) }
		for i, r := range []io.Reader{bytes.NewReader(content), iotest.HalfReader(bytes.NewReader(content))} {
			outcome[i] = Extract(t, e, extract.Object{Name: name, Size: -1, Reader: r}).String()
		}
		if outcome[0] != outcome[1] {
			t.Errorf("depends on the reads:\n%s", cmp.Diff(outcome[0], outcome[1]))
		}
	})
}

// strict returns an extractor that fails the test when a parser panics.
func strict(t testing.TB) *extract.Extractor {
	e := Extractor()
	e.Panicked = func(format string, stack []byte) { t.Errorf("%s panicked:\n%s", format, stack) }
	return e
}

func (s sample) object(r io.Reader) extract.Object {
	return extract.Object{Name: s.name, Size: int64(len(s.content)), Reader: r}
}

func (s sample) extract(t testing.TB) *Document {
	return Extract(t, strict(t), s.object(bytes.NewReader(s.content)))
}

func testListed(t *testing.T, fs []extract.Format) {
	for _, f := range fs {
		if !slices.ContainsFunc(formats.All(), func(l extract.Format) bool { return l.Name == f.Name && l.MIME == f.MIME }) {
			t.Errorf("%s is not in formats.All", f.Name)
		}
		if f.MaxBytes == 0 || f.MIME == "" || len(f.Extensions) == 0 {
			t.Errorf("%s: MaxBytes, MIME and Extensions must be set", f.Name)
		}
		if missing := f.About.Missing(); missing != "" {
			t.Errorf("%s: About.%s must be set: it goes into docs/formats.md", f.Name, missing)
		}
	}
}

func testGoldens(t *testing.T, fs []extract.Format, all []sample) {
	seen := map[string]bool{}
	for _, s := range all {
		d := s.extract(t)
		seen[d.MIME] = true
		got := d.String()
		if *update {
			if err := os.WriteFile(filepath.Join("testdata", s.name+wantSuffix), []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(s.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
	}
	for _, f := range fs {
		if !seen[f.MIME] {
			t.Errorf("no sample is read as %s", f.MIME)
		}
	}
}

func testPieces(t *testing.T, s sample) {
	want := s.extract(t).String()
	size := int64(len(s.content))
	file := strict(t)
	file.Spool, file.Limits.SpoolMemory = FileSpool(t), 1
	for name, c := range map[string]struct {
		e *extract.Extractor
		o extract.Object
	}{
		"one by one":      {strict(t), extract.Object{Size: -1, Reader: iotest.OneByteReader(bytes.NewReader(s.content))}},
		"sevens":          {strict(t), extract.Object{Size: -1, Reader: Chunks(bytes.NewReader(s.content), 7)}},
		"halves":          {strict(t), extract.Object{Size: size, Reader: iotest.HalfReader(bytes.NewReader(s.content))}},
		"end with data":   {strict(t), extract.Object{Size: size, Reader: iotest.DataErrReader(bytes.NewReader(s.content))}},
		"random access":   {strict(t), extract.Object{Size: size, ReaderAt: bytes.NewReader(s.content)}},
		"spooled to disk": {file, extract.Object{Size: -1, Reader: bytes.NewReader(s.content)}},
	} {
		c.o.Name = s.name
		if diff := cmp.Diff(want, Extract(t, c.e, c.o).String()); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// loose is how many values at the end of a cut document may differ from the whole one's: a quote or an escape is open there.
const loose = 12

func testTruncated(t *testing.T, s sample) {
	whole := s.extract(t)
	values := whole.Texts()
	e := strict(t) // its memory is used again
	for n := range s.content {
		cut := Extract(t, e, extract.Object{Name: s.name, Size: -1, Reader: bytes.NewReader(s.content[:n])})
		if cut.shape() != whole.shape()[:min(len(cut.shape()), len(whole.shape()))] {
			continue // short enough to be something else
		}
		if whole.Running != "" && len(whole.Values) > 0 { // how much of a table it takes to know that it is one may be cut off
			if got := joined(cut); n >= len(s.content)/2 && !strings.HasPrefix(joined(whole), withoutLast(got)) {
				t.Errorf("%d of %d bytes: the text is no prefix:\n%s", n, len(s.content), cut)
			}
			continue
		}
		got := cut.Texts()
		same := 0
		for same < len(got) && same < len(values) && got[same] == values[same] {
			same++
		}
		running := len(got) == 1 && whole.Running != "" && n >= len(s.content)/2 // a charset is not guessed from a few letters
		if len(got)-same > loose || running && !strings.HasPrefix(values[0], withoutLast(got[0])) {
			t.Errorf("%d of %d bytes: the text is no prefix:\n%s", n, len(s.content), cut)
		}
	}
}

// joined returns the text of a document and its members without what only separates.
func joined(d *Document) string {
	all := strings.Map(func(r rune) rune {
		if r == '|' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, d.all.String())
	for _, m := range d.Members {
		all += joined(m)
	}
	return all
}

// withoutLast leaves out two characters, which may be what is left of one, or of an escape sequence.
func withoutLast(s string) string {
	r := []rune(s)
	return string(r[:max(0, len(r)-2)])
}

// shape lists the media types of a document and its members.
func (d *Document) shape() string {
	all := d.MIME + "\n"
	for _, m := range d.Members {
		all += m.shape()
	}
	return all
}

func testNested(t *testing.T, s sample) {
	want := s.extract(t)
	levels := want.levels()
	limit := extract.DefaultLimits().Depth
	content, name := s.content, s.name
	for depth := 1; depth <= limit+1; depth++ {
		content = inTar(t, name, content)
		name = fmt.Sprintf("%d.tar", depth)
		d := Extract(t, strict(t), extract.Object{Name: name, Size: -1, Reader: bytes.NewReader(content)})
		inner := d
		for len(inner.Path) < depth && len(inner.Members) == 1 {
			inner = inner.Members[0]
		}
		switch fits := depth+levels <= limit; {
		case fits && inner.String() != want.String():
			t.Fatalf("at depth %d:\n%s", depth, cmp.Diff(want.String(), inner.String()))
		case !fits && d.Result.Reason != extract.ArchiveNestingLevelOverLimit:
			t.Fatalf("at depth %d: %+v", depth, d.Result)
		}
	}
}

// levels counts the archives and other documents with members in one another, the document itself included.
func (d *Document) levels() int {
	if len(d.Members) == 0 && !slices.ContainsFunc(formats.All(), func(f extract.Format) bool { return f.Archive && f.MIME == d.MIME }) {
		return 0
	}
	deepest := 0
	for _, m := range d.Members {
		deepest = max(deepest, m.levels())
	}
	return deepest + 1
}

func inTar(t testing.TB, name string, content []byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// testTime lets the time run out at every look at the clock.
func testTime(t *testing.T, s sample) {
	whole := s.extract(t)
	e := strict(t)
	for n := 1; ; n++ {
		e.Limits.Time = time.Duration(n) * time.Second
		e.Now = (&Clock{Step: time.Second}).Now
		d := Extract(t, e, s.object(bytes.NewReader(s.content)))
		if d.String() == whole.String() {
			return
		}
		if d.Result.Code == extract.Complete || d.Result.Reason != extract.TimeCutOffReached {
			t.Fatalf("time for %d looks: %+v", n, d.Result)
		}
		if n > 100_000 {
			t.Fatal("does not end")
		}
	}
}

func testSize(t *testing.T, s sample) {
	if len(s.content) < 2 {
		return
	}
	reasons := []extract.Reason{extract.FileExceedsSizeLimit, extract.ArchiveExceedsSizeLimit, extract.UnsupportedFileType}
	for _, size := range []int64{-1, int64(len(s.content))} {
		e := strict(t)
		e.Limits.ObjectBytes = int64(len(s.content)) - 1
		d := Extract(t, e, extract.Object{Name: s.name, Size: size, Reader: bytes.NewReader(s.content)})
		leftAlone := size < 0 && d.String() == s.want // its last bytes are never read, such as the padding of a tar
		if !leftAlone && !slices.Contains(reasons, d.Result.Reason) || size > 0 && d.Result.Code != extract.Skipped {
			t.Errorf("size %d told: %+v", size, d.Result)
		}
	}
}

func testCancelled(t *testing.T, s sample) {
	e := strict(t)
	for n := 1; ; n++ {
		ctx, cancel := context.WithCancel(context.Background())
		sink := &failing{at: n, do: cancel}
		_, err := e.Extract(ctx, s.object(bytes.NewReader(s.content)), sink)
		cancel()
		if sink.calls < n {
			if err != nil {
				t.Fatalf("not cancelled: %v", err)
			}
			return
		}
		// What is over when the last call returns may be complete.
		if err != nil && err != context.Canceled || err == nil && !sink.over {
			t.Fatalf("cancelled in call %d: %v", n, err)
		}
	}
}

func testSinkErrors(t *testing.T, s sample) {
	broken := errors.New("sink is broken")
	e := strict(t)
	for n := 1; ; n++ {
		sink := &failing{at: n, err: broken}
		_, err := e.Extract(context.Background(), s.object(bytes.NewReader(s.content)), sink)
		if sink.calls < n {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if err != broken || sink.calls > n {
			t.Fatalf("call %d failed: %v after %d calls", n, err, sink.calls)
		}
	}
}

// failing is a sink that fails or does something in its nth call.
type failing struct {
	at, calls, open int
	err             error
	do              func()
	over            bool
}

func (f *failing) call() error {
	f.calls++
	if f.calls != f.at {
		return nil
	}
	if f.do != nil {
		f.do()
	}
	return f.err
}

func (f *failing) Begin(extract.Document) error {
	f.open++
	return f.call()
}

func (f *failing) Text(*text.Block) error { return f.call() }

func (f *failing) End(extract.Document, extract.Result) error {
	f.open--
	f.over = f.open == 0
	return f.call()
}

func testReaderErrors(t *testing.T, s sample) {
	broken := errors.New("reader is broken")
	for _, n := range []int{0, 1, len(s.content) / 3, len(s.content) / 2, len(s.content)} {
		r := io.MultiReader(bytes.NewReader(s.content[:n]), iotest.ErrReader(broken))
		_, err := strict(t).Extract(context.Background(), extract.Object{Name: s.name, Size: -1, Reader: r}, new(Recorder))
		var source *extract.SourceError
		if n < len(s.content)-1024 && (!errors.As(err, &source) || !errors.Is(err, broken)) || err != nil && !errors.Is(err, broken) {
			t.Errorf("broken after %d of %d bytes: %v", n, len(s.content), err)
		}
	}
	e := strict(t)
	for n := 0; ; n++ {
		at := &brokenAt{r: bytes.NewReader(s.content), after: n, err: broken}
		o := s.object(nil)
		o.ReaderAt, o.Reader = at, nil
		_, err := e.Extract(context.Background(), o, new(Recorder))
		if at.calls <= n {
			if err != nil {
				t.Errorf("not broken: %v", err)
			}
			return
		}
		if !errors.Is(err, broken) {
			t.Fatalf("broken at call %d of ReadAt: %v", n, err)
		}
	}
}

type brokenAt struct {
	r            io.ReaderAt
	after, calls int
	err          error
}

func (b *brokenAt) ReadAt(p []byte, off int64) (int, error) {
	b.calls++
	if b.calls > b.after {
		return 0, b.err
	}
	return b.r.ReadAt(p, off)
}
