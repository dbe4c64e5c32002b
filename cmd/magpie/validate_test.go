package main

import (
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"
	"github.com/google/go-cmp/cmp"
)

// TestValidatePolicy asks for a policy's findings through the SDK, page by page.
func TestValidatePolicy(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	key, err := readCredential(s.dir + "/credentials")
	if err != nil {
		t.Fatal(err)
	}
	c := accessanalyzer.New(accessanalyzer.Options{
		Region: defaultRegion, BaseEndpoint: aws.String(s.endpoint), Retryer: aws.NopRetryer{}, HTTPClient: plainBody{},
		Credentials: credentials.NewStaticCredentialsProvider(key.id, key.secret, ""),
	})
	const bucketPolicy = `{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::logs/*"},
    {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": ["s3:GetObjet", "s3:List*", "s3:ListBucket"], "Resource": "arn:aws:s3:us-east-1::logs"}
  ]
}`
	pages := accessanalyzer.NewValidatePolicyPaginator(c, &accessanalyzer.ValidatePolicyInput{
		PolicyDocument: aws.String(bucketPolicy), PolicyType: types.PolicyTypeResourcePolicy,
		ValidatePolicyResourceType: types.ValidatePolicyResourceTypeS3Bucket, Locale: types.LocaleJa, MaxResults: aws.Int32(3),
	})
	var got []string
	n := 0
	for ; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page.Findings {
			got = append(got, string(f.FindingType)+" "+*f.IssueCode)
			for _, at := range f.Locations {
				from, to := *at.Span.Start.Offset, *at.Span.End.Offset
				got = append(got, bucketPolicy[from:to])
				if first, ok := at.Path[0].(*types.PathElementMemberValue); !ok || first.Value != "Statement" {
					t.Errorf("%s: path %+v", *f.IssueCode, at.Path)
				}
			}
		}
	}
	want := []string{
		"SECURITY_WARNING RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL", `"logging.s3.amazonaws.com"`,
		"ERROR INVALID_ACTION", `"s3:GetObjet"`,
		"SUGGESTION REDUNDANT_ACTION", `"s3:List*"`, `"s3:ListBucket"`,
		"ERROR ARN_REGION_NOT_ALLOWED", `"arn:aws:s3:us-east-1::logs"`,
	}
	if diff := cmp.Diff(want, got); diff != "" || n != 2 {
		t.Errorf("%d pages: %s", n, diff)
	}
	if _, err := c.ValidatePolicy(t.Context(), &accessanalyzer.ValidatePolicyInput{
		PolicyDocument: aws.String(bucketPolicy), PolicyType: types.PolicyTypeIdentityPolicy, ValidatePolicyResourceType: types.ValidatePolicyResourceTypeS3Bucket,
	}); !isA[*types.ValidationException](err) {
		t.Errorf("a resource type with an identity policy: %v", err)
	}
}
