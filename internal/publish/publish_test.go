package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/magpie-sec/magpie/internal/api/sigv4"
	"github.com/magpie-sec/magpie/internal/pgtest"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/store/open"
	"github.com/magpie-sec/magpie/internal/store/open/opentest"
	"github.com/magpie-sec/magpie/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

var (
	home  = store.Tenant{Account: "111122223333", Region: "eu-west-1"}
	start = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A world is a publisher over a database with one sink, which a test lets fail.
type world struct {
	t         *testing.T
	db        store.DB
	now       time.Time
	outbox    *Outbox
	publisher *Publisher
	log       bytes.Buffer

	taken []string // what the sink has taken: the details
	times []int    // how many events came at a time
	send  func(ctx context.Context, events []string) []error
}

func (w *world) Most() int { return 3 }

func (w *world) Send(ctx context.Context, events []json.RawMessage) []error {
	var details []string
	for _, e := range events {
		var m struct{ Detail json.RawMessage }
		must(w.t, json.Unmarshal(e, &m))
		details = append(details, string(m.Detail))
	}
	w.times = append(w.times, len(events))
	var errs []error
	if w.send != nil {
		errs = w.send(ctx, details)
	}
	for i, d := range details {
		if errs == nil || errs[i] == nil {
			w.taken = append(w.taken, d)
		}
	}
	return errs
}

func newWorld(t *testing.T, url string) *world {
	t.Helper()
	db, err := open.Open(t.Context(), url, open.Options{})
	must(t, err)
	db = storetest.Conflicting(db)
	t.Cleanup(func() { must(t, db.Close()) })
	w := &world{t: t, db: db, now: start, outbox: NewOutbox(Route{"sink", []Kind{EventBridge}})}
	w.publisher, err = New(Config{DB: db, Targets: []Target{{"sink", w}}, Now: func() time.Time { return w.now }, Log: slog.New(slog.NewTextHandler(&w.log, nil))})
	must(t, err)
	return w
}

func onBothEngines(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, newWorld(t, opentest.SQLite(t))) })
	t.Run("postgres", func(t *testing.T) { fn(t, newWorld(t, opentest.Postgres(t))) })
}

func (w *world) add(events ...Event) {
	w.t.Helper()
	must(w.t, w.db.Update(w.t.Context(), func(tx store.Tx) error { return w.outbox.Add(w.t.Context(), tx, home, events...) }))
}

func (w *world) event(subject, detail string) Event {
	return Event{Kind: EventBridge, Source: "aws.macie", DetailType: "Macie Finding", Detail: json.RawMessage(`"` + detail + `"`), Subject: subject, Time: w.now}
}

func (w *world) deliver() {
	w.t.Helper()
	must(w.t, w.publisher.Deliver(w.t.Context()))
}

func (w *world) want(what, want string) {
	w.t.Helper()
	if got := strings.Join(w.taken, " "); got != want {
		w.t.Errorf("%s: taken %s, want %s", what, got, want)
	}
}

func TestDeliver(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.deliver()
		for i := range 7 {
			w.add(w.event("f", fmt.Sprint(i)))
			w.now = w.now.Add(time.Millisecond)
		}
		undone := errors.New("the transaction that made the event fails")
		if err := w.db.Update(t.Context(), func(tx store.Tx) error {
			must(t, w.outbox.Add(t.Context(), tx, home, w.event("f", "undone")))
			return undone
		}); !errors.Is(err, undone) {
			t.Fatal(err)
		}
		w.deliver()
		w.want("in order", `"0" "1" "2" "3" "4" "5" "6"`)
		w.deliver()
		w.want("once", `"0" "1" "2" "3" "4" "5" "6"`)
		if got := fmt.Sprint(w.times); got != "[3 3 1]" {
			t.Errorf("events at a time: %s", got)
		}
	})
}

