package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/text"
)

// database makes a database with SQLite itself.
func database(t testing.TB, do func(db *sql.DB)) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	do(db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

func must(t testing.TB, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.Exec(statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// written writes a value as the reader does, "" for what it passes over.
func written(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return v
	}
	return ""
}

// What SQLite reads from databases of every shape, we read at the same places.
func TestSecondOpinion(t *testing.T) {
	for _, encoding := range []string{"UTF-8", "UTF-16le", "UTF-16be"} {
		for _, page := range []int{512, 4096, 65536} {
			t.Run(fmt.Sprint(encoding, " ", page), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(page), uint64(len(encoding))))
				want := map[string]string{}
				file := database(t, func(db *sql.DB) { shuffled(t, db, r, encoding, page, want) })
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: "x", Size: int64(len(b)), ReaderAt: bytes.NewReader(b)})
				if d.Result.Code != extract.Complete {
					t.Errorf("%+v", d.Result)
				}
				got := map[string]string{}
				for _, v := range d.Values {
					if v.Field.Steps[0].Name != "sqlite_schema" {
						got[fmt.Sprint(v.Row, v.Field.Names[len(v.Field.Names)-2:])] = v.Text
					}
				}
				if len(want) < 2000 || !cmp.Equal(want, got) {
					t.Errorf("%d values, want %d:\n%.2000s", len(got), len(want), cmp.Diff(want, got))
				}
			})
		}
	}
}

// shuffled fills tables, deletes and changes some rows, and notes what SQLite then says is in them.
func shuffled(t *testing.T, db *sql.DB, r *rand.Rand, encoding string, page int, want map[string]string) {
	must(t, db, fmt.Sprintf("PRAGMA page_size=%d; PRAGMA encoding='%s'; PRAGMA auto_vacuum=%d", page, encoding, r.IntN(3)))
	must(t, db, `CREATE TABLE "plain" (id INTEGER PRIMARY KEY, name TEXT, amount REAL, n INT, b BLOB);
		CREATE TABLE keyed (x INT, k TEXT, note, PRIMARY KEY (k COLLATE NOCASE, x)) WITHOUT ROWID;
		CREATE TABLE [no key](a, b); CREATE INDEX i ON plain(name, n); BEGIN`)
	for i := range 700 {
		name := strings.Repeat("Grüße 😀 "+strconv.Itoa(i)+" ", 1+r.IntN(1+r.IntN(1+page/16)))
		must(t, db, `INSERT OR IGNORE INTO plain VALUES (?,?,?,?,?)`, r.Int64()>>r.IntN(64), name, float64(r.IntN(1e6))+0.25, r.Int64()>>r.IntN(64)*int64(1-2*r.IntN(2)), []byte{0, 255, byte(i)})
		must(t, db, `INSERT INTO keyed VALUES (?,?,?)`, r.IntN(10), fmt.Sprint(r.Uint64(), name[:r.IntN(2)*8]), strings.Repeat("n", r.IntN(page)))
		must(t, db, `INSERT INTO "no key" VALUES (?,?)`, i, nil)
	}
	must(t, db, `DELETE FROM plain WHERE n % 3 = 0; DELETE FROM "no key" WHERE a % 5 = 1; UPDATE plain SET name = 'changed' WHERE n % 7 = 1; COMMIT`)
	for _, q := range []struct{ table, query string }{
		{"plain", `SELECT id, name, amount, n FROM plain ORDER BY rowid`},
		{"keyed", `SELECT x, k, note FROM keyed ORDER BY k COLLATE NOCASE, x`},
		{"no key", `SELECT a, b FROM "no key" ORDER BY rowid`},
	} {
		rows, err := db.Query(q.query)
		if err != nil {
			t.Fatal(err)
		}
		columns, _ := rows.Columns()
		for n := 0; rows.Next(); n++ {
			cells := make([]any, len(columns))
			to := make([]any, len(columns))
			for i := range to {
				to[i] = &cells[i]
			}
			if err := rows.Scan(to...); err != nil {
				t.Fatal(err)
			}
			for i, c := range cells {
				if s := written(c); s != "" {
					want[fmt.Sprint(n, []string{q.table, columns[i]})] = s
				}
			}
		}
		rows.Close()
	}
}

// A page that hangs in two places, or in itself, is read once; the other tables are read whole.
func TestPagesInCircles(t *testing.T) {
	file := database(t, func(db *sql.DB) {
		must(t, db, "PRAGMA page_size=512; CREATE TABLE a (s TEXT); CREATE TABLE b (s TEXT)")
		for i := range 100 {
			must(t, db, "INSERT INTO a VALUES (?)", fmt.Sprint("row ", i, " of the first table"))
		}
		for i := range 100 {
			must(t, db, "INSERT INTO b VALUES (?)", fmt.Sprint("row ", i, " of the second table"))
		}
	})
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const root = 512 // page 2 is the first table's root, an interior page
	if b[root] != 5 {
		t.Fatalf("page 2 begins with %d", b[root])
	}
	cell := root + int(binary.BigEndian.Uint16(b[root+12:]))
	second := root + int(binary.BigEndian.Uint16(b[root+14:]))
	for name, child := range map[string]uint32{"itself": 2, "its sibling": binary.BigEndian.Uint32(b[second:]), "nowhere": 1 << 30, "no page": 0} {
		t.Run(name, func(t *testing.T) {
			broken := bytes.Clone(b)
			binary.BigEndian.PutUint32(broken[cell:], child)
			d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: "x", Size: int64(len(b)), ReaderAt: bytes.NewReader(broken)})
			count := map[string]int{}
			for _, v := range d.Values {
				count[v.Field.Names[0]]++
			}
			if d.Result.Code != extract.Partial || d.Result.Reason != extract.MalformedFile || count["b"] != 100 || count["a"] < 70 || count["a"] > 99 {
				t.Errorf("%+v, %v", d.Result, count)
			}
		})
	}
}

