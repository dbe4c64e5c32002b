package gzip_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/gzip"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, gzip.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
