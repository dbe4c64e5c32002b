package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyendpoints "github.com/aws/smithy-go/endpoints"

	"github.com/magpie-sec/magpie/internal/source"
)

// maxPolicy is the longest policy that is read, in bytes. S3's own limit is 20 KB.
const maxPolicy = 10 << 20

// configurationReads is how many settings of a bucket are read at a time.
const configurationReads = 4

// Configuration reads the settings of a bucket. What the store has not implemented is absent, what it refuses is denied; an answer that is not
// what was asked for is unknown, whatever its status says. It fails if the bucket is not there, or if no setting at all could be read.
func (s *Store) Configuration(ctx context.Context, bucket string) (source.Configuration, error) {
	if err := ctx.Err(); err != nil {
		return source.Configuration{}, err
	}
	if !s.has(bucket) {
		return source.Configuration{}, &source.Error{Kind: source.BucketNotFound, Op: "configuration", Bucket: bucket}
	}
	r := &configurationReader{store: s, ctx: ctx, bucket: bucket, turns: make(chan struct{}, configurationReads)}
	c := &r.facts
	c.Created = source.Unknown[time.Time]("the store tells it where it lists its buckets")
	if created, ok := s.createdAt(bucket); ok {
		c.Created = source.Known(created)
	}
	// The first one alone: it follows the bucket to its Region, which the others then know.
	r.versioning()
	for _, read := range []func(){r.policy, r.acl, r.publicAccessBlock, r.ownership, r.encryption, r.tags, r.replication, r.location} {
		r.wait.Go(func() {
			r.turns <- struct{}{}
			defer func() { <-r.turns }()
			read()
		})
	}
	r.wait.Wait()
	if err := ctx.Err(); err != nil {
		return source.Configuration{}, err
	}
	if r.err != nil && (r.err.Kind == source.BucketNotFound || !r.answered) {
		return source.Configuration{}, r.err
	}
	return r.facts, nil
}

func (s *Store) createdAt(bucket string) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	created, ok := s.created[bucket]
	return created, ok
}

// A configurationReader reads the settings of one bucket. Each of its methods fills facts of its own.
type configurationReader struct {
	store  *Store
	ctx    context.Context
	bucket string
	turns  chan struct{}
	wait   sync.WaitGroup

	mu       sync.Mutex
	facts    source.Configuration
	answered bool          // the store told something
	err      *source.Error // the first failure; a bucket that is not there wins
}

// read asks for one setting. ask makes the request and returns the fact. none are the codes that say that there is no such thing.
func read[T any](r *configurationReader, what Setting, root string, ask func(context.Context, *s3.Client) (source.Fact[T], error), none ...string) source.Fact[T] {
	if why, lacking := r.store.lacks(what); lacking {
		r.note(nil)
		return source.Absent[T](why)
	}
	var fact source.Fact[T]
	err := r.store.ask(r.ctx, target{op: "read " + strings.ReplaceAll(string(what), "_", " "), bucket: r.bucket}, func(ctx context.Context) error {
		c, err := r.store.bucketClient(ctx, r.bucket)
		if err != nil {
			return err
		}
		if root != "" {
			ctx = expecting(ctx, append([]string{root}, r.store.otherRoots(what)...)...)
		}
		fact, err = ask(ctx, c)
		return err
	})
	if err == nil {
		r.store.missing.note(what, true)
		r.note(nil)
		return fact
	}
	var e *source.Error
	if !errors.As(err, &e) {
		return source.Unknown[T](err.Error()) // the end of the context
	}
	var wrong *wrongAnswer
	if errors.As(err, &wrong) && r.store.ignored(what, wrong) {
		r.store.missing.note(what, false)
		r.note(nil)
		return source.Absent[T](notImplemented)
	}
	var told *statusError
	if errors.As(err, &told) {
		switch {
		case slices.Contains(none, told.code):
			r.store.missing.note(what, true)
			r.note(nil)
			return source.Absent[T]("")
		case r.store.compatible() && (told.code == "NotImplemented" || told.status == http.StatusNotImplemented):
			r.store.missing.note(what, false)
			r.note(nil)
			return source.Absent[T](notImplemented)
		case r.store.compatible() && what == accountBlock && slices.Contains([]string{"NoSuchBucket", "NoSuchKey", "InvalidBucketName", "MethodNotAllowed"}, told.code):
			// The store took S3 Control's path for that of an object.
			return source.Absent[T](notImplemented)
		case told.code == "" && told.status == http.StatusNotFound:
			e = &source.Error{Op: e.Op, Bucket: e.Bucket, Err: told} // there is no telling what was not found
		}
	}
	r.note(e)
	reason := e.Kind.String()
	if e.Err != nil {
		reason = e.Err.Error()
	}
	if e.Kind == source.AccessDenied {
		return source.Denied[T](reason)
	}
	return source.Unknown[T](reason)
}

