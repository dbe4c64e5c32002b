package macie

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

func TestNotEnabled(t *testing.T) {
	w := newWorld(t)
	ctx := as(t.Context(), other)
	id := wire.Ptr("0123456789abcdef0123456789abcdef")
	in := jobOver("token", "bucket")
	in.S3JobDefinition.BucketDefinitions[0].AccountId = wire.Ptr(other.Account)
	resource := wire.Ptr(jobARN(other, *id))
	for name, call := range map[string]func() error{
		"GetMacieSession": func() error { _, err := w.service.GetMacieSession(ctx, &macie2.GetMacieSessionInput{}); return err },
		"UpdateMacieSession": func() error {
			_, err := w.service.UpdateMacieSession(ctx, &macie2.UpdateMacieSessionInput{})
			return err
		},
		"DisableMacie":    func() error { _, err := w.service.DisableMacie(ctx, &macie2.DisableMacieInput{}); return err },
		"DescribeBuckets": func() error { _, err := w.service.DescribeBuckets(ctx, &macie2.DescribeBucketsInput{}); return err },
		"CreateClassificationJob": func() error {
			_, err := w.service.CreateClassificationJob(ctx, in)
			return err
		},
		"DescribeClassificationJob": func() error {
			_, err := w.service.DescribeClassificationJob(ctx, &macie2.DescribeClassificationJobInput{JobId: id})
			return err
		},
		"ListClassificationJobs": func() error {
			_, err := w.service.ListClassificationJobs(ctx, &macie2.ListClassificationJobsInput{})
			return err
		},
		"UpdateClassificationJob": func() error {
			_, err := w.service.UpdateClassificationJob(ctx, &macie2.UpdateClassificationJobInput{JobId: id, JobStatus: macie2.JobStatusCancelled})
			return err
		},
		"ListFindings": func() error { _, err := w.service.ListFindings(ctx, &macie2.ListFindingsInput{}); return err },
		"GetFindings": func() error {
			_, err := w.service.GetFindings(ctx, &macie2.GetFindingsInput{FindingIds: []string{*id}})
			return err
		},
		"GetFindingStatistics": func() error {
			_, err := w.service.GetFindingStatistics(ctx, &macie2.GetFindingStatisticsInput{GroupBy: macie2.GroupByType})
			return err
		},
		"CreateSampleFindings": func() error {
			_, err := w.service.CreateSampleFindings(ctx, &macie2.CreateSampleFindingsInput{})
			return err
		},
		"ListTagsForResource": func() error {
			_, err := w.service.ListTagsForResource(ctx, &macie2.ListTagsForResourceInput{ResourceArn: resource})
			return err
		},
		"TagResource": func() error {
			_, err := w.service.TagResource(ctx, &macie2.TagResourceInput{ResourceArn: resource, Tags: map[string]string{"a": "b"}})
			return err
		},
		"UntagResource": func() error {
			_, err := w.service.UntagResource(ctx, &macie2.UntagResourceInput{ResourceArn: resource, TagKeys: []string{"a"}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { refused(t, call(), wire.AccessDenied, "Macie is not enabled.") })
	}
}

func (w *world) session() *macie2.GetMacieSessionOutput {
	w.Helper()
	out, err := w.service.GetMacieSession(w.ctx, &macie2.GetMacieSessionInput{})
	must(w, err)
	return out
}

func TestSession(t *testing.T) {
	w := newWorld(t)
	created := wire.TimeOf(w.clock.Now())
	want := &macie2.GetMacieSessionOutput{
		CreatedAt: &created, UpdatedAt: &created, Status: macie2.MacieStatusEnabled,
		FindingPublishingFrequency: macie2.FindingPublishingFrequencyFifteenMinutes,
		ServiceRole:                wire.Ptr("arn:aws:iam::123456789012:role/aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie"),
	}
	equal(t, "new session", w.session(), want)
	_, err := w.service.EnableMacie(w.ctx, &macie2.EnableMacieInput{})
	refused(t, err, wire.Conflict, "Macie has already been enabled")

	// An update changes what it names and nothing else.
	w.clock.Advance(patience)
	_, err = w.service.UpdateMacieSession(w.ctx, &macie2.UpdateMacieSessionInput{FindingPublishingFrequency: macie2.FindingPublishingFrequencyOneHour})
	must(t, err)
	want.FindingPublishingFrequency, want.UpdatedAt = macie2.FindingPublishingFrequencyOneHour, wire.PtrTime(w.clock.Now())
	equal(t, "updated session", w.session(), want)
	_, err = w.service.UpdateMacieSession(w.ctx, &macie2.UpdateMacieSessionInput{Status: macie2.MacieStatusPaused})
	must(t, err)
	want.Status = macie2.MacieStatusPaused
	equal(t, "suspended session", w.session(), want)

	_, err = w.service.DisableMacie(w.ctx, &macie2.DisableMacieInput{})
	must(t, err)
	_, err = w.service.EnableMacie(w.ctx, &macie2.EnableMacieInput{
		Status: macie2.MacieStatusPaused, FindingPublishingFrequency: macie2.FindingPublishingFrequencySixHours})
	must(t, err)
	if out := w.session(); out.Status != macie2.MacieStatusPaused || out.FindingPublishingFrequency != macie2.FindingPublishingFrequencySixHours ||
		*out.CreatedAt == created {
		t.Errorf("%s", wire.Marshal(out))
	}
}

// TestEnableAgain sends EnableMacie once more with its client token, as a client does that never got the answer.
func TestEnableAgain(t *testing.T) {
	w := newWorld(t)
	ctx := as(t.Context(), other)
	enable := func(token string, status macie2.MacieStatus) error {
		_, err := w.service.EnableMacie(ctx, &macie2.EnableMacieInput{ClientToken: wire.Ptr(token), Status: status})
		return err
	}
	session := func() *macie2.GetMacieSessionOutput {
		out, err := w.service.GetMacieSession(ctx, &macie2.GetMacieSessionInput{})
		must(t, err)
		return out
	}
	must(t, enable("token", macie2.MacieStatusEnabled))
	before := session()
	w.clock.Advance(patience)
	must(t, enable("token", macie2.MacieStatusEnabled))
	equal(t, "session after the repetition", session(), before)
	refused(t, enable("another", macie2.MacieStatusEnabled), wire.Conflict, "Macie has already been enabled")
	refused(t, enable("token", macie2.MacieStatusPaused), wire.Conflict, "Macie has already been enabled")

	// A repetition that comes late undoes nothing.
	_, err := w.service.UpdateMacieSession(ctx, &macie2.UpdateMacieSessionInput{FindingPublishingFrequency: macie2.FindingPublishingFrequencySixHours})
	must(t, err)
	before = session()
	must(t, enable("token", macie2.MacieStatusEnabled))
	equal(t, "session after a late repetition", session(), before)

	// Without a token nothing tells a repetition from another request.
	_, err = w.service.DisableMacie(ctx, &macie2.DisableMacieInput{})
	must(t, err)
	_, err = w.service.EnableMacie(ctx, &macie2.EnableMacieInput{})
	must(t, err)
	_, err = w.service.EnableMacie(ctx, &macie2.EnableMacieInput{})
	refused(t, err, wire.Conflict, "Macie has already been enabled")
}

// TestSuspend suspends Macie: jobs that are not over are cancelled for good, those that are stay, and no new ones are taken.
func TestSuspend(t *testing.T) {
	w := newWorld(t)
	w.put("bucket", map[string]string{"people.csv": people(1)})
	running, paused := w.create(jobOver("1", "bucket")), w.create(jobOver("2", "bucket"))
	must(t, w.set(paused, macie2.JobStatusUserPaused))
	_, err := w.service.UpdateMacieSession(w.ctx, &macie2.UpdateMacieSessionInput{Status: macie2.MacieStatusPaused})
	must(t, err)
	for _, id := range []string{running, paused} {
		if out := w.describe(id); out.JobStatus != macie2.JobStatusCancelled || out.UserPausedDetails != nil {
			t.Errorf("%s", wire.Marshal(out))
		}
	}
	_, err = w.service.CreateClassificationJob(w.ctx, jobOver("3", "bucket"))
	refused(t, err, wire.Conflict, "Macie is suspended")

	_, err = w.service.UpdateMacieSession(w.ctx, &macie2.UpdateMacieSessionInput{Status: macie2.MacieStatusEnabled})
	must(t, err)
	refused(t, w.set(paused, macie2.JobStatusRunning), wire.Validation, "cannot update cancelled job for job")
	w.start()
	done := w.run("bucket")
	equal(t, "status", w.describe(done).JobStatus, macie2.JobStatusComplete)
	equal(t, "findings of cancelled jobs and one that ran", len(w.findings(home, nil)), 1)
	_, err = w.service.UpdateMacieSession(w.ctx, &macie2.UpdateMacieSessionInput{Status: macie2.MacieStatusPaused})
	must(t, err)
	equal(t, "status of a complete job after suspending", w.describe(done).JobStatus, macie2.JobStatusComplete)
	equal(t, "findings after suspending", len(w.findings(home, nil)), 1)
}

// TestDisable erases everything, while a job works, on both databases.
func TestDisable(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.start()
		w.put("bucket", map[string]string{"people.csv": people(1)})
		in := jobOver("token", "bucket")
		in.Tags = map[string]string{"a": "b"}
		first := w.create(in)
		w.wait(first)
		_, err := w.service.DescribeBuckets(w.ctx, &macie2.DescribeBucketsInput{})
		must(t, err)
		_, err = w.service.CreateSampleFindings(w.ctx, &macie2.CreateSampleFindingsInput{})
		must(t, err)

		// Another job is under way: its worker has the object in its hands.
		w.put("bucket", map[string]string{"people.csv": people(2)})
		held, goOn := make(chan struct{}), make(chan struct{})
		w.hold("bucket", "people.csv", held, goOn)
		w.create(jobOver("another", "bucket"))
		<-held
		_, err = w.service.DisableMacie(w.ctx, &macie2.DisableMacieInput{})
		must(t, err)
		close(goOn)

		_, err = w.service.GetMacieSession(w.ctx, &macie2.GetMacieSessionInput{})
		refused(t, err, wire.AccessDenied, "Macie is not enabled.")
		w.enable(home)
		equal(t, "findings", len(w.findings(home, nil)), 0)
		equal(t, "results", len(w.results(first)), 0)
		jobs, err := w.service.ListClassificationJobs(w.ctx, &macie2.ListClassificationJobsInput{})
		must(t, err)
		equal(t, "jobs", len(jobs.Items), 0)
		must(t, w.db.View(w.ctx, func(tx store.Tx) error {
			buckets, err := store.BucketNames(w.ctx, tx, home)
			equal(t, "buckets", len(buckets), 0)
			must(t, err)
			tags, err := store.Tags(w.ctx, tx, home, jobARN(home, first))
			equal(t, "tags", len(tags), 0)
			must(t, err)
			runs, err := job.Runs(w.ctx, tx, home, first, 10)
			equal(t, "runs", len(runs), 0)
			return err
		}))
		buckets, err := w.service.DescribeBuckets(w.ctx, &macie2.DescribeBucketsInput{})
		must(t, err)
		equal(t, "buckets of the new session", len(buckets.Buckets), 1)
		// The client token of an erased job may be used again.
		again := w.create(in)
		w.wait(again)
		equal(t, "findings of the new session", len(w.findings(home, nil)), 1)
	})
}
