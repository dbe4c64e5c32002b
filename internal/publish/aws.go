package publish

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// A signedEndpoint is an endpoint of an AWS service, or of something like it.
type signedEndpoint struct {
	URL         string
	Region      string
	Credentials aws.CredentialsProvider
	Client      *http.Client
	Now         func() time.Time
}

// call posts a JSON document, signed, and returns the answer.
func (s *signedEndpoint) call(ctx context.Context, service, path string, header http.Header, in any) ([]byte, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, hideURL(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	credentials, err := s.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("no credentials for %s: %w", service, err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, r, hex.EncodeToString(sum[:]), service, s.Region, s.Now()); err != nil {
		return nil, fmt.Errorf("the request cannot be signed: %w", err)
	}
	return answer(s.Client, r)
}

// An EventBus is a sink that puts events on a bus of Amazon EventBridge (PutEvents). AWS itself refuses sources that begin with "aws.", which
// are its own: Source then names another.
type EventBus struct {
	URL         string // https://events.REGION.amazonaws.com
	Region      string
	Bus         string // name or ARN; "" is the default bus
	Source      string // takes the place of the event's own, if not ""
	Credentials aws.CredentialsProvider
	Client      *http.Client
	Now         func() time.Time
}

// Most implements Sink: the quota of PutEvents.
func (*EventBus) Most() int { return 10 }

// Send implements Sink.
func (b *EventBus) Send(ctx context.Context, events []json.RawMessage) []error {
	type entry struct {
		Detail       string   `json:"Detail"`
		DetailType   string   `json:"DetailType"`
		EventBusName string   `json:"EventBusName,omitempty"`
		Resources    []string `json:"Resources"`
		Source       string   `json:"Source"`
		Time         int64    `json:"Time"`
	}
	var in struct{ Entries []entry }
	for _, text := range events {
		var e envelope
		if err := json.Unmarshal(text, &e); err != nil {
			return sameError(len(events), err)
		}
		at, err := time.Parse(time.RFC3339, e.Time)
		if err != nil {
			return sameError(len(events), err)
		}
		if b.Source != "" {
			e.Source = b.Source
		}
		in.Entries = append(in.Entries, entry{string(e.Detail), e.DetailType, b.Bus, e.Resources, e.Source, at.Unix()})
	}
	endpoint := signedEndpoint{b.URL, b.Region, b.Credentials, b.Client, b.Now}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"AWSEvents.PutEvents"}}
	body, err := endpoint.call(ctx, "events", "/", header, in)
	if err != nil {
		return sameError(len(events), err)
	}
	var out struct {
		FailedEntryCount int
		Entries          []struct{ EventID, ErrorCode string }
	}
	if err := json.Unmarshal(body, &out); err != nil || len(out.Entries) != len(events) {
		return sameError(len(events), fmt.Errorf("the answer of PutEvents tells of %d events, not %d", len(out.Entries), len(events)))
	}
	errs := make([]error, len(events))
	for i, e := range out.Entries {
		if e.ErrorCode != "" {
			errs[i] = fmt.Errorf("PutEvents refuses an event: %s", e.ErrorCode)
		}
	}
	return errs
}

// A Hub is a sink that imports findings into AWS Security Hub, or into what has its API (BatchImportFindings).
type Hub struct {
	URL         string // https://securityhub.REGION.amazonaws.com
	Region      string
	Credentials aws.CredentialsProvider
	Client      *http.Client
	Now         func() time.Time
}

// Most implements Sink: the quota of BatchImportFindings.
func (*Hub) Most() int { return 100 }

// Send implements Sink.
func (h *Hub) Send(ctx context.Context, events []json.RawMessage) []error {
	endpoint := signedEndpoint{h.URL, h.Region, h.Credentials, h.Client, h.Now}
	body, err := endpoint.call(ctx, "securityhub", "/findings/import", http.Header{"Content-Type": {"application/json"}},
		struct{ Findings []json.RawMessage }{events})
	if err != nil {
		return sameError(len(events), err)
	}
	var out struct {
		FailedFindings []struct {
			ID        string `json:"Id"`
			ErrorCode string
		}
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return sameError(len(events), fmt.Errorf("the answer of BatchImportFindings: %w", err))
	}
	if len(out.FailedFindings) == 0 {
		return nil
	}
	failed := map[string]string{}
	for _, f := range out.FailedFindings {
		failed[f.ID] = f.ErrorCode
	}
	errs := make([]error, len(events))
	for i, text := range events {
		var f struct {
			ID string `json:"Id"`
		}
		if err := json.Unmarshal(text, &f); err != nil {
			errs[i] = err
		} else if code, ok := failed[f.ID]; ok {
			errs[i] = fmt.Errorf("BatchImportFindings refuses a finding: %s", code)
		}
	}
	return errs
}
