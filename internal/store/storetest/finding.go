package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/magpie-sec/magpie/internal/store"
)

var findingTests = []test{
	{"PutGet", testPutGet},
	{"PutTwice", testPutTwice},
	{"PutConcurrently", testPutConcurrently},
	{"BadFindings", testBadFindings},
	{"Replace", testReplace},
	{"Tenants", testFindingTenants},
	{"AwkwardValues", testAwkwardValues},
	{"PagingUnderInserts", testPagingUnderInserts},
	{"BadQueries", testBadFindingQueries},
}

func putFindings(t testing.TB, db store.DB, tenant store.Tenant, docs ...[]byte) []bool {
	t.Helper()
	var isNew []bool
	update(t, db, func(ctx context.Context, tx store.Tx) (err error) {
		isNew, err = store.PutFindings(ctx, tx, tenant, docs)
		return err
	})
	return isNew
}

func samples(from, to int) [][]byte {
	var docs [][]byte
	for n := from; n < to; n++ {
		docs = append(docs, SampleFinding(n))
	}
	return docs
}

// list returns the ids of all pages.
func list(t testing.TB, db store.DB, tenant store.Tenant, q store.FindingQuery) []string {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 50
	}
	ids := []string{}
	for {
		var page []string
		view(t, db, func(ctx context.Context, tx store.Tx) (err error) {
			page, q.After, err = store.ListFindings(ctx, tx, tenant, q)
			return err
		})
		ids = append(ids, page...)
		if q.After == nil {
			return ids
		}
		if len(page) != q.Limit {
			t.Fatalf("a page of %d before the last, want %d", len(page), q.Limit)
		}
	}
}

func eq(field string, values ...string) store.Criterion {
	return store.Criterion{Field: field, Eq: values}
}

// testPutGet shows that documents come back byte for byte, in the order asked for.
func testPutGet(t *testing.T, db store.DB) {
	docs := samples(0, 450) // more than one batch, policy findings among them
	if isNew := putFindings(t, db, here, docs...); slices.Contains(isNew, false) || len(isNew) != len(docs) {
		t.Fatalf("new: %v", isNew)
	}
	ids := []string{SampleFindingID(449), SampleFindingID(3), "unknown", SampleFindingID(199), SampleFindingID(3), "", "\x00\xff"}
	get := func(sort store.FindingSort) (got []string) {
		view(t, db, func(ctx context.Context, tx store.Tx) error {
			docs, err := store.GetFindings(ctx, tx, here, ids, sort)
			for _, d := range docs {
				got = append(got, string(d))
			}
			return err
		})
		return got
	}
	equal(t, "by time", []string{string(docs[3]), string(docs[199]), string(docs[449])}, get(store.FindingSort{}))
	equal(t, "by resource", []string{string(docs[199]), string(docs[449]), string(docs[3])}, byResource(docs, get(store.FindingSort{Attribute: "resourcesAffected"})))
	if got := get(store.FindingSort{Attribute: "type", Descending: true}); len(got) != 3 || !strings.Contains(got[2], "Policy:") {
		t.Errorf("by type, descending: %v", got)
	}
	tooMany := make([]string, store.MaxGetFindings+1)
	wantError(t, db, store.ErrInvalid, func(ctx context.Context, tx store.Tx) error {
		_, err := store.GetFindings(ctx, tx, here, tooMany, store.FindingSort{})
		return err
	})
}

// byResource checks that findings are in order of their resource and returns them as the test lists them.
func byResource(docs [][]byte, got []string) []string {
	if !slices.IsSortedFunc(got, func(a, b string) int { return compare(decode([]byte(a)), decode([]byte(b)), "resourcesAffected") }) {
		return got
	}
	return []string{string(docs[199]), string(docs[449]), string(docs[3])}
}

// testPutTwice shows that a finding is stored once, says so, and stays as it was first.
func testPutTwice(t *testing.T, db store.DB) {
	docs := samples(0, 20)
	putFindings(t, db, here, docs[:10]...)
	changed := []byte(strings.Replace(string(docs[5]), "look like", "resemble", 1))
	isNew := putFindings(t, db, here, changed, docs[12], docs[13], docs[12])
	equal(t, "new", []bool{false, true, true}, isNew[:3])
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		got, err := store.GetFindings(ctx, tx, here, []string{SampleFindingID(5)}, store.FindingSort{})
		if len(got) != 1 || string(got[0]) != string(docs[5]) {
			t.Errorf("the first document was replaced")
		}
		return err
	})
	if got := list(t, db, here, store.FindingQuery{}); len(got) != 12 {
		t.Errorf("%d findings, want 12", len(got))
	}
}

