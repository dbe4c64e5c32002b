package sourcetest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/source"
)

// configurations are what a bucket may be configured as: everything there, nothing but what every bucket has, and nothing told.
var configurations = map[string]source.Configuration{
	"Everything": {
		Versioning: source.Known(true),
		Tags:       source.Known([]source.Tag{{Key: "team", Value: "payments"}, {Key: "a <b> & \"c\"", Value: ""}, {Key: "größe", Value: "日本"}}),
		Encryption: source.Known("aws:kms"),
		KMSKey:     source.Known("arn:aws:kms:eu-west-1:111122223333:key/12345678-1234-1234-1234-123456789012"),
		Policy: source.Known(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",` +
			`"Resource":"arn:aws:s3:::customers/*"}]}`),
		Owner: source.Known(source.Owner{ID: canonical, DisplayName: "owner"}),
		ACL: source.Known([]source.Grant{
			{GranteeType: "CanonicalUser", Grantee: canonical, Permission: "FULL_CONTROL"},
			{GranteeType: "CanonicalUser", Grantee: strings.Repeat("0b", 32), Permission: "READ_ACP"},
			{GranteeType: "Group", Grantee: source.AllUsers, Permission: "READ"},
			{GranteeType: "Group", Grantee: source.LogDelivery, Permission: "WRITE"},
		}),
		PublicAccessBlock: source.Known(source.PublicAccessBlock{BlockPublicACLs: true, RestrictPublicBuckets: true}),
		Ownership:         source.Known("BucketOwnerPreferred"),
		Replication: source.Known([]source.ReplicationRule{
			{ID: "away", Enabled: true, Bucket: source.Known("arn:aws:s3:::copies"), Account: source.Known("444455556666")},
			{ID: "near", Bucket: source.Known("arn:aws:s3:::near"), Account: source.Absent[string]("")},
		}),
	},
	"Nothing": {
		Versioning: source.Absent[bool](""), Tags: source.Absent[[]source.Tag](""),
		Encryption: source.Known("AES256"), KMSKey: source.Absent[string](""), Policy: source.Absent[string](""),
		Owner:             source.Known(source.Owner{ID: canonical}),
		ACL:               source.Known([]source.Grant{{GranteeType: "CanonicalUser", Grantee: canonical, Permission: "FULL_CONTROL"}}),
		PublicAccessBlock: source.Absent[source.PublicAccessBlock](""),
		Ownership:         source.Known("BucketOwnerEnforced"), Replication: source.Absent[[]source.ReplicationRule](""),
	},
	"Suspended": {
		Versioning: source.Known(false), PublicAccessBlock: source.Known(source.PublicAccessBlock{}),
	},
	"Denied": {
		Versioning: source.Denied[bool]("no"), Tags: source.Denied[[]source.Tag]("no"), Encryption: source.Denied[string]("no"),
		KMSKey: source.Denied[string]("no"), Policy: source.Denied[string]("no"), Owner: source.Denied[source.Owner]("no"),
		ACL: source.Denied[[]source.Grant]("no"), PublicAccessBlock: source.Denied[source.PublicAccessBlock]("no"),
		Ownership: source.Denied[string]("no"), Replication: source.Denied[[]source.ReplicationRule]("no"),
	},
}

// canonical is an id of the form that AWS gives accounts for access control lists.
var canonical = strings.Repeat("79a59df900b949e55d96a1e698fbaced", 2)

func testConfiguration(t *testing.T, h Harness) {
	if h.Configure == nil {
		return // a store that does not say how buckets are configured
	}
	for name, want := range configurations {
		t.Run(name, func(t *testing.T) {
			d := h.New(t, Content{Bucket: {}, "another": {}})
			configured, ok := source.As[source.Configured](d)
			if !ok {
				t.Fatal("the driver is not source.Configured")
			}
			h.Configure(t, d, Bucket, want)
			got, err := configured.Configuration(t.Context(), Bucket)
			if err != nil {
				t.Fatal(err)
			}
			sameFact(t, "versioning", want.Versioning, got.Versioning)
			sameFact(t, "tags", want.Tags, got.Tags)
			sameFact(t, "encryption", want.Encryption, got.Encryption)
			sameFact(t, "KMS key", want.KMSKey, got.KMSKey)
			sameFact(t, "policy", want.Policy, got.Policy)
			sameFact(t, "owner", want.Owner, got.Owner)
			sameFact(t, "ACL", want.ACL, got.ACL)
			sameFact(t, "public access block", want.PublicAccessBlock, got.PublicAccessBlock)
			sameFact(t, "ownership", want.Ownership, got.Ownership)
			sameFact(t, "replication", want.Replication, got.Replication)
			other, err := configured.Configuration(t.Context(), "another")
			if err != nil || other.Policy.State == source.StateKnown {
				t.Errorf("the other bucket has policy %+v, error %v", other.Policy, err)
			}
			_, err = configured.Configuration(t.Context(), "no-such-bucket")
			wantKind(t, err, source.BucketNotFound, "no-such-bucket", "")
		})
	}
	if h.ConfigureAccount == nil {
		return
	}
	for _, want := range []source.Fact[source.PublicAccessBlock]{
		source.Known(source.PublicAccessBlock{BlockPublicPolicy: true, IgnorePublicACLs: true}),
		source.Absent[source.PublicAccessBlock](""), source.Denied[source.PublicAccessBlock]("no"),
	} {
		d := h.New(t, Content{Bucket: {}})
		h.ConfigureAccount(t, d, want)
		configured, ok := source.As[source.Configured](d)
		if !ok {
			t.Fatal("the driver is not source.Configured")
		}
		sameFact(t, "the account's public access block", want, configured.AccountPublicAccessBlock(t.Context()))
	}
}

// sameFact compares what is known; reasons are free. A fact that was left out of the configuration is not compared.
func sameFact[T any](t testing.TB, what string, want, got source.Fact[T]) {
	t.Helper()
	if want.State == source.StateUnknown && !want.Denied {
		return
	}
	if got.State != want.State || got.Denied != want.Denied {
		t.Errorf("%s is %s (denied: %v, %q), want %s (denied: %v)", what, got.State, got.Denied, got.Reason, want.State, want.Denied)
		return
	}
	if got.State == source.StateUnknown && got.Reason == "" {
		t.Errorf("nothing says why %s is unknown", what)
	}
	if got.State == source.StateKnown {
		if d := cmp.Diff(want.Value, got.Value, cmp.Transformer("Known", known[string])); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
}

// known leaves the reasons of facts out of comparisons.
func known[T any](f source.Fact[T]) any {
	if v, ok := f.Get(); ok {
		return v
	}
	return f.State
}
