package storetest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
)

// BenchmarkSize is the variable that says how many findings [Benchmark] stores; 20,000 without it. The figures of docs/benchmarks.md are
// for 1,000,000.
const BenchmarkSize = "MAGPIE_BENCH_FINDINGS"

// Benchmark measures findings on an engine: storing them, and asking as people do. Each question reports the 50th and 99th percentile
// of the time of one page of 50, over changing buckets, jobs, times and pages, besides the mean (ns/op). The database is filled with
// sample findings unless it holds them already; then settle is called, if it is not nil, to do what the engine does in its own time.
func Benchmark(b *testing.B, db store.DB, settle func() error) {
	size := 20_000
	if s := os.Getenv(BenchmarkSize); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1000 {
			b.Fatalf("%s=%s must be a number of at least 1000", BenchmarkSize, s)
		}
		size = n
	}
	if load(b, db, size) && settle != nil {
		if err := settle(); err != nil {
			b.Fatal(err)
		}
	}
	for _, q := range questions(size) {
		for _, sort := range []store.FindingSort{{Attribute: "updatedAt", Descending: true}, {Attribute: "severity.score", Descending: true}, {Attribute: "createdAt"}} {
			b.Run(fmt.Sprintf("ListFindings/%s/sort=%s", q.name, sort.Attribute), func(b *testing.B) { measureList(b, db, q, sort) })
		}
	}
	b.Run("Reference/bucket+severity/unindexed_JSON", func(b *testing.B) { measureJSON(b, db, size) })
	b.Run("GetFindings/50", func(b *testing.B) { measureGet(b, db, size) })
	for _, group := range []string{store.GroupByBucket, store.GroupByType, store.GroupByJob, store.GroupBySeverity} {
		b.Run("FindingStatistics/"+group, func(b *testing.B) { measureStatistics(b, db, group) })
	}
	b.Run("PutFindings/200", func(b *testing.B) { measurePut(b, db) })
}

// load stores the sample findings of a tenant, 500 a transaction; false if they are there.
func load(b *testing.B, db store.DB, size int) bool {
	b.Helper()
	var have int64
	view(b, db, func(ctx context.Context, tx store.Tx) error {
		return store.One(ctx, tx, "SELECT COUNT(*) FROM findings f JOIN tenants t ON t.id = f.tenant WHERE t.account = $1 AND t.region = $2",
			[]any{here.Account, here.Region}, &have)
	})
	if have == int64(size) {
		return false
	}
	if have != 0 {
		b.Fatalf("the database holds %d findings, not %d", have, size)
	}
	start := time.Now()
	for n := 0; n < size; n += 500 {
		putFindings(b, db, here, samples(n, min(n+500, size))...)
	}
	b.Logf("stored %d findings in %v, %.0f a second", size, time.Since(start).Round(time.Second), float64(size)/time.Since(start).Seconds())
	return true
}

// question makes the criteria of the i-th time that it is asked.
type question struct {
	name     string
	criteria func(i int) []store.Criterion
	empty    bool // nothing meets it
}

