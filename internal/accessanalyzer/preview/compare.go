package preview

import (
	"maps"
	"slices"

	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// Compare makes the findings of a preview: what would become of the analyzer's findings of the resource, current, if it had those proposed.
// Findings of the same access, or the same error, have the same id, and count once. archives reports whether an archive rule of the analyzer takes a new
// finding. Of the proposed findings neither times nor status count. The findings of the preview come without ids and times: first the
// proposed ones in their order, then those that would be resolved, by id.
//
// Access that there is now, and that no one has resolved, is UNCHANGED: rules do not apply to it. Access that was resolved would be active
// again, under the rules, and access that would be gone is resolved: these are CHANGED. While something cannot be told, what is archived stays
// so. Error findings are removed when they are cured, so that one without a counterpart in the proposal does not show. All this is what a scan
// makes of findings.
func Compare(proposed, current []*accessanalyzer.Finding, archives func(*accessanalyzer.Finding) bool) []accessanalyzer.AccessPreviewFinding {
	existing := map[string]*accessanalyzer.Finding{}
	for i := range current {
		existing[wire.Value(current[i].Id)] = current[i]
	}
	list := make([]accessanalyzer.AccessPreviewFinding, 0, len(proposed))
	seen := map[string]bool{}
	failed := false
	for i := range proposed {
		f := *proposed[i]
		if seen[wire.Value(f.Id)] {
			continue
		}
		seen[wire.Value(f.Id)] = true
		failed = failed || f.Error != nil
		f.Status = accessanalyzer.FindingStatusActive
		if archives(&f) {
			f.Status = accessanalyzer.FindingStatusArchived
		}
		now := existing[wire.Value(f.Id)]
		change := accessanalyzer.FindingChangeTypeNew
		if now != nil {
			if change = accessanalyzer.FindingChangeTypeChanged; now.Status != accessanalyzer.FindingStatusResolved {
				change, f.Status = accessanalyzer.FindingChangeTypeUnchanged, now.Status
			}
		}
		list = append(list, finding(&f, change, now))
	}
	for _, id := range slices.Sorted(maps.Keys(existing)) {
		now := existing[id]
		if seen[id] || now.Status == accessanalyzer.FindingStatusResolved || now.Error != nil {
			continue
		}
		if failed && now.Status == accessanalyzer.FindingStatusArchived {
			list = append(list, finding(now, accessanalyzer.FindingChangeTypeUnchanged, now))
			continue
		}
		f := *now
		f.Status = accessanalyzer.FindingStatusResolved
		list = append(list, finding(&f, accessanalyzer.FindingChangeTypeChanged, now))
	}
	return list
}

func finding(f *accessanalyzer.Finding, change accessanalyzer.FindingChangeType, existing *accessanalyzer.Finding) accessanalyzer.AccessPreviewFinding {
	p := accessanalyzer.AccessPreviewFinding{Principal: f.Principal, Action: f.Action, Condition: f.Condition, Resource: f.Resource, IsPublic: f.IsPublic,
		ResourceType: f.ResourceType, ChangeType: change, Status: f.Status, ResourceOwnerAccount: f.ResourceOwnerAccount, Error: f.Error,
		Sources: f.Sources, ResourceControlPolicyRestriction: f.ResourceControlPolicyRestriction}
	if existing != nil {
		p.ExistingFindingId, p.ExistingFindingStatus = existing.Id, existing.Status
	}
	return p
}
