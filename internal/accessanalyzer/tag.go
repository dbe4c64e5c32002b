package accessanalyzer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// maxTags is how many tags an analyzer may have, as most resources of AWS.
const maxTags = 50

// checkTags holds tags to access-analyzer.md 1.3.
func checkTags(tags map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		switch n := utf8.RuneCountInString(key); {
		case n < 1 || n > 128:
			return invalid("tags", "must have keys of 1 to 128 characters")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return invalid("tags", "must not have keys that begin with aws:, which is reserved")
		case utf8.RuneCountInString(tags[key]) > 256:
			return invalid("tags", "must have values of at most 256 characters")
		}
	}
	return checkTagCount(tags)
}

func checkTagCount(tags map[string]string) error {
	if len(tags) > maxTags {
		return invalid("tags", "must be %d at most", maxTags)
	}
	return nil
}

// tagged returns the tenant's analyzer of an ARN, the only resources that have tags.
func tagged(ctx context.Context, tx store.Tx, t store.Tenant, text string) (store.Analyzer, map[string]string, error) {
	parsed, err := arn.Parse(text)
	if err != nil {
		return store.Analyzer{}, nil, invalid("resourceArn", "is no ARN")
	}
	a, err := store.GetAnalyzer(ctx, tx, t, parsed.ResourceID())
	if errors.Is(err, store.ErrNotFound) || err == nil && parsed != arn.Analyzer(t.Region, t.Account, a.Name) {
		return a, nil, notFound(resourceType, text)
	} else if err != nil {
		return a, nil, err
	}
	tags, err := readTags(&a)
	return a, tags, err
}

// ListTagsForResource lists the tags of an analyzer.
func (s *Service) ListTagsForResource(ctx context.Context, in *accessanalyzer.ListTagsForResourceInput) (*accessanalyzer.ListTagsForResourceOutput, error) {
	out := &accessanalyzer.ListTagsForResourceOutput{}
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) (err error) {
		_, out.Tags, err = tagged(ctx, tx, t, *in.ResourceArn)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// TagResource adds tags to an analyzer or overwrites them.
func (s *Service) TagResource(ctx context.Context, in *accessanalyzer.TagResourceInput) (*accessanalyzer.TagResourceOutput, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	err := s.changeTags(ctx, *in.ResourceArn, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
	if err != nil {
		return nil, err
	}
	return &accessanalyzer.TagResourceOutput{}, nil
}

// UntagResource removes tags from an analyzer; keys that it does not have are passed over.
func (s *Service) UntagResource(ctx context.Context, in *accessanalyzer.UntagResourceInput) (*accessanalyzer.UntagResourceOutput, error) {
	err := s.changeTags(ctx, *in.ResourceArn, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
	if err != nil {
		return nil, err
	}
	return &accessanalyzer.UntagResourceOutput{}, nil
}

func (s *Service) changeTags(ctx context.Context, resource string, change func(map[string]string)) error {
	return s.update(ctx, func(tx store.Tx, t store.Tenant) error {
		a, tags, err := tagged(ctx, tx, t, resource)
		if err != nil {
			return err
		}
		change(tags)
		if err := checkTagCount(tags); err != nil {
			return err
		}
		doc, err := json.Marshal(tags)
		if err != nil {
			return fmt.Errorf("tags of analyzer %s: %w", a.Name, err)
		}
		return store.SetAnalyzerTags(ctx, tx, t, a.ID, doc)
	})
}
