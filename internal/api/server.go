package api

import (
	"log/slog"
	"net/http"
	"time"
)

// Timeouts cut slow clients. Zero values mean the defaults.
type Timeouts struct {
	Header time.Duration // to send the header; default 10 s
	Read   time.Duration // to send the whole request; default 60 s
	Write  time.Duration // from the end of the header to the end of the answer; default 2 min
	Idle   time.Duration // between requests; default 2 min
}

const maxHeaderBytes = 64 << 10

// NewServer returns a server for h that cuts slow clients. The caller listens and shuts down.
func NewServer(h http.Handler, t Timeouts, log *slog.Logger) *http.Server {
	or := func(d, def time.Duration) time.Duration {
		if d == 0 {
			return def
		}
		return d
	}
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: or(t.Header, 10*time.Second),
		ReadTimeout:       or(t.Read, time.Minute),
		WriteTimeout:      or(t.Write, 2*time.Minute),
		IdleTimeout:       or(t.Idle, 2*time.Minute),
		MaxHeaderBytes:    maxHeaderBytes,
	}
	if log != nil {
		s.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	}
	return s
}
