package detect

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A shape is a compiled Layout.Shape. It matches without backtracking: every element takes as much as it may.
type shape struct {
	lead     string // punctuation before the first letter or digit
	elements []element
	maxLen   int
	// opening is there until a dispatch was built of it.
	*opening
	// slash says that '/' is a separator of this shape, so that a further /digit makes the value part of something longer.
	slash bool
	// A value in groups has firstGroup characters before its first separator, or anyLength of them, and at least nextDigits digits behind it; 0 if
	// it may be otherwise. See digitsBehind.
	firstGroup, nextDigits int
}

// anyLength is a firstGroup of no fixed length.
const anyLength = -1

// findGroups fills firstGroup and nextDigits.
func (sh *shape) findGroups() {
	n, fixed := 0, true
	for k := range sh.elements[:len(sh.elements)-1] {
		e := &sh.elements[k]
		switch {
		case e.sep && e.min == 1 || e.set != nil && e.max == 1 && !e.set.hasAlnum():
			next := &sh.elements[k+1]
			if (fixed || !e.sep && e.min == 1) && next.set != nil && *next.set == *digitSet {
				sh.firstGroup, sh.nextDigits = n, min(next.min, 8)
				if !fixed {
					sh.firstGroup = anyLength
				}
			}
			return
		case e.set == nil && e.min > 0 && !strings.ContainsFunc(e.literal, notLetterOrDigit):
			n += len(e.literal)
			continue
		case e.set == nil || e.set.hasOther():
			return
		}
		n += e.min
		fixed = fixed && e.min == e.max
	}
}

// digitsBehind returns how many digits there are at least behind the byte that follows the first run, if that has n characters.
func (sh *shape) digitsBehind(n int) int {
	if sh.firstGroup == n || sh.firstGroup == anyLength {
		return sh.nextDigits
	}
	return 0
}

var digitSet = parseSet("0-9")

// hasOther reports whether bytes other than letters and digits are in the set.
func (set *byteSet) hasOther() bool {
	for b, in := range set {
		if in && !isAlnum(byte(b)) {
			return true
		}
	}
	return false
}

// digitsFollow reports whether the n bytes at t[i:] are digits, at most eight.
func digitsFollow(t []byte, i, n int) bool {
	if i+n > len(t) {
		return false
	}
	x := headAt(t, i) ^ '0'*every
	return (x+(0x80-10)*every|x)&(tops>>(8*(8-n))) == 0
}

// An opening says what the run of letters and digits looks like at which the scanner meets a value.
type opening struct {
	// first holds the bytes that the first letter or digit may be.
	first byteSet
	// runs holds the kinds and lengths that the run may have (maxRun stands for all longer ones), and after, for each length, the bytes
	// that may follow it.
	runs  runSet
	after [maxRun + 1]bits256
}

// goesOn reports whether the run may be longer than n.
func (o *opening) goesOn(n int) bool {
	for kind := range o.runs {
		if o.runs[kind].long || o.runs[kind].short>>n>>1 != 0 {
			return true
		}
	}
	return false
}

// bits256 is a set of bytes by bits.
type bits256 [4]uint64

func (s *bits256) has(b byte) bool { return s[b/64]>>(b%64)&1 != 0 }

func (s *bits256) add(o *bits256) {
	for i := range s {
		s[i] |= o[i]
	}
}

// bits returns the set by bits.
func (set *byteSet) bits() (out bits256) {
	for b, in := range set {
		if in {
			out[b/64] |= 1 << (b % 64)
		}
	}
	return out
}

// notAlnum are the bytes that end a run.
var notAlnum = parseSet("\x00-/:-@[-`{-\xff").bits()

// A byteSet is a set of ASCII bytes.
type byteSet [256]bool

// An element of a shape is a literal, a separator or a repeated set.
type element struct {
	set      *byteSet
	literal  string // for literals; lower case if fold
	fold     bool
	sep      bool // '~'
	min, max int
	kinds    int // of the letters and digits in set
	all      int // kinds of which all are in set
	digits   int // as many digits are all of it, at most eight; 0 for anything else
}

