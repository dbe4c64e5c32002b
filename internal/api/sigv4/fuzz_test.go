package sigv4

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// FuzzVerify feeds arbitrary Authorization headers and request targets. Nothing
// may be accepted but the genuine request, in any spelling in which an
// operation would read the same path and the same parameters.
func FuzzVerify(f *testing.F) {
	header, body := listJobs().sign(f)
	q := listJobs()
	q.expires = "60"
	presigned, _ := q.sign(f)
	genuine, err := url.ParseRequestURI(header.RequestURI)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(header.Header.Get("Authorization"), header.RequestURI)
	f.Add("", presigned.RequestURI)
	f.Add("", header.RequestURI+"&X-Amz-Signature=&X-Amz-Credential=%2F%2F%2F%2F")
	f.Add(algorithm+" Credential=a/b/c/d/e,SignedHeaders=,Signature=", "//..//%2e?%zz&;&=&+")
	f.Add("AWS4-HMAC-SHA256", "*")
	f.Add(header.Header.Get("Authorization"), "http://x/jobs/list?page=a+b")
	v := testVerifier()
	f.Fuzz(func(t *testing.T, authorization, uri string) {
		r := header.Clone(context.Background())
		r.RequestURI = uri
		r.Header.Del("Authorization")
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		id, err := v.Verify(r, body)
		if err != nil {
			if id != (Identity{}) {
				t.Fatalf("a refused request has the identity %+v", id)
			}
			return
		}
		if id.AccessKeyID != longKey.AccessKeyID {
			t.Fatalf("identity %+v", id)
		}
		read, err := url.ParseRequestURI(uri)
		if err != nil {
			t.Fatalf("accepted a target that net/url refuses: %q", uri)
		}
		got, want := read.Query(), genuine.Query()
		maps.DeleteFunc(got, func(k string, _ []string) bool { return id.Presigned && len(k) > 6 && k[:6] == "X-Amz-" })
		if !maps.EqualFunc(got, want, slices.Equal) {
			t.Fatalf("accepted %q, which reads as %v", uri, got)
		}
		if normalizePath(read.EscapedPath()) != genuine.EscapedPath() {
			t.Fatalf("accepted the path of %q", uri)
		}
	})
}

// BenchmarkVerify verifies a typical request: ListFindings with a small body.
func BenchmarkVerify(b *testing.B) {
	for name, q := range map[string]request{"header": listJobs(), "presigned": func() request { q := listJobs(); q.expires = "60"; return q }()} {
		b.Run(name, func(b *testing.B) {
			r, body := q.sign(b)
			v := testVerifier()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(r, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSDKSigner signs the same request with aws-sdk-go-v2's signer, which
// is what a verifier that signs again and compares would have to do at least.
func BenchmarkSDKSigner(b *testing.B) {
	r, body := listJobs().sign(b)
	r.URL.Host = r.Host
	signer := v4.NewSigner()
	at := testNow.Truncate(time.Second)
	b.ReportAllocs()
	for b.Loop() {
		again := r.Clone(context.Background())
		again.Header.Del("Authorization")
		if err := signer.SignHTTP(context.Background(), longKey, again, hexSHA256(body), "macie2", "us-east-1", at); err != nil {
			b.Fatal(err)
		}
		if again.Header.Get("Authorization") != r.Header.Get("Authorization") {
			b.Fatal("the SDK does not come to its own signature again")
		}
	}
}

// BenchmarkVerifyLargeBody shows what the hash of the body costs.
func BenchmarkVerifyLargeBody(b *testing.B) {
	q := listJobs()
	q.body = string(make([]byte, 1<<20))
	r, body := q.sign(b)
	v := testVerifier()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := v.Verify(r, body); err != nil {
			b.Fatal(err)
		}
	}
}
