//go:build stores

package s3_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
	"github.com/magpie-sec/magpie/internal/source/sourcetest"
)

// A served source reads a store as one of its users.
type served struct {
	*s3.Store
	server *s3test.Server
	who    s3test.Keys
	denied map[string][]string // by bucket, what nobody may read; "" for what nobody may write
}

func serve(t testing.TB, server *s3test.Server, who s3test.Keys, profile s3.Profile) *served {
	t.Helper()
	store, err := s3.New(s3.Options{Endpoint: server.URL, Region: s3test.Region, Account: "123456789012", Retry: quick,
		Credentials: credentials.NewStaticCredentialsProvider(who.ID, who.Secret, ""), Profile: profile})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return &served{store, server, who, map[string][]string{}}
}

func (d *served) fill(t testing.TB, content sourcetest.Content) {
	t.Helper()
	for bucket, objects := range content {
		d.server.Do(t, d.who, "PUT", "/"+bucket, "", nil)
		for key, body := range objects {
			d.server.Do(t, d.who, "PUT", "/"+bucket+"/"+key, "", []byte(body))
		}
	}
}

// statements deny what is denied.
func (d *served) statements(bucket string) []map[string]any {
	var all []map[string]any
	for _, what := range d.denied[bucket] {
		action := []string{"s3:GetObject"}
		if what == "" {
			action = []string{"s3:PutObject"}
		}
		all = append(all, map[string]any{"Effect": "Deny", "Action": action, "Resource": []string{"arn:aws:s3:::" + bucket + "/" + what + "*"}})
	}
	return all
}

func harness(newStore func(t testing.TB, content sourcetest.Content) *served, deny func(t testing.TB, d *served, bucket string)) sourcetest.Harness {
	of := func(d source.Driver) *served { return d.(*served) }
	return sourcetest.Harness{
		UTF8Keys: true, TextOnly: true, DeniedListed: true,
		New: func(t testing.TB, content sourcetest.Content) source.Driver { return newStore(t, content) },
		Put: func(t testing.TB, d source.Driver, bucket, key, body string) {
			of(d).server.Do(t, of(d).who, "PUT", "/"+bucket+"/"+key, "", []byte(body))
		},
		Remove: func(t testing.TB, d source.Driver, bucket, key string) {
			of(d).server.Do(t, of(d).who, "DELETE", "/"+bucket+"/"+key, "", nil)
		},
		Deny: func(t testing.TB, d source.Driver, bucket, keyOrPrefix string) {
			of(d).denied[bucket] = append(of(d).denied[bucket], keyOrPrefix)
			deny(t, of(d), bucket)
		},
		DenyWrites: func(t testing.TB, d source.Driver, bucket string) {
			of(d).denied[bucket] = append(of(d).denied[bucket], "")
			deny(t, of(d), bucket)
		},
	}
}

// withoutKeys is for stores that have none of the KMS keys that the suite names.
var withoutKeys = s3.Profile{Lacks: []s3.Setting{s3.Encryption}}

// TestStoresCeph is the suite on Ceph. Each of its stores is a tenant.
func TestStoresCeph(t *testing.T) {
	server := s3test.StartServer(t, s3test.Ceph)
	tenants := 0
	h := harness(func(t testing.TB, content sourcetest.Content) *served {
		tenants++
		d := serve(t, server, server.User(t, "magpie", fmt.Sprintf("t%d", tenants)), withoutKeys)
		d.fill(t, content)
		return d
	}, func(t testing.TB, d *served, bucket string) {
		all := d.statements(bucket)
		for _, s := range all {
			s["Principal"] = "*"
		}
		text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": all})
		if err != nil {
			t.Fatal(err)
		}
		d.server.Do(t, d.who, "PUT", "/"+bucket, "policy=", text)
	})
	sourcetest.Run(t, h)
}

