package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdkmacie "github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/api/sigv4"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// TestAnswers shows the exact answers to single requests: status, error type, body.
func TestAnswers(t *testing.T) {
	s := start(t, nil, Timeouts{})
	deep := `{"findingCriteria":` + strings.Repeat(`{"x":`, 200) + `1` + strings.Repeat(`}`, 200) + `}`
	cases := []struct {
		name, service, method, path, body string
		status                            int
		errorType, want                   string // want is the whole body, or a part of it after "..."
	}{
		{"empty output", "macie2", "POST", "/macie", `{}`, 200, "", `{}`},
		{"empty output without a shape", "access-analyzer", "DELETE", "/analyzer/a", ``, 200, "", `{}`},
		{"empty body", "macie2", "POST", "/findings", ``, 200, "", `{}`},
		{"null body", "macie2", "POST", "/findings", `null`, 200, "", `{}`},
		{"unknown members", "macie2", "POST", "/findings", `{"Unknown":[{"a":null}],"MAXRESULTS":"x"}`, 200, "", `{}`},
		{"body of an operation without body", "macie2", "GET", "/macie", `not JSON`, 200, "", `{}`},
		{"204", "macie2", "POST", "/tags/arn%3Aaws%3Amacie2%3Aus-east-1%3A111122223333%3Amember%2F444455556666", `{"tags":{}}`, 204, "", ``},

		{"no JSON", "macie2", "POST", "/findings", `{"maxResults":`, 400, "SerializationException",
			`{"message":"maxResults: expected an integer of 32 bits, found the end of the text"}`},
		{"wrong type in the depth", "macie2", "POST", "/jobs", `{"s3JobDefinition":{"bucketDefinitions":[{"accountId":1}]}}`, 400, "SerializationException",
			`{"message":"s3JobDefinition.bucketDefinitions[0].accountId: expected a string, found a number"}`},
		{"array", "macie2", "POST", "/findings", `[]`, 400, "SerializationException", `{"message":"request body: expected an object, found an array"}`},
		{"form", "macie2", "POST", "/findings", `a=b`, 400, "SerializationException", `{"message":"request body: expected an object, found no JSON value"}`},
		{"invalid UTF-8", "macie2", "POST", "/findings", "{\"nextToken\":\"\xff\"}", 400, "SerializationException", `...invalid UTF-8`},
		{"too deep", "macie2", "POST", "/findings", deep, 400, "SerializationException", `...nested too deeply`},
		{"bad query", "macie2", "GET", "/allow-lists?maxResults=ten", ``, 400, "SerializationException", `{"message":"maxResults: expected an integer of 32 bits"}`},
		{"bad boolean", "access-analyzer", "GET", "/policy/generation/j?includeResourcePlaceholders=1", ``, 400, "SerializationException",
			`{"message":"includeResourcePlaceholders: expected true or false"}`},
		{"invalid UTF-8 in the query", "macie2", "GET", "/allow-lists?nextToken=%FF", ``, 400, "SerializationException", `...no valid UTF-8`},
		{"invalid UTF-8 in the path", "macie2", "GET", "/jobs/%FF", ``, 400, "SerializationException", `...no valid UTF-8`},

		{"range", "macie2", "GET", "/allow-lists?maxResults=26", ``, 400, "ValidationException",
			`{"message":"1 validation error detected: Value '26' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 25"}`},
		{"two violations", "macie2", "PATCH", "/macie", `{"status":"ON","findingPublishingFrequency":"DAILY"}`, 400, "ValidationException",
			`{"message":"2 validation errors detected: ` +
				`Value 'DAILY' at 'findingPublishingFrequency' failed to satisfy constraint: Member must satisfy enum value set: [FIFTEEN_MINUTES, ONE_HOUR, SIX_HOURS]; ` +
				`Value 'ON' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [PAUSED, ENABLED]"}`},
		{"union with two members", "access-analyzer", "PUT", "/analyzer", `{"analyzerName":"a","type":"ACCOUNT","configuration":{"unusedAccess":{},"internalAccess":{}}}`,
			400, "ValidationException", `{"message":"1 validation error detected: Value at 'configuration' failed to satisfy constraint: ` +
				`Member must have exactly one of [unusedAccess, internalAccess] set, it has 2","reason":"fieldValidationFailed",` +
				`"fieldList":[{"name":"configuration","message":"Member must have exactly one of [unusedAccess, internalAccess] set, it has 2"}]}`},
		{"union without a member", "access-analyzer", "PUT", "/analyzer", `{"analyzerName":"a","type":"ACCOUNT","configuration":{"other":1}}`,
			400, "ValidationException", `..."reason":"fieldValidationFailed"`},
		{"pattern of a label", "access-analyzer", "GET", "/analyzer/-a", ``, 400, "ValidationException", `...Member must satisfy regular expression pattern: [A-Za-z_][A-Za-z0-9_.-]*`},

		{"unknown route", "macie2", "GET", "/nothing", ``, 404, "UnknownOperationException", `{"message":"The service has no operation with this method and path."}`},
		{"route of the other service", "macie2", "GET", "/analyzer", ``, 404, "UnknownOperationException", `...`},
		{"wrong method", "macie2", "PUT", "/macie", `{}`, 404, "UnknownOperationException", `...`},
		{"root", "access-analyzer", "GET", "/", ``, 404, "UnknownOperationException", `...`},
		{"doubled slash", "macie2", "GET", "//macie", ``, 404, "UnknownOperationException", `...`},
		{"dots", "macie2", "GET", "/x/../macie", ``, 404, "UnknownOperationException", `...`},
		{"trailing slash", "macie2", "GET", "/macie/", ``, 404, "UnknownOperationException", `...`},
		{"empty label", "access-analyzer", "GET", "/analyzer/", ``, 404, "UnknownOperationException", `...`},
		{"OPTIONS", "macie2", "OPTIONS", "/macie", ``, 404, "UnknownOperationException", `...`},
		{"HEAD", "macie2", "HEAD", "/macie", ``, 404, "UnknownOperationException", ``},
		{"wrong service", "s3", "GET", "/macie", ``, 403, "InvalidSignatureException", `...Credential should be scoped to correct service`},
	}
	for _, c := range cases {
		answer, text := s.do(c.method, c.path, c.body, c.service)
		part, isPart := strings.CutPrefix(c.want, "...")
		if answer.StatusCode != c.status || answer.Header.Get("X-Amzn-Errortype") != c.errorType ||
			!isPart && text != c.want || !strings.Contains(text, part) && isPart {
			t.Errorf("%s: %d %s %s\nwant %d %s %s", c.name, answer.StatusCode, answer.Header.Get("X-Amzn-Errortype"), text, c.status, c.errorType, c.want)
		}
		if answer.Header.Get("X-Amzn-Requestid") == "" {
			t.Errorf("%s: no request id", c.name)
		}
		kind, caching := answer.Header.Get("Content-Type"), answer.Header.Get("Cache-Control")
		if kind != "" && caching != "no-store" {
			t.Errorf("%s: Cache-Control %q", c.name, caching)
		}
		if kind != "application/json" && c.status != 204 || kind != "" && c.status == 204 {
			t.Errorf("%s: Content-Type %q", c.name, kind)
		}
		if strings.Contains(text, "<html") || len(text) > 0 && !json.Valid([]byte(text)) {
			t.Errorf("%s: no JSON: %s", c.name, text)
		}
	}
}

