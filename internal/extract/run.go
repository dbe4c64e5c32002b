package extract

import (
	"context"
	"errors"
	"io"
	"runtime/debug"
	"time"

	"github.com/magpie-sec/magpie/internal/extract/charset"
	"github.com/magpie-sec/magpie/internal/text"
)

// A run is the extraction of one object.
type run struct {
	ctx    context.Context
	ex     *Extractor
	sink   Sink
	limits Limits
	end    time.Time
	source source

	// levels counts the bytes that members of each level of nesting have yielded; members counts members of all levels.
	levels  []int64
	members int64
	// memory counts what Input.Reserve granted and nobody gave back.
	memory int64

	// err ends the run and is what Extract returns. stop ends it with a result.
	err  error
	stop Reason
	// outside is above zero while the sink, the source or the spool runs: their panics are not the document's.
	outside int
}

func (e *Extractor) newRun(ctx context.Context, sink Sink) *run {
	r, _ := e.runs.Get().(*run)
	if r == nil {
		r = new(run)
	}
	*r = run{ctx: ctx, ex: e, sink: sink, limits: e.Limits.withDefaults(), levels: r.levels[:0]}
	if e.Now != nil {
		r.end = e.Now().Add(r.limits.Time)
	}
	r.levels = append(r.levels, make([]int64, r.limits.Depth+2)...)
	return r
}

// freeRun keeps a run for another object.
func (e *Extractor) freeRun(r *run) {
	*r = run{levels: r.levels}
	e.runs.Put(r)
}

// buffers are the memory of one document, used again and again: what is handed out of it is not to be used once the document has ended.
type buffers struct {
	head     [HeadSize]byte
	window   [WindowSize]byte
	segments []text.Segment
	indexes  []int64

	doc   Document
	look  Head
	in    Input
	out   Output
	text  charset.Reader
	view  Window
	batch Batch
}

func (e *Extractor) newBuffers() *buffers {
	if b, _ := e.buffers.Get().(*buffers); b != nil {
		return b
	}
	return new(buffers)
}

// freeBuffers keeps the memory for another document, without what points to this one.
func (e *Extractor) freeBuffers(b *buffers) {
	if i := b.batch.block.Indexes; cap(i) <= 2*maxIndexes {
		b.indexes = i[:0]
	}
	b.doc, b.look, b.in, b.out, b.view, b.batch = Document{}, Head{}, Input{}, Output{}, Window{}, Batch{}
	b.text.Reset(nil, charset.Binary)
	e.buffers.Put(b)
}

// check is called at every read and every block.
func (r *run) check() error {
	if r.err != nil || r.stop != "" {
		return errStopped
	}
	if err := r.ctx.Err(); err != nil {
		return r.fail(err)
	}
	if r.ex.Now != nil && r.ex.Now().After(r.end) {
		return r.halt(TimeCutOffReached)
	}
	return nil
}

// fail ends the run with an error; the context's goes before what follows from it.
func (r *run) fail(err error) error {
	if r.err == nil {
		if e := r.ctx.Err(); e != nil {
			err = e
		}
		r.err = err
	}
	return errStopped
}

// halt ends the run with a result.
func (r *run) halt(why Reason) error {
	if r.stop == "" {
		r.stop = why
	}
	return errStopped
}

// document reads one document and ends it. The error is the run's.
func (r *run) document(d Document, src io.Reader, at io.ReaderAt) (Result, error) {
	b := r.ex.newBuffers()
	defer r.ex.freeBuffers(b)

	n, err := fill(src, b.head[:])
	if r.err != nil {
		return Result{}, r.err
	}
	h := &b.look
	h.look(b.head[:n], err != nil, d.Name)
	f, mime, _ := r.ex.sniff(h)
	d.MIME = mime
	if f != nil {
		d.Kind = f.Kind
	}
	b.doc = d
	if r.begin(d) != nil {
		return Result{}, r.err
	}
	b.in = Input{run: r, src: src, at: at, head: h.Bytes, err: err, size: d.Size, limit: r.quota(f, len(d.Path)), charset: h.Charset, memo: h.Memo,
		buffers: b}
	res := r.read(f, &b.in)
	if r.err != nil {
		return Result{}, r.err
	}
	if r.finish(d, res) != nil {
		return Result{}, r.err
	}
	return res, nil
}

// quota is how large a document of the format may be at that depth.
func (r *run) quota(f *Format, depth int) int64 {
	limit := r.limits.ObjectBytes
	if depth > 0 {
		limit = r.limits.MemberBytes
	}
	switch {
	case f != nil && f.Split != nil:
		limit = min(limit, r.limits.TextBytes)
	case f != nil && f.MaxBytes > 0:
		limit = min(limit, f.MaxBytes)
	}
	return limit
}

