package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/open/opentest"
)

// The kill tests create one job, copy the database, let one copy run undisturbed and kill the processes that work on the other at random
// points. Both must end with the same findings, results and counters, for every id derives from the job.

// planted is how many values of each type were planted in each object, by "bucket/key".
type planted map[string]map[string]int64

const killSeed = 20261121

// luhn completes the first 15 digits of a card number.
func luhn(digits string) string {
	sum := 0
	for i, d := range digits {
		n := int(d - '0')
		if i%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return digits + strconv.Itoa((10-sum%10)%10)
}

// plantEstate writes an estate of small files in three buckets and says what is in them.
func plantEstate(t testing.TB, dir string, files int) planted {
	t.Helper()
	random := rand.New(rand.NewPCG(killSeed, 1))
	plants := planted{}
	for i := range files {
		bucket := []string{"archive", "customers", "logs"}[i%3]
		key := fmt.Sprintf("%02d/%05d", i%40, i)
		n := 1 + random.Int64N(4)
		var text strings.Builder
		switch i % 5 {
		case 0, 1:
			key += ".csv"
			text.WriteString("name,card number,city\n")
			for range n {
				fmt.Fprintf(&text, "Ann,%s,Riga\n", luhn("4539"+fmt.Sprintf("%011d", random.Int64N(1e11))))
			}
			plants[bucket+"/"+key] = map[string]int64{"CREDIT_CARD_NUMBER": n}
		case 2:
			key += ".txt"
			for range n {
				fmt.Fprintf(&text, "SSN %03d-%02d-%04d\n", 100+random.IntN(500), 11+random.IntN(80), 1000+random.IntN(9000))
			}
			plants[bucket+"/"+key] = map[string]int64{"USA_SOCIAL_SECURITY_NUMBER": n}
		case 3:
			key += ".log"
			for range 20 {
				fmt.Fprintf(&text, "2026-11-21T08:00:%02dZ served a page\n", random.IntN(60))
			}
		case 4:
			key += ".bin"
			text.WriteString("\x00\x01\x02\xff\xfe")
		}
		writeTree(t, dir, map[string]string{bucket + "/" + key: text.String()})
	}
	return plants
}

// An outcome is everything that a job leaves behind, times aside.
type outcome struct {
	Findings map[string]string // the JSON of GetFindings, by id
	Results  []store.Result
	Totals   job.Totals
	Job      string // the JSON of DescribeClassificationJob
}

// outcomeOf reads the outcome of a job that is complete. Findings are compared as they come over the wire.
func outcomeOf(t testing.TB, s *serving, database, id string) outcome {
	t.Helper()
	c := s.client()
	o := outcome{Findings: map[string]string{}}
	for fid, f := range findingsByID(t, c) {
		o.Findings[fid] = scrub(t, f)
	}
	described := describeJob(t, c, id)
	o.Job = scrub(t, described)
	db, err := openDatabase(t.Context(), database, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(t.Context(), func(tx store.Tx) (err error) {
		o.Totals, o.Results, err = runOf(t.Context(), tx, id)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range o.Results {
		o.Results[i].AnalyzedAt = 0
	}
	return o
}

// runOf reads the counters and the results of the one run of a job.
func runOf(ctx context.Context, tx store.Tx, id string) (job.Totals, []store.Result, error) {
	tenant := store.Tenant{Account: defaultAccount, Region: defaultRegion}
	runs, err := job.Runs(ctx, tx, tenant, id, 10)
	if err != nil {
		return job.Totals{}, nil, err
	}
	if len(runs) != 1 || runs[0].State != "complete" {
		return job.Totals{}, nil, fmt.Errorf("runs: %+v, want one that is complete", runs)
	}
	totals, err := job.RunTotals(ctx, tx, runs[0].RunRef)
	if err != nil {
		return job.Totals{}, nil, err
	}
	results, err := store.Results(ctx, tx, tenant, id, runs[0].RunID, store.ResultPlace{}, 1<<20)
	return totals, results, err
}

func scrub(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	delete(tree, "ResultMetadata")
	for _, name := range []string{"CreatedAt", "UpdatedAt", "LastRunTime"} {
		delete(tree, name)
	}
	text, err = json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkPlanted compares the findings with what was planted, in both directions.
func checkPlanted(t *testing.T, c *macie2.Client, want planted) {
	t.Helper()
	got := planted{}
	for _, f := range findingsByID(t, c) {
		place := *f.ResourcesAffected.S3Bucket.Name + "/" + *f.ResourcesAffected.S3Object.Key
		if got[place] != nil {
			t.Errorf("%s has two findings", place)
		}
		got[place] = map[string]int64{}
		for _, item := range f.ClassificationDetails.Result.SensitiveData {
			for _, d := range item.Detections {
				got[place][*d.Type] += *d.Count
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-planted +found):\n%s", diff)
	}
}

func compareOutcomes(t *testing.T, undisturbed, killed outcome) {
	t.Helper()
	if diff := cmp.Diff(undisturbed.Findings, killed.Findings); diff != "" {
		t.Errorf("findings (-undisturbed +killed):\n%s", diff)
	}
	if diff := cmp.Diff(undisturbed.Results, killed.Results); diff != "" {
		t.Errorf("results (-undisturbed +killed):\n%s", diff)
	}
	// How many shards share the work depends on who was idle when.
	if diff := cmp.Diff(undisturbed.Totals.Counters, killed.Totals.Counters); diff != "" || killed.Totals.Unfinished() != 0 || killed.Totals.Dead != 0 {
		t.Errorf("totals (-undisturbed +killed):\n%s\n%+v", diff, killed.Totals)
	}
	if diff := cmp.Diff(undisturbed.Job, killed.Job); diff != "" {
		t.Errorf("job (-undisturbed +killed):\n%s", diff)
	}
}

// checkTotals compares the counters with what was planted.
func checkTotals(t *testing.T, o outcome, files int, plants planted) {
	t.Helper()
	got := o.Totals.Counters
	if got.Listed != int64(files) || got.Objects != int64(files) || got.Classified+got.Skipped != int64(files) || got.Findings != int64(len(plants)) ||
		got.Skipped != int64(files/5) || len(o.Results) != files || o.Totals.Dead != 0 {
		t.Errorf("totals %+v, %d results; want %d objects, %d findings, %d skipped, no dead shard", o.Totals, len(o.Results), files, len(plants), files/5)
	}
}

// A victim is a process to kill, and how to start it again.
type victim struct {
	name    string
	again   func() *process
	process *process
	ops     string
}

// committed asks a process how many commits it has made.
func (v *victim) committed() float64 {
	_, text, err := tryGet(v.ops + "/metrics")
	if err != nil {
		return -1
	}
	_, rest, ok := strings.Cut(text, "\nmagpie_job_shard_events_total{event=\"committed\"} ")
	if !ok {
		return -1
	}
	line, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.ParseFloat(line, 64)
	if err != nil {
		return -1
	}
	return n
}

// awaitOps waits until the process works and learns its ops port.
func (v *victim) awaitOps() {
	line := v.process.awaitLog(map[string]string{"serve": "serving", "worker": "working"}[v.name])
	v.ops = fmt.Sprintf("http://%s", line["ops"])
}

// live lets the victim live until it has committed some times and a random while more, and kills it. With -1 commits the while begins with
// the start of the process, so that it may die before it works.
func (v *victim) live(commits int, while time.Duration) {
	if commits >= 0 {
		v.awaitOps()
		idle := time.After(time.Second) // when there is nothing left to commit for it
		for waiting := commits > 0; waiting && v.committed() < float64(commits); {
			select {
			case <-v.process.exited:
				return
			case <-idle:
				waiting = false
			case <-time.After(time.Millisecond): // between two looks
			}
		}
	}
	select {
	case <-v.process.exited:
	case <-time.After(while): // the moment of death
	}
	v.process.kill()
}

// How many kills hit a job at work before it is complete is a matter of the machine: a kill test goes on with a fresh copy of the job until it
// has killed leastKill times, and lets a job live that outlives mostKill.
const (
	killFiles         = 6000 // an attempt commits 200 objects at a time
	killFilesPostgres = 9000 // two workers of one slot lose less to a kill
	leastKill         = 30
	mostKill          = 45
	mostCopies        = 10
)

// copyData copies the data folder of a server that has ended.
func copyData(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	private(t, to)
}

// TestKillSQLite kills the server at random points. Its database is copied before the first object is read.
func TestKillSQLite(t *testing.T) {
	dir := t.TempDir()
	estate := filepath.Join(dir, "estate")
	plants := plantEstate(t, estate, killFiles)
	args := []string{"--source", estate, "--lease", "200ms", "--workers", "2"}

	begun := serve(t, filepath.Join(dir, "begun"), "--source", estate, "--workers", "none")
	enable(t, begun.client())
	id := createJob(t, begun.client(), "archive", "customers", "logs")
	begun.stop()

	copyData(t, begun.dir, filepath.Join(dir, "undisturbed"))
	calm := serve(t, filepath.Join(dir, "undisturbed"), args...)
	awaitStatus(t, calm.client(), id, types.JobStatusComplete)
	checkPlanted(t, calm.client(), plants)
	undisturbed := outcomeOf(t, calm, filepath.Join(calm.dir, databaseFile), id)
	checkTotals(t, undisturbed, killFiles, plants)
	calm.stop()

	random := rand.New(rand.NewPCG(killSeed, 2))
	kills, early := 0, false
	for n := 0; kills < leastKill || !early; n++ {
		if n == mostCopies {
			t.Fatalf("only %d kills in %d jobs, findings before the end: %t", kills, n, early)
		}
		killed := filepath.Join(dir, fmt.Sprint("killed", n))
		copyData(t, begun.dir, killed)
		again := func() *process {
			return start(t, command(dir, nil, append(append([]string{"serve", "--data", killed}, anyPort...), args...)...))
		}
		var progress progressWatch
		for {
			s := awaitServing(again(), killed)
			if progress.over(t, s, id, kills, &early) {
				t.Logf("%d kills before the job was complete", kills)
				checkPlanted(t, s.client(), plants)
				compareOutcomes(t, undisturbed, outcomeOf(t, s, filepath.Join(killed, databaseFile), id))
				s.stop()
				break
			}
			v := &victim{name: "serve", process: s.process}
			v.live(random.IntN(3), time.Duration(random.Int64N(int64(20*time.Millisecond))))
			kills++
			if random.IntN(3) == 0 { // and one that dies while it starts
				v := &victim{name: "serve", process: again()}
				v.live(-1, time.Duration(random.Int64N(int64(150*time.Millisecond))))
				kills++
			}
		}
	}
}

// private takes back what copying added to the permissions of a data folder.
func private(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A progressWatch sees to it that what was once answered stays.
type progressWatch struct {
	listed []string // the findings of the last look, sorted
	early  bool     // findings were listed while the job ran
}

// look asks for the job and its findings, and says whether the job is complete.
func (w *progressWatch) look(t testing.TB, s *serving, id string) bool {
	t.Helper()
	status := describeJob(t, s.client(), id).JobStatus
	ids := findingIDs(t, s.client())
	slices.Sort(ids)
	if n := len(slices.Compact(slices.Clone(ids))); n != len(ids) {
		t.Errorf("%d findings are listed twice", len(ids)-n)
	}
	for _, old := range w.listed {
		if _, ok := slices.BinarySearch(ids, old); !ok {
			t.Fatalf("finding %s was listed before the kill and is gone", old)
		}
	}
	w.listed = ids
	if status == types.JobStatusRunning && len(ids) > 0 {
		w.early = true
	}
	return status == types.JobStatusComplete
}

// over looks, and notes when findings were listed early. If that was seen and there were kills enough, it lets the job end undisturbed. It says
// whether the job is complete.
func (w *progressWatch) over(t testing.TB, s *serving, id string, kills int, early *bool) bool {
	t.Helper()
	complete := w.look(t, s, id)
	*early = *early || w.early
	if !complete && *early && kills >= mostKill {
		awaitStatus(t, s.client(), id, types.JobStatusComplete)
		complete = w.look(t, s, id)
	}
	return complete
}

// TestKillPostgres kills a server without workers and two workers in processes of their own.
func TestKillPostgres(t *testing.T) {
	dir := t.TempDir()
	estate := filepath.Join(dir, "estate")
	plants := plantEstate(t, estate, killFilesPostgres)
	args := []string{"--source", estate, "--lease", "200ms"}
	data := filepath.Join(dir, "data")

	template := opentest.Postgres(t)
	begun := serve(t, data, append(args, "--database", template, "--workers", "none")...)
	enable(t, begun.client())
	id := createJob(t, begun.client(), "archive", "customers", "logs")
	begun.stop()

	calmly := cloneDatabase(t, template, "_calm")
	calm := serve(t, data, append(args, "--database", calmly, "--workers", "2")...)
	awaitStatus(t, calm.client(), id, types.JobStatusComplete)
	checkPlanted(t, calm.client(), plants)
	undisturbed := outcomeOf(t, calm, calmly, id)
	checkTotals(t, undisturbed, killFilesPostgres, plants)
	calm.stop()

	random := rand.New(rand.NewPCG(killSeed, 3))
	kills, early := 0, false
	for n := 0; kills < leastKill || !early; n++ {
		if n == mostCopies {
			t.Fatalf("only %d kills in %d jobs, findings before the end: %t", kills, n, early)
		}
		killed := cloneDatabase(t, template, fmt.Sprint("_killed", n))
		args := append(slices.Clone(args), "--database", killed)
		server := &victim{name: "serve", again: func() *process {
			return start(t, command(dir, nil, append(append([]string{"serve", "--data", data, "--workers", "none"}, anyPort...), args...)...))
		}}
		victims := []*victim{server, {name: "worker"}, {name: "worker"}}
		for _, v := range victims[1:] {
			v.again = func() *process {
				return start(t, command(dir, nil, append([]string{"worker", "--ops", "127.0.0.1:0", "--workers", "1"}, args...)...))
			}
		}
		for _, v := range victims {
			v.process = v.again()
		}
		var progress progressWatch
		for lives := 0; ; lives++ {
			if lives%5 == 0 { // a look takes its time, in which the others work
				s := awaitServing(server.process, data)
				if progress.over(t, s, id, kills, &early) {
					t.Logf("%d kills before the job was complete", kills)
					checkPlanted(t, s.client(), plants)
					compareOutcomes(t, undisturbed, outcomeOf(t, s, killed, id))
					break
				}
			}
			v, commits := victims[1+random.IntN(2)], random.IntN(3)-1
			if random.IntN(6) == 0 {
				v, commits = server, min(commits, 0) // it has no workers
			}
			v.live(commits, time.Duration(random.Int64N(int64(20*time.Millisecond))))
			kills++
			v.process = v.again()
		}
		for _, v := range victims {
			v.process.stop()
		}
	}
}

// cloneDatabase copies a database that nobody uses.
func cloneDatabase(t testing.TB, database, suffix string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	from := strings.TrimPrefix(u.Path, "/")
	admin := *u
	admin.Path = "/postgres"
	statement := func(sql string) {
		conn, err := pgx.Connect(context.Background(), admin.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		if _, err := conn.Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
	}
	statement("CREATE DATABASE " + from + suffix + " TEMPLATE " + from)
	t.Cleanup(func() { statement("DROP DATABASE " + from + suffix + " WITH (FORCE)") })
	u.Path += suffix
	return u.String()
}
