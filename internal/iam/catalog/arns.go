package catalog

import (
	"sort"
	"strings"
)

// arnTemplate is a template of a type's names with what it is found by.
type arnTemplate struct {
	parts [fields]string
	fixed int // bytes outside of variables
	of    *ResourceType
}

// foreign is 1 for a template of another service's ARNs.
func (t *arnTemplate) foreign() int {
	if t.of.Service.Prefix == t.parts[2] {
		return 0
	}
	return 1
}

// fields is the number of parts of an ARN.
const fields = 6

// SplitARN gives the parts of an ARN, of a template of ARNs or of a pattern for ARNs: "arn", partition, service, Region, account, resource. ok is false if
// there are fewer. In a template an empty part is empty in every ARN of the type (an S3 bucket has neither Region nor account), and a
// variable such as ${Account} stands for something.
func SplitARN(arn string) (parts [fields]string, ok bool) {
	for i := range fields - 1 {
		if parts[i], arn, ok = strings.Cut(arn, ":"); !ok {
			return parts, false
		}
	}
	parts[fields-1] = arn
	return parts, true
}

// ARNServiceKnown reports whether some type of resource has ARNs with this service part ("s3"; "iam" and "sts" differ from each other as in
// AWS). Case counts.
func (c *Catalog) ARNServiceKnown(service string) bool {
	return len(c.withService(service)) > 0
}

// ResourceTypeOf gives the type of resource that an ARN without wildcards names: of all whose templates it fits, that with most fixed
// text, so that arn:aws:s3:::b/k is an object. Types of the service that the ARN names go before those of others, which have many of
// its types too (the role of ec2). It answers nil if the ARN fits none.
func (c *Catalog) ResourceTypeOf(arn string) *ResourceType {
	parts, ok := SplitARN(arn)
	if !ok {
		return nil
	}
	var best *ResourceType
	most := -1
	among := c.withService(parts[2])
	for i := range among {
		t := &among[i]
		if best != nil && best.Service.Prefix == parts[2] && t.of.Service.Prefix != parts[2] {
			break
		}
		if t.fixed > most && fits(&t.parts, &parts) {
			best, most = t.of, t.fixed
		}
	}
	return best
}

// Matches reports whether an ARN without wildcards fits a template of the type. A variable stands for at least one character, in the resource part for
// colons and slashes too.
func (r *ResourceType) Matches(arn string) bool {
	parts, ok := SplitARN(arn)
	if !ok {
		return false
	}
	for _, t := range r.ARNs {
		if t, ok := SplitARN(t); ok && fits(&t, &parts) {
			return true
		}
	}
	return false
}

// Meets reports whether a pattern of a Resource element covers something that may be an ARN of the type. The pattern's first five parts are compared one by
// one, the resource part as a whole; a pattern with fewer parts, such as "*", goes on with whatever follows its last star. Policy variables stand for
// anything. Case counts.
func (r *ResourceType) Meets(pattern string) bool {
	for _, t := range r.ARNs {
		if meets(t, pattern) {
			return true
		}
	}
	return false
}

// withService gives the templates with a service part.
func (c *Catalog) withService(service string) []arnTemplate {
	from := sort.Search(len(c.arns), func(i int) bool { return c.arns[i].parts[2] >= service })
	to := from
	for to < len(c.arns) && c.arns[to].parts[2] == service {
		to++
	}
	return c.arns[from:to]
}

// fixed counts the bytes of a template that are not in variables.
func fixed(template string) int {
	n := 0
	for i := 0; i < len(template); i++ {
		if end := variableAt(template, i); end > 0 {
			i = end - 1
			continue
		}
		if template[i] != '*' {
			n++
		}
	}
	return n
}

// variableAt gives the end of the variable that begins at s[i], 0 if none does.
func variableAt(s string, i int) int {
	if s[i] != '$' || i+1 == len(s) || s[i+1] != '{' {
		return 0
	}
	if n := strings.IndexByte(s[i:], '}'); n > 0 {
		return i + n + 1
	}
	return 0
}

func fits(template, arn *[fields]string) bool {
	for i := range template {
		if !fitsPart(template[i], arn[i]) {
			return false
		}
	}
	return true
}

// fitsPart reports whether a part of an ARN fits that of a template. On a mismatch only the last variable is made longer, which suffices.
func fitsPart(template, s string) bool {
	t, i, again, mark := 0, 0, -1, 0
	for i < len(s) {
		end := 0
		if t < len(template) {
			end = variableAt(template, t)
		}
		switch {
		case end > 0: // at least one character
			again, mark = end, i+1
			t, i = end, i+1
		case t < len(template) && template[t] == '*':
			again, mark = t+1, i
			t++
		case t < len(template) && template[t] == s[i]:
			t++
			i++
		case again >= 0:
			mark++
			t, i = again, mark
		default:
			return false
		}
	}
	return strings.Trim(template[t:], "*") == ""
}

func meets(template, pattern string) bool {
	t, ok := SplitARN(template)
	if !ok {
		return false
	}
	p, ok := SplitARN(pattern)
	if !ok { // complete it behind its last part
		last := strings.Count(pattern, ":")
		rest := strings.Split(pattern, ":")
		if !strings.HasSuffix(pattern, "*") {
			return false
		}
		for i := range p {
			p[i] = "*"
			if i <= last {
				p[i] = rest[i]
			}
		}
	}
	for i := range t {
		if !globsMeet(glob(t[i], "?*"), glob(p[i], "*")) {
			return false
		}
	}
	return true
}

// glob writes something in the place of every variable.
func glob(s, variable string) string {
	if !strings.Contains(s, "${") {
		return s
	}
	var b strings.Builder
	for {
		from := strings.Index(s, "${")
		length := 0
		if from >= 0 {
			length = strings.IndexByte(s[from:], '}') + 1
		}
		if length == 0 { // no more variables, or one without an end
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:from])
		b.WriteString(variable)
		s = s[from+length:]
	}
}

// globsMeet reports whether some text matches both patterns, in time of the product of their lengths.
func globsMeet(a, b string) bool {
	if a == "*" || b == "*" {
		return true
	}
	// below[j] and row[j] tell whether a[i+1:] and b[j:], a[i:] and b[j:] have a text in common
	below, row := make([]bool, len(b)+2), make([]bool, len(b)+2)
	for i := len(a); i >= 0; i-- {
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a) && j == len(b):
				row[j] = true
			case i < len(a) && a[i] == '*':
				row[j] = below[j] || j < len(b) && row[j+1]
			case j < len(b) && b[j] == '*':
				row[j] = row[j+1] || i < len(a) && below[j]
			case i < len(a) && j < len(b):
				row[j] = (a[i] == b[j] || a[i] == '?' || b[j] == '?') && below[j+1]
			default:
				row[j] = false
			}
		}
		below, row = row, below
	}
	return below[0]
}
