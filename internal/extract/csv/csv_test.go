package csv_test

import (
	"bytes"
	"context"
	stdcsv "encoding/csv"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/csv"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
)

// table puts the values back into rows and columns, as encoding/csv returns them: empty lines left out, line ends in cells as "\n".
func table(t testing.TB, d *extracttest.Document) [][]string {
	t.Helper()
	var rows [][]string
	header := 0
	for _, v := range d.Values {
		row, col := int(v.Row), 0
		if v.Field == nil {
			t.Fatalf("unexpected header cell %q", v.Text)
		}
		col = v.Field.Column
		row += header
		for len(rows) < row {
			rows = append(rows, nil)
		}
		for len(rows[row-1]) < col {
			rows[row-1] = append(rows[row-1], "")
		}
		rows[row-1][col-1] = strings.ReplaceAll(v.Text, "\r\n", "\n")
	}
	return rows
}

// trimmed leaves out what is not delivered: empty cells at the end of rows, empty rows.
func trimmed(rows [][]string) [][]string {
	var out [][]string
	for _, r := range rows {
		for len(r) > 0 && r[len(r)-1] == "" {
			r = r[:len(r)-1]
		}
		if len(r) > 0 {
			out = append(out, r)
		}
	}
	return out
}

// readWith reads a table with a given separator and no header, whatever it looks like, as UTF-8.
func readWith(t testing.TB, content string, comma rune) [][]string {
	f := csv.ForTest(byte(comma))
	d := extracttest.Extract(t, &extract.Extractor{Formats: []extract.Format{f}}, extract.Object{Name: "x.csv", Size: -1, Reader: strings.NewReader("\ufeff" + content)})
	return trimmed(table(t, d))
}

func std(content string, comma rune) ([][]string, error) {
	r := stdcsv.NewReader(strings.NewReader(content))
	r.Comma = comma
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	return trimmed(rows), err
}

// What encoding/csv writes, in any separator and line end, is read as encoding/csv reads it.
func TestWrittenTablesReadAsWithEncodingCSV(t *testing.T) {
	cell := rapid.OneOf(
		rapid.StringMatching(`[a-z ,;|"\t\n]{0,12}`),
		rapid.StringOf(rapid.SampledFrom([]rune("\"\"\",;\r\nä世\x00 x1"))),
		rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat("ab\"\n", rapid.IntRange(0, 100).Draw(t, "n")*rapid.SampledFrom([]int{1, 700}).Draw(t, "times"))
		}),
	)
	rapid.Check(t, func(rt *rapid.T) {
		comma := rapid.SampledFrom([]rune(",;\t|")).Draw(rt, "comma")
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, 1, 6), 1, 20).Draw(rt, "rows")
		var buf bytes.Buffer
		w := stdcsv.NewWriter(&buf)
		w.Comma = comma
		w.UseCRLF = rapid.Bool().Draw(rt, "crlf")
		if err := w.WriteAll(rows); err != nil {
			rt.Fatal(err)
		}
		want, err := std(buf.String(), comma)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, readWith(t, buf.String(), comma)); diff != "" {
			rt.Fatalf("%q\n%s", buf.String(), diff)
		}
	})
}

// Whatever encoding/csv accepts is read the same.
func FuzzAgainstEncodingCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "\"a\"\"b\",c\r\n\"x\ny\",z", "\"\",\"\"\n\n,\n", "a,\"b\r\n", "\"a\"\r", "x\r\ry\n\"z\"\r\r\n", "\"a\n\"b,\"c\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		content = strings.ToValidUTF8(content, "\uFFFD")
		want, err := std(content, ',')
		if err != nil {
			want = nil
		}
		got := readWith(t, content, ',')
		if err == nil && !cmp.Equal(want, got) {
			t.Errorf("%q\n%s", content, cmp.Diff(want, got))
		}
	})
}

