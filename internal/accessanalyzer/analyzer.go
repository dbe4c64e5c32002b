package accessanalyzer

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// quotas are how many analyzers of each type an account may have in a Region (access-analyzer.md 1.5). Other types are not supported.
var quotas = map[accessanalyzer.Type]int64{accessanalyzer.TypeAccount: 1, accessanalyzer.TypeOrganization: 5}

// analyzersLock lets the requests that make analyzers take turns, so that the quotas are exact.
const analyzersLock = "lock/analyzers"

// CreateAnalyzer makes an analyzer, which is active at once; its first scan begins then.
func (s *Service) CreateAnalyzer(ctx context.Context, in *accessanalyzer.CreateAnalyzerInput) (*accessanalyzer.CreateAnalyzerOutput, error) {
	if err := s.checkNewAnalyzer(ctx, in); err != nil {
		return nil, err
	}
	var arn []byte
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) (err error) {
		if err := store.Exclusive(ctx, tx, t, analyzersLock); err != nil {
			return err
		}
		arn, err = s.do(ctx, tx, t, once{"CreateAnalyzer", in.ClientToken, in}, func() (string, []byte, error) {
			return s.createAnalyzer(ctx, tx, t, in)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	s.scanner.soon()
	return &accessanalyzer.CreateAnalyzerOutput{Arn: wire.Ptr(string(arn))}, nil
}

func (s *Service) checkNewAnalyzer(ctx context.Context, in *accessanalyzer.CreateAnalyzerInput) error {
	if _, supported := quotas[in.Type]; !supported {
		return notSupported("Analyzers of the type %s are not supported; ACCOUNT and ORGANIZATION are.", in.Type)
	}
	if in.Configuration != nil {
		return invalid("configuration", "is for analyzers of unused and internal access only")
	}
	if in.Type == accessanalyzer.TypeOrganization {
		switch o := s.cfg.Organization; {
		case o == nil:
			return wire.Errorf(wire.Validation, "You must create an organization before you can create an analyzer with the organization as its zone of trust.")
		case !o.Administers(tenant(ctx).Account):
			return wire.Errorf(wire.Validation, "Only the management account of the organization and its delegated administrators can create an analyzer of the type %s.",
				in.Type)
		}
	}
	if err := checkTags(in.Tags); err != nil {
		return err
	}
	return checkInlineRules(in.ArchiveRules)
}

// createAnalyzer stores an analyzer with its rules and returns its id and its ARN.
func (s *Service) createAnalyzer(ctx context.Context, tx store.Tx, t store.Tenant, in *accessanalyzer.CreateAnalyzerInput) (string, []byte, error) {
	// The name first: who makes the same analyzer twice learns that it is there.
	switch _, err := store.GetAnalyzer(ctx, tx, t, *in.AnalyzerName); {
	case err == nil:
		return "", nil, wire.Errorf(wire.Conflict, "An analyzer with the name %s exists.", *in.AnalyzerName).About(analyzerType, *in.AnalyzerName)
	case !errors.Is(err, store.ErrNotFound):
		return "", nil, err
	}
	switch n, err := store.CountAnalyzers(ctx, tx, t, string(in.Type)); {
	case err != nil:
		return "", nil, err
	case n >= quotas[in.Type]:
		return "", nil, wire.Errorf(wire.Quota, "The account has %d analyzers of the type %s in this Region, which is the quota.", n, in.Type).
			About(analyzerType, *in.AnalyzerName)
	}
	tags, err := json.Marshal(in.Tags)
	if err != nil {
		return "", nil, err
	}
	a := store.Analyzer{ID: s.cfg.NewID(), Name: *in.AnalyzerName, Type: string(in.Type), CreatedAt: s.now(), Tags: tags, Doc: wire.Marshal(in)}
	if err := store.CreateAnalyzer(ctx, tx, t, a); err != nil {
		return "", nil, err
	}
	for _, r := range in.ArchiveRules {
		if err := s.createRule(ctx, tx, t, &a, *r.RuleName, r.Filter); err != nil {
			return "", nil, err
		}
	}
	return a.ID, []byte(analyzerARN(t, a.Name)), nil
}

// status is an analyzer's status, and the reason if it is not active (access-analyzer.md 1.4). It is a matter of the configuration.
func (s *Service) status(t store.Tenant, a *store.Analyzer) (accessanalyzer.AnalyzerStatus, *accessanalyzer.StatusReason) {
	disabled := func(code accessanalyzer.ReasonCode) (accessanalyzer.AnalyzerStatus, *accessanalyzer.StatusReason) {
		return accessanalyzer.AnalyzerStatusDisabled, &accessanalyzer.StatusReason{Code: code}
	}
	if a.Type == string(accessanalyzer.TypeOrganization) {
		switch o := s.cfg.Organization; {
		case o == nil:
			return disabled(accessanalyzer.ReasonCodeOrganizationDeleted)
		case !o.Administers(t.Account):
			return disabled(accessanalyzer.ReasonCodeDelegatedAdministratorDeregistered)
		}
	}
	return accessanalyzer.AnalyzerStatusActive, nil
}

// zone is an analyzer's zone of trust, for resources of an account.
func (s *Service) zone(a *store.Analyzer, account string) reach.Zone {
	z := reach.Zone{Account: account}
	if o := s.cfg.Organization; a.Type == string(accessanalyzer.TypeOrganization) && o != nil {
		z.Organization, z.Accounts = o.ID, o.Accounts()
	}
	return z
}

// summary is an analyzer on the wire.
func (s *Service) summary(t store.Tenant, a *store.Analyzer) (*accessanalyzer.AnalyzerSummary, error) {
	tags, err := readTags(a)
	out := &accessanalyzer.AnalyzerSummary{Arn: wire.Ptr(analyzerARN(t, a.Name)), Name: wire.Ptr(a.Name), Type: accessanalyzer.Type(a.Type),
		CreatedAt: wire.Ptr(wire.Time(a.CreatedAt)), Tags: tags}
	out.Status, out.StatusReason = s.status(t, a)
	if a.LastResourceAt != nil {
		out.LastResourceAnalyzed, out.LastResourceAnalyzedAt = wire.Ptr(a.LastResource), wire.Ptr(wire.Time(*a.LastResourceAt))
	}
	return out, err
}

// GetAnalyzer tells about an analyzer.
func (s *Service) GetAnalyzer(ctx context.Context, in *accessanalyzer.GetAnalyzerInput) (*accessanalyzer.GetAnalyzerOutput, error) {
	out := &accessanalyzer.GetAnalyzerOutput{}
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		a, err := analyzerNamed(ctx, tx, t, *in.AnalyzerName)
		if err != nil {
			return err
		}
		out.Analyzer, err = s.summary(t, &a)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListAnalyzers lists the analyzers by name.
func (s *Service) ListAnalyzers(ctx context.Context, in *accessanalyzer.ListAnalyzersInput) (*accessanalyzer.ListAnalyzersOutput, error) {
	limit, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	after, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzer.ListAnalyzersOutput{Analyzers: []accessanalyzer.AnalyzerSummary{}}
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		rows, err := store.ListAnalyzers(ctx, tx, t, string(in.Type), string(after), limit+1)
		if err != nil {
			return err
		}
		rows, next := trim(rows, limit, func(a store.Analyzer) string { return a.Name })
		for i := range rows {
			summary, err := s.summary(t, &rows[i])
			if err != nil {
				return err
			}
			out.Analyzers = append(out.Analyzers, *summary)
		}
		out.NextToken = s.nextToken(ctx, in, next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdateAnalyzer changes the configuration of an analyzer, which those of external access do not have.
func (s *Service) UpdateAnalyzer(ctx context.Context, in *accessanalyzer.UpdateAnalyzerInput) (*accessanalyzer.UpdateAnalyzerOutput, error) {
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		a, err := analyzerNamed(ctx, tx, t, *in.AnalyzerName)
		if err != nil {
			return err
		}
		return notSupported("The analyzer %s of the type %s has no configuration that could be changed.", a.Name, a.Type)
	})
	return nil, err
}

// DeleteAnalyzer deletes an analyzer with everything of it.
func (s *Service) DeleteAnalyzer(ctx context.Context, in *accessanalyzer.DeleteAnalyzerInput) (*accessanalyzer.DeleteAnalyzerOutput, error) {
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		_, err := s.do(ctx, tx, t, once{"DeleteAnalyzer", in.ClientToken, in}, func() (string, []byte, error) {
			a, err := analyzerNamed(ctx, tx, t, *in.AnalyzerName)
			if err != nil {
				return "", nil, err
			}
			return "", nil, store.DeleteAnalyzer(ctx, tx, t, a.ID)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzer.DeleteAnalyzerOutput{}, nil
}

// CreateServiceLinkedAnalyzer is refused: only services of AWS make such analyzers.
func (s *Service) CreateServiceLinkedAnalyzer(context.Context, *accessanalyzer.CreateServiceLinkedAnalyzerInput) (
	*accessanalyzer.CreateServiceLinkedAnalyzerOutput, error) {
	return nil, wire.Errorf(wire.AccessDenied, "Only AWS services can create service-linked analyzers.")
}

// DeleteServiceLinkedAnalyzer finds none, as none can be made.
func (s *Service) DeleteServiceLinkedAnalyzer(_ context.Context, in *accessanalyzer.DeleteServiceLinkedAnalyzerInput) (
	*accessanalyzer.DeleteServiceLinkedAnalyzerOutput, error) {
	return nil, notFound(analyzerType, *in.AnalyzerName)
}
