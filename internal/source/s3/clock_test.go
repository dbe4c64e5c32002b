package s3_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/source/sourcetest"
)

// TestClockSkew asks a store whose clock is far from ours: it refuses what is signed for another time, and is asked again by its own clock, which
// later requests go by from the start.
func TestClockSkew(t *testing.T) {
	for _, skew := range []time.Duration{-3 * time.Hour, 20 * time.Minute, 48 * time.Hour} {
		f := newFake(sourcetest.Content{"b": {"a": "x", "c": "y"}})
		refused := 0
		f.before = func(w http.ResponseWriter, r *http.Request) bool {
			now := time.Now().Add(skew).UTC()
			w.Header().Set("Date", now.Format(http.TimeFormat))
			signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
			if err != nil || signed.Sub(now).Abs() > 15*time.Minute {
				refused++
				failWith(w, http.StatusForbidden, "RequestTimeTooSkewed")
				return true
			}
			return false
		}
		d := open(t, f, nil)
		for range 3 {
			if got, err := read(t, d, "b", "a"); got != "x" || err != nil {
				t.Errorf("%v: read %q, %v", skew, got, err)
			}
		}
		if keys, err := listed(d, source.ListOptions{}); err != nil || len(keys) != 2 {
			t.Errorf("%v: listed %q, %v", skew, keys, err)
		}
		if refused != 1 {
			t.Errorf("%v: refused %d times, want once", skew, refused)
		}
	}
}

// TestStandardChain takes credentials from where AWS's tools take them, when nothing else is said.
func TestStandardChain(t *testing.T) {
	dir := t.TempDir()
	shared := filepath.Join(dir, "credentials")
	if err := os.WriteFile(shared, []byte("[default]\naws_access_key_id = TESTKEY\naws_secret_access_key = x\n[other]\naws_access_key_id = TESTKEY\naws_secret_access_key = y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string]map[string]string{
		"environment":          {"AWS_ACCESS_KEY_ID": "TESTKEY", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SHARED_CREDENTIALS_FILE": os.DevNull},
		"shared file":          {"AWS_SHARED_CREDENTIALS_FILE": shared},
		"profile of that file": {"AWS_SHARED_CREDENTIALS_FILE": shared, "AWS_PROFILE": "other"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"} {
				t.Setenv(variable, "")
			}
			t.Setenv("AWS_CONFIG_FILE", os.DevNull)
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			for variable, value := range env {
				t.Setenv(variable, value)
			}
			d := open(t, newFake(sourcetest.Content{"b": {"a": "x"}}), func(o *s3.Options) { o.Credentials = nil })
			if got, err := read(t, d, "b", "a"); got != "x" || err != nil {
				t.Errorf("read %q, %v", got, err)
			}
		})
	}
}

// TestEncryptionHeaders tells how an object is encrypted, and its storage class, as the headers of its answer do.
func TestEncryptionHeaders(t *testing.T) {
	for name, test := range map[string]struct {
		headers []string
		want    source.Encryption
		class   string
	}{
		"none told":  {nil, source.Encryption{}, "STANDARD"},
		"S3's keys":  {[]string{"X-Amz-Server-Side-Encryption", "AES256"}, source.Encryption{Type: "AES256"}, "STANDARD"},
		"AWS's key":  {[]string{"X-Amz-Server-Side-Encryption", "aws:kms", "X-Amz-Storage-Class", "STANDARD_IA"}, source.Encryption{Type: "aws:kms"}, "STANDARD_IA"},
		"a KMS key":  {[]string{"X-Amz-Server-Side-Encryption", "aws:kms:dsse", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", "key/1"}, source.Encryption{Type: "aws:kms:dsse", KMSKeyID: "key/1"}, "STANDARD"},
		"customer's": {[]string{"X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256"}, source.Encryption{Type: "SSE-C"}, "STANDARD"},
	} {
		f := newFake(sourcetest.Content{"b": {"a": "x"}})
		f.before = func(w http.ResponseWriter, _ *http.Request) bool {
			for i := 0; i < len(test.headers); i += 2 {
				w.Header().Set(test.headers[i], test.headers[i+1])
			}
			return false
		}
		r, err := open(t, f, nil).Open(t.Context(), "b", "a", source.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if o := r.Object(); o.Encryption != test.want || o.StorageClass != test.class {
			t.Errorf("%s: %+v", name, o)
		}
		r.Close()
	}
}
