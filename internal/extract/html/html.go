// Package html reads HTML as running text: what people see in reading order, the attributes where they stand, and scripts, styles and comments
// as they are written, since secrets stand there, too.
package html

import (
	"bytes"
	"slices"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/prose"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is HTML as of the HTML Standard of WHATWG, XHTML included.
var Format = extract.Format{
	Name: "html",
	MIME: "text/html",
	About: extract.About{
		Title: "HTML",
		Reads: "Running text: what people see, links, attributes, hidden fields, scripts, styles and comments. Cells of a table are " +
			"apart; if its first row names its columns, those names count for them.",
		Leaves: "Attributes of looks (width, colour, long lists of classes). Scripts are read as text, not run.",
		Sniffed: "A document type or the root element first; with the extension any tag. Templates and source code that hold HTML are " +
			"plain text.",
		Places: "Lines of the source with the column of the first character.",
	},
	Extensions: extensions,
	Kind:       text.Lines,
	MaxBytes:   20 * extract.GB,
	Match:      match,
	Extract: func(in *extract.Input, out *extract.Output) error {
		p := parser{w: in.Text(), out: prose.NewWriter(out)}
		return p.run()
	},
}

var extensions = []string{"html", "htm", "xhtml", "shtml", "xht"}

// sources are the extensions of files that hold HTML among the code or the text of something else. They are read as plain text.
var sources = []string{"jsx", "tsx", "js", "ts", "mjs", "vue", "svelte", "astro", "php", "phtml", "erb", "ejs", "hbs", "handlebars", "mustache",
	"j2", "jinja", "jinja2", "twig", "njk", "liquid", "jsp", "jspx", "asp", "aspx", "ascx", "cshtml", "razor", "ftl", "vm", "tmpl", "tpl", "gohtml",
	"py", "rb", "go", "java", "md", "mdx", "log"}

// match wants a document type or the root element first; with the extension any tag will do.
func match(h *extract.Head) extract.Score {
	b := bytes.TrimLeft(h.Text, " \t\r\n")
	if len(b) == 0 || b[0] != '<' || slices.Contains(sources, h.Extension) {
		return extract.No
	}
	for {
		end := ""
		switch {
		case bytes.HasPrefix(b, []byte("<!--")):
			end = "-->"
		case bytes.HasPrefix(b, []byte("<?xml")):
			end = "?>"
		}
		i := bytes.Index(b, []byte(end))
		if end == "" || i < 0 {
			break
		}
		b = bytes.TrimLeft(b[i+len(end):], " \t\r\n")
	}
	for _, begin := range []string{"<!doctype html", "<html"} {
		if n := len(begin); len(b) > n && bytes.EqualFold(b[:n], []byte(begin)) && (blank(b[n]) || b[n] == '>') {
			return extract.Certain
		}
	}
	if slices.Contains(extensions, h.Extension) && len(b) > 1 && (letter(b[1]) || b[1] == '!') {
		return extract.Likely
	}
	return extract.No
}

func blank(c byte) bool  { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }
func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }
