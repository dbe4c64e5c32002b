package json

import (
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/text"
)

const (
	// maxName is how many bytes of an element's name are kept, from its end, as results show it.
	maxName = 1 << 10
	// maxPaths is how much memory the distinct paths of a document may take: some ten thousand paths. The values of further ones are
	// placed at the element above.
	maxPaths = 4 << 20
	// fewChildren are compared one by one before a map is made.
	fewChildren = 8
)

// A node is a distinct path: made once, found again for every value that stands there.
type node struct {
	parent   *node
	name     string
	array    bool // an element of the array at parent
	depth    int
	field    *text.Field
	children []*node
	byName   map[string]*node
	element  *node
	// The member that followed this one last time, and the one that came first in this object: records repeat their order.
	next, first *node
	document    uint32 // in which it was seen last
	plain       bool   // the name is written as it is: nothing in it would be escaped
}

// paths is the tree of all nodes. It serves one document after the other: those that a worker reads often have the same paths, which are then
// made once. What a document before had and this one has not is as if it were not there.
type paths struct {
	root     node
	document uint32
	used     int
	full     bool // there was no room for a path
	kept     int  // what all nodes were charged for
}

// maxKept is up to which charge the nodes are kept for another document.
const maxKept = 256 << 10

// reset begins another document. It reports false if the tree is not worth keeping.
func (t *paths) reset() bool {
	t.document++
	t.used, t.full = 0, false
	return t.kept <= maxKept && t.document != 0
}

// member finds the node of a member, after the sibling that stands before it (nil for none). It returns nil when there is no room for a
// new one; fresh says that the path had not been seen before.
func (t *paths) member(parent, before *node, name []byte) (n *node, fresh bool) {
	guess := &parent.first
	if before != nil {
		guess = &before.next
	}
	if g := *guess; g != nil && g.document == t.document && g.name == string(name) {
		return g, false
	}
	n = parent.child(name)
	switch {
	case n != nil && n.document == t.document:
	case n != nil:
		if !t.charge(n) {
			return nil, true
		}
		fresh = true
	default:
		if n = t.add(parent, string(name), false); n == nil {
			return nil, true
		}
		fresh = true
		parent.children = append(parent.children, n)
		if parent.byName != nil {
			parent.byName[n.name] = n
		} else if len(parent.children) > fewChildren {
			parent.byName = make(map[string]*node, 2*fewChildren)
			for _, c := range parent.children {
				parent.byName[c.name] = c
			}
		}
	}
	*guess = n
	return n, fresh
}

func (n *node) child(name []byte) *node {
	if n.byName != nil {
		return n.byName[string(name)]
	}
	for _, c := range n.children {
		if c.name == string(name) {
			return c
		}
	}
	return nil
}

// elementOf finds the node of an array's elements, nil when there is no room.
func (t *paths) elementOf(parent *node) *node {
	switch n := parent.element; {
	case n == nil:
		parent.element = t.add(parent, "", true)
	case n.document != t.document && !t.charge(n):
		return nil
	}
	return parent.element
}

// add makes a node and charges for it and for its field.
func (t *paths) add(parent *node, name string, array bool) *node {
	n := &node{parent: parent, name: name, array: array, depth: parent.depth + 1, plain: special([]byte(name), 0) == len(name)}
	if !t.charge(n) {
		return nil
	}
	t.kept += n.cost()
	return n
}

func (n *node) cost() int { return 320 + len(n.name) + 48*n.depth }

// charge counts a path that the document has not had before, if there is room for it.
func (t *paths) charge(n *node) bool {
	cost := n.cost()
	if t.used+cost > maxPaths {
		t.full = true
		return false
	}
	t.used += cost
	n.document = t.document
	return true
}

func (n *node) makeField() *text.Field {
	made := new(struct {
		field text.Field
		steps [4]text.Step
		names [4]string
	})
	f := &made.field
	if f.Steps = made.steps[:min(n.depth, 4):4]; n.depth > 4 {
		f.Steps = make([]text.Step, n.depth)
	}
	names := 0
	for at, i := n, n.depth-1; i >= 0; at, i = at.parent, i-1 {
		f.Steps[i] = text.Step{Name: at.name, Array: at.array}
		if at.array {
			f.Arrays++
		} else {
			names++
		}
	}
	if f.Names = made.names[:0]; names > 4 {
		f.Names = make([]string, 0, names)
	}
	for _, s := range f.Steps {
		if !s.Array {
			f.Names = append(f.Names, s.Name)
		}
	}
	n.field = f
	return f
}

// lastPart cuts a name from its beginning to what is kept of it.
func lastPart(name []byte) []byte {
	cut := max(0, len(name)-maxName)
	for cut < len(name) && cut > 0 && !utf8.RuneStart(name[cut]) {
		cut++
	}
	return name[cut:]
}
