// Package macie is the service Amazon Macie 2: one Service with a method per operation, split by noun into files, and a Worker that does
// the classification jobs' shards. What it knows stands in the store; what it reads comes from the tenant's sources.
package macie

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/publish"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
	"github.com/magpie-sec/magpie/internal/wire/pagetoken"
)

// Config says what a Service works with. All members but NewID, Now and Log are required.
type Config struct {
	DB      store.DB
	Engine  *job.Engine // with a Worker as its handler, here or in other processes
	Sources Sources
	Tokens  *pagetoken.Sealer
	Now     func() time.Time // nil means time.Now
	NewID   func() string    // 32 lowercase hexadecimal digits; nil means random ones
	Log     *slog.Logger     // nil means none

	// Refresh is how old an inventory may become before a Watcher reads it; 0: it is read when a request asks only.
	Refresh time.Duration
	// Recount is how old the counts of a bucket's objects may become before a Watcher counts them again; 0 means DefaultRecount.
	Recount time.Duration
	// SkipShortMonths leaves out the run of a monthly job in a month that lacks its day, as Macie does; otherwise the last day counts.
	SkipShortMonths bool
	// DiscoveryObjects and DiscoveryBytes are how much a daily cycle of automated discovery looks at; 0 means DefaultDiscoveryObjects and
	// DefaultDiscoveryBytes.
	DiscoveryObjects, DiscoveryBytes int64
	// ReportExisting makes policy findings of buckets that are public, shared or replicated to others when they are seen first, as well.
	ReportExisting bool
	// Outbox takes the events of findings; nil takes none.
	Outbox *publish.Outbox
}

// DefaultRecount is how often objects are counted: daily, as Macie does.
const DefaultRecount = 24 * time.Hour

// Service answers the operations of Amazon Macie 2. The operations that this version does not have are those of Unimplemented.
type Service struct {
	macie2.Unimplemented
	cfg       Config
	inventory *refresher
	reading   chan struct{} // holds an element for each allow list that is read for its status
	reveals   *revealer
	due       chan struct{}    // tells a Watcher that there may be something to do
	tidings   [2]chan struct{} // by kindOfLook: tell LookAtTold that there may be something to look at
}

var _ macie2.API = (*Service)(nil)

// New makes a Service.
func New(c Config) (*Service, error) {
	if c.DB == nil || c.Engine == nil || c.Tokens == nil {
		return nil, errors.New("macie: DB, Engine and Tokens are required")
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
	if c.DiscoveryObjects <= 0 {
		c.DiscoveryObjects = DefaultDiscoveryObjects
	}
	if c.DiscoveryBytes <= 0 {
		c.DiscoveryBytes = DefaultDiscoveryBytes
	}
	if c.Recount <= 0 {
		c.Recount = DefaultRecount
	}
	return &Service{cfg: c, inventory: &refresher{cfg: c}, reading: make(chan struct{}, readingLists), reveals: newRevealer(c),
		due: make(chan struct{}, 1), tidings: [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)}}, nil
}

// look tells a Watcher of this process to look whether something is due.
func (s *Service) look() {
	select {
	case s.due <- struct{}{}:
	default:
	}
}

func randomID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func (s *Service) now() wire.Time { return wire.TimeOf(s.cfg.Now()) }

// tenant returns whose state a request is about.
func tenant(ctx context.Context) store.Tenant {
	c := wire.CallerFrom(ctx)
	return store.Tenant{Account: c.Account, Region: c.Region}
}

// view runs fn in a reading transaction of a request whose account has Macie enabled.
func (s *Service) view(ctx context.Context, fn func(tx store.Tx, t store.Tenant) error) error {
	t := tenant(ctx)
	return s.cfg.DB.View(ctx, func(tx store.Tx) error {
		if _, err := session(ctx, tx, t); err != nil {
			return err
		}
		return fn(tx, t)
	})
}

// update runs fn in a writing transaction of a request whose account has Macie enabled.
func (s *Service) update(ctx context.Context, fn func(tx store.Tx, t store.Tenant) error) error {
	t := tenant(ctx)
	return s.cfg.DB.Update(ctx, func(tx store.Tx) error {
		if _, err := session(ctx, tx, t); err != nil {
			return err
		}
		return fn(tx, t)
	})
}

// pageSize returns how many items a page may have: what the input asks for, at most the service's own limit. The models set no bounds.
func pageSize(asked *int64, limit int) (int, error) {
	switch {
	case asked == nil || *asked > int64(limit):
		return limit, nil
	case *asked < 1:
		return 0, wire.Errorf(wire.Validation, "maxResults must be at least 1, not %d", *asked)
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
