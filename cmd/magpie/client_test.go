package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"
)

// client makes a client of a server's first account, with the key of its first start.
func (s *serving) client() *macie2.Client {
	s.t.Helper()
	c, err := readCredential(s.dir + "/credentials")
	if err != nil {
		s.t.Fatal(err)
	}
	return clientOf(s.endpoint, c)
}

// plainBody sends the SDK's requests with bodies that have no WriteTo: the SDK's closes the connection now and then under an answer that
// comes quickly (see sdkHTTP in the tests of package api).
type plainBody struct{}

func (plainBody) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return http.DefaultClient.Do(r)
}

func clientOf(endpoint string, c credential) *macie2.Client {
	return macie2.New(macie2.Options{
		Region: defaultRegion, BaseEndpoint: aws.String(endpoint), Retryer: aws.NopRetryer{}, HTTPClient: plainBody{},
		Credentials: credentials.NewStaticCredentialsProvider(c.id, c.secret, ""),
	})
}

func enable(t testing.TB, c *macie2.Client) {
	t.Helper()
	if _, err := c.EnableMacie(t.Context(), &macie2.EnableMacieInput{}); err != nil {
		t.Fatal(err)
	}
}

func createJob(t testing.TB, c *macie2.Client, buckets ...string) string {
	t.Helper()
	return createJobAs(t, c, "token", buckets...)
}

// createJobAs creates a job with a client token.
func createJobAs(t testing.TB, c *macie2.Client, token string, buckets ...string) string {
	t.Helper()
	out, err := c.CreateClassificationJob(t.Context(), &macie2.CreateClassificationJobInput{
		Name: aws.String("test"), JobType: types.JobTypeOneTime, ClientToken: aws.String(token),
		ManagedDataIdentifierSelector: types.ManagedDataIdentifierSelectorAll,
		S3JobDefinition: &types.S3JobDefinition{BucketDefinitions: []types.S3BucketDefinitionForJob{{
			AccountId: aws.String(defaultAccount), Buckets: buckets,
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.JobId
}

func describeJob(t testing.TB, c *macie2.Client, id string) *macie2.DescribeClassificationJobOutput {
	t.Helper()
	out, err := c.DescribeClassificationJob(t.Context(), &macie2.DescribeClassificationJobInput{JobId: &id})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// until asks again and again, with a pause, until the answer is yes.
func until(t testing.TB, what string, yes func() bool) {
	t.Helper()
	deadline, again := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer again.Stop()
	for !yes() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		case <-again.C:
		}
	}
}

// awaitStatus waits until a job has a status; how far it came meanwhile is none of its business.
func awaitStatus(t testing.TB, c *macie2.Client, id string, want types.JobStatus) {
	t.Helper()
	until(t, "the job is "+string(want), func() bool { return describeJob(t, c, id).JobStatus == want })
}

// findingIDs lists the ids of all findings, a page at a time.
func findingIDs(t testing.TB, c *macie2.Client) []string {
	t.Helper()
	var ids []string
	pages := macie2.NewListFindingsPaginator(c, &macie2.ListFindingsInput{MaxResults: aws.Int32(50)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, page.FindingIds...)
	}
	return ids
}

// findingsByID reads all findings.
func findingsByID(t testing.TB, c *macie2.Client) map[string]types.Finding {
	t.Helper()
	found := map[string]types.Finding{}
	ids := findingIDs(t, c)
	for len(ids) > 0 {
		n := min(len(ids), 50)
		out, err := c.GetFindings(t.Context(), &macie2.GetFindingsInput{FindingIds: ids[:n]})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range out.Findings {
			if _, twice := found[*f.Id]; twice {
				t.Fatalf("finding %s is listed twice", *f.Id)
			}
			found[*f.Id] = f
		}
		ids = ids[n:]
	}
	return found
}

// isA says whether an error is one of the service's modelled types.
func isA[T error](err error) bool {
	var want T
	return errors.As(err, &want)
}

// slowRequest sends the head of a request and the rest of it when release is called. It returns when the server has begun to read it.
func slowRequest(t testing.TB, s *serving) (release func()) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.endpoint, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	// The server says 100 Continue when it begins to read the body. The signature is refused only after that.
	head := "POST /macie HTTP/1.1\r\nHost: magpie\r\nContent-Length: 2\r\nExpect: 100-continue\r\nX-Amz-Date: 20261121T080000Z\r\n" +
		"Authorization: AWS4-HMAC-SHA256 Credential=MAGPIENOSUCHKEY00000/20261121/us-east-1/macie2/aws4_request, SignedHeaders=host;x-amz-date, Signature=00\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	answer := bufio.NewReader(conn)
	if line, err := answer.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("the server does not read the body: %q, %v", line, err)
	}
	return func() {
		if _, err := io.WriteString(conn, "{}"); err != nil {
			t.Error(err)
		}
		if _, err := io.ReadAll(answer); err != nil {
			t.Errorf("the request was cut off: %v", err)
		}
	}
}
