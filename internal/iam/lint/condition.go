package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
)

// byKeys asks whether there is the condition key.
var byKeys = &family{condition: func(l *linter, _ *statement, c *iam.Condition) {
	prefix, name, ok := strings.Cut(c.Key.Name, ":")
	if !ok || prefix == "" || name == "" {
		return // the parser has told
	}
	if strings.Contains(c.Key.Name, "${") && l.policy.Version == iam.Version2012 {
		l.add(iam.VariableUnsupportedInElement, fmt.Sprintf("A condition key has no variables: %s is taken as it stands.", quote(c.Key.Name)), c.Key.Span)
		return
	}
	if l.key(&c.Key).ConditionKey != nil {
		return
	}
	if k, _ := l.catalog.Key(strings.TrimSuffix(c.Key.Name, "/") + "/x"); k != nil && k.Template() && !strings.HasPrefix(k.Name, "$") {
		l.add("MISSING_TAG_KEY_IN_CONDITION", fmt.Sprintf("The key %s lacks the name of a tag, %s/name.", quote(c.Key.Name), quote(strings.TrimSuffix(c.Key.Name, "/"))), c.Key.Span)
		return
	}
	code := iam.Code("INVALID_SERVICE_CONDITION_KEY")
	switch folded := iam.FoldKey(prefix); {
	case folded == "aws":
		code = "INVALID_GLOBAL_CONDITION_KEY"
	case strings.ContainsAny(prefix, "./"), folded == "saml":
		return // a provider of identities, whose claims are its own
	case l.catalog.Service(prefix) != nil:
	case l.catalog.KeyPrefixKnown(prefix):
		return // known for a few keys that are no service's
	default:
		if !l.full("INVALID_SERVICE") {
			hint := ""
			if near := l.nearService(prefix); near != nil {
				hint = " Did you mean " + near.Prefix + "?"
			}
			l.add("INVALID_SERVICE", fmt.Sprintf("There is no service %s, which the condition key %s names.%s", quote(prefix), quote(c.Key.Name), hint), c.Key.Span)
		}
		return
	}
	if !l.full(code) {
		hint := ""
		if near := l.catalog.NearestKey(c.Key.Name); near != nil {
			hint = " Did you mean " + near.Name + "?"
		}
		l.add(code, fmt.Sprintf("There is no condition key %s.%s", quote(c.Key.Name), hint), c.Key.Span)
	}
}}

var familyTypes = map[iam.Family]catalog.Type{
	iam.FamilyString: catalog.String, iam.FamilyNumeric: catalog.Numeric, iam.FamilyDate: catalog.Date, iam.FamilyBool: catalog.Bool,
	iam.FamilyBinary: catalog.Binary, iam.FamilyIP: catalog.IPAddress, iam.FamilyARN: catalog.ARN,
}

// byKeyTypes asks whether operator and qualifier suit the key.
var byKeyTypes = &family{condition: func(l *linter, _ *statement, c *iam.Condition) {
	key, op := l.key(&c.Key), c.Operator
	if key.is("aws:ARN") {
		l.add("DEPRECATED_GLOBAL_CONDITION_KEY", "aws:ARN is out of date: use aws:PrincipalArn or aws:SourceArn.", c.Key.Span)
	}
	if key.ConditionKey == nil || op.Test == iam.Null {
		return
	}
	multivalued := key.Type.Multivalued()
	audience := key.Name == "${Provider}:aud"
	singleAudience := !audience && !multivalued && strings.HasSuffix(c.Key.Folded, ":aud")
	switch {
	case multivalued && op.Qualifier == iam.NoQualifier && !key.single():
		l.add("MISSING_QUALIFIER", fmt.Sprintf("Requests carry several values of %s: use ForAllValues or ForAnyValue.", quote(c.Key.Name)), c.Key.Span)
	case audience && op.Qualifier != iam.NoQualifier:
		l.add("CONFIRM_AUDIENCE_CLAIM_TYPE", fmt.Sprintf("%s suits an audience claim only if the provider gives several audiences.", op), c.Key.Span)
	case singleAudience && op.Qualifier == iam.ForAnyValue:
		l.add("FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE", fmt.Sprintf("%s has one value: leave ForAnyValue out.", quote(c.Key.Name)), c.Key.Span)
	case !multivalued && op.Qualifier == iam.ForAllValues && !key.many():
		l.add("FORALLVALUES_WITH_SINGLE_VALUED_KEY", fmt.Sprintf("%s has one value, and ForAllValues also holds where the key is absent: leave it out.", quote(c.Key.Name)), c.Key.Span)
	}
	if op.Test.Family() == iam.FamilyBool && len(c.Values) > 1 && !multivalued {
		l.add("INVALID_CONDITION_MULTIPLE_BOOLEAN", fmt.Sprintf("%s has one value, true or false.", quote(c.Key.Name)), c.Span)
	}
	l.operator(c, key)
}}

