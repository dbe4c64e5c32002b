package s3

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/magpie-sec/magpie/internal/source"
)

// Open begins to read an object with one request. What the reader yields is the state of that moment: if the answer is cut off it asks for the
// rest of the same entity tag, and so does ReadAt for each range.
func (s *Store) Open(ctx context.Context, bucket, key string, opts source.OpenOptions) (source.Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !s.has(bucket) {
		return nil, &source.Error{Kind: source.BucketNotFound, Op: "open", Bucket: bucket, Key: key}
	}
	if key == "" || !strings.HasPrefix(key, s.opts.Prefix) {
		return nil, &source.Error{Kind: source.NotFound, Op: "open", Bucket: bucket, Key: key}
	}
	r, err := s.open(ctx, bucket, key, opts)
	if err != nil {
		return nil, err // not a reader that is nil
	}
	return r, nil
}

// open is Open for whatever bucket and key.
func (s *Store) open(ctx context.Context, bucket, key string, opts source.OpenOptions) (*reader, error) {
	r := &reader{ctx: ctx, store: s, bucket: bucket, version: opts.VersionID}
	r.object.Key, r.object.ETag = key, opts.ETag
	out, stream, err := r.get("open", 0, -1)
	if err != nil {
		return nil, err
	}
	r.stream = stream
	r.object = describe(key, out)
	r.object.ETag = strings.Trim(aws.ToString(out.ETag), `"`)
	return r, nil
}

// has reports whether the bucket may be one of the source's.
func (s *Store) has(bucket string) bool {
	return bucketName(bucket) && (len(s.opts.Buckets) == 0 || slices.Contains(s.opts.Buckets, bucket))
}

// describe returns what an answer says about the whole object.
func describe(key string, out *s3.GetObjectOutput) source.Object {
	o := source.Object{
		Key: key, Size: source.UnknownSize, VersionID: aws.ToString(out.VersionId), LastModified: aws.ToTime(out.LastModified).UTC(),
		// Only other classes are told.
		StorageClass: "STANDARD",
	}
	if out.ContentLength != nil {
		o.Size = *out.ContentLength
	}
	if out.StorageClass != "" {
		o.StorageClass = string(out.StorageClass)
	}
	switch {
	case aws.ToString(out.SSECustomerAlgorithm) != "":
		o.Encryption.Type = "SSE-C"
	case out.ServerSideEncryption != "":
		o.Encryption.Type = string(out.ServerSideEncryption)
		o.Encryption.KMSKeyID = aws.ToString(out.SSEKMSKeyId)
	}
	return o
}

// A reader reads one object.
type reader struct {
	ctx     context.Context
	store   *Store
	bucket  string
	version string
	object  source.Object

	stream *stream // nil after it was cut off
	off    int64   // what Read has yielded
	cuts   int     // in a row, without much between them
	since  int64   // where the last one was
	failed error

	mu    sync.Mutex // guards blocks
	cache blocks
}

// Object describes the object as it was opened. Unlike a listing it knows the version, where there are versions, and the encryption.
func (r *reader) Object() source.Object { return r.object }

// Close ends the reading.
func (r *reader) Close() error {
	if r.stream != nil {
		r.stream.close()
		r.stream = nil
	}
	if r.failed == nil {
		r.failed = errors.New("s3: the reader is closed")
	}
	return nil
}

