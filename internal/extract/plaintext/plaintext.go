// Package plaintext reads running text in any charset. It is what remains when no other format fits.
package plaintext

import (
	"io"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is plain text.
var Format = extract.Format{
	Name:       "plaintext",
	MIME:       "text/plain",
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
