package s3_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/source/sourcetest"
)

func contentOf(keys []string) sourcetest.Content {
	objects := map[string]string{}
	for _, k := range keys {
		objects[k] = k
	}
	return sourcetest.Content{"b": objects}
}

func listed(d source.Driver, opts source.ListOptions) (keys []string, err error) {
	for item, err := range d.List(context.Background(), "b", opts) {
		if err != nil {
			return keys, err
		}
		keys = append(keys, item.Key)
	}
	return keys, nil
}

// TestParallelListing lists random trees with small pages, so that segments are cut, run into each other and end in odd places.
func TestParallelListing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		part := rapid.SampledFrom([]string{"a", "b", "a.b", "a-", "a0", "", "c", "~", "é"})
		var keys []string
		for range rapid.IntRange(0, 12).Draw(rt, "folders") {
			folder := strings.Join(rapid.SliceOfN(part, 0, 3).Draw(rt, "folder"), "/")
			n := rapid.IntRange(0, 40).Draw(rt, "files")
			for i := range n {
				keys = append(keys, fmt.Sprintf("%s/%03d", folder, i*7%n))
			}
			keys = append(keys, folder+"/", folder+"x")
		}
		slices.Sort(keys)
		keys = slices.Compact(keys)
		f := newFake(contentOf(keys))
		f.pageSize = rapid.IntRange(1, 6).Draw(rt, "page")
		switch rapid.SampledFrom([]string{"", "without tokens", "without start-after"}).Draw(rt, "store") {
		case "without tokens":
			f.tokenless = true
		case "without start-after":
			f.deaf = true
		}
		d := open(t, f, func(o *s3.Options) { o.Parallel = rapid.IntRange(1, 6).Draw(rt, "parallel") })
		defer d.Close()
		opts := source.ListOptions{}
		if len(keys) > 0 && rapid.Bool().Draw(rt, "after?") {
			opts.After = rapid.SampledFrom(keys).Draw(rt, "after")
		}
		if len(keys) > 0 && rapid.Bool().Draw(rt, "prefix?") {
			k := rapid.SampledFrom(keys).Draw(rt, "prefix of")
			opts.Prefix = k[:rapid.IntRange(0, len(k)).Draw(rt, "length")]
		}
		var want []string
		for _, k := range keys {
			if k > opts.After && strings.HasPrefix(k, opts.Prefix) {
				want = append(want, k)
			}
		}
		if got, err := listed(d, opts); err != nil || !slices.Equal(got, want) {
			rt.Fatalf("listed %q, %v\nwant %q", got, err, want)
		}
		// And stopping somewhere leaves nothing behind (Cleanup of the server would wait for it).
		stop := rapid.IntRange(0, len(want)).Draw(rt, "stop")
		n := 0
		for _, err := range d.List(t.Context(), "b", opts) {
			if err != nil {
				rt.Fatal(err)
			}
			if n++; n > stop {
				break
			}
		}
	})
}

// tree is 40 folders of 20 folders of 50 files.
func tree() []string {
	var keys []string
	for i := range 40 * 20 * 50 {
		keys = append(keys, fmt.Sprintf("data/%02d/%02d/%02d", i/1000, i/50%20, i%50))
	}
	return keys
}

// crowd tells how many requests of a kind are under way at a time.
type crowd struct {
	now, most, all, sum atomic.Int64
}

func (c *crowd) enter() {
	c.all.Add(1)
	n := c.now.Add(1)
	c.sum.Add(n)
	for {
		most := c.most.Load()
		if n <= most || c.most.CompareAndSwap(most, n) {
			return
		}
	}
}

func TestListingIsParallelWhereItPays(t *testing.T) {
	var flat, tiny, long []string
	for i := range 40_000 {
		long = append(long, fmt.Sprintf("a/b/%03d/%06d", i/130, i))
	}
	for i := range 40_000 {
		flat = append(flat, fmt.Sprintf("flat-%05d", i))
		tiny = append(tiny, fmt.Sprintf("tiny/%05d/only", i))
	}
	for _, test := range []struct {
		name           string
		keys           []string
		least, most    int64 // requests at a time
		requestsAtMost int64
	}{
		{"tree", tree(), 5, 8, 2 * 40},
		{"long tree", long, 6, 8, 400 + 120},
		{"flat", flat, 1, 2, 40 + 10},
		{"tiny folders", tiny, 1, 2, 40 + 10},
		{"small", tree()[:900], 1, 1, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c crowd
			f := newFake(contentOf(test.keys))
			if test.name == "long tree" {
				f.pageSize = 100
			}
			met := make(chan struct{}) // closed when as many requests have met as shall
			var once sync.Once
			f.before = func(http.ResponseWriter, *http.Request) bool {
				c.enter()
				defer c.now.Add(-1)
				if c.most.Load() >= test.least {
					once.Do(func() { close(met) })
				}
				if c.all.Load() > 12 { // the first ones find out whether it pays
					select {
					case <-met:
					case <-time.After(2 * time.Second): // they shall not wait for those that come behind them
					}
				}
				return false
			}
			d := open(t, f, nil)
			got, err := listed(d, source.ListOptions{})
			if err != nil || !slices.Equal(got, test.keys) {
				t.Fatalf("%d keys, %v, want %d", len(got), err, len(test.keys))
			}
			if most := c.most.Load(); most < test.least || most > test.most {
				t.Errorf("%d requests at a time, want %d to %d", most, test.least, test.most)
			}
			t.Logf("%.1f requests at a time on the whole", float64(c.sum.Load())/float64(c.all.Load()))
			if all := c.all.Load(); all > test.requestsAtMost {
				t.Errorf("%d requests, want at most %d", all, test.requestsAtMost)
			}
		})
	}
}

