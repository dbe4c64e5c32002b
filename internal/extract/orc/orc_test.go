package orc_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/orc"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, orc.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
