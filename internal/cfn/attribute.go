package cfn

import (
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
)

// A kind says what follows from a template about the resources of one type. Its
// texts hold {name}, {path}, {partition}, {account}, {region} and {suffix}.
// Attributes that are not here are ids that CloudFormation or the service would
// invent; they are unknown.
type kind struct {
	nameProperty string
	// ref is what Ref gives.
	ref string
	// arn is the resource's ARN; empty when it does not follow from the template.
	arn string
	// attributes are what Fn::GetAtt gives.
	attributes map[string]string
	// namedByID says that a resource without a name goes by its logical id.
	namedByID bool
}

// kinds are the resource types whose name is theirs to choose. Source: "Return
// values" of each type in the CloudFormation resource reference, and the ARN
// formats of the Service Authorization Reference.
var kinds = map[string]kind{
	"AWS::S3::Bucket": {
		nameProperty: "BucketName", ref: "{name}", arn: "arn:{partition}:s3:::{name}", namedByID: true,
		attributes: map[string]string{
			"Arn":                 "arn:{partition}:s3:::{name}",
			"DomainName":          "{name}.s3.{suffix}",
			"RegionalDomainName":  "{name}.s3.{region}.{suffix}",
			"DualStackDomainName": "{name}.s3.dualstack.{region}.{suffix}",
		},
	},
	"AWS::S3Express::DirectoryBucket": {
		nameProperty: "BucketName", ref: "{name}", arn: "arn:{partition}:s3express:{region}:{account}:bucket/{name}",
		attributes: map[string]string{"Arn": "arn:{partition}:s3express:{region}:{account}:bucket/{name}"},
	},
	"AWS::S3::AccessPoint": {
		nameProperty: "Name", ref: "{name}", arn: "arn:{partition}:s3:{region}:{account}:accesspoint/{name}",
		attributes: map[string]string{"Arn": "arn:{partition}:s3:{region}:{account}:accesspoint/{name}", "Name": "{name}"},
	},
	"AWS::IAM::Role": {
		nameProperty: "RoleName", ref: "{name}", arn: "arn:{partition}:iam::{account}:role{path}{name}",
		attributes: map[string]string{"Arn": "arn:{partition}:iam::{account}:role{path}{name}"},
	},
	"AWS::IAM::User": {
		nameProperty: "UserName", ref: "{name}", arn: "arn:{partition}:iam::{account}:user{path}{name}",
		attributes: map[string]string{"Arn": "arn:{partition}:iam::{account}:user{path}{name}"},
	},
	"AWS::IAM::Group": {
		nameProperty: "GroupName", ref: "{name}", arn: "arn:{partition}:iam::{account}:group{path}{name}",
		attributes: map[string]string{"Arn": "arn:{partition}:iam::{account}:group{path}{name}"},
	},
	"AWS::IAM::InstanceProfile": {
		nameProperty: "InstanceProfileName", ref: "{name}", arn: "arn:{partition}:iam::{account}:instance-profile{path}{name}",
		attributes: map[string]string{"Arn": "arn:{partition}:iam::{account}:instance-profile{path}{name}"},
	},
	"AWS::IAM::ManagedPolicy": {
		nameProperty: "ManagedPolicyName", ref: "arn:{partition}:iam::{account}:policy{path}{name}", arn: "arn:{partition}:iam::{account}:policy{path}{name}",
		attributes: map[string]string{"PolicyArn": "arn:{partition}:iam::{account}:policy{path}{name}"},
	},
	"AWS::SQS::Queue": {
		nameProperty: "QueueName", ref: "https://sqs.{region}.{suffix}/{account}/{name}", arn: "arn:{partition}:sqs:{region}:{account}:{name}",
		attributes: map[string]string{
			"Arn": "arn:{partition}:sqs:{region}:{account}:{name}", "QueueName": "{name}",
			"QueueUrl": "https://sqs.{region}.{suffix}/{account}/{name}",
		},
	},
	"AWS::SNS::Topic": {
		nameProperty: "TopicName", ref: "arn:{partition}:sns:{region}:{account}:{name}", arn: "arn:{partition}:sns:{region}:{account}:{name}",
		attributes: map[string]string{"TopicArn": "arn:{partition}:sns:{region}:{account}:{name}", "TopicName": "{name}"},
	},
	"AWS::Lambda::Function": {
		nameProperty: "FunctionName", ref: "{name}", arn: "arn:{partition}:lambda:{region}:{account}:function:{name}",
		attributes: map[string]string{"Arn": "arn:{partition}:lambda:{region}:{account}:function:{name}"},
	},
	"AWS::DynamoDB::Table": {
		nameProperty: "TableName", ref: "{name}", arn: "arn:{partition}:dynamodb:{region}:{account}:table/{name}",
		attributes: map[string]string{"Arn": "arn:{partition}:dynamodb:{region}:{account}:table/{name}"},
	},
	"AWS::Kinesis::Stream": {
		nameProperty: "Name", ref: "{name}", arn: "arn:{partition}:kinesis:{region}:{account}:stream/{name}",
		attributes: map[string]string{"Arn": "arn:{partition}:kinesis:{region}:{account}:stream/{name}"},
	},
	"AWS::ECR::Repository": {
		nameProperty: "RepositoryName", ref: "{name}", arn: "arn:{partition}:ecr:{region}:{account}:repository/{name}",
		attributes: map[string]string{
			"Arn":           "arn:{partition}:ecr:{region}:{account}:repository/{name}",
			"RepositoryUri": "{account}.dkr.ecr.{region}.{suffix}/{name}",
		},
	},
	"AWS::Logs::LogGroup": {
		// The attribute ends in ":*"; the ARN of the group itself does not.
		nameProperty: "LogGroupName", ref: "{name}", arn: "arn:{partition}:logs:{region}:{account}:log-group:{name}",
		attributes: map[string]string{"Arn": "arn:{partition}:logs:{region}:{account}:log-group:{name}:*"},
	},
	"AWS::KMS::Alias": {
		nameProperty: "AliasName", ref: "{name}", arn: "arn:{partition}:kms:{region}:{account}:{name}",
	},
	"AWS::Events::EventBus": {
		nameProperty: "Name", ref: "{name}", arn: "arn:{partition}:events:{region}:{account}:event-bus/{name}",
		attributes: map[string]string{"Arn": "arn:{partition}:events:{region}:{account}:event-bus/{name}", "Name": "{name}"},
	},
}

