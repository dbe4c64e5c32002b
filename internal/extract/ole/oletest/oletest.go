// Package oletest writes compound files for tests of what reads them.
package oletest

import (
	"encoding/binary"
	"sort"
	"strings"
	"unicode/utf16"
)

// A Stream is a stream with its path ("ObjectPool/_1/Package"); storages come about by the paths of what stands in them.
type Stream struct {
	Path    string
	Content []byte
}

type node struct {
	name     string
	content  []byte
	storage  bool
	children []*node
	no       uint32
}

const (
	end, free, ofFAT, ofDIFAT = 0xfffffffe, 0xffffffff, 0xfffffffd, 0xfffffffc
	sector                    = 512
)

// File returns a compound file without small streams.
func File(streams ...Stream) []byte {
	root := &node{name: "Root Entry", storage: true}
	for _, s := range streams {
		at := root
		parts := strings.Split(s.Path, "/")
		for i, part := range parts {
			var found *node
			for _, c := range at.children {
				if c.name == part {
					found = c
				}
			}
			if found == nil {
				found = &node{name: part, storage: i < len(parts)-1}
				at.children = append(at.children, found)
			}
			at = found
		}
		at.content = s.Content
	}
	var all []*node
	var number func(n *node)
	number = func(n *node) {
		n.no = uint32(len(all))
		all = append(all, n)
		sort.SliceStable(n.children, func(i, k int) bool { return len(n.children[i].name) < len(n.children[k].name) })
		for _, c := range n.children {
			number(c)
		}
	}
	number(root)
	var data []byte
	var fat []uint32
	chain := func(b []byte) uint32 {
		if len(b) == 0 {
			return end
		}
		start := uint32(len(fat))
		data = append(data, b...)
		data = append(data, make([]byte, (sector-len(b)%sector)%sector)...)
		for range (len(b) + sector - 1) / sector {
			fat = append(fat, uint32(len(fat)+1))
		}
		fat[len(fat)-1] = end
		return start
	}
	directory := make([]byte, 0, 128*len(all))
	right := make([]uint32, len(all))
	for i := range right {
		right[i] = free
	}
	for _, n := range all {
		for i := 1; i < len(n.children); i++ {
			right[n.children[i-1].no] = n.children[i].no
		}
	}
	for i, n := range all {
		e := make([]byte, 128)
		name := utf16.Encode([]rune(n.name))
		for k, u := range name {
			binary.LittleEndian.PutUint16(e[2*k:], u)
		}
		binary.LittleEndian.PutUint16(e[64:], uint16(2*len(name)+2))
		child := uint32(free)
		if len(n.children) > 0 {
			child = n.children[0].no
		}
		switch {
		case i == 0:
			e[66] = 5
		case n.storage:
			e[66] = 1
		default:
			e[66] = 2
		}
		binary.LittleEndian.PutUint32(e[68:], free)
		binary.LittleEndian.PutUint32(e[72:], right[i])
		binary.LittleEndian.PutUint32(e[76:], child)
		binary.LittleEndian.PutUint32(e[116:], chain(n.content))
		binary.LittleEndian.PutUint32(e[120:], uint32(len(n.content)))
		directory = append(directory, e...)
	}
	dir := chain(directory)
	fats, difats := 0, 0
	for {
		total := len(fat) + fats + difats
		if needed := (total + 127) / 128; needed > fats {
			fats = needed
			continue
		}
		if needed := (max(0, fats-109) + 126) / 127; needed > difats {
			difats = needed
			continue
		}
		break
	}
	first := uint32(len(fat))
	for range fats {
		fat = append(fat, ofFAT)
	}
	for range difats {
		fat = append(fat, ofDIFAT)
	}
	for len(fat) < 128*fats {
		fat = append(fat, free)
	}
	header := make([]byte, sector, sector+len(data)+4*len(fat)+sector*difats)
	copy(header, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	put := func(at int, v uint32) { binary.LittleEndian.PutUint32(header[at:], v) }
	header[24], header[26], header[28], header[29], header[30], header[32] = 0x3e, 3, 0xfe, 0xff, 9, 6
	put(44, uint32(fats))
	put(48, dir)
	put(60, end)
	put(68, end)
	put(72, uint32(difats))
	if difats > 0 {
		put(68, first+uint32(fats))
	}
	list := make([]uint32, 109+127*difats)
	for i := range list {
		if list[i] = free; i < fats {
			list[i] = first + uint32(i)
		}
	}
	for i, v := range list[:109] {
		put(76+4*i, v)
	}
	file := append(header, data...)
	for _, v := range fat {
		file = binary.LittleEndian.AppendUint32(file, v)
	}
	// The lists of the FAT's sectors stand behind them; what was left free is cut off.
	file = file[:len(header)+len(data)+4*128*fats]
	for i := range difats {
		for _, v := range list[109+127*i : 109+127*(i+1)] {
			file = binary.LittleEndian.AppendUint32(file, v)
		}
		next := uint32(end)
		if i+1 < difats {
			next = first + uint32(fats+i+1)
		}
		file = binary.LittleEndian.AppendUint32(file, next)
	}
	return file
}
