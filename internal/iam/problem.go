package iam

import "fmt"

// Code names a kind of problem. All but the last two are issue codes of ValidatePolicy (access-analyzer.md 7.2).
type Code string

// What the parser can tell of a document alone. What needs the services' actions and keys is told elsewhere.
const (
	JSONSyntaxError                 Code = "JSON_SYNTAX_ERROR"
	DataTypeMismatch                Code = "DATA_TYPE_MISMATCH"
	DuplicateKeysWithDifferentCase  Code = "DUPLICATE_KEYS_WITH_DIFFERENT_CASE"
	InvalidAction                   Code = "INVALID_ACTION"
	InvalidARNAccount               Code = "INVALID_ARN_ACCOUNT"
	InvalidARNPrefix                Code = "INVALID_ARN_PREFIX"
	InvalidConditionDataType        Code = "INVALID_CONDITION_DATA_TYPE"
	InvalidConditionKeyFormat       Code = "INVALID_CONDITION_KEY_FORMAT"
	InvalidConditionOperator        Code = "INVALID_CONDITION_OPERATOR"
	InvalidEffect                   Code = "INVALID_EFFECT"
	InvalidPolicyElement            Code = "INVALID_POLICY_ELEMENT"
	InvalidPrincipalFormat          Code = "INVALID_PRINCIPAL_FORMAT"
	InvalidPrincipalKey             Code = "INVALID_PRINCIPAL_KEY"
	InvalidServicePrincipalFormat   Code = "INVALID_SERVICE_PRINCIPAL_FORMAT"
	InvalidVariableForOperator      Code = "INVALID_VARIABLE_FOR_OPERATOR"
	InvalidVersion                  Code = "INVALID_VERSION"
	MissingAction                   Code = "MISSING_ACTION"
	MissingARNField                 Code = "MISSING_ARN_FIELD"
	MissingEffect                   Code = "MISSING_EFFECT"
	MissingPrincipal                Code = "MISSING_PRINCIPAL"
	MissingResource                 Code = "MISSING_RESOURCE"
	MissingStatement                Code = "MISSING_STATEMENT"
	MissingVersion                  Code = "MISSING_VERSION"
	NullWithIfExists                Code = "NULL_WITH_IF_EXISTS"
	NullWithQualifier               Code = "NULL_WITH_QUALIFIER"
	UniqueSidsRequired              Code = "UNIQUE_SIDS_REQUIRED"
	UniqueSidsRecommended           Code = "UNIQUE_SIDS_RECOMMENDED"
	UnsupportedElementCombination   Code = "UNSUPPORTED_ELEMENT_COMBINATION"
	UnsupportedPrincipal            Code = "UNSUPPORTED_PRINCIPAL"
	UnsupportedSid                  Code = "UNSUPPORTED_SID"
	UnsupportedWildcardInPrincipal  Code = "UNSUPPORTED_WILDCARD_IN_PRINCIPAL"
	FederatedPrincipalNotSupported  Code = "FEDERATED_PRINCIPAL_NOT_SUPPORTED"
	MissingBraceInVariable          Code = "MISSING_BRACE_IN_VARIABLE"
	MissingQuoteInVariable          Code = "MISSING_QUOTE_IN_VARIABLE"
	UnsupportedSpaceInVariable      Code = "UNSUPPORTED_SPACE_IN_VARIABLE"
	EmptyVariable                   Code = "EMPTY_VARIABLE"
	VariableUnsupportedInElement    Code = "VARIABLE_UNSUPPORTED_IN_ELEMENT"
	VariableUnsupportedInVersion    Code = "VARIABLE_UNSUPPORTED_IN_VERSION"
	TypeMismatchBoolean             Code = "TYPE_MISMATCH_BOOLEAN"
	TypeMismatchDate                Code = "TYPE_MISMATCH_DATE"
	TypeMismatchNumber              Code = "TYPE_MISMATCH_NUMBER"
	TypeMismatchIPRange             Code = "TYPE_MISMATCH_IP_RANGE"
	TypeMismatchString              Code = "TYPE_MISMATCH_STRING"
	InvalidRoleReference            Code = "INVALID_ROLE_REFERENCE"
	InvalidUserReference            Code = "INVALID_USER_REFERENCE"
	EmptyArrayAction                Code = "EMPTY_ARRAY_ACTION"
	EmptyArrayCondition             Code = "EMPTY_ARRAY_CONDITION"
	EmptyArrayConditionForAllValues Code = "EMPTY_ARRAY_CONDITION_FORALLVALUES"
	EmptyArrayConditionForAnyValue  Code = "EMPTY_ARRAY_CONDITION_FORANYVALUE"
	EmptyArrayConditionIfExists     Code = "EMPTY_ARRAY_CONDITION_IFEXISTS"
	EmptyArrayPrincipal             Code = "EMPTY_ARRAY_PRINCIPAL"
	EmptyArrayResource              Code = "EMPTY_ARRAY_RESOURCE"
	EmptyObjectCondition            Code = "EMPTY_OBJECT_CONDITION"
	EmptyObjectPrincipal            Code = "EMPTY_OBJECT_PRINCIPAL"
	EmptySidValue                   Code = "EMPTY_SID_VALUE"
	WildcardInServiceName           Code = "WILDCARD_IN_SERVICE_NAME"
	TrustNotPrincipal               Code = "ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL"
	TrustWildcardPrincipal          Code = "ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL"
	TrustResource                   Code = "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE"
	TrustFederatedSyntax            Code = "INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY"
	SCPPrincipal                    Code = "SCP_SYNTAX_ERROR_PRINCIPAL"
	RCPPrincipal                    Code = "RCP_SYNTAX_ERROR_PRINCIPAL"
	RCPAllow                        Code = "RCP_SYNTAX_ERROR_ALLOW"
	RCPNotAction                    Code = "RCP_SYNTAX_ERROR_NOTACTION"

	// DuplicateKeys is a member of an object given twice. ValidatePolicy calls it a syntax error.
	DuplicateKeys Code = "DUPLICATE_KEYS"
	// ForeignPrincipal is a principal that no AWS account can have: an S3-compatible store's own name. AWS refuses it.
	ForeignPrincipal Code = "FOREIGN_PRINCIPAL"
)

// Problem is something amiss in a policy.
type Problem struct {
	Code    Code
	Fatal   bool // the policy has no meaning, or AWS refuses it when it is stored
	Message string
	Span    Span
	Start   Position
	End     Position
	Path    Path
}

// String writes a problem with its place: "line 3, column 14: Statement[0].Effect: ...".
func (p Problem) String() string {
	at := p.Start.String() + ": "
	if path := p.Path.String(); path != "" {
		at += path + ": "
	}
	return at + p.Message
}

// Error is why Parse refuses a text.
type Error struct {
	Problem     // the first one that is fatal
	Others  int // how many more are
}

// Error returns the problem with its place and how many more there are.
func (e *Error) Error() string {
	if e.Others > 0 {
		return fmt.Sprintf("%s (and %d more)", e.Problem, e.Others)
	}
	return e.Problem.String()
}

// maxProblems bounds what is told of one document.
const maxProblems = 1000

// clip shortens what a message repeats from the policy.
func clip(s string) string {
	const limit = 80
	if len(s) > limit {
		s = s[:limit] + "..."
	}
	return fmt.Sprintf("%q", s)
}
