package detect

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// A dispatch gives the layouts that may begin with a run, by its kind, length and first character. What is not near any keyword leaves it
// at the first look, and what is near one meets the layouts of this keyword: most of the catalogue is never touched.
type dispatch struct {
	// every tells for a first character, by the bits of the run's length, whether there are any layouts, and bare whether there are any
	// that can do without a keyword. Runs longer than 63 are not in them.
	every, bare [256]uint64
	// needs is the union of the needs of all layouts for a kind and length.
	needs   [kinds][maxRun + 1]uint64
	numbers [kinds][maxRun + 1][64]uint16 // of a list; list 0 is empty
	lists   []list
	layouts int         // how many there are
	led     []ledLayout // those that a literal leads to
	// before says of a byte what it means before a run.
	before [256]uint8
	// after holds for each byte, by bits, the sets of bytes that may follow a run which it is in. Set 0 has all.
	after [256]uint64

	// The shapes that begin with a literal of three or more bytes are found by a hash of the first four, literalIndex: literals tells whether
	// there are any, byLiteral gives the number of the list.
	literals  filter16
	byLiteral [1 << literalBits]uint16

	// The rest is for firstLook: which runs may begin a layout that can do without a keyword, lead aside.
	bareLiterals  filter16 // by headHash, those that a run may go on behind
	wholeLiterals filter16 // by wordHash, those that are a run as a whole
	mixedHeads    filter16 // with keywords.fours
	// bareNumbers is for runs of digits, by length and the lowest four bits of the first.
	bareNumbers [16 * maxRun]bareNumber
	// short is bareNumbers for numbers of one to three digits, whatever the first.
	short [4]shortNumber
	// bareMixed has, for the runs of letters and for the others by length, the first characters by the bits of alnumIndex.
	bareMixed [2][maxRun]uint64
	bareRuns  [kinds][maxRun]bareRun // by kind as well
	// plainWords has, by plainHash, the first words of keywords, and the literals that are a run as a whole. anyBareWords says
	// that a layout may begin with other words of small letters, the first perhaps a capital.
	plainWords   filter16
	anyBareWords uint64 // all bits or none
	// looks are the bytes that make any run behind them worth a look, but for those of isMark.
	looks []byte
}

// A ledLayout is a layout to which a literal leads, with the lengths that the run may have in which it begins.
type ledLayout struct {
	*layout
	lengths lengths
}

// A bareRun says with which runs of a kind and length a layout may begin.
type bareRun struct {
	first uint64 // by the bits of alnumIndex, the first character
	free  uint64 // those where the byte behind the next need not be a digit
	sets  uint64 // that the byte behind the run may be in, see dispatch.after
}

// A bareNumber says when a layout may begin with a run of digits.
type bareNumber struct {
	sets   uint64 // that the byte behind the run may be in, see dispatch.after
	follow uint64 // by bits, of the bytes behind that one which have to be digits
}

// A shortNumber says whether layouts may begin with numbers of a length: any with all of them, followed with those behind which there is a digit
// behind another byte. Each has all bits or none.
type shortNumber struct{ any, followed uint64 }

// The bits of dispatch.before.
const (
	beforeLook   = 1 << iota // beforeEscape or beforeShape
	beforeEscape             // a backslash
	beforeLead               // the last byte of the lead of a shape that needs afterLead
	beforeShape              // and this shape does not begin with a literal that leads to it
)

// A list holds the layouts for a run, in a bucket for each bit of need, in the order of the bits.
type list struct {
	need    uint64 // union of the layouts'
	groups  groupSet
	buckets [][]choice
}

// A choice is a layout to try at a run.
type choice struct {
	*layout
	after uint8 // number of the set of bytes that may follow the run
}

// Every layout has a need: a bit of what may be in reach of a value. What is in reach is the union of the bits of the keyword groups, of which
// some share one, alwaysInReach, and afterLead where the byte before the run is the last of a shape's lead.

const (
	alwaysInReach = 1 << 63
	afterLead     = 1 << 62
)

func reachBit(group uint16) uint64 { return 1 << (group % 62) }

