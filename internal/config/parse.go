package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse reads the text of a configuration. The error holds every mistake, one a line, as name:line:column: what is wrong and what is
// expected. Paths are left as they are.
func Parse(name string, text []byte) (*Config, error) {
	p := &parser{name: name}
	c := &Config{}
	if root := p.document(text); root != nil {
		p.config(root, c)
	}
	if len(p.problems) > 0 {
		return nil, errors.Join(p.problems...)
	}
	return c, nil
}

// maxProblems keeps a wrong file from making a page of errors for each of its lines.
const maxProblems = 50

type parser struct {
	name     string
	problems []error
}

func (p *parser) fail(n *yaml.Node, format string, args ...any) {
	if len(p.problems) < maxProblems {
		p.problems = append(p.problems, fmt.Errorf("%s:%d:%d: %s", p.name, n.Line, n.Column, fmt.Sprintf(format, args...)))
	}
}

// document returns the root of the only document, nil after a failure.
func (p *parser) document(text []byte) *yaml.Node {
	start := &yaml.Node{Line: 1, Column: 1}
	if len(text) > MaxSize {
		p.fail(start, "the file is longer than %d bytes", MaxSize)
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			p.fail(start, `the file is empty; it begins with "version: %d"`, Version)
			return nil
		}
		p.syntax(err)
		return nil
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			p.syntax(err)
		} else {
			p.fail(&second, "a second document; one is expected")
		}
		return nil
	}
	if n := plain(&doc); n != nil {
		p.fail(n, "anchors, aliases and tags are not used here; write the value out")
		return nil
	}
	return doc.Content[0]
}

// yamlLine takes the line from the YAML library's errors, which have no other form for it.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

func (p *parser) syntax(err error) {
	line, message := 1, err.Error()
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		message = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
	}
	// The library's line is that of the construct or of the line before it; it tells no column.
	p.problems = append(p.problems, fmt.Errorf("%s:%d: this is no YAML, here or soon after: %s", p.name, line, strings.Trim(quoted(message), `"`)))
}

// plain returns the first node with an anchor, alias or explicit tag.
func plain(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return n
	}
	for _, c := range n.Content {
		if bad := plain(c); bad != nil {
			return bad
		}
	}
	return nil
}

// quoted makes foreign text fit for one line of an error.
func quoted(s string) string {
	if len(s) > 60 {
		s = s[:60] + "..."
	}
	return strconv.QuoteToGraphic(s)
}

// A field is one key that a mapping may have. Without read it is known but not implemented yet.
type field struct {
	name     string
	required bool
	read     func(*yaml.Node)
}

// mapping reads a mapping with exactly these keys.
func (p *parser) mapping(n *yaml.Node, what string, fields ...field) {
	if n.Kind != yaml.MappingNode {
		p.fail(n, "%s: a mapping with %s is expected, not %s", what, names(fields), kindOf(n))
		return
	}
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if first := seen[key.Value]; first != nil {
			p.fail(key, "%s: %s stands here again, first in line %d", what, quoted(key.Value), first.Line)
			continue
		}
		seen[key.Value] = key
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == key.Value && key.Kind == yaml.ScalarNode })
		switch {
		case at < 0:
			p.fail(key, "%s: unknown key %s; known are %s", what, quoted(key.Value), names(fields))
		case fields[at].read == nil:
			p.fail(key, "%s: %q is not implemented yet; remove it", what, key.Value)
		default:
			fields[at].read(value)
		}
	}
	for _, f := range fields {
		if f.required && seen[f.name] == nil {
			p.fail(n, "%s: %q is missing", what, f.name)
		}
	}
}

func names(fields []field) string {
	var all []string
	for _, f := range fields {
		if f.read != nil {
			all = append(all, f.name)
		}
	}
	return strings.Join(all, ", ")
}

func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "nothing"
	default:
		return quoted(n.Value)
	}
}

// list reads a list; each is called with the index of an element.
func (p *parser) list(n *yaml.Node, what string, each func(*yaml.Node, int)) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		p.fail(n, "%s: a list with at least one element is expected, not %s", what, kindOf(n))
		return
	}
	for i, c := range n.Content {
		each(c, i)
	}
}

