package jobtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/open"
	"github.com/magpie-sec/magpie/internal/store/storetest"
)

// childEnv names, in a child process, the database to work on.
const childEnv = "MAGPIE_JOBTEST_CHILD"

// killLease is the lease of the processes that are killed.
const killLease = 250 * time.Millisecond

// minKills is how many processes the test kills at least.
const minKills = 36

// Main is for TestMain of a package that calls [Run]: in a child process of the kill test it works until it is killed or its standard
// input ends, else it returns false.
func Main(s Suite) (code int, child bool) {
	url := os.Getenv(childEnv)
	if url == "" {
		return 0, false
	}
	if err := work(url, s); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		return 1, true
	}
	return 0, true
}

// work is the life of a child: it works on whatever is claimable and says a word on standard output at every turn.
func work(url string, s Suite) error {
	ctx := context.Background()
	var options open.Options
	options.Postgres.MaxConns = 12
	db, err := open.Open(ctx, url, options)
	if err != nil {
		return err
	}
	db = storetest.MayConflict(db)
	defer db.Close()
	dispatcher, err := s.Dispatcher(db, job.SystemClock{})
	if err != nil {
		return err
	}
	// One write each, so that a kill cuts no word in two.
	say := func(word string) { os.Stdout.WriteString(word + "\n") }
	engine, err := job.New(job.Config{
		DB: db, Dispatcher: dispatcher, Slots: 4, Lease: killLease, MaxFailures: 1000,
		Handler: &Handler{
			Before: func(context.Context, *job.Attempt, int) error { say("before"); return nil },
			Inside: func(*job.Attempt) { say("inside") },
			Finish: func(job.Run, job.Totals) error { say("finish"); return nil },
		},
		Hooks: job.Hooks{
			Claimed:   func(*job.Attempt) { say("claimed") },
			Committed: func(*job.Attempt) { say("committed") },
			Done:      func(*job.Attempt) { say("done") },
			Complete:  func(job.Run) { say("complete") },
		},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return err
	}
	if err := engine.Start(ctx); err != nil {
		return err
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	end := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin) // the parent's end, if it dies
		close(end)
	}()
	select {
	case <-term:
	case <-end:
	}
	return engine.Stop(ctx)
}

// kills runs worker processes that are killed at random turns, dozens of times, until runs complete. The effects must be those of an
// undisturbed run.
func kills(t *testing.T, s Suite) {
	e := newEnv(t, s)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	starter := e.engine(&Handler{}, nil)
	pack := &pack{t: t, url: e.url, random: random, words: make(chan struct{}, 1)}
	defer pack.end()
	l := Standard
	for round := 0; pack.kills < minKills; round++ {
		ref := e.begin(starter, fmt.Sprintf("j%d", round), l)
		pack.hunt(s.Processes, func() bool { return e.run(ref).State == job.RunComplete })
		e.verify(ref, l)
		e.view(func(ctx context.Context, tx store.Tx) error {
			lost := 0
			for _, shard := range e.shards(ref, job.Done) {
				lost += int(shard.Attempt) - 1
			}
			t.Logf("run %d: %d processes killed so far, %d attempts of its shards were lost or handed back", round, pack.kills, lost)
			return nil
		})
	}
}

// pack is a number of child processes.
type pack struct {
	t      *testing.T
	url    string
	random *rand.Rand
	words  chan struct{} // that children have spoken
	mu     sync.Mutex    // guards random
	kills  int
	alive  []*prey
}

// prey is a child whose turns are numbered.
type prey struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	gone chan struct{}
}

// hunt keeps n children alive, each for a random number of turns, until done says so.
func (p *pack) hunt(n int, done func() bool) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for !done() {
		for len(p.alive) < n {
			p.alive = append(p.alive, p.spawn())
		}
		select {
		case <-p.words:
		case <-deadline.C:
			p.t.Fatalf("the run is not complete after %d kills", p.kills)
		}
		kept := p.alive[:0]
		for _, c := range p.alive {
			select {
			case <-c.gone:
				p.kills++
			default:
				kept = append(kept, c)
			}
		}
		p.alive = kept
	}
}

// spawn starts a child that will be killed after a random number of turns; one in eight is asked to stop instead.
func (p *pack) spawn() *prey {
	p.mu.Lock()
	turns := 1 + p.random.IntN(250)
	kind := os.Kill
	if p.random.IntN(8) == 0 {
		kind = syscall.SIGTERM
	}
	p.mu.Unlock()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+p.url)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	c := &prey{cmd, in, make(chan struct{})}
	go func() {
		lines := bufio.NewScanner(out)
		for n := 1; lines.Scan(); n++ {
			if n == turns {
				cmd.Process.Signal(kind)
			}
			p.tell()
		}
		cmd.Wait()
		close(c.gone)
		p.tell()
	}()
	return c
}

func (p *pack) tell() {
	select {
	case p.words <- struct{}{}:
	default:
	}
}

// end kills what is left.
func (p *pack) end() {
	for _, c := range p.alive {
		c.cmd.Process.Kill()
		c.in.Close()
		<-c.gone
	}
}
