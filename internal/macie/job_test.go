package macie

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// TestJobReadsBack creates jobs by JSON as clients send it and reads them back: what was sent comes back as it was, what was not sent stays
// absent, and defaults are shown.
func TestJobReadsBack(t *testing.T) {
	w := newWorld(t)
	const computed = `"createdAt":"2026-11-21T08:00:00.000Z"`
	for name, v := range map[string]struct{ sent, want string }{
		"least": {
			`{"clientToken":"a","jobType":"ONE_TIME","name":"n","s3JobDefinition":{"bucketDefinitions":[{"accountId":"123456789012","buckets":["b"]}]}}`,
			`{"clientToken":"a",` + computed + `,"initialRun":false,"jobArn":"ARN","jobId":"ID","jobStatus":"RUNNING","jobType":"ONE_TIME",` +
				`"lastRunErrorStatus":{"code":"NONE"},"lastRunTime":"RUN","managedDataIdentifierSelector":"RECOMMENDED","name":"n",` +
				`"s3JobDefinition":{"bucketDefinitions":[{"accountId":"123456789012","buckets":["b"]}]},"samplingPercentage":100,` +
				`"statistics":{"approximateNumberOfObjectsToProcess":0,"numberOfRuns":1}}`,
		},
		"most": {
			`{"clientToken":"b","description":"Größe ☃","initialRun":false,"jobType":"ONE_TIME","managedDataIdentifierIds":["JSON_WEB_TOKEN","PKCS"],` +
				`"managedDataIdentifierSelector":"INCLUDE","name":"n","s3JobDefinition":{"bucketDefinitions":[{"accountId":"123456789012","buckets":["z","a"]},` +
				`{"accountId":"123456789012","buckets":["a"]}],"scoping":{"excludes":{"and":[]}}},"samplingPercentage":7,"tags":{"k":"v","Env":""}}`,
			`{"clientToken":"b",` + computed + `,"description":"Größe ☃","initialRun":false,"jobArn":"ARN","jobId":"ID","jobStatus":"RUNNING","jobType":"ONE_TIME",` +
				`"lastRunErrorStatus":{"code":"NONE"},"lastRunTime":"RUN","managedDataIdentifierIds":["JSON_WEB_TOKEN","PKCS"],` +
				`"managedDataIdentifierSelector":"INCLUDE","name":"n","s3JobDefinition":{"bucketDefinitions":[{"accountId":"123456789012","buckets":["z","a"]},` +
				`{"accountId":"123456789012","buckets":["a"]}],"scoping":{"excludes":{"and":[]}}},"samplingPercentage":7,` +
				`"statistics":{"approximateNumberOfObjectsToProcess":0,"numberOfRuns":1},"tags":{"Env":"","k":"v"}}`,
		},
		"empty is not absent": {
			`{"clientToken":"c","customDataIdentifierIds":[],"allowListIds":[],"description":"","jobType":"ONE_TIME","managedDataIdentifierIds":[],` +
				`"managedDataIdentifierSelector":"ALL","name":"n","s3JobDefinition":{"bucketDefinitions":[{"accountId":"123456789012","buckets":["b"]}]}}`,
			`{"allowListIds":[],"clientToken":"c",` + computed + `,"customDataIdentifierIds":[],"description":"","initialRun":false,"jobArn":"ARN","jobId":"ID",` +
				`"jobStatus":"RUNNING","jobType":"ONE_TIME","lastRunErrorStatus":{"code":"NONE"},"lastRunTime":"RUN","managedDataIdentifierIds":[],` +
				`"managedDataIdentifierSelector":"ALL","name":"n","s3JobDefinition":{"bucketDefinitions":[{"accountId":"123456789012","buckets":["b"]}]},` +
				`"samplingPercentage":100,"statistics":{"approximateNumberOfObjectsToProcess":0,"numberOfRuns":1}}`,
		},
	} {
		in := &macie2.CreateClassificationJobInput{}
		must(t, wire.Unmarshal([]byte(v.sent), in))
		created, err := w.service.CreateClassificationJob(w.ctx, in)
		must(t, err)
		out := w.describe(*created.JobId)
		want := strings.NewReplacer("ARN", jobARN(home, *created.JobId), "ID", *created.JobId, "RUN\"", out.LastRunTime.String()+"\"").Replace(v.want)
		equal(t, name, string(wire.Marshal(out)), want)
		equal(t, name+": ARN", *created.JobArn, "arn:aws:macie2:eu-west-1:123456789012:classification-job/"+*created.JobId)
	}
}

