package main

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"

	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
	"github.com/magpie-sec/magpie/internal/store/open/opentest"
)

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
	t.Run("PostgreSQL", func(t *testing.T) { test(t, []string{"--database", opentest.Postgres(t)}) })
}

// A heldStore is a store that a job gets halfway through: it does not hand out one of the later objects until it is let go.
type heldStore struct {
	gate   *s3test.Gate
	plants planted
	args   []string // for serve
}

func holdStore(t *testing.T) *heldStore {
	t.Helper()
	const objects, held = 450, "0440.csv" // behind two commits, for an attempt commits 200 objects at a time
	b := s3test.Start(t)
	h := &heldStore{gate: s3test.NewGate(), plants: planted{}, args: []string{"--source", "s3+" + b.URL, "--workers", "1"}}
	bodies := map[string]string{}
	for i := range objects {
		key := fmt.Sprintf("%04d.csv", i)
		bodies[key] = "name,card number,city\nAnn," + luhn(fmt.Sprintf("4539%011d", 7919*i)) + ",Riga\n"
		h.plants["customers/"+key] = map[string]int64{"CREDIT_CARD_NUMBER": 1}
	}
	b.CreateBucket(t, "customers")
	b.Fill(t, "customers", bodies)
	b.On(s3test.Rule{Op: "GetObject", Bucket: "customers", Key: held, Do: h.gate.Hold})
	t.Cleanup(h.gate.Open)
	return h
}

// begin starts a server and a job on the store, and waits until the job has findings and is held up.
func (h *heldStore) begin(t *testing.T, args ...string) (s *serving, id string) {
	t.Helper()
	s = serveWith(t, storeKeys(), filepath.Join(t.TempDir(), "data"), append(args, h.args...)...)
	enable(t, s.client())
	id = createJob(t, s.client(), "customers")
	awaitFindings(t, s.client())
	select {
	case <-h.gate.Arrived:
	case <-time.After(patience):
		t.Fatal("the job does not come to the object that is held back")
	}
	return s, id
}

// restart stops the server while the job is held up, lets go of the store when the stop has begun, and starts the server again.
func (h *heldStore) restart(t *testing.T, s *serving, args ...string) *serving {
	t.Helper()
	s.signal(syscall.SIGTERM)
	s.asked = true
	s.awaitLog("stopping")
	h.gate.Open()
	s.stop()
	return serveWith(t, storeKeys(), s.dir, append(args, h.args...)...)
}

func TestJobPauseResumeCancel(t *testing.T) {
	onBoth(t, func(t *testing.T, args []string) {
		h := holdStore(t)
		s, id := h.begin(t, args...)
		c := s.client()
		update(t, c, id, types.JobStatusUserPaused)
		paused := describeJob(t, c, id)
		if paused.JobStatus != types.JobStatusUserPaused || paused.UserPausedDetails == nil || paused.UserPausedDetails.JobExpiresAt == nil {
			t.Fatalf("paused job: %s, %+v", paused.JobStatus, paused.UserPausedDetails)
		}
		// What a worker had begun may end, and nothing comes after that.
		before := len(findingIDs(t, c))
		s = h.restart(t, s, args...)
		c = s.client()
		if n := len(findingIDs(t, c)); n != before || n >= len(h.plants) {
			t.Errorf("%d findings while paused, %d before, %d planted", n, before, len(h.plants))
		}
		update(t, c, id, types.JobStatusRunning)
		awaitStatus(t, c, id, types.JobStatusComplete)
		checkPlanted(t, c, h.plants)
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
	h := holdStore(t)
	s, id := h.begin(t)
	update(t, s.client(), id, types.JobStatusCancelled)
	s = h.restart(t, s)
	c := s.client()
	if got := describeJob(t, c, id).JobStatus; got != types.JobStatusCancelled {
		t.Errorf("status %s, want CANCELLED", got)
	}
	if n := len(findingIDs(t, c)); n == 0 || n >= len(h.plants) {
		t.Errorf("%d findings of a job that was cancelled under way, %d planted", n, len(h.plants))
	}
}

// TestStopMidJob stops a server gracefully while a job is at work: it ends with its shards handed back, and the next start goes on.
func TestStopMidJob(t *testing.T) {
	onBoth(t, func(t *testing.T, args []string) {
		h := holdStore(t)
		// With this lease a shard that was not handed back would lie there far longer than the test waits.
		args = append(args, "--lease", "1h")
		s, id := h.begin(t, args...)
		s = h.restart(t, s, args...)
		awaitStatus(t, s.client(), id, types.JobStatusComplete)
		checkPlanted(t, s.client(), h.plants)
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