// read extracts a document that was begun.
func (r *run) read(f *Format, in *Input) Result {
	d := &in.buffers.doc
	switch {
	case r.stop != "":
		return Result{Code: Skipped, Reason: r.stop}
	case len(in.head) == 0 && in.err != nil && in.err != io.EOF:
		return Result{Code: Skipped, Reason: MalformedFile}
	case f == nil:
		return Result{Code: Skipped, Reason: UnsupportedFileType}
	case f.Archive && len(d.Path) >= r.limits.Depth:
		return Result{Code: Skipped, Reason: ArchiveNestingLevelOverLimit}
	case d.Size > in.limit:
		return Result{Code: Skipped, Reason: sizeReason(f)}
	}
	out := &in.buffers.out
	*out = Output{run: r, doc: d, buffers: in.buffers}
	defer in.close()
	err := r.guard(f, in, out)
	if r.err != nil {
		return Result{}
	}
	return result(f, in, out, r.why(f, in, out, err))
}

func sizeReason(f *Format) Reason {
	if f.Archive {
		return ArchiveExceedsSizeLimit
	}
	return FileExceedsSizeLimit
}

// why finds the reason to report: what ended the run, then what ended this document, then what happened to its members.
func (r *run) why(f *Format, in *Input, out *Output, err error) Reason {
	var p *Problem
	switch {
	case r.stop != "":
		return r.stop
	case in.exceeded:
		return sizeReason(f)
	case errors.As(err, &p):
		return p.Reason
	case err != nil, in.broken != nil:
		return MalformedFile
	}
	return out.unread
}

func result(f *Format, in *Input, out *Output, why Reason) Result {
	res := Result{Code: Complete, Reason: why, Bytes: in.read}
	some := out.blocks > 0 || out.bytes > 0
	if f.Archive {
		res.Bytes, some = out.bytes, out.bytes > 0 || why == ArchiveContainsUnprocessedFiles
	}
	switch {
	case why == "":
	case some:
		res.Code = Partial
	default:
		res.Code, res.Bytes = Skipped, 0
	}
	return res
}

// guard runs a parser: its panics are trouble of the document, those of the caller's own code go on.
func (r *run) guard(f *Format, in *Input, out *Output) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if r.outside > 0 {
			panic(v)
		}
		if r.ex.Panicked != nil {
			r.ex.Panicked(f.Name, debug.Stack())
		}
		err = Malformed("the parser panicked")
	}()
	return f.Extract(in, out)
}

// begin, text and finish call the sink.
func (r *run) begin(d Document) error {
	r.outside++
	return r.called(r.sink.Begin(d))
}

func (r *run) text(b *text.Block) error {
	r.outside++
	return r.called(r.sink.Text(b))
}

func (r *run) finish(d Document, res Result) error {
	r.outside++
	return r.called(r.sink.End(d, res))
}

func (r *run) called(err error) error {
	r.outside--
	if err != nil && r.err == nil {
		r.err = err
	}
	return err
}

// A source is the object's reader: it knows its own errors from the document's, and how much of the object was read.
type source struct {
	run  *run
	r    io.Reader
	at   io.ReaderAt
	size int64
	read int64
	idle int // reads in a row that brought nothing
}

// maxIdle is how many reads may bring nothing before a reader counts as broken.
const maxIdle = 100

func (s *source) Read(p []byte) (int, error) {
	if err := s.run.check(); err != nil {
		return 0, err
	}
	s.run.outside++
	n, err := s.r.Read(p)
	s.run.outside--
	s.read += int64(n)
	if s.idle++; n > 0 {
		s.idle = 0
	}
	if err == nil && s.idle > maxIdle {
		err = io.ErrNoProgress
	}
	if err != nil && err != io.EOF {
		err = s.run.fail(&SourceError{err})
	}
	return n, err
}

// random returns the source's random access, nil if it has none.
func (s *source) random() io.ReaderAt {
	if s.at == nil {
		return nil
	}
	return sourceAt{s}
}

type sourceAt struct{ *source }

func (s sourceAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.run.readAt(s.at, p, off, func(err error) error { return &SourceError{err} })
	s.read = min(s.read+int64(n), max(s.size, s.read))
	return n, err
}

// readAt reads from the caller's source or spool, whose errors end the run.
func (r *run) readAt(from io.ReaderAt, p []byte, off int64, wrap func(error) error) (int, error) {
	if err := r.check(); err != nil {
		return 0, err
	}
	r.outside++
	n, err := from.ReadAt(p, off)
	r.outside--
	if err != nil && err != io.EOF {
		err = r.fail(wrap(err))
	}
	return n, err
}

// fill reads until the buffer is full; the error says that nothing more will come and why.
func fill(r io.Reader, p []byte) (n int, err error) {
	for idle := 0; n < len(p) && err == nil; idle++ {
		var k int
		if k, err = r.Read(p[n:]); k > 0 {
			n, idle = n+k, 0
		}
		if idle > 2*maxIdle && err == nil {
			err = io.ErrNoProgress
		}
	}
	if n == len(p) && err == io.EOF {
		err = nil // the same whether the reader tells the end with its last bytes or after them
	}
	return n, err
}

