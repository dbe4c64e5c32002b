package ppt_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/ole/oletest"
	"github.com/magpie-sec/magpie/internal/extract/ppt"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, ppt.Format.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }

func FuzzPresentation(f *testing.F) { oletest.Fuzz(f, "PowerPoint Document", "Current User") }
