package preview

import (
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// A kind is a kind of configuration.
type kind struct {
	member   string // of Configuration
	resource string // the type of resource
	service  string // in its ARN
	prefix   string // of the ARN's resource
	flat     bool   // the rest of the ARN's resource is a name, without slashes and colons
	scope    scope
	is       func(c *accessanalyzer.Configuration) bool
	check    func(p *Proposal, c checker) error
	build    func(b *builder) error
}

// A scope says which fields of an ARN are filled.
type scope uint8

const (
	regional scope = iota // Region and account
	account               // the account only
	global                // neither
	snapshot              // the Region, and the account or not
)

// kinds are in the order of the API reference's table of types. Functions and layer versions have no configuration.
var kinds = []kind{
	{member: "s3Bucket", resource: resource.Bucket, service: "s3", flat: true, scope: global, check: checkBucket, build: buildBucket,
		is: func(c *accessanalyzer.Configuration) bool { return c.S3Bucket != nil }},
	{member: "s3ExpressDirectoryBucket", resource: resource.DirectoryBucket, service: "s3express", prefix: "bucket/", flat: true, check: checkDirectoryBucket, build: buildDirectoryBucket,
		is: func(c *accessanalyzer.Configuration) bool { return c.S3ExpressDirectoryBucket != nil }},
	{member: "iamRole", resource: resource.Role, service: "iam", prefix: "role/", scope: account, check: checkRole, build: buildRole,
		is: func(c *accessanalyzer.Configuration) bool { return c.IamRole != nil }},
	{member: "kmsKey", resource: resource.Key, service: "kms", prefix: "key/", flat: true, check: checkKey, build: buildKey,
		is: func(c *accessanalyzer.Configuration) bool { return c.KmsKey != nil }},
	{member: "secretsManagerSecret", resource: resource.Secret, service: "secretsmanager", prefix: "secret:", check: nothing, build: buildSecret,
		is: func(c *accessanalyzer.Configuration) bool { return c.SecretsManagerSecret != nil }},
	{member: "sqsQueue", resource: resource.Queue, service: "sqs", flat: true, check: nothing,
		is:    func(c *accessanalyzer.Configuration) bool { return c.SqsQueue != nil },
		build: func(b *builder) error { return b.policy(b.given.SqsQueue.QueuePolicy) }},
	{member: "snsTopic", resource: resource.Topic, service: "sns", flat: true, check: nothing,
		is:    func(c *accessanalyzer.Configuration) bool { return c.SnsTopic != nil },
		build: func(b *builder) error { return b.policy(b.given.SnsTopic.TopicPolicy) }},
	{member: "ecrRepository", resource: resource.Repository, service: "ecr", prefix: "repository/", check: nothing,
		is:    func(c *accessanalyzer.Configuration) bool { return c.EcrRepository != nil },
		build: func(b *builder) error { return b.policy(b.given.EcrRepository.RepositoryPolicy) }},
	{member: "efsFileSystem", resource: resource.FileSystem, service: "elasticfilesystem", prefix: "file-system/", flat: true, check: nothing,
		is:    func(c *accessanalyzer.Configuration) bool { return c.EfsFileSystem != nil },
		build: func(b *builder) error { return b.policy(b.given.EfsFileSystem.FileSystemPolicy) }},
	{member: "dynamodbStream", resource: resource.Stream, service: "dynamodb", prefix: "table/", check: nothing,
		is:    func(c *accessanalyzer.Configuration) bool { return c.DynamodbStream != nil },
		build: func(b *builder) error { return b.policy(b.given.DynamodbStream.StreamPolicy) }},
	{member: "dynamodbTable", resource: resource.Table, service: "dynamodb", prefix: "table/", flat: true, check: nothing,
		is:    func(c *accessanalyzer.Configuration) bool { return c.DynamodbTable != nil },
		build: func(b *builder) error { return b.policy(b.given.DynamodbTable.TablePolicy) }},
	{member: "ebsSnapshot", resource: resource.Snapshot, service: "ec2", prefix: "snapshot/", flat: true, scope: snapshot, check: checkSnapshot, build: buildSnapshot,
		is: func(c *accessanalyzer.Configuration) bool { return c.EbsSnapshot != nil }},
	{member: "rdsDbSnapshot", resource: resource.DBSnapshot, service: "rds", prefix: "snapshot:", check: checkDBSnapshot, build: buildDBSnapshot,
		is: func(c *accessanalyzer.Configuration) bool { return c.RdsDbSnapshot != nil }},
	{member: "rdsDbClusterSnapshot", resource: resource.DBClusterSnapshot, service: "rds", prefix: "cluster-snapshot:", check: checkDBSnapshot, build: buildDBSnapshot,
		is: func(c *accessanalyzer.Configuration) bool { return c.RdsDbClusterSnapshot != nil }},
}

// kindOf finds the kind of a configuration; nil if it has none, or two.
func kindOf(c *accessanalyzer.Configuration) *kind {
	var found *kind
	for i := range kinds {
		if kinds[i].is(c) {
			if found != nil {
				return nil
			}
			found = &kinds[i]
		}
	}
	return found
}

func nothing(*Proposal, checker) error { return nil }

// misfit says why an ARN cannot be that of a resource of the kind in an account and Region; "" if it can.
func (k *kind) misfit(a arn.ARN, owner, region string) string {
	name, named := strings.CutPrefix(a.Resource, k.prefix)
	switch {
	case a.Partition != arn.PartitionOf(region):
		return "its partition is not that of the analyzer"
	case a.Service != k.service || !named || name == "" || k.flat && strings.ContainsAny(name, "/:"):
		return "it is no " + k.resource
	case k.resource == resource.Stream && !isStream(name):
		return "it is no " + k.resource
	case strings.ContainsAny(name, "*?") || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' }):
		return "it names no one resource"
	}
	wantRegion, wantAccount := region, owner
	switch k.scope {
	case account:
		wantRegion = ""
	case global:
		wantRegion, wantAccount = "", ""
	case snapshot:
		if a.Account == "" {
			wantAccount = ""
		}
	}
	switch {
	case a.Region != wantRegion:
		return "its Region is not that of the analyzer"
	case a.Account != wantAccount:
		return "its account is not that of the analyzer"
	}
	return ""
}

// isStream reports whether a name is that of a stream of a table.
func isStream(name string) bool {
	table, label, ok := strings.Cut(name, "/stream/")
	return ok && table != "" && label != "" && !strings.Contains(table+label, "/")
}

// A limit is the size of a policy of a type of resource that its service stores: characters, of which white space does not count if spare.
type limit struct {
	most  int
	spare bool
}

// limits are from the services' quotas (access-analyzer.md 4.1): IAM (trust policies, at the highest quota), Amazon S3, AWS KMS, Amazon SQS,
// Amazon SNS, Secrets Manager, Amazon ECR (SetRepositoryPolicy), Amazon EFS (PutFileSystemPolicy), DynamoDB.
var limits = map[string]limit{
	resource.Bucket: {20 << 10, false}, resource.DirectoryBucket: {20 << 10, false}, resource.Role: {4096, true}, resource.Key: {32 << 10, false},
	resource.Queue: {8 << 10, false}, resource.Topic: {30720, false}, resource.Secret: {20480, false}, resource.Repository: {10240, false},
	resource.FileSystem: {20000, false}, resource.Table: {20 << 10, false}, resource.Stream: {20 << 10, false},
}

// document reads a proposed policy of a type of resource; an empty text is none.
func document(of, what, text string) (source.Fact[resource.Document], error) {
	if text == "" {
		return source.Absent[resource.Document]("its removal is proposed"), nil
	}
	size, most := len(text), limits[of]
	if most.spare {
		size -= strings.Count(text, " ") + strings.Count(text, "\n") + strings.Count(text, "\t") + strings.Count(text, "\r")
	}
	if most.most > 0 && size > most.most {
		return source.Fact[resource.Document]{}, invalid("%s: the policy has %d bytes, which is more than %d", what, size, most.most)
	}
	as := iam.Resource
	if of == resource.Role {
		as = iam.Trust
	}
	if _, err := iam.Parse(text, as); err != nil {
		return source.Fact[resource.Document]{}, invalid("%s: %v", what, err)
	}
	return source.Known(resource.Document{Text: text}), nil
}
