package macie

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/notify"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/sourcetest"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// call is an event of a request about bucket b at a time of the world's clock.
func (g *guardedWorld) call(id, api string, change ...func(*notify.Event)) notify.Event {
	e := notify.Event{ID: id, Bucket: "b", What: notify.ConfigurationChanged, Time: g.clock.Now(), Call: &notify.Call{API: api, Actor: notify.Actor{
		Type: notify.IAMUser, PrincipalID: "P" + id, UserName: "user " + id, IPv4: "192.0.2.1"}}}
	for _, c := range change {
		c(&e)
	}
	return e
}

func about(bucket string, what notify.What) notify.Event {
	return notify.Event{Bucket: bucket, What: what, Key: "k"}
}

func (w *world) tell(events ...notify.Event) []Place {
	w.Helper()
	places, err := w.service.Notify(w.Context(), tenants, events)
	must(w, err)
	return places
}

// lookAtAll looks at what is due now.
func (w *world) lookAtAll() time.Duration {
	w.Helper()
	wait, err := w.service.lookOnce(w.Context(), reading)
	must(w, err)
	count, err := w.service.lookOnce(w.Context(), counting)
	must(w, err)
	return min(wait, count)
}

// waiting returns of how many buckets of home something was told that nobody has looked at.
func (w *world) waiting() (n int64) {
	w.Helper()
	must(w, w.db.View(w.Context(), func(tx store.Tx) (err error) {
		n, err = store.CountNotifications(w.Context(), tx, home)
		return err
	}))
	return n
}

func (g *guardedWorld) only() *macie2.Finding {
	g.Helper()
	all := g.findings(home, nil)
	if len(all) != 1 {
		g.Fatalf("%d findings, want one; log:\n%s", len(all), g.log)
	}
	return &all[0]
}

// TestNotifiedChange changes a bucket, tells of it, and finds who did it, in the model's form.
func TestNotifiedChange(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		g := newGuardedWorld(t, url)
		g.look(plainConfiguration(""))
		g.clock.Advance(3 * time.Minute)
		g.objects[home].Configure("b", plainConfiguration(publicPolicy))
		yes := true
		event := g.call("e1", "PutBucketPolicy", func(e *notify.Event) {
			e.Call.Actor = notify.Actor{Type: notify.AssumedRole, PrincipalID: "AROAINVENTED:deploy", ARN: "arn:aws:sts::123456789012:assumed-role/Deploy/deploy",
				AccountID: "123456789012", AccessKeyID: "ASIAINVENTED", IPv4: "192.0.2.9", Session: &notify.Session{CreatedAt: g.clock.Now().Add(-time.Hour).UnixMilli(), MFA: &yes,
					IssuerType: "Role", IssuerID: "AROAINVENTED", IssuerARN: "arn:aws:iam::123456789012:role/Deploy", IssuerAccountID: "123456789012", IssuerUserName: "Deploy"}}
		})
		g.clock.Advance(time.Second)
		equal(t, "places", g.tell(event), []Place{{home, "b"}})
		equal(t, "before a look", len(g.findings(home, nil)), 0)
		g.lookAtAll()
		f := g.only()
		golden(t, "finding-told-of.json", wire.Marshal(f))
		equal(t, "first seen", *f.PolicyDetails.Action.ApiCallDetails.FirstSeen, wire.TimeOf(event.Time))
		equal(t, "waiting", g.waiting(), 0)
		for name, criterion := range map[string]macie2.CriterionAdditionalProperties{
			"policyDetails.actor.userIdentity.type":                  {Eq: []string{"AssumedRole"}},
			"policyDetails.actor.ipAddressDetails.ipAddressV4":       {Eq: []string{"192.0.2.9"}},
			"policyDetails.actor.userIdentity.assumedRole.accountId": {Eq: []string{"123456789012"}},
		} {
			equal(t, name, len(g.findings(home, &macie2.FindingCriteria{Criterion: map[string]macie2.CriterionAdditionalProperties{name: criterion}})), 1)
		}

		// The same again changes nothing, told before or behind another reading.
		g.tell(event, event)
		g.lookAtAll()
		g.look(plainConfiguration(publicPolicy))
		equal(t, "told twice", *g.only().Count, 1)

		// It is closed and opened again by another, who is the one that is told of.
		g.look(plainConfiguration(""))
		g.clock.Advance(time.Minute)
		g.objects[home].Configure("b", plainConfiguration(publicPolicy))
		again := g.call("e2", "PutBucketPolicy")
		g.tell(again)
		g.lookAtAll()
		f = g.only()
		equal(t, "count", *f.Count, 2)
		equal(t, "first seen", *f.PolicyDetails.Action.ApiCallDetails.FirstSeen, wire.TimeOf(event.Time))
		equal(t, "last seen", *f.PolicyDetails.Action.ApiCallDetails.LastSeen, wire.TimeOf(again.Time))
		equal(t, "who", f.PolicyDetails.Actor, &macie2.FindingActor{IpAddressDetails: &macie2.IpAddressDetails{IpAddressV4: wire.Ptr("192.0.2.1")},
			UserIdentity: &macie2.UserIdentity{Type: macie2.UserIdentityTypeIAMUser, IamUser: &macie2.IamUser{AccountId: wire.Ptr(home.Account), PrincipalId: wire.Ptr("Pe2"), UserName: wire.Ptr("user e2")}}})

		// What nobody tells of has no actor.
		g.look(plainConfiguration(""))
		g.look(plainConfiguration(publicPolicy))
		equal(t, "count", *g.only().Count, 3)
		equal(t, "nobody told", g.only().PolicyDetails.Actor, nil)
	})
}

