package macie

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
	"github.com/magpie-sec/magpie/internal/source/sourcetest"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// errored says what a job's Describe shows of trouble with its buckets.
func (w *world) errored(id string) bool {
	w.Helper()
	out := w.describe(id)
	equal(w, "status", out.JobStatus, macie2.JobStatusComplete)
	return out.LastRunErrorStatus.Code == macie2.LastRunErrorStatusCodeError
}

// TestBucketErrors runs jobs over buckets that are not there or may not be listed: the others are done, and the job says that there was an
// error.
func TestBucketErrors(t *testing.T) {
	denied := func(step, bucket, _ string) error {
		if step == "list" && bucket == "denied" {
			return &source.Error{Kind: source.AccessDenied, Op: "list", Bucket: bucket}
		}
		if step == "buckets" {
			return &source.Error{Kind: source.AccessDenied, Op: "buckets"} // listing buckets is a permission of its own
		}
		return nil
	}
	w := newWorld(t)
	w.put("good", map[string]string{"people.csv": people(1)})
	w.put("denied", map[string]string{"people.csv": people(1)})
	w.fault(denied)
	w.start()
	if w.errored(w.run("good")) {
		t.Error("a job without trouble shows an error")
	}
	for _, bucket := range []string{"missing", "denied"} {
		id := w.run(bucket, "good")
		if !w.errored(id) {
			t.Errorf("a job over a %s bucket shows no error", bucket)
		}
		equal(t, "results", w.statuses(id), map[string]string{"people.csv": "COMPLETE"})
		list, err := w.service.ListClassificationJobs(w.ctx, &macie2.ListClassificationJobsInput{MaxResults: wire.Ptr[int64](1)})
		must(t, err)
		equal(t, "error of the summary", list.Items[0].LastRunErrorStatus.Code, macie2.LastRunErrorStatusCodeError)
	}
	equal(t, "findings", len(w.findings(home, nil)), 3)
}

// TestListingBreaksOff lets the listing of a bucket fail for good in its middle: what was listed is done.
func TestListingBreaksOff(t *testing.T) {
	w := newWorld(t)
	w.put("bucket", map[string]string{"a.csv": people(1), "b.csv": people(1), "c.csv": people(1)})
	w.fault(func(step, bucket, key string) error {
		if step == "item" && key == "b.csv" {
			return &source.Error{Kind: source.AccessDenied, Op: "list", Bucket: bucket}
		}
		return nil
	})
	w.start()
	id := w.run("bucket")
	if !w.errored(id) {
		t.Error("no error is shown")
	}
	equal(t, "results", w.statuses(id), map[string]string{"a.csv": "COMPLETE"})
}

// TestUnavailable lets every step fail once in a way that passes: nothing is lost and nothing is counted twice.
func TestUnavailable(t *testing.T) {
	w := newWorld(t)
	bodies := map[string]string{}
	want := map[string]string{}
	for i := range 10 {
		key := fmt.Sprintf("%d.csv", i)
		bodies[key], want[key] = people(i+1), "COMPLETE"
	}
	w.put("bucket", bodies)
	var mu sync.Mutex
	seen := map[string]bool{}
	w.fault(func(step, bucket, key string) error {
		mu.Lock()
		defer mu.Unlock()
		if place := step + " " + key; !seen[place] {
			seen[place] = true
			return &source.Error{Kind: source.Unavailable, Op: step, Bucket: bucket, Key: key, Err: &net.OpError{Op: "read", Err: errors.New("reset")}}
		}
		return nil
	})
	w.start()
	id := w.run("bucket")
	if w.errored(id) {
		t.Error("trouble that passed is shown as an error")
	}
	equal(t, "results", w.statuses(id), want)
	equal(t, "findings", len(w.findings(home, nil)), 10)
	if n := w.totals(id).Counters; n.Listed != 10 || n.Objects != 10 || n.Findings != 10 {
		t.Errorf("%+v", n)
	}
	equal(t, "steps that failed", len(seen), 1+1+10+10+10)
}

