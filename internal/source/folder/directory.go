package folder

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"syscall"
)

type entryKind uint8

const (
	isFile entryKind = iota
	isDirectory
	isLink
	isSpecial
	isFailed // its attributes could not be read
)

// A directory is what one directory holds, packed: 24 bytes an entry and its name, without pointers, so that a million files in one
// directory take some 45 MB and no time of the garbage collector.
type directory struct {
	names  []byte
	list   []entry
	failed map[uint32]error // why an isFailed entry could not be looked at, by its start
}

type entry struct {
	mtime int64 // nanoseconds since 1970
	size  int64
	start uint32
	len   uint16
	kind  entryKind
}

// name returns the i-th name; a directory's ends in "/", so that names sort as the keys below them do.
func (d *directory) name(i int) string { return string(d.bytes(&d.list[i])) }

func (d *directory) bytes(e *entry) []byte { return d.names[e.start : e.start+uint32(e.len)] }

// batch is how many names are asked of the system at a time.
const batch = 1024

// readDirectory reads those entries of a directory that want keeps, without asking for the attributes of the others, and sorts them as
// keys. When reading breaks off it returns what it got, with the error.
func readDirectory(ctx context.Context, dir *os.Root, want func(name string) bool) (*directory, error) {
	f, err := dir.Open(".")
	if err != nil {
		return &directory{}, err
	}
	defer f.Close()
	d := &directory{}
	for {
		if err := ctx.Err(); err != nil {
			return d, err
		}
		names, err := f.Readdirnames(batch)
		for _, name := range names {
			if !want(name) {
				continue
			}
			if err := d.add(dir, name); err != nil {
				return d, err
			}
		}
		if err != nil {
			d.sort()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return d, err
		}
	}
}

// readEntry is readDirectory for a single name.
func readEntry(dir *os.Root, name string) *directory {
	d := &directory{}
	// The only error is about a gigabyte of names.
	_ = d.add(dir, name)
	return d
}

var errTooLarge = errors.New("a directory with more than 4 GiB of names")

// add puts one entry in, if it is there.
func (d *directory) add(dir *os.Root, name string) error {
	info, err := dir.Lstat(name)
	var e entry
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENAMETOOLONG):
		return nil
	case err != nil:
		e.kind = isFailed
	case info.IsDir():
		e.kind = isDirectory
		name += "/"
	case info.Mode()&fs.ModeSymlink != 0:
		e.kind = isLink
	case !info.Mode().IsRegular():
		e.kind = isSpecial
	default:
		e.size, e.mtime = info.Size(), info.ModTime().UnixNano()
	}
	return d.put(name, e, err)
}

// put appends an entry; why says why it is isFailed.
func (d *directory) put(name string, e entry, why error) error {
	if len(d.names)+len(name) > math.MaxUint32 || len(name) > math.MaxUint16 {
		return errTooLarge
	}
	e.start, e.len = uint32(len(d.names)), uint16(len(name))
	d.names = append(d.names, name...)
	d.list = append(d.list, e)
	if why != nil {
		if d.failed == nil {
			d.failed = map[uint32]error{}
		}
		d.failed[e.start] = why
	}
	return nil
}

func (d *directory) sort() {
	slices.SortFunc(d.list, func(a, b entry) int { return bytes.Compare(d.bytes(&a), d.bytes(&b)) })
}
