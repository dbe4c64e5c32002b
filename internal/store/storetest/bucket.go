package storetest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/store"
)

var bucketTests = []test{{"RoundTrip", testBuckets}, {"Refused", testBucketsRefused}, {"Query", testBucketQueries}, {"Totals", testBucketTotals}}

// inventoryTables are those that migrations 5 and 9 make beside the table of buckets.
var inventoryTables = []string{"bucket_documents", "bucket_tags", "discovery_objects", "discovery_detections", "discovery_profiles"}

func testBuckets(t *testing.T, db store.DB) {
	yes, no, at := true, false, int64(7)
	a1 := store.Bucket{Name: "a", UpdatedAt: 1, Doc: []byte(`{}`), State: []byte{}, PublicRead: &yes, PublicWrite: &no}
	a2 := store.Bucket{Name: "a", UpdatedAt: 2, CountedAt: 3, Doc: []byte(`{"objectCount":1,"tags":[{"key":"k","value":"v"},{"key":"k","value":"v"}]}`),
		State: []byte("\x00\xff"), PublicRead: &no, Score: 51, BaseScore: 50, AnalyzedAt: &at}
	b := store.Bucket{Name: "b", Doc: []byte{}, State: []byte{}}
	get := func(tenant store.Tenant, names ...string) (got []store.Bucket) {
		t.Helper()
		view(t, db, func(ctx context.Context, tx store.Tx) (err error) {
			got, err = store.Buckets(ctx, tx, tenant, names)
			return err
		})
		return got
	}
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(store.PutBucket(ctx, tx, here, b), store.PutBucket(ctx, tx, here, a1), store.PutBucket(ctx, tx, there, b))
	})
	equal(t, "buckets", []store.Bucket{a1, b}, get(here, "a", "b", "c"))
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(store.PutBucket(ctx, tx, here, a2), store.DeleteBucket(ctx, tx, here, "b"))
	})
	equal(t, "buckets", []store.Bucket{a2}, get(here, "b", "a"))
	equal(t, "buckets of the other Region", []store.Bucket{b}, get(there, "a", "b"))
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		got, err := store.GetBucket(ctx, tx, here, "a")
		equal(t, "bucket", a2, got)
		names, err2 := store.BucketNames(ctx, tx, here)
		equal(t, "names", []string{"a"}, names)
		return errors.Join(err, err2, store.SetBucketScore(ctx, tx, here, "a", -1, nil), store.TouchBucket(ctx, tx, here, "a", 8, 9))
	})
	a2.Score, a2.AnalyzedAt, a2.UpdatedAt, a2.CountedAt = -1, nil, 8, 9
	equal(t, "bucket with another score", []store.Bucket{a2}, get(here, "a"))
	for _, fn := range []func(ctx context.Context, tx store.Tx) error{
		func(ctx context.Context, tx store.Tx) error {
			_, err := store.GetBucket(ctx, tx, here, "b")
			return err
		},
		func(ctx context.Context, tx store.Tx) error { return store.DeleteBucket(ctx, tx, here, "b") },
		func(ctx context.Context, tx store.Tx) error { return store.SetBucketScore(ctx, tx, here, "b", 1, nil) },
		func(ctx context.Context, tx store.Tx) error { return store.TouchBucket(ctx, tx, here, "b", 1, 1) },
	} {
		wantError(t, db, store.ErrNotFound, fn)
	}
}

func testBucketsRefused(t *testing.T, db store.DB) {
	for _, doc := range []string{`x`, `[]`, `{"objectCount":"1"}`, `{"objectCount":1.5}`, `{"sharedAccess":1}`, `{"bucketCreatedAt":"today"}`} {
		wantError(t, db, store.ErrInvalid, func(ctx context.Context, tx store.Tx) error {
			return store.PutBucket(ctx, tx, here, store.Bucket{Name: "b", Doc: []byte(doc)})
		})
	}
	name, _ := store.GetBucketField("bucketName")
	tags, _ := store.GetBucketField("tags.key")
	if _, ok := store.GetBucketField("colour"); ok || name.Kind != store.String || tags.Kind != store.StringSet {
		t.Error("fields")
	}
	for _, q := range []store.BucketQuery{{Sort: "colour"}, {Sort: "tags.key"}, {After: []byte("x"), Limit: 1}, {Sort: "objectCount", After: []byte("x\x00y"), Limit: 1}} {
		wantError(t, db, store.ErrInvalid, func(ctx context.Context, tx store.Tx) error {
			_, _, err := store.ListBuckets(ctx, tx, here, q)
			return err
		})
	}
}

