package inventory

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
	"github.com/magpie-sec/magpie/internal/source/memory"
	"github.com/magpie-sec/magpie/internal/source/sourcetest"
)

var options = Options{Account: "123456789012", Region: "eu-west-1"}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	must(t, err)
	return body
}

// estate makes an estate folder of files and opens it.
func estate(t testing.TB, files map[string]string) *folder.Folder {
	t.Helper()
	root := t.TempDir()
	for path, body := range files {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755))
		must(t, os.WriteFile(filepath.Join(root, path), []byte(body), 0o644))
	}
	f, err := folder.Estate(root)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func load(t testing.TB, d source.Driver) (*Inventory, map[string]Bucket) {
	t.Helper()
	inv, err := Load(t.Context(), d, options)
	must(t, err)
	buckets := map[string]Bucket{}
	names := []string{}
	for _, b := range inv.Buckets {
		buckets[b.Name] = b
		names = append(names, b.Name)
	}
	if !slices.IsSorted(names) || len(buckets) != len(names) {
		t.Errorf("buckets %q are not sorted and unique", names)
	}
	return inv, buckets
}

func diff(t testing.TB, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// secret is the reason why everything that depends on the template's parameter Secret is unknown.
const secret = "template.yaml:6:3: parameter Secret has no default, and no value is given"

func TestTemplate(t *testing.T) {
	inv, buckets := load(t, estate(t, map[string]string{
		"template.yaml": string(testdata(t, "template.yaml")), "acme-customers-123456789012/a.csv": "x", "loose/f": "y",
	}))
	if len(inv.Problems) > 0 {
		t.Errorf("problems: %v", inv.Problems)
	}
	diff(t, "customers", Bucket{
		Name: "acme-customers-123456789012", Account: "123456789012", Stored: true,
		Configuration: source.Configuration{
			Region:     source.Known("eu-west-1"),
			Created:    source.Unknown[time.Time]("a template does not say when the bucket was created"),
			Owner:      source.Unknown[source.Owner]("a template does not name the owner"),
			Versioning: source.Known(true),
			Tags:       source.Known([]source.Tag{{Key: "team", Value: "sales"}, {Key: "account", Value: "123456789012"}}),
			Encryption: source.Known("aws:kms"),
			KMSKey:     source.Unknown[string](secret),
			Policy: source.Known(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",` +
				`"Resource":"arn:aws:s3:::acme-customers-123456789012/*"}]}`),
			ACL: source.Known([]source.Grant{
				{GranteeType: "CanonicalUser", Permission: "FULL_CONTROL"},
				{GranteeType: "Group", Grantee: source.AllUsers, Permission: "READ"},
			}),
			PublicAccessBlock: source.Known(source.PublicAccessBlock{BlockPublicACLs: true, IgnorePublicACLs: true}),
			Ownership:         source.Known("ObjectWriter"),
			Replication: source.Known([]source.ReplicationRule{
				{ID: "all", Enabled: true, Bucket: source.Known("arn:aws:s3:::Archive"), Account: source.Known("111122223333")},
				{Bucket: source.Unknown[string](secret), Account: source.Absent[string]("")},
			}),
		},
	}, buckets["acme-customers-123456789012"])

	diff(t, "a resource without a folder and without properties", Bucket{
		Name: "Archive", Account: "123456789012",
		Configuration: source.Configuration{
			Region:            source.Known("eu-west-1"),
			Created:           source.Unknown[time.Time]("a template does not say when the bucket was created"),
			Owner:             source.Unknown[source.Owner]("a template does not name the owner"),
			Versioning:        source.Absent[bool](""),
			Tags:              source.Absent[[]source.Tag](""),
			Encryption:        source.Known("AES256"),
			KMSKey:            source.Absent[string](""),
			Policy:            source.Unknown[string](secret),
			ACL:               source.Known([]source.Grant{{GranteeType: "CanonicalUser", Permission: "FULL_CONTROL"}}),
			PublicAccessBlock: source.Absent[source.PublicAccessBlock](""),
			Ownership:         source.Absent[string](""),
			Replication:       source.Absent[[]source.ReplicationRule](""),
		},
	}, buckets["Archive"])

	loose := buckets["loose"]
	if !loose.Stored || loose.Policy.State != source.StateUnknown || loose.Policy.Reason != "no AWS::S3::Bucket in template.yaml has its name" {
		t.Errorf("a folder without a resource: %+v", loose)
	}
	diff(t, "its Region", source.Known("eu-west-1"), loose.Region)
	diff(t, "account", source.Absent[source.PublicAccessBlock]("no AWS::S3::AccountPublicAccessBlock in config-items.json"), inv.AccountPublicAccessBlock)

	u := buckets["unknowns"]
	for name, reason := range map[string]string{
		"ACL": u.ACL.Reason, "Versioning": u.Versioning.Reason, "PublicAccessBlock": u.PublicAccessBlock.Reason, "Tags": u.Tags.Reason,
		"Encryption": u.Encryption.Reason, "KMSKey": u.KMSKey.Reason,
	} {
		if reason != secret {
			t.Errorf("%s of an unknown value: %q, want %q", name, reason, secret)
		}
	}
	w := buckets["wrong"]
	for name, reason := range map[string]string{
		"AccessControl is no canned ACL with known grants": w.ACL.Reason, "VersioningConfiguration.Status is no versioning status": w.Versioning.Reason,
		"PublicAccessBlockConfiguration is no public access block": w.PublicAccessBlock.Reason, "Tags is no list of tags": w.Tags.Reason,
	} {
		if !strings.HasPrefix(reason, "template.yaml:") || !strings.HasSuffix(reason, name) {
			t.Errorf("a wrong value has the reason %q, want the place and %q", reason, name)
		}
	}
	if _, known := w.ACL.Get(); known {
		t.Error("a wrong value is known")
	}
}

// TestConfigItems reads what moto 5.2.1 answers to BatchGetResourceConfig for two buckets and an account that were set up with the S3 API.
func TestConfigItems(t *testing.T) {
	items := string(testdata(t, "config-items-moto-5.2.1.json"))
	inv, buckets := load(t, estate(t, map[string]string{"config-items.json": items, "customers/f": "x", "other/f": "y"}))
	if len(inv.Problems) > 0 {
		t.Errorf("problems: %v", inv.Problems)
	}
	diff(t, "account", source.Known(source.PublicAccessBlock{BlockPublicACLs: true, IgnorePublicACLs: true, BlockPublicPolicy: true}),
		inv.AccountPublicAccessBlock)
	const owner = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"
	const silent = `the item of bucket "customers" in config-items.json does not say`
	diff(t, "customers", Bucket{
		Name: "customers", Account: "123456789012", Stored: true,
		Configuration: source.Configuration{
			Region:     source.Known("us-east-1"),
			Created:    source.Known(time.Date(2026, 11, 21, 8, 33, 18, 626238000, time.UTC)),
			Owner:      source.Known(source.Owner{ID: owner}),
			Versioning: source.Unknown[bool](silent),
			Tags:       source.Known([]source.Tag{{Key: "team", Value: "sales"}}),
			Encryption: source.Unknown[string](silent), KMSKey: source.Unknown[string](silent),
			Policy: source.Known(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", ` +
				`"Resource": "arn:aws:s3:::customers/*"}]}`),
			ACL:               source.Known([]source.Grant{{GranteeType: "CanonicalUser", Grantee: owner, Permission: "FULL_CONTROL"}}),
			PublicAccessBlock: source.Known(source.PublicAccessBlock{BlockPublicACLs: true, BlockPublicPolicy: true}),
			Ownership:         source.Unknown[string](silent),
			Replication:       source.Unknown[[]source.ReplicationRule](silent),
		},
	}, buckets["customers"])
	archive := buckets["archive"]
	if archive.Stored || archive.Policy.State != source.StateAbsent {
		t.Errorf("archive has no folder and no policy: %+v", archive)
	}
	if got := buckets["other"].Policy; got.Reason != "nothing in config-items.json describes the bucket" {
		t.Errorf("other: %+v", got)
	}
}

func TestItemsWinOverTheTemplate(t *testing.T) {
	_, buckets := load(t, estate(t, map[string]string{
		"template.json": `{"Resources":{"b":{"Type":"AWS::S3::Bucket","Properties":{"VersioningConfiguration":{"Status":"Enabled"}}}}}`,
		"config-items.json": `{"fileVersion":"1.0","configurationItems":[{"resourceType":"AWS::S3::Bucket","resourceName":"b","ARN":"arn:aws:s3:::b",
			"awsAccountId":"111122223333","awsRegion":"eu-central-1","resourceCreationTime":1500000000.5,"tags":{"b":"2","a":"1"},
			"configuration":{"owner":{"displayName":"me","id":"cafe"}},
			"supplementaryConfiguration":{
				"AccessControlList":{"grantList":[{"grantee":"AllUsers","permission":"ReadAcp"},{"grantee":{"uri":"` + source.AuthenticatedUsers + `"},"permission":"WRITE"},
					{"grantee":{"emailAddress":"a@example.com"},"permission":"Write"}]},
				"ServerSideEncryptionConfiguration":{"rules":[{"applyServerSideEncryptionByDefault":{"sseAlgorithm":"aws:kms:dsse","kmsMasterKeyID":"alias/k"}}]},
				"OwnershipControls":{"rules":[{"objectOwnership":"BucketOwnerPreferred"}]},
				"BucketReplicationConfiguration":{"rules":{"r2":{"status":"Disabled","destinationConfig":{"bucketARN":"arn:aws:s3:::y","account":"444455556666"}},
					"r1":{"status":"Enabled","destinationConfig":{"bucketARN":"arn:aws:s3:::x","account":null}}}},
				"BucketPolicy":{"policyText":null}}}]}`,
	}))
	diff(t, "bucket", Bucket{
		Name: "b", Account: "111122223333",
		Configuration: source.Configuration{
			Region:     source.Known("eu-central-1"),
			Created:    source.Known(time.UnixMilli(1500000000500).UTC()),
			Owner:      source.Known(source.Owner{ID: "cafe", DisplayName: "me"}),
			Versioning: source.Known(true), // only the template says so
			Tags:       source.Known([]source.Tag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}),
			Encryption: source.Known("aws:kms:dsse"), KMSKey: source.Known("alias/k"),
			Policy: source.Absent[string](""),
			ACL: source.Known([]source.Grant{
				{GranteeType: "Group", Grantee: source.AllUsers, Permission: "READ_ACP"},
				{GranteeType: "Group", Grantee: source.AuthenticatedUsers, Permission: "WRITE"},
				{GranteeType: "AmazonCustomerByEmail", Grantee: "a@example.com", Permission: "WRITE"},
			}),
			PublicAccessBlock: source.Absent[source.PublicAccessBlock](""),
			Ownership:         source.Known("BucketOwnerPreferred"),
			Replication: source.Known([]source.ReplicationRule{
				{ID: "r1", Enabled: true, Bucket: source.Known("arn:aws:s3:::x"), Account: source.Absent[string]("")},
				{ID: "r2", Bucket: source.Known("arn:aws:s3:::y"), Account: source.Known("444455556666")},
			}),
		},
	}, buckets["b"])
}