// maxRun is the length from which all runs of letters and digits are treated alike.
const maxRun = 64

// A kind is a set of classes that occur in a run of letters and digits.
const (
	kindDigit = 1 << iota
	kindUpper
	kindLower
	kinds
)

var shapeSets = map[byte]string{'9': "0-9", 'A': "A-Z", 'a': "A-Za-z", 'X': "0-9A-Z", 'x': "0-9A-Za-z"}

// parseShape compiles a shape:
//
//	9          a digit
//	A  a       a capital; a letter
//	X  x       a capital or digit; a letter or digit
//	[0-9A-F_]  one of these bytes; ] may stand first
//	'sk_' "id" a literal, with and without regard to case; other punctuation stands for itself
//	~          a separator: one space or hyphen at every ~ of the value, or none at every ~
//	e? e{n} e{n,m}  the element before, repeated; ~? may each be absent by itself, but all that are there are alike
//
// Punctuation before the first letter or digit has to be literal and present. open says that a tail follows.
func parseShape(s string, open bool) (*shape, error) {
	sh := &shape{opening: &opening{}}
	p := shapeParser{rest: s}
	for p.rest != "" {
		e, err := p.element()
		if err != nil {
			return nil, fmt.Errorf("shape %q: %w", s, err)
		}
		sh.elements = append(sh.elements, e)
	}
	if err := sh.splitLead(); err != nil {
		return nil, fmt.Errorf("shape %q: %w", s, err)
	}
	sh.maxLen = len(sh.lead)
	for _, e := range sh.elements {
		sh.maxLen += e.max * max(1, len(e.literal))
		sh.slash = sh.slash || e.set != nil && e.set['/'] && !e.set['+']
	}
	for k := range sh.elements {
		if e := &sh.elements[k]; e.set != nil && e.min == e.max && e.max <= 8 && *e.set == *digitSet {
			e.digits = e.max
		}
	}
	sh.findGroups()
	sh.enumerate(open)
	return sh, nil
}

type shapeParser struct{ rest string }

func (p *shapeParser) element() (element, error) {
	c := p.rest[0]
	e := element{min: 1, max: 1}
	n := 1
	switch {
	case shapeSets[c] != "":
		e.set = parseSet(shapeSets[c])
	case c == '~':
		e.sep = true
	case c == '[':
		n = strings.IndexByte(p.rest[min(2, len(p.rest)):], ']') + 3 // a ] that stands first is in the set
		if n < 3 {
			return e, errors.New("[ without ] or empty")
		}
		e.set = parseSet(p.rest[1 : n-1])
	case c == '\'' || c == '"':
		n = strings.IndexByte(p.rest[1:], c) + 2
		if n < 3 {
			return e, errors.New("empty or unclosed literal")
		}
		e.literal, e.fold = p.rest[1:n-1], c == '"'
		if e.fold {
			e.literal = strings.ToLower(e.literal)
		}
	case c >= 0x80 || isAlnum(c) || c == '{' || c == '?' || c == ']' || c == '}':
		return e, fmt.Errorf("%q has to be quoted", c)
	default:
		e.set = parseSet(p.rest[:1])
	}
	p.rest = p.rest[n:]
	return e, p.repeat(&e)
}

func (p *shapeParser) repeat(e *element) error {
	if strings.HasPrefix(p.rest, "?") {
		e.min, p.rest = 0, p.rest[1:]
		return nil
	}
	if !strings.HasPrefix(p.rest, "{") {
		return nil
	}
	end := strings.IndexByte(p.rest, '}')
	if end < 0 || e.set == nil {
		return errors.New("a repetition needs } and a set before it")
	}
	lo, hi, ranged := strings.Cut(p.rest[1:end], ",")
	p.rest = p.rest[end+1:]
	if !ranged {
		hi = lo
	}
	var err1, err2 error
	e.min, err1 = strconv.Atoi(lo)
	e.max, err2 = strconv.Atoi(hi)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if e.min < 0 || e.max < e.min || e.max < 1 {
		return errors.New("a repetition has to be {n} or {n,m} with n <= m")
	}
	return nil
}

