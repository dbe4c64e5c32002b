package managed

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/detecttest"
	"github.com/magpie-sec/magpie/internal/text"
)

// TestColumns reads short values again and again with one scanner, which remembers what they look like, and compares what it finds with what a
// scanner finds that has never met anything like them.
func TestColumns(t *testing.T) {
	ids := All()
	e := detecttest.Engine(t, 0, ids...)
	fields := []*text.Field{{Names: []string{"x"}, Column: 1}}
	var values []string
	for _, id := range ids {
		if len(id.Keywords) > 0 {
			fields = append(fields, &text.Field{Names: []string{strings.Trim(id.Keywords[0], "^$…")}, Column: len(fields) + 1})
		}
		for _, v := range detecttest.ReadVectors(t, filepath.Join("testdata", id.ID+".txt")) {
			pieces := []string{v.Text, v.Text[:min(len(v.Text), 20)], v.Text[max(0, len(v.Text)-25):]}
			for _, s := range v.Spans {
				pieces = append(pieces, v.Text[s[0]:s[1]], v.Text[max(0, s[0]-9):s[1]])
			}
			for _, p := range pieces {
				if len(p) <= 40 {
					values = append(values, p)
				}
			}
		}
	}
	values = append(values, "a\\n4111111111111111", "b\\n4012888888881881", "c\\t4222222222222220", "phone (0)711 2345678")
	// Others that look alike, so that what follows from the looks of one is put to the test by another.
	random := rand.New(rand.NewPCG(1, 2))
	for _, v := range values {
		values = append(values, alike(random, v), alike(random, v))
	}
	slices.Sort(values)
	values = slices.Compact(values)
	// Each value stands in three columns: one after the other, so that each meets many.
	column := &text.Block{Kind: text.Cells}
	for i, v := range values {
		start := int32(len(column.Text))
		column.Text = append(column.Text, v...)
		for k := range 3 {
			column.Segments = append(column.Segments, text.Segment{Start: start, End: int32(len(column.Text)), Row: int64(3*i + k), Field: fields[(i*(k+1))%len(fields)]})
		}
	}
	want := make(map[int64]string)
	for _, seg := range column.Segments {
		s := e.NewScanner(func(m detect.Match) {
			want[seg.Row] += fmt.Sprint(m.Identifier.ID, m.Location.Offset, m.Location.Length, " ")
		})
		s.Write(&text.Block{Kind: text.Cells, Text: column.Text, Segments: []text.Segment{seg}})
		s.Close()
	}
	var got map[int64]string
	s := e.NewScanner(nil)
	for pass := range 6 {
		got = make(map[int64]string)
		s.Reset(func(m detect.Match) {
			got[m.Location.Row] += fmt.Sprint(m.Identifier.ID, m.Location.Offset, m.Location.Length, " ")
		})
		s.Write(column)
		s.Close()
		for _, seg := range column.Segments {
			if got[seg.Row] != want[seg.Row] {
				t.Errorf("pass %d, %q in %v: found %q, want %q", pass, column.Text[seg.Start:seg.End], seg.Field, got[seg.Row], want[seg.Row])
			}
		}
	}
	if len(want) < 1000 {
		t.Errorf("only %d of %d values are found", len(want), len(column.Segments))
	}
}

// alike returns a value of the same form: other digits for digits, and now and then other letters for letters.
func alike(random *rand.Rand, v string) string {
	letters := random.IntN(2) == 0
	out := []byte(v)
	for i, b := range out {
		switch {
		case b-'0' < 10 && random.IntN(3) == 0:
			out[i] = '0' + byte(random.IntN(10))
		case b-'a' < 26 && letters && random.IntN(3) == 0:
			out[i] = 'a' + byte(random.IntN(26))
		case b-'A' < 26 && letters && random.IntN(3) == 0:
			out[i] = 'A' + byte(random.IntN(26))
		}
	}
	return string(out)
}
