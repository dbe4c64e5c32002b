package custom

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/detecttest"
	"github.com/magpie-sec/magpie/internal/detect/managed"
)

// benchLog is an application log of 8 MiB in which every hundredth line has what the benchmarks look for.
func benchLog() []byte {
	random := rand.New(rand.NewPCG(5, 6))
	levels := []string{"INFO", "WARN", "DEBUG", "ERROR"}
	words := strings.Fields("request served cache miss for user session opened order shipped payment accepted retry scheduled queue drained Connection reset by peer")
	var b strings.Builder
	for n := 0; b.Len() < 8<<20; n++ {
		fmt.Fprintf(&b, "2026-11-%02dT%02d:%02d:%02dZ %s [worker-%d]", 1+random.IntN(28), random.IntN(24), random.IntN(60), random.IntN(60), levels[random.IntN(4)], random.IntN(16))
		for range 4 + random.IntN(8) {
			b.WriteString(" " + words[random.IntN(len(words))])
		}
		fmt.Fprintf(&b, " id=%08x took=%dms", random.Uint32(), random.IntN(900))
		if n%100 == 0 {
			fmt.Fprintf(&b, " badge F-%08d EMP-%06d", random.IntN(1e8), random.IntN(1e6))
		}
		b.WriteByte('\n')
	}
	return []byte(b.String())
}

// BenchmarkScan compares a scanner with regexp's FindAllIndex on the same text, which knows nothing of keywords and places.
func BenchmarkScan(b *testing.B) {
	t := benchLog()
	many := []*Definition{}
	for i := range 30 {
		many = append(many, &Definition{Name: fmt.Sprint("n", i), Regex: fmt.Sprintf(`[A-Z]{2}%d-\d{8}`, i), Keywords: []string{fmt.Sprint("badge", i), "badge", "personnel number"}})
	}
	for _, v := range []struct {
		name string
		defs []*Definition
	}{
		{"class", []*Definition{{Name: "n", Regex: `[A-Z]-\d{8}`}}},
		{"literal", []*Definition{{Name: "n", Regex: `EMP-\d{6}`}}},
		{"inner_literal", []*Definition{{Name: "n", Regex: `[A-Z]{2,4}P-\d{6}`}}},
		{"words", []*Definition{{Name: "n", Regex: `\b[a-f0-9]{8}\b`}}},
		{"caseless", []*Definition{{Name: "n", Regex: `(?i)emp-\d{6}`}}},
		{"keyword", []*Definition{{Name: "n", Regex: `[A-Z]-\d{8}`, Keywords: []string{"badge"}}}},
		{"30_with_keywords", many},
	} {
		e := engine(b, v.defs...)
		b.Run(v.name+"/magpie", func(b *testing.B) {
			b.SetBytes(int64(len(t)))
			found := 0
			s := e.NewScanner(nil)
			block := running(string(t))
			for b.Loop() {
				s.Reset(func(Match) { found++ })
				s.Write(block)
				s.Close()
			}
			b.ReportMetric(float64(found/b.N), "found")
		})
		b.Run(v.name+"/regexp", func(b *testing.B) {
			b.SetBytes(int64(len(t)))
			found := 0
			for b.Loop() {
				for _, d := range v.defs {
					found += len(regexp.MustCompile(d.Regex).FindAllIndex(t, -1))
				}
			}
			b.ReportMetric(float64(found/b.N), "found")
		})
	}
}

// BenchmarkTable reads a customer table cell by cell, beside the engine of the managed identifiers, which reads the same.
func BenchmarkTable(b *testing.B) {
	blocks, size := detecttest.NewCorpus(20).Table(8 << 20)
	one := []*Definition{{Name: "n", Regex: `[A-Z]-\d{8}`, Keywords: []string{"badge"}}}
	free := []*Definition{{Name: "n", Regex: `[A-Z]-\d{8}`}}
	var many []*Definition
	for i := range 30 {
		many = append(many, &Definition{Name: fmt.Sprint("n", i), Regex: fmt.Sprintf(`[A-Z]{2}%d-\d{8}`, i), Keywords: []string{fmt.Sprint("badge", i), "badge", "notes"}})
	}
	for name, defs := range map[string][]*Definition{"1_with_keyword": one, "1_without": free, "30_with_keywords": many} {
		e := engine(b, defs...)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(size))
			s := e.NewScanner(nil)
			for b.Loop() {
				s.Reset(func(Match) {})
				for _, block := range blocks {
					s.Write(block)
				}
				s.Close()
			}
		})
	}
	b.Run("managed", func(b *testing.B) {
		e, err := detect.New(detect.Options{Identifiers: managed.All()})
		must(b, err)
		b.SetBytes(int64(size))
		s := e.NewScanner(nil)
		for b.Loop() {
			s.Reset(func(detect.Match) {})
			for _, block := range blocks {
				s.Write(block)
			}
			s.Close()
		}
	})
}