func parseSet(s string) *byteSet {
	var set byteSet
	for i := 0; i < len(s); i++ {
		lo, hi := s[i], s[i]
		if i+2 < len(s) && s[i+1] == '-' {
			hi = s[i+2]
			i += 2
		}
		for b := int(lo); b <= int(hi); b++ {
			set[b] = true
		}
	}
	return &set
}

// only returns the single byte of a set, or false.
func (set *byteSet) only() (byte, bool) {
	n, b := 0, byte(0)
	for i, in := range set {
		if in {
			n, b = n+1, byte(i)
		}
	}
	return b, n == 1
}

func (set *byteSet) hasAlnum() bool {
	for b, in := range set {
		if in && isAlnum(byte(b)) {
			return true
		}
	}
	return false
}

// splitLead moves the punctuation before the first letter or digit into lead.
func (sh *shape) splitLead() error {
	for len(sh.elements) > 0 {
		e := sh.elements[0]
		if e.literal != "" {
			n := 0
			for n < len(e.literal) && !isAlnum(e.literal[n]) {
				n++
			}
			sh.lead += e.literal[:n]
			sh.elements[0].literal = e.literal[n:]
			if n < len(e.literal) {
				break
			}
		} else {
			if e.set != nil && e.set.hasAlnum() {
				break
			}
			b, one := byte(0), false
			if e.set != nil {
				b, one = e.set.only()
			}
			if !one || e.min != 1 || e.max != 1 {
				return errors.New("punctuation before the first letter or digit has to be literal")
			}
			sh.lead += string(b)
		}
		sh.elements = sh.elements[1:]
	}
	if len(sh.elements) == 0 || sh.elements[0].min == 0 {
		return errors.New("a shape has to begin with a letter or digit that is always there")
	}
	return nil
}

// A runSet is a set of kinds and lengths of runs.
type runSet [kinds]lengths

// lengths are a set of lengths: those below maxRun by bits, and maxRun.
type lengths struct {
	short uint64
	long  bool
}

func (r *runSet) has(kind, n int) bool {
	if n == maxRun {
		return r[kind].long
	}
	return r[kind].short>>n&1 != 0
}

func (r *runSet) add(o *runSet) {
	for k := range r {
		r[k].short |= o[k].short
		r[k].long = r[k].long || o[k].long
	}
}

// all returns the lengths of runs of any kind.
func (r *runSet) all() (all lengths) {
	for _, l := range r {
		all.short |= l.short
		all.long = all.long || l.long
	}
	return all
}

// step is the set after one more byte of the classes.
func (r *runSet) step(classes int) (out runSet) {
	for k, l := range r {
		for bit := 1; bit < kinds; bit <<= 1 {
			if classes&bit != 0 {
				out[k|bit].short |= l.short << 1
				out[k|bit].long = out[k|bit].long || l.long || l.short>>63 != 0
			}
		}
	}
	return out
}

// longer is the set of all runs that go on behind one of the set.
func (r *runSet) longer() (out runSet) {
	for k, l := range r {
		for k2 := range out {
			if k2&k == k && (l.short != 0 || l.long) {
				out[k2].short |= -(l.short & -l.short)
				out[k2].long = true
			}
		}
	}
	return out
}

// enumerate fills the opening.
func (sh *shape) enumerate(open bool) {
	var cur runSet
	cur[0].short = 1
	if f := sh.elements[0]; f.literal != "" {
		sh.first[f.literal[0]] = true
		if f.fold {
			sh.first[f.literal[0]&^0x20] = true
		}
	} else {
		sh.first = *f.set
	}
	for k := range sh.elements {
		cur = sh.advance(&sh.elements[k], &cur)
	}
	if open {
		cur = cur.longer()
	}
	sh.end(&cur, &notAlnum)
}

// end records that the first run may end in any of these ways, before one of the bytes.
func (sh *shape) end(runs *runSet, before *bits256) {
	sh.runs.add(runs)
	all := runs.all()
	if all == (lengths{}) {
		return
	}
	outside := *before
	for i := range outside {
		outside[i] &= notAlnum[i]
	}
	for ; all.short != 0; all.short &= all.short - 1 {
		sh.after[bits.TrailingZeros64(all.short)].add(&outside)
	}
	if all.long {
		sh.after[maxRun].add(&outside)
	}
}

