package iam

import (
	"strings"

	"github.com/magpie-sec/magpie/internal/iam/glob"
)

// Form says how a Template is compared.
type Form uint8

// The forms.
const (
	FormExact      Form = iota // no wildcards
	FormIgnoreCase             // no wildcards, by lower-case letters
	FormLike                   // with wildcards
	FormARN                    // with wildcards, field by field
	FormResource               // of a Resource element, see glob.Resource
)

func (f Form) wildcards() bool { return f >= FormLike }

// Template is a text with wildcards and variables, as far as its element and the policy's version have them.
type Template struct {
	Text
	Form  Form
	Parts []Part // nil without variables
	// Pattern is what the text matches. It is set only without variables; with them Expand makes it.
	Pattern glob.Pattern
	// Never says that the text matches nothing: it is compared as an ARN and has fewer than six fields. Only without variables.
	Never bool
	// Lone says that the text is "*" alone and compared as an ARN. AWS does not say whether that matches every ARN or, with one field of
	// six, none; it is read as every ARN. Only without variables.
	Lone bool
}

// PartKind says what a Part is.
type PartKind uint8

// The kinds of parts.
const (
	PartLiteral PartKind = iota
	PartText             // with wildcards
	PartVariable
)

// Part is a piece of a template.
type Part struct {
	Kind       PartKind
	Text       string // of a literal or text
	Key        string // of a variable, as FoldKey has it
	Default    string // of a variable
	HasDefault bool
}

// HasVariables reports whether Pattern depends on the request.
func (t *Template) HasVariables() bool { return t.Parts != nil }

// Expand returns what the template matches when lookup tells the values of keys (as FoldKey has them; ok is false for keys that are absent
// or have several values). A value stands for itself: its stars are no wildcards. The template matches nothing (ok is false) if a key has
// neither value nor default.
//
// Source: "IAM policy elements: Variables and tags" in the IAM User Guide.
func (t *Template) Expand(lookup func(key string) (value string, ok bool)) (p glob.Pattern, ok bool) {
	if t.Parts == nil {
		return t.Pattern, !t.Never
	}
	var b glob.Builder
	for _, part := range t.Parts {
		switch part.Kind {
		case PartLiteral:
			b.Literal(part.Text)
		case PartText:
			b.Text(part.Text)
		case PartVariable:
			value, ok := lookup(part.Key)
			if !ok {
				if !part.HasDefault {
					return glob.Pattern{}, false
				}
				value = part.Default
			}
			b.Literal(value)
		}
	}
	return t.Form.build(&b)
}

func (f Form) build(b *glob.Builder) (p glob.Pattern, ok bool) {
	switch f {
	case FormIgnoreCase:
		return b.Pattern().FoldLower(), true
	case FormARN:
		return b.ARN()
	case FormResource:
		return b.Resource(), true
	}
	return b.Pattern(), true
}

// parseTemplate reads a text. If variables are not on, dollar signs are ordinary. A fault in a variable is told with its code and its place
// in the text, and makes the rest literal.
func parseTemplate(text Text, form Form, variables bool) (t Template, fault Code) {
	t = Template{Text: text, Form: form}
	var parts []Part
	var b glob.Builder
	hasVariables := false
	add := func(kind PartKind, s string) {
		if s == "" {
			return
		}
		parts = append(parts, Part{Kind: kind, Text: s})
		if kind == PartText {
			b.Text(s)
		} else {
			b.Literal(s)
		}
	}
	plain := PartLiteral
	if form.wildcards() {
		plain = PartText
	}
	rest := text.Value
	for variables {
		i := strings.Index(rest, "${")
		if i < 0 {
			break
		}
		add(plain, rest[:i])
		part, length, code := parseVariable(rest[i:])
		if code != "" {
			fault = code
			add(PartLiteral, rest[i:])
			rest = ""
			break
		}
		if part.Kind == PartVariable {
			hasVariables = true
			parts = append(parts, part)
		} else {
			add(PartLiteral, part.Text)
		}
		rest = rest[i+length:]
	}
	add(plain, rest)
	if hasVariables {
		t.Parts = parts
		return t, fault
	}
	pattern, ok := form.build(&b)
	t.Pattern, t.Never = pattern, !ok
	t.Lone = form == FormARN && ok && strings.Trim(t.Value, "*") == ""
	return t, fault
}

// parseVariable reads ${key}, ${key, 'default'}, ${*}, ${?} or ${$} at the start of s.
func parseVariable(s string) (part Part, length int, fault Code) {
	end := strings.IndexByte(s, '}')
	if end < 0 {
		return part, 0, MissingBraceInVariable
	}
	body := s[2:end]
	switch body {
	case "":
		return part, 0, EmptyVariable
	case "*", "?", "$":
		return Part{Kind: PartLiteral, Text: body}, end + 1, ""
	}
	part = Part{Kind: PartVariable}
	key, _, hasDefault := strings.Cut(body, ",")
	if hasDefault {
		// The default may hold a brace: it ends at its quote.
		value := strings.TrimLeft(s[2+len(key)+1:], " ")
		before := len(s) - len(value)
		if !strings.HasPrefix(value, "'") {
			return part, 0, MissingQuoteInVariable
		}
		text, after, closed := strings.Cut(value[1:], "'")
		if !closed {
			return part, 0, MissingQuoteInVariable
		}
		end = before + 1 + len(text) + 1
		if spaces := len(after) - len(strings.TrimLeft(after, " ")); spaces > 0 {
			end += spaces
		}
		if end >= len(s) || s[end] != '}' {
			return part, 0, MissingBraceInVariable
		}
		part.Default, part.HasDefault = text, true
	}
	switch {
	case key == "":
		return part, 0, EmptyVariable
	case strings.Contains(key, "${"):
		return part, 0, MissingBraceInVariable
	case strings.Contains(key, "'"):
		return part, 0, MissingQuoteInVariable
	case strings.Contains(key, " "):
		return part, 0, UnsupportedSpaceInVariable
	}
	part.Key = FoldKey(key)
	return part, end + 1, ""
}

// ExpandText returns the text of a template without wildcards, as Expand returns its pattern.
func (t *Template) ExpandText(lookup func(key string) (value string, ok bool)) (text string, ok bool) {
	if t.Parts == nil {
		return t.Value, true
	}
	var b strings.Builder
	for _, part := range t.Parts {
		value := part.Text
		if part.Kind == PartVariable {
			if value, ok = lookup(part.Key); !ok {
				if !part.HasDefault {
					return "", false
				}
				value = part.Default
			}
		}
		b.WriteString(value)
	}
	return b.String(), true
}
