package s3_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/source/sourcetest"
)

// A fake is the part of S3 that reading objects needs, with keys of any bytes.
type fake struct {
	mu       sync.Mutex
	buckets  map[string]map[string]fakeObject
	keys     map[string][]string // sorted, as long as nothing changes
	denied   map[string]bool     // bucket/key
	pageSize int
	// tokenless makes it tell that there is more, but not where.
	tokenless bool
	// deaf makes it begin at the beginning, whatever start-after says.
	deaf bool
	// modified, if not nil, is when objects were changed.
	modified func(key string) time.Time
	requests atomic.Int64
	// before, if not nil, may answer in the fake's place.
	before func(w http.ResponseWriter, r *http.Request) bool
}

type fakeObject struct {
	body string
	tag  string
}

func newFake(content sourcetest.Content) *fake {
	f := &fake{buckets: map[string]map[string]fakeObject{}, keys: map[string][]string{}, denied: map[string]bool{}, pageSize: 1000}
	for bucket, objects := range content {
		f.buckets[bucket] = map[string]fakeObject{}
		for key, body := range objects {
			f.put(bucket, key, body)
		}
	}
	return f
}

func (f *fake) put(bucket, key, body string) {
	sum := md5.Sum([]byte(body))
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.keys, bucket)
	f.buckets[bucket][key] = fakeObject{body, hex.EncodeToString(sum[:])}
}

func failWith(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>the fake says no to \x1b and SECRET</Message></Error>", code)
}

// ServeHTTP implements http.Handler.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.requests.Add(1)
	if f.before != nil && f.before(w, r) {
		return
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=TESTKEY/") {
		failWith(w, http.StatusForbidden, "AccessDenied")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if name == "" {
		f.listBuckets(w)
		return
	}
	objects, ok := f.buckets[name]
	switch {
	case !ok:
		failWith(w, http.StatusNotFound, "NoSuchBucket")
	case key == "":
		f.list(w, r.URL.Query(), name, objects)
	case f.isDenied(name + "/" + key):
		failWith(w, http.StatusForbidden, "AccessDenied")
	case r.URL.Query().Get("versionId") != "":
		failWith(w, http.StatusBadRequest, "InvalidArgument")
	default:
		o, ok := objects[key]
		if !ok {
			failWith(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("Etag", `"`+o.tag+`"`)
		if match := r.Header.Get("If-Match"); match != "" && match != `"`+o.tag+`"` {
			failWith(w, http.StatusPreconditionFailed, "PreconditionFailed")
			return
		}
		http.ServeContent(w, r, "", modified, strings.NewReader(o.body))
	}
}

func (f *fake) isDenied(path string) bool {
	for d := range f.denied {
		if path == d || strings.HasSuffix(d, "/") && strings.HasPrefix(path, d) {
			return true
		}
	}
	return false
}

var modified = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func (f *fake) listBuckets(w http.ResponseWriter) {
	fmt.Fprint(w, `<?xml version="1.0"?><ListAllMyBucketsResult><Buckets>`)
	for name := range f.buckets {
		fmt.Fprintf(w, `<Bucket><Name>%s</Name><CreationDate>2026-01-02T03:04:05.678Z</CreationDate></Bucket>`, name)
	}
	fmt.Fprint(w, `</Buckets></ListAllMyBucketsResult>`)
}

func (f *fake) list(w http.ResponseWriter, q url.Values, bucket string, objects map[string]fakeObject) {
	prefix, delimiter := q.Get("prefix"), q.Get("delimiter")
	after := max(q.Get("start-after"), q.Get("continuation-token"))
	if f.deaf {
		after = q.Get("continuation-token")
	}
	type entry struct {
		key    string
		common bool
	}
	var entries []entry
	if f.keys[bucket] == nil {
		f.keys[bucket] = slices.Sorted(maps.Keys(objects))
	}
	keys := f.keys[bucket]
	i, _ := slices.BinarySearch(keys, max(prefix, after))
	for ; i < len(keys) && len(entries) <= f.pageSize; i++ {
		key := keys[i]
		if !strings.HasPrefix(key, prefix) {
			break
		}
		if at := strings.Index(key[len(prefix):], delimiter); delimiter != "" && at >= 0 {
			if folder := key[:len(prefix)+at+1]; folder > after {
				entries = append(entries, entry{folder, true})
			}
			next, _ := slices.BinarySearch(keys, key[:len(prefix)+at]+"0") // '0' follows '/'
			i = next - 1
		} else if key > after {
			entries = append(entries, entry{key, false})
		}
	}
	more := len(entries) > f.pageSize
	entries = entries[:min(len(entries), f.pageSize)]
	fmt.Fprintf(w, `<?xml version="1.0"?><ListBucketResult><Name>%s</Name><EncodingType>url</EncodingType><IsTruncated>%v</IsTruncated>`, bucket, more)
	for _, e := range entries {
		if e.common {
			fmt.Fprintf(w, `<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>`, url.QueryEscape(e.key))
			continue
		}
		o, at := objects[e.key], modified
		if f.modified != nil {
			at = f.modified(e.key)
		}
		fmt.Fprintf(w, `<Contents><Key>%s</Key><LastModified>%s</LastModified><ETag>&quot;%s&quot;</ETag><Size>%d</Size><StorageClass>STANDARD</StorageClass></Contents>`,
			url.QueryEscape(e.key), at.Format("2006-01-02T15:04:05.000Z"), o.tag, len(o.body))
	}
	if more && !f.tokenless {
		fmt.Fprint(w, `<NextContinuationToken>`)
		xml.EscapeText(w, []byte(entries[len(entries)-1].key))
		fmt.Fprint(w, `</NextContinuationToken>`)
	}
	fmt.Fprint(w, `</ListBucketResult>`)
}

// quick bounds the waits of tests.
var quick = s3.Retry{Base: time.Microsecond, Max: 10 * time.Millisecond, Attempt: 5 * time.Second}

var testKeys = credentials.NewStaticCredentialsProvider("TESTKEY", "TESTSECRET", "")

// open starts a server and returns a source on it; both end with the test.
func open(t testing.TB, handler http.Handler, change func(*s3.Options)) *s3.Store {
	t.Helper()
	server := httptest.NewServer(handler)
	opts := s3.Options{Endpoint: server.URL, Region: "eu-central-1", Account: "123456789012", Credentials: testKeys, Retry: quick}
	if change != nil {
		change(&opts)
	}
	store, err := s3.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		store.Close()
		server.Close()
	})
	return store
}

