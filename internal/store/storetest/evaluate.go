package storetest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
)

// The model of the criteria: macie.md 5.6 written down plainly over the JSON of findings. It shares nothing with the store but the names
// and kinds of fields.

// valuesAt returns the values at a dotted path, through arrays; null and missing members have none.
func valuesAt(node any, path string) []any {
	switch n := node.(type) {
	case []any:
		var out []any
		for _, element := range n {
			out = append(out, valuesAt(element, path)...)
		}
		return out
	case nil:
		return nil
	case map[string]any:
		if path == "" {
			return nil
		}
		name, rest, _ := strings.Cut(path, ".")
		return valuesAt(n[name], rest)
	}
	if path != "" {
		return nil
	}
	return []any{node}
}

// texts returns a field's values as criteria write them: numbers and dates as decimals, booleans as words.
func texts(finding any, field store.Field) []string {
	var out []string
	for _, v := range valuesAt(finding, field.Name) {
		switch v := v.(type) {
		case bool:
			out = append(out, strconv.FormatBool(v))
		case json.Number:
			out = append(out, v.String())
		case string:
			if field.Kind == store.Date {
				v = strconv.FormatInt(millis(v), 10)
			}
			if field.Name == "classificationDetails.jobId" && v == "" {
				continue
			}
			out = append(out, v)
		}
	}
	return out
}

func millis(s string) int64 {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err) // the suite made it
	}
	return t.UnixMilli()
}

// meets says whether a finding meets a criterion.
func meets(finding any, c store.Criterion) bool {
	field, ok := store.FindingField(c.Field)
	if !ok {
		panic("unknown field " + c.Field)
	}
	values := texts(finding, field)
	has := func(v string) bool { return slices.Contains(values, v) }
	if c.Eq != nil && !slices.ContainsFunc(c.Eq, has) || slices.ContainsFunc(c.Neq, has) {
		return false
	}
	if c.EqExactMatch != nil {
		for _, v := range c.EqExactMatch {
			if !has(v) {
				return false
			}
		}
		for _, v := range values {
			if !slices.Contains(c.EqExactMatch, v) {
				return false
			}
		}
	}
	if c.Gt == nil && c.Gte == nil && c.Lt == nil && c.Lte == nil {
		return true
	}
	return slices.ContainsFunc(values, func(v string) bool {
		n, err := strconv.ParseInt(v, 10, 64)
		return err == nil && (c.Gt == nil || n > *c.Gt) && (c.Gte == nil || n >= *c.Gte) && (c.Lt == nil || n < *c.Lt) && (c.Lte == nil || n <= *c.Lte)
	})
}

// modelFinding is a stored finding, decoded.
type modelFinding struct {
	id   string
	json any
}

func decode(doc []byte) modelFinding {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		panic(err) // the suite made it
	}
	return modelFinding{v.(map[string]any)["id"].(string), v}
}

// selected returns the ids of the findings, in the order of storing, that meet all criteria, sorted.
func selected(all []modelFinding, criteria []store.Criterion, sort store.FindingSort) []string {
	var hits []modelFinding
	for _, f := range all {
		if !slices.ContainsFunc(criteria, func(c store.Criterion) bool { return !meets(f.json, c) }) {
			hits = append(hits, f)
		}
	}
	slices.SortStableFunc(hits, func(a, b modelFinding) int { return compare(a, b, sort.Attribute) })
	if sort.Descending {
		slices.Reverse(hits) // equal ones too: the order of storing is the last key
	}
	ids := []string{}
	for _, f := range hits {
		ids = append(ids, f.id)
	}
	return ids
}

func compare(a, b modelFinding, attribute string) int {
	one := func(f modelFinding, path string) string {
		if v := valuesAt(f.json, path); len(v) > 0 {
			if n, ok := v[0].(json.Number); ok {
				return n.String()
			}
			return v[0].(string)
		}
		return ""
	}
	switch attribute {
	case "count", "severity.score":
		x, _ := strconv.ParseInt(one(a, attribute), 10, 64)
		y, _ := strconv.ParseInt(one(b, attribute), 10, 64)
		return cmp.Compare(x, y)
	case "type":
		return strings.Compare(one(a, attribute), one(b, attribute))
	case "resourcesAffected":
		resource := func(f modelFinding) string {
			return cmp.Or(one(f, "resourcesAffected.s3Object.path"), one(f, "resourcesAffected.s3Bucket.name"))
		}
		return strings.Compare(resource(a), resource(b))
	case "":
		attribute = "updatedAt"
	}
	x, y := one(a, attribute), one(b, attribute) // dates of one format; a missing one is the smallest
	return strings.Compare(x, y)
}
