package tar_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/tar"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, tar.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
