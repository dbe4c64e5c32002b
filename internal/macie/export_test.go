package macie

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

const exportTestKey = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

func destination(bucket, prefix string) *macie2.S3Destination {
	d := &macie2.S3Destination{BucketName: &bucket, KmsKeyArn: wire.Ptr(exportTestKey)}
	if prefix != "" {
		d.KeyPrefix = &prefix
	}
	return d
}

// putExport sets where results of home go; nil: nowhere.
func (w *world) putExport(d *macie2.S3Destination) error {
	_, err := w.service.PutClassificationExportConfiguration(w.ctx, &macie2.PutClassificationExportConfigurationInput{
		Configuration: &macie2.ClassificationExportConfiguration{S3Destination: d},
	})
	return err
}

func (w *world) exporter() *Exporter {
	w.Helper()
	e, err := NewExporter(ExporterConfig{DB: w.db, Sources: w.sources, Now: w.clock.Now, Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Registerer: prometheus.NewRegistry()})
	must(w, err)
	return e
}

func (w *world) export() {
	w.Helper()
	must(w, w.exporter().Export(w.Context()))
}

// waitingFiles counts the files of home that are still to be written, and says whether others are kept.
func (w *world) waitingFiles() (waiting int64, kept bool) {
	w.Helper()
	must(w, w.db.View(w.Context(), func(tx store.Tx) (err error) {
		waiting, kept, err = store.CountExports(w.Context(), tx, home)
		return err
	}))
	return waiting, kept
}

// An exported record is what tests look at of one.
type exportedRecord struct {
	ID                    string
	Type                  *string
	ClassificationDetails struct {
		DetailedResultsLocation string
		JobID                   *string
		OriginType              string
		Result                  struct {
			Status        struct{ Code, Reason string }
			SensitiveData []struct {
				TotalCount int64
				Detections []struct {
					Type        string
					Count       int64
					Occurrences *struct{ Cells, LineRanges, Records, Pages []any }
				}
			}
		}
	}
	ResourcesAffected struct {
		S3Bucket struct{ Name string }
		S3Object struct {
			Key                 string
			EmbeddedFileDetails *struct{ FilePath string }
		}
	}
	file string // URI of the file that holds it
}

// name names the object of a record, or the member of it.
func (r *exportedRecord) name() string {
	name := r.ResourcesAffected.S3Object.Key
	if m := r.ResourcesAffected.S3Object.EmbeddedFileDetails; m != nil {
		name += "!" + m.FilePath
	}
	return name
}

// exported reads all records in a bucket of home.
func (w *world) exported(bucket string) (records []exportedRecord) {
	w.Helper()
	return readExported(w, w.sources[home][0], bucket)
}

func readExported(t testing.TB, d source.Driver, bucket string) (records []exportedRecord) {
	t.Helper()
	for item, err := range d.List(t.Context(), bucket, source.ListOptions{}) {
		must(t, err)
		if strings.HasSuffix(item.Key, "/"+testObject) {
			continue
		}
		r, err := d.Open(t.Context(), bucket, item.Key, source.OpenOptions{})
		must(t, err)
		body, err := io.ReadAll(r)
		must(t, errors.Join(err, r.Close()))
		for _, line := range unzipLines(t, body) {
			for _, value := range []string{plantedSSN, plantedCard, plantedSecret} {
				if strings.Contains(line, value) {
					t.Errorf("a record holds a found value")
				}
			}
			record := exportedRecord{file: "s3://" + bucket + "/" + item.Key}
			must(t, json.Unmarshal([]byte(line), &record))
			records = append(records, record)
		}
	}
	return records
}

