package accessanalyzer

import (
	"context"
	"errors"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// maxRules is the quota of archive rules of an analyzer (access-analyzer.md 1.5, the default).
const maxRules = 100

// checkInlineRules holds the rules that come with a new analyzer to what rules must be.
func checkInlineRules(rules []accessanalyzer.InlineArchiveRule) error {
	seen := map[string]bool{}
	for _, r := range rules {
		if seen[*r.RuleName] {
			return invalid("archiveRules", "has the rule %s twice", *r.RuleName)
		}
		seen[*r.RuleName] = true
		if err := checkRule(r.Filter); err != nil {
			return err
		}
	}
	return nil
}

// checkRule holds a rule's filter to what one may ask: neither status nor id, which a finding gets only afterwards.
func checkRule(f filter) error {
	if len(f) == 0 {
		return invalid("filter", "must have at least one criterion")
	}
	return checkFilter(f)
}

// CreateArchiveRule makes a rule that archives the findings it matches when they are made or come back.
func (s *Service) CreateArchiveRule(ctx context.Context, in *accessanalyzer.CreateArchiveRuleInput) (*accessanalyzer.CreateArchiveRuleOutput, error) {
	if err := checkRule(in.Filter); err != nil {
		return nil, err
	}
	err := s.changeAnalyzer(ctx, *in.AnalyzerName, once{"CreateArchiveRule", in.ClientToken, in}, func(tx store.Tx, t store.Tenant, a *store.Analyzer) error {
		return s.createRule(ctx, tx, t, a, *in.RuleName, in.Filter)
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzer.CreateArchiveRuleOutput{}, nil
}

// changeAnalyzer runs fn once for a request about what an analyzer has.
func (s *Service) changeAnalyzer(ctx context.Context, name string, o once, fn func(store.Tx, store.Tenant, *store.Analyzer) error) error {
	return s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		a, err := analyzerNamed(ctx, tx, t, name)
		if err != nil {
			return err
		}
		_, err = s.do(ctx, tx, t, o, func() (string, []byte, error) { return a.ID, nil, fn(tx, t, &a) })
		return err
	})
}

func (s *Service) createRule(ctx context.Context, tx store.Tx, t store.Tenant, a *store.Analyzer, name string, f filter) error {
	switch _, err := store.GetArchiveRule(ctx, tx, t, a.ID, name); {
	case err == nil:
		return wire.Errorf(wire.Conflict, "The analyzer %s has an archive rule %s.", a.Name, name).About(archiveRuleType, name)
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	switch n, err := store.CountArchiveRules(ctx, tx, t, a.ID); {
	case err != nil:
		return err
	case n >= maxRules:
		return wire.Errorf(wire.Quota, "The analyzer %s has %d archive rules, which is the quota.", a.Name, n).About(archiveRuleType, name)
	}
	now := s.now()
	return store.CreateArchiveRule(ctx, tx, t, a.ID, store.ArchiveRule{Name: name, CreatedAt: now, UpdatedAt: now, Doc: writeFilter(f)})
}

func ruleNamed(ctx context.Context, tx store.Tx, t store.Tenant, a *store.Analyzer, name string) (store.ArchiveRule, error) {
	row, err := store.GetArchiveRule(ctx, tx, t, a.ID, name)
	if errors.Is(err, store.ErrNotFound) {
		return row, notFound(archiveRuleType, name)
	}
	return row, err
}

func ruleSummary(row store.ArchiveRule) (*accessanalyzer.ArchiveRuleSummary, error) {
	f, err := readFilter(row)
	return &accessanalyzer.ArchiveRuleSummary{RuleName: wire.Ptr(row.Name), Filter: f,
		CreatedAt: wire.Ptr(wire.Time(row.CreatedAt)), UpdatedAt: wire.Ptr(wire.Time(row.UpdatedAt))}, err
}

// GetArchiveRule tells about a rule.
func (s *Service) GetArchiveRule(ctx context.Context, in *accessanalyzer.GetArchiveRuleInput) (*accessanalyzer.GetArchiveRuleOutput, error) {
	out := &accessanalyzer.GetArchiveRuleOutput{}
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		a, err := analyzerNamed(ctx, tx, t, *in.AnalyzerName)
		if err != nil {
			return err
		}
		row, err := ruleNamed(ctx, tx, t, &a, *in.RuleName)
		if err != nil {
			return err
		}
		out.ArchiveRule, err = ruleSummary(row)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListArchiveRules lists an analyzer's rules by name.
func (s *Service) ListArchiveRules(ctx context.Context, in *accessanalyzer.ListArchiveRulesInput) (*accessanalyzer.ListArchiveRulesOutput, error) {
	limit, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	after, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzer.ListArchiveRulesOutput{ArchiveRules: []accessanalyzer.ArchiveRuleSummary{}}
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		a, err := analyzerNamed(ctx, tx, t, *in.AnalyzerName)
		if err != nil {
			return err
		}
		rows, err := store.ArchiveRules(ctx, tx, t, a.ID, string(after), limit+1)
		if err != nil {
			return err
		}
		rows, next := trim(rows, limit, func(r store.ArchiveRule) string { return r.Name })
		for _, row := range rows {
			summary, err := ruleSummary(row)
			if err != nil {
				return err
			}
			out.ArchiveRules = append(out.ArchiveRules, *summary)
		}
		out.NextToken = s.nextToken(ctx, in, next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdateArchiveRule replaces a rule's filter. What it archived stays so.
func (s *Service) UpdateArchiveRule(ctx context.Context, in *accessanalyzer.UpdateArchiveRuleInput) (*accessanalyzer.UpdateArchiveRuleOutput, error) {
	if err := checkRule(in.Filter); err != nil {
		return nil, err
	}
	err := s.changeAnalyzer(ctx, *in.AnalyzerName, once{"UpdateArchiveRule", in.ClientToken, in}, func(tx store.Tx, t store.Tenant, a *store.Analyzer) error {
		err := store.UpdateArchiveRule(ctx, tx, t, a.ID, store.ArchiveRule{Name: *in.RuleName, UpdatedAt: s.now(), Doc: writeFilter(in.Filter)})
		if errors.Is(err, store.ErrNotFound) {
			return notFound(archiveRuleType, *in.RuleName)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzer.UpdateArchiveRuleOutput{}, nil
}

// DeleteArchiveRule deletes a rule. What it archived stays so.
func (s *Service) DeleteArchiveRule(ctx context.Context, in *accessanalyzer.DeleteArchiveRuleInput) (*accessanalyzer.DeleteArchiveRuleOutput, error) {
	err := s.changeAnalyzer(ctx, *in.AnalyzerName, once{"DeleteArchiveRule", in.ClientToken, in}, func(tx store.Tx, t store.Tenant, a *store.Analyzer) error {
		err := store.DeleteArchiveRule(ctx, tx, t, a.ID, *in.RuleName)
		if errors.Is(err, store.ErrNotFound) {
			return notFound(archiveRuleType, *in.RuleName)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzer.DeleteArchiveRuleOutput{}, nil
}

// ApplyArchiveRule archives the active findings that a rule matches.
func (s *Service) ApplyArchiveRule(ctx context.Context, in *accessanalyzer.ApplyArchiveRuleInput) (*accessanalyzer.ApplyArchiveRuleOutput, error) {
	err := s.changeFindings(ctx, *in.AnalyzerArn, once{"ApplyArchiveRule", in.ClientToken, in}, func(tx store.Tx, t store.Tenant, a *store.Analyzer) error {
		row, err := ruleNamed(ctx, tx, t, a, *in.RuleName)
		if err != nil {
			return err
		}
		rule, err := readFilter(row)
		if err != nil {
			return err
		}
		return s.archive(ctx, tx, t, a, rule)
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzer.ApplyArchiveRuleOutput{}, nil
}

// archive archives the active findings that a filter matches.
func (s *Service) archive(ctx context.Context, tx store.Tx, t store.Tenant, a *store.Analyzer, f filter) error {
	q := listQuery(f)
	q.Statuses = []string{store.FindingActive}
	q.Sort, q.Limit = "id", 500
	for {
		rows, next, err := store.ListAccessFindings(ctx, tx, t, a.ID, q)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := s.setStatus(ctx, tx, t, a, row, store.FindingArchived); err != nil {
				return err
			}
		}
		if next == nil {
			return nil
		}
		q.After = next
	}
}
