package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/magpie-sec/magpie/internal/source"
)

// Reports say whether and how S3 Inventory reports are read instead of listing (Amazon S3 User Guide, "Cataloging and analyzing your data with
// S3 Inventory"). The zero value reads none.
//
// A report is read whole into a temporary file, with all its checksums verified and in the order of keys, before the first object is told:
// what is wrong with it shows in time, and then the bucket is listed. The files of a report do not follow each other in the order of keys, and
// not each of them is sorted.
type Reports struct {
	// MaxAge is how long ago the store may have begun a report; 0 reads none. At most MaxReportAge.
	MaxAge time.Duration
	// ScheduledJobs lets runs of scheduled jobs read them, too.
	ScheduledJobs bool
	// Least is how many bytes the files of a report have at least: listing a small bucket takes no more requests than reading a report, and
	// tells what is there now. 0 is half a megabyte, some 10,000 objects.
	Least int64
	// Folder is where temporary files are made, "" the system's. MaxSpool is how many bytes one report may take there, 0 is 16 GiB; a merge of
	// a report that is in no order at all takes twice as much for a while.
	Folder   string
	MaxSpool int64
	// Memory is how many bytes are sorted at a time; 0 is 8 MiB.
	Memory int
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log is told which reports are read, and why others are not; nil is nobody.
	Log *slog.Logger
}

// MaxReportAge is the oldest that a report may be: that of a weekly one which came late.
const MaxReportAge = 14 * 24 * time.Hour

func (r Reports) withDefaults() Reports {
	r.Least = cmp.Or(r.Least, 512<<10)
	r.MaxSpool = cmp.Or(r.MaxSpool, 16<<30)
	r.Memory = cmp.Or(r.Memory, 8<<20)
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	return r
}

// errNoReport is why a bucket has no report that is worth telling anybody.
type errNoReport string

func (e errNoReport) Error() string { return string(e) }

// listReport lists from a report and says whether it has. If it has not, nothing was yielded.
func (s *Store) listReport(ctx context.Context, bucket, prefix, after string, opts *source.ReportOptions, yield func(source.Item, error) bool) bool {
	told := func(r source.Report) {
		if opts.Told != nil {
			opts.Told(r)
		}
	}
	if s.opts.Reports.MaxAge == 0 || opts.Use == source.ForScheduledJobs && !s.opts.Reports.ScheduledJobs {
		told(source.Report{})
		return false
	}
	log := s.opts.Reports.Log.With("bucket", bucket)
	report, spooled, err := s.readReport(ctx, bucket, prefix, after, opts.After)
	if err != nil {
		if ctx.Err() != nil {
			told(source.Report{})
			yield(source.Item{}, ctx.Err())
			return true
		}
		var none errNoReport
		level := slog.LevelWarn
		if errors.As(err, &none) {
			level = slog.LevelDebug
		}
		log.Log(ctx, level, "no inventory report is read; the bucket is listed", "reason", err.Error())
		told(source.Report{Reason: err.Error()})
		return false
	}
	defer spooled.close()
	name := report.name()
	log.Info("an inventory report is read instead of listing", "report", name, "begun", report.begun.Format(time.RFC3339), "objects", spooled.rows)
	told(source.Report{Name: name, Begun: report.begun})
	err = spooled.yield(func(o source.Object) (bool, error) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		return yield(source.Item{Object: o}, nil), nil
	})
	switch {
	case err == nil:
	case ctx.Err() != nil:
		yield(source.Item{}, ctx.Err())
	default: // of this machine's disk
		yield(source.Item{}, &source.Error{Kind: source.Unavailable, Op: "list", Bucket: bucket, Err: fmt.Errorf("the spooled report cannot be read: %w", err)})
	}
	return true
}

// A report is a report in its destination, as the configuration and the names there tell.
type report struct {
	source, destination string    // buckets
	base                string    // DESTINATION-PREFIX/SOURCE/ID/
	folder              string    // YYYY-MM-DDTHH-MMZ
	begun               time.Time // the earlier one of what the folder and the manifest tell
}

func (r *report) name() string {
	return "s3://" + r.destination + "/" + r.base + r.folder + "/manifest.json"
}

// reportFolder is the form of a report's folder: when the store began to scan the bucket.
const reportFolder = "2006-01-02T15-04Z"

// reportsTried is how many reports are looked at before the bucket is listed: the newest may be under way or broken.
const reportsTried = 4

