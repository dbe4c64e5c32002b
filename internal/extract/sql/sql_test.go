package sql_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/sql"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, sql.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
