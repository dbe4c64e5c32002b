package notify

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// The vectors have the members that the senders' public documentation lists, with invented values. Where they are from:
//
//	s3           Amazon S3 User Guide, "Event message structure"
//	eventbridge  Amazon S3 User Guide, "EventBridge event message structure"
//	cloudtrail   AWS CloudTrail User Guide, "CloudTrail userIdentity element"; Amazon S3 User Guide, "CloudTrail log file entries"
//	sns          Amazon SNS Developer Guide, "HTTP/HTTPS notification JSON format", "subscription confirmation JSON format"
//	minio        an event as MinIO 2019 to 2025 sends it: the record, and around it EventName and Key
//	audit        minio/pkg, logger/message/audit: type Entry
//	ceph         Ceph documentation, "Bucket Notifications", section Events
//	versitygw    versitygw 1.8, s3event: type EventSchema
const (
	s3Put = `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-west-1","eventTime":"2026-03-02T10:00:01.250Z",
		"eventName":"ObjectCreated:Put","userIdentity":{"principalId":"AWS:AIDAINVENTED"},"requestParameters":{"sourceIPAddress":"192.0.2.7"},
		"responseElements":{"x-amz-request-id":"R1","x-amz-id-2":"H1"},"s3":{"s3SchemaVersion":"1.0","configurationId":"all",
		"bucket":{"name":"invoices","ownerIdentity":{"principalId":"A1"},"arn":"arn:aws:s3:::invoices"},
		"object":{"key":"2026/red+flower%26co.csv","size":11,"eTag":"e1","versionId":"v1","sequencer":"00AB"}}}]}`
	s3Test   = `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-03-02T10:00:00.000Z","Bucket":"invoices","RequestId":"R0","HostId":"H0"}`
	minioPut = `{"EventName":"s3:ObjectRemoved:Delete","Key":"invoices/a b.csv","Records":[{"eventVersion":"2.0","eventSource":"minio:s3","awsRegion":"",
		"eventTime":"2026-03-02T10:00:02.5Z","eventName":"s3:ObjectRemoved:Delete","userIdentity":{"principalId":"ann"},
		"requestParameters":{"accessKey":"ann","region":"","sourceIPAddress":"192.0.2.7"},"responseElements":{"x-amz-request-id":"R2","x-minio-deployment-id":"d"},
		"s3":{"s3SchemaVersion":"1.0","configurationId":"Config","bucket":{"name":"invoices","ownerIdentity":{"principalId":"ann"},"arn":"arn:aws:s3:::invoices"},
		"object":{"key":"a+b.csv","sequencer":"17AB"}},"source":{"host":"192.0.2.7","port":"","userAgent":"mc"}}]}`
	cephPut = `{"Records":[{"eventVersion":"2.1","eventSource":"ceph:s3","awsRegion":"zone","eventTime":"2026-03-02T10:00:03.124724Z","eventName":"ObjectCreated:Put",
		"userIdentity":{"principalId":"tester"},"requestParameters":{"sourceIPAddress":""},"responseElements":{"x-amz-request-id":"R3","x-amz-id-2":"z"},
		"s3":{"s3SchemaVersion":"1.0","configurationId":"n","bucket":{"name":"invoices","ownerIdentity":{"principalId":"tester"},"arn":"arn:aws:s3:zone::invoices","id":"b.1"},
		"object":{"key":"a+b.csv","size":"1024","eTag":"e","versionId":"","sequencer":"F7","metadata":[],"tags":[]}},"eventId":"","opaqueData":"me"}]}`
	versityPut = `{"Records":[{"eventVersion":"2.2","eventSource":"aws:s3","awsRegion":"us-east-1","eventTime":"2026-03-02T10:00:04Z","eventName":"s3:ObjectCreated:Put",
		"userIdentity":{"PrincipalId":"root"},"requestParameters":{"sourceIPAddress":"192.0.2.7"},"responseElements":{"x-amz-request-id":"","x-amz-id-2":""},
		"s3":{"s3SchemaVersion":"1.0","configurationId":"webhook-global","bucket":{"name":"invoices","ownerIdentity":{"PrincipalId":"root"},"arn":"arn:aws:s3:::invoices/a.csv"},
		"object":{"key":"a.csv","size":3,"eTag":"e","versionId":null,"sequencer":"5A"}},"glacierEventData":{"restoreEventData":{}}}]}`
	bridgePut = `{"version":"0","id":"5f6f6d7c-0000-4000-8000-000000000001","detail-type":"Object Created","source":"aws.s3","account":"111122223333",
		"time":"2026-03-02T10:00:05Z","region":"eu-west-1","resources":["arn:aws:s3:::invoices"],"detail":{"version":"0","bucket":{"name":"invoices"},
		"object":{"key":"a+b.csv","size":5,"etag":"e","version-id":"v","sequencer":"61"},"request-id":"R5","requester":"111122223333",
		"source-ip-address":"192.0.2.7","reason":"PutObject"}}`
	trailPolicy = `{"eventVersion":"1.09","userIdentity":{"type":"AssumedRole","principalId":"AROAINVENTED:deploy","arn":"arn:aws:sts::111122223333:assumed-role/Deploy/deploy",
		"accountId":"111122223333","accessKeyId":"ASIAINVENTED","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAINVENTED",
		"arn":"arn:aws:iam::111122223333:role/Deploy","accountId":"111122223333","userName":"Deploy"},"attributes":{"creationDate":"2026-03-02T09:00:00Z","mfaAuthenticated":"false"}}},
		"eventTime":"2026-03-02T10:00:06Z","eventSource":"s3.amazonaws.com","eventName":"PutBucketPolicy","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.9",
		"userAgent":"[aws-cli]","requestParameters":{"bucketName":"invoices","Host":"invoices.s3.amazonaws.com","policy":"","bucketPolicy":{"Version":"2012-10-17"}},
		"responseElements":null,"requestID":"R6","eventID":"e6","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333"}`
	auditPolicy = `{"version":"1","deploymentid":"d","time":"2026-03-02T10:00:07.114405812Z","event":"","trigger":"incoming","api":{"name":"PutBucketPolicy","bucket":"invoices",
		"status":"No Content","statusCode":204,"rx":300,"tx":0,"timeToResponse":"1ms"},"remotehost":"192.0.2.10:53175","requestID":"R7","userAgent":"MinIO (linux; amd64)",
		"requestQuery":{"policy":""},"requestHeader":{},"responseHeader":{},"accessKey":"KEYOFANN","parentUser":"ann"}`
)

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(s) + `"`
}

