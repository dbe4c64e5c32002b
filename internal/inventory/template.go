package inventory

import (
	"fmt"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/source"
)

// readTemplate evaluates the template and describes its buckets.
func (e *Estate) readTemplate(docs Documents) {
	if docs.Template == nil {
		return
	}
	template, err := cfn.Parse(docs.Template)
	if err == nil {
		e.Stack, err = template.Evaluate(cfn.Env{Account: e.opts.Account, Region: e.opts.Region, Parameters: e.opts.Parameters})
	}
	if err != nil {
		e.Stack = nil
		e.problem(e.template, "%v", err)
		e.unknown = e.template + ": " + err.Error()
		return
	}
	for _, u := range e.Stack.Unknowns {
		e.problem(e.template, "%v", u)
		e.unknown = e.template + ": " + u.Error()
	}
	resources := map[string]cfn.Resource{}
	for _, r := range e.Stack.Resources {
		if r.Type == "AWS::S3::Bucket" {
			e.addBucket(r, resources)
		}
	}
	policies := e.policies()
	for name, r := range resources {
		b := bucketResource{Value: r.Properties, estate: e}
		e.buckets[name] = &described{configuration: b.configuration(policies.of(name))}
	}
}

// addBucket finds the name of a bucket resource.
func (e *Estate) addBucket(r cfn.Resource, resources map[string]cfn.Resource) {
	name := r.LogicalID
	if v, ok := r.Properties.Get("BucketName"); ok {
		text, isText := v.Text()
		if isText {
			name = text
		} else {
			e.problem(e.template, "%v: the name of bucket %s cannot be told, it goes by its logical id: %s", r.Position, r.LogicalID, reasonOf(v))
		}
	}
	if r.Unknown != nil {
		e.problem(e.template, "%v: whether bucket %s exists cannot be told: %v", r.Position, r.LogicalID, r.Unknown)
	}
	if other, taken := resources[name]; taken {
		e.problem(e.template, "%v: bucket %s has the same name as %s at %v and is not used", r.Position, r.LogicalID, other.LogicalID, other.Position)
		return
	}
	resources[name] = r
}

// policies are the bucket policies of a template.
type policies struct {
	byBucket map[string]source.Fact[string]
	// stray is why a bucket without a policy of its own may have one after all: a policy whose bucket is not known.
	stray string
}

func (p policies) of(bucket string) source.Fact[string] {
	if policy, ok := p.byBucket[bucket]; ok {
		return policy
	}
	if p.stray != "" {
		return source.Unknown[string](p.stray)
	}
	return source.Absent[string]("")
}

func (e *Estate) policies() policies {
	all := policies{byBucket: map[string]source.Fact[string]{}}
	for _, u := range e.Stack.Unknowns {
		all.stray = e.at(u)
	}
	for _, r := range e.Stack.Resources {
		if r.Type != "AWS::S3::BucketPolicy" {
			continue
		}
		bucket, _ := r.Properties.Get("Bucket")
		name, ok := bucket.Text()
		if !ok {
			e.problem(e.template, "%v: the bucket of policy %s cannot be told: %s", r.Position, r.LogicalID, reasonOf(bucket))
			all.stray = fmt.Sprintf("%s:%v: bucket policy %s may be this bucket's: %s", e.template, r.Position, r.LogicalID, reasonOf(bucket))
			continue
		}
		if _, second := all.byBucket[name]; second {
			e.problem(e.template, "%v: bucket %s has a second bucket policy, %s; a bucket can have one", r.Position, name, r.LogicalID)
			all.byBucket[name] = source.Unknown[string](fmt.Sprintf("%s:%v: the bucket has two policies", e.template, r.Position))
			continue
		}
		all.byBucket[name] = e.policy(r)
	}
	return all
}

func (e *Estate) policy(r cfn.Resource) source.Fact[string] {
	if r.Unknown != nil {
		return source.Unknown[string](e.at(r.Unknown))
	}
	document, ok := r.Properties.Get("PolicyDocument")
	if !ok || document.Kind() == cfn.Null {
		return source.Unknown[string](fmt.Sprintf("%s:%v: bucket policy %s has no PolicyDocument", e.template, r.Position, r.LogicalID))
	}
	if text, isText := document.Text(); isText {
		return source.Known(text)
	}
	text, err := document.JSON()
	if err != nil {
		return source.Unknown[string](e.template + ":" + err.Error())
	}
	return source.Known(string(text))
}

// at names the place of an unknown value.
func (e *Estate) at(u *cfn.Unknown) string { return e.template + ":" + u.Error() }

// reasonOf says why a value is not what was expected.
func reasonOf(v cfn.Value) string {
	if u := v.Unknown(); u != nil {
		return u.Error()
	}
	return fmt.Sprintf("%v: a string is expected, not a %v", v.Position(), v.Kind())
}

// A bucketResource is the properties of an AWS::S3::Bucket, or a value within.
type bucketResource struct {
	cfn.Value
	estate *Estate
}

// unless returns why the value at a path is not known, and whether there is one at all.
func (b bucketResource) unless(path ...string) (v bucketResource, there bool, reason string) {
	found, ok := b.Get(path...)
	if !ok || found.Kind() == cfn.Null {
		return bucketResource{}, false, ""
	}
	if u := found.Unknown(); u != nil {
		reason = b.estate.at(u)
	}
	return bucketResource{found, b.estate}, true, reason
}

