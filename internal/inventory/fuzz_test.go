package inventory

import (
	"testing"
	"unicode"
)

func FuzzParseConfigItems(f *testing.F) {
	f.Add(testdata(f, "config-items-moto-5.2.1.json"))
	for _, seed := range []string{
		"", "[]", "{}", "\ufeff[]", `{"configurationItems":[]}`, `[{"resourceType":"AWS::S3::Bucket","resourceId":"b","configuration":"\"{}\""}]`,
		`[{"resourceType":"AWS::S3::Bucket","resourceId":"b","supplementaryConfiguration":{"AccessControlList":{"grantList":[{"grantee":{},"permission":1}]}}}]`,
		`[{"resourceType":"AWS::S3::AccountPublicAccessBlock","resourceId":"1","resourceCreationTime":1e300,"configuration":null}]`,
		`[null]`, `[{"resourceType":"x","resourceName":"\u0000","tags":null}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		items, bad, err := ParseConfigItems(data)
		if err != nil && (items != nil || bad != nil) {
			t.Error("items or bad items beside an error")
		}
		for _, i := range items {
			if i.Type == "" || i.ID == "" && i.Name == "" {
				t.Errorf("an item without type or name: %+v", i)
			}
			if len(i.Configuration) > 0 && i.Configuration[0] == '"' {
				t.Errorf("the configuration is a string: %s", i.Configuration)
			}
		}
		e := NewEstate(Documents{ConfigItems: data}, options)
		for _, p := range e.Problems {
			for _, r := range p.String() {
				if unicode.IsControl(r) {
					t.Errorf("problem %q holds a control character", p)
				}
			}
		}
		for _, name := range e.BucketNames() {
			c, err := e.Configuration(t.Context(), name)
			if err != nil {
				t.Error(err)
			}
			if _, known := c.Policy.Get(); !known && c.Policy.State == 0 && c.Policy.Reason == "" {
				t.Error("an unknown policy without a reason")
			}
		}
	})
}
