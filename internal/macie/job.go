package macie

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// onlyRun is the run key of a one-time job.
const onlyRun = "one-time"

// errorBucket is the error code of a run in which a bucket could not be read.
const errorBucket = "BUCKET_ERROR"

// errorAccount is that of a run that could not list the buckets of a source.
const errorAccount = "ACCOUNT_ERROR"

// pausedFor is how long a job that was paused while it ran can be resumed; then it is cancelled (macie.md 4.2).
const pausedFor = 30 * 24 * time.Hour

// Bounds of a job's members (macie.md 4.1, 4.5, 11.2). Bucket names once had up to 255 characters in us-east-1.
const (
	maxJobName              = 500
	maxJobDescription       = 200
	maxJobBuckets           = 1000
	maxBucketName           = 255
	maxJobCustomIdentifiers = 30
	maxJobAllowLists        = 10
)

// latestRun names the latest run of a job that has had one.
func latestRun(t store.Tenant, row store.Job) job.RunRef {
	return job.RunRef{Tenant: t, JobID: row.ID, RunID: job.RunID(t, row.ID, row.RunKey)}
}

// CreateClassificationJob makes a job and starts it, or lets it wait until its first run is due. The same client token with the same request
// gives the same job again.
func (s *Service) CreateClassificationJob(ctx context.Context, in *macie2.CreateClassificationJobInput) (*macie2.CreateClassificationJobOutput, error) {
	if err := checkJob(wire.CallerFrom(ctx).Account, in); err != nil {
		return nil, err
	}
	row := store.Job{
		ID:          s.cfg.NewID(),
		Name:        *in.Name,
		Type:        string(in.JobType),
		Status:      string(macie2.JobStatusIdle),
		CreatedAt:   s.cfg.Now().UnixMilli(),
		ClientToken: *in.ClientToken,
		Doc:         wire.Marshal(in),
	}
	sum := sha256.Sum256(row.Doc)
	row.RequestHash = sum[:]
	id, err := s.createJob(ctx, in, row)
	if errors.Is(err, store.ErrConflict) { // another request with the token was quicker
		id, err = s.createJob(ctx, in, row)
	}
	if err != nil {
		return nil, err
	}
	s.cfg.Engine.Wake()
	return &macie2.CreateClassificationJobOutput{JobArn: wire.Ptr(jobARN(tenant(ctx), id)), JobId: wire.Ptr(id)}, nil
}

// createJob stores and starts a job and returns its id, or the id of the job that an earlier request of the same contents made.
func (s *Service) createJob(ctx context.Context, in *macie2.CreateClassificationJobInput, row store.Job) (id string, err error) {
	err = s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		id = row.ID
		switch earlier, err := store.JobByClientToken(ctx, tx, t, row.ClientToken); {
		case err == nil && !bytes.Equal(earlier.RequestHash, row.RequestHash):
			return wire.Errorf(wire.Conflict, "The clientToken was used for another job. Use a new one for a new job.").
				About("classification-job", earlier.ID)
		case err == nil:
			id = earlier.ID
			return nil
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		if row, err := session(ctx, tx, t); err != nil {
			return err
		} else if row.Status != string(macie2.MacieStatusEnabled) {
			return wire.Errorf(wire.Conflict, "Macie is suspended. Resume it with UpdateMacieSession before creating a job.").About("session", t.String())
		}
		if err := jobRefersTo(ctx, tx, t, in); err != nil {
			return err
		}
		if err := store.CreateJob(ctx, tx, t, row); err != nil {
			return err
		}
		if err := store.PutTags(ctx, tx, t, jobARN(t, row.ID), in.Tags); err != nil {
			return err
		}
		if err := s.tell(ctx, tx, jobOf(t, &row), jobEvent{EventType: eventJobCreated, Description: "The job was created.", once: eventJobCreated}); err != nil {
			return err
		}
		row := row // the transaction may be repeated
		if in.JobType == macie2.JobTypeOneTime {
			return s.startRun(ctx, tx, t, &row, in, onlyRun)
		}
		plan, err := s.schedule(row, in)
		if err != nil {
			return err
		}
		return s.schedules(ctx, tx, t, &row, in, plan)
	})
	return id, err
}

