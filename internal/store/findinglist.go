package store

import (
	"bytes"
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
	// Walk is how far a walk in sort order goes before it pays to look for a shorter list.
	Walk int64
	// Long is the length up to which such a list is then read.
	Long int64
}

// defaultPlan was found with the benchmarks of package storetest.
var defaultPlan = FindingPlan{Numbers: 1024, Merge: 128, Short: 2000, Walk: 5000, Long: math.MaxInt32}

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
	s.filterTimes(st)
}

func (s *search) filterTimes(st *statement) {
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

// run chooses how to read the page: the shortest list whole if it is short; else a walk in sort order, which a dense answer fills soon; and
// for sparse answers the shortest list again, if one is not too long.
func (l *listing) run(ctx context.Context) ([]place, error) {
	sources := l.sources()
	short, found, err := l.shortest(ctx, sources, l.plan.Short, l.plan.Short)
	if err != nil {
		return nil, err
	}
	if found {
		return l.page(ctx, short)
	}
	base := l.everything()
	if i := slices.IndexFunc(sources, func(src source) bool { return l.ordered(src) && len(src.values) == 1 }); i >= 0 {
		base = sources[i]
	}
	if len(sources) == 0 {
		return l.walk(ctx, base, l.straight)
	}
	hits, err := l.walk(ctx, base, l.near)
	if !errors.Is(err, errFar) {
		return hits, err
	}
	short, found, err = l.shortest(ctx, sources, 4*l.plan.Short, l.plan.Long)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return l.walk(ctx, base, l.straight)
	case !l.ordered(short):
		return l.page(ctx, short)
	case len(short.values) == 1:
		return l.walk(ctx, short, l.straight)
	}
	return l.walk(ctx, short, func(ctx context.Context, leg *listing, src source) ([]place, error) {
		if len(src.values) > 1 {
			return leg.merge(ctx, src)
		}
		return leg.straight(ctx, leg, src)
	})
}

// ordered says that the source's lists are in the order of the page.
func (l *listing) ordered(src source) bool { return !src.unordered && l.sort.column == "updated_at" }

// shortest returns the source with the fewest rows if it has fewer than most. It counts all of them up to a limit that it raises step by
// step, so the time it takes depends on the shortest.
func (l *listing) shortest(ctx context.Context, sources []source, limit, most int64) (best source, found bool, err error) {
	if len(sources) == 0 {
		return source{}, false, nil
	}
	for limit = min(limit, most); ; limit = min(4*limit+1, most) {
		length := limit
		for _, src := range sources {
			n, err := l.count(ctx, src, length)
			if err != nil {
				return source{}, false, err
			}
			if n < length {
				best, found, length = src, true, n
			}
		}
		if found || limit == most {
			return best, found, nil
		}
	}
}

// count counts the rows of a source up to a limit, within the bounds of times.
func (l *listing) count(ctx context.Context, src source, limit int64) (n int64, err error) {
	st := newStatement("SELECT COUNT(*) FROM (SELECT 1 FROM ", src.table, " w WHERE ")
	src.condition(st, src.values)
	if !src.unordered {
		l.filterTimes(st)
	}
	st.add(" LIMIT ").number(limit).add(") c")
	err = One(ctx, l.tx, Once+st.text(), st.args, &n)
	return n, err
}

// page reads the source whole and sorts. The limit inside keeps the engines from walking an index of the sort column instead.
func (l *listing) page(ctx context.Context, src source) ([]place, error) {
	st := newStatement("SELECT seq, k FROM (SELECT ")
	if len(src.values) > 1 {
		st.add("DISTINCT ")
	}
	key := l.selectFrom(st, src)
	src.condition(st, src.values)
	l.filter(st, src)
	l.pair(st, key)
	st.add(" LIMIT ").number(math.MaxInt64).add(") u").order("k", "seq", l.descending).limit(l.limit)
	return l.read(ctx, st)
}

// straight walks one ordered list until the page is full.
func (l *listing) straight(ctx context.Context, leg *listing, src source) ([]place, error) {
	return leg.stretch(ctx, src, nil)
}

// errFar says that a page was not full after the plan's number of steps.
var errFar = errors.New("far")

// near walks one ordered list for no more than about the plan's number of steps.
func (l *listing) near(ctx context.Context, leg *listing, src source) ([]place, error) {
	end, err := leg.milestone(ctx, src)
	if err != nil {
		return nil, err
	}
	hits, err := leg.stretch(ctx, src, end)
	if err == nil && end != nil && len(hits) < leg.limit {
		err = errFar
	}
	return hits, err
}

// milestone returns the finding that a walk reaches after the plan's number of steps, or somewhat more; nil if it ends before.
func (l *listing) milestone(ctx context.Context, src source) (*place, error) {
	for _, part := range l.parts(nil) {
		st := newStatement("SELECT ")
		key := l.selectFrom(st, src)
		src.condition(st, src.values)
		l.filterTimes(st)
		part(st, key)
		st.order("k", "seq", l.descending).limit(1).add(" OFFSET ").number(l.plan.Walk)
		hits, err := l.read(ctx, st)
		if err != nil {
			return nil, err
		}
		if len(hits) > 0 {
			return &hits[0], nil
		}
	}
	return nil, nil
}

