package macie

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// stored returns the inventory of home as it is, without a reading.
func (w *world) stored() map[string]macie2.BucketMetadata {
	w.Helper()
	byName := map[string]macie2.BucketMetadata{}
	must(w, w.db.View(w.ctx, func(tx store.Tx) error {
		names, err := store.BucketNames(w.ctx, tx, home)
		must(w, err)
		all, err := (&standing{}).read(w.ctx, tx, home, names)
		for _, m := range all {
			byName[*m.BucketName] = m
		}
		return err
	}))
	return byName
}

// watched makes the world's service one that is watched.
func (w *world) watched(refresh, recount time.Duration) *Watcher {
	w.service.cfg.Refresh, w.service.cfg.Recount = refresh, recount
	w.service.inventory.cfg = w.service.cfg
	return NewWatcher(w.service)
}

// TestWatcher reads inventories when they are due: at once for a new session, then by schedule, and counts objects more rarely.
func TestWatcher(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		watcher := w.watched(15*time.Minute, 24*time.Hour)
		w.put("first", map[string]string{"a.csv": "x"})
		var listed atomic.Int64
		w.fault(func(step, _, _ string) error {
			if step == "list" {
				listed.Add(1)
			}
			return nil
		})
		check := func(what, names string, lists, objects int64) {
			t.Helper()
			watcher.Look(t.Context())
			all := w.stored()
			var got []string
			for _, name := range []string{"first", "second"} {
				if _, ok := all[name]; ok {
					got = append(got, name)
				}
			}
			equal(t, what+": buckets", strings.Join(got, " "), names)
			equal(t, what+": listings", listed.Load(), lists)
			equal(t, what+": objects", wire.Value(all["first"].ObjectCount), objects)
		}
		check("at once", "first", 1, 1)
		w.put("first", map[string]string{"a.csv": "x", "b.csv": "y"})
		w.put("second", nil)
		check("not due", "first", 1, 1)
		w.clock.Advance(15 * time.Minute)
		check("due: the new bucket is counted", "first second", 2, 1)
		equal(t, "read at", *w.stored()["first"].LastUpdated, wire.TimeOf(w.clock.Now()))
		w.clock.Advance(24 * time.Hour)
		check("a day later", "first second", 4, 2)
		_, err := w.service.UpdateMacieSession(w.ctx, &macie2.UpdateMacieSessionInput{Status: macie2.MacieStatusPaused})
		must(t, err)
		w.clock.Advance(48 * time.Hour)
		check("suspended", "first second", 4, 2)
		equal(t, "a request while suspended", len(w.buckets(macie2.DescribeBucketsInput{})), 2)
		equal(t, "listings for it", listed.Load(), 4)
		_, err = w.service.DisableMacie(w.ctx, &macie2.DisableMacieInput{})
		must(t, err)
		check("disabled", "", 4, 0)
		w.enable(home)
		check("a new session", "first second", 6, 2)
	})
}

// TestWatcherRuns starts and stops one, which reads as soon as Macie is enabled.
func TestWatcherRuns(t *testing.T) {
	w := newWorld(t)
	_, err := w.service.DisableMacie(w.ctx, &macie2.DisableMacieInput{})
	must(t, err)
	watcher := w.watched(time.Hour, time.Hour)
	w.put("first", nil)
	must(t, watcher.Stop(t.Context()))
	must(t, watcher.Start(t.Context()))
	if watcher.Start(t.Context()) == nil {
		t.Error("it started twice")
	}
	w.enable(home)
	for end := time.Now().Add(patience); len(w.stored()) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing was read")
		}
	}
	must(t, watcher.Stop(t.Context()))
}

// TestOneWatcher has two watchers on one database: while one reads, the other leaves the tenant alone; one that died does not keep it for ever.
func TestOneWatcher(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		first := w.watched(15*time.Minute, time.Hour)
		second := NewWatcher(w.service)
		w.put("b", map[string]string{"a.csv": "x"})
		held, goOn := make(chan struct{}), make(chan struct{})
		var readings atomic.Int64
		w.fault(func(step, _, _ string) error {
			if step == "buckets" && readings.Add(1) == 1 {
				close(held)
				<-goOn
			}
			return nil
		})
		done := make(chan error)
		go func() { done <- first.refresh(t.Context(), home) }()
		<-held
		if err := second.refresh(t.Context(), home); !errors.Is(err, errClaimed) {
			t.Errorf("the second: %v", err)
		}
		equal(t, "readings", readings.Load(), 1)
		w.clock.Advance(claimFor + time.Millisecond) // as if the first had died
		must(t, second.refresh(t.Context(), home))
		equal(t, "readings", readings.Load(), 2)
		equal(t, "objects", *w.stored()["b"].ObjectCount, 1)
		close(goOn)
		if err := <-done; !errors.Is(err, errClaimed) {
			t.Errorf("the first, whose claim is gone: %v", err)
		}
		must(t, first.refresh(t.Context(), home))
		equal(t, "not due", readings.Load(), 2)
	})
}

