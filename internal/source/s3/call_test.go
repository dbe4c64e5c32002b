package s3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/source/sourcetest"
)

// waits records waits instead of waiting.
type waits struct {
	mu  sync.Mutex
	all []time.Duration
}

func (w *waits) sleep(ctx context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, d)
	return ctx.Err()
}

// refusing answers everything in one way.
func refusing(status int, code string, header ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		failWith(w, status, code)
	})
}

func TestBackoff(t *testing.T) {
	for _, test := range []struct {
		name    string
		handler http.Handler
		change  func(*s3.Retry)
		want    []time.Duration
		kind    source.Kind
	}{
		{"doubling", refusing(500, "InternalError"), nil, []time.Duration{100e6, 200e6, 400e6, 800e6, 1600e6}, source.Unavailable},
		{"jitter takes off half at most", refusing(500, "InternalError"), func(r *s3.Retry) { r.Jitter = func() float64 { return 0.5 } },
			[]time.Duration{75e6, 150e6, 300e6, 600e6, 1200e6}, source.Unavailable},
		{"ceiling of a wait", refusing(500, ""), func(r *s3.Retry) { r.Max = 300 * time.Millisecond }, []time.Duration{100e6, 200e6, 300e6, 300e6, 300e6}, source.Unavailable},
		{"ceiling of attempts", refusing(500, ""), func(r *s3.Retry) { r.Attempts = 2 }, []time.Duration{100e6}, source.Unavailable},
		{"one attempt", refusing(500, ""), func(r *s3.Retry) { r.Attempts = 1 }, nil, source.Unavailable},
		{"total time", refusing(500, ""), func(r *s3.Retry) { r.Total = 50 * time.Millisecond }, nil, source.Unavailable},
		{"as the store asks", refusing(503, "ServiceUnavailable", "Retry-After", "3"), func(r *s3.Retry) { r.Attempts = 3 }, []time.Duration{3e9, 3e9}, source.Unavailable},
		{"not for hours", refusing(503, "ServiceUnavailable", "Retry-After", "86400"), func(r *s3.Retry) { r.Attempts = 2 }, []time.Duration{10e9}, source.Unavailable},
		{"what stays is not tried again", refusing(403, "AccessDenied"), nil, nil, source.AccessDenied},
		{"nor what is not there", refusing(404, "NoSuchBucket"), nil, nil, source.BucketNotFound},
		{"nor what is not understood", refusing(400, "InvalidRequest"), nil, nil, source.Other},
	} {
		t.Run(test.name, func(t *testing.T) {
			var w waits
			d := open(t, test.handler, func(o *s3.Options) {
				o.Retry = s3.Retry{Jitter: func() float64 { return 0 }, Sleep: w.sleep}
				if test.change != nil {
					test.change(&o.Retry)
				}
			})
			_, err := d.Open(t.Context(), "b", "k", source.OpenOptions{})
			if source.KindOf(err) != test.kind || !slices.Equal(w.all, test.want) {
				t.Errorf("waited %v, error %v, want %v, kind %q", w.all, err, test.want, test.kind)
			}
		})
	}
}

// TestSlowDown lets one listing be told to slow down: the whole source waits.
func TestSlowDown(t *testing.T) {
	var w waits
	told := false
	f := newFake(sourcetest.Content{"b": {"k": "x"}})
	f.before = func(rw http.ResponseWriter, _ *http.Request) bool {
		if !told {
			told = true
			failWith(rw, http.StatusServiceUnavailable, "SlowDown")
			return true
		}
		return false
	}
	d := open(t, f, func(o *s3.Options) {
		o.Retry = s3.Retry{Base: time.Hour, Max: time.Hour, Total: 3 * time.Hour, Jitter: func() float64 { return 0 }, Sleep: w.sleep}
	})
	if _, err := read(t, d, "b", "k"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Buckets(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Once for the attempt that failed; and, since this clock does not move, once for each request after it.
	if len(w.all) != 3 || w.all[0] != time.Hour || w.all[2] < 59*time.Minute {
		t.Errorf("waited %v, want about an hour for each request", w.all)
	}
}

func TestRateLimit(t *testing.T) {
	f := newFake(sourcetest.Content{"b": {"k": "x"}})
	d := open(t, f, func(o *s3.Options) { o.RequestsPerSecond = 20 })
	began := time.Now()
	for range 30 {
		if _, err := read(t, d, "b", "k"); err != nil {
			t.Fatal(err)
		}
	}
	// Twenty at once, ten more take half a second.
	if took := time.Since(began); took < 400*time.Millisecond {
		t.Errorf("30 requests took %v at 20 a second", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := d.Open(ctx, "b", "k", source.OpenOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a turn that comes too late: %v", err)
	}
}

// TestRedirectsAreNotFollowed keeps a store from sending its reader elsewhere.
func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 307, 308} {
		d := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/stolen", status)
		}), nil)
		_, err := read(t, d, "b", "k")
		if source.KindOf(err) != source.Other || strings.Contains(err.Error(), "stolen") {
			t.Errorf("status %d: %v", status, err)
		}
	}
}

