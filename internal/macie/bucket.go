package macie

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// bucketsPage is how many buckets a page has unless fewer are asked for.
const bucketsPage = 50

// Sensitivity scores of a bucket in which nothing was looked for yet, and of one without objects (macie.md 6.1).
const (
	scoreUnanalysed = 50
	scoreEmpty      = 1
)

// bucketMetadata says of a bucket what its facts tell, all but counts of objects.
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
		m.ErrorMessage = wire.Ptr("The bucket cannot be read: " + b.Err.Kind.String() + ".") // the log has the cause
		return m
	}
	m.AllowsUnencryptedObjectUploads = allowsUnencryptedUploads(b)
	m.PublicAccess.PermissionConfiguration = permissions(inv, b)
	guarded := resource.OfBucket(inv, b)
	m.PublicAccess.EffectivePermission = macie2.EffectivePermission(resource.EffectivePermission(&guarded))
	m.SharedAccess = macie2.SharedAccess(resource.SharedAccess(&guarded, reach.Zone{Account: b.Account}))
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
	size, err := pageSize(in.MaxResults, bucketsPage)
	if err != nil {
		return nil, err
	}
	after, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in)
	if err != nil {
		return nil, err
	}
	buckets, err := s.buckets(ctx, match)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(buckets, order)
	begin := pageBegin(buckets, after)
	out := &macie2.DescribeBucketsOutput{Buckets: []macie2.BucketMetadata{}}
	for _, b := range buckets[begin:min(begin+size, len(buckets))] {
		out.Buckets = append(out.Buckets, *b)
	}
	if begin+size < len(buckets) {
		out.NextToken = s.nextToken(ctx, in, fmt.Appendf(nil, "%d/%s", begin+size, *out.Buckets[size-1].BucketName))
	}
	return out, nil
}

// buckets returns the buckets that match, after reading the inventory if that was not done just now.
func (s *Service) buckets(ctx context.Context, match bucketMatch) ([]*macie2.BucketMetadata, error) {
	var since store.Session
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) (err error) {
		since, err = session(ctx, tx, t)
		return err
	})
	if err != nil {
		return nil, err
	}
	stale := s.refreshInventory(ctx, tenant(ctx), since)
	var rows []store.Bucket
	var jobs map[string]*macie2.JobDetails
	if err := s.view(ctx, func(tx store.Tx, t store.Tenant) (err error) {
		if rows, err = store.Buckets(ctx, tx, t); err != nil {
			return err
		}
		jobs, err = jobsOfBuckets(ctx, tx, t)
		return err
	}); err != nil {
		return nil, err
	}
	if stale != nil {
		if len(rows) == 0 || ctx.Err() != nil {
			return nil, stale
		}
		s.cfg.Log.Warn("inventory: cannot be read now; answering with what was read before", "tenant", tenant(ctx).String(), "error", stale.Error())
	}
	return matchingBuckets(rows, jobs, match)
}

// jobsOfBuckets says which buckets are named in jobs that are not cancelled (macie.md 6.6).
func jobsOfBuckets(ctx context.Context, tx store.Tx, t store.Tenant) (map[string]*macie2.JobDetails, error) {
	details := map[string]*macie2.JobDetails{}
	cancelled := store.JobTerm{Key: string(macie2.ListJobsFilterKeyJobStatus), Comparator: string(macie2.JobComparatorEq),
		Values: []string{string(macie2.JobStatusCancelled)}}
	query := store.JobQuery{Excludes: []store.JobTerm{cancelled}, Limit: 1000}
	for {
		rows, next, err := store.ListJobs(ctx, tx, t, query) // oldest first: the last one that names a bucket stays
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			in := &macie2.CreateClassificationJobInput{}
			if err := wire.Unmarshal(row.Doc, in); err != nil {
				return nil, fmt.Errorf("job %s is damaged: %w", row.ID, err)
			}
			for _, shard := range bucketShards(in) {
				details[shard.Bucket] = &macie2.JobDetails{
					IsDefinedInJob: macie2.IsDefinedInJobTrue, IsMonitoredByJob: macie2.IsMonitoredByJobFalse,
					LastJobId: wire.Ptr(row.ID), LastJobRunTime: (*wire.Time)(row.LastRunAt),
				}
			}
		}
		if query.After = next; next == nil {
			return details, nil
		}
	}
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

func matchingBuckets(rows []store.Bucket, jobs map[string]*macie2.JobDetails, match bucketMatch) ([]*macie2.BucketMetadata, error) {
	var out []*macie2.BucketMetadata
	for _, row := range rows {
		m := &macie2.BucketMetadata{}
		if err := wire.Unmarshal(row.Doc, m); err != nil {
			return nil, fmt.Errorf("the stored metadata of bucket %s are damaged: %w", row.Name, err)
		}
		if m.JobDetails = jobs[row.Name]; m.JobDetails == nil {
			m.JobDetails = &macie2.JobDetails{IsDefinedInJob: macie2.IsDefinedInJobFalse, IsMonitoredByJob: macie2.IsMonitoredByJobFalse}
		}
		ok, err := match(m)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, m)
		}
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
