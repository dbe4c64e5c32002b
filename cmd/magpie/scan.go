package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/config"
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/custom"
	"github.com/magpie-sec/magpie/internal/detect/managed"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
	"github.com/magpie-sec/magpie/internal/macie"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
	"github.com/magpie-sec/magpie/internal/source/s3"
)

type scanCommand struct {
	Sources     []string      `arg:"" name:"SRC" help:"A folder, a file, - for standard input, s3://BUCKET[/PREFIX], aws (all buckets), or s3+http://HOST:PORT[/BUCKET[/PREFIX]] and s3+https://... for compatible stores. Of an estate (a folder with template.yaml, template.json or config-items.json) the files of its buckets are read."`
	Identifiers string        `default:"all" placeholder:"SET" help:"all, recommended, none, or a list of ids with commas between (see: magpie identifiers)."`
	Custom      []string      `sep:"none" placeholder:"FILE" help:"Find the custom data identifiers of this file too: JSON or YAML, one or a list, with the members of CreateCustomDataIdentifier. Repeatable."`
	Allow       []string      `sep:"none" placeholder:"FILE" help:"Do not report what this allow list names: a text file with a word or phrase in each line, or .json or .yaml with a regex that the value has to match completely. Repeatable."`
	Format      string        `default:"table" enum:"table,json,jsonl,csv,sarif" help:"table; json (findings as GetFindings gives them); jsonl (one discovery result for each object); csv; sarif."`
	FailOn      string        `default:"" enum:",low,medium,high" placeholder:"SEVERITY" help:"Exit with 3 if anything of this severity or above is found: low, medium, high."`
	Workers     int           `default:"0" help:"Objects that are read at a time; 0 is one for each processor."`
	Sample      int           `default:"100" placeholder:"PERCENT" help:"Read this share of the objects."`
	MaxSize     int64         `default:"0" placeholder:"BYTES" help:"Skip larger objects; 0 is the limit of their format."`
	DryRun      bool          `help:"Say what would be read, what cannot be, and how long it would take. Formats: table, json, jsonl."`
	Measure     time.Duration `default:"3s" placeholder:"TIME" help:"How long --dry-run may read some of the objects to measure the speed; 0 reads none. Default: 3s."`
}

// Help is what magpie scan --help says below the flags.
func (scanCommand) Help() string {
	return "Results go to standard output; progress and the summary go to standard error. Values that are found are never shown.\n\n" +
		"S3 stores are read with the credentials of the standard AWS chain: AWS_PROFILE, AWS_ACCESS_KEY_ID and so on.\n\n" +
		"Exit codes: 0 complete, 1 error, 2 something could not be read (it is listed), 3 found what --fail-on names.\n\n" +
		"Examples:\n  magpie scan examples/estate\n  magpie scan --format sarif --fail-on high . > magpie.sarif\n" +
		"  magpie scan --custom badges.yaml --allow known.txt company\n  zcat app.log.gz | magpie scan -\n" +
		"  magpie scan --sample 10 s3://my-bucket/2026/\n  AWS_PROFILE=minio magpie scan s3+http://127.0.0.1:9000"
}

func (c scanCommand) Run(ctx context.Context, std stdio) error {
	if c.Sample < 1 || c.Sample > 100 {
		return fmt.Errorf("--sample takes a percentage from 1 to 100, not %d", c.Sample)
	}
	identifiers, err := chooseIdentifiers(c.Identifiers)
	if err != nil {
		return err
	}
	engine, err := detect.New(detect.Options{Identifiers: identifiers})
	if err != nil {
		return err
	}
	customs, err := readCustom(c.Custom)
	if err != nil {
		return err
	}
	lists, err := readAllow(c.Allow)
	if err != nil {
		return err
	}
	classifier := &classify.Classifier{Engine: engine, Custom: customs, Allow: lists, Extractor: &extract.Extractor{
		Formats: formats.All(), Limits: extract.Limits{ObjectBytes: c.MaxSize}, Spool: classify.Spool(""), Now: time.Now,
	}}
	workers := c.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	if c.DryRun {
		return c.forecast(ctx, std, classifier, workers)
	}
	out, err := newScanReport(c.Format, std.out)
	if err != nil {
		return err
	}
	s := &scan{
		classifier: classifier, report: out, workers: workers, sample: c.Sample, summary: newScanSummary(),
		progress: newProgress(std.err, "scanning"), members: c.Format != "json",
	}
	for _, path := range c.Sources {
		if err := s.source(ctx, path, std); err != nil {
			s.progress.done()
			return err
		}
	}
	s.progress.done()
	if err := out.close(); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	s.summary.print(std.err)
	s.summary.warnOfNothing(std.err, c.Sources, c.Sample)
	return s.summary.exit(c.FailOn)
}

// chooseIdentifiers reads --identifiers.
func chooseIdentifiers(set string) ([]*detect.Identifier, error) {
	all := managed.All()
	switch set {
	case "all":
		return all, nil
	case "recommended":
		return detect.Recommended(all), nil
	case "none":
		return nil, nil
	}
	byID := map[string]*detect.Identifier{}
	for _, id := range all {
		byID[id.ID] = id
	}
	var chosen []*detect.Identifier
	for _, name := range strings.Split(set, ",") {
		id, ok := byID[strings.TrimSpace(name)]
		if !ok {
			return nil, fmt.Errorf("there is no managed data identifier %q; magpie identifiers lists them", name)
		}
		chosen = append(chosen, id)
	}
	return chosen, nil
}

