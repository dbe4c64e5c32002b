package accessanalyzer

import (
	"context"
	"maps"
	"slices"

	"github.com/magpie-sec/magpie/internal/publish"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// A settler compares what was made of resources with what is stored, in one transaction (access-analyzer.md 2.7).
type settler struct {
	tx       store.Tx
	tenant   store.Tenant
	analyzer string // its id
	arn      string
	rules    []filter
	now      int64
	outbox   *publish.Outbox
}

// settle brings the findings of a resource up to date.
func (w *settler) settle(ctx context.Context, t *task) error {
	wanted := w.findings(t)
	rows, err := store.AccessFindingsOf(ctx, w.tx, w.tenant, w.analyzer, t.key.arn)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Owner != t.state.Owner {
			continue // another's of the same name
		}
		f := wanted[row.ID]
		delete(wanted, row.ID)
		if err := w.meet(ctx, row, f, t.result.Error != ""); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(wanted)) {
		if err := w.create(ctx, wanted[id]); err != nil {
			return err
		}
	}
	if t.gone {
		return store.DeleteAnalyzedResource(ctx, w.tx, w.tenant, w.analyzer, t.key.arn, t.state.Owner)
	}
	return store.PutAnalyzedResource(ctx, w.tx, w.tenant, w.analyzer, store.AnalyzedResource{
		Resource: t.key.arn, Type: t.state.Type, Owner: t.state.Owner, Place: t.state.Place, Fingerprint: t.state.Fingerprint,
		CreatedAt: w.now, AnalyzedAt: w.now, UpdatedAt: w.now, Doc: wire.Marshal(analyzed(t))})
}

// findings are what a resource has now, by id.
func (w *settler) findings(t *task) map[string]*accessanalyzer.Finding {
	wanted := map[string]*accessanalyzer.Finding{}
	for _, f := range findingsOf(w.arn, t.described(), t.result) {
		wanted[*f.Id] = f
	}
	return wanted
}

// described is the resource, as far as it is known.
func (t *task) described() *resource.Resource {
	return &resource.Resource{ARN: t.key.arn, Type: t.state.Type, Account: t.state.Owner}
}

// meet settles a stored finding; f is nil if a resource does not have it now. failed says that something about the resource could not be
// told.
func (w *settler) meet(ctx context.Context, row store.AccessFinding, f *accessanalyzer.Finding, failed bool) error {
	before := row.Status
	switch {
	case f != nil:
		row.AnalyzedAt = w.now
		if row.Status == store.FindingResolved {
			row.Status, row.UpdatedAt = w.status(f), w.now
		}
	case row.Error != "":
		if err := w.tell(ctx, row, true); err != nil {
			return err
		}
		return store.DeleteAccessFinding(ctx, w.tx, w.tenant, w.analyzer, row.ID)
	case row.Status == store.FindingResolved, failed && row.Status == store.FindingArchived:
		return nil // what a person has put away stays so while it cannot be told
	default:
		row.Status, row.AnalyzedAt, row.UpdatedAt = store.FindingResolved, w.now, w.now
	}
	if row.Status != before {
		if err := w.tell(ctx, row, false); err != nil {
			return err
		}
	}
	return store.UpdateAccessFinding(ctx, w.tx, w.tenant, w.analyzer, row)
}

// status is that of a finding that is new or comes back.
func (w *settler) status(f *accessanalyzer.Finding) string {
	if archived(w.rules, f) {
		return store.FindingArchived
	}
	return store.FindingActive
}

func (w *settler) create(ctx context.Context, f *accessanalyzer.Finding) error {
	row := findingRow(f)
	row.Status, row.CreatedAt, row.AnalyzedAt, row.UpdatedAt = w.status(f), w.now, w.now, w.now
	if err := w.tell(ctx, row, false); err != nil {
		return err
	}
	return store.CreateAccessFinding(ctx, w.tx, w.tenant, w.analyzer, row)
}

// tell adds the event of a finding to the outbox.
func (w *settler) tell(ctx context.Context, row store.AccessFinding, deleted bool) error {
	return publishFinding(ctx, w.tx, w.tenant, w.outbox, w.arn, row, w.now, deleted)
}

// analyzed is what is told of a resource, without status and times.
func analyzed(t *task) *accessanalyzer.AnalyzedResource {
	r := t.described()
	return &accessanalyzer.AnalyzedResource{ResourceArn: wire.Ptr(r.ARN), ResourceType: accessanalyzer.ResourceType(r.Type),
		ResourceOwnerAccount: wire.Ptr(r.Account), IsPublic: wire.Ptr(t.result.Public), Actions: t.result.Actions, SharedVia: t.result.SharedVia,
		Error: optional(t.result.Error)}
}
