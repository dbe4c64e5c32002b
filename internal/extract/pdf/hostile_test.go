package pdf_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
)

const (
	catalog = "<</Type/Catalog/Pages 2 0 R>>"
	onePage = "<</Type/Pages/Kids[3 0 R]/Count 1>>"
	page    = "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>/XObject<</X 6 0 R>>>>>>"
	helv    = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
)

// build numbers objects from 1 and writes a document of them; an empty one is left out.
func build(objects ...string) string {
	var b strings.Builder
	b.WriteString("%PDF-1.7\n")
	var table strings.Builder
	for i, o := range objects {
		if o == "" {
			table.WriteString("0000000000 00000 f \n")
			continue
		}
		fmt.Fprintf(&table, "%010d 00000 n \n", b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	at := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table.String(), len(objects)+1, at)
	return b.String()
}

func stream(entries, data string) string {
	return fmt.Sprintf("<<%s/Length %d>>stream\n%s\nendstream", entries, len(data), data)
}

func form(data string) string {
	return stream("/Type/XObject/Subtype/Form/Resources<</Font<</F 5 0 R>>/XObject<</X 6 0 R/Y 7 0 R/Z 8 0 R>>>>", data)
}

func deflate(chunk string, times int) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	for range times {
		io.WriteString(z, chunk)
	}
	z.Close()
	return b.String()
}

func show(s string) string { return "BT /F 10 Tf 50 700 Td (" + s + ") Tj ET " }

// extractWatched reads a document and fails if that took more than a minute, or 64 MB of heap.
func extractWatched(t *testing.T, content string) (extract.Result, *extracttest.Stop) {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	base := m.HeapAlloc
	var most atomic.Uint64
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			case <-time.After(3 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most.Store(max(most.Load(), m.HeapAlloc))
			}
		}
	}()
	e := extracttest.Extractor()
	e.Panicked = func(_ string, stack []byte) { t.Errorf("panic:\n%s", stack) }
	var sink extracttest.Stop
	start := time.Now()
	res, err := e.Extract(context.Background(), extract.Object{Name: "x.pdf", Size: int64(len(content)), ReaderAt: strings.NewReader(content)}, &sink)
	took := time.Since(start)
	close(done)
	<-stopped
	runtime.ReadMemStats(&m)
	most.Store(max(most.Load(), m.HeapAlloc))
	if err != nil {
		t.Fatal(err)
	}
	used := int64(most.Load()) - int64(base)
	t.Logf("%d bytes of text, %v, %d MB of heap, %+v", sink.Bytes, took.Round(time.Millisecond), used>>20, res)
	if took > time.Minute {
		t.Errorf("took %v", took)
	}
	if used > 64<<20 {
		t.Errorf("%d MB of heap", used>>20)
	}
	return res, &sink
}

