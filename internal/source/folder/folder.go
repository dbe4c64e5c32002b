// Package folder reads folders of a file system as object stores.
//
// Estate makes each sub-folder a bucket, Tree makes one bucket of everything below a folder, File and Stream make one bucket of one object;
// Scan picks among them by what a path is. A key is the slash path of a file below its bucket, byte for byte as the file system has it.
//
// Symbolic links are never followed: what they lead to is either listed at its own place or no part of the folder, so a link can neither
// lead out of the folder nor into a cycle nor be counted twice. Links, pipes, sockets and devices are reported as NotObject and never
// opened. A path that a caller names (not one found below it) may be a link.
package folder

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/magpie-sec/magpie/internal/source"
)

// Documents that stand at the root of an estate folder. Any of them makes a folder an estate.
const (
	TemplateYAML = "template.yaml"
	TemplateJSON = "template.json"
	ConfigItems  = "config-items.json"
)

// A Folder is a source.Driver over a folder. It also is source.Documented: its documents are the regular files at its root.
type Folder struct {
	root *os.Root
	// bucket is the name of the only bucket of a tree, "" for an estate.
	bucket string
	// bucketsOnly drops what does not lie in a bucket's folder from a tree over an estate.
	bucketsOnly bool
}

// Estate opens a folder whose sub-folders are buckets: those whose name does not begin with a dot (no bucket's name can). Files at its root
// are documents, no objects.
func Estate(path string) (*Folder, error) { return open(path, "", false) }

// Tree opens a folder as one bucket of every file below it, named like the folder. If the folder is an estate (IsEstate) only the files of
// its buckets are objects; keys are paths below the folder either way.
func Tree(path string) (*Folder, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return open(path, filepath.Base(abs), IsEstate(path))
}

func open(path, bucket string, bucketsOnly bool) (*Folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Folder{root: root, bucket: bucket, bucketsOnly: bucketsOnly}, nil
}

// IsEstate reports whether the folder holds one of an estate's documents.
func IsEstate(path string) bool {
	return slices.ContainsFunc([]string{TemplateYAML, TemplateJSON, ConfigItems}, func(name string) bool {
		_, err := os.Lstat(filepath.Join(path, name))
		return err == nil
	})
}

// Close releases the folder. Listings and readers that are under way may fail.
func (f *Folder) Close() error { return f.root.Close() }

// Buckets returns the estate's sub-folders, or the tree's one bucket. A link at the root that does not lead to a file of the estate is
// returned as a bucket too, so that it shows; listing it fails with NotObject.
func (f *Folder) Buckets(ctx context.Context) ([]source.Bucket, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if f.bucket != "" {
		return []source.Bucket{{Name: f.bucket}}, nil
	}
	entries, err := readDirectory(ctx, f.root, func(string) bool { return true })
	if err != nil {
		return nil, asError("list", "", "", err)
	}
	var buckets []source.Bucket
	for i := range entries.list {
		name := strings.TrimSuffix(entries.name(i), "/")
		if !bucketName(name) {
			continue
		}
		switch entries.list[i].kind {
		case isDirectory, isFailed:
		case isLink:
			if info, err := f.root.Stat(name); err == nil && !info.IsDir() {
				continue
			}
		default:
			continue
		}
		buckets = append(buckets, source.Bucket{Name: name})
	}
	slices.SortFunc(buckets, func(a, b source.Bucket) int { return strings.Compare(a.Name, b.Name) })
	return buckets, nil
}

func bucketName(name string) bool { return name != "" && name[0] != '.' }

// openBucket opens the folder of a bucket.
func (f *Folder) openBucket(op, bucket string) (*os.Root, *source.Error) {
	if f.bucket != "" {
		if bucket != f.bucket {
			return nil, &source.Error{Kind: source.BucketNotFound, Op: op, Bucket: bucket}
		}
		r, err := f.root.OpenRoot(".")
		if err != nil {
			return nil, fault(op, bucket, "", err)
		}
		return r, nil
	}
	if !bucketName(bucket) || !component(bucket) {
		return nil, &source.Error{Kind: source.BucketNotFound, Op: op, Bucket: bucket}
	}
	r, err := descend(f.root, bucket)
	if err != nil {
		e := fault(op, bucket, "", err)
		if e.Kind == source.NotFound {
			e.Kind = source.BucketNotFound
		}
		return nil, e
	}
	return r, nil
}

