package macie

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// ExporterConfig says what an Exporter works with. DB and Sources are required.
type ExporterConfig struct {
	DB         store.DB
	Sources    Sources
	Now        func() time.Time // nil means time.Now
	Log        *slog.Logger     // nil means none
	Registerer prometheus.Registerer
	Every      time.Duration // how often it looks what waits; 0 is DefaultExportEvery
	Exclusive  bool          // no other process works on the database
}

// DefaultExportEvery is how often an Exporter looks what waits.
const DefaultExportEvery = 2 * time.Second

// How an Exporter goes about.
const (
	exportBatch      = 16               // files that are claimed and written at a time
	exportClaim      = time.Minute      // how long they are held for who claimed them
	exportTime       = 45 * time.Second // how long writing one may take
	exportLeastWait  = 5 * time.Second  // how long a file waits that was refused; doubled with every failure
	exportMostWait   = 5 * time.Minute
	exportComplain   = time.Minute         // how often a failure that lasts is told in the log
	exportKeep       = 90 * 24 * time.Hour // how long results are kept that nobody wants (macie.md 8.1)
	exportDropEvery  = time.Hour
	exportDropAtOnce = 1000
)

// An Exporter takes files of results that wait in the store to where their tenants want them. Any number of them may work on one database. A file
// is written at least once: again if its Exporter died behind the write and before it was noted, then the same bytes under the same key.
type Exporter struct {
	cfg     ExporterConfig
	written *prometheus.CounterVec
	failed  *prometheus.CounterVec
	waiting *prometheus.GaugeVec
}

// NewExporter makes an Exporter.
func NewExporter(c ExporterConfig) (*Exporter, error) {
	if c.DB == nil {
		return nil, errors.New("macie: DB is required")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Every == 0 {
		c.Every = DefaultExportEvery
	}
	labels := []string{"account", "region"}
	e := &Exporter{
		cfg:     c,
		written: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "magpie_result_files_written_total", Help: "Files of discovery results that were written."}, labels),
		failed:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "magpie_result_files_failed_total", Help: "Attempts at writing a file of discovery results that failed; it is tried again."}, labels),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "magpie_result_files_waiting", Help: "Files of discovery results that are still to be written."}, labels),
	}
	if c.Registerer != nil {
		for _, m := range []prometheus.Collector{e.written, e.failed, e.waiting} {
			if err := c.Registerer.Register(m); err != nil {
				return nil, fmt.Errorf("macie: %w", err)
			}
		}
	}
	return e, nil
}

