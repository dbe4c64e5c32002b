package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/store"
)

var analyzerTests = []test{
	{"RoundTrip", testAnalyzers}, {"Scan", testScans}, {"Delete", testDeleteAnalyzer}, {"Rules", testArchiveRules}, {"Answers", testAnswers},
	{"Resources", testAnalyzedResources}, {"Findings", testAccessFindings}, {"List", testListAccessFindings}, {"Retention", testRetention},
}

// accessAnalyzerTables are the tables that disabling Macie leaves alone.
var accessAnalyzerTables = []string{"analyzers", "archive_rules", "access_findings", "analyzed_resources", "answered_requests", "access_previews"}

func analyzerNamed(name string) store.Analyzer {
	return store.Analyzer{ID: "id-" + name, Name: name, Type: "ACCOUNT", CreatedAt: 5, Tags: []byte("{}"), Doc: []byte(`{"a":1}`)}
}

func testAnalyzers(t *testing.T, db store.DB) {
	a, b := analyzerNamed("a"), analyzerNamed("b")
	b.Type, b.Tags, b.Doc = "ORGANIZATION", []byte{}, []byte{}
	create := func(tenant store.Tenant, a store.Analyzer) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return store.CreateAnalyzer(ctx, tx, tenant, a) }
	}
	update(t, db, create(here, b))
	update(t, db, create(here, a))
	update(t, db, create(there, a))
	again := a
	again.ID = "another"
	wantError(t, db, store.ErrConflict, create(here, again))
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		byName, err := store.GetAnalyzer(ctx, tx, here, "a")
		equal(t, "by name", a, byName)
		byID, err2 := store.GetAnalyzerByID(ctx, tx, here, b.ID)
		equal(t, "by id", b, byID)
		all, err3 := store.ListAnalyzers(ctx, tx, here, "", "", 10)
		equal(t, "all", []store.Analyzer{a, b}, all)
		one, err4 := store.ListAnalyzers(ctx, tx, here, "", "", 1)
		equal(t, "the first", []store.Analyzer{a}, one)
		rest, err5 := store.ListAnalyzers(ctx, tx, here, "", "a", 10)
		equal(t, "behind it", []store.Analyzer{b}, rest)
		kind, err6 := store.ListAnalyzers(ctx, tx, here, "ORGANIZATION", "", 10)
		equal(t, "of a type", []store.Analyzer{b}, kind)
		n, err7 := store.CountAnalyzers(ctx, tx, here, "ACCOUNT")
		equal(t, "number", int64(1), n)
		everyone, err8 := store.AllAnalyzers(ctx, tx)
		equal(t, "of all tenants", []store.TenantAnalyzer{{Tenant: there, Analyzer: a}, {Tenant: here, Analyzer: a}, {Tenant: here, Analyzer: b}}, everyone)
		return errors.Join(err, err2, err3, err4, err5, err6, err7, err8)
	})
	for _, name := range []string{"c", "\x00", "\xff"} {
		wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
			_, err := store.GetAnalyzer(ctx, tx, here, name)
			return err
		})
	}
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := store.GetAnalyzer(ctx, tx, other, "a")
		return err
	})
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		return store.SetAnalyzerTags(ctx, tx, other, a.ID, nil)
	})
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		err := store.SetAnalyzerTags(ctx, tx, here, a.ID, []byte(`{"k":"v"}`))
		got, err2 := store.GetAnalyzer(ctx, tx, here, "a")
		equal(t, "tags", `{"k":"v"}`, string(got.Tags))
		return errors.Join(err, err2)
	})
}

