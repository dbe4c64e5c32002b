package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/store"
)

var (
	sessionTests   = []test{{"RoundTrip", testSession}, {"DeleteTenant", testDeleteTenant}, {"DeleteHalfway", testDeleteHalfway}}
	resultTests    = []test{{"RoundTrip", testResults}, {"Pages", testResultPages}, {"LongKeys", testLongKeys}, {"BadText", testBadText}}
	accessKeyTests = []test{{"RoundTrip", testAccessKeys}}
	tagTests       = []test{{"RoundTrip", testTags}}
	settingTests   = []test{{"RoundTrip", testSettings}, {"Exclusive", testExclusive}}
)

func wantError(t testing.TB, db store.DB, want error, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	err := db.Update(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) })
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func equal(t testing.TB, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: -want +got\n%s", what, diff)
	}
}

func testSession(t *testing.T, db store.DB) {
	get := func(tenant store.Tenant) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { _, err := store.GetSession(ctx, tx, tenant); return err }
	}
	wantError(t, db, store.ErrNotFound, get(here))
	for _, want := range []store.Session{
		{Status: "ENABLED", Frequency: "ONE_HOUR", CreatedAt: 1, UpdatedAt: 1, Doc: []byte{}},
		{Status: "PAUSED", Frequency: "SIX_HOURS", CreatedAt: 1, UpdatedAt: 2, Doc: []byte(`{"a":1}`)},
	} {
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			if err := store.PutSession(ctx, tx, here, want); err != nil {
				return err
			}
			got, err := store.GetSession(ctx, tx, here)
			equal(t, "session", want, got)
			return err
		})
	}
	wantError(t, db, store.ErrNotFound, get(there))
	wantError(t, db, store.ErrNotFound, get(other))
}

// fill stores something of a tenant in every table that belongs to tenants.
func fill(t testing.TB, db store.DB, tenant store.Tenant) {
	t.Helper()
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		_, put := store.PutFindings(ctx, tx, tenant, [][]byte{SampleFinding(1), SampleFinding(2)})
		_, shard := tx.Exec(ctx, `INSERT INTO shards (account, region, job_id, run_id, shard_key, kind, bucket, payload, state, created_at, updated_at)
			VALUES ($1, $2, 'j', 'u', 'k', '', '', $3, '', 0, 0)`, tenant.Account, tenant.Region, []byte{})
		_, run := tx.Exec(ctx, "INSERT INTO runs (account, region, job_id, run_id, run_key, state, started_at) VALUES ($1, $2, 'j', 'u', 'k', '', 0)",
			tenant.Account, tenant.Region)
		_, event := store.PutJobEvents(ctx, tx, tenant, []store.JobEvent{{JobID: "j"}})
		return errors.Join(put, shard, run, event,
			store.PutSession(ctx, tx, tenant, store.Session{Status: "ENABLED"}),
			store.PutSetting(ctx, tx, tenant, "a", 1, nil),
			store.PutTags(ctx, tx, tenant, "arn", map[string]string{"k": "v"}),
			store.PutResults(ctx, tx, tenant, "j", "u", append(plainResults("b", "plain/%02d", 10), store.Result{Bucket: "b", Key: []byte("k")})),
			store.CreateJob(ctx, tx, tenant, store.Job{ID: "j", ClientToken: "t"}),
			store.BucketListed(ctx, tx, tenant, "j", "b", 1),
			store.CreateFindingsFilter(ctx, tx, tenant, store.FindingsFilter{ID: "f"}),
			fillLedger(ctx, tx, tenant),
			store.PutExport(ctx, tx, store.ExportFile{Tenant: tenant, File: "f"}, nil),
			store.CreateCustomIdentifier(ctx, tx, tenant, store.CustomIdentifier{ID: "c"}),
			store.CreateAllowList(ctx, tx, tenant, store.AllowList{ID: "l", ClientToken: "t"}),
			fillReveal(ctx, tx, tenant),
			fillParts(ctx, tx, tenant),
			store.PutDiscoveryProfile(ctx, tx, tenant, store.DiscoveryProfile{Bucket: "b"}),
			store.PutDiscoveryObjects(ctx, tx, tenant, []store.DiscoveryObject{{Bucket: "b", Key: []byte("k"), Detections: []store.DiscoveryDetection{{ID: "i"}}}}),
			store.PutNotification(ctx, tx, tenant, store.Notification{Bucket: "b"}),
			store.PutBucket(ctx, tx, tenant, store.Bucket{Name: "b", Doc: []byte(`{"tags":[{"key":"k","value":"v"}]}`)}))
	})
}

