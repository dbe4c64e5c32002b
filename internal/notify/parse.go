package notify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// A Delivery is what one message of a sender holds.
type Delivery struct {
	Events []Event
	// Ignored is how many things it told of that change nothing: requests that read or failed, events of other services, tests.
	Ignored int
	// Topic is the ARN of the SNS topic that the message came by, "" if by none.
	Topic string
	// ConfirmationToken is set if SNS asks whether the topic may send here.
	ConfirmationToken string
}

// Errors of Parse; both say that sending the same again is no use.
var (
	ErrNotJSON = errors.New("the body is no JSON")
	ErrUnknown = errors.New("the body is JSON, but no S3 event notification, EventBridge event, CloudTrail record, SNS message or MinIO audit entry")
)

// maxNesting is how deep messages are in messages: an EventBridge event in an SNS message, in a list.
const maxNesting = 4

// Parse reads the body of a message: a JSON value or several, one after the other. An empty body is a test and tells nothing.
func Parse(body []byte) (Delivery, error) {
	var d Delivery
	if err := d.values(body, 0); err != nil {
		return Delivery{}, err
	}
	return d, nil
}

func (d *Delivery) values(body []byte, depth int) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	for {
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w, at byte %d", ErrNotJSON, decoder.InputOffset())
		}
		if err := d.value(value, depth); err != nil {
			return err
		}
	}
}

// An entry is a message, or a record in one, of any kind that is known. Which it is shows in the members that it has.
type entry struct {
	// S3 event notification, and MinIO's envelope around it
	Records      []json.RawMessage
	S3           *s3Record   `json:"s3"`
	EventID      text        `json:"eventId"`
	Response     s3Response  `json:"responseElements"`
	EventName    text        `json:"eventName"`
	EventSource  text        `json:"eventSource"`
	EventTime    text        `json:"eventTime"`
	UserIdentity *cloudActor `json:"userIdentity"`
	Event        text        `json:"event"` // s3:TestEvent

	// CloudTrail, beside the last
	ErrorCode        text           `json:"errorCode"`
	ReadOnly         *bool          `json:"readOnly"`
	RecipientAccount text           `json:"recipientAccountId"`
	SourceIP         text           `json:"sourceIPAddress"`
	Parameters       cloudParameter `json:"requestParameters"`

	// EventBridge
	ID         text            `json:"id"`
	DetailType text            `json:"detail-type"`
	Detail     json.RawMessage `json:"detail"`
	Account    text            `json:"account"`
	Time       text            `json:"time"`

	// SNS
	Type     text `json:"Type"`
	Message  text `json:"Message"`
	TopicARN text `json:"TopicArn"`
	Token    text `json:"Token"`

	// MinIO's audit log
	API        *auditAPI `json:"api"`
	RequestID  text      `json:"requestID"`
	RemoteHost text      `json:"remotehost"`
	AccessKey  text      `json:"accessKey"`
	ParentUser text      `json:"parentUser"`

	Data json.RawMessage `json:"data"` // of a CloudEvent
}

// value reads one JSON value. A member of another type than expected counts as not there.
func (d *Delivery) value(value json.RawMessage, depth int) error {
	value = bytes.TrimSpace(value)
	if depth > maxNesting || len(value) == 0 {
		return ErrUnknown
	}
	if value[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(value, &list); err != nil {
			return ErrNotJSON
		}
		return d.each(list, depth)
	}
	if value[0] != '{' {
		return ErrUnknown
	}
	var e entry
	var otherType *json.UnmarshalTypeError
	if err := json.Unmarshal(value, &e); err != nil && !errors.As(err, &otherType) {
		return ErrNotJSON
	}
	switch {
	case e.Records != nil:
		return d.each(e.Records, depth)
	case e.S3 != nil:
		d.add(e.s3())
	case e.DetailType != "" && e.Detail != nil:
		return d.eventBridge(&e, depth)
	case strings.HasSuffix(string(e.EventSource), ".amazonaws.com") && e.EventName != "":
		d.add(e.cloudTrail())
	case e.TopicARN != "" && e.Type != "":
		return d.sns(&e, depth)
	case e.API != nil:
		d.add(e.audit())
	case e.Data != nil:
		return d.value(e.Data, depth+1)
	case strings.HasSuffix(string(e.Event), ":TestEvent"):
		d.Ignored++
	case len(bytes.TrimSpace(value[1:len(value)-1])) == 0: // {}: MinIO asks so whether somebody is there
	default:
		return ErrUnknown
	}
	return nil
}