// TestNotAuthenticated shows that nothing is reached without a signature, and in which form that is said.
func TestNotAuthenticated(t *testing.T) {
	s := start(t, nil, Timeouts{})
	get := func(change func(*http.Request)) (*http.Response, string) {
		r, err := http.NewRequest("GET", s.url+"/macie", nil)
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		return s.send(r)
	}
	answer, text := get(func(*http.Request) {})
	if answer.StatusCode != 403 || answer.Header.Get("X-Amzn-Errortype") != "MissingAuthenticationTokenException" || text != `{"message":"Missing Authentication Token"}` {
		t.Errorf("unsigned: %d %v %s", answer.StatusCode, answer.Header, text)
	}
	answer, text = get(func(r *http.Request) { sign(t, r, "", "macie2", "mars-north-1") })
	if answer.StatusCode != 403 || !strings.Contains(text, "Credential should be scoped to a valid region, not 'mars-north-1'.") {
		t.Errorf("Region that is not served: %d %s", answer.StatusCode, text)
	}
	answer, _ = get(func(r *http.Request) { sign(t, r, "another body", "macie2", testRegion) })
	if answer.StatusCode != 403 || answer.Header.Get("X-Amzn-Errortype") != "InvalidSignatureException" {
		t.Errorf("tampered: %d %v", answer.StatusCode, answer.Header)
	}
	if s.recorded() != nil {
		t.Error("a request without a valid signature reached the service")
	}
}

