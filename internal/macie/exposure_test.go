package macie

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// randomExposure is one that could be.
func randomExposure(rng *rand.Rand) *Exposure {
	e := &Exposure{Bucket: fmt.Sprint("b", rng.IntN(1000)), Public: rng.IntN(2) == 0, Shared: rng.IntN(2) == 0, Replicated: rng.IntN(2) == 0}
	if e.Public && rng.IntN(2) == 0 {
		e.Reads = wire.Ptr(rng.IntN(2) == 0)
	}
	e.SensitiveObjects = rng.Int64N(1000)
	for i := range rng.IntN(6) {
		d := ExposedData{Identifier: fmt.Sprint("ID_", i), Occurrences: 1 + rng.Int64N(100000), Severity: detect.Level(1 + rng.IntN(3))}
		e.Add(d)
	}
	e.Settle()
	return e
}

// TestExposureMeasure shows that what makes an exposure worse never lowers its risk, and raises it where sensitive data stand open.
func TestExposureMeasure(t *testing.T) {
	worse := map[string]func(*Exposure, *rand.Rand) bool{ // false: cannot be made worse so
		"another identifier": func(e *Exposure, _ *rand.Rand) bool {
			e.Add(ExposedData{Identifier: "ANOTHER", Occurrences: 1, Severity: detect.Low})
			return true
		},
		"more occurrences": func(e *Exposure, rng *rand.Rand) bool {
			if len(e.Found) == 0 {
				return false
			}
			e.found[exposedID{managed: e.Found[rng.IntN(len(e.Found))].Identifier}].Occurrences++
			return true
		},
		"more severe": func(e *Exposure, _ *rand.Rand) bool {
			for _, d := range e.found {
				if d.Severity < detect.High {
					d.Severity++
					return true
				}
			}
			return false
		},
		"another object": func(e *Exposure, _ *rand.Rand) bool { e.SensitiveObjects++; return len(e.Found) > 0 },
		"public":         func(e *Exposure, _ *rand.Rand) bool { was := e.Public; e.Public = true; return !was },
		"readable": func(e *Exposure, _ *rand.Rand) bool {
			if !e.Public || e.Reads == nil || *e.Reads {
				return false
			}
			e.Reads = wire.Ptr(true)
			return true
		},
		"shared":     func(e *Exposure, _ *rand.Rand) bool { was := e.Shared; e.Shared = true; return !was },
		"replicated": func(e *Exposure, _ *rand.Rand) bool { was := e.Replicated; e.Replicated = true; return !was },
		"undecided":  func(e *Exposure, _ *rand.Rand) bool { e.Undecided = append(e.Undecided, "sharing"); return true },
	}
	for name, change := range worse {
		rng := rand.New(rand.NewPCG(1, 2))
		changed := 0
		for range 2000 {
			e := randomExposure(rng)
			before, weight, mass := e.Risk(), e.Weight(), e.Mass()
			if !change(e, rng) {
				continue
			}
			e.Settle()
			if e.Risk() < before || e.Weight() < weight || e.Mass() < mass {
				t.Fatalf("%s lowers the risk from %f to %f", name, before, e.Risk())
			}
			if e.Weight() > 0 && e.Mass() > 0 {
				if e.Risk() <= before {
					t.Fatalf("%s leaves the risk at %f", name, before)
				}
				changed++
			}
		}
		if changed < 200 {
			t.Errorf("%s was tried %d times only", name, changed)
		}
	}
	// Everyone who reads counts more than all that is short of it, by the same data.
	everyone := (&Exposure{Public: true, Reads: wire.Ptr(true)}).Weight()
	for _, e := range []*Exposure{{Shared: true, Replicated: true, Undecided: []string{"public access"}}, {Public: true, Reads: wire.Ptr(false), Shared: true, Replicated: true}} {
		if e.Weight() >= everyone {
			t.Errorf("%d is not below %d", e.Weight(), everyone)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	var list []*Exposure
	for range 300 {
		list = append(list, randomExposure(rng))
	}
	RankExposures(list)
	if !slices.IsSortedFunc(list, func(a, b *Exposure) int { return -int(1e9 * (a.Risk() - b.Risk())) }) {
		t.Error("not in order of risk")
	}
}

func (w *world) exposures(db store.DB) *StoredExposures {
	w.Helper()
	out, err := ReadExposures(w.Context(), db, func(t store.Tenant) bool { return t == home })
	must(w, err)
	return out
}

// exposed says shortly what is exposed, in order.
func exposed(list []*Exposure) []string {
	out := []string{}
	for _, e := range list {
		s := fmt.Sprintf("%s public=%t shared=%v replicated=%v objects=%d", e.Bucket, e.Public, e.SharedWith, e.ReplicatedTo, e.SensitiveObjects)
		for _, f := range e.Found {
			s += fmt.Sprintf(" %s=%d/%d", f.Identifier, f.Objects, f.Occurrences)
		}
		if e.Outdated > 0 {
			s += fmt.Sprintf(" outdated=%d", e.Outdated)
		}
		if len(e.Undecided) > 0 {
			s += " undecided=" + strings.Join(e.Undecided, ",")
		}
		if !e.Analyzed {
			s += " unseen"
		}
		out = append(out, s)
	}
	return out
}

// TestExposures asks what stands open while buckets, objects and findings change, on both databases.
func TestExposures(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.start()
		watcher := w.watched(time.Minute, 24*time.Hour)
		w.objects[home].SetAccountPublicAccessBlock(source.Absent[source.PublicAccessBlock](""))
		policy := func(bucket, text string) source.Configuration {
			return plainConfiguration(strings.ReplaceAll(text, ":::b/", ":::"+bucket+"/"))
		}
		both := "card number " + plantedCard + "\nssn " + plantedSSN + "\n"
		w.put("open", map[string]string{"a.csv": people(3), "b.txt": both, "c.txt": "nothing\n"})
		w.put("shared", map[string]string{"a.csv": people(3), "b.csv": people(2)})
		w.put("private", map[string]string{"a.csv": people(30)})
		w.put("copied", map[string]string{"a.csv": people(1)})
		w.put("unclear", map[string]string{"a.csv": people(1)})
		w.put("unseen", map[string]string{"a.csv": people(1)})
		configure := func(bucket string, c source.Configuration) { w.objects[home].Configure(bucket, c) }
		copied := replicatedTo(source.Known("999988887777"))
		configure("open", policy("open", publicPolicy))
		configure("shared", policy("shared", sharedPolicy))
		configure("private", plainConfiguration(""))
		configure("copied", copied)
		configure("unseen", policy("unseen", publicPolicy))
		unclear := plainConfiguration("")
		unclear.Policy = source.Unknown[string]("AccessDenied")
		configure("unclear", unclear)
		look := func() {
			t.Helper()
			w.clock.Advance(2 * time.Minute)
			must(t, watcher.refresh(t.Context(), home))
		}
		buckets := []string{"open", "shared", "private", "copied", "unclear"}
		look()
		w.run(buckets...)
		const (
			ofOpen = "open public=true shared=[] replicated=[] objects=2 USA_SOCIAL_SECURITY_NUMBER=2/4 CREDIT_CARD_NUMBER=1/1"
			shared = "shared public=false shared=[999988887777] replicated=[] objects=2 USA_SOCIAL_SECURITY_NUMBER=2/5"
			ofCopy = "copied public=false shared=[] replicated=[999988887777] objects=1 USA_SOCIAL_SECURITY_NUMBER=1/1"
			dim    = "unclear public=false shared=[] replicated=[] objects=1 USA_SOCIAL_SECURITY_NUMBER=1/1 undecided=public access,sharing"
			dark   = "unseen public=true shared=[] replicated=[] objects=0 unseen"
		)
		all := []string{ofOpen, shared, ofCopy, dim, dark}
		got := w.exposures(w.db)
		equal(t, "exposed", exposed(got.List), all)
		equal(t, "buckets", got.Buckets, 6)
		equal(t, "never read, or gone", len(got.Unread)+len(got.Gone), 0)

		// More jobs, of which one looks for less, make nothing more of it; nor do samples and what is archived.
		w.run(buckets...)
		in := jobOver("cards", buckets...)
		in.ManagedDataIdentifierSelector, in.ManagedDataIdentifierIds = macie2.ManagedDataIdentifierSelectorInclude, []string{"CREDIT_CARD_NUMBER"}
		w.wait(w.create(in))
		_, err := w.service.CreateSampleFindings(w.ctx, &macie2.CreateSampleFindingsInput{})
		must(t, err)
		equal(t, "exposed after more jobs", exposed(w.exposures(w.db).List), all)

		// The exposure of now counts, not that of the findings.
		configure("open", plainConfiguration(""))
		configure("private", policy("private", publicPolicy))
		look()
		const ofPrivate = "private public=true shared=[] replicated=[] objects=1 USA_SOCIAL_SECURITY_NUMBER=1/30"
		equal(t, "exposed after changes", exposed(w.exposures(w.db).List), []string{ofPrivate, shared, ofCopy, dim, dark})

		// Objects that have changed or are gone count as the next listing finds them.
		w.objects[home].Remove("shared", "b.csv")
		w.clock.Advance(time.Hour)
		w.put("private", map[string]string{"a.csv": "no more\n", "new.csv": people(2)})
		w.run(buckets...)
		const (
			sharedLess = "shared public=false shared=[999988887777] replicated=[] objects=1 USA_SOCIAL_SECURITY_NUMBER=1/3 outdated=1"
			changed    = "private public=true shared=[] replicated=[] objects=1 USA_SOCIAL_SECURITY_NUMBER=1/2 outdated=1"
		)
		equal(t, "exposed after objects changed", exposed(w.exposures(w.db).List), []string{changed, sharedLess, ofCopy, dim, dark})
		w.clock.Advance(time.Hour)
		w.put("private", map[string]string{"a.csv": people(7), "new.csv": people(2)})
		w.run("private")
		const grown = "private public=true shared=[] replicated=[] objects=2 USA_SOCIAL_SECURITY_NUMBER=2/9"
		equal(t, "exposed after an object changed again", exposed(w.exposures(w.db).List), []string{grown, sharedLess, ofCopy, dim, dark})

		// A suppression rule takes new findings out of it; a bucket that is gone is told apart.
		_, err = w.service.CreateFindingsFilter(w.ctx, &macie2.CreateFindingsFilterInput{Name: wire.Ptr("quiet"), Action: macie2.FindingsFilterActionArchive,
			ClientToken: wire.Ptr("quiet"), FindingCriteria: &macie2.FindingCriteria{Criterion: map[string]macie2.CriterionAdditionalProperties{
				"resourcesAffected.s3Bucket.name": {Eq: []string{"unseen"}}}}})
		must(t, err)
		w.run("unseen")
		must(t, w.db.Update(t.Context(), func(tx store.Tx) error { return store.DeleteBucket(t.Context(), tx, home, "shared") }))
		last := w.exposures(w.db)
		equal(t, "exposed at last", exposed(last.List), []string{grown, ofCopy, dim, strings.TrimSuffix(dark, " unseen")})
		equal(t, "gone", last.Gone, []string{home.String() + ": shared"})

		// Another account has its own.
		w.enable(other)
		out, err := ReadExposures(t.Context(), w.db, func(store.Tenant) bool { return true })
		must(t, err)
		equal(t, "with another account", exposed(out.List), exposed(last.List))
		equal(t, "never read", out.Unread, []string{other.String()})
	})
}

