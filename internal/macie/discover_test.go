package macie

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// A discoverer is a world whose automated discovery a test drives day by day.
type discoverer struct {
	*world
	watcher *Watcher
	opened  map[string]int // "bucket/key" -> how often
	mu      sync.Mutex
}

func newDiscoverer(t *testing.T, url string, objects, size int64) *discoverer {
	d := &discoverer{world: newWorldOn(t, url), opened: map[string]int{}}
	d.watcher = d.watched(time.Hour, time.Hour)
	d.service.cfg.DiscoveryObjects, d.service.cfg.DiscoveryBytes = objects, size
	d.fault(func(step, bucket, key string) error {
		if step == "open" {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.opened[bucket+"/"+key]++
		}
		return nil
	})
	return d
}

// day lets a day pass and waits for its cycle; it returns what was opened, in order.
func (d *discoverer) day() []string {
	d.Helper()
	d.mu.Lock()
	clear(d.opened)
	d.mu.Unlock()
	d.clock.Advance(24 * time.Hour)
	d.watcher.Look(d.Context())
	r := d.wait(discoveryJob)
	equal(d, "state", r.State, job.RunComplete)
	d.mu.Lock()
	defer d.mu.Unlock()
	var keys []string
	for key, n := range d.opened {
		keys = append(keys, key)
		if n != 1 && !strings.HasPrefix(key, "lists/") { // read as an allow list as well
			d.Errorf("%s was opened %d times", key, n)
		}
	}
	slices.Sort(keys)
	return keys
}

func (d *discoverer) profile(bucket string) *macie2.GetResourceProfileOutput {
	d.Helper()
	out, err := d.service.GetResourceProfile(d.ctx, &macie2.GetResourceProfileInput{ResourceArn: wire.Ptr("arn:aws:s3:::" + bucket)})
	must(d, err)
	return out
}

// TestDiscoveryCycles follows some buckets over several days.
func TestDiscoveryCycles(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		d := newDiscoverer(t, url, 100, 1<<20)
		d.put("customers", map[string]string{"2026/people.csv": people(3), "2026/note.txt": "nothing", "image.png": "x", "empty.txt": ""})
		d.put("clean", map[string]string{"a.txt": "nothing", "b.txt": "nothing"})
		d.put("excluded", map[string]string{"people.csv": people(3)})
		d.put("overridden", map[string]string{"people.csv": people(3)})
		d.put("refused", map[string]string{"a.txt": "x"})
		d.objects[home].Deny("refused", "a.txt")
		d.start()
		d.watcher.Look(t.Context()) // off: nothing is looked at
		d.setDiscovery(discoveryOn, "")
		id := d.discovery().ClassificationScopeId
		_, err := d.service.UpdateClassificationScope(d.ctx, &macie2.UpdateClassificationScopeInput{Id: id, S3: &macie2.S3ClassificationScopeUpdate{
			Excludes: &macie2.S3ClassificationScopeExclusionUpdate{BucketNames: []string{"excluded"}, Operation: macie2.ClassificationScopeUpdateOperationAdd}}})
		must(t, err)
		_, err = d.service.UpdateResourceProfile(d.ctx, &macie2.UpdateResourceProfileInput{ResourceArn: wire.Ptr("arn:aws:s3:::overridden"), SensitivityScoreOverride: wire.Ptr[int64](100)})
		must(t, err)

		equal(t, "first day", d.day(), []string{"clean/a.txt", "clean/b.txt", "customers/2026/note.txt", "customers/2026/people.csv", "refused/a.txt"})
		scores := func() string {
			t.Helper()
			var all []string
			for _, b := range d.buckets(macie2.DescribeBucketsInput{}) {
				all = append(all, fmt.Sprint(*b.BucketName, " ", *b.SensitivityScore))
				equal(t, *b.BucketName+": analysed", b.LastAutomatedDiscoveryTime != nil, *b.BucketName != "excluded" && *b.BucketName != "overridden")
			}
			return strings.Join(all, ", ")
		}
		found := sensitivityScore(found{objects: 4, classified: 2, sensitive: 1, detections: []store.DiscoveryDetection{{Count: 3, Level: 3}}})
		equal(t, "scores", scores(), fmt.Sprintf("clean 1, customers %d, excluded 50, overridden 100, refused -1", found))
		golden(t, "profile-statistics.json", wire.Marshal(d.profile("customers").Statistics))
		equal(t, "skipped for want of permission", *d.profile("refused").Statistics.TotalItemsSkippedPermissionDenied, 1)
		all := d.findings(home, nil)
		equal(t, "findings", len(all), 1)
		golden(t, "finding-automated.json", wire.Marshal(&all[0]))
		equal(t, "found by origin", len(d.findings(home, &macie2.FindingCriteria{Criterion: map[string]macie2.CriterionAdditionalProperties{
			"classificationDetails.originType": {Eq: []string{"AUTOMATED_SENSITIVE_DATA_DISCOVERY"}}}})), 1)
		jobs, err := d.service.ListClassificationJobs(d.ctx, &macie2.ListClassificationJobsInput{})
		must(t, err)
		equal(t, "jobs", len(jobs.Items), 0)

		d.watcher.Look(t.Context()) // the cycle of the day is over
		equal(t, "second day: what was refused is tried again", d.day(), []string{"refused/a.txt"})

		d.put("new", map[string]string{"a.csv": people(1)})
		d.objects[home].Put("customers", source.Object{Key: "2026/note.txt", LastModified: d.clock.Now()}, []byte("something else"))
		d.objects[home].Remove("customers", "2026/people.csv")
		d.objects[home].Remove("clean", "b.txt")
		equal(t, "third day: what is new and what has changed", d.day(), []string{"customers/2026/note.txt", "new/a.csv", "refused/a.txt"})
		equal(t, "what is gone counts no more", *d.profile("customers").Statistics.TotalItemsSensitive, 0)
		equal(t, "a finding stays", len(d.findings(home, nil)), 2)
		equal(t, "clean", *d.profile("clean").Statistics.TotalItemsClassified, 1)
		if got := *d.profile("customers").SensitivityScore; got > 49 || got < 1 {
			t.Errorf("customers, of which the sensitive object is gone: %d", got)
		}

		d.setDiscovery(discoveryOff, "")
		d.clock.Advance(24 * time.Hour)
		d.watcher.Look(t.Context())
		equal(t, "off", d.profile("customers").ProfileUpdatedAt == nil, true)
		d.clock.Advance(discoveryKept)
		d.watcher.Look(t.Context())
		must(t, d.db.View(d.ctx, func(tx store.Tx) error {
			objects, err := store.DiscoveryObjects(d.ctx, tx, home, "clean", nil, 10)
			equal(t, "objects kept for long", len(objects), 0)
			return err
		}))
	})
}

