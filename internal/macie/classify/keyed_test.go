package classify

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/plaintext"
	"github.com/magpie-sec/magpie/internal/text"
)

// keyedSuffixes are of files whose keys are context.
var keyedSuffixes = []string{".yaml", ".yml", ".ini", ".conf", ".cfg", ".properties", ".env", ".toml", ".desktop", ".service", ".dat", ".txt", ".gitconfig", "credentials"}

// TestKeysLoseNothing reads settings and YAML as they are and as plain text: whatever plain text finds has to be found, at the same place.
// MAGPIE_CORPUS names a folder to read as well, such as /usr/share.
func TestKeysLoseNothing(t *testing.T) {
	keyed := newClassifier(t)
	plain := newClassifier(t)
	plain.Extractor.Formats = []extract.Format{plaintext.Format}
	roots := []string{"../../extract/yaml/testdata", "../../extract/ini/testdata"}
	if dir := os.Getenv("MAGPIE_CORPUS"); dir != "" {
		roots = append(roots, dir)
	}
	files, read, found, more, lost := 0, 0, 0, 0, 0
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || !hasSuffix(path, keyedSuffixes) {
				return nil
			}
			content, err := os.ReadFile(path)
			if err != nil || len(content) > 4<<20 {
				return nil
			}
			files++
			doc, got := placesIn(t, keyed, path, string(content))
			if doc.Kind != text.Lines || doc.Archive || doc.MIME == "text/html" || doc.MIME == "application/xml" {
				return nil
			}
			read++
			_, want := placesIn(t, plain, path, string(content))
			lines := strings.Split(string(content), "\n")
			for place, line := range want {
				escaped := line > 0 && int(line) <= len(lines) && strings.Contains(lines[line-1], `\u`) // columns behind an escape are those of what it stands for
				if found++; got[place] == 0 && !escaped {
					lost++
					t.Errorf("%s: %s is lost", path, place)
				}
			}
			for place := range got {
				if want[place] == 0 {
					more++
					t.Logf("%s: %s is new", path, place)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d files, %d of lines: plain text finds %d, %d lost, %d new", files, read, found, lost, more)
	if found < 10 || more < 3 {
		t.Errorf("too little to tell: %d found, %d new", found, more)
	}
}

func hasSuffix(s string, all []string) bool {
	for _, suffix := range all {
		if strings.HasSuffix(s, suffix) {
			return true
		}
	}
	return false
}

// placesIn returns what is found in a document, by type, line and column, with the line.
func placesIn(t *testing.T, c *Classifier, path, content string) (Document, map[string]int64) {
	t.Helper()
	doc, err := c.Classify(context.Background(), extract.Object{Name: path, Size: int64(len(content)), Reader: strings.NewReader(content)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int64{}
	for _, d := range doc.Detections {
		for _, l := range d.Locations {
			all[fmt.Sprintf("%s %d:%d", d.Identifier.ID, l.Line, l.Column)] = l.Line
		}
	}
	return doc, all
}
