package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/magpie-sec/magpie/internal/api"
)

// TestAuditAfterTornLine appends to a file whose last line was cut short: the next record begins a line of its own.
func TestAuditAfterTornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	for _, c := range []struct{ before, after string }{
		{"", `{"eventVersion":"1.11"`},
		{"{\"whole\":1}\n", "{\"whole\":1}\n" + `{"eventVersion":"1.11"`},
		{"{\"whole\":1}\n{\"to", "{\"whole\":1}\n{\"to\n" + `{"eventVersion":"1.11"`},
	} {
		if err := os.WriteFile(path, []byte(c.before), 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := openAudit(path, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		a.write(t.Context(), &api.AuditRecord{EventVersion: "1.11"})
		if err := a.close(); err != nil {
			t.Fatal(err)
		}
		if got := readFile(t, path); !strings.HasPrefix(got, c.after) || !strings.HasSuffix(got, "}\n") {
			t.Errorf("after %q: %q", c.before, got)
		}
	}
}

// TestAuditDiskFull runs a server whose audit log lies on a full disk (full(4)): requests are answered, and the loss is logged and counted.
func TestAuditDiskFull(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", filepath.Join(data, "audit.jsonl")); err != nil {
		t.Fatal(err)
	}
	s := serve(t, data)
	enable(t, s.client())
	if line := s.awaitLog("audit record not written"); line["operation"] != "EnableMacie" || line["eventId"] == "" {
		t.Errorf("logged: %v", line)
	}
	until(t, "the loss is counted", func() bool {
		_, text := get(t, s.ops+"/metrics")
		return strings.Contains(text, "\nmagpie_audit_failures_total 1\n")
	})
}

// TestAuditGoesOn loses a record that cannot be written, and no other.
func TestAuditGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	var log bytes.Buffer
	a, err := openAudit(path, slog.New(slog.NewTextHandler(&log, nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	whole := a.file
	if a.file, err = os.Open(path); err != nil { // a file that takes nothing
		t.Fatal(err)
	}
	a.write(t.Context(), &api.AuditRecord{EventID: "lost"})
	a.file.Close()
	a.file = whole
	a.write(t.Context(), &api.AuditRecord{EventID: "kept"})
	if got := readFile(t, path); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"kept"`) {
		t.Errorf("file: %q", got)
	}
	if !strings.Contains(log.String(), "eventId=lost") || strings.Contains(log.String(), "kept") {
		t.Errorf("log: %s", log.String())
	}
}