// TestDiscoveryTemplate looks for what the template says.
func TestDiscoveryTemplate(t *testing.T) {
	d := newDiscoverer(t, sqliteURL(t), 100, 1<<20)
	d.put("b", map[string]string{"people.csv": people(3), "badges.txt": "badge BDG-123456, badge BDG-123457 and badge BDG-000001"})
	d.put("lists", map[string]string{"known.txt": "BDG-000001"})
	made, err := d.service.CreateCustomDataIdentifier(d.ctx, &macie2.CreateCustomDataIdentifierInput{Name: wire.Ptr("badge"), Regex: wire.Ptr(`BDG-\d{6}`),
		SeverityLevels: []macie2.SeverityLevel{{OccurrencesThreshold: wire.Ptr[int64](1), Severity: macie2.DataIdentifierSeverityHigh}}})
	must(t, err)
	list, err := d.service.CreateAllowList(d.ctx, &macie2.CreateAllowListInput{ClientToken: wire.Ptr("t"), Name: wire.Ptr("known"),
		Criteria: &macie2.AllowListCriteria{S3WordsList: &macie2.S3WordsList{BucketName: wire.Ptr("lists"), ObjectKey: wire.Ptr("known.txt")}}})
	must(t, err)
	_, err = d.service.UpdateSensitivityInspectionTemplate(d.ctx, &macie2.UpdateSensitivityInspectionTemplateInput{Id: d.discovery().SensitivityInspectionTemplateId,
		Includes: &macie2.SensitivityInspectionTemplateIncludes{CustomDataIdentifierIds: []string{*made.CustomDataIdentifierId}, AllowListIds: []string{*list.Id}},
		Excludes: &macie2.SensitivityInspectionTemplateExcludes{ManagedDataIdentifierIds: []string{"USA_SOCIAL_SECURITY_NUMBER"}}})
	must(t, err)
	d.setDiscovery(discoveryOn, "")
	d.start()
	d.day()
	out, err := d.service.ListResourceProfileDetections(d.ctx, &macie2.ListResourceProfileDetectionsInput{ResourceArn: wire.Ptr("arn:aws:s3:::b")})
	must(t, err)
	equal(t, "detections", string(wire.Marshal(out)), fmt.Sprintf(`{"detections":[{"arn":"arn:aws:macie2:eu-west-1:123456789012:custom-data-identifier/%s","count":2,"id":"%[1]s","name":"badge","suppressed":false,"type":"CUSTOM"}]}`,
		*made.CustomDataIdentifierId))
	want := sensitivityScore(found{objects: 2, classified: 2, sensitive: 1, detections: []store.DiscoveryDetection{{Count: 2, Level: 3}}})
	equal(t, "score", *d.profile("b").SensitivityScore, want)
}

