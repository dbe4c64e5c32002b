package lint

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
	"github.com/magpie-sec/magpie/internal/iam/glob"
)

// bare is a value with the escapes of wildcards taken out, if the policy has them.
func (l *linter) bare(v *iam.Value) string {
	if l.policy.Version != iam.Version2012 || !strings.Contains(v.Value, "${") {
		return v.Value
	}
	return escapes.Replace(v.Value)
}

var escapes = strings.NewReplacer("${*}", "", "${?}", "", "${$}", "")

// plain reports whether a value stands for itself.
func plain(v *iam.Value, wildcards bool) bool {
	return !strings.Contains(v.Value, "${") && (!wildcards || !hasWildcard(v.Value))
}

// hasWildcards reports whether a test takes stars for wildcards.
func hasWildcards(t iam.Test) bool {
	return t == iam.StringLike || t == iam.StringNotLike || t.Family() == iam.FamilyARN
}

// byValues asks about each value.
var byValues = &family{condition: func(l *linter, _ *statement, c *iam.Condition) {
	key, op := l.key(&c.Key), c.Operator
	family := op.Test.Family()
	exact := family == iam.FamilyString && !hasWildcards(op.Test)
	text := family == iam.FamilyString || family == iam.FamilyARN
	for i := range c.Values {
		v := &c.Values[i]
		if exact && hasWildcard(l.bare(v)) {
			l.add("WILDCARD_WITHOUT_LIKE_OPERATOR", fmt.Sprintf("%s has no wildcards: if %s is meant as a pattern, use an operator with Like.", op.Test, quote(v.Value)), v.Span)
		}
		if family == iam.FamilyDate && v.OK && !key.is("aws:EpochTime") && !isDate(v.Value) {
			l.add("INVALID_DATE_VALUE", fmt.Sprintf("%s may not be the time that is meant: write YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ.", quote(v.Value)), v.Span)
		}
		if family == iam.FamilyIP {
			if net, err := netip.ParsePrefix(v.Value); err == nil && net != net.Masked() && net.Addr().Is4() {
				l.add("IMPROVE_IP_RANGE", fmt.Sprintf("The bits behind the prefix do not count: write %s.", net.Masked()), v.Span)
			}
		}
		if !text || key.ConditionKey == nil {
			continue
		}
		wild := hasWildcards(op.Test)
		switch {
		case key.is("aws:RequestedRegion", "ec2:Region"):
			if plain(v, wild) && !isRegion(v.Value) {
				l.add("INVALID_REGION", fmt.Sprintf("%s is no Region.%s", quote(v.Value), nearRegion(v.Value)), v.Span)
			}
		case key.is("aws:SourceVpc"):
			if !l.isID(v, "vpc-", wild) {
				l.add("INVALID_VPC_FORMAT", fmt.Sprintf("%s is no VPC: vpc- and 8 or 17 letters and digits.", quote(v.Value)), v.Span)
			}
		case key.is("aws:SourceVpce"):
			if !l.isID(v, "vpce-", wild) {
				l.add("INVALID_VPCE_FORMAT", fmt.Sprintf("%s is no VPC endpoint: vpce- and 8 or 17 letters and digits.", quote(v.Value)), v.Span)
			}
		case key.is("s3:x-amz-server-side-encryption-aws-kms-key-id"):
			if !strings.Contains(v.Value, "${") && !l.isKMSKey(v.Value) {
				l.add("INVALID_KMS_KEY_VALUE", fmt.Sprintf("%s is not the ARN of a KMS key.", quote(v.Value)), v.Span)
			}
		case key.is("kms:ViaService"):
			if plain(v, wild) && !isViaService(v.Value) {
				l.add(iam.InvalidServicePrincipalFormat, fmt.Sprintf("%s has not the form service.region.amazonaws.com.", quote(v.Value)), v.Span)
			}
		case key.is("aws:PrincipalServiceName", "aws:PrincipalServiceNamesList", "iam:PassedToService", "iam:AWSServiceName", "aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast"):
			switch {
			case !plain(v, wild):
			case !isService(v.Value):
				l.add(iam.InvalidServicePrincipalFormat, fmt.Sprintf("%s has not the form service.amazonaws.com.", quote(v.Value)), v.Span)
			case strings.HasPrefix(key.Name, "aws:CalledVia"):
				l.calledVia(v)
			}
		}
		l.permissive(c, key, v, wild)
	}
}}

// calledVia asks whether there is the service that a request came through. Not all are called as in actions, so that only a name is told
// that is nearly a service's.
func (l *linter) calledVia(v *iam.Value) {
	name, ok := strings.CutSuffix(v.Value, ".amazonaws.com")
	if !ok || l.catalog.Service(name) != nil || l.full("INVALID_SERVICE") {
		return
	}
	if meant := l.nearService(name); meant != nil && near(name, meant.Prefix) {
		l.add("INVALID_SERVICE", fmt.Sprintf("There is no service %s. Did you mean %s?", quote(name), meant.Prefix), v.Span)
	}
}

