package store

// Automated sensitive data discovery keeps what it knows apart from the results of jobs: of each object the last look at it, in
// discovery_objects, what was found, in discovery_detections, and of each bucket what users have set, in discovery_profiles. An object that is
// changed or gone has no rows, so that all statistics are sums over what there is.

import (
	"context"
	"errors"
)

// DiscoveryObject is an object as automated discovery last looked at it.
type DiscoveryObject struct {
	Bucket          string
	Key             []byte
	VersionID       string
	ETag            string
	Status          string // COMPLETE, PARTIAL or SKIPPED
	Reason          string
	BytesClassified int64
	AnalyzedAt      int64
	Detections      []DiscoveryDetection // only for PutDiscoveryObjects
}

// DiscoveryDetection is all occurrences of one identifier: in an object or, summed up, in a bucket.
type DiscoveryDetection struct {
	Custom    bool
	ID        string
	Name, ARN string // of custom data identifiers
	Count     int64
	Level     int64 // the highest severity: 1 to 3
}

// PutDiscoveryObjects stores what was seen in objects; what was known of the same keys before goes.
func PutDiscoveryObjects(ctx context.Context, tx Tx, t Tenant, objects []DiscoveryObject) error {
	for _, o := range objects {
		if err := CheckText("text of a discovered object", o.Bucket+o.VersionID+o.ETag+o.Status+o.Reason); err != nil {
			return err
		}
		key := BoundKey(document(o.Key))
		var full []byte
		if len(o.Key) > MaxKey {
			full = o.Key
		}
		at := []any{t.Account, t.Region, o.Bucket, key}
		if _, err := tx.Exec(ctx, "DELETE FROM discovery_detections WHERE account = $1 AND region = $2 AND bucket = $3 AND object_key = $4", at...); err != nil {
			return err
		}
		sensitive := len(o.Detections) > 0
		_, err := tx.Exec(ctx, `INSERT INTO discovery_objects
			(account, region, bucket, object_key, full_key, version_id, etag, status, reason, bytes_classified, sensitive, analyzed_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (account, region, bucket, object_key) DO UPDATE SET
			full_key = $5, version_id = $6, etag = $7, status = $8, reason = $9, bytes_classified = $10, sensitive = $11, analyzed_at = $12`,
			append(at, full, o.VersionID, o.ETag, o.Status, o.Reason, o.BytesClassified, *flag(&sensitive), o.AnalyzedAt)...)
		if err != nil {
			return err
		}
		var values [][]any
		for _, d := range o.Detections {
			values = append(values, []any{t.Account, t.Region, o.Bucket, key, *flag(&d.Custom), d.ID, CleanText(d.Name), CleanText(d.ARN), d.Count, d.Level})
		}
		if err := insertRows(ctx, tx, "INSERT INTO discovery_detections (account, region, bucket, object_key, custom, id, name, arn, count, level) VALUES ",
			"", values, nil); err != nil {
			return err
		}
	}
	return nil
}

// DiscoveryObjects returns up to limit objects of a bucket behind a key, ordered by [BoundKey] of their keys; nil is before the first.
func DiscoveryObjects(ctx context.Context, tx Tx, t Tenant, bucket string, after []byte, limit int) ([]DiscoveryObject, error) {
	s := newStatement("SELECT object_key, full_key, version_id, etag, status, reason, bytes_classified, analyzed_at FROM discovery_objects WHERE account = ").
		arg(t.Account).add(" AND region = ").arg(t.Region).add(" AND bucket = ").arg(bucket)
	if after != nil {
		s.add(" AND object_key > ").arg(BoundKey(after))
	}
	s.add(" ORDER BY object_key").limit(limit)
	return readDiscoveryObjects(ctx, tx, bucket, s)
}

func readDiscoveryObjects(ctx context.Context, tx Tx, bucket string, s *statement) (out []DiscoveryObject, err error) {
	err = Each(ctx, tx, s.text(), s.args, func(rows Rows) error {
		o := DiscoveryObject{Bucket: bucket}
		var full []byte
		if err := rows.Scan(&o.Key, &full, &o.VersionID, &o.ETag, &o.Status, &o.Reason, &o.BytesClassified, &o.AnalyzedAt); err != nil {
			return err
		}
		if full != nil {
			o.Key = full
		}
		out = append(out, o)
		return nil
	})
	return out, err
}

