// Package plaintext reads running text in any charset. It is what remains when no other format fits.
package plaintext

import (
	"io"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is plain text.
var Format = extract.Format{
	Name: "plaintext",
	MIME: "text/plain",
	About: extract.About{
		Title: "Plain text",
		Reads: "All of the text, in any charset: UTF-8, UTF-16 and UTF-32 with and without byte order mark, ISO-2022-JP, and the " +
			"usual legacy charsets of Western, Cyrillic, Greek and East Asian text. Source code, logs, Markdown and every other " +
			"text that is no format of its own.",
		Leaves:  "Nothing.",
		Sniffed: "Text that fits no other format: few control characters, and no binary signature.",
		Places:  "Lines with the column of the first character.",
	},
	Extensions: []string{"txt", "text", "log", "md"},
	Kind:       text.Lines,
	MaxBytes:   20 * extract.GB,
	Match: func(h *extract.Head) extract.Score {
		if h.Text == nil {
			return extract.No
		}
		return extract.Fallback
	},
	Extract: read,
	Split:   split,
}

func read(in *extract.Input, out *extract.Output) error {
	w := in.Text()
	block := text.Block{Kind: text.Lines}
	for {
		var end error
		block.Text, end = w.Next(0)
		if err := out.Text(&block); err != nil {
			return err
		}
		if end == io.EOF {
			return nil
		}
		if end != nil {
			return end
		}
	}
}
