package detect

import "strings"

// Category is the category of an identifier, in the words of ListManagedDataIdentifiers.
type Category string

// The three categories that managed identifiers have.
const (
	Credentials          Category = "CREDENTIALS"
	FinancialInformation Category = "FINANCIAL_INFORMATION"
	PersonalInformation  Category = "PERSONAL_INFORMATION"
)

// Level is the severity of a finding.
type Level uint8

// The levels, with Macie's scores as their values.
const (
	Low Level = 1 + iota
	Medium
	High
)

// String returns Macie's description of the level: Low, Medium or High.
func (l Level) String() string {
	switch l {
	case Low:
		return "Low"
	case Medium:
		return "Medium"
	case High:
		return "High"
	}
	return ""
}

// Severity is the severity rule of an identifier: the level for 1 occurrence, for 2 to 99 and for 100 or more in one object.
type Severity [3]Level

// At returns the level for a number of occurrences, 0 for none.
func (s Severity) At(occurrences int64) Level {
	switch {
	case occurrences <= 0:
		return 0
	case occurrences == 1:
		return s[0]
	case occurrences < 100:
		return s[1]
	}
	return s[2]
}

// Need says what a layout asks of the identifier's keywords.
type Need uint8

const (
	// KeywordRequired finds a value only with a keyword in reach: within the distance in text, or in the name of the column or path.
	KeywordRequired Need = iota
	// KeywordUnneeded finds a value anywhere.
	KeywordUnneeded
	// KeywordAbsent finds a value only where no keyword is in reach.
	KeywordAbsent
	// KeywordInField finds a value only where the name of its column or path holds a keyword.
	KeywordInField
)

// Direction says where in text a keyword may stand.
type Direction uint8

const (
	// Before wants the keyword before the value.
	Before Direction = iota
	// Either lets the keyword follow the value as well.
	Either
)

// DefaultDistance is the reach of a keyword in characters: Macie's "within 30 characters, inclusive".
const DefaultDistance = 30

// An Identifier is one kind of sensitive data: a table entry. It is not changed once an Engine is made of it.
type Identifier struct {
	// ID is the managed data identifier's id, such as USA_SOCIAL_SECURITY_NUMBER.
	ID string
	// Category is what ListManagedDataIdentifiers says.
	Category Category
	// Layouts are the forms that a value is written in; a value has one of them.
	Layouts []Layout
	// Check accepts or refuses the value's letters (as capitals) and digits without separators; nil accepts. A layout may have its own.
	Check func(compact []byte) bool
	// Checksum says that ordinary numbers fail Check: see overlap.go for what that decides.
	Checksum bool
	// Refuse lists the compact forms that are never reported: documentation samples, reserved numbers.
	Refuse []string
	// Keywords are matched as whole words without regard to case and accents. A space, '_' or '-' stands for any of these three, white
	// space, or nothing. A keyword in the form ^words$ counts only as the whole name of a column or path element. One in the form akia…
	// stands for any code that begins with these letters: a run of at most 63 letters and digits with a digit or a capital behind the first.
	Keywords []string
	// Distance is the greatest gap between keyword and value in characters; 0 means DefaultDistance.
	Distance int
	// Direction says where the keyword may stand in text.
	Direction Direction
	// MaxLen is the greatest length of a value in bytes, separators included. New refuses one that is smaller than a layout allows.
	MaxLen int
	// Severity is the rule of macie.md 5.3.
	Severity Severity
	// Recommended says that the identifier is in the set that Macie recommends for jobs.
	Recommended bool
	// Example is an invented text for people to see what is found, the value in it «marked so». "[path.to.field] " in front makes the rest the
	// value of that field.
	Example string
	// Citation names the statute, standard or authority that defines the format.
	Citation string
}

