package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"github.com/magpie-sec/magpie/internal/api"
)

type workerCommand struct {
	Database     string `required:"" placeholder:"URL" help:"The server's database, postgres://..."`
	Ops          string `placeholder:"HOST:PORT" help:"Where /healthz, /readyz and /metrics are served. Default: nowhere."`
	backendFlags `embed:""`
}

// Help is what magpie worker --help says below the flags.
func (workerCommand) Help() string {
	return "A worker reads objects for the classification jobs of the servers on the same database. It needs the same sources and accounts as " +
		"they: the same --config, or the same flags.\n\n" +
		"Example:\n  magpie worker --database postgres://magpie@db.internal/magpie --config magpie.yaml"
}

// Run works until the context ends.
func (c workerCommand) Run(ctx context.Context, std stdio) error {
	switch {
	case !isPostgres(c.Database):
		return errors.New("workers in processes of their own need PostgreSQL, for SQLite belongs to one process: give --database postgres://..., to magpie serve as well, or raise --workers of magpie serve")
	case c.Workers == noWorkers:
		return errors.New("a worker without workers does nothing: leave --workers out, or give a number")
	}
	prepareProcess(ctx)
	config, err := c.configuration()
	if err != nil {
		return err
	}
	log, registry := newLog(std.err, slog.LevelInfo), newRegistry()
	var ready readiness
	opsAddress := ""
	if c.Ops != "" {
		l, err := listen("--ops", c.Ops)
		if err != nil {
			return err
		}
		opsAddress = l.Addr().String()
		ops := api.NewServer(opsHandler(&ready, registry), api.Timeouts{}, log)
		defer ops.Close()
		go serveOps(ops, l, log)
	}
	b, err := openBackend(ctx, backendOptions{
		flags: c.backendFlags, config: config, database: c.Database, log: log, riverLog: newLog(std.err, slog.LevelWarn), registry: registry,
	})
	if err != nil {
		return err
	}
	if err := b.start(ctx); err != nil {
		return errors.Join(err, b.close())
	}
	ready.db.Store(&b.db)
	log.Info("working", "ops", opsAddress, "worker", b.engine.Worker(), "workers", c.slots(config), "sources", len(config.Sources))
	<-ctx.Done()
	nextSignalEnds()
	log.Info("stopping")
	ready.stopping.Store(true)
	stopping, cancel := context.WithTimeout(context.Background(), stopAfter)
	defer cancel()
	if err := errors.Join(b.stop(stopping), b.close()); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

func serveOps(server *http.Server, l net.Listener, log *slog.Logger) {
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		log.Error("the ops port does not answer any more", "error", err.Error())
	}
}
