package accessanalyzer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/open/opentest"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// previewEstate has a queue that two accounts may use and one of which nothing can be told, as it has two policies.
const previewEstate = `Resources:
  Orders: {Type: AWS::SQS::Queue, Properties: {QueueName: orders}}
  OrdersPolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Orders]
      PolicyDocument:
        Statement:
          - {Effect: Allow, Principal: {AWS: "999988887777"}, Action: "sqs:SendMessage", Resource: "*"}
          - {Effect: Allow, Principal: {AWS: "444455556666"}, Action: "sqs:SendMessage", Resource: "*"}
  Dark: {Type: AWS::SQS::Queue, Properties: {QueueName: dark}}
  DarkOne: {Type: AWS::SQS::QueuePolicy, Properties: {Queues: [!Ref Dark], PolicyDocument: {Statement: []}}}
  DarkTwo: {Type: AWS::SQS::QueuePolicy, Properties: {Queues: [!Ref Dark], PolicyDocument: {Statement: []}}}
`

const (
	ordersQueue = "arn:aws:sqs:us-east-1:111122223333:orders"
	darkQueue   = "arn:aws:sqs:us-east-1:111122223333:dark"
)

// A previewWorld is a world with previewEstate, scanned. What 444455556666 may do is archived; a rule archives what 222233334444 may.
type previewWorld struct{ *world }

func newPreviewWorld(t *testing.T) *previewWorld { return newPreviewWorldOn(t, newWorld(t)) }

func newPreviewWorldOn(t *testing.T, on *world) *previewWorld {
	t.Helper()
	w := &previewWorld{on}
	w.estates[home].set("template.yaml", previewEstate)
	w.analyzer(rule("known", filter{"principal.AWS": {Eq: []string{"222233334444"}}}))
	w.scan()
	for _, f := range w.findingsWhere(filter{"principal.AWS": {Eq: []string{"444455556666"}}}) {
		w.setStatus("ARCHIVED", *f.Id)
	}
	w.expect("at first", "dark INTERNAL_ERROR ACTIVE", "orders 444455556666 ARCHIVED", "orders 999988887777 ACTIVE")
	return w
}

func queueConfiguration(name string, policy *string) map[string]accessanalyzer.Configuration {
	return map[string]accessanalyzer.Configuration{name: {SqsQueue: &accessanalyzer.SqsQueueConfiguration{QueuePolicy: policy}}}
}

func queuePolicyOf(accounts ...string) *string {
	var list []string
	for _, a := range accounts {
		list = append(list, fmt.Sprintf(`{"Effect":"Allow","Principal":{"AWS":%q},"Action":"sqs:SendMessage","Resource":"*"}`, a))
	}
	return wire.Ptr(`{"Version":"2012-10-17","Statement":[` + strings.Join(list, ",") + `]}`)
}

func (w *previewWorld) create(c map[string]accessanalyzer.Configuration, token *string) (string, error) {
	out, err := w.service.CreateAccessPreview(w.ctx, &accessanalyzer.CreateAccessPreviewInput{AnalyzerArn: wire.Ptr(homeARN), Configurations: c, ClientToken: token})
	if err != nil {
		return "", err
	}
	return *out.Id, nil
}

func (w *previewWorld) made(c map[string]accessanalyzer.Configuration) string {
	w.Helper()
	id, err := w.create(c, nil)
	if err != nil {
		w.Fatal(err)
	}
	return id
}

func (w *previewWorld) get(id string) (*accessanalyzer.AccessPreview, error) {
	out, err := w.service.GetAccessPreview(w.ctx, &accessanalyzer.GetAccessPreviewInput{AnalyzerArn: wire.Ptr(homeARN), AccessPreviewId: &id})
	if err != nil {
		return nil, err
	}
	return out.AccessPreview, nil
}

// previewed lists the findings of a preview, page by page.
func (w *previewWorld) previewed(id string, f filter, page int64) []accessanalyzer.AccessPreviewFinding {
	w.Helper()
	var list []accessanalyzer.AccessPreviewFinding
	in := &accessanalyzer.ListAccessPreviewFindingsInput{AccessPreviewId: &id, AnalyzerArn: wire.Ptr(homeARN), Filter: f, MaxResults: &page}
	for range 20 {
		out, err := w.service.ListAccessPreviewFindings(w.ctx, in)
		if err != nil {
			w.Fatal(err)
		}
		if int64(len(out.Findings)) > page {
			w.Errorf("a page of %d for %d", len(out.Findings), page)
		}
		list = append(list, out.Findings...)
		if in.NextToken = out.NextToken; out.NextToken == nil {
			return list
		}
	}
	w.Fatal("the list has no end")
	return nil
}

