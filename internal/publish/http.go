package publish

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Webhook is a sink that posts each event to a URL. An answer of status 2xx takes it.
//
// With a secret a request has the header X-Magpie-Signature: "t=SECONDS,v1=HEX", where HEX is the HMAC-SHA-256 of "SECONDS." and the body. Whoever
// checks it should refuse what is older than a few minutes.
type Webhook struct {
	URL    string
	Secret []byte // nil for none
	Client *http.Client
	Now    func() time.Time
}

// Most implements Sink.
func (*Webhook) Most() int { return 20 }

// Send implements Sink.
func (w *Webhook) Send(ctx context.Context, events []json.RawMessage) []error {
	errs := make([]error, len(events))
	for i, e := range events {
		if errs[i] = w.post(ctx, e); errs[i] != nil {
			for j := i + 1; j < len(events); j++ {
				errs[j] = errs[i] // in their order, and without a request for each while it is away
			}
			return errs
		}
	}
	return nil
}

func (w *Webhook) post(ctx context.Context, event []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(event))
	if err != nil {
		return hideURL(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if w.Secret != nil {
		seconds := strconv.FormatInt(w.Now().Unix(), 10)
		mac := hmac.New(sha256.New, w.Secret)
		mac.Write([]byte(seconds + "."))
		mac.Write(event)
		r.Header.Set("X-Magpie-Signature", "t="+seconds+",v1="+hex.EncodeToString(mac.Sum(nil)))
	}
	_, err = answer(w.Client, r)
	return err
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// answer does a request and returns the body of an answer of status 2xx.
func answer(client *http.Client, r *http.Request) ([]byte, error) {
	resp, err := client.Do(r)
	if err != nil {
		return nil, hideURL(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode/100 != 2 {
		return nil, &statusError{resp.StatusCode, errorType(body)}
	}
	return body, err
}

// A statusError is an answer that is no success. Of its body only the type of an error of AWS's JSON protocol is kept.
type statusError struct {
	status    int
	errorType string // "" for none
}

func (e *statusError) Error() string {
	if e.errorType != "" {
		return fmt.Sprintf("the answer has status %d, %s", e.status, e.errorType)
	}
	return fmt.Sprintf("the answer has status %d", e.status)
}

// errorType reads the type of an error of AWS's JSON protocol, as "ResourceNotFoundException"; "" if there is none.
func errorType(body []byte) string {
	var e struct {
		Type string `json:"__type"`
	}
	if json.Unmarshal(body, &e) != nil {
		return ""
	}
	name := e.Type[strings.LastIndexByte(e.Type, '#')+1:]
	if !typeName.MatchString(name) {
		return ""
	}
	return name
}

var typeName = regexp.MustCompile(`^[A-Za-z]{1,100}$`)

func errorTypeOf(err error) string {
	var e *statusError
	if errors.As(err, &e) {
		return e.errorType
	}
	return ""
}

// hideURL leaves the URL out of an error: it may hold a secret.
func hideURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// NewClient makes the client of the sinks: bounded in time, following no redirects, which would take events elsewhere.
func NewClient() *http.Client {
	return &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
