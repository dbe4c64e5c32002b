// Package detect finds sensitive data in text. An Engine is compiled once from a list of identifiers and shared; a Scanner of it reads the
// blocks of one document after the other and reports every match with its place.
//
// One pass cuts the text into runs of letters and digits. At each run two things happen: a look whether a keyword begins there (keyword.go),
// and a look in tables, by the run's length, its classes of characters and its first characters, for the layouts that may begin there
// (dispatch.go, shape.go; words.go for those that begin with one of many words). A layout that needs a keyword is tried only while one is in
// reach. overlap.go says what is reported where several match.
//
// Text is read in stretches of 64 bytes; as long as no keyword is in reach, a first look at all runs of a stretch leaves few to visit (look.go). What is done with the short values of a column follows from what they look like, and is worked out once (form.go).
package detect

import (
	"errors"
	"fmt"

	"github.com/magpie-sec/magpie/internal/detect/check"
)

// Options say what an Engine finds.
type Options struct {
	// Identifiers are the identifiers to look for, each ID once. They must not change afterwards.
	Identifiers []*Identifier
	// Window is how many bytes of running text, or of a value that comes in pieces, a Scanner holds; 0 means DefaultWindow. It is raised to
	// what the longest identifier needs. It never changes what is found.
	Window int
}

// DefaultWindow is the default of Options.Window.
const DefaultWindow = 128 << 10

// An Engine is a compiled set of identifiers. It is immutable and may be used by any number of goroutines, each with its own Scanner.
type Engine struct {
	identifiers []*Identifier
	keywords    *keywords
	dispatch    dispatch
	groups      int // of keywords
	words       *words
	// whole are the layouts that a value has to be in as a whole.
	whole []*layout

	// margin is how far behind the beginning of a run one may have to look, tails left out; back is how far before it. either is how far
	// behind a value a keyword may end.
	margin, back, window, either int
	longestShape                 int
	// reach is the greatest distance of any identifier in bytes, what may stand before a value's first letter or digit included, and sure the
	// same in characters: as many bytes are in reach whatever they are.
	reach, sure int64
}

// A layout is a Layout in use.
type layout struct {
	*Layout
	id       *Identifier
	order    int    // index of id
	rank     int    // among the layouts with a shape, in the order in which a list has them
	group    uint16 // of its keywords
	need     uint64 // bits of what has to be in reach, see reachBit
	shape    *shape
	check    func([]byte) bool
	refuse   map[string]bool
	distance int
}

// New compiles an engine. It returns an error that names the identifier for a duplicate id, a layout that cannot be parsed or has no
// keywords to require or contradicts itself, a keyword that does not begin with a letter, and a MaxLen smaller than a layout's longest value.
func New(o Options) (*Engine, error) {
	e := &Engine{identifiers: o.Identifiers}
	seen := map[string]bool{}
	var layouts []*layout
	longest, maxDistance, around := 0, 0, 0
	c := compiler{table: keywordTable{}, shapes: map[string]*shape{}, sets: map[byteSet]*byteSet{}}
	for order, id := range o.Identifiers {
		if seen[id.ID] || id.ID == "" {
			return nil, fmt.Errorf("identifier %q: the id is empty or there twice", id.ID)
		}
		seen[id.ID] = true
		ls, err := c.identifier(id, order)
		if err != nil {
			return nil, fmt.Errorf("identifier %s: %w", id.ID, err)
		}
		layouts = append(layouts, ls...)
		longest = max(longest, id.MaxLen)
		maxDistance = max(maxDistance, id.distance())
		if id.Direction == Either {
			e.either = max(e.either, id.distance()*4)
		}
	}
	var err error
	if e.keywords, err = c.table.compile(); err != nil {
		return nil, err
	}
	var shaped, worded []*layout
	longestLead := 0
	for _, l := range layouts {
		if l.Around != nil {
			around = LookBack + e.keywords.maxLen
			e.keywords.markAround(l.group)
		}
		switch {
		case l.Whole:
			e.whole = append(e.whole, l)
			continue
		case l.Words != nil:
			worded = append(worded, l)
		default:
			shaped = append(shaped, l)
		}
		e.longestShape = max(e.longestShape, l.shape.maxLen)
		longestLead = max(longestLead, len(l.shape.lead)+maxLead)
	}
	e.words = newWords(worded)
	e.groups = int(c.groups)
	e.reach, e.sure = int64(maxDistance*4+longestLead), int64(maxDistance+longestLead)
	e.margin = max(e.longestShape, e.keywords.maxLen, maxRun) + 16
	if e.either > 0 {
		e.either += e.keywords.maxLen
		e.margin = e.longestShape + e.either + 16
	}
	e.back = int(e.reach) + around + maxRun
	e.window = o.Window
	if e.window == 0 {
		e.window = DefaultWindow
	}
	e.window = max(e.window, longest+e.margin+e.back+maxRun)
	e.dispatch.plainWords, e.dispatch.mixedHeads = e.keywords.plain, e.keywords.fours
	e.dispatch.build(shaped)
	for _, sh := range c.shapes {
		sh.opening = nil
	}
	return e, nil
}

// Identifiers returns what the engine looks for. The slice must not be changed.
func (e *Engine) Identifiers() []*Identifier { return e.identifiers }

