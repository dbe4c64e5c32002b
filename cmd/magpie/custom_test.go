package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"
	"github.com/google/go-cmp/cmp"
)

// answered fails unless an error is of one of the service's types, with its status and a message that holds some text.
func answered[T error](t testing.TB, err error, status int, text string) {
	t.Helper()
	var response *awshttp.ResponseError
	if !isA[T](err) || !errors.As(err, &response) || response.HTTPStatusCode() != status || !strings.Contains(err.Error(), text) {
		t.Errorf("%v, want %T with status %d and ...%s...", err, *new(T), status, text)
	}
}

// equal compares what clients get.
func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func must[T any](t testing.TB) func(out T, err error) T {
	return func(out T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// customJob makes a job over the bucket "mail" for a custom data identifier, with allow lists.
func customJob(token, identifier string, lists ...string) *macie2.CreateClassificationJobInput {
	return &macie2.CreateClassificationJobInput{
		Name: aws.String(token), JobType: types.JobTypeOneTime, ClientToken: &token, ManagedDataIdentifierSelector: types.ManagedDataIdentifierSelectorNone,
		CustomDataIdentifierIds: []string{identifier}, AllowListIds: lists,
		S3JobDefinition: &types.S3JobDefinition{BucketDefinitions: []types.S3BucketDefinitionForJob{{
			AccountId: aws.String(defaultAccount), Buckets: []string{"mail"},
		}}},
	}
}

// customFindings tells for each key the severity of a job's finding and its custom detections.
func customFindings(t testing.TB, c *macie2.Client, job string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range findingsByID(t, c) {
		if *f.ClassificationDetails.JobId != job {
			continue
		}
		text := string(f.Severity.Description)
		for _, d := range f.ClassificationDetails.Result.CustomDataIdentifiers.Detections {
			text += fmt.Sprintf(" %s %d", *d.Name, *d.Count)
		}
		out[*f.ResourcesAffected.S3Object.Key] = text
	}
	return out
}

// TestCustomDataIdentifiers calls every operation on custom data identifiers and allow lists over the wire, runs a job with both, and runs it
// again after a restart.
func TestCustomDataIdentifiers(t *testing.T) {
	onBoth(t, func(t *testing.T, args []string) {
		dir := t.TempDir()
		estate := filepath.Join(dir, "estate")
		writeTree(t, estate, map[string]string{
			"lists/words.txt": "order ab-000003\n", "lists/empty.txt": "",
			"mail/one.txt":     "your order AB-000001\n",
			"mail/two.txt":     "your order AB-000001 and the order AB-000002\n",
			"mail/three.csv":   "order,name\norder AB-000001,Ada\norder AB-000002,Ada\norder AB-000004,Ada\n",
			"mail/words.txt":   "your order AB-000003, once more order AB-000003\n",
			"mail/pattern.txt": "your order AB-999999, once more order AB-999999, not order AB-999998\n",
		})
		args = append(args, "--source", estate)
		s := serve(t, filepath.Join(dir, "data"), args...)
		c, ctx := s.client(), t.Context()
		_, err := c.ListAllowLists(ctx, nil)
		answered[*types.AccessDeniedException](t, err, 403, "Macie is not enabled")
		enable(t, c)

		order := &macie2.CreateCustomDataIdentifierInput{
			Name: aws.String("orders"), Regex: aws.String(`order AB-\d{6}`), Description: aws.String("numbers of orders"),
			IgnoreWords: []string{"AB-999998"}, Tags: map[string]string{"team": "sales"},
			SeverityLevels: []types.SeverityLevel{{Severity: types.DataIdentifierSeverityLow, OccurrencesThreshold: aws.Int64(2)},
				{Severity: types.DataIdentifierSeverityHigh, OccurrencesThreshold: aws.Int64(3)}},
		}
		identifier := *must[*macie2.CreateCustomDataIdentifierOutput](t)(c.CreateCustomDataIdentifier(ctx, order)).CustomDataIdentifierId
		got := must[*macie2.GetCustomDataIdentifierOutput](t)(c.GetCustomDataIdentifier(ctx, &macie2.GetCustomDataIdentifierInput{Id: &identifier}))
		if *got.Name != "orders" || *got.Regex != *order.Regex || *got.MaximumMatchDistance != 50 || *got.Deleted || got.CreatedAt == nil ||
			*got.Arn != "arn:aws:macie2:us-east-1:"+defaultAccount+":custom-data-identifier/"+identifier || *got.SeverityLevels[1].OccurrencesThreshold != 3 {
			t.Errorf("%+v", got)
		}
		equal(t, "tags", got.Tags, order.Tags)
		tested := must[*macie2.TestCustomDataIdentifierOutput](t)(c.TestCustomDataIdentifier(ctx, &macie2.TestCustomDataIdentifierInput{
			Regex: order.Regex, IgnoreWords: order.IgnoreWords, SampleText: aws.String("order AB-000001, order AB-999998, order AB-12")}))
		equal(t, "matchCount", *tested.MatchCount, 1)
		for i := range 4 {
			must[*macie2.CreateCustomDataIdentifierOutput](t)(c.CreateCustomDataIdentifier(ctx, &macie2.CreateCustomDataIdentifierInput{
				Name: aws.String(fmt.Sprint("further ", i)), Regex: aws.String("further[0-9]{4}")}))
		}
		var names []string
		identifiers := macie2.NewListCustomDataIdentifiersPaginator(c, &macie2.ListCustomDataIdentifiersInput{MaxResults: aws.Int32(2)})
		for identifiers.HasMorePages() {
			for _, item := range must[*macie2.ListCustomDataIdentifiersOutput](t)(identifiers.NextPage(ctx)).Items {
				names = append(names, *item.Name)
			}
		}
		slices.Sort(names)
		equal(t, "names", names, []string{"further 0", "further 1", "further 2", "further 3", "orders"})

		_, err = c.CreateCustomDataIdentifier(ctx, &macie2.CreateCustomDataIdentifierInput{Name: aws.String("x"), Regex: aws.String("a(?=b)")})
		answered[*types.ValidationException](t, err, 400, "regex")
		_, err = c.GetCustomDataIdentifier(ctx, &macie2.GetCustomDataIdentifierInput{Id: aws.String("none")})
		answered[*types.ResourceNotFoundException](t, err, 404, "custom data identifier does not exist")
		token := &macie2.CreateCustomDataIdentifierInput{Name: aws.String("x"), Regex: aws.String("abc"), ClientToken: aws.String("t")}
		must[*macie2.CreateCustomDataIdentifierOutput](t)(c.CreateCustomDataIdentifier(ctx, token))
		token.Name = aws.String("y")
		_, err = c.CreateCustomDataIdentifier(ctx, token)
		answered[*types.ConflictException](t, err, 409, "clientToken")

		words := must[*macie2.CreateAllowListOutput](t)(c.CreateAllowList(ctx, &macie2.CreateAllowListInput{
			Name: aws.String("words"), Tags: map[string]string{"team": "sales"},
			Criteria: &types.AllowListCriteria{S3WordsList: &types.S3WordsList{BucketName: aws.String("lists"), ObjectKey: aws.String("empty.txt")}}}))
		list := must[*macie2.GetAllowListOutput](t)(c.GetAllowList(ctx, &macie2.GetAllowListInput{Id: words.Id}))
		equal(t, "status of an empty list", list.Status.Code, types.AllowListStatusCodeS3ObjectEmpty)
		list.Criteria.S3WordsList.ObjectKey = aws.String("words.txt")
		must[*macie2.UpdateAllowListOutput](t)(c.UpdateAllowList(ctx, &macie2.UpdateAllowListInput{Id: words.Id, Name: list.Name, Criteria: list.Criteria}))
		list = must[*macie2.GetAllowListOutput](t)(c.GetAllowList(ctx, &macie2.GetAllowListInput{Id: words.Id}))
		equal(t, "status", list.Status.Code, types.AllowListStatusCodeOk)
		equal(t, "ARN", *list.Arn, *words.Arn)
		pattern := func(i int) (*macie2.CreateAllowListOutput, error) {
			return c.CreateAllowList(ctx, &macie2.CreateAllowListInput{
				Name: aws.String(fmt.Sprint("pattern ", i)), Criteria: &types.AllowListCriteria{Regex: aws.String("order AB-9{6}")}})
		}
		var patterns []string
		for i := range 5 {
			patterns = append(patterns, *must[*macie2.CreateAllowListOutput](t)(pattern(i)).Id)
		}
		_, err = pattern(5)
		answered[*types.ServiceQuotaExceededException](t, err, 402, "5 allow lists with regex")
		var lists []string
		pages := macie2.NewListAllowListsPaginator(c, &macie2.ListAllowListsInput{MaxResults: aws.Int32(4)})
		for pages.HasMorePages() {
			for _, l := range must[*macie2.ListAllowListsOutput](t)(pages.NextPage(ctx)).AllowLists {
				lists = append(lists, *l.Id)
			}
		}
		equal(t, "allow lists", len(lists), 6)
		_, err = c.ListAllowLists(ctx, &macie2.ListAllowListsInput{MaxResults: aws.Int32(26)})
		answered[*types.ValidationException](t, err, 400, "maxResults")
		_, err = c.DeleteAllowList(ctx, &macie2.DeleteAllowListInput{Id: aws.String(strings.Repeat("0", 22))})
		answered[*types.ResourceNotFoundException](t, err, 404, "allow list does not exist")
		for _, resource := range []*string{got.Arn, words.Arn} {
			must[*macie2.TagResourceOutput](t)(c.TagResource(ctx, &macie2.TagResourceInput{ResourceArn: resource, Tags: map[string]string{"a": "b"}}))
			must[*macie2.UntagResourceOutput](t)(c.UntagResource(ctx, &macie2.UntagResourceInput{ResourceArn: resource, TagKeys: []string{"team"}}))
			tags := must[*macie2.ListTagsForResourceOutput](t)(c.ListTagsForResource(ctx, &macie2.ListTagsForResourceInput{ResourceArn: resource})).Tags
			equal(t, "tags of "+*resource, tags, map[string]string{"a": "b"})
		}

		in := customJob("before", identifier, *words.Id, patterns[0])
		before := *must[*macie2.CreateClassificationJobOutput](t)(c.CreateClassificationJob(ctx, in)).JobId
		awaitStatus(t, c, before, types.JobStatusComplete)
		described := describeJob(t, c, before)
		equal(t, "identifiers of the job", described.CustomDataIdentifierIds, in.CustomDataIdentifierIds)
		equal(t, "lists of the job", described.AllowListIds, in.AllowListIds)
		want := map[string]string{"two.txt": "Low orders 2", "three.csv": "High orders 3"}
		equal(t, "found", customFindings(t, c, before), want)

		// The server stops right behind the deletion of what a job has been made with; the job is done all the same.
		waiting := *must[*macie2.CreateClassificationJobOutput](t)(c.CreateClassificationJob(ctx, customJob("waiting", identifier, *words.Id, patterns[0]))).JobId
		must[*macie2.DeleteCustomDataIdentifierOutput](t)(c.DeleteCustomDataIdentifier(ctx, &macie2.DeleteCustomDataIdentifierInput{Id: &identifier}))
		s.stop()
		s = serve(t, s.dir, args...)
		c = s.client()
		awaitStatus(t, c, waiting, types.JobStatusComplete)
		equal(t, "found before, read after the restart", customFindings(t, c, before), want)
		equal(t, "found by the job that was waiting", customFindings(t, c, waiting), want)
		batch := must[*macie2.BatchGetCustomDataIdentifiersOutput](t)(c.BatchGetCustomDataIdentifiers(ctx,
			&macie2.BatchGetCustomDataIdentifiersInput{Ids: []string{identifier, "none"}}))
		if len(batch.CustomDataIdentifiers) != 1 || !*batch.CustomDataIdentifiers[0].Deleted || !slices.Equal(batch.NotFoundIdentifierIds, []string{"none"}) {
			t.Errorf("%+v", batch)
		}
		_, err = c.CreateClassificationJob(ctx, customJob("after", identifier))
		answered[*types.ValidationException](t, err, 400, "is deleted")
		again := *must[*macie2.CreateCustomDataIdentifierOutput](t)(c.CreateCustomDataIdentifier(ctx, order)).CustomDataIdentifierId
		after := *must[*macie2.CreateClassificationJobOutput](t)(c.CreateClassificationJob(ctx, customJob("after", again, *words.Id, patterns[0]))).JobId
		awaitStatus(t, c, after, types.JobStatusComplete)
		equal(t, "found after the restart", customFindings(t, c, after), want)
		must[*macie2.DeleteAllowListOutput](t)(c.DeleteAllowList(ctx, &macie2.DeleteAllowListInput{Id: words.Id}))
		without := *must[*macie2.CreateClassificationJobOutput](t)(c.CreateClassificationJob(ctx, customJob("without", again))).JobId
		awaitStatus(t, c, without, types.JobStatusComplete)
		want["words.txt"], want["pattern.txt"] = "Low orders 2", "Low orders 2"
		equal(t, "found without lists", customFindings(t, c, without), want)

		must[*macie2.DisableMacieOutput](t)(c.DisableMacie(ctx, nil))
		enable(t, c)
		_, err = c.GetCustomDataIdentifier(ctx, &macie2.GetCustomDataIdentifierInput{Id: &again})
		answered[*types.ResourceNotFoundException](t, err, 404, "does not exist")
		equal(t, "lists after Macie was disabled", len(must[*macie2.ListAllowListsOutput](t)(c.ListAllowLists(ctx, nil)).AllowLists), 0)
	})
}