func unzipLines(t testing.TB, body []byte) []string {
	t.Helper()
	in, err := gzip.NewReader(bytes.NewReader(body))
	must(t, err)
	text, err := io.ReadAll(in)
	must(t, err)
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// checkExported compares records with the findings, and with what there is to be: the names of records with their status.
func (w *world) checkExported(records []exportedRecord, want map[string]string) {
	w.Helper()
	got, located := map[string]string{}, map[string]string{}
	for i := range records {
		r := &records[i]
		name := r.name()
		if got[name] != "" {
			w.Errorf("%s has two records", name)
		}
		got[name] = strings.TrimSpace(r.ClassificationDetails.Result.Status.Code + " " + r.ClassificationDetails.Result.Status.Reason)
		location := r.ClassificationDetails.DetailedResultsLocation
		if location != r.file && !(strings.HasSuffix(location, "/") && strings.HasPrefix(r.file, location)) {
			w.Errorf("the record of %s is in %s and says that it is in %s", name, r.file, location)
		}
		if r.ResourcesAffected.S3Object.EmbeddedFileDetails == nil {
			located[r.ID] = location
		}
	}
	equal(w, "records", got, want)
	for _, f := range w.findings(home, nil) {
		if got := located[*f.Id]; got != *f.ClassificationDetails.DetailedResultsLocation {
			w.Errorf("the finding of %s says that its result is in %s, it is in %q", *f.ResourcesAffected.S3Object.Key, *f.ClassificationDetails.DetailedResultsLocation, got)
		}
	}
}

// putExportObjects puts objects of all sorts, and what their records are to say.
func putExportObjects(t testing.TB, w *world) map[string]string {
	csv := people(3)
	w.put("customers", map[string]string{
		"2026/people.csv": csv, "many.csv": people(2100), "readme.txt": "Nothing to see here.\n", "empty": "",
		"backup.zip":  zipOf(t, []string{"a/people.csv", "b/logo.bin"}, map[string]string{"a/people.csv": csv, "b/logo.bin": "\x00\x01\x02\xff\x00"}),
		"nothing.zip": zipOf(t, []string{"a.txt"}, map[string]string{"a.txt": "Nothing.\n"}),
	})
	w.objects[home].Put("customers", source.Object{Key: "cold.csv", StorageClass: "GLACIER"}, []byte(csv))
	w.objects[home].Put("customers", source.Object{Key: "denied.csv"}, []byte(csv))
	w.objects[home].Deny("customers", "denied.csv")
	return map[string]string{
		"2026/people.csv": "COMPLETE", "many.csv": "COMPLETE", "readme.txt": "COMPLETE", "empty": "COMPLETE", "cold.csv": "SKIPPED INVALID_OBJECT_STATE",
		"denied.csv": "SKIPPED PERMISSION_DENIED", "backup.zip": "PARTIAL ARCHIVE_CONTAINS_UNPROCESSED_FILES", "nothing.zip": "COMPLETE",
		"backup.zip!a/people.csv": "COMPLETE", "backup.zip!b/logo.bin": "SKIPPED UNSUPPORTED_FILE_TYPE_EXCEPTION", "nothing.zip!a.txt": "COMPLETE",
	}
}

// TestExport takes the results of a job to a bucket: a record for each object that was analysed or attempted, and for each member of an archive.
func TestExport(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.start()
		want := putExportObjects(t, w)
		w.objects[home].CreateBucket(source.Bucket{Name: "results"})
		must(t, w.putExport(destination("results", "/macie/")))
		id := w.run("customers")
		w.export()
		records := w.exported("results")
		w.checkExported(records, want)
		folder := "s3://results/macie/AWSLogs/123456789012/Macie/eu-west-1/" + id + "/"
		shared := map[string]bool{}
		for _, r := range records {
			if !strings.HasPrefix(r.file, folder) || !strings.HasSuffix(r.file, ".jsonl.gz") || r.ClassificationDetails.OriginType != "SENSITIVE_DATA_DISCOVERY_JOB" ||
				wire.Value(r.ClassificationDetails.JobID) != id {
				t.Errorf("%+v", r)
			}
			switch found := r.ClassificationDetails.Result.SensitiveData; r.name() {
			case "many.csv", "backup.zip!a/people.csv":
				wanted := min(1000, int(found[0].Detections[0].Count))
				if n := len(found[0].Detections[0].Occurrences.Cells); n != wanted || wanted == 0 {
					t.Errorf("%s shows %d places, want %d", r.name(), n, wanted)
				}
			case "backup.zip":
				if found[0].TotalCount == 0 || found[0].Detections[0].Occurrences != nil {
					t.Errorf("the record of an archive counts and shows no places: %+v", found)
				}
			default:
				if r.Type == nil {
					shared[r.file] = true
				}
			}
		}
		if n := len(shared); n > 4 {
			t.Errorf("objects without findings are in %d files", n)
		}
		for item, err := range w.objects[home].List(t.Context(), "results", source.ListOptions{}) {
			if err != nil || item.Encryption != (source.Encryption{Type: "aws:kms", KMSKeyID: exportTestKey}) {
				t.Errorf("%s is encrypted by %v, %v", item.Key, item.Encryption, err)
			}
		}
		if waiting, kept := w.waitingFiles(); waiting != 0 || kept {
			t.Errorf("%d files wait, kept %v", waiting, kept)
		}
		w.export()
		equal(t, "records after another look", len(w.exported("results")), len(records))

		// A second job opens only what the ledger does not tell wholly; its records are as complete.
		w.objects[home].CreateBucket(source.Bucket{Name: "results2"})
		must(t, w.putExport(destination("results2", "")))
		w.run("customers")
		w.export()
		again := w.exported("results2")
		names := map[string]int{}
		for _, r := range again {
			names[r.name()]++
		}
		for name := range want {
			if names[name] != 1 {
				t.Errorf("the second job has %d records of %s", names[name], name)
			}
		}
		equal(t, "records of the second job", len(again), len(want))
	})
}

