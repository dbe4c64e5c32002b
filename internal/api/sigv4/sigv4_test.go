package sigv4

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// keys is a key store in memory.
type keys map[string]Key

func (k keys) Key(_ context.Context, id string) (Key, error) {
	key, ok := k[id]
	if !ok {
		return Key{}, fmt.Errorf("key %s: %w", id, ErrUnknownKey)
	}
	return key, nil
}

var (
	testNow = time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	longKey = aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: suiteSecret}
	// tempKey is a temporary key; its token has characters that must be encoded in a query.
	tempKey = aws.Credentials{AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "another/secret+of=tests", SessionToken: "FwoGZXIvYXdz//+token=="}
	oldKey  = aws.Credentials{AccessKeyID: "ASIAOLDOLDOLDOLDOLD1", SecretAccessKey: "yet/another/secret", SessionToken: "token-of-last-week"}
)

func testVerifier() *Verifier {
	return &Verifier{
		Keys: keys{
			longKey.AccessKeyID: {Secret: longKey.SecretAccessKey, Account: "111122223333", PrincipalARN: "arn:aws:iam::111122223333:root", UserID: "111122223333"},
			tempKey.AccessKeyID: {Secret: tempKey.SecretAccessKey, SessionToken: tempKey.SessionToken, Account: "444455556666", Expires: testNow.Add(time.Hour)},
			oldKey.AccessKeyID:  {Secret: oldKey.SecretAccessKey, SessionToken: oldKey.SessionToken, Account: "111122223333", Expires: testNow},
		},
		Now:      func() time.Time { return testNow },
		Services: []string{"macie2", "access-analyzer"},
		Regions:  []string{"us-east-1", "eu-west-1"},
	}
}

// request is a client's request before it is signed.
type request struct {
	method, url, body string
	header            http.Header
	service, region   string
	credentials       aws.Credentials
	at                time.Time
	expires           string // presigned when not empty; "-" presigns without X-Amz-Expires
}

func listJobs() request {
	return request{
		method: "POST", url: "https://macie2.us-east-1.amazonaws.com/jobs/list?page=a%20b", body: `{"maxResults":5}`,
		header:  http.Header{"Content-Type": {"application/json"}, "X-Custom": {"a  b", "c"}},
		service: "macie2", region: "us-east-1", credentials: longKey, at: testNow,
	}
}

