package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
	"github.com/magpie-sec/magpie/internal/iam/eval"
	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/resource"
)

// Findings and requests in words, for people.

// who names a finding's principal.
func who(f *resource.Finding) string {
	v := printable(f.Principal.Value)
	switch {
	case f.Principal.Kind == reach.Federated && f.Principal.Value == "*":
		return "users of any identity provider"
	case f.Principal.Kind == reach.Federated:
		return "users of " + provider(f.Principal.Value)
	case f.Principal.Kind == reach.CanonicalUser:
		return "the account with canonical id " + v
	case f.Principal.Value == "*" && f.Public && len(f.Condition) == 0:
		return "everyone"
	case f.Principal.Value == "*":
		return "anyone"
	case arn.IsAccount(f.Principal.Value):
		return "account " + v
	}
	return v
}

// provider names an identity provider, by the last part of its ARN if it has one.
func provider(name string) string {
	kind := "identity provider "
	if a, err := arn.Parse(name); err == nil {
		if p, ok := strings.CutPrefix(a.Resource, "saml-provider/"); ok {
			kind, name = "SAML provider ", p
		} else if p, ok := strings.CutPrefix(a.Resource, "oidc-provider/"); ok {
			name = p
		}
	}
	return kind + printable(name)
}

// when tells a finding's condition; "" without one.
func when(f *resource.Finding) string {
	terms := make([]string, len(f.Condition))
	for i, t := range f.Condition {
		terms[i] = t.Key + " " + printable(t.Label)
	}
	return strings.Join(terms, " and ")
}

// listedActions is how many actions a line names.
const listedActions = 3

// levelOrder lists the levels of access as people care for them, with the words for them.
var levelOrder = []struct {
	level catalog.AccessLevel
	words string
}{
	{catalog.PermissionsManagement, "change permissions"}, {catalog.Write, "write"}, {catalog.Read, "read"}, {catalog.List, "list"}, {catalog.Tagging, "tag"},
}

// what tells a list of actions: all of a few, of many the gravest of each level of access, how many more and what they are for.
func what(actions []string) string {
	if len(actions) <= listedActions+1 {
		return inSeries(actions, "and")
	}
	known := catalog.Load()
	by := map[catalog.AccessLevel][]string{}
	for _, a := range actions {
		level := catalog.Write // of an action that the catalogue does not know: the cautious guess
		if act := known.Action(a); act != nil {
			level = act.Level
		}
		by[level] = append(by[level], a)
	}
	var named, levels []string
	for _, l := range levelOrder {
		if len(by[l.level]) == 0 {
			continue
		}
		levels = append(levels, l.words)
		if len(named) < listedActions {
			named = append(named, telling(by[l.level]))
		}
	}
	return fmt.Sprintf("%s and %d more actions (%s)", strings.Join(named, ", "), len(actions)-len(named), strings.Join(levels, ", "))
}

// tellingActions are the actions that a list of many is best known by.
var tellingActions = []string{"s3:PutBucketPolicy", "s3:PutObject", "s3:GetObject", "s3:ListBucket", "kms:PutKeyPolicy", "kms:Decrypt", "kms:Encrypt",
	"sqs:SendMessage", "sqs:ReceiveMessage", "sns:Publish", "sns:Subscribe", "secretsmanager:GetSecretValue", "lambda:InvokeFunction",
	"ecr:BatchGetImage", "dynamodb:GetItem", "dynamodb:PutItem", "sts:AssumeRole"}

func telling(actions []string) string {
	for _, a := range tellingActions {
		if slices.Contains(actions, a) {
			return a
		}
	}
	return actions[0]
}

// witness is a finding's request, with an action that people know instead of one that they may not, if the policy permits that as well.
func witness(a *analysed, f *resource.Finding) *eval.Request {
	r := f.Witness
	d, known := a.Policy.Get()
	if !known || slices.Contains(tellingActions, r.Action) || slices.ContainsFunc(f.Reasons, func(why resource.Reason) bool { return why.Document != f.Reasons[0].Document }) ||
		strings.HasPrefix(f.Reasons[0].Document, "policy of ") || !strings.HasSuffix(f.Reasons[0].Document, " policy") {
		return &r
	}
	kind, text := iam.Resource, d.Text
	if a.Type == resource.Role {
		kind = iam.Trust
	}
	if d.Least != "" {
		text = d.Least
	}
	p, err := iam.Parse(text, kind)
	if err != nil {
		return &r
	}
	asked := catalog.Load().Action(r.Action)
	for _, name := range tellingActions {
		act := catalog.Load().Action(name)
		if act == nil || asked == nil || !slices.Contains(f.Actions, name) ||
			!slices.ContainsFunc(act.Resources, func(x catalog.ActionResource) bool { return x.Type.Matches(r.Resource) }) && len(act.Resources) > 0 {
			continue
		}
		if other := r; eval.Permits(p, &r) {
			if other.Action = name; eval.Permits(p, &other) {
				return &other
			}
		}
	}
	return &r
}