// testScans holds the fence: only the last scan that began can write.
func testScans(t *testing.T, db store.DB) {
	a := analyzerNamed("a")
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.CreateAnalyzer(ctx, tx, here, a) })
	begin := func(scanner string, now int64) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error {
			_, err := store.BeginScan(ctx, tx, here, a.ID, scanner, now, now+10)
			return err
		}
	}
	hold := func(scan int64) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return store.HoldScan(ctx, tx, here, a.ID, scan, 200) }
	}
	at := int64(120)
	end := func(scan int64) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return store.EndScan(ctx, tx, here, a.ID, scan, &at) }
	}
	wantError(t, db, store.ErrConflict, hold(1)) // none has begun
	update(t, db, begin("x", 100))
	wantError(t, db, store.ErrConflict, begin("y", 105))
	update(t, db, hold(1))
	wantError(t, db, store.ErrConflict, begin("y", 199)) // the time was made longer
	update(t, db, begin("x", 150))                       // its own it may take again: it was killed and is back
	wantError(t, db, store.ErrConflict, hold(1))
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return store.SetLastResource(ctx, tx, here, a.ID, 2, "arn", 7)
	})
	update(t, db, end(2))
	update(t, db, begin("y", 121)) // it is free
	for _, late := range []func(context.Context, store.Tx) error{hold(2), end(2), func(ctx context.Context, tx store.Tx) error {
		return store.SetLastResource(ctx, tx, here, a.ID, 2, "late", 8)
	}} {
		wantError(t, db, store.ErrConflict, late)
	}
	update(t, db, begin("z", 131)) // y was silent too long
	wantError(t, db, store.ErrConflict, hold(3))
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		err := store.EndScan(ctx, tx, here, a.ID, 4, nil) // not to its end
		err2 := store.RequestScan(ctx, tx, here, a.ID)
		got, err3 := store.GetAnalyzer(ctx, tx, here, "a")
		want, seven := a, int64(7)
		want.Scan, want.Scanner, want.Requested, want.ScannedAt, want.LastResource, want.LastResourceAt = 4, "z", 1, &at, "arn", &seven
		equal(t, "analyzer", want, got)
		return errors.Join(err, err2, err3)
	})
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error { return store.RequestScan(ctx, tx, there, a.ID) })
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := store.BeginScan(ctx, tx, there, a.ID, "x", 1, 2)
		return err
	})
}

// fillAnalyzer stores something of an analyzer in every table.
func fillAnalyzer(ctx context.Context, tx store.Tx, tenant store.Tenant, name string) error {
	a := analyzerNamed(name)
	return errors.Join(
		store.CreateAnalyzer(ctx, tx, tenant, a),
		store.CreateArchiveRule(ctx, tx, tenant, a.ID, store.ArchiveRule{Name: "r"}),
		store.PutAnalyzedResource(ctx, tx, tenant, a.ID, store.AnalyzedResource{Resource: "arn"}),
		store.CreateAccessFinding(ctx, tx, tenant, a.ID, store.AccessFinding{ID: "f", Resource: "arn"}),
		store.CreateAccessPreview(ctx, tx, tenant, a.ID, previewOf("p", 1), 0),
		store.PutAnswer(ctx, tx, tenant, store.AnsweredRequest{Operation: "Create", ClientToken: name, Subject: a.ID}, 0))
}

func testDeleteAnalyzer(t *testing.T, db store.DB) {
	counts := func() map[string]int64 {
		counts := map[string]int64{}
		view(t, db, func(ctx context.Context, tx store.Tx) (err error) {
			for _, table := range accessAnalyzerTables {
				var n int64
				err = errors.Join(err, store.One(ctx, tx, "SELECT COUNT(*) FROM "+table, nil, &n))
				counts[table] = n
			}
			return err
		})
		return counts
	}
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(fillAnalyzer(ctx, tx, here, "a"), fillAnalyzer(ctx, tx, there, "a"))
	})
	one := counts()
	update(t, db, func(ctx context.Context, tx store.Tx) error { return fillAnalyzer(ctx, tx, here, "b") })
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.DeleteAnalyzer(ctx, tx, here, "id-b") })
	equal(t, "rows after one of three was deleted", one, counts())
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error { return store.DeleteAnalyzer(ctx, tx, here, "id-b") })
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(store.DeleteAnalyzer(ctx, tx, here, "id-a"), store.DeleteAnalyzer(ctx, tx, there, "id-a"))
	})
	for table, n := range counts() {
		if n != 0 || one[table] != 2 {
			t.Errorf("%s: %d rows are left of %d", table, n, one[table])
		}
	}
	update(t, db, func(ctx context.Context, tx store.Tx) error { return fillAnalyzer(ctx, tx, here, "a") })
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return store.PutSession(ctx, tx, here, store.Session{Status: "ENABLED"})
	})
	filled := counts()
	if err := store.DeleteTenant(t.Context(), db, here); err != nil {
		t.Fatal(err)
	}
	equal(t, "rows after Macie was disabled", filled, counts())
}