// failingKeys is a key store that cannot answer.
type failingKeys struct{}

func (failingKeys) Key(context.Context, string) (sigv4.Key, error) {
	return sigv4.Key{}, errors.New("the disk is gone")
}

func TestKeyStoreFailureIsNotTheClientsFault(t *testing.T) {
	s := start(t, func(c *Config) { c.Keys = failingKeys{} }, Timeouts{})
	answer, text := s.do("GET", "/macie", "", "macie2")
	if answer.StatusCode != 500 || answer.Header.Get("X-Amzn-Errortype") != "InternalServerException" || strings.Contains(text, "disk") {
		t.Errorf("%d %v %s", answer.StatusCode, answer.Header, text)
	}
	if !strings.Contains(s.log.String(), "the disk is gone") {
		t.Error("the log does not say why")
	}
}

func TestCallerReachesTheService(t *testing.T) {
	s := start(t, nil, Timeouts{})
	for region, partition := range map[string]string{testRegion: "aws", "cn-north-1": "aws-cn"} {
		r, err := http.NewRequest("GET", s.url+"/macie", nil)
		if err != nil {
			t.Fatal(err)
		}
		sign(t, r, "", "macie2", region)
		answer, _ := s.send(r)
		want := wire.Caller{Account: testAccount, Region: region, Partition: partition, AccessKeyID: testKeyID, PrincipalARN: testPrincipal}
		if s.caller != want || s.request != answer.Header.Get("X-Amzn-Requestid") {
			t.Errorf("caller %+v, request %s, want %+v", s.caller, s.request, want)
		}
	}
}

// TestTagRoutes sends the ARN percent-encoded, as SDKs do, and raw.
func TestTagRoutes(t *testing.T) {
	s := start(t, nil, Timeouts{})
	for _, arn := range []string{
		"arn:aws:macie2:us-east-1:111122223333:allow-list/abc",
		"arn:aws:access-analyzer:us-east-1:111122223333:analyzer/x",
		"arn:aws:s3:::bucket//double/..%2F/end",
		"plain",
	} {
		for _, service := range []string{"macie2", "access-analyzer"} {
			for _, path := range []string{"/tags/" + url.PathEscape(arn), "/tags/" + strings.ReplaceAll(arn, "%", "%25")} {
				if _, text := s.do("GET", path, "", service); text != "{}" {
					t.Errorf("%s: %s", path, text)
				}
				var got *string
				switch in := s.recorded().(type) {
				case *macie2.ListTagsForResourceInput:
					got = in.ResourceArn
				case *accessanalyzer.ListTagsForResourceInput:
					got = in.ResourceArn
				}
				if wire.Value(got) != arn {
					t.Errorf("%s: the service got %v", path, got)
				}
			}
		}
	}
	s.do("DELETE", "/tags/a?tagKeys=x&tagKeys=y%20z", "", "macie2")
	if diff := cmp.Diff(wire.Input(&macie2.UntagResourceInput{ResourceArn: wire.Ptr("a"), TagKeys: []string{"x", "y z"}}), s.recorded()); diff != "" {
		t.Error(diff)
	}
}

