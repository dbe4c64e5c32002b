package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// FindingPlan decides how a query reads. It changes the time that an answer takes, never the answer.
type FindingPlan struct {
	// Numbers is how many numbers of traits or places a statement lists; more become a subquery.
	Numbers int
	// Merge is how many posting lists are merged in one statement.
	Merge int
	// Short is the length up to which a posting list is read whole at first, and Walk how far a walk in sort order goes at first. Both
	// grow fourfold until one of the two has the answer.
	Short, Walk int64
}

// defaultPlan was found with the benchmarks of package storetest.
var defaultPlan = FindingPlan{Numbers: 1024, Merge: 128, Short: 2000, Walk: 5000}

// search is compiled criteria met with a tenant's dictionaries.
type search struct {
	tx       Tx
	plan     *FindingPlan
	tenant   int64
	criteria []*criterion
	traits   numberSet
	places   numberSet
	times    times
	moved    bool // only findings that were updated after they were made, by the index findings_moved
}

// numberSet is the numbers of a dictionary's rows that meet the criteria.
type numberSet struct {
	all     bool    // every row does, or no criterion concerns the dictionary
	numbers []int64 // those that do; those that do not if except
	except  bool
	many    bool // neither list is short: only a subquery will do
}

// times bounds two columns of a finding. A finding is never updated before it is created, so each bound helps the other column.
type times struct {
	createdLow, createdHigh, updatedLow, updatedHigh int64
}

// newSearch returns nil if it is already clear that nothing meets the criteria.
func newSearch(ctx context.Context, tx Tx, tenant Tenant, criteria []Criterion, plan *FindingPlan) (*search, error) {
	compiled, err := compileCriteria(criteria)
	if err != nil || compiled.never {
		return nil, err
	}
	if plan == nil {
		plan = &defaultPlan
	}
	s := &search{tx: tx, plan: plan, traits: numberSet{all: true}, places: numberSet{all: true}, times: times{absent, math.MaxInt64, absent, math.MaxInt64}}
	s.criteria = compiled.criteria
	if s.tenant, err = tenantNumber(ctx, tx, tenant); err != nil {
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return nil, err
	}
	s.bound()
	if s.traits, err = s.resolve(ctx, s.traitsQuery()); err != nil {
		return nil, err
	}
	if s.places, err = s.resolve(ctx, s.placesQuery()); err != nil {
		return nil, err
	}
	if s.traits.none() || s.places.none() {
		return nil, nil
	}
	return s, nil
}

func (n numberSet) none() bool { return !n.all && !n.except && !n.many && len(n.numbers) == 0 }

// bound works out the times.
func (s *search) bound() {
	t := &s.times
	for _, c := range s.criteria {
		low, high := c.low, c.high
		if c.eq != nil && len(c.eq.numbers) > 0 {
			low, high = max(low, slices.Min(c.eq.numbers)), min(high, slices.Max(c.eq.numbers))
		}
		switch c.field.column {
		case "created_at":
			if c.field.seat == inFinding {
				t.createdLow, t.createdHigh = max(t.createdLow, low), min(t.createdHigh, high)
			}
		case "updated_at":
			t.updatedLow, t.updatedHigh = max(t.updatedLow, low), min(t.updatedHigh, high)
		}
	}
	t.updatedLow = max(t.updatedLow, t.createdLow)
	t.createdHigh = min(t.createdHigh, t.updatedHigh)
}

// dictionary is a query for the numbers of a dictionary's rows: those of the tenant, and the conditions on them.
type dictionary struct {
	rows       *statement
	conditions *statement // "" or " AND ..."
}

// query selects the numbers of the rows that meet the conditions, or of those that do not.
func (d dictionary) query(meet bool) *statement {
	st := (&statement{}).embed(d.rows)
	if meet {
		return st.embed(d.conditions)
	}
	return st.add(" AND (1 = 1").embed(d.conditions).add(") IS NOT TRUE")
}

