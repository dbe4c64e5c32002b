package eml_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/eml"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, eml.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