func testArchiveRules(t *testing.T, db store.DB) {
	rule := func(name string) store.ArchiveRule {
		return store.ArchiveRule{Name: name, CreatedAt: 1, UpdatedAt: 2, Doc: []byte(name)}
	}
	create := func(analyzer string, r store.ArchiveRule) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error {
			return store.CreateArchiveRule(ctx, tx, here, analyzer, r)
		}
	}
	for _, name := range []string{"b", "a", "c"} {
		update(t, db, create("x", rule(name)))
	}
	update(t, db, create("y", rule("a")))
	wantError(t, db, store.ErrConflict, create("x", rule("a")))
	changed := store.ArchiveRule{Name: "b", CreatedAt: 9, UpdatedAt: 3, Doc: []byte("new")}
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		err := store.UpdateArchiveRule(ctx, tx, here, "x", changed)
		changed.CreatedAt = 1 // stays
		got, err2 := store.GetArchiveRule(ctx, tx, here, "x", "b")
		equal(t, "changed", changed, got)
		page, err3 := store.ArchiveRules(ctx, tx, here, "x", "a", 1)
		equal(t, "page", []store.ArchiveRule{changed}, page)
		n, err4 := store.CountArchiveRules(ctx, tx, here, "x")
		equal(t, "number", int64(3), n)
		return errors.Join(err, err2, err3, err4, store.DeleteArchiveRule(ctx, tx, here, "x", "a"))
	})
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		x, err := store.ArchiveRules(ctx, tx, here, "x", "", 100)
		equal(t, "rules", []store.ArchiveRule{changed, rule("c")}, x)
		y, err2 := store.ArchiveRules(ctx, tx, here, "y", "", 100)
		equal(t, "of the other analyzer", []store.ArchiveRule{rule("a")}, y)
		z, err3 := store.ArchiveRules(ctx, tx, there, "x", "", 100)
		equal(t, "of another tenant", []store.ArchiveRule(nil), z)
		return errors.Join(err, err2, err3)
	})
	for _, name := range []string{"a", "\x00", "\xff"} {
		wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
			_, err := store.GetArchiveRule(ctx, tx, here, "x", name)
			return err
		})
		wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
			return store.UpdateArchiveRule(ctx, tx, here, "x", rule(name))
		})
		wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
			return store.DeleteArchiveRule(ctx, tx, here, "x", name)
		})
	}
}

func testAnswers(t *testing.T, db store.DB) {
	long := strings.Repeat("token \x00\xff", 1000)
	put := func(tenant store.Tenant, operation, token, hash string, at, oldest int64) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error {
			return store.PutAnswer(ctx, tx, tenant, store.AnsweredRequest{Operation: operation, ClientToken: token, RequestHash: []byte(hash),
				CreatedAt: at, Subject: "s", Answer: []byte(operation + hash)}, oldest)
		}
	}
	answered := func(tenant store.Tenant, operation, token, hash string) (answer string, err error) {
		err = db.View(t.Context(), func(tx store.Tx) error {
			got, err := store.Answered(t.Context(), tx, tenant, operation, token, []byte(hash))
			answer = string(got)
			return err
		})
		return answer, err
	}
	update(t, db, put(here, "A", long, "1", 10, 0))
	update(t, db, put(here, "B", long, "2", 20, 0))
	for _, c := range []struct {
		operation, hash, want string
		err                   error
	}{{"A", "1", "A1", nil}, {"B", "2", "B2", nil}, {"B", "1", "", store.ErrConflict}, {"C", "1", "", store.ErrNotFound}} {
		got, err := answered(here, c.operation, long, c.hash)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s, %s: %q, %v", c.operation, c.hash, got, err)
		}
	}
	if _, err := answered(there, "A", long, "1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another tenant: %v", err)
	}
	update(t, db, put(here, "B", long, "3", 30, 20)) // forgets what is older than 20, and the old answer of B
	if _, err := answered(here, "A", long, "1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a forgotten answer: %v", err)
	}
	if got, err := answered(here, "B", long, "3"); got != "B3" || err != nil {
		t.Errorf("the new answer: %q, %v", got, err)
	}
}

