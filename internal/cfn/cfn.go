// Package cfn evaluates AWS CloudFormation templates, JSON or YAML, as far as a
// template alone can be known: parameters with their values or defaults,
// pseudo parameters, mappings, conditions and the intrinsic functions, and of
// references to resources what follows from the names in the template.
//
// What cannot be known (an id that CloudFormation would invent, an export of
// another stack, a dynamic reference, the work of a macro) becomes an Unknown
// value that says why and where; it is never guessed and never fails the rest
// of the template.
//
// The package does no I/O. The language is that of the CloudFormation User
// Guide: "Template reference" and "Intrinsic function reference".
package cfn

import (
	"fmt"
	"strconv"
)

// The limits of a template.
const (
	// MaxSize is the largest template in bytes; CloudFormation's own limit for a
	// template body.
	MaxSize = 1 << 20
	// MaxElements bounds the memory that a template may take: its lines, commas
	// and opening brackets together. A template of MaxSize that people write has
	// about half as many.
	MaxElements = 150_000
	// MaxParameter is the longest value of a parameter in bytes, as in
	// CloudFormation.
	MaxParameter = 4096
	// MaxDepth is how deep lists and maps may be nested, and how long a chain of
	// references may become.
	MaxDepth = 200
	// MaxAliased is how many nodes the YAML aliases of a template may stand for
	// in all.
	MaxAliased = 100_000
	// MaxComputed bounds, in bytes, what the functions of one evaluation may
	// produce; what lies beyond is unknown.
	MaxComputed = 32 << 20
)

// Position is a place in a template: line and column count from 1, columns in
// characters. Column is 0 where only the line is known.
type Position struct {
	Line, Column int
}

// String returns "line:column", or the line alone.
func (p Position) String() string {
	if p.Column == 0 {
		return strconv.Itoa(p.Line)
	}
	return strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// Error says why a text is no template, and where.
type Error struct {
	Position Position
	Message  string
}

func (e *Error) Error() string {
	if e.Position == (Position{}) {
		return e.Message
	}
	return e.Position.String() + ": " + e.Message
}

func errorAt(pos Position, format string, args ...any) *Error {
	return &Error{Position: pos, Message: fmt.Sprintf(format, args...)}
}

// clip keeps messages short when they repeat text of a template.
func clip(s string) string {
	const limit = 80
	if len(s) > limit {
		return s[:limit] + "..."
	}
	return s
}