// isDate tells the forms that say what they mean: a day, or a time with its zone.
func isDate(s string) bool {
	const day, zoned = len("2006-01-02"), len("2006-01-02T15:04Z")
	return len(s) <= day && !allDigits(s) || len(s) == len("2006") || len(s) >= zoned && strings.Contains(s, "T") && (strings.HasSuffix(s, "Z") || strings.ContainsAny(s[len("2006-01-02T15:04"):], "+-"))
}

func allDigits(s string) bool {
	return strings.Trim(s, "+-0123456789.") == "" && !strings.Contains(s[min(len(s), 1):], "-")
}

// isID reports whether a value is, or as a pattern can match, an id of a prefix and 8 or 17 letters and digits.
func (l *linter) isID(v *iam.Value, prefix string, wild bool) bool {
	if strings.Contains(v.Value, "${") {
		return true
	}
	if !wild || !hasWildcard(v.Value) {
		rest, ok := strings.CutPrefix(v.Value, prefix)
		return ok && (len(rest) == 8 || len(rest) == 17) && strings.Trim(rest, alphanumerics) == ""
	}
	if !l.spend(10 * costMeet(len(v.Value), 40)) {
		return true
	}
	for _, n := range [...]int{8, 17} {
		if apart, err := glob.Disjoint(v.Template.Pattern, glob.Compile(prefix+strings.Repeat("?", n))); err != nil || !apart {
			return true
		}
	}
	return false
}

const alphanumerics = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func (l *linter) isKMSKey(text string) bool {
	key := l.catalog.Service("kms").ResourceType("key")
	return !l.spend(costMeet(len(text), len(key.ARNs[0]))) || key.Meets(text)
}

func isService(s string) bool { return strings.Contains(s, ".") && !strings.ContainsAny(s, " :/") }

func isViaService(s string) bool {
	words := strings.Split(s, ".")
	return len(words) >= 4 && words[0] != "" && isRegion(words[1]) // the domain depends on the partition
}

// permissive is about wildcards and variables in keys for which they have no honest use (access-analyzer.md 2.6).
func (l *linter) permissive(c *iam.Condition, key keyFact, v *iam.Value, wild bool) {
	text := l.bare(v)
	variable := v.Template.HasVariables()
	wild = wild && hasWildcard(withoutVariables(text, variable))
	switch {
	case key.Sensitive:
		if wild {
			l.add("WILDCARD_USAGE_TOO_PERMISSIVE", fmt.Sprintf("%s names others than are meant: %s is compared with whole values.", quote(v.Value), key.Name), v.Span)
		}
		if variable && !l.wholeSensitive(v) {
			l.add("VARIABLE_USAGE_TOO_PERMISSIVE", fmt.Sprintf("The variable in %s may stand for others than are meant: %s is compared with whole values.", quote(v.Value), key.Name), v.Span)
		}
	case key.is("aws:userid"):
		if wild && !isUserIDPattern(withoutVariables(text, variable)) {
			l.add("WILDCARD_USAGE_TOO_PERMISSIVE", fmt.Sprintf("%s matches more than one user or role: write ID:* or *:name.", quote(v.Value)), v.Span)
		}
		if variable && !wild && !isUserIDPattern(l.variableAsStar(v)) {
			l.add("VARIABLE_USAGE_TOO_PERMISSIVE", fmt.Sprintf("%s matches more than one user or role: let the variable be all before or all behind the colon.", quote(v.Value)), v.Span)
		}
	}
}

// withoutVariables takes ${...} out of a text.
func withoutVariables(text string, has bool) string {
	if !has {
		return text
	}
	var b strings.Builder
	for {
		from := strings.Index(text, "${")
		if from < 0 {
			return b.String() + text
		}
		end := strings.IndexByte(text[from:], '}')
		if end < 0 {
			return b.String() + text
		}
		b.WriteString(text[:from])
		text = text[from+end+1:]
	}
}

// wholeSensitive reports whether a value is one variable for a key of the same kind: aws:ResourceOrgID compared with ${aws:PrincipalOrgID}.
func (l *linter) wholeSensitive(v *iam.Value) bool {
	if len(v.Template.Parts) != 1 || v.Template.Parts[0].Kind != iam.PartVariable {
		return false
	}
	key, _ := l.catalog.Key(v.Template.Parts[0].Key)
	return key != nil && key.Sensitive
}

func (l *linter) variableAsStar(v *iam.Value) string {
	var b strings.Builder
	for _, part := range v.Template.Parts {
		if part.Kind == iam.PartVariable {
			b.WriteByte('*')
		} else {
			b.WriteString(part.Text)
		}
	}
	return b.String()
}

// isUserIDPattern tells ID:* and *:name.
func isUserIDPattern(s string) bool {
	id, name, ok := strings.Cut(s, ":")
	return ok && (id != "" && !hasWildcard(id) && name == "*" || id == "*" && name != "" && !hasWildcard(name))
}

