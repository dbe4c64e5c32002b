package s3

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
)

// A spool sorts objects in a temporary file, in bounded memory. Rows are gathered until some megabytes are full, sorted if they are in no order,
// and written as a run; a run that begins behind the end of the one before is part of it, so that a report that is sorted becomes one run for
// each of its files. Runs that do not overlap are read one after the other, others are merged.
type spool struct {
	folder string
	limit  int64
	memory int
	rows   int64 // that were added

	text    []byte     // of the rows gathered: key and the rest of each
	held    []spoolRow // where they are
	sorted  bool
	strings []string // storage classes and kinds of encryption, by number
	file    *spoolFile
}

type spoolRow struct{ at, key, end int } // in text: where it begins, where its key ends, where it ends

// A spoolRun is a part of a file with rows in order.
type spoolRun struct {
	from, to    int64
	first, last string
}

// A spoolFile holds runs.
type spoolFile struct {
	file    *os.File
	out     *bufio.Writer
	size    int64
	runs    []spoolRun
	key     []byte // the last one of the last run
	scratch []byte
}

// maxMerged is how many runs are merged at a time, each with a buffer of mergeBuffer.
const (
	maxMerged   = 64
	mergeBuffer = 32 << 10
)

func newSpool(folder string, limit int64, memory int) *spool {
	return &spool{folder: folder, limit: limit, memory: memory, sorted: true}
}

func (s *spool) close() {
	if s.file != nil {
		s.file.file.Close()
		s.file = nil
	}
}

// add takes an object. Key, size, entity tag, time to the second, storage class and kind of encryption are kept.
func (s *spool) add(o *source.Object) error {
	class, err := s.number(o.StorageClass)
	if err != nil {
		return err
	}
	encryption, err := s.number(o.Encryption.Type)
	if err != nil {
		return err
	}
	if s.text == nil { // once, for all of it: keys have some 40 bytes beside their own
		s.text, s.held = make([]byte, 0, s.memory), make([]spoolRow, 0, s.memory/100)
	}
	if n := len(s.held); n > 0 && s.sorted {
		last := &s.held[n-1]
		s.sorted = string(s.text[last.at:last.key]) < o.Key
	}
	row := spoolRow{at: len(s.text)}
	s.text = append(s.text, o.Key...)
	row.key = len(s.text)
	s.text = binary.BigEndian.AppendUint64(s.text, uint64(o.LastModified.Unix()))
	s.text = append(s.text, class, encryption)
	s.text = binary.AppendUvarint(s.text, uint64(o.Size))
	s.text = append(s.text, o.ETag...)
	row.end = len(s.text)
	s.held = append(s.held, row)
	s.rows++
	// The rows are counted as well: keys may be short.
	if len(s.text)+24*len(s.held) >= s.memory {
		return s.flush()
	}
	return nil
}

// number returns the number of a string of which there are few.
func (s *spool) number(text string) (byte, error) {
	i := slices.Index(s.strings, text)
	if i < 0 {
		if i = len(s.strings); i == 256 {
			return 0, errors.New("there are too many storage classes")
		}
		s.strings = append(s.strings, strings.Clone(text))
	}
	return byte(i), nil
}

// flush writes what was gathered.
func (s *spool) flush() error {
	if len(s.held) == 0 {
		return nil
	}
	if !s.sorted {
		slices.SortFunc(s.held, func(a, b spoolRow) int {
			// The newest of rows with one key comes first.
			return cmp.Or(bytes.Compare(s.text[a.at:a.key], s.text[b.at:b.key]), -bytes.Compare(s.text[a.key:a.key+8], s.text[b.key:b.key+8]))
		})
	}
	if s.file == nil {
		var err error
		if s.file, err = newSpoolFile(s.folder); err != nil {
			return err
		}
	}
	s.file.begin(s.text[s.held[0].at:s.held[0].key])
	for _, row := range s.held {
		if err := s.file.write(s.text[row.at:row.key], s.text[row.key:row.end]); err != nil {
			return err
		}
	}
	s.file.end()
	s.text, s.held, s.sorted = s.text[:0], s.held[:0], true
	if s.file.size > s.limit {
		return fmt.Errorf("it takes more than %d bytes of temporary files", s.limit)
	}
	return nil
}

