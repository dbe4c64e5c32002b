package lint

import (
	"fmt"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/iam"
)

// A quota is how long a policy may be (access-analyzer.md 4.1).
type quota struct {
	code  iam.Code
	most  int
	bytes bool // of the text as it is; else characters without white space
}

// quotas of kinds, and of resource policies by type of resource. That of identity policies is the largest there is, of a role's inline policies,
// since the text does not tell what it is for.
var (
	quotas = map[iam.Kind]quota{
		iam.Identity: {"POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA", 10240, false},
		iam.Trust:    {"POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA", 2048, false},
		iam.SCP:      {"POLICY_SIZE_EXCEEDS_SCP_QUOTA", 10240, true},
		iam.RCP:      {"POLICY_SIZE_EXCEEDS_RCP_QUOTA", 5120, true},
	}
	typeQuota = quota{"POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA", 20 << 10, true}
)

// bySize compares the policy's length with its quota.
var bySize = &family{policy: func(l *linter, _ []*statement) {
	q, ok := quotas[l.kind]
	if _, known := homes[l.resourceType]; l.kind == iam.Resource && known {
		q, ok = typeQuota, true
	}
	if !ok {
		return
	}
	text := l.policy.Text()
	size, unit := len(text), "bytes"
	if !q.bytes {
		size, unit = characters(text), "characters without white space"
	}
	if size > q.most {
		l.add(q.code, fmt.Sprintf("The policy has %d %s, more than %d.", size, unit, q.most), iam.Span{Start: 0, End: len(text)})
	}
}}

// characters counts those that are no white space between the elements or in them.
func characters(text string) int {
	n := utf8.RuneCountInString(text)
	for i := range len(text) {
		switch text[i] {
		case ' ', '\t', '\r', '\n':
			n--
		}
	}
	return n
}