// Run writes until the context ends. Tenants do not wait for each other.
func (e *Exporter) Run(ctx context.Context) {
	var tenants sync.WaitGroup
	defer tenants.Wait()
	for t := range e.cfg.Sources {
		tenants.Go(func() {
			at := &exporting{Exporter: e, tenant: t, log: e.cfg.Log.With("account", t.Account, "region", t.Region)}
			tick := time.NewTicker(e.cfg.Every)
			defer tick.Stop()
			for {
				if err := at.export(ctx); err != nil && ctx.Err() == nil {
					at.log.Warn("results: what waits to be written cannot be read; trying again soon", "error", err.Error())
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

// Export writes all that is due now. The error is of the database.
func (e *Exporter) Export(ctx context.Context) error {
	var errs []error
	for t := range e.cfg.Sources {
		errs = append(errs, (&exporting{Exporter: e, tenant: t, log: e.cfg.Log}).export(ctx))
	}
	return errors.Join(errs...)
}

// exporting is the export of a tenant.
type exporting struct {
	*Exporter
	tenant     store.Tenant
	log        *slog.Logger
	began      bool      // files were claimed
	complained time.Time // zero if all is well
	dropped    time.Time // when results were last dropped that nobody wanted

	mu      sync.Mutex
	buckets map[string]*resultsBucket // of the files that are being written, by the JSON of the destination
}

// bucket finds the bucket of a destination once for the files that are written at a time.
func (e *exporting) bucket(ctx context.Context, d *macie2.S3Destination) (*resultsBucket, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	name := string(wire.Marshal(d))
	if b := e.buckets[name]; b != nil {
		return b, nil
	}
	b, err := e.cfg.Sources.results(ctx, e.tenant, d)
	if err != nil {
		return nil, err
	}
	e.buckets[name] = b
	return b, nil
}

func (e *exporting) export(ctx context.Context) error {
	for {
		var files []store.ExportFile
		var current *macie2.S3Destination
		var waiting int64
		var kept bool
		now := e.cfg.Now()
		err := e.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
			if current, err = exportDestination(ctx, tx, e.tenant); err != nil {
				return err
			}
			waiting, kept, err = store.CountExports(ctx, tx, e.tenant)
			return err
		})
		if err != nil {
			return err
		}
		if kept && current == nil {
			if err := e.drop(ctx, now); err != nil {
				return err
			}
		}
		e.gauge(waiting)
		if waiting == 0 && (!kept || current == nil) {
			return nil
		}
		err = e.cfg.DB.Update(ctx, func(tx store.Tx) (err error) {
			if kept && current != nil { // they were stored while the configuration was made
				if err := store.ReleaseExports(ctx, tx, e.tenant, now.UnixMilli(), true); err != nil {
					return err
				}
			} else if e.cfg.Exclusive && !e.began { // what is claimed was claimed by one who is gone
				if err := store.ReleaseExports(ctx, tx, e.tenant, now.UnixMilli(), false); err != nil {
					return err
				}
			}
			files, err = store.ClaimExports(ctx, tx, e.tenant, now.UnixMilli(), now.Add(exportClaim).UnixMilli(), exportBatch)
			return err
		})
		if err != nil {
			return err
		}
		e.began = true
		if len(files) == 0 {
			return nil
		}
		written, err := e.write(ctx, files, current)
		if err != nil {
			return err
		}
		e.gauge(waiting - int64(written))
		if written == 0 {
			return nil // what waits behind them would fail as well
		}
	}
}

func (e *exporting) gauge(waiting int64) {
	e.waiting.WithLabelValues(e.tenant.Account, e.tenant.Region).Set(float64(waiting))
}

// drop deletes results that nobody has wanted for so long.
func (e *exporting) drop(ctx context.Context, now time.Time) error {
	if now.Sub(e.dropped) < exportDropEvery {
		return nil
	}
	e.dropped = now
	for {
		n := 0
		err := e.cfg.DB.Update(ctx, func(tx store.Tx) (err error) {
			n, err = store.DropExports(ctx, tx, e.tenant, now.Add(-exportKeep).UnixMilli(), exportDropAtOnce)
			return err
		})
		if err != nil || n < exportDropAtOnce {
			return err
		}
	}
}

// write writes claimed files and stores what became of them.
func (e *exporting) write(ctx context.Context, files []store.ExportFile, current *macie2.S3Destination) (written int, err error) {
	e.buckets = map[string]*resultsBucket{}
	errs := make([]error, len(files))
	var writers sync.WaitGroup
	for i := range files {
		writers.Go(func() { errs[i] = e.file(ctx, &files[i], current) })
	}
	writers.Wait()
	if ctx.Err() != nil && errors.Join(errs...) != nil {
		// Others will claim again what was not written, and write again what was: the same under the same key.
		return 0, context.Cause(ctx)
	}
	now := e.cfg.Now()
	err = e.cfg.DB.Update(ctx, func(tx store.Tx) error {
		for i := range files {
			f := &files[i]
			var err error
			switch {
			case errs[i] == nil:
				err = store.DeleteExport(ctx, tx, f.ID)
			case errors.Is(errs[i], errUnwanted):
				err = store.KeepExport(ctx, tx, f.ID)
			default:
				err = store.DeferExport(ctx, tx, f.ID, now.Add(exportWait(f.Attempts)).UnixMilli())
			}
			if err != nil {
				return err
			}
		}
		if e.complained.IsZero() || errors.Join(errs...) != nil {
			return nil
		}
		return store.ReleaseExports(ctx, tx, e.tenant, now.UnixMilli(), false) // the bucket takes files again
	})
	if err != nil {
		return 0, err
	}
	failures := 0
	for i, err := range errs {
		switch {
		case err == nil:
			written++
			e.written.WithLabelValues(e.tenant.Account, e.tenant.Region).Inc()
		case !errors.Is(err, errUnwanted):
			failures++
			e.failed.WithLabelValues(e.tenant.Account, e.tenant.Region).Inc()
			if failures == 1 && now.Sub(e.complained) >= exportComplain {
				e.complained = now
				e.log.Warn("results: a file was not written; it waits and is tried again", "file", files[i].File, "attempts", files[i].Attempts+1, "error", err.Error())
			}
		}
	}
	if failures == 0 && !e.complained.IsZero() {
		e.complained = time.Time{}
		e.log.Info("results: files are written again")
	}
	return written, nil
}

// exportWait is how long a file waits that has failed before so many times.
func exportWait(attempts int64) time.Duration {
	d := exportLeastWait
	for ; attempts > 0 && d < exportMostWait; attempts-- {
		d *= 2
	}
	return min(d, exportMostWait)
}

// errUnwanted says that there is nowhere to write a file to.
var errUnwanted = errors.New("there is no export configuration")

// file writes a file to where its records say that it is. If it is refused there for good it goes to where results are written to now.
func (e *exporting) file(ctx context.Context, f *store.ExportFile, current *macie2.S3Destination) error {
	var own *macie2.S3Destination // nil if the records say none
	if len(f.Destination) > 0 {
		var err error
		if own, err = readDestination(e.tenant, f.Destination); err != nil {
			return err
		}
	}
	if own == nil && current == nil {
		return errUnwanted
	}
	var body []byte
	err := e.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
		body, err = store.ExportBody(ctx, tx, f.ID)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil // Macie was disabled, or another has written it
	} else if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, exportTime)
	defer cancel()
	if own != nil {
		err := e.put(ctx, own, f.File, body)
		if err == nil || current == nil || source.KindOf(err) == source.Unavailable || ctx.Err() != nil || bytes.Equal(wire.Marshal(own), wire.Marshal(current)) {
			return err
		}
	}
	if body, err = relocate(body, own, current); err != nil {
		return err
	}
	return e.put(ctx, current, f.File, body)
}

func (e *exporting) put(ctx context.Context, d *macie2.S3Destination, file string, body []byte) error {
	at, err := e.bucket(ctx, d)
	if err != nil {
		return err
	}
	return at.writer.PutObject(ctx, *d.BucketName, exportKey(d, file), body, putOptions(d, "application/gzip"))
}
