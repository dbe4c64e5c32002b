// Package s3 reads Amazon S3 and every store that speaks its protocol: a source.Driver and source.Configured.
//
// Every request goes through call: it waits for the source's rate limit, tries again what may pass, up to a ceiling and a total time, and
// turns failures into source.Error. A bucket that moves, vanishes or is denied fails alone; nothing is remembered of a failure but the Region
// of a bucket and, for an hour, what the store has not implemented, so that whatever is repaired works again without a restart.
package s3

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	"golang.org/x/time/rate"

	"github.com/magpie-sec/magpie/internal/source"
)

// Options say which store to read, and how. The zero value is Amazon S3 with the standard chain of credentials.
type Options struct {
	// Endpoint is the URL of a compatible store (http or https, host, optional port and path), addressed in path style. "" is Amazon S3.
	Endpoint string
	// Region is where the buckets are asked for first, and the Region in the signatures for a compatible store. "" is what the standard chain
	// says, and us-east-1 where it says nothing.
	Region string
	// Account is the 12-digit account that owns the buckets; "" is not known. The account-wide public access block needs it, and Profile.Owners.
	Account string
	// Credentials; nil is the standard chain (environment, shared files, container, instance).
	Credentials aws.CredentialsProvider
	// Buckets are the only buckets that are read; empty means all that the store lists.
	Buckets []string
	// Regions keep the buckets that lie in one of them; empty means all.
	Regions []string
	// Prefix keeps the keys that begin with it.
	Prefix string
	// RequestsPerSecond bounds the requests of this source; 0 is no bound.
	RequestsPerSecond float64
	// Parallel is how many requests one listing may have under way; 0 is 8; with 1 a page is asked
	// for when the one before has been yielded.
	Parallel int
	// Retry bounds the attempts of one request; zero members are the defaults.
	Retry Retry
	// Profile says what the store cannot say of itself.
	Profile Profile
	// Reports say whether S3 Inventory reports are read.
	Reports Reports
	// Transport, if not nil, carries the requests (tests, proxies of special kinds). Close closes its idle connections.
	Transport http.RoundTripper
}

// Retry bounds the attempts of one request. A request that fails in a way that may pass is tried again after min(Base*2^n, Max), of which a
// random half is taken off, or after the time that the store names if that is longer, up to Max.
type Retry struct {
	Attempts int           // of one request; default 6
	Total    time.Duration // from the first attempt to the start of the last; default 1 minute
	Attempt  time.Duration // one attempt: its answer, and each wait for more of a body; default 30 seconds
	Base     time.Duration // default 100 ms
	Max      time.Duration // default 10 seconds
	// Jitter returns a number in [0, 1); nil is a random one.
	Jitter func() float64
	// Sleep waits, or returns the error of a context that ended; nil is a timer.
	Sleep func(ctx context.Context, d time.Duration) error
}

func (r Retry) withDefaults() Retry {
	r.Attempts = cmp.Or(r.Attempts, 6)
	r.Total = cmp.Or(r.Total, time.Minute)
	r.Attempt = cmp.Or(r.Attempt, 30*time.Second)
	r.Base = cmp.Or(r.Base, 100*time.Millisecond)
	r.Max = cmp.Or(r.Max, 10*time.Second)
	if r.Jitter == nil {
		r.Jitter = rand.Float64
	}
	if r.Sleep == nil {
		r.Sleep = sleep
	}
	return r
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// defaultRegion is where Amazon S3 answers for buckets anywhere in the standard partition.
const defaultRegion = "us-east-1"

// A Store is one object store. Its methods may be called by several goroutines at once.
type Store struct {
	opts      Options
	retry     Retry
	limiter   *rate.Limiter
	transport http.RoundTripper
	// notBefore is the time (nanoseconds since 1970) until which a store that asked to slow down is left alone.
	notBefore atomic.Int64
	missing   missing // what the store has not implemented
	// keysByName is set when the store has taken a KMS key by its name that it did not know by its ARN.
	keysByName atomic.Bool

	mu      sync.Mutex
	base    *aws.Config           // nil until the standard chain has been read
	clients map[string]*s3.Client // by Region
	regions map[string]string     // of buckets, as far as they are known
	created map[string]time.Time  // of buckets, as they were listed last
	owner   source.Owner          // of the buckets, as the listing told
}

var (
	_ source.Driver     = (*Store)(nil)
	_ source.Configured = (*Store)(nil)
)

// New makes a store. It asks nothing yet: a store that is away shows when it is read.
func New(opts Options) (*Store, error) {
	if opts.Endpoint != "" {
		if _, err := parseURL(opts.Endpoint); err != nil {
			return nil, err
		}
	}
	for _, what := range opts.Profile.Lacks {
		if !slices.Contains(Settings, what) {
			return nil, fmt.Errorf("%q is not a setting of a bucket", what)
		}
	}
	for _, what := range opts.Profile.Enforces {
		if !slices.Contains(Doubted, what) || slices.Contains(opts.Profile.Lacks, what) {
			return nil, fmt.Errorf("%q is not a setting that a profile can say is enforced, or it is said to be lacking as well", what)
		}
	}
	for _, b := range opts.Buckets {
		if !bucketName(b) {
			return nil, fmt.Errorf("%q is not the name of a bucket", b)
		}
	}
	if opts.Reports.MaxAge < 0 || opts.Reports.MaxAge > MaxReportAge {
		return nil, fmt.Errorf("reports may be up to %v old", MaxReportAge)
	}
	opts.Reports = opts.Reports.withDefaults()
	if opts.RequestsPerSecond < 0 || opts.Parallel < 0 {
		return nil, errors.New("a rate or a number of parallel requests cannot be negative")
	}
	s := &Store{opts: opts, retry: opts.Retry.withDefaults(), transport: opts.Transport, clients: map[string]*s3.Client{}, regions: map[string]string{}, created: map[string]time.Time{}}
	if opts.RequestsPerSecond > 0 {
		s.limiter = rate.NewLimiter(rate.Limit(opts.RequestsPerSecond), max(1, int(opts.RequestsPerSecond)))
	}
	if s.transport == nil {
		s.transport = newTransport(s.retry.Attempt)
	}
	if s.opts.Parallel == 0 {
		s.opts.Parallel = 8
	}
	return s, nil
}

// parseURL reads an endpoint. The error does not repeat it: it may hold a password.
func parseURL(endpoint string) (url.URL, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return url.URL{}, errors.New("the endpoint of an S3 source is http:// or https:// with a host, and neither user, password nor query")
	}
	return *u, nil
}

