package catalog

import (
	"slices"
	"sort"
	"strings"
)

// keyTemplate is a key with a variable, with the texts before and after it.
type keyTemplate struct {
	head, tail string
	key        *ConditionKey
}

// Key finds the condition key that a name in a policy means, ignoring case: "aws:sourceip" means aws:SourceIp, "aws:RequestTag/Team" means
// aws:RequestTag/${TagKey}, "oidc.example.com/id/1:sub" means ${Provider}:sub. For a key with a variable the second result is the text in its
// place ("Team"). It answers nil if the catalogue does not know the key: also for aws:RequestTag without its tag key, for which
// Key(name+"/x") finds what was meant.
//
// Where services disagree on the type of a key, the answer is that of the service whose prefix it has.
func (c *Catalog) Key(name string) (key *ConditionKey, variable string) {
	i := sort.Search(len(c.keys), func(i int) bool { return compareFold(c.keys[i].Name, name) >= 0 })
	if i < len(c.keys) && compareFold(c.keys[i].Name, name) == 0 && !c.keys[i].Template() {
		return c.keys[i], ""
	}
	for i := range c.templates {
		t := &c.templates[i]
		from, to := len(t.head), len(name)-len(t.tail)
		if from >= to || !hasPrefixFold(name, t.head) || compareFold(name[to:], t.tail) != 0 {
			continue
		}
		if t.head == "" && strings.IndexByte(name[:to], '.') < 0 {
			continue // a provider is named by its host
		}
		return t.key, name[from:to]
	}
	return nil, ""
}

// KeyPrefixKnown reports whether the catalogue knows a key with this text before its first colon, ignoring case: "aws", "s3", "saml". Any other host name
// may be that of a provider of web identities.
func (c *Catalog) KeyPrefixKnown(prefix string) bool {
	i := sort.Search(len(c.keys), func(i int) bool { return compareFold(c.keys[i].Name, prefix+":") >= 0 })
	return i < len(c.keys) && hasPrefixFold(c.keys[i].Name, prefix+":")
}

// Template reports whether the key's name has a variable, so that it stands for many keys.
func (k *ConditionKey) Template() bool { return strings.ContainsAny(k.Name, "$<") }

// Global reports whether the key is none of a service's own: its Presence says when requests carry it. Some global keys have the
// prefix of a service (ec2:SourceInstanceArn), because it makes their value.
func (k *ConditionKey) Global() bool { return k.Presence != Unstated }

// Takes reports whether an operator for values of type t suits the key; t is one of the types that are not multivalued. aws:EpochTime takes numbers
// besides dates.
func (k *ConditionKey) Takes(t Type) bool {
	return k.Type.Element() == t || t == Numeric && k.Name == "aws:EpochTime"
}

// CarriedBy reports whether requests to the service may carry the key, as far as that depends on the service: some of the global keys about VPC
// endpoints come with requests to some services only. Of a key of a service it says nothing: see Action.Supports.
func (k *ConditionKey) CarriedBy(s *Service) bool {
	return k.only == nil || slices.Contains(k.only, s.Prefix)
}

// around gives the texts before and after the variable of a key's name: ${Name} or <name>.
func around(name string) (head, tail string) {
	from, end := strings.Index(name, "${"), byte('}')
	if from < 0 {
		from, end = strings.IndexByte(name, '<'), '>'
	}
	if from < 0 {
		return name, ""
	}
	return name[:from], name[from+strings.IndexByte(name[from:], end)+1:]
}
