// Package parquet reads Apache Parquet.
//
// A row group is read record by record, with a page of each of its columns in memory. When those pages would take more than maxHeld, or one of
// them is too large for memory, the rest of the row group is read column by column, as it is stored. No page has to fit into memory.
package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/records"
	"github.com/magpie-sec/magpie/internal/text"
)

// Format is Parquet (the specification of apache/parquet-format 2.12). A record is a row, counted through all row groups.
var Format = extract.Format{
	Name: "parquet",
	MIME: "application/parquet",
	About: extract.About{
		Title: "Apache Parquet",
		Reads: "All columns, nested ones too: strings, numbers, dates, times, decimals, UUIDs; names of columns are context. All " +
			"codecs but LZO, all encodings of the specification.",
		Leaves:  "Encrypted files and columns, columns in other files, the statistics.",
		Sniffed: "The signature PAR1.",
		Places:  "Record, counted from 0, and JSON path.",
		Reasons: []extract.Reason{extract.UnsupportedFileType, extract.FileExceedsSizeLimit, extract.JSONNestingLevelOverLimit},
	},
	Extensions: []string{"parquet", "parq", "pqt"},
	Kind:       text.Records,
	MaxBytes:   8 * extract.GB,
	First:      "P",
	Match:      match,
	Extract:    read,
}

const (
	magic          = "PAR1"
	magicEncrypted = "PARE"
	// maxHeld is how much the pages and dictionaries of a row group's columns may take together.
	maxHeld = 16 << 20
)

func match(h *extract.Head) extract.Score {
	if h.Text == nil && (bytes.HasPrefix(h.Bytes, []byte(magic)) || bytes.HasPrefix(h.Bytes, []byte(magicEncrypted))) {
		return extract.Certain
	}
	return extract.No
}

// A reader reads one file.
type reader struct {
	at         io.ReaderAt
	end        int64 // where the footer begins
	values     *records.Values
	row        int64 // of the first record of the row group
	columnwise bool
	held       int64
	problem    error // the first trouble of a column

	packed []byte
	header [4 << 10]byte
	zstd   *zstd.Decoder
}

func read(in *extract.Input, out *extract.Output) error {
	at, size, err := in.Random()
	if err != nil {
		return err
	}
	r := &reader{at: at, end: size - 8, values: records.NewValues(out, size)}
	var tail [8]byte
	if size < 12 {
		return extract.Malformed("no footer")
	}
	if err := r.read(tail[:], r.end); err != nil {
		return err
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	switch string(tail[4:]) {
	case magic:
	case magicEncrypted:
		return &extract.Problem{Reason: extract.UnsupportedFileType, Detail: "an encrypted footer"}
	default:
		return extract.Malformed("no footer")
	}
	if length > r.end-4 {
		return extract.Malformed("a footer longer than the file")
	}
	end := r.end
	r.end -= length
	f, err := readFooter(at, r.end, end, out.Limits().JSONDepth)
	if err == nil {
		err = r.groups(f)
	}
	if e := r.values.Flush(); err == nil {
		err = e
	}
	if err == nil {
		err = r.problem
	}
	return err
}

// read fills a buffer from a place in the file.
func (r *reader) read(b []byte, from int64) error {
	n, err := r.at.ReadAt(b, from)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (r *reader) groups(f *footer) error {
	var g group
	columns := make([]column, 0, len(f.leaves))
	for range f.groups {
		if err := f.reader.group(&g, len(f.leaves)); err != nil {
			return err
		}
		if err := r.group(f, &g, &columns); err != nil {
			return err
		}
		r.row += max(0, g.rows)
		if r.row > math.MaxInt64/2 {
			return extract.Malformed("an absurd number of rows")
		}
	}
	return nil
}

// group delivers a row group. What is wrong with one column does not harm the others.
func (r *reader) group(f *footer, g *group, columns *[]column) error {
	if len(g.chunks) != len(f.leaves) {
		return errSchema
	}
	all := *columns
	for i := len(all); i < len(f.leaves); i++ {
		all = append(all, column{leaf: f.leaves[i], r: r, indexes: make([]int64, f.leaves[i].maxRep)})
	}
	*columns = all
	open := 0
	for i := range all {
		c := &all[i]
		c.chunk = g.chunks[i]
		c.at, c.left, c.row, c.pageLeft, c.done = c.chunk.start, c.chunk.values, 0, 0, true
		c.dictionary.ends = c.dictionary.ends[:0]
		switch {
		case !c.leaf.read() || c.left <= 0:
		case c.encrypted:
			r.trouble(&extract.Problem{Reason: extract.UnsupportedFileType, Detail: "an encrypted column"})
		case c.far:
			r.trouble(&extract.Problem{Reason: extract.UnsupportedFileType, Detail: "a column in another file"})
		case c.at < 4 || c.at >= r.end:
			r.trouble(extract.Malformed("a column beyond the file"))
		default:
			c.done = false
			open++
		}
	}
	r.columnwise = false
	for row := int64(1); open > 0; row++ {
		if row > g.rows || r.columnwise {
			row = math.MaxInt64 - 1
		}
		for i := range all {
			c := &all[i]
			if c.done {
				continue
			}
			var err error
			if c.maxRep == 0 && c.pageLeft > 0 && c.row == row-1 { // nearly always
				err = c.flat(row)
			} else {
				err = c.upTo(row)
			}
			if err == nil && r.columnwise && row < math.MaxInt64-1 {
				err = c.upTo(math.MaxInt64 - 1)
			}
			if err != nil {
				if errors.Is(err, records.ErrExpands) {
					return err
				}
				r.trouble(err)
				c.done = true
			}
			if c.done {
				open--
				if r.columnwise {
					c.release()
				}
			}
		}
	}
	return nil
}

// release gives back the memory of a column that was read.
func (c *column) release() {
	c.r.held -= int64(cap(c.page.whole)) + c.dictionary.size()
	c.page, c.dictionary = page{}, dictionary{}
	c.values, c.index, c.rep, c.def = records.Source{}, rle{}, rle{}, rle{}
	c.numbers.s, c.suffixes.s, c.previous, c.split, c.raw, c.sizes = records.Source{}, records.Source{}, nil, nil, nil, nil
}

func (r *reader) trouble(err error) {
	if r.problem == nil {
		r.problem = err
	}
}
