package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	service "github.com/magpie-sec/magpie/internal/accessanalyzer"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
	"github.com/magpie-sec/magpie/internal/iam/eval"
	"github.com/magpie-sec/magpie/internal/iam/glob"
	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// checks answers the policy checks, which need nothing that a service knows.
var checks service.Service

type noNewAccessCommand struct {
	Files       []string `arg:"" optional:"" name:"FILE" help:"The new policy; the existing one may follow."`
	New         string   `placeholder:"FILE" help:"The new policy."`
	Existing    string   `placeholder:"FILE" help:"The policy that it is compared with."`
	typeFlag    `embed:""`
	policyFlags `embed:""`
}

// Help is what the command's --help says below the flags.
func (noNewAccessCommand) Help() string {
	return "Of templates the policies of the same place are compared (logical id and property); one that the existing template has not is compared " +
		"with a policy that allows nothing. All policies of a template can be compared with one reference policy.\n\n" + policyHelp +
		"Examples:\n  magpie policy check-no-new-access --new policy.json --existing approved.json\n" +
		"  git show main:template.yaml | magpie policy check-no-new-access --new template.yaml --existing -"
}

// Run compares policies.
func (c noNewAccessCommand) Run(ctx context.Context, std stdio) error {
	files := c.Files
	for _, f := range []*string{&c.New, &c.Existing} {
		if *f == "" && len(files) > 0 {
			*f, files = files[0], files[1:]
		}
	}
	switch {
	case c.New == "" || c.Existing == "":
		return errors.New("two policies are compared: --new FILE and --existing FILE")
	case len(files) > 0:
		return fmt.Errorf("two policies are compared; %s is one too many", files[0])
	}
	values := c.values()
	changed, err := c.readFile(c.New, c.Type, values, std)
	existing, err2 := c.readFile(c.Existing, c.Type, values, std)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	if err := values.check(); err != nil {
		return err
	}
	return checkAll(c.Format, "check-no-new-access", std, changed, func(d *policyDocument) (*checked, error) {
		old := counterpart(d, existing)
		switch {
		case old.gap != "":
			return &checked{gap: old.gap}, nil
		case d.name != "" && old.name == "" && old.kind != "" && old.kind != d.kind:
			return &checked{gap: fmt.Sprintf("it is a policy of another type than %s", old.file)}, nil
		}
		out, err := checks.CheckNoNewAccess(ctx, &accessanalyzer.CheckNoNewAccessInput{NewPolicyDocument: &d.text, ExistingPolicyDocument: &old.text, PolicyType: d.kind})
		if err != nil {
			return nil, err
		}
		r := &checked{answer: out, passes: out.Result == accessanalyzer.CheckNoNewAccessResultPass, message: wire.Value(out.Message), reasons: out.Reasons}
		if !r.passes {
			if c, err := reach.NoNewAccess(d.policy, old.policy, reach.Limits{Stop: ctx.Err}); err == nil {
				r.witnesses(d, c, func(q *eval.Request) bool { return eval.Permits(d.policy, q) && !eval.Permits(old.policy, q) })
			}
		}
		return r, nil
	})
}

// counterpart is the policy that a new one is compared with.
func counterpart(d *policyDocument, existing []*policyDocument) *policyDocument {
	if len(existing) == 1 && (d.name == "" || existing[0].name == "") {
		return existing[0]
	}
	for _, e := range existing {
		if e.name == d.name {
			return e
		}
	}
	nothing := &policyDocument{file: d.file, text: `{"Version":"2012-10-17","Statement":[]}`}
	nothing.policy, _ = iam.Parse(nothing.text, iam.Resource) // of a text that is one
	return nothing
}

type notGrantedCommand struct {
	Files       []string `arg:"" name:"FILE" help:"Policies, or templates with policies."`
	Actions     []string `placeholder:"ACTION" help:"Actions that must not be granted, as in a policy."`
	Resources   []string `placeholder:"ARN" help:"Resources that must not be, as in a policy: with --actions, on which the actions must not be granted."`
	typeFlag    `embed:""`
	policyFlags `embed:""`
}

