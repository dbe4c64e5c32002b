package inventory

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
)

// overlay sets the facts that an item of type AWS::S3::Bucket states. The members are those that AWS Config records for buckets.
func (i ConfigItem) overlay(c *source.Configuration) {
	if i.Region != "" {
		c.Region = source.Known(i.Region)
	}
	if !i.Created.IsZero() {
		c.Created = source.Known(i.Created)
	}
	var bucket struct {
		Owner *source.Owner `json:"owner"`
	}
	if len(i.Configuration) > 0 && json.Unmarshal(i.Configuration, &bucket) == nil && bucket.Owner != nil && bucket.Owner.ID != "" {
		c.Owner = source.Known(*bucket.Owner)
	}
	if i.Tags != nil {
		c.Tags = tagFact(i.Tags)
	}
	read(i, "BucketTaggingConfiguration", &c.Tags, itemTags)
	read(i, "BucketVersioningConfiguration", &c.Versioning, itemVersioning)
	read(i, "BucketPolicy", &c.Policy, itemPolicy)
	read(i, "AccessControlList", &c.ACL, itemACL)
	read(i, "OwnershipControls", &c.Ownership, itemOwnership)
	read(i, "BucketReplicationConfiguration", &c.Replication, itemReplication)
	read(i, "ServerSideEncryptionConfiguration", &c.Encryption, itemEncryption)
	read(i, "ServerSideEncryptionConfiguration", &c.KMSKey, itemKMSKey)
	if raw, given := i.Supplementary["PublicAccessBlockConfiguration"]; given {
		c.PublicAccessBlock = publicAccessBlockOf(i, raw, "PublicAccessBlockConfiguration")
	}
}

// read sets a fact to what a part of the item says, if it has that part.
func read[Part, T any](i ConfigItem, name string, into *source.Fact[T], fact func(Part) (source.Fact[T], error)) {
	raw, given := i.Supplementary[name]
	if !given {
		return
	}
	var part Part
	err := json.Unmarshal(raw, &part)
	if err == nil {
		*into, err = fact(part)
	}
	if err != nil {
		*into = source.Unknown[T](i.unreadable(name))
	}
}

func (i ConfigItem) unreadable(part string) string {
	id := i.Name
	if id == "" {
		id = i.ID
	}
	return fmt.Sprintf("%s: %s %q: %s is not in the form that AWS Config gives it", folder.ConfigItems, i.Type, id, part)
}

// publicAccessBlockOf reads the four switches of a bucket or an account; one that is missing is off.
func publicAccessBlockOf(i ConfigItem, raw json.RawMessage, part string) source.Fact[source.PublicAccessBlock] {
	var block *struct {
		BlockPublicACLs       bool `json:"blockPublicAcls"`
		IgnorePublicACLs      bool `json:"ignorePublicAcls"`
		BlockPublicPolicy     bool `json:"blockPublicPolicy"`
		RestrictPublicBuckets bool `json:"restrictPublicBuckets"`
	}
	if len(raw) == 0 || json.Unmarshal(raw, &block) != nil {
		return source.Unknown[source.PublicAccessBlock](i.unreadable(part))
	}
	if block == nil {
		return source.Absent[source.PublicAccessBlock]("")
	}
	return source.Known(source.PublicAccessBlock(*block))
}

func tagFact(all map[string]string) source.Fact[[]source.Tag] {
	if len(all) == 0 {
		return source.Absent[[]source.Tag]("")
	}
	var list []source.Tag
	for _, k := range slices.Sorted(maps.Keys(all)) {
		list = append(list, source.Tag{Key: k, Value: all[k]})
	}
	return source.Known(list)
}

func itemTags(part struct {
	Sets []struct {
		Tags map[string]string `json:"tags"`
	} `json:"tagSets"`
}) (source.Fact[[]source.Tag], error) {
	all := map[string]string{}
	for _, set := range part.Sets {
		maps.Copy(all, set.Tags)
	}
	return tagFact(all), nil
}

func itemVersioning(part struct {
	Status string `json:"status"`
}) (source.Fact[bool], error) {
	switch part.Status {
	case "Enabled", "Suspended":
		return source.Known(part.Status == "Enabled"), nil
	case "Off", "":
		return source.Absent[bool](""), nil
	default:
		return source.Fact[bool]{}, fmt.Errorf("status %q", part.Status)
	}
}

func itemPolicy(part struct {
	Text *string `json:"policyText"`
}) (source.Fact[string], error) {
	if part.Text == nil {
		return source.Absent[string](""), nil
	}
	return source.Known(*part.Text), nil
}

