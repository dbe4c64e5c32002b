package store

import (
	"bytes"
	"context"
	"encoding/json"
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

// listing is a search with an order and a page.
type listing struct {
	*search
	sort       sortColumn
	descending bool
	limit      int
	after      *place
}

// run reads the legs one after the other until the page is full.
func (l *listing) run(ctx context.Context) ([]place, error) {
	var hits []place
	for _, leg := range l.legs() {
		if leg.limit = l.limit - len(hits); leg.limit == 0 {
			break
		}
		more, err := leg.find(ctx)
		if err != nil {
			return nil, err
		}
		hits = append(hits, more...)
	}
	return hits, nil
}

// legs cuts the listing in two if the criteria bound the time that it is not sorted by: the bound then holds for the sort column as well,
// except for the few findings that were updated, which have an index of their own.
func (l *listing) legs() []*listing {
	t := l.times
	byUpdated := l.sort.column == "updated_at" && t.createdHigh < t.updatedHigh
	byCreated := l.sort.column == "created_at" && t.updatedLow > t.createdLow
	if !byUpdated && !byCreated {
		return []*listing{l}
	}
	most, moved := *l, *l
	most.search, moved.search = new(search), new(search)
	*most.search, *moved.search = *l.search, *l.search
	moved.moved = true
	if byUpdated { // created <= high < updated
		most.times.updatedHigh = t.createdHigh
		moved.times.updatedLow = max(t.updatedLow, t.createdHigh+1)
	} else { // created < low <= updated
		most.times.createdLow = t.updatedLow
		moved.times.createdHigh = min(t.createdHigh, t.updatedLow-1)
	}
	if byUpdated == l.descending {
		return []*listing{&moved, &most}
	}
	return []*listing{&most, &moved}
}

// find chooses how to read a leg. A short list is read whole and sorted. A dense answer is found by a walk in sort order, which ends with
// the page. What the answer is shows by trying both with bounds that grow, so the time is a small multiple of the better way's.
func (l *listing) find(ctx context.Context) ([]place, error) {
	base := l.everything()
	if l.moved {
		base.prefix += " AND w.updated_at > w.created_at" // the condition of the index findings_moved
		return l.page(ctx, base)
	}
	sources := l.sources()
	if i := slices.IndexFunc(sources, func(src source) bool { return l.ordered(src) && len(src.values) == 1 }); i >= 0 {
		base = sources[i]
	}
	if len(sources) == 0 {
		return l.stretch(ctx, base, nil)
	}
	var hits []place
	for length, steps := l.plan.Short, l.plan.Walk; ; length, steps = 4*length+1, 4*steps+1 {
		short, found, err := l.shortest(ctx, sources, length)
		if err != nil {
			return nil, err
		}
		if found {
			more, err := l.whole(ctx, short)
			return append(hits, more...), err
		}
		end, err := l.milestone(ctx, base, steps)
		if err != nil {
			return nil, err
		}
		more, err := l.stretch(ctx, base, end)
		if hits = append(hits, more...); err != nil || end == nil || len(more) == l.limit {
			return hits, err
		}
		rest := *l // what comes behind end
		rest.after, rest.limit = end, l.limit-len(more)
		l = &rest
	}
}

// whole reads a source to its end, in its own order if that is the page's.
func (l *listing) whole(ctx context.Context, src source) ([]place, error) {
	switch {
	case !l.ordered(src):
		return l.page(ctx, src)
	case len(src.values) == 1:
		return l.stretch(ctx, src, nil)
	}
	return l.merge(ctx, src)
}

// ordered says that the source's lists are in the order of the page.
func (l *listing) ordered(src source) bool { return !src.unordered && l.sort.column == "updated_at" }

// shortest returns the source with the fewest rows if it has fewer than most.
func (l *listing) shortest(ctx context.Context, sources []source, most int64) (best source, found bool, err error) {
	for _, src := range sources {
		n, err := l.count(ctx, src, most)
		if err != nil {
			return source{}, false, err
		}
		if n < most {
			best, found, most = src, true, n
		}
	}
	return best, found, nil
}

// count counts the rows of a source up to a limit, within the bounds of times.
func (l *listing) count(ctx context.Context, src source, limit int64) (n int64, err error) {
	st := newStatement("SELECT COUNT(*) FROM (SELECT 1 FROM ", src.table, " w WHERE ")
	src.condition(st, src.values)
	if !src.unordered {
		l.filterTimes(st, "created_at", "updated_at")
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

// milestone returns the finding that a walk reaches after a number of steps, or somewhat more; nil if it ends before.
func (l *listing) milestone(ctx context.Context, src source, steps int64) (*place, error) {
	for _, part := range l.parts(nil) {
		st := newStatement("SELECT ")
		key := l.selectFrom(st, src)
		src.condition(st, src.values)
		l.filterTimes(st, l.sort.column)
		part(st, key)
		st.order("k", "seq", l.descending).limit(1).add(" OFFSET ").number(steps)
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

// ids returns the ids of findings in the order of hits.
func (l *listing) ids(ctx context.Context, hits []place) ([]string, error) {
	bySeq := make(map[int64]string, len(hits))
	for chunk := range slices.Chunk(hits, 500) {
		st := newStatement("SELECT seq, id FROM findings WHERE seq IN (")
		for i, h := range chunk {
			st.comma(i).number(h.Seq)
		}
		st.add(")")
		err := Each(ctx, l.tx, Once+st.text(), nil, func(rows Rows) error {
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
