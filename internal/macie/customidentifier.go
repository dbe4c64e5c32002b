package macie

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/custom"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// Bounds of custom data identifiers (macie.md 2.1, 2.3, 11.2); those of what they look for are custom.Check's.
const (
	maxCustomDescription  = 512
	maxMatchDistance      = 300
	defaultMatchDistance  = 50
	maxCustomIdentifiers  = 10_000
	customIdentifiersPage = 50 // identifiers in a page unless fewer are asked for
)

// customIdentifiersLock lets the requests that make custom data identifiers take turns, so that the quota is exact.
const customIdentifiersLock = "lock/custom-data-identifiers"

func customIdentifierARN(t store.Tenant, id string) string {
	return arn.CustomDataIdentifier(t.Region, t.Account, id).String()
}

// uuid writes an id of 32 hexadecimal digits as a random UUID (RFC 9562, version 4).
func uuid(id string) string {
	const variants = "89ab"
	variant := variants[id[16]&3]
	return id[:8] + "-" + id[8:12] + "-4" + id[13:16] + "-" + string(variant) + id[17:20] + "-" + id[20:]
}

// CreateCustomDataIdentifier makes a custom data identifier. The same client token with the same request gives the same one again, until it
// is deleted.
func (s *Service) CreateCustomDataIdentifier(ctx context.Context, in *macie2.CreateCustomDataIdentifierInput) (
	*macie2.CreateCustomDataIdentifierOutput, error) {
	if err := checkCustomIdentifier(in); err != nil {
		return nil, err
	}
	row := store.CustomIdentifier{
		ID: uuid(s.cfg.NewID()), CreatedAt: s.cfg.Now().UnixMilli(), ClientToken: wire.Value(in.ClientToken), Doc: wire.Marshal(in),
	}
	sum := sha256.Sum256(row.Doc)
	row.RequestHash = sum[:]
	var id string
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) (err error) {
		id, err = createCustomIdentifier(ctx, tx, t, row, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &macie2.CreateCustomDataIdentifierOutput{CustomDataIdentifierId: wire.Ptr(id)}, nil
}

// createCustomIdentifier stores an identifier and returns its id, or the id of that which an earlier request of the same contents made.
func createCustomIdentifier(ctx context.Context, tx store.Tx, t store.Tenant, row store.CustomIdentifier, tags map[string]string) (string, error) {
	if err := store.Exclusive(ctx, tx, t, customIdentifiersLock); err != nil {
		return "", err
	}
	if row.ClientToken != "" {
		switch earlier, err := store.CustomIdentifierByClientToken(ctx, tx, t, row.ClientToken); {
		case err == nil && !bytes.Equal(earlier.RequestHash, row.RequestHash):
			return "", wire.Errorf(wire.Conflict, "The clientToken was used for another custom data identifier. Use a new one for a new identifier.").
				About("custom-data-identifier", earlier.ID)
		case err == nil:
			return earlier.ID, nil
		case !errors.Is(err, store.ErrNotFound):
			return "", err
		}
	}
	switch n, err := store.CountCustomIdentifiers(ctx, tx, t); {
	case err != nil:
		return "", err
	case n >= maxCustomIdentifiers:
		return "", wire.Errorf(wire.Quota, "The account has %d custom data identifiers in this Region, which is the quota. Delete one that is not needed.",
			n).About("custom-data-identifier", t.String())
	}
	if err := store.CreateCustomIdentifier(ctx, tx, t, row); err != nil {
		return "", err
	}
	return row.ID, store.PutTags(ctx, tx, t, customIdentifierARN(t, row.ID), tags)
}

// checkCustomIdentifier holds a new identifier to macie.md 2.1.
func checkCustomIdentifier(in *macie2.CreateCustomDataIdentifierInput) error {
	switch {
	case in.ClientToken != nil && *in.ClientToken == "":
		return invalid("clientToken must not be empty")
	case utf8.RuneCountInString(wire.Value(in.Description)) > maxCustomDescription:
		return invalid("description may have %d characters at most", maxCustomDescription)
	}
	if err := checkTags(in.Tags); err != nil {
		return err
	}
	if err := checkMatchDistance(in.MaximumMatchDistance); err != nil {
		return err
	}
	if err := custom.Check(customDefinition("", "", in)); err != nil {
		return invalid("%v", err)
	}
	return nil
}

func checkMatchDistance(d *int64) error {
	if d != nil && (*d < 1 || *d > maxMatchDistance) {
		return invalid("maximumMatchDistance must be from 1 to %d, not %d", maxMatchDistance, *d)
	}
	return nil
}

// customSeverities are the wire's words for the levels.
var customSeverities = map[macie2.DataIdentifierSeverity]detect.Level{
	macie2.DataIdentifierSeverityLow: detect.Low, macie2.DataIdentifierSeverityMedium: detect.Medium, macie2.DataIdentifierSeverityHigh: detect.High,
}

// customDefinition is what an identifier looks for, as the engine takes it.
func customDefinition(id, arn string, in *macie2.CreateCustomDataIdentifierInput) *custom.Definition {
	d := &custom.Definition{
		ID: id, ARN: arn, Name: *in.Name, Regex: *in.Regex, Keywords: in.Keywords, IgnoreWords: in.IgnoreWords,
		MaximumMatchDistance: int(wire.Value(in.MaximumMatchDistance)),
	}
	for _, l := range in.SeverityLevels {
		d.SeverityLevels = append(d.SeverityLevels, custom.SeverityLevel{
			Severity: customSeverities[l.Severity], OccurrencesThreshold: *l.OccurrencesThreshold})
	}
	return d
}

// readCustomIdentifier reads back what an identifier was created with.
func readCustomIdentifier(row store.CustomIdentifier) (*macie2.CreateCustomDataIdentifierInput, error) {
	in := &macie2.CreateCustomDataIdentifierInput{}
	if err := wire.Unmarshal(row.Doc, in); err != nil {
		return nil, fmt.Errorf("custom data identifier %s is damaged: %w", row.ID, err)
	}
	return in, nil
}

func noCustomIdentifier(id string) error {
	return wire.Errorf(wire.NotFound, "The request failed because the specified custom data identifier does not exist.").About("custom-data-identifier", id)
}

// GetCustomDataIdentifier tells everything about a custom data identifier, also when it is deleted.
func (s *Service) GetCustomDataIdentifier(ctx context.Context, in *macie2.GetCustomDataIdentifierInput) (*macie2.GetCustomDataIdentifierOutput, error) {
	var out *macie2.GetCustomDataIdentifierOutput
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		row, err := store.GetCustomIdentifier(ctx, tx, t, *in.Id)
		if errors.Is(err, store.ErrNotFound) {
			return noCustomIdentifier(*in.Id)
		} else if err != nil {
			return err
		}
		made, err := readCustomIdentifier(row)
		if err != nil {
			return err
		}
		resource := customIdentifierARN(t, row.ID)
		tags, err := shownTags(ctx, tx, t, resource)
		out = &macie2.GetCustomDataIdentifierOutput{
			Arn:                  wire.Ptr(resource),
			CreatedAt:            wire.Ptr(wire.Time(row.CreatedAt)),
			Deleted:              wire.Ptr(row.DeletedAt != nil),
			Description:          made.Description,
			Id:                   wire.Ptr(row.ID),
			IgnoreWords:          made.IgnoreWords,
			Keywords:             made.Keywords,
			MaximumMatchDistance: wire.Ptr(wire.ValueOr(made.MaximumMatchDistance, defaultMatchDistance)),
			Name:                 made.Name,
			Regex:                made.Regex,
			SeverityLevels:       made.SeverityLevels,
			Tags:                 tags,
		}
		return err
	})
	return out, err
}

