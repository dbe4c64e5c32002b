package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/config"
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/macie"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source/folder"
	"github.com/magpie-sec/magpie/internal/store"
)

type exposureCommand struct {
	Sources     []string          `arg:"" optional:"" name:"SRC" help:"Judge and scan these, without a server: an estate folder (with template.yaml, template.json or config-items.json), or a store: s3+http://HOST:PORT, s3+https://HOST, s3://BUCKET, aws. Without SRC the answer comes from a server's data."`
	Data        string            `placeholder:"DIR" help:"The data folder of the server, which may be running. Default without SRC: data."`
	Database    string            `placeholder:"URL" help:"The server's database, if it is not in the data folder: postgres://..."`
	Account     string            `placeholder:"ID" help:"Of a server's data: this account only. Of SRC: the account that owns the buckets; needed for s3:// and aws, default 111122223333."`
	Region      string            `placeholder:"REGION" help:"Of a server's data: this Region only. Of SRC: the Region that the buckets are in, default us-east-1."`
	Parameter   map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"A value for a parameter of SRC's template. Repeatable."`
	Identifiers string            `default:"all" placeholder:"SET" help:"What to look for in SRC: all, recommended, or a list of ids with commas between."`
	Workers     int               `default:"0" help:"Objects of SRC that are read at a time; 0 is one for each processor."`
	Format      string            `default:"table" enum:"table,json,jsonl,sarif" help:"table; json; jsonl (one bucket to a line); sarif."`
	FailOn      string            `default:"" enum:",public,external" placeholder:"ACCESS" help:"Exit with 3 if sensitive data stand open to everyone (public), or to anyone outside the account (external)."`
}

// Help is what magpie exposure --help says below the flags.
func (exposureCommand) Help() string {
	return "Lists the buckets that are public, shared with other accounts or replicated to them, or of which that cannot be told, with the sensitive " +
		"data that are known to be in them. The worst comes first: how far a bucket is open times how much is in it (docs/exposure.md).\n\n" +
		"From a server's data it goes by how the buckets were when the server last read its inventory, not by what they were like when the " +
		"findings were made, and by the current findings of objects that have not changed since. Archived findings do not count. It reads the " +
		"database beside the running server and changes nothing.\n\n" +
		"With SRC it reads the configuration of the buckets, and scans those that are open to others.\n\n" +
		"Results go to standard output; progress and the summary go to standard error.\n\n" +
		"Exit codes: 0 complete, 1 error, 2 something could not be read or decided, or an open bucket was never looked into (it is listed), 3 exposed data that --fail-on names.\n\n" +
		"Examples:\n  magpie exposure --data data\n  magpie exposure examples/estate\n  magpie exposure --database postgres://magpie@db/magpie --format json\n" +
		"  magpie exposure --fail-on public s3+http://127.0.0.1:9000\n  magpie exposure --format sarif examples/estate > magpie.sarif"
}

// Run reports what sensitive data stand open.
func (c exposureCommand) Run(ctx context.Context, std stdio) error {
	places := map[string]resource.Place{}
	report, err := newExposureReport(c.Format, std.out, places)
	if err != nil {
		return err
	}
	summary := &exposureSummary{}
	var list []*macie.Exposure
	switch {
	case len(c.Sources) == 0 && len(c.Parameter) > 0:
		return errors.New("--parameter is for the template of a SRC")
	case len(c.Sources) == 0:
		list, err = c.stored(ctx, summary)
	case c.Data != "" || c.Database != "":
		return errors.New("--data and --database name a server's data, SRC what is scanned without a server: give one or the other")
	default:
		list, err = c.scanned(ctx, std, summary, places)
	}
	if err != nil {
		return err
	}
	for _, e := range list {
		summary.add(e)
		if err := report.exposure(e); err != nil {
			return fmt.Errorf("write results: %w", err)
		}
	}
	if err := report.close(); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	summary.print(std.err)
	return summary.exit(c.FailOn)
}

// stored reads exposures from a server's database.
func (c exposureCommand) stored(ctx context.Context, summary *exposureSummary) ([]*macie.Exposure, error) {
	db, err := databaseFlags{cmp.Or(c.Data, "data"), c.Database}.read(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w, or what to scan: magpie exposure SRC", err)
	}
	if err != nil {
		return nil, err
	}
	defer db.Close()
	found, err := macie.ReadExposures(ctx, db, func(t store.Tenant) bool {
		return (c.Account == "" || c.Account == t.Account) && (c.Region == "" || c.Region == t.Region)
	})
	if err != nil {
		return nil, err
	}
	summary.buckets, summary.readAt, summary.tenants, summary.gone = found.Buckets, found.ReadAt, found.Tenants, found.Gone
	for _, t := range found.Unread {
		summary.problems = append(summary.problems, t+": the inventory was never read")
	}
	return found.List, nil
}

// scanned judges the buckets of the sources and scans those that are open. For reports that show it, it notes where they are described.
func (c exposureCommand) scanned(ctx context.Context, std stdio, summary *exposureSummary, places map[string]resource.Place) ([]*macie.Exposure, error) {
	if c.Account == "" {
		for _, src := range c.Sources {
			if src == "aws" || strings.HasPrefix(src, "s3://") {
				return nil, fmt.Errorf("%s: --account says which account it is; its own principals would be outsiders otherwise", src)
			}
		}
	}
	opts := inventory.Options{Account: cmp.Or(c.Account, defaultAccount), Region: cmp.Or(c.Region, defaultRegion), Parameters: c.Parameter}
	if _, err := config.Simple(opts.Account, []string{opts.Region}, nil); err != nil {
		return nil, err
	}
	identifiers, err := chooseIdentifiers(c.Identifiers)
	if err != nil {
		return nil, err
	}
	engine, err := detect.New(detect.Options{Identifiers: identifiers})
	if err != nil {
		return nil, err
	}
	workers := c.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	found := &exposureScan{}
	s := &scan{
		classifier: &classify.Classifier{Engine: engine, Extractor: &extract.Extractor{Formats: formats.All(), Spool: classify.Spool(""), Now: time.Now}},
		report:     found, workers: workers, sample: 100, summary: newScanSummary(), progress: newProgress(std.err, "scanning"),
	}
	defer s.progress.done()
	var list []*macie.Exposure
	for _, src := range c.Sources {
		exposed, err := exposuresOf(ctx, src, opts, s, found, summary)
		if err != nil {
			return nil, err
		}
		list = append(list, exposed...)
		if c.Format == "sarif" && !strings.Contains(src, "://") && src != "aws" {
			if err := bucketPlaces(ctx, src, opts, places); err != nil {
				return nil, err
			}
		}
	}
	macie.RankExposures(list)
	summary.scan = s.summary
	return list, nil
}

// exposuresOf judges the buckets of a source and scans those that are open.
func exposuresOf(ctx context.Context, src string, opts inventory.Options, s *scan, found *exposureScan, summary *exposureSummary) ([]*macie.Exposure, error) {
	driver, err := openEstate(src, opts)
	if err != nil {
		return nil, err
	}
	defer driver.Close()
	inv, err := inventory.Load(ctx, driver, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", src, err)
	}
	for _, p := range inv.Problems {
		summary.problems = append(summary.problems, strings.TrimSuffix(src, "/")+"/"+p.String())
	}
	stored := map[string]bool{}
	for i := range inv.Buckets {
		stored[inv.Buckets[i].Name] = inv.Buckets[i].Stored
	}
	summary.buckets += len(inv.Buckets)
	list := macie.InventoryExposures(inv)
	for _, e := range list {
		e.ReadAt = time.Now().UTC()
		if !stored[e.Bucket] {
			continue // described, and not there
		}
		found.of, e.Analyzed = e, true // also if there is nothing
		listing, err := s.bucket(ctx, driver, e.Bucket)
		if err != nil {
			return nil, err
		}
		if listing != nil {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			s.summary.unlisted = append(s.summary.unlisted, listing)
			e.Analyzed = false
		}
		e.Settle()
	}
	return list, nil
}

// bucketPlaces notes where the buckets of an estate folder are described, by ARN.
func bucketPlaces(ctx context.Context, src string, opts inventory.Options, places map[string]resource.Place) error {
	d, err := folder.Estate(src)
	if err != nil {
		return err
	}
	defer d.Close()
	e, err := resource.Load(ctx, d, opts)
	if err != nil {
		return fmt.Errorf("%s: %w", src, err)
	}
	described := accessEstate{Estate: e, folder: src}
	for i := range e.Resources {
		if r := &e.Resources[i]; r.Type == resource.Bucket {
			places[r.ARN] = described.place(r.Place)
		}
	}
	return nil
}

// openEstate opens a source whose buckets' configuration can be read.
func openEstate(src string, opts inventory.Options) (folder.Driver, error) {
	remote, err := config.Remote(src)
	switch {
	case err != nil:
		return nil, err
	case remote != nil:
		return openStore(config.Source{Account: opts.Account, Region: opts.Region, S3: remote}, nil)
	case strings.Contains(src, "://") || src == "-":
		return nil, fmt.Errorf("%s: an exposure is of buckets, which are in an estate folder or a store", src)
	case !folder.IsEstate(src):
		if _, err := folder.Estate(src); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%s holds no %s, %s or %s, which say who has access to its buckets; magpie scan says what is in them",
			src, folder.TemplateYAML, folder.TemplateJSON, folder.ConfigItems)
	}
	return folder.Estate(src)
}

// An exposureScan takes what is found in a bucket as a scan's report does.
type exposureScan struct{ of *macie.Exposure }

func (r *exposureScan) object(_ string, o *scanned) error {
	if !o.document.Found() {
		return nil
	}
	r.of.SensitiveObjects++
	for _, found := range o.reported(&o.document) {
		r.of.Add(macie.ExposedData{Identifier: found.name, Category: found.category, Occurrences: found.count, Severity: found.severity})
	}
	return nil
}

func (r *exposureScan) close() error { return nil }
