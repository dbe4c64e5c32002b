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
}

// paths is the tree of all nodes.
type paths struct {
	root node
	used int
	full bool // there was no room for a path
}

// member finds the node of a member, after the sibling that stands before it (nil for none). It returns nil when there is no room for a
// new one; fresh says that the path had not been seen before.
func (t *paths) member(parent, before *node, name []byte) (n *node, fresh bool) {
	guess := &parent.first
	if before != nil {
		guess = &before.next
	}
	if g := *guess; g != nil && g.name == string(name) {
		return g, false
	}
	n = parent.child(name)
	if n == nil {
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
	if parent.element == nil {
		parent.element = t.add(parent, "", true)
	}
	return parent.element
}

// add makes a node and charges for it and for its field.
func (t *paths) add(parent *node, name string, array bool) *node {
	cost := 320 + len(name) + 48*(parent.depth+1)
	if t.used+cost > maxPaths {
		t.full = true
		return nil
	}
	t.used += cost
	return &node{parent: parent, name: name, array: array, depth: parent.depth + 1}
}

func (n *node) makeField() *text.Field {
	f := &text.Field{Steps: make([]text.Step, n.depth)}
	names := 0
	for at, i := n, n.depth-1; i >= 0; at, i = at.parent, i-1 {
		f.Steps[i] = text.Step{Name: at.name, Array: at.array}
		if at.array {
			f.Arrays++
		} else {
			names++
		}
	}
	f.Names = make([]string, 0, names)
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
