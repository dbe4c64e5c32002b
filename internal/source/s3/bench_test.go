//go:build unix

package s3_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
)

// canned keeps answers, so that a benchmark pays little for its server.
type canned struct {
	from    http.Handler
	latency time.Duration
	mu      sync.Mutex
	answers map[string][]byte
}

// ServeHTTP implements http.Handler.
func (c *canned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(c.latency)
	c.mu.Lock()
	answer, ok := c.answers[r.URL.RawQuery]
	c.mu.Unlock()
	if !ok {
		recorder := httptest.NewRecorder()
		c.from.ServeHTTP(recorder, r)
		answer = recorder.Body.Bytes()
		c.mu.Lock()
		c.answers[r.URL.RawQuery] = answer
		c.mu.Unlock()
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
	w.Write(answer)
}

// benchKeys are 200,000 keys of 50 bytes in 200 folders.
func benchKeyNames() []string {
	var keys []string
	for i := range 200_000 {
		keys = append(keys, fmt.Sprintf("warehouse/events/2026/part=%03d/%06d-0123456789.parquet", i/1000, i))
	}
	return keys
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkList lists 200,000 keys in pages of 1,000. Run it with -cpu 1; the server's share is in it.
func BenchmarkList(b *testing.B) {
	keys := benchKeyNames()
	for _, latency := range []time.Duration{0, 50 * time.Millisecond} {
		if latency > 0 && testing.Short() {
			continue
		}
		server := &canned{from: newFake(contentOf(keys)), latency: latency, answers: map[string][]byte{}}
		run := func(name string, list func(b *testing.B) int) {
			b.Run(fmt.Sprintf("latency=%v/%s", latency, name), func(b *testing.B) {
				list(b) // the server keeps its answers
				b.ReportAllocs()
				began := processorTime()
				for b.Loop() {
					if n := list(b); n != len(keys) {
						b.Fatalf("listed %d keys", n)
					}
				}
				b.ReportMetric(float64(len(keys))*float64(b.N)/b.Elapsed().Seconds(), "keys/s")
				// Of the whole process, the server in it as well.
				b.ReportMetric(float64(len(keys))*float64(b.N)/(processorTime()-began).Seconds(), "keys/cpu-s")
			})
		}
		for _, parallel := range []int{1, 8} {
			store := open(b, server, func(o *s3.Options) { o.Parallel = parallel })
			run(fmt.Sprintf("parallel=%d", parallel), func(b *testing.B) int {
				n := 0
				for _, err := range store.List(context.Background(), "b", source.ListOptions{}) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				return n
			})
		}
		endpoint := httptest.NewServer(server)
		b.Cleanup(endpoint.Close)
		client := awss3.New(awss3.Options{BaseEndpoint: &endpoint.URL, Region: "us-east-1", UsePathStyle: true, Credentials: testKeys})
		run("the client alone", func(b *testing.B) int {
			n := 0
			pages := awss3.NewListObjectsV2Paginator(client, &awss3.ListObjectsV2Input{Bucket: aws.String("b")})
			for pages.HasMorePages() {
				page, err := pages.NextPage(context.Background())
				if err != nil {
					b.Fatal(err)
				}
				n += len(page.Contents)
			}
			return n
		})
	}
}

// BenchmarkRead reads an object of 16 MiB, and its parts at random places.
func BenchmarkRead(b *testing.B) {
	const size = 16 << 20
	f := newFake(contentOf(nil))
	f.put("b", "large", string(make([]byte, size)))
	f.put("b", "small", string(make([]byte, 4<<10)))
	store := open(b, f, nil)
	for key, length := range map[string]int64{"large": size, "small": 4 << 10} {
		b.Run(key, func(b *testing.B) {
			b.SetBytes(length)
			b.ReportAllocs()
			for b.Loop() {
				if text, err := read(b, store, "b", key); err != nil || int64(len(text)) != length {
					b.Fatal(len(text), err)
				}
			}
		})
	}
}
