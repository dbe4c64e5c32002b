package s3_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
)

// text is longer than a read, so that an answer can break off in it.
var text = strings.Repeat("0123456789abcdef", 1<<14)

// twoBuckets returns a source with the buckets "ill", which tests do things to, and "well".
func twoBuckets(t *testing.T, change func(*s3.Options)) *benched {
	t.Helper()
	d := onBench(t, change)
	for _, bucket := range []string{"ill", "well"} {
		d.bench.CreateBucket(t, bucket)
		d.bench.Fill(t, bucket, map[string]string{"a": text, "b/c": "2", "d": "3"})
	}
	return d
}

// keysOf lists a bucket and returns its keys and the error that ended the listing.
func keysOf(t *testing.T, d source.Driver, bucket string) (keys []string, err error) {
	t.Helper()
	for item, err := range d.List(t.Context(), bucket, source.ListOptions{}) {
		if err != nil {
			return keys, err
		}
		if item.Err != nil {
			t.Errorf("item %q: %v", item.Key, item.Err)
		}
		keys = append(keys, item.Key)
	}
	return keys, nil
}

// wellIsWell fails the test unless the other bucket is as ever.
func wellIsWell(t *testing.T, d *benched) {
	t.Helper()
	if keys, err := keysOf(t, d, "well"); err != nil || !slices.Equal(keys, []string{"a", "b/c", "d"}) {
		t.Errorf("the other bucket lists %q, %v", keys, err)
	}
	if got, err := read(t, d, "well", "a"); err != nil || got != text {
		t.Errorf("the other bucket's object reads %d bytes, %v", len(got), err)
	}
}

// What passes by itself: the source gets over it, whatever it is, within its attempts.
func TestFaultsThatPass(t *testing.T) {
	faults := map[string]s3test.Reply{
		"slow down": s3test.SlowDown, "too many requests": s3test.Throttled, "internal error": s3test.InternalError,
		"bad gateway": s3test.BadGateway, "dropped": s3test.Drop, "cut": s3test.Cut(100), "cut at once": s3test.Cut(0),
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			d := twoBuckets(t, nil)
			list := d.bench.On(s3test.Rule{Op: "ListObjectsV2", Bucket: "ill", Times: 2, Do: fault})
			get := d.bench.On(s3test.Rule{Op: "GetObject", Bucket: "ill", Times: 2, Do: fault})
			if keys, err := keysOf(t, d, "ill"); err != nil || len(keys) != 3 || list.Met() != 2 {
				t.Errorf("listed %q, %v, after %d failures", keys, err, list.Met())
			}
			if got, err := read(t, d, "ill", "a"); err != nil || got != text || get.Met() != 2 {
				t.Errorf("read %d bytes, %v, after %d failures", len(got), err, get.Met())
			}
			wellIsWell(t, d)
		})
	}
}

// A bucket that says it is elsewhere is followed there. The bench is in one Region and refuses requests signed for another, which is then told
// as what it is, of that bucket alone; when the bucket is back, so is the source.
func TestAnotherRegion(t *testing.T) {
	for name, fault := range map[string]s3test.Reply{"redirect": s3test.Redirect("eu-west-1"), "wrong signature": s3test.WrongRegion("eu-west-1")} {
		t.Run(name, func(t *testing.T) {
			d := twoBuckets(t, nil)
			moved := d.bench.On(s3test.Rule{Op: "ListObjectsV2", Bucket: "ill", Times: 1, Do: fault})
			var e *source.Error
			if _, err := keysOf(t, d, "ill"); err != nil && (!errors.As(err, &e) || e.Bucket != "ill" || !strings.Contains(err.Error(), "Region")) {
				t.Errorf("listed in a Region where the bucket is not: %v", err)
			}
			signed := false
			for _, r := range d.bench.Requests() {
				signed = signed || strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/s3/")
			}
			if moved.Met() != 1 || !signed {
				t.Error("the bucket was not looked for where it said it was")
			}
			wellIsWell(t, d)
			if keys, err := keysOf(t, d, "ill"); err != nil || len(keys) != 3 {
				t.Errorf("afterwards listed %q, %v", keys, err)
			}
		})
	}
}

