package macie

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// smallParts lets objects of 100 KB be read in parts of 40.
func smallParts(w *world) { w.worker.cfg.Parts = Parts{Above: 100 << 10, Block: 40 << 10} }

// largeBodies are objects in every format that splits, with values, quotes and line ends everywhere; some that do not split or may not; and
// small ones.
func largeBodies() map[string]string {
	var table, records, log, broken, names strings.Builder
	table.WriteString("id,name,ssn,notes\n")
	for i := 0; table.Len() < 220<<10; i++ {
		fmt.Fprintf(&table, "%d,Ada Lovelace,%s,\"line one\nline \"\"two\"\", %s\"\n", i, plantedSSN, strings.Repeat("x", i%97))
		fmt.Fprintf(&records, `{"id":%d,"person":{"ssn":"%s"},"text":"%s"}`+"\n", i, plantedSSN, strings.Repeat("y", i%89))
		fmt.Fprintf(&log, "2026-11-21 INFO request %d was served in 12 ms to user %d\n", i, i%7)
		if i%50 == 0 {
			fmt.Fprintf(&log, "visa card\n%s was declined\n", plantedCard)
		}
		fmt.Fprintf(&names, `{"note":"%s","ssn %03d-%02d-%04d":{"a":%d}}`+"\n", strings.Repeat("z", 60), 501+i%80, 11+i%80, 1001+i, i)
	}
	broken.WriteString("id,text\n")
	for i := 0; broken.Len() < 150<<10; i++ {
		fmt.Fprintf(&broken, "%d,plain\n", i)
	}
	// The quote of the survey's making: what it encloses ends behind the parts that it cuts.
	body := broken.String()
	body = body[:60<<10] + "\n7,\"" + body[60<<10:140<<10] + "\" x\n" + body[140<<10:] + "8," + plantedSSN + "\n"
	for log.Len() < 400<<10 {
		log.WriteString("nothing to see here, move along please\n")
	}
	return map[string]string{
		"large.csv": table.String(), "large.jsonl": records.String(), "large.log": log.String(), "large.gz.txt": strings.Repeat("x", 150<<10),
		"broken.csv": body, "names.jsonl": names.String(), "utf16.txt": "\xff\xfe" + strings.Repeat("a\x00\n\x00", 60<<10),
		"late.csv":  "id,name,ssn\n" + strings.Repeat("1,Mueller,"+plantedSSN+"\n", 5000) + "2,M\xfcller,1\n" + strings.Repeat("1,M\xfcller,"+plantedSSN+"\n", 2000),
		"small.csv": people(3), "zsmall.txt": "ssn " + plantedSSN,
	}
}

// kinds counts the shards of a kind that there are.
func (w *world) kinds(kind string) (n int64) {
	w.Helper()
	must(w, w.db.View(w.Context(), func(tx store.Tx) error {
		return store.One(w.Context(), tx, "SELECT COUNT(*) FROM shards WHERE kind = $1", []any{kind}, &n)
	}))
	return n
}

// partsLeft counts the rows that objects in parts have.
func (w *world) partsLeft() (n int64) {
	w.Helper()
	must(w, w.db.View(w.Context(), func(tx store.Tx) error {
		return store.One(w.Context(), tx, "SELECT (SELECT COUNT(*) FROM large_objects) + (SELECT COUNT(*) FROM object_parts)", nil, &n)
	}))
	return n
}

// TestParts compares a job that reads large objects in parts with one that reads them whole: findings, results, counters, the job and what the
// ledger tells to a job after it are the same to the byte.
func TestParts(t *testing.T) {
	whole := newWorld(t)
	whole.worker.cfg.Parts.Above = -1
	whole.put("bucket", largeBodies())
	whole.start()
	want := whole.outcome(whole.run("bucket"))
	if len(want.Findings) < 6 || whole.kinds(partShard) != 0 {
		t.Fatalf("%d findings, %d parts", len(want.Findings), whole.kinds(partShard))
	}
	wantAgain := whole.outcome(whole.run("bucket"))
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		smallParts(w)
		w.put("bucket", largeBodies())
		w.start()
		equal(t, "outcome", w.outcome(w.run("bucket")), want)
		surveys, parts, joins := w.kinds(surveyShard), w.kinds(partShard), w.kinds(joinShard)
		if surveys < 10 || parts < 20 || joins < 5 {
			t.Errorf("%d surveys, %d parts, %d joins", surveys, parts, joins)
		}
		if n := w.partsLeft(); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		for key, why := range map[string]string{"names.jsonl": "something was found in a name", "late.csv": "the charset could be another one"} {
			if !strings.Contains(w.log.String(), `key=`+key+` why="`+why) {
				t.Errorf("%s is not read whole because %s; log:\n%s", key, why, w.log)
			}
		}
		equal(t, "outcome of another job", w.outcome(w.run("bucket")), wantAgain)
		if w.kinds(partShard) != parts {
			t.Error("what the ledger knows was read again")
		}
	})
}

