package s3_test

import (
	"fmt"
	"testing"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
)

// TestObjectTags reads tags of a real server, and what it means if they cannot be read.
func TestObjectTags(t *testing.T) {
	d := onBench(t, nil)
	d.bench.CreateBucket(t, "bucket")
	d.bench.Put(t, "bucket", "tagged", "x", "X-Amz-Tagging", "Team=red&Stage=")
	d.bench.Put(t, "bucket", "plain", "x")
	tags := func(key string) string {
		t.Helper()
		got, err := d.ObjectTags(t.Context(), "bucket", key, "")
		if err != nil {
			t.Fatal(err)
		}
		byKey := map[string]string{}
		for _, tag := range got {
			byKey[tag.Key] = tag.Value
		}
		return fmt.Sprint(byKey)
	}
	if got := tags("tagged"); got != "map[Stage: Team:red]" {
		t.Errorf("tags %s", got)
	}
	if got := tags("plain"); got != "map[]" {
		t.Errorf("tags of an object without: %s", got)
	}
	_, err := d.ObjectTags(t.Context(), "bucket", "gone", "")
	if source.KindOf(err) != source.NotFound {
		t.Errorf("of an object that is not there: %v", err)
	}
	d.bench.On(s3test.Rule{Op: "GetObjectTagging", Bucket: "bucket", Do: s3test.AccessDenied})
	_, err = d.ObjectTags(t.Context(), "bucket", "tagged", "")
	if source.KindOf(err) != source.AccessDenied {
		t.Errorf("refused: %v", err)
	}
}
