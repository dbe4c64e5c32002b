package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/extract"
)

// listedSkips is how many objects the summary names for each reason.
const listedSkips = 5

// A scanSummary counts over a scan.
type scanSummary struct {
	began      time.Time
	objects    int64
	bytes      int64
	sensitive  int64
	leftOut    atomic.Int64                     // by --sample
	passedOver int64                            // links, pipes, sockets, devices
	severities [detect.High + 1]int64           // objects by the severity of their finding
	types      map[string]int64                 // occurrences by identifier
	unfinished map[string]int64                 // objects by custom data identifier that was not looked for to their end
	incomplete map[extract.Reason]*skippedFiles // objects that were skipped or read in part
	unlisted   []error                          // of the buckets that could not be listed to their end
}

type skippedFiles struct {
	code  extract.Code
	count int64
	first []string
}

func newScanSummary() *scanSummary {
	return &scanSummary{began: time.Now(), types: map[string]int64{}, unfinished: map[string]int64{}, incomplete: map[extract.Reason]*skippedFiles{}}
}

func (s *scanSummary) add(o *scanned) {
	d := &o.document
	s.objects++
	s.bytes += d.Status.Bytes
	if d.Status.Code != extract.Complete {
		files := s.incomplete[d.Status.Reason]
		if files == nil {
			files = &skippedFiles{code: d.Status.Code}
			s.incomplete[d.Status.Reason] = files
		}
		files.count++
		if len(files.first) < listedSkips {
			files.first = append(files.first, o.name)
		}
	}
	for _, def := range d.Unfinished {
		s.unfinished[def.Name]++
	}
	if !d.Found() {
		return
	}
	s.sensitive++
	highest := detect.Low
	for _, found := range o.reported(d) {
		highest = max(highest, found.severity)
		s.types[printable(found.name)] += found.count
	}
	s.severities[highest]++
}

// print writes the summary for people.
func (s *scanSummary) print(w io.Writer) {
	took := time.Since(s.began)
	fmt.Fprintf(w, "\n%d objects, %s read in %s", s.objects, bytesText(s.bytes), took.Round(time.Millisecond))
	if seconds := took.Seconds(); seconds > 0 && s.bytes > 0 {
		fmt.Fprintf(w, " (%s/s)", bytesText(int64(float64(s.bytes)/seconds)))
	}
	fmt.Fprintf(w, "\n%d with sensitive data: %d high, %d medium, %d low\n", s.sensitive,
		s.severities[detect.High], s.severities[detect.Medium], s.severities[detect.Low])
	if s.passedOver > 0 {
		fmt.Fprintf(w, "%d links, pipes or devices were passed over\n", s.passedOver)
	}
	if len(s.types) > 0 {
		fmt.Fprintln(w, "\nFound:")
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		ids := slices.SortedFunc(maps.Keys(s.types), func(a, b string) int {
			return cmp.Or(cmp.Compare(s.types[b], s.types[a]), strings.Compare(a, b))
		})
		for _, id := range ids {
			fmt.Fprintf(table, "  %s\t%d\n", id, s.types[id])
		}
		table.Flush()
	}
	if len(s.unlisted) > 0 {
		fmt.Fprintln(w, "\nBuckets that could not be listed to their end:")
		for _, err := range s.unlisted {
			fmt.Fprintf(w, "  %v\n", err)
		}
	}
	if len(s.incomplete) == 0 {
		return
	}
	fmt.Fprintln(w, "\nNot read, or not to the end:")
	for _, reason := range slices.Sorted(maps.Keys(s.incomplete)) {
		files := s.incomplete[reason]
		fmt.Fprintf(w, "  %s %s: %d\n", files.code, reason, files.count)
		for _, key := range files.first {
			fmt.Fprintf(w, "    %s\n", printable(key))
		}
		if more := files.count - int64(len(files.first)); more > 0 {
			fmt.Fprintf(w, "    and %d more\n", more)
		}
	}
	if len(s.unfinished) > 0 {
		fmt.Fprintln(w, "\nCustom data identifiers that took too much work and were given up within an object (make their regex more specific):")
		for _, name := range slices.Sorted(maps.Keys(s.unfinished)) {
			fmt.Fprintf(w, "  %s: %d objects\n", printable(name), s.unfinished[name])
		}
	}
}

// warnOfNothing says so if a scan has looked at nothing: a scan that finds nothing must not be taken for one that had nothing to look at.
func (s *scanSummary) warnOfNothing(w io.Writer, sources []string, sample int) {
	if s.objects > 0 {
		return
	}
	why := "there are no objects in " + printable(strings.Join(sources, ", "))
	switch n := s.leftOut.Load(); {
	case n > 0:
		why = fmt.Sprintf("a sample of %d%% holds none of the %d objects", sample, n)
	case s.passedOver > 0:
		why = "there are only links, pipes or devices in " + printable(strings.Join(sources, ", "))
	case len(s.unlisted) > 0:
		why = "what could be listed holds no objects"
	}
	fmt.Fprintln(w, "warning: nothing was looked at: "+why)
}

// exit returns the exit code as an error, nil for complete.
func (s *scanSummary) exit(failOn string) error {
	if failOn != "" {
		least := map[string]detect.Level{"low": detect.Low, "medium": detect.Medium, "high": detect.High}[failOn]
		for level := least; level <= detect.High; level++ {
			if s.severities[level] > 0 {
				return exitCode(exitFailOn)
			}
		}
	}
	if len(s.incomplete) > 0 || len(s.unlisted) > 0 {
		return exitCode(exitIncomplete)
	}
	return nil
}

// sampled says whether a sample of so many percent holds a key: always the same answer for the same key.
func sampled(key string, percent int) bool {
	if percent >= 100 {
		return true
	}
	sum := sha256.Sum256([]byte(key))
	return binary.BigEndian.Uint64(sum[:8])%100 < uint64(percent)
}

// bytesText writes a number of bytes in units of 1,000.
func bytesText(n int64) string {
	f, unit := float64(n), "B"
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if f < 1000 {
			break
		}
		f, unit = f/1000, u
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, unit)
}

// printable quotes what could move the cursor of a terminal or break a line.
func printable(s string) string {
	if q := strconv.QuoteToGraphic(s); q != `"`+s+`"` {
		return q
	}
	return s
}
