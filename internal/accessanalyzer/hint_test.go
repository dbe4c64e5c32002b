package accessanalyzer

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/memory"
)

// A countedStore counts the buckets whose configuration it is asked for.
type countedStore struct {
	*memory.Store
	asked atomic.Int64
}

func (c *countedStore) Configuration(ctx context.Context, bucket string) (source.Configuration, error) {
	c.asked.Add(1)
	return c.Store.Configuration(ctx, bucket)
}

// TestToldOfABucket wakes the scanner for one bucket of many: it reads that one only, for all analyzers.
func TestToldOfABucket(t *testing.T) {
	const buckets = 200
	s := &countedStore{Store: &memory.Store{}}
	set := func(name, principal string) {
		c := source.Configuration{Policy: source.Absent[string](""), ACL: source.Known([]source.Grant{}), Ownership: source.Known("BucketOwnerEnforced"),
			PublicAccessBlock: source.Absent[source.PublicAccessBlock]("")}
		if principal != "" {
			c.Policy = source.Known(strings.NewReplacer("NAME", name, "WHO", principal).Replace(
				`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"WHO"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::NAME/*"}]}`))
		}
		s.Configure(name, c)
	}
	s.SetAccountPublicAccessBlock(source.Absent[source.PublicAccessBlock](""))
	for i := range buckets {
		name := fmt.Sprintf("bucket-%03d", i)
		s.CreateBucket(source.Bucket{Name: name})
		set(name, "")
	}
	w := newWorld(t, func(c *Config) { c.Poll, c.Sources[home] = time.Hour, []source.Driver{s} })
	w.analyzer()
	looked := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	w.service.scanner.looked = func(err error) {
		select {
		case looked <- err:
		case <-ctx.Done():
		}
	}
	go func() {
		defer close(over)
		w.service.Run(ctx)
	}()
	defer func() {
		cancel()
		<-over
	}()
	must(t, <-looked) // at the start
	must(t, <-looked) // for the new analyzer's sake
	s.asked.Store(0)
	check := func(what string, reads int64, want ...string) {
		t.Helper()
		must(t, <-looked)
		if n := s.asked.Swap(0); n != reads {
			t.Errorf("%s: %d buckets were read, want %d", what, n, reads)
		}
		w.expect(what, want...)
	}
	set("bucket-007", "999988887777")
	w.service.Changed(home, "bucket-007")
	check("opened", 1, "bucket-007 999988887777 ACTIVE")
	w.service.Changed(home, "bucket-007")
	check("as it was", 1, "bucket-007 999988887777 ACTIVE")
	w.service.Changed(abroad, "bucket-007")
	check("another Region's, which is a folder", buckets, "bucket-007 999988887777 ACTIVE")
	w.service.Changed(home, "bucket-that-is-not")
	check("one that is not there: everything is looked at", 1+buckets, "bucket-007 999988887777 ACTIVE")
	set("bucket-007", "")
	w.service.Changed(home, "bucket-007")
	check("closed", 1, "bucket-007 999988887777 RESOLVED")
	set("bucket-008", "999988887777")
	w.service.Changed(home, "")
	check("the account", buckets, "bucket-007 999988887777 RESOLVED", "bucket-008 999988887777 ACTIVE")
}

// TestTooManyAreToldOf looks at everything instead of remembering more and more.
func TestTooManyAreToldOf(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Sources[home] = []source.Driver{&memory.Store{}} })
	for i := range maxHints + 1 {
		w.service.Changed(home, fmt.Sprint(i))
	}
	if n := len(w.service.scanner.hints); n != maxHints {
		t.Errorf("%d buckets are remembered", n)
	}
	if _, all := w.service.scanner.heed(); !all {
		t.Error("not everything is looked at")
	}
	if hints, all := w.service.scanner.heed(); !all || hints != nil {
		t.Error("it is remembered for ever")
	}
}
