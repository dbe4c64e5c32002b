// Package formats lists what we read.
package formats

import (
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/plaintext"
)

// All returns every format, those with a signature first: among equal scores the first wins.
func All() []extract.Format {
	return []extract.Format{
		plaintext.Format,
	}
}
