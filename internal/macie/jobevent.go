package macie

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/publish"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// The types of events of jobs, in Macie's words (macie.md 4.10).
const (
	eventJobCreated        = "JOB_CREATED"
	eventOneTimeStarted    = "ONE_TIME_JOB_STARTED"
	eventRunStarted        = "SCHEDULED_RUN_STARTED"
	eventBucketMatched     = "BUCKET_MATCHED_THE_CRITERIA"
	eventNoBucketsMatched  = "NO_BUCKETS_MATCHED_THE_CRITERIA"
	eventRunCompleted      = "SCHEDULED_RUN_COMPLETED"
	eventJobCompleted      = "JOB_COMPLETED"
	eventJobPaused         = "JOB_PAUSED_BY_USER"
	eventJobResumed        = "JOB_RESUMED_BY_USER"
	eventJobCancelled      = "JOB_CANCELLED"
	eventAccountDenied     = "ACCOUNT_ACCESS_DENIED"
	eventBucketDenied      = "BUCKET_ACCESS_DENIED"
	eventBucketUnavailable = "BUCKET_DETAILS_UNAVAILABLE"
	eventBucketGone        = "BUCKET_DOES_NOT_EXIST"
)

// Types of our own, of what Macie has no word for; see docs/divergences.md.
const (
	eventAccountUnavailable = "ACCOUNT_DETAILS_UNAVAILABLE" // the buckets of a source cannot be listed, for another reason than a refusal
	eventRunCancelled       = "SCHEDULED_RUN_CANCELLED"     // a run that a user paused has expired; its job goes on
	eventRetried            = "FAILED_WORK_RETRIED"         // an operator has what was given up of a run tried again
	eventAllowListUnused    = "ALLOW_LIST_NOT_USED"         // the run goes on without an allow list of its job
)

// A jobEvent is a record as Macie writes it to CloudWatch Logs.
type jobEvent struct {
	AdminAccountID   string            `json:"adminAccountId"`
	JobID            string            `json:"jobId"`
	EventType        string            `json:"eventType"`
	OccurredAt       string            `json:"occurredAt"`
	Description      string            `json:"description"`
	JobName          string            `json:"jobName"`
	Operation        string            `json:"operation,omitempty"`
	RunDate          string            `json:"runDate,omitempty"`
	AffectedAccount  string            `json:"affectedAccount,omitempty"`
	AffectedResource *affectedResource `json:"affectedResource,omitempty"`

	once string // names what happens once in the life of the job; "" if it may happen again
}

type affectedResource struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// eventTime writes a time as the records of events do.
func eventTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// A toldJob is whose events are told: a job and, unless RunID is empty, one of its runs.
type toldJob struct {
	store.Tenant
	JobID, Name, RunID string
	Started            time.Time // of the run
}

// jobOf is a job without a run.
func jobOf(t store.Tenant, row *store.Job) toldJob {
	return toldJob{Tenant: t, JobID: row.ID, Name: row.Name}
}

// runOf is a job with its latest run, if it has had one.
func runOf(t store.Tenant, row *store.Job) toldJob {
	j := jobOf(t, row)
	if row.RunKey != "" {
		j.RunID, j.Started = job.RunID(t, row.ID, row.RunKey), time.UnixMilli(wire.Value(row.LastRunAt))
	}
	return j
}

// told is the job of an active run.
func (j *activeJob) told() toldJob {
	return toldJob{Tenant: j.run.Tenant, JobID: j.run.JobID, Name: wire.Value(j.definition.Name), RunID: j.run.RunID, Started: j.started}
}