// testPutConcurrently shows that workers that put the same and different findings at once store each once.
func testPutConcurrently(t *testing.T, db store.DB) {
	const workers = 6
	var wg sync.WaitGroup
	var mu sync.Mutex
	news := 0
	for w := range workers {
		wg.Go(func() {
			for batch := range 5 {
				var isNew []bool
				err := db.Update(t.Context(), func(tx store.Tx) (err error) {
					isNew, err = store.PutFindings(t.Context(), tx, here, samples(batch*20+w*5, batch*20+w*5+40))
					return err
				})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				for _, n := range isNew {
					if n {
						news++
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	const want = 4*20 + (workers-1)*5 + 40
	if got := list(t, db, here, store.FindingQuery{}); len(got) != want || news != want {
		t.Errorf("%d findings, %d said to be new; want %d", len(got), news, want)
	}
}

// testBadFindings shows that what is no finding is refused and takes its batch with it.
func testBadFindings(t *testing.T, db store.DB) {
	good := string(SampleFinding(1))
	for name, bad := range map[string]string{
		"not JSON":            "{",
		"another shape":       `{"id":1}`,
		"no id":               strings.Replace(good, SampleFindingID(1), "", 1),
		"long id":             strings.Replace(good, SampleFindingID(1), strings.Repeat("x", 129), 1),
		"updated before made": strings.Replace(good, `"updatedAt":"2026`, `"updatedAt":"2025`, 1),
		"no bucket":           strings.Replace(good, `"name":"`+decodedBucket(good)+`"`, `"name":""`, 1),
		"bad time":            strings.Replace(good, `"createdAt":"2026-08-01T00:00:07.776Z"`, `"createdAt":"yesterday"`, 1),
		"unknown category":    strings.Replace(good, `"sensitiveData":[{"category":"`, `"sensitiveData":[{"category":"X`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			if bad == good {
				t.Fatal("the sample is not what the test expects")
			}
			wantError(t, db, store.ErrInvalid, func(ctx context.Context, tx store.Tx) error {
				_, err := store.PutFindings(ctx, tx, here, [][]byte{SampleFinding(2), []byte(bad)})
				return err
			})
		})
	}
	if got := list(t, db, here, store.FindingQuery{}); len(got) != 0 {
		t.Errorf("%d findings of refused batches", len(got))
	}
}

func decodedBucket(doc string) string {
	return valuesAt(decode([]byte(doc)).json, "resourcesAffected.s3Bucket.name")[0].(string)
}

// testReplace shows that a finding that occurs again is found by what it is now and no more by what it was.
func testReplace(t *testing.T, db store.DB) {
	docs := samples(0, 400)
	putFindings(t, db, here, docs...)
	id := SampleFindingID(199)
	edit := func(change func(f map[string]any)) []byte {
		f := decode(docs[199]).json.(map[string]any)
		change(f)
		doc, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	again := edit(func(f map[string]any) {
		f["count"], f["updatedAt"], f["archived"] = 2, "2026-12-01T00:00:00.000Z", true
		f["resourcesAffected"].(map[string]any)["s3Bucket"].(map[string]any)["publicAccess"].(map[string]any)["effectivePermission"] = "UNKNOWN"
		f["policyDetails"].(map[string]any)["action"].(map[string]any)["apiCallDetails"].(map[string]any)["api"] = "PutBucketAcl"
	})
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.ReplaceFinding(ctx, tx, here, again) })
	for _, c := range []store.Criterion{
		eq("count", "2"), eq("policyDetails.action.apiCallDetails.api", "PutBucketAcl"),
		eq("resourcesAffected.s3Bucket.publicAccess.effectivePermission", "UNKNOWN"),
	} {
		equal(t, c.Field, []string{id}, list(t, db, here, store.FindingQuery{Criteria: []store.Criterion{c}}))
	}
	if got := list(t, db, here, store.FindingQuery{Sort: store.FindingSort{Descending: true}}); got[0] != id || len(got) != len(docs) {
		t.Errorf("the newest of %d is %s, want %s", len(got), got[0], id)
	}
	before := list(t, db, here, store.FindingQuery{Criteria: []store.Criterion{eq("policyDetails.action.apiCallDetails.api", "PutBucketPolicy")}})
	if slices.Contains(before, id) {
		t.Error("the finding is still found by what it was")
	}
	missing := edit(func(f map[string]any) { f["id"] = "unknown" })
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error { return store.ReplaceFinding(ctx, tx, here, missing) })
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error { return store.ReplaceFinding(ctx, tx, other, again) })
}

// testFindingTenants shows that tenants do not see each other's findings, even with equal ids.
func testFindingTenants(t *testing.T, db store.DB) {
	putFindings(t, db, here, samples(0, 30)...)
	putFindings(t, db, there, samples(20, 60)...)
	for tenant, want := range map[store.Tenant]int{here: 30, there: 40, other: 0} {
		for _, q := range []store.FindingQuery{
			{}, {Sort: store.FindingSort{Attribute: "type"}}, {Criteria: []store.Criterion{{Field: "category", Neq: []string{"X"}}}},
			{Criteria: []store.Criterion{eq("category", "CLASSIFICATION")}}, {Criteria: []store.Criterion{eq("classificationDetails.jobId", SampleJob(0))}},
		} {
			if got := list(t, db, tenant, q); len(got) != want {
				t.Errorf("%v, %+v: %d findings, want %d", tenant, q, len(got), want)
			}
		}
		view(t, db, func(ctx context.Context, tx store.Tx) error {
			counts, err := store.FindingStatistics(ctx, tx, tenant, store.StatisticsQuery{GroupBy: store.GroupByJob})
			for _, c := range counts {
				want -= int(c.Count)
			}
			if want != 0 {
				t.Errorf("%v: statistics miss %d findings", tenant, want)
			}
			return err
		})
	}
}

// testAwkwardValues shows that values that text columns or indexes could not hold can be filtered by, and kept apart.
func testAwkwardValues(t *testing.T, db store.DB) {
	values := []string{"", "\x00", "a\x00b", "\uFFFD", "\uFFFF", "\U0010FFFF", "'", "%", strings.Repeat("k", 255), strings.Repeat("k", 256),
		strings.Repeat("k", 5000) + "a", strings.Repeat("k", 5000) + "b"}
	fields := map[string]func(f map[string]any, v string){
		"resourcesAffected.s3Object.key": func(f map[string]any, v string) {
			o := f["resourcesAffected"].(map[string]any)["s3Object"].(map[string]any)
			o["key"], o["path"] = v, decodedBucket(string(SampleFinding(0)))+"/"+v
		},
		"resourcesAffected.s3Object.extension": func(f map[string]any, v string) {
			f["resourcesAffected"].(map[string]any)["s3Object"].(map[string]any)["extension"] = v
		},
		"resourcesAffected.s3Bucket.owner.displayName": func(f map[string]any, v string) {
			f["resourcesAffected"].(map[string]any)["s3Bucket"].(map[string]any)["owner"].(map[string]any)["displayName"] = v
		},
		"resourcesAffected.s3Object.tags.value": func(f map[string]any, v string) {
			f["resourcesAffected"].(map[string]any)["s3Object"].(map[string]any)["tags"] = []any{map[string]any{"key": "k", "value": v}}
		},
	}
	var docs [][]byte
	for i, v := range values {
		f := decode(SampleFinding(0)).json.(map[string]any)
		f["id"] = fmt.Sprintf("finding-%02d", i)
		for _, set := range fields {
			set(f, v)
		}
		doc, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
	}
	putFindings(t, db, here, docs...)
	for i, v := range values {
		want := []string{fmt.Sprintf("finding-%02d", i)}
		for field := range fields {
			equal(t, fmt.Sprintf("%s = %.20q", field, v), want, list(t, db, here, store.FindingQuery{Criteria: []store.Criterion{eq(field, v)}}))
			rest := list(t, db, here, store.FindingQuery{Criteria: []store.Criterion{{Field: field, Neq: []string{v}}}})
			if len(rest) != len(values)-1 || slices.Contains(rest, want[0]) {
				t.Errorf("%s other than %.20q: %v", field, v, rest)
			}
		}
		path := decodedBucket(string(SampleFinding(0))) + "/" + v
		equal(t, "path", want, list(t, db, here, store.FindingQuery{Criteria: []store.Criterion{eq("resourcesAffected.s3Object.path", path)}}))
	}
	for _, field := range store.FindingFields() { // and as a question of every field
		if field.Kind == store.String || field.Kind == store.StringSet {
			list(t, db, here, store.FindingQuery{Criteria: []store.Criterion{eq(field.Name, "\x00", "\xff", strings.Repeat("x", 100_000))}})
		}
	}
}

// testPagingUnderInserts shows that pages hold every finding that was there from the start once, in order, while others are stored.
func testPagingUnderInserts(t *testing.T, db store.DB) {
	putFindings(t, db, here, samples(0, 300)...)
	rng := rand.New(rand.NewPCG(1, 2))
	next := 300
	for _, attribute := range append(store.FindingSortAttributes(), "") {
		for _, descending := range []bool{false, true} {
			sort := store.FindingSort{Attribute: attribute, Descending: descending}
			before := list(t, db, here, store.FindingQuery{Sort: sort})
			q := store.FindingQuery{Sort: sort, Limit: 23}
			var paged []string
			for more := true; more; {
				view(t, db, func(ctx context.Context, tx store.Tx) error {
					page, after, err := store.ListFindings(ctx, tx, here, q)
					paged = append(paged, page...)
					q.After, more = after, after != nil
					return err
				})
				putFindings(t, db, here, SampleFinding(next), SampleFinding(next+1+rng.IntN(3)*100_000))
				next += 2
			}
			seen := make(map[string]bool)
			for _, id := range paged {
				if seen[id] {
					t.Errorf("%+v: %s appears twice", sort, id)
				}
				seen[id] = true
			}
			kept := slices.DeleteFunc(slices.Clone(paged), func(id string) bool { return !slices.Contains(before, id) })
			if !slices.Equal(before, kept) {
				t.Errorf("%+v: the pages miss findings or are out of order", sort)
			}
		}
	}
}

func testBadFindingQueries(t *testing.T, db store.DB) {
	putFindings(t, db, here, samples(0, 3)...)
	one := int64(1)
	for name, bad := range map[string]struct {
		criterion store.Criterion
		operator  string
	}{
		"unknown field":           {eq("severity.score", "1"), ""},
		"unknown field of path":   {eq("resourcesAffected.s3Bucket.arn", "x"), ""},
		"no operator":             {store.Criterion{Field: "type"}, ""},
		"empty list":              {store.Criterion{Field: "type", Eq: []string{}}, "eq"},
		"too many values":         {store.Criterion{Field: "type", Neq: make([]string, 51)}, "neq"},
		"range of a string":       {store.Criterion{Field: "type", Gt: &one}, "gt"},
		"range of a boolean":      {store.Criterion{Field: "archived", Lte: &one}, "lte"},
		"exact match of a string": {store.Criterion{Field: "type", EqExactMatch: []string{"x"}}, "eqExactMatch"},
		"exact match of a number": {store.Criterion{Field: "count", EqExactMatch: []string{"1"}}, "eqExactMatch"},
		"exact match and another": {store.Criterion{Field: "classificationDetails.result.sensitiveData.category", EqExactMatch: []string{"x"}, Eq: []string{"x"}}, "eqExactMatch"},
		"boolean word":            {eq("archived", "True"), "eq"},
		"number word":             {eq("count", "one"), "eq"},
		"fraction":                {eq("createdAt", "1.5"), "eq"},
		"too great":               {eq("count", "9223372036854775808"), "eq"},
	} {
		t.Run(name, func(t *testing.T) {
			var got *store.CriterionError
			err := store.CheckFindingCriteria([]store.Criterion{eq("type", "x"), bad.criterion})
			if name == "no operator" || bad.criterion.Field == "type" {
				err = store.CheckFindingCriteria([]store.Criterion{bad.criterion})
			}
			if !errors.As(err, &got) || !errors.Is(err, store.ErrInvalid) || got.Field != bad.criterion.Field || got.Operator != bad.operator {
				t.Errorf("got %v, want an error of field %s, operator %q", err, bad.criterion.Field, bad.operator)
			}
		})
	}
	twice := []store.Criterion{eq("type", "x"), eq("type", "y")}
	for name, run := range map[string]func(ctx context.Context, tx store.Tx) error{
		"field twice": func(ctx context.Context, tx store.Tx) error {
			_, _, err := store.ListFindings(ctx, tx, here, store.FindingQuery{Limit: 1, Criteria: twice})
			return err
		},
		"statistics": func(ctx context.Context, tx store.Tx) error {
			_, err := store.FindingStatistics(ctx, tx, here, store.StatisticsQuery{GroupBy: store.GroupByType, Criteria: twice})
			return err
		},
		"group": func(ctx context.Context, tx store.Tx) error {
			_, err := store.FindingStatistics(ctx, tx, here, store.StatisticsQuery{GroupBy: "id"})
			return err
		},
		"sort": func(ctx context.Context, tx store.Tx) error {
			_, _, err := store.ListFindings(ctx, tx, here, store.FindingQuery{Limit: 1, Sort: store.FindingSort{Attribute: "id"}})
			return err
		},
		"limit": func(ctx context.Context, tx store.Tx) error {
			_, _, err := store.ListFindings(ctx, tx, here, store.FindingQuery{})
			return err
		},
		"place": func(ctx context.Context, tx store.Tx) error {
			_, _, err := store.ListFindings(ctx, tx, here, store.FindingQuery{Limit: 1, After: []byte("x")})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, db, store.ErrInvalid, run) })
	}
}
