package catalog

import (
	"slices"
	"testing"
)

// TestFacts compares the catalogue with what AWS documents: in the Service Authorization Reference ("Actions, resources, and condition keys for AWS
// services"), on the page of the service, where no other origin is named; global keys are those of "AWS global condition context keys" in the
// IAM user guide. The tables were written from knowledge of those pages, not from the data under test.
func TestFacts(t *testing.T) {
	c := Load()
	facts := 0

	for prefix, name := range map[string]string{
		"s3": "Amazon S3", "ec2": "Amazon EC2", "iam": "AWS Identity and Access Management (IAM)", "kms": "AWS Key Management Service", "sqs": "Amazon SQS",
		"sts": "AWS Security Token Service", "elasticfilesystem": "Amazon Elastic File System", "macie2": "Amazon Macie",
		"access-analyzer": "AWS IAM Access Analyzer", "monitron": "Amazon Monitron",
	} {
		facts++
		if s := c.Service(prefix); s == nil || s.Name != name {
			t.Errorf("service %s: %+v, want the name %q", prefix, s, name)
		}
	}

	for action, want := range map[string]AccessLevel{
		"s3:GetObject": Read, "s3:PutObject": Write, "s3:ListBucket": List, "s3:PutObjectTagging": Tagging, "s3:PutBucketPolicy": PermissionsManagement,
		"s3:PutObjectAcl": PermissionsManagement, "s3:DeleteBucket": Write, "s3:GetBucketPolicy": Read, "s3:ListAllMyBuckets": List,
		"iam:CreateUser": Write, "iam:AttachRolePolicy": PermissionsManagement, "iam:TagRole": Tagging, "iam:ListUsers": List, "iam:GetRole": Read,
		"ec2:RunInstances": Write, "ec2:CreateTags": Tagging, "ec2:DescribeInstances": List, "kms:Decrypt": Write, "kms:CreateGrant": PermissionsManagement,
		"kms:DescribeKey": Read, "kms:PutKeyPolicy": PermissionsManagement, "kms:TagResource": Tagging, "sqs:SendMessage": Write,
		"sqs:AddPermission": PermissionsManagement, "sns:Publish": Write, "lambda:InvokeFunction": Write, "lambda:AddPermission": PermissionsManagement,
		"dynamodb:GetItem": Read, "dynamodb:PutItem": Write, "dynamodb:ListTables": List, "secretsmanager:GetSecretValue": Read,
		"sts:AssumeRole": Write, "sts:GetCallerIdentity": Read, "ecr:SetRepositoryPolicy": PermissionsManagement,
	} {
		facts++
		if a := c.Action(action); a == nil || a.Level != want {
			t.Errorf("%s: %+v, want the level %v", action, a, want)
		}
	}

	for action, types := range map[string][]string{
		"s3:ListAllMyBuckets": nil, "ec2:DescribeInstances": nil, "sts:GetCallerIdentity": nil, "dynamodb:ListTables": nil, "iam:GetAccountSummary": nil,
		"kms:CreateKey": nil, "sqs:ListQueues": nil, "s3:DeleteBucket": {"bucket"}, "iam:PassRole": {"role"}, "kms:Decrypt": {"key"}, "sqs:SendMessage": {"queue"},
		"sns:Publish": {"topic"}, "lambda:InvokeFunction": {"function"}, "secretsmanager:GetSecretValue": {"Secret"}, "dynamodb:GetItem": {"table"},
		"sts:AssumeRole": {"role"}, "ecr:PutImage": {"repository"}, "elasticfilesystem:ClientMount": {"file-system"},
	} {
		facts++
		a := c.Action(action)
		var got []string
		if a == nil {
			t.Errorf("%s is unknown", action)
			continue
		}
		for _, r := range a.Resources {
			if r.Required {
				got = append(got, r.Type.Name)
			}
		}
		if !slices.Equal(got, types) {
			t.Errorf("%s needs resources of the types %q, want %q", action, got, types)
		}
	}

	for _, f := range []struct{ service, typ, arn string }{
		{"s3", "bucket", "arn:${Partition}:s3:::${BucketName}"},
		{"s3", "object", "arn:${Partition}:s3:::${BucketName}/${ObjectName}"},
		{"iam", "role", "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}"},
		{"kms", "key", "arn:${Partition}:kms:${Region}:${Account}:key/${KeyId}"},
		{"sqs", "queue", "arn:${Partition}:sqs:${Region}:${Account}:${QueueName}"},
		{"dynamodb", "table", "arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}"},
		{"lambda", "function", "arn:${Partition}:lambda:${Region}:${Account}:function:${FunctionName}"},
		{"ec2", "instance", "arn:${Partition}:ec2:${Region}:${Account}:instance/${InstanceId}"},
		{"secretsmanager", "Secret", "arn:${Partition}:secretsmanager:${Region}:${Account}:secret:${SecretId}"},
		{"elasticfilesystem", "file-system", "arn:${Partition}:elasticfilesystem:${Region}:${Account}:file-system/${FileSystemId}"},
	} {
		facts++
		s := c.Service(f.service)
		if s == nil {
			t.Errorf("%s is unknown", f.service)
		} else if r := s.ResourceType(f.typ); r == nil || !slices.Equal(r.ARNs, []string{f.arn}) {
			t.Errorf("%s of %s: %+v, want %s", f.typ, f.service, r, f.arn)
		}
	}

	for name, want := range map[string]Type{
		"s3:prefix": String, "s3:max-keys": Numeric, "s3:x-amz-server-side-encryption-aws-kms-key-id": ARN, "s3:object-lock-retain-until-date": Date,
		"s3:ExistingObjectTag/Class": String, "s3:RequestObjectTagKeys": ArrayOfString, "iam:PassedToService": String, "iam:PermissionsBoundary": ARN,
		"iam:PolicyARN": ARN, "sts:ExternalId": String, "sts:TransitiveTagKeys": ArrayOfString, "kms:ViaService": String, "kms:GrantIsForAWSResource": Bool,
		"kms:EncryptionContext:Department": String, "kms:EncryptionContextKeys": ArrayOfString, "kms:GrantOperations": ArrayOfString, "kms:ValidTo": Date,
		"ec2:InstanceType": String, "ec2:Encrypted": Bool, "ec2:VolumeSize": Numeric, "ec2:ResourceTag/Team": String, "ec2:Vpc": ARN,
		"dynamodb:Attributes": ArrayOfString, "dynamodb:LeadingKeys": ArrayOfString, "dynamodb:Select": String, "lambda:FunctionArn": ARN,
		"lambda:FunctionUrlAuthType": String, "lambda:SecurityGroupIds": ArrayOfString, "lambda:Layer": ArrayOfString, "sns:Protocol": String,
		"secretsmanager:BlockPublicPolicy": Bool, "secretsmanager:RecoveryWindowInDays": Numeric,
		"elasticfilesystem:AccessedViaMountTarget": Bool, "saml:aud": String, "token.actions.githubusercontent.com:sub": String,
		"cognito-identity.amazonaws.com:amr": ArrayOfString, "accounts.google.com:aud": String,

		"aws:SourceIp": IPAddress, "aws:VpcSourceIp": IPAddress, "aws:SourceArn": ARN, "aws:PrincipalArn": ARN, "aws:SourceAccount": String,
		"aws:PrincipalOrgID": String, "aws:PrincipalOrgPaths": ArrayOfString, "aws:ResourceOrgPaths": ArrayOfString, "aws:SourceOrgPaths": ArrayOfString,
		"aws:VpceOrgPaths": ArrayOfString, "aws:CalledVia": ArrayOfString, "aws:CalledViaFirst": String, "aws:TagKeys": ArrayOfString,
		"aws:PrincipalServiceNamesList": ArrayOfString, "aws:RequestTag/Team": String, "aws:PrincipalTag/Team": String, "aws:SecureTransport": Bool,
		"aws:MultiFactorAuthPresent": Bool, "aws:MultiFactorAuthAge": Numeric, "aws:CurrentTime": Date, "aws:EpochTime": Date, "aws:TokenIssueTime": Date,
		"aws:ViaAWSService": Bool, "aws:SourceVpce": String, "aws:SourceVpcArn": ARN, "aws:userid": String, "aws:UserAgent": String,
		"ec2:SourceInstanceARN": ARN, "ec2:RoleDelivery": Numeric, "lambda:SourceFunctionArn": ARN, "identitystore:UserId": String,
	} {
		facts++
		if k, _ := c.Key(name); k == nil || k.Type != want {
			t.Errorf("key %s: %+v, want the type %v", name, k, want)
		}
	}

	for _, f := range []struct {
		action, key string
		want        Support
	}{
		{"s3:ListBucket", "s3:prefix", Named},
		{"s3:GetObject", "s3:prefix", Unsupported},
		{"s3:GetObject", "s3:ExistingObjectTag/Class", Named},
		{"s3:PutObject", "s3:x-amz-acl", Named},
		{"s3:PutObject", "s3:ExistingObjectTag/Class", Unsupported},
		{"s3:GetObject", "aws:SourceIp", Everywhere},
		{"s3:GetObject", "aws:RequestTag/Team", Unsupported},
		{"iam:PassRole", "iam:PassedToService", Named},
		{"iam:CreateRole", "iam:PermissionsBoundary", Named},
		{"iam:CreateRole", "iam:PassedToService", Unsupported},
		{"iam:CreateUser", "aws:RequestTag/Team", Named},
		{"iam:DeleteRole", "aws:ResourceTag/Team", ByResource},
		{"sts:AssumeRole", "sts:ExternalId", Named},
		{"sts:GetCallerIdentity", "sts:ExternalId", Unsupported},
		{"sts:AssumeRoleWithWebIdentity", "accounts.google.com:aud", Named},
		{"sts:AssumeRoleWithWebIdentity", "token.actions.githubusercontent.com:sub", Everywhere},
		{"kms:Decrypt", "kms:EncryptionContext:Department", Named},
		{"kms:ListKeys", "kms:EncryptionContext:Department", Unsupported},
		{"ec2:RunInstances", "ec2:InstanceType", Named},
		{"ec2:RunInstances", "aws:RequestTag/Team", Named},
		{"ec2:DescribeInstances", "aws:ResourceTag/Team", Unsupported},
		{"dynamodb:GetItem", "dynamodb:LeadingKeys", Named},
		{"lambda:AddPermission", "lambda:FunctionUrlAuthType", Named},
		{"s3:GetObject", "aws:VpceAccount", Everywhere},
		{"sns:Publish", "aws:VpceAccount", Unsupported},
		{"sqs:SendMessage", "aws:VpceOrgID", Everywhere},
		{"sqs:SendMessage", "aws:VpceAccount", Unsupported},
		{"iam:PassRole", "aws:VpceAccount", Unsupported},
		{"iam:GetRole", "aws:VpceAccount", Everywhere},
		{"iam:PassRole", "aws:SourceVpce", Everywhere},
		{"s3:GetObject", "aws:ResourceAccount", Everywhere},
		{"ebs:GetSnapshotBlock", "aws:ResourceAccount", Unsupported},
		{"macie2:AcceptInvitation", "aws:ResourceOrgID", Unsupported},
		{"macie2:AcceptInvitation", "aws:PrincipalOrgID", Everywhere},
	} {
		facts++
		a := c.Action(f.action)
		k, _ := c.Key(f.key)
		if a == nil || k == nil {
			t.Errorf("%s with %s: one is unknown", f.action, f.key)
		} else if got := a.Supports(k); got != f.want {
			t.Errorf("%s with %s: %d, want %d", f.action, f.key, got, f.want)
		}
	}

	// "Resource control policies (RCPs)" in the user guide of AWS Organizations
	for prefix, want := range map[string]bool{"s3": true, "sts": true, "kms": true, "sqs": true, "secretsmanager": true, "dynamodb": true, "iam": false, "ec2": false} {
		facts++
		if s := c.Service(prefix); s == nil || s.RCP != want {
			t.Errorf("RCPs apply to %s: want %v", prefix, want)
		}
	}
	t.Logf("%d facts", facts)
}