// operator compares the operator's type with the key's.
func (l *linter) operator(c *iam.Condition, key keyFact) {
	test := c.Operator.Test
	if key.takes(familyTypes[test.Family()]) || key.is("aws:FederatedProvider") { // which may be an ARN
		return
	}
	want := key.Type.Element()
	if want == catalog.ARN && test.Family() == iam.FamilyString {
		// As observed: whole ARNs may be compared as texts; and a pattern that is not written as an ARN, such as *${ec2:InstanceId}, has no other
		// operator.
		if !hasWildcards(test) || !slices.ContainsFunc(c.Values, func(v iam.Value) bool { return strings.HasPrefix(v.Value, "arn:") }) {
			return
		}
		l.add("STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS", fmt.Sprintf("The wildcards of %s run over the fields of an ARN: use an ARN operator for %s.", test, quote(c.Key.Name)), c.Key.Span)
		return
	}
	l.add("TYPE_MISMATCH", fmt.Sprintf("The values of %s are of type %s: %s compares others.", quote(c.Key.Name), want, test), c.Key.Span)
}

// sameName gives all entries of the catalogue with the name of a key.
func (l *linter) sameName(key *catalog.ConditionKey) []*catalog.ConditionKey {
	all := l.catalog.Keys()
	order := func(k *catalog.ConditionKey, name string) int { return strings.Compare(iam.FoldKey(k.Name), name) }
	from, found := slices.BinarySearchFunc(all, iam.FoldKey(key.Name), order)
	if !found {
		return []*catalog.ConditionKey{key}
	}
	to := from
	for to < len(all) && strings.EqualFold(all[to].Name, key.Name) {
		to++
	}
	return all[from:to]
}

func (k keyFact) takes(t catalog.Type) bool {
	return slices.ContainsFunc(k.all, func(k *catalog.ConditionKey) bool { return k.Takes(t) })
}

// single reports whether some service has one value for the key, many whether some has several.
func (k keyFact) single() bool {
	return slices.ContainsFunc(k.all, func(k *catalog.ConditionKey) bool { return !k.Type.Multivalued() })
}

func (k keyFact) many() bool {
	return slices.ContainsFunc(k.all, func(k *catalog.ConditionKey) bool { return k.Type.Multivalued() })
}

// pairs are keys that say little without another one.
var pairs = []struct {
	key, why string
	with     []string
}{
	{"aws:VpcSourceIp", "addresses repeat from network to network", []string{"aws:SourceVpc", "aws:SourceVpce", "aws:SourceVpcArn"}},
	{"aws:Ec2InstanceSourcePrivateIPv4", "addresses repeat from network to network", []string{"aws:Ec2InstanceSourceVpc"}},
}

