// Package accessanalyzer is the service IAM Access Analyzer: one Service with a method per operation, split by noun into files, and the scanner
// that keeps its findings true (scan*.go). What it knows stands in the store; what it looks at comes from the tenants' sources.
//
// An analyzer's findings are what package resource makes of each resource (finding.go), compared with what is stored (commit.go). Their ids are
// digests of what they say, so that work that is done twice makes nothing twice, and access that comes back is the finding that it was.
package accessanalyzer

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	"github.com/magpie-sec/magpie/internal/config"
	"github.com/magpie-sec/magpie/internal/publish"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
	"github.com/magpie-sec/magpie/internal/wire/pagetoken"
)

// Sources are the stores of each tenant.
type Sources map[store.Tenant][]source.Driver

// Config says what a Service works with. DB and Tokens are required.
type Config struct {
	DB           store.DB
	Sources      Sources
	Organization *config.Organization // nil: there is none
	Tokens       *pagetoken.Sealer
	Now          func() time.Time // nil means time.Now
	NewID        func() string    // 32 lowercase hexadecimal digits; nil means random ones
	Log          *slog.Logger     // nil means none
	// Poll is how long the scanner waits after a look at the sources before it looks again; less than 1 means 30 seconds.
	Poll time.Duration
	// Lease is after how long a silent server's scan is given to another; 0 means 15 seconds.
	Lease time.Duration
	// Exclusive says that no other server works on the database: nobody's scan has to be waited for.
	Exclusive bool
	// Outbox takes the events of findings; nil takes none.
	Outbox *publish.Outbox
}

// Service answers the operations of IAM Access Analyzer. The operations that this version does not have are those of Unimplemented. The zero
// Service performs the policy checks, which need no state.
type Service struct {
	accessanalyzer.Unimplemented
	cfg     Config
	scanner *scanner
}

var _ accessanalyzer.API = (*Service)(nil)

// New makes a Service. Its findings are kept up to date by Run.
func New(c Config) (*Service, error) {
	if c.DB == nil || c.Tokens == nil {
		return nil, errors.New("accessanalyzer: DB and Tokens are required")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewID == nil {
		c.NewID = randomID
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Poll <= 0 {
		c.Poll = 30 * time.Second
	}
	if c.Lease == 0 {
		c.Lease = 15 * time.Second
	}
	s := &Service{cfg: c}
	s.scanner = newScanner(s)
	return s, nil
}

func randomID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// now is the time in milliseconds, as the store has it.
func (s *Service) now() int64 { return s.cfg.Now().UnixMilli() }

// tenant returns whose state a request is about.
func tenant(ctx context.Context) store.Tenant {
	c := wire.CallerFrom(ctx)
	return store.Tenant{Account: c.Account, Region: c.Region}
}

func (s *Service) view(ctx context.Context, fn func(tx store.Tx, t store.Tenant) error) error {
	t := tenant(ctx)
	return s.cfg.DB.View(ctx, func(tx store.Tx) error { return fn(tx, t) })
}

func (s *Service) update(ctx context.Context, fn func(tx store.Tx, t store.Tenant) error) error {
	t := tenant(ctx)
	return s.cfg.DB.Update(ctx, func(tx store.Tx) error { return fn(tx, t) })
}

// defaultPage is how many items a page has at most. The models set no bounds and AWS publishes none.
const defaultPage = 100

// pageSize returns how many items a page may have: what the input asks for, at most defaultPage.
func pageSize(asked *int64) (int, error) {
	switch {
	case asked == nil || *asked > defaultPage:
		return defaultPage, nil
	case *asked < 1:
		return 0, invalid("maxResults", "must be at least 1, not %d", *asked)
	}
	return int(*asked), nil
}

// nextToken returns the token of the page after cursor, nil when there is none.
func (s *Service) nextToken(ctx context.Context, in wire.PagedInput, cursor []byte) *string {
	if len(cursor) == 0 {
		return nil
	}
	return wire.Ptr(s.cfg.Tokens.Seal(wire.CallerFrom(ctx), in, cursor))
}

// trim cuts a list that was read one longer than a page, and returns the place behind the page, nil if it is the last.
func trim[T any](rows []T, limit int, place func(T) string) ([]T, []byte) {
	if len(rows) <= limit {
		return rows, nil
	}
	return rows[:limit], []byte(place(rows[limit-1]))
}
