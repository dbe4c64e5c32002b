// Package rtf reads RTF, as of Microsoft's specification 1.9.1 and as programs write it. There is no library for it that is kept.
//
// A document is running text: a line for each paragraph, and for each row of a table, whose cells are separated by tabs. HTML that Outlook put into
// RTF ([MS-OXRTFEX]) is unpacked again and is a member, "document.html".
package rtf

import (
	"bytes"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is RTF.
var Format = extract.Format{
	Name: "rtf",
	MIME: "application/rtf",
	About: extract.About{
		Title: "RTF",
		Reads: "Running text: a line for each paragraph and for each row of a table, its cells separated by tabs; headers, footers, notes, comments, " +
			"text boxes, deleted and hidden text, form fields, targets of links, alternative texts, properties and variables. Embedded files and Office " +
			"documents are members, and HTML in RTF, as Outlook keeps it, is the member `document.html`.",
		Leaves:  "Pictures and other embedded objects, names of bookmarks and styles.",
		Sniffed: "The signature.",
		Places:  "Lines of the text as described, not of the source.",
	},
	Extensions: []string{"rtf"},
	Kind:       text.Lines,
	MaxBytes:   20 * extract.GB, // as text
	First:      "{ \t\r\n\x00\xef",
	Match: func(h *extract.Head) extract.Score {
		if bytes.HasPrefix(bytes.TrimLeft(h.Bytes[:min(len(h.Bytes), 1024)], "\xef\xbb\xbf \t\r\n\x00"), []byte(`{\rtf`)) {
			return extract.Certain
		}
		return extract.No
	},
	Extract: func(in *extract.Input, out *extract.Output) error { return newParser(in, out).run() },
}