// readReport reads the newest report that is good for the keys of a prefix behind after. It must tell everything up to a time after beyond.
func (s *Store) readReport(ctx context.Context, bucket, prefix, after string, beyond time.Time) (*report, *spool, error) {
	reports, err := s.reports(ctx, bucket, prefix)
	if err != nil {
		return nil, nil, err
	}
	var first error
	for i := range reports[:min(len(reports), reportsTried)] {
		r := &reports[i]
		m, err := s.manifest(ctx, r)
		if err == nil && !beyond.IsZero() && !(source.Report{Begun: r.begun}).Sure().After(beyond) {
			return nil, nil, errNoReport("no report tells of what was made since the last run")
		}
		var spooled *spool
		if err == nil {
			spooled, err = s.spoolReport(ctx, r, m, prefix, after)
		}
		if err == nil {
			return r, spooled, nil
		}
		var none errNoReport
		if ctx.Err() != nil || errors.As(err, &none) {
			return nil, nil, err
		}
		err = fmt.Errorf("%s: %w", r.name(), err)
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = fmt.Errorf("there is no report of the last %v", s.opts.Reports.MaxAge)
	}
	return nil, nil, first
}

// reports returns the reports that are young enough and about a prefix, the newest first.
func (s *Store) reports(ctx context.Context, bucket, prefix string) ([]report, error) {
	configurations, err := s.reportConfigurations(ctx, bucket)
	if err != nil {
		return nil, err
	}
	now := s.opts.Reports.Now()
	oldest := now.Add(-s.opts.Reports.MaxAge)
	var found []report
	var why error
	some := false
	for _, c := range configurations {
		r, err := reportOf(bucket, prefix, &c)
		if err != nil {
			why = cmp.Or(why, err)
			continue
		}
		some = true
		folders, err := s.reportFolders(ctx, r, oldest)
		if err != nil {
			why = cmp.Or(why, err)
			continue
		}
		for _, folder := range folders {
			if r.begun, err = time.Parse(reportFolder, folder); err != nil || r.begun.Before(oldest) || r.begun.After(now.Add(reportSkew)) {
				continue
			}
			r.folder = folder
			found = append(found, *r)
		}
	}
	switch {
	case len(configurations) == 0:
		return nil, errNoReport("the bucket has no inventory configuration")
	case len(found) == 0 && why != nil && !some:
		return nil, why
	case len(found) == 0 && why != nil:
		return nil, why
	}
	slices.SortStableFunc(found, func(a, b report) int { return b.begun.Compare(a.begun) })
	return found, nil
}

// reportSkew is how far ahead a report's time may be of our clock.
const reportSkew = 15 * time.Minute

// reportOf returns where the reports of a configuration are, if they tell all about a prefix.
func reportOf(bucket, prefix string, c *types.InventoryConfiguration) (*report, error) {
	id := aws.ToString(c.Id)
	switch {
	case c.Destination == nil || c.Destination.S3BucketDestination == nil:
		return nil, errors.New("the store tells no destination of its reports")
	case id == "" || strings.ContainsAny(id, "/\x00"):
		return nil, errors.New("the store tells a report by a name that cannot be")
	}
	if f := c.Filter; f != nil && !strings.HasPrefix(prefix, aws.ToString(f.Prefix)) {
		return nil, fmt.Errorf("the configuration %q is about some of the keys only", id)
	}
	d := c.Destination.S3BucketDestination
	destination, ok := bucketOfARN(aws.ToString(d.Bucket))
	if !ok {
		return nil, errors.New("the store tells a destination of its reports that is no bucket")
	}
	base := bucket + "/" + id + "/"
	if p := aws.ToString(d.Prefix); p != "" {
		base = p + "/" + base
	}
	return &report{source: bucket, destination: destination, base: base}, nil
}

// bucketOfARN returns the bucket that arn:PARTITION:s3:::BUCKET names.
func bucketOfARN(arn string) (string, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "s3" || !bucketName(parts[5]) {
		return "", false
	}
	return parts[5], true
}

// inventoryConfigurations is a setting that a store may not have.
const inventoryConfigurations Setting = "inventory configurations"

// maxConfigurations is how many configurations a bucket of Amazon S3 can have.
const maxConfigurations = 1000

