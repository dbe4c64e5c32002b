package cfn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlReader builds nodes from a YAML document and expands its aliases within a
// budget.
type yamlReader struct {
	open    map[*yaml.Node]bool // the anchors being expanded, to find loops
	aliased int                 // nodes made inside aliases
}

// parseYAML parses one YAML document.
func parseYAML(data []byte) (*node, *Error) {
	document, err := decodeYAML(data)
	if err != nil {
		return nil, yamlError(err)
	}
	r := &yamlReader{open: map[*yaml.Node]bool{}}
	return r.node(document, 0, false)
}

var errManyDocuments = errors.New("a template is one YAML document, and here a second one begins")

// decodeYAML returns the root node. The library is kept from panicking on
// foreign bytes.
func decodeYAML(data []byte) (root *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, fmt.Errorf("yaml: %v", p)
		}
	}()
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, next yaml.Node
	if err := decoder.Decode(&document); err != nil {
		return nil, err
	}
	if err := decoder.Decode(&next); err == nil {
		return nil, errManyDocuments
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(document.Content) == 0 {
		return nil, io.EOF
	}
	return document.Content[0], nil
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// yamlError takes the line out of the library's message, which names no column.
func yamlError(err error) *Error {
	if errors.Is(err, io.EOF) {
		return &Error{Message: "the template is empty"}
	}
	text := err.Error()
	var pos Position
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		pos.Line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	return errorAt(pos, "not valid YAML: %s", strings.TrimPrefix(text, "yaml: "))
}

func (r *yamlReader) node(y *yaml.Node, depth int, inAlias bool) (*node, *Error) {
	pos := Position{Line: y.Line, Column: y.Column}
	if depth > MaxDepth {
		return nil, errorAt(pos, "nested deeper than %d levels", MaxDepth)
	}
	if inAlias {
		if r.aliased++; r.aliased > MaxAliased {
			return nil, errorAt(pos, "the aliases stand for more than %d nodes", MaxAliased)
		}
	}
	if y.Kind == yaml.AliasNode {
		if r.open[y.Alias] {
			return nil, errorAt(pos, "the alias *%s stands inside its own anchor", clip(y.Value))
		}
		return r.node(y.Alias, depth+1, true)
	}
	if y.Anchor != "" {
		r.open[y] = true
		defer delete(r.open, y)
	}
	name, isFunction := shortForm(y)
	if !isFunction {
		return r.plain(y, pos, depth, inAlias)
	}
	arg, err := r.plain(y, pos, depth, inAlias)
	if err != nil {
		return nil, err
	}
	return &node{kind: nodeFunction, pos: pos, text: name, arg: arg}, nil
}

// shortForm returns the function that a local tag (!Sub) stands for.
func shortForm(y *yaml.Node) (name string, ok bool) {
	tag, ok := strings.CutPrefix(y.Tag, "!")
	if !ok || tag == "" || tag[0] == '!' {
		return "", false
	}
	if tag == "Ref" || tag == "Condition" {
		return tag, true
	}
	return "Fn::" + tag, true
}

// plain builds a node and leaves a local tag on it aside.
func (r *yamlReader) plain(y *yaml.Node, pos Position, depth int, inAlias bool) (*node, *Error) {
	switch y.Kind {
	case yaml.ScalarNode:
		return scalar(y, pos)
	case yaml.SequenceNode:
		n := &node{kind: nodeList, pos: pos}
		for _, item := range y.Content {
			child, err := r.node(item, depth+1, inAlias)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, child)
		}
		return n, nil
	case yaml.MappingNode:
		fields := make([]nodeField, 0, len(y.Content)/2)
		for i := 0; i+1 < len(y.Content); i += 2 {
			key := y.Content[i]
			keyPos := Position{Line: key.Line, Column: key.Column}
			if key.Kind != yaml.ScalarNode {
				return nil, errorAt(keyPos, "a key must be a plain text")
			}
			if key.Tag == "!!merge" {
				return nil, errorAt(keyPos, "CloudFormation has no merge keys (<<)")
			}
			value, err := r.node(y.Content[i+1], depth+1, inAlias)
			if err != nil {
				return nil, err
			}
			fields = append(fields, nodeField{name: key.Value, pos: keyPos, value: value})
		}
		return newMap(pos, fields)
	}
	return nil, errorAt(pos, "not valid YAML: a node of an unexpected kind")
}

// scalar keeps the text as written: a date is text (Version: 2012-10-17), and
// of a number nothing is lost.
func scalar(y *yaml.Node, pos Position) (*node, *Error) {
	n := &node{kind: nodeString, pos: pos, text: y.Value}
	if y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 && !strings.HasPrefix(y.Tag, "!!") {
		return n, nil
	}
	switch tag := y.ShortTag(); tag {
	case "!!null":
		n.kind, n.text = nodeNull, ""
	case "!!bool":
		n.kind, n.text = nodeBool, "false"
		switch strings.ToLower(y.Value) {
		case "true", "yes", "on", "y": // all but "true" only under an explicit !!bool
			n.text = "true"
		}
	case "!!int", "!!float":
		n.kind = nodeNumber
	case "!!binary":
		return nil, errorAt(pos, "CloudFormation does not support the YAML tag %s", tag)
	}
	return n, nil
}