// TestUnknown tells names that nothing has from those that something has.
func TestUnknown(t *testing.T) {
	c := Load()
	for _, name := range []string{"s3:GetObjekt", "s3:", "s3", "", ":", "*", "s3:*", "nosuch:GetObject", "s3:GetObject ", "s3:GetObject:x", ":GetObject", "s3::GetObject"} {
		if a := c.Action(name); a != nil {
			t.Errorf("action %q is taken for %s", name, a)
		}
	}
	for _, name := range []string{"", "S4", "s3 ", "aws", "*", "amazon"} {
		if s := c.Service(name); s != nil {
			t.Errorf("service %q is taken for %s", name, s.Prefix)
		}
	}
	for _, name := range []string{"", "aws", "aws:", "aws:NoSuchKey", "aws:RequestTag", "aws:RequestTag/", "s3:NoSuchKey", "s3:ExistingObjectTag/", "SourceIp", "nosuch:key",
		"aws:SourceIp/x", "aws:RequestTag:x"} {
		if k, _ := c.Key(name); k != nil {
			t.Errorf("key %q is taken for %s", name, k.Name)
		}
	}
	for prefix, want := range map[string]bool{"aws": true, "AWS": true, "s3": true, "saml": true, "accounts.google.com": true, "nosuch": false, "": false, "aw": false} {
		if got := c.KeyPrefixKnown(prefix); got != want {
			t.Errorf("KeyPrefixKnown(%q) is %v", prefix, got)
		}
	}
}
