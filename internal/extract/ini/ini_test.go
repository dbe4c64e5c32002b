package ini_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/ini"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, ini.Format, ini.TOML) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
