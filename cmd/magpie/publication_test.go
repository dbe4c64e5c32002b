package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/macie2"
)

// TestServePublishes makes sample findings through the SDK and waits until a webhook has their events.
func TestServePublishes(t *testing.T) {
	got := make(chan string, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !strings.HasPrefix(r.Header.Get("X-Magpie-Signature"), "t=") {
			t.Errorf("signature %q, error %v", r.Header.Get("X-Magpie-Signature"), err)
		}
		got <- string(body)
	}))
	t.Cleanup(hook.Close)
	dir := t.TempDir()
	configuration := fmt.Sprintf(`version: 1
accounts:
  - id: "111122223333"
    regions: [us-east-1]
publication:
  - {name: log, kind: file, path: events.jsonl}
  - {name: hook, kind: webhook, url: %q, secret: {file: hook.secret}}
`, hook.URL)
	for name, text := range map[string]string{"magpie.yaml": configuration, "hook.secret": "hidden secret\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, filepath.Join(dir, "data"), "--config", filepath.Join(dir, "magpie.yaml"))
	c := s.client()
	if _, err := c.EnableMacie(t.Context(), &macie2.EnableMacieInput{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateSampleFindings(t.Context(), &macie2.CreateSampleFindingsInput{}); err != nil {
		t.Fatal(err)
	}
	const samples = 11 // one of each type
	posted := map[string]bool{}
	for range samples {
		posted[eventOf(t, <-got)] = true
	}
	if len(posted) != samples {
		t.Errorf("%d different events posted", len(posted))
	}
	if log := s.said(); strings.Contains(log, "hidden") {
		t.Errorf("the log holds the secret: %s", log)
	}
}

// eventOf reads an event of a finding and returns both ids.
func eventOf(t *testing.T, text string) string {
	t.Helper()
	var e struct {
		ID     string
		Detail struct{ ID string }
		Source string
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil || e.Source != "aws.macie" || e.Detail.ID == "" {
		t.Fatalf("event %q: %v", text, err)
	}
	return e.ID + " " + e.Detail.ID
}
