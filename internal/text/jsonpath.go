package text

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxElement and maxPath are the lengths, in characters, that Macie shows of an element's name and of a whole path.
	maxElement = 240
	maxPath    = 250
)

// JSONPath writes the field's path as results show it: names that need no quoting (RFC 9535, member-name-shorthand) after a dot, others in
// brackets and quotes, array indexes counted from 0 ("$.access.key[2]", "$['my name']"). The indexes are those of a Location or of a segment;
// one that is missing becomes "[*]". A name of more than 240 characters loses its beginning, which "..." replaces; a path of more than 250
// loses elements from its front ("$..rest"). The rules and lengths are those of Macie's discovery results.
func (f *Field) JSONPath(indexes []int64) string {
	elements := make([]string, len(f.Steps))
	length := 1
	for i, s := range f.Steps {
		switch {
		case !s.Array:
			elements[i] = pathElement(s.Name, maxElement)
		case len(indexes) > 0:
			elements[i] = "[" + strconv.FormatInt(indexes[0], 10) + "]"
			indexes = indexes[1:]
		default:
			elements[i] = "[*]"
		}
		length += utf8.RuneCountInString(elements[i])
	}
	if length <= maxPath {
		return "$" + strings.Join(elements, "")
	}
	first, root := 0, "$"
	for ; length > maxPath && first < len(elements)-1; first++ {
		length -= utf8.RuneCountInString(elements[first])
		if root == "$" {
			root = "$.."
			length += len("..")
		}
	}
	for n := maxElement; length > maxPath && !f.Steps[first].Array; n -= 10 { // a single name, grown by its escapes
		length -= utf8.RuneCountInString(elements[first])
		elements[first] = pathElement(f.Steps[first].Name, n)
		length += utf8.RuneCountInString(elements[first])
	}
	if first > 0 {
		elements[first] = strings.TrimPrefix(elements[first], ".")
	}
	return root + strings.Join(elements[first:], "")
}

func pathElement(name string, most int) string {
	if n := utf8.RuneCountInString(name); n > most {
		const mark = "..."
		for n += len(mark); n > most; n-- {
			_, size := utf8.DecodeRuneInString(name)
			name = name[size:]
		}
		name = mark + name
	}
	if isShorthand(name) {
		return "." + name
	}
	var b strings.Builder
	b.WriteString("['")
	for _, r := range name {
		switch {
		case r == '\'' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ':
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteString("']")
	return b.String()
}

// isShorthand says that a name can follow a dot: letters, digits (not first), underscores, and all beyond ASCII.
func isShorthand(name string) bool {
	for i, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '_', r >= utf8.RuneSelf:
		case r >= '0' && r <= '9' && i > 0:
		default:
			return false
		}
	}
	return name != ""
}
