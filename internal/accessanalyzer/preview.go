package accessanalyzer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/magpie-sec/magpie/internal/accessanalyzer/preview"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

const (
	previewType = "AccessPreview"

	// maxPreviews is the quota of previews of an analyzer in an hour, and previewsKept how long they can be read (access-analyzer.md 1.5).
	maxPreviews  = 1000
	previewsKept = 24 * time.Hour

	// previewsLock lets the requests that make previews take turns, so that the quota is exact.
	previewsLock = "lock/access-previews"
)

// A forecast is what a preview comes to before it is compared with the findings that there are.
type forecast struct {
	status   accessanalyzer.AccessPreviewStatus
	reason   accessanalyzer.AccessPreviewStatusReasonCode
	proposed []*accessanalyzer.Finding
}

// CreateAccessPreview works out what would become of a resource's findings with a proposed configuration. The preview is there, complete or
// failed, when it answers: it is stored in one transaction with its findings, so that there is nothing to be taken up again.
func (s *Service) CreateAccessPreview(ctx context.Context, in *accessanalyzer.CreateAccessPreviewInput) (*accessanalyzer.CreateAccessPreviewOutput, error) {
	t := tenant(ctx)
	o := once{"CreateAccessPreview", in.ClientToken, in}
	var p *preview.Proposal
	var id []byte
	// What would be refused is refused before the work, and what was answered before is not worked out again.
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		a, err := s.previewerAt(ctx, tx, t, *in.AnalyzerArn)
		if err != nil {
			return err
		}
		if p, err = preview.Read(in.Configurations, t.Account, t.Region); err != nil {
			return err
		}
		id, err = s.do(ctx, tx, t, o, func() (string, []byte, error) {
			return "", nil, cmp.Or(s.checkPreviewQuota(ctx, tx, t, &a), errUnanswered)
		})
		return err
	})
	if errors.Is(err, errUnanswered) {
		f := s.forecast(ctx, t, *in.AnalyzerArn, p)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		err = s.update(ctx, func(tx store.Tx, t store.Tenant) (err error) {
			if err := store.Exclusive(ctx, tx, t, previewsLock); err != nil {
				return err
			}
			id, err = s.do(ctx, tx, t, o, func() (string, []byte, error) {
				a, err := s.previewerAt(ctx, tx, t, *in.AnalyzerArn)
				if err != nil {
					return "", nil, err
				}
				id, err := s.createPreview(ctx, tx, t, &a, in, p, f)
				return a.ID, []byte(id), err
			})
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	return &accessanalyzer.CreateAccessPreviewOutput{Id: wire.Ptr(string(id))}, nil
}

// errUnanswered says that a request was not answered before.
var errUnanswered = errors.New("not answered before")

// previewerAt returns the tenant's analyzer of an ARN, which has to be one that makes previews.
func (s *Service) previewerAt(ctx context.Context, tx store.Tx, t store.Tenant, analyzer string) (store.Analyzer, error) {
	a, err := s.readableAt(ctx, tx, t, analyzer)
	if err == nil && a.Type != string(accessanalyzer.TypeAccount) {
		err = notSupported("Access previews are made by analyzers of the type ACCOUNT; %s is of the type %s.", a.Name, a.Type)
	}
	return a, err
}

func (s *Service) checkPreviewQuota(ctx context.Context, tx store.Tx, t store.Tenant, a *store.Analyzer) error {
	n, err := store.CountAccessPreviews(ctx, tx, t, a.ID, s.cfg.Now().Add(-time.Hour).UnixMilli())
	if err == nil && n >= maxPreviews {
		err = wire.Errorf(wire.Quota, "The analyzer %s has made %d access previews in the last hour, which is the quota.", a.Name, n).About(analyzerType, a.Name)
	}
	return err
}

// forecast reads the resource as it is and works out the findings that it would have.
func (s *Service) forecast(ctx context.Context, t store.Tenant, analyzer string, p *preview.Proposal) forecast {
	failed := func(code accessanalyzer.AccessPreviewStatusReasonCode, why error) forecast {
		s.cfg.Log.Info("access preview failed", "analyzer", analyzer, "resource", p.ARN, "code", string(code), "reason", why.Error())
		return forecast{status: accessanalyzer.AccessPreviewStatusFailed, reason: code}
	}
	told, err := s.told(ctx, t, p.Type, p.ARN)
	if err != nil {
		return failed(accessanalyzer.AccessPreviewStatusReasonCodeInternalError, err)
	}
	proposed := &subject{}
	for _, one := range told {
		r, err := p.Resource(one)
		if err != nil {
			return failed(accessanalyzer.AccessPreviewStatusReasonCodeInvalidConfiguration, err)
		}
		proposed.parts = append(proposed.parts, r)
	}
	a := store.Analyzer{Type: string(accessanalyzer.TypeAccount)}
	result := proposed.analyze(ctx, s.zone(&a, t.Account))
	return forecast{status: accessanalyzer.AccessPreviewStatusCompleted, proposed: findingsOf(analyzer, proposed.resource(), result)}
}

// told is what those of the tenant's sources tell about a resource that have it, in the order in which a scan has them; or, of a resource that
// is yet to be, what the first source tells. Roles are the same in all Regions.
func (s *Service) told(ctx context.Context, t store.Tenant, kind, name string) ([]resource.One, error) {
	var tenants []store.Tenant
	for at := range s.cfg.Sources {
		if at == t || kind == resource.Role && at.Account == t.Account {
			tenants = append(tenants, at)
		}
	}
	slices.SortFunc(tenants, func(a, b store.Tenant) int { return cmp.Compare(a.String(), b.String()) })
	// A resource of an account without sources is new there, and nothing else of the account is known.
	around := resource.One{Owner: source.Unknown[source.Owner]("the account has no source"),
		AccountBlock: source.Unknown[source.PublicAccessBlock]("the account has no source")}
	var list []resource.One
	for i, at := range tenants {
		for j, d := range s.cfg.Sources[at] {
			one, err := resource.LoadOne(ctx, d, inventory.Options{Account: at.Account, Region: at.Region}, kind, name)
			if err != nil {
				return nil, err
			}
			if one.Resource != nil {
				list = append(list, one)
			} else if i == 0 && j == 0 {
				around = one
			}
		}
	}
	if len(list) == 0 {
		list = append(list, around)
	}
	return list, nil
}

// createPreview compares a forecast with the findings of the analyzer and stores the preview. It returns its id.
func (s *Service) createPreview(ctx context.Context, tx store.Tx, t store.Tenant, a *store.Analyzer, in *accessanalyzer.CreateAccessPreviewInput,
	p *preview.Proposal, f forecast) (string, error) {
	if err := s.checkPreviewQuota(ctx, tx, t, a); err != nil {
		return "", err
	}
	now := s.cfg.Now()
	row := store.AccessPreview{ID: uuid(s.cfg.NewID()), CreatedAt: now.UnixMilli(), Status: string(f.status), Reason: string(f.reason),
		Doc: wire.Marshal(&accessanalyzer.AccessPreview{Configurations: in.Configurations})}
	findings := &accessanalyzer.ListAccessPreviewFindingsOutput{Findings: []accessanalyzer.AccessPreviewFinding{}}
	if f.status == accessanalyzer.AccessPreviewStatusCompleted {
		rows, err := store.AccessFindingsOf(ctx, tx, t, a.ID, p.ARN)
		if err != nil {
			return "", err
		}
		current := make([]*accessanalyzer.Finding, len(rows))
		for i := range rows {
			if current[i], err = readFinding(&rows[i]); err != nil {
				return "", err
			}
		}
		rules, err := rulesOf(ctx, tx, t, a.ID)
		if err != nil {
			return "", err
		}
		findings.Findings = preview.Compare(f.proposed, current, func(f *accessanalyzer.Finding) bool { return archived(rules, f) })
		for i := range findings.Findings {
			findings.Findings[i].Id = wire.Ptr(uuid(s.cfg.NewID()))
			findings.Findings[i].CreatedAt = wire.Ptr(wire.Time(row.CreatedAt))
		}
	}
	row.Findings = wire.Marshal(findings)
	return row.ID, store.CreateAccessPreview(ctx, tx, t, a.ID, row, now.Add(-previewsKept).UnixMilli())
}

// uuid writes 32 hexadecimal digits as a UUID.
func uuid(d string) string {
	return d[:8] + "-" + d[8:12] + "-" + d[12:16] + "-" + d[16:20] + "-" + d[20:]
}

// previewAt reads a preview of an analyzer.
func (s *Service) previewAt(ctx context.Context, analyzer, id string) (row store.AccessPreview, err error) {
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		a, err := s.readableAt(ctx, tx, t, analyzer)
		if err != nil {
			return err
		}
		row, err = store.GetAccessPreview(ctx, tx, t, a.ID, id, s.cfg.Now().Add(-previewsKept).UnixMilli())
		if errors.Is(err, store.ErrNotFound) {
			return notFound(previewType, id)
		}
		return err
	})
	return row, err
}