func TestHeaders(t *testing.T) {
	for _, c := range []struct {
		name, content string
		header        bool
	}{
		{"numbers below names", "id,amount\n1,2.50\n2,3.75\n", true},
		{"numbers only", "1,2,3\n4,5,6\n7,8,9\n", false},
		{"people without header", "Ann,Lee,1984-02-03\nBob,Ray,1990-12-01\nCy,Fox,1971-07-09\n", false},
		{"people with header", "first_name,last_name,born\nAnn,Lee,1984-02-03\nBob,Ray,1990-12-01\n", true},
		{"words only, usual names", "Name,City\nAnn,Paris\nBob,Rome\n", true},
		{"words only, own style", "team,leader\nRed Foxes,Ann Lee\nBlue Jays,Bob Ray\n", true},
		{"words only, no sign", "Ann,Paris\nBob,Rome\nCy,Berlin\n", false},
		{"a value that comes back", "active,12\npassive,13\nactive,14\n", false},
		{"e-mail addresses", "ann@example.org,Ann\nbob@example.org,Bob\n", false},
		{"camel case", "customerEmail,signupCode\nann@example.org,AB12\n", true},
		{"German", "Vorname;Nachname;Straße\nAnn;Lee;Am Bach\n", true},
		{"Cyrillic", "имя,город\nАня,Москва\nБорис,Омск\n", true},
		{"only a header", "name,email,phone\n", true},
		{"card numbers", "4111 1111 1111 1111,12/27\n5500 0000 0000 0004,01/28\n", false},
		{"empty lines first", "\n\nid,iban\n1,DE89370400440532013000\n", true},
		{"codes below names", "country,code\nGermany,DE89\nFrance,FR76\n", true},
		{"one column", "ssn\n123-45-6789\n987-65-4321\n", true},
		{"one column of numbers", "123-45-6789\n987-65-4321\n", false},
	} {
		d := extracttest.Read(t, "x.csv", c.content)
		if d.MIME != "text/csv" {
			t.Errorf("%s: read as %s", c.name, d.MIME)
			continue
		}
		header := len(d.Values) > 0 && d.Values[0].Field == nil
		if header != c.header {
			t.Errorf("%s: header %v, want %v\n%s", c.name, header, c.header, d)
		}
	}
}

func TestTableOrText(t *testing.T) {
	for _, c := range []struct{ name, content, mime string }{
		{"a.csv", "a,b\n1,2\n", "text/csv"},
		{"a.csv", "a\tb\n1\t2\n", "text/tab-separated-values"},
		{"a.tsv", "a\tb\n1\t2\n", "text/tab-separated-values"},
		{"a.tsv", "a;b\n1;2\n", "text/csv"},
		{"a.txt", "id\tname\n1\tAnn\n2\tBob\n", "text/tab-separated-values"},
		{"noextension", "id,name,city\n1,Ann,Rome\n2,Bob,Paris\n", "text/csv"},
		{"a.pdf", "id|name|city\n1|Ann|Rome\n2|Bob|Paris\n", "text/csv"},
		{"a.txt", "Dear Ann,\nthank you, we got it, all of it.\nBest,\nBob\n", "text/plain"},
		{"a.csv", "Dear Ann, thank you for the long letter that you wrote us, we got it on Monday, all of it.\nSo we sat down and read what you had to say\nabout the things that were done in the past\n", "text/plain"},
		{"app.log", "2024-01-02 10:00:00,123 INFO up\n2024-01-02 10:00:01,456 INFO on\n2024-01-02 10:00:02,789 INFO off\n", "text/plain"},
		{"app.txt", "2024-01-02 10:00:00,123 INFO up\n2024-01-02 10:00:01,456 INFO on\n2024-01-02 10:00:02,789 INFO off\n", "text/plain"},
		{"a.sql", "(1,'Ann','x'),\n(2,'Bob','y'),\n(3,'Cy','z'),\n", "text/plain"},
		{"a.csv", "", "text/plain"},
		{"a.csv", "email\nann@example.org\nbob@example.org\n", "text/csv"},
		{"a.CSV", "a;b\r1;2\r", "text/csv"},
	} {
		if d := extracttest.Read(t, c.name, c.content); d.MIME != c.mime {
			t.Errorf("%s %q: %s, want %s", c.name, c.content, d.MIME, c.mime)
		}
	}
}

// Lines of running text that happen to have as many commas each are no table: pieces of a licence, and what people write.
func TestProseIsNoTable(t *testing.T) {
	licence, err := os.ReadFile("../../../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	pieces := []string{
		"Dear customer, your order has\nbeen sent on Monday, and the\ninvoice is in the parcel, as usual\n",
		"name of the firm, as it was given\nby the caller, who did not say\nwhere he lives, nor for how long\n",
		"We met on Tuesday, spoke for long, and agreed.\nThe price is fixed, as you wanted, until May.\nYou pay the rest, as we said, when it is done.\n",
		"der Kunde hat angerufen, weil die\nRechnung nicht stimmt, und will\nmorgen noch einmal, falls niemand\n",
		"if the door is shut; ring the bell\nand wait for the porter; he comes\nfrom the other house; be patient\n",
	}
	lines := strings.SplitAfter(string(licence), "\n")
	for n := 3; n <= 5; n++ {
		for at := 0; at+n <= len(lines); at++ {
			commas := strings.Count(lines[at], ",")
			same := commas > 0
			for _, l := range lines[at : at+n] {
				same = same && strings.Count(l, ",") == commas
			}
			if same {
				pieces = append(pieces, strings.Join(lines[at:at+n], ""))
			}
		}
	}
	for _, p := range pieces {
		if d := extracttest.Read(t, "note", p); d.MIME == "text/csv" {
			t.Errorf("a table: %q", p)
		}
	}
	if len(pieces) < 8 {
		t.Errorf("only %d pieces", len(pieces))
	}
}