// TestExportConfiguration holds the settings to macie.md 8.1.
func TestExportConfiguration(t *testing.T) {
	w := newWorld(t)
	w.objects[home].CreateBucket(source.Bucket{Name: "results"})
	w.objects[home].CreateBucket(source.Bucket{Name: "far", Region: "us-west-2"})
	w.objects[home].CreateBucket(source.Bucket{Name: "sealed"})
	w.objects[home].DenyWrites("sealed", true)
	w.objects[other].CreateBucket(source.Bucket{Name: "theirs"})
	get := func() string {
		t.Helper()
		out, err := w.service.GetClassificationExportConfiguration(w.ctx, &macie2.GetClassificationExportConfigurationInput{})
		must(t, err)
		return string(wire.Marshal(out))
	}
	equal(t, "before anything is set", get(), `{"configuration":{}}`)
	with := func(change func(*macie2.S3Destination)) *macie2.S3Destination {
		d := destination("results", "a/b")
		change(d)
		return d
	}
	for _, c := range []struct {
		d    *macie2.S3Destination
		kind wire.Kind
		text string
	}{
		{destination("none", ""), wire.Validation, "does not exist"},
		{destination("sealed", ""), wire.AccessDenied, "access is denied"},
		{destination("theirs", ""), wire.Validation, "does not exist"},
		{destination("far", ""), wire.Validation, "same Region"},
		{with(func(d *macie2.S3Destination) { d.ExpectedBucketOwner = wire.Ptr(other.Account) }), wire.AccessDenied, "isn't owned by"},
		{with(func(d *macie2.S3Destination) { d.ExpectedBucketOwner = wire.Ptr("123") }), wire.Validation, "12 digits"},
		{with(func(d *macie2.S3Destination) { d.KmsKeyArn = wire.Ptr("alias/mine") }), wire.Validation, "ARN of a KMS key"},
		{with(func(d *macie2.S3Destination) { d.KmsKeyArn = wire.Ptr("arn:aws:kms:eu-west-1:123456789012:alias/mine") }), wire.Validation, "ARN of a KMS key"},
		{with(func(d *macie2.S3Destination) { d.KmsKeyArn = wire.Ptr("arn:aws:s3:::results") }), wire.Validation, "ARN of a KMS key"},
		{with(func(d *macie2.S3Destination) { d.KeyPrefix = wire.Ptr(strings.Repeat("p", 1000)) }), wire.Validation, "too long"},
		{with(func(d *macie2.S3Destination) { d.KeyPrefix = wire.Ptr("a\nb") }), wire.Validation, "control characters"},
	} {
		refused(t, w.putExport(c.d), c.kind, c.text)
		equal(t, "after a refusal", get(), `{"configuration":{}}`)
	}
	if log := w.log.String(); !strings.Contains(log, "bucket=sealed error=\"write bucket") {
		t.Errorf("the log does not say what the store said: %s", log)
	}
	must(t, w.putExport(destination("results", "a/b")))
	equal(t, "set", get(), `{"configuration":{"s3Destination":{"bucketName":"results","keyPrefix":"a/b","kmsKeyArn":"`+exportTestKey+`"}}}`)
	theirs := destination("theirs", "")
	theirs.ExpectedBucketOwner = wire.Ptr(other.Account)
	must(t, w.putExport(theirs))
	if !strings.Contains(get(), `"expectedBucketOwner":"210987654321"`) {
		t.Error(get())
	}
	for bucket, of := range map[string]store.Tenant{"results": home, "theirs": other} {
		n := 0
		for item, err := range w.objects[of].List(t.Context(), bucket, source.ListOptions{}) {
			must(t, err)
			if n++; !strings.HasSuffix(item.Key, "AWSLogs/123456789012/Macie/eu-west-1/"+testObject) {
				t.Errorf("the test wrote %s", item.Key)
			}
		}
		equal(t, "objects in "+bucket, n, 1)
	}
	must(t, w.putExport(nil))
	equal(t, "taken back", get(), `{"configuration":{}}`)
	_, err := w.service.PutClassificationExportConfiguration(as(t.Context(), other), &macie2.PutClassificationExportConfigurationInput{
		Configuration: &macie2.ClassificationExportConfiguration{S3Destination: destination("results", "")}})
	refused(t, err, wire.AccessDenied, "not enabled")
}

