package job

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Hooks are called as things happen, after the transaction in question, by the goroutine that did it. They must be quick. Any may be nil.
type Hooks struct {
	Claimed    func(a *Attempt)
	Committed  func(a *Attempt)
	Fenced     func(a *Attempt) // the attempt learned that another one has taken over
	Done       func(a *Attempt)
	Retried    func(a *Attempt) // the attempt failed and the shard waits for the next
	Dead       func(a *Attempt) // the attempt failed and was the last
	HandedBack func(a *Attempt)
	Swept      func(s Shard, dead bool) // its worker went silent; the shard is claimable again, or dead
	Complete   func(r Run)              // the run is complete
}

// metrics counts events for Prometheus and calls the hooks.
type metrics struct {
	hooks  Hooks
	events *prometheus.CounterVec
	depth  *prometheus.GaugeVec
	graves prometheus.Gauge
}

func newMetrics(hooks Hooks, reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		hooks: hooks,
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "magpie_job_shard_events_total",
			Help: "Events in the lives of shards on this process, by kind: claimed, committed, fenced, done, retried, dead, handed_back, swept.",
		}, []string{"event"}),
		depth: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "magpie_job_shards",
			Help: "Unfinished shards of running runs in the whole database, by state, as of the last sweep.",
		}, []string{"state"}),
		graves: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "magpie_job_dead_shards",
			Help: "Shards in the whole database that failed for good, of runs of any state, as of the last sweep. magpie jobs dead lists them.",
		}),
	}
	for _, event := range []string{"claimed", "committed", "fenced", "done", "retried", "dead", "handed_back", "swept"} {
		m.events.WithLabelValues(event)
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.events, m.depth, m.graves} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) count(event string, hook func(*Attempt), a *Attempt) {
	m.events.WithLabelValues(event).Inc()
	if hook != nil {
		hook(a)
	}
}

func (m *metrics) claimed(a *Attempt)    { m.count("claimed", m.hooks.Claimed, a) }
func (m *metrics) committed(a *Attempt)  { m.count("committed", m.hooks.Committed, a) }
func (m *metrics) fenced(a *Attempt)     { a.fenced.Do(func() { m.count("fenced", m.hooks.Fenced, a) }) }
func (m *metrics) done(a *Attempt)       { m.count("done", m.hooks.Done, a) }
func (m *metrics) retried(a *Attempt)    { m.count("retried", m.hooks.Retried, a) }
func (m *metrics) dead(a *Attempt)       { m.count("dead", m.hooks.Dead, a) }
func (m *metrics) handedBack(a *Attempt) { m.count("handed_back", m.hooks.HandedBack, a) }

func (m *metrics) swept(s Shard, dead bool) {
	m.events.WithLabelValues("swept").Inc()
	if m.hooks.Swept != nil {
		m.hooks.Swept(s, dead)
	}
}

func (m *metrics) setDepth(depth map[ShardState]int64, dead int64) {
	m.graves.Set(float64(dead))
	for state, n := range depth {
		m.depth.WithLabelValues(string(state)).Set(float64(n))
	}
}

func (m *metrics) complete(r Run) {
	if m.hooks.Complete != nil {
		m.hooks.Complete(r)
	}
}