// census counts the rows of every table but the migration's, keys', Access Analyzer's, the outbox', the leases' and River's.
func census(t testing.TB, db store.DB) map[string]int64 {
	t.Helper()
	list := "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
	if db.Engine() == store.PostgreSQL {
		list = "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'river%'"
	}
	counts := make(map[string]int64)
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		err := store.Each(ctx, tx, list, nil, func(rows store.Rows) error {
			var name string
			err := rows.Scan(&name)
			counts[name] = 0
			return err
		})
		delete(counts, "goose_db_version")
		for _, table := range append(accessAnalyzerTables, "access_keys", "outbox", "leases") {
			delete(counts, table)
		}
		for name := range counts {
			var n int64
			err = errors.Join(err, store.One(ctx, tx, "SELECT COUNT(*) FROM "+name, nil, &n))
			counts[name] = n
		}
		return err
	})
	return counts
}

// testDeleteTenant shows that disabling Macie leaves nothing of the tenant in any table, and everything of the others.
func testDeleteTenant(t *testing.T, db store.DB) {
	fill(t, db, here)
	one := census(t, db)
	for table, n := range one {
		if n == 0 {
			t.Errorf("nothing in %s: the test does not cover it", table)
		}
	}
	fill(t, db, there)
	if err := store.DeleteTenant(t.Context(), db, there); err != nil {
		t.Fatal(err)
	}
	one["tenants"]++ // the number of a tenant is kept, so that it is never given to another
	equal(t, "rows after the second tenant was deleted", one, census(t, db))
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		docs, err := store.GetFindings(ctx, tx, here, []string{SampleFindingID(1)}, store.FindingSort{})
		if len(docs) != 1 {
			t.Errorf("%d findings of the tenant that stayed", len(docs))
		}
		return err
	})
	fill(t, db, there)
	if err := errors.Join(store.DeleteTenant(t.Context(), db, there), store.DeleteTenant(t.Context(), db, here)); err != nil {
		t.Fatal(err)
	}
	if err := store.DeleteTenant(t.Context(), db, other); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a tenant without a session: got %v, want %v", err, store.ErrNotFound)
	}
	for table, n := range census(t, db) {
		if n != 0 && table != "tenants" {
			t.Errorf("%d rows in %s", n, table)
		}
	}
}

// testDeleteHalfway shows what is left if the program stops between the two steps of DeleteTenant: Macie is not enabled, and enabling it
// starts afresh.
func testDeleteHalfway(t *testing.T, db store.DB) {
	fill(t, db, here)
	stop := errors.New("stop")
	err := store.DeleteTenant(t.Context(), &stoppingDB{DB: db, after: 1, err: stop}, here)
	if !errors.Is(err, stop) {
		t.Fatalf("got %v, want %v", err, stop)
	}
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error { _, err := store.GetSession(ctx, tx, here); return err })
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return store.PutSession(ctx, tx, here, store.Session{Status: "ENABLED"})
	})
	for table, n := range census(t, db) {
		if n != 0 && table != "tenants" && table != "sessions" {
			t.Errorf("%d rows in %s", n, table)
		}
	}
}

// stoppingDB fails every Update after some.
type stoppingDB struct {
	store.DB
	after int
	err   error
}

func (s *stoppingDB) Update(ctx context.Context, fn func(store.Tx) error) error {
	if s.after--; s.after < 0 {
		return s.err
	}
	return s.DB.Update(ctx, fn)
}

func testResults(t *testing.T, db store.DB) {
	results := []store.Result{
		{Bucket: "a", Key: []byte("k1"), VersionID: "v1", Rules: "r1", Status: "COMPLETE", Size: 10, MIMEType: "text/csv", BytesClassified: 10, ETag: "e",
			ModifiedAt: 5, AnalyzedAt: 6, FindingID: "f", Detections: []byte(`[1]`)},
		{Bucket: "a", Key: []byte("k1"), VersionID: "v2", Rules: "r1", Status: "SKIPPED", Reason: "OBJECT_TOO_LARGE", Size: 1 << 50},
		{Bucket: "b", Key: []byte("a"), Rules: "r1", Status: "PARTIAL"},
	}
	read := func(tenant store.Tenant, job, run string) []store.Result {
		var got []store.Result
		view(t, db, func(ctx context.Context, tx store.Tx) (err error) {
			got, err = store.Results(ctx, tx, tenant, job, run, store.ResultPlace{}, 10)
			return err
		})
		return got
	}
	put := func(results ...store.Result) {
		t.Helper()
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			return store.PutResults(ctx, tx, here, "j", "r", results)
		})
	}
	put(results...)
	equal(t, "results", results, read(here, "j", "r"))
	changed := results[0]
	changed.Status, changed.Detections, changed.FindingID = "PARTIAL", nil, ""
	put(results[0], changed, results[1]) // the last of an object counts
	equal(t, "replaced", []store.Result{changed, results[1], results[2]}, read(here, "j", "r"))
	for _, nothing := range [][]store.Result{read(here, "j", "r2"), read(here, "j2", "r"), read(there, "j", "r")} {
		equal(t, "elsewhere", []store.Result(nil), nothing)
	}
}