// TestStoresMinIO is the suite on MinIO, which is emptied for each of its stores.
func TestStoresMinIO(t *testing.T) {
	server := s3test.StartServer(t, s3test.MinIO)
	who := server.User(t, "magpie", "")
	all := map[string]any{"Effect": "Allow", "Action": []string{"s3:*"}, "Resource": []string{"arn:aws:s3:::*"}}
	server.Allow(t, who, all)
	dirty := false
	h := harness(func(t testing.TB, content sourcetest.Content) *served {
		if dirty {
			server.Allow(t, who, all)
			dirty = false
		}
		d := serve(t, server, who, withoutKeys)
		buckets, err := d.Buckets(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range buckets {
			server.Do(t, server.Owner, "DELETE", "/"+b.Name, "", nil, "X-Minio-Force-Delete", "true")
		}
		d.fill(t, content)
		return d
	}, func(t testing.TB, d *served, bucket string) {
		dirty = true
		server.Allow(t, who, append(d.statements(bucket), all)...)
	})
	h.FileKeys, h.CleanedKeys, h.PlainPlaces = true, true, true
	sourcetest.Run(t, h)
}

// TestStoresVerdicts holds what is made of a store's answers against what the store does: nobody reads what a policy does not give to everyone,
// and everyone reads what it does.
func TestStoresVerdicts(t *testing.T) {
	for _, kind := range []string{s3test.Ceph, s3test.MinIO} {
		t.Run(kind, func(t *testing.T) {
			server := s3test.StartServer(t, kind)
			policy := func(bucket, action, resource string) []byte {
				return []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:` + action + `","Resource":"arn:aws:s3:::` + bucket + resource + `"}]}`)
			}
			for _, bucket := range []string{"closed", "open", "restricted"} {
				server.Do(t, server.Owner, "PUT", "/"+bucket, "", nil)
				server.Do(t, server.Owner, "PUT", "/"+bucket+"/k", "", []byte("x"))
			}
			server.Do(t, server.Owner, "PUT", "/open", "policy=", policy("open", "GetObject", "/*"))
			server.Do(t, server.Owner, "PUT", "/restricted", "policy=", policy("restricted", "GetObject", "/*"))
			hasBlocks := server.Status(t, server.Owner, "PUT", "/restricted", "publicAccessBlock=", []byte(`<PublicAccessBlockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`+
				`<BlockPublicAcls>false</BlockPublicAcls><IgnorePublicAcls>false</IgnorePublicAcls><BlockPublicPolicy>false</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>`)) < 300
			if hasBlocks != (kind == s3test.Ceph) {
				t.Errorf("the store has public access blocks: %v", hasBlocks)
			}
			d := serve(t, server, server.Owner, s3.Profile{})
			for bucket, want := range map[string]int{"closed": http.StatusForbidden, "open": http.StatusOK, "restricted": http.StatusOK} {
				if got := server.Status(t, s3test.Keys{}, "GET", "/"+bucket+"/k", "", nil); got != want {
					t.Errorf("%s: without credentials the store answers %d, docs/stores.md says %d", bucket, got, want)
				}
				c, err := d.Configuration(t.Context(), bucket)
				if err != nil {
					t.Fatal(err)
				}
				if hasPolicy := c.Policy.State == source.StateKnown; hasPolicy != (bucket != "closed") {
					t.Errorf("%s: policy %+v", bucket, c.Policy)
				}
				if c.ACL.State != source.StateKnown || len(c.ACL.Value) != 1 || c.ACL.Value[0].Permission != "FULL_CONTROL" {
					t.Errorf("%s: ACL %+v", bucket, c.ACL)
				}
				if b := c.PublicAccessBlock; b.State == source.StateUnknown || b.Value.RestrictPublicBuckets {
					t.Errorf("%s: public access block %+v, though the store enforces none", bucket, b)
				}
				for what, state := range map[string]source.State{"ownership": c.Ownership.State, "replication": c.Replication.State, "tags": c.Tags.State, "versioning": c.Versioning.State} {
					if state != source.StateAbsent {
						t.Errorf("%s: %s is %v", bucket, what, state)
					}
				}
			}
			if f := d.AccountPublicAccessBlock(t.Context()); f.State != source.StateAbsent {
				t.Errorf("the account's block is %+v", f)
			}
		})
	}
}

// TestStoresKeys writes under a KMS key that MinIO has, and one that it has not.
func TestStoresKeys(t *testing.T) {
	server := s3test.StartServer(t, s3test.MinIO)
	d := serve(t, server, server.Owner, s3.Profile{})
	server.Do(t, server.Owner, "PUT", "/results", "", nil)
	const arn = "arn:aws:kms:us-east-1:123456789012:key/"
	if err := d.PutObject(t.Context(), "results", "k", []byte("x"), source.PutOptions{KMSKey: arn + "results"}); err != nil {
		t.Error(err)
	}
	if err := d.PutObject(t.Context(), "results", "k2", []byte("x"), source.PutOptions{KMSKey: arn + "none"}); source.KindOf(err) != source.KeyUnavailable || !strings.Contains(err.Error(), "kms:KeyNotFound") {
		t.Errorf("under a key that is not there: %v", err)
	}
}
