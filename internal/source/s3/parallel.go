package s3

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/magpie-sec/magpie/internal/source"
)

// A listing lists a bucket in order with several requests at a time.
//
// It begins as one segment, page by page. While requests are to spare, a segment that goes on and on is cut at the common prefixes that lie
// ahead in it, as a listing with a delimiter tells them, and its parts are listed side by side; pages wait in their segment until it is their
// turn. A part is cut again when it proves long itself. A cut that would leave parts of a few pages does not pay and is not made, so that a
// bucket of many small folders is listed as a flat one is. What a page holds beyond the end of its segment becomes the beginning of the next
// one, if that has not begun.
type listing struct {
	store *Store
	ctx   context.Context
	query request // of the whole

	wait sync.WaitGroup // for requests under way

	mu       sync.Mutex
	changed  sync.Cond
	segments []*segment // by key; the first is being yielded
	running  int        // requests under way
	cutting  bool       // one of them looks for where to cut
	deaf     bool       // the store does not begin where it is told to: parts would each be listed from the beginning
	waiting  int        // pages that wait, of all segments
}

// A segment is the keys k with after < k <= end.
type segment struct {
	after  string // what has been listed
	token  string
	end    string // "" is no end
	busy   bool   // a request is under way
	done   bool
	listed int // pages
	pages  [][]source.Object
	prev   []source.Object // the last page
	steps  []string        // the last keys of the pages before it, partPages at most
	err    error
	// skips says that the store has begun at the beginning, whatever it was asked for, and has not reached the segment. seen is how far it is.
	skips   bool
	seen    string
	cutFrom int // pages to be listed before it is worth a look where to cut
	// level is the longest prefix whose common prefixes in the segment are known, and with it those above; nil is none. points are they.
	level  *string
	points []string
}

const (
	// allPages is how many pages wait in all, ownPages how many in one segment: some more than a part has, so that many parts get ahead at once.
	allPages = 64
	ownPages = 8
	// partPages is how many pages a segment has before it is cut, and how many its parts should have: each of them asks for up to one page too
	// much.
	partPages = 4
)

func (s *Store) list(ctx context.Context, bucket string, opts source.ListOptions, yield func(source.Item, error) bool) {
	if err := ctx.Err(); err != nil {
		yield(source.Item{}, err)
		return
	}
	if !s.has(bucket) {
		yield(source.Item{}, &source.Error{Kind: source.BucketNotFound, Op: "list", Bucket: bucket})
		return
	}
	prefix, some := both(s.opts.Prefix, opts.Prefix)
	after := opts.After
	if after < prefix {
		after = ""
	} else if after != "" && !strings.HasPrefix(after, prefix) {
		some = false // it is behind all that begins with prefix
	}
	if !some {
		return
	}
	if opts.Report != nil && s.listReport(ctx, bucket, prefix, after, opts.Report, yield) {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &listing{store: s, ctx: ctx, query: request{bucket: bucket, prefix: prefix}}
	l.changed.L = &l.mu
	l.segments = []*segment{{after: after, cutFrom: partPages}}
	defer l.wait.Wait()
	defer cancel()
	l.yieldAll(yield)
}

// yieldAll yields everything, segment by segment.
func (l *listing) yieldAll(yield func(source.Item, error) bool) {
	for {
		page, err, more := l.next()
		if err != nil {
			yield(source.Item{}, err)
			return
		}
		if !more {
			return
		}
		for i := range page {
			if err := l.ctx.Err(); err != nil {
				yield(source.Item{}, err)
				return
			}
			if !yield(source.Item{Object: page[i]}, nil) {
				return
			}
		}
	}
}

// next waits for the next page in order.
func (l *listing) next() (page []source.Object, err error, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		first := l.segments[0]
		switch {
		case len(first.pages) > 0:
			page, first.pages = first.pages[0], first.pages[1:]
			l.waiting--
			if l.store.opts.Parallel > 1 {
				l.schedule()
			}
			return page, nil, true
		case first.err != nil:
			return nil, first.err, false
		case first.done && len(l.segments) == 1:
			return nil, nil, false
		case first.done:
			l.segments = l.segments[1:]
		default:
			l.schedule()
			l.changed.Wait()
		}
	}
}

// schedule starts the requests that may be under way, those for the first keys first. The lock is held.
func (l *listing) schedule() {
	own := min(ownPages, l.store.opts.Parallel) // one at a time is asked for when it is needed
	for i, s := range l.segments {
		if l.running >= l.store.opts.Parallel {
			return
		}
		if !s.busy && !s.done && len(s.pages) < own && (i == 0 || l.waiting < allPages) {
			s.busy = true
			l.start(func() { l.fetchPage(s) })
		}
	}
	if l.cutting || l.deaf || l.store.opts.Parallel == 1 || l.running >= l.store.opts.Parallel || l.waiting >= allPages || l.ctx.Err() != nil {
		return
	}
	for _, s := range l.segments {
		if !s.done && s.listed >= s.cutFrom {
			l.cutting = true
			l.start(func() { l.cut(s) })
			return
		}
	}
}

func (l *listing) start(f func()) {
	l.running++
	l.wait.Go(func() {
		f()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.running--
		l.schedule()
		l.changed.Broadcast()
	})
}

