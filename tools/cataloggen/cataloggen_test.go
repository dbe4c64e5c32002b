package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/iam/catalog"
)

const embedded = "../../internal/iam/catalog"

// TestFresh checks, without the package, that what is embedded was made from the pinned version of it by this encoder: the embedded
// source says so, and the catalogue that is read from it encodes to the same text again.
func TestFresh(t *testing.T) {
	if catalog.DataSource != name || catalog.DataVersion != version || catalog.DataIntegrity != integrity {
		t.Errorf("the catalogue is of %s@%s (%s), this command's of %s@%s (%s): run make catalog", catalog.DataSource, catalog.DataVersion, catalog.DataIntegrity,
			name, version, integrity)
	}
	s := sourceOf(catalog.Load())
	s.version, s.date, s.integrity = catalog.DataVersion, catalog.DataDate, catalog.DataIntegrity
	want, err := encode(s)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(embedded, "catalog.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("catalog.gz is not what this encoder writes, or not of the source that source.go names: run make catalog")
	}
	code, err := sourceFile(s)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(embedded, "source.go")); err != nil || !bytes.Equal(got, code) {
		t.Errorf("source.go is not what this command writes: run make catalog (%v)", err)
	}
	if info, err := f.Stat(); err != nil || info.Size() > 1<<20 {
		t.Errorf("catalog.gz has %d bytes, more than 1 MB (%v)", info.Size(), err)
	}
}

// sourceOf is what a catalogue was made of.
func sourceOf(c *catalog.Catalog) source {
	keysOf := func(list []*catalog.ConditionKey) (keys []key) {
		for _, k := range list {
			keys = append(keys, key{k.Name, k.Type})
		}
		return keys
	}
	var s source
	for i := range c.Services() {
		from := &c.Services()[i]
		v := service{prefix: from.Prefix, name: from.Name, rcp: from.RCP, keys: keysOf(from.Keys)}
		for _, r := range from.ResourceTypes {
			v.types = append(v.types, resourceType{r.Name, r.ARNs, keysOf(r.Keys)})
		}
		for _, a := range from.Actions {
			to := action{name: a.Name, level: a.Level, keys: keysOf(a.Keys)}
			for _, r := range a.Resources {
				to.resources = append(to.resources, resource{r.Type.Name, r.Required, keysOf(r.Keys)})
			}
			v.actions = append(v.actions, to)
		}
		s.services = append(s.services, v)
	}
	return s
}

// small is a package with one service. All of it is invented.
func small() map[string]string {
	return map[string]string{
		"package.json":                   `{"name": "x", "version": "1.2.3", "updatedAt": "2026-01-02T03:04:05.678Z"}`,
		"data/serviceNames.json":         `{"x": "Example Service"}`,
		"data/rcpSupportedServices.json": `["x"]`,
		"data/conditionKeys/x.json": `{"x:k": {"key": "x:K", "description": "d", "type": "ArrayOfString"},
			"x:tag/tag-key": {"key": "x:Tag/tag-key", "description": "d", "type": "String"}, "x:tag/${tagkey}": {"key": "x:Tag/${TagKey}", "description": "d", "type": "String"}}`,
		"data/resourceTypes/x.json": `{"thing": {"key": "Thing", "arn": "arn:${Partition}:x:::${A}, arn:${Partition}:x:::b/{B}", "conditionKeys": ["x:K"]}}`,
		"data/actions/x.json": `{"put": {"name": "Put", "description": "d", "accessLevel": "Tagging, Write", "conditionKeys": ["x:Tag/tag-key", "x:Tag/${TagKey}"], "dependentActions": [],
			"resourceTypes": [{"name": "thing", "required": false, "conditionKeys": ["x:K"], "dependentActions": []},
				{"name": "thing", "required": true, "conditionKeys": [], "dependentActions": []}]},
			"get": {"name": "Get", "description": "d", "accessLevel": "Read", "conditionKeys": [], "dependentActions": [], "resourceTypes": []}}`,
	}
}

func readStrings(files map[string]string) (source, error) {
	raw := map[string][]byte{}
	for path, text := range files {
		raw[path] = []byte(text)
	}
	return read(raw)
}

