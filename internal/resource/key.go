package resource

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/source"
)

// A key is guarded by its key policy, and each of its grants lets one principal in beside it. A Deny of the key policy holds for grants too
// (access-analyzer.md 4.10; "Grants in AWS KMS" in the KMS Developer Guide).
func keyKind() kind {
	return kind{name: Key, document: "key policy", policy: iam.Resource, parts: keyParts, analyze: analyzeKey,
		describe: func(e *estate, r cfn.Resource, into *Resource) {
			into.Policy = e.document(r, iam.Resource, "KeyPolicy")
			into.Grants = absentOr[[]KeyGrant](e)
		},
		item: func(item inventory.ConfigItem, into *Resource) {
			itemPolicy(item, &into.Policy, "Policy", "keyPolicy")
			itemGrants(item, &into.Grants)
		}}
}

var keyParts = sync.OnceValue(func() []part { return []part{{suffixes: []string{""}, actions: actionsOn("kms:key")}} })

// A KeyGrant is a grant of a KMS key, as ListGrants answers it.
type KeyGrant struct {
	ID         string   `json:"GrantId"`
	Grantee    string   `json:"GranteePrincipal"`
	Retiring   string   `json:"RetiringPrincipal"`
	Operations []string `json:"Operations"`
	// Constraints narrow the grant to encryption contexts, which the caller chooses.
	Constraints struct {
		Equals map[string]string `json:"EncryptionContextEquals"`
		Subset map[string]string `json:"EncryptionContextSubset"`
	} `json:"Constraints"`
}

func analyzeKey(a *analysis) {
	var grants []*document
	if !unknown(a, "grants", a.r.Grants) {
		for _, g := range a.r.Grants.Value {
			name := "grant"
			if g.ID != "" {
				name += " " + g.ID
			}
			p, err := g.policy()
			if err != nil {
				a.gap(false, "%s: %v", name, err)
				continue
			}
			grants = append(grants, &document{name: name, policy: p})
		}
	}
	b, ok := a.read(a.kind.document, Source{}, a.r.Policy, iam.Resource)
	if !ok {
		b = exactly(&document{name: a.kind.document, policy: &iam.Policy{Kind: iam.Resource}})
	}
	a.findings = a.alone(b, grants...)
}

// policy says as a policy what the grant allows.
func (g *KeyGrant) policy() (*iam.Policy, error) {
	of := "AWS"
	if !hasColon(g.Grantee) && !isAccount(g.Grantee) {
		of = "Service"
	}
	s := statement{Sid: "", Effect: "Allow", Principal: map[string]string{of: g.Grantee}, Resource: "*", Action: []string{}}
	for _, o := range g.Operations {
		s.Action = append(s.Action, "kms:"+o)
	}
	context := map[string]string{}
	for _, m := range []map[string]string{g.Constraints.Equals, g.Constraints.Subset} {
		for k, v := range m {
			context["kms:EncryptionContext:"+k] = v
		}
	}
	if len(context) > 0 {
		s.Condition = map[string]any{"StringEquals": context}
	}
	return made([]statement{s}, iam.Resource)
}

// itemGrants reads a key's grants where an item has them: AWS Config does not record them, so they stand as ListGrants answers them.
func itemGrants(item inventory.ConfigItem, into *source.Fact[[]KeyGrant]) {
	raw, given := member(item, "Grants")
	if !given {
		return
	}
	var list []KeyGrant
	if err := json.Unmarshal(raw, &list); err != nil {
		*into = source.Unknown[[]KeyGrant](unreadable(item, "Grants"))
		return
	}
	for i, g := range list {
		if g.Grantee == "" {
			*into = source.Unknown[[]KeyGrant](fmt.Sprintf("%s: grant %d has no GranteePrincipal", unreadable(item, "Grants"), i+1))
			return
		}
	}
	*into = source.Known(list)
}
