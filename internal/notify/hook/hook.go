// Package hook takes what object stores tell over HTTP: it asks who tells, bounds how much, and answers when what was told is safe.
package hook

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/magpie-sec/magpie/internal/notify"
)

const (
	// MaxBody is how long a message may be, in bytes. SNS and EventBridge send up to 256 KiB, MinIO batches of audit entries may be longer.
	MaxBody = 4 << 20
	// DefaultAtOnce is how many messages are worked on at a time; with MaxBody it bounds the memory.
	DefaultAtOnce = 16
	// MinToken is how long a token is at least.
	MinToken = 16
)

// A Sender is somebody who may tell.
type Sender struct {
	Name  string // for logs and metrics
	Token string // at least MinToken bytes
	// Topics are the ARNs of the SNS topics whose messages are taken from this sender.
	Topics []string
}

// Config says what a Receiver works with.
type Config struct {
	Senders []Sender
	// Take makes what a sender told safe; index is the sender's. An error asks the sender to try again.
	Take func(ctx context.Context, index int, events []notify.Event) error
	// AtOnce is how many messages are worked on at a time; 0 means DefaultAtOnce. Others are asked to come back.
	AtOnce     int
	Log        *slog.Logger
	Registerer prometheus.Registerer // nil for none
}

// A Receiver is an http.Handler for the messages of stores.
type Receiver struct {
	cfg      Config
	digests  [][sha256.Size]byte // of the tokens
	slots    chan struct{}
	messages *prometheus.CounterVec
	events   *prometheus.CounterVec
}

// New makes a Receiver.
func New(c Config) (*Receiver, error) {
	if len(c.Senders) == 0 || c.Take == nil || c.Log == nil {
		return nil, errors.New("hook: Senders, Take and Log are required")
	}
	if c.AtOnce <= 0 {
		c.AtOnce = DefaultAtOnce
	}
	r := &Receiver{cfg: c, slots: make(chan struct{}, c.AtOnce),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "magpie_notifications_total", Help: "Messages of object stores, by sender and status of the answer."}, []string{"sender", "status"}),
		events:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "magpie_notified_events_total", Help: "Events that object stores told of, by sender and what happened."}, []string{"sender", "what"}),
	}
	for _, s := range c.Senders {
		digest := sha256.Sum256([]byte(s.Token))
		if len(s.Token) < MinToken {
			return nil, fmt.Errorf("the token of sender %s is shorter than %d characters", s.Name, MinToken)
		}
		if slices.Contains(r.digests, digest) {
			return nil, fmt.Errorf("sender %s has the token of another: the token tells who sends", s.Name)
		}
		r.digests = append(r.digests, digest)
	}
	if c.Registerer != nil {
		if err := errors.Join(c.Registerer.Register(r.messages), c.Registerer.Register(r.events)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// sender finds who sends by the token: a bearer token, a token without a scheme, the password of basic authentication or, for senders that can
// only be given a URL, the last part of the path. Each comparison takes the same time, and all are made.
func (r *Receiver) sender(req *http.Request) int {
	var tokens []string
	scheme, rest, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		tokens = append(tokens, strings.TrimSpace(rest))
	case strings.EqualFold(scheme, "Basic"):
		_, password, _ := req.BasicAuth()
		tokens = append(tokens, password)
	case scheme != "" && rest == "":
		tokens = append(tokens, scheme)
	}
	if path := strings.Trim(req.URL.Path, "/"); path != "" {
		tokens = append(tokens, path[strings.LastIndexByte(path, '/')+1:])
	}
	found := -1
	for _, token := range tokens {
		digest := sha256.Sum256([]byte(token))
		for i := range r.digests {
			found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(digest[:], r.digests[i][:]), i, found)
		}
	}
	return found
}

// ServeHTTP takes a message. It answers with status 200 when what was told is safe, and with 503 if the sender should try again.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	index := r.sender(req)
	name := ""
	if index >= 0 {
		name = r.cfg.Senders[index].Name
	}
	a := r.serve(req, index, w)
	r.messages.WithLabelValues(name, strconv.Itoa(a.status)).Inc()
	switch a.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="magpie"`) // SNS sends credentials when it is asked for them
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	}
	if a.status >= 400 && index >= 0 {
		r.cfg.Log.Warn("notifications: a message was not taken", "sender", name, "status", a.status, "reason", a.Message)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(a.status)
	body, _ := json.Marshal(a) // texts and numbers
	_, _ = w.Write(append(body, '\n'))
}

// An answer is what a sender gets.
type answer struct {
	status  int
	Message string `json:"message,omitempty"`
	Events  int    `json:"events"`  // that were taken
	Ignored int    `json:"ignored"` // that change nothing
}

func refuse(status int, format string, args ...any) answer {
	return answer{status: status, Message: fmt.Sprintf(format, args...)}
}

func (r *Receiver) serve(req *http.Request, index int, w http.ResponseWriter) answer {
	switch {
	case index < 0:
		return refuse(http.StatusUnauthorized, "no known token: give one as a bearer token, as the password of basic authentication or as the last part of the path")
	case req.Method != http.MethodPost:
		return refuse(http.StatusMethodNotAllowed, "messages are posted")
	case req.ContentLength > MaxBody:
		return refuse(http.StatusRequestEntityTooLarge, "the message is longer than %d bytes", MaxBody)
	}
	if kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Encoding")); err == nil && kind != "identity" {
		return refuse(http.StatusUnsupportedMediaType, "the message is encoded; send it as it is")
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	default:
		return refuse(http.StatusServiceUnavailable, "%d messages are worked on; try again", cap(r.slots))
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, MaxBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		return refuse(http.StatusRequestEntityTooLarge, "the message is longer than %d bytes", MaxBody)
	case err != nil:
		return refuse(http.StatusBadRequest, "the message breaks off")
	}
	told, err := notify.Parse(body)
	if err != nil {
		return refuse(http.StatusBadRequest, "%s", err)
	}
	sender := &r.cfg.Senders[index]
	if told.Topic != "" && !slices.Contains(sender.Topics, told.Topic) {
		return refuse(http.StatusForbidden, "the SNS topic %q is not among the topics of this sender in the configuration", told.Topic)
	}
	if told.ConfirmationToken != "" {
		// Nothing is fetched because a message asks for it: who may speak for the account confirms.
		r.cfg.Log.Info("notifications: an SNS topic asks to be confirmed; run aws sns confirm-subscription with its ARN and token", "sender", sender.Name,
			"topic", told.Topic, "token", told.ConfirmationToken)
		return answer{status: http.StatusOK, Ignored: 1, Message: "the log says how the subscription is confirmed"}
	}
	if len(told.Events) > 0 {
		if err := r.cfg.Take(req.Context(), index, told.Events); err != nil {
			r.cfg.Log.Error("notifications: what was told cannot be kept", "sender", sender.Name, "error", err.Error())
			return refuse(http.StatusServiceUnavailable, "what was told cannot be kept now; try again")
		}
	}
	for _, e := range told.Events {
		r.events.WithLabelValues(sender.Name, e.What.String()).Inc()
	}
	return answer{status: http.StatusOK, Events: len(told.Events), Ignored: told.Ignored}
}
