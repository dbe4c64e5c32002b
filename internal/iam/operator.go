package iam

import "strings"

// Test is what a condition operator asks, without qualifier and IfExists.
type Test uint8

// The tests ("IAM JSON policy elements: Condition operators" in the IAM User Guide).
const (
	StringEquals Test = iota
	StringNotEquals
	StringEqualsIgnoreCase
	StringNotEqualsIgnoreCase
	StringLike
	StringNotLike
	NumericEquals
	NumericNotEquals
	NumericLessThan
	NumericLessThanEquals
	NumericGreaterThan
	NumericGreaterThanEquals
	DateEquals
	DateNotEquals
	DateLessThan
	DateLessThanEquals
	DateGreaterThan
	DateGreaterThanEquals
	Bool
	BinaryEquals
	IPAddress
	NotIPAddress
	ARNEquals
	ARNNotEquals
	ARNLike
	ARNNotLike
	Null
)

// Family is the type of values that a test compares.
type Family uint8

// The families.
const (
	FamilyString Family = iota
	FamilyNumeric
	FamilyDate
	FamilyBool
	FamilyBinary
	FamilyIP
	FamilyARN
	FamilyNull
)

// Relation is how a test compares a request's value with the policy's.
type Relation uint8

// The relations. A request's value is on the left.
const (
	Equal Relation = iota // also: like, in the range
	Less
	LessOrEqual
	Greater
	GreaterOrEqual
)

type testTraits struct {
	name     string
	family   Family
	relation Relation
	negated  bool
	form     Form // of FamilyString and FamilyARN
}

var tests = [...]testTraits{
	StringEquals:              {"StringEquals", FamilyString, Equal, false, FormExact},
	StringNotEquals:           {"StringNotEquals", FamilyString, Equal, true, FormExact},
	StringEqualsIgnoreCase:    {"StringEqualsIgnoreCase", FamilyString, Equal, false, FormIgnoreCase},
	StringNotEqualsIgnoreCase: {"StringNotEqualsIgnoreCase", FamilyString, Equal, true, FormIgnoreCase},
	StringLike:                {"StringLike", FamilyString, Equal, false, FormLike},
	StringNotLike:             {"StringNotLike", FamilyString, Equal, true, FormLike},
	NumericEquals:             {"NumericEquals", FamilyNumeric, Equal, false, 0},
	NumericNotEquals:          {"NumericNotEquals", FamilyNumeric, Equal, true, 0},
	NumericLessThan:           {"NumericLessThan", FamilyNumeric, Less, false, 0},
	NumericLessThanEquals:     {"NumericLessThanEquals", FamilyNumeric, LessOrEqual, false, 0},
	NumericGreaterThan:        {"NumericGreaterThan", FamilyNumeric, Greater, false, 0},
	NumericGreaterThanEquals:  {"NumericGreaterThanEquals", FamilyNumeric, GreaterOrEqual, false, 0},
	DateEquals:                {"DateEquals", FamilyDate, Equal, false, 0},
	DateNotEquals:             {"DateNotEquals", FamilyDate, Equal, true, 0},
	DateLessThan:              {"DateLessThan", FamilyDate, Less, false, 0},
	DateLessThanEquals:        {"DateLessThanEquals", FamilyDate, LessOrEqual, false, 0},
	DateGreaterThan:           {"DateGreaterThan", FamilyDate, Greater, false, 0},
	DateGreaterThanEquals:     {"DateGreaterThanEquals", FamilyDate, GreaterOrEqual, false, 0},
	Bool:                      {"Bool", FamilyBool, Equal, false, FormExact},
	BinaryEquals:              {"BinaryEquals", FamilyBinary, Equal, false, 0},
	IPAddress:                 {"IpAddress", FamilyIP, Equal, false, 0},
	NotIPAddress:              {"NotIpAddress", FamilyIP, Equal, true, 0},
	ARNEquals:                 {"ArnEquals", FamilyARN, Equal, false, FormARN},
	ARNNotEquals:              {"ArnNotEquals", FamilyARN, Equal, true, FormARN},
	ARNLike:                   {"ArnLike", FamilyARN, Equal, false, FormARN},
	ARNNotLike:                {"ArnNotLike", FamilyARN, Equal, true, FormARN},
	Null:                      {"Null", FamilyNull, Equal, false, 0},
}

func (t Test) String() string { return tests[t].name }

// Family returns the type of values that the test compares.
func (t Test) Family() Family { return tests[t].family }

// Relation returns how the test compares, negation apart.
func (t Test) Relation() Relation { return tests[t].relation }

// Negated reports whether the test holds when no value of the policy compares.
func (t Test) Negated() bool { return tests[t].negated }

// Qualifier makes a test about a set of values.
type Qualifier uint8

// The qualifiers.
const (
	NoQualifier Qualifier = iota
	ForAllValues
	ForAnyValue
)

// Operator is a condition operator. Without qualifier it holds for a value of the request if one value of the policy compares, or, negated,
// if none does; ForAllValues holds if that holds for each of the request's values, also for none; ForAnyValue if it holds for some. IfExists
// makes a test hold of an absent key; it changes nothing beside a qualifier.
type Operator struct {
	Test      Test
	Qualifier Qualifier
	IfExists  bool
}

var qualifiers = [...]string{ForAllValues: "ForAllValues:", ForAnyValue: "ForAnyValue:"}

const ifExists = "IfExists"

// String writes the operator as in the IAM User Guide.
func (o Operator) String() string {
	s := qualifiers[o.Qualifier] + o.Test.String()
	if o.IfExists {
		s += ifExists
	}
	return s
}

// parseOperator reads an operator's name; its case does not count.
func parseOperator(name string) (o Operator, ok bool) {
	lower := FoldKey(name)
	for q := ForAllValues; q <= ForAnyValue; q++ {
		if rest, found := strings.CutPrefix(lower, FoldKey(qualifiers[q])); found {
			o.Qualifier, lower = q, rest
			break
		}
	}
	lower, o.IfExists = strings.CutSuffix(lower, FoldKey(ifExists))
	o.Test, ok = testNames[lower]
	return o, ok
}

var testNames = func() map[string]Test {
	m := map[string]Test{}
	for t := range tests {
		m[FoldKey(tests[t].name)] = Test(t)
	}
	return m
}()
