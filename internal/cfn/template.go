package cfn

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Template is a parsed template. It is immutable and safe for concurrent use.
type Template struct {
	parameters []parameter
	mappings   *node // a map of maps of maps, or nil
	conditions *node // a map, or nil
	resources  []resource
	byID       map[string]int // of the resources
	unknowns   []*Unknown     // parts that only macros could resolve
}

type parameter struct {
	name     string
	pos      Position
	kind     string   // Type
	fallback *node    // Default; nil when absent
	allowed  []string // AllowedValues; nil when absent
}

type resource struct {
	id         string
	pos        Position
	kind       string // Type
	properties *node  // nil when absent
	condition  *node  // the name; nil when absent
	dependsOn  []string
}

// sections are the top-level keys of a template. Globals belongs to the
// serverless transform.
var sections = []string{
	"AWSTemplateFormatVersion", "Conditions", "Description", "Globals", "Hooks", "Mappings",
	"Metadata", "Outputs", "Parameters", "Resources", "Rules", "Transform",
}

// Parse reads a template in JSON or YAML (UTF-8, at most MaxSize bytes). It
// fails with an *Error that has the position of the first thing that no
// template may have: a syntax error, a key that occurs twice, an unknown
// section, a resource without a type, or more of something than the limits
// allow. Functions are not judged here; one that is used wrongly
// evaluates to an unknown value.
func Parse(data []byte) (*Template, error) {
	root, err := parseDocument(data)
	if err != nil {
		return nil, err
	}
	t, err := newTemplate(root)
	if err != nil {
		return nil, err
	}
	return t, nil
}

func parseDocument(data []byte) (*node, *Error) {
	if len(data) > MaxSize {
		return nil, &Error{Message: "the template has more than 1 MiB, CloudFormation's limit"}
	}
	if !utf8.Valid(data) {
		return nil, &Error{Message: "the template is not UTF-8 text"}
	}
	elements := 0
	for _, separator := range []string{",", "[", "{", "\n", "\r", "\u0085", "\u2028", "\u2029"} { // YAML's line breaks
		elements += bytes.Count(data, []byte(separator))
	}
	if elements > MaxElements {
		return nil, &Error{Message: fmt.Sprintf("the template has more than %d lines, commas and brackets", MaxElements)}
	}
	text := bytes.TrimPrefix(data, []byte("\uFEFF"))
	if !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
		return parseYAML(text)
	}
	n, err := parseJSON(text)
	if err != nil && strings.HasPrefix(err.Message, "not valid JSON") {
		// It may be YAML in braces; if not, the reader meant JSON.
		if flow, yamlErr := parseYAML(text); yamlErr == nil {
			return flow, nil
		}
	}
	return n, err
}

