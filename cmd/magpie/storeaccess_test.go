package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
)

// TestAccessOfAStore asks who reaches the buckets of a store that has no public access blocks: an open bucket, a closed one, one that cannot be
// asked.
func TestAccessOfAStore(t *testing.T) {
	b := s3test.Start(t)
	setStoreKeys(t)
	for _, name := range []string{"open", "closed", "sealed"} {
		b.CreateBucket(t, name)
	}
	b.Configure("open", source.Configuration{Policy: source.Known(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::open/*"}]}`)})
	b.On(s3test.Rule{Op: "GetBucketPolicy", Bucket: "sealed", Do: s3test.AccessDenied})
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"access", "--format", "json", "s3+" + b.URL}, stdio{strings.NewReader(""), &out, &errs})
	for _, want := range []string{
		`"principal":{"AWS":"*"},"action":["s3:GetObject"],"resource":"arn:aws:s3:::open","isPublic":true`,
		`"resource":"arn:aws:s3:::sealed"`, `"error":"ACCESS_DENIED"`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the findings lack %s:\n%s", want, out.String())
		}
	}
	if code != exitIncomplete || strings.Contains(out.String(), "closed") || !strings.Contains(errs.String(), "sealed: bucket policy: AccessDenied") {
		t.Errorf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
}
