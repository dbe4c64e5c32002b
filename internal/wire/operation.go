package wire

import "context"

// Exception is a modelled error shape of a service.
type Exception struct {
	Name       string // the value of x-amzn-ErrorType
	Status     int
	Kind       Kind
	Resource   bool // has resourceId and resourceType
	Reason     bool // has reason and fieldList
	RetryAfter bool // has the Retry-After header
}

// Paging names the members by which an operation pages; "" for a member it does not have.
type Paging struct {
	Token  string // input and output member with the page token
	Limit  string // input member with the page size
	Result string // output member that grows
}

// Operation is one row of a service's operation table.
type Operation struct {
	Service string // SigningName of its service
	Name    string
	Method  string
	URI     string // path pattern with {label}s
	Status  int    // of success
	Action  string // IAM action name, "macie2:GetFindings"

	Errors           []*Exception // permitted ones; none are modelled for a few operations
	Paging           Paging
	IdempotencyToken string // input member, "" if none
	ReadOnly         bool   // changes nothing
	Idempotent       bool   // may be repeated
	Body             bool   // input members travel in a JSON body
}

// Service is one service's contract.
type Service struct {
	SigningName string // service part of the credential scope: "macie2", "access-analyzer"
	APIVersion  string // "2020-01-01"
	Exceptions  []*Exception
	Operations  []*Operation // in order of name
	Sensitive   []string     // names of members that must not be logged
}

// Operation returns the row of that name, nil if there is none.
func (s *Service) Operation(name string) *Operation {
	for _, op := range s.Operations {
		if op.Name == name {
			return op
		}
	}
	return nil
}

// Exception returns the service's exception of a kind, nil if it has none.
func (s *Service) Exception(k Kind) *Exception {
	for _, e := range s.Exceptions {
		if e.Kind == k {
			return e
		}
	}
	return nil
}

// Document is a generated structure: it writes and reads itself as JSON.
type Document interface {
	EncodeJSON(w *Writer)
	DecodeMember(d *Decoder, name []byte)
}

// Input is a generated operation input.
type Input interface {
	Document
	Operation() *Operation
	DecodeRequest(r *Request) error
	Validate(c *Check)
}

// PagedInput is the input of an operation that pages.
type PagedInput interface {
	Input
	// Page returns the page token ("" for the first page) and the page size (nil if not asked for).
	Page() (token string, size *int64)
}

// Endpoint is an operation bound to the method that performs it.
type Endpoint struct {
	Operation *Operation
	New       func() Input
	NewOutput func() Document
	Call      func(context.Context, Input) (Document, error)
}

// Bind makes an endpoint of a service's method. A nil output without an error is an internal error.
func Bind[I, O any, PI interface {
	*I
	Input
}, PO interface {
	*O
	Document
}](call func(context.Context, PI) (PO, error)) Endpoint {
	op := PI(nil).Operation()
	return Endpoint{
		Operation: op,
		New:       func() Input { return PI(new(I)) },
		NewOutput: func() Document { return PO(new(O)) },
		Call: func(ctx context.Context, in Input) (Document, error) {
			out, err := call(ctx, in.(PI))
			if err != nil {
				return nil, err
			}
			if out == nil {
				return nil, Errorf(Internal, "%s answered neither output nor error", op.Name)
			}
			return out, nil
		},
	}
}
