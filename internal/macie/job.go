package macie

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// onlyRun is the run key of a one-time job.
const onlyRun = "one-time"

// errorBucket is the error code of a run in which a bucket could not be read.
const errorBucket = "BUCKET_ERROR"

// pausedFor is how long a job that was paused while it ran can be resumed.
const pausedFor = 30 * 24 * time.Hour

// Quotas of a job (macie.md 4.5).
const maxJobBuckets = 1000

// CreateClassificationJob makes a job and starts it. The same client token with the same request gives the same job again.
func (s *Service) CreateClassificationJob(ctx context.Context, in *macie2.CreateClassificationJobInput) (*macie2.CreateClassificationJobOutput, error) {
	if err := s.checkJob(ctx, in); err != nil {
		return nil, err
	}
	row := store.Job{
		ID:          s.cfg.NewID(),
		Name:        wire.Value(in.Name),
		Type:        string(in.JobType),
		Status:      string(macie2.JobStatusRunning),
		CreatedAt:   s.cfg.Now().UnixMilli(),
		ClientToken: wire.Value(in.ClientToken),
		Doc:         wire.Marshal(in),
	}
	row.LastRunAt = &row.CreatedAt
	sum := sha256.Sum256(row.Doc)
	row.RequestHash = sum[:]
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		switch earlier, err := store.JobByClientToken(ctx, tx, t, row.ClientToken); {
		case err == nil:
			if string(earlier.RequestHash) != string(row.RequestHash) {
				return wire.Errorf(wire.Conflict, "The clientToken was used for another job. Use a new one for a new job.").
					About("classification-job", earlier.ID)
			}
			row = earlier
			return nil
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		if err := store.CreateJob(ctx, tx, t, row); err != nil {
			return err
		}
		if err := store.PutTags(ctx, tx, t, jobARN(t, row.ID), in.Tags); err != nil {
			return err
		}
		_, _, err := s.cfg.Engine.StartRun(ctx, tx, t, row.ID, onlyRun, bucketShards(in)...)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.cfg.Engine.Wake()
	return &macie2.CreateClassificationJobOutput{
		JobArn: wire.Ptr(jobARN(tenant(ctx), row.ID)), JobId: wire.Ptr(row.ID),
	}, nil
}

// bucketShards returns a shard that lists each bucket of a job.
func bucketShards(in *macie2.CreateClassificationJobInput) []job.NewShard {
	var shards []job.NewShard
	seen := map[string]bool{}
	for _, d := range in.S3JobDefinition.BucketDefinitions {
		for _, b := range d.Buckets {
			if !seen[b] {
				seen[b] = true
				// Listing goes first, so that every worker soon has something to do and the job knows its size.
				shards = append(shards, job.NewShard{Key: "list/" + b, Kind: listShard, Bucket: b, Priority: job.PriorityHigh})
			}
		}
	}
	return shards
}

// checkJob refuses what the model cannot: rules between members, and what this version does not do.
func (s *Service) checkJob(ctx context.Context, in *macie2.CreateClassificationJobInput) error {
	invalid := func(format string, args ...any) error { return wire.Errorf(wire.Validation, format, args...) }
	notYet := func(what string) error {
		return invalid("This version of Magpie does not have %s in classification jobs yet.", what)
	}
	definition := in.S3JobDefinition
	percent := wire.ValueOr(in.SamplingPercentage, 100)
	switch {
	case in.JobType == macie2.JobTypeScheduled:
		return notYet("schedules (jobType SCHEDULED)")
	case in.ScheduleFrequency != nil:
		return invalid("scheduleFrequency goes with jobType SCHEDULED only")
	case wire.Value(in.InitialRun):
		return invalid("initialRun goes with jobType SCHEDULED only")
	case len(*in.Name) > 500:
		return invalid("name may have 500 characters at most")
	case len(wire.Value(in.Description)) > 200:
		return invalid("description may have 200 characters at most")
	case percent < 1 || percent > 100:
		return invalid("samplingPercentage must be from 1 to 100, not %d", percent)
	case len(in.CustomDataIdentifierIds) > 0:
		return notYet("custom data identifiers")
	case len(in.AllowListIds) > 0:
		return notYet("allow lists")
	case definition.BucketCriteria != nil && len(definition.BucketDefinitions) > 0:
		return invalid("s3JobDefinition holds bucketDefinitions or bucketCriteria, not both")
	case definition.BucketCriteria != nil:
		return notYet("bucket criteria")
	case len(definition.BucketDefinitions) == 0:
		return invalid("s3JobDefinition needs bucketDefinitions")
	case definition.Scoping != nil && (definition.Scoping.Includes != nil || definition.Scoping.Excludes != nil):
		return notYet("scoping by object properties")
	}
	buckets := 0
	for _, d := range definition.BucketDefinitions {
		if *d.AccountId != wire.CallerFrom(ctx).Account {
			return wire.Errorf(wire.AccessDenied, "Account %s is not associated with yours: a job can read the buckets of your own account only.", *d.AccountId)
		}
		buckets += len(d.Buckets)
	}
	if buckets == 0 || buckets > maxJobBuckets {
		return invalid("bucketDefinitions must name from 1 to %d buckets, not %d", maxJobBuckets, buckets)
	}
	_, err := selectIdentifiers(in.ManagedDataIdentifierSelector, in.ManagedDataIdentifierIds)
	return err
}

// DescribeClassificationJob tells everything about a job.
func (s *Service) DescribeClassificationJob(ctx context.Context, in *macie2.DescribeClassificationJobInput) (*macie2.DescribeClassificationJobOutput, error) {
	var out *macie2.DescribeClassificationJobOutput
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		row, err := jobRow(ctx, tx, t, *in.JobId)
		if err != nil {
			return err
		}
		ref := job.RunRef{Tenant: t, JobID: row.ID, RunID: job.RunID(t, row.ID, onlyRun)}
		run, err := job.GetRun(ctx, tx, ref)
		if err != nil {
			return err
		}
		totals, err := job.RunTotals(ctx, tx, ref)
		if err != nil {
			return err
		}
		arn := jobARN(t, row.ID)
		tags, err := store.Tags(ctx, tx, t, arn)
		if err != nil {
			return err
		}
		out, err = describe(row, run, totals, arn, tags)
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

func describe(row store.Job, run job.Run, totals job.Totals, arn string, tags map[string]string) (*macie2.DescribeClassificationJobOutput, error) {
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
		LastRunErrorStatus:            runErrorStatus(run),
		LastRunTime:                   wire.PtrTime(run.StartedAt),
		ManagedDataIdentifierIds:      in.ManagedDataIdentifierIds,
		ManagedDataIdentifierSelector: in.ManagedDataIdentifierSelector,
		Name:                          in.Name,
		S3JobDefinition:               in.S3JobDefinition,
		SamplingPercentage:            wire.Ptr(wire.ValueOr(in.SamplingPercentage, 100)),
		ScheduleFrequency:             in.ScheduleFrequency,
		Statistics: &macie2.Statistics{
			NumberOfRuns:                        wire.Ptr(1.0),
			ApproximateNumberOfObjectsToProcess: wire.Ptr(float64(totals.Listed - totals.Objects)),
		},
		Tags:              tags,
		UserPausedDetails: userPausedDetails(row),
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

// userPausedDetails returns nil unless the user has paused the job; clients expect all three members then.
func userPausedDetails(row store.Job) *macie2.UserPausedDetails {
	if row.Status != string(macie2.JobStatusUserPaused) || row.PausedAt == nil {
		return nil
	}
	paused := time.UnixMilli(*row.PausedAt)
	return &macie2.UserPausedDetails{
		JobPausedAt:                         wire.PtrTime(paused),
		JobExpiresAt:                        wire.PtrTime(paused.Add(pausedFor)),
		JobImminentExpirationHealthEventArn: wire.Ptr(""),
	}
}

// UpdateClassificationJob pauses, resumes or cancels a job.
func (s *Service) UpdateClassificationJob(ctx context.Context, in *macie2.UpdateClassificationJobInput) (*macie2.UpdateClassificationJobOutput, error) {
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		row, err := jobRow(ctx, tx, t, *in.JobId)
		if err != nil {
			return err
		}
		if err := s.checkTransition(ctx, row, in.JobStatus); err != nil {
			return err
		}
		run := job.RunRef{Tenant: t, JobID: row.ID, RunID: job.RunID(t, row.ID, onlyRun)}
		now := s.cfg.Now().UnixMilli()
		row.Status, row.PausedAt = string(in.JobStatus), nil
		change := s.cfg.Engine.CancelRun
		switch in.JobStatus {
		case macie2.JobStatusUserPaused:
			row.PausedAt, change = &now, s.cfg.Engine.PauseRun
		case macie2.JobStatusRunning:
			change = s.cfg.Engine.ResumeRun
		}
		if _, err := change(ctx, tx, run); err != nil {
			return err
		}
		return store.UpdateJob(ctx, tx, t, row)
	})
	if err != nil {
		return nil, err
	}
	s.cfg.Engine.Wake()
	return &macie2.UpdateClassificationJobOutput{}, nil
}

// checkTransition refuses a change of status that the state machine of macie.md 4.2 does not have. Clients match on the texts.
func (s *Service) checkTransition(ctx context.Context, row store.Job, to macie2.JobStatus) error {
	refuse := func(format string, args ...any) error {
		return wire.Errorf(wire.Validation, "Input validation failed, "+format, args...)
	}
	arn := jobARN(tenant(ctx), row.ID)
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

// RunFinished completes the job of a run, in the transaction that completes the run.
func (w *Worker) RunFinished(ctx context.Context, tx store.Tx, run job.Run, _ job.Totals) error {
	row, err := store.GetJob(ctx, tx, run.Tenant, run.JobID)
	if err != nil {
		return err
	}
	row.Status = string(macie2.JobStatusComplete)
	return store.UpdateJob(ctx, tx, run.Tenant, row)
}

// ListClassificationJobs lists jobs, newest first unless asked otherwise.
func (s *Service) ListClassificationJobs(ctx context.Context, in *macie2.ListClassificationJobsInput) (*macie2.ListClassificationJobsOutput, error) {
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
	run, err := job.GetRun(ctx, tx, job.RunRef{Tenant: t, JobID: row.ID, RunID: job.RunID(t, row.ID, onlyRun)})
	if err != nil {
		return macie2.JobSummary{}, err
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
