package sql_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/text"
)

// endless repeats a text between a beginning and an end.
type endless struct {
	head, unit, tail string
	left             int64 // bytes of the repetition
	rest             string
	state            int
}

func (e *endless) Read(p []byte) (int, error) {
	for e.rest == "" {
		switch {
		case e.state == 0:
			e.rest, e.state = e.head, 1
		case e.state == 1 && e.left > 0:
			e.rest = e.unit
			e.left -= int64(len(e.unit))
		case e.state == 1:
			e.rest, e.state = e.tail, 2
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// watch is a sink that looks at the heap, and at values of one column.
type watch struct {
	blocks  int
	named   map[string]int64 // bytes of values by their column
	running int64
	most    uint64
	last    text.Segment
}

func (w *watch) look() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.most = max(w.most, m.HeapAlloc)
	return m.HeapAlloc
}

func (w *watch) Begin(extract.Document) error               { return nil }
func (w *watch) End(extract.Document, extract.Result) error { return nil }
func (w *watch) Text(b *text.Block) error {
	if w.blocks++; w.blocks%256 == 1 {
		w.look()
	}
	for _, s := range b.Segments {
		if s.Field == nil {
			w.running += int64(s.End - s.Start)
			continue
		}
		w.named[s.Field.Names[len(s.Field.Names)-1]] += int64(s.End - s.Start)
		w.last = s
	}
	return nil
}

// Lines, values and comments of any length take constant memory, and what follows them is read as usual.
func TestStreams(t *testing.T) {
	const size = 64 << 20
	create := "CREATE TABLE t (a INT, b TEXT);\n"
	for name, c := range map[string]struct {
		head, unit, tail string
		column           string
		least            int64
	}{
		"one line of rows": {create + "INSERT INTO t VALUES (0,'x')", ",(1,'it''s a row, (with) text')", ",(2,'last');\n", "b", size / 2},
		"one value":        {create + "INSERT INTO t VALUES (1,'", "it''s text\nof \\ many lines, ", "'),(2,'last');\n", "b", size / 2},
		"value of COPY":    {create + "COPY t (a, b) FROM stdin;\n1\t", "text\\tand\\\\ ", "\n2\tlast\n\\.\n", "b", size / 2},
		"rows of COPY":     {create + "COPY t (a, b) FROM stdin;\n", "1\tsome text\n", "2\tlast\n\\.\n", "b", size / 2},
		"bytes":            {create + "INSERT INTO t VALUES (1,0x", "00ff00ff00ff", "),(2,'last');\n", "b", 4},
		"bytes in quotes":  {create + "INSERT INTO t VALUES (1,x'", "00ff00ff00ff", "'),(2,'last');\n", "b", 4},
		"a comment":        {create + "INSERT INTO t VALUES (1,'one') /* ", "a long comment; with 'quotes ", "*/,(2,'last');\n", "b", 7},
		"another string":   {create + "INSERT INTO t VALUES (1,'one'); SELECT '", "it''s a long; string", "'; INSERT INTO t VALUES (2,'last');\n", "b", 7},
		"nothing":          {create + "INSERT INTO t VALUES (1,'one'", ",NULL", "),(2,'last');\n", "b", 7},
	} {
		t.Run(name, func(t *testing.T) {
			w := &watch{named: map[string]int64{}}
			base := w.look()
			w.most = 0
			e := extracttest.Extractor()
			res, err := e.Extract(context.Background(), extract.Object{Name: "a.sql", Size: -1, Reader: &endless{head: c.head, unit: c.unit, tail: c.tail, left: size}}, w)
			if err != nil || res.Code != extract.Complete || w.named[c.column] < c.least || w.most > base+8<<20 {
				t.Errorf("%+v, %v, %v bytes, %d KiB of heap", res, err, w.named, (w.most-base)>>10)
			}
			if w.last.Field == nil || w.last.Field.Names[len(w.last.Field.Names)-1] != "b" || w.last.End-w.last.Start != 4 || w.last.More {
				t.Errorf("the last value is %+v", w.last)
			}
		})
	}
}

// What is no dump stays what it is.
func TestOthersStayText(t *testing.T) {
	for name, content := range map[string]string{
		"a.py":   "import db\n\ndb.execute(\"\"\"\nINSERT INTO t (a) VALUES (1);\nINSERT INTO t (a) VALUES (2);\n\"\"\")\n",
		"a.md":   "# How to insert\n\n    INSERT INTO t (a) VALUES (1);\n",
		"a.txt":  "Create an account first. Insert into the form your name; then values are saved.\n",
		"b.txt":  "Set the table; insert into values.\nBegin now.\n",
		"a.sql":  "SELECT * FROM people WHERE card = '4111111111111111';\n",
		"a.java": "// INSERT INTO t (a) VALUES (1);\nclass A { String q = \"INSERT INTO t (a) VALUES (1);\"; }\n",
		"c.txt":  "INSERT\n",
	} {
		if d := extracttest.Read(t, name, content); d.MIME != "text/plain" || d.Running != content {
			t.Errorf("%s is read as %s", name, d)
		}
	}
	for _, name := range []string{"a.sql", "a.txt", "a.csv", "a", "a.json", "a.py"} {
		content := strings.Repeat("INSERT INTO t (a, b) VALUES (1, 'x');\n", 30)
		if d := extracttest.Read(t, name, content); d.MIME != "application/sql" {
			t.Errorf("%s is read as %s", name, d.MIME)
		}
	}
}

func dump(rows int) (dump, table []byte) {
	var d, c bytes.Buffer
	d.WriteString("-- MariaDB dump\nCREATE TABLE `customers` (`id` int, `first` text, `last` text, `email` text, `phone` text, `street` text, `city` text, `card` text, `amount` decimal, `note` text);\n")
	w := csv.NewWriter(&c)
	for i := range rows {
		if i%500 == 0 {
			if i > 0 {
				d.WriteString(";\n")
			}
			d.WriteString("INSERT INTO `customers` VALUES ")
		} else {
			d.WriteByte(',')
		}
		fmt.Fprintf(&d, "(%d,'Ann','Lindqvist','ann%d@example.org','+46 70 %07d','%d High Street','Uppsala','%016d',%d.25,'said \\\"hello\\\" again')", i, i, i*31, i%300, i*7919, i)
		w.Write([]string{fmt.Sprint(i), "Ann", "Lindqvist", fmt.Sprintf("ann%d@example.org", i), fmt.Sprintf("+46 70 %07d", i*31), fmt.Sprintf("%d High Street", i%300), "Uppsala", fmt.Sprintf("%016d", i*7919),
			fmt.Sprintf("%d.25", i), `said "hello" again`})
	}
	d.WriteString(";\n")
	w.Flush()
	return d.Bytes(), c.Bytes()
}

// The reference reads the same rows as CSV.
func BenchmarkSQL(b *testing.B) {
	content, table := dump(100_000)
	b.Run("ours", func(b *testing.B) {
		e := extracttest.Extractor()
		b.SetBytes(int64(len(content)))
		b.ReportAllocs()
		for b.Loop() {
			var sink extracttest.Stop
			res, err := e.Extract(context.Background(), extract.Object{Name: "a.sql", Size: int64(len(content)), Reader: bytes.NewReader(content)}, &sink)
			if err != nil || res.Code != extract.Complete {
				b.Fatalf("%+v, %v", res, err)
			}
		}
	})
	b.Run("reference=encoding/csv", func(b *testing.B) {
		b.SetBytes(int64(len(table)))
		for b.Loop() {
			r := csv.NewReader(bytes.NewReader(table))
			r.ReuseRecord = true
			for {
				if _, err := r.Read(); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