// byCompany asks about keys in the light of the statement they are in.
var byCompany = &family{sound: true, condition: func(l *linter, s *statement, c *iam.Condition) {
	key, op := l.key(&c.Key), c.Operator
	if key.ConditionKey == nil {
		return
	}
	for i := range pairs {
		if p := &pairs[i]; key.is(p.key) && !s.has(p.with...) {
			l.add("MISSING_PAIRED_CONDITION_KEYS", fmt.Sprintf("%s lets in more than was meant, since %s: add one of %s.", p.key, p.why, strings.Join(p.with, ", ")), c.Key.Span)
		}
	}
	switch {
	case key.is("aws:referer", "aws:UserAgent"):
		if s.onlyServices() {
			if s.Effect == iam.Allow && !s.has(sourceKeys...) {
				l.add("RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL", fmt.Sprintf("%s is a weak restriction of a service: use aws:SourceArn, aws:SourceAccount, aws:SourceOrgID or aws:SourceOrgPaths.", key.Name), c.Key.Span)
			}
		} else if op.Test != iam.Null {
			l.add("UNTRUSTWORTHY_CONDITION_KEY", fmt.Sprintf("The caller sets %s as it likes: it protects nothing.", key.Name), c.Key.Span)
		}
	case key.is("s3:prefix"):
		like := iam.StringLike
		if s.Effect == iam.Allow {
			like = iam.StringNotLike
		}
		if op.Test == like {
			l.add("S3_PREFIX_IN_NEGATIVE_CONTEXT", "A shorter prefix, which lists these names too, is not ruled out.", c.Span)
		}
	case key.is("dynamodb:Attributes"):
		if s.Effect == iam.Allow && !s.has("dynamodb:Select") && l.namesCarrier(s, "dynamodb:Select") {
			l.add("DYNAMODB_ATTRIBUTES_WITHOUT_SELECT", "Without dynamodb:Select a request that asks for no attributes gets all: add it.", c.Key.Span)
		}
	case key.is("s3:ResourceAccount", "aws:ResourceAccount"):
		l.add("IRRELEVANT_CONDITION_KEY_IN_POLICY", fmt.Sprintf("%s is the same for all requests that this policy decides.", key.Name), c.Key.Span)
	}
}}

// namesCarrier reports whether a statement's Action holds an action that carries a key.
func (l *linter) namesCarrier(s *statement, name string) bool {
	key, _ := l.catalog.Key(name)
	if key == nil || !l.spend(50_000+len(s.actions)*costMatch*len(key.Name)) {
		return false
	}
	for a := range l.catalog.ActionsWith(key) {
		if s.names(a.Full) {
			return true
		}
	}
	return false
}

// onlyServices reports whether all that a Principal element names are services.
func (s *statement) onlyServices() bool {
	return s.Principals != nil && !s.Principals.Not && len(s.Principals.List) > 0 &&
		!slices.ContainsFunc(s.Principals.List, func(p iam.Principal) bool { return p.Kind != iam.Service })
}

// certain reports whether a condition fails where its key is absent: it has a positive operator without IfExists, and no qualifier that holds of
// nothing.
func certain(c *iam.Condition) bool {
	op := c.Operator
	return !op.IfExists && op.Test != iam.Null && op.Qualifier != iam.ForAllValues && (!op.Test.Negated() || op.Qualifier == iam.ForAnyValue)
}

// isTag tells the key about tags of the resource. Those about tags of the request are left alone, as observed.
func (k keyFact) isTag() bool { return k.is("aws:ResourceTag/${TagKey}") }

// bySupport asks whether requests for the actions carry the key.
var bySupport = &family{sound: true, condition: func(l *linter, s *statement, c *iam.Condition) {
	key, op := l.key(&c.Key), c.Operator
	if key.ConditionKey == nil || op.Test == iam.Null || op.IfExists {
		return
	}
	if key.isTag() {
		l.tagSupport(s, c, key)
		return
	}
	if key.Global() {
		l.endpointSupport(s, c, key)
		return
	}
	if s.Actions.Not {
		return
	}
	var names []string
	var spans []iam.Span
	for i := range s.actions {
		a := &s.actions[i]
		if a.exact == nil || !l.spend(costSupport) {
			continue
		}
		if !slices.ContainsFunc(key.all, func(k *catalog.ConditionKey) bool { return a.exact.Supports(k) != catalog.Unsupported }) {
			names, spans = append(names, a.exact.Full), append(spans, a.Span)
		}
	}
	if len(names) > 0 {
		spans = append(spans[:min(len(spans), maxLocations-1)], c.Span)
		l.add("UNSUPPORTED_ACTION_FOR_CONDITION_KEY", fmt.Sprintf("Requests for %s do not carry %s: move the actions to a statement without it.", list(names), quote(c.Key.Name)), spans...)
	}
}}

