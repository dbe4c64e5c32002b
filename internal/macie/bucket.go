package macie

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// bucketsPage is how many buckets a page has unless fewer are asked for.
const bucketsPage = 50

// refreshAfter is how old the inventory may be when DescribeBuckets is answered from it.
const refreshAfter = 5 * time.Minute

// unanalysed is the sensitivity score of a bucket of which nothing is known, and empty that of a bucket without objects.
const (
	scoreUnanalysed = 50
	scoreEmpty      = 1
)

// inventoryRefresh sees to it that the inventory of a tenant is read once at a time and not too often.
type inventoryRefresh struct {
	flights singleflight.Group
	mu      sync.Mutex
	read    map[store.Tenant]time.Time
}

func (r *inventoryRefresh) forget(t store.Tenant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.read, t)
}

func (r *inventoryRefresh) fresh(t store.Tenant, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.read[t]
	return ok && now.Sub(at) < refreshAfter
}

func (r *inventoryRefresh) done(t store.Tenant, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read == nil {
		r.read = map[store.Tenant]time.Time{}
	}
	r.read[t] = at
}

// refreshInventory reads the tenant's buckets from its sources and stores them, unless that was done just now. Requests that come
// meanwhile wait for the same reading.
func (s *Service) refreshInventory(ctx context.Context, t store.Tenant) error {
	if s.inventory.fresh(t, s.cfg.Now()) {
		return nil
	}
	flight := s.inventory.flights.DoChan(t.String(), func() (any, error) {
		// The reading goes on when the request that began it is given up: the next one wants it as well.
		ctx := context.WithoutCancel(ctx)
		began := s.cfg.Now()
		rows, err := s.readInventory(ctx, t)
		if err != nil {
			return nil, err
		}
		if err := s.cfg.DB.Update(ctx, func(tx store.Tx) error {
			if _, err := session(ctx, tx, t); err != nil {
				return err
			}
			return store.ReplaceBuckets(ctx, tx, t, rows)
		}); err != nil {
			return nil, err
		}
		s.inventory.done(t, began)
		return nil, nil
	})
	select {
	case result := <-flight:
		return result.Err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Service) readInventory(ctx context.Context, t store.Tenant) ([]store.Bucket, error) {
	var rows []store.Bucket
	seen := map[string]bool{}
	for _, driver := range s.cfg.Sources[t] {
		inv, err := inventory.Load(ctx, driver, inventory.Options{Account: t.Account, Region: t.Region})
		if err != nil {
			return nil, fmt.Errorf("read the inventory of %s: %w", t, err)
		}
		for _, p := range inv.Problems {
			s.cfg.Log.Warn("inventory: a document of the source cannot be used", "tenant", t.String(), "problem", p.String())
		}
		for i := range inv.Buckets {
			b := &inv.Buckets[i]
			if seen[b.Name] {
				s.cfg.Log.Warn("inventory: two sources have a bucket of this name; the first one counts", "tenant", t.String(), "bucket", b.Name)
				continue
			}
			seen[b.Name] = true
			var counts inventory.Counts
			if b.Stored && b.Err == nil {
				assumed, _ := b.Encryption.Get() // of an estate's files: they were uploaded without headers of their own
				if counts, err = inventory.Count(ctx, driver, b.Name, assumed); err != nil && !errors.As(err, &b.Err) {
					return nil, err
				}
			}
			doc := bucketMetadata(inv, b, s.now())
			if b.Stored && b.Err == nil {
				setCounts(doc, counts)
			}
			rows = append(rows, store.Bucket{Name: b.Name, UpdatedAt: int64(*doc.LastUpdated), Doc: wire.Marshal(doc)})
		}
	}
	return rows, nil
}

// bucketMetadata says of a bucket what its facts tell, all but counts of objects. What needs a verdict over policies is UNKNOWN in this
// version.
func bucketMetadata(inv *inventory.Inventory, b *inventory.Bucket, now wire.Time) *macie2.BucketMetadata {
	partition := arn.PartitionOf(inv.Region)
	m := &macie2.BucketMetadata{
		AccountId:   wire.Ptr(b.Account),
		BucketArn:   wire.Ptr(arn.Bucket(partition, b.Name).String()),
		BucketName:  wire.Ptr(b.Name),
		LastUpdated: wire.Ptr(now),
		Region:      wire.Ptr(inv.Region),
		Versioning:  wire.Ptr(false),

		AllowsUnencryptedObjectUploads:     macie2.AllowsUnencryptedObjectUploadsUnknown,
		AutomatedDiscoveryMonitoringStatus: macie2.AutomatedDiscoveryMonitoringStatusNotMonitored,
		PublicAccess:                       &macie2.BucketPublicAccess{EffectivePermission: macie2.EffectivePermissionUnknown},
		SensitivityScore:                   wire.Ptr[int64](scoreUnanalysed),
		SharedAccess:                       macie2.SharedAccessUnknown,
	}
	if region, ok := b.Region.Get(); ok {
		m.Region = wire.Ptr(region)
	}
	if created, ok := b.Created.Get(); ok {
		m.BucketCreatedAt = wire.PtrTime(created)
	}
	if b.Err != nil {
		if b.Err.Kind == source.AccessDenied {
			m.ErrorCode = macie2.BucketMetadataErrorCodeAccessDenied
		}
		m.ErrorMessage = wire.Ptr(b.Err.Error())
		return m
	}
	m.AllowsUnencryptedObjectUploads = allowsUnencryptedUploads(b)
	m.PublicAccess.PermissionConfiguration = permissions(inv, b)
	m.ReplicationDetails = replication(b)
	m.ServerSideEncryption = serverSideEncryption(b)
	if versioning, ok := b.Versioning.Get(); ok {
		m.Versioning = wire.Ptr(versioning)
	}
	tags, _ := b.Tags.Get()
	m.Tags = keyValues(tags)
	return m
}

func setCounts(m *macie2.BucketMetadata, n inventory.Counts) {
	m.ObjectCount, m.SizeInBytes = wire.Ptr(n.Objects), wire.Ptr(n.Bytes)
	m.SizeInBytesCompressed = wire.Ptr(n.Compressed.Bytes)
	m.ClassifiableObjectCount, m.ClassifiableSizeInBytes = wire.Ptr(n.Classifiable.Objects), wire.Ptr(n.Classifiable.Bytes)
	class, file := n.UnclassifiableStorageClass, n.UnclassifiableFileType
	m.UnclassifiableObjectCount = &macie2.ObjectLevelStatistics{
		FileType: wire.Ptr(file.Objects), StorageClass: wire.Ptr(class.Objects), Total: wire.Ptr(class.Objects + file.Objects),
	}
	m.UnclassifiableObjectSizeInBytes = &macie2.ObjectLevelStatistics{
		FileType: wire.Ptr(file.Bytes), StorageClass: wire.Ptr(class.Bytes), Total: wire.Ptr(class.Bytes + file.Bytes),
	}
	m.ObjectCountByEncryptionType = &macie2.ObjectCountByEncryptionType{
		CustomerManaged: wire.Ptr(n.Encryption.CustomerManaged), KmsManaged: wire.Ptr(n.Encryption.KMSManaged),
		S3Managed: wire.Ptr(n.Encryption.S3Managed), Unencrypted: wire.Ptr(n.Encryption.Unencrypted), Unknown: wire.Ptr(n.Encryption.Unknown),
	}
	if n.Objects == 0 {
		m.SensitivityScore = wire.Ptr[int64](scoreEmpty)
	}
}

// bucketFacts returns what a finding repeats of a bucket's metadata.
func bucketFacts(m *macie2.BucketMetadata) *macie2.S3Bucket {
	b := &macie2.S3Bucket{
		AllowsUnencryptedObjectUploads: m.AllowsUnencryptedObjectUploads,
		Arn:                            m.BucketArn,
		CreatedAt:                      m.BucketCreatedAt,
		Name:                           m.BucketName,
		PublicAccess:                   m.PublicAccess,
		Tags:                           m.Tags,
	}
	if e := m.ServerSideEncryption; e != nil {
		b.DefaultServerSideEncryption = &macie2.ServerSideEncryption{EncryptionType: macie2.EncryptionType(e.Type), KmsMasterKeyId: e.KmsMasterKeyId}
	}
	return b
}

// allowsUnencryptedUploads is TRUE without a bucket policy; what a policy forces, this version cannot tell.
func allowsUnencryptedUploads(b *inventory.Bucket) macie2.AllowsUnencryptedObjectUploads {
	if b.Policy.State == source.StateAbsent {
		return macie2.AllowsUnencryptedObjectUploadsTrue
	}
	return macie2.AllowsUnencryptedObjectUploadsUnknown
}

func permissions(inv *inventory.Inventory, b *inventory.Bucket) *macie2.BucketPermissionConfiguration {
	p := &macie2.BucketPermissionConfiguration{BucketLevelPermissions: &macie2.BucketLevelPermissions{}}
	if block := publicBlock(inv.AccountPublicAccessBlock); block != nil {
		p.AccountLevelPermissions = &macie2.AccountLevelPermissions{BlockPublicAccess: block}
	}
	p.BucketLevelPermissions.BlockPublicAccess = publicBlock(b.PublicAccessBlock)
	if grants, ok := b.ACL.Get(); ok {
		read, write := publicGrants(grants)
		p.BucketLevelPermissions.AccessControlList = &macie2.AccessControlList{
			AllowsPublicReadAccess: wire.Ptr(read), AllowsPublicWriteAccess: wire.Ptr(write),
		}
	}
	return p
}

// publicBlock shows a public access block; one that is not set blocks nothing, and of an unknown one nothing is shown.
func publicBlock(fact source.Fact[source.PublicAccessBlock]) *macie2.BlockPublicAccess {
	if fact.State == source.StateUnknown {
		return nil
	}
	block, _ := fact.Get()
	return &macie2.BlockPublicAccess{
		BlockPublicAcls: wire.Ptr(block.BlockPublicACLs), BlockPublicPolicy: wire.Ptr(block.BlockPublicPolicy),
		IgnorePublicAcls: wire.Ptr(block.IgnorePublicACLs), RestrictPublicBuckets: wire.Ptr(block.RestrictPublicBuckets),
	}
}

// publicGrants says whether the list grants reading or writing to everyone or to every AWS account (the two global groups of S3's ACLs).
func publicGrants(grants []source.Grant) (read, write bool) {
	const groups = "http://acs.amazonaws.com/groups/global/"
	for _, g := range grants {
		if g.Grantee != groups+"AllUsers" && g.Grantee != groups+"AuthenticatedUsers" {
			continue
		}
		full := g.Permission == "FULL_CONTROL"
		read = read || full || strings.HasPrefix(g.Permission, "READ")
		write = write || full || strings.HasPrefix(g.Permission, "WRITE")
	}
	return read, write
}

func replication(b *inventory.Bucket) *macie2.ReplicationDetails {
	if b.Replication.State == source.StateUnknown {
		return nil
	}
	rules, _ := b.Replication.Get()
	d := &macie2.ReplicationDetails{Replicated: wire.Ptr(false), ReplicatedExternally: wire.Ptr(false), ReplicationAccounts: []string{}}
	unknown := false // some destination's owner is not known
	for _, rule := range rules {
		if !rule.Enabled {
			continue
		}
		d.Replicated = wire.Ptr(true)
		account, ok := rule.Account.Get()
		if !ok {
			unknown = true
			continue
		}
		if !slices.Contains(d.ReplicationAccounts, account) {
			d.ReplicationAccounts = append(d.ReplicationAccounts, account)
		}
		if account != b.Account {
			d.ReplicatedExternally = wire.Ptr(true)
		}
	}
	if unknown && !*d.ReplicatedExternally {
		d.ReplicatedExternally = nil
	}
	return d
}

func serverSideEncryption(b *inventory.Bucket) *macie2.BucketServerSideEncryption {
	kind, ok := b.Encryption.Get()
	if !ok {
		return nil
	}
	out := &macie2.BucketServerSideEncryption{Type: macie2.Type(kind)}
	if key, ok := b.KMSKey.Get(); ok {
		out.KmsMasterKeyId = wire.Ptr(key)
	}
	return out
}

func keyValues(tags []source.Tag) []macie2.KeyValuePair {
	out := make([]macie2.KeyValuePair, 0, len(tags))
	for _, t := range tags {
		out = append(out, macie2.KeyValuePair{Key: wire.Ptr(t.Key), Value: wire.Ptr(t.Value)})
	}
	return out
}

// DescribeBuckets lists the buckets of the inventory that meet criteria.
func (s *Service) DescribeBuckets(ctx context.Context, in *macie2.DescribeBucketsInput) (*macie2.DescribeBucketsOutput, error) {
	match, err := bucketCriteria(in.Criteria)
	if err != nil {
		return nil, err
	}
	order, err := bucketOrder(in.SortCriteria)
	if err != nil {
		return nil, err
	}
	after, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in)
	if err != nil {
		return nil, err
	}
	if err := s.view(ctx, func(store.Tx, store.Tenant) error { return nil }); err != nil {
		return nil, err
	}
	if err := s.refreshInventory(ctx, tenant(ctx)); err != nil {
		return nil, err
	}
	var rows []store.Bucket
	if err := s.view(ctx, func(tx store.Tx, t store.Tenant) (err error) {
		rows, err = store.Buckets(ctx, tx, t)
		return err
	}); err != nil {
		return nil, err
	}
	buckets, err := matchingBuckets(rows, match)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(buckets, order)
	begin := pageBegin(buckets, after)
	size := pageSize(in.MaxResults, bucketsPage)
	out := &macie2.DescribeBucketsOutput{Buckets: []macie2.BucketMetadata{}}
	for _, b := range buckets[begin:min(begin+size, len(buckets))] {
		out.Buckets = append(out.Buckets, *b)
	}
	if begin+size < len(buckets) {
		out.NextToken = s.nextToken(ctx, in, fmt.Appendf(nil, "%d/%s", begin+size, *out.Buckets[size-1].BucketName))
	}
	return out, nil
}

