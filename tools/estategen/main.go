// Command estategen writes examples/estate: the data of an invented company, Talwind Cycles, in the shape of an estate folder, with a
// manifest of everything sensitive that was put into it.
//
//	go run ./tools/estategen          rewrites the folder
//	go run ./tools/estategen -check   fails if a file is not what the generator gives
//
// Every value is invented and drawn from a stream of fixed seed that depends on the file's name alone, so the output is the same everywhere
// and a change to one file leaves the others as they are. The compressor is a library of fixed version for the same reason: the standard
// library's may pack better with the next Go.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	check := flag.Bool("check", false, "compare instead of writing")
	root := flag.String("root", ".", "root of the module")
	flag.Parse()
	if err := run(filepath.Join(*root, "examples", "estate"), *check); err != nil {
		fmt.Fprintln(os.Stderr, "estategen:", err)
		os.Exit(1)
	}
}

func run(dir string, check bool) error {
	files, err := generate()
	if err != nil {
		return err
	}
	if check {
		return compare(dir, files)
	}
	return write(dir, files)
}

// generate returns all files of the estate by slash path below it.
func generate() (map[string][]byte, error) {
	e := &estate{}
	steps := []func(*estate) error{
		addTexts, addCustomerExports, addWebshopLogs, addEvents, addPayroll, addDeployArtifacts, addSourceMirror, addPublicSite,
		addPartnerExchange, addBackups,
	}
	for _, step := range steps {
		if err := step(e); err != nil {
			return nil, err
		}
	}
	return e.files()
}

// existing returns the files below dir by slash path; none if there is no such folder.
func existing(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		files[filepath.ToSlash(rel)], err = os.ReadFile(path)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return files, err
}

// write makes the folder hold exactly these files.
func write(dir string, files map[string][]byte) error {
	old, err := existing(dir)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if _, ok := files[name]; !ok {
			if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if have, ok := old[name]; ok && bytes.Equal(have, files[name]) {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

func compare(dir string, files map[string][]byte) error {
	old, err := existing(dir)
	if err != nil {
		return err
	}
	const advice = "; run go run ./tools/estategen"
	for _, name := range slices.Sorted(maps.Keys(old)) {
		if _, ok := files[name]; !ok {
			return fmt.Errorf("%s is not generated any more%s", name, advice)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		have, ok := old[name]
		if !ok {
			return fmt.Errorf("%s is missing%s", name, advice)
		}
		if !bytes.Equal(have, files[name]) {
			return fmt.Errorf("%s is stale%s", name, advice)
		}
	}
	return nil
}