func itemACL(part struct {
	Grants []struct {
		Grantee    json.RawMessage `json:"grantee"`
		Permission string          `json:"permission"`
	} `json:"grantList"`
}) (source.Fact[[]source.Grant], error) {
	grants := []source.Grant{}
	for _, g := range part.Grants {
		grant, err := itemGrantee(g.Grantee)
		if err != nil {
			return source.Fact[[]source.Grant]{}, err
		}
		if grant.Permission = aclPermissions[g.Permission]; grant.Permission == "" {
			return source.Fact[[]source.Grant]{}, fmt.Errorf("permission %q", g.Permission)
		}
		grants = append(grants, grant)
	}
	return source.Known(grants), nil
}

// aclPermissions are the permissions as AWS Config and as S3 spell them.
var aclPermissions = map[string]string{
	"FullControl": "FULL_CONTROL", "Read": "READ", "Write": "WRITE", "ReadAcp": "READ_ACP", "WriteAcp": "WRITE_ACP",
	"FULL_CONTROL": "FULL_CONTROL", "READ": "READ", "WRITE": "WRITE", "READ_ACP": "READ_ACP", "WRITE_ACP": "WRITE_ACP",
}

// itemGrantee reads a grantee: the name of a group, or an object with the id of a user or the URI of a group.
func itemGrantee(raw json.RawMessage) (source.Grant, error) {
	var name string
	if json.Unmarshal(raw, &name) == nil {
		return groupGrant(name)
	}
	var g struct {
		ID    string `json:"id"`
		URI   string `json:"uri"`
		Email string `json:"emailAddress"`
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		return source.Grant{}, err
	}
	switch {
	case g.URI != "":
		return groupGrant(g.URI)
	case g.Email != "":
		return source.Grant{GranteeType: "AmazonCustomerByEmail", Grantee: g.Email}, nil
	case g.ID != "":
		return source.Grant{GranteeType: "CanonicalUser", Grantee: g.ID}, nil
	default:
		return source.Grant{}, fmt.Errorf("a grantee without id, uri or emailAddress")
	}
}

func groupGrant(name string) (source.Grant, error) {
	for _, uri := range []string{source.AllUsers, source.AuthenticatedUsers, source.LogDelivery} {
		if name == uri || strings.HasSuffix(uri, "/"+name) {
			return source.Grant{GranteeType: "Group", Grantee: uri}, nil
		}
	}
	return source.Grant{}, fmt.Errorf("group %q", name)
}

func itemOwnership(part struct {
	Rules []struct {
		Ownership string `json:"objectOwnership"`
	} `json:"rules"`
}) (source.Fact[string], error) {
	if len(part.Rules) == 0 {
		return source.Absent[string](""), nil
	}
	switch o := part.Rules[0].Ownership; o {
	case "BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter":
		return source.Known(o), nil
	default:
		return source.Fact[string]{}, fmt.Errorf("object ownership %q", o)
	}
}

// encryptionPart is the default encryption of a bucket.
type encryptionPart struct {
	Rules []struct {
		Default struct {
			Algorithm string `json:"sseAlgorithm"`
			Key       string `json:"kmsMasterKeyID"`
		} `json:"applyServerSideEncryptionByDefault"`
	} `json:"rules"`
}

func itemEncryption(part encryptionPart) (source.Fact[string], error) {
	if len(part.Rules) == 0 || part.Rules[0].Default.Algorithm == "" {
		return source.Absent[string](""), nil
	}
	return source.Known(part.Rules[0].Default.Algorithm), nil
}

func itemKMSKey(part encryptionPart) (source.Fact[string], error) {
	if len(part.Rules) == 0 || part.Rules[0].Default.Key == "" {
		return source.Absent[string](""), nil
	}
	return source.Known(part.Rules[0].Default.Key), nil
}

// A replicationPart's rules are a map by rule id.
type replicationPart struct {
	Rules map[string]struct {
		Status      string `json:"status"`
		Destination struct {
			Bucket  string `json:"bucketARN"`
			Account string `json:"account"`
		} `json:"destinationConfig"`
	} `json:"rules"`
}

func itemReplication(part replicationPart) (source.Fact[[]source.ReplicationRule], error) {
	if len(part.Rules) == 0 {
		return source.Absent[[]source.ReplicationRule](""), nil
	}
	var rules []source.ReplicationRule
	for _, id := range slices.Sorted(maps.Keys(part.Rules)) {
		r := part.Rules[id]
		rule := source.ReplicationRule{ID: id, Enabled: r.Status == "Enabled", Bucket: source.Known(r.Destination.Bucket), Account: source.Absent[string]("")}
		if r.Destination.Account != "" {
			rule.Account = source.Known(r.Destination.Account)
		}
		rules = append(rules, rule)
	}
	return source.Known(rules), nil
}
