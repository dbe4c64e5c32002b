package s3test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/magpie-sec/magpie/internal/source"
)

// ask makes a signed request to the proxy and returns status, header and body; status 0 stands for a connection that broke.
func ask(t *testing.T, endpoint, secret, method, path, query string) (int, http.Header, string) {
	t.Helper()
	return askWith(t, http.DefaultTransport, t.Context(), endpoint, secret, method, path, query)
}

func askWith(t *testing.T, transport http.RoundTripper, ctx context.Context, endpoint, secret, method, path, query string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, endpoint+escape(path), nil)
	if err != nil {
		t.Error(err)
		return 0, nil, ""
	}
	r.URL.RawQuery = query
	sum := sha256.Sum256(nil)
	hash := hex.EncodeToString(sum[:])
	r.Header.Set("X-Amz-Content-Sha256", hash)
	err = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).SignHTTP(ctx,
		aws.Credentials{AccessKeyID: AccessKey, SecretAccessKey: secret}, r, hash, "s3", Region, time.Now())
	if err != nil {
		t.Error(err)
		return 0, nil, ""
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, resp.Header, string(body)
	}
	return resp.StatusCode, resp.Header, string(body)
}

func TestStoreIsRealAndItsOwn(t *testing.T) {
	a, b := Start(t), Start(t)
	a.CreateBucket(t, "customers")
	a.Put(t, "customers", "2026/a b+c%.csv", "text")
	if text, err := os.ReadFile(filepath.Join(a.Data, "customers", "2026", "a b+c%.csv")); err != nil || string(text) != "text" {
		t.Errorf("the object's file holds %q, %v", text, err)
	}
	if status, _, body := ask(t, a.URL, SecretKey, "GET", "/customers/2026/a b+c%.csv", ""); status != 200 || body != "text" {
		t.Errorf("read %d %q", status, body)
	}
	if status, _, body := ask(t, a.URL, SecretKey, "GET", "/", ""); status != 200 || !strings.Contains(body, "<Name>customers</Name>") {
		t.Errorf("listed %d %s", status, body)
	}
	if status, _, body := ask(t, b.URL, SecretKey, "GET", "/", ""); status != 200 || strings.Contains(body, "customers") {
		t.Errorf("another bench lists %d %s", status, body)
	}
	if status, _, body := ask(t, a.URL, "wrong", "GET", "/", ""); status != 403 || !strings.Contains(body, "SignatureDoesNotMatch") {
		t.Errorf("a wrong secret gives %d %s", status, body)
	}
	a.Remove(t, "customers", "2026/a b+c%.csv")
	if status, _, _ := ask(t, a.URL, SecretKey, "GET", "/customers/2026/a b+c%.csv", ""); status != 404 {
		t.Errorf("a removed object gives %d", status)
	}
	if n := a.Count("GetObject", "customers"); n != 2 {
		t.Errorf("the proxy saw GetObject %d times", n)
	}
}

func TestStoreIsEmptyWhenUsedAgain(t *testing.T) {
	first, err := start()
	if err != nil {
		t.Fatal(err)
	}
	first.CreateBucket(t, "left")
	first.EnableVersioning(t, "left")
	first.Put(t, "left", "k", "1")
	first.Put(t, "left", "k", "2")
	dir := first.gateway.dir
	first.Close()
	second := Start(t)
	if second.gateway.dir != dir {
		t.Errorf("a second gateway was started")
	}
	if _, _, body := ask(t, second.URL, SecretKey, "GET", "/", ""); strings.Contains(body, "left") {
		t.Errorf("it lists %s", body)
	}
	second.CreateBucket(t, "left")
	second.Put(t, "left", "k", "3")
	if _, _, body := ask(t, second.URL, SecretKey, "GET", "/left", "versions="); strings.Count(body, "<Version>") != 1 {
		t.Errorf("versions: %s", body)
	}
}

func TestListingEncodesKeys(t *testing.T) {
	b := Start(t)
	b.CreateBucket(t, "odd")
	b.Put(t, "odd", "a\x01b \xff", "1")
	for query, want := range map[string]string{
		"encoding-type=url&list-type=2": "<Key>a%01b+%FF</Key>", "encoding-type=url": "<Key>a%01b+%FF</Key>",
		"encoding-type=url&versions=": "<Key>a%01b+%FF</Key>", "list-type=2": "<Key>a\uFFFDb \uFFFD</Key>",
	} {
		if _, _, body := ask(t, b.URL, SecretKey, "GET", "/odd", query); !strings.Contains(body, want) {
			t.Errorf("%s lists %s, want %s", query, body, want)
		}
	}
}

