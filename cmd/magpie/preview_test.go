package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"
	"github.com/google/go-cmp/cmp"
)

// analyzerClient makes a client of a server's first account, with the key of its first start.
func (s *serving) analyzerClient() *accessanalyzer.Client {
	s.t.Helper()
	c, err := readCredential(s.dir + "/credentials")
	if err != nil {
		s.t.Fatal(err)
	}
	return accessanalyzer.New(accessanalyzer.Options{
		Region: defaultRegion, BaseEndpoint: aws.String(s.endpoint), Retryer: aws.NopRetryer{}, HTTPClient: plainBody{},
		Credentials: credentials.NewStaticCredentialsProvider(c.id, c.secret, ""),
	})
}

// previewLines are the findings of a preview as "CHANGE STATUS WHO", sorted.
func previewLines(t testing.TB, c *accessanalyzer.Client, analyzer, id *string) []string {
	t.Helper()
	var lines []string
	pages := accessanalyzer.NewListAccessPreviewFindingsPaginator(c, &accessanalyzer.ListAccessPreviewFindingsInput{AnalyzerArn: analyzer, AccessPreviewId: id, MaxResults: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Findings {
			lines = append(lines, fmt.Sprintf("%s %s %s", f.ChangeType, f.Status, f.Principal["AWS"]))
		}
	}
	slices.Sort(lines)
	return lines
}

// TestAccessPreviews asks a server that watches the example estate for a preview of every kind of configuration.
func TestAccessPreviews(t *testing.T) {
	estate, err := filepath.Abs("../../examples/estate")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, filepath.Join(t.TempDir(), "data"), "--source", estate)
	c := s.analyzerClient()
	made, err := c.CreateAnalyzer(t.Context(), &accessanalyzer.CreateAnalyzerInput{AnalyzerName: aws.String("acct"), Type: types.TypeAccount})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the estate is scanned", func() bool {
		out, err := c.ListFindings(t.Context(), &accessanalyzer.ListFindingsInput{AnalyzerArn: made.Arn})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Findings) >= 2
	})
	policy := func(action string) *string {
		return aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"999988887777"},"Action":"` + action + `","Resource":"*"}}`)
	}
	trust := aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"999988887777"},"Action":"sts:AssumeRole"}}`)
	arn := func(service, rest string) string {
		return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, defaultRegion, defaultAccount, rest)
	}
	partner := []string{"NEW ACTIVE 999988887777"}
	for _, p := range []struct {
		name string
		c    types.Configuration
		want []string
	}{
		{"arn:aws:s3:::talwind-public-site", &types.ConfigurationMemberS3Bucket{}, []string{"UNCHANGED ACTIVE *"}},
		{"arn:aws:s3:::talwind-public-site", &types.ConfigurationMemberS3Bucket{Value: types.S3BucketConfiguration{BucketPolicy: aws.String("")}}, []string{"CHANGED RESOLVED *"}},
		{"arn:aws:s3:::talwind-public-site", &types.ConfigurationMemberS3Bucket{Value: types.S3BucketConfiguration{
			BucketPublicAccessBlock: &types.S3PublicAccessBlockConfiguration{IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true)}}}, []string{"CHANGED RESOLVED *"}},
		{"arn:aws:s3:::talwind-new", &types.ConfigurationMemberS3Bucket{Value: types.S3BucketConfiguration{
			BucketAclGrants: []types.S3BucketAclGrantConfiguration{{Permission: types.AclPermissionRead, Grantee: &types.AclGranteeMemberUri{Value: "http://acs.amazonaws.com/groups/global/AllUsers"}}},
			AccessPoints: map[string]types.S3AccessPointConfiguration{arn("s3", "accesspoint/p"): {AccessPointPolicy: aws.String(""),
				NetworkOrigin: &types.NetworkOriginConfigurationMemberVpcConfiguration{Value: types.VpcConfiguration{VpcId: aws.String("vpc-0a1b2c3d")}}}}}}, []string{"NEW ACTIVE *"}},
		{arn("s3express", "bucket/fast--use1-az4--x-s3"), &types.ConfigurationMemberS3ExpressDirectoryBucket{Value: types.S3ExpressDirectoryBucketConfiguration{BucketPolicy: policy("s3express:*")}}, partner},
		{"arn:aws:iam::" + defaultAccount + ":role/talwind-replication", &types.ConfigurationMemberIamRole{Value: types.IamRoleConfiguration{TrustPolicy: trust}}, partner},
		{arn("kms", "key/PayrollKey"), &types.ConfigurationMemberKmsKey{}, nil},
		{arn("kms", "key/PayrollKey"), &types.ConfigurationMemberKmsKey{Value: types.KmsKeyConfiguration{KeyPolicies: map[string]string{"default": *policy("kms:Decrypt")}}}, partner},
		{arn("kms", "key/PayrollKey"), &types.ConfigurationMemberKmsKey{Value: types.KmsKeyConfiguration{Grants: []types.KmsGrantConfiguration{{
			Operations: []types.KmsGrantOperation{types.KmsGrantOperationDecrypt}, GranteePrincipal: aws.String("arn:aws:iam::999988887777:root"), IssuingAccount: aws.String(defaultAccount),
			Constraints: &types.KmsGrantConstraints{EncryptionContextSubset: map[string]string{"team": "a"}}}}}}, partner},
		{arn("secretsmanager", "secret:t-AbCdEf"), &types.ConfigurationMemberSecretsManagerSecret{Value: types.SecretsManagerSecretConfiguration{SecretPolicy: policy("secretsmanager:*")}}, partner},
		{arn("sqs", "q"), &types.ConfigurationMemberSqsQueue{Value: types.SqsQueueConfiguration{QueuePolicy: policy("sqs:*")}}, partner},
		{arn("sns", "t"), &types.ConfigurationMemberSnsTopic{Value: types.SnsTopicConfiguration{TopicPolicy: policy("sns:Publish")}}, partner},
		{arn("ecr", "repository/a/b"), &types.ConfigurationMemberEcrRepository{Value: types.EcrRepositoryConfiguration{RepositoryPolicy: policy("ecr:*")}}, partner},
		{arn("elasticfilesystem", "file-system/fs-0a1b2c3d"), &types.ConfigurationMemberEfsFileSystem{Value: types.EfsFileSystemConfiguration{FileSystemPolicy: policy("elasticfilesystem:*")}}, partner},
		{arn("dynamodb", "table/t"), &types.ConfigurationMemberDynamodbTable{Value: types.DynamodbTableConfiguration{TablePolicy: policy("dynamodb:*")}}, partner},
		{arn("dynamodb", "table/t/stream/2026-01-02T03:04:05.678"), &types.ConfigurationMemberDynamodbStream{Value: types.DynamodbStreamConfiguration{StreamPolicy: policy("dynamodb:*")}}, partner},
		{"arn:aws:ec2:" + defaultRegion + "::snapshot/snap-0a1b2c3d4e5f60718", &types.ConfigurationMemberEbsSnapshot{Value: types.EbsSnapshotConfiguration{UserIds: []string{"999988887777"}}}, partner},
		{arn("rds", "snapshot:s"), &types.ConfigurationMemberRdsDbSnapshot{Value: types.RdsDbSnapshotConfiguration{Attributes: map[string]types.RdsDbSnapshotAttributeValue{
			"restore": &types.RdsDbSnapshotAttributeValueMemberAccountIds{Value: []string{"all"}}}}}, []string{"NEW ACTIVE *"}},
		{arn("rds", "cluster-snapshot:s"), &types.ConfigurationMemberRdsDbClusterSnapshot{Value: types.RdsDbClusterSnapshotConfiguration{KmsKeyId: aws.String("k"),
			Attributes: map[string]types.RdsDbClusterSnapshotAttributeValue{"restore": &types.RdsDbClusterSnapshotAttributeValueMemberAccountIds{Value: []string{"999988887777", "all"}}}}}, partner},
	} {
		out, err := c.CreateAccessPreview(t.Context(), &accessanalyzer.CreateAccessPreviewInput{AnalyzerArn: made.Arn, Configurations: map[string]types.Configuration{p.name: p.c}})
		if err != nil {
			t.Errorf("%s: %v", p.name, err)
			continue
		}
		got, err := c.GetAccessPreview(t.Context(), &accessanalyzer.GetAccessPreviewInput{AnalyzerArn: made.Arn, AccessPreviewId: out.Id})
		if err != nil || got.AccessPreview.Status != types.AccessPreviewStatusCompleted || fmt.Sprintf("%T", got.AccessPreview.Configurations[p.name]) != fmt.Sprintf("%T", p.c) {
			t.Errorf("%s: %+v, %v", p.name, got, err)
			continue
		}
		if d := cmp.Diff(p.want, previewLines(t, c, made.Arn, out.Id)); d != "" {
			t.Errorf("%s, %T: -want +got\n%s", p.name, p.c, d)
		}
	}
	previewWithCLI(t, s, *made.Arn)
	previewsSurvive(t, s, estate, made.Arn)
}

