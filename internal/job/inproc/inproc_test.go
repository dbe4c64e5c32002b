package inproc_test

import (
	"os"
	"testing"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/job/inproc"
	"github.com/magpie-sec/magpie/internal/job/jobtest"
	"github.com/magpie-sec/magpie/internal/pgtest"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/open/opentest"
)

func dispatcher(_ store.DB, clock job.Clock) (job.Dispatcher, error) { return inproc.New(clock), nil }

var onSQLite = jobtest.Suite{
	Database:   opentest.SQLite,
	Dispatcher: dispatcher,
	Processes:  1,
}

// onPostgreSQL is for the engine rather than this dispatcher: kills on PostgreSQL are tested with River.
var onPostgreSQL = jobtest.Suite{Database: opentest.Postgres, Dispatcher: dispatcher}

func TestMain(m *testing.M) {
	if code, child := jobtest.Main(onSQLite); child {
		os.Exit(code)
	}
	os.Exit(pgtest.Main(m))
}

func TestSQLite(t *testing.T) { jobtest.Run(t, onSQLite) }

func TestPostgreSQL(t *testing.T) { jobtest.Run(t, onPostgreSQL) }

func BenchmarkSQLite(b *testing.B) { jobtest.Benchmark(b, onSQLite) }

func BenchmarkPostgreSQL(b *testing.B) { jobtest.Benchmark(b, onPostgreSQL) }
