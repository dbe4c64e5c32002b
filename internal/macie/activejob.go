package macie

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/custom"
	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/publish"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// An activeJob is what a worker needs of a job to work on one of its runs. Jobs do not change but for their status, so it is made once.
type activeJob struct {
	run        job.RunRef
	definition *macie2.CreateClassificationJobInput
	started    time.Time // of the run
	scope      objectScope
	selection  bucketSelection
	outbox     *publish.Outbox
	classifier *classify.Classifier
	rules      string // names the identifiers that the job looks for, and their version
	ledger     *jobLedger
	// What the job looks for, by id.
	managed     map[string]*detect.Identifier
	definitions map[string]*custom.Definition

	unusedLists map[string]string // allow lists of the job that the run goes on without, by id: why

	exporting bool                                // there was somewhere to write results to when the work on the run began here
	automated bool                                // it is a cycle of automated discovery
	levels    map[string]func(int64) detect.Level // of automated discovery: id or ARN of an identifier -> its severity at a count

	constant       sync.Once // of the next two
	partition, arn string

	buckets sync.Map // bucket name -> *macie2.S3Bucket, as known when the run met it
	read    sync.Map // source.Driver -> map[string]bool: the buckets of its inventory, which was read for this run
}

// A jobCache keeps the active jobs of the runs that this process works on, the last few.
type jobCache struct {
	cfg WorkerConfig

	mu     sync.Mutex
	active []*cachedJob
}

// A cachedJob is a place in the cache. Whoever comes first makes the job, while others wait for it.
type cachedJob struct {
	run job.RunRef

	mu   sync.Mutex
	made *activeJob
}

// activeJobs is how many runs' jobs are kept: more runs than this at a time in one process cost a read now and then.
const activeJobs = 32

func (c *jobCache) get(ctx context.Context, a *job.Attempt) (*activeJob, error) {
	place := c.place(a.Run)
	place.mu.Lock()
	defer place.mu.Unlock()
	if place.made == nil {
		made, err := c.read(ctx, a)
		if err != nil {
			return nil, err
		}
		place.made = made
	}
	return place.made, nil
}

func (c *jobCache) place(run job.RunRef) *cachedJob {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range c.active {
		if j.run == run {
			return j
		}
	}
	j := &cachedJob{run: run}
	c.active = append(c.active, j)
	if len(c.active) > activeJobs {
		c.active = slices.Clone(c.active[1:])
	}
	return j
}

// drop forgets the job of a run that is over, and with it the allow lists that were read for the run.
func (c *jobCache) drop(run job.RunRef) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active = slices.DeleteFunc(c.active, func(j *cachedJob) bool { return j.run == run })
}

