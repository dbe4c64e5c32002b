package iam

// Kind says what a policy is attached to, and so what is legal in it (access-analyzer.md 4.1, 4.7).
type Kind uint8

// The kinds of policies.
const (
	Identity Kind = iota // of a user, group or role
	Resource             // of a bucket, key, queue, ...
	Trust                // who may assume a role
	Boundary             // permissions boundary
	Session              // given when a session is made
	SCP                  // service control policy
	RCP                  // resource control policy
	Endpoint             // of a VPC endpoint
)

func (k Kind) String() string {
	return [...]string{"identity policy", "resource policy", "role trust policy", "permissions boundary", "session policy",
		"service control policy", "resource control policy", "VPC endpoint policy"}[k]
}

// hasPrincipal reports whether statements of the kind name principals.
func (k Kind) hasPrincipal() bool { return k == Resource || k == Trust || k == RCP || k == Endpoint }

// isIAM reports whether IAM or Organizations store the policy, which refuse what other services let pass.
func (k Kind) isIAM() bool { return k != Resource && k != Endpoint }
