// Package catalog knows the vocabulary of IAM policies: for every AWS service its actions with their access levels, the types of resources
// they work on, and the condition keys with their types. The data are those of AWS's service authorization reference at DataDate; keys that
// belong to no service stand in a table of this package, after the page of the IAM guide about global condition keys.
//
// Load gives the catalogue. Everything in it is shared and must not be changed. A lookup of what is not known answers nil: an action whose
// service is known and which itself is not has been misspelled or is newer than the data, so a reasoner must not take "unknown" for "cannot
// happen".
//
// The data do not tell which further actions an action needs (the column "dependent actions" of AWS's pages; the machine-readable reference
// lacks it).
package catalog

import (
	"iter"
	"slices"
	"sort"
	"strings"
)

// Catalog is all services, actions, types of resources and condition keys.
type Catalog struct {
	services  []Service
	actions   []Action
	types     []ResourceType
	keys      []*ConditionKey // by name, ignoring case
	templates []keyTemplate   // those with most fixed text first
	arns      []arnTemplate   // by service part, the service's own first
}

// Service is what stands before the colon of an action.
type Service struct {
	Prefix string // as in actions: "s3", "elasticfilesystem"
	Name   string // for people: "Amazon S3", "Amazon Elastic File System"

	// RCP tells whether resource control policies apply to the service.
	RCP bool

	Actions       []Action       // by name, ignoring case
	ResourceTypes []ResourceType // by name

	// Keys are all condition keys that the service's actions and types of resources name, with those of other prefixes
	// ("aws:TagKeys"; "saml:aud" of sts).
	Keys []*ConditionKey
}

// Action is an action such as s3:GetObject.
type Action struct {
	Service *Service
	ID      int    // position in Catalog.Actions, for bit sets; another version of the data has other IDs
	Full    string // "s3:GetObject"
	Name    string // "GetObject"
	Level   AccessLevel

	// Resources are the types of resources that the action works on. Without any it works on none in particular, and only a Resource
	// element of "*" allows it.
	Resources []ActionResource

	// Keys are the condition keys that the action names for all its resources; see also ActionResource.Keys, ResourceType.Keys and
	// Action.Supports.
	Keys []*ConditionKey
}

// ActionResource is a type of resource as an action uses it.
type ActionResource struct {
	Type *ResourceType

	// Required tells that every call of the action names a resource of this type. Types that can take each other's place
	// (object and access point object of s3:GetObject) are not required.
	Required bool

	Keys []*ConditionKey // that the action has with this type only
}

// ResourceType is a type of resource of a service.
type ResourceType struct {
	Service *Service
	Name    string // "object", "table"

	// ARNs are the templates of its names, most often one: "arn:${Partition}:s3:::${BucketName}/${ObjectName}". Variables are ${Name}; a *
	// stands for itself and for anything, as in policies.
	ARNs []string

	Keys []*ConditionKey // that an action may have because it works on a resource of this type
}

// ConditionKey is a key of condition elements, or a template of such keys.
type ConditionKey struct {
	Name string // as AWS writes it; with a variable: "aws:RequestTag/${TagKey}", "s3:ExistingObjectTag/<key>"
	Type Type

	// Presence tells which requests carry the key. It is Unstated for keys of services, which come with the actions that name them.
	Presence Presence

	// Sensitive keys are those for which AWS sees no honest use of wildcards.
	Sensitive bool

	// Legacy keys work, and AWS's documentation no longer lists them.
	Legacy bool

	only []string // prefixes of the services whose requests carry the key; nil: all
}

// AccessLevel is how AWS classes what an action does.
type AccessLevel uint8

// The levels. AWS's data class Tagging and PermissionsManagement as Write too.
const (
	Read AccessLevel = iota + 1
	List
	Write
	Tagging
	PermissionsManagement
)

var levelNames = [...]string{Read: "Read", List: "List", Write: "Write", Tagging: "Tagging", PermissionsManagement: "Permissions management"}

// String gives the level in AWS's words.
func (l AccessLevel) String() string { return nameOf(levelNames[:], int(l)) }

// Type is the type of a condition key's values.
type Type uint8

// The types of condition keys. Those that begin with ArrayOf are of multivalued keys.
const (
	String Type = iota + 1
	ARN
	Bool
	Numeric
	Date
	IPAddress
	Binary
	ArrayOfString
	ArrayOfARN
	ArrayOfBool
)

var typeNames = [...]string{String: "String", ARN: "ARN", Bool: "Bool", Numeric: "Numeric", Date: "Date", IPAddress: "IPAddress", Binary: "Binary",
	ArrayOfString: "ArrayOfString", ArrayOfARN: "ArrayOfARN", ArrayOfBool: "ArrayOfBool"}

// String gives the type as AWS's service authorization reference writes it.
func (t Type) String() string { return nameOf(typeNames[:], int(t)) }