// build fills the dispatch.
func (d *dispatch) build(layouts []*layout) {
	b := listBuilder{dispatch: d, byShape: map[*shape][]*layout{}, lists: map[string]uint16{"": 0}, afters: map[bits256]uint8{}}
	for _, l := range layouts {
		if b.byShape[l.shape] == nil {
			b.shapes = append(b.shapes, l.shape)
		}
		b.byShape[l.shape] = append(b.byShape[l.shape], l)
	}
	d.lists = []list{{}}
	b.afterNumbers = make([][maxRun + 1]uint8, len(b.shapes))
	for c := range d.after {
		d.after[c] = 1
	}
	d.before['\\'] = beforeEscape | beforeLook
	for _, l := range layouts {
		if l.need == afterLead {
			last := l.shape.lead[len(l.shape.lead)-1]
			d.before[last] |= beforeLead
			if len(l.shape.literal()) < minLiteral {
				d.before[last] |= beforeShape | beforeLook
			}
		}
	}
	for _, sh := range b.shapes {
		for _, l := range b.byShape[sh] {
			l.rank = d.layouts
			d.layouts++
			if len(sh.literal()) >= minLiteral {
				d.led = append(d.led, ledLayout{l, sh.runs.all()})
			}
		}
	}
	b.buildLiterals()
	leaders := b.leaders()
	var fit []int
	for kind := 1; kind < kinds; kind++ {
		for n := 1; n <= maxRun; n++ {
			fit = fit[:0]
			for i, sh := range b.shapes {
				if sh.runs.has(kind, n) && len(sh.literal()) < minLiteral {
					fit = append(fit, i)
				}
			}
			if len(fit) == 0 {
				continue
			}
			var numbers [256]uint16 // of those that lead
			for _, c := range leaders {
				if c.leader == c.char {
					b.key = b.key[:0]
					for _, i := range fit {
						if b.shapes[i].first[c.char] {
							b.add(i, b.afterOf(i, n))
						}
					}
					numbers[c.char] = b.list()
				}
				number := numbers[c.leader]
				d.numbers[kind][n][alnumIndex[c.char]] = number
				need := d.lists[number].need
				d.needs[kind][n] |= need
				if n < maxRun && need != 0 {
					d.every[c.char] |= 1 << n
					d.bare[c.char] |= need / alwaysInReach << n
				}
				if need&alwaysInReach != 0 && n < maxRun {
					d.addBare(&d.lists[number], kind, n, c.char)
				}
			}
		}
	}
	for _, l := range layouts {
		if l.need == alwaysInReach || l.need == afterLead {
			b.addBareWords(l.shape)
		}
	}
	for c, before := range d.before {
		if before&beforeLook != 0 && !isMark(byte(c)) {
			d.looks = append(d.looks, byte(c))
		}
	}
}

// addBareWords notes the words of small letters, perhaps with a capital first, and the numbers with which a shape may begin that is found
// without a keyword. A literal is noted as a word if it is the whole of the run.
func (b *listBuilder) addBareWords(sh *shape) {
	lit := sh.literal()
	run := 0
	for run < len(lit) && isAlnum(lit[run]) {
		run++
	}
	plain := true // as far as the literal tells
	for k := range run {
		kind := kindOf(lit[k])
		plain = plain && (kind == kindLower || kind == kindUpper && (k == 0 || sh.elements[0].fold))
	}
	for n := 1; n < maxRun; n++ {
		if len(lit) >= minLiteral && sh.runs.has(kindDigit, n) {
			b.addBareNumber(n, lit[0], 1<<b.afterSet(sh.after[n]), sh.digitsBehind(n))
		}
		switch {
		case !plain || !sh.runs.has(kindLower, n) && !sh.runs.has(kindUpper|kindLower, n) && !(n == 1 && sh.runs.has(kindUpper, n)):
		case n == run:
			b.plainWords.addPlain(lit[:n], endsRun)
		default:
			b.anyBareWords = ^uint64(0)
		}
	}
}

// addBareNumber notes a run of n digits.
func (d *dispatch) addBareNumber(n int, first byte, sets uint64, follow int) {
	r := &d.bareNumbers[n<<4|int(first&15)]
	if r.sets == 0 {
		r.follow = 1<<follow - 1
	}
	r.sets |= sets
	r.follow &= 1<<follow - 1
	if n < len(d.short) {
		d.short[n].followed = ^uint64(0)
		if follow == 0 {
			d.short[n].any = ^uint64(0)
		}
	}
}

