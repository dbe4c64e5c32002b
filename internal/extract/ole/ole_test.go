package ole_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/richardlehane/mscfb"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/ole"
	"github.com/magpie-sec/magpie/internal/extract/ole/oletest"
)

// samples are the compound files of all formats.
func samples(t testing.TB) map[string][]byte {
	all := map[string][]byte{}
	for _, folder := range []string{"xls", "doc", "ppt", "msg"} {
		files, err := filepath.Glob("../" + folder + "/testdata/*." + folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all[file] = b
		}
	}
	if len(all) < 6 {
		t.Fatal("no samples")
	}
	return all
}

// streams lists the streams of a storage with their contents.
func streams(t testing.TB, f *ole.File, e *ole.Entry, path string, to map[string]string) {
	for _, c := range e.Children {
		if c.Storage {
			streams(t, f, c, path+c.Name+"/", to)
			continue
		}
		b, err := io.ReadAll(f.Stream(c))
		if err != nil || int64(len(b)) != c.Size {
			t.Errorf("%s%s: %d of %d bytes, %v", path, c.Name, len(b), c.Size, err)
		}
		to[path+c.Name] = string(b)
	}
}

func open(t testing.TB, b []byte) *ole.File {
	f, err := ole.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if f.Broken != nil {
		t.Error(f.Broken)
	}
	return f
}