// TestPartsDisturbed disturbs a job over a large object at each of its commits, like TestDisturbed.
func TestPartsDisturbed(t *testing.T) {
	table := largeBodies()["large.csv"]
	table = table[:strings.LastIndexByte(table[:100<<10], '\n')+1] // three blocks
	bodies := map[string]string{"large.csv": table, "small.csv": people(3)}
	smallParts := func(w *world) { w.worker.cfg.Parts = Parts{Above: 70 << 10, Block: 40 << 10} }
	undisturbed, commits := disturb(t, bodies, 0, false, false, smallParts)
	if len(undisturbed.Findings) != 3 || commits < 10 {
		t.Fatalf("undisturbed: %d findings, %d commits", len(undisturbed.Findings), commits)
	}
	for at := int64(1); at <= commits; at++ {
		// Neighbouring commits are disturbed in the two ways that the other is not: TestDisturbed has every way for each.
		ways := map[string]struct{ commit, kills bool }{"lost": {false, false}, "killed behind": {true, true}}
		if at%2 == 0 {
			ways = map[string]struct{ commit, kills bool }{"made, yet unknown": {true, false}, "killed before": {false, true}}
		}
		for name, v := range ways {
			t.Run(fmt.Sprintf("commit %d %s", at, name), func(t *testing.T) {
				got, _ := disturb(t, bodies, at, v.commit, v.kills, smallParts)
				equal(t, "outcome (-undisturbed +disturbed)", got, undisturbed)
			})
		}
	}
}

// inPart fails the reading of an object once it is read in parts: the first opening, which looks whether it can be, and what is read then, pass.
func inPart(key string, fail func(n int64) error) func(step, bucket, k string) error {
	var opened atomic.Int64
	return func(step, _, k string) error {
		if k == key && step == "open" {
			opened.Add(1)
		}
		if n := opened.Load(); k == key && step == "read" && n > 1 {
			return fail(n)
		}
		return nil
	}
}

// TestPartsFail has parts that cannot be read: the object is skipped for the reason, once, and everything else is done.
func TestPartsFail(t *testing.T) {
	for name, v := range map[string]struct {
		kind source.Kind
		want string
	}{
		"changed": {source.Changed, "SKIPPED OBJECT_VERSION_MISMATCH"},
		"gone":    {source.NotFound, "SKIPPED SOURCE_OBJECT_NO_LONGER_AVAILABLE"},
		"away":    {source.Unavailable, "SKIPPED OBJECT_READ_ERROR"},
		"other":   {source.Other, "SKIPPED OBJECT_READ_ERROR"},
	} {
		for _, key := range []string{"large.csv", "large.jsonl"} {
			t.Run(name+" "+key, func(t *testing.T) {
				w := newWorld(t)
				smallParts(w)
				w.put("bucket", map[string]string{"a.csv": people(1), key: largeBodies()[key], "z.csv": people(1)})
				w.fault(inPart(key, func(n int64) error {
					if n < 5 {
						return nil
					}
					return &source.Error{Kind: v.kind, Op: "read", Err: io.ErrUnexpectedEOF}
				}))
				w.start()
				id := w.run("bucket")
				equal(t, "results", w.statuses(id), map[string]string{"a.csv": "COMPLETE", key: v.want, "z.csv": "COMPLETE"})
				if n := w.totals(id).Counters; n.Objects != 3 || n.Listed != 3 || n.Skipped != 1 || n.Classified != 2 || n.Findings != 2 {
					t.Errorf("%+v", n)
				}
				if w.errored(id) {
					t.Error("trouble with an object is shown as an error of the run")
				}
				if n := w.partsLeft(); n != 0 {
					t.Errorf("%d rows are left", n)
				}
			})
		}
	}
}