// TestWhoIsBelieved tells of several requests: the newest that can have made the difference which is seen is the one. An event alone makes no finding.
func TestWhoIsBelieved(t *testing.T) {
	plain, public := plainConfiguration(""), plainConfiguration(publicPolicy)
	blocked := with(func(c *source.Configuration) {
		c.PublicAccessBlock = source.Known(source.PublicAccessBlock{BlockPublicACLs: true})
	})
	encrypted := with(func(c *source.Configuration) { c.Encryption = source.Known("aws:kms") })
	earlier := func(d time.Duration) func(*notify.Event) { return func(e *notify.Event) { e.Time = e.Time.Add(-d) } }
	type calls func(g *guardedWorld) []notify.Event
	for _, v := range []struct {
		name          string
		before, after source.Configuration
		told          calls
		api, who      string // "" who: nobody; "" api: no finding
	}{
		{"an event without a change", plain, plain, func(g *guardedWorld) []notify.Event { return []notify.Event{g.call("a", "PutBucketPolicy")} }, "", ""},
		{"an event without a request", plain, public, func(g *guardedWorld) []notify.Event { return []notify.Event{about("b", notify.BucketChanged)} }, "PutBucketPolicy", ""},
		{"another setting", plain, public, func(g *guardedWorld) []notify.Event {
			return []notify.Event{g.call("a", "PutBucketAcl"), g.call("b", "PutBucketTagging")}
		}, "PutBucketPolicy", ""},
		{"the newest", plain, public, func(g *guardedWorld) []notify.Event {
			return []notify.Event{g.call("new", "PutBucketPolicy"), g.call("old", "PutBucketPolicy", earlier(time.Second))}
		}, "PutBucketPolicy", "new"},
		{"not who took it away", plain, public, func(g *guardedWorld) []notify.Event {
			return []notify.Event{g.call("a", "PutBucketPolicy", earlier(time.Second)), g.call("b", "DeleteBucketPolicy")}
		}, "PutBucketPolicy", "a"},
		{"who took the block away", blocked, plain, func(g *guardedWorld) []notify.Event {
			return []notify.Event{g.call("a", "DeleteBucketPublicAccessBlock"), g.call("b", "PutBucketPublicAccessBlock", earlier(time.Second))}
		}, "DeleteBucketPublicAccessBlock", "a"},
		{"encryption", encrypted, plain, func(g *guardedWorld) []notify.Event { return []notify.Event{g.call("a", "PutBucketEncryption")} }, "PutBucketEncryption", "a"},
		{"too old", plain, public, func(g *guardedWorld) []notify.Event {
			return []notify.Event{g.call("a", "PutBucketPolicy", earlier(time.Hour))}
		}, "PutBucketPolicy", ""},
		{"a clock that is fast", plain, public, func(g *guardedWorld) []notify.Event {
			return []notify.Event{g.call("a", "PutBucketPolicy", earlier(-time.Hour))}
		}, "PutBucketPolicy", "a"},
		{"without a time", plain, public, func(g *guardedWorld) []notify.Event {
			return []notify.Event{g.call("a", "PutBucketPolicy", func(e *notify.Event) { e.Time = time.Time{} })}
		}, "PutBucketPolicy", "a"},
	} {
		t.Run(v.name, func(t *testing.T) {
			g := newGuardedWorld(t, sqliteURL(t))
			g.look(v.before)
			g.clock.Advance(time.Minute)
			g.objects[home].Configure("b", v.after)
			g.tell(v.told(g)...)
			g.lookAtAll()
			if v.api == "" {
				equal(t, "findings", len(g.findings(home, nil)), 0)
				return
			}
			f := g.only()
			details := f.PolicyDetails.Action.ApiCallDetails
			equal(t, "call", *details.Api, v.api)
			if *details.LastSeen > wire.TimeOf(g.clock.Now()) {
				t.Error("it was seen in the future")
			}
			who := ""
			if a := f.PolicyDetails.Actor; a != nil {
				who = strings.TrimPrefix(*a.UserIdentity.IamUser.PrincipalId, "P")
			}
			equal(t, "who", who, v.who)
		})
	}
}

