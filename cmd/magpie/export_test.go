package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/store"
)

const resultsBucket = "macie-results"

// exportedRecords reads what was exported to an estate: the JSON of each record less its times, by bucket, key and member. Where the record of an
// object without a finding stands is left out too: which objects share a file is a matter of time.
func exportedRecords(t testing.TB, estate string) map[string]string {
	t.Helper()
	records := map[string]string{}
	root := filepath.Join(estate, resultsBucket)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "macie-test-object" {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		in, err := gzip.NewReader(file)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		key, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var r map[string]any
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			details := r["classificationDetails"].(map[string]any)
			if at := details["detailedResultsLocation"]; at != "s3://"+resultsBucket+"/"+filepath.ToSlash(key) {
				t.Errorf("a record in %s says that it is in %s", key, at)
			}
			if r["type"] == nil {
				delete(details, "detailedResultsLocation")
			}
			delete(r, "createdAt")
			delete(r, "updatedAt")
			object := r["resourcesAffected"].(map[string]any)["s3Object"].(map[string]any)
			name := fmt.Sprint(object["path"], object["embeddedFileDetails"])
			if records[name] != "" {
				t.Errorf("%s was exported twice", name)
			}
			text, err := json.Marshal(r)
			if err != nil {
				return err
			}
			records[name] = string(text)
		}
		return lines.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func putExportConfiguration(t testing.TB, c *macie2.Client, d *types.S3Destination) error {
	t.Helper()
	_, err := c.PutClassificationExportConfiguration(t.Context(), &macie2.PutClassificationExportConfigurationInput{
		Configuration: &types.ClassificationExportConfiguration{S3Destination: d},
	})
	return err
}

func resultsDestination() *types.S3Destination {
	return &types.S3Destination{BucketName: aws.String(resultsBucket), KmsKeyArn: aws.String("arn:aws:kms:us-east-1:" + defaultAccount + ":key/1234abcd-12ab-34cd-56ef-1234567890ab")}
}

// unexported counts the files that wait to be written.
func unexported(t testing.TB, database string) (waiting int64) {
	t.Helper()
	db, err := openDatabase(t.Context(), database, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(t.Context(), func(tx store.Tx) (err error) {
		waiting, _, err = store.CountExports(t.Context(), tx, store.Tenant{Account: defaultAccount, Region: defaultRegion})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return waiting
}

// TestKillExport kills the server at random points while it works on a job and while it writes its results: what is exported is what an
// undisturbed run exports, with every finding naming the file that tells of it.
func TestKillExport(t *testing.T) {
	const files = 1500
	dir := t.TempDir()
	estate := filepath.Join(dir, "estate")
	plants := plantEstate(t, estate, files)
	results := func(name string) string { return filepath.Join(dir, "results-"+name) }
	place := func(name string) {
		t.Helper()
		writeTree(t, results(name), map[string]string{"template.yaml": "Resources: {}\n"})
		if err := os.Mkdir(filepath.Join(results(name), resultsBucket), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	place("begun")
	args := func(name string) []string {
		return []string{"--source", estate, "--source", results(name), "--lease", "200ms", "--workers", "2"}
	}
	begun := serve(t, filepath.Join(dir, "begun"), append(args("begun")[:4], "--workers", "none")...)
	enable(t, begun.client())
	if err := putExportConfiguration(t, begun.client(), resultsDestination()); err != nil {
		t.Fatal(err)
	}
	id := createJob(t, begun.client(), "archive", "customers", "logs")
	begun.stop()

	place("undisturbed")
	copyData(t, begun.dir, filepath.Join(dir, "undisturbed"))
	calm := serve(t, filepath.Join(dir, "undisturbed"), args("undisturbed")...)
	awaitStatus(t, calm.client(), id, types.JobStatusComplete)
	until(t, "the results are written", func() bool { return unexported(t, filepath.Join(calm.dir, databaseFile)) == 0 })
	undisturbed := exportedRecords(t, results("undisturbed"))
	findings := outcomeOf(t, calm, filepath.Join(calm.dir, databaseFile), id).Findings
	calm.stop()
	if len(undisturbed) != files || len(findings) != len(plants) {
		t.Fatalf("%d records and %d findings, want %d and %d", len(undisturbed), len(findings), files, len(plants))
	}

	random := rand.New(rand.NewPCG(killSeed, 4))
	kills, whileWriting := 0, 0
	for n := 0; kills < 5 || whileWriting < 3; n++ {
		if n == mostCopies {
			t.Fatalf("only %d kills in %d jobs, %d while results waited", kills, n, whileWriting)
		}
		name := fmt.Sprint("killed", n)
		killed, database := filepath.Join(dir, name), filepath.Join(dir, name, databaseFile)
		place(name)
		copyData(t, begun.dir, killed)
		for {
			s := awaitServing(start(t, command(dir, nil, append(append([]string{"serve", "--data", killed}, anyPort...), args(name)...)...)), killed)
			written := func() (int64, bool) {
				complete := describeJob(t, s.client(), id).JobStatus == types.JobStatusComplete
				waiting := unexported(t, database)
				return waiting, complete && waiting == 0
			}
			waiting, over := written()
			if !over && kills >= mostKill && whileWriting >= 3 {
				until(t, "the results are written", func() bool { waiting, over = written(); return over })
			}
			if over {
				if diff := cmp.Diff(undisturbed, exportedRecords(t, results(name))); diff != "" {
					t.Errorf("records (-undisturbed +killed):\n%s", diff)
				}
				if diff := cmp.Diff(findings, outcomeOf(t, s, database, id).Findings); diff != "" {
					t.Errorf("findings (-undisturbed +killed):\n%s", diff)
				}
				s.stop()
				break
			}
			if waiting > 0 {
				whileWriting++
			}
			v := &victim{name: "serve", process: s.process}
			v.live(random.IntN(2), time.Duration(random.Int64N(int64(30*time.Millisecond))))
			kills++
		}
		entries, err := os.ReadDir(results(name))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") && e.Name() != resultsBucket && e.Name() != "template.yaml" {
				t.Errorf("%s was left behind", e.Name())
			}
		}
	}
	t.Logf("%d kills, %d while results waited", kills, whileWriting)
}
