package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
)

// model is a botocore service model, as far as the two services use that format. Members that are not
// listed here make loading fail: a new trait must be understood before code is generated from it.
type model struct {
	Version    string                `json:"version"`
	Metadata   map[string]any        `json:"metadata"`
	Operations map[string]*operation `json:"operations"`
	Shapes     map[string]*shape     `json:"shapes"`

	paginators map[string]paginator
}

type operation struct {
	Name string `json:"name"`
	HTTP struct {
		Method       string `json:"method"`
		RequestURI   string `json:"requestUri"`
		ResponseCode int    `json:"responseCode"`
	} `json:"http"`
	Input      *ref  `json:"input"`
	Output     *ref  `json:"output"`
	Errors     []ref `json:"errors"`
	Idempotent bool  `json:"idempotent"`
	ReadOnly   bool  `json:"readonly"`
}

type ref struct {
	Shape            string `json:"shape"`
	Location         string `json:"location"`
	LocationName     string `json:"locationName"`
	IdempotencyToken bool   `json:"idempotencyToken"`
}

type shape struct {
	Type            string   `json:"type"`
	Members         members  `json:"members"`
	Required        []string `json:"required"`
	Union           bool     `json:"union"`
	Member          *ref     `json:"member"`
	Key             *ref     `json:"key"`
	Value           *ref     `json:"value"`
	Enum            []string `json:"enum"`
	Min             *int64   `json:"min"`
	Max             *int64   `json:"max"`
	Pattern         string   `json:"pattern"`
	Sensitive       bool     `json:"sensitive"`
	TimestampFormat string   `json:"timestampFormat"`
	Box             bool     `json:"box"`

	Exception bool `json:"exception"`
	Fault     bool `json:"fault"`
	Error     struct {
		Status      int  `json:"httpStatusCode"`
		SenderFault bool `json:"senderFault"`
	} `json:"error"`
	Retryable struct {
		Throttling bool `json:"throttling"`
	} `json:"retryable"`
}

func (s *shape) required(name string) bool { return slices.Contains(s.Required, name) }

// member is one member of a structure, in the model's order.
type member struct {
	name string
	ref
}

// wireName is the member's name on the wire.
func (m member) wireName() string {
	if m.LocationName != "" {
		return m.LocationName
	}
	return m.name
}

type members []member

// UnmarshalJSON keeps the order of the members, in which the answers are written.
func (ms *members) UnmarshalJSON(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		m := member{name: name.(string)}
		if err := dec.Decode(&m.ref); err != nil {
			return fmt.Errorf("member %s: %w", m.name, err)
		}
		*ms = append(*ms, m)
	}
	return nil
}

type paginator struct {
	InputToken       string   `json:"input_token"`
	OutputToken      string   `json:"output_token"`
	LimitKey         string   `json:"limit_key"`
	ResultKey        string   `json:"result_key"`
	NonAggregateKeys []string `json:"non_aggregate_keys"`
}

func load(modelFile, paginatorFile string) (*model, error) {
	m := &model{}
	if err := readStrict(modelFile, m); err != nil {
		return nil, err
	}
	var pages struct {
		Pagination map[string]paginator `json:"pagination"`
	}
	if err := readStrict(paginatorFile, &pages); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	m.paginators = pages.Pagination
	if err := m.verify(); err != nil {
		return nil, fmt.Errorf("%s: %w", modelFile, err)
	}
	return m, nil
}

func readStrict(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%s: %w (a trait that apigen does not know must be added to model.go and to the emitters)", file, err)
	}
	return nil
}

// verify refuses what the emitters cannot express.
func (m *model) verify() error {
	if m.Metadata["protocol"] != "rest-json" {
		return fmt.Errorf("protocol %v: only rest-json is understood", m.Metadata["protocol"])
	}
	for _, name := range m.shapeNames() {
		if err := m.verifyShape(m.Shapes[name]); err != nil {
			return fmt.Errorf("shape %s: %w", name, err)
		}
	}
	for _, name := range m.operationNames() {
		if err := m.verifyOperation(m.Operations[name]); err != nil {
			return fmt.Errorf("operation %s: %w", name, err)
		}
	}
	return nil
}

func (m *model) verifyShape(s *shape) error {
	refs := []ref{}
	switch s.Type {
	case "structure":
		for _, mb := range s.Members {
			refs = append(refs, mb.ref)
			if t := m.Shapes[mb.Shape]; s.Union && t != nil && t.Enum != nil {
				return fmt.Errorf("union member %s is an enum, whose absence is not told from an empty value", mb.name)
			}
		}
	case "list":
		refs = append(refs, *s.Member)
	case "map":
		refs = append(refs, *s.Key, *s.Value)
	case "string", "boolean", "integer", "long", "double", "timestamp":
	default:
		return fmt.Errorf("type %q is not understood", s.Type)
	}
	for _, r := range refs {
		if m.Shapes[r.Shape] == nil {
			return fmt.Errorf("shape %s does not exist", r.Shape)
		}
	}
	switch s.TimestampFormat {
	case "", "iso8601", "unixTimestamp":
	default:
		return fmt.Errorf("timestampFormat %q is not understood", s.TimestampFormat)
	}
	if _, err := regexp.Compile(s.Pattern); err != nil {
		return err
	}
	return nil
}

func (m *model) verifyOperation(op *operation) error {
	if op.Input == nil {
		return errors.New("an operation without input is not understood")
	}
	for _, mb := range m.Shapes[op.Input.Shape].Members {
		t := m.Shapes[mb.Shape]
		switch mb.Location {
		case "":
		case "uri":
			if t.Type != "string" || t.Enum != nil {
				return fmt.Errorf("%s: a path label that is no string is not understood", mb.name)
			}
		case "querystring":
			if !slices.Contains([]string{"string", "integer", "long", "boolean", "list"}, t.Type) ||
				t.Type == "list" && (m.Shapes[t.Member.Shape].Type != "string" || m.Shapes[t.Member.Shape].Enum != nil) {
				return fmt.Errorf("%s: a query parameter of type %s is not understood", mb.name, t.Type)
			}
		default:
			return fmt.Errorf("%s: location %q of an input member is not understood", mb.name, mb.Location)
		}
	}
	if op.Output != nil {
		for _, mb := range m.Shapes[op.Output.Shape].Members {
			if mb.Location != "" {
				return fmt.Errorf("%s: location %q of an output member is not understood", mb.name, mb.Location)
			}
		}
	}
	for _, e := range op.Errors {
		if s := m.Shapes[e.Shape]; s == nil || !s.Exception {
			return fmt.Errorf("error %s is no exception", e.Shape)
		}
	}
	return nil
}

func (m *model) shapeNames() []string     { return slices.Sorted(maps.Keys(m.Shapes)) }
func (m *model) operationNames() []string { return slices.Sorted(maps.Keys(m.Operations)) }

// structures returns the names of all structures that are no exceptions, sorted.
func (m *model) structures() []string {
	return slices.DeleteFunc(m.shapeNames(), func(n string) bool {
		return m.Shapes[n].Type != "structure" || m.Shapes[n].Exception
	})
}