func TestClientToken(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		first := w.create(jobOver("token", "bucket"))
		equal(t, "the same request again", w.create(jobOver("token", "bucket")), first)
		for name, change := range map[string]func(*macie2.CreateClassificationJobInput){
			"name": func(in *macie2.CreateClassificationJobInput) { in.Name = wire.Ptr("another") },
			"buckets": func(in *macie2.CreateClassificationJobInput) {
				in.S3JobDefinition.BucketDefinitions[0].Buckets[0] = "another"
			},
			"tags":     func(in *macie2.CreateClassificationJobInput) { in.Tags = map[string]string{"a": "b"} },
			"sampling": func(in *macie2.CreateClassificationJobInput) { in.SamplingPercentage = wire.Ptr[int64](5) },
		} {
			in := jobOver("token", "bucket")
			change(in)
			_, err := w.service.CreateClassificationJob(w.ctx, in)
			refused(t, err, wire.Conflict, "clientToken was used for another job")
			var e *wire.Error
			if errors.As(err, &e) && e.ResourceID != first {
				t.Errorf("%s: about %q", name, e.ResourceID)
			}
		}
		if w.create(jobOver("other token", "bucket")) == first {
			t.Error("another token gave the same job")
		}
		// Many at once make one job.
		ids := make([]string, 8)
		var group sync.WaitGroup
		for i := range ids {
			group.Go(func() {
				out, err := w.service.CreateClassificationJob(w.ctx, jobOver("at once", "bucket"))
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = *out.JobId
			})
		}
		group.Wait()
		equal(t, "jobs made at once", len(slices.Compact(slices.Sorted(slices.Values(ids)))), 1)
		jobs, err := w.service.ListClassificationJobs(w.ctx, &macie2.ListClassificationJobsInput{})
		must(t, err)
		equal(t, "jobs", len(jobs.Items), 3)
		// The job stays what its token stands for when it is over.
		must(t, w.set(first, macie2.JobStatusCancelled))
		equal(t, "the request of a cancelled job", w.create(jobOver("token", "bucket")), first)
	})
}

