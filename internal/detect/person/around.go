package person

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/detect/check"
)

// MaxLen is the greatest length of a name in bytes.
const MaxLen = 200

// maxWord is the greatest length of a word of a name in bytes.
const maxWord = 40

// enough is the score at which words are a name: a sure given name and a doubtful family name, or the other way round, or two likely ones.
const enough = 4

// Around recognises the full name at the word t[start:end], one of Triggers: the name begins there, or is "Family, Given" around it, or follows
// the title or greeting that it is. It answers with the span of the name without title and label, check.No or check.More.
func Around(t []byte, start, end int, final bool) (from, to int) {
	var buf [maxWord + 16]byte
	if end >= len(t) {
		if !final {
			return check.More, 0
		}
		if !mayEndFamilyFirst(t, start) {
			return check.No, 0 // nothing follows: the word is not the first of a name
		}
	}
	if end-start <= maxWord {
		if c := cues[string(Fold(buf[:0], t[start:end]))]; c != 0 {
			if from, to = afterCue(t, start, end, c, final); from != check.No {
				return from, to
			}
		}
	}
	if end < len(t) && (t[end] == '\n' || t[end] == '\r') && inSentence(t, start) {
		if from, to = wrapped(t, start, final); from != check.No {
			return from, to
		}
	}
	if end < len(t) && t[end] != ' ' && t[end] != '-' && t[end] != '\'' && t[end] < utf8.RuneSelf && !mayEndFamilyFirst(t, start) {
		return check.No, 0
	}
	return name(t, start, 0, final)
}

// Glance is the quick look before Around at what stands beside the word.
func Glance(t []byte, start, end int, final bool) bool {
	if start > 0 {
		switch t[start-1] {
		case '.', '@', '_', '&', '\\', '$', '%', '+', '~':
			return false // see opens
		case '-':
			if start >= 2 && isAlnum(t[start-2]) {
				return false
			}
		}
	}
	if end >= len(t) {
		return !final || mayEndFamilyFirst(t, start)
	}
	switch b := t[end]; b {
	case ' ', '-', '\'', '.', ':', '\n', '\r':
		return true
	default:
		return b >= utf8.RuneSelf || mayEndFamilyFirst(t, start)
	}
}

// inSentence reports whether a word that ends in a small letter stands before t[i].
func inSentence(t []byte, i int) bool { return i >= 2 && t[i-1] == ' ' && t[i-2]-'a' < 26 }

// wrapped recognises a name with a line end between given and family name, where text is broken into lines: both have to be listed, in the middle of
// a sentence.
func wrapped(t []byte, i int, final bool) (from, to int) {
	given := token{start: i}
	cut := readWord(t, &given)
	if given.kind.given() != Sure || given.refused || given.caps || before(t, i, false) < 0 {
		return check.No, 0
	}
	j := given.end
	if j < len(t) && t[j] == '\r' {
		j++
	}
	family := token{start: j + 1}
	if j >= len(t) || t[j] != '\n' || j+1 >= len(t) {
		if cut || j+1 >= len(t) {
			return more(final)
		}
		return check.No, 0
	}
	cut = readWord(t, &family) || len(t)-family.end < lookAhead
	if cut && !final {
		return check.More, 0
	}
	if family.form != proper || family.refused || family.caps || family.kind.family() < Likely || isNotName(t, &given, &family) || family.end+1 >= len(t) {
		return check.No, 0
	}
	switch b, next := t[family.end], t[family.end+1]; {
	case b == ' ' && (next-'a' < 26 || next == '('):
	case (b == ',' || b == '.' || b == ';' || b == ')' || b == '\'') && !isDigit(next):
	default:
		return check.No, 0
	}
	if closes(t, family.end, final) != 0 {
		return check.No, 0
	}
	return i, family.end
}

// mayEndFamilyFirst is the quick look whether t[start:] may be the given name of "Family, Given".
func mayEndFamilyFirst(t []byte, start int) bool {
	return start >= 4 && t[start-1] == ' ' && t[start-2] == ','
}

