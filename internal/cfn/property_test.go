package cfn

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

// drawLiteral draws a value that has no function in it.
func drawLiteral(t *rapid.T, depth int) any {
	// No line feed: the YAML library's encoder writes a text that begins with one
	// in a form that it cannot read back.
	texts := rapid.StringOfN(rapid.SampledFrom([]rune("aB0 :-#'\"{}[]!&*%@\\é漢\t~$.,")), 0, 10, -1)
	switch kind := rapid.IntRange(0, 7).Draw(t, "kind"); {
	case kind == 0:
		return nil
	case kind == 1:
		return rapid.Bool().Draw(t, "bool")
	case kind == 2:
		return rapid.IntRange(-1000, 1000).Draw(t, "number")
	case kind == 3 && depth > 0:
		list := make([]any, rapid.IntRange(0, 4).Draw(t, "length"))
		for i := range list {
			list[i] = drawLiteral(t, depth-1)
		}
		return list
	case kind == 4 && depth > 0:
		m := map[string]any{}
		for range rapid.IntRange(0, 12).Draw(t, "size") {
			m["k"+texts.Draw(t, "key")] = drawLiteral(t, depth-1)
		}
		return m
	}
	return texts.Draw(t, "text")
}

// TestLiteralsOfBothSyntaxes writes the same values with the standard library's
// JSON and the YAML library's own encoder: both must come out as they went in.
func TestLiteralsOfBothSyntaxes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		document := map[string]any{"Resources": map[string]any{"A": map[string]any{
			"Type": "AWS::S3::Bucket", "Properties": map[string]any{"X": drawLiteral(t, 4)},
		}}}
		asJSON, err := json.MarshalIndent(document, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		asYAML, err := yaml.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(document["Resources"].(map[string]any)["A"].(map[string]any)["Properties"].(map[string]any)["X"])
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range [][]byte{asJSON, asYAML} {
			template, err := Parse(text)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			stack, err := template.Evaluate(testEnv)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := stack.Resources[0].Properties.Get("X")
			if !ok {
				t.Fatalf("X is gone:\n%s", text)
			}
			var a, b any
			if err := json.Unmarshal([]byte(render(got)), &a); err != nil {
				t.Fatalf("%v: %s", err, render(got))
			}
			if err := json.Unmarshal(want, &b); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprintf("%#v", a) != fmt.Sprintf("%#v", b) {
				t.Fatalf("got %s, want %s\n%s", render(got), want, text)
			}
		}
	})
}

// drawExpression draws an expression in the long form and returns the text that it
// must evaluate to.
func drawExpression(t *rapid.T, depth int) (long any, want string) {
	text := rapid.StringMatching(`[a-z]{0,4}`).Draw(t, "text")
	if depth == 0 {
		return text, text
	}
	a, wantA := drawExpression(t, depth-1)
	b, wantB := drawExpression(t, depth-1)
	switch rapid.IntRange(0, 6).Draw(t, "function") {
	case 0:
		return map[string]any{"Ref": "Name"}, "blue"
	case 1:
		return map[string]any{"Fn::Join": []any{text, []any{a, b, map[string]any{"Ref": "AWS::NoValue"}}}}, wantA + text + wantB
	case 2:
		return map[string]any{"Fn::Sub": []any{"${a}${!a}${b}${Name}", map[string]any{"a": a, "b": b}}}, wantA + "${a}" + wantB + "blue"
	case 3:
		return map[string]any{"Fn::Select": []any{"1", []any{a, b}}}, wantB
	case 4:
		return map[string]any{"Fn::If": []any{"Yes", a, b}}, wantA
	case 5:
		return map[string]any{"Fn::If": []any{"No", a, b}}, wantB
	default:
		return map[string]any{"Fn::Select": []any{0, map[string]any{"Fn::Split": []any{"|", map[string]any{"Fn::Join": []any{"|", []any{a, b}}}}}}}, wantA
	}
}

