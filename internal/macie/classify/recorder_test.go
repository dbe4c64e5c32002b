package classify

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// TestRecorder compares the two ways of writing a record, and of keeping a document, of objects of every format and of all sorts of names and buckets.
func TestRecorder(t *testing.T) {
	c := newClassifier(t)
	var r Recorder
	check := func(d *Document, s Subject) {
		t.Helper()
		want, err := d.Record(s)
		must(t, err)
		for range 2 { // with what is remembered of the bucket, too
			got, err := r.Record(d, s)
			must(t, err)
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", s, diff)
			}
		}
		kept, err := d.Keep()
		must(t, err)
		marshalled, err := json.Marshal(d.kept(MaxFindingLocations))
		must(t, err)
		if string(kept) != string(marshalled) {
			t.Errorf("kept: %s, want %s", kept, marshalled)
		}
	}
	for name, body := range objects(t) {
		d, err := c.Classify(t.Context(), object(name, body), func(member Document) error {
			check(&member, subject(name, body))
			return nil
		})
		must(t, err)
		check(&d, subject(name, body))
	}
	odd := []string{"", "plain", `quo"te\`, "a<b>&c", "tab\t\x00", "é\u2028", "\xff", strings.Repeat("long", 1000), "\x7f"}
	for _, text := range odd {
		d := &Document{Document: extract.Document{MIME: text}, Status: extract.Result{Code: extract.Code(text), Reason: extract.Reason(text), Bytes: -1}}
		check(d, Subject{})
		check(d, Subject{Bucket: &macie2.S3Bucket{}, Object: &macie2.S3Object{Key: wire.Ptr("k")}})
		check(d, Subject{Automated: true, Bucket: &macie2.S3Bucket{}, Object: &macie2.S3Object{Key: wire.Ptr(text), VersionId: wire.Ptr(text)}})
		o := source.Object{Key: text, ETag: text, VersionID: text, StorageClass: text, Size: -1}
		o.Encryption.Type, o.Encryption.KMSKeyID = "aws:kms", text
		s := Subject{ID: text, Account: text, Region: text, Partition: text, Location: text, JobARN: text, JobID: text, Now: wire.TimeOf(time.Unix(1, 1e6)),
			Bucket: &macie2.S3Bucket{Name: wire.Ptr(text), AllowsUnencryptedObjectUploads: macie2.AllowsUnencryptedObjectUploadsTrue},
			Object: S3Object("aws", text, o)}
		check(d, s)
		s.Bucket = &macie2.S3Bucket{Name: wire.Ptr("bucket")}
		check(d, s)
	}
}
