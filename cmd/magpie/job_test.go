package main

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"

	"github.com/magpie-sec/magpie/internal/pgtest"
)

// jobFiles is enough for a job to be at work when it is stopped.
const jobFiles = 4000

func update(t testing.TB, c *macie2.Client, id string, to types.JobStatus) {
	t.Helper()
	if _, err := c.UpdateClassificationJob(t.Context(), &macie2.UpdateClassificationJobInput{JobId: &id, JobStatus: to}); err != nil {
		t.Fatal(err)
	}
}

// awaitFindings waits for the first findings of a job.
func awaitFindings(t testing.TB, c *macie2.Client) {
	t.Helper()
	until(t, "there are findings", func() bool { return len(findingIDs(t, c)) > 0 })
}

// onBoth runs a test on SQLite and on PostgreSQL. args choose the database.
func onBoth(t *testing.T, test func(t *testing.T, args []string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, nil) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, []string{"--database", pgtest.Database(t)}) })
}

func TestJobPauseResumeCancel(t *testing.T) {
	onBoth(t, func(t *testing.T, args []string) {
		dir := t.TempDir()
		estate := filepath.Join(dir, "estate")
		plants := plantEstate(t, estate, jobFiles)
		s := serve(t, filepath.Join(dir, "data"), append(args, "--source", estate, "--workers", "1")...)
		c := s.client()
		enable(t, c)
		id := createJob(t, c, "archive", "customers", "logs")
		awaitFindings(t, c)
		update(t, c, id, types.JobStatusUserPaused)
		paused := describeJob(t, c, id)
		if paused.JobStatus != types.JobStatusUserPaused || paused.UserPausedDetails == nil || paused.UserPausedDetails.JobExpiresAt == nil {
			t.Fatalf("paused job: %s, %+v", paused.JobStatus, paused.UserPausedDetails)
		}
		// What a worker had begun may end, and nothing comes after that.
		before := len(findingIDs(t, c))
		s.stop()
		s = serve(t, s.dir, append(args, "--source", estate, "--workers", "1")...)
		c = s.client()
		if n := len(findingIDs(t, c)); n != before || n >= len(plants) {
			t.Errorf("%d findings while paused, %d before, %d planted", n, before, len(plants))
		}
		update(t, c, id, types.JobStatusRunning)
		awaitStatus(t, c, id, types.JobStatusComplete)
		checkPlanted(t, c, plants)
		err := func() error {
			_, err := c.UpdateClassificationJob(t.Context(), &macie2.UpdateClassificationJobInput{JobId: &id, JobStatus: types.JobStatusCancelled})
			return err
		}()
		if !isA[*types.ValidationException](err) {
			t.Errorf("cancelling a complete job: %v, want a ValidationException", err)
		}
	})
}

func TestJobCancel(t *testing.T) {
	dir := t.TempDir()
	estate := filepath.Join(dir, "estate")
	plants := plantEstate(t, estate, jobFiles)
	s := serve(t, filepath.Join(dir, "data"), "--source", estate, "--workers", "1")
	c := s.client()
	enable(t, c)
	id := createJob(t, c, "archive", "customers", "logs")
	awaitFindings(t, c)
	update(t, c, id, types.JobStatusCancelled)
	s.stop()
	s = serve(t, s.dir, "--source", estate, "--workers", "1")
	c = s.client()
	if got := describeJob(t, c, id).JobStatus; got != types.JobStatusCancelled {
		t.Errorf("status %s, want CANCELLED", got)
	}
	if n := len(findingIDs(t, c)); n == 0 || n >= len(plants) {
		t.Errorf("%d findings of a job that was cancelled under way, %d planted", n, len(plants))
	}
}

// TestStopMidJob stops a server gracefully while a job is at work: it ends in time with its shards handed back, and the next start goes on.
func TestStopMidJob(t *testing.T) {
	onBoth(t, func(t *testing.T, args []string) {
		dir := t.TempDir()
		estate := filepath.Join(dir, "estate")
		plants := plantEstate(t, estate, jobFiles)
		// With this lease a shard that was not handed back would lie there far longer than the test waits.
		args = append(args, "--source", estate, "--workers", "1", "--lease", "1h")
		s := serve(t, filepath.Join(dir, "data"), args...)
		enable(t, s.client())
		id := createJob(t, s.client(), "archive", "customers", "logs")
		awaitFindings(t, s.client())
		if took := s.stop(); took >= 10*time.Second {
			t.Errorf("the stop took %v, want less than 10 s", took)
		}
		s = serve(t, s.dir, args...)
		awaitStatus(t, s.client(), id, types.JobStatusComplete)
		checkPlanted(t, s.client(), plants)
		s.stop()
	})
}

// TestReadinessWhileStopping holds a request open, so that the stop has to wait for it: meanwhile the server is not ready, and alive. A
// second signal does not wait.
func TestReadinessWhileStopping(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	release := slowRequest(t, s)
	s.signal(syscall.SIGTERM)
	s.awaitLog("stopping")
	if status, text := get(t, s.ops+"/readyz"); status != 503 || text != "stopping\n" {
		t.Errorf("/readyz while stopping: %d %q", status, text)
	}
	if status, _ := get(t, s.ops+"/healthz"); status != 200 {
		t.Errorf("/healthz while stopping: %d", status)
	}
	until(t, "the API port is closed", func() bool { _, _, err := tryGet(s.endpoint); return err != nil })
	release()
	if code := s.wait(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}

	s = serve(t, s.dir)
	slowRequest(t, s)
	s.signal(syscall.SIGTERM)
	s.awaitLog("stopping")
	s.signal(syscall.SIGTERM)
	<-s.exited
	if status := s.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("the second signal did not end it at once: %v", s.cmd.ProcessState)
	}
}
