package extract

import (
	"bytes"

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
	if mime := mediaType(h.Bytes); packages[mime] {
		return mime
	}
	return ""
}

// signature returns the media type of a document with a binary format's signature, "" for text and for what nobody knows.
func signature(b []byte) string {
	m := mimetype.Detect(b)
	for p := m; p != nil; p = p.Parent() {
		if p.Is("text/plain") {
			return ""
		}
	}
	if m.Is(octetStream) {
		return ""
	}
	return mediaType(b)
}

func mediaType(b []byte) string {
	mime, _, _ := bytes.Cut([]byte(mimetype.Detect(b).String()), []byte(";"))
	return string(mime)
}
