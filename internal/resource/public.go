package resource

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
)

// PublicPolicy reports whether a bucket's or an access point's policy is public in S3's own meaning, which decides about RestrictPublicBuckets
// and drives Macie's effectivePermission. It is not Access Analyzer's (reach.IsPublic), and differs from it both ways.
//
// A policy is presumed public. It is not if each statement that allows is limited to fixed values, without wildcard or variable, of one of: a
// principal; a key in fixedKeys. A Deny limits what its complement leaves: "denied unless aws:SourceVpc is vpc-1" is as good as "allowed if it
// is". Actions are not looked at, also those that do not exist count. In an access point's policy (accessPoint) s3:DataAccessPointArn limits
// nothing.
//
// Source: "The meaning of 'public'" in "Blocking public access to your Amazon S3 storage", Amazon S3 User Guide; access-analyzer.md 4.9. That
// Deny statements count is not in the guide, which speaks of what a policy grants; they are taken away first.
func PublicPolicy(p *iam.Policy, accessPoint bool) bool {
	return slices.ContainsFunc(p.Statements, func(s iam.Statement) bool {
		return s.Effect == iam.Allow && !limited(&s, accessPoint) && !guardedBy(&s, p, accessPoint)
	})
}

// limited reports whether an Allow statement by itself lets in fixed values only, or nobody.
func limited(s *iam.Statement, accessPoint bool) bool {
	if len(s.Actions.List) == 0 && !s.Actions.Not {
		return true
	}
	if ps := s.Principals; ps != nil && !ps.Not && !slices.ContainsFunc(ps.List, func(p iam.Principal) bool {
		return p.Kind == iam.Everyone || p.Kind == iam.EveryService || p.Kind == iam.EveryFederatedProvider
	}) {
		return true
	}
	return slices.ContainsFunc(s.Conditions, func(c iam.Condition) bool { return limits(s, &c, accessPoint) })
}

// limits reports whether a condition of an Allow statement holds for fixed values of a key only.
func limits(s *iam.Statement, c *iam.Condition, accessPoint bool) bool {
	op := c.Operator
	if op.Test == iam.Null || op.Test.Negated() || op.Test.Relation() != iam.Equal {
		return false
	}
	switch op.Qualifier {
	case iam.NoQualifier:
		if op.IfExists {
			return false // holds of everyone who does not have the key
		}
	case iam.ForAllValues:
		// Holds of everyone who does not have the key, unless another condition asks for it.
		if !slices.ContainsFunc(s.Conditions, func(n iam.Condition) bool { return demands(&n, c.Key.Folded) }) {
			return false
		}
	}
	return fixedValues(c, accessPoint)
}

// demands reports whether a condition holds only if the key is there.
func demands(c *iam.Condition, key string) bool {
	return c.Operator.Test == iam.Null && c.Operator.Qualifier == iam.NoQualifier && c.Key.Folded == key &&
		!slices.ContainsFunc(c.Values, func(v iam.Value) bool { return v.True })
}

// guardedBy reports whether Deny statements leave nothing of an Allow statement but fixed values.
func guardedBy(s *iam.Statement, p *iam.Policy, accessPoint bool) bool {
	return slices.ContainsFunc(p.Statements, func(d iam.Statement) bool {
		return d.Effect == iam.Deny && deniesOthers(&d, accessPoint) && coversActions(&d.Actions, &s.Actions) && coversResources(d.Resources, s.Resources)
	})
}

// deniesOthers reports whether a Deny statement is about everyone, or everyone but principals it names, and spares nobody but requests with
// fixed values.
func deniesOthers(d *iam.Statement, accessPoint bool) bool {
	everyone := d.Principals == nil || slices.ContainsFunc(d.Principals.List, func(p iam.Principal) bool { return p.Kind == iam.Everyone })
	if d.Principals != nil && d.Principals.Not {
		everyone = !everyone
	}
	return everyone && !slices.ContainsFunc(d.Conditions, func(c iam.Condition) bool { return !spares(&c, accessPoint) })
}

// spares reports whether a condition of a Deny statement fails for fixed values only: it is negated, and so holds of requests without the key.
func spares(c *iam.Condition, accessPoint bool) bool {
	return c.Operator.Test.Negated() && c.Operator.Qualifier == iam.NoQualifier && fixedValues(c, accessPoint)
}