// Tables without an extension that have a comma in each row, with or without a space behind it, are tables.
func TestTablesWithOneComma(t *testing.T) {
	for _, c := range []struct{ name, content string }{
		{"names", "name,phone\nAnn Lindqvist,+46 70 1740605\nBo Ek,+46 70 1740606\nCarl Dahl,+46 70 1740607\n"},
		{"names and spaces", "name, phone\nAnn Lindqvist, +46 70 1740605\nBo Ek, +46 70 1740606\nCarl Dahl, +46 70 1740607\n"},
		{"addresses", "customer, address\nAnn Lindqvist, 12 High Street Uppsala\nBo Ek, 3 Old Mill Lane Lund\nCarl Dahl, 77 Quay Side Malmö\n"},
		{"notes by number", "id, note\n17, called about the late order\n18, wants her money back at once\n19, has moved and gave no address\n"},
		{"notes by name", "name, note\nAnn Lindqvist, called about the late order\nBo Ek, wants his money back at once\nCarl Dahl, has moved and gave no address\n"},
		{"long notes", "email,comment\nann@example.org,the parcel came late and was open\nbo@example.org,nobody at home for the third time\ncarl@example.org,paid in cash at the door\n"},
		{"terms", "word,description\nopen order,an order that is not paid yet\ndead stock,what nobody has bought for a year\ncredit note,what is owed to a customer\n"},
		{"small letters", "user, shell\nwww, /bin/sh\nbackup, /bin/false\nroot, /bin/bash\n"},
		{"three columns", "id, name, city\n1, ann lindqvist of the north, lund\n2, bo ek of the south, malmö\n3, carl dahl of the west, kalmar\n"},
	} {
		if d := extracttest.Read(t, "table", c.content); d.MIME != "text/csv" {
			t.Errorf("%s: %s", c.name, d.MIME)
		}
		if d := extracttest.Read(t, "table.csv", c.content); d.MIME != "text/csv" {
			t.Errorf("%s, with the extension: %s", c.name, d.MIME)
		}
	}
}

func TestStrayQuotesCostOneCell(t *testing.T) {
	d := extracttest.Read(t, "x.csv", "id,what,n\n1,\"5\" nails\",3\n2,\"7\" pipe,4\n3,\"a \"\"b\"\"\",5\n4,\"open,6\n5,\"f\",7\n")
	want := `x.csv: text/csv, COMPLETE, 70 bytes
  line 1 "id"
  line 1 "what"
  line 1 "n"
  cell 2,1 id "1"
  cell 2,2 what "5\" nails"
  cell 2,3 n "3"
  cell 3,1 id "2"
  cell 3,2 what "\"7\" pipe"
  cell 3,3 n "4"
  cell 4,1 id "3"
  cell 4,2 what "a \"b\""
  cell 4,3 n "5"
  cell 5,1 id "4"
  cell 5,2 what "\"open"
  cell 5,3 n "6"
  cell 6,1 id "5"
  cell 6,2 what "f"
  cell 6,3 n "7"
`
	if diff := cmp.Diff(want, d.String()); diff != "" {
		t.Error(diff)
	}
}

// A cell of several windows arrives whole, its quotes undone, and the rows after it keep their places.
func TestCellLargerThanTheWindow(t *testing.T) {
	for _, quoted := range []bool{true, false} {
		for _, shift := range []int{0, 1, 2, 3} {
			long := strings.Repeat("x", shift) + strings.Repeat("a\"b", extract.WindowSize)
			cell := long
			if quoted {
				cell = `"` + strings.ReplaceAll(long, `"`, `""`) + `"`
			}
			d := extracttest.Read(t, "x.csv", "id,note\r\n1,"+cell+"\r\n2,end\r\n")
			n := len(d.Values)
			if n != 6 || d.Values[3].Text != long || d.Values[3].Place() != "cell 2,2 note" || d.Values[5].Place() != "cell 3,2 note" {
				t.Errorf("quoted %v, shift %d: %d values", quoted, shift, n)
			}
		}
	}
}

func TestColumnsBeyondTheBoundShareAField(t *testing.T) {
	var b strings.Builder
	for row := range 2 {
		for col := range 20000 {
			fmt.Fprintf(&b, "c%d_%d,", row, col)
		}
		b.WriteString("\n")
	}
	d := extracttest.Read(t, "x.csv", b.String())
	last := d.Values[len(d.Values)-1]
	if last.Text != "c1_19999" || last.Field.Column != 0 || last.Row != 2 {
		t.Errorf("got %+v", last)
	}
}

func TestCancelledBetweenBlocks(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	content := strings.Repeat("1,2\n", extract.WindowSize)
	sink := &extracttest.Stop{After: 1, Do: cancel}
	_, err := extracttest.Extractor().Extract(ctx, extract.Object{Name: "x.csv", Size: -1, Reader: strings.NewReader(content)}, sink)
	if err != context.Canceled || sink.Blocks != 1 {
		t.Errorf("%v after %d blocks", err, sink.Blocks)
	}
}

func TestAcceptance(t *testing.T) { extracttest.Run(t, csv.Format, csv.TSV) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
