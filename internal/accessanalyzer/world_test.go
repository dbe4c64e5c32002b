package accessanalyzer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/config"
	"github.com/magpie-sec/magpie/internal/pgtest"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/open"
	"github.com/magpie-sec/magpie/internal/store/open/opentest"
	"github.com/magpie-sec/magpie/internal/store/storetest"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
	"github.com/magpie-sec/magpie/internal/wire/pagetoken"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

var (
	home   = store.Tenant{Account: "111122223333", Region: "us-east-1"}
	abroad = store.Tenant{Account: "111122223333", Region: "eu-west-1"}
	member = store.Tenant{Account: "444455556666", Region: "us-east-1"}
)

const (
	stranger = "999988887777"
	homeARN  = "arn:aws:access-analyzer:us-east-1:111122223333:analyzer/a"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// as returns the context of a request of a tenant.
func as(ctx context.Context, t store.Tenant) context.Context {
	return wire.WithCaller(ctx, wire.Caller{Account: t.Account, Region: t.Region, Partition: "aws"})
}

// An estate is a source of documents in memory.
type estate struct {
	mu        sync.Mutex
	documents map[string]string
	buckets   []string
	err       error         // of every call
	hold      chan struct{} // if not nil, listing buckets waits for it
	held      chan struct{} // gets an element when listing begins to wait
	asked     atomic.Int64  // how often the buckets were listed
}

func (e *estate) Buckets(ctx context.Context) ([]source.Bucket, error) {
	e.asked.Add(1)
	e.mu.Lock()
	hold := e.hold
	e.mu.Unlock()
	if hold != nil {
		e.held <- struct{}{}
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []source.Bucket
	for _, name := range e.buckets {
		list = append(list, source.Bucket{Name: name})
	}
	return list, e.err
}

func (e *estate) Document(_ context.Context, name string, _ int64) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	text, ok := e.documents[name]
	switch {
	case e.err != nil:
		return nil, e.err
	case !ok:
		return nil, &source.Error{Kind: source.NotFound, Op: "read", Key: name}
	}
	return []byte(text), nil
}

func (e *estate) List(context.Context, string, source.ListOptions) iter.Seq2[source.Item, error] {
	panic("the analyzer reads no objects")
}

func (e *estate) Open(context.Context, string, string, source.OpenOptions) (source.Reader, error) {
	panic("the analyzer reads no objects")
}

func (e *estate) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
}

func (e *estate) set(document, text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.documents[document] = text
}

// A template is the resources of a CloudFormation template, by logical id.
type template map[string]any

func (t template) String() string {
	text, err := json.MarshalIndent(map[string]any{"Resources": t}, "", " ")
	if err != nil {
		panic(err)
	}
	return string(text)
}

func allow(principal any, action, resource string) map[string]any {
	s := map[string]any{"Effect": "Allow", "Principal": principal, "Action": action}
	if resource != "" {
		s["Resource"] = resource
	}
	return s
}

func aws(principal string) map[string]any { return map[string]any{"AWS": principal} }

// bucket adds a bucket, with a policy if there are statements.
func (t template) bucket(name string, statements ...map[string]any) template {
	id := strings.ReplaceAll(name, "-", "")
	t[id] = map[string]any{"Type": "AWS::S3::Bucket", "Properties": map[string]any{"BucketName": name}}
	delete(t, id+"Policy")
	if statements != nil {
		t[id+"Policy"] = map[string]any{"Type": "AWS::S3::BucketPolicy", "Properties": map[string]any{"Bucket": name,
			"PolicyDocument": map[string]any{"Version": "2012-10-17", "Statement": statements}}}
	}
	return t
}

func (t template) role(name string, principal any) template {
	t[name] = map[string]any{"Type": "AWS::IAM::Role", "Properties": map[string]any{"RoleName": name,
		"AssumeRolePolicyDocument": map[string]any{"Version": "2012-10-17", "Statement": allow(principal, "sts:AssumeRole", "")}}}
	return t
}

func objects(bucket string) string { return "arn:aws:s3:::" + bucket + "/*" }

// A clock goes on when it is told to.
type clock struct{ millis atomic.Int64 }

func (c *clock) now() time.Time          { return time.UnixMilli(c.millis.Load()) }
func (c *clock) advance(d time.Duration) { c.millis.Add(d.Milliseconds()) }

