package s3

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
)

// A Profile says what a store cannot say of itself.
type Profile struct {
	// Owners are the store's own names of the account that owns the buckets, as whole principals of policies and grantees of access control
	// lists write them: a user's name, or an ARN of the store's kind. Who is not named here and is none of AWS's principals is external.
	Owners []string
	// Lacks are the settings that the store does not have, though it answers as if it had.
	Lacks []Setting
	// Enforces are the settings that the store enforces as Amazon S3 does, of those that not every store enforces that has them.
	Enforces []Setting
}

// A Setting is a part of a bucket's configuration that a store may not have.
type Setting string

// The settings, named as in the configuration file.
const (
	ACL               Setting = "acl"
	Encryption        Setting = "encryption"
	Location          Setting = "location"
	Ownership         Setting = "ownership"
	Policy            Setting = "policy"
	PublicAccessBlock Setting = "public_access_block"
	Replication       Setting = "replication"
	Tags              Setting = "tags"
	Versioning        Setting = "versioning"
	// RestrictPublicBuckets is the switch of that name in a public access block.
	RestrictPublicBuckets Setting = "restrict_public_buckets"
)

// Settings are all of them.
var Settings = []Setting{ACL, Encryption, Location, Ownership, Policy, PublicAccessBlock, Replication, RestrictPublicBuckets, Tags, Versioning}

// Doubted are the settings that some stores keep and tell without enforcing them. What a compatible store says of them counts only if its
// profile does.
var Doubted = []Setting{RestrictPublicBuckets}

// askAgain is how long the store is taken at its word that it has not implemented a setting: it may be brought up to date meanwhile.
const askAgain = time.Hour

// missing remembers which settings a store has, as it told when they were first asked for.
type missing struct {
	mu      sync.Mutex
	lacking map[Setting]time.Time // since when
	having  map[Setting]bool
}

func (m *missing) lacks(what Setting) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	since, lacking := m.lacking[what]
	return lacking && time.Since(since) < askAgain
}

func (m *missing) has(what Setting) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.having[what]
}

func (m *missing) note(what Setting, has bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lacking == nil {
		m.lacking, m.having = map[Setting]time.Time{}, map[Setting]bool{}
	}
	m.having[what] = has
	if has {
		delete(m.lacking, what)
	} else if time.Since(m.lacking[what]) >= askAgain {
		m.lacking[what] = time.Now()
	}
}

// lacks reports whether the store does not have a setting, and why that is known.
func (s *Store) lacks(what Setting) (string, bool) {
	switch {
	case slices.Contains(s.opts.Profile.Lacks, what):
		return "the store has no such setting, says its profile", true
	case s.compatible() && s.missing.lacks(what):
		return notImplemented, true
	}
	return "", false
}

const notImplemented = "the store has not implemented it"

// blockOfCeph is the root element with which old versions of Ceph tell a public access block (https://tracker.ceph.com/issues/64492). Ceph
// came to enforce RestrictPublicBuckets later still (https://tracker.ceph.com/issues/65741): who answers so does not.
const blockOfCeph = "BlockPublicAccessBlockConfiguration"

// otherRoots are the names by which compatible stores call the root element of an answer, beside S3's.
func (s *Store) otherRoots(what Setting) []string {
	if s.compatible() && what == PublicAccessBlock {
		return []string{blockOfCeph}
	}
	return nil
}

// ignored reports whether a wrong answer tells that the store has no such setting: it has taken the question for that of the bucket's listing.
// It must have answered another question about a configuration, or something on the way may have taken the questions away. Policies, access
// control lists and what every store has are not believed to be missing for that: verdicts rest on them.
func (s *Store) ignored(what Setting, wrong *wrongAnswer) bool {
	switch what {
	case Encryption, Ownership, PublicAccessBlock, Replication, Tags:
		return s.compatible() && wrong.got == "ListBucketResult" && s.missing.has(Versioning)
	}
	return false
}

// block is what a public access block means in this store that is told under the root element of a name.
func (s *Store) block(root string, b source.PublicAccessBlock) source.Fact[source.PublicAccessBlock] {
	switch {
	case !s.compatible(), !b.RestrictPublicBuckets, slices.Contains(s.opts.Profile.Enforces, RestrictPublicBuckets):
	case root == blockOfCeph, slices.Contains(s.opts.Profile.Lacks, RestrictPublicBuckets):
		b.RestrictPublicBuckets = false
	default:
		return source.Unknown[source.PublicAccessBlock]("RestrictPublicBuckets is set, which not every store enforces; whether this one does is a matter of its profile (restrict_public_buckets)")
	}
	return source.Known(b)
}

