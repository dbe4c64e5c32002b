package cfn

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// jsonReader builds nodes from JSON, with positions.
type jsonReader struct {
	data    []byte
	decoder *json.Decoder
	// cursor is the place up to which lines and columns have been counted.
	cursor int
	pos    Position
}

// parseJSON parses one JSON document.
func parseJSON(data []byte) (*node, *Error) {
	r := &jsonReader{data: data, pos: Position{Line: 1, Column: 1}}
	var document json.RawMessage
	if err := json.Unmarshal(data, &document); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, errorAt(r.positionOf(max(int(syntax.Offset)-1, 0)), "not valid JSON: %s", syntax.Error())
		}
		return nil, errorAt(r.pos, "not valid JSON: %s", err)
	}
	r.decoder = json.NewDecoder(bytes.NewReader(data))
	r.decoder.UseNumber()
	return r.value(0)
}

// positionOf counts on from the last position; offsets must not go back.
func (r *jsonReader) positionOf(offset int) Position {
	for r.cursor < offset && r.cursor < len(r.data) {
		if r.data[r.cursor] == '\n' {
			r.pos.Line++
			r.pos.Column = 1
			r.cursor++
			continue
		}
		_, width := utf8.DecodeRune(r.data[r.cursor:])
		r.cursor += width
		r.pos.Column++
	}
	return r.pos
}

// token reads the next token and says where it starts: the document is known to
// be valid, so only white space, commas and colons can lie before it.
func (r *jsonReader) token() (json.Token, Position, *Error) {
	start := int(r.decoder.InputOffset())
	for start < len(r.data) && bytes.IndexByte([]byte(" \t\r\n,:"), r.data[start]) >= 0 {
		start++
	}
	pos := r.positionOf(start)
	token, err := r.decoder.Token()
	if err != nil {
		return nil, pos, errorAt(pos, "not valid JSON: %s", err)
	}
	return token, pos, nil
}

func (r *jsonReader) value(depth int) (*node, *Error) {
	token, pos, err := r.token()
	if err != nil {
		return nil, err
	}
	return r.valueOf(token, pos, depth)
}

func (r *jsonReader) valueOf(token json.Token, pos Position, depth int) (*node, *Error) {
	if depth > MaxDepth {
		return nil, errorAt(pos, "nested deeper than %d levels", MaxDepth)
	}
	switch token := token.(type) {
	case nil:
		return &node{kind: nodeNull, pos: pos}, nil
	case bool:
		text := "false"
		if token {
			text = "true"
		}
		return &node{kind: nodeBool, pos: pos, text: text}, nil
	case json.Number:
		return &node{kind: nodeNumber, pos: pos, text: token.String()}, nil
	case string:
		return &node{kind: nodeString, pos: pos, text: token}, nil
	case json.Delim:
		if token == '[' {
			return r.list(pos, depth)
		}
		return r.object(pos, depth)
	}
	return nil, errorAt(pos, "not valid JSON: unexpected %v", token)
}

func (r *jsonReader) list(pos Position, depth int) (*node, *Error) {
	n := &node{kind: nodeList, pos: pos}
	for {
		token, at, err := r.token()
		if err != nil {
			return nil, err
		}
		if token == json.Delim(']') {
			return n, nil
		}
		item, err := r.valueOf(token, at, depth+1)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
}

func (r *jsonReader) object(pos Position, depth int) (*node, *Error) {
	var fields []nodeField
	for {
		token, at, err := r.token()
		if err != nil {
			return nil, err
		}
		name, ok := token.(string)
		if !ok { // the closing brace
			return newMap(pos, fields)
		}
		value, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		fields = append(fields, nodeField{name: name, pos: at, value: value})
	}
}
