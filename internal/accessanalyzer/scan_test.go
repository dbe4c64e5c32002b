package accessanalyzer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/memory"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/open/opentest"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// TestFindings follows findings of several types from the template to the wire.
func TestFindings(t *testing.T) {
	w := newWorld(t)
	w.describe(template{}.
		bucket("public", allow("*", "s3:GetObject", objects("public"))).
		bucket("partner", allow(aws(stranger), "s3:GetObject", objects("partner"))).
		bucket("own", allow(aws(home.Account), "s3:*", objects("own"))).
		bucket("plain").
		role("deploy", aws("arn:aws:iam::"+stranger+":role/ci")))
	w.analyzer()
	w.expect("before the scan")
	w.scan()
	w.expect("after the scan", "deploy arn:aws:iam::"+stranger+":role/ci ACTIVE", "partner "+stranger+" ACTIVE", "public * ACTIVE")
	now := wire.TimeOf(w.clock.now())
	got := w.one("partner")
	want := accessanalyzer.FindingSummary{Id: got.Id, Principal: map[string]string{"AWS": stranger}, Action: []string{"s3:GetObject"},
		Resource: wire.Ptr("arn:aws:s3:::partner"), IsPublic: wire.Ptr(false), ResourceType: "AWS::S3::Bucket", Condition: map[string]string{},
		CreatedAt: &now, AnalyzedAt: &now, UpdatedAt: &now, Status: "ACTIVE", ResourceOwnerAccount: wire.Ptr(home.Account),
		Sources: []accessanalyzer.FindingSource{{Type: "POLICY"}}, ResourceControlPolicyRestriction: "NOT_APPLICABLE"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if public := w.one("public"); !*public.IsPublic {
		t.Error("the public bucket is not public")
	}
	if role := w.one("deploy"); role.Sources != nil || role.ResourceType != "AWS::IAM::Role" {
		t.Errorf("role: %s", wire.Marshal(&role))
	}
	analyzed, err := w.service.ListAnalyzedResources(w.ctx, &accessanalyzer.ListAnalyzedResourcesInput{AnalyzerArn: wire.Ptr(homeARN)})
	must(t, err)
	if len(analyzed.AnalyzedResources) != 5 {
		t.Errorf("%d resources are analysed of 5", len(analyzed.AnalyzedResources))
	}
}

// TestStatusMachine follows findings through access-analyzer.md 2.7.
func TestStatusMachine(t *testing.T) {
	open := template{}.bucket("b", allow(aws(stranger), "s3:GetObject", objects("b")))
	closed := template{}.bucket("b")
	type step struct {
		do   func(w *world)
		want []string
	}
	show := func(tm template) func(*world) { return func(w *world) { w.describe(tm); w.scan() } }
	set := func(status accessanalyzer.FindingStatusUpdate) func(*world) {
		return func(w *world) { w.setStatus(status, *w.one("b").Id) }
	}
	broken := func(w *world) { w.estates[home].set("template.json", "{"); w.scan() }
	active, archived, resolved, failed := "b "+stranger+" ACTIVE", "b "+stranger+" ARCHIVED", "b "+stranger+" RESOLVED", "b INTERNAL_ERROR ACTIVE"
	for name, c := range map[string]struct {
		rules []accessanalyzer.InlineArchiveRule
		steps []step
	}{
		"resolved and back": {nil, []step{{show(open), []string{active}}, {show(closed), []string{resolved}}, {show(open), []string{active}}}},
		"deleted and back":  {nil, []step{{show(open), []string{active}}, {show(template{}), []string{resolved}}, {show(open), []string{active}}}},
		"archived stays": {nil, []step{{show(open), []string{active}}, {set("ARCHIVED"), []string{archived}}, {(*world).scan, []string{archived}},
			{set("ACTIVE"), []string{active}}}},
		"archived is resolved, and comes back active": {nil, []step{{show(open), []string{active}}, {set("ARCHIVED"), []string{archived}},
			{show(closed), []string{resolved}}, {show(open), []string{active}}}},
		"resolved cannot be set": {nil, []step{{show(open), []string{active}}, {show(closed), []string{resolved}}, {set("ACTIVE"), []string{resolved}},
			{set("ARCHIVED"), []string{resolved}}}},
		"a rule archives at creation and at return, not what a person made active": {
			[]accessanalyzer.InlineArchiveRule{rule("r", filter{"principal.AWS": {Eq: []string{stranger}}})},
			[]step{{show(open), []string{archived}}, {set("ACTIVE"), []string{active}}, {show(open), []string{active}}, {show(closed), []string{resolved}},
				{show(open), []string{archived}}}},
		"a rule for public access leaves it": {[]accessanalyzer.InlineArchiveRule{rule("r", filter{"isPublic": {Eq: []string{"true"}}})},
			[]step{{show(open), []string{active}}}},
		"an error resolves what is active, and vanishes": {nil, []step{{show(open), []string{active}}, {broken, []string{resolved, failed}},
			{broken, []string{resolved, failed}}, {show(open), []string{active}}}},
		"an error leaves what is archived": {nil, []step{{show(open), []string{active}}, {set("ARCHIVED"), []string{archived}},
			{broken, []string{archived, failed}}, {show(open), []string{archived}}}},
		"an error of what was resolved": {nil, []step{{show(open), []string{active}}, {show(closed), []string{resolved}}, {broken, []string{resolved, failed}},
			{show(closed), []string{resolved}}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.analyzer(c.rules...)
			var first accessanalyzer.FindingSummary
			for i, s := range c.steps {
				w.clock.advance(time.Minute)
				before := w.findings()
				s.do(w)
				slices.Sort(s.want)
				w.expect(fmt.Sprint("step ", i), s.want...)
				for _, f := range w.findings() {
					if f.Error != nil {
						continue
					}
					if first.Id == nil {
						first = f
					}
					if *f.Id != *first.Id || *f.CreatedAt != *first.CreatedAt {
						t.Fatalf("step %d: finding %s of %v became %s of %v", i, *first.Id, *first.CreatedAt, *f.Id, *f.CreatedAt)
					}
					at := slices.IndexFunc(before, func(b accessanalyzer.FindingSummary) bool { return *b.Id == *f.Id })
					if at >= 0 && (before[at].Status == f.Status) != (*before[at].UpdatedAt == *f.UpdatedAt) {
						t.Errorf("step %d: from %s at %v to %s at %v", i, before[at].Status, *before[at].UpdatedAt, f.Status, *f.UpdatedAt)
					}
				}
			}
		})
	}
}

// TestChangedAccess is another finding than the one before.
func TestChangedAccess(t *testing.T) {
	w := newWorld(t)
	w.analyzer()
	w.describe(template{}.bucket("b", allow(aws(stranger), "s3:GetObject", objects("b"))))
	w.scan()
	first := *w.one("arn:aws:s3:::b").Id
	w.describe(template{}.bucket("b", allow(aws(stranger), "s3:*Object", objects("b"))))
	w.scan()
	w.expect("after the change", "b "+stranger+" ACTIVE", "b "+stranger+" RESOLVED")
	if resolved := w.findingsWhere(filter{"status": {Eq: []string{"RESOLVED"}}}); *resolved[0].Id != first {
		t.Error("the old one is not the one that is resolved")
	}
}

func TestRetention(t *testing.T) {
	w := newWorld(t)
	w.analyzer()
	w.describe(template{}.bucket("b", allow("*", "s3:GetObject", objects("b"))).bucket("c", allow("*", "s3:GetObject", objects("c"))))
	w.scan()
	w.describe(template{}.bucket("c", allow("*", "s3:GetObject", objects("c"))))
	w.scan()
	w.clock.advance(90*24*time.Hour - time.Minute)
	w.scan()
	w.expect("after almost 90 days", "b * RESOLVED", "c * ACTIVE")
	w.clock.advance(time.Hour)
	w.scan()
	w.expect("after 90 days", "c * ACTIVE")
}

// analyzedAt tells when each resource was analysed last.
func (w *world) analyzedAt() map[string]time.Duration {
	w.Helper()
	times := map[string]time.Duration{}
	out, err := w.service.ListAnalyzedResources(w.ctx, &accessanalyzer.ListAnalyzedResourcesInput{AnalyzerArn: wire.Ptr(homeARN)})
	must(w, err)
	for _, r := range out.AnalyzedResources {
		got, err := w.service.GetAnalyzedResource(w.ctx, &accessanalyzer.GetAnalyzedResourceInput{AnalyzerArn: wire.Ptr(homeARN), ResourceArn: r.ResourceArn})
		must(w, err)
		times[(*r.ResourceArn)[strings.LastIndexAny(*r.ResourceArn, ":/")+1:]] = got.Resource.AnalyzedAt.Time().Sub(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	}
	return times
}

// TestOnlyChangesAreAnalysed looks at when resources were analysed, also after a restart.
func TestOnlyChangesAreAnalysed(t *testing.T) {
	w := newWorld(t)
	tm := template{}.bucket("a", allow("*", "s3:GetObject", objects("a"))).bucket("b").role("r", aws(stranger))
	w.describe(tm)
	w.analyzer()
	w.scan()
	want := map[string]time.Duration{"a": 0, "b": 0, "r": 0}
	check := func(when string) {
		t.Helper()
		if d := cmp.Diff(want, w.analyzedAt()); d != "" {
			t.Fatalf("%s: -want +got\n%s", when, d)
		}
	}
	check("at first")
	w.clock.advance(time.Minute)
	w.scan()
	check("without a change")
	w.describe(tm.bucket("b", allow(aws(stranger), "s3:GetObject", objects("b"))))
	w.scan()
	want["b"] = time.Minute
	check("after a change")
	w.clock.advance(time.Minute)
	w.restart()
	w.scan()
	check("after a restart")
	w.estates[home].set("template.json", "\n\n"+tm.String())
	w.scan()
	check("after lines were put in above")
	w.restart()
	w.describe(tm.role("r", aws(home.Account)))
	w.scan()
	want["r"] = 2 * time.Minute
	check("after a restart and a change")
	_, err := w.service.StartResourceScan(w.ctx, &accessanalyzer.StartResourceScanInput{AnalyzerArn: wire.Ptr(homeARN), ResourceArn: wire.Ptr("arn:aws:s3:::a")})
	must(t, err)
	w.scan()
	want["a"] = 2 * time.Minute
	check("after it was asked for")
	w.clock.advance(24*time.Hour - 2*time.Minute)
	w.scan()
	check("before a day is over")
	w.clock.advance(time.Minute)
	w.scan()
	want["b"] = 24*time.Hour + time.Minute
	check("a day after the one")
	analyzer, err := w.service.GetAnalyzer(w.ctx, &accessanalyzer.GetAnalyzerInput{AnalyzerName: wire.Ptr("a")})
	must(t, err)
	if *analyzer.Analyzer.LastResourceAnalyzed != "arn:aws:s3:::b" || *analyzer.Analyzer.LastResourceAnalyzedAt != wire.TimeOf(w.clock.now()) {
		t.Errorf("analyzer: %s", wire.Marshal(analyzer.Analyzer))
	}
}

// TestNothingChanged reads nothing but the documents, and writes nothing.
func TestNothingChanged(t *testing.T) {
	w := newWorld(t)
	w.describe(template{}.bucket("a", allow("*", "s3:GetObject", objects("a"))))
	w.analyzer()
	w.scan()
	before, asked := w.row(), w.estates[home].asked.Load()
	w.scan()
	if after := w.row(); after.Scan != before.Scan {
		t.Error("a scan began though nothing had changed")
	}
	if n := w.estates[home].asked.Load() - asked; n != 1 {
		t.Errorf("the buckets were listed %d times", n)
	}
}

// row is the analyzer a as the store has it.
func (w *world) row() (a store.Analyzer) {
	w.Helper()
	must(w, w.db.View(w.ctx, func(tx store.Tx) (err error) {
		a, err = store.GetAnalyzer(w.ctx, tx, home, "a")
		return err
	}))
	return a
}

// TestAwaySource shows that a source that cannot be read leaves everything as it is, and that one which was taken out of the configuration
// does.
func TestAwaySource(t *testing.T) {
	w := newWorld(t)
	second := &estate{documents: map[string]string{"template.json": template{}.bucket("c", allow("*", "s3:GetObject", objects("c"))).String()}}
	w.cfg.Sources[home] = append(w.cfg.Sources[home], second)
	w.restart()
	w.describe(template{}.bucket("b", allow("*", "s3:GetObject", objects("b"))))
	w.analyzer()
	w.scan()
	all := []string{"b * ACTIVE", "c * ACTIVE"}
	w.expect("at first", all...)
	away := &source.Error{Kind: source.Unavailable, Op: "list"}
	second.fail(away)
	for _, restart := range []bool{false, true} {
		if restart {
			w.restart()
		}
		w.clock.advance(25 * time.Hour)
		w.scan()
		w.expect("while one is away", all...)
	}
	if !strings.Contains(w.log.String(), "a source cannot be read") {
		t.Error("the log says nothing of it")
	}
	w.describe(template{}.bucket("d", allow("*", "s3:GetObject", objects("d"))))
	w.scan()
	w.expect("while one is away and the other changes", "b * ACTIVE", "c * ACTIVE", "d * ACTIVE") // b may be in the one that is away
	second.fail(nil)
	w.scan()
	w.expect("when it is back", "b * RESOLVED", "c * ACTIVE", "d * ACTIVE")
	text := second.documents["template.json"]
	delete(second.documents, "template.json")
	w.scan()
	w.expect("when there is nothing in it", "b * RESOLVED", "c * ACTIVE", "d * ACTIVE")
	second.set("config-items.json", "[]")
	w.scan()
	w.expect("when it says that there is nothing", "b * RESOLVED", "c * RESOLVED", "d * ACTIVE")
	second.set("template.json", text)
	w.scan()
	w.cfg.Sources = Sources{}
	w.restart()
	w.clock.advance(25 * time.Hour)
	w.scan()
	w.expect("without sources", "b * RESOLVED", "c * ACTIVE", "d * ACTIVE")
}

// TestStoreSource scans a store that is asked about its buckets.
func TestStoreSource(t *testing.T) {
	w := newWorld(t)
	s := &memory.Store{}
	absent := source.Absent[source.PublicAccessBlock]("")
	s.SetAccountPublicAccessBlock(absent)
	configure := func(name, policy string) {
		c := source.Configuration{ACL: source.Known([]source.Grant{}), Ownership: source.Known("BucketOwnerEnforced"), PublicAccessBlock: absent,
			Policy: source.Absent[string]("")}
		if policy != "" {
			c.Policy = source.Known(policy)
		}
		s.Configure(name, c)
	}
	for _, name := range []string{"b", "c"} {
		s.CreateBucket(source.Bucket{Name: name})
		configure(name, fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*"}]}`, name))
	}
	w.cfg.Sources[home] = []source.Driver{s}
	w.restart()
	w.analyzer()
	w.scan()
	w.expect("at first", "b * ACTIVE", "c * ACTIVE")
	configure("c", "")
	w.clock.advance(time.Minute)
	w.scan()
	w.expect("after one policy is gone", "b * ACTIVE", "c * RESOLVED")
	if d := cmp.Diff(map[string]time.Duration{"b": 0, "c": time.Minute}, w.analyzedAt()); d != "" {
		t.Errorf("analysed: -want +got\n%s", d)
	}
	s.Configure("b", source.Configuration{Policy: source.Fact[string]{Denied: true, Reason: "access denied"}, ACL: source.Known([]source.Grant{}),
		Ownership: source.Known("BucketOwnerEnforced"), PublicAccessBlock: absent})
	w.scan()
	w.expect("when one may not be read", "b * RESOLVED", "b ACCESS_DENIED ACTIVE", "c * RESOLVED")
}

// TestDeletedAnalyzer shows that nothing of an analyzer is left, and that one of its name begins afresh.
func TestDeletedAnalyzer(t *testing.T) {
	w := newWorld(t)
	w.describe(template{}.bucket("b", allow("*", "s3:GetObject", objects("b"))))
	w.analyzer()
	w.scan()
	_, err := w.service.DeleteAnalyzer(w.ctx, &accessanalyzer.DeleteAnalyzerInput{AnalyzerName: wire.Ptr("a")})
	must(t, err)
	w.scan()
	_, err = w.service.ListFindings(w.ctx, &accessanalyzer.ListFindingsInput{AnalyzerArn: wire.Ptr(homeARN)})
	wantKind(t, "findings of a deleted analyzer", err, wire.NotFound)
	w.analyzer()
	w.expect("of the next one")
	w.scan()
	w.expect("of the next one", "b * ACTIVE")
}

// TestGlobalResources: a role is a finding in every Region with an analyzer, a bucket in its own.
func TestGlobalResources(t *testing.T) {
	w := newWorld(t)
	w.estates[abroad].set("template.json", template{}.role("r", aws(stranger)).bucket("far", allow("*", "s3:GetObject", objects("far"))).String())
	w.describe(template{}.bucket("near", allow("*", "s3:GetObject", objects("near"))))
	w.analyzer()
	w.scan()
	w.expect("of both Regions", "near * ACTIVE", "r "+stranger+" ACTIVE")
}

func TestOrganizationAnalyzer(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Organization = anOrganization })
	tm := template{}.bucket("b", allow(aws("777788889999"), "s3:GetObject", objects("b")), allow(aws(stranger), "s3:GetObject", objects("b")))
	w.describe(tm)
	w.estates[member].set("template.json", tm.String()) // a bucket of the same name, in another store
	w.estates[abroad].set("template.json", template{}.bucket("far", allow("*", "s3:GetObject", objects("far"))).String())
	_, err := w.service.CreateAnalyzer(w.ctx, &accessanalyzer.CreateAnalyzerInput{AnalyzerName: wire.Ptr("a"), Type: accessanalyzer.TypeOrganization})
	must(t, err)
	w.scan()
	w.expect("of all accounts", "b "+stranger+" ACTIVE", "b "+stranger+" ACTIVE")
	owners := map[string]bool{}
	for _, f := range w.findings() {
		owners[*f.ResourceOwnerAccount] = true
	}
	if len(owners) != 2 || !owners[member.Account] {
		t.Errorf("owners %v", owners)
	}
	w.estates[member].set("template.json", template{}.String())
	w.scan()
	w.expect("after one of them is gone", "b "+stranger+" ACTIVE", "b "+stranger+" RESOLVED")

	account := as(t.Context(), member)
	_, err = w.service.CreateAnalyzer(account, &accessanalyzer.CreateAnalyzerInput{AnalyzerName: wire.Ptr("m"), Type: accessanalyzer.TypeOrganization})
	wantKind(t, "an analyzer of a member", err, wire.Validation)
	changed := *anOrganization
	changed.ManagementAccount = member.Account
	for name, c := range map[string]struct {
		change func(*Config)
		code   accessanalyzer.ReasonCode
	}{
		"without the organization": {func(c *Config) { c.Organization = nil }, "ORGANIZATION_DELETED"},
		"without the office":       {func(c *Config) { c.Organization = &changed }, "DELEGATED_ADMINISTRATOR_DEREGISTERED"},
	} {
		c.change(&w.cfg)
		w.restart()
		w.scan()
		got, err := w.service.GetAnalyzer(w.ctx, &accessanalyzer.GetAnalyzerInput{AnalyzerName: wire.Ptr("a")})
		must(t, err)
		if got.Analyzer.Status != "DISABLED" || got.Analyzer.StatusReason.Code != c.code {
			t.Errorf("%s: %s", name, wire.Marshal(got.Analyzer))
		}
		_, err = w.service.ListFindings(w.ctx, &accessanalyzer.ListFindingsInput{AnalyzerArn: wire.Ptr(homeARN)})
		wantKind(t, name, err, wire.AccessDenied)
	}
	w.cfg.Organization = nil
	w.restart()
	_, err = w.service.CreateAnalyzer(w.ctx, &accessanalyzer.CreateAnalyzerInput{AnalyzerName: wire.Ptr("n"), Type: accessanalyzer.TypeOrganization})
	if e := wantKind(t, "without an organization", err, wire.Validation); !strings.Contains(e.Message, "You must create an organization") {
		t.Errorf("message %q", e.Message)
	}
}

// A stoppingDB stops working at its n-th change, as if the program had been killed: before the commit, or after it.
type stoppingDB struct {
	store.DB
	left    int
	commits bool
}

var errKilled = errors.New("killed")

func (d *stoppingDB) Update(ctx context.Context, fn func(store.Tx) error) error {
	d.left--
	switch {
	case d.left > 0:
		return d.DB.Update(ctx, fn)
	case d.left == 0 && d.commits:
		if err := d.DB.Update(ctx, fn); err != nil {
			return err
		}
	}
	return errKilled
}

// TestKilled stops a scan at every one of its transactions. The next one comes to the same findings as if it had never been stopped.
func TestKilled(t *testing.T) {
	first, second := template{}, template{}
	for i := range 3*batchSize/2 + 10 {
		name := fmt.Sprintf("bucket-%03d", i)
		first.bucket(name, allow("*", "s3:GetObject", objects(name)))
		switch i % 4 {
		case 0:
			second.bucket(name, allow(aws(stranger), "s3:GetObject", objects(name)))
		case 1:
			second.bucket(name)
		case 2:
			second.bucket(name, allow("*", "s3:GetObject", objects(name)))
		}
	}
	story := func(t *testing.T, kill func(store.DB) store.DB) (kills int, lines []string, ids map[string]bool) {
		w := newWorld(t)
		w.analyzer(rule("r", filter{"resource": {Contains: []string{"7"}}}))
		scan := func() {
			w.cfg.DB = kill(w.db)
			w.restart()
			w.cfg.DB = w.db
			if err := w.service.Scan(w.ctx); errors.Is(err, errKilled) {
				kills++
			} else {
				must(t, err)
			}
			w.restart()
			w.scan()
		}
		w.describe(first)
		scan()
		w.clock.advance(time.Minute)
		w.describe(second)
		scan()
		ids = map[string]bool{}
		for _, f := range w.findings() {
			ids[*f.Id] = true
		}
		return kills, w.lines(), ids
	}
	_, want, wantIDs := story(t, func(db store.DB) store.DB { return db })
	for commits := range 2 {
		for n := 1; ; n++ {
			kills, got, ids := story(t, func(db store.DB) store.DB { return &stoppingDB{DB: db, left: n, commits: commits == 1} })
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("killed at change %d: -want +got\n%s", n, d)
			}
			if d := cmp.Diff(wantIDs, ids); d != "" {
				t.Fatalf("killed at change %d: ids -want +got\n%s", n, d)
			}
			if kills == 0 {
				if n < 5 {
					t.Errorf("the scan made only %d changes", n-1)
				}
				break
			}
		}
	}
}

