// Package config reads the server's configuration file: which accounts there are, and which sources belong to them.
package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Version is the schema version that this package reads.
const Version = 1

// MaxSize is the largest configuration file in bytes.
const MaxSize = 1 << 20

// A Config is a valid configuration.
type Config struct {
	Accounts []Account // at least one, ids unique
	Sources  []Source  // each of an account and Region above
	Limits   Limits
	// Organization is nil if the accounts belong to none.
	Organization *Organization
	Publication  []Sink
	Watch        Watch
	Retention    Retention
	// Notifications is nil if nobody may tell of changes.
	Notifications *Notifications
}

// An Account is one AWS account that the server plays.
type Account struct {
	ID      string   // 12 digits
	Alias   string   // "" for none
	Regions []string // at least one, unique
	Keys    []Key    // access keys beside those that `magpie keys add` makes
}

// A Key is an access key of an account.
type Key struct {
	ID     string // 16 to 128 letters, digits and underscores, as in AWS
	Secret Secret
}

// A Secret says where a secret stands; exactly one member is set. Secrets themselves never stand in the configuration.
type Secret struct {
	Env  string // name of an environment variable
	File string // path of a file
}

// maxSecret is far above any secret; what is longer is the wrong file.
const maxSecret = 4096

// Read returns the secret, without the line end of its file. Errors say where it was sought, never what was found.
func (s Secret) Read() (string, error) {
	if s.Env != "" {
		secret := os.Getenv(s.Env)
		if secret == "" {
			return "", fmt.Errorf("the environment variable %s, which should hold a secret, is empty", s.Env)
		}
		return secret, nil
	}
	f, err := os.Open(s.File)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", err
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" || len(text) > maxSecret {
		return "", fmt.Errorf("%s, which should hold a secret, is empty or longer than %d bytes", s.File, maxSecret)
	}
	return secret, nil
}

// A Source is one object store that belongs to an account and Region.
type Source struct {
	Account string
	Region  string
	Kind    Kind
	Path    string // of a folder; absolute or relative to the working directory
	S3      *S3    // of a store
}

// identity is what two sources must not share.
func (s Source) identity() string {
	if s.S3 != nil {
		return s.S3.identity()
	}
	return s.Path
}

// A Kind is a kind of source.
type Kind string

const (
	// Folder is an estate folder (internal/source/folder).
	Folder Kind = "folder"
	// Store is an S3 store (internal/source/s3).
	Store Kind = "s3"
)

// Limits bound what the server uses.
type Limits struct {
	Workers int // how many objects are read at a time; 0 is the server's default
	// In MiB: objects larger than PartsAbove are read by several workers, in blocks of PartsBlock, if their format allows it. 0 is the server's
	// default.
	PartsAbove, PartsBlock int
	TextGiB                int // how large a text, table or JSON Lines may be, in GiB; 0 is Macie's quota
}

// Account returns the account with an id.
func (c *Config) Account(id string) (Account, bool) {
	i := slices.IndexFunc(c.Accounts, func(a Account) bool { return a.ID == id })
	if i < 0 {
		return Account{}, false
	}
	return c.Accounts[i], true
}

// Load reads a configuration file. Relative paths in it are relative to the folder it lies in.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, err
	}
	c, err := Parse(path, text)
	if err != nil {
		return nil, err
	}
	for i := range c.Sources {
		if s := c.Sources[i].S3; s != nil {
			s.Credentials.AccessKey.beside(path)
			s.Credentials.Key.beside(path)
			s.Credentials.SessionToken.beside(path)
			if s.Reports.Folder != "" {
				s.Reports.Folder = beside(path, s.Reports.Folder)
			}
		} else {
			c.Sources[i].Path = beside(path, c.Sources[i].Path)
		}
	}
	for i := range c.Publication {
		s := &c.Publication[i]
		if s.Kind == SinkFile {
			s.Path = beside(path, s.Path)
		}
		for _, secret := range []*Secret{&s.Secret, &s.Credentials.AccessKey, &s.Credentials.Key, &s.Credentials.SessionToken} {
			secret.beside(path)
		}
	}
	if c.Notifications != nil {
		for i := range c.Notifications.Senders {
			c.Notifications.Senders[i].Token.beside(path)
		}
	}
	for _, a := range c.Accounts {
		for i := range a.Keys {
			a.Keys[i].Secret.beside(path)
		}
	}
	return c, nil
}

func (s *Secret) beside(config string) {
	if s.File != "" {
		s.File = beside(config, s.File)
	}
}

func beside(config, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(config), path)
}

// Simple makes the configuration that the flags --account, --region and --source are short for: one account, its Regions, and its sources,
// all of them in the first Region.
func Simple(account string, regions, sources []string) (*Config, error) {
	c := &Config{Accounts: []Account{{ID: account, Regions: regions}}}
	var problems []error
	if !accountID.MatchString(account) {
		problems = append(problems, fmt.Errorf("account %q: %s is expected", account, accountIDForm))
	}
	if len(regions) == 0 {
		return nil, errors.Join(append(problems, errors.New("a Region is expected"))...)
	}
	for i, r := range regions {
		if !region.MatchString(r) {
			problems = append(problems, fmt.Errorf("region %q: %s is expected", r, regionForm))
		}
		if slices.Contains(regions[:i], r) {
			problems = append(problems, fmt.Errorf("region %q is given twice", r))
		}
	}
	for i, src := range sources {
		s := Source{Account: account, Region: regions[0], Kind: Folder, Path: src}
		store, err := Remote(src)
		switch {
		case src == "":
			problems = append(problems, errors.New("a source is expected, not an empty text"))
		case src == "-":
			problems = append(problems, errors.New("source -: a server cannot serve its standard input"))
		case err != nil:
			problems = append(problems, err)
		case slices.Contains(sources[:i], src):
			problems = append(problems, fmt.Errorf("source %q is given twice", src))
		case store != nil:
			s.Kind, s.Path, s.S3 = Store, "", store
		}
		c.Sources = append(c.Sources, s)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return c, nil
}

var (
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	// region has the form of every AWS Region's code, whatever the partition: us-east-1, us-gov-west-1, eusc-de-east-1.
	region = regexp.MustCompile(`^[a-z]{2,8}(-[a-z]{2,16}){1,3}-[0-9]{1,2}$`)
	// alias is IAM's rule for account aliases (CreateAccountAlias), 3 to 63 characters.
	alias       = regexp.MustCompile(`^[a-z0-9]([a-z0-9]|-[a-z0-9]){1,61}[a-z0-9]?$`)
	accessKeyID = regexp.MustCompile(`^[A-Za-z0-9_]{16,128}$`)
	envName     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

const (
	accountIDForm   = "an account id of 12 digits"
	regionForm      = "a Region's code such as us-east-1"
	aliasForm       = "an alias of 3 to 63 lower-case letters, digits and single hyphens"
	accessKeyIDForm = "an access key id of 16 to 128 letters, digits and underscores"
)
