package resource

import (
	"slices"
	"sync"

	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/source"
)

// A secret is guarded by its policy, and its value by its KMS key: who cannot use the key cannot read or write the value
// (access-analyzer.md 2.2). A key that is not known limits nothing; nor does a secret that names no key, as it is not published whether
// Access Analyzer takes the service's own key, which other accounts cannot use, into account there.
func secretKind() kind {
	return kind{name: Secret, document: "secret policy", policy: iam.Resource, parts: secretParts, analyze: analyzeSecret,
		describe: func(e *estate, r cfn.Resource, into *Resource) {
			into.Policy = e.attached(r, into, "ResourcePolicy", target{"AWS::SecretsManager::ResourcePolicy", "SecretId"})
			into.KMSKey = e.text(r, "KmsKeyId")
		},
		item: func(item inventory.ConfigItem, into *Resource) {
			itemPolicy(item, &into.Policy, "ResourcePolicy", "Policy")
			itemText(item, &into.KMSKey, "KmsKeyId")
		}}
}

var secretParts = sync.OnceValue(func() []part { return []part{{suffixes: []string{""}, actions: actionsOn("secretsmanager:Secret")}} })

// sealed are the actions that use the secret's key ("Secret encryption and decryption in AWS Secrets Manager").
var sealed = []string{"secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:ReplicateSecretToRegions",
	"secretsmanager:UpdateSecret"}

func analyzeSecret(a *analysis) {
	guarded(a)
	if len(a.findings) == 0 || !a.sealedOff() {
		return
	}
	var open []Finding
	for _, f := range a.findings {
		f.Actions = slices.DeleteFunc(f.Actions, func(action string) bool { return slices.Contains(sealed, action) })
		if len(f.Actions) > 0 {
			open = append(open, f)
		}
	}
	a.findings = open
}

// sealedOff reports whether nobody outside can use the secret's key.
func (a *analysis) sealedOff() bool {
	if key, known := a.r.KMSKey.Get(); known && awsManaged(key) {
		return true
	}
	if a.r.SecretKey == nil || a.r.SecretKey.Policy.State == source.StateUnknown {
		return false
	}
	key := AnalyzeWithin(a.r.SecretKey, a.zone, a.limits)
	return key.Error == "" && !slices.ContainsFunc(key.Findings, func(f Finding) bool {
		return slices.ContainsFunc(f.Actions, func(action string) bool { return action == "kms:Decrypt" || action == "kms:GenerateDataKey" })
	})
}