// finish makes the spool ready to be read: no more runs are left than are merged at a time.
func (s *spool) finish(ctx context.Context) error {
	if err := s.flush(); err != nil {
		return err
	}
	s.text, s.held = nil, nil
	if s.file == nil {
		return nil
	}
	for {
		if err := s.file.out.Flush(); err != nil {
			return fmt.Errorf("write a temporary file: %w", err)
		}
		chains := chainsOf(s.file.runs)
		if len(chains) <= maxMerged {
			return nil
		}
		next, err := newSpoolFile(s.folder)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(chains, maxMerged) {
			m, err := s.file.merge(some)
			if err == nil {
				next.begin(nil)
				err = m.each(func(key, rest []byte) (bool, error) {
					return true, cmp.Or(ctx.Err(), next.write(key, rest))
				})
				next.end()
			}
			if err != nil {
				next.file.Close()
				return err
			}
		}
		s.file.file.Close()
		s.file = next
	}
}

// yield hands over the objects in order until the function returns false or an error. Of objects with one key it is the newest.
func (s *spool) yield(f func(source.Object) (bool, error)) error {
	if s.file == nil {
		return nil
	}
	m, err := s.file.merge(chainsOf(s.file.runs))
	if err != nil {
		return err
	}
	return m.each(func(key, rest []byte) (bool, error) {
		size, n := binary.Uvarint(rest[10:])
		if n <= 0 || int64(size) < 0 || int(rest[8]) >= len(s.strings) || int(rest[9]) >= len(s.strings) {
			return false, errSpool
		}
		return f(source.Object{
			Key: string(key), LastModified: time.Unix(int64(binary.BigEndian.Uint64(rest)), 0).UTC(), Size: int64(size), ETag: string(rest[10+n:]),
			StorageClass: s.strings[rest[8]], Encryption: source.Encryption{Type: s.strings[rest[9]]},
		})
	})
}

func newSpoolFile(folder string) (*spoolFile, error) {
	f, err := temporary(folder)
	if err != nil {
		return nil, err
	}
	return &spoolFile{file: f, out: bufio.NewWriterSize(f, 256<<10)}, nil
}

// begin begins a run with the first key of what is to be written, or goes on with the last one if the key is behind its end. nil always begins
// one.
func (f *spoolFile) begin(key []byte) {
	if len(f.runs) > 0 && key != nil && string(key) > string(f.key) {
		return
	}
	f.runs = append(f.runs, spoolRun{from: f.size, first: string(key)})
	f.key = f.key[:0]
}

// write appends a row to the run: how much of the key is that of the row before, the rest of the key, the rest of the row, each with its length.
func (f *spoolFile) write(key, rest []byte) error {
	run := &f.runs[len(f.runs)-1]
	if f.size == run.from {
		run.first = string(key)
	}
	shared := 0
	for shared < len(key) && shared < len(f.key) && key[shared] == f.key[shared] {
		shared++
	}
	b := binary.AppendUvarint(f.scratch[:0], uint64(shared))
	b = binary.AppendUvarint(b, uint64(len(key)-shared))
	b = binary.AppendUvarint(b, uint64(len(rest)))
	b = append(b, key[shared:]...)
	b = append(b, rest...)
	f.scratch = b
	f.key = append(f.key[:shared], key[shared:]...)
	f.size += int64(len(b))
	if _, err := f.out.Write(b); err != nil {
		return fmt.Errorf("write a temporary file: %w", err)
	}
	return nil
}

// end ends a run, or a part of it.
func (f *spoolFile) end() {
	run := &f.runs[len(f.runs)-1]
	run.to, run.last = f.size, string(f.key)
}

