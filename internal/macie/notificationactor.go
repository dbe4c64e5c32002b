package macie

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/notify"
	"github.com/magpie-sec/magpie/internal/publish"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// callsOf returns the requests that were told of and may have changed a bucket: its own and those for all of the account. Without changes none
// is asked for.
func callsOf(ctx context.Context, tx store.Tx, t store.Tenant, bucket string, changes int) (calls []toldCall, err error) {
	if changes == 0 {
		return nil, nil
	}
	for _, name := range []string{allBuckets, bucket} {
		row, err := store.GetNotification(ctx, tx, t, name)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		tale, err := readTale(row.Doc)
		if err != nil {
			return nil, err
		}
		calls = append(calls, tale.Calls...)
	}
	return calls, nil
}

// settings says which setting of a bucket a request sets or removes.
var settings = map[string]string{
	"PutBucketPolicy": "policy", "DeleteBucketPolicy": "policy",
	"PutBucketAcl":               "acl",
	"PutBucketPublicAccessBlock": "block", "DeleteBucketPublicAccessBlock": "block",
	"PutAccountPublicAccessBlock": "account block", "DeleteAccountPublicAccessBlock": "account block",
	"PutBucketOwnershipControls": "ownership", "DeleteBucketOwnershipControls": "ownership",
	"PutBucketReplication": "replication", "DeleteBucketReplication": "replication",
	"PutBucketEncryption": "encryption", "DeleteBucketEncryption": "encryption",
}

// explaining returns the newest request that can have made a change: one that set what the change lies in, or removed it if it is gone now, since
// the bucket was read before. nil if there is none.
func explaining(calls []toldCall, c change, now *guard, since int64) (newest *toldCall) {
	setting := settings[c.api]
	for i := range calls {
		call := &calls[i]
		if settings[call.Call.API] != setting || call.at() < since-skew.Milliseconds() {
			continue
		}
		if digest := now.digestOf(setting); digest != "" && strings.HasPrefix(call.Call.API, "Delete") != (digest == "absent") {
			continue // what it did is not what is there
		}
		if newest == nil || call.at() >= newest.at() {
			newest = call
		}
	}
	return newest
}

// An unexplained change was seen by a reading, and not in the one before.
type unexplained struct {
	Since int64 `json:"since,omitempty"` // when the bucket was read before; 0: never
	At    int64 `json:"at"`              // when it was read
}

// lateAtMost is how long after a change was seen it may be told who made it: CloudTrail takes minutes.
const lateAtMost = 24 * time.Hour

// recent leaves out what nobody will explain any more.
func recent(all map[macie2.FindingType]unexplained, now int64) map[macie2.FindingType]unexplained {
	maps.DeleteFunc(all, func(_ macie2.FindingType, u unexplained) bool { return u.At < now-lateAtMost.Milliseconds() })
	return all
}

// note remembers a change without a request, and forgets an earlier one of the same kind.
func (s *bucketState) note(kind macie2.FindingType, call *toldCall, u unexplained) {
	delete(s.Unexplained, kind)
	if call != nil {
		return
	}
	if s.Unexplained == nil {
		s.Unexplained = map[macie2.FindingType]unexplained{}
	}
	s.Unexplained[kind] = u
}

// explainLate puts the requests into findings that were told of after the change was seen. Only what was made before it was seen counts, by the
// store's clock.
func (o *observation) explainLate(ctx context.Context, tx store.Tx, t store.Tenant, outbox *publish.Outbox, calls []toldCall, changes []change, now wire.Time) error {
	if len(calls) == 0 {
		return nil
	}
	for _, kind := range slices.Sorted(maps.Keys(o.state.Unexplained)) {
		if slices.ContainsFunc(changes, func(c change) bool { return c.kind == kind }) {
			continue // it was considered just now
		}
		stored, err := readFindings(ctx, tx, t, []string{policyFindingID(t, *o.doc.BucketName, kind)}, store.FindingSort{})
		if err != nil {
			return err
		}
		if len(stored) == 0 {
			delete(o.state.Unexplained, kind)
			continue
		}
		f, u := &stored[0], o.state.Unexplained[kind]
		details := f.PolicyDetails.Action.ApiCallDetails
		call := lateCall(calls, *details.Api, u)
		if call == nil {
			continue
		}
		first := details.FirstSeen
		tellOf(f, call, now)
		if *f.Count > 1 {
			details.FirstSeen = first
		}
		f.UpdatedAt = wire.Ptr(max(now, *f.UpdatedAt))
		if err := putOccurrence(ctx, tx, t, outbox, f); err != nil {
			return err
		}
		delete(o.state.Unexplained, kind)
	}
	return nil
}

