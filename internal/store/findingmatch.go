package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A FindingMatcher decides criteria for findings that are not stored yet, as [ListFindings] does for those that are.
type FindingMatcher struct {
	criteria []Criterion
	fields   []Field
}

// NewFindingMatcher checks criteria; what is wrong with them is a [*CriterionError].
func NewFindingMatcher(list []Criterion) (*FindingMatcher, error) {
	if _, err := compileCriteria(list); err != nil {
		return nil, err
	}
	m := &FindingMatcher{}
	for _, c := range list {
		field, _ := FindingField(c.Field)
		if field.Kind == Number || field.Kind == Date {
			c.Eq, c.Neq = canonicalNumbers(c.Eq), canonicalNumbers(c.Neq)
		}
		m.criteria, m.fields = append(m.criteria, c), append(m.fields, field)
	}
	return m, nil
}

// canonicalNumbers writes numbers, which have been checked, as findings have them: without leading zeros.
func canonicalNumbers(values []string) []string {
	if values == nil {
		return nil
	}
	out := make([]string, len(values))
	for i, v := range values {
		n, _ := strconv.ParseInt(v, 10, 64)
		out[i] = strconv.FormatInt(n, 10)
	}
	return out
}

// jobIDField has no value where it is empty: the finding is of no job.
const jobIDField = "classificationDetails.jobId"

// A FindingValues is a finding taken apart, to be matched.
type FindingValues struct{ root any }

// ReadFinding takes the JSON of a finding apart.
func ReadFinding(doc []byte) (FindingValues, error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var v FindingValues
	if err := d.Decode(&v.root); err != nil {
		return v, fmt.Errorf("finding: %w", err)
	}
	return v, nil
}

// Matches reports whether a finding meets all criteria.
func (m *FindingMatcher) Matches(f FindingValues) bool {
	for i := range m.criteria {
		values := appendValues(nil, f.root, m.fields[i].Name, m.fields[i].Kind)
		if m.fields[i].Name == jobIDField {
			values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
		}
		if !m.criteria[i].holds(values) {
			return false
		}
	}
	return true
}

// appendValues appends the values at a dotted path, through arrays, as criteria write them; null and missing members have none.
func appendValues(out []string, node any, path string, kind Kind) []string {
	switch n := node.(type) {
	case []any:
		for _, element := range n {
			out = appendValues(out, element, path, kind)
		}
	case map[string]any:
		if path != "" {
			name, rest, _ := strings.Cut(path, ".")
			out = appendValues(out, n[name], rest, kind)
		}
	case bool:
		if path == "" {
			out = append(out, strconv.FormatBool(n))
		}
	case json.Number:
		if path == "" {
			out = append(out, n.String())
		}
	case string:
		if path != "" {
			break
		}
		if kind == Date {
			t, err := time.Parse(time.RFC3339, n)
			if err != nil {
				break
			}
			n = strconv.FormatInt(t.UnixMilli(), 10)
		}
		out = append(out, n)
	}
	return out
}

// holds decides the criterion for a field's values.
func (c *Criterion) holds(values []string) bool {
	has := func(v string) bool { return slices.Contains(values, v) }
	lacks := func(v string) bool { return !has(v) }
	switch {
	case c.Eq != nil && !slices.ContainsFunc(c.Eq, has), slices.ContainsFunc(c.Neq, has):
		return false
	case c.EqExactMatch != nil:
		stray := func(v string) bool { return !slices.Contains(c.EqExactMatch, v) }
		return !slices.ContainsFunc(c.EqExactMatch, lacks) && !slices.ContainsFunc(values, stray)
	case c.Gt == nil && c.Gte == nil && c.Lt == nil && c.Lte == nil:
		return true
	}
	return slices.ContainsFunc(values, func(v string) bool {
		n, err := strconv.ParseInt(v, 10, 64)
		return err == nil && (c.Gt == nil || n > *c.Gt) && (c.Gte == nil || n >= *c.Gte) && (c.Lt == nil || n < *c.Lt) && (c.Lte == nil || n <= *c.Lte)
	})
}