func newTemplate(root *node) (*Template, *Error) {
	if root.kind != nodeMap {
		return nil, errorAt(root.pos, "a template is a map of sections, and this is %s", root.kind)
	}
	for _, f := range root.fields {
		if !slices.Contains(sections, f.name) {
			return nil, errorAt(f.pos, "%q is not a section of a CloudFormation template", clip(f.name))
		}
	}
	t := &Template{byID: map[string]int{}}
	if transform := root.get("Transform"); transform != nil {
		t.unknowns = append(t.unknowns, &Unknown{Position: transform.pos,
			Reason: "the template's Transform is not run: it may add resources or change those that are here"})
	}
	for _, read := range []func(*node) *Error{t.readParameters, t.readMappings, t.readConditions, t.readResources} {
		if err := read(root); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// section returns a section that must be a map, nil when it is absent or empty.
func section(root *node, name string) (*node, *Error) {
	n := root.get(name)
	if n == nil || n.kind == nodeNull {
		return nil, nil
	}
	if n.kind != nodeMap {
		return nil, errorAt(n.pos, "%s must be a map, and this is %s", name, n.kind)
	}
	return n, nil
}

func (t *Template) readParameters(root *node) *Error {
	n, err := section(root, "Parameters")
	if n == nil {
		return err
	}
	for _, f := range n.fields {
		p := parameter{name: f.name, pos: f.pos}
		if p.kind, err = requiredText(f, "parameter", "Type"); err != nil {
			return err
		}
		if p.fallback = f.value.get("Default"); p.fallback != nil {
			text, ok := p.fallback.literal()
			if !ok {
				return errorAt(p.fallback.pos, "the default of parameter %s must be plain text", clip(p.name))
			}
			if len(text) > MaxParameter {
				return errorAt(p.fallback.pos, "the default of parameter %s has more than %d bytes", clip(p.name), MaxParameter)
			}
		}
		if allowed := f.value.get("AllowedValues"); allowed != nil {
			p.allowed = []string{}
			for _, item := range allowed.items {
				text, ok := item.literal()
				if !ok {
					return errorAt(item.pos, "an allowed value of parameter %s must be plain text", clip(p.name))
				}
				p.allowed = append(p.allowed, text)
			}
		}
		t.parameters = append(t.parameters, p)
	}
	return nil
}

// requiredText returns a text that a parameter or resource must have.
func requiredText(f nodeField, noun, name string) (string, *Error) {
	if f.value.kind != nodeMap {
		return "", errorAt(f.value.pos, "%s %s must be a map, and this is %s", noun, clip(f.name), f.value.kind)
	}
	n := f.value.get(name)
	if n == nil {
		return "", errorAt(f.pos, "%s %s has no %s", noun, clip(f.name), name)
	}
	if n.kind != nodeString || n.text == "" {
		return "", errorAt(n.pos, "the %s of %s %s must be a string", name, noun, clip(f.name))
	}
	return n.text, nil
}

func (t *Template) readMappings(root *node) (err *Error) {
	t.mappings, err = section(root, "Mappings")
	return err
}

func (t *Template) readConditions(root *node) (err *Error) {
	t.conditions, err = section(root, "Conditions")
	return err
}

func (t *Template) readResources(root *node) *Error {
	n := root.get("Resources")
	if n == nil {
		return errorAt(root.pos, "the template has no Resources")
	}
	if n.kind == nodeFunction {
		t.leaveOut(n.pos, n.text)
		return nil
	}
	if n.kind != nodeMap {
		return errorAt(n.pos, "Resources must be a map, and this is %s", n.kind)
	}
	for _, f := range n.fields {
		if strings.HasPrefix(f.name, "Fn::") {
			t.leaveOut(f.pos, f.name)
			continue
		}
		r, err := newResource(f)
		if err != nil {
			return err
		}
		t.resources = append(t.resources, r)
	}
	slices.SortFunc(t.resources, func(a, b resource) int { return strings.Compare(a.id, b.id) })
	for i, r := range t.resources {
		t.byID[r.id] = i
	}
	return nil
}

// leaveOut records resources that only a macro could make.
func (t *Template) leaveOut(pos Position, function string) {
	t.unknowns = append(t.unknowns, &Unknown{Position: pos,
		Reason: clip(function) + " is not run: the resources it would make are not known"})
}

func newResource(f nodeField) (resource, *Error) {
	r := resource{id: f.name, pos: f.pos}
	var err *Error
	if r.kind, err = requiredText(f, "resource", "Type"); err != nil {
		return r, err
	}
	if n := f.value.get("Properties"); n != nil && n.kind != nodeNull {
		if n.kind != nodeMap && n.kind != nodeFunction {
			return r, errorAt(n.pos, "the Properties of resource %s must be a map, and this is %s", clip(r.id), n.kind)
		}
		r.properties = n
	}
	if r.condition = f.value.get("Condition"); r.condition != nil && r.condition.kind != nodeString {
		return r, errorAt(r.condition.pos, "the Condition of resource %s must be the name of a condition", clip(r.id))
	}
	if n := f.value.get("DependsOn"); n != nil {
		names := n.items
		if n.kind == nodeString {
			names = []*node{n}
		}
		for _, name := range names {
			if name.kind != nodeString {
				return r, errorAt(name.pos, "DependsOn of resource %s must hold names of resources", clip(r.id))
			}
			r.dependsOn = append(r.dependsOn, name.text)
		}
	}
	return r, nil
}