// TestScheduleKnowsWhoWasTold lets the schedule read a bucket before what was told is looked at.
func TestScheduleKnowsWhoWasTold(t *testing.T) {
	g := newGuardedWorld(t, sqliteURL(t))
	g.look(plainConfiguration(""))
	g.tell(g.call("a", "PutBucketPolicy"))
	g.look(plainConfiguration(publicPolicy))
	equal(t, "who", *g.only().PolicyDetails.Actor.UserIdentity.IamUser.PrincipalId, "Pa")
	g.lookAtAll()
	equal(t, "count", *g.only().Count, 1)
	equal(t, "waiting", g.waiting(), 0)
}

// TestAccountIsTold reads everything when the account's block has gone.
func TestAccountIsTold(t *testing.T) {
	g := newGuardedWorld(t, sqliteURL(t))
	g.objects[home].SetAccountPublicAccessBlock(source.Known(source.PublicAccessBlock{RestrictPublicBuckets: true}))
	g.look(plainConfiguration(publicPolicy))
	g.objects[home].SetAccountPublicAccessBlock(source.Absent[source.PublicAccessBlock](""))
	e := g.call("a", "DeleteAccountPublicAccessBlock", func(e *notify.Event) { e.Bucket, e.What, e.Account = "", notify.AccountChanged, home.Account })
	g.clock.Advance(time.Second)
	equal(t, "places", g.tell(e), []Place{{home, ""}, {abroad, ""}})
	g.lookAtAll()
	f := g.only()
	equal(t, "call", *f.PolicyDetails.Action.ApiCallDetails.Api, "DeleteAccountPublicAccessBlock")
	equal(t, "who", *f.PolicyDetails.Actor.UserIdentity.IamUser.PrincipalId, "Pa")
	equal(t, "waiting", g.waiting(), 0)
}

