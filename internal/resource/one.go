package resource

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/source"
)

// One is what a source tells about one resource, and what of its account counts for a resource of the type, also for one that is yet to be.
type One struct {
	// Resource is nil if the source has none of the ARN.
	Resource *Resource
	// AccountBlock and Owner are those of the account's buckets.
	AccountBlock source.Fact[source.PublicAccessBlock]
	Owner        source.Fact[source.Owner]

	keys map[string]*Resource
}

// Key finds a KMS key by its id or ARN, nil if the source does not know it. It does not know aliases.
func (o *One) Key(name string) *Resource { return o.keys[name] }

// LoadOne reads what a source tells about the resource of a type and an ARN. Of a store it reads no more than that takes. It fails as Load
// does, and if there may be such a resource that a broken document hides.
func LoadOne(ctx context.Context, d source.Driver, opts inventory.Options, kind, name string) (One, error) {
	if configured, ok := source.As[source.Configured](d); ok {
		return loadBucket(ctx, d, configured, opts, kind, name)
	}
	e, err := Load(ctx, d, opts)
	if err != nil {
		return One{}, err
	}
	o := e.one(kind, name)
	if o.Resource == nil && e.Missing != "" {
		return One{}, fmt.Errorf("whether there is %s cannot be told: %s", name, e.Missing)
	}
	return o, nil
}

// one finds a resource of the estate.
func (e *Estate) one(kind, name string) One {
	o := One{keys: keys(e.Resources), AccountBlock: e.AccountBlock, Owner: source.Unknown[source.Owner]("no bucket tells the owner")}
	for i := range e.Resources {
		r := &e.Resources[i]
		if r.Type == Key { // also by the names that findings call it
			o.keys[r.ARN], o.keys[r.ARN[strings.LastIndexByte(r.ARN, '/')+1:]] = r, r
		}
		if r.Type == kind && r.ARN == name && o.Resource == nil {
			o.Resource = r
		}
		if r.Type == Bucket && o.Owner.State != source.StateKnown && r.Owner.State == source.StateKnown {
			o.Owner = r.Owner
		}
	}
	return o
}

// loadBucket asks a store about a bucket; it has nothing else. A bucket that is not there is owned by whoever owns the others.
func loadBucket(ctx context.Context, d source.Driver, from source.Configured, opts inventory.Options, kind, name string) (One, error) {
	if kind != Bucket {
		return One{}, nil
	}
	listed, err := d.Buckets(ctx)
	if err != nil {
		return One{}, err
	}
	o := One{AccountBlock: from.AccountPublicAccessBlock(ctx), Owner: source.Unknown[source.Owner]("no bucket tells the owner")}
	i := slices.IndexFunc(listed, func(b source.Bucket) bool { return arn.Bucket(arn.PartitionOf(opts.Region), b.Name).String() == name })
	read := i
	if i < 0 {
		read = 0
	}
	if len(listed) > 0 {
		inv := &inventory.Inventory{Account: opts.Account, Region: opts.Region, AccountPublicAccessBlock: o.AccountBlock}
		b := inventory.ReadBucket(ctx, from, listed[read], opts)
		o.Owner = b.Owner
		if i >= 0 && b.Err != nil && b.Err.Kind == source.Unavailable {
			return One{}, b.Err
		} else if i >= 0 {
			r := OfBucket(inv, &b)
			o.Resource = &r
		}
	}
	return o, ctx.Err()
}

// keys are the known keys by everything that others may call them.
func keys(resources []Resource) map[string]*Resource {
	all := map[string]*Resource{}
	for i := range resources {
		if resources[i].Type != Key {
			continue
		}
		key := resources[i]
		id := key.self()
		all[id], all[id[strings.LastIndexByte(id, '/')+1:]] = &key, &key
	}
	return all
}
