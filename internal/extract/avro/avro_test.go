package avro_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/avro"
	"github.com/magpie-sec/magpie/internal/extract/extracttest"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, avro.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