// Multivalued reports whether a request may carry several values, so that conditions need ForAllValues or ForAnyValue.
func (t Type) Multivalued() bool { return t >= ArrayOfString }

// Element gives the type of one value: String for ArrayOfString, and a type that is not multivalued itself.
func (t Type) Element() Type {
	switch t {
	case ArrayOfString:
		return String
	case ArrayOfARN:
		return ARN
	case ArrayOfBool:
		return Bool
	}
	return t
}

func nameOf(names []string, i int) string {
	if i < len(names) && names[i] != "" {
		return names[i]
	}
	return "unknown"
}

// Services gives all services by prefix.
func (c *Catalog) Services() []Service { return c.services }

// Actions gives all actions by service and name; an action's ID is its place.
func (c *Catalog) Actions() []Action { return c.actions }

// ResourceTypes gives all types of resources by service and name.
func (c *Catalog) ResourceTypes() []ResourceType { return c.types }

// Keys gives all condition keys by name, ignoring case. A name is there twice where two services disagree on its type.
func (c *Catalog) Keys() []*ConditionKey { return c.keys }

// Service finds a service by its prefix, ignoring case; nil if the catalogue does not know it.
func (c *Catalog) Service(prefix string) *Service {
	i := sort.Search(len(c.services), func(i int) bool { return compareFold(c.services[i].Prefix, prefix) >= 0 })
	if i == len(c.services) || compareFold(c.services[i].Prefix, prefix) != 0 {
		return nil
	}
	return &c.services[i]
}

// Action finds an action by its full name such as "s3:GetObject", ignoring case; nil if the catalogue does not know it. Wildcards are not
// expanded: see Match.
func (c *Catalog) Action(name string) *Action {
	prefix, name, ok := strings.Cut(name, ":")
	if !ok {
		return nil
	}
	s := c.Service(prefix)
	if s == nil {
		return nil
	}
	return s.Action(name)
}

// Action finds an action of the service by its name without the prefix, ignoring case; nil if there is none.
func (s *Service) Action(name string) *Action {
	i := sort.Search(len(s.Actions), func(i int) bool { return compareFold(s.Actions[i].Name, name) >= 0 })
	if i == len(s.Actions) || compareFold(s.Actions[i].Name, name) != 0 {
		return nil
	}
	return &s.Actions[i]
}

// ResourceType finds a type of resource of the service by its name, ignoring case; nil if there is none.
func (s *Service) ResourceType(name string) *ResourceType {
	i := sort.Search(len(s.ResourceTypes), func(i int) bool { return compareFold(s.ResourceTypes[i].Name, name) >= 0 })
	if i == len(s.ResourceTypes) || compareFold(s.ResourceTypes[i].Name, name) != 0 {
		return nil
	}
	return &s.ResourceTypes[i]
}

// String gives the full name.
func (a *Action) String() string { return a.Full }

// Support is how an action and a condition key go together.
type Support uint8

const (
	// Unsupported: nothing says that a request for the action carries the key.
	Unsupported Support = iota
	// ByResource: only a type of resource that the action works on names the key. For aws:ResourceTag that is enough; a key about the
	// request (aws:RequestTag, aws:TagKeys) comes with those of its actions that set tags.
	ByResource
	// Named: the action names the key, for all its resources or for some.
	Named
	// Everywhere: the key is a global one that does not depend on the action; its Presence says when requests carry it.
	Everywhere
)

// Supports tells whether requests for the action may carry the key.
func (a *Action) Supports(k *ConditionKey) Support {
	if slices.Contains(a.Keys, k) {
		return Named
	}
	byResource := false
	for i := range a.Resources {
		r := &a.Resources[i]
		if slices.Contains(r.Keys, k) {
			return Named
		}
		byResource = byResource || slices.Contains(r.Type.Keys, k)
	}
	switch {
	case byResource:
		return ByResource
	case k.Global() && k.Presence != WithTags && k.Presence != TaggedResource && k.CarriedBy(a.Service) &&
		!slices.ContainsFunc(notCarried[k.Name], a.Matches):
		return Everywhere
	}
	return Unsupported
}

// ActionsWith gives the actions that support the key as Named or ByResource, in order.
func (c *Catalog) ActionsWith(k *ConditionKey) iter.Seq[*Action] {
	return func(yield func(*Action) bool) {
		for i := range c.services {
			s := &c.services[i]
			if !slices.Contains(s.Keys, k) {
				continue
			}
			for j := range s.Actions {
				a := &s.Actions[j]
				if support := a.Supports(k); (support == Named || support == ByResource) && !yield(a) {
					return
				}
			}
		}
	}
}

// compareFold orders ASCII texts ignoring case, without allocating.
func compareFold(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if x, y := lower(a[i]), lower(b[i]); x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && compareFold(s[:len(prefix)], prefix) == 0
}

func lower(b byte) byte {
	if b-'A' < 26 {
		b += 'a' - 'A'
	}
	return b
}