// startRun starts a run of a job under a key, and stores the job.
func (s *Service) startRun(ctx context.Context, tx store.Tx, t store.Tenant, row *store.Job, in *macie2.CreateClassificationJobInput, key string) error {
	now := s.cfg.Now().UnixMilli()
	row.Status, row.RunKey, row.LastRunAt = string(macie2.JobStatusRunning), key, &now
	if err := store.UpdateJob(ctx, tx, t, *row); err != nil {
		return err
	}
	if err := s.tellStarted(ctx, tx, t, row); err != nil {
		return err
	}
	_, _, err := s.cfg.Engine.StartRun(ctx, tx, t, row.ID, key, firstShards(in)...)
	return err
}

// firstShards returns the shards that a run begins with: one that lists each bucket, or one that finds out which buckets meet the criteria.
func firstShards(in *macie2.CreateClassificationJobInput) []job.NewShard {
	if in.S3JobDefinition.BucketCriteria != nil {
		return []job.NewShard{{Key: "select", Kind: selectShard, Priority: job.PriorityHigh}}
	}
	var shards []job.NewShard
	for _, b := range namedBuckets(in) {
		shards = append(shards, listingOf(b))
	}
	return shards
}

// listingOf is the shard that lists a bucket. Listing goes first, so that every worker soon has something to do and the job knows its size.
func listingOf(bucket string) job.NewShard {
	return job.NewShard{Key: "list/" + bucket, Kind: listShard, Bucket: bucket, Priority: job.PriorityHigh}
}

// namedBuckets returns the buckets that a job's definition names, each once.
func namedBuckets(in *macie2.CreateClassificationJobInput) []string {
	var names []string
	for _, d := range in.S3JobDefinition.BucketDefinitions {
		names = append(names, d.Buckets...)
	}
	return distinct(names)
}

// checkJob refuses what the model cannot: rules between members (macie.md 4.1), and what this version does not do.
func checkJob(account string, in *macie2.CreateClassificationJobInput) error {
	percent := wire.ValueOr(in.SamplingPercentage, 100)
	switch {
	case *in.ClientToken == "":
		return invalid("clientToken must not be empty")
	case *in.Name == "" || utf8.RuneCountInString(*in.Name) > maxJobName:
		return invalid("name must have from 1 to %d characters", maxJobName)
	case utf8.RuneCountInString(wire.Value(in.Description)) > maxJobDescription:
		return invalid("description may have %d characters at most", maxJobDescription)
	case in.JobType != macie2.JobTypeScheduled && in.ScheduleFrequency != nil:
		return invalid("scheduleFrequency goes with jobType SCHEDULED only")
	case in.JobType != macie2.JobTypeScheduled && wire.Value(in.InitialRun):
		return invalid("initialRun goes with jobType SCHEDULED only")
	case percent < 1 || percent > 100:
		return invalid("samplingPercentage must be from 1 to 100, not %d", percent)
	case len(in.CustomDataIdentifierIds) > maxJobCustomIdentifiers:
		return invalid("customDataIdentifierIds may hold %d ids at most, not %d", maxJobCustomIdentifiers, len(in.CustomDataIdentifierIds))
	case len(in.AllowListIds) > maxJobAllowLists:
		return invalid("allowListIds may hold %d ids at most, not %d", maxJobAllowLists, len(in.AllowListIds))
	}
	if in.JobType == macie2.JobTypeScheduled {
		if _, err := newSchedule(in.ScheduleFrequency, time.Time{}, false); err != nil {
			return err
		}
	}
	if err := checkTags(in.Tags); err != nil {
		return err
	}
	if err := checkDefinition(account, in.S3JobDefinition); err != nil {
		return err
	}
	_, err := selectIdentifiers(in.ManagedDataIdentifierSelector, in.ManagedDataIdentifierIds, len(in.CustomDataIdentifierIds) > 0)
	return err
}

// jobRefersTo holds the ids that a new job names to what the tenant has, and keeps that from being deleted before the job is there. The quota
// of each kind of allow list is also that of a job, so that a job cannot have too many of one kind.
func jobRefersTo(ctx context.Context, tx store.Tx, t store.Tenant, in *macie2.CreateClassificationJobInput) error {
	for _, id := range in.CustomDataIdentifierIds {
		switch row, err := store.GetCustomIdentifier(ctx, tx, t, id); {
		case errors.Is(err, store.ErrNotFound):
			return invalid("customDataIdentifierIds: there is no custom data identifier %q; ListCustomDataIdentifiers names those that there are", id)
		case err != nil:
			return err
		case row.DeletedAt != nil:
			return invalid("customDataIdentifierIds: the custom data identifier %q is deleted; a new job cannot use it", id)
		}
	}
	if len(in.AllowListIds) == 0 {
		return nil
	}
	if err := store.Exclusive(ctx, tx, t, allowListsLock); err != nil {
		return err
	}
	for _, id := range in.AllowListIds {
		if _, err := store.GetAllowList(ctx, tx, t, id); errors.Is(err, store.ErrNotFound) {
			return invalid("allowListIds: there is no allow list %q; ListAllowLists names those that there are", id)
		} else if err != nil {
			return err
		}
	}
	return nil
}

