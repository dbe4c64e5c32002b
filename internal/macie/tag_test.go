package macie

import (
	"fmt"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

func TestTags(t *testing.T) {
	w := newWorld(t)
	in := jobOver("token", "bucket")
	in.Tags = map[string]string{"team": "billing", "Ünï + -=._:/@": ""}
	id := w.create(in)
	resource := wire.Ptr(jobARN(home, id))
	tags := func() map[string]string {
		out, err := w.service.ListTagsForResource(w.ctx, &macie2.ListTagsForResourceInput{ResourceArn: resource})
		must(t, err)
		return out.Tags
	}
	put := func(tags map[string]string) error {
		_, err := w.service.TagResource(w.ctx, &macie2.TagResourceInput{ResourceArn: resource, Tags: tags})
		return err
	}
	remove := func(keys ...string) {
		_, err := w.service.UntagResource(w.ctx, &macie2.UntagResourceInput{ResourceArn: resource, TagKeys: keys})
		must(t, err)
	}
	equal(t, "tags of a new job", tags(), in.Tags)
	must(t, put(map[string]string{"team": "Billing", "Team": "other"}))
	remove("Ünï + -=._:/@", "never there")
	equal(t, "tags", tags(), map[string]string{"team": "Billing", "Team": "other"})
	equal(t, "tags of the job", w.describe(id).Tags, tags())
	remove("team", "Team")
	equal(t, "no tags", tags(), map[string]string{})
	if got := w.describe(id).Tags; got != nil {
		t.Errorf("the job has tags %v", got)
	}

	many := map[string]string{}
	for i := range 50 {
		many[fmt.Sprint("key ", i)] = strings.Repeat("ä", 256)
	}
	must(t, put(many))
	refused(t, put(map[string]string{"one more": ""}), wire.Quota, "at most 50 tags")
	equal(t, "tags after one too many", len(tags()), 50)
	many["one more"] = ""
	refused(t, put(many), wire.Validation, "at most 50")
	for what, tag := range map[string][2]string{
		"empty key":  {"", "x"},
		"long key":   {strings.Repeat("k", 129), "x"},
		"long value": {"k", strings.Repeat("v", 257)},
		"aws":        {"AWS:x", "x"},
		"key":        {"a*b", "x"},
		"value":      {"k", "a\nb"},
	} {
		t.Run(what, func(t *testing.T) { refused(t, put(map[string]string{tag[0]: tag[1]}), wire.Validation, "tag") })
	}
	for arn, kind := range map[string]wire.Kind{
		"nonsense": wire.Validation,
		jobARN(home, "00000000000000000000000000000000"): wire.NotFound,
		jobARN(other, id): wire.NotFound,
		strings.Replace(*resource, "classification-job", "teapot", 1): wire.NotFound,
		"arn:aws:s3:::bucket": wire.NotFound,
	} {
		_, err := w.service.TagResource(w.ctx, &macie2.TagResourceInput{ResourceArn: &arn, Tags: map[string]string{"a": "b"}})
		refused(t, err, kind, "")
	}
}
