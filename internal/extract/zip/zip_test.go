package zip_test

import (
	stdzip "archive/zip"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/zip"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, zip.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }

// What archive/zip writes is listed as archive/zip reads it: names, sizes, times, contents, in order.
func TestWrittenArchivesReadAsWithArchiveZip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var buf bytes.Buffer
		buf.WriteString(rapid.SampledFrom([]string{"", "PK\x03\x04 something before"}).Draw(rt, "before"))
		w := stdzip.NewWriter(&buf)
		w.SetOffset(int64(buf.Len()))
		for range rapid.IntRange(0, 5).Draw(rt, "members") {
			h := &stdzip.FileHeader{
				Name:     rapid.StringMatching(`[a-zé/]{1,12}\.txt`).Draw(rt, "name"),
				Method:   rapid.SampledFrom([]uint16{stdzip.Store, stdzip.Deflate}).Draw(rt, "method"),
				Modified: time.Unix(rapid.Int64Range(1e9, 2e9).Draw(rt, "time"), 0).UTC(),
				Comment:  rapid.StringN(0, 5, -1).Draw(rt, "comment"),
			}
			f, err := w.CreateHeader(h)
			if err != nil {
				rt.Fatal(err)
			}
			io.WriteString(f, rapid.StringMatching(`[a-z\n ]{0,40}`).Draw(rt, "content"))
		}
		if err := w.SetComment(rapid.StringN(0, 20, -1).Draw(rt, "comment")); err != nil {
			rt.Fatal(err)
		}
		if err := w.Close(); err != nil {
			rt.Fatal(err)
		}
		std, err := stdzip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
		if err != nil {
			rt.Fatal(err)
		}
		var want []string
		for _, f := range std.File {
			r, err := f.Open()
			if err != nil {
				rt.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil {
				rt.Fatal(err)
			}
			want = append(want, fmt.Sprint(f.Name, f.UncompressedSize64, f.Modified.UTC(), string(b)))
		}
		d := extracttest.Extract(t, extracttest.Extractor(), extract.Object{Name: "x.zip", Size: int64(buf.Len()), ReaderAt: bytes.NewReader(buf.Bytes())})
		var got []string
		for _, m := range d.Members {
			got = append(got, fmt.Sprint(m.Name, m.Size, m.Modified.UTC(), strings.Join(m.Texts(), "")))
		}
		if diff := cmp.Diff(want, got); diff != "" || d.Result.Code != extract.Complete {
			rt.Fatalf("%+v\n%s", d.Result, diff)
		}
	})
}