// A compiler numbers the groups of keywords: one for each identifier that has any, and for each layout that has its own. Layouts of the same
// shape share it, and shapes their sets.
type compiler struct {
	table  keywordTable
	groups uint16
	shapes map[string]*shape
	sets   map[byteSet]*byteSet
}

func (c *compiler) shape(text string, open bool) (*shape, error) {
	key := fmt.Sprint(open, text)
	if sh := c.shapes[key]; sh != nil {
		return sh, nil
	}
	sh, err := parseShape(text, open)
	if err != nil {
		return nil, err
	}
	for i := range sh.elements {
		e := &sh.elements[i]
		if e.set == nil {
			continue
		}
		if c.sets[*e.set] == nil {
			c.sets[*e.set] = e.set
		}
		e.set = c.sets[*e.set]
	}
	c.shapes[key] = sh
	return sh, nil
}

func (c *compiler) group(words []string) (uint16, error) {
	if len(words) == 0 {
		return 0, nil
	}
	group := c.groups
	c.groups++
	for _, kw := range words {
		if err := c.table.add(kw, group); err != nil {
			return 0, err
		}
	}
	return group, nil
}

func (c *compiler) identifier(id *Identifier, order int) ([]*layout, error) {
	if len(id.Layouts) == 0 {
		return nil, errors.New("no layouts")
	}
	group, err := c.group(id.Keywords)
	if err != nil {
		return nil, err
	}
	refuse := map[string]bool{}
	for _, v := range id.Refuse {
		refuse[v] = true
	}
	var out []*layout
	for i := range id.Layouts {
		l := &layout{Layout: &id.Layouts[i], id: id, order: order, group: group, check: id.Check, refuse: refuse, distance: id.distance()}
		if l.Check != nil {
			l.check = l.Check
		}
		if l.Keywords != nil {
			if l.group, err = c.group(l.Keywords); err != nil {
				return nil, err
			}
		}
		if l.Keyword != KeywordUnneeded && len(id.Keywords) == 0 && len(l.Keywords) == 0 {
			return nil, fmt.Errorf("layout %q needs keywords and there are none", l.Shape)
		}
		switch {
		case (l.Tail != nil || l.Around != nil) && (l.check != nil || len(refuse) > 0):
			return nil, errors.New("a layout with Tail or Around leaves all checks to it")
		case l.Around != nil && (l.Tail != nil || l.Open || l.Alone || l.Lead != "" || l.NotNext != "" || l.Whole):
			return nil, errors.New("a layout with Around has neither Tail, Open, Alone, Lead, NotNext nor Whole")
		case l.Glance != nil && l.Around == nil:
			return nil, errors.New("a layout with Glance has an Around")
		case l.Words != nil:
			if l.Shape != "" || l.Whole || l.Tail == nil && l.Around == nil {
				return nil, errors.New("a layout with Words has a Tail or Around, no Shape, and is not Whole")
			}
			l.shape = wordShape
		case l.Whole:
			if l.Shape != "" || l.Tail == nil || l.Keyword != KeywordInField {
				return nil, errors.New("a whole layout has a Tail, no Shape, and KeywordInField")
			}
		default:
			sh, err := c.shape(l.Shape, l.Tail != nil) // Around takes the run as it is
			if err != nil {
				return nil, err
			}
			if sh.maxLen > id.MaxLen {
				return nil, fmt.Errorf("layout %q may be %d bytes long, MaxLen is %d", l.Shape, sh.maxLen, id.MaxLen)
			}
			l.shape = sh
		}
		l.need = reachBit(l.group)
		if l.bare() {
			l.need = alwaysInReach
			if l.shape != nil && l.shape.lead != "" {
				l.need = afterLead
			}
		}
		out = append(out, l)
	}
	return out, nil
}

// bare reports whether the layout can be found at a run with no keyword in reach of it.
func (l *layout) bare() bool {
	return l.Keyword == KeywordUnneeded || l.Keyword == KeywordAbsent || l.Keyword == KeywordRequired && l.id.Direction == Either
}

// lookBack returns how far before its shape or word a value may begin.
func (l *layout) lookBack() int64 {
	if l.Around != nil {
		return LookBack
	}
	return 0
}

// around asks the layout's Around for the value at t[start:end], and returns it; to is -1 for no value, or -2 if more text is needed.
func (l *layout) around(t []byte, start, end int, final bool) (from, to int) {
	first, limit := max(0, start-LookBack), start+l.id.MaxLen+1
	if limit < len(t) {
		t, final = t[:limit], true
	}
	from, to = l.Around(t[first:], start-first, end-first, final)
	switch {
	case !final && (from == check.More || from >= 0 && to == len(t)-first):
		return 0, -2
	case from < 0 || to <= from || to-from > l.id.MaxLen || first+to > len(t):
		return 0, -1
	}
	return first + from, first + to
}

// tail runs the layout's tail on what follows its shape at t[end:], where the value began at start. It returns the value's end, -1 for no
// value, or -2 if more text is needed; and how far it has read.
func (l *layout) tail(t []byte, start, end int, final bool) (valueEnd, read int) {
	limit := start + l.id.MaxLen
	rest := t[end:]
	if limit+1 < len(t) {
		rest, final = t[end:limit+1], true
	}
	n := l.Tail(rest, final)
	switch {
	case n == check.More && !final:
		return -2, end
	case n < 0:
		return -1, end
	case end+n > limit:
		return -1, limit
	}
	return end + n, end + n
}
