package lint

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/catalog"
)

// byResources compares resources with the templates of the service that they name. What has wildcards or variables is only told if nothing
// that it can stand for would do.
var byResources = &family{statement: func(l *linter, s *statement) {
	if s.Resources == nil {
		return
	}
	for i := range s.Resources.List {
		l.resource(&s.Resources.List[i])
	}
}}

// open reports whether a field of an ARN can stand for several texts.
func open(field string) bool { return hasWildcard(field) || strings.Contains(field, "${") }

func (l *linter) resource(t *iam.Template) {
	if !strings.HasPrefix(t.Value, "arn:") {
		return // the parser has told, or it is "*"
	}
	f, ok := splitARN(t.Value)
	if !ok {
		return
	}
	partition, service, region, account, name := f[1], f[2], f[3], f[4], f[5]
	if !open(partition) && !slices.Contains(partitions, partition) {
		l.add("INVALID_PARTITION", fmt.Sprintf("%s is no partition; there are %s.", quote(partition), strings.Join(partitions, ", ")), t.Span)
	}
	if !open(account) && account != "" && !arn.IsAccount(account) && !slices.Contains(vendors, account) {
		l.add(iam.InvalidARNAccount, fmt.Sprintf("%s is no account, which has twelve digits.", quote(account)), t.Span)
	}
	if !open(region) && region != "" {
		if !isRegion(region) {
			l.add("INVALID_ARN_REGION", fmt.Sprintf("%s is no Region.%s", quote(region), nearRegion(region)), t.Span)
		} else if of := regions[region]; of != "" && !open(partition) && slices.Contains(partitions, partition) && of != partition {
			l.add("INVALID_ARN_REGION", fmt.Sprintf("The Region %s belongs to the partition %s, not to %s.", region, of, partition), t.Span)
		}
	}
	if open(service) {
		if hasWildcard(service) && strings.Trim(service, "*") != "" && !strings.Contains(service, "${") {
			l.add(iam.WildcardInServiceName, "A wildcard in the name of a service also matches services that come later.", t.Span)
		}
		return
	}
	fact := l.service(service)
	if fact == nil {
		lower := strings.ToLower(service)
		if lower != service && l.service(lower) != nil {
			l.add("INVALID_ARN_SERVICE_CASE", fmt.Sprintf("The service %s of an ARN is written in lower case.", quote(service)), t.Span)
			return
		}
		if l.catalog.Service(service) == nil && !l.full("INVALID_SERVICE") {
			hint := ""
			if near := l.nearService(service); near != nil {
				hint = " Did you mean " + near.Prefix + "?"
			}
			l.add("INVALID_SERVICE", fmt.Sprintf("There is no service %s.%s", quote(service), hint), t.Span)
		}
		return
	}
	fit, decided := l.fits(fact, name)
	pass := loose[service]
	switch {
	case !decided, slices.Contains(vendors, account): // what is AWS's own is often not in the catalogue
		return
	case fit.types == 0 && (open(name) || pass&anyName != 0):
		return // as observed: a pattern may be meant for what there is not yet
	case fit.types == 0:
		l.add("INVALID_ARN_RESOURCE", fmt.Sprintf("No type of resource of %s is named like %s.", service, quote(name)), t.Span)
		return
	}
	switch {
	case pass&anyRegion != 0:
	case region != "" && !open(region) && fit.regions == 0:
		l.add("ARN_REGION_NOT_ALLOWED", fmt.Sprintf("ARNs of %s name no Region here.", service), t.Span)
	case region == "" && fit.regions == fit.types:
		l.add("MISSING_ARN_REGION", fmt.Sprintf("ARNs of %s name a Region here.", service), t.Span)
	}
	switch {
	case pass&anyAccount != 0:
	case account != "" && !open(account) && fit.accounts == 0:
		l.add("ARN_ACCOUNT_NOT_ALLOWED", fmt.Sprintf("ARNs of %s name no account here.", service), t.Span)
	case account == "" && fit.accounts == fit.types:
		l.add("MISSING_ARN_ACCOUNT", fmt.Sprintf("ARNs of %s name an account here.", service), t.Span)
	}
}

// A looseness is what is not asked of a service's ARNs.
type looseness uint8

const (
	anyRegion looseness = 1 << iota
	anyAccount
	anyName
)