func TestFillIsAsIfPut(t *testing.T) {
	b := Start(t)
	b.CreateBucket(t, "put")
	b.CreateBucket(t, "filled")
	objects := map[string]string{"a": "1", "b/c": "22", "b/d/e": "", "é \x01": "4"}
	for key, body := range objects {
		b.Put(t, "put", key, body)
	}
	b.Fill(t, "filled", objects)
	listing := func(bucket string) string {
		_, _, body := ask(t, b.URL, SecretKey, "GET", "/"+bucket, "encoding-type=url&list-type=2")
		body = regexp.MustCompile(`<LastModified>[^<]*</LastModified>`).ReplaceAllString(body, "")
		return strings.ReplaceAll(body, bucket, "")
	}
	// The server keeps a checksum of what it was given.
	checksum := regexp.MustCompile(`<Checksum[A-Za-z]*>[^<]*</Checksum[A-Za-z]*>`)
	if put, filled := checksum.ReplaceAllString(listing("put"), ""), checksum.ReplaceAllString(listing("filled"), ""); put != filled {
		t.Errorf("put:\n%s\nfilled:\n%s", put, filled)
	}
	for key, body := range objects {
		status, header, got := ask(t, b.URL, SecretKey, "GET", "/filled/"+key, "")
		_, asPut, _ := ask(t, b.URL, SecretKey, "GET", "/put/"+key, "")
		if status != 200 || got != body || header.Get("Etag") != asPut.Get("Etag") {
			t.Errorf("%q: %d %q %v", key, status, got, header)
		}
	}
}

func TestConfigurationIsAnswered(t *testing.T) {
	b := Start(t)
	b.CreateBucket(t, "one")
	b.CreateBucket(t, "two")
	b.Configure("one", source.Configuration{
		Region: source.Known("eu-west-1"), Versioning: source.Known(false), Encryption: source.Known("aws:kms"), KMSKey: source.Known("alias/x&y"),
		Tags: source.Known([]source.Tag{{Key: "team", Value: "<a>"}}), Policy: source.Known(`{"Version":"2012-10-17"}`),
		Owner: source.Known(source.Owner{ID: strings.Repeat("a1", 32), DisplayName: "owner"}),
		ACL: source.Known([]source.Grant{{GranteeType: "Group", Grantee: source.AllUsers, Permission: "READ"},
			{GranteeType: "CanonicalUser", Grantee: strings.Repeat("b2", 32), Permission: "FULL_CONTROL"}}),
		PublicAccessBlock: source.Absent[source.PublicAccessBlock](""), Ownership: source.Denied[string](""),
		Replication: source.Known([]source.ReplicationRule{{ID: "r", Enabled: true, Bucket: source.Known("arn:aws:s3:::copy"),
			Account: source.Known("111122223333")}}),
	})
	b.ConfigureAccount(source.Known(source.PublicAccessBlock{BlockPublicPolicy: true}))
	for _, test := range []struct {
		path, query string
		status      int
		want        string
	}{
		{"/one", "location=", 200, ">eu-west-1</LocationConstraint>"},
		{"/one", "versioning=", 200, "<Status>Suspended</Status>"},
		{"/one", "encryption=", 200, "<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>alias/x&amp;y</KMSMasterKeyID>"},
		{"/one", "tagging=", 200, "<Key>team</Key><Value>&lt;a&gt;</Value>"},
		{"/one", "policy=", 200, `{"Version":"2012-10-17"}`},
		{"/one", "acl=", 200, `xsi:type="Group"><URI>` + source.AllUsers + `</URI></Grantee><Permission>READ</Permission>`},
		{"/one", "publicAccessBlock=", 404, "NoSuchPublicAccessBlockConfiguration"},
		{"/one", "ownershipControls=", 403, "AccessDenied"},
		{"/one", "replication=", 200, "<Destination><Bucket>arn:aws:s3:::copy</Bucket><Account>111122223333</Account>"},
		{"/v20180820/configuration/publicAccessBlock", "", 200, "<BlockPublicPolicy>true</BlockPublicPolicy>"},
		// What the server itself says where nothing is configured.
		{"/two", "encryption=", 501, "NotImplemented"},
		{"/two", "publicAccessBlock=", 501, "NotImplemented"},
		{"/two", "versioning=", 200, "VersioningConfiguration"},
		{"/two", "ownershipControls=", 200, "<ObjectOwnership>ObjectWriter</ObjectOwnership>"},
		{"/two", "policy=", 404, "NoSuchBucketPolicy"},
	} {
		if status, _, body := ask(t, b.URL, SecretKey, "GET", test.path, test.query); status != test.status || !strings.Contains(body, test.want) {
			t.Errorf("%s?%s: %d %s, want %d with %s", test.path, test.query, status, body, test.status, test.want)
		}
	}
}

