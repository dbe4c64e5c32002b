package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/magpie-sec/magpie/internal/api/sigv4"
	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/wire"
)

// exchange is one request on its way to its answer. It is the ResponseWriter that the routes get.
type exchange struct {
	http.ResponseWriter
	handler *Handler
	request *http.Request
	id      string
	start   time.Time
	answer  func(*exchange, *fault) // writes an error in the service's form

	claimed       sigv4.Scope // what the request says before it is verified
	authenticated bool
	identity      sigv4.Identity
	service       *service
	operation     *wire.Operation
	input         wire.Input
	body          []byte

	action   string // of a query service
	status   int
	bytesIn  int64
	bytesOut int64
	failure  error
	fault    *fault
}

func (x *exchange) caller() wire.Caller {
	return wire.Caller{
		Account:      x.identity.Account,
		Region:       x.identity.Region,
		Partition:    arn.PartitionOf(x.identity.Region),
		AccessKeyID:  x.identity.AccessKeyID,
		PrincipalARN: x.identity.PrincipalARN,
	}
}

// WriteHeader notes the status.
func (x *exchange) WriteHeader(status int) {
	x.status = status
	x.ResponseWriter.WriteHeader(status)
}

// Write counts bytes.
func (x *exchange) Write(b []byte) (int, error) {
	n, err := x.ResponseWriter.Write(b)
	x.bytesOut += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// succeed writes an output.
func (x *exchange) succeed(status int, out wire.Document) {
	if status == http.StatusNoContent {
		x.WriteHeader(status)
		return
	}
	x.send(status, "application/json", wire.Marshal(out))
}

// fail writes an error, in the one form that toFault gives it.
func (x *exchange) fail(err error) {
	var contract *wire.Service
	if x.service != nil {
		contract = x.service.contract
	}
	f, unmodelled := toFault(contract, x.operation, err)
	if unmodelled {
		x.handler.config.Log.WarnContext(x.request.Context(), "an error that the operation does not model",
			"requestId", x.id, "operation", x.operationName(), "error", causes(err), "answered", f.name)
	}
	x.failure, x.fault = err, f
	x.answer(x, f)
}

// answerJSON writes an error in the form of restJson1.
func answerJSON(x *exchange, f *fault) {
	x.Header().Set("X-Amzn-Errortype", f.name)
	if f.retryAfter > 0 {
		x.Header().Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
	x.send(f.status, "application/json", wire.Marshal(f))
}

func (x *exchange) send(status int, contentType string, text []byte) {
	x.Header().Set("Content-Type", contentType)
	x.Header().Set("Cache-Control", "no-store") // answers to signed requests, some of which hold what was found
	x.Header().Set("Content-Length", strconv.Itoa(len(text)))
	x.WriteHeader(status)
	_, _ = x.Write(text) // the client is gone: nothing left to tell it
}

// finish answers for a panic, then counts, audits and logs the exchange, in this order.
func (x *exchange) finish() {
	if p := recover(); p != nil {
		x.handler.config.Log.ErrorContext(x.request.Context(), "panic while serving a request",
			"requestId", x.id, "operation", x.operationName(), "panic", p, "stack", string(debug.Stack()))
		if x.status == 0 {
			x.fail(wire.Errorf(wire.Internal, "panic"))
		}
	}
	took := x.handler.config.Now().Sub(x.start)
	x.handler.metrics.observe(x, took)
	x.audit()
	x.log(took)
}

// operationName is the operation's name, "" while it is not known.
func (x *exchange) operationName() string {
	if x.operation != nil {
		return x.operation.Name
	}
	return x.action
}

// serviceName is the signing name that the request claims, "" if it is none of ours: a client must not
// choose the values of a metric's label.
func (x *exchange) serviceName() string {
	if _, ok := x.handler.services[x.claimed.Service]; ok || x.claimed.Service == stsService {
		return x.claimed.Service
	}
	return ""
}

// log writes the request's line: never bodies, secrets or query strings.
func (x *exchange) log(took time.Duration) {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("requestId", x.id),
		slog.String("service", x.serviceName()),
		slog.String("operation", x.operationName()),
		slog.String("account", x.identity.Account),
		slog.String("region", x.identity.Region),
		slog.Int("status", x.status),
		slog.Duration("duration", took),
		slog.Int64("bytesIn", x.bytesIn),
		slog.Int64("bytesOut", x.bytesOut),
		slog.String("source", sourceIP(x.request)),
	}
	if x.fault != nil {
		attrs = append(attrs, slog.String("error", x.fault.name))
		if x.status >= http.StatusInternalServerError {
			level = slog.LevelError
			if errors.Is(x.failure, context.Canceled) && x.request.Context().Err() != nil {
				level = slog.LevelInfo // the client went away
			}
			attrs = append(attrs, slog.String("cause", causes(x.failure)))
		}
	}
	x.handler.config.Log.LogAttrs(x.request.Context(), level, "request", attrs...)
}
