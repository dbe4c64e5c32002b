package wire

import "context"

// Caller says on whose behalf a request runs. Every piece of state of both services belongs to one
// (Account, Region).
type Caller struct {
	Account      string // 12 digits
	Region       string // from the signature's credential scope
	Partition    string // "aws", "aws-cn", "aws-us-gov"
	AccessKeyID  string
	PrincipalARN string
}

type callerKey struct{}
type requestIDKey struct{}

// WithCaller returns ctx carrying c.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom returns the caller of the request that ctx belongs to; the zero Caller outside a request.
func CallerFrom(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// WithRequestID returns ctx carrying the id that the answer's x-amzn-RequestId header shows.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the id of the request that ctx belongs to, "" outside a request.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