// sign signs with the SDK and returns the request as a server would see it.
func (q request) sign(t testing.TB) (*http.Request, []byte) {
	t.Helper()
	r, err := http.NewRequest(q.method, q.url, strings.NewReader(q.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range q.header {
		r.Header[name] = values
	}
	hash := hexSHA256([]byte(q.body))
	signer := v4.NewSigner()
	if q.expires == "" {
		if err := signer.SignHTTP(context.Background(), q.credentials, r, hash, q.service, q.region, q.at); err != nil {
			t.Fatal(err)
		}
		return received(r, q.body), []byte(q.body)
	}
	if q.expires != "-" {
		separator := "?"
		if r.URL.RawQuery != "" {
			separator = "&"
		}
		r.URL.RawQuery = strings.TrimPrefix(r.URL.RawQuery+separator+"X-Amz-Expires="+q.expires, "?")
	}
	signed, header, err := signer.PresignHTTP(context.Background(), q.credentials, r, hash, q.service, q.region, q.at)
	if err != nil {
		t.Fatal(err)
	}
	r2, err := http.NewRequest(q.method, signed, strings.NewReader(q.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		if name != "Host" && name != "Content-Length" {
			r2.Header[name] = values
		}
	}
	return received(r2, q.body), []byte(q.body)
}

// received turns a client's request into a server's.
func received(r *http.Request, body string) *http.Request {
	s := r.Clone(r.Context())
	s.RequestURI = r.URL.RequestURI()
	s.URL.Host, s.URL.Scheme = "", ""
	if s.Host == "" {
		s.Host = r.URL.Host
	}
	s.ContentLength = int64(len(body))
	return s
}

func hasCode(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

func TestVerifySDKRequests(t *testing.T) {
	base := listJobs()
	temporary, presigned, presignedTemporary, other, lifeless := base, base, base, base, base
	temporary.credentials = tempKey
	presigned.expires = "60"
	presignedTemporary.expires, presignedTemporary.credentials = "604800", tempKey
	other.url, other.method, other.body, other.service, other.region = "http://127.0.0.1:4750/tags/arn%3Aaws%3Amacie2%3Aus-east-1%3A111122223333%3Aallow-list%2Fabc", "GET", "", "access-analyzer", "eu-west-1"
	lifeless.expires = "-"
	for name, q := range map[string]request{
		"header": base, "session token": temporary, "presigned": presigned,
		"presigned with token": presignedTemporary, "label with an ARN and a port": other, "presigned without life": lifeless,
	} {
		t.Run(name, func(t *testing.T) {
			r, body := q.sign(t)
			got, err := testVerifier().Verify(r, body)
			if err != nil {
				t.Fatal(err)
			}
			stored, _ := testVerifier().Keys.Key(context.Background(), q.credentials.AccessKeyID)
			want := Identity{
				AccessKeyID: q.credentials.AccessKeyID, Account: stored.Account, PrincipalARN: stored.PrincipalARN, UserID: stored.UserID,
				Region: q.region, Service: q.service, Time: q.at, Presigned: q.expires != "",
			}
			if got != want {
				t.Errorf("identity %+v, want %+v", got, want)
			}
			scope, err := ReadScope(r)
			if wantScope := (Scope{q.credentials.AccessKeyID, "20261121", q.region, q.service, q.expires != ""}); err != nil || scope != wantScope {
				t.Errorf("ReadScope = %+v, %v, want %+v", scope, err, wantScope)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	const mismatch = "The request signature we calculated does not match"
	editAuthorization := func(from, to string) func(*http.Request) {
		return func(r *http.Request) {
			old := r.Header.Get("Authorization")
			edited := strings.Replace(old, from, to, 1)
			if edited == old {
				panic("the edit changes nothing: " + from)
			}
			r.Header.Set("Authorization", edited)
		}
	}
	editTarget := func(from, to string) func(*http.Request) {
		return func(r *http.Request) {
			edited := strings.Replace(r.RequestURI, from, to, 1)
			if edited == r.RequestURI {
				panic("the edit changes nothing: " + from)
			}
			r.RequestURI = edited
		}
	}
	presign := func(q *request) { q.expires = "60" }
	tests := []struct {
		name     string
		change   func(*request)      // before signing
		tamper   func(*http.Request) // after signing
		body     string              // "" keeps the signed body
		code     string
		contains string
	}{
		{name: "unsigned", tamper: func(r *http.Request) { r.Header.Del("Authorization") }, code: CodeMissingToken, contains: "Missing Authentication Token"},
		{name: "bearer token", tamper: func(r *http.Request) { r.Header.Set("Authorization", "Bearer topsecret") }, code: CodeIncomplete, contains: "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '"},
		{name: "empty header", tamper: func(r *http.Request) { r.Header.Set("Authorization", "") }, code: CodeIncomplete, contains: "Invalid key=value pair"},
		{name: "other algorithm", tamper: editAuthorization("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), code: CodeIncomplete, contains: "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."},
		{name: "no parameters", tamper: func(r *http.Request) { r.Header.Set("Authorization", algorithm) }, code: CodeIncomplete, contains: "requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256"},
		{name: "parameter without equal-sign", tamper: editAuthorization("Signature=", "Signature"), code: CodeIncomplete, contains: "missing equal-sign"},
		{name: "no signature", tamper: editAuthorization("Signature=", "Sig="), code: CodeIncomplete, contains: "requires 'Signature' parameter"},
		{name: "two signatures", tamper: editAuthorization("Signature=", "Signature=00, Signature="), code: CodeIncomplete, contains: "more than one 'Signature'"},
		{name: "two Authorization headers", tamper: func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }, code: CodeIncomplete, contains: "more than one Authorization header"},
		{name: "header and query", change: presign, tamper: func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 x") }, code: CodeIncomplete, contains: "only one of them"},
		{name: "four elements", tamper: editAuthorization("/aws4_request", ""), code: CodeIncomplete, contains: "exactly 5 slash-delimited elements"},
		{name: "no key id", tamper: editAuthorization(longKey.AccessKeyID, ""), code: CodeIncomplete, contains: "exactly 5"},
		{name: "no date", tamper: func(r *http.Request) { r.Header.Del("X-Amz-Date") }, code: CodeIncomplete, contains: "either a 'X-Amz-Date' or a 'Date' header"},
		{name: "two dates", tamper: func(r *http.Request) { r.Header.Add("X-Amz-Date", "20261121T103000Z") }, code: CodeIncomplete, contains: "more than one 'X-Amz-Date'"},
		{name: "date of no format", tamper: func(r *http.Request) { r.Header.Set("X-Amz-Date", "2026-11-21T10:30:00Z") }, code: CodeIncomplete, contains: "ISO-8601 'basic format'. Got '2026-11-21T10:30:00Z'"},
		{name: "HTTP date in X-Amz-Date", tamper: func(r *http.Request) { r.Header.Set("X-Amz-Date", testNow.Format(http.TimeFormat)) }, code: CodeIncomplete, contains: "basic format"},
		{name: "two tokens", change: func(q *request) { q.credentials = tempKey }, tamper: func(r *http.Request) { r.Header.Add("X-Amz-Security-Token", "x") }, code: CodeIncomplete, contains: "more than one 'X-Amz-Security-Token'"},
		{name: "escape in the query", tamper: editTarget("a%20b", "a%2"), code: CodeMalformedRequest, contains: "percent sign"},
		{name: "semicolon in the query", tamper: editTarget("a%20b", "a;b"), code: CodeMalformedRequest, contains: "%3B"},

		{name: "method", tamper: func(r *http.Request) { r.Method = "PUT" }, code: CodeInvalidSignature, contains: mismatch},
		{name: "path", tamper: editTarget("/jobs/list", "/jobs/lists"), code: CodeInvalidSignature, contains: mismatch},
		{name: "path encoding", tamper: editTarget("/jobs/list", "/jobs%2Flist"), code: CodeInvalidSignature, contains: mismatch},
		{name: "query value", tamper: editTarget("a%20b", "a%20c"), code: CodeInvalidSignature, contains: mismatch},
		{name: "query added", tamper: editTarget("page=", "x=&page="), code: CodeInvalidSignature, contains: mismatch},
		{name: "query removed", tamper: editTarget("?page=a%20b", ""), code: CodeInvalidSignature, contains: mismatch},
		{name: "header value", tamper: func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, code: CodeInvalidSignature, contains: mismatch},
		{name: "header repeated", tamper: func(r *http.Request) { r.Header.Add("X-Custom", "d") }, code: CodeInvalidSignature, contains: mismatch},
		{name: "header removed", tamper: func(r *http.Request) { r.Header.Del("X-Custom") }, code: CodeInvalidSignature, contains: mismatch},
		{name: "host", tamper: func(r *http.Request) { r.Host = "access-analyzer.us-east-1.amazonaws.com" }, code: CodeInvalidSignature, contains: mismatch},
		{name: "length", tamper: func(r *http.Request) { r.ContentLength++ }, code: CodeInvalidSignature, contains: mismatch},
		{name: "body", body: `{"maxResults":6}`, code: CodeInvalidSignature, contains: mismatch},
		{name: "date", tamper: func(r *http.Request) { r.Header.Set("X-Amz-Date", "20261121T103001Z") }, code: CodeInvalidSignature, contains: mismatch},
		{name: "signature", tamper: editAuthorization("Signature=", "Signature=0"), code: CodeInvalidSignature, contains: mismatch},
		{name: "empty signature", tamper: func(r *http.Request) {
			h, _, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", h+"Signature=")
		}, code: CodeInvalidSignature, contains: mismatch},
		{name: "signature in upper case", tamper: func(r *http.Request) {
			h, s, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			r.Header.Set("Authorization", h+"Signature="+strings.ToUpper(s))
		}, code: CodeInvalidSignature, contains: mismatch},
		{name: "secret", change: func(q *request) { q.credentials.SecretAccessKey += "x" }, code: CodeInvalidSignature, contains: mismatch},
		{name: "other key's id", tamper: editAuthorization(longKey.AccessKeyID, tempKey.AccessKeyID), code: CodeUnrecognized, contains: "security token included in the request is invalid"},
		{name: "signed header dropped from the list", tamper: editAuthorization(";x-custom", ""), code: CodeInvalidSignature, contains: mismatch},
		{name: "header added to the list", tamper: editAuthorization("content-length;", "accept;content-length;"), code: CodeInvalidSignature, contains: mismatch},
		{name: "list not sorted", tamper: editAuthorization("content-length;content-type", "content-type;content-length"), code: CodeInvalidSignature, contains: "sorted"},
		{name: "list with a double", tamper: editAuthorization("host;", "host;host;"), code: CodeInvalidSignature, contains: "each once"},
		{name: "list in upper case", tamper: editAuthorization("content-length", "Content-Length"), code: CodeInvalidSignature, contains: "lower-case"},
		{name: "host not signed", tamper: editAuthorization("host;", ""), code: CodeInvalidSignature, contains: "'Host' or ':authority' must be a 'SignedHeader'"},
		{name: "date not signed", tamper: editAuthorization("x-amz-date;", ""), code: CodeInvalidSignature, contains: "'X-Amz-Date' must be a 'SignedHeader'"},
		{name: "payload hash of another body", tamper: func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", hexSHA256(nil)) }, code: CodeInvalidSignature, contains: mismatch},
		{name: "unsigned payload", change: func(q *request) { q.header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }, code: CodeInvalidSignature, contains: mismatch},

		{name: "unknown key", change: func(q *request) { q.credentials.AccessKeyID = "AKIANOBODY" }, code: CodeUnrecognized, contains: "security token included in the request is invalid"},
		{name: "no token", change: func(q *request) { q.credentials = tempKey; q.credentials.SessionToken = "" }, code: CodeUnrecognized, contains: "invalid"},
		{name: "wrong token", change: func(q *request) { q.credentials = tempKey; q.credentials.SessionToken = "x" }, code: CodeUnrecognized, contains: "invalid"},
		{name: "token without need", change: func(q *request) { q.credentials.SessionToken = "x" }, code: CodeUnrecognized, contains: "invalid"},
		{name: "token changed on the way", change: func(q *request) { q.credentials = tempKey }, tamper: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }, code: CodeUnrecognized, contains: "invalid"},
		{name: "expired key", change: func(q *request) { q.credentials = oldKey }, code: CodeExpiredToken, contains: "is expired"},
		{name: "expired key with another secret", change: func(q *request) { q.credentials = oldKey; q.credentials.SecretAccessKey = "no-such-secret" }, code: CodeInvalidSignature, contains: mismatch},

		{name: "too old", change: func(q *request) { q.at = testNow.Add(-5*time.Minute - time.Second) }, code: CodeInvalidSignature, contains: "Signature expired: 20261121T102459Z is now earlier than 20261121T102500Z (20261121T103000Z - 5 min.)"},
		{name: "too new", change: func(q *request) { q.at = testNow.Add(5*time.Minute + time.Second) }, code: CodeInvalidSignature, contains: "Signature not yet current: 20261121T103501Z is still later than 20261121T103500Z (20261121T103000Z + 5 min.)"},
		{name: "region", change: func(q *request) { q.region = "eu-north-1" }, code: CodeInvalidSignature, contains: "Credential should be scoped to a valid region, not 'eu-north-1'."},
		{name: "service", change: func(q *request) { q.service = "s3" }, code: CodeInvalidSignature, contains: "Credential should be scoped to correct service: 'macie2', 'access-analyzer'."},
		{name: "terminator", tamper: editAuthorization("aws4_request", "aws5_request"), code: CodeInvalidSignature, contains: "valid terminator: 'aws4_request', not 'aws5_request'."},
		{name: "scope's date", tamper: editAuthorization("/20261121/", "/20261120/"), code: CodeInvalidSignature, contains: "'20261120' != '20261121', from '20261121T103000Z'."},
		{name: "scope's region", tamper: editAuthorization("/us-east-1/", "/eu-west-1/"), code: CodeInvalidSignature, contains: mismatch},
		{name: "scope's service", tamper: editAuthorization("/macie2/", "/access-analyzer/"), code: CodeInvalidSignature, contains: mismatch},

		{name: "presigned, expired", change: func(q *request) { presign(q); q.at = testNow.Add(-61 * time.Second) }, code: CodeInvalidSignature, contains: "Signature expired: 20261121T102859Z is now earlier than 20261121T102900Z (20261121T103000Z - 1 min.)"},
		{name: "presigned, not current", change: func(q *request) { presign(q); q.at = testNow.Add(6 * time.Minute) }, code: CodeInvalidSignature, contains: "not yet current"},
		{name: "presigned without life, old", change: func(q *request) { q.expires = "-"; q.at = testNow.Add(-6 * time.Minute) }, code: CodeInvalidSignature, contains: "Signature expired"},
		{name: "presigned, no life at all", change: func(q *request) { q.expires = "0" }, code: CodeIncomplete, contains: "from 1 to 604800"},
		{name: "presigned, too long", change: func(q *request) { q.expires = "604801" }, code: CodeIncomplete, contains: "from 1 to 604800"},
		{name: "presigned, life no number", change: func(q *request) { q.expires = "1e3" }, code: CodeIncomplete, contains: "from 1 to 604800"},
		{name: "presigned, life changed", change: presign, tamper: editTarget("X-Amz-Expires=60", "X-Amz-Expires=600"), code: CodeInvalidSignature, contains: mismatch},
		{name: "presigned, path", change: presign, tamper: editTarget("/jobs", "/job"), code: CodeInvalidSignature, contains: mismatch},
		{name: "presigned, body", change: presign, body: "{}", code: CodeInvalidSignature, contains: mismatch},
		{name: "presigned, parameter added", change: presign, tamper: editTarget("page=", "force=true&page="), code: CodeInvalidSignature, contains: mismatch},
		{name: "presigned, signature removed", change: presign, tamper: editTarget("X-Amz-Signature", "X-Amz-Sig"), code: CodeIncomplete, contains: "AWS query-string parameters must include 'X-Amz-Signature'. Re-examine the query-string parameters."},
		{name: "presigned, two signatures", change: presign, tamper: editTarget("X-Amz-Signature=", "X-Amz-Signature=0&X-Amz-Signature="), code: CodeIncomplete, contains: "more than one 'X-Amz-Signature'"},
		{name: "presigned, two lives", change: presign, tamper: editTarget("X-Amz-Expires=60", "X-Amz-Expires=60&X-Amz-Expires=600"), code: CodeIncomplete, contains: "more than one 'X-Amz-Expires'"},
		{name: "presigned, other algorithm", change: presign, tamper: editTarget("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), code: CodeIncomplete, contains: "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'"},
		{name: "presigned, token twice", change: func(q *request) { presign(q); q.credentials = tempKey }, tamper: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", tempKey.SessionToken) }, code: CodeIncomplete, contains: "only one of them"},
		{name: "presigned, token removed", change: func(q *request) { presign(q); q.credentials = tempKey }, tamper: editTarget("X-Amz-Security-Token", "X-Amz-Token"), code: CodeUnrecognized, contains: "invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := listJobs()
			if tt.change != nil {
				tt.change(&q)
			}
			r, body := q.sign(t)
			if tt.tamper != nil {
				tt.tamper(r)
			}
			if tt.body != "" {
				body = []byte(tt.body)
			}
			id, err := testVerifier().Verify(r, body)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("Verify = %+v, %v, want a refusal", id, err)
			}
			if e.Code != tt.code || !strings.Contains(e.Message, tt.contains) {
				t.Errorf("refused with %q, want %s with %q", e, tt.code, tt.contains)
			}
			wantStatus := http.StatusForbidden
			if e.Code == CodeMalformedRequest {
				wantStatus = http.StatusBadRequest
			}
			if e.Status != wantStatus {
				t.Errorf("status %d, want %d", e.Status, wantStatus)
			}
			assertSilent(t, e, q, r, body)
		})
	}
}

// assertSilent checks that a refusal names neither a secret nor a token nor the
// signature that would have been right.
func assertSilent(t *testing.T, e *Error, q request, r *http.Request, body []byte) {
	t.Helper()
	forbidden := []string{q.credentials.SecretAccessKey, "topsecret", hexSHA256(body)}
	if token := q.credentials.SessionToken; len(token) > 1 {
		forbidden = append(forbidden, token)
	}
	if c, refusal := readClaim(r); refusal == nil {
		if hash, refusal := canonicalRequestHash(r, &c, hexSHA256(body)); refusal == nil {
			right := c.sign(q.credentials.SecretAccessKey, testNow, hash)
			forbidden = append(forbidden, hash, right)
		}
	}
	for _, text := range forbidden {
		if strings.Contains(e.Error(), text) {
			t.Errorf("the refusal %q gives away %q", e, text)
		}
	}
}

func TestKeyStoreFailureIsNoRefusal(t *testing.T) {
	r, body := listJobs().sign(t)
	v := testVerifier()
	broken := errors.New("disk on fire")
	v.Keys = failingKeys{broken}
	_, err := v.Verify(r, body)
	var refusal *Error
	if !errors.Is(err, broken) || errors.As(err, &refusal) {
		t.Errorf("Verify = %v, want the store's own error", err)
	}
}

type failingKeys struct{ err error }

func (f failingKeys) Key(context.Context, string) (Key, error) { return Key{}, f.err }

func TestSkewIsAdjustable(t *testing.T) {
	q := listJobs()
	q.at = testNow.Add(-20 * time.Second)
	r, body := q.sign(t)
	v := testVerifier()
	v.MaxSkew = 15 * time.Second
	_, err := v.Verify(r, body)
	if !hasCode(err, CodeInvalidSignature) || !strings.Contains(err.Error(), "- 15 sec.") {
		t.Errorf("Verify = %v", err)
	}
	v.MaxSkew = 20 * time.Second
	if _, err := v.Verify(r, body); err != nil {
		t.Errorf("Verify = %v", err)
	}
}

func TestQueryCode(t *testing.T) {
	for e, want := range map[*Error]string{
		errMismatch():      "SignatureDoesNotMatch",
		errUnrecognized():  "InvalidClientTokenId",
		errMissingToken():  "MissingAuthenticationToken",
		errExpiredToken():  "ExpiredToken",
		errIncomplete("x"): "IncompleteSignature",
	} {
		if got := e.QueryCode(); got != want {
			t.Errorf("%s: QueryCode = %q, want %q", e.Code, got, want)
		}
	}
}

// TestUnusualClients signs by hand what the SDK's signer would not sign.
func TestUnusualClients(t *testing.T) {
	server := func(method, target string) *http.Request {
		r := httptest.NewRequest(method, "http://127.0.0.1:4750"+target, nil)
		r.Header.Set("X-Amz-Date", testNow.Format(timeFormat))
		return r
	}
	tests := []struct {
		name  string
		edit  func(*http.Request)
		names string
	}{
		{"User-Agent and Expect signed", func(r *http.Request) {
			r.Header.Set("User-Agent", "curl/8")
			r.Header.Set("Expect", "100-continue")
		}, "expect;host;user-agent;x-amz-date"},
		{"Transfer-Encoding signed", func(r *http.Request) {
			r.TransferEncoding = []string{"chunked"}
			r.ContentLength = -1
		}, "host;transfer-encoding;x-amz-date"},
		{"empty header signed", func(r *http.Request) { r.Header["X-Empty"] = []string{""} }, "host;x-amz-date;x-empty"},
		{"Content-Length zero signed", func(r *http.Request) { r.ContentLength = 0 }, "content-length;host;x-amz-date"},
		{"absolute request target", func(r *http.Request) { r.RequestURI = "http://127.0.0.1:4750" + r.RequestURI }, "host;x-amz-date"},
		{"HTTP date", func(r *http.Request) {
			r.Header.Del("X-Amz-Date")
			r.Header.Set("Date", testNow.Format(http.TimeFormat))
		}, "date;host"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := server("GET", "/macie?a=1")
			tt.edit(r)
			signByHand(t, r, tt.names)
			if _, err := testVerifier().Verify(r, nil); err != nil {
				t.Fatal(err)
			}
			signed := r.Header.Get("Authorization")
			absent := strings.Replace(signed, "SignedHeaders=", "SignedHeaders=!absent;", 1)
			r.Header.Set("Authorization", absent)
			if _, err := testVerifier().Verify(r, nil); !hasCode(err, CodeInvalidSignature) {
				t.Errorf("with an absent header in the list: %v", err)
			}
		})
	}
}

// signByHand writes an Authorization header with the package's own functions;
// the vectors and the SDK say whether those are right.
func signByHand(t *testing.T, r *http.Request, signedHeaders string) {
	t.Helper()
	path, rawQuery := target(r)
	query, refusal := parseQuery(rawQuery)
	if refusal != nil {
		t.Fatal(refusal)
	}
	c := claim{path: path, query: query, signedHeaders: signedHeaders,
		scope: Scope{AccessKeyID: longKey.AccessKeyID, Date: testNow.Format(dateFormat), Region: "us-east-1", Service: "macie2"}}
	hash, refusal := canonicalRequestHash(r, &c, hexSHA256(nil))
	if refusal != nil {
		t.Fatal(refusal)
	}
	r.Header.Set("Authorization", algorithm+" Credential="+longKey.AccessKeyID+"/"+c.scope.Date+"/us-east-1/macie2/aws4_request,SignedHeaders="+
		signedHeaders+",Signature="+c.sign(longKey.SecretAccessKey, testNow, hash))
}

func readAll(t testing.TB, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
