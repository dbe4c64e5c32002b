// Package reach says what policies make of all requests: whether someone outside a zone of trust is let in, whether everyone is, whether one
// policy allows anything that another does not, whether a policy grants certain actions. What a policy makes of one request is package eval's
// matter, and every "yes" of this package carries a request that eval has confirmed.
//
// A statement is a box: a product of constraints on coordinates, which are the caller, the action, the resource and each condition key. "Is
// there a request in these boxes and outside those" is a search that holds a point for each coordinate and, as long as a box that has to be
// avoided holds all of them, makes one of that box's constraints false (search.go). A coordinate knows whether constraints leave it a value
// (key.go, text.go, domain.go, caller.go).
//
// An answer is exact or an error: ErrTooComplex where the search would go on too long, ErrUnsupported for what the package cannot reason
// about.
package reach

import (
	"errors"
	"slices"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/eval"
)

// ErrTooComplex says that a question took more work than it was given. It is no answer.
var ErrTooComplex = errors.New("reach: the policies are too complex to decide")

// ErrUnsupported says that a question rests on something that cannot be decided, such as operators for numbers and patterns of texts on one
// condition key whose values no common form was found for. It is no answer. Errors wrap it and say what it is.
var ErrUnsupported = errors.New("reach: cannot be decided")

// Limits bound the work of one question.
type Limits struct {
	// Steps bound the work, some ten microseconds each; 0 is DefaultSteps. When they are used up the answer is ErrTooComplex. How many a question
	// takes depends on nothing but the question.
	Steps int
	// Budget, if it is not nil, is what several questions may take together: each takes its steps from it.
	Budget *int
	// Stop, if it is not nil, is asked at every step, such as the Err method of a context: once it returns an error, that is the answer.
	Stop func() error
}

// DefaultSteps are about five seconds of work at most. Ordinary policies take a few hundred.
const DefaultSteps = 500_000

// A Zone is the zone of trust (access-analyzer.md 2.1): an account, or the accounts of an organization.
type Zone struct {
	Account      string   // that the resource belongs to, twelve digits
	Organization string   // "o-..." if the whole organization is trusted, else ""
	Accounts     []string // of the organization, if it is trusted
	Paths        []string // organization paths that are trusted beside those of Organization, such as "o-a1b2c3d4e5/r-ab12/"
}

// Trusts reports whether an account is in the zone.
func (z Zone) Trusts(account string) bool {
	return account != "" && (account == z.Account || z.Organization != "" && slices.Contains(z.Accounts, account))
}

// A Guard is the documents that decide about access to a resource: every layer has to allow, and no document of any layer may deny. A guard
// without layers allows nothing.
//
// A bucket that is reached directly has one layer, its policy (and what stands for its ACL); reached through an access point it has two, the
// access point's policy and the bucket's.
type Guard struct {
	Layers []Layer
}

// A Layer is documents of which one has to allow.
type Layer struct {
	Policies []*iam.Policy
	// Resources are what requests are about as this layer sees it, as texts of a Resource element: "arn:aws:s3:::logs", "arn:aws:s3:::logs/*".
	// Statements about others do not count. Without any, all count.
	Resources []string
}

// Alone is the guard of one document.
func Alone(p *iam.Policy, resources ...string) Guard {
	return Guard{Layers: []Layer{{Policies: []*iam.Policy{p}, Resources: resources}}}
}

// A Place is a statement of a guard.
type Place struct {
	Layer, Policy int // positions in Guard.Layers and Layer.Policies
	Statement     int // its Index
	Sid           string
}

// PrincipalKind is the key of a principal in a finding.
type PrincipalKind string

// The kinds of principals that findings name. Services never are (access-analyzer.md 2.4).
const (
	AWS           PrincipalKind = "AWS"
	Federated     PrincipalKind = "Federated"
	CanonicalUser PrincipalKind = "CanonicalUser"
)

// A Principal is whom a finding names: "*", an account's id, the ARN of a user, role or session; a provider; a canonical id.
type Principal struct {
	Kind  PrincipalKind
	Value string
}

// A Term is a condition key that narrows a finding, with the value as a policy has it: "aws:SourceIp", "203.0.113.0/24".
type Term struct {
	Key   string // as the catalogue writes it
	Label string
}

// An Access is one irreducible finding of external access (access-analyzer.md 2.5).
type Access struct {
	Principal  Principal
	Condition  []Term   // by key; only keys of access-analyzer.md 2.6
	Actions    []string // sorted, of those that were asked about
	Public     bool     // in Access Analyzer's meaning: see IsPublic
	Statements []Place  // the Allow statements that grant it, of every layer
	// Witness is a request that is let through. Its resource is that of the first layer; Resources has that of every layer.
	Witness   eval.Request
	Resources []string
}

// A Reason is a statement that a check does not pass for, with a request that shows it.
type Reason struct {
	Statement int // its Index
	Sid       string
	Witness   eval.Request
}

// A Comparison is the result of a check.
type Comparison struct {
	Reasons []Reason // by statement
	// Unclear are the statements, by Index, that could not be decided; there are some only if there are reasons beside them.
	Unclear []int
}

// Passes reports whether nothing speaks against it.
func (c Comparison) Passes() bool { return len(c.Reasons) == 0 }
