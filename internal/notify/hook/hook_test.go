package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/magpie-sec/magpie/internal/notify"
)

const (
	tokenOne = "token-of-the-first-sender"
	tokenTwo = "token-of-the-second-sender"
	put      = `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}}]}`
	topic    = "arn:aws:sns:eu-west-1:111122223333:buckets"
)

// A bench is a receiver with what it took.
type bench struct {
	testing.TB
	*Receiver
	registry *prometheus.Registry
	log      bytes.Buffer
	took     []int // senders
	take     func() error
}

func newBench(t testing.TB, atOnce int) *bench {
	b := &bench{TB: t, take: func() error { return nil }, registry: prometheus.NewRegistry()}
	var err error
	b.Receiver, err = New(Config{
		Senders: []Sender{{Name: "one", Token: tokenOne}, {Name: "two", Token: tokenTwo, Topics: []string{topic}}}, AtOnce: atOnce,
		Take: func(_ context.Context, index int, events []notify.Event) error {
			if err := b.take(); err != nil {
				return err
			}
			b.took = append(b.took, index)
			return nil
		},
		Log: slog.New(slog.NewJSONHandler(&b.log, nil)), Registerer: b.registry,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// post posts a body; edit changes the request.
func (b *bench) post(body string, edit func(*http.Request)) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	if edit != nil {
		edit(req)
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, req)
	if !json.Valid(w.Body.Bytes()) {
		b.Errorf("the answer is no JSON: %s", w.Body)
	}
	return w
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func TestWhoTells(t *testing.T) {
	b := newBench(t, 0)
	for _, v := range []struct {
		name string
		edit func(*http.Request)
		want int // index, -1: nobody
	}{
		{"bearer", bearer(tokenOne), 0},
		{"bearer in small letters", func(r *http.Request) { r.Header.Set("Authorization", "bearer "+tokenTwo) }, 1},
		{"as it is", func(r *http.Request) { r.Header.Set("Authorization", tokenTwo) }, 1},
		{"password", func(r *http.Request) { r.SetBasicAuth("anybody", tokenTwo) }, 1},
		{"path", func(r *http.Request) { r.URL.Path = "/events/" + tokenOne }, 0},
		{"nothing", nil, -1},
		{"another", bearer("token-of-nobody-at-all"), -1},
		{"part", bearer(tokenOne[:len(tokenOne)-1]), -1},
		{"more", bearer(tokenOne + "x"), -1},
		{"user name", func(r *http.Request) { r.SetBasicAuth(tokenOne, "") }, -1},
		{"another scheme", func(r *http.Request) { r.Header.Set("Authorization", "Digest "+tokenOne) }, -1},
		{"query", func(r *http.Request) { r.URL.RawQuery = "token=" + tokenOne }, -1},
		{"a part of the path", func(r *http.Request) { r.URL.Path = "/" + tokenOne + "/events" }, -1},
		{"empty", bearer(""), -1},
	} {
		b.took = nil
		w := b.post(put, v.edit)
		switch {
		case v.want < 0 && (w.Code != http.StatusUnauthorized || b.took != nil || w.Header().Get("WWW-Authenticate") == ""):
			t.Errorf("%s: status %d, took %v", v.name, w.Code, b.took)
		case v.want >= 0 && (w.Code != http.StatusOK || len(b.took) != 1 || b.took[0] != v.want):
			t.Errorf("%s: status %d, took %v, want of %d", v.name, w.Code, b.took, v.want)
		}
	}
	for _, token := range []string{tokenOne, tokenTwo} {
		if strings.Contains(b.log.String(), token) {
			t.Error("a token is in the log")
		}
	}
}

func TestAnswers(t *testing.T) {
	asks := `{"Type":"SubscriptionConfirmation","TopicArn":"` + topic + `","Token":"sns-token","SubscribeURL":"https://sns.example/x"}`
	for _, v := range []struct {
		name, token, body string
		edit              func(*http.Request)
		status, took      int
		answer            string // holds
	}{
		{"an event", tokenOne, put, nil, 200, 1, `"events":1,"ignored":0`},
		{"nothing", tokenOne, "", nil, 200, 0, `"events":0,"ignored":0`},
		{"a test", tokenOne, `{"Event":"s3:TestEvent"}`, nil, 200, 0, `"ignored":1`},
		{"no JSON", tokenOne, "hello", nil, 400, 0, "no JSON"},
		{"something else", tokenOne, `{"a":1}`, nil, 400, 0, "no S3 event notification"},
		{"read", tokenOne, put, func(r *http.Request) { r.Method = http.MethodGet }, 405, 0, "posted"},
		{"encoded", tokenOne, put, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, 415, 0, "encoded"},
		{"long", tokenOne, put, func(r *http.Request) { r.ContentLength = MaxBody + 1 }, 413, 0, "longer"},
		{"long, and does not say so", tokenOne, "", func(r *http.Request) {
			r.ContentLength, r.Body = -1, io.NopCloser(io.LimitReader(spaces{}, MaxBody+1))
		}, 413, 0, "longer"},
		{"broken off", tokenOne, "", func(r *http.Request) { r.Body = io.NopCloser(io.MultiReader(strings.NewReader(put), broken{})) }, 400, 0, "breaks off"},
		{"by a topic", tokenTwo, `{"Type":"Notification","TopicArn":"` + topic + `","Message":` + quote(put) + `}`, nil, 200, 1, `"events":1`},
		{"by a topic of another", tokenOne, `{"Type":"Notification","TopicArn":"` + topic + `","Message":` + quote(put) + `}`, nil, 403, 0, "not among the topics"},
		{"a topic asks", tokenTwo, asks, nil, 200, 0, "the log says"},
		{"a topic of another asks", tokenOne, asks, nil, 403, 0, "not among the topics"},
	} {
		t.Run(v.name, func(t *testing.T) {
			b := newBench(t, 0)
			w := b.post(v.body, func(r *http.Request) {
				bearer(v.token)(r)
				if v.edit != nil {
					v.edit(r)
				}
			})
			if w.Code != v.status || len(b.took) != v.took || !strings.Contains(w.Body.String(), v.answer) {
				t.Errorf("status %d, took %d: %s; want %d, %d, %s", w.Code, len(b.took), w.Body, v.status, v.took, v.answer)
			}
			asked := strings.Contains(b.log.String(), "sns-token")
			if want := v.name == "a topic asks"; asked != want {
				t.Errorf("the log has the topic's token: %v", asked)
			}
		})
	}
}

func quote(s string) string {
	out, _ := json.Marshal(s)
	return string(out)
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestTryAgain answers 503 when what is told cannot be kept, and when too much is told at once.
func TestTryAgain(t *testing.T) {
	b := newBench(t, 1)
	b.take = func() error { return errors.New("the disk is full") }
	if w := b.post(put, bearer(tokenOne)); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "disk") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	at, goOn, done := make(chan struct{}), make(chan struct{}), make(chan int)
	b.take = func() error { close(at); <-goOn; return nil }
	go func() { done <- b.post(put, bearer(tokenOne)).Code }()
	<-at
	if w := b.post(put, bearer(tokenTwo)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one too many: status %d", w.Code)
	}
	close(goOn)
	if code := <-done; code != http.StatusOK {
		t.Errorf("the first: status %d", code)
	}
	if n := b.counted("magpie_notifications_total", "one", "503"); n != 1 {
		t.Errorf("%v messages of one were answered with 503", n)
	}
	if n := b.counted("magpie_notified_events_total", "one", "object created"); n != 1 {
		t.Errorf("%v events of one were counted", n)
	}
}

// counted is a counter's value.
func (b *bench) counted(name string, labels ...string) float64 {
	families, err := b.registry.Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	metrics:
		for _, m := range f.GetMetric() {
			for i, l := range m.GetLabel() {
				if l.GetValue() != labels[i] {
					continue metrics
				}
			}
			return m.GetCounter().GetValue()
		}
	}
	return 0
}

func TestNewRefuses(t *testing.T) {
	take := func(context.Context, int, []notify.Event) error { return nil }
	log := slog.New(slog.DiscardHandler)
	for want, c := range map[string]Config{
		"required":     {Take: take, Log: log},
		"shorter than": {Take: take, Log: log, Senders: []Sender{{Name: "a", Token: "short"}}},
		"of another":   {Take: take, Log: log, Senders: []Sender{{Name: "a", Token: tokenOne}, {Name: "b", Token: tokenOne}}},
	} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), tokenOne) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
