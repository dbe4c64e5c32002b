package accessanalyzer

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// A filter is what ListFindings and archive rules narrow findings by: criteria by key, of which all must hold (access-analyzer.md 3.1).
type filter = map[string]accessanalyzer.Criterion

// findingKeys are the keys that every filter may have, beside principal.X and condition.X (access-analyzer.md 3.2).
var findingKeys = []string{"resource", "resourceType", "resourceOwnerAccount", "isPublic", "findingType", "resourceControlPolicyRestriction",
	"serviceControlPolicyRestriction", "error"}

// listKeys are those of lists of findings alone.
var listKeys = []string{"id", "status"}

// checkFilter refuses a filter with a key that is none, or with a criterion that asks nothing.
func checkFilter(f filter, more ...string) error {
	for _, key := range slices.Sorted(maps.Keys(f)) {
		name := "filter." + key
		switch c := f[key]; {
		case !isFilterKey(key) && !slices.Contains(more, key):
			return invalid(name, "is no key that findings can be filtered by here")
		case c.Eq == nil && c.Neq == nil && c.Contains == nil && c.Exists == nil:
			return invalid(name, "must have at least one of eq, neq, contains and exists")
		}
	}
	return nil
}

func isFilterKey(key string) bool {
	for _, prefix := range []string{"principal.", "condition."} {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			return rest != ""
		}
	}
	return slices.Contains(findingKeys, key)
}

// matches reports whether all criteria hold. member returns the value of a key, and whether there is one.
func matches(f filter, member func(key string) (string, bool)) bool {
	for key, c := range f {
		if value, exists := member(key); !holds(c, value, exists) {
			return false
		}
	}
	return true
}

// holds reports whether all operators of a criterion hold. What is not there is equal to nothing and contains nothing.
func holds(c accessanalyzer.Criterion, value string, exists bool) bool {
	equals := func(v string) bool { return exists && v == value }
	contains := func(v string) bool { return exists && strings.Contains(value, v) }
	return (c.Eq == nil || slices.ContainsFunc(c.Eq, equals)) &&
		!slices.ContainsFunc(c.Neq, equals) &&
		(c.Contains == nil || slices.ContainsFunc(c.Contains, contains)) &&
		(c.Exists == nil || *c.Exists == exists)
}

// findingMember is the value of a filter's key in a finding.
func findingMember(f *accessanalyzer.Finding) func(key string) (string, bool) {
	return func(key string) (string, bool) {
		switch key {
		case "id":
			return text(f.Id)
		case "status":
			return enum(f.Status)
		case "resource":
			return text(f.Resource)
		case "resourceType":
			return enum(f.ResourceType)
		case "resourceOwnerAccount":
			return text(f.ResourceOwnerAccount)
		case "findingType":
			return string(accessanalyzer.FindingTypeExternalAccess), true
		case "resourceControlPolicyRestriction":
			return enum(f.ResourceControlPolicyRestriction)
		case "error":
			return text(f.Error)
		case "isPublic":
			if f.IsPublic == nil {
				return "", false
			}
			return strconv.FormatBool(*f.IsPublic), true
		}
		if name, ok := strings.CutPrefix(key, "principal."); ok {
			value, exists := f.Principal[name]
			return value, exists
		}
		if name, ok := strings.CutPrefix(key, "condition."); ok {
			return conditionValue(f.Condition, name)
		}
		return "", false
	}
}

// conditionValue finds a condition by its key, which IAM compares without case.
func conditionValue(condition map[string]string, name string) (string, bool) {
	if value, ok := condition[name]; ok {
		return value, true
	}
	for key, value := range condition {
		if strings.EqualFold(key, name) {
			return value, true
		}
	}
	return "", false
}

func text(s *string) (string, bool) { return wire.Value(s), s != nil }

func enum[E ~string](e E) (string, bool) { return string(e), e != "" }