func questions(size int) []question {
	kinds := []string{"SensitiveData:S3Object/Personal", "SensitiveData:S3Object/Financial", "SensitiveData:S3Object/Credentials", "SensitiveData:S3Object/Multiple"}
	types := []string{"NAME", "CREDIT_CARD_NUMBER", "AWS_CREDENTIALS", "PHONE_NUMBER", "UK_PASSPORT_NUMBER"}
	categories := [][]string{{"PERSONAL_INFORMATION"}, {"CREDENTIALS"}, {"FINANCIAL_INFORMATION", "PERSONAL_INFORMATION"}, {"CREDENTIALS", "PERSONAL_INFORMATION"}}
	severities := []string{"High", "Medium", "Low"}
	extensions := []string{"csv", "env", "pdf", "", "parquet"}
	span := func(i int, share float64) (low, high *int64) {
		from := int(mix(uint64(i)) % uint64(size))
		a, z := SampleTime(from), SampleTime(from+int(share*float64(size)))
		return &a, &z
	}
	const (
		detection = "classificationDetails.result.sensitiveData.detections.type"
		category  = "classificationDetails.result.sensitiveData.category"
		extension = "resourcesAffected.s3Object.extension"
	)
	return []question{
		{name: "bucket+severity", criteria: func(i int) []store.Criterion {
			return []store.Criterion{eq("resourcesAffected.s3Bucket.name", SampleBucket(i*7%sampleBuckets)), eq("severity.description", severities[i%3])}
		}},
		{name: "type+time", criteria: func(i int) []store.Criterion {
			low, high := span(i, 0.08)
			return []store.Criterion{eq("type", kinds[i%4]), {Field: "createdAt", Gte: low, Lte: high}}
		}},
		{name: "not_archived", criteria: func(int) []store.Criterion { return []store.Criterion{eq("archived", "false")} }},
		{name: "job", criteria: func(i int) []store.Criterion {
			return []store.Criterion{eq("classificationDetails.jobId", SampleJob(i*samplesPerJob%size))}
		}},
		{name: "sensitive_type+public", criteria: func(i int) []store.Criterion {
			return []store.Criterion{eq(detection, types[i%5]), eq("resourcesAffected.s3Bucket.publicAccess.effectivePermission", "PUBLIC")}
		}},
		{name: "extension", criteria: func(i int) []store.Criterion { return []store.Criterion{eq(extension, extensions[i%5])} }},
		{name: "category_exactly", criteria: func(i int) []store.Criterion {
			return []store.Criterion{{Field: category, EqExactMatch: categories[i%4]}}
		}},
		{name: "time", criteria: func(i int) []store.Criterion {
			low, high := span(i, 0.01)
			return []store.Criterion{{Field: "createdAt", Gte: low, Lte: high}}
		}},
		{name: "not_type", criteria: func(i int) []store.Criterion { return []store.Criterion{{Field: "type", Neq: kinds[i%4 : i%4+1]}} }},
		{name: "account+region", criteria: func(int) []store.Criterion {
			return []store.Criterion{eq("accountId", here.Account), eq("region", here.Region)}
		}},
		// Two common fields that never meet, in each pair of places where fields are kept.
		{name: "empty/extension+sensitive_type", empty: true, criteria: func(int) []store.Criterion {
			return []store.Criterion{eq(extension, "csv"), eq(detection, "AWS_CREDENTIALS")}
		}},
		{name: "empty/mime_type+sensitive_type", empty: true, criteria: func(int) []store.Criterion {
			return []store.Criterion{eq("classificationDetails.result.mimeType", "text/csv"), eq(detection, "AWS_CREDENTIALS")}
		}},
		{name: "empty/type+severity", empty: true, criteria: func(int) []store.Criterion {
			return []store.Criterion{eq("type", kinds[2]), eq("severity.description", "Low")}
		}},
		{name: "empty/bucket+tag", empty: true, criteria: func(int) []store.Criterion {
			return []store.Criterion{eq("resourcesAffected.s3Bucket.name", SampleBucket(0), SampleBucket(1)), eq("resourcesAffected.s3Bucket.tags.value", "team-2")}
		}},
		{name: "empty/extension+size", empty: true, criteria: func(int) []store.Criterion {
			most := int64(1 << 23)
			return []store.Criterion{eq(extension, "csv"), {Field: "classificationDetails.result.sizeClassified", Gt: &most}}
		}},
		{name: "empty/type+size", empty: true, criteria: func(int) []store.Criterion {
			most := int64(1 << 23)
			return []store.Criterion{eq("type", kinds[0]), {Field: "classificationDetails.result.sizeClassified", Gt: &most}}
		}},
	}
}

// latencies reports percentiles of what it was given.
type latencies []time.Duration

func (l latencies) report(b *testing.B) {
	slices.Sort(l)
	at := func(percent int) float64 { return float64(l[(len(l)-1)*percent/100].Microseconds()) / 1000 }
	b.ReportMetric(at(50), "p50-ms")
	b.ReportMetric(at(99), "p99-ms")
	b.ReportMetric(float64(len(l))/b.Elapsed().Seconds(), "ops/s")
}