// get asks for n bytes of the object from off on, n < 0 for all the rest, of the state that r is about.
func (r *reader) get(op string, off, n int64) (out *s3.GetObjectOutput, body *stream, err error) {
	in := &s3.GetObjectInput{Bucket: &r.bucket, Key: &r.object.Key}
	if r.version != "" {
		in.VersionId = &r.version
	}
	if r.object.ETag != "" {
		in.IfMatch = aws.String(`"` + r.object.ETag + `"`)
	}
	if n >= 0 {
		in.Range = aws.String("bytes=" + strconv.FormatInt(off, 10) + "-" + strconv.FormatInt(off+n-1, 10))
	} else if off > 0 {
		in.Range = aws.String("bytes=" + strconv.FormatInt(off, 10) + "-")
	}
	at := target{op: op, bucket: r.bucket, key: r.object.Key, version: r.version != ""}
	err = r.store.call(r.ctx, at, func(ctx context.Context) error {
		c, err := r.store.bucketClient(ctx, r.bucket)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(ctx)
		if out, err = c.GetObject(ctx, in); err != nil {
			cancel()
			return err
		}
		body = &stream{body: out.Body, idle: r.store.retry.Attempt, cancel: cancel}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if tag := strings.Trim(aws.ToString(out.ETag), `"`); r.object.ETag != "" && tag != "" && tag != r.object.ETag {
		body.close() // a store that knows no If-Match
		return nil, nil, &source.Error{Kind: source.Changed, Op: op, Bucket: r.bucket, Key: r.object.Key}
	}
	if in.Range != nil && aws.ToString(out.ContentRange) == "" && off > 0 {
		// A store that knows no ranges.
		if _, err := io.CopyN(io.Discard, body, off); err != nil {
			body.close()
			return nil, nil, r.broken(op, err)
		}
	}
	return out, body, nil
}

// broken is the error for an answer that was cut off.
func (r *reader) broken(op string, err error) error {
	if r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	return r.store.judge(target{op: op, bucket: r.bucket, key: r.object.Key}, &cutBody{err}).err
}

// progress is how much has to be read between two cuts for the second one to count as the first.
const progress = 64 << 10

// Read reads on, asking for the rest if the answer is cut off.
func (r *reader) Read(p []byte) (int, error) {
	for {
		switch {
		case r.ctx.Err() != nil:
			return 0, r.ctx.Err()
		case r.failed != nil:
			return 0, r.failed
		case len(p) == 0:
			return 0, nil
		case r.object.Size >= 0 && r.off >= r.object.Size:
			return 0, io.EOF
		}
		if r.stream == nil {
			if _, r.stream, r.failed = r.get("read", r.off, -1); r.failed != nil {
				continue
			}
		}
		part := p
		if left := r.object.Size - r.off; r.object.Size >= 0 && int64(len(part)) > left {
			part = part[:left]
		}
		n, err := r.stream.Read(part)
		r.off += int64(n)
		switch {
		case err == nil && n > 0:
			return n, nil
		case errors.Is(err, io.EOF) && r.object.Size < 0:
			r.failed = io.EOF
		case err != nil && r.off != r.object.Size:
			r.cut(err)
		}
		if n > 0 {
			return n, nil
		}
	}
}

// cut lets go of a stream that broke off and decides whether to ask for the rest.
func (r *reader) cut(err error) {
	r.stream.close()
	r.stream = nil
	if r.off-r.since > progress {
		r.cuts = 0
	}
	r.cuts++
	r.since = r.off
	if r.object.Size < 0 || r.cuts >= r.store.retry.Attempts {
		r.failed = r.broken("read", err)
		return
	}
	if r.cuts > 1 {
		r.failed = r.store.retry.Sleep(r.ctx, r.store.backoff(r.cuts-1, 0))
	}
}

// A stream is the body of an answer. Each wait for more of it has its own time.
type stream struct {
	body   io.ReadCloser
	idle   time.Duration
	cancel context.CancelFunc
}

func (s *stream) Read(p []byte) (int, error) {
	timer := time.AfterFunc(s.idle, s.cancel)
	defer timer.Stop()
	return s.body.Read(p)
}

func (s *stream) close() {
	s.cancel() // first, so that closing does not wait for the rest
	s.body.Close()
}

// Ranges are read in blocks and kept, since formats read their tables in small pieces; reading onwards fetches more of them at a time.
const (
	blockSize = 256 << 10
	maxBlocks = 32 // kept
	maxAhead  = 16 // fetched at a time
)

// blocks are the parts of an object that were read last.
type blocks struct {
	bytes map[int64][]byte // by number
	order []int64          // the one used last at the end
	next  int64            // behind what was fetched last
	ahead int64            // how many were
}

// ReadAt reads at a place. Bytes that were read before come from memory; they are of the state that was opened.
func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, errors.New("s3: ReadAt at a negative place")
	}
	end := off + int64(len(p))
	if size := r.object.Size; size >= 0 {
		if off >= size {
			return 0, io.EOF
		}
		end = min(end, size)
	} else {
		return 0, &source.Error{Op: "read", Bucket: r.bucket, Key: r.object.Key, Err: errors.New("the store does not tell the object's size")}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for at := off; at < end; at = off + int64(n) {
		b, err := r.block(at/blockSize, (end-1)/blockSize)
		if err != nil {
			return n, err
		}
		n += copy(p[n:end-off], b[at%blockSize:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// block returns a block. If it is not there, those up to last come with it.
func (r *reader) block(number, last int64) ([]byte, error) {
	c := &r.cache
	if b := c.bytes[number]; b != nil {
		i := slices.Index(c.order, number)
		c.order = append(slices.Delete(c.order, i, i+1), number)
		return b, nil
	}
	if c.ahead = c.ahead * 2; number != c.next || c.ahead == 0 {
		c.ahead = 1
	}
	c.ahead = min(max(c.ahead, last-number+1), maxAhead)
	begin := number * blockSize
	text, err := r.readRange(begin, min(c.ahead*blockSize, r.object.Size-begin))
	if err != nil {
		return nil, err
	}
	if c.bytes == nil {
		c.bytes = map[int64][]byte{}
	}
	i := number
	for part := range slices.Chunk(text, blockSize) {
		if c.bytes[i] == nil {
			if len(c.order) == maxBlocks {
				delete(c.bytes, c.order[0])
				c.order = slices.Delete(c.order, 0, 1)
			}
			c.bytes[i] = slices.Clone(part) // so that one kept block does not keep them all
			c.order = append(c.order, i)
		}
		i++
	}
	c.next = i
	return c.bytes[number], nil
}

// readRange reads n bytes from off on, asking for the rest if the answer is cut off.
func (r *reader) readRange(off, n int64) ([]byte, error) {
	text := make([]byte, n)
	for done, cuts := int64(0), 0; done < n; {
		_, body, err := r.get("read", off+done, n-done)
		if err != nil {
			return nil, err
		}
		m, err := io.ReadFull(body, text[done:])
		body.close()
		done += int64(m)
		if err == nil {
			break
		}
		if cuts++; cuts >= r.store.retry.Attempts {
			return nil, r.broken("read", err)
		}
		if err := r.store.retry.Sleep(r.ctx, r.store.backoff(cuts, 0)); err != nil {
			return nil, err
		}
	}
	return text, nil
}
