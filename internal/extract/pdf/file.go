package pdf

import (
	"bytes"
	"io"
	"slices"

	"github.com/magpie-sec/magpie/internal/extract"
)

// Bounds on what a document may hold in memory and cost. Together they stay below 64 MB.
const (
	maxObjects       = 2 << 20  // eight bytes each
	maxSections      = 4096     // of cross-reference tables, one for each time the document was saved
	maxObjectStream  = 12 << 20 // bytes of an object stream after its filters
	maxObjectStreams = 16 << 20 // bytes of those that are kept
	maxKept          = 200_000  // elements of parsed objects that are kept
	blockSize        = 16 << 10
	blockCount       = 32
	workFloor        = 64 << 20 // decoded bytes that every document may cost
	workRatio        = 200      // and beyond that, for each byte of its own; content streams lie about 10:1
)

var errWork = &extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "expands too far"}

// An entry of the cross-reference table: its kind in the two highest bits, then an offset (46 bits) and a generation (16), or the number of
// an object stream (38) and an index in it (24).
type entry uint64

const (
	unknown entry = iota << 62
	inFile
	inStream
	free
	kinds entry = 3 << 62
)

// A file reads the objects of a document where they are.
type file struct {
	at     io.ReaderAt
	size   int64
	header int64 // where the document begins in the file
	err    error // of the reader or the budget; it ends everything
	work   int64
	budget int64

	blocks [blockCount]block
	clock  int64

	table    []entry
	trailer  dict
	crypt    *crypt
	locked   bool // encrypted with a password
	repaired bool
	damaged  bool // something was missing or broken

	kept     map[int]any
	keptSize int
	streams  map[int]*objectStream
	streamed int
	lex      *lexer
	busy     bool
}

type block struct {
	n    int64
	used int64
	data []byte
}

// An objectStream is one after its filters.
type objectStream struct {
	data    []byte
	numbers []int32
	offsets []int32
}

func openFile(at io.ReaderAt, size int64) *file {
	f := &file{at: at, size: size, budget: max(workFloor, size*workRatio), kept: map[int]any{}, streams: map[int]*objectStream{}}
	if f.budget < 0 {
		f.budget = 1<<63 - 1
	}
	f.lex = newLexer(nil, 1024)
	f.findHeader()
	found := f.readTables()
	f.unlock()
	if !f.locked && (!found || !f.hasPages()) {
		f.repair()
	}
	return f
}

// ReadAt reads through a small cache: objects of a page stand near one another.
func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		if off < 0 || off >= f.size {
			return n, io.EOF
		}
		b, err := f.block(off / blockSize)
		if err != nil {
			return n, err
		}
		k := int(off % blockSize)
		if k >= len(b) {
			return n, io.EOF
		}
		k = copy(p[n:], b[k:])
		n += k
		off += int64(k)
	}
	return n, nil
}

func (f *file) block(n int64) ([]byte, error) {
	if f.err != nil {
		return nil, f.err
	}
	f.clock++
	oldest := &f.blocks[0]
	for i := range f.blocks {
		b := &f.blocks[i]
		if b.data != nil && b.n == n && b.used > 0 {
			b.used = f.clock
			return b.data, nil
		}
		if b.used < oldest.used {
			oldest = b
		}
	}
	if cap(oldest.data) == 0 {
		oldest.data = make([]byte, blockSize)
	}
	data := oldest.data[:min(blockSize, f.size-n*blockSize)]
	k, err := f.at.ReadAt(data, n*blockSize)
	if err != nil && (err != io.EOF || k < len(data)) {
		if err != io.EOF {
			f.err = err
			return nil, err
		}
	}
	oldest.n, oldest.used, oldest.data = n, f.clock, data[:k]
	return oldest.data, nil
}

func (f *file) section(from, length int64) io.Reader {
	return io.NewSectionReader(f, from, max(0, min(length, f.size-from)))
}

// spend counts work; it fails when the budget is used up.
func (f *file) spend(n int) error {
	if f.work += int64(n); f.work > f.budget && f.err == nil {
		f.err = errWork
	}
	return f.err
}

// spent counts what a filter yields.
type spent struct {
	f *file
	r io.Reader
}

func (s spent) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if e := s.f.spend(n + 1); e != nil {
		return 0, e
	}
	return n, err
}

func (f *file) findHeader() {
	b := make([]byte, 1024)
	n, _ := f.ReadAt(b, 0)
	if i := bytes.Index(b[:n], []byte("%PDF-")); i > 0 {
		f.header = int64(i)
	}
}