// plainResults are those of n objects in which nothing was found; name makes their keys.
func plainResults(bucket, name string, n int) (results []store.Result) {
	for i := range int64(n) {
		r := store.Result{Bucket: bucket, Key: fmt.Appendf(nil, name, i), Rules: "r1", Status: "COMPLETE", Size: 1000 + i*i, MIMEType: "text/csv", BytesClassified: 1000,
			ETag: fmt.Sprintf("%032x", i*7919), ModifiedAt: 1_790_000_000_000 - i, AnalyzedAt: 1_790_000_100_000 + i}
		switch i % 5 {
		case 1:
			r.VersionID, r.MIMEType = fmt.Sprint("v", i), ""
		case 2:
			r.ETag = "\"ABCDEF-3\""
		case 3:
			r.ETag, r.Size = "", -1
		}
		results = append(results, r)
	}
	return results
}

// testResultPages stores results that share a row beside others, in several commits that overlap, and reads them in order, in parts, by objects and
// away.
func testResultPages(t *testing.T, db store.DB) {
	first := plainResults("a", "k/%03d", 300)
	found, skipped := first[7], first[100]
	found.FindingID = "f"
	skipped.Status, skipped.Reason = "SKIPPED", "MALFORMED_FILE"
	first[7], first[100] = found, skipped
	second, elsewhere := plainResults("a", "k/%03d+", 40), plainResults("b", "\xffk%d", 9)
	for i := range second {
		second[i].Rules = "r2"
	}
	late := first[150] // told twice, and otherwise at last
	late.MIMEType = "text/plain"
	reread := skipped
	reread.Status, reread.Reason = "COMPLETE", ""
	gone := first[9]
	gone.Status, gone.Reason = "SKIPPED", "SOURCE_OBJECT_NO_LONGER_AVAILABLE"
	want := map[string]store.Result{}
	commit := func(results ...store.Result) {
		t.Helper()
		update(t, db, func(ctx context.Context, tx store.Tx) error {
			return store.PutResults(ctx, tx, here, "j", "r", results)
		})
		for _, r := range results {
			want[r.Bucket+"\x00"+string(r.Key)+"\x00"+r.VersionID] = r
		}
	}
	slices.Reverse(first[:50]) // within a commit in any order
	commit(first...)
	commit(elsewhere...)
	commit(append(second, late, reread)...)
	commit(gone)
	sorted := []store.Result{}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		sorted = append(sorted, want[name])
	}
	if n := census(t, db); n["result_pages"] != 3 || n["results"] != 2 {
		t.Errorf("%d pages, %d rows", n["result_pages"], n["results"])
	}
	for _, limit := range []int{1000, 350, 64, 7} {
		var got []store.Result
		for place := (store.ResultPlace{}); ; {
			var part []store.Result
			view(t, db, func(ctx context.Context, tx store.Tx) (err error) {
				part, err = store.Results(ctx, tx, here, "j", "r", place, limit)
				return err
			})
			got = append(got, part...)
			if len(part) < limit {
				break
			}
			last := part[len(part)-1]
			place = store.ResultPlace{Bucket: last.Bucket, Key: last.Key, VersionID: last.VersionID}
		}
		equal(t, fmt.Sprint("results, at a time ", limit), sorted, got)
	}
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		unread, err := store.UnreadResults(ctx, tx, here, "j", "r", store.ResultPlace{}, 10)
		if len(unread) != 1 || string(unread[0].Key) != string(gone.Key) {
			t.Errorf("unread: %+v", unread)
		}
		elsewhere, failed := store.Results(ctx, tx, there, "j", "r", store.ResultPlace{}, 10)
		equal(t, "of another tenant", []store.Result(nil), elsewhere)
		return errors.Join(err, failed)
	})

	// A later run asks which objects were dealt with as they are.
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO runs (account, region, job_id, run_id, run_key, state, started_at) VALUES ($1, $2, 'j', 'r', 'k', '', 0)", here.Account, here.Region)
		return err
	})
	ask := func(r store.Result) store.ObjectState {
		return store.ObjectState{Key: r.Key, VersionID: r.VersionID, ETag: r.ETag}
	}
	changed, untagged := ask(second[5]), ask(second[6])
	changed.ETag, untagged.ETag = "other", ""
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		dealt, err := store.Dealt(ctx, tx, here, "j", "a", 3, []store.ObjectState{ask(second[4]), changed, ask(found), untagged, ask(first[299]), {Key: []byte("z"), ETag: "e"}})
		equal(t, "dealt with", []bool{true, false, true, false, true, false}, dealt)
		return err
	})

	// They go in parts.
	total, last := int64(0), int64(100)
	for last >= 100 {
		update(t, db, func(ctx context.Context, tx store.Tx) (err error) {
			last, err = store.DeleteRunResults(ctx, tx, store.RunPlace{Tenant: here, JobID: "j", RunID: "r"}, 100)
			return err
		})
		total += last
	}
	if n := census(t, db); n["result_pages"]+n["results"] != 0 || total < int64(len(want)) {
		t.Errorf("%d pages and %d rows are left, %d results deleted", n["result_pages"], n["results"], total)
	}
}

