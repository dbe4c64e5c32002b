package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// S3 is Amazon S3 or a store that speaks its protocol (internal/source/s3).
type S3 struct {
	Endpoint    string // http://HOST:PORT or https://HOST; "" is Amazon S3
	Credentials Credentials
	Buckets     []string // the only ones that are read; empty: all that the store lists
	Regions     []string // the only ones whose buckets are read; empty: all
	Prefix      string   // of the keys that are read
	// RequestsPerSecond bounds what the source is asked; 0 is no bound.
	RequestsPerSecond float64
	Profile           StoreProfile
	// Reports say whether S3 Inventory reports are read where a bucket has them.
	Reports InventoryReports
}

// InventoryReports say how S3 Inventory reports are read; the zero value reads none.
type InventoryReports struct {
	MaxAge time.Duration // how old a report may be; 0: none is read
	Folder string        // where temporary files are made; "" is the system's folder for them
	// ScheduledJobs lets runs of scheduled jobs read them as well.
	ScheduledJobs bool
}

// DefaultReportAge is how old a report may be where nothing else is said: that of a daily one, and half a day for its making.
const DefaultReportAge = 36 * time.Hour

// maxReportAge is s3.MaxReportAge.
const maxReportAge = 14 * 24 * time.Hour

// Credentials say who reads a store: a profile of the shared AWS files, or keys that stand elsewhere. With neither it is the standard chain.
type Credentials struct {
	Profile      string
	AccessKey    Secret // its id; set together with Key
	Key          Secret // the secret access key
	SessionToken Secret // of temporary credentials
}

// Read returns the access key id, the secret and the session token from where they stand.
func (c Credentials) Read() (id, secret, session string, err error) {
	if id, err = c.AccessKey.Read(); err != nil {
		return "", "", "", err
	}
	if secret, err = c.Key.Read(); err != nil {
		return "", "", "", err
	}
	if c.SessionToken != (Secret{}) {
		session, err = c.SessionToken.Read()
	}
	return id, secret, session, err
}

// A StoreProfile says what a store cannot say of itself.
type StoreProfile struct {
	Owners []string // the store's own names of the account
	Lacks  []string // of StoreSettings
	// Enforces are those of DoubtedSettings that the store enforces.
	Enforces []string
}

// StoreSettings are the settings of a bucket that a store may lack, as the source knows them (s3.Settings).
var StoreSettings = []string{
	"acl", "encryption", "location", "ownership", "policy", "public_access_block", "replication", "restrict_public_buckets", "tags",
	"versioning",
}

// DoubtedSettings are those that some stores keep without enforcing them (s3.Doubted).
var DoubtedSettings = []string{"restrict_public_buckets"}

// Remote reads a SRC of the command line that names a store: s3://BUCKET[/PREFIX], s3+http://HOST:PORT[/BUCKET[/PREFIX]], s3+https://...
// and aws. It returns nil for anything else. The error does not repeat what may be a password.
func Remote(src string) (*S3, error) {
	if src == "aws" {
		return &S3{}, nil
	}
	scheme, rest, ok := strings.Cut(src, "://")
	if !ok || scheme != "s3" && scheme != "s3+http" && scheme != "s3+https" {
		return nil, nil
	}
	s := &S3{}
	if scheme != "s3" {
		var host string
		host, rest, _ = strings.Cut(rest, "/")
		s.Endpoint = strings.TrimPrefix(scheme, "s3+") + "://" + host
		if err := checkEndpoint(s.Endpoint); err != nil {
			return nil, err
		}
		if rest == "" {
			return s, nil
		}
	}
	bucket, prefix, _ := strings.Cut(rest, "/")
	if !bucketName.MatchString(bucket) {
		return nil, fmt.Errorf("source %s: %s is expected behind the slashes", quoted(src), bucketForm)
	}
	s.Buckets, s.Prefix = []string{bucket}, prefix
	return s, nil
}

func checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return errors.New(endpointForm + " is expected")
	}
	if u.User != nil {
		return errors.New("credentials do not belong into an address: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use --config")
	}
	return nil
}

// identity is what two sources must not share.
func (s *S3) identity() string {
	return strings.Join([]string{s.Endpoint, strings.Join(s.Buckets, ","), strings.Join(s.Regions, ","), s.Prefix}, " ")
}

