package macie

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// An objectScope says which objects of its buckets a job is about (macie.md 4.6): those that meet all terms of includes, without those that
// meet all terms of excludes. The zero value is about all objects.
type objectScope struct {
	includes, excludes []scopeTerm
}

// A scopeTerm is a condition on what a listing tells of an object or, if tags is not nil, on its tags.
type scopeTerm struct {
	meets func(*source.Object) bool
	tags  func([]source.Tag) bool
}

// scopeComparators says which comparators go with a key, and whether it takes several values.
var scopeComparators = map[macie2.ScopeFilterKey]struct {
	comparators []macie2.JobComparator
	several     bool
}{
	macie2.ScopeFilterKeyObjectExtension:        {equality, true},
	macie2.ScopeFilterKeyObjectKey:              {[]macie2.JobComparator{macie2.JobComparatorStartsWith}, true},
	macie2.ScopeFilterKeyObjectLastModifiedDate: {ordering, false},
	macie2.ScopeFilterKeyObjectSize:             {ordering, false},
}

var (
	equality = []macie2.JobComparator{macie2.JobComparatorEq, macie2.JobComparatorNe}
	ordering = []macie2.JobComparator{macie2.JobComparatorEq, macie2.JobComparatorNe, macie2.JobComparatorGt, macie2.JobComparatorGte,
		macie2.JobComparatorLt, macie2.JobComparatorLte}
)

// newObjectScope compiles the scope of a job's definition; nil is all objects. Its errors are of the request.
func newObjectScope(in *macie2.Scoping) (scope objectScope, err error) {
	if in == nil {
		return scope, nil
	}
	if scope.includes, err = scopeTerms("includes", in.Includes); err != nil {
		return scope, err
	}
	scope.excludes, err = scopeTerms("excludes", in.Excludes)
	return scope, err
}

func scopeTerms(block string, in *macie2.JobScopingBlock) ([]scopeTerm, error) {
	if in == nil {
		return nil, nil
	}
	var terms []scopeTerm
	for _, t := range in.And {
		var term scopeTerm
		var err error
		switch {
		case (t.SimpleScopeTerm == nil) == (t.TagScopeTerm == nil):
			err = invalid("scoping.%s: each condition holds a simpleScopeTerm or a tagScopeTerm, one of them", block)
		case t.SimpleScopeTerm != nil:
			term.meets, err = simpleScopeTerm(block, t.SimpleScopeTerm)
		default:
			term.tags, err = tagScopeTerm(block, t.TagScopeTerm)
		}
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
	}
	return terms, nil
}

func simpleScopeTerm(block string, t *macie2.SimpleScopeTerm) (func(*source.Object) bool, error) {
	rule, ok := scopeComparators[t.Key]
	switch {
	case !ok:
		return nil, invalid("scoping.%s: a condition needs a key", block)
	case !slices.Contains(rule.comparators, t.Comparator):
		return nil, invalid("scoping.%s: %s cannot be compared with %q", block, t.Key, t.Comparator)
	case len(t.Values) == 0:
		return nil, invalid("scoping.%s: %s needs a value", block, t.Key)
	case len(t.Values) > 1 && !rule.several:
		return nil, invalid("scoping.%s: %s takes one value, not %d", block, t.Key, len(t.Values))
	}
	values := slices.Clone(t.Values)
	switch t.Key {
	case macie2.ScopeFilterKeyObjectExtension:
		equal := t.Comparator == macie2.JobComparatorEq
		return func(o *source.Object) bool { return slices.Contains(values, extract.Extension(o.Key)) == equal }, nil
	case macie2.ScopeFilterKeyObjectKey:
		return func(o *source.Object) bool {
			return slices.ContainsFunc(values, func(prefix string) bool { return strings.HasPrefix(o.Key, prefix) })
		}, nil
	case macie2.ScopeFilterKeyObjectSize:
		size, err := strconv.ParseInt(values[0], 10, 64)
		if err != nil || size < 0 {
			return nil, invalid("scoping.%s: %s is a number of bytes, not %q", block, t.Key, values[0])
		}
		return func(o *source.Object) bool {
			return o.Size != source.UnknownSize && compares(t.Comparator, o.Size, size) || o.Size == source.UnknownSize && t.Comparator == macie2.JobComparatorNe
		}, nil
	default:
		at, err := wire.ParseTime(values[0])
		if err != nil {
			return nil, invalid("scoping.%s: %s: %v", block, t.Key, err)
		}
		return func(o *source.Object) bool {
			if o.LastModified.IsZero() {
				return t.Comparator == macie2.JobComparatorNe
			}
			return compares(t.Comparator, o.LastModified.UnixMilli(), int64(at))
		}, nil
	}
}

func compares(comparator macie2.JobComparator, a, b int64) bool {
	c := cmp.Compare(a, b)
	switch comparator {
	case macie2.JobComparatorEq:
		return c == 0
	case macie2.JobComparatorNe:
		return c != 0
	case macie2.JobComparatorGt:
		return c > 0
	case macie2.JobComparatorGte:
		return c >= 0
	case macie2.JobComparatorLt:
		return c < 0
	default:
		return c <= 0
	}
}

func tagScopeTerm(block string, t *macie2.TagScopeTerm) (func([]source.Tag) bool, error) {
	switch {
	case wire.ValueOr(t.Key, "TAG") != "TAG":
		return nil, invalid("scoping.%s: the key of a tagScopeTerm is TAG, not %q", block, *t.Key)
	case !slices.Contains(equality, t.Comparator):
		return nil, invalid("scoping.%s: tags cannot be compared with %q", block, t.Comparator)
	case len(t.TagValues) == 0:
		return nil, invalid("scoping.%s: tagScopeTerm needs tagValues", block)
	}
	pairs := make([]tagPair, len(t.TagValues))
	for i, v := range t.TagValues {
		pairs[i] = tagPair{wire.Value(v.Key), wire.Value(v.Value)}
	}
	return tagsMeet(t.Comparator, pairs), nil
}

// A tagPair names tags by key, value or both; what is empty may be anything.
type tagPair struct{ key, value string }

// tagsMeet compares tags with pairs: EQ wants one of them to be named, NE none.
func tagsMeet(comparator macie2.JobComparator, pairs []tagPair) func([]source.Tag) bool {
	named := func(t source.Tag) bool {
		return slices.ContainsFunc(pairs, func(p tagPair) bool {
			return (p.key == "" || p.key == t.Key) && (p.value == "" || p.value == t.Value)
		})
	}
	equal := comparator == macie2.JobComparatorEq
	return func(tags []source.Tag) bool { return slices.ContainsFunc(tags, named) == equal }
}

// holds says whether the scope is about an object. tags reads the object's tags; it is called at most once, and only if they decide.
func (s *objectScope) holds(o *source.Object, tags func() ([]source.Tag, error)) (bool, error) {
	var known []source.Tag
	var read bool
	all := func(terms []scopeTerm) (bool, error) {
		for _, t := range terms { // what costs nothing first
			if t.meets != nil && !t.meets(o) {
				return false, nil
			}
		}
		for _, t := range terms {
			if t.tags == nil {
				continue
			}
			if !read {
				var err error
				if known, err = tags(); err != nil {
					return false, err
				}
				read = true
			}
			if !t.tags(known) {
				return false, nil
			}
		}
		return true, nil
	}
	included, err := all(s.includes)
	if err != nil || !included || len(s.excludes) == 0 {
		return included, err
	}
	excluded, err := all(s.excludes)
	return !excluded, err
}
