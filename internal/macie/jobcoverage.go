package macie

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// Reasons of our own for what a run has not read, beside those of results and events.
const (
	reasonGivenUp  = "WORK_GIVEN_UP"   // the shard failed for good
	reasonCanceled = "RUN_CANCELLED"   // the run ended before
	reasonNotYet   = "RUN_NOT_OVER"    // the run is still to do it
	reasonDeleted  = "RESULTS_DELETED" // it is not known any more which objects were not read; see Retention
)

// A JobReport is how far the latest run of a job is.
type JobReport struct {
	store.Tenant
	ID, Name, Type, Status string
	CreatedAt              time.Time
	NextRun                time.Time // zero if none is due
	Runs                   int64

	Run     job.Run    // the latest, the zero value before the first
	Counts  job.Totals // of it
	Ahead   int64      // objects that it has listed and not dealt with, and those of buckets that it has not listed, as far as they were counted before
	Listing int64      // buckets of it that are not listed to their end yet
	Active  time.Duration
	// Left is how long the run still takes if it goes on as it has gone; negative if that cannot be told.
	Left time.Duration
}

// Ended says whether the latest run is over.
func (r *JobReport) Ended() bool {
	return r.Run.State == job.RunComplete || r.Run.State == job.RunCancelled
}

// ReportJob tells how far a job is at a time, from the database alone.
func ReportJob(ctx context.Context, tx store.Tx, ref store.JobRef, now time.Time) (JobReport, error) {
	row, err := store.GetJob(ctx, tx, ref.Tenant, ref.ID)
	if err != nil {
		return JobReport{}, err
	}
	r := JobReport{Tenant: ref.Tenant, ID: row.ID, Name: row.Name, Type: row.Type, Status: row.Status, CreatedAt: time.UnixMilli(row.CreatedAt).UTC(), Left: -1}
	if row.NextRunAt != nil {
		r.NextRun = time.UnixMilli(*row.NextRunAt).UTC()
	}
	if row.RunKey == "" {
		return r, nil
	}
	runs, err := runsOf(ctx, tx, ref.Tenant, row)
	if err != nil {
		return r, err
	}
	r.Run, r.Counts, r.Runs, r.Ahead, r.Listing = runs.latest, runs.totals, runs.count, runs.ahead, runs.listing
	if r.Active, err = activeFor(ctx, tx, &row, runs.latest, now); err != nil {
		return r, err
	}
	switch done := r.Counts.Objects; {
	case r.Ended() || r.Ahead == 0 && r.Listing == 0:
		r.Left = 0
	case done > 0:
		r.Left = time.Duration(float64(r.Active) / float64(done) * float64(r.Ahead))
	}
	return r, nil
}

// activeFor returns how long a run has been running, without the time in which it was paused.
func activeFor(ctx context.Context, tx store.Tx, row *store.Job, run job.Run, now time.Time) (active time.Duration, err error) {
	t := run.Tenant
	since := run.StartedAt
	running := true
	for after := int64(0); ; {
		events, err := store.JobEvents(ctx, tx, t, row.ID, after, eventsAtATime)
		if err != nil {
			return 0, err
		}
		for _, e := range events {
			after = e.Seq
			if e.RunID != run.RunID {
				continue
			}
			at := time.UnixMilli(e.OccurredAt)
			switch {
			case e.Type == eventJobPaused && running:
				active, running = active+max(at.Sub(since), 0), false
			case e.Type == eventJobResumed && !running:
				since, running = at, true
			}
		}
		if len(events) < eventsAtATime {
			break
		}
	}
	if !running {
		return active, nil
	}
	end := now
	if !run.FinishedAt.IsZero() {
		end = run.FinishedAt
	}
	return active + max(end.Sub(since), 0), nil
}

const eventsAtATime = 1000

// ahead counts what a run is still to do: what it has listed and not dealt with, and of the buckets that it has not listed to their end the objects
// that the inventory has counted, if the run is about all objects of a bucket. Listing is how many these buckets are. A run that is over has nothing
// to do.
func ahead(ctx context.Context, tx store.Tx, row *store.Job, run job.Run, totals job.Totals) (objects, listing int64, err error) {
	if run.State != job.RunRunning && run.State != job.RunPaused {
		return 0, 0, nil
	}
	objects = max(totals.Listed-totals.Objects, 0)
	open, err := job.OpenShards(ctx, tx, run.RunRef, listShard, maxOpenLists)
	if err != nil {
		return 0, 0, err
	}
	in := &macie2.CreateClassificationJobInput{}
	if err := wire.Unmarshal(row.Doc, in); err != nil {
		return 0, 0, fmt.Errorf("job %s is damaged: %w", row.ID, err)
	}
	percent := wire.ValueOr(in.SamplingPercentage, 100)
	scoped := in.S3JobDefinition.Scoping != nil && (in.S3JobDefinition.Scoping.Includes != nil || in.S3JobDefinition.Scoping.Excludes != nil)
	for _, s := range open {
		covered := false
		if isScheduled(row) {
			if _, covered, err = store.BucketCovered(ctx, tx, run.Tenant, row.ID, s.Bucket); err != nil {
				return 0, 0, err
			}
			covered = covered || !wire.Value(in.InitialRun)
		}
		if covered || scoped {
			continue // how many of its objects are new, or within the scope, nobody has counted
		}
		b, err := store.GetBucket(ctx, tx, run.Tenant, s.Bucket)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return 0, 0, err
		}
		m, _, err := readBucketRow(&b)
		if err != nil {
			return 0, 0, err
		}
		objects += max(wire.Value(m.ObjectCount)*percent/100-s.Listed, 0)
	}
	return objects, int64(len(open)), nil
}

