package folder

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
)

// openLevels is how many directories a walk holds open at a time; those above are opened again when the walk comes back to them.
const openLevels = 32

// A walk is one listing under way: a stack of directories, each with the place that the walk has reached in it.
type walk struct {
	ctx         context.Context
	bucket      string
	opts        source.ListOptions
	bucketsOnly bool
	yield       func(source.Item, error) bool
	levels      []level
}

type level struct {
	dir     *os.Root // nil while closed to save handles
	prefix  string   // "" or ends in "/"
	entries *directory
	next    int
}

// run lists everything below root and closes it.
func (w *walk) run(root *os.Root) {
	base, err := root.OpenRoot(".")
	if err != nil {
		root.Close()
		w.yield(source.Item{}, fault("list", w.bucket, "", err))
		return
	}
	defer base.Close()
	defer w.closeAll()
	if err := w.push(root, ""); err != nil {
		w.yield(source.Item{}, asError("list", w.bucket, "", err))
		return
	}
	for len(w.levels) > 0 {
		if err := w.ctx.Err(); err != nil {
			w.yield(source.Item{}, err)
			return
		}
		top := &w.levels[len(w.levels)-1]
		if top.next == len(top.entries.list) {
			w.pop()
			continue
		}
		top.next++
		if !w.visit(base, top, top.next-1) {
			return
		}
	}
}

// visit yields one entry or descends into it.
func (w *walk) visit(base *os.Root, top *level, i int) bool {
	e := &top.entries.list[i]
	key := top.prefix + top.entries.name(i)
	if e.kind == isDirectory {
		return w.enter(base, top, key)
	}
	rootFile := w.bucketsOnly && top.prefix == ""
	if rootFile || key <= w.opts.After || !strings.HasPrefix(key, w.opts.Prefix) {
		return true
	}
	switch e.kind {
	case isFile:
		return w.yield(source.Item{Object: object(key, e.mtime, e.size)}, nil)
	case isLink:
		return w.skip(key, errLink)
	case isSpecial:
		return w.skip(key, errSpecial)
	default:
		return w.skip(key, top.entries.failed[e.start])
	}
}

func (w *walk) skip(key string, err error) bool {
	return w.yield(source.Item{Object: source.Object{Key: key}, Err: fault("list", w.bucket, key, err)}, nil)
}

// enter descends into the directory at a prefix. What cannot be read becomes an item; a directory that has vanished is passed over.
func (w *walk) enter(base *os.Root, top *level, prefix string) bool {
	if prefix < w.opts.After && !strings.HasPrefix(w.opts.After, prefix) {
		return true
	}
	parent, err := w.reopen(base, top)
	var dir *os.Root
	if err == nil {
		dir, err = descend(parent, prefix[len(top.prefix):len(prefix)-1])
	}
	if err == nil {
		err = w.push(dir, prefix)
	}
	switch {
	case err == nil:
		return true
	case w.ctx.Err() != nil:
		w.yield(source.Item{}, w.ctx.Err())
		return false
	}
	e := fault("list", w.bucket, prefix, err)
	return e.Kind == source.NotFound || w.yield(source.Item{Object: source.Object{Key: prefix}, Err: e}, nil)
}

// push reads a directory and makes it the top of the stack. With an error it still pushes what could be read.
func (w *walk) push(dir *os.Root, prefix string) error {
	if n := len(w.levels) - openLevels; n >= 0 && w.levels[n].dir != nil {
		w.levels[n].dir.Close()
		w.levels[n].dir = nil
	}
	entries, err := w.read(dir, prefix)
	w.levels = append(w.levels, level{dir: dir, prefix: prefix, entries: entries})
	return err
}

// read reads the part of a directory that the listing's options ask for.
func (w *walk) read(dir *os.Root, prefix string) (*directory, error) {
	wanted, _ := strings.CutPrefix(w.opts.Prefix, prefix)
	if len(w.opts.Prefix) < len(prefix) {
		wanted = ""
	}
	if first, _, deeper := strings.Cut(wanted, "/"); deeper {
		if !component(first) || prefix == "" && w.bucketsOnly && !bucketName(first) {
			return &directory{}, nil
		}
		return readEntry(dir, first), nil
	}
	after, below := strings.CutPrefix(w.opts.After, prefix)
	return readDirectory(w.ctx, dir, func(name string) bool {
		return strings.HasPrefix(name, wanted) && !(below && passed(name, after)) &&
			(prefix != "" || !w.bucketsOnly || bucketName(name))
	})
}

// passed reports whether neither a file of this name nor anything in a directory of this name can come after the key.
func passed(name, key string) bool {
	if name > key {
		return false
	}
	rest, extends := strings.CutPrefix(key, name)
	// Keys below the directory begin with name+"/": they are behind the key unless it goes on with something up to "/".
	return !extends || rest != "" && rest[0] > '/'
}

// reopen returns the directory of a level, opening it again if it was closed.
func (w *walk) reopen(base *os.Root, l *level) (*os.Root, error) {
	if l.dir != nil {
		return l.dir, nil
	}
	dir, err := base.OpenRoot(".")
	for part := range strings.SplitSeq(strings.TrimSuffix(l.prefix, "/"), "/") {
		if err != nil {
			return nil, err
		}
		if part == "" {
			break
		}
		up := dir
		dir, err = descend(up, part)
		up.Close()
	}
	if err != nil {
		return nil, err
	}
	l.dir = dir
	return dir, nil
}

func (w *walk) pop() {
	top := &w.levels[len(w.levels)-1]
	if top.dir != nil {
		top.dir.Close()
	}
	*top = level{}
	w.levels = w.levels[:len(w.levels)-1]
}

func (w *walk) closeAll() {
	for len(w.levels) > 0 {
		w.pop()
	}
}

func object(key string, mtime, size int64) source.Object {
	return source.Object{
		Key: key, Size: size, ETag: etag(mtime, size),
		LastModified: time.Unix(0, mtime).UTC(), StorageClass: "STANDARD",
	}
}
