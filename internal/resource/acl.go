package resource

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/source"
)

// aclActions are what the permissions of a bucket's access control list allow ("Access control list (ACL) overview" in the Amazon S3 User
// Guide; access-analyzer.md 4.8). What WRITE allows beside s3:PutObject it allows to owners only.
var aclActions = map[string][]string{
	"READ":         {"s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions"},
	"WRITE":        {"s3:PutObject"},
	"READ_ACP":     {"s3:GetBucketAcl"},
	"WRITE_ACP":    {"s3:PutBucketAcl"},
	"FULL_CONTROL": {"s3:GetBucketAcl", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions", "s3:PutBucketAcl", "s3:PutObject"},
}

// publicGroup reports whether a grant is to everyone: the world, or whoever has an AWS account.
func publicGroup(g source.Grant) bool {
	return g.Grantee == source.AllUsers || g.Grantee == source.AuthenticatedUsers
}

// ownGrant reports whether a grant is to the bucket's owner; unsure if it cannot be told.
func ownGrant(g source.Grant, owner source.Fact[source.Owner]) (own, unsure bool) {
	if g.GranteeType == "Group" {
		return false, false
	}
	id, known := owner.Get()
	return g.Grantee == "" || known && id.ID == g.Grantee, g.Grantee != "" && owner.State == source.StateUnknown
}

// foreignGrants are the grants to others than the owner and log delivery. unsure says that one of them may be to the owner after all.
func foreignGrants(grants []source.Grant, owner source.Fact[source.Owner], ignorePublic bool) (list []source.Grant, unsure bool) {
	for _, g := range grants {
		own, maybe := ownGrant(g, owner)
		if own || g.GranteeType == "Group" && !publicGroup(g) || ignorePublic && publicGroup(g) {
			continue
		}
		unsure = unsure || maybe
		list = append(list, g)
	}
	return list, unsure
}

// A statement is one that the package makes of something that is no policy.
type statement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Principal any
	Action    []string
	Resource  any `json:",omitempty"`
	Condition any `json:",omitempty"`
}

// made is a policy of such statements.
func made(statements []statement, kind iam.Kind) (*iam.Policy, error) {
	text, err := json.Marshal(map[string]any{"Version": iam.Version2012, "Statement": statements})
	if err != nil {
		return nil, err
	}
	return iam.Parse(string(text), kind)
}

// aclPolicy says as a policy what grants allow.
func aclPolicy(grants []source.Grant) (*iam.Policy, error) {
	statements := make([]statement, len(grants))
	for i, g := range grants {
		s := statement{Effect: "Allow", Principal: "*", Action: slices.Clone(aclActions[g.Permission]), Resource: "*"}
		if !publicGroup(g) {
			s.Principal = map[string]string{"CanonicalUser": strings.TrimSpace(g.Grantee)}
		}
		statements[i] = s
	}
	return made(statements, iam.Resource)
}
