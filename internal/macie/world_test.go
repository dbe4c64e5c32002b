package macie

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/job/inproc"
	"github.com/magpie-sec/magpie/internal/job/jobtest"
	"github.com/magpie-sec/magpie/internal/job/riverq"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/pgtest"
	"github.com/magpie-sec/magpie/internal/publish"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/memory"
	"github.com/magpie-sec/magpie/internal/source/sourcetest"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/open"
	"github.com/magpie-sec/magpie/internal/store/open/opentest"
	"github.com/magpie-sec/magpie/internal/store/storetest"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
	"github.com/magpie-sec/magpie/internal/wire/pagetoken"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// The values that the tests plant. The number of the card passes its check and is no issuer's test number; the others are invented.
const (
	plantedSSN    = "536-90-4399"
	plantedCard   = "4532015112830366"
	plantedSecret = "kX9fQ2mZ7vB4nT8wL1cR6yH3jD5gS0pAeUiOqWzE"
)

var (
	home    = store.Tenant{Account: "123456789012", Region: "eu-west-1"}
	other   = store.Tenant{Account: "210987654321", Region: "eu-west-1"}
	abroad  = store.Tenant{Account: "123456789012", Region: "us-east-1"}
	tenants = []store.Tenant{home, other, abroad}
)

// patience is how long a test waits for what must happen. It is far beyond what a loaded machine needs.
const patience = 5 * time.Minute

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// as returns the context of a request of a tenant.
func as(ctx context.Context, t store.Tenant) context.Context {
	return wire.WithCaller(ctx, wire.Caller{Account: t.Account, Region: t.Region, Partition: "aws"})
}

// A world is a service with its worker and engine over stores in memory, one for each tenant.
type world struct {
	testing.TB
	ctx     context.Context // of a request of the tenant home
	clock   *jobtest.Clock
	db      store.DB
	engine  *job.Engine
	service *Service
	outbox  *publish.Outbox
	worker  *Worker
	objects map[store.Tenant]*memory.Store
	sources Sources
	log     *logBuffer

	finished chan job.Run // runs that are complete
	ids      atomic.Int64
}

// logBuffer is a log that tests look into.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// adjust changes what a world is made of before it is made.
type adjust func(*world, *job.Config)

// wrapDB puts another database in front of the world's for the engine and the worker.
func wrapDB(wrap func(store.DB) store.DB) adjust {
	return func(w *world, c *job.Config) { c.DB = wrap(w.db) }
}

func oneSlot(_ *world, c *job.Config) { c.Slots = 1 }

func sqliteURL(t testing.TB) string { return opentest.SQLite(t) }

// newWorld makes a world on SQLite in which Macie is enabled for home.
func newWorld(t testing.TB, adjusts ...adjust) *world { return newWorldOn(t, sqliteURL(t), adjusts...) }

func newWorldOn(t testing.TB, url string, adjusts ...adjust) *world {
	t.Helper()
	if _, isTest := t.(*testing.T); isTest {
		jobtest.LeaveNothing(t)
	}
	db, err := open.Open(t.Context(), url, open.Options{})
	must(t, err)
	db = storetest.MayConflict(db)
	t.Cleanup(func() { must(t, db.Close()) })
	w := &world{TB: t, ctx: as(t.Context(), home), clock: jobtest.NewClock(), db: db, objects: map[store.Tenant]*memory.Store{},
		sources: Sources{}, log: &logBuffer{}, finished: make(chan job.Run, 100)}
	for _, tenant := range tenants {
		w.objects[tenant] = &memory.Store{}
		w.sources[tenant] = []source.Driver{w.objects[tenant]}
	}
	cfg := job.Config{
		DB: db, Slots: 2, Lease: 30 * time.Second, Backoff: job.Backoff{Base: time.Millisecond, Max: 2 * time.Millisecond},
		Random: func() float64 { return 0 }, Logger: slog.New(slog.NewTextHandler(w.log, nil)),
		Hooks: job.Hooks{Complete: func(r job.Run) { w.finished <- r }},
	}
	for _, a := range adjusts {
		a(w, &cfg)
	}
	w.outbox = publish.NewOutbox(publish.Route{Sink: "bus", Kinds: []publish.Kind{publish.EventBridge}},
		publish.Route{Sink: "hub", Kinds: []publish.Kind{publish.SecurityHub}}, publish.Route{Sink: "log", Kinds: []publish.Kind{publish.JobLog}})
	w.worker = NewWorker(WorkerConfig{DB: cfg.DB, Sources: w.sources, Now: w.clock.Now, Outbox: w.outbox,
		Extractor: &extract.Extractor{Formats: formats.All(), Spool: classify.Spool(t.TempDir())}})
	cfg.Handler = w.worker
	if cfg.Dispatcher == nil {
		cfg.Dispatcher, err = dispatcherOf(db)
		must(t, err)
	}
	w.engine, err = job.New(cfg)
	must(t, err)
	t.Cleanup(func() { must(t, w.engine.Stop(context.Background())) })
	tokens, err := pagetoken.New(bytes.Repeat([]byte{7}, pagetoken.MinKey))
	must(t, err)
	w.service, err = New(Config{DB: db, Engine: w.engine, Sources: w.sources, Tokens: tokens, Now: w.clock.Now, Outbox: w.outbox,
		NewID: func() string { return fmt.Sprintf("%032x", w.ids.Add(1)) }, Log: slog.New(slog.NewTextHandler(w.log, nil))})
	must(t, err)
	w.enable(home)
	return w
}