// Labelled recognises the full name behind the label t[start:end] in running text, such as name: or "customer_name":.
func Labelled(t []byte, start, end int, final bool) (from, to int) {
	trust := 2
	if word, sep := wordBefore(t, start, "_- "); len(word) > 0 && sep != ' ' {
		var buf [maxWord + 16]byte
		if trust = 0; owners[string(Fold(buf[:0], word))] {
			trust = 2
		}
	} else if len(word) == 0 && isName(t[start:end]) {
		trust = 1
	}
	if trust == 0 {
		return check.No, 0
	}
	i, marks := end, 0
	for n := 0; i < len(t) && n < 8; n++ {
		switch t[i] {
		case ' ', '\t', '"', '\'', '\\', '*':
		case ':', '=', '>':
			marks++
		default:
			n = 8
			continue
		}
		i++
	}
	if i >= len(t) {
		return more(final)
	}
	if marks == 0 {
		return check.No, 0
	}
	return name(t, i, trust, final)
}

// GlanceLabelled is the quick look before Labelled: one of its marks has to follow, which no letter may come before.
func GlanceLabelled(t []byte, _, end int, final bool) bool {
	for i := end; i < end+2; i++ {
		if i >= len(t) {
			return !final
		}
		switch t[i] {
		case ':', '=', '>':
			return true
		case ' ', '\t', '"', '\'', '\\', '*':
		default:
			return false
		}
	}
	return true
}

func isName(word []byte) bool { return len(word) == 4 && word[0]|0x20 == 'n' && word[1]|0x20 == 'a' }

// afterCue recognises the name behind a title or a greeting.
func afterCue(t []byte, start, end int, c cue, final bool) (from, to int) {
	if !opens(t, start) {
		return check.No, 0
	}
	i := end
	if i < len(t) && t[i] == '.' {
		i++
	}
	if c == label {
		if i < len(t) && t[i] == ' ' {
			i++
		}
		if i < len(t) && t[i] != ':' {
			return check.No, 0
		}
		i++
	}
	if i < len(t) && t[i] == ' ' {
		i++
	} else if i < len(t) {
		return check.No, 0
	}
	// A second title: Herr Dr., Dear Mr.
	for range 2 {
		n := i
		for n < len(t) && (isLetter(t[n]) || t[n] >= utf8.RuneSelf) && n-i < maxWord {
			n++
		}
		if n >= len(t) {
			return more(final)
		}
		var buf [maxWord + 16]byte
		if cues[string(Fold(buf[:0], t[i:n]))] != title {
			break
		}
		if t[n] == '.' {
			n++
		}
		if n < len(t) && t[n] == ' ' {
			n++
		}
		i, c = n, title
	}
	if i >= len(t) {
		return more(final)
	}
	return name(t, i, 2, final)
}

func more(final bool) (from, to int) {
	if final {
		return check.No, 0
	}
	return check.More, 0
}

// A token is a word of what may be a name.
type token struct {
	start, end int
	kind       Kind
	form       form
	caps       bool // all in capitals
	refused    bool // a word that names hold only if they are not a person's
}

type form uint8

const (
	other form = iota
	proper
	initial
	particle
)

// name recognises the name that begins at t[i]. trust is what title or label add to its score.
func name(t []byte, i, trust int, final bool) (from, to int) {
	if !opens(t, i) {
		return check.No, 0
	}
	var toks [maxTokens + 1]token
	n, cut := read(t, i, &toks)
	if cut && !final {
		return check.More, 0
	}
	if n == 0 || toks[0].form != proper {
		return check.No, 0
	}
	if trust == 0 {
		if from, to, ok := familyFirst(t, i, toks[:n], final); ok {
			return from, to
		}
	}
	last, score := weigh(t, toks[:n], trust)
	if last < 0 {
		return check.No, 0
	}
	to = toks[last].end
	if last+1 < n && toks[last+1].refused {
		return check.No, 0
	}
	score += trust
	to, suffix := withSuffix(t, to)
	score += suffix
	if suffix > 0 && thingBehind(t, to) {
		return check.No, 0 // Martin Luther King Jr. Boulevard
	}
	verdict := closes(t, to, final)
	if verdict == check.More {
		return check.More, 0
	}
	if verdict == check.No || score+2 < enough {
		return check.No, 0
	}
	if score < enough && mailFollows(t, to) {
		score += 2
	}
	if trust == 0 {
		score += before(t, i, toks[0].caps)
	}
	if toks[0].caps && last+1 < n && toks[last+1].caps {
		score -= 2 // a line in capitals
	}
	if score < enough || toks[0].caps && trust == 0 && score <= enough || isNotName(t, &toks[0], &toks[last]) {
		return check.No, 0
	}
	return i, to
}

