package cfn

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
)

// call evaluates a function.
func (e *evaluator) call(n *node) Value {
	switch n.text {
	case "Ref":
		return e.callRef(n)
	case "Fn::GetAtt":
		return e.callGetAtt(n)
	case "Fn::Sub":
		return e.callSub(n)
	case "Fn::Join":
		return e.callJoin(n)
	case "Fn::Split":
		return e.callSplit(n)
	case "Fn::Select":
		return e.callSelect(n)
	case "Fn::FindInMap":
		return e.callFindInMap(n)
	case "Fn::If":
		return e.callIf(n)
	case "Fn::Base64":
		return e.callBase64(n)
	case "Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not":
		// Outside the Conditions section they give a bool.
		decided := e.decide(n)
		if decided.unknown != nil {
			return unresolved(decided.unknown)
		}
		return Value{kind: Bool, pos: n.pos, text: strconv.FormatBool(decided.value)}
	case "Fn::ImportValue":
		return unknownAt(n.pos, "Fn::ImportValue takes a value from another stack")
	case "Fn::Transform":
		return unknownAt(n.pos, "Fn::Transform is not run")
	case "Fn::GetAZs":
		return unknownAt(n.pos, "Fn::GetAZs asks for the availability zones of a Region")
	}
	return unknownAt(n.pos, "the function %s is not evaluated", clip(n.text))
}

// text evaluates an argument that must be text; problem is the reason when it
// is not.
func (e *evaluator) text(n *node, function string) (text string, problem *Unknown) {
	v := e.value(n)
	if v.unknown != nil {
		return "", v.unknown
	}
	text, ok := v.Text()
	if !ok {
		return "", unknownAt(n.pos, "%s needs text here, and this is %s", function, v.kind).unknown
	}
	return text, nil
}

// args returns the elements of a function's argument list, or nil when there
// are fewer than least or more than most.
func args(n *node, least, most int) []*node {
	if n.arg.kind != nodeList || len(n.arg.items) < least || len(n.arg.items) > most {
		return nil
	}
	return n.arg.items
}

func (e *evaluator) callRef(n *node) Value {
	if n.arg.kind != nodeString {
		return unknownAt(n.pos, "Ref needs the name of a parameter or resource")
	}
	return e.spend(e.reference(n.arg.text, n.pos)).at(n.pos)
}

// at is the value as made by a function at this position.
func (v Value) at(pos Position) Value {
	v.pos = pos
	return v
}

// reference is the value of a name: a pseudo parameter, a parameter or a
// resource.
func (e *evaluator) reference(name string, pos Position) Value {
	if strings.HasPrefix(name, "AWS::") {
		return e.pseudo(name, pos)
	}
	if v, ok := e.parameters[name]; ok {
		return v
	}
	if i, ok := e.template.byID[name]; ok {
		return e.existing(&e.template.resources[i], pos, e.ref)
	}
	return unknownAt(pos, "there is no parameter or resource %s", clip(name))
}

// existing asks for something of a resource unless its condition is false.
func (e *evaluator) existing(r *resource, pos Position, ask func(*resource, Position) Value) Value {
	if r.condition != nil {
		if decided := e.condition(r.condition.text, r.condition.pos); decided.unknown == nil && !decided.value {
			return unknownAt(pos, "resource %s is left out: its condition %s is false", clip(r.id), clip(r.condition.text))
		}
	}
	return ask(r, pos)
}

// pseudo is the value of a pseudo parameter.
func (e *evaluator) pseudo(name string, pos Position) Value {
	var text string
	switch name {
	case "AWS::NoValue":
		return Value{kind: removed, pos: pos}
	case "AWS::AccountId":
		text = e.env.Account
	case "AWS::Region":
		text = e.env.Region
	case "AWS::Partition":
		text = e.env.Partition
	case "AWS::StackName":
		text = e.env.StackName
	case "AWS::URLSuffix":
		if e.env.Partition != "" {
			text = arn.URLSuffix(e.env.Partition)
		}
	}
	if text == "" {
		return unknownAt(pos, "the value of %s is not known", clip(name))
	}
	return stringAt(pos, text)
}