// A heldScan is a scan that has its lease and waits for its source.
type heldScan struct {
	done chan error // what Scan returns
	goOn chan struct{}
}

// holdScan begins a scan and returns when it reads the source of home under its lease. Others read it freely.
func (w *world) holdScan(s *Service) heldScan {
	look, read := make(chan struct{}), make(chan struct{})
	set := func(hold chan struct{}) {
		w.estates[home].mu.Lock()
		defer w.estates[home].mu.Unlock()
		w.estates[home].hold = hold
	}
	held := heldScan{make(chan error, 1), read}
	set(look)
	go func() { held.done <- s.Scan(w.ctx) }()
	<-w.estates[home].held // it looks whether anything has changed, without a lease
	set(read)
	close(look)
	<-w.estates[home].held
	set(nil)
	return held
}

// TestTwoServers have one database. Only one scans at a time, and what a slow one has read before the other took over is not written.
func TestTwoServers(t *testing.T) {
	w := newWorldOn(t, opentest.Postgres(t), func(c *Config) { c.Lease = time.Hour })
	open, closed := template{}.bucket("b", allow("*", "s3:GetObject", objects("b"))), template{}.bucket("b")
	w.describe(open)
	w.analyzer()
	slow := w.service
	w.restart()
	held := w.holdScan(slow)
	if err := w.service.Scan(w.ctx); !errors.Is(err, errBusy) {
		t.Errorf("a second scan: %v", err)
	}
	w.clock.advance(2 * time.Hour) // the slow one is silent for too long
	w.scan()
	w.expect("by the other", "b * ACTIVE")
	w.describe(closed)
	w.scan()
	w.expect("by the other", "b * RESOLVED")
	close(held.goOn)
	must(t, <-held.done)
	w.expect("after the slow one has come to its end", "b * RESOLVED")
	w.scan()
	w.expect("after another scan", "b * RESOLVED")
}