func TestRules(t *testing.T) {
	b := Start(t)
	b.CreateBucket(t, "one")
	b.Put(t, "one", "k", "0123456789")
	b.Put(t, "one", "d/k", "x")
	get := func(key string) (int, string) {
		status, _, body := ask(t, b.URL, SecretKey, "GET", "/one/"+key, "")
		return status, body
	}
	slow := b.On(Rule{Op: "GetObject", After: 1, Times: 2, Do: SlowDown})
	denied := b.On(Rule{Op: "GetObject", Bucket: "one", Key: "d/", Do: AccessDenied})
	var got []int
	for _, key := range []string{"d/k", "k", "k", "k", "k"} {
		status, _ := get(key)
		got = append(got, status)
	}
	if want := []int{403, 200, 503, 503, 200}; !slices.Equal(got, want) || slow.Met() != 2 || denied.Met() != 1 {
		t.Errorf("statuses %d, want %d", got, want)
	}
	denied.Remove()
	if status, _ := get("d/k"); status != 200 {
		t.Errorf("a removed rule still answers: %d", status)
	}
	cut := b.On(Rule{Op: "GetObject", Do: Cut(4)})
	if status, body := get("k"); status != 0 || body != "0123" {
		t.Errorf("a cut body reads %d %q", status, body)
	}
	cut.Remove()
	b.On(Rule{Op: "GetObject", Times: 1, Do: Drop})
	// The transport asks again by itself where a kept connection is closed: the first of a fresh one is what a client sees.
	if status, _, _ := askWith(t, &http.Transport{DisableKeepAlives: true}, t.Context(), b.URL, SecretKey, "GET", "/one/k", ""); status != 0 {
		t.Errorf("a dropped connection gives status %d", status)
	}
	b.On(Rule{Op: "ListObjectsV2", Do: Twice})
	if _, _, body := ask(t, b.URL, SecretKey, "GET", "/one", "list-type=2"); strings.Count(body, "<Key>k</Key>") != 2 || strings.Count(body, "<Key>d/k</Key>") != 1 {
		t.Errorf("listed %s", body)
	}
	b.On(Rule{Op: "GetBucketPolicy", Do: Listing})
	if status, _, body := ask(t, b.URL, SecretKey, "GET", "/one", "policy="); status != 200 || !strings.Contains(body, "<ListBucketResult") {
		t.Errorf("the policy is %d %s", status, body)
	}
	b.On(Rule{Op: "HeadBucket", Do: Redirect("eu-west-1")})
	if status, header, _ := ask(t, b.URL, SecretKey, "HEAD", "/one", ""); status != 301 || header.Get("X-Amz-Bucket-Region") != "eu-west-1" {
		t.Errorf("head gives %d %v", status, header)
	}
	b.On(Rule{Op: "GetObject", Do: Header("Etag", "", "X-Amz-Server-Side-Encryption", "aws:kms")})
	if _, header, _ := ask(t, b.URL, SecretKey, "GET", "/one/k", ""); header.Get("Etag") != "" || header.Get("X-Amz-Server-Side-Encryption") != "aws:kms" {
		t.Errorf("headers %v", header)
	}
}

func TestGateHoldsUntilOpened(t *testing.T) {
	b := Start(t)
	b.CreateBucket(t, "one")
	b.Put(t, "one", "k", "0123456789")
	for name, test := range map[string]struct {
		do   func(*Gate) Reply
		want int
	}{"hold": {func(g *Gate) Reply { return g.Hold }, 200}, "stall": {func(g *Gate) Reply { return Stall(4, g) }, 0}} {
		t.Run(name, func(t *testing.T) {
			g := NewGate()
			defer b.On(Rule{Op: "GetObject", Do: test.do(g)}).Remove()
			done := make(chan int)
			go func() {
				status, _, _ := ask(t, b.URL, SecretKey, "GET", "/one/k", "")
				done <- status
			}()
			if r := <-g.Arrived; r.Key != "k" {
				t.Errorf("arrived %+v", r)
			}
			select {
			case status := <-done:
				t.Errorf("answered %d behind a closed gate", status)
			default:
			}
			g.Open()
			if status := <-done; status != test.want {
				t.Errorf("answered %d, want %d", status, test.want)
			}
		})
	}
	g := NewGate()
	b.On(Rule{Op: "GetObject", Do: g.Hold})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int)
	go func() {
		status, _, _ := askWith(t, http.DefaultTransport, ctx, b.URL, SecretKey, "GET", "/one/k", "")
		done <- status
	}()
	<-g.Arrived
	cancel()
	if status := <-done; status != 0 {
		t.Errorf("a client that gave up got %d", status)
	}
}

func TestTLS(t *testing.T) {
	b := Start(t)
	endpoint, trusting := b.TLS(t)
	if status, _, body := ask(t, endpoint, SecretKey, "GET", "/", ""); status != 0 || !strings.Contains(body, "certificate") {
		t.Errorf("an unknown certificate gives %d %s", status, body)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusting}}
	defer transport.CloseIdleConnections()
	if status, _, body := askWith(t, transport, t.Context(), endpoint, SecretKey, "GET", "/", ""); status != 200 {
		t.Errorf("a trusted certificate gives %d %s", status, body)
	}
}

func TestVanishedBucket(t *testing.T) {
	b := Start(t)
	b.CreateBucket(t, "one")
	b.Put(t, "one", "k", "1")
	b.DeleteBucket(t, "one")
	if status, _, body := ask(t, b.URL, SecretKey, "GET", "/one", "list-type=2"); status != 404 || !strings.Contains(body, "NoSuchBucket") {
		t.Errorf("%d %s", status, body)
	}
}