// What stays: the bucket fails alone, with the kind that fits, and works again as soon as the store does.
func TestFaultsThatStay(t *testing.T) {
	for name, test := range map[string]struct {
		do   s3test.Reply
		list source.Kind
		get  source.Kind
	}{
		"access denied":     {s3test.AccessDenied, source.AccessDenied, source.AccessDenied},
		"wrong key":         {s3test.InvalidKey, source.AccessDenied, source.AccessDenied},
		"wrong secret":      {s3test.BadSignature, source.AccessDenied, source.AccessDenied},
		"expired":           {s3test.ExpiredToken, source.Unavailable, source.Unavailable},
		"clock":             {s3test.Skewed, source.Unavailable, source.Unavailable},
		"slow down":         {s3test.SlowDown, source.Unavailable, source.Unavailable},
		"internal error":    {s3test.InternalError, source.Unavailable, source.Unavailable},
		"dropped":           {s3test.Drop, source.Unavailable, source.Unavailable},
		"cut":               {s3test.Cut(100), source.Unavailable, source.Unavailable},
		"vanished":          {s3test.NoSuchBucket, source.BucketNotFound, source.BucketNotFound},
		"nothing":           {s3test.Empty, source.Other, source.Other},
		"a page for people": {s3test.NotXML, source.Other, source.Other},
		"archived":          {s3test.InvalidObjectState, source.Other, source.Archived},
	} {
		t.Run(name, func(t *testing.T) {
			d := twoBuckets(t, func(o *s3.Options) { o.Retry.Attempts = 2 })
			list := d.bench.On(s3test.Rule{Op: "ListObjectsV2", Bucket: "ill", Do: test.do})
			get := d.bench.On(s3test.Rule{Op: "GetObject", Bucket: "ill", Do: test.do})
			var e *source.Error
			if name != "archived" {
				if keys, err := keysOf(t, d, "ill"); len(keys) > 0 || !errors.As(err, &e) || e.Kind != test.list || e.Bucket != "ill" {
					t.Errorf("listed %q, %v, want kind %q", keys, err, test.list)
				}
			}
			// An answer to GetObject is the object, whatever it says; its shape shows nothing.
			if test.get != source.Other {
				if _, err := read(t, d, "ill", "a"); !errors.As(err, &e) || e.Kind != test.get || e.Bucket != "ill" || e.Key != "a" {
					t.Errorf("read: %v, want kind %q", err, test.get)
				}
			}
			wellIsWell(t, d)
			list.Remove()
			get.Remove()
			if keys, err := keysOf(t, d, "ill"); err != nil || len(keys) != 3 {
				t.Errorf("afterwards listed %q, %v", keys, err)
			}
			if got, err := read(t, d, "ill", "a"); err != nil || got != text {
				t.Errorf("afterwards read %d bytes, %v", len(got), err)
			}
		})
	}
}

