package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// forecastOf runs a forecast as JSON.
func forecastOf(t *testing.T, args ...string) (buckets []tallyJSON, total totalJSON) {
	t.Helper()
	var out, errs strings.Builder
	code := run(t.Context(), append([]string{"scan", "--dry-run", "--format", "json"}, args...), stdio{strings.NewReader(""), &out, &errs})
	if code != exitComplete {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	var doc struct {
		Buckets []tallyJSON
		totalJSON
	}
	if err := json.Unmarshal([]byte(out.String()), &doc); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return doc.Buckets, doc.totalJSON
}

// TestForecastIsWhatIsRead compares forecasts with what scans with the same flags then do.
func TestForecastIsWhatIsRead(t *testing.T) {
	dir := t.TempDir()
	for i := range 300 {
		name := fmt.Sprintf("%03d.%s", i, []string{"csv", "log", "json", "exe"}[i%4])
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("x y z\n", i)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, flags := range [][]string{nil, {"--sample", "30"}, {"--max-size", "900"}, {"--sample", "50", "--max-size", "300"}, {"--identifiers", "PKCS", "--workers", "3"}} {
		args := append(flags, dir)
		buckets, total := forecastOf(t, args...)
		var out, errs strings.Builder
		run(t.Context(), append([]string{"scan", "--format", "jsonl"}, args...), stdio{strings.NewReader(""), &out, &errs})
		read, tooLarge, bytes := int64(0), int64(0), int64(0)
		for line := range strings.Lines(out.String()) {
			var record struct {
				ResourcesAffected     struct{ S3Object struct{ Size int64 } }
				ClassificationDetails struct {
					Result struct{ Status struct{ Reason string } }
				}
			}
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				t.Fatal(err)
			}
			if record.ClassificationDetails.Result.Status.Reason == "FILE_EXCEEDS_SIZE_LIMIT" {
				tooLarge++
				continue
			}
			read++
			bytes += record.ResourcesAffected.S3Object.Size
		}
		refused := int64(0)
		for _, r := range total.Total.NotRead {
			if r.Reason != "FILE_EXCEEDS_SIZE_LIMIT" {
				t.Errorf("%v: %+v", flags, r)
			}
			refused += r.Objects
		}
		if total.Total.Read.Objects != read || total.Total.Read.Bytes != bytes || refused != tooLarge || read == 0 {
			t.Errorf("%v: forecast %+v, %d too large; scanned %d objects, %d bytes, %d too large", flags, total.Total.Read, refused, read, bytes, tooLarge)
		}
		if total.Total.LeftOut.Objects != 300-read-tooLarge || len(buckets) != 1 || buckets[0].Read != total.Total.Read {
			t.Errorf("%v: %+v", flags, total.Total)
		}
		if m := total.Minutes; !(0 < m.Low && m.Low <= m.Likely && m.Likely <= m.High) || total.Basis.Objects == 0 || total.Basis.InMemory == 0 {
			t.Errorf("%v: %+v", flags, total)
		}
	}
	// The sample of a kind is bounded, and a forecast that may read nothing reads nothing.
	if _, total := forecastOf(t, dir); total.Basis.Objects != 4*sampleOfKind {
		t.Errorf("%d objects were read", total.Basis.Objects)
	}
	if _, total := forecastOf(t, "--measure", "0", dir); total.Basis.Objects != 0 || total.Minutes.High <= total.Minutes.Low {
		t.Errorf("%+v", total)
	}
}

// TestForecastLines holds the other machine-readable form to one document in each line.
func TestForecastLines(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	for _, dir := range []string{a, b} {
		if err := os.WriteFile(filepath.Join(dir, "x.csv"), []byte("a,b\n1,2\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"scan", "--dry-run", "--format", "jsonl", a, b}, stdio{strings.NewReader(""), &out, &errs}); code != exitComplete {
		t.Fatal(errs.String())
	}
	var docs []map[string]any
	for line := range strings.Lines(out.String()) {
		var doc map[string]any
		if err := json.Unmarshal([]byte(line), &doc); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		docs = append(docs, doc)
	}
	if len(docs) != 3 || docs[0]["bucket"] != a || docs[1]["bucket"] != b || docs[2]["minutes"] == nil {
		t.Errorf("%v", docs)
	}
}

func TestDurationText(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0 s", 0.0123: "0.012 s", 59.6: "60 s", 150: "2 min", 9000: "2.5 h", 1e6: "11.6 days", 1e300: "a hundred years or more"} {
		if got := durationText(seconds); got != want {
			t.Errorf("%v is %s, want %s", seconds, got, want)
		}
	}
}

// TestJobsForecast forecasts a job from its request.
func TestJobsForecast(t *testing.T) {
	dir := t.TempDir()
	estate, request := filepath.Join(dir, "estate"), filepath.Join(dir, "job.json")
	plantEstate(t, estate, 30)
	write := func(text string) {
		if err := os.WriteFile(request, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"jobType":"ONE_TIME","name":"n","customDataIdentifierIds":["x"],"s3JobDefinition":{"bucketDefinitions":[{"accountId":"111122223333","buckets":["archive","gone"]}],
		"scoping":{"excludes":{"and":[{"simpleScopeTerm":{"key":"OBJECT_EXTENSION","comparator":"EQ","values":["bin"]}}]}}}}`)
	code, out, errs := magpie(t, "jobs", "forecast", request, "--source", estate)
	for _, text := range []string{"archive: 10 objects, ", "; 8 would be read, ", "; 2 left out", "Time with ", "1 custom data identifiers take is not measured", `bucket "gone"`} {
		if code != exitIncomplete || !strings.Contains(out, text) {
			t.Errorf("lacks %q: exit code %d\n%s%s", text, code, out, errs)
		}
	}
	write(`{"jobType":"ONE_TIME","s3JobDefinition":{"bucketCriteria":{}}}`)
	if code, out, errs = magpie(t, "jobs", "forecast", "--format", "json", request, "--source", estate); code != exitComplete || !strings.Contains(out, `"read":{"objects":30,`) {
		t.Errorf("all buckets: exit code %d\n%s%s", code, out, errs)
	}
	write(`{"jobType":"ONE_TIME","s3JobDefinition":{}}`)
	if code, out, errs = magpie(t, "jobs", "forecast", request, "--source", estate); code != exitError || out != "" || !strings.Contains(errs, "buckets") {
		t.Errorf("no buckets: exit code %d\n%s%s", code, out, errs)
	}
}