func invalid(format string, args ...any) error {
	return wire.Errorf(wire.Validation, format, args...)
}

// checkDefinition holds the choice of buckets and objects to macie.md 4.5 and 4.6.
func checkDefinition(account string, d *macie2.S3JobDefinition) error {
	if _, err := newObjectScope(d.Scoping); err != nil {
		return err
	}
	if d.BucketCriteria != nil {
		if len(d.BucketDefinitions) > 0 {
			return invalid("s3JobDefinition holds bucketDefinitions or bucketCriteria, not both")
		}
		_, err := newBucketSelection(d.BucketCriteria)
		return err
	}
	buckets := 0
	for _, definition := range d.BucketDefinitions {
		if *definition.AccountId != account {
			return wire.Errorf(wire.AccessDenied, "Account %q is not associated with yours: a job can read the buckets of your own account only.",
				*definition.AccountId)
		}
		for _, b := range definition.Buckets {
			if b == "" || len(b) > maxBucketName || store.CleanText(b) != b {
				return invalid("bucketDefinitions: %q is no name of a bucket", b)
			}
		}
		buckets += len(definition.Buckets)
	}
	if buckets == 0 || buckets > maxJobBuckets {
		return invalid("s3JobDefinition.bucketDefinitions must name from 1 to %d buckets, not %d", maxJobBuckets, buckets)
	}
	return nil
}

// DescribeClassificationJob tells everything about a job.
func (s *Service) DescribeClassificationJob(ctx context.Context, in *macie2.DescribeClassificationJobInput) (*macie2.DescribeClassificationJobOutput, error) {
	if err := s.expireJobs(ctx); err != nil {
		return nil, err
	}
	var out *macie2.DescribeClassificationJobOutput
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		row, err := jobRow(ctx, tx, t, *in.JobId)
		if err != nil {
			return err
		}
		runs, err := runsOf(ctx, tx, t, row)
		if err != nil {
			return err
		}
		arn := jobARN(t, row.ID)
		tags, err := store.Tags(ctx, tx, t, arn)
		if err != nil {
			return err
		}
		out, err = describe(row, runs, arn, tags)
		return err
	})
	return out, err
}

func jobRow(ctx context.Context, tx store.Tx, t store.Tenant, id string) (store.Job, error) {
	row, err := store.GetJob(ctx, tx, t, id)
	if errors.Is(err, store.ErrNotFound) {
		return store.Job{}, wire.Errorf(wire.NotFound, "The request failed because the specified job does not exist.").About("classification-job", id)
	}
	return row, err
}

// jobRuns is what is told of the runs of a job.
type jobRuns struct {
	latest job.Run    // the zero value before the first
	totals job.Totals // of the latest
	count  int64
	// ahead is about how many objects the latest is still to process, listing how many of its buckets are not listed to their end.
	ahead, listing int64
}

func runsOf(ctx context.Context, tx store.Tx, t store.Tenant, row store.Job) (runs jobRuns, err error) {
	if row.RunKey == "" {
		return runs, nil
	}
	ref := latestRun(t, row)
	if runs.latest, err = job.GetRun(ctx, tx, ref); err != nil {
		return runs, err
	}
	if runs.totals, err = job.RunTotals(ctx, tx, ref); err != nil {
		return runs, err
	}
	if runs.ahead, runs.listing, err = ahead(ctx, tx, &row, runs.latest, runs.totals); err != nil {
		return runs, err
	}
	runs.count, err = job.RunCount(ctx, tx, t, row.ID)
	return runs, err
}

// lastRunTime is when the latest run began; before any run it is when the job was made (macie.md 4.3).
func lastRunTime(row store.Job) *wire.Time {
	if row.LastRunAt == nil {
		return wire.Ptr(wire.Time(row.CreatedAt))
	}
	return wire.Ptr(wire.Time(*row.LastRunAt))
}

