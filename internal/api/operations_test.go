package api

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"

	aatypes "github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"
	sdkmacie "github.com/aws/aws-sdk-go-v2/service/macie2"
	macietypes "github.com/aws/aws-sdk-go-v2/service/macie2/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/document"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
	"github.com/magpie-sec/magpie/internal/wire/wiretest"
)

const (
	macieModel = "../../tools/apigen/models/macie2-2020-01-01.json"
	aaModel    = "../../tools/apigen/models/accessanalyzer-2019-11-01.json"
)

// client is one of the SDK's, with what the tests need to know of its service.
type client struct {
	contract  *wire.Service
	endpoints []wire.Endpoint
	model     string
	sdk       reflect.Value
	errors    []error // one of each modelled type
}

func (s *server) clients() []client {
	return []client{
		{&macie2.Service, macie2.Endpoints(macie2.Unimplemented{}), macieModel, reflect.ValueOf(s.macie()), []error{
			&macietypes.AccessDeniedException{}, &macietypes.ConflictException{}, &macietypes.InternalServerException{},
			&macietypes.ResourceNotFoundException{}, &macietypes.ServiceQuotaExceededException{}, &macietypes.ThrottlingException{},
			&macietypes.UnprocessableEntityException{}, &macietypes.ValidationException{}}},
		{&accessanalyzer.Service, accessanalyzer.Endpoints(accessanalyzer.Unimplemented{}), aaModel, reflect.ValueOf(s.accessAnalyzer()), []error{
			&aatypes.AccessDeniedException{}, &aatypes.ConflictException{}, &aatypes.InternalServerException{},
			&aatypes.InvalidParameterException{}, &aatypes.ResourceNotFoundException{}, &aatypes.ServiceQuotaExceededException{},
			&aatypes.ThrottlingException{}, &aatypes.UnprocessableEntityException{}, &aatypes.ValidationException{}}},
	}
}

// input returns a new SDK input of an operation.
func (c client) input(op string) reflect.Value {
	return reflect.New(c.sdk.MethodByName(op).Type().In(1).Elem())
}

func (c client) call(op string, in reflect.Value) (any, error) {
	out := c.sdk.MethodByName(op).Call([]reflect.Value{reflect.ValueOf(context.Background()), in})
	err, _ := out[1].Interface().(error)
	return out[0].Interface(), err
}

var sameSDK = cmp.Options{
	cmpopts.IgnoreTypes(middleware.Metadata{}, document.NoSerde{}),
	cmp.FilterPath(func(p cmp.Path) bool {
		f, ok := p.Last().(cmp.StructField)
		return ok && f.Name() == "noSmithyDocumentSerde"
	}, cmp.Ignore()),
}

// TestEveryOperationThroughTheSDK sends a filled input of every operation with the SDK's client, compares
// what the service got with what was sent, and what the client got with what the service answered.
func TestEveryOperationThroughTheSDK(t *testing.T) {
	s := start(t, nil, Timeouts{})
	for _, c := range s.clients() {
		model, err := wiretest.ReadModel(c.model)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.endpoints {
			t.Run(c.contract.SigningName+"/"+e.Operation.Name, func(t *testing.T) {
				for seed := range uint64(20) { // enough for each member of the largest union
					s.exchange(t, c, e, &wiretest.Filler{Unions: model.Unions(), Valid: true, Pick: rand.New(rand.NewPCG(seed, 1)).IntN})
				}
			})
		}
	}
}

