package source

import "context"

// A Writer is the power to write objects, which only the results of jobs are written with: nothing else in the program asks for it.
type Writer interface {
	// PutObject stores an object under a key of an existing bucket, in the place of one that is there. Whoever reads the key finds the whole
	// object or what was there before, never a part. When it returns nil the object is durable as far as the store promises it.
	//
	// It fails with BucketNotFound, AccessDenied (also if the bucket is another's than ExpectedOwner), KeyUnavailable, Unavailable or Other.
	// After an error the object may be there or not.
	PutObject(ctx context.Context, bucket, key string, body []byte, opts PutOptions) error
}

// PutOptions say how an object is stored. The zero value leaves it to the store.
type PutOptions struct {
	ContentType string
	// KMSKey is the ARN of the KMS key with which the store encrypts the object (SSE-KMS); "" for what the bucket does by default. Stores that
	// know no such encryption pass it over.
	KMSKey string
	// ExpectedOwner is the account that has to own the bucket, where the store knows; "" for any.
	ExpectedOwner string
}