// DeleteDiscoveryObjects forgets objects of a bucket.
func DeleteDiscoveryObjects(ctx context.Context, tx Tx, t Tenant, bucket string, keys [][]byte) error {
	for _, key := range keys {
		for _, table := range []string{"discovery_detections", "discovery_objects"} {
			_, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE account = $1 AND region = $2 AND bucket = $3 AND object_key = $4",
				t.Account, t.Region, bucket, BoundKey(document(key)))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// DeleteDiscovery forgets all that automated discovery knows of a bucket, or of all buckets if bucket is "".
func DeleteDiscovery(ctx context.Context, tx Tx, t Tenant, bucket string) error {
	for _, table := range []string{"discovery_detections", "discovery_objects", "discovery_profiles"} {
		_, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE account = $1 AND region = $2 AND ($3 = '' OR bucket = $3)", t.Account, t.Region, bucket)
		if err != nil {
			return err
		}
	}
	return nil
}

// DiscoverySums are what automated discovery has done in a bucket.
type DiscoverySums struct {
	Bytes, Classified, Sensitive, Skipped            int64
	SkippedEncryption, SkippedKMS, SkippedPermission int64
	Detections, Suppressed                           int64 // occurrences
	Unsuppressed                                     int64 // objects with a detection that is not suppressed
	AnalyzedAt                                       *int64
	Found                                            []DiscoveryDetection // by kind and id, suppressed ones included
}

// SumDiscovery sums up a bucket. suppressed says which identifiers do not count.
func SumDiscovery(ctx context.Context, tx Tx, t Tenant, bucket string, suppressed func(custom bool, id string) bool) (*DiscoverySums, error) {
	var o DiscoverySums
	args := []any{t.Account, t.Region, bucket}
	const of = " WHERE account = $1 AND region = $2 AND bucket = $3"
	const skipped = "CASE WHEN status = 'SKIPPED' AND reason "
	err := One(ctx, tx, `SELECT MAX(analyzed_at), CAST(COALESCE(SUM(bytes_classified), 0) AS BIGINT),
		CAST(COALESCE(SUM(CASE WHEN status <> 'SKIPPED' THEN 1 ELSE 0 END), 0) AS BIGINT), CAST(COALESCE(SUM(sensitive), 0) AS BIGINT),
		CAST(COALESCE(SUM(CASE WHEN status = 'SKIPPED' THEN 1 ELSE 0 END), 0) AS BIGINT),
		CAST(COALESCE(SUM(`+skipped+`= 'INVALID_ENCRYPTION' THEN 1 ELSE 0 END), 0) AS BIGINT),
		CAST(COALESCE(SUM(`+skipped+`= 'INVALID_KMS_KEY' THEN 1 ELSE 0 END), 0) AS BIGINT),
		CAST(COALESCE(SUM(`+skipped+`= 'PERMISSION_DENIED' THEN 1 ELSE 0 END), 0) AS BIGINT) FROM discovery_objects`+of, args,
		&o.AnalyzedAt, &o.Bytes, &o.Classified, &o.Sensitive, &o.Skipped, &o.SkippedEncryption, &o.SkippedKMS, &o.SkippedPermission)
	if err != nil {
		return nil, err
	}
	err = Each(ctx, tx, `SELECT custom, id, MAX(name), MAX(arn), CAST(SUM(count) AS BIGINT), MAX(level) FROM discovery_detections`+of+
		" GROUP BY custom, id ORDER BY custom, id", args, func(rows Rows) error {
		var d DiscoveryDetection
		var custom int64
		if err := rows.Scan(&custom, &d.ID, &d.Name, &d.ARN, &d.Count, &d.Level); err != nil {
			return err
		}
		d.Custom = custom != 0
		o.Found = append(o.Found, d)
		return nil
	})
	if err != nil {
		return nil, err
	}
	counting := newStatement("SELECT COUNT(DISTINCT object_key) FROM discovery_detections WHERE account = ").arg(t.Account).add(" AND region = ").
		arg(t.Region).add(" AND bucket = ").arg(bucket).add(" AND (1 = 0")
	for _, custom := range []bool{false, true} {
		first := true
		for _, d := range o.Found {
			if d.Custom != custom {
				continue
			}
			o.Detections += d.Count
			if suppressed(d.Custom, d.ID) {
				o.Suppressed += d.Count
				continue
			}
			if first {
				counting.add(" OR custom = ").number(*flag(&custom)).add(" AND id IN (").arg(d.ID)
			} else {
				counting.add(", ").arg(d.ID)
			}
			first = false
		}
		if !first {
			counting.add(")")
		}
	}
	err = One(ctx, tx, counting.add(")").text(), counting.args, &o.Unsuppressed)
	return &o, err
}

// DiscoveryArtifacts returns up to limit objects of a bucket: first those with detections, then those without, then those that were skipped;
// those looked at last first.
func DiscoveryArtifacts(ctx context.Context, tx Tx, t Tenant, bucket string, limit int) (objects []DiscoveryObject, sensitive []bool, err error) {
	s := newStatement(`SELECT object_key, full_key, status, sensitive FROM discovery_objects WHERE account = `).arg(t.Account).add(" AND region = ").
		arg(t.Region).add(" AND bucket = ").arg(bucket).
		add(" ORDER BY sensitive DESC, CASE WHEN status = 'SKIPPED' THEN 1 ELSE 0 END, analyzed_at DESC, object_key").limit(limit)
	err = Each(ctx, tx, s.text(), s.args, func(rows Rows) error {
		o := DiscoveryObject{Bucket: bucket}
		var full []byte
		var found int64
		if err := rows.Scan(&o.Key, &full, &o.Status, &found); err != nil {
			return err
		}
		if full != nil {
			o.Key = full
		}
		objects, sensitive = append(objects, o), append(sensitive, found != 0)
		return nil
	})
	return objects, sensitive, err
}

// DiscoveryProfile is what users have set for a bucket.
type DiscoveryProfile struct {
	Bucket     string
	UpdatedAt  int64 // also moves when an object was looked at
	Overridden bool
	Suppressed []byte // the service's list of identifiers
}

// GetDiscoveryProfile returns the profile of a bucket, [ErrNotFound] if it has none yet.
func GetDiscoveryProfile(ctx context.Context, tx Tx, t Tenant, bucket string) (DiscoveryProfile, error) {
	p := DiscoveryProfile{Bucket: bucket}
	var overridden int64
	err := One(ctx, tx, "SELECT updated_at, overridden, suppressed FROM discovery_profiles WHERE account = $1 AND region = $2 AND bucket = $3",
		[]any{t.Account, t.Region, bucket}, &p.UpdatedAt, &overridden, &p.Suppressed)
	p.Overridden = overridden != 0
	return p, err
}

// PutDiscoveryProfile makes or replaces a profile.
func PutDiscoveryProfile(ctx context.Context, tx Tx, t Tenant, p DiscoveryProfile) error {
	if err := CheckText("bucket name", p.Bucket); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO discovery_profiles (account, region, bucket, updated_at, overridden, suppressed) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account, region, bucket) DO UPDATE SET updated_at = $4, overridden = $5, suppressed = $6`,
		t.Account, t.Region, p.Bucket, p.UpdatedAt, *flag(&p.Overridden), document(p.Suppressed))
	return err
}

// OverriddenBuckets returns the buckets whose score is set by hand.
func OverriddenBuckets(ctx context.Context, tx Tx, t Tenant) (map[string]bool, error) {
	names := map[string]bool{}
	err := Each(ctx, tx, "SELECT bucket FROM discovery_profiles WHERE account = $1 AND region = $2 AND overridden = 1", []any{t.Account, t.Region},
		func(rows Rows) error {
			var name string
			err := rows.Scan(&name)
			names[name] = true
			return err
		})
	return names, err
}

// TouchDiscoveryProfile moves the time of a bucket's profile on, and makes one if there is none.
func TouchDiscoveryProfile(ctx context.Context, tx Tx, t Tenant, bucket string, now int64) error {
	p, err := GetDiscoveryProfile(ctx, tx, t, bucket)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	p.UpdatedAt = max(p.UpdatedAt, now)
	return PutDiscoveryProfile(ctx, tx, t, p)
}

// PruneRuns forgets the runs of a job but the one to keep, with their shards.
func PruneRuns(ctx context.Context, tx Tx, t Tenant, jobID, keep string) error {
	for _, table := range []string{"shards", "runs"} {
		_, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id <> $4", t.Account, t.Region, jobID, keep)
		if err != nil {
			return err
		}
	}
	return nil
}
