package memory_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/memory"
	"github.com/magpie-sec/magpie/internal/source/sourcetest"
)

func TestAcceptance(t *testing.T) {
	sourcetest.Run(t, sourcetest.Memory)
}

func TestPutIsListed(t *testing.T) {
	var s memory.Store
	s.CreateBucket(source.Bucket{Name: "b", Region: "eu-west-1"})
	o := s.Put("b", source.Object{Key: "k", StorageClass: "GLACIER"}, []byte("hello"))
	// The MD5 of "hello" (RFC 1321's function, as S3 uses it).
	want := source.Object{Key: "k", Size: 5, ETag: "5d41402abc4b2a76b9719d911017c592", StorageClass: "GLACIER"}
	if o != want {
		t.Errorf("Put returned %+v, want %+v", o, want)
	}
	for item, err := range s.List(t.Context(), "b", source.ListOptions{}) {
		if err != nil || item.Object != want {
			t.Errorf("listed %+v, %v", item, err)
		}
	}
}
