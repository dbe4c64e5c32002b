package folder

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/magpie-sec/magpie/internal/source"
)

// A fileReader reads one file and notices when it changes.
type fileReader struct {
	ctx    context.Context
	file   *os.File
	bucket string
	object source.Object
}

// openFile opens the regular file name of dir, whose key is key. A non-empty tag must be the file's.
func openFile(ctx context.Context, dir *os.Root, name, bucket, key, tag string) (source.Reader, error) {
	info, err := dir.Lstat(name)
	if err == nil {
		err = regular(info)
	}
	if err != nil {
		return nil, fault("open", bucket, key, err)
	}
	// A pipe put in the file's place after Lstat must not block.
	file, err := dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fault("open", bucket, key, err)
	}
	opened, err := file.Stat()
	if err == nil && !os.SameFile(info, opened) {
		err = &source.Error{Kind: source.Changed, Op: "open", Bucket: bucket, Key: key}
	}
	if err == nil && tag != "" && ETag(opened) != tag {
		err = &source.Error{Kind: source.Changed, Op: "open", Bucket: bucket, Key: key}
	}
	if err != nil {
		file.Close()
		return nil, asError("open", bucket, key, err)
	}
	return &fileReader{ctx: ctx, file: file, bucket: bucket, object: object(key, opened.ModTime().UnixNano(), opened.Size())}, nil
}

func regular(info fs.FileInfo) error {
	switch {
	case info.Mode().IsRegular():
		return nil
	case info.Mode()&fs.ModeSymlink != 0:
		return errLink
	case info.IsDir():
		return fs.ErrNotExist
	default:
		return errSpecial
	}
}

// Object describes the file as it was opened.
func (r *fileReader) Object() source.Object { return r.object }

// Read reads on. At the end of the file it checks that the file is still the one that was opened.
func (r *fileReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.file.Read(p)
	if errors.Is(err, io.EOF) {
		return n, r.unchanged(io.EOF)
	}
	if err != nil {
		return n, fault("read", r.bucket, r.object.Key, err)
	}
	return n, nil
}

// ReadAt reads at a place, then checks that the file is still the one that was opened.
func (r *fileReader) ReadAt(p []byte, off int64) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.file.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fault("read", r.bucket, r.object.Key, err)
	}
	if changed := r.unchanged(nil); changed != nil {
		return 0, changed
	}
	return n, err
}

// unchanged returns ok, or an error if the file's time or size is another than when it was opened.
func (r *fileReader) unchanged(ok error) error {
	info, err := r.file.Stat()
	if err != nil {
		return fault("read", r.bucket, r.object.Key, err)
	}
	if ETag(info) != r.object.ETag {
		return &source.Error{Kind: source.Changed, Op: "read", Bucket: r.bucket, Key: r.object.Key}
	}
	return ok
}

func (r *fileReader) Close() error { return r.file.Close() }
