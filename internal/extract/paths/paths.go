// Package paths keeps the names that stand above the values of a document, each path once.
package paths

import (
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/text"
)

const (
	// maxName is how many bytes of a name are kept, from its end.
	maxName = 1 << 10
	// maxPaths is how much memory the distinct paths of a document may take; the values of further ones have the names of the path above.
	maxPaths = 4 << 20
	// fewChildren are compared one by one before a map is made.
	fewChildren = 8
)

// A Node is a distinct path of names, made once.
type Node struct {
	parent   *Node
	name     string
	depth    int
	field    *text.Field
	children []*Node
	byName   map[string]*Node
	document uint32 // in which it was seen last
}

// A Tree holds the paths of a document. The zero value has the root alone. It serves one document after the other: those that a worker reads
// often have the same paths, which are then made once; what a document before had is as if it were not there.
type Tree struct {
	Root     Node
	document uint32
	used     int
	kept     int // what all nodes were charged for
}

// maxKept is up to which charge the nodes are kept for another document.
const maxKept = 256 << 10

// Reset begins another document. It reports false if the tree is not worth keeping: then it must not be used any more, nor the Labels of its nodes.
func (t *Tree) Reset() bool {
	t.document++
	t.used = 0
	return t.kept <= maxKept && t.document != 0
}

// Child returns the node of a name below parent, or parent when there is no room for a new one.
func (t *Tree) Child(parent *Node, name []byte) *Node {
	name = LastPart(name)
	if parent.byName != nil {
		if n := parent.byName[string(name)]; n != nil {
			return t.again(n)
		}
	}
	for _, c := range parent.children[:min(len(parent.children), fewChildren)] {
		if c.name == string(name) {
			return t.again(c)
		}
	}
	cost := 320 + len(name) + 16*(parent.depth+1)
	if t.used+cost > maxPaths {
		return parent
	}
	t.used += cost
	t.kept += cost
	n := &Node{parent: parent, name: string(name), depth: parent.depth + 1, document: t.document}
	parent.children = append(parent.children, n)
	if parent.byName != nil {
		parent.byName[n.name] = n
	} else if len(parent.children) > fewChildren {
		parent.byName = make(map[string]*Node, 2*fewChildren)
		for _, c := range parent.children {
			parent.byName[c.name] = c
		}
	}
	return n
}

// again returns a node that is there, or its parent if this document has not had it and has no room for it.
func (t *Tree) again(n *Node) *Node {
	if n.document == t.document {
		return n
	}
	cost := 320 + len(n.name) + 16*n.depth
	if t.used+cost > maxPaths {
		return n.parent
	}
	t.used += cost
	n.document = t.document
	return n
}

// Field returns the field of the path: its names from outside in.
func (n *Node) Field() *text.Field {
	if n.field == nil {
		n.field = newField(n.depth)
		for at, i := n, n.depth-1; i >= 0; at, i = at.parent, i-1 {
			n.field.Names[i] = at.name
		}
	}
	return n.field
}

// Name is the innermost name, "" of the root.
func (n *Node) Name() string { return n.name }

// IsRoot reports whether the path has no names.
func (n *Node) IsRoot() bool { return n.depth == 0 }

// maxLabelled is how many fields with a label are kept.
const maxLabelled = 1024

// newField makes a field with so many names.
func newField(names int) *text.Field {
	if names > 4 {
		return &text.Field{Names: make([]string, names)}
	}
	f := new(struct {
		text.Field
		names [4]string
	})
	f.Names = f.names[:names:names]
	return &f.Field
}

// Labels makes the fields of values that have text beside them which may say what they are. The zero value is ready.
type Labels struct {
	fields map[labelled]*text.Field
}

type labelled struct {
	node  *Node
	label string
}

// Field returns the field with the label as the outermost name, before those of the path.
func (l *Labels) Field(n *Node, label []byte) *text.Field {
	if f := l.fields[labelled{n, string(label)}]; f != nil {
		return f
	}
	if l.fields == nil {
		l.fields = map[labelled]*text.Field{}
	}
	if len(l.fields) == maxLabelled {
		clear(l.fields)
	}
	s := string(label)
	above := n.Field().Names
	f := newField(1 + len(above))
	f.Names[0] = s
	copy(f.Names[1:], above)
	l.fields[labelled{n, s}] = f
	return f
}

// LastPart cuts a name from its beginning to what is kept of it.
func LastPart(name []byte) []byte { return Tail(name, maxName) }

// Tail returns the end of t, at most n bytes of whole characters.
func Tail(t []byte, n int) []byte {
	cut := max(0, len(t)-n)
	for cut < len(t) && cut > 0 && !utf8.RuneStart(t[cut]) {
		cut++
	}
	return t[cut:]
}

// Wordy reports whether there is a letter in t, so that it can say what something is.
func Wordy(t []byte) bool {
	for _, c := range t {
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf {
			return true
		}
	}
	return false
}
