package api

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	sdkaa "github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	sdkmacie "github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/magpie-sec/magpie/internal/api/sigv4"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

const (
	testKeyID     = "AKIAIOSFODNN7EXAMPLE" // from AWS's documentation
	testSecret    = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	testAccount   = "111122223333"
	testPrincipal = "arn:aws:iam::111122223333:user/dev/alice"
	testRegion    = "us-east-1"
)

// keys is a key store with one key.
type keys struct{}

func (keys) Key(_ context.Context, id string) (sigv4.Key, error) {
	if id != testKeyID {
		return sigv4.Key{}, sigv4.ErrUnknownKey
	}
	return sigv4.Key{Secret: testSecret, Account: testAccount, PrincipalARN: testPrincipal, UserID: "AIDAEXAMPLE"}, nil
}

// server is a running handler whose services are replaced by answers that the test gives.
type server struct {
	t       *testing.T
	url     string
	log     *lockedBuffer
	metrics *prometheus.Registry

	mu      sync.Mutex
	answer  func(context.Context, wire.Input) (wire.Document, error)
	input   wire.Input  // of the last call
	caller  wire.Caller // of the last call
	request string      // id of the last call's request
	audit   chan *AuditRecord
}

// lockedBuffer holds the log, which is written after the answer.
type lockedBuffer struct {
	mu      sync.Mutex
	b       bytes.Buffer
	written chan struct{} // gets an element with each line
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.written <- struct{}{}:
	default: // a test that does not wait for lines
	}
	return l.b.Write(p)
}

// waitForLog returns the log once it has n lines.
func (s *server) waitForLog(n int) string {
	for range n {
		<-s.log.written
	}
	return s.log.String()
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start serves over a real listener.
func start(t *testing.T, change func(*Config), timeouts Timeouts) *server {
	t.Helper()
	s := &server{t: t, log: &lockedBuffer{written: make(chan struct{}, 1000)}, metrics: prometheus.NewRegistry(), audit: make(chan *AuditRecord, 1000)}
	log := slog.New(slog.NewJSONHandler(s.log, nil))
	config := Config{
		Macie: macie2.Unimplemented{}, AccessAnalyzer: accessanalyzer.Unimplemented{},
		Keys: keys{}, Regions: []string{testRegion, "eu-central-1", "cn-north-1"}, Log: log, Metrics: s.metrics,
		Audit: func(_ context.Context, r *AuditRecord) {
			select {
			case s.audit <- r:
			default: // a test that does not look at the records
			}
		},
	}
	if change != nil {
		change(&config)
	}
	h, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, contract := range []*wire.Service{&macie2.Service, &accessanalyzer.Service} {
		h.services[contract.SigningName] = newService(contract, s.fake(contract))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	httpServer := NewServer(h, timeouts, log)
	served := make(chan error, 1)
	go func() { served <- httpServer.Serve(listener) }()
	t.Cleanup(func() {
		_ = httpServer.Close()
		if err := <-served; err != http.ErrServerClosed {
			t.Error(err)
		}
	})
	s.url = "http://" + listener.Addr().String()
	return s
}

// fake binds the operation table of a service to s.answer.
func (s *server) fake(contract *wire.Service) []wire.Endpoint {
	endpoints := macie2.Endpoints(macie2.Unimplemented{})
	if contract == &accessanalyzer.Service {
		endpoints = accessanalyzer.Endpoints(accessanalyzer.Unimplemented{})
	}
	for i := range endpoints {
		e := &endpoints[i]
		e.Call = func(ctx context.Context, in wire.Input) (wire.Document, error) {
			s.mu.Lock()
			answer := s.answer
			s.input, s.caller, s.request = in, wire.CallerFrom(ctx), wire.RequestID(ctx)
			s.mu.Unlock()
			if answer == nil {
				return e.NewOutput(), nil
			}
			return answer(ctx, in)
		}
	}
	return endpoints
}

// answers makes every operation answer out and err from now on.
func (s *server) answers(out wire.Document, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = func(context.Context, wire.Input) (wire.Document, error) { return out, err }
}

func (s *server) recorded() wire.Input {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.input
}

var testCredentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: testKeyID, SecretAccessKey: testSecret}, nil
})

// sdkHTTP sends the SDK's requests. The SDK closes a request's body once the answer begins; if Go's
// transport is then still about to find the body's end through WriteTo, it takes the io.EOF of the closed
// body for an error and drops the connection while the answer is being read (smithy-go 1.28,
// safeWriteToReadCloser). A server as quick as this one lets that happen now and then; without WriteTo it
// cannot.
type sdkHTTP struct{}

func (sdkHTTP) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return http.DefaultClient.Do(r)
}

func (s *server) macie() *sdkmacie.Client {
	return sdkmacie.New(sdkmacie.Options{Region: testRegion, BaseEndpoint: &s.url, Credentials: testCredentials, Retryer: aws.NopRetryer{}, HTTPClient: sdkHTTP{}})
}

func (s *server) accessAnalyzer() *sdkaa.Client {
	return sdkaa.New(sdkaa.Options{Region: testRegion, BaseEndpoint: &s.url, Credentials: testCredentials, Retryer: aws.NopRetryer{}, HTTPClient: sdkHTTP{}})
}

// sign signs a request as the SDKs do. Unlike Go's SDK it signs the path without doubled slashes and dots,
// as the services and the other SDKs do.
func sign(t testing.TB, r *http.Request, body, service, region string) {
	t.Helper()
	sent := *r.URL
	defer func() { *r.URL = sent }()
	clean := path.Clean(sent.EscapedPath())
	if strings.HasSuffix(sent.EscapedPath(), "/") && clean != "/" {
		clean += "/"
	}
	r.URL.RawPath = clean
	r.URL.Path, _ = url.PathUnescape(clean)
	credentials, _ := testCredentials.Retrieve(context.Background())
	if err := v4.NewSigner().SignHTTP(context.Background(), credentials, r, hash(body), service, region, time.Now()); err != nil {
		t.Fatal(err)
	}
}

// do sends a signed request and returns the answer with its body read.
func (s *server) do(method, path, body, service string) (*http.Response, string) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	sign(s.t, r, body, service, testRegion)
	return s.send(r)
}

func (s *server) send(r *http.Request) (*http.Response, string) {
	s.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	answer, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := readAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer, string(text)
}
