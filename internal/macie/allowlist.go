package macie

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/detect/allow"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// Bounds of allow lists (macie.md 2.4, 11.2, 11.3).
const (
	maxAllowListsOfKind = 5
	allowListsPage      = 25 // lists in a page unless fewer are asked for
	allowListIDLen      = 22
)

// allowListsLock lets the requests that make or delete allow lists, or jobs with them, take turns: so the quota is exact, and no list is
// deleted while a job is made with it.
const allowListsLock = "lock/allow-lists"

func allowListARN(t store.Tenant, id string) string {
	return arn.AllowList(t.Region, t.Account, id).String()
}

// allowListID writes an id of 32 hexadecimal digits as an allow list's: 22 characters 0-9 and a-z, which hold 113 of its 128 bits.
func allowListID(id string) string {
	n, ok := new(big.Int).SetString(id, 16)
	if !ok {
		panic("macie: NewID gives hexadecimal digits")
	}
	text := strings.Repeat("0", allowListIDLen) + n.Text(36)
	return text[len(text)-allowListIDLen:]
}

// allowListKind says what a list holds, in words for messages.
func allowListKind(c *macie2.AllowListCriteria) string {
	if c.Regex != nil {
		return "regex"
	}
	return "s3WordsList"
}

// CreateAllowList makes an allow list. The same client token with the same request gives the same one again.
func (s *Service) CreateAllowList(ctx context.Context, in *macie2.CreateAllowListInput) (*macie2.CreateAllowListOutput, error) {
	if *in.ClientToken == "" {
		return nil, invalid("clientToken must not be empty")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if err := s.checkAllowList(ctx, in.Criteria); err != nil {
		return nil, err
	}
	now := s.cfg.Now().UnixMilli()
	row := store.AllowList{
		ID: allowListID(s.cfg.NewID()), CreatedAt: now, UpdatedAt: now, ClientToken: *in.ClientToken,
		Doc: wire.Marshal(&macie2.CreateAllowListInput{Criteria: in.Criteria, Description: in.Description, Name: in.Name}),
	}
	sum := sha256.Sum256(wire.Marshal(in))
	row.RequestHash = sum[:]
	var out *macie2.CreateAllowListOutput
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		id, err := createAllowList(ctx, tx, t, row, in)
		out = &macie2.CreateAllowListOutput{Arn: wire.Ptr(allowListARN(t, id)), Id: wire.Ptr(id)}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// createAllowList stores a list and returns its id, or the id of that which an earlier request of the same contents made.
func createAllowList(ctx context.Context, tx store.Tx, t store.Tenant, row store.AllowList, in *macie2.CreateAllowListInput) (string, error) {
	if err := store.Exclusive(ctx, tx, t, allowListsLock); err != nil {
		return "", err
	}
	switch earlier, err := store.AllowListByClientToken(ctx, tx, t, row.ClientToken); {
	case err == nil && !bytes.Equal(earlier.RequestHash, row.RequestHash):
		return "", wire.Errorf(wire.Conflict, "The clientToken was used for another allow list. Use a new one for a new list.").
			About("allow-list", earlier.ID)
	case err == nil:
		return earlier.ID, nil
	case !errors.Is(err, store.ErrNotFound):
		return "", err
	}
	lists, err := allowLists(ctx, tx, t)
	if err != nil {
		return "", err
	}
	kind, same := allowListKind(in.Criteria), 0
	for _, l := range lists {
		if *l.made.Name == *in.Name {
			return "", wire.Errorf(wire.Conflict, "Another allow list has the name %q. Choose a name that no list has yet.", *in.Name).
				About("allow-list", l.row.ID)
		}
		if allowListKind(l.made.Criteria) == kind {
			same++
		}
	}
	if same >= maxAllowListsOfKind {
		return "", wire.Errorf(wire.Quota, "The account has %d allow lists with %s in this Region, which is the quota of that kind. Delete one, or add "+
			"to one with UpdateAllowList.", same, kind).About("allow-list", t.String())
	}
	if err := store.CreateAllowList(ctx, tx, t, row); err != nil {
		return "", err
	}
	return row.ID, store.PutTags(ctx, tx, t, allowListARN(t, row.ID), in.Tags)
}

// An allowList is a stored list with what it was made of.
type allowList struct {
	row  store.AllowList
	made *macie2.CreateAllowListInput
}

func readAllowList(row store.AllowList) (allowList, error) {
	l := allowList{row, &macie2.CreateAllowListInput{}}
	if err := wire.Unmarshal(row.Doc, l.made); err != nil {
		return l, fmt.Errorf("allow list %s is damaged: %w", row.ID, err)
	}
	return l, nil
}

// allowLists returns all allow lists of a tenant.
func allowLists(ctx context.Context, tx store.Tx, t store.Tenant) ([]allowList, error) {
	rows, err := store.AllowLists(ctx, tx, t)
	lists := make([]allowList, len(rows))
	for i, row := range rows {
		var damaged error
		lists[i], damaged = readAllowList(row)
		err = errors.Join(err, damaged)
	}
	return lists, err
}

// findAllowList returns a list by its id; the error is for the client if there is none.
func findAllowList(ctx context.Context, tx store.Tx, t store.Tenant, id string) (allowList, error) {
	row, err := store.GetAllowList(ctx, tx, t, id)
	if errors.Is(err, store.ErrNotFound) {
		return allowList{}, wire.Errorf(wire.NotFound, "The request failed because the specified allow list does not exist.").About("allow-list", id)
	} else if err != nil {
		return allowList{}, err
	}
	return readAllowList(row)
}

// checkAllowList holds criteria to macie.md 2.4. Whoever names a list of words has to be allowed to read it, so that no list is a way to
// learn of an object that the source refuses.
func (s *Service) checkAllowList(ctx context.Context, c *macie2.AllowListCriteria) error {
	if (c.Regex == nil) == (c.S3WordsList == nil) {
		return invalid("criteria must hold regex or s3WordsList, and not both")
	}
	if c.Regex != nil {
		if _, err := allow.Regex(*c.Regex); err != nil {
			return invalid("criteria.regex: %v", err)
		}
		return nil
	}
	if err := s.view(ctx, func(store.Tx, store.Tenant) error { return nil }); err != nil {
		return err // before anything of the account is read
	}
	r, err := openWords(ctx, s.cfg.Sources, tenant(ctx), c.S3WordsList)
	if err == nil {
		return r.Close()
	}
	if source.KindOf(err) == source.AccessDenied {
		return wire.Errorf(wire.AccessDenied, "The object of criteria.s3WordsList may not be read. Allow the server to read it, or name another one.").
			Because(err)
	}
	return context.Cause(ctx) // the list is there once the object is; GetAllowList says how it stands
}

// GetAllowList tells everything about an allow list, and whether it can be used just now.
func (s *Service) GetAllowList(ctx context.Context, in *macie2.GetAllowListInput) (*macie2.GetAllowListOutput, error) {
	var out *macie2.GetAllowListOutput
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		l, err := findAllowList(ctx, tx, t, *in.Id)
		if err != nil {
			return err
		}
		resource := allowListARN(t, l.row.ID)
		tags, err := shownTags(ctx, tx, t, resource)
		out = &macie2.GetAllowListOutput{
			Arn: wire.Ptr(resource), CreatedAt: wire.Ptr(wire.Time(l.row.CreatedAt)), Criteria: l.made.Criteria, Description: l.made.Description,
			Id: wire.Ptr(l.row.ID), Name: l.made.Name, Tags: tags, UpdatedAt: wire.Ptr(wire.Time(l.row.UpdatedAt)),
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out.Status, err = s.allowListStatus(ctx, tenant(ctx), out.Criteria) // outside the transaction: it may read a large object
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdateAllowList replaces name, description and criteria of an allow list. Its kind stays.
func (s *Service) UpdateAllowList(ctx context.Context, in *macie2.UpdateAllowListInput) (*macie2.UpdateAllowListOutput, error) {
	if err := s.checkAllowList(ctx, in.Criteria); err != nil {
		return nil, err
	}
	var out *macie2.UpdateAllowListOutput
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		if err := store.Exclusive(ctx, tx, t, allowListsLock); err != nil {
			return err
		}
		l, err := findAllowList(ctx, tx, t, *in.Id)
		if err != nil {
			return err
		}
		if kind := allowListKind(l.made.Criteria); kind != allowListKind(in.Criteria) {
			return invalid("An allow list cannot change its kind: this one has %s. Create another list instead.", kind)
		}
		lists, err := allowLists(ctx, tx, t)
		if err != nil {
			return err
		}
		for _, other := range lists {
			if other.row.ID != l.row.ID && *other.made.Name == *in.Name {
				return invalid("Another allow list has the name %q. Choose a name that no list has yet.", *in.Name)
			}
		}
		l.row.UpdatedAt = s.cfg.Now().UnixMilli()
		l.row.Doc = wire.Marshal(&macie2.CreateAllowListInput{Criteria: in.Criteria, Description: in.Description, Name: in.Name})
		out = &macie2.UpdateAllowListOutput{Arn: wire.Ptr(allowListARN(t, l.row.ID)), Id: wire.Ptr(l.row.ID)}
		return store.UpdateAllowList(ctx, tx, t, l.row)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteAllowList deletes an allow list with its tags. Unless asked to ignore that, it refuses while a job that is not over uses the list.
func (s *Service) DeleteAllowList(ctx context.Context, in *macie2.DeleteAllowListInput) (*macie2.DeleteAllowListOutput, error) {
	ignoreJobs := false
	switch v := wire.Value(in.IgnoreJobChecks); v {
	case "", "false":
	case "true":
		ignoreJobs = true
	default:
		return nil, invalid("ignoreJobChecks must be true or false, not %q", v)
	}
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		if err := store.Exclusive(ctx, tx, t, allowListsLock); err != nil {
			return err
		}
		if _, err := findAllowList(ctx, tx, t, *in.Id); err != nil {
			return err
		}
		if !ignoreJobs {
			if err := unusedByJobs(ctx, tx, t, *in.Id); err != nil {
				return err
			}
		}
		if err := store.DeleteAllowList(ctx, tx, t, *in.Id); err != nil {
			return err
		}
		return deleteAllTags(ctx, tx, t, allowListARN(t, *in.Id))
	})
	if err != nil {
		return nil, err
	}
	return &macie2.DeleteAllowListOutput{}, nil
}

// unusedByJobs refuses if a job that is not over uses an allow list.
func unusedByJobs(ctx context.Context, tx store.Tx, t store.Tenant, id string) error {
	active, err := store.ActiveJobs(ctx, tx, t)
	if err != nil {
		return err
	}
	for _, row := range active {
		definition := &macie2.CreateClassificationJobInput{}
		if err := wire.Unmarshal(row.Doc, definition); err != nil {
			return fmt.Errorf("job %s is damaged: %w", row.ID, err)
		}
		if slices.Contains(definition.AllowListIds, id) {
			return invalid("The allow list is used by the job %s, which is not over. Wait until it is complete, cancel it, or set ignoreJobChecks to true.",
				row.ID)
		}
	}
	return nil
}

// allowListPlace is where a page of allow lists begins: behind this one, which may have been deleted meanwhile.
type allowListPlace struct {
	CreatedAt int64  `json:"n"`
	ID        string `json:"i"`
}

// ListAllowLists lists the allow lists in the order of their creation.
func (s *Service) ListAllowLists(ctx context.Context, in *macie2.ListAllowListsInput) (*macie2.ListAllowListsOutput, error) {
	limit, err := pageSize(in.MaxResults, allowListsPage)
	if err != nil {
		return nil, err
	}
	cursor, err := s.cfg.Tokens.Open(wire.CallerFrom(ctx), in)
	if err != nil {
		return nil, err
	}
	var after allowListPlace
	if cursor != nil {
		if err := json.Unmarshal(cursor, &after); err != nil {
			return nil, err // it is sealed: we wrote it
		}
	}
	out := &macie2.ListAllowListsOutput{AllowLists: []macie2.AllowListSummary{}}
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		lists, err := allowLists(ctx, tx, t)
		if err != nil {
			return err
		}
		for _, l := range lists {
			if cmp.Or(cmp.Compare(l.row.CreatedAt, after.CreatedAt), strings.Compare(l.row.ID, after.ID)) <= 0 {
				continue
			}
			if len(out.AllowLists) == limit {
				cursor, err = json.Marshal(after)
				out.NextToken = s.nextToken(ctx, in, cursor)
				return err
			}
			out.AllowLists = append(out.AllowLists, macie2.AllowListSummary{
				Arn: wire.Ptr(allowListARN(t, l.row.ID)), CreatedAt: wire.Ptr(wire.Time(l.row.CreatedAt)), Description: l.made.Description,
				Id: wire.Ptr(l.row.ID), Name: l.made.Name, UpdatedAt: wire.Ptr(wire.Time(l.row.UpdatedAt)),
			})
			after = allowListPlace{l.row.CreatedAt, l.row.ID}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
