package macie

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/publish"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// Bounds of findings filters (macie.md 5.7).
const (
	minFilterName        = 3
	maxFilterName        = 64
	maxFilterDescription = 512
	maxFindingsFilters   = 1000
	findingsFiltersPage  = 50 // filters in a page unless fewer are asked for
)

// findingsFiltersLock lets the requests that change findings filters take turns, so that quota and positions are exact.
const findingsFiltersLock = "lock/findings-filters"

func findingsFilterARN(t store.Tenant, id string) string {
	return arn.FindingsFilter(t.Region, t.Account, id).String()
}

// A filterDocument is what is stored of a findings filter as JSON: the request that made it, with later changes.
type filterDocument = macie2.CreateFindingsFilterInput

// checkFilter holds a findings filter to macie.md 5.7.
func checkFilter(f *filterDocument) error {
	switch n := utf8.RuneCountInString(*f.Name); {
	case n < minFilterName || n > maxFilterName:
		return invalid("name must have from %d to %d characters", minFilterName, maxFilterName)
	case utf8.RuneCountInString(wire.Value(f.Description)) > maxFilterDescription:
		return invalid("description may have %d characters at most", maxFilterDescription)
	case f.Position != nil && *f.Position < 1:
		return invalid("position must be at least 1, not %d", *f.Position)
	}
	_, err := criteria(f.FindingCriteria)
	return err
}

// CreateFindingsFilter makes a findings filter. The same client token with the same request gives the same one again.
func (s *Service) CreateFindingsFilter(ctx context.Context, in *macie2.CreateFindingsFilterInput) (*macie2.CreateFindingsFilterOutput, error) {
	if in.ClientToken != nil && *in.ClientToken == "" {
		return nil, invalid("clientToken must not be empty")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if err := checkFilter(in); err != nil {
		return nil, err
	}
	row := store.FindingsFilter{
		ID: uuid(s.cfg.NewID()), Action: string(in.Action), CreatedAt: s.cfg.Now().UnixMilli(), ClientToken: wire.Value(in.ClientToken), Doc: wire.Marshal(in),
	}
	sum := sha256.Sum256(row.Doc)
	row.RequestHash = sum[:]
	out := &macie2.CreateFindingsFilterOutput{}
	err := s.changeFilters(ctx, func(tx store.Tx, t store.Tenant, all []store.FindingsFilter) error {
		id := row.ID
		again := slices.IndexFunc(all, func(f store.FindingsFilter) bool { return store.SameClientToken(f.ClientToken, row.ClientToken) })
		switch {
		case again >= 0 && !bytes.Equal(all[again].RequestHash, row.RequestHash):
			return wire.Errorf(wire.Conflict, "The clientToken was used for another findings filter. Use a new one for a new filter.").
				About("findings-filter", all[again].ID)
		case again >= 0:
			id = all[again].ID
		case len(all) >= maxFindingsFilters:
			return wire.Errorf(wire.Quota, "The account has %d findings filters in this Region, which is the quota. Delete one that is not needed.",
				len(all)).About("findings-filter", t.String())
		default:
			row := row // the transaction may be repeated
			var err error
			if row.Position, err = placeFilter(ctx, tx, t, all, in.Position); err != nil {
				return err
			}
			if err := store.CreateFindingsFilter(ctx, tx, t, row); err != nil {
				return err
			}
			if err := store.PutTags(ctx, tx, t, findingsFilterARN(t, row.ID), in.Tags); err != nil {
				return err
			}
		}
		out.Id, out.Arn = wire.Ptr(id), wire.Ptr(findingsFilterARN(t, id))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// changeFilters runs fn with all filters, which nobody else changes meanwhile.
func (s *Service) changeFilters(ctx context.Context, fn func(tx store.Tx, t store.Tenant, all []store.FindingsFilter) error) error {
	return s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		if err := store.Exclusive(ctx, tx, t, findingsFiltersLock); err != nil {
			return err
		}
		all, err := store.FindingsFilters(ctx, tx, t, "")
		if err != nil {
			return err
		}
		return fn(tx, t, all)
	})
}

// placeFilter makes room for a filter at a position among others, which move on as far as they are in its way, and returns the position: that
// behind all others if none is asked for.
func placeFilter(ctx context.Context, tx store.Tx, t store.Tenant, others []store.FindingsFilter, asked *int64) (int64, error) {
	if asked == nil {
		if len(others) == 0 {
			return 1, nil
		}
		return others[len(others)-1].Position + 1, nil
	}
	taken := *asked
	for _, f := range others {
		if f.Position < taken {
			continue
		}
		if f.Position > taken {
			break
		}
		f.Position++
		taken = f.Position
		if err := store.UpdateFindingsFilter(ctx, tx, t, f); err != nil {
			return 0, err
		}
	}
	return *asked, nil
}

func noFindingsFilter(id string) error {
	return wire.Errorf(wire.NotFound, "The request failed because the specified findings filter does not exist.").About("findings-filter", id)
}

func readFilter(row store.FindingsFilter) (*filterDocument, error) {
	f := &filterDocument{}
	if err := wire.Unmarshal(row.Doc, f); err != nil {
		return nil, fmt.Errorf("findings filter %s is damaged: %w", row.ID, err)
	}
	return f, nil
}

func findFilter(all []store.FindingsFilter, id string) (store.FindingsFilter, *filterDocument, error) {
	i := slices.IndexFunc(all, func(f store.FindingsFilter) bool { return f.ID == id })
	if i < 0 {
		return store.FindingsFilter{}, nil, noFindingsFilter(id)
	}
	f, err := readFilter(all[i])
	return all[i], f, err
}

// GetFindingsFilter tells everything about a findings filter.
func (s *Service) GetFindingsFilter(ctx context.Context, in *macie2.GetFindingsFilterInput) (*macie2.GetFindingsFilterOutput, error) {
	var out *macie2.GetFindingsFilterOutput
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		all, err := store.FindingsFilters(ctx, tx, t, "")
		if err != nil {
			return err
		}
		row, f, err := findFilter(all, *in.Id)
		if err != nil {
			return err
		}
		resource := findingsFilterARN(t, row.ID)
		tags, err := shownTags(ctx, tx, t, resource)
		out = &macie2.GetFindingsFilterOutput{
			Action: f.Action, Arn: wire.Ptr(resource), Description: f.Description, FindingCriteria: f.FindingCriteria, Id: wire.Ptr(row.ID),
			Name: f.Name, Position: wire.Ptr(row.Position), Tags: tags,
		}
		return err
	})
	return out, err
}

