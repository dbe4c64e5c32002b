package glob

import (
	"slices"
	"unicode/utf16"
)

// Builder puts a pattern together from pieces, so that a variable's value can stand in it as a literal. Its zero value is an empty pattern.
type Builder struct {
	tokens []token
}

// Literal adds a text that stands for itself.
func (b *Builder) Literal(text string) {
	b.tokens = slices.Grow(b.tokens, len(text))
	for i := 0; i < len(text); {
		var u uint16
		u, i = unit(text, i)
		b.tokens = append(b.tokens, token(u))
	}
}

// Star adds "*".
func (b *Builder) Star() { b.tokens = append(b.tokens, star) }

// One adds "?".
func (b *Builder) One() { b.tokens = append(b.tokens, one) }

// Text adds a text whose stars and question marks are wildcards.
func (b *Builder) Text(text string) {
	start := len(b.tokens)
	b.Literal(text)
	for i, t := range b.tokens[start:] {
		switch t {
		case '*':
			b.tokens[start+i] = star
		case '?':
			b.tokens[start+i] = one
		}
	}
}

// Pattern returns the pattern of what was added, in which every wildcard may take a colon.
func (b *Builder) Pattern() Pattern { return Pattern{tokens: ordered(b.tokens)} }

// ARN returns the pattern of what was added, compared field by field: wildcards in the first five fields take no colon, those of the sixth
// do. "*" alone matches every ARN; with fewer than six fields otherwise it matches nothing and is not ok.
func (b *Builder) ARN() (p Pattern, ok bool) {
	if b.onlyStars() {
		return anyARN, true
	}
	if b.colons() < 5 {
		return Pattern{}, false
	}
	return Pattern{tokens: ordered(fields(b.tokens))}, true
}

// Resource returns the pattern of a Resource element: "*" alone holds everything, also what is no ARN; what begins with "arn:" is compared
// field by field, and fields that are missing at its end are "*" (access-analyzer.md 4.3); anything else, such as the short forms of
// API Gateway, is a pattern without fields.
func (b *Builder) Resource() Pattern {
	const prefix = "arn:"
	if b.onlyStars() || len(b.tokens) < len(prefix) {
		return b.Pattern()
	}
	for i := range prefix {
		if b.tokens[i] != token(prefix[i]) {
			return b.Pattern()
		}
	}
	tokens := slices.Clone(b.tokens)
	for n := b.colons(); n < 5; n++ {
		tokens = append(tokens, ':', star)
	}
	return Pattern{tokens: ordered(fields(tokens))}
}

func (b *Builder) onlyStars() bool {
	return len(b.tokens) > 0 && !slices.ContainsFunc(b.tokens, func(t token) bool { return t != star })
}

func (b *Builder) colons() int {
	n := 0
	for _, t := range b.tokens {
		if t == ':' {
			n++
		}
	}
	return n
}

// fields returns the tokens with the wildcards before the fifth colon confined to their field.
func fields(tokens []token) []token {
	tokens = slices.Clone(tokens)
	colons := 0
	for i, t := range tokens {
		switch {
		case t == ':':
			if colons++; colons == 5 {
				return tokens
			}
		case t == star:
			tokens[i] = fieldStar
		case t == one:
			tokens[i] = fieldOne
		}
	}
	return tokens
}

// ordered returns the tokens with each run of wildcards written in one way: its question marks, then at most one star. Within a run all
// wildcards are of one field.
func ordered(tokens []token) []token {
	out := make([]token, 0, len(tokens))
	for i := 0; i < len(tokens); {
		if tokens[i] >= 0 {
			out = append(out, tokens[i])
			i++
			continue
		}
		var open token // the run's star
		for ; i < len(tokens) && tokens[i] < 0; i++ {
			if tokens[i].isStar() {
				open = tokens[i]
			} else {
				out = append(out, tokens[i])
			}
		}
		if open != 0 {
			out = append(out, open)
		}
	}
	return out
}

// text turns UTF-16 units back into a string.
func text(units []uint16) string { return string(utf16.Decode(units)) }
