package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/magpie-sec/magpie/internal/api"
)

// An auditLog appends a record of each API call to a file, as JSON Lines. Records are handed to the operating system before the call's
// answer is complete, so they survive the death of the process. When one cannot be written (a full disk) the call is answered all the same:
// the error is logged with the event's id and counted in magpie_audit_failures_total.
type auditLog struct {
	log      *slog.Logger
	failures prometheus.Counter

	mu   sync.Mutex
	file *os.File
	torn bool // the last line is incomplete
}

func openAudit(path string, log *slog.Logger, registry prometheus.Registerer) (*auditLog, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w; name a folder that this user can write with --data", err)
	}
	torn, err := endsInLine(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("audit log: %w", err)
	}
	a := &auditLog{log: log, file: file, torn: torn, failures: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "magpie_audit_failures_total", Help: "API calls whose audit record could not be written.",
	})}
	if err := registry.Register(a.failures); err != nil {
		file.Close()
		return nil, err
	}
	return a, nil
}

// endsInLine says whether a file ends within a line, which a full disk or a power cut may leave.
func endsInLine(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	var last [1]byte
	_, err = f.ReadAt(last[:], info.Size()-1)
	return last[0] != '\n', err
}

// write is an api.AuditSink.
func (a *auditLog) write(ctx context.Context, record *api.AuditRecord) {
	line, err := json.Marshal(record)
	if err == nil {
		err = a.append(append(line, '\n'))
	}
	if err != nil {
		a.failures.Inc()
		a.log.ErrorContext(ctx, "audit record not written", "eventId", record.EventID, "operation", record.EventName,
			"requestId", record.RequestID, "error", err.Error())
	}
}

func (a *auditLog) append(line []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.torn {
		line = append([]byte{'\n'}, line...)
	}
	n, err := a.file.Write(line)
	a.torn = err != nil && (a.torn || n > 0)
	return err
}

func (a *auditLog) close() error { return a.file.Close() }
