package macie

import (
	"context"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// clockSkew is how far a store's clock may be behind or ahead of ours without an object being lost or looked at twice.
const clockSkew = 15 * time.Minute

// An increment says which objects of a bucket a run of a scheduled job is about: those that were created or changed since an earlier run
// listed the bucket. The zero value is all of them.
type increment struct {
	since time.Time // zero: from the beginning
	// again says that earlier runs may have looked at some of these objects: those that changed while they were listing, or by a clock that
	// is not ours. It is told by their results.
	again bool
}

// since returns the increment of a bucket in an attempt's run.
func (w *Worker) since(ctx context.Context, a *job.Attempt, j *activeJob) (increment, error) {
	if !j.scheduled() {
		return increment{}, nil
	}
	var covered, created int64
	var ok bool
	err := w.cfg.DB.View(ctx, func(tx store.Tx) error {
		row, err := store.GetJob(ctx, tx, a.Run.Tenant, a.Run.JobID)
		if err != nil {
			return err
		}
		created = row.CreatedAt
		covered, ok, err = store.BucketCovered(ctx, tx, a.Run.Tenant, a.Run.JobID, a.Bucket)
		return err
	})
	switch {
	case err != nil:
		return increment{}, err
	case ok:
		return increment{since: time.UnixMilli(covered).Add(-clockSkew), again: true}, nil
	case wire.Value(j.definition.InitialRun):
		return increment{}, nil
	}
	// S3 tells times by the second.
	return increment{since: time.UnixMilli(created).Truncate(time.Second)}, nil
}

// holds says whether an object may belong to the increment. What is not known to be older does.
func (i increment) holds(o *source.Object) bool {
	return o.LastModified.IsZero() || !o.LastModified.Before(i.since)
}

func (j *activeJob) scheduled() bool { return j.definition.JobType == macie2.JobTypeScheduled }

// looksAt says whether a run looks at an object. An error is of reading its tags.
func (j *activeJob) looksAt(o *source.Object, i increment, tags func(*source.Object) ([]source.Tag, error)) (bool, error) {
	if !i.holds(o) {
		return false, nil
	}
	holds, err := j.scope.holds(o, func() ([]source.Tag, error) { return tags(o) })
	return holds && j.samples(o.Key), err
}

// keepsResult says whether the result of an object is wanted even if the ledger knows it and nothing was found: it is exported, or a later run
// of the job will ask what became of the object, see increment.again.
func (j *activeJob) keepsResult(o *source.Object, past *pastListing) bool {
	from := j.started
	if past != nil && !past.sure.IsZero() && past.sure.Before(from) {
		from = past.sure
	}
	return j.exporting || j.scheduled() && (o.LastModified.IsZero() || !o.LastModified.Before(from.Add(-2*clockSkew)))
}

// A pastListing is the listing of a bucket for a run of a scheduled job, which may come from a report of the store. A report does not know of
// what was made since: that is the next run's, whose increment begins where the report ends, not where the run began. What has changed
// since, or is gone, is skipped when its turn comes; if it has changed, it is the next run's as well. It is nil for other jobs, which list what is
// there now.
type pastListing struct {
	beyond time.Time // what earlier runs have dealt with
	sure   time.Time // up to when the reports tell everything that this run has read, other attempts included; zero: it has read none
	begun  bool      // this attempt reads one
}

// pastListing returns that of an attempt.
func (w *Worker) pastListing(ctx context.Context, a *job.Attempt, j *activeJob, i increment) (*pastListing, error) {
	if !j.scheduled() {
		return nil, nil
	}
	p := &pastListing{beyond: i.since}
	if i.again {
		p.beyond = i.since.Add(clockSkew) // else the report of the last run would do
	}
	err := w.cfg.DB.View(ctx, func(tx store.Tx) error {
		upTo, ok, err := store.BucketReport(ctx, tx, a.Run.Tenant, a.Run.JobID, a.Bucket, j.started.UnixMilli())
		if ok {
			p.sure = time.UnixMilli(upTo)
		}
		return err
	})
	return p, err
}

// options let the listing come from a report.
func (p *pastListing) options(a *job.Attempt, known *ledgerReader) *source.ReportOptions {
	if p == nil {
		return nil
	}
	return &source.ReportOptions{Use: source.ForScheduledJobs, After: p.beyond, Told: func(r source.Report) {
		if r.Name == "" {
			return
		}
		known.notes = false // that it does not tell of an object does not mean that it is gone
		p.begun = true
		if p.sure.IsZero() || r.Sure().Before(p.sure) {
			p.sure = r.Sure()
		}
		a.Log().Info("the bucket is listed from a report of the store; the next run looks at what was made or changed since",
			"bucket", a.Bucket, "report", r.Name, "begun", r.Begun, "complete_up_to", r.Sure())
	}}
}

// note notes that the run reads a report, with the first of what it takes from there.
func (p *pastListing) note(ctx context.Context, tx store.Tx, a *job.Attempt, j *activeJob) error {
	if p == nil || !p.begun {
		return nil
	}
	return store.BucketReported(ctx, tx, a.Run.Tenant, a.Run.JobID, a.Bucket, j.started.UnixMilli(), p.sure.UnixMilli())
}

// tagReader reads the tags of a bucket's objects; objects of a store without tags have none.
func tagReader(ctx context.Context, driver source.Driver, bucket string) func(*source.Object) ([]source.Tag, error) {
	tagged, ok := source.As[source.Tagged](driver)
	if !ok {
		return func(*source.Object) ([]source.Tag, error) { return nil, nil }
	}
	return func(o *source.Object) ([]source.Tag, error) {
		return tagged.ObjectTags(ctx, bucket, o.Key, o.VersionID)
	}
}

// runsAskedAgain is how many of the latest runs are asked what they have looked at. The last complete one is enough unless many were cancelled
// after it.
const runsAskedAgain = 32

// leaveOutDealt leaves the objects out of a page that earlier runs of the job have looked at as they are now.
func (w *Worker) leaveOutDealt(ctx context.Context, a *job.Attempt, j *activeJob, i increment, p *page) error {
	if !i.again || p.objects == 0 {
		return nil
	}
	objects, err := pageOf(p.data)
	if err != nil {
		return err
	}
	states := make([]store.ObjectState, len(objects))
	for n, o := range objects {
		states[n] = store.ObjectState{Key: []byte(o.Key), VersionID: store.CleanText(o.VersionID), ETag: store.CleanText(o.ETag)}
	}
	var dealt []bool
	if err := w.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
		dealt, err = store.Dealt(ctx, tx, a.Run.Tenant, a.Run.JobID, a.Bucket, runsAskedAgain, states)
		return err
	}); err != nil {
		return err
	}
	*p = page{}
	for n, o := range objects {
		if !dealt[n] {
			p.add(o)
		}
	}
	return nil
}

// listed notes that the run has listed the bucket to its end, so that the next one need not look at what has not changed since.
func (w *Worker) listed(ctx context.Context, a *job.Attempt, j *activeJob, cursor []byte, past *pastListing) error {
	if !j.scheduled() {
		return nil
	}
	return a.Commit(ctx, cursor, job.Counters{}, func(tx store.Tx) error {
		if err := past.note(ctx, tx, a, j); err != nil {
			return err
		}
		return store.BucketListed(ctx, tx, a.Run.Tenant, a.Run.JobID, a.Bucket, j.started.UnixMilli())
	})
}
