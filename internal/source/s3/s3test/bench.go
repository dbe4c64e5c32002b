// Package s3test is the bench that tests of the S3 source run on: a real S3 server (versitygw) on real files, and a proxy in front of it that
// adds what the server does not answer, lies as loose stores do, and fails on demand.
//
// A test talks to [Bench.URL] with [AccessKey] and [SecretKey]; the server verifies its signatures. What is put with [Bench.Put] and what is
// asked of the bench itself goes past the proxy. [Bench.On] says how the proxy treats an operation:
//
//	b := s3test.Start(t)
//	b.CreateBucket(t, "customers")
//	b.Put(t, "customers", "a.csv", "text")
//	b.On(s3test.Rule{Op: "ListObjectsV2", Times: 2, Do: s3test.SlowDown})       // two refusals, then it works
//	b.On(s3test.Rule{Op: "GetBucketPolicy", Bucket: "customers", Do: s3test.Listing}) // the bucket's listing as its policy
//	b.Configure("customers", source.Configuration{Encryption: source.Known("AES256")})
//
// Tests wait for requests, never for time: see [Gate] and [Bench.Requests].
package s3test

import (
	"context"
	"crypto/md5"
	"crypto/x509"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// A Bench is an S3 store of its own, empty at first.
type Bench struct {
	// URL is the endpoint, for path-style requests.
	URL string
	// Data is the folder in which each bucket is a folder and each object a file. What is written there past the server has no entity tag.
	Data string

	gateway *gateway
	proxy   *httptest.Server
	direct  *http.Transport // to the gateway
	stop    func()

	mu       sync.Mutex
	rules    []*Handle // the newest last
	requests []Request
}

// Start gives the test a store. It is gone when the test ends.
func Start(t testing.TB) *Bench {
	t.Helper()
	b, err := start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func start() (*Bench, error) {
	g, err := takeGateway()
	if err != nil {
		return nil, err
	}
	b := &Bench{gateway: g, Data: filepath.Join(g.dir, "data"),
		direct: &http.Transport{DialContext: g.dial, DisableCompression: true, MaxIdleConnsPerHost: 16}}
	b.proxy = httptest.NewServer(b.handler())
	b.URL = b.proxy.URL
	b.stop = sync.OnceFunc(func() {
		b.proxy.CloseClientConnections()
		b.proxy.Close()
		b.direct.CloseIdleConnections()
		if err := g.release(); err != nil {
			panic(err)
		}
	})
	return b, nil
}

// Close ends the bench before its test does.
func (b *Bench) Close() { b.stop() }

// TLS starts a second endpoint of the same store that speaks TLS with a certificate nobody trusts, and returns a pool that does.
func (b *Bench) TLS(t testing.TB) (endpoint string, trusting *x509.CertPool) {
	server := httptest.NewTLSServer(b.handler())
	server.Config.ErrorLog = quiet
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	trusting = x509.NewCertPool()
	trusting.AddCert(server.Certificate())
	return server.URL, trusting
}

// CreateBucket makes an empty bucket.
func (b *Bench) CreateBucket(t testing.TB, bucket string) {
	t.Helper()
	b.send(t, "PUT", "/"+bucket, "", nil, "X-Amz-Object-Ownership", "ObjectWriter")
}

// DeleteBucket removes a bucket and everything in it, even versions, as nobody could who has to ask the server.
func (b *Bench) DeleteBucket(t testing.TB, bucket string) {
	t.Helper()
	for _, folder := range folders {
		if err := os.RemoveAll(filepath.Join(b.gateway.dir, folder, bucket)); err != nil {
			t.Fatal(err)
		}
	}
}

// EnableVersioning makes a bucket keep versions.
func (b *Bench) EnableVersioning(t testing.TB, bucket string) {
	t.Helper()
	b.send(t, "PUT", "/"+bucket, "versioning=", []byte(`<VersioningConfiguration xmlns="`+namespace+`"><Status>Enabled</Status></VersioningConfiguration>`))
}

// Put stores an object. Pairs of header names and values go with it.
func (b *Bench) Put(t testing.TB, bucket, key, body string, header ...string) {
	t.Helper()
	b.send(t, "PUT", "/"+bucket+"/"+key, "", []byte(body), header...)
}

// Fill stores many objects, bodies by key, where the server keeps them and as it would, at a small part of the cost of asking it.
func (b *Bench) Fill(t testing.TB, bucket string, objects map[string]string) {
	t.Helper()
	write := func(path, text string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for key, body := range objects {
		sum := md5.Sum([]byte(body))
		write(filepath.Join(b.Data, bucket, key), body)
		write(filepath.Join(b.gateway.dir, "meta", bucket, key, "meta", "etag"), `"`+hex.EncodeToString(sum[:])+`"`)
	}
}

// Remove deletes an object; in a bucket with versions it leaves a delete marker.
func (b *Bench) Remove(t testing.TB, bucket, key string) {
	t.Helper()
	b.send(t, "DELETE", "/"+bucket+"/"+key, "", nil)
}

// PutBucketPolicy gives the server a policy, which it checks for its own accounts only; see Configure for any other.
func (b *Bench) PutBucketPolicy(t testing.TB, bucket, policy string) {
	t.Helper()
	b.send(t, "PUT", "/"+bucket, "policy=", []byte(policy))
}

// A Request is one that reached the proxy.
type Request struct {
	// Op is the name of the operation as S3's API has it; GetAccountPublicAccessBlock is S3 Control's GetPublicAccessBlock.
	Op          string
	Bucket, Key string
	Query       url.Values
	Header      http.Header
}

// Requests returns what has reached the proxy so far.
func (b *Bench) Requests() []Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Request(nil), b.requests...)
}

// Count tells how often an operation was asked of a bucket; "" stands for any.
func (b *Bench) Count(op, bucket string) int {
	n := 0
	for _, r := range b.Requests() {
		if (op == "" || r.Op == op) && (bucket == "" || r.Bucket == bucket) {
			n++
		}
	}
	return n
}

// A Gate holds requests up.
type Gate struct {
	// Arrived gets a value for each request that is held up.
	Arrived chan Request
	open    chan struct{}
	once    sync.Once
}

// NewGate makes a closed gate.
func NewGate() *Gate { return &Gate{Arrived: make(chan Request, 1024), open: make(chan struct{})} }

// Open lets through whatever waits and whatever comes.
func (g *Gate) Open() { g.once.Do(func() { close(g.open) }) }

// Hold is a Reply: the request waits until the gate is opened or its client gives up, then the store answers it.
func (g *Gate) Hold(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	request, _ := r.Context().Value(requestKey{}).(Request)
	select {
	case g.Arrived <- request:
	default: // nobody counts so far
	}
	select {
	case <-g.open:
		forward.ServeHTTP(w, r)
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
}

type requestKey struct{}

func withRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}
