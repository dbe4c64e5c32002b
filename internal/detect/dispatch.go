package detect

import "encoding/binary"

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
	// after holds for each byte, by bits, the sets of bytes that may follow a run which it is in. Set 0 has all.
	after [256]uint64
}

// A list holds the sections for a run.
type list struct {
	need     uint64 // union of the sections'
	sections []section
}

// A section holds the layouts of one shape.
type section struct {
	need    uint64 // union of the layouts'
	shape   *shape
	after   uint8 // number of the set of bytes that may follow the run
	layouts []*layout
}

// Every layout has a need: a bit of what may be in reach of a value. What is in reach is the union of the bits of the keyword groups, of which
// some share one, and alwaysInReach.

const alwaysInReach = 1 << 63

func reachBit(group uint16) uint64 { return 1 << (group % 63) }

// build fills the dispatch.
func (d *dispatch) build(layouts []*layout) {
	var shapes []*shape
	byShape := map[*shape][]*layout{}
	for _, l := range layouts {
		if byShape[l.shape] == nil {
			shapes = append(shapes, l.shape)
		}
		byShape[l.shape] = append(byShape[l.shape], l)
	}
	d.lists = []list{{}}
	for b := range d.after {
		d.after[b] = 1
	}
	lists, afters := map[string]uint16{"": 0}, map[byteSet]uint8{}
	var key []byte
	var fit []int
	for kind := 1; kind < kinds; kind++ {
		for n := 1; n <= maxRun; n++ {
			fit = fit[:0]
			for i, sh := range shapes {
				if sh.runs[kind][n] {
					fit = append(fit, i)
				}
			}
			for b := range alnumIndex {
				if !isAlnum(byte(b)) {
					continue
				}
				key = key[:0]
				for _, i := range fit {
					if shapes[i].first[b] {
						key = binary.LittleEndian.AppendUint16(key, uint16(i))
						key = append(key, d.afterSet(&shapes[i].after[n], afters))
					}
				}
				number, ok := lists[string(key)]
				if !ok {
					number = uint16(len(d.lists))
					lists[string(key)] = number
					d.lists = append(d.lists, newList(key, shapes, byShape))
				}
				d.numbers[kind][n][alnumIndex[b]] = number
				need := d.lists[number].need
				d.needs[kind][n] |= need
				if n < maxRun && need != 0 {
					d.every[b] |= 1 << n
					d.bare[b] |= need / alwaysInReach << n
				}
			}
		}
	}
}

// afterSet numbers a set of bytes that may follow a run.
func (d *dispatch) afterSet(set *byteSet, known map[byteSet]uint8) uint8 {
	number, ok := known[*set]
	if ok || len(known) == 63 {
		return number
	}
	number = uint8(len(known) + 1)
	known[*set] = number
	for b, in := range set {
		if in {
			d.after[b] |= 1 << number
		}
	}
	return number
}

// newList spells out a key of build.
func newList(key []byte, shapes []*shape, byShape map[*shape][]*layout) list {
	var out list
	for ; len(key) > 0; key = key[3:] {
		sh := shapes[binary.LittleEndian.Uint16(key)]
		s := section{shape: sh, after: key[2], layouts: byShape[sh]}
		for _, l := range s.layouts {
			s.need |= l.need
		}
		out.need |= s.need
		out.sections = append(out.sections, s)
	}
	return out
}

// choose returns the layouts to try at a run with this first character, length (maxRun for any longer) and kind.
func (d *dispatch) choose(first byte, length, kind int) *list {
	return &d.lists[d.numbers[kind][length][alnumIndex[first]]]
}

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