func TestJobRefused(t *testing.T) {
	w := newWorld(t)
	type input = macie2.CreateClassificationJobInput
	names := func(n int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = fmt.Sprint("bucket", i)
		}
		return out
	}
	block := &macie2.JobScopingBlock{And: []macie2.JobScopeTerm{{SimpleScopeTerm: &macie2.SimpleScopeTerm{}}}}
	for name, v := range map[string]struct {
		change func(*input)
		kind   wire.Kind
		text   string
	}{
		"empty token":      {func(in *input) { in.ClientToken = wire.Ptr("") }, wire.Validation, "clientToken"},
		"empty name":       {func(in *input) { in.Name = wire.Ptr("") }, wire.Validation, "name"},
		"long name":        {func(in *input) { in.Name = wire.Ptr(strings.Repeat("ä", 501)) }, wire.Validation, "500"},
		"long description": {func(in *input) { in.Description = wire.Ptr(strings.Repeat("ä", 201)) }, wire.Validation, "200"},
		"no frequency":     {func(in *input) { in.JobType = macie2.JobTypeScheduled }, wire.Validation, "needs a scheduleFrequency"},
		"frequency of a one-time job": {func(in *input) { in.ScheduleFrequency = &macie2.JobScheduleFrequency{} }, wire.Validation,
			"scheduleFrequency"},
		"initial run": {func(in *input) { in.InitialRun = wire.Ptr(true) }, wire.Validation, "initialRun"},
		"no sample":   {func(in *input) { in.SamplingPercentage = wire.Ptr[int64](0) }, wire.Validation, "samplingPercentage must be from 1 to 100"},
		"over sample": {func(in *input) { in.SamplingPercentage = wire.Ptr[int64](101) }, wire.Validation, "samplingPercentage must be from 1 to 100"},
		"custom":      {func(in *input) { in.CustomDataIdentifierIds = []string{"x"} }, wire.Validation, `no custom data identifier "x"`},
		"many custom": {func(in *input) { in.CustomDataIdentifierIds = names(31) }, wire.Validation, "customDataIdentifierIds may hold 30 ids"},
		"allow list":  {func(in *input) { in.AllowListIds = []string{"x"} }, wire.Validation, `no allow list "x"`},
		"many lists":  {func(in *input) { in.AllowListIds = names(11) }, wire.Validation, "allowListIds may hold 10 ids"},
		"aws tag":     {func(in *input) { in.Tags = map[string]string{"aws:x": ""} }, wire.Validation, "aws:"},
		"criteria": {func(in *input) {
			block := &macie2.CriteriaBlockForJob{And: []macie2.CriteriaForJob{{}}}
			in.S3JobDefinition = &macie2.S3JobDefinition{BucketCriteria: &macie2.S3BucketCriteriaForJob{Includes: block}}
		}, wire.Validation, "bucketCriteria.includes"},
		"both":        {func(in *input) { in.S3JobDefinition.BucketCriteria = &macie2.S3BucketCriteriaForJob{} }, wire.Validation, "not both"},
		"neither":     {func(in *input) { in.S3JobDefinition = &macie2.S3JobDefinition{} }, wire.Validation, "from 1 to 1000 buckets"},
		"includes":    {func(in *input) { in.S3JobDefinition.Scoping = &macie2.Scoping{Includes: block} }, wire.Validation, "scoping"},
		"excludes":    {func(in *input) { in.S3JobDefinition.Scoping = &macie2.Scoping{Excludes: block} }, wire.Validation, "scoping"},
		"stranger":    {func(in *input) { in.S3JobDefinition.BucketDefinitions[0].AccountId = &other.Account }, wire.AccessDenied, "own account"},
		"no bucket":   {func(in *input) { in.S3JobDefinition.BucketDefinitions[0].Buckets = nil }, wire.Validation, "from 1 to 1000 buckets"},
		"many":        {func(in *input) { in.S3JobDefinition.BucketDefinitions[0].Buckets = names(1001) }, wire.Validation, "not 1001"},
		"no name":     {func(in *input) { in.S3JobDefinition.BucketDefinitions[0].Buckets[0] = "" }, wire.Validation, "no name of a bucket"},
		"NUL":         {func(in *input) { in.S3JobDefinition.BucketDefinitions[0].Buckets[0] = "a\x00" }, wire.Validation, "no name of a bucket"},
		"long bucket": {func(in *input) { in.S3JobDefinition.BucketDefinitions[0].Buckets[0] = strings.Repeat("a", 256) }, wire.Validation, "no name of a bucket"},
		"unknown id": {func(in *input) {
			in.ManagedDataIdentifierSelector, in.ManagedDataIdentifierIds = macie2.ManagedDataIdentifierSelectorInclude, []string{"SHOE_SIZE"}
		}, wire.Validation, "SHOE_SIZE"},
		"ids without selector": {func(in *input) { in.ManagedDataIdentifierIds = []string{"PKCS"} }, wire.Validation, "must be empty"},
		"ids with ALL": {func(in *input) {
			in.ManagedDataIdentifierSelector, in.ManagedDataIdentifierIds = macie2.ManagedDataIdentifierSelectorAll, []string{"PKCS"}
		}, wire.Validation, "must be empty"},
		"INCLUDE without ids": {func(in *input) { in.ManagedDataIdentifierSelector = macie2.ManagedDataIdentifierSelectorInclude }, wire.Validation, "needs"},
		"EXCLUDE without ids": {func(in *input) { in.ManagedDataIdentifierSelector = macie2.ManagedDataIdentifierSelectorExclude }, wire.Validation, "needs"},
		"EXCLUDE everything": {func(in *input) {
			in.ManagedDataIdentifierSelector = macie2.ManagedDataIdentifierSelectorExclude
			list, err := w.service.ListManagedDataIdentifiers(w.ctx, &macie2.ListManagedDataIdentifiersInput{})
			must(t, err)
			for {
				for _, id := range list.Items {
					in.ManagedDataIdentifierIds = append(in.ManagedDataIdentifierIds, *id.Id)
				}
				if list.NextToken == nil {
					return
				}
				list, err = w.service.ListManagedDataIdentifiers(w.ctx, &macie2.ListManagedDataIdentifiersInput{NextToken: list.NextToken})
				must(t, err)
			}
		}, wire.Validation, "every identifier"},
		"NONE": {func(in *input) { in.ManagedDataIdentifierSelector = macie2.ManagedDataIdentifierSelectorNone }, wire.Validation, "customDataIdentifierIds"},
	} {
		t.Run(name, func(t *testing.T) {
			in := jobOver(name, "bucket")
			v.change(in)
			_, err := w.service.CreateClassificationJob(w.ctx, in)
			refused(t, err, v.kind, v.text)
		})
	}
	long := jobOver("as long as may be", names(1000)...)
	long.Name, long.Description = wire.Ptr(strings.Repeat("ä", 500)), wire.Ptr(strings.Repeat("ä", 200))
	w.create(long)
}