// note takes note that the store told something, or did not.
func (r *configurationReader) note(e *source.Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case e == nil:
		r.answered = true
	case r.err == nil || e.Kind == source.BucketNotFound:
		r.err = e
	}
}

func (r *configurationReader) versioning() {
	r.facts.Versioning = read(r, Versioning, "VersioningConfiguration", func(ctx context.Context, c *s3.Client) (source.Fact[bool], error) {
		out, err := c.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &r.bucket})
		if err != nil {
			return source.Fact[bool]{}, err
		}
		switch out.Status {
		case "":
			return source.Absent[bool](""), nil
		case types.BucketVersioningStatusEnabled, types.BucketVersioningStatusSuspended:
			return source.Known(out.Status == types.BucketVersioningStatusEnabled), nil
		}
		return source.Unknown[bool]("the store answered with a status that S3 does not have"), nil
	})
}

func (r *configurationReader) policy() {
	r.facts.Policy = read(r, Policy, "", func(ctx context.Context, c *s3.Client) (source.Fact[string], error) {
		out, err := c.GetBucketPolicy(bounded(ctx, maxPolicy), &s3.GetBucketPolicyInput{Bucket: &r.bucket})
		if err != nil {
			return source.Fact[string]{}, err
		}
		text := aws.ToString(out.Policy)
		if err := checkPolicy(text); err != nil {
			return source.Unknown[string](err.Error()), nil
		}
		if r.store.compatible() {
			if own, err := ownPrincipals(text, r.store.opts.Profile.Owners, r.store.opts.Account); err == nil {
				text = own
			}
		}
		return source.Known(text), nil
	}, "NoSuchBucketPolicy", "NoSuchPolicy")
}

func (r *configurationReader) acl() {
	type list struct {
		owner  source.Fact[source.Owner]
		grants source.Fact[[]source.Grant]
	}
	fact := read(r, ACL, "AccessControlPolicy", func(ctx context.Context, c *s3.Client) (source.Fact[list], error) {
		out, err := c.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: &r.bucket})
		if err != nil {
			return source.Fact[list]{}, err
		}
		l := list{owner: source.Unknown[source.Owner]("the store does not tell the owner"), grants: r.grants(out)}
		if out.Owner != nil && aws.ToString(out.Owner.ID) != "" {
			l.owner = source.Known(source.Owner{ID: *out.Owner.ID, DisplayName: aws.ToString(out.Owner.DisplayName)})
		}
		return source.Known(l), nil
	})
	if l, ok := fact.Get(); ok {
		r.facts.Owner, r.facts.ACL = l.owner, l.grants
		return
	}
	r.facts.ACL = source.Fact[[]source.Grant]{State: fact.State, Reason: fact.Reason, Denied: fact.Denied}
	r.facts.Owner = source.Fact[source.Owner]{Reason: fact.Reason, Denied: fact.Denied}
	if owner, ok := r.store.lister(); ok {
		r.facts.Owner = source.Known(owner) // who lists a bucket as its own owns it
	}
}