// testLongKeys shows that keys longer than S3 and PostgreSQL's indexes allow are kept apart and come back whole.
func testLongKeys(t *testing.T, db store.DB) {
	var want [][]byte
	for _, n := range []int{1024, store.MaxKey, store.MaxKey + 1, store.MaxKey + 2, 4096, 100_000} {
		for _, last := range []byte{'a', 'b'} {
			key := bytes.Repeat([]byte("k\x00\xff/"), n/4+1)[:n]
			key[n-1] = last
			want = append(want, key)
		}
	}
	// One that looks like the bounded form of another.
	want = append(want, store.BoundKey(want[len(want)-1]))
	var results []store.Result
	for _, key := range want {
		results = append(results, store.Result{Bucket: "b", Key: key})
	}
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return store.PutResults(ctx, tx, here, "j", "r", results)
	})
	got := make(map[string]bool)
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		results, err := store.Results(ctx, tx, here, "j", "r", store.ResultPlace{}, 100)
		for _, r := range results {
			got[string(r.Key)] = true
		}
		return err
	})
	for _, key := range want {
		if !got[string(key)] {
			t.Errorf("a key of %d bytes is lost", len(key))
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d keys, want %d", len(got), len(want))
	}
}

// testBadText shows that both engines refuse the text that PostgreSQL cannot hold, before anything is written.
func testBadText(t *testing.T, db store.DB) {
	for _, bad := range []string{"a\x00b", "\xff", "\xed\xa0\x80"} {
		for name, put := range map[string]func(context.Context, store.Tx) error{
			"bucket": func(ctx context.Context, tx store.Tx) error {
				return store.PutBucket(ctx, tx, here, store.Bucket{Name: bad})
			},
			"result": func(ctx context.Context, tx store.Tx) error {
				return store.PutResults(ctx, tx, here, "j", "r", []store.Result{{Bucket: "b", Key: []byte("k"), ETag: bad}})
			},
		} {
			t.Run(fmt.Sprintf("%s %q", name, bad), func(t *testing.T) { wantError(t, db, store.ErrInvalid, put) })
		}
		if clean := store.CleanText(bad); store.CheckText("", clean) != nil || !strings.Contains(clean, "\uFFFD") {
			t.Errorf("%q cleaned is %q", bad, clean)
		}
		wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error { _, err := store.GetAccessKey(ctx, tx, bad); return err })
		wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error { _, err := store.GetJob(ctx, tx, here, bad); return err })
		wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
			_, err := store.GetBucket(ctx, tx, here, bad)
			return err
		})
	}
}

