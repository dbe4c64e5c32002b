package pptx_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/pptx"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, pptx.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