// TestListingAhead stops taking items for a while: what is listed ahead meanwhile must be some, and bounded.
func TestListingAhead(t *testing.T) {
	f := newFake(contentOf(tree()))
	f.pageSize = 10
	d := open(t, f, nil)
	n := 0
	for range d.List(t.Context(), "b", source.ListOptions{}) {
		if n++; n == 200 {
			// Until nothing more is asked.
			for last := int64(-1); last != f.requests.Load(); time.Sleep(200 * time.Millisecond) {
				last = f.requests.Load()
			}
			break
		}
	}
	if n := f.requests.Load(); n < 25 || n > 200 {
		t.Errorf("%d requests for 20 pages, want some ahead, but no more than 64 pages and what it takes to find them", n)
	}
}

func TestListingFailsInItsOrder(t *testing.T) {
	keys := tree()
	f := newFake(contentOf(keys))
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		q := r.URL.Query()
		if at := max(q.Get("start-after"), q.Get("continuation-token")); at > "data/20" && q.Get("delimiter") == "" {
			failWith(w, http.StatusForbidden, "AccessDenied")
			return true
		}
		return false
	}
	d := open(t, f, nil)
	got, err := listed(d, source.ListOptions{})
	if source.KindOf(err) != source.AccessDenied || len(got) < 20_000 || !slices.Equal(got, keys[:len(got)]) {
		t.Errorf("%d keys, then %v, want those before the refusal in order", len(got), err)
	}
}

// TestDisorder refuses stores whose listing is in no order: nothing could be gone on with.
func TestDisorder(t *testing.T) {
	page := func(keys ...string) string {
		var b strings.Builder
		for _, k := range keys {
			fmt.Fprintf(&b, "<Contents><Key>%s</Key><Size>1</Size></Contents>", k)
		}
		return b.String()
	}
	for name, test := range map[string]struct {
		pages []string
		want  []string
		fails bool
	}{
		"twice in a page":               {[]string{page("a", "a", "b")}, []string{"a", "b"}, false},
		"no order in a page":            {[]string{page("b", "a", "c")}, []string{"a", "b", "c"}, false},
		"the end of a page again":       {[]string{page("a", "b", "c"), page("b", "c", "d")}, []string{"a", "b", "c", "d"}, false},
		"no order over pages":           {[]string{page("a", "d"), page("b", "e")}, []string{"a", "d"}, true},
		"the same page for ever":        {[]string{page("a", "b"), page("a", "b"), page("a", "b"), page("a", "b"), page("a", "b")}, []string{"a", "b"}, true},
		"an empty page in between":      {[]string{page("a"), page(), page("b")}, []string{"a"}, true},
		"an empty page at the end":      {[]string{page("a"), page()}, []string{"a"}, false},
		"not encoded, as it says it is": {[]string{page("100%", "50%zz")}, []string{"100%", "50%zz"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			d := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				i := 0
				fmt.Sscanf(r.URL.Query().Get("continuation-token"), "page-%d", &i)
				n++
				more := ""
				if i+1 < len(test.pages) {
					more = fmt.Sprintf("<IsTruncated>true</IsTruncated><NextContinuationToken>page-%d</NextContinuationToken>", i+1)
				}
				fmt.Fprintf(w, "<ListBucketResult><EncodingType>url</EncodingType>%s%s</ListBucketResult>", more, test.pages[i])
			}), func(o *s3.Options) { o.Parallel = 1 })
			got, err := listed(d, source.ListOptions{})
			if !slices.Equal(got, test.want) || (err != nil) != test.fails {
				t.Errorf("listed %q, %v, want %q, error %v", got, err, test.want, test.fails)
			}
			var e *source.Error
			if err != nil && (!errors.As(err, &e) || e.Kind != source.Other) {
				t.Errorf("error %v", err)
			}
		})
	}
}