// tell writes events of a job in the transaction that makes them true, and hands those that are new to the outbox. What is told once and has been
// told before is passed over, so that work which is done again tells nothing again.
func (j toldJob) tell(ctx context.Context, tx store.Tx, outbox *publish.Outbox, now time.Time, events ...jobEvent) error {
	if len(events) == 0 {
		return nil
	}
	rows := make([]store.JobEvent, len(events))
	for i, e := range events {
		e.AdminAccountID, e.JobID, e.JobName, e.OccurredAt = j.Account, j.JobID, j.Name, eventTime(now)
		if j.RunID != "" {
			e.RunDate = eventTime(j.Started)
		}
		doc, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("event of job %s: %w", j.JobID, err)
		}
		rows[i] = store.JobEvent{JobID: j.JobID, RunID: j.RunID, Key: e.once, Type: e.EventType, OccurredAt: now.UnixMilli(), Doc: doc}
	}
	added, err := store.PutJobEvents(ctx, tx, j.Tenant, rows)
	if err != nil || !outbox.Takes(publish.JobLog) {
		return err
	}
	slices.SortFunc(added, func(a, b store.JobEvent) int { return cmp.Compare(a.Seq, b.Seq) })
	var out []publish.Event
	for _, e := range added {
		out = append(out, publish.Event{Kind: publish.JobLog, Subject: j.JobID, Time: now, Detail: e.Doc})
	}
	return outbox.Add(ctx, tx, j.Tenant, out...)
}

// once names an event that happens once in a run.
func (j toldJob) once(eventType, what string) string { return eventType + "/" + j.RunID + "/" + what }

// tell tells events of a job on behalf of a request or the schedule.
func (s *Service) tell(ctx context.Context, tx store.Tx, j toldJob, events ...jobEvent) error {
	return j.tell(ctx, tx, s.cfg.Outbox, s.cfg.Now(), events...)
}

// tellStarted tells that a run begins, before anything of it is told.
func (s *Service) tellStarted(ctx context.Context, tx store.Tx, t store.Tenant, row *store.Job) error {
	j := runOf(t, row)
	e := jobEvent{EventType: eventOneTimeStarted, Description: "The job began to run."}
	if isScheduled(row) {
		e = jobEvent{EventType: eventRunStarted, Description: "A scheduled run of the job began."}
	}
	e.once = j.once(e.EventType, "")
	return s.tell(ctx, tx, j, e)
}

// runEnded tells that a run is complete and, before, which buckets it could not list because what failed did not pass.
func (w *Worker) runEnded(ctx context.Context, tx store.Tx, row *store.Job, run job.Run, totals job.Totals) error {
	j := runOf(run.Tenant, row)
	e := jobEvent{EventType: eventJobCompleted, Description: "The job is complete. "}
	if isScheduled(row) {
		e = jobEvent{EventType: eventRunCompleted, Description: "A scheduled run of the job is complete. "}
	}
	if totals.Objects > 0 {
		e.Description += fmt.Sprintf("Objects: %d, of which %d could not be analysed; findings: %d.", totals.Objects, totals.Skipped, totals.Findings)
	} else {
		e.Description += "It looked at nothing: no object was there that it is about."
	}
	var events []jobEvent // not marked as happening once: the run is completed by this transaction, and by another if what failed is tried again
	for _, kind := range []string{selectShard, listShard} {
		for after := int64(0); ; {
			dead, err := job.DeadShards(ctx, tx, run.RunRef, kind, after, deadAtATime)
			if err != nil {
				return err
			}
			for _, d := range dead {
				after = d.ID
				if kind == selectShard {
					b := j.accountFailed(0, &source.Error{Kind: source.Unavailable, Op: operationBuckets})
					b.once = ""
					events = append(events, b)
					continue
				}
				b := j.bucketError(eventBucketUnavailable, d.Bucket, operationList,
					"The bucket could not be listed to its end, though it was tried again and again. A scheduled job tries it again with its next run.")
				b.once = ""
				events = append(events, b)
			}
			if len(dead) < deadAtATime {
				break
			}
		}
	}
	return j.tell(ctx, tx, w.cfg.Outbox, w.cfg.Now(), append(events, e)...)
}

func isScheduled(row *store.Job) bool { return row.Type == string(macie2.JobTypeScheduled) }

// deadAtATime is how many shards that failed for good are read at a time.
const deadAtATime = 500

// Operations of S3 that events name.
const (
	operationList    = "ListObjectsV2"
	operationBuckets = "ListBuckets"
)

func (j toldJob) bucketError(eventType, bucket, operation, description string) jobEvent {
	return jobEvent{EventType: eventType, Description: description, Operation: operation, AffectedAccount: j.Account,
		AffectedResource: &affectedResource{"S3_BUCKET_NAME", store.CleanText(bucket)}, once: j.once("BUCKET_ERROR", store.CleanText(bucket))}
}

