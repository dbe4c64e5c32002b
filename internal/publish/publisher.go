package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/magpie-sec/magpie/internal/store"
)

// A Sink takes events to where they are wanted.
type Sink interface {
	// Send hands over events, each a JSON document, in order. Its errors go with the events by position, nil for those that were taken;
	// nil altogether if all were. They say what to do and nothing of what the events say.
	Send(ctx context.Context, events []json.RawMessage) []error
	// Most is how many events it takes at a time, at least 1.
	Most() int
}

// A Target is a sink with its name, under which events wait for it.
type Target struct {
	Name string
	Sink Sink
}

// Config says what a Publisher works with. DB is required.
type Config struct {
	DB         store.DB
	Targets    []Target
	Now        func() time.Time // nil means time.Now
	Log        *slog.Logger     // nil means none
	Registerer prometheus.Registerer
	Every      time.Duration // how often the outbox is looked into; 0 is DefaultEvery
}

// DefaultEvery is how often the outbox is looked into.
const DefaultEvery = 2 * time.Second

// How long events are held for the publisher that has claimed them, and how long those wait that could not be published: doubled with every
// failure.
const (
	claimFor  = 2 * time.Minute
	leastWait = 5 * time.Second
	mostWait  = time.Hour
)

// A Publisher takes what waits in the outbox to the sinks. Any number of them may work on one database.
type Publisher struct {
	cfg       Config
	published *prometheus.CounterVec
	failed    *prometheus.CounterVec
	waiting   *prometheus.GaugeVec
}

// New makes a Publisher.
func New(c Config) (*Publisher, error) {
	if c.DB == nil {
		return nil, errors.New("publish: DB is required")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Every == 0 {
		c.Every = DefaultEvery
	}
	p := &Publisher{
		cfg:       c,
		published: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "magpie_events_published_total", Help: "Events that a sink has taken."}, []string{"sink"}),
		failed:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "magpie_events_failed_total", Help: "Attempts at publishing an event that failed; it is tried again."}, []string{"sink"}),
		waiting:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "magpie_events_waiting", Help: "Events that a sink has not taken yet."}, []string{"sink"}),
	}
	if c.Registerer != nil {
		for _, m := range []prometheus.Collector{p.published, p.failed, p.waiting} {
			if err := c.Registerer.Register(m); err != nil {
				return nil, fmt.Errorf("publish: %w", err)
			}
		}
	}
	return p, nil
}

// Run publishes until the context ends. Sinks do not wait for each other.
func (p *Publisher) Run(ctx context.Context) {
	var sinks sync.WaitGroup
	defer sinks.Wait()
	for _, t := range p.cfg.Targets {
		sinks.Go(func() {
			tick := time.NewTicker(p.cfg.Every)
			defer tick.Stop()
			for {
				if err := p.deliver(ctx, t); err != nil && ctx.Err() == nil {
					p.cfg.Log.Warn("publish: the outbox cannot be read; trying again soon", "sink", t.Name, "error", err.Error())
				}
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
			}
		})
	}
}

// Deliver publishes all that is due now. The error is of the database.
func (p *Publisher) Deliver(ctx context.Context) error {
	var errs []error
	for _, t := range p.cfg.Targets {
		errs = append(errs, p.deliver(ctx, t))
	}
	return errors.Join(errs...)
}

func (p *Publisher) deliver(ctx context.Context, t Target) error {
	for {
		var rows []store.OutboxRow
		var waiting int64
		err := p.cfg.DB.Update(ctx, func(tx store.Tx) (err error) {
			now := p.cfg.Now()
			if waiting, err = store.CountOutbox(ctx, tx, t.Name); err != nil || waiting == 0 {
				rows = nil
				return err
			}
			rows, err = store.ClaimOutbox(ctx, tx, t.Name, now.UnixMilli(), now.Add(claimFor).UnixMilli(), t.Sink.Most())
			return err
		})
		if err != nil {
			return err
		}
		p.waiting.WithLabelValues(t.Name).Set(float64(waiting))
		if len(rows) == 0 {
			return nil
		}
		failures, err := p.send(ctx, t, rows)
		if err != nil {
			return err
		}
		if failures == len(rows) {
			return nil // the sink is away: what waits behind them would fail as well
		}
	}
}

// send hands claimed events to a sink and stores what became of them.
func (p *Publisher) send(ctx context.Context, t Target, rows []store.OutboxRow) (failures int, err error) {
	var events []json.RawMessage
	var sent []int // positions in rows
	errs := make([]error, len(rows))
	for i, r := range rows {
		var m message
		if errs[i] = json.Unmarshal(r.Doc, &m); errs[i] == nil {
			events, sent = append(events, m.Envelope), append(sent, i)
		}
	}
	if len(events) > 0 {
		sending, cancel := context.WithTimeout(ctx, claimFor/2)
		answers := t.Sink.Send(sending, events)
		cancel()
		if ctx.Err() != nil && answers != nil {
			return 0, context.Cause(ctx) // others will claim them again
		}
		for n, err := range answers {
			errs[sent[n]] = err
		}
	}
	for i, err := range errs {
		if err == nil {
			p.published.WithLabelValues(t.Name).Inc()
			continue
		}
		p.failed.WithLabelValues(t.Name).Inc()
		if failures++; failures == 1 {
			p.cfg.Log.Warn("publish: events were not taken; they wait and are tried again", "sink", t.Name, "events", len(rows),
				"attempts", rows[i].Attempts+1, "error", err.Error())
		}
	}
	now := p.cfg.Now()
	return failures, p.cfg.DB.Update(ctx, func(tx store.Tx) error {
		for i, r := range rows {
			var err error
			if errs[i] != nil {
				err = store.DeferOutbox(ctx, tx, r, now.Add(wait(r.Attempts)).UnixMilli())
			} else {
				err = store.PublishedOutbox(ctx, tx, r, now.UnixMilli())
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// wait is how long an event waits that has failed before so many times.
func wait(attempts int64) time.Duration {
	d := leastWait
	for ; attempts > 0 && d < mostWait; attempts-- {
		d *= 2
	}
	return min(d, mostWait)
}

// sameError gives each of n events an error.
func sameError(n int, err error) []error {
	if err == nil {
		return nil
	}
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}
