package macie

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// tickets returns a request for an identifier of invented ticket numbers.
func tickets() *macie2.CreateCustomDataIdentifierInput {
	return &macie2.CreateCustomDataIdentifierInput{Name: wire.Ptr("tickets"), Regex: wire.Ptr(`TCK-[0-9]{6}`)}
}

// identify makes a custom data identifier of home and returns its id.
func (w *world) identify(in *macie2.CreateCustomDataIdentifierInput) string {
	w.Helper()
	out, err := w.service.CreateCustomDataIdentifier(w.ctx, in)
	must(w, err)
	return *out.CustomDataIdentifierId
}

func (w *world) identifier(id string) *macie2.GetCustomDataIdentifierOutput {
	w.Helper()
	out, err := w.service.GetCustomDataIdentifier(w.ctx, &macie2.GetCustomDataIdentifierInput{Id: &id})
	must(w, err)
	return out
}

func (w *world) forget(id string) error {
	_, err := w.service.DeleteCustomDataIdentifier(w.ctx, &macie2.DeleteCustomDataIdentifierInput{Id: &id})
	return err
}

// identifiers lists the custom data identifiers of a tenant, a page of some at a time.
func (w *world) identifiers(t store.Tenant, size int64) []macie2.CustomDataIdentifierSummary {
	w.Helper()
	in := &macie2.ListCustomDataIdentifiersInput{MaxResults: &size}
	var all []macie2.CustomDataIdentifierSummary
	for {
		out, err := w.service.ListCustomDataIdentifiers(as(w.Context(), t), in)
		must(w, err)
		all = append(all, out.Items...)
		if out.NextToken == nil {
			return all
		}
		if len(out.Items) != int(size) {
			w.Errorf("a page of %d, asked for %d", len(out.Items), size)
		}
		in.NextToken = out.NextToken
	}
}

// TestCustomIdentifier takes an identifier through its life.
func TestCustomIdentifier(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		in := tickets()
		in.ClientToken, in.Description, in.Tags = wire.Ptr("token"), wire.Ptr("numbers of tickets"), map[string]string{"team": "support"}
		in.Keywords, in.IgnoreWords, in.MaximumMatchDistance = []string{"ticket", "Vorgang"}, []string{"TCK-000000"}, wire.Ptr[int64](20)
		in.SeverityLevels = []macie2.SeverityLevel{
			{Severity: macie2.DataIdentifierSeverityLow, OccurrencesThreshold: wire.Ptr[int64](2)},
			{Severity: macie2.DataIdentifierSeverityHigh, OccurrencesThreshold: wire.Ptr[int64](9)}}
		id := w.identify(in)
		if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
			t.Errorf("%q is no UUID", id)
		}
		created := wire.TimeOf(w.clock.Now())
		want := &macie2.GetCustomDataIdentifierOutput{
			Arn: wire.Ptr("arn:aws:macie2:eu-west-1:123456789012:custom-data-identifier/" + id), CreatedAt: &created, Deleted: wire.Ptr(false),
			Description: in.Description, Id: &id, IgnoreWords: in.IgnoreWords, Keywords: in.Keywords, MaximumMatchDistance: in.MaximumMatchDistance,
			Name: in.Name, Regex: in.Regex, SeverityLevels: in.SeverityLevels, Tags: in.Tags,
		}
		equal(t, "identifier", w.identifier(id), want)
		summary := macie2.CustomDataIdentifierSummary{Arn: want.Arn, CreatedAt: want.CreatedAt, Description: want.Description, Id: want.Id, Name: want.Name}
		equal(t, "list", w.identifiers(home, 50), []macie2.CustomDataIdentifierSummary{summary})
		plain := w.identify(tickets())
		if got := w.identifier(plain); *got.MaximumMatchDistance != 50 || got.Keywords != nil || got.SeverityLevels != nil || got.Tags != nil || got.Description != nil {
			t.Errorf("an identifier of what is required: %s", wire.Marshal(got))
		}

		// The same request gives the same identifier, another one with the token a conflict.
		w.clock.Advance(time.Hour)
		equal(t, "id of the same request", w.identify(in), id)
		other := tickets()
		other.ClientToken = in.ClientToken
		_, err := w.service.CreateCustomDataIdentifier(w.ctx, other)
		refused(t, err, wire.Conflict, "clientToken was used for another")

		batch := func() *macie2.BatchGetCustomDataIdentifiersOutput {
			out, err := w.service.BatchGetCustomDataIdentifiers(w.ctx, &macie2.BatchGetCustomDataIdentifiersInput{Ids: []string{"none", id, "none", id, "\x00"}})
			must(t, err)
			return out
		}
		wantBatch := &macie2.BatchGetCustomDataIdentifiersOutput{NotFoundIdentifierIds: []string{"none", "\x00"},
			CustomDataIdentifiers: []macie2.BatchGetCustomDataIdentifierSummary{{Arn: want.Arn, CreatedAt: want.CreatedAt, Deleted: wire.Ptr(false),
				Description: want.Description, Id: want.Id, Name: want.Name}}}
		equal(t, "batch", batch(), wantBatch)

		must(t, w.forget(id))
		want.Deleted, want.Tags, wantBatch.CustomDataIdentifiers[0].Deleted = wire.Ptr(true), nil, wire.Ptr(true)
		equal(t, "deleted identifier", w.identifier(id), want)
		equal(t, "batch with a deleted one", batch(), wantBatch)
		equal(t, "number of listed ones", len(w.identifiers(home, 50)), 1)
		refused(t, w.forget(id), wire.NotFound, "specified custom data identifier does not exist")
		_, err = w.service.TagResource(w.ctx, &macie2.TagResourceInput{ResourceArn: want.Arn, Tags: map[string]string{"a": "b"}})
		refused(t, err, wire.NotFound, "specified resource does not exist")
		if again := w.identify(in); again == id {
			t.Error("the token of a deleted identifier gives it back")
		}
		_, err = w.service.GetCustomDataIdentifier(w.ctx, &macie2.GetCustomDataIdentifierInput{Id: wire.Ptr("none")})
		refused(t, err, wire.NotFound, "specified custom data identifier does not exist")
		out, err := w.service.BatchGetCustomDataIdentifiers(w.ctx, &macie2.BatchGetCustomDataIdentifiersInput{})
		must(t, err)
		equal(t, "batch of none", string(wire.Marshal(out)), `{"customDataIdentifiers":[],"notFoundIdentifierIds":[]}`)
	})
}

