// Package extract turns documents into text with its places: it finds out what an object is, reads it, opens archives, and hands blocks of
// text to a sink. It does no I/O of its own: bytes come from the caller's reader, and what needs random access goes to the caller's spool.
//
// The formats are values of Format, one folder each, listed in extract/formats. Whatever a document holds, one object costs bounded memory
// (a few MiB: windows of fixed size per level of nesting, bounded tables of names), and ends with a Result that says what was read.
package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// An Extractor reads objects. It is safe for concurrent use once its fields are set, and must not be copied after first use.
type Extractor struct {
	// Formats in order of preference: formats.All().
	Formats []Format
	Limits  Limits
	// Spool makes an empty temporary file for a document that needs random access and has none. It may be nil when every object comes with
	// a ReaderAt or is smaller than Limits.SpoolMemory, and no archives stand in archives.
	Spool func() (Spooled, error)
	// Now is the clock for Limits.Time; without one there is no time limit but the context's.
	Now func() time.Time
	// Panicked, if set, is told the format and the stack of a parser that panicked (the document's result is MALFORMED_FILE). The panic's
	// value is left out: it may hold text of the document.
	Panicked func(format string, stack []byte)

	once     sync.Once
	openings *openings
	buffers  sync.Pool // *buffers
	runs     sync.Pool // *run
}

// Spooled is a temporary file of the caller's. Close removes it.
type Spooled interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// An Object is what Extract reads.
type Object struct {
	// Name is the key; only its last element's extension matters, as a hint.
	Name string
	// Size in bytes, -1 when not known.
	Size     int64
	Modified time.Time
	// Reader yields the whole object; nil means to read from ReaderAt.
	Reader io.Reader
	// ReaderAt, optional, with Size known: random access without a spool. It is used from one goroutine at a time.
	ReaderAt io.ReaderAt
}

// A SourceError is trouble of the object's reader, not of the document.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return "read object: " + e.Err.Error() }
func (e *SourceError) Unwrap() error { return e.Err }

// A SpoolError is trouble of the spool, not of the document.
type SpoolError struct{ Err error }

func (e *SpoolError) Error() string { return "spool document for random access: " + e.Err.Error() }
func (e *SpoolError) Unwrap() error { return e.Err }

// A Problem is how a Format says why it could not read a document wholly.
type Problem struct {
	Reason Reason
	// Detail is for people who debug a format; it is never shown, and must not hold text of the document.
	Detail string
}

func (p *Problem) Error() string { return string(p.Reason) + ": " + p.Detail }

// Malformed is a Problem with MALFORMED_FILE.
func Malformed(format string, args ...any) error {
	return &Problem{MalformedFile, fmt.Sprintf(format, args...)}
}

// errStopped is what readers and outputs answer once the run has ended; the reason stands in the run.
var errStopped = errors.New("extraction stopped")

// Extract reads one object and everything in it, and hands its text to the sink. Trouble of the document is told in the Result. The error
// is the sink's own, unchanged; the context's; a *SourceError or a *SpoolError; or one that says that Spool is missing.
func (e *Extractor) Extract(ctx context.Context, o Object, sink Sink) (Result, error) {
	r := e.newRun(ctx, sink)
	defer e.freeRun(r)
	at := o.ReaderAt
	if o.Size < 0 {
		at = nil
	}
	rd := o.Reader
	if rd == nil {
		if at == nil {
			return Result{}, errors.New("extract: an object needs a Reader, or a ReaderAt and its Size")
		}
		rd = io.NewSectionReader(at, 0, o.Size)
	}
	r.source = source{run: r, r: rd, at: at, size: o.Size}
	d := Document{Name: o.Name, Extension: Extension(o.Name), Size: o.Size, Modified: o.Modified}
	return r.document(d, &r.source, r.source.random())
}
