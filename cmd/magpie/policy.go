package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

type policyCommand struct {
	Validate       validateCommand       `cmd:"" help:"Find mistakes in policies, and what lets in more than was meant."`
	NoNewAccess    noNewAccessCommand    `cmd:"" name:"check-no-new-access" help:"Check that a policy allows nothing that another one does not."`
	NotGranted     notGrantedCommand     `cmd:"" name:"check-access-not-granted" help:"Check that policies do not grant some actions or resources."`
	NoPublicAccess noPublicAccessCommand `cmd:"" name:"check-no-public-access" help:"Check that policies of resources do not let everyone in."`
}

// policyHelp is what the help of every check says about its files and its outcome.
const policyHelp = "FILE is a policy in JSON, or a CloudFormation template, of which every policy is checked; - is standard input. The answers are those " +
	"of the API's operation of the same name. For a statement that fails the check, a request is shown that it lets through.\n\n" +
	"Exit codes: 0 every policy passes, 1 error, 2 something could not be decided (it is listed), 3 a check failed.\n\n"

// policyFlags are common to the checks.
type policyFlags struct {
	Account   string            `default:"111122223333" placeholder:"ID" help:"The account of templates. Default: 111122223333."`
	Region    string            `default:"us-east-1" placeholder:"REGION" help:"The Region of templates. Default: us-east-1."`
	Parameter map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"A value for a parameter of the templates. Repeatable."`
	Format    string            `default:"table" enum:"table,json,sarif" help:"table; json (the API's answers, one to a line, with the file); sarif."`
}

// typeFlag says which type of policies the files hold.
type typeFlag struct {
	Type string `default:"auto" enum:"auto,identity,resource" help:"identity, resource (also trust policies of roles), or auto: a policy that names principals is one of a resource."`
}

// A policyDocument is a policy with where it stands.
type policyDocument struct {
	file string
	name string // in a template: logical id and property
	text string // JSON
	kind accessanalyzer.AccessCheckPolicyType
	// target is the type of resource that it guards, as CheckNoPublicAccess names types; "" if the file does not tell.
	target string
	// control is "scp" or "rcp" if a template says that it is such a policy.
	control string
	// policy is what text says.
	policy *iam.Policy
	places []resource.Place // of the statements; nil if they follow from the text
	source string           // the template that places are in; "" if the policy is a text in it
	whole  resource.Place   // of the policy
	gap    string           // why the policy is not known as a whole
}

// label names the policy for people.
func (d *policyDocument) label() string {
	if d.name == "" {
		return d.file
	}
	return d.file + " " + d.name
}

// place is where a statement begins.
func (d *policyDocument) place(s *iam.Statement) resource.Place {
	switch {
	case s == nil:
		return d.whole
	case d.places == nil:
		p := d.policy.Position(s.Span.Start)
		return resource.Place{File: d.file, Line: p.Line, Column: p.Column + 1}
	case s.Index < len(d.places):
		return d.places[s.Index]
	}
	return d.whole
}

// statement finds a statement by its index.
func (d *policyDocument) statement(index int) *iam.Statement {
	for i := range d.policy.Statements {
		if d.policy.Statements[i].Index == index {
			return &d.policy.Statements[i]
		}
	}
	return nil
}

// excerpt is a statement as its author wrote it, line by line.
func (d *policyDocument) excerpt(s *iam.Statement) []string {
	text := ""
	switch p := d.place(s); {
	case d.places == nil:
		// From the beginning of its line, so that the lines below keep their distance.
		from := strings.LastIndexByte(d.text[:s.Span.Start], '\n') + 1
		if strings.TrimSpace(d.text[from:s.Span.Start]) != "" {
			from = s.Span.Start
		}
		text = d.text[from:s.Span.End]
	case p.Line > 0 && p.Column > 0 && d.source != "":
		text = yamlItem(d.source, p.Line, p.Column)
	default:
		text = string(s.AppendJSON(nil))
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\t", "  ")
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	least := -1
	for _, l := range lines {
		if n := len(l) - len(strings.TrimLeft(l, " ")); strings.TrimSpace(l) != "" && (least < 0 || n < least) {
			least = n
		}
	}
	for i, l := range lines {
		lines[i] = visible(strings.TrimRight(l[min(max(least, 0), len(l)):], " "))
	}
	return lines
}

// yamlItem is what stands in a YAML or JSON text at a place: a value in braces with all between them, anything else with the lines below it that
// stand in as far.
func yamlItem(text string, line, column int) string {
	lines := strings.Split(text, "\n")
	if line > len(lines) || column-1 > len([]rune(lines[line-1])) {
		return ""
	}
	lines = lines[line-1:]
	first := string([]rune(lines[0])[column-1:])
	if !strings.HasPrefix(first, "{") {
		n := 1
		for n < len(lines) && (strings.TrimSpace(lines[n]) == "" || len(lines[n])-len(strings.TrimLeft(lines[n], " ")) >= column-1) {
			n++
		}
		return strings.TrimRight(strings.Repeat(" ", column-1)+first+"\n"+strings.Join(lines[1:n], "\n"), "\n ")
	}
	whole := strings.Join(append([]string{first}, lines[1:]...), "\n")
	depth, quote := 0, byte(0)
	for i := 0; i < len(whole); i++ {
		switch c := whole[i]; {
		case quote == '"' && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				whole = whole[:i+1]
			}
		}
	}
	lead := ""
	if strings.TrimSpace(string([]rune(lines[0])[:column-1])) == "" {
		lead = strings.Repeat(" ", column-1)
	}
	return lead + whole
}

// visible makes control characters and the like harmless for a terminal, and leaves everything else.
func visible(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsGraphic(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToGraphic(r), "'"))
		}
	}
	return b.String()
}

// readPolicies reads the policies of some files. Mistakes of all of them are one error.
func (f policyFlags) readPolicies(paths []string, kind string, std stdio) ([]*policyDocument, error) {
	values := f.values()
	var all []*policyDocument
	var problems []error
	for _, path := range paths {
		list, err := f.readFile(path, kind, values, std)
		if err != nil {
			problems = append(problems, err)
		}
		all = append(all, list...)
	}
	if len(problems) == 0 {
		return all, values.check()
	}
	return all, errors.Join(problems...)
}

// values are those of --parameter.
func (f policyFlags) values() *parameterValues {
	return &parameterValues{given: f.Parameter, declared: map[string]bool{}}
}

// readFile reads the policies of a file.
func (f policyFlags) readFile(path, kind string, values *parameterValues, std stdio) ([]*policyDocument, error) {
	name, text, err := readText(path, std)
	if err != nil {
		return nil, err
	}
	if isTemplate(text) {
		return f.ofTemplate(name, text, kind, values)
	}
	d := &policyDocument{file: name, text: string(text), whole: resource.Place{File: name, Line: 1, Column: 1}}
	if err := d.parse(kind); err != nil {
		return nil, d.refused(err)
	}
	return []*policyDocument{d}, nil
}

// readText reads a file or standard input.
func readText(path string, std stdio) (name string, text []byte, err error) {
	name, from := standardInput, std.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return path, nil, err
		}
		defer file.Close()
		name, from = path, file
	}
	text, err = io.ReadAll(io.LimitReader(from, iam.MaxBytes+1))
	if err == nil && len(text) > iam.MaxBytes {
		err = fmt.Errorf("%s is larger than %d bytes", name, iam.MaxBytes)
	}
	return name, text, err
}

// isTemplate tells a template from a policy: YAML, or JSON that has resources.
func isTemplate(text []byte) bool {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	if len(text) == 0 || text[0] != '{' && text[0] != '[' && text[0] != '"' {
		return len(text) > 0
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return false
	}
	_, policy := members["Statement"]
	_, template := members["Resources"]
	return template && !policy
}

// parse parses the text as a policy of a type.
func (d *policyDocument) parse(kind string) (err error) {
	switch kind {
	case anyKind:
		return nil
	case "auto":
		kind = kindOfPolicy(d.text)
	}
	if kind == "identity" {
		d.kind = accessanalyzer.AccessCheckPolicyTypeIdentityPolicy
		d.policy, err = iam.Parse(d.text, iam.Identity)
		return err
	}
	d.kind = accessanalyzer.AccessCheckPolicyTypeResourcePolicy
	if d.policy, err = iam.Parse(d.text, iam.Resource); err != nil {
		if trust, e := iam.Parse(d.text, iam.Trust); e == nil {
			d.policy, err = trust, nil
		}
	}
	return err
}

// anyKind leaves a policy unparsed, for who wants to know what is wrong with it.
const anyKind = ""

// kindOfPolicy tells by whether a policy names principals if it is one of a resource.
func kindOfPolicy(text string) string {
	p, _ := iam.Check(text, iam.Resource)
	if p != nil && slices.ContainsFunc(p.Statements, func(s iam.Statement) bool { return s.Principals != nil }) {
		return "resource"
	}
	return "identity"
}

// refused is the error about a text that is no policy, with its place.
func (d *policyDocument) refused(err error) error {
	var at *iam.Error
	if !errors.As(err, &at) {
		return fmt.Errorf("%s: %w", d.label(), err)
	}
	if d.name != "" {
		return fmt.Errorf("%v: %s: %s", d.whole, d.name, at.Message)
	}
	more := ""
	if at.Others > 0 {
		more = fmt.Sprintf(" (and %d more; see: magpie policy validate)", at.Others)
	}
	return fmt.Errorf("%s:%d:%d: %s%s", d.file, at.Start.Line, at.Start.Column+1, at.Message, more)
}

// ofTemplate finds the policies of a template.
func (f policyFlags) ofTemplate(name string, text []byte, kind string, values *parameterValues) ([]*policyDocument, error) {
	t, err := cfn.Parse(text)
	if err != nil {
		return nil, noTemplate(name, err)
	}
	stack, err := t.Evaluate(cfn.Env{Account: f.Account, Region: f.Region, Parameters: values.of(t), Placeholders: true})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var all []*policyDocument
	for _, u := range stack.Unknowns {
		all = append(all, &policyDocument{file: name, name: "(as a whole)", gap: fmt.Sprintf("%s:%v", name, u),
			whole: resource.Place{File: name, Line: u.Position.Line, Column: u.Position.Column}})
	}
	for _, r := range stack.Resources {
		if u := r.Properties.Unknown(); u != nil && (targets[r.Type] != "" || strings.HasPrefix(r.Type, "AWS::IAM::")) {
			all = append(all, &policyDocument{file: name, name: r.LogicalID, target: targets[r.Type], gap: fmt.Sprintf("%s:%v", name, u),
				whole: resource.Place{File: name, Line: r.Position.Line, Column: r.Position.Column}})
			continue
		}
		err := eachPolicy(r.Properties, nil, func(path []string, v cfn.Value) error {
			d := &policyDocument{file: name, name: r.LogicalID + "." + strings.Join(path, "."), source: string(text), target: targets[r.Type]}
			if r.Type == "AWS::IAM::Role" && path[0] == "AssumeRolePolicyDocument" {
				d.target = "AWS::IAM::AssumeRolePolicyDocument"
			}
			if r.Type == "AWS::DynamoDB::Table" && path[0] == "StreamSpecification" {
				d.target = "AWS::DynamoDB::Stream"
			}
			if kind, ok := r.Properties.Get("Type"); ok && r.Type == "AWS::Organizations::Policy" {
				text, _ := kind.Text()
				d.control = controlPolicies[text]
			}
			d.at(name, v)
			if r.Unknown != nil {
				d.gap = fmt.Sprintf("whether there is such a resource: %s:%v", name, r.Unknown)
			}
			json, err := v.JSON()
			if err != nil {
				d.gap = fmt.Sprintf("%s:%v", name, err)
				all = append(all, d)
				return nil
			}
			d.text = string(json)
			if text, ok := v.Text(); ok {
				d.text, d.source = text, ""
			}
			if err := d.parse(kind); err != nil {
				return d.refused(err)
			}
			all = append(all, d)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// controlPolicies are the types of AWS::Organizations::Policy that are IAM policies, by --type of validate.
var controlPolicies = map[string]string{"SERVICE_CONTROL_POLICY": "scp", "RESOURCE_CONTROL_POLICY": "rcp"}

// at takes over the places of a template's policy.
func (d *policyDocument) at(file string, v cfn.Value) {
	place := func(v cfn.Value) resource.Place {
		return resource.Place{File: file, Line: v.Position().Line, Column: v.Position().Column}
	}
	d.whole = place(v)
	d.places = []resource.Place{d.whole}
	if v.Kind() == cfn.String {
		return
	}
	list, _ := v.Get("Statement")
	if list.Kind() != cfn.List {
		d.places = []resource.Place{place(list)}
		return
	}
	d.places = d.places[:0]
	for _, s := range list.Items() {
		d.places = append(d.places, place(s))
	}
}

// policyProperties are the properties that hold policies: one that is not known may not be passed over.
var policyProperties = []string{"PolicyDocument", "AssumeRolePolicyDocument", "KeyPolicy", "ResourcePolicy", "RepositoryPolicyText", "FileSystemPolicy",
	"Policy", "AccessPolicy", "AccessPolicies", "PermissionsPolicyDocument", "BackupVaultPolicy", "MrapPolicy"}

// eachPolicy calls f with every map in a value, and every text, that has the form of a policy, and with what may be one and is not known.
func eachPolicy(v cfn.Value, path []string, f func(path []string, v cfn.Value) error) error {
	switch v.Kind() {
	case cfn.Map:
		if _, ok := v.Get("Statement"); ok && len(path) > 0 {
			return f(slices.Clone(path), v)
		}
		for _, field := range v.Fields() {
			if err := eachPolicy(field.Value, append(path, field.Name), f); err != nil {
				return err
			}
		}
	case cfn.Unresolved:
		if len(path) > 0 && slices.Contains(policyProperties, path[len(path)-1]) {
			return f(slices.Clone(path), v)
		}
	case cfn.String:
		text, _ := v.Text()
		var members map[string]json.RawMessage
		if strings.HasPrefix(strings.TrimSpace(text), "{") && json.Unmarshal([]byte(text), &members) == nil && members["Statement"] != nil {
			return f(slices.Clone(path), v)
		}
	case cfn.List:
		for i, item := range v.Items() {
			if err := eachPolicy(item, append(path, fmt.Sprint(i)), f); err != nil {
				return err
			}
		}
	}
	return nil
}

// targets are the types of resources that policies in a template guard, by the type that has the policy.
var targets = map[string]string{
	"AWS::S3::BucketPolicy":                 "AWS::S3::Bucket",
	"AWS::S3::AccessPoint":                  "AWS::S3::AccessPoint",
	"AWS::S3::MultiRegionAccessPointPolicy": "AWS::S3::AccessPoint",
	"AWS::S3Express::BucketPolicy":          "AWS::S3Express::DirectoryBucket",
	"AWS::S3Express::AccessPoint":           "AWS::S3Express::AccessPoint",
	"AWS::S3Outposts::BucketPolicy":         "AWS::S3Outposts::Bucket",
	"AWS::S3Outposts::AccessPoint":          "AWS::S3Outposts::AccessPoint",
	"AWS::S3Tables::TableBucketPolicy":      "AWS::S3Tables::TableBucket",
	"AWS::S3Tables::TablePolicy":            "AWS::S3Tables::Table",
	"AWS::SQS::QueuePolicy":                 "AWS::SQS::Queue",
	"AWS::SQS::QueueInlinePolicy":           "AWS::SQS::Queue",
	"AWS::SNS::TopicPolicy":                 "AWS::SNS::Topic",
	"AWS::SNS::TopicInlinePolicy":           "AWS::SNS::Topic",
	"AWS::KMS::Key":                         "AWS::KMS::Key",
	"AWS::KMS::ReplicaKey":                  "AWS::KMS::Key",
	"AWS::SecretsManager::ResourcePolicy":   "AWS::SecretsManager::Secret",
	"AWS::EFS::FileSystem":                  "AWS::EFS::FileSystem",
	"AWS::DynamoDB::Table":                  "AWS::DynamoDB::Table",
	"AWS::DynamoDB::GlobalTable":            "AWS::DynamoDB::Table",
	"AWS::OpenSearchService::Domain":        "AWS::OpenSearchService::Domain",
	"AWS::Elasticsearch::Domain":            "AWS::OpenSearchService::Domain",
	"AWS::Kinesis::ResourcePolicy":          "AWS::Kinesis::Stream",
	"AWS::Backup::BackupVault":              "AWS::Backup::BackupVault",
	"AWS::CodeArtifact::Domain":             "AWS::CodeArtifact::Domain",
	"AWS::ApiGateway::RestApi":              "AWS::ApiGateway::RestApi",
}
