package parquet_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/parquet"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, parquet.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
