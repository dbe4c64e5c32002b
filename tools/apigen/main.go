// Command apigen writes the Go side of the two service contracts from their models: types, enums,
// codecs, validation and operation tables, in internal/wire/macie2 and internal/wire/accessanalyzer.
//
//	go run ./tools/apigen          rewrites the files
//	go run ./tools/apigen -check   fails if a file is not what the models give
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// services lists what is generated: one row per service. The folders are relative to the module's root.
var services = []target{
	{model: "macie2-2020-01-01", pkg: "macie2", title: "Amazon Macie 2"},
	{model: "accessanalyzer-2019-11-01", pkg: "accessanalyzer", title: "IAM Access Analyzer"},
}

type target struct{ model, pkg, title string }

func main() {
	check := flag.Bool("check", false, "compare instead of writing")
	root := flag.String("root", ".", "root of the module")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "apigen:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	for _, t := range services {
		base := filepath.Join(root, "tools", "apigen", "models", t.model)
		m, err := load(base+".json", base+".paginators.json")
		if err != nil {
			return err
		}
		files, err := generate(m, t)
		if err != nil {
			return fmt.Errorf("%s: %w", t.model, err)
		}
		dir := filepath.Join(root, "internal", "wire", t.pkg)
		if check {
			err = compare(dir, files)
		} else {
			err = write(dir, files)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stale returns the generated files in dir that files does not have.
func stale(dir string, files map[string][]byte) ([]string, error) {
	present, err := filepath.Glob(filepath.Join(dir, "zz_*.go"))
	return slices.DeleteFunc(present, func(p string) bool { return files[filepath.Base(p)] != nil }), err
}

func write(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	old, err := stale(dir, files)
	if err != nil {
		return err
	}
	for _, p := range old {
		if err := os.Remove(p); err != nil {
			return err
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func compare(dir string, files map[string][]byte) error {
	old, err := stale(dir, files)
	if err != nil {
		return err
	}
	if len(old) > 0 {
		return fmt.Errorf("%v is no longer generated; run go run ./tools/apigen", old)
	}
	for name, text := range files {
		have, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("%w; run go run ./tools/apigen", err)
		}
		if !bytes.Equal(have, text) {
			return fmt.Errorf("%s is stale; run go run ./tools/apigen", filepath.Join(dir, name))
		}
	}
	return nil
}