func hasInitial(toks []token) bool {
	for k := range toks {
		if toks[k].form == initial {
			return true
		}
	}
	return false
}

const maxTokens = 7

// read splits t[i:] into words with a single space between them, as far as they may belong to a name, and one word more. cut says that the
// text ended before all of that could be seen.
func read(t []byte, i int, toks *[maxTokens + 1]token) (n int, cut bool) {
	for n < len(toks) {
		k := &toks[n]
		*k = token{start: i}
		cut = readWord(t, k) || cut
		if k.end == i {
			return n, cut
		}
		n++
		i = k.end
		if len(t)-i < utf8.UTFMax {
			cut = true
		}
		switch {
		case k.form == other || i >= len(t):
			return n, cut
		case t[i] == ' ':
			i++
		case t[i] == 0xC2 && i+1 < len(t) && t[i+1] == 0xA0: // no-break space
			i += 2
		case k.form != initial || t[i-1] != '.': // J.R. Smith
			return n, cut
		}
	}
	return n, cut
}

// readWord reads the word at t[k.start:]. cut says that what follows t might change it.
func readWord(t []byte, k *token) (cut bool) {
	i, letters, capitals, lowers := k.start, 0, 0, 0
	upperFirst, camel, afterJoin := false, false, false
loop:
	for i-k.start <= maxWord {
		if len(t)-i < 2*utf8.UTFMax && (i >= len(t) || !isLetter(t[i])) {
			cut = true
		}
		if i >= len(t) {
			break
		}
		r, size := rune(t[i]), 1
		upper := r >= 'A' && r <= 'Z'
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(t[i:])
			upper = unicode.IsUpper(r)
		}
		switch {
		case r < utf8.RuneSelf && isLetter(byte(r)):
		case r == '-' || r == '\'' || r == '’' || r == '‐' || r == '‑':
			if letters == 0 || !joins(t[i+size:], r) {
				break loop
			}
			afterJoin = true
			i += size
			continue
		case r < utf8.RuneSelf:
			break loop
		case unicode.Is(unicode.Mn, r):
			i += size
			continue
		case isLatin(r):
		default:
			break loop
		}
		if letters == 0 {
			upperFirst = upper
		}
		if upper {
			camel = camel || lowers > 0 && !afterJoin
			capitals++
		} else {
			lowers++
		}
		letters++
		afterJoin = false
		i += size
	}
	k.end = i
	word := t[k.start:i]
	switch {
	case letters == 0 || i-k.start > maxWord:
		k.end = k.start
	case !upperFirst:
		if particles[string(word)] {
			k.form = particle
		}
	case letters == 1:
		k.form = initial
		if i < len(t) && t[i] == '.' {
			k.end++
		}
	case camel && !joinedCamel(word):
	case capitals > 1 && lowers == 1 && word[len(word)-1] == 's': // IDs
	default:
		k.form = proper
		k.caps = lowers == 0
		var buf [maxWord + 16]byte
		folded := Fold(buf[:0], word)
		k.kind = kindOfFolded(folded)
		k.refused = refusedWord(folded) && string(word) != "Sá" || k.caps && abbreviations[string(folded)]
		if k.caps && particles[string(folded)] {
			k.form = particle
		}
		if capitalParticles[string(word)] {
			k.form = particle
		}
	}
	return cut
}

// joins reports whether a hyphen or apostrophe r before rest is within a word: not the apostrophe of a possessive s.
func joins(rest []byte, r rune) bool {
	next, size := utf8.DecodeRune(rest)
	if !isLatin(next) {
		return false
	}
	if next|0x20 != 's' || r == '-' || r == '‐' || r == '‑' {
		return true
	}
	next, _ = utf8.DecodeRune(rest[size:])
	return isLatin(next)
}

// isLatin tells the letters of the Latin script that names are written in.
func isLatin(r rune) bool {
	if r < utf8.RuneSelf {
		return r|0x20 >= 'a' && r|0x20 <= 'z'
	}
	return (r < 0x370 || r >= 0x1E00 && r < 0x1F00) && unicode.IsLetter(r)
}

// refusedWord tells a word that, within or behind a name, makes it that of a firm, place or work. Of a hyphenated word each part counts.
func refusedWord(folded []byte) bool {
	for {
		n := bytes.IndexByte(folded, '-')
		if n < 0 {
			for _, s := range thingEnds {
				if len(folded) > len(s)+2 && folded[len(folded)-1] == s[len(s)-1] && bytes.HasSuffix(folded, []byte(s)) {
					return true
				}
			}
			return things[string(folded)]
		}
		if things[string(folded[:n])] {
			return true
		}
		folded = folded[n+1:]
	}
}

