package odf_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/odf"
)

func TestAcceptance(t *testing.T) {
	extracttest.Run(t, odf.Text, odf.Spreadsheet, odf.Presentation, odf.Drawing)
}

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
