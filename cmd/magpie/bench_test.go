package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
)

// BenchmarkStart measures the time from the start of the server's process on a fresh data folder to its first signed answer, and beside it
// that of magpie version, which is what the system and Go's runtime take for any process of this program.
func BenchmarkStart(b *testing.B) {
	program := filepath.Join(b.TempDir(), "magpie")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	report := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms")
		b.ReportMetric(0, "ns/op")
	}
	b.Run("FirstAnswer", func(b *testing.B) {
		dir := b.TempDir()
		for i := 0; b.Loop(); i++ {
			data := filepath.Join(dir, fmt.Sprint(i))
			cmd := command(dir, nil, append([]string{"serve", "--data", data}, anyPort...)...)
			cmd.Path = program
			s := awaitServing(start(b, cmd), data)
			if err := works(s.client()); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			s.kill()
			b.StartTimer()
		}
		report(b)
	})
	b.Run("Version", func(b *testing.B) {
		for b.Loop() {
			if err := exec.Command(program, "version").Run(); err != nil {
				b.Fatal(err)
			}
		}
		report(b)
	})
}
