package main

import (
	"html"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/detecttest"
	"github.com/magpie-sec/magpie/internal/detect/managed"
)

// A wrapping puts a text into markup.
type wrapping struct {
	file string
	wrap func(text string) string
}

// wrappings are those whose readers must find what plain text holds.
var wrappings = []wrapping{
	{"vector.xml", func(t string) string {
		return "<?xml version=\"1.0\"?>\n<d>\n<p>" + html.EscapeString(t) + "</p>\n</d>\n"
	}},
	{"cdata.xml", func(t string) string { return "<?xml version=\"1.0\"?><d><p><![CDATA[" + t + "]]></p></d>" }},
	{"vector.html", func(t string) string { return "<!DOCTYPE html><body><p>" + html.EscapeString(t) + "</p></body>" }},
	{"cell.html", func(t string) string {
		return "<!DOCTYPE html><table><tr><td>1</td><td class=\"value\">" + html.EscapeString(t) + "</td>\n<td>2</td></tr></table>"
	}},
	{"comment.html", func(t string) string { return "<!DOCTYPE html><body><!--\n" + t + "\n--></body>" }},
	{"pre.html", func(t string) string { return "<html>\n<pre><code>" + html.EscapeString(t) + "</code></pre></html>" }},
	{"comment.xml", func(t string) string { return "<?xml version=\"1.0\"?><d><!--\n" + t + "\n--><p/></d>" }},
	{"attribute.xml", func(t string) string { return "<?xml version=\"1.0\"?><d><p q=\"" + html.EscapeString(t) + "\"/></d>" }},
}

var elementName = regexp.MustCompile(`^[\pL_][\pL\pN_.-]*$`)

// TestVectorsInMarkup takes the vectors of every identifier through the readers of markup: what is found in the text alone is found there,
// and nothing else of the identifier. Values with a path stand in elements of its names.
func TestVectorsInMarkup(t *testing.T) {
	engine, err := detect.New(detect.Options{Identifiers: managed.All()})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range managed.All() {
		t.Run(id.ID, func(t *testing.T) {
			found := func(name, content string) (got []string) {
				err := detectIn(engine, name, []byte(content), func(m detect.Match) {
					if m.Identifier.ID == id.ID {
						got = append(got, string(m.Text))
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				slices.Sort(got)
				return got
			}
			for _, v := range detecttest.ReadVectors(t, filepath.Join("..", "..", "internal", "detect", "managed", "testdata", id.ID+".txt")) {
				var want []string
				for _, span := range v.Spans {
					want = append(want, v.Text[span[0]:span[1]])
				}
				slices.Sort(want)
				if strings.ContainsAny(v.Text, "\x00\r") || strings.Contains(v.Text, "]]>") || strings.Contains(v.Text, "-->") {
					continue
				}
				if v.Path == nil {
					for _, w := range wrappings {
						if got := found(w.file, w.wrap(v.Text)); !slices.Equal(got, want) {
							t.Errorf("line %d, %s: found %.200q, want %.200q", v.Line, w.file, got, want)
						}
					}
					continue
				}
				if slices.ContainsFunc(v.Path, func(n string) bool { return !elementName.MatchString(n) }) {
					continue
				}
				doc := html.EscapeString(v.Text)
				for _, name := range slices.Backward(v.Path) {
					doc = "<" + name + ">" + doc + "</" + name + ">"
				}
				if got := found("path.xml", "<?xml version=\"1.0\"?>"+doc); !slices.Equal(got, want) {
					t.Errorf("line %d, %s: found %.200q, want %.200q", v.Line, doc, got, want)
				}
			}
		})
	}
}
