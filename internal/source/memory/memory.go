// Package memory is an object store in memory: a source.Driver for tests, as faithful as the suite of sourcetest can tell.
package memory

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/magpie-sec/magpie/internal/source"
)

// A Store is a source.Driver, source.Configured, source.Documented and source.Writer. The zero value is an empty store. It may be changed while it is read.
type Store struct {
	mu        sync.Mutex
	buckets   map[string]*bucket
	documents map[string][]byte
	account   source.Fact[source.PublicAccessBlock]
	sealed    map[string]bool // buckets that are not written to
}

type bucket struct {
	source.Bucket
	keys          []string // sorted
	objects       map[string]stored
	denied        []string // keys, and prefixes that end in "/"
	configuration source.Configuration
}

type stored struct {
	source.Object
	body []byte
}

// CreateBucket adds an empty bucket. Whatever had its name before is gone.
func (s *Store) CreateBucket(b source.Bucket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets == nil {
		s.buckets = map[string]*bucket{}
	}
	s.buckets[b.Name] = &bucket{Bucket: b, objects: map[string]stored{}}
}

// Configure sets what Configuration answers for an existing bucket.
func (s *Store) Configure(name string, c source.Configuration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[name].configuration = c
}

// SetAccountPublicAccessBlock sets what AccountPublicAccessBlock answers.
func (s *Store) SetAccountPublicAccessBlock(f source.Fact[source.PublicAccessBlock]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account = f
}

// SetDocument sets what Document answers for a name; nil removes it.
func (s *Store) SetDocument(name string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.documents == nil {
		s.documents = map[string][]byte{}
	}
	s.documents[name] = body
}

// Put stores an object in an existing bucket and returns it as a listing will. Size is set; an empty ETag becomes the MD5 of the body, as S3
// does for simple uploads, and an empty StorageClass STANDARD.
func (s *Store) Put(name string, o source.Object, body []byte) source.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	o.Size = int64(len(body))
	if o.ETag == "" {
		sum := md5.Sum(body)
		o.ETag = hex.EncodeToString(sum[:])
	}
	if o.StorageClass == "" {
		o.StorageClass = "STANDARD"
	}
	if _, exists := b.objects[o.Key]; !exists {
		i, _ := slices.BinarySearch(b.keys, o.Key)
		b.keys = slices.Insert(b.keys, i, o.Key)
	}
	b.objects[o.Key] = stored{o, bytes.Clone(body)}
	return o
}

// PutObject implements source.Writer.
func (s *Store) PutObject(ctx context.Context, name, key string, body []byte, opts source.PutOptions) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	b := s.buckets[name]
	_, denied := s.sealed[name]
	s.mu.Unlock()
	switch {
	case b == nil:
		return &source.Error{Kind: source.BucketNotFound, Op: "write", Bucket: name, Key: key}
	case denied:
		return &source.Error{Kind: source.AccessDenied, Op: "write", Bucket: name, Key: key}
	}
	o := source.Object{Key: key}
	if opts.KMSKey != "" {
		o.Encryption = source.Encryption{Type: "aws:kms", KMSKeyID: opts.KMSKey}
	}
	s.Put(name, o, body)
	return nil
}

// DenyWrites refuses PutObject in a bucket, or permits it again.
func (s *Store) DenyWrites(name string, deny bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sealed == nil {
		s.sealed = map[string]bool{}
	}
	delete(s.sealed, name)
	if deny {
		s.sealed[name] = true
	}
}

// Remove deletes an object.
func (s *Store) Remove(name, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	if i, found := slices.BinarySearch(b.keys, key); found {
		b.keys = slices.Delete(b.keys, i, i+1)
		delete(b.objects, key)
	}
}

// Deny refuses to open a key or, ending in "/", to list or open anything that begins with it.
func (s *Store) Deny(name, keyOrPrefix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[name].denied = append(s.buckets[name].denied, keyOrPrefix)
}

// deniedBelow returns the denied prefix that the key lies below.
func (b *bucket) deniedBelow(key string) (string, bool) {
	i := slices.IndexFunc(b.denied, func(d string) bool { return strings.HasSuffix(d, "/") && strings.HasPrefix(key, d) })
	if i < 0 {
		return "", false
	}
	return b.denied[i], true
}