// peak is a sink that watches the heap.
type peak struct {
	blocks int
	bytes  int64
	most   uint64
}

func (p *peak) look() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.most = max(p.most, m.HeapAlloc)
	return m.HeapAlloc
}

func (p *peak) Begin(extract.Document) error               { return nil }
func (p *peak) End(extract.Document, extract.Result) error { return nil }
func (p *peak) Text(b *text.Block) error {
	if p.blocks++; p.blocks%64 == 0 {
		p.look()
	}
	for _, s := range b.Segments {
		p.bytes += int64(s.End - s.Start)
	}
	return nil
}

// Values of 48 MB, as text and as a document, do not stay in memory.
func TestMemory(t *testing.T) {
	const size = 48 << 20
	for name, statement := range map[string]string{
		"UTF-8":    "CREATE TABLE t (a); INSERT INTO t VALUES (replace(hex(zeroblob(%d/8)), '00', 'some tex'))",
		"UTF-16":   "PRAGMA encoding='UTF-16'; CREATE TABLE t (a); INSERT INTO t VALUES (replace(hex(zeroblob(%d/8)), '00', 'some tex'))",
		"document": "CREATE TABLE t (a); INSERT INTO t VALUES (CAST('%%PDF-1.4' || char(10) || replace(hex(zeroblob(%d/8)), '00', 'some tex') AS BLOB))",
		"rows":     "CREATE TABLE t (a, b); WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i < %d/100) INSERT INTO t SELECT i, 'a row with some text ' || i FROM c",
	} {
		t.Run(name, func(t *testing.T) {
			file := database(t, func(db *sql.DB) { must(t, db, fmt.Sprintf(statement, size)) })
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			info, _ := f.Stat()
			p := new(peak)
			base := p.look()
			p.most = 0
			e := extracttest.Extractor()
			e.Spool = extracttest.FileSpool(t)
			res, err := e.Extract(context.Background(), extract.Object{Name: file, Size: info.Size(), ReaderAt: f}, p)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d MiB of file, %d MiB of text, %d KiB of heap, %+v", info.Size()>>20, p.bytes>>20, (int64(p.most)-int64(base))>>10, res)
			if p.most > base+16<<20 || name != "document" && (res.Code != extract.Complete || p.bytes < 10<<20) {
				t.Errorf("%+v, %d bytes of heap over %d", res, p.most, base)
			}
		})
	}
}

// BenchmarkSQLite reads a table of ten columns; the reference is the command line of SQLite, which writes the same rows as SQL.
func BenchmarkSQLite(b *testing.B) {
	file := database(b, func(db *sql.DB) {
		must(b, db, `CREATE TABLE customers (id INTEGER PRIMARY KEY, first_name, last_name, email, phone, street, city, card, amount REAL, note);
			WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i < 100000)
			INSERT INTO customers SELECT i, 'Ann', 'Lindqvist', 'ann' || i || '@example.org', '+46 70 ' || (1000000 + i), i % 300 || ' High Street', 'Uppsala',
			substr('0000000000000000' || abs(random()), -16), i / 100.0, 'said "hello" again' FROM c`)
	})
	content, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("ours", func(b *testing.B) {
		e := extracttest.Extractor()
		b.SetBytes(int64(len(content)))
		b.ReportAllocs()
		for b.Loop() {
			var sink extracttest.Stop
			res, err := e.Extract(context.Background(), extract.Object{Name: "a.db", Size: int64(len(content)), ReaderAt: bytes.NewReader(content)}, &sink)
			if err != nil || res.Code != extract.Complete {
				b.Fatalf("%+v, %v", res, err)
			}
		}
	})
	b.Run("reference=modernc", func(b *testing.B) {
		db, err := sql.Open("sqlite", file)
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			rows, err := db.Query("SELECT * FROM customers")
			if err != nil {
				b.Fatal(err)
			}
			cells := make([]sql.RawBytes, 10)
			to := make([]any, 10)
			for i := range to {
				to[i] = &cells[i]
			}
			for rows.Next() {
				if err := rows.Scan(to...); err != nil {
					b.Fatal(err)
				}
			}
			rows.Close()
		}
	})
	b.Run("reference=sqlite3-dump", func(b *testing.B) {
		path, err := exec.LookPath("sqlite3")
		if err != nil {
			b.Skip(err)
		}
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			if err := exec.Command(path, file, ".dump").Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// In a table of names and values the name is the context of its value.
func TestNamesInRows(t *testing.T) {
	for _, encoding := range []string{"UTF-8", "UTF-16"} {
		file := database(t, func(db *sql.DB) {
			must(t, db, "PRAGMA encoding='"+encoding+"'; CREATE TABLE settings (id INTEGER PRIMARY KEY, k TEXT, v TEXT); INSERT INTO settings VALUES (1, 'secret_access_key', 'value1'), (2, 'a@b', 'value2')")
		})
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: "x", Size: int64(len(b)), ReaderAt: bytes.NewReader(b)})
		got := map[string]string{}
		for _, v := range d.Values {
			got[v.Text] = strings.Join(v.Field.Names, " ")
		}
		if got["value1"] != "secret_access_key settings v" || got["value2"] != "settings v" || got["1"] != "settings id" {
			t.Errorf("%s: %v", encoding, got)
		}
	}
}