// grants translates the entries of an access control list; one that S3 could not have makes the whole list unknown.
func (r *configurationReader) grants(told *s3.GetBucketAclOutput) source.Fact[[]source.Grant] {
	// MinIO, which has no lists, answers with one of full control for an owner without an id.
	nameless := r.store.compatible() && told.Owner != nil && aws.ToString(told.Owner.ID) == ""
	grants := []source.Grant{}
	for _, g := range told.Grants {
		if g.Grantee == nil || !slices.Contains(types.Permission("").Values(), g.Permission) {
			return source.Unknown[[]source.Grant]("the store answered with a grant that S3 does not have")
		}
		grant := source.Grant{GranteeType: string(g.Grantee.Type), Permission: string(g.Permission)}
		switch g.Grantee.Type {
		case types.TypeCanonicalUser:
			grant.Grantee = aws.ToString(g.Grantee.ID)
			if slices.Contains(r.store.opts.Profile.Owners, grant.Grantee) {
				grant.Grantee = "" // the owner
			} else if grant.Grantee == "" && !(nameless && g.Permission == types.PermissionFullControl) {
				return source.Unknown[[]source.Grant]("the store answered with a grant to nobody")
			}
		case types.TypeGroup:
			grant.Grantee = aws.ToString(g.Grantee.URI)
		case types.TypeAmazonCustomerByEmail:
			grant.Grantee = aws.ToString(g.Grantee.EmailAddress)
		default:
			return source.Unknown[[]source.Grant]("the store answered with a grantee of a kind that S3 does not have")
		}
		grants = append(grants, grant)
	}
	return source.Known(grants)
}

func (r *configurationReader) publicAccessBlock() {
	r.facts.PublicAccessBlock = read(r, PublicAccessBlock, "PublicAccessBlockConfiguration", func(ctx context.Context, c *s3.Client) (source.Fact[source.PublicAccessBlock], error) {
		out, err := c.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &r.bucket})
		if err != nil {
			return source.Fact[source.PublicAccessBlock]{}, err
		}
		b := out.PublicAccessBlockConfiguration
		if b == nil {
			return source.Unknown[source.PublicAccessBlock]("the store answered with nothing"), nil
		}
		return r.store.block(answered(ctx), source.PublicAccessBlock{
			BlockPublicACLs: aws.ToBool(b.BlockPublicAcls), IgnorePublicACLs: aws.ToBool(b.IgnorePublicAcls),
			BlockPublicPolicy: aws.ToBool(b.BlockPublicPolicy), RestrictPublicBuckets: aws.ToBool(b.RestrictPublicBuckets),
		}), nil
	}, "NoSuchPublicAccessBlockConfiguration")
}

func (r *configurationReader) ownership() {
	r.facts.Ownership = read(r, Ownership, "OwnershipControls", func(ctx context.Context, c *s3.Client) (source.Fact[string], error) {
		out, err := c.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: &r.bucket})
		if err != nil {
			return source.Fact[string]{}, err
		}
		if out.OwnershipControls == nil || len(out.OwnershipControls.Rules) != 1 ||
			!slices.Contains(types.ObjectOwnership("").Values(), out.OwnershipControls.Rules[0].ObjectOwnership) {
			return source.Unknown[string]("the store answered without one of S3's rules"), nil
		}
		return source.Known(string(out.OwnershipControls.Rules[0].ObjectOwnership)), nil
	}, "OwnershipControlsNotFoundError")
}

func (r *configurationReader) encryption() {
	type rule struct{ algorithm, key source.Fact[string] }
	fact := read(r, Encryption, "ServerSideEncryptionConfiguration", func(ctx context.Context, c *s3.Client) (source.Fact[rule], error) {
		out, err := c.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &r.bucket})
		if err != nil {
			return source.Fact[rule]{}, err
		}
		told := out.ServerSideEncryptionConfiguration
		if told == nil || len(told.Rules) == 0 || told.Rules[0].ApplyServerSideEncryptionByDefault == nil {
			return source.Unknown[rule]("the store answered without a rule"), nil
		}
		byDefault := told.Rules[0].ApplyServerSideEncryptionByDefault
		if !slices.Contains([]types.ServerSideEncryption{types.ServerSideEncryptionAes256, types.ServerSideEncryptionAwsKms, types.ServerSideEncryptionAwsKmsDsse},
			byDefault.SSEAlgorithm) {
			return source.Unknown[rule]("the store answered with an algorithm that S3 does not have"), nil
		}
		found := rule{algorithm: source.Known(string(byDefault.SSEAlgorithm)), key: source.Absent[string]("")}
		if key := aws.ToString(byDefault.KMSMasterKeyID); key != "" {
			found.key = source.Known(key)
		}
		return source.Known(found), nil
	}, "ServerSideEncryptionConfigurationNotFoundError")
	found, ok := fact.Get()
	switch {
	case ok:
		r.facts.Encryption, r.facts.KMSKey = found.algorithm, found.key
	case fact.State == source.StateAbsent && fact.Reason == "":
		r.facts.Encryption, r.facts.KMSKey = source.Known("NONE"), source.Absent[string]("")
	default:
		r.facts.Encryption = source.Fact[string]{State: fact.State, Reason: fact.Reason, Denied: fact.Denied}
		r.facts.KMSKey = r.facts.Encryption
	}
}

