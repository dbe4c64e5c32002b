package store

import (
	"context"
	"fmt"
)

// HoldLease takes a lease or renews it, until a time; false if another holder has it, whose time has not passed. Clocks that disagree
// let two hold it at a time: what it guards has to bear that, and goes slower.
func HoldLease(ctx context.Context, tx Tx, name, holder string, now, until int64) (bool, error) {
	if _, err := tx.Exec(ctx, "INSERT INTO leases (name, holder, until) VALUES ($1, $2, 0) ON CONFLICT (name) DO NOTHING", name, holder); err != nil {
		return false, err
	}
	n, err := tx.Exec(ctx, "UPDATE leases SET holder = $2, until = $4 WHERE name = $1 AND (holder = $2 OR until < $3)", name, holder, now, until)
	return n > 0, err
}

// A RunPlace is a run that is over, in the order of their ends. The zero place is before the first.
type RunPlace struct {
	Tenant     Tenant
	JobID      string
	RunID      string
	FinishedAt int64
}

// A RetiredPart is what is deleted of a run before the run is.
type RetiredPart string

const (
	RetiredShards  RetiredPart = "folded"  // done shards
	RetiredResults RetiredPart = "emptied" // results of objects
)

// OldRuns returns up to limit runs that ended before a time, behind a place: those of which a part is still there, or all if part is empty.
func OldRuns(ctx context.Context, tx Tx, part RetiredPart, before int64, after RunPlace, limit int) (runs []RunPlace, err error) {
	s := newStatement("SELECT account, region, job_id, run_id, finished_at FROM runs WHERE ")
	if part != "" {
		s.add(string(part), " = 0 AND ")
	}
	s.add("finished_at < ").arg(before).add(" AND finished_at >= ").arg(after.FinishedAt)
	s.add(" AND (finished_at, account, region, job_id, run_id) > (").arg(after.FinishedAt).add(", ").arg(after.Tenant.Account).add(", ").
		arg(after.Tenant.Region).add(", ").arg(after.JobID).add(", ").arg(after.RunID)
	s.add(") ORDER BY finished_at, account, region, job_id, run_id LIMIT ").arg(int64(limit))
	err = Each(ctx, tx, s.text(), s.args, func(rows Rows) error {
		var r RunPlace
		err := rows.Scan(&r.Tenant.Account, &r.Tenant.Region, &r.JobID, &r.RunID, &r.FinishedAt)
		runs = append(runs, r)
		return err
	})
	return runs, err
}

// RunRetired notes that nothing of a part of a run is left.
func RunRetired(ctx context.Context, tx Tx, r RunPlace, part RetiredPart) error {
	_, err := tx.Exec(ctx, "UPDATE runs SET "+string(part)+" = 1 WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND finished_at IS NOT NULL",
		r.Tenant.Account, r.Tenant.Region, r.JobID, r.RunID)
	return err
}

// DeleteRunResults deletes results of a run and returns how many there were: fewer than limit if none is left, and else as many, or somewhat more.
func DeleteRunResults(ctx context.Context, tx Tx, r RunPlace, limit int) (int64, error) {
	n, err := tx.Exec(ctx, `DELETE FROM results WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND (bucket, object_key, version_id) IN (
		SELECT bucket, object_key, version_id FROM results WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 LIMIT $5)`,
		r.Tenant.Account, r.Tenant.Region, r.JobID, r.RunID, int64(limit))
	if err != nil || n >= int64(limit) {
		return n, err
	}
	paged, err := deleteResultPages(ctx, tx, r, int64(limit)-n)
	return n + paged, err
}

// DeleteRun deletes what is left of a run that is over, up to limit rows of its shards and results at a time. It reports whether all of it is
// gone. That the job has had the run stays known.
func DeleteRun(ctx context.Context, tx Tx, r RunPlace, limit int) (gone bool, err error) {
	n, err := DeleteRunResults(ctx, tx, r, limit)
	if err != nil || n >= int64(limit) {
		return false, err
	}
	args := []any{r.Tenant.Account, r.Tenant.Region, r.JobID, r.RunID}
	n, err = tx.Exec(ctx, `DELETE FROM shards WHERE id IN (SELECT id FROM shards
		WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 LIMIT $5)`, append(args, int64(limit))...)
	if err != nil || n == int64(limit) {
		return false, err
	}
	for _, table := range []string{"object_parts", "large_objects"} {
		if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4", args...); err != nil {
			return false, err
		}
	}
	n, err = tx.Exec(ctx, "DELETE FROM runs WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4", args...)
	if err != nil || n == 0 {
		return true, err
	}
	_, err = tx.Exec(ctx, "UPDATE jobs SET runs_deleted = runs_deleted + 1 WHERE account = $1 AND region = $2 AND id = $3", args[:3]...)
	return true, err
}

// DeleteOldFindings deletes up to limit findings, of any tenant, that were last changed before a time, and returns how many there were.
func DeleteOldFindings(ctx context.Context, tx Tx, before int64, limit int) (int64, error) {
	var tenants []int64
	if err := Each(ctx, tx, "SELECT id FROM tenants ORDER BY id", nil, func(rows Rows) error {
		var t int64
		err := rows.Scan(&t)
		tenants = append(tenants, t)
		return err
	}); err != nil {
		return 0, err
	}
	var found []int64
	for _, t := range tenants { // the index on their times begins with the tenant
		if err := Each(ctx, tx, "SELECT seq FROM findings WHERE tenant = $1 AND updated_at < $2 ORDER BY updated_at, seq LIMIT $3",
			[]any{t, before, int64(limit - len(found))}, func(rows Rows) error {
				var seq int64
				err := rows.Scan(&seq)
				found = append(found, seq)
				return err
			}); err != nil {
			return 0, err
		}
		if len(found) == limit {
			break
		}
	}
	if len(found) == 0 {
		return 0, nil
	}
	for _, table := range []string{"finding_attributes", "finding_documents", "findings"} {
		s := newStatement(Once, "DELETE FROM ", table, " WHERE seq IN (")
		for i, seq := range found {
			s.comma(i).arg(seq)
		}
		s.add(")")
		if _, err := tx.Exec(ctx, s.text(), s.args...); err != nil {
			return 0, fmt.Errorf("delete old %s: %w", table, err)
		}
	}
	return int64(len(found)), nil
}