// lateCall is the newest request that can have made a change which was taken for that of api.
func lateCall(calls []toldCall, api string, u unexplained) (newest *toldCall) {
	for i := range calls {
		call := &calls[i]
		setting := settings[call.Call.API]
		removes := strings.HasPrefix(call.Call.API, "Delete") != strings.HasPrefix(api, "Delete")
		if setting == "" || setting != settings[api] || removes && setting != "encryption" || call.at() < u.Since-skew.Milliseconds() || call.at() > u.At {
			continue
		}
		if newest == nil || call.at() >= newest.at() {
			newest = call
		}
	}
	return newest
}

// at is when a request was made, as far as it is known.
func (c *toldCall) at() int64 { return cmp.Or(c.Time, c.Told) }

// digestOf is the digest of a setting, "" of one that has none or is not known.
func (g *guard) digestOf(setting string) string {
	switch setting {
	case "policy":
		return g.Policy
	case "block":
		return g.Block
	case "account block":
		return g.AccountBlock
	case "ownership":
		return g.Ownership
	}
	return ""
}

// tellOf puts into a policy finding the request that made the change, and who made it.
func tellOf(f *macie2.Finding, call *toldCall, now wire.Time) {
	seen := min(wire.Time(call.at()), now) // a clock that is fast
	details := f.PolicyDetails.Action.ApiCallDetails
	details.Api, details.FirstSeen, details.LastSeen = wire.Ptr(call.Call.API), wire.Ptr(seen), wire.Ptr(seen)
	f.PolicyDetails.Actor = actorOf(&call.Call.Actor, f.AccountId)
}

// actorOf is an actor as findings have it; nil if nothing is known. A user of a store that has no accounts is one of the account that the store
// stands for. Where an address lies and whose it is nobody looks up.
func actorOf(a *notify.Actor, account *string) *macie2.FindingActor {
	if *a == (notify.Actor{}) {
		return nil
	}
	out := &macie2.FindingActor{UserIdentity: identityOf(a, account)}
	if a.IPv4 != "" {
		out.IpAddressDetails = &macie2.IpAddressDetails{IpAddressV4: wire.Ptr(a.IPv4)}
	}
	if a.Domain != "" {
		out.DomainDetails = &macie2.DomainDetails{DomainName: wire.Ptr(a.Domain)}
	}
	return out
}

// identityOf is an identity as findings have it (macie.md 5.2); nil for anonymous requests.
func identityOf(a *notify.Actor, account *string) *macie2.UserIdentity {
	id, principal, arn, key := some(a.AccountID), some(a.PrincipalID), some(a.ARN), some(a.AccessKeyID)
	out := &macie2.UserIdentity{Type: macie2.UserIdentityType(a.Type)}
	switch a.Type {
	case notify.IAMUser:
		if id == nil {
			id = account
		}
		out.IamUser = &macie2.IamUser{AccountId: id, Arn: arn, PrincipalId: principal, UserName: some(a.UserName)}
	case notify.AssumedRole:
		out.AssumedRole = &macie2.AssumedRole{AccessKeyId: key, AccountId: id, Arn: arn, PrincipalId: principal, SessionContext: sessionOf(a.Session)}
	case notify.FederatedUser:
		out.FederatedUser = &macie2.FederatedUser{AccessKeyId: key, AccountId: id, Arn: arn, PrincipalId: principal, SessionContext: sessionOf(a.Session)}
	case notify.Root:
		out.Root = &macie2.UserIdentityRoot{AccountId: id, Arn: arn, PrincipalId: principal}
	case notify.AWSAccount:
		out.AwsAccount = &macie2.AwsAccount{AccountId: id, PrincipalId: principal}
	case notify.AWSService:
		out.AwsService = &macie2.AwsService{InvokedBy: some(a.InvokedBy)}
	default:
		return nil
	}
	return out
}

func sessionOf(s *notify.Session) *macie2.SessionContext {
	if s == nil {
		return nil
	}
	out := &macie2.SessionContext{Attributes: &macie2.SessionContextAttributes{MfaAuthenticated: s.MFA}}
	if s.CreatedAt != 0 {
		out.Attributes.CreationDate = wire.Ptr(wire.Time(s.CreatedAt))
	}
	if s.IssuerType+s.IssuerID+s.IssuerARN+s.IssuerAccountID+s.IssuerUserName != "" {
		out.SessionIssuer = &macie2.SessionIssuer{AccountId: some(s.IssuerAccountID), Arn: some(s.IssuerARN), PrincipalId: some(s.IssuerID),
			Type: some(s.IssuerType), UserName: some(s.IssuerUserName)}
	}
	return out
}

// some is a text that is there, nil for "".
func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
