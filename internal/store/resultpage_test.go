package store

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func resultsOfAPage() []Result {
	return []Result{
		{Bucket: "b", Key: []byte("a/1"), Status: "COMPLETE", Rules: "r", MIMEType: "text/csv", Size: 1024, BytesClassified: 1024, ETag: strings.Repeat("0a", 16), ModifiedAt: 5, AnalyzedAt: 9},
		{Bucket: "b", Key: []byte("a/10"), VersionID: "v", Status: "COMPLETE", Rules: "r", MIMEType: "", Size: -1, BytesClassified: 1 << 60, ETag: "0A", ModifiedAt: -5, AnalyzedAt: 1 << 62},
		{Bucket: "b", Key: []byte("\xff\x00"), Status: "COMPLETE", Rules: "other", MIMEType: "text/csv", Size: 1 << 62, ETag: "0", ModifiedAt: 1 << 40, AnalyzedAt: 0},
	}
}

func pointers(results []Result) (out []*Result) {
	for i := range results {
		out = append(out, &results[i])
	}
	return out
}

func TestResultPage(t *testing.T) {
	want := resultsOfAPage()
	body := packResults(pointers(want))
	got, err := unpackResults("b", int64(len(want)), body)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: %+v\nwant %+v", err, got, want)
	}
	for n := range body {
		if _, err := unpackResults("b", int64(len(want)), body[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are a page", n, len(body))
		}
	}
	for _, n := range []int64{-1, 2, 4, 1 << 62} {
		if _, err := unpackResults("b", n, body); err == nil {
			t.Errorf("a page of 3 results is one of %d", n)
		}
	}
}

// FuzzResultPage reads pages that nobody wrote: what is read is written and read again as the same.
func FuzzResultPage(f *testing.F) {
	f.Add(int64(3), packResults(pointers(resultsOfAPage())))
	f.Fuzz(func(t *testing.T, objects int64, body []byte) {
		results, err := unpackResults("b", objects, body)
		if err != nil {
			return
		}
		again, err := unpackResults("b", objects, packResults(pointers(results)))
		if err != nil || !slices.EqualFunc(again, results, func(a, b Result) bool {
			a.Key, b.Key = append([]byte{}, a.Key...), append([]byte{}, b.Key...)
			return bytes.Equal(a.Key, b.Key) && reflect.DeepEqual(a, b)
		}) {
			t.Errorf("%v: %+v\nwant %+v", err, again, results)
		}
	})
}
