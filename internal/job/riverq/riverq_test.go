package riverq_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/job/jobtest"
	"github.com/magpie-sec/magpie/internal/job/riverq"
	"github.com/magpie-sec/magpie/internal/pgtest"
	"github.com/magpie-sec/magpie/internal/store"
)

var suite = jobtest.Suite{
	Database: pgtest.Database,
	Dispatcher: func(db store.DB, _ job.Clock) (job.Dispatcher, error) {
		pooled, ok := db.(interface{ Pool() *pgxpool.Pool })
		if !ok {
			return nil, fmt.Errorf("%s has no pool", db.Engine())
		}
		return riverq.New(pooled.Pool(), nil)
	},
	Processes: 3,
	Server:    server,
}

// server starts a server that syncs to disk, so that what it acknowledged survives its being killed.
func server(t testing.TB) (url string, restart func()) {
	s, err := pgtest.Start(pgtest.Options{Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	kill := false
	return s.Database(t), func() {
		down := s.Stop
		if kill = !kill; kill {
			down = s.Kill
		}
		if err := down(); err != nil {
			t.Fatal(err)
		}
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMain(m *testing.M) {
	if code, child := jobtest.Main(suite); child {
		os.Exit(code)
	}
	os.Exit(pgtest.Main(m))
}

func TestRiver(t *testing.T) { jobtest.Run(t, suite) }