// each reads the members of a list. One that is not known among others that are is left out.
func (d *Delivery) each(list []json.RawMessage, depth int) error {
	unknown := 0
	for _, value := range list {
		switch err := d.value(value, depth+1); {
		case errors.Is(err, ErrUnknown):
			unknown++
		case err != nil:
			return err
		}
	}
	if unknown > 0 && unknown == len(list) {
		return ErrUnknown
	}
	d.Ignored += unknown
	return nil
}

func (d *Delivery) sns(e *entry, depth int) error {
	if d.Topic != "" && d.Topic != bounded(e.TopicARN) {
		return fmt.Errorf("%w: messages of two SNS topics in one", ErrUnknown)
	}
	d.Topic = bounded(e.TopicARN)
	switch e.Type {
	case "SubscriptionConfirmation":
		d.ConfirmationToken = bounded(e.Token)
		return nil
	case "Notification":
		return d.values([]byte(e.Message), depth+1)
	}
	d.Ignored++
	return nil
}

func (d *Delivery) add(e Event, changes bool) {
	if !changes || !e.bound() {
		d.Ignored++
		return
	}
	d.Events = append(d.Events, e)
}

// bucketName is what a bucket's name is made of anywhere: S3's rules, and those of before 2018, which allowed capitals, underscores and 255
// characters.
var (
	bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$`)
	accountID  = regexp.MustCompile(`^[0-9]{12}$`)
)

// bound makes an event's texts fit, and reports whether there is a bucket that it is about.
func (e *Event) bound() bool {
	if e.What == AccountChanged {
		e.Bucket = ""
	} else if !bucketName.MatchString(e.Bucket) {
		return false
	}
	if !accountID.MatchString(e.Account) {
		e.Account = ""
	}
	return true
}

// A text is a JSON string; a number or a truth value is its text, and anything else "".
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(raw []byte) error {
	var s string
	switch {
	case raw[0] == '"':
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
	case raw[0] != '{' && raw[0] != '[' && raw[0] != 'n':
		s = string(raw)
	}
	*t = text(s)
	return nil
}

// maxText is how long texts may be that are kept.
const maxText = 1024

// bounded is a text as it may be kept: well-formed, without NUL, and not long.
func bounded(t text) string {
	s := strings.ReplaceAll(strings.ToValidUTF8(string(t), "\uFFFD"), "\x00", "\uFFFD")
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// timeOf reads a time as stores write it; zero if it is none.
func timeOf(t text) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "20060102T150405Z", "2006-01-02T15:04:05.999999999"} {
		if at, err := time.Parse(layout, string(t)); err == nil && at.Year() > 1970 && at.Year() < 2200 {
			return at.UTC()
		}
	}
	return time.Time{}
}

// address splits where a request came from into an IPv4 address or a domain name; other addresses have no place in a finding.
func (a *Actor) address(from text) {
	host := strings.TrimSpace(string(from))
	if ip, err := netip.ParseAddrPort(host); err == nil {
		host = ip.Addr().String()
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	switch {
	case err == nil && ip.Unmap().Is4():
		a.IPv4 = ip.Unmap().String()
	case err != nil && domainName.MatchString(host):
		a.Domain = strings.ToLower(host)
	}
}

// domainName is a name with a dot, such as cloudtrail.amazonaws.com.
var domainName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,10}[A-Za-z]{2,63}$`)

// decodedKey is a key that is encoded as in a form; as it stands if it is not.
func decodedKey(key text) string {
	if decoded, err := url.QueryUnescape(string(key)); err == nil {
		return bounded(text(decoded))
	}
	return bounded(key)
}