func sns(kind, message string) string {
	return `{"Type":"` + kind + `","MessageId":"m","TopicArn":"arn:aws:sns:eu-west-1:111122223333:buckets","Message":` + quoted(message) +
		`,"Timestamp":"2026-03-02T10:00:08Z","Token":"t0","SubscribeURL":"https://sns.example/confirm","SignatureVersion":"1","Signature":"s","SigningCertURL":"https://sns.example/cert"}`
}

func at(second int, fraction time.Duration) time.Time {
	return time.Date(2026, 3, 2, 10, 0, second, int(fraction), time.UTC)
}

func TestParse(t *testing.T) {
	no := false
	deploy := &Call{API: "PutBucketPolicy", Actor: Actor{Type: AssumedRole, PrincipalID: "AROAINVENTED:deploy", ARN: "arn:aws:sts::111122223333:assumed-role/Deploy/deploy",
		AccountID: "111122223333", AccessKeyID: "ASIAINVENTED", IPv4: "192.0.2.9", Session: &Session{CreatedAt: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).UnixMilli(), MFA: &no,
			IssuerType: "Role", IssuerID: "AROAINVENTED", IssuerARN: "arn:aws:iam::111122223333:role/Deploy", IssuerAccountID: "111122223333", IssuerUserName: "Deploy"}}}
	trail := Event{ID: "e6", Account: "111122223333", Bucket: "invoices", What: ConfigurationChanged, Time: at(6, 0), Call: deploy}
	put := Event{ID: "R1/00AB", Bucket: "invoices", Key: "2026/red flower&co.csv", What: ObjectCreated, Time: at(1, 250*time.Millisecond)}
	bridged := `{"version":"0","id":"b","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","account":"111122223333","time":"2026-03-02T10:00:06Z","detail":` + trailPolicy + `}`
	topic := "arn:aws:sns:eu-west-1:111122223333:buckets"
	for _, v := range []struct {
		name, body string
		want       Delivery
	}{
		{"s3", s3Put, Delivery{Events: []Event{put}}},
		{"test of s3", s3Test, Delivery{Ignored: 1}},
		{"minio", minioPut, Delivery{Events: []Event{{ID: "R2/17AB", Bucket: "invoices", Key: "a b.csv", What: ObjectRemoved, Time: at(2, 500*time.Millisecond)}}}},
		{"minio: a bucket is made", strings.ReplaceAll(minioPut, "s3:ObjectRemoved:Delete", "s3:BucketCreated:*"),
			Delivery{Events: []Event{{ID: "R2/17AB", Bucket: "invoices", What: BucketChanged, Time: at(2, 500*time.Millisecond)}}}},
		{"minio: an object is read", strings.ReplaceAll(minioPut, "s3:ObjectRemoved:Delete", "s3:ObjectAccessed:Get"), Delivery{Ignored: 1}},
		{"ceph", cephPut, Delivery{Events: []Event{{ID: "R3/F7", Bucket: "invoices", Key: "a+b.csv", What: ObjectCreated, Time: at(3, 124724*time.Microsecond)}}}},
		{"ceph: a rule expires", strings.Replace(cephPut, "ObjectCreated:Put", "ObjectLifecycle:Expiration:Current", 1),
			Delivery{Events: []Event{{ID: "R3/F7", Bucket: "invoices", Key: "a+b.csv", What: ObjectRemoved, Time: at(3, 124724*time.Microsecond)}}}},
		{"versitygw", versityPut, Delivery{Events: []Event{{ID: "/5A", Bucket: "invoices", Key: "a.csv", What: ObjectCreated, Time: at(4, 0)}}}},
		{"versitygw: an ACL of an object", strings.Replace(versityPut, "s3:ObjectCreated:Put", "s3:ObjectAcl:Put", 1), Delivery{Ignored: 1}},
		{"a CloudEvent's data", `{"specversion":"1.0","data":` + strings.TrimSuffix(strings.TrimPrefix(cephPut, `{"Records":[`), `]}`) + `}`,
			Delivery{Events: []Event{{ID: "R3/F7", Bucket: "invoices", Key: "a+b.csv", What: ObjectCreated, Time: at(3, 124724*time.Microsecond)}}}},
		{"eventbridge", bridgePut, Delivery{Events: []Event{{ID: "5f6f6d7c-0000-4000-8000-000000000001", Account: "111122223333", Bucket: "invoices", Key: "a+b.csv",
			What: ObjectCreated, Time: at(5, 0)}}}},
		{"eventbridge: of no matter", strings.Replace(bridgePut, "Object Created", "Object Tags Added", 1), Delivery{Ignored: 1}},
		{"eventbridge by cloudtrail", bridged, Delivery{Events: []Event{trail}}},
		{"cloudtrail", trailPolicy, Delivery{Events: []Event{trail}}},
		{"cloudtrail: a log file", `{"Records":[` + trailPolicy + `,` + strings.Replace(trailPolicy, "PutBucketPolicy", "ListBuckets", 1) + `]}`, Delivery{Events: []Event{trail}, Ignored: 1}},
		{"cloudtrail: refused", strings.Replace(trailPolicy, `"requestID"`, `"errorCode":"AccessDenied","requestID"`, 1), Delivery{Ignored: 1}},
		{"cloudtrail: read only", strings.Replace(trailPolicy, `"readOnly":false`, `"readOnly":true`, 1), Delivery{Ignored: 1}},
		{"cloudtrail: another service", strings.Replace(trailPolicy, "s3.amazonaws.com", "ec2.amazonaws.com", 1), Delivery{Ignored: 1}},
		{"cloudtrail: the account", strings.NewReplacer("PutBucketPolicy", "PutAccountPublicAccessBlock", `"bucketName":"invoices",`, "").Replace(trailPolicy),
			Delivery{Events: []Event{{ID: "e6", Account: "111122223333", What: AccountChanged, Time: at(6, 0), Call: &Call{API: "PutAccountPublicAccessBlock", Actor: deploy.Actor}}}}},
		{"cloudtrail: a service", strings.Replace(trailPolicy, "192.0.2.9", "config.amazonaws.com", 1), Delivery{Events: []Event{withActor(trail, func(a *Actor) { a.IPv4, a.Domain = "", "config.amazonaws.com" })}}},
		{"cloudtrail: IPv6", strings.Replace(trailPolicy, "192.0.2.9", "2001:db8::7", 1), Delivery{Events: []Event{withActor(trail, func(a *Actor) { a.IPv4 = "" })}}},
		{"cloudtrail: somebody of another kind", strings.Replace(trailPolicy, "AssumedRole", "IdentityCenterUser", 1),
			Delivery{Events: []Event{withActor(trail, func(a *Actor) { *a = Actor{IPv4: "192.0.2.9"} })}}},
		{"cloudtrail: a setting that is not known", strings.Replace(trailPolicy, "PutBucketPolicy", "PutBucketInvention", 1),
			Delivery{Events: []Event{{ID: "e6", Account: "111122223333", Bucket: "invoices", What: ConfigurationChanged, Time: at(6, 0), Call: &Call{API: "PutBucketInvention", Actor: deploy.Actor}}}}},
		{"cloudtrail: no bucket", strings.Replace(trailPolicy, `"bucketName":"invoices"`, `"bucketName":"../x y"`, 1), Delivery{Ignored: 1}},
		{"sns with s3", sns("Notification", s3Put), Delivery{Events: []Event{put}, Topic: topic}},
		{"sns with eventbridge", sns("Notification", bridged), Delivery{Events: []Event{trail}, Topic: topic}},
		{"sns asks", sns("SubscriptionConfirmation", "You have chosen to subscribe"), Delivery{Topic: topic, ConfirmationToken: "t0"}},
		{"sns says good-bye", sns("UnsubscribeConfirmation", "You have chosen to deactivate"), Delivery{Ignored: 1, Topic: topic}},
		{"audit", auditPolicy, Delivery{Events: []Event{{ID: "R7", Bucket: "invoices", What: ConfigurationChanged, Time: at(7, 114405812),
			Call: &Call{API: "PutBucketPolicy", Actor: Actor{Type: IAMUser, PrincipalID: "KEYOFANN", UserName: "ann", IPv4: "192.0.2.10"}}}}}},
		{"audit: anonymous", strings.NewReplacer(`"accessKey":"KEYOFANN","parentUser":"ann"`, `"error":""`).Replace(auditPolicy), Delivery{Events: []Event{{ID: "R7", Bucket: "invoices",
			What: ConfigurationChanged, Time: at(7, 114405812), Call: &Call{API: "PutBucketPolicy", Actor: Actor{IPv4: "192.0.2.10"}}}}}},
		{"audit: replication", strings.Replace(auditPolicy, "PutBucketPolicy", "PutBucketReplicationConfig", 1), Delivery{Events: []Event{{ID: "R7", Bucket: "invoices",
			What: ConfigurationChanged, Time: at(7, 114405812), Call: &Call{API: "PutBucketReplication", Actor: Actor{Type: IAMUser, PrincipalID: "KEYOFANN", UserName: "ann", IPv4: "192.0.2.10"}}}}}},
		{"audit: an object", strings.NewReplacer("PutBucketPolicy", "PutObject", `"bucket":"invoices"`, `"bucket":"invoices","object":"a b"`).Replace(auditPolicy),
			Delivery{Events: []Event{{ID: "R7", Bucket: "invoices", Key: "a b", What: ObjectCreated, Time: at(7, 114405812)}}}},
		{"audit: refused", strings.Replace(auditPolicy, "204", "403", 1), Delivery{Ignored: 1}},
		{"audit: a reading", strings.Replace(auditPolicy, "PutBucketPolicy", "GetBucketPolicy", 1), Delivery{Ignored: 1}},
		{"audit: a batch", auditPolicy + "\n" + strings.Replace(auditPolicy, "PutBucketPolicy", "GetObject", 1) + "\n", Delivery{Events: []Event{{ID: "R7", Bucket: "invoices", What: ConfigurationChanged,
			Time: at(7, 114405812), Call: &Call{API: "PutBucketPolicy", Actor: Actor{Type: IAMUser, PrincipalID: "KEYOFANN", UserName: "ann", IPv4: "192.0.2.10"}}}}, Ignored: 1}},
		{"a list", `[` + s3Put + `,` + trailPolicy + `,{"other":1}]`, Delivery{Events: []Event{put, trail}, Ignored: 1}},
		{"nothing", "", Delivery{}},
		{"nothing in it", " {} ", Delivery{}},
		{"no records", `{"Records":[]}`, Delivery{}},
		{"members of other types", `{"Records":[{"eventName":["x"],"eventSource":7,"eventTime":{},"userIdentity":"me","responseElements":[],
			"s3":{"bucket":{"name":"invoices"},"object":"none"}}]}`, Delivery{Ignored: 1}},
		{"a time that is none", strings.Replace(s3Put, "2026-03-02T10:00:01.250Z", "yesterday", 1), Delivery{Events: []Event{withTime(put, time.Time{})}}},
	} {
		t.Run(v.name, func(t *testing.T) {
			got, err := Parse([]byte(v.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func withActor(e Event, change func(*Actor)) Event {
	call := *e.Call
	change(&call.Actor)
	e.Call = &call
	return e
}

func withTime(e Event, at time.Time) Event {
	e.Time = at
	return e
}

func TestParseRefuses(t *testing.T) {
	deep := s3Put
	for range 8 {
		deep = sns("Notification", deep)
	}
	for body, want := range map[string]error{
		"{":                          ErrNotJSON,
		s3Put + "}":                  ErrNotJSON,
		"secret=hunter2":             ErrNotJSON,
		`"text"`:                     ErrUnknown,
		"7":                          ErrUnknown,
		`{"hello":"world"}`:          ErrUnknown,
		`[{"hello":"world"}]`:        ErrUnknown,
		deep:                         ErrUnknown,
		sns("Notification", "hello"): ErrNotJSON,
	} {
		if d, err := Parse([]byte(body)); !errors.Is(err, want) || len(d.Events) > 0 {
			t.Errorf("%.60s: %v, %v; want %v", body, d, err, want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats the body: %v", err)
		}
	}
}

// TestReadingsChangeNothing holds the table of calls to S3's way of naming operations.
func TestReadingsChangeNothing(t *testing.T) {
	for _, name := range []string{"GetBucketPolicy", "ListBuckets", "HeadBucket", "GetBucketAcl", "ListBucketMultipartUploads", "ListenBucketNotification", "GetObject", "PutObjectTagging", ""} {
		if api, what, changes := meaning(name, "b"); changes {
			t.Errorf("%s changes %s %s", name, what, api)
		}
	}
	for _, v := range []struct{ name, bucket, api string }{
		{"PutPublicAccessBlock", "b", "PutBucketPublicAccessBlock"}, {"PutPublicAccessBlock", "", "PutAccountPublicAccessBlock"},
		{"DeletePublicAccessBlock", "b", "DeleteBucketPublicAccessBlock"}, {"DeletePublicAccessBlock", "", "DeleteAccountPublicAccessBlock"}, {"PutBucketACL", "b", "PutBucketAcl"},
	} {
		if api, _, changes := meaning(v.name, v.bucket); !changes || api != v.api {
			t.Errorf("%s of bucket %q is %s, want %s", v.name, v.bucket, api, v.api)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{s3Put, s3Test, minioPut, cephPut, versityPut, bridgePut, trailPolicy, auditPolicy, sns("Notification", s3Put), sns("SubscriptionConfirmation", ""), "", "{}", "[[[[{}]]]]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := Parse(body)
		if err != nil {
			if !errors.Is(err, ErrNotJSON) && !errors.Is(err, ErrUnknown) {
				t.Fatalf("error %v", err)
			}
			return
		}
		texts := []string{d.Topic, d.ConfirmationToken}
		for _, e := range d.Events {
			ofSetting := e.What == ConfigurationChanged || e.What == AccountChanged
			if e.What == 0 || (e.Bucket == "") != (e.What == AccountChanged) || e.What.OfObject() && e.Call != nil || ofSetting && e.Call == nil {
				t.Fatalf("event %+v", e)
			}
			texts = append(texts, e.ID, e.Account, e.Bucket, e.Key)
			if c := e.Call; c != nil {
				a := c.Actor
				texts = append(texts, c.API, string(a.Type), a.PrincipalID, a.ARN, a.AccountID, a.UserName, a.AccessKeyID, a.InvokedBy, a.IPv4, a.Domain)
				if s := a.Session; s != nil {
					texts = append(texts, s.IssuerType, s.IssuerID, s.IssuerARN, s.IssuerAccountID, s.IssuerUserName)
				}
			}
		}
		for _, s := range texts {
			if len(s) > maxText || !utf8.ValidString(s) || strings.Contains(s, "\x00") {
				t.Fatalf("text %q", s)
			}
		}
	})
}