// resolve lists the numbers of a dictionary, by those that meet the criteria or those that do not, whichever are few.
func (s *search) resolve(ctx context.Context, d dictionary) (numberSet, error) {
	if d.conditions.text() == "" {
		return numberSet{all: true}, nil
	}
	numbers, err := s.numbers(ctx, d.query(true))
	if err != nil || len(numbers) <= s.plan.Numbers {
		return numberSet{numbers: numbers}, err
	}
	if numbers, err = s.numbers(ctx, d.query(false)); err != nil {
		return numberSet{}, err
	}
	return numberSet{all: len(numbers) == 0, numbers: numbers, except: true, many: len(numbers) > s.plan.Numbers}, nil
}

func (s *search) numbers(ctx context.Context, st *statement) (numbers []int64, err error) {
	st.limit(s.plan.Numbers + 1)
	err = Each(ctx, s.tx, Once+st.text(), st.args, func(rows Rows) error {
		var id int64
		err := rows.Scan(&id)
		numbers = append(numbers, id)
		return err
	})
	return numbers, err
}

// traitsQuery asks for the traits that meet the criteria.
func (s *search) traitsQuery() dictionary {
	d := dictionary{newStatement("SELECT t.id FROM finding_traits t WHERE t.tenant = ").number(s.tenant), &statement{}}
	for _, c := range s.criteria {
		switch {
		case c.field.seat != inTraits:
		case c.field.Kind == StringSet:
			c.whereCategories(d.conditions, "t."+c.field.column)
		default:
			c.where(d.conditions, "t."+c.field.column)
		}
	}
	return d
}

// placesQuery asks for the places that meet the criteria.
func (s *search) placesQuery() dictionary {
	bucket := slices.ContainsFunc(s.criteria, func(c *criterion) bool { return c.field.seat == inBucket || c.field.seat == inBucketTag })
	rows := newStatement("SELECT p.id FROM finding_places p WHERE p.tenant = ").number(s.tenant)
	if bucket {
		// SQLite keeps the order of a CROSS JOIN: few buckets first.
		rows = newStatement("SELECT p.id FROM bucket_snapshots b CROSS JOIN finding_places p WHERE b.tenant = ").number(s.tenant)
		rows.add(" AND p.snapshot = b.id AND p.tenant = ").number(s.tenant)
	}
	d := dictionary{rows, &statement{}}
	for _, c := range s.criteria {
		switch c.field.seat {
		case inPlace:
			c.where(d.conditions, "p."+c.field.column)
		case inBucket:
			c.where(d.conditions, "b."+c.field.column)
		case inBucketTag:
			c.whereRows(d.conditions, "SELECT 1 FROM bucket_snapshot_tags x WHERE x.snapshot = b.id", "x."+c.field.column)
		}
	}
	return d
}

// source is a set of findings that can be read from an index: one table, always as w, and one column with one of some values. The rows of
// each value are in order of (updated_at, seq), except where unordered says otherwise.
type source struct {
	table     string // findings or finding_attributes
	prefix    string // a condition, may be ""
	column    string // "" if prefix says it all
	values    []any  // []byte or int64
	unordered bool
	by        *criterion // the criterion whose eq the source fulfils, nil if none
	traits    bool       // the source fulfils the set of traits
}

// condition adds that a row belongs to the source, to the rows of some of its values.
func (src source) condition(st *statement, values []any) {
	st.add(src.prefix)
	if src.column == "" {
		return
	}
	if src.prefix != "" {
		st.add(" AND ")
	}
	st.add(src.column)
	if len(values) == 1 {
		st.add(" = ").value(values[0])
		return
	}
	st.add(" IN (")
	for i, v := range values {
		st.comma(i).value(v)
	}
	st.add(")")
}

func (s *search) everything() source {
	return source{table: "findings", prefix: fmt.Sprintf("w.tenant = %d", s.tenant)}
}

