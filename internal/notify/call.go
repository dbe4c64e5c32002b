package notify

import (
	"encoding/json"
	"strings"
)

// calls says what requests mean, by the operation's name in lower case. name is the one of Amazon S3's API, as CloudTrail writes it; MinIO's
// audit log has some others. Operations that are not listed and are no reads change something of a bucket that is not known of, unless they
// are about objects.
var calls = map[string]struct {
	name string
	what What
}{
	"createbucket":                      {"CreateBucket", BucketChanged},
	"putbucket":                         {"CreateBucket", BucketChanged}, // MinIO
	"makebucket":                        {"CreateBucket", BucketChanged},
	"deletebucket":                      {"DeleteBucket", BucketChanged},
	"putbucketpolicy":                   {"PutBucketPolicy", ConfigurationChanged},
	"deletebucketpolicy":                {"DeleteBucketPolicy", ConfigurationChanged},
	"putbucketacl":                      {"PutBucketAcl", ConfigurationChanged},
	"putbucketpublicaccessblock":        {"PutBucketPublicAccessBlock", ConfigurationChanged},
	"deletebucketpublicaccessblock":     {"DeleteBucketPublicAccessBlock", ConfigurationChanged},
	"putbucketownershipcontrols":        {"PutBucketOwnershipControls", ConfigurationChanged},
	"deletebucketownershipcontrols":     {"DeleteBucketOwnershipControls", ConfigurationChanged},
	"putbucketencryption":               {"PutBucketEncryption", ConfigurationChanged},
	"deletebucketencryption":            {"DeleteBucketEncryption", ConfigurationChanged},
	"putbucketreplication":              {"PutBucketReplication", ConfigurationChanged},
	"putbucketreplicationconfig":        {"PutBucketReplication", ConfigurationChanged}, // MinIO
	"deletebucketreplication":           {"DeleteBucketReplication", ConfigurationChanged},
	"deletebucketreplicationconfig":     {"DeleteBucketReplication", ConfigurationChanged},
	"putbuckettagging":                  {"PutBucketTagging", ConfigurationChanged},
	"deletebuckettagging":               {"DeleteBucketTagging", ConfigurationChanged},
	"putbucketversioning":               {"PutBucketVersioning", ConfigurationChanged},
	"putaccountpublicaccessblock":       {"PutAccountPublicAccessBlock", AccountChanged},
	"deleteaccountpublicaccessblock":    {"DeleteAccountPublicAccessBlock", AccountChanged},
	"putobject":                         {"PutObject", ObjectCreated},
	"copyobject":                        {"CopyObject", ObjectCreated},
	"postobject":                        {"PostObject", ObjectCreated},
	"postpolicybucket":                  {"PostObject", ObjectCreated}, // MinIO
	"putobjectextract":                  {"PutObject", ObjectCreated},
	"completemultipartupload":           {"CompleteMultipartUpload", ObjectCreated},
	"deleteobject":                      {"DeleteObject", ObjectRemoved},
	"deleteobjects":                     {"DeleteObjects", ObjectRemoved},
	"deletemultipleobjects":             {"DeleteObjects", ObjectRemoved}, // MinIO
	"putbucketlifecycle":                {},                               // settings that nothing is made of
	"putbucketlifecycleconfiguration":   {},
	"deletebucketlifecycle":             {},
	"putbucketnotification":             {},
	"putbucketnotificationconfig":       {},
	"putbucketlogging":                  {},
	"putbucketcors":                     {},
	"deletebucketcors":                  {},
	"putbucketwebsite":                  {},
	"deletebucketwebsite":               {},
	"putbucketrequestpayment":           {},
	"putbucketobjectlockconfig":         {},
	"putbucketinventoryconfiguration":   {},
	"putbucketaccelerateconfiguration":  {},
	"putbucketmetricsconfiguration":     {},
	"putbucketanalyticsconfiguration":   {},
	"putbucketintelligenttieringconfig": {},
}

// putPublicAccessBlock is the name of two operations in S3's API: that of a bucket and that of S3 Control for the account.
const putPublicAccessBlock, deletePublicAccessBlock = "putpublicaccessblock", "deletepublicaccessblock"

// meaning says what a request changes; false if nothing.
func meaning(name, bucket string) (api string, what What, changes bool) {
	folded := strings.ToLower(name)
	if folded == putPublicAccessBlock || folded == deletePublicAccessBlock {
		level := "account"
		if bucket != "" {
			level = "bucket"
		}
		folded = strings.Replace(folded, "public", level+"public", 1)
	}
	if c, known := calls[folded]; known {
		return c.name, c.what, c.what != 0
	}
	if !strings.Contains(folded, "bucket") {
		return "", 0, false
	}
	for _, reading := range []string{"get", "list", "head", "select", "listen"} {
		if strings.HasPrefix(folded, reading) {
			return "", 0, false
		}
	}
	return bounded(text(name)), ConfigurationChanged, true
}