// ownPrincipals makes a policy of a compatible store one that IAM can read: a principal without its kind gets AWS's, and the owner's names
// become the owner's account. Everything else stays as it is, byte for byte. The text must be a JSON object.
func ownPrincipals(text string, owners []string, account string) (string, error) {
	w := principalWriter{text: text, decoder: json.NewDecoder(strings.NewReader(text)), owners: owners}
	if account != "" {
		w.account = "arn:aws:iam::" + account + ":root"
	}
	w.decoder.UseNumber()
	if err := w.value(""); err != nil {
		return "", err
	}
	var out bytes.Buffer
	at := 0
	for _, e := range w.edits {
		out.WriteString(text[at:e.from])
		out.WriteString(e.text)
		at = e.to
	}
	out.WriteString(text[at:])
	return out.String(), nil
}

type edit struct {
	from, to int
	text     string
}

type principalWriter struct {
	text    string
	decoder *json.Decoder
	owners  []string
	account string
	edits   []edit // in order
}

// next returns a token and where it stands.
func (w *principalWriter) next() (t json.Token, from, to int, err error) {
	from = int(w.decoder.InputOffset())
	if t, err = w.decoder.Token(); err != nil {
		return nil, 0, 0, err
	}
	to = int(w.decoder.InputOffset())
	from += len(w.text[from:to]) - len(strings.TrimLeft(w.text[from:to], " \t\r\n:,"))
	return t, from, to, nil
}

// value reads a value; in is "" above the statements, "statement" for what may be one, "principal" for the value of a Principal, "AWS" for
// the value of its member AWS and "other" elsewhere.
func (w *principalWriter) value(in string) error {
	t, from, to, err := w.next()
	if err != nil {
		return err
	}
	switch t := t.(type) {
	case string:
		switch in {
		case "principal":
			if t != "*" {
				w.edits = append(w.edits, edit{from, to, `{"AWS":` + w.name(t, w.text[from:to]) + `}`})
			}
		case "AWS":
			if raw := w.text[from:to]; w.name(t, raw) != raw {
				w.edits = append(w.edits, edit{from, to, w.name(t, raw)})
			}
		}
	case json.Delim:
		switch t {
		case '[':
			inside := in
			if in == "principal" {
				inside = "AWS"
				w.edits = append(w.edits, edit{from, from, `{"AWS":`})
			}
			for w.decoder.More() {
				if err := w.value(inside); err != nil {
					return err
				}
			}
			_, _, end, err := w.next()
			if in == "principal" {
				w.edits = append(w.edits, edit{end, end, "}"})
			}
			return err
		case '{':
			return w.members(in)
		}
	}
	return nil
}

func (w *principalWriter) members(in string) error {
	for w.decoder.More() {
		key, err := w.decoder.Token()
		if err != nil {
			return err
		}
		inside := "other"
		switch {
		case in == "" && key == "Statement":
			inside = "statement"
		case in == "statement" && (key == "Principal" || key == "NotPrincipal"):
			inside = "principal"
		case in == "principal" && key == "AWS":
			inside = "AWS"
		}
		if err := w.value(inside); err != nil {
			return err
		}
	}
	_, err := w.decoder.Token()
	return err
}

// name returns how a principal is written: the account for one of the owner's names.
func (w *principalWriter) name(principal, raw string) string {
	if w.account != "" && slices.Contains(w.owners, principal) {
		return `"` + w.account + `"`
	}
	return raw
}

var errNoPolicy = errors.New("the store answered 200 with what is no policy")

// checkPolicy refuses what no policy can be: a store's listing, an empty answer, a page for people.
func checkPolicy(text string) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		if strings.HasPrefix(strings.TrimSpace(text), "{") {
			return fmt.Errorf("the policy does not parse: %s", jsonPlace(err))
		}
		return errNoPolicy
	}
	return nil
}

// jsonPlace tells where a text is no JSON, without repeating any of it.
func jsonPlace(err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprintf("no JSON at byte %d", syntax.Offset)
	}
	return "no JSON object"
}
