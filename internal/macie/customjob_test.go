package macie

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/magpie-sec/magpie/internal/detect/managed"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// ticketsIn is a text with some ticket numbers from a number on.
func ticketsIn(from, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "about TCK-%06d\n", from+i)
	}
	return b.String()
}

// customFound returns what findings of home say of custom data identifiers: for each key the severity and the names with their counts.
func (w *world) customFound(criteria *macie2.FindingCriteria) map[string]string {
	w.Helper()
	out := map[string]string{}
	for _, f := range w.findings(home, criteria) {
		text := string(f.Severity.Description)
		for _, d := range f.ClassificationDetails.Result.CustomDataIdentifiers.Detections {
			text += fmt.Sprintf(" %s %d", *d.Name, *d.Count)
		}
		out[*f.ResourcesAffected.S3Object.Key] = text
	}
	return out
}

// levelled returns a request for the identifier of ticket numbers with severity levels.
func levelled() *macie2.CreateCustomDataIdentifierInput {
	in := tickets()
	in.SeverityLevels = []macie2.SeverityLevel{
		{Severity: macie2.DataIdentifierSeverityLow, OccurrencesThreshold: wire.Ptr[int64](2)},
		{Severity: macie2.DataIdentifierSeverityHigh, OccurrencesThreshold: wire.Ptr[int64](4)}}
	return in
}

// TestCustomJob runs a job for custom data identifiers with allow lists of both kinds, on both databases.
func TestCustomJob(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.start()
		w.put("lists", map[string]string{"words.txt": "tck-000900\nTCK-000901\n" + plantedSSN + "\n"})
		w.put("bucket", map[string]string{
			"one.txt": ticketsIn(1, 1), "two.txt": ticketsIn(1, 2), "four.txt": ticketsIn(1, 4),
			"both.txt":    ticketsIn(1, 2) + "card number " + plantedCard + "\nref AB-12\n",
			"other.txt":   "ref AB-12\n",
			"words.txt":   ticketsIn(900, 2) + "ssn " + plantedSSN + "\n",
			"pattern.txt": ticketsIn(800, 5),
			"some.txt":    ticketsIn(898, 3) + ticketsIn(801, 2),
		})
		refs := &macie2.CreateCustomDataIdentifierInput{Name: wire.Ptr("refs"), Regex: wire.Ptr(`AB-[0-9]{2}`), Keywords: []string{"ref"}}
		first, second := w.identify(levelled()), w.identify(refs)
		words, pattern := w.allow(listOf("words", wordsCriteria("lists", "words.txt"))), w.allow(listOf("pattern", regexCriteria("TCK-0008[0-8].")))
		in := jobOver("token", "bucket")
		in.CustomDataIdentifierIds, in.AllowListIds = []string{first, second, first}, []string{words, pattern}
		id := w.create(in)
		w.wait(id)
		got := w.describe(id)
		equal(t, "custom identifiers of the job", got.CustomDataIdentifierIds, in.CustomDataIdentifierIds)
		equal(t, "allow lists of the job", got.AllowListIds, in.AllowListIds)
		equal(t, "error of the job", got.LastRunErrorStatus.Code, macie2.LastRunErrorStatusCodeNone)

		found := map[string]string{"two.txt": "Low tickets 2", "four.txt": "High tickets 4", "both.txt": "High refs 1 tickets 2", "other.txt": "Medium refs 1",
			"some.txt": "Low tickets 2"}
		equal(t, "found", w.customFound(nil), found)
		byKey := map[string]macie2.Finding{}
		for _, f := range w.findings(home, nil) {
			byKey[*f.ResourcesAffected.S3Object.Key] = f
		}
		four := byKey["four.txt"]
		golden(t, "finding-custom.json", wire.Marshal(&four))
		equal(t, "type of a mixed finding", byKey["both.txt"].Type, macie2.FindingTypeSensitiveDataS3ObjectMultiple)
		results := w.results(id)
		equal(t, "number of results", len(results), 8)
		for key, r := range results {
			if _, has := found[key]; r.Status != "COMPLETE" || has != (r.FindingID != "") {
				t.Errorf("%s: %+v", key, r)
			}
		}

		const of = "classificationDetails.result.customDataIdentifiers.detections."
		type criterion = macie2.CriterionAdditionalProperties
		for _, v := range []struct {
			field     string
			criterion criterion
			want      []string
		}{
			{"name", criterion{Eq: []string{"tickets"}}, []string{"both.txt", "four.txt", "some.txt", "two.txt"}},
			{"name", criterion{EqExactMatch: []string{"tickets"}}, []string{"four.txt", "some.txt", "two.txt"}},
			{"name", criterion{EqExactMatch: []string{"tickets", "refs"}}, []string{"both.txt"}},
			{"name", criterion{Neq: []string{"tickets"}}, []string{"other.txt"}},
			{"name", criterion{Eq: []string{"ticket"}}, nil},
			{"arn", criterion{Eq: []string{customIdentifierARN(home, second)}}, []string{"both.txt", "other.txt"}},
			{"arn", criterion{EqExactMatch: []string{customIdentifierARN(home, second)}}, []string{"other.txt"}},
			{"count", criterion{Gte: wire.Ptr[int64](3)}, []string{"four.txt"}},
			{"count", criterion{Eq: []string{"1"}}, []string{"both.txt", "other.txt"}},
		} {
			keys := slices.Sorted(maps.Keys(w.customFound(&macie2.FindingCriteria{Criterion: map[string]criterion{of + v.field: v.criterion}})))
			equal(t, fmt.Sprintf("%s %+v", v.field, v.criterion), keys, v.want)
		}
		for _, value := range []string{"TCK-0", "AB-12"} {
			if strings.Contains(string(wire.Marshal(&four)), value) || strings.Contains(w.log.String(), value) {
				t.Errorf("%s is in a finding or in the log", value)
			}
		}

		// Without managed identifiers, and without the lists.
		if rest, err := selectIdentifiers(macie2.ManagedDataIdentifierSelectorExclude, identifierIDs(), true); err != nil || len(rest) != 0 {
			t.Errorf("EXCLUDE of all managed identifiers beside custom ones: %d, %v", len(rest), err)
		}
		in = jobOver("none", "bucket")
		in.ManagedDataIdentifierSelector, in.CustomDataIdentifierIds = macie2.ManagedDataIdentifierSelectorNone, []string{first}
		none := w.create(in)
		w.wait(none)
		equal(t, "found without lists", w.customFound(&macie2.FindingCriteria{Criterion: map[string]criterion{"classificationDetails.jobId": {Eq: []string{none}}}}),
			map[string]string{"two.txt": "Low tickets 2", "four.txt": "High tickets 4", "both.txt": "Low tickets 2", "words.txt": "Low tickets 2",
				"pattern.txt": "High tickets 5", "some.txt": "High tickets 5"})
	})
}

