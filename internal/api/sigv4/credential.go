package sigv4

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	// timeFormat is ISO 8601's basic form, the only one that X-Amz-Date has.
	timeFormat = "20060102T150405Z"
	dateFormat = "20060102"
)

// The headers and query parameters of the signature.
const (
	headerAuthorization = "Authorization"
	headerDate          = "Date"
	amzAlgorithm        = "X-Amz-Algorithm"
	amzContentSHA256    = "X-Amz-Content-Sha256"
	amzCredential       = "X-Amz-Credential"
	amzDate             = "X-Amz-Date"
	amzExpires          = "X-Amz-Expires"
	amzSecurityToken    = "X-Amz-Security-Token"
	amzSignature        = "X-Amz-Signature"
	amzSignedHeaders    = "X-Amz-SignedHeaders"
)

// claim is what a request says about its own signature, taken apart and not yet
// believed.
type claim struct {
	scope         Scope
	terminator    string
	signedHeaders string // as sent: lower-case names joined with ";"
	signature     string
	// date is the text of the request's time and dateHeader the header that
	// held it, lower-case; both are empty when the request has none.
	date, dateHeader string
	expires          string // X-Amz-Expires of the presigned form, "" when absent
	hasExpires       bool
	token            string // X-Amz-Security-Token, "" when absent
	path             string // as sent, still encoded
	query            []parameter
}

// readClaim takes the signature of a request apart, whichever form it has.
func readClaim(r *http.Request) (claim, *Error) {
	path, rawQuery := target(r)
	query, err := parseQuery(rawQuery)
	if err != nil {
		return claim{}, err
	}
	c := claim{path: path, query: query}
	header := r.Header.Values(headerAuthorization)
	presigned := c.isPresigned()
	switch {
	case len(header) > 1:
		return claim{}, errIncomplete("The request has more than one Authorization header.")
	case len(header) == 1 && presigned:
		return claim{}, errIncomplete("The request is signed in the Authorization header and in the query string; only one of them is allowed.")
	case len(header) == 1:
		err = c.readHeader(r, header[0])
	case presigned:
		err = c.readQuery(r)
	default:
		err = errMissingToken()
	}
	return c, err
}

// target returns the path and the query as they stood in the request line. A
// request that no server read (RequestURI empty) gives those of its URL.
func target(r *http.Request) (path, query string) {
	uri := r.RequestURI
	if uri == "" {
		return r.URL.EscapedPath(), r.URL.RawQuery
	}
	path, query, _ = strings.Cut(uri, "?")
	if !strings.HasPrefix(path, "/") {
		// The absolute form, which a client sends through a proxy.
		if _, rest, ok := strings.Cut(path, "://"); ok {
			path = ""
			if i := strings.IndexByte(rest, '/'); i >= 0 {
				path = rest[i:]
			}
		}
	}
	return path, query
}

func (c *claim) isPresigned() bool {
	for i := range c.query {
		switch c.query[i].name {
		case amzSignature, amzAlgorithm, amzCredential:
			return true
		}
	}
	return false
}