// Buckets returns the buckets by name.
func (s *Store) Buckets(ctx context.Context) ([]source.Bucket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var all []source.Bucket
	for _, b := range s.buckets {
		all = append(all, b.Bucket)
	}
	slices.SortFunc(all, func(a, b source.Bucket) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// List finds each next key anew, so that it goes on undisturbed while the bucket changes.
func (s *Store) List(ctx context.Context, name string, opts source.ListOptions) iter.Seq2[source.Item, error] {
	return func(yield func(source.Item, error) bool) {
		// Keys from here on are to come; "\x00" makes the least key greater than After.
		from := max(opts.Prefix, opts.After+"\x00")
		if opts.After == "" {
			from = opts.Prefix
		}
		for {
			if err := ctx.Err(); err != nil {
				yield(source.Item{}, err)
				return
			}
			item, next, err := s.next(name, from, opts.Prefix)
			if err != nil {
				yield(source.Item{}, err)
				return
			}
			if next == "" || !yield(item, nil) {
				return
			}
			from = next
		}
	}
}

// next returns the first item whose key is not less than from, and where to go on; "" when there is no more.
func (s *Store) next(name, from, prefix string) (source.Item, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	if b == nil {
		return source.Item{}, "", &source.Error{Kind: source.BucketNotFound, Op: "list", Bucket: name}
	}
	i, _ := slices.BinarySearch(b.keys, from)
	if i == len(b.keys) || !strings.HasPrefix(b.keys[i], prefix) {
		return source.Item{}, "", nil
	}
	key := b.keys[i]
	if denied, yes := b.deniedBelow(key); yes {
		err := &source.Error{Kind: source.AccessDenied, Op: "list", Bucket: name, Key: denied}
		behind := denied[:len(denied)-1] + "0" // '0' follows '/'
		return source.Item{Object: source.Object{Key: denied}, Err: err}, behind, nil
	}
	return source.Item{Object: b.objects[key].Object}, key + "\x00", nil
}

// Open reads the object as it is now.
func (s *Store) Open(ctx context.Context, name, key string, opts source.OpenOptions) (source.Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fail := func(kind source.Kind) (source.Reader, error) {
		return nil, &source.Error{Kind: kind, Op: "open", Bucket: name, Key: key}
	}
	b := s.buckets[name]
	if b == nil {
		return fail(source.BucketNotFound)
	}
	if _, below := b.deniedBelow(key); below || slices.Contains(b.denied, key) {
		return fail(source.AccessDenied)
	}
	o, found := b.objects[key]
	switch {
	case !found || opts.VersionID != "":
		return fail(source.NotFound)
	case opts.ETag != "" && opts.ETag != o.ETag:
		return fail(source.Changed)
	}
	return &reader{ctx: ctx, store: s, bucket: name, object: o, at: bytes.NewReader(o.body)}, nil
}

type reader struct {
	ctx    context.Context
	store  *Store
	bucket string
	object stored
	at     *bytes.Reader
}

func (r *reader) Object() source.Object { return r.object.Object }

func (r *reader) Close() error { return nil }

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.at.Read(p)
	if errors.Is(err, io.EOF) || r.ctx.Err() != nil {
		if bad := r.check(); bad != nil {
			return 0, bad
		}
	}
	return n, err
}

func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	if err := r.check(); err != nil {
		return 0, err
	}
	return r.at.ReadAt(p, off)
}

// check fails when the context has ended or the object is not in the store any more as it was opened.
func (r *reader) check() error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	r.store.mu.Lock()
	defer r.store.mu.Unlock()
	kind := source.BucketNotFound
	if b := r.store.buckets[r.bucket]; b != nil {
		now, found := b.objects[r.object.Key]
		switch {
		case !found:
			// A store hands out what it opened, and so does a file system; only the state must be one.
			return nil
		case now.ETag == r.object.ETag:
			return nil
		}
		kind = source.Changed
	}
	return &source.Error{Kind: kind, Op: "read", Bucket: r.bucket, Key: r.object.Key}
}

// Document returns what SetDocument set.
func (s *Store) Document(_ context.Context, name string, limit int64) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body := s.documents[name]
	switch {
	case body == nil:
		return nil, &source.Error{Kind: source.NotFound, Op: "read", Key: name}
	case int64(len(body)) > limit:
		return nil, &source.Error{Kind: source.Other, Op: "read", Key: name, Err: fmt.Errorf("longer than %d bytes", limit)}
	}
	return bytes.Clone(body), nil
}

// Configuration returns what Configure set.
func (s *Store) Configuration(_ context.Context, name string) (source.Configuration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	if b == nil {
		return source.Configuration{}, &source.Error{Kind: source.BucketNotFound, Op: "configuration", Bucket: name}
	}
	return b.configuration, nil
}

// AccountPublicAccessBlock returns what SetAccountPublicAccessBlock set.
func (s *Store) AccountPublicAccessBlock(context.Context) source.Fact[source.PublicAccessBlock] {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.account
}