func TestCustomIdentifierRefused(t *testing.T) {
	w := newWorld(t)
	type input = macie2.CreateCustomDataIdentifierInput
	words := func(n, length int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = strings.Repeat("ä", length-3) + fmt.Sprintf("%03d", i)
		}
		return out
	}
	level := func(s macie2.DataIdentifierSeverity, from int64) macie2.SeverityLevel {
		return macie2.SeverityLevel{Severity: s, OccurrencesThreshold: &from}
	}
	low, medium, high := macie2.DataIdentifierSeverityLow, macie2.DataIdentifierSeverityMedium, macie2.DataIdentifierSeverityHigh
	for name, v := range map[string]struct {
		change func(*input)
		text   string
	}{
		"empty token":       {func(in *input) { in.ClientToken = wire.Ptr("") }, "clientToken"},
		"empty name":        {func(in *input) { in.Name = wire.Ptr("") }, "name"},
		"long name":         {func(in *input) { in.Name = wire.Ptr(strings.Repeat("ä", 129)) }, "128"},
		"long description":  {func(in *input) { in.Description = wire.Ptr(strings.Repeat("ä", 513)) }, "512"},
		"empty regex":       {func(in *input) { in.Regex = wire.Ptr("") }, "regex"},
		"long regex":        {func(in *input) { in.Regex = wire.Ptr(strings.Repeat("a", 513)) }, "512"},
		"broken regex":      {func(in *input) { in.Regex = wire.Ptr("(a") }, "regex"},
		"look-ahead":        {func(in *input) { in.Regex = wire.Ptr("a(?=b)") }, "regex"},
		"backreference":     {func(in *input) { in.Regex = wire.Ptr(`(a)\1`) }, "regex"},
		"many keywords":     {func(in *input) { in.Keywords = words(51, 3) }, "keywords"},
		"short keyword":     {func(in *input) { in.Keywords = []string{"good", "ab"} }, "keywords[1]"},
		"long keyword":      {func(in *input) { in.Keywords = words(1, 91) }, "keywords[0]"},
		"many ignore words": {func(in *input) { in.IgnoreWords = words(11, 4) }, "ignoreWords"},
		"short ignore word": {func(in *input) { in.IgnoreWords = []string{"abc"} }, "ignoreWords[0]"},
		"long ignore word":  {func(in *input) { in.IgnoreWords = words(1, 91) }, "ignoreWords[0]"},
		"no distance":       {func(in *input) { in.MaximumMatchDistance = wire.Ptr[int64](0) }, "maximumMatchDistance must be from 1 to 300"},
		"long distance":     {func(in *input) { in.MaximumMatchDistance = wire.Ptr[int64](301) }, "maximumMatchDistance must be from 1 to 300"},
		"huge distance":     {func(in *input) { in.MaximumMatchDistance = wire.Ptr[int64](1<<32 + 1) }, "maximumMatchDistance must be from 1 to 300"},
		"four levels": {func(in *input) {
			in.SeverityLevels = []macie2.SeverityLevel{level(low, 1), level(medium, 2), level(high, 3), level(high, 4)}
		}, "severityLevels"},
		"one twice":     {func(in *input) { in.SeverityLevels = []macie2.SeverityLevel{level(low, 1), level(low, 2)} }, "severityLevels"},
		"falling":       {func(in *input) { in.SeverityLevels = []macie2.SeverityLevel{level(low, 5), level(high, 2)} }, "severityLevels"},
		"equal":         {func(in *input) { in.SeverityLevels = []macie2.SeverityLevel{level(low, 5), level(high, 5)} }, "severityLevels"},
		"no occurrence": {func(in *input) { in.SeverityLevels = []macie2.SeverityLevel{level(low, 0)} }, "severityLevels[0]"},
		"aws tag":       {func(in *input) { in.Tags = map[string]string{"aws:x": ""} }, "aws:"},
	} {
		t.Run(name, func(t *testing.T) {
			in := tickets()
			v.change(in)
			_, err := w.service.CreateCustomDataIdentifier(w.ctx, in)
			refused(t, err, wire.Validation, v.text)
		})
	}
	equal(t, "identifiers after refusals", len(w.identifiers(home, 50)), 0)
	in := tickets()
	in.Name, in.Description, in.Regex = wire.Ptr(strings.Repeat("ä", 128)), wire.Ptr(strings.Repeat("ä", 512)), wire.Ptr(strings.Repeat("a", 512))
	in.Keywords, in.IgnoreWords, in.MaximumMatchDistance = words(50, 90), words(10, 90), wire.Ptr[int64](300)
	in.SeverityLevels = []macie2.SeverityLevel{level(high, 3), level(low, 1), level(medium, 2)}
	equal(t, "levels in any order", w.identifier(w.identify(in)).SeverityLevels, in.SeverityLevels)
	in.Keywords, in.IgnoreWords, in.MaximumMatchDistance = words(1, 3), words(1, 4), wire.Ptr[int64](1)
	w.identify(in)
}