// TestCredentialsAreReadAgain replaces keys while a source is open.
func TestCredentialsAreReadAgain(t *testing.T) {
	id, reads := "OLDKEY", 0
	var mu sync.Mutex
	f := newFake(sourcetest.Content{"b": {"k": "x"}})
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.Header.Get("Authorization"), "Credential=OLDKEY/") {
			failWith(w, http.StatusForbidden, "InvalidAccessKeyId")
			return true
		}
		return false
	}
	d := open(t, f, func(o *s3.Options) {
		o.Credentials = s3.Keys{Read: func() (string, string, string, error) {
			mu.Lock()
			defer mu.Unlock()
			reads++
			return id, "secret-of-the-test", "", nil
		}}
	})
	if _, err := read(t, d, "b", "k"); source.KindOf(err) != source.AccessDenied || strings.Contains(err.Error(), "secret-of") {
		t.Fatalf("with a key that is no more: %v", err)
	}
	mu.Lock()
	id = "TESTKEY"
	mu.Unlock()
	for range 3 {
		if got, err := read(t, d, "b", "k"); got != "x" || err != nil {
			t.Fatalf("with the new key: %q, %v", got, err)
		}
	}
	if reads != 2 {
		t.Errorf("the credentials were read %d times, want once for each key", reads)
	}
}

// TestExpiredCredentials renews the shared file's in the middle of a request.
func TestExpiredCredentials(t *testing.T) {
	dir := t.TempDir()
	write := func(id string) {
		text := "[audit]\naws_access_key_id = " + id + "\naws_secret_access_key = x\naws_session_token = y\n"
		if err := os.WriteFile(filepath.Join(dir, "credentials"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials"))
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	f := newFake(sourcetest.Content{"b": {"k": "x"}})
	refused := 0
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.Header.Get("Authorization"), "Credential=TESTKEY/") {
			refused++
			if refused == 2 {
				write("TESTKEY")
			}
			failWith(w, http.StatusBadRequest, "ExpiredToken")
			return true
		}
		return false
	}
	write("OLDKEY")
	d := open(t, f, func(o *s3.Options) { o.Credentials = s3.NamedProfile("audit") })
	if got, err := read(t, d, "b", "k"); got != "x" || err != nil || refused != 2 {
		t.Errorf("read %q, %v after %d refusals", got, err, refused)
	}
	write("OLDKEY")
	d = open(t, f, func(o *s3.Options) { o.Credentials = s3.NamedProfile("audit"); o.Retry.Attempts = 2 })
	if _, err := read(t, d, "b", "k"); source.KindOf(err) != source.Unavailable || !strings.Contains(err.Error(), "the credentials have expired") {
		t.Errorf("credentials that stay expired: %v", err)
	}
	d = open(t, f, func(o *s3.Options) { o.Credentials = s3.NamedProfile("nobody") })
	if _, err := read(t, d, "b", "k"); source.KindOf(err) != source.Unavailable || !strings.Contains(err.Error(), "no profile nobody") {
		t.Errorf("a profile that is not there: %v", err)
	}
}

// TestErrorsTellNothing looks for what must not be in errors: the store's texts, secrets, raw keys.
func TestErrorsTellNothing(t *testing.T) {
	for _, handler := range []http.Handler{
		refusing(403, "AccessDenied"), refusing(403, "SignatureDoesNotMatch"), refusing(400, "SECRET \x1b[31m"), refusing(500, strings.Repeat("SECRET", 1000)),
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
	} {
		d := open(t, handler, func(o *s3.Options) { o.Retry.Attempts = 1 })
		_, err := d.Open(t.Context(), "b", "key\x1b", source.OpenOptions{})
		if err == nil {
			t.Fatal("no error")
		}
		for _, secret := range []string{"SECRET", "TESTKEY", "TESTSECRET", "\x1b", "the fake says"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error tells %q: %v", secret, err)
			}
		}
	}
}

