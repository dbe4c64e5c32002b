// Package eval says what policies make of one request.
//
// Permits is the meaning of one policy; Evaluate combines all that apply to a request, within an account and across accounts.
// The rules are those of access-analyzer.md 4 and of "Policy evaluation logic" in the IAM User Guide.
package eval

import (
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
)

// CallerKind says who makes a request.
type CallerKind uint8

// The kinds of callers (access-analyzer.md 4.2).
const (
	Anonymous     CallerKind = iota // nobody signed it
	Root                            // the root user of an account
	User                            // an IAM user
	RoleSession                     // a session of a role
	FederatedUser                   // a session of GetFederationToken
	Service                         // an AWS service
	Federated                       // a web identity or SAML user, who has no account yet
	External                        // a name of another store
)

// Caller is who makes a request.
type Caller struct {
	Kind    CallerKind
	Account string // twelve digits; "" for Anonymous, Service and Federated, perhaps for External
	// ARN is aws:PrincipalArn: of the user, the role (with its path), the account's root, the federated user.
	ARN        string
	SessionARN string // of RoleSession: arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
	// UserID is aws:userid: AIDA..., or AROA...:SESSION. It may be "".
	UserID string
	// Name is the service principal of Service, the provider of Federated (as in {"Federated": ...}), the text of External.
	Name          string
	CanonicalUser string // canonical id of the account, "" if not known
}

// serviceLinked reports whether the caller is a service-linked role, which control policies do not bind.
func (c *Caller) serviceLinked() bool {
	return c.Kind == RoleSession && strings.Contains(c.ARN, ":role/aws-service-role/")
}

// Request is one request. It is not changed by evaluation.
type Request struct {
	Caller   Caller
	Action   string // service:Name, in any case
	Resource string // ARN, or "*" for actions without a resource
	Context  Context
}

// Context holds the condition keys that are present, by iam.FoldKey. Nothing is derived from the caller: Caller.Keys has what AWS derives.
type Context map[string]Values

// Values is what a condition key holds.
type Values struct {
	List []string
	// Many says that the key is multivalued, also with one value. A multivalued key without values counts as absent.
	Many bool
}

// Set gives a key one value.
func (c Context) Set(key, value string) { c[iam.FoldKey(key)] = Values{List: []string{value}} }

// SetMany gives a multivalued key its values.
func (c Context) SetMany(key string, values ...string) {
	c[iam.FoldKey(key)] = Values{List: values, Many: true}
}

func (c Context) lookup(folded string) (v Values, present bool) {
	v, present = c[folded]
	return v, present && len(v.List) > 0
}

// variable returns what a policy variable stands for: a multivalued key never does (access-analyzer.md 4.4).
func (c Context) variable(folded string) (value string, ok bool) {
	v, present := c.lookup(folded)
	if !present || v.Many {
		return "", false
	}
	return v.List[0], true
}

// Keys returns the keys that AWS derives from the caller alone (access-analyzer.md 4.5).
func (c *Caller) Keys() Context {
	keys := Context{}
	set := func(key, value string) {
		if value != "" {
			keys.Set(key, value)
		}
	}
	keys.Set("aws:PrincipalIsAWSService", "false")
	switch c.Kind {
	case Anonymous:
		keys.Set("aws:PrincipalType", "Anonymous")
		keys.Set("aws:userid", "anonymous")
		return keys
	case Service:
		keys.Set("aws:PrincipalIsAWSService", "true")
		keys.Set("aws:PrincipalServiceName", c.Name)
		return keys
	case Root:
		keys.Set("aws:PrincipalType", "Account")
		set("aws:userid", c.Account)
	case User:
		keys.Set("aws:PrincipalType", "User")
		set("aws:username", c.ARN[strings.LastIndexByte(c.ARN, '/')+1:])
	case RoleSession:
		keys.Set("aws:PrincipalType", "AssumedRole")
	case FederatedUser:
		keys.Set("aws:PrincipalType", "FederatedUser")
	}
	set("aws:PrincipalArn", c.ARN)
	set("aws:PrincipalAccount", c.Account)
	set("aws:userid", c.UserID)
	return keys
}
