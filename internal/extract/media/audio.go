package media

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
)

// id3Names are the frames of ID3v2.3 and 2.4 with a text, and those of 2.2 that became them.
var id3Names = map[string]string{
	"TALB": "Album", "TCOM": "Composer", "TCON": "Genre", "TCOP": "Copyright", "TDRC": "RecordingDate", "TENC": "EncodedBy", "TEXT": "Lyricist",
	"TIT1": "ContentGroup", "TIT2": "Title", "TIT3": "Subtitle", "TOPE": "OriginalArtist", "TOWN": "FileOwner", "TPE1": "Artist", "TPE2": "Band",
	"TPE3": "Conductor", "TPE4": "ModifiedBy", "TPUB": "Publisher", "TRSN": "RadioStation", "TRSO": "RadioStationOwner", "TSRC": "ISRC", "TYER": "Year",
	"TSSE": "EncoderSettings", "TPRO": "ProducedNotice", "TOFN": "OriginalFilename", "TMOO": "Mood", "COMM": "Comment", "USLT": "Lyrics",
	"TT1": "ContentGroup", "TT2": "Title", "TT3": "Subtitle", "TP1": "Artist", "TP2": "Band", "TP3": "Conductor", "TAL": "Album", "TCR": "Copyright",
	"TEN": "EncodedBy", "TXT": "Lyricist", "TCM": "Composer", "TYE": "Year", "COM": "Comment", "ULT": "Lyrics", "TPB": "Publisher", "TCO": "Genre",
}

// mp3 reads ID3v2 at the beginning, and the 128 bytes of ID3v1 at the end.
func (t *tags) mp3() error {
	if _, err := t.id3(0, t.size); err != nil {
		if err := t.try(err); err != nil {
			return err
		}
	}
	if t.size < 128 {
		return nil
	}
	b, err := t.bytes(t.size-128, 128)
	if err != nil || string(b[:3]) != "TAG" {
		return err
	}
	for _, f := range []struct {
		name     string
		from, to int
	}{{"Title", 3, 33}, {"Artist", 33, 63}, {"Album", 63, 93}, {"Year", 93, 97}, {"Comment", 97, 127}} {
		v, _, _ := bytes.Cut(b[f.from:f.to], []byte{0})
		if err := t.legacy(v, "ID3", f.name); err != nil {
			return err
		}
	}
	return nil
}

func synchsafe(b []byte) int64 {
	return int64(b[0]&0x7f)<<21 | int64(b[1]&0x7f)<<14 | int64(b[2]&0x7f)<<7 | int64(b[3]&0x7f)
}

// id3 reads an ID3v2 tag and says where it ends.
func (t *tags) id3(at, end int64) (int64, error) {
	h, err := t.bytes(at, min(10, end-at))
	if err != nil || len(h) < 10 || string(h[:3]) != "ID3" {
		return at, err
	}
	version, flags, size := h[3], h[5], synchsafe(h[6:])
	at += 10
	stop := at + size
	if stop > end {
		return end, extract.Malformed("the tag is longer than the file")
	}
	const unsync, extended = 0x80, 0x40
	if flags&extended != 0 && version > 2 && size > 4 {
		b, err := t.bytes(at, 4)
		if err != nil {
			return stop, err
		}
		if version == 3 {
			at += 4 + int64(binary.BigEndian.Uint32(b))
		} else {
			at += synchsafe(b)
		}
	}
	head, idLen := int64(10), 4
	if version == 2 {
		head, idLen = 6, 3
	}
	for at+head <= stop {
		h, err := t.bytes(at, head)
		if err != nil {
			return stop, err
		}
		id := string(h[:idLen])
		if h[0] == 0 {
			return stop, nil // padding
		}
		var n int64
		unsynced := flags&unsync != 0
		skip := int64(0)
		switch version {
		case 2:
			n = int64(h[3])<<16 | int64(h[4])<<8 | int64(h[5])
		case 3:
			n = int64(binary.BigEndian.Uint32(h[4:]))
		default:
			n = synchsafe(h[4:])
			unsynced = unsynced || h[9]&2 != 0
			if h[9]&1 != 0 {
				skip = 4 // the size without what unsynchronisation added
			}
		}
		at += head
		if n > stop-at {
			return stop, extract.Malformed("a frame is longer than the tag")
		}
		packed := version == 3 && h[9]&0xc0 != 0 || version == 4 && h[9]&0x0c != 0 // or encrypted
		if !packed && n > skip && (id[0] == 'T' || id[0] == 'W' || strings.HasPrefix(id, "COM") || id == "USLT" || id == "ULT") {
			b, err := t.bytes(at+skip, n-skip)
			if err != nil {
				return stop, err
			}
			if unsynced {
				b = bytes.ReplaceAll(b, []byte{0xff, 0}, []byte{0xff})
			}
			if err := t.id3Frame(id, b); err != nil {
				return stop, err
			}
		}
		at += n
	}
	return stop, nil
}