func (e *evaluator) callGetAtt(n *node) Value {
	if n.arg.kind == nodeString {
		// The short form's LogicalName.Attribute; the attribute may have dots.
		logicalID, attribute, _ := strings.Cut(n.arg.text, ".")
		return e.spend(e.attributeOf(logicalID, attribute, n.pos)).at(n.pos)
	}
	list := args(n, 2, 2)
	if list == nil || list[0].kind != nodeString {
		return unknownAt(n.pos, "Fn::GetAtt needs the name of a resource and of an attribute")
	}
	attribute, problem := e.text(list[1], "Fn::GetAtt")
	if problem != nil {
		return unresolved(problem)
	}
	return e.spend(e.attributeOf(list[0].text, attribute, n.pos)).at(n.pos)
}

func (e *evaluator) attributeOf(logicalID, attribute string, pos Position) Value {
	i, ok := e.template.byID[logicalID]
	if !ok {
		return unknownAt(pos, "there is no resource %s", clip(logicalID))
	}
	return e.existing(&e.template.resources[i], pos, func(r *resource, pos Position) Value {
		return e.attribute(r, attribute, pos)
	})
}

// callSub evaluates both forms of Fn::Sub: text, or text with a map of
// variables.
func (e *evaluator) callSub(n *node) Value {
	template, variables := n.arg, (*node)(nil)
	if list := args(n, 2, 2); list != nil {
		template, variables = list[0], list[1]
	}
	if template.kind != nodeString || (variables != nil && variables.kind != nodeMap) {
		return unknownAt(n.pos, "Fn::Sub needs a string, or a list of a string and a map")
	}
	var b strings.Builder
	rest := template.text
	for {
		before, after, ok := strings.Cut(rest, "${")
		b.WriteString(before)
		if !ok {
			break
		}
		name, remaining, ok := strings.Cut(after, "}")
		if !ok {
			return unknownAt(n.pos, "Fn::Sub: a ${ is not closed")
		}
		rest = remaining
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			b.WriteString("${" + literal + "}")
			continue
		}
		text, problem := e.variable(name, variables, n.pos)
		if problem != nil {
			return unresolved(problem)
		}
		b.WriteString(text)
		if b.Len() > e.budget {
			break // spend refuses it below; stop before it grows further
		}
	}
	return e.spend(resolved(stringAt(n.pos, b.String())))
}

// variable is the text of one ${...} in Fn::Sub.
func (e *evaluator) variable(name string, variables *node, pos Position) (string, *Unknown) {
	if own := variables.get(name); own != nil {
		return e.text(own, "Fn::Sub")
	}
	var v Value
	if logicalID, attribute, ok := strings.Cut(name, "."); ok {
		v = e.attributeOf(logicalID, attribute, pos)
	} else {
		v = e.reference(name, pos)
	}
	if v.unknown != nil {
		return "", v.unknown
	}
	text, ok := v.Text()
	if !ok {
		return "", unknownAt(pos, "Fn::Sub: ${%s} is not text but a value of kind %s", clip(name), v.kind).unknown
	}
	return text, nil
}

func (e *evaluator) callJoin(n *node) Value {
	list := args(n, 2, 2)
	if list == nil {
		return unknownAt(n.pos, "Fn::Join needs a delimiter and a list")
	}
	delimiter, problem := e.text(list[0], "Fn::Join")
	if problem != nil {
		return unresolved(problem)
	}
	joined := e.value(list[1])
	if joined.unknown != nil {
		return joined
	}
	if joined.kind != List {
		return unknownAt(list[1].pos, "Fn::Join needs a list here, and this is %s", joined.kind)
	}
	var b strings.Builder
	for i, item := range joined.items {
		if item.unknown != nil {
			return item
		}
		text, ok := item.Text()
		if !ok {
			return unknownAt(item.pos, "Fn::Join joins text, and this is %s", item.kind)
		}
		if i > 0 {
			b.WriteString(delimiter)
		}
		b.WriteString(text)
		if b.Len() > e.budget {
			break
		}
	}
	return e.spend(resolved(stringAt(n.pos, b.String())))
}

