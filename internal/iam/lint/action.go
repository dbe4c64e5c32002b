package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
)

// byActions asks whether there is what actions name.
var byActions = &family{statement: func(l *linter, s *statement) {
	for i := range s.actions {
		a := &s.actions[i]
		prefix, name, ok := strings.Cut(a.Value, ":")
		if !ok || prefix == "" || name == "" || strings.Contains(name, ":") || strings.Contains(a.Value, "${") {
			continue // the parser has told
		}
		switch {
		case a.exact != nil:
		case a.service == nil && !hasWildcard(prefix):
			if l.full("INVALID_SERVICE_IN_ACTION") {
				continue
			}
			hint := ""
			if near := l.nearService(prefix); near != nil {
				hint = " Did you mean " + near.Prefix + "?"
			}
			l.add("INVALID_SERVICE_IN_ACTION", fmt.Sprintf("There is no service %s, which the action %s names.%s", quote(prefix), quote(a.Value), hint), a.Span)
		case l.full(iam.InvalidAction):
		case a.wild:
			if l.covers(a) {
				continue
			}
			l.add(iam.InvalidAction, fmt.Sprintf("No action matches %s.", quote(a.Value)), a.Span)
		default:
			meant := operations[iam.FoldKey(a.Value)]
			if near := a.service.NearestAction(name); meant == "" && near != nil {
				meant = near.Full
			}
			hint := ""
			if meant != "" {
				hint = " Did you mean " + meant + "?"
			}
			l.add(iam.InvalidAction, fmt.Sprintf("There is no action %s.%s", quote(a.Value), hint), a.Span)
		}
	}
}}

// operations are some whose action has another name, in lower case.
var operations = map[string]string{
	"s3:listbuckets": "s3:ListAllMyBuckets", "s3:listobjects": "s3:ListBucket", "s3:listobjectsv2": "s3:ListBucket", "s3:headbucket": "s3:ListBucket",
	"s3:headobject": "s3:GetObject", "s3:listobjectversions": "s3:ListBucketVersions", "s3:copyobject": "s3:PutObject", "s3:uploadpart": "s3:PutObject",
	"s3:createmultipartupload": "s3:PutObject", "s3:completemultipartupload": "s3:PutObject", "s3:deleteobjects": "s3:DeleteObject",
	"s3:listparts": "s3:ListMultipartUploadParts", "s3:listmultipartuploads": "s3:ListBucketMultipartUploads",
	"s3:getbucketencryption": "s3:GetEncryptionConfiguration", "s3:putbucketencryption": "s3:PutEncryptionConfiguration",
	"s3:getbucketlifecycleconfiguration": "s3:GetLifecycleConfiguration", "s3:putbucketlifecycleconfiguration": "s3:PutLifecycleConfiguration",
	"s3:getpublicaccessblock": "s3:GetBucketPublicAccessBlock", "s3:putpublicaccessblock": "s3:PutBucketPublicAccessBlock",
	"sqs:sendmessagebatch": "sqs:SendMessage", "sqs:deletemessagebatch": "sqs:DeleteMessage", "sqs:changemessagevisibilitybatch": "sqs:ChangeMessageVisibility",
	"lambda:invoke": "lambda:InvokeFunction", "dynamodb:transactgetitems": "dynamodb:GetItem", "dynamodb:transactwriteitems": "dynamodb:PutItem",
	"dynamodb:executestatement": "dynamodb:PartiQLSelect",
}

// covers reports whether a pattern matches an action of the catalogue; without work left it is taken for granted.
func (l *linter) covers(a *action) bool {
	among := 1
	switch {
	case a.service != nil:
		among = len(a.service.Actions)
	case !a.all:
		among = len(l.catalog.Actions())
	}
	return !l.spend(among*costMatch) || l.catalog.MatchesAny(a.Value)
}

