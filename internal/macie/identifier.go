package macie

import (
	"context"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/managed"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// identifiersPage is how many identifiers ListManagedDataIdentifiers gives at a time.
const identifiersPage = 100

// ListManagedDataIdentifiers lists the managed data identifiers that jobs can look for, by id.
func (s *Service) ListManagedDataIdentifiers(ctx context.Context, in *macie2.ListManagedDataIdentifiersInput) (*macie2.ListManagedDataIdentifiersOutput, error) {
	after, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in)
	if err != nil {
		return nil, err
	}
	all := managed.All()
	slices.SortFunc(all, func(a, b *detect.Identifier) int { return strings.Compare(a.ID, b.ID) })
	out := &macie2.ListManagedDataIdentifiersOutput{Items: []macie2.ManagedDataIdentifierSummary{}}
	for _, id := range all {
		if id.ID <= string(after) {
			continue
		}
		if len(out.Items) == identifiersPage {
			out.NextToken = s.nextToken(ctx, in, []byte(*out.Items[len(out.Items)-1].Id))
			break
		}
		out.Items = append(out.Items, macie2.ManagedDataIdentifierSummary{
			Id: wire.Ptr(id.ID), Category: macie2.SensitiveDataItemCategory(id.Category),
		})
	}
	return out, nil
}

// selectIdentifiers returns the managed data identifiers that a selector with its ids stands for (macie.md 4.4). There may be none only where
// custom identifiers are looked for.
func selectIdentifiers(selector macie2.ManagedDataIdentifierSelector, ids []string, custom bool) ([]*detect.Identifier, error) {
	all := managed.All()
	listed := selector == macie2.ManagedDataIdentifierSelectorInclude || selector == macie2.ManagedDataIdentifierSelectorExclude
	if !listed && len(ids) > 0 {
		return nil, wire.Errorf(wire.Validation, "managedDataIdentifierIds must be empty unless managedDataIdentifierSelector is INCLUDE or EXCLUDE")
	}
	if listed && len(ids) == 0 {
		return nil, wire.Errorf(wire.Validation, "managedDataIdentifierSelector %s needs managedDataIdentifierIds", selector)
	}
	for _, id := range ids {
		if !slices.ContainsFunc(all, func(known *detect.Identifier) bool { return known.ID == id }) {
			return nil, wire.Errorf(wire.Validation,
				"managedDataIdentifierIds: this version of Magpie has no identifier %q; ListManagedDataIdentifiers names those it has", id)
		}
	}
	switch selector {
	case macie2.ManagedDataIdentifierSelectorAll:
		return all, nil
	case macie2.ManagedDataIdentifierSelectorInclude:
		return slices.DeleteFunc(all, func(id *detect.Identifier) bool { return !slices.Contains(ids, id.ID) }), nil
	case macie2.ManagedDataIdentifierSelectorExclude:
		rest := slices.DeleteFunc(all, func(id *detect.Identifier) bool { return slices.Contains(ids, id.ID) })
		if len(rest) == 0 && !custom {
			return nil, wire.Errorf(wire.Validation, "managedDataIdentifierIds excludes every identifier: nothing would be looked for")
		}
		return rest, nil
	case macie2.ManagedDataIdentifierSelectorNone:
		if !custom {
			return nil, wire.Errorf(wire.Validation, "managedDataIdentifierSelector NONE needs customDataIdentifierIds: nothing would be looked for")
		}
		return nil, nil
	default:
		return detect.Recommended(all), nil
	}
}