// TestBucketsFailAlone has buckets in every trouble beside a good one, and sees them recover.
func TestBucketsFailAlone(t *testing.T) {
	w := newWorld(t)
	kinds := map[string]source.Kind{"away": source.Unavailable, "denied": source.AccessDenied, "gone": source.BucketNotFound, "broken": source.Other}
	for name := range kinds {
		w.put(name, map[string]string{"a.csv": "x"})
	}
	w.put("good", map[string]string{"a.csv": "x"})
	trouble := true
	w.fault(func(step, bucket, _ string) error {
		if kind, ok := kinds[bucket]; ok && trouble && step == "list" {
			return &source.Error{Kind: kind, Op: step, Bucket: bucket}
		}
		return nil
	})
	watcher := w.watched(time.Minute, time.Minute)
	look := func() map[string]macie2.BucketMetadata {
		w.clock.Advance(time.Minute)
		watcher.Look(t.Context())
		return w.stored()
	}
	for name, m := range look() {
		kind, bad := kinds[name]
		if objects, _ := messages(&m); bad != (objects != "") || bad != (m.ObjectCount == nil) || (kind == source.AccessDenied) != (m.ErrorCode == macie2.BucketMetadataErrorCodeAccessDenied) {
			t.Errorf("%s", wire.Marshal(&m))
		}
		if bad && !strings.Contains(*m.ErrorMessage, kind.String()) {
			t.Errorf("%s: %s", name, *m.ErrorMessage)
		}
	}
	trouble = false
	const nobodyKnows = accessUnknown + "bucket policy, ACL, public access block, public access block of the account, ownership controls, replication."
	for name, m := range look() {
		// Of this source nobody knows who has access.
		if wire.Value(m.ErrorMessage) != nobodyKnows || m.ErrorCode != "" || wire.Value(m.ObjectCount) != 1 {
			t.Errorf("%s has not recovered: %s", name, wire.Marshal(&m))
		}
	}
	trouble = true
	before := w.clock.Now()
	all := look()
	if m := all["away"]; wire.Value(m.ErrorMessage) != nobodyKnows || *m.LastUpdated != wire.TimeOf(before) || *m.ObjectCount != 1 {
		t.Errorf("a bucket that is away keeps what was read: %s", wire.Marshal(&m))
	}
	if m := all["denied"]; m.ErrorCode != macie2.BucketMetadataErrorCodeAccessDenied || m.ObjectCount != nil {
		t.Errorf("%s", wire.Marshal(&m))
	}
	if m := all["good"]; *m.LastUpdated != wire.TimeOf(w.clock.Now()) {
		t.Errorf("%s", wire.Marshal(&m))
	}
}

// TestUnlistedKeys counts what can be listed and says that something is missing.
func TestUnlistedKeys(t *testing.T) {
	w := newWorld(t)
	w.put("b", map[string]string{"a.csv": "x", "secret/b.csv": "x"})
	w.objects[home].Deny("b", "secret/")
	m := w.buckets(macie2.DescribeBucketsInput{})[0]
	if *m.ObjectCount != 1 || m.ErrorCode != "" || !strings.Contains(wire.Value(m.ErrorMessage), "1 keys or prefixes") {
		t.Errorf("%s", wire.Marshal(&m))
	}
	w.watched(time.Minute, time.Hour).Look(t.Context())
	again := w.stored()["b"]
	equal(t, "message kept with the counts", wire.Value(again.ErrorMessage), *m.ErrorMessage)
}

// A generated source has buckets full of objects that are made up as they are listed.
type generated struct{ buckets, objects int }

func (g generated) Buckets(context.Context) ([]source.Bucket, error) {
	var all []source.Bucket
	for i := range g.buckets {
		all = append(all, source.Bucket{Name: fmt.Sprintf("bucket-%05d", i)})
	}
	return all, nil
}

func (g generated) List(ctx context.Context, _ string, _ source.ListOptions) iter.Seq2[source.Item, error] {
	return func(yield func(source.Item, error) bool) {
		modified := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		extensions := []string{"csv", "json", "png", "gz", "txt"}
		for i := range g.objects {
			o := source.Object{Key: fmt.Sprintf("y=%04d/part-%08d.%s", i%1000, i, extensions[i%len(extensions)]), Size: int64(i), ETag: "e", LastModified: modified, StorageClass: "STANDARD"}
			if !yield(source.Item{Object: o}, nil) {
				return
			}
		}
	}
}

