// Package publish tells others of findings: events wait in an outbox, which they enter in the transaction that makes them, until each of the
// configured sinks has taken them. They arrive at least once, with an id that stays the same; an event that a later one overtakes while it
// waits may be left out, if whoever made it said so.
package publish

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/magpie-sec/magpie/internal/store"
)

// Kind says what an event is told as.
type Kind string

// The kinds of events.
const (
	// EventBridge is an event as Amazon EventBridge delivers it (macie.md 9.1, access-analyzer.md 2.9).
	EventBridge Kind = "eventbridge"
	// SecurityHub is a finding in the AWS Security Finding Format (macie.md 9.2).
	SecurityHub Kind = "securityhub"
	// JobLog is a record of what happened to a classification job, as Macie writes it to CloudWatch Logs (macie.md 4.10).
	JobLog Kind = "joblog"
)

// An Event is something to tell.
type Event struct {
	Kind       Kind
	Source     string          // of EventBridge: aws.macie, aws.access-analyzer
	DetailType string          // of EventBridge
	Resources  []string        // of EventBridge: ARNs
	Detail     json.RawMessage // of EventBridge the detail, of SecurityHub the whole finding, of JobLog the record
	Subject    string          // the id of what it is about
	Time       time.Time       // when it happened
	// MergeUntil is not zero if the event waits until then, and a later one with the same subject takes its place meanwhile.
	MergeUntil time.Time
}

// A message is an event as the outbox keeps it.
type message struct {
	Kind     Kind            `json:"kind"`
	Envelope json.RawMessage `json:"envelope"` // of EventBridge the whole event, of the others their detail
}

// envelope is an event as EventBridge delivers it.
type envelope struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// message writes an event of a tenant. Its id derives from what it says, so that a consumer knows an event that comes twice.
func (e *Event) message(t store.Tenant) ([]byte, error) {
	m := message{Kind: e.Kind, Envelope: e.Detail}
	if e.Kind == EventBridge {
		at := e.Time.UTC().Format(time.RFC3339)
		resources := e.Resources
		if resources == nil {
			resources = []string{}
		}
		var err error
		m.Envelope, err = json.Marshal(envelope{
			Version: "0", ID: eventID(t, e), DetailType: e.DetailType, Source: e.Source, Account: t.Account, Time: at, Region: t.Region,
			Resources: resources, Detail: e.Detail,
		})
		if err != nil {
			return nil, fmt.Errorf("event of %s %s: %w", e.Source, e.Subject, err)
		}
	}
	return json.Marshal(m)
}

// eventID makes a UUID (RFC 9562, version 8) of an event.
func eventID(t store.Tenant, e *Event) string {
	h := sha256.New()
	for _, part := range []string{t.Account, t.Region, e.Source, e.DetailType, e.Subject, e.Time.UTC().Format(time.RFC3339Nano), string(e.Detail)} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	b := h.Sum(nil)[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// An Outbox takes events for some sinks. The nil Outbox takes none.
type Outbox struct {
	routes []Route
}

// A Route says which kinds of events a sink takes.
type Route struct {
	Sink  string
	Kinds []Kind
}

// NewOutbox makes an outbox; nil if there are no routes.
func NewOutbox(routes ...Route) *Outbox {
	if len(routes) == 0 {
		return nil
	}
	return &Outbox{routes}
}

// Takes reports whether some sink takes events of a kind, so that they need not be made for none.
func (o *Outbox) Takes(k Kind) bool {
	return o != nil && slices.ContainsFunc(o.routes, func(r Route) bool { return slices.Contains(r.Kinds, k) })
}

// Add adds a tenant's events in the transaction that makes them.
func (o *Outbox) Add(ctx context.Context, tx store.Tx, t store.Tenant, events ...Event) error {
	if o == nil {
		return nil
	}
	var rows []store.OutboxRow
	for i := range events {
		e := &events[i]
		var doc []byte
		for _, r := range o.routes {
			if !slices.Contains(r.Kinds, e.Kind) {
				continue
			}
			if doc == nil {
				var err error
				if doc, err = e.message(t); err != nil {
					return err
				}
			}
			row := store.OutboxRow{Tenant: t, Sink: r.Sink, NotBefore: e.Time.UnixMilli(), CreatedAt: e.Time.UnixMilli(), Doc: doc}
			if !e.MergeUntil.IsZero() {
				row.MergeKey, row.NotBefore = string(e.Kind)+"/"+e.Subject, e.MergeUntil.UnixMilli()
			}
			rows = append(rows, row)
		}
	}
	return store.PutOutbox(ctx, tx, rows)
}
