package inventory

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
	"github.com/magpie-sec/magpie/internal/source/memory"
	"github.com/magpie-sec/magpie/internal/source/sourcetest"
)

func TestExtension(t *testing.T) {
	for key, want := range map[string]string{
		"a.CSV": "csv", "x/y.z/name": "", "x/.profile": "", ".env": "", "prod.env": "env", "a.tar.gz": "gz", "dot.": "", "a/b.c/.d.e": "e", "": "",
		"app.log.1": "1", "a.b/": "",
	} {
		if got := Extension(key); got != want {
			t.Errorf("Extension(%q) is %q, want %q", key, got, want)
		}
	}
}

// TestEligibility holds Macie's documented storage classes and formats (Amazon Macie User Guide, "Supported storage classes and formats").
func TestEligibility(t *testing.T) {
	classes := map[string]Eligible{"": Classifiable, "GLACIER": ByStorageClass, "DEEP_ARCHIVE": ByStorageClass, "EXPRESS_ONEZONE": ByStorageClass,
		"OUTPOSTS": ByStorageClass, "SNOW": ByStorageClass}
	for _, c := range strings.Fields("STANDARD STANDARD_IA ONEZONE_IA INTELLIGENT_TIERING REDUCED_REDUNDANCY GLACIER_IR") {
		classes[c] = Classifiable
	}
	for class, want := range classes {
		if got := EligibilityOf(source.Object{Key: "a.csv", StorageClass: class}); got != want {
			t.Errorf("storage class %q: %v, want %v", class, got, want)
		}
	}
	for _, e := range strings.Fields("avro parquet gz gzip tar zip pdf xls xlsx doc docx eml csv tsv json jsonl xml htm html yaml yml txt go py log.3 log.2026-11-21") {
		if got := EligibilityOf(source.Object{Key: "a." + e}); got != Classifiable {
			t.Errorf("extension %q: %v, want classifiable", e, got)
		}
	}
	for _, e := range strings.Fields("jpg JPEG png gif bmp tiff webp mp3 mp4 wav avi mov mkv exe dll so iso bin class jar psd heic ttf woff2") {
		if got := EligibilityOf(source.Object{Key: "a." + e}); got != ByFileType {
			t.Errorf("extension %q: %v, want unclassifiable by file type", e, got)
		}
	}
	if got := EligibilityOf(source.Object{Key: "README"}); got != Classifiable {
		t.Errorf("no extension: %v", got)
	}
	if got := EligibilityOf(source.Object{Key: "a.jpg", StorageClass: "GLACIER"}); got != ByStorageClass {
		t.Errorf("both: %v, want storage class", got)
	}
}

func TestCount(t *testing.T) {
	s := &memory.Store{}
	s.CreateBucket(source.Bucket{Name: "b"})
	put := func(key, class, encryption string, size int) {
		s.Put("b", source.Object{Key: key, StorageClass: class, Encryption: source.Encryption{Type: encryption}}, make([]byte, size))
	}
	put("a.csv", "", "AES256", 1)
	put("b.csv.gz", "STANDARD_IA", "aws:kms", 2)
	put("c.jpg", "", "aws:kms:dsse", 4)
	put("d.jpg", "GLACIER", "SSE-C", 8)
	put("e.zip", "DEEP_ARCHIVE", "NONE", 16)
	put("f", "", "", 32)
	put("closed/x", "", "", 64)
	s.Deny("b", "closed/")
	got, err := Count(t.Context(), s, "b", "")
	must(t, err)
	if got.FirstUnlisted == nil || got.FirstUnlisted.Kind != source.AccessDenied {
		t.Errorf("first unlisted: %v", got.FirstUnlisted)
	}
	got.FirstUnlisted = nil
	want := Counts{
		Amount:                     Amount{6, 63},
		Compressed:                 Amount{2, 18},
		Classifiable:               Amount{3, 35},
		UnclassifiableStorageClass: Amount{2, 24},
		UnclassifiableFileType:     Amount{1, 4},
		Encryption:                 EncryptionCounts{CustomerManaged: 1, KMSManaged: 2, S3Managed: 1, Unencrypted: 1, Unknown: 1},
		StorageClasses:             map[string]Amount{"STANDARD": {3, 37}, "STANDARD_IA": {1, 2}, "GLACIER": {1, 8}, "DEEP_ARCHIVE": {1, 16}},
		Extensions:                 map[string]Amount{"csv": {1, 1}, "gz": {1, 2}, "jpg": {2, 12}, "zip": {1, 16}, "": {1, 32}},
		Unlisted:                   1,
	}
	diff(t, "counts", want, got)

	got, err = Count(t.Context(), s, "b", "AES256")
	must(t, err)
	diff(t, "encryption with an assumption", EncryptionCounts{CustomerManaged: 1, KMSManaged: 2, S3Managed: 2, Unencrypted: 1}, got.Encryption)

	if _, err := Count(t.Context(), s, "none", ""); source.KindOf(err) != source.BucketNotFound {
		t.Errorf("a missing bucket: %v", err)
	}
	breaks := &sourcetest.Faulty{Driver: s, Fault: func(step, _, key string) error {
		if step == "item" && key == "b.csv.gz" {
			return sourcetest.ErrFault
		}
		return nil
	}}
	if got, err := Count(t.Context(), breaks, "b", ""); !errors.Is(err, sourcetest.ErrFault) || got.Objects != 1 {
		t.Errorf("a listing that breaks off: %d objects, %v", got.Objects, err)
	}
}

func TestCountIsBounded(t *testing.T) {
	s := &memory.Store{}
	s.CreateBucket(source.Bucket{Name: "b"})
	for i := range MaxExtensions + 10 {
		s.Put("b", source.Object{Key: fmt.Sprintf("x.e%d", i)}, []byte("1"))
	}
	s.Put("b", source.Object{Key: "x." + strings.Repeat("long", 20)}, []byte("1"))
	got, err := Count(t.Context(), s, "b", "")
	must(t, err)
	if len(got.Extensions) != MaxExtensions || got.OtherExtensions != (Amount{11, 11}) {
		t.Errorf("%d extensions and %v others", len(got.Extensions), got.OtherExtensions)
	}
}

func TestCountOfAStream(t *testing.T) {
	got, err := Count(t.Context(), folder.Stream("stdin", "-", strings.NewReader("x")), "stdin", "")
	must(t, err)
	if got.Amount != (Amount{1, 0}) || got.UnknownSizes != 1 {
		t.Errorf("counts of a stream: %+v", got)
	}
}
