package html_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
)

// Which cells are delivered with which names, and what stays running text.
func TestTables(t *testing.T) {
	for _, c := range []struct {
		name, body, running string
		values              []string // names: text
	}{
		{"the document says so", `<tr><th>Who<th>When<tr><td>Ann<td>May<tr><td>Bob<td>June`, "Who | When",
			[]string{"Who: Ann", "When,Ann: May", "Who: Bob", "When,Bob: June"}},
		{"in its head", `<thead><tr><td>a<td>b</thead><tbody><tr><td>x<td>y</tbody>`, "a | b", []string{"a: x", "b,x: y"}},
		{"by what is in it", `<tr><td>Name<td>SSN<td>Born<tr><td>Ann<td>219-09-9999<td>1984-02-03<tr><td>Bob<td>457-55-5462<td>1971-12-30`, "Name | SSN | Born",
			[]string{"Name: Ann", "SSN,Ann: 219-09-9999", "Born: 1984-02-03", "Name: Bob", "SSN,Bob: 457-55-5462", "Born: 1971-12-30"}},
		{"below a title", `<tr><td colspan=3>Staff<tr><td>Name<td>SSN<td>Born<tr><td>Ann<td>219-09-9999<td>1984-02-03`, "Staff | Name | SSN | Born",
			[]string{"Name: Ann", "SSN,Ann: 219-09-9999", "Born: 1984-02-03"}},
		{"labels on the left", `<tr><td>Name<td>Ann Lindqvist<tr><td>Phone<td>+1 202 555 0143<tr><td>Bank<td>DE89370400440532013000`,
			"Name | Ann Lindqvist | Phone | +1 202 555 0143 | Bank | DE89370400440532013000", nil},
		{"labels that the document calls so", `<tr><th>Name<td>Ann<tr><th>Phone<td>+1 202 555 0143`, "Name | Ann | Phone | +1 202 555 0143", nil},
		{"labels under a head", `<tr><th>Item<th>Value<tr><td>Passport<td>925076473`, "Item | Value", []string{"Item: Passport", "Value,Passport: 925076473"}},
		{"one row", `<tr><th>Name<th>SSN`, "Name | SSN", nil},
		{"wide and high cells", `<tr><th>a<th colspan="2">b<th>c<tr><td rowspan=2>1<td>2<td>3<td>4<tr><td>5<td>6<td>7<tr><td colspan=3>8<td>9`, "a | b | c",
			[]string{"a: 1", "b: 2", "b: 3", "c: 4", "b: 5", "b: 6", "c: 7", "a: 8", "c: 9"}},
		{"a table in a cell", `<tr><th>a<th>b<tr><td>1<td><table><tr><th>x<th>y<tr><td>2<td>3</table><tr><td>4<td>5`, "a | b",
			[]string{"a: 1", "b: x |  y |      2 |  3", "a: 4", "b: 5"}},
		{"text outside of cells", `<caption>Staff</caption><tr><th>a<th>b<tr>lost<td>1<td>2`, "Staff a | b", []string{"-: lost", "a: 1", "b: 2"}},
		{"no rows", `<td>1<td>2`, "1 | 2", nil},
	} {
		d := extracttest.Read(t, "a.html", "<!doctype html><p>before</p><table>"+c.body+"</table><p>behind</p>")
		var got []string
		for _, v := range d.Values {
			names := "-"
			if v.Field != nil {
				names = strings.Join(v.Field.Names, ",")
			}
			got = append(got, names+": "+v.Text)
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.values) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.values)
		}
		words := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, "|", " ")), " ") }
		if got, want := words(d.Running), words("before "+c.running+" behind"); got != want {
			t.Errorf("%s: running text %q, want %q", c.name, got, want)
		}
	}
}

// Every value and every line of running text stands where it stands in the source, however long the tables and their cells are.
func TestPlacesInTables(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	b.WriteString("<!doctype html>\n")
	n := 0
	for range 40 {
		fmt.Fprintf(&b, "<p>paragraph%d</p>\n<table>", n)
		b.WriteString("<tr><th>Name</th>  <th>Card</th>\n<th>Note</th></tr>")
		for range r.IntN(60) {
			b.WriteString([]string{"<tr>", "\n<tr>\n", "\n\n  <tr>"}[r.IntN(3)])
			for range 3 {
				n++
				long := ""
				if r.IntN(400) == 0 {
					long = strings.Repeat(" and more", 20_000)
				}
				fmt.Fprintf(&b, "<td>cell%d.%s</td>%s", n, long, []string{"", "\n", "  "}[r.IntN(3)])
			}
			b.WriteString("</tr>")
		}
		b.WriteString("\n</table>\n")
	}
	source := b.String()
	d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: "a.html", Size: int64(len(source)), Reader: strings.NewReader(source)})
	lines := strings.Split(source, "\n")
	if len(d.Values) < 1000 {
		t.Fatalf("%d values", len(d.Values))
	}
	long := 0
	for _, v := range d.Values {
		if len(v.Text) > 64<<10 {
			long++
		}
		if line := lines[v.Row-1]; !strings.HasPrefix(line[v.Column-1:], v.Text) {
			t.Fatalf("%.20q at %d:%d, where there is %.40q", v.Text, v.Row, v.Column, line[v.Column-1:])
		}
	}
	if long == 0 {
		t.Error("no cell is longer than the buffer")
	}
	for i, line := range strings.Split(d.Running, "\n") {
		if at := strings.Index(line, "paragraph"); at >= 0 && !strings.Contains(lines[i], strings.Fields(line[at:])[0]) {
			t.Errorf("line %d is %q", i+1, line)
		}
	}
}
