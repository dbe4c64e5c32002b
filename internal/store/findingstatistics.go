package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
)

// What findings can be counted by (macie.md 5.5).
const (
	GroupByBucket   = "resourcesAffected.s3Bucket.name"
	GroupByType     = "type"
	GroupByJob      = "classificationDetails.jobId"
	GroupBySeverity = "severity.description"
)

// StatisticsQuery asks how many findings there are in each group.
type StatisticsQuery struct {
	GroupBy  string
	Criteria []Criterion // all must hold
	// ByCount sorts by the count, equal counts in order of keys; otherwise the order is that of keys.
	ByCount    bool
	Descending bool
	Limit      int          // how many groups at most; 0 is all
	Plan       *FindingPlan // nil: the one that is best for most
}

// FindingCount is the number of findings of a group.
type FindingCount struct {
	Key   string
	Count int64
}

// FindingStatistics counts the findings that meet the criteria by group. Findings that no job made are in no group of [GroupByJob].
func FindingStatistics(ctx context.Context, tx Tx, tenant Tenant, q StatisticsQuery) ([]FindingCount, error) {
	// Traits and places carry everything there is to group by: count by their numbers, then add up by what they stand for.
	var number, keys string
	switch q.GroupBy {
	case GroupByBucket:
		number, keys = "place", "SELECT p.id, b.name FROM finding_places p JOIN bucket_snapshots b ON b.id = p.snapshot WHERE p.tenant = $1"
	case GroupByJob:
		number, keys = "place", "SELECT p.id, p.job_id FROM finding_places p WHERE p.tenant = $1"
	case GroupByType:
		number, keys = "traits", "SELECT t.id, t.type FROM finding_traits t WHERE t.tenant = $1"
	case GroupBySeverity:
		number, keys = "traits", "SELECT t.id, t.severity FROM finding_traits t WHERE t.tenant = $1"
	default:
		return nil, fmt.Errorf("findings cannot be grouped by %q: %w", q.GroupBy, ErrInvalid)
	}
	search, err := newSearch(ctx, tx, tenant, q.Criteria, q.Plan)
	if err != nil || search == nil {
		return nil, err
	}
	byNumber, err := search.count(ctx, number)
	if err != nil {
		return nil, fmt.Errorf("count findings: %w", err)
	}
	byKey := make(map[string]int64)
	err = Each(ctx, tx, keys, []any{search.tenant}, func(rows Rows) error {
		var id int64
		var key []byte
		if err := rows.Scan(&id, &key); err != nil {
			return err
		}
		if n := byNumber[id]; n > 0 && !(q.GroupBy == GroupByJob && len(key) == 0) {
			byKey[string(key)] += n
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count findings: %w", err)
	}
	return q.sorted(byKey), nil
}

func (q StatisticsQuery) sorted(counts map[string]int64) []FindingCount {
	var out []FindingCount
	for key, n := range counts {
		out = append(out, FindingCount{key, n})
	}
	slices.SortFunc(out, func(a, b FindingCount) int {
		byKey, byCount := strings.Compare(a.Key, b.Key), cmp.Compare(a.Count, b.Count)
		if q.Descending {
			byCount = -byCount
		}
		switch {
		case q.ByCount:
			return cmp.Or(byCount, byKey)
		case q.Descending:
			return -byKey
		}
		return byKey
	})
	if q.Limit > 0 && len(out) > q.Limit {
		out = out[:q.Limit]
	}
	return out
}

// count counts findings by the number of their traits or place, from the first posting list if the criteria name one.
func (s *search) count(ctx context.Context, number string) (map[int64]int64, error) {
	src := s.everything()
	if sources := s.sources(); len(sources) > 0 {
		src = sources[0]
	}
	n := "COUNT(*)"
	if len(src.values) > 1 && src.table == "finding_attributes" {
		n = "COUNT(DISTINCT w.seq)"
	}
	st := newStatement("SELECT w.", number, ", ", n, " FROM ", src.table, " w WHERE ")
	src.condition(st, src.values)
	s.filter(st, src)
	st.add(" GROUP BY w.", number)
	counts := make(map[int64]int64)
	err := Each(ctx, s.tx, Once+st.text(), st.args, func(rows Rows) error {
		var id, n int64
		err := rows.Scan(&id, &n)
		counts[id] = n
		return err
	})
	return counts, err
}
