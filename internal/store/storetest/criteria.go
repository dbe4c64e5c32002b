package storetest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/store"
)

var criteriaTests = []test{
	{"Model", testCriteriaModel},
	{"EveryField", testEveryField},
}

// randomFinding makes a finding from small pools of values, so that criteria hit; every field of the table of fields occurs.
func randomFinding(rng *rand.Rand, n int) map[string]any {
	pick := func(options ...any) any { return options[rng.IntN(len(options))] }
	maybe := func(v any) any { return pick(v, v, nil) }
	flag := func() any { return pick(true, false, nil) }
	date := func(hours int) string {
		return sampleStart.Add(time.Duration(rng.IntN(hours)) * time.Hour).Format("2006-01-02T15:04:05.000Z")
	}
	tags := func() []any {
		out := []any{}
		for range rng.IntN(4) {
			out = append(out, map[string]any{"key": pick("team", "env", ""), "value": pick("a", "b", "")})
		}
		return out
	}
	encryption := func() any {
		return maybe(map[string]any{"encryptionType": maybe(pick("AES256", "aws:kms")), "kmsMasterKeyId": maybe("key-1")})
	}
	block := func() any {
		return maybe(map[string]any{"blockPublicAcls": flag(), "blockPublicPolicy": flag(), "ignorePublicAcls": flag(), "restrictPublicBuckets": flag()})
	}
	grant := func() any {
		return maybe(map[string]any{"allowsPublicReadAccess": flag(), "allowsPublicWriteAccess": flag()})
	}
	bucket := pick("alpha", "beta", "gamma").(string)
	created := date(48)
	updated := created
	if rng.IntN(4) == 0 {
		updated = sampleStart.Add(48*time.Hour + time.Duration(rng.IntN(48))*time.Hour).Format("2006-01-02T15:04:05.000Z")
	}
	if rng.IntN(6) == 0 {
		at, _ := time.Parse(time.RFC3339, created)
		updated = at.Add(time.Hour).Format("2006-01-02T15:04:05.000Z")
	}
	severity := rng.IntN(3)
	f := map[string]any{
		"id": fmt.Sprintf("id-%04d", n), "accountId": pick("111122223333", "444455556666"), "region": pick("us-east-1", "eu-west-1"),
		"archived": pick(true, false), "sample": pick(true, false, false), "count": 1 + rng.IntN(3), "createdAt": created, "updatedAt": updated,
		"severity": map[string]any{"score": severity + 1, "description": []string{"Low", "Medium", "High"}[severity]},
		"category": "POLICY", "type": pick("Policy:IAMUser/S3BucketPublic", "Policy:IAMUser/S3BucketEncryptionDisabled"),
	}
	resources := map[string]any{"s3Object": nil, "s3Bucket": map[string]any{
		"name": bucket, "createdAt": maybe(date(5)), "allowsUnencryptedObjectUploads": maybe(pick("TRUE", "FALSE")), "tags": tags(),
		"owner": map[string]any{"displayName": maybe(pick("ann", "bob"))}, "defaultServerSideEncryption": encryption(),
		"publicAccess": maybe(map[string]any{"effectivePermission": maybe(pick("PUBLIC", "NOT_PUBLIC")), "permissionConfiguration": maybe(map[string]any{
			"accountLevelPermissions": map[string]any{"blockPublicAccess": block()},
			"bucketLevelPermissions":  map[string]any{"accessControlList": grant(), "blockPublicAccess": block(), "bucketPolicy": grant()},
		})}),
	}}
	f["resourcesAffected"] = resources
	if rng.IntN(3) == 0 {
		f["policyDetails"] = randomPolicy(pick, maybe, date)
		return f
	}
	f["category"], f["type"] = "CLASSIFICATION", pick("SensitiveData:S3Object/Personal", "SensitiveData:S3Object/Multiple")
	key := fmt.Sprintf("%s/%d%s", pick("a", "b"), rng.IntN(50), pick(".csv", ".log", ""))
	_, extension, _ := strings.Cut(key, ".")
	resources["s3Object"] = map[string]any{
		"key": key, "path": bucket + "/" + key, "extension": maybe(extension), "lastModified": maybe(date(10)), "publicAccess": flag(),
		"serverSideEncryption": encryption(), "tags": tags(),
	}
	sensitive := []any{}
	for _, category := range []string{"FINANCIAL_INFORMATION", "PERSONAL_INFORMATION", "CREDENTIALS"} {
		if rng.IntN(2) == 0 {
			continue
		}
		detections := []any{}
		for range rng.IntN(3) {
			detections = append(detections, map[string]any{"type": pick("NAME", "ADDRESS", "AWS_CREDENTIALS"), "count": rng.IntN(5)})
		}
		sensitive = append(sensitive, map[string]any{"category": category, "detections": detections})
	}
	custom := []any{}
	for range rng.IntN(3) {
		name := pick("badge", "ticket").(string)
		custom = append(custom, map[string]any{"arn": "arn:" + name, "name": name, "count": rng.IntN(5)})
	}
	f["classificationDetails"] = map[string]any{
		"jobId": maybe(pick("job-1", "job-2")), "originType": maybe(pick("SENSITIVE_DATA_DISCOVERY_JOB", "AUTOMATED_SENSITIVE_DATA_DISCOVERY")),
		"result": map[string]any{
			"mimeType": maybe(pick("text/csv", "text/plain")), "sizeClassified": maybe(rng.IntN(5)), "status": map[string]any{"code": maybe(pick("COMPLETE", "PARTIAL"))},
			"sensitiveData": sensitive, "customDataIdentifiers": map[string]any{"detections": custom},
		},
	}
	return f
}

