package s3

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/magpie-sec/magpie/internal/source"
)

var _ source.Writer = (*Store)(nil)

// PutObject implements source.Writer by one PutObject, which S3 makes visible as a whole. A compatible store that has not implemented SSE-KMS
// stores the object as it stores all others.
func (s *Store) PutObject(ctx context.Context, bucket, key string, body []byte, opts source.PutOptions) error {
	err := s.put(ctx, bucket, key, body, opts)
	var told *statusError
	if opts.KMSKey != "" && s.compatible() && errors.As(err, &told) && (told.code == "NotImplemented" || told.status == http.StatusNotImplemented) {
		opts.KMSKey = ""
		return s.put(ctx, bucket, key, body, opts)
	}
	return err
}

func (s *Store) put(ctx context.Context, bucket, key string, body []byte, opts source.PutOptions) error {
	if !bucketName(bucket) {
		return &source.Error{Kind: source.BucketNotFound, Op: "write", Bucket: bucket, Key: key}
	}
	return s.ask(ctx, target{op: "write", bucket: bucket, key: key}, func(ctx context.Context) error {
		c, err := s.bucketClient(ctx, bucket)
		if err != nil {
			return err
		}
		in := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body), ContentLength: aws.Int64(int64(len(body)))}
		if opts.ContentType != "" {
			in.ContentType = &opts.ContentType
		}
		if opts.KMSKey != "" {
			in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, &opts.KMSKey
		}
		if opts.ExpectedOwner != "" {
			in.ExpectedBucketOwner = &opts.ExpectedOwner
		}
		_, err = c.PutObject(ctx, in)
		return err
	})
}
