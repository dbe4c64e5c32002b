package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/magpie-sec/magpie/internal/cfn"
	"github.com/magpie-sec/magpie/internal/config"
	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/resource/remedy"
	"github.com/magpie-sec/magpie/internal/source/folder"
)

type accessCommand struct {
	Sources      []string          `arg:"" name:"SRC" help:"An estate folder (with template.yaml, template.json or config-items.json), a CloudFormation template, a file of AWS Config items, - for one of these on standard input, or a store: s3+http://HOST:PORT, s3+https://HOST, s3://BUCKET, aws."`
	Zone         string            `default:"account" enum:"account,organization" help:"Whom to trust: the account that owns a resource, or its whole organization."`
	Organization string            `placeholder:"FILE" help:"The organization's id and members, for --zone organization: the key organization of the server's configuration, or the file that has it."`
	Account      string            `placeholder:"ID" help:"The account that owns the resources; needed for s3:// and aws. Default: 111122223333."`
	Region       string            `placeholder:"REGION" help:"The Region that they are in. Default: us-east-1."`
	Parameter    map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"A value for a parameter of the templates. Repeatable."`
	Format       string            `default:"table" enum:"table,json,jsonl,sarif" help:"table; json (findings as ListFindings gives them); jsonl (one to a line); sarif."`
	FailOn       string            `default:"" enum:",any,public" placeholder:"ACCESS" help:"Exit with 3 on external access: any, or public only."`
}

// Help is what magpie access --help says below the flags.
func (accessCommand) Help() string {
	return "For each access from outside the zone of trust it says who can do what under which condition, which statement grants it, a request " +
		"that gets through, and the smallest change that closes it. Every request has been tried, and every change as well: after it the " +
		"finding is gone, and nothing is more open than before.\n\n" +
		"What cannot be decided is said and not guessed. Results go to standard output; progress and the summary go to standard error.\n\n" +
		"Exit codes: 0 complete, 1 error, 2 something could not be read or decided (it is listed), 3 access that --fail-on names.\n\n" +
		"Examples:\n  magpie access examples/estate\n  magpie access --fail-on public template.yaml\n" +
		"  magpie access --zone organization --organization org.yaml stacks/*.yaml\n" +
		"  magpie access --parameter Stage=prod --format sarif template.yaml > magpie.sarif\n" +
		"  magpie access s3+http://127.0.0.1:9000"
}

// Run analyses the resources of the sources and reports who reaches them from outside.
func (c accessCommand) Run(ctx context.Context, std stdio) error {
	if c.Account == "" {
		for _, src := range c.Sources {
			if src == "aws" || strings.HasPrefix(src, "s3://") {
				return fmt.Errorf("%s: --account says which account it is; its own principals would be outsiders otherwise", src)
			}
		}
		c.Account = defaultAccount
	}
	zone, err := c.zone()
	if err != nil {
		return err
	}
	if _, err := config.Simple(c.Account, []string{cmp.Or(c.Region, defaultRegion)}, nil); err != nil {
		return err
	}
	out, err := newAccessReport(c.Format, std.out, zone)
	if err != nil {
		return err
	}
	run := &accessRun{report: out, zone: zone, summary: newAccessSummary(c.Format == "table"), out: std.out, err: std.err,
		remedies: c.Format == "table" || c.Format == "sarif"}
	values := &parameterValues{given: c.Parameter, declared: map[string]bool{}}
	for _, src := range c.Sources {
		e, err := c.read(ctx, src, values, std)
		if err != nil {
			return err
		}
		if err := run.estate(ctx, e); err != nil {
			return err
		}
	}
	if err := out.close(); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	run.summary.print(std.err)
	if err := values.check(); err != nil {
		return err
	}
	return run.summary.exit(c.FailOn)
}

// zone is the zone of trust; each resource's owner is trusted in addition.
func (c accessCommand) zone() (reach.Zone, error) {
	zone := reach.Zone{Account: c.Account}
	switch {
	case c.Zone == "account" && c.Organization != "":
		return zone, fmt.Errorf("--organization says whom --zone organization trusts; --zone is account")
	case c.Zone == "account":
		return zone, nil
	case c.Organization == "":
		return zone, fmt.Errorf("--zone organization needs --organization FILE, which names the members")
	}
	org, err := config.LoadOrganization(c.Organization)
	if err != nil {
		return zone, err
	}
	zone.Organization, zone.Accounts = org.ID, org.Accounts()
	if !slices.Contains(zone.Accounts, c.Account) {
		return zone, fmt.Errorf("%s: account %s, which owns the resources, is no member of %s; --account says which account it is", c.Organization, c.Account, org.ID)
	}
	return zone, nil
}

// An accessEstate is what one SRC describes.
type accessEstate struct {
	*resource.Estate
	folder string // in which the documents stand that places name; "" if they name them in full
}

// place is a place with the path that a reader finds it by.
func (e *accessEstate) place(p resource.Place) resource.Place {
	if e.folder != "" && p.File != "" {
		p.File = filepath.ToSlash(filepath.Join(e.folder, p.File))
	}
	return p
}

// read reads what a SRC describes.
func (c accessCommand) read(ctx context.Context, src string, values *parameterValues, std stdio) (*accessEstate, error) {
	opts := inventory.Options{Account: c.Account, Region: cmp.Or(c.Region, defaultRegion), Parameters: c.Parameter}
	if remote, err := config.Remote(src); err != nil {
		return nil, err
	} else if remote != nil {
		return readStore(ctx, src, config.Source{Account: c.Account, Region: c.Region, S3: remote}, opts)
	}
	if src == "-" {
		return readDocument(standardInput, std.in, opts, values)
	}
	info, err := os.Stat(src)
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		f, err := os.Open(src)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return readDocument(src, f, opts, values)
	case !folder.IsEstate(src):
		return nil, fmt.Errorf("%s holds no %s, %s or %s; name the templates themselves, as in: magpie access %s",
			src, folder.TemplateYAML, folder.TemplateJSON, folder.ConfigItems, filepath.Join(src, "*.yaml"))
	}
	d, err := folder.Estate(src)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	values.all()
	e, err := resource.Load(ctx, d, opts)
	return &accessEstate{Estate: e, folder: src}, err
}

// readStore reads the buckets of a store. What else an account of AWS has is not read.
func readStore(ctx context.Context, src string, of config.Source, opts inventory.Options) (*accessEstate, error) {
	d, err := openStore(of, nil)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	e, err := resource.Load(ctx, d, opts)
	if err != nil {
		return nil, err
	}
	if src == "aws" {
		for _, name := range resource.Types() {
			if name != resource.Bucket {
				e.NotRead = append(e.NotRead, name+" (all)")
			}
		}
	}
	return &accessEstate{Estate: e}, nil
}

// standardInput is what places call it.
const standardInput = "standard input"

// readDocument reads a template or AWS Config items.
func readDocument(name string, r io.Reader, opts inventory.Options, values *parameterValues) (*accessEstate, error) {
	text, err := io.ReadAll(io.LimitReader(r, inventory.MaxConfigItems+1))
	if err != nil {
		return nil, err
	}
	if len(text) > inventory.MaxConfigItems {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, inventory.MaxConfigItems)
	}
	if items, _, err := inventory.ParseConfigItems(text); err == nil && len(items) > 0 {
		e := resource.Read(inventory.Documents{ConfigItems: text}, opts)
		for i := range e.Resources {
			e.Resources[i].Place.File = name
		}
		for i := range e.Problems {
			e.Problems[i].Document = name
		}
		return &accessEstate{Estate: e}, nil
	}
	template, err := cfn.Parse(text)
	if err != nil {
		return nil, noTemplate(name, err)
	}
	opts.Parameters = values.of(template)
	if _, err := template.Evaluate(cfn.Env{Account: opts.Account, Region: opts.Region, Parameters: opts.Parameters}); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &accessEstate{Estate: resource.Read(inventory.Documents{TemplateName: name, Template: text}, opts)}, nil
}

// parameterValues are the values of --parameter. Each has to be of a parameter of some template.
type parameterValues struct {
	given    map[string]string
	declared map[string]bool
}

// of are the values for a template.
func (v *parameterValues) of(t *cfn.Template) map[string]string {
	values := map[string]string{}
	for _, name := range t.Parameters() {
		if value, ok := v.given[name]; ok {
			values[name], v.declared[name] = value, true
		}
	}
	return values
}

// all takes all values for used.
func (v *parameterValues) all() {
	for name := range v.given {
		v.declared[name] = true
	}
}

// check fails if a value is of no parameter.
func (v *parameterValues) check() error {
	for _, name := range slices.Sorted(maps.Keys(v.given)) {
		if !v.declared[name] {
			return fmt.Errorf("--parameter: no template has a parameter %q", name)
		}
	}
	return nil
}

// noTemplate says why a text is no template, and where.
func noTemplate(name string, err error) error {
	var at *cfn.Error
	if errors.As(err, &at) && at.Position.Line > 0 {
		return fmt.Errorf("%s:%w", name, err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// An accessRun analyses estates and reports, in the order of the resources.
type accessRun struct {
	report  accessReport
	zone    reach.Zone
	summary *accessSummary
	out     io.Writer
	err     io.Writer
	// remedies says that the report tells how findings are closed.
	remedies bool
}

// An analysed is a resource with what was found.
type analysed struct {
	*resource.Resource
	estate   *accessEstate
	result   resource.Result
	remedies []found // of the findings
}

// A found is the smallest change that closes a finding, or why there is none.
type found struct {
	remedy *remedy.Remedy
	err    error
}

// analysedAtATime is how many results are held for their turn in the report, for each worker.
const analysedAtATime = 64

func (run *accessRun) estate(ctx context.Context, e *accessEstate) error {
	run.summary.estate(e)
	workers := runtime.GOMAXPROCS(0)
	bar := newCounter(run.err, "analysing", len(e.Resources))
	if isTerminal(run.out) {
		bar = counter{} // the results themselves show it
	}
	defer bar.done()
	for batch := range slices.Chunk(e.Resources, analysedAtATime*workers) {
		results := make([]analysed, len(batch))
		next := make(chan int)
		var wg sync.WaitGroup
		for range min(workers, len(batch)) {
			wg.Go(func() {
				for i := range next {
					results[i] = run.analyse(ctx, &batch[i], e)
					bar.add()
				}
			})
		}
		for i := range batch {
			if ctx.Err() != nil {
				break
			}
			next <- i
		}
		close(next)
		wg.Wait()
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range results {
			run.summary.add(&results[i])
			if err := run.report.resource(&results[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (run *accessRun) analyse(ctx context.Context, r *resource.Resource, e *accessEstate) analysed {
	a := analysed{Resource: r, estate: e, result: resource.AnalyzeWithin(r, run.zone, reach.Limits{Stop: ctx.Err})}
	if len(a.result.Findings) == 0 || !run.remedies {
		return a
	}
	closer := remedy.New(r, run.zone, a.result)
	closer.Stop = ctx.Err
	for i := range a.result.Findings {
		var f found
		f.remedy, f.err = closer.Close(&a.result.Findings[i])
		a.remedies = append(a.remedies, f)
	}
	return a
}

// A counter shows on a terminal how many things are done, and nothing anywhere else.
type counter struct{ bar *progressbar.ProgressBar }

// manyResources is from how many on it is worth while to show progress.
const manyResources = 500

func newCounter(w io.Writer, what string, total int) counter {
	if !isTerminal(w) || total < manyResources {
		return counter{}
	}
	return counter{progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what), progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
	)}
}

func (c counter) add() {
	if c.bar != nil {
		c.bar.Add(1)
	}
}

func (c counter) done() {
	if c.bar != nil {
		c.bar.Finish()
	}
}

// plainWidth is how wide lines for people are where there is no terminal.
const plainWidth = 100

// lineWidth is how wide lines for people may be.
func lineWidth(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return min(max(width, 60), 140)
		}
	}
	return plainWidth
}