func dispatcherOf(db store.DB) (job.Dispatcher, error) {
	if pooled, ok := db.(interface{ Pool() *pgxpool.Pool }); ok {
		return riverq.New(pooled.Pool(), nil)
	}
	return inproc.New(job.SystemClock{}), nil
}

func (w *world) enable(t store.Tenant) {
	w.Helper()
	_, err := w.service.EnableMacie(as(w.Context(), t), &macie2.EnableMacieInput{})
	must(w, err)
}

// start lets the engine work.
func (w *world) start() {
	w.Helper()
	must(w, w.engine.Start(w.Context()))
}

// put makes a bucket of home with objects.
func (w *world) put(bucket string, bodies map[string]string) { w.putFor(home, bucket, bodies) }

func (w *world) putFor(t store.Tenant, bucket string, bodies map[string]string) {
	w.objects[t].CreateBucket(source.Bucket{Name: bucket, Region: t.Region, Created: w.clock.Now().Add(-time.Hour)})
	for key, body := range bodies {
		w.objects[t].Put(bucket, source.Object{Key: key, LastModified: w.clock.Now().Add(-time.Minute)}, []byte(body))
	}
}

// jobOver returns a request for a job over buckets of home.
func jobOver(token string, buckets ...string) *macie2.CreateClassificationJobInput {
	return &macie2.CreateClassificationJobInput{
		ClientToken: wire.Ptr(token), Name: wire.Ptr("job " + token), JobType: macie2.JobTypeOneTime,
		S3JobDefinition: &macie2.S3JobDefinition{
			BucketDefinitions: []macie2.S3BucketDefinitionForJob{{AccountId: wire.Ptr(home.Account), Buckets: buckets}},
		},
	}
}

// create makes a job of home and returns its id.
func (w *world) create(in *macie2.CreateClassificationJobInput) string {
	w.Helper()
	out, err := w.service.CreateClassificationJob(w.ctx, in)
	must(w, err)
	return *out.JobId
}

// run makes a job over buckets and waits until it is complete.
func (w *world) run(buckets ...string) string {
	w.Helper()
	id := w.create(jobOver(fmt.Sprint("token ", w.ids.Add(1)), buckets...))
	w.wait(id)
	return id
}

// wait waits until a job's run is complete.
func (w *world) wait(id string) job.Run {
	w.Helper()
	timeout := time.After(patience)
	for {
		select {
		case r := <-w.finished:
			if r.JobID == id {
				return r
			}
		case <-timeout:
			w.Fatalf("job %s is not complete; log:\n%s", id, w.log)
		}
	}
}

func (w *world) describe(id string) *macie2.DescribeClassificationJobOutput {
	w.Helper()
	out, err := w.service.DescribeClassificationJob(w.ctx, &macie2.DescribeClassificationJobInput{JobId: &id})
	must(w, err)
	return out
}

func (w *world) set(id string, status macie2.JobStatus) error {
	_, err := w.service.UpdateClassificationJob(w.ctx, &macie2.UpdateClassificationJobInput{JobId: &id, JobStatus: status})
	return err
}

