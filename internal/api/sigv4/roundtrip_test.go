package sigv4

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"
)

// spellings writes text for a URL in one of the many ways that mean the same:
// escaped or not where that is free, either case of the digits, "+" or "%20".
func spellings(t *rapid.T, text, free string, plus bool) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		style := rapid.IntRange(0, 3).Draw(t, "style")
		switch {
		case c == ' ' && plus && style == 0:
			b.WriteByte('+')
		case (unreserved[c] || strings.IndexByte(free, c) >= 0) && style != 1:
			b.WriteByte(c)
		case style == 2:
			fmt.Fprintf(&b, "%%%02x", c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

var (
	oddText = rapid.StringOfN(rapid.SampledFrom([]rune("abAZ09-._~ !*'();:@&=+$,/?#[]%\"<>^`{|}\\é漢\u0000\n")), 0, 12, -1)
	oddPath = rapid.SliceOfN(rapid.OneOf(oddText, rapid.SampledFrom([]string{"", ".", "..", "tags", "arn:aws:macie2:us-east-1:111122223333:allow-list/abc"})), 0, 5)
)

type drawn struct {
	r        *http.Request // signed, as a server sees it
	body     []byte
	rawPath  string
	rawQuery string
}

// drawRequest draws a request, has the SDK sign its plain form and sends it in
// an odd form that must mean the same.
func drawRequest(t *rapid.T) drawn {
	segments := oddPath.Draw(t, "path")
	odd := "/"
	for i, s := range segments {
		if i > 0 {
			odd += "/"
		}
		if s == "." || s == ".." {
			odd += s // as dots, which is what normalization acts on
		} else {
			// A colon or a comma is allowed in a path as it is.
			odd += spellings(t, s, ":,@!$&'()*+=", false)
		}
	}
	// The SDK does not normalize, so it gets the path that should come out.
	normal := path.Clean(odd)
	if strings.HasSuffix(odd, "/") && normal != "/" {
		normal += "/"
	}

	var elements []string
	for range rapid.IntRange(0, 5).Draw(t, "parameters") {
		name := spellings(t, rapid.OneOf(oddText, rapid.SampledFrom([]string{"tagKeys", "maxResults", ""})).Draw(t, "name"), "", true)
		switch rapid.IntRange(0, 4).Draw(t, "form") {
		case 0:
			elements = append(elements, name)
		case 1:
			elements = append(elements, name+"=")
		default:
			elements = append(elements, name+"="+spellings(t, oddText.Draw(t, "value"), "/:@!$'()*,?=", true))
		}
	}
	q := request{
		method: rapid.SampledFrom([]string{"GET", "POST", "PUT", "DELETE", "PATCH"}).Draw(t, "method"),
		body:   rapid.SampledFrom([]string{"", "{}", `{"a":"é"}`, "\x00\xff"}).Draw(t, "body"),
	}
	r, err := http.NewRequest(q.method, "http://127.0.0.1:4750"+normal, strings.NewReader(q.body))
	if err != nil {
		t.Fatalf("path %q: %v", normal, err)
	}
	r.URL.RawQuery = strings.Join(elements, "&")
	r.Host = rapid.SampledFrom([]string{"", "macie2.us-east-1.amazonaws.com", "magpie.example:8443", "[::1]:4750"}).Draw(t, "host")
	for range rapid.IntRange(0, 3).Draw(t, "headers") {
		name := rapid.SampledFrom([]string{"Content-Type", "X-Amz-Meta-A", "X-Amz-Client", "Accept", "If-Match"}).Draw(t, "header")
		r.Header.Add(name, rapid.StringMatching(`[a-z"]{0,3}( {1,3}[a-zé,]{0,3}){0,3}`).Draw(t, "value"))
	}
	credentials := rapid.SampledFrom([]int{0, 1}).Draw(t, "key")
	key := longKey
	if credentials == 1 {
		key = tempKey
	}
	at := testNow.Add(time.Duration(rapid.IntRange(-300, 300).Draw(t, "age")) * time.Second)
	service := rapid.SampledFrom([]string{"macie2", "access-analyzer"}).Draw(t, "service")
	hash := hexSHA256([]byte(q.body))
	query := r.URL.RawQuery

	if rapid.Bool().Draw(t, "presigned") {
		expires := "X-Amz-Expires=" + strconv.Itoa(rapid.IntRange(300, 604800).Draw(t, "expires"))
		r.URL.RawQuery = strings.TrimPrefix(query+"&"+expires, "&")
		signed, header, err := v4.NewSigner().PresignHTTP(context.Background(), key, r, hash, service, "us-east-1", at)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(signed)
		if err != nil {
			t.Fatal(err)
		}
		for element := range strings.SplitSeq(u.RawQuery, "&") {
			if strings.HasPrefix(element, "X-Amz-") {
				elements = append(elements, element)
			}
		}
		r.Header = http.Header{}
		for name, values := range header {
			if name != "Host" {
				r.Header[name] = values
			}
		}
	} else if err := v4.NewSigner().SignHTTP(context.Background(), key, r, hash, service, "us-east-1", at); err != nil {
		t.Fatal(err)
	}
	query = strings.Join(rapid.Permutation(elements).Draw(t, "order"), "&")
	s := received(r, q.body)
	s.RequestURI = odd
	if query != "" {
		s.RequestURI += "?" + query
	}
	return drawn{r: s, body: []byte(q.body), rawPath: odd, rawQuery: query}
}

// TestRoundTrip has the SDK sign odd requests and sends each in another, equal
// spelling; every one must verify, and none with one byte changed.
func TestRoundTrip(t *testing.T) {
	v := testVerifier()
	rapid.Check(t, func(t *rapid.T) {
		d := drawRequest(t)
		if _, err := v.Verify(d.r, d.body); err != nil {
			t.Fatalf("%s %s: %v\n%v", d.r.Method, d.r.RequestURI, err, d.r.Header)
		}
		c, refusal := readClaim(d.r)
		if refusal != nil {
			t.Fatal(refusal)
		}
		before, _ := canonicalRequestHash(d.r, &c, hexSHA256(d.body))

		at := rapid.IntRange(0, len(d.r.RequestURI)-1).Draw(t, "byte")
		changed := []byte(d.r.RequestURI)
		changed[at] = rapid.SampledFrom([]byte("aZ0/.%+&=;?2~")).Draw(t, "replacement")
		d.r.RequestURI = string(changed)
		if _, err := v.Verify(d.r, d.body); err == nil {
			c, refusal = readClaim(d.r)
			if refusal != nil {
				t.Fatal(refusal)
			}
			if after, _ := canonicalRequestHash(d.r, &c, hexSHA256(d.body)); after != before {
				t.Fatalf("%s is accepted in place of %s?%s", d.r.RequestURI, d.rawPath, d.rawQuery)
			}
		}
	})
}
