package magpie_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/magpie-sec/magpie/"

// floors says on which floor each family of packages stands; a package imports only lower floors, its own parents and its own children.
// A family that is missing here fails the test: a new room needs its place first.
var floors = map[string]int{
	"internal/arn":            0, // floor 0 begins here: pure, no I/O of their own, no clock
	"internal/iam/catalog":    0,
	"internal/text":           0,
	"internal/seal":           1,
	"internal/wire":           1,
	"internal/cfn":            1,
	"internal/iam":            1,
	"internal/detect":         1,
	"internal/extract":        1,
	"internal/notify":         1,
	"internal/pgtest":         10, // floor 1: mechanisms with I/O
	"internal/store":          11,
	"internal/source":         11,
	"internal/config":         11,
	"internal/inventory":      12,
	"internal/resource":       13,
	"internal/forecast":       14, // pure, above the formats that it knows
	"internal/job":            20, // floor 2: work over time
	"internal/publish":        20,
	"internal/macie":          30, // floor 3: services
	"internal/accessanalyzer": 30,
	"internal/api":            40, // floor 4: transport
	"internal/notify/hook":    40,
	"cmd":                     50, // floor 5: outside
	"web":                     50,
	"tools":                   50,
}

type goPackage struct {
	ImportPath string
	Imports    []string
	GoFiles    []string
}

func TestFloors(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range listPackages(t) {
		if len(p.GoFiles) == 0 {
			continue
		}
		from := strings.TrimPrefix(p.ImportPath, module)
		family, floor, ok := place(from)
		if !ok {
			t.Errorf("%s stands on no floor: add its family to floors", from)
			continue
		}
		seen[family] = true
		for _, path := range p.Imports {
			to, ours := strings.CutPrefix(path, module)
			if !ours {
				continue
			}
			toFamily, toFloor, ok := place(to)
			switch {
			case !ok:
				t.Errorf("%s imports %s, which stands on no floor", from, to)
			case family != toFamily && toFloor >= floor:
				t.Errorf("%s (floor %d) imports %s (floor %d): a package imports only lower floors", from, floor, to, toFloor)
			case isTestHelper(to) && !isTestHelper(from):
				t.Errorf("%s imports the test helper %s outside a test", from, to)
			}
		}
	}
	for family := range floors {
		if !seen[family] && family != "web" {
			t.Errorf("%s is on the list of floors but has no package", family)
		}
	}
}

// isTestHelper tells the packages that exist for tests: acceptance suites and servers that tests start.
func isTestHelper(path string) bool {
	return strings.HasSuffix(path[strings.LastIndex(path, "/")+1:], "test")
}

func place(path string) (family string, floor int, ok bool) {
	for f, n := range floors {
		if (path == f || strings.HasPrefix(path, f+"/")) && len(f) > len(family) {
			family, floor, ok = f, n, true
		}
	}
	return family, floor, ok
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,GoFiles", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if !slices.ContainsFunc(packages, func(p goPackage) bool { return p.ImportPath == module+"internal/text" }) {
		t.Fatal("go list did not name internal/text: run the test in the module")
	}
	return packages
}
