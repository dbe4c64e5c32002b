package macie

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// bucketsPage is how many buckets a page has unless fewer are asked for.
const bucketsPage = 50

// A standing is what is known of the buckets of a tenant beside the buckets themselves.
type standing struct {
	jobs      map[string]*macie2.JobDetails // of the buckets named in a job
	discovery discoveryView
}

// standingOf reads a standing.
func standingOf(ctx context.Context, tx store.Tx, t store.Tenant) (*standing, error) {
	jobs, err := jobsOfBuckets(ctx, tx, t)
	if err != nil {
		return nil, err
	}
	discovery, err := viewDiscovery(ctx, tx, t)
	return &standing{jobs, discovery}, err
}

// jobsOfBuckets says which buckets are named in jobs that are not cancelled, or met the criteria of one (macie.md 6.6).
func jobsOfBuckets(ctx context.Context, tx store.Tx, t store.Tenant) (map[string]*macie2.JobDetails, error) {
	details := map[string]*macie2.JobDetails{}
	cancelled := store.JobTerm{Key: string(macie2.ListJobsFilterKeyJobStatus), Comparator: string(macie2.JobComparatorEq),
		Values: []string{string(macie2.JobStatusCancelled)}}
	query := store.JobQuery{Excludes: []store.JobTerm{cancelled}, Limit: 1000}
	for {
		rows, next, err := store.ListJobs(ctx, tx, t, query) // oldest first: of two that started at once the later one stays
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			in := &macie2.CreateClassificationJobInput{}
			if err := wire.Unmarshal(row.Doc, in); err != nil {
				return nil, fmt.Errorf("job %s is damaged: %w", row.ID, err)
			}
			buckets := namedBuckets(in)
			if in.S3JobDefinition.BucketCriteria != nil && row.LastRunAt != nil { // those that met them when the job ran last
				if buckets, err = store.ListedBuckets(ctx, tx, t, row.ID, latestRun(t, row).RunID); err != nil {
					return nil, err
				}
			}
			for _, bucket := range buckets {
				d := details[bucket]
				if d == nil {
					d = &macie2.JobDetails{IsDefinedInJob: macie2.IsDefinedInJobTrue, IsMonitoredByJob: macie2.IsMonitoredByJobFalse}
					details[bucket] = d
				}
				if in.JobType == macie2.JobTypeScheduled {
					d.IsMonitoredByJob = macie2.IsMonitoredByJobTrue
				}
				if run := (*wire.Time)(row.LastRunAt); run != nil && (d.LastJobRunTime == nil || *run >= *d.LastJobRunTime) {
					d.LastJobId, d.LastJobRunTime = wire.Ptr(row.ID), run
				}
			}
		}
		if query.After = next; next == nil {
			return details, nil
		}
	}
}

// complete fills in what a bucket's document does not hold.
func (v *standing) complete(row *store.Bucket, m *macie2.BucketMetadata) {
	m.LastUpdated = wire.Ptr(wire.Time(row.UpdatedAt))
	if m.JobDetails = v.jobs[row.Name]; m.JobDetails == nil {
		m.JobDetails = &macie2.JobDetails{IsDefinedInJob: macie2.IsDefinedInJobFalse, IsMonitoredByJob: macie2.IsMonitoredByJobFalse}
	}
	m.SensitivityScore = wire.Ptr(row.BaseScore)
	m.AutomatedDiscoveryMonitoringStatus = macie2.AutomatedDiscoveryMonitoringStatusNotMonitored
	if v.discovery.enabled {
		m.SensitivityScore = wire.Ptr(row.Score)
		m.LastAutomatedDiscoveryTime = (*wire.Time)(row.AnalyzedAt)
	}
	if v.discovery.monitors(row.Name) {
		m.AutomatedDiscoveryMonitoringStatus = macie2.AutomatedDiscoveryMonitoringStatusMonitored
	}
}

// read returns buckets by their names as DescribeBuckets shows them.
func (v *standing) read(ctx context.Context, tx store.Tx, t store.Tenant, names []string) ([]macie2.BucketMetadata, error) {
	rows, err := store.Buckets(ctx, tx, t, names)
	if err != nil {
		return nil, err
	}
	out := make([]macie2.BucketMetadata, 0, len(rows))
	for i := range rows {
		m, _, err := readBucketRow(&rows[i])
		if err != nil {
			return nil, err
		}
		v.complete(&rows[i], m)
		out = append(out, *m)
	}
	return out, nil
}

// A property is a field of buckets that the standing decides. It has two values. The first is that of the buckets that named returns or, if
// rest, of all others.
type property struct {
	values [2]string
	named  func(*standing) (names []string, rest bool)
}