// addBare notes that a list with layouts that need no keyword is for the runs of this kind, length and first character.
func (d *dispatch) addBare(l *list, kind, n int, first byte) {
	for _, c := range l.buckets[len(l.buckets)-1] { // alwaysInReach is the highest bit
		if kind == kindDigit {
			d.addBareNumber(n, first, 1<<c.after, c.shape.digitsBehind(n))
		} else {
			d.bareMixed[kind&kindDigit/kindDigit][n] |= 1 << alnumIndex[first]
			r := &d.bareRuns[kind][n]
			r.first |= 1 << alnumIndex[first]
			r.sets |= 1 << c.after
			r.free |= uint64(1-min(1, c.shape.digitsBehind(n))) << alnumIndex[first]
		}
	}
}

// bareFits reports whether a layout that can do without a keyword may begin with the run t[i:j], as far as its shape and Glance tell.
func (e *Engine) bareFits(t []byte, i, j, kind int) bool {
	d := &e.dispatch
	before := d.before[byteBefore(t, i)]
	if before&beforeLook != 0 {
		return true
	}
	reach := alwaysInReach | uint64(before&beforeLead)*(afterLead/beforeLead)
	head := headAt(t, i)
	after := d.after[nextByte(t, j)]
	return d.choose(byte(head), j-i, kind).fitsAny(reach, after, t, i, j) || d.literals.hasTop(headHash(head)) && d.chooseLiteral(head).fitsAny(reach, after, t, i, j)
}

// fitsAny reports whether a layout of the list may begin with the run t[i:j], as far as its shape and Glance tell; what is in reach and the sets
// of the byte behind the run are given.
func (l *list) fitsAny(reach, after uint64, t []byte, i, j int) bool {
	for todo := l.need & reach; todo != 0; todo &= todo - 1 {
		choices := l.bucket(todo & -todo)
		for k := range choices {
			c := &choices[k]
			if n := c.shape.digitsBehind(j - i); after>>c.after&1 == 0 || n > 0 && !digitsFollow(t, j+1, n) {
				continue
			}
			start := i - len(c.shape.lead)
			if start < 0 || string(t[start:i]) != c.shape.lead {
				continue
			}
			if end := c.shape.match(t, i); end >= 0 && (c.Glance == nil || c.Glance(t, start, end, false)) {
				return true
			}
		}
	}
	return false
}

// bucket returns the layouts whose need is this bit.
func (l *list) bucket(bit uint64) []choice { return l.buckets[bits.OnesCount64(l.need&(bit-1))] }

// minLiteral is the length from which the literal that a shape begins with leads to it.
const minLiteral = 3

// buildLiterals fills literals and byLiteral.
func (b *listBuilder) buildLiterals() {
	byIndex := map[uint64][]int{}
	for i, sh := range b.shapes {
		lit := sh.literal()
		if len(lit) < minLiteral {
			continue
		}
		head := headAt([]byte(lit), 0)
		if len(lit) > minLiteral {
			byIndex[literalIndex(head)] = append(byIndex[literalIndex(head)], i)
			continue
		}
		seen := map[uint64]bool{}
		for fourth := range uint64(256) {
			if isAlnum(byte(fourth)) && !sh.goesOn(minLiteral) || !isAlnum(byte(fourth)) && !sh.after[minLiteral].has(byte(fourth)) {
				continue
			}
			if x := literalIndex(head&0xFFFFFF | fourth<<24); !seen[x] {
				seen[x] = true
				byIndex[x] = append(byIndex[x], i)
			}
		}
	}
	for x, shapes := range byIndex {
		b.key = b.key[:0]
		for _, i := range shapes {
			var after bits256
			for n := range b.shapes[i].after {
				after.add(&b.shapes[i].after[n])
			}
			b.add(i, b.afterSet(after))
		}
		b.literals.add(x)
		b.byLiteral[x] = b.list()
		if b.dispatch.lists[b.byLiteral[x]].need&(alwaysInReach|afterLead) != 0 {
			b.addBareLiterals(x, shapes)
		}
	}
}

