package store

import "context"

// An Unread sums up the objects of a bucket that a run has not read, or not to their end, for one reason.
type Unread struct {
	Bucket, Status, Reason string
	Objects                int64
	Bytes                  int64 // of these objects, as far as their sizes are known
	Classified             int64 // bytes of them that were analysed
}

// UnreadByReason sums up what a run has not read, by bucket, status and reason, in their order.
func UnreadByReason(ctx context.Context, tx Tx, t Tenant, jobID, runID string) (out []Unread, err error) {
	err = Each(ctx, tx, `SELECT bucket, status, reason, COUNT(*), CAST(SUM(CASE WHEN size > 0 THEN size ELSE 0 END) AS BIGINT),
		CAST(SUM(bytes_classified) AS BIGINT) FROM results WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND status <> 'COMPLETE'
		GROUP BY bucket, status, reason ORDER BY bucket, status, reason`, []any{t.Account, t.Region, jobID, runID}, func(rows Rows) error {
		var u Unread
		err := rows.Scan(&u.Bucket, &u.Status, &u.Reason, &u.Objects, &u.Bytes, &u.Classified)
		out = append(out, u)
		return err
	})
	return out, err
}

// UnreadResults returns up to limit results of a run that are not COMPLETE behind a place, in order; the zero place is before the first. They come
// without what was found.
func UnreadResults(ctx context.Context, tx Tx, t Tenant, jobID, runID string, after ResultPlace, limit int) (out []Result, err error) {
	s := newStatement("SELECT bucket, object_key, version_id, full_key, status, reason, size, bytes_classified FROM results WHERE account = ").arg(t.Account).
		add(" AND region = ").arg(t.Region).add(" AND job_id = ").arg(jobID).add(" AND run_id = ").arg(runID)
	s.add(" AND (bucket, object_key, version_id) > (").arg(after.Bucket).add(", ").arg(BoundKey(document(after.Key))).add(", ").arg(after.VersionID)
	s.add(") AND status <> 'COMPLETE' ORDER BY bucket, object_key, version_id LIMIT ").arg(int64(limit))
	err = Each(ctx, tx, s.text(), s.args, func(rows Rows) error {
		var r Result
		var full []byte
		err := rows.Scan(&r.Bucket, &r.Key, &r.VersionID, &full, &r.Status, &r.Reason, &r.Size, &r.BytesClassified)
		if full != nil {
			r.Key = full
		}
		out = append(out, r)
		return err
	})
	return out, err
}

// AllJobs returns up to limit jobs of all tenants whose id begins with a text, in order of tenant, time and id, behind as many.
func AllJobs(ctx context.Context, tx Tx, idPrefix string, behind, limit int) (out []JobRef, err error) {
	if CheckText("", idPrefix) != nil {
		return nil, nil
	}
	s := newStatement("SELECT account, region, id FROM jobs WHERE id >= ").arg(idPrefix)
	if end := prefixEnd([]byte(idPrefix)); end != nil {
		s.add(" AND id < ").arg(string(end))
	}
	s.add(" ORDER BY account, region, created_at, id LIMIT ").arg(int64(limit)).add(" OFFSET ").arg(int64(behind))
	err = Each(ctx, tx, s.text(), s.args, func(rows Rows) error {
		var r JobRef
		err := rows.Scan(&r.Account, &r.Region, &r.ID)
		out = append(out, r)
		return err
	})
	return out, err
}
