package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
)

// sourceKeys say on whose behalf a service makes a request.
var sourceKeys = []string{"aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgID", "aws:SourceOrgPaths"}

// byPrincipals is about whom statements name.
var byPrincipals = &family{statement: func(l *linter, s *statement) {
	if s.Principals == nil {
		return
	}
	if s.Principals.Not && s.Effect == iam.Allow && !s.broken {
		l.add("ALLOW_WITH_NOT_PRINCIPAL", "NotPrincipal with Allow lets in everyone else, also anonymous callers: name them by Principal.", s.Principals.Span)
	}
	for i := range s.Principals.List {
		p := &s.Principals.List[i]
		if strings.Contains(p.Value, "${") && l.policy.Version == iam.Version2012 {
			l.add(iam.VariableUnsupportedInElement, fmt.Sprintf("Principals have no variables: %s is taken as it stands.", quote(p.Value)), p.Span)
		} else if p.Kind == iam.External && hasWildcard(p.Value) {
			if !isForeignPattern(p.Value) {
				l.add(iam.UnsupportedWildcardInPrincipal, fmt.Sprintf("A principal is named in full or is \"*\": use aws:PrincipalArn for patterns, not %s.", quote(p.Value)), p.Span)
			}
		} else if p.Kind == iam.External && !isForeign(p.Value) {
			l.add(iam.InvalidPrincipalFormat, fmt.Sprintf("%s is no principal: an account has twelve digits.", quote(p.Value)), p.Span)
		}
	}
}}

// isForeign reports whether a name that AWS does not know may be that of another store's user; a number or an ARN of IAM with an account of
// the wrong length is a slip.
func isForeign(name string) bool {
	account := name
	if a, err := arn.Parse(name); err == nil {
		if !slices.Contains(partitions, a.Partition) || a.Service != "iam" && a.Service != "sts" {
			return true
		}
		account = a.Account
	}
	return account == "" || strings.Trim(account, "0123456789") != ""
}

// isForeignPattern reports whether a name with wildcards may be another store's: it is no number, and no ARN of IAM with a pattern of accounts.
func isForeignPattern(name string) bool {
	account := name
	if a, err := arn.Parse(name); err == nil {
		if !slices.Contains(partitions, a.Partition) || a.Service != "iam" && a.Service != "sts" {
			return true
		}
		account = a.Account
	}
	return account == "" || strings.Trim(account, "0123456789*?") != ""
}

// byServices is about policies that let in services.
var byServices = &family{sound: true, statement: func(l *linter, s *statement) {
	if s.Principals == nil || s.Principals.Not || s.Effect != iam.Allow {
		return
	}
	var spans []iam.Span
	var names []string
	for i := range s.Principals.List {
		if p := &s.Principals.List[i]; p.Kind == iam.Service || p.Kind == iam.EveryService {
			spans, names = append(spans, p.Span), append(names, p.Value)
		}
	}
	if len(spans) == 0 {
		return
	}
	if !s.has(sourceKeys...) && !(s.onlyServices() && s.has("aws:referer")) {
		l.add("RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL", fmt.Sprintf("%s is let in on whosever behalf: add aws:SourceArn, aws:SourceAccount, aws:SourceOrgID or aws:SourceOrgPaths.", list(names)), spans...)
	}
	if !s.onlyServices() {
		return
	}
	for i := range s.Conditions {
		c := &s.Conditions[i]
		key := l.key(&c.Key)
		if key.ConditionKey == nil || !certain(c) {
			continue
		}
		switch key.Presence {
		case catalog.OrganizationMember, catalog.IAMUser, catalog.TaggedPrincipal:
			l.add("UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", fmt.Sprintf("Requests of %s do not carry %s: the statement allows nothing.", list(names), quote(c.Key.Name)),
				append([]iam.Span{c.Key.Span}, spans...)...)
		}
	}
}}

// github is the provider whose subjects are repositories.
const github = "token.actions.githubusercontent.com"

// A provider is an identity provider that a Federated principal names.
type provider struct {
	saml bool
	host string // of an OIDC provider, with its path: the prefix of its condition keys
}

func providerOf(p *iam.Principal) (result provider, ok bool) {
	if p.Kind != iam.FederatedProvider {
		return result, false
	}
	if a, err := arn.Parse(p.Value); err == nil {
		kind, name, _ := strings.Cut(a.Resource, "/")
		return provider{saml: kind == "saml-provider", host: name}, kind == "saml-provider" || kind == "oidc-provider"
	}
	return provider{host: p.Value}, strings.Contains(p.Value, ".")
}

// byFederation is about roles for identities of other providers.
var byFederation = &family{sound: true, statement: func(l *linter, s *statement) {
	if s.Principals == nil || s.Principals.Not || s.Effect != iam.Allow || s.Actions.Not {
		return
	}
	l.mismatched(s)
	if !s.names("sts:assumerolewithwebidentity") {
		return
	}
	for i := range s.Principals.List {
		p := &s.Principals.List[i]
		from, ok := providerOf(p)
		if !ok || from.saml {
			continue
		}
		prefix := iam.FoldKey(from.host) + ":"
		if !l.spend(10 * len(s.Conditions)) {
			return
		}
		isOfProvider := func(c iam.Condition) bool { return strings.HasPrefix(c.Key.Folded, prefix) }
		switch {
		case from.host == github:
			if !slices.ContainsFunc(s.Conditions, func(c iam.Condition) bool { return c.Key.Folded == github+":sub" }) {
				l.add("MISSING_GITHUB_REPO_CONDITION_KEY", "Workflows of every repository are let in: add "+github+":sub.", p.Span)
			}
		case !slices.ContainsFunc(s.Conditions, isOfProvider):
			l.add("MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL", fmt.Sprintf("Every identity of %s is let in: add one of its condition keys, such as %s.", quote(from.host), quote(from.host+":aud")), p.Span)
		}
	}
}}

// mismatched tells actions of which no principal of the statement can make use.
func (l *linter) mismatched(s *statement) {
	var names []string
	var spans []iam.Span
	for i := range s.Principals.List {
		names, spans = append(names, s.Principals.List[i].Value), append(spans, s.Principals.List[i].Span)
	}
	if len(names) == 0 {
		return
	}
	for i := range s.actions {
		a := &s.actions[i]
		if a.exact == nil || !l.spend(10*len(names)) {
			continue
		}
		var suits func(p *iam.Principal) bool
		switch a.exact.Full {
		case "sts:AssumeRole":
			suits = func(p *iam.Principal) bool { return p.Kind != iam.FederatedProvider }
		case "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML":
			saml := a.exact.Full == "sts:AssumeRoleWithSAML"
			suits = func(p *iam.Principal) bool {
				from, ok := providerOf(p)
				return p.Kind == iam.Everyone || p.Key == "Federated" && (!ok || from.saml == saml)
			}
		default:
			continue
		}
		if !slices.ContainsFunc(s.Principals.List, func(p iam.Principal) bool { return suits(&p) }) {
			l.add("MISMATCHED_ACTION_FOR_PRINCIPAL", fmt.Sprintf("%s cannot call %s: AWS principals and services assume a role by sts:AssumeRole, OIDC providers' identities by sts:AssumeRoleWithWebIdentity, SAML providers' by sts:AssumeRoleWithSAML.",
				list(names), a.exact.Full), append([]iam.Span{a.Span}, spans...)...)
		}
	}
}

// byGitHub asks whether a pattern of subjects lets in more than one repository and branch.
var byGitHub = &family{sound: true, condition: func(l *linter, s *statement, c *iam.Condition) {
	if s.Effect != iam.Allow || c.Key.Folded != github+":sub" || c.Operator.Test != iam.StringLike {
		return
	}
	branchElsewhere := slices.ContainsFunc(s.Conditions, func(c iam.Condition) bool {
		return c.Key.Folded == github+":ref" && !slices.ContainsFunc(c.Values, func(v iam.Value) bool { return hasWildcards(c.Operator.Test) && hasWildcard(v.Value) })
	})
	for i := range c.Values {
		v := &c.Values[i]
		rest, ok := strings.CutPrefix(v.Value, "repo:")
		repo, branch, _ := strings.Cut(rest, ":")
		if hasWildcard(v.Value) && (!ok || hasWildcard(repo) || hasWildcard(branch) && !branchElsewhere) {
			l.add("SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED", fmt.Sprintf("%s lets in workflows of several repositories or branches: name one.", quote(v.Value)), v.Span)
		}
	}
}}

// byTrust is about trust policies as a whole.
var byTrust = &family{policy: func(l *linter, statements []*statement) {
	allows := func(full string, of func(*statement) bool) bool {
		return slices.ContainsFunc(statements, func(s *statement) bool { return s.Effect == iam.Allow && of(s) && s.names(full) })
	}
	anywhere := func(s *statement) bool {
		return s.Principals != nil && !s.Principals.Not && slices.ContainsFunc(s.Principals.List, func(p iam.Principal) bool { return p.Kind == iam.Service && p.Value == "rolesanywhere.amazonaws.com" })
	}
	any := func(*statement) bool { return true }
	told := false
	for _, s := range statements {
		if s.broken || s.Effect != iam.Allow {
			continue
		}
		if anywhere(s) && !told {
			var missing []string
			for _, full := range []string{"sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"} {
				if !allows(full, anywhere) {
					missing = append(missing, full)
				}
			}
			if len(missing) > 0 {
				told = true
				l.add("MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY", fmt.Sprintf("Roles Anywhere needs %s too.", list(missing)), s.Actions.Span)
			}
		}
		for i := range s.Conditions {
			c := &s.Conditions[i]
			needs := ""
			switch key := l.key(&c.Key); {
			case key.is("sts:SourceIdentity"):
				needs = "sts:SetSourceIdentity"
			case key.is("sts:TransitiveTagKeys", "aws:RequestTag/${TagKey}", "aws:TagKeys"):
				needs = "sts:TagSession"
			}
			if needs != "" && certain(c) && !allows(needs, any) {
				l.add("MISSING_ACTION_FOR_CONDITION_KEY", fmt.Sprintf("Only callers who may call %s can set %s: the condition never holds.", needs, quote(c.Key.Name)), c.Key.Span, s.Actions.Span)
			}
		}
	}
}, statement: func(l *linter, s *statement) {
	if s.Principals == nil {
		return
	}
	roles := map[string]bool{}
	for i := range s.Principals.List {
		if p := &s.Principals.List[i]; p.Kind == iam.Role {
			roles[p.Account+"/"+p.Name[strings.LastIndexByte(p.Name, '/')+1:]] = true
		}
	}
	for i := range s.Principals.List {
		if p := &s.Principals.List[i]; p.Kind == iam.RoleSession && roles[p.Account+"/"+p.Name] {
			l.add("REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY", "The role of this session is named too, and with it all its sessions.", p.Span)
		}
	}
}}