// id3Frame reads a text: the charset, for some a language, for some a description, then the text.
func (t *tags) id3Frame(id string, b []byte) error {
	name := id3Names[id]
	if name == "" {
		name = id
	}
	if id[0] == 'W' && id != "WXXX" && id != "WXX" {
		return t.legacy(b, "ID3", name)
	}
	charset := b[0]
	b = b[1:]
	described := id == "TXXX" || id == "TXX" || id == "WXXX" || id == "WXX"
	if id[0] == 'C' || id[0] == 'U' {
		if len(b) < 3 {
			return nil
		}
		b, described = b[3:], true
	}
	if described {
		about, rest := id3Cut(b, charset)
		if v := bytes.TrimSpace(id3Text(about, charset)); len(v) > 0 && id[0] != 'C' && id[0] != 'U' {
			name = string(v)
		} else if err := t.add(v, "ID3", name); err != nil {
			return err
		}
		b = rest
		if id[0] == 'W' {
			charset = 0
		}
	}
	return t.add(id3Text(b, charset), "ID3", name)
}

// id3Cut cuts at the zero that ends a text of that charset.
func id3Cut(b []byte, charset byte) (before, after []byte) {
	if charset != 1 && charset != 2 {
		before, after, _ = bytes.Cut(b, []byte{0})
		return before, after
	}
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] == 0 && b[i+1] == 0 {
			return b[:i], b[i+2:]
		}
	}
	return b, nil
}

// id3Text decodes; the first charset is Latin-1 by the book and anything in life.
func id3Text(b []byte, charset byte) []byte {
	if charset == 1 || charset == 2 {
		return wide(b, charset == 2)
	}
	return western(b)
}

// flac reads blocks of metadata.
func (t *tags) flac() error {
	at, err := t.id3(0, t.size)
	if err != nil {
		return err
	}
	for at += 4; at+4 <= t.size; {
		h, err := t.bytes(at, 4)
		if err != nil {
			return err
		}
		n := int64(h[1])<<16 | int64(h[2])<<8 | int64(h[3])
		at += 4
		if n > t.size-at {
			return extract.Malformed("a block does not fit into the file")
		}
		if h[0]&0x7f == 4 {
			b, err := t.bytes(at, n)
			if err != nil {
				return err
			}
			if err := t.try(t.vorbis(b)); err != nil {
				return err
			}
		}
		at += n
		if h[0]&0x80 != 0 {
			return nil
		}
	}
	return extract.Malformed("cut in the metadata")
}

// vorbis reads comments of Vorbis: who wrote them, then names and values. Pictures are left out.
func (t *tags) vorbis(b []byte) error {
	next := func() ([]byte, bool) {
		if len(b) < 4 {
			return nil, false
		}
		n := int64(binary.LittleEndian.Uint32(b))
		if b = b[4:]; n > int64(len(b)) {
			return nil, false
		}
		v := b[:n]
		b = b[n:]
		return v, true
	}
	vendor, ok := next()
	if !ok || len(b) < 4 {
		return extract.Malformed("comments are cut")
	}
	if err := t.legacy(vendor, "Comments", "Vendor"); err != nil {
		return err
	}
	count := binary.LittleEndian.Uint32(b)
	b = b[4:]
	for range count {
		v, ok := next()
		if !ok {
			return extract.Malformed("comments are cut")
		}
		name, value, ok := bytes.Cut(v, []byte("="))
		key := strings.ToUpper(string(western(name)))
		if !ok || key == "METADATA_BLOCK_PICTURE" || key == "COVERART" {
			continue
		}
		if err := t.legacy(value, "Comments", key); err != nil {
			return err
		}
	}
	return nil
}

// oggMarks begin the packets with comments: of Vorbis, Opus, Theora and Speex's is its second, which has no mark.
var oggMarks = []string{"\x03vorbis", "OpusTags", "\x81theora"}

// maxOggPages is how many pages are read to find the comments, which stand in the first packets.
const maxOggPages = 1024

// ogg gathers the first packets of each stream.
func (t *tags) ogg() error {
	packets := map[uint32][]byte{}
	at := int64(0)
	for range maxOggPages {
		if at+27 > t.size {
			return nil
		}
		h, err := t.bytes(at, min(27+255, t.size-at))
		if err != nil {
			return err
		}
		if string(h[:4]) != "OggS" || len(h) < 27+int(h[26]) {
			return extract.Malformed("no page where one should be")
		}
		serial, lacing := binary.LittleEndian.Uint32(h[14:]), h[27:27+int(h[26])]
		at += 27 + int64(len(lacing))
		body := int64(0)
		for _, l := range lacing {
			body += int64(l)
		}
		if body > t.size-at {
			return extract.Malformed("a page is cut")
		}
		b, err := t.bytes(at, body)
		if err != nil {
			return err
		}
		at += body
		done := binary.LittleEndian.Uint64(h[6:]) > 0 && binary.LittleEndian.Uint64(h[6:]) < math.MaxUint64 // sound has begun
		for _, l := range lacing {
			p := packets[serial]
			if len(p) < maxValue && len(packets) < 16 {
				p = append(p, b[:l]...)
			}
			b = b[l:]
			if l == 255 {
				packets[serial] = p
				continue
			}
			packets[serial] = nil
			if err := t.try(t.oggPacket(p)); err != nil {
				return err
			}
		}
		if done {
			return nil
		}
	}
	return nil
}

