package main

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// content holds the texts with marks, one file per bucket, and the documents at the estate's root.
//
//go:embed content
var content embed.FS

// An estate collects files by "bucket/key".
type estate struct{ objects map[string]document }

func (e *estate) add(path string, d document) error {
	if e.objects == nil {
		e.objects = map[string]document{}
	}
	if _, ok := e.objects[path]; ok {
		return fmt.Errorf("%s is made twice", path)
	}
	e.objects[path] = d
	return nil
}

// addText draws a text with marks.
func (e *estate) addText(path string, f form, template string) error {
	d, err := text(newStream(path), f, template)
	return e.addMade(path, d, err)
}

func (e *estate) addTable(path string, t table) error {
	d, err := t.document(newStream(path))
	return e.addMade(path, d, err)
}

// A keyedTable is a table and its key in a bucket.
type keyedTable struct {
	key string
	table
}

func (e *estate) addTables(bucket string, tables []keyedTable) error {
	for _, t := range tables {
		if err := e.addTable(bucket+t.key, t.table); err != nil {
			return err
		}
	}
	return nil
}

func (e *estate) addRecords(path string, templates ...string) error {
	d, err := records(newStream(path), form{}, templates...)
	return e.addMade(path, d, err)
}

// addMade adds what a maker returned.
func (e *estate) addMade(path string, d document, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return e.add(path, d)
}

// addGzip packs the document made so far under the path without ".gz" and takes its place.
func (e *estate) addGzip(path string) error {
	plain := strings.TrimSuffix(path, ".gz")
	d, ok := e.objects[plain]
	if !ok {
		return fmt.Errorf("%s: there is no %s to pack", path, plain)
	}
	delete(e.objects, plain)
	packed, err := gzipOf(member{plain[strings.LastIndexByte(plain, '/')+1:], d})
	return e.addMade(path, packed, err)
}

// files returns everything that stands in the folder: the objects, the manifest and the documents at the root.
func (e *estate) files() (map[string][]byte, error) {
	files := map[string][]byte{
		// Git must leave line ends and charsets as they are.
		".gitattributes": []byte("* -text\n"),
	}
	for _, name := range []string{"template.yaml", "config-items.json"} {
		data, err := content.ReadFile("content/" + name)
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	var m manifest
	for _, path := range slices.Sorted(maps.Keys(e.objects)) {
		d := e.objects[path]
		files[path] = d.data
		m.Objects = append(m.Objects, m.add(path, nil, d))
	}
	var err error
	files["manifest.json"], err = m.encode()
	return files, err
}

// addTexts adds every section of the embedded texts that is an object. A section begins with a line
//
//	-- bucket/key -- latin1 crlf
//
// of a path and its form, and ends where the next one begins. Its last line end belongs to it.
func addTexts(e *estate) error {
	return sections(func(path string, f form, body string) error {
		if strings.HasPrefix(path, "member:") {
			return nil
		}
		return e.addText(path, f, body)
	})
}

func sections(yield func(path string, f form, body string) error) error {
	names, err := content.ReadDir("content")
	if err != nil {
		return err
	}
	for _, name := range names {
		if !strings.HasSuffix(name.Name(), ".txt") {
			continue
		}
		data, err := content.ReadFile("content/" + name.Name())
		if err != nil {
			return err
		}
		for _, section := range strings.Split("\n"+string(data), "\n-- ")[1:] {
			head, body, _ := strings.Cut(section, "\n")
			path, options, ok := strings.Cut(head, " --")
			if !ok {
				return fmt.Errorf("%s: the section %q has no proper first line", name.Name(), head)
			}
			var f form
			for _, option := range strings.Fields(options) {
				if option == "crlf" {
					f.crlf = true
				} else {
					f.charset = option
				}
			}
			if body != "" {
				body = strings.TrimSuffix(body, "\n") + "\n"
			}
			if err := yield(path, f, body); err != nil {
				return err
			}
		}
	}
	return nil
}

// memberText makes the archive member of the section "member:name".
func memberText(section, name string) (member, error) {
	found := false
	var d document
	err := sections(func(path string, f form, body string) error {
		if path != "member:"+section {
			return nil
		}
		found = true
		var err error
		d, err = text(newStream(path), f, body)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("no text is called member:%s", section)
	}
	return member{name, d}, err
}
