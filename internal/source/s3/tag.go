package s3

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/magpie-sec/magpie/internal/source"
)

var _ source.Tagged = (*Store)(nil)

// ObjectTags implements source.Tagged. The objects of a compatible store that says that it has no tags have none.
func (s *Store) ObjectTags(ctx context.Context, bucket, key, versionID string) ([]source.Tag, error) {
	in := &s3.GetObjectTaggingInput{Bucket: &bucket, Key: &key}
	if versionID != "" {
		in.VersionId = &versionID
	}
	var tags []source.Tag
	err := s.ask(ctx, target{op: "read the tags", bucket: bucket, key: key, version: versionID != ""}, func(ctx context.Context) error {
		c, err := s.bucketClient(ctx, bucket)
		if err != nil {
			return err
		}
		out, err := c.GetObjectTagging(expecting(ctx, "Tagging"), in)
		if err != nil {
			return err
		}
		tags = nil
		for _, t := range out.TagSet {
			tags = append(tags, source.Tag{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value)})
		}
		return nil
	})
	var told *statusError
	if errors.As(err, &told) {
		switch {
		case told.code == "NoSuchTagSet", told.code == "NoSuchTagSetError":
			return nil, nil
		case s.compatible() && (told.code == "NotImplemented" || told.status == http.StatusNotImplemented):
			return nil, nil
		}
	}
	return tags, err
}
