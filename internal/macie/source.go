package macie

import (
	"context"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
)

// Sources are the object stores of each tenant.
type Sources map[store.Tenant][]source.Driver

// find returns the first source that has a bucket. With one source it is that one: whether the bucket is there shows when it is listed.
func (s Sources) find(ctx context.Context, t store.Tenant, bucket string) (source.Driver, error) {
	drivers := s[t]
	if len(drivers) == 1 {
		return drivers[0], nil
	}
	var failed error
	for _, d := range drivers {
		buckets, err := d.Buckets(ctx)
		if err != nil {
			failed = err
			continue
		}
		for _, b := range buckets {
			if b.Name == bucket {
				return d, nil
			}
		}
	}
	if failed != nil {
		return nil, failed // the bucket may be in the source that cannot be asked
	}
	return nil, &source.Error{Kind: source.BucketNotFound, Op: "find", Bucket: bucket}
}
