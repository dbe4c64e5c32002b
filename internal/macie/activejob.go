package macie

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// An activeJob is what a worker needs of a job to work on one of its runs. Jobs do not change but for their status, so it is made once.
type activeJob struct {
	run        job.RunRef
	definition *macie2.CreateClassificationJobInput
	classifier *classify.Classifier
	rules      string // names the identifiers that the job looks for, and their version

	buckets sync.Map // bucket name -> *macie2.S3Bucket, as known when the run met it
	read    sync.Map // source.Driver -> true: its inventory was read for this run
}

// A jobCache keeps the active jobs of the runs that this process works on, the last few.
type jobCache struct {
	db        store.DB
	extractor *extract.Extractor

	mu     sync.Mutex
	active []*activeJob
}

// activeJobs is how many runs' jobs are kept: more runs than this at a time in one process cost a read now and then.
const activeJobs = 32

func (c *jobCache) get(ctx context.Context, run job.RunRef) (*activeJob, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, j := range c.active {
		if j.run == run {
			return j, nil
		}
	}
	var row store.Job
	err := c.db.View(ctx, func(tx store.Tx) (err error) {
		row, err = store.GetJob(ctx, tx, run.Tenant, run.JobID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read job %s: %w", run.JobID, err)
	}
	definition := &macie2.CreateClassificationJobInput{}
	if err := wire.Unmarshal(row.Doc, definition); err != nil {
		return nil, job.Permanent(fmt.Errorf("job %s is damaged: %w", run.JobID, err))
	}
	identifiers, err := selectIdentifiers(definition.ManagedDataIdentifierSelector, definition.ManagedDataIdentifierIds)
	if err != nil {
		return nil, job.Permanent(fmt.Errorf("job %s: %w", run.JobID, err))
	}
	engine, err := detect.New(detect.Options{Identifiers: identifiers})
	if err != nil {
		return nil, job.Permanent(fmt.Errorf("job %s: %w", run.JobID, err))
	}
	j := &activeJob{
		run:        run,
		definition: definition,
		classifier: &classify.Classifier{Extractor: c.extractor, Engine: engine},
		rules:      rulesVersion(identifiers),
	}
	c.active = append(c.active, j)
	if len(c.active) > activeJobs {
		c.active = c.active[1:]
	}
	return j, nil
}

// samples says whether the job's sample holds the object: always the same answer for the same job and key.
func (j *activeJob) samples(key string) bool {
	percent := wire.ValueOr(j.definition.SamplingPercentage, 100)
	if percent >= 100 {
		return true
	}
	sum := sha256.Sum256(append([]byte(j.run.JobID+"\x00"+j.run.RunID+"\x00"), key...))
	return int64(binary.BigEndian.Uint64(sum[:8])%100) < percent
}

// save writes outcomes inside the transaction of a commit.
func (j *activeJob) save(ctx context.Context, tx store.Tx, run job.RunRef, outcomes []objectOutcome) error {
	results := make([]store.Result, len(outcomes))
	var findings [][]byte
	for i, o := range outcomes {
		results[i] = o.result
		if o.finding != nil {
			findings = append(findings, o.finding)
		}
	}
	if err := store.PutResults(ctx, tx, run.Tenant, run.JobID, run.RunID, results); err != nil {
		return err
	}
	_, err := store.PutFindings(ctx, tx, run.Tenant, findings)
	return err
}

// finding makes the finding of an object with detections.
func (j *activeJob) finding(d *classify.Document, bucket string, o source.Object, now wire.Time) *macie2.Finding {
	partition := arn.PartitionOf(j.run.Region)
	return d.Finding(classify.Subject{
		ID: findingID(j.run, bucket, o), Account: j.run.Account, Region: j.run.Region, Partition: partition, Now: now,
		JobARN: jobARN(j.run.Tenant, j.run.JobID), JobID: j.run.JobID,
		Location: fmt.Sprintf("s3://%s/AWSLogs/%s/Macie/%s/%s/", noExportConfiguration, j.run.Account, j.run.Region, j.run.JobID),
		Bucket:   j.bucket(bucket, partition),
		Object:   classify.S3Object(partition, bucket, o),
	})
}

// noExportConfiguration stands in the bucket's place in detailedResultsLocation, as the service writes it.
const noExportConfiguration = "[export-config-not-set]"

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
	var row store.Bucket
	err := db.View(ctx, func(tx store.Tx) (err error) {
		row, err = store.GetBucket(ctx, tx, j.run.Tenant, name)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil // it is unknown
	}
	if err != nil {
		return err
	}
	m := &macie2.BucketMetadata{}
	if err := wire.Unmarshal(row.Doc, m); err != nil {
		return fmt.Errorf("the stored metadata of bucket %s are damaged: %w", name, err)
	}
	j.buckets.Store(name, bucketFacts(m))
	return nil
}

// detectionVersion counts the changes of what is found that no table entry shows: of the engine, of check functions, of extraction.
const detectionVersion = 1

// rulesVersion names a set of identifiers with what their entries say: results of the same name were found by the same rules.
func rulesVersion(identifiers []*detect.Identifier) string {
	h := sha256.New()
	fmt.Fprintln(h, detectionVersion)
	for _, id := range identifiers {
		fmt.Fprintf(h, "%q %q %q %d %d\n", id.ID, id.Keywords, id.Refuse, id.Distance, id.Direction)
		for _, l := range id.Layouts {
			fmt.Fprintf(h, "%q %q %d %t %q %t\n", l.Shape, l.Words, l.Keyword, l.Whole, l.NotNext, l.Alone)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
