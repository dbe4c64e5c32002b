package accessanalyzer

import (
	"context"
	"encoding/binary"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/lint"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// policyKinds are the kinds of policies by the name that ValidatePolicy has for them. Which resource a policy is of decides between a
// resource policy and a trust policy.
var policyKinds = map[accessanalyzer.PolicyType]iam.Kind{
	accessanalyzer.PolicyTypeIdentityPolicy:        iam.Identity,
	accessanalyzer.PolicyTypeResourcePolicy:        iam.Resource,
	accessanalyzer.PolicyTypeServiceControlPolicy:  iam.SCP,
	accessanalyzer.PolicyTypeResourceControlPolicy: iam.RCP,
}

// ValidatePolicy tells what is amiss with a policy (access-analyzer.md 7). The findings of one text are always the same and in the same order,
// so that a page begins where the last one ended. Details are in English whatever the locale.
func (s *Service) ValidatePolicy(ctx context.Context, in *accessanalyzer.ValidatePolicyInput) (*accessanalyzer.ValidatePolicyOutput, error) {
	limit, err := pageSize(in.MaxResults)
	if err != nil {
		return nil, err
	}
	kind, ok := policyKinds[in.PolicyType]
	switch {
	case in.PolicyDocument == nil:
		return nil, invalid("policyDocument", "is missing")
	case !ok:
		return nil, invalid("policyType", "must be one of the types of policies, not %s", in.PolicyType)
	case in.ValidatePolicyResourceType != "" && kind != iam.Resource:
		return nil, invalid("validatePolicyResourceType", "goes with policies of type %s only", accessanalyzer.PolicyTypeResourcePolicy)
	}
	from := 0
	if _, size := in.Page(); in.NextToken != nil || size != nil {
		cursor, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in)
		if err != nil {
			return nil, err
		}
		n, _ := binary.Uvarint(cursor)
		from = int(n)
	}
	findings := lint.Check(*in.PolicyDocument, kind, string(in.ValidatePolicyResourceType))
	findings = findings[min(from, len(findings)):]
	out := &accessanalyzer.ValidatePolicyOutput{Findings: []accessanalyzer.ValidatePolicyFinding{}}
	if len(findings) > limit {
		findings = findings[:limit]
		out.NextToken = s.nextToken(ctx, in, binary.AppendUvarint(nil, uint64(from+limit)))
	}
	for i := range findings {
		out.Findings = append(out.Findings, PolicyFinding(&findings[i]))
	}
	return out, nil
}

// PolicyFinding is a finding about a policy on the wire.
func PolicyFinding(f *lint.Finding) accessanalyzer.ValidatePolicyFinding {
	finding := accessanalyzer.ValidatePolicyFinding{
		FindingDetails: &f.Details,
		FindingType:    accessanalyzer.ValidatePolicyFindingType(f.Type.String()),
		IssueCode:      wire.Ptr(string(f.Code)),
		LearnMoreLink:  wire.Ptr(f.LearnMore()),
	}
	for i := range f.Locations {
		at := &f.Locations[i]
		path := make([]accessanalyzer.PathElement, len(at.Path))
		for j, step := range at.Path {
			path[j] = pathElement(step)
		}
		finding.Locations = append(finding.Locations, accessanalyzer.Location{
			Path: path, Span: &accessanalyzer.Span{Start: position(at.Start), End: position(at.End)},
		})
	}
	return finding
}

func pathElement(step iam.Step) accessanalyzer.PathElement {
	switch step.Kind {
	case iam.StepKey:
		return accessanalyzer.PathElement{Key: &step.Name}
	case iam.StepIndex:
		return accessanalyzer.PathElement{Index: wire.Ptr(int64(step.Index))}
	case iam.StepSubstring:
		return accessanalyzer.PathElement{Substring: &accessanalyzer.Substring{Start: wire.Ptr(int64(step.Start)), Length: wire.Ptr(int64(step.Length))}}
	}
	return accessanalyzer.PathElement{Value: &step.Name}
}

func position(p iam.Position) *accessanalyzer.Position {
	return &accessanalyzer.Position{Line: wire.Ptr(int64(p.Line)), Column: wire.Ptr(int64(p.Column)), Offset: wire.Ptr(int64(p.Offset))}
}
