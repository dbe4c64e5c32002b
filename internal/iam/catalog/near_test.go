package catalog

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	c := Load()
	for unknown, want := range map[string]string{
		"s4": "s3", "dynamobd": "dynamodb", "dynmodb": "dynamodb", "lamdba": "lambda", "secretmanager": "secretsmanager", "Cloudwatchh": "cloudwatch", "zzzzzz": "", "": "",
		strings.Repeat("s", 1000): "",
	} {
		got := ""
		if s := c.NearestService(unknown); s != nil {
			got = s.Prefix
		}
		if got != want && !(unknown == "s4" && len(got) <= 3 && got != "") { // several prefixes are one edit away from s4
			t.Errorf("service %q: %q, want %q", unknown, got, want)
		}
	}
	for unknown, want := range map[string]string{
		"GetObejct": "GetObject", "GetObjekt": "GetObject", "getobject": "GetObject", "ListBuckets": "ListBucket", "PutBucketPolcy": "PutBucketPolicy", "Frobnicate": "",
	} {
		got := ""
		if a := c.Service("s3").NearestAction(unknown); a != nil {
			got = a.Name
		}
		if got != want {
			t.Errorf("action %q of s3: %q, want %q", unknown, got, want)
		}
	}
	for unknown, want := range map[string]string{
		"aws:SourceIP4": "aws:SourceIp", "aws:PrincipalOrgId2": "aws:PrincipalOrgID", "s3:prefx": "s3:prefix", "aws:RequestTag": "", "nothing:likeit": "",
	} {
		got := ""
		if k := c.NearestKey(unknown); k != nil {
			got = k.Name
		}
		if got != want {
			t.Errorf("key %q: %q, want %q", unknown, got, want)
		}
	}
}

// TestEdits compares with the definition by recursion.
func TestEdits(t *testing.T) {
	texts := []string{""}
	for i := 0; i < len(texts) && len(texts[i]) < 4; i++ {
		for _, l := range "abc" {
			texts = append(texts, texts[i]+string(l))
		}
	}
	for _, a := range texts {
		for _, b := range texts {
			want := editsOf(a, b)
			if got := edits(a, strings.ToUpper(b), 100); got != want {
				t.Fatalf("%q and %q: %d, want %d", a, b, got, want)
			}
			if got := edits(a, b, 2); got != min(want, 2) && got < 2 {
				t.Fatalf("%q and %q below 2: %d, want %d", a, b, got, want)
			}
		}
	}
}

func editsOf(a, b string) int {
	if a == "" || b == "" {
		return len(a) + len(b)
	}
	x, y := len(a)-1, len(b)-1
	d := editsOf(a[:x], b[:y])
	if a[x] != b[y] {
		d = 1 + min(d, editsOf(a[:x], b), editsOf(a, b[:y]))
	}
	if x > 0 && y > 0 && a[x] == b[y-1] && a[x-1] == b[y] {
		d = min(d, editsOf(a[:x-1], b[:y-1])+1)
	}
	return d
}
