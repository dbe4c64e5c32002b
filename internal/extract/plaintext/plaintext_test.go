package plaintext_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/plaintext"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, plaintext.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