// sources returns the lists that hold every finding in question: posting lists, those of few values first, then the traits, then ranges
// of columns.
func (s *search) sources() []source {
	var out, ranges []source
	for _, c := range s.criteria {
		src := s.everything()
		switch {
		case c.eq != nil && c.field.code != 0:
			src.table, src.column = "finding_attributes", "w.value"
			src.prefix += fmt.Sprintf(" AND w.field = %d", c.field.code)
		case c.eq != nil && (c.field.column == "id" || c.field.column == "resource"):
			src.column, src.unordered = "w."+c.field.column, true
		case c.field.seat == inFinding && (c.eq != nil || c.ranged):
			column := &statement{}
			(&criterion{field: c.field, eq: c.eq, low: c.low, high: c.high, ranged: c.ranged}).where(column, "w."+c.field.column)
			src.prefix, src.unordered = src.prefix+column.text(), true // numbers stand in the text: there are no parameters
			ranges = append(ranges, src)
			continue
		default:
			continue
		}
		src.by = c
		for _, v := range c.eq.bytes {
			if c.field.code != 0 && c.field.seat != inAttribute { // a column's values are not bound yet, attributes' are
				v = bound(v, maxAttributeValue)
			}
			src.values = append(src.values, v)
		}
		out = append(out, src)
	}
	slices.SortStableFunc(out, func(a, b source) int { return cmp.Compare(len(a.values), len(b.values)) })
	if t := s.traits; !t.all && !t.except && len(t.numbers) <= s.plan.Merge {
		src := source{table: "findings", column: "w.traits", traits: true}
		for _, n := range t.numbers {
			src.values = append(src.values, n)
		}
		out = append(out, src)
	}
	return append(out, ranges...)
}

// filter adds every criterion that the source does not fulfil by itself. The unary plus keeps the engines from choosing an index for a
// list of numbers, which would lose the sort order.
func (s *search) filter(st *statement, src source) {
	if !src.traits {
		s.filterNumbers(st, "w.traits", s.traits, s.traitsQuery)
	}
	s.filterNumbers(st, "w.place", s.places, s.placesQuery)
	for _, c := range s.criteria {
		if c == src.by {
			c = &criterion{field: c.field, neq: c.neq, low: c.low, high: c.high, ranged: c.ranged}
		}
		switch c.field.seat {
		case inFinding:
			s.filterColumn(st, src, c)
		case inAttribute:
			c.whereSignature(st, "w.signature")
			c.whereRows(st, fmt.Sprintf("SELECT 1 FROM finding_attributes x WHERE x.seq = w.seq AND x.field = %d", c.field.code), "x.value")
		}
	}
	s.filterTimes(st, "created_at", "updated_at")
}

// time returns a column that holds a time. The unary plus keeps SQLite from reading the moved findings by the time they were made at.
func (s *search) time(column string) string {
	if s.moved && column == "created_at" {
		return "+w.created_at"
	}
	return "w." + column
}

// filterTimes adds the bounds of columns that hold times.
func (s *search) filterTimes(st *statement, columns ...string) {
	t := s.times
	for _, b := range []struct {
		column, operator string
		n, none          int64
	}{
		{"created_at", ">=", t.createdLow, absent}, {"created_at", "<=", t.createdHigh, math.MaxInt64},
		{"updated_at", ">=", t.updatedLow, absent}, {"updated_at", "<=", t.updatedHigh, math.MaxInt64},
	} {
		if b.n != b.none && slices.Contains(columns, b.column) {
			st.add(" AND ", s.time(b.column), " ", b.operator, " ").number(b.n)
		}
	}
}

func (s *search) filterNumbers(st *statement, column string, set numberSet, query func() dictionary) {
	switch {
	case set.all:
	case set.many:
		st.add(" AND ", column, " IN (").embed(query().query(true)).add(")")
	case set.except:
		st.add(" AND NOT (+").inNumbers(column, set.numbers).add(")")
	default:
		st.add(" AND +").inNumbers(column, set.numbers)
	}
}

// filterColumn adds the criterion on a column of findings, which an attribute's posting list does not carry.
func (s *search) filterColumn(st *statement, src source, c *criterion) {
	carried := c.field.column == "created_at" || c.field.column == "updated_at"
	if src.table == "findings" || carried {
		c.where(st, s.time(c.field.column))
		return
	}
	probe := &statement{}
	c.where(probe, "f."+c.field.column)
	if len(probe.text()) > 0 {
		st.add(" AND EXISTS (SELECT 1 FROM findings f WHERE f.seq = w.seq").embed(probe).add(" LIMIT 1 OFFSET 0)")
	}
}