// loose are services whose ARNs are wider than their templates in the catalogue.
var loose = map[string]looseness{
	"apigateway":  anyName,    // paths of its own API
	"ec2":         anyAccount, // images and snapshots are written with and without
	"securityhub": anyAccount, // AWS's products have none
	"ssm":         anyAccount, // AWS's parameters and documents have none
	"sts":         anyName,    // its sessions stand in the catalogue as those of iam
	"swf":         anyRegion,  // its guide writes one, the catalogue does not
}

// vendors stand in ARNs in the place of an account.
var vendors = []string{"aws", "aws-marketplace", "amazon", "cloudfront"}

// A template is the name of a type of resources with what is asked of it.
type template struct {
	of      *catalog.ResourceType
	fixed   string // of the resource part, before the first variable or wildcard
	region  bool   // it names a Region
	account bool
}

// A serviceFact is the templates with one service part.
type serviceFact struct {
	templates []template
	memo      map[string]fitting // by resource part
}

// A fitting counts the templates that a resource part fits, and of them those that name a Region or an account.
type fitting struct {
	types, regions, accounts int
	decided                  bool
}

// templatesByService are the templates of all types of resources.
var templatesByService = sync.OnceValue(func() map[string][]template {
	m := map[string][]template{}
	types := catalog.Load().ResourceTypes()
	for i := range types {
		for _, text := range types[i].ARNs {
			parts, ok := catalog.SplitARN(text)
			if !ok || open(parts[2]) {
				continue
			}
			fixed := parts[5]
			if at := strings.IndexAny(fixed, "$*?"); at >= 0 {
				fixed = fixed[:at]
			}
			// The type must have this template only, since it is asked as a whole.
			one := types[i]
			one.ARNs = []string{text}
			m[parts[2]] = append(m[parts[2]], template{of: &one, fixed: fixed, region: parts[3] != "", account: parts[4] != ""})
		}
	}
	return m
})

// service gives the templates with a service part; nil if there are none.
func (l *linter) service(name string) *serviceFact {
	f, ok := l.services[name]
	if !ok {
		if templates := templatesByService()[name]; templates != nil {
			f = &serviceFact{templates: templates, memo: map[string]fitting{}}
		}
		l.services[name] = f
	}
	return f
}

// fits compares a resource part, which may have wildcards and variables, with all templates.
func (l *linter) fits(f *serviceFact, name string) (result fitting, decided bool) {
	if known, ok := f.memo[name]; ok {
		return known, known.decided
	}
	fixed := name
	if at := strings.IndexAny(name, "$*?"); at >= 0 {
		fixed = name[:at]
	}
	result.decided = true
	for i := range f.templates {
		t := &f.templates[i]
		n := min(len(fixed), len(t.fixed))
		if fixed[:n] != t.fixed[:n] || fixed == name && len(fixed) < len(t.fixed) {
			continue
		}
		if !l.spend(costMeet(len(name), len(t.of.ARNs[0]))) {
			result.decided = false
			break
		}
		if !t.of.Meets("*:*:*:*:*:" + name) {
			continue
		}
		result.types++
		if t.region {
			result.regions++
		}
		if t.account {
			result.accounts++
		}
	}
	f.memo[name] = result
	return result, result.decided
}

// byResourcesOfPolicy asks whether a resource can stand in the policy of a resource of its type.
var byResourcesOfPolicy = &family{statement: func(l *linter, s *statement) {
	home, ok := homes[l.resourceType]
	if !ok || s.Resources == nil {
		return
	}
	for i := range s.Resources.List {
		t := &s.Resources.List[i]
		f, ok := splitARN(t.Value)
		if !ok || f[0] != "arn" || open(f[2]) || !l.spend(len(home.types)*costMeet(len(t.Value), 50)) {
			continue
		}
		pattern := "*:*:" + f[2] + ":" + f[3] + ":" + f[4] + ":" + f[5]
		meets := func(name string) bool { return l.catalog.Service(home.service).ResourceType(name).Meets(pattern) }
		if slices.ContainsFunc(home.types, meets) {
			continue
		}
		// What fits no type of its service is wrong in another way.
		of := l.service(f[2])
		if of != nil && l.spend(len(of.templates)*costMeet(len(t.Value), 50)) && slices.ContainsFunc(of.templates, func(t template) bool { return t.of.Meets(pattern) }) {
			l.add("UNSUPPORTED_RESOURCE_ARN_IN_POLICY", fmt.Sprintf("The policy of a resource of type %s is not about %s.", l.resourceType, quote(t.Value)), t.Span)
		}
	}
}}