// A body that breaks off again and again is put together from its parts, each asked for where the last one ended and of the same state.
func TestCutBodies(t *testing.T) {
	d := twoBuckets(t, nil)
	d.bench.On(s3test.Rule{Op: "GetObject", Bucket: "ill", Times: 3, Do: s3test.Cut(70 << 10)})
	if got, err := read(t, d, "ill", "a"); err != nil || got != text {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	var from []string
	for _, r := range d.bench.Requests() {
		if r.Op == "GetObject" {
			from = append(from, r.Header.Get("Range"))
			if len(from) > 1 && r.Header.Get("If-Match") == "" {
				t.Error("the rest was asked for without its entity tag")
			}
		}
	}
	if len(from) != 4 || from[0] != "" {
		t.Errorf("ranges %q", from)
	}

	// The object changes while its body is broken off: no mixture.
	cut := d.bench.On(s3test.Rule{Op: "GetObject", Bucket: "ill", Times: 1, Do: s3test.Cut(1000)})
	r, err := d.Open(t.Context(), "ill", "a", source.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	d.bench.Put(t, "ill", "a", strings.ToUpper(text))
	got, err := io.ReadAll(r)
	if source.KindOf(err) != source.Changed || strings.ContainsAny(string(got), "ABCDEF") || cut.Met() != 1 {
		t.Errorf("read %d bytes, %v, want the kind %q", len(got), err, source.Changed)
	}
}

// A store that is silent costs the time of an attempt, not for ever; a caller that gives up is let go at once.
func TestHangs(t *testing.T) {
	d := twoBuckets(t, func(o *s3.Options) { o.Retry.Attempts, o.Retry.Attempt = 2, 50*time.Millisecond })
	g := s3test.NewGate()
	defer g.Open()
	list := d.bench.On(s3test.Rule{Op: "ListObjectsV2", Bucket: "ill", Do: g.Hold})
	if keys, err := keysOf(t, d, "ill"); len(keys) > 0 || source.KindOf(err) != source.Unavailable || list.Met() != 2 {
		t.Errorf("listed %q, %v in %d attempts", keys, err, list.Met())
	}
	stall := d.bench.On(s3test.Rule{Op: "GetObject", Bucket: "ill", Times: 1, Do: s3test.Stall(1000, g)})
	if got, err := read(t, d, "ill", "a"); err != nil || got != text || stall.Met() != 1 {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
	wellIsWell(t, d)

	patient := twoBuckets(t, nil)
	patient.bench.On(s3test.Rule{Op: "GetObject", Bucket: "ill", Do: g.Hold})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := patient.Open(ctx, "ill", "a", source.OpenOptions{})
		done <- err
	}()
	for r := range g.Arrived {
		if r.Op == "GetObject" && r.Header.Get("Range") == "" {
			break
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller gave up: %v", err)
	}
}

// A bucket that vanishes in the middle of its listing ends that listing; what was listed stands.
func TestBucketVanishes(t *testing.T) {
	d := twoBuckets(t, func(o *s3.Options) { o.Parallel = 1 })
	d.bench.CreateBucket(t, "long")
	objects := map[string]string{}
	for i := range 2500 {
		objects[fmt.Sprintf("%04d", i)] = ""
	}
	d.bench.Fill(t, "long", objects)
	n := 0
	var last error
	for _, err := range d.List(t.Context(), "long", source.ListOptions{}) {
		if last = err; err != nil {
			break
		}
		if n++; n == 10 {
			d.bench.DeleteBucket(t, "long")
		}
	}
	if source.KindOf(last) != source.BucketNotFound || n < 10 || n == len(objects) {
		t.Errorf("%d objects, then %v", n, last)
	}
	if _, err := read(t, d, "long", "a"); source.KindOf(err) != source.BucketNotFound && source.KindOf(err) != source.NotFound {
		t.Errorf("an object of it: %v", err)
	}
	if buckets, err := d.Buckets(t.Context()); err != nil || len(buckets) != 2 {
		t.Errorf("buckets %v, %v", buckets, err)
	}
	wellIsWell(t, d)
}

// A store that tells keys twice: each comes once.
func TestKeysListedTwice(t *testing.T) {
	d := twoBuckets(t, nil)
	d.bench.On(s3test.Rule{Op: "ListObjectsV2", Bucket: "ill", Do: s3test.Twice})
	if keys, err := keysOf(t, d, "ill"); err != nil || !slices.Equal(keys, []string{"a", "b/c", "d"}) {
		t.Errorf("listed %q, %v", keys, err)
	}
}

// Sizes up to S3's largest are told as they are.
func TestLargeSizes(t *testing.T) {
	d := twoBuckets(t, nil)
	d.bench.On(s3test.Rule{Op: "ListObjectsV2", Bucket: "ill", Do: s3test.Rewrite(func(body []byte) []byte {
		return []byte(strings.ReplaceAll(string(body), "<Size>1</Size>", "<Size>5497558138880</Size>"))
	})})
	sizes := map[string]int64{}
	for item, err := range d.List(t.Context(), "ill", source.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		sizes[item.Key] = item.Size
	}
	if sizes["d"] != 5<<40 {
		t.Errorf("sizes %v", sizes)
	}
}

// A certificate that nobody vouches for is an error that another try does not help, and sends no credentials.
func TestTLSFailure(t *testing.T) {
	d := twoBuckets(t, nil)
	endpoint, trusting := d.bench.TLS(t)
	before := len(d.bench.Requests())
	over := func(transport http.RoundTripper) *s3.Store {
		store, err := s3.New(s3.Options{Endpoint: endpoint, Region: s3test.Region, Credentials: benchKeys, Retry: quick, Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		return store
	}
	if _, err := over(nil).Buckets(t.Context()); source.KindOf(err) != source.Other || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	if n := len(d.bench.Requests()); n != before {
		t.Errorf("%d requests reached the store", n-before)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusting}}
	if buckets, err := over(transport).Buckets(t.Context()); err != nil || len(buckets) != 2 {
		t.Errorf("with a certificate that is trusted: %v, %v", buckets, err)
	}
}

// A policy of a store that does not parse, or is larger than any policy may be, is an unknown fact of its bucket and of no other.
func TestBadPolicies(t *testing.T) {
	d := twoBuckets(t, func(o *s3.Options) { o.Retry.Attempts = 2 })
	d.bench.Configure("well", source.Configuration{Policy: source.Known(`{"Version":"2012-10-17","Statement":[]}`)})
	policies := map[string]s3test.Reply{
		"no JSON": s3test.Answer(http.StatusOK, "application/json", `{"Version": "2012-10-17", "Statement": [`), "a listing": s3test.Listing,
		"empty": s3test.Empty, "denied": s3test.AccessDenied, "console": s3test.NotXML,
		"10 MB": s3test.Answer(http.StatusOK, "application/json", `{"Version":"2012-10-17","Id":"`+strings.Repeat("x", 10<<20)+`","Statement":[]}`),
	}
	for name, do := range policies {
		rule := d.bench.On(s3test.Rule{Op: "GetBucketPolicy", Bucket: "ill", Do: do})
		c, err := d.Configuration(t.Context(), "ill")
		if err != nil || c.Policy.State != source.StateUnknown || c.Policy.Reason == "" || c.Versioning.State == source.StateUnknown {
			t.Errorf("%s: policy %s %.60q, versioning %+v, error %v", name, c.Policy.State, c.Policy.Reason, c.Versioning, err)
		}
		other, err := d.Configuration(t.Context(), "well")
		if err != nil || other.Policy.State != source.StateKnown {
			t.Errorf("%s: the other bucket has policy %+v, %v", name, other.Policy, err)
		}
		rule.Remove()
	}
	if c, err := d.Configuration(t.Context(), "ill"); err != nil || c.Policy.State != source.StateAbsent {
		t.Errorf("afterwards: %+v, %v", c.Policy, err)
	}
}