// TestBodyMembersDoNotReplaceLabels sends a path member in the body too.
func TestBodyMembersDoNotReplaceLabels(t *testing.T) {
	s := start(t, nil, Timeouts{})
	s.do("PATCH", "/jobs/right", `{"jobId":"wrong","jobStatus":"CANCELLED"}`, "macie2")
	want := &macie2.UpdateClassificationJobInput{JobId: wire.Ptr("right"), JobStatus: macie2.JobStatusCancelled}
	if diff := cmp.Diff(wire.Input(want), s.recorded()); diff != "" {
		t.Error(diff)
	}
}

func TestTimestampsOnTheWire(t *testing.T) {
	s := start(t, nil, Timeouts{})
	s.answers(&macie2.GetMacieSessionOutput{CreatedAt: wire.PtrTime(time.Date(2024, 4, 29, 17, 46, 2, 401_999_999, time.FixedZone("", 7200)))}, nil)
	if _, text := s.do("GET", "/macie", "", "macie2"); text != `{"createdAt":"2024-04-29T15:46:02.401Z"}` {
		t.Error(text)
	}
}

func TestErrorsOfServices(t *testing.T) {
	s := start(t, nil, Timeouts{})
	cases := []struct {
		name, service, method, path string
		err                         error
		status                      int
		errorType, body             string
	}{
		{"untyped", "macie2", "GET", "/macie", errors.New("secret detail"), 500, "InternalServerException", `{"message":"` + internalMessage + `"}`},
		{"wrapped", "macie2", "GET", "/macie", fmt.Errorf("wrapped: %w", wire.Errorf(wire.AccessDenied, "Macie is not enabled.").Because(errors.New("secret detail"))),
			403, "AccessDeniedException", `{"message":"Macie is not enabled."}`},
		{"internal", "access-analyzer", "GET", "/analyzer", wire.Errorf(wire.Internal, "secret detail"), 500, "InternalServerException", `{"message":"` + internalMessage + `"}`},
		{"forgotten kind", "macie2", "GET", "/macie", &wire.Error{Message: "secret detail"}, 500, "InternalServerException", `{"message":"` + internalMessage + `"}`},
		{"not found, not modelled", "access-analyzer", "GET", "/analyzer", wire.Errorf(wire.NotFound, "gone"), 400, "ValidationException", `{"message":"gone","reason":"other"}`},
		{"conflict, not modelled", "macie2", "GET", "/allow-lists", wire.Errorf(wire.Conflict, "clash"), 400, "ValidationException", `{"message":"clash"}`},
		{"validation, not modelled", "macie2", "GET", "/findings/f/reveal", wire.Errorf(wire.Validation, "bad"), 422, "UnprocessableEntityException", `{"message":"bad"}`},
		{"nothing modelled", "macie2", "GET", "/tags/a", wire.Errorf(wire.NotFound, "gone"), 404, "ResourceNotFoundException", `{"message":"gone"}`},
		{"about nothing", "access-analyzer", "GET", "/analyzer/a", wire.Errorf(wire.NotFound, "gone"), 404, "ResourceNotFoundException", `{"message":"gone","resourceId":"","resourceType":""}`},
		{"reason given", "access-analyzer", "GET", "/analyzer", &wire.Error{Kind: wire.Validation, Message: "m", Reason: wire.ReasonNotSupported}, 400, "ValidationException", `{"message":"m","reason":"notSupported"}`},
		{"quota", "macie2", "POST", "/findingsfilters", wire.Errorf(wire.Quota, "full"), 402, "ServiceQuotaExceededException", `{"message":"full"}`},
	}
	for _, c := range cases {
		s.answers(nil, c.err)
		body := ""
		if c.method == "POST" {
			body = `{"action":"NOOP","name":"n","findingCriteria":{}}`
		}
		answer, text := s.do(c.method, c.path, body, c.service)
		if answer.StatusCode != c.status || answer.Header.Get("X-Amzn-Errortype") != c.errorType || text != c.body {
			t.Errorf("%s: %d %s %s\nwant %d %s %s", c.name, answer.StatusCode, answer.Header.Get("X-Amzn-Errortype"), text, c.status, c.errorType, c.body)
		}
	}
	if log := s.log.String(); strings.Count(log, "an error that the operation does not model") != 3 || !strings.Contains(log, "secret detail") {
		t.Errorf("the log does not name the unmodelled errors and the causes:\n%s", log)
	}
}

