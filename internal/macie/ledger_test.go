package macie

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/managed"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// An openings counts which objects of home are opened.
type openings struct {
	mu   sync.Mutex
	keys []string
}

func countOpenings(w *world) *openings {
	o := &openings{}
	w.fault(func(step, bucket, key string) error {
		if step == "open" && bucket == "bucket" {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.keys = append(o.keys, key)
		}
		return nil
	})
	return o
}

// take returns the keys that were opened since it was asked last.
func (o *openings) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	keys := slices.Sorted(slices.Values(o.keys))
	o.keys = nil
	return slices.Clip(keys)
}

// foundBy returns a job's findings without what makes them its own, by key.
func (w *world) foundBy(id string) map[string]string {
	w.Helper()
	out := map[string]string{}
	for _, f := range w.findings(home, nil) {
		if *f.ClassificationDetails.JobId != id {
			continue
		}
		f.Id, f.ClassificationDetails.JobId, f.ClassificationDetails.JobArn, f.ClassificationDetails.DetailedResultsLocation = nil, nil, nil, nil
		out[*f.ResourcesAffected.S3Object.Key] = string(wire.Marshal(&f))
	}
	return out
}

// TestUnchanged: a second job over a bucket opens what is new or changed, forgets what is gone, and says the same as a job that opens everything.
func TestUnchanged(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		bodies := map[string]string{"picture.ico": "\x00\x00\x01\x00", "empty": "", "broken.gz": "\x1f\x8b\x08\x00garbage"}
		for i := range 2500 {
			bodies[fmt.Sprintf("%04d.csv", i)] = "id\n" + fmt.Sprint(i)
			if i%100 == 0 {
				bodies[fmt.Sprintf("%04d.csv", i)] = people(i%3 + 1)
			}
		}
		w.put("bucket", bodies)
		o := countOpenings(w)
		w.start()
		first := w.run("bucket")
		equal(t, "opened at first", len(o.take()), len(bodies))

		again := w.run("bucket")
		equal(t, "opened again", o.take(), []string(nil))
		equal(t, "findings", w.foundBy(again), w.foundBy(first))
		equal(t, "counters", w.totals(again).Counters, w.totals(first).Counters)

		w.objects[home].Put("bucket", source.Object{Key: "0100.csv"}, []byte("id\nnothing any more"))
		w.objects[home].Put("bucket", source.Object{Key: "0101.csv"}, []byte(people(2)))
		w.objects[home].Put("bucket", source.Object{Key: "0101.csv.new"}, []byte("id\n1"))
		w.objects[home].Remove("bucket", "0200.csv")
		w.objects[home].Remove("bucket", "zzz")
		w.objects[home].Remove("bucket", "picture.ico")
		third := w.run("bucket")
		equal(t, "opened after changes", o.take(), []string{"0100.csv", "0101.csv", "0101.csv.new"})
		w.worker.cfg.Reopen = true
		everything := w.run("bucket")
		equal(t, "opened on demand", len(o.take()), len(bodies)-1)
		equal(t, "findings after changes", w.foundBy(third), w.foundBy(everything))
		equal(t, "counters after changes", w.totals(third).Counters, w.totals(everything).Counters)
		w.worker.cfg.Reopen = false
		equal(t, "entries", w.ledgerKeys("bucket"), len(bodies)-1)

		// What is stored in another class cannot be read any more, whatever was known; what comes back as it was is known.
		w.objects[home].Put("bucket", source.Object{Key: "0300.csv", StorageClass: "GLACIER"}, []byte(bodies["0300.csv"]))
		w.objects[home].Put("bucket", source.Object{Key: "0301.csv", StorageClass: "GLACIER"}, []byte(bodies["0301.csv"]))
		cold := w.run("bucket")
		equal(t, "opened of archived objects", o.take(), []string(nil))
		if r := w.results(cold); r["0300.csv"].Reason != reasonStorageClass || r["0301.csv"].Reason != reasonStorageClass {
			t.Errorf("archived objects have %+v", r["0300.csv"])
		}
	})
}

// ledgerKeys counts the objects that the ledger of home knows in a bucket.
func (w *world) ledgerKeys(bucket string) int {
	w.Helper()
	keys := map[string]bool{}
	must(w, w.db.View(w.Context(), func(tx store.Tx) error {
		return store.Ledger(w.Context(), tx, home, bucket, store.LedgerPlace{}, 1<<30, func(e *store.LedgerEntry) error {
			keys[string(e.Key)] = true
			return nil
		})
	}))
	return len(keys)
}

