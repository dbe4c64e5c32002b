package macie

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

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

// TestPartsDead lets the shard of a part die: the object is skipped, and the job shows an error.
func TestPartsDead(t *testing.T) {
	w := newWorld(t, oneSlot)
	smallParts(w)
	w.put("bucket", map[string]string{"large.jsonl": largeBodies()["large.jsonl"], "z.csv": people(1)})
	var once sync.Once
	w.fault(inPart("large.jsonl", func(n int64) error {
		once.Do(func() {
			must(t, w.db.Update(context.Background(), func(tx store.Tx) error {
				_, err := tx.Exec(context.Background(), "UPDATE shards SET kind = 'riddle' WHERE kind = 'part' AND state = 'ready'")
				return err
			}))
		})
		return nil
	}))
	w.start()
	id := w.run("bucket")
	equal(t, "results", w.statuses(id), map[string]string{"large.jsonl": "SKIPPED OBJECT_READ_ERROR", "z.csv": "COMPLETE"})
	if !w.errored(id) {
		t.Error("no error is shown")
	}
	if n := w.partsLeft(); n != 0 {
		t.Errorf("%d rows are left", n)
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
	equal(t, "detections", string(w.results(id)["large.csv"].Detections), string(whole.results(want)["large.csv"].Detections))

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
