package doc

import (
	"encoding/binary"
	"sort"
)

// paragraphs looks up the properties of paragraphs: pages of 512 bytes in the main stream, listed in the table stream by the offsets of the text
// that they are for ([MS-DOC] 2.8.6, 2.9.23). All that is wanted of them is what stands in a table.
type paragraphs struct {
	d        *document
	at, size int64 // of the list

	page     [512]byte
	from, to int64 // the text that the page is for
}

// A place is what a paragraph's properties say of where it stands.
type place struct {
	known   bool // the document tells
	inTable bool
	endsRow bool // it is the mark behind the last cell of a row
}

// place looks up the paragraph at an offset of the stream.
func (p *paragraphs) place(off int64) (place, error) {
	if p.size < 12 {
		return place{}, nil
	}
	if off < p.from || off >= p.to {
		if ok, err := p.load(off); err != nil || !ok {
			return place{}, err
		}
	}
	n := int(p.page[511])
	if 4*(n+1)+13*n > 511 {
		return place{}, nil
	}
	i := sort.Search(n, func(i int) bool { return int64(binary.LittleEndian.Uint32(p.page[4*i+4:])) > off })
	if i == n {
		return place{}, nil
	}
	at := 2 * int(p.page[4*(n+1)+13*i])
	if at == 0 || at+2 > 511 {
		return place{known: true}, nil
	}
	size := 2*int(p.page[at]) - 1
	if at++; size < 0 {
		size = 2 * int(p.page[at])
		at++
	}
	if size < 2 {
		return place{known: true}, nil
	}
	return placeOf(p.page[min(at+2, 511):min(at+size, 511)]), nil // behind the number of the style
}

// load finds the page for an offset.
func (p *paragraphs) load(off int64) (bool, error) {
	n := (p.size - 4) / 8
	var failed error
	fc := func(i int64) int64 {
		v, err := p.d.table.Uint32(p.at + 4*i)
		if err != nil && failed == nil {
			failed = err
		}
		return int64(v)
	}
	i := int64(sort.Search(int(n), func(i int) bool { return failed != nil || fc(int64(i)+1) > off }))
	if failed != nil || i == n {
		return false, failed
	}
	no, err := p.d.table.Uint32(p.at + 4*(n+1) + 4*i)
	if err != nil {
		return false, err
	}
	p.from, p.to = fc(i), fc(i+1)
	at := int64(no&0x3fffff) * 512
	if off < p.from || at+512 > p.d.main.Size() {
		p.to = p.from
		return false, failed
	}
	if err := p.d.main.Full(p.page[:], at); err != nil {
		p.to = p.from
		return false, err
	}
	return true, failed
}

// placeOf reads a list of properties for those of tables (sprmPFInTable, sprmPFTtp).
func placeOf(b []byte) place {
	p := place{known: true}
	for len(b) >= 3 {
		sprm := binary.LittleEndian.Uint16(b)
		switch sprm {
		case 0x2416:
			p.inTable = b[2] != 0
		case 0x2417:
			p.endsRow = b[2] != 0
		case 0x6645, 0x6646: // the properties stand elsewhere, being too long: only definitions of wide tables' rows are
			p.inTable, p.endsRow = true, true
		}
		size := 0
		switch sprm >> 13 {
		case 0, 1:
			size = 1
		case 2, 4, 5:
			size = 2
		case 3:
			size = 4
		case 7:
			size = 3
		case 6:
			size = 1 + int(b[2])
			if sprm == 0xd608 && len(b) >= 4 { // the definition of a table's row has a length of two bytes
				size = 1 + int(binary.LittleEndian.Uint16(b[2:]))
			}
		}
		if len(b) < 2+size {
			return p
		}
		b = b[2+size:]
	}
	return p
}
