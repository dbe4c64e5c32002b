package reach

import "github.com/magpie-sec/magpie/internal/iam"

// External finds all access of someone outside the zone to one of the actions, cut as Access Analyzer does.
func External(docs Guard, zone Zone, actions []string, l Limits) ([]Access, error) {
	return nil, ErrUnsupported
}

// IsPublic tells whether everyone may use one of the actions, in Access Analyzer's meaning (access-analyzer.md 2.6): a caller whom no
// statement names, without any of the keys of 2.6 being limited to fixed values. It returns a reason for each statement that grants
// that, none if access is not public.
func IsPublic(docs Guard, actions []string, l Limits) ([]Access, error) {
	return nil, ErrUnsupported
}

// NoNewAccess checks that one policy allows nothing that another does not (access-analyzer.md 6.1).
func NoNewAccess(newPolicy, existing *iam.Policy, l Limits) (Comparison, error) {
	return Comparison{}, ErrUnsupported
}

// NotGranted checks that a policy grants none of the actions on any of the resources (access-analyzer.md 6.2). Without actions or without
// resources it is about all of them.
func NotGranted(p *iam.Policy, actions, resources []string, l Limits) (Comparison, error) {
	return Comparison{}, ErrUnsupported
}

// NoPublicAccess checks that a policy of a resource of the type lets not everyone in (access-analyzer.md 6.3).
func NoPublicAccess(p *iam.Policy, resourceType string, l Limits) (Comparison, error) {
	return Comparison{}, ErrUnsupported
}