// TestTransitions tries every change of status from every state (macie.md 4.2).
func TestTransitions(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.put("bucket", map[string]string{"a": ""})
	all := []macie2.JobStatus{macie2.JobStatusRunning, macie2.JobStatusPaused, macie2.JobStatusCancelled, macie2.JobStatusComplete,
		macie2.JobStatusIdle, macie2.JobStatusUserPaused}
	over := map[macie2.JobStatus]string{macie2.JobStatusCancelled: "cancelled", macie2.JobStatusComplete: "completed"}
	legal := map[macie2.JobStatus][]macie2.JobStatus{
		macie2.JobStatusRunning:    {macie2.JobStatusUserPaused, macie2.JobStatusCancelled},
		macie2.JobStatusIdle:       {macie2.JobStatusUserPaused, macie2.JobStatusCancelled},
		macie2.JobStatusPaused:     {macie2.JobStatusUserPaused, macie2.JobStatusCancelled},
		macie2.JobStatusUserPaused: {macie2.JobStatusRunning, macie2.JobStatusCancelled},
	}
	id := w.create(jobOver("token", "bucket"))
	w.wait(id)
	for _, from := range all {
		for _, to := range all {
			err := checkTransition(home, store.Job{ID: id, Status: string(from)}, to)
			switch {
			case slices.Contains(legal[from], to):
				if err != nil {
					t.Errorf("%s to %s: %v", from, to, err)
				}
			case over[from] != "":
				refused(t, err, wire.Validation, "Input validation failed, cannot update "+over[from]+" job for job: "+jobARN(home, id))
			default:
				refused(t, err, wire.Validation, fmt.Sprintf("Input validation failed, cannot update job from %s to %s for job: ", from, to))
			}
		}
	}
	for _, to := range all {
		refused(t, w.set(id, to), wire.Validation, "cannot update completed job for job: "+jobARN(home, id))
	}
	refused(t, w.set("0", macie2.JobStatusCancelled), wire.NotFound, "specified job does not exist")
}

// TestPause pauses a job in the middle of its work: nothing more is done until it is resumed, and then nothing is lost or doubled.
func TestPause(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url, oneSlot)
		bodies := map[string]string{}
		for i := range 20 {
			bodies[fmt.Sprintf("%02d.csv", i)] = people(i + 1)
		}
		w.put("bucket", bodies)
		held, goOn := make(chan struct{}), make(chan struct{})
		w.hold("bucket", "07.csv", held, goOn)
		w.start()
		id := w.create(jobOver("token", "bucket"))
		created := *w.describe(id).CreatedAt
		<-held
		if left := *w.describe(id).Statistics.ApproximateNumberOfObjectsToProcess; left != 20 {
			t.Errorf("%v objects to process", left)
		}
		w.clock.Advance(time.Hour)
		must(t, w.set(id, macie2.JobStatusUserPaused))
		out := w.describe(id)
		pausedAt := wire.TimeOf(w.clock.Now())
		want := &macie2.UserPausedDetails{JobPausedAt: &pausedAt, JobExpiresAt: wire.PtrTime(w.clock.Now().AddDate(0, 0, 30)),
			JobImminentExpirationHealthEventArn: wire.Ptr("")}
		equal(t, "userPausedDetails", out.UserPausedDetails, want)
		if out.JobStatus != macie2.JobStatusUserPaused || *out.CreatedAt != created {
			t.Errorf("%s", wire.Marshal(out))
		}
		list, err := w.service.ListClassificationJobs(w.ctx, &macie2.ListClassificationJobsInput{})
		must(t, err)
		equal(t, "userPausedDetails of the summary", list.Items[0].UserPausedDetails, want)
		close(goOn)
		w.run("other-bucket") // works while the first is paused, and shows that its worker has let go
		equal(t, "findings while paused", len(w.findings(home, nil)), 0)

		must(t, w.set(id, macie2.JobStatusRunning))
		if out := w.describe(id); out.UserPausedDetails != nil {
			t.Errorf("%s", wire.Marshal(out))
		}
		w.wait(id)
		equal(t, "findings", len(w.findings(home, nil)), 20)
		equal(t, "results", len(w.results(id)), 20)
		totals := w.totals(id)
		if totals.Objects != 20 || totals.Listed != 20 || totals.Findings != 20 || totals.Classified != 20 {
			t.Errorf("%+v", totals.Counters)
		}
		equal(t, "status", w.describe(id).JobStatus, macie2.JobStatusComplete)
	})
}

