package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/macie2/types"
)

// TestJobsAndCoverage asks beside a running server how its jobs are, what happened to them and what they have not read, and has what happened
// written to a file.
func TestJobsAndCoverage(t *testing.T) {
	dir := t.TempDir()
	estate, log := filepath.Join(dir, "estate"), filepath.Join(dir, "jobs.jsonl")
	plants := plantEstate(t, estate, 30) // six of the files are noise
	if err := os.WriteFile(filepath.Join(estate, "archive", "noise.bin"), []byte("\x00\x01\x02\xff\xfe\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "magpie.yaml")
	text := "version: 1\naccounts:\n  - id: 111122223333\n    regions: [us-east-1]\nsources:\n  - account: 111122223333\n    region: us-east-1\n    kind: folder\n    path: " + estate +
		"\npublication:\n  - name: jobs\n    kind: file\n    events: jobs\n    path: " + log + "\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, filepath.Join(dir, "data"), "--config", config)
	if code, _, errs := magpie(t, "coverage", "--data", s.dir); code != exitComplete || !strings.Contains(errs, "There are no jobs.") {
		t.Errorf("without jobs: exit code %d, %s", code, errs)
	}
	c := s.client()
	enable(t, c)
	id := createJob(t, c, "archive", "customers", "logs", "gone")
	awaitStatus(t, c, id, types.JobStatusComplete)

	code, out, errs := magpie(t, "jobs", "--data", s.dir)
	if code != exitComplete || !strings.Contains(out, id) || !strings.Contains(out, "COMPLETE") || !strings.Contains(out, "BUCKET_ERROR") {
		t.Errorf("jobs: exit code %d\n%s%s", code, out, errs)
	}
	var job jobJSON
	code, out, _ = magpie(t, "jobs", "--data", s.dir, "--format", "json")
	if err := json.Unmarshal([]byte(out), &job); err != nil || code != exitComplete || job.JobID != id || job.Findings != int64(len(plants)) || job.Skipped != 7 {
		t.Errorf("jobs as JSON: exit code %d, %v\n%s", code, err, out)
	}

	code, events, errs := magpie(t, "jobs", "events", "--data", s.dir, id[:8])
	var kinds []string
	for line := range strings.Lines(events) {
		var e struct{ EventType, JobID string }
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.JobID != id {
			t.Errorf("event %s: %v", line, err)
		}
		kinds = append(kinds, e.EventType)
	}
	if got := strings.Join(kinds, " "); code != exitComplete || got != "JOB_CREATED ONE_TIME_JOB_STARTED BUCKET_DOES_NOT_EXIST JOB_COMPLETED" {
		t.Errorf("events: exit code %d, %s\n%s", code, got, errs)
	}
	until(t, "the file has the events", func() bool {
		written, _ := os.ReadFile(log)
		return string(written) == events
	})

	code, out, errs = magpie(t, "coverage", "--data", s.dir, "--objects", id)
	for _, text := range []string{"gone ", "BUCKET_DOES_NOT_EXIST", "UNSUPPORTED_FILE_TYPE_EXCEPTION", "SKIPPED UNSUPPORTED_FILE_TYPE_EXCEPTION archive/noise.bin\n"} {
		if code != exitIncomplete || !strings.Contains(out, text) {
			t.Errorf("coverage lacks %q: exit code %d\n%s%s", text, code, out, errs)
		}
	}
	code, out, _ = magpie(t, "coverage", "--data", s.dir, "--format", "csv")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || code != exitIncomplete || len(rows) != 9 || rows[4][2] != "noise.bin" || rows[4][6] != "6" {
		t.Errorf("coverage as CSV: exit code %d, %v\n%s", code, err, out)
	}
	var report struct{ NotRead []gapJSON }
	code, out, _ = magpie(t, "coverage", "--data", s.dir, "--format", "json")
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != exitIncomplete || len(report.NotRead) != 4 || report.NotRead[1].Objects != 3 || report.NotRead[1].Bytes != 16 {
		t.Errorf("coverage as JSON: exit code %d, %v\n%s", code, err, out)
	}
	for _, name := range []string{"0123", "x", "", "ffffffffffffffffffffffffffffffff0"} {
		if code, _, errs := magpie(t, "coverage", "--data", s.dir, name); name != "" && (code != exitError || !strings.Contains(errs, "magpie jobs lists them")) {
			t.Errorf("job %q: exit code %d, %s", name, code, errs)
		}
	}
	if code, _, errs := magpie(t, "coverage", "--data", filepath.Join(dir, "nowhere")); code != exitError || !strings.Contains(errs, "--data") {
		t.Errorf("no server: exit code %d, %s", code, errs)
	}
}