// private are the ranges whose addresses no request from the Internet has (RFC 1918, 3927, 4193, 4291).
var private = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("::1/128"),
}

func isPrivate(net netip.Prefix) bool {
	return slices.ContainsFunc(private, func(p netip.Prefix) bool { return p.Bits() <= net.Bits() && p.Contains(net.Addr()) })
}

// byAddresses asks whether aws:SourceIp is compared with addresses that it never is.
var byAddresses = &family{condition: func(l *linter, _ *statement, c *iam.Condition) {
	op := c.Operator
	if op.Test.Family() != iam.FamilyIP || op.IfExists || op.Qualifier != iam.NoQualifier || !l.key(&c.Key).is("aws:SourceIp") {
		return
	}
	var spans []iam.Span
	for i := range c.Values {
		if v := &c.Values[i]; v.OK && isPrivate(v.Net) {
			spans = append(spans, v.Span)
		}
	}
	const what = "requests from the Internet never come from a private address; through VPC endpoints use aws:VpcSourceIp."
	negated := op.Test.Negated()
	switch all := len(spans) == len(c.Values); {
	case len(spans) == 0:
	case all && negated:
		l.add("PRIVATE_NOT_IP_ADDRESS", "The condition always holds: "+what, spans...)
	case all:
		l.add("PRIVATE_IP_ADDRESS", "The condition never holds: "+what, spans...)
	case negated:
		l.add("PRIVATE_NOT_IP_ADDRESS_SUBSET", "Some of the ranges have no effect: "+what, spans...)
	default:
		l.add("PRIVATE_IP_ADDRESS_SUBSET", "Some of the ranges have no effect: "+what, spans...)
	}
}}

// byBounds asks whether one bound makes the others superfluous.
var byBounds = &family{condition: func(l *linter, _ *statement, c *iam.Condition) {
	if c.Operator.Test.Family() != iam.FamilyNumeric || c.Operator.Test.Relation() == iam.Equal {
		return
	}
	numbers := 0
	for i := range c.Values {
		if c.Values[i].OK {
			numbers++
		}
	}
	if numbers > 1 {
		which := "greatest"
		if r := c.Operator.Test.Relation(); r == iam.Greater || r == iam.GreaterOrEqual {
			which = "least"
		}
		l.add("REDUNDANT_CONDITION_VALUE_NUM", fmt.Sprintf("Only the %s of the values counts.", which), c.Span)
	}
}}

// byWildcards asks what a condition says whose patterns together match everything.
var byWildcards = &family{sound: true, condition: func(l *linter, _ *statement, c *iam.Condition) {
	op := c.Operator
	if op.Test != iam.StringLike && op.Test != iam.StringNotLike || !l.matchesEverything(c) {
		return
	}
	key := l.key(&c.Key)
	always := key.ConditionKey != nil && key.Presence == catalog.Always && !key.Type.Multivalued()
	// What the condition comes to: where the key is present it holds, or negated does not.
	negated := op.Test.Negated()
	switch {
	case op.Qualifier == iam.ForAnyValue && negated:
		l.add("REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION", "The condition never holds, so that the statement has no effect.", c.Span)
	case op.Qualifier == iam.ForAllValues && !negated, op.Qualifier == iam.NoQualifier && op.IfExists && !negated:
		l.add("REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION", "The condition always holds.", c.Span)
	case op.Qualifier == iam.NoQualifier && always && negated:
		l.add("REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION", fmt.Sprintf("Every request carries %s: the condition never holds, so that the statement has no effect.", quote(c.Key.Name)), c.Span)
	case op.Qualifier == iam.NoQualifier && always && !negated:
		l.add("REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION", fmt.Sprintf("Every request carries %s: the condition always holds.", quote(c.Key.Name)), c.Span)
	case negated:
		l.add("EQUIVALENT_TO_NULL_TRUE", fmt.Sprintf("The condition only asks whether %s is absent: use Null with true.", quote(c.Key.Name)), c.Span)
	default:
		l.add("EQUIVALENT_TO_NULL_FALSE", fmt.Sprintf("The condition only asks whether %s is present: use Null with false.", quote(c.Key.Name)), c.Span)
	}
}}

// matchesEverything reports whether every text matches one of a condition's patterns.
func (l *linter) matchesEverything(c *iam.Condition) bool {
	var patterns []glob.Pattern
	size := 0
	for i := range c.Values {
		t := &c.Values[i].Template
		if t.HasVariables() || t.Never {
			continue
		}
		if t.Pattern.IsEverything() {
			return true
		}
		if t.Value == "" || hasWildcard(t.Value) {
			patterns = append(patterns, t.Pattern)
			size += len(t.Value)
		}
	}
	// One pattern that is not "*" lacks some text; several hold everything only if one of them begins and one ends with a star.
	const most = 8
	if len(patterns) < 2 || len(patterns) > most || !l.spend(1_000_000) {
		return false
	}
	_, found, err := glob.WitnessWithin(1000, nil, patterns)
	return err == nil && !found
}
