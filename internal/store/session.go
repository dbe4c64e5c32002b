package store

import (
	"context"
	"errors"
	"fmt"
)

// Session is a tenant's Macie session: while there is none, Macie is not enabled.
type Session struct {
	Status               string // MacieStatus
	Frequency            string // FindingPublishingFrequency
	CreatedAt, UpdatedAt int64
	Doc                  []byte // further settings, may be empty
}

// deleting is the status of a session whose tenant is being deleted. To everyone else there is no session.
const deleting = "DELETING"

// GetSession returns the tenant's session, [ErrNotFound] if Macie is not enabled. In an Update it holds the session as it is until the
// transaction ends, so that nothing is written for a tenant whose Macie is being disabled.
func GetSession(ctx context.Context, tx Tx, t Tenant) (Session, error) {
	var s Session
	err := One(ctx, tx, "SELECT status, frequency, created_at, updated_at, doc FROM sessions WHERE account = $1 AND region = $2"+ForShare(tx),
		[]any{t.Account, t.Region}, &s.Status, &s.Frequency, &s.CreatedAt, &s.UpdatedAt, &s.Doc)
	if err == nil && s.Status == deleting {
		return Session{}, ErrNotFound
	}
	return s, err
}

// PutSession makes or replaces the tenant's session.
func PutSession(ctx context.Context, tx Tx, t Tenant, s Session) error {
	var status string
	err := One(ctx, tx, "SELECT status FROM sessions WHERE account = $1 AND region = $2"+ForUpdate(tx), []any{t.Account, t.Region}, &status)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if status == deleting { // the server stopped between the two steps of DeleteTenant
		if err := deleteRows(ctx, tx, t); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO sessions (account, region, status, frequency, created_at, updated_at, doc) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (account, region) DO UPDATE SET status = $3, frequency = $4, created_at = $5, updated_at = $6, doc = $7`,
		t.Account, t.Region, s.Status, s.Frequency, s.CreatedAt, s.UpdatedAt, document(s.Doc))
	return err
}

// DeleteTenant deletes everything that belongs to a tenant, in all tables, its session included; [ErrNotFound] if it has no session.
// Access keys belong to the account and stay.
//
// It takes two transactions. After the first there is no session for anyone who looks with [GetSession], and everyone who had looked
// before is done; so the second sees all that was written and deletes it. If the program stops in between, the next PutSession deletes.
func DeleteTenant(ctx context.Context, db DB, t Tenant) error {
	err := db.Update(ctx, func(tx Tx) error {
		return affectOne(tx.Exec(ctx, "UPDATE sessions SET status = $3 WHERE account = $1 AND region = $2", t.Account, t.Region, deleting))
	})
	if err != nil {
		return err
	}
	return db.Update(ctx, func(tx Tx) error { return deleteRows(ctx, tx, t) })
}

func deleteRows(ctx context.Context, tx Tx, t Tenant) error {
	for _, table := range []string{"sessions", "settings", "tags", "shards", "runs", "jobs", "job_buckets", "job_events", "results", "result_pages", "buckets", "bucket_documents",
		"bucket_tags", "notifications", "ledger", "ledger_rules", "discovery_objects", "discovery_detections", "discovery_profiles", "custom_identifiers", "allow_lists", "findings_filters",
		"reveal_requests", "exports", "export_bodies", "large_objects", "object_parts"} {
		if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE account = $1 AND region = $2", t.Account, t.Region); err != nil {
			return fmt.Errorf("delete %s: %w", table, err)
		}
	}
	return deleteFindings(ctx, tx, t)
}

// document makes an empty document of none: a column of documents is never NULL.
func document(doc []byte) []byte {
	if doc == nil {
		return []byte{}
	}
	return doc
}
