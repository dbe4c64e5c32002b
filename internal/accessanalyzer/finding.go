package accessanalyzer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// findingsOf makes the findings of what was worked out for a resource, without status and times: one for each access, and one for the error
// if there is one. analyzer is the analyzer's ARN.
func findingsOf(analyzer string, r *resource.Resource, result resource.Result) []*accessanalyzer.Finding {
	var list []*accessanalyzer.Finding
	for i := range result.Findings {
		f := accessFinding(r, &result.Findings[i])
		f.Id = wire.Ptr(findingID(analyzer, f))
		list = append(list, f)
	}
	if result.Error != "" {
		list = append(list, errorFinding(analyzer, r, result.Error))
	}
	return list
}

// accessFinding is a finding on the wire (access-analyzer.md 2.4), without id, status and times.
func accessFinding(r *resource.Resource, from *resource.Finding) *accessanalyzer.Finding {
	f := bareFinding(r)
	f.Principal = map[string]string{string(from.Principal.Kind): from.Principal.Value}
	f.Action = from.Actions
	f.IsPublic = wire.Ptr(from.Public)
	for _, term := range from.Condition {
		f.Condition[term.Key] = term.Label
	}
	for _, s := range from.Sources {
		f.Sources = append(f.Sources, findingSource(s))
	}
	// No resource control policies are known to this server; it never says that one was applied.
	f.ResourceControlPolicyRestriction = accessanalyzer.ResourceControlPolicyRestrictionNotApplicable
	return f
}

// errorFinding says that who has access to a resource could not be read or decided.
func errorFinding(analyzer string, r *resource.Resource, code string) *accessanalyzer.Finding {
	f := bareFinding(r)
	f.Error = wire.Ptr(code)
	f.Id = wire.Ptr(findingID(analyzer, f))
	return f
}

func bareFinding(r *resource.Resource) *accessanalyzer.Finding {
	return &accessanalyzer.Finding{Resource: wire.Ptr(r.ARN), ResourceType: accessanalyzer.ResourceType(r.Type),
		ResourceOwnerAccount: wire.Ptr(r.Account), Condition: map[string]string{}}
}

func findingSource(s resource.Source) accessanalyzer.FindingSource {
	out := accessanalyzer.FindingSource{Type: accessanalyzer.FindingSourceType(s.Type)}
	if s.AccessPointARN != "" || s.AccessPointAccount != "" {
		out.Detail = &accessanalyzer.FindingSourceDetail{AccessPointArn: optional(s.AccessPointARN), AccessPointAccount: optional(s.AccessPointAccount)}
	}
	return out
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// findingID is the id of a finding: a digest of the analyzer and of everything that makes it this finding (access-analyzer.md 2.5: resource,
// principal, condition, actions, isPublic, sources, restriction, error), written as a UUID of version 8 (RFC 9562, 5.8).
func findingID(analyzer string, f *accessanalyzer.Finding) string {
	identity := *f
	identity.Id, identity.Status, identity.CreatedAt, identity.AnalyzedAt, identity.UpdatedAt = nil, "", nil, nil, nil
	h := sha256.New()
	for _, part := range [][]byte{[]byte("magpie access finding 1"), []byte(analyzer), wire.Marshal(&identity)} { // maps are written in order
		h.Write(binary.AppendUvarint(nil, uint64(len(part))))
		h.Write(part)
	}
	sum := h.Sum(nil)[:16]
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	d := hex.EncodeToString(sum)
	return d[:8] + "-" + d[8:12] + "-" + d[12:16] + "-" + d[16:20] + "-" + d[20:]
}

// findingRow is a finding as the store has it; status and times are those of f.
func findingRow(f *accessanalyzer.Finding) store.AccessFinding {
	document := *f
	document.Id, document.Status, document.CreatedAt, document.AnalyzedAt, document.UpdatedAt = nil, "", nil, nil, nil
	return store.AccessFinding{
		ID: *f.Id, Resource: *f.Resource, Type: string(f.ResourceType), Owner: *f.ResourceOwnerAccount, Status: string(f.Status), Public: f.IsPublic,
		Error: wire.Value(f.Error), CreatedAt: int64(wire.Value(f.CreatedAt)), AnalyzedAt: int64(wire.Value(f.AnalyzedAt)),
		UpdatedAt: int64(wire.Value(f.UpdatedAt)), Doc: wire.Marshal(&document),
	}
}

// readFinding is a stored finding on the wire.
func readFinding(row *store.AccessFinding) (*accessanalyzer.Finding, error) {
	f := &accessanalyzer.Finding{}
	if err := wire.Unmarshal(row.Doc, f); err != nil {
		return nil, fmt.Errorf("finding %s is damaged: %w", row.ID, err)
	}
	f.Id, f.Status = wire.Ptr(row.ID), accessanalyzer.FindingStatus(row.Status)
	f.CreatedAt, f.AnalyzedAt, f.UpdatedAt = wire.Ptr(wire.Time(row.CreatedAt)), wire.Ptr(wire.Time(row.AnalyzedAt)), wire.Ptr(wire.Time(row.UpdatedAt))
	if f.Condition == nil {
		f.Condition = map[string]string{}
	}
	return f, nil
}