// TestExportLater: what was found before there was somewhere to write it to is written when there is, and says where it is then.
func TestExportLater(t *testing.T) {
	w := newWorld(t)
	w.start()
	want := putExportObjects(t, w)
	w.run("customers")
	w.export()
	if waiting, kept := w.waitingFiles(); waiting != 0 || !kept {
		t.Fatalf("%d files wait, kept %v: want them kept", waiting, kept)
	}
	before := map[string]string{}
	for _, f := range w.findings(home, nil) {
		before[*f.Id] = *f.ClassificationDetails.DetailedResultsLocation
	}
	w.objects[home].CreateBucket(source.Bucket{Name: "results"})
	must(t, w.putExport(destination("results", `odd "p/&x`)))
	w.export()
	records := w.exported("results")
	equal(t, "records", len(records), len(want))
	for _, r := range records {
		if r.ClassificationDetails.DetailedResultsLocation != r.file {
			t.Errorf("a record in %s says that it is in %s", r.file, r.ClassificationDetails.DetailedResultsLocation)
		}
		if was, ok := before[r.ID]; ok && strings.Replace(was, "[export-config-not-set]", `results/odd "p/&x`, 1) != r.file {
			t.Errorf("the finding said %s, the file is %s", was, r.file)
		}
	}
	// Results are kept for 90 days.
	must(t, w.putExport(nil))
	w.run("customers")
	w.clock.Advance(89 * 24 * time.Hour)
	w.export()
	if _, kept := w.waitingFiles(); !kept {
		t.Error("results were dropped too early")
	}
	w.clock.Advance(25 * time.Hour)
	w.export()
	if _, kept := w.waitingFiles(); kept {
		t.Error("results were not dropped after 90 days")
	}
}

// TestExportRefused: a bucket that refuses costs nothing but time, and none of the job's.
func TestExportRefused(t *testing.T) {
	w := newWorld(t)
	w.start()
	want := putExportObjects(t, w)
	w.objects[home].CreateBucket(source.Bucket{Name: "results"})
	must(t, w.putExport(destination("results", "")))
	var failure error
	w.fault(func(step, _, _ string) error {
		if step != "write" {
			return nil
		}
		return failure
	})
	exporter, err := NewExporter(ExporterConfig{DB: w.db, Sources: w.sources, Now: w.clock.Now, Log: slog.New(slog.NewTextHandler(w.log, nil))})
	must(t, err)
	at := &exporting{Exporter: exporter, tenant: home, log: exporter.cfg.Log}
	failure = &source.Error{Kind: source.AccessDenied, Op: "write", Bucket: "results"}
	w.run("customers")
	waiting := int64(0)
	for _, kind := range []source.Kind{source.AccessDenied, source.BucketNotFound, source.Other, source.Unavailable, source.KeyUnavailable} {
		failure = &source.Error{Kind: kind, Op: "write", Bucket: "results", Err: errors.New("no")}
		w.clock.Advance(exportMostWait)
		must(t, at.export(t.Context()))
		n, _ := w.waitingFiles()
		if waiting == 0 {
			waiting = n
		}
		if n != waiting || n == 0 {
			t.Fatalf("%s: %d files wait, want %d", kind, n, waiting)
		}
	}
	equal(t, "records meanwhile", len(w.exported("results")), 0)
	if !strings.Contains(w.log.String(), "a file was not written") {
		t.Error("the log does not tell of it")
	}
	failure = nil
	w.clock.Advance(exportMostWait)
	must(t, at.export(t.Context()))
	w.checkExported(w.exported("results"), want)
	if n, _ := w.waitingFiles(); n != 0 {
		t.Errorf("%d files wait", n)
	}
	if !strings.Contains(w.log.String(), "files are written again") {
		t.Error("the log does not tell that all is well again")
	}
}