// fact makes a fact of the value at a path; read returns false when the value is of another form than expected.
func fact[T any](b bucketResource, read func(bucketResource) (T, bool), expected string, path ...string) source.Fact[T] {
	v, there, reason := b.unless(path...)
	switch {
	case !there:
		return source.Absent[T]("")
	case reason != "":
		return source.Unknown[T](reason)
	}
	value, ok := read(v)
	if ok {
		return source.Known(value)
	}
	if all := v.Unknowns(); len(all) > 0 {
		return source.Unknown[T](b.estate.at(all[0]))
	}
	return source.Unknown[T](fmt.Sprintf("%s:%v: %s is no %s", b.estate.template, v.Position(), strings.Join(path, "."), expected))
}

func text(b bucketResource) (string, bool) { return b.Text() }

// configuration collects the facts that the resource states.
func (b bucketResource) configuration(policy source.Fact[string]) source.Configuration {
	const defaultEncryption = "BucketEncryption"
	rule := []string{defaultEncryption, "ServerSideEncryptionConfiguration", "0", "ServerSideEncryptionByDefault"}
	c := source.Configuration{
		Created:           source.Unknown[time.Time]("a template does not say when the bucket was created"),
		Owner:             source.Unknown[source.Owner]("a template does not name the owner"),
		Versioning:        fact(b, versioning, "versioning status", "VersioningConfiguration", "Status"),
		Tags:              fact(b, tags, "list of tags", "Tags"),
		Encryption:        fact(b, text, "algorithm", append(rule, "SSEAlgorithm")...),
		KMSKey:            fact(b, text, "key", append(rule, "KMSMasterKeyID")...),
		Policy:            policy,
		ACL:               fact(b, cannedACL, "canned ACL with known grants", "AccessControl"),
		PublicAccessBlock: fact(b, publicAccessBlock, "public access block", "PublicAccessBlockConfiguration"),
		Ownership:         fact(b, text, "object ownership", "OwnershipControls", "Rules", "0", "ObjectOwnership"),
		Replication:       fact(b, replication, "list of rules", "ReplicationConfiguration", "Rules"),
	}
	if b.estate.opts.Region != "" {
		c.Region = source.Known(b.estate.opts.Region)
	} else {
		c.Region = source.Unknown[string]("a template does not say its Region")
	}
	if _, encrypted, _ := b.unless(defaultEncryption); !encrypted {
		c.Encryption = source.Known("AES256")
	}
	if c.ACL.State == source.StateAbsent {
		c.ACL = source.Known(cannedACLs["Private"])
	}
	return c
}

func versioning(b bucketResource) (enabled, ok bool) {
	status, _ := b.Text()
	return status == "Enabled", status == "Enabled" || status == "Suspended"
}

func tags(b bucketResource) ([]source.Tag, bool) {
	var all []source.Tag
	for _, item := range b.Items() {
		k, _ := item.Get("Key")
		v, _ := item.Get("Value")
		key, isText := k.Text()
		value, alsoText := v.Text()
		if !isText || !alsoText {
			return nil, false
		}
		all = append(all, source.Tag{Key: key, Value: value})
	}
	return all, b.Kind() == cfn.List
}

var owner = source.Grant{GranteeType: "CanonicalUser", Permission: "FULL_CONTROL"}

// cannedACLs are the grants of the canned ACLs as CloudFormation names them (Amazon S3 User Guide, "Access control list (ACL) overview",
// table "Canned ACL"). The bucket-owner-... lists concern objects and are, on a bucket, private.
var cannedACLs = map[string][]source.Grant{
	"Private":                {owner},
	"PublicRead":             {owner, group(source.AllUsers, "READ")},
	"PublicReadWrite":        {owner, group(source.AllUsers, "READ"), group(source.AllUsers, "WRITE")},
	"AuthenticatedRead":      {owner, group(source.AuthenticatedUsers, "READ")},
	"LogDeliveryWrite":       {owner, group(source.LogDelivery, "WRITE"), group(source.LogDelivery, "READ_ACP")},
	"BucketOwnerRead":        {owner},
	"BucketOwnerFullControl": {owner},
}

func group(uri, permission string) source.Grant {
	return source.Grant{GranteeType: "Group", Grantee: uri, Permission: permission}
}

func cannedACL(b bucketResource) ([]source.Grant, bool) {
	name, _ := b.Text()
	grants, ok := cannedACLs[name]
	return grants, ok
}

func publicAccessBlock(b bucketResource) (block source.PublicAccessBlock, ok bool) {
	for name, set := range map[string]*bool{
		"BlockPublicAcls": &block.BlockPublicACLs, "IgnorePublicAcls": &block.IgnorePublicACLs,
		"BlockPublicPolicy": &block.BlockPublicPolicy, "RestrictPublicBuckets": &block.RestrictPublicBuckets,
	} {
		if v, given := b.Get(name); given && v.Kind() != cfn.Null {
			if *set, ok = v.Bool(); !ok {
				return block, false
			}
		}
	}
	return block, b.Kind() == cfn.Map
}

func replication(b bucketResource) ([]source.ReplicationRule, bool) {
	var rules []source.ReplicationRule
	for _, item := range b.Items() {
		r := bucketResource{item, b.estate}
		status, _ := item.Get("Status")
		enabled, ok := status.Text()
		if !ok {
			return nil, false
		}
		rule := source.ReplicationRule{
			Enabled: enabled == "Enabled",
			Bucket:  fact(r, text, "ARN", "Destination", "Bucket"),
			Account: fact(r, text, "account", "Destination", "Account"),
		}
		if id, given := item.Get("Id"); given {
			rule.ID, _ = id.Text()
		}
		rules = append(rules, rule)
	}
	return rules, b.Kind() == cfn.List
}
