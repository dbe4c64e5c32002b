package s3

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// maxError is how much of a failure's body is read.
const maxError = 64 << 10

// peeked is how much of an answer is looked at for its root element.
const peeked = 4 << 10

// maxAnswer bounds an answer that is no object: a page of 1,000 keys of 1,024 bytes, each written as %XX, has some 4 MiB. What is longer is cut
// off and does not parse.
const maxAnswer = 32 << 20

type expectedKey struct{}

// An expectation is what the root element of an answer may be called, S3's own name first, and what it was called.
type expectation struct {
	roots []string
	got   string
}

// expecting makes the client refuse an answer of status 200 whose root element has none of these names: there are stores that answer what
// they do not know with something else.
func expecting(ctx context.Context, roots ...string) context.Context {
	return context.WithValue(ctx, expectedKey{}, &expectation{roots: roots})
}

// answered returns the name of the root element that was answered to a request made with a context of expecting.
func answered(ctx context.Context) string {
	e, _ := ctx.Value(expectedKey{}).(*expectation)
	return e.got
}

type boundKey struct{}

// bounded makes the client refuse an answer of status 200 that is longer than limit bytes.
func bounded(ctx context.Context, limit int64) context.Context {
	return context.WithValue(ctx, boundKey{}, limit)
}

// A longAnswer is an answer of status 200 that is longer than it may be.
type longAnswer struct{ limit int64 }

func (e *longAnswer) Error() string {
	return fmt.Sprintf("the store answered with more than %d bytes", e.limit)
}

// A wrongAnswer is an answer of status 200 that is not what was asked for.
type wrongAnswer struct{ want, got string }

func (e *wrongAnswer) Error() string {
	if e.got == "" {
		return fmt.Sprintf("the store answered 200 without the element %s", e.want)
	}
	return fmt.Sprintf("the store answered 200 with the element %s instead of %s", e.got, e.want)
}

// inspectAnswer looks at answers before the client decodes them.
type inspectAnswer struct{}

// ID implements middleware.DeserializeMiddleware.
func (inspectAnswer) ID() string { return "InspectAnswer" }

// HandleDeserialize implements middleware.DeserializeMiddleware.
func (inspectAnswer) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	middleware.DeserializeOutput, middleware.Metadata, error,
) {
	out, metadata, err := next.HandleDeserialize(ctx, in)
	if err != nil {
		return out, metadata, err
	}
	answer, ok := out.RawResponse.(*smithyhttp.Response)
	if !ok {
		return out, metadata, nil
	}
	if answer.StatusCode >= 300 {
		return out, metadata, failed(answer)
	}
	if limit, ok := ctx.Value(boundKey{}).(int64); ok {
		text, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
		discard(answer)
		switch {
		case err != nil:
			return out, metadata, &cutBody{err}
		case int64(len(text)) > limit:
			return out, metadata, &longAnswer{limit}
		}
		answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	}
	if want, _ := ctx.Value(expectedKey{}).(*expectation); want != nil {
		start, err := io.ReadAll(io.LimitReader(answer.Body, peeked))
		if err != nil {
			discard(answer)
			return out, metadata, &cutBody{err}
		}
		if want.got = rootElement(start); !slices.Contains(want.roots, want.got) {
			discard(answer)
			return out, metadata, &wrongAnswer{want.roots[0], want.got}
		}
		if list, ok := ctx.Value(listKey{}).(*listAnswer); ok {
			return out, metadata, readList(list, answer, start)
		}
		answer.Body = &body{io.MultiReader(bytes.NewReader(start), io.LimitReader(answer.Body, maxAnswer)), answer.Body}
	}
	return out, metadata, nil
}

// buffers hold answers to listings.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// readList reads an answer to a listing that begins with start, and leaves to the client what is left to decode.
func readList(list *listAnswer, answer *smithyhttp.Response, start []byte) error {
	text := buffers.Get().(*bytes.Buffer)
	text.Reset()
	text.Write(start)
	_, err := text.ReadFrom(io.LimitReader(answer.Body, maxAnswer))
	discard(answer)
	switch {
	case err != nil:
		buffers.Put(text)
		return &cutBody{err}
	case list.read(text.Bytes()):
		buffers.Put(text) // what was read of it has been copied
		answer.Body = io.NopCloser(strings.NewReader(nothingListed))
	default:
		answer.Body = io.NopCloser(text)
	}
	return nil
}

// discard closes an answer of which nobody reads more.
func discard(answer *smithyhttp.Response) {
	answer.Body.Close()
	answer.Body = http.NoBody
}

// failed reads a failure. The store's message is left out: it is foreign text, and what it may repeat of the request is not known.
func failed(answer *smithyhttp.Response) error {
	defer discard(answer)
	e := &statusError{status: answer.StatusCode, region: answer.Header.Get("X-Amz-Bucket-Region"), retryAfter: answer.Header.Get("Retry-After")}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxError))
	var told struct {
		Code    string
		Message string
		Region  string
		Error   *struct{ Code, Message, Region string } // S3 Control wraps it
	}
	for i, c := range text {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' {
			text[i] = '?' // a store that repeats a key as it is
		}
	}
	if bytes.HasPrefix(text, []byte("{")) { // Ceph, of requests that it refuses before it knows what they ask for
		if json.Unmarshal(text, &told) == nil {
			e.code = plainWord(told.Code)
		}
	} else if xml.Unmarshal(bytes.ToValidUTF8(text, []byte("?")), &told) == nil {
		if told.Error != nil && told.Code == "" {
			told.Code, told.Message, told.Region = told.Error.Code, told.Error.Message, told.Error.Region
		}
		e.code, e.hint = plainWord(told.Code), hintOf(told.Message)
		if e.region == "" {
			e.region = told.Region
		}
	}
	return e
}

// rootElement returns the local name of the first element, "" if there is none.
func rootElement(start []byte) string {
	decoder := xml.NewDecoder(bytes.NewReader(start))
	decoder.Strict = false
	decoder.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for {
		token, err := decoder.RawToken()
		if err != nil {
			return ""
		}
		if element, ok := token.(xml.StartElement); ok {
			return plainWord(element.Name.Local)
		}
	}
}

// plainWord returns a word of the store's that may stand in an error: letters, digits, dots, colons, hyphens and underscores, at most 64.
func plainWord(s string) string {
	if len(s) > 64 {
		return ""
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' && c != ':' && c != '-' && c != '_' {
			return ""
		}
	}
	return s
}

type body struct {
	io.Reader
	io.Closer
}

// A cutBody is an answer that ended too early.
type cutBody struct{ err error }

func (e *cutBody) Error() string { return "the answer was cut off" }
func (e *cutBody) Unwrap() error { return e.err }
