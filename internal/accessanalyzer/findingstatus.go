package accessanalyzer

import (
	"context"
	"errors"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// changeFindings runs fn once for a request about an analyzer's findings.
func (s *Service) changeFindings(ctx context.Context, analyzer string, o once, fn func(store.Tx, store.Tenant, *store.Analyzer) error) error {
	return s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		a, err := s.readableAt(ctx, tx, t, analyzer)
		if err != nil {
			return err
		}
		_, err = s.do(ctx, tx, t, o, func() (string, []byte, error) { return a.ID, nil, fn(tx, t, &a) })
		return err
	})
}

// UpdateFindings archives findings or makes archived ones active again: those of some ids, or all of a resource. Resolved ones stay so.
func (s *Service) UpdateFindings(ctx context.Context, in *accessanalyzer.UpdateFindingsInput) (*accessanalyzer.UpdateFindingsOutput, error) {
	switch {
	case in.ResourceArn == nil && len(in.Ids) == 0:
		return nil, invalid("ids", "or resourceArn must be given")
	case in.ResourceArn != nil && len(in.Ids) > 0:
		return nil, invalid("ids", "and resourceArn must not be given together")
	}
	err := s.changeFindings(ctx, *in.AnalyzerArn, once{"UpdateFindings", in.ClientToken, in}, func(tx store.Tx, t store.Tenant, a *store.Analyzer) error {
		rows, err := findingsToChange(ctx, tx, t, a, in)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Status == store.FindingResolved {
				continue
			}
			if err := s.setStatus(ctx, tx, t, a, row, string(in.Status)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzer.UpdateFindingsOutput{}, nil
}

func findingsToChange(ctx context.Context, tx store.Tx, t store.Tenant, a *store.Analyzer, in *accessanalyzer.UpdateFindingsInput) ([]store.AccessFinding, error) {
	if in.ResourceArn != nil {
		rows, err := store.AccessFindingsOf(ctx, tx, t, a.ID, *in.ResourceArn)
		if err == nil && len(rows) == 0 {
			return nil, notFound(resourceType, *in.ResourceArn)
		}
		return rows, err
	}
	var rows []store.AccessFinding
	for _, id := range in.Ids {
		row, err := store.GetAccessFinding(ctx, tx, t, a.ID, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil, notFound(findingType, id)
		} else if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// setStatus changes a finding's status; the time of change counts only changes.
func (s *Service) setStatus(ctx context.Context, tx store.Tx, t store.Tenant, a *store.Analyzer, row store.AccessFinding, status string) error {
	if row.Status == status {
		return nil
	}
	row.Status, row.UpdatedAt = status, s.now()
	if err := publishFinding(ctx, tx, t, s.cfg.Outbox, analyzerARN(t, a.Name), row, row.UpdatedAt, false); err != nil {
		return err
	}
	return store.UpdateAccessFinding(ctx, tx, t, a.ID, row)
}
