package job

import (
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/magpie-sec/magpie/internal/store"
)

// Config says what an engine works with. DB, Handler and Dispatcher are required; everything else has a default.
type Config struct {
	DB         store.DB
	Handler    Handler
	Dispatcher Dispatcher

	Slots       int           // attempts at a time in this process; default: the number of processors
	Worker      string        // name of this process in shards' rows, unique among those alive; default: host, process id and 4 random bytes
	Lease       time.Duration // after how long a silent worker counts as dead; default 30 s. Heartbeats and sweeps come every third of it
	MaxFailures int           // failed or lost attempts in a row without progress after which a shard is dead; default 16
	Backoff     Backoff       // between the attempts at a failing shard
	StopWithin  time.Duration // how long Stop takes at most; default 10 s

	// Exclusive says that no other process works on this database, so that Start may return what it finds running without waiting for
	// leases. Set it where the database is locked by this process.
	Exclusive bool

	Clock      Clock                 // default [SystemClock]
	Random     func() float64        // numbers in [0, 1) for the jitter of Backoff, safe for concurrent use; default math/rand
	Logger     *slog.Logger          // default: discards
	Hooks      Hooks                 // called as things happen
	Registerer prometheus.Registerer // where metrics are registered; default: nowhere
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.DB == nil:
		return c, errors.New("job: Config.DB is missing")
	case c.Handler == nil:
		return c, errors.New("job: Config.Handler is missing")
	case c.Dispatcher == nil:
		return c, errors.New("job: Config.Dispatcher is missing")
	case c.Slots < 0 || c.Lease < 0 || c.MaxFailures < 0 || c.StopWithin < 0 || c.Backoff.Base < 0 || c.Backoff.Max < 0:
		return c, errors.New("job: a number in Config is negative")
	}
	def(&c.Slots, runtime.GOMAXPROCS(0))
	def(&c.Worker, workerName())
	def(&c.Lease, 30*time.Second)
	def(&c.MaxFailures, 16)
	def(&c.Backoff.Base, time.Second)
	def(&c.Backoff.Max, max(5*time.Minute, c.Backoff.Base))
	def(&c.StopWithin, 10*time.Second)
	if c.Clock == nil {
		c.Clock = SystemClock{}
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, checkName("worker", c.Worker)
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	var b [4]byte
	crand.Read(b[:]) // never fails
	return fmt.Sprintf("%s-%d-%s", store.CleanText(host), os.Getpid(), hex.EncodeToString(b[:]))
}

// Engine is one process's part in the work: it starts, pauses and cancels runs, and once started it works on whatever is claimable.
type Engine struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	epoch   time.Time

	claimMu sync.Mutex
	claims  uint64
	served  map[RunRef]uint64 // when each running run was last claimed from, as a count of claims

	heldMu sync.Mutex
	held   map[held]*Attempt

	sightings map[int64]sighting // of the sweeper
	sweepSoon chan time.Time     // when a shard of this process will have waited long enough

	lifeMu    sync.Mutex
	started   bool
	stop      chan struct{} // closed when the engine is to stop
	abandoned chan struct{} // closed when it is to drop dead
	base      context.Context
	endBase   context.CancelFunc
	dispatch  sync.WaitGroup // the dispatcher
	loops     sync.WaitGroup // heartbeat and sweeper
	endLoops  context.CancelFunc
}

// New makes an engine. It starts and changes runs right away; it works on shards once it is started.
func New(cfg Config) (*Engine, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(cfg.Hooks, cfg.Registerer)
	if err != nil {
		return nil, fmt.Errorf("job: register metrics: %w", err)
	}
	base, endBase := context.WithCancel(context.Background())
	return &Engine{
		cfg:       cfg,
		log:       cfg.Logger.With("worker", cfg.Worker),
		metrics:   m,
		epoch:     cfg.Clock.Now(),
		served:    make(map[RunRef]uint64),
		held:      make(map[held]*Attempt),
		sightings: make(map[int64]sighting),
		sweepSoon: make(chan time.Time, 64),
		stop:      make(chan struct{}),
		abandoned: make(chan struct{}),
		base:      base,
		endBase:   endBase,
	}, nil
}

// Worker returns the name of this process in shards' rows.
func (e *Engine) Worker() string { return e.cfg.Worker }

// Wake tells the dispatcher that a transaction of this process in which runs were started or resumed has been committed. Without it they
// begin when an idle engine next looks by itself, within a third of a lease.
func (e *Engine) Wake() { e.cfg.Dispatcher.Wake() }

// Start begins to work. It returns at once; a database that cannot be reached is tried again until [Engine.Stop]. An engine starts once.
func (e *Engine) Start(ctx context.Context) error {
	e.lifeMu.Lock()
	defer e.lifeMu.Unlock()
	if e.started || e.Stopping() {
		return errors.New("job: the engine was started or stopped before")
	}
	if e.cfg.Exclusive {
		if err := e.recoverAll(ctx); err != nil {
			return fmt.Errorf("job: return the shards of the process before: %w", err)
		}
	}
	e.started = true
	loops, endLoops := context.WithCancel(e.base)
	e.endLoops = endLoops
	e.loops.Add(2)
	go func() { defer e.loops.Done(); e.beatLoop(loops) }()
	go func() { defer e.loops.Done(); e.sweepLoop(loops) }()
	e.dispatch.Add(1)
	go func() { defer e.dispatch.Done(); e.dispatchLoop() }()
	return nil
}

