package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/macie2/types"

	"github.com/magpie-sec/magpie/internal/pgtest"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
)

const (
	slowObjects = 16000                 // of 1 KB, behind slowAnswer
	slowAnswer  = 50 * time.Millisecond // of every request
	denseFiles  = 160                   // of denseBytes, in a folder
	denseBytes  = 4 << 20
)

// BenchmarkFleet measures a job over 1, 2 and 4 processes of magpie worker --workers 8 on one PostgreSQL that syncs to disk: over a store that
// takes 50 ms for each request, and over a folder of text, for which every process has one processor. It prints the table of
// docs/benchmarks.md. One round is enough: -benchtime 1x.
func BenchmarkFleet(b *testing.B) {
	dir := b.TempDir()
	program := filepath.Join(dir, "magpie")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	dense := filepath.Join(dir, "dense")
	if err := fillDense(dense); err != nil {
		b.Fatal(err)
	}
	store := s3test.Start(b)
	store.CreateBucket(b, "slow")
	objects := map[string]string{}
	for i := range slowObjects {
		text := "name,order\nAnn,11\n"
		if i%50 == 0 { // as in docs/scale.md
			text = "name,card number\nAnn,4539578763621486\n"
		}
		objects[fmt.Sprintf("%03d/%05d.csv", i%100, i)] = text + strings.Repeat("nothing to see here\n", 48)
	}
	store.Fill(b, "slow", objects)
	store.On(s3test.Rule{Do: s3test.Latency(slowAnswer)})
	server, err := pgtest.Start(pgtest.Options{Durable: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { server.Close() })

	sources := []struct {
		name, what, source, bucket string
		objects                    int
		env                        []string
	}{
		{"latency", fmt.Sprintf("%d objects of 1 KB, one in 50 with a finding, each request takes %s", slowObjects, slowAnswer), "s3+" + store.URL, "slow", slowObjects, storeKeys()},
		{"processor", fmt.Sprintf("%d files of %d MiB, one processor for each process", denseFiles, denseBytes>>20), dense, "text", denseFiles, []string{"GOMAXPROCS=1"}},
	}
	var table strings.Builder
	for _, s := range sources {
		var alone time.Duration
		for _, n := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("%s/%d", s.name, n), func(b *testing.B) {
				var took time.Duration
				for i := range b.N {
					data := filepath.Join(b.TempDir(), fmt.Sprintf("data%d", i))
					took += fleetRun(b, program, data, server.Database(b), s.source, s.bucket, s.env, n)
				}
				took /= time.Duration(b.N)
				if n == 1 {
					alone = took
				}
				b.ReportMetric(float64(s.objects)/took.Seconds(), "objects/s")
				b.ReportMetric(float64(alone)/float64(took), "times-alone")
				b.ReportMetric(0, "ns/op")
				fmt.Fprintf(&table, "| %s | %d | %.1f s | %.0f | %.2f |\n", s.what, n, took.Seconds(), float64(s.objects)/took.Seconds(), float64(alone)/float64(took))
			})
		}
	}
	fmt.Printf("\n| source | processes | time | objects/s | times one process |\n| --- | --- | --- | --- | --- |\n%s", table.String())
}

// fleetRun times a job from its creation to its end with so many processes.
func fleetRun(b *testing.B, program, data, database, source, bucket string, env []string, processes int) time.Duration {
	b.Helper()
	run := func(args ...string) *process {
		cmd := command(filepath.Dir(data), env, args...)
		cmd.Path = program
		return start(b, cmd)
	}
	args := []string{"--source", source, "--database", database}
	s := awaitServing(run(append(append([]string{"serve", "--data", data, "--workers", "none"}, anyPort...), args...)...), data)
	var workers []*process
	for range processes {
		p := run(append([]string{"worker", "--workers", "8"}, args...)...)
		p.awaitLog("working")
		workers = append(workers, p)
	}
	c := s.client()
	enable(b, c)
	began := time.Now()
	id := createJob(b, c, bucket)
	awaitStatus(b, c, id, types.JobStatusComplete)
	took := time.Since(began)
	for _, p := range workers {
		p.stop()
	}
	s.stop()
	return took
}

// fillDense writes a folder of a bucket with many names of one text.
func fillDense(dir string) error {
	random := rand.New(rand.NewPCG(killSeed, 9))
	var text strings.Builder
	for line := 0; text.Len() < denseBytes; line++ {
		fmt.Fprintf(&text, "2026-11-21T08:%02d:%02dZ host%03d served /orders/%08x to 10.%d.%d.%d in %d ms\n", line/60%60, line%60, random.IntN(400),
			random.Uint32(), random.IntN(256), random.IntN(256), random.IntN(256), random.IntN(900))
		if line%500 == 0 {
			fmt.Fprintf(&text, "card number %s charged\n", luhn("4539"+fmt.Sprintf("%011d", random.Int64N(1e11))))
		}
	}
	first := filepath.Join(dir, "text", "000.log")
	if err := os.MkdirAll(filepath.Dir(first), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(first, []byte(text.String()), 0o644); err != nil {
		return err
	}
	for i := 1; i < denseFiles; i++ {
		if err := os.Link(first, filepath.Join(dir, "text", fmt.Sprintf("%03d.log", i))); err != nil {
			return err
		}
	}
	return nil
}