func previewReason(row *store.AccessPreview) *accessanalyzer.AccessPreviewStatusReason {
	if row.Reason == "" {
		return nil
	}
	return &accessanalyzer.AccessPreviewStatusReason{Code: accessanalyzer.AccessPreviewStatusReasonCode(row.Reason)}
}

// GetAccessPreview tells about a preview.
func (s *Service) GetAccessPreview(ctx context.Context, in *accessanalyzer.GetAccessPreviewInput) (*accessanalyzer.GetAccessPreviewOutput, error) {
	row, err := s.previewAt(ctx, *in.AnalyzerArn, *in.AccessPreviewId)
	if err != nil {
		return nil, err
	}
	p := &accessanalyzer.AccessPreview{}
	if err := wire.Unmarshal(row.Doc, p); err != nil {
		return nil, fmt.Errorf("access preview %s is damaged: %w", row.ID, err)
	}
	p.Id, p.AnalyzerArn, p.CreatedAt = wire.Ptr(row.ID), in.AnalyzerArn, wire.Ptr(wire.Time(row.CreatedAt))
	p.Status, p.StatusReason = accessanalyzer.AccessPreviewStatus(row.Status), previewReason(&row)
	return &accessanalyzer.GetAccessPreviewOutput{AccessPreview: p}, nil
}

