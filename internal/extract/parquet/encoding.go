package parquet

import (
	"encoding/binary"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/records"
)

// rle reads the hybrid of run lengths and bit packing that levels and indexes of dictionaries are written in.
type rle struct {
	s      records.Source
	width  int
	run    int64 // values left of a run
	value  uint32
	groups int64 // groups of eight packed values left
	at     int   // in group, 8 when it is used up
	group  [8]uint32
}

func newRLE(s records.Source, width int) rle { return rle{s: s, width: width, at: 8} }

func (r *rle) next() (uint32, error) {
	if r.run > 0 {
		r.run--
		return r.value, nil
	}
	if r.at < 8 {
		r.at++
		return r.group[r.at-1], nil
	}
	return r.more()
}

func (r *rle) more() (uint32, error) {
	for r.groups == 0 {
		h, err := r.s.Uvarint()
		if err != nil {
			return 0, err
		}
		if h>>1 > 1<<31 {
			return 0, extract.Malformed("an absurd run")
		}
		if h&1 == 1 {
			r.groups = int64(h >> 1)
			continue
		}
		b, err := r.s.Need((r.width + 7) / 8)
		if err != nil {
			return 0, err
		}
		r.value = 0
		for i, c := range b {
			r.value |= uint32(c) << (8 * i)
		}
		if r.run = int64(h >> 1); r.run > 0 {
			r.run--
			return r.value, nil
		}
	}
	b, err := r.s.Need(r.width)
	if err != nil {
		return 0, err
	}
	var wide [40]byte
	copy(wide[:], b)
	mask := uint64(1)<<r.width - 1
	for i, bit := 0, 0; i < 8; i, bit = i+1, bit+r.width {
		r.group[i] = uint32(binary.LittleEndian.Uint64(wide[bit>>3:]) >> (bit & 7) & mask)
	}
	r.groups--
	r.at = 1
	return r.group[0], nil
}

// delta reads DELTA_BINARY_PACKED numbers.
type delta struct {
	s         records.Source
	left      int64 // values to come
	perMini   int64
	minis     int
	value     int64
	first     bool
	min       int64
	widths    [maxMinis]byte
	mini      int   // the next miniblock
	miniLeft  int64 // values of this miniblock that are still packed
	width     int
	at        int // in group, 8 when it is used up
	group     [8]uint64
	beginning int64
}

const maxMinis = 256

func (d *delta) reset(s records.Source) error {
	d.s = s
	d.beginning = s.Offset()
	block, err := d.s.Uvarint()
	if err != nil {
		return err
	}
	minis, err := d.s.Uvarint()
	if err != nil {
		return err
	}
	total, err := d.s.Uvarint()
	if err != nil {
		return err
	}
	d.value, err = d.s.Varint()
	if err != nil {
		return err
	}
	if minis == 0 || minis > maxMinis || block > 1<<20 || block%minis != 0 || block/minis%8 != 0 || block == 0 || total > 1<<40 {
		return extract.Malformed("absurd blocks of deltas")
	}
	d.left, d.minis, d.perMini = int64(total), int(minis), int64(block/minis)
	d.first, d.mini, d.miniLeft, d.at = true, d.minis, 0, 8
	return nil
}

func (d *delta) next() (int64, error) {
	if d.left == 0 {
		return 0, extract.Malformed("fewer deltas than values")
	}
	d.left--
	if d.first {
		d.first = false
		return d.value, nil
	}
	if d.at == 8 {
		if err := d.more(); err != nil {
			return 0, err
		}
	}
	d.value += d.min + int64(d.group[d.at])
	d.at++
	return d.value, nil
}

func (d *delta) more() error {
	if d.miniLeft == 0 {
		if d.mini == d.minis {
			var err error
			if d.min, err = d.s.Varint(); err != nil {
				return err
			}
			b, err := d.s.Need(d.minis)
			if err != nil {
				return err
			}
			copy(d.widths[:], b)
			d.mini = 0
		}
		d.width = int(d.widths[d.mini])
		d.mini++
		d.miniLeft = d.perMini
		if d.width > 64 {
			return extract.Malformed("deltas of more than 64 bits")
		}
	}
	b, err := d.s.Need(d.width)
	if err != nil {
		return err
	}
	d.miniLeft -= 8
	d.at = 0
	if d.width == 0 {
		d.group = [8]uint64{}
		return nil
	}
	var wide [80]byte
	copy(wide[:], b)
	mask := ^uint64(0) >> (64 - d.width)
	for i, bit := 0, 0; i < 8; i, bit = i+1, bit+d.width {
		v := binary.LittleEndian.Uint64(wide[bit>>3:]) >> (bit & 7)
		if bit&7+d.width > 64 {
			v |= uint64(wide[bit>>3+8]) << (64 - bit&7)
		}
		d.group[i] = v & mask
	}
	return nil
}

// length reads to the end of the numbers and says how many bytes they take.
func (d *delta) length() (int64, error) {
	for d.left > 0 {
		if _, err := d.next(); err != nil {
			return 0, err
		}
	}
	if err := d.s.Skip(d.miniLeft / 8 * int64(d.width)); err != nil {
		return 0, err
	}
	return d.s.Offset() - d.beginning, nil
}