// closing lets the suite close a source and its server early.
type closing struct {
	*s3.Store
	fake   *fake
	server *httptest.Server
}

func (c *closing) Close() error {
	c.Store.Close()
	c.server.Close()
	return nil
}

func TestAcceptance(t *testing.T) {
	sourcetest.Run(t, sourcetest.Harness{
		New: func(t testing.TB, content sourcetest.Content) source.Driver {
			f := newFake(content)
			server := httptest.NewServer(f)
			store, err := s3.New(s3.Options{Endpoint: server.URL, Region: "eu-central-1", Credentials: testKeys, Retry: quick})
			if err != nil {
				t.Fatal(err)
			}
			c := &closing{store, f, server}
			t.Cleanup(func() { c.Close() })
			return c
		},
		Put: func(_ testing.TB, d source.Driver, bucket, key, body string) {
			d.(*closing).fake.put(bucket, key, body)
		},
		Remove: func(_ testing.TB, d source.Driver, bucket, key string) {
			f := d.(*closing).fake
			f.mu.Lock()
			defer f.mu.Unlock()
			delete(f.keys, bucket)
			delete(f.buckets[bucket], key)
		},
		Deny: func(_ testing.TB, d source.Driver, bucket, keyOrPrefix string) {
			d.(*closing).fake.denied[bucket+"/"+keyOrPrefix] = true
		},
		DeniedListed: true,
	})
}

func read(t testing.TB, d source.Driver, bucket, key string) (string, error) {
	t.Helper()
	r, err := d.Open(context.Background(), bucket, key, source.OpenOptions{})
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}