// TestPartsPassing lets every reading fail once in a way that passes.
func TestPartsPassing(t *testing.T) {
	w := newWorld(t)
	smallParts(w)
	w.put("bucket", map[string]string{"large.csv": largeBodies()["large.csv"]})
	var n atomic.Int64
	w.fault(inPart("large.csv", func(int64) error {
		if n.Add(1)%7 == 3 {
			return &source.Error{Kind: source.Unavailable, Op: "read"}
		}
		return nil
	}))
	w.start()
	id := w.run("bucket")
	equal(t, "results", w.statuses(id), map[string]string{"large.csv": "COMPLETE"})
	if c := w.totals(id).Counters; c.Objects != 1 || c.Findings != 1 || c.Bytes != int64(len(largeBodies()["large.csv"])) {
		t.Errorf("%+v", c)
	}
}

// panickingReads is a source whose readers panic from some opening of a key on.
type panickingReads struct {
	source.Driver
	opened *atomic.Int64
}

func (p panickingReads) Open(ctx context.Context, bucket, key string, o source.OpenOptions) (source.Reader, error) {
	if strings.HasPrefix(key, "large") && p.opened.Add(1) > 3 {
		panic("secret " + plantedSSN)
	}
	return p.Driver.Open(ctx, bucket, key, o)
}

func TestPartsPanic(t *testing.T) {
	w := newWorld(t)
	smallParts(w)
	w.put("bucket", map[string]string{"large.jsonl": largeBodies()["large.jsonl"], "z.csv": people(1)})
	w.sources[home] = []source.Driver{panickingReads{w.objects[home], new(atomic.Int64)}}
	w.start()
	id := w.run("bucket")
	equal(t, "results", w.statuses(id), map[string]string{"large.jsonl": "SKIPPED MALFORMED_FILE", "z.csv": "COMPLETE"})
	if log := w.log.String(); !strings.Contains(log, "panickingReads") || strings.Contains(log, plantedSSN) {
		t.Errorf("log:\n%s", log)
	}
}

// A givenUpJob is one over a large object of which a part could not be read until its shard was dead, in a world on a database that is disturbed.
type givenUpJob struct {
	*world
	id     string
	broken atomic.Bool  // the source is away when a part is read
	opened atomic.Int64 // how often parts were read
	over   func()       // waits until the run is complete
}

var givenUpBodies = func() map[string]string {
	table := largeBodies()["large.csv"]
	table = table[:strings.LastIndexByte(table[:100<<10], '\n')+1] // three blocks
	return map[string]string{"a.csv": people(1), "large.csv": table, "note.txt": "nothing here"}
}

// newGivenUp starts a job whose parts behind some opening cannot be read.
func newGivenUp(t *testing.T, url string, db *disturbed, behind int64) *givenUpJob {
	g := &givenUpJob{}
	g.broken.Store(behind > 0)
	var cfg job.Config
	g.world = newWorldOn(t, url, oneSlot, wrapDB(func(inner store.DB) store.DB {
		db.DB = inner
		return db
	}), func(_ *world, c *job.Config) {
		c.Lease = 5 * time.Second // what is tried again is found by looking
		c.MaxFailures, c.Hooks = 3, job.Hooks{}
		cfg = *c
	})
	w := g.world
	w.worker.cfg.Parts = Parts{Above: 70 << 10, Block: 40 << 10}
	w.put("bucket", givenUpBodies())
	w.objects[home].CreateBucket(source.Bucket{Name: "results"})
	must(t, w.putExport(destination("results", "")))
	w.fault(inPart("large.csv", func(n int64) error {
		g.opened.Add(1)
		if n > behind && g.broken.Load() {
			return &source.Error{Kind: source.Unavailable, Op: "read"}
		}
		return nil
	}))
	g.id = w.create(jobOver("token", "bucket"))
	ref := latestRef(w, g.id)
	complete := make(chan struct{}, 1)
	db.seen = func() {
		select {
		case complete <- struct{}{}:
		default:
		}
	}
	w.start()
	g.over = func() {
		t.Helper()
		timeout := time.After(patience)
		for {
			select {
			case <-db.struck:
				db.struck = nil
				w.engine.Abandon()
				w.engine = w.takeOver(cfg, &disturbed{DB: w.db, seen: db.seen})
			case <-complete:
				if run := getRun(w, ref); run.State == job.RunComplete {
					return
				}
			case <-timeout:
				t.Fatalf("the run is not complete; log:\n%s", w.log)
			}
		}
	}
	return g
}