func testAnalyzedResources(t *testing.T, db store.DB) {
	resource := func(name, kind string) store.AnalyzedResource {
		return store.AnalyzedResource{Resource: name, Type: kind, Owner: "111122223333", Place: here.String(), Fingerprint: []byte{1}, CreatedAt: 1, AnalyzedAt: 2,
			UpdatedAt: 1, Doc: []byte("{}")}
	}
	all := []store.AnalyzedResource{resource("a", "T"), resource("b", "U"), resource("c\x00\xff", "T")}
	put := func(analyzer string, r store.AnalyzedResource) {
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			return store.PutAnalyzedResource(ctx, tx, here, analyzer, r)
		})
	}
	for _, r := range all {
		put("x", r)
	}
	put("y", all[0])
	long := resource(strings.Repeat("l", 5000), "T")
	put("y", long)
	changed := all[1]
	changed.Fingerprint, changed.AnalyzedAt, changed.UpdatedAt, changed.Doc, changed.CreatedAt = []byte{2}, 9, 8, []byte("new"), 7
	put("x", changed)
	all[1] = changed
	again := changed
	again.Place, again.AnalyzedAt, again.UpdatedAt = there.String(), 10, 10 // the document is the same
	put("x", again)
	all[1].CreatedAt, all[1].Place, all[1].AnalyzedAt = 1, again.Place, 10
	list := func(kind, after string, limit int) (got []store.AnalyzedResource) {
		view(t, db, func(ctx context.Context, tx store.Tx) (err error) {
			got, err = store.ListAnalyzedResources(ctx, tx, here, "x", kind, after, "111122223333", limit)
			return err
		})
		return got
	}
	equal(t, "all", all, list("", "", 10))
	equal(t, "first page", all[:2], list("", "", 2))
	equal(t, "second page", all[2:], list("", "b", 2))
	equal(t, "of a type", all[1:2], list("U", "", 2))
	twin := resource("b", "T") // another owner's of the same name
	twin.Owner = "444455556666"
	put("x", twin)
	equal(t, "with its twin", []store.AnalyzedResource{all[0], all[1], twin, all[2]}, list("", "", 10))
	equal(t, "behind the first of two", []store.AnalyzedResource{twin, all[2]}, list("", "b", 2))
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		got, err := store.GetAnalyzedResource(ctx, tx, here, "x", "b")
		equal(t, "the first of two", all[1], got)
		return errors.Join(err, store.DeleteAnalyzedResource(ctx, tx, here, "x", "b", twin.Owner))
	})
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		err := store.ForgetFingerprint(ctx, tx, here, "x", "a")
		err2 := store.ForgetFingerprint(ctx, tx, here, "x", "unknown")
		states := map[string][]byte{}
		err3 := store.ResourceStates(ctx, tx, here, "x", func(s store.ResourceState) { states[s.Resource] = s.Fingerprint })
		equal(t, "fingerprints", map[string][]byte{"a": {}, "b": {2}, "c\x00\xff": {1}}, states)
		got, err4 := store.GetAnalyzedResource(ctx, tx, here, "y", long.Resource)
		equal(t, "one with a long name", long.Doc, got.Doc)
		return errors.Join(err, err2, err3, err4, store.DeleteAnalyzedResource(ctx, tx, here, "x", "a", "111122223333"))
	})
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := store.GetAnalyzedResource(ctx, tx, here, "x", "a")
		return err
	})
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := store.GetAnalyzedResource(ctx, tx, there, "x", "b")
		return err
	})
}

func ptr[T any](v T) *T { return &v }