// TestExposureBatches reads more findings than fit a batch, so that those of one object fall into two.
func TestExposureBatches(t *testing.T) {
	w := newWorld(t)
	w.put("b", map[string]string{"x": "x"})
	w.objects[home].SetAccountPublicAccessBlock(source.Absent[source.PublicAccessBlock](""))
	w.objects[home].Configure("b", plainConfiguration(publicPolicy))
	watcher := w.watched(time.Minute, 24*time.Hour)
	w.clock.Advance(time.Minute)
	must(t, watcher.refresh(t.Context(), home))
	const objects, findings = 700, 3
	must(t, w.db.Update(t.Context(), func(tx store.Tx) error { return putExposed(t.Context(), tx, "b", 0, objects, findings) }))
	list := w.exposures(w.db).List
	equal(t, "exposed", exposed(list), []string{
		"b public=true shared=[] replicated=[] objects=700 USA_SOCIAL_SECURITY_NUMBER=700/1400"})
	failed := errors.New("the disk is on fire")
	db := &viewsFail{DB: w.db, after: 5, err: failed}
	if _, err := ReadExposures(t.Context(), db, func(store.Tenant) bool { return true }); !errors.Is(err, failed) {
		t.Errorf("error is %v", err)
	}
}

// viewsFail fails every View after some.
type viewsFail struct {
	store.DB
	after int
	err   error
}