var properties = map[string]property{
	"jobDetails.isDefinedInJob": {[2]string{string(macie2.IsDefinedInJobTrue), string(macie2.IsDefinedInJobFalse)}, func(v *standing) ([]string, bool) {
		return slices.Sorted(maps.Keys(v.jobs)), false
	}},
	"jobDetails.isMonitoredByJob": {[2]string{string(macie2.IsMonitoredByJobTrue), string(macie2.IsMonitoredByJobFalse)}, func(v *standing) ([]string, bool) {
		var names []string
		for name, d := range v.jobs {
			if d.IsMonitoredByJob == macie2.IsMonitoredByJobTrue {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names, false
	}},
	monitoringStatus: {[2]string{string(macie2.AutomatedDiscoveryMonitoringStatusMonitored), string(macie2.AutomatedDiscoveryMonitoringStatusNotMonitored)},
		func(v *standing) ([]string, bool) {
			if !v.discovery.on {
				return nil, false
			}
			return slices.Sorted(maps.Keys(v.discovery.excluded)), true
		}},
}

const monitoringStatus = "automatedDiscoveryMonitoringStatus"

// term is the condition that a property has one of some values.
func (p property) term(v *standing, eq []string) store.BucketTerm {
	name, _ := store.GetBucketField("bucketName")
	names, rest := p.named(v)
	first, second := slices.Contains(eq, p.values[0]), slices.Contains(eq, p.values[1])
	term := store.BucketTerm{Criterion: store.BucketCriterion{Field: name, Eq: []string{}}} // matches nothing
	if first == second {
		term.Not = first
		return term
	}
	term.Criterion.Eq = append(term.Criterion.Eq, names...)
	term.Not = first == rest
	return term
}

// A bucketCriteria makes the conditions of a request, once the standing is known.
type bucketCriteria func(*standing) []store.BucketTerm

// describeCriteria compiles the criteria of DescribeBuckets; all fields must match (macie.md 6.8).
func describeCriteria(in map[string]macie2.BucketCriteriaAdditionalProperties) (bucketCriteria, error) {
	var terms []func(*standing) []store.BucketTerm
	for _, name := range slices.Sorted(maps.Keys(in)) {
		c := in[name]
		field, ok := store.GetBucketField(name)
		dynamic, isDynamic := properties[name]
		ranged := c.Gt != nil || c.Gte != nil || c.Lt != nil || c.Lte != nil
		switch {
		case !ok && !isDynamic:
			return nil, wire.Errorf(wire.Validation, "criteria: buckets cannot be filtered by %q", name)
		case !ranged && c.Prefix == nil && c.Eq == nil && c.Neq == nil:
			return nil, wire.Errorf(wire.Validation, "criteria: %s has no operator", name)
		case len(c.Eq) > store.MaxCriterionValues || len(c.Neq) > store.MaxCriterionValues:
			return nil, wire.Errorf(wire.Validation, "criteria: an operator of %s may have %d values at most", name, store.MaxCriterionValues)
		case c.Prefix != nil && name != "bucketName":
			return nil, wire.Errorf(wire.Validation, "criteria: prefix goes with bucketName only, not with %s", name)
		case ranged && field.Kind != store.Number && field.Kind != store.Date:
			return nil, wire.Errorf(wire.Validation, "criteria: %s is neither a number nor a date", name)
		}
		terms = append(terms, func(v *standing) []store.BucketTerm {
			if !isDynamic {
				return []store.BucketTerm{{Criterion: store.BucketCriterion{
					Field: field, Eq: c.Eq, Neq: c.Neq, Gt: c.Gt, Gte: c.Gte, Lt: c.Lt, Lte: c.Lte, Prefix: c.Prefix}}}
			}
			var out []store.BucketTerm
			if c.Eq != nil {
				out = append(out, dynamic.term(v, c.Eq))
			}
			if c.Neq != nil {
				none := dynamic.term(v, c.Neq)
				none.Not = !none.Not
				out = append(out, none)
			}
			return out
		})
	}
	return func(v *standing) []store.BucketTerm {
		var all []store.BucketTerm
		for _, term := range terms {
			all = append(all, term(v)...)
		}
		return all
	}, nil
}

// bucketSorts are the attributes that buckets can be sorted by.
var bucketSorts = []string{"", "accountId", "bucketName", "classifiableObjectCount", "classifiableSizeInBytes", "objectCount", "sensitivityScore", "sizeInBytes"}

// DescribeBuckets lists the buckets of the inventory that meet criteria.
func (s *Service) DescribeBuckets(ctx context.Context, in *macie2.DescribeBucketsInput) (*macie2.DescribeBucketsOutput, error) {
	terms, err := describeCriteria(in.Criteria)
	if err != nil {
		return nil, err
	}
	var query store.BucketQuery
	if sort := in.SortCriteria; sort != nil {
		query.Sort, query.Descending = wire.Value(sort.AttributeName), sort.OrderBy == macie2.OrderByDesc
	}
	if !slices.Contains(bucketSorts, query.Sort) {
		return nil, wire.Errorf(wire.Validation, "sortCriteria: buckets cannot be sorted by %q", query.Sort)
	}
	out := &macie2.DescribeBucketsOutput{Buckets: []macie2.BucketMetadata{}}
	out.NextToken, err = s.queryBuckets(ctx, in, in.MaxResults, query, terms, nil, func(page []macie2.BucketMetadata) { out.Buckets = page })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// queryBuckets answers a page of buckets, after reading the inventory if that was not done just now.
func (s *Service) queryBuckets(ctx context.Context, in wire.PagedInput, maxResults *int64, query store.BucketQuery, includes, excludes bucketCriteria,
	answer func([]macie2.BucketMetadata)) (next *string, err error) {
	if query.Limit, err = pageSize(maxResults, bucketsPage); err != nil {
		return nil, err
	}
	if query.After, err = s.cfg.Tokens.Open(wire.CallerFrom(ctx), in); err != nil {
		return nil, err
	}
	if err := s.freshInventory(ctx); err != nil {
		return nil, err
	}
	err = s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		v, err := standingOf(ctx, tx, t)
		if err != nil {
			return err
		}
		q := query
		q.Scored = v.discovery.enabled
		q.Terms = includes(v)
		if excludes != nil {
			q.Excludes = excludes(v)
		}
		names, cursor, err := store.ListBuckets(ctx, tx, t, q)
		if err != nil {
			return err
		}
		page, err := v.read(ctx, tx, t, names)
		if err != nil {
			return err
		}
		answer(page)
		next = s.nextToken(ctx, in, cursor)
		return nil
	})
	return next, err
}

// GetBucketStatistics sums up the buckets of the inventory (macie.md 6.9).
func (s *Service) GetBucketStatistics(ctx context.Context, in *macie2.GetBucketStatisticsInput) (*macie2.GetBucketStatisticsOutput, error) {
	if err := s.freshInventory(ctx); err != nil {
		return nil, err
	}
	var sums *store.BucketTotals
	err := s.view(ctx, func(tx store.Tx, t store.Tenant) error {
		discovery, err := viewDiscovery(ctx, tx, t)
		if err != nil {
			return err
		}
		sums, err = store.SumBuckets(ctx, tx, t, wire.Value(in.AccountId), discovery.enabled)
		return err
	})
	if err != nil {
		return nil, err
	}
	sensitivity := func(s store.ScoreTotals) *macie2.SensitivityAggregations {
		return &macie2.SensitivityAggregations{TotalCount: wire.Ptr(s.Buckets), PubliclyAccessibleCount: wire.Ptr(s.Public),
			TotalSizeInBytes: wire.Ptr(s.Bytes), ClassifiableSizeInBytes: wire.Ptr(s.ClassifiableBytes)}
	}
	of := func(counts map[string]int64, values ...string) *int64 {
		n := int64(0)
		for _, v := range values {
			n += counts[v]
		}
		return &n
	}
	return &macie2.GetBucketStatisticsOutput{
		BucketCount: wire.Ptr(sums.Buckets),
		BucketCountByEffectivePermission: &macie2.BucketCountByEffectivePermission{
			PubliclyAccessible: of(sums.Permission, string(macie2.EffectivePermissionPublic)),
			PubliclyReadable:   wire.Ptr(sums.Readable),
			PubliclyWritable:   wire.Ptr(sums.Writable),
			Unknown:            of(sums.Permission, string(macie2.EffectivePermissionUnknown), ""),
		},
		BucketCountByEncryptionType: &macie2.BucketCountByEncryptionType{
			KmsManaged:  of(sums.Encryption, string(macie2.TypeAwsKms), string(macie2.TypeAwsKmsDsse)),
			S3Managed:   of(sums.Encryption, string(macie2.TypeAes256)),
			Unencrypted: of(sums.Encryption, string(macie2.TypeNone)),
			Unknown:     of(sums.Encryption, ""),
		},
		BucketCountByObjectEncryptionRequirement: &macie2.BucketCountPolicyAllowsUnencryptedObjectUploads{
			AllowsUnencryptedObjectUploads: of(sums.Uploads, string(macie2.AllowsUnencryptedObjectUploadsTrue)),
			DeniesUnencryptedObjectUploads: of(sums.Uploads, string(macie2.AllowsUnencryptedObjectUploadsFalse)),
			Unknown:                        of(sums.Uploads, string(macie2.AllowsUnencryptedObjectUploadsUnknown), ""),
		},
		BucketCountBySharedAccessType: &macie2.BucketCountBySharedAccessType{
			External:  of(sums.Shared, string(macie2.SharedAccessExternal)),
			Internal:  of(sums.Shared, string(macie2.SharedAccessInternal)),
			NotShared: of(sums.Shared, string(macie2.SharedAccessNotShared)),
			Unknown:   of(sums.Shared, string(macie2.SharedAccessUnknown), ""),
		},
		BucketStatisticsBySensitivity: &macie2.BucketStatisticsBySensitivity{
			ClassificationError: sensitivity(sums.Failed), NotClassified: sensitivity(sums.NotAnalyzed),
			NotSensitive: sensitivity(sums.NotSensitive), Sensitive: sensitivity(sums.Sensitive),
		},
		ClassifiableObjectCount: wire.Ptr(sums.ClassifiableObjects),
		ClassifiableSizeInBytes: wire.Ptr(sums.ClassifiableBytes),
		LastUpdated:             (*wire.Time)(sums.UpdatedAt),
		ObjectCount:             wire.Ptr(sums.Objects),
		SizeInBytes:             wire.Ptr(sums.Bytes),
		SizeInBytesCompressed:   wire.Ptr(sums.Compressed),
		UnclassifiableObjectCount: &macie2.ObjectLevelStatistics{
			FileType: wire.Ptr(sums.ByType.Objects), StorageClass: wire.Ptr(sums.ByClass.Objects), Total: wire.Ptr(sums.Unfit.Objects)},
		UnclassifiableObjectSizeInBytes: &macie2.ObjectLevelStatistics{
			FileType: wire.Ptr(sums.ByType.Bytes), StorageClass: wire.Ptr(sums.ByClass.Bytes), Total: wire.Ptr(sums.Unfit.Bytes)},
	}, nil
}

// searchKeys are the fields behind the keys of SearchResources.
var searchKeys = map[macie2.SearchResourcesSimpleCriterionKey]string{
	macie2.SearchResourcesSimpleCriterionKeyAccountId:                          "accountId",
	macie2.SearchResourcesSimpleCriterionKeyS3BucketName:                       "bucketName",
	macie2.SearchResourcesSimpleCriterionKeyS3BucketEffectivePermission:        "publicAccess.effectivePermission",
	macie2.SearchResourcesSimpleCriterionKeyS3BucketSharedAccess:               "sharedAccess",
	macie2.SearchResourcesSimpleCriterionKeyAutomatedDiscoveryMonitoringStatus: monitoringStatus,
}

// searchSorts are the fields behind the attributes that SearchResources sorts by.
var searchSorts = map[macie2.SearchResourcesSortAttributeName]string{
	"": "bucketName",
	macie2.SearchResourcesSortAttributeNameAccountId:                 "accountId",
	macie2.SearchResourcesSortAttributeNameResourceName:              "bucketName",
	macie2.SearchResourcesSortAttributeNameS3ClassifiableObjectCount: "classifiableObjectCount",
	macie2.SearchResourcesSortAttributeNameS3ClassifiableSizeInBytes: "classifiableSizeInBytes",
}

// SearchResources lists the buckets that meet conditions (macie.md 6.10): all of includes, and not all of excludes.
func (s *Service) SearchResources(ctx context.Context, in *macie2.SearchResourcesInput) (*macie2.SearchResourcesOutput, error) {
	c := in.BucketCriteria
	if c == nil {
		c = &macie2.SearchResourcesBucketCriteria{}
	}
	includes, err := searchCriteria("includes", c.Includes)
	if err != nil {
		return nil, err
	}
	excludes, err := searchCriteria("excludes", c.Excludes)
	if err != nil {
		return nil, err
	}
	query := store.BucketQuery{Sort: "bucketName"}
	if sort := in.SortCriteria; sort != nil {
		query.Sort, query.Descending = searchSorts[sort.AttributeName], sort.OrderBy == macie2.OrderByDesc
	}
	out := &macie2.SearchResourcesOutput{MatchingResources: []macie2.MatchingResource{}}
	out.NextToken, err = s.queryBuckets(ctx, in, in.MaxResults, query, includes, excludes, func(page []macie2.BucketMetadata) {
		for i := range page {
			out.MatchingResources = append(out.MatchingResources, macie2.MatchingResource{MatchingBucket: matchingBucket(&page[i])})
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// searchCriteria compiles a block of conditions.
func searchCriteria(where string, block *macie2.SearchResourcesCriteriaBlock) (bucketCriteria, error) {
	if block == nil {
		block = &macie2.SearchResourcesCriteriaBlock{}
	}
	if len(block.And) > store.MaxCriterionValues {
		return nil, wire.Errorf(wire.Validation, "bucketCriteria: %s may hold %d conditions at most", where, store.MaxCriterionValues)
	}
	for _, c := range block.And {
		if err := checkSearch(c); err != nil {
			return nil, err
		}
	}
	return func(v *standing) []store.BucketTerm {
		var terms []store.BucketTerm
		for _, c := range block.And {
			terms = append(terms, searchTerm(v, c))
		}
		return terms
	}, nil
}

func checkSearch(c macie2.SearchResourcesCriteria) error {
	simple, tag := c.SimpleCriterion, c.TagCriterion
	switch {
	case (simple == nil) == (tag == nil):
		return wire.Errorf(wire.Validation, "bucketCriteria: a condition holds simpleCriterion or tagCriterion, and one of them")
	case simple != nil && (simple.Key == "" || simple.Comparator == "" || len(simple.Values) == 0):
		return wire.Errorf(wire.Validation, "bucketCriteria: simpleCriterion needs key, comparator and values")
	case simple != nil && len(simple.Values) > store.MaxCriterionValues || tag != nil && len(tag.TagValues) > store.MaxCriterionValues:
		return wire.Errorf(wire.Validation, "bucketCriteria: a condition may have %d values at most", store.MaxCriterionValues)
	case tag != nil && (tag.Comparator == "" || len(tag.TagValues) == 0):
		return wire.Errorf(wire.Validation, "bucketCriteria: tagCriterion needs comparator and tagValues")
	case tag != nil && slices.ContainsFunc(tag.TagValues, func(p macie2.SearchResourcesTagCriterionPair) bool { return p.Key == nil && p.Value == nil }):
		return wire.Errorf(wire.Validation, "bucketCriteria: an element of tagValues needs a key, a value or both")
	}
	return nil
}

func searchTerm(v *standing, c macie2.SearchResourcesCriteria) store.BucketTerm {
	if tag := c.TagCriterion; tag != nil {
		term := store.BucketTerm{Tags: []store.TagPair{}, Not: tag.Comparator == macie2.SearchResourcesComparatorNe}
		for _, p := range tag.TagValues {
			term.Tags = append(term.Tags, store.TagPair{Key: p.Key, Value: p.Value})
		}
		return term
	}
	name, not := searchKeys[c.SimpleCriterion.Key], c.SimpleCriterion.Comparator == macie2.SearchResourcesComparatorNe
	if dynamic, ok := properties[name]; ok {
		term := dynamic.term(v, c.SimpleCriterion.Values)
		term.Not = term.Not != not
		return term
	}
	field, _ := store.GetBucketField(name)
	return store.BucketTerm{Criterion: store.BucketCriterion{Field: field, Eq: c.SimpleCriterion.Values}, Not: not}
}

func matchingBucket(m *macie2.BucketMetadata) *macie2.MatchingBucket {
	return &macie2.MatchingBucket{
		AccountId:                          m.AccountId,
		AutomatedDiscoveryMonitoringStatus: m.AutomatedDiscoveryMonitoringStatus,
		BucketName:                         m.BucketName,
		ClassifiableObjectCount:            m.ClassifiableObjectCount,
		ClassifiableSizeInBytes:            m.ClassifiableSizeInBytes,
		ErrorCode:                          m.ErrorCode,
		ErrorMessage:                       m.ErrorMessage,
		JobDetails:                         m.JobDetails,
		LastAutomatedDiscoveryTime:         m.LastAutomatedDiscoveryTime,
		ObjectCount:                        m.ObjectCount,
		ObjectCountByEncryptionType:        m.ObjectCountByEncryptionType,
		SensitivityScore:                   m.SensitivityScore,
		SizeInBytes:                        m.SizeInBytes,
		SizeInBytesCompressed:              m.SizeInBytesCompressed,
		UnclassifiableObjectCount:          m.UnclassifiableObjectCount,
		UnclassifiableObjectSizeInBytes:    m.UnclassifiableObjectSizeInBytes,
	}
}
