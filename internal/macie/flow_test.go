package macie

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares JSON with a file of testdata, member by member.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	var pretty bytes.Buffer
	must(t, json.Indent(&pretty, got, "", "  "))
	pretty.WriteByte('\n')
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(path, pretty.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(string(want), pretty.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func zipOf(t testing.TB, names []string, bodies map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		member, err := z.Create(name)
		must(t, err)
		_, err = member.Write([]byte(bodies[name]))
		must(t, err)
	}
	must(t, z.Close())
	return b.String()
}

// people is a table with a social security number in each row.
func people(rows int) string {
	return "name,ssn\n" + strings.Repeat("Ada,"+plantedSSN+"\n", rows)
}

// TestFlow takes objects of every format from the bucket to the findings that the API answers with, on both databases.
func TestFlow(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.start()
		csv := people(3)
		w.put("customers", map[string]string{
			"2026/people.csv":  csv,
			"2026/orders.json": `{"orders":[{"id":7,"card number":"` + plantedCard + `"}],"ssn":"` + plantedSSN + `"}`,
			"deploy.env":       "# deploy\naws_secret_access_key=" + plantedSecret + "\n",
			"backup.zip":       zipOf(t, []string{"a/people.csv", "b/logo.bin"}, map[string]string{"a/people.csv": csv, "b/logo.bin": "\x00\x01\x02\xff\x00"}),
			"many.csv":         people(40),
			"readme.txt":       "Nothing to see here.\n",
			"empty":            "",
			"picture.ico":      "\x00\x00\x01\x00\x01\x00\x10\x10\x00\x00\x01\x00",
		})
		w.objects[home].Put("customers", source.Object{Key: "cold.csv", StorageClass: "GLACIER"}, []byte(csv))
		w.objects[home].Put("customers", source.Object{Key: "locked.csv", Encryption: source.Encryption{Type: "SSE-C"}}, []byte(csv))
		w.objects[home].Put("customers", source.Object{Key: "denied.csv"}, []byte(csv))
		w.objects[home].Deny("customers", "denied.csv")
		w.objects[home].Configure("customers", configuration())

		id := w.run("customers")
		equal(t, "results", w.statuses(id), map[string]string{
			"2026/people.csv": "COMPLETE", "2026/orders.json": "COMPLETE", "deploy.env": "COMPLETE", "many.csv": "COMPLETE",
			"readme.txt": "COMPLETE", "empty": "COMPLETE",
			"backup.zip":  "PARTIAL ARCHIVE_CONTAINS_UNPROCESSED_FILES",
			"picture.ico": "SKIPPED UNSUPPORTED_FILE_TYPE_EXCEPTION",
			"cold.csv":    "SKIPPED INVALID_OBJECT_STATE",
			"locked.csv":  "SKIPPED INVALID_ENCRYPTION",
			"denied.csv":  "SKIPPED PERMISSION_DENIED",
		})
		totals := w.totals(id)
		if totals.Listed != 11 || totals.Objects != 11 || totals.Classified != 7 || totals.Skipped != 4 || totals.Findings != 5 {
			t.Errorf("counters %+v", totals.Counters)
		}
		out := w.describe(id)
		if out.JobStatus != macie2.JobStatusComplete || out.LastRunErrorStatus.Code != macie2.LastRunErrorStatusCodeNone ||
			*out.Statistics.NumberOfRuns != 1 || *out.Statistics.ApproximateNumberOfObjectsToProcess != 0 {
			t.Errorf("%s", wire.Marshal(out))
		}
		findings := w.findings(home, nil)
		equal(t, "number of findings", len(findings), 5)
		for i := range findings {
			key := *findings[i].ResourcesAffected.S3Object.Key
			if *findings[i].ClassificationDetails.JobId != id {
				t.Errorf("%s is of job %s", key, *findings[i].ClassificationDetails.JobId)
			}
			golden(t, "finding-"+strings.ReplaceAll(key, "/", "-")+".json", wire.Marshal(&findings[i]))
			if r := w.results(id)[key]; r.FindingID != *findings[i].Id || r.Rules == "" {
				t.Errorf("the result of %s does not go with its finding: %+v", key, r)
			}
			for _, value := range []string{plantedSSN, plantedCard, plantedSecret} {
				if bytes.Contains(wire.Marshal(&findings[i]), []byte(value)) {
					t.Errorf("the finding of %s holds a found value", key)
				}
			}
		}
		if log := w.log.String(); strings.Contains(log, plantedSSN) || strings.Contains(log, plantedSecret) {
			t.Error("the log holds a found value")
		}
		// A second job makes findings of its own, though it finds the same and opens nothing that it need not.
		again := w.run("customers")
		equal(t, "findings of two jobs", len(w.findings(home, nil)), 10)
		equal(t, "the second job's counters", w.totals(again).Counters, w.totals(id).Counters)
		results := w.statuses(id)
		for _, key := range []string{"empty", "readme.txt"} {
			delete(results, key) // read to the end, without findings: the ledger has them
		}
		equal(t, "the second job's results", w.statuses(again), results)
	})
}