// chainsOf puts runs that do not overlap one behind the other, into as few chains as it can.
func chainsOf(runs []spoolRun) [][]spoolRun {
	runs = slices.Clone(runs)
	slices.SortFunc(runs, func(a, b spoolRun) int { return strings.Compare(a.first, b.first) })
	var ends chainHeap // chains by their last key
	var chains [][]spoolRun
	for _, r := range runs {
		if len(ends) > 0 && ends[0].last < r.first {
			chains[ends[0].chain] = append(chains[ends[0].chain], r)
			ends[0].last = r.last
			heap.Fix(&ends, 0)
			continue
		}
		chains = append(chains, []spoolRun{r})
		heap.Push(&ends, chainEnd{len(chains) - 1, r.last})
	}
	return chains
}

type chainEnd struct {
	chain int
	last  string
}

type chainHeap []chainEnd

func (h chainHeap) Len() int           { return len(h) }
func (h chainHeap) Less(i, j int) bool { return h[i].last < h[j].last }
func (h chainHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *chainHeap) Push(x any)        { *h = append(*h, x.(chainEnd)) }
func (h *chainHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// A merger reads chains side by side.
type merger []*chainReader

// A chainReader reads the runs of a chain.
type chainReader struct {
	file      *os.File
	runs      []spoolRun // those to come
	in        *bufio.Reader
	left      int64
	key, rest []byte
}

func (f *spoolFile) merge(chains [][]spoolRun) (merger, error) {
	var m merger
	for _, c := range chains {
		r := &chainReader{file: f.file, runs: c, in: bufio.NewReaderSize(nil, mergeBuffer)}
		if more, err := r.next(); err != nil {
			return nil, err
		} else if more {
			m = append(m, r)
		}
	}
	heap.Init(&m)
	return m, nil
}

func (m merger) Len() int { return len(m) }
func (m merger) Less(i, j int) bool {
	a, b := m[i], m[j]
	if c := bytes.Compare(a.key, b.key); c != 0 {
		return c < 0
	}
	return bytes.Compare(a.rest[:8], b.rest[:8]) > 0
}
func (m merger) Swap(i, j int) { m[i], m[j] = m[j], m[i] }
func (m *merger) Push(any)     {}
func (m *merger) Pop() any {
	*m = (*m)[:len(*m)-1]
	return nil
}

// each hands over rows in the order of their keys, the first of each.
func (m *merger) each(f func(key, rest []byte) (bool, error)) error {
	var last []byte
	for some := false; len(*m) > 0; some = true {
		r := (*m)[0]
		if !some || !bytes.Equal(last, r.key) {
			last = append(last[:0], r.key...)
			if more, err := f(r.key, r.rest); err != nil || !more {
				return err
			}
		}
		more, err := r.next()
		if err != nil {
			return err
		}
		if more {
			heap.Fix(m, 0)
		} else {
			heap.Remove(m, 0)
		}
	}
	return nil
}

var errSpool = errors.New("the temporary file is damaged")

// next reads the next row.
func (r *chainReader) next() (bool, error) {
	if r.left == 0 {
		if len(r.runs) == 0 {
			return false, nil
		}
		run := r.runs[0]
		r.runs = r.runs[1:]
		r.left, r.key = run.to-run.from, r.key[:0]
		r.in.Reset(io.NewSectionReader(r.file, run.from, r.left))
	}
	var lengths [3]int
	for i := range lengths {
		n, err := binary.ReadUvarint(r.in)
		if err != nil || n > 1<<16 {
			return false, cmp.Or(err, errSpool)
		}
		lengths[i] = int(n)
		for r.left--; n >= 0x80; n >>= 7 {
			r.left--
		}
	}
	shared, own, rest := lengths[0], lengths[1], lengths[2]
	if shared > len(r.key) || rest < 11 || int64(own+rest) > r.left {
		return false, errSpool
	}
	r.left -= int64(own + rest)
	r.key = append(r.key[:shared], make([]byte, own)...)
	r.rest = slices.Grow(r.rest[:0], rest)[:rest]
	if _, err := io.ReadFull(r.in, r.key[shared:]); err != nil {
		return false, err
	}
	_, err := io.ReadFull(r.in, r.rest)
	return err == nil, err
}