// generated are the resource types whose ids the service makes up. They are known only as placeholders (Env.Placeholders).
var generated = map[string]kind{
	"AWS::KMS::Key": {
		ref: "{name}", arn: "arn:{partition}:kms:{region}:{account}:key/{name}",
		attributes: map[string]string{"Arn": "arn:{partition}:kms:{region}:{account}:key/{name}", "KeyId": "{name}"},
	},
	"AWS::SecretsManager::Secret": {
		ref: "arn:{partition}:secretsmanager:{region}:{account}:secret:{name}", arn: "arn:{partition}:secretsmanager:{region}:{account}:secret:{name}",
		attributes: map[string]string{"Id": "arn:{partition}:secretsmanager:{region}:{account}:secret:{name}"},
	},
	"AWS::EFS::FileSystem": {
		ref: "{name}", arn: "arn:{partition}:elasticfilesystem:{region}:{account}:file-system/{name}",
		attributes: map[string]string{"Arn": "arn:{partition}:elasticfilesystem:{region}:{account}:file-system/{name}", "FileSystemId": "{name}"},
	},
	"AWS::Lambda::LayerVersion": {
		ref: "arn:{partition}:lambda:{region}:{account}:layer:{name}:1", arn: "arn:{partition}:lambda:{region}:{account}:layer:{name}:1",
		attributes: map[string]string{"LayerVersionArn": "arn:{partition}:lambda:{region}:{account}:layer:{name}:1"},
	},
}

// Placeholder is the name of a resource whose real name CloudFormation would invent (Env.Placeholders). No real name has its angle brackets.
func Placeholder(logicalID string) string { return "<" + logicalID + ">" }

func (e *evaluator) kindOf(r *resource) (kind, bool) {
	if k, ok := kinds[r.kind]; ok {
		return k, true
	}
	if !e.env.Placeholders {
		return kind{}, false
	}
	k, ok := generated[r.kind]
	return k, ok
}

