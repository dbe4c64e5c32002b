package api

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/api/sigv4"
	"github.com/magpie-sec/magpie/internal/wire"
)

// fault is an error as the wire shows it.
type fault struct {
	name    string // x-amzn-ErrorType
	status  int
	message string

	shape      *wire.Exception // nil for an error of the protocol, which no model lists
	cause      *wire.Error     // members for the shape
	retryAfter int             // seconds, 0 for none
}

// fault also is an error, so that the transport's own refusals travel as any other.
func (f *fault) Error() string { return f.name + ": " + f.message }

// Names of errors of the protocol, which no operation models.
const (
	nameSerialization    = "SerializationException"
	nameUnknownOperation = "UnknownOperationException"
	nameTooLarge         = "RequestEntityTooLargeException"
	nameInternal         = "InternalServerException"
	internalMessage      = "The request failed because of an internal error. Try again later; the request id identifies it in the server's log."
)

func unknownOperation() *fault {
	return &fault{name: nameUnknownOperation, status: http.StatusNotFound, message: "The service has no operation with this method and path."}
}

func tooLarge(limit int64) *fault {
	return &fault{name: nameTooLarge, status: http.StatusRequestEntityTooLarge,
		message: "The request body is larger than " + strconv.FormatInt(limit, 10) + " bytes."}
}

// nearest lists, for each kind, the kinds whose exception says it best, the kind's own first. It is
// consulted when an operation does not model the kind.
var nearest = map[wire.Kind][]wire.Kind{
	wire.Validation:       {wire.Validation, wire.InvalidParameter, wire.Unprocessable, wire.NotFound, wire.AccessDenied},
	wire.InvalidParameter: {wire.InvalidParameter, wire.Validation, wire.Unprocessable, wire.NotFound, wire.AccessDenied},
	wire.Unprocessable:    {wire.Unprocessable, wire.InvalidParameter, wire.Validation, wire.NotFound, wire.AccessDenied},
	wire.AccessDenied:     {wire.AccessDenied, wire.Validation},
	wire.NotFound:         {wire.NotFound, wire.Validation, wire.AccessDenied},
	wire.Conflict:         {wire.Conflict, wire.Validation, wire.AccessDenied},
	wire.Quota:            {wire.Quota, wire.Conflict, wire.Validation, wire.AccessDenied},
	wire.Throttling:       {wire.Throttling, wire.Internal},
	wire.Internal:         {wire.Internal},
	wire.NotBuiltYet:      {wire.Validation, wire.AccessDenied},
}

// exception finds the modelled exception for an error of a kind. exact is false when the operation does
// not model the kind. An operation that models no errors at all gets the service's exception of the kind.
func exception(s *wire.Service, op *wire.Operation, kind wire.Kind) (shape *wire.Exception, exact bool) {
	permitted := s.Exceptions
	if op != nil && len(op.Errors) > 0 {
		permitted = op.Errors
	}
	for i, k := range nearest[kind] {
		at := slices.IndexFunc(permitted, func(e *wire.Exception) bool { return e.Kind == k })
		if at >= 0 {
			return permitted[at], i == 0 || kind == wire.NotBuiltYet
		}
	}
	return s.Exception(wire.Internal), false
}

// toFault turns an error into what the wire shows: the one place where that happens. unmodelled is true
// when the operation does not permit the error and the nearest one stands in.
func toFault(s *wire.Service, op *wire.Operation, err error) (f *fault, unmodelled bool) {
	var own *fault
	var refusal *sigv4.Error
	var known *wire.Error
	switch {
	case errors.As(err, &own):
		return own, false
	case errors.As(err, &refusal):
		return &fault{name: refusal.Code, status: refusal.Status, message: refusal.Message}, false
	case !errors.As(err, &known):
		known = &wire.Error{Kind: wire.Internal}
	case known.Kind == wire.Serialization:
		return &fault{name: nameSerialization, status: http.StatusBadRequest, message: known.Message}, false
	}
	if s == nil {
		return &fault{name: nameInternal, status: http.StatusInternalServerError, message: internalMessage}, false
	}
	if _, ok := nearest[known.Kind]; !ok {
		known = &wire.Error{Kind: wire.Internal}
	}
	shape, exact := exception(s, op, known.Kind)
	f = &fault{name: shape.Name, status: shape.Status, message: known.Message, shape: shape, cause: known}
	if shape.Kind == wire.Internal {
		f.message = internalMessage
	}
	if shape.RetryAfter || known.Kind == wire.Throttling {
		f.retryAfter = known.RetryAfter
	}
	return f, !exact
}

// EncodeJSON writes the members of the error's shape.
func (f *fault) EncodeJSON(w *wire.Writer) {
	w.String("message", &f.message)
	if f.shape == nil {
		return
	}
	if f.shape.Resource {
		w.String("resourceId", &f.cause.ResourceID)
		w.String("resourceType", &f.cause.ResourceType)
	}
	if f.shape.Reason {
		w.Enum("reason", f.reason())
		if len(f.cause.Fields) > 0 {
			wire.WriteListMember(w, "fieldList", f.cause.Fields, func(w *wire.Writer, v wire.Field) {
				wire.WriteStruct(w, field(v))
			})
		}
	}
}

// reason is required by the shape: fieldValidationFailed where fields are named, else other.
func (f *fault) reason() string {
	switch {
	case f.cause.Reason != "":
		return f.cause.Reason
	case len(f.cause.Fields) > 0:
		return wire.ReasonFieldValidation
	}
	return wire.ReasonOther
}

// field writes one ValidationExceptionField.
type field wire.Field

func (v *field) EncodeJSON(w *wire.Writer) {
	w.String("name", &v.Name)
	w.String("message", &v.Message)
}

// causes is everything about an error that the log may show and the client may not.
func causes(err error) string {
	var known *wire.Error
	if errors.As(err, &known) && known.Cause != nil {
		return strings.TrimSpace(err.Error() + ": " + known.Cause.Error())
	}
	return err.Error()
}
