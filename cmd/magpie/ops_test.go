package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

func TestReadiness(t *testing.T) {
	var r readiness
	handler := opsHandler(&r, newRegistry())
	check := func(status int, text string) {
		t.Helper()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
		if w.Code != status || w.Body.String() != text+"\n" {
			t.Errorf("/readyz: %d %q, want %d %q", w.Code, w.Body, status, text)
		}
	}
	check(503, "starting")
	db, err := openDatabase(t.Context(), filepath.Join(t.TempDir(), databaseFile), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.db.Store(&db)
	check(200, "ready")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	check(503, "the database does not answer")
	r.stopping.Store(true)
	check(503, "stopping")
}