// The streams are those that another reader finds, wherever reading begins, and those of the file exported as one of its own.
func TestStreams(t *testing.T) {
	for name, b := range samples(t) {
		f := open(t, b)
		got := map[string]string{}
		streams(t, f, f.Root(), "", got)
		want := map[string]string{}
		r, err := mscfb.New(bytes.NewReader(b))
		if err != nil {
			t.Fatal(name, err)
		}
		for e, err := r.Next(); err == nil; e, err = r.Next() {
			if e.FileInfo().IsDir() {
				continue
			}
			b, err := io.ReadAll(e)
			if err != nil && err != io.EOF {
				t.Fatal(name, err)
			}
			want[strings.Join(append(append([]string{}, e.Path...), e.Name), "/")] = string(b)
		}
		// The other reader leaves out the first character of a name if it is no letter.
		for k, v := range got {
			plain := strings.Map(func(r rune) rune {
				if r < ' ' {
					return -1
				}
				return r
			}, k)
			if w, ok := want[plain]; !ok || w != v {
				t.Errorf("%s: %q differs", name, k)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d streams, want %d", name, len(got), len(want))
		}
		for k, v := range got {
			e := f.Root()
			for _, part := range strings.Split(k, "/") {
				e = e.Child(part)
			}
			s := f.Stream(e)
			for range 20 {
				if len(v) == 0 {
					break
				}
				off := rand.IntN(len(v))
				p := make([]byte, rand.IntN(len(v)-off)+1)
				if n, err := s.ReadAt(p, int64(off)); n != len(p) || err != nil || string(p) != v[off:off+len(p)] {
					t.Errorf("%s: %q at %d differs: %d of %d bytes, %v", name, k, off, n, len(p), err)
				}
			}
		}
		x, size := f.Export(f.Root())
		again, err := io.ReadAll(x)
		if err != nil || int64(len(again)) != size {
			t.Fatalf("%s: exported %d of %d bytes, %v", name, len(again), size, err)
		}
		f = open(t, again)
		exported := map[string]string{}
		streams(t, f, f.Root(), "", exported)
		if fmt.Sprint(exported) != fmt.Sprint(got) {
			t.Errorf("%s: exported as something else", name)
		}
	}
}

// A builder writes compound files sector by sector, whatever they say.
type builder struct {
	sectors [][]byte
	fat     []uint32
}

func (b *builder) chain(content []byte) uint32 {
	start := uint32(len(b.sectors))
	for i := 0; i == 0 || i < len(content); i += 512 {
		s := make([]byte, 512)
		copy(s, content[min(i, len(content)):])
		b.sectors = append(b.sectors, s)
		b.fat = append(b.fat, uint32(len(b.sectors)))
	}
	b.fat[len(b.fat)-1] = 0xfffffffe
	return start
}

func entry(name string, kind byte, left, right, child, start uint32, size uint64) []byte {
	b := make([]byte, 128)
	for i, c := range name {
		b[2*i] = byte(c)
	}
	b[64], b[66] = byte(2*len(name)+2), kind
	binary.LittleEndian.PutUint32(b[68:], left)
	binary.LittleEndian.PutUint32(b[72:], right)
	binary.LittleEndian.PutUint32(b[76:], child)
	binary.LittleEndian.PutUint32(b[116:], start)
	binary.LittleEndian.PutUint64(b[120:], size)
	return b
}

func (b *builder) file(directory []byte) []byte {
	dir := b.chain(directory)
	n := uint32(len(b.sectors)+127)/128 + 1
	first := uint32(len(b.sectors))
	for range n {
		b.fat = append(b.fat, 0xfffffffd)
	}
	for len(b.fat)%128 != 0 {
		b.fat = append(b.fat, 0xffffffff)
	}
	h := make([]byte, 512)
	copy(h, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	h[26], h[28], h[29], h[30], h[32] = 3, 0xfe, 0xff, 9, 6
	binary.LittleEndian.PutUint32(h[44:], n)
	binary.LittleEndian.PutUint32(h[48:], dir)
	binary.LittleEndian.PutUint32(h[56:], 4096)
	binary.LittleEndian.PutUint32(h[60:], 0xfffffffe)
	binary.LittleEndian.PutUint32(h[68:], 0xfffffffe)
	for i := range uint32(109) {
		v := uint32(0xffffffff)
		if i < n {
			v = first + i
		}
		binary.LittleEndian.PutUint32(h[76+4*i:], v)
	}
	for _, s := range b.sectors {
		h = append(h, s...)
	}
	for _, v := range b.fat {
		h = binary.LittleEndian.AppendUint32(h, v)
	}
	return h
}

const nothing = 0xffffffff

// Circles and absurd sizes end, and what can be reached is reached.
func TestHostileFiles(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789abcdef"), 512)
	root := func(child uint32) []byte { return entry("Root Entry", 5, nothing, nothing, child, 0xfffffffe, 0) }
	for name, c := range map[string]struct {
		make func(b *builder) []byte
		want string // streams with their lengths as far as they could be read
	}{
		"sound": {func(b *builder) []byte {
			return b.file(append(root(1), entry("a", 2, nothing, nothing, nothing, b.chain(long), uint64(len(long)))...))
		}, "a 8192 <nil> broken <nil>"},
		"circle of siblings": {func(b *builder) []byte {
			s := b.chain(long)
			return b.file(bytes.Join([][]byte{root(1), entry("a", 2, 2, 1, nothing, s, 8192), entry("b", 2, 1, 2, 0, s, 8192)}, nil))
		}, "b 8192 <nil> a 8192 <nil> broken MALFORMED_FILE: the directory's tree is broken"},
		"storage in itself": {func(b *builder) []byte {
			return b.file(append(root(1), entry("a", 1, nothing, nothing, 1, 0, 0)...))
		}, "broken MALFORMED_FILE: the directory's tree is broken"},
		"circle in a stream": {func(b *builder) []byte {
			s := b.chain(long)
			b.fat[s+3] = s
			return b.file(append(root(1), entry("a", 2, nothing, nothing, nothing, s, 8192)...))
		}, "a 8192 <nil> broken <nil>"},
		"absurd size": {func(b *builder) []byte {
			return b.file(append(root(1), entry("a", 2, nothing, nothing, nothing, b.chain(long), 0xfffffff0)...))
		}, "a 0 MALFORMED_FILE: the compound file is cut broken <nil>"},
		"chain ends early": {func(b *builder) []byte {
			s := b.chain(long)
			b.fat[s+3] = 0xfffffffe
			return b.file(append(root(1), entry("a", 2, nothing, nothing, nothing, s, 8192)...))
		}, "a 2048 MALFORMED_FILE: the compound file is cut broken <nil>"},
		"chain to nowhere": {func(b *builder) []byte {
			s := b.chain(long)
			b.fat[s+3] = 0x123456
			return b.file(append(root(1), entry("a", 2, nothing, nothing, nothing, s, 8192)...))
		}, "a 2048 MALFORMED_FILE: the compound file is cut broken <nil>"},
		"small stream without table": {func(b *builder) []byte {
			return b.file(append(root(1), entry("a", 2, nothing, nothing, nothing, 0, 100)...))
		}, "a 0 MALFORMED_FILE: the compound file is cut broken <nil>"},
		"directory is a circle": {func(b *builder) []byte {
			f := b.file(append(root(1), entry("a", 2, nothing, nothing, nothing, b.chain(long), 8192)...))
			fat := len(f) - len(b.fat)*4
			binary.LittleEndian.PutUint32(f[fat+4*16:], 16)
			return f
		}, "a 8192 <nil> broken MALFORMED_FILE: the directory is a circle, or too large"},
	} {
		b := c.make(new(builder))
		f, err := ole.Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := ""
		for _, e := range f.Root().Children {
			if !e.Storage {
				b, err := io.ReadAll(f.Stream(e))
				got += fmt.Sprintf("%s %d %v ", e.Name, len(b), err)
			}
		}
		if got += fmt.Sprintf("broken %v", f.Broken); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
		x, _ := f.Export(f.Root())
		if n, _ := io.Copy(io.Discard, x); n > 64<<10 {
			t.Errorf("%s: exported %d bytes", name, n)
		}
	}
}

// A directory as deep as it is long neither exhausts the stack nor takes memory without bound.
func TestHugeDirectories(t *testing.T) {
	for _, name := range []string{"siblings", "storages"} {
		var b builder
		directory := entry("Root Entry", 5, nothing, nothing, 1, 0xfffffffe, 0)
		for i := uint32(1); i < 300_000; i++ {
			if name == "siblings" {
				directory = append(directory, entry("a", 2, i+1, nothing, nothing, 0, 0)...)
			} else {
				directory = append(directory, entry("a", 1, nothing, nothing, i+1, 0, 0)...)
			}
		}
		// The FAT of so large a file needs more sectors than the header lists: only what those tell of is read.
		file := b.file(directory)
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := ole.Open(bytes.NewReader(file), int64(len(file)))
		runtime.GC()
		runtime.ReadMemStats(&after)
		if err != nil || f.Broken == nil {
			t.Errorf("%s: %v", name, err)
		}
		if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 24<<20 {
			t.Errorf("%s: %d bytes", name, used)
		}
		runtime.KeepAlive(f)
	}
}

// A file of more than 7 MB lists the sectors of its FAT in sectors of their own, as Export writes them and the other reader reads them.
func TestLargeFiles(t *testing.T) {
	var w builder
	content := make([]byte, 1<<20)
	for i := range content {
		content[i] = byte(i >> 9 * 31)
	}
	start := w.chain(content)
	directory := entry("Root Entry", 5, nothing, nothing, 1, 0xfffffffe, 0)
	for i := uint32(1); i <= 20; i++ {
		right := i + 1
		if i == 20 {
			right = nothing
		}
		directory = append(directory, entry(fmt.Sprint("s", i), 2, nothing, right, nothing, start, uint64(len(content)))...)
	}
	file := w.file(directory)
	f := open(t, file)
	x, size := f.Export(f.Root())
	large, err := io.ReadAll(x)
	if err != nil || int64(len(large)) != size || size < 20<<20 {
		t.Fatal(len(large), size, err)
	}
	got := map[string]string{}
	f = open(t, large)
	streams(t, f, f.Root(), "", got)
	r, err := mscfb.New(bytes.NewReader(large))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for e, err := r.Next(); err == nil; e, err = r.Next() {
		b, err := io.ReadAll(e)
		if n++; err != nil && err != io.EOF || !bytes.Equal(b, content) || got[e.Name] != string(content) {
			t.Errorf("%s: %d bytes, %v", e.Name, len(b), err)
		}
	}
	if n != 20 || len(got) != 20 {
		t.Errorf("%d and %d streams", n, len(got))
	}
}

func FuzzOpen(f *testing.F) {
	for _, b := range samples(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := ole.Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		x, size := file.Export(file.Root())
		n, err := io.Copy(io.Discard, io.LimitReader(x, 1<<20))
		if err == nil && n != min(size, 1<<20) {
			t.Errorf("%d of %d bytes", n, size)
		}
	})
}

// Figures beside the library that was the alternative.
func BenchmarkStreams(b *testing.B) {
	var w builder
	content := bytes.Repeat([]byte("0123456789abcdef"), 6<<16)
	file := w.file(append(entry("Root Entry", 5, nothing, nothing, 1, 0xfffffffe, 0), entry("a", 2, nothing, nothing, nothing, w.chain(content), uint64(len(content)))...))
	b.Run("ours", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			f := open(b, file)
			if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f.Stream(f.Root().Children[0])}, make([]byte, 32<<10)); n != int64(len(content)) || err != nil {
				b.Fatal(n, err)
			}
		}
	})
	b.Run("reference=mscfb", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			r, err := mscfb.New(bytes.NewReader(file))
			if err != nil {
				b.Fatal(err)
			}
			e, err := r.Next()
			if err != nil {
				b.Fatal(err)
			}
			if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{e}, make([]byte, 32<<10)); n != int64(len(content)) || err != nil && err != io.EOF {
				b.Fatal(n, err)
			}
		}
	})
}

