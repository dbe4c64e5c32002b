// Package yaml reads YAML as text, with the keys above a value as its context.
//
// The reader goes by lines and indentation. The libraries there are build the tree of a whole document, and refuse what is not YAML to the
// letter: templates, tabs, half a file.
package yaml

import (
	"bytes"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is YAML 1.2, read leniently.
var Format = extract.Format{
	Name: "yaml",
	MIME: "application/yaml",
	About: extract.About{
		Title: "YAML",
		Reads: "All of the text as it is written, comments included; the keys above a value are context, in block and flow style, and so is its own " +
			"where it is far away. Escapes of characters in double quotes are undone.",
		Leaves:  "Nothing. Aliases are not followed: what they stand for is read where it is anchored. Values folded over lines are not joined.",
		Sniffed: "Keys, entries and comments on every line, with something nested, or a document marker or directive first; with the extension one key or entry.",
		Places:  "Lines with the column of the first character.",
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
		p.text.Begin(in, out, &p.tree.Root)
		err := p.text.Run(p)
		p.giveBack() // not if it panics
		return err
	},
}

var extensions = []string{"yaml", "yml", "eyaml", "sls", "cff"}

// others are the extensions of texts that may look like YAML for a while.
var others = strings.Fields(`log md mdx markdown rst adoc tex html htm xml csv tsv tab psv eml mbox msg ini cfg conf cnf properties env toml sql py pyi go js
	mjs ts tsx jsx java kt scala c h cc cpp hpp cs rb php pl pm lua r swift m rs sh bash zsh ps1 bat tf tfvars hcl nix css scss less sass styl pug haml
	proto graphql diff patch ics vcf srt vtt pem key crt dockerfile makefile mk gradle groovy j2 jinja jinja2 tmpl tpl erb txt`)

// proof is how much of a head must look like YAML without the extension.
const proof = 8 << 10

func match(h *extract.Head) extract.Score {
	if h.Text == nil {
		return extract.No
	}
	promised := h.Has(extensions...)
	if !promised && slices.Contains(others, h.Extension) && h.Extension != "txt" {
		return extract.No
	}
	b, whole := h.Text, h.Whole
	if len(b) > proof {
		b, whole = b[:proof], false
	}
	if !whole {
		b = b[:bytes.LastIndexByte(b, '\n')+1]
	}
	s := survey(b)
	switch {
	case promised && s.keys+s.entries+s.marks > 0:
		return extract.Likely
	case promised || s.others > 0 || s.keys < 3 || s.nested == 0 && !s.marked:
		return extract.No
	}
	return extract.Likely
}

// A summary counts the lines of a text by what they are.
type summary struct {
	keys, entries, marks, others int
	nested                       int  // keys below a key that has no value itself
	marked                       bool // a marker or directive stands first
}

// survey looks at lines as strictly as sniffing must: a key is a single word or quoted.
func survey(b []byte) (s summary) {
	var block, parent = -1, -1 // indentation of the key of a block scalar, and of a key without value
	first := true
	for line := range bytes.SplitSeq(b, []byte{'\n'}) {
		line = bytes.TrimRight(line, " \t\r")
		col := indentation(line)
		if col == len(line) || block >= 0 && col > block || line[col] == '#' {
			continue
		}
		block = -1
		if isMarker(line) || line[0] == '%' {
			s.marks++
			s.marked = s.marked || first
			first, parent = false, -1
			if line[0] == '%' || len(bytes.TrimLeft(line[3:], " \t")) == 0 || line[3+indentation(line[3:])] == '#' {
				continue
			}
			col = 3 + indentation(line[3:])
		}
		first = false
		dashes := 0
		for isEntry(line, col) {
			dashes++
			col++
			col += indentation(line[col:])
		}
		if dashes > 0 {
			s.entries++
		}
		name, at, ok := key(line, col)
		if !ok {
			if dashes == 0 {
				s.others++
			}
			continue
		}
		if len(name) == 0 || bytes.ContainsAny(name, " \t(){}<>=;,\"'") {
			s.others++
			continue
		}
		s.keys++
		if parent >= 0 && col > parent {
			s.nested++
		}
		parent = -1
		switch value := bytes.TrimLeft(line[at:], " \t"); {
		case len(value) == 0 || value[0] == '#':
			parent = col
		case value[0] == '|' || value[0] == '>':
			block = col
		}
	}
	return s
}
