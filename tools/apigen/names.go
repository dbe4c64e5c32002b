package main

import (
	"strings"
	"unicode"
)

// goName turns a member name into a field name: s3JobDefinition becomes S3JobDefinition.
func goName(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// typeName turns a shape name into a type name. Inputs and outputs of operations are named after the
// operation: AcceptInvitationRequest becomes AcceptInvitationInput.
func (g *generator) typeName(shape string) string {
	if name, ok := g.renamed[shape]; ok {
		return name
	}
	return goName(strings.TrimLeft(shape, "_"))
}

// enumConst names an enum value: JobStatus and USER_PAUSED give JobStatusUserPaused.
func enumConst(typ, value string) string {
	words := strings.FieldsFunc(value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, w := range words {
		if w == strings.ToUpper(w) {
			w = strings.ToLower(w)
		}
		words[i] = goName(w)
	}
	return typ + strings.Join(words, "")
}

// ruleName names the constraints of a string shape.
func ruleName(shape string) string { return "rule" + goName(strings.TrimLeft(shape, "_")) }