func TestRetryAfter(t *testing.T) {
	s := start(t, nil, Timeouts{})
	for _, service := range []string{"macie2", "access-analyzer"} {
		s.answers(nil, &wire.Error{Kind: wire.Throttling, Message: "slow down", RetryAfter: 10})
		path := map[string]string{"macie2": "/macie", "access-analyzer": "/analyzer"}[service]
		answer, text := s.do("GET", path, "", service)
		if answer.StatusCode != 429 || answer.Header.Get("Retry-After") != "10" || text != `{"message":"slow down"}` {
			t.Errorf("%s: %d %v %s", service, answer.StatusCode, answer.Header, text)
		}
	}
}

func TestPanicBecomesAnInternalError(t *testing.T) {
	s := start(t, nil, Timeouts{})
	s.answer = func(context.Context, wire.Input) (wire.Document, error) { panic("secret detail") }
	answer, text := s.do("GET", "/macie", "", "macie2")
	if answer.StatusCode != 500 || answer.Header.Get("X-Amzn-Errortype") != "InternalServerException" || strings.Contains(text, "secret") {
		t.Errorf("%d %v %s", answer.StatusCode, answer.Header, text)
	}
	if log := s.log.String(); !strings.Contains(log, "secret detail") || !strings.Contains(log, answer.Header.Get("X-Amzn-Requestid")) {
		t.Error("the log does not hold the panic with its request id")
	}
	s.answer = nil
	if answer, _ := s.do("GET", "/macie", "", "macie2"); answer.StatusCode != 200 {
		t.Error("the server does not go on after a panic")
	}
}

// zeros is an endless body that counts what is taken of it.
type zeros struct {
	taken atomic.Int64
	left  int64
}

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left -= n
	z.taken.Add(n)
	return int(n), nil
}

// TestHugeBody sends 100 MB, with and without its length in the header.
func TestHugeBody(t *testing.T) {
	s := start(t, nil, Timeouts{})
	const size = 100 << 20
	for _, length := range []int64{size, -1} {
		body := &zeros{left: size}
		r, err := http.NewRequest("POST", s.url+"/findings", io.NopCloser(body))
		if err != nil {
			t.Fatal(err)
		}
		sign(t, r, "", "macie2", testRegion)
		r.ContentLength = length
		answer, text := s.send(r)
		want := `{"message":"The request body is larger than 4194304 bytes."}`
		if answer.StatusCode != 413 || answer.Header.Get("X-Amzn-Errortype") != "RequestEntityTooLargeException" || text != want || !answer.Close {
			t.Errorf("length %d: %d %v %s", length, answer.StatusCode, answer.Header, text)
		}
		if taken := body.taken.Load(); taken > 32<<20 {
			t.Errorf("length %d: the server took %d bytes before it refused", length, taken)
		}
	}
	// The same through the SDK gives an error with that name.
	huge := strings.Repeat("x", DefaultMaxBody+1)
	_, err := s.macie().ListFindings(context.Background(), &sdkmacie.ListFindingsInput{NextToken: &huge})
	if err == nil || !strings.Contains(err.Error(), "RequestEntityTooLargeException") {
		t.Error(err)
	}
	// The greatest body that is allowed passes.
	if answer, text := s.do("POST", "/findings", "{}"+strings.Repeat(" ", DefaultMaxBody-2), "macie2"); answer.StatusCode != 200 {
		t.Error(text)
	}
}