// inventorySample are buckets whose members are missing, shared and different.
func inventorySample(n int) []store.Bucket {
	r := rand.New(rand.NewPCG(5, 5))
	pick := func(values ...any) any { return values[r.IntN(len(values))] }
	var out []store.Bucket
	for i := range n {
		doc := map[string]any{}
		set := func(path string, v any) {
			if v == nil {
				return
			}
			at := doc
			names := strings.Split(path, ".")
			for _, name := range names[:len(names)-1] {
				if at[name] == nil {
					at[name] = map[string]any{}
				}
				at = at[name].(map[string]any)
			}
			at[names[len(names)-1]] = v
		}
		set("accountId", pick("111122223333", "444455556666"))
		set("objectCount", pick(nil, 0, 1, 2, 30))
		set("sizeInBytes", pick(nil, 0, 5, 5_000_000_000))
		set("classifiableSizeInBytes", pick(nil, 0, 5))
		set("publicAccess.effectivePermission", pick("PUBLIC", "NOT_PUBLIC", "UNKNOWN"))
		set("publicAccess.permissionConfiguration.bucketLevelPermissions.blockPublicAccess.blockPublicAcls", pick(nil, true, false))
		set("replicationDetails.replicated", pick(nil, true, false))
		set("bucketCreatedAt", pick(nil, "2026-11-21T08:00:00.000Z", "2026-11-20T08:00:00.000Z"))
		set("serverSideEncryption.type", pick(nil, "AES256", "aws:kms"))
		tags := []any{}
		for range r.IntN(3) {
			tags = append(tags, map[string]any{"key": pick("team", "stage"), "value": pick("a", "b", "")})
		}
		set("tags", tags)
		text, err := json.Marshal(doc)
		if err != nil {
			panic(err)
		}
		out = append(out, store.Bucket{Name: fmt.Sprintf("%c-%03d", 'a'+rune(i%3), i), UpdatedAt: int64(r.IntN(3)), Doc: text, State: []byte{},
			Score: int64(pick(-1, 1, 50, 51, 100).(int)), BaseScore: int64(pick(1, 50).(int))})
	}
	return out
}

// memberOf evaluates a field naively: the texts of its values.
func memberOf(b store.Bucket, f store.BucketField, scored bool) []string {
	switch f.Name {
	case "bucketName":
		return []string{b.Name}
	case "lastUpdated":
		return []string{strconv.FormatInt(b.UpdatedAt, 10)}
	case store.FieldScore:
		if scored {
			return []string{strconv.FormatInt(b.Score, 10)}
		}
		return []string{strconv.FormatInt(b.BaseScore, 10)}
	case store.FieldAnalyzedAt:
		return nil
	}
	var v any
	if err := json.Unmarshal(b.Doc, &v); err != nil {
		panic(err)
	}
	var texts func(v any, path []string) []string
	texts = func(v any, path []string) []string {
		switch v := v.(type) {
		case map[string]any:
			return texts(v[path[0]], path[1:])
		case []any:
			var all []string
			for _, e := range v {
				all = append(all, texts(e, path)...)
			}
			return all
		case nil:
			return nil
		case float64:
			return []string{strconv.FormatFloat(v, 'f', -1, 64)}
		case string:
			if f.Kind == store.Date {
				return []string{map[string]string{"2026-11-21T08:00:00.000Z": "1795248000000", "2026-11-20T08:00:00.000Z": "1795161600000"}[v]}
			}
		}
		return []string{fmt.Sprint(v)}
	}
	return texts(v, strings.Split(f.Name, "."))
}

func bucketHolds(b store.Bucket, term store.BucketTerm, scored bool) bool {
	ok := false
	if term.Tags != nil {
		var doc struct{ Tags []struct{ Key, Value string } }
		if err := json.Unmarshal(b.Doc, &doc); err != nil {
			panic(err)
		}
		for _, tag := range doc.Tags {
			for _, p := range term.Tags {
				ok = ok || (p.Key == nil || *p.Key == tag.Key) && (p.Value == nil || *p.Value == tag.Value)
			}
		}
		return ok != term.Not
	}
	c := term.Criterion
	values := memberOf(b, c.Field, scored)
	has := func(list []string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return slices.Contains(list, v) })
	}
	number := func(test func(n int64) bool) bool {
		return slices.ContainsFunc(values, func(v string) bool { n, err := strconv.ParseInt(v, 10, 64); return err == nil && test(n) })
	}
	ok = (c.Eq == nil || has(c.Eq)) && (c.Neq == nil || !has(c.Neq)) &&
		(c.Prefix == nil || strings.HasPrefix(values[0], *c.Prefix)) &&
		(c.Gt == nil || number(func(n int64) bool { return n > *c.Gt })) && (c.Gte == nil || number(func(n int64) bool { return n >= *c.Gte })) &&
		(c.Lt == nil || number(func(n int64) bool { return n < *c.Lt })) && (c.Lte == nil || number(func(n int64) bool { return n <= *c.Lte }))
	return ok != term.Not
}