// openSource opens what a SRC names.
func openSource(path string, std stdio) (folder.Driver, error) {
	remote, err := config.Remote(path)
	switch {
	case err != nil:
		return nil, err
	case remote != nil:
		return openStore(config.Source{S3: remote}, nil)
	}
	return openLocal(path, std)
}

// openLocal opens a folder, a file or standard input.
func openLocal(path string, std stdio) (folder.Driver, error) {
	if scheme, _, ok := strings.Cut(path, "://"); ok || path == "aws" {
		return nil, fmt.Errorf("%s: not a folder, a file or standard input, and %q is no kind of store that can be read here", path, scheme)
	}
	return folder.Scan(path, std.in)
}

// A scan reads sources and reports what it finds, in the order of the listing whatever the number of workers.
type scan struct {
	classifier *classify.Classifier
	report     scanReport
	summary    *scanSummary
	progress   *progress
	workers    int
	sample     int
	members    bool // the report wants the members of archives
}

// scanned is what became of one object.
type scanned struct {
	name     string // what reports call it: the key, in a store behind the bucket's name
	stored   bool   // it lies in a store, not in a folder
	object   source.Object
	document classify.Document
	members  []classify.Document
	err      error
	ready    chan struct{}
}

// settle drops from the members what the object does not report: whether a custom data identifier reaches its lowest threshold is a question
// of the object as a whole.
func (o *scanned) settle() {
	for i := range o.members {
		m := &o.members[i]
		m.Custom = slices.DeleteFunc(m.Custom, func(c classify.CustomDetection) bool { return o.level(c.Definition) == 0 })
	}
}

// level returns the severity of a custom data identifier in the object, 0 if it is not reported.
func (o *scanned) level(d *custom.Definition) detect.Level {
	for _, found := range o.document.Custom {
		if found.Definition == d {
			return d.Level(found.Count)
		}
	}
	return 0
}

// maxReportedMembers bounds the members of one archive that are kept until the archive's turn in the report comes: beyond it only those
// with detections are.
const maxReportedMembers = 10_000

func (s *scan) source(ctx context.Context, path string, std stdio) error {
	driver, err := openSource(path, std)
	if err != nil {
		return err
	}
	defer driver.Close()
	buckets, err := driver.Buckets(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var unlisted []error
	for _, b := range buckets {
		listing, err := s.bucket(ctx, driver, b.Name)
		var e *source.Error
		switch {
		case err != nil:
			return err
		case errors.As(listing, &e):
			unlisted = append(unlisted, e) // the bucket's alone
		case listing != nil:
			return listing
		}
	}
	if len(unlisted) > 0 && len(unlisted) == len(buckets) {
		return errors.Join(unlisted...) // as if the source were not there
	}
	s.summary.unlisted = append(s.summary.unlisted, unlisted...)
	return nil
}

// bucket scans a bucket. The first error is of its listing, the second ends the scan.
func (s *scan) bucket(ctx context.Context, driver source.Driver, bucket string) (listing, failed error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work := make(chan *scanned)
	inOrder := make(chan *scanned, 4*s.workers)
	for range s.workers {
		go func() {
			for o := range work {
				s.read(ctx, driver, bucket, o)
				close(o.ready)
			}
		}()
	}
	go func() {
		defer close(inOrder)
		defer close(work)
		listing = s.list(ctx, driver, bucket, work, inOrder)
	}()
	for o := range inOrder {
		<-o.ready
		if failed == nil {
			failed = s.took(bucket, o)
		}
		if failed != nil {
			cancel() // and drain
		}
	}
	return listing, failed
}

// list hands the objects of a bucket to the workers, and in the same order to the report.
func (s *scan) list(ctx context.Context, driver source.Driver, bucket string, work, inOrder chan<- *scanned) error {
	_, stored := driver.(*s3.Store)
	for item, err := range driver.List(ctx, bucket, source.ListOptions{}) {
		if err != nil {
			return err
		}
		if item.Err == nil && !sampled(item.Key, s.sample) {
			s.summary.leftOut.Add(1)
			continue
		}
		o := &scanned{name: item.Key, stored: stored, object: item.Object, ready: make(chan struct{})}
		if stored {
			o.name = bucket + "/" + item.Key
		}
		to := work
		if item.Err != nil {
			o.err = item.Err
			close(o.ready)
			to = nil
		}
		select {
		case inOrder <- o:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if to != nil {
			to <- o // a worker takes it, if only to find that the scan is over
		}
	}
	return nil
}

func (s *scan) read(ctx context.Context, driver source.Driver, bucket string, o *scanned) {
	var member func(classify.Document) error
	if s.members {
		member = func(d classify.Document) error {
			if d.Found() || len(o.members) < maxReportedMembers {
				o.members = append(o.members, d)
			}
			return nil
		}
	}
	o.document, o.err = macie.Classify(ctx, s.classifier, driver, bucket, o.object, member)
}

// took counts and reports one object.
func (s *scan) took(bucket string, o *scanned) error {
	if o.err != nil {
		var spool *extract.SpoolError
		switch {
		case errors.Is(o.err, context.Canceled), errors.As(o.err, &spool):
			return o.err
		case source.KindOf(o.err) == source.NotObject:
			s.summary.passedOver++ // a link, a pipe, a device: there are no data in it
			return nil
		}
		o.document = classify.Document{
			Document: extract.Document{Name: o.object.Key, Size: o.object.Size},
			Status:   extract.Result{Code: extract.Skipped, Reason: extract.Reason(macie.SkipReason(o.err))},
		}
	}
	o.settle()
	s.summary.add(o)
	s.progress.add(1, o.document.Status.Bytes)
	return s.report.object(bucket, o)
}
