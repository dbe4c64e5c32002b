package macie

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// maxTags is the quota of tags of a resource.
const maxTags = 50

// ListTagsForResource lists the tags of a resource.
func (s *Service) ListTagsForResource(ctx context.Context, in *macie2.ListTagsForResourceInput) (*macie2.ListTagsForResourceOutput, error) {
	out := &macie2.ListTagsForResourceOutput{}
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		if err := taggable(ctx, tx, t, *in.ResourceArn); err != nil {
			return err
		}
		tags, err := store.Tags(ctx, tx, t, *in.ResourceArn)
		out.Tags = tags
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// TagResource adds tags to a resource or overwrites them.
func (s *Service) TagResource(ctx context.Context, in *macie2.TagResourceInput) (*macie2.TagResourceOutput, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		if err := taggable(ctx, tx, t, *in.ResourceArn); err != nil {
			return err
		}
		if err := store.PutTags(ctx, tx, t, *in.ResourceArn, in.Tags); err != nil {
			return err
		}
		tags, err := store.Tags(ctx, tx, t, *in.ResourceArn)
		if err == nil && len(tags) > maxTags {
			return wire.Errorf(wire.Quota, "A resource can have at most %d tags.", maxTags).About("tag", *in.ResourceArn)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &macie2.TagResourceOutput{}, nil
}

// UntagResource removes tags from a resource; keys that it does not have are passed over.
func (s *Service) UntagResource(ctx context.Context, in *macie2.UntagResourceInput) (*macie2.UntagResourceOutput, error) {
	err := s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		if err := taggable(ctx, tx, t, *in.ResourceArn); err != nil {
			return err
		}
		return store.DeleteTags(ctx, tx, t, *in.ResourceArn, in.TagKeys)
	})
	if err != nil {
		return nil, err
	}
	return &macie2.UntagResourceOutput{}, nil
}

// taggable refuses an ARN that names no resource of the tenant that can have tags (macie.md 12).
func taggable(ctx context.Context, tx store.Tx, t store.Tenant, resource string) error {
	parsed, err := arn.Parse(resource)
	if err != nil {
		return invalid("resourceArn: %v", err)
	}
	switch id := parsed.ResourceID(); parsed {
	case arn.ClassificationJob(t.Region, t.Account, id):
		_, err = store.GetJob(ctx, tx, t, id)
	case arn.AllowList(t.Region, t.Account, id):
		_, err = store.GetAllowList(ctx, tx, t, id)
	case arn.FindingsFilter(t.Region, t.Account, id):
		var all []store.FindingsFilter
		if all, err = store.FindingsFilters(ctx, tx, t, ""); err == nil {
			_, _, err = findFilter(all, id)
		}
	case arn.CustomDataIdentifier(t.Region, t.Account, id):
		var row store.CustomIdentifier
		if row, err = store.GetCustomIdentifier(ctx, tx, t, id); err == nil && row.DeletedAt != nil {
			err = store.ErrNotFound
		}
	default:
		err = store.ErrNotFound
	}
	if errors.Is(err, store.ErrNotFound) {
		return wire.Errorf(wire.NotFound, "The request failed because the specified resource does not exist.").About("resource", resource)
	}
	return err
}

// deleteAllTags takes the tags of a resource that is deleted.
func deleteAllTags(ctx context.Context, tx store.Tx, t store.Tenant, resource string) error {
	tags, err := store.Tags(ctx, tx, t, resource)
	if err != nil {
		return err
	}
	return store.DeleteTags(ctx, tx, t, resource, slices.Collect(maps.Keys(tags)))
}

// shownTags returns the tags of a resource as its description shows them: nil if there are none.
func shownTags(ctx context.Context, tx store.Tx, t store.Tenant, resource string) (map[string]string, error) {
	tags, err := store.Tags(ctx, tx, t, resource)
	if len(tags) == 0 {
		return nil, err
	}
	return tags, err
}

// checkTagText holds a part of a tag to its length and its characters: letters, digits, space and _ . : / = + - @.
func checkTagText(what, s string, least, most int) error {
	if n := utf8.RuneCountInString(s); n < least || n > most {
		return fmt.Errorf("a tag's %s must have from %d to %d characters", what, least, most)
	}
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" _.:/=+-@", r) {
			return fmt.Errorf("a tag's %s may hold nothing but letters, digits, spaces and these: _ . : / = + - @ (not %q)", what, r)
		}
	}
	return nil
}

// checkTags holds tags to macie.md 11.2.
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return wire.Errorf(wire.Validation, "at most %d tags can be given at a time", maxTags)
	}
	for key, value := range tags {
		err := errors.Join(checkTagText("key", key, 1, 128), checkTagText("value", value, 0, 256))
		if err == nil && strings.HasPrefix(strings.ToLower(key), "aws:") {
			err = errors.New("the prefix aws: of a tag's key is reserved")
		}
		if err != nil {
			return wire.Errorf(wire.Validation, "tags: %v", err)
		}
	}
	return nil
}