func randomPolicy(pick func(...any) any, maybe func(any) any, date func(int) string) any {
	issuer := func() any {
		return maybe(map[string]any{"sessionIssuer": map[string]any{"type": maybe("Role"), "userName": maybe(pick("x", "y"))}})
	}
	session := func() map[string]any {
		return map[string]any{"accessKeyId": maybe("AKIA"), "accountId": maybe("1"), "arn": maybe("arn:x"), "principalId": maybe(pick("p", "q")), "sessionContext": issuer()}
	}
	return map[string]any{
		"action": maybe(map[string]any{"actionType": "AWS_API_CALL", "apiCallDetails": maybe(map[string]any{
			"api": pick("PutBucketAcl", "PutBucketPolicy"), "apiServiceName": "s3.amazonaws.com", "firstSeen": maybe(date(9)), "lastSeen": maybe(date(9)),
		})}),
		"actor": map[string]any{
			"domainDetails": maybe(map[string]any{"domainName": pick("example.com", "example.org")}),
			"ipAddressDetails": maybe(map[string]any{"ipAddressV4": pick("192.0.2.1", "192.0.2.2"), "ipCity": maybe(map[string]any{"name": "Delft"}),
				"ipCountry": map[string]any{"name": maybe("NL")}, "ipOwner": map[string]any{"asn": maybe("1"), "asnOrg": maybe("o"), "isp": maybe("i")}}),
			"userIdentity": maybe(map[string]any{
				"type": pick("IAMUser", "Root", "AssumedRole"), "assumedRole": maybe(session()), "federatedUser": maybe(session()),
				"awsAccount": maybe(map[string]any{"accountId": "2", "principalId": "r"}), "awsService": maybe(map[string]any{"invokedBy": "s3"}),
				"iamUser": maybe(map[string]any{"accountId": "3", "principalId": "s", "userName": pick("u", "v")}),
				"root":    maybe(map[string]any{"accountId": "4", "principalId": "t"}),
			}),
		},
	}
}

// randomEstate stores random findings and returns them as the model sees them.
func randomEstate(t *testing.T, db store.DB, n int) []modelFinding {
	rng := rand.New(rand.NewPCG(42, uint64(n)))
	var all []modelFinding
	var docs [][]byte
	for i := range n {
		doc, err := json.Marshal(randomFinding(rng, i))
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
		all = append(all, decode(doc))
	}
	putFindings(t, db, there, docs[:50]...) // noise of another tenant, with the same ids
	for chunk := range slices.Chunk(docs, 97) {
		putFindings(t, db, here, chunk...)
	}
	return all
}

// pools returns the values of each field that occur, some that do not, and some that cannot.
func pools(all []modelFinding) map[string][]string {
	out := make(map[string][]string)
	for _, field := range store.FindingFields() {
		var values []string
		for _, f := range all {
			values = append(values, texts(f.json, field)...)
		}
		slices.Sort(values)
		values = slices.Compact(values)
		switch field.Kind {
		case store.String, store.StringSet:
			values = append(values, "none", "\x00\xff")
		case store.Number, store.Date:
			values = append(values, "0", "-1", strconv.Itoa(math.MinInt64), strconv.Itoa(math.MaxInt64))
		}
		out[field.Name] = values
	}
	return out
}