// TestBlocksOfAccounts keeps the public access blocks of accounts apart: what one account blocks says nothing of another's buckets.
func TestBlocksOfAccounts(t *testing.T) {
	other := "444455556666"
	if options.Account == other {
		t.Fatal("the accounts are the same")
	}
	block := func(account string) string {
		return `{"resourceType":"AWS::S3::AccountPublicAccessBlock","resourceId":"` + account + `","awsAccountId":"` + account + `","configuration":{"restrictPublicBuckets":true}}`
	}
	items := func(items ...string) string {
		return `{"fileVersion":"1.0","configurationItems":[` + strings.Join(items, ",") + `]}`
	}
	inv, _ := load(t, estate(t, map[string]string{"config-items.json": items(block(options.Account)), "b/f": "x"}))
	diff(t, "own", source.StateKnown, inv.PublicAccessBlockOf(options.Account).State)
	diff(t, "of an account without one", source.StateAbsent, inv.PublicAccessBlockOf(other).State)
	inv, _ = load(t, estate(t, map[string]string{"config-items.json": items(block(other)), "b/f": "x"}))
	diff(t, "no own", source.StateAbsent, inv.PublicAccessBlockOf(options.Account).State)
	diff(t, "of another", source.StateKnown, inv.PublicAccessBlockOf(other).State)

	s := &memory.Store{}
	s.SetAccountPublicAccessBlock(source.Known(source.PublicAccessBlock{RestrictPublicBuckets: true}))
	inv, _ = load(t, s)
	diff(t, "of a store", source.StateKnown, inv.PublicAccessBlockOf(options.Account).State)
	diff(t, "what a store does not tell", source.StateUnknown, inv.PublicAccessBlockOf(other).State)
}