func getRun(w *world, ref job.RunRef) (run job.Run) {
	w.Helper()
	must(w, w.db.View(context.Background(), func(tx store.Tx) (err error) {
		run, err = job.GetRun(context.Background(), tx, ref)
		return err
	}))
	return run
}

// retry lets the dead shards be tried again, and the source be there or still away.
func (g *givenUpJob) retry(broken bool) {
	g.Helper()
	g.broken.Store(broken)
	g.opened.Store(0)
	must(g, g.db.Update(g.Context(), func(tx store.Tx) error {
		n, err := RetryDead(g.Context(), tx, home, g.id, g.clock.Now())
		if err == nil && n == 0 {
			err = errors.New("no shard is dead")
		}
		return err
	}))
	g.engine.Wake()
}

// left is what the job leaves behind, and the files of results.
func (g *givenUpJob) left() (outcome, map[string][]string) {
	g.Helper()
	out := g.outcome(g.id)
	out.Events, out.Told = nil, nil // they tell that it was tried again
	g.export()
	files := map[string][]string{}
	for item, err := range g.objects[home].List(g.Context(), "results", source.ListOptions{}) {
		must(g, err)
		if strings.HasSuffix(item.Key, testObject) {
			continue
		}
		r, err := g.objects[home].Open(g.Context(), "results", item.Key, source.OpenOptions{})
		must(g, err)
		body, err := io.ReadAll(r)
		must(g, errors.Join(err, r.Close()))
		files[item.Key] = unzipLines(g, body)
	}
	return out, files
}

// TestPartsDead has parts of a large object die, since their source stays away: the object counts as not read, with its reason, everywhere. Once the
// source is back and they are tried again, they alone are read, and the job leaves behind what it would have without the trouble.
func TestPartsDead(t *testing.T) {
	whole := newGivenUp(t, sqliteURL(t), &disturbed{struck: make(chan struct{})}, 0)
	whole.over()
	want, wantFiles := whole.left()
	all := whole.opened.Load()
	if len(want.Findings) != 2 || want.Totals.Objects != 3 || len(wantFiles) != 3 {
		t.Fatalf("undisturbed: %+v, %d files", want, len(wantFiles))
	}
	// Behind the first opening that is of a part: of a survey. The others are of parts.
	for _, behind := range []int64{1, 3, 5, 6} {
		t.Run(fmt.Sprint("behind ", behind), func(t *testing.T) {
			onBothEngines(t, func(t *testing.T, url string) {
				g := newGivenUp(t, url, &disturbed{struck: make(chan struct{})}, behind)
				g.over()
				equal(t, "results", g.statuses(g.id), map[string]string{"a.csv": "COMPLETE", "large.csv": "SKIPPED OBJECT_READ_ERROR", "note.txt": "COMPLETE"})
				if n := g.totals(g.id).Counters; n.Objects != 3 || n.Listed != 3 || n.Skipped != 1 || n.Classified != 2 || n.Findings != 1 {
					t.Errorf("%+v", n)
				}
				if !g.errored(g.id) {
					t.Error("no error is shown")
				}
				g.export()
				g.checkExported(g.exported("results"), map[string]string{"a.csv": "COMPLETE", "large.csv": "SKIPPED OBJECT_READ_ERROR", "note.txt": "COMPLETE"})
				equal(t, "coverage", g.gaps(g.id), []string{"bucket  WORK_GIVEN_UP 0", "bucket SKIPPED OBJECT_READ_ERROR 1"})
				if events := strings.Join(g.events(g.id), "\n"); !strings.Contains(events, "Objects: 3, of which 1 could not be analysed; findings: 1.") {
					t.Errorf("events:\n%s", events)
				}

				// Another run, of another job, takes away what cancelled ones have left, and nothing else.
				must(t, g.db.Update(t.Context(), func(tx store.Tx) error { return store.DeleteLeftParts(t.Context(), tx, home) }))
				g.retry(false)
				g.over()
				got, files := g.left()
				equal(t, "outcome", got, want)
				equal(t, "files", files, wantFiles)
				equal(t, "coverage", g.gaps(g.id), nil)
				if n := g.opened.Load(); n == 0 || n > all || n == all && behind > 1 {
					t.Errorf("%d readings once it is tried again, %d of the whole", n, all)
				}
				if n := g.partsLeft(); n != 0 {
					t.Errorf("%d rows are left", n)
				}
			})
		})
	}
}