func TestHostileDocuments(t *testing.T) {
	words := strings.Repeat(show("some words")+"0 -12 Td ", 1)
	many := func(n int, f func(i int) string) (all []string) {
		for i := range n {
			all = append(all, f(i))
		}
		return all
	}
	plain := []string{catalog, onePage, page, stream("", show("plain")), helv}
	with := func(n int, o string) []string {
		all := append([]string{}, plain...)
		for len(all) < n {
			all = append(all, "")
		}
		all[n-1] = o
		return all
	}
	for _, c := range []struct {
		name    string
		content string
		atLeast int64
		reason  extract.Reason
	}{
		{"plain", build(plain...), 5, ""},
		{"tree in a circle", build(catalog, "<</Type/Pages/Kids[2 0 R 3 0 R 2 0 R]/Count 9>>", page, plain[3], helv), 5, extract.MalformedFile},
		{"tree of itself", build(catalog, "<</Type/Pages/Kids[2 0 R]/Count 1>>"), 0, extract.MalformedFile},
		{"a page a million times", build(catalog, "<</Type/Pages/Kids["+strings.Repeat("3 0 R ", 90_000)+"]/Count 1000000>>", page, plain[3], helv), 5, extract.MalformedFile},
		{"deep tree", build(append([]string{catalog}, many(5000, func(i int) string { return fmt.Sprintf("<</Type/Pages/Kids[%d 0 R]/Count 1>>", i+3) })...)...), 0, extract.MalformedFile},
		{"form of itself", build(append(with(4, stream("", "/X Do "+show("page"))), form("/X Do /X Do "+show("form")))...), 8, ""},
		{"forms in a circle", build(append(with(4, stream("", "/X Do")), form("/Y Do"), form("/Z Do"), form(show("last")+"/X Do"))...), 4, ""},
		{"forms that multiply", build(append(with(4, stream("", strings.Repeat("/X Do ", 100))), form(strings.Repeat("/Y Do ", 1000)),
			form(strings.Repeat("/Z Do ", 1000)), form(strings.Repeat(show("x"), 100)))...), 1, extract.FileExceedsSizeLimit},
		{"content that expands", build(with(4, stream("/Filter/FlateDecode", deflate(strings.Repeat(words, 100), 3_000)))...), 5, ""},
		{"content that expands without end", build(with(4, stream("/Filter[/FlateDecode/FlateDecode]", deflate(deflate(strings.Repeat(" ", 1<<20), 1<<10), 300)))...), 0, ""},
		{"text that expands", build(with(4, stream("/Filter/FlateDecode", deflate("BT /F 1 Tf ("+strings.Repeat("word ", 10_000)+") Tj ET ", 4000)))...), 500_000, extract.FileExceedsSizeLimit},
		{"deep arrays", build(with(4, stream("", strings.Repeat("[", 1<<20)+show("x")))...), 0, extract.MalformedFile},
		{"deep dictionaries", build(with(3, strings.Repeat("<</A", 1<<20))...), 0, extract.MalformedFile},
		{"a long array", build(with(4, stream("/Filter/FlateDecode", deflate("0 ", 4<<20)))...), 0, ""},
		{"a long string", build(with(4, stream("/Filter/FlateDecode", deflate("BT /F 1 Tf (", 1)+""))...), 0, ""},
		{"huge numbers", build(with(4, stream("", "1e999999 99999999999999999999999999999999 0 0 1 0 0 cm BT /F 1e30 Tf 9999999999999999999 0 Td (x) Tj ET "+show("plain")))...), 0, ""},
		{"stream of a stream's length", build(with(4, "<</Length 4 0 R>>stream\n"+show("plain")+"\nendstream")...), 5, ""},
		{"references in a circle", build(with(4, "4 0 R")...), 0, ""},
		{"filters without end", build(with(4, stream("/Filter["+strings.Repeat("/ASCIIHexDecode ", 1000)+"]", "00>"))...), 0, extract.MalformedFile},
		{"a predictor of absurd width", build(with(4, stream("/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 1000000000/Colors 32/BitsPerComponent 16>>", deflate("x", 100)))...), 0, ""},
		{"fonts with maps that expand", build(with(5, "<</Type/Font/Subtype/Type0/Encoding/Identity-H/DescendantFonts[<<>>]/ToUnicode 7 0 R>>")...) +
			"7 0 obj " + stream("/Filter/FlateDecode", deflate("1 beginbfrange <0000> <ffff> <0041004200430044> endbfrange\n", 400_000)) + " endobj", 0, ""},
		{"tables in a circle", strings.Replace(build(plain...), "/Root 1 0 R", "/Root 1 0 R/Prev 9", 1), 5, ""},
		{"no table, no end", strings.Split(build(plain...), "xref")[0], 5, extract.MalformedFile},
		{"many objects", "%PDF-1.4\n" + strings.Repeat("1 0 obj 2 endobj ", 1<<18), 0, extract.MalformedFile},
		{"many trailers", "%PDF-1.4\n" + strings.Repeat("trailer<</Root 1 0 R>>", 1<<17), 0, extract.MalformedFile},
		{"a number of an object beyond all", "%PDF-1.4\n99999999 0 obj 2 endobj xref\n99999999999 999999999\ntrailer<<>>startxref\n40\n", 0, extract.MalformedFile},
		{"a table that promises much", "%PDF-1.4\n" + "xref\n0 2000000000\n0000000000 65535 f \ntrailer<</Root 1 0 R>>\nstartxref\n9\n", 0, extract.MalformedFile},
		{"notes without end", build(append(with(3, "<</Type/Page/Contents 4 0 R/Annots["+strings.Repeat("6 0 R ", 90_000)+"]>>"),
			"<</Subtype/Text/Parent 6 0 R/Contents("+strings.Repeat("note ", 1000)+")>>")...), 1000, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, sink := extractWatched(t, c.content)
			if sink.Bytes < c.atLeast || c.reason != "" && res.Reason != c.reason || c.name == "plain" && res.Code != extract.Complete {
				t.Errorf("%+v, %d bytes of text", res, sink.Bytes)
			}
		})
	}
}

// Every stream that ends in nothing is searched for its end at most until the budget is used up.
func TestStreamsWithoutEnd(t *testing.T) {
	var b strings.Builder
	b.WriteString("%PDF-1.4\n1 0 obj" + catalog + "endobj 2 0 obj<</Kids[")
	for i := range 4_000 {
		fmt.Fprintf(&b, "%d 0 R ", 3+2*i)
	}
	b.WriteString("]>>endobj\n")
	for i := range 4_000 {
		fmt.Fprintf(&b, "%d 0 obj<</Type/Page/Contents %d 0 R>>endobj %d 0 obj<</Length 99999>>stream\n", 3+2*i, 4+2*i, 4+2*i)
	}
	if res, _ := extractWatched(t, b.String()); res.Code == extract.Complete {
		t.Errorf("%+v", res)
	}
}

// An image, however large, is never read: of a document of many megabytes only what holds text is kept.
func TestLargeImagesCostNothing(t *testing.T) {
	image := stream("/Type/XObject/Subtype/Image/Width 8000/Height 8000", strings.Repeat("0123456789abcdef", 8<<20))
	res, sink := extractWatched(t, build(catalog, onePage, page, stream("", "/X Do "+show("plain")), helv, image))
	if res.Code != extract.Complete || sink.Bytes != 6 {
		t.Errorf("%+v, %d bytes", res, sink.Bytes)
	}
}
