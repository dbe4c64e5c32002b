package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
)

// Result is what became of an object version in a run of a job.
type Result struct {
	Bucket          string
	Key             []byte
	VersionID       string // "" if the bucket is not versioned
	Rules           string // digest of the rules that were applied
	Status          string // COMPLETE, PARTIAL or SKIPPED
	Reason          string // why it was skipped or is partial, "" otherwise
	Size            int64
	MIMEType        string
	BytesClassified int64
	ETag            string
	ModifiedAt      int64
	AnalyzedAt      int64
	FindingID       string // "" if there was nothing to report
	Detections      []byte // JSON; nil if there is none, or the finding has it
}

const resultColumns = "bucket, object_key, version_id, full_key, rules, status, reason, size, mime_type, bytes_classified, etag, modified_at, " +
	"analyzed_at, finding_id, detections"

// PutResults stores results of a run. A result of the same object version in the same run is replaced.
func PutResults(ctx context.Context, tx Tx, t Tenant, jobID, runID string, results []Result) error {
	type object struct{ bucket, key, version string }
	last := make(map[object]int, len(results))
	for i, r := range results {
		last[object{r.Bucket, string(r.Key), r.VersionID}] = i
	}
	var page []*Result
	for i := range results {
		r := &results[i]
		if text := r.Bucket + r.VersionID + r.Status + r.Reason + r.MIMEType + r.ETag; CleanText(text) != text {
			return CheckText(fmt.Sprintf("text of the result of %q", r.Key), text)
		}
		if r.paged() && r.Bucket == results[0].Bucket && last[object{r.Bucket, string(r.Key), r.VersionID}] == i {
			page = append(page, r)
		}
	}
	if len(page) >= pageLeast {
		slices.SortFunc(page, resultOrder)
		if err := putResultPage(ctx, tx, t, jobID, runID, page); err != nil {
			return err
		}
	} else {
		page = nil
	}
	var values [][]any
	for i, r := range results {
		if last[object{r.Bucket, string(r.Key), r.VersionID}] != i || page != nil && r.paged() && r.Bucket == page[0].Bucket {
			continue
		}
		key := BoundKey(document(r.Key))
		var full []byte
		if len(r.Key) > MaxKey {
			full = r.Key
		}
		values = append(values, []any{t.Account, t.Region, jobID, runID, r.Bucket, key, r.VersionID, full, r.Rules, r.Status, r.Reason, r.Size,
			r.MIMEType, r.BytesClassified, r.ETag, r.ModifiedAt, r.AnalyzedAt, r.FindingID, r.Detections})
	}
	return insertRows(ctx, tx, "INSERT INTO results (account, region, job_id, run_id, "+resultColumns+") VALUES ",
		` ON CONFLICT (account, region, job_id, run_id, bucket, object_key, version_id) DO UPDATE SET
		full_key = excluded.full_key, rules = excluded.rules, status = excluded.status, reason = excluded.reason, size = excluded.size,
		mime_type = excluded.mime_type, bytes_classified = excluded.bytes_classified, etag = excluded.etag, modified_at = excluded.modified_at,
		analyzed_at = excluded.analyzed_at, finding_id = excluded.finding_id, detections = excluded.detections`, values, nil)
}

// ResultPlace is the place of a result in the order of a run's results: bucket, key in S3's byte order, version.
type ResultPlace struct {
	Bucket    string
	Key       []byte
	VersionID string
}