// An Output takes what a Format reads.
type Output struct {
	run     *run
	doc     *Document
	buffers *buffers

	blocks int64
	// bytes sums what was analysed of the members; unread is why some of them were not wholly.
	bytes  int64
	unread Reason
}

// Limits returns the limits of this run, all set.
func (o *Output) Limits() Limits { return o.run.limits }

// Document returns the document that is being read.
func (o *Output) Document() Document { return *o.doc }

// Text hands the next block of the document's text to the sink. Empty blocks are dropped.
func (o *Output) Text(b *text.Block) error {
	if len(b.Text) == 0 && len(b.Segments) == 0 {
		return nil
	}
	if err := o.run.check(); err != nil {
		return err
	}
	o.blocks++
	if o.run.text(b) != nil {
		return errStopped
	}
	return nil
}

// Sniff says as what a document that begins with these bytes would be read, and how surely: what a Format needs to tell documents in a
// database from other bytes. The media type is "" for what we do not read.
func (o *Output) Sniff(head []byte, whole bool) (mime string, score Score) {
	h := newHead(head[:min(len(head), HeadSize)], whole && len(head) <= HeadSize, "")
	f, mime, score := o.run.ex.sniff(h)
	if f == nil {
		return "", No
	}
	return mime, score
}

// A Member is a document in an archive, or one that is attached to or embedded in another.
type Member struct {
	// Name is its path inside the archive, UTF-8.
	Name string
	// Size in bytes as the archive says, -1 when it does not.
	Size     int64
	Modified time.Time
}

// Member extracts one member of an archive, nested archives included. The reader's errors are the member's trouble; its result says so. An
// error ends the archive, too, and must be returned. The reader may be left before its end.
func (o *Output) Member(m Member, src io.Reader) (Result, error) {
	if len(o.doc.Path) >= o.run.limits.Depth { // an archive would not have been begun, a mail or a text with something embedded is
		return Result{Code: Skipped, Reason: ArchiveNestingLevelOverLimit}, o.Skip(m, ArchiveNestingLevelOverLimit)
	}
	d, err := o.begin(m)
	if err != nil {
		return Result{}, err
	}
	level := len(d.Path)
	res, err := o.run.document(d, &memberReader{run: o.run, r: src, level: level}, nil)
	if err != nil {
		return Result{}, errStopped
	}
	o.count(res)
	if o.run.stop != "" {
		return res, errStopped
	}
	return res, nil
}

// Skip says that a member cannot be read: an encrypted one, an unknown compression, a broken entry.
func (o *Output) Skip(m Member, why Reason) error {
	d, err := o.begin(m)
	if err != nil {
		return err
	}
	d.MIME = octetStream
	if len(o.doc.Path) >= o.run.limits.Depth {
		why = ArchiveNestingLevelOverLimit
	}
	res := Result{Code: Skipped, Reason: why}
	if o.run.begin(d) != nil || o.run.finish(d, res) != nil {
		return errStopped
	}
	o.count(res)
	return nil
}

func (o *Output) begin(m Member) (Document, error) {
	r := o.run
	if err := r.check(); err != nil {
		return Document{}, err
	}
	if r.members++; r.members > r.limits.Members {
		return Document{}, r.halt(ArchiveTotalDocumentsProcessedOverLimit)
	}
	path := make([]string, 0, len(o.doc.Path)+1)
	path = append(append(path, o.doc.Path...), m.Name)
	return Document{Path: path, Name: m.Name, Extension: Extension(m.Name), Size: m.Size, Modified: m.Modified}, nil
}

func (o *Output) count(res Result) {
	o.bytes += res.Bytes
	switch {
	case res.Reason == ArchiveNestingLevelOverLimit:
		o.unread = res.Reason
	case res.Code != Complete && o.unread == "":
		o.unread = ArchiveContainsUnprocessedFiles
	}
}

// Unpacked counts what a Format unpacks for itself, rather than as members, against the limits of the run, as if it were a member.
func (o *Output) Unpacked(src io.Reader) io.Reader {
	return &memberReader{run: o.run, r: src, level: len(o.doc.Path) + 1}
}

// A memberReader counts what an archive yields.
type memberReader struct {
	run   *run
	r     io.Reader
	level int
}

func (m *memberReader) Read(p []byte) (int, error) {
	r := m.run
	if err := r.check(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	r.levels[m.level] += int64(n)
	total := r.levels[m.level]
	if total > r.limits.ExtractedBytes || total > r.limits.RatioFrom && total/r.limits.Ratio > r.source.read {
		err = r.halt(ArchiveTotalBytesExtractedOverLimit)
	}
	return n, err
}