// TestLedgerOfDeniedPrefix: what cannot be listed for a while is not forgotten.
func TestLedgerOfDeniedPrefix(t *testing.T) {
	w := newWorld(t)
	w.put("bucket", map[string]string{"a": "1", "shut/b": "2", "shut/c": "3", "z": "4"})
	w.start()
	w.run("bucket")
	kept := w.ledgerKeys("bucket")
	w.objects[home].Deny("bucket", "shut/")
	w.run("bucket")
	if got := w.ledgerKeys("bucket"); got != kept || kept != 4 {
		t.Errorf("%d entries are left of %d", got, kept)
	}
}

// A rules test is a job's identifiers and allow lists.
type jobRules struct {
	managed []string // nil: all
	custom  []string
	lists   []string
}

func (w *world) runBy(r jobRules) string {
	w.Helper()
	in := jobOver(fmt.Sprint("token ", w.ids.Add(1)), "bucket")
	in.ManagedDataIdentifierSelector = macie2.ManagedDataIdentifierSelectorAll
	if r.managed != nil {
		in.ManagedDataIdentifierSelector, in.ManagedDataIdentifierIds = macie2.ManagedDataIdentifierSelectorInclude, r.managed
		if len(r.managed) == 0 {
			in.ManagedDataIdentifierSelector, in.ManagedDataIdentifierIds = macie2.ManagedDataIdentifierSelectorNone, nil
		}
	}
	in.CustomDataIdentifierIds, in.AllowListIds = r.custom, r.lists
	id := w.create(in)
	w.wait(id)
	return id
}

// TestChangedRules: a job opens what its rules could tell something else of than those before it, and says what a job that opens everything does.
func TestChangedRules(t *testing.T) {
	w := newWorld(t)
	w.put("lists", map[string]string{"words.txt": "TCK-000001\n", "nowhere.txt": "no such value\n", "names.txt": plantedSSN + "\n"})
	bodies := map[string]string{
		"both.txt": "my ssn is " + plantedSSN + " and my visa card " + plantedCard, "card.txt": "visa card " + plantedCard,
		"empty": "", "picture.ico": "\x00\x00\x01\x00", "plain.txt": "nothing to see", "ssn.csv": people(20), "tickets.txt": ticketsIn(1, 3),
		"path.json": `{"my ssn ` + plantedSSN + `": [{"card number": "` + plantedCard + `"}]}`,
	}
	w.put("bucket", bodies)
	o := countOpenings(w)
	w.start()
	tickets, levelled := w.identify(tickets()), w.identify(levelled())
	words := w.allow(listOf("words", wordsCriteria("lists", "words.txt")))
	nowhere := w.allow(listOf("nowhere", wordsCriteria("lists", "nowhere.txt")))
	names := w.allow(listOf("names", wordsCriteria("lists", "names.txt")))
	const ssn, card = "USA_SOCIAL_SECURITY_NUMBER", "CREDIT_CARD_NUMBER"
	type ids = []string
	withText := ids{"both.txt", "card.txt", "path.json", "plain.txt", "ssn.csv", "tickets.txt"}
	for _, step := range []struct {
		what  string
		rules jobRules
		opens ids
	}{
		{"the first", jobRules{managed: ids{ssn}}, slices.Sorted(maps.Keys(bodies))},
		{"the same", jobRules{managed: ids{ssn}}, nil},
		{"an identifier more", jobRules{managed: ids{ssn, card}}, withText},
		{"the same with it", jobRules{managed: ids{card, ssn}}, nil},
		// The path was hidden for the number in it, and the number had claimed its place: what is there without it only reading tells.
		{"an identifier less", jobRules{managed: ids{card}}, ids{"both.txt", "path.json", "ssn.csv"}},
		{"the same without it", jobRules{managed: ids{card}}, nil},
		{"both again", jobRules{managed: ids{ssn, card}}, nil},
		{"a custom one more", jobRules{managed: ids{card}, custom: ids{tickets}}, withText},
		{"another custom one", jobRules{managed: ids{card}, custom: ids{tickets, levelled}}, withText},
		{"one custom one less", jobRules{managed: ids{card}, custom: ids{levelled}}, nil},
		{"no custom one", jobRules{managed: ids{card}}, nil},
		{"a list of nothing that is there", jobRules{managed: ids{card}, custom: ids{tickets}, lists: ids{nowhere}}, ids{"both.txt", "card.txt", "path.json", "tickets.txt"}},
		{"without it", jobRules{managed: ids{card}, custom: ids{tickets}}, nil},
		{"a list of a ticket", jobRules{custom: ids{tickets}, managed: ids{card}, lists: ids{words}}, ids{"both.txt", "card.txt", "path.json", "tickets.txt"}},
		{"the same list", jobRules{custom: ids{tickets}, managed: ids{card}, lists: ids{words}}, nil},
		{"a list of a number in a path", jobRules{managed: ids{ssn, card}, lists: ids{names}}, ids{"both.txt", "card.txt", "path.json", "ssn.csv"}},
		{"everything", jobRules{}, withText},
		{"everything again", jobRules{}, nil},
	} {
		id := w.runBy(step.rules)
		opened := o.take()
		if step.opens != nil || opened != nil {
			equal(t, step.what+": opened", opened, step.opens)
		}
		w.worker.cfg.Reopen = true
		undisturbed := w.runBy(step.rules)
		w.worker.cfg.Reopen = false
		o.take()
		equal(t, step.what+": findings", w.foundBy(id), w.foundBy(undisturbed))
		equal(t, step.what+": counters", w.totals(id).Counters, w.totals(undisturbed).Counters)
	}
}

