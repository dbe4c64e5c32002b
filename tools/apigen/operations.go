package main

import (
	"fmt"
	"slices"
	"strings"
)

// kinds maps the exceptions of the models to the kinds of wire.Error.
var kinds = map[string]string{
	"AccessDeniedException":         "AccessDenied",
	"ConflictException":             "Conflict",
	"InternalServerException":       "Internal",
	"InvalidParameterException":     "InvalidParameter",
	"ResourceNotFoundException":     "NotFound",
	"ServiceQuotaExceededException": "Quota",
	"ThrottlingException":           "Throttling",
	"UnprocessableEntityException":  "Unprocessable",
	"ValidationException":           "Validation",
}

// operations writes exceptions, operation table and service.
func (g *generator) operations() error {
	exceptions := slices.DeleteFunc(g.shapeNames(), func(n string) bool { return !g.Shapes[n].Exception })
	for _, n := range exceptions {
		if err := g.exception(n); err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
	}
	for _, n := range g.operationNames() {
		g.operation(g.Operations[n])
	}
	g.p("// Service is the contract of %s.", g.title)
	g.p("var Service = wire.Service{")
	g.p("SigningName: %q,\nAPIVersion: %q,", g.signingName(), g.Metadata["apiVersion"])
	g.p("Exceptions: []*wire.Exception{")
	for _, n := range exceptions {
		g.p("&%s,", exceptionVar(n))
	}
	g.p("},\nOperations: []*wire.Operation{")
	for _, n := range g.operationNames() {
		g.p("&op%s,", n)
	}
	g.p("},")
	if names := g.sensitive(); len(names) > 0 {
		g.p("Sensitive: []string{%s},", `"`+strings.Join(names, `", "`)+`"`)
	}
	g.p("}")
	return nil
}

func (g *generator) signingName() string { return g.Metadata["signingName"].(string) }

func exceptionVar(name string) string { return "err" + strings.TrimSuffix(name, "Exception") }

// exception writes one error shape. A member that the transport does not know to fill is refused.
func (g *generator) exception(name string) error {
	s := g.Shapes[name]
	kind, ok := kinds[name]
	if !ok {
		return fmt.Errorf("no kind for it in apigen's table")
	}
	flags := ""
	for _, m := range s.Members {
		where := m.wireName()
		if m.Location != "" {
			where = m.Location + " " + where
		}
		switch where {
		case "message", "resourceType", "fieldList":
		case "resourceId":
			flags += ", Resource: true"
		case "reason":
			flags += ", Reason: true"
		case "header Retry-After":
			flags += ", RetryAfter: true"
		default:
			return fmt.Errorf("member %s is not understood", where)
		}
	}
	g.p("var %s = wire.Exception{Name: %q, Status: %d, Kind: wire.%s%s}\n", exceptionVar(name), name, s.Error.Status, kind, flags)
	return nil
}

func (g *generator) operation(op *operation) {
	in := g.Shapes[op.Input.Shape]
	g.p("var op%s = wire.Operation{", op.Name)
	g.p("Service: %q,\nName: %q,\nMethod: %q,\nURI: %q,\nStatus: %d,", g.signingName(), op.Name, op.HTTP.Method, op.HTTP.RequestURI, op.HTTP.ResponseCode)
	g.p("Action: %q,", g.signingName()+":"+strings.TrimSuffix(op.Name, "V2"))
	if len(op.Errors) > 0 {
		vars := []string{}
		for _, e := range op.Errors {
			vars = append(vars, "&"+exceptionVar(e.Shape))
		}
		g.p("Errors: []*wire.Exception{%s},", strings.Join(vars, ", "))
	}
	if p, ok := g.paginators[op.Name]; ok {
		g.p("Paging: wire.Paging{Token: %q, Limit: %q, Result: %q},", p.InputToken, p.LimitKey, p.ResultKey)
	}
	for _, m := range in.Members {
		if m.IdempotencyToken {
			g.p("IdempotencyToken: %q,", m.wireName())
		}
	}
	readOnly := g.readOnly(op)
	if readOnly {
		g.p("ReadOnly: true,")
	}
	if readOnly || g.idempotent(op) {
		g.p("Idempotent: true,")
	}
	if _, body := split(in.Members); len(body) > 0 {
		g.p("Body: true,")
	}
	g.p("}\n")
}

// readOnly takes the model's trait where the model uses it, else goes by the verb of the name.
func (g *generator) readOnly(op *operation) bool {
	for _, other := range g.Operations {
		if other.ReadOnly {
			return op.ReadOnly
		}
	}
	return slices.ContainsFunc([]string{"Get", "List", "Describe", "Search", "BatchGet", "Test"}, func(verb string) bool {
		return strings.HasPrefix(op.Name, verb)
	})
}

// idempotent takes the model's trait where the model uses it, else goes by the HTTP method.
func (g *generator) idempotent(op *operation) bool {
	for _, other := range g.Operations {
		if other.Idempotent {
			return op.Idempotent
		}
	}
	return slices.Contains([]string{"GET", "PUT", "DELETE"}, op.HTTP.Method)
}

// sensitive returns the names of the members whose shape is sensitive, sorted.
func (g *generator) sensitive() []string {
	names := []string{}
	for _, n := range g.structures() {
		for _, m := range g.Shapes[n].Members {
			if g.Shapes[m.Shape].Sensitive {
				names = append(names, m.wireName())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// api writes the interface, its unimplemented form, the endpoints and the methods of inputs.
func (g *generator) api() error {
	names := g.operationNames()
	g.p("// API is %s: one method per operation. Errors for the client are *wire.Error.", g.title)
	g.p("type API interface {")
	for _, n := range names {
		g.p("%s(ctx context.Context, in *%sInput) (*%sOutput, error)", n, n, n)
	}
	g.p("}\n")
	g.p("// Unimplemented answers every operation with wire.NotBuilt. Services embed it until they have all.")
	g.p("type Unimplemented struct{}\n")
	g.p("var _ API = Unimplemented{}\n")
	for _, n := range names {
		g.p("// %s answers that this version does not have it.", n)
		g.p("func (Unimplemented) %s(context.Context, *%sInput) (*%sOutput, error) {", n, n, n)
		g.p("return nil, wire.NotBuilt(%q)\n}\n", n)
	}
	g.p("// Endpoints binds the operation table to an implementation.")
	g.p("func Endpoints(api API) []wire.Endpoint {\nreturn []wire.Endpoint{")
	for _, n := range names {
		g.p("wire.Bind(api.%s),", n)
	}
	g.p("}\n}\n")
	for _, n := range names {
		g.p("// Operation returns the row of the operation table.")
		g.p("func (*%sInput) Operation() *wire.Operation { return &op%s }\n", n, n)
		if p, ok := g.paginators[n]; ok {
			size := "nil"
			if p.LimitKey != "" {
				size = "v." + goName(p.LimitKey)
			}
			g.p("// Page returns page token and page size.")
			g.p("func (v *%sInput) Page() (token string, size *int64) { return wire.Value(v.%s), %s }\n", n, goName(p.InputToken), size)
		}
	}
	return nil
}
