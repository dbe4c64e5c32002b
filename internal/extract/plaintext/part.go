package plaintext

import (
	"bytes"
	"io"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// Every line end will do for a cut. What the lines before one have to say about those behind it is a matter of detection: each part is read
// beyond its end.
var split = &extract.Split{
	Can:   func(*extract.Head) bool { return true },
	Lines: func(*extract.Head) extract.Lines { return extract.Lines{End: '\n'} },
	Part:  readPart,
}

func readPart(in *extract.Input, out *extract.Output, part *extract.Part) error {
	w := in.Text()
	block := text.Block{Kind: text.Lines}
	length := int64(0)
	for behind := false; ; {
		var end error
		block.Text, end = w.Next(0)
		if !behind {
			length += int64(len(block.Text))
			part.Rows += int64(bytes.Count(block.Text, []byte{'\n'}))
		}
		if err := out.Text(&block); err != nil {
			return err
		}
		switch {
		case end == nil:
		case end != io.EOF:
			return end
		case !behind && part.Beyond > 0 && part.To < part.Size:
			part.Text, behind = length, true
			w = part.Behind(in)
		default:
			if !behind {
				part.Text = length
			}
			return nil
		}
	}
}
