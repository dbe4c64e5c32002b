package store

import (
	"bytes"
	"context"
	"fmt"
)

// AnsweredRequest is a request with a client token and what was answered, so that a repetition gets the same answer.
type AnsweredRequest struct {
	Operation   string
	ClientToken string
	RequestHash []byte // digest of the request, to tell a repetition from a second use of the token
	CreatedAt   int64
	Subject     string // the id of what it was about: when that is deleted the token is free; "" for nothing
	Answer      []byte
}

// Answered returns the answer to a request of the operation, token and digest; [ErrNotFound] if there was none, [ErrConflict] if the token was
// used for another.
func Answered(ctx context.Context, tx Tx, t Tenant, operation, token string, requestHash []byte) (answer []byte, err error) {
	var hash []byte
	err = One(ctx, tx, "SELECT request_hash, answer FROM answered_requests WHERE account = $1 AND region = $2 AND operation = $3 AND client_token = $4",
		[]any{t.Account, t.Region, operation, clientToken(token)}, &hash, &answer)
	if err == nil && !bytes.Equal(hash, requestHash) {
		return nil, fmt.Errorf("client token of %s used for another request: %w", operation, ErrConflict)
	}
	return answer, err
}

// PutAnswer notes a request and its answer, and forgets the tenant's requests from before oldest. A transaction that notes a token at the same
// time as another is run again.
func PutAnswer(ctx context.Context, tx Tx, t Tenant, r AnsweredRequest, oldest int64) error {
	if _, err := tx.Exec(ctx, "DELETE FROM answered_requests WHERE account = $1 AND region = $2 AND created_at < $3", t.Account, t.Region, oldest); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO answered_requests (account, region, operation, client_token, request_hash, created_at, subject, answer)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (account, region, operation, client_token)
		DO UPDATE SET request_hash = $5, created_at = $6, subject = $7, answer = $8`,
		t.Account, t.Region, r.Operation, clientToken(r.ClientToken), document(r.RequestHash), r.CreatedAt, r.Subject, document(r.Answer))
	return err
}

// deleteAnswers forgets the requests that were about something.
func deleteAnswers(ctx context.Context, tx Tx, t Tenant, subject string) error {
	_, err := tx.Exec(ctx, "DELETE FROM answered_requests WHERE account = $1 AND region = $2 AND subject = $3", t.Account, t.Region, subject)
	return err
}
