package media

import (
	"bytes"
	"encoding/binary"

	"github.com/magpie-sec/magpie/internal/extract"
)

// infoNames are the texts of LIST INFO (RIFF, and Exif's part 3).
var infoNames = map[string]string{
	"IARL": "ArchivalLocation", "IART": "Artist", "ICMS": "Commissioned", "ICMT": "Comment", "ICOP": "Copyright", "ICRD": "DateCreated", "IENG": "Engineer",
	"IGNR": "Genre", "IKEY": "Keywords", "IMED": "Medium", "INAM": "Title", "IPRD": "Product", "ISBJ": "Subject", "ISFT": "Software", "ISRC": "Source",
	"ISRF": "SourceForm", "ITCH": "Technician", "IDIT": "DateTimeOriginal", "ILNG": "Language", "IWRI": "Writer", "IPRO": "ProducedBy", "ISTR": "Starring",
	"ICNT": "Country", "IMUS": "MusicBy",
}

// riff reads chunks from a place on: those of WebP, WAV and AVI, and of AIFF, whose sizes are big-endian.
func (t *tags) riff(at, end int64, order binary.ByteOrder, list string, depth int) error {
	for chunks := 0; at+8 <= end; chunks++ {
		h, err := t.bytes(at, 8)
		if err != nil {
			return err
		}
		id, n := string(h[:4]), int64(order.Uint32(h[4:]))
		at += 8
		if n > end-at {
			if id == "data" || id == "SSND" || id == "movi" || n == 1<<32-1 {
				return nil // a stream that was never finished
			}
			return extract.Malformed("a chunk does not fit into the file")
		}
		if err := t.try(t.chunk(at, n, order, list, id, depth)); err != nil {
			return err
		}
		at += (n + 1) &^ 1
	}
	return nil
}

func (t *tags) chunk(at, n int64, order binary.ByteOrder, list, id string, depth int) error {
	value := func(path ...string) error {
		b, err := t.bytes(at, n)
		if err != nil {
			return err
		}
		return t.legacy(b, path...)
	}
	switch {
	case id == "LIST" && n >= 4 && depth < 8:
		b, err := t.bytes(at, 4)
		if err != nil {
			return err
		}
		if kind := string(b); kind != "movi" && kind != "rec " {
			return t.riff(at+4, at+n, order, kind, depth+1)
		}
	case list == "INFO" && len(id) == 4 && id[0] == 'I':
		name := infoNames[id]
		if name == "" {
			name = id
		}
		return value("INFO", name)
	case id == "EXIF":
		if b, err := t.bytes(at, min(n, 6)); err == nil && string(b) == exifMark {
			at, n = at+6, n-6
		}
		return t.exif(at, n, "EXIF")
	case id == "XMP " || id == "_PMX":
		return t.xmpAt(at, n)
	case id == "iXML" || id == "aXML":
		return t.xmpAt(at, n)
	case id == "id3 " || id == "ID3 ":
		_, err := t.id3(at, at+n)
		return err
	case id == "strn":
		return value("AVI", "StreamName")
	case id == "IDIT":
		return value("AVI", "DateTimeOriginal")
	case id == "bext" && n >= 338: // EBU Tech 3285
		b, err := t.bytes(at, 338)
		if err != nil {
			return err
		}
		for _, f := range []struct {
			name     string
			from, to int
		}{{"Description", 0, 256}, {"Originator", 256, 288}, {"OriginatorReference", 288, 320}, {"OriginationDate", 320, 330}} {
			v, _, _ := bytes.Cut(b[f.from:f.to], []byte{0})
			if err := t.legacy(v, "BroadcastExtension", f.name); err != nil {
				return err
			}
		}
	case list == "AIFF":
		if name := map[string]string{"NAME": "Name", "AUTH": "Author", "(c) ": "Copyright", "ANNO": "Annotation"}[id]; name != "" {
			return value("AIFF", name)
		}
	}
	return nil
}