// TestDiscoveryBudget has more to look at than a day allows: buckets take turns, those first that were not looked at, and kinds of objects too.
func TestDiscoveryBudget(t *testing.T) {
	d := newDiscoverer(t, sqliteURL(t), 6, 1000)
	for _, bucket := range []string{"a", "b", "c"} {
		bodies := map[string]string{}
		for i := range 40 {
			bodies[fmt.Sprintf("logs/2026-%02d/%d.txt", i%12, i)] = "nothing"
		}
		bodies["exports/all.csv"] = "n,o\n"
		bodies["large.txt"] = strings.Repeat("x", 2000)
		d.put(bucket, bodies)
	}
	d.setDiscovery(discoveryOn, "")
	d.start()
	day := func(what string, count int) map[string]int {
		t.Helper()
		keys := d.day()
		equal(t, what, len(keys), count)
		perBucket := map[string]int{}
		for _, key := range keys {
			perBucket[key[:1]]++
			if strings.HasSuffix(key, "large.txt") {
				t.Errorf("%s: %s is over the budget", what, key)
			}
		}
		return perBucket
	}
	equal(t, "first day", day("first day", 6), map[string]int{"a": 2, "b": 2, "c": 2})
	for _, bucket := range []string{"a", "b", "c"} {
		artifacts, err := d.service.ListResourceProfileArtifacts(d.ctx, &macie2.ListResourceProfileArtifactsInput{ResourceArn: wire.Ptr("arn:aws:s3:::" + bucket)})
		must(t, err)
		var kinds []string
		for _, a := range artifacts.Artifacts {
			kinds = append(kinds, strings.Split(*a.Arn, "/")[1])
		}
		slices.Sort(kinds)
		equal(t, bucket+": of each kind one", kinds, []string{"exports", "logs"})
	}
	d.put("d", map[string]string{"x.txt": "new"})
	d.put("e", map[string]string{"x.txt": "new"})
	got := day("second day", 6)
	if got["d"] != 1 || got["e"] != 1 || got["a"]+got["b"]+got["c"] != 4 {
		t.Errorf("second day: %v", got)
	}
	d.service.cfg.DiscoveryObjects = 1000
	d.service.cfg.DiscoveryBytes = 50 // seven objects of seven bytes
	equal(t, "bytes", day("third day", 7)["d"], 0)
	d.service.cfg.DiscoveryBytes = 1 << 20
	d.clock.Advance(24 * time.Hour)
	d.watcher.Look(t.Context())
	d.wait(discoveryJob)
	equal(t, "all in the end", *d.profile("a").Statistics.TotalItemsClassified, 42)
	equal(t, "score of a bucket that was analysed whole", *d.profile("a").SensitivityScore, 1)
}

// TestDiscoveryRecovers lets transactions break all the time: every object counts once in the end, with one finding.
func TestDiscoveryRecovers(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	var mu sync.Mutex
	w := newWorldOn(t, sqliteURL(t), func(w *world, c *job.Config) {
		c.Lease = 200 * time.Millisecond
		c.DB = failing{w.db, func() (bool, bool) {
			mu.Lock()
			defer mu.Unlock()
			return r.IntN(5) == 0, r.IntN(5) == 0
		}}
	})
	watcher := w.watched(time.Hour, time.Hour)
	for i := range 3 {
		bodies := map[string]string{}
		for j := range 20 {
			bodies[fmt.Sprintf("%d.csv", j)] = people(1 + j%2)
		}
		w.put(fmt.Sprintf("bucket-%d", i), bodies)
	}
	w.setDiscovery(discoveryOn, "")
	w.start()
	watcher.Look(t.Context())
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) { // whether the run is over may be told by nobody but its row
		var runs []job.Run
		must(t, w.db.View(w.ctx, func(tx store.Tx) (err error) {
			runs, err = job.Runs(w.ctx, tx, home, discoveryJob, 2)
			return err
		}))
		if equal(t, "runs", len(runs), 1); runs[0].State == job.RunComplete {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the cycle does not end; log:\n%s", w.log)
		}
	}
	equal(t, "findings", len(w.findings(home, nil)), 60)
	for i := range 3 {
		out, err := w.service.GetResourceProfile(w.ctx, &macie2.GetResourceProfileInput{ResourceArn: wire.Ptr(fmt.Sprintf("arn:aws:s3:::bucket-%d", i))})
		must(t, err)
		equal(t, "objects", *out.Statistics.TotalItemsClassified, 20)
		equal(t, "detections", *out.Statistics.TotalDetections, 30)
	}
}

