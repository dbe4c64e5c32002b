package eval

import (
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
)

// Naming is how a Principal element comes to match a caller; a resource policy that names the caller more directly needs less beside it
// ("Determining whether a request is allowed or denied within an account" in the IAM User Guide).
type Naming uint8

// The ways of naming, each stronger than those before it.
const (
	NotNamed        Naming          = iota
	NamedByAccount                  // delegates to the policies of the caller's account
	NamedByRole                     // the role of a session, or everyone: identity policies are not needed, boundary and session policies are
	NamedDirectly                   // the user or the session itself: nothing else of the account is needed
	NamedImplicitly = NamedDirectly // the policy has no principals: it is attached to the caller
)

// naming tells how a principal names a caller.
func naming(p *iam.Principal, c *Caller) Naming {
	is := func(same bool, n Naming) Naming {
		if same {
			return n
		}
		return NotNamed
	}
	switch p.Kind {
	case iam.Everyone:
		return NamedByRole
	case iam.Account:
		return is(c.hasAccount() && c.Account == p.Account, NamedByAccount)
	case iam.CanonicalUser:
		return is(c.hasAccount() && c.CanonicalUser != "" && c.CanonicalUser == p.Value, NamedByAccount)
	case iam.User:
		return is(c.Kind == User && c.ARN == p.Value, NamedDirectly)
	case iam.Role:
		return is(c.Kind == RoleSession && c.ARN == p.Value, NamedByRole)
	case iam.RoleSession:
		return is(c.Kind == RoleSession && c.SessionARN == p.Value, NamedDirectly)
	case iam.FederatedUser:
		return is(c.Kind == FederatedUser && c.ARN == p.Value, NamedDirectly)
	case iam.UniqueID:
		switch c.Kind {
		case User:
			return is(c.UserID == p.Value, NamedDirectly)
		case RoleSession:
			id, _, _ := strings.Cut(c.UserID, ":")
			return is(id == p.Value, NamedByRole)
		}
	case iam.Service:
		return is(c.Kind == Service && c.Name == p.Value, NamedDirectly)
	case iam.EveryService:
		return is(c.Kind == Service, NamedDirectly)
	case iam.FederatedProvider:
		return is(c.Kind == Federated && c.Name == p.Value, NamedDirectly)
	case iam.EveryFederatedProvider:
		return is(c.Kind == Federated, NamedDirectly)
	case iam.External:
		return is(c.Kind == External && c.Name == p.Value, NamedDirectly)
	}
	return NotNamed
}

// hasAccount reports whether the caller belongs to an account that policies can name.
func (c *Caller) hasAccount() bool {
	return c.Kind == Root || c.Kind == User || c.Kind == RoleSession || c.Kind == FederatedUser
}

// Names tells how a statement's Principal or NotPrincipal names a caller.
//
// NotPrincipal of an Allow is everyone whom the same Principal would not match. Of a Deny it spares only those of whom it lists every
// identity: the account, the role and the session, or the account and the user (access-analyzer.md 4.2).
func Names(s *iam.Statement, c *Caller) Naming {
	ps := s.Principals
	if ps == nil {
		return NamedImplicitly
	}
	best := NotNamed
	for i := range ps.List {
		best = max(best, naming(&ps.List[i], c))
	}
	switch {
	case !ps.Not:
		return best
	case s.Effect == iam.Deny && spares(ps.List, c), s.Effect == iam.Allow && best != NotNamed:
		return NotNamed
	}
	return NamedByRole
}

// spares reports whether a list holds every identity of a caller.
func spares(list []iam.Principal, c *Caller) bool {
	account := !c.hasAccount()
	role := c.Kind != RoleSession
	self := c.Kind == Root
	for i := range list {
		p := &list[i]
		switch n := naming(p, c); {
		case p.Kind == iam.Everyone:
			return true
		case n == NamedByAccount:
			account = true
		case n == NamedByRole:
			role = true
		case n == NamedDirectly:
			self = true
		}
	}
	return account && role && self
}