// fetchPage lists a page of a segment.
func (l *listing) fetchPage(s *segment) {
	l.mu.Lock()
	q := l.query
	q.after, q.token = s.after, s.token
	l.mu.Unlock()
	p, err := l.store.fetch(l.ctx, q)

	l.mu.Lock()
	defer l.mu.Unlock()
	s.busy = false
	if q.token == "" && q.after != "" && len(p.passed) > 0 {
		s.skips, s.seen, l.deaf = true, "", true
	}
	onwards := p.last > q.after
	if s.skips {
		onwards = onwards || p.seen > s.seen
		s.skips, s.seen = len(p.objects) == 0, p.seen
	} else {
		for _, key := range p.passed {
			if _, twice := findKey(s.prev, key); !twice {
				err = stuck(q.bucket) // a key that should have come before
			}
		}
	}
	if err == nil && p.more && !onwards {
		err = stuck(q.bucket)
	}
	if err != nil {
		s.err, s.done = err, true
		return
	}
	l.place(s, p)
}

// place hands a page to its segment and, as far as it reaches, to those behind it that have not begun.
func (l *listing) place(s *segment, p page) {
	objects := p.objects
	for {
		s.listed++
		if s.steps = append(s.steps, s.after); len(s.steps) > partPages {
			s.steps = s.steps[1:]
		}
		s.after, s.token, s.prev = p.last, p.token, p.objects
		s.done = !p.more
		over := len(objects)
		if s.end != "" && p.last >= s.end {
			s.done = true
			over, _ = findKey(objects, s.end+"\x00")
		}
		if over > 0 {
			s.pages = append(s.pages, objects[:over:over])
			l.waiting++
		}
		objects = objects[over:]
		if !s.done || s.end == "" || p.more && p.last == s.end {
			return
		}
		next := l.segments[slices.Index(l.segments, s)+1]
		if next.busy || next.listed > 0 {
			return // it lists the rest itself
		}
		s = next
	}
}

// findKey returns where a key is in a page, or would be.
func findKey(objects []source.Object, key string) (int, bool) {
	return slices.BinarySearchFunc(objects, key, func(o source.Object, key string) int { return strings.Compare(o.Key, key) })
}

// cut cuts what is left of a segment into parts, if it finds places for that.
func (l *listing) cut(s *segment) {
	l.mu.Lock()
	after, end, sample, back := s.after, s.end, s.prev, s.steps[0]
	level, points := s.level, within(s.points, after, end)
	l.mu.Unlock()
	all := true // points are all that the level has
	for len(points) == 0 {
		var deeper bool
		if level, deeper = below(level, l.query.prefix, after); !deeper {
			break
		}
		q := l.query
		q.prefix, q.after, q.delimiter = *level, after, "/"
		p, err := l.store.fetch(l.ctx, q)
		if err != nil {
			break // if it matters, the listing itself will meet it
		}
		points, all = within(p.prefixes, after, end), !p.more
		if !all {
			break
		}
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	l.cutting = false
	s.cutFrom = 2 * s.listed // if it comes to nothing
	if s.done || s.end != end || level == nil {
		return
	}
	points = within(points, s.after, end)
	if all {
		s.level = level
	}
	// So many folders together make a part that is worth requests of its own: one, if the one that is being listed is as large as that.
	size := 1
	if here := folderOf(after, *level); here == after || here != folderOf(back, *level) {
		page := max(1, folders(sample, *level)-1)
		size = min(max(len(points)/l.store.opts.Parallel, partPages*page), ownPages*page)
	}
	if len(points) < size {
		return
	}
	var parts []*segment
	last, from := s, 0
	for i := size - 1; i < len(points); i += size {
		last.end, last.points, last.level = points[i], points[from:i], level
		last = &segment{after: points[i], end: end, level: level, cutFrom: partPages}
		parts = append(parts, last)
		from = i + 1
	}
	if last.points = points[from:]; !all {
		last.level, last.points = above(*level, l.query.prefix), nil // there are more
	}
	s.cutFrom = s.listed + partPages
	l.segments = slices.Insert(l.segments, slices.Index(l.segments, s)+1, parts...)
}

// below returns the level below one on the way to a key: the prefix up to the next slash. Below none (nil) is base.
func below(level *string, base, key string) (*string, bool) {
	if level == nil {
		return &base, true
	}
	up := *level
	for !strings.HasPrefix(key, up) {
		next := above(up, base)
		if next == nil {
			return level, false
		}
		up = *next
	}
	slash := strings.IndexByte(key[len(up):], '/')
	if slash < 0 {
		return level, false
	}
	down := key[:len(up)+slash+1]
	return &down, true
}

// above returns the level above one, nil above base.
func above(level, base string) *string {
	if len(level) <= len(base) {
		return nil
	}
	up := level[:strings.LastIndexByte(level[:len(level)-1], '/')+1]
	if len(up) < len(base) {
		up = base
	}
	return &up
}

// within returns the points between after and end.
func within(points []string, after, end string) []string {
	i, found := slices.BinarySearch(points, after)
	if found {
		i++
	}
	points = points[i:]
	if end != "" {
		j, _ := slices.BinarySearch(points, end)
		points = points[:j]
	}
	return points
}

// folderOf returns the folder of a level in which a key lies, the key itself if it lies in none.
func folderOf(key, level string) string {
	if rest, ok := strings.CutPrefix(key, level); ok {
		if slash := strings.IndexByte(rest, '/'); slash >= 0 {
			return key[:len(level)+slash+1]
		}
	}
	return key
}

// folders returns how many folders of a level, and keys in none, there are among objects that follow each other.
func folders(objects []source.Object, level string) int {
	n, last := 0, ""
	for i := range objects {
		if folder := folderOf(objects[i].Key, level); folder != last {
			n, last = n+1, folder
		}
	}
	return n
}