// abbreviations stand in capitals behind a town and are names otherwise.
var abbreviations = setOf("tas vic")

// thingEnds are ends of words of the same kind.
var thingEnds = strings.Fields("strasse platz gasse allee weg stadt kirche schule haus straat laan plein gatan vagen")

// joinedCamel tells the capitals within a word that names have: McCoy, MacLeod, DeVito, LaRue, FitzGerald.
func joinedCamel(word []byte) bool {
	for _, p := range []string{"Mc", "Mac", "De", "Di", "Du", "La", "Le", "Van", "Von", "Fitz", "Des", "Del", "St", "O"} {
		if len(word) > len(p)+1 && string(word[:len(p)]) == p && word[len(p)]-'A' < 26 {
			rest := word[len(p)+1:]
			for _, b := range rest {
				if b-'A' < 26 {
					return false
				}
			}
			return true
		}
	}
	return false
}

// weigh finds where the name in toks ends, and its score without what stands around it; last is -1 for none.
func weigh(t []byte, toks []token, trust int) (last, score int) {
	last = -1
	given, family, listed, initials, hasParticle := toks[0].kind.given(), 0, 1, 0, false
	if toks[0].refused {
		return -1, 0
	}
	particleAt := -1
loop:
	for k := 1; k < len(toks) && k < maxTokens; k++ {
		tok := &toks[k]
		switch tok.form {
		case initial:
			initials++
			if initials > 3 {
				return -1, 0
			}
		case particle:
			if particleAt > 0 && particleAt == k-3 {
				break loop
			}
			if toks[k-1].form != particle {
				particleAt = k
			}
		case proper:
			if tok.refused {
				break loop
			}
			f := tok.kind.family()
			if f == 0 && trust > 1 && tok.kind.given() == Sure {
				f = Doubt // Madame Camille Robert
			}
			if particleAt > 0 && toks[k-1].form == particle {
				switch {
				case weakParticles[string(t[toks[particleAt].start:toks[particleAt].end])] && (f < Likely || family > 0 && toks[particleAt].end-toks[particleAt].start > 1):
					break loop // the article of the next noun
				case f == 0 && family > 0 && tok.kind == plain:
					break loop
				case f == 0:
					f, hasParticle = Doubt, true // a particle makes a family name of many a word
				default:
					hasParticle = true
				}
			}
			if f == 0 && tok.kind.given() == 0 {
				// A word that is in no list may be a family name.
				if plainWord(tok) && given == Sure && familyFollows(toks, k) {
					continue // Lars Næsbye Christensen
				}
				if plainWord(tok) && (last < 0 || given == Sure && last == k-1) {
					last = k
				}
				break loop
			}
			listed++
			if f > 0 {
				last, family = k, max(family, f)
			}
		default:
			break loop
		}
	}
	if last < 0 {
		// Wang Wei; Kim Min-jun
		if toks[0].kind&eastern == 0 {
			return -1, 0
		}
		for k := 1; k < len(toks) && k < 3 && toks[k].form == proper && !toks[k].refused && (toks[k].kind.given() > 0 || syllables(&toks[k])); k++ {
			last = k
		}
		if last < 0 {
			return -1, 0
		}
		return last, toks[0].kind.family() + max(toks[last].kind.given(), 1)
	}
	if last >= 3 && onlyGiven(toks[:last+1]) {
		return -1, 0
	}
	if given == 0 && toks[0].kind&eastern != 0 && toks[last].kind.given() > 0 {
		given = toks[last].kind.given()
		family = toks[0].kind.family()
	}
	if toks[0].kind.given() == 1 && toks[0].kind&eastern != 0 && toks[last].kind.given() > 1 {
		family = max(family, 2)
		given = 2
	}
	score = given + family
	if given == 0 {
		score = family
		if family < Likely || toks[0].kind == plain {
			return -1, 0
		}
	}
	if family == 0 && given == Sure && !toks[last].caps {
		score++
	}
	if listed > 2 {
		score++
	}
	if hasInitial(toks[:last]) {
		score++
	}
	if hasParticle {
		score++
	}
	return last, score
}

