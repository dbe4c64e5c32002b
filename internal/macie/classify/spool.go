package classify

import (
	"fmt"
	"os"

	"github.com/magpie-sec/magpie/internal/extract"
)

// Spool returns a function for extract.Extractor.Spool that makes temporary files in a folder ("" for the system's). A file has no name from
// the beginning on, so that nothing of it is left when the process dies.
func Spool(folder string) func() (extract.Spooled, error) {
	return func() (extract.Spooled, error) {
		f, err := os.CreateTemp(folder, "magpie-spool-*")
		if err != nil {
			return nil, fmt.Errorf("make a temporary file (set TMPDIR to a folder with space): %w", err)
		}
		if err := os.Remove(f.Name()); err != nil {
			f.Close()
			return nil, fmt.Errorf("unlink the temporary file: %w", err)
		}
		return f, nil
	}
}
