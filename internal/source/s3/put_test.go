package s3_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
)

// keyStore answers uploads as a store does that has the keys of these names; name says what it calls a key that it is asked for. asked are the
// keys that it was asked for, "" where none was named.
func keyStore(refuse func(w http.ResponseWriter), names ...string) (http.Handler, *[]string) {
	var asked []string
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id")
		asked = append(asked, key)
		if key != "" && !slices.Contains(names, key) {
			refuse(w)
		}
	}), &asked
}

// TestKeysOfOtherStores: results are stored under the key that their configuration names, which stores other than Amazon S3 know by a name of
// their own, or not at all. The refusals are those of MinIO and Ceph.
func TestKeysOfOtherStores(t *testing.T) {
	const arn = "arn:aws:kms:us-east-1:123456789012:key/results"
	refuse := func(status int, code, message string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.WriteHeader(status)
			fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
		}
	}
	minio := refuse(404, "kms:KeyNotFound", "key with given key ID does not exist")
	ceph := refuse(400, "InvalidArgument", "Failed to retrieve the actual key, kms-keyid: "+arn)
	none := refuse(501, "NotImplemented", "Server side encryption specified but KMS is not configured")
	for _, test := range []struct {
		name    string
		refuse  func(http.ResponseWriter)
		names   []string
		profile s3.Profile
		want    []string // the keys of two uploads
		kind    source.Kind
	}{
		{"by ARN", minio, []string{arn}, s3.Profile{}, []string{arn, arn}, 0},
		{"MinIO, by name", minio, []string{"results"}, s3.Profile{}, []string{arn, "results", "results"}, 0},
		{"Ceph, by name", ceph, []string{"results"}, s3.Profile{}, []string{arn, "results", "results"}, 0},
		{"MinIO, no such key", minio, nil, s3.Profile{}, []string{arn, "results", arn, "results"}, source.KeyUnavailable},
		{"Ceph, no such key or no keys at all", ceph, nil, s3.Profile{}, []string{arn, "results", arn, "results"}, source.KeyUnavailable},
		{"Ceph, whose profile says that it has none", ceph, nil, s3.Profile{Lacks: []s3.Setting{s3.Encryption}}, []string{"", ""}, 0},
		{"MinIO without keys", none, nil, s3.Profile{}, []string{arn, "", arn, ""}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			handler, asked := keyStore(test.refuse, test.names...)
			store := open(t, handler, func(o *s3.Options) { o.Profile = test.profile })
			for range 2 {
				err := store.PutObject(t.Context(), "results", "k", []byte("x"), source.PutOptions{KMSKey: arn})
				if test.kind == 0 && err != nil || test.kind != 0 && (source.KindOf(err) != test.kind || !strings.Contains(err.Error(), "lacks")) {
					t.Errorf("error %v, want kind %q and what to do", err, test.kind)
				}
			}
			if !slices.Equal(*asked, test.want) {
				t.Errorf("asked for the keys %q, want %q", *asked, test.want)
			}
		})
	}
}