// listFailed is the event of a bucket that cannot be listed.
func (j toldJob) listFailed(bucket string, err error) jobEvent {
	switch source.KindOf(err) {
	case source.AccessDenied:
		return j.bucketError(eventBucketDenied, bucket, operationList, "The bucket may not be listed. Its objects, or the rest of them, were not analysed.")
	case source.BucketNotFound:
		return j.bucketError(eventBucketGone, bucket, operationList, "The bucket does not exist, or no longer. Its objects were not analysed.")
	}
	return j.bucketError(eventBucketUnavailable, bucket, operationList,
		"The bucket could not be listed to its end: "+source.KindOf(err).String()+". Its objects, or the rest of them, were not analysed.")
}

// tellListFailed tells that a bucket cannot be listed, behind what was listed of it: all that lies before the cursor is dealt with.
func (w *Worker) tellListFailed(ctx context.Context, a *job.Attempt, j *activeJob, cursor []byte, err error) error {
	return a.Commit(ctx, cursor, job.Counters{}, func(tx store.Tx) error {
		return j.told().tell(ctx, tx, w.cfg.Outbox, w.cfg.Now(), j.told().listFailed(a.Bucket, err))
	})
}

// accountFailed is the event of a source whose buckets cannot be listed, the n-th of the account.
func (j toldJob) accountFailed(n int, err error) jobEvent {
	e := jobEvent{EventType: eventAccountDenied, Description: "The buckets of a source of the account may not be listed.",
		Operation: operationBuckets, AffectedAccount: j.Account}
	if source.KindOf(err) != source.AccessDenied {
		e.EventType = eventAccountUnavailable
		e.Description = "The buckets of a source of the account could not be listed: " + source.KindOf(err).String() + "."
	}
	e.once = j.once("ACCOUNT_ERROR", fmt.Sprint(n))
	return e
}

// tellSelected tells which buckets meet the criteria of a run, and which sources could not be asked for theirs.
func (w *Worker) tellSelected(ctx context.Context, tx store.Tx, j toldJob, rows []store.Bucket, failed []jobEvent) error {
	events := failed
	for i := range rows {
		e := j.bucketError(eventBucketMatched, rows[i].Name, "", "The bucket meets the criteria of the job.")
		e.once = j.once(eventBucketMatched, store.CleanText(rows[i].Name))
		events = append(events, e)
	}
	if len(rows) == 0 {
		events = append(events, jobEvent{EventType: eventNoBucketsMatched, once: j.once(eventNoBucketsMatched, ""),
			Description: "No bucket meets the criteria of the job: nothing is analysed."})
	}
	return j.tell(ctx, tx, w.cfg.Outbox, w.cfg.Now(), events...)
}

// allowListUnused is the event of an allow list that a run goes on without.
func (j toldJob) allowListUnused(id, why string) jobEvent {
	return jobEvent{EventType: eventAllowListUnused, once: j.once(eventAllowListUnused, id),
		Description: "The run goes on without the allow list " + id + ": " + why + "."}
}

// tellUnusedLists tells what a run goes on without. It changes nothing else, so the attempt stays where it is.
func (c *jobCache) tellUnusedLists(ctx context.Context, a *job.Attempt, j *activeJob) error {
	if len(j.unusedLists) == 0 {
		return nil
	}
	var events []jobEvent
	for _, id := range slices.Sorted(maps.Keys(j.unusedLists)) {
		events = append(events, j.told().allowListUnused(id, j.unusedLists[id]))
	}
	return a.Commit(ctx, a.Cursor, job.Counters{}, func(tx store.Tx) error {
		return j.told().tell(ctx, tx, c.cfg.Outbox, c.cfg.Now(), events...)
	})
}

// tellRetried tells that an operator has what was given up of the latest run tried again. It is done beside the servers, without their sinks.
func tellRetried(ctx context.Context, tx store.Tx, t store.Tenant, row *store.Job, parts int64, now time.Time) error {
	return runOf(t, row).tell(ctx, tx, nil, now, jobEvent{EventType: eventRetried,
		Description: fmt.Sprintf("An operator has %d parts of the run tried again that were given up.", parts)})
}
