package tnef_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/tnef"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, tnef.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
