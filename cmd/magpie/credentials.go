package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/config"
	"github.com/magpie-sec/magpie/internal/seal"
	"github.com/magpie-sec/magpie/internal/store"
)

// The environment variables that set the first access key instead of a made one.
const (
	rootKeyIDVariable  = "MAGPIE_ROOT_ACCESS_KEY_ID"
	rootSecretVariable = "MAGPIE_ROOT_SECRET_ACCESS_KEY"
)

// profile is the name of the profile in the client's files.
const profile = "magpie"

// How a client gets its key.
type keyOrigin int

const (
	keyElsewhere       keyOrigin = iota // the database or the configuration has keys; who made them has their secrets
	keyFromEnvironment                  // rootKeyIDVariable
	keyInFile                           // DATA/credentials, from an earlier start
	keyMade                             // DATA/credentials, just now
)

// firstKey sees to it that the first account has an access key. The file is written before the database knows the key, so that a start that
// is cut short in between is finished by the next one.
func firstKey(ctx context.Context, db store.DB, key *seal.Key, data *dataFolder, c *config.Config) (keyOrigin, error) {
	account := c.Accounts[0]
	given := credential{os.Getenv(rootKeyIDVariable), os.Getenv(rootSecretVariable)}
	if given != (credential{}) {
		if err := given.check(); err != nil {
			return 0, fmt.Errorf("%s and %s: %w", rootKeyIDVariable, rootSecretVariable, err)
		}
		return keyFromEnvironment, putCredential(ctx, db, key, given, account.ID, time.Now())
	}
	has, err := hasAccessKeys(ctx, db, account.ID)
	if err != nil {
		return 0, err
	}
	path := data.file("credentials")
	filed, err := readCredential(path)
	switch {
	case err == nil && has:
		return keyInFile, nil
	case err == nil:
		return keyInFile, putCredential(ctx, db, key, filed, account.ID, time.Now())
	case !errors.Is(err, fs.ErrNotExist):
		return 0, err
	case has || len(account.Keys) > 0:
		return keyElsewhere, nil
	}
	made := newCredential()
	err = writeNew(path, fmt.Appendf(nil, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", profile, made.id, made.secret))
	origin := keyMade
	if errors.Is(err, fs.ErrExist) { // another server on this folder was first
		origin = keyInFile
		made, err = readCredential(path)
	}
	if err != nil {
		return 0, err
	}
	return origin, putCredential(ctx, db, key, made, account.ID, time.Now())
}

// readCredential reads the profile's key from a file of credentials, which may hold others.
func readCredential(path string) (credential, error) {
	text, err := readPrivate(path)
	if err != nil {
		return credential{}, err
	}
	var c credential
	section := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(name, "]")
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		if section != profile {
			continue
		}
		switch strings.TrimSpace(name) {
		case "aws_access_key_id":
			c.id = strings.TrimSpace(value)
		case "aws_secret_access_key":
			c.secret = strings.TrimSpace(value)
		}
	}
	if err := c.check(); err != nil {
		return credential{}, fmt.Errorf("%s: no usable key in the section [%s]: %w; mend the file, or remove it and run magpie keys add", path, profile, err)
	}
	return c, nil
}

// writeProfile writes the profile that sends the three services, and no other, to this server. It is made anew at each start, for the
// address may have changed.
func writeProfile(data *dataFolder, region, endpoint string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by magpie serve at each start.\n[profile %s]\nregion = %s\nservices = %s\n\n[services %s]\n", profile, region, profile, profile)
	for _, service := range []string{"macie2", "accessanalyzer", "sts"} {
		fmt.Fprintf(&b, "%s =\n  endpoint_url = %s\n", service, endpoint)
	}
	return writeOver(data.file("config"), []byte(b.String()))
}

// endpointURL names an address for clients on this machine.
func endpointURL(a net.Addr, tls bool) string {
	scheme := "http"
	if tls {
		scheme = "https"
	}
	host, port, _ := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// printUse says how to talk to the server. The versions are those of the AWS Developer Tools Blog, "New: Improved flexibility when configuring
// endpoint URLs with the AWS SDKs and tools" (2023).
func printUse(w io.Writer, origin keyOrigin, data *dataFolder, account, region, endpoint string) {
	fmt.Fprintf(w, "Magpie serves account %s in %s on %s\n\n", account, region, endpoint)
	switch origin {
	case keyElsewhere:
		fmt.Fprintf(w, "Clients use the access keys that it has. Another one: magpie keys add\n")
		return
	case keyFromEnvironment:
		fmt.Fprintf(w, "Clients use the access key that %s names:\n  aws --endpoint-url %s --region %s macie2 enable-macie\n", rootKeyIDVariable, endpoint, region)
		return
	case keyMade:
		fmt.Fprintf(w, "An access key was made. It is in %s and nowhere else.\n", data.file("credentials"))
	}
	fmt.Fprintf(w, "In the client's shell:\n  export AWS_SHARED_CREDENTIALS_FILE=%s\n  export AWS_CONFIG_FILE=%s\n",
		shellQuote(data.file("credentials")), shellQuote(data.file("config")))
	fmt.Fprintf(w, "\nThen, with AWS CLI 1.29.0, 2.13.0 or later, which send the services of the profile here:\n  aws --profile %s macie2 enable-macie\n", profile)
	fmt.Fprintf(w, "\nOlder ones do not know that setting and would call AWS itself. Say it every time, which works with all of them:\n"+
		"  aws --profile %s --endpoint-url %s macie2 enable-macie\n\n", profile, endpoint)
}

// shellQuote quotes a path for a POSIX shell where it needs it.
func shellQuote(s string) string {
	if strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-", r))
	}) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
