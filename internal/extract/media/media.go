// Package media reads what images, sound and films say of themselves in words: EXIF, IPTC, XMP, comments, tags. It decodes no pixels and no sound.
package media

import (
	"bytes"
	"encoding/binary"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/text"
)

const (
	photoTags = "EXIF (texts, dates, serial numbers, the position in decimal degrees), IPTC, XMP"
	places    = "Record 0, and the tag's name as a JSON path."
)

// JPEG is JPEG.
var JPEG = format("jpeg", "image/jpeg", "JPEG images", photoTags+", comments.", "The signature.", "\xff\xd8\xff", (*tags).jpeg, "jpg", "jpeg", "jpe", "jfif")

// PNG is PNG.
var PNG = format("png", "image/png", "PNG images", photoTags+", texts, packed or not, profiles of ImageMagick.", "The signature.",
	"\x89PNG\r\n\x1a\n", (*tags).png, "png", "apng")

// GIF is GIF.
var GIF = format("gif", "image/gif", "GIF images", "Comments, texts, XMP.", "The signature.", "GIF8", (*tags).gif, "gif")

// TIFF is TIFF, and what cameras make of it (DNG, NEF, ARW, CR2 and others).
var TIFF = matching("tiff", "image/tiff", "TIFF images and raw photos", photoTags+".", "The signature.", "IM", func(h *extract.Head) bool {
	return bytes.HasPrefix(h.Bytes, []byte("II*\x00")) || bytes.HasPrefix(h.Bytes, []byte("MM\x00*"))
}, func(t *tags) error { return t.exif(0, t.size, "EXIF") }, "tif", "tiff", "dng", "nef", "arw", "cr2", "pef", "srw")

// WebP is WebP.
var WebP = matching("webp", "image/webp", "WebP images", "EXIF, XMP.", "The signature.", "R", riffOf("WEBP"), (*tags).riffFile, "webp")

// HEIF is HEIF with its relatives HEIC and AVIF.
var HEIF = matching("heif", "image/heif", "HEIF, HEIC and AVIF images", "EXIF, XMP.", "The brand.", "", brand(true), (*tags).movie, "heic", "heif", "hif", "avif")

// PSD is Photoshop's format.
var PSD = format("psd", "image/vnd.adobe.photoshop", "Photoshop documents", photoTags+".", "The signature.", "8BPS", (*tags).psd, "psd", "psb")

// MP4 is the family of QuickTime and MP4.
var MP4 = matching("mp4", "video/mp4", "MP4, M4A, QuickTime and 3GP", "iTunes' and QuickTime's metadata, user data, the position in decimal degrees, XMP.", "The first box.", "",
	brand(false), (*tags).movie, "mp4", "m4v", "m4a", "m4b", "mov", "qt", "3gp", "3g2")

// MP3 is MP3 with ID3.
var MP3 = matching("mp3", "audio/mpeg", "MP3", "ID3 from version 1 to 2.4.", "ID3's signature, or that of a frame with the extension.", "I\xff", func(h *extract.Head) bool {
	b := h.Bytes
	id3 := len(b) > 10 && string(b[:3]) == "ID3" && b[3] >= 2 && b[3] <= 4 && (b[6]|b[7]|b[8]|b[9])&0x80 == 0
	return id3 || h.Has("mp3", "mp2") && len(b) > 4 && b[0] == 0xff && b[1]&0xe0 == 0xe0 && b[2]>>4 != 15
}, (*tags).mp3, "mp3", "mp2", "aac")

// FLAC is FLAC.
var FLAC = format("flac", "audio/flac", "FLAC", "Comments of Vorbis.", "The signature.", "fLaC", (*tags).flac, "flac")

// Ogg is Ogg with Vorbis, Opus, FLAC or Theora.
var Ogg = format("ogg", "application/ogg", "Ogg (Vorbis, Opus, FLAC, Theora)", "Comments of Vorbis.", "The signature.", "OggS", (*tags).ogg, "ogg", "oga", "ogv", "opus")