// TestSinkAway lets a sink fail again and again: nothing is lost, and the tries become fewer.
func TestSinkAway(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		away := errors.New("the answer has status 503")
		w.send = func(_ context.Context, events []string) []error { return sameError(len(events), away) }
		for i := range 5 {
			w.add(w.event("f", fmt.Sprint(i)))
			w.now = w.now.Add(time.Millisecond)
		}
		w.deliver()
		if len(w.times) != 1 {
			t.Errorf("%d requests of a sink that is away", len(w.times))
		}
		if !strings.Contains(w.log.String(), "status 503") {
			t.Errorf("log: %s", &w.log)
		}
		tries := 0
		for range 24 * 60 {
			w.now = w.now.Add(time.Minute)
			w.times = nil
			w.deliver()
			tries += len(w.times)
		}
		if tries < 30 || tries > 100 {
			t.Errorf("%d requests in a day", tries)
		}
		w.send = nil
		w.now = w.now.Add(mostWait)
		w.deliver()
		if len(w.taken) != 5 {
			t.Errorf("taken after a day: %v", w.taken)
		}
	})
}

// TestOneRefused lets the others pass.
func TestOneRefused(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.send = func(_ context.Context, events []string) []error {
			errs := make([]error, len(events))
			for i, e := range events {
				if e == `"1"` {
					errs[i] = errors.New("too large")
				}
			}
			return errs
		}
		for i := range 5 {
			w.add(w.event("f", fmt.Sprint(i)))
			w.now = w.now.Add(time.Millisecond)
		}
		w.deliver()
		w.want("the others", `"0" "2" "3" "4"`)
		must(t, w.db.Update(t.Context(), func(tx store.Tx) error {
			return store.PutOutbox(t.Context(), tx, []store.OutboxRow{{Tenant: home, Sink: "sink", Doc: []byte("{")}})
		}))
		w.add(w.event("f", "5"))
		w.deliver()
		w.want("beside one that is damaged", `"0" "2" "3" "4" "5"`)
	})
}

// TestKilled claims events and dies before they are sent, and after: they come again, none is lost.
func TestKilled(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.add(w.event("f", "0"))
		ctx, kill := context.WithCancel(t.Context())
		w.send = func(_ context.Context, events []string) []error { kill(); return nil } // taken, and never confirmed
		if err := w.publisher.Deliver(ctx); err == nil {
			t.Fatal("delivered after the context ended")
		}
		w.send = nil
		w.deliver()
		w.want("while they are claimed", `"0"`)
		w.now = w.now.Add(claimFor)
		w.deliver()
		w.want("again", `"0" "0"`)
	})
}

// TestMerge holds updates of one subject until their time, and publishes the last one.
func TestMerge(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		update := func(subject, detail string) {
			e := w.event(subject, detail)
			e.MergeUntil = start.Add(15 * time.Minute)
			w.add(e)
		}
		update("a", "a1")
		update("b", "b1")
		w.now = w.now.Add(time.Minute)
		update("a", "a2")
		w.deliver()
		w.want("before their time", "")
		w.now = start.Add(15 * time.Minute)
		w.deliver()
		w.want("at their time", `"a2" "b1"`)

		// One that changes while it is being published is published again.
		w.taken = nil
		update("a", "a3")
		w.send = func(context.Context, []string) []error { w.send = nil; update("a", "a4"); return nil }
		w.deliver()
		w.want("changed meanwhile", `"a3" "a4"`)
	})
}

// TestRun publishes what is added while it runs, and ends with its context.
func TestRun(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "magpie.db"))
	w.publisher.cfg.Every = time.Millisecond
	got := make(chan string)
	w.send = func(_ context.Context, events []string) []error { got <- events[0]; return nil }
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.publisher.Run(ctx); close(ended) }()
	w.add(w.event("f", "0"))
	if e := <-got; e != `"0"` {
		t.Errorf("published %s", e)
	}
	end()
	<-ended
}