// TestPausedTooLong lets 30 days pass.
func TestPausedTooLong(t *testing.T) {
	w := newWorld(t)
	id, younger := w.create(jobOver("1", "bucket")), w.create(jobOver("2", "bucket"))
	must(t, w.set(id, macie2.JobStatusUserPaused))
	w.clock.Advance(24 * time.Hour)
	must(t, w.set(younger, macie2.JobStatusUserPaused))
	w.clock.Advance(29*24*time.Hour - time.Millisecond)
	equal(t, "status just before", w.describe(id).JobStatus, macie2.JobStatusUserPaused)
	w.clock.Advance(time.Millisecond)
	list, err := w.service.ListClassificationJobs(w.ctx, &macie2.ListClassificationJobsInput{FilterCriteria: &macie2.ListJobsFilterCriteria{
		Includes: []macie2.ListJobsFilterTerm{{Key: macie2.ListJobsFilterKeyJobStatus, Comparator: macie2.JobComparatorEq, Values: []string{"CANCELLED"}}}}})
	must(t, err)
	if len(list.Items) != 1 || *list.Items[0].JobId != id {
		t.Errorf("cancelled jobs: %v", list.Items)
	}
	refused(t, w.set(id, macie2.JobStatusRunning), wire.Validation, "cannot update cancelled job for job")
	if out := w.describe(id); out.JobStatus != macie2.JobStatusCancelled || out.UserPausedDetails != nil {
		t.Errorf("%s", wire.Marshal(out))
	}
	must(t, w.set(younger, macie2.JobStatusRunning))
}

// TestCancel cancels a job in the middle of its work. What was found stays.
func TestCancel(t *testing.T) {
	w := newWorld(t, oneSlot)
	w.put("bucket", map[string]string{"a.csv": people(1), "b.csv": people(1)})
	w.put("done", map[string]string{"c.csv": people(1)})
	held, goOn := make(chan struct{}), make(chan struct{})
	w.hold("bucket", "b.csv", held, goOn)
	w.start()
	w.run("done")
	id := w.create(jobOver("token", "bucket"))
	<-held
	must(t, w.set(id, macie2.JobStatusCancelled))
	close(goOn)
	w.run("done")
	equal(t, "status", w.describe(id).JobStatus, macie2.JobStatusCancelled)
	equal(t, "findings of the two jobs that were not cancelled", len(w.findings(home, nil)), 2)
	refused(t, w.set(id, macie2.JobStatusRunning), wire.Validation, "cannot update cancelled job for job")
}