// shortYAML writes an expression with short-form tags in flow style.
func shortYAML(v any) string {
	switch v := v.(type) {
	case map[string]any:
		var entries []string
		for name, arg := range v {
			if isFunctionName(name) {
				return "!" + strings.TrimPrefix(name, "Fn::") + " " + shortYAML(arg)
			}
			entries = append(entries, name+": "+shortYAML(arg))
		}
		return "{" + strings.Join(entries, ", ") + "}"
	case []any:
		items := make([]string, len(v))
		for i := range v {
			items[i] = shortYAML(v[i])
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return fmt.Sprintf("%q", fmt.Sprint(v))
}

// TestNestedFunctions evaluates random nestings of functions in the long JSON
// form and the short YAML form; both must give what was planned.
func TestNestedFunctions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		long, want := drawExpression(t, rapid.IntRange(0, 4).Draw(t, "depth"))
		asJSON, err := json.Marshal(long)
		if err != nil {
			t.Fatal(err)
		}
		const head = `{"Parameters": {"Name": {"Type": "String", "Default": "blue"}},
"Conditions": {"Yes": {"Fn::Equals": [{"Ref": "Name"}, "blue"]}, "No": {"Fn::Not": [{"Condition": "Yes"}]}},
"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"X": `
		for _, text := range []string{head + string(asJSON) + "}}}}", head + shortYAML(long) + "}}}}"} {
			template, err := Parse([]byte(text))
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			stack, err := template.Evaluate(testEnv)
			if err != nil {
				t.Fatal(err)
			}
			quoted, _ := json.Marshal(want)
			if got := stack.at("B/X"); got != string(quoted) {
				t.Fatalf("got %s, want %s\n%s", got, quoted, text)
			}
		}
	})
}

// FuzzParse feeds arbitrary templates: no panic, no value without a position,
// the same result twice, and JSON that is JSON.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"storage.yaml", "pipeline.json", "serverless.yaml"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("Resources: {A: {Type: T, Properties: !If [C, !Sub [a, {b: *x}], &x !Ref A]}}"))
	f.Add([]byte(`{"Resources": {"A": {"Type": "AWS::S3::Bucket", "Properties": {"Fn::If": ["a", {"Ref": "A"}, 1e400]}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		template, err := Parse(data)
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Fatalf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		dump := func() string {
			stack, err := template.Evaluate(testEnv)
			if err != nil {
				t.Fatalf("Evaluate without parameters: %v", err)
			}
			var b strings.Builder
			for _, u := range stack.Unknowns {
				fmt.Fprintln(&b, u)
			}
			for _, r := range stack.Resources {
				if r.Position.Line < 1 || r.Type == "" {
					t.Fatalf("resource %q of type %q at %v", r.LogicalID, r.Type, r.Position)
				}
				fmt.Fprintln(&b, r.LogicalID, r.Type, r.Position, r.DependsOn, render(r.Properties), render(r.Ref), render(r.ARN))
				for _, v := range []Value{r.Properties, r.Ref, r.ARN} {
					checkValue(t, v)
				}
			}
			return b.String()
		}
		if first, second := dump(), dump(); first != second {
			t.Fatalf("two evaluations differ:\n%s\n%s", first, second)
		}
	})
}

func checkValue(t *testing.T, v Value) {
	if v.kind == removed {
		t.Fatal("AWS::NoValue has left the evaluator")
	}
	if v.Position().Line < 1 {
		t.Fatalf("a value of kind %s has no position", v.Kind())
	}
	for _, u := range v.Unknowns() {
		if u.Reason == "" || u.Position.Line < 1 {
			t.Fatalf("an unknown without reason or position: %+v", u)
		}
	}
	if text, err := v.JSON(); err == nil && !json.Valid(text) {
		t.Fatalf("not JSON: %s", text)
	}
	for _, item := range v.Items() {
		checkValue(t, item)
	}
	for _, f := range v.Fields() {
		checkValue(t, f.Value)
	}
}

// BenchmarkEvaluate parses and evaluates the storage template.
func BenchmarkEvaluate(b *testing.B) {
	for _, name := range []string{"storage.yaml", "pipeline.json"} {
		b.Run(name, func(b *testing.B) {
			data, err := os.ReadFile("testdata/" + name)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				template, err := Parse(data)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := template.Evaluate(testEnv); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