type cloudParameter struct {
	BucketName text `json:"bucketName"`
	Key        text `json:"key"`
}

// cloudActor is CloudTrail's userIdentity; S3 event notifications have a principalId only.
type cloudActor struct {
	Type        text `json:"type"`
	PrincipalID text `json:"principalId"`
	ARN         text `json:"arn"`
	AccountID   text `json:"accountId"`
	AccessKeyID text `json:"accessKeyId"`
	UserName    text `json:"userName"`
	InvokedBy   text `json:"invokedBy"`
	Session     *struct {
		Attributes struct {
			CreatedAt text `json:"creationDate"`
			MFA       text `json:"mfaAuthenticated"`
		} `json:"attributes"`
		Issuer struct {
			Type        text `json:"type"`
			PrincipalID text `json:"principalId"`
			ARN         text `json:"arn"`
			AccountID   text `json:"accountId"`
			UserName    text `json:"userName"`
		} `json:"sessionIssuer"`
	} `json:"sessionContext"`
}

// cloudTrail makes an event of a record of CloudTrail. Requests of other services, that failed or that only read change nothing.
func (e *entry) cloudTrail() (Event, bool) {
	if e.EventSource != "s3.amazonaws.com" || e.ErrorCode != "" || e.ReadOnly != nil && *e.ReadOnly {
		return Event{}, false
	}
	bucket := bounded(e.Parameters.BucketName)
	api, what, changes := meaning(string(e.EventName), bucket)
	if !changes {
		return Event{}, false
	}
	out := Event{ID: bounded(e.EventID), Account: bounded(e.RecipientAccount), Bucket: bucket, What: what, Time: timeOf(e.EventTime)}
	if what.OfObject() {
		out.Key = bounded(e.Parameters.Key)
		return out, true
	}
	out.Call = &Call{API: api}
	if e.UserIdentity != nil {
		out.Call.Actor = e.UserIdentity.actor()
	}
	out.Call.Actor.address(e.SourceIP)
	return out, true
}

// actor takes over an identity of a kind that findings know; of others (Identity Center, web identities) nothing.
func (c *cloudActor) actor() Actor {
	kind := IdentityType(c.Type)
	switch kind {
	case IAMUser, AssumedRole, FederatedUser, Root, AWSAccount, AWSService:
	default:
		return Actor{}
	}
	a := Actor{Type: kind, PrincipalID: bounded(c.PrincipalID), ARN: bounded(c.ARN), AccountID: bounded(c.AccountID), UserName: bounded(c.UserName),
		AccessKeyID: bounded(c.AccessKeyID), InvokedBy: bounded(c.InvokedBy)}
	if s := c.Session; s != nil {
		a.Session = &Session{IssuerType: bounded(s.Issuer.Type), IssuerID: bounded(s.Issuer.PrincipalID), IssuerARN: bounded(s.Issuer.ARN),
			IssuerAccountID: bounded(s.Issuer.AccountID), IssuerUserName: bounded(s.Issuer.UserName)}
		if at := timeOf(s.Attributes.CreatedAt); !at.IsZero() {
			a.Session.CreatedAt = at.UnixMilli()
		}
		if mfa := s.Attributes.MFA; mfa == "true" || mfa == "false" {
			yes := mfa == "true"
			a.Session.MFA = &yes
		}
	}
	return a
}

// auditAPI is the request in an entry of MinIO's audit log.
type auditAPI struct {
	Name       text `json:"name"`
	Bucket     text `json:"bucket"`
	Object     text `json:"object"`
	StatusCode text `json:"statusCode"`
}

// audit makes an event of an entry of MinIO's audit log. MinIO has no accounts: a user is known by the access key, which is its name, and the
// keys that a user makes have the user as their parent.
func (e *entry) audit() (Event, bool) {
	if e.API.StatusCode != "" && !strings.HasPrefix(string(e.API.StatusCode), "2") {
		return Event{}, false
	}
	bucket := bounded(e.API.Bucket)
	api, what, changes := meaning(string(e.API.Name), bucket)
	if !changes || bucket == "" {
		return Event{}, false
	}
	out := Event{ID: bounded(e.RequestID), Bucket: bucket, What: what, Time: timeOf(e.Time)}
	if what.OfObject() {
		out.Key = bounded(e.API.Object)
		return out, true
	}
	out.Call = &Call{API: api}
	if e.AccessKey != "" {
		a := &out.Call.Actor
		a.Type, a.PrincipalID, a.UserName = IAMUser, bounded(e.AccessKey), bounded(e.AccessKey)
		if e.ParentUser != "" {
			a.UserName = bounded(e.ParentUser)
		}
	}
	out.Call.Actor.address(e.RemoteHost)
	return out, true
}

// unmarshal takes out of a JSON value what has the expected type.
func unmarshal(value json.RawMessage, into any) {
	_ = json.Unmarshal(value, into) // a member of another type is left out
}
