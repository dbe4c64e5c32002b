package folder

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/magpie-sec/magpie/internal/source"
)

var _ source.Writer = (*Folder)(nil)

// partial begins the names of files that are being written. They stand at the root of the estate if they can, where no listing sees them; one
// that a crash left behind can be removed.
const partial = ".magpie-partial-"

// PutObject implements source.Writer for an estate, whose buckets have to be there; a tree is never written to. Folders on the way to the
// key are made. Encryption and owners are the file system's matter: options are passed over.
func (f *Folder) PutObject(ctx context.Context, bucket, key string, body []byte, _ source.PutOptions) error {
	fail := func(kind source.Kind, err error) error {
		return &source.Error{Kind: kind, Op: "write", Bucket: bucket, Key: key, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.bucket != "" {
		return fail(source.AccessDenied, errors.New("only the folder of an estate is written to"))
	}
	parts := strings.Split(key, "/")
	for _, part := range parts {
		if !component(part) {
			return fail(source.Other, errors.New("the key is no path of a file"))
		}
	}
	dir, e := f.openBucket("write", bucket)
	if e != nil {
		e.Key = key
		return e
	}
	defer func() { dir.Close() }()
	for _, part := range parts[:len(parts)-1] {
		next, err := descendOrMake(dir, part)
		if err != nil {
			return putFault(bucket, key, err)
		}
		dir.Close()
		dir = next
	}
	if info, err := dir.Lstat(parts[len(parts)-1]); err == nil && !info.Mode().IsRegular() {
		return fail(source.NotObject, errors.New("something other than a file stands there"))
	}
	if err := f.replace(dir, bucket+"/"+key, body); err != nil {
		return putFault(bucket, key, err)
	}
	return nil
}

// putFault makes a source error of a file system's: what is missing was there a moment ago.
func putFault(bucket, key string, err error) error {
	e := fault("write", bucket, key, err)
	if e.Kind == source.NotFound {
		e.Kind = source.Other
	}
	return e
}

// descendOrMake opens the directory name of dir, which must be no link, and makes it if it is not there.
func descendOrMake(dir *os.Root, name string) (*os.Root, error) {
	next, err := descend(dir, name)
	if !errors.Is(err, fs.ErrNotExist) {
		return next, err
	}
	if err := dir.Mkdir(name, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := syncDirectory(dir); err != nil {
		return nil, err
	}
	return descend(dir, name)
}

// replace puts a file at a path below the root, whose folder is dir, whole or not at all. It is written at the root of the estate and moved from
// there, or in dir where the root cannot be written to or is of another file system.
func (f *Folder) replace(dir *os.Root, path string, body []byte) error {
	// The root keeps the path inside itself, whatever becomes of the folders on the way meanwhile.
	err := move(f.root, path, body)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EXDEV) {
		err = move(dir, path[strings.LastIndexByte(path, '/')+1:], body)
	}
	if err != nil {
		return err
	}
	return syncDirectory(dir)
}

// move writes a file in root and gives it its place.
func move(root *os.Root, path string, body []byte) error {
	var random [16]byte
	rand.Read(random[:]) // never fails
	name := partial + hex.EncodeToString(random[:])
	file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if _, err = file.Write(body); err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = root.Rename(name, path)
	}
	if err != nil {
		root.Remove(name)
		return err
	}
	return nil
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(dir *os.Root) error {
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