// TestExportMoved: what the bucket that was configured refuses for good goes to the one that is configured now.
func TestExportMoved(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.put("customers", map[string]string{"people.csv": people(3), "a.txt": "Nothing."})
	w.objects[home].CreateBucket(source.Bucket{Name: "old"})
	w.objects[home].CreateBucket(source.Bucket{Name: "new"})
	must(t, w.putExport(destination("old", "")))
	w.run("customers")
	w.objects[home].DenyWrites("old", true)
	w.export()
	equal(t, "records in the old bucket", len(w.exported("old")), 0)
	must(t, w.putExport(destination("new", "moved")))
	w.export()
	records := w.exported("new")
	equal(t, "records in the new bucket", len(records), 2)
	for _, r := range records {
		if r.ClassificationDetails.DetailedResultsLocation != r.file {
			t.Errorf("a record in %s says that it is in %s", r.file, r.ClassificationDetails.DetailedResultsLocation)
		}
	}
}

// TestExportFolder: the members of a large archive take several files, in a folder that the finding names.
func TestExportFolder(t *testing.T) {
	w := newWorld(t)
	w.start()
	const count = 16_000
	var names []string
	bodies := map[string]string{}
	want := map[string]string{"large.zip": "COMPLETE"}
	for i := range count {
		name := fmt.Sprintf("%s/%05d.txt", strings.Repeat("long names make long records/", 6), i)
		names, bodies[name] = append(names, name), "Nothing."
		want["large.zip!"+name] = "COMPLETE"
	}
	bodies[names[7]] = "my ssn is " + plantedSSN
	w.put("customers", map[string]string{"large.zip": zipOf(t, names, bodies)})
	w.objects[home].CreateBucket(source.Bucket{Name: "results"})
	must(t, w.putExport(destination("results", "")))
	w.run("customers")
	w.export()
	records := w.exported("results")
	w.checkExported(records, want)
	files := map[string]bool{}
	ids := map[string]bool{}
	for _, r := range records {
		files[r.file] = true
		ids[r.ID] = true
	}
	if len(files) < 2 || len(ids) != count+1 {
		t.Errorf("%d files, %d ids", len(files), len(ids))
	}
	if at := *w.findings(home, nil)[0].ClassificationDetails.DetailedResultsLocation; !strings.HasSuffix(at, "/") {
		t.Errorf("the finding says %s", at)
	}
}

// TestExportCustom: a member of an archive reports a custom data identifier if the archive as a whole does.
func TestExportCustom(t *testing.T) {
	w := newWorld(t)
	w.start()
	out, err := w.service.CreateCustomDataIdentifier(w.ctx, &macie2.CreateCustomDataIdentifierInput{Name: wire.Ptr("Badge"), Regex: wire.Ptr(`\bB-\d{6}\b`),
		SeverityLevels: []macie2.SeverityLevel{{OccurrencesThreshold: wire.Ptr[int64](3), Severity: macie2.DataIdentifierSeverityHigh}}})
	must(t, err)
	two, one := "B-100001 B-100002", "B-100003"
	w.put("customers", map[string]string{
		"enough.zip": zipOf(t, []string{"two.txt", "one.txt"}, map[string]string{"two.txt": two, "one.txt": one}),
		"short.zip":  zipOf(t, []string{"two.txt"}, map[string]string{"two.txt": two}),
	})
	w.objects[home].CreateBucket(source.Bucket{Name: "results"})
	must(t, w.putExport(destination("results", "")))
	in := jobOver("custom", "customers")
	in.CustomDataIdentifierIds = []string{*out.CustomDataIdentifierId}
	w.wait(w.create(in))
	w.export()
	got := map[string]bool{}
	for item, err := range w.objects[home].List(t.Context(), "results", source.ListOptions{}) {
		must(t, err)
		r, err := w.objects[home].Open(t.Context(), "results", item.Key, source.OpenOptions{})
		must(t, err)
		body, err := io.ReadAll(r)
		must(t, err)
		if strings.HasSuffix(item.Key, testObject) {
			continue
		}
		for _, line := range unzipLines(t, body) {
			var record exportedRecord
			must(t, json.Unmarshal([]byte(line), &record))
			got[record.name()] = strings.Contains(line, `"name":"Badge"`)
		}
	}
	equal(t, "records that name the identifier", got, map[string]bool{
		"enough.zip": true, "enough.zip!two.txt": true, "enough.zip!one.txt": true, "short.zip": false, "short.zip!two.txt": false,
	})
}