// WAV is WAV.
var WAV = matching("wav", "audio/wav", "WAV", "LIST INFO, broadcast extension, iXML, ID3, XMP.", "The signature.", "R", riffOf("WAVE"), (*tags).riffFile, "wav", "bwf")

// AVI is AVI.
var AVI = matching("avi", "video/x-msvideo", "AVI", "LIST INFO, names of streams, dates, XMP.", "The signature.", "R", riffOf("AVI "), (*tags).riffFile, "avi")

// AIFF is AIFF.
var AIFF = matching("aiff", "audio/aiff", "AIFF", "Name, author, copyright, annotations, ID3.", "The signature.", "F", func(h *extract.Head) bool {
	return len(h.Bytes) > 12 && string(h.Bytes[:4]) == "FORM" && (string(h.Bytes[8:12]) == "AIFF" || string(h.Bytes[8:12]) == "AIFC")
}, func(t *tags) error { return t.riff(12, t.size, binary.BigEndian, "AIFF", 0) }, "aif", "aiff", "aifc")

// Matroska is Matroska and WebM.
var Matroska = format("matroska", "video/x-matroska", "Matroska and WebM", "Tags, titles, names of tracks, chapters and attachments.", "The signature.",
	"\x1a\x45\xdf\xa3", (*tags).matroska, "mkv", "mka", "mks", "webm")

func format(name, mime, title, reads, sniffed, magic string, read func(*tags) error, extensions ...string) extract.Format {
	return matching(name, mime, title, reads, sniffed, magic[:1], func(h *extract.Head) bool { return bytes.HasPrefix(h.Bytes, []byte(magic)) }, read, extensions...)
}

func matching(name, mime, title, reads, sniffed, first string, match func(*extract.Head) bool, read func(*tags) error, extensions ...string) extract.Format {
	return extract.Format{
		Name: name,
		MIME: mime,
		About: extract.About{
			Title:   title,
			Reads:   reads,
			Leaves:  "Everything else: pixels, sound, pictures in tags, makers' notes; of a tag or packet what exceeds 1 MiB.",
			Sniffed: sniffed,
			Places:  places,
			Reasons: []extract.Reason{extract.FileExceedsSizeLimit},
		},
		Extensions: extensions,
		Kind:       text.Records,
		MaxBytes:   20 * extract.GB,
		First:      first,
		Match: func(h *extract.Head) extract.Score {
			if match(h) {
				return extract.Certain
			}
			return extract.No
		},
		Extract: func(in *extract.Input, out *extract.Output) error {
			r, size, err := in.Random()
			if err != nil {
				return err
			}
			t := &tags{in: in, out: out, r: r, size: size, fields: map[string]*text.Field{}}
			if err := read(t); err != nil {
				return err
			}
			if t.trouble == nil && t.cut {
				return &extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "a tag is too long"}
			}
			return t.trouble
		},
	}
}

func riffOf(form string) func(*extract.Head) bool {
	return func(h *extract.Head) bool {
		return len(h.Bytes) >= 12 && string(h.Bytes[:4]) == "RIFF" && string(h.Bytes[8:12]) == form
	}
}

func (t *tags) riffFile() error { return t.riff(12, t.size, binary.LittleEndian, "", 0) }

// brand matches the first box of a file: its type, and for images its brand.
func brand(image bool) func(*extract.Head) bool {
	return func(h *extract.Head) bool {
		b := h.Bytes
		if len(b) < 12 {
			return false
		}
		size := binary.BigEndian.Uint32(b)
		switch string(b[4:8]) {
		case "ftyp":
			picture := false
			// The brand, a version, and brands that the file is like.
			for i := 8; i+4 <= min(len(b), int(min(size, 256))); i += 4 {
				switch string(b[i : i+4]) {
				case "heic", "heix", "heim", "heis", "hevc", "mif1", "msf1", "avif", "avis":
					picture = true
				}
			}
			return picture == image
		case "moov", "mdat", "wide", "free", "skip", "pnot": // QuickTime's first files
			return !image && size >= 8 && (h.Has("mov", "qt", "mp4") || string(b[4:8]) == "moov")
		}
		return false
	}
}
