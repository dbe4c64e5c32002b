package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/accessanalyzer"
	aatypes "github.com/aws/aws-sdk-go-v2/service/accessanalyzer/types"
	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"
)

// losing is a network that loses the answer to every request that it sees for the first time, after the server has done what was asked.
type losing struct {
	lose bool // the next answer
	lost int
}

// Do implements the SDK's HTTPClient.
func (l *losing) Do(r *http.Request) (*http.Response, error) {
	answer, err := plainBody{}.Do(r)
	if err != nil || !l.lose {
		return answer, err
	}
	l.lose = false
	l.lost++
	_, err = io.Copy(io.Discard, answer.Body)
	return nil, errors.Join(io.ErrUnexpectedEOF, err, answer.Body.Close())
}

// TestLostAnswers loses the answer to each request that has a client token. The SDK asks again with the same token, and what was asked for is
// there once.
func TestLostAnswers(t *testing.T) {
	dir := t.TempDir()
	s := serveOrganization(t, dir)
	network := &losing{}
	again := retry.NewStandard(func(o *retry.StandardOptions) {
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
	})
	c := macie2.New(s.client().Options(), func(o *macie2.Options) { o.HTTPClient, o.Retryer = network, again })
	a := accessanalyzer.New(s.analyzers().Options(), func(o *accessanalyzer.Options) { o.HTTPClient, o.Retryer = network, again })
	name := aws.String("name")
	filter := map[string]aatypes.Criterion{"isPublic": {Eq: []string{"true"}}}
	asked := 0
	call := func(what string, fn func(context.Context) (any, error)) {
		t.Helper()
		asked++
		network.lose = true
		out, err := fn(t.Context())
		if err != nil || network.lose || reflect.ValueOf(out).IsNil() {
			t.Errorf("%s: %v", what, err)
		}
	}
	call("EnableMacie", func(ctx context.Context) (any, error) { return c.EnableMacie(ctx, &macie2.EnableMacieInput{}) })
	call("CreateClassificationJob", func(ctx context.Context) (any, error) {
		return c.CreateClassificationJob(ctx, &macie2.CreateClassificationJobInput{Name: name, JobType: types.JobTypeOneTime,
			S3JobDefinition: &types.S3JobDefinition{BucketDefinitions: []types.S3BucketDefinitionForJob{{
				AccountId: aws.String(defaultAccount), Buckets: []string{"payroll"}}}}})
	})
	call("CreateCustomDataIdentifier", func(ctx context.Context) (any, error) {
		return c.CreateCustomDataIdentifier(ctx, &macie2.CreateCustomDataIdentifierInput{Name: name, Regex: aws.String(`\d{8}`)})
	})
	call("CreateAllowList", func(ctx context.Context) (any, error) {
		return c.CreateAllowList(ctx, &macie2.CreateAllowListInput{Name: name, Criteria: &types.AllowListCriteria{Regex: aws.String(`\d{8}`)}})
	})
	call("CreateFindingsFilter", func(ctx context.Context) (any, error) {
		return c.CreateFindingsFilter(ctx, &macie2.CreateFindingsFilterInput{Name: name, Action: types.FindingsFilterActionNoop,
			FindingCriteria: &types.FindingCriteria{}})
	})
	call("CreateAnalyzer", func(ctx context.Context) (any, error) {
		return a.CreateAnalyzer(ctx, &accessanalyzer.CreateAnalyzerInput{AnalyzerName: name, Type: aatypes.TypeAccount})
	})
	call("CreateArchiveRule", func(ctx context.Context) (any, error) {
		return a.CreateArchiveRule(ctx, &accessanalyzer.CreateArchiveRuleInput{AnalyzerName: name, RuleName: name, Filter: filter})
	})
	call("UpdateArchiveRule", func(ctx context.Context) (any, error) {
		return a.UpdateArchiveRule(ctx, &accessanalyzer.UpdateArchiveRuleInput{AnalyzerName: name, RuleName: name, Filter: filter})
	})

	jobs, err := c.ListClassificationJobs(t.Context(), &macie2.ListClassificationJobsInput{})
	if err != nil || len(jobs.Items) != 1 {
		t.Errorf("jobs: %+v, %v", jobs, err)
	}
	identifiers, err := c.ListCustomDataIdentifiers(t.Context(), &macie2.ListCustomDataIdentifiersInput{})
	if err != nil || len(identifiers.Items) != 1 {
		t.Errorf("custom data identifiers: %+v, %v", identifiers, err)
	}
	lists, err := c.ListAllowLists(t.Context(), &macie2.ListAllowListsInput{})
	if err != nil || len(lists.AllowLists) != 1 {
		t.Errorf("allow lists: %+v, %v", lists, err)
	}
	filters, err := c.ListFindingsFilters(t.Context(), &macie2.ListFindingsFiltersInput{})
	if err != nil || len(filters.FindingsFilterListItems) != 1 {
		t.Errorf("findings filters: %+v, %v", filters, err)
	}
	rules, err := a.ListArchiveRules(t.Context(), &accessanalyzer.ListArchiveRulesInput{AnalyzerName: name})
	if err != nil || len(rules.ArchiveRules) != 1 {
		t.Errorf("archive rules: %+v, %v", rules, err)
	}

	call("DeleteArchiveRule", func(ctx context.Context) (any, error) {
		return a.DeleteArchiveRule(ctx, &accessanalyzer.DeleteArchiveRuleInput{AnalyzerName: name, RuleName: name})
	})
	call("DeleteAnalyzer", func(ctx context.Context) (any, error) {
		return a.DeleteAnalyzer(ctx, &accessanalyzer.DeleteAnalyzerInput{AnalyzerName: name})
	})
	if network.lost != asked {
		t.Errorf("%d answers were lost, want %d", network.lost, asked)
	}
}
