package accessanalyzer

import (
	"context"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// GetFindingsStatistics counts an analyzer's findings by status, and the active ones by type of resource.
func (s *Service) GetFindingsStatistics(ctx context.Context, in *accessanalyzer.GetFindingsStatisticsInput) (*accessanalyzer.GetFindingsStatisticsOutput, error) {
	out := &accessanalyzer.GetFindingsStatisticsOutput{}
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		a, err := s.readableAt(ctx, tx, t, *in.AnalyzerArn)
		if err != nil {
			return err
		}
		counts, err := store.CountAccessFindings(ctx, tx, t, a.ID)
		if err != nil {
			return err
		}
		out.FindingsStatistics = []accessanalyzer.FindingsStatistics{{ExternalAccessFindingsStatistics: statistics(counts)}}
		if a.ScannedAt != nil {
			out.LastUpdatedAt = wire.Ptr(wire.Time(*a.ScannedAt))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func statistics(counts []store.AccessFindingCount) *accessanalyzer.ExternalAccessFindingsStatistics {
	var active, archived, resolved int64
	types := map[accessanalyzer.ResourceType]accessanalyzer.ResourceTypeDetails{}
	for _, c := range counts {
		switch c.Status {
		case store.FindingArchived:
			archived += c.Count
			continue
		case store.FindingResolved:
			resolved += c.Count
			continue
		}
		active += c.Count
		d, ok := types[accessanalyzer.ResourceType(c.Type)]
		if !ok {
			d = accessanalyzer.ResourceTypeDetails{TotalActivePublic: new(int64), TotalActiveCrossAccount: new(int64), TotalActiveErrors: new(int64)}
			types[accessanalyzer.ResourceType(c.Type)] = d
		}
		switch {
		case c.Error:
			*d.TotalActiveErrors += c.Count
		case wire.Value(c.Public):
			*d.TotalActivePublic += c.Count
		default:
			*d.TotalActiveCrossAccount += c.Count
		}
	}
	return &accessanalyzer.ExternalAccessFindingsStatistics{ResourceTypeStatistics: types, TotalActiveFindings: &active,
		TotalArchivedFindings: &archived, TotalResolvedFindings: &resolved}
}
