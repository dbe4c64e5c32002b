package macie

import (
	"slices"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// jobsPage is how many jobs a page has unless fewer are asked for.
const jobsPage = 50

// jobQuery turns the criteria of ListClassificationJobs into a query of the store.
func jobQuery(in *macie2.ListClassificationJobsInput) (store.JobQuery, error) {
	limit, err := pageSize(in.MaxResults, jobsPage)
	if err != nil {
		return store.JobQuery{}, err
	}
	q := store.JobQuery{Limit: limit, Descending: true}
	if sort := in.SortCriteria; sort != nil {
		q.Sort, q.Descending = string(sort.AttributeName), sort.OrderBy == macie2.OrderByDesc
	}
	if in.FilterCriteria == nil {
		return q, nil
	}
	if q.Includes, err = jobTerms(in.FilterCriteria.Includes); err != nil {
		return q, err
	}
	q.Excludes, err = jobTerms(in.FilterCriteria.Excludes)
	return q, err
}

// jobComparators says which comparators go with a key of ListJobsFilterTerm (macie.md 4.9).
var jobComparators = map[macie2.ListJobsFilterKey][]macie2.JobComparator{
	macie2.ListJobsFilterKeyJobType:   {macie2.JobComparatorEq, macie2.JobComparatorNe},
	macie2.ListJobsFilterKeyJobStatus: {macie2.JobComparatorEq, macie2.JobComparatorNe},
	macie2.ListJobsFilterKeyCreatedAt: {macie2.JobComparatorEq, macie2.JobComparatorNe, macie2.JobComparatorGt,
		macie2.JobComparatorGte, macie2.JobComparatorLt, macie2.JobComparatorLte},
	macie2.ListJobsFilterKeyName: {macie2.JobComparatorEq, macie2.JobComparatorNe, macie2.JobComparatorContains, macie2.JobComparatorStartsWith},
}

func jobTerms(terms []macie2.ListJobsFilterTerm) ([]store.JobTerm, error) {
	var out []store.JobTerm
	for _, term := range terms {
		if term.Key == "" || term.Comparator == "" || len(term.Values) == 0 {
			return nil, wire.Errorf(wire.Validation, "filterCriteria: a term needs key, comparator and values")
		}
		if !slices.Contains(jobComparators[term.Key], term.Comparator) {
			return nil, wire.Errorf(wire.Validation, "filterCriteria: %s cannot be compared with %s", term.Key, term.Comparator)
		}
		t := store.JobTerm{Key: string(term.Key), Comparator: string(term.Comparator), Values: term.Values}
		if term.Key == macie2.ListJobsFilterKeyCreatedAt {
			for _, v := range term.Values {
				at, err := wire.ParseTime(v)
				if err != nil {
					return nil, wire.Errorf(wire.Validation, "filterCriteria: createdAt: %v", err)
				}
				t.Times = append(t.Times, int64(at))
			}
		}
		out = append(out, t)
	}
	return out, nil
}
