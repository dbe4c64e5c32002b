// Package detect finds sensitive data in text. An Engine is compiled once from a list of identifiers and shared; a Scanner of it reads the
// blocks of one document after the other and reports every match with its place.
//
// One pass cuts the text into runs of letters and digits. At each run two things happen: a look whether a keyword begins there (keyword.go),
// and a look in a table, by the run's length, its classes of characters and its first character, for the layouts that may begin there
// (shape.go). A layout that needs a keyword is tried only while one is in reach. overlap.go says what is reported where several match.
package detect

import (
	"errors"
	"fmt"
	"sort"

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
	// dispatch gives the number of the list of layouts that may begin with a run, by its kind, length and first character. List 0 is empty.
	dispatch [kinds][maxRun + 1][64]uint16
	lists    []layoutList
	groups   int // of keywords
	// whole are the layouts that a value has to be in as a whole.
	whole []*layout

	// margin is how far behind the beginning of a run one may have to look, tails left out; back is how far before it.
	margin, back, window int
	longestShape         int
	// reach is the greatest distance of any identifier in bytes.
	reach int64
}

// A layout is a Layout in use.
type layout struct {
	*Layout
	id       *Identifier
	order    int    // index of id
	group    uint16 // of its keywords
	shape    *shape
	check    func([]byte) bool
	refuse   map[string]bool
	distance int
}

// A layoutList is what dispatch leads to. filter is the union of the keyword groups' bits; bare says that some layout needs no keyword.
type layoutList struct {
	layouts []*layout
	filter  uint64
	bare    bool
}

// New compiles an engine. It returns an error that names the identifier for a duplicate id, a layout that cannot be parsed or has no
// keywords to require, a keyword that does not begin with a letter, and a MaxLen smaller than a layout's longest value.
func New(o Options) (*Engine, error) {
	e := &Engine{identifiers: o.Identifiers}
	seen := map[string]bool{}
	var layouts []*layout
	longest, maxDistance, either := 0, 0, 0
	c := compiler{table: keywordTable{}}
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
			either = max(either, id.distance()*4)
		}
	}
	var err error
	if e.keywords, err = c.table.compile(); err != nil {
		return nil, err
	}
	for _, l := range layouts {
		if l.Whole {
			e.whole = append(e.whole, l)
		} else {
			e.longestShape = max(e.longestShape, l.shape.maxLen)
		}
	}
	e.groups = int(c.groups)
	e.reach = int64(maxDistance) * 4
	e.margin = max(e.longestShape, e.keywords.maxLen, maxRun) + 16
	if either > 0 {
		e.margin = e.longestShape + either + e.keywords.maxLen + 16
	}
	e.back = int(e.reach) + maxRun
	e.window = o.Window
	if e.window == 0 {
		e.window = DefaultWindow
	}
	e.window = max(e.window, longest+e.margin+e.back+maxRun)
	e.buildDispatch(layouts)
	return e, nil
}

// Identifiers returns what the engine looks for. The slice must not be changed.
func (e *Engine) Identifiers() []*Identifier { return e.identifiers }

// A compiler numbers the groups of keywords: one for each identifier that has any, and for each layout that has its own.
type compiler struct {
	table  keywordTable
	groups uint16
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
		case l.Whole:
			if l.Shape != "" || l.Tail == nil || l.Keyword != KeywordInField {
				return nil, errors.New("a whole layout has a Tail, no Shape, and KeywordInField")
			}
		default:
			sh, err := parseShape(l.Shape, l.Tail != nil)
			if err != nil {
				return nil, err
			}
			if sh.maxLen > id.MaxLen {
				return nil, fmt.Errorf("layout %q may be %d bytes long, MaxLen is %d", l.Shape, sh.maxLen, id.MaxLen)
			}
			l.shape = sh
		}
		out = append(out, l)
	}
	return out, nil
}

// buildDispatch fills dispatch and lists.
func (e *Engine) buildDispatch(layouts []*layout) {
	e.lists = []layoutList{{}}
	known := map[string]uint16{"": 0}
	for kind := 1; kind < kinds; kind++ {
		for n := 1; n <= maxRun; n++ {
			for b := byte('0'); b <= 'z'; b++ {
				if !isAlnum(b) {
					continue
				}
				var list layoutList
				key := ""
				for i, l := range layouts {
					if l.Whole || !l.shape.runs[kind][n] || !l.shape.first[b] {
						continue
					}
					list.layouts = append(list.layouts, l)
					key += fmt.Sprint(i, ",")
					list.filter |= groupBit(l.group)
					list.bare = list.bare || l.Keyword == KeywordUnneeded || l.Keyword == KeywordAbsent || l.id.Direction == Either
				}
				number, ok := known[key]
				if !ok {
					number = uint16(len(e.lists))
					known[key] = number
					sort.SliceStable(list.layouts, func(i, j int) bool { return list.layouts[i].order < list.layouts[j].order })
					e.lists = append(e.lists, list)
				}
				e.dispatch[kind][n][alnumIndex[b]] = number
			}
		}
	}
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

// tail runs the layout's tail on what follows its shape at t[end:], where the value began at start. It returns the value's end, -1 for no
// value, or -2 if more text is needed.
func (l *layout) tail(t []byte, start, end int, final bool) int {
	limit := start + l.id.MaxLen
	rest := t[end:]
	if limit+1 < len(t) {
		rest, final = t[end:limit+1], true
	}
	n := l.Tail(rest, final)
	switch {
	case n == check.More && !final:
		return -2
	case n < 0 || end+n > limit:
		return -1
	}
	return end + n
}