func (t *tags) oggPacket(p []byte) error {
	for _, mark := range oggMarks {
		if bytes.HasPrefix(p, []byte(mark)) {
			return t.vorbis(p[len(mark):])
		}
	}
	if len(p) > 8 && p[0] == 4 { // FLAC in Ogg: a block of comments
		return t.vorbis(p[4:])
	}
	return nil
}

// Elements of Matroska with a text of its own, and those that hold them (RFC 9559).
const (
	mkvSegment, mkvInfo, mkvTags, mkvTag, mkvSimple          = 0x18538067, 0x1549a966, 0x1254c367, 0x7373, 0x67c8
	mkvTagName, mkvTagString, mkvTitle, mkvChapters          = 0x45a3, 0x4487, 0x7ba9, 0x1043a770
	mkvEdition, mkvAtom, mkvDisplay, mkvChapString           = 0x45b9, 0xb6, 0x80, 0x85
	mkvTracks, mkvTrack, mkvTrackName, mkvAttachments        = 0x1654ae6b, 0xae, 0x536e, 0x1941a469
	mkvAttached, mkvFileName, mkvFileDescription, mkvFileUID = 0x61a7, 0x466e, 0x467e, 0x46ae
)

var mkvHolders = map[uint64]bool{mkvSegment: true, mkvInfo: true, mkvTags: true, mkvTag: true, mkvSimple: true, mkvChapters: true, mkvEdition: true,
	mkvAtom: true, mkvDisplay: true, mkvTracks: true, mkvTrack: true, mkvAttachments: true, mkvAttached: true}

var mkvNames = map[uint64]string{mkvTitle: "Title", mkvChapString: "Chapter", mkvTrackName: "TrackName", mkvFileName: "AttachmentName",
	mkvFileDescription: "AttachmentDescription"}

// A matroska walks the elements; name is that of the tag whose value comes.
type matroska struct {
	*tags
	name     string
	elements int
}

func (t *tags) matroska() error {
	m := &matroska{tags: t}
	return m.walk(0, t.size, 0)
}

func (m *matroska) walk(at, end int64, level int) error {
	for at+2 <= end {
		if m.elements++; m.elements > maxBoxes || level > maxLevels {
			return extract.Malformed("more elements than a file has")
		}
		b, err := m.bytes(at, min(12, end-at))
		if err != nil {
			return err
		}
		id, k := vint(b, true)
		n, k2 := vint(b[k:], false)
		if k == 0 || k2 == 0 {
			return extract.Malformed("an element is broken")
		}
		at += int64(k + k2)
		size := int64(n)
		if n == 1<<(7*k2)-1 { // not known: up to the end
			size = end - at
		}
		if size > end-at {
			return extract.Malformed("an element does not fit into the file")
		}
		switch {
		case mkvHolders[id]:
			err = m.try(m.walk(at, at+size, level+1))
		case id == mkvTagName || id == mkvTagString || mkvNames[id] != "":
			err = m.text(id, at, size)
		}
		if err != nil {
			return err
		}
		at += size
	}
	return nil
}

func (m *matroska) text(id uint64, at, n int64) error {
	b, err := m.bytes(at, n)
	if err != nil {
		return err
	}
	switch id {
	case mkvTagName:
		m.name = string(western(bytes.TrimRight(b, "\x00")))
		return nil
	case mkvTagString:
		if m.name == "" {
			m.name = "Tag"
		}
		return m.legacy(b, "Media", m.name)
	}
	return m.legacy(b, "Media", mkvNames[id])
}

// vint reads a number of Matroska: as many bytes as the first one's leading zeros tell. The mark stays in ids.
func vint(b []byte, keep bool) (uint64, int) {
	if len(b) == 0 || b[0] == 0 {
		return 0, 0
	}
	n := 1
	for m := byte(0x80); b[0]&m == 0; m >>= 1 {
		n++
	}
	if n > len(b) {
		return 0, 0
	}
	v := uint64(b[0])
	if !keep {
		v &= 1<<(8-n) - 1
	}
	for _, c := range b[1:n] {
		v = v<<8 | uint64(c)
	}
	return v, n
}