func TestRead(t *testing.T) {
	s, err := readStrings(small())
	if err != nil {
		t.Fatal(err)
	}
	got, err := encode(s)
	if err != nil {
		t.Fatal(err)
	}
	want := catalog.Format + "\t1.2.3\t2026-01-02\t" + integrity + "\n" +
		"2\t4\t1\t1\t2\t1\n" +
		"x:K\t8\nx:Tag/${TagKey}\t1\n" +
		"0 1\n0\n\n1\n" +
		"x\tExample Service\t1\t0\t1\t2\n" +
		"Thing\t1\tarn:${Partition}:x:::${A} arn:${Partition}:x:::b/${B}\n" +
		"x:Get\t1\t2\t\n" +
		"x:Put\t4\t3\t0+.1\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for range 20 { // the order of maps does not show
		s, err := readStrings(small())
		if err != nil {
			t.Fatal(err)
		}
		if again, err := encode(s); err != nil || !bytes.Equal(got, again) {
			t.Fatal("the same package gives other bytes")
		}
	}
}

// TestReadRefuses gives packages that say something new or wrong.
func TestReadRefuses(t *testing.T) {
	for _, v := range []struct{ file, old, new, message string }{
		{"data/actions/x.json", `"Read"`, `"Reed"`, "access level"},
		{"data/actions/x.json", `"dependentActions": [],
`, `"dependentActions": ["x:Get"],
`, "dependent actions"},
		{"data/actions/x.json", `"required": true, "conditionKeys": [], "dependentActions": []`, `"required": true, "conditionKeys": [], "dependentActions": ["x:Get"]`, "dependent actions"},
		{"data/actions/x.json", `"name": "thing", "required": false`, `"name": "things", "required": false`, "type things"},
		{"data/actions/x.json", `["x:K"]`, `["x:L"]`, "key x:L"},
		{"data/actions/x.json", `"name": "Get"`, `"name": "Get", "note": "new"`, "unknown field"},
		{"data/conditionKeys/x.json", `"ArrayOfString"`, `"ArrayOfDate"`, "unknown type"},
		{"data/resourceTypes/x.json", `["x:K"]`, `["x:L"]`, "key x:L"},
		{"data/rcpSupportedServices.json", `"x"`, `"x", "y"`, "names y"},
		{"data/serviceNames.json", `{"x": "Example Service"}`, `{}`, "no service"},
		{"package.json", `2026-01-02T03:04:05.678Z`, ``, "date"},
		{"package.json", `{`, ``, "package.json"},
	} {
		files := small()
		if !strings.Contains(files[v.file], v.old) {
			t.Errorf("%s lacks %s", v.file, v.old)
		}
		files[v.file] = strings.Replace(files[v.file], v.old, v.new, 1)
		if _, err := readStrings(files); err == nil || !strings.Contains(err.Error(), v.message) {
			t.Errorf("%s with %s: %v", v.file, v.new, err)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(small())) {
		files := small()
		delete(files, path)
		if _, err := readStrings(files); err == nil {
			t.Errorf("without %s it passes", path)
		}
	}
	files := small()
	files["data/actions/y.json"] = "{}"
	if _, err := readStrings(files); err == nil {
		t.Error("actions of a service without a name pass")
	}
}

// TestRunRefuses gives files that are not the pinned package.
func TestRunRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "x.tgz")
	if err := os.WriteFile(file, []byte("not it"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(dir, file); err == nil || !strings.Contains(err.Error(), "integrity") {
		t.Errorf("another file: %v", err)
	}
	if err := run(dir, file+"x"); err == nil {
		t.Error("no file passes")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("something was written: %v %v", left, err)
	}
	if got, want := hash([]byte("abc")), "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="; got != want { // FIPS 180-2, C.1
		t.Errorf("hash of abc: %s", got)
	}
	for _, raw := range []string{"", "x", fmt.Sprintf("%c%c", 0x1f, 0x8b)} {
		if _, err := unpack([]byte(raw)); err == nil {
			t.Errorf("%q unpacks", raw)
		}
	}
}