// TestPartsDeadAgain tries a dead part again while its source is still away: nothing is counted twice, and the next try ends well.
func TestPartsDeadAgain(t *testing.T) {
	g := newGivenUp(t, sqliteURL(t), &disturbed{struck: make(chan struct{})}, 5)
	g.over()
	first := g.totals(g.id).Counters
	g.retry(true)
	g.over()
	equal(t, "totals", g.totals(g.id).Counters, first)
	g.retry(false)
	g.over()
	if n := g.totals(g.id).Counters; n.Objects != 3 || n.Skipped != 0 || n.Findings != 2 {
		t.Errorf("%+v", n)
	}
}

// TestPartsDeadDisturbed disturbs such a job at each of its commits, before and after its dead shards are tried again.
func TestPartsDeadDisturbed(t *testing.T) {
	run := func(t *testing.T, at int64, commit, kills bool) (outcome, map[string][]string, int64) {
		db := &disturbed{at: at, commit: commit, kills: kills, struck: make(chan struct{})}
		g := newGivenUp(t, sqliteURL(t), db, 5)
		g.over()
		g.retry(false)
		g.over()
		if kills {
			g.engine.Abandon()
		}
		out, files := g.left()
		return out, files, db.count.Load()
	}
	want, wantFiles, commits := run(t, 0, false, true)
	if len(want.Findings) != 2 || want.Totals.Skipped != 0 || commits < 15 {
		t.Fatalf("undisturbed: %+v, %d commits", want, commits)
	}
	for at := int64(1); at <= commits; at++ {
		for name, v := range map[string]struct{ commit, kills bool }{"killed before": {false, true}, "killed behind": {true, true}} {
			t.Run(fmt.Sprintf("commit %d %s", at, name), func(t *testing.T) {
				got, files, _ := run(t, at, v.commit, v.kills)
				equal(t, "outcome (-undisturbed +disturbed)", got, want)
				equal(t, "files", files, wantFiles)
			})
		}
	}
}

// TestPartsPaused pauses and resumes a job in the middle of a large object, and cancels another there.
func TestPartsPaused(t *testing.T) {
	bodies := map[string]string{"large.csv": largeBodies()["large.csv"], "large.log": largeBodies()["large.log"]}
	whole := newWorld(t)
	whole.worker.cfg.Parts.Above = -1
	whole.put("bucket", bodies)
	whole.start()
	want := whole.run("bucket")
	w := newWorld(t)
	smallParts(w)
	w.put("bucket", bodies)
	reached, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.fault(inPart("large.csv", func(n int64) error {
		if n == 9 {
			once.Do(func() {
				close(reached)
				<-goOn
			})
		}
		return nil
	}))
	w.start()
	id := w.create(jobOver("token", "bucket"))
	<-reached
	must(t, w.set(id, macie2.JobStatusUserPaused))
	close(goOn)
	must(t, w.set(id, macie2.JobStatusRunning))
	w.wait(id)
	equal(t, "statuses", w.statuses(id), whole.statuses(want))
	equal(t, "totals", w.totals(id).Counters, whole.totals(want).Counters)
	equal(t, "detections", w.detections(id, "large.csv"), whole.detections(want, "large.csv"))

	// Of a job that is cancelled in the middle nothing is left once another meets a large object.
	w.worker.cfg.Reopen = true
	reached, goOn, once = make(chan struct{}), make(chan struct{}), sync.Once{}
	w.fault(inPart("large.csv", func(n int64) error {
		if n == 9 {
			once.Do(func() {
				close(reached)
				<-goOn
			})
		}
		return nil
	}))
	id = w.create(jobOver("cancelled", "bucket"))
	<-reached
	must(t, w.set(id, macie2.JobStatusCancelled))
	if w.partsLeft() == 0 {
		t.Error("the job was not in the middle of an object")
	}
	close(goOn)
	third := w.run("bucket")
	equal(t, "statuses", w.statuses(third), whole.statuses(want))
	if n := w.partsLeft(); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if r := w.results(id)["large.csv"]; r.Status != "" {
		t.Errorf("the cancelled job has a result: %+v", r)
	}
}
