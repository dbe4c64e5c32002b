package s3test

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
)

// quiet is for what servers of tests complain about that tests do on purpose: aborted connections, failed handshakes.
var quiet = log.New(io.Discard, "", 0)

// A Rule says what happens to some requests.
type Rule struct {
	Op     string // "" for every operation
	Bucket string // "" for every bucket, and for what is asked of no bucket
	Key    string // of objects: this key or, ending in "/", all that begin with it; "" for every one. Of listings: the prefix asked for
	After  int    // so many requests pass before the rule begins
	Times  int    // so many requests meet it; 0 for all
	Do     Reply
}

// A Reply treats one request: it answers it or lets the store do so by forward.
type Reply func(w http.ResponseWriter, r *http.Request, forward http.Handler)

// A Handle is a rule in force.
type Handle struct {
	bench *Bench
	rule  Rule
	seen  int
	met   int
}

// On puts a rule in force. Of several that match a request the newest counts.
func (b *Bench) On(r Rule) *Handle {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := &Handle{bench: b, rule: r}
	b.rules = append(b.rules, h)
	return h
}

// Remove takes the rule back.
func (h *Handle) Remove() {
	h.bench.mu.Lock()
	defer h.bench.mu.Unlock()
	h.bench.rules = slices.DeleteFunc(h.bench.rules, func(o *Handle) bool { return o == h })
}

// Met tells how many requests the rule has treated.
func (h *Handle) Met() int {
	h.bench.mu.Lock()
	defer h.bench.mu.Unlock()
	return h.met
}

// reply notes the request and finds what is to be done with it; nil to forward it.
func (b *Bench) reply(r Request) Reply {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests = append(b.requests, r)
	for _, h := range slices.Backward(b.rules) {
		rule := &h.rule
		if rule.Op != "" && rule.Op != r.Op || rule.Bucket != "" && rule.Bucket != r.Bucket || !rule.covers(r) {
			continue
		}
		h.seen++
		if h.seen <= rule.After || rule.Times > 0 && h.met >= rule.Times {
			continue
		}
		h.met++
		return rule.Do
	}
	return nil
}

func (rule *Rule) covers(r Request) bool {
	key := r.Key
	if key == "" {
		key = r.Query.Get("prefix")
	}
	return rule.Key == "" || rule.Key == key || strings.HasSuffix(rule.Key, "/") && strings.HasPrefix(key, rule.Key)
}

// handler is the proxy.
func (b *Bench) handler() http.Handler {
	forward := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", "gateway"
			p.Out.URL.RawQuery = p.In.URL.RawQuery // as it was signed
			p.Out.Host = p.In.Host                 // it too
		},
		Transport: b.direct, FlushInterval: -1, ErrorLog: quiet,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := describe(r)
		r = r.WithContext(withRequest(r.Context(), request))
		if do := b.reply(request); do != nil {
			do(w, r, forward)
			return
		}
		forward.ServeHTTP(w, r)
	})
}

// describe tells which operation a request is.
func describe(r *http.Request) Request {
	out := Request{Query: r.URL.Query(), Header: r.Header.Clone()}
	path := strings.TrimPrefix(r.URL.Path, "/")
	if path == "v20180820/configuration/publicAccessBlock" {
		out.Op = verb(r.Method) + "AccountPublicAccessBlock"
		return out
	}
	out.Bucket, out.Key, _ = strings.Cut(path, "/")
	out.Op = operation(r.Method, out)
	return out
}

func verb(method string) string {
	switch method {
	case "PUT":
		return "Put"
	case "DELETE":
		return "Delete"
	case "HEAD":
		return "Head"
	case "POST":
		return "Post"
	default:
		return "Get"
	}
}

// What an operation is called, by the query parameter that names it.
var (
	bucketParts = map[string]string{
		"accelerate": "BucketAccelerateConfiguration", "acl": "BucketAcl", "cors": "BucketCors", "encryption": "BucketEncryption",
		"lifecycle": "BucketLifecycleConfiguration", "location": "BucketLocation", "logging": "BucketLogging",
		"notification": "BucketNotificationConfiguration", "object-lock": "ObjectLockConfiguration",
		"ownershipControls": "BucketOwnershipControls", "policy": "BucketPolicy", "policyStatus": "BucketPolicyStatus",
		"publicAccessBlock": "PublicAccessBlock", "replication": "BucketReplication", "requestPayment": "BucketRequestPayment",
		"tagging": "BucketTagging", "versioning": "BucketVersioning", "website": "BucketWebsite",
	}
	objectParts = map[string]string{
		"acl": "ObjectAcl", "attributes": "ObjectAttributes", "legal-hold": "ObjectLegalHold", "retention": "ObjectRetention",
		"tagging": "ObjectTagging",
	}
)

func operation(method string, r Request) string {
	v, get := verb(method), method == http.MethodGet
	parts, whole := bucketParts, "Bucket"
	if r.Key != "" {
		parts, whole = objectParts, "Object"
	}
	for name := range r.Query {
		if part, ok := parts[name]; ok {
			return v + part
		}
	}
	has := func(name string) bool { _, ok := r.Query[name]; return ok }
	switch {
	case r.Bucket == "":
		return "ListBuckets"
	case r.Key != "":
		return v + whole
	case has("inventory") && !has("id"):
		return "ListBucketInventoryConfigurations"
	case has("inventory"):
		return v + "BucketInventoryConfiguration"
	case has("versions"):
		return "ListObjectVersions"
	case has("uploads"):
		return "ListMultipartUploads"
	case get && r.Query.Get("list-type") == "2":
		return "ListObjectsV2"
	case get:
		return "ListObjects"
	case v == "Put":
		return "CreateBucket"
	default:
		return v + whole
	}
}
