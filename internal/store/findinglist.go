package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

// FindingQuery asks for a page of findings.
type FindingQuery struct {
	Criteria []Criterion // all must hold
	Sort     FindingSort
	Limit    int          // at least 1
	Plan     *FindingPlan // nil: the one that is best for most
	// After is what the page before of the same query returned as next; nil for the first page. Findings that are stored while someone
	// pages appear if they sort behind it; nothing appears twice or is left out.
	After []byte
}

// place is where a finding stands in a sort order.
type place struct {
	Number int64  `json:"n,omitempty"` // the sort attribute's value, if it is a number
	Bytes  []byte `json:"b,omitempty"` // else
	Seq    int64  `json:"s"`
}

// FindingPlan decides how a query reads. It changes the time that an answer takes, never the answer.
type FindingPlan struct {
	// Numbers is how many numbers of traits or places a statement lists; more become a subquery.
	Numbers int
	// Merge is how many posting lists are merged in one statement.
	Merge int
	// Short is the length up to which a posting list is read whole and sorted.
	Short int64
	// Walk is how far a walk goes along a sort index before it pays to look for a posting list instead, and Long the length up to which
	// that list is then read.
	Walk, Long int64
}

// defaultPlan was found with the benchmarks of package storetest.
var defaultPlan = FindingPlan{Numbers: 4096, Merge: 128, Short: 5000, Walk: 20_000, Long: 200_000}

// A merged statement is at most about this long and has at most this many parameters.
const (
	maxMergeText = 256 << 10
	maxMergeArgs = 10_000
)

func (s FindingSort) column() (sortColumn, error) {
	attribute := s.Attribute
	if attribute == "" {
		attribute = "updatedAt"
	}
	i := slices.IndexFunc(sortColumns, func(c sortColumn) bool { return c.attribute == attribute })
	if i < 0 {
		return sortColumn{}, fmt.Errorf("findings cannot be sorted by %q: %w", attribute, ErrInvalid)
	}
	return sortColumns[i], nil
}

// ListFindings returns the ids of a page of the findings that meet the criteria, in sort order, and where the next page begins, nil after
// the last. A wrong criterion is a [*CriterionError]; it, a wrong sort and a wrong place are [ErrInvalid].
func ListFindings(ctx context.Context, tx Tx, tenant Tenant, q FindingQuery) (ids []string, next []byte, err error) {
	if q.Limit < 1 {
		return nil, nil, fmt.Errorf("page of %d findings: %w", q.Limit, ErrInvalid)
	}
	l := &listing{descending: q.Sort.Descending, limit: q.Limit + 1}
	if l.sort, err = q.Sort.column(); err != nil {
		return nil, nil, err
	}
	if q.After != nil {
		l.after = new(place)
		if err := json.Unmarshal(q.After, l.after); err != nil {
			return nil, nil, fmt.Errorf("place in a list of findings: %w", ErrInvalid)
		}
	}
	if l.search, err = newSearch(ctx, tx, tenant, q.Criteria, q.Plan); err != nil || l.search == nil {
		return nil, nil, err
	}
	hits, err := l.run(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("list findings: %w", err)
	}
	if len(hits) > q.Limit {
		hits = hits[:q.Limit]
		if next, err = json.Marshal(hits[q.Limit-1]); err != nil {
			return nil, nil, err
		}
	}
	ids, err = l.ids(ctx, hits)
	return ids, next, err
}

// search is compiled criteria met with a tenant's dictionaries.
type search struct {
	tx       Tx
	plan     *FindingPlan
	tenant   int64
	criteria []*criterion
	traits   numberSet
	places   numberSet
	times    times
}

// numberSet is the numbers of a dictionary's rows that meet the criteria.
type numberSet struct {
	all     bool // no criterion concerns the dictionary
	many    bool // more than the plan's: numbers is incomplete
	numbers []int64
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
	if s.traits, err = s.resolve(ctx, s.traitsQuery); err != nil {
		return nil, err
	}
	if s.places, err = s.resolve(ctx, s.placesQuery); err != nil {
		return nil, err
	}
	if s.traits.none() || s.places.none() {
		return nil, nil
	}
	return s, nil
}

func (n numberSet) none() bool { return !n.all && len(n.numbers) == 0 }

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