func (f *file) set(n int, e entry) {
	if n < 0 || n > maxObjects {
		f.damaged = true
		return
	}
	if n >= len(f.table) {
		f.table = append(f.table, make([]entry, n+1-len(f.table))...)
	}
	if f.table[n] == unknown {
		f.table[n] = e
	}
}

func fileEntry(offset int64, gen int) entry {
	return inFile | entry(offset)<<16&^kinds | entry(gen&0xffff)
}

func streamEntry(num, index int) entry {
	return inStream | entry(num)<<24&^kinds | entry(index&0xffffff)
}

// readTables reads the cross-reference tables, the newest first.
func (f *file) readTables() bool {
	tail := make([]byte, min(2048, f.size))
	n, _ := f.ReadAt(tail, f.size-int64(len(tail)))
	i := bytes.LastIndex(tail[:n], []byte("startxref"))
	if i < 0 {
		f.damaged = true // the end is missing
		return false
	}
	l := newLexer(bytes.NewReader(tail[i+len("startxref"):n]), 64)
	o, _ := l.object(0)
	at, ok := o.(int64)
	if !ok {
		return false
	}
	seen := map[int64]bool{}
	pending := []int64{at}
	for len(pending) > 0 && len(seen) < maxSections {
		at, pending = pending[0], pending[1:]
		if at <= 0 || at >= f.size || seen[at] {
			continue
		}
		seen[at] = true
		d := f.readTable(at)
		if d == nil && f.header > 0 {
			d = f.readTable(at + f.header)
		}
		if d == nil {
			return false
		}
		if f.trailer == nil {
			f.trailer = d
		}
		for _, k := range []name{"XRefStm", "Prev"} {
			if n, ok := num(d[k]); ok {
				pending = append(pending, int64(n))
			}
		}
	}
	return f.trailer != nil
}

// readTable reads one table or stream of cross-references and returns its trailer, nil if there is none.
func (f *file) readTable(at int64) dict {
	l := newLexer(f.section(at, f.size), 4096)
	o, _ := l.object(0)
	if o != keyword("xref") {
		return f.readXRefStream(at)
	}
	for {
		l.elements = 0
		o, err := l.object(0)
		if err != nil {
			return nil
		}
		if o == keyword("trailer") {
			o, _ = l.object(0)
			d, _ := o.(dict)
			return d
		}
		from, ok := o.(int64)
		o, _ = l.object(0)
		count, ok2 := o.(int64)
		if !ok || !ok2 || from < 0 || count < 0 {
			return nil
		}
		for i := range count {
			l.elements = 0
			a, _ := l.object(0)
			b, _ := l.object(0)
			c, _ := l.object(0)
			offset, ok := a.(int64)
			gen, ok2 := b.(int64)
			if !ok || !ok2 || f.err != nil {
				return nil
			}
			if i == 0 && from == 1 && c == keyword("f") && offset == 0 && gen == 65535 {
				from = 0 // some writers count from the wrong end
			}
			if from+i > maxObjects {
				f.damaged = true
				continue
			}
			switch {
			case c == keyword("n") && offset > 0 && offset < f.size:
				f.set(int(from+i), fileEntry(offset, int(gen)))
			case c == keyword("f"), c == keyword("n"):
				f.set(int(from+i), free)
			default:
				return nil
			}
		}
	}
}

func (f *file) readXRefStream(at int64) dict {
	_, s := f.parse(at)
	st, ok := s.(*stream)
	if !ok || st.dict["Type"] != name("XRef") {
		return nil
	}
	r, err := f.decode(st, false)
	if err != nil {
		return nil
	}
	var w [3]int
	widths, _ := st.dict["W"].(array)
	if len(widths) < 3 {
		return nil
	}
	for i := range w {
		if w[i] = f.int(widths[i], -1); w[i] < 0 || w[i] > 8 {
			return nil
		}
	}
	index, _ := st.dict["Index"].(array)
	if len(index) < 2 {
		index = array{int64(0), int64(f.int(st.dict["Size"], 0))}
	}
	row := make([]byte, w[0]+w[1]+w[2])
	if len(row) == 0 {
		return nil
	}
	for ; len(index) >= 2; index = index[2:] {
		from, count := f.int(index[0], -1), f.int(index[1], -1)
		if from < 0 || count < 0 {
			return nil
		}
		for n := from; n < from+count; n++ {
			if _, err := io.ReadFull(r, row); err != nil {
				return st.dict
			}
			kind := field(row[:w[0]])
			if w[0] == 0 {
				kind = 1
			}
			a, b := field(row[w[0]:w[0]+w[1]]), field(row[w[0]+w[1]:])
			switch kind {
			case 0:
				f.set(n, free)
			case 1:
				if a < uint64(f.size) {
					f.set(n, fileEntry(int64(a), int(b)))
				}
			case 2:
				if a <= maxObjects && b < 1<<24 {
					f.set(n, streamEntry(int(a), int(b)))
				}
			}
		}
	}
	return st.dict
}