// coversActions reports whether one Action element matches surely all that another does.
func coversActions(by, all *iam.Actions) bool {
	if by.Not || all.Not {
		return !by.Not && slices.ContainsFunc(by.List, func(a iam.Action) bool { return a.Pattern.IsEverything() })
	}
	return !slices.ContainsFunc(all.List, func(a iam.Action) bool { return !coversAction(by, a) })
}

func coversAction(by *iam.Actions, a iam.Action) bool {
	if slices.ContainsFunc(by.List, func(b iam.Action) bool { return covers(b.Value, a.Value) && b.Pattern.Match(a.Value) }) {
		return true
	}
	n := 0
	for known := range catalog.Load().Match(a.Value) {
		n++
		if !slices.ContainsFunc(by.List, func(b iam.Action) bool { return b.Pattern.Match(known.Full) }) {
			return false
		}
	}
	return n > 0
}

// covers reports whether a pattern that matches the text of another also matches what that one matches: its own question marks, which would
// match a star, stand in the way.
func covers(by, text string) bool {
	return !strings.ContainsAny(text, "*") || !strings.Contains(by, "?")
}

func coversResources(by, all *iam.Resources) bool {
	switch {
	case by == nil:
		return true
	case by.Not:
		return false
	case slices.ContainsFunc(by.List, func(t iam.Template) bool { return !t.HasVariables() && t.Pattern.IsEverything() }):
		return true
	case all == nil || all.Not:
		return false
	}
	return !slices.ContainsFunc(all.List, func(t iam.Template) bool {
		return !slices.ContainsFunc(by.List, func(b iam.Template) bool {
			return b.Value == t.Value || !b.HasVariables() && !t.HasVariables() && covers(b.Value, t.Value) && b.Pattern.Match(t.Value)
		})
	})
}

// fixedKeys are the keys that limit a policy, by iam.FoldKey. The principal's stand for "an AWS principal, user, role, or service principal".
var fixedKeys = map[string]bool{
	"aws:principalarn": true, "aws:principalaccount": true, "aws:principalorgid": true, "aws:principalorgpaths": true,
	"aws:principalservicename": true, "aws:principalservicenameslist": true,
	"aws:sourceip": true, "aws:sourcearn": true, "aws:sourcevpc": true, "aws:sourcevpce": true, "aws:sourceowner": true, "aws:sourceaccount": true,
	"aws:userid": true, "s3:dataaccesspointarn": true, "s3:dataaccesspointaccount": true,
}

// fixedValues reports whether a condition compares a key that limits with fixed values only.
func fixedValues(c *iam.Condition, accessPoint bool) bool {
	key := c.Key.Folded
	if !fixedKeys[key] || accessPoint && key == "s3:dataaccesspointarn" {
		return false
	}
	family := c.Operator.Test.Family()
	return !slices.ContainsFunc(c.Values, func(v iam.Value) bool {
		switch {
		case key == "aws:sourceip":
			// As anything but an address range it is a text, in which there is no range.
			return family != iam.FamilyIP || v.OK && wide(v.Net)
		case family != iam.FamilyString && family != iam.FamilyARN:
			return true
		case key == "s3:dataaccesspointarn":
			return !fixedAccessPoint(v.Value)
		}
		return strings.ContainsAny(v.Value, "*?") || strings.Contains(v.Value, "${")
	})
}

// wide reports whether a range of addresses is too large to be a fixed value. Ranges of private networks do not count.
func wide(net netip.Prefix) bool {
	const most4, most6 = 8, 32
	if net.Addr().Is4() {
		return net.Bits() < most4 && !net.Addr().IsPrivate()
	}
	return net.Bits() < most6
}

// fixedAccessPoint reports whether the ARN of an access point has a fixed account; its name may have wildcards.
func fixedAccessPoint(text string) bool {
	a, err := arn.Parse(text)
	return err == nil && arn.IsAccount(a.Account) && !strings.Contains(text, "${") && !strings.ContainsAny(a.Partition+a.Service+a.Region, "*?") &&
		strings.HasPrefix(a.Resource, "accesspoint/")
}
