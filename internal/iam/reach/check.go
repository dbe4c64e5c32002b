package reach

import (
	"fmt"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
	"github.com/magpie-sec/magpie/internal/iam/eval"
	"github.com/magpie-sec/magpie/internal/iam/glob"
)

// NoNewAccess checks that one policy allows nothing that another does not (access-analyzer.md 6.1). It names the Allow statements of the new
// policy that do. What AWS derives from the caller is not linked: aws:PrincipalArn is a key as any other.
func NoNewAccess(newPolicy, existing *iam.Policy, l Limits) (c Comparison, err error) {
	w := newMeter(l)
	defer answered(w, &c, &err)
	sp, err := newSpace([][]*iam.Policy{{newPolicy, existing}}, false, nil, nil, w)
	if err != nil {
		return Comparison{}, err
	}
	var allow, deny [2][]*box
	for i, p := range []*iam.Policy{newPolicy, existing} {
		if allow[i], err = sp.boxes(p, iam.Allow, 0, i); err != nil {
			return Comparison{}, err
		}
		if deny[i], err = sp.boxes(p, iam.Deny, 0, i); err != nil {
			return Comparison{}, err
		}
	}
	return sp.compare(allow[0], newPolicy, func(s *iam.Statement, require []signed) (*state, error) {
		confirm := func(st *state) bool {
			r := sp.request(st, 0)
			return eval.Matches(s, &r) != eval.NotNamed && eval.Permits(newPolicy, &r) && !eval.Permits(existing, &r)
		}
		// What the existing policy does not allow is outside all that it allows, or inside something that it denies.
		sp.work(len(allow[1]) / 8)
		avoid := append(append([]*box(nil), deny[0]...), allow[1]...)
		st, undecided := sp.ask(require, avoid, confirm)
		for i := 0; st == nil && i < len(deny[1]); i++ {
			var err error
			if st, err = sp.ask(append(require[:len(require):len(require)], positive(deny[1][i])...), deny[0], confirm); err != nil {
				undecided = err
			}
		}
		if st != nil {
			undecided = nil
		}
		return st, undecided
	})
}

// compare asks for each Allow box of a policy.
func (sp *space) compare(allow []*box, p *iam.Policy, ask func(s *iam.Statement, require []signed) (*state, error)) (Comparison, error) {
	var c Comparison
	var undecided error
	for _, b := range allow {
		sp.work(1 + len(p.Statements)/16)
		st, err := ask(statementOf(p, b.places[0].Statement), positive(b))
		if err != nil {
			undecided = err
			c.Unclear = append(c.Unclear, b.places[0].Statement)
		}
		if st != nil {
			c.Reasons = append(c.Reasons, Reason{Statement: b.places[0].Statement, Sid: b.places[0].Sid, Witness: sp.request(st, 0)})
		}
	}
	if len(c.Reasons) > 0 {
		return c, nil
	}
	return Comparison{}, undecided
}

// statementOf finds a statement by its Index, which is not its place if others could not be read.
func statementOf(p *iam.Policy, index int) *iam.Statement {
	for i := range p.Statements {
		if p.Statements[i].Index == index {
			return &p.Statements[i]
		}
	}
	return nil
}

func positive(b *box) []signed {
	list := make([]signed, len(b.literals))
	for i, lit := range b.literals {
		list[i] = yes(lit)
	}
	return list
}

