package api

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/magpie-sec/magpie/internal/api/sigv4"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// FuzzRoute takes foreign methods, paths, queries and bodies past authentication: each is answered with
// one JSON document or 204, never a redirect, a 5xx or another text.
func FuzzRoute(f *testing.F) {
	h, err := New(Config{Macie: macie2.Unimplemented{}, AccessAnalyzer: accessanalyzer.Unimplemented{}, Keys: keys{}, Regions: []string{testRegion}})
	if err != nil {
		f.Fatal(err)
	}
	for _, op := range append(macie2.Service.Operations[:10:10], accessanalyzer.Service.Operations[:10]...) {
		f.Add(op.Method, op.URI, "maxResults=1", []byte("{}"), op.Service == "macie2")
	}
	f.Add("GET", "/tags/arn%3Aaws/a//b/../c%2f", "a=%zz", []byte(nil), true)
	f.Add("0", "//", "", []byte(nil), false)
	f.Add("CONNECT", "//", "", []byte(nil), false)
	f.Fuzz(func(t *testing.T, method, path, query string, body []byte, macie bool) {
		target, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		target.RawQuery = query
		w := httptest.NewRecorder()
		x := &exchange{ResponseWriter: w, handler: h, request: &http.Request{Method: method, URL: target, Header: http.Header{}}, id: "id", answer: answerJSON, body: body}
		x.service = h.services["access-analyzer"]
		if macie {
			x.service = h.services["macie2"]
		}
		x.identity = sigv4.Identity{Account: testAccount, Region: testRegion, Service: x.service.contract.SigningName}
		x.route()
		if w.Code >= 300 && w.Code < 400 || w.Code >= 500 || w.Header().Get("X-Amzn-Errortype") == "" {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		if err := wire.Unmarshal(w.Body.Bytes(), ignore{}); err != nil || !bytes.HasPrefix(w.Body.Bytes(), []byte(`{"message":`)) {
			t.Fatalf("%s %s: %s: %v", method, path, w.Body, err)
		}
	})
}

type ignore struct{}

func (ignore) DecodeMember(d *wire.Decoder, _ []byte) { d.Skip() }
