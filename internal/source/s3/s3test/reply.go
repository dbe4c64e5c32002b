package s3test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"
)

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// Answer returns a Reply in the store's place.
func Answer(status int, contentType, body string) Reply {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("X-Amz-Request-Id", "BENCH")
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			w.Write([]byte(body))
		}
	}
}

// Document answers 200 with an XML document.
func Document(body string) Reply {
	return Answer(http.StatusOK, "application/xml", `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+body)
}

// Error answers as S3 does when an operation fails. More is further elements of the answer, as XML.
func Error(status int, code, message, more string) Reply {
	return Answer(status, "application/xml", `<?xml version="1.0" encoding="UTF-8"?>`+"\n<Error><Code>"+code+"</Code><Message>"+message+
		"</Message>"+more+"<RequestId>BENCH</RequestId><HostId>BENCH</HostId></Error>")
}

// Failures, in S3's words.
var (
	AccessDenied       = Error(http.StatusForbidden, "AccessDenied", "Access Denied", "")
	ExpiredToken       = Error(http.StatusBadRequest, "ExpiredToken", "The provided token has expired.", "")
	InvalidKey         = Error(http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", "")
	BadSignature       = Error(http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided.", "")
	Skewed             = Error(http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", "")
	SlowDown           = Error(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.", "")
	Throttled          = Error(http.StatusTooManyRequests, "TooManyRequests", "Please reduce your request rate.", "")
	InternalError      = Error(http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again.", "")
	BadGateway         = Answer(http.StatusBadGateway, "text/html", "<html><body>Bad Gateway</body></html>")
	NotImplemented     = Error(http.StatusNotImplemented, "NotImplemented", "A header you provided implies functionality that is not implemented.", "")
	MethodNotAllowed   = Error(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.", "")
	NoSuchBucket       = Error(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist", "")
	NoSuchKey          = Error(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.", "")
	InvalidObjectState = Error(http.StatusForbidden, "InvalidObjectState", "The operation is not valid for the object's storage class", "")
	KMSDenied          = Error(http.StatusForbidden, "AccessDenied", "The ciphertext refers to a customer master key that does not exist, is disabled, or that you may not use.", "")
	PreconditionFailed = Error(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", "")
)

// Redirect answers as S3 does in a Region that is not the bucket's.
func Redirect(region string) Reply {
	reply := Error(http.StatusMovedPermanently, "PermanentRedirect",
		"The bucket you are attempting to access must be addressed using the specified endpoint.", "<Endpoint>s3."+region+".amazonaws.com</Endpoint>")
	return withRegion(region, reply)
}

// WrongRegion answers as S3 does to a request that is signed for a Region that is not the bucket's.
func WrongRegion(region string) Reply {
	reply := Error(http.StatusBadRequest, "AuthorizationHeaderMalformed",
		"The authorization header is malformed; the region '"+Region+"' is wrong; expecting '"+region+"'", "<Region>"+region+"</Region>")
	return withRegion(region, reply)
}

func withRegion(region string, reply Reply) Reply {
	return func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		w.Header().Set("X-Amz-Bucket-Region", region)
		reply(w, r, forward)
	}
}

// Lies of loose stores, all of them seen: what asks about configuration is answered with success and something else.
var (
	// Empty is a success without a body.
	Empty = Answer(http.StatusOK, "application/xml", "")
	// NotXML is a success with the page of a console.
	NotXML = Answer(http.StatusOK, "text/html", "<!DOCTYPE html><html><head><title>Console</title></head><body></body></html>")
	// WrongRoot is a success with a document of another kind.
	WrongRoot = Document(`<Result xmlns="` + namespace + `"><Status>ok</Status></Result>`)
	// NotPublic is a policy status that says that the policy is not public, whatever it is.
	NotPublic = Document(`<PolicyStatus xmlns="` + namespace + `"><IsPublic>FALSE</IsPublic></PolicyStatus>`)
)

// Listing answers anything with the bucket's listing, as a store does that ignores query parameters it does not know.
func Listing(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	request, _ := r.Context().Value(requestKey{}).(Request)
	Document(`<ListBucketResult xmlns="`+namespace+`"><Name>`+request.Bucket+`</Name><Prefix></Prefix><Marker></Marker><MaxKeys>1000</MaxKeys>`+
		`<IsTruncated>false</IsTruncated><Contents><Key>a.txt</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>`+
		`<ETag>&quot;0cc175b9c0f1b6a831c399e269772661&quot;</ETag><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>`)(w, r, nil)
}

// Drop closes the connection instead of answering.
func Drop(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

// Cut lets the store answer and breaks the connection off after n bytes of the body.
func Cut(n int) Reply {
	return func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		forward.ServeHTTP(&cutWriter{w, n}, r)
	}
}

type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *cutWriter) Write(p []byte) (int, error) {
	if len(p) <= w.left {
		w.left -= len(p)
		return w.ResponseWriter.Write(p)
	}
	w.ResponseWriter.Write(p[:w.left])
	http.NewResponseController(w.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

// Stall lets the store answer and stops after n bytes of the body until the gate opens; then the connection breaks off.
func Stall(n int, g *Gate) Reply {
	return func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		forward.ServeHTTP(&stallWriter{cutWriter{w, n}, g, r}, r)
	}
}

type stallWriter struct {
	cutWriter
	gate *Gate
	r    *http.Request
}

func (w *stallWriter) Write(p []byte) (int, error) {
	if len(p) <= w.left {
		return w.cutWriter.Write(p)
	}
	w.ResponseWriter.Write(p[:w.left])
	http.NewResponseController(w.ResponseWriter).Flush()
	request, _ := w.r.Context().Value(requestKey{}).(Request)
	select {
	case w.gate.Arrived <- request:
	default:
	}
	select {
	case <-w.gate.open:
	case <-w.r.Context().Done():
	}
	panic(http.ErrAbortHandler)
}

// Latency lets the store answer after a time.
func Latency(d time.Duration) Reply {
	return func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			forward.ServeHTTP(w, r)
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}

// Rewrite lets the store answer and changes the body of a success.
func Rewrite(change func(body []byte) []byte) Reply {
	return func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		answer := httptest.NewRecorder()
		forward.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		if answer.Code == http.StatusOK {
			body = change(body)
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(answer.Code)
		w.Write(body)
	}
}

// Twice makes a listing tell each of its last keys a second time, right behind the first.
var Twice = Rewrite(func(body []byte) []byte {
	end := bytes.LastIndex(body, []byte("</Contents>"))
	begin := bytes.LastIndex(body, []byte("<Contents>"))
	if begin < 0 || end < begin {
		return body
	}
	end += len("</Contents>")
	return bytes.Join([][]byte{body[:end], body[begin:end], body[end:]}, nil)
})

// Header lets the store answer and sets headers of its answer: pairs of names and values; an empty value removes.
func Header(pairs ...string) Reply {
	return func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		forward.ServeHTTP(&headerWriter{ResponseWriter: w, pairs: pairs}, r)
	}
}

type headerWriter struct {
	http.ResponseWriter
	pairs []string
}

func (w *headerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *headerWriter) WriteHeader(status int) {
	for i := 0; i+1 < len(w.pairs); i += 2 {
		w.Header().Del(w.pairs[i])
		if w.pairs[i+1] != "" {
			w.Header().Set(w.pairs[i], w.pairs[i+1])
		}
	}
	w.ResponseWriter.WriteHeader(status)
}