// TestDeletedWhileRunning deletes what a job uses while the job is at work: it goes on as it began.
func TestDeletedWhileRunning(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url, oneSlot)
		w.put("lists", map[string]string{"words.txt": "TCK-000001\n"})
		w.put("bucket", map[string]string{"a.txt": ticketsIn(1, 3), "b.txt": ticketsIn(1, 3)})
		identifier := w.identify(tickets())
		words, pattern := w.allow(listOf("words", wordsCriteria("lists", "words.txt"))), w.allow(listOf("pattern", regexCriteria("TCK-000002")))
		in := jobOver("token", "bucket")
		in.CustomDataIdentifierIds, in.AllowListIds = []string{identifier}, []string{words, pattern}
		held, goOn := make(chan struct{}), make(chan struct{})
		w.hold("bucket", "a.txt", held, goOn)
		w.start()
		id := w.create(in)
		<-held
		must(t, w.forget(identifier))
		refused(t, w.disallow(words, ""), wire.Validation, "used by the job "+id)
		refused(t, w.disallow(pattern, "false"), wire.Validation, "ignoreJobChecks")
		must(t, w.disallow(words, "true"))
		_, err := w.service.UpdateAllowList(w.ctx, &macie2.UpdateAllowListInput{Id: &pattern, Name: wire.Ptr("pattern"), Criteria: regexCriteria("nothing")})
		must(t, err)
		w.objects[home].Remove("lists", "words.txt")
		close(goOn)
		w.wait(id)
		equal(t, "found", w.customFound(nil), map[string]string{"a.txt": "Medium tickets 1", "b.txt": "Medium tickets 1"})
		must(t, w.disallow(pattern, "")) // the job is over
		got := w.describe(id)
		equal(t, "ids of the job", append(got.CustomDataIdentifierIds, got.AllowListIds...), []string{identifier, words, pattern})

		equal(t, "the same request again", w.create(in), id)
		in.ClientToken = wire.Ptr("another")
		_, err = w.service.CreateClassificationJob(w.ctx, in)
		refused(t, err, wire.Validation, "is deleted")
		in.CustomDataIdentifierIds = nil
		_, err = w.service.CreateClassificationJob(w.ctx, in)
		refused(t, err, wire.Validation, fmt.Sprintf("no allow list %q", words))
	})
}