// onlyGiven reports whether the words are given names and nothing else: Alice Bob Carol Dave are four people.
func onlyGiven(toks []token) bool {
	for i := range toks {
		if toks[i].form != proper || toks[i].kind.given() != Sure || toks[i].kind.family() >= Likely {
			return false
		}
	}
	return true
}

// familyFollows reports whether a listed family name stands behind toks[k], perhaps with a particle.
func familyFollows(toks []token, k int) bool {
	if k++; k < len(toks) && toks[k].form == particle {
		k++
	}
	return k < len(toks) && toks[k].form == proper && !toks[k].refused && toks[k].kind.family() >= Likely
}

// plainWord reports whether an unlisted word may be a family name.
func plainWord(tok *token) bool {
	return tok.form == proper && tok.end-tok.start >= 3 && !tok.refused && tok.kind == 0
}

// syllables tells a given name of two syllables with a hyphen, as Korean and Chinese names are often written.
func syllables(tok *token) bool {
	return tok.end-tok.start >= 5 && tok.end-tok.start <= 13 && tok.kind != 0
}

// isNotName looks up two words in notNames.
func isNotName(t []byte, first, last *token) bool {
	var buf [2*maxWord + 32]byte
	out := Fold(buf[:0], t[first.start:first.end])
	out = append(out, ' ')
	return notNames[string(Fold(out, t[last.start:last.end]))]
}

// familyFirst recognises "Family, Given" around the given name toks[0], where the family name begins a line or a value.
func familyFirst(t []byte, i int, toks []token, final bool) (from, to int, ok bool) {
	if !mayEndFamilyFirst(t, i) || toks[0].kind.given() < Likely {
		return 0, 0, false
	}
	j := i - 2
	for j > 0 && i-j < maxWord && (isLetter(t[j-1]) || t[j-1] >= utf8.RuneSelf || t[j-1] == '-' || t[j-1] == '\'') {
		j--
	}
	family := token{start: j}
	readWord(t[:i-1], &family)
	if family.form != proper || family.end != i-2 || family.refused || family.kind.family() < Likely || family.kind.given() == Sure && family.kind.family() < Sure {
		return 0, 0, false
	}
	for range 2 { // van der Berg, Jan
		p := j - 1
		for p > 0 && j-p < 6 && t[p-1]-'a' < 26 {
			p--
		}
		if p > 0 && j > 0 && t[j-1] == ' ' && particles[string(t[p:j-1])] {
			j = p
		}
	}
	labelled := followsLabel(t, j)
	if !labelled && !beginsValue(t, j) {
		return 0, 0, false
	}
	last := 0
	for k := 1; k < len(toks) && (toks[k].form == initial || toks[k].form == proper && toks[k].kind != 0 && !toks[k].refused); k++ {
		last = k
	}
	to = toks[last].end
	if to < len(t) {
		switch t[to] {
		case ',', '.':
			if !labelled {
				return 0, 0, false
			}
			if to+1 >= len(t) && !final {
				return check.More, 0, true
			}
			if to+1 < len(t) && isAlnum(t[to+1]) {
				return 0, 0, false
			}
		case '\n', '\r', '\t', ';', '"', '\'', '|', '<', '>', ')', ']', '/', '(', '\\':
		case ' ':
			if to+1 < len(t) && !labelled && t[to+1] != '(' && t[to+1] != '<' && t[to+1] != '-' && t[to+1] != '|' && t[to+1] != '[' && t[to+1]-'0' > 9 {
				return 0, 0, false
			}
			if to+1 >= len(t) && !final {
				return check.More, 0, true
			}
		default:
			return 0, 0, false
		}
	} else if !final {
		return check.More, 0, true
	}
	if toks[0].end-toks[0].start < 3 || family.end-family.start < 3 {
		return 0, 0, false // too short to tell
	}
	if doubtful := toks[0].kind.given() < Sure && family.kind.family() < Sure; doubtful || isNotName(t, &toks[0], &family) {
		return 0, 0, false
	}
	return j, to, true
}

// followsLabel reports whether a label of names stands right before t[i], or an equals sign.
func followsLabel(t []byte, i int) bool {
	if i > 0 && t[i-1] == '=' {
		return true
	}
	word, sep := wordBefore(t, i, " ")
	if sep != ' ' {
		return false
	}
	if n := len(word); n == 0 {
		if i < 2 || t[i-2] != ':' {
			return false
		}
		word, _ = wordBefore(t, i-1, ":")
	}
	var buf [maxWord + 16]byte
	return len(word) <= maxWord && knownLabels[string(Fold(buf[:0], word))]
}

