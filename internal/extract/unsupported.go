package extract

import (
	"bytes"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

const octetStream = "application/octet-stream"

// packages are the formats that are zip files outside and something else to people. What is read gets a folder of its own and leaves
// this list; a zip that is none of these (an epub, a Java archive, a map) is read as the archive that it is.
var packages = map[string]bool{
	"application/vnd.ms-visio.drawing.main+xml":  true,
	"application/vnd.oasis.opendocument.formula": true,
	"application/vnd.oasis.opendocument.chart":   true,
	"application/vnd.sun.xml.calc":               true,
}

// unsupported returns the media type of a document that we recognise and do not read, else "".
func unsupported(h *Head) string {
	if !bytes.HasPrefix(h.Bytes, []byte("PK\x03\x04")) {
		return ""
	}
	if mime := h.mediaType(); packages[mime] {
		return mime
	}
	return ""
}

// signed says that a document has a binary format's signature; text has none, nor what nobody knows.
func (h *Head) signed() bool {
	m := mimetype.Detect(h.Bytes)
	h.mime = withoutParameters(m.String())
	if h.mime == octetStream {
		return false
	}
	for ; m != nil; m = m.Parent() {
		if withoutParameters(m.String()) == "text/plain" {
			return false
		}
	}
	return true
}

// mediaType returns the media type that a signature tells, if any format's does.
func (h *Head) mediaType() string {
	if h.mime == "" {
		h.mime = withoutParameters(mimetype.Detect(h.Bytes).String())
	}
	return h.mime
}

func withoutParameters(mime string) string {
	mime, _, _ = strings.Cut(mime, ";")
	return mime
}
