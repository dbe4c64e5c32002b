package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/magpie-sec/magpie/internal/accessanalyzer"
	"github.com/magpie-sec/magpie/internal/api"
	"github.com/magpie-sec/magpie/internal/config"
	"github.com/magpie-sec/magpie/internal/macie"
	"github.com/magpie-sec/magpie/internal/publish"
	"github.com/magpie-sec/magpie/internal/seal"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire/pagetoken"
)

type serveCommand struct {
	Listen        string `default:"127.0.0.1:4750" placeholder:"HOST:PORT" help:"Where the APIs are served. Default: 127.0.0.1:4750."`
	Ops           string `default:"127.0.0.1:4751" placeholder:"HOST:PORT" help:"Where /healthz, /readyz and /metrics are served. Default: 127.0.0.1:4751."`
	Data          string `default:"data" placeholder:"DIR" help:"The server's own folder: database, keys, audit log. Default: data."`
	Database      string `placeholder:"URL" help:"postgres://... for a database that several servers and workers share. Default: SQLite in the data folder."`
	backendFlags  `embed:""`
	watchFlags    `embed:""`
	TLSCert       string `placeholder:"FILE" help:"Serve HTTPS with this certificate (PEM, with its chain)."`
	TLSKey        string `placeholder:"FILE" help:"The certificate's private key (PEM)."`
	Notifications string `placeholder:"HOST:PORT" help:"Where object stores tell of changes (docs/notifications.md). Default: as the configuration file says, else nowhere."`
}

// Help is what magpie serve --help says below the flags.
func (serveCommand) Help() string {
	return "The first start makes an access key and says how clients use it; " + rootKeyIDVariable + " and " + rootSecretVariable +
		" set it instead. Secrets in the database are sealed with DATA/key, or with the key in " + masterKeyVariable +
		", which all servers of one database share.\n\n" +
		"SIGTERM or an interrupt stops it within 10 seconds: unfinished work is handed back and goes on with the next start. " +
		"A second one ends it at once.\n\n" +
		"Example:\n  magpie serve --source examples/estate"
}

// Run serves until the context ends.
func (c serveCommand) Run(ctx context.Context, std stdio) error {
	prepareProcess(ctx)
	s, err := newServer(ctx, c, std)
	if err != nil {
		return err
	}
	return s.run(ctx)
}

// memoryLimit is the soft limit of Go's heap where GOMEMLIMIT sets none. With SQLite's caches on top the process stays under 200 MB.
const memoryLimit = 128 << 20

// prepareProcess sets what a long-running process needs: a memory limit, private files, and that a second signal ends it at once.
func prepareProcess(ctx context.Context) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	privateFiles()
	context.AfterFunc(ctx, nextSignalEnds) // also while it starts
}

// nextSignalEnds gives SIGTERM and the interrupt their common meaning back.
func nextSignalEnds() { signal.Reset(os.Interrupt, syscall.SIGTERM) }

// A server is magpie serve with all its parts.
type server struct {
	log      *slog.Logger
	out      io.Writer
	config   *config.Config
	data     *dataFolder
	registry *prometheus.Registry
	ready    readiness

	apiListener, opsListener net.Listener
	notificationListener     net.Listener // nil: nobody may tell of changes
	api, ops, notifications  *http.Server
	senders                  []config.Sender // who may tell
	tls                      *tls.Config     // nil: plain HTTP
	failed                   chan error      // what a listener failed with

	// background is what the server does by itself: each goes on until its context ends, and stop waits for all.
	background []func(context.Context)
	inWork     sync.WaitGroup
	endWork    context.CancelFunc

	backend *backend
	watch   watching
	lease   time.Duration
	watcher *macie.Watcher
	keys    *keyStore
	audit   *auditLog
	origin  keyOrigin
}

