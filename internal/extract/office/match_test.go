package office_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
)

func archive(t testing.TB, method uint16, members ...string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		f, err := w.CreateHeader(&zip.FileHeader{Name: members[i], Method: method})
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(f, members[i+1])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func sample(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const (
	word  = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
	sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	show  = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
)

func TestKinds(t *testing.T) {
	types := `<Types><Override PartName="/a.xml" ContentType="application/vnd.openxmlformats-officedocument.%s.main+xml"/></Types>`
	rels := `<Relationships><Relationship Id="r" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`
	names := []string{"a", "a.zip", "a.csv", "a.docx"}
	docx := sample(t, "docx/testdata/docx-js.docx")
	for _, c := range []struct {
		name, content string
		names         []string
		want          string
	}{
		{"by content types", archive(t, zip.Deflate, "[Content_Types].xml", fmt.Sprintf(types, "wordprocessingml.document")), names, word},
		{"stored", archive(t, zip.Store, "[Content_Types].xml", fmt.Sprintf(types, "presentationml.slideshow")), []string{"a.pptx"}, show},
		{"by relationships", archive(t, zip.Deflate, "_rels/.rels", rels), names, sheet},
		{"by names", archive(t, zip.Deflate, "docProps/app.xml", "<a/>", "xl/worksheets/sheet1.xml", "<worksheet/>"), names, sheet},
		{"by extension", archive(t, zip.Deflate, "[Content_Types].xml", "<Types/>"), []string{"a.docx", "b.DOCM"}, word},
		{"large first part", archive(t, zip.Deflate, "xl/worksheets/sheet1.xml", strings.Repeat("<a/>", 1<<20)), []string{"a.xlsx"}, sheet},
		{"large first part without a name", archive(t, zip.Deflate, "xl/worksheets/sheet1.xml", strings.Repeat("<a/>", 1<<20)), []string{"a"}, "application/zip"},
		{"a document in a zip", archive(t, zip.Store, "letter.docx", docx), names, "application/zip"},
		{"a packed document in a zip", archive(t, zip.Deflate, "letter.docx", docx), names, "application/zip"},
		{"similar names", archive(t, zip.Deflate, "backup/_rels/.rels", rels, "backup/[Content_Types].xml", fmt.Sprintf(types, "wordprocessingml.document")), names, "application/zip"},
		{"a folder called word", archive(t, zip.Deflate, "word/document.xml", "<d/>", "word/list.txt", "hello"), []string{"a", "a.zip", "a.xlsx"}, "application/zip"},
	} {
		for _, name := range c.names {
			d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: name, Size: int64(len(c.content)), Reader: strings.NewReader(c.content)})
			if d.MIME != c.want {
				t.Errorf("%s as %s: %s, want %s", c.name, name, d.MIME, c.want)
			}
		}
	}
	d := extracttest.Read(t, "a.zip", archive(t, zip.Store, "letter.docx", docx))
	if len(d.Members) != 1 || d.Members[0].MIME != word || !strings.Contains(d.Members[0].Running, "219-09-9999") {
		t.Errorf("a document in a zip:\n%s", d)
	}
}
