package api

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/wiretest"
)

func TestAuditRecord(t *testing.T) {
	var ids atomic.Int64
	at := time.Now().UTC()
	s := start(t, func(c *Config) {
		c.NewID = func() string { return "id-" + strconv.FormatInt(ids.Add(1), 10) }
		c.Now = func() time.Time { return at }
	}, Timeouts{})
	s.answers(nil, wire.Errorf(wire.AccessDenied, "Macie is not enabled."))
	s.do("PATCH", "/jobs/j1", `{"jobStatus":"CANCELLED"}`, "macie2")
	have, err := json.Marshal(<-s.audit)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"eventVersion":"1.11",` +
		`"userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"` + testPrincipal + `","accountId":"111122223333","accessKeyId":"` + testKeyID + `","userName":"alice"},` +
		`"eventTime":"` + at.Format("2006-01-02T15:04:05Z") + `","eventSource":"macie2.amazonaws.com","eventName":"UpdateClassificationJob","awsRegion":"us-east-1",` +
		`"sourceIPAddress":"127.0.0.1","userAgent":"Go-http-client/1.1","errorCode":"AccessDenied","requestParameters":{"jobId":"j1","jobStatus":"CANCELLED"},"responseElements":null,` +
		`"requestID":"id-1","eventID":"id-2","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`
	if diff := cmp.Diff(want, string(have)); diff != "" {
		t.Error(diff)
	}
}

// TestWhatIsAudited: every authenticated call of a known operation, once; nothing else.
func TestWhatIsAudited(t *testing.T) {
	s := start(t, nil, Timeouts{})
	s.do("GET", "/nothing", "", "macie2")
	s.do("GET", "/macie", "", "s3")
	s.do("GET", "/macie", "", "macie2")
	s.do("GET", "/analyzer?maxResults=x", "", "access-analyzer")
	s.do("GET", "/?Action=GetCallerIdentity", "", "sts")
	s.waitForLog(5)
	close(s.audit)
	var have []string
	for r := range s.audit {
		have = append(have, r.EventSource+" "+r.EventName+" "+strconv.FormatBool(r.ReadOnly)+" "+r.ErrorCode)
	}
	want := []string{"macie2.amazonaws.com GetMacieSession true ", "access-analyzer.amazonaws.com ListAnalyzers true SerializationException",
		"sts.amazonaws.com GetCallerIdentity true "}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}

// TestAuditHidesSensitiveMembers fills every input, plants a mark in each string, and looks for marks of
// policies, patterns, words and sample text in the record.
func TestAuditHidesSensitiveMembers(t *testing.T) {
	s := start(t, nil, Timeouts{})
	shown := map[string]bool{}
	for _, c := range s.clients() {
		model, err := wiretest.ReadModel(c.model)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.endpoints {
			for seed := range uint64(20) {
				in := e.New()
				(&wiretest.Filler{Unions: model.Unions(), Valid: true, Pick: rand.New(rand.NewPCG(seed, 1)).IntN}).Fill(in)
				text := parameters(in, &service{contract: c.contract})
				var tree any
				if len(text) > 0 {
					if err := json.Unmarshal(text, &tree); err != nil {
						t.Fatal(err)
					}
				}
				walk(tree, func(name, value string) {
					if value != hiddenText {
						shown[name] = true
					}
				})
			}
		}
	}
	for _, name := range []string{"sampleText", "regex", "keywords", "ignoreWords", "policyDocument", "newPolicyDocument", "existingPolicyDocument",
		"bucketPolicy", "accessPointPolicy", "trustPolicy", "keyPolicies", "secretPolicy", "queuePolicy", "topicPolicy", "repositoryPolicy",
		"fileSystemPolicy", "tablePolicy", "streamPolicy", "email", "message"} {
		if shown[name] {
			t.Errorf("%s is in the audit record", name)
		}
	}
	for _, name := range []string{"jobId", "analyzerName", "bucketName", "policyType", "clientToken"} {
		if !shown[name] {
			t.Errorf("%s is not in the audit record", name)
		}
	}
	aboutPolicies := map[string]bool{"policyType": true, "validatePolicyResourceType": true, "policyGenerationDetails": true, "publishPolicyFindings": true}
	for name := range shown {
		if strings.Contains(strings.ToLower(name), "polic") && !aboutPolicies[name] {
			t.Errorf("%s is in the audit record; hide it, or list it here if it holds no policy", name)
		}
	}
}

// walk calls f with every scalar below v and the name of the member that holds it.
func walk(v any, f func(name, value string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if text, ok := value.(string); ok {
				f(name, text)
			} else {
				f(name, "")
				walk(value, f)
			}
		}
	case []any:
		for _, e := range v {
			walk(e, f)
		}
	}
}

func TestAuditParametersAreBoundedAndExact(t *testing.T) {
	s := start(t, nil, Timeouts{})
	long := strings.Repeat("x", maxParameters)
	s.do("POST", "/findings", `{"nextToken":"`+long+`"}`, "macie2")
	if r := <-s.audit; r.RequestParameters != nil {
		t.Errorf("%d bytes of parameters", len(r.RequestParameters))
	}
	s.do("POST", "/findings", `{"findingCriteria":{"criterion":{"createdAt":{"gt":9007199254740993}}}}`, "macie2")
	if r := <-s.audit; string(r.RequestParameters) != `{"findingCriteria":{"criterion":{"createdAt":{"gt":9007199254740993}}}}` {
		t.Errorf("%s", r.RequestParameters)
	}
}
