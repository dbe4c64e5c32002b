package macie

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/publish"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// A guard is what policy findings compare of a bucket between two readings. The same type serves as what a reading tells, where "" and Unknown
// stand for what it could not tell, and as the baseline, where they stand for what no reading has told yet.
type guard struct {
	BlocksOff  resource.Answer `json:"blocksOff,omitempty"`  // all four switches of the bucket's own public access block
	Encryption string          `json:"encryption,omitempty"` // the default; NONE, AES256...
	Public     resource.Answer `json:"public,omitempty"`     // effectivePermission
	CloudFront resource.Answer `json:"cloudFront,omitempty"`
	Outside    parties         `json:"outside"`    // whom policy and ACL share with
	Replicated parties         `json:"replicated"` // accounts that own copies

	// What tells which call has made the difference.
	PolicyPublic resource.Answer `json:"policyPublic,omitempty"` // the policy by itself
	ACLPublic    resource.Answer `json:"aclPublic,omitempty"`
	Policy       string          `json:"policy,omitempty"` // digests; "absent"
	ACL          string          `json:"acl,omitempty"`
	Block        string          `json:"block,omitempty"`
	AccountBlock string          `json:"accountBlock,omitempty"`
	Ownership    string          `json:"ownership,omitempty"`
}

// Parties are accounts, canonical ids and providers outside the account.
type parties struct {
	Known bool     `json:"known,omitempty"` // of a reading: these are all
	List  []string `json:"list,omitempty"`  // in order
}

// guardOf takes what is compared out of what a reading tells.
func guardOf(inv *inventory.Inventory, b *inventory.Bucket, posture *resource.Posture, replication *macie2.ReplicationDetails) guard {
	g := guard{
		CloudFront: posture.CloudFront, Public: answerOf(posture.Permission),
		PolicyPublic: either(posture.PolicyReads, posture.PolicyWrites), ACLPublic: either(posture.ACLReads, posture.ACLWrites),
		Policy: digestOf(b.Policy), ACL: digestOf(b.ACL), Block: digestOf(b.PublicAccessBlock),
		AccountBlock: digestOf(inv.PublicAccessBlockOf(b.Account)), Ownership: digestOf(b.Ownership),
	}
	if b.PublicAccessBlock.State != source.StateUnknown {
		block, _ := b.PublicAccessBlock.Get()
		g.BlocksOff = resource.No
		if block == (source.PublicAccessBlock{}) {
			g.BlocksOff = resource.Yes
		}
	}
	if e := serverSideEncryption(b); e != nil {
		g.Encryption = string(e.Type)
	}
	for _, principal := range posture.Outside {
		g.Outside.List = append(g.Outside.List, partyOf(principal))
	}
	slices.Sort(g.Outside.List)
	g.Outside.List, g.Outside.Known = slices.Compact(g.Outside.List), !posture.OutsideUncertain
	if replication != nil {
		g.Replicated.Known = replication.ReplicatedExternally != nil
		g.Replicated.List = slices.DeleteFunc(slices.Clone(replication.ReplicationAccounts), func(a string) bool { return a == b.Account })
	}
	return g
}

func answerOf(p resource.Permission) resource.Answer {
	switch p {
	case resource.Public:
		return resource.Yes
	case resource.NotPublic:
		return resource.No
	}
	return resource.Uncertain
}

func either(a, b resource.Answer) resource.Answer {
	switch {
	case a == resource.Yes || b == resource.Yes:
		return resource.Yes
	case a == resource.No && b == resource.No:
		return resource.No
	}
	return resource.Uncertain
}

// partyOf is the account of a principal, or what stands for one.
func partyOf(principal string) string {
	if a, err := arn.Parse(principal); err == nil && arn.IsAccount(a.Account) {
		return a.Account
	}
	return principal
}

// digestOf is short and the same for the same fact, "" for one that is unknown.
func digestOf[T any](f source.Fact[T]) string {
	switch v, ok := f.Get(); {
	case ok:
		sum := sha256.Sum256(fmt.Appendf(nil, "%+v", v))
		return hex.EncodeToString(sum[:8])
	case f.State == source.StateAbsent:
		return "absent"
	}
	return ""
}

// A change is something that a policy finding is about.
type change struct {
	kind macie2.FindingType
	api  string
}