// A file whose directory stands behind its first 64 KiB is read by what the directory shows; what that does not show is recognised and left.
func TestDistantDirectory(t *testing.T) {
	sample, err := os.ReadFile("../xls/testdata/xlwt.xls")
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, sample)
	book, err := f.ReadAll(f.Root().Child("Workbook"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	filler := oletest.Stream{Path: "A", Content: bytes.Repeat([]byte("filler, "), 10<<10)}
	for _, c := range []struct {
		name    string
		streams []oletest.Stream
		want    string
	}{
		{"a", []oletest.Stream{filler, {Path: "Workbook", Content: book}}, "application/x-ole-storage COMPLETE  36"},
		{"a.doc", []oletest.Stream{filler, {Path: "Workbook", Content: book}}, "application/msword COMPLETE  36"},
		{"a", []oletest.Stream{{Path: "Workbook", Content: append(book, filler.Content...)}}, "application/vnd.ms-excel COMPLETE  36"},
		{"a.xls", []oletest.Stream{filler, {Path: "VisioDocument", Content: book}}, "application/vnd.ms-excel SKIPPED UNSUPPORTED_FILE_TYPE_EXCEPTION 0"},
		{"a.xlsx", []oletest.Stream{filler, {Path: "EncryptedPackage", Content: book}}, "application/x-ole-storage SKIPPED UNSUPPORTED_FILE_TYPE_EXCEPTION 0"},
		{"a.xlsx", []oletest.Stream{{Path: "EncryptedPackage", Content: filler.Content[:5000]}}, "application/x-ole-storage SKIPPED UNSUPPORTED_FILE_TYPE_EXCEPTION 0"},
		{"a.xls", []oletest.Stream{{Path: "VisioDocument", Content: filler.Content[:5000]}}, "application/x-ole-storage SKIPPED UNSUPPORTED_FILE_TYPE_EXCEPTION 0"},
	} {
		d := extracttest.Read(t, c.name, string(oletest.File(c.streams...)))
		if got := fmt.Sprintf("%s %s %s %d", d.MIME, d.Result.Code, d.Result.Reason, len(d.Values)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func FuzzProperties(f *testing.F) {
	for _, b := range samples(f) {
		file := open(f, b)
		for _, name := range []string{"\x05SummaryInformation", "\x05DocumentSummaryInformation"} {
			if set, err := file.ReadAll(file.Root().Child(name), 1<<20); err == nil && set != nil {
				f.Add(set)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		content := oletest.File(oletest.Stream{Path: "\x05SummaryInformation", Content: b}, oletest.Stream{Path: "\x05DocumentSummaryInformation", Content: b})
		var w writer
		file := open(t, content)
		if err := file.Properties(file.Root(), &w); err == nil && w.Len() > 64*len(b) {
			t.Errorf("%d bytes of %d", w.Len(), len(b))
		}
	})
}

type writer struct{ bytes.Buffer }

func (w *writer) Break() {}