// inSeries writes "a, b and c".
func inSeries(list []string, and string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " " + and + " " + list[len(list)-1]
}

// closing tells, line by line, how a finding is closed and what else that means.
func closing(a *analysed, i int) []string {
	r, err := a.remedies[i].remedy, a.remedies[i].err
	if err != nil {
		return []string{err.Error()}
	}
	var lines []string
	last := false
	for j, e := range r.Edits {
		s := strings.ReplaceAll(e.String(), a.Marker, a.ARN)
		if a.Marker == "" {
			s = e.String()
		}
		if j < len(r.Edits)-1 {
			s += ", and"
		}
		lines = append(lines, printable(s))
		last = last || e.Last
	}
	if last && (a.Type == resource.Role || a.Type == resource.Key) {
		lines = append(lines, "(nobody could use it then, and it cannot be without: delete it, or name somebody else first)")
	}
	if n := len(r.Lost); n > 0 {
		lines = append(lines, "(which closes for others, too: "+inSeries(subjects(r.Lost), "and")+")")
	}
	if n := len(r.Left); n > 0 {
		lines = append(lines, "(other statements go on to let in "+inSeries(subjects(r.Left), "and")+")")
	}
	return lines
}

// subjects names whom findings let in, the first few.
func subjects(list []resource.Finding) []string {
	const most = 3
	var names []string
	for i := range list {
		name := who(&list[i])
		if c := when(&list[i]); c != "" {
			name += " if " + c
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > most {
		names = append(names[:most-1], fmt.Sprintf("%d others", len(names)-most+1))
	}
	return names
}

// caller names who makes a request.
func caller(c *eval.Caller) string {
	switch c.Kind {
	case eval.Anonymous:
		return "an anonymous caller"
	case eval.Root:
		return "the root user of account " + c.Account
	case eval.User:
		return "user " + c.ARN
	case eval.RoleSession:
		return "a session of role " + c.ARN
	case eval.FederatedUser:
		return "federated user " + c.ARN
	case eval.Service:
		return "the service " + c.Name
	case eval.Federated:
		if c.Name == "" {
			return "a user of some identity provider"
		}
		return "a user of " + provider(c.Name)
	}
	if c.Name == "" {
		return "a principal of another store"
	}
	return "the principal " + c.Name
}

// request tells a request: who asks for what, and which condition keys it carries beside those that follow from who asks. In texts a marker
// stands for a name.
func request(r *eval.Request, marker, name string) string {
	s := fmt.Sprintf("%s asks %s", caller(&r.Caller), r.Action)
	if r.Resource != "" && r.Resource != "*" {
		s += " of " + someObject(r.Resource)
	}
	if with := carried(r); len(with) > 0 {
		s += " with " + strings.Join(with, ", ")
	}
	if marker != "" {
		s = strings.ReplaceAll(s, marker, name)
	}
	return printable(s)
}

// identityRequest tells a request of somebody whose policy it is.
func identityRequest(r *eval.Request) string {
	s := r.Action
	if r.Resource != "" && r.Resource != "*" {
		s += " of " + someObject(r.Resource)
	}
	if with := carried(r); len(with) > 0 {
		s += " with " + strings.Join(with, ", ")
	}
	return printable(s)
}

// someObject fills in an object's key where any will do.
func someObject(resource string) string {
	if strings.HasSuffix(resource, "/") {
		return resource + "any"
	}
	return resource
}

// carried lists the condition keys of a request that do not follow from who makes it.
func carried(r *eval.Request) []string {
	derived := r.Caller.Keys()
	var list []string
	for key, v := range r.Context {
		if d, ok := derived[key]; ok && slices.Equal(d.List, v.List) || len(v.List) == 0 {
			continue
		}
		list = append(list, keyName(key)+" "+strings.Join(v.List, ", "))
	}
	slices.Sort(list)
	return list
}

// keyName writes a folded condition key as AWS does.
func keyName(folded string) string {
	if k, _ := catalog.Load().Key(folded); k != nil && iam.FoldKey(k.Name) == folded {
		return k.Name
	}
	return folded
}

// wrapped breaks a text into lines of at most width characters, at spaces; further lines are indented.
func wrapped(text string, width, indent int) string {
	var b strings.Builder
	column := indent
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case column+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