// maxOpenLists bounds how many buckets are asked for their counts: more than a job can name.
const maxOpenLists = 10_000

// A Gap is something that a run has not read.
type Gap struct {
	Bucket  string // "" if it is of the whole run
	Status  string // PARTIAL or SKIPPED of objects, "" of what was not even listed
	Reason  string // in the words of results and events, or of our own
	Objects int64  // 0 if nobody knows
	Bytes   int64  // of these objects, as far as they are known
	Read    int64  // bytes of them that were analysed
	Detail  string // a sentence, or ""

	givenUp bool // it is of a shard that failed for good
}

// Coverage tells everything that the latest run of a job has not read. The gaps are ordered: those of the run, then by bucket.
//
// Their number is bounded by buckets and reasons, whatever the number of objects; [EachUnread] tells the objects.
func Coverage(ctx context.Context, tx store.Tx, r *JobReport) (gaps []Gap, err error) {
	if r.Run.RunID == "" {
		return nil, nil
	}
	failed := map[string]bool{} // buckets
	if gaps, err = eventGaps(ctx, tx, r, failed); err != nil {
		return nil, err
	}
	left := max(r.Counts.Listed-r.Counts.Objects, 0)
	type shards struct{ bucket, kind string }
	byShards := map[shards]int{} // the place in gaps
	err = eachDead(ctx, tx, r, func(d *job.DeadShard) error {
		if d.Kind == listShard && failed[d.Bucket] || d.Kind == selectShard && r.Run.State == job.RunComplete {
			return nil // an event has told
		}
		key := shards{d.Bucket, d.Kind}
		place, seen := byShards[key]
		if !seen {
			detail, known := givenUp[d.Kind]
			if !known {
				detail = "A part of the work could not be done."
			}
			place = len(gaps)
			byShards[key] = place
			gaps = append(gaps, Gap{Bucket: d.Bucket, Reason: reasonGivenUp, Detail: detail})
		}
		return eachLeft(d, func(o *Unread) error {
			left--
			gaps[place].Objects++
			gaps[place].Bytes += max(o.Size, 0)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	if r.Run.State != job.RunComplete {
		reason, detail := reasonNotYet, "Objects that are listed and not dealt with yet."
		if r.Run.State == job.RunCancelled {
			reason, detail = reasonCanceled, "Objects that were listed and not dealt with when the run was cancelled."
		}
		if left > 0 {
			gaps = append(gaps, Gap{Reason: reason, Objects: left, Detail: detail})
		}
		open, err := job.OpenShards(ctx, tx, r.Run.RunRef, listShard, maxOpenLists)
		if err != nil {
			return nil, err
		}
		for _, s := range open {
			gaps = append(gaps, Gap{Bucket: s.Bucket, Reason: reason, Detail: "The bucket is not listed to its end."})
		}
		if open, err = job.OpenShards(ctx, tx, r.Run.RunRef, selectShard, 1); err != nil {
			return nil, err
		} else if len(open) > 0 {
			gaps = append(gaps, Gap{Reason: reason, Detail: "The buckets that meet the criteria are not found out."})
		}
	}
	if r.Run.Emptied {
		gaps = append(gaps, Gap{Reason: reasonDeleted, Objects: r.Counts.Skipped,
			Detail: "Objects that were skipped. Why, and which were read in part, was deleted by the retention of results."})
	}
	unread, err := store.UnreadByReason(ctx, tx, r.Tenant, r.ID, r.Run.RunID)
	if err != nil {
		return nil, err
	}
	for _, u := range unread {
		gaps = append(gaps, Gap{Bucket: u.Bucket, Status: u.Status, Reason: u.Reason, Objects: u.Objects, Bytes: u.Bytes, Read: u.Classified})
	}
	return gaps, nil
}

// givenUp says what is not read because a shard of a kind failed for good.
var givenUp = map[string]string{
	selectShard:  "The buckets that meet the criteria could not be found out.",
	listShard:    "The bucket could not be listed to its end.",
	objectsShard: "Objects that were listed could not be dealt with.",
	// These objects have a result of their own once the run is complete.
	surveyShard: "A part of a large object could not be looked through; the object counts as not read.",
	partShard:   "A part of a large object could not be read; the object counts as not read.",
	joinShard:   "The parts of a large object could not be put together; the object counts as not read.",
}

// eventGaps are what events tell of buckets, sources and lists that could not be used. The buckets are added to failed.
func eventGaps(ctx context.Context, tx store.Tx, r *JobReport, failed map[string]bool) (gaps []Gap, err error) {
	for after := int64(0); ; {
		events, err := store.JobEvents(ctx, tx, r.Tenant, r.ID, after, eventsAtATime)
		if err != nil {
			return nil, err
		}
		for _, row := range events {
			after = row.Seq
			if row.RunID == r.Run.RunID && row.Type == eventRetried {
				// What was given up before is tried again: what was told of it does not count any more.
				gaps = slices.DeleteFunc(gaps, func(g Gap) bool {
					if g.givenUp {
						delete(failed, g.Bucket)
					}
					return g.givenUp
				})
			}
			if row.RunID != r.Run.RunID || !isGap(row.Type) {
				continue
			}
			var e jobEvent
			if err := json.Unmarshal(row.Doc, &e); err != nil {
				return nil, fmt.Errorf("event %d of job %s is damaged: %w", row.Seq, r.ID, err)
			}
			g := Gap{Reason: row.Type, Detail: e.Description, givenUp: row.Key == ""} // see runEnded
			if e.AffectedResource != nil {
				g.Bucket = e.AffectedResource.Value
				failed[g.Bucket] = true
			}
			gaps = append(gaps, g)
		}
		if len(events) < eventsAtATime {
			return gaps, nil
		}
	}
}

// isGap says whether an event tells of something that was not looked at.
func isGap(eventType string) bool {
	switch eventType {
	case eventNoBucketsMatched, eventAllowListUnused, eventAccountUnavailable:
		return true
	case eventBucketMatched:
		return false
	}
	return strings.HasPrefix(eventType, "ACCOUNT_") || strings.HasPrefix(eventType, "BUCKET_")
}

// eachDead tells the shards of the run that failed for good.
func eachDead(ctx context.Context, tx store.Tx, r *JobReport, tell func(*job.DeadShard) error) error {
	for after := int64(0); ; {
		dead, err := job.DeadShards(ctx, tx, r.Run.RunRef, "", after, deadAtOnce)
		if err != nil {
			return err
		}
		for i := range dead {
			after = dead[i].ID
			if err := tell(&dead[i]); err != nil {
				return err
			}
		}
		if len(dead) < deadAtOnce {
			return nil
		}
	}
}

// deadAtOnce is how many shards that failed for good are held at a time; each has up to a thousand keys.
const deadAtOnce = 20

// An Unread is an object that a run has not read, or not to its end.
type Unread struct {
	Bucket, Key, VersionID string
	Status, Reason         string
	Size                   int64 // negative if it is not known
	Read                   int64 // bytes that were analysed
}

// eachLeft tells the objects that a shard which failed for good had not dealt with.
func eachLeft(d *job.DeadShard, tell func(*Unread) error) error {
	if d.Kind != objectsShard {
		return nil
	}
	objects, err := pageOf(d.Payload)
	if err != nil {
		return err
	}
	done, _ := binary.Uvarint(d.Cursor)
	for _, o := range objects[min(int(done), len(objects)):] {
		if err := tell(&Unread{Bucket: d.Bucket, Key: o.Key, VersionID: o.VersionID, Status: statusSkipped, Reason: reasonGivenUp, Size: o.Size}); err != nil {
			return err
		}
	}
	return nil
}

// EachUnread tells every object that the latest run of a job has listed and not read, or not to its end, but for those that it may still come to.
// It reads them in parts, so that any number of them costs no memory; each part is of one moment.
func EachUnread(ctx context.Context, db store.DB, r *JobReport, tell func(*Unread) error) error {
	if r.Run.RunID == "" {
		return nil
	}
	var told error // of tell, whose transaction is not to be repeated
	err := db.View(ctx, func(tx store.Tx) error {
		return eachDead(ctx, tx, r, func(d *job.DeadShard) error {
			told = eachLeft(d, tell)
			return told
		})
	})
	if told != nil || err != nil {
		return errors.Join(told, err)
	}
	for place := (store.ResultPlace{}); ; {
		var rows []store.Result
		err := db.View(ctx, func(tx store.Tx) (err error) {
			rows, err = store.UnreadResults(ctx, tx, r.Tenant, r.ID, r.Run.RunID, place, unreadAtATime)
			return err
		})
		if err != nil {
			return err
		}
		for i := range rows {
			row := &rows[i]
			place = store.ResultPlace{Bucket: row.Bucket, Key: row.Key, VersionID: row.VersionID}
			u := &Unread{Bucket: row.Bucket, Key: string(row.Key), VersionID: row.VersionID, Status: row.Status, Reason: row.Reason, Size: row.Size,
				Read: row.BytesClassified}
			if err := tell(u); err != nil {
				return err
			}
		}
		if len(rows) < unreadAtATime {
			return nil
		}
	}
}

const unreadAtATime = 1000
