// Package api is the HTTP side of Magpie: it takes a signed request of an AWS client, chooses the service
// by the credential scope, finds the operation, decodes and validates its input, calls the service and
// writes the answer. Errors become what the wire shows here, once.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/magpie-sec/magpie/internal/api/sigv4"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// DefaultMaxBody is the greatest request body in bytes when Config does not say otherwise.
const DefaultMaxBody = 4 << 20

// Config says what a Handler serves and with what. Macie, AccessAnalyzer, Keys and Regions must be set;
// the rest has defaults.
type Config struct {
	Macie          macie2.API
	AccessAnalyzer accessanalyzer.API

	Keys    sigv4.KeyStore
	Regions []string      // the Regions that are served, such as "us-east-1"
	MaxSkew time.Duration // of signatures; see sigv4.Verifier

	MaxBody int64                 // bytes; 0 means DefaultMaxBody
	Now     func() time.Time      // nil means time.Now
	NewID   func() string         // ids of requests and audit events; nil means random UUIDs
	Log     *slog.Logger          // nil means none
	Audit   AuditSink             // nil means none
	Metrics prometheus.Registerer // nil means none
}

// Handler answers the requests of AWS clients.
type Handler struct {
	config   Config
	verifier sigv4.Verifier
	sts      sigv4.Verifier      // in any Region: clients may sign for STS's global endpoint
	services map[string]*service // by signing name
	metrics  *metrics
}

// service is one service with its routes.
type service struct {
	contract *wire.Service
	mux      *http.ServeMux
}

// New returns a handler. It fails if a required part of the configuration is missing or the metrics
// cannot be registered.
func New(c Config) (*Handler, error) {
	switch {
	case c.Macie == nil || c.AccessAnalyzer == nil:
		return nil, errors.New("api: a service is missing")
	case c.Keys == nil:
		return nil, errors.New("api: the key store is missing")
	case len(c.Regions) == 0:
		return nil, errors.New("api: no Region is served; name at least one")
	}
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewID == nil {
		c.NewID = uuid.NewString
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	m, err := newMetrics(c.Metrics)
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	h := &Handler{config: c, metrics: m, services: map[string]*service{
		macie2.Service.SigningName:         newService(&macie2.Service, macie2.Endpoints(c.Macie)),
		accessanalyzer.Service.SigningName: newService(&accessanalyzer.Service, accessanalyzer.Endpoints(c.AccessAnalyzer)),
	}}
	h.verifier = sigv4.Verifier{
		Keys:     c.Keys,
		Now:      c.Now,
		Services: []string{macie2.Service.SigningName, accessanalyzer.Service.SigningName},
		Regions:  c.Regions,
		MaxSkew:  c.MaxSkew,
	}
	h.sts = sigv4.Verifier{Keys: c.Keys, Now: c.Now, Services: []string{stsService}, MaxSkew: c.MaxSkew}
	return h, nil
}

func newService(contract *wire.Service, endpoints []wire.Endpoint) *service {
	s := &service{contract: contract, mux: http.NewServeMux()}
	for i := range endpoints {
		op := endpoints[i].Operation
		s.mux.Handle(op.Method+" "+op.URI, &route{service: s, endpoint: &endpoints[i]})
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.(*exchange).fail(unknownOperation()) })
	return s
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{ResponseWriter: w, handler: h, request: r, id: h.config.NewID(), start: h.config.Now(), answer: answerJSON}
	x.Header().Set("X-Amzn-Requestid", x.id)
	x.Header().Set("X-Content-Type-Options", "nosniff")
	defer x.finish()
	x.serve()
}

// serve authenticates the request and hands it to its service.
func (x *exchange) serve() {
	scope, err := sigv4.ReadScope(x.request)
	verifier := &x.handler.verifier
	if scope.Service == stsService || err != nil && looksLikeSTS(x.request) {
		x.answer, verifier = answerXML, &x.handler.sts
	}
	if err != nil {
		x.fail(err)
		return
	}
	x.claimed = scope
	body, err := x.readBody()
	if err != nil {
		x.fail(err)
		return
	}
	x.identity, err = verifier.Verify(x.request, body)
	if err != nil {
		x.fail(err)
		return
	}
	x.authenticated = true
	x.body = body
	if x.identity.Service == stsService {
		x.serveSTS()
		return
	}
	x.service = x.handler.services[x.identity.Service]
	x.route()
}

// route finds the operation of an authenticated request.
func (x *exchange) route() {
	r, ok := routable(x.request)
	if !ok {
		x.fail(unknownOperation())
		return
	}
	x.service.mux.ServeHTTP(x, r)
}

// readBody reads the whole body, which the signature covers. One that is too large is refused without
// reading on, and the connection is closed after the answer.
func (x *exchange) readBody() ([]byte, error) {
	limit := x.handler.config.MaxBody
	if x.request.ContentLength > limit {
		x.Header().Set("Connection", "close")
		return nil, tooLarge(limit)
	}
	body, err := readAll(http.MaxBytesReader(x.ResponseWriter, x.request.Body, limit))
	x.bytesIn = int64(len(body))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge(limit)
	case err != nil:
		x.Header().Set("Connection", "close")
		return nil, wire.Errorf(wire.Serialization, "The request body ended early.").Because(err)
	}
	return body, nil
}

// route is one operation behind its pattern.
type route struct {
	service  *service
	endpoint *wire.Endpoint
}

// ServeHTTP decodes, validates, calls and encodes.
func (t *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := w.(*exchange)
	op := t.endpoint.Operation
	if r.Method != op.Method { // a GET pattern also matches HEAD, which no operation has
		x.fail(unknownOperation())
		return
	}
	x.operation = op
	in := t.endpoint.New()
	if err := decode(in, r, x.body); err != nil {
		x.fail(err)
		return
	}
	x.input = in
	var check wire.Check
	in.Validate(&check)
	if err := check.Err(); err != nil {
		x.fail(err)
		return
	}
	out, err := t.endpoint.Call(x.context(), in)
	if err != nil {
		x.fail(err)
		return
	}
	x.succeed(op.Status, out)
}

// context carries what services ask of a request.
func (x *exchange) context() context.Context {
	ctx := wire.WithRequestID(x.request.Context(), x.id)
	return wire.WithCaller(ctx, x.caller())
}