// TestSlowClientsAreCut begins requests that never end and waits for the server to close the connection.
func TestSlowClientsAreCut(t *testing.T) {
	s := start(t, nil, Timeouts{Header: 50 * time.Millisecond, Read: 100 * time.Millisecond, Idle: 50 * time.Millisecond})
	signed, err := http.NewRequest("POST", s.url+"/findings", nil)
	if err != nil {
		t.Fatal(err)
	}
	sign(t, signed, "", "macie2", testRegion)
	for _, text := range []string{
		"GET /macie HTTP/1.1\r\nHost: x\r\n",
		"POST /findings HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nAuthorization: " + signed.Header.Get("Authorization") + "\r\n\r\n{",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(bufio.NewReader(conn)) // returns when the server has closed
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(string(answer), "200 OK") {
			t.Errorf("%q was answered %s", text, answer)
		}
		conn.Close()
	}
}

func TestLogHoldsTheRequestAndNotItsContent(t *testing.T) {
	s := start(t, nil, Timeouts{})
	answer, _ := s.do("POST", "/custom-data-identifiers/test", `{"regex":"private-pattern","sampleText":"123-45-6789"}`, "macie2")
	s.do("GET", "/allow-lists?nextToken=private-token&maxResults=x", "", "macie2")
	log := s.waitForLog(2)
	var line struct {
		Msg, RequestID, Service, Operation, Account, Region, Source string
		Status, BytesIn, BytesOut                                   int
		Duration                                                    *int64
	}
	if err := json.Unmarshal([]byte(strings.SplitN(log, "\n", 2)[0]), &line); err != nil {
		t.Fatal(err)
	}
	if line.Msg != "request" || line.RequestID != answer.Header.Get("X-Amzn-Requestid") || line.Service != "macie2" ||
		line.Operation != "TestCustomDataIdentifier" || line.Account != testAccount || line.Region != testRegion ||
		line.Status != 200 || line.BytesIn != 54 || line.BytesOut != 2 || line.Source != "127.0.0.1" || line.Duration == nil {
		t.Errorf("%+v", line)
	}
	for _, secret := range []string{"private", "6789", testSecret} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q:\n%s", secret, log)
		}
	}
}

func TestMetrics(t *testing.T) {
	s := start(t, nil, Timeouts{})
	s.do("GET", "/macie", "", "macie2")
	s.do("GET", "/macie", "", "macie2")
	s.do("GET", "/nothing", "", "macie2")
	s.do("GET", "/macie", "", "client-chosen-service")
	s.waitForLog(4)
	want := map[string]int{" 403": 1, "macie2 404": 1, "macie2 GetMacieSession 200": 2}
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, family := range families {
		got := map[string]int{}
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			key := strings.ReplaceAll(labels["service"]+" "+labels["operation"]+" "+labels["status"], "  ", " ")
			got[key] = int(m.GetCounter().GetValue()) + int(m.GetHistogram().GetSampleCount())
		}
		switch family.GetName() {
		case "magpie_api_requests_total", "magpie_api_request_duration_seconds":
			seen++
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s:\n%s", family.GetName(), diff)
			}
		}
	}
	if seen != 2 {
		t.Errorf("%d metrics of requests, want 2", seen)
	}
}

func TestConfigIsChecked(t *testing.T) {
	good := Config{Macie: macie2.Unimplemented{}, AccessAnalyzer: accessanalyzer.Unimplemented{}, Keys: keys{}, Regions: []string{testRegion}}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Config){
		"macie": func(c *Config) { c.Macie = nil }, "access analyzer": func(c *Config) { c.AccessAnalyzer = nil },
		"keys": func(c *Config) { c.Keys = nil }, "regions": func(c *Config) { c.Regions = nil },
	} {
		c := good
		spoil(&c)
		if _, err := New(c); err == nil {
			t.Errorf("a configuration without %s was taken", name)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	h, err := New(Config{Macie: macie2.Unimplemented{}, AccessAnalyzer: accessanalyzer.Unimplemented{}, Keys: keys{}, Regions: []string{testRegion}})
	if err != nil {
		b.Fatal(err)
	}
	r, err := http.NewRequest("GET", "http://localhost/macie", nil)
	if err != nil {
		b.Fatal(err)
	}
	sign(b, r, "", "macie2", testRegion)
	r.Body = http.NoBody
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(discard{http.Header{}}, r)
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
