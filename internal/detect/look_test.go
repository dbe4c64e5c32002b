package detect_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/detecttest"
	"github.com/magpie-sec/magpie/internal/detect/managed"
)

// TestFirstLookLeavesNothingOut compares the reading with a first look, which passes most runs over, with the one that visits each.
func TestFirstLookLeavesNothingOut(t *testing.T) {
	e := detecttest.Engine(t, 0, managed.All()...)
	type match struct {
		id, text       string
		offset, length int64
	}
	var found []match
	s := e.NewScanner(func(m detect.Match) {
		found = append(found, match{m.Identifier.ID, string(m.Text), m.Location.Offset, m.Location.Length})
	})
	both := func(tb rapid.TB, text []byte) {
		found = nil
		detect.ScanEachRun(s, text)
		want := found
		found = nil
		detect.ScanValue(s, text)
		if diff := cmp.Diff(want, found, cmp.AllowUnexported(match{})); diff != "" {
			tb.Fatalf("%q: (-each run, +first look)\n%s", text, diff)
		}
	}
	from := append(fragments(t), "socialSecurityNumber: ", "userSsn=", "\\nssn ", "Phone", "passport_no: ", "DE", "+1 ", "A1", "10001", "Hauptstr. 11\\n53111 Bonn", "\\n", "+49 30 901820")
	rapid.Check(t, func(t *rapid.T) { both(t, []byte(drawText(t, from))) })
	for _, value := range []string{"+49 30 901820", "Hauptstr. 11\\n53111 Bonn", "4111 1111 1111 1111", "userSsn=536-90-4399", "numéro de sécurité sociale 2 55 08 14 168 025 38", "Maria Schmidt"} {
		for at := range 140 {
			both(t, []byte(strings.Repeat("some words ", 14)[:at]+" "+value+strings.Repeat(" more of them", 9)))
			both(t, []byte(strings.Repeat("x", at)+"."+value+" ."))
		}
	}
	corpus := detecttest.NewCorpus(5)
	for _, text := range [][]byte{corpus.Log(1 << 20), corpus.Events(1 << 20), bytes.Repeat([]byte("identificación 1, "), 3000)} {
		both(t, text)
	}
}
