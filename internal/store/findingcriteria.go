package store

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Criterion is the condition on one field; the operators that are given must all hold (macie.md 5.6).
type Criterion struct {
	Field string
	// Eq holds if any of the field's values is one of these, Neq if none is; a finding without the field passes Neq only. Numbers and
	// dates are decimal strings, booleans "true" and "false".
	Eq, Neq []string
	// EqExactMatch holds if the set of the field's values is exactly this one. It stands alone.
	EqExactMatch []string
	// Bounds of numbers, and of dates in milliseconds since the epoch. Of a field with many values one has to lie within all of them.
	Gt, Gte, Lt, Lte *int64
}

// MaxCriterionValues is how many values an operator takes.
const MaxCriterionValues = 50

// CriterionError says what is wrong with a criterion. It is an [ErrInvalid].
type CriterionError struct {
	Field    string
	Operator string // "" if the field itself is wrong
	Reason   string
}

// Error implements error.
func (e *CriterionError) Error() string {
	if e.Operator == "" {
		return fmt.Sprintf("criterion %q: %s", e.Field, e.Reason)
	}
	return fmt.Sprintf("criterion %q, operator %s: %s", e.Field, e.Operator, e.Reason)
}

// Unwrap makes the error an [ErrInvalid].
func (e *CriterionError) Unwrap() error { return ErrInvalid }

// compiledCriteria are checked criteria, all of which must hold.
type compiledCriteria struct {
	criteria []*criterion
	never    bool // some criterion holds for no finding whatever is stored
}

// criterion is a checked criterion. Values are in the form in which the field's seat holds them.
type criterion struct {
	field     Field
	eq, neq   *valueList
	exact     *valueList
	low, high int64 // inclusive
	ranged    bool
}

// valueList is one operator's values: bytes or numbers, by the field.
type valueList struct {
	bytes   [][]byte
	numbers []int64
}

func (v *valueList) empty() bool { return len(v.bytes)+len(v.numbers) == 0 }

// CheckFindingCriteria checks criteria against the table of fields. What is wrong with them is a [*CriterionError].
func CheckFindingCriteria(list []Criterion) error {
	_, err := compileCriteria(list)
	return err
}

func compileCriteria(list []Criterion) (*compiledCriteria, error) {
	out := &compiledCriteria{}
	for i, in := range list {
		if slices.ContainsFunc(list[:i], func(c Criterion) bool { return c.Field == in.Field }) {
			return nil, &CriterionError{in.Field, "", "given twice"}
		}
		c, err := compileCriterion(in)
		if err != nil {
			return nil, err
		}
		// Values that the field can never have are gone by now.
		if c.eq != nil && c.eq.empty() || c.exact != nil && c.exact.empty() || c.ranged && c.low > c.high {
			out.never = true
		}
		out.criteria = append(out.criteria, c)
	}
	return out, nil
}

func compileCriterion(in Criterion) (*criterion, error) {
	field, ok := FindingField(in.Field)
	if !ok {
		return nil, &CriterionError{in.Field, "", "is not a field that findings can be filtered by"}
	}
	c := &criterion{field: field, low: math.MinInt64, high: math.MaxInt64}
	if err := c.takeBounds(in); err != nil {
		return nil, err
	}
	if in.EqExactMatch != nil {
		switch {
		case field.Kind != StringSet:
			return nil, c.wrong("eqExactMatch", "the field is a "+field.Kind.String()+", the operator is for sets of strings")
		case in.Eq != nil || in.Neq != nil:
			return nil, c.wrong("eqExactMatch", "cannot be combined with another operator")
		}
	}
	for _, operator := range []struct {
		name   string
		values []string
		out    **valueList
	}{{"eq", in.Eq, &c.eq}, {"neq", in.Neq, &c.neq}, {"eqExactMatch", in.EqExactMatch, &c.exact}} {
		if operator.values == nil {
			continue
		}
		values, err := c.values(operator.name, operator.values)
		if err != nil {
			return nil, err
		}
		*operator.out = values
	}
	if c.eq == nil && c.neq == nil && c.exact == nil && !c.ranged {
		return nil, &CriterionError{in.Field, "", "has no operator"}
	}
	return c, nil
}

func (c *criterion) wrong(operator, reason string) error {
	return &CriterionError{c.field.Name, operator, reason}
}

func (c *criterion) takeBounds(in Criterion) error {
	for _, bound := range []struct {
		name  string
		value *int64
		apply func(int64)
	}{
		{"gt", in.Gt, func(n int64) {
			if n == math.MaxInt64 {
				c.high = math.MinInt64 // nothing is greater
				n--
			}
			c.low = max(c.low, n+1)
		}},
		{"gte", in.Gte, func(n int64) { c.low = max(c.low, n) }},
		{"lt", in.Lt, func(n int64) {
			if n == math.MinInt64 {
				c.low = math.MaxInt64 // nothing is less
				n++
			}
			c.high = min(c.high, n-1)
		}},
		{"lte", in.Lte, func(n int64) { c.high = min(c.high, n) }},
	} {
		if bound.value == nil {
			continue
		}
		if c.field.Kind != Number && c.field.Kind != Date {
			return c.wrong(bound.name, "the field is a "+c.field.Kind.String()+", the operator is for numbers and dates")
		}
		c.ranged = true
		bound.apply(*bound.value)
	}
	return nil
}