// A Layout is one form in which a value is written. See parseShape for the language of Shape.
type Layout struct {
	// Shape is the pattern of the value, or of its beginning if there is a Tail, or of what Around begins with.
	Shape string
	// Words stands in the place of Shape: the layout is tried at every word of text that begins with a capital and is in this list, in any
	// spelling that folds alike (José, JOSE). A word is a run of letters and digits of at most 63 bytes, and not part of a longer one, nor
	// all of a value: those are for layouts with Whole. A layout with Words has a Tail or Around. Text without such words costs next to nothing, however long the list.
	Words []string
	// Lead lists bytes that, standing right before the shape, belong to the value: up to two of them.
	Lead string
	// Tail recognises what follows the shape, for grammars that a shape cannot tell. It gets the text after the shape, and whether that
	// text ends there (otherwise it was merely cut), and answers with the length that belongs to the value, check.No or check.More.
	Tail func(rest []byte, final bool) int
	// Around recognises a value that need not begin where the shape or word t[start:end] does. It gets up to LookBack bytes of the text before
	// start, and after start one byte more than MaxLen; final says that nothing more can be had behind t. It answers with the span of the
	// whole value, from below zero for none (check.No), or check.More if it has to see what follows t and final is false; a span that ends where t does is
	// taken as check.More as well. The text before may begin within a word or character. All questions of boundaries and checks are left to
	// Around. A value that overlaps one that was found before is dropped. Keywords are measured from the value's beginning.
	Around func(t []byte, start, end int, final bool) (from, to int)
	// Glance is a quick look before Around at what stands beside the shape or word t[start:end], if not nil: false if Around would answer
	// check.No whatever else there is. It may see no more than two bytes before start and two behind end. Unless final, more text may follow
	// t, and it takes what it does not see there for fitting.
	//
	// Beside a Shape it tells digits, small letters and capitals from each other, but not one from another of its class.
	Glance func(t []byte, start, end int, final bool) bool
	// TailByForm says that Tail does not tell one digit from another, where no letters follow the shape.
	TailByForm bool
	// FormFits is a quick look at what a value looks like, if not nil. It gets the value, or all of the segment if Whole, with each digit replaced by 0,
	// small letter by a and capital by A, all of it ASCII, and answers false if Tail or the checks refuse all values that look so.
	FormFits func(form []byte) bool
	// Keyword says what is asked of the keywords.
	Keyword Need
	// Keywords replace the identifier's for this layout, if not nil.
	Keywords []string
	// Whole asks that the value is all of a segment, without regard to white space around it.
	Whole bool
	// Check replaces the identifier's Check for this layout.
	Check func(compact []byte) bool
	// CheckText is a check of the value as it is written.
	CheckText func(text []byte) bool
	// NotNext lists bytes that must not follow the value, beside those that never may (see boundary.go).
	NotNext string
	// Alone asks that no further group of digits stands beside the value, set off by one space or hyphen, and no minus sign before it.
	Alone bool
	// Open lets other values be found inside this one: the value does not claim its span.
	Open bool
}

// LookBack is how much of the text before its shape or word a Layout's Around sees, in bytes.
const LookBack = 400

// NeedsKeyword reports whether no layout of the identifier is found without a keyword.
func (id *Identifier) NeedsKeyword() bool {
	for i := range id.Layouts {
		if n := id.Layouts[i].Keyword; n == KeywordUnneeded || n == KeywordAbsent {
			return false
		}
	}
	return true
}

func (id *Identifier) distance() int {
	if id.Distance == 0 {
		return DefaultDistance
	}
	return id.Distance
}

// Recommended returns those of ids that are in the set recommended for jobs, in their order.
func Recommended(ids []*Identifier) []*Identifier {
	var out []*Identifier
	for _, id := range ids {
		if id.Recommended {
			out = append(out, id)
		}
	}
	return out
}

// codeKeyword is what a keyword ends in that stands for all codes that begin so.
const codeKeyword = "…"

// exactKeyword splits off the ^...$ of a keyword that counts only as a whole name.
func exactKeyword(kw string) (words string, exact bool) {
	if strings.HasPrefix(kw, "^") && strings.HasSuffix(kw, "$") && len(kw) > 2 {
		return kw[1 : len(kw)-1], true
	}
	return kw, false
}
