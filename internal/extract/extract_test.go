package extract_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
	"github.com/magpie-sec/magpie/internal/text"
)

// A recorder is a sink that writes down what it gets, a line each.
type recorder struct {
	strings.Builder
	fail error
}

func (r *recorder) Begin(d extract.Document) error {
	fmt.Fprintf(r, "begin %q %s\n", d.Path, d.MIME)
	return nil
}

func (r *recorder) Text(b *text.Block) error {
	if r.fail != nil {
		return r.fail
	}
	if len(b.Segments) == 0 {
		fmt.Fprintf(r, "text %q\n", b.Text)
	}
	for _, s := range b.Segments {
		fmt.Fprintf(r, "value %d %q\n", s.Row, b.Text[s.Start:s.End])
	}
	return nil
}

func (r *recorder) End(d extract.Document, res extract.Result) error {
	fmt.Fprintf(r, "end %q %s %s %d\n", d.Path, res.Code, res.Reason, res.Bytes)
	return nil
}

func extractor() *extract.Extractor { return &extract.Extractor{Formats: formats.All()} }

func TestPlainTextIsDelivered(t *testing.T) {
	var rec recorder
	res, err := extractor().Extract(context.Background(), extract.Object{Name: "a.txt", Size: -1, Reader: strings.NewReader("Gr\xfc\xdfe an alle\n")}, &rec)
	if err != nil || res != (extract.Result{Code: extract.Complete, Bytes: 14}) {
		t.Fatalf("Extract = %+v, %v", res, err)
	}
	want := "begin [] text/plain\ntext \"Grüße an alle\\n\"\nend [] COMPLETE  14\n"
	if rec.String() != want {
		t.Errorf("got\n%swant\n%s", rec.String(), want)
	}
}

func TestErrorsOfTheCallerComeBack(t *testing.T) {
	broken := errors.New("broken")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var source *extract.SourceError
	_, err := extractor().Extract(context.Background(), extract.Object{Size: -1, Reader: iotest.ErrReader(broken)}, &recorder{})
	if !errors.As(err, &source) || !errors.Is(err, broken) {
		t.Errorf("reader's error: got %v", err)
	}
	_, err = extractor().Extract(context.Background(), extract.Object{Size: -1, Reader: bytes.NewReader([]byte("x"))}, &recorder{fail: broken})
	if err != broken {
		t.Errorf("sink's error: got %v", err)
	}
	_, err = extractor().Extract(ctx, extract.Object{Size: -1, Reader: bytes.NewReader([]byte("x"))}, &recorder{})
	if err != context.Canceled {
		t.Errorf("context's error: got %v", err)
	}
}
