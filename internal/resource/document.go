package resource

import (
	"encoding/json"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/iam"
)

func isAccount(s string) bool { return arn.IsAccount(s) }
func hasColon(s string) bool  { return strings.Contains(s, ":") }

// tree makes of an evaluated value maps, lists, texts, nil and *cfn.Unknown. Numbers and Booleans become texts, which in policies is the same.
func tree(v cfn.Value) any {
	switch v.Kind() {
	case cfn.List:
		list := []any{}
		for _, item := range v.Items() {
			list = append(list, tree(item))
		}
		return list
	case cfn.Map:
		m := map[string]any{}
		for _, f := range v.Fields() {
			m[f.Name] = tree(f.Value)
		}
		return m
	case cfn.Unresolved:
		return v.Unknown()
	}
	if text, ok := v.Text(); ok {
		return text
	}
	return nil
}

// property is a property of a resource as a tree, nil if it has none.
func property(r cfn.Resource, name string) any {
	v, ok := r.Properties.Get(name)
	if !ok {
		return nil
	}
	return tree(v)
}

// firstUnknown finds something unknown in a tree.
func firstUnknown(t any) *cfn.Unknown {
	switch t := t.(type) {
	case *cfn.Unknown:
		return t
	case []any:
		for _, item := range t {
			if u := firstUnknown(item); u != nil {
				return u
			}
		}
	case map[string]any:
		for _, item := range t {
			if u := firstUnknown(item); u != nil {
				return u
			}
		}
	}
	return nil
}

// compile writes a policy, twice if it has parts that are unknown: as what it allows at most and at least.
func (e *estate) compile(policy any, kind iam.Kind, places []Place) Document {
	d := Document{Text: bounded(policy, kind, true), Places: places}
	if u := firstUnknown(policy); u != nil {
		d.Least, d.Reason = bounded(policy, kind, false), e.at(u)
	}
	return d
}

// bounded writes a policy with everything unknown widened, for the most that it may allow, or narrowed, for the least.
func bounded(policy any, kind iam.Kind, most bool) string {
	m, ok := policy.(map[string]any)
	if !ok {
		m = map[string]any{"Version": string(iam.Version2012), "Statement": []any{policy}}
		if _, unknown := policy.(*cfn.Unknown); !unknown {
			return marshal(policy)
		}
	}
	out := map[string]any{}
	for name, v := range m {
		_, unknown := v.(*cfn.Unknown)
		switch {
		case name == "Statement":
			list, isList := v.([]any)
			if !isList {
				list = []any{v}
			}
			statements := make([]any, len(list))
			for i, s := range list {
				statements[i] = boundedStatement(s, kind, most)
			}
			out[name] = statements
		case name == "Version" && unknown:
			out[name] = string(iam.Version2012)
		case unknown:
		default:
			out[name] = v
		}
	}
	return marshal(out)
}

func marshal(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "" // no policy, which its reader will say; trees of texts are always written
	}
	return string(text)
}

// nobody is a Principal that matches no one.
var nobody = map[string]any{"AWS": []any{}}

func boundedStatement(s any, kind iam.Kind, most bool) any {
	if firstUnknown(s) == nil {
		return s
	}
	m, ok := s.(map[string]any)
	effect, known := m["Effect"].(string)
	if !ok || !known {
		all := map[string]any{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
		if most {
			all["Effect"] = "Allow"
		}
		if kind == iam.Trust {
			delete(all, "Resource")
		}
		return all
	}
	widen := (effect == "Allow") == most
	out := map[string]any{}
	for name, v := range m {
		if firstUnknown(v) == nil {
			out[name] = v
			continue
		}
		switch name {
		case "Principal":
			if out[name] = "*"; !widen {
				out[name] = knownPrincipals(v)
			}
		case "NotPrincipal":
			if widen {
				out[name] = knownPrincipals(v)
			} else {
				out["Principal"] = nobody
			}
		case "Action", "Resource":
			if out[name] = "*"; !widen {
				out[name] = knownItems(v)
			}
		case "NotAction", "NotResource":
			if widen {
				out[name] = knownItems(v)
			} else {
				out[strings.TrimPrefix(name, "Not")] = []any{}
			}
		}
	}
	if c, ok := m["Condition"]; ok && firstUnknown(c) != nil {
		kept, possible := boundedCondition(c, widen)
		if out["Condition"] = kept; !possible {
			delete(out, "NotAction")
			out["Action"] = []any{}
		}
	}
	return out
}

// knownItems keeps what is known of a text or a list.
func knownItems(v any) any {
	known := []any{}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, item := range list {
		if firstUnknown(item) == nil {
			known = append(known, item)
		}
	}
	return known
}

func knownPrincipals(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return nobody
	}
	out := map[string]any{}
	for key, list := range m {
		out[key] = knownItems(list)
	}
	return out
}

// boundedCondition widens a Condition by leaving out what is not known, or narrows it; possible is false if nothing is left that could hold.
func boundedCondition(c any, widen bool) (kept map[string]any, possible bool) {
	kept = map[string]any{}
	operators, ok := c.(map[string]any)
	if !ok {
		return kept, widen
	}
	possible = true
	for operator, keys := range operators {
		m, ok := keys.(map[string]any)
		if !ok {
			possible = possible && widen
			continue
		}
		under := map[string]any{}
		for key, values := range m {
			if firstUnknown(values) == nil {
				under[key] = values
				continue
			}
			if widen {
				continue
			}
			known, _ := knownItems(values).([]any)
			if fewer := strings.Contains(strings.ToLower(operator), "not") || strings.EqualFold(operator, "Null"); fewer || len(known) == 0 {
				possible = false // fewer values would hold of more requests, or of none
			}
			under[key] = known
		}
		kept[operator] = under
	}
	return kept, possible
}
