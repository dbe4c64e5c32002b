package wire

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxViolations bounds the text of one answer; further violations are only counted.
const maxViolations = 100

// Check collects every violation of an input's constraints. Names passed to its functions are member
// names; the path comes from In and Out.
type Check struct {
	path   []segment
	fields []Field
	texts  []string
	count  int
}

// Err returns all violations as one error of kind Validation in AWS's words, nil if there are none.
func (c *Check) Err() *Error {
	if c.count == 0 {
		return nil
	}
	plural := "s"
	if c.count == 1 {
		plural = ""
	}
	text := fmt.Sprintf("%d validation error%s detected: %s", c.count, plural, strings.Join(c.texts, "; "))
	if more := c.count - len(c.texts); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return &Error{Kind: Validation, Message: text, Reason: ReasonFieldValidation, Fields: c.fields}
}

// In enters a member, In(name) ... Out().
func (c *Check) In(name string) { c.path = append(c.path, segment{name: name}) }

// InElement enters a list element.
func (c *Check) InElement(i int) { c.path = append(c.path, segment{index: i}) }

// Out leaves what In or InElement entered.
func (c *Check) Out() { c.path = c.path[:len(c.path)-1] }

func (c *Check) at(name string) string {
	if name == "" {
		return pathString(c.path)
	}
	if len(c.path) == 0 {
		return name
	}
	return pathString(c.path) + "." + name
}

// violate records a violation; value is already quoted, or "null", or "" to leave it out.
func (c *Check) violate(place, value, constraint string) {
	if c.count++; c.count > maxViolations {
		return
	}
	if value != "" {
		value += " "
	}
	c.fields = append(c.fields, Field{Name: place, Message: constraint})
	c.texts = append(c.texts, "Value "+value+"at '"+place+"' failed to satisfy constraint: "+constraint)
}

// Required demands that a member is present.
func (c *Check) Required(name string, present bool) {
	if !present {
		c.violate(c.at(name), "null", "Member must not be null")
	}
}

// OneOf demands that exactly one member of a union is present.
func (c *Check) OneOf(names string, present ...bool) {
	n := 0
	for _, p := range present {
		if p {
			n++
		}
	}
	if n != 1 {
		c.violate(c.at(""), "", "Member must have exactly one of ["+names+"] set, it has "+strconv.Itoa(n))
	}
}

// Bounds are inclusive limits of a length, size or number.
type Bounds struct {
	Min, Max       int64
	HasMin, HasMax bool
}

// check reports against what: "length" or "value".
func (b Bounds) check(c *Check, place, value, what string, n int64) {
	if b.HasMin && n < b.Min {
		c.violate(place, value, "Member must have "+what+" greater than or equal to "+strconv.FormatInt(b.Min, 10))
	}
	if b.HasMax && n > b.Max {
		c.violate(place, value, "Member must have "+what+" less than or equal to "+strconv.FormatInt(b.Max, 10))
	}
}

// Range checks a number, nil passing.
func (c *Check) Range(name string, v *int64, b Bounds) {
	if v != nil {
		b.check(c, c.at(name), "'"+strconv.FormatInt(*v, 10)+"'", "value", *v)
	}
}

// Size checks the number of elements of a list or map.
func (c *Check) Size(name string, n int, b Bounds) {
	b.check(c, c.at(name), "", "length", int64(n))
}

// StringRule is a string shape's constraints. Length counts characters, not bytes.
type StringRule struct {
	Length    Bounds
	Pattern   *Pattern
	Sensitive bool // the value must not be repeated
}

// Pattern is a regular expression of a model, compiled when first used. The whole value must match.
type Pattern struct {
	text string
	once sync.Once
	re   *regexp.Regexp
}

// NewPattern returns the pattern; the generator has checked that it compiles.
func NewPattern(text string) *Pattern { return &Pattern{text: text} }

// Match reports whether the whole of s matches.
func (p *Pattern) Match(s string) bool {
	p.once.Do(func() { p.re = regexp.MustCompile(`\A(?:` + p.text + `)\z`) })
	return p.re.MatchString(s)
}

// String checks a string member, nil passing.
func (c *Check) String(name string, v *string, rule *StringRule) {
	if v != nil {
		c.StringValue(name, *v, rule)
	}
}

// StringValue checks a string; name may be "" inside an element.
func (c *Check) StringValue(name, v string, rule *StringRule) {
	place := c.at(name)
	shown := ""
	if !rule.Sensitive {
		shown = "'" + clip(v) + "'"
	}
	rule.Length.check(c, place, shown, "length", int64(utf8.RuneCountInString(v)))
	if rule.Pattern != nil && !rule.Pattern.Match(v) {
		c.violate(place, shown, "Member must satisfy regular expression pattern: "+rule.Pattern.text)
	}
}

// CheckEnum checks an enum member, "" (absent) passing.
func CheckEnum[E enum[E]](c *Check, name string, v E) {
	if v != "" {
		CheckEnumValue(c, c.at(name), v)
	}
}

// CheckEnumElement checks the enum value of the element that c is in.
func CheckEnumElement[E enum[E]](c *Check, v E) { CheckEnumValue(c, c.at(""), v) }

// CheckEnumValue checks an enum value at a full path.
func CheckEnumValue[E enum[E]](c *Check, place string, v E) {
	values := v.Values()
	if slices.Contains(values, v) {
		return
	}
	set := make([]string, len(values))
	for i, known := range values {
		set[i] = string(known)
	}
	c.violate(place, "'"+clip(string(v))+"'", "Member must satisfy enum value set: ["+strings.Join(set, ", ")+"]")
}

// Validator is a structure with constraints.
type Validator interface{ Validate(c *Check) }

// CheckStruct checks a structure member, nil passing.
func CheckStruct[T any, P interface {
	*T
	Validator
}](c *Check, name string, v *T) {
	if v != nil {
		c.In(name)
		P(v).Validate(c)
		c.Out()
	}
}

// CheckList checks the elements of a list member.
func CheckList[T any](c *Check, name string, list []T, elem func(*Check, *T)) {
	if len(list) == 0 {
		return
	}
	if name != "" {
		c.In(name)
		defer c.Out()
	}
	for i := range list {
		c.InElement(i)
		elem(c, &list[i])
		c.Out()
	}
}

// CheckMap checks the values of a map member in the order of its keys, and each key by key unless nil.
func CheckMap[K ~string, T any](c *Check, name string, m map[K]T, key func(*Check, K), elem func(*Check, *T)) {
	if len(m) == 0 {
		return
	}
	if name != "" {
		c.In(name)
		defer c.Out()
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		c.In(memberName([]byte(k)))
		if key != nil {
			key(c, k)
		}
		if elem != nil {
			v := m[k]
			elem(c, &v)
		}
		c.Out()
	}
}
