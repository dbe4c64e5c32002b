package macie

import (
	"bytes"
	"context"
	"errors"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// session reads the Macie session of a tenant. Without one it returns the error whose text clients match on.
func session(ctx context.Context, tx store.Tx, t store.Tenant) (store.Session, error) {
	row, err := store.GetSession(ctx, tx, t)
	if errors.Is(err, store.ErrNotFound) {
		return store.Session{}, wire.Errorf(wire.AccessDenied, "Macie is not enabled.")
	}
	return row, err
}

// EnableMacie enables Macie for the caller's account in the Region. A Watcher reads the inventory then, and a request
// that asks for it before. The request that has enabled it may come again with its client token, as clients send it when its answer was lost.
func (s *Service) EnableMacie(ctx context.Context, in *macie2.EnableMacieInput) (*macie2.EnableMacieOutput, error) {
	t, now := tenant(ctx), s.cfg.Now().UnixMilli()
	row := store.Session{
		Status:    string(macie2.MacieStatusEnabled),
		Frequency: string(macie2.FindingPublishingFrequencyFifteenMinutes),
		CreatedAt: now, UpdatedAt: now,
		Doc: wire.Marshal(in),
	}
	if in.Status != "" {
		row.Status = string(in.Status)
	}
	if in.FindingPublishingFrequency != "" {
		row.Frequency = string(in.FindingPublishingFrequency)
	}
	err := s.cfg.DB.Update(ctx, func(tx store.Tx) error {
		switch earlier, err := store.GetSession(ctx, tx, t); {
		case err == nil && wire.Value(in.ClientToken) != "" && bytes.Equal(earlier.Doc, row.Doc):
			return nil
		case err == nil:
			return wire.Errorf(wire.Conflict, "Macie has already been enabled")
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		return store.PutSession(ctx, tx, t, row)
	})
	if err != nil {
		return nil, err
	}
	s.look()
	return &macie2.EnableMacieOutput{}, nil
}

// GetMacieSession tells the status and the settings of Macie.
func (s *Service) GetMacieSession(ctx context.Context, _ *macie2.GetMacieSessionInput) (*macie2.GetMacieSessionOutput, error) {
	var row store.Session
	err := s.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
		row, err = session(ctx, tx, tenant(ctx))
		return err
	})
	if err != nil {
		return nil, err
	}
	c := wire.CallerFrom(ctx)
	return &macie2.GetMacieSessionOutput{
		CreatedAt:                  wire.Ptr(wire.Time(row.CreatedAt)),
		UpdatedAt:                  wire.Ptr(wire.Time(row.UpdatedAt)),
		Status:                     macie2.MacieStatus(row.Status),
		FindingPublishingFrequency: macie2.FindingPublishingFrequency(row.Frequency),
		ServiceRole:                wire.Ptr(arn.MacieServiceRole(c.Partition, c.Account).String()),
	}, nil
}

// UpdateMacieSession suspends or resumes Macie, or changes how often updates of policy findings are published. Suspending cancels every
// job for good.
func (s *Service) UpdateMacieSession(ctx context.Context, in *macie2.UpdateMacieSessionInput) (*macie2.UpdateMacieSessionOutput, error) {
	err := s.cfg.DB.Update(ctx, func(tx store.Tx) error {
		t := tenant(ctx)
		row, err := session(ctx, tx, t)
		if err != nil {
			return err
		}
		if in.Status != "" {
			row.Status = string(in.Status)
		}
		if in.FindingPublishingFrequency != "" {
			row.Frequency = string(in.FindingPublishingFrequency)
		}
		row.UpdatedAt = s.cfg.Now().UnixMilli()
		if err := store.PutSession(ctx, tx, t, row); err != nil {
			return err
		}
		if in.Status == macie2.MacieStatusPaused {
			return s.cancelJobs(ctx, tx, t, "Macie was suspended for the account.")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &macie2.UpdateMacieSessionOutput{}, nil
}

// DisableMacie erases everything that Macie holds of the account in the Region. The jobs are cancelled first, so that no worker commits
// anything any more.
func (s *Service) DisableMacie(ctx context.Context, _ *macie2.DisableMacieInput) (*macie2.DisableMacieOutput, error) {
	if err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		return s.cancelJobs(ctx, tx, t, "Macie was disabled for the account.")
	}); err != nil {
		return nil, err
	}
	t := tenant(ctx)
	err := store.DeleteTenant(ctx, s.cfg.DB, t)
	if err != nil && !errors.Is(err, store.ErrNotFound) { // not found: another request has done it meanwhile
		return nil, err
	}
	return &macie2.DisableMacieOutput{}, nil
}

// cancelJobs cancels every job of a tenant that is not over.
func (s *Service) cancelJobs(ctx context.Context, tx store.Tx, t store.Tenant, why string) error {
	active, err := store.ActiveJobs(ctx, tx, t)
	if err != nil {
		return err
	}
	for _, row := range active {
		if err := s.cancelJob(ctx, tx, t, row, why); err != nil {
			return err
		}
	}
	return nil
}
