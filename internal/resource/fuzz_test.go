package resource

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/inventory"
)

// FuzzRead reads any template and any items: nothing panics, every resource is of a known type, the same text gives the same resources, and
// every result is whole.
func FuzzRead(f *testing.F) {
	for _, s := range specimens {
		if s.template != "" {
			f.Add(`{"Parameters":{"P1":{"Type":"String"}},"Resources":`+fill(s.template, s.policy("Allow", `{"AWS":["999988887777",{"Ref":"P1"}]}`))+`}`, "[]")
		}
	}
	f.Add("Resources: {K: {Type: AWS::KMS::Key}, F: {Type: AWS::Lambda::Function}, P: {Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref F, Principal: '*', Action: 'lambda:*'}}}",
		`[{"resourceType":"AWS::EC2::Snapshot","resourceId":"s","configuration":{"encrypted":false,"createVolumePermissions":[{"group":"all"}]}},
		{"resourceType":"AWS::KMS::Key","resourceId":"k","supplementaryConfiguration":{"Policy":"{\"Statement\":[]}","Grants":[{"GranteePrincipal":"arn:aws:iam::999988887777:role/x","Operations":["Decrypt"]}]}}]`)
	f.Fuzz(func(t *testing.T, template, items string) {
		docs := inventory.Documents{TemplateName: "template.yaml", Template: []byte(template)}
		if items != "" {
			docs.ConfigItems = []byte(items)
		}
		e, again := Read(docs, testOptions), Read(docs, testOptions)
		if len(e.Resources) != len(again.Resources) {
			t.Fatal("two readings differ")
		}
		for i := range e.Resources {
			r := &e.Resources[i]
			if !IsType(r.Type) || r.ARN == "" || r.Fingerprint() != again.Resources[i].Fingerprint() {
				t.Fatalf("%+v", r)
			}
			confirm(t, AnalyzeWithin(r, reach.Zone{Account: "111122223333"}, reach.Limits{Steps: 2000}))
			if r.Type == Bucket {
				EffectivePermission(r)
			}
		}
	})
}
