package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/parquet"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/text"
)

// readParquet reads a file of Parquet, which needs random access, and hands over each object that its rows tell of, as readCSV does. Its keys are
// not encoded.
func readParquet(ctx context.Context, f *os.File, size int64, bucket string, c *columns, take func(*source.Object) error) error {
	sink := &rowSink{row: rowReader{columns: c, bucket: bucket}, take: take, number: -1}
	result, err := reportExtractor.Extract(ctx, extract.Object{Name: "report.parquet", Size: size, ReaderAt: f, Reader: io.NewSectionReader(f, 0, size)}, sink)
	if err == nil {
		err = sink.end()
	}
	switch {
	case err != nil:
		return err
	case result.Code != extract.Complete:
		return errors.New("it is damaged, or of a kind that is not read")
	}
	return nil
}

// reportExtractor reads reports of whatever size: what bounds them are the temporary files.
var reportExtractor = &extract.Extractor{
	Formats: []extract.Format{reportFormat()},
	Limits:  extract.Limits{ExtractedBytes: math.MaxInt64 / 4, MemberBytes: math.MaxInt64 / 4},
}

func reportFormat() extract.Format {
	f := parquet.Format
	f.MaxBytes = math.MaxInt64 / 4
	return f
}

// A rowSink puts the values of a file together to rows. The values come row by row.
type rowSink struct {
	row    rowReader
	take   func(*source.Object) error
	number int64 // of the row that is gathered; -1 for none
	bytes  [columnCount][]byte
	has    [columnCount]bool
	known  map[*text.Field]int // which column a field is, -1 for none
}

func (s *rowSink) Begin(extract.Document) error               { return nil }
func (s *rowSink) End(extract.Document, extract.Result) error { return nil }

// Text implements extract.Sink.
func (s *rowSink) Text(b *text.Block) error {
	for i := range b.Segments {
		segment := &b.Segments[i]
		column, known := s.known[segment.Field]
		if !known {
			column = s.column(segment.Field)
		}
		if segment.Row != s.number {
			if segment.Row < s.number {
				return errors.New("its rows are too wide to be read together")
			}
			if err := s.end(); err != nil {
				return err
			}
			s.number = segment.Row
		}
		if column < 0 {
			continue
		}
		if segment.More || s.has[column] {
			return fmt.Errorf("row %d: a value is too long, or there twice", s.number)
		}
		s.has[column] = true
		s.bytes[column] = append(s.bytes[column][:0], b.Text[segment.Start:segment.End]...)
	}
	return nil
}

// column finds out which column a field is.
func (s *rowSink) column(f *text.Field) int {
	column := -1
	if f != nil && len(f.Steps) == 1 {
		for i, names := range columnNames {
			if names[1] == f.Steps[0].Name {
				column = i
			}
		}
	}
	if s.known == nil {
		s.known = map[*text.Field]int{}
	}
	s.known[f] = column
	return column
}

// end hands over the row that was gathered.
func (s *rowSink) end() error {
	if s.number < 0 {
		return nil
	}
	for i := range s.bytes {
		s.row.fields[i] = nil
		if s.has[i] {
			s.row.fields[i] = s.bytes[i]
		}
	}
	s.has = [columnCount]bool{}
	if string(s.row.fields[columnBucket]) != s.row.bucket {
		return fmt.Errorf("row %d: it is about another bucket", s.number)
	}
	if err := s.row.fill(s.row.fields[columnKey]); err != nil {
		return fmt.Errorf("row %d: %w", s.number, err)
	}
	if replaced(s.row.object.Key) {
		return fmt.Errorf("row %d: its key is no text", s.number)
	}
	return s.take(&s.row.object)
}
