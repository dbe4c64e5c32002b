package rtf_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/rtf"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, rtf.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }

// BenchmarkRTF reads RTF as LibreOffice writes it, beside a copy of the bytes.
func BenchmarkRTF(b *testing.B) {
	paragraph := `\pard\plain \s0\ql\widctlpar\f4\fs24\lang1031{\rtlch\ltrch\loch some text with {\b bold} words, \u252\'fc and 536-22-1234}` + "\n\\par "
	content := []byte(`{\rtf1\ansi\ansicpg1252{\fonttbl{\f4\froman\fcharset0 Times;}}` + strings.Repeat(paragraph, 8<<20/len(paragraph)) + "}")
	b.Run("magpie", func(b *testing.B) {
		e := extracttest.Extractor()
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			o := extract.Object{Name: "a.rtf", Size: int64(len(content)), Reader: bytes.NewReader(content)}
			if res, err := e.Extract(b.Context(), o, new(extracttest.Stop)); err != nil || res.Code != extract.Complete {
				b.Fatal(res, err)
			}
		}
	})
	b.Run("copy", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{bytes.NewReader(content)}, make([]byte, extract.WindowSize))
		}
	})
}
