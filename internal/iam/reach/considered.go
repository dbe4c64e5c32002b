package reach

import (
	"net/netip"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/glob"
)

// A fixing says which values of a considered key limit who gets in (access-analyzer.md 2.6).
type fixing uint8

const (
	byText   fixing = iota // values without wildcards
	byARN                  // ARNs whose account is fixed, whatever their other fields hold; others without wildcards
	byPath                 // paths whose organization is fixed
	byID                   // unique ids; of ID:SESSION the ID
	byNet                  // ranges, but that of all addresses
	byOrigin               // "VPC"
	byTrue                 // "true"
	byNone                 // no value says who calls
)

// A trusting says which values of a considered key are in the zone of trust.
type trusting uint8

const (
	trustNothing trusting = iota
	trustAccount
	trustARN
	trustOrganization
	trustPath
)

type consideredKey struct {
	fixing   fixing
	trusting trusting
}

// consideredKeys narrow access: an outside caller cannot choose them (access-analyzer.md 2.6). Every other key is ignored, which means that a
// request may carry it with any value.
var consideredKeys = map[string]consideredKey{
	principalARN:                               {byARN, trustNothing}, // callers have their accounts
	principalAccount:                           {byText, trustNothing},
	principalOrg:                               {byText, trustNothing},
	principalPaths:                             {byPath, trustPath},
	principalID:                                {byID, trustNothing},
	"aws:sourceip":                             {byNet, trustNothing},
	"aws:sourcevpc":                            {byText, trustNothing},
	"aws:sourcevpcarn":                         {byARN, trustNothing},
	"aws:sourcevpce":                           {byText, trustNothing},
	"aws:vpceaccount":                          {byText, trustAccount},
	"aws:vpceorgid":                            {byText, trustOrganization},
	"aws:vpceorgpaths":                         {byPath, trustPath},
	"aws:sourcearn":                            {byARN, trustARN},
	"aws:sourceaccount":                        {byText, trustAccount},
	"aws:sourceowner":                          {byText, trustAccount},
	"aws:sourceorgid":                          {byText, trustOrganization},
	"aws:sourceorgpaths":                       {byPath, trustPath},
	"s3:dataaccesspointarn":                    {byARN, trustARN},
	"s3:dataaccesspointaccount":                {byText, trustAccount},
	"s3:accesspointnetworkorigin":              {byOrigin, trustNothing},
	"s3express:sessionmode":                    {byNone, trustNothing},
	"kms:calleraccount":                        {byText, trustAccount},
	"lambda:eventsourcetoken":                  {byText, trustNothing},
	"elasticfilesystem:accessedviamounttarget": {byTrue, trustNothing},
	"graph.facebook.com:app_id":                {byText, trustNothing},
	"www.amazon.com:app_id":                    {byText, trustNothing},
	"saml:aud":                                 {byText, trustNothing},
}

// considered tells how a key narrows access, if it does. The audience and subject of every provider of web identities do.
func considered(folded string) (consideredKey, bool) {
	if c, ok := consideredKeys[folded]; ok {
		return c, true
	}
	provider, claim, _ := strings.Cut(folded[strings.LastIndexByte(folded, '/')+1:], ":")
	if claim == "" {
		provider, claim = folded, folded[strings.LastIndexByte(folded, ':')+1:]
	}
	if (claim == "aud" || claim == "sub") && strings.Contains(folded, ".") && provider != "" {
		return consideredKey{byText, trustNothing}, true
	}
	return consideredKey{}, false
}

// isFixed reports whether a value of a key limits who gets in.
func (sp *space) isFixed(f fixing, v *iam.Value, test iam.Test) bool {
	if v.Template.HasVariables() || !v.OK {
		return false
	}
	if test.Family() == iam.FamilyBool && !v.True {
		return false // everything but "true" is false
	}
	text := v.Value
	wild := strings.ContainsAny(text, "*?")
	switch f {
	case byNet:
		if test.Family() == iam.FamilyIP {
			return v.Net.Bits() > 0
		}
		return !wild
	case byARN:
		if !wild {
			return true
		}
		parts := strings.SplitN(text, ":", 6)
		if len(parts) < 6 || !arn.IsAccount(parts[4]) || v.Template.Never {
			return false
		}
		_, outside, err := sp.witness([]glob.Pattern{v.Template.Pattern}, []glob.Pattern{accountARN(parts[4])})
		return err == nil && !outside
	case byPath:
		organization, _, _ := strings.Cut(text, "/")
		return !strings.ContainsAny(organization, "*?") && organization != ""
	case byID:
		id, _, _ := strings.Cut(text, ":")
		return !strings.ContainsAny(id, "*?")
	case byOrigin:
		return iam.FoldKey(text) == "vpc"
	case byTrue:
		return iam.ParseBool(text)
	case byNone:
		return false
	}
	return !wild
}

// trusted gives the patterns of a key's values that are in the zone. Of an organization's accounts only those that the policies mention
// matter.
func (sp *space) trusted(t trusting, z *Zone) []glob.Pattern {
	var accounts []string
	for a := range sp.mentioned {
		if z.Trusts(a) {
			accounts = append(accounts, a)
		}
	}
	var list []glob.Pattern
	switch t {
	case trustAccount:
		for _, a := range accounts {
			list = append(list, glob.Literal(a))
		}
	case trustARN:
		for _, a := range accounts {
			list = append(list, accountARN(a))
		}
	case trustOrganization:
		if z.Organization != "" {
			list = append(list, glob.Literal(z.Organization))
		}
	case trustPath:
		if z.Organization != "" {
			list = append(list, pathsOf(z.Organization))
		}
		for _, p := range z.Paths {
			list = append(list, pathsOf(strings.TrimSuffix(p, "/")))
		}
	}
	return list
}

// widen takes ranges that together hold all addresses of a family for no limit.
func (d *dimension) widen(sp *space) {
	for _, v4 := range []bool{true, false} {
		covered, some := true, false
		for _, s := range d.key.samples {
			if !sp.work(2 + len(d.labels)/8) {
				return
			}
			a, err := netip.ParseAddr(s)
			if err != nil || a.Is4() != v4 {
				continue
			}
			some = true
			in := false
			for i := range d.labels {
				in = in || d.labels[i].fixed && d.labels[i].net.IsValid() && d.labels[i].net.Contains(a)
			}
			covered = covered && in
		}
		for i := range d.labels {
			if l := &d.labels[i]; some && covered && l.net.IsValid() && l.net.Addr().Is4() == v4 {
				l.fixed = false
			}
		}
	}
}