// A counted source counts what it is asked, by kind.
type counted struct {
	*sourcetest.Faulty
	configured source.Configured

	buckets, configurations, lists, blocks atomic.Int64
}

func (c *counted) Buckets(ctx context.Context) ([]source.Bucket, error) {
	c.buckets.Add(1)
	return c.Faulty.Buckets(ctx)
}

func (c *counted) Configuration(ctx context.Context, bucket string) (source.Configuration, error) {
	c.configurations.Add(1)
	return c.configured.Configuration(ctx, bucket)
}

func (c *counted) AccountPublicAccessBlock(ctx context.Context) source.Fact[source.PublicAccessBlock] {
	c.blocks.Add(1)
	return c.configured.AccountPublicAccessBlock(ctx)
}

// count lets the source of home count.
func (w *world) count() *counted {
	c := &counted{configured: w.objects[home]}
	c.Faulty = &sourcetest.Faulty{Driver: w.objects[home], Fault: func(step, _, _ string) error {
		if step == "list" {
			c.lists.Add(1)
		}
		return nil
	}}
	w.sources[home] = []source.Driver{c}
	return c
}

func (c *counted) asked() string {
	return fmt.Sprintf("%d buckets, %d configurations, %d listings, %d blocks", c.buckets.Swap(0), c.configurations.Swap(0), c.lists.Swap(0), c.blocks.Swap(0))
}

// TestRefreshCostsWhatChanged tells of one bucket among a thousand, of many events of it, and of objects.
func TestRefreshCostsWhatChanged(t *testing.T) {
	g := newGuardedWorld(t, sqliteURL(t))
	for i := range 999 {
		name := fmt.Sprintf("bucket-%03d", i)
		g.put(name, nil)
		g.objects[home].Configure(name, plainConfiguration(""))
	}
	c := g.count()
	g.look(plainConfiguration(""))
	equal(t, "everything, at first", c.asked(), "1 buckets, 1000 configurations, 1000 listings, 1 blocks")
	g.objects[home].Configure("b", plainConfiguration(publicPolicy))
	g.tell(g.call("a", "PutBucketPolicy"))
	g.lookAtAll()
	equal(t, "one event", c.asked(), "1 buckets, 1 configurations, 0 listings, 1 blocks")
	equal(t, "finding", len(g.findings(home, nil)), 1)
	for i := range 1000 {
		g.tell(g.call(fmt.Sprint(i), "PutBucketTagging"), about("b", notify.ObjectCreated))
	}
	g.lookAtAll()
	equal(t, "a thousand events", c.asked(), "1 buckets, 1 configurations, 0 listings, 1 blocks")
	g.lookAtAll()
	equal(t, "nothing new", c.asked(), "0 buckets, 0 configurations, 0 listings, 0 blocks")
	g.objects[home].Put("b", source.Object{Key: "new.csv", LastModified: g.clock.Now()}, []byte("x"))
	g.clock.Advance(time.Minute)
	for range 1000 {
		g.tell(about("b", notify.ObjectCreated))
	}
	g.lookAtAll()
	equal(t, "objects, a minute later", c.asked(), "1 buckets, 1 configurations, 1 listings, 1 blocks")
	equal(t, "objects", *g.stored()["b"].ObjectCount, 2)
	equal(t, "waiting", g.waiting(), 0)
}

// TestToldAgainIsNotWritten counts transactions: object events of a bucket that waits to be counted write nothing.
func TestToldAgainIsNotWritten(t *testing.T) {
	g := newGuardedWorld(t, sqliteURL(t))
	g.look(plainConfiguration(""))
	var writes int
	g.service.cfg.DB = failing{g.db, func() (bool, bool) { writes++; return false, false }}
	for range 500 {
		g.tell(about("b", notify.ObjectCreated), about("b", notify.ObjectRemoved))
	}
	equal(t, "transactions that write", writes, 1)
	g.tell(g.call("a", "PutBucketPolicy"))
	equal(t, "transactions that write", writes, 2)
}