// TestChoose holds the choice to its rules on random buckets.
func TestChoose(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 300 {
		budget := discoveryBudget{Objects: int64(1 + r.IntN(50)), Bytes: int64(1 + r.IntN(3000))}
		var surveys []*survey
		limit := int(budget.Objects)
		total := int64(0)
		for i := range 1 + r.IntN(20) {
			s := newSurvey(fmt.Sprint(i), limit)
			s.seen = r.IntN(2) == 0
			for j := range r.IntN(80) {
				s.add(source.Object{Key: fmt.Sprintf("%c/%d.txt", 'a'+rune(r.IntN(3)), j), Size: int64(1 + r.IntN(100))}, uint8(r.IntN(3)))
			}
			total += int64(len(s.candidates))
			s.finish()
			surveys = append(surveys, s)
			limit = min(limit, trim(surveys, 2*budget.Objects))
		}
		chosen, objects, size, _ := choose(surveys, budget)
		counted, bytes := int64(0), int64(0)
		least, most := int64(1<<30), int64(0)
		for _, s := range surveys {
			n := int64(len(chosen[s.bucket]))
			counted += n
			for _, o := range chosen[s.bucket] {
				bytes += o.Size
			}
			most = max(most, n)
			if n < int64(len(s.candidates)) {
				least = min(least, n)
			}
		}
		if counted != objects || bytes != size || objects > budget.Objects || size > budget.Bytes {
			t.Fatalf("%d objects of %d bytes chosen, %d of %d told, budget %+v", counted, bytes, objects, size, budget)
		}
		if objects == budget.Objects && size+100 < budget.Bytes && most > least+1 {
			t.Fatalf("one bucket has %d objects, another %d and more to look at", most, least)
		}
		if objects < min(budget.Objects, total) && size+100 <= budget.Bytes {
			t.Fatalf("%d of %d objects chosen with a budget of %+v", objects, total, budget)
		}
	}
}

func TestObjectKind(t *testing.T) {
	at := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	a := source.Object{Key: "logs/2026-03-04/part-7.csv", Size: 1000, StorageClass: "STANDARD", LastModified: at}
	for name, v := range map[string]struct {
		change func(*source.Object)
		same   bool
	}{
		"another day's folder": {func(o *source.Object) { o.Key = "logs/2025-12-31/part-8.csv" }, true},
		"another folder":       {func(o *source.Object) { o.Key = "audit/2026-03-04/part-7.csv" }, false},
		"a deep folder":        {func(o *source.Object) { o.Key = "logs/2026-03-04/part-7.csv" }, true},
		"another extension":    {func(o *source.Object) { o.Key = "logs/2026-03-04/part-7.json" }, false},
		"a little larger":      {func(o *source.Object) { o.Size = 1023 }, true},
		"much larger":          {func(o *source.Object) { o.Size = 1 << 30 }, false},
		"another class":        {func(o *source.Object) { o.StorageClass = "GLACIER_IR" }, false},
		"the same month":       {func(o *source.Object) { o.LastModified = at.AddDate(0, 0, 20) }, true},
		"another month":        {func(o *source.Object) { o.LastModified = at.AddDate(0, 1, 0) }, false},
	} {
		b := a
		v.change(&b)
		s := newSurvey("b", 10)
		if got := s.kindOf(&a) == s.kindOf(&b); got != v.same {
			t.Errorf("%s: same kind is %v: %q and %q", name, got, appendKind(nil, &a), appendKind(nil, &b))
		}
	}
	s := newSurvey("b", 10)
	for i := range 2 * maxObjectKinds {
		o := source.Object{Key: strings.Repeat("a", i/26) + string(rune('a'+i%26)) + "/x", Size: -1}
		if got := s.kindOf(&o); (got == 0) != (i >= maxObjectKinds) {
			t.Fatalf("kind %d is number %d", i, got)
		}
	}
}