// TestHeartbeat: a scan that takes longer than its lease keeps it, as long as the server lives.
func TestHeartbeat(t *testing.T) {
	const lease = 60 * time.Millisecond
	w := newWorldOn(t, opentest.Postgres(t), func(c *Config) { c.Lease = lease })
	w.describe(template{}.bucket("b", allow("*", "s3:GetObject", objects("b"))))
	w.analyzer()
	slow := w.service
	w.restart()
	held := w.holdScan(slow)
	for range 5 {
		w.clock.advance(lease - time.Millisecond)
		until := w.clock.now().Add(lease).UnixMilli()
		for deadline := time.Now().Add(5 * time.Minute); w.row().LeaseUntil != until; {
			if time.Now().After(deadline) {
				t.Fatal("the lease is not made longer")
			}
		}
	}
	if err := w.service.Scan(w.ctx); !errors.Is(err, errBusy) {
		t.Errorf("a second scan: %v", err)
	}
	close(held.goOn)
	must(t, <-held.done)
	w.expect("by the slow one", "b * ACTIVE")
	w.scan() // it is free at once
}

// TestManyServers scan at the same time while the template changes: the findings are those of the last template, each once.
func TestManyServers(t *testing.T) {
	url := opentest.Postgres(t)
	w := newWorldOn(t, url, func(c *Config) { c.Lease = time.Minute })
	w.analyzer()
	done := make(chan error)
	const servers, rounds = 3, 8
	for range servers {
		s, err := New(w.cfg)
		must(t, err)
		go func() {
			for range rounds {
				if err := s.Scan(w.ctx); err != nil && !errors.Is(err, errBusy) {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for i := range rounds {
		tm := template{}
		for n := range 20 {
			if name := fmt.Sprintf("b%02d", n); n%(i+2) == 0 {
				tm.bucket(name, allow("*", "s3:GetObject", objects(name)))
			} else {
				tm.bucket(name)
			}
		}
		w.describe(tm)
	}
	for range servers {
		must(t, <-done)
	}
	for w.service.Scan(w.ctx) != nil {
	}
	active := w.findingsWhere(filter{"status": {Eq: []string{"ACTIVE"}}})
	if len(active) != 3 { // of 0, 9, 18
		t.Errorf("%d active findings: %s", len(active), strings.Join(w.lines(), ", "))
	}
}

// TestRun: the scanner looks at once, is woken by requests, and looks again after a while.
func TestRun(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Poll = time.Hour })
	looked := make(chan error)
	run := func() (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		w.service.scanner.looked = func(err error) {
			select {
			case looked <- err:
			case <-ctx.Done():
			}
		}
		go func() {
			defer close(over)
			w.service.Run(ctx)
		}()
		return func() {
			cancel()
			<-over
		}
	}
	w.describe(template{}.bucket("b", allow("*", "s3:GetObject", objects("b"))))
	stop := run()
	must(t, <-looked)
	w.analyzer()
	must(t, <-looked)
	w.expect("after the analyzer was made", "b * ACTIVE")
	w.describe(template{}.bucket("b"))
	_, err := w.service.StartResourceScan(w.ctx, &accessanalyzer.StartResourceScanInput{AnalyzerArn: wire.Ptr(homeARN), ResourceArn: wire.Ptr("arn:aws:s3:::b")})
	must(t, err)
	must(t, <-looked)
	w.expect("after a scan was asked for", "b * RESOLVED")
	stop()
	w.cfg.Poll = time.Millisecond
	w.restart()
	stop = run()
	must(t, <-looked)
	w.describe(template{}.bucket("b", allow("*", "s3:GetObject", objects("b"))))
	must(t, <-looked) // may have begun before
	must(t, <-looked)
	w.expect("after a poll", "b * ACTIVE")
	stop()
}
