package rtf_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/rtf"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, rtf.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
