package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/magpie-sec/magpie/internal/source"
)

var _ source.Writer = (*Store)(nil)

// PutObject implements source.Writer by one PutObject, which S3 makes visible as a whole. A compatible store that has not implemented SSE-KMS,
// or lacks encryption by its profile, stores the object as it stores all others. Compatible stores call their keys by plain names: one that
// does not know the key by its ARN is asked for that of the name at its end.
func (s *Store) PutObject(ctx context.Context, bucket, key string, body []byte, opts source.PutOptions) error {
	if !s.compatible() || opts.KMSKey == "" {
		return s.put(ctx, bucket, key, body, opts)
	}
	if slices.Contains(s.opts.Profile.Lacks, Encryption) {
		opts.KMSKey = ""
		return s.put(ctx, bucket, key, body, opts)
	}
	byARN, byName := opts.KMSKey, opts.KMSKey[strings.LastIndexByte(opts.KMSKey, '/')+1:]
	if s.keysByName.Load() {
		opts.KMSKey = byName
	}
	err := s.put(ctx, bucket, key, body, opts)
	if source.KindOf(err) == source.KeyUnavailable && opts.KMSKey != byName {
		opts.KMSKey = byName
		if err = s.put(ctx, bucket, key, body, opts); err == nil {
			s.keysByName.Store(true)
		}
	}
	var told *statusError
	switch {
	case errors.As(err, &told) && (told.code == "NotImplemented" || told.status == http.StatusNotImplemented):
		opts.KMSKey = ""
		return s.put(ctx, bucket, key, body, opts)
	case source.KindOf(err) == source.KeyUnavailable:
		s.keysByName.Store(false)
		return &source.Error{Kind: source.KeyUnavailable, Op: "write", Bucket: bucket, Key: key,
			Err: fmt.Errorf("the store has no key %s, nor %s that it could use (%w); name encryption under lacks in its profile to have objects stored as all others are", byARN, byName, told)}
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
