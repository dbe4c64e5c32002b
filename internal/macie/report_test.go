package macie

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// A reporter is a source whose listings of the bucket "b" come from a report, where that is allowed.
type reporter struct {
	source.Driver
	report source.Report
	items  []source.Item
	uses   []source.ReportUse
	jobs   bool // scheduled ones may read it
	// breaks, if not 0, is after how many items of the report the source is away, and the report is gone.
	breaks int
}

func (r *reporter) Unwrap() source.Driver { return r.Driver }

// make makes a report of what there is now.
func (r *reporter) make(t testing.TB, begun time.Time) {
	t.Helper()
	r.report, r.items = source.Report{Name: "report of " + begun.Format(time.RFC3339), Begun: begun}, nil
	for item, err := range r.Driver.List(t.Context(), "b", source.ListOptions{}) {
		must(t, err)
		r.items = append(r.items, item)
	}
}

func (r *reporter) List(ctx context.Context, bucket string, opts source.ListOptions) iter.Seq2[source.Item, error] {
	if opts.Report == nil || r.report.Name == "" || opts.Report.Use == source.ForScheduledJobs && !r.jobs || !opts.Report.After.IsZero() && !r.report.Sure().After(opts.Report.After) {
		return r.Driver.List(ctx, bucket, opts)
	}
	return func(yield func(source.Item, error) bool) {
		r.uses = append(r.uses, opts.Report.Use)
		if opts.Report.Told != nil {
			opts.Report.Told(r.report)
		}
		for i, item := range r.items {
			if r.breaks > 0 && i == r.breaks {
				r.report = source.Report{}
				yield(source.Item{}, &source.Error{Kind: source.Unavailable, Op: "list", Bucket: bucket})
				return
			}
			if item.Key > opts.After && strings.HasPrefix(item.Key, opts.Prefix) && !yield(item, nil) {
				return
			}
		}
	}
}

// TestDiscoveryFromReports chooses among what reports tell: what they do not know of yet is met later, what was seen after them is not forgotten
// for them, and what has changed or is gone meanwhile is skipped and met again.
func TestDiscoveryFromReports(t *testing.T) {
	d := newDiscoverer(t, sqliteURL(t), 100, 1<<20)
	r := &reporter{Driver: d.sources[home][0]}
	d.sources[home][0] = r
	put := func(key, body string) {
		d.objects[home].Put("b", source.Object{Key: key, LastModified: d.clock.Now()}, []byte(body))
	}
	d.objects[home].CreateBucket(source.Bucket{Name: "b"})
	d.start()
	d.watcher.Look(t.Context())
	d.setDiscovery(discoveryOn, "")
	statistics := func() *macie2.ResourceStatistics { return d.profile("b").Statistics }

	// Day 1, from a listing: a and b.
	put("a.csv", people(1))
	put("b.csv", people(1))
	equal(t, "day 1", d.day(), []string{"b/a.csv", "b/b.csv"})

	// Day 2: the report was begun before that and knows of neither, but of an older state of a.
	put("a.csv", "x")
	r.make(t, d.clock.Now().Add(-time.Hour))
	put("a.csv", people(1))
	r.items = r.items[:1]
	equal(t, "day 2: what was seen after the report began is known", d.day(), []string(nil))
	equal(t, "still sensitive", *statistics().TotalItemsSensitive, 2)

	// Day 3: the report tells of c, which has changed since, of e, which is gone, and not of d, which is new.
	put("c.csv", people(1))
	put("e.csv", people(1))
	d.clock.Advance(48 * time.Hour)
	r.make(t, d.clock.Now())
	put("c.csv", people(2))
	put("d.csv", people(1))
	d.objects[home].Remove("b", "e.csv")
	equal(t, "day 3", d.day(), []string{"b/c.csv", "b/e.csv"})
	equal(t, "the object that has changed is skipped", *statistics().TotalItemsSkipped, 1)
	equal(t, "and nothing of it is found", *statistics().TotalItemsSensitive, 2)

	// Day 4, a day later: it is met as it is now, and so is what was new.
	r.make(t, d.clock.Now().Add(23*time.Hour))
	equal(t, "day 4", d.day(), []string{"b/c.csv", "b/d.csv"})
	equal(t, "nothing is skipped", *statistics().TotalItemsSkipped, 0)
	equal(t, "sensitive", *statistics().TotalItemsSensitive, 4)

	// What is gone from a report that is late enough is gone.
	d.objects[home].Remove("b", "a.csv")
	d.clock.Advance(48 * time.Hour)
	r.make(t, d.clock.Now())
	equal(t, "day 6", d.day(), []string(nil))
	equal(t, "what is gone does not count", *statistics().TotalItemsSensitive, 3)
	if log := d.log.String(); !strings.Contains(log, r.report.Name) {
		t.Error("the log does not name the report")
	}

	// A job lists, and sees what there is.
	before := len(r.uses)
	id := d.run("b")
	equal(t, "a job's objects", len(d.results(id)), 3)
	equal(t, "reports that it asked for", len(r.uses), before)
}

