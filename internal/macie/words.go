package macie

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/magpie-sec/magpie/internal/detect/allow"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// openWords opens the object of a list of words, which has to be in a source of the tenant.
func openWords(ctx context.Context, sources Sources, t store.Tenant, at *macie2.S3WordsList) (source.Reader, error) {
	driver, err := sources.find(ctx, t, *at.BucketName)
	if err != nil {
		return nil, err
	}
	r, err := driver.Open(ctx, *at.BucketName, *at.ObjectKey, source.OpenOptions{})
	if err != nil {
		return nil, err
	}
	if reason := unreadable(r.Object()); reason != "" {
		return nil, errors.Join(&source.Error{Kind: source.AccessDenied, Op: "open", Bucket: *at.BucketName, Key: *at.ObjectKey, Err: errors.New(reason)},
			r.Close())
	}
	return r, nil
}

// readWords reads a list of words and returns it with the digest of its object.
func readWords(ctx context.Context, sources Sources, t store.Tenant, at *macie2.S3WordsList) (*allow.List, []byte, error) {
	r, err := openWords(ctx, sources, t, at)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	digest := sha256.New()
	list, err := allow.Words(io.TeeReader(r, digest))
	return list, digest.Sum(nil), err
}

// readAllowed compiles what a list allows, and returns it with a digest of what it is made of.
func readAllowed(ctx context.Context, sources Sources, t store.Tenant, c *macie2.AllowListCriteria) (*allow.List, []byte, error) {
	if c.Regex == nil {
		return readWords(ctx, sources, t, c.S3WordsList)
	}
	list, err := allow.Regex(*c.Regex)
	sum := sha256.Sum256([]byte("regex\x00" + *c.Regex))
	return list, sum[:], err
}

// allowListStatus says whether a list can be used now (macie.md 2.4). Its error is for a request that has ended.
func (s *Service) allowListStatus(ctx context.Context, t store.Tenant, c *macie2.AllowListCriteria) (*macie2.AllowListStatus, error) {
	select { // lists may be large: only a few are read at a time
	case s.reading <- struct{}{}:
		defer func() { <-s.reading }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	_, _, err := readAllowed(ctx, s.cfg.Sources, t, c)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	code, text := allowListProblem(err)
	status := &macie2.AllowListStatus{Code: code}
	if text != "" {
		status.Description = wire.Ptr(text)
	}
	return status, nil
}

// readingLists is how many requests test the status of allow lists at a time.
const readingLists = 4

// allowListProblem says in the service's terms why a list cannot be used, and in words what to do.
func allowListProblem(err error) (macie2.AllowListStatusCode, string) {
	switch {
	case err == nil:
		return macie2.AllowListStatusCodeOk, ""
	case errors.Is(err, allow.ErrEmpty):
		return macie2.AllowListStatusCodeS3ObjectEmpty, "The object has no entries. Write one a line."
	case errors.Is(err, allow.ErrOversize):
		return macie2.AllowListStatusCodeS3ObjectOversize, "The object has too many entries or bytes. Split it, or leave entries out."
	}
	switch source.KindOf(err) {
	case source.BucketNotFound:
		return macie2.AllowListStatusCodeS3ObjectNotFound, "The bucket is not among those of the account."
	case source.NotFound, source.NotObject:
		return macie2.AllowListStatusCodeS3ObjectNotFound, "The bucket has no such object."
	case source.AccessDenied:
		return macie2.AllowListStatusCodeS3ObjectAccessDenied, "The object may not be read. Allow the server to read it."
	case source.Unavailable, source.Changed:
		return macie2.AllowListStatusCodeUnknownError, "The object cannot be read just now. Try again later."
	}
	var failed *source.Error
	if errors.As(err, &failed) {
		return macie2.AllowListStatusCodeUnknownError, "The object cannot be read."
	}
	return macie2.AllowListStatusCodeUnknownError, fmt.Sprintf("%v.", err)
}
