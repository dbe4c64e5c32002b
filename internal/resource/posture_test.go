package resource

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/source"
)

// postured is a bucket b of 111122223333 with a policy of statements ("" for none) and nothing else.
func postured(statements string) *Resource {
	r := &Resource{ARN: "arn:aws:s3:::b", Type: Bucket, Account: "111122223333", Policy: source.Absent[Document](""),
		ACL: source.Absent[[]source.Grant](""), AccountBlock: source.Absent[source.PublicAccessBlock](""),
		PublicAccessBlock: source.Absent[source.PublicAccessBlock](""), Ownership: source.Absent[string](""), Owner: source.Known(source.Owner{ID: "me"})}
	if statements != "" {
		r.Policy = source.Known(Document{Text: `{"Version":"2012-10-17","Statement":[` + statements + `]}`})
	}
	return r
}

func TestPlainUploads(t *testing.T) {
	const all = `"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::b/*"`
	deny := func(condition string) string { return `{` + all + `,"Condition":{` + condition + `}}` }
	const absent = `"Null":{"s3:x-amz-server-side-encryption":"true"}`
	for _, tt := range []struct {
		name, statements string
		want             Answer
	}{
		{"no policy", "", Yes},
		{"a policy about something else", `{"Effect":"Allow","Principal":{"AWS":"999988887777"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}`, Yes},
		{"the header must be there", deny(absent), No},
		{"the classic pair", deny(absent) + "," + deny(`"StringNotEquals":{"s3:x-amz-server-side-encryption":"AES256"}`), No},
		{"one of two values; absence differs from both", deny(`"StringNotEquals":{"s3:x-amz-server-side-encryption":["AES256","aws:kms"]}`), No},
		{"a wrong value only", deny(`"StringEquals":{"s3:x-amz-server-side-encryption":"none"}`), Yes},
		{"if exists", deny(`"StringNotEqualsIfExists":{"s3:x-amz-server-side-encryption":"AES256"}`), No},
		{"a customer's own key", deny(`"StringNotEquals":{"s3:x-amz-server-side-encryption-customer-algorithm":"AES256"}`), No},
		{"a certain KMS key", deny(`"StringNotEquals":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:eu-west-1:111122223333:key/k"}`), No},
		{"one header or the other", deny(`"Null":{"s3:x-amz-server-side-encryption":"true","s3:x-amz-server-side-encryption-customer-algorithm":"true"}`), No},
		{"only in the clear", deny(absent + `,"Bool":{"aws:SecureTransport":"false"}`), Yes},
		{"in the clear or not", deny(absent+`,"Bool":{"aws:SecureTransport":"false"}`) + "," + deny(absent+`,"Bool":{"aws:SecureTransport":"true"}`) + "," +
			deny(`"Null":{"s3:x-amz-server-side-encryption":"true","aws:SecureTransport":"true"}`), No},
		{"some objects only", strings.ReplaceAll(deny(absent), "b/*", "b/private/*"), Yes},
		{"all writing", strings.ReplaceAll(deny(absent), "s3:PutObject", "s3:Put*"), No},
		{"everyone but one", strings.ReplaceAll(deny(absent), `"Principal":"*"`, `"NotPrincipal":{"AWS":["111122223333","arn:aws:iam::111122223333:user/loader"]}`), Yes},
		{"one only", strings.ReplaceAll(deny(absent), `"Principal":"*"`, `"Principal":{"AWS":"111122223333"}`), Yes},
		{"an Allow forces nobody", strings.ReplaceAll(deny(`"StringEquals":{"s3:x-amz-server-side-encryption":"AES256"}`), "Deny", "Allow"), Yes},
		{"not JSON", `{`, Uncertain},
	} {
		if got := PostureOf(postured(tt.statements), reach.Zone{Account: "111122223333"}).PlainUploads; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if got := PostureOf(&Resource{ARN: "arn:aws:s3:::b", Type: Bucket, Account: "111122223333"}, reach.Zone{}).PlainUploads; got != Uncertain {
		t.Errorf("unknown policy: %s", got)
	}
	r := postured(deny(absent))
	r.Policy.Value.Least = `{"Statement":[]}`
	if got := PostureOf(r, reach.Zone{}).PlainUploads; got != Uncertain {
		t.Errorf("bounds that differ: %s", got)
	}
}

func TestReadableWritable(t *testing.T) {
	allow := func(action, resource string) string {
		return fmt.Sprintf(`{"Effect":"Allow","Principal":"*","Action":%q,"Resource":%q}`, action, resource)
	}
	const objects, bucket = "arn:aws:s3:::b/*", "arn:aws:s3:::b"
	for _, tt := range []struct {
		name, statements string
		want             string // permission, readable, writable
	}{
		{"no policy", "", "NOT_PUBLIC FALSE FALSE"},
		{"objects", allow("s3:GetObject", objects), "PUBLIC TRUE FALSE"},
		{"list", allow("s3:ListBucket", bucket), "PUBLIC TRUE FALSE"},
		{"list of objects is nothing", allow("s3:ListBucket", objects), "PUBLIC FALSE FALSE"},
		{"objects of the bucket are nothing", allow("s3:GetObject", bucket), "PUBLIC FALSE FALSE"},
		{"upload", allow("s3:PutObject", objects), "PUBLIC FALSE TRUE"},
		{"tags", allow("s3:PutObjectTagging", objects), "PUBLIC FALSE TRUE"},
		{"everything", allow("s3:*", "*"), "PUBLIC TRUE TRUE"},
		{"everything but writing", allow("s3:*", objects) + `,{"Effect":"Deny","Principal":"*","NotAction":["s3:Get*","s3:List*"],"Resource":"*"}`, "PUBLIC TRUE FALSE"},
		{"another bucket's objects", allow("s3:GetObject", "arn:aws:s3:::bb/*"), "PUBLIC FALSE FALSE"},
		{"a folder", allow("S3:getobject", "arn:aws:s3:::b/public/*"), "PUBLIC TRUE FALSE"},
		{"named", `{"Effect":"Allow","Principal":{"AWS":"999988887777"},"Action":"s3:*","Resource":"*"}`, "NOT_PUBLIC FALSE FALSE"},
		{"not JSON", `{`, "UNKNOWN UNKNOWN UNKNOWN"},
	} {
		p := PostureOf(postured(tt.statements), reach.Zone{Account: "111122223333"})
		if got := fmt.Sprint(p.Permission, " ", p.Readable, " ", p.Writable); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if p.PolicyReads != p.Readable || p.PolicyWrites != p.Writable {
			t.Errorf("%s: policy %s %s", tt.name, p.PolicyReads, p.PolicyWrites)
		}
		r := postured(tt.statements)
		r.AccountBlock = source.Known(source.PublicAccessBlock{RestrictPublicBuckets: true})
		if p := PostureOf(r, reach.Zone{}); p.Readable != No || p.Writable != No {
			t.Errorf("%s, restricted: %s %s", tt.name, p.Readable, p.Writable)
		}
	}
	for permission, want := range map[string]string{"READ": "TRUE FALSE", "READ_ACP": "TRUE FALSE", "WRITE": "FALSE TRUE", "WRITE_ACP": "FALSE TRUE", "FULL_CONTROL": "TRUE TRUE"} {
		for _, group := range []string{source.AllUsers, source.AuthenticatedUsers, source.LogDelivery} {
			r := postured("")
			r.ACL = source.Known([]source.Grant{{GranteeType: "Group", Grantee: group, Permission: permission}})
			if group == source.LogDelivery {
				want = "FALSE FALSE"
			}
			p := PostureOf(r, reach.Zone{})
			if got := fmt.Sprint(p.Readable, " ", p.Writable); got != want || p.ACLReads != p.Readable || p.ACLWrites != p.Writable {
				t.Errorf("ACL %s to %s: %s, want %s; by itself %s %s", permission, group, got, want, p.ACLReads, p.ACLWrites)
			}
			r.PublicAccessBlock = source.Known(source.PublicAccessBlock{IgnorePublicACLs: true})
			if p := PostureOf(r, reach.Zone{}); p.Readable != No || p.Writable != No || fmt.Sprint(p.ACLReads, " ", p.ACLWrites) != want {
				t.Errorf("ACL %s, ignored: %+v", permission, p)
			}
		}
	}
}

func TestOutside(t *testing.T) {
	const oac = `{"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Action":"s3:GetObject","Resource":"*",
		"Condition":{"StringEquals":{"aws:SourceArn":"arn:aws:cloudfront::111122223333:distribution/E1"}}}`
	const oai = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"},"Action":"s3:GetObject","Resource":"*"}`
	const two = `{"Effect":"Allow","Principal":{"AWS":["999988887777","arn:aws:iam::555566667777:role/r","111122223333"]},"Action":"s3:*","Resource":"*"}`
	for _, tt := range []struct {
		name, statements string
		outside          []string
		cloudFront       Answer
	}{
		{"none", "", nil, No},
		{"everyone is nobody in particular", `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}`, nil, No},
		{"two accounts", two, []string{"999988887777", "arn:aws:iam::555566667777:role/r"}, No},
		{"origin access control", oac, nil, Yes},
		{"origin access identity", oai, nil, Yes},
		{"both", oai + "," + two, []string{"999988887777", "arn:aws:iam::555566667777:role/r"}, Yes},
		{"denied", two + `,{"Effect":"Deny","Principal":{"AWS":"999988887777"},"Action":"*","Resource":"*"}`, []string{"arn:aws:iam::555566667777:role/r"}, No},
	} {
		p := PostureOf(postured(tt.statements), reach.Zone{Account: "111122223333"})
		if !slices.Equal(p.Outside, tt.outside) || p.CloudFront != tt.cloudFront || p.OutsideUncertain {
			t.Errorf("%s: %q, uncertain %v, CloudFront %s", tt.name, p.Outside, p.OutsideUncertain, p.CloudFront)
		}
	}
	r := postured("")
	r.Policy = source.Unknown[Document]("timeout")
	if p := PostureOf(r, reach.Zone{}); !p.OutsideUncertain || p.CloudFront != Uncertain {
		t.Errorf("unknown policy: %+v", p)
	}
}