func describe(row store.Job, runs jobRuns, arn string, tags map[string]string) (*macie2.DescribeClassificationJobOutput, error) {
	in := &macie2.CreateClassificationJobInput{}
	if err := wire.Unmarshal(row.Doc, in); err != nil {
		return nil, fmt.Errorf("job %s is damaged: %w", row.ID, err)
	}
	out := &macie2.DescribeClassificationJobOutput{
		AllowListIds:                  in.AllowListIds,
		ClientToken:                   in.ClientToken,
		CreatedAt:                     wire.Ptr(wire.Time(row.CreatedAt)),
		CustomDataIdentifierIds:       in.CustomDataIdentifierIds,
		Description:                   in.Description,
		InitialRun:                    wire.Ptr(wire.Value(in.InitialRun)),
		JobArn:                        wire.Ptr(arn),
		JobId:                         wire.Ptr(row.ID),
		JobStatus:                     macie2.JobStatus(row.Status),
		JobType:                       in.JobType,
		LastRunErrorStatus:            runErrorStatus(runs.latest),
		LastRunTime:                   lastRunTime(row),
		ManagedDataIdentifierIds:      in.ManagedDataIdentifierIds,
		ManagedDataIdentifierSelector: in.ManagedDataIdentifierSelector,
		Name:                          in.Name,
		S3JobDefinition:               in.S3JobDefinition,
		SamplingPercentage:            wire.Ptr(wire.ValueOr(in.SamplingPercentage, 100)),
		ScheduleFrequency:             in.ScheduleFrequency,
		Statistics: &macie2.Statistics{
			NumberOfRuns:                        wire.Ptr(float64(runs.count)),
			ApproximateNumberOfObjectsToProcess: wire.Ptr(float64(runs.ahead)),
		},
		Tags:              tags,
		UserPausedDetails: userPausedDetails(row),
	}
	if len(tags) == 0 {
		out.Tags = nil // none were sent
	}
	if out.ManagedDataIdentifierSelector == "" {
		out.ManagedDataIdentifierSelector = macie2.ManagedDataIdentifierSelectorRecommended
	}
	return out, nil
}

func runErrorStatus(run job.Run) *macie2.LastRunErrorStatus {
	if run.ErrorCode != "" {
		return &macie2.LastRunErrorStatus{Code: macie2.LastRunErrorStatusCodeError}
	}
	return &macie2.LastRunErrorStatus{Code: macie2.LastRunErrorStatusCodeNone}
}

// userPausedDetails returns nil unless the user has paused the job in mid-run; clients expect all three members then.
func userPausedDetails(row store.Job) *macie2.UserPausedDetails {
	if row.Status != string(macie2.JobStatusUserPaused) || row.PausedAt == nil {
		return nil
	}
	return &macie2.UserPausedDetails{
		JobPausedAt:                         wire.Ptr(wire.Time(*row.PausedAt)),
		JobExpiresAt:                        wire.PtrTime(pausedUntil(*row.PausedAt)),
		JobImminentExpirationHealthEventArn: wire.Ptr(""),
	}
}

// UpdateClassificationJob pauses, resumes or cancels a job.
func (s *Service) UpdateClassificationJob(ctx context.Context, in *macie2.UpdateClassificationJobInput) (*macie2.UpdateClassificationJobOutput, error) {
	if err := s.expireJobs(ctx); err != nil {
		return nil, err
	}
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		row, err := jobRow(ctx, tx, t, *in.JobId)
		if err != nil {
			return err
		}
		if err := checkTransition(t, row, in.JobStatus); err != nil {
			return err
		}
		if in.JobStatus == macie2.JobStatusCancelled {
			return s.cancelJob(ctx, tx, t, row, "A user cancelled the job.")
		}
		if in.JobStatus == macie2.JobStatusUserPaused {
			return s.pauseJob(ctx, tx, t, row)
		}
		return s.resumeJob(ctx, tx, t, row)
	})
	if err != nil {
		return nil, err
	}
	s.cfg.Engine.Wake()
	return &macie2.UpdateClassificationJobOutput{}, nil
}