func (v *viewsFail) View(ctx context.Context, fn func(store.Tx) error) error {
	if v.after--; v.after < 0 {
		return v.err
	}
	return v.DB.View(ctx, fn)
}

// putExposed stores findings of objects of home from a number on, several of each, with what the ledger knows of them.
func putExposed(ctx context.Context, tx store.Tx, bucket string, from, objects, findings int) error {
	modified := wire.Time(1_700_000_000_000)
	rules, err := store.PutLedgerRules(ctx, tx, home, []byte("{}"))
	if err != nil {
		return err
	}
	var docs [][]byte
	var entries []store.LedgerEntry
	for i := from; i < from+objects; i++ {
		key := fmt.Sprintf("2026/%07d.csv", i)
		entries = append(entries, store.LedgerEntry{Key: []byte(key), Rules: rules, State: store.LedgerState("", "e", 7, int64(modified)), Flags: store.LedgerFound})
		for j := range findings {
			now := wire.Time(1_750_000_000_000 + int64(j))
			docs = append(docs, wire.Marshal(&macie2.Finding{
				Id: wire.Ptr(fmt.Sprintf("%s-%d-%d", bucket, i, j)), AccountId: wire.Ptr(home.Account), Region: wire.Ptr(home.Region), CreatedAt: &now, UpdatedAt: &now,
				Archived: wire.Ptr(false), Sample: wire.Ptr(false), Category: macie2.FindingCategoryClassification, Count: wire.Ptr[int64](1),
				Type:     macie2.FindingTypeSensitiveDataS3ObjectPersonal,
				Severity: &macie2.Severity{Score: wire.Ptr[int64](3), Description: macie2.SeverityDescriptionHigh},
				ResourcesAffected: &macie2.ResourcesAffected{S3Bucket: &macie2.S3Bucket{Name: wire.Ptr(bucket)}, S3Object: &macie2.S3Object{
					Key: wire.Ptr(key), Path: wire.Ptr(bucket + "/" + key), ETag: wire.Ptr("e"), Size: wire.Ptr[int64](7), LastModified: &modified}},
				ClassificationDetails: &macie2.ClassificationDetails{JobId: wire.Ptr(fmt.Sprint("job", j)), Result: &macie2.ClassificationResult{
					SensitiveData: []macie2.SensitiveDataItem{{Category: macie2.SensitiveDataItemCategoryPersonalInformation, TotalCount: wire.Ptr[int64](2),
						Detections: []macie2.DefaultDetection{{Type: wire.Ptr("USA_SOCIAL_SECURITY_NUMBER"), Count: wire.Ptr[int64](2), Occurrences: &macie2.Occurrences{
							Cells: []macie2.Cell{{Row: wire.Ptr[int64](2), Column: wire.Ptr[int64](2), ColumnName: wire.Ptr("ssn")}, {Row: wire.Ptr[int64](3), Column: wire.Ptr[int64](2), ColumnName: wire.Ptr("ssn")}}}}}}}}},
			}))
		}
	}
	if err := store.PutLedger(ctx, tx, home, bucket, entries, nil); err != nil {
		return err
	}
	_, err = store.PutFindings(ctx, tx, home, docs)
	return err
}

