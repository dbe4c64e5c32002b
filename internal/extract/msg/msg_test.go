package msg_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/msg"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, msg.Format.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
