package custom

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// The ceilings of the dialect. The service has some and does not publish them (docs/divergences.md).
const (
	// maxRepeat is the greatest bound of a repetition: x{512} and x{100,} compile, x{100,1000} does not.
	maxRepeat = 512
	// maxFreeRepeats is how many unlimited repetitions that may match nothing can follow each other: a*b* compiles, a*b*a* does not.
	maxFreeRepeats = 2
	// maxInstructions bounds the compiled pattern, which nested repetitions can make large.
	maxInstructions = 4000
)

// unsupported are the constructs of PCRE that Go's parser would take for something else, or would refuse without saying what they are.
// They are looked for at an unescaped parenthesis outside a character class, the longer ones first.
var unsupported = []struct{ prefix, what string }{
	{"(?<=", "look-behind"}, {"(?<!", "look-behind"}, {"(?=", "look-ahead"}, {"(?!", "look-ahead"},
	{"(?P=", "references to groups"}, {"(?P>", "recursion"}, {"(?&", "recursion"}, {"(?R", "recursion"}, {"(?0", "recursion"}, {"(?+", "recursion"},
	{"(?1", "recursion"}, {"(?2", "recursion"}, {"(?3", "recursion"}, {"(?4", "recursion"}, {"(?5", "recursion"}, {"(?6", "recursion"},
	{"(?7", "recursion"}, {"(?8", "recursion"}, {"(?9", "recursion"},
	{"(?(", "conditional patterns"}, {"(?{", "embedded code"}, {"(??{", "embedded code"}, {"(?C", "embedded code"},
	{"(?>", "atomic groups"}, {"(?|", "branch resets"}, {"(?#", "comments"}, {"(*", "control verbs"},
}

var delimited = regexp.MustCompile(`(?s)^/.*/[a-zA-Z]+$`)

// parse parses a pattern and refuses what the dialect of macie.md 2.2 does not have.
func parse(pattern string) (*syntax.Regexp, error) {
	if err := refuseConstructs(pattern); err != nil {
		return nil, err
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		var e *syntax.Error
		if errors.As(err, &e) {
			if e.Code == syntax.ErrInvalidRepeatSize {
				return nil, fmt.Errorf("repetitions have to rise and are limited to %d, in %s", maxRepeat, e.Expr)
			}
			return nil, fmt.Errorf("%s: %s", e.Code, e.Expr)
		}
		return nil, err
	}
	re = withoutCaptures(re)
	if err := refuseRepeats(re); err != nil {
		return nil, err
	}
	if r := (&repeats{}); r.add(re) {
		return nil, fmt.Errorf("more than %d unlimited repetitions that may match nothing follow each other, as in a*b*a*", maxFreeRepeats)
	}
	return re, nil
}

func refuseConstructs(pattern string) error {
	if delimited.MatchString(pattern) {
		return errors.New("flags behind a closing slash, as in /x/i, are not supported; put (?i) in front")
	}
	class, quoted := false, false
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i:]
		switch {
		case quoted:
			if strings.HasPrefix(rest, `\E`) {
				quoted = false
				i++
			}
		case rest[0] == '\\':
			if err := refuseEscape(rest, class); err != nil {
				return err
			}
			quoted = strings.HasPrefix(rest, `\Q`)
			i++
		case class:
			class = rest[0] != ']'
			if strings.HasPrefix(rest, "[:") { // [[:alpha:]]
				if end := strings.Index(rest, ":]"); end > 0 {
					class = true
					i += end + 1
				}
			}
		case rest[0] == '[':
			class = true
			// A ] that stands first is a character of the class.
			if strings.HasPrefix(rest, "[]") {
				i++
			} else if strings.HasPrefix(rest, "[^]") {
				i += 2
			}
		case rest[0] == '(':
			for _, u := range unsupported {
				if strings.HasPrefix(rest, u.prefix) {
					return fmt.Errorf("%s are not supported: %s", plural(u.what), u.prefix)
				}
			}
		}
	}
	return nil
}

// plural makes "X are not supported" right for what is said in the singular.
func plural(what string) string {
	switch what {
	case "look-behind", "look-ahead":
		return what + " assertions"
	case "recursion":
		return "recursive patterns"
	case "embedded code":
		return "callouts and embedded code"
	}
	return what
}

func refuseEscape(rest string, class bool) error {
	if len(rest) < 2 || class {
		return nil // the parser's business
	}
	switch c := rest[1]; {
	case c >= '1' && c <= '9', c == 'k', c == 'g':
		return fmt.Errorf("backreferences are not supported: %s", rest[:2])
	}
	return nil
}

// withoutCaptures makes groups of capturing groups, which nothing can refer to.
func withoutCaptures(re *syntax.Regexp) *syntax.Regexp {
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	for i, sub := range re.Sub {
		re.Sub[i] = withoutCaptures(sub)
	}
	return re
}

func refuseRepeats(re *syntax.Regexp) error {
	if re.Op == syntax.OpRepeat && (re.Min > maxRepeat || re.Max > maxRepeat) {
		return fmt.Errorf("repetitions are limited to %d, in %s", maxRepeat, re)
	}
	for _, sub := range re.Sub {
		if err := refuseRepeats(sub); err != nil {
			return err
		}
	}
	return nil
}

// repeats counts how many unlimited repetitions that may match nothing follow each other with nothing between them that is always there.
type repeats struct{ run int }

// add goes over a pattern in its order, and reports whether there are too many.
func (r *repeats) add(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpStar:
		return r.repeat(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min == 0 && re.Max < 0 {
			return r.repeat(re.Sub[0])
		}
		if re.Max == 0 {
			return false
		}
		run := r.run
		if r.add(re.Sub[0]) {
			return true
		}
		if re.Min == 0 {
			r.run = max(r.run, run)
		}
	case syntax.OpQuest:
		run := r.run
		if r.add(re.Sub[0]) {
			return true
		}
		r.run = max(r.run, run)
	case syntax.OpPlus, syntax.OpConcat:
		for _, sub := range re.Sub {
			if r.add(sub) {
				return true
			}
		}
	case syntax.OpAlternate:
		run, most := r.run, 0
		for _, sub := range re.Sub {
			r.run = run
			if r.add(sub) {
				return true
			}
			most = max(most, r.run)
		}
		r.run = most
	case syntax.OpLiteral, syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		r.run = 0
	}
	return false
}

func (r *repeats) repeat(sub *syntax.Regexp) bool {
	run := r.run + 1
	r.run = 0
	if run > maxFreeRepeats || r.add(sub) {
		return true
	}
	r.run = run
	return false
}