// advance makes of a baseline, nil at first sight, the next one, and tells what has changed for the worse. What the reading cannot tell stays
// as it was, and raises nothing. With existing, exposure that is there at first sight counts as a change.
func (old *guard) advance(now guard, existing bool) (*guard, []change) {
	next := guard{}
	if old != nil {
		next = *old
	}
	var changes []change
	raise := func(kind macie2.FindingType, api string) { changes = append(changes, change{kind, api}) }
	first := old == nil && existing

	if turned(&next.Public, now.Public) || first && now.Public == resource.Yes {
		raise(macie2.FindingTypePolicyIAMUserS3BucketPublic, publicBy(old, &now))
	}
	cloudFront := turned(&next.CloudFront, now.CloudFront) || first && now.CloudFront == resource.Yes
	if next.Outside.grows(now.Outside, first) {
		raise(macie2.FindingTypePolicyIAMUserS3BucketSharedExternally, sharedBy(old, &now))
	} else if cloudFront {
		raise(macie2.FindingTypePolicyIAMUserS3BucketSharedWithCloudFront, "PutBucketPolicy")
	}
	if next.Replicated.grows(now.Replicated, first) {
		raise(macie2.FindingTypePolicyIAMUserS3BucketReplicatedExternally, "PutBucketReplication")
	}
	if turned(&next.BlocksOff, now.BlocksOff) {
		raise(macie2.FindingTypePolicyIAMUserS3BlockPublicAccessDisabled, blockCall(now.Block, "Bucket"))
	}
	if now.Encryption != "" {
		if strength(now.Encryption) < strength(next.Encryption) && strength(now.Encryption) <= strength(string(macie2.TypeAes256)) {
			raise(macie2.FindingTypePolicyIAMUserS3BucketEncryptionDisabled, "DeleteBucketEncryption")
		}
		next.Encryption = now.Encryption
	}
	next.PolicyPublic, next.ACLPublic = latest(next.PolicyPublic, now.PolicyPublic), latest(next.ACLPublic, now.ACLPublic)
	next.Policy, next.ACL = cmp.Or(now.Policy, next.Policy), cmp.Or(now.ACL, next.ACL)
	next.Block, next.AccountBlock = cmp.Or(now.Block, next.Block), cmp.Or(now.AccountBlock, next.AccountBlock)
	next.Ownership = cmp.Or(now.Ownership, next.Ownership)
	return &next, changes
}

// turned moves an answer on, and reports whether a known no has become yes.
func turned(baseline *resource.Answer, now resource.Answer) bool {
	was := *baseline
	*baseline = latest(was, now)
	return was == resource.No && now == resource.Yes
}

// latest is an answer that is known, else the one from before.
func latest(was, now resource.Answer) resource.Answer {
	if now == resource.Yes || now == resource.No {
		return now
	}
	return was
}

// grows moves parties on, and reports whether there are more of them than were known. As long as a reading cannot tell them all, none goes.
func (p *parties) grows(now parties, first bool) bool {
	more := slices.ContainsFunc(now.List, func(party string) bool { return !slices.Contains(p.List, party) })
	grown := more && (p.Known || first)
	switch {
	case now.Known:
		*p = parties{Known: true, List: now.List}
	case p.Known:
		all := append(slices.Clone(p.List), now.List...)
		slices.Sort(all)
		p.List = slices.Compact(all)
	}
	return grown
}

// strength ranks default encryption: none, S3's default, and whatever somebody has chosen.
func strength(encryption string) int {
	switch encryption {
	case "", string(macie2.TypeNone):
		return 0
	case string(macie2.TypeAes256):
		return 1
	}
	return 2
}

// publicBy names the call by which a bucket most likely became public: the one that has changed what is decisive, policy and ACL first.
func publicBy(old, now *guard) string {
	if old == nil {
		old = &guard{}
	}
	switch {
	case old.PolicyPublic != resource.Yes && now.PolicyPublic == resource.Yes:
		return "PutBucketPolicy"
	case old.ACLPublic != resource.Yes && now.ACLPublic == resource.Yes:
		return "PutBucketAcl"
	case changed(old.Block, now.Block):
		return blockCall(now.Block, "Bucket")
	case changed(old.AccountBlock, now.AccountBlock):
		return blockCall(now.AccountBlock, "Account")
	case changed(old.Ownership, now.Ownership):
		return "PutBucketOwnershipControls"
	case changed(old.ACL, now.ACL):
		return "PutBucketAcl"
	}
	return "PutBucketPolicy"
}