func measureList(b *testing.B, db store.DB, q question, sort store.FindingSort) {
	var l latencies
	var after []byte
	found, i := 0, 0
	for b.Loop() {
		query := store.FindingQuery{Criteria: q.criteria(i), Sort: sort, Limit: 50, After: after}
		start := time.Now()
		view(b, db, func(ctx context.Context, tx store.Tx) error {
			ids, next, err := store.ListFindings(ctx, tx, here, query)
			found += len(ids)
			after = next
			return err
		})
		l = append(l, time.Since(start))
		if after == nil || len(l)%3 == 0 { // three pages at most
			after = nil
			i++
		}
	}
	l.report(b)
	if q.empty != (found == 0) {
		b.Errorf("%d findings", found)
	}
}

// measureJSON asks for a page by bucket and severity as one would without any of the store's tables: by the documents alone.
func measureJSON(b *testing.B, db store.DB, size int) {
	sql := `SELECT CAST(doc AS TEXT) ->> '$.id' FROM finding_documents
		WHERE CAST(doc AS TEXT) ->> '$.resourcesAffected.s3Bucket.name' = $1 AND CAST(doc AS TEXT) ->> '$.severity.description' = $2
		ORDER BY CAST(doc AS TEXT) ->> '$.updatedAt' DESC LIMIT 50`
	if db.Engine() == store.PostgreSQL {
		sql = `SELECT j ->> 'id' FROM (SELECT CAST(convert_from(doc, 'UTF8') AS jsonb) AS j FROM finding_documents) d
			WHERE j #>> '{resourcesAffected,s3Bucket,name}' = $1 AND j #>> '{severity,description}' = $2 ORDER BY j ->> 'updatedAt' DESC LIMIT 50`
	}
	var l latencies
	for b.Loop() {
		start := time.Now()
		view(b, db, func(ctx context.Context, tx store.Tx) error {
			return store.Each(ctx, tx, sql, []any{SampleBucket(len(l) * 7 % sampleBuckets), "High"}, func(rows store.Rows) error {
				var id string
				return rows.Scan(&id)
			})
		})
		l = append(l, time.Since(start))
	}
	l.report(b)
}

func measureGet(b *testing.B, db store.DB, size int) {
	var l latencies
	for b.Loop() {
		var ids []string
		for i := range store.MaxGetFindings {
			ids = append(ids, SampleFindingID(int(mix(uint64(len(l)*100+i))%uint64(size))))
		}
		start := time.Now()
		view(b, db, func(ctx context.Context, tx store.Tx) error {
			docs, err := store.GetFindings(ctx, tx, here, ids, store.FindingSort{})
			if len(docs) == 0 {
				b.Error("no findings")
			}
			return err
		})
		l = append(l, time.Since(start))
	}
	l.report(b)
}

func measureStatistics(b *testing.B, db store.DB, group string) {
	var l latencies
	for b.Loop() {
		start := time.Now()
		view(b, db, func(ctx context.Context, tx store.Tx) error {
			counts, err := store.FindingStatistics(ctx, tx, here, store.StatisticsQuery{GroupBy: group, Criteria: []store.Criterion{eq("archived", "false")}})
			if len(counts) == 0 {
				b.Error("no groups")
			}
			return err
		})
		l = append(l, time.Since(start))
	}
	l.report(b)
}

// measurePut stores findings as a worker does, 200 a transaction, for a tenant of their own.
func measurePut(b *testing.B, db store.DB) {
	n := 0
	view(b, db, func(ctx context.Context, tx store.Tx) error { // go on where an earlier round ended
		var have int64
		err := store.One(ctx, tx, "SELECT COUNT(*) FROM findings f JOIN tenants t ON t.id = f.tenant WHERE t.account = $1", []any{other.Account}, &have)
		n = int(have)
		return err
	})
	var l latencies
	for b.Loop() {
		docs := samples(n, n+200)
		n += 200
		start := time.Now()
		putFindings(b, db, other, docs...)
		l = append(l, time.Since(start))
	}
	l.report(b)
	b.ReportMetric(float64(200*len(l))/b.Elapsed().Seconds(), "findings/s")
}