// values checks an operator's values and brings them into the form of the field's seat. Values that no finding can have are left out.
func (c *criterion) values(operator string, in []string) (*valueList, error) {
	if len(in) == 0 || len(in) > MaxCriterionValues {
		return nil, c.wrong(operator, fmt.Sprintf("has %d values, must have 1 to %d", len(in), MaxCriterionValues))
	}
	out := &valueList{}
	for _, s := range in {
		switch c.field.Kind {
		case Boolean:
			if s != "true" && s != "false" {
				return nil, c.wrong(operator, fmt.Sprintf("%q is neither true nor false", s))
			}
			out.numbers = append(out.numbers, int64(strings.Index("false true", s)/len("false ")))
		case Number, Date:
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil {
				return nil, c.wrong(operator, fmt.Sprintf("%q is not a 64-bit integer", s))
			}
			if c.field.seat == inAttribute {
				out.bytes = append(out.bytes, numberValue(n))
			} else if n != absent {
				out.numbers = append(out.numbers, n)
			}
		default:
			if err := c.addString(operator, out, s); err != nil {
				return nil, err
			}
		}
	}
	slices.Sort(out.numbers)
	out.numbers = slices.Compact(out.numbers)
	slices.SortFunc(out.bytes, bytes.Compare)
	out.bytes = slices.CompactFunc(out.bytes, bytes.Equal)
	return out, nil
}

func (c *criterion) addString(operator string, out *valueList, s string) error {
	switch {
	case c.field.column == "sensitive_categories":
		if bit := slices.Index(sensitiveCategories, s); bit >= 0 {
			out.numbers = append(out.numbers, 1<<bit)
		} else if operator == "eqExactMatch" {
			out.numbers = append(out.numbers, 1<<len(sensitiveCategories)) // a set with a category that none has
		}
	case c.field.column == "resource":
		if strings.Contains(s, "/") { // the resource of a finding without an object is its bucket's name, which is no path
			out.bytes = append(out.bytes, BoundKey([]byte(s)))
		}
	case c.field.seat == inPlace && s == "": // stands for no job
	case c.field.seat == inAttribute || c.field.seat == inBucketTag:
		out.bytes = append(out.bytes, bound([]byte(s), maxAttributeValue))
	default:
		out.bytes = append(out.bytes, []byte(s))
	}
	return nil
}

// where adds the criterion on a single-valued column to a statement, as " AND ..." for each operator.
func (c *criterion) where(s *statement, column string) {
	numbers := c.field.Kind == Boolean || c.field.Kind == Number || c.field.Kind == Date
	if c.eq != nil {
		s.add(" AND ")
		if numbers {
			s.inNumbers(column, c.eq.numbers)
		} else {
			s.in(column, c.eq.bytes)
		}
	}
	if c.neq != nil && !c.neq.empty() {
		s.add(" AND (", column, " IS NULL OR NOT (")
		if numbers {
			s.inNumbers(column, c.neq.numbers)
		} else {
			s.in(column, c.neq.bytes)
		}
		s.add("))")
	}
	if c.ranged {
		s.add(" AND ", column, " >= ").number(max(c.low, absent+1)).add(" AND ", column, " <= ").number(c.high)
	}
}

// whereCategories adds the criterion on the set of categories, which is kept as bits.
func (c *criterion) whereCategories(s *statement, column string) {
	mask := func(v *valueList) (m int64) {
		for _, bit := range v.numbers {
			m |= bit
		}
		return m
	}
	if c.eq != nil {
		s.add(" AND (", column, " & ").number(mask(c.eq)).add(") <> 0")
	}
	if c.neq != nil {
		s.add(" AND (", column, " & ").number(mask(c.neq)).add(") = 0")
	}
	if c.exact != nil {
		s.add(" AND ", column, " = ").number(mask(c.exact))
	}
}

// whereRows adds the criterion on a field that has a row per value. from begins the subquery that finds the rows of one owner,
// "SELECT 1 FROM ... WHERE ...", and value is its column of values. OFFSET 0 keeps PostgreSQL from turning the probe into a join with
// the whole table, which would cost more than the page.
func (c *criterion) whereRows(s *statement, from, value string) {
	probe := func(not string, condition func()) {
		s.add(" AND ", not, "EXISTS (", from, " AND ")
		condition()
		s.add(" LIMIT 1 OFFSET 0)")
	}
	if c.eq != nil {
		probe("", func() { s.in(value, c.eq.bytes) })
	}
	if c.neq != nil {
		probe("NOT ", func() { s.in(value, c.neq.bytes) })
	}
	if c.exact != nil {
		for _, v := range c.exact.bytes {
			probe("", func() { s.add(value, " = ").arg(v) })
		}
		probe("NOT ", func() { s.add("NOT ("); s.in(value, c.exact.bytes); s.add(")") })
	}
	if c.ranged {
		probe("", func() {
			s.add(value, " >= ").arg(numberValue(c.low)).add(" AND ", value, " <= ").arg(numberValue(c.high))
		})
	}
}

// whereSignature adds what the signature of a finding can rule out about an attribute before its rows are looked at.
func (c *criterion) whereSignature(s *statement, column string) {
	if unsigned[c.field.code] {
		return
	}
	has := func(mask int64) { s.add("(", column, " & ").number(mask).add(") = ").number(mask) }
	if c.eq != nil {
		s.add(" AND (")
		for i, v := range c.eq.bytes {
			s.or(i)
			has(signatureBits(attribute{c.field.code, v}))
		}
		s.add(")")
	}
	if c.exact != nil {
		var mask int64
		for _, v := range c.exact.bytes {
			mask |= signatureBits(attribute{c.field.code, v})
		}
		s.add(" AND ")
		has(mask)
	}
}
