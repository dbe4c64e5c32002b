package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam/catalog"
)

// source is what the catalogue is made of.
type source struct {
	version, date, integrity string
	services                 []service
}

type service struct {
	prefix, name string
	rcp          bool
	keys         []key
	types        []resourceType
	actions      []action
}

type key struct {
	name string
	typ  catalog.Type
}

type resourceType struct {
	name string
	arns []string
	keys []key
}

type action struct {
	name      string
	level     catalog.AccessLevel
	keys      []key
	resources []resource
}

type resource struct {
	typ      string
	required bool
	keys     []key
}

// The JSON of the package. Descriptions and scenarios (five actions have them: resources by use case) have no reader in the catalogue.
type (
	jsonAction struct {
		Name             string         `json:"name"`
		Description      string         `json:"description"`
		AccessLevel      string         `json:"accessLevel"`
		ResourceTypes    []jsonResource `json:"resourceTypes"`
		ConditionKeys    []string       `json:"conditionKeys"`
		DependentActions []string       `json:"dependentActions"`
		Scenarios        any            `json:"scenarios"`
	}
	jsonResource struct {
		Name             string   `json:"name"`
		Required         bool     `json:"required"`
		ConditionKeys    []string `json:"conditionKeys"`
		DependentActions []string `json:"dependentActions"`
	}
	jsonType struct {
		Key           string   `json:"key"`
		ARN           string   `json:"arn"`
		ConditionKeys []string `json:"conditionKeys"`
	}
	jsonKey struct {
		Key         string `json:"key"`
		Description string `json:"description"`
		Type        string `json:"type"`
	}
)

var levels = map[string]catalog.AccessLevel{
	"Read": catalog.Read, "List": catalog.List, "Write": catalog.Write,
	"Tagging": catalog.Tagging, "Tagging, Write": catalog.Tagging,
	"Permissions management": catalog.PermissionsManagement, "Permissions management, Write": catalog.PermissionsManagement,
}

var keyTypes = map[string]catalog.Type{
	"String": catalog.String, "ARN": catalog.ARN, "Bool": catalog.Bool, "Numeric": catalog.Numeric, "Date": catalog.Date,
	"IPAddress": catalog.IPAddress, "Binary": catalog.Binary,
	"ArrayOfString": catalog.ArrayOfString, "ArrayOfARN": catalog.ArrayOfARN, "ArrayOfBool": catalog.ArrayOfBool,
}

// corrected are types that the reference states otherwise than the IAM user guide, which explains the key: "IAM and AWS STS condition context keys" calls
// this one multivalued, and the Cognito guide's trust policies test it with ForAnyValue.
var corrected = map[string]catalog.Type{"cognito-identity.amazonaws.com:amr": catalog.ArrayOfString}

// read makes the source of the package's files. It fails on everything that it does not know, so that new data are not read as less than they say.
func read(files map[string][]byte) (source, error) {
	var manifest struct{ Version, UpdatedAt string }
	if err := json.Unmarshal(files["package.json"], &manifest); err != nil {
		return source{}, fmt.Errorf("package.json: %w", err)
	}
	if len(manifest.UpdatedAt) < len("2006-01-02") {
		return source{}, fmt.Errorf("package.json has no date of the data")
	}
	s := source{version: manifest.Version, date: manifest.UpdatedAt[:len("2006-01-02")], integrity: integrity}
	var names map[string]string
	if err := decode(files, "data/serviceNames.json", &names); err != nil {
		return s, err
	}
	var rcp []string
	if err := decode(files, "data/rcpSupportedServices.json", &rcp); err != nil {
		return s, err
	}
	for _, prefix := range slices.Sorted(maps.Keys(names)) {
		v, err := readService(files, prefix)
		if err != nil {
			return s, fmt.Errorf("service %s: %w", prefix, err)
		}
		v.name, v.rcp = names[prefix], slices.Contains(rcp, prefix)
		s.services = append(s.services, v)
	}
	for _, prefix := range rcp {
		if names[prefix] == "" {
			return s, fmt.Errorf("rcpSupportedServices.json names %s, which is no service", prefix)
		}
	}
	for path := range files {
		if prefix, ok := strings.CutPrefix(path, "data/actions/"); ok && names[strings.TrimSuffix(prefix, ".json")] == "" {
			return s, fmt.Errorf("%s is of a service without a name", path)
		}
	}
	return s, nil
}