// addBareLiterals notes the literals that a list of byLiteral is for, if they lead to layouts that need no keyword.
func (b *listBuilder) addBareLiterals(x uint64, shapes []int) {
	for _, i := range shapes {
		sh := b.shapes[i]
		if !slices.ContainsFunc(b.byShape[sh], func(l *layout) bool { return l.need >= afterLead }) {
			continue
		}
		lit := sh.literal()
		run := 0
		for run < len(lit) && isAlnum(lit[run]) {
			run++
		}
		if sh.goesOn(run) {
			b.bareLiterals.add(x)
			b.mixedHeads.add(x)
		} else {
			b.wholeLiterals.add(wordHash(headAt([]byte(lit[:run]), 0), uint(run)) >> 48)
		}
	}
}

// A listBuilder makes each list once.
type listBuilder struct {
	*dispatch
	shapes  []*shape
	byShape map[*shape][]*layout
	lists   map[string]uint16 // by key
	afters  map[bits256]uint8
	// afterNumbers are those of afterOf, plus 1.
	afterNumbers [][maxRun + 1]uint8
	key          []byte // numbers of shapes, each with that of a set
}

// add adds a shape to the key.
func (b *listBuilder) add(shape int, after uint8) {
	b.key = binary.LittleEndian.AppendUint16(b.key, uint16(shape))
	b.key = append(b.key, after)
}

// afterSet numbers a set of bytes that may follow a run.
func (b *listBuilder) afterSet(set bits256) uint8 {
	number, ok := b.afters[set]
	if ok || len(b.afters) == 63 {
		return number
	}
	number = uint8(len(b.afters) + 1)
	b.afters[set] = number
	for c := range b.after {
		if set.has(byte(c)) {
			b.after[c] |= 1 << number
		}
	}
	return number
}

// afterOf is afterSet for what may follow the first run of a shape if that has n characters.
func (b *listBuilder) afterOf(shape, n int) uint8 {
	number := &b.afterNumbers[shape][n]
	if *number == 0 {
		*number = 1 + b.afterSet(b.shapes[shape].after[n])
	}
	return *number - 1
}

// A leader is the first of the characters with which the same shapes begin.
type leader struct{ char, leader byte }

// leaders returns letters and digits with their leaders.
func (b *listBuilder) leaders() (out []leader) {
	byShapes := map[string]byte{}
	shapes := make([]byte, len(b.shapes))
	for c := range alnumIndex {
		if !isAlnum(byte(c)) {
			continue
		}
		for i, sh := range b.shapes {
			shapes[i] = 0
			if sh.first[c] {
				shapes[i] = 1
			}
		}
		first, ok := byShapes[string(shapes)]
		if !ok {
			first = byte(c)
			byShapes[string(shapes)] = first
		}
		out = append(out, leader{byte(c), first})
	}
	return out
}

// list returns the number of the list that key stands for.
func (b *listBuilder) list() uint16 {
	if number, ok := b.lists[string(b.key)]; ok {
		return number
	}
	var out list
	var buckets [64][]choice
	for key := b.key; len(key) > 0; key = key[3:] {
		for _, l := range b.byShape[b.shapes[binary.LittleEndian.Uint16(key)]] {
			out.need |= l.need
			out.groups.add(l.group)
			bit := bits.TrailingZeros64(l.need)
			buckets[bit] = append(buckets[bit], choice{layout: l, after: key[2]})
		}
	}
	for _, choices := range buckets {
		if choices != nil {
			out.buckets = append(out.buckets, choices)
		}
	}
	number := uint16(len(b.dispatch.lists))
	b.lists[string(b.key)] = number
	b.dispatch.lists = append(b.dispatch.lists, out)
	return number
}

// choose returns the layouts to try at a run with this first character, length (maxRun for any longer) and kind.
func (d *dispatch) choose(first byte, length, kind int) *list {
	return &d.lists[d.numbers[kind][length][alnumIndex[first]]]
}

const literalBits = 16

// literalIndex hashes the first four bytes, without regard to case.
func literalIndex(head uint64) uint64 { return headHash(head) >> (64 - literalBits) }

// chooseLiteral returns the layouts to try at a run with these first bytes, beside those of choose.
func (d *dispatch) chooseLiteral(head uint64) *list { return &d.lists[d.byLiteral[literalIndex(head)]] }

// alnumIndex numbers the letters and digits.
var alnumIndex = func() (x [256]byte) {
	n := byte(0)
	for b := range x {
		if isAlnum(byte(b)) {
			x[b] = n
			n++
		}
	}
	return x
}()