// beginsValue reports whether t[i] is the beginning of a line or of a value in it.
func beginsValue(t []byte, i int) bool {
	if i == 0 {
		return true
	}
	switch t[i-1] {
	case '\n', '\r', '\t', '"', '\'', ';', '|', '>', '<', '[', '(', ':', '=':
		return true
	case ' ':
		for i--; i > 0 && t[i-1] == ' '; i-- {
		}
		if i == 0 {
			return true
		}
		switch t[i-1] {
		case '\n', ':', '=', ';', '|', '-', '*', '\t', '.', '"':
			return true
		}
	}
	return escapedEnd(t, i)
}

// escapedEnd reports whether an escaped line end or tab stands before t[i].
func escapedEnd(t []byte, i int) bool {
	return i >= 2 && t[i-2] == '\\' && (t[i-1] == 'n' || t[i-1] == 't' || t[i-1] == 'r') && (i < 3 || t[i-3] != '\\')
}

// opens reports whether a name may begin at t[i]: not within a token, a path or an identifier.
func opens(t []byte, i int) bool {
	if i == 0 {
		return true
	}
	switch b := t[i-1]; {
	case b == '.' || b == '@' || b == '_' || b == '&' || b == '\\' || b == '$' || b == '%' || b == '+' || b == '~':
		return false
	case b == '-':
		return i >= 2 && !isAlnum(t[i-2]) && t[i-2] < utf8.RuneSelf
	case b == '/':
		return i >= 2 && (t[i-2] == '/' && (i < 3 || t[i-3] != ':') || t[i-2] == ' ' || t[i-2] == '*')
	case isAlnum(b):
		return escapedEnd(t, i)
	case b >= utf8.RuneSelf:
		r, _ := utf8.DecodeLastRune(t[:i])
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) && r != '‐' && r != '‑'
	}
	return true
}

// closes reports whether a name may end at t[i]: 0, check.No or check.More.
func closes(t []byte, i int, final bool) int {
	if len(t)-i < lookAhead && !final {
		return check.More
	}
	if i >= len(t) {
		return 0
	}
	rest := t[i:min(len(t), i+lookAhead)]
	var next byte
	if len(rest) > 1 {
		next = rest[1]
	}
	switch b := rest[0]; {
	case isAlnum(b) || b == '_' || b == '@' || b == '/' && isAlnum(next) || b == '=' || b == '(' || b == '[' || b == '%' || b == '$' || b == '&' || b == '+':
		return check.No
	case b == '-' || b == '.' && rest[0] == '.':
		if isAlnum(next) {
			return check.No
		}
	case b == ':':
		if next == ':' {
			return check.No
		}
	case b == '\\':
		if next != 'n' && next != 't' && next != 'r' && next != '"' && next != '\\' {
			return check.No
		}
	case b >= utf8.RuneSelf:
		r, _ := utf8.DecodeRune(rest)
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) {
			return check.No
		}
	}
	// What follows may make it a firm: ", Inc.", " & Co", " and Sons".
	j := 0
	for j < len(rest) && (rest[j] == ',' || rest[j] == ' ') && j < 2 {
		j++
	}
	if j > 0 {
		if rest[0] == ' ' && j < len(rest) && (rest[j] == '&' || rest[j] == '+') {
			return check.No
		}
		end := j
		for end < len(rest) && (isLetter(rest[end]) || rest[end] >= utf8.RuneSelf) {
			end++
		}
		var buf [lookAhead + 16]byte
		word := Fold(buf[:0], rest[j:end])
		if firms[string(word)] || j == 1 && rest[0] == ' ' && lowerThings[string(word)] {
			return check.No
		}
		if string(word) == "and" && end < len(rest) && rest[end] == ' ' {
			j = end + 1
			for end = j; end < len(rest) && isLetter(rest[end]); end++ {
			}
			if firms[string(Fold(buf[:0], rest[j:end]))] {
				return check.No
			}
		}
	}
	return 0
}

// lookAhead is how far behind a name one looks.
const lookAhead = 24

