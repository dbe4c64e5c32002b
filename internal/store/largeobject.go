package store

import (
	"context"
	"fmt"
)

// A LargeObject is an object that a run reads in parts, in stages one after the other.
type LargeObject struct {
	JobID, RunID string
	ID           string // within the run
	Bucket       string
	Unfinished   int64 // parts of the stage at hand
	// Doc is for the service to read.
	Doc []byte
}

// An ObjectPart is what a part of a large object has told.
type ObjectPart struct {
	Stage, Part int64
	// Counts is what may be read without the document, Doc the document.
	Counts, Doc []byte
}

// PutLargeObject stores an object that is to be read in parts, or how it goes on with its next stage.
func PutLargeObject(ctx context.Context, tx Tx, t Tenant, o LargeObject) error {
	_, err := tx.Exec(ctx, `INSERT INTO large_objects (account, region, job_id, run_id, id, bucket, unfinished, doc) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (account, region, job_id, run_id, id) DO UPDATE SET unfinished = excluded.unfinished, doc = excluded.doc`,
		t.Account, t.Region, o.JobID, o.RunID, o.ID, o.Bucket, o.Unfinished, document(o.Doc))
	return err
}

// GetLargeObject reads an object that is read in parts; [ErrNotFound] if there is none.
func GetLargeObject(ctx context.Context, tx Tx, t Tenant, jobID, runID, id string) (LargeObject, error) {
	o := LargeObject{JobID: jobID, RunID: runID, ID: id}
	err := One(ctx, tx, "SELECT bucket, unfinished, doc FROM large_objects WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND id = $5",
		[]any{t.Account, t.Region, jobID, runID, id}, &o.Bucket, &o.Unfinished, &o.Doc)
	if err != nil {
		return LargeObject{}, fmt.Errorf("object %s in parts: %w", id, err)
	}
	return o, nil
}

// LargeObjects returns the objects that a run reads in parts and has not put together.
func LargeObjects(ctx context.Context, tx Tx, t Tenant, jobID, runID string) (out []LargeObject, err error) {
	err = Each(ctx, tx, "SELECT id, bucket, unfinished, doc FROM large_objects WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 ORDER BY id",
		[]any{t.Account, t.Region, jobID, runID}, func(rows Rows) error {
			o := LargeObject{JobID: jobID, RunID: runID}
			err := rows.Scan(&o.ID, &o.Bucket, &o.Unfinished, &o.Doc)
			out = append(out, o)
			return err
		})
	return out, err
}

// FinishObjectPart stores what a part has told and returns how many parts of the stage are not finished yet. Each part finishes once: that is the
// caller's matter.
func FinishObjectPart(ctx context.Context, tx Tx, t Tenant, jobID, runID, id string, p ObjectPart) (unfinished int64, err error) {
	if _, err := tx.Exec(ctx, `INSERT INTO object_parts (account, region, job_id, run_id, id, stage, part, counts, doc) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		t.Account, t.Region, jobID, runID, id, p.Stage, p.Part, document(p.Counts), document(p.Doc)); err != nil {
		return 0, fmt.Errorf("part %d of object %s: %w", p.Part, id, err)
	}
	err = One(ctx, tx, `UPDATE large_objects SET unfinished = unfinished - 1
		WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND id = $5 RETURNING unfinished`,
		[]any{t.Account, t.Region, jobID, runID, id}, &unfinished)
	return unfinished, err
}

// ObjectParts calls fn on what the parts of a stage before a part have told, in order: with their counts, and with their documents if docs is set.
func ObjectParts(ctx context.Context, tx Tx, t Tenant, jobID, runID, id string, stage, before int64, docs bool, fn func(*ObjectPart) error) error {
	column := "counts"
	if docs {
		column = "doc"
	}
	return Each(ctx, tx, "SELECT part, "+column+` FROM object_parts
		WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND id = $5 AND stage = $6 AND part < $7 ORDER BY part`,
		[]any{t.Account, t.Region, jobID, runID, id, stage, before}, func(rows Rows) error {
			p := ObjectPart{Stage: stage}
			into := &p.Counts
			if docs {
				into = &p.Doc
			}
			if err := rows.Scan(&p.Part, into); err != nil {
				return err
			}
			return fn(&p)
		})
}

// DeleteLargeObject removes an object and its parts.
func DeleteLargeObject(ctx context.Context, tx Tx, t Tenant, jobID, runID, id string) error {
	for _, table := range []string{"object_parts", "large_objects"} {
		if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND id = $5",
			t.Account, t.Region, jobID, runID, id); err != nil {
			return err
		}
	}
	return nil
}

// DeleteLeftParts removes what runs that are over have left of objects in parts: those that were cancelled, and those that are complete, with shards
// that died, once their job has run again. The latest run of a job may have its dead shards tried again.
func DeleteLeftParts(ctx context.Context, tx Tx, t Tenant) error {
	var left []LargeObject
	err := Each(ctx, tx, `SELECT job_id, run_id, id FROM large_objects o WHERE account = $1 AND region = $2 AND NOT EXISTS (SELECT 1 FROM runs r
		WHERE r.account = o.account AND r.region = o.region AND r.job_id = o.job_id AND r.run_id = o.run_id AND (r.state IN ('running', 'paused') OR r.state = 'complete' AND NOT EXISTS (SELECT 1 FROM runs l
		WHERE l.account = r.account AND l.region = r.region AND l.job_id = r.job_id AND (l.started_at, l.run_id) > (r.started_at, r.run_id))))`,
		[]any{t.Account, t.Region}, func(rows Rows) error {
			var o LargeObject
			err := rows.Scan(&o.JobID, &o.RunID, &o.ID)
			left = append(left, o)
			return err
		})
	for _, o := range left {
		if err == nil {
			err = DeleteLargeObject(ctx, tx, t, o.JobID, o.RunID, o.ID)
		}
	}
	return err
}