func testAccessKeys(t *testing.T, db store.DB) {
	used := int64(9)
	a := store.AccessKey{ID: "AKIAA", Account: here.Account, Name: "laptop \x00\xff", Secret: []byte{0, 1}, CreatedAt: 2}
	b := store.AccessKey{ID: "AKIAB", Account: here.Account, Secret: []byte{2}, CreatedAt: 1, UsedAt: &used, Disabled: true}
	c := store.AccessKey{ID: "AKIAC", Account: other.Account, Secret: []byte{3}, CreatedAt: 1}
	list := func(account string, want ...store.AccessKey) {
		t.Helper()
		view(t, db, func(ctx context.Context, tx store.Tx) error {
			got, err := store.AccessKeys(ctx, tx, account)
			equal(t, "keys of "+account, want, got)
			return err
		})
	}
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(store.CreateAccessKey(ctx, tx, a), store.CreateAccessKey(ctx, tx, b), store.CreateAccessKey(ctx, tx, c))
	})
	wantError(t, db, store.ErrConflict, func(ctx context.Context, tx store.Tx) error { return store.CreateAccessKey(ctx, tx, a) })
	list("", b, a, c)
	list(here.Account, b, a)
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(store.TouchAccessKey(ctx, tx, a.ID, 9), store.TouchAccessKey(ctx, tx, a.ID, 7), store.DisableAccessKey(ctx, tx, b.ID, false),
			store.DisableAccessKey(ctx, tx, a.ID, true), store.DeleteAccessKey(ctx, tx, c.ID))
	})
	a.UsedAt, a.Disabled, b.Disabled = &used, true, false
	list("", b, a)
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		got, err := store.GetAccessKey(ctx, tx, a.ID)
		equal(t, "key", a, got)
		return err
	})
	for _, missing := range []func(context.Context, store.Tx) error{
		func(ctx context.Context, tx store.Tx) error { _, err := store.GetAccessKey(ctx, tx, c.ID); return err },
		func(ctx context.Context, tx store.Tx) error { return store.DeleteAccessKey(ctx, tx, c.ID) },
		func(ctx context.Context, tx store.Tx) error { return store.DisableAccessKey(ctx, tx, c.ID, true) },
	} {
		wantError(t, db, store.ErrNotFound, missing)
	}
}

func testTags(t *testing.T, db store.DB) {
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(
			store.PutTags(ctx, tx, here, "arn:1", map[string]string{"a": "1", "b": "", "NUL\x00": "\xff"}),
			store.PutTags(ctx, tx, here, "arn:1", map[string]string{"a": "2", "c": "3"}),
			store.PutTags(ctx, tx, here, "arn:2", map[string]string{"a": "9"}),
			store.PutTags(ctx, tx, there, "arn:1", map[string]string{"z": "9"}),
			store.DeleteTags(ctx, tx, here, "arn:1", []string{"b", "none"}))
	})
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		got, err := store.Tags(ctx, tx, here, "arn:1")
		equal(t, "tags", map[string]string{"a": "2", "c": "3", "NUL\x00": "\xff"}, got)
		none, err2 := store.Tags(ctx, tx, other, "arn:1")
		equal(t, "no tags", map[string]string{}, none)
		return errors.Join(err, err2)
	})
}

func testSettings(t *testing.T, db store.DB) {
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(store.PutSetting(ctx, tx, here, "a", 1, []byte("1")), store.PutSetting(ctx, tx, here, "a", 2, []byte("2")),
			store.PutSetting(ctx, tx, there, "a", 1, []byte("3")), store.DeleteSetting(ctx, tx, there, "a"))
	})
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		got, err := store.GetSetting(ctx, tx, here, "a")
		equal(t, "setting", "2", string(got))
		return err
	})
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := store.GetSetting(ctx, tx, there, "a")
		return err
	})
	wantError(t, db, store.ErrNotFound, func(ctx context.Context, tx store.Tx) error { return store.DeleteSetting(ctx, tx, there, "a") })
}

// testExclusive has transactions at the same time that each add one of what they have counted: no two of them count the same.
func testExclusive(t *testing.T, db store.DB) {
	const writers = 8
	var group sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		group.Go(func() {
			errs[i] = db.Update(t.Context(), func(tx store.Tx) error {
				ctx := t.Context()
				if err := store.Exclusive(ctx, tx, here, "quota"); err != nil {
					return err
				}
				n, err := store.CountCustomIdentifiers(ctx, tx, here)
				if err != nil || n >= writers/2 {
					return err
				}
				return store.CreateCustomIdentifier(ctx, tx, here, store.CustomIdentifier{ID: fmt.Sprint(i)})
			})
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		n, err := store.CountCustomIdentifiers(ctx, tx, here)
		equal(t, "made by writers that stop at a number", int64(writers/2), n)
		return err
	})
}
