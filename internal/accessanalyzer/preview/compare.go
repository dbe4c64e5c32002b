package preview

import (
	"maps"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// Compare makes the findings of a preview: what would become of the analyzer's findings of the resource, current, if it had those proposed.
// archives reports whether an archive rule of the analyzer takes a new finding. Of the proposed findings neither ids nor times nor status
// count. The findings come without ids and times: first the proposed ones in their order, then those that would be resolved, by id.
//
// Access that there is now, and that no one has resolved, is UNCHANGED: rules do not apply to it. Access that was resolved would be active
// again, under the rules, and access that would be gone is resolved: these are CHANGED. Error findings are removed when they are cured, so that
// one without a counterpart in the proposal does not show.
func Compare(proposed, current []accessanalyzer.Finding, archives func(*accessanalyzer.Finding) bool) []accessanalyzer.AccessPreviewFinding {
	existing := map[string]*accessanalyzer.Finding{}
	for i := range current {
		f := &current[i]
		if before := existing[identity(f)]; before == nil || before.Status == accessanalyzer.FindingStatusResolved {
			existing[identity(f)] = f
		}
	}
	list := make([]accessanalyzer.AccessPreviewFinding, 0, len(proposed))
	seen := map[*accessanalyzer.Finding]bool{}
	for i := range proposed {
		f := proposed[i]
		f.Status = accessanalyzer.FindingStatusActive
		if archives(&f) {
			f.Status = accessanalyzer.FindingStatusArchived
		}
		now := existing[identity(&f)]
		change := accessanalyzer.FindingChangeTypeNew
		if now != nil {
			seen[now] = true
			if change = accessanalyzer.FindingChangeTypeChanged; now.Status != accessanalyzer.FindingStatusResolved {
				change, f.Status = accessanalyzer.FindingChangeTypeUnchanged, now.Status
			}
		}
		list = append(list, finding(&f, change, now))
	}
	gone := slices.SortedFunc(maps.Values(existing), func(f, g *accessanalyzer.Finding) int {
		return strings.Compare(wire.Value(f.Id), wire.Value(g.Id))
	})
	for _, now := range gone {
		if seen[now] || now.Status == accessanalyzer.FindingStatusResolved || now.Error != nil {
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

// identity is the same for findings of the same access (access-analyzer.md 2.5): who, under which condition, what, public or not, by which
// ways, under which restriction; or the same error.
func identity(f *accessanalyzer.Finding) string {
	var b strings.Builder
	write := func(texts ...string) {
		for _, t := range texts {
			b.WriteString(t)
			b.WriteByte(0)
		}
		b.WriteByte(1)
	}
	pairs := func(m map[string]string) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			write(k, m[k])
		}
		b.WriteByte(2)
	}
	write(string(f.ResourceType), wire.Value(f.Resource), wire.Value(f.Error), string(f.ResourceControlPolicyRestriction))
	pairs(f.Principal)
	pairs(f.Condition)
	actions := slices.Clone(f.Action)
	slices.Sort(actions)
	write(actions...)
	if wire.Value(f.IsPublic) {
		write("public")
	}
	var sources []string
	for _, s := range f.Sources {
		text := string(s.Type)
		if s.Detail != nil {
			text += "\x00" + wire.Value(s.Detail.AccessPointArn) + "\x00" + wire.Value(s.Detail.AccessPointAccount)
		}
		sources = append(sources, text)
	}
	slices.Sort(sources)
	write(sources...)
	return b.String()
}