// TestDeletedBeforeRunning deletes what a job uses before a worker has begun: the identifier is looked for all the same, the list is missed.
func TestDeletedBeforeRunning(t *testing.T) {
	w := newWorld(t)
	w.put("bucket", map[string]string{"a.txt": ticketsIn(1, 3)})
	identifier, pattern := w.identify(tickets()), w.allow(listOf("pattern", regexCriteria("TCK-000002")))
	in := jobOver("token", "bucket")
	in.CustomDataIdentifierIds, in.AllowListIds = []string{identifier}, []string{pattern}
	id := w.create(in)
	must(t, w.forget(identifier))
	must(t, w.disallow(pattern, "true"))
	w.start()
	w.wait(id)
	equal(t, "found", w.customFound(nil), map[string]string{"a.txt": "Medium tickets 3"})
	if log := w.log.String(); !strings.Contains(log, "an allow list of the job is deleted") || !strings.Contains(log, pattern) {
		t.Errorf("log:\n%s", log)
	}
}

// TestUnreadableList runs jobs whose list of words cannot be read: for good, for a while, or not at all. The run goes on.
func TestUnreadableList(t *testing.T) {
	for name, v := range map[string]struct {
		kind  source.Kind
		times int64
		want  string
		log   string
	}{
		"missing":     {source.NotFound, 1000, "Medium tickets 3", "S3_OBJECT_NOT_FOUND"},
		"denied":      {source.AccessDenied, 1000, "Medium tickets 3", "S3_OBJECT_ACCESS_DENIED"},
		"for a while": {source.Unavailable, 2, "Medium tickets 2", ""},
		"stays away":  {source.Unavailable, 1000, "Medium tickets 3", "UNKNOWN_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.put("lists", map[string]string{"words.txt": "TCK-000001\n"})
			w.put("bucket", map[string]string{"a.txt": ticketsIn(1, 3)})
			in := jobOver("token", "bucket")
			in.CustomDataIdentifierIds = []string{w.identify(tickets())}
			in.AllowListIds = []string{w.allow(listOf("words", wordsCriteria("lists", "words.txt")))}
			var failed atomic.Int64
			w.fault(func(step, bucket, key string) error {
				if step == "open" && bucket == "lists" && failed.Add(1) <= v.times {
					return &source.Error{Kind: v.kind, Op: step, Bucket: bucket, Key: key}
				}
				return nil
			})
			id := w.create(in)
			w.start()
			w.wait(id)
			equal(t, "found", w.customFound(nil), map[string]string{"a.txt": v.want})
			equal(t, "error of the job", w.describe(id).LastRunErrorStatus.Code, macie2.LastRunErrorStatusCodeNone)
			warned := strings.Contains(w.log.String(), "an allow list of the job cannot be used")
			if warned != (v.log != "") || !strings.Contains(w.log.String(), v.log) || warned && !strings.Contains(w.log.String(), in.AllowListIds[0]) {
				t.Errorf("log:\n%s", w.log)
			}
		})
	}
}