func testAccessFindings(t *testing.T, db store.DB) {
	f := store.AccessFinding{ID: "f", Resource: "r\x00\xff", Type: "T", Owner: "111122223333", Status: "ACTIVE", Public: ptr(true), CreatedAt: 1,
		AnalyzedAt: 2, UpdatedAt: 3, Doc: []byte("{}")}
	failed := store.AccessFinding{ID: "e", Resource: "r\x00\xff", Type: "T", Status: "ACTIVE", Error: "ACCESS_DENIED", Doc: []byte{}}
	elsewhere := store.AccessFinding{ID: "g", Resource: strings.Repeat("l", 5000), Type: "U", Status: "ARCHIVED", Public: ptr(false), Doc: []byte{}}
	for _, f := range []store.AccessFinding{f, failed, elsewhere} {
		update(t, db, func(ctx context.Context, tx store.Tx) error { return store.CreateAccessFinding(ctx, tx, here, "x", f) })
	}
	wantError(t, db, store.ErrConflict, func(ctx context.Context, tx store.Tx) error {
		return store.CreateAccessFinding(ctx, tx, here, "x", f)
	})
	update(t, db, func(ctx context.Context, tx store.Tx) error { return store.CreateAccessFinding(ctx, tx, here, "y", f) })
	changed := f
	changed.Status, changed.AnalyzedAt, changed.UpdatedAt = "RESOLVED", 8, 9
	other := changed
	other.Type, other.Public, other.CreatedAt, other.Doc = "no", nil, 100, nil // stay as they are
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return store.UpdateAccessFinding(ctx, tx, here, "x", other)
	})
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		got, err := store.GetAccessFinding(ctx, tx, here, "x", "f")
		equal(t, "changed", changed, got)
		got, err2 := store.GetAccessFinding(ctx, tx, here, "y", "f")
		equal(t, "of the other analyzer", f, got)
		of, err3 := store.AccessFindingsOf(ctx, tx, here, "x", f.Resource)
		equal(t, "of the resource", []store.AccessFinding{failed, changed}, of)
		long, err4 := store.AccessFindingsOf(ctx, tx, here, "x", elsewhere.Resource)
		equal(t, "of a resource with a long name", 1, len(long))
		counts, err5 := store.CountAccessFindings(ctx, tx, here, "x")
		equal(t, "counts", []store.AccessFindingCount{{Type: "T", Status: "ACTIVE", Error: true, Count: 1},
			{Type: "T", Status: "RESOLVED", Public: ptr(true), Count: 1}, {Type: "U", Status: "ARCHIVED", Public: ptr(false), Count: 1}}, counts)
		return errors.Join(err, err2, err3, err4, err5, store.DeleteAccessFinding(ctx, tx, here, "x", "e"))
	})
	for _, id := range []string{"e", "\x00", "\xff"} {
		wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
			_, err := store.GetAccessFinding(ctx, tx, here, "x", id)
			return err
		})
	}
	for _, gone := range []func(context.Context, store.Tx) error{
		func(ctx context.Context, tx store.Tx) error {
			return store.DeleteAccessFinding(ctx, tx, here, "x", "e")
		},
		func(ctx context.Context, tx store.Tx) error {
			return store.UpdateAccessFinding(ctx, tx, there, "x", changed)
		},
	} {
		wantError(t, db, store.ErrNotFound, gone)
	}
}