// TestReadAtInPieces reads an object in small pieces, forwards, backwards and by several at a time, and counts what is asked for.
func TestReadAtInPieces(t *testing.T) {
	const size = 3<<20 + 12345
	text := make([]byte, size)
	for i := range text {
		text[i] = byte(i * 7919 >> 8)
	}
	f := newFake(sourcetest.Content{"b": {"k": string(text)}})
	d := open(t, f, nil)
	r, err := d.Open(t.Context(), "b", "k", source.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	at := r.(io.ReaderAt)
	f.requests.Store(0)
	check := func(off, n int) {
		p := make([]byte, n)
		got, err := at.ReadAt(p, int64(off))
		want := text[min(off, size):min(off+n, size)]
		if string(p[:got]) != string(want) || (got < n) != errors.Is(err, io.EOF) {
			t.Errorf("%d bytes at %d: %d, %v", n, off, got, err)
		}
	}
	for off := 0; off < size; off += 10_000 {
		check(off, 10_000)
	}
	if n := f.requests.Load(); n > 6 {
		t.Errorf("%d requests for an object of 3 MiB, read in order", n)
	}
	for off := size; off > 0; off -= 10_001 {
		check(off-1, 5)
	}
	if n := f.requests.Load(); n > 6 {
		t.Errorf("%d requests for an object of 3 MiB, which is kept", n)
	}
	check(0, size)
	check(1<<20-1, 1<<20+2)
	check(size-1, 100)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			for j := range 20 {
				check((i*7919+j*104729)%size, 1000)
			}
		})
	}
	wait.Wait()
	if rest, err := io.ReadAll(r); err != nil || string(rest) != string(text) {
		t.Errorf("the stream has %d bytes, %v", len(rest), err)
	}
}

// TestReadChanged changes an object between two ranges, before a store that honours If-Match and one that does not.
func TestReadChanged(t *testing.T) {
	for _, loose := range []bool{false, true} {
		f := newFake(sourcetest.Content{"b": {"k": strings.Repeat("a", 3<<20)}})
		f.before = func(_ http.ResponseWriter, r *http.Request) bool {
			if loose {
				r.Header.Del("If-Match")
			}
			return false
		}
		d := open(t, f, nil)
		r, err := d.Open(t.Context(), "b", "k", source.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		p := make([]byte, 10)
		if _, err := r.(io.ReaderAt).ReadAt(p, 0); err != nil {
			t.Fatal(err)
		}
		f.put("b", "k", strings.Repeat("b", 3<<20))
		if _, err := r.(io.ReaderAt).ReadAt(p, 2<<20); source.KindOf(err) != source.Changed {
			t.Errorf("loose %v: reading on: %v", loose, err)
		}
		if _, err := r.(io.ReaderAt).ReadAt(p, 0); err != nil || string(p) != "aaaaaaaaaa" {
			t.Errorf("loose %v: what is kept reads %q, %v", loose, p, err)
		}
	}
}

// TestObjectsThatCannotBeRead tells them apart.
func TestObjectsThatCannotBeRead(t *testing.T) {
	message := func(status int, code, text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, text)
		})
	}
	// The messages are those of Amazon S3's and KMS's documentation, and what Ceph and MinIO answered.
	for name, test := range map[string]struct {
		handler http.Handler
		want    source.Kind
		text    string
	}{
		"SSE-C":        {message(400, "InvalidRequest", "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object."), source.Encrypted, "SSE-C"},
		"KMS denied":   {message(403, "AccessDenied", "User: arn:aws:iam::123456789012:user/a is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext"), source.AccessDenied, "KMS key"},
		"KMS disabled": {message(400, "KMS.DisabledException", "arn:aws:kms:eu-west-1:123456789012:key/1 is disabled."), source.KeyUnavailable, "KMS"},
		"archived":     {message(403, "InvalidObjectState", "The operation is not valid for the object's storage class"), source.Archived, "archived"},
		"denied":       {message(403, "AccessDenied", "Access Denied"), source.AccessDenied, "AccessDenied"},
		"SSE-C, Ceph":  {message(400, "InvalidArgument", "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm."), source.Encrypted, "SSE-C"},
		"key, Ceph":    {message(400, "InvalidArgument", "Failed to retrieve the actual key, kms-keyid: k"), source.KeyUnavailable, "KMS"},
		"key, MinIO":   {message(404, "kms:KeyNotFound", "key with given key ID does not exist"), source.KeyUnavailable, "kms:KeyNotFound"},
		"no version":   {message(400, "InvalidArgument", "Invalid version id specified"), source.NotFound, ""},
		"marker":       {message(405, "MethodNotAllowed", "The specified method is not allowed against this resource."), source.NotFound, ""},
	} {
		d := open(t, test.handler, nil)
		_, err := d.Open(t.Context(), "b", "k", source.OpenOptions{VersionID: "v"})
		if source.KindOf(err) != test.want || !strings.Contains(fmt.Sprint(err), test.text) {
			t.Errorf("%s: %v, want kind %q", name, err, test.want)
		}
	}
}