// previewsSurvive kills a server amid requests for previews: those that were answered are there, whole, and a repetition finds its own.
func previewsSurvive(t *testing.T, s *serving, estate string, analyzer *string) {
	t.Helper()
	c := s.analyzerClient()
	request := func(i int) *accessanalyzer.CreateAccessPreviewInput {
		return &accessanalyzer.CreateAccessPreviewInput{AnalyzerArn: analyzer, ClientToken: aws.String(fmt.Sprint("token-", i)),
			Configurations: map[string]types.Configuration{"arn:aws:s3:::talwind-public-site": &types.ConfigurationMemberS3Bucket{}}}
	}
	answered := make(chan string, 1000)
	go func() {
		defer close(answered)
		for i := 0; ; i++ {
			out, err := c.CreateAccessPreview(t.Context(), request(i))
			if err != nil {
				return // the server is gone
			}
			answered <- *out.Id
		}
	}()
	ids := []string{<-answered, <-answered, <-answered}
	s.kill()
	for id := range answered {
		ids = append(ids, id)
	}
	s = serve(t, s.dir, "--source", estate)
	c = s.analyzerClient()
	for i, id := range ids {
		got, err := c.GetAccessPreview(t.Context(), &accessanalyzer.GetAccessPreviewInput{AnalyzerArn: analyzer, AccessPreviewId: &id})
		if err != nil || got.AccessPreview.Status != types.AccessPreviewStatusCompleted {
			t.Errorf("preview %s: %+v, %v", id, got, err)
		}
		if d := cmp.Diff([]string{"UNCHANGED ACTIVE *"}, previewLines(t, c, analyzer, &id)); d != "" {
			t.Errorf("preview %s: -want +got\n%s", id, d)
		}
		if again, err := c.CreateAccessPreview(t.Context(), request(i)); err != nil || *again.Id != id {
			t.Errorf("a repetition of %s: %v, %v", id, again, err)
		}
	}
}

