package macie

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
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

// An observation is what one reading tells of a bucket.
type observation struct {
	doc     *macie2.BucketMetadata // without what depends on other things than the bucket: jobs, automated discovery, the time of the reading
	state   bucketState
	posture resource.Posture // zero if the bucket cannot be read
	guard   *guard           // nil if the bucket cannot be read
	counted bool             // its objects were counted
}

// A bucketState is what the service keeps of a bucket beside its metadata.
type bucketState struct {
	Owner *bucketOwner `json:"owner,omitempty"`
	Guard *guard       `json:"guard,omitempty"` // the baseline of policy findings; nil: not seen yet
	// Unexplained are the changes of which nobody has told yet who made them.
	Unexplained map[macie2.FindingType]unexplained `json:"unexplained,omitempty"`
}

type bucketOwner struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName,omitempty"`
}

// observe says of a bucket what its facts tell, all but counts of objects. accounts finds the account of a bucket by its name.
func observe(inv *inventory.Inventory, b *inventory.Bucket, accounts func(bucket string) (string, bool)) *observation {
	partition := arn.PartitionOf(inv.Region)
	m := &macie2.BucketMetadata{
		AccountId:  wire.Ptr(b.Account),
		BucketArn:  wire.Ptr(arn.Bucket(partition, b.Name).String()),
		BucketName: wire.Ptr(b.Name),
		Region:     wire.Ptr(inv.Region),
		Versioning: wire.Ptr(false),

		AllowsUnencryptedObjectUploads: macie2.AllowsUnencryptedObjectUploadsUnknown,
		PublicAccess:                   &macie2.BucketPublicAccess{EffectivePermission: macie2.EffectivePermissionUnknown},
		SharedAccess:                   macie2.SharedAccessUnknown,
	}
	if region, ok := b.Region.Get(); ok {
		m.Region = wire.Ptr(region)
	}
	if created, ok := b.Created.Get(); ok {
		m.BucketCreatedAt = wire.PtrTime(created)
	}
	o := &observation{doc: m}
	if owner, ok := b.Owner.Get(); ok {
		o.state.Owner = &bucketOwner{ID: owner.ID, DisplayName: owner.DisplayName}
	}
	if b.Err != nil {
		if b.Err.Kind == source.AccessDenied {
			m.ErrorCode = macie2.BucketMetadataErrorCodeAccessDenied
		}
		m.ErrorMessage = wire.Ptr("The bucket cannot be read: " + b.Err.Kind.String() + ".") // the log has the cause
		return o
	}
	guarded := resource.OfBucket(inv, b)
	o.posture = resource.PostureOf(&guarded, reach.Zone{Account: b.Account})
	m.AllowsUnencryptedObjectUploads = macie2.AllowsUnencryptedObjectUploads(o.posture.PlainUploads)
	m.PublicAccess.PermissionConfiguration = permissions(inv, b, &o.posture)
	m.PublicAccess.EffectivePermission = macie2.EffectivePermission(o.posture.Permission)
	m.SharedAccess = macie2.SharedAccess(o.posture.Sharing)
	if m.PublicAccess.EffectivePermission == macie2.EffectivePermissionUnknown || m.SharedAccess == macie2.SharedAccessUnknown {
		m.ErrorMessage = wire.Ptr(accessUnknown + cmp.Or(unknownFacts(inv, b), "its policy cannot be decided") + ".")
	}
	m.ReplicationDetails = replication(b, accounts)
	m.ServerSideEncryption = serverSideEncryption(b)
	if versioning, ok := b.Versioning.Get(); ok {
		m.Versioning = wire.Ptr(versioning)
	}
	tags, _ := b.Tags.Get()
	m.Tags = keyValues(tags)
	seen := guardOf(inv, b, &o.posture, m.ReplicationDetails)
	o.guard = &seen
	return o
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
	if n.Unlisted > 0 {
		_, access := messages(m)
		setMessages(m, fmt.Sprintf("The counts fall short: %d keys or prefixes could not be listed: %s.", n.Unlisted, n.FirstUnlisted.Kind), access)
	}
}

// accessUnknown begins what the message of a bucket says of its access, behind what it says of its objects.
const accessUnknown = "Who has access cannot be told: "

// messages returns what the message of a bucket says of its objects and of its access.
func messages(m *macie2.BucketMetadata) (objects, access string) {
	text := wire.Value(m.ErrorMessage)
	if i := strings.Index(text, accessUnknown); i >= 0 {
		return strings.TrimSuffix(text[:i], " "), text[i:]
	}
	return text, ""
}

func setMessages(m *macie2.BucketMetadata, objects, access string) {
	m.ErrorMessage = nil
	if text := strings.TrimSpace(objects + " " + access); text != "" {
		m.ErrorMessage = &text
	}
}