// TestCountingIsSpaced counts a large bucket the more rarely.
func TestCountingIsSpaced(t *testing.T) {
	g := newGuardedWorld(t, sqliteURL(t))
	g.look(plainConfiguration(""))
	for objects, want := range map[int64]time.Duration{0: time.Minute, 30_000: time.Minute, 600_000: 20 * time.Minute, 9_000_000: 5 * time.Hour} {
		must(t, g.db.Update(g.ctx, func(tx store.Tx) error {
			row, err := store.GetBucket(g.ctx, tx, home, "b")
			must(t, err)
			doc, _, err := readBucketRow(&row)
			must(t, err)
			doc.ObjectCount, row.CountedAt = wire.Ptr(objects), g.clock.Now().UnixMilli()
			row.Doc = wire.Marshal(doc)
			must(t, store.PutBucket(g.ctx, tx, home, row))
			due, err := countingDue(g.ctx, tx, Place{home, "b"}, g.clock.Now())
			equal(t, fmt.Sprint(objects), time.UnixMilli(due).Sub(g.clock.Now().Truncate(time.Millisecond)), want)
			return err
		}))
	}
}

// TestNewAndGoneBuckets tells of a bucket that is made, of one that is gone and of one that never was.
func TestNewAndGoneBuckets(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		g := newGuardedWorld(t, url)
		g.look(plainConfiguration(""))
		g.put("new", map[string]string{"k": "v"})
		g.tell(about("new", notify.ObjectCreated), about("never", notify.ObjectCreated))
		equal(t, "waiting", g.waiting(), 2)
		g.clock.Advance(time.Second)
		g.lookAtAll()
		equal(t, "objects of the new one", wire.Value(g.stored()["new"].ObjectCount), 1)
		equal(t, "buckets", len(g.stored()), 2)
		fresh := g.fresh()
		g.sources[home] = []source.Driver{fresh}
		g.clock.Advance(time.Second)
		g.tell(about("new", notify.BucketChanged))
		g.lookAtAll()
		_, there := g.stored()["new"]
		equal(t, "is there", there, false)
		equal(t, "waiting", g.waiting(), 0)
	})
}

// fresh is a source that has the bucket b only.
func (g *guardedWorld) fresh() source.Driver {
	return &oneBucket{&sourcetest.Faulty{Driver: g.objects[home], Fault: func(string, string, string) error { return nil }}}
}

type oneBucket struct{ *sourcetest.Faulty }

func (o *oneBucket) Buckets(context.Context) ([]source.Bucket, error) {
	return []source.Bucket{{Name: "b"}}, nil
}

// TestStoreIsAway keeps what was told until the store answers, and looks less and less often.
func TestStoreIsAway(t *testing.T) {
	g := newGuardedWorld(t, sqliteURL(t))
	g.look(plainConfiguration(""))
	away, tries := true, 0
	g.fault(func(step, _, _ string) error {
		if away && step == "buckets" {
			tries++
			return &source.Error{Kind: source.Unavailable, Op: step}
		}
		return nil
	})
	g.objects[home].Configure("b", plainConfiguration(publicPolicy))
	g.tell(g.call("a", "PutBucketPolicy"))
	for _, wait := range []time.Duration{10, 20, 40, 80} {
		g.lookAtAll()
		equal(t, "waiting", g.waiting(), 1)
		g.clock.Advance(wait*time.Second - 1*time.Second)
		asked := tries
		g.tell(g.call("a", "PutBucketPolicy"), about("b", notify.BucketChanged))
		g.lookAtAll()
		equal(t, "asked while it waits", tries-asked, 0)
		g.clock.Advance(time.Second)
	}
	away = false
	g.lookAtAll()
	equal(t, "who", *g.only().PolicyDetails.Actor.UserIdentity.IamUser.PrincipalId, "Pa")
	equal(t, "waiting", g.waiting(), 0)
}

