package store

import (
	"context"
	"fmt"
)

// JobEvent is something that happened to a job.
type JobEvent struct {
	Seq        int64 // given by the store, rising
	JobID      string
	RunID      string // "" if it is not of a run
	Key        string // what happens once in the life of a job has a key; "" for what may happen again
	Type       string
	OccurredAt int64
	Doc        []byte // JSON of the record
}

// PutJobEvents adds events of a tenant's jobs in their order, and returns those that are new: an event whose key its job has already is passed
// over.
func PutJobEvents(ctx context.Context, tx Tx, t Tenant, events []JobEvent) (added []JobEvent, err error) {
	var values [][]any
	type key struct{ job, key string }
	byKey := map[key]bool{}
	for _, e := range events {
		if err := CheckText("event of job "+e.JobID, e.JobID+e.RunID+e.Key+e.Type); err != nil {
			return nil, err
		}
		var once any
		if e.Key != "" {
			if byKey[key{e.JobID, e.Key}] {
				continue // PostgreSQL would refuse it in one statement with its twin
			}
			byKey[key{e.JobID, e.Key}], once = true, e.Key
		}
		values = append(values, []any{t.Account, t.Region, e.JobID, e.RunID, once, e.Type, e.OccurredAt, document(e.Doc)})
	}
	err = insertRows(ctx, tx, "INSERT INTO job_events (account, region, job_id, run_id, event_key, type, occurred_at, doc) VALUES ",
		" ON CONFLICT DO NOTHING RETURNING seq, job_id, run_id, COALESCE(event_key, ''), type, occurred_at, doc", values, func(rows Rows) error {
			var e JobEvent
			err := rows.Scan(&e.Seq, &e.JobID, &e.RunID, &e.Key, &e.Type, &e.OccurredAt, &e.Doc)
			added = append(added, e)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("events of jobs: %w", err)
	}
	return added, nil
}

// JobEvents returns up to limit events of a job behind a place, in order; 0 is before the first.
func JobEvents(ctx context.Context, tx Tx, t Tenant, jobID string, after int64, limit int) (out []JobEvent, err error) {
	err = Each(ctx, tx, `SELECT seq, job_id, run_id, COALESCE(event_key, ''), type, occurred_at, doc FROM job_events
		WHERE account = $1 AND region = $2 AND job_id = $3 AND seq > $4 ORDER BY seq LIMIT $5`,
		[]any{t.Account, t.Region, jobID, after, int64(limit)}, func(rows Rows) error {
			var e JobEvent
			err := rows.Scan(&e.Seq, &e.JobID, &e.RunID, &e.Key, &e.Type, &e.OccurredAt, &e.Doc)
			out = append(out, e)
			return err
		})
	return out, err
}