func (s *server) exchange(t *testing.T, c client, e wire.Endpoint, f *wiretest.Filler) {
	t.Helper()
	op := e.Operation.Name
	in, out := e.New(), e.NewOutput()
	f.Fill(in)
	f.Fill(out)
	var check wire.Check
	in.Validate(&check)
	if err := check.Err(); err != nil {
		t.Fatalf("the filled input is not valid: %v", err)
	}
	sent, want := c.input(op), reflect.New(c.sdk.MethodByName(op).Type().Out(0).Elem())
	if err := errors.Join(toSDK(sent.Elem(), reflect.ValueOf(in)), toSDK(want.Elem(), reflect.ValueOf(out))); err != nil {
		t.Fatal(err)
	}
	s.answers(out, nil)
	got, err := c.call(op, sent)
	if err != nil {
		t.Fatalf("%v\n%s", err, wire.Marshal(in))
	}
	if diff := cmp.Diff(in, s.recorded()); diff != "" {
		t.Fatalf("the service got another input than was sent:\n%s", diff)
	}
	if diff := cmp.Diff(want.Interface(), got, sameSDK); diff != "" {
		t.Fatalf("the client got another output than was answered:\n%s", diff)
	}
}

// filled returns a valid input of an operation with every member set.
func filled(model *wiretest.Model, e wire.Endpoint) wire.Input {
	in := e.New()
	(&wiretest.Filler{Unions: model.Unions(), Valid: true, Pick: rand.New(rand.NewPCG(1, 1)).IntN}).Fill(in)
	return in
}

// filledInput returns the same as the SDK's input.
func (c client) filledInput(t *testing.T, model *wiretest.Model, e wire.Endpoint) reflect.Value {
	t.Helper()
	sent := c.input(e.Operation.Name)
	if err := toSDK(sent.Elem(), reflect.ValueOf(filled(model, e))); err != nil {
		t.Fatal(err)
	}
	return sent
}

// TestEveryModelledErrorThroughTheSDK answers each operation with each error that it models, and expects
// the SDK's type of that error with its members.
func TestEveryModelledErrorThroughTheSDK(t *testing.T) {
	s := start(t, nil, Timeouts{})
	for _, c := range s.clients() {
		model, err := wiretest.ReadModel(c.model)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.endpoints {
			sent := c.filledInput(t, model, e)
			for _, shape := range e.Operation.Errors {
				s.answers(nil, &wire.Error{Kind: shape.Kind, Message: "what happened <&>", ResourceID: "id 1", ResourceType: "thing",
					Reason: wire.ReasonOther, Fields: []wire.Field{{Name: "f", Message: "m"}}, RetryAfter: 7, Cause: errors.New("hidden cause")})
				_, err := c.call(e.Operation.Name, sent)
				c.expect(t, e.Operation.Name, shape, err)
			}
		}
	}
}

// expect checks that err is the SDK's type for shape, members filled.
func (c client) expect(t *testing.T, op string, shape *wire.Exception, err error) {
	t.Helper()
	for _, sample := range c.errors {
		typ := reflect.TypeOf(sample)
		if typ.Elem().Name() != shape.Name {
			continue
		}
		typed := reflect.New(typ)
		if !errors.As(err, typed.Interface()) {
			t.Errorf("%s: %v is no %s", op, err, shape.Name)
			return
		}
		v := typed.Elem().Elem()
		text := func(name string) string { return *v.FieldByName(name).Interface().(*string) }
		want := "what happened <&>"
		if shape.Kind == wire.Internal {
			want = internalMessage
		}
		if text("Message") != want || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %s says %q", op, shape.Name, text("Message"))
		}
		if shape.Resource && (text("ResourceId") != "id 1" || text("ResourceType") != "thing") {
			t.Errorf("%s: %s is about %s", op, shape.Name, text("ResourceId"))
		}
		if shape.RetryAfter && *v.FieldByName("RetryAfterSeconds").Interface().(*int32) != 7 {
			t.Errorf("%s: %s has another RetryAfterSeconds than 7", op, shape.Name)
		}
		if e, ok := typed.Elem().Interface().(*aatypes.ValidationException); ok && (e.Reason != "other" || len(e.FieldList) != 1 || *e.FieldList[0].Name != "f") {
			t.Errorf("%s: reason %s, fields %v", op, e.Reason, e.FieldList)
		}
		return
	}
	t.Errorf("%s: the SDK has no %s", op, shape.Name)
}