// TestDiscoveryLeavesOff excludes a bucket, turns discovery off, or suspends Macie while an object is read: nothing of it is kept.
func TestDiscoveryLeavesOff(t *testing.T) {
	for name, stop := range map[string]func(d *discoverer) error{
		"excluded": func(d *discoverer) error {
			_, err := d.service.UpdateClassificationScope(d.ctx, &macie2.UpdateClassificationScopeInput{Id: d.discovery().ClassificationScopeId,
				S3: &macie2.S3ClassificationScopeUpdate{Excludes: &macie2.S3ClassificationScopeExclusionUpdate{BucketNames: []string{"b"}, Operation: macie2.ClassificationScopeUpdateOperationAdd}}})
			return err
		},
		"overridden": func(d *discoverer) error {
			_, err := d.service.UpdateResourceProfile(d.ctx, &macie2.UpdateResourceProfileInput{ResourceArn: wire.Ptr("arn:aws:s3:::b"), SensitivityScoreOverride: wire.Ptr[int64](100)})
			return err
		},
		"off": func(d *discoverer) error {
			_, err := d.service.UpdateAutomatedDiscoveryConfiguration(d.ctx, &macie2.UpdateAutomatedDiscoveryConfigurationInput{Status: discoveryOff})
			return err
		},
		"the account off": func(d *discoverer) error {
			_, err := d.service.BatchUpdateAutomatedDiscoveryAccounts(d.ctx, &macie2.BatchUpdateAutomatedDiscoveryAccountsInput{
				Accounts: []macie2.AutomatedDiscoveryAccountUpdate{{AccountId: &home.Account, Status: macie2.AutomatedDiscoveryAccountStatusDisabled}}})
			return err
		},
		"suspended": func(d *discoverer) error {
			_, err := d.service.UpdateMacieSession(d.ctx, &macie2.UpdateMacieSessionInput{Status: macie2.MacieStatusPaused})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDiscoverer(t, sqliteURL(t), 100, 1<<20)
			d.put("b", map[string]string{"people.csv": people(3)})
			held, goOn := make(chan struct{}), make(chan struct{})
			d.hold("b", "people.csv", held, goOn)
			d.setDiscovery(discoveryOn, macie2.AutoEnableModeNone)
			d.start()
			d.watcher.Look(t.Context())
			<-held
			must(t, stop(d))
			close(goOn)
			equal(t, "state", d.wait(discoveryJob).State, job.RunComplete)
			equal(t, "findings", len(d.findings(home, nil)), 0)
			must(t, d.db.View(d.ctx, func(tx store.Tx) error {
				objects, err := store.DiscoveryObjects(d.ctx, tx, home, "b", nil, 10)
				equal(t, "objects", len(objects), 0)
				return err
			}))
		})
	}
}

// TestAccountLeftOut turns discovery off for the account alone: what was found still shows.
func TestAccountLeftOut(t *testing.T) {
	d := newDiscoverer(t, sqliteURL(t), 100, 1<<20)
	d.put("b", map[string]string{"people.csv": people(3)})
	d.setDiscovery(discoveryOn, macie2.AutoEnableModeNone)
	d.start()
	d.day()
	before := *d.profile("b").SensitivityScore
	_, err := d.service.BatchUpdateAutomatedDiscoveryAccounts(d.ctx, &macie2.BatchUpdateAutomatedDiscoveryAccountsInput{
		Accounts: []macie2.AutomatedDiscoveryAccountUpdate{{AccountId: &home.Account, Status: macie2.AutomatedDiscoveryAccountStatusDisabled}}})
	must(t, err)
	m := d.buckets(macie2.DescribeBucketsInput{})[0]
	if before < 51 || *m.SensitivityScore != before || m.AutomatedDiscoveryMonitoringStatus != macie2.AutomatedDiscoveryMonitoringStatusNotMonitored {
		t.Errorf("score %d before, then %s", before, wire.Marshal(&m))
	}
}

// BenchmarkDiscoveryPlan chooses 10,000 objects of 1,000 buckets with ten million. MB is the largest heap seen.
func BenchmarkDiscoveryPlan(b *testing.B) {
	defer largestHeap(b)()
	for b.Loop() {
		g := generated{1000, 10_000}
		buckets, _ := g.Buckets(b.Context())
		var surveys []*survey
		limit := DefaultDiscoveryObjects
		for _, bucket := range buckets {
			s := newSurvey(bucket.Name, limit)
			for item := range g.List(b.Context(), bucket.Name, source.ListOptions{}) {
				s.add(item.Object, rankNew)
			}
			s.finish()
			surveys = append(surveys, s)
			limit = min(limit, trim(surveys, 2*DefaultDiscoveryObjects))
		}
		if _, objects, _, _ := choose(surveys, discoveryBudget{DefaultDiscoveryObjects, 1 << 60}); objects != DefaultDiscoveryObjects {
			b.Fatal(objects)
		}
	}
}
