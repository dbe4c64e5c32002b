package ole

import (
	"errors"
	"io"
	"strings"

	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/office"
)

// EmbeddedParts delivers the files that are embedded in a document of Office Open XML as members: those of Office as they are, and what a
// compound file wraps. Equations, controls and the like hold nothing to read and are passed over.
func EmbeddedParts(p *office.Package, in *extract.Input, out *extract.Output) error {
	return p.Embedded(func(name string, size int64, r io.Reader) error {
		if !strings.HasSuffix(name, ".bin") {
			_, err := out.Member(extract.Member{Name: name, Size: size}, r)
			return err
		}
		at, err := in.Scratch()
		if err != nil {
			return err
		}
		n, err := io.Copy(at, r)
		if err != nil {
			p.Note(err)
			return nil
		}
		f, err := OpenNested(at, n)
		if err != nil {
			return nil // no compound file
		}
		found, err := f.Object(f.Root(), strings.TrimSuffix(name, ".bin"), out)
		if err == nil && !found {
			err = f.Embedded(f.Root(), out)
		}
		var trouble *extract.Problem
		if errors.As(err, &trouble) {
			p.Note(err)
			return nil
		}
		return err
	})
}
