package detect

import (
	"encoding/binary"
	"math/bits"
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
	// before says of a byte what it means before a run.
	before [256]uint8
	// after holds for each byte, by bits, the sets of bytes that may follow a run which it is in. Set 0 has all.
	after [256]uint64

	// The shapes that begin with a literal of three or more bytes are found by a hash of the first four, literalIndex: literals tells whether
	// there are any, byLiteral gives the number of the list.
	literals  [1 << literalBits / 64]uint64
	byLiteral [1 << literalBits]uint16
}

// The bits of dispatch.before.
const (
	beforeEscape = 1 << iota // a backslash
	beforeLead               // the last byte of the lead of a shape that needs afterLead
	beforeShape              // and this shape does not begin with a literal that leads to it
)

// A list holds the layouts for a run, in a bucket for each bit of need, in the order of the bits.
type list struct {
	need    uint64 // union of the layouts'
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
	b := listBuilder{dispatch: d, byShape: map[*shape][]*layout{}, lists: map[string]uint16{"": 0}, afters: map[byteSet]uint8{}}
	for _, l := range layouts {
		if b.byShape[l.shape] == nil {
			b.shapes = append(b.shapes, l.shape)
		}
		b.byShape[l.shape] = append(b.byShape[l.shape], l)
	}
	d.lists = []list{{}}
	for c := range d.after {
		d.after[c] = 1
	}
	d.before['\\'] = beforeEscape
	for _, l := range layouts {
		if l.need == afterLead {
			last := l.shape.lead[len(l.shape.lead)-1]
			d.before[last] |= beforeLead
			if len(l.shape.literal()) < minLiteral {
				d.before[last] |= beforeShape
			}
		}
	}
	b.buildLiterals()
	var fit []int
	for kind := 1; kind < kinds; kind++ {
		for n := 1; n <= maxRun; n++ {
			fit = fit[:0]
			for i, sh := range b.shapes {
				if sh.runs[kind][n] && len(sh.literal()) < minLiteral {
					fit = append(fit, i)
				}
			}
			for c := range alnumIndex {
				if !isAlnum(byte(c)) {
					continue
				}
				b.key = b.key[:0]
				for _, i := range fit {
					if b.shapes[i].first[c] {
						b.add(i, &b.shapes[i].after[n])
					}
				}
				number := b.list()
				d.numbers[kind][n][alnumIndex[c]] = number
				need := d.lists[number].need
				d.needs[kind][n] |= need
				if n < maxRun && need != 0 {
					d.every[c] |= 1 << n
					d.bare[c] |= need / alwaysInReach << n
				}
			}
		}
	}
}

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
			if isAlnum(byte(fourth)) && !sh.goesOn(minLiteral) || !isAlnum(byte(fourth)) && !sh.after[minLiteral][fourth] {
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
			var after byteSet
			for n := range b.shapes[i].after {
				for c, in := range b.shapes[i].after[n] {
					after[c] = after[c] || in
				}
			}
			b.add(i, &after)
		}
		b.literals[x/64] |= 1 << (x % 64)
		b.byLiteral[x] = b.list()
	}
}

// A listBuilder makes each list once.
type listBuilder struct {
	*dispatch
	shapes  []*shape
	byShape map[*shape][]*layout
	lists   map[string]uint16 // by key
	afters  map[byteSet]uint8
	key     []byte // numbers of shapes, each with that of a set
}

// add adds a shape to the key.
func (b *listBuilder) add(shape int, after *byteSet) {
	b.key = binary.LittleEndian.AppendUint16(b.key, uint16(shape))
	b.key = append(b.key, b.afterSet(after))
}

// afterSet numbers a set of bytes that may follow a run.
func (b *listBuilder) afterSet(set *byteSet) uint8 {
	number, ok := b.afters[*set]
	if ok || len(b.afters) == 63 {
		return number
	}
	number = uint8(len(b.afters) + 1)
	b.afters[*set] = number
	for c, in := range set {
		if in {
			b.after[c] |= 1 << number
		}
	}
	return number
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

// mayBeLiteral is the quick look before chooseLiteral.
func (d *dispatch) mayBeLiteral(head uint64) bool {
	x := literalIndex(head)
	return d.literals[x/64]>>(x%64)&1 != 0
}

const literalBits = 16

// literalIndex hashes the first four bytes, without regard to case.
func literalIndex(head uint64) uint64 {
	return (head | 0x20202020) & (1<<32 - 1) * hashFactor >> (64 - literalBits)
}

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
