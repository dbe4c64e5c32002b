// Package xml reads XML of any vocabulary. The text of an element and the value of an attribute are values of their own, with the names of
// the path as their context; comments, processing instructions and declarations are running text.
package xml

import (
	"bytes"
	"slices"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is XML (W3C Recommendation, fifth edition), read leniently.
var Format = extract.Format{
	Name: "xml",
	MIME: "application/xml",
	About: extract.About{
		Title: "XML of any vocabulary",
		Reads: "The text of elements and the values of attributes; the names of the path and a label that stands right before are " +
			"context. Comments, CDATA, instructions and the declaration are read as well.",
		Leaves: "Entities that the document defines are not expanded. A tag without end makes text of the rest.",
		Sniffed: "An XML declaration; without one well-formed tags below one root in the first 16 KiB, and no mark of a template " +
			"language.",
		Places: "Lines with the column of the first character.",
	},
	Extensions: extensions,
	Kind:       text.Lines,
	MaxBytes:   20 * extract.GB,
	Match:      match,
	Extract: func(in *extract.Input, out *extract.Output) error {
		p, _ := parsers.Get().(*parser)
		if p == nil {
			p = new(parser)
		}
		p.takes(in.Text(), extract.NewBatch(out, text.Lines))
		err := p.run()
		p.giveBack() // not if it panics
		return err
	},
}

var extensions = []string{"xml", "xsd", "xsl", "xslt", "svg", "rss", "atom", "kml", "gpx", "wsdl", "plist", "resx", "xmp", "xlf", "xliff", "rdf",
	"opml", "csproj", "vbproj", "config", "nuspec", "pom", "fodt", "fods", "musicxml", "dita", "evtx.xml"}

// templates are the extensions of source code that begins like XML and is none.
var templates = []string{"jsx", "tsx", "js", "ts", "mjs", "vue", "svelte", "astro", "php", "phtml", "erb", "ejs", "hbs", "handlebars", "mustache",
	"j2", "jinja", "jinja2", "twig", "njk", "liquid", "jsp", "jspx", "asp", "aspx", "ascx", "cshtml", "razor", "ftl", "vm", "tmpl", "tpl", "gohtml",
	"md", "mdx", "log", "html", "htm", "xhtml"}

// marks stand in templates, and in XML hardly ever.
var marks = [][]byte{[]byte("{{"), []byte("{%"), []byte("<%"), []byte("${"), []byte("={"), []byte("=>"), []byte("<?php")}

// proof is how much of a head must be well-formed when no declaration says that it is XML.
const proof = 16 << 10

// match believes a declaration. Without one the root's tag must come first and everything must be in its place, and nothing may look like
// source code: such a file is read as plain text, where nothing is lost.
func match(h *extract.Head) extract.Score {
	b := bytes.TrimLeft(h.Text, " \t\r\n")
	if len(b) < 4 || b[0] != '<' {
		return extract.No
	}
	if slices.Contains(templates, h.Extension) || hasHTML(b[:min(len(b), 1024)]) {
		return extract.No
	}
	if bytes.HasPrefix(b, []byte("<?xml")) && len(b) > 5 && (b[5] == ' ' || b[5] == '\t' || b[5] == '\n' || b[5] == '\r') {
		return extract.Certain
	}
	whole := h.Whole
	if len(b) > proof {
		b, whole = b[:proof], false
	}
	known := slices.Contains(extensions, h.Extension)
	if !known {
		for _, m := range marks {
			if bytes.Contains(b, m) {
				return extract.No
			}
		}
	}
	switch tags, ok := wellFormed(b, whole); {
	case !ok, tags < 2 && !known:
		return extract.No
	}
	return extract.Likely
}

// hasHTML says whether an element of this name begins, in upper or lower case.
func hasHTML(b []byte) bool {
	const tag = "<html"
	for {
		i := bytes.IndexByte(b, '<')
		if i < 0 || len(b)-i < len(tag) {
			return false
		}
		b = b[i:]
		if k := 1; b[k]|0x20 == tag[k] && string(bytes.ToLower(b[:len(tag)])) == tag {
			return true
		}
		b = b[1:]
	}
}

// wellFormed reports whether tags are balanced below one root, and how many start tags there are.
func wellFormed(b []byte, whole bool) (tags int, ok bool) {
	var open [][]byte
	for len(b) > 0 {
		if b[0] != '<' {
			i := bytes.IndexByte(b, '<')
			if i < 0 {
				i = len(b)
			}
			if len(open) == 0 && len(bytes.TrimSpace(b[:i])) > 0 {
				return tags, false
			}
			b = b[i:]
			continue
		}
		kind, n := markupEnd(b)
		if n == 0 {
			return tags, !whole && kind != noMarkup
		}
		if tags > 0 && len(open) == 0 && (kind == startTag || kind == cdata) {
			return tags, false // a second root
		}
		switch kind {
		case noMarkup:
			return tags, false
		case startTag:
			tags++
			if b[n-2] != '/' {
				open = append(open, tagName(b[1:n-1]))
			}
		case endTag:
			if len(open) == 0 || !bytes.Equal(open[len(open)-1], tagName(b[2:n-1])) {
				return tags, false
			}
			open = open[:len(open)-1]
		}
		b = b[n:]
	}
	return tags, tags > 0 && (!whole || len(open) == 0)
}