// endpointSupport is about global keys that come with some services only.
func (l *linter) endpointSupport(s *statement, c *iam.Condition, key keyFact) {
	if s.Actions.Not {
		return
	}
	var names []string
	var spans []iam.Span
	for i := range s.actions {
		a := &s.actions[i]
		switch {
		case a.service != nil && !key.CarriedBy(a.service):
			if len(names) < maxLocations && !slices.Contains(names, a.service.Prefix) {
				names = append(names, a.service.Prefix)
			}
			spans = append(spans, a.Span)
		case a.all && slices.ContainsFunc(l.catalog.Services(), func(s catalog.Service) bool { return !key.CarriedBy(&s) }):
			names, spans = append(names, "some services"), append(spans, a.Span)
		}
	}
	if len(names) > 0 {
		spans = append(spans[:min(len(spans), maxLocations-1)], c.Key.Span)
		l.add("USE_CONDITION_KEY_ONLY_WITH_SUPPORTED_SERVICES", fmt.Sprintf("Requests to %s do not carry %s.", list(names), key.Name), spans...)
	}
}

// tagSupport is about keys of tags, which some actions never carry. A condition that holds where the key is absent is left alone: it does
// something then.
func (l *linter) tagSupport(s *statement, c *iam.Condition, key keyFact) {
	if !certain(c) {
		return
	}
	codes := [...][2]iam.Code{
		iam.Allow: {"ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", "ALLOW_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE"},
		iam.Deny:  {"DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", "DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE"},
	}[s.Effect]
	outcome := [...]string{iam.Allow: "allows", iam.Deny: "denies"}[s.Effect]
	if s.Actions.Not {
		if len(s.actions) > 0 && !slices.ContainsFunc(s.actions, func(a action) bool { return a.all }) {
			l.add(codes[1], fmt.Sprintf("Requests for many actions do not carry %s, and the statement %s none of them: list actions instead.", quote(c.Key.Name), outcome), s.Actions.Span, c.Key.Span)
		}
		return
	}
	var services []string
	var spans []iam.Span
	for i := range s.actions {
		a := &s.actions[i]
		if a.service == nil || !l.neverCarries(a, key) {
			continue
		}
		if !slices.Contains(services, a.service.Prefix) {
			services = append(services, a.service.Prefix)
		}
		spans = append(spans, a.Span)
	}
	if len(spans) > 0 {
		spans = append(spans[:min(len(spans), maxLocations-1)], c.Key.Span)
		l.add(codes[0], fmt.Sprintf("Requests for some of the actions of %s do not carry %s, and the statement %s none of them: move them to a statement without it.",
			list(services), quote(c.Key.Name), outcome), spans...)
	}
}

// neverCarries reports whether no action that a pattern of one service matches carries a key; false if it matches none.
func (l *linter) neverCarries(a *action, key keyFact) bool {
	supports := func(x *catalog.Action) bool { return x.Supports(key.ConditionKey) != catalog.Unsupported }
	if a.exact != nil {
		return l.spend(costSupport) && !supports(a.exact)
	}
	if !a.wild || !l.spend(len(a.service.Actions)*(costMatch+costSupport)) {
		return false
	}
	some := false
	for x := range l.catalog.Match(a.Value) {
		if supports(x) {
			return false
		}
		some = true
	}
	return some
}