func TestEnvelope(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "magpie.db"))
	path := filepath.Join(t.TempDir(), "events.jsonl")
	must(t, os.WriteFile(path, []byte(`{"cut":`), 0o600))
	w.publisher.cfg.Targets = []Target{{"sink", &File{path}}}
	w.add(w.event("f", "0"))
	w.add(w.event("f", "0"))
	w.add(w.event("g", "0"))
	w.deliver()
	text, err := os.ReadFile(path)
	must(t, err)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != 4 || lines[0] != `{"cut":` {
		t.Fatalf("lines %q", lines)
	}
	want := `{"version":"0","id":"ID","detail-type":"Macie Finding","source":"aws.macie","account":"111122223333","time":"2026-11-21T08:00:00Z",` +
		`"region":"eu-west-1","resources":[],"detail":"0"}`
	ids := map[string]bool{}
	for _, line := range lines[1:] {
		var e envelope
		must(t, json.Unmarshal([]byte(line), &e))
		ids[e.ID] = true
		if got := strings.Replace(line, e.ID, "ID", 1); got != want {
			t.Errorf("event %s", got)
		}
	}
	if len(ids) != 2 {
		t.Errorf("ids %v: the same event has the same one, another another", ids)
	}
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v", info.Mode())
	}
}

func TestFileFull(t *testing.T) {
	errs := (&File{"/dev/full"}).Send(t.Context(), []json.RawMessage{[]byte(`{}`), []byte(`{}`)})
	if len(errs) != 2 || errs[0] == nil || errs[1] == nil {
		t.Errorf("a full disk: %v", errs)
	}
}

// TestNoSink makes no rows where nobody takes events.
func TestNoSink(t *testing.T) {
	w := newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "magpie.db"))
	if w.outbox = NewOutbox(); w.outbox.Takes(EventBridge) {
		t.Error("an outbox without sinks takes events")
	}
	w.add(w.event("f", "0"))
	w.outbox = NewOutbox(Route{"hub", []Kind{SecurityHub}})
	w.add(w.event("f", "0"))
	must(t, w.db.View(t.Context(), func(tx store.Tx) error {
		for _, sink := range []string{"sink", "hub"} {
			if n, err := store.CountOutbox(t.Context(), tx, sink); n != 0 || err != nil {
				t.Errorf("%d events wait for %s: %v", n, sink, err)
			}
		}
		return nil
	}))
}

// A server is what a sink talks to.
type server struct {
	*httptest.Server
	requests []*http.Request
	bodies   []string
	status   int
	answer   string
}

func newServer(t *testing.T) *server {
	s := &server{status: 200}
	s.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		must(t, err)
		s.requests, s.bodies = append(s.requests, r), append(s.bodies, string(body))
		rw.WriteHeader(s.status)
		io.WriteString(rw, s.answer)
	}))
	t.Cleanup(s.Close)
	return s
}

func failures(errs []error) string {
	var out []string
	for _, err := range errs {
		if err == nil {
			out = append(out, "taken")
		} else {
			out = append(out, err.Error())
		}
	}
	return strings.Join(out, "; ")
}

func TestWebhook(t *testing.T) {
	s := newServer(t)
	hook := &Webhook{URL: s.URL + "/hook?token=hidden", Secret: []byte("secret"), Client: NewClient(), Now: func() time.Time { return start }}
	events := []json.RawMessage{[]byte(`{"a":1}`), []byte(`{"a":2}`), []byte(`{"a":3}`)}
	if errs := hook.Send(t.Context(), events); errs != nil {
		t.Fatal(errs)
	}
	// printf '1795248000.{"a":1}' | openssl dgst -sha256 -hmac secret
	const signature = "t=1795248000,v1=ec4e42a41ceb28c5b7413427a113e6b59c5357da664fb29ef3d319fb832259ca"
	if got := s.requests[0].Header.Get("X-Magpie-Signature"); got != signature || s.requests[0].Header.Get("Content-Type") != "application/json" {
		t.Errorf("signature %s", got)
	}
	if got := strings.Join(s.bodies, ""); got != `{"a":1}{"a":2}{"a":3}` {
		t.Errorf("bodies %s", got)
	}
	s.status, s.requests = 302, nil
	if got := failures(hook.Send(t.Context(), events)); got != "the answer has status 302; the answer has status 302; the answer has status 302" || len(s.requests) != 1 {
		t.Errorf("%s after %d requests", got, len(s.requests))
	}
	s.Close()
	if got := failures(hook.Send(t.Context(), events[:1])); got == "taken" || strings.Contains(got, "hidden") {
		t.Error(got)
	}
}

