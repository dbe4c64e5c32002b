package api

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/wire"
)

// decode reads an operation's input from a routed request.
func decode(in wire.Input, r *http.Request, body []byte) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return wire.Errorf(wire.Serialization, "The query string cannot be read.").Because(err)
	}
	for name, values := range query {
		for _, v := range values {
			if !utf8.ValidString(v) {
				return wire.Errorf(wire.Serialization, "%s: the query parameter is no valid UTF-8.", quoted(name))
			}
		}
	}
	if !utf8.ValidString(r.URL.Path) {
		return wire.Errorf(wire.Serialization, "The path is no valid UTF-8.")
	}
	return in.DecodeRequest(&wire.Request{Label: r.PathValue, Query: query, Body: body})
}

// quoted bounds a client's text in a message.
func quoted(s string) string { return fmt.Sprintf("%.64q", s) }

// tags is the path before an ARN. Clients should percent-encode the ARN's slashes; some send them raw.
const tags = "/tags/"

// routable returns the request that the mux should see, with the ARN of a tags path as one segment. It
// reports false for a path that the mux would answer with a redirect, which no AWS client follows.
func routable(r *http.Request) (*http.Request, bool) {
	escaped := r.URL.EscapedPath()
	if rest, ok := strings.CutPrefix(escaped, tags); ok && strings.Contains(rest, "/") {
		plain, err := url.PathUnescape(rest)
		if err != nil {
			return nil, false
		}
		whole := r.Clone(r.Context())
		whole.URL.Path, whole.URL.RawPath = tags+plain, tags+url.PathEscape(plain)
		return whole, true
	}
	clean := path.Clean("/" + escaped)
	if strings.HasSuffix(escaped, "/") && clean != "/" {
		clean += "/" // the mux keeps a trailing slash; no operation has one
	}
	return r, r.Method != http.MethodConnect && escaped == clean
}

// readAll reads to the end, growing with what arrives and not with what a header promises.
func readAll(r io.Reader) ([]byte, error) {
	var buf bytes.Buffer
	_, err := buf.ReadFrom(r)
	return buf.Bytes(), err
}
