package macie

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// Bounds of the findings operations (macie.md 5.5, 11.2).
const (
	findingsPage     = 50  // ids in a page of ListFindings, and findings that GetFindings gives
	statisticsGroups = 100 // groups of GetFindingStatistics unless asked otherwise
	maxGroups        = 1000
)

// ListFindings lists the ids of findings that meet criteria, those updated last first unless asked otherwise.
func (s *Service) ListFindings(ctx context.Context, in *macie2.ListFindingsInput) (*macie2.ListFindingsOutput, error) {
	limit, err := pageSize(in.MaxResults, findingsPage)
	if err != nil {
		return nil, err
	}
	query := store.FindingQuery{Limit: limit}
	if query.Criteria, err = criteria(in.FindingCriteria); err != nil {
		return nil, err
	}
	if query.Sort, err = findingSort(in.SortCriteria); err != nil {
		return nil, err
	}
	if query.After, err = s.cfg.Tokens.Open(wire.CallerFrom(ctx), in); err != nil {
		return nil, err
	}
	out := &macie2.ListFindingsOutput{FindingIds: []string{}}
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		ids, next, err := store.ListFindings(ctx, tx, t, query)
		out.FindingIds = append(out.FindingIds, ids...)
		out.NextToken = s.nextToken(ctx, in, next)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// GetFindings gives findings by their ids; ids that no finding has are passed over.
func (s *Service) GetFindings(ctx context.Context, in *macie2.GetFindingsInput) (*macie2.GetFindingsOutput, error) {
	if n := len(in.FindingIds); n > findingsPage {
		return nil, wire.Errorf(wire.Validation, "findingIds may hold %d ids at most, not %d", findingsPage, n)
	}
	sort, err := findingSort(in.SortCriteria)
	if err != nil {
		return nil, err
	}
	out := &macie2.GetFindingsOutput{Findings: []macie2.Finding{}}
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) (err error) {
		out.Findings, err = readFindings(ctx, tx, t, in.FindingIds, sort)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func readFindings(ctx context.Context, tx store.Tx, t store.Tenant, ids []string, sort store.FindingSort) ([]macie2.Finding, error) {
	docs, err := store.GetFindings(ctx, tx, t, ids, sort)
	if err != nil {
		return nil, err
	}
	findings := make([]macie2.Finding, len(docs))
	for i, doc := range docs {
		if err := wire.Unmarshal(doc, &findings[i]); err != nil {
			return nil, fmt.Errorf("a stored finding is damaged: %w", err)
		}
	}
	return findings, nil
}

// GetFindingStatistics counts the findings that meet criteria in groups.
func (s *Service) GetFindingStatistics(ctx context.Context, in *macie2.GetFindingStatisticsInput) (*macie2.GetFindingStatisticsOutput, error) {
	size := wire.ValueOr(in.Size, statisticsGroups)
	if size < 1 || size > maxGroups {
		return nil, wire.Errorf(wire.Validation, "size must be from 1 to %d", maxGroups)
	}
	query := store.StatisticsQuery{GroupBy: string(in.GroupBy), Limit: int(size), Descending: true, ByCount: true}
	if sort := in.SortCriteria; sort != nil {
		query.ByCount = sort.AttributeName != macie2.FindingStatisticsSortAttributeNameGroupKey
		query.Descending = sort.OrderBy == macie2.OrderByDesc
	}
	var err error
	if query.Criteria, err = criteria(in.FindingCriteria); err != nil {
		return nil, err
	}
	out := &macie2.GetFindingStatisticsOutput{CountsByGroup: []macie2.GroupCount{}}
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		groups, err := store.FindingStatistics(ctx, tx, t, query)
		if err != nil {
			return err
		}
		for _, g := range groups {
			out.CountsByGroup = append(out.CountsByGroup, macie2.GroupCount{GroupKey: wire.Ptr(g.Key), Count: wire.Ptr(g.Count)})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// criteria turns findingCriteria into those of the store, which checks fields and operators against its table of fields.
func criteria(in *macie2.FindingCriteria) ([]store.Criterion, error) {
	if in == nil {
		return nil, nil
	}
	var list []store.Criterion
	for _, field := range slices.Sorted(maps.Keys(in.Criterion)) {
		c := in.Criterion[field]
		list = append(list, store.Criterion{
			Field: field, Eq: c.Eq, Neq: c.Neq, EqExactMatch: c.EqExactMatch, Gt: c.Gt, Gte: c.Gte, Lt: c.Lt, Lte: c.Lte,
		})
	}
	var wrong *store.CriterionError
	if err := store.CheckFindingCriteria(list); errors.As(err, &wrong) {
		return nil, wire.Errorf(wire.Validation, "findingCriteria: %v", wrong)
	} else if err != nil {
		return nil, err
	}
	return list, nil
}

func findingSort(in *macie2.SortCriteria) (store.FindingSort, error) {
	if in == nil {
		return store.FindingSort{Descending: true}, nil
	}
	attribute := wire.Value(in.AttributeName)
	if attribute != "" && !slices.Contains(store.FindingSortAttributes(), attribute) {
		return store.FindingSort{}, wire.Errorf(wire.Validation, "sortCriteria: findings cannot be sorted by %q", attribute)
	}
	return store.FindingSort{Attribute: attribute, Descending: in.OrderBy == macie2.OrderByDesc}, nil
}
