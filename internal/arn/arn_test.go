package arn

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	tests := []struct {
		in           string
		want         ARN
		kind, nameID string
	}{
		{"arn:aws:s3:::logs", ARN{"aws", "s3", "", "", "logs"}, "", "logs"},
		{"arn:aws:s3:::logs/2026/a:b", ARN{"aws", "s3", "", "", "logs/2026/a:b"}, "logs", "2026/a:b"},
		{"arn:aws-cn:macie2:cn-north-1:111122223333:classification-job/0123", ARN{"aws-cn", "macie2", "cn-north-1", "111122223333", "classification-job/0123"}, "classification-job", "0123"},
		{"arn:aws:lambda:us-east-1:111122223333:function:thumbnail:1", ARN{"aws", "lambda", "us-east-1", "111122223333", "function:thumbnail:1"}, "function", "thumbnail:1"},
		{"arn:aws:iam::111122223333:root", ARN{"aws", "iam", "", "111122223333", "root"}, "", "root"},
		{"arn:aws:iam::aws:policy/AdministratorAccess", ARN{"aws", "iam", "", "aws", "policy/AdministratorAccess"}, "policy", "AdministratorAccess"},
	}
	for _, tt := range tests {
		got, err := Parse(tt.in)
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.in, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", tt.in, diff)
		}
		if got.ResourceType() != tt.kind || got.ResourceID() != tt.nameID {
			t.Errorf("%q: type %q id %q, want %q %q", tt.in, got.ResourceType(), got.ResourceID(), tt.kind, tt.nameID)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	tests := map[string]string{
		"":                                "begin with",
		"logs":                            "begin with",
		"ARN:aws:s3:::logs":               "begin with",
		" arn:aws:s3:::logs":              "begin with",
		"arn:":                            "has 2 parts",
		"arn:aws:s3::logs":                "has 5 parts",
		"arn::s3:::logs":                  "no partition",
		"arn:aws::::logs":                 "no service",
		"arn:aws:s3:::":                   "no resource",
		"x" + strings.Repeat("y", 10_000): "...",
	}
	for in, want := range tests {
		_, err := Parse(in)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%.20q) = %v, want an error with %q", in, err, want)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("Parse(%.20q): the error has %d bytes", in, len(err.Error()))
		}
	}
}

func TestPartition(t *testing.T) {
	tests := []struct{ region, partition, suffix string }{
		{"us-east-1", "aws", "amazonaws.com"},
		{"eu-central-2", "aws", "amazonaws.com"},
		{"cn-northwest-1", "aws-cn", "amazonaws.com.cn"},
		{"us-gov-west-1", "aws-us-gov", "amazonaws.com"},
		{"us-iso-east-1", "aws-iso", "c2s.ic.gov"},
		{"us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"},
		{"eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk"},
		{"us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov"},
		{"eusc-de-east-1", "aws-eusc", "amazonaws.eu"},
		{"garage", "aws", "amazonaws.com"},
		{"", "aws", "amazonaws.com"},
	}
	for _, tt := range tests {
		if got := PartitionOf(tt.region); got != tt.partition {
			t.Errorf("PartitionOf(%q) = %q, want %q", tt.region, got, tt.partition)
		}
		if got := URLSuffix(tt.partition); got != tt.suffix {
			t.Errorf("URLSuffix(%q) = %q, want %q", tt.partition, got, tt.suffix)
		}
	}
}

func TestBuild(t *testing.T) {
	tests := []struct {
		got  ARN
		want string
	}{
		{ClassificationJob("us-east-1", "111122223333", "3ce05dbb7ec5505def334104bf362f97"), "arn:aws:macie2:us-east-1:111122223333:classification-job/3ce05dbb7ec5505def334104bf362f97"},
		{CustomDataIdentifier("eu-west-1", "111122223333", "3293a69d-4a1e-4a07-8715-208ddbb8a1f5"), "arn:aws:macie2:eu-west-1:111122223333:custom-data-identifier/3293a69d-4a1e-4a07-8715-208ddbb8a1f5"},
		{FindingsFilter("us-gov-west-1", "111122223333", "9b2b4508"), "arn:aws-us-gov:macie2:us-gov-west-1:111122223333:findings-filter/9b2b4508"},
		{AllowList("cn-north-1", "111122223333", "km2d4y22hp6rv05example"), "arn:aws-cn:macie2:cn-north-1:111122223333:allow-list/km2d4y22hp6rv05example"},
		{MacieMember("us-east-1", "111122223333", "444455556666"), "arn:aws:macie2:us-east-1:111122223333:member/444455556666"},
		{MacieExportConfiguration("us-east-1", "111122223333"), "arn:aws:macie2:us-east-1:111122223333:export-configuration:*"},
		{MacieServiceRole("aws", "111122223333"), "arn:aws:iam::111122223333:role/aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie"},
		{Analyzer("us-east-1", "111122223333", "acct"), "arn:aws:access-analyzer:us-east-1:111122223333:analyzer/acct"},
		{Bucket("aws", "logs"), "arn:aws:s3:::logs"},
		{AccountRoot("aws", "111122223333"), "arn:aws:iam::111122223333:root"},
		{Role("aws", "111122223333", "app/reader"), "arn:aws:iam::111122223333:role/app/reader"},
	}
	for _, tt := range tests {
		if tt.got.String() != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
		if back, err := Parse(tt.want); err != nil || back != tt.got {
			t.Errorf("Parse(%q) = %+v, %v", tt.want, back, err)
		}
	}
	// The model's length bounds for allow list ARNs.
	if n := len(tests[3].want); n < 71 || n > 89 {
		t.Errorf("allow list ARN has %d characters, want 71 to 89", n)
	}
}

func TestIsAccount(t *testing.T) {
	for in, want := range map[string]bool{
		"111122223333": true, "000000000000": true, "11112222333": false, "1111222233334": false,
		"11112222333a": false, "": false, "١١١١٢٢": false,
	} {
		if IsAccount(in) != want {
			t.Errorf("IsAccount(%q) = %v", in, !want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("arn:aws:s3:::logs")
	f.Add("arn:aws:lambda:us-east-1:111122223333:function:thumbnail:1")
	f.Add("arn::::::")
	f.Add("arn:aws:s3:::\x00\xff")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := Parse(s)
		if err != nil {
			return
		}
		if a.String() != s {
			t.Fatalf("Parse(%q).String() = %q", s, a.String())
		}
		if !strings.HasSuffix(a.Resource, a.ResourceID()) || !strings.HasPrefix(a.Resource, a.ResourceType()) {
			t.Fatalf("%q: type %q and id %q are not of the resource", s, a.ResourceType(), a.ResourceID())
		}
	})
}