// TestTooMuchIsTold tells of more buckets than rows are kept: then everything is read.
func TestTooMuchIsTold(t *testing.T) {
	g := newGuardedWorld(t, sqliteURL(t))
	g.look(plainConfiguration(""))
	var events []notify.Event
	for i := range maxTold + maxAtOnce/2 {
		events = append(events, about(fmt.Sprintf("invented-%05d", i), notify.ObjectCreated))
	}
	g.tell(events...)
	equal(t, "waiting, told all at once", g.waiting(), 1)
	for chunk := range slices.Chunk(events, maxAtOnce) {
		g.tell(chunk...)
	}
	equal(t, "waiting", g.waiting(), maxTold)
	calls := make([]notify.Event, 0, 3*maxCalls)
	for i := range cap(calls) {
		calls = append(calls, g.call(fmt.Sprint(i), "PutBucketTagging"))
	}
	calls = append(calls, g.call("last", "PutBucketPolicy"))
	must(t, g.db.Update(g.ctx, func(tx store.Tx) error { return store.DeleteNotification(g.ctx, tx, home, "invented-00000") }))
	must(t, g.db.Update(g.ctx, func(tx store.Tx) error { return store.DeleteNotification(g.ctx, tx, home, "invented-00001") }))
	g.tell(calls...)
	must(t, g.db.View(g.ctx, func(tx store.Tx) error {
		row, err := store.GetNotification(g.ctx, tx, home, "b")
		must(t, err)
		tale, err := readTale(row.Doc)
		equal(t, "requests kept", len(tale.Calls), maxCalls)
		equal(t, "the newest", tale.Calls[maxCalls-1].ID, "last")
		return err
	}))
}

// TestWhoseBucket tells of buckets that several accounts may have.
func TestWhoseBucket(t *testing.T) {
	g := newGuardedWorld(t, sqliteURL(t))
	g.enable(other)
	g.look(plainConfiguration(""))
	of := func(account string, events ...notify.Event) []Place {
		for i := range events {
			events[i].Account = account
		}
		return g.tell(events...)
	}
	setting := notify.Event{Bucket: "b", What: notify.ConfigurationChanged, Call: &notify.Call{API: "PutBucketPolicy"}}
	equal(t, "who knows it", of("", setting), []Place{{home, "b"}})
	equal(t, "its account", of(other.Account, setting), []Place{{other, "b"}})
	equal(t, "an account that is not served", of("999999999999", setting), []Place{{home, "b"}})
	setting.Bucket = "unknown"
	equal(t, "who may have it", of("", setting), []Place{{home, "unknown"}, {abroad, "unknown"}, {other, "unknown"}})
	places, err := g.service.Notify(g.ctx, nil, []notify.Event{setting})
	must(t, err)
	equal(t, "a sender that may tell of nobody", len(places), 0)
}

// TestNotifiedWhileDisabled keeps nothing for accounts without Macie, and leaves alone while it is suspended.
func TestNotifiedWhileDisabled(t *testing.T) {
	g := newGuardedWorld(t, sqliteURL(t))
	g.look(plainConfiguration(""))
	g.tell(g.call("a", "PutBucketPolicy"))
	_, err := g.service.UpdateMacieSession(g.ctx, &macie2.UpdateMacieSessionInput{Status: macie2.MacieStatusPaused})
	must(t, err)
	c := g.count()
	g.tell(g.call("b", "PutBucketPolicy"))
	g.lookAtAll()
	equal(t, "asked while suspended", c.asked(), "0 buckets, 0 configurations, 0 listings, 0 blocks")
	_, err = g.service.DisableMacie(g.ctx, &macie2.DisableMacieInput{})
	must(t, err)
	equal(t, "waiting", g.waiting(), 0)
	equal(t, "places", len(g.tell(g.call("c", "PutBucketPolicy"))), 3)
	equal(t, "waiting", g.waiting(), 0)
}

