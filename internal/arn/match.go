package arn

import (
	"strings"
	"unicode/utf8"
)

// Like reports whether an ARN matches a pattern as IAM's ArnLike does: the six
// colon-separated parts are compared one by one, each part of the pattern may
// hold "*" (any characters, also none) and "?" (exactly one character), and
// only the last part may span colons. A pattern or an ARN with fewer than six
// parts never matches. Comparison is case-sensitive.
//
// Source: "ARN condition operators" in the IAM User Guide.
func Like(pattern, s string) bool {
	for range 5 {
		var p, part string
		var ok bool
		if p, pattern, ok = strings.Cut(pattern, ":"); !ok {
			return false
		}
		if part, s, ok = strings.Cut(s, ":"); !ok {
			return false
		}
		if !Glob(p, part) {
			return false
		}
	}
	return Glob(pattern, s)
}

// Glob reports whether the whole of s matches a pattern in which "*" stands for
// any characters, also none, and "?" for exactly one (a rune; a byte that is
// not UTF-8 counts as one). There is no escape. It takes at most
// len(pattern)*len(s) steps and allocates nothing.
func Glob(pattern, s string) bool {
	p, i := 0, 0
	star, resume := -1, 0 // the last "*" seen, and where s goes on if it takes one more
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, i
			p++
		case p < len(pattern) && pattern[p] == '?':
			_, width := utf8.DecodeRuneInString(s[i:])
			p, i = p+1, i+width
		case p < len(pattern) && pattern[p] == s[i]:
			p, i = p+1, i+1
		case star >= 0:
			_, width := utf8.DecodeRuneInString(s[resume:])
			resume += width
			p, i = star+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