// BatchGetCustomDataIdentifiers tells about several custom data identifiers, deleted ones too.
func (s *Service) BatchGetCustomDataIdentifiers(ctx context.Context, in *macie2.BatchGetCustomDataIdentifiersInput) (
	*macie2.BatchGetCustomDataIdentifiersOutput, error) {
	ids := distinct(in.Ids)
	if len(ids) > maxCustomIdentifiers {
		return nil, invalid("ids may hold %d ids at most, not %d", maxCustomIdentifiers, len(ids))
	}
	out := &macie2.BatchGetCustomDataIdentifiersOutput{
		CustomDataIdentifiers: []macie2.BatchGetCustomDataIdentifierSummary{}, NotFoundIdentifierIds: []string{},
	}
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		for _, id := range ids {
			row, err := store.GetCustomIdentifier(ctx, tx, t, id)
			if errors.Is(err, store.ErrNotFound) {
				out.NotFoundIdentifierIds = append(out.NotFoundIdentifierIds, id)
				continue
			} else if err != nil {
				return err
			}
			made, err := readCustomIdentifier(row)
			if err != nil {
				return err
			}
			out.CustomDataIdentifiers = append(out.CustomDataIdentifiers, macie2.BatchGetCustomDataIdentifierSummary{
				Arn: wire.Ptr(customIdentifierARN(t, id)), CreatedAt: wire.Ptr(wire.Time(row.CreatedAt)), Deleted: wire.Ptr(row.DeletedAt != nil),
				Description: made.Description, Id: wire.Ptr(id), Name: made.Name,
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// distinct returns the strings of a list in their order, each once.
func distinct(list []string) []string {
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool {
		again := seen[s]
		seen[s] = true
		return again
	})
}

// DeleteCustomDataIdentifier deletes a custom data identifier with its tags. Jobs that were made with it go on using it.
func (s *Service) DeleteCustomDataIdentifier(ctx context.Context, in *macie2.DeleteCustomDataIdentifierInput) (
	*macie2.DeleteCustomDataIdentifierOutput, error) {
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		err := store.DeleteCustomIdentifier(ctx, tx, t, *in.Id, s.cfg.Now().UnixMilli())
		if errors.Is(err, store.ErrNotFound) {
			return noCustomIdentifier(*in.Id)
		} else if err != nil {
			return err
		}
		return deleteAllTags(ctx, tx, t, customIdentifierARN(t, *in.Id))
	})
	if err != nil {
		return nil, err
	}
	return &macie2.DeleteCustomDataIdentifierOutput{}, nil
}

// ListCustomDataIdentifiers lists the custom data identifiers that are not deleted, in the order of their creation.
func (s *Service) ListCustomDataIdentifiers(ctx context.Context, in *macie2.ListCustomDataIdentifiersInput) (
	*macie2.ListCustomDataIdentifiersOutput, error) {
	limit, err := pageSize(in.MaxResults, customIdentifiersPage)
	if err != nil {
		return nil, err
	}
	after, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in)
	if err != nil {
		return nil, err
	}
	out := &macie2.ListCustomDataIdentifiersOutput{Items: []macie2.CustomDataIdentifierSummary{}}
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		rows, next, err := store.ListCustomIdentifiers(ctx, tx, t, after, limit)
		if err != nil {
			return err
		}
		for _, row := range rows {
			made, err := readCustomIdentifier(row)
			if err != nil {
				return err
			}
			out.Items = append(out.Items, macie2.CustomDataIdentifierSummary{
				Arn: wire.Ptr(customIdentifierARN(t, row.ID)), CreatedAt: wire.Ptr(wire.Time(row.CreatedAt)), Description: made.Description,
				Id: wire.Ptr(row.ID), Name: made.Name,
			})
		}
		out.NextToken = s.nextToken(ctx, in, next)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// TestCustomDataIdentifier counts what a custom data identifier would find in a text. Allow lists take no part.
func (s *Service) TestCustomDataIdentifier(ctx context.Context, in *macie2.TestCustomDataIdentifierInput) (
	*macie2.TestCustomDataIdentifierOutput, error) {
	if err := checkMatchDistance(in.MaximumMatchDistance); err != nil {
		return nil, err
	}
	if err := s.view(ctx, func(store.Tx, store.Tenant) error { return nil }); err != nil {
		return nil, err
	}
	n, err := custom.Count(customDefinition("", "", &macie2.CreateCustomDataIdentifierInput{
		Name: wire.Ptr(""), Regex: in.Regex, Keywords: in.Keywords, IgnoreWords: in.IgnoreWords, MaximumMatchDistance: in.MaximumMatchDistance,
	}), *in.SampleText)
	if err != nil {
		return nil, invalid("%v", err)
	}
	return &macie2.TestCustomDataIdentifierOutput{MatchCount: wire.Ptr(int64(n))}, nil
}