// newTransport makes connections of the source's own, so that closing it closes them.
func newTransport(answer time.Duration) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: answer,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       90 * time.Second,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true,
		// Objects are read as they are stored.
		DisableCompression: true,
	}
}

// Close closes the store's idle connections. Listings and readers must have ended.
func (s *Store) Close() error {
	if t, ok := s.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	return nil
}

// compatible reports whether the store is another than Amazon S3.
func (s *Store) compatible() bool { return s.opts.Endpoint != "" }

// bucketName reports whether a name can be sent in a request: old buckets of Amazon S3 have up to 255 letters, digits, dots, hyphens and
// underscores.
func bucketName(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > 255 {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
	})
}

// configuration reads the standard chain once it succeeds.
func (s *Store) configuration(ctx context.Context) (*aws.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.base != nil {
		return s.base, nil
	}
	load := []func(*config.LoadOptions) error{config.WithRegion(s.opts.Region), config.WithLogger(logging.Nop{})}
	if s.opts.Credentials != nil {
		// So that nobody is asked for the standard chain's.
		load = append(load, config.WithCredentialsProvider(s.opts.Credentials))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, &credentialsError{err}
	}
	// The chain's own cache would give what the store has refused.
	provider := s.opts.Credentials
	if provider == nil {
		provider = newChain(cfg.Credentials, load)
	}
	cfg.Credentials = &guarded{aws.NewCredentialsCache(provider)}
	cfg.Region = cmp.Or(cfg.Region, defaultRegion)
	cfg.Logger = logging.Nop{}
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	cfg.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	cfg.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	if ours, ok := s.transport.(*http.Transport); ok && s.opts.Transport == nil {
		// AWS_CA_BUNDLE counts for the store too.
		if chained, ok := cfg.HTTPClient.(interface{ GetTransport() *http.Transport }); ok && chained.GetTransport().TLSClientConfig != nil {
			ours.TLSClientConfig = &tls.Config{RootCAs: chained.GetTransport().TLSClientConfig.RootCAs, MinVersion: tls.VersionTLS12}
		}
	}
	cfg.HTTPClient = &http.Client{Transport: s.transport, CheckRedirect: stay}
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(inspectAnswer{}, middleware.After)
	})
	if s.compatible() {
		cfg.BaseEndpoint = aws.String(s.opts.Endpoint)
	}
	s.base = &cfg
	return s.base, nil
}

