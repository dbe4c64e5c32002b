// Package orc reads Apache ORC.
//
// A stripe is read record by record, as far as the streams of its columns fit into memory together; with more columns than that it is read
// several times, some of the columns each time. Neither a stream nor a chunk nor a value has to fit into memory.
package orc

import (
	"bytes"
	"errors"
	"io"
	"math"
	"time"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/records"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is ORC (the specifications of versions 0 and 1). A record is a row, counted through all stripes.
var Format = extract.Format{
	Name: "orc",
	MIME: "application/orc",
	About: extract.About{
		Title: "Apache ORC",
		Reads: "All columns, nested ones too: strings, numbers, dates, times, decimals, bytes that are UTF-8; names of columns are context. Versions 0.11 " +
			"and 0.12 of the encodings, all codecs but LZO.",
		Leaves:  "Columns that are encrypted (what masks them is read), booleans, the statistics, the user's metadata.",
		Sniffed: "The signature ORC.",
		Places:  "Record, counted from 0, and JSON path; a map is an array of key and value.",
		Reasons: []extract.Reason{extract.UnsupportedFileType, extract.FileExceedsSizeLimit, extract.JSONNestingLevelOverLimit},
	},
	Extensions: []string{"orc"},
	Kind:       text.Records,
	MaxBytes:   8 * extract.GB,
	First:      "O",
	Match:      match,
	Extract:    read,
}

const (
	magic = "ORC"
	// maxHeld is how much the streams of the columns that are read together may take.
	maxHeld = 16 << 20
)

// match looks for bytes that no text has behind the three letters, which begin words, too.
func match(h *extract.Head) extract.Score {
	if !bytes.HasPrefix(h.Bytes, []byte(magic)) {
		return extract.No
	}
	if h.Text == nil {
		return extract.Certain
	}
	for _, c := range h.Bytes[len(magic):min(len(h.Bytes), 64)] {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return extract.Certain
		}
	}
	if h.Has("orc") {
		return extract.Certain // without compression and indexes a stripe can begin with the text of a column
	}
	return extract.No
}

// A reader reads one file.
type reader struct {
	in     *extract.Input
	at     io.ReaderAt
	values *records.Values
	codecs *codecs
	depth  int

	nodes   []node
	columns []columnStreams
	zones   map[string]*time.Location
	zone    *time.Location
	epoch   int64 // from which timestamps count, in seconds from 1970

	held    int64
	row     int64
	indexes []int64
	kept    dictionaries
	buf     []byte
	problem error
}

func read(in *extract.Input, out *extract.Output) error {
	at, size, err := in.Random()
	if err != nil {
		return err
	}
	r := &reader{in: in, at: at, values: records.NewValues(out, size), depth: out.Limits().JSONDepth, zones: map[string]*time.Location{}}
	length, end, codecs, err := postscript(at, size)
	if err != nil {
		return err
	}
	r.codecs = codecs
	defer codecs.close()
	t, err := readTail(r.proto(end-length, length))
	if err != nil {
		return err
	}
	if t.encrypted {
		r.trouble(&extract.Problem{Reason: extract.UnsupportedFileType, Detail: "encrypted columns"})
	}
	if t.more {
		r.trouble(&extract.Problem{Reason: extract.FileExceedsSizeLimit, Detail: "too many stripes"})
	}
	if err := r.tree(t.types); err != nil {
		return err
	}
	for i := range t.stripes {
		s := &t.stripes[i]
		if err = r.stripe(s, end-length); errors.Is(err, records.ErrExpands) {
			break
		} else if err != nil {
			r.trouble(err)
			err = nil
		}
		if r.row += s.rows; r.row > math.MaxInt64/2 {
			err = extract.Malformed("an absurd number of rows")
			break
		}
	}
	if e := r.values.Flush(); err == nil {
		err = e
	}
	if err == nil {
		err = r.problem
	}
	return err
}

// proto returns a reader of messages at a place in the file.
func (r *reader) proto(from, length int64) *proto {
	k := &chunks{c: r.codecs, at: r.at, from: from, to: from + length}
	return &proto{records.NewSource(k, make([]byte, 16<<10))}
}

func (r *reader) trouble(err error) {
	if r.problem == nil {
		r.problem = err
	}
}

// stripe delivers the rows of a stripe.
func (r *reader) stripe(s *stripe, end int64) error {
	if s.offset+s.index+s.data+s.footer > end {
		return extract.Malformed("a stripe beyond the file")
	}
	var zone string
	if err := stripeFooter(r.proto(s.offset+s.index+s.data, s.footer), s, r.columns, &zone); err != nil {
		return err
	}
	r.setZone(zone)
	// The leaves are taken as far as there is memory for their streams and those above them.
	for first := 0; first < len(r.nodes); {
		for i := range r.nodes {
			r.nodes[i].reset()
		}
		some := false
		budget := int64(maxHeld)
		for ; first < len(r.nodes); first++ {
			n := &r.nodes[first]
			if !n.leaf() {
				continue
			}
			need := r.need(n)
			if some && need > budget {
				break
			}
			budget -= need
			some = true
			for at := n; at != nil; at = at.parent {
				at.selected = true
			}
		}
		if !some {
			return nil
		}
		if err := r.pass(s.rows); err != nil {
			return err
		}
	}
	return nil
}

// need estimates how much memory the streams of a leaf take, and those above it that are not open.
func (r *reader) need(n *node) (sum int64) {
	for at := n; at != nil && !at.selected; at = at.parent {
		c := &r.columns[at.column]
		for kind, p := range c.at {
			if !c.has[kind] || p.length == 0 {
				continue
			}
			sum += windowOf(kind, at) + 6<<10
			if r.codecs.kind != uncompressed {
				sum += r.codecs.chunk
			}
			if kind == dictionaryStream {
				sum += min(8*p.length, maxDictionary)
			}
		}
	}
	return sum
}

// pass reads the selected columns of a stripe.
func (r *reader) pass(rows int64) error {
	r.held = 0
	root := &r.nodes[0]
	if err := r.open(root); err != nil {
		if errors.Is(err, records.ErrExpands) {
			return err
		}
		r.trouble(err)
	}
	for i := int64(0); i < rows && !root.dead; i++ {
		r.indexes = r.indexes[:0]
		if err := r.values.Charge(1); err != nil {
			return err
		}
		if err := r.value(root, r.row+i); err != nil {
			if errors.Is(err, records.ErrExpands) {
				return err
			}
			r.trouble(err)
			return nil
		}
	}
	return nil
}

// setZone notes the time zone of a stripe's timestamps: they count from the beginning of 2015 there.
func (r *reader) setZone(name string) {
	z, ok := r.zones[name]
	if !ok {
		var err error
		if z, err = time.LoadLocation(name); err != nil {
			z = time.UTC
		}
		if len(r.zones) < 100 {
			r.zones[name] = z
		}
	}
	r.zone = z
	r.epoch = time.Date(2015, 1, 1, 0, 0, 0, 0, z).Unix()
}
