package sigv4

import (
	"bufio"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// The suites' key and tokens (see testdata/README.md).
const (
	suiteSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	suiteTime   = "20150830T123600Z"
)

type vector struct {
	name    string
	request *http.Request
	body    []byte
}

// readVectors parses testdata/vectors.txt. Its own small parser takes request
// lines that net/http's would not (a space or raw UTF-8 in the target) and
// leaves everything else as net/http's server would hand it over.
func readVectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	for _, block := range strings.Split(string(data), "=== ")[1:] {
		name, text, _ := strings.Cut(block, "\n")
		vectors = append(vectors, parseVector(t, name, text))
	}
	if len(vectors) != 43 {
		t.Fatalf("vectors.txt has %d vectors, want 43", len(vectors))
	}
	return vectors
}

func parseVector(t testing.TB, name, text string) vector {
	head, body, _ := strings.Cut(text, "\n\n")
	lines := bufio.NewScanner(strings.NewReader(head))
	lines.Buffer(nil, 1<<20)
	lines.Scan()
	method, rest, _ := strings.Cut(lines.Text(), " ")
	r := &http.Request{
		Method:     method,
		RequestURI: strings.TrimSuffix(rest, " HTTP/1.1"),
		URL:        &url.URL{Path: "/not-looked-at"},
		Header:     http.Header{},
	}
	for lines.Scan() && lines.Text() != "" {
		key, value, ok := strings.Cut(lines.Text(), ":")
		if !ok {
			t.Fatalf("%s: no header: %q", name, lines.Text())
		}
		value = strings.TrimSpace(value)
		if key == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(key, value)
	}
	return vector{name: name, request: r, body: []byte(strings.TrimSuffix(strings.TrimSpace(body), "\n"))}
}

func (v vector) verifier() *Verifier {
	now, _ := time.Parse(timeFormat, suiteTime)
	if strings.HasPrefix(v.name, "2011-") {
		now = time.Date(2011, 9, 9, 23, 36, 0, 0, time.UTC)
	}
	return &Verifier{
		Keys: keys{"AKIDEXAMPLE": {
			Secret: suiteSecret, SessionToken: v.request.Header.Get(amzSecurityToken),
			Account: "111122223333", PrincipalARN: "arn:aws:iam::111122223333:user/suite", UserID: "AIDAEXAMPLE",
		}},
		Now:      func() time.Time { return now },
		Services: []string{"service", "host"},
	}
}

func TestVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.name, func(t *testing.T) {
			verifier := v.verifier()
			got, err := verifier.Verify(v.request, v.body)
			if err != nil {
				t.Fatalf("Verify: %v", err)
			}
			want := Identity{
				AccessKeyID: "AKIDEXAMPLE", Account: "111122223333",
				PrincipalARN: "arn:aws:iam::111122223333:user/suite", UserID: "AIDAEXAMPLE",
				Region: "us-east-1", Service: got.Service, Time: verifier.Now(),
				Presigned: strings.HasPrefix(v.name, "presigned-"),
			}
			if got != want {
				t.Errorf("identity %+v, want %+v", got, want)
			}
			// The same request with another body is another request.
			if _, err := verifier.Verify(v.request, append(v.body, '!')); !hasCode(err, CodeInvalidSignature) {
				t.Errorf("with another body: %v", err)
			}
		})
	}
}