// TestRandomRules runs jobs with sets of identifiers drawn at random over one bucket: whatever was known, each says what it would alone.
func TestRandomRules(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t)
	bodies := map[string]string{}
	var identifiers []string
	for _, id := range managed.All() {
		identifiers = append(identifiers, id.ID)
	}
	for i := range 200 {
		var b strings.Builder
		for range 3 {
			fmt.Fprintf(&b, "%s number: %s and account %08d, id %09d, visa card %s\n", []string{"passport", "tax id", "ssn", "driver license", "phone"}[r.IntN(5)],
				plantedSSN, r.IntN(1e8), r.IntN(1e9), plantedCard)
		}
		bodies[fmt.Sprintf("%03d.txt", i)] = b.String()
	}
	w.put("bucket", bodies)
	w.start()
	for round := range 6 {
		rules := jobRules{managed: []string{}}
		for _, id := range identifiers {
			if r.IntN(3) > 0 {
				rules.managed = append(rules.managed, id)
			}
		}
		if round%2 == 0 {
			rules.managed = nil
		}
		told := w.runBy(rules)
		w.worker.cfg.Reopen = round%2 == 1 // what all identifiers tell stays in the ledger for the next round
		if !w.worker.cfg.Reopen {
			continue
		}
		alone := w.runBy(rules)
		w.worker.cfg.Reopen = false
		equal(t, "findings", w.foundBy(told), w.foundBy(alone))
	}
}

// TestRescanDisturbed disturbs a second job at each of its commits in turn, as TestDisturbed does a first one. What it leaves behind is the same
// as if nothing had happened, and as if there had been no job before it.
func TestRescanDisturbed(t *testing.T) {
	undisturbed, commits := rescan(t, 0, false, false, false)
	alone, _ := rescan(t, 0, false, false, true)
	if len(undisturbed.Findings) != len(alone.Findings) || len(alone.Findings) < 40 || commits < 4 {
		t.Fatalf("%d findings of %d, %d commits", len(undisturbed.Findings), len(alone.Findings), commits)
	}
	equal(t, "findings", undisturbed.Findings, alone.Findings)
	equal(t, "counters", undisturbed.Totals, alone.Totals)
	for at := int64(1); at <= commits; at++ {
		for name, v := range map[string]struct{ commit, kills bool }{"made, yet unknown": {true, false}, "killed before": {false, true}, "killed behind": {true, true}} {
			t.Run(fmt.Sprintf("commit %d %s", at, name), func(t *testing.T) {
				got, _ := rescan(t, at, v.commit, v.kills, false)
				equal(t, "what is left behind (-undisturbed +disturbed)", got, undisturbed)
			})
		}
	}
}

// rescan runs a job on a database that is disturbed, behind one that was not, and returns what it leaves behind and how many transactions it
// wrote.
func rescan(t *testing.T, at int64, commit, kills, reopen bool) (outcome, int64) {
	var cfg job.Config
	w := newWorld(t, oneSlot, func(_ *world, c *job.Config) {
		c.Lease = 150 * time.Millisecond
		cfg = *c
	})
	bodies := map[string]string{}
	for i := range 450 {
		bodies[fmt.Sprintf("%04d.csv", i)] = "id\n" + fmt.Sprint(i)
		if i%10 == 0 {
			bodies[fmt.Sprintf("%04d.csv", i)] = people(i%3 + 1)
		}
	}
	w.put("bucket", bodies)
	w.start()
	w.run("bucket")
	must(t, w.engine.Stop(t.Context()))
	for i := range 450 {
		key := fmt.Sprintf("%04d.csv", i)
		switch i % 45 {
		case 1:
			w.objects[home].Put("bucket", source.Object{Key: key, LastModified: w.clock.Now()}, []byte(people(2)))
		case 10:
			w.objects[home].Remove("bucket", key)
		}
	}
	w.worker.cfg.Reopen = reopen
	erase(t, w)
	ref := latestRef(w, w.create(jobOver("rescan", "bucket")))
	complete := make(chan struct{})
	var once sync.Once
	seen := func() {
		if t.Context().Err() != nil {
			return // the engine still ends
		}
		must(t, w.db.View(context.Background(), func(tx store.Tx) error {
			run, err := job.GetRun(context.Background(), tx, ref)
			if run.State == job.RunComplete {
				once.Do(func() { close(complete) })
			}
			return err
		}))
	}
	db := &disturbed{DB: w.db, at: at, commit: commit, kills: kills, struck: make(chan struct{}), seen: seen}
	cfg.Hooks = job.Hooks{}
	engine := w.takeOver(cfg, db)
	struck := db.struck
	timeout := time.After(patience)
	for done := false; !done; {
		select {
		case <-struck:
			struck = nil
			engine.Abandon()
			w.takeOver(cfg, &disturbed{DB: w.db, seen: seen})
		case <-complete:
			done = true
		case <-timeout:
			t.Fatalf("the run is not complete; log:\n%s", w.log)
		}
	}
	return w.outcome(ref.JobID), db.count.Load()
}