// TestCountsFromReports counts the objects of a bucket of a real S3 server by the report that a configuration has delivered, and by the listing
// when there is no good one.
func TestCountsFromReports(t *testing.T) {
	s3test.Start(t).Close() // the server's own goroutines are there before those of the test are counted
	w := newWorld(t)
	bench := s3test.Start(t)
	driver, err := s3.New(s3.Options{Endpoint: bench.URL, Region: s3test.Region, Account: home.Account,
		Credentials: credentials.NewStaticCredentialsProvider(s3test.AccessKey, s3test.SecretKey, ""),
		Retry:       s3.Retry{Attempts: 2, Base: time.Millisecond, Max: time.Millisecond},
		Reports:     s3.Reports{MaxAge: 36 * time.Hour, Least: -1, Folder: t.TempDir(), Now: w.clock.Now}})
	must(t, err)
	t.Cleanup(func() { must(t, driver.Close()) })
	w.sources[home] = []source.Driver{driver}
	watcher := w.watched(time.Minute, time.Minute)
	for _, name := range []string{"data", "reports"} {
		bench.CreateBucket(t, name)
		bench.Configure(name, plainConfiguration(""))
	}
	bench.ConfigureAccount(source.Absent[source.PublicAccessBlock](""))
	bench.Fill(t, "data", map[string]string{"a.csv": people(1), "b.csv": people(1)})
	count := func() (int64, *macie2.ObjectCountByEncryptionType) {
		t.Helper()
		w.clock.Advance(time.Minute)
		watcher.Look(t.Context())
		m := w.stored()["data"]
		if m.ErrorMessage != nil {
			t.Error(*m.ErrorMessage)
		}
		return wire.Value(m.ObjectCount), m.ObjectCountByEncryptionType
	}
	bench.On(s3test.Rule{Op: "ListBucketInventoryConfigurations", Do: s3test.Document(s3test.Configurations())}) // the server has none
	n, _ := count()
	equal(t, "listed", n, int64(2))
	at := w.clock.Now().UTC()
	object := func(key, encryption string) source.Object {
		return source.Object{Key: key, Size: 10, ETag: "x", LastModified: at, StorageClass: "STANDARD", Encryption: source.Encryption{Type: encryption}}
	}
	bench.Deliver(t, &s3test.InventoryReport{Bucket: "data", Destination: "reports", ID: "all", Begun: at.Truncate(time.Minute), Files: [][]s3test.InventoryRow{
		s3test.Rows(object("a.csv", "aws:kms"), object("c.csv", "AES256")), s3test.Rows(object("b.csv", "AES256"))}})
	n, by := count()
	equal(t, "by the report", n, int64(3))
	equal(t, "encrypted by S3", *by.S3Managed, int64(2))
	denied := bench.On(s3test.Rule{Op: "GetObject", Bucket: "reports", Do: s3test.AccessDenied})
	n, _ = count()
	equal(t, "listed, since the report is denied", n, int64(2))
	denied.Remove()
	n, _ = count()
	equal(t, "by the report again", n, int64(3))
	w.clock.Advance(36 * time.Hour)
	n, _ = count()
	equal(t, "listed, since the report is old", n, int64(2))
}

// TestScheduledJobFromReports runs a job over reports: each run analyses what the report tells as it still is, the next one what was made or changed
// since, and nothing is analysed twice, also when a run goes on in another way than it began.
func TestScheduledJobFromReports(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		r := &reporter{Driver: w.sources[home][0], jobs: true}
		w.sources[home][0] = r
		put := func(key string, n int) {
			w.objects[home].Put("b", source.Object{Key: key, LastModified: w.clock.Now()}, []byte(people(n)))
		}
		w.objects[home].CreateBucket(source.Bucket{Name: "b"})
		w.start()
		for _, key := range []string{"a.csv", "b.csv", "c.csv", "d.csv"} {
			put(key, 1)
		}
		w.clock.Advance(3 * day)
		r.make(t, w.clock.Now())
		w.clock.Advance(6 * time.Hour)
		put("b.csv", 2)                      // has changed since
		w.objects[home].Remove("b", "c.csv") // is gone
		put("e.csv", 1)                      // is new
		w.clock.Advance(time.Hour)
		id := w.create(onSchedule("token", everyDay, true, "b"))
		w.wait(id)
		equal(t, "uses of reports", fmt.Sprint(r.uses), fmt.Sprint([]source.ReportUse{source.ForScheduledJobs}))
		equal(t, "findings of the first run", fmt.Sprint(w.findingsOf(id)), "[a.csv d.csv]")
		results := w.results(id)
		equal(t, "what has changed", results["b.csv"].Reason, reasonChanged)
		equal(t, "what is gone", results["c.csv"].Reason, reasonGone)

		// The next day there is no newer report: the run lists, from where the report began.
		w.due(day)
		w.wait(id)
		equal(t, "findings of two runs", fmt.Sprint(w.findingsOf(id)), "[a.csv b.csv d.csv e.csv]")

		// Two days on a report tells enough; the source goes away in the middle of it, and the run goes on by listing. What was made between them
		// is the next run's where the report was read, and is not lost.
		put("f.csv", 1)
		put("g.csv", 1)
		w.clock.Advance(3 * day)
		r.make(t, w.clock.Now())
		r.breaks = len(r.items) - 1
		put("0.csv", 1) // before the place where it breaks off
		put("z.csv", 1) // behind it
		before := len(r.uses)
		w.due(time.Hour)
		w.wait(id)
		equal(t, "the report was read", len(r.uses) > before, true)
		equal(t, "findings of three runs", fmt.Sprint(w.findingsOf(id)), "[a.csv b.csv d.csv e.csv f.csv g.csv z.csv]")
		r.breaks = 0
		w.due(day)
		w.wait(id)
		equal(t, "findings of four runs", fmt.Sprint(w.findingsOf(id)), "[0.csv a.csv b.csv d.csv e.csv f.csv g.csv z.csv]")
		w.due(day)
		w.wait(id)
		equal(t, "nothing is analysed again", len(w.results(id)), 0)

		// A job that runs once lists.
		before = len(r.uses)
		r.make(t, w.clock.Now().Add(-time.Hour))
		once := w.run("b")
		equal(t, "a job that runs once", len(w.results(once)), 8)
		equal(t, "reports that it read", len(r.uses), before)
	})
}