// text reads a string. Digits without quotes are taken as they are written: an account id must not lose its leading zero.
func (p *parser) text(n *yaml.Node, what string, form *regexp.Regexp, expected string) string {
	isText := n.Kind == yaml.ScalarNode && (n.Tag == "!!str" || n.Tag == "!!int" || n.Tag == "!!float")
	if !isText || n.Value == "" || strings.ContainsFunc(n.Value, func(r rune) bool { return r < ' ' || r == 0x7f }) ||
		form != nil && !form.MatchString(n.Value) {
		p.fail(n, "%s: %s is expected, not %s", what, expected, kindOf(n))
		return ""
	}
	return n.Value
}

func (p *parser) config(root *yaml.Node, c *Config) {
	if !p.version(root) {
		return
	}
	accounts := map[string]int{}
	var sources, senders []*yaml.Node
	p.mapping(root, "configuration",
		field{name: "version", required: true, read: func(*yaml.Node) {}},
		field{name: "accounts", required: true, read: func(n *yaml.Node) {
			aliases := map[string]int{}
			p.list(n, "accounts", func(n *yaml.Node, _ int) {
				a := p.account(n)
				p.unique(n, accounts, "account", a.ID)
				p.unique(n, aliases, "alias", a.Alias)
				c.Accounts = append(c.Accounts, a)
			})
		}},
		field{name: "sources", read: func(n *yaml.Node) {
			p.list(n, "sources", func(n *yaml.Node, _ int) {
				sources = append(sources, n)
				c.Sources = append(c.Sources, p.source(n))
			})
		}},
		field{name: "limits", read: func(n *yaml.Node) { c.Limits = p.limits(n) }},
		field{name: "organization", read: func(n *yaml.Node) { c.Organization = p.organization(n) }},
		field{name: "publication", read: func(n *yaml.Node) { c.Publication = p.publication(n) }},
		field{name: "watch", read: func(n *yaml.Node) { c.Watch = p.watch(n) }},
		field{name: "retention", read: func(n *yaml.Node) { c.Retention = p.retention(n) }},
		field{name: "notifications", read: func(n *yaml.Node) { c.Notifications, senders = p.notifications(n) }},
	)
	if len(p.problems) > 0 {
		return // what follows from other mistakes would only confuse
	}
	paths := map[string]int{}
	for i, s := range c.Sources {
		p.owned(sources[i], c, "source", s.Account, s.Region)
		p.unique(sources[i], paths, "source", s.identity())
	}
	for i, n := range senders {
		p.telling(n, c, c.Notifications.Senders[i])
	}
}

// version checks the version before anything else: another version may have other keys.
func (p *parser) version(root *yaml.Node) bool {
	if root.Kind != yaml.MappingNode {
		return true // mapping will say so
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if key, n := root.Content[i], root.Content[i+1]; key.Value == "version" && n.Value != strconv.Itoa(Version) {
			p.fail(n, "version: this server reads version %d, not %s", Version, kindOf(n))
			return false
		}
	}
	return true
}

// unique notes a value, or fails if it was noted before. The empty value is none.
func (p *parser) unique(n *yaml.Node, seen map[string]int, what, value string) {
	if value == "" {
		return
	}
	if line, again := seen[value]; again {
		p.fail(n, "%s %s stands here again, first in line %d", what, quoted(value), line)
		return
	}
	seen[value] = n.Line
}

// owned checks that an account and a Region are among the accounts.
func (p *parser) owned(n *yaml.Node, c *Config, what, account, region string) {
	a, known := c.Account(account)
	switch {
	case !known:
		p.fail(n, "%s: account %s is not among the accounts", what, account)
	case !slices.Contains(a.Regions, region):
		p.fail(n, "%s: %s is not among the regions of account %s", what, region, account)
	}
}

