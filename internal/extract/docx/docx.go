// Package docx reads Word documents of Office Open XML (ECMA-376) as running text.
package docx

import (
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/office"
	"github.com/magpie-sec/magpie/internal/extract/ole"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is .docx and its kin with macros, and templates.
var Format = extract.Format{
	Name: "docx",
	MIME: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	About: extract.About{
		Title: "Word documents (Office Open XML)",
		Reads: "Text, tables, headers, footers, notes, comments, text boxes, diagrams, charts, deleted text of tracked changes, " +
			"embedded files, properties.",
		Leaves:  "Macros, pictures; documents with a password.",
		Sniffed: "A zip with Word's parts.",
		Places:  "Lines: paragraphs are counted as such.",
		Reasons: []extract.Reason{extract.MalformedOrFileSizeExceedsLimit, extract.OOXMLUncompressedRatioExceedsLimit, extract.OOXMLUncompressedSizeExceedsLimit, extract.UnsupportedFileType},
	},
	Extensions: []string{"docx", "docm", "dotx", "dotm"},
	Kind:       text.Lines,
	MaxBytes:   office.MaxBytes,
	First:      "P",
	Match:      func(h *extract.Head) extract.Score { return office.Match(h, office.Document) },
	Extract:    read,
}

// besides are the parts with text besides the main one, by the type of their relationship, in the order in which they are read.
var besides = []string{"header", "footer", "footnotes", "endnotes", "comments", "diagramData", "chart"}

func read(in *extract.Input, out *extract.Output) error {
	p, err := office.Open(in, out, true)
	if err != nil {
		return err
	}
	f := office.NewFlow(out)
	main, package_ := p.Main("word/document.xml")
	if !p.Has(main) {
		p.Note(extract.Malformed("no document"))
		return p.Result()
	}
	all := p.Relations(main)
	flow := func(x *office.XML) error { return office.ReadFlow(x, f) }
	p.Read(main, flow)
	for _, kind := range besides {
		for _, part := range office.Of(all, kind) {
			p.Read(part, flow)
		}
	}
	p.Properties(package_, f)
	p.Note(f.Close())
	if err := ole.EmbeddedParts(p, in, out); err != nil {
		return err
	}
	return p.Result()
}
