package macie

import (
	"slices"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// A bucketSelection says which buckets a job is about by what they are (macie.md 4.5): those that meet all conditions of includes, without
// those that meet all conditions of excludes. Without conditions it is about all buckets.
type bucketSelection struct {
	includes, excludes []bucketCondition
}

type bucketCondition func(*macie2.BucketMetadata) bool

// newBucketSelection compiles the bucket criteria of a job's definition. Its errors are of the request.
func newBucketSelection(in *macie2.S3BucketCriteriaForJob) (selection bucketSelection, err error) {
	if in == nil {
		return selection, nil
	}
	if selection.includes, err = bucketConditions("includes", in.Includes); err != nil {
		return selection, err
	}
	selection.excludes, err = bucketConditions("excludes", in.Excludes)
	return selection, err
}

func bucketConditions(block string, in *macie2.CriteriaBlockForJob) ([]bucketCondition, error) {
	if in == nil {
		return nil, nil
	}
	var conditions []bucketCondition
	for _, c := range in.And {
		var condition bucketCondition
		var err error
		switch {
		case (c.SimpleCriterion == nil) == (c.TagCriterion == nil):
			err = invalid("bucketCriteria.%s: each condition holds a simpleCriterion or a tagCriterion, one of them", block)
		case c.SimpleCriterion != nil:
			condition, err = simpleCriterion(block, c.SimpleCriterion)
		default:
			condition, err = tagCriterion(block, c.TagCriterion)
		}
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, condition)
	}
	return conditions, nil
}

// The values that a bucket can have of what criteria ask; nil is any text.
var criterionValues = map[macie2.SimpleCriterionKeyForJob][]string{
	macie2.SimpleCriterionKeyForJobAccountId:                   nil,
	macie2.SimpleCriterionKeyForJobS3BucketName:                nil,
	macie2.SimpleCriterionKeyForJobS3BucketEffectivePermission: {"PUBLIC", "NOT_PUBLIC", "UNKNOWN"},
	macie2.SimpleCriterionKeyForJobS3BucketSharedAccess:        {"EXTERNAL", "INTERNAL", "NOT_SHARED", "UNKNOWN"},
}

func simpleCriterion(block string, c *macie2.SimpleCriterionForJob) (bucketCondition, error) {
	possible, ok := criterionValues[c.Key]
	switch {
	case !ok:
		return nil, invalid("bucketCriteria.%s: a condition needs a key", block)
	case !slices.Contains(equality, c.Comparator):
		return nil, invalid("bucketCriteria.%s: %s cannot be compared with %q", block, c.Key, c.Comparator)
	case len(c.Values) == 0:
		return nil, invalid("bucketCriteria.%s: %s needs a value", block, c.Key)
	}
	for _, v := range c.Values {
		if possible != nil && !slices.Contains(possible, v) {
			return nil, invalid("bucketCriteria.%s: %s is never %q; it is one of %q", block, c.Key, v, possible)
		}
	}
	values, equal := slices.Clone(c.Values), c.Comparator == macie2.JobComparatorEq
	return func(m *macie2.BucketMetadata) bool { return slices.Contains(values, criterionValue(c.Key, m)) == equal }, nil
}

func criterionValue(key macie2.SimpleCriterionKeyForJob, m *macie2.BucketMetadata) string {
	switch key {
	case macie2.SimpleCriterionKeyForJobAccountId:
		return wire.Value(m.AccountId)
	case macie2.SimpleCriterionKeyForJobS3BucketName:
		return wire.Value(m.BucketName)
	case macie2.SimpleCriterionKeyForJobS3BucketSharedAccess:
		return string(m.SharedAccess)
	}
	if m.PublicAccess == nil {
		return string(macie2.EffectivePermissionUnknown)
	}
	return string(m.PublicAccess.EffectivePermission)
}

func tagCriterion(block string, c *macie2.TagCriterionForJob) (bucketCondition, error) {
	switch {
	case !slices.Contains(equality, c.Comparator):
		return nil, invalid("bucketCriteria.%s: tags cannot be compared with %q", block, c.Comparator)
	case len(c.TagValues) == 0:
		return nil, invalid("bucketCriteria.%s: tagCriterion needs tagValues", block)
	}
	pairs := make([]tagPair, len(c.TagValues))
	for i, v := range c.TagValues {
		pairs[i] = tagPair{wire.Value(v.Key), wire.Value(v.Value)}
	}
	meet := tagsMeet(c.Comparator, pairs)
	return func(m *macie2.BucketMetadata) bool {
		tags := make([]source.Tag, len(m.Tags))
		for i, t := range m.Tags {
			tags[i] = source.Tag{Key: wire.Value(t.Key), Value: wire.Value(t.Value)}
		}
		return meet(tags)
	}, nil
}

// holds says whether the job is about a bucket.
func (s *bucketSelection) holds(m *macie2.BucketMetadata) bool {
	fails := func(c bucketCondition) bool { return !c(m) }
	excluded := len(s.excludes) > 0 && !slices.ContainsFunc(s.excludes, fails)
	return !excluded && !slices.ContainsFunc(s.includes, fails)
}
