package sourcetest_test

import (
	"errors"
	"io"
	"testing"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/sourcetest"
)

// below takes the wrapper off, for the harness functions of the driver in it.
func below(d source.Driver) source.Driver { return d.(*sourcetest.Faulty).Driver }

func TestFaultlessFaultyPassesTheSuite(t *testing.T) {
	h := sourcetest.Memory
	h.New = func(t testing.TB, content sourcetest.Content) source.Driver {
		return &sourcetest.Faulty{Driver: sourcetest.Memory.New(t, content), Fault: func(_, _, _ string) error { return nil }}
	}
	h.Put = func(t testing.TB, d source.Driver, bucket, key, body string) {
		sourcetest.Memory.Put(t, below(d), bucket, key, body)
	}
	h.Remove = func(t testing.TB, d source.Driver, bucket, key string) {
		sourcetest.Memory.Remove(t, below(d), bucket, key)
	}
	h.Deny = func(t testing.TB, d source.Driver, bucket, key string) {
		sourcetest.Memory.Deny(t, below(d), bucket, key)
	}
	h.DenyWrites = func(t testing.TB, d source.Driver, bucket string) { sourcetest.Memory.DenyWrites(t, below(d), bucket) }
	h.Configure = func(t testing.TB, d source.Driver, bucket string, c source.Configuration) {
		sourcetest.Memory.Configure(t, below(d), bucket, c)
	}
	h.ConfigureAccount = func(t testing.TB, d source.Driver, f source.Fact[source.PublicAccessBlock]) {
		sourcetest.Memory.ConfigureAccount(t, below(d), f)
	}
	sourcetest.Run(t, h)
}

func TestFaults(t *testing.T) {
	content := sourcetest.Content{"b": {"a": "1", "c": "2"}}
	fault := &source.Error{Kind: source.Unavailable, Op: "test", Err: sourcetest.ErrFault}
	for _, test := range []struct {
		step, key string
		items     int
	}{{"buckets", "", 2}, {"list", "", 0}, {"item", "c", 1}, {"open", "a", 2}, {"read", "a", 2}} {
		t.Run(test.step, func(t *testing.T) {
			d := &sourcetest.Faulty{Driver: sourcetest.Memory.New(t, content), Fault: func(step, _, key string) error {
				if step == test.step && key == test.key {
					return fault
				}
				return nil
			}}
			_, failed := d.Buckets(t.Context())
			n := 0
			for _, err := range d.List(t.Context(), "b", source.ListOptions{}) {
				if err != nil {
					failed = err
					break
				}
				n++
			}
			if r, err := d.Open(t.Context(), "b", "a", source.OpenOptions{}); err != nil {
				failed = err
			} else if _, err := io.ReadAll(r); err != nil {
				failed = err
				if _, err := r.(io.ReaderAt).ReadAt(make([]byte, 1), 0); !errors.Is(err, sourcetest.ErrFault) {
					t.Errorf("ReadAt: %v", err)
				}
			}
			if !errors.Is(failed, sourcetest.ErrFault) || source.KindOf(failed) != source.Unavailable {
				t.Errorf("got error %v, want the fault", failed)
			}
			if n != test.items {
				t.Errorf("listed %d items, want %d", n, test.items)
			}
		})
	}
}

func TestAsLooksThroughWrappers(t *testing.T) {
	d := &sourcetest.Faulty{Driver: sourcetest.Memory.New(t, nil)}
	if _, ok := source.As[source.Configured](d); !ok {
		t.Error("the wrapped driver is Configured")
	}
	if _, ok := source.As[io.Closer](d); ok {
		t.Error("the wrapped driver is no Closer")
	}
}
