package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	name := &StringRule{Length: Bounds{Min: 2, HasMin: true, Max: 4, HasMax: true}, Pattern: NewPattern(`[a-zé]*`)}
	secret := &StringRule{Length: Bounds{Max: 1, HasMax: true}, Sensitive: true}
	c := &Check{}
	c.Required("present", true)
	c.String("absent", nil, name)
	c.String("fits", Ptr("éééé"), name) // four characters, eight bytes
	c.Range("fits", Ptr[int64](25), Bounds{Min: 1, HasMin: true, Max: 25, HasMax: true})
	CheckEnum(c, "fits", color("RED"))
	CheckEnum(c, "absent", color(""))
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}

	c.Required("gone", false)
	c.String("s", Ptr("A"), name)
	c.String("s", Ptr("ab\n"), name)
	c.String("p", Ptr("hidden"), secret)
	c.Range("maxResults", Ptr[int64](26), Bounds{Max: 25, HasMax: true})
	c.In("job")
	c.Size("list", 0, Bounds{Min: 1, HasMin: true})
	CheckList(c, "colors", []color{"RED", "BLUE"}, func(c *Check, v *color) { CheckEnumElement(c, *v) })
	CheckMap(c, "map", map[string]string{"b": "x", "a": "toolong"}, func(c *Check, k string) { c.StringValue("", k, name) },
		func(c *Check, v *string) { c.StringValue("", *v, name) })
	c.OneOf("x, y", true, true)
	c.Out()
	want := []Field{
		{"gone", "Member must not be null"},
		{"s", "Member must have length greater than or equal to 2"},
		{"s", "Member must satisfy regular expression pattern: [a-zé]*"},
		{"s", "Member must satisfy regular expression pattern: [a-zé]*"},
		{"p", "Member must have length less than or equal to 1"},
		{"maxResults", "Member must have value less than or equal to 25"},
		{"job.list", "Member must have length greater than or equal to 1"},
		{"job.colors[1]", "Member must satisfy enum value set: [RED, GREEN]"},
		{"job.map.a", "Member must have length greater than or equal to 2"},
		{"job.map.a", "Member must have length less than or equal to 4"},
		{"job.map.b", "Member must have length greater than or equal to 2"},
		{"job.map.b", "Member must have length greater than or equal to 2"},
		{"job", "Member must have exactly one of [x, y] set, it has 2"},
	}
	err := c.Err()
	if diff := cmp.Diff(want, err.Fields); diff != "" {
		t.Error(diff)
	}
	if err.Kind != Validation || err.Reason != ReasonFieldValidation {
		t.Errorf("kind %v, reason %v", err.Kind, err.Reason)
	}
	const start = "13 validation errors detected: Value null at 'gone' failed to satisfy constraint: Member must not be null; " +
		"Value 'A' at 's' failed to satisfy constraint: Member must have length greater than or equal to 2; "
	if !strings.HasPrefix(err.Message, start) {
		t.Errorf("message %s", err.Message)
	}
	if !strings.Contains(err.Message, "; Value at 'p' failed") || strings.Contains(err.Message, "hidden") {
		t.Errorf("a sensitive value is repeated: %s", err.Message)
	}
}

func TestCheckIsBounded(t *testing.T) {
	c := &Check{}
	CheckList(c, "list", make([]color, 50_000), func(c *Check, v *color) { CheckEnumElement(c, color(strings.Repeat("x", 1000))) })
	err := c.Err()
	if len(err.Message) > 50_000 || !strings.HasPrefix(err.Message, "50000 validation errors detected: ") || !strings.HasSuffix(err.Message, "; and 49900 more") {
		t.Errorf("%d bytes: %.60s ... %s", len(err.Message), err.Message, err.Message[len(err.Message)-30:])
	}
}