// ListFindingsFilters lists the findings filters by position.
func (s *Service) ListFindingsFilters(ctx context.Context, in *macie2.ListFindingsFiltersInput) (*macie2.ListFindingsFiltersOutput, error) {
	limit, err := pageSize(in.MaxResults, findingsFiltersPage)
	if err != nil {
		return nil, err
	}
	after, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in)
	if err != nil {
		return nil, err
	}
	out := &macie2.ListFindingsFiltersOutput{FindingsFilterListItems: []macie2.FindingsFilterListItem{}}
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		all, err := store.FindingsFilters(ctx, tx, t, "")
		if err != nil {
			return err
		}
		if after != nil {
			var last filterPlace
			if err := last.read(after); err != nil {
				return err
			}
			all = slices.DeleteFunc(all, func(f store.FindingsFilter) bool { return placeOf(f).compare(last) <= 0 })
		}
		for _, row := range all[:min(limit, len(all))] {
			f, err := readFilter(row)
			if err != nil {
				return err
			}
			resource := findingsFilterARN(t, row.ID)
			tags, err := shownTags(ctx, tx, t, resource)
			if err != nil {
				return err
			}
			out.FindingsFilterListItems = append(out.FindingsFilterListItems, macie2.FindingsFilterListItem{
				Action: f.Action, Arn: wire.Ptr(resource), Id: wire.Ptr(row.ID), Name: f.Name, Tags: tags,
			})
		}
		if len(all) > limit {
			out.NextToken = s.nextToken(ctx, in, placeOf(all[limit-1]).write())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdateFindingsFilter changes what is given of a findings filter.
func (s *Service) UpdateFindingsFilter(ctx context.Context, in *macie2.UpdateFindingsFilterInput) (*macie2.UpdateFindingsFilterOutput, error) {
	out := &macie2.UpdateFindingsFilterOutput{}
	err := s.changeFilters(ctx, func(tx store.Tx, t store.Tenant, all []store.FindingsFilter) error {
		row, f, err := findFilter(all, *in.Id)
		if err != nil {
			return err
		}
		if in.Action != "" {
			f.Action = in.Action
		}
		if in.Name != nil {
			f.Name = in.Name
		}
		if in.Description != nil {
			f.Description = in.Description
		}
		if in.FindingCriteria != nil {
			f.FindingCriteria = in.FindingCriteria
		}
		f.Position = in.Position // checked; the row has it
		if err := checkFilter(f); err != nil {
			return err
		}
		if in.Position != nil && *in.Position != row.Position {
			others := slices.DeleteFunc(all, func(other store.FindingsFilter) bool { return other.ID == row.ID })
			if row.Position, err = placeFilter(ctx, tx, t, others, in.Position); err != nil {
				return err
			}
		}
		row.Action, row.Doc = string(f.Action), wire.Marshal(f)
		out.Id, out.Arn = wire.Ptr(row.ID), wire.Ptr(findingsFilterARN(t, row.ID))
		return store.UpdateFindingsFilter(ctx, tx, t, row)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteFindingsFilter deletes a findings filter. What it has archived stays archived.
func (s *Service) DeleteFindingsFilter(ctx context.Context, in *macie2.DeleteFindingsFilterInput) (*macie2.DeleteFindingsFilterOutput, error) {
	err := s.changeFilters(ctx, func(tx store.Tx, t store.Tenant, all []store.FindingsFilter) error {
		if _, _, err := findFilter(all, *in.Id); err != nil {
			return err
		}
		if err := store.DeleteFindingsFilter(ctx, tx, t, *in.Id); err != nil {
			return err
		}
		return deleteAllTags(ctx, tx, t, findingsFilterARN(t, *in.Id))
	})
	if err != nil {
		return nil, err
	}
	return &macie2.DeleteFindingsFilterOutput{}, nil
}

// A filterPlace is a filter's place in the list.
type filterPlace struct {
	Position  int64  `json:"p"`
	CreatedAt int64  `json:"n"`
	ID        string `json:"i"`
}

func placeOf(f store.FindingsFilter) filterPlace { return filterPlace{f.Position, f.CreatedAt, f.ID} }

func (p filterPlace) compare(q filterPlace) int {
	return cmp.Or(cmp.Compare(p.Position, q.Position), cmp.Compare(p.CreatedAt, q.CreatedAt), cmp.Compare(p.ID, q.ID))
}

func (p filterPlace) write() []byte {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // it has no part that cannot be written
	}
	return b
}

func (p *filterPlace) read(b []byte) error {
	if err := json.Unmarshal(b, p); err != nil {
		return fmt.Errorf("place in a list of findings filters: %w", store.ErrInvalid)
	}
	return nil
}

// A suppression is the suppression rules of a tenant: its findings filters whose action is ARCHIVE. A finding that meets one of them is stored
// as archived.
type suppression []*store.FindingMatcher

// suppressionOf reads a tenant's suppression rules.
func suppressionOf(ctx context.Context, tx store.Tx, t store.Tenant) (suppression, error) {
	rows, err := store.FindingsFilters(ctx, tx, t, string(macie2.FindingsFilterActionArchive))
	if err != nil {
		return nil, err
	}
	var rules suppression
	for _, row := range rows {
		f, err := readFilter(row)
		if err != nil {
			return nil, err
		}
		list, err := criteria(f.FindingCriteria)
		if err != nil {
			return nil, fmt.Errorf("findings filter %s: %w", row.ID, err)
		}
		m, err := store.NewFindingMatcher(list)
		if err != nil {
			return nil, fmt.Errorf("findings filter %s: %w", row.ID, err)
		}
		rules = append(rules, m)
	}
	return rules, nil
}

// archives says whether a finding, as JSON, meets a suppression rule.
func (s suppression) archives(doc []byte) (bool, error) {
	if len(s) == 0 {
		return false, nil
	}
	values, err := store.ReadFinding(doc)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(s, func(m *store.FindingMatcher) bool { return m.Matches(values) }), nil
}

// apply returns the JSON of a new finding as it is stored: archived, if it meets a suppression rule.
func (s suppression) apply(doc []byte) ([]byte, error) {
	archives, err := s.archives(doc)
	if err != nil || !archives {
		return doc, err
	}
	f := &macie2.Finding{}
	if err := wire.Unmarshal(doc, f); err != nil {
		return nil, err
	}
	f.Archived = wire.Ptr(true)
	return wire.Marshal(f), nil
}

// putFindings stores new findings, after the tenant's suppression rules have seen them, and adds their events to the outbox.
func putFindings(ctx context.Context, tx store.Tx, t store.Tenant, outbox *publish.Outbox, docs [][]byte) (isNew []bool, err error) {
	rules, err := suppressionOf(ctx, tx, t)
	if err != nil {
		return nil, err
	}
	stored := make([][]byte, len(docs))
	for i, doc := range docs {
		if stored[i], err = rules.apply(doc); err != nil {
			return nil, err
		}
	}
	if isNew, err = store.PutFindings(ctx, tx, t, stored); err != nil {
		return nil, err
	}
	var added [][]byte
	for i, doc := range stored {
		if isNew[i] {
			added = append(added, doc)
		}
	}
	return isNew, publishFindings(ctx, tx, t, outbox, added, false)
}

// putOccurrence stores another occurrence of a policy finding: archived if it meets a suppression rule now, current again otherwise.
func putOccurrence(ctx context.Context, tx store.Tx, t store.Tenant, outbox *publish.Outbox, f *macie2.Finding) error {
	rules, err := suppressionOf(ctx, tx, t)
	if err != nil {
		return err
	}
	f.Archived = wire.Ptr(false)
	doc, err := rules.apply(wire.Marshal(f))
	if err != nil {
		return err
	}
	if err := store.ReplaceFinding(ctx, tx, t, doc); err != nil {
		return err
	}
	return publishFindings(ctx, tx, t, outbox, [][]byte{doc}, true)
}