// TestExportToAStore writes to a real S3 server, one that stops taking objects in between.
func TestExportToAStore(t *testing.T) {
	s3test.Start(t).Close()
	w := newWorld(t)
	w.start()
	bench := s3test.Start(t)
	d, err := s3.New(s3.Options{Endpoint: bench.URL, Region: s3test.Region, Account: home.Account, Credentials: credentials.NewStaticCredentialsProvider(s3test.AccessKey, s3test.SecretKey, ""),
		Retry: s3.Retry{Attempts: 2, Base: time.Millisecond, Max: time.Millisecond}})
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	w.sources[home] = []source.Driver{d}
	bench.CreateBucket(t, "data")
	bench.CreateBucket(t, "results")
	bench.Fill(t, "data", map[string]string{"people.csv": people(3), "note.txt": "nothing"})
	at := destination("results", "macie")
	at.KmsKeyArn = wire.Ptr("arn:aws:kms:" + s3test.Region + ":123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab")
	for _, reply := range []s3test.Reply{s3test.AccessDenied, s3test.SlowDown} {
		rule := bench.On(s3test.Rule{Op: "PutObject", Bucket: "results", Do: reply})
		if err := w.putExport(at); err == nil {
			t.Error("a bucket that refuses was taken")
		}
		rule.Remove()
	}
	if err := w.putExport(at); err != nil && strings.Contains(err.Error(), "same Region") {
		at.KmsKeyArn = wire.Ptr(exportTestKey) // the server tells no Region
		must(t, w.putExport(at))
	} else {
		must(t, err)
	}
	rule := bench.On(s3test.Rule{Op: "PutObject", Bucket: "results", Do: s3test.SlowDown})
	w.run("data")
	w.export()
	equal(t, "records meanwhile", len(readExported(t, d, "results")), 0)
	rule.Remove()
	w.clock.Advance(exportLeastWait)
	w.export()
	w.checkExported(readExported(t, d, "results"), map[string]string{"people.csv": "COMPLETE", "note.txt": "COMPLETE"})
}

// TestSpill reads back what was written, from memory and from a file.
func TestSpill(t *testing.T) {
	for name, size := range map[string]int{"in memory": 10, "in a file": 3 * spillAt} {
		s := spill{open: classify.Spool(t.TempDir())}
		var all []byte
		for len(all) < size {
			piece := bytes.Repeat([]byte{byte(len(all))}, 1000+len(all)%777)
			all = append(all, piece...)
			if n, err := s.Write(piece); n != len(piece) || err != nil {
				t.Fatal(n, err)
			}
		}
		for _, at := range [][2]int64{{0, s.size}, {1, 5}, {s.size - 3, s.size}, {spillAt - 9, spillAt + 9}, {0, 0}} {
			from, end := min(at[0], s.size), min(at[1], s.size)
			got, err := io.ReadAll(s.reader(from, end))
			if err != nil || !bytes.Equal(got, all[from:end]) {
				t.Errorf("%s: %d bytes from %d to %d, %v", name, len(got), from, end, err)
			}
		}
		must(t, s.close())
	}
}

// TestExportDiscovery: what automated discovery looks at has records in a folder of its own, and of no job.
func TestExportDiscovery(t *testing.T) {
	d := newDiscoverer(t, sqliteURL(t), 100, 1<<20)
	d.put("customers", map[string]string{"people.csv": people(3), "note.txt": "nothing"})
	d.put("refused", map[string]string{"a.txt": "x"})
	d.objects[home].Deny("refused", "a.txt")
	d.start()
	d.objects[other].CreateBucket(source.Bucket{Name: "results", Region: home.Region}) // which discovery does not look at
	at := destination("results", "")
	at.ExpectedBucketOwner = wire.Ptr(other.Account)
	must(t, d.putExport(at))
	d.setDiscovery(discoveryOn, "")
	d.day()
	d.export()
	records := readExported(t, d.objects[other], "results")
	d.checkExported(records, map[string]string{"people.csv": "COMPLETE", "note.txt": "COMPLETE", "a.txt": "SKIPPED PERMISSION_DENIED"})
	for _, r := range records {
		if r.ClassificationDetails.OriginType != "AUTOMATED_SENSITIVE_DATA_DISCOVERY" || r.ClassificationDetails.JobID != nil ||
			!strings.HasPrefix(r.file, "s3://results/AWSLogs/123456789012/Macie/eu-west-1/automated-sensitive-data-discovery/") {
			t.Errorf("%+v", r)
		}
	}
}