// results returns the object results of a job's run by key.
func (w *world) results(id string) map[string]store.Result {
	w.Helper()
	var rows []store.Result
	must(w, w.db.View(w.Context(), func(tx store.Tx) (err error) {
		rows, err = store.Results(w.Context(), tx, home, id, latestRef(w, id).RunID, store.ResultPlace{}, 100000)
		return err
	}))
	byKey := map[string]store.Result{}
	for _, r := range rows {
		byKey[string(r.Key)] = r
	}
	return byKey
}

// detections returns what the finding of an object says was found in it by a job.
func (w *world) detections(id, key string) string {
	w.Helper()
	got, err := w.service.GetFindings(w.ctx, &macie2.GetFindingsInput{FindingIds: []string{w.results(id)[key].FindingID}})
	must(w, err)
	if len(got.Findings) != 1 {
		w.Fatalf("%d findings of %s", len(got.Findings), key)
	}
	return string(wire.Marshal(got.Findings[0].ClassificationDetails.Result))
}

// latestRef names the latest run of a job of home; of a job that is gone, that of a one-time job.
func latestRef(w *world, id string) job.RunRef {
	w.Helper()
	row := store.Job{ID: id, RunKey: onlyRun}
	err := w.db.View(w.Context(), func(tx store.Tx) error {
		stored, err := store.GetJob(w.Context(), tx, home, id)
		if err == nil {
			row = stored
		}
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		must(w, err)
	}
	return latestRun(home, row)
}

// statuses returns status and reason of the results of a job's run by key.
func (w *world) statuses(id string) map[string]string {
	w.Helper()
	out := map[string]string{}
	for key, r := range w.results(id) {
		out[key] = r.Status
		if r.Reason != "" {
			out[key] += " " + r.Reason
		}
	}
	return out
}

func (w *world) totals(id string) job.Totals {
	w.Helper()
	var totals job.Totals
	must(w, w.db.View(w.Context(), func(tx store.Tx) (err error) {
		totals, err = job.RunTotals(w.Context(), tx, latestRef(w, id))
		return err
	}))
	return totals
}

// findings returns all findings of a tenant that meet criteria, by the API's own calls.
func (w *world) findings(t store.Tenant, criteria *macie2.FindingCriteria) []macie2.Finding {
	w.Helper()
	ctx := as(w.Context(), t)
	list := &macie2.ListFindingsInput{FindingCriteria: criteria}
	var all []macie2.Finding
	for {
		out, err := w.service.ListFindings(ctx, list)
		must(w, err)
		got, err := w.service.GetFindings(ctx, &macie2.GetFindingsInput{FindingIds: out.FindingIds})
		must(w, err)
		all = append(all, got.Findings...)
		if list.NextToken = out.NextToken; out.NextToken == nil {
			return all
		}
	}
}

// found returns the types of sensitive data found in the objects of home, by key.
func (w *world) found() map[string][]string {
	w.Helper()
	byKey := map[string][]string{}
	for _, f := range w.findings(home, nil) {
		key := *f.ResourcesAffected.S3Object.Key
		if byKey[key] != nil {
			w.Errorf("two findings for %s", key)
		}
		for _, item := range f.ClassificationDetails.Result.SensitiveData {
			for _, d := range item.Detections {
				byKey[key] = append(byKey[key], *d.Type)
			}
		}
	}
	return byKey
}

// refused checks that an error is one for the client: of a kind, with a text that holds fragment.
func refused(t testing.TB, err error, kind wire.Kind, fragment string) {
	t.Helper()
	var e *wire.Error
	if !errors.As(err, &e) || e.Kind != kind || !bytes.Contains([]byte(e.Message), []byte(fragment)) {
		t.Errorf("error is %v, want %s: ...%s...", err, kind, fragment)
	}
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// onBothEngines runs a test on SQLite with the dispatcher of one process and on PostgreSQL with River.
func onBothEngines(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, sqliteURL(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, opentest.Postgres(t)) })
}

// hold makes the first reading of an object wait: it closes held when it has begun and goes on once goOn is closed.
func (w *world) hold(bucket, key string, held chan<- struct{}, goOn <-chan struct{}) {
	var once sync.Once
	w.fault(func(step, b, k string) error {
		if step == "open" && b == bucket && k == key {
			once.Do(func() {
				close(held)
				<-goOn
			})
		}
		return nil
	})
}

// fault lets the source of home fail where fn says so. It may be called while no job works only.
func (w *world) fault(fn func(step, bucket, key string) error) {
	w.sources[home] = []source.Driver{&sourcetest.Faulty{Driver: w.objects[home], Fault: fn}}
}