// foretold are findings as "CHANGE STATUS WHO [EXISTING-STATUS]", sorted.
func foretold(list []accessanalyzer.AccessPreviewFinding) (all []string) {
	for _, f := range list {
		who := f.Principal["AWS"] + wire.Value(f.Error)
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", f.ChangeType, f.Status, who, f.ExistingFindingStatus)))
	}
	slices.Sort(all)
	return all
}

func TestAccessPreview(t *testing.T) {
	w := newPreviewWorld(t)
	configurations := queueConfiguration(ordersQueue, queuePolicyOf("999988887777", "222233334444", "*"))
	for name, c := range map[string]struct {
		configurations map[string]accessanalyzer.Configuration
		want           []string
	}{
		"as it is":      {queueConfiguration(ordersQueue, nil), []string{"UNCHANGED ACTIVE 999988887777 ACTIVE", "UNCHANGED ARCHIVED 444455556666 ARCHIVED"}},
		"its removal":   {queueConfiguration(ordersQueue, wire.Ptr("")), []string{"CHANGED RESOLVED 444455556666 ARCHIVED", "CHANGED RESOLVED 999988887777 ACTIVE"}},
		"others":        {queueConfiguration(ordersQueue, queuePolicyOf("999988887777", "222233334444", "555566667777")), []string{"CHANGED RESOLVED 444455556666 ARCHIVED", "NEW ACTIVE 555566667777", "NEW ARCHIVED 222233334444", "UNCHANGED ACTIVE 999988887777 ACTIVE"}},
		"everyone":      {configurations, []string{"CHANGED RESOLVED 444455556666 ARCHIVED", "CHANGED RESOLVED 999988887777 ACTIVE", "NEW ACTIVE *"}},
		"a new queue":   {queueConfiguration("arn:aws:sqs:us-east-1:111122223333:refunds", queuePolicyOf("999988887777")), []string{"NEW ACTIVE 999988887777"}},
		"nothing known": {queueConfiguration(darkQueue, nil), []string{"UNCHANGED ACTIVE INTERNAL_ERROR ACTIVE"}},
		"a cure":        {queueConfiguration(darkQueue, queuePolicyOf("999988887777")), []string{"NEW ACTIVE 999988887777"}},
	} {
		id := w.made(c.configurations)
		p, err := w.get(id)
		if err != nil {
			t.Fatal(err)
		}
		want := &accessanalyzer.AccessPreview{Id: &id, AnalyzerArn: wire.Ptr(homeARN), Configurations: c.configurations,
			CreatedAt: wire.Ptr(wire.Time(w.clock.now().UnixMilli())), Status: "COMPLETED"}
		if d := cmp.Diff(want, p); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
		list := w.previewed(id, nil, 1)
		if d := cmp.Diff(c.want, foretold(list)); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
		seen := map[string]bool{}
		for i := range list {
			f := &list[i]
			var check wire.Check
			if f.Validate(&check); check.Err() != nil {
				t.Errorf("%s: %v", name, check.Err())
			}
			if seen[*f.Id] || *f.Id == wire.Value(f.ExistingFindingId) || !regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(*f.Id) ||
				(f.ExistingFindingId == nil) != (f.ChangeType == "NEW") || int64(*f.CreatedAt) != w.clock.now().UnixMilli() {
				t.Errorf("%s: %s", name, wire.Marshal(f))
			}
			seen[*f.Id] = true
			if f.ExistingFindingId != nil {
				existing, err := w.service.GetFinding(w.ctx, &accessanalyzer.GetFindingInput{AnalyzerArn: wire.Ptr(homeARN), Id: f.ExistingFindingId})
				if err != nil || existing.Finding.Status != f.ExistingFindingStatus || existing.Finding.Principal["AWS"] != f.Principal["AWS"] {
					t.Errorf("%s: %v, %v", name, existing, err)
				}
			}
		}
	}
	// The findings of the analyzer are as they were.
	out, err := w.service.ListFindings(w.ctx, &accessanalyzer.ListFindingsInput{AnalyzerArn: wire.Ptr(homeARN)})
	if err != nil || len(out.Findings) != 3 {
		t.Errorf("%d findings, %v", len(out.Findings), err)
	}
}

