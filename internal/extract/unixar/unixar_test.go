package unixar_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/unixar"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, unixar.AR, unixar.CPIO, unixar.RPM) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
