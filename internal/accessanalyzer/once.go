package accessanalyzer

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
)

// answersKept is how long a repetition of a request with its client token gets the same answer.
const answersKept = 24 * time.Hour

// A once is a request that may be repeated: with its client token it is done once, and the repetition gets the first answer.
type once struct {
	operation string
	token     *string
	in        wire.Encoder
}

// do runs fn, which returns the id of what the request is about ("" if that is gone) and the answer, unless the request was done before.
func (s *Service) do(ctx context.Context, tx store.Tx, t store.Tenant, o once, fn func() (subject string, answer []byte, err error)) ([]byte, error) {
	if o.token == nil {
		_, answer, err := fn()
		return answer, err
	}
	if *o.token == "" {
		return nil, invalid("clientToken", "must not be empty")
	}
	hash := sha256.Sum256(wire.Marshal(o.in))
	switch answer, err := store.Answered(ctx, tx, t, o.operation, *o.token, hash[:]); {
	case err == nil:
		return answer, nil
	case errors.Is(err, store.ErrConflict):
		return nil, wire.Errorf(wire.Conflict, "The clientToken was used for another request of %s. Use a new one for a new request.", o.operation).
			About("ClientToken", *o.token)
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	subject, answer, err := fn()
	if err != nil {
		return nil, err
	}
	now := s.cfg.Now()
	return answer, store.PutAnswer(ctx, tx, t, store.AnsweredRequest{Operation: o.operation, ClientToken: *o.token, RequestHash: hash[:],
		CreatedAt: now.UnixMilli(), Subject: subject, Answer: answer}, now.Add(-answersKept).UnixMilli())
}