func field(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

// parse reads the object at an offset: a dictionary with a stream becomes a *stream.
func (f *file) parse(at int64) (ref, any) {
	l := f.lex
	if f.busy {
		l = newLexer(nil, 1024)
	} else {
		f.busy = true
		defer func() { f.busy = false }()
	}
	l.reset(f.section(at, f.size))
	id, o, data, err := l.indirect()
	f.spend(l.elements * 8)
	if err != nil {
		return ref{num: -1}, nil
	}
	if d, ok := o.(dict); ok && data > 0 {
		o = &stream{dict: d, offset: at + data, id: id}
	}
	return id, o
}

func (f *file) hasPages() bool {
	root, _ := f.resolve(f.trailer["Root"]).(dict)
	pages, _ := f.resolve(root["Pages"]).(dict)
	return pages != nil
}

// resolve follows references.
func (f *file) resolve(o any) any {
	for range 32 {
		r, ok := o.(ref)
		if !ok {
			return o
		}
		o = f.load(r.num)
	}
	return nil
}

func (f *file) load(n int) any {
	if o, ok := f.kept[n]; ok {
		return o
	}
	if n < 0 || n >= len(f.table) || f.err != nil {
		return nil
	}
	var o any
	before := f.work
	switch e := f.table[n]; e & kinds {
	case inFile:
		at := int64(e &^ kinds >> 16)
		id, v := f.parse(at)
		if id.num != n && f.header > 0 {
			id, v = f.parse(at + f.header)
		}
		if id.num != n {
			if !f.repaired && f.err == nil {
				f.repair()
				return f.load(n)
			}
			f.damaged = true
			return nil
		}
		o = v
		if f.crypt != nil {
			if s, ok := v.(*stream); ok {
				f.crypt.decrypt(id, s.dict)
			} else {
				o = f.crypt.decrypt(id, v)
			}
		}
	case inStream:
		o = f.fromStream(n, int(e&^kinds>>24), int(e&0xffffff))
	default:
		return nil
	}
	size := int(f.work-before)/8 + 4
	if f.keptSize+size > maxKept {
		clear(f.kept)
		f.keptSize = 0
	}
	if size < maxKept/4 {
		f.kept[n] = o
		f.keptSize += size
	}
	return o
}

// fromStream reads an object out of an object stream.
func (f *file) fromStream(n, container, index int) any {
	s := f.objectStream(container)
	if s == nil {
		f.damaged = true
		return nil
	}
	if index >= len(s.numbers) || int(s.numbers[index]) != n {
		if index = slices.Index(s.numbers, int32(n)); index < 0 {
			return nil
		}
	}
	at := int(s.offsets[index])
	if at >= len(s.data) {
		return nil
	}
	l := newLexer(bytes.NewReader(s.data[at:]), 512)
	o, err := l.object(0)
	f.spend(l.elements * 8)
	if _, bad := o.(keyword); bad || err != nil {
		return nil
	}
	if a, ok := o.(int64); ok { // a reference may stand alone
		b, _ := l.object(0)
		if r, ok := reference(a, b); ok {
			if k, _ := l.object(0); k == keyword("R") {
				return r
			}
		}
	}
	return o
}

func (f *file) objectStream(n int) *objectStream {
	if s, ok := f.streams[n]; ok {
		return s
	}
	if n >= len(f.table) || f.table[n]&kinds != inFile {
		return nil
	}
	st, ok := f.load(n).(*stream)
	if !ok {
		return nil
	}
	s := f.readObjectStream(st)
	if s == nil {
		return nil
	}
	if f.streamed += len(s.data) + 8*len(s.numbers); f.streamed > maxObjectStreams {
		clear(f.streams)
		f.streamed = len(s.data) + 8*len(s.numbers)
	}
	f.streams[n] = s
	return s
}

func (f *file) readObjectStream(st *stream) *objectStream {
	count, head := f.int(st.dict["N"], 0), f.int(st.dict["First"], 0)
	r, err := f.decode(st, true)
	if err != nil || count < 0 || head < 0 {
		return nil
	}
	data, _ := io.ReadAll(io.LimitReader(r, maxObjectStream))
	if f.err != nil {
		return nil
	}
	if len(data) == maxObjectStream {
		f.damaged = true
	}
	s := &objectStream{data: data}
	l := newLexer(bytes.NewReader(data[:min(head, len(data))]), 512)
	for range count {
		l.elements = 0
		a, _ := l.object(0)
		b, _ := l.object(0)
		num, ok := a.(int64)
		at, ok2 := b.(int64)
		if !ok || !ok2 || num < 0 || num > maxObjects || at < 0 || at > maxObjectStream {
			break
		}
		s.numbers = append(s.numbers, int32(num))
		s.offsets = append(s.offsets, int32(at)+int32(min(head, maxObjectStream)))
	}
	return s
}

// decode returns a stream's bytes after decryption and filters.
func (f *file) decode(s *stream, decrypt bool) (io.Reader, error) {
	var r io.Reader
	if s.data != nil {
		r = bytes.NewReader(s.data)
	} else {
		r = f.section(s.offset, f.length(s))
	}
	if decrypt && f.crypt != nil && s.data == nil && !f.plain(s) {
		r = f.crypt.reader(s.id, r)
	}
	r, err := f.filtered(s.dict, r)
	if err != nil {
		return nil, err
	}
	return spent{f, r}, nil
}

// plain says that a stream is not encrypted although the document is.
func (f *file) plain(s *stream) bool {
	switch s.dict["Type"] {
	case name("XRef"):
		return true
	case name("Metadata"):
		return f.crypt.plainMetadata
	}
	filters := f.list(s.dict["Filter"])
	return len(filters) > 0 && f.resolve(filters[0]) == name("Crypt")
}

var endStream = []byte("endstream")

// length finds out how long a stream is, by its end mark when the dictionary is wrong.
func (f *file) length(s *stream) int64 {
	n := int64(f.int(s.dict["Length"], -1))
	if n >= 0 && n <= f.size-s.offset {
		var b [16]byte
		k, _ := f.ReadAt(b[:], s.offset+n)
		if bytes.HasPrefix(bytes.TrimLeft(b[:k], "\r\n \t"), endStream) || bytes.HasPrefix(b[:k], []byte("endobj")) {
			return n
		}
	}
	if s.dict["Type"] == name("XRef") && n > 0 {
		return n
	}
	at := f.find(s.offset, endStream)
	if at < 0 {
		f.damaged = true
		return f.size - s.offset
	}
	var b [2]byte
	if k, _ := f.ReadAt(b[:], max(s.offset, at-2)); k == 2 && at-2 >= s.offset {
		switch {
		case b[0] == '\r' && b[1] == '\n':
			at -= 2
		case b[1] == '\n' || b[1] == '\r':
			at--
		}
	}
	return at - s.offset
}

// find searches the file from an offset, -1 if there is nothing.
func (f *file) find(from int64, what []byte) int64 {
	buf := make([]byte, blockSize)
	for from < f.size {
		n, err := f.ReadAt(buf, from)
		if f.spend(n) != nil {
			return -1
		}
		if i := bytes.Index(buf[:n], what); i >= 0 {
			return from + int64(i)
		}
		if err != nil || n < len(buf) {
			return -1
		}
		from += int64(n - len(what) + 1)
	}
	return -1
}

// repair finds the objects by looking at the whole file. What comes later counts.
func (f *file) repair() {
	if f.repaired {
		return
	}
	f.repaired = true
	f.table, f.trailer = nil, nil
	clear(f.kept)
	clear(f.streams)
	f.keptSize, f.streamed = 0, 0
	const overlap, ahead = 64, 1024
	buf := make([]byte, 64<<10)
	var containers []int
	var catalog, xref dict
	for from := int64(0); from < f.size && f.err == nil; {
		n, err := f.at.ReadAt(buf[:min(int64(len(buf)), f.size-from)], from)
		if err != nil && err != io.EOF {
			f.err = err
			return
		}
		if n == 0 {
			break
		}
		b := buf[:n]
		last := from+int64(n) >= f.size
		stop := n
		if !last && n > overlap+ahead {
			stop = n - ahead
		}
		for i := 0; i < stop; {
			t := bytes.Index(b[i:stop], []byte("trailer"))
			if t < 0 {
				break
			}
			i += t + 7
			f.trailerAt(from + int64(i))
		}
		for i := 0; i < stop; {
			k := bytes.IndexByte(b[i:stop], 'b')
			if k < 0 {
				break
			}
			k += i
			i = k + 1
			if k < 4 || k+2 > len(b) || b[k-1] != 'o' || k+1 >= len(b) || b[k+1] != 'j' {
				continue
			}
			at, id, ok := backwards(b, k-1)
			if !ok || id.num > maxObjects {
				continue
			}
			if id.num < len(f.table) {
				f.table[id.num] = unknown
			}
			f.set(id.num, fileEntry(from+int64(at), id.gen))
			head := b[k:min(len(b), k+ahead)]
			if e := bytes.Index(head, []byte("endobj")); e >= 0 {
				head = head[:e]
			}
			switch {
			case bytes.Contains(head, []byte("/ObjStm")):
				containers = append(containers, id.num)
			case bytes.Contains(head, []byte("/XRef")):
				if _, o := f.parse(from + int64(at)); o != nil {
					if s, ok := o.(*stream); ok && s.dict["Root"] != nil {
						xref = s.dict
					}
				}
			case bytes.Contains(head, []byte("/Catalog")):
				catalog = dict{"Root": ref{id.num, id.gen}}
			}
		}
		if last {
			break
		}
		from += int64(stop - overlap)
	}
	if f.trailer == nil {
		f.trailer = xref
	}
	if f.trailer == nil {
		f.trailer = catalog
	}
	f.unlock()
	if f.locked {
		return
	}
	for _, c := range containers {
		if s := f.objectStream(c); s != nil {
			for i, n := range s.numbers {
				if int(n) >= len(f.table) || f.table[n]&kinds != inFile {
					if int(n) < len(f.table) {
						f.table[n] = unknown
					}
					f.set(int(n), streamEntry(c, i))
				}
			}
		}
		if f.err != nil {
			return
		}
	}
	if f.trailer == nil || !f.hasPages() {
		f.findRoot()
	}
}

func (f *file) trailerAt(at int64) {
	l := newLexer(f.section(at, f.size), 512)
	o, _ := l.object(0)
	f.spend(l.elements * 8)
	if d, ok := o.(dict); ok && d["Root"] != nil {
		f.trailer = d
	}
}

// findRoot looks for the catalog among the objects of object streams.
func (f *file) findRoot() {
	for n, e := range f.table {
		if e&kinds == inStream && f.err == nil {
			if d, ok := f.load(n).(dict); ok && d["Type"] == name("Catalog") {
				if f.trailer == nil {
					f.trailer = dict{}
				}
				f.trailer["Root"] = ref{num: n}
			}
		}
	}
}

// backwards reads "num gen " before an "obj", and says where it begins.
func backwards(b []byte, i int) (at int, id ref, ok bool) {
	var v [2]int
	for k := 1; k >= 0; k-- {
		j := i
		for j > 0 && class[b[j-1]] == blank {
			j--
		}
		if j == i && k == 0 {
			return 0, id, false
		}
		e := j
		for j > 0 && e-j < 8 && b[j-1] >= '0' && b[j-1] <= '9' {
			j--
		}
		if j == e {
			return 0, id, false
		}
		for _, c := range b[j:e] {
			v[k] = v[k]*10 + int(c-'0')
		}
		i = j
	}
	return i, ref{v[0], v[1]}, true
}

// unlock prepares decryption.
func (f *file) unlock() {
	if f.crypt != nil || f.locked || f.trailer["Encrypt"] == nil {
		return
	}
	d, _ := f.resolve(f.trailer["Encrypt"]).(dict)
	if d == nil {
		return
	}
	ids := f.list(f.trailer["ID"])
	var id str
	if len(ids) > 0 {
		id, _ = f.resolve(ids[0]).(str)
	}
	f.crypt = f.openCrypt(d, string(id))
	f.locked = f.crypt == nil
	clear(f.kept)
	clear(f.streams)
	f.keptSize, f.streamed = 0, 0
}

// list returns an array's elements, or the object itself as the only one.
func (f *file) list(o any) array {
	o = f.resolve(o)
	if a, ok := o.(array); ok {
		return a
	}
	if o == nil {
		return nil
	}
	return array{o}
}

func (f *file) int(o any, otherwise int) int {
	v, ok := num(f.resolve(o))
	if !ok || v != v || v > 1<<52 || v < -1<<52 {
		return otherwise
	}
	return int(v)
}

func (f *file) dict(o any) dict {
	switch v := f.resolve(o).(type) {
	case dict:
		return v
	case *stream:
		return v.dict
	}
	return nil
}

func (f *file) name(o any) name {
	n, _ := f.resolve(o).(name)
	return n
}