func (p *parser) account(n *yaml.Node) (a Account) {
	p.mapping(n, "account",
		field{name: "id", required: true, read: func(n *yaml.Node) { a.ID = p.text(n, "id", accountID, accountIDForm) }},
		field{name: "alias", read: func(n *yaml.Node) { a.Alias = p.text(n, "alias", alias, aliasForm) }},
		field{name: "regions", required: true, read: func(n *yaml.Node) {
			seen := map[string]int{}
			p.list(n, "regions", func(n *yaml.Node, _ int) {
				r := p.text(n, "region", region, regionForm)
				p.unique(n, seen, "region", r)
				a.Regions = append(a.Regions, r)
			})
		}},
		field{name: "keys", read: func(n *yaml.Node) {
			seen := map[string]int{}
			p.list(n, "keys", func(n *yaml.Node, _ int) {
				k := p.key(n)
				p.unique(n, seen, "key", k.ID)
				a.Keys = append(a.Keys, k)
			})
		}},
	)
	return a
}

func (p *parser) key(n *yaml.Node) (k Key) {
	p.mapping(n, "key",
		field{name: "id", required: true, read: func(n *yaml.Node) { k.ID = p.text(n, "id", accessKeyID, accessKeyIDForm) }},
		field{name: "secret", required: true, read: func(n *yaml.Node) { k.Secret = p.secret(n) }},
		// A policy that nobody enforces must not be taken.
		field{name: "policy"},
	)
	return k
}

func (p *parser) secret(n *yaml.Node) (s Secret) {
	if n.Kind == yaml.ScalarNode {
		// The value may be a secret: it must not be repeated.
		p.fail(n, "secret: a mapping with env or file is expected; a secret itself does not belong here")
		return s
	}
	p.mapping(n, "secret",
		field{name: "env", read: func(n *yaml.Node) { s.Env = p.text(n, "env", envName, "the name of an environment variable") }},
		field{name: "file", read: func(n *yaml.Node) { s.File = p.text(n, "file", nil, "the path of a file") }},
	)
	if n.Kind == yaml.MappingNode && len(n.Content) != 2 {
		p.fail(n, "secret: either env or file is expected")
	}
	return s
}

func (p *parser) source(n *yaml.Node) (s Source) {
	fields := []field{
		{name: "account", required: true, read: func(n *yaml.Node) { s.Account = p.text(n, "account", accountID, accountIDForm) }},
		{name: "region", required: true, read: func(n *yaml.Node) { s.Region = p.text(n, "region", region, regionForm) }},
		{name: "kind", required: true, read: func(n *yaml.Node) { s.Kind = p.kind(n) }},
	}
	// The other keys are those of the kind.
	switch kind := member(n, "kind"); {
	case kind != nil && kind.Value == string(Store):
		s.S3 = &S3{}
		fields = append(fields, p.s3(s.S3)...)
	default:
		fields = append(fields, field{name: "path", required: true, read: func(n *yaml.Node) { s.Path = p.text(n, "path", nil, "the path of an estate folder") }})
	}
	p.mapping(n, "source", fields...)
	return s
}

// member returns the value of a mapping's key, nil if it is not there.
func member(n *yaml.Node, key string) *yaml.Node {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	}
	return nil
}

func (p *parser) kind(n *yaml.Node) Kind {
	if n.Kind == yaml.ScalarNode {
		switch kind := Kind(n.Value); kind {
		case Folder, Store:
			return kind
		}
	}
	p.fail(n, "kind: %s or %s is expected, not %s", Folder, Store, kindOf(n))
	return ""
}

func (p *parser) limits(n *yaml.Node) (l Limits) {
	number := func(name string, most int, to *int) field {
		return field{name: name, read: func(n *yaml.Node) {
			v, err := strconv.Atoi(n.Value)
			if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil || v < 1 || v > most {
				p.fail(n, "%s: a number from 1 to %d is expected, not %s", name, most, kindOf(n))
				return
			}
			*to = v
		}}
	}
	p.mapping(n, "limits", number("workers", 1024, &l.Workers), number("parts_above_mib", 1<<30, &l.PartsAbove),
		number("parts_block_mib", 1<<20, &l.PartsBlock), number("text_gib", 1<<20, &l.TextGiB))
	return l
}
