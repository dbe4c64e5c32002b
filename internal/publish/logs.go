package publish

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Logs is a sink that writes records of jobs to Amazon CloudWatch Logs, or to what has its API (PutLogEvents): each job has a stream of its own
// in the group, both made when they are first needed, as Macie does it (macie.md 4.10).
type Logs struct {
	URL         string // https://logs.REGION.amazonaws.com
	Region      string
	Group       string
	Credentials aws.CredentialsProvider
	Client      *http.Client
	Now         func() time.Time
}

// Most implements Sink: far below the quotas of PutLogEvents, 10,000 events and 1 MiB.
func (*Logs) Most() int { return 200 }

// A logEvent is a record on its way to its stream.
type logEvent struct {
	Timestamp int64  `json:"timestamp"` // milliseconds
	Message   string `json:"message"`
	place     int    // among the events of Send
}

// Send implements Sink.
func (l *Logs) Send(ctx context.Context, events []json.RawMessage) []error {
	errs := make([]error, len(events))
	streams := map[string][]logEvent{}
	var order []string
	for i, text := range events {
		var record struct {
			JobID      string    `json:"jobId"`
			OccurredAt time.Time `json:"occurredAt"`
		}
		if err := json.Unmarshal(text, &record); err != nil || record.JobID == "" {
			errs[i] = errors.Join(errors.New("the event is no record of a job"), err)
			continue
		}
		if streams[record.JobID] == nil {
			order = append(order, record.JobID)
		}
		streams[record.JobID] = append(streams[record.JobID], logEvent{record.OccurredAt.UnixMilli(), string(text), i})
	}
	for _, stream := range order {
		batch := streams[stream]
		slices.SortStableFunc(batch, func(a, b logEvent) int { return cmp.Compare(a.Timestamp, b.Timestamp) })
		for len(batch) > 0 { // a request spans 24 hours at most
			n := len(batch)
			for batch[n-1].Timestamp-batch[0].Timestamp >= (24 * time.Hour).Milliseconds() {
				n--
			}
			if err := l.put(ctx, stream, batch[:n]); err != nil {
				for _, e := range batch {
					errs[e.place] = err
				}
				break // in their order
			}
			batch = batch[n:]
		}
	}
	return errs
}

// put writes events to a stream, and makes the stream and the group if they are missing.
func (l *Logs) put(ctx context.Context, stream string, events []logEvent) error {
	in := map[string]any{"logGroupName": l.Group, "logStreamName": stream, "logEvents": events}
	body, err := l.call(ctx, "PutLogEvents", in)
	if missing(err) {
		for _, make := range []struct {
			operation string
			in        map[string]any
		}{
			{"CreateLogGroup", map[string]any{"logGroupName": l.Group}},
			{"CreateLogStream", map[string]any{"logGroupName": l.Group, "logStreamName": stream}},
		} {
			if _, err := l.call(ctx, make.operation, make.in); err != nil && !exists(err) {
				return err
			}
		}
		body, err = l.call(ctx, "PutLogEvents", in)
	}
	if err != nil {
		return err
	}
	var out struct {
		Rejected *struct {
			TooNew  *int `json:"tooNewLogEventStartIndex"`
			TooOld  *int `json:"tooOldLogEventEndIndex"`
			Expired *int `json:"expiredLogEventEndIndex"`
		} `json:"rejectedLogEventsInfo"`
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return fmt.Errorf("the answer of PutLogEvents: %w", err)
	}
	if r := out.Rejected; r != nil && r.TooNew != nil {
		return errors.New("PutLogEvents refuses events of the future: the clocks differ")
	}
	return nil // what is too old for the log is never going to be taken
}

func (l *Logs) call(ctx context.Context, operation string, in any) ([]byte, error) {
	endpoint := signedEndpoint{l.URL, l.Region, l.Credentials, l.Client, l.Now}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"Logs_20140328." + operation}}
	body, err := endpoint.call(ctx, "logs", "/", header, in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", operation, err)
	}
	return body, nil
}

func missing(err error) bool { return errorTypeOf(err) == "ResourceNotFoundException" }
func exists(err error) bool  { return errorTypeOf(err) == "ResourceAlreadyExistsException" }