// configuration is that of a bucket of which everything is known.
func configuration() source.Configuration {
	return source.Configuration{
		Region: source.Known(home.Region), Created: source.Known(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)),
		Versioning: source.Known(true), Tags: source.Known([]source.Tag{{Key: "team", Value: "billing"}}),
		Encryption: source.Known("aws:kms"), KMSKey: source.Known("arn:aws:kms:eu-west-1:123456789012:key/1"),
		Policy: source.Absent[string](""), ACL: source.Known([]source.Grant{}),
		PublicAccessBlock: source.Known(source.PublicAccessBlock{BlockPublicACLs: true, IgnorePublicACLs: true}),
		Replication:       source.Absent[[]source.ReplicationRule](""),
	}
}

// TestTenantsApart makes the same of the same names in two accounts and two Regions, and sees that none sees another's.
func TestTenantsApart(t *testing.T) {
	w := newWorld(t)
	w.start()
	ids := map[store.Tenant]string{}
	for i, tenant := range tenants {
		if tenant != home {
			w.enable(tenant)
		}
		w.putFor(tenant, "shared-name", map[string]string{"people.csv": people(i + 1)})
		in := jobOver("token", "shared-name")
		in.S3JobDefinition.BucketDefinitions[0].AccountId = wire.Ptr(tenant.Account)
		in.Tags = map[string]string{"of": tenant.String()}
		out, err := w.service.CreateClassificationJob(as(t.Context(), tenant), in)
		must(t, err)
		ids[tenant] = *out.JobId
		w.wait(*out.JobId)
	}
	for i, tenant := range tenants {
		ctx := as(t.Context(), tenant)
		findings := w.findings(tenant, nil)
		if len(findings) != 1 {
			t.Fatalf("%s has %d findings", tenant, len(findings))
		}
		f := findings[0]
		count := *f.ClassificationDetails.Result.SensitiveData[0].TotalCount
		if *f.AccountId != tenant.Account || *f.Region != tenant.Region || count != int64(i+1) {
			t.Errorf("%s: %s", tenant, wire.Marshal(&f))
		}
		jobs, err := w.service.ListClassificationJobs(ctx, &macie2.ListClassificationJobsInput{})
		must(t, err)
		if len(jobs.Items) != 1 || *jobs.Items[0].JobId != ids[tenant] {
			t.Errorf("%s sees jobs %v", tenant, jobs.Items)
		}
		buckets, err := w.service.DescribeBuckets(ctx, &macie2.DescribeBucketsInput{})
		must(t, err)
		if len(buckets.Buckets) != 1 || *buckets.Buckets[0].AccountId != tenant.Account || *buckets.Buckets[0].Region != tenant.Region ||
			*buckets.Buckets[0].SizeInBytes != int64(len(people(i+1))) {
			t.Errorf("%s sees buckets %v", tenant, buckets.Buckets)
		}
		for _, stranger := range tenants {
			if stranger == tenant {
				continue
			}
			strange := as(t.Context(), stranger)
			_, err := w.service.DescribeClassificationJob(strange, &macie2.DescribeClassificationJobInput{JobId: wire.Ptr(ids[tenant])})
			refused(t, err, wire.NotFound, "specified job does not exist")
			_, err = w.service.UpdateClassificationJob(strange, &macie2.UpdateClassificationJobInput{
				JobId: wire.Ptr(ids[tenant]), JobStatus: macie2.JobStatusCancelled})
			refused(t, err, wire.NotFound, "specified job does not exist")
			_, err = w.service.ListTagsForResource(strange, &macie2.ListTagsForResourceInput{ResourceArn: wire.Ptr(jobARN(tenant, ids[tenant]))})
			refused(t, err, wire.NotFound, "")
			got, err := w.service.GetFindings(strange, &macie2.GetFindingsInput{FindingIds: []string{*f.Id}})
			must(t, err)
			equal(t, "findings of "+tenant.String()+" seen by "+stranger.String(), len(got.Findings), 0)
		}
	}
	// Erasing one leaves the others alone.
	_, err := w.service.DisableMacie(as(t.Context(), other), &macie2.DisableMacieInput{})
	must(t, err)
	for _, tenant := range []store.Tenant{home, abroad} {
		equal(t, "findings after another was disabled", len(w.findings(tenant, nil)), 1)
	}
}
