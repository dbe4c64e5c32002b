package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/wire"
)

// AuditSink takes one record for every authenticated call of a known operation, also of a refused one.
// It is called after the answer is written, possibly from many goroutines, and must not keep the request
// waiting.
type AuditSink func(context.Context, *AuditRecord)

// AuditRecord is an API call in the shape of a CloudTrail record ("CloudTrail record contents" in the
// AWS CloudTrail User Guide).
type AuditRecord struct {
	EventVersion       string          `json:"eventVersion"`
	UserIdentity       UserIdentity    `json:"userIdentity"`
	EventTime          string          `json:"eventTime"` // UTC, whole seconds
	EventSource        string          `json:"eventSource"`
	EventName          string          `json:"eventName"`
	AWSRegion          string          `json:"awsRegion"`
	SourceIPAddress    string          `json:"sourceIPAddress"`
	UserAgent          string          `json:"userAgent"`
	ErrorCode          string          `json:"errorCode,omitempty"`
	RequestParameters  json.RawMessage `json:"requestParameters"` // sensitive members hidden; null if there are none
	ResponseElements   json.RawMessage `json:"responseElements"`  // always null
	RequestID          string          `json:"requestID"`
	EventID            string          `json:"eventID"`
	ReadOnly           bool            `json:"readOnly"`
	EventType          string          `json:"eventType"`
	ManagementEvent    bool            `json:"managementEvent"`
	RecipientAccountID string          `json:"recipientAccountId"`
	EventCategory      string          `json:"eventCategory"`
}

// UserIdentity says who called.
type UserIdentity struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	AccessKeyID string `json:"accessKeyId"`
	UserName    string `json:"userName,omitempty"`
}

const (
	auditVersion  = "1.11"
	maxParameters = 100 << 10 // bytes of requestParameters, CloudTrail's own limit
	maxUserAgent  = 1024
)

// audit hands the record of an authenticated call to the sink.
func (x *exchange) audit() {
	sink, name := x.handler.config.Audit, x.operationName()
	if sink == nil || !x.authenticated || name == "" {
		return
	}
	record := &AuditRecord{
		EventVersion:       auditVersion,
		UserIdentity:       userIdentity(x),
		EventTime:          x.start.UTC().Format(time.RFC3339),
		EventSource:        x.identity.Service + ".amazonaws.com",
		EventName:          name,
		AWSRegion:          x.identity.Region,
		SourceIPAddress:    sourceIP(x.request),
		UserAgent:          cut(x.request.UserAgent(), maxUserAgent),
		RequestParameters:  parameters(x.input, x.service),
		RequestID:          x.id,
		EventID:            x.handler.config.NewID(),
		ReadOnly:           x.operation == nil || x.operation.ReadOnly, // GetCallerIdentity has no row and changes nothing
		EventType:          "AwsApiCall",
		ManagementEvent:    true,
		RecipientAccountID: x.identity.Account,
		EventCategory:      "Management",
	}
	if x.fault != nil {
		record.ErrorCode = x.fault.name
		if record.ErrorCode == "AccessDeniedException" {
			record.ErrorCode = "AccessDenied" // CloudTrail's spelling, which alarms match
		}
	}
	sink(context.WithoutCancel(x.request.Context()), record)
}

func userIdentity(x *exchange) UserIdentity {
	u := UserIdentity{
		Type:        "Unknown",
		PrincipalID: x.identity.UserID,
		ARN:         x.identity.PrincipalARN,
		AccountID:   x.identity.Account,
		AccessKeyID: x.identity.AccessKeyID,
	}
	principal, err := arn.Parse(x.identity.PrincipalARN)
	if err != nil {
		return u
	}
	kind, rest, _ := strings.Cut(principal.Resource, "/")
	switch kind {
	case "root":
		u.Type = "Root"
	case "user":
		u.Type = "IAMUser"
		u.UserName = rest[strings.LastIndexByte(rest, '/')+1:]
	case "assumed-role":
		u.Type = "AssumedRole"
	}
	return u
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func cut(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

const hiddenText = "HIDDEN_DUE_TO_SECURITY_REASONS"

// parameters returns the input as JSON with sensitive members hidden, nil for none or for too much.
func parameters(in wire.Input, s *service) json.RawMessage {
	if in == nil {
		return nil
	}
	text := wire.Marshal(in)
	if len(text) > maxParameters {
		return nil
	}
	var tree map[string]any
	reader := json.NewDecoder(bytes.NewReader(text))
	reader.UseNumber() // a 64-bit integer must not pass through a float
	if reader.Decode(&tree) != nil || len(tree) == 0 {
		return nil
	}
	hide(tree, s.contract)
	text, err := json.Marshal(tree)
	if err != nil {
		return nil
	}
	return text
}

// hide replaces the values of sensitive members at any depth.
func hide(v any, contract *wire.Service) {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			if isHidden(name, contract) {
				v[name] = hiddenText
			} else {
				hide(v[name], contract)
			}
		}
	case []any:
		for _, e := range v {
			hide(e, contract)
		}
	}
}

// hiddenNames are members that may hold what a customer protects, besides those that the model calls
// sensitive: text to try a pattern on, the patterns and words themselves, contact data.
var hiddenNames = map[string]bool{
	"sampleText": true, "regex": true, "keywords": true, "ignoreWords": true, "email": true, "message": true,
}

// isHidden reports whether a member is left out of audit records: the model's sensitive ones, hiddenNames,
// and every policy.
func isHidden(name string, contract *wire.Service) bool {
	lower := strings.ToLower(name)
	return slices.Contains(contract.Sensitive, name) || hiddenNames[name] ||
		strings.HasSuffix(lower, "policy") || strings.HasSuffix(lower, "policies") || strings.HasSuffix(lower, "policydocument")
}