// A preview of a configuration that could not be stored fails, and so does one of what cannot be read; neither has a list of findings.
func TestAccessPreviewFails(t *testing.T) {
	w := newPreviewWorld(t)
	fails := func(c map[string]accessanalyzer.Configuration, code accessanalyzer.AccessPreviewStatusReasonCode) {
		t.Helper()
		id := w.made(c)
		p, err := w.get(id)
		if err != nil || p.Status != "FAILED" || p.StatusReason == nil || p.StatusReason.Code != code {
			t.Errorf("%s, %v", wire.Marshal(p), err)
		}
		_, err = w.service.ListAccessPreviewFindings(w.ctx, &accessanalyzer.ListAccessPreviewFindingsInput{AccessPreviewId: &id, AnalyzerArn: wire.Ptr(homeARN)})
		wantKind(t, "findings of a failed preview", err, wire.Conflict)
		list, err := w.service.ListAccessPreviews(w.ctx, &accessanalyzer.ListAccessPreviewsInput{AnalyzerArn: wire.Ptr(homeARN)})
		if err != nil || !slices.ContainsFunc(list.AccessPreviews, func(s accessanalyzer.AccessPreviewSummary) bool {
			return *s.Id == id && s.Status == "FAILED" && s.StatusReason.Code == code && *s.AnalyzerArn == homeARN
		}) {
			t.Errorf("list: %v, %v", list, err)
		}
	}
	fails(queueConfiguration(ordersQueue, wire.Ptr("{")), "INVALID_CONFIGURATION")
	fails(map[string]accessanalyzer.Configuration{"arn:aws:iam::111122223333:role/new": {IamRole: &accessanalyzer.IamRoleConfiguration{}}}, "INVALID_CONFIGURATION")
	w.service.cfg.Sources[home] = []source.Driver{goneSource{}}
	fails(queueConfiguration(ordersQueue, nil), "INTERNAL_ERROR")
}

// goneSource is a store that does not answer.
type goneSource struct{ source.Driver }

func (goneSource) Buckets(context.Context) ([]source.Bucket, error) {
	return nil, &source.Error{Kind: source.Unavailable, Op: "list buckets"}
}

func TestAccessPreviewRefuses(t *testing.T) {
	w := newPreviewWorld(t)
	good := queueConfiguration(ordersQueue, nil)
	with := func(analyzer string, c map[string]accessanalyzer.Configuration) error {
		_, err := w.service.CreateAccessPreview(w.ctx, &accessanalyzer.CreateAccessPreviewInput{AnalyzerArn: &analyzer, Configurations: c})
		return err
	}
	for analyzer, want := range map[string]wire.Kind{
		"arn:aws:access-analyzer:us-east-1:111122223333:analyzer/other": wire.NotFound,
		"arn:aws:access-analyzer:eu-west-1:111122223333:analyzer/a":     wire.NotFound,
		"arn:aws:access-analyzer:us-east-1:999988887777:analyzer/a":     wire.NotFound,
	} {
		wantKind(t, analyzer, with(analyzer, good), want)
	}
	two := queueConfiguration(ordersQueue, nil)
	two[darkQueue] = good[ordersQueue]
	for name, c := range map[string]map[string]accessanalyzer.Configuration{"none": {}, "two": two, "another account": queueConfiguration("arn:aws:sqs:us-east-1:999988887777:q", nil)} {
		wantKind(t, name, with(homeARN, c), wire.Validation)
	}
	_, err := w.create(good, wire.Ptr(""))
	wantKind(t, "an empty token", err, wire.Validation)
	missing := "01234567-89ab-4cde-8f01-23456789abcd"
	_, err = w.get(missing)
	wantKind(t, "no such preview", err, wire.NotFound)
	_, err = w.service.ListAccessPreviewFindings(w.ctx, &accessanalyzer.ListAccessPreviewFindingsInput{AccessPreviewId: &missing, AnalyzerArn: wire.Ptr(homeARN)})
	wantKind(t, "its findings", err, wire.NotFound)
	id := w.made(good)
	for name, in := range map[string]*accessanalyzer.ListAccessPreviewFindingsInput{
		"no key":     {Filter: filter{"colour": {Exists: wire.Ptr(true)}}},
		"no page":    {MaxResults: wire.Ptr(int64(0))},
		"no token":   {NextToken: wire.Ptr("x")},
		"no content": {Filter: filter{"status": {}}},
	} {
		in.AccessPreviewId, in.AnalyzerArn = &id, wire.Ptr(homeARN)
		_, err := w.service.ListAccessPreviewFindings(w.ctx, in)
		wantKind(t, name, err, wire.Validation)
	}
	// An analyzer of an organization makes none.
	w.service.cfg.Organization = anOrganization
	err = w.db.Update(w.ctx, func(tx store.Tx) error {
		return store.CreateAnalyzer(w.ctx, tx, home, store.Analyzer{ID: "o", Name: "org", Type: "ORGANIZATION", Tags: []byte("{}"), Doc: []byte("{}")})
	})
	must(t, err)
	refused := wantKind(t, "an organization's analyzer", with("arn:aws:access-analyzer:us-east-1:111122223333:analyzer/org", good), wire.Validation)
	if refused.Reason != wire.ReasonNotSupported {
		t.Errorf("reason %s", refused.Reason)
	}
}

