package accessanalyzer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

func analyzerARN(t store.Tenant, name string) string {
	return arn.Analyzer(t.Region, t.Account, name).String()
}

// analyzerNamed returns the tenant's analyzer of a name.
func analyzerNamed(ctx context.Context, tx store.Tx, t store.Tenant, name string) (store.Analyzer, error) {
	a, err := store.GetAnalyzer(ctx, tx, t, name)
	if errors.Is(err, store.ErrNotFound) {
		return a, notFound(analyzerType, name)
	}
	return a, err
}

// analyzerAt returns the tenant's analyzer of an ARN.
func analyzerAt(ctx context.Context, tx store.Tx, t store.Tenant, text string) (store.Analyzer, error) {
	parsed, err := arn.Parse(text)
	if err != nil {
		return store.Analyzer{}, invalid("analyzerArn", "is no ARN")
	}
	name := parsed.ResourceID()
	if parsed != arn.Analyzer(t.Region, t.Account, name) {
		return store.Analyzer{}, notFound(analyzerType, text)
	}
	a, err := store.GetAnalyzer(ctx, tx, t, name)
	if errors.Is(err, store.ErrNotFound) {
		return a, notFound(analyzerType, text)
	}
	return a, err
}

// readableAt is analyzerAt for operations that read or change what an analyzer has found, which a disabled one does not let see
// (access-analyzer.md 1.4).
func (s *Service) readableAt(ctx context.Context, tx store.Tx, t store.Tenant, text string) (store.Analyzer, error) {
	a, err := analyzerAt(ctx, tx, t, text)
	if err != nil {
		return a, err
	}
	if status, _ := s.status(t, &a); status != accessanalyzer.AnalyzerStatusActive {
		return a, wire.Errorf(wire.AccessDenied, "The analyzer %s is disabled: its findings can be read again when its account administers the organization.", a.Name)
	}
	return a, nil
}

// allRules is more rules than the quota lets an analyzer have.
const allRules = 10_000

// rulesOf returns the filters of an analyzer's archive rules.
func rulesOf(ctx context.Context, tx store.Tx, t store.Tenant, analyzer string) ([]filter, error) {
	rows, err := store.ArchiveRules(ctx, tx, t, analyzer, "", allRules)
	if err != nil {
		return nil, err
	}
	rules := make([]filter, len(rows))
	for i, row := range rows {
		if rules[i], err = readFilter(row); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

// archived reports whether an archive rule takes a finding.
func archived(rules []filter, f *accessanalyzer.Finding) bool {
	member := findingMember(f)
	for _, rule := range rules {
		if matches(rule, member) {
			return true
		}
	}
	return false
}

// readFilter reads a rule's filter, which is stored as an archive rule's summary.
func readFilter(row store.ArchiveRule) (filter, error) {
	rule := &accessanalyzer.ArchiveRuleSummary{}
	if err := wire.Unmarshal(row.Doc, rule); err != nil {
		return nil, fmt.Errorf("archive rule %s is damaged: %w", row.Name, err)
	}
	if rule.Filter == nil {
		rule.Filter = filter{}
	}
	return rule.Filter, nil
}

func writeFilter(f filter) []byte { return wire.Marshal(&accessanalyzer.ArchiveRuleSummary{Filter: f}) }

// readTags reads an analyzer's tags; none is an empty map.
func readTags(a *store.Analyzer) (map[string]string, error) {
	tags := map[string]string{}
	if len(a.Tags) == 0 {
		return tags, nil
	}
	if err := json.Unmarshal(a.Tags, &tags); err != nil {
		return nil, fmt.Errorf("the tags of analyzer %s are damaged: %w", a.Name, err)
	}
	if tags == nil { // null
		tags = map[string]string{}
	}
	return tags, nil
}