// stretch walks one ordered list from behind the cursor as far as end, nil for the list's end.
func (l *listing) stretch(ctx context.Context, src source, end *place) ([]place, error) {
	var hits []place
	for _, part := range l.parts(end) {
		st := newStatement("SELECT ")
		key := l.selectFrom(st, src)
		src.condition(st, src.values)
		l.filter(st, src)
		part(st, key)
		st.order("k", "seq", l.descending).limit(l.limit - len(hits))
		more, err := l.read(ctx, st)
		if err != nil {
			return nil, err
		}
		if hits = append(hits, more...); len(hits) == l.limit {
			break
		}
	}
	return hits, nil
}

// parts cuts the way from behind the cursor to end into stretches that an index on (key, seq) finds without going through what lies
// before: those of one key, from or to a number, and what is between. (SQLite does not use the number of a pair that is compared.)
func (l *listing) parts(end *place) []func(st *statement, key string) {
	behind, before := l.behind(), "<="
	if l.descending {
		before = ">="
	}
	strict := before[:1]
	at := func(p *place, seq ...any) func(st *statement, key string) {
		return func(st *statement, key string) {
			l.value(st.add(" AND ", key, " = "), p)
			for i := 0; i < len(seq); i += 2 {
				st.add(" AND w.seq ", seq[i].(string), " ").number(seq[i+1].(int64))
			}
		}
	}
	between := func(st *statement, key string) {
		if l.after != nil {
			l.value(st.add(" AND ", key, " ", behind, " "), l.after)
		}
		if end != nil {
			l.value(st.add(" AND ", key, " ", strict, " "), end)
		}
	}
	switch {
	case l.after == nil && end == nil:
		return []func(*statement, string){between}
	case end == nil:
		return []func(*statement, string){at(l.after, behind, l.after.Seq), between}
	case l.after == nil:
		return []func(*statement, string){between, at(end, before, end.Seq)}
	case l.after.Number == end.Number && bytes.Equal(l.after.Bytes, end.Bytes):
		return []func(*statement, string){at(end, behind, l.after.Seq, before, end.Seq)}
	}
	return []func(*statement, string){at(l.after, behind, l.after.Seq), between, at(end, before, end.Seq)}
}

// pair adds that a finding comes behind the cursor, in one condition.
func (l *listing) pair(st *statement, key string) {
	if l.after != nil {
		st.add(" AND (", key, ", w.seq) ", l.behind(), " (")
		l.value(st, l.after).add(", ").number(l.after.Seq).add(")")
	}
}

// behind returns the operator that says that something comes later in the order of the page.
func (l *listing) behind() string {
	if l.descending {
		return "<"
	}
	return ">"
}

// value adds the sort key of a place.
func (l *listing) value(st *statement, p *place) *statement {
	if !l.sort.bytes {
		return st.number(p.Number)
	}
	return st.arg(document(p.Bytes))
}

// selectFrom adds the columns seq and k, the sort key, and the tables; it returns the key's column.
func (l *listing) selectFrom(st *statement, src source) string {
	carried := l.sort.column == "updated_at" || l.sort.column == "created_at" || l.sort.column == "severity"
	if src.table == "findings" || carried {
		key := "w." + l.sort.column
		st.add("w.seq AS seq, ", key, " AS k FROM ", src.table, " w WHERE ")
		return key
	}
	key := "g." + l.sort.column
	st.add("w.seq AS seq, ", key, " AS k FROM ", src.table, " w CROSS JOIN findings g WHERE g.seq = w.seq AND ")
	return key
}

// walk reads an ordered source. If the criteria bound the other time only, the bound holds for the sort column as well except for the few
// findings that were updated: those are read from an index of their own, so there are two legs.
func (l *listing) walk(ctx context.Context, src source, read func(context.Context, *listing, source) ([]place, error)) ([]place, error) {
	t := l.times
	split := l.sort.column == "updated_at" && t.createdHigh < t.updatedHigh || l.sort.column == "created_at" && t.updatedLow > t.createdLow
	if !split {
		return read(ctx, l, src)
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
	updated.unordered = true
	legs := []func() ([]place, error){
		func() ([]place, error) { return read(ctx, &unmoved, src) },
		func() ([]place, error) { return moved.page(ctx, updated) },
	}
	if movedFirst {
		slices.Reverse(legs)
	}
	var hits []place
	for _, leg := range legs {
		unmoved.limit, moved.limit = l.limit-len(hits), l.limit-len(hits)
		if unmoved.limit == 0 {
			break
		}
		more, err := leg()
		if err != nil {
			return nil, err
		}
		hits = append(hits, more...)
	}
	return hits, nil
}

// merge walks the lists of a source's values side by side; if the statement would be too long it reads the source whole.
func (l *listing) merge(ctx context.Context, src source) ([]place, error) {
	one := &statement{}
	l.filter(one, src)
	if len(one.text())*len(src.values) > maxMergeText || len(one.args)*len(src.values) > maxMergeArgs {
		return l.page(ctx, src)
	}
	st := &statement{}
	for i, v := range src.values {
		if i > 0 {
			st.add(" UNION ") // not ALL: a finding can be in several lists
		}
		st.add("SELECT seq, k FROM (SELECT ")
		key := l.selectFrom(st, src)
		src.condition(st, []any{v})
		l.filter(st, src)
		l.pair(st, key) // the times of findings hardly ever agree, so it does not cost; see parts
		st.order("k", "seq", l.descending).limit(l.limit).add(fmt.Sprintf(") u%d", i))
	}
	st.order("k", "seq", l.descending).limit(l.limit)
	return l.read(ctx, st)
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
