package cfn

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
)

// Env is what a template is evaluated for. A field that is empty makes the
// pseudo parameter that needs it unknown, except Partition, which then follows
// from the Region.
type Env struct {
	Account   string // AWS::AccountId
	Region    string // AWS::Region
	Partition string // AWS::Partition
	StackName string // AWS::StackName
	// Parameters are values for the template's parameters, before its defaults.
	// Lists are written with commas.
	Parameters map[string]string
	// Placeholders gives each resource whose name or id CloudFormation would
	// invent the name Placeholder(its logical id), so that references to it can
	// be followed. Who asks for them must not take them for real names.
	Placeholders bool
}

// Stack is an evaluated template.
type Stack struct {
	// Resources are the template's resources, ordered by logical id, without
	// those whose condition is false.
	Resources []Resource
	// Unknowns are the reasons why there may be further resources, or others
	// than these: transforms and macros, which are not run.
	Unknowns []*Unknown
}

// Resource is one resource of a stack.
type Resource struct {
	LogicalID string
	// Type is the resource type, such as AWS::S3::Bucket.
	Type string
	// Position is where the logical id stands.
	Position Position
	// Properties is a map, empty when the resource has none, or an unknown.
	Properties Value
	// Ref is what a Ref to the resource gives: for most types its name. A bucket
	// without a name goes by its logical id; other names that CloudFormation
	// would invent are unknown.
	Ref Value
	// ARN is the resource's ARN where it follows from the template.
	ARN Value
	// DependsOn are the logical ids in the attribute of that name.
	DependsOn []string
	// Unknown says why it cannot be decided whether the resource exists: its
	// condition is unknown. It is nil for a resource that exists.
	Unknown *Unknown
}

// Resource returns the resource with this logical id.
func (s *Stack) Resource(logicalID string) (Resource, bool) {
	i, ok := slices.BinarySearchFunc(s.Resources, logicalID, func(r Resource, id string) int {
		return strings.Compare(r.LogicalID, id)
	})
	if !ok {
		return Resource{}, false
	}
	return s.Resources[i], true
}

// Evaluate works the template out for one environment. It fails only when
// env.Parameters has a parameter that the template does not declare, or a value
// that is longer than MaxParameter or excluded by AllowedValues. The result is always the same for the same
// template and environment.
func (t *Template) Evaluate(env Env) (*Stack, error) {
	if env.Partition == "" && env.Region != "" {
		env.Partition = arn.PartitionOf(env.Region)
	}
	if err := t.checkParameters(env); err != nil {
		return nil, err
	}
	e := &evaluator{
		template: t, env: env, budget: MaxComputed,
		parameters: make(map[string]Value, len(t.parameters)),
		conditions: map[string]truth{},
		names:      map[string]Value{},
		mapped:     map[*node]Value{},
		running:    map[string]bool{},
	}
	for _, p := range t.parameters {
		e.parameters[p.name] = e.parameter(p)
	}
	stack := &Stack{Unknowns: slices.Clone(t.unknowns)}
	for i := range t.resources {
		if r, exists := e.resource(&t.resources[i]); exists {
			stack.Resources = append(stack.Resources, r)
		}
	}
	return stack, nil
}

// Parameters are the names of the template's parameters, in its order.
func (t *Template) Parameters() []string {
	names := make([]string, len(t.parameters))
	for i, p := range t.parameters {
		names[i] = p.name
	}
	return names
}

func (t *Template) checkParameters(env Env) error {
	declared := make(map[string]parameter, len(t.parameters))
	for _, p := range t.parameters {
		declared[p.name] = p
	}
	for _, name := range slices.Sorted(maps.Keys(env.Parameters)) {
		p, ok := declared[name]
		if !ok {
			return fmt.Errorf("the template has no parameter %s", clip(name))
		}
		if len(env.Parameters[name]) > MaxParameter {
			return fmt.Errorf("parameter %s: the value has more than %d bytes", clip(name), MaxParameter)
		}
		if p.allowed != nil && !slices.Contains(p.allowed, env.Parameters[name]) {
			return fmt.Errorf("parameter %s: the value is not one of its AllowedValues (%s)", clip(name), clip(strings.Join(p.allowed, ", ")))
		}
	}
	return nil
}

// evaluator holds the state of one evaluation.
type evaluator struct {
	template   *Template
	env        Env
	budget     int // bytes that functions may still produce
	depth      int // of references in progress
	parameters map[string]Value
	conditions map[string]truth // decided conditions
	names      map[string]Value // found names of resources
	mapped     map[*node]Value  // values of Mappings in use
	running    map[string]bool  // conditions and names in progress, to find loops
}