// advance returns the runs that go on after the element, and records those that end at or within it.
func (sh *shape) advance(e *element, cur *runSet) (out runSet) {
	if e.min == 0 || e.sep {
		out.add(cur)
	}
	if e.sep {
		sh.end(cur, &separatorBits)
		return out
	}
	if e.literal != "" {
		next := *cur
		for i := 0; i < len(e.literal); i++ {
			classes := kindOf(e.literal[i])
			if classes == 0 {
				before := parseSet(e.literal[i : i+1]).bits()
				sh.end(&next, &before)
				return out
			}
			if e.fold && classes != kindDigit {
				classes = kindUpper | kindLower
			}
			next = next.step(classes)
		}
		out.add(&next)
		return out
	}
	classes, other := 0, false
	var counts [kinds]int
	for b, in := range e.set {
		if in {
			kind := kindOf(byte(b))
			classes |= kind
			counts[kind]++
			other = other || kind == 0
		}
	}
	e.kinds = classes
	for kind, n := range [kinds]int{kindDigit: 10, kindUpper: 26, kindLower: 26} {
		if n > 0 && counts[kind] == n {
			e.all |= kind
		}
	}
	var before bits256
	if other {
		before = e.set.bits()
	}
	next := *cur
	for k := 1; k <= e.max; k++ {
		if other {
			sh.end(&next, &before)
		}
		next = next.step(classes)
		if k >= e.min {
			out.add(&next)
		}
		if k > maxRun+e.min {
			break
		}
	}
	return out
}

// separatorBits are what an element '~' may be.
var separatorBits = parseSet(" -").bits()

// match matches the elements at t[i:] and returns the end, or -1.
func (sh *shape) match(t []byte, i int) int {
	sep := -1 // not met yet; 0: absent, and not to come; else the byte
	for k := range sh.elements {
		e := &sh.elements[k]
		switch {
		case e.digits > 0:
			if !digitsFollow(t, i, e.digits) {
				return -1
			}
			i += e.digits
		case e.set != nil:
			j := i
			limit := min(i+e.max, len(t))
			for j < limit && e.set[t[j]] {
				j++
			}
			if j-i < e.min {
				return -1
			}
			i = j
		case e.sep:
			if i < len(t) && (t[i] == ' ' || t[i] == '-') && (sep == -1 || int(t[i]) == sep) {
				sep = int(t[i])
				i++
			} else if e.min > 0 {
				if sep > 0 {
					return -1
				}
				sep = 0
			}
		default:
			if len(t)-i < len(e.literal) || !e.equal(t[i:]) {
				if e.min > 0 {
					return -1
				}
				continue
			}
			i += len(e.literal)
		}
	}
	return i
}

func (e *element) equal(t []byte) bool {
	if !e.fold {
		return string(t[:len(e.literal)]) == e.literal
	}
	for i := 0; i < len(e.literal); i++ {
		if lowerASCII(t[i]) != e.literal[i] {
			return false
		}
	}
	return true
}

// literal returns what every value of the shape begins with behind its lead, without regard to case, or "".
func (sh *shape) literal() string { return sh.elements[0].literal }

// last returns the set of the last element, nil for a literal.
func (sh *shape) last() *byteSet { return sh.elements[len(sh.elements)-1].set }

func isDigit(b byte) bool { return b-'0' < 10 }

func notLetterOrDigit(r rune) bool { return r >= utf8.RuneSelf || !isAlnum(byte(r)) }

func isAlnum(b byte) bool { return b-'0' < 10 || (b|0x20)-'a' < 26 }

func lowerASCII(b byte) byte {
	if b-'A' < 26 {
		return b | 0x20
	}
	return b
}

func kindOf(b byte) int {
	switch {
	case b-'0' < 10:
		return kindDigit
	case b-'A' < 26:
		return kindUpper
	case b-'a' < 26:
		return kindLower
	}
	return 0
}
