package reach

import (
	"strings"

	"github.com/magpie-sec/magpie/internal/iam/glob"
)

// A shape is what can be told of a pattern at sight. Most questions about patterns are settled by it.
type shape struct {
	known          bool
	folded         bool
	text           string
	prefix, suffix string // what every text in the pattern begins and ends with
	open           bool   // the pattern is prefix and a star that takes anything
	fragment       string // what follows the first wildcard, without others
	// fields says that the first five fields are apart from the sixth, which begins with name; account is the fifth, "" if it is open.
	fields        bool
	name, account string
	sample        string // a text in it
}

func shapeOf(form, text string, p glob.Pattern) shape {
	if text == "" {
		text = p.String()
	}
	if strings.Contains(text, "${") || text == "" {
		return shape{}
	}
	s := shape{known: true, folded: form == "action" || form == "fold", text: text}
	first, last := strings.IndexAny(text, "*?"), strings.LastIndexAny(text, "*?")
	if first < 0 {
		s.prefix, s.suffix, s.sample = text, text, text
		return s
	}
	s.prefix, s.suffix = text[:first], text[last+1:]
	s.open = first == len(text)-1 && text[first] == '*' && (form != "arn" && form != "resource" || strings.Count(text, ":") >= 5 || text == "*" && form == "resource")
	s.fragment = filled(text[first:])
	if form == "arn" || strings.Count(s.prefix, ":") >= 5 {
		if fields := strings.SplitN(text, ":", 6); len(fields) == 6 {
			s.name = fields[5]
			if i := strings.IndexAny(s.name, "*?"); i >= 0 {
				s.name = s.name[:i]
			}
			if !strings.ContainsAny(fields[4], "*?") {
				s.account = fields[4]
			}
			s.fields = true
		}
	}
	s.sample = filled(text)
	return s
}

// filled puts nothing for stars and a letter for question marks.
func filled(text string) string {
	b := make([]byte, 0, len(text))
	for i := range len(text) {
		switch text[i] {
		case '*':
		case '?':
			b = append(b, 'x')
		default:
			b = append(b, text[i])
		}
	}
	return string(b)
}

// glance settles whether some texts are in all of some atoms and in none of others, where that shows at sight.
func (sp *space) glance(units []signed) (text string, found, settled bool) {
	for _, u := range units {
		if isNo(u) {
			continue
		}
		a := &sp.atoms[litOf(u)].shape
		if !a.known {
			continue
		}
		if !sp.work(1 + len(units)/4) {
			return "", false, false
		}
		for _, v := range units {
			b := &sp.atoms[litOf(v)].shape
			switch {
			case v == u || !b.known || a.folded != b.folded:
			case isNo(v):
				if b.open && strings.HasPrefix(a.prefix, b.prefix) {
					return "", false, true
				}
			case a.fields && b.fields && (!oneHas(a.name, b.name, strings.HasPrefix) || a.account != b.account && a.account != "" && b.account != ""):
				return "", false, true
			case !oneHas(a.prefix, b.prefix, strings.HasPrefix) || !oneHas(a.suffix, b.suffix, strings.HasSuffix):
				return "", false, true
			}
		}
	}
	fits := func(s string) bool {
		for _, u := range units {
			if sp.inAtom(litOf(u), s) == isNo(u) && !(isNo(u) && sp.stance.open && sp.atoms[litOf(u)].template != nil) {
				return false
			}
		}
		return true
	}
	for _, u := range units {
		a := &sp.atoms[litOf(u)].shape
		if isNo(u) || !a.known {
			continue
		}
		if fits(a.sample) {
			return a.sample, true, true
		}
		star := strings.IndexByte(a.text, '*')
		if star < 0 {
			continue
		}
		rest := filled(a.text[star+1:])
		begin := strings.ReplaceAll(a.text[:star], "?", "x")
		sp.work(1 + len(units)/4)
		// What the others need beside their beginning goes where this one takes anything.
		var fill strings.Builder
		for _, v := range units {
			if b := &sp.atoms[litOf(v)].shape; !isNo(v) && v != u && len(b.prefix) <= len(begin) {
				fill.WriteString(b.fragment)
			}
		}
		if !sp.work(4 + fill.Len()/64) {
			return "", false, false
		}
		for _, fill := range []string{fill.String(), "x"} {
			if s := begin + fill + rest; fits(s) {
				return s, true, true
			}
		}
	}
	return "", false, false
}

func oneHas(a, b string, has func(s, part string) bool) bool { return has(a, b) || has(b, a) }
