package s3_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/source"
)

// TestPrefixThatMinIORefuses: no key of MinIO's can begin so, and nothing is there. A place to begin behind that is refused says nothing of the
// prefix: there may be keys.
func TestPrefixThatMinIORefuses(t *testing.T) {
	refused := func(s string) bool { return strings.Contains(s, "//") }
	d := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if refused(q.Get("prefix")) || refused(q.Get("start-after")) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `<Error><Code>XMinioInvalidObjectName</Code><Message>Object name contains unsupported characters.</Message></Error>`)
			return
		}
		fmt.Fprintf(w, `<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>%sk</Key><Size>1</Size></Contents></ListBucketResult>`, q.Get("prefix"))
	}), nil)
	for _, test := range []struct {
		prefix, after string
		want          int
		fails         bool
	}{
		{"a/", "", 1, false}, {"a//", "", 0, false}, {"a//", "a//b", 0, false}, {"a/", "a//b", 0, true}, {"", "a//b", 0, true},
	} {
		n, failed := 0, false
		for item, err := range d.List(t.Context(), "b", source.ListOptions{Prefix: test.prefix, After: test.after}) {
			if err != nil || item.Err != nil {
				failed = true
				break
			}
			n++
		}
		if n != test.want || failed != test.fails {
			t.Errorf("below %q behind %q: %d keys, failed %v, want %d, %v", test.prefix, test.after, n, failed, test.want, test.fails)
		}
	}
}

// TestRefusalInJSON: Ceph refuses some requests before it knows that they are S3's.
func TestRefusalInJSON(t *testing.T) {
	d := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"Code":"InvalidRequest","Message":"secret text","RequestId":"tx1","HostId":"h"}`)
	}), nil)
	_, err := d.Open(t.Context(), "b", "k", source.OpenOptions{})
	if text := fmt.Sprint(err); !strings.Contains(text, "InvalidRequest") || strings.Contains(text, "secret") {
		t.Errorf("the error is %v", err)
	}
}
