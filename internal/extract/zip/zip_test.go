package zip_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/zip"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, zip.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
