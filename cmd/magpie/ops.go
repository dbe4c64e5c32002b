package main

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/magpie-sec/magpie/internal/store"
)

// newRegistry makes a registry of metrics that has those of the process.
func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// readiness is what /readyz answers.
type readiness struct {
	db atomic.Pointer[store.DB] // nil until the database is open and migrated
	// stopping is set before the listener closes, so that a balancer sends nothing more.
	stopping atomic.Bool
}

// pingTimeout is how long a database may take before the server calls itself not ready.
const pingTimeout = 2 * time.Second

// reason says why the server is not ready, "" if it is.
func (r *readiness) reason(ctx context.Context) string {
	db := r.db.Load()
	switch {
	case r.stopping.Load():
		return "stopping"
	case db == nil:
		return "starting"
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := (*db).Ping(ctx); err != nil {
		return "the database does not answer"
	}
	return ""
}

// opsHandler serves health, readiness and metrics. It needs no signature, so it listens on a port of its own.
func opsHandler(r *readiness, registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answerText(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, req *http.Request) {
		if reason := r.reason(req.Context()); reason != "" {
			answerText(w, http.StatusServiceUnavailable, reason)
			return
		}
		answerText(w, http.StatusOK, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	return mux
}

func answerText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // whoever asked may be gone
}
