package config

import (
	"errors"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An Organization is the organization of AWS Organizations that accounts belong to. Its accounts need not be among those that the server
// plays.
type Organization struct {
	ID                      string // "o-" and 10 to 32 letters and digits
	ManagementAccount       string
	DelegatedAdministrators []string // for IAM Access Analyzer; each one is a member
	Members                 []Member // beside the management account
}

// A Member is an account of an organization.
type Member struct {
	ID   string
	Path string // such as "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/", as aws:PrincipalOrgPaths has it; "" if not told
}

// Accounts returns the ids of all accounts, that of the management account first.
func (o *Organization) Accounts() []string {
	ids := []string{o.ManagementAccount}
	for _, m := range o.Members {
		ids = append(ids, m.ID)
	}
	return ids
}

// Administers reports whether an account may see to the whole organization: the management account and delegated administrators may.
func (o *Organization) Administers(account string) bool {
	return account == o.ManagementAccount || slices.Contains(o.DelegatedAdministrators, account)
}

var (
	organizationID   = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)
	organizationPath = regexp.MustCompile(`^o-[a-z0-9]{10,32}/r-[0-9a-z]{4,32}/(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}/)*$`)
)

const (
	organizationIDForm   = "an organization's id such as o-a1b2c3d4e5"
	organizationPathForm = "a path such as o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/"
)

func (p *parser) organization(n *yaml.Node) *Organization {
	o := &Organization{}
	var delegated, paths []*yaml.Node
	members := map[string]int{}
	p.mapping(n, "organization",
		field{name: "id", required: true, read: func(n *yaml.Node) { o.ID = p.text(n, "id", organizationID, organizationIDForm) }},
		field{name: "management_account", required: true, read: func(n *yaml.Node) {
			o.ManagementAccount = p.text(n, "management_account", accountID, accountIDForm)
		}},
		field{name: "delegated_administrators", read: func(n *yaml.Node) {
			seen := map[string]int{}
			p.list(n, "delegated_administrators", func(n *yaml.Node, _ int) {
				id := p.text(n, "delegated administrator", accountID, accountIDForm)
				p.unique(n, seen, "delegated administrator", id)
				o.DelegatedAdministrators, delegated = append(o.DelegatedAdministrators, id), append(delegated, n)
			})
		}},
		field{name: "members", read: func(n *yaml.Node) {
			p.list(n, "members", func(n *yaml.Node, _ int) {
				m := p.member(n)
				p.unique(n, members, "member", m.ID)
				o.Members, paths = append(o.Members, m), append(paths, n)
			})
		}},
	)
	if len(p.problems) > 0 {
		return o // what follows from other mistakes would only confuse
	}
	if line, again := members[o.ManagementAccount]; again {
		p.fail(n, "organization: the management account stands among the members, in line %d; it belongs to the organization anyway", line)
	}
	for i, id := range o.DelegatedAdministrators {
		if _, known := members[id]; !known {
			p.fail(delegated[i], "delegated administrator: %s is not among the members", id)
		}
	}
	for i, m := range o.Members {
		if m.Path != "" && !strings.HasPrefix(m.Path, o.ID+"/") {
			p.fail(paths[i], "member: the path %s is not one of the organization %s", m.Path, o.ID)
		}
	}
	return o
}

func (p *parser) member(n *yaml.Node) (m Member) {
	p.mapping(n, "member",
		field{name: "id", required: true, read: func(n *yaml.Node) { m.ID = p.text(n, "id", accountID, accountIDForm) }},
		field{name: "path", read: func(n *yaml.Node) { m.Path = p.text(n, "path", organizationPath, organizationPathForm) }},
	)
	return m
}

// LoadOrganization reads an organization from a file of its own, or from a configuration file that has one; nothing else of that is read.
func LoadOrganization(path string) (*Organization, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, err
	}
	p := &parser{name: path}
	var o *Organization
	if root := p.document(text); root != nil {
		for i := 0; root.Kind == yaml.MappingNode && i+1 < len(root.Content); i += 2 {
			if root.Content[i].Value == "organization" {
				root = root.Content[i+1]
				break
			}
		}
		o = p.organization(root)
	}
	if len(p.problems) > 0 {
		return nil, errors.Join(p.problems...)
	}
	return o, nil
}