// readHeader reads the header form:
// AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=...
func (c *claim) readHeader(r *http.Request, authorization string) *Error {
	scheme, fields, _ := strings.Cut(strings.TrimSpace(authorization), " ")
	if scheme != algorithm {
		if strings.HasPrefix(scheme, "AWS") {
			return errIncomplete("Unsupported AWS 'algorithm': '" + clip(scheme) + "'.")
		}
		return errNotKeyValue(authorization)
	}
	var credential string
	var haveCredential, haveHeaders, haveSignature bool
	for field := range strings.SplitSeq(fields, ",") {
		field = strings.TrimSpace(field)
		if field == "" {
			continue
		}
		name, value, ok := strings.Cut(field, "=")
		if !ok {
			return errNotKeyValue(authorization)
		}
		var into *string
		var have *bool
		switch name {
		case "Credential":
			into, have = &credential, &haveCredential
		case "SignedHeaders":
			into, have = &c.signedHeaders, &haveHeaders
		case "Signature":
			into, have = &c.signature, &haveSignature
		default:
			continue
		}
		if *have {
			return errIncomplete("Authorization header has more than one '" + name + "' parameter.")
		}
		*into, *have = value, true
	}

	var missing []string
	for _, p := range []struct {
		have bool
		name string
	}{{haveCredential, "Credential"}, {haveSignature, "Signature"}, {haveHeaders, "SignedHeaders"}} {
		if !p.have {
			missing = append(missing, "Authorization header requires '"+p.name+"' parameter.")
		}
	}
	if err := c.readHeaderDate(r); err != nil {
		return err
	}
	if c.dateHeader == "" {
		missing = append(missing, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	if len(missing) > 0 {
		return errIncomplete(strings.Join(missing, " ") + " Authorization=" + algorithm)
	}
	if err := c.readHeaderToken(r); err != nil {
		return err
	}
	return c.readCredential(credential)
}

// readHeaderDate takes the time from X-Amz-Date, or else from Date.
func (c *claim) readHeaderDate(r *http.Request) *Error {
	for _, name := range [...]string{amzDate, headerDate} {
		values := r.Header.Values(name)
		if len(values) > 1 {
			return errIncomplete("The request has more than one '" + name + "' header.")
		}
		if len(values) == 1 {
			c.date, c.dateHeader = strings.TrimSpace(values[0]), strings.ToLower(name)
			return nil
		}
	}
	return nil
}

func (c *claim) readHeaderToken(r *http.Request) *Error {
	values := r.Header.Values(amzSecurityToken)
	if len(values) > 1 {
		return errIncomplete("The request has more than one 'X-Amz-Security-Token' header.")
	}
	if len(values) == 1 {
		c.token = strings.TrimSpace(values[0])
	}
	return nil
}

// readQuery reads the presigned form. A token that is not in the query may be
// in a header, as a client has it that signs the header instead.
func (c *claim) readQuery(r *http.Request) *Error {
	var algorithmName, credential string
	var haveToken bool
	fields := [...]struct {
		name     string
		into     *string
		have     *bool
		required bool
		seen     bool
	}{
		{name: amzAlgorithm, into: &algorithmName, required: true},
		{name: amzCredential, into: &credential, required: true},
		{name: amzSignature, into: &c.signature, required: true},
		{name: amzSignedHeaders, into: &c.signedHeaders, required: true},
		{name: amzDate, into: &c.date, required: true},
		{name: amzExpires, into: &c.expires, have: &c.hasExpires},
		{name: amzSecurityToken, into: &c.token, have: &haveToken},
	}
	for i := range c.query {
		for f := range fields {
			field := &fields[f]
			if c.query[i].name != field.name {
				continue
			}
			if field.seen {
				return errIncomplete("The query string has more than one '" + field.name + "' parameter.")
			}
			field.seen = true
			*field.into = c.query[i].value
			if field.have != nil {
				*field.have = true
			}
		}
	}
	var missing []string
	for _, field := range fields {
		if field.required && !field.seen {
			missing = append(missing, "AWS query-string parameters must include '"+field.name+"'.")
		}
	}
	if len(missing) > 0 {
		return errIncomplete(strings.Join(missing, " ") + " Re-examine the query-string parameters.")
	}
	if algorithmName != algorithm {
		return errIncomplete("Unsupported AWS 'algorithm': '" + clip(algorithmName) + "'.")
	}
	if haveToken && len(r.Header.Values(amzSecurityToken)) > 0 {
		return errIncomplete("The request has 'X-Amz-Security-Token' in a header and in the query string; only one of them is allowed.")
	}
	if !haveToken {
		if err := c.readHeaderToken(r); err != nil {
			return err
		}
	}
	c.scope.Presigned = true
	return c.readCredential(credential)
}

// readCredential splits keyid/date/region/service/terminator.
func (c *claim) readCredential(credential string) *Error {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || parts[0] == "" {
		return errIncomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" + clip(credential) + "'")
	}
	c.scope.AccessKeyID, c.scope.Date, c.scope.Region, c.scope.Service = parts[0], parts[1], parts[2], parts[3]
	c.terminator = parts[4]
	return nil
}

// signedAt parses the request's time. X-Amz-Date has one form; a Date header
// may also have HTTP's own.
func (c *claim) signedAt() (time.Time, *Error) {
	t, err := time.Parse(timeFormat, c.date)
	if err != nil && c.dateHeader == "date" {
		t, err = http.ParseTime(c.date)
	}
	if err != nil {
		return time.Time{}, errIncomplete("Date must be in ISO-8601 'basic format'. Got '" + clip(c.date) + "'. See http://en.wikipedia.org/wiki/ISO_8601")
	}
	return t.UTC(), nil
}

// clip bounds what an error repeats of the request.
func clip(s string) string {
	const limit = 64
	if len(s) > limit {
		return s[:limit] + "..."
	}
	return s
}

// parameter is one query parameter: decoded, and percent-encoded again the way
// the canonical request wants it.
type parameter struct {
	name, value               string
	canonicalName, canonicalV string
}

// parseQuery splits and decodes a query. An element without "=" has an empty
// value, empty elements count as nothing, "+" is a space. What net/url drops
// silently, a broken escape or a bare semicolon, is refused: a parameter must
// not vanish between the signature and the operation. X-Amz-SignedHeaders alone
// may have bare semicolons.
func parseQuery(raw string) ([]parameter, *Error) {
	if raw == "" {
		return nil, nil
	}
	parameters := make([]parameter, 0, strings.Count(raw, "&")+1)
	for element := range strings.SplitSeq(raw, "&") {
		if element == "" {
			continue
		}
		name, value, _ := strings.Cut(element, "=")
		p, err := parseParameter(name, value)
		if err != nil {
			return nil, err
		}
		if p.name != amzSignedHeaders && strings.IndexByte(element, ';') >= 0 {
			return nil, errMalformedQuery("a semicolon must be written as %3B")
		}
		parameters = append(parameters, p)
	}
	return parameters, nil
}

func parseParameter(name, value string) (p parameter, e *Error) {
	var err error
	if p.name, err = url.QueryUnescape(name); err == nil {
		p.value, err = url.QueryUnescape(value)
	}
	if err != nil {
		return parameter{}, errMalformedQuery("a percent sign must be followed by two hexadecimal digits")
	}
	p.canonicalName = canonicalText(p.name, name)
	p.canonicalV = canonicalText(p.value, value)
	return p, nil
}
