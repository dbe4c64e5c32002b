package pdf_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/pdf"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, pdf.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
