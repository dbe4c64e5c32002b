package macie

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// TestPlanIsWhatTheJobDoes compares the plans of jobs with what the jobs then look at.
func TestPlanIsWhatTheJobDoes(t *testing.T) {
	w := newWorld(t)
	for _, bucket := range []string{"one", "two", "three"} {
		w.put(bucket, map[string]string{"a.csv": people(1), "b.txt": people(1), "logs/c.csv": people(2), "logs/d.json": "{}", "empty": ""})
	}
	w.start()
	named := func(key macie2.SimpleCriterionKeyForJob, c macie2.JobComparator, values ...string) *macie2.CriteriaBlockForJob {
		return &macie2.CriteriaBlockForJob{And: []macie2.CriteriaForJob{{SimpleCriterion: &macie2.SimpleCriterionForJob{Key: key, Comparator: c, Values: values}}}}
	}
	for name, change := range map[string]func(*macie2.CreateClassificationJobInput){
		"all": func(*macie2.CreateClassificationJobInput) {},
		"scope": func(in *macie2.CreateClassificationJobInput) {
			in.S3JobDefinition.Scoping = &macie2.Scoping{Excludes: block(simple(macie2.ScopeFilterKeyObjectKey, macie2.JobComparatorStartsWith, "logs/"))}
		},
		"size": func(in *macie2.CreateClassificationJobInput) {
			in.S3JobDefinition.Scoping = &macie2.Scoping{Includes: block(simple(macie2.ScopeFilterKeyObjectSize, macie2.JobComparatorGt, "10"))}
		},
		"missing": func(in *macie2.CreateClassificationJobInput) {
			in.S3JobDefinition.BucketDefinitions[0].Buckets = []string{"two", "gone"}
		},
		"criteria": func(in *macie2.CreateClassificationJobInput) {
			in.S3JobDefinition = &macie2.S3JobDefinition{BucketCriteria: &macie2.S3BucketCriteriaForJob{
				Excludes: named(macie2.SimpleCriterionKeyForJobS3BucketName, macie2.JobComparatorEq, "two")}}
		},
		"nothing": func(in *macie2.CreateClassificationJobInput) {
			in.S3JobDefinition = &macie2.S3JobDefinition{BucketCriteria: &macie2.S3BucketCriteriaForJob{
				Includes: named(macie2.SimpleCriterionKeyForJobS3BucketName, macie2.JobComparatorEq, "no such")}}
		},
	} {
		in := jobOver(name, "one", "two", "three")
		change(in)
		plan, _, err := PlanJob(home, wire.Marshal(in))
		must(t, err)
		buckets, err := plan.Buckets(w.ctx, w.sources)
		must(t, err)
		planned := map[string]bool{}
		for _, b := range buckets {
			for item, err := range b.Driver.List(w.ctx, b.Name, source.ListOptions{}) {
				if err != nil {
					break // it is missing
				}
				holds, err := plan.Holds(w.ctx, b.Driver, b.Name, &item.Object)
				must(t, err)
				if holds {
					planned[b.Name+"/"+item.Key] = true
				}
			}
		}
		id := w.create(in)
		w.wait(id)
		if totals := w.totals(id); int(totals.Listed) != len(planned) || totals.Listed != totals.Objects {
			t.Errorf("%s: the job looked at %d objects, planned were %v", name, totals.Listed, planned)
		}
	}
	half := jobOver("half", "one")
	half.SamplingPercentage = wire.Ptr[int64](50)
	plan, _, err := PlanJob(home, wire.Marshal(half))
	must(t, err)
	held := 0
	for i := range 1000 {
		if holds, err := plan.Holds(w.ctx, w.objects[home], "one", &source.Object{Key: string(rune(i + 100))}); err != nil {
			t.Fatal(err)
		} else if holds {
			held++
		}
	}
	if held < 400 || held > 600 {
		t.Errorf("a sample of 50%% holds %d of 1000", held)
	}
	for name, request := range map[string]string{"no JSON": "{", "nothing": "{}", "no buckets": `{"jobType":"ONE_TIME","s3JobDefinition":{}}`,
		"another account": `{"jobType":"ONE_TIME","s3JobDefinition":{"bucketDefinitions":[{"accountId":"210987654321","buckets":["b"]}]}}`,
		"no schedule":     `{"jobType":"SCHEDULED","s3JobDefinition":{"bucketDefinitions":[{"accountId":"123456789012","buckets":["b"]}]}}`} {
		if _, _, err := PlanJob(home, []byte(request)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