// testListAccessFindings lists in every order, in pages of several sizes, and compares with a list sorted here.
func testListAccessFindings(t *testing.T, db store.DB) {
	const number = 60
	statuses := []string{"ACTIVE", "ARCHIVED", "RESOLVED"}
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		var errs []error
		for i := range number {
			f := store.AccessFinding{ID: fmt.Sprintf("f%02d", i*7%number), Resource: fmt.Sprintf("r%d\xff", i%4), Type: fmt.Sprintf("T%d", i%3),
				Owner: fmt.Sprint(i % 2), Status: statuses[i%3], CreatedAt: int64(i % 5), AnalyzedAt: int64(-i % 6), UpdatedAt: int64(i % 7)}
			switch i % 4 {
			case 0:
				f.Error = "INTERNAL_ERROR"
			case 1, 2:
				f.Public = ptr(i%4 == 1)
			}
			errs = append(errs, store.CreateAccessFinding(ctx, tx, here, "x", f), store.CreateAccessFinding(ctx, tx, here, "y", f))
		}
		return errors.Join(errs...)
	})
	list := func(q store.AccessFindingQuery) (all []store.AccessFinding) {
		t.Helper()
		for {
			var page []store.AccessFinding
			view(t, db, func(ctx context.Context, tx store.Tx) (err error) {
				page, q.After, err = store.ListAccessFindings(ctx, tx, here, "x", q)
				return err
			})
			all = append(all, page...)
			if q.After == nil {
				return all
			}
			if len(page) != q.Limit {
				t.Fatalf("page of %d before the last, limit %d", len(page), q.Limit)
			}
		}
	}
	key := map[string]func(store.AccessFinding) string{
		"id":                   func(f store.AccessFinding) string { return "" },
		"resource":             func(f store.AccessFinding) string { return f.Resource },
		"resourceType":         func(f store.AccessFinding) string { return f.Type },
		"resourceOwnerAccount": func(f store.AccessFinding) string { return f.Owner },
		"status":               func(f store.AccessFinding) string { return f.Status },
		"error":                func(f store.AccessFinding) string { return f.Error },
		"createdAt":            func(f store.AccessFinding) string { return fmt.Sprint(f.CreatedAt + 5000) },
		"analyzedAt":           func(f store.AccessFinding) string { return fmt.Sprint(f.AnalyzedAt + 5000) },
		"updatedAt":            func(f store.AccessFinding) string { return fmt.Sprint(f.UpdatedAt + 5000) },
		"":                     func(f store.AccessFinding) string { return fmt.Sprint(f.UpdatedAt + 5000) },
		"isPublic": func(f store.AccessFinding) string {
			if f.Public == nil {
				return ""
			}
			return fmt.Sprint(*f.Public)
		},
	}
	for sort, of := range key {
		if sort != "" && !store.CanSortAccessFindings(sort) {
			t.Errorf("%s is no order", sort)
		}
		for _, descending := range []bool{false, true} {
			whole := list(store.AccessFindingQuery{Sort: sort, Descending: descending, Limit: number})
			if len(whole) != number {
				t.Fatalf("%s: %d of %d", sort, len(whole), number)
			}
			for i := 1; i < number; i++ {
				a, b := of(whole[i-1])+"\x00"+whole[i-1].ID, of(whole[i])+"\x00"+whole[i].ID
				if a == b || a > b != descending {
					t.Fatalf("%s, descending %v: %q before %q", sort, descending, a, b)
				}
			}
			for _, limit := range []int{1, 7, 59} {
				equal(t, fmt.Sprintf("%s in pages of %d", sort, limit), whole, list(store.AccessFindingQuery{Sort: sort, Descending: descending, Limit: limit}))
			}
		}
	}
	odd := func(f *store.AccessFinding) (bool, error) { return f.CreatedAt%2 == 1 && f.Status == "ACTIVE", nil }
	equal(t, "narrowed", list(store.AccessFindingQuery{Keep: odd, Limit: 3}),
		list(store.AccessFindingQuery{Keep: odd, Limit: 2, Statuses: []string{"ACTIVE", "\x00"}}))
	if n := len(list(store.AccessFindingQuery{Limit: 5, Resources: []string{"r1\xff", "r3\xff", "r9"}})); n != number/2 {
		t.Errorf("%d findings of half the resources", n)
	}
	if n := len(list(store.AccessFindingQuery{Limit: 5, Statuses: []string{}})); n != 0 {
		t.Errorf("%d findings without a status", n)
	}
	stop := errors.New("stop")
	for what, c := range map[string]struct {
		q    store.AccessFindingQuery
		want error
	}{
		"an order":    {store.AccessFindingQuery{Sort: "principal", Limit: 1}, store.ErrInvalid},
		"a limit":     {store.AccessFindingQuery{}, store.ErrInvalid},
		"a place":     {store.AccessFindingQuery{Limit: 1, After: []byte("{")}, store.ErrInvalid},
		"a bad place": {store.AccessFindingQuery{Limit: 1, After: []byte(`{"i":"\u0000"}`)}, store.ErrInvalid},
		"a filter":    {store.AccessFindingQuery{Limit: 1, Keep: func(*store.AccessFinding) (bool, error) { return false, stop }}, stop},
	} {
		t.Run(what, func(t *testing.T) {
			wantError(t, db, c.want, func(ctx context.Context, tx store.Tx) error {
				_, _, err := store.ListAccessFindings(ctx, tx, here, "x", c.q)
				return err
			})
		})
	}
}

func testRetention(t *testing.T, db store.DB) {
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		var errs []error
		for i := range 10 {
			f := store.AccessFinding{ID: fmt.Sprint("f", i), Status: "RESOLVED", UpdatedAt: int64(i)}
			if i == 2 {
				f.Status = "ARCHIVED"
			}
			errs = append(errs, store.CreateAccessFinding(ctx, tx, here, "x", f), store.CreateAccessFinding(ctx, tx, here, "y", f))
		}
		return errors.Join(errs...)
	})
	for _, want := range []int64{3, 1, 0} {
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			n, err := store.DeleteResolvedFindings(ctx, tx, here, "x", 5, 3)
			equal(t, "deleted", want, n)
			return err
		})
	}
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		x, _, err := store.ListAccessFindings(ctx, tx, here, "x", store.AccessFindingQuery{Limit: 100})
		y, _, err2 := store.ListAccessFindings(ctx, tx, here, "y", store.AccessFindingQuery{Limit: 100})
		equal(t, "left", []int{6, 10}, []int{len(x), len(y)})
		return errors.Join(err, err2)
	})
}