// pauseJob pauses a job and its run, if there is one under way: only then does the pause expire.
func (s *Service) pauseJob(ctx context.Context, tx store.Tx, t store.Tenant, row store.Job) error {
	paused := false
	if row.RunKey != "" {
		var err error
		if paused, err = s.cfg.Engine.PauseRun(ctx, tx, latestRun(t, row)); err != nil {
			return err
		}
	}
	row.Status = string(macie2.JobStatusUserPaused)
	if paused {
		now := s.cfg.Now().UnixMilli()
		row.PausedAt = &now
	}
	if err := store.UpdateJob(ctx, tx, t, row); err != nil {
		return err
	}
	return s.tell(ctx, tx, runOf(t, &row), jobEvent{EventType: eventJobPaused, Description: "A user paused the job."})
}

// resumeJob lets a paused job go on: its run where it stopped or, if it was idle or its run has expired, its schedule.
func (s *Service) resumeJob(ctx context.Context, tx store.Tx, t store.Tenant, row store.Job) error {
	resumed := false
	if row.RunKey != "" {
		var err error
		if resumed, err = s.cfg.Engine.ResumeRun(ctx, tx, latestRun(t, row)); err != nil {
			return err
		}
	}
	row.Status, row.PausedAt = string(macie2.JobStatusIdle), nil
	if resumed {
		row.Status = string(macie2.JobStatusRunning)
	}
	if err := store.UpdateJob(ctx, tx, t, row); err != nil {
		return err
	}
	return s.tell(ctx, tx, runOf(t, &row), jobEvent{EventType: eventJobResumed, Description: "A user resumed the job."})
}

// cancelRun cancels the run of a job, if there is one under way.
func (s *Service) cancelRun(ctx context.Context, tx store.Tx, t store.Tenant, row store.Job) error {
	if row.RunKey == "" {
		return nil
	}
	_, err := s.cfg.Engine.CancelRun(ctx, tx, latestRun(t, row))
	return err
}

// cancelJob cancels a job that is not over, for good. Why is told in a sentence.
func (s *Service) cancelJob(ctx context.Context, tx store.Tx, t store.Tenant, row store.Job, why string) error {
	if err := s.cancelRun(ctx, tx, t, row); err != nil {
		return err
	}
	row.Status, row.PausedAt, row.NextRunAt = string(macie2.JobStatusCancelled), nil, nil
	if err := store.UpdateJob(ctx, tx, t, row); err != nil {
		return err
	}
	return s.tell(ctx, tx, runOf(t, &row), jobEvent{EventType: eventJobCancelled, Description: why, once: eventJobCancelled})
}

// pauseExpired says whether a job was paused in mid-run too long ago.
func (s *Service) pauseExpired(row store.Job) bool {
	return row.Status == string(macie2.JobStatusUserPaused) && row.PausedAt != nil && !s.cfg.Now().Before(pausedUntil(*row.PausedAt))
}

// expirePause ends what was paused too long ago: a one-time job, or the run of a scheduled one, which stays paused (macie.md 4.2).
func (s *Service) expirePause(ctx context.Context, tx store.Tx, t store.Tenant, row store.Job) error {
	if !isScheduled(&row) {
		return s.cancelJob(ctx, tx, t, row, "The job was paused for 30 days and has expired.")
	}
	if err := s.cancelRun(ctx, tx, t, row); err != nil {
		return err
	}
	row.PausedAt = nil
	if err := store.UpdateJob(ctx, tx, t, row); err != nil {
		return err
	}
	e := jobEvent{EventType: eventRunCancelled, Description: "The job was paused for 30 days: its run has expired. The job stays paused."}
	e.once = runOf(t, &row).once(e.EventType, "")
	return s.tell(ctx, tx, runOf(t, &row), e)
}

// expireJobs ends what users paused too long ago. It is called before jobs are looked at, so that nobody sees one that should have been
// cancelled; the scheduler does the same for all tenants.
func (s *Service) expireJobs(ctx context.Context) error {
	var active []store.Job
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) (err error) {
		active, err = store.ActiveJobs(ctx, tx, t)
		return err
	})
	if err != nil || !slices.ContainsFunc(active, s.pauseExpired) {
		return err
	}
	return s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		active, err := store.ActiveJobs(ctx, tx, t)
		if err != nil {
			return err
		}
		for _, row := range active {
			if !s.pauseExpired(row) {
				continue
			}
			if err := s.expirePause(ctx, tx, t, row); err != nil {
				return err
			}
		}
		return nil
	})
}

func pausedUntil(pausedAt int64) time.Time { return time.UnixMilli(pausedAt).Add(pausedFor) }

