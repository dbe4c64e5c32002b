package mbox_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/mbox"
)

func TestAcceptance(t *testing.T) { extracttest.Run(t, mbox.Format) }

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }

// Text that begins like a mailbox is none.
func TestWhatIsAMailbox(t *testing.T) {
	for content, want := range map[string]string{
		"\r\n\r\nFrom a@example.org Mon Feb  2 10:11:12 2026\r\nX-Unknown: x\r\n\r\nhello\r\n": "application/mbox",
		"From here on, Mon Feb 2 10:11:12 2026\nit is prose.\n":                                "text/plain",
		"From 10:11 to 12:15 in Feb 2026\nNote: it is prose.\n":                                "text/plain",
		"From the desk of Ann\nSubject: x\n":                                                   "text/plain",
		"From a@example.org Mon Feb  2 10:11:12 2026\n\nhello\n":                               "text/plain",
	} {
		if d := extracttest.Read(t, "a.txt", content); d.MIME != want {
			t.Errorf("%.40q: %s", content, d.MIME)
		}
	}
}