func (r *configurationReader) tags() {
	r.facts.Tags = read(r, Tags, "Tagging", func(ctx context.Context, c *s3.Client) (source.Fact[[]source.Tag], error) {
		out, err := c.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &r.bucket})
		if err != nil {
			return source.Fact[[]source.Tag]{}, err
		}
		tags := []source.Tag{}
		for _, t := range out.TagSet {
			tags = append(tags, source.Tag{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value)})
		}
		return source.Known(tags), nil
	}, "NoSuchTagSet", "NoSuchTagSetError")
}

func (r *configurationReader) replication() {
	r.facts.Replication = read(r, Replication, "ReplicationConfiguration", func(ctx context.Context, c *s3.Client) (source.Fact[[]source.ReplicationRule], error) {
		out, err := c.GetBucketReplication(ctx, &s3.GetBucketReplicationInput{Bucket: &r.bucket})
		if err != nil {
			return source.Fact[[]source.ReplicationRule]{}, err
		}
		if out.ReplicationConfiguration != nil && len(out.ReplicationConfiguration.Rules) == 0 && r.store.compatible() {
			return source.Absent[[]source.ReplicationRule](""), nil // Ceph's answer for a bucket without replication
		}
		if out.ReplicationConfiguration == nil || len(out.ReplicationConfiguration.Rules) == 0 {
			return source.Unknown[[]source.ReplicationRule]("the store answered without a rule"), nil
		}
		var rules []source.ReplicationRule
		for _, told := range out.ReplicationConfiguration.Rules {
			rule := source.ReplicationRule{
				ID: aws.ToString(told.ID), Enabled: told.Status == types.ReplicationRuleStatusEnabled,
				Bucket: source.Unknown[string]("the rule names no destination"), Account: source.Absent[string](""),
			}
			if d := told.Destination; d != nil {
				if arn := aws.ToString(d.Bucket); arn != "" {
					rule.Bucket = source.Known(arn)
				}
				if account := aws.ToString(d.Account); account != "" {
					rule.Account = source.Known(account)
				}
			}
			rules = append(rules, rule)
		}
		return source.Known(rules), nil
	}, "ReplicationConfigurationNotFoundError")
}

func (r *configurationReader) location() {
	if region := r.store.regionOf(r.bucket); region != "" {
		r.facts.Region = source.Known(region)
		return
	}
	r.facts.Region = read(r, Location, "LocationConstraint", func(ctx context.Context, c *s3.Client) (source.Fact[string], error) {
		out, err := c.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: &r.bucket})
		if err != nil {
			return source.Fact[string]{}, err
		}
		switch region := string(out.LocationConstraint); {
		case region == "":
			return source.Known(defaultRegion), nil
		case region == "EU": // the first name of Ireland
			return source.Known("eu-west-1"), nil
		case regionName(region):
			r.store.learn(r.bucket, region)
			return source.Known(region), nil
		}
		return source.Unknown[string]("the store answered with what is no Region"), nil
	})
	if r.facts.Region.State == source.StateAbsent {
		r.facts.Region = source.Unknown[string](r.facts.Region.Reason)
	}
}