// sharedBy names the call by which a bucket most likely came to be shared.
func sharedBy(old, now *guard) string {
	switch {
	case old == nil || changed(old.Policy, now.Policy):
		return "PutBucketPolicy"
	case changed(old.ACL, now.ACL):
		return "PutBucketAcl"
	case changed(old.Block, now.Block):
		return blockCall(now.Block, "Bucket")
	case changed(old.AccountBlock, now.AccountBlock):
		return blockCall(now.AccountBlock, "Account")
	case changed(old.Ownership, now.Ownership):
		return "PutBucketOwnershipControls"
	}
	return "PutBucketPolicy"
}

func changed(old, now string) bool { return old != "" && now != "" && old != now }

// blockCall names the call that sets or removes a public access block of a level.
func blockCall(digest, level string) string {
	if digest == "absent" {
		return "Delete" + level + "PublicAccessBlock"
	}
	return "Put" + level + "PublicAccessBlock"
}

// putPolicyFinding stores that a change has occurred: a new finding, or another occurrence of the bucket's finding of the type.
// call is the request that made it, nil if nobody told of one.
func putPolicyFinding(ctx context.Context, tx store.Tx, t store.Tenant, outbox *publish.Outbox, c change, call *toldCall, o *observation, now wire.Time) error {
	f := policyFinding(t, c, o, now)
	if call != nil {
		tellOf(f, call, now)
	}
	isNew, err := putFindings(ctx, tx, t, outbox, [][]byte{wire.Marshal(f)})
	if err != nil || isNew[0] {
		return err
	}
	stored, err := readFindings(ctx, tx, t, []string{*f.Id}, store.FindingSort{})
	if err != nil {
		return err
	}
	if len(stored) != 1 {
		return fmt.Errorf("the policy finding %s is stored, and cannot be read: %w", *f.Id, store.ErrNotFound)
	}
	earlier := &stored[0]
	f.Count = wire.Ptr(*earlier.Count + 1)
	f.CreatedAt = earlier.CreatedAt
	f.UpdatedAt = wire.Ptr(max(now, *earlier.UpdatedAt))
	f.PolicyDetails.Action.ApiCallDetails.FirstSeen = earlier.PolicyDetails.Action.ApiCallDetails.FirstSeen
	return putOccurrence(ctx, tx, t, outbox, f)
}

// policyFindingID makes the id of a bucket's finding of a type, of which there is one.
func policyFindingID(t store.Tenant, bucket string, kind macie2.FindingType) string {
	h := sha256.New()
	for _, part := range []string{"policy", t.Account, t.Region, bucket, string(kind)} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		io.WriteString(h, part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func policyFinding(t store.Tenant, c change, o *observation, now wire.Time) *macie2.Finding {
	about := samples[slices.IndexFunc(samples, func(s sample) bool { return s.kind == c.kind })] // what the types' samples say holds of all
	return &macie2.Finding{
		AccountId:         o.doc.AccountId,
		Archived:          wire.Ptr(false),
		Category:          macie2.FindingCategoryPolicy,
		Count:             wire.Ptr[int64](1),
		CreatedAt:         wire.Ptr(now),
		UpdatedAt:         wire.Ptr(now),
		Description:       wire.Ptr(about.description),
		Id:                wire.Ptr(policyFindingID(t, *o.doc.BucketName, c.kind)),
		Partition:         wire.Ptr(arn.PartitionOf(t.Region)),
		Region:            wire.Ptr(t.Region),
		Sample:            wire.Ptr(false),
		SchemaVersion:     wire.Ptr(classify.SchemaVersion),
		Severity:          &macie2.Severity{Score: wire.Ptr(int64(about.severity)), Description: classify.SeverityDescription(about.severity)},
		Title:             wire.Ptr(about.title),
		Type:              c.kind,
		ResourcesAffected: &macie2.ResourcesAffected{S3Bucket: bucketFacts(o.doc, &o.state)},
		// Readings see what has changed, not who has changed it: tellOf adds that.
		PolicyDetails: &macie2.PolicyDetails{Action: &macie2.FindingAction{
			ActionType: macie2.FindingActionTypeAwsApiCall,
			ApiCallDetails: &macie2.ApiCallDetails{
				Api: wire.Ptr(c.api), ApiServiceName: wire.Ptr("s3.amazonaws.com"), FirstSeen: wire.Ptr(now), LastSeen: wire.Ptr(now),
			},
		}},
	}
}

// kinds names changes for the log.
func kinds(changes []change) string {
	names := make([]string, len(changes))
	for i, c := range changes {
		names[i] = string(c.kind)
	}
	return strings.Join(names, " ")
}
