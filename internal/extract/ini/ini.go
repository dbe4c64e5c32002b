// Package ini reads settings, a key and its value on each line: INI files and what descends from them, TOML, Java properties, environment
// files. They are delivered as text, with the section as the context of what stands in it.
package ini

import (
	"bytes"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is INI in the dialects there are, with properties and environment files; TOML is TOML 1.0. No registered media type stands for the
// former: they are plain text.
var (
	Format = format("ini", "text/plain", extract.About{
		Title: "INI, properties and environment files",
		Reads: "All of the text as it is written, comments included. The section is context, and so is the key where it is far from the value. Escapes of " +
			"characters in properties are undone.",
		Leaves:  "Nothing. Values that go on in the next line are not joined.",
		Sniffed: "By the extension, with sections or settings on half of the lines; else a section first and nothing but settings, sections and comments.",
		Places:  "Lines with the column of the first character.",
	}, "ini", "cfg", "conf", "cnf", "properties", "env", "desktop", "service", "socket", "timer", "mount", "target", "network", "gitconfig", "gitmodules",
		"editorconfig", "npmrc", "inf", "url")
	TOML = format("toml", "application/toml", extract.About{
		Title:   "TOML",
		Reads:   "All of the text as it is written, comments included. The names of the table are context, and so is the key where it is far from the value.",
		Leaves:  "Nothing. Escapes are left as they are written.",
		Sniffed: "By the extension, with tables or settings on half of the lines; without it, it counts as INI.",
		Places:  "Lines with the column of the first character.",
	}, "toml")
)

func format(name, mime string, about extract.About, extensions ...string) extract.Format {
	return extract.Format{
		Name:       name,
		MIME:       mime,
		About:      about,
		Extensions: extensions,
		Kind:       text.Lines,
		MaxBytes:   20 * extract.GB,
		Match:      func(h *extract.Head) extract.Score { return match(h, h.Has(extensions...), name == "ini") },
		Extract: func(in *extract.Input, out *extract.Output) error {
			p, _ := parsers.Get().(*parser)
			if p == nil {
				p = new(parser)
			}
			p.properties = strings.EqualFold(out.Document().Extension, "properties")
			p.text.Begin(in, out, &p.tree.Root)
			p.section = &p.tree.Root
			err := p.text.Run(p)
			p.giveBack() // not if it panics
			return err
		},
	}
}

// others are the extensions of texts that hold sections and settings beside other things.
var others = strings.Fields(`log md mdx markdown rst adoc tex html htm xml csv tsv tab psv eml mbox msg yaml yml json sql py pyi go js mjs ts tsx jsx java kt
	scala c h cc cpp hpp cs rb php pl pm lua r swift m rs sh bash zsh ps1 bat tf tfvars hcl nix css scss less proto graphql diff patch ics vcf srt vtt
	pem key crt dockerfile makefile mk gradle groovy toml`)

// proof is how much of a head is looked at.
const proof = 8 << 10

func match(h *extract.Head, promised, bySections bool) extract.Score {
	if h.Text == nil || !promised && (!bySections || slices.Contains(others, h.Extension)) {
		return extract.No
	}
	b, whole := h.Text, h.Whole
	if len(b) > proof {
		b, whole = b[:proof], false
	}
	if !whole {
		b = b[:bytes.LastIndexByte(b, '\n')+1]
	}
	sections, settings, rest := 0, 0, 0
	for line := range bytes.SplitSeq(b, []byte{'\n'}) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || isComment(line) {
			continue
		}
		if _, ok := section(line); ok {
			sections++
			continue
		}
		if !promised && sections == 0 {
			return extract.No
		}
		if name, _, ok := setting(line); ok && (promised || !bytes.ContainsAny(name, "(){}<>\"'")) {
			settings++
		} else {
			rest++
		}
	}
	switch {
	case promised && sections+settings > 0 && sections+settings >= rest, sections > 0 && settings > 1 && rest == 0:
		return extract.Likely
	}
	return extract.No
}

func isComment(line []byte) bool { return line[0] == '#' || line[0] == ';' || line[0] == '!' }

// section reads a line that begins a section or a table of TOML: its name as it stands between the brackets.
func section(line []byte) (name []byte, ok bool) {
	if len(line) < 3 || line[0] != '[' {
		return nil, false
	}
	end := bytes.IndexByte(line, ']')
	if end < 2 {
		return nil, false
	}
	behind := bytes.TrimSpace(bytes.TrimLeft(line[end:], "]"))
	if len(behind) > 0 && !isComment(behind) {
		return nil, false
	}
	name = bytes.TrimSpace(bytes.TrimLeft(line[:end], "["))
	return name, len(name) > 0 && name[0] != '"' && !bytes.ContainsAny(name, "=,{}")
}

// setting reads a line with a key and a value: the key, and where the value begins.
func setting(line []byte) (name []byte, at int, ok bool) {
	n := bytes.IndexAny(line, "=:")
	if n <= 0 || n > 256 {
		return nil, 0, false
	}
	name = bytes.TrimSpace(line[:n])
	for len(name) > 0 && bytes.IndexByte([]byte("?+"), name[len(name)-1]) >= 0 {
		name = name[:len(name)-1]
	}
	if len(name) == 0 {
		return nil, 0, false
	}
	return name, n + 1, true
}