// ListAccessPreviews lists an analyzer's previews, the newest first.
func (s *Service) ListAccessPreviews(ctx context.Context, in *accessanalyzer.ListAccessPreviewsInput) (*accessanalyzer.ListAccessPreviewsOutput, error) {
	limit, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	after, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzer.ListAccessPreviewsOutput{AccessPreviews: []accessanalyzer.AccessPreviewSummary{}}
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		a, err := s.readableAt(ctx, tx, t, *in.AnalyzerArn)
		if err != nil {
			return err
		}
		rows, next, err := store.ListAccessPreviews(ctx, tx, t, a.ID, s.cfg.Now().Add(-previewsKept).UnixMilli(), after, limit)
		if err != nil {
			return err
		}
		for i := range rows {
			out.AccessPreviews = append(out.AccessPreviews, accessanalyzer.AccessPreviewSummary{Id: wire.Ptr(rows[i].ID), AnalyzerArn: in.AnalyzerArn,
				CreatedAt: wire.Ptr(wire.Time(rows[i].CreatedAt)), Status: accessanalyzer.AccessPreviewStatus(rows[i].Status), StatusReason: previewReason(&rows[i])})
		}
		out.NextToken = s.nextToken(ctx, in, next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// previewKeys are the keys of filters that only findings of previews have (access-analyzer.md 3.2).
var previewKeys = []string{"changeType", "existingFindingId", "existingFindingStatus"}

// previewMember is the value of a filter's key in a finding of a preview.
func previewMember(f *accessanalyzer.AccessPreviewFinding) func(key string) (string, bool) {
	member := findingMember(&accessanalyzer.Finding{Id: f.Id, Status: f.Status, Resource: f.Resource, ResourceType: f.ResourceType,
		ResourceOwnerAccount: f.ResourceOwnerAccount, ResourceControlPolicyRestriction: f.ResourceControlPolicyRestriction, Error: f.Error,
		IsPublic: f.IsPublic, Principal: f.Principal, Condition: f.Condition})
	return func(key string) (string, bool) {
		switch key {
		case "changeType":
			return enum(f.ChangeType)
		case "existingFindingId":
			return text(f.ExistingFindingId)
		case "existingFindingStatus":
			return enum(f.ExistingFindingStatus)
		}
		return member(key)
	}
}

// ListAccessPreviewFindings lists the findings of a preview: those that there would be, then those that would be resolved. One that failed has
// no list, lest an empty one be taken for no access.
func (s *Service) ListAccessPreviewFindings(ctx context.Context, in *accessanalyzer.ListAccessPreviewFindingsInput) (*accessanalyzer.ListAccessPreviewFindingsOutput, error) {
	limit, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	if err := checkFilter(in.Filter, slices.Concat(listKeys, previewKeys)...); err != nil {
		return nil, err
	}
	cursor, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in)
	if err != nil {
		return nil, err
	}
	row, err := s.previewAt(ctx, *in.AnalyzerArn, *in.AccessPreviewId)
	if err != nil {
		return nil, err
	}
	if row.Status != string(accessanalyzer.AccessPreviewStatusCompleted) {
		return nil, wire.Errorf(wire.Conflict, "The access preview %s has no findings: its status is %s.", row.ID, row.Status).About(previewType, row.ID)
	}
	stored := &accessanalyzer.ListAccessPreviewFindingsOutput{}
	if err := wire.Unmarshal(row.Findings, stored); err != nil {
		return nil, fmt.Errorf("the findings of access preview %s are damaged: %w", row.ID, err)
	}
	from := 0
	if cursor != nil {
		if from, err = strconv.Atoi(string(cursor)); err != nil || from < 0 {
			return nil, fmt.Errorf("place in the findings of access preview %s: %q", row.ID, cursor)
		}
	}
	out := &accessanalyzer.ListAccessPreviewFindingsOutput{Findings: []accessanalyzer.AccessPreviewFinding{}}
	for i := from; i < len(stored.Findings); i++ {
		if !matches(in.Filter, previewMember(&stored.Findings[i])) {
			continue
		}
		if len(out.Findings) == limit {
			out.NextToken = s.nextToken(ctx, in, []byte(strconv.Itoa(i)))
			break
		}
		out.Findings = append(out.Findings, stored.Findings[i])
	}
	return out, nil
}