func TestListJobs(t *testing.T) {
	w := newWorld(t)
	ids := map[string]string{} // by name
	names := []string{"delta", "alpha", "charlie", "bravo", "alphabet"}
	for i, name := range names {
		in := jobOver(name, "bucket")
		in.Name = wire.Ptr(name)
		ids[name] = w.create(in)
		if i == 2 {
			must(t, w.set(ids[name], macie2.JobStatusCancelled))
		}
		w.clock.Advance(time.Minute)
	}
	list := func(in macie2.ListClassificationJobsInput) (out []string) {
		for {
			page, err := w.service.ListClassificationJobs(w.ctx, &in)
			must(t, err)
			if in.MaxResults != nil && len(page.Items) > int(*in.MaxResults) {
				t.Errorf("a page of %d", len(page.Items))
			}
			for _, item := range page.Items {
				if *item.JobId != ids[*item.Name] {
					t.Errorf("%s", wire.Marshal(&item))
				}
				out = append(out, *item.Name)
			}
			if in.NextToken = page.NextToken; in.NextToken == nil {
				return out
			}
		}
	}
	include := func(key macie2.ListJobsFilterKey, c macie2.JobComparator, values ...string) *macie2.ListJobsFilterCriteria {
		return &macie2.ListJobsFilterCriteria{Includes: []macie2.ListJobsFilterTerm{{Key: key, Comparator: c, Values: values}}}
	}
	sorted := func(by macie2.ListJobsSortAttributeName, order macie2.OrderBy) *macie2.ListJobsSortCriteria {
		return &macie2.ListJobsSortCriteria{AttributeName: by, OrderBy: order}
	}
	two := wire.Ptr[int64](2)
	third := wire.TimeOf(w.clock.Now().Add(-3 * time.Minute)).String()
	for name, v := range map[string]struct {
		in   macie2.ListClassificationJobsInput
		want []string
	}{
		"newest first":     {macie2.ListClassificationJobsInput{}, []string{"alphabet", "bravo", "charlie", "alpha", "delta"}},
		"in pages":         {macie2.ListClassificationJobsInput{MaxResults: two}, []string{"alphabet", "bravo", "charlie", "alpha", "delta"}},
		"more than a page": {macie2.ListClassificationJobsInput{MaxResults: wire.Ptr[int64](1e6)}, []string{"alphabet", "bravo", "charlie", "alpha", "delta"}},
		"by name": {macie2.ListClassificationJobsInput{MaxResults: two, SortCriteria: sorted(macie2.ListJobsSortAttributeNameName, macie2.OrderByAsc)},
			[]string{"alpha", "alphabet", "bravo", "charlie", "delta"}},
		"by date": {macie2.ListClassificationJobsInput{SortCriteria: sorted(macie2.ListJobsSortAttributeNameCreatedAt, macie2.OrderByAsc)}, names},
		"status":  {macie2.ListClassificationJobsInput{FilterCriteria: include(macie2.ListJobsFilterKeyJobStatus, macie2.JobComparatorEq, "CANCELLED")}, []string{"charlie"}},
		"prefix":  {macie2.ListClassificationJobsInput{FilterCriteria: include(macie2.ListJobsFilterKeyName, macie2.JobComparatorStartsWith, "alpha")}, []string{"alphabet", "alpha"}},
		"since":   {macie2.ListClassificationJobsInput{FilterCriteria: include(macie2.ListJobsFilterKeyCreatedAt, macie2.JobComparatorGt, third)}, []string{"alphabet", "bravo"}},
		"but": {macie2.ListClassificationJobsInput{FilterCriteria: &macie2.ListJobsFilterCriteria{
			Includes: []macie2.ListJobsFilterTerm{{Key: macie2.ListJobsFilterKeyName, Comparator: macie2.JobComparatorContains, Values: []string{"l"}}},
			Excludes: []macie2.ListJobsFilterTerm{{Key: macie2.ListJobsFilterKeyName, Comparator: macie2.JobComparatorEq, Values: []string{"delta"}}}}},
			[]string{"alphabet", "charlie", "alpha"}},
	} {
		equal(t, name, list(v.in), v.want)
	}
	for name, v := range map[string]struct {
		in   macie2.ListClassificationJobsInput
		text string
	}{
		"no page":    {macie2.ListClassificationJobsInput{MaxResults: wire.Ptr[int64](0)}, "maxResults"},
		"less":       {macie2.ListClassificationJobsInput{MaxResults: wire.Ptr[int64](-1)}, "maxResults"},
		"comparator": {macie2.ListClassificationJobsInput{FilterCriteria: include(macie2.ListJobsFilterKeyJobStatus, macie2.JobComparatorGt, "A")}, "jobStatus cannot be compared with GT"},
		"no values":  {macie2.ListClassificationJobsInput{FilterCriteria: include(macie2.ListJobsFilterKeyName, macie2.JobComparatorEq)}, "needs key, comparator and values"},
		"no date":    {macie2.ListClassificationJobsInput{FilterCriteria: include(macie2.ListJobsFilterKeyCreatedAt, macie2.JobComparatorEq, "yesterday")}, "createdAt"},
		"no token":   {macie2.ListClassificationJobsInput{NextToken: wire.Ptr("made up")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.service.ListClassificationJobs(w.ctx, &v.in)
			refused(t, err, wire.Validation, v.text)
		})
	}
	// A page token goes with the query and the caller that it was made for.
	page, err := w.service.ListClassificationJobs(w.ctx, &macie2.ListClassificationJobsInput{MaxResults: two})
	must(t, err)
	_, err = w.service.ListClassificationJobs(w.ctx, &macie2.ListClassificationJobsInput{NextToken: page.NextToken,
		FilterCriteria: include(macie2.ListJobsFilterKeyName, macie2.JobComparatorEq, "alpha")})
	refused(t, err, wire.Validation, "")
	w.enable(other)
	_, err = w.service.ListClassificationJobs(as(t.Context(), other), &macie2.ListClassificationJobsInput{MaxResults: two, NextToken: page.NextToken})
	refused(t, err, wire.Validation, "")
}
