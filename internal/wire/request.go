package wire

import (
	"net/url"
	"strconv"
)

// Request holds the parts of an HTTP request that carry input members.
type Request struct {
	Label func(name string) string // decoded path labels
	Query url.Values
	Body  []byte

	err error
}

// Err returns the first error of reading members: a *Error of kind Serialization.
func (r *Request) Err() error { return r.err }

func (r *Request) fail(name, want string) {
	if r.err == nil {
		r.err = Errorf(Serialization, "%s: expected %s", name, want)
	}
}

// URI returns a path label.
func (r *Request) URI(name string) *string { return Ptr(r.Label(name)) }

// QueryString returns a query parameter, nil if absent; of several values the first.
func (r *Request) QueryString(name string) *string {
	if v := r.Query[name]; len(v) > 0 {
		return &v[0]
	}
	return nil
}

// QueryStrings returns all values of a repeated query parameter, nil if absent.
func (r *Request) QueryStrings(name string) []string { return r.Query[name] }

// QueryBool returns a parameter that must read true or false.
func (r *Request) QueryBool(name string) *bool {
	s := r.QueryString(name)
	switch {
	case s == nil:
		return nil
	case *s == "true":
		return Ptr(true)
	case *s == "false":
		return Ptr(false)
	}
	r.fail(name, "true or false")
	return nil
}

// QueryInteger returns a 32-bit integer parameter (the models' integer).
func (r *Request) QueryInteger(name string) *int64 { return r.queryInt(name, 32) }

// QueryLong returns a 64-bit integer parameter (the models' long).
func (r *Request) QueryLong(name string) *int64 { return r.queryInt(name, 64) }

func (r *Request) queryInt(name string, bits int) *int64 {
	s := r.QueryString(name)
	if s == nil {
		return nil
	}
	n, err := strconv.ParseInt(*s, 10, bits)
	if err != nil {
		r.fail(name, "an integer of "+strconv.Itoa(bits)+" bits")
		return nil
	}
	return &n
}

// QueryEnum returns an enum parameter; an empty value is an error, as "" stands for absent.
func QueryEnum[E enum[E]](r *Request, name string) E {
	s := r.QueryString(name)
	if s == nil {
		return ""
	}
	if *s == "" && r.err == nil {
		r.err = emptyEnum[E](name)
	}
	return E(*s)
}

// DecodeBody reads the JSON body into v; an empty body means an empty object.
func (r *Request) DecodeBody(v Members) {
	if r.err == nil && len(r.Body) > 0 {
		r.err = Unmarshal(r.Body, v)
	}
}
