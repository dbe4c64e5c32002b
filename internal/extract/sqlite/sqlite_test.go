package sqlite_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/sqlite"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, sqlite.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