// TestStuck has an object whose reading never works and one at which every worker dies: both are given up, and nothing but them.
func TestStuck(t *testing.T) {
	w := newWorld(t)
	bodies := map[string]string{}
	want := map[string]string{}
	for i := range 10 {
		key := fmt.Sprintf("%d.csv", i)
		bodies[key], want[key] = people(1), "COMPLETE"
	}
	want["4.csv"], want["7.csv"] = "SKIPPED OBJECT_READ_ERROR", "SKIPPED OBJECT_READ_ERROR"
	w.put("bucket", bodies)
	w.fault(func(step, bucket, key string) error {
		if step == "read" && (key == "4.csv" || key == "7.csv") {
			return &source.Error{Kind: source.Unavailable, Op: step, Bucket: bucket, Key: key}
		}
		return nil
	})
	w.start()
	id := w.run("bucket")
	equal(t, "results", w.statuses(id), want)
	equal(t, "findings", len(w.findings(home, nil)), 8)
	if n := w.totals(id).Counters; n.Objects != 10 || n.Skipped != 2 {
		t.Errorf("%+v", n)
	}
}

// panicking is a source whose readers panic for some keys.
type panicking struct {
	source.Driver
	key string
}

func (p panicking) Open(ctx context.Context, bucket, key string, o source.OpenOptions) (source.Reader, error) {
	if key == p.key {
		panic("secret " + plantedSSN)
	}
	return p.Driver.Open(ctx, bucket, key, o)
}

func TestPanic(t *testing.T) {
	w := newWorld(t)
	w.put("bucket", map[string]string{"a.csv": people(1), "b.csv": people(1), "c.csv": people(1)})
	w.sources[home] = []source.Driver{panicking{w.objects[home], "b.csv"}}
	w.start()
	id := w.run("bucket")
	equal(t, "results", w.statuses(id), map[string]string{"a.csv": "COMPLETE", "b.csv": "SKIPPED MALFORMED_FILE", "c.csv": "COMPLETE"})
	if log := w.log.String(); !strings.Contains(log, "b.csv") || !strings.Contains(log, "panicking.Open") || strings.Contains(log, plantedSSN) {
		t.Errorf("log:\n%s", log)
	}
	if w.errored(id) {
		t.Error("a panic over an object is shown as an error of the run")
	}
}

// TestChanges changes the bucket between its listing and the reading of its objects.
func TestChanges(t *testing.T) {
	w := newWorld(t)
	w.put("bucket", map[string]string{"changed.csv": people(1), "gone.csv": people(1), "same.csv": people(1)})
	var once sync.Once
	w.fault(func(step, bucket, _ string) error {
		if step == "open" {
			once.Do(func() {
				w.objects[home].Put(bucket, source.Object{Key: "changed.csv"}, []byte(people(2)))
				w.objects[home].Remove(bucket, "gone.csv")
			})
		}
		return nil
	})
	w.start()
	id := w.run("bucket")
	equal(t, "results", w.statuses(id), map[string]string{
		"changed.csv": "SKIPPED OBJECT_VERSION_MISMATCH", "gone.csv": "SKIPPED SOURCE_OBJECT_NO_LONGER_AVAILABLE", "same.csv": "COMPLETE"})
	equal(t, "findings", slices.Collect(maps.Keys(w.found())), []string{"same.csv"})
	if w.errored(id) {
		t.Error("trouble with objects is shown as trouble with the bucket")
	}
}

// TestReadFails lets the store fail for good in the middle of an object.
func TestReadFails(t *testing.T) {
	w := newWorld(t)
	w.put("bucket", map[string]string{"a.csv": people(1), "b.csv": people(1)})
	w.fault(func(step, _, key string) error {
		if step == "read" && key == "a.csv" {
			return &source.Error{Kind: source.Other, Op: step, Err: io.ErrUnexpectedEOF}
		}
		return nil
	})
	w.start()
	equal(t, "results", w.statuses(w.run("bucket")), map[string]string{"a.csv": "SKIPPED OBJECT_READ_ERROR", "b.csv": "COMPLETE"})
}

