package text

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func field(steps ...Step) *Field {
	f := &Field{Steps: steps}
	for _, s := range steps {
		if s.Array {
			f.Arrays++
		} else {
			f.Names = append(f.Names, s.Name)
		}
	}
	return f
}

func name(s string) Step { return Step{Name: s} }

func TestJSONPath(t *testing.T) {
	element := Step{Array: true}
	long := strings.Repeat("x", 300)
	for _, c := range []struct {
		field   *Field
		indexes []int64
		want    string
	}{
		{field(), nil, "$"},
		{field(name("access"), name("key"), element), []int64{2}, "$.access.key[2]"},
		{field(name("my name")), nil, "$['my name']"},
		{field(element, element, name("a")), []int64{0, 7}, "$[0][7].a"},
		{field(element), nil, "$[*]"},
		{field(name("")), nil, "$['']"},
		{field(name("1st")), nil, "$['1st']"},
		{field(name("_id2")), nil, "$._id2"},
		{field(name("größe")), nil, "$.größe"},
		{field(name(`it's\` + "\n")), nil, `$['it\'s\\\u000a']`},
		{field(name("x-request-id"), name("v")), nil, "$['x-request-id'].v"},
		{field(name(strings.Repeat("y", 240))), nil, "$." + strings.Repeat("y", 240)},
		{field(name(long)), nil, "$['..." + long[:237] + "']"},
		{field(name(long), name("b")), nil, "$['..." + long[:237] + "'].b"},
		{field(name(long), name("abcdef")), nil, "$..abcdef"},
		{field(name("a"), name(long[:200]), name(long[:40]), element), []int64{12}, "$.a." + long[:200] + "." + long[:40] + "[12]"},
		{field(name("ab"), name(long[:200]), name(long[:40]), element), []int64{123}, "$.." + long[:200] + "." + long[:40] + "[123]"},
		{field(name("ab"), name("my name"), name(long[:240])), nil, "$.." + long[:240]},
		{field(name("ab"), name("my name"), name(long[:235])), nil, "$..['my name']." + long[:235]},
		{field(name(strings.Repeat("\x01", 240))), nil, "$['..." + strings.Repeat("\\u0001", 37) + "']"},
	} {
		got := c.field.JSONPath(c.indexes)
		if got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
		if n := utf8.RuneCountInString(got); n > maxPath {
			t.Errorf("%s: %d characters", got, n)
		}
	}
}
