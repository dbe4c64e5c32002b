package json

import (
	"bytes"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// A line feed ends every line of JSON Lines, whatever stands on it: the parser is back at the top. Only one that is escaped inside a string, which
// JSON does not know, is passed over.
var split = &extract.Split{
	Can:   func(*extract.Head) bool { return true },
	Lines: func(*extract.Head) extract.Lines { return extract.Lines{End: '\n', Escape: '\\'} },
	Part:  readPart,
}

// A laterPart is what a part keeps beside its parser that does not begin with the document.
type laterPart struct {
	names [][]byte // that stand not in the head
	doubt string
}

func (l *laterPart) name(b []byte) { l.names = append(l.names, bytes.Clone(b)) }

func readPart(in *extract.Input, out *extract.Output, part *extract.Part) error {
	p := newParser(nil, true, out.Limits().JSONDepth)
	known := 0
	if part.From > 0 {
		// The paths of the head are known, and so are their names.
		head := part.Head.Text[:bytes.LastIndexByte(part.Head.Text, '\n')+1]
		p.batch = extract.NewBatch(nil, text.Records)
		p.w = extract.NewWindow(bytes.NewReader(head), make([]byte, extract.WindowSize))
		if err := p.run(); err != nil {
			return err
		}
		paths := p.paths
		known = paths.used
		*p = parser{lines: true, depth: p.depth, paths: paths, later: &laterPart{}, values: 1}
		p.value = &p.paths.root
	}
	p.batch, p.w = extract.NewBatch(out, text.Records), in.Text()
	err := p.run()
	part.Rows, part.Paths, part.MaxPaths = p.record, int64(p.paths.used-known), maxPaths
	if p.later != nil {
		part.Names, part.Doubt = p.later.names, p.later.doubt
	}
	switch {
	case p.paths.full:
		part.Doubt = "there are too many paths"
	case p.values == 0:
		part.Doubt = "the first part has no record"
	}
	part.Ends(p.state == top && p.pieces == noToken)
	return err
}