// TestUnlisted lists what is no object, and folders that may not be entered, while the listing is taken up again and again.
func TestUnlisted(t *testing.T) {
	w := newWorld(t)
	w.put("bucket", map[string]string{"a.csv": people(1), "closed/1.csv": people(1), "closed/2.csv": people(1), "z.csv": people(1)})
	w.objects[home].Deny("bucket", "closed/")
	failed := false
	w.fault(func(step, bucket, key string) error {
		if step == "item" && key == "z.csv" && !failed {
			failed = true
			return &source.Error{Kind: source.Unavailable, Op: "list", Bucket: bucket}
		}
		return nil
	})
	w.start()
	id := w.run("bucket")
	equal(t, "results", w.statuses(id), map[string]string{"a.csv": "COMPLETE", "closed/": "SKIPPED PERMISSION_DENIED", "z.csv": "COMPLETE"})
	if n := w.totals(id).Counters; n.Listed != 3 || n.Objects != 3 || n.Skipped != 1 {
		t.Errorf("a prefix was counted again: %+v", n)
	}
}

// TestFolder runs a job over a folder with odd names, a link and a pipe.
func TestFolder(t *testing.T) {
	root := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(root, "bucket", "deep"), 0o755))
	for _, name := range []string{"plain.csv", "deep/a b ü.csv", "\xff\xfe.csv"} {
		must(t, os.WriteFile(filepath.Join(root, "bucket", name), []byte(people(1)), 0o644))
	}
	must(t, os.Symlink("plain.csv", filepath.Join(root, "bucket", "link.csv")))
	estate, err := folder.Estate(root)
	must(t, err)
	t.Cleanup(func() { must(t, estate.Close()) })
	w := newWorld(t)
	w.sources[home] = []source.Driver{estate}
	w.start()
	id := w.run("bucket")
	equal(t, "results", w.statuses(id), map[string]string{
		"plain.csv": "COMPLETE", "deep/a b ü.csv": "COMPLETE", "\xff\xfe.csv": "COMPLETE", "link.csv": "SKIPPED UNSUPPORTED_FILE_TYPE_EXCEPTION"})
	if w.errored(id) {
		t.Error("a link is shown as an error of the run")
	}
	var keys []string
	for key := range w.found() {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	equal(t, "keys of findings", keys, []string{"deep/a b ü.csv", "plain.csv", "\uFFFD.csv"})
}

// TestSampling draws the same sample however often it is drawn, of about the right size.
func TestSampling(t *testing.T) {
	const n = 2000
	bodies := map[string]string{}
	for i := range n {
		bodies[fmt.Sprintf("%d", i)] = ""
	}
	w := newWorld(t)
	w.put("bucket", bodies)
	w.start()
	in := jobOver("token", "bucket")
	in.SamplingPercentage = wire.Ptr[int64](30)
	id := w.create(in)
	w.wait(id)
	got := len(w.results(id))
	// Within six standard deviations of the binomial distribution.
	if spread := 6 * math.Sqrt(n*0.3*0.7); math.Abs(float64(got)-n*0.3) > spread {
		t.Errorf("%d of %d objects were drawn", got, n)
	}
	totals := w.totals(id)
	if totals.Listed != int64(got) || totals.Objects != int64(got) {
		t.Errorf("%+v", totals.Counters)
	}
	j, err := (&jobCache{cfg: w.worker.cfg}).get(t.Context(), &job.Attempt{Run: latestRef(w, id)})
	must(t, err)
	for key := range bodies {
		if _, drawn := w.results(id)[key]; drawn != j.samples(key) {
			t.Fatalf("%s: %v, then %v", key, drawn, j.samples(key))
		}
		break
	}
	again := jobOver("another", "bucket")
	again.SamplingPercentage = in.SamplingPercentage
	second := w.create(again)
	w.wait(second)
	if slices.Equal(slices.Sorted(maps.Keys(w.results(id))), slices.Sorted(maps.Keys(w.results(second)))) {
		t.Error("two jobs drew the same sample")
	}
}