func (generated) Open(_ context.Context, bucket, key string, _ source.OpenOptions) (source.Reader, error) {
	return nil, &source.Error{Kind: source.NotFound, Op: "open", Bucket: bucket, Key: key}
}

func (generated) AccountPublicAccessBlock(context.Context) source.Fact[source.PublicAccessBlock] {
	return source.Absent[source.PublicAccessBlock]("")
}

func (generated) Configuration(_ context.Context, bucket string) (source.Configuration, error) {
	return plainConfiguration(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::` + bucket +
		`","arn:aws:s3:::` + bucket + `/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`), nil
}

// plainConfiguration is that of a bucket with a policy ("" for none) and nothing special.
func plainConfiguration(policy string) source.Configuration {
	c := source.Configuration{
		Owner: source.Known(source.Owner{ID: "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be", DisplayName: "owner"}), Versioning: source.Known(false),
		Tags: source.Absent[[]source.Tag](""), Encryption: source.Known("AES256"), KMSKey: source.Absent[string](""), Policy: source.Absent[string](""),
		ACL: source.Known([]source.Grant{}), PublicAccessBlock: source.Absent[source.PublicAccessBlock](""), Ownership: source.Known("BucketOwnerEnforced"),
		Replication: source.Absent[[]source.ReplicationRule](""),
	}
	if policy != "" {
		c.Policy = source.Known(policy)
	}
	return c
}

// BenchmarkInventory reads 1,000 buckets with ten million objects, and once more without counting. MB is the largest heap seen.
func BenchmarkInventory(b *testing.B) {
	look := func(b *testing.B, w *world, watcher *Watcher) {
		w.clock.Advance(time.Minute)
		watcher.Look(b.Context())
		b.StopTimer()
		equal(b, "buckets", len(w.stored()), 1000)
		b.StartTimer()
	}
	make := func(b *testing.B) (*world, *Watcher) {
		w := newWorld(b)
		w.sources[home] = []source.Driver{generated{1000, 10_000}}
		return w, w.watched(time.Minute, 24*time.Hour)
	}
	b.Run("first", func(b *testing.B) {
		defer largestHeap(b)()
		for b.Loop() {
			w, watcher := make(b)
			look(b, w, watcher)
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		w, watcher := make(b)
		look(b, w, watcher)
		defer largestHeap(b)()
		for b.Loop() {
			look(b, w, watcher)
		}
	})
}

// largestHeap watches the heap until what it returns is called, which reports it in MB.
func largestHeap(b *testing.B) func() {
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		for {
			select {
			case <-stop:
				peak <- most
				return
			case <-time.After(10 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	}()
	return func() {
		close(stop)
		most := <-peak
		b.ReportMetric(float64(most)/(1<<20), "MB")
		if most > 200<<20 { // the goal of all that is measured so
			b.Errorf("the heap was as large as %d MB", most>>20)
		}
	}
}

// BenchmarkDescribeBuckets asks for a page of 50 of 10,000 buckets, by some criteria and in some order.
func BenchmarkDescribeBuckets(b *testing.B) {
	w := newWorld(b)
	w.sources[home] = []source.Driver{generated{10_000, 1}}
	w.watched(time.Minute, 24*time.Hour).Look(b.Context())
	for name, in := range map[string]macie2.DescribeBucketsInput{
		"all":        {},
		"by size":    {SortCriteria: &macie2.BucketSortCriteria{AttributeName: wire.Ptr("sizeInBytes"), OrderBy: macie2.OrderByDesc}},
		"not public": {Criteria: map[string]macie2.BucketCriteriaAdditionalProperties{"publicAccess.effectivePermission": {Eq: []string{"NOT_PUBLIC"}}}},
		"none": {Criteria: map[string]macie2.BucketCriteriaAdditionalProperties{
			"tags.key": {Eq: []string{"team"}}, "objectCount": {Gt: wire.Ptr[int64](0)}, "jobDetails.isDefinedInJob": {Eq: []string{"FALSE"}}}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				out, err := w.service.DescribeBuckets(w.ctx, &in)
				must(b, err)
				if (len(out.Buckets) == 50) != (name != "none") {
					b.Fatal(len(out.Buckets))
				}
			}
		})
	}
	b.Run("statistics", func(b *testing.B) {
		for b.Loop() {
			out, err := w.service.GetBucketStatistics(w.ctx, &macie2.GetBucketStatisticsInput{})
			must(b, err)
			if *out.BucketCount != 10_000 {
				b.Fatal(*out.BucketCount)
			}
		}
	})
}
