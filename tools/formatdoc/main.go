// Command formatdoc writes docs/formats.md from the formats themselves, the limits and the reasons of package extract.
//
//	go run ./tools/formatdoc          writes the page
//	go run ./tools/formatdoc -check   fails if the page is not what the code says
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
	"github.com/magpie-sec/magpie/internal/text"
)

func main() {
	check := flag.Bool("check", false, "compare instead of writing")
	root := flag.String("root", ".", "root of the module")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "formatdoc:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	page, err := write(formats.All(), filepath.Join(root, "internal", "extract"))
	if err != nil {
		return err
	}
	file := filepath.Join(root, "docs", "formats.md")
	if !check {
		return os.WriteFile(file, page, 0o644)
	}
	have, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, page) {
		return fmt.Errorf("%s is not what the code says: run make generate", file)
	}
	return nil
}

const head = `# Formats

<!-- Written by tools/formatdoc from the code: change it there, then make generate. -->

What Magpie reads, how it knows it, and what it leaves. The content decides what a document is; the extension only tips the scale between texts
that could be several things. ` + "`magpie extract FILE`" + ` shows what is read of a file, with ` + "`--format jsonl`" + ` each value with its place.

`

// write makes the page. source is the folder of package extract, whose comments say what limits and reasons mean.
func write(all []extract.Format, source string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(head)
	b.WriteString("| format | extensions | type in results | size, GiB | places |\n| --- | --- | --- | --- | --- |\n")
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b extract.Format) int {
		return strings.Compare(strings.ToLower(a.About.Title), strings.ToLower(b.About.Title))
	})
	for _, f := range sorted {
		if missing := f.About.Missing(); missing != "" {
			return nil, fmt.Errorf("%s: About.%s is missing", f.Name, missing)
		}
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s | %s |\n", f.About.Title, anchor(f.About.Title), strings.Join(extensions(f), " "), f.MIME,
			strconv.FormatFloat(float64(f.MaxBytes)/extract.GB, 'g', 3, 64), places(f))
	}
	for _, f := range sorted {
		a := f.About
		fmt.Fprintf(&b, "\n## %s\n\n- Read: %s\n- Not read: %s\n- Recognised by: %s\n- Places: %s\n", a.Title, a.Reads, a.Leaves, a.Sniffed, a.Places)
		if len(a.Reasons) > 0 {
			var names []string
			for _, r := range a.Reasons {
				names = append(names, "`"+string(r)+"`")
			}
			fmt.Fprintf(&b, "- Reasons of its own: %s\n", strings.Join(names, ", "))
		}
	}
	if err := limits(&b, filepath.Join(source, "limits.go")); err != nil {
		return nil, err
	}
	if err := reasons(&b, filepath.Join(source, "document.go")); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func extensions(f extract.Format) []string {
	all := slices.Clone(f.Extensions)
	slices.Sort(all)
	return all
}

// places is the kind of the format's places in a word.
func places(f extract.Format) string {
	if f.Archive {
		return "of its members"
	}
	return map[text.Kind]string{text.Lines: "lines", text.Cells: "cells", text.Records: "records", text.Pages: "pages"}[f.Kind]
}

// anchor is the name that a heading gets on the usual forges.
func anchor(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ', r == '-':
			return '-'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r > '~':
			return r
		}
		return -1
	}, strings.ToLower(title))
}

// limits writes the members of extract.Limits with their defaults and comments. A member without a comment shares that of the one before.
func limits(b *bytes.Buffer, file string) error {
	b.WriteString("\n## Limits\n\nThey hold for every object. Each is a member of `extract.Limits`; the default is Macie's published quota where there is one.\n\n" +
		"| limit | default | what it bounds |\n| --- | --- | --- |\n")
	defaults := reflect.ValueOf(extract.DefaultLimits())
	return declarations(file, func(n ast.Node) error {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Limits" {
			return nil
		}
		for _, field := range spec.Type.(*ast.StructType).Fields.List {
			for _, name := range field.Names {
				fmt.Fprintf(b, "| `%s` | %s | %s |\n", name.Name, amount(defaults.FieldByName(name.Name)), sentence(field.Doc))
			}
		}
		return nil
	})
}

// amount writes a limit as people read it.
func amount(v reflect.Value) string {
	if d, ok := v.Interface().(time.Duration); ok {
		return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
	}
	n := v.Int()
	switch {
	case n == math.MaxInt64:
		return "none"
	case n >= extract.GB && n%extract.GB == 0:
		return fmt.Sprintf("%d GiB", n/extract.GB)
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return strconv.FormatInt(n, 10)
}

// reasons writes the constants of extract.Reason with their comments.
func reasons(b *bytes.Buffer, file string) error {
	b.WriteString("\n## Why a document was not read wholly\n\nWhat was read until then is kept: `PARTIAL`, or `SKIPPED` when it is nothing.\n\n" +
		"| reason | when |\n| --- | --- |\n")
	return declarations(file, func(n ast.Node) error {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return nil
		}
		if of, ok := spec.Type.(*ast.Ident); !ok || of.Name != "Reason" {
			return nil
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			return err
		}
		_, when, ok := strings.Cut(sentence(spec.Doc), ": ")
		if !ok {
			return fmt.Errorf("%s: the comment on %s does not say when", file, spec.Names[0].Name)
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", value, when)
		return nil
	})
}

// declarations walks a source file.
func declarations(file string, visit func(ast.Node) error) error {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if err == nil && n != nil {
			err = visit(n)
		}
		return err == nil
	})
	return err
}

func sentence(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
