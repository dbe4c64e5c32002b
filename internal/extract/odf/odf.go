// Package odf reads OpenDocument files (ISO/IEC 26300): texts, presentations and drawings as running text, spreadsheets as cells.
package odf

import (
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/office"
	"github.com/magpie-sec/magpie/internal/text"
)

const prefix = "application/vnd.oasis.opendocument."

// The formats are those of LibreOffice's Writer, Calc, Impress and Draw, and their templates.
var (
	Text = format("odt", prefix+"text", extract.About{
		Title:   "OpenDocument texts",
		Reads:   "Text, tables, headers, footers, notes, comments, frames, fields, tracked changes, properties.",
		Leaves:  "Macros, pictures, embedded objects; documents with a password.",
		Sniffed: "A zip whose first member names the type.",
		Places:  "Lines: paragraphs are counted as such.",
		Reasons: []extract.Reason{extract.MalformedOrFileSizeExceedsLimit, extract.UnsupportedFileType},
	}, text.Lines, readText, "odt", "ott", "odm")
	Spreadsheet = format("ods", prefix+"spreadsheet", extract.About{
		Title:   "OpenDocument spreadsheets",
		Reads:   "Cells of all sheets, hidden ones too, as people see them; notes, text boxes, properties. Names of columns are context.",
		Leaves:  "Formulas, macros, pictures; documents with a password.",
		Sniffed: "A zip whose first member names the type.",
		Places:  "Sheet, row, column and name of the column.",
		Reasons: []extract.Reason{extract.MalformedOrFileSizeExceedsLimit, extract.UnsupportedFileType},
	}, text.Cells, readSpreadsheet, "ods", "ots")
	Presentation = format("odp", prefix+"presentation", extract.About{
		Title:   "OpenDocument presentations",
		Reads:   "Text of the slides, speakers' notes, comments, properties.",
		Leaves:  "Macros, pictures, embedded objects; documents with a password.",
		Sniffed: "A zip whose first member names the type.",
		Places:  "Lines: paragraphs are counted as such.",
		Reasons: []extract.Reason{extract.MalformedOrFileSizeExceedsLimit, extract.UnsupportedFileType},
	}, text.Lines, readText, "odp", "otp")
	Drawing = format("odg", prefix+"graphics", extract.About{
		Title:   "OpenDocument drawings",
		Reads:   "Text of the shapes, comments, properties.",
		Leaves:  "Macros, pictures, embedded objects; documents with a password.",
		Sniffed: "A zip whose first member names the type.",
		Places:  "Lines: paragraphs are counted as such.",
		Reasons: []extract.Reason{extract.MalformedOrFileSizeExceedsLimit, extract.UnsupportedFileType},
	}, text.Lines, readText, "odg", "otg")
)

func format(name, mime string, about extract.About, kind text.Kind, read func(*office.Package, *extract.Output) error, extensions ...string) extract.Format {
	return extract.Format{
		Name:       name,
		MIME:       mime,
		About:      about,
		Extensions: extensions,
		Kind:       kind,
		MaxBytes:   office.MaxBytes,
		First:      "P",
		Match: func(h *extract.Head) extract.Score {
			switch own := office.MIMEOf(h); {
			case own == "-" && h.Has(extensions...), own == mime, own == mime+"-template", own == mime+"-master" && name == "odt":
				return extract.Certain
			}
			return extract.No
		},
		Extract: func(in *extract.Input, out *extract.Output) error {
			p, err := office.Open(in, out, false)
			if err != nil {
				return err
			}
			if encrypted(p) {
				return &extract.Problem{Reason: extract.UnsupportedFileType, Detail: "encrypted"}
			}
			if !p.Has("content.xml") {
				p.Note(extract.Malformed("no content"))
				return p.Result()
			}
			return read(p, out)
		},
	}
}

// encrypted says whether the manifest tells that the content is.
func encrypted(p *office.Package) bool {
	found, content := false, false
	p.Read("META-INF/manifest.xml", func(x *office.XML) error {
		for {
			t, err := x.Next()
			switch {
			case t == office.EOF:
				return err
			case t == office.Start && string(x.Name) == "file-entry":
				path := string(x.Attr("full-path"))
				content = path == "content.xml" || path == "encrypted-package"
			case t == office.Start && string(x.Name) == "encryption-data":
				found = found || content
			}
		}
	})
	return found
}

func readText(p *office.Package, out *extract.Output) error {
	f := office.NewFlow(out)
	p.Read("content.xml", func(x *office.XML) error { return (&walker{x: x, flow: f, take: true}).walk() })
	p.Read("styles.xml", func(x *office.XML) error { return (&walker{x: x, flow: f}).walk() })
	p.Read("meta.xml", func(x *office.XML) error { return office.ReadProperties(x, f) })
	p.Note(f.Close())
	return p.Result()
}