func decode(files map[string][]byte, path string, to any) error {
	raw, ok := files[path]
	if !ok {
		return fmt.Errorf("%s is missing", path)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func readService(files map[string][]byte, prefix string) (service, error) {
	s := service{prefix: prefix}
	var keys map[string]jsonKey
	if err := decode(files, "data/conditionKeys/"+prefix+".json", &keys); err != nil {
		return s, err
	}
	known := map[string]key{}
	for _, k := range keys {
		typ, ok := keyTypes[k.Type]
		if !ok {
			return s, fmt.Errorf("key %s: unknown type %q", k.Key, k.Type)
		}
		if better, ok := corrected[k.Key]; ok {
			typ = better
		}
		known[strings.ToLower(k.Key)] = key{keyName(k.Key), typ}
	}
	s.keys = sortedKeys(slices.Collect(maps.Values(known)))
	lookup := func(names []string) (list []key, err error) {
		for _, n := range names {
			k, ok := known[strings.ToLower(n)]
			if !ok {
				return nil, fmt.Errorf("key %s is not among those of the service", n)
			}
			list = append(list, k)
		}
		return sortedKeys(list), nil
	}

	var types map[string]jsonType
	if err := decode(files, "data/resourceTypes/"+prefix+".json", &types); err != nil {
		return s, err
	}
	for _, t := range types {
		list, err := lookup(t.ConditionKeys)
		if err != nil {
			return s, fmt.Errorf("type %s: %w", t.Key, err)
		}
		r := resourceType{name: t.Key, keys: list}
		for _, a := range strings.Split(t.ARN, ",") {
			r.arns = append(r.arns, arnTemplate(strings.TrimSpace(a)))
		}
		s.types = append(s.types, r)
	}
	slices.SortFunc(s.types, func(a, b resourceType) int { return compareFold(a.name, b.name) })

	var actions map[string]jsonAction
	if err := decode(files, "data/actions/"+prefix+".json", &actions); err != nil {
		return s, err
	}
	for _, j := range actions {
		a, err := readAction(j, types, lookup)
		if err != nil {
			return s, fmt.Errorf("action %s: %w", j.Name, err)
		}
		s.actions = append(s.actions, a)
	}
	slices.SortFunc(s.actions, func(a, b action) int { return compareFold(a.name, b.name) })
	return s, nil
}

func readAction(j jsonAction, types map[string]jsonType, lookup func([]string) ([]key, error)) (action, error) {
	a := action{name: j.Name, level: levels[j.AccessLevel]}
	if a.level == 0 {
		return a, fmt.Errorf("unknown access level %q", j.AccessLevel)
	}
	dependents := j.DependentActions
	var err error
	if a.keys, err = lookup(j.ConditionKeys); err != nil {
		return a, err
	}
	for _, r := range j.ResourceTypes {
		t, ok := types[strings.ToLower(r.Name)]
		if !ok {
			return a, fmt.Errorf("type %s is not among those of the service", r.Name)
		}
		list, err := lookup(r.ConditionKeys)
		if err != nil {
			return a, err
		}
		dependents = append(dependents, r.DependentActions...)
		if i := slices.IndexFunc(a.resources, func(r resource) bool { return r.typ == t.Key }); i >= 0 { // six actions name a type twice
			a.resources[i].required = a.resources[i].required || r.Required
			a.resources[i].keys = sortedKeys(append(a.resources[i].keys, list...))
			continue
		}
		a.resources = append(a.resources, resource{t.Key, r.Required, list})
	}
	if len(dependents) > 0 {
		return a, fmt.Errorf("the package has dependent actions now, for which the catalogue has no place: %v", dependents)
	}
	slices.SortFunc(a.resources, func(a, b resource) int { return compareFold(a.typ, b.typ) })
	return a, nil
}

// keyName writes the variables of a few keys for tags as those of the others: there are ssm:resourceTag/tag-key and glacier:ResourceTag/.
func keyName(name string) string {
	head, ok := strings.CutSuffix(name, "/tag-key")
	if !ok {
		head, ok = strings.CutSuffix(name, "/")
	}
	if ok {
		return head + "/${TagKey}"
	}
	return name
}

// arnTemplate puts the dollar sign before variables that lack it.
func arnTemplate(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "${", "{"), "{", "${")
}

func sortedKeys(list []key) []key {
	slices.SortFunc(list, compareKeys)
	return slices.Compact(list)
}

func compareKeys(a, b key) int {
	if n := compareFold(a.name, b.name); n != 0 {
		return n
	}
	return int(a.typ) - int(b.typ)
}

func compareFold(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }
