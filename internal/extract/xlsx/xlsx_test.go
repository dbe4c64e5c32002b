package xlsx_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/xlsx"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, xlsx.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