func TestNewestItemCounts(t *testing.T) {
	item := func(bucket, status, captured, versioning string) string {
		return `{"resourceType":"AWS::S3::Bucket","resourceId":"` + bucket + `","configurationItemStatus":"` + status + `",
			"configurationItemCaptureTime":"` + captured + `","supplementaryConfiguration":{"BucketVersioningConfiguration":"{\"status\":\"` + versioning + `\"}"}}`
	}
	_, buckets := load(t, estate(t, map[string]string{"config-items.json": "[" + strings.Join([]string{
		item("b", "OK", "2026-03-01T00:00:00Z", "Enabled"),
		item("b", "OK", "2026-01-01T00:00:00Z", "Off"),
		item("gone", "OK", "2026-01-01T00:00:00Z", "Off"),
		item("gone", "ResourceDeleted", "2026-02-01T00:00:00Z", "Off"),
	}, ",") + "]"}))
	diff(t, "versioning", source.Known(true), buckets["b"].Versioning)
	if _, there := buckets["gone"]; there {
		t.Error("a deleted bucket is listed")
	}
}

func TestBadDocuments(t *testing.T) {
	for _, test := range []struct {
		name           string
		files          map[string]string
		problem        string // the beginning of the only problem
		policy         string // the beginning of the reason why the policy of bucket b is unknown
		accountUnknown bool
	}{
		{"no documents", map[string]string{}, "", "there is no template.yaml, template.json or config-items.json", false},
		{"broken YAML", map[string]string{"template.yaml": "Resources:\n  x: [1\n"}, "template.yaml: ", "template.yaml: ", false},
		{"no template", map[string]string{"template.json": `{"a":1}`}, "template.json: ", "template.json: ", false},
		{"empty template", map[string]string{"template.yaml": ""}, "template.yaml: ", "template.yaml: ", false},
		{"large template", map[string]string{"template.yaml": strings.Repeat("#", 2<<20)}, `template.yaml: read key "template.yaml": could not be read: longer`, "template.yaml: ", false},
		{"broken items", map[string]string{"config-items.json": "[{\n}"}, "config-items.json: the JSON text ends too soon", "nothing in config-items.json", true},
		{"no JSON", map[string]string{"config-items.json": "[\n  oops]"}, "config-items.json: 2:3: this is no JSON", "nothing in config-items.json", true},
		{"two values", map[string]string{"config-items.json": "[]\n[]"}, "config-items.json: 2:1: something follows", "nothing in config-items.json", true},
		{"no items", map[string]string{"config-items.json": "{}"}, `config-items.json: an object with "configurationItems"`, "nothing in config-items.json", true},
		{"one bad item", map[string]string{"config-items.json": `[{"resourceType":7},{"resourceType":"T","resourceId":"i"}]`}, "config-items.json: item 1: ", "nothing in", true},
		{"bad part", map[string]string{"config-items.json": `[{"resourceType":"AWS::S3::Bucket","resourceId":"b","supplementaryConfiguration":{"BucketPolicy":"no json"}}]`},
			"", `config-items.json: AWS::S3::Bucket "b": BucketPolicy is not in the form`, false},
		{"bad account", map[string]string{"config-items.json": `[{"resourceType":"AWS::S3::AccountPublicAccessBlock","resourceId":"123456789012","configuration":[]}]`},
			"", "nothing in", true},
		{"both templates", map[string]string{"template.yaml": "Resources: {b: {Type: AWS::S3::Bucket}}", "template.json": "{}"}, "template.json: not used", "absent", false},
		{"policy of an unknown bucket", map[string]string{"template.yaml": `
Parameters: {P: {Type: String}}
Resources:
  b: {Type: AWS::S3::Bucket}
  p: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: !Ref P, PolicyDocument: {}}}`},
			"template.yaml: 5:3: the bucket of policy p cannot be told: 2:14: parameter P", "template.yaml:5:3: bucket policy p may be this bucket's", false},
		{"two policies", map[string]string{"template.yaml": `
Resources:
  b: {Type: AWS::S3::Bucket}
  p: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: b, PolicyDocument: {}}}
  q: {Type: AWS::S3::BucketPolicy, Properties: {Bucket: b, PolicyDocument: {}}}`},
			"template.yaml: 5:3: bucket b has a second bucket policy", "template.yaml:5:3: the bucket has two policies", false},
		{"same name twice", map[string]string{"template.yaml": `
Resources:
  a: {Type: AWS::S3::Bucket, Properties: {BucketName: b}}
  b: {Type: AWS::S3::Bucket}`}, "template.yaml: 4:3: bucket b has the same name as a at 3:3", "absent", false},
		{"unknown name", map[string]string{"template.yaml": `
Parameters: {P: {Type: String}}
Resources:
  b: {Type: AWS::S3::Bucket, Properties: {BucketName: !Ref P}}`}, "template.yaml: 4:3: the name of bucket b cannot be told", "absent", false},
		{"undecided policy", map[string]string{"template.yaml": `
Parameters: {P: {Type: String}}
Conditions: {C: !Equals [!Ref P, x]}
Resources:
  b: {Type: AWS::S3::Bucket}
  p: {Type: AWS::S3::BucketPolicy, Condition: C, Properties: {Bucket: b, PolicyDocument: {}}}`}, "", "template.yaml:", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.files["b/f"] = "x"
			inv, buckets := load(t, estate(t, test.files))
			if test.problem == "" && len(inv.Problems) > 0 ||
				test.problem != "" && (len(inv.Problems) != 1 || !strings.HasPrefix(inv.Problems[0].String(), test.problem)) {
				t.Errorf("problems %q, want only %q...", inv.Problems, test.problem)
			}
			b := buckets["b"]
			if !b.Stored {
				t.Errorf("bucket b is not listed: %+v", inv.Buckets)
			}
			switch {
			case test.policy == "absent":
				if b.Policy.State != source.StateAbsent {
					t.Errorf("policy %+v, want absent", b.Policy)
				}
			case b.Policy.State != source.StateUnknown || !strings.HasPrefix(b.Policy.Reason, test.policy):
				t.Errorf("policy %+v, want unknown because of %q...", b.Policy, test.policy)
			}
			if unknown := inv.AccountPublicAccessBlock.State == source.StateUnknown; unknown != test.accountUnknown {
				t.Errorf("account's public access block %+v, want unknown: %v", inv.AccountPublicAccessBlock, test.accountUnknown)
			}
		})
	}
}