// verified checks the signatures of the requests that a server got.
func (s *server) verified(t *testing.T, service string) {
	t.Helper()
	v := sigv4.Verifier{Keys: keyStore{}, Now: func() time.Time { return start }, Services: []string{service}, Regions: []string{home.Region}}
	for i, r := range s.requests {
		if _, err := v.Verify(r, []byte(s.bodies[i])); err != nil {
			t.Errorf("request %d: %v", i, err)
		}
	}
}

func TestEventBus(t *testing.T) {
	s := newServer(t)
	bus := &EventBus{URL: s.URL, Region: home.Region, Bus: "security", Source: "magpie", Credentials: credentials.NewStaticCredentialsProvider("AKID", "SECRET", ""),
		Client: NewClient(), Now: func() time.Time { return start }}
	e := Event{Kind: EventBridge, Source: "aws.macie", DetailType: "Macie Finding", Resources: []string{"arn:x"}, Detail: json.RawMessage(`{"id":"f"}`), Subject: "f", Time: start}
	doc, err := e.message(home)
	must(t, err)
	var m message
	must(t, json.Unmarshal(doc, &m))
	s.answer = `{"FailedEntryCount":1,"Entries":[{"EventId":"1"},{"ErrorCode":"InternalFailure","ErrorMessage":"x"}]}`
	if got := failures(bus.Send(t.Context(), []json.RawMessage{m.Envelope, m.Envelope})); got != "taken; PutEvents refuses an event: InternalFailure" {
		t.Error(got)
	}
	entry := `{"Detail":"{\"id\":\"f\"}","DetailType":"Macie Finding","EventBusName":"security","Resources":["arn:x"],"Source":"magpie","Time":1795248000}`
	if got := s.bodies[0]; got != `{"Entries":[`+entry+`,`+entry+`]}` {
		t.Errorf("body %s", got)
	}
	if got := s.requests[0].Header.Get("X-Amz-Target"); got != "AWSEvents.PutEvents" {
		t.Errorf("target %s", got)
	}
	s.verified(t, "events")
	for status, answer := range map[int]string{200: `{"Entries":[]}`, 400: `{}`} {
		s.status, s.answer = status, answer
		if got := failures(bus.Send(t.Context(), []json.RawMessage{m.Envelope})); got == "taken" {
			t.Errorf("status %d %s: %s", status, answer, got)
		}
	}
}

func TestHub(t *testing.T) {
	s := newServer(t)
	hub := &Hub{URL: s.URL, Region: home.Region, Credentials: credentials.NewStaticCredentialsProvider("AKID", "SECRET", ""), Client: NewClient(),
		Now: func() time.Time { return start }}
	findings := []json.RawMessage{[]byte(`{"Id":"a"}`), []byte(`{"Id":"b"}`)}
	s.answer = `{"FailedCount":1,"SuccessCount":1,"FailedFindings":[{"Id":"b","ErrorCode":"InvalidInput","ErrorMessage":"x"}]}`
	if got := failures(hub.Send(t.Context(), findings)); got != "taken; BatchImportFindings refuses a finding: InvalidInput" {
		t.Error(got)
	}
	if got := s.bodies[0]; got != `{"Findings":[{"Id":"a"},{"Id":"b"}]}` || s.requests[0].URL.Path != "/findings/import" {
		t.Errorf("%s %s", s.requests[0].URL.Path, got)
	}
	s.verified(t, "securityhub")
	s.answer = `{"FailedCount":0,"SuccessCount":2,"FailedFindings":[]}`
	if errs := hub.Send(t.Context(), findings); errs != nil {
		t.Error(errs)
	}
	s.status = 503
	if got := failures(hub.Send(t.Context(), findings)); got != "the answer has status 503; the answer has status 503" {
		t.Error(got)
	}
}