// testBucketQueries holds queries of all sorts to an evaluation that looks at each document, page by page.
func testBucketQueries(t *testing.T, db store.DB) {
	all := inventorySample(60)
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		var errs []error
		for _, b := range all {
			errs = append(errs, store.PutBucket(ctx, tx, here, b))
		}
		return errors.Join(append(errs, store.PutBucket(ctx, tx, there, all[0]))...)
	})
	r := rand.New(rand.NewPCG(9, 9))
	values := []string{"PUBLIC", "UNKNOWN", "true", "false", "True", "1", "0", "50", "01", "5000000000", "team", "a", "", "444455556666", "AES256",
		"1795248000000", "a-000", "b-001", "x\x00y", "\xff"}
	numbers := []int64{-1, 0, 1, 5, 50, 1795161600000, 5_000_000_000}
	fields := store.BucketFieldNames()
	term := func() store.BucketTerm {
		if r.IntN(4) == 0 {
			pairs := []store.TagPair{}
			for range r.IntN(3) {
				var p store.TagPair
				if r.IntN(3) > 0 {
					p.Key = []*string{new(string), ptr("team"), ptr("stage")}[r.IntN(3)]
				}
				if r.IntN(3) > 0 {
					p.Value = []*string{new(string), ptr("a"), ptr("b")}[r.IntN(3)]
				}
				pairs = append(pairs, p)
			}
			return store.BucketTerm{Tags: pairs, Not: r.IntN(2) == 0}
		}
		f, ok := store.GetBucketField(fields[r.IntN(len(fields))])
		if !ok {
			t.Fatal("no field")
		}
		c := store.BucketCriterion{Field: f}
		for _, list := range []*[]string{&c.Eq, &c.Neq} {
			if r.IntN(2) == 0 {
				for range 1 + r.IntN(5) {
					*list = append(*list, values[r.IntN(len(values))])
				}
			}
		}
		if f.Kind == store.Number || f.Kind == store.Date {
			for _, n := range []**int64{&c.Gt, &c.Gte, &c.Lt, &c.Lte} {
				if r.IntN(4) == 0 {
					*n = &numbers[r.IntN(len(numbers))]
				}
			}
		}
		if f.Name == "bucketName" && r.IntN(2) == 0 {
			c.Prefix = []*string{ptr("a"), ptr("b-0"), ptr("A"), ptr("%")}[r.IntN(4)]
		}
		return store.BucketTerm{Criterion: c, Not: r.IntN(3) == 0}
	}
	sorts := []string{"", "bucketName", "accountId", "objectCount", "sizeInBytes", store.FieldScore}
	found := 0
	for range 400 {
		q := store.BucketQuery{Scored: r.IntN(2) == 0, Sort: sorts[r.IntN(len(sorts))], Descending: r.IntN(2) == 0, Limit: 1 + r.IntN(20)}
		for range r.IntN(3) {
			q.Terms = append(q.Terms, term())
		}
		for range r.IntN(3) {
			q.Excludes = append(q.Excludes, term())
		}
		var want []string
		var kept []store.Bucket
		for _, b := range all {
			ok := true
			for _, term := range q.Terms {
				ok = ok && bucketHolds(b, term, q.Scored)
			}
			excluded := len(q.Excludes) > 0
			for _, term := range q.Excludes {
				excluded = excluded && bucketHolds(b, term, q.Scored)
			}
			if ok && !excluded {
				kept = append(kept, b)
			}
		}
		key := func(b store.Bucket) (int64, string) {
			f, _ := store.GetBucketField(cmp.Or(q.Sort, "bucketName"))
			v := strings.Join(memberOf(b, f, q.Scored), "")
			if f.Kind == store.String {
				return 0, v
			}
			n, _ := strconv.ParseInt(cmp.Or(v, "0"), 10, 64)
			return n, ""
		}
		slices.SortFunc(kept, func(a, b store.Bucket) int {
			an, as := key(a)
			bn, bs := key(b)
			order := cmp.Or(cmp.Compare(an, bn), strings.Compare(as, bs))
			if q.Descending {
				order = -order
			}
			return cmp.Or(order, strings.Compare(a.Name, b.Name))
		})
		for _, b := range kept {
			want = append(want, b.Name)
		}
		var got []string
		for {
			var names []string
			view(t, db, func(ctx context.Context, tx store.Tx) (err error) {
				names, q.After, err = store.ListBuckets(ctx, tx, here, q)
				return err
			})
			if len(names) > q.Limit {
				t.Fatalf("a page of %d", len(names))
			}
			got = append(got, names...)
			if q.After == nil {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%+v\n got %q\nwant %q", q, got, want)
		}
		found += len(got)
	}
	if found < 1000 {
		t.Errorf("only %d buckets found in all: the queries are too narrow to show much", found)
	}
}