// TestProblemsAreOneLine makes sure that no byte of a document reaches a terminal or log raw.
func TestProblemsAreOneLine(t *testing.T) {
	for _, text := range []string{"[\x1b[31m", `[{"resourceType":"\u001b\nx","resourceId":""}]`, `[{"\u001b":1,"resourceType":{"\u001b\n":2}}]`, "{\"configurationItems\":\"\x1b\"}"} {
		for _, p := range NewEstate(Documents{ConfigItems: []byte(text)}, options).Problems {
			if strings.ContainsFunc(p.String(), func(r rune) bool { return r < ' ' }) {
				t.Errorf("problem %q holds a control character", p)
			}
		}
	}
}

func TestConfiguredSource(t *testing.T) {
	s := &memory.Store{}
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s.CreateBucket(source.Bucket{Name: "b", Region: "eu-north-1", Created: created})
	s.Configure("b", source.Configuration{Policy: source.Known("{}"), Region: source.Unknown[string]("denied")})
	s.SetAccountPublicAccessBlock(source.Known(source.PublicAccessBlock{IgnorePublicACLs: true}))
	inv, buckets := load(t, s)
	b := buckets["b"]
	diff(t, "policy", source.Known("{}"), b.Policy)
	diff(t, "Region from the listing", source.Known("eu-north-1"), b.Region)
	diff(t, "creation from the listing", source.Known(created), b.Created)
	diff(t, "account", source.Known(source.PublicAccessBlock{IgnorePublicACLs: true}), inv.AccountPublicAccessBlock)
}