// TestRequiredMembersAreDemanded sends, for every operation, a valid request without one required member
// of its body or query, which the SDK itself would refuse to send.
func TestRequiredMembersAreDemanded(t *testing.T) {
	s := start(t, nil, Timeouts{})
	demanded := 0
	for _, c := range s.clients() {
		model, err := wiretest.ReadModel(c.model)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.endpoints {
			op := e.Operation
			for _, name := range model.Shapes[op.Name+"Request"].Required {
				if model.Shapes[op.Name+"Request"].Members[name].Location == "uri" {
					continue
				}
				in := filled(model, e)
				reflect.ValueOf(in).Elem().FieldByName(strings.ToUpper(name[:1]) + name[1:]).SetZero()
				body, path := wire.Marshal(in), op.URI
				for label := range strings.SplitSeq(path, "/") {
					if label, ok := strings.CutPrefix(label, "{"); ok {
						label = strings.TrimSuffix(label, "}")
						value := *reflect.ValueOf(in).Elem().FieldByName(strings.ToUpper(label[:1]) + label[1:]).Interface().(*string)
						path = strings.Replace(path, "{"+label+"}", strings.ReplaceAll(value, "/", "%2F"), 1)
					}
				}
				answer, text := s.do(op.Method, path, string(body), op.Service)
				if answer.StatusCode != 400 && len(op.Errors) > 0 || !strings.Contains(text, "Value null at '"+name+"' failed to satisfy constraint: Member must not be null") {
					t.Errorf("%s without %s: %d %s", op.Name, name, answer.StatusCode, text)
				}
				demanded++
			}
		}
	}
	if demanded < 70 {
		t.Errorf("only %d members were tried", demanded)
	}
}

// TestUnbuiltOperationsThroughTheSDK expects a lasting refusal from an operation that is not built.
func TestUnbuiltOperationsThroughTheSDK(t *testing.T) {
	s := start(t, nil, Timeouts{})
	for _, c := range s.clients() {
		model, err := wiretest.ReadModel(c.model)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.endpoints {
			sent := c.filledInput(t, model, e)
			s.answers(nil, wire.NotBuilt(e.Operation.Name))
			_, err := c.call(e.Operation.Name, sent)
			var known smithy.APIError
			if !errors.As(err, &known) {
				t.Errorf("%s: %v", e.Operation.Name, err)
				continue
			}
			want := "ValidationException"
			if len(e.Operation.Errors) > 0 && !bytes.Contains([]byte(errorNames(e.Operation)), []byte(want)) {
				want = "AccessDeniedException"
			}
			if known.ErrorCode() != want || !strings.Contains(known.ErrorMessage(), "does not have the operation "+e.Operation.Name) {
				t.Errorf("%s: %s %s", e.Operation.Name, known.ErrorCode(), known.ErrorMessage())
			}
			var validation *aatypes.ValidationException
			if errors.As(err, &validation) && validation.Reason != "notSupported" {
				t.Errorf("%s: reason %s", e.Operation.Name, validation.Reason)
			}
		}
	}
}

func errorNames(op *wire.Operation) string {
	names := ""
	for _, e := range op.Errors {
		names += e.Name + " "
	}
	return names
}

// TestPaginators walks three pages with the SDK's own paginator.
func TestPaginators(t *testing.T) {
	s := start(t, nil, Timeouts{})
	s.answer = func(_ context.Context, in wire.Input) (wire.Document, error) {
		token, _ := in.(wire.PagedInput).Page()
		page, _ := strconv.Atoi(token)
		out := &macie2.ListFindingsOutput{FindingIds: []string{"id" + token}}
		if page < 2 {
			out.NextToken = wire.Ptr(strconv.Itoa(page + 1))
		}
		return out, nil
	}
	var ids []string
	for p := sdkmacie.NewListFindingsPaginator(s.macie(), &sdkmacie.ListFindingsInput{}); p.HasMorePages(); {
		page, err := p.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, page.FindingIds...)
	}
	if want := []string{"id", "id1", "id2"}; !cmp.Equal(ids, want) {
		t.Errorf("ids %v, want %v", ids, want)
	}
}
