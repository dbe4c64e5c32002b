package s3

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
)

// A credentialsError says that there are no credentials. Where they were sought and why that failed may hold secrets (the output of a
// credential process); only the profile's name is told.
type credentialsError struct{ err error }

func (e *credentialsError) Error() string {
	var profile config.SharedConfigProfileNotExistError
	if errors.As(e.err, &profile) {
		return "there is no profile " + profile.Profile + " in the shared AWS files"
	}
	return "there are no credentials in the environment, in the shared AWS files or of the machine"
}

// reread is how long credentials without an end are used before they are read again: they may have been replaced.
const reread = 5 * time.Minute

// A chain is the standard chain, which it reads again when its credentials end: those in files and in the environment of a process do not
// say when they do.
type chain struct {
	load []func(*config.LoadOptions) error

	mu    sync.Mutex
	first aws.CredentialsProvider // what the configuration brought along, nil once it has been used
}

func newChain(first aws.CredentialsProvider, load []func(*config.LoadOptions) error) *chain {
	return &chain{load: load, first: first}
}

// Retrieve implements aws.CredentialsProvider.
func (c *chain) Retrieve(ctx context.Context) (aws.Credentials, error) {
	c.mu.Lock()
	from := c.first
	c.first = nil
	c.mu.Unlock()
	if from == nil {
		cfg, err := config.LoadDefaultConfig(ctx, c.load...)
		if err != nil {
			return aws.Credentials{}, err
		}
		from = cfg.Credentials
	}
	return lasting(from.Retrieve(ctx))
}

// lasting gives credentials without an end one.
func lasting(v aws.Credentials, err error) (aws.Credentials, error) {
	if err == nil && !v.CanExpire {
		v.CanExpire, v.Expires = true, time.Now().Add(reread)
	}
	return v, err
}

// Keys are credentials that are read anew from time to time and whenever the store has refused them.
type Keys struct {
	// Read returns an access key id, its secret and, for temporary credentials, their session token. Its errors say where the secret was
	// sought, never what was found.
	Read func() (id, secret, session string, err error)
}

// Retrieve implements aws.CredentialsProvider.
func (k Keys) Retrieve(context.Context) (aws.Credentials, error) {
	id, secret, session, err := k.Read()
	if err != nil {
		return aws.Credentials{}, err
	}
	return lasting(aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: session, Source: "magpie"}, nil)
}

// NamedProfile returns the credentials of a profile of the shared AWS files.
func NamedProfile(name string) aws.CredentialsProvider {
	return newChain(nil, []func(*config.LoadOptions) error{config.WithSharedConfigProfile(name), config.WithLogger(logging.Nop{})})
}

// guarded marks the errors of credentials.
type guarded struct{ *aws.CredentialsCache }

// Retrieve implements aws.CredentialsProvider.
func (g *guarded) Retrieve(ctx context.Context) (aws.Credentials, error) {
	v, err := g.CredentialsCache.Retrieve(ctx)
	if err != nil {
		return v, &credentialsError{err}
	}
	return v, nil
}

// forgetCredentials makes the next request read the credentials again.
func (s *Store) forgetCredentials() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.base != nil {
		s.base.Credentials.(*guarded).Invalidate()
	}
}