// byRedundantActions asks whether a pattern is covered by another of its list. A pattern is only redundant if another holds all of it,
// also what services add later.
var byRedundantActions = &family{sound: true, statement: func(l *linter, s *statement) {
	if len(s.actions) < 2 {
		return
	}
	patterns := make([]pattern, len(s.actions))
	for i := range s.actions {
		a := &s.actions[i]
		patterns[i] = pattern{text: iam.FoldKey(a.Value), wild: a.wild, Pattern: a.Pattern, ok: true}
	}
	for _, group := range l.redundant(patterns) {
		at := func(i int) iam.Span { return s.actions[i].Span }
		l.add("REDUNDANT_ACTION", fmt.Sprintf("%d actions are redundant: %s holds %s.", len(group), quote(s.actions[group[0]].Value), l.others(patterns, group)), spans(group, at)...)
	}
}}

// Policies of a type of resource hold actions of these services only, on these types.
var homes = map[string]struct {
	service string
	types   []string
}{
	"AWS::S3::Bucket":                  {"s3", []string{"bucket", "object"}},
	"AWS::S3::AccessPoint":             {"s3", []string{"accesspoint", "accesspointobject"}},
	"AWS::S3::MultiRegionAccessPoint":  {"s3", []string{"multiregionaccesspoint"}},
	"AWS::S3ObjectLambda::AccessPoint": {"s3-object-lambda", []string{"objectlambdaaccesspoint"}},
	"AWS::DynamoDB::Table":             {"dynamodb", []string{"table", "index", "stream"}},
}

// byActionsOfPolicy asks whether an action can stand in the policy of the resource.
var byActionsOfPolicy = &family{statement: func(l *linter, s *statement) {
	switch {
	case l.kind == iam.RCP:
		for i := range s.actions {
			if a := &s.actions[i]; a.service != nil && !a.service.RCP {
				l.add("RCP_SYNTAX_ERROR_ACTION", fmt.Sprintf("Resource control policies do not apply to %s, which the action %s names.", a.service.Prefix, quote(a.Value)), a.Span)
			}
		}
		return
	case l.kind == iam.Trust:
		for i := range s.actions {
			if a := &s.actions[i]; a.service != nil && a.service.Prefix != "sts" {
				l.add("UNSUPPORTED_ACTION_IN_POLICY", fmt.Sprintf("The action %s does nothing in a role trust policy.", quote(a.Value)), a.Span)
			}
		}
		return
	}
	home, ok := homes[l.resourceType]
	if !ok {
		return
	}
	for i := range s.actions {
		a := &s.actions[i]
		elsewhere := a.service != nil && a.service.Prefix != home.service
		if home.service == "s3" && l.resourceType == "AWS::S3::Bucket" && a.exact != nil && !elsewhere {
			elsewhere = !slices.ContainsFunc(a.exact.Resources, func(r catalog.ActionResource) bool { return slices.Contains(home.types, r.Type.Name) })
		}
		if elsewhere {
			l.add("UNSUPPORTED_ACTION_IN_POLICY", fmt.Sprintf("The action %s does nothing in the policy of a resource of type %s.", quote(a.Value), l.resourceType), a.Span)
		}
	}
}}

// reaches tells how the actions of a statement hold one action: as they name it, by a wildcard, or because NotAction leaves it out. spans are
// those of the patterns that do.
type reached uint8

const (
	notReached reached = iota
	byName
	byWildcard
	byNotAction
)

func (s *statement) reaches(full string) (how reached, spans []iam.Span) {
	if s.Actions.Not {
		for i := range s.actions {
			if s.actions[i].Pattern.Match(full) {
				return notReached, nil
			}
		}
		if len(s.actions) == 0 {
			return notReached, nil // an empty list is a fault of its own
		}
		return byNotAction, []iam.Span{s.Actions.Span}
	}
	for i := range s.actions {
		a := &s.actions[i]
		if !a.Pattern.Match(full) {
			continue
		}
		switch {
		case !a.wild:
			return byName, []iam.Span{a.Span}
		default:
			how, spans = byWildcard, append(spans, a.Span)
		}
	}
	return how, spans
}

// names reports whether an Action element holds an action, given with its case folded as patterns fold it.
func (s *statement) names(full string) bool {
	how, _ := s.reaches(full)
	return how != notReached
}