// TestCustomIdentifierPages lists page by page, and keeps the tokens to their lists.
func TestCustomIdentifierPages(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.enable(other)
		var want []string
		for i := range 120 {
			in := tickets()
			in.Name = wire.Ptr(fmt.Sprint("number ", i))
			w.identify(in)
			want = append(want, *in.Name)
			if i%3 == 0 {
				w.clock.Advance(time.Millisecond)
			}
		}
		for _, size := range []int64{1, 7, 50} {
			var got []string
			for _, s := range w.identifiers(home, size) {
				got = append(got, *s.Name)
			}
			equal(t, fmt.Sprint("names in pages of ", size), len(got), len(want))
			if size == 50 && got[0] != want[0] {
				t.Errorf("the first is %q", got[0])
			}
		}
		out, err := w.service.ListCustomDataIdentifiers(w.ctx, &macie2.ListCustomDataIdentifiersInput{MaxResults: wire.Ptr[int64](1000)})
		must(t, err)
		equal(t, "the greatest page", len(out.Items), 50)
		_, err = w.service.ListCustomDataIdentifiers(as(t.Context(), other), &macie2.ListCustomDataIdentifiersInput{NextToken: out.NextToken})
		refused(t, err, wire.Validation, "nextToken")
		_, err = w.service.ListCustomDataIdentifiers(w.ctx, &macie2.ListCustomDataIdentifiersInput{MaxResults: wire.Ptr[int64](0)})
		refused(t, err, wire.Validation, "maxResults")
		equal(t, "identifiers of another account", len(w.identifiers(other, 50)), 0)
	})
}