// previewWithCLI lets the AWS CLI make a preview and list what is new in it.
func previewWithCLI(t *testing.T, s *serving, analyzer string) {
	t.Helper()
	env := append(os.Environ(), "AWS_CONFIG_FILE="+s.dir+"/config", "AWS_SHARED_CREDENTIALS_FILE="+s.dir+"/credentials", "AWS_PROFILE=magpie", "AWS_PAGER=")
	cli := func(into any, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "aws", append([]string{"accessanalyzer", "--output", "json", "--endpoint-url", s.endpoint}, args...)...)
		cmd.Env = env
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, stderr.String())
		}
		if err := json.Unmarshal(out, into); err != nil {
			t.Fatal(err)
		}
	}
	var made struct{ ID string }
	cli(&made, "create-access-preview", "--analyzer-arn", analyzer, "--configurations",
		`{"arn:aws:s3:::talwind-hr-payroll":{"s3Bucket":{"bucketPolicy":"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"999988887777\"},\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::talwind-hr-payroll/*\"}}"}}}`)
	var list struct {
		Findings []struct {
			ChangeType string
			Principal  map[string]string
			Action     []string
			IsPublic   bool
		}
	}
	cli(&list, "list-access-preview-findings", "--analyzer-arn", analyzer, "--access-preview-id", made.ID, "--filter", `{"changeType":{"eq":["NEW"]}}`)
	if len(list.Findings) != 1 || list.Findings[0].Principal["AWS"] != "999988887777" || !slices.Equal(list.Findings[0].Action, []string{"s3:GetObject"}) || list.Findings[0].IsPublic {
		t.Errorf("%+v", list)
	}
}