// parameter finds a parameter's value: the given one, or the default.
func (e *evaluator) parameter(p parameter) Value {
	text, given := e.env.Parameters[p.name]
	pos := p.pos
	if !given {
		if p.fallback == nil {
			return unknownAt(p.pos, "parameter %s has no default, and no value is given", clip(p.name))
		}
		text, _ = p.fallback.literal()
		pos = p.fallback.pos
	}
	if strings.HasPrefix(p.kind, "AWS::SSM::Parameter::") {
		return unknownAt(pos, "parameter %s is kept in the Systems Manager parameter store", clip(p.name))
	}
	if p.kind != "CommaDelimitedList" && !strings.HasPrefix(p.kind, "List<") {
		return resolved(stringAt(pos, text))
	}
	list := Value{kind: List, pos: pos}
	for item := range strings.SplitSeq(text, ",") {
		list.items = append(list.items, resolved(stringAt(pos, strings.TrimSpace(item))))
	}
	return list
}

// resource evaluates one resource; exists is false when its condition is false.
func (e *evaluator) resource(r *resource) (result Resource, exists bool) {
	result = Resource{LogicalID: r.id, Type: r.kind, Position: r.pos, DependsOn: slices.Clone(r.dependsOn)}
	if r.condition != nil {
		decided := e.condition(r.condition.text, r.condition.pos)
		if decided.unknown == nil && !decided.value {
			return Resource{}, false
		}
		result.Unknown = decided.unknown
	}
	result.Properties = Value{kind: Map, pos: r.pos}
	if r.properties != nil {
		if v := e.value(r.properties); v.kind != removed {
			result.Properties = v
		}
	}
	result.Ref = e.ref(r, r.pos)
	result.ARN = e.resourceARN(r, r.pos)
	return result, true
}

// value evaluates a node. The result may be of kind removed.
func (e *evaluator) value(n *node) Value {
	switch n.kind {
	case nodeNull:
		return Value{kind: Null, pos: n.pos}
	case nodeBool:
		return Value{kind: Bool, pos: n.pos, text: n.text}
	case nodeNumber:
		return Value{kind: Number, pos: n.pos, text: n.text}
	case nodeString:
		return resolved(stringAt(n.pos, n.text))
	case nodeList:
		return e.list(n)
	case nodeMap:
		return e.mapping(n)
	}
	return e.call(n)
}

func (e *evaluator) list(n *node) Value {
	list := Value{kind: List, pos: n.pos, items: make([]Value, 0, len(n.items))}
	for _, item := range n.items {
		if v := e.value(item); v.kind != removed {
			list.items = append(list.items, v)
		}
	}
	return list
}

func (e *evaluator) mapping(n *node) Value {
	m := Value{kind: Map, pos: n.pos, fields: make([]Field, 0, len(n.fields))}
	for _, f := range n.fields {
		if strings.HasPrefix(f.name, "Fn::") {
			return unknownAt(f.pos, "%s beside other keys is not evaluated", clip(f.name))
		}
		if v := e.value(f.value); v.kind != removed {
			m.fields = append(m.fields, Field{Name: f.name, Position: f.pos, Value: v})
		}
	}
	return m
}

// resolved makes a text with a dynamic reference unknown: its value lies in
// another service.
func resolved(v Value) Value {
	_, rest, ok := strings.Cut(v.text, "{{resolve:")
	if !ok {
		return v
	}
	reference, _, closed := strings.Cut(rest, "}}")
	if !closed {
		return v
	}
	service, _, _ := strings.Cut(reference, ":")
	return unknownAt(v.pos, "a dynamic reference to %s is not resolved", clip(service))
}

// spend takes what a function produced from the budget.
func (e *evaluator) spend(v Value) Value {
	if e.budget -= v.size(e.budget); e.budget < 0 {
		return tooMuch(v.pos)
	}
	return v
}

func tooMuch(pos Position) Value {
	return unknownAt(pos, "the functions of the template produce more than %d MiB", MaxComputed>>20)
}

// perNode is about what a Value takes in memory, without its text.
const perNode = 128

// size estimates the bytes of a value; it may stop counting beyond limit.
func (v Value) size(limit int) int {
	n := perNode + len(v.text)
	for i := 0; i < len(v.items) && n <= limit; i++ {
		n += v.items[i].size(limit - n)
	}
	for i := 0; i < len(v.fields) && n <= limit; i++ {
		n += perNode + len(v.fields[i].Name) + v.fields[i].Value.size(limit-n)
	}
	return n
}