// reportConfigurations asks for a bucket's inventory configurations.
func (s *Store) reportConfigurations(ctx context.Context, bucket string) ([]types.InventoryConfiguration, error) {
	if why, lacking := s.lacks(inventoryConfigurations); lacking {
		return nil, errNoReport(why)
	}
	var all []types.InventoryConfiguration
	for token := ""; ; {
		var out *s3.ListBucketInventoryConfigurationsOutput
		err := s.ask(ctx, target{op: "read inventory configurations", bucket: bucket}, func(ctx context.Context) error {
			c, err := s.bucketClient(ctx, bucket)
			if err != nil {
				return err
			}
			in := &s3.ListBucketInventoryConfigurationsInput{Bucket: &bucket}
			if token != "" {
				in.ContinuationToken = &token
			}
			out, err = c.ListBucketInventoryConfigurations(bounded(expecting(ctx, "ListInventoryConfigurationsResult"), maxAnswer), in)
			return err
		})
		var told *statusError
		if errors.As(err, &told) && s.compatible() && (told.code == "NotImplemented" || told.status == 501) {
			s.missing.note(inventoryConfigurations, false)
			return nil, errNoReport(notImplemented)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, out.InventoryConfigurationList...)
		next := aws.ToString(out.NextContinuationToken)
		if !aws.ToBool(out.IsTruncated) || next == "" || next == token || len(all) >= maxConfigurations || len(out.InventoryConfigurationList) == 0 {
			return all, nil
		}
		token = next
	}
}

// reportPages bounds the pages of folders that are looked through; one has a thousand.
const reportPages = 4

// reportFolders lists the folders of a configuration's reports from a time on.
func (s *Store) reportFolders(ctx context.Context, r *report, oldest time.Time) ([]string, error) {
	q := request{bucket: r.destination, prefix: r.base, after: r.base + oldest.UTC().Format(reportFolder)[:len("2006-01-02")], delimiter: "/"}
	var folders []string
	for range reportPages {
		p, err := s.fetch(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, prefix := range p.prefixes {
			if folder := strings.TrimSuffix(strings.TrimPrefix(prefix, r.base), "/"); len(folder) == len(reportFolder) {
				folders = append(folders, folder)
			}
		}
		if !p.more || p.last <= q.after {
			break
		}
		q.after, q.token = p.last, p.token
	}
	return folders, nil
}

const (
	// maxFolders is how many folders of a report are remembered; of one that has more only the first page of the listing is looked at.
	maxFolders = 10_000
	// foldersAsked is how many folders are asked for that are not in a report.
	foldersAsked = 8
)

// proveWhole looks at the beginning of the bucket's listing and at its folders: what has been there for long is in a report that is whole. A report
// does not tell which keys it is about, and the configuration tells it of the next one only.
func (s *Store) proveWhole(ctx context.Context, r *report, sp *spool, folders map[string]bool, prefix, after string) error {
	q := request{bucket: r.source, prefix: prefix, after: after}
	listed, err := s.fetch(ctx, q)
	if err != nil {
		return err
	}
	told := source.Report{Name: r.name(), Begun: r.begun}
	old := slices.DeleteFunc(listed.objects, func(o source.Object) bool { return o.LastModified.IsZero() || told.Missing(o.LastModified) })
	missing := ""
	if len(old) > 0 {
		err := sp.yield(func(o source.Object) (bool, error) {
			for len(old) > 0 && old[0].Key <= o.Key {
				if old[0].Key < o.Key {
					return false, nil
				}
				old = old[1:]
			}
			return len(old) > 0, nil
		})
		if err != nil {
			return err
		}
		if len(old) > 0 {
			missing = old[0].Key
		}
	}
	if missing == "" && listed.more && len(folders) <= maxFolders {
		q.delimiter = "/"
		if listed, err = s.fetch(ctx, q); err != nil {
			return err
		}
		others := slices.DeleteFunc(listed.prefixes, func(p string) bool { return folders[p] })
		for _, folder := range others[:min(len(others), foldersAsked)] {
			// after may lie in it.
			p, err := s.fetch(ctx, request{bucket: r.source, prefix: folder, after: after})
			if err != nil {
				return err
			}
			i := slices.IndexFunc(p.objects, func(o source.Object) bool { return !o.LastModified.IsZero() && !told.Missing(o.LastModified) })
			if i >= 0 {
				missing = p.objects[i].Key
				break
			}
		}
	}
	if missing != "" {
		return fmt.Errorf("it does not have the key %q, which is older: it may be of another configuration", missing)
	}
	return nil
}

// small reads an object that has no more than limit bytes.
func (s *Store) small(ctx context.Context, bucket, key string, limit int64) ([]byte, error) {
	r, err := s.open(ctx, bucket, key, source.OpenOptions{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(text)) > limit:
		return nil, fmt.Errorf("it is longer than %d bytes", limit)
	}
	return text, nil
}

// temporary makes a file that is gone when it is closed, or when the process ends.
func temporary(folder string) (*os.File, error) {
	f, err := os.CreateTemp(folder, "magpie-report-*")
	if err != nil {
		return nil, fmt.Errorf("make a temporary file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, fmt.Errorf("unlink a temporary file: %w", err)
	}
	return f, nil
}