var (
	// bucketName is what internal/source/s3 can send: the names of today's buckets and of old ones.
	bucketName  = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$`)
	profileName = regexp.MustCompile(`^[^\s\[\]]{1,128}$`)
)

const (
	bucketForm      = "the name of a bucket"
	endpointForm    = "http:// or https:// with a host and perhaps a port"
	profileNameForm = "the name of a profile of the shared AWS files"
)

// s3 reads the keys of a source that is an S3 store.
func (p *parser) s3(s *S3) []field {
	texts := func(to *[]string, what string, form *regexp.Regexp, expected string) func(*yaml.Node) {
		return func(n *yaml.Node) {
			seen := map[string]int{}
			p.list(n, what, func(n *yaml.Node, _ int) {
				v := p.text(n, what, form, expected)
				p.unique(n, seen, what, v)
				*to = append(*to, v)
			})
		}
	}
	return []field{
		{name: "endpoint", read: func(n *yaml.Node) {
			if n.Kind != yaml.ScalarNode || checkEndpoint(n.Value) != nil {
				p.fail(n, "endpoint: %s is expected", endpointForm) // without the value: it may hold a password
				return
			}
			s.Endpoint = n.Value
		}},
		{name: "credentials", read: func(n *yaml.Node) { s.Credentials = p.credentials(n) }},
		{name: "buckets", read: texts(&s.Buckets, "buckets", bucketName, bucketForm)},
		{name: "regions", read: texts(&s.Regions, "regions", region, regionForm)},
		{name: "prefix", read: func(n *yaml.Node) { s.Prefix = p.text(n, "prefix", nil, "the beginning of keys") }},
		{name: "requests_per_second", read: func(n *yaml.Node) {
			rate, err := strconv.ParseFloat(n.Value, 64)
			if n.Kind != yaml.ScalarNode || n.Tag != "!!int" && n.Tag != "!!float" || err != nil || !(rate >= 0.01 && rate <= 1e6) {
				p.fail(n, "requests_per_second: a number from 0.01 to 1000000 is expected, not %s", kindOf(n))
				return
			}
			s.RequestsPerSecond = rate
		}},
		{name: "inventory_reports", read: func(n *yaml.Node) { s.Reports = p.inventoryReports(n) }},
		{name: "profile", read: func(n *yaml.Node) {
			p.mapping(n, "profile",
				field{name: "owners", read: texts(&s.Profile.Owners, "owners", nil, "a name that the store gives to the account")},
				field{name: "lacks", read: texts(&s.Profile.Lacks, "lacks", settingName, "one of "+settingNames)},
				field{name: "enforces", read: texts(&s.Profile.Enforces, "enforces", doubtedName, strings.Join(DoubtedSettings, ", "))},
			)
		}},
	}
}

var (
	settingNames = strings.Join(StoreSettings, ", ")
	settingName  = regexp.MustCompile(`^(` + strings.Join(StoreSettings, "|") + `)$`)
	doubtedName  = regexp.MustCompile(`^(` + strings.Join(DoubtedSettings, "|") + `)$`)
)

// inventoryReports reads off, or a mapping.
func (p *parser) inventoryReports(n *yaml.Node) (r InventoryReports) {
	const form = `off, or a mapping with max_age (such as 36h), folder or scheduled_jobs`
	if n.Kind == yaml.ScalarNode {
		if n.Value != "off" || n.Style != 0 {
			p.fail(n, "inventory_reports: %s, is expected, not %s", form, kindOf(n))
		}
		return r
	}
	r.MaxAge = DefaultReportAge
	p.mapping(n, "inventory_reports",
		field{name: "max_age", read: func(n *yaml.Node) {
			age, err := time.ParseDuration(n.Value)
			if n.Kind != yaml.ScalarNode || err != nil || age < time.Hour || age > maxReportAge {
				p.fail(n, "max_age: a time from 1h to %.0fh is expected, such as 36h, not %s", maxReportAge.Hours(), kindOf(n))
				return
			}
			r.MaxAge = age
		}},
		field{name: "folder", read: func(n *yaml.Node) { r.Folder = p.text(n, "folder", nil, "a folder for temporary files") }},
		field{name: "scheduled_jobs", read: func(n *yaml.Node) {
			if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
				p.fail(n, "scheduled_jobs: true or false is expected, not %s", kindOf(n))
			}
			r.ScheduledJobs = n.Value == "true"
		}},
	)
	return r
}

func (p *parser) credentials(n *yaml.Node) (c Credentials) {
	if n.Kind == yaml.ScalarNode {
		p.fail(n, "credentials: a mapping with profile, or with access_key and secret, is expected; a secret itself does not belong here")
		return c
	}
	p.mapping(n, "credentials",
		field{name: "profile", read: func(n *yaml.Node) { c.Profile = p.text(n, "profile", profileName, profileNameForm) }},
		field{name: "access_key", read: func(n *yaml.Node) { c.AccessKey = p.secret(n) }},
		field{name: "secret", read: func(n *yaml.Node) { c.Key = p.secret(n) }},
		field{name: "session_token", read: func(n *yaml.Node) { c.SessionToken = p.secret(n) }},
	)
	if n.Kind != yaml.MappingNode {
		return c
	}
	var given []string
	for i := 0; i < len(n.Content); i += 2 {
		given = append(given, n.Content[i].Value)
	}
	keys := slices.Contains(given, "access_key") && slices.Contains(given, "secret")
	profile := slices.Contains(given, "profile")
	if profile && len(given) > 1 || !profile && !keys {
		p.fail(n, "credentials: either profile, or access_key and secret with perhaps session_token, is expected")
	}
	return c
}