// resolve runs a query for numbers; query returns nil if no criterion concerns it.
func (s *search) resolve(ctx context.Context, query func() *statement) (numberSet, error) {
	st := query()
	if st == nil {
		return numberSet{all: true}, nil
	}
	st.limit(s.plan.Numbers + 1)
	var set numberSet
	err := Each(ctx, s.tx, Once+st.text(), st.args, func(rows Rows) error {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return err
		}
		set.numbers = append(set.numbers, id)
		return nil
	})
	set.many = len(set.numbers) > s.plan.Numbers
	return set, err
}

// traitsQuery selects the numbers of the traits that meet the criteria.
func (s *search) traitsQuery() *statement {
	st := newStatement("SELECT t.id FROM finding_traits t WHERE t.tenant = ").number(s.tenant)
	start := st.b.Len()
	for _, c := range s.criteria {
		switch {
		case c.field.seat != inTraits:
		case c.field.Kind == StringSet:
			c.whereCategories(st, "t."+c.field.column)
		default:
			c.where(st, "t."+c.field.column)
		}
	}
	if st.b.Len() == start {
		return nil
	}
	return st
}

// placesQuery selects the numbers of the places that meet the criteria.
func (s *search) placesQuery() *statement {
	st := newStatement("SELECT p.id FROM finding_places p JOIN bucket_snapshots b ON b.id = p.snapshot WHERE p.tenant = ")
	st.number(s.tenant).add(" AND b.tenant = ").number(s.tenant)
	start := st.b.Len()
	for _, c := range s.criteria {
		switch c.field.seat {
		case inPlace:
			c.where(st, "p."+c.field.column)
		case inBucket:
			c.where(st, "b."+c.field.column)
		case inBucketTag:
			c.whereRows(st, "SELECT 1 FROM bucket_snapshot_tags x WHERE x.snapshot = b.id", "x."+c.field.column)
		}
	}
	if st.b.Len() == start {
		return nil
	}
	return st
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

// sources returns the posting lists that hold every finding in question, those of few values first.
func (s *search) sources() []source {
	var out []source
	for _, c := range s.criteria {
		if c.eq == nil {
			continue
		}
		src := s.everything()
		src.by = c
		switch {
		case c.field.code != 0:
			src.table, src.column = "finding_attributes", "w.value"
			src.prefix += fmt.Sprintf(" AND w.field = %d", c.field.code)
		case c.field.column == "id" || c.field.column == "resource":
			src.column, src.unordered = "w."+c.field.column, true
		default:
			continue
		}
		for _, v := range c.eq.bytes {
			if c.field.code != 0 && c.field.seat != inAttribute { // a column's values are not bound yet, attributes' are
				v = bound(v, maxAttributeValue)
			}
			src.values = append(src.values, v)
		}
		out = append(out, src)
	}
	slices.SortStableFunc(out, func(a, b source) int { return cmp.Compare(len(a.values), len(b.values)) })
	if !s.traits.all && !s.traits.many && len(s.traits.numbers) <= s.plan.Merge {
		src := source{table: "findings", column: "w.traits", traits: true}
		for _, n := range s.traits.numbers {
			src.values = append(src.values, n)
		}
		out = append(out, src)
	}
	return out
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
	t := s.times
	for _, b := range []struct {
		condition string
		n, none   int64
	}{
		{"w.created_at >= ", t.createdLow, absent}, {"w.created_at <= ", t.createdHigh, math.MaxInt64},
		{"w.updated_at >= ", t.updatedLow, absent}, {"w.updated_at <= ", t.updatedHigh, math.MaxInt64},
	} {
		if b.n != b.none {
			st.add(" AND ", b.condition).number(b.n)
		}
	}
}

func (s *search) filterNumbers(st *statement, column string, set numberSet, query func() *statement) {
	switch {
	case set.all:
	case set.many:
		st.add(" AND ", column, " IN (").embed(query()).add(")")
	default:
		st.add(" AND +").inNumbers(column, set.numbers)
	}
}

// filterColumn adds the criterion on a column of findings, which an attribute's posting list does not carry.
func (s *search) filterColumn(st *statement, src source, c *criterion) {
	carried := c.field.column == "created_at" || c.field.column == "updated_at"
	if src.table == "findings" || carried {
		c.where(st, "w."+c.field.column)
		return
	}
	probe := &statement{}
	c.where(probe, "f."+c.field.column)
	if len(probe.text()) > 0 {
		st.add(" AND EXISTS (SELECT 1 FROM findings f WHERE f.seq = w.seq").embed(probe).add(" LIMIT 1 OFFSET 0)")
	}
}

// ids returns the ids of findings in the order of hits.
func (s *search) ids(ctx context.Context, hits []place) ([]string, error) {
	bySeq := make(map[int64]string, len(hits))
	for chunk := range slices.Chunk(hits, 500) {
		st := newStatement("SELECT seq, id FROM findings WHERE seq IN (")
		for i, h := range chunk {
			st.comma(i).number(h.Seq)
		}
		st.add(")")
		err := Each(ctx, s.tx, Once+st.text(), nil, func(rows Rows) error {
			var seq int64
			var id []byte
			err := rows.Scan(&seq, &id)
			bySeq[seq] = string(id)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = bySeq[h.Seq]
	}
	return ids, nil
}

// listing is a search with an order and a page.
type listing struct {
	*search
	sort       sortColumn
	descending bool
	limit      int
	after      *place
}

// run chooses how to read the page: the shortest posting list whole if it is short, else a walk in sort order.
func (l *listing) run(ctx context.Context) ([]place, error) {
	sources := l.sources()
	short, length, err := l.shortest(ctx, sources, l.plan.Short)
	if err != nil {
		return nil, err
	}
	if length < l.plan.Short {
		return l.page(ctx, short, nil)
	}
	if l.sort.column == "updated_at" {
		for _, src := range sources {
			if src.unordered {
				continue
			}
			if len(src.values) == 1 {
				return l.walk(ctx, src)
			}
			if hits, ok, err := l.merge(ctx, src); ok || err != nil {
				return hits, err
			}
		}
		return l.walk(ctx, l.everything())
	}
	if len(sources) == 0 {
		return l.walk(ctx, l.everything())
	}
	// A dense answer fills the page soon. A sparse one is better read from its posting list, unless that is very long.
	end, err := l.milestone(ctx)
	if err != nil {
		return nil, err
	}
	if end == nil {
		return l.walk(ctx, l.everything())
	}
	hits, err := l.page(ctx, l.everything(), end)
	if err != nil || len(hits) == l.limit {
		return hits, err
	}
	if short, length, err = l.shortest(ctx, sources, l.plan.Long); err != nil {
		return nil, err
	}
	if length < l.plan.Long {
		return l.page(ctx, short, nil)
	}
	return l.walk(ctx, l.everything())
}

// shortest returns the source with the fewest rows, counted up to most; most if there is none shorter.
func (l *listing) shortest(ctx context.Context, sources []source, most int64) (source, int64, error) {
	var best source
	length := most
	for _, src := range sources {
		st := newStatement("SELECT COUNT(*) FROM (SELECT 1 FROM ", src.table, " w WHERE ")
		src.condition(st, src.values)
		if l.times.updatedLow != absent {
			st.add(" AND w.updated_at >= ").number(l.times.updatedLow)
		}
		if l.times.updatedHigh != math.MaxInt64 {
			st.add(" AND w.updated_at <= ").number(l.times.updatedHigh)
		}
		st.limit(int(length)).add(") c")
		var n int64
		if err := One(ctx, l.tx, Once+st.text(), st.args, &n); err != nil {
			return source{}, 0, err
		}
		if n < length {
			best, length = src, n
		}
	}
	return best, length, nil
}

// page reads the source whole, or in sort order as far as end, and returns the first hits behind the cursor.
func (l *listing) page(ctx context.Context, src source, end *place) ([]place, error) {
	st := newStatement("SELECT ")
	key := l.selectFrom(st, src, len(src.values) > 1)
	if src.unordered { // selectFrom has written the condition
		st.add("1 = 1")
	} else {
		src.condition(st, src.values)
	}
	l.filter(st, src)
	l.keyset(st, key, end)
	st.order("k", "seq", l.descending).limit(l.limit)
	return l.read(ctx, st)
}

// selectFrom adds the columns seq and k, the sort key, and the tables; it returns the key's column.
func (l *listing) selectFrom(st *statement, src source, distinct bool) string {
	if distinct {
		st.add("DISTINCT ")
	}
	carried := l.sort.column == "updated_at" || l.sort.column == "created_at"
	if src.table == "findings" || carried {
		key := "w." + l.sort.column
		st.add("w.seq AS seq, ", key, " AS k FROM ")
		if src.unordered {
			// The limit keeps the engines from walking the sort column's index instead.
			st.add("(SELECT * FROM ", src.table, " w WHERE ")
			src.condition(st, src.values)
			st.add(" LIMIT ").number(math.MaxInt64).add(") w WHERE ")
			return key
		}
		st.add(src.table, " w WHERE ")
		return key
	}
	key := "g." + l.sort.column
	st.add("w.seq AS seq, ", key, " AS k FROM ", src.table, " w CROSS JOIN findings g WHERE g.seq = w.seq AND ")
	return key
}

// keyset adds that hits come behind the cursor and not behind end.
func (l *listing) keyset(st *statement, key string, end *place) {
	bound := func(operator string, c *place) {
		st.add(" AND (", key, ", w.seq) ", operator, " (")
		if l.sort.bytes {
			b := c.Bytes
			if b == nil {
				b = []byte{}
			}
			st.arg(b)
		} else {
			st.arg(c.Number)
		}
		st.add(", ").arg(c.Seq).add(")")
	}
	behind, before := ">", "<="
	if l.descending {
		behind, before = "<", ">="
	}
	if l.after != nil {
		bound(behind, l.after)
	}
	if end != nil {
		bound(before, end)
	}
}

// walk reads one ordered list until the page is full. If the criteria bound the other time only, the bound holds for the sort column as
// well except for the few findings that were updated: those are read from an index of their own.
func (l *listing) walk(ctx context.Context, src source) ([]place, error) {
	t := l.times
	split := l.sort.column == "updated_at" && t.createdHigh < t.updatedHigh || l.sort.column == "created_at" && t.updatedLow > t.createdLow
	if !split {
		return l.page(ctx, src, nil)
	}
	unmoved, moved := *l, *l
	unmoved.search, moved.search = new(search), new(search)
	*unmoved.search, *moved.search = *l.search, *l.search
	movedFirst := l.descending
	if l.sort.column == "updated_at" { // created <= high < updated
		unmoved.times.updatedHigh = t.createdHigh
		moved.times.updatedLow = max(t.updatedLow, t.createdHigh+1)
	} else { // created < low <= updated
		unmoved.times.createdLow = t.updatedLow
		moved.times.createdHigh = min(t.createdHigh, t.updatedLow-1)
		movedFirst = !l.descending
	}
	updated := l.everything()
	updated.prefix += " AND w.updated_at > w.created_at" // the condition of the index findings_moved
	type leg struct {
		*listing
		source
	}
	legs := []leg{{&unmoved, src}, {&moved, updated}}
	if movedFirst {
		slices.Reverse(legs)
	}
	var hits []place
	for _, leg := range legs {
		leg.listing.limit = l.limit - len(hits)
		if leg.listing.limit == 0 {
			break
		}
		more, err := leg.page(ctx, leg.source, nil)
		if err != nil {
			return nil, err
		}
		hits = append(hits, more...)
	}
	return hits, nil
}

// merge walks the lists of a source's values side by side; not ok if the statement would be too long.
func (l *listing) merge(ctx context.Context, src source) (hits []place, ok bool, err error) {
	one := &statement{}
	l.filter(one, src)
	if len(one.text())*len(src.values) > maxMergeText || len(one.args)*len(src.values) > maxMergeArgs {
		return nil, false, nil
	}
	st := &statement{}
	for i, v := range src.values {
		if i > 0 {
			st.add(" UNION ") // not ALL: a finding can be in several lists
		}
		st.add("SELECT seq, k FROM (SELECT ")
		key := l.selectFrom(st, src, false)
		src.condition(st, []any{v})
		l.filter(st, src)
		l.keyset(st, key, nil)
		st.order("k", "seq", l.descending).limit(l.limit).add(fmt.Sprintf(") u%d", i))
	}
	st.order("k", "seq", l.descending).limit(l.limit)
	hits, err = l.read(ctx, st)
	return hits, true, err
}

// milestone returns the finding that a walk over everything reaches after the plan's number of steps, nil if it ends before.
func (l *listing) milestone(ctx context.Context) (*place, error) {
	st := newStatement("SELECT ")
	src := l.everything()
	key := l.selectFrom(st, src, false)
	src.condition(st, src.values)
	l.keyset(st, key, nil)
	st.order("k", "seq", l.descending).limit(1).add(" OFFSET ").number(l.plan.Walk)
	hits, err := l.read(ctx, st)
	if err != nil || len(hits) == 0 {
		return nil, err
	}
	return &hits[0], nil
}

func (l *listing) read(ctx context.Context, st *statement) ([]place, error) {
	var hits []place
	err := Each(ctx, l.tx, Once+st.text(), st.args, func(rows Rows) error {
		var c place
		key := any(&c.Number)
		if l.sort.bytes {
			key = &c.Bytes
		}
		if err := rows.Scan(&c.Seq, key); err != nil {
			return err
		}
		hits = append(hits, c)
		return nil
	})
	return hits, err
}