// keepCounts takes over the counts of an earlier reading.
func keepCounts(m, earlier *macie2.BucketMetadata) {
	m.ObjectCount, m.SizeInBytes, m.SizeInBytesCompressed = earlier.ObjectCount, earlier.SizeInBytes, earlier.SizeInBytesCompressed
	m.ClassifiableObjectCount, m.ClassifiableSizeInBytes = earlier.ClassifiableObjectCount, earlier.ClassifiableSizeInBytes
	m.UnclassifiableObjectCount, m.UnclassifiableObjectSizeInBytes = earlier.UnclassifiableObjectCount, earlier.UnclassifiableObjectSizeInBytes
	m.ObjectCountByEncryptionType = earlier.ObjectCountByEncryptionType
	if earlier.ErrorCode == "" {
		_, access := messages(m)
		objects, _ := messages(earlier)
		setMessages(m, objects, access)
	}
}

// baseScore is the sensitivity of a bucket in which nothing was looked for: one without bytes is known to hold nothing.
func baseScore(m *macie2.BucketMetadata) int64 {
	if m.ObjectCount != nil && wire.Value(m.SizeInBytes) == 0 {
		return scoreEmpty
	}
	return scoreUnanalysed
}

// bucketFacts returns what a finding repeats of a bucket.
func bucketFacts(m *macie2.BucketMetadata, state *bucketState) *macie2.S3Bucket {
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
	if o := state.Owner; o != nil {
		b.Owner = &macie2.S3BucketOwner{Id: wire.Ptr(o.ID)}
		if o.DisplayName != "" {
			b.Owner.DisplayName = wire.Ptr(o.DisplayName)
		}
	}
	return b
}

// readBucketRow takes a stored bucket apart.
func readBucketRow(row *store.Bucket) (*macie2.BucketMetadata, *bucketState, error) {
	m, state := &macie2.BucketMetadata{}, &bucketState{}
	if err := wire.Unmarshal(row.Doc, m); err != nil {
		return nil, nil, fmt.Errorf("the stored metadata of bucket %s are damaged: %w", row.Name, err)
	}
	if len(row.State) > 0 {
		if err := json.Unmarshal(row.State, state); err != nil {
			return nil, nil, fmt.Errorf("the stored state of bucket %s is damaged: %w", row.Name, err)
		}
	}
	return m, state, nil
}

func permissions(inv *inventory.Inventory, b *inventory.Bucket, posture *resource.Posture) *macie2.BucketPermissionConfiguration {
	p := &macie2.BucketPermissionConfiguration{BucketLevelPermissions: &macie2.BucketLevelPermissions{}}
	if block := publicBlock(inv.PublicAccessBlockOf(b.Account)); block != nil {
		p.AccountLevelPermissions = &macie2.AccountLevelPermissions{BlockPublicAccess: block}
	}
	p.BucketLevelPermissions.BlockPublicAccess = publicBlock(b.PublicAccessBlock)
	if _, ok := b.ACL.Get(); ok {
		p.BucketLevelPermissions.AccessControlList = &macie2.AccessControlList{
			AllowsPublicReadAccess: known(posture.ACLReads), AllowsPublicWriteAccess: known(posture.ACLWrites),
		}
	}
	if _, ok := b.Policy.Get(); ok {
		p.BucketLevelPermissions.BucketPolicy = &macie2.BucketPolicy{
			AllowsPublicReadAccess: known(posture.PolicyReads), AllowsPublicWriteAccess: known(posture.PolicyWrites),
		}
	}
	return p
}

// known is an answer as a boolean, nil if there is none.
func known(a resource.Answer) *bool {
	if a != resource.Yes && a != resource.No {
		return nil
	}
	return wire.Ptr(a == resource.Yes)
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

// replication says whether and to whom a bucket is replicated. A rule names the account of its destination only if it changes the owner of the
// copies; otherwise it is the account of the bucket of that name, if the inventory has it.
func replication(b *inventory.Bucket, accounts func(bucket string) (string, bool)) *macie2.ReplicationDetails {
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
		if to, named := rule.Bucket.Get(); !ok && named {
			account, ok = accounts(to[strings.LastIndexByte(to, ':')+1:])
		}
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
	slices.Sort(d.ReplicationAccounts)
	if unknown && !*d.ReplicatedExternally {
		d.ReplicatedExternally = nil
	}
	return d
}

func serverSideEncryption(b *inventory.Bucket) *macie2.BucketServerSideEncryption {
	kind, ok := b.Encryption.Get()
	if b.Encryption.State == source.StateAbsent {
		kind, ok = string(macie2.TypeNone), true
	}
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
