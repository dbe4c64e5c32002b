package eval

import "github.com/magpie-sec/magpie/internal/iam"

// Outcome is what becomes of a request.
type Outcome uint8

// The outcomes.
const (
	ImplicitDeny Outcome = iota // something that has to allow it does not
	Allowed
	ExplicitDeny // a statement denies it
)

func (o Outcome) String() string { return [...]string{"implicit deny", "allowed", "explicit deny"}[o] }

// Layer is a kind of policy in its part in a decision.
type Layer uint8

// The layers, in the order in which they are asked.
const (
	LayerRCP Layer = iota
	LayerSCP
	LayerEndpoint
	LayerResource
	LayerIdentity
	LayerBoundary
	LayerSession
)

func (l Layer) String() string {
	return [...]string{"RCP", "SCP", "endpoint", "resource", "identity", "boundary", "session"}[l]
}

// Policies is all policies that apply to a request. A layer without policies (nil) has no say, but for Identity and Resource, which then
// allow nothing.
type Policies struct {
	// RCP and SCP hold the policies of each level from the organization's root to the account, of which every level has to allow. RCPs are
	// those of the resource's account, SCPs those of the caller's; the management account has none. They bind no service-linked roles, and
	// SCPs nobody without an account.
	RCP, SCP [][]*iam.Policy
	Endpoint []*iam.Policy // of a VPC endpoint on the way
	Resource []*iam.Policy
	// ResourceAccount is the account that the resource belongs to. A caller of another account, or of none, needs the resource's policy.
	ResourceAccount string
	// Guarded says that the resource is a role or a KMS key: within the account too its policy has to allow, identity policies alone never
	// suffice.
	Guarded  bool
	Identity []*iam.Policy // of the user with its groups, or of the role
	Boundary *iam.Policy
	Session  []*iam.Policy
}

// Deciding is a statement that a decision rests on.
type Deciding struct {
	Layer     Layer
	Policy    *iam.Policy
	Statement *iam.Statement
}

// Decision is what becomes of a request, and why.
type Decision struct {
	Outcome Outcome
	// Layer is, of an explicit deny, where the first statement stands, of an implicit one the layer that does not allow, of an allowed
	// request the one that grants.
	Layer Layer
	// Statements are, of an explicit deny, all that deny; of an allowed request one that allows for each layer that had to.
	Statements []Deciding
}

// Evaluate decides a request.
//
// Sources: "Policy evaluation logic", with its pages on requests within an account and across accounts, "Permissions boundaries for IAM
// entities", "Session policies" and "Resource control policies" in the guides of IAM and AWS Organizations; access-analyzer.md 4.6.
// That "*" in a resource policy is bounded by boundary and session policies as a role's ARN is, is not published.
func Evaluate(r *Request, ps *Policies) Decision {
	e := &evaluation{r: r, ps: ps, bound: !r.Caller.serviceLinked()}
	if e.denied(); len(e.decision.Statements) > 0 {
		e.decision.Outcome, e.decision.Layer = ExplicitDeny, e.decision.Statements[0].Layer
		return e.decision
	}
	if e.decision.Layer = e.grant(); !e.refused {
		e.decision.Outcome = Allowed
		return e.decision
	}
	return Decision{Layer: e.decision.Layer}
}

type evaluation struct {
	r        *Request
	ps       *Policies
	bound    bool // control policies bind the caller
	refused  bool
	decision Decision
}

// denied collects the statements that deny the request.
func (e *evaluation) denied() {
	c := &e.r.Caller
	layer := func(l Layer, policies ...*iam.Policy) {
		for _, p := range policies {
			for i := range p.Statements {
				s := &p.Statements[i]
				if s.Effect != iam.Deny {
					continue
				}
				n := Names(s, c)
				if e.ps.Boundary != nil && c.hasAccount() && s.Principals != nil && s.Principals.Not {
					n = NamedByRole // NotPrincipal spares nobody who has a boundary
				}
				if matches(s, e.r, n) != NotNamed {
					e.decision.Statements = append(e.decision.Statements, Deciding{l, p, s})
				}
			}
		}
	}
	if e.bound {
		for _, level := range e.ps.RCP {
			layer(LayerRCP, level...)
		}
		for _, level := range e.ps.SCP {
			if c.hasAccount() {
				layer(LayerSCP, level...)
			}
		}
	}
	layer(LayerEndpoint, e.ps.Endpoint...)
	layer(LayerResource, e.ps.Resource...)
	layer(LayerIdentity, e.ps.Identity...)
	if e.ps.Boundary != nil {
		layer(LayerBoundary, e.ps.Boundary)
	}
	layer(LayerSession, e.ps.Session...)
}

// allows reports whether one of the policies allows the request, and how it names the caller at best.
func (e *evaluation) allows(l Layer, policies ...*iam.Policy) Naming {
	best, by := NotNamed, Deciding{}
	for _, p := range policies {
		for i := range p.Statements {
			s := &p.Statements[i]
			if s.Effect != iam.Allow {
				continue
			}
			if n := Matches(s, e.r); n > best {
				best, by = n, Deciding{l, p, s}
			}
		}
	}
	if best != NotNamed {
		e.decision.Statements = append(e.decision.Statements, by)
	}
	return best
}

// grant walks the layers that have to allow. It returns the one that grants, or, having refused, the one that does not.
func (e *evaluation) grant() Layer {
	c, ps := &e.r.Caller, e.ps
	for _, level := range ps.RCP {
		if e.bound && e.allows(LayerRCP, level...) == NotNamed {
			return e.refuse(LayerRCP)
		}
	}
	for _, level := range ps.SCP {
		if e.bound && c.hasAccount() && e.allows(LayerSCP, level...) == NotNamed {
			return e.refuse(LayerSCP)
		}
	}
	if ps.Endpoint != nil && e.allows(LayerEndpoint, ps.Endpoint...) == NotNamed {
		return e.refuse(LayerEndpoint)
	}
	named := e.allows(LayerResource, ps.Resource...)
	within := c.Account != "" && c.Account == ps.ResourceAccount
	switch {
	case named == NotNamed && (!within || ps.Guarded):
		return e.refuse(LayerResource)
	case !c.hasAccount() && c.Account == "":
		return LayerResource
	case within && named == NamedDirectly:
		return LayerResource
	case within && named == NamedByRole:
		return e.limit(LayerResource)
	}
	if c.Kind != Root && e.allows(LayerIdentity, ps.Identity...) == NotNamed {
		return e.refuse(LayerIdentity)
	}
	return e.limit(LayerIdentity)
}

// limit asks what can only restrict the caller.
func (e *evaluation) limit(granting Layer) Layer {
	ps := e.ps
	if ps.Boundary != nil && e.r.Caller.Kind != Root && e.allows(LayerBoundary, ps.Boundary) == NotNamed {
		return e.refuse(LayerBoundary)
	}
	// A federated user has what the policy of its session allows, and nothing without one.
	if (ps.Session != nil || e.r.Caller.Kind == FederatedUser) && e.allows(LayerSession, ps.Session...) == NotNamed {
		return e.refuse(LayerSession)
	}
	return granting
}

func (e *evaluation) refuse(l Layer) Layer {
	e.refused = true
	return l
}