func testBucketTotals(t *testing.T, db store.DB) {
	totals := func(account string, scored bool) *store.BucketTotals {
		t.Helper()
		var o *store.BucketTotals
		view(t, db, func(ctx context.Context, tx store.Tx) (err error) {
			o, err = store.SumBuckets(ctx, tx, here, account, scored)
			return err
		})
		return o
	}
	equal(t, "nothing", &store.BucketTotals{Permission: map[string]int64{}, Shared: map[string]int64{}, Uploads: map[string]int64{},
		Encryption: map[string]int64{}}, totals("", false))
	yes := true
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(
			store.PutBucket(ctx, tx, here, store.Bucket{Name: "a", UpdatedAt: 5, Score: 51, BaseScore: 50, PublicRead: &yes, Doc: []byte(`{"accountId":"1",
				"objectCount":3,"sizeInBytes":10,"sizeInBytesCompressed":1,"classifiableObjectCount":2,"classifiableSizeInBytes":4,
				"unclassifiableObjectCount":{"fileType":1,"storageClass":0,"total":1},"unclassifiableObjectSizeInBytes":{"fileType":6,"storageClass":0,"total":6},
				"publicAccess":{"effectivePermission":"PUBLIC"},"sharedAccess":"EXTERNAL","allowsUnencryptedObjectUploads":"TRUE",
				"serverSideEncryption":{"type":"AES256"}}`)}),
			store.PutBucket(ctx, tx, here, store.Bucket{Name: "b", UpdatedAt: 9, Score: -1, BaseScore: 1, Doc: []byte(`{"accountId":"2","objectCount":1,"sizeInBytes":100,
				"publicAccess":{"effectivePermission":"NOT_PUBLIC"},"sharedAccess":"NOT_SHARED","allowsUnencryptedObjectUploads":"FALSE"}`)}),
			store.PutBucket(ctx, tx, here, store.Bucket{Name: "c", UpdatedAt: 7, Score: 50, BaseScore: 50, PublicRead: &yes, Doc: []byte(`{"accountId":"1","errorCode":"ACCESS_DENIED",
				"publicAccess":{"effectivePermission":"UNKNOWN"},"sharedAccess":"UNKNOWN","allowsUnencryptedObjectUploads":"UNKNOWN"}`)}))
	})
	at := int64(9)
	want := &store.BucketTotals{Buckets: 3, UpdatedAt: &at, Objects: 4, Bytes: 110, Compressed: 1, ClassifiableObjects: 2, ClassifiableBytes: 4, Readable: 1,
		Permission:  map[string]int64{"PUBLIC": 1, "NOT_PUBLIC": 1, "UNKNOWN": 1},
		Shared:      map[string]int64{"EXTERNAL": 1, "NOT_SHARED": 1, "UNKNOWN": 1},
		Uploads:     map[string]int64{"TRUE": 1, "FALSE": 1, "UNKNOWN": 1},
		Encryption:  map[string]int64{"AES256": 1, "": 2},
		Sensitive:   store.ScoreTotals{Buckets: 1, Public: 1, Bytes: 10, ClassifiableBytes: 4},
		Failed:      store.ScoreTotals{Buckets: 1, Bytes: 100},
		NotAnalyzed: store.ScoreTotals{Buckets: 1}}
	want.ByType.Objects, want.ByType.Bytes, want.Unfit = 1, 6, struct{ Objects, Bytes int64 }{1, 6}
	equal(t, "totals", want, totals("", true))
	want.Sensitive, want.Failed, want.NotAnalyzed = store.ScoreTotals{}, store.ScoreTotals{}, store.ScoreTotals{Buckets: 2, Public: 1, Bytes: 10, ClassifiableBytes: 4}
	want.NotSensitive = store.ScoreTotals{Buckets: 1, Bytes: 100}
	equal(t, "totals without scores", want, totals("", false))
	one := totals("2", false)
	if one.Buckets != 1 || one.Objects != 1 || *one.UpdatedAt != 9 {
		t.Errorf("totals of one account: %+v", one)
	}
}