func criterionOf(field store.Field, pool []string) *rapid.Generator[store.Criterion] {
	return rapid.Custom(func(t *rapid.T) store.Criterion {
		c := store.Criterion{Field: field.Name}
		values := rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 1, min(3, len(pool)), rapid.ID[string])
		if field.Kind == store.StringSet && rapid.Bool().Draw(t, "exact") {
			c.EqExactMatch = values.Draw(t, "eqExactMatch")
			return c
		}
		operators := []string{"eq", "neq"}
		if field.Kind == store.Number || field.Kind == store.Date {
			operators = append(operators, "gt", "gte", "lt", "lte")
		}
		bound := func(name string) *int64 {
			n, err := strconv.ParseInt(rapid.SampledFrom(pool).Draw(t, name), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return &n
		}
		for _, operator := range rapid.SliceOfNDistinct(rapid.SampledFrom(operators), 1, 2, rapid.ID[string]).Draw(t, "operators") {
			switch operator {
			case "eq":
				c.Eq = values.Draw(t, "eq")
			case "neq":
				c.Neq = values.Draw(t, "neq")
			case "gt":
				c.Gt = bound("gt")
			case "gte":
				c.Gte = bound("gte")
			case "lt":
				c.Lt = bound("lt")
			case "lte":
				c.Lte = bound("lte")
			}
		}
		return c
	})
}

// plans makes every way of reading come up, however few findings there are.
var plans = []*store.FindingPlan{
	nil,
	{Numbers: 4096, Merge: 128, Short: 0, Walk: 1 << 40}, // walks only
	{Numbers: 4096, Merge: 2, Short: 1, Walk: 3},
	{Numbers: 1, Merge: 128, Short: 1 << 40, Walk: 1}, // lists only
	{Numbers: 3, Merge: 3, Short: 20, Walk: 20},
	{Numbers: 1, Merge: 128, Short: 60, Walk: 10}, // lists, merged after a short walk
}

// testCriteriaModel compares random criteria, sorts, pages and plans with the model.
// matched returns the ids of the findings that a matcher takes, sorted.
func matched(t *rapid.T, all []modelFinding, criteria []store.Criterion) []string {
	m, err := store.NewFindingMatcher(criteria)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, f := range all {
		doc, err := json.Marshal(f.json)
		if err != nil {
			t.Fatal(err)
		}
		values, err := store.ReadFinding(doc)
		if err != nil {
			t.Fatal(err)
		}
		if m.Matches(values) {
			ids = append(ids, f.id)
		}
	}
	slices.Sort(ids)
	return ids
}

func testCriteriaModel(t *testing.T, db store.DB) {
	all := randomEstate(t, db, 400)
	values := pools(all)
	fields := store.FindingFields()
	// The fields that have ways of their own through the store come up more often.
	for _, name := range []string{"createdAt", "updatedAt", "resourcesAffected.s3Bucket.name", "classificationDetails.jobId", "archived", "severity.description",
		"classificationDetails.result.sensitiveData.detections.type", "resourcesAffected.s3Object.extension", "category"} {
		field, ok := store.FindingField(name)
		if !ok {
			t.Fatal(name)
		}
		fields = slices.Concat(fields, slices.Repeat([]store.Field{field}, 8))
	}
	hits := 0
	rapid.Check(t, func(rt *rapid.T) {
		var criteria []store.Criterion
		for _, field := range rapid.SliceOfNDistinct(rapid.SampledFrom(fields), 0, 4, func(f store.Field) string { return f.Name }).Draw(rt, "fields") {
			criteria = append(criteria, criterionOf(field, values[field.Name]).Draw(rt, field.Name))
		}
		q := store.FindingQuery{
			Criteria: criteria, Limit: rapid.IntRange(1, 60).Draw(rt, "limit"), Plan: rapid.SampledFrom(plans).Draw(rt, "plan"),
			Sort: store.FindingSort{
				Attribute: rapid.SampledFrom(append(store.FindingSortAttributes(), "", "updatedAt", "createdAt")).Draw(rt, "sort"), Descending: rapid.Bool().Draw(rt, "descending"),
			},
		}
		want := selected(all, criteria, q.Sort)
		if len(want) > 0 {
			hits++
		}
		if got := list(t, db, here, q); !slices.Equal(want, got) {
			rt.Fatalf("%+v\nwant %d %v\ngot  %d %v", q, len(want), want, len(got), got)
		}
		if got := matched(rt, all, criteria); !slices.Equal(slices.Sorted(slices.Values(want)), got) {
			rt.Fatalf("%+v\nwant    %d %v\nmatched %d %v", q, len(want), want, len(got), got)
		}
		checkStatistics(rt, t, db, all, want, criteria, q.Plan)
	})
	if hits < 20 {
		t.Errorf("only %d of the queries found something", hits)
	}
}