// TestOneFindingForOneTold breaks off every kind of transaction, between what is told and its effect, as a kill does: nothing that was
// acknowledged is lost, and each change is one occurrence with the one who made it.
func TestOneFindingForOneTold(t *testing.T) {
	g := newGuardedWorld(t, sqliteURL(t))
	g.look(plainConfiguration(""))
	r := rand.New(rand.NewPCG(6, 28))
	broken := failing{g.db, func() (bool, bool) { return r.IntN(3) == 0, r.IntN(3) == 0 }}
	g.service.cfg.DB, g.service.inventory.cfg.DB = broken, broken
	step := func(id, api string, c source.Configuration) {
		t.Helper()
		g.objects[home].Configure("b", c)
		g.clock.Advance(time.Minute)
		e := g.call(id, api)
		acknowledged := false
		for range 100 {
			if !acknowledged {
				_, err := g.service.Notify(g.Context(), tenants, []notify.Event{e})
				if err != nil && !errors.Is(err, errBroken) {
					t.Fatal(err)
				}
				acknowledged = err == nil
			}
			if acknowledged && g.waiting() == 0 {
				return
			}
			_, _ = g.service.lookOnce(g.Context(), reading) // may break off
			g.clock.Advance(lookingFor)
			// The server starts anew.
			must(t, g.db.Update(g.ctx, func(tx store.Tx) error { return store.ReleaseNotifications(g.ctx, tx, home) }))
		}
		t.Fatal("it never came to an end")
	}
	for i := range 15 {
		step(fmt.Sprint("open ", i), "PutBucketPolicy", plainConfiguration(publicPolicy))
		f := g.only()
		equal(t, "occurrences", *f.Count, int64(i+1))
		equal(t, "who", *f.PolicyDetails.Actor.UserIdentity.IamUser.PrincipalId, fmt.Sprint("Popen ", i))
		step(fmt.Sprint("close ", i), "DeleteBucketPolicy", plainConfiguration(""))
	}
}

// TestTwoServersLookOnce lets servers look at the same things at once.
func TestTwoServersLookOnce(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		g := newGuardedWorld(t, url)
		g.look(plainConfiguration(""))
		for i := range 5 {
			g.objects[home].Configure("b", plainConfiguration(publicPolicy))
			g.clock.Advance(time.Minute)
			e := g.call(fmt.Sprint(i), "PutBucketPolicy")
			done := make(chan error)
			for range 3 {
				go func() {
					_, err := g.service.Notify(g.Context(), tenants, []notify.Event{e})
					if err == nil {
						_, err = g.service.lookOnce(g.Context(), reading)
					}
					done <- err
				}()
			}
			for range 3 {
				must(t, <-done)
			}
			g.lookAtAll()
			equal(t, "count", *g.only().Count, int64(i+1))
			g.look(plainConfiguration(""))
		}
	})
}

// TestLookAtTold lets the loop do it.
func TestLookAtTold(t *testing.T) {
	g := newGuardedWorld(t, sqliteURL(t))
	g.look(plainConfiguration(""))
	read := make(chan struct{}, 10)
	g.fault(func(step, _, _ string) error {
		if step == "buckets" {
			read <- struct{}{}
		}
		return nil
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); g.service.LookAtTold(ctx) }()
	g.objects[home].Configure("b", plainConfiguration(publicPolicy))
	g.tell(g.call("a", "PutBucketPolicy"))
	select {
	case <-read:
	case <-time.After(patience):
		t.Fatal("nobody looks")
	}
	stop()
	<-ended
	g.lookAtAll() // what the stop cut off
	equal(t, "count", *g.only().Count, 1)
}

