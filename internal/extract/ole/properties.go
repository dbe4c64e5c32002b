package ole

import (
	"encoding/binary"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/office"
)

const (
	// maxPropertySet is how much of a property set is read, maxProperties how many of its properties, and maxName how long a name may be.
	maxPropertySet = 1 << 20
	maxProperties  = 4 << 10
	maxName        = 1 << 10
)

// summary and documentSummary name the properties with text of people's in the two sets that every document has ([MS-OLEPS]).
var (
	summary = map[uint32]string{2: "title", 3: "subject", 4: "author", 5: "keywords", 6: "description", 8: "last modified by"}

	documentSummary = map[uint32]string{2: "category", 14: "manager", 15: "company", 26: "content type", 27: "status"}
)

// Properties writes the document's properties, a line each: those of the summaries, and those that users defined.
func (f *File) Properties(root *Entry, w office.Writer) error {
	for _, set := range []struct {
		stream string
		names  map[uint32]string
	}{{"\x05SummaryInformation", summary}, {"\x05DocumentSummaryInformation", documentSummary}} {
		e := root.Child(set.stream)
		if e == nil || e.Storage {
			continue
		}
		b := make([]byte, min(e.Size, maxPropertySet))
		if err := full(f.Stream(e), b, 0); err != nil {
			return err
		}
		p := propertySet{b: b, names: set.names, w: w}
		if err := p.read(); err != nil {
			return err
		}
	}
	return nil
}

type propertySet struct {
	b     []byte
	names map[uint32]string
	w     office.Writer
}

func u16(b []byte, at int) int {
	if at < 0 || at+2 > len(b) {
		return 0
	}
	return int(binary.LittleEndian.Uint16(b[at:]))
}

func u32(b []byte, at int) int {
	if at < 0 || at+4 > len(b) {
		return 0
	}
	return int(binary.LittleEndian.Uint32(b[at:]))
}

// read reads the sections: the first has the names that are known, the second one those of users.
func (p *propertySet) read() error {
	if len(p.b) < 28 || u16(p.b, 0) != 0xfffe {
		return extract.Malformed("no property set")
	}
	for i := range min(u32(p.b, 24), 2) {
		at := u32(p.b, 28+20*i+16)
		if at < 28 || at >= len(p.b) {
			continue
		}
		if err := p.section(p.b[at:], i > 0); err != nil {
			return err
		}
	}
	return nil
}

func (p *propertySet) section(b []byte, users bool) error {
	type property struct {
		id uint32
		at int
	}
	var all []property
	page := 1252
	var dictionary int
	for i := range min(u32(b, 4), maxProperties) {
		id, at := uint32(u32(b, 8+8*i)), u32(b, 12+8*i)
		switch {
		case at < 8 || at+4 > len(b):
		case id == 0:
			dictionary = at
		case id == 1:
			page = u16(b, at+4)
		default:
			all = append(all, property{id, at})
		}
	}
	names := p.names
	if users {
		names = dictionaryOf(b, dictionary, page)
	}
	for _, prop := range all {
		name := names[prop.id]
		if name == "" || strings.HasPrefix(name, "_") || name == "AppVersion" { // Office's own, as _PID_HLINKS
			continue
		}
		if err := p.value(b, prop.at, name, page); err != nil {
			return err
		}
	}
	return nil
}

// dictionaryOf reads the names of the properties that users defined.
func dictionaryOf(b []byte, at, page int) map[uint32]string {
	names := map[uint32]string{}
	if at == 0 {
		return names
	}
	count := u32(b, at)
	at += 4
	for i := 0; i < min(count, maxProperties) && at+8 <= len(b); i++ {
		id, n := uint32(u32(b, at)), u32(b, at+4)
		at += 8
		if page == 1200 {
			n *= 2
		}
		if n > len(b)-at {
			break
		}
		names[id] = Decode(b[at:at+min(n, maxName)], page)
		if at += n; page == 1200 {
			at = (at + 3) &^ 3
		}
	}
	return names
}

// value writes a text, or a number or a date that a user set; other types hold nothing that could be read.
func (p *propertySet) value(b []byte, at int, name string, page int) error {
	kind := u16(b, at)
	n := u32(b, at+4)
	text := ""
	switch kind {
	case 0x1e: // VT_LPSTR
		if n <= len(b)-at-8 {
			text = Decode(b[at+8:at+8+n], page)
		}
	case 0x1f: // VT_LPWSTR
		if n *= 2; n <= len(b)-at-8 {
			text = Decode(b[at+8:at+8+n], 1200)
		}
	case 0x03, 0x05, 0x40: // VT_I4, VT_R8, VT_FILETIME
		text = number(b, at, kind)
	}
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	if _, err := p.w.Write([]byte(name + ": " + text)); err != nil {
		return err
	}
	p.w.Break()
	return nil
}