// withSuffix returns the end of a name with its suffix of generation, and what suffixes add to the score.
func withSuffix(t []byte, to int) (end, score int) {
	i := to
	if i < len(t) && t[i] == ',' {
		i++
	}
	if i >= len(t) || t[i] != ' ' {
		return to, 0
	}
	i++
	j := i
	for j < len(t) && (isLetter(t[j]) || t[j] == '.') && j-i < 6 {
		j++
	}
	switch string(bytes.TrimRight(t[i:j], ".")) {
	case "Jr", "Sr", "II", "III", "IV", "JR", "SR":
		return j, 2
	case "MD", "M.D", "PhD", "Ph.D", "Esq", "MBA", "CPA", "RN", "DDS", "DVM", "MSc", "BSc", "OBE", "CBE", "MBE", "QC", "KC":
		return to, 2
	}
	return to, 0
}

// thingBehind reports whether one of things stands behind t[i:], after a space.
func thingBehind(t []byte, i int) bool {
	if i >= len(t) || t[i] != ' ' {
		return false
	}
	word := token{start: i + 1}
	readWord(t[:min(len(t), i+lookAhead)], &word)
	return word.form == proper && word.refused
}

// mailFollows reports whether a mail address stands behind the name.
func mailFollows(t []byte, to int) bool {
	rest := t[to:min(len(t), to+lookAhead)]
	n := 0
	for n < len(rest) && (rest[n] == ' ' || rest[n] == '<' || rest[n] == '(' || rest[n] == ',' || rest[n] == '"') {
		n++
	}
	at := bytes.IndexByte(rest, '@')
	return n > 0 && at > n && !bytes.ContainsAny(rest[n:at], " \n\t")
}

// before weighs the word before a name.
func before(t []byte, i int, caps bool) int {
	word, sep := wordBefore(t, i, " ")
	if sep != ' ' {
		return 0
	}
	if len(word) == 0 {
		if i >= 2 && (t[i-2] == '&' || t[i-2] == '/' && i >= 3 && isLetter(t[i-3])) {
			return -2 * enough // Smith & Jane Doe; C/ Juan Bravo
		}
		if i >= 2 && t[i-2] == '.' { // an initial or abbreviation: St. John Smith
			word, _ = wordBefore(t, i-1, ".")
			var buf [maxWord + 16]byte
			if places[string(Fold(buf[:0], word))] {
				return -2 * enough
			}
			if len(word) == 1 {
				return -1
			}
		}
		return 0
	}
	var buf [maxWord + 16]byte
	folded := Fold(buf[:0], word)
	if places[string(folded)] || linksPlace(t, i, folded) {
		return -2 * enough
	}
	first, _ := utf8.DecodeRune(word)
	switch {
	case isDigit(word[len(word)-1]):
		return -1
	case !unicode.IsUpper(first):
		return 0
	}
	if k := kindOf(word); k.given() >= Likely && cues[string(folded)] == 0 {
		return -2 * enough // the name would have begun there
	}
	if caps && len(word) > 1 && allCapitals(word) && cues[string(folded)] == 0 {
		return -2
	}
	return 0
}

// linksPlace reports whether the word before t[i] links the name with that of a place: Paseo de Juan Bravo, piazza della Maria Rossi.
func linksPlace(t []byte, i int, folded []byte) bool {
	var buf [maxWord + 16]byte
	for n := 0; n < 3 && links[string(folded)]; n++ {
		i -= len(folded) + 1
		word, _ := wordBefore(t, i, " ")
		if len(word) == 0 || len(word) > maxWord {
			return false
		}
		if folded = Fold(buf[:0], word); places[string(folded)] {
			return true
		}
	}
	return false
}

var links = setOf("de del la las los el di della delle dei degli dell du des der den do da dos das don dr santa")

func allCapitals(word []byte) bool {
	for _, b := range word {
		if b-'a' < 26 {
			return false
		}
	}
	return true
}

// wordBefore returns the word that ends one byte before t[i], if that byte is one of seps, and the byte; 0 if there is no such byte.
func wordBefore(t []byte, i int, seps string) (word []byte, sep byte) {
	if i == 0 || strings.IndexByte(seps, t[i-1]) < 0 {
		return nil, 0
	}
	j := i - 1
	for j > 0 && i-j <= maxWord && (isAlnum(t[j-1]) || t[j-1] >= utf8.RuneSelf || t[j-1] == '\'') {
		j--
	}
	return t[j : i-1], t[i-1]
}

func isDigit(b byte) bool { return b-'0' < 10 }

func isLetter(b byte) bool { return (b|0x20)-'a' < 26 }

func isAlnum(b byte) bool { return isDigit(b) || isLetter(b) }
