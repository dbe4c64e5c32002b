package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/magpie-sec/magpie/internal/config"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/job/inproc"
	"github.com/magpie-sec/magpie/internal/job/riverq"
	"github.com/magpie-sec/magpie/internal/macie"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/publish"
	"github.com/magpie-sec/magpie/internal/source/folder"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/open"
)

const (
	defaultAccount = "111122223333"
	defaultRegion  = "us-east-1"
)

// backendFlags are the flags that serve and worker share: whom they work for, and with how many hands.
type backendFlags struct {
	Account string        `placeholder:"ID" help:"The account that the server plays, 12 digits. Default: 111122223333."`
	Region  []string      `placeholder:"REGION" help:"A Region that is served; repeatable. The sources belong to the first. Default: us-east-1."`
	Source  []string      `placeholder:"SRC" sep:"none" help:"A folder whose sub-folders are buckets, or aws, s3://BUCKET[/PREFIX], s3+http://HOST:PORT, s3+https://HOST; repeatable."`
	Config  string        `placeholder:"FILE" help:"Accounts, Regions, sources and limits (docs/config.md) instead of --account, --region, --source."`
	Workers workerCount   `default:"0" placeholder:"N" help:"Objects that jobs read at a time: 0 is one for each processor, none leaves the jobs to magpie worker."`
	Lease   time.Duration `default:"30s" help:"After how long a silent worker's work is given to others."`
}

// A workerCount is a number of workers, or noWorkers.
type workerCount int

const noWorkers workerCount = -1

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *workerCount) UnmarshalText(text []byte) error {
	if s := string(text); s == "none" || s == "-1" {
		*n = noWorkers
		return nil
	}
	count, err := strconv.Atoi(string(text))
	if err != nil || count < 0 || count > 1024 {
		return fmt.Errorf("expected a number up to 1024, or none, not %q", text)
	}
	*n = workerCount(count)
	return nil
}

// configuration makes the configuration that the flags ask for.
func (f backendFlags) configuration() (*config.Config, error) {
	if f.Lease < 10*time.Millisecond {
		return nil, errors.New("--lease must be at least 10ms")
	}
	if f.Config != "" {
		if f.Account != "" || f.Region != nil || f.Source != nil {
			return nil, errors.New("--config stands for --account, --region and --source: give one or the other")
		}
		return config.Load(f.Config)
	}
	if f.Account == "" {
		f.Account = defaultAccount
	}
	if f.Region == nil {
		f.Region = []string{defaultRegion}
	}
	return config.Simple(f.Account, f.Region, f.Source)
}