// TestCustomIdentifierQuota fills the quota: a deleted identifier does not count.
func TestCustomIdentifierQuota(t *testing.T) {
	w := newWorld(t)
	must(t, w.db.Update(t.Context(), func(tx store.Tx) error {
		for i := range maxCustomIdentifiers - 1 {
			if err := store.CreateCustomIdentifier(t.Context(), tx, home, store.CustomIdentifier{ID: fmt.Sprint(i), Doc: wire.Marshal(tickets())}); err != nil {
				return err
			}
		}
		return nil
	}))
	in := tickets()
	in.ClientToken = wire.Ptr("token")
	last := w.identify(in)
	_, err := w.service.CreateCustomDataIdentifier(w.ctx, tickets())
	refused(t, err, wire.Quota, "10000 custom data identifiers")
	equal(t, "the same request at the quota", w.identify(in), last)
	must(t, w.forget("7"))
	w.identify(tickets())
	_, err = w.service.CreateCustomDataIdentifier(w.ctx, tickets())
	refused(t, err, wire.Quota, "Delete one")
	_, err = w.service.BatchGetCustomDataIdentifiers(w.ctx, &macie2.BatchGetCustomDataIdentifiersInput{Ids: strings.Split(strings.Repeat("x", maxCustomIdentifiers), "")})
	must(t, err)
	var many []string
	for i := range maxCustomIdentifiers + 1 {
		many = append(many, fmt.Sprint(i))
	}
	_, err = w.service.BatchGetCustomDataIdentifiers(w.ctx, &macie2.BatchGetCustomDataIdentifiersInput{Ids: many})
	refused(t, err, wire.Validation, "10000 ids at most")
}

// TestCustomIdentifierAtOnce sends the same request many times at once: one identifier is made.
func TestCustomIdentifierAtOnce(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		in := tickets()
		in.ClientToken = wire.Ptr("token")
		ids := make([]string, 8)
		var group sync.WaitGroup
		for i := range ids {
			group.Go(func() {
				out, err := w.service.CreateCustomDataIdentifier(w.ctx, in)
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = *out.CustomDataIdentifierId
			})
		}
		group.Wait()
		for _, id := range ids {
			equal(t, "id", id, ids[0])
		}
		equal(t, "number", len(w.identifiers(home, 50)), 1)
	})
}

func TestTestCustomIdentifier(t *testing.T) {
	w := newWorld(t)
	type input = macie2.TestCustomDataIdentifierInput
	sample := "ticket TCK-123456, TCK-000000 and TCK-654321"
	for name, v := range map[string]struct {
		change func(*input)
		want   int64
	}{
		"plain":        {func(*input) {}, 3},
		"ignore word":  {func(in *input) { in.IgnoreWords = []string{"TCK-0000"} }, 2},
		"keyword":      {func(in *input) { in.Keywords, in.MaximumMatchDistance = []string{"TICKET"}, wire.Ptr[int64](11) }, 1},
		"no keyword":   {func(in *input) { in.Keywords = []string{"Vorgang"} }, 0},
		"another text": {func(in *input) { in.SampleText = wire.Ptr("nothing") }, 0},
		"long text":    {func(in *input) { in.SampleText = wire.Ptr(strings.Repeat("ä", 990) + "TCK-123456") }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			in := &input{Regex: tickets().Regex, SampleText: &sample}
			v.change(in)
			out, err := w.service.TestCustomDataIdentifier(w.ctx, in)
			must(t, err)
			equal(t, "matchCount", *out.MatchCount, v.want)
		})
	}
	for name, v := range map[string]struct {
		change func(*input)
		text   string
	}{
		"long text":     {func(in *input) { in.SampleText = wire.Ptr(strings.Repeat("ä", 1001)) }, "sampleText"},
		"regex":         {func(in *input) { in.Regex = wire.Ptr("(") }, "regex"},
		"short keyword": {func(in *input) { in.Keywords = []string{"ab"} }, "keywords"},
		"ignore words":  {func(in *input) { in.IgnoreWords = []string{"ab"} }, "ignoreWords"},
		"distance":      {func(in *input) { in.MaximumMatchDistance = wire.Ptr[int64](0) }, "maximumMatchDistance"},
	} {
		t.Run(name, func(t *testing.T) {
			in := &input{Regex: tickets().Regex, SampleText: &sample}
			v.change(in)
			_, err := w.service.TestCustomDataIdentifier(w.ctx, in)
			refused(t, err, wire.Validation, v.text)
		})
	}
	equal(t, "identifiers after tests", len(w.identifiers(home, 50)), 0)
}