// Results returns up to limit results of a run behind a place, in order; the zero place is before the first.
func Results(ctx context.Context, tx Tx, t Tenant, jobID, runID string, after ResultPlace, limit int) ([]Result, error) {
	s := newStatement("SELECT ", resultColumns, " FROM results WHERE account = ").arg(t.Account).add(" AND region = ").arg(t.Region).
		add(" AND job_id = ").arg(jobID).add(" AND run_id = ").arg(runID)
	s.add(" AND (bucket, object_key, version_id) > (").arg(after.Bucket).add(", ").arg(BoundKey(document(after.Key))).add(", ").arg(after.VersionID)
	s.add(") ORDER BY bucket, object_key, version_id LIMIT ").arg(int64(limit))
	var out []Result
	err := Each(ctx, tx, s.text(), s.args, func(rows Rows) error {
		var r Result
		var full []byte
		err := rows.Scan(&r.Bucket, &r.Key, &r.VersionID, &full, &r.Rules, &r.Status, &r.Reason, &r.Size, &r.MIMEType, &r.BytesClassified,
			&r.ETag, &r.ModifiedAt, &r.AnalyzedAt, &r.FindingID, &r.Detections)
		if full != nil {
			r.Key = full
		}
		out = append(out, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	paged, err := pagedResults(ctx, tx, t, jobID, runID, after, limit)
	if err != nil || len(paged) == 0 {
		return out, err
	}
	out = append(paged, out...) // rows are later than pages that have the same object
	sortResults(&out)
	return out[:min(len(out), limit)], nil
}

// An ObjectState is an object version as a listing tells of it.
type ObjectState struct {
	Key       []byte
	VersionID string
	ETag      string
}

// Dealt says for each object of a bucket whether one of the latest runs of the job, as many as latest, has analysed it as it is
// now. Objects without an entity tag never are.
func Dealt(ctx context.Context, tx Tx, t Tenant, jobID, bucket string, latest int, objects []ObjectState) ([]bool, error) {
	var runs []string
	err := Each(ctx, tx, `SELECT run_id FROM runs WHERE account = $1 AND region = $2 AND job_id = $3
		ORDER BY started_at DESC, run_id DESC LIMIT $4`, []any{t.Account, t.Region, jobID, int64(latest)}, func(rows Rows) error {
		var id string
		err := rows.Scan(&id)
		runs = append(runs, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	dealt := make([]bool, len(objects))
	if err := dealtInPages(ctx, tx, t, jobID, bucket, runs, objects, dealt); err != nil {
		return nil, err
	}
	for i, o := range objects {
		if o.ETag == "" || dealt[i] {
			continue
		}
		for _, run := range runs { // one by one: the primary key begins with the run
			var one int64
			err := One(ctx, tx, `SELECT 1 FROM results WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND bucket = $5
				AND object_key = $6 AND version_id = $7 AND etag = $8 AND status <> 'SKIPPED'`,
				[]any{t.Account, t.Region, jobID, run, bucket, BoundKey(document(o.Key)), o.VersionID, o.ETag}, &one)
			if err == nil {
				dealt[i] = true
				break
			}
			if !errors.Is(err, ErrNotFound) {
				return nil, err
			}
		}
	}
	return dealt, nil
}

// dealtInPages looks for objects in the pages of runs.
func dealtInPages(ctx context.Context, tx Tx, t Tenant, jobID, bucket string, runs []string, objects []ObjectState, dealt []bool) error {
	type object struct{ key, version string }
	wanted := make(map[object]int, len(objects))
	var first, last []byte
	for i, o := range objects {
		if o.ETag == "" {
			continue
		}
		if len(wanted) == 0 || bytes.Compare(o.Key, first) < 0 {
			first = o.Key
		}
		if len(wanted) == 0 || bytes.Compare(o.Key, last) > 0 {
			last = o.Key
		}
		wanted[object{string(o.Key), o.VersionID}] = i
	}
	for _, run := range runs {
		if len(wanted) == 0 {
			break
		}
		err := resultPages(ctx, tx, t, jobID, run, "bucket = $5 AND first_key <= $6 AND last_key >= $7", []any{bucket, document(last), document(first)},
			func(page []Result) error {
				for i := range page {
					r := &page[i]
					if n, ok := wanted[object{string(r.Key), r.VersionID}]; ok && objects[n].ETag == r.ETag {
						dealt[n] = true
					}
				}
				return nil
			})
		if err != nil {
			return err
		}
	}
	return nil
}
