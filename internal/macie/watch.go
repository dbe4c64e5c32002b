package macie

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// A Watcher reads the inventories by schedule, and starts the daily cycles of automated discovery. Of several watchers on one database one reads a tenant's inventory at a time.
type Watcher struct {
	service *Service
	worker  string // its name in claims

	mu     sync.Mutex
	cancel context.CancelFunc
	done   chan struct{}
}

// NewWatcher makes a watcher for a service.
func NewWatcher(s *Service) *Watcher { return &Watcher{service: s, worker: randomID()} }

const (
	// lookEvery is how often a watcher looks whether something is due, at least; more often if inventories become due more often.
	lookEvery = time.Minute
	// lookAtMost bounds that.
	lookAtMost = time.Second
	// claimFor is how long a watcher that has stored nothing counts as at work. It claims anew with every batch of buckets.
	claimFor = 2 * time.Minute
)

// Start begins to watch, until Stop or the end of the context. With Config.Refresh 0 it reads no inventory.
func (w *Watcher) Start(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cancel != nil {
		return errors.New("macie: the watcher runs already")
	}
	ctx, w.cancel = context.WithCancel(ctx)
	w.done = make(chan struct{})
	go func() {
		defer close(w.done)
		w.run(ctx)
	}()
	return nil
}

// Stop ends the watching and waits for the reading that is under way to end, at most until the context ends.
func (w *Watcher) Stop(ctx context.Context) error {
	w.mu.Lock()
	cancel, done := w.cancel, w.done
	w.mu.Unlock()
	if cancel == nil {
		return nil
	}
	cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (w *Watcher) run(ctx context.Context) {
	every := lookEvery
	if refresh := w.service.cfg.Refresh; refresh > 0 {
		every = max(min(every, refresh), lookAtMost)
	}
	timer := time.NewTicker(every)
	defer timer.Stop()
	for {
		w.Look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-w.service.due:
		}
	}
}

// Look does what is due now. What goes wrong is logged, and tried again at the next look.
func (w *Watcher) Look(ctx context.Context) {
	tenants := make([]store.Tenant, 0, len(w.service.cfg.Sources))
	for t := range w.service.cfg.Sources {
		tenants = append(tenants, t)
	}
	slices.SortFunc(tenants, func(a, b store.Tenant) int { return strings.Compare(a.String(), b.String()) })
	for _, t := range tenants {
		if err := w.refresh(ctx, t); err != nil && ctx.Err() == nil && !errors.Is(err, errClaimed) {
			w.service.cfg.Log.Warn("inventory: cannot be read now", "tenant", t.String(), "error", err.Error())
		}
		if err := w.service.discover(ctx, t); err != nil && ctx.Err() == nil {
			w.service.cfg.Log.Warn("automated discovery: no cycle can be started now", "tenant", t.String(), "error", err.Error())
		}
	}
}

// errClaimed says that another watcher is at work on a tenant's inventory.
var errClaimed = errors.New("another server reads the inventory")

// refresh reads a tenant's inventory if it is time.
func (w *Watcher) refresh(ctx context.Context, t store.Tenant) error {
	s := w.service
	if s.cfg.Refresh <= 0 {
		return nil
	}
	due := func(tx store.Tx) (bool, error) {
		row, err := store.GetSession(ctx, tx, t)
		if errors.Is(err, store.ErrNotFound) || err == nil && row.Status != string(macie2.MacieStatusEnabled) {
			return false, nil
		} else if err != nil {
			return false, err
		}
		note, err := readNote(ctx, tx, t)
		return s.cfg.Now().Sub(time.UnixMilli(note.ReadAt)) >= s.cfg.Refresh, err
	}
	var isDue bool
	err := s.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
		isDue, err = due(tx)
		return err
	})
	if err != nil || !isDue {
		return err
	}
	err = s.cfg.DB.Update(ctx, func(tx store.Tx) error {
		var err error
		if isDue, err = due(tx); err != nil || !isDue {
			return err
		}
		return takeClaim(ctx, tx, t, w.worker, s.cfg.Now())
	})
	if err != nil || !isDue {
		return err
	}
	return s.inventory.read(ctx, t, scheduled, w.worker)
}

// takeClaim claims a tenant's inventory, unless another watcher has.
func takeClaim(ctx context.Context, tx store.Tx, t store.Tenant, worker string, now time.Time) error {
	note, err := readNote(ctx, tx, t)
	if err != nil {
		return err
	}
	if note.Worker != "" && note.Worker != worker && note.ClaimUntil > now.UnixMilli() {
		return errClaimed
	}
	note.Worker, note.ClaimUntil = worker, now.Add(claimFor).UnixMilli()
	return writeNote(ctx, tx, t, note)
}

// holdClaim claims for longer what was claimed before. One that took too long may have lost its claim to another.
func holdClaim(ctx context.Context, tx store.Tx, t store.Tenant, worker string, now time.Time) error {
	note, err := readNote(ctx, tx, t)
	if err != nil {
		return err
	}
	if note.Worker != worker {
		return errClaimed
	}
	note.ClaimUntil = now.Add(claimFor).UnixMilli()
	return writeNote(ctx, tx, t, note)
}
