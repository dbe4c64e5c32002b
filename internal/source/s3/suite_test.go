package s3_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
	"github.com/magpie-sec/magpie/internal/source/sourcetest"
)

// A benched source reads the store of a bench.
type benched struct {
	*s3.Store
	bench *s3test.Bench
}

func (b *benched) Close() error {
	b.Store.Close()
	b.bench.Close()
	return nil
}

var benchKeys = credentials.NewStaticCredentialsProvider(s3test.AccessKey, s3test.SecretKey, "")

// onBench returns a source of a new bench.
func onBench(t testing.TB, change func(*s3.Options)) *benched {
	t.Helper()
	b := s3test.Start(t)
	opts := s3.Options{
		Endpoint: b.URL, Region: s3test.Region, Account: "123456789012", Retry: quick, Credentials: benchKeys,
		Profile: s3.Profile{Enforces: []s3.Setting{s3.RestrictPublicBuckets}},
	}
	if change != nil {
		change(&opts)
	}
	store, err := s3.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return &benched{store, b}
}

// TestServerAcceptance is the suite on a real server, whose keys are paths of files in UTF-8.
func TestServerAcceptance(t *testing.T) {
	bench := func(d source.Driver) *s3test.Bench { return d.(*benched).bench }
	sourcetest.Run(t, sourcetest.Harness{
		FileKeys: true, UTF8Keys: true, CleanedKeys: true, DeniedListed: true,
		New: func(t testing.TB, content sourcetest.Content) source.Driver {
			d := onBench(t, nil)
			for bucket, objects := range content {
				d.bench.CreateBucket(t, bucket)
				d.bench.Fill(t, bucket, objects)
			}
			return d
		},
		Put: func(t testing.TB, d source.Driver, bucket, key, body string) { bench(d).Put(t, bucket, key, body) },
		Remove: func(t testing.TB, d source.Driver, bucket, key string) {
			bench(d).Remove(t, bucket, key)
		},
		Deny: func(_ testing.TB, d source.Driver, bucket, keyOrPrefix string) {
			for _, op := range []string{"GetObject", "HeadObject"} {
				bench(d).On(s3test.Rule{Op: op, Bucket: bucket, Key: keyOrPrefix, Do: s3test.AccessDenied})
			}
		},
		DenyWrites: func(_ testing.TB, d source.Driver, bucket string) {
			bench(d).On(s3test.Rule{Op: "PutObject", Bucket: bucket, Do: s3test.AccessDenied})
		},
		Configure: func(_ testing.TB, d source.Driver, bucket string, c source.Configuration) {
			bench(d).Configure(bucket, c)
		},
		ConfigureAccount: func(_ testing.TB, d source.Driver, f source.Fact[source.PublicAccessBlock]) {
			// A store is asked for those of accounts only if it knows those of buckets.
			bench(d).Configure(sourcetest.Bucket, source.Configuration{PublicAccessBlock: source.Absent[source.PublicAccessBlock]("")})
			bench(d).ConfigureAccount(f)
		},
	})
}

// TestServerVersions: a bucket that keeps versions lists the latest of each key, and none that is deleted.
func TestServerVersions(t *testing.T) {
	d := onBench(t, nil)
	d.bench.CreateBucket(t, "kept")
	d.bench.EnableVersioning(t, "kept")
	for _, body := range []string{"one", "two", "three"} {
		d.bench.Put(t, "kept", "a", body)
	}
	d.bench.Put(t, "kept", "gone", "x")
	d.bench.Remove(t, "kept", "gone")
	var keys []string
	for item, err := range d.List(t.Context(), "kept", source.ListOptions{}) {
		if err != nil || item.Err != nil {
			t.Fatal(err, item.Err)
		}
		keys = append(keys, item.Key)
		if item.Size != int64(len("three")) {
			t.Errorf("%q is listed with size %d", item.Key, item.Size)
		}
	}
	if !slices.Equal(keys, []string{"a"}) {
		t.Errorf("listed %q", keys)
	}
	if got, err := read(t, d, "kept", "a"); err != nil || got != "three" {
		t.Errorf("the latest version reads %q, %v", got, err)
	}
	_, err := read(t, d, "kept", "gone")
	if source.KindOf(err) != source.NotFound {
		t.Errorf("a deleted object: %v", err)
	}
}

// TestServerLooseNames: what a bucket or key is called never reaches another.
func TestServerLooseNames(t *testing.T) {
	d := onBench(t, nil)
	d.bench.CreateBucket(t, "one")
	d.bench.CreateBucket(t, "two")
	d.bench.Put(t, "two", "secret", "of two")
	for _, key := range []string{"../two/secret", "./../two/secret", "a/../../two/secret", "/two/secret", "%2e%2e/two/secret"} {
		if got, err := read(t, d, "one", key); err == nil || strings.Contains(got, "of two") {
			t.Errorf("%q reads %q, %v", key, got, err)
		}
	}
}
