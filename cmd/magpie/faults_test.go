package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"
	"github.com/jackc/pgx/v5"

	"github.com/magpie-sec/magpie/internal/pgtest"
)

// The fault tests are as the kill tests, only that nobody dies: a server and two workers go on working while the network to their database,
// or the database itself, fails under them.

// faultFiles is enough for some faults to hit the job at work. For the others there are copies of it.
const faultFiles = 4000

// A fleet is a server without workers and two workers, each with a proxy of its own before one database.
type fleet struct {
	server  *serving
	workers []*victim
	proxies []*pgtest.Proxy // of the server, then of the workers
}

// settings let the database drop a worker's sessions soon that are silent within a transaction.
const settings = "idle_in_transaction_session_timeout=2s"

func startFleet(t *testing.T, dir, data, database string, args ...string) *fleet {
	t.Helper()
	f := &fleet{}
	for range 3 {
		f.proxies = append(f.proxies, pgtest.NewProxy(t, database))
	}
	f.server = serve(t, data, append(args, "--database", f.proxies[0].URL(), "--workers", "none")...)
	for _, p := range f.proxies[1:] {
		v := &victim{name: "worker"}
		v.process = start(t, command(dir, nil, append([]string{"worker", "--ops", "127.0.0.1:0", "--workers", "2", "--database", p.URL(settings)}, args...)...))
		f.workers = append(f.workers, v)
	}
	for _, v := range f.workers {
		v.awaitOps()
	}
	return f
}

// commits returns how many commits the workers have made.
func (f *fleet) commits() (n float64) {
	for _, v := range f.workers {
		n += max(v.committed(), 0)
	}
	return n
}

// complete says whether the job is; a server that cannot reach its database cannot tell.
func (f *fleet) complete(t *testing.T, id string) bool {
	t.Helper()
	out, err := f.server.client().DescribeClassificationJob(t.Context(), &macie2.DescribeClassificationJobInput{JobId: &id})
	return err == nil && out.JobStatus == types.JobStatusComplete
}

// during waits for some commits more, and says whether the job goes on.
func (f *fleet) during(t *testing.T, id string, commits float64) bool {
	t.Helper()
	before, over := f.commits(), false
	until(t, "the workers commit again", func() bool {
		over = f.complete(t, id)
		return over || f.commits() >= before+commits
	})
	return !over
}

// stop ends the processes gracefully, and with that shows that none has died.
func (f *fleet) stop() {
	for _, v := range f.workers {
		v.process.stop()
	}
	f.server.stop()
}

// TestFaultsPostgres lets connections fail in all ways, then the server.
func TestFaultsPostgres(t *testing.T) {
	dir := t.TempDir()
	estate := filepath.Join(dir, "estate")
	plants := plantEstate(t, estate, faultFiles)
	args := []string{"--source", estate, "--lease", "500ms"}
	data := filepath.Join(dir, "data")

	server, err := pgtest.Start(pgtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	template := server.Database(t)
	begun := serve(t, data, append(args, "--database", template, "--workers", "none")...)
	enable(t, begun.client())
	id := createJob(t, begun.client(), "archive", "customers", "logs")
	begun.stop()

	calmly := cloneDatabase(t, template, "_calm")
	calm := serve(t, data, append(args, "--database", calmly, "--workers", "2")...)
	awaitStatus(t, calm.client(), id, types.JobStatusComplete)
	checkPlanted(t, calm.client(), plants)
	undisturbed := outcomeOf(t, calm, calmly, id)
	checkTotals(t, undisturbed, faultFiles, plants)
	calm.stop()
	same := func(t *testing.T, f *fleet, database string) {
		t.Helper()
		until(t, "the job is complete", func() bool { return f.complete(t, id) })
		checkPlanted(t, f.server.client(), plants)
		compareOutcomes(t, undisturbed, outcomeOf(t, f.server, database, id))
		f.stop()
	}

	t.Run("connections", func(t *testing.T) {
		random := rand.New(rand.NewPCG(killSeed, 4))
		faults := []struct {
			name string
			do   func(p *pgtest.Proxy)
		}{
			{"commits made and not heard of", func(p *pgtest.Proxy) { p.CutCommits(0, 2) }},
			{"commits not sent", func(p *pgtest.Proxy) { p.CutCommits(2, 0) }},
			{"cut", func(p *pgtest.Proxy) { p.Cut() }},
			{"slow", func(p *pgtest.Proxy) { p.Delay(3 * time.Millisecond) }},
			{"refused", func(p *pgtest.Proxy) { p.Refuse(true); p.Cut() }},
			{"commits cut both ways", func(p *pgtest.Proxy) { p.CutCommits(3, 3) }},
			{"half-open", func(p *pgtest.Proxy) { p.Silence() }},
		}
		met, unsent, unheard := 0, 0, 0
		for n := 0; met < len(faults) || unsent == 0 || unheard == 0; n++ {
			if n == mostCopies {
				t.Fatalf("only %d faults in %d jobs; of the commits %d were not sent and %d made without an answer", met, n, unsent, unheard)
			}
			cut := cloneDatabase(t, template, fmt.Sprint("_cut", n))
			f := startFleet(t, dir, data, cut, args...)
			for f.during(t, id, 2) {
				fault := faults[met%len(faults)]
				p := f.proxies[1+random.IntN(2)]
				fault.do(p)
				t.Logf("fault %d: %s", met, fault.name)
				met++
				if fault.name != "half-open" && fault.name != "refused" {
					f.during(t, id, 1)
				}
				if fault.name == "refused" {
					f.proxies[0].Cut() // the server's too
				}
				p.Delay(0)
				p.Refuse(false)
			}
			same(t, f, cut)
			for _, p := range f.proxies[1:] {
				before, after := p.CommitsCut()
				unsent, unheard = unsent+before, unheard+after
			}
		}
		t.Logf("%d faults; of the commits %d were not sent and %d made without an answer", met, unsent, unheard)
	})

	t.Run("server", func(t *testing.T) {
		standby, err := server.Standby()
		if err != nil {
			t.Fatal(err)
		}
		defer standby.Close()
		defer server.Start() // for the databases to be dropped
		var f *fleet
		var down string
		n := 0
		// working waits until a job is at work, another one if the last is complete.
		working := func() {
			t.Helper()
			for f == nil || !f.during(t, id, 4) {
				if f != nil {
					same(t, f, down)
				}
				if n == mostCopies {
					t.Fatalf("%d jobs were complete before the server could fail", n)
				}
				down = cloneDatabase(t, template, fmt.Sprint("_down", n))
				n++
				u, err := url.Parse(down)
				if err != nil {
					t.Fatal(err)
				}
				until(t, "the standby has the job", func() bool { return answers(standby.URL(strings.TrimPrefix(u.Path, "/"))) })
				f = startFleet(t, dir, data, down, args...)
			}
		}
		for _, end := range []func() error{server.Kill, server.Stop} {
			working()
			if err := end(); err != nil {
				t.Fatal(err)
			}
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
		}
		working()
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := standby.Promote(); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(down)
		if err != nil {
			t.Fatal(err)
		}
		moved := standby.URL(strings.TrimPrefix(u.Path, "/"))
		for _, p := range f.proxies {
			p.Lead(t, moved)
		}
		same(t, f, moved)
	})
}

// answers says whether a database takes connections.
func answers(database string) bool {
	conn, err := pgx.Connect(context.Background(), database)
	if err != nil {
		return false
	}
	conn.Close(context.Background())
	return true
}