// refusing is a source whose buckets fail one by one.
type refusing struct{ *memory.Store }

func (r refusing) Configuration(ctx context.Context, bucket string) (source.Configuration, error) {
	switch bucket {
	case "denied":
		return source.Configuration{}, &source.Error{Kind: source.AccessDenied, Op: "configuration", Bucket: bucket}
	case "broken":
		return source.Configuration{}, sourcetest.ErrFault
	}
	return r.Store.Configuration(ctx, bucket)
}

func TestOneBucketFailsAlone(t *testing.T) {
	s := refusing{&memory.Store{}}
	for _, name := range []string{"broken", "denied", "fine"} {
		s.CreateBucket(source.Bucket{Name: name})
	}
	s.Configure("fine", source.Configuration{Versioning: source.Known(true)})
	_, buckets := load(t, s)
	if e := buckets["denied"].Err; e == nil || e.Kind != source.AccessDenied || buckets["denied"].Policy.Reason != e.Error() {
		t.Errorf("denied: %+v", buckets["denied"])
	}
	if e := buckets["broken"].Err; e == nil || !errors.Is(e, sourcetest.ErrFault) {
		t.Errorf("broken: %+v", buckets["broken"])
	}
	if b := buckets["fine"]; b.Err != nil || !b.Versioning.Value {
		t.Errorf("fine: %+v", b)
	}
}

func TestSilentSource(t *testing.T) {
	inv, buckets := load(t, folder.Stream("stdin", "-", strings.NewReader("")))
	if inv.AccountPublicAccessBlock.Reason != silence || buckets["stdin"].Policy.Reason != silence || buckets["stdin"].Account != options.Account {
		t.Errorf("inventory of a source that says nothing: %+v", inv)
	}
}

func TestLoadFails(t *testing.T) {
	d := &sourcetest.Faulty{Driver: &memory.Store{}, Fault: func(_, _, _ string) error { return sourcetest.ErrFault }}
	if _, err := Load(t.Context(), d, options); !errors.Is(err, sourcetest.ErrFault) {
		t.Errorf("a source that does not list its buckets: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Load(ctx, estate(t, nil), options); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
}
