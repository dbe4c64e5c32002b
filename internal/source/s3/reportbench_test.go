//go:build unix

package s3_test

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
)

// benchReport makes a report of n keys as those of BenchmarkList, in files of half a million, on disk, and a server of it.
func benchReport(b *testing.B, n int, shuffled bool) http.Handler {
	b.Helper()
	dir := b.TempDir()
	var manifest map[string]any
	var files []any
	report := func(rows []s3test.InventoryRow) *s3test.InventoryReport {
		r := plainReport(rows)
		r.Begun = reportTime.Add(time.Duration(len(files)) * time.Minute) // for files of other names
		return r
	}
	var all string
	for from := 0; from < n; from += 500_000 {
		var rows []s3test.InventoryRow
		for i := from; i < min(from+500_000, n); i++ {
			at := i
			if shuffled {
				at = int(uint64(i) * 7_368_787 % uint64(n)) // a prime: each once
			}
			key := fmt.Sprintf("warehouse/events/2026/part=%05d/%08d-0123456789.parquet", at/1000, at)
			sum := md5.Sum([]byte(key))
			rows = append(rows, s3test.InventoryRow{Object: source.Object{Key: key, Size: rand.Int64N(1 << 30), ETag: hex.EncodeToString(sum[:]),
				LastModified: reportTime.Add(-time.Duration(rand.Int64N(1e9)) * time.Millisecond), StorageClass: "STANDARD", Encryption: source.Encryption{Type: "AES256"}}})
		}
		r := report(rows)
		for key, body := range r.Objects() {
			switch {
			case strings.HasSuffix(key, ".csv.gz"):
				if err := os.WriteFile(filepath.Join(dir, filepath.Base(key)), []byte(body), 0o644); err != nil {
					b.Fatal(err)
				}
			case strings.HasSuffix(key, "manifest.json"):
				var m map[string]any
				if err := json.Unmarshal([]byte(body), &m); err != nil {
					b.Fatal(err)
				}
				files = append(files, m["files"].([]any)...)
				if manifest == nil {
					manifest, all = m, key
				}
			}
		}
	}
	manifest["files"] = files
	text, _ := json.Marshal(manifest)
	r := newReporting(b)
	sum := md5.Sum(text)
	r.put("reports", all, string(text))
	r.put("reports", strings.TrimSuffix(all, ".json")+".checksum", hex.EncodeToString(sum[:]))
	r.configurations = s3test.Configurations(plainReport())
	before := r.before
	r.before = func(w http.ResponseWriter, q *http.Request) bool {
		if strings.HasSuffix(q.URL.Path, ".csv.gz") {
			w.Header().Set("Etag", `"x"`)
			http.ServeFile(w, q, filepath.Join(dir, filepath.Base(q.URL.Path)))
			return true
		}
		return before(w, q)
	}
	return r
}

// BenchmarkReport lists from a report: MAGPIE_BENCH_KEYS keys, or 200,000. Run it with -cpu 1; the server's share is in it.
func BenchmarkReport(b *testing.B) {
	n, _ := strconv.Atoi(os.Getenv("MAGPIE_BENCH_KEYS"))
	if n == 0 {
		n = 200_000
	}
	for _, order := range []string{"sorted", "in no order"} {
		b.Run(order, func(b *testing.B) {
			folder := b.TempDir()
			d := open(b, benchReport(b, n, order != "sorted"), func(o *s3.Options) {
				o.Reports = s3.Reports{MaxAge: 36 * time.Hour, Folder: folder, Now: func() time.Time { return reportTime.Add(time.Hour) }}
			})
			runtime.GC() // of what making it has left
			largest := uint64(0)
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
				for tick := time.NewTicker(20 * time.Millisecond); ; {
					select {
					case <-stop:
						return
					case <-tick.C:
						metrics.Read(sample)
						largest = max(largest, sample[0].Value.Uint64())
					}
				}
			}()
			b.ReportAllocs()
			began := processorTime()
			for b.Loop() {
				listed := 0
				opts := source.ListOptions{Report: &source.ReportOptions{Told: func(r source.Report) {
					if r.Name == "" {
						b.Fatal(r.Reason)
					}
				}}}
				last := ""
				for item, err := range d.List(b.Context(), "b", opts) {
					if err != nil || item.Key <= last {
						b.Fatal(item.Key, err)
					}
					last = item.Key
					listed++
				}
				if listed != n {
					b.Fatalf("listed %d keys", listed)
				}
			}
			spent := processorTime() - began
			close(stop)
			<-stopped
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "keys/s")
			b.ReportMetric(float64(n)*float64(b.N)/spent.Seconds(), "keys/cpu-s")
			b.ReportMetric(float64(largest)/1e6, "MB-heap")
		})
	}
}
