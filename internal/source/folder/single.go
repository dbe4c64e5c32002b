package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/magpie-sec/magpie/internal/source"
)

// Driver is a source.Driver that holds something open.
type Driver interface {
	source.Driver
	io.Closer
}

// Scan opens what a command line names: a folder as Tree, a regular file as File, "-" as Stream of stdin, and anything else that can be
// opened (a named pipe) as Stream of it.
func Scan(path string, stdin io.Reader) (Driver, error) {
	if path == "-" {
		return Stream("stdin", "-", stdin), nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return Tree(path)
	case info.Mode().IsRegular():
		return File(path)
	}
	pipe, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return Stream(filepath.Base(filepath.Dir(path)), filepath.Base(path), pipe), nil
}

// A single is a source of one bucket with one object.
type single struct {
	bucket, key string
	stat        func() (source.Object, error)
	open        func(ctx context.Context, tag string) (source.Reader, error)
	close       func() error
}

// File opens one file as the only object of a bucket that is named like the folder it lies in; its key is its name. The path may be a link.
func File(path string) (Driver, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	target, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Dir(target))
	if err != nil {
		return nil, err
	}
	name, bucket, key := filepath.Base(target), filepath.Base(filepath.Dir(abs)), filepath.Base(abs)
	return &single{
		bucket: bucket, key: key,
		stat: func() (source.Object, error) {
			info, err := root.Lstat(name)
			if err == nil {
				err = regular(info)
			}
			if err != nil {
				return source.Object{}, fault("list", bucket, key, err)
			}
			return object(key, info.ModTime().UnixNano(), info.Size()), nil
		},
		open: func(ctx context.Context, tag string) (source.Reader, error) {
			return openFile(ctx, root, name, bucket, key, tag)
		},
		close: root.Close,
	}, nil
}

// Stream makes a source of one object of unknown size that can be opened once and read in order. A blocked read of r is not ended by the
// context. Closing the source closes r if it can be closed.
func Stream(bucket, key string, r io.Reader) Driver {
	object := source.Object{Key: key, Size: source.UnknownSize, StorageClass: "STANDARD"}
	var opened atomic.Bool
	return &single{
		bucket: bucket, key: key,
		stat: func() (source.Object, error) { return object, nil },
		open: func(ctx context.Context, _ string) (source.Reader, error) {
			if opened.Swap(true) {
				return nil, &source.Error{Kind: source.NotFound, Op: "open", Bucket: bucket, Key: key, Err: errors.New("a stream can be read once")}
			}
			return &streamReader{ctx: ctx, r: r, bucket: bucket, object: object}, nil
		},
		close: func() error {
			if c, ok := r.(io.Closer); ok {
				return c.Close()
			}
			return nil
		},
	}
}

func (s *single) Buckets(context.Context) ([]source.Bucket, error) {
	return []source.Bucket{{Name: s.bucket}}, nil
}

func (s *single) List(ctx context.Context, bucket string, opts source.ListOptions) iter.Seq2[source.Item, error] {
	return func(yield func(source.Item, error) bool) {
		switch {
		case ctx.Err() != nil:
			yield(source.Item{}, ctx.Err())
		case bucket != s.bucket:
			yield(source.Item{}, &source.Error{Kind: source.BucketNotFound, Op: "list", Bucket: bucket})
		case s.key <= opts.After || !strings.HasPrefix(s.key, opts.Prefix):
		default:
			object, err := s.stat()
			var e *source.Error
			if errors.As(err, &e) {
				yield(source.Item{Object: source.Object{Key: s.key}, Err: e}, nil)
				return
			}
			yield(source.Item{Object: object}, err)
		}
	}
}

func (s *single) Open(ctx context.Context, bucket, key string, opts source.OpenOptions) (source.Reader, error) {
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case bucket != s.bucket:
		return nil, &source.Error{Kind: source.BucketNotFound, Op: "open", Bucket: bucket}
	case key != s.key || opts.VersionID != "":
		return nil, &source.Error{Kind: source.NotFound, Op: "open", Bucket: bucket, Key: key}
	}
	return s.open(ctx, opts.ETag)
}

func (s *single) Close() error { return s.close() }

type streamReader struct {
	ctx    context.Context
	r      io.Reader
	bucket string
	object source.Object
}

func (r *streamReader) Object() source.Object { return r.object }

func (r *streamReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, &source.Error{Kind: source.Other, Op: "read", Bucket: r.bucket, Key: r.object.Key, Err: fmt.Errorf("stream: %w", bare(err))}
	}
	return n, err
}

// Close leaves the stream to the source, which owns it.
func (r *streamReader) Close() error { return nil }