// Help is what the command's --help says below the flags.
func (notGrantedCommand) Help() string {
	return policyHelp + "Examples:\n  magpie policy check-access-not-granted --actions iam:PassRole,iam:CreateUser policies/*.json\n" +
		"  magpie policy check-access-not-granted --actions s3:DeleteObject --resources 'arn:aws:s3:::backups/*' template.yaml"
}

// maxAccess is how many actions or resources the API takes.
const maxAccess = 100

// Run checks policies.
func (c notGrantedCommand) Run(ctx context.Context, std stdio) error {
	switch {
	case len(c.Actions) == 0 && len(c.Resources) == 0:
		return errors.New("--actions or --resources says what must not be granted")
	case len(c.Actions) > maxAccess || len(c.Resources) > maxAccess:
		return fmt.Errorf("%d actions and %d resources at most can be checked at a time", maxAccess, maxAccess)
	}
	for _, action := range c.Actions {
		if service, name, ok := strings.Cut(action, ":"); action != "*" && (!ok || service == "" || name == "") {
			return fmt.Errorf("--actions: %q is no action; one has the form service:Name", action)
		}
		if action != "*" && !catalog.Load().MatchesAny(action) {
			fmt.Fprintf(std.err, "magpie: --actions: no action that this version knows is %s\n", printable(action))
		}
	}
	documents, err := c.readPolicies(c.Files, c.Type, std)
	if err != nil {
		return err
	}
	var a []glob.Pattern
	for _, action := range c.Actions {
		a = append(a, glob.Action(action))
	}
	return checkAll(c.Format, "check-access-not-granted", std, documents, func(d *policyDocument) (*checked, error) {
		out, err := checks.CheckAccessNotGranted(ctx, &accessanalyzer.CheckAccessNotGrantedInput{PolicyDocument: &d.text, PolicyType: d.kind,
			Access: []accessanalyzer.Access{{Actions: c.Actions, Resources: c.Resources}}})
		if err != nil {
			return nil, err
		}
		r := &checked{answer: out, passes: out.Result == accessanalyzer.CheckAccessNotGrantedResultPass, message: wire.Value(out.Message), reasons: out.Reasons}
		if !r.passes {
			if c, err := reach.NotGranted(d.policy, c.Actions, c.Resources, reach.Limits{Stop: ctx.Err}); err == nil {
				r.witnesses(d, c, func(q *eval.Request) bool {
					return (len(a) == 0 || slices.ContainsFunc(a, func(p glob.Pattern) bool { return p.Match(q.Action) })) && eval.Permits(d.policy, q)
				})
			}
		}
		return r, nil
	})
}

type noPublicAccessCommand struct {
	Files        []string `arg:"" name:"FILE" help:"Policies of resources, or templates with such policies."`
	ResourceType string   `placeholder:"TYPE" help:"The type of resource that policies are for, such as AWS::S3::Bucket or AWS::IAM::AssumeRolePolicyDocument. Templates tell it themselves."`
	policyFlags  `embed:""`
}

// Help is what the command's --help says below the flags.
func (noPublicAccessCommand) Help() string {
	return "It goes by the policy alone; magpie access also takes in access control lists, public access blocks and access points.\n\n" + policyHelp +
		"Examples:\n  magpie policy check-no-public-access --resource-type AWS::SQS::Queue queue-policy.json\n" +
		"  magpie policy check-no-public-access stacks/*.yaml"
}