// read makes the active job of an attempt's run. Runs that are over meanwhile, wherever they ended, give up their places.
func (c *jobCache) read(ctx context.Context, a *job.Attempt) (*activeJob, error) {
	c.mu.Lock()
	others := slices.Clone(c.active)
	c.mu.Unlock()
	run := a.Run
	definition := &macie2.CreateClassificationJobInput{}
	var looksFor []*custom.Definition
	var lists []allowList
	var deleted []string // allow lists
	var over []job.RunRef
	var started time.Time
	err := c.cfg.DB.View(ctx, func(tx store.Tx) error {
		looksFor, lists, deleted, over = nil, nil, nil, nil
		row, err := store.GetJob(ctx, tx, run.Tenant, run.JobID)
		if err != nil {
			return err
		}
		if err := wire.Unmarshal(row.Doc, definition); err != nil {
			return job.Permanent(fmt.Errorf("it is damaged: %w", err))
		}
		if row.LastRunAt != nil {
			started = time.UnixMilli(*row.LastRunAt)
		}
		if looksFor, err = customDefinitions(ctx, tx, run.Tenant, definition.CustomDataIdentifierIds); err != nil {
			return err
		}
		for _, id := range distinct(definition.AllowListIds) {
			row, err := store.GetAllowList(ctx, tx, run.Tenant, id)
			if errors.Is(err, store.ErrNotFound) {
				deleted = append(deleted, id)
				continue
			} else if err != nil {
				return err
			}
			list, err := readAllowList(row)
			if err != nil {
				return job.Permanent(err)
			}
			lists = append(lists, list)
		}
		for _, other := range others {
			if r, err := job.GetRun(ctx, tx, other.run); errors.Is(err, store.ErrNotFound) ||
				err == nil && (r.State == job.RunComplete || r.State == job.RunCancelled) {
				over = append(over, other.run)
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read job %s: %w", run.JobID, err)
	}
	for _, r := range over {
		c.drop(r)
	}
	for _, id := range deleted {
		a.Log().Warn("an allow list of the job is deleted; the run goes on without it", "allow_list", id)
	}
	j, err := c.make(ctx, a, definition, looksFor, lists)
	if err != nil {
		return nil, err
	}
	j.started = started
	for _, id := range deleted {
		j.unusedLists[id] = "it is deleted"
	}
	return j, c.tellUnusedLists(ctx, a, j)
}

// customDefinitions returns what custom data identifiers look for, also those that were deleted since the job was made with them.
func customDefinitions(ctx context.Context, tx store.Tx, t store.Tenant, ids []string) ([]*custom.Definition, error) {
	var out []*custom.Definition
	for _, id := range distinct(ids) {
		row, err := store.GetCustomIdentifier(ctx, tx, t, id)
		if err != nil {
			return nil, fmt.Errorf("custom data identifier %s: %w", id, err)
		}
		made, err := readCustomIdentifier(row)
		if err != nil {
			return nil, job.Permanent(err)
		}
		out = append(out, customDefinition(id, customIdentifierARN(t, id), made))
	}
	return out, nil
}

func (c *jobCache) make(ctx context.Context, a *job.Attempt, definition *macie2.CreateClassificationJobInput, looksFor []*custom.Definition,
	lists []allowList) (*activeJob, error) {
	fail := func(err error) (*activeJob, error) {
		return nil, job.Permanent(fmt.Errorf("job %s: %w", a.Run.JobID, err))
	}
	identifiers, err := selectIdentifiers(definition.ManagedDataIdentifierSelector, definition.ManagedDataIdentifierIds, len(looksFor) > 0)
	if err != nil {
		return fail(err)
	}
	engine, err := detect.New(detect.Options{Identifiers: identifiers})
	if err != nil {
		return fail(err)
	}
	scope, err := newObjectScope(definition.S3JobDefinition.Scoping)
	if err != nil {
		return fail(err)
	}
	selection, err := newBucketSelection(definition.S3JobDefinition.BucketCriteria)
	if err != nil {
		return fail(err)
	}
	classifier := &classify.Classifier{Extractor: c.cfg.Extractor, Engine: engine}
	if len(looksFor) > 0 {
		if classifier.Custom, err = custom.New(looksFor); err != nil {
			return fail(err)
		}
	}
	var digests [][]byte
	unused := map[string]string{}
	for _, l := range lists {
		list, digest, err := readAllowed(ctx, c.cfg.Sources, a.Run.Tenant, l.made.Criteria)
		switch {
		case err == nil:
			classifier.Allow, digests = append(classifier.Allow, list), append(digests, digest)
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case source.KindOf(err) == source.Unavailable && a.Failures < patienceForLists:
			return nil, err // it may pass
		default:
			code, text := allowListProblem(err)
			unused[l.row.ID] = text
			a.Log().Warn("an allow list of the job cannot be used; the run goes on without it", "allow_list", l.row.ID, "status", string(code),
				"reason", text, "error", err.Error())
		}
	}
	j := &activeJob{run: a.Run, outbox: c.cfg.Outbox, definition: definition, scope: scope, selection: selection, classifier: classifier,
		managed: map[string]*detect.Identifier{}, definitions: map[string]*custom.Definition{}, unusedLists: unused}
	for _, id := range identifiers {
		j.managed[id.ID] = id
	}
	for _, d := range looksFor {
		j.definitions[d.ID] = d
	}
	err = c.cfg.DB.View(ctx, func(tx store.Tx) error {
		d, err := exportDestination(ctx, tx, a.Run.Tenant)
		j.exporting = d != nil
		return err
	})
	if err != nil {
		return nil, err
	}
	j.ledger = &jobLedger{db: c.cfg.DB, tenant: a.Run.Tenant, rules: rulesOf(identifiers, looksFor, digests, c.cfg.Extractor.Limits)}
	_, j.rules = j.ledger.rules.document()
	return j, nil
}

// patienceForLists is after how many failures in a row a run goes on without an allow list whose source stays away.
const patienceForLists = 3

// samples says whether the job's sample holds the object: always the same answer for the same job and key.
func (j *activeJob) samples(key string) bool {
	percent := wire.ValueOr(j.definition.SamplingPercentage, 100)
	if percent >= 100 {
		return true
	}
	sum := sha256.Sum256(append([]byte(j.run.JobID+"\x00"+j.run.RunID+"\x00"), key...))
	return int64(binary.BigEndian.Uint64(sum[:8])%100) < percent
}

// save writes outcomes, and what pack made of them, inside the transaction of a commit.
func (j *activeJob) save(ctx context.Context, tx store.Tx, run job.RunRef, outcomes []objectOutcome, packed *packed) error {
	results := make([]store.Result, len(outcomes))
	for i, o := range outcomes {
		results[i] = o.result
		results[i].Detections = nil // the finding has them
	}
	if err := store.PutResults(ctx, tx, run.Tenant, run.JobID, run.RunID, results); err != nil {
		return err
	}
	if err := packed.save(ctx, tx); err != nil || len(packed.findings) == 0 {
		return err
	}
	_, err := putFindings(ctx, tx, run.Tenant, j.outbox, packed.findings)
	return err
}

// subject returns what a finding or a record says of an object beside what was found. Location is set when it is known which file tells of it.
func (j *activeJob) subject(bucket string, o source.Object, now wire.Time) classify.Subject {
	j.constant.Do(func() {
		j.partition = arn.PartitionOf(j.run.Region)
		j.arn = jobARN(j.run.Tenant, j.run.JobID)
	})
	partition := j.partition
	s := classify.Subject{
		ID: findingID(j.run, bucket, o), Account: j.run.Account, Region: j.run.Region, Partition: partition, Now: now, Automated: j.automated,
		Bucket: j.bucket(bucket, partition),
		Object: classify.S3Object(partition, bucket, o),
	}
	if !j.automated {
		s.JobARN, s.JobID = j.arn, j.run.JobID
	}
	return s
}

// finding makes the finding of an object with detections.
func (j *activeJob) finding(d *classify.Document, bucket string, o source.Object, now wire.Time) *macie2.Finding {
	return d.Finding(j.subject(bucket, o, now))
}

func jobARN(t store.Tenant, id string) string {
	return arn.ClassificationJob(t.Region, t.Account, id).String()
}

// bucket returns what a finding says of its bucket; knowBucket has been called for it.
func (j *activeJob) bucket(name, partition string) *macie2.S3Bucket {
	if b, ok := j.buckets.Load(name); ok {
		return b.(*macie2.S3Bucket)
	}
	return &macie2.S3Bucket{
		Arn: wire.Ptr(arn.Bucket(partition, name).String()), Name: wire.Ptr(name),
		AllowsUnencryptedObjectUploads: macie2.AllowsUnencryptedObjectUploadsUnknown,
		PublicAccess:                   &macie2.BucketPublicAccess{EffectivePermission: macie2.EffectivePermissionUnknown},
	}
}

// knowBucket reads what the inventory knows of a bucket, so that all findings of the run say the same of it.
func (j *activeJob) knowBucket(ctx context.Context, db store.DB, name string) error {
	if _, ok := j.buckets.Load(name); ok {
		return nil
	}
	return db.View(ctx, func(tx store.Tx) error { return j.readBucket(ctx, tx, name) })
}

func (j *activeJob) readBucket(ctx context.Context, tx store.Tx, name string) error {
	row, err := store.GetBucket(ctx, tx, j.run.Tenant, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil // it is unknown
	}
	if err != nil {
		return err
	}
	m, state, err := readBucketRow(&row)
	if err != nil {
		return err
	}
	j.buckets.Store(name, bucketFacts(m, state))
	return nil
}
