package resource

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
)

// A shop is a store with buckets that tells how they are configured.
type shop struct {
	buckets map[string]source.Configuration
	names   []string
	err     error
	asked   []string
}

func (s *shop) Buckets(context.Context) (list []source.Bucket, err error) {
	for _, n := range s.names {
		list = append(list, source.Bucket{Name: n})
	}
	return list, s.err
}

func (s *shop) List(context.Context, string, source.ListOptions) iter.Seq2[source.Item, error] {
	return nil
}

func (s *shop) Open(context.Context, string, string, source.OpenOptions) (source.Reader, error) {
	return nil, errors.ErrUnsupported
}

func (s *shop) Configuration(_ context.Context, bucket string) (source.Configuration, error) {
	s.asked = append(s.asked, bucket)
	if bucket == "away" {
		return source.Configuration{}, &source.Error{Kind: source.Unavailable}
	}
	return s.buckets[bucket], nil
}

func (s *shop) AccountPublicAccessBlock(context.Context) source.Fact[source.PublicAccessBlock] {
	return source.Known(source.PublicAccessBlock{IgnorePublicACLs: true})
}

func TestLoadOneOfStore(t *testing.T) {
	owned := source.Configuration{Owner: source.Known(source.Owner{ID: "c0ffee"}), Policy: source.Known("{}"), Region: source.Known("us-east-1")}
	s := &shop{names: []string{"a", "b", "c"}, buckets: map[string]source.Configuration{"a": owned, "b": {Policy: source.Absent[string]("")}}}
	load := func(kind, name string) One {
		t.Helper()
		s.asked = nil
		o, err := LoadOne(t.Context(), s, testOptions, kind, name)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	if o := load(Bucket, "arn:aws:s3:::b"); o.Resource == nil || o.Resource.ARN != "arn:aws:s3:::b" || o.Resource.Policy.State != source.StateAbsent ||
		o.Resource.Account != testOptions.Account || !o.Resource.AccountBlock.Value.IgnorePublicACLs || len(s.asked) != 1 {
		t.Errorf("an existing bucket: %+v, asked %v", o.Resource, s.asked)
	}
	if o := load(Bucket, "arn:aws:s3:::new"); o.Resource != nil || o.Owner.Value.ID != "c0ffee" || !o.AccountBlock.Value.IgnorePublicACLs || len(s.asked) != 1 {
		t.Errorf("a new bucket: %+v, asked %v", o, s.asked)
	}
	if o := load(Queue, "arn:aws:sqs:eu-west-1:111122223333:q"); o.Resource != nil || o.Key("k") != nil || len(s.asked) != 0 {
		t.Errorf("a queue: %+v, asked %v", o, s.asked)
	}
	s.names = []string{"away"}
	if _, err := LoadOne(t.Context(), s, testOptions, Bucket, "arn:aws:s3:::away"); err == nil {
		t.Error("a bucket that does not answer")
	}
	if o := load(Bucket, "arn:aws:s3:::new"); o.Resource != nil || o.Owner.State != source.StateUnknown {
		t.Errorf("another one that does not: %+v", o)
	}
	s.names = nil
	if o := load(Bucket, "arn:aws:s3:::new"); o.Resource != nil || o.Owner.State != source.StateUnknown {
		t.Errorf("no buckets: %+v", o)
	}
	s.err = &source.Error{Kind: source.Unavailable}
	if _, err := LoadOne(t.Context(), s, testOptions, Bucket, "arn:aws:s3:::a"); err == nil {
		t.Error("no error")
	}
}

func TestOneOfEstate(t *testing.T) {
	e := Read(inventory.Documents{TemplateName: "template.yaml", Template: []byte(`Resources:
  Seal: {Type: AWS::KMS::Key}
  Alarms: {Type: AWS::SNS::Topic, Properties: {TopicName: alarms}}
`), ConfigItems: []byte(`[{"resourceType": "AWS::S3::AccountPublicAccessBlock", "resourceId": "111122223333", "configuration": {"ignorePublicAcls": true}},
  {"resourceType": "AWS::S3::Bucket", "resourceId": "a", "resourceName": "a", "configuration": {"name": "a"}, "supplementaryConfiguration": {}},
  {"resourceType": "AWS::S3::Bucket", "resourceId": "b", "resourceName": "b", "configuration": {"name": "b", "owner": {"id": "c0ffee"}}, "supplementaryConfiguration": {}}]`)}, testOptions)
	o := e.one(Topic, "arn:aws:sns:eu-west-1:111122223333:alarms")
	if o.Resource == nil || o.Resource.Type != Topic || o.Owner.Value.ID != "c0ffee" || !o.AccountBlock.Value.IgnorePublicACLs {
		t.Errorf("%+v", o)
	}
	for _, name := range []string{"Seal", "arn:aws:kms:eu-west-1:111122223333:key/Seal"} {
		if k := o.Key(name); k == nil || k.Type != Key {
			t.Errorf("no key %s", name)
		}
	}
	if o.Key("alarms") != nil || e.one(Queue, "arn:aws:sns:eu-west-1:111122223333:alarms").Resource != nil {
		t.Error("another type")
	}
	if o := (&Estate{}).one(Bucket, "arn:aws:s3:::a"); o.Resource != nil || o.Owner.State != source.StateUnknown || o.AccountBlock.State != source.StateUnknown {
		t.Errorf("%+v", o)
	}
}

// A broken document hides what there may be.
func TestLoadOneOfBrokenEstate(t *testing.T) {
	dir := t.TempDir()
	load := func(template string) (One, error) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "template.yaml"), []byte(template), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := folder.Estate(dir)
		if err != nil {
			t.Fatal(err)
		}
		return LoadOne(t.Context(), d, testOptions, Topic, "arn:aws:sns:eu-west-1:111122223333:alarms")
	}
	if o, err := load("Resources: {Alarms: {Type: AWS::SNS::Topic, Properties: {TopicName: alarms}}}"); err != nil || o.Resource == nil {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err := load("Resources: {Seal: {Type: AWS::KMS::Key}}"); err != nil || o.Resource != nil {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := load("Resources: {Alarms: "); err == nil || !strings.Contains(err.Error(), "template.yaml") {
		t.Error(err)
	}
}
