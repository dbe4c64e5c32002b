package preview

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/wire"
)

func checkRole(p *Proposal, c checker) error {
	if policy := p.given.IamRole.TrustPolicy; policy != nil && *policy == "" {
		return c.refuse("trustPolicy", "must not be empty: a role has a trust policy")
	}
	return nil
}

func buildRole(b *builder) error {
	if b.isNew && b.given.IamRole.TrustPolicy == nil {
		return invalid("iamRole: a new role needs a trustPolicy")
	}
	return b.policy(b.given.IamRole.TrustPolicy)
}

// The most that a key's grants may have ("Grant constraints" in the AWS KMS Developer Guide; KmsKeyConfiguration in the API reference).
const (
	mostContextPairs     = 8
	mostContextValue     = 384 // characters
	mostKeyGrants        = 100
	defaultKeyPolicyName = "default" // the only name that a key policy can have
)

func checkKey(p *Proposal, c checker) error {
	k := p.given.KmsKey
	for name, text := range k.KeyPolicies {
		switch {
		case name != defaultKeyPolicyName:
			return c.refuse("keyPolicies", "has the name %q; the only one is %q", clip(name), defaultKeyPolicyName)
		case text == "":
			return c.refuse("keyPolicies", "has an empty policy: a key has one")
		}
	}
	if n := len(k.Grants); n > mostKeyGrants {
		return c.refuse("grants", "may have %d elements, it has %d", mostKeyGrants, n)
	}
	for _, g := range k.Grants {
		switch {
		case !isGrantee(wire.Value(g.GranteePrincipal)):
			return c.refuse("grants", "has the granteePrincipal %q, which is no principal", clip(wire.Value(g.GranteePrincipal)))
		case g.RetiringPrincipal != nil && !isGrantee(*g.RetiringPrincipal):
			return c.refuse("grants", "has the retiringPrincipal %q, which is no principal", clip(*g.RetiringPrincipal))
		case !arn.IsAccount(wire.Value(g.IssuingAccount)):
			return c.refuse("grants", "has the issuingAccount %q, which is no account", clip(wire.Value(g.IssuingAccount)))
		case g.Constraints != nil && len(g.Constraints.EncryptionContextEquals) > 0 && len(g.Constraints.EncryptionContextSubset) > 0:
			return c.refuse("grants", "has constraints on the encryption context of both sorts")
		}
		for _, operation := range g.Operations {
			if !slices.Contains(operation.Values(), operation) {
				return c.refuse("grants", "has an operation that there is not")
			}
		}
	}
	return nil
}

// isGrantee reports whether a key may be granted to someone of the name: an account, a user, a role, a session of theirs, or a service
// ("CreateGrant" in the AWS KMS API reference).
func isGrantee(name string) bool {
	if arn.IsAccount(name) {
		return true
	}
	a, err := arn.Parse(name)
	if err != nil {
		service, ok := strings.CutSuffix(strings.TrimSuffix(name, ".cn"), ".amazonaws.com")
		return ok && service != "" && !strings.ContainsAny(service, ":/*? ")
	}
	if !arn.IsAccount(a.Account) || a.Region != "" || strings.ContainsAny(a.Resource, "*?") {
		return false
	}
	kind, id, _ := strings.Cut(a.Resource, "/")
	switch a.Service {
	case "iam":
		return a.Resource == "root" || (kind == "user" || kind == "role") && id != "" && !strings.HasSuffix(id, "/")
	case "sts":
		role, session, isSession := strings.Cut(id, "/")
		return kind == "federated-user" && id != "" || kind == "assumed-role" && isSession && role != "" && session != "" && !strings.Contains(session, "/")
	}
	return false
}

func buildKey(b *builder) error {
	c := b.given.KmsKey
	if text, given := c.KeyPolicies[defaultKeyPolicyName]; given {
		if err := b.policy(&text); err != nil {
			return err
		}
	}
	if c.Grants == nil {
		return nil
	}
	grants := make([]resource.KeyGrant, 0, len(c.Grants))
	for _, g := range c.Grants {
		grant := resource.KeyGrant{Grantee: wire.Value(g.GranteePrincipal), Retiring: wire.Value(g.RetiringPrincipal)}
		for _, operation := range g.Operations {
			grant.Operations = append(grant.Operations, string(operation))
		}
		if g.Constraints != nil {
			for _, pairs := range []map[string]string{g.Constraints.EncryptionContextEquals, g.Constraints.EncryptionContextSubset} {
				if err := checkContext(pairs); err != nil {
					return err
				}
			}
			grant.Constraints.Equals, grant.Constraints.Subset = g.Constraints.EncryptionContextEquals, g.Constraints.EncryptionContextSubset
		}
		grants = append(grants, grant)
	}
	b.r.Grants = source.Known(grants)
	return nil
}

// checkContext holds an encryption context to what KMS takes.
func checkContext(pairs map[string]string) error {
	if n := len(pairs); n > mostContextPairs {
		return invalid("kmsKey: a constraint of a grant has %d pairs, which is more than %d", n, mostContextPairs)
	}
	for _, value := range pairs {
		if n := utf8.RuneCountInString(value); n > mostContextValue {
			return invalid("kmsKey: a constraint of a grant has a value of %d characters, which is more than %d", n, mostContextValue)
		}
	}
	return nil
}

// buildSecret takes a key that is named in an empty text for the service's own, which is what a secret has that names none.
func buildSecret(b *builder) error {
	c := b.given.SecretsManagerSecret
	if err := b.policy(c.SecretPolicy); err != nil || c.KmsKeyId == nil {
		return err
	}
	b.r.KMSKey, b.r.SecretKey = source.Absent[string](""), nil
	if name := *c.KmsKeyId; name != "" {
		b.r.KMSKey = source.Known(name)
		b.r.SecretKey = b.now.Key(name)
	}
	return nil
}