// TestCustomNotEnabled calls every operation of this kind for an account that has not enabled Macie.
func TestCustomNotEnabled(t *testing.T) {
	w := newWorld(t)
	ctx := as(t.Context(), other)
	id := wire.Ptr("0123456789abcdefghijkl")
	regex := &macie2.AllowListCriteria{Regex: wire.Ptr("a")}
	words := &macie2.AllowListCriteria{S3WordsList: &macie2.S3WordsList{BucketName: wire.Ptr("bucket"), ObjectKey: wire.Ptr("key")}}
	call := func(do func(context.Context) error) func() error { return func() error { return do(ctx) } }
	for name, do := range map[string]func() error{
		"CreateCustomDataIdentifier": call(func(ctx context.Context) error {
			_, err := w.service.CreateCustomDataIdentifier(ctx, tickets())
			return err
		}),
		"GetCustomDataIdentifier": call(func(ctx context.Context) error {
			_, err := w.service.GetCustomDataIdentifier(ctx, &macie2.GetCustomDataIdentifierInput{Id: id})
			return err
		}),
		"BatchGetCustomDataIdentifiers": call(func(ctx context.Context) error {
			_, err := w.service.BatchGetCustomDataIdentifiers(ctx, &macie2.BatchGetCustomDataIdentifiersInput{})
			return err
		}),
		"DeleteCustomDataIdentifier": call(func(ctx context.Context) error {
			_, err := w.service.DeleteCustomDataIdentifier(ctx, &macie2.DeleteCustomDataIdentifierInput{Id: id})
			return err
		}),
		"ListCustomDataIdentifiers": call(func(ctx context.Context) error {
			_, err := w.service.ListCustomDataIdentifiers(ctx, &macie2.ListCustomDataIdentifiersInput{})
			return err
		}),
		"TestCustomDataIdentifier": call(func(ctx context.Context) error {
			_, err := w.service.TestCustomDataIdentifier(ctx, &macie2.TestCustomDataIdentifierInput{Regex: wire.Ptr("a"), SampleText: wire.Ptr("a")})
			return err
		}),
		"CreateAllowList": call(func(ctx context.Context) error {
			_, err := w.service.CreateAllowList(ctx, &macie2.CreateAllowListInput{ClientToken: wire.Ptr("t"), Name: wire.Ptr("n"), Criteria: regex})
			return err
		}),
		"CreateAllowList of words": call(func(ctx context.Context) error {
			_, err := w.service.CreateAllowList(ctx, &macie2.CreateAllowListInput{ClientToken: wire.Ptr("t"), Name: wire.Ptr("n"), Criteria: words})
			return err
		}),
		"GetAllowList": call(func(ctx context.Context) error {
			_, err := w.service.GetAllowList(ctx, &macie2.GetAllowListInput{Id: id})
			return err
		}),
		"UpdateAllowList": call(func(ctx context.Context) error {
			_, err := w.service.UpdateAllowList(ctx, &macie2.UpdateAllowListInput{Id: id, Name: wire.Ptr("n"), Criteria: regex})
			return err
		}),
		"DeleteAllowList": call(func(ctx context.Context) error {
			_, err := w.service.DeleteAllowList(ctx, &macie2.DeleteAllowListInput{Id: id})
			return err
		}),
		"ListAllowLists": call(func(ctx context.Context) error {
			_, err := w.service.ListAllowLists(ctx, &macie2.ListAllowListsInput{})
			return err
		}),
	} {
		t.Run(name, func(t *testing.T) { refused(t, do(), wire.AccessDenied, "Macie is not enabled.") })
	}
}