// AccountPublicAccessBlock asks S3 Control for the account's block. A compatible store is asked only if it has blocks of buckets.
func (s *Store) AccountPublicAccessBlock(ctx context.Context) source.Fact[source.PublicAccessBlock] {
	if s.compatible() {
		if why, lacking := s.lacks(PublicAccessBlock); lacking {
			return source.Absent[source.PublicAccessBlock](why)
		}
		if !s.missing.has(PublicAccessBlock) {
			if f := s.probeBlocks(ctx); f.State != source.StateKnown {
				return f
			}
		}
	}
	account, err := s.account(ctx)
	if err != nil {
		return source.Unknown[source.PublicAccessBlock](err.Error())
	}
	r := &configurationReader{store: s, ctx: ctx}
	return read(r, accountBlock, "PublicAccessBlockConfiguration", func(ctx context.Context, _ *s3.Client) (source.Fact[source.PublicAccessBlock], error) {
		c, err := s.control(ctx)
		if err != nil {
			return source.Fact[source.PublicAccessBlock]{}, err
		}
		out, err := c.GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: &account})
		if err != nil {
			return source.Fact[source.PublicAccessBlock]{}, err
		}
		b := out.PublicAccessBlockConfiguration
		if b == nil {
			return source.Unknown[source.PublicAccessBlock]("the store answered with nothing"), nil
		}
		return r.store.block(answered(ctx), source.PublicAccessBlock{
			BlockPublicACLs: aws.ToBool(b.BlockPublicAcls), IgnorePublicACLs: aws.ToBool(b.IgnorePublicAcls),
			BlockPublicPolicy: aws.ToBool(b.BlockPublicPolicy), RestrictPublicBuckets: aws.ToBool(b.RestrictPublicBuckets),
		}), nil
	}, "NoSuchPublicAccessBlockConfiguration")
}

// account returns the account whose buckets these are: with Amazon S3 that of the credentials if none was named.
func (s *Store) account(ctx context.Context) (string, error) {
	if s.opts.Account != "" {
		return s.opts.Account, nil
	}
	if s.compatible() {
		return "", errors.New("the account of the source is not known")
	}
	var account string
	err := s.ask(ctx, target{op: "ask whose credentials these are"}, func(ctx context.Context) error {
		base, err := s.configuration(ctx)
		if err != nil {
			return err
		}
		out, err := sts.NewFromConfig(*base).GetCallerIdentity(expecting(ctx, "GetCallerIdentityResponse"), &sts.GetCallerIdentityInput{})
		if err != nil {
			return err
		}
		account = aws.ToString(out.Account)
		return nil
	})
	return account, err
}

// accountBlock is a setting of the account, which a store may have or not by itself.
const accountBlock Setting = "account public_access_block"

// probeBlocks asks the first bucket for its block: a store that does not know those of buckets knows none of accounts.
func (s *Store) probeBlocks(ctx context.Context) source.Fact[source.PublicAccessBlock] {
	buckets, err := s.Buckets(ctx)
	if err != nil {
		return source.Unknown[source.PublicAccessBlock](fmt.Sprintf("whether the store has such blocks shows on a bucket: %v", err))
	}
	if len(buckets) == 0 {
		return source.Absent[source.PublicAccessBlock]("there is no bucket")
	}
	r := &configurationReader{store: s, ctx: ctx, bucket: buckets[0].Name}
	r.publicAccessBlock()
	switch f := r.facts.PublicAccessBlock; {
	case s.missing.has(PublicAccessBlock):
		return source.Known(source.PublicAccessBlock{})
	case f.State == source.StateAbsent:
		return source.Absent[source.PublicAccessBlock](f.Reason)
	default:
		return f
	}
}

// control returns a client of S3 Control.
func (s *Store) control(ctx context.Context) (*s3control.Client, error) {
	base, err := s.configuration(ctx)
	if err != nil {
		return nil, err
	}
	return s3control.NewFromConfig(*base, func(o *s3control.Options) {
		if s.compatible() {
			o.EndpointResolverV2 = fixedEndpoint(s.opts.Endpoint)
		}
	}), nil
}

// A fixedEndpoint is asked as it is: a compatible store has no host names for accounts.
type fixedEndpoint string

// ResolveEndpoint implements s3control.EndpointResolverV2.
func (e fixedEndpoint) ResolveEndpoint(context.Context, s3control.EndpointParameters) (smithyendpoints.Endpoint, error) {
	u, err := parseURL(string(e))
	return smithyendpoints.Endpoint{URI: u}, err
}