// pageBegin returns where the page after a cursor begins. The cursor names the last bucket of the page before, which is looked for anew
// because buckets come and go; where it is gone, the place that the page after it had then.
func pageBegin(buckets []*macie2.BucketMetadata, cursor []byte) int {
	place, last, ok := strings.Cut(string(cursor), "/")
	if !ok {
		return 0
	}
	if i := slices.IndexFunc(buckets, func(b *macie2.BucketMetadata) bool { return *b.BucketName == last }); i >= 0 {
		return i + 1
	}
	n, _ := strconv.Atoi(place)
	return min(n, len(buckets))
}

func matchingBuckets(rows []store.Bucket, match bucketMatch) ([]*macie2.BucketMetadata, error) {
	var out []*macie2.BucketMetadata
	for _, row := range rows {
		var members map[string]any
		if err := json.Unmarshal(row.Doc, &members); err != nil {
			return nil, fmt.Errorf("the stored metadata of bucket %s are damaged: %w", row.Name, err)
		}
		if !match(members) {
			continue
		}
		m := &macie2.BucketMetadata{}
		if err := wire.Unmarshal(row.Doc, m); err != nil {
			return nil, fmt.Errorf("the stored metadata of bucket %s are damaged: %w", row.Name, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// bucketOrder returns the order that sortCriteria ask for, by name where it leaves two buckets equal.
func bucketOrder(in *macie2.BucketSortCriteria) (func(a, b *macie2.BucketMetadata) int, error) {
	number := func(get func(*macie2.BucketMetadata) *int64) func(a, b *macie2.BucketMetadata) int {
		return func(a, b *macie2.BucketMetadata) int { return cmp.Compare(wire.Value(get(a)), wire.Value(get(b))) }
	}
	byName := func(a, b *macie2.BucketMetadata) int { return strings.Compare(*a.BucketName, *b.BucketName) }
	orders := map[string]func(a, b *macie2.BucketMetadata) int{
		"":           byName,
		"bucketName": byName,
		"accountId": func(a, b *macie2.BucketMetadata) int {
			return strings.Compare(wire.Value(a.AccountId), wire.Value(b.AccountId))
		},
		"classifiableObjectCount": number(func(b *macie2.BucketMetadata) *int64 { return b.ClassifiableObjectCount }),
		"classifiableSizeInBytes": number(func(b *macie2.BucketMetadata) *int64 { return b.ClassifiableSizeInBytes }),
		"objectCount":             number(func(b *macie2.BucketMetadata) *int64 { return b.ObjectCount }),
		"sensitivityScore":        number(func(b *macie2.BucketMetadata) *int64 { return b.SensitivityScore }),
		"sizeInBytes":             number(func(b *macie2.BucketMetadata) *int64 { return b.SizeInBytes }),
	}
	if in == nil {
		return byName, nil
	}
	order, ok := orders[wire.Value(in.AttributeName)]
	if !ok {
		return nil, wire.Errorf(wire.Validation, "sortCriteria: buckets cannot be sorted by %q", wire.Value(in.AttributeName))
	}
	sign := 1
	if in.OrderBy == macie2.OrderByDesc {
		sign = -1
	}
	return func(a, b *macie2.BucketMetadata) int { return cmp.Or(sign*order(a, b), byName(a, b)) }, nil
}
