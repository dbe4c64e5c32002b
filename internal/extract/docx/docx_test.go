package docx_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/docx"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, docx.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