func TestAccessPreviewOnce(t *testing.T) { previewOnce(newPreviewWorld(t)) }

func previewOnce(w *previewWorld) {
	t := w.TB
	t.Helper()
	token := wire.Ptr("one")
	var ids [4]string
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			var err error
			if ids[i], err = w.create(queueConfiguration(ordersQueue, nil), token); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	again, err := w.create(queueConfiguration(ordersQueue, nil), token)
	if err != nil || ids[0] == "" || slices.ContainsFunc(ids[:], func(id string) bool { return id != again }) {
		t.Errorf("%v and %s, %v", ids, again, err)
	}
	_, err = w.create(queueConfiguration(ordersQueue, wire.Ptr("")), token)
	wantKind(t, "another request with the token", err, wire.Conflict)
	if other := w.made(queueConfiguration(ordersQueue, nil)); other == again {
		t.Error("a request without a token got an answer from before")
	}
	out, err := w.service.ListAccessPreviews(w.ctx, &accessanalyzer.ListAccessPreviewsInput{AnalyzerArn: wire.Ptr(homeARN)})
	if err != nil || len(out.AccessPreviews) != 2 {
		t.Errorf("%v, %v", out, err)
	}
}

// An analyzer makes a thousand previews an hour; what was made before can still be asked for with its token.
func TestAccessPreviewQuota(t *testing.T) {
	w := newPreviewWorld(t)
	token := wire.Ptr("first")
	first, err := w.create(queueConfiguration(ordersQueue, nil), token)
	if err != nil {
		t.Fatal(err)
	}
	err = w.db.Update(w.ctx, func(tx store.Tx) error {
		a, err := store.GetAnalyzer(w.ctx, tx, home, "a")
		for i := range maxPreviews - 2 {
			err = errors.Join(err, store.CreateAccessPreview(w.ctx, tx, home, a.ID, store.AccessPreview{ID: fmt.Sprint(i), CreatedAt: w.clock.now().UnixMilli(), Status: "COMPLETED"}, 0))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.made(queueConfiguration(ordersQueue, nil))
	_, err = w.create(queueConfiguration(ordersQueue, nil), nil)
	wantKind(t, "over the quota", err, wire.Quota)
	if again, err := w.create(queueConfiguration(ordersQueue, nil), token); err != nil || again != first {
		t.Errorf("a repetition over the quota: %s, %v", again, err)
	}
	w.clock.advance(time.Hour + time.Millisecond)
	w.made(queueConfiguration(ordersQueue, nil))
}

func TestAccessPreviewRetention(t *testing.T) {
	w := newPreviewWorld(t)
	old := w.made(queueConfiguration(ordersQueue, nil))
	w.clock.advance(time.Hour)
	young := w.made(queueConfiguration(ordersQueue, nil))
	ids := func() (ids []string) {
		in := &accessanalyzer.ListAccessPreviewsInput{AnalyzerArn: wire.Ptr(homeARN), MaxResults: wire.Ptr(int64(1))}
		for range 5 {
			out, err := w.service.ListAccessPreviews(w.ctx, in)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range out.AccessPreviews {
				ids = append(ids, *s.Id)
			}
			if in.NextToken = out.NextToken; out.NextToken == nil {
				return ids
			}
		}
		t.Fatal("the list has no end")
		return nil
	}
	if d := cmp.Diff([]string{young, old}, ids()); d != "" {
		t.Error(d)
	}
	w.clock.advance(23*time.Hour + time.Minute)
	_, err := w.get(old)
	wantKind(t, "a preview of yesterday", err, wire.NotFound)
	if d := cmp.Diff([]string{young}, ids()); d != "" {
		t.Error(d)
	}
	_, err = w.service.DeleteAnalyzer(w.ctx, &accessanalyzer.DeleteAnalyzerInput{AnalyzerName: wire.Ptr("a")})
	must(t, err)
	_, err = w.get(young)
	wantKind(t, "a preview of a deleted analyzer", err, wire.NotFound)
}

// TestAccessPreviewFilter asks for each key that only findings of previews have, and for some that all have (access-analyzer.md 3.2).
func TestAccessPreviewFilter(t *testing.T) {
	w := newPreviewWorld(t)
	id := w.made(queueConfiguration(ordersQueue, queuePolicyOf("999988887777", "222233334444", "555566667777")))
	all := w.previewed(id, nil, 100)
	known := all[slices.IndexFunc(all, func(f accessanalyzer.AccessPreviewFinding) bool { return f.ChangeType == "UNCHANGED" })]
	const unchanged, added, archivedNew, resolved = "UNCHANGED ACTIVE 999988887777 ACTIVE", "NEW ACTIVE 555566667777", "NEW ARCHIVED 222233334444", "CHANGED RESOLVED 444455556666 ARCHIVED"
	for name, c := range map[string]struct {
		filter filter
		want   []string
	}{
		"changeType":            {filter{"changeType": {Eq: []string{"NEW", "CHANGED"}}}, []string{resolved, added, archivedNew}},
		"not changeType":        {filter{"changeType": {Neq: []string{"NEW"}}}, []string{resolved, unchanged}},
		"existingFindingId":     {filter{"existingFindingId": {Eq: []string{*known.ExistingFindingId}}}, []string{unchanged}},
		"no existingFindingId":  {filter{"existingFindingId": {Exists: wire.Ptr(false)}}, []string{added, archivedNew}},
		"existingFindingStatus": {filter{"existingFindingStatus": {Contains: []string{"ARCH"}}}, []string{resolved}},
		"status":                {filter{"status": {Eq: []string{"ACTIVE"}}}, []string{added, unchanged}},
		"id":                    {filter{"id": {Eq: []string{*known.Id}}}, []string{unchanged}},
		"principal and change":  {filter{"principal.AWS": {Contains: []string{"2222", "5555"}}, "changeType": {Eq: []string{"NEW"}}}, []string{added, archivedNew}},
		"public":                {filter{"isPublic": {Eq: []string{"true"}}}, nil},
		"type":                  {filter{"resourceType": {Eq: []string{"AWS::SQS::Queue"}}, "findingType": {Eq: []string{"ExternalAccess"}}}, []string{resolved, added, archivedNew, unchanged}},
	} {
		for _, page := range []int64{1, 2, 100} {
			if d := cmp.Diff(c.want, foretold(w.previewed(id, c.filter, page))); d != "" {
				t.Errorf("%s, page %d: -want +got\n%s", name, page, d)
			}
		}
	}
	// A token is one of its request.
	in := &accessanalyzer.ListAccessPreviewFindingsInput{AccessPreviewId: &id, AnalyzerArn: wire.Ptr(homeARN), MaxResults: wire.Ptr(int64(1))}
	out, err := w.service.ListAccessPreviewFindings(w.ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	in.NextToken, in.Filter = out.NextToken, filter{"status": {Eq: []string{"ACTIVE"}}}
	_, err = w.service.ListAccessPreviewFindings(w.ctx, in)
	wantKind(t, "a token of another request", err, wire.Validation)
}

// TestAccessPreviewComesTrue makes previews of changes, makes the changes and scans: each finding is then what the preview said, and there is
// no other.
func TestAccessPreviewComesTrue(t *testing.T) {
	w := newWorld(t)
	w.analyzer(rule("known", filter{"principal.AWS": {Eq: []string{"222233334444"}}}), rule("net", filter{"condition.aws:SourceIp": {Exists: wire.Ptr(true)}}))
	random := rand.New(rand.NewPCG(7, 7))
	principals := []any{"*", aws(stranger), aws("222233334444"), aws("111122223333"), aws("arn:aws:iam::777788889999:role/r")}
	conditions := []map[string]any{nil, nil, {"IpAddress": map[string]any{"aws:SourceIp": "203.0.113.0/24"}}, {"StringEquals": map[string]any{"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}}
	const bucketARN, roleARN = "arn:aws:s3:::logs", "arn:aws:iam::111122223333:role/app"
	var statements []map[string]any
	principal := any(aws("111122223333"))
	w.describe(template{}.bucket("logs").role("app", principal))
	w.scan()
	seen := map[string]int{}
	for round := range 150 {
		policy, trust := (*string)(nil), (*string)(nil)
		name, c := bucketARN, accessanalyzer.Configuration{}
		if random.IntN(4) == 0 {
			name, principal = roleARN, principals[1+random.IntN(len(principals)-1)]
			text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": allow(principal, "sts:AssumeRole", "")})
			must(t, err)
			trust = wire.Ptr(string(text))
			c.IamRole = &accessanalyzer.IamRoleConfiguration{TrustPolicy: trust}
		} else {
			statements = statements[:min(len(statements), random.IntN(3))] // some stay
			for range random.IntN(3) {
				one := allow(principals[random.IntN(len(principals))], []string{"s3:GetObject", "s3:PutObject"}[random.IntN(2)], objects("logs"))
				if condition := conditions[random.IntN(len(conditions))]; condition != nil {
					one["Condition"] = condition
				}
				statements = append(slices.Clip(statements), one)
			}
			if policy = wire.Ptr(""); len(statements) > 0 {
				text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
				must(t, err)
				policy = wire.Ptr(string(text))
			}
			c.S3Bucket = &accessanalyzer.S3BucketConfiguration{BucketPolicy: policy}
		}
		made, err := w.service.CreateAccessPreview(w.ctx, &accessanalyzer.CreateAccessPreviewInput{AnalyzerArn: wire.Ptr(homeARN),
			Configurations: map[string]accessanalyzer.Configuration{name: c}})
		must(t, err)
		said, err := w.service.ListAccessPreviewFindings(w.ctx, &accessanalyzer.ListAccessPreviewFindingsInput{AnalyzerArn: wire.Ptr(homeARN), AccessPreviewId: made.Id})
		must(t, err)
		before := map[string]bool{}
		for _, f := range w.findings() {
			before[*f.Id] = true
		}
		if len(statements) == 0 {
			statements = nil
		}
		w.describe(template{}.bucket("logs", statements...).role("app", principal))
		w.clock.advance(time.Minute)
		w.scan()
		left := map[string]accessanalyzer.FindingSummary{}
		for _, f := range w.findingsWhere(filter{"resource": {Eq: []string{name}}}) {
			left[*f.Id] = f
		}
		for _, f := range said.Findings {
			seen[string(f.ChangeType)+" "+string(f.Status)]++
			id := wire.Value(f.ExistingFindingId)
			if f.ChangeType == accessanalyzer.FindingChangeTypeNew {
				for newID, g := range left {
					if !before[newID] && cmp.Equal(f.Principal, g.Principal) && cmp.Equal(f.Condition, g.Condition) && cmp.Equal(f.Action, g.Action) {
						id = newID
					}
				}
			}
			g, ok := left[id]
			if !ok || g.Status != f.Status || !cmp.Equal(f.Principal, g.Principal) || !cmp.Equal(f.Condition, g.Condition) || !cmp.Equal(f.Action, g.Action) ||
				!cmp.Equal(f.IsPublic, g.IsPublic) || !cmp.Equal(f.Sources, g.Sources) {
				t.Fatalf("round %d: the preview said %s, there is %s", round, wire.Marshal(&f), wire.Marshal(&g))
			}
			delete(left, id)
		}
		for id, f := range left {
			if f.Status != accessanalyzer.FindingStatusResolved {
				t.Fatalf("round %d: the preview did not say that there would be %s: %s", round, id, wire.Marshal(&f))
			}
		}
		// Now and then someone puts a finding away.
		if all := w.findingsWhere(filter{"status": {Eq: []string{"ACTIVE"}}}); len(all) > 0 && random.IntN(3) == 0 {
			w.setStatus("ARCHIVED", *all[random.IntN(len(all))].Id)
		}
	}
	for _, kind := range []string{"NEW ACTIVE", "NEW ARCHIVED", "CHANGED RESOLVED", "CHANGED ACTIVE", "CHANGED ARCHIVED", "UNCHANGED ACTIVE", "UNCHANGED ARCHIVED"} {
		if seen[kind] == 0 {
			t.Errorf("no preview said %s: %v", kind, seen)
		}
	}
}

// On PostgreSQL too requests at once with one token make one preview.
func TestAccessPreviewOnceOnPostgreSQL(t *testing.T) {
	previewOnce(newPreviewWorldOn(t, newWorldOn(t, opentest.Postgres(t))))
}