// TestIdentifiers runs a job for chosen identifiers only.
func TestIdentifiers(t *testing.T) {
	body := "ssn " + plantedSSN + "\nvisa card " + plantedCard + "\naws_secret_access_key=" + plantedSecret + "\nDE89370400440532013000\n"
	for name, v := range map[string]struct {
		selector macie2.ManagedDataIdentifierSelector
		ids      []string
		want     []string
	}{
		"absent":      {"", nil, []string{"AWS_CREDENTIALS", "CREDIT_CARD_NUMBER", "USA_SOCIAL_SECURITY_NUMBER"}},
		"RECOMMENDED": {macie2.ManagedDataIdentifierSelectorRecommended, nil, []string{"AWS_CREDENTIALS", "CREDIT_CARD_NUMBER", "USA_SOCIAL_SECURITY_NUMBER"}},
		"ALL":         {macie2.ManagedDataIdentifierSelectorAll, nil, []string{"AWS_CREDENTIALS", "CREDIT_CARD_NUMBER", "GERMANY_BANK_ACCOUNT_NUMBER", "USA_SOCIAL_SECURITY_NUMBER"}},
		"INCLUDE":     {macie2.ManagedDataIdentifierSelectorInclude, []string{"GERMANY_BANK_ACCOUNT_NUMBER"}, []string{"GERMANY_BANK_ACCOUNT_NUMBER"}},
		"EXCLUDE":     {macie2.ManagedDataIdentifierSelectorExclude, []string{"CREDIT_CARD_NUMBER", "AWS_CREDENTIALS"}, []string{"GERMANY_BANK_ACCOUNT_NUMBER", "USA_SOCIAL_SECURITY_NUMBER"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.put("bucket", map[string]string{"a.txt": body})
			w.start()
			in := jobOver("token", "bucket")
			in.ManagedDataIdentifierSelector, in.ManagedDataIdentifierIds = v.selector, v.ids
			w.wait(w.create(in))
			equal(t, "found", w.found(), map[string][]string{"a.txt": v.want})
		})
	}
}

// TestManySources gives an account two sources; a bucket is looked for in both.
func TestManySources(t *testing.T) {
	w := newWorld(t)
	w.put("here", map[string]string{"a.csv": people(1)})
	w.putFor(other, "there", map[string]string{"b.csv": people(1)})
	w.putFor(other, "here", map[string]string{"shadowed.csv": people(1)})
	w.sources[home] = append(w.sources[home], w.objects[other])
	w.start()
	id := w.run("here", "there")
	equal(t, "results", w.statuses(id), map[string]string{"a.csv": "COMPLETE", "b.csv": "COMPLETE"})
	if w.errored(id) || !w.errored(w.run("nowhere")) {
		t.Error("errors of the runs are wrong")
	}
	out, err := w.service.DescribeBuckets(w.ctx, &macie2.DescribeBucketsInput{})
	must(t, err)
	equal(t, "buckets", len(out.Buckets), 2)
	if !strings.Contains(w.log.String(), "two sources have a bucket of this name") {
		t.Error("the log does not mention the bucket that two sources have")
	}
}

// TestSourceGone takes the source away between the listing and the work on the objects.
func TestSourceGone(t *testing.T) {
	w := newWorld(t, oneSlot)
	w.put("bucket", map[string]string{"a.csv": people(1)})
	w.putFor(other, "unrelated", nil)
	calls := 0
	w.sources[home] = []source.Driver{
		&sourcetest.Faulty{Driver: w.objects[home], Fault: func(step, _, _ string) error {
			if calls++; step == "buckets" && calls > 3 { // found once to be listed, once for the inventory
				return &source.Error{Kind: source.AccessDenied, Op: "buckets"}
			}
			return nil
		}},
		w.objects[other],
	}
	w.start()
	equal(t, "results", w.statuses(w.run("bucket")), map[string]string{"a.csv": "SKIPPED PERMISSION_DENIED"})
}

// TestUnknownShard has shards that this version cannot do: they die and the job says so.
func TestUnknownShard(t *testing.T) {
	w := newWorld(t)
	id := w.create(jobOver("token", "bucket"))
	must(t, w.db.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), "UPDATE shards SET kind = 'riddle'")
		return err
	}))
	w.start()
	run := w.wait(id)
	equal(t, "error code", run.ErrorCode, job.ErrorShardsDead)
	if !w.errored(id) {
		t.Error("the job shows no error")
	}
}

// TestManyPages lists more objects than a page holds.
func TestManyPages(t *testing.T) {
	const n = 2*pageObjects + 7
	bodies := make(map[string]string, n)
	for i := range n {
		bodies[fmt.Sprintf("%05d.txt", i)] = "ssn " + plantedSSN
	}
	w := newWorld(t)
	w.put("bucket", bodies)
	w.start()
	id := w.run("bucket")
	equal(t, "results", len(w.results(id)), n)
	equal(t, "findings", len(w.findings(home, nil)), n)
	if totals := w.totals(id); totals.Objects != n || totals.Findings != n || totals.Listed != n {
		t.Errorf("%+v", totals.Counters)
	}
}
