package lint

import (
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
)

// A statement is one of the policy with what the catalogue says of it.
type statement struct {
	*iam.Statement
	actions []action
	byKey   map[string][]*iam.Condition // by the key's name in the catalogue
	broken  bool                        // a part of it has no meaning
}

// An action is one pattern of actions with what it names.
type action struct {
	*iam.Action
	wild    bool             // it has wildcards
	all     bool             // it is "*"
	service *catalog.Service // that its prefix names; nil if it has wildcards or is unknown
	exact   *catalog.Action  // that it names in full, if it is known
}

// statement looks up what a statement names.
func (l *linter) statement(s *iam.Statement) *statement {
	f := &statement{Statement: s, actions: make([]action, len(s.Actions.List))}
	for i := range s.Actions.List {
		a := action{Action: &s.Actions.List[i]}
		a.wild, a.all = hasWildcard(a.Value), a.Pattern.IsEverything()
		prefix, name, ok := strings.Cut(a.Value, ":")
		if ok && !hasWildcard(prefix) {
			a.service = l.catalog.Service(prefix)
		}
		if a.service != nil && !a.wild {
			a.exact = a.service.Action(name)
		}
		f.actions[i] = a
	}
	for i := range s.Conditions {
		if key := l.key(&s.Conditions[i].Key); key.ConditionKey != nil {
			if f.byKey == nil {
				f.byKey = map[string][]*iam.Condition{}
			}
			f.byKey[key.Name] = append(f.byKey[key.Name], &s.Conditions[i])
		}
	}
	return f
}

// A keyFact is what the catalogue says of a condition key.
type keyFact struct {
	*catalog.ConditionKey                         // nil if it is unknown
	variable              string                  // of a key such as aws:ResourceTag/Team: "Team"
	all                   []*catalog.ConditionKey // of this name: services disagree on some types
}

// key looks up a condition key.
func (l *linter) key(k *iam.Key) keyFact {
	f, ok := l.keys[k.Folded]
	if !ok {
		f.ConditionKey, f.variable = l.catalog.Key(k.Name)
		if f.ConditionKey != nil {
			f.all = l.sameName(f.ConditionKey)
		}
		l.keys[k.Folded] = f
	}
	return f
}

// has reports whether a statement has a condition on one of some keys.
func (s *statement) has(names ...string) bool {
	for _, name := range names {
		if s.byKey[name] != nil {
			return true
		}
	}
	return false
}

// is reports whether the key is one of some, which are given as the catalogue writes them.
func (k keyFact) is(names ...string) bool {
	if k.ConditionKey == nil {
		return false
	}
	for _, name := range names {
		if k.Name == name {
			return true
		}
	}
	return false
}

// nearService gives the service that was probably meant; short prefixes are like too many.
func (l *linter) nearService(prefix string) *catalog.Service {
	const least = 3
	if len(prefix) < least {
		return nil
	}
	return l.catalog.NearestService(prefix)
}

func hasWildcard(s string) bool { return strings.ContainsAny(s, "*?") }

// splitARN gives the fields of an ARN in which "${...}" is one word.
func splitARN(text string) (fields [6]string, ok bool) {
	at, field, depth := 0, 0, 0
	for i := 0; i < len(text) && field < 5; i++ {
		switch {
		case text[i] == '$' && i+1 < len(text) && text[i+1] == '{':
			depth = 1
		case text[i] == '}':
			depth = 0
		case text[i] == ':' && depth == 0:
			fields[field], at = text[at:i], i+1
			field++
		}
	}
	fields[5] = text[at:]
	return fields, field == 5
}