// TestRules names the rules of results: they change with what identifiers look for and with what lists hold, and with nothing else.
func TestRules(t *testing.T) {
	w := newWorld(t)
	w.worker.cfg.Reopen = true
	w.start()
	w.put("lists", map[string]string{"words.txt": "TCK-000001\n"})
	w.put("bucket", map[string]string{"a.txt": ticketsIn(1, 3)})
	one, two := w.identify(tickets()), w.identify(levelled())
	words, pattern := w.allow(listOf("words", wordsCriteria("lists", "words.txt"))), w.allow(listOf("pattern", regexCriteria("a")))
	rules := func(identifiers, lists []string) string {
		in := jobOver(fmt.Sprint("token ", w.ids.Add(1)), "bucket")
		in.CustomDataIdentifierIds, in.AllowListIds = identifiers, lists
		id := w.create(in)
		w.wait(id)
		return w.results(id)["a.txt"].Rules
	}
	type ids = []string
	same := rules(ids{one, two}, ids{words, pattern})
	equal(t, "in another order, and twice", rules(ids{two, one, two}, ids{pattern, words, words}), same)
	seen := map[string]string{same: "all"}
	different := func(what, rules string) {
		t.Helper()
		if earlier, ok := seen[rules]; ok {
			t.Errorf("the rules of %s are those of %s", what, earlier)
		}
		seen[rules] = what
	}
	different("nothing", rules(nil, nil))
	different("one identifier", rules(ids{one}, nil))
	different("the other", rules(ids{two}, nil))
	different("words", rules(nil, ids{words}))
	different("pattern", rules(nil, ids{pattern}))
	different("no words", rules(ids{one, two}, ids{pattern}))
	w.put("lists", map[string]string{"words.txt": "TCK-000002\n"})
	different("other words", rules(nil, ids{words}))
	_, err := w.service.UpdateAllowList(w.ctx, &macie2.UpdateAllowListInput{Id: &pattern, Name: wire.Ptr("pattern"), Criteria: regexCriteria("b")})
	must(t, err)
	different("another pattern", rules(nil, ids{pattern}))
	w.objects[home].Remove("lists", "words.txt")
	equal(t, "rules with a list that is not there", seen[rules(nil, ids{words})], "nothing")
}

// TestJobsAreDropped keeps no job, and so no list, of a run that is over.
func TestJobsAreDropped(t *testing.T) {
	w := newWorld(t)
	w.put("bucket", map[string]string{"a.txt": ""})
	cached := func() int {
		w.worker.jobs.mu.Lock()
		defer w.worker.jobs.mu.Unlock()
		return len(w.worker.jobs.active)
	}
	held, goOn := make(chan struct{}), make(chan struct{})
	w.hold("bucket", "a.txt", held, goOn)
	w.start()
	id := w.create(jobOver("token", "bucket"))
	<-held
	equal(t, "jobs kept while one is at work", cached(), 1)
	must(t, w.set(id, macie2.JobStatusCancelled))
	close(goOn)
	w.run("bucket")
	equal(t, "jobs kept after one was cancelled and one is complete", cached(), 0)
}

// TestDisableCustom erases identifiers and lists with everything else.
func TestDisableCustom(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.enable(other)
		in := tickets()
		in.ClientToken, in.Tags = wire.Ptr("token"), map[string]string{"a": "b"}
		deleted, kept := w.identify(tickets()), w.identify(in)
		must(t, w.forget(deleted))
		list := w.allow(listOf("list", regexCriteria("a")))
		theirs, err := w.service.CreateCustomDataIdentifier(as(t.Context(), other), in)
		must(t, err)
		_, err = w.service.DisableMacie(w.ctx, &macie2.DisableMacieInput{})
		must(t, err)
		w.enable(home)
		batch, err := w.service.BatchGetCustomDataIdentifiers(w.ctx, &macie2.BatchGetCustomDataIdentifiersInput{Ids: []string{deleted, kept, *theirs.CustomDataIdentifierId}})
		must(t, err)
		equal(t, "identifiers that are not there", len(batch.NotFoundIdentifierIds), 3)
		_, err = w.service.GetAllowList(w.ctx, &macie2.GetAllowListInput{Id: &list})
		refused(t, err, wire.NotFound, "specified allow list")
		must(t, w.db.View(t.Context(), func(tx store.Tx) error {
			tags, err := store.Tags(t.Context(), tx, home, customIdentifierARN(home, kept))
			equal(t, "tags", len(tags), 0)
			return err
		}))
		equal(t, "the other account's", len(w.identifiers(other, 50)), 1)
	})
}

// identifierIDs returns the ids of all managed data identifiers.
func identifierIDs() []string {
	var ids []string
	for _, id := range managed.All() {
		ids = append(ids, id.ID)
	}
	return ids
}