func (e *evaluator) callSplit(n *node) Value {
	list := args(n, 2, 2)
	if list == nil {
		return unknownAt(n.pos, "Fn::Split needs a delimiter and a string")
	}
	delimiter, problem := e.text(list[0], "Fn::Split")
	if problem != nil {
		return unresolved(problem)
	}
	if delimiter == "" {
		return unknownAt(list[0].pos, "Fn::Split needs a delimiter that is not empty")
	}
	source, problem := e.text(list[1], "Fn::Split")
	if problem != nil {
		return unresolved(problem)
	}
	if parts := strings.Count(source, delimiter) + 1; parts > e.budget/perNode {
		return tooMuch(n.pos)
	}
	result := Value{kind: List, pos: n.pos}
	for part := range strings.SplitSeq(source, delimiter) {
		result.items = append(result.items, stringAt(n.pos, part))
	}
	return e.spend(result)
}

func (e *evaluator) callSelect(n *node) Value {
	list := args(n, 2, 2)
	if list == nil {
		return unknownAt(n.pos, "Fn::Select needs an index and a list")
	}
	text, problem := e.text(list[0], "Fn::Select")
	if problem != nil {
		return unresolved(problem)
	}
	from := e.value(list[1])
	if from.unknown != nil {
		return from
	}
	index, err := strconv.Atoi(text)
	if from.kind != List || err != nil || index < 0 || index >= len(from.items) {
		return unknownAt(n.pos, "Fn::Select has no element %s in a value of kind %s with %d elements", clip(text), from.kind, len(from.items))
	}
	return from.items[index]
}

// callFindInMap looks a value up in Mappings. The fourth argument may be a map
// with a DefaultValue, as the language extensions have it.
func (e *evaluator) callFindInMap(n *node) Value {
	list := args(n, 3, 4)
	if list == nil {
		return unknownAt(n.pos, "Fn::FindInMap needs the name of a mapping and two keys")
	}
	found := e.template.mappings
	path := ""
	for _, step := range list[:3] {
		key, problem := e.text(step, "Fn::FindInMap")
		if problem != nil {
			return unresolved(problem)
		}
		path += "/" + key
		if found != nil && found.kind == nodeMap {
			found = found.get(key)
		} else {
			found = nil
		}
	}
	switch {
	case found != nil && (found.kind == nodeMap || found.kind == nodeFunction):
		return unknownAt(n.pos, "Fn::FindInMap: the value at %s is neither text nor a list", clip(path))
	case found != nil:
		v, ok := e.mapped[found]
		if !ok {
			v = e.value(found)
			e.mapped[found] = v
		}
		return e.spend(v).at(n.pos)
	case len(list) == 4 && list[3].get("DefaultValue") != nil:
		return e.value(list[3].get("DefaultValue"))
	}
	return unknownAt(n.pos, "Fn::FindInMap: Mappings has nothing at %s", clip(path))
}

// callIf chooses a branch. With an unknown condition the value is still known
// when both branches give the same.
func (e *evaluator) callIf(n *node) Value {
	list := args(n, 3, 3)
	if list == nil || list[0].kind != nodeString {
		return unknownAt(n.pos, "Fn::If needs the name of a condition and two values")
	}
	decided := e.condition(list[0].text, list[0].pos)
	if decided.unknown == nil {
		if decided.value {
			return e.value(list[1])
		}
		return e.value(list[2])
	}
	yes, no := e.value(list[1]), e.value(list[2])
	if (yes.kind == removed && no.kind == removed) || (yes.kind != removed && yes.Equal(no)) {
		return yes
	}
	return unresolved(decided.unknown)
}

func (e *evaluator) callBase64(n *node) Value {
	text, problem := e.text(n.arg, "Fn::Base64")
	if problem != nil {
		return unresolved(problem)
	}
	return e.spend(stringAt(n.pos, base64.StdEncoding.EncodeToString([]byte(text))))
}
