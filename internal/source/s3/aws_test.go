package s3_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
)

// amazon plays Amazon S3 behind its real host names: one account with a bucket in each of two Regions.
type amazon struct {
	mu    sync.Mutex
	hosts []string
	// silent leaves the Regions out of the listing of buckets.
	silent bool
}

// RoundTrip implements http.RoundTripper.
func (a *amazon) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	a.hosts = append(a.hosts, r.Method+" "+r.URL.Host)
	a.mu.Unlock()
	status, body, header := a.answer(r)
	return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Body: io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)), Request: r}, nil
}

func (a *amazon) answer(r *http.Request) (status int, body string, header http.Header) {
	header = http.Header{}
	regions := map[string]string{"near": "us-east-1", "far.away": "ap-southeast-2", "far": "eu-south-1"}
	bucket, rest, virtual := strings.Cut(r.URL.Host, ".s3.")
	if !virtual {
		var service string
		service, rest, _ = strings.Cut(r.URL.Host, ".")
		switch {
		case service == "sts":
			return 200, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, header
		case service == "123456789012":
			return 200, `<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls></PublicAccessBlockConfiguration>`, header
		}
		bucket, _, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	}
	if bucket == "" {
		body := `<ListAllMyBucketsResult><Owner><ID>me</ID></Owner><Buckets>`
		for _, name := range []string{"far", "far.away", "near"} {
			body += "<Bucket><Name>" + name + "</Name>"
			if !a.silent {
				body += "<BucketRegion>" + regions[name] + "</BucketRegion>"
			}
			body += "</Bucket>"
		}
		return 200, body + "</Buckets></ListAllMyBucketsResult>", header
	}
	home, ok := regions[bucket]
	if !ok {
		return 404, errorBody("NoSuchBucket"), header
	}
	header.Set("X-Amz-Bucket-Region", home)
	if region, _, _ := strings.Cut(rest, "."); region != home {
		if r.Method == "HEAD" {
			return 301, "", header
		}
		return 301, errorBody("PermanentRedirect"), header
	}
	return 200, `<ListBucketResult><Contents><Key>k</Key></Contents></ListBucketResult>`, header
}

func TestAllRegions(t *testing.T) {
	for _, silent := range []bool{false, true} {
		a := &amazon{silent: silent}
		store, err := s3.New(s3.Options{Region: "us-east-1", Credentials: testKeys, Transport: a, Retry: quick})
		if err != nil {
			t.Fatal(err)
		}
		buckets, err := store.Buckets(t.Context())
		if err != nil || len(buckets) != 3 {
			t.Fatalf("buckets %v, %v", buckets, err)
		}
		for _, b := range buckets {
			for range 2 {
				keys := 0
				for _, err := range store.List(t.Context(), b.Name, source.ListOptions{}) {
					if err != nil {
						t.Fatalf("%s: %v", b.Name, err)
					}
					keys++
				}
				if keys != 1 {
					t.Errorf("%s has %d keys", b.Name, keys)
				}
			}
		}
		want := []string{"GET s3.us-east-1.amazonaws.com", "GET far.s3.eu-south-1.amazonaws.com", "GET far.s3.eu-south-1.amazonaws.com",
			"GET s3.ap-southeast-2.amazonaws.com", "GET s3.ap-southeast-2.amazonaws.com", "GET near.s3.us-east-1.amazonaws.com", "GET near.s3.us-east-1.amazonaws.com"}
		if silent {
			// Each bucket is looked for at home, once.
			want = slices.Insert(want, 3, "GET s3.us-east-1.amazonaws.com")
			want = slices.Insert(want, 1, "GET far.s3.us-east-1.amazonaws.com")
		}
		if !slices.Equal(a.hosts, want) {
			t.Errorf("Regions silent %v: asked\n%s\nwant\n%s", silent, strings.Join(a.hosts, "\n"), strings.Join(want, "\n"))
		}
		if f := store.AccountPublicAccessBlock(t.Context()); f != source.Known(source.PublicAccessBlock{IgnorePublicACLs: true}) {
			t.Errorf("the account's block is %+v", f)
		}
		if last := a.hosts[len(a.hosts)-1]; last != "GET 123456789012.s3-control.us-east-1.amazonaws.com" {
			t.Errorf("asked %s for the account's block", last)
		}
	}
}

func TestBucketsOfSomeRegions(t *testing.T) {
	a := &amazon{}
	names := func(o s3.Options) (names []string) {
		o.Credentials, o.Transport, o.Retry, o.Region = testKeys, a, quick, "us-east-1"
		store, err := s3.New(o)
		if err != nil {
			t.Fatal(err)
		}
		buckets, err := store.Buckets(t.Context())
		if err != nil {
			t.Error(err)
		}
		for _, b := range buckets {
			names = append(names, b.Name+" "+b.Region)
		}
		return names
	}
	if got, want := names(s3.Options{Regions: []string{"eu-south-1", "ap-southeast-2"}}), []string{"far eu-south-1", "far.away ap-southeast-2"}; !slices.Equal(got, want) {
		t.Errorf("buckets %q, want %q", got, want)
	}
	// Chosen buckets are located; one that is not there stays, so that it shows.
	got := names(s3.Options{Buckets: []string{"near", "far", "missing"}, Regions: []string{"eu-south-1"}})
	if want := []string{"far eu-south-1", "missing "}; !slices.Equal(got, want) {
		t.Errorf("buckets %q, want %q", got, want)
	}
	a.hosts = nil
	if got, want := names(s3.Options{Buckets: []string{"near", "far"}}), []string{"far ", "near "}; !slices.Equal(got, want) || len(a.hosts) != 0 {
		t.Errorf("buckets %q, want %q, and nothing asked but %q", got, want, a.hosts)
	}
}
