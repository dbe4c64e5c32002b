package accessanalyzer

import (
	"context"
	"errors"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// listQuery is the query for the findings that a filter matches.
func listQuery(f filter) store.AccessFindingQuery {
	q := store.AccessFindingQuery{}
	if len(f) == 0 {
		return q
	}
	q.Statuses, q.Resources = f["status"].Eq, f["resource"].Eq
	q.Keep = func(row *store.AccessFinding) (bool, error) {
		finding, err := readFinding(row)
		return err == nil && matches(f, findingMember(finding)), err
	}
	return q
}

// constantSorts are scalar members of findings that are the same in all of them but errors: the order is then that of the store's member.
var constantSorts = map[string]string{"findingType": "id", "resourceControlPolicyRestriction": "error"}

// listFindings returns a page of an analyzer's findings and the place of the next. Without an order the findings come that changed last.
func (s *Service) listFindings(ctx context.Context, in wire.PagedInput, analyzer string, f filter, sort *accessanalyzer.SortCriteria, maxResults *int64) (
	rows []store.AccessFinding, next *string, err error) {
	limit, err := pageSize(maxResults)
	if err != nil {
		return nil, nil, err
	}
	if err := checkFilter(f, listKeys...); err != nil {
		return nil, nil, err
	}
	q := listQuery(f)
	q.Limit, q.Descending = limit, true
	if sort != nil {
		q.Descending = sort.OrderBy == accessanalyzer.OrderByDesc || sort.OrderBy == "" && sort.AttributeName == nil
		q.Sort = wire.Value(sort.AttributeName)
		if name, constant := constantSorts[q.Sort]; constant {
			q.Sort = name
		}
		if q.Sort != "" && !store.CanSortAccessFindings(q.Sort) {
			return nil, nil, invalid("sort.attributeName", "must be a member of findings that is one text, truth value or time, not %q", q.Sort)
		}
	}
	if q.After, err = s.cfg.Tokens.Open(wire.CallerFrom(ctx), in); err != nil {
		return nil, nil, err
	}
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		a, err := s.readableAt(ctx, tx, t, analyzer)
		if err != nil {
			return err
		}
		var after []byte
		rows, after, err = store.ListAccessFindings(ctx, tx, t, a.ID, q)
		next = s.nextToken(ctx, in, after)
		return err
	})
	return rows, next, err
}

// ListFindings lists findings in the first version's shape.
func (s *Service) ListFindings(ctx context.Context, in *accessanalyzer.ListFindingsInput) (*accessanalyzer.ListFindingsOutput, error) {
	rows, next, err := s.listFindings(ctx, in, *in.AnalyzerArn, in.Filter, in.Sort, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzer.ListFindingsOutput{Findings: []accessanalyzer.FindingSummary{}, NextToken: next}
	for i := range rows {
		f, err := readFinding(&rows[i])
		if err != nil {
			return nil, err
		}
		out.Findings = append(out.Findings, accessanalyzer.FindingSummary(*f))
	}
	return out, nil
}

// ListFindingsV2 lists findings in the second version's shape.
func (s *Service) ListFindingsV2(ctx context.Context, in *accessanalyzer.ListFindingsV2Input) (*accessanalyzer.ListFindingsV2Output, error) {
	rows, next, err := s.listFindings(ctx, in, *in.AnalyzerArn, in.Filter, in.Sort, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzer.ListFindingsV2Output{Findings: []accessanalyzer.FindingSummaryV2{}, NextToken: next}
	for i := range rows {
		f, err := readFinding(&rows[i])
		if err != nil {
			return nil, err
		}
		out.Findings = append(out.Findings, accessanalyzer.FindingSummaryV2{AnalyzedAt: f.AnalyzedAt, CreatedAt: f.CreatedAt, Error: f.Error, Id: f.Id,
			Resource: f.Resource, ResourceType: f.ResourceType, ResourceOwnerAccount: f.ResourceOwnerAccount, Status: f.Status, UpdatedAt: f.UpdatedAt,
			FindingType: accessanalyzer.FindingTypeExternalAccess})
	}
	return out, nil
}

// finding reads one finding of an analyzer.
func (s *Service) finding(ctx context.Context, analyzer, id string) (f *accessanalyzer.Finding, err error) {
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		a, err := s.readableAt(ctx, tx, t, analyzer)
		if err != nil {
			return err
		}
		row, err := store.GetAccessFinding(ctx, tx, t, a.ID, id)
		if errors.Is(err, store.ErrNotFound) {
			return notFound(findingType, id)
		} else if err != nil {
			return err
		}
		f, err = readFinding(&row)
		return err
	})
	return f, err
}

// GetFinding tells about a finding in the first version's shape.
func (s *Service) GetFinding(ctx context.Context, in *accessanalyzer.GetFindingInput) (*accessanalyzer.GetFindingOutput, error) {
	f, err := s.finding(ctx, *in.AnalyzerArn, *in.Id)
	if err != nil {
		return nil, err
	}
	return &accessanalyzer.GetFindingOutput{Finding: f}, nil
}

// GetFindingV2 tells about a finding in the second version's shape. A finding of external access has one detail, so there is one page.
func (s *Service) GetFindingV2(ctx context.Context, in *accessanalyzer.GetFindingV2Input) (*accessanalyzer.GetFindingV2Output, error) {
	if _, err := pageSize(in.MaxResults); err != nil {
		return nil, err
	}
	if _, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in); err != nil {
		return nil, err
	}
	f, err := s.finding(ctx, *in.AnalyzerArn, *in.Id)
	if err != nil {
		return nil, err
	}
	details := &accessanalyzer.ExternalAccessDetails{}
	if f.Error == nil {
		details = &accessanalyzer.ExternalAccessDetails{Action: f.Action, Condition: f.Condition, IsPublic: f.IsPublic, Principal: f.Principal,
			Sources: f.Sources, ResourceControlPolicyRestriction: f.ResourceControlPolicyRestriction}
	}
	return &accessanalyzer.GetFindingV2Output{AnalyzedAt: f.AnalyzedAt, CreatedAt: f.CreatedAt, Error: f.Error, Id: f.Id, Resource: f.Resource,
		ResourceType: f.ResourceType, ResourceOwnerAccount: f.ResourceOwnerAccount, Status: f.Status, UpdatedAt: f.UpdatedAt,
		FindingDetails: []accessanalyzer.FindingDetails{{ExternalAccessDetails: details}}, FindingType: accessanalyzer.FindingTypeExternalAccess}, nil
}
