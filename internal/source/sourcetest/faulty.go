package sourcetest

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/magpie-sec/magpie/internal/source"
)

// A Faulty driver fails where Fault says so and else does what the Driver in it does, further interfaces included (source.As).
type Faulty struct {
	source.Driver
	// Fault is asked before each step; an error takes the step's place. It may block, and several goroutines may ask at once. Steps are:
	//
	//	buckets
	//	list bucket       the listing fails before its first item
	//	item bucket key   the listing breaks off before this item
	//	open bucket key
	//	read bucket key   one call of Read or ReadAt fails
	//	write bucket key
	Fault func(step, bucket, key string) error
}

// Unwrap returns the driver below.
func (f *Faulty) Unwrap() source.Driver { return f.Driver }

// Buckets asks "buckets".
func (f *Faulty) Buckets(ctx context.Context) ([]source.Bucket, error) {
	if err := f.Fault("buckets", "", ""); err != nil {
		return nil, err
	}
	return f.Driver.Buckets(ctx)
}

// List asks "list" once and "item" for each item.
func (f *Faulty) List(ctx context.Context, bucket string, opts source.ListOptions) iter.Seq2[source.Item, error] {
	return func(yield func(source.Item, error) bool) {
		if err := f.Fault("list", bucket, ""); err != nil {
			yield(source.Item{}, err)
			return
		}
		for item, err := range f.Driver.List(ctx, bucket, opts) {
			if err == nil {
				if fault := f.Fault("item", bucket, item.Key); fault != nil {
					yield(source.Item{}, fault)
					return
				}
			}
			if !yield(item, err) {
				return
			}
		}
	}
}

// Open asks "open"; the reader asks "read" and reads at any place if the one below does.
func (f *Faulty) Open(ctx context.Context, bucket, key string, opts source.OpenOptions) (source.Reader, error) {
	if err := f.Fault("open", bucket, key); err != nil {
		return nil, err
	}
	r, err := f.Driver.Open(ctx, bucket, key, opts)
	if err != nil {
		return nil, err
	}
	fault := func() error { return f.Fault("read", bucket, key) }
	faulty := &faultyReader{r, fault}
	if at, ok := r.(io.ReaderAt); ok {
		return &faultyReaderAt{faulty, at}, nil
	}
	return faulty, nil
}

// PutObject asks "write". The driver below has to be a source.Writer.
func (f *Faulty) PutObject(ctx context.Context, bucket, key string, body []byte, opts source.PutOptions) error {
	if err := f.Fault("write", bucket, key); err != nil {
		return err
	}
	w, ok := source.As[source.Writer](f.Driver)
	if !ok {
		return &source.Error{Kind: source.AccessDenied, Op: "write", Bucket: bucket, Key: key, Err: errors.New("the source has no power to write")}
	}
	return w.PutObject(ctx, bucket, key, body, opts)
}

type faultyReader struct {
	source.Reader
	fault func() error
}

func (r *faultyReader) Read(p []byte) (int, error) {
	if err := r.fault(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

type faultyReaderAt struct {
	*faultyReader
	at io.ReaderAt
}

func (r *faultyReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if err := r.fault(); err != nil {
		return 0, err
	}
	return r.at.ReadAt(p, off)
}

// ErrFault is a cause for faults of tests.
var ErrFault = errors.New("fault of the test")