// checkTransition refuses a change of status that the state machine of macie.md 4.2 does not have. Clients match on the texts.
func checkTransition(t store.Tenant, row store.Job, to macie2.JobStatus) error {
	refuse := func(format string, args ...any) error {
		return wire.Errorf(wire.Validation, "Input validation failed, "+format, args...)
	}
	arn := jobARN(t, row.ID)
	from := macie2.JobStatus(row.Status)
	switch {
	case from == macie2.JobStatusCancelled:
		return refuse("cannot update cancelled job for job: %s", arn)
	case from == macie2.JobStatusComplete:
		return refuse("cannot update completed job for job: %s", arn)
	case to == macie2.JobStatusCancelled:
		return nil
	case to == macie2.JobStatusUserPaused && from != macie2.JobStatusUserPaused:
		return nil
	case to == macie2.JobStatusRunning && from == macie2.JobStatusUserPaused:
		return nil
	default:
		return refuse("cannot update job from %s to %s for job: %s", from, to, arn)
	}
}

// RunFinished completes the job of a run, in the transaction that completes the run; a scheduled job waits for its next one.
func (w *Worker) RunFinished(ctx context.Context, tx store.Tx, run job.Run, totals job.Totals) error {
	if run.JobID == discoveryJob {
		w.jobs.drop(run.RunRef)
		return nil
	}
	row, err := store.GetJob(ctx, tx, run.Tenant, run.JobID)
	if err != nil {
		return err
	}
	row.Status = string(macie2.JobStatusComplete)
	if isScheduled(&row) {
		row.Status = string(macie2.JobStatusIdle)
		unread, err := job.DeadBuckets(ctx, tx, run.RunRef)
		if err != nil {
			return err
		}
		if err := store.CoverBuckets(ctx, tx, run.Tenant, run.JobID, wire.Value(row.LastRunAt), unread); err != nil {
			return err
		}
	}
	w.jobs.drop(run.RunRef)
	given, err := w.giveUpLarge(ctx, tx, run.RunRef)
	if err != nil {
		return err
	}
	totals.Objects, totals.Skipped = totals.Objects+given.Objects, totals.Skipped+given.Skipped
	if err := store.UpdateJob(ctx, tx, run.Tenant, row); err != nil {
		return err
	}
	return w.runEnded(ctx, tx, &row, run, totals)
}

// ListClassificationJobs lists jobs, newest first unless asked otherwise.
func (s *Service) ListClassificationJobs(ctx context.Context, in *macie2.ListClassificationJobsInput) (*macie2.ListClassificationJobsOutput, error) {
	if err := s.expireJobs(ctx); err != nil {
		return nil, err
	}
	query, err := jobQuery(in)
	if err != nil {
		return nil, err
	}
	if query.After, err = s.cfg.Tokens.Open(wire.CallerFrom(ctx), in); err != nil {
		return nil, err
	}
	out := &macie2.ListClassificationJobsOutput{Items: []macie2.JobSummary{}}
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		rows, next, err := store.ListJobs(ctx, tx, t, query)
		if err != nil {
			return err
		}
		for _, row := range rows {
			summary, err := jobSummary(ctx, tx, t, row)
			if err != nil {
				return err
			}
			out.Items = append(out.Items, summary)
		}
		out.NextToken = s.nextToken(ctx, in, next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func jobSummary(ctx context.Context, tx store.Tx, t store.Tenant, row store.Job) (macie2.JobSummary, error) {
	in := &macie2.CreateClassificationJobInput{}
	if err := wire.Unmarshal(row.Doc, in); err != nil {
		return macie2.JobSummary{}, fmt.Errorf("job %s is damaged: %w", row.ID, err)
	}
	var run job.Run
	if row.RunKey != "" {
		var err error
		if run, err = job.GetRun(ctx, tx, latestRun(t, row)); err != nil {
			return macie2.JobSummary{}, err
		}
	}
	return macie2.JobSummary{
		BucketCriteria:     in.S3JobDefinition.BucketCriteria,
		BucketDefinitions:  in.S3JobDefinition.BucketDefinitions,
		CreatedAt:          wire.Ptr(wire.Time(row.CreatedAt)),
		JobId:              wire.Ptr(row.ID),
		JobStatus:          macie2.JobStatus(row.Status),
		JobType:            in.JobType,
		LastRunErrorStatus: runErrorStatus(run),
		Name:               in.Name,
		UserPausedDetails:  userPausedDetails(row),
	}, nil
}