// keyStore knows the key of the tests.
type keyStore struct{}

func (keyStore) Key(context.Context, string) (sigv4.Key, error) {
	return sigv4.Key{Secret: "SECRET", Account: home.Account}, nil
}

// A logServer is an endpoint of CloudWatch Logs that knows some groups and streams.
type logServer struct {
	*server
	made map[string]bool
	kept map[string][]string // messages by stream
}

func newLogServer(t *testing.T) *logServer {
	l := &logServer{server: newServer(t), made: map[string]bool{}, kept: map[string][]string{}}
	l.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		l.requests, l.bodies = append(l.requests, r), append(l.bodies, string(body))
		var in struct {
			LogGroupName, LogStreamName string
			LogEvents                   []struct {
				Timestamp int64
				Message   string
			}
		}
		if err := json.Unmarshal(body, &in); err != nil {
			t.Error(err)
		}
		refuse := func(what string) {
			rw.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(rw, `{"__type":"com.amazonaws.logs#%s","message":"hidden"}`, what)
		}
		place := in.LogGroupName + "\x00" + in.LogStreamName
		switch strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "Logs_20140328.") {
		case "PutLogEvents":
			if !l.made[place] {
				refuse("ResourceNotFoundException")
				return
			}
			last := int64(0)
			for _, e := range in.LogEvents {
				if e.Timestamp < last || e.Timestamp >= in.LogEvents[0].Timestamp+24*3600*1000 {
					refuse("InvalidParameterException")
					return
				}
				last = e.Timestamp
				l.kept[in.LogStreamName] = append(l.kept[in.LogStreamName], e.Message)
			}
		case "CreateLogGroup", "CreateLogStream":
			if in.LogStreamName != "" && !l.made[in.LogGroupName+"\x00"] {
				refuse("ResourceNotFoundException")
				return
			}
			if l.made[place] {
				refuse("ResourceAlreadyExistsException")
				return
			}
			l.made[place] = true
		default:
			t.Errorf("target %s", r.Header.Get("X-Amz-Target"))
		}
		io.WriteString(rw, l.answer)
	})
	return l
}

func TestLogs(t *testing.T) {
	l := newLogServer(t)
	l.answer = "{}"
	logs := &Logs{URL: l.URL, Region: home.Region, Group: "/aws/macie/classificationjobs", Client: NewClient(), Now: func() time.Time { return start },
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "SECRET", "")}
	record := func(job, at string) json.RawMessage {
		return json.RawMessage(fmt.Sprintf(`{"jobId":%q,"occurredAt":%q}`, job, at))
	}
	events := []json.RawMessage{
		record("a", "2026-11-21T08:00:00.000002Z"), record("b", "2026-11-21T08:00:00.000001Z"), record("a", "2026-11-21T07:59:59.000000Z"),
		record("a", "2026-11-22T08:00:00.000000Z"), // another request: more than a day behind
	}
	if got := failures(logs.Send(t.Context(), events)); got != "taken; taken; taken; taken" {
		t.Fatal(got)
	}
	want := fmt.Sprint(map[string][]string{"a": {string(events[2]), string(events[0]), string(events[3])}, "b": {string(events[1])}})
	if got := fmt.Sprint(l.kept); got != want {
		t.Errorf("kept %s, want %s", got, want)
	}
	l.verified(t, "logs")
	if n := len(l.requests); n != 9 { // for each stream three more than the one that succeeds, for a one more
		t.Errorf("%d requests", n)
	}
	if got := failures(logs.Send(t.Context(), append(events[:1:1], json.RawMessage(`{"id":"x"}`)))); got != "taken; the event is no record of a job" {
		t.Error(got)
	}
	l.answer = `{"rejectedLogEventsInfo":{"tooNewLogEventStartIndex":0}}`
	if got := failures(logs.Send(t.Context(), events[:1])); !strings.Contains(got, "clocks differ") {
		t.Error(got)
	}
	l.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(503) })
	if got := failures(logs.Send(t.Context(), events)); strings.Count(got, "status 503") != 4 {
		t.Error(got)
	}
}
