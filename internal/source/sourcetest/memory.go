package sourcetest

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/memory"
)

// Memory is the harness of the fake that tests of other packages use.
var Memory = Harness{
	New: func(_ testing.TB, content Content) source.Driver {
		s := &memory.Store{}
		for bucket, objects := range content {
			s.CreateBucket(source.Bucket{Name: bucket})
			for key, body := range objects {
				s.Put(bucket, source.Object{Key: key}, []byte(body))
			}
		}
		return s
	},
	Put: func(_ testing.TB, d source.Driver, bucket, key, body string) {
		d.(*memory.Store).Put(bucket, source.Object{Key: key}, []byte(body))
	},
	Remove: func(_ testing.TB, d source.Driver, bucket, key string) { d.(*memory.Store).Remove(bucket, key) },
	Deny: func(_ testing.TB, d source.Driver, bucket, keyOrPrefix string) {
		d.(*memory.Store).Deny(bucket, keyOrPrefix)
	},
	DenyWrites: func(_ testing.TB, d source.Driver, bucket string) { d.(*memory.Store).DenyWrites(bucket, true) },
	Configure: func(_ testing.TB, d source.Driver, bucket string, c source.Configuration) {
		d.(*memory.Store).Configure(bucket, c)
	},
	ConfigureAccount: func(_ testing.TB, d source.Driver, f source.Fact[source.PublicAccessBlock]) {
		d.(*memory.Store).SetAccountPublicAccessBlock(f)
	},
}