// TestCountingHoldsNothingUp opens a bucket while its objects are counted: that is found at once, and the counts are kept all the same. What is
// told of objects meanwhile has them counted again.
func TestCountingHoldsNothingUp(t *testing.T) {
	g := newGuardedWorld(t, sqliteURL(t))
	g.look(plainConfiguration(""))
	held, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	g.fault(func(step, _, _ string) error {
		if step == "list" {
			once.Do(func() { close(held); <-goOn })
		}
		return nil
	})
	g.objects[home].Put("b", source.Object{Key: "new.csv", LastModified: g.clock.Now()}, []byte("x"))
	g.tell(about("b", notify.ObjectCreated))
	g.clock.Advance(time.Minute)
	counted := make(chan error)
	go func() {
		_, err := g.service.lookOnce(g.Context(), counting)
		counted <- err
	}()
	<-held
	g.clock.Advance(time.Second)
	g.objects[home].Configure("b", plainConfiguration(publicPolicy))
	g.tell(g.call("a", "PutBucketPolicy"), about("b", notify.ObjectCreated))
	_, err := g.service.lookOnce(g.Context(), reading)
	must(t, err)
	equal(t, "who", *g.only().PolicyDetails.Actor.UserIdentity.IamUser.PrincipalId, "Pa")
	equal(t, "objects", *g.stored()["b"].ObjectCount, 1)
	close(goOn)
	must(t, <-counted)
	equal(t, "objects", *g.stored()["b"].ObjectCount, 2)
	equal(t, "permission", string(g.stored()["b"].PublicAccess.EffectivePermission), "PUBLIC")
	equal(t, "waiting", g.waiting(), 1)
	g.clock.Advance(time.Minute)
	g.lookAtAll()
	equal(t, "waiting", g.waiting(), 0)
	equal(t, "count", *g.only().Count, 1)
}

// TestToldLate tells who made a change after the schedule has seen it.
func TestToldLate(t *testing.T) {
	for _, v := range []struct {
		name  string
		after time.Duration // the message comes so long after the change was seen
		made  time.Duration // the request was made so long after the change was seen
		api   string
		who   bool
	}{
		{"soon", time.Second, -30 * time.Second, "PutBucketPolicy", true},
		{"an hour later", time.Hour, -30 * time.Second, "PutBucketPolicy", true},
		{"two days later", 48 * time.Hour, -30 * time.Second, "PutBucketPolicy", false},
		{"of a request behind it", time.Minute, time.Second, "PutBucketPolicy", false},
		{"of a request long before", time.Minute, -time.Hour, "PutBucketPolicy", false},
		{"of another setting", time.Minute, -30 * time.Second, "PutBucketAcl", false},
		{"of the contrary", time.Minute, -30 * time.Second, "DeleteBucketPolicy", false},
	} {
		t.Run(v.name, func(t *testing.T) {
			g := newGuardedWorld(t, sqliteURL(t))
			g.look(plainConfiguration(""))
			g.look(plainConfiguration(publicPolicy))
			equal(t, "at first", g.only().PolicyDetails.Actor, nil)
			seen := g.clock.Now()
			g.clock.Advance(v.after)
			g.tell(g.call("late", v.api, func(e *notify.Event) { e.Time = seen.Add(v.made) }))
			g.lookAtAll()
			f := g.only()
			equal(t, "count", *f.Count, 1)
			if got := f.PolicyDetails.Actor != nil; got != v.who {
				t.Fatalf("there is an actor: %v", got)
			}
			if !v.who {
				return
			}
			equal(t, "first seen", *f.PolicyDetails.Action.ApiCallDetails.FirstSeen, wire.TimeOf(seen.Add(v.made)))
			equal(t, "created", *f.CreatedAt, wire.TimeOf(seen))
			g.clock.Advance(time.Second)
			g.tell(g.call("later", v.api, func(e *notify.Event) { e.Time = seen.Add(v.made + time.Second) }))
			g.lookAtAll()
			equal(t, "who", *g.only().PolicyDetails.Actor.UserIdentity.IamUser.PrincipalId, "Plate")
		})
	}
}