// A world is a service with sources in memory.
type world struct {
	testing.TB
	ctx     context.Context // of a request of home
	clock   *clock
	db      store.DB
	cfg     Config
	service *Service
	estates map[store.Tenant]*estate
	log     *logBuffer
	ids     atomic.Int64
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newWorld(t testing.TB, adjust ...func(*Config)) *world {
	t.Helper()
	return newWorldOn(t, opentest.SQLite(t), adjust...)
}

func newWorldOn(t testing.TB, url string, adjust ...func(*Config)) *world {
	t.Helper()
	db, err := open.Open(t.Context(), url, open.Options{})
	must(t, err)
	if db.Engine() == store.SQLite { // where it never happens by itself, and costs next to nothing
		db = storetest.Conflicting(db)
	} else {
		db = storetest.MayConflict(db)
	}
	t.Cleanup(func() { must(t, db.Close()) })
	w := &world{TB: t, ctx: as(t.Context(), home), clock: &clock{}, db: db, estates: map[store.Tenant]*estate{}, log: &logBuffer{}}
	w.clock.millis.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	tokens, err := pagetoken.New(bytes.Repeat([]byte{7}, pagetoken.MinKey))
	must(t, err)
	w.cfg = Config{DB: db, Sources: Sources{}, Tokens: tokens, Now: w.clock.now, Exclusive: db.Engine() == store.SQLite,
		NewID: func() string { return fmt.Sprintf("%032x", w.ids.Add(1)) }, Log: slog.New(slog.NewTextHandler(w.log, nil))}
	for _, tenant := range []store.Tenant{home, abroad, member} {
		w.estates[tenant] = &estate{documents: map[string]string{}, held: make(chan struct{}, 100)}
		w.cfg.Sources[tenant] = []source.Driver{w.estates[tenant]}
	}
	for _, a := range adjust {
		a(&w.cfg)
	}
	w.restart()
	return w
}

// restart makes the service anew, as after a crash.
func (w *world) restart() {
	w.Helper()
	var err error
	w.service, err = New(w.cfg)
	must(w, err)
}

// describe sets the template of home.
func (w *world) describe(t template) { w.estates[home].set("template.json", t.String()) }

func (w *world) scan() {
	w.Helper()
	must(w, w.service.Scan(w.ctx))
}

// analyzer makes the analyzer a of home with archive rules.
func (w *world) analyzer(rules ...accessanalyzer.InlineArchiveRule) {
	w.Helper()
	_, err := w.service.CreateAnalyzer(w.ctx, &accessanalyzer.CreateAnalyzerInput{AnalyzerName: wire.Ptr("a"), Type: accessanalyzer.TypeAccount, ArchiveRules: rules})
	must(w, err)
}

func rule(name string, f filter) accessanalyzer.InlineArchiveRule {
	return accessanalyzer.InlineArchiveRule{RuleName: &name, Filter: f}
}

// findings are all findings of the analyzer a, in the order of their ids, as ListFindings has them.
func (w *world) findings() []accessanalyzer.FindingSummary { return w.findingsWhere(nil) }

func (w *world) findingsWhere(f filter) (all []accessanalyzer.FindingSummary) {
	w.Helper()
	in := &accessanalyzer.ListFindingsInput{AnalyzerArn: wire.Ptr(homeARN), Filter: f, Sort: &accessanalyzer.SortCriteria{AttributeName: wire.Ptr("id")}}
	for {
		out, err := w.service.ListFindings(w.ctx, in)
		must(w, err)
		all = append(all, out.Findings...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return all
		}
	}
}

// lines are the findings in a word each, sorted: resource, principal or error, status.
func (w *world) lines() []string {
	w.Helper()
	var lines []string
	for _, f := range w.findings() {
		who := wire.Value(f.Error)
		for _, p := range f.Principal {
			who = p
		}
		name := (*f.Resource)[strings.LastIndexAny(*f.Resource, ":/")+1:]
		lines = append(lines, fmt.Sprintf("%s %s %s", name, who, f.Status))
	}
	slices.Sort(lines)
	return lines
}

func (w *world) expect(when string, want ...string) {
	w.Helper()
	if got := w.lines(); !slices.Equal(got, want) {
		w.Fatalf("%s: findings\n%s\nwant\n%s", when, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// one is the only finding of a resource.
func (w *world) one(resource string) accessanalyzer.FindingSummary {
	w.Helper()
	found := w.findingsWhere(filter{"resource": {Contains: []string{resource}}})
	if len(found) != 1 {
		w.Fatalf("%d findings of %s", len(found), resource)
	}
	return found[0]
}

func (w *world) setStatus(status accessanalyzer.FindingStatusUpdate, ids ...string) {
	w.Helper()
	_, err := w.service.UpdateFindings(w.ctx, &accessanalyzer.UpdateFindingsInput{AnalyzerArn: wire.Ptr(homeARN), Status: status, Ids: ids})
	must(w, err)
}

// wantKind fails unless an error is of a kind.
func wantKind(t testing.TB, what string, err error, kind wire.Kind) *wire.Error {
	t.Helper()
	var e *wire.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Errorf("%s: error %v, want %v", what, err, kind)
		return &wire.Error{}
	}
	return e
}

var anOrganization = &config.Organization{ID: "o-a1b2c3d4e5", ManagementAccount: home.Account,
	Members: []config.Member{{ID: member.Account}, {ID: "777788889999"}}}
