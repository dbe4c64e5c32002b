package sigv4

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const upperHex = "0123456789ABCDEF"

// unreserved marks the bytes that are never encoded: RFC 3986's unreserved set.
var unreserved = func() (set [256]bool) {
	for c := range set {
		switch c := byte(c); {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9',
			c == '-', c == '.', c == '_', c == '~':
			set[c] = true
		}
	}
	return set
}()

// appendEncoded percent-encodes every byte of s but the unreserved ones.
func appendEncoded(buf []byte, s string, keepSlash bool) []byte {
	for i := range len(s) {
		if c := s[i]; unreserved[c] || (keepSlash && c == '/') {
			buf = append(buf, c)
		} else {
			buf = append(buf, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return buf
}

// canonicalText encodes decoded text; it returns raw, the form it was sent in,
// where that is canonical already.
func canonicalText(decoded, raw string) string {
	plain := true
	for i := 0; i < len(decoded) && plain; i++ {
		plain = unreserved[decoded[i]]
	}
	if plain {
		return decoded
	}
	buf := appendEncoded(make([]byte, 0, len(raw)+16), decoded, false)
	if string(buf) == raw {
		return raw
	}
	return string(buf)
}

// appendPath writes the canonical path: dot segments and empty segments are
// removed, then every byte is encoded once more than it was sent, so that "%3A"
// becomes "%253A". That is the rule for every service but S3. A final slash
// stays, and ".." leaves none behind, as in botocore and the JavaScript SDK.
func appendPath(buf []byte, path string) []byte {
	if strings.Contains(path, "//") || strings.Contains(path, "/.") || !strings.HasPrefix(path, "/") {
		path = normalizePath(path)
	}
	return appendEncoded(buf, path, true)
}

func normalizePath(path string) string {
	var segments []string
	for segment := range strings.SplitSeq(path, "/") {
		switch segment {
		case "", ".":
		case "..":
			segments = segments[:max(len(segments)-1, 0)]
		default:
			segments = append(segments, segment)
		}
	}
	if len(segments) == 0 {
		return "/"
	}
	normal := "/" + strings.Join(segments, "/")
	if strings.HasSuffix(path, "/") {
		normal += "/"
	}
	return normal
}

// appendQuery writes the canonical query: encoded parameters ordered by their
// encoded names, then by their encoded values, without the signature itself.
func appendQuery(buf []byte, query []parameter, presigned bool) []byte {
	order := func(a, b parameter) int {
		if c := strings.Compare(a.canonicalName, b.canonicalName); c != 0 {
			return c
		}
		return strings.Compare(a.canonicalV, b.canonicalV)
	}
	if !slices.IsSortedFunc(query, order) {
		query = slices.Clone(query)
		slices.SortFunc(query, order)
	}
	first := true
	for i := range query {
		if presigned && query[i].name == amzSignature {
			continue
		}
		if !first {
			buf = append(buf, '&')
		}
		first = false
		buf = append(buf, query[i].canonicalName...)
		buf = append(buf, '=')
		buf = append(buf, query[i].canonicalV...)
	}
	return buf
}

// appendHeaders writes the canonical form of exactly the headers that the
// request says it signed. It fails when the list is not one of lower-case
// header names in strictly ascending order, or names a header that the request
// does not have: an absent header is not an empty one.
func appendHeaders(buf []byte, r *http.Request, signedHeaders string) ([]byte, *Error) {
	previous := ""
	for name := range strings.SplitSeq(signedHeaders, ";") {
		if !isLowerToken(name) || name <= previous {
			return nil, errInvalid("The list of signed headers must hold lower-case header names, sorted, each once.")
		}
		previous = name
		buf = append(buf, name...)
		buf = append(buf, ':')
		values, ok := headerValues(r, name)
		if !ok {
			return nil, errMismatch()
		}
		for i, value := range values {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = appendFolded(buf, value)
		}
		buf = append(buf, '\n')
	}
	return buf, nil
}

// headerValues returns a request's values of a header, also of those that
// net/http keeps elsewhere than in the header map.
func headerValues(r *http.Request, name string) (values []string, ok bool) {
	if name == "host" {
		return []string{r.Host}, true
	}
	if values = r.Header[http.CanonicalHeaderKey(name)]; len(values) > 0 {
		return values, true
	}
	switch {
	case name == "content-length" && r.ContentLength >= 0:
		return []string{strconv.FormatInt(r.ContentLength, 10)}, true
	case name == "transfer-encoding" && len(r.TransferEncoding) > 0:
		return r.TransferEncoding, true
	}
	return nil, false
}

// appendFolded writes a header value without its outer white space and with
// runs of spaces made one.
func appendFolded(buf []byte, value string) []byte {
	value = strings.TrimSpace(value)
	for i := range len(value) {
		if value[i] == ' ' && i > 0 && value[i-1] == ' ' {
			continue
		}
		buf = append(buf, value[i])
	}
	return buf
}

// isLowerToken reports whether s is a header name (an RFC 9110 token) without
// upper-case letters.
func isLowerToken(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// isSigned reports whether a list of signed headers names this one.
func isSigned(signedHeaders, name string) bool {
	for signed := range strings.SplitSeq(signedHeaders, ";") {
		if signed == name {
			return true
		}
	}
	return false
}