// NotGranted checks that a policy grants none of the actions on any of the resources, which are texts as in a policy (access-analyzer.md 6.2).
// Without actions or without resources it is about all of them. A condition counts as met if a request can meet it; a Deny takes away what it
// denies surely. Nothing is linked, as in NoNewAccess.
func NotGranted(p *iam.Policy, actions, resources []string, l Limits) (c Comparison, err error) {
	w := newMeter(l)
	defer answered(w, &c, &err)
	sp, err := newSpace([][]*iam.Policy{{p}}, false, nil, nil, w)
	if err != nil {
		return Comparison{}, err
	}
	sp.lenient = true
	var asked []signed
	var atoms []signed
	for _, a := range actions {
		atoms = append(atoms, yes(sp.patternAtom("action", glob.Action(a))))
	}
	if atoms != nil {
		lit, _ := sp.textLiteral(actionCoord, atoms, false)
		asked = append(asked, yes(lit))
	}
	atoms = nil
	for _, r := range resources {
		atoms = append(atoms, yes(sp.resourceAtom(r)))
	}
	if atoms != nil {
		lit, _ := sp.textLiteral(firstResource, atoms, false)
		asked = append(asked, yes(lit))
	}
	allow, err := sp.boxes(p, iam.Allow, 0, 0)
	if err != nil {
		return Comparison{}, err
	}
	deny, err := sp.boxes(p, iam.Deny, 0, 0)
	if err != nil {
		return Comparison{}, err
	}
	return sp.compare(allow, p, func(s *iam.Statement, require []signed) (*state, error) {
		return sp.ask(append(require, asked...), deny, func(st *state) bool {
			r := sp.request(st, 0)
			return eval.Matches(s, &r) != eval.NotNamed && eval.Permits(p, &r)
		})
	})
}

// publicTypes are the types of resources of CheckNoPublicAccess (access-analyzer.md 6.4) with the prefix of their actions.
var publicTypes = map[string]string{
	"AWS::DynamoDB::Table":               "dynamodb",
	"AWS::DynamoDB::Stream":              "dynamodb",
	"AWS::EFS::FileSystem":               "elasticfilesystem",
	"AWS::OpenSearchService::Domain":     "es",
	"AWS::Kinesis::Stream":               "kinesis",
	"AWS::Kinesis::StreamConsumer":       "kinesis",
	"AWS::KMS::Key":                      "kms",
	"AWS::Lambda::Function":              "lambda",
	"AWS::S3::Bucket":                    "s3",
	"AWS::S3::AccessPoint":               "s3",
	"AWS::S3Express::DirectoryBucket":    "s3express",
	"AWS::S3::Glacier":                   "glacier",
	"AWS::S3Outposts::Bucket":            "s3-outposts",
	"AWS::S3Outposts::AccessPoint":       "s3-outposts",
	"AWS::SecretsManager::Secret":        "secretsmanager",
	"AWS::SNS::Topic":                    "sns",
	"AWS::SQS::Queue":                    "sqs",
	"AWS::IAM::AssumeRolePolicyDocument": "sts",
	"AWS::S3Tables::TableBucket":         "s3tables",
	"AWS::ApiGateway::RestApi":           "execute-api",
	"AWS::CodeArtifact::Domain":          "codeartifact",
	"AWS::Backup::BackupVault":           "backup",
	"AWS::CloudTrail::Dashboard":         "cloudtrail",
	"AWS::CloudTrail::EventDataStore":    "cloudtrail",
	"AWS::S3Tables::Table":               "s3tables",
	"AWS::S3Express::AccessPoint":        "s3express",
}

// ErrResourceType says that CheckNoPublicAccess does not know a type of resource.
var ErrResourceType = fmt.Errorf("reach: no such type of resource")

// NoPublicAccess checks that a policy of a resource of the type lets not everyone use an action of the type's service
// (access-analyzer.md 6.3), as IsPublic has it. Actions that the catalogue does not know count: they may be newer. It goes by the document
// alone.
func NoPublicAccess(p *iam.Policy, resourceType string, l Limits) (Comparison, error) {
	prefix, ok := publicTypes[resourceType]
	if !ok {
		return Comparison{}, ErrResourceType
	}
	actions := []string{prefix + ":*"}
	if s := catalog.Load().Service(prefix); s != nil {
		for i := range s.Actions {
			actions = append(actions, s.Actions[i].Full)
		}
	}
	open, err := IsPublic(Alone(p), actions, l)
	var c Comparison
	for _, a := range open {
		c.Reasons = append(c.Reasons, Reason{Statement: a.Statements[0].Statement, Sid: a.Statements[0].Sid, Witness: a.Witness})
	}
	return c, err
}
