// Package pptx reads presentations of Office Open XML (ECMA-376) as running text, slide by slide.
package pptx

import (
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/office"
	"github.com/magpie-sec/magpie/internal/extract/ole"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is .pptx and its kin with macros, shows and templates.
var Format = extract.Format{
	Name: "pptx",
	MIME: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	About: extract.About{
		Title:   "PowerPoint presentations (Office Open XML)",
		Reads:   "Text of the slides, speakers' notes, comments, diagrams, charts, embedded files, properties.",
		Leaves:  "Macros, pictures, masters; presentations with a password.",
		Sniffed: "A zip with PowerPoint's parts.",
		Places:  "Lines: paragraphs are counted as such.",
		Reasons: []extract.Reason{extract.MalformedOrFileSizeExceedsLimit, extract.OOXMLUncompressedRatioExceedsLimit, extract.OOXMLUncompressedSizeExceedsLimit, extract.UnsupportedFileType},
	},
	Extensions: []string{"pptx", "pptm", "ppsx", "ppsm", "potx", "potm"},
	Kind:       text.Lines,
	MaxBytes:   office.MaxBytes,
	First:      "P",
	Match:      func(h *extract.Head) extract.Score { return office.Match(h, office.Presentation) },
	Extract:    read,
}

// maxSlides bounds the slides that are read.
const maxSlides = 32 << 10

// besides are the parts with text that belong to a slide, by the type of their relationship.
var besides = []string{"notesSlide", "comments", "diagramData", "chart"}

func read(in *extract.Input, out *extract.Output) error {
	p, err := office.Open(in, out, true)
	if err != nil {
		return err
	}
	f := office.NewFlow(out)
	main, package_ := p.Main("ppt/presentation.xml")
	if !p.Has(main) {
		p.Note(extract.Malformed("no presentation"))
		return p.Result()
	}
	targets := map[string]string{}
	for _, r := range p.Relations(main) {
		targets[r.ID] = r.Target
	}
	var slides []string
	p.Read(main, func(x *office.XML) error {
		for {
			t, err := x.Next()
			if t == office.EOF {
				return err
			}
			if t != office.Start || string(x.Name) != "sldId" {
				continue
			}
			if len(slides) >= maxSlides {
				return extract.Malformed("too many slides")
			}
			if target := targets[x.Relation()]; target != "" {
				slides = append(slides, target)
			}
		}
	})
	flow := func(x *office.XML) error { return office.ReadFlow(x, f) }
	for _, slide := range slides {
		all := p.Relations(slide)
		p.Read(slide, flow)
		for _, kind := range besides {
			for _, part := range office.Of(all, kind) {
				p.Read(part, flow)
			}
		}
	}
	p.Properties(package_, f)
	p.Note(f.Close())
	if err := ole.EmbeddedParts(p, in, out); err != nil {
		return err
	}
	return p.Result()
}