// stay follows no redirect: a signature is for one host, and a store does not choose where its readers go.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// client returns the client of a Region, "" for the source's own.
func (s *Store) client(ctx context.Context, region string) (*s3.Client, error) {
	base, err := s.configuration(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	region = cmp.Or(region, s.regions[wholeStore], base.Region)
	if c := s.clients[region]; c != nil {
		return c, nil
	}
	c := s3.NewFromConfig(*base, func(o *s3.Options) {
		o.Region = region
		o.DisableLogOutputChecksumValidationSkipped = true
		if s.compatible() {
			o.UsePathStyle = true
			o.DisableS3ExpressSessionAuth = aws.Bool(true)
			o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateDisabled
			o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateDisabled
		}
	})
	s.clients[region] = c
	return c, nil
}

// bucketClient returns the client for a bucket, of its Region where that is known.
func (s *Store) bucketClient(ctx context.Context, bucket string) (*s3.Client, error) {
	return s.client(ctx, s.regionOf(bucket))
}

func (s *Store) regionOf(bucket string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.regions[bucket]
}

// wholeStore stands for a bucket in what is known of Regions. A compatible store has one Region, and tells it when the signature has another.
const wholeStore = ""

// learn notes the Region of a bucket and reports whether that is news.
func (s *Store) learn(bucket, region string) bool {
	if bucket == wholeStore && !s.compatible() || !regionName(region) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.regions[bucket] == region {
		return false
	}
	s.regions[bucket] = region
	return true
}

// regionName reports whether a Region that a store names may become part of a host name.
func regionName(region string) bool {
	return region != "" && len(region) <= 63 && !strings.ContainsFunc(region, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// Buckets lists the store's buckets, or names those that Options chose. A chosen bucket is not asked for: whether it is there shows when it is
// read.
func (s *Store) Buckets(ctx context.Context) ([]source.Bucket, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var buckets []source.Bucket
	if len(s.opts.Buckets) > 0 {
		for _, name := range s.opts.Buckets {
			b := source.Bucket{Name: name, Region: s.regionOf(name)}
			if b.Region == "" && len(s.opts.Regions) > 0 {
				b.Region, _ = s.locate(ctx, name) // a bucket that cannot be located stays: reading it will tell why
				if err := ctx.Err(); err != nil {
					return nil, err
				}
			}
			buckets = append(buckets, b)
		}
	} else {
		var err error
		if buckets, err = s.listBuckets(ctx); err != nil {
			return nil, err
		}
	}
	if len(s.opts.Regions) > 0 {
		buckets = slices.DeleteFunc(buckets, func(b source.Bucket) bool { return b.Region != "" && !slices.Contains(s.opts.Regions, b.Region) })
	}
	slices.SortFunc(buckets, func(a, b source.Bucket) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(buckets, func(a, b source.Bucket) bool { return a.Name == b.Name }), nil
}

// maxBuckets is how many buckets are asked for at a time. Amazon S3 tells their Regions only if something is asked for.
const maxBuckets = 1000

func (s *Store) listBuckets(ctx context.Context) ([]source.Bucket, error) {
	var buckets []source.Bucket
	seen := map[string]bool{}
	for token := ""; ; {
		var out *s3.ListBucketsOutput
		err := s.ask(ctx, target{op: "list"}, func(ctx context.Context) error {
			c, err := s.client(ctx, "")
			if err != nil {
				return err
			}
			in := &s3.ListBucketsInput{MaxBuckets: aws.Int32(maxBuckets)}
			if token != "" {
				in.ContinuationToken = &token
			}
			out, err = c.ListBuckets(expecting(ctx, "ListAllMyBucketsResult"), in)
			return err
		})
		if err != nil {
			return nil, err
		}
		if o := out.Owner; o != nil && aws.ToString(o.ID) != "" {
			s.noteLister(source.Owner{ID: *o.ID, DisplayName: aws.ToString(o.DisplayName)})
		}
		news := false
		for _, b := range out.Buckets {
			name := aws.ToString(b.Name)
			if !bucketName(name) || seen[name] {
				continue
			}
			seen[name], news = true, true
			s.learn(name, aws.ToString(b.BucketRegion))
			s.noteCreated(name, aws.ToTime(b.CreationDate).UTC())
			buckets = append(buckets, source.Bucket{Name: name, Region: aws.ToString(b.BucketRegion), Created: aws.ToTime(b.CreationDate).UTC()})
		}
		// A store that knows no pages answers everything at once, one that gives the same page again has no more.
		if token = aws.ToString(out.ContinuationToken); token == "" || !news {
			return buckets, nil
		}
	}
}

func (s *Store) noteCreated(bucket string, at time.Time) {
	if at.IsZero() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.created[bucket] = at
}

func (s *Store) noteLister(o source.Owner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owner = o
}

// lister returns who owns the buckets of Amazon S3's listing: it holds only the caller's own. Other stores list what they like.
func (s *Store) lister() (source.Owner, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owner, s.owner.ID != "" && !s.compatible()
}

// locate asks for the Region of a bucket.
func (s *Store) locate(ctx context.Context, bucket string) (string, error) {
	var region string
	err := s.ask(ctx, target{op: "locate", bucket: bucket}, func(ctx context.Context) error {
		c, err := s.bucketClient(ctx, bucket)
		if err != nil {
			return err
		}
		out, err := c.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
		if err != nil {
			return err
		}
		region = aws.ToString(out.BucketRegion)
		s.learn(bucket, region)
		return nil
	})
	if err != nil && s.regionOf(bucket) != "" {
		return s.regionOf(bucket), nil // a refusal tells the Region as well
	}
	return region, err
}

// List yields the bucket's objects in the order of their keys (see listing).
func (s *Store) List(ctx context.Context, bucket string, opts source.ListOptions) iter.Seq2[source.Item, error] {
	return func(yield func(source.Item, error) bool) { s.list(ctx, bucket, opts, yield) }
}
