package accessanalyzer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/config"
	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/inventory"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/open"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
	"github.com/magpie-sec/magpie/internal/wire/pagetoken"
)

// previewEstate has a queue that one account uses and one may use that is put away, a role, and a queue of which nothing can be told.
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
	ordersQueue  = "arn:aws:sqs:eu-west-1:111122223333:orders"
	darkQueue    = "arn:aws:sqs:eu-west-1:111122223333:dark"
	previewedARN = "arn:aws:access-analyzer:eu-west-1:111122223333:analyzer/acct"
)

var previewTenant = store.Tenant{Account: "111122223333", Region: "eu-west-1"}

// A previewWorld is a service with an analyzer over an estate, whose findings are stored as a scan makes them.
type previewWorld struct {
	*testing.T
	ctx     context.Context
	service *Service
	db      store.DB
	mu      sync.Mutex
	now     time.Time
}

func newPreviewWorld(t *testing.T) *previewWorld {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "template.yaml"), []byte(previewEstate), 0o600); err != nil {
		t.Fatal(err)
	}
	estate, err := folder.Estate(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := &previewWorld{T: t, now: time.UnixMilli(1_790_000_000_000)}
	w.ctx = wire.WithCaller(t.Context(), wire.Caller{Account: previewTenant.Account, Region: previewTenant.Region, Partition: "aws"})
	if w.db, err = open.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "magpie.db"), open.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.db.Close() })
	tokens, err := pagetoken.New(make([]byte, pagetoken.MinKey))
	if err != nil {
		t.Fatal(err)
	}
	w.service, err = New(Config{DB: w.db, Tokens: tokens, Sources: Sources{previewTenant: {estate}}, Now: func() time.Time {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.now
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.service.CreateAnalyzer(w.ctx, &accessanalyzer.CreateAnalyzerInput{AnalyzerName: wire.Ptr("acct"), Type: "ACCOUNT",
		ArchiveRules: []accessanalyzer.InlineArchiveRule{{RuleName: wire.Ptr("known"), Filter: filter{"principal.AWS": {Eq: []string{"222233334444"}}}}}}); err != nil {
		t.Fatal(err)
	}
	w.seed(estate)
	return w
}

// seed stores what a scan of the estate would; what 444455556666 may do is archived.
func (w *previewWorld) seed(d source.Driver) {
	w.Helper()
	e, err := resource.Load(w.ctx, d, inventory.Options{Account: previewTenant.Account, Region: previewTenant.Region})
	if err != nil {
		w.Fatal(err)
	}
	err = w.db.Update(w.ctx, func(tx store.Tx) error {
		a, err := store.GetAnalyzer(w.ctx, tx, previewTenant, "acct")
		for i := range e.Resources {
			r := &e.Resources[i]
			for _, f := range findingsOf(previewedARN, r, resource.Analyze(r, reach.Zone{Account: r.Account})) {
				if f.Status = "ACTIVE"; f.Principal["AWS"] == "444455556666" {
					f.Status = "ARCHIVED"
				}
				err = errors.Join(err, store.CreateAccessFinding(w.ctx, tx, previewTenant, a.ID, findingRow(f)))
			}
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *previewWorld) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
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
	out, err := w.service.CreateAccessPreview(w.ctx, &accessanalyzer.CreateAccessPreviewInput{AnalyzerArn: wire.Ptr(previewedARN), Configurations: c, ClientToken: token})
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
	out, err := w.service.GetAccessPreview(w.ctx, &accessanalyzer.GetAccessPreviewInput{AnalyzerArn: wire.Ptr(previewedARN), AccessPreviewId: &id})
	if err != nil {
		return nil, err
	}
	return out.AccessPreview, nil
}

// findings lists the findings of a preview, page by page.
func (w *previewWorld) findings(id string, f filter, page int64) []accessanalyzer.AccessPreviewFinding {
	w.Helper()
	var list []accessanalyzer.AccessPreviewFinding
	in := &accessanalyzer.ListAccessPreviewFindingsInput{AccessPreviewId: &id, AnalyzerArn: wire.Ptr(previewedARN), Filter: f, MaxResults: &page}
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

// lines are findings as "CHANGE STATUS WHO [EXISTING-STATUS]", sorted.
func lines(list []accessanalyzer.AccessPreviewFinding) (all []string) {
	for _, f := range list {
		who := f.Principal["AWS"] + wire.Value(f.Error)
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", f.ChangeType, f.Status, who, f.ExistingFindingStatus)))
	}
	slices.Sort(all)
	return all
}

func kindOfError(t *testing.T, err error) wire.Kind {
	t.Helper()
	var known *wire.Error
	if !errors.As(err, &known) {
		t.Fatalf("error %v", err)
	}
	return known.Kind
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
		"a new queue":   {queueConfiguration("arn:aws:sqs:eu-west-1:111122223333:refunds", queuePolicyOf("999988887777")), []string{"NEW ACTIVE 999988887777"}},
		"nothing known": {queueConfiguration(darkQueue, nil), []string{"UNCHANGED ACTIVE INTERNAL_ERROR ACTIVE"}},
		"a cure":        {queueConfiguration(darkQueue, queuePolicyOf("999988887777")), []string{"NEW ACTIVE 999988887777"}},
	} {
		id := w.made(c.configurations)
		p, err := w.get(id)
		if err != nil {
			t.Fatal(err)
		}
		want := &accessanalyzer.AccessPreview{Id: &id, AnalyzerArn: wire.Ptr(previewedARN), Configurations: c.configurations,
			CreatedAt: wire.Ptr(wire.Time(w.now.UnixMilli())), Status: "COMPLETED"}
		if d := cmp.Diff(want, p); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
		list := w.findings(id, nil, 1)
		if d := cmp.Diff(c.want, lines(list)); d != "" {
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
				(f.ExistingFindingId == nil) != (f.ChangeType == "NEW") || int64(*f.CreatedAt) != w.now.UnixMilli() {
				t.Errorf("%s: %s", name, wire.Marshal(f))
			}
			seen[*f.Id] = true
			if f.ExistingFindingId != nil {
				existing, err := w.service.GetFinding(w.ctx, &accessanalyzer.GetFindingInput{AnalyzerArn: wire.Ptr(previewedARN), Id: f.ExistingFindingId})
				if err != nil || existing.Finding.Status != f.ExistingFindingStatus || existing.Finding.Principal["AWS"] != f.Principal["AWS"] {
					t.Errorf("%s: %v, %v", name, existing, err)
				}
			}
		}
	}
	// The findings of the analyzer are as they were.
	out, err := w.service.ListFindings(w.ctx, &accessanalyzer.ListFindingsInput{AnalyzerArn: wire.Ptr(previewedARN)})
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
		_, err = w.service.ListAccessPreviewFindings(w.ctx, &accessanalyzer.ListAccessPreviewFindingsInput{AccessPreviewId: &id, AnalyzerArn: wire.Ptr(previewedARN)})
		if kindOfError(t, err) != wire.Conflict {
			t.Errorf("findings of a failed preview: %v", err)
		}
		list, err := w.service.ListAccessPreviews(w.ctx, &accessanalyzer.ListAccessPreviewsInput{AnalyzerArn: wire.Ptr(previewedARN)})
		if err != nil || !slices.ContainsFunc(list.AccessPreviews, func(s accessanalyzer.AccessPreviewSummary) bool {
			return *s.Id == id && s.Status == "FAILED" && s.StatusReason.Code == code && *s.AnalyzerArn == previewedARN
		}) {
			t.Errorf("list: %v, %v", list, err)
		}
	}
	fails(queueConfiguration(ordersQueue, wire.Ptr("{")), "INVALID_CONFIGURATION")
	fails(map[string]accessanalyzer.Configuration{"arn:aws:iam::111122223333:role/new": {IamRole: &accessanalyzer.IamRoleConfiguration{}}}, "INVALID_CONFIGURATION")
	w.service.cfg.Sources[previewTenant] = []source.Driver{goneSource{}}
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
		"arn:aws:access-analyzer:eu-west-1:111122223333:analyzer/other": wire.NotFound,
		"arn:aws:access-analyzer:us-east-1:111122223333:analyzer/acct":  wire.NotFound,
		"arn:aws:access-analyzer:eu-west-1:999988887777:analyzer/acct":  wire.NotFound,
	} {
		if got := kindOfError(t, with(analyzer, good)); got != want {
			t.Errorf("%s: %v", analyzer, got)
		}
	}
	two := queueConfiguration(ordersQueue, nil)
	two[darkQueue] = good[ordersQueue]
	for name, c := range map[string]map[string]accessanalyzer.Configuration{"none": {}, "two": two, "another account": queueConfiguration("arn:aws:sqs:eu-west-1:999988887777:q", nil)} {
		if got := kindOfError(t, with(previewedARN, c)); got != wire.Validation {
			t.Errorf("%s: %v", name, got)
		}
	}
	if _, err := w.create(good, wire.Ptr("")); kindOfError(t, err) != wire.Validation {
		t.Errorf("an empty token: %v", err)
	}
	for _, id := range []string{"01234567-89ab-4cde-8f01-23456789abcd"} {
		if _, err := w.get(id); kindOfError(t, err) != wire.NotFound {
			t.Errorf("%s: %v", id, err)
		}
		_, err := w.service.ListAccessPreviewFindings(w.ctx, &accessanalyzer.ListAccessPreviewFindingsInput{AccessPreviewId: &id, AnalyzerArn: wire.Ptr(previewedARN)})
		if kindOfError(t, err) != wire.NotFound {
			t.Errorf("findings of %s: %v", id, err)
		}
	}
	id := w.made(good)
	for name, in := range map[string]*accessanalyzer.ListAccessPreviewFindingsInput{
		"no key":     {Filter: filter{"colour": {Exists: wire.Ptr(true)}}},
		"no page":    {MaxResults: wire.Ptr(int64(0))},
		"no token":   {NextToken: wire.Ptr("x")},
		"no content": {Filter: filter{"status": {}}},
	} {
		in.AccessPreviewId, in.AnalyzerArn = &id, wire.Ptr(previewedARN)
		if _, err := w.service.ListAccessPreviewFindings(w.ctx, in); kindOfError(t, err) != wire.Validation {
			t.Errorf("%s: %v", name, err)
		}
	}
	// An analyzer of an organization makes none.
	w.service.cfg.Organization = &config.Organization{ID: "o-a1b2c3d4e5", ManagementAccount: previewTenant.Account}
	err := w.db.Update(w.ctx, func(tx store.Tx) error {
		return store.CreateAnalyzer(w.ctx, tx, previewTenant, store.Analyzer{ID: "o", Name: "org", Type: "ORGANIZATION", Tags: []byte("{}"), Doc: []byte("{}")})
	})
	if err != nil {
		t.Fatal(err)
	}
	var refused *wire.Error
	if err := with("arn:aws:access-analyzer:eu-west-1:111122223333:analyzer/org", good); !errors.As(err, &refused) || refused.Reason != wire.ReasonNotSupported {
		t.Errorf("an organization's analyzer: %v", err)
	}
}

func TestAccessPreviewOnce(t *testing.T) {
	w := newPreviewWorld(t)
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
	if _, err := w.create(queueConfiguration(ordersQueue, wire.Ptr("")), token); kindOfError(t, err) != wire.Conflict {
		t.Errorf("another request with the token: %v", err)
	}
	if other := w.made(queueConfiguration(ordersQueue, nil)); other == again {
		t.Error("a request without a token got an answer from before")
	}
	out, err := w.service.ListAccessPreviews(w.ctx, &accessanalyzer.ListAccessPreviewsInput{AnalyzerArn: wire.Ptr(previewedARN)})
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
		a, err := store.GetAnalyzer(w.ctx, tx, previewTenant, "acct")
		for i := range maxPreviews - 2 {
			err = errors.Join(err, store.CreateAccessPreview(w.ctx, tx, previewTenant, a.ID, store.AccessPreview{ID: fmt.Sprint(i), CreatedAt: w.now.UnixMilli(), Status: "COMPLETED"}, 0))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.made(queueConfiguration(ordersQueue, nil))
	if _, err := w.create(queueConfiguration(ordersQueue, nil), nil); kindOfError(t, err) != wire.Quota {
		t.Errorf("over the quota: %v", err)
	}
	if again, err := w.create(queueConfiguration(ordersQueue, nil), token); err != nil || again != first {
		t.Errorf("a repetition over the quota: %s, %v", again, err)
	}
	w.later(time.Hour + time.Millisecond)
	w.made(queueConfiguration(ordersQueue, nil))
}

func TestAccessPreviewRetention(t *testing.T) {
	w := newPreviewWorld(t)
	old := w.made(queueConfiguration(ordersQueue, nil))
	w.later(time.Hour)
	young := w.made(queueConfiguration(ordersQueue, nil))
	ids := func() (ids []string) {
		in := &accessanalyzer.ListAccessPreviewsInput{AnalyzerArn: wire.Ptr(previewedARN), MaxResults: wire.Ptr(int64(1))}
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
	w.later(23*time.Hour + time.Minute)
	if _, err := w.get(old); kindOfError(t, err) != wire.NotFound {
		t.Errorf("a preview of yesterday: %v", err)
	}
	if d := cmp.Diff([]string{young}, ids()); d != "" {
		t.Error(d)
	}
	if _, err := w.service.DeleteAnalyzer(w.ctx, &accessanalyzer.DeleteAnalyzerInput{AnalyzerName: wire.Ptr("acct")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.get(young); kindOfError(t, err) != wire.NotFound {
		t.Errorf("a preview of a deleted analyzer: %v", err)
	}
}

// TestAccessPreviewFilter asks for each key that only findings of previews have, and for some that all have (access-analyzer.md 3.2).
func TestAccessPreviewFilter(t *testing.T) {
	w := newPreviewWorld(t)
	id := w.made(queueConfiguration(ordersQueue, queuePolicyOf("999988887777", "222233334444", "555566667777")))
	all := w.findings(id, nil, 100)
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
			if d := cmp.Diff(c.want, lines(w.findings(id, c.filter, page))); d != "" {
				t.Errorf("%s, page %d: -want +got\n%s", name, page, d)
			}
		}
	}
	// A token is one of its request.
	in := &accessanalyzer.ListAccessPreviewFindingsInput{AccessPreviewId: &id, AnalyzerArn: wire.Ptr(previewedARN), MaxResults: wire.Ptr(int64(1))}
	out, err := w.service.ListAccessPreviewFindings(w.ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	in.NextToken, in.Filter = out.NextToken, filter{"status": {Eq: []string{"ACTIVE"}}}
	if _, err := w.service.ListAccessPreviewFindings(w.ctx, in); kindOfError(t, err) != wire.Validation {
		t.Errorf("a token of another request: %v", err)
	}
}