// A walker writes the text of a part: what stands in paragraphs and headings.
type walker struct {
	x    *office.XML
	flow *office.Flow
	take bool // paragraphs count here: in styles.xml those of headers and footers only

	paragraphs int  // around this place
	asides     int  // notes and annotations around it
	names      bool // the rows name their table's columns
	space      bool
}

func (w *walker) walk() error {
	for {
		t, err := w.x.Next()
		if err != nil || t == office.EOF {
			w.flow.Break()
			return err
		}
		switch name := string(w.x.Name); t {
		case office.Text:
			if w.take && w.paragraphs > 0 {
				b := w.x.Text
				b, w.space = collapse(b, w.space)
				err = w.write(b)
			}
		case office.Start:
			err = w.start(name)
		case office.End:
			err = w.end(name)
		}
		if err != nil {
			return err
		}
	}
}

func (w *walker) write(b []byte) error {
	if w.asides > 0 {
		return w.flow.Aside(b)
	}
	_, err := w.flow.Write(b)
	return err
}

func (w *walker) start(name string) error {
	switch name {
	case "p", "h":
		w.paragraphs++
		w.space = true
		if w.asides == 0 && w.take {
			w.flow.Paragraph()
		}
	case "note", "annotation":
		w.asides++
	case "s":
		if w.paragraphs > 0 && w.take {
			w.space = false
			return w.write(spaces(w.x.Attr("c")))
		}
	case "tab":
		w.space = true
		if w.asides > 0 {
			w.flow.EndAside(' ')
		} else {
			w.flow.Tab()
		}
	case "line-break":
		w.space = true
		if w.asides > 0 {
			w.flow.EndAside('\n')
		} else {
			w.flow.Break()
		}
	case "table":
		w.flow.Table()
	case "table-header-rows":
		w.names = true
	case "table-row":
		return w.flow.Row(w.names)
	case "table-cell", "covered-table-cell":
		w.flow.Cell(int(max(number(w.x.Attr("number-columns-repeated")), 1)))
	case "note-citation", "ruby-text", "scripts":
		return w.x.Skip()
	case "creator", "date", "creator-initials", "sender-initials":
		if w.asides > 0 { // of the annotation
			return w.x.Skip()
		}
	default:
		if isMargin(name) {
			w.take = true
		}
	}
	return nil
}

func (w *walker) end(name string) error {
	switch name {
	case "p", "h":
		w.paragraphs = max(w.paragraphs-1, 0)
		w.space = false
		if w.asides > 0 {
			w.flow.EndAside('\n')
			return nil
		}
		return w.flow.EndParagraph()
	case "note", "annotation":
		w.asides = max(w.asides-1, 0)
		if w.paragraphs == 0 {
			return w.flow.EndParagraph()
		}
		w.flow.EndAside('\n')
	case "table-row":
		w.flow.EndRow()
	case "table-header-rows":
		w.names = false
	case "table":
		return w.flow.EndTable()
	default:
		if isMargin(name) {
			w.take = false
		}
	}
	return nil
}

// isMargin says that an element of styles.xml is a page's header or footer ("header", "footer-left").
func isMargin(name string) bool {
	switch name {
	case "header", "header-left", "header-first", "footer", "footer-left", "footer-first":
		return true
	}
	return false
}

// collapse makes one space of each run of blanks, in place; after says that the text before ended with one.
func collapse(b []byte, after bool) ([]byte, bool) {
	to := 0
	for _, c := range b {
		blank := c == ' ' || c == '\n' || c == '\t'
		if blank && after {
			continue
		}
		if after = blank; blank {
			c = ' '
		}
		b[to] = c
		to++
	}
	return b[:to], after
}

const blanks = "                                                                "

// spaces returns as many as an element says, at most 64.
func spaces(count []byte) []byte {
	return []byte(blanks[:min(max(number(count), 1), int64(len(blanks)))])
}

// number reads a whole number, 0 if it is none or too large.
func number(b []byte) int64 {
	n := int64(0)
	for _, c := range b {
		if c < '0' || c > '9' || n > 1<<40 {
			return 0
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// clock makes 13:05:00 of PT13H05M00S; other durations stay as they are.
func clock(b []byte) string {
	s, ok := strings.CutPrefix(string(b), "PT")
	hours, s, hasHours := strings.Cut(s, "H")
	minutes, s, hasMinutes := strings.Cut(s, "M")
	seconds, rest, hasSeconds := strings.Cut(s, "S")
	seconds, _, _ = strings.Cut(seconds, ".")
	if !ok || !hasHours || !hasMinutes || !hasSeconds || rest != "" {
		return string(b)
	}
	return hours + ":" + minutes + ":" + seconds
}
