// Package inventory knows what there is to know about buckets: who owns them, how they are configured and guarded, and how much of what
// kind they hold. It states facts, each known, absent or unknown with a reason, and draws no verdicts from them.
package inventory

import (
	"context"
	"errors"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/magpie-sec/magpie/internal/source"
)

// Options are what a source cannot say about itself.
type Options struct {
	Account string // 12 digits; owns every bucket that is not said to be another's
	Region  string // of every bucket that is not said to be elsewhere
	// Parameters are values for the parameters of an estate's template.
	Parameters map[string]string
}

// Inventory is the state of one source.
type Inventory struct {
	Account string
	Region  string
	Buckets []Bucket // by name
	// AccountPublicAccessBlock is the account-wide public access block.
	AccountPublicAccessBlock source.Fact[source.PublicAccessBlock]
	// blocks are those of other accounts, as far as the source's own description tells of them; nil: it tells nothing.
	blocks func(account string) source.Fact[source.PublicAccessBlock]
	// Problems say what of the source's own description could not be used; facts that are unknown for it say so too.
	Problems []Problem
}

// A Problem is something wrong with a document that describes the source.
type Problem struct {
	Document string // template.yaml, config-items.json...
	Message  string // with the place in the document, where there is one
}

// String returns "document: message".
func (p Problem) String() string { return p.Document + ": " + p.Message }

// A Bucket is what is known about one bucket.
type Bucket struct {
	Name    string
	Account string
	// Stored says that the source lists the bucket. One that is only described (a resource of a template without a folder) holds no
	// objects that could be read.
	Stored bool
	// Err is why nothing could be asked about the bucket as a whole; its facts are then unknown.
	Err *source.Error
	source.Configuration
}

// Load reads the state of a source: its buckets, and their configuration from the source itself (source.Configured) or from the documents of
// an estate folder (source.Documented). It fails when the buckets cannot be listed or the context ends; whatever else goes wrong is an
// unknown fact, the Err of one bucket, or a Problem.
func Load(ctx context.Context, d source.Driver, opts Options) (*Inventory, error) {
	listed, err := d.Buckets(ctx)
	if err != nil {
		return nil, err
	}
	inv := &Inventory{Account: opts.Account, Region: opts.Region}
	buckets := map[string]Bucket{}
	configured, err := inv.describe(ctx, d, opts, buckets)
	if err != nil {
		return nil, err
	}
	told := map[string]source.Bucket{}
	for _, l := range listed {
		b := buckets[l.Name]
		b.Name, b.Stored = l.Name, true
		buckets[l.Name], told[l.Name] = b, l
	}
	inv.AccountPublicAccessBlock = configured.AccountPublicAccessBlock(ctx)
	inv.Buckets = make([]Bucket, 0, len(buckets)) // they are large
	for _, name := range slices.Sorted(maps.Keys(buckets)) {
		inv.Buckets = append(inv.Buckets, buckets[name])
	}
	var group errgroup.Group
	group.SetLimit(readingAtOnce)
	for i := range inv.Buckets {
		b := &inv.Buckets[i]
		if b.Account == "" {
			b.Account = opts.Account
		}
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			b.read(ctx, configured)
			b.fill(told[b.Name])
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return inv, ctx.Err()
}

// PublicAccessBlockOf is the account-wide public access block of the account that owns a bucket.
func (inv *Inventory) PublicAccessBlockOf(account string) source.Fact[source.PublicAccessBlock] {
	switch {
	case account == "" || account == inv.Account:
		return inv.AccountPublicAccessBlock
	case inv.blocks == nil:
		return source.Unknown[source.PublicAccessBlock]("the public access block of account " + account + " cannot be read from here")
	}
	return inv.blocks(account)
}

// ReadBucket reads the state of one bucket that a source has listed and is configured to tell about. What goes wrong is an unknown fact or the
// bucket's Err.
func ReadBucket(ctx context.Context, from source.Configured, listed source.Bucket, opts Options) Bucket {
	b := Bucket{Name: listed.Name, Account: opts.Account, Stored: true}
	b.read(ctx, from)
	b.fill(listed)
	return b
}

// readingAtOnce is of how many buckets the configuration is asked at a time: a store answers a dozen questions about each.
const readingAtOnce = 8

// describe finds who tells about the configuration of the source's buckets, and puts in the buckets that are known from the description.
func (inv *Inventory) describe(ctx context.Context, d source.Driver, opts Options, buckets map[string]Bucket) (source.Configured, error) {
	if configured, ok := source.As[source.Configured](d); ok {
		return configured, nil
	}
	documented, ok := source.As[source.Documented](d)
	if !ok {
		return silent{}, nil
	}
	estate, err := ReadEstate(ctx, documented, opts)
	if err != nil {
		return nil, err
	}
	inv.Problems, inv.blocks = estate.Problems, estate.PublicAccessBlockOf
	for name, b := range estate.buckets {
		buckets[name] = Bucket{Name: name, Account: b.account}
	}
	return estate, nil
}

// silent is a source that says nothing about its buckets.
type silent struct{}

const silence = "this source does not tell how its buckets are configured"

func (silent) Configuration(context.Context, string) (source.Configuration, error) {
	return unknownConfiguration(silence), nil
}

func (silent) AccountPublicAccessBlock(context.Context) source.Fact[source.PublicAccessBlock] {
	return source.Unknown[source.PublicAccessBlock](silence)
}

// read asks for the bucket's configuration.
func (b *Bucket) read(ctx context.Context, from source.Configured) {
	configuration, err := from.Configuration(ctx, b.Name)
	if err == nil {
		b.Configuration = configuration
		return
	}
	if !errors.As(err, &b.Err) {
		b.Err = &source.Error{Kind: source.KindOf(err), Op: "configuration", Bucket: b.Name, Err: err}
	}
	b.Configuration = unknownConfiguration(b.Err.Error())
}

// fill adds what the listing of the buckets told.
func (b *Bucket) fill(told source.Bucket) {
	if _, known := b.Region.Get(); !known && told.Region != "" {
		b.Region = source.Known(told.Region)
	}
	if _, known := b.Created.Get(); !known && !told.Created.IsZero() {
		b.Created = source.Known(told.Created)
	}
}

// unknownConfiguration is a configuration with every fact unknown for one reason.
func unknownConfiguration(reason string) (c source.Configuration) {
	c.Region.Reason, c.Created.Reason, c.Owner.Reason, c.Versioning.Reason = reason, reason, reason, reason
	c.Tags.Reason, c.Encryption.Reason, c.KMSKey.Reason, c.Policy.Reason = reason, reason, reason, reason
	c.ACL.Reason, c.PublicAccessBlock.Reason, c.Ownership.Reason, c.Replication.Reason = reason, reason, reason, reason
	return c
}