// erase removes the findings of the first job, so that what is left is the other's.
func erase(t *testing.T, w *world) {
	t.Helper()
	must(t, w.db.Update(t.Context(), func(tx store.Tx) error {
		for _, table := range []string{"findings", "finding_documents", "finding_attributes"} {
			if _, err := tx.Exec(t.Context(), "DELETE FROM "+table); err != nil {
				return err
			}
		}
		return nil
	}))
}

// TestRelate compares rules with those of a job.
func TestRelate(t *testing.T) {
	set := func(change func(*ruleSet)) ruleSet {
		r := ruleSet{Engine: "1", Managed: map[string]string{"A": "1", "B": "1"}, Custom: map[string]string{"c": "1"}, Allow: []string{"l"}}
		if change != nil {
			change(&r)
		}
		return r
	}
	for name, test := range map[string]struct {
		known, job ruleSet
		want       relation
	}{
		"same":               {set(nil), set(nil), relation{same: true, covered: true}},
		"another program":    {set(func(r *ruleSet) { r.Engine = "0" }), set(nil), relation{outdated: true, covered: true}},
		"an identifier more": {set(nil), set(func(r *ruleSet) { r.Managed["D"] = "1" }), relation{lacking: true, covered: true}},
		"an identifier less": {set(nil), set(func(r *ruleSet) { delete(r.Managed, "B") }), relation{}},
		"another version":    {set(nil), set(func(r *ruleSet) { r.Managed["B"] = "2" }), relation{lacking: true}},
		"a custom one more":  {set(nil), set(func(r *ruleSet) { r.Custom["d"] = "1" }), relation{lacking: true, covered: true}},
		"a custom one less":  {set(nil), set(func(r *ruleSet) { r.Custom = nil }), relation{}},
		"another list":       {set(nil), set(func(r *ruleSet) { r.Allow = []string{"m"} }), relation{relaxed: true}},
		"a list less":        {set(nil), set(func(r *ruleSet) { r.Allow = nil }), relation{}},
		"a list more":        {set(nil), set(func(r *ruleSet) { r.Allow = []string{"l", "m"} }), relation{relaxed: true}},
	} {
		if got := test.known.relate(test.job); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// TestRuleVersions: the version of an identifier is that of its table entry, whatever stands beside it.
func TestRuleVersions(t *testing.T) {
	all := managed.All()
	versions := func(ids []*detect.Identifier) map[string]string {
		return rulesOf(ids, nil, nil, extract.Limits{}).Managed
	}
	whole := versions(all)
	if len(whole) != len(all) {
		t.Fatalf("%d versions of %d identifiers", len(whole), len(all))
	}
	equal(t, "version of one alone", versions(all[7:8])[all[7].ID], whole[all[7].ID])
	changed := *all[7]
	changed.Keywords = append(slices.Clone(changed.Keywords), "another keyword")
	if versions([]*detect.Identifier{&changed})[changed.ID] == whole[changed.ID] {
		t.Error("an identifier with another keyword has the same version")
	}
	if a, b := rulesOf(nil, nil, nil, extract.Limits{}), rulesOf(nil, nil, nil, extract.Limits{Depth: 3}); a.Engine == b.Engine {
		t.Error("other limits of extraction are the same engine")
	}
	doc, name := rulesOf(all, nil, [][]byte{{2}, {1}, {2}}, extract.Limits{}).document()
	var back ruleSet
	must(t, json.Unmarshal(doc, &back))
	equal(t, "allow lists", back.Allow, []string{"01", "02"})
	if len(name) != 32 {
		t.Errorf("the rules are called %q", name)
	}
}
