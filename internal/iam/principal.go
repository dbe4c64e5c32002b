package iam

import (
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
)

// PrincipalKind says whom a principal names (access-analyzer.md 4.2).
type PrincipalKind uint8

// The kinds of principals.
const (
	Everyone               PrincipalKind = iota // "*" or {"AWS": "*"}: everyone, also anonymous
	Account                                     // an account by id or by its root's ARN
	User                                        // an IAM user
	Role                                        // an IAM role, with its sessions
	RoleSession                                 // one session of a role
	FederatedUser                               // one session of GetFederationToken
	UniqueID                                    // AIDA... or AROA...: a user or role by its unique id
	CanonicalUser                               // an account by its canonical id
	Service                                     // a service principal
	EveryService                                // {"Service": "*"}
	FederatedProvider                           // an identity provider, by ARN or domain
	EveryFederatedProvider                      // {"Federated": "*"}
	External                                    // a name that no AWS account has: another store's own
)

// Principal is one value of a Principal or NotPrincipal element.
type Principal struct {
	Text
	Key  string // "AWS", "Service", "Federated", "CanonicalUser", or "" for "*" alone
	Kind PrincipalKind
	// Partition and Account are those of kinds that have an account: Account (Partition is "" if it was given by id alone), User, Role,
	// RoleSession, FederatedUser.
	Partition string
	Account   string
	// Name is of User and Role what follows "user/" or "role/", with the path; of RoleSession the role's name without its path; of
	// FederatedUser its name.
	Name    string
	Session string // of RoleSession
}

// principalKeys are the keys of a Principal element.
var principalKeys = []string{"AWS", "CanonicalUser", "Federated", "Service"}

// A principalFault is what is amiss with a principal.
type principalFault struct {
	code    Code
	fatal   bool
	message string
}

// parsePrincipal reads one value under one key.
func parsePrincipal(key string, text Text, kind Kind) (p Principal, fault *principalFault) {
	p = Principal{Text: text, Key: key}
	wild := strings.ContainsAny(text.Value, "*?")
	star := text.Value == "*"
	if text.Value == "" {
		return p, &principalFault{InvalidPrincipalFormat, true, "a principal is empty"}
	}
	wildcard := &principalFault{UnsupportedWildcardInPrincipal, true, "a principal is named in full or is \"*\"; use aws:PrincipalArn for patterns, not " + clip(text.Value)}
	switch key {
	case "AWS":
		return parseAWSPrincipal(p, wildcard)
	case "CanonicalUser":
		p.Kind = CanonicalUser
		if wild {
			return p, wildcard
		}
		if len(text.Value) != 64 || strings.Trim(text.Value, "0123456789abcdef") != "" {
			fault = &principalFault{InvalidPrincipalFormat, false, "a canonical user id has 64 hexadecimal digits"}
		}
	case "Service":
		p.Kind = Service
		switch {
		case star:
			p.Kind = EveryService
		case wild:
			return p, wildcard
		case !strings.Contains(text.Value, ".") || strings.ContainsAny(text.Value, " :/"):
			fault = &principalFault{InvalidServicePrincipalFormat, false, "a service principal has the form service.amazonaws.com"}
		}
	case "Federated":
		p.Kind = FederatedProvider
		switch {
		case star:
			p.Kind = EveryFederatedProvider
			fault = &principalFault{TrustFederatedSyntax, false, "an identity provider is named by its ARN or domain"}
		case wild:
			return p, wildcard
		case !isProvider(text.Value):
			fault = &principalFault{TrustFederatedSyntax, false, "an identity provider is named by its ARN or domain"}
		}
		if kind != Trust {
			fault = &principalFault{FederatedPrincipalNotSupported, false, "federated principals stand in role trust policies only"}
		}
	}
	return p, fault
}

func isProvider(text string) bool {
	if a, err := arn.Parse(text); err == nil {
		return a.Service == "iam" && arn.IsAccount(a.Account) && (a.ResourceType() == "saml-provider" || a.ResourceType() == "oidc-provider")
	}
	return strings.Contains(text, ".") && !strings.ContainsAny(text, " :")
}

func parseAWSPrincipal(p Principal, wildcard *principalFault) (Principal, *principalFault) {
	text := p.Value
	switch {
	case text == "*":
		p.Kind = Everyone
		return p, nil
	case arn.IsAccount(text):
		p.Kind, p.Account = Account, text
		return p, nil
	case isUniqueID(text):
		p.Kind = UniqueID
		code, of := InvalidRoleReference, "role"
		if strings.HasPrefix(text, "AIDA") {
			code, of = InvalidUserReference, "user"
		}
		return p, &principalFault{code, false, "a unique id stands where a " + of + " was deleted; it matches no new one of the same name"}
	}
	wild := strings.ContainsAny(text, "*?")
	a, err := arn.Parse(text)
	if err == nil && (a.Partition == "aws" || strings.HasPrefix(a.Partition, "aws-")) && arn.IsAccount(a.Account) {
		if wild {
			return p, wildcard
		}
		if p.of(a) {
			return p, nil
		}
		return p, &principalFault{InvalidPrincipalFormat, true, clip(text) + " is no principal: only accounts, users, roles and their sessions are"}
	}
	p.Kind = External
	if wild {
		return p, &principalFault{UnsupportedWildcardInPrincipal, false, clip(text) + " is no principal of AWS, which knows no patterns here; it is taken for an external identity"}
	}
	return p, &principalFault{ForeignPrincipal, false, clip(text) + " is no principal of AWS; it is taken for an external identity"}
}

// of fills in what the ARN names; it reports whether that can be a principal.
func (p *Principal) of(a arn.ARN) bool {
	kind, name, _ := strings.Cut(a.Resource, "/")
	p.Partition, p.Account, p.Name = a.Partition, a.Account, name
	switch {
	case a.Service == "iam" && a.Region == "" && a.Resource == "root":
		p.Kind = Account
		return true
	case a.Region != "" || name == "" || strings.HasSuffix(name, "/"):
		return false
	case a.Service == "iam" && kind == "user":
		p.Kind = User
		return true
	case a.Service == "iam" && kind == "role":
		p.Kind = Role
		return true
	case a.Service == "sts" && kind == "federated-user":
		p.Kind = FederatedUser
		return true
	case a.Service == "sts" && kind == "assumed-role":
		p.Kind = RoleSession
		p.Name, p.Session, _ = strings.Cut(name, "/")
		return p.Session != "" && !strings.Contains(p.Session, "/")
	}
	return false
}

// isUniqueID tells the unique ids of users and roles ("IAM identifiers" in the IAM User Guide).
func isUniqueID(s string) bool {
	if !strings.HasPrefix(s, "AIDA") && !strings.HasPrefix(s, "AROA") || len(s) < 16 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !('A' <= c && c <= 'Z' || '0' <= c && c <= '9') {
			return false
		}
	}
	return true
}
