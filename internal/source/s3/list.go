package s3

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/magpie-sec/magpie/internal/source"
)

// A page is one answer to a listing.
type page struct {
	objects  []source.Object // by key, without doubles
	prefixes []string        // common prefixes, of a listing with a delimiter
	passed   []string        // keys that are none of what was asked for: they should have come before, or have come
	seen     string          // the greatest of all keys
	last     string          // the greatest key or prefix of the answer
	token    string          // where the listing goes on; "" if it does after last
	more     bool
}

// A request asks for a page.
type request struct {
	bucket, prefix, after string
	token                 string
	delimiter             string
}

// fetch asks for a page.
func (s *Store) fetch(ctx context.Context, q request) (page, error) {
	var told listAnswer
	err := s.ask(ctx, target{op: "list", bucket: q.bucket}, func(ctx context.Context) error {
		c, err := s.bucketClient(ctx, q.bucket)
		if err != nil {
			return err
		}
		in := &s3.ListObjectsV2Input{Bucket: &q.bucket, EncodingType: types.EncodingTypeUrl}
		if q.prefix != "" {
			in.Prefix = &q.prefix
		}
		if q.delimiter != "" {
			in.Delimiter = &q.delimiter
		}
		if q.token != "" {
			in.ContinuationToken = &q.token
		} else if q.after != "" {
			in.StartAfter = &q.after
		}
		told = listAnswer{}
		out, err := c.ListObjectsV2(intoList(expecting(ctx, "ListBucketResult"), &told), in)
		if err == nil && told.objects == nil {
			told.from(out)
		}
		return err
	})
	if err != nil {
		if s.noSuchPrefix(ctx, q, err) {
			return page{}, nil
		}
		return page{}, err
	}
	told.decode()
	p := page{more: told.more, token: told.token, last: q.after}
	p.objects = told.objects[:0]
	sorted := true
	for _, o := range told.objects {
		p.seen = max(p.seen, o.Key)
		if o.Key == "" || o.Key <= q.after || !strings.HasPrefix(o.Key, q.prefix) {
			p.passed = append(p.passed, o.Key)
			continue
		}
		if n := len(p.objects); n > 0 && p.objects[n-1].Key >= o.Key {
			sorted = false
		}
		p.objects = append(p.objects, o)
	}
	if !sorted {
		// Within a page the order can be mended.
		slices.SortStableFunc(p.objects, func(a, b source.Object) int { return strings.Compare(a.Key, b.Key) })
		p.objects = slices.CompactFunc(p.objects, func(a, b source.Object) bool { return a.Key == b.Key })
	}
	p.prefixes = told.prefixes
	slices.Sort(p.prefixes)
	p.prefixes = slices.Compact(p.prefixes)
	if n := len(p.objects); n > 0 {
		p.last = max(p.last, p.objects[n-1].Key)
	}
	if n := len(p.prefixes); n > 0 {
		p.last = max(p.last, p.prefixes[n-1])
	}
	return p, nil
}

// noSuchPrefix reports whether a listing failed because nothing can be below its prefix: MinIO refuses those that no key of its can have. It
// refuses the place to begin behind in the same way, which tells nothing of the prefix.
func (s *Store) noSuchPrefix(ctx context.Context, q request, err error) bool {
	var told *statusError
	if !s.compatible() || q.prefix == "" || !errors.As(err, &told) || told.code != "XMinioInvalidObjectName" {
		return false
	}
	if q.after == "" && q.token == "" {
		return true
	}
	p, err := s.fetch(ctx, request{bucket: q.bucket, prefix: q.prefix, delimiter: q.delimiter})
	return err == nil && len(p.objects)+len(p.prefixes)+len(p.passed) == 0
}

// stuck is the error for a page that brings nothing new and is not the last.
func stuck(bucket string) error {
	return &source.Error{Op: "list", Bucket: bucket, Err: errors.New("the store does not list its keys in order, or gives the same page again")}
}

// both returns the prefix of the keys that begin with a and with b, and whether there can be any.
func both(a, b string) (string, bool) {
	if strings.HasPrefix(a, b) {
		return a, true
	}
	return b, strings.HasPrefix(b, a)
}