// Run checks policies.
func (c noPublicAccessCommand) Run(ctx context.Context, std stdio) error {
	all, err := c.readPolicies(c.Files, "auto", std)
	if err != nil {
		return err
	}
	var documents []*policyDocument
	for _, d := range all {
		switch {
		case d.gap != "" && (c.ResourceType == "" || d.target == "" || d.target == c.ResourceType):
		case d.name == "" && c.ResourceType == "":
			return fmt.Errorf("%s: --resource-type says what the policy is for, such as AWS::S3::Bucket", d.file)
		case d.name == "":
			if d.target = c.ResourceType; d.kind == accessanalyzer.AccessCheckPolicyTypeIdentityPolicy {
				return fmt.Errorf("%s: the policy names no principals, so it is of no resource", d.file)
			}
		case d.target == "" && d.kind == accessanalyzer.AccessCheckPolicyTypeIdentityPolicy, c.ResourceType != "" && d.target != c.ResourceType:
			continue // what it lets do, it lets its own principal do
		case d.target == "" && d.gap == "":
			d.gap = "no check is known for what the policy guards"
		}
		documents = append(documents, d)
	}
	return checkAll(c.Format, "check-no-public-access", std, documents, func(d *policyDocument) (*checked, error) {
		out, err := checks.CheckNoPublicAccess(ctx, &accessanalyzer.CheckNoPublicAccessInput{PolicyDocument: &d.text, ResourceType: accessanalyzer.AccessCheckResourceType(d.target)})
		if err != nil {
			return nil, err
		}
		r := &checked{answer: out, passes: out.Result == accessanalyzer.CheckNoPublicAccessResultPass, message: wire.Value(out.Message), reasons: out.Reasons}
		if !r.passes {
			if c, err := reach.NoPublicAccess(d.policy, d.target, reach.Limits{Stop: ctx.Err}); err == nil {
				r.witnesses(d, c, func(q *eval.Request) bool { return eval.Permits(d.policy, q) })
			}
		}
		return r, nil
	})
}

// A checked is the answer to a check of one policy.
type checked struct {
	document *policyDocument
	answer   wire.Encoder // the API's
	passes   bool
	message  string
	reasons  []accessanalyzer.ReasonSummary
	requests map[int]*eval.Request // by statement
	gap      string                // why there is no answer
}

// witnesses takes over the requests that show why a check fails. A request for an action that there is not, of which a pattern speaks all the
// same, is told with one that there is, if shows holds of it.
func (c *checked) witnesses(d *policyDocument, from reach.Comparison, shows func(r *eval.Request) bool) {
	c.requests = map[int]*eval.Request{}
	for i := range from.Reasons {
		c.requests[from.Reasons[i].Statement] = realAction(d.statement(from.Reasons[i].Statement), from.Reasons[i].Witness, shows)
	}
}

// actionsTried is how many actions are tried in place of one that does not exist.
const actionsTried = 400

func realAction(s *iam.Statement, r eval.Request, shows func(r *eval.Request) bool) *eval.Request {
	known := catalog.Load()
	if a := known.Action(r.Action); a != nil {
		r.Action = a.Full
		return &r
	}
	if s == nil || s.Actions.Not {
		return &r
	}
	tried := 0
	for _, p := range s.Actions.List {
		for a := range known.Match(p.Value) {
			other := r
			if other.Action = a.Full; shows(&other) {
				return &other
			}
			if tried++; tried == actionsTried {
				return &r
			}
		}
	}
	return &r
}

// checkAll checks documents and reports.
func checkAll(format, name string, std stdio, documents []*policyDocument, check func(d *policyDocument) (*checked, error)) error {
	out := newCheckReport(format, name, std.out)
	failed, undecided := 0, 0
	for _, d := range documents {
		c := &checked{gap: d.gap}
		if d.gap == "" {
			var err error
			var refused *wire.Error
			switch c, err = check(d); {
			case errors.As(err, &refused) && refused.Kind == wire.Unprocessable:
				c = &checked{gap: refused.Message}
			case err != nil:
				return fmt.Errorf("%s: %w", d.label(), err)
			}
		}
		c.document = d
		switch {
		case c.gap != "":
			undecided++
		case !c.passes:
			failed++
		}
		if err := out.policy(c); err != nil {
			return err
		}
	}
	if err := out.close(); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	fmt.Fprintf(std.err, "\n%s: %d passed, %d failed, %d undecided\n", policies(len(documents)), len(documents)-failed-undecided, failed, undecided)
	switch {
	case failed > 0:
		return exitCode(exitFailOn)
	case undecided > 0:
		return exitCode(exitIncomplete)
	}
	return nil
}

func policies(n int) string {
	if n == 1 {
		return "1 policy"
	}
	return fmt.Sprintf("%d policies", n)
}