// dispatchLoop runs the dispatcher, again and again if it fails, until the engine stops.
func (e *Engine) dispatchLoop() {
	ctx, cancel := context.WithCancel(e.base)
	defer cancel()
	go func() {
		select {
		case <-e.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	for ctx.Err() == nil {
		err := e.cfg.Dispatcher.Run(ctx, e.cfg.Slots, e.work)
		if ctx.Err() != nil {
			return
		}
		e.log.Error("dispatcher failed; starting it again in a third of a lease", "error", fmt.Sprint(err))
		select {
		case <-ctx.Done():
		case <-e.cfg.Clock.After(e.cfg.Lease / 3):
		}
	}
}

// work claims a shard and does it, if one is claimable.
func (e *Engine) work(ctx context.Context, hint Hint) (bool, error) {
	if ctx.Err() != nil || e.Stopping() {
		return false, nil
	}
	a, err := e.claim(ctx, hint)
	if err != nil {
		if ctx.Err() != nil {
			return false, nil
		}
		e.log.Warn("could not claim work", "error", err.Error())
		return false, err
	}
	if a == nil {
		return false, nil
	}
	e.do(a)
	return true, nil
}

// hold makes the attempt for a shard that was just claimed.
func (e *Engine) hold(s Shard) *Attempt {
	a := &Attempt{
		Run: s.RunRef, ShardID: s.ID, Key: s.Key, Kind: s.Kind, Bucket: s.Bucket, Payload: s.Payload, Cursor: s.Cursor,
		Priority: s.Priority, Number: s.Attempt, Failures: s.Failures, engine: e,
		cursor: s.Cursor, failures: s.Failures,
	}
	a.log = e.log.With("account", s.Account, "region", s.Region, "job", s.JobID, "run", s.RunID, "shard", s.ID, "attempt", s.Attempt)
	a.ctx, a.cancel = context.WithCancelCause(e.base)
	a.renewed.Store(int64(e.sinceStart()))
	e.heldMu.Lock()
	if lost := e.held[held{a.ShardID, a.Number}]; lost != nil {
		lost.cancel(ErrFenced) // its claim was lost with the database that it was made in
	}
	e.held[held{a.ShardID, a.Number}] = a
	e.heldMu.Unlock()
	e.metrics.claimed(a)
	return a
}

func (e *Engine) letGo(a *Attempt) {
	a.cancel(ErrFenced) // whoever still holds on to the attempt can do nothing with it
	e.heldMu.Lock()
	if e.held[held{a.ShardID, a.Number}] == a {
		delete(e.held, held{a.ShardID, a.Number})
	}
	e.heldMu.Unlock()
}

// do runs the handler on an attempt and writes down how it ended. A handler that does not return when it is told to is left behind.
func (e *Engine) do(a *Attempt) {
	result := make(chan error, 1)
	go func() {
		err := errNoReturn
		defer func() { result <- err }() // also after runtime.Goexit
		err = callHandler(e.cfg.Handler, a)
	}()
	var err error
	select {
	case err = <-result:
	case <-a.ctx.Done():
		err = e.awaitEnd(a, result)
	}
	select {
	case <-e.abandoned:
		return
	default:
	}
	a.settling.Store(true)
	e.settle(a, err)
	e.letGo(a)
}

// awaitEnd waits for the handler of an attempt that was told to end, for a fifth of Config.StopWithin.
func (e *Engine) awaitEnd(a *Attempt, result <-chan error) error {
	select {
	case err := <-result:
		return err
	case <-e.abandoned:
		return ErrStopping
	case <-e.cfg.Clock.After(e.cfg.StopWithin / 5):
		a.log.Error("handler did not stop in time; its shard is handed to another worker")
		return context.Cause(a.ctx)
	}
}

var errNoReturn = errors.New("handler ended its goroutine instead of returning")

func callHandler(h Handler, a *Attempt) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = newPanicError(v)
		}
	}()
	return h.Work(a.ctx, a)
}

// Stopping says that the engine has been told to stop, so that a service can report itself as not ready.
func (e *Engine) Stopping() bool {
	select {
	case <-e.stop:
		return true
	default:
		return false
	}
}

// Stop ends the engine's work so that other workers go on with it at once: nothing more is claimed, attempts under way end with their next
// commit, after two thirds of Config.StopWithin their contexts end, and what then still runs is handed back without waiting for its
// handler. If ctx ends before that, the attempts' contexts end with it. Stop returns when every shard is handed back or done, with an error if some
// could not be, in which case their leases run out. An engine that was never started stops at once.
func (e *Engine) Stop(ctx context.Context) error {
	e.lifeMu.Lock()
	defer e.lifeMu.Unlock()
	if e.Stopping() {
		return nil
	}
	close(e.stop)
	defer e.endBase()
	if !e.started {
		return nil
	}
	idle := make(chan struct{})
	go func() { e.dispatch.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-ctx.Done():
	case <-e.cfg.Clock.After(e.cfg.StopWithin * 2 / 3):
	}
	e.heldMu.Lock()
	for _, a := range e.held {
		a.cancel(ErrStopping)
	}
	e.heldMu.Unlock()
	var err error
	select {
	case <-idle:
	case <-e.cfg.Clock.After(e.cfg.StopWithin / 3):
		err = errors.New("job: some shards could not be handed back; other workers take them over when their leases have run out")
	}
	e.endLoops()
	e.loops.Wait()
	return err
}

// Abandon drops everything as a killed process would: nothing is handed back, no lease is renewed, and the handlers' contexts end. It
// exists for tests of what happens then. It returns when no goroutine of the engine is left except handlers that go on regardless.
func (e *Engine) Abandon() {
	e.lifeMu.Lock()
	defer e.lifeMu.Unlock()
	if e.Stopping() {
		return
	}
	close(e.abandoned)
	close(e.stop)
	e.endBase()
	e.dispatch.Wait()
	e.loops.Wait()
}
