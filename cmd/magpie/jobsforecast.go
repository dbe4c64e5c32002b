package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/magpie-sec/magpie/internal/config"
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/macie"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/store"
)

type jobsForecast struct {
	Request      string        `arg:"" help:"A file with the request for the job, as CreateClassificationJob takes it (aws macie2 create-classification-job --cli-input-json); - is standard input."`
	Format       string        `default:"table" enum:"table,json,jsonl" help:"table, json or jsonl."`
	Measure      time.Duration `default:"3s" placeholder:"TIME" help:"How long some of the objects may be read to measure the speed; 0 reads none. Default: 3s."`
	backendFlags `embed:""`
}

// Help is what magpie jobs forecast --help says below the flags.
func (jobsForecast) Help() string {
	return "It asks the sources, not the server, whose --config or --source it takes. Of a configuration it takes the first account and Region.\n\n" +
		"Exit codes: 0 complete, 1 error, 2 something could not be listed (it is listed).\n\n" +
		"Example:\n  magpie jobs forecast job.json --source examples/estate"
}

// maxRequest bounds the request for a job, as the API does.
const maxRequest = 1 << 20

// Run forecasts a job.
func (c jobsForecast) Run(ctx context.Context, std stdio) error {
	conf, err := c.configuration()
	if err != nil {
		return err
	}
	request, err := readRequest(c.Request, std.in)
	if err != nil {
		return err
	}
	tenant := store.Tenant{Account: conf.Accounts[0].ID, Region: conf.Accounts[0].Regions[0]}
	plan, in, err := macie.PlanJob(tenant, request)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Request, err)
	}
	engine, err := detect.New(detect.Options{Identifiers: plan.Identifiers})
	if err != nil {
		return err
	}
	extractor, parts := reading(conf.Limits)
	classifier := &classify.Classifier{Engine: engine, Extractor: extractor}
	sources, closeAll, err := sourcesOf(conf)
	if err != nil {
		return err
	}
	defer closeAll()
	if in.S3JobDefinition != nil && len(sources[tenant]) == 0 {
		return errors.New("there is no source for " + tenant.String() + ": name it with --source or --config, as for magpie serve")
	}
	f := newForecaster(classifier, c.slots(conf), c.Measure, parts.Alone)
	f.holds, f.more = plan.Holds, plan.Notes()
	buckets, err := plan.Buckets(ctx, sources)
	if err != nil {
		return err
	}
	out := newForecastReport(c.Format, std.out)
	progress := newProgress(std.err, "listing")
	defer progress.done()
	for _, b := range buckets {
		if b.Err != nil {
			f.unlisted = append(f.unlisted, b.Err)
			continue
		}
		tally, err := f.bucket(ctx, b.Driver, b.Name, progress)
		var e *source.Error
		switch {
		case errors.As(err, &e):
			f.unlisted = append(f.unlisted, e)
			continue
		case err != nil:
			return err
		}
		_, stored := source.As[*s3.Store](b.Driver)
		f.stored = f.stored || stored
		if err := out.bucket(b.Name, tally); err != nil {
			return err
		}
	}
	if len(buckets) == 0 {
		f.more = append(f.more, "no bucket meets the criteria of the job")
	}
	progress.done()
	return f.finish(ctx, out, std.err)
}

func readRequest(path string, in io.Reader) ([]byte, error) {
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxRequest+1))
	if err == nil && len(text) > maxRequest {
		err = fmt.Errorf("%s: longer than %d bytes", path, maxRequest)
	}
	return text, err
}

// sourcesOf opens the sources of a configuration.
func sourcesOf(c *config.Config) (macie.Sources, func() error, error) {
	b := &backend{}
	closeAll := func() error {
		var err error
		for _, d := range b.opened {
			err = errors.Join(err, d.Close())
		}
		return err
	}
	if err := b.openSources(c, nil); err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	return b.sources, closeAll, nil
}
