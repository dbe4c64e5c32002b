package managed

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/detect/detecttest"
)

// TestIdentifiers runs the acceptance suite over every entry and its vectors.
func TestIdentifiers(t *testing.T) { detecttest.Run(t, All(), "testdata") }
