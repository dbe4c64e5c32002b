package doc_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/doc"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/ole/oletest"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, doc.Format.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }

func FuzzDocument(f *testing.F) { oletest.Fuzz(f, "WordDocument", "1Table") }
