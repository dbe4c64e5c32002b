package store

import (
	"fmt"
	"strconv"
	"strings"
)

// statement builds the text of a statement with its arguments.
type statement struct {
	b    strings.Builder
	args []any
}

func newStatement(parts ...string) *statement {
	s := &statement{}
	return s.add(parts...)
}

func (s *statement) add(parts ...string) *statement {
	for _, p := range parts {
		s.b.WriteString(p)
	}
	return s
}

// arg adds a parameter.
func (s *statement) arg(v any) *statement {
	s.args = append(s.args, v)
	s.b.WriteByte('$')
	s.b.WriteString(strconv.Itoa(len(s.args)))
	return s
}

// number adds a number to the text itself: for lists too long for parameters, and for constants.
func (s *statement) number(n int64) *statement {
	s.b.WriteString(strconv.FormatInt(n, 10))
	return s
}

// value adds a number to the text and anything else as a parameter.
func (s *statement) value(v any) *statement {
	if n, ok := v.(int64); ok {
		return s.number(n)
	}
	return s.arg(v)
}

// comma separates the elements of a list: nothing before the first.
func (s *statement) comma(i int) *statement {
	if i > 0 {
		s.b.WriteString(", ")
	}
	return s
}

// or separates alternatives: nothing before the first.
func (s *statement) or(i int) *statement {
	if i > 0 {
		s.add(" OR ")
	}
	return s
}

// in adds "column IN (...)" with parameters; an empty list is never true.
func (s *statement) in(column string, values [][]byte) *statement {
	if len(values) == 0 {
		return s.add("1 = 0")
	}
	s.add(column, " IN (")
	for i, v := range values {
		s.comma(i).arg(v)
	}
	return s.add(")")
}

// inNumbers is in for numbers, which stand in the text itself.
func (s *statement) inNumbers(column string, numbers []int64) *statement {
	if len(numbers) == 0 {
		return s.add("1 = 0")
	}
	s.add(column, " IN (")
	for i, n := range numbers {
		s.comma(i).number(n)
	}
	return s.add(")")
}

// order adds ORDER BY two columns in one direction.
func (s *statement) order(first, second string, descending bool) *statement {
	direction := " ASC"
	if descending {
		direction = " DESC"
	}
	return s.add(" ORDER BY ", first, direction, ", ", second, direction)
}

func (s *statement) limit(n int) *statement {
	return s.add(fmt.Sprintf(" LIMIT %d", n))
}

func (s *statement) text() string { return s.b.String() }

// embed adds another statement's text, its parameters numbered anew.
func (s *statement) embed(other *statement) *statement {
	text := other.text()
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 {
			return s.add(text)
		}
		j := i + 1
		for j < len(text) && text[j] >= '0' && text[j] <= '9' {
			j++
		}
		n, err := strconv.Atoi(text[i+1 : j])
		if err != nil {
			panic("store: '$' in the text of a statement: " + text) // texts are ours; values are parameters
		}
		s.add(text[:i]).arg(other.args[n-1])
		text = text[j:]
	}
}
