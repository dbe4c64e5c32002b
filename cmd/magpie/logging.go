package main

import (
	"io"
	"log/slog"
)

// newLog makes the log of a server or worker: text on a terminal, JSON for everything that collects logs.
func newLog(w io.Writer, least slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: least}
	if isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
