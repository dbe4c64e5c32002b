package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const root = "../.."

func TestGeneratedFilesAreFresh(t *testing.T) {
	if err := run(root, true); err != nil {
		t.Error(err)
	}
}

// TestGolden shows what each feature of the model format becomes, features included that the two models
// do not use today.
func TestGolden(t *testing.T) {
	m, err := load("testdata/tiny.json", "testdata/tiny.paginators.json")
	if err != nil {
		t.Fatal(err)
	}
	files, err := generate(m, target{model: "tiny", pkg: "tiny", title: "Tiny"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		golden := filepath.Join("testdata", "golden", name+".txt")
		if *update {
			if err := os.WriteFile(golden, files[name], 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(files[name])); diff != "" {
			t.Errorf("%s (rewrite with -update if meant):\n%s", name, diff)
		}
	}
}

// TestGoldenCompiles type-checks the golden package.
func TestGoldenCompiles(t *testing.T) {
	golden, err := filepath.Glob("testdata/golden/*.go.txt")
	if err != nil || len(golden) == 0 {
		t.Fatal(err, golden)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range golden {
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	check := types.Config{Importer: importer.ForCompiler(set, "source", nil)}
	if _, err := check.Check("tiny", set, files, nil); err != nil {
		t.Error(err)
	}
}

func TestOutputIsDeterministic(t *testing.T) {
	for _, s := range services {
		base := filepath.Join("models", s.model)
		var first map[string][]byte
		for range 2 {
			m, err := load(base+".json", base+".paginators.json")
			if err != nil {
				t.Fatal(err)
			}
			files, err := generate(m, s)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = files
			} else if !maps.EqualFunc(first, files, bytes.Equal) {
				t.Errorf("%s: two runs differ", s.model)
			}
		}
	}
}

// TestEveryShapeIsGenerated reads the model as plain JSON and the generated packages as Go, and looks for
// each structure with its members, each enum with its values, each operation in the interface.
func TestEveryShapeIsGenerated(t *testing.T) {
	for _, s := range services {
		var m struct {
			Operations map[string]struct{ Input, Output struct{ Shape string } }
			Shapes     map[string]struct {
				Type      string
				Members   map[string]struct{}
				Enum      []string
				Exception bool
			}
		}
		text, err := os.ReadFile(filepath.Join("models", s.model+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		decls, source := declarations(t, filepath.Join(root, "internal", "wire", s.pkg))
		rename := map[string]string{}
		for name, op := range m.Operations {
			rename[op.Input.Shape], rename[op.Output.Shape] = name+"Input", name+"Output"
			if !slices.Contains(decls["API"], name) {
				t.Errorf("%s: operation %s is missing from API", s.pkg, name)
			}
		}
		for name, shape := range m.Shapes {
			typ := name
			if r := rename[name]; r != "" {
				typ = r
			}
			fields, ok := decls[typ]
			switch {
			case shape.Exception:
				if !strings.Contains(source, `wire.Exception{Name: "`+name+`"`) {
					t.Errorf("%s: exception %s is missing", s.pkg, name)
				}
			case shape.Type == "structure":
				if !ok || len(fields) != len(shape.Members) {
					t.Errorf("%s: structure %s has members %v, the model %d", s.pkg, name, fields, len(shape.Members))
				}
				for member := range shape.Members {
					if !slices.Contains(fields, strings.ToUpper(member[:1])+member[1:]) {
						t.Errorf("%s: member %s.%s is missing", s.pkg, name, member)
					}
				}
			case shape.Enum != nil:
				for _, v := range shape.Enum {
					if !ok || !strings.Contains(source, typ+" = \""+v+"\"\n") {
						t.Errorf("%s: value %s of %s is missing", s.pkg, v, name)
					}
				}
			}
		}
	}
}

// declarations returns the types of a package with their fields or methods, and its source with runs of
// spaces made one.
func declarations(t *testing.T, dir string) (map[string][]string, string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "zz_*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	found := map[string][]string{}
	var source strings.Builder
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			source.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		for spec := range typeSpecs(parsed) {
			found[spec.Name.Name] = fieldNames(spec.Type)
		}
	}
	return found, source.String()
}

func typeSpecs(f *ast.File) func(func(*ast.TypeSpec) bool) {
	return func(yield func(*ast.TypeSpec) bool) {
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE && !yield(g.Specs[0].(*ast.TypeSpec)) {
				return
			}
		}
	}
}

func fieldNames(typ ast.Expr) []string {
	var list *ast.FieldList
	switch t := typ.(type) {
	case *ast.StructType:
		list = t.Fields
	case *ast.InterfaceType:
		list = t.Methods
	default:
		return nil
	}
	var names []string
	for _, f := range list.List {
		for _, n := range f.Names {
			names = append(names, n.Name)
		}
	}
	return names
}

// TestUnknownFeaturesAreRefused changes the tiny model in ways that the emitters cannot express.
func TestUnknownFeaturesAreRefused(t *testing.T) {
	text, err := os.ReadFile("testdata/tiny.json")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct{ old, new, want string }{
		{`"box": true`, `"streaming": true`, "streaming"},
		{`"type": "double"`, `"type": "blob"`, `type "blob" is not understood`},
		{`"timestampFormat": "iso8601"`, `"timestampFormat": "rfc822"`, "rfc822"},
		{`"pattern": "[a-z` + "`" + `]+"`, `"pattern": "(?=a)"`, "invalid or unsupported Perl syntax"},
		{`"location": "uri"`, `"location": "headers"`, `location "headers"`},
		{`"room": {"shape": "Text"}`, `"room": {"shape": "Color"}`, "union member room is an enum"},
		{`"protocol": "rest-json"`, `"protocol": "query"`, "only rest-json"},
		{`{"shape": "Weight"}`, `{"shape": "Gone"}`, "shape Gone does not exist"},
		{`"ids": {"shape": "Texts"`, `"ids": {"shape": "Things"`, "query parameter of type list"},
		{`"reason": {"shape": "Text"}`, `"surprise": {"shape": "Text"}`, "member surprise is not understood"},
		{`"ThrottlingException"`, `"TeapotException"`, "no kind for it"},
		{`"eq"]`, `"aws_s3_bucket"]`, "both become ColorAwsS3Bucket"},
	}
	for _, c := range cases {
		changed := strings.ReplaceAll(string(text), c.old, c.new)
		if changed == string(text) {
			t.Fatalf("%s is not in the tiny model", c.old)
		}
		file := filepath.Join(t.TempDir(), "m.json")
		if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := load(file, "testdata/tiny.paginators.json")
		if err == nil {
			_, err = generate(m, target{model: "m", pkg: "m", title: "M"})
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s instead of %s: error %v, want %s", c.new, c.old, err, c.want)
		}
	}
}

func TestWriteRemovesStaleFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"zz_old.go", "kept.go"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string][]byte{"zz_new.go": []byte("x")}
	if err := compare(dir, files); err == nil {
		t.Error("a stale file passes the check")
	}
	if err := write(dir, files); err != nil {
		t.Fatal(err)
	}
	if err := compare(dir, files); err != nil {
		t.Error(err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	if want := []string{filepath.Join(dir, "kept.go"), filepath.Join(dir, "zz_new.go")}; !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}