// List walks the bucket's folder in key order, one directory at a time.
func (f *Folder) List(ctx context.Context, bucket string, opts source.ListOptions) iter.Seq2[source.Item, error] {
	return func(yield func(source.Item, error) bool) {
		root, e := f.openBucket("list", bucket)
		if e != nil {
			yield(source.Item{}, e)
			return
		}
		w := walk{ctx: ctx, bucket: bucket, opts: opts, bucketsOnly: f.bucketsOnly, yield: yield}
		w.run(root)
	}
}

// Open opens the file at a key. The entity tag is made of the file's modification time and size (ETag).
func (f *Folder) Open(ctx context.Context, bucket, key string, opts source.OpenOptions) (source.Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir, e := f.openBucket("open", bucket)
	if e != nil {
		e.Key = key
		return nil, e
	}
	defer func() { dir.Close() }()
	missing := &source.Error{Kind: source.NotFound, Op: "open", Bucket: bucket, Key: key}
	if opts.VersionID != "" {
		missing.Err = errors.New("a folder keeps no versions")
		return nil, missing
	}
	parts := strings.Split(key, "/")
	if slices.ContainsFunc(parts, func(part string) bool { return !component(part) }) {
		return nil, missing
	}
	if f.bucketsOnly && (len(parts) == 1 || !bucketName(parts[0])) {
		return nil, missing
	}
	for _, part := range parts[:len(parts)-1] {
		next, err := descend(dir, part)
		if err != nil {
			return nil, fault("open", bucket, key, err)
		}
		dir.Close()
		dir = next
	}
	return openFile(ctx, dir, parts[len(parts)-1], bucket, key, opts.ETag)
}

// Document reads a regular file at the folder's root.
func (f *Folder) Document(ctx context.Context, name string, limit int64) ([]byte, error) {
	if !component(name) {
		return nil, &source.Error{Kind: source.NotFound, Op: "read", Key: name}
	}
	r, err := openFile(ctx, f.root, name, "", name, "")
	if err != nil {
		return nil, err
	}
	defer r.Close()
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, &source.Error{Kind: source.Other, Op: "read", Key: name, Err: fmt.Errorf("longer than %d bytes", limit)}
	}
	return body, nil
}

// component reports whether a part of a key can be the name of a file.
func component(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "\x00/"+string(filepath.Separator))
}

var errNotDirectory = &os.PathError{Op: "open", Err: syscall.ENOTDIR}

// descend opens the directory name of dir, which must be no link.
func descend(dir *os.Root, name string) (*os.Root, error) {
	info, err := dir.Lstat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return nil, errLink
	}
	if !info.IsDir() {
		return nil, errNotDirectory
	}
	// The dot makes the system insist on a directory: a pipe put in its place would block.
	return dir.OpenRoot(name + "/.")
}

var (
	errLink    = errors.New("symbolic links are not followed")
	errSpecial = errors.New("pipes, sockets and devices are not read")
)

// fault makes a source error of a file system's. What is missing and what stands where a folder should be are both NotFound.
func fault(op, bucket, key string, err error) *source.Error {
	e := &source.Error{Kind: source.Other, Op: op, Bucket: bucket, Key: key, Err: bare(err)}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG):
		e.Kind = source.NotFound
	case errors.Is(err, fs.ErrPermission):
		e.Kind = source.AccessDenied
	case errors.Is(err, errLink), errors.Is(err, errSpecial):
		e.Kind = source.NotObject
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ESTALE),
		errors.Is(err, syscall.ETIMEDOUT):
		e.Kind = source.Unavailable
	}
	return e
}

// asError is fault for errors that may already be a source's or a context's.
func asError(op, bucket, key string, err error) error {
	var e *source.Error
	if errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault(op, bucket, key, err)
}

// bare takes the path out of a file system's error: it stands in the source's error already, and raw bytes must not reach a terminal.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// ETag returns the entity tag of a file: 32 hexadecimal digits, its modification time in nanoseconds since 1970 and its size in bytes. A file
// that is rewritten gets another; one rewritten to the same size within the clock tick of its file system does not.
func ETag(info fs.FileInfo) string {
	return etag(info.ModTime().UnixNano(), info.Size())
}

func etag(mtime, size int64) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], uint64(mtime))
	binary.BigEndian.PutUint64(raw[8:], uint64(size))
	var digits [32]byte
	hex.Encode(digits[:], raw[:])
	return string(digits[:])
}
