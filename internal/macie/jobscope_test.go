package macie

import (
	"errors"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// simple makes a simpleScopeTerm.
func simple(key macie2.ScopeFilterKey, comparator macie2.JobComparator, values ...string) macie2.JobScopeTerm {
	return macie2.JobScopeTerm{SimpleScopeTerm: &macie2.SimpleScopeTerm{Key: key, Comparator: comparator, Values: values}}
}

// tagged makes a tagScopeTerm of pairs of keys and values.
func tagged(comparator macie2.JobComparator, pairs ...string) macie2.JobScopeTerm {
	t := &macie2.TagScopeTerm{Comparator: comparator, Key: wire.Ptr("TAG"), Target: macie2.TagTargetS3Object}
	for i := 0; i < len(pairs); i += 2 {
		t.TagValues = append(t.TagValues, macie2.TagValuePair{Key: &pairs[i], Value: &pairs[i+1]})
	}
	return macie2.JobScopeTerm{TagScopeTerm: t}
}

func block(terms ...macie2.JobScopeTerm) *macie2.JobScopingBlock {
	return &macie2.JobScopingBlock{And: terms}
}

// TestObjectScope follows macie.md 4.6.
func TestObjectScope(t *testing.T) {
	const (
		extension = macie2.ScopeFilterKeyObjectExtension
		key       = macie2.ScopeFilterKeyObjectKey
		size      = macie2.ScopeFilterKeyObjectSize
		modified  = macie2.ScopeFilterKeyObjectLastModifiedDate
		eq        = macie2.JobComparatorEq
		ne        = macie2.JobComparatorNe
		begins    = macie2.JobComparatorStartsWith
	)
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	object := source.Object{Key: "logs/2026/app.DOCX", Size: 1000, LastModified: at}
	tags := []source.Tag{{Key: "Team", Value: "red"}, {Key: "Stage", Value: ""}}
	for name, v := range map[string]struct {
		includes, excludes *macie2.JobScopingBlock
		want               bool
	}{
		"nothing asked":               {nil, nil, true},
		"empty blocks":                {block(), block(), true},
		"extension":                   {block(simple(extension, eq, "pdf", "DOCX")), nil, true},
		"extension of another case":   {block(simple(extension, eq, "docx")), nil, false},
		"another extension":           {block(simple(extension, ne, "docx", "pdf")), nil, true},
		"not that extension":          {block(simple(extension, ne, "DOCX", "pdf")), nil, false},
		"prefix":                      {block(simple(key, begins, "data/", "logs/2")), nil, true},
		"a prefix is not anywhere":    {block(simple(key, begins, "2026")), nil, false},
		"a prefix of another case":    {block(simple(key, begins, "Logs")), nil, false},
		"size":                        {block(simple(size, eq, "1000")), nil, true},
		"larger":                      {block(simple(size, macie2.JobComparatorGt, "1000")), nil, false},
		"as large":                    {block(simple(size, macie2.JobComparatorGte, "1000")), nil, true},
		"smaller":                     {block(simple(size, macie2.JobComparatorLt, "1001")), nil, true},
		"as small":                    {block(simple(size, macie2.JobComparatorLte, "999")), nil, false},
		"date":                        {block(simple(modified, eq, "2026-11-01T12:00:00Z")), nil, true},
		"later":                       {block(simple(modified, macie2.JobComparatorGt, "2026-11-01T12:00:00Z")), nil, false},
		"earlier, in another zone":    {block(simple(modified, macie2.JobComparatorLt, "2026-11-01T12:30:00+00:30")), nil, false},
		"both conditions":             {block(simple(extension, eq, "DOCX"), simple(size, macie2.JobComparatorGt, "5000")), nil, false},
		"excluded":                    {nil, block(simple(extension, eq, "DOCX")), false},
		"one of two exclusions":       {nil, block(simple(extension, eq, "DOCX"), simple(key, begins, "data")), true},
		"an exclusion wins":           {block(simple(extension, eq, "DOCX")), block(simple(key, begins, "logs/")), false},
		"tag":                         {block(tagged(eq, "Team", "blue", "Team", "red")), nil, true},
		"a tag's value of other case": {block(tagged(eq, "Team", "Red")), nil, false},
		"a tag by its key":            {block(tagged(eq, "Stage", "")), nil, true},
		"no such tag":                 {block(tagged(ne, "Owner", "", "Team", "blue")), nil, true},
		"not that tag":                {block(tagged(ne, "Owner", "", "Team", "red")), nil, false},
		"excluded by a tag":           {nil, block(tagged(eq, "Team", "red")), false},
	} {
		scope, err := newObjectScope(&macie2.Scoping{Includes: v.includes, Excludes: v.excludes})
		must(t, err)
		reads := 0
		got, err := scope.holds(&object, func() ([]source.Tag, error) { reads++; return tags, nil })
		must(t, err)
		if got != v.want || reads > 1 {
			t.Errorf("%s: %v after reading the tags %d times", name, got, reads)
		}
	}
	scope, err := newObjectScope(&macie2.Scoping{Includes: block(tagged(eq, "a", ""), simple(size, macie2.JobComparatorLt, "9"))})
	must(t, err)
	got, err := scope.holds(&object, func() ([]source.Tag, error) { return nil, errors.New("tags were read for nothing") })
	must(t, err)
	equal(t, "an object that is too large", got, false)
	unknown := source.Object{Key: "a", Size: source.UnknownSize}
	for _, k := range []macie2.JobScopeTerm{simple(size, eq, "0"), simple(size, macie2.JobComparatorLt, "9"), simple(modified, macie2.JobComparatorGt, "2026-11-01T12:00:00Z")} {
		scope, err := newObjectScope(&macie2.Scoping{Includes: block(k)})
		must(t, err)
		got, err := scope.holds(&unknown, nil)
		must(t, err)
		equal(t, "what is not known", got, false)
	}

	for name, terms := range map[string]macie2.JobScopeTerm{
		"neither":       {},
		"both":          {SimpleScopeTerm: simple(size, eq, "1").SimpleScopeTerm, TagScopeTerm: tagged(eq, "a", "b").TagScopeTerm},
		"no key":        simple("", eq, "1"),
		"contains":      simple(key, macie2.JobComparatorContains, "a"),
		"ordered name":  simple(extension, macie2.JobComparatorGt, "a"),
		"no value":      simple(size, eq),
		"two sizes":     simple(size, eq, "1", "2"),
		"no number":     simple(size, eq, "1k"),
		"below zero":    simple(size, eq, "-1"),
		"no date":       simple(modified, eq, "yesterday"),
		"two dates":     simple(modified, eq, "2026-11-01T12:00:00Z", "2026-11-02T12:00:00Z"),
		"tags ordered":  tagged(macie2.JobComparatorGt, "a", "b"),
		"no tags":       tagged(eq),
		"key of a term": {TagScopeTerm: &macie2.TagScopeTerm{Comparator: eq, Key: wire.Ptr("Team"), TagValues: tagged(eq, "a", "b").TagScopeTerm.TagValues}},
	} {
		_, err := newObjectScope(&macie2.Scoping{Excludes: block(terms)})
		if e, ok := errors.AsType[*wire.Error](err); !ok || e.Kind != wire.Validation {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBucketSelection follows macie.md 4.5.
func TestBucketSelection(t *testing.T) {
	const (
		name   = macie2.SimpleCriterionKeyForJobS3BucketName
		access = macie2.SimpleCriterionKeyForJobS3BucketEffectivePermission
		shared = macie2.SimpleCriterionKeyForJobS3BucketSharedAccess
		owner  = macie2.SimpleCriterionKeyForJobAccountId
		eq     = macie2.JobComparatorEq
		ne     = macie2.JobComparatorNe
	)
	is := func(key macie2.SimpleCriterionKeyForJob, c macie2.JobComparator, values ...string) macie2.CriteriaForJob {
		return macie2.CriteriaForJob{SimpleCriterion: &macie2.SimpleCriterionForJob{Key: key, Comparator: c, Values: values}}
	}
	tag := func(c macie2.JobComparator, key, value *string) macie2.CriteriaForJob {
		return macie2.CriteriaForJob{TagCriterion: &macie2.TagCriterionForJob{Comparator: c, TagValues: []macie2.TagCriterionPairForJob{{Key: key, Value: value}}}}
	}
	all := func(c ...macie2.CriteriaForJob) *macie2.CriteriaBlockForJob {
		return &macie2.CriteriaBlockForJob{And: c}
	}
	bucket := &macie2.BucketMetadata{
		AccountId: &home.Account, BucketName: wire.Ptr("logs"), SharedAccess: macie2.SharedAccessNotShared,
		PublicAccess: &macie2.BucketPublicAccess{EffectivePermission: macie2.EffectivePermissionPublic},
		Tags:         []macie2.KeyValuePair{{Key: wire.Ptr("Team"), Value: wire.Ptr("red")}},
	}
	for label, v := range map[string]struct {
		includes, excludes *macie2.CriteriaBlockForJob
		want               bool
	}{
		"nothing asked":           {nil, nil, true},
		"empty blocks":            {all(), all(), true},
		"name":                    {all(is(name, eq, "data", "logs")), nil, true},
		"part of a name":          {all(is(name, eq, "log")), nil, false},
		"another name":            {all(is(name, ne, "data")), nil, true},
		"account":                 {all(is(owner, eq, home.Account)), nil, true},
		"public":                  {all(is(access, eq, "PUBLIC", "UNKNOWN")), nil, true},
		"not public":              {all(is(access, ne, "PUBLIC")), nil, false},
		"shared":                  {all(is(shared, eq, "EXTERNAL")), nil, false},
		"tag":                     {all(tag(eq, wire.Ptr("Team"), wire.Ptr("red"))), nil, true},
		"key of a tag":            {all(tag(eq, wire.Ptr("Team"), nil)), nil, true},
		"value of a tag":          {all(tag(eq, nil, wire.Ptr("red"))), nil, true},
		"another value":           {all(tag(eq, wire.Ptr("Team"), wire.Ptr("blue"))), nil, false},
		"no such tag":             {all(tag(ne, wire.Ptr("Owner"), nil)), nil, true},
		"excluded":                {all(is(name, eq, "logs")), all(is(access, eq, "PUBLIC")), false},
		"one of two exclusions":   {nil, all(is(access, eq, "PUBLIC"), is(name, eq, "data")), true},
		"both of the inclusions":  {all(is(access, eq, "PUBLIC"), is(name, eq, "data")), nil, false},
		"excluded by all of them": {nil, all(is(access, eq, "PUBLIC"), is(name, eq, "logs")), false},
	} {
		s, err := newBucketSelection(&macie2.S3BucketCriteriaForJob{Includes: v.includes, Excludes: v.excludes})
		must(t, err)
		equal(t, label, s.holds(bucket), v.want)
	}
	s, err := newBucketSelection(&macie2.S3BucketCriteriaForJob{Includes: all(is(access, eq, "UNKNOWN"))})
	must(t, err)
	equal(t, "a bucket of which nothing is known", s.holds(&macie2.BucketMetadata{BucketName: wire.Ptr("x")}), true)
	for label, c := range map[string]macie2.CriteriaForJob{
		"neither":     {},
		"no key":      is("", eq, "a"),
		"starts with": is(name, macie2.JobComparatorStartsWith, "a"),
		"no value":    is(name, eq),
		"no such":     is(access, eq, "public"),
		"no tags":     {TagCriterion: &macie2.TagCriterionForJob{Comparator: eq}},
		"tags beyond": {TagCriterion: &macie2.TagCriterionForJob{Comparator: macie2.JobComparatorGt, TagValues: []macie2.TagCriterionPairForJob{{Key: wire.Ptr("a")}}}},
	} {
		_, err := newBucketSelection(&macie2.S3BucketCriteriaForJob{Excludes: all(c)})
		if e, ok := errors.AsType[*wire.Error](err); !ok || e.Kind != wire.Validation {
			t.Errorf("%s: %v", label, err)
		}
	}
}
