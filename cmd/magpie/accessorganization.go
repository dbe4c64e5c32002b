package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"

	"go.yaml.in/yaml/v3"

	"github.com/magpie-sec/magpie/internal/arn"
)

// An organization is the part of the server's configuration that names an organization's members.
type organization struct {
	ID         string   `yaml:"id"`
	Management string   `yaml:"management_account"`
	Delegated  []string `yaml:"delegated_administrators"`
	Members    []struct {
		ID   string `yaml:"id"`
		Path string `yaml:"path"`
	} `yaml:"members"`
}

// accounts are all accounts of the organization.
func (o *organization) accounts() []string {
	list := []string{o.Management}
	for _, m := range o.Members {
		list = append(list, m.ID)
	}
	return append(list, o.Delegated...)
}

// organizationID is the form of an organization's id (Organization in the AWS Organizations API).
var organizationID = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)

// maxOrganization is the largest file of an organization in bytes.
const maxOrganization = 4 << 20

// readOrganization reads the file of --organization: the organization itself, or a configuration that has it.
func readOrganization(path string) (*organization, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(text) > maxOrganization {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxOrganization)
	}
	var within struct {
		Organization yaml.Node `yaml:"organization"`
	}
	if err := yaml.Unmarshal(text, &within); err == nil && !within.Organization.IsZero() {
		if text, err = yaml.Marshal(&within.Organization); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	o := &organization{}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(o); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !organizationID.MatchString(o.ID) {
		return nil, fmt.Errorf("%s: id: an organization's id such as o-a1b2c3d4e5 is expected, not %q", path, o.ID)
	}
	for _, id := range o.accounts() {
		if !arn.IsAccount(id) {
			return nil, fmt.Errorf("%s: an account's id of 12 digits is expected, not %q", path, id)
		}
	}
	return o, nil
}
