package detect

import (
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/text"
)

// maxFields is how many fields a scanner remembers.
const maxFields = 4096

// A fieldInfo is what a scanner works out once about a column or path.
type fieldInfo struct {
	field *text.Field
	// serial tells the fields with keywords from each other, for as long as the scanner is there; it is 0 for those without.
	serial uint32
	// filter is the union of the bits of the groups in ranks.
	filter uint64
	groups groupSet // those in ranks
	ranks  []fieldRank
	whole  []*layout // those of the engine that have a keyword here
	// next is the field that followed last time: tables and records repeat their order.
	next *fieldInfo
}

// A fieldRank says that a keyword of the group stands in the name that is rank steps out of the innermost.
type fieldRank struct {
	group uint16
	rank  uint16
}

// rank returns the rank of the innermost name with a keyword of the group, or false.
func (f *fieldInfo) rank(group uint16) (uint16, bool) {
	for _, r := range f.ranks {
		if r.group == group {
			return r.rank, true
		}
	}
	return 0, false
}

// fieldCache remembers fields by pointer. It is emptied when it is full and when the document ends.
type fieldCache struct {
	byField map[*text.Field]*fieldInfo
	// slab holds the infos, reused once the cache was emptied.
	slab []*fieldInfo
	used int
	last *fieldInfo
	hits []hit
	name []byte
	// learned counts the fields that were learned.
	learned uint32
}

func (c *fieldCache) reset() {
	clear(c.byField)
	for _, info := range c.slab[:c.used] {
		info.field, info.next = nil, nil
	}
	c.used, c.last = 0, nil
}

// get returns what is known of the field.
func (c *fieldCache) get(e *Engine, f *text.Field) *fieldInfo {
	if c.last != nil {
		next := c.last.next
		for k := 0; k < maxSkip && next != nil; k++ {
			if next.field == f {
				c.last = next
				return next
			}
			next = next.next
		}
	}
	info := c.byField[f]
	if info == nil {
		if c.used == maxFields {
			c.reset()
		}
		if c.byField == nil {
			c.byField = make(map[*text.Field]*fieldInfo)
		}
		if c.used == len(c.slab) {
			c.slab = append(c.slab, new(fieldInfo))
		}
		info = c.slab[c.used]
		c.used++
		c.learn(e, info, f)
		c.byField[f] = info
	}
	if c.last != nil {
		c.last.next = info
	}
	c.last = info
	return info
}

// maxSkip is how many empty cells one after the other do not disturb the order of the fields.
const maxSkip = 4

// learn fills info with the keywords in the field's names, innermost first, and what follows from them.
func (c *fieldCache) learn(e *Engine, info *fieldInfo, f *text.Field) {
	*info = fieldInfo{field: f, ranks: info.ranks[:0], whole: info.whole[:0]}
	for rank := 0; rank < len(f.Names); rank++ {
		c.name = append(c.name[:0], f.Names[len(f.Names)-1-rank]...)
		c.hits = e.keywords.all(c.name, c.hits[:0])
		for _, h := range c.hits {
			for _, g := range h.word.groups {
				info.add(g, rank)
			}
			if h.start == 0 && h.end == len(c.name) {
				for _, g := range h.word.exact {
					info.add(g, rank)
				}
			}
		}
	}
	if info.filter != 0 {
		c.learned++
		info.serial = c.learned
	}
	for _, l := range e.whole {
		if _, ok := info.rank(l.group); ok {
			info.whole = append(info.whole, l)
		}
	}
}

func (f *fieldInfo) add(group uint16, rank int) {
	if _, ok := f.rank(group); !ok {
		f.ranks = append(f.ranks, fieldRank{group, uint16(min(rank, 1<<16-1))})
		f.filter |= reachBit(group)
		f.groups.add(group)
	}
}

// all appends every keyword in t.
func (ks *keywords) all(t []byte, hits []hit) []hit {
	for i := 0; i < len(t); {
		r, size := utf8.DecodeRune(t[i:])
		if (wordRune(r) || wide(r)) && wordStartsAt(t, i) {
			hits = ks.walk(t, i, hits)
		}
		i += size
	}
	return hits
}
