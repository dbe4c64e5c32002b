package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/macie2/types"
	"github.com/jackc/pgx/v5"

	"github.com/magpie-sec/magpie/internal/pgtest"
)

// footprintObjects is over how many objects of about 1 KB the job of BenchmarkFootprint goes; one in footprintFound has a finding.
const (
	footprintObjects = 100_000
	footprintFound   = 50
)

// BenchmarkFootprint measures what a job leaves in PostgreSQL and what it costs, for docs/scale.md: rows and bytes by table, with indexes, as
// they are after a first job and how many a second job over the same objects adds, processor time, and transactions.
func BenchmarkFootprint(b *testing.B) {
	dir := b.TempDir()
	program := filepath.Join(dir, "magpie")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	estate := filepath.Join(dir, "estate")
	files := map[string]string{}
	filler := strings.Repeat("2026-11-21T08:00:00Z served a page in 12 ms\n", 22)
	for i := range footprintObjects {
		text := filler
		if i%footprintFound == 0 {
			text = "name,card number\nAnn,4539578763621486\n" + filler
		}
		files[fmt.Sprintf("records/2026/%03d/%06d-0b5c6a51-record.csv", i%1000, i)] = text
	}
	writeTree(b, estate, files)
	server, err := pgtest.Start(pgtest.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { server.Close() })
	for b.Loop() {
		database, data := server.Database(b), filepath.Join(dir, "data")
		run := func(args ...string) *process {
			cmd := command(dir, nil, append(args, "--source", estate, "--database", database)...)
			cmd.Path = program
			return start(b, cmd)
		}
		s := awaitServing(run(append([]string{"serve", "--data", data, "--workers", "none"}, anyPort...)...), data)
		c := s.client()
		enable(b, c)
		for _, what := range []string{"first job, of objects that nobody has read", "second job, of the same objects"} {
			worker := run("worker", "--workers", "2")
			worker.awaitLog("working")
			before := footprint(b, database)
			began := time.Now()
			token := what[:5]
			awaitStatus(b, c, createJobAs(b, c, token, "records"), types.JobStatusComplete)
			took := time.Since(began)
			worker.stop()
			usage := worker.cmd.ProcessState.SysUsage().(*syscall.Rusage)
			cpu := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
			after := footprint(b, database)
			fmt.Printf("\n%s: %.1f s, %.0f objects/s, %.0f us of processor time of the worker for an object, %.4f transactions for an object\n\n",
				what, took.Seconds(), footprintObjects/took.Seconds(), float64(cpu.Microseconds())/footprintObjects,
				float64(after["commits"].rows-before["commits"].rows)/footprintObjects)
			fmt.Println("| table | rows added | bytes added, with indexes | bytes for an object |\n| --- | --- | --- | --- |")
			for _, table := range footprintTables {
				rows, bytes := after[table].rows-before[table].rows, after[table].bytes-before[table].bytes
				fmt.Printf("| %s | %d | %d | %.1f |\n", table, rows, bytes, float64(bytes)/footprintObjects)
			}
		}
		s.stop()
	}
	b.ReportMetric(0, "ns/op")
}

// footprintTables are the tables that a job's objects fill.
var footprintTables = []string{"shards", "results", "result_pages", "ledger", "findings", "finding_documents", "finding_attributes", "outbox", "exports", "export_bodies", "job_events", "river_job"}

type tableSize struct{ rows, bytes int64 }

// footprint returns the sizes of tables, and as "commits" how many transactions the database has committed.
func footprint(b *testing.B, database string) map[string]tableSize {
	b.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(ctx)
	sizes := map[string]tableSize{}
	one := func(sql string) (n int64) {
		if err := conn.QueryRow(ctx, sql).Scan(&n); err != nil {
			b.Fatalf("%s: %v", sql, err)
		}
		return n
	}
	for _, table := range footprintTables {
		if _, err := conn.Exec(ctx, "VACUUM "+table); err != nil {
			b.Fatal(err)
		}
		sizes[table] = tableSize{one("SELECT count(*) FROM " + table), one("SELECT pg_total_relation_size('" + table + "')")}
	}
	sizes["commits"] = tableSize{rows: one("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")}
	return sizes
}
