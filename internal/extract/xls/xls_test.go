package xls_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/ole/oletest"
	"github.com/magpie-sec/magpie/internal/extract/xls"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, xls.Format.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }

func FuzzWorkbook(f *testing.F) { oletest.Fuzz(f, "Workbook", "Summary") }
