package accessanalyzer

import (
	"context"
	"errors"
	"fmt"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// CheckNoNewAccess tells whether a policy allows anything that another one does not (access-analyzer.md 6.1).
func (s *Service) CheckNoNewAccess(ctx context.Context, in *accessanalyzer.CheckNoNewAccessInput) (*accessanalyzer.CheckNoNewAccessOutput, error) {
	changed, err := policy("newPolicyDocument", in.NewPolicyDocument, in.PolicyType)
	if err != nil {
		return nil, err
	}
	existing, err := policy("existingPolicyDocument", in.ExistingPolicyDocument, in.PolicyType)
	if err != nil {
		return nil, err
	}
	c, err := reach.NoNewAccess(changed, existing, reach.Limits{Stop: ctx.Err})
	if err != nil {
		return nil, undecided(err)
	}
	out := &accessanalyzer.CheckNoNewAccessOutput{
		Result:  accessanalyzer.CheckNoNewAccessResultPass,
		Message: wire.Ptr("The modified permissions do not grant new access compared to your existing policy."),
	}
	if !c.Passes() {
		out.Result = accessanalyzer.CheckNoNewAccessResultFail
		out.Message = wire.Ptr("The modified permissions grant new access compared to your existing policy.")
		out.Reasons = reasons(c, "New access in the statement with %s.")
	}
	return out, nil
}

// CheckAccessNotGranted tells whether a policy grants some of the listed actions or resources (access-analyzer.md 6.2).
func (s *Service) CheckAccessNotGranted(ctx context.Context, in *accessanalyzer.CheckAccessNotGrantedInput) (*accessanalyzer.CheckAccessNotGrantedOutput, error) {
	p, err := policy("policyDocument", in.PolicyDocument, in.PolicyType)
	if err != nil {
		return nil, err
	}
	var actions, resources []string
	for _, a := range in.Access {
		actions, resources = append(actions, a.Actions...), append(resources, a.Resources...)
	}
	if len(in.Access) != 1 || len(actions) == 0 && len(resources) == 0 {
		return nil, wire.Errorf(wire.InvalidParameter, "access must hold one object that lists actions, resources, or both")
	}
	c, err := reach.NotGranted(p, actions, resources, reach.Limits{Stop: ctx.Err})
	if err != nil {
		return nil, undecided(err)
	}
	listed := "perform one or more of the listed actions"
	which := "One or more of the listed actions in the statement with %s."
	switch {
	case len(actions) == 0:
		listed = "one or more of the listed resources"
		which = "One or more of the listed resources in the statement with %s."
	case len(resources) > 0:
		listed += " on the listed resources"
		which = "One or more of the listed actions or resources in the statement with %s."
	}
	out := &accessanalyzer.CheckAccessNotGrantedOutput{
		Result:  accessanalyzer.CheckAccessNotGrantedResultPass,
		Message: wire.Ptr("The policy document does not grant access to " + listed + "."),
	}
	if !c.Passes() {
		out.Result = accessanalyzer.CheckAccessNotGrantedResultFail
		out.Message = wire.Ptr("The policy document grants access to " + listed + ".")
		out.Reasons = reasons(c, which)
	}
	return out, nil
}

// CheckNoPublicAccess tells whether a policy of a resource of the type lets everyone use it (access-analyzer.md 6.3).
func (s *Service) CheckNoPublicAccess(ctx context.Context, in *accessanalyzer.CheckNoPublicAccessInput) (*accessanalyzer.CheckNoPublicAccessOutput, error) {
	p, err := policy("policyDocument", in.PolicyDocument, accessanalyzer.AccessCheckPolicyTypeResourcePolicy)
	if err != nil {
		return nil, err
	}
	c, err := reach.NoPublicAccess(p, string(in.ResourceType), reach.Limits{Stop: ctx.Err})
	if errors.Is(err, reach.ErrResourceType) {
		return nil, wire.Errorf(wire.InvalidParameter, "resourceType: %s cannot be checked", in.ResourceType)
	} else if err != nil {
		return nil, undecided(err)
	}
	out := &accessanalyzer.CheckNoPublicAccessOutput{
		Result:  accessanalyzer.CheckNoPublicAccessResultPass,
		Message: wire.Ptr("The resource policy does not grant public access for the given resource type."),
	}
	if !c.Passes() {
		out.Result = accessanalyzer.CheckNoPublicAccessResultFail
		out.Message = wire.Ptr("The resource policy grants public access for the given resource type.")
		out.Reasons = reasons(c, "Public access granted in the following statement with %s.")
	}
	return out, nil
}

// policy reads a document that a check is about. A resource policy may be the trust policy of a role, which names no resource.
func policy(member string, text *string, kind accessanalyzer.AccessCheckPolicyType) (*iam.Policy, error) {
	if text == nil {
		return nil, wire.Errorf(wire.InvalidParameter, "%s is missing", member)
	}
	if kind == accessanalyzer.AccessCheckPolicyTypeIdentityPolicy {
		p, err := iam.Parse(*text, iam.Identity)
		return p, refused(member, err)
	}
	p, err := iam.Parse(*text, iam.Resource)
	if err != nil {
		if trust, e := iam.Parse(*text, iam.Trust); e == nil {
			return trust, nil
		}
	}
	return p, refused(member, err)
}

func refused(member string, err error) error {
	if err == nil {
		return nil
	}
	return wire.Errorf(wire.InvalidParameter, "%s: %v", member, err)
}

// undecided is the error for a check that has no answer: it is never answered with a guess.
func undecided(err error) error {
	if errors.Is(err, reach.ErrTooComplex) || errors.Is(err, reach.ErrUnsupported) {
		return wire.Errorf(wire.Unprocessable, "%v", err)
	}
	return err
}

// reasons lists the statements that a check does not pass for, by Sid where they have one.
func reasons(c reach.Comparison, description string) []accessanalyzer.ReasonSummary {
	var list []accessanalyzer.ReasonSummary
	for _, r := range c.Reasons {
		reason := accessanalyzer.ReasonSummary{StatementIndex: wire.Ptr(int64(r.Statement))}
		which := fmt.Sprintf("index: %d", r.Statement)
		if r.Sid != "" {
			reason.StatementId = wire.Ptr(r.Sid)
			which = "sid: " + r.Sid
		}
		reason.Description = wire.Ptr(fmt.Sprintf(description, which))
		list = append(list, reason)
	}
	return list
}