// TestInventoryExposures judges an inventory as a database is judged.
func TestInventoryExposures(t *testing.T) {
	w := newWorld(t)
	w.objects[home].SetAccountPublicAccessBlock(source.Absent[source.PublicAccessBlock](""))
	for bucket, policy := range map[string]string{"open": publicPolicy, "shared": sharedPolicy, "private": ""} {
		w.put(bucket, nil)
		w.objects[home].Configure(bucket, plainConfiguration(strings.ReplaceAll(policy, ":::b/", ":::"+bucket+"/")))
	}
	inv, err := inventory.Load(t.Context(), w.sources[home][0], inventory.Options{Account: home.Account, Region: home.Region})
	must(t, err)
	list := InventoryExposures(inv)
	equal(t, "exposed", exposed(list), []string{"open public=true shared=[] replicated=[] objects=0 unseen",
		"shared public=false shared=[999988887777] replicated=[] objects=0 unseen"})
	equal(t, "everyone reads", *list[0].Reads, true)
	equal(t, "everyone writes", *list[0].Writes, false)
}

// BenchmarkExposures asks what stands open of a million findings, half of which are in public buckets; the others cost nothing.
func BenchmarkExposures(b *testing.B) {
	const buckets, objects, batch = 10, 100_000, 2000
	w := newWorld(b)
	w.objects[home].SetAccountPublicAccessBlock(source.Absent[source.PublicAccessBlock](""))
	for i := range buckets {
		name := fmt.Sprint("b", i)
		w.put(name, nil)
		c := plainConfiguration("")
		if i%2 == 0 {
			c = plainConfiguration(strings.ReplaceAll(publicPolicy, ":::b/", ":::"+name+"/"))
		}
		w.objects[home].Configure(name, c)
		for from := 0; from < objects; from += batch {
			must(b, w.db.Update(b.Context(), func(tx store.Tx) error { return putExposed(b.Context(), tx, name, from, batch, 1) }))
		}
	}
	watcher := w.watched(time.Minute, 24*time.Hour)
	w.clock.Advance(time.Minute)
	must(b, watcher.refresh(b.Context(), home))
	for b.Loop() {
		if list := w.exposures(w.db).List; len(list) != buckets/2 || list[0].SensitiveObjects != objects {
			b.Fatal(exposed(list))
		}
	}
}