func checkStatistics(rt *rapid.T, t *testing.T, db store.DB, all []modelFinding, ids []string, criteria []store.Criterion, plan *store.FindingPlan) {
	q := store.StatisticsQuery{
		GroupBy:  rapid.SampledFrom([]string{store.GroupByBucket, store.GroupByType, store.GroupByJob, store.GroupBySeverity}).Draw(rt, "group"),
		Criteria: criteria, ByCount: rapid.Bool().Draw(rt, "by count"), Descending: rapid.Bool().Draw(rt, "descending groups"),
		Limit: rapid.IntRange(0, 3).Draw(rt, "groups"), Plan: plan,
	}
	field, ok := store.FindingField(q.GroupBy)
	if !ok {
		t.Fatal(q.GroupBy)
	}
	counts := make(map[string]int64)
	for _, f := range all {
		if slices.Contains(ids, f.id) {
			for _, key := range texts(f.json, field) {
				counts[key]++
			}
		}
	}
	var want []store.FindingCount
	for key, n := range counts {
		want = append(want, store.FindingCount{Key: key, Count: n})
	}
	sign := 1
	if q.Descending {
		sign = -1
	}
	slices.SortFunc(want, func(a, b store.FindingCount) int {
		if q.ByCount {
			return cmp.Or(sign*cmp.Compare(a.Count, b.Count), strings.Compare(a.Key, b.Key))
		}
		return sign * strings.Compare(a.Key, b.Key)
	})
	if q.Limit > 0 && len(want) > q.Limit {
		want = want[:q.Limit]
	}
	var got []store.FindingCount
	err := db.View(t.Context(), func(tx store.Tx) (err error) {
		got, err = store.FindingStatistics(t.Context(), tx, here, q)
		return err
	})
	if err != nil || !slices.Equal(want, got) {
		rt.Fatalf("%+v: %v\nwant %v\ngot  %v", q, err, want, got)
	}
}

// testEveryField shows for every field and every operator of its kind that the store agrees with the model, and that the findings of the
// test have the field at all.
func testEveryField(t *testing.T, db store.DB) {
	all := randomEstate(t, db, 250)
	values := pools(all)
	for _, field := range store.FindingFields() {
		t.Run(field.Name, func(t *testing.T) {
			pool := values[field.Name]
			first := pool[0]
			if field.Kind == store.Boolean {
				pool = []string{"true", "false"}
			}
			criteria := []store.Criterion{{Eq: []string{first}}, {Neq: []string{first}}, {Eq: pool[:min(50, len(pool))]}, {Neq: pool[:min(50, len(pool))]}}
			switch field.Kind {
			case store.StringSet:
				criteria = append(criteria, store.Criterion{EqExactMatch: []string{first}}, store.Criterion{EqExactMatch: pool[:2]})
			case store.Number, store.Date:
				n, err := strconv.ParseInt(pool[len(pool)/3], 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				criteria = append(criteria, store.Criterion{Gt: &n}, store.Criterion{Gte: &n}, store.Criterion{Lt: &n}, store.Criterion{Lte: &n}, store.Criterion{Gte: &n, Lte: &n})
			}
			found := false
			for _, c := range criteria {
				c.Field = field.Name
				for _, plan := range plans[:3] {
					q := store.FindingQuery{Criteria: []store.Criterion{c}, Plan: plan}
					want := selected(all, q.Criteria, q.Sort)
					equal(t, fmt.Sprintf("%+v", c), want, list(t, db, here, q))
					found = found || c.Eq != nil && len(want) > 0
				}
			}
			if !found {
				t.Error("no finding of the test has the field")
			}
		})
	}
}
