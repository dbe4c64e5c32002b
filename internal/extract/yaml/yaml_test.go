package yaml_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/yaml"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, yaml.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
