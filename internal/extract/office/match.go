package office

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"

	"github.com/klauspost/compress/flate"

	"github.com/magpie-sec/magpie/internal/extract"
)

// A Kind is one of the kinds of documents that are zip files outside.
type Kind int

const (
	// Unknown is none of them.
	Unknown Kind = iota
	// Workbook, Document and Presentation are those of Office Open XML.
	Workbook
	Document
	Presentation
)

// A sort tells how a kind is known: by the folder of its parts, the content types of its main part, and the extensions of its files.
type sort struct {
	kind       Kind
	folder     string
	types      []string
	extensions []string
}

var sorts = []sort{
	{Workbook, "xl/", []string{"spreadsheetml.sheet.main+xml", "spreadsheetml.template.main+xml", "ms-excel.sheet.macroEnabled.main+xml",
		"ms-excel.template.macroEnabled.main+xml", "ms-excel.addin.macroEnabled.main+xml", "ms-excel.sheet.binary.macroEnabled.main"},
		[]string{"xlsx", "xlsm", "xltx", "xltm", "xlam", "xlsb"}},
	{Document, "word/", []string{"wordprocessingml.document.main+xml", "wordprocessingml.template.main+xml", "ms-word.document.macroEnabled.main+xml",
		"ms-word.template.macroEnabledTemplate.main+xml"}, []string{"docx", "docm", "dotx", "dotm"}},
	{Presentation, "ppt/", []string{"presentationml.presentation.main+xml", "presentationml.slideshow.main+xml", "presentationml.template.main+xml",
		"ms-powerpoint.presentation.macroEnabled.main+xml", "ms-powerpoint.slideshow.macroEnabled.main+xml", "ms-powerpoint.template.macroEnabled.main+xml"},
		[]string{"pptx", "pptm", "ppsx", "ppsm", "potx", "potm"}},
}

// Match says whether the head is that of a document of a kind of Office Open XML. What its list of content types says decides, or else which
// part its relationships begin with; if both stand behind the head, the names of the parts together with the file's extension, or with the
// parts that every package has. The members are walked one by one, so that a zip in which such a document stands as a member is none.
func Match(h *extract.Head, kind Kind) extract.Score {
	if KindOf(h) == kind {
		return extract.Certain
	}
	return extract.No
}

// KindOf returns the kind of document whose head it is.
func KindOf(h *extract.Head) Kind {
	if !bytes.HasPrefix(h.Bytes, []byte("PK\x03\x04")) {
		return Unknown
	}
	named := Unknown // by the folder of a part
	package_ := false
	m := members{b: h.Bytes}
	for m.next() {
		switch m.name {
		case "[content_types].xml":
			package_ = true
			text := m.text()
			for _, s := range sorts {
				for _, t := range s.types {
					if bytes.Contains(text, []byte(t)) {
						return s.kind
					}
				}
			}
		case "_rels/.rels":
			package_ = true
			text := m.text()
			for _, s := range sorts {
				if bytes.Contains(text, []byte("/officeDocument\"")) && (bytes.Contains(text, []byte(`"`+s.folder)) || bytes.Contains(text, []byte(`"/`+s.folder))) {
					return s.kind
				}
			}
		case "docprops/app.xml", "docprops/core.xml":
			package_ = true
		}
		for _, s := range sorts {
			if named == Unknown && strings.HasPrefix(m.name, s.folder) && (strings.HasSuffix(m.name, ".xml") || strings.HasSuffix(m.name, ".rels")) {
				named = s.kind
			}
		}
	}
	if package_ && named != Unknown {
		return named
	}
	for _, s := range sorts {
		if h.Has(s.extensions...) && (package_ || named == s.kind) {
			return s.kind
		}
	}
	return Unknown
}

const stored, deflated = 0, 8

// members walks through the members of a zip from its beginning, as far as the head goes.
type members struct {
	b    []byte
	name string
	body []byte // what follows the local header
	at   int
	size int // packed, -1 when it stands behind the member
	pack uint16

	inflate io.ReadCloser
	left    int64 // of maxUnpacked
}

// maxUnpacked is how much is unpacked of a head at most, to find the ends of members that do not tell their size.
const maxUnpacked = 2 << 20

func (m *members) unpack(r io.Reader) io.Reader {
	if m.inflate == nil {
		m.inflate, m.left = flate.NewReader(r), maxUnpacked
	} else if err := m.inflate.(flate.Resetter).Reset(r, nil); err != nil {
		m.inflate = flate.NewReader(r)
	}
	return io.LimitReader(m.inflate, m.left)
}

func (m *members) next() bool {
	if m.body != nil && !m.pass() {
		return false
	}
	b := m.b[m.at:]
	if len(b) < 30 || string(b[:4]) != "PK\x03\x04" {
		return false
	}
	flags := binary.LittleEndian.Uint16(b[6:])
	m.pack = binary.LittleEndian.Uint16(b[8:])
	m.size = int(binary.LittleEndian.Uint32(b[18:]))
	name, extra := int(binary.LittleEndian.Uint16(b[26:])), int(binary.LittleEndian.Uint16(b[28:]))
	if len(b) < 30+name {
		return false
	}
	m.name = strings.ToLower(strings.ReplaceAll(string(b[30:30+name]), `\`, "/"))
	m.body = b[min(len(b), 30+name+extra):]
	if flags&8 != 0 || m.size == 0xffffffff {
		m.size = -1
	}
	return flags&1 == 0
}

// pass moves to the next member.
func (m *members) pass() bool {
	if m.size < 0 {
		if m.pack != deflated {
			return false
		}
		r := bytes.NewReader(m.body)
		n, err := io.Copy(io.Discard, m.unpack(r))
		if m.left -= n; err != nil || m.left <= 0 {
			return false
		}
		m.size = len(m.body) - r.Len()
		// Behind it: an optional signature, the checksum, two sizes of four or eight bytes.
		for _, more := range []int{16, 12, 24, 20} {
			if end := m.size + more; end+4 <= len(m.body) && string(m.body[end:end+2]) == "PK" {
				m.size = end
				break
			}
		}
	}
	if m.size > len(m.body) {
		return false
	}
	m.at = len(m.b) - len(m.body) + m.size
	return true
}

// text returns the beginning of the member unpacked.
func (m *members) text() []byte {
	var r io.Reader = bytes.NewReader(m.body[:min(len(m.body), max(m.size, 0))])
	if m.size < 0 {
		r = bytes.NewReader(m.body)
	}
	if m.pack == deflated {
		r = m.unpack(r)
	}
	b, _ := io.ReadAll(io.LimitReader(r, 256<<10)) // what came before an error will do
	return b
}

// MIMEOf returns what an OpenDocument file says of itself in its first member, "" for another file. One that was packed by other software,
// which does not put that member first, is known by the names of the others, and its kind by its extension: "-".
func MIMEOf(h *extract.Head) string {
	if !bytes.HasPrefix(h.Bytes, []byte("PK\x03\x04")) {
		return ""
	}
	m := members{b: h.Bytes}
	for first := true; m.next(); first = false {
		switch m.name {
		case "mimetype":
			b := m.text()
			if m.size < 0 { // it ends where a record of the zip begins
				b, _, _ = bytes.Cut(b, []byte("PK\x07\x08"))
			}
			if !first || m.pack != stored || len(b) > 256 {
				return "-"
			}
			return strings.TrimSpace(string(b))
		case "content.xml", "meta-inf/manifest.xml":
			return "-"
		}
	}
	return ""
}