// newServer listens and opens everything; it answers on the ops port already. Whatever is wrong shows here, before anything is served.
func newServer(ctx context.Context, c serveCommand, std stdio) (_ *server, err error) {
	s := &server{log: newLog(std.err, slog.LevelInfo), out: std.out, registry: newRegistry(), failed: make(chan error, 3), lease: c.Lease}
	if s.config, err = c.configuration(); err != nil {
		return nil, err
	}
	s.watch = c.watchFlags.over(s.config.Watch)
	if s.tls, err = c.tlsConfig(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.data, err = openData(c.Data); err != nil {
		return nil, err
	}
	if err = s.listen(c); err != nil {
		return nil, err
	}
	s.ops = api.NewServer(opsHandler(&s.ready, s.registry), api.Timeouts{}, s.log)
	go s.serve(s.ops, s.opsListener)
	database := c.Database
	if exclusive := !isPostgres(database); exclusive {
		if err = s.data.hold(); err != nil {
			return nil, err
		}
		if database == "" {
			database = s.data.file(databaseFile)
		}
	}
	s.backend, err = openBackend(ctx, backendOptions{
		flags: c.backendFlags, config: s.config, database: database, exclusive: !isPostgres(database),
		log: s.log, riverLog: newLog(std.err, slog.LevelWarn), registry: s.registry,
	})
	if err != nil {
		return nil, err
	}
	return s, s.build(ctx)
}

func (c serveCommand) tlsConfig() (*tls.Config, error) {
	switch {
	case c.TLSCert == "" && c.TLSKey == "":
		return nil, nil
	case c.TLSCert == "" || c.TLSKey == "":
		return nil, errors.New("--tls-cert and --tls-key are given together or not at all")
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}, nil
}

func (s *server) listen(c serveCommand) (err error) {
	if s.apiListener, err = listen("--listen", c.Listen); err != nil {
		return err
	}
	if s.opsListener, err = listen("--ops", c.Ops); err != nil {
		return err
	}
	if s.tls == nil && !isLoopback(s.apiListener.Addr()) {
		s.log.Warn("requests and findings travel in the clear; give --tls-cert and --tls-key, or listen on 127.0.0.1", "listen", s.apiListener.Addr().String())
	}
	if s.tls != nil {
		s.apiListener = tls.NewListener(s.apiListener, s.tls)
	}
	return s.listenToStores(c.Notifications)
}

func listen(flag, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s %s: another program listens there; stop it, or choose another port with %s", flag, address, flag)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return l, nil
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// build makes the services and their transport, and the first access key.
func (s *server) build(ctx context.Context) error {
	db := s.backend.db
	master, err := openMasterKey(ctx, s.data, db)
	if err != nil {
		return err
	}
	if s.origin, err = firstKey(ctx, db, master, s.data, s.config); err != nil {
		return err
	}
	if err := writeProfile(s.data, s.region(), s.endpoint()); err != nil {
		return err
	}
	if s.keys, err = newKeyStore(db, master, s.config, time.Now, s.log); err != nil {
		return err
	}
	if s.audit, err = openAudit(s.data.file("audit.jsonl"), s.log, s.registry); err != nil {
		return err
	}
	handler, err := s.handler(master)
	if err != nil {
		return err
	}
	s.api = api.NewServer(handler, api.Timeouts{}, s.log)
	return nil
}

func (s *server) handler(master *seal.Key) (http.Handler, error) {
	tokenKey, err := master.Derive("page tokens", pagetoken.MinKey)
	if err != nil {
		return nil, err
	}
	tokens, err := pagetoken.New(tokenKey)
	if err != nil {
		return nil, err
	}
	service, err := macie.New(macie.Config{DB: s.backend.db, Engine: s.backend.engine, Sources: s.backend.sources, Tokens: tokens, Log: s.log,
		Refresh: s.watch.refresh, Recount: s.watch.recount, ReportExisting: s.watch.reportExisting,
		DiscoveryObjects: s.watch.discoveryObjects, DiscoveryBytes: s.watch.discoveryBytes, SkipShortMonths: s.watch.skipShortMonths, Outbox: s.backend.outbox})
	if err != nil {
		return nil, err
	}
	s.watcher = macie.NewWatcher(service)
	exporter, err := macie.NewExporter(macie.ExporterConfig{DB: s.backend.db, Sources: s.backend.sources, Log: s.log, Registerer: s.registry,
		Exclusive: s.backend.db.Engine() == store.SQLite})
	if err != nil {
		return nil, err
	}
	retainer := macie.NewRetainer(macie.RetainerConfig{DB: s.backend.db, Keep: macie.Retention(s.config.Retention), Log: s.log, Holder: s.backend.engine.Worker()})
	s.background = append(s.background, service.Schedule, service.LookAtTold, service.Reveal, exporter.Run, retainer.Run)
	if len(s.backend.sinks) > 0 {
		publisher, err := publish.New(publish.Config{DB: s.backend.db, Targets: s.backend.sinks, Log: s.log, Registerer: s.registry})
		if err != nil {
			return nil, err
		}
		s.background = append(s.background, publisher.Run)
	}
	analyzer, err := accessanalyzer.New(accessanalyzer.Config{
		DB: s.backend.db, Sources: accessanalyzer.Sources(s.backend.sources), Organization: s.config.Organization, Tokens: tokens, Log: s.log,
		Poll: s.watch.poll, Lease: s.lease, Exclusive: s.backend.db.Engine() == store.SQLite, Outbox: s.backend.outbox,
	})
	if err != nil {
		return nil, err
	}
	s.background = append(s.background, analyzer.Run)
	if err := s.receive(service, analyzer); err != nil {
		return nil, err
	}
	return api.New(api.Config{
		Macie: service, AccessAnalyzer: analyzer, Keys: s.keys, Regions: allRegions(s.config),
		Log: s.log, Metrics: s.registry,
		Audit: func(ctx context.Context, record *api.AuditRecord) {
			s.audit.write(ctx, record)
			s.keys.noteUse(ctx, record.UserIdentity.AccessKeyID)
		},
	})
}

func (s *server) region() string   { return s.config.Accounts[0].Regions[0] }
func (s *server) endpoint() string { return endpointURL(s.apiListener.Addr(), s.tls != nil) }

// serve answers on a listener until its server is told to stop.
func (s *server) serve(server *http.Server, l net.Listener) {
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		s.failed <- err
	}
}

// run works and serves until the context ends or a listener fails.
func (s *server) run(ctx context.Context) error {
	if err := s.backend.start(ctx); err != nil {
		s.close()
		return err
	}
	if err := s.watcher.Start(ctx); err != nil {
		return errors.Join(err, s.close())
	}
	s.startBackground()
	go s.serve(s.api, s.apiListener)
	told := ""
	if s.notifications != nil {
		told = s.notificationListener.Addr().String()
		go s.serve(s.notifications, s.notificationListener)
	}
	s.ready.db.Store(&s.backend.db)
	s.log.Info("serving", "listen", s.apiListener.Addr().String(), "ops", s.opsListener.Addr().String(), "notifications", told, "tls", s.tls != nil,
		"data", s.data.path, "database", s.backend.db.Engine().String(), "sources", len(s.config.Sources))
	printUse(s.out, s.origin, s.data, s.config.Accounts[0].ID, s.region(), s.endpoint())
	var err error
	select {
	case <-ctx.Done():
	case err = <-s.failed:
		err = fmt.Errorf("serve: %w", err)
	}
	return errors.Join(err, s.stop())
}

func (s *server) startBackground() {
	var ctx context.Context
	ctx, s.endWork = context.WithCancel(context.Background())
	for _, work := range s.background {
		s.inWork.Go(func() { work(ctx) })
	}
}

// stopAfter is how long a stop takes at most, up to a second for closing files.
const stopAfter = 9 * time.Second

// stop reports the server as not ready, closes the listener, and lets requests finish while the engine hands its shards back.
func (s *server) stop() error {
	nextSignalEnds()
	s.log.Info("stopping")
	s.ready.stopping.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), stopAfter)
	defer cancel()
	if s.notifications != nil { // first, so that what is acknowledged is looked at by whoever comes next
		if err := s.notifications.Shutdown(ctx); err != nil {
			s.notifications.Close() // whoever told has no answer, and tells again
		}
	}
	s.endWork()
	handedBack := make(chan error, 1)
	go func() { handedBack <- errors.Join(s.watcher.Stop(ctx), s.backend.stop(ctx)) }()
	err := s.api.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("requests were cut off after %s: %w", stopAfter, errors.Join(err, s.api.Close()))
	}
	err = errors.Join(err, <-handedBack)
	s.inWork.Wait() // before the database is closed
	err = errors.Join(err, s.close())
	if err == nil {
		s.log.Info("stopped")
	}
	return err
}

// close closes what newServer opened, as far as it came.
func (s *server) close() error {
	var errs []error
	if s.ops != nil {
		errs = append(errs, s.ops.Close())
	}
	for _, l := range []net.Listener{s.apiListener, s.opsListener, s.notificationListener} {
		if l != nil {
			l.Close() // their servers may have closed them
		}
	}
	if s.backend != nil {
		errs = append(errs, s.backend.close())
	}
	if s.audit != nil {
		errs = append(errs, s.audit.close())
	}
	if s.data != nil {
		errs = append(errs, s.data.close())
	}
	return errors.Join(errs...)
}