// slots is how many objects are read at a time.
func (f backendFlags) slots(c *config.Config) int {
	switch {
	case f.Workers > 0:
		return int(f.Workers)
	case c.Limits.Workers > 0:
		return c.Limits.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// A backend is what a server and a worker have in common: the database, the sources and the work engine.
type backend struct {
	db      store.DB
	sources macie.Sources
	engine  *job.Engine
	works   bool             // whether the engine does work here
	sinks   []publish.Target // where a server publishes findings to; workers leave that to it
	outbox  *publish.Outbox
	opened  []io.Closer // the sources
}

// stopWithin is how long the engine may take to hand its shards back. It leaves the server time to close within 10 seconds.
const stopWithin = 8 * time.Second

// backendOptions say what openBackend opens.
type backendOptions struct {
	flags     backendFlags
	config    *config.Config
	database  string // URL, or path of a SQLite file
	exclusive bool   // no other process works on the database
	log       *slog.Logger
	riverLog  *slog.Logger // for River, which tells more than anybody wants to know
	registry  prometheus.Registerer
}

// openBackend opens everything that the configuration names.
func openBackend(ctx context.Context, o backendOptions) (_ *backend, err error) {
	b := &backend{works: o.flags.Workers != noWorkers}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if err := b.openSources(o.config, o.log); err != nil {
		return nil, err
	}
	slots := o.flags.slots(o.config)
	if b.db, err = openDatabase(ctx, o.database, slots, o.riverLog); err != nil {
		return nil, err
	}
	dispatcher, err := newDispatcher(b.db, o.riverLog)
	if err != nil {
		return nil, err
	}
	targets, routes, err := openSinks(o.config)
	if err != nil {
		return nil, err
	}
	b.sinks, b.outbox = targets, publish.NewOutbox(routes...)
	extractor, parts := reading(o.config.Limits)
	worker := macie.NewWorker(macie.WorkerConfig{DB: b.db, Sources: b.sources, Outbox: b.outbox, Extractor: extractor, Parts: parts})
	b.engine, err = job.New(job.Config{
		DB: b.db, Handler: worker, Dispatcher: dispatcher, Slots: slots, Lease: o.flags.Lease, StopWithin: stopWithin,
		Exclusive: o.exclusive, Logger: o.log, Registerer: o.registry,
	})
	return b, err
}

// reading says how jobs read objects within the limits of a configuration.
func reading(l config.Limits) (*extract.Extractor, macie.Parts) {
	return &extract.Extractor{Formats: formats.All(), Spool: classify.Spool(""), Now: time.Now, Limits: extract.Limits{TextBytes: int64(l.TextGiB) << 30}},
		macie.Parts{Above: int64(l.PartsAbove) << 20, Block: int64(l.PartsBlock) << 20}
}

func (b *backend) openSources(c *config.Config, log *slog.Logger) error {
	b.sources = macie.Sources{}
	for _, s := range c.Sources {
		d, err := openConfigured(s, log)
		if err != nil {
			return fmt.Errorf("source: %w", err)
		}
		b.opened = append(b.opened, d)
		t := store.Tenant{Account: s.Account, Region: s.Region}
		b.sources[t] = append(b.sources[t], d)
	}
	return nil
}

// openConfigured opens a source of the configuration.
func openConfigured(s config.Source, log *slog.Logger) (folder.Driver, error) {
	if s.Kind == config.Store {
		return openStore(s, log)
	}
	f, err := folder.Estate(s.Path)
	if err != nil {
		return nil, fmt.Errorf("%w; a source is a folder whose sub-folders are buckets", err)
	}
	return f, nil
}

// openStore makes a source of an S3 store; it is asked nothing yet. log, which may be nil, is told of its inventory reports.
func openStore(s config.Source, log *slog.Logger) (*s3.Store, error) {
	opts := s3.Options{
		Endpoint: s.S3.Endpoint, Region: s.Region, Account: s.Account, Buckets: s.S3.Buckets, Regions: s.S3.Regions, Prefix: s.S3.Prefix,
		RequestsPerSecond: s.S3.RequestsPerSecond, Profile: s3.Profile{Owners: s.S3.Profile.Owners},
		Reports: s3.Reports{MaxAge: s.S3.Reports.MaxAge, ScheduledJobs: s.S3.Reports.ScheduledJobs, Folder: s.S3.Reports.Folder, Log: log},
	}
	for _, what := range s.S3.Profile.Lacks {
		opts.Profile.Lacks = append(opts.Profile.Lacks, s3.Setting(what))
	}
	for _, what := range s.S3.Profile.Enforces {
		opts.Profile.Enforces = append(opts.Profile.Enforces, s3.Setting(what))
	}
	switch c := s.S3.Credentials; {
	case c.Profile != "":
		opts.Credentials = s3.NamedProfile(c.Profile)
	case c.AccessKey != config.Secret{}:
		opts.Credentials = s3.Keys{Read: c.Read}
		if _, _, _, err := c.Read(); err != nil {
			return nil, err // at the start, where somebody looks
		}
	}
	return s3.New(opts)
}

// allRegions returns the Regions of all accounts, each once.
func allRegions(c *config.Config) []string {
	var regions []string
	for _, a := range c.Accounts {
		regions = append(regions, a.Regions...)
	}
	slices.Sort(regions)
	return slices.Compact(regions)
}

// isPostgres says whether a database URL names PostgreSQL.
func isPostgres(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

// A process needs connections for each worker, for River (about three) and for requests.
const requestConnections = 9

// openDatabase opens a database by its URL and brings it up to date.
func openDatabase(ctx context.Context, database string, slots int, log *slog.Logger) (store.DB, error) {
	options := open.Options{Logger: log}
	if !strings.Contains(database, "pool_max_conns=") {
		options.Postgres.MaxConns = slots + requestConnections
	}
	db, err := open.Open(ctx, database, options)
	if err != nil {
		return nil, err
	}
	return throughDatabase(db), nil
}

// throughDatabase stands between the program and its database: nothing, but in tests that make it fail.
var throughDatabase = func(db store.DB) store.DB { return db }

func newDispatcher(db store.DB, log *slog.Logger) (job.Dispatcher, error) {
	if pooled, ok := db.(interface{ Pool() *pgxpool.Pool }); ok { // PostgreSQL
		return riverq.New(pooled.Pool(), log)
	}
	return inproc.New(job.SystemClock{}), nil
}

// start begins to work, if this process has workers.
func (b *backend) start(ctx context.Context) error {
	if !b.works {
		return nil
	}
	return b.engine.Start(ctx)
}

// stop hands unfinished work back.
func (b *backend) stop(ctx context.Context) error {
	if b.engine == nil {
		return nil
	}
	return b.engine.Stop(ctx)
}

// close closes what openBackend opened; the work must have stopped.
func (b *backend) close() error {
	var err error
	if b.db != nil {
		err = b.db.Close()
	}
	for _, d := range b.opened {
		err = errors.Join(err, d.Close())
	}
	return err
}
