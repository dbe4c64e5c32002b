package macie

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
)

// TestStoreFails runs a job over a real S3 server behind a proxy that fails more often than the client tries again, so that shards are tried
// again: every object is read once in effect, as in a run without faults.
func TestStoreFails(t *testing.T) {
	s3test.Start(t).Close() // the server's own goroutines are there before those of the test are counted
	w := newWorld(t, func(_ *world, c *job.Config) { c.Clock = job.SystemClock{} })
	bench := s3test.Start(t)
	store, err := s3.New(s3.Options{Endpoint: bench.URL, Region: s3test.Region, Account: home.Account, Credentials: credentials.NewStaticCredentialsProvider(s3test.AccessKey, s3test.SecretKey, ""),
		Retry: s3.Retry{Attempts: 2, Base: time.Millisecond, Max: time.Millisecond}})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	w.sources[home] = []source.Driver{store}
	const n = 40
	objects := map[string]string{}
	for i := range n {
		objects[fmt.Sprintf("%02d/people.csv", i)] = people(1 + i%4)
	}
	bench.CreateBucket(t, "shaky")
	bench.Fill(t, "shaky", objects)
	bench.Configure("shaky", plainConfiguration(""))
	var rules []*s3test.Handle
	on := func(op, key string, times int, do s3test.Reply) {
		rules = append(rules, bench.On(s3test.Rule{Op: op, Bucket: "shaky", Key: key, Times: times, Do: do}))
	}
	on("ListObjectsV2", "", 3, s3test.InternalError)
	on("GetObject", "03/people.csv", 3, s3test.SlowDown)
	on("GetObject", "11/people.csv", 5, s3test.Drop)
	on("GetObject", "20/people.csv", 5, s3test.Cut(20))
	on("GetObject", "29/people.csv", 3, s3test.BadGateway)
	on("GetObject", "39/people.csv", 3, s3test.InternalError)
	w.start()
	id := w.create(jobOver("token", "shaky"))
	run := w.wait(id)
	if run.ErrorCode != "" {
		t.Errorf("the run ended with %s: %s", run.ErrorCode, run.ErrorMessage)
	}
	for i, rule := range rules {
		if rule.Met() < 2 {
			t.Errorf("fault %d was met %d times", i, rule.Met())
		}
	}
	equal(t, "results", len(w.results(id)), n)
	for key, status := range w.statuses(id) {
		equal(t, key, status, "COMPLETE")
	}
	equal(t, "findings", len(w.findingsOf(id)), n)
	if totals := w.totals(id); totals.Objects != n || totals.Listed != n || totals.Classified != n || totals.Findings != n || totals.Dead != 0 {
		t.Errorf("%+v", totals)
	}
}

// TestRequestsOfAJob counts what a job asks of a store, for docs/scale.md: an object is asked for once, and by a second job not at all.
func TestRequestsOfAJob(t *testing.T) {
	s3test.Start(t).Close()
	w := newWorld(t)
	bench := s3test.Start(t)
	store, err := s3.New(s3.Options{Endpoint: bench.URL, Region: s3test.Region, Account: home.Account, Credentials: credentials.NewStaticCredentialsProvider(s3test.AccessKey, s3test.SecretKey, "")})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	w.sources[home] = []source.Driver{store}
	const n = 50
	objects := map[string]string{}
	for i := range n {
		objects[fmt.Sprintf("%02d.csv", i)] = people(1)
	}
	bench.CreateBucket(t, "counted")
	bench.Fill(t, "counted", objects)
	w.start()
	w.run("counted")
	equal(t, "GetObject", bench.Count("GetObject", "counted"), n)
	equal(t, "HeadObject", bench.Count("HeadObject", "counted"), 0)
	equal(t, "ListObjectsV2", bench.Count("ListObjectsV2", "counted"), 1)
	w.run("counted")
	equal(t, "GetObject of a second job", bench.Count("GetObject", "counted"), n)
	equal(t, "ListObjectsV2 of both", bench.Count("ListObjectsV2", "counted"), 2)
}