// ref is what Ref to a resource gives.
func (e *evaluator) ref(r *resource, pos Position) Value {
	k, ok := e.kindOf(r)
	if !ok {
		return unknownAt(pos, "what a Ref to %s, a resource of type %s, gives does not follow from the template", clip(r.id), clip(r.kind))
	}
	return e.expand(k.ref, r, k, pos)
}

// resourceARN is the ARN of a resource.
func (e *evaluator) resourceARN(r *resource, pos Position) Value {
	k, _ := e.kindOf(r)
	if k.arn == "" {
		return unknownAt(pos, "the ARN of %s, a resource of type %s, does not follow from the template", clip(r.id), clip(r.kind))
	}
	return e.expand(k.arn, r, k, pos)
}

// attribute is what Fn::GetAtt of a resource gives.
func (e *evaluator) attribute(r *resource, name string, pos Position) Value {
	k, _ := e.kindOf(r)
	pattern, ok := k.attributes[name]
	if !ok {
		return unknownAt(pos, "the attribute %s of %s, a resource of type %s, does not follow from the template", clip(name), clip(r.id), clip(r.kind))
	}
	return e.expand(pattern, r, k, pos)
}

// expand fills the places of a pattern; one that is unknown makes it all so.
func (e *evaluator) expand(pattern string, r *resource, k kind, pos Position) Value {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(pattern, "{")
		b.WriteString(before)
		if !ok {
			return stringAt(pos, b.String())
		}
		var place string
		place, pattern, _ = strings.Cut(rest, "}")
		v := e.place(place, r, k, pos)
		if v.unknown != nil {
			return v
		}
		b.WriteString(v.text)
	}
}

func (e *evaluator) place(place string, r *resource, k kind, pos Position) Value {
	switch place {
	case "name":
		return e.name(r, k, pos)
	case "path":
		return e.property(r, "Path", "/", pos)
	case "partition":
		return e.pseudo("AWS::Partition", pos)
	case "account":
		return e.pseudo("AWS::AccountId", pos)
	case "region":
		return e.pseudo("AWS::Region", pos)
	default: // suffix
		if e.env.Partition == "" {
			return e.pseudo("AWS::URLSuffix", pos)
		}
		return stringAt(pos, arn.URLSuffix(e.env.Partition))
	}
}

// name is the name of a resource: its property, or for a bucket without one its
// logical id, which is what an estate calls such a bucket.
func (e *evaluator) name(r *resource, k kind, pos Position) Value {
	if k.namedByID {
		return e.property(r, k.nameProperty, r.id, pos)
	}
	return e.property(r, k.nameProperty, "", pos)
}

// property evaluates a text property of a resource for others to refer to. An
// absent one has the fallback; without a fallback CloudFormation invents it.
func (e *evaluator) property(r *resource, name, fallback string, pos Position) Value {
	key := name + " of resource " + r.id
	if v, ok := e.names[key]; ok {
		return v
	}
	leave, loop := e.enter(key, pos)
	if loop != nil {
		return unresolved(loop)
	}
	v := e.findProperty(r, name, fallback)
	leave()
	e.names[key] = v
	return v
}

func (e *evaluator) findProperty(r *resource, name, fallback string) Value {
	absent := func() Value {
		if fallback == "" && e.env.Placeholders {
			return stringAt(r.pos, Placeholder(r.id))
		}
		if fallback == "" {
			return unknownAt(r.pos, "resource %s has no %s: CloudFormation would invent it", clip(r.id), name)
		}
		return stringAt(r.pos, fallback)
	}
	if r.properties == nil {
		return absent()
	}
	if r.properties.kind == nodeFunction {
		v := e.value(r.properties)
		if v.unknown != nil {
			return v
		}
		found, ok := v.field(name)
		if !ok {
			return absent()
		}
		return asText(found, r, name)
	}
	n := r.properties.get(name)
	if n == nil {
		return absent()
	}
	v := e.value(n)
	if v.kind == removed {
		return absent()
	}
	return asText(v, r, name)
}

func asText(v Value, r *resource, name string) Value {
	if v.unknown != nil {
		return v
	}
	text, ok := v.Text()
	if !ok {
		return unknownAt(v.pos, "the %s of resource %s is not text", name, clip(r.id))
	}
	return stringAt(v.pos, text)
}
