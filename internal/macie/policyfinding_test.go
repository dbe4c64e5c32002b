package macie

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

const (
	publicPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}`
	sharedPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999988887777:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}`
	cloudPolicy  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*",
		"Condition":{"StringEquals":{"aws:SourceArn":"arn:aws:cloudfront::123456789012:distribution/E1"}}}]}`
)

// A guarded world has a bucket b whose configuration a test changes, and reads it when it is told to.
type guardedWorld struct {
	*world
	watcher *Watcher
}

func newGuardedWorld(t *testing.T, url string) *guardedWorld {
	w := newWorldOn(t, url)
	g := &guardedWorld{w, w.watched(time.Minute, 24*time.Hour)}
	w.put("b", map[string]string{"a.csv": "x"})
	w.objects[home].SetAccountPublicAccessBlock(source.Absent[source.PublicAccessBlock](""))
	return g
}

// look sets the configuration of b and reads it a minute later.
func (g *guardedWorld) look(c source.Configuration) {
	g.Helper()
	g.objects[home].Configure("b", c)
	g.clock.Advance(time.Minute)
	must(g, g.watcher.refresh(g.Context(), home))
}

// policies returns the policy findings by type: how often they occurred.
func (g *guardedWorld) policies() map[string]int64 {
	g.Helper()
	counts := map[string]int64{}
	for _, f := range g.findings(home, &macie2.FindingCriteria{Criterion: map[string]macie2.CriterionAdditionalProperties{"category": {Eq: []string{"POLICY"}}}}) {
		name := strings.TrimPrefix(string(f.Type), "Policy:IAMUser/")
		if counts[name] != 0 {
			g.Errorf("two findings of type %s", f.Type)
		}
		counts[name] = *f.Count
	}
	return counts
}

func with(change func(*source.Configuration)) source.Configuration {
	c := plainConfiguration("")
	change(&c)
	return c
}

func replicatedTo(accounts ...source.Fact[string]) source.Configuration {
	return with(func(c *source.Configuration) {
		var rules []source.ReplicationRule
		for i, a := range accounts {
			rules = append(rules, source.ReplicationRule{ID: fmt.Sprint(i), Enabled: true, Bucket: source.Known("arn:aws:s3:::copy"), Account: a})
		}
		c.Replication = source.Known(rules)
	})
}

// TestPolicyFindingTypes changes a bucket for the worse in each way.
func TestPolicyFindingTypes(t *testing.T) {
	plain := plainConfiguration("")
	blocked := with(func(c *source.Configuration) {
		c.PublicAccessBlock = source.Known(source.PublicAccessBlock{BlockPublicACLs: true})
	})
	unblocked := with(func(c *source.Configuration) { c.PublicAccessBlock = source.Known(source.PublicAccessBlock{}) })
	open := with(func(c *source.Configuration) {
		c.Ownership = source.Known("ObjectWriter")
		c.ACL = source.Known([]source.Grant{{GranteeType: "Group", Grantee: source.AllUsers, Permission: "READ"}})
	})
	restricted := func(block source.PublicAccessBlock) source.Configuration {
		return with(func(c *source.Configuration) {
			c.Policy = source.Known(publicPolicy)
			c.PublicAccessBlock = source.Known(block)
		})
	}
	encrypted := func(kind string) source.Configuration {
		return with(func(c *source.Configuration) { c.Encryption = source.Known(kind) })
	}
	for _, v := range []struct {
		name          string
		before, after source.Configuration
		want, api     string // "type type", the call of the last
	}{
		{"nothing", plain, plain, "", ""},
		{"public by policy", plain, plainConfiguration(publicPolicy), "S3BucketPublic", "PutBucketPolicy"},
		{"public by ACL", with(func(c *source.Configuration) { c.Ownership = source.Known("ObjectWriter") }), open, "S3BucketPublic", "PutBucketAcl"},
		{"public by ownership", with(func(c *source.Configuration) { c.ACL = open.ACL }), open, "S3BucketPublic", "PutBucketOwnershipControls"},
		{"public as a block goes", restricted(source.PublicAccessBlock{RestrictPublicBuckets: true, BlockPublicACLs: true}),
			restricted(source.PublicAccessBlock{BlockPublicACLs: true}), "S3BucketPublic", "PutBucketPublicAccessBlock"},
		{"no longer public", plainConfiguration(publicPolicy), plain, "", ""},
		{"shared", plain, plainConfiguration(sharedPolicy), "S3BucketSharedExternally", "PutBucketPolicy"},
		{"shared with one more", plainConfiguration(sharedPolicy),
			plainConfiguration(strings.Replace(sharedPolicy, `"arn:aws:iam::999988887777:root"`, `["999988887777","555566667777"]`, 1)), "S3BucketSharedExternally", "PutBucketPolicy"},
		{"another role of the same account", plainConfiguration(sharedPolicy),
			plainConfiguration(strings.Replace(sharedPolicy, `:root`, `:role/r`, 1)), "", ""},
		{"shared with one less", plainConfiguration(strings.Replace(sharedPolicy, `"arn:aws:iam::999988887777:root"`, `["999988887777","555566667777"]`, 1)),
			plainConfiguration(sharedPolicy), "", ""},
		{"shared with CloudFront", plain, plainConfiguration(cloudPolicy), "S3BucketSharedWithCloudFront", "PutBucketPolicy"},
		{"shared with both", plain, plainConfiguration(strings.Replace(cloudPolicy, `"Statement":[`, `"Statement":[{"Effect":"Allow","Principal":{"AWS":"999988887777"},
			"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"},`, 1)), "S3BucketSharedExternally", "PutBucketPolicy"},
		{"replicated", plain, replicatedTo(source.Known("999988887777")), "S3BucketReplicatedExternally", "PutBucketReplication"},
		{"replicated at home", plain, replicatedTo(source.Known(home.Account)), "", ""},
		{"replicated, to whom is unknown", plain, replicatedTo(source.Absent[string]("")), "", ""},
		{"replicated, to whom is partly unknown", plain, replicatedTo(source.Absent[string](""), source.Known("999988887777")), "S3BucketReplicatedExternally", "PutBucketReplication"},
		{"replicated to one more", replicatedTo(source.Known("999988887777")), replicatedTo(source.Known("999988887777"), source.Known("555566667777")), "S3BucketReplicatedExternally", "PutBucketReplication"},
		{"blocks off", blocked, unblocked, "S3BlockPublicAccessDisabled", "PutBucketPublicAccessBlock"},
		{"blocks removed", blocked, plain, "S3BlockPublicAccessDisabled", "DeleteBucketPublicAccessBlock"},
		{"one of two blocks off", with(func(c *source.Configuration) {
			c.PublicAccessBlock = source.Known(source.PublicAccessBlock{BlockPublicACLs: true, IgnorePublicACLs: true})
		}), blocked, "", ""},
		{"encryption reset", encrypted("aws:kms"), plain, "S3BucketEncryptionDisabled", "DeleteBucketEncryption"},
		{"encryption reset from two layers", encrypted("aws:kms:dsse"), plain, "S3BucketEncryptionDisabled", "DeleteBucketEncryption"},
		{"encryption removed", plain, with(func(c *source.Configuration) { c.Encryption = source.Absent[string]("") }), "S3BucketEncryptionDisabled", "DeleteBucketEncryption"},
		{"another encryption", encrypted("aws:kms:dsse"), encrypted("aws:kms"), "", ""},
		{"stronger encryption", plain, encrypted("aws:kms"), "", ""},
		{"all at once", with(func(c *source.Configuration) {
			c.PublicAccessBlock, c.Encryption = blocked.PublicAccessBlock, source.Known("aws:kms")
		}),
			with(func(c *source.Configuration) {
				c.Policy, c.Replication = source.Known(publicPolicy), replicatedTo(source.Known("999988887777")).Replication
			}),
			"S3BlockPublicAccessDisabled S3BucketEncryptionDisabled S3BucketPublic S3BucketReplicatedExternally", "PutBucketReplication"},
	} {
		t.Run(v.name, func(t *testing.T) {
			g := newGuardedWorld(t, sqliteURL(t))
			g.look(v.before)
			equal(t, "at first sight", len(g.policies()), 0)
			g.look(v.after)
			g.look(v.after) // is no change
			var got []string
			for kind, count := range g.policies() {
				got = append(got, kind)
				equal(t, kind+": count", count, 1)
			}
			slices.Sort(got)
			equal(t, "findings", strings.Join(got, " "), v.want)
			if v.want == "" {
				return
			}
			last := v.want[strings.LastIndexByte(v.want, ' ')+1:]
			only := g.findings(home, &macie2.FindingCriteria{Criterion: map[string]macie2.CriterionAdditionalProperties{
				"type": {Eq: []string{"Policy:IAMUser/" + last}}, "policyDetails.action.apiCallDetails.api": {Eq: []string{v.api}},
				"policyDetails.action.actionType": {Eq: []string{"AWS_API_CALL"}}, "policyDetails.action.apiCallDetails.apiServiceName": {Eq: []string{"s3.amazonaws.com"}},
				"policyDetails.action.apiCallDetails.lastSeen": {Gte: wire.Ptr(g.clock.Now().Add(-time.Minute).UnixMilli())},
			}})
			equal(t, "found by its details", len(only), 1)
		})
	}
}

// TestPolicyFindingUpdates lets a bucket become public again and again: one finding counts the occurrences.
func TestPolicyFindingUpdates(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		g := newGuardedWorld(t, url)
		get := func() macie2.Finding {
			t.Helper()
			all := g.findings(home, nil)
			equal(t, "findings", len(all), 1)
			return all[0]
		}
		g.look(plainConfiguration(""))
		g.look(plainConfiguration(publicPolicy))
		first := get()
		golden(t, "finding-public-bucket.json", wire.Marshal(&first))
		g.look(plainConfiguration(""))
		equal(t, "a finding is not touched when it is over", string(wire.Marshal(wire.Ptr(get()))), string(wire.Marshal(&first)))
		open := with(func(c *source.Configuration) {
			c.Ownership, c.Tags = source.Known("ObjectWriter"), source.Known([]source.Tag{{Key: "stage", Value: "prod"}})
			c.ACL = source.Known([]source.Grant{{GranteeType: "Group", Grantee: source.AllUsers, Permission: "FULL_CONTROL"}})
		})
		g.look(open)
		second := get()
		equal(t, "id", *second.Id, *first.Id)
		equal(t, "count", *second.Count, 2)
		equal(t, "created", *second.CreatedAt, *first.CreatedAt)
		equal(t, "updated", *second.UpdatedAt, wire.TimeOf(g.clock.Now()))
		details := second.PolicyDetails.Action.ApiCallDetails
		equal(t, "first seen", *details.FirstSeen, *first.CreatedAt)
		equal(t, "last seen", *details.LastSeen, *second.UpdatedAt)
		equal(t, "call", *details.Api, "PutBucketAcl")
		equal(t, "tags", *second.ResourcesAffected.S3Bucket.Tags[0].Value, "prod")
		equal(t, "found by its tag", len(g.findings(home, &macie2.FindingCriteria{Criterion: map[string]macie2.CriterionAdditionalProperties{
			"resourcesAffected.s3Bucket.tags.key": {EqExactMatch: []string{"stage"}}, "count": {Gt: wire.Ptr[int64](1)},
			"resourcesAffected.s3Bucket.publicAccess.effectivePermission":                                                                      {Eq: []string{"PUBLIC"}},
			"resourcesAffected.s3Bucket.publicAccess.permissionConfiguration.bucketLevelPermissions.accessControlList.allowsPublicWriteAccess": {Eq: []string{"true"}},
		}})), 1)
		// The bucket goes and comes back public: it is seen for the first time.
		g.objects[home].CreateBucket(source.Bucket{Name: "c"})
		g.fault(func(step, _, _ string) error { return nil })
		must(t, g.db.Update(g.ctx, func(tx store.Tx) error { return store.DeleteBucket(g.ctx, tx, home, "b") }))
		g.look(open)
		equal(t, "count", *get().Count, 2)
	})
}

// TestPolicyFindingsOfWhatWas reports what is exposed at first sight, if that is asked for, once.
func TestPolicyFindingsOfWhatWas(t *testing.T) {
	g := newGuardedWorld(t, sqliteURL(t))
	g.service.inventory.cfg.ReportExisting = true
	c := replicatedTo(source.Known("999988887777"))
	c.Policy = source.Known(publicPolicy)
	g.look(c)
	g.look(c)
	equal(t, "findings", g.policies(), map[string]int64{"S3BucketPublic": 1, "S3BucketReplicatedExternally": 1})
	g.put("d", nil)
	shared := plainConfiguration(strings.ReplaceAll(sharedPolicy, ":::b/", ":::d/"))
	g.objects[home].Configure("d", shared)
	g.look(c)
	equal(t, "findings", g.policies(), map[string]int64{"S3BucketPublic": 1, "S3BucketReplicatedExternally": 1, "S3BucketSharedExternally": 1})
}

// TestPolicyFindingAfterJob lets a job meet the bucket first, which leaves no baseline.
func TestPolicyFindingAfterJob(t *testing.T) {
	g := newGuardedWorld(t, sqliteURL(t))
	g.service.inventory.cfg.ReportExisting = true
	g.objects[home].Configure("b", plainConfiguration(publicPolicy))
	g.start()
	g.run("b")
	equal(t, "findings of a job's glance", len(g.policies()), 0)
	g.look(plainConfiguration(publicPolicy))
	equal(t, "findings", g.policies(), map[string]int64{"S3BucketPublic": 1})
}

// TestUnknownIsNoChange makes facts unknown in between: that neither raises nor clears anything.
func TestUnknownIsNoChange(t *testing.T) {
	plain, open := plainConfiguration(""), replicatedTo(source.Known("999988887777"))
	open.Policy, open.Encryption = source.Known(strings.Replace(publicPolicy, `"Statement":[`, `"Statement":[{"Effect":"Allow","Principal":{"AWS":"999988887777"},
		"Action":"s3:*","Resource":"*"},`, 1)), source.Known("AES256")
	plain.Encryption = source.Known("aws:kms")
	plain.PublicAccessBlock = source.Known(source.PublicAccessBlock{BlockPublicPolicy: true})
	all := map[string]int64{"S3BucketPublic": 1, "S3BucketSharedExternally": 1, "S3BucketReplicatedExternally": 1, "S3BlockPublicAccessDisabled": 1, "S3BucketEncryptionDisabled": 1}
	denied := source.Configuration{}
	t.Run("unknown at first", func(t *testing.T) {
		g := newGuardedWorld(t, sqliteURL(t))
		g.look(denied)
		g.look(open)
		equal(t, "findings", len(g.policies()), 0)
	})
	t.Run("unknown between", func(t *testing.T) {
		g := newGuardedWorld(t, sqliteURL(t))
		for _, c := range []source.Configuration{plain, denied, plain, denied, open, denied, open, denied} {
			g.look(c)
		}
		equal(t, "findings", g.policies(), all)
	})
	t.Run("a bucket that cannot be read", func(t *testing.T) {
		g := newGuardedWorld(t, sqliteURL(t))
		g.look(plain)
		g.service.inventory.cfg.Recount = time.Second
		refuse := true
		g.fault(func(step, _, _ string) error {
			if step == "list" && refuse {
				return &source.Error{Kind: source.AccessDenied, Op: step, Bucket: "b"}
			}
			return nil
		})
		g.look(open)
		equal(t, "error", string(g.stored()["b"].ErrorCode), "ACCESS_DENIED")
		equal(t, "findings", len(g.policies()), 0)
		refuse = false
		g.look(open)
		equal(t, "findings", g.policies(), all)
		equal(t, "counted again", wire.Value(g.stored()["b"].ObjectCount), 1)
	})
}

// TestGuardAdvances holds advance to a plain reading of the rule on random histories: an aspect is raised when it is surely there and was, when
// it was last known, surely not.
func TestGuardAdvances(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	answers := []resource.Answer{resource.Yes, resource.No, resource.Uncertain}
	random := func() guard {
		pick := func() resource.Answer { return answers[r.IntN(3)] }
		p := func() (p parties) {
			p.Known = r.IntN(3) > 0
			for _, name := range []string{"a", "b"} {
				if r.IntN(2) == 0 {
					p.List = append(p.List, name)
				}
			}
			return p
		}
		return guard{Public: pick(), BlocksOff: pick(), CloudFront: pick(), Outside: p(), Replicated: p(), Encryption: []string{"", "NONE", "AES256", "aws:kms"}[r.IntN(4)]}
	}
	raised := 0
	for range 2000 {
		var baseline *guard
		public, parts := resource.Uncertain, map[string]bool{}
		known := false
		for range 8 {
			now := random()
			next, changes := baseline.advance(now, false)
			has := func(kind macie2.FindingType) bool {
				return slices.ContainsFunc(changes, func(c change) bool { return c.kind == kind })
			}
			if want := public == resource.No && now.Public == resource.Yes; has(macie2.FindingTypePolicyIAMUserS3BucketPublic) != want {
				t.Fatalf("public: raised %v, want %v: %+v then %+v", !want, want, baseline, now)
			}
			if now.Public != resource.Uncertain {
				public = now.Public
			}
			grown := false
			for _, party := range now.Outside.List {
				grown = grown || known && !parts[party]
			}
			if has(macie2.FindingTypePolicyIAMUserS3BucketSharedExternally) != grown {
				t.Fatalf("shared: want %v: %+v then %+v", grown, baseline, now)
			}
			if now.Outside.Known {
				clear(parts)
				known = true
			}
			for _, party := range now.Outside.List {
				parts[party] = parts[party] || known
			}
			if again, more := next.advance(now, false); len(more) > 0 || string(fmt.Appendf(nil, "%+v", again)) != string(fmt.Appendf(nil, "%+v", next)) {
				t.Fatalf("the same again raises %v: %+v", more, now)
			}
			raised += len(changes)
			baseline = next
		}
	}
	if raised < 1000 {
		t.Errorf("only %d changes", raised)
	}
}

// A failing database breaks off some transactions, before their commit or behind it.
type failing struct {
	store.DB
	fail func() (before, behind bool)
}

func (d failing) Update(ctx context.Context, fn func(store.Tx) error) error {
	before, behind := d.fail()
	err := d.DB.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil || !before {
			return err
		}
		return errBroken
	})
	if err == nil && behind {
		return errBroken
	}
	return err
}

// TestOneFindingForOneChange breaks readings off at every transaction, as a kill does: each change is one occurrence in the end.
func TestOneFindingForOneChange(t *testing.T) {
	g := newGuardedWorld(t, sqliteURL(t))
	r := rand.New(rand.NewPCG(1, 7))
	g.service.inventory.cfg.DB = failing{g.db, func() (bool, bool) { return r.IntN(3) == 0, r.IntN(3) == 0 }}
	look := func(c source.Configuration) {
		g.objects[home].Configure("b", c)
		g.clock.Advance(time.Minute)
		for range 100 {
			if g.service.inventory.read(g.Context(), home, scheduled, "") == nil {
				return
			}
		}
		t.Fatal("it never came to an end")
	}
	look(plainConfiguration(""))
	for i := range 20 {
		look(plainConfiguration(publicPolicy))
		equal(t, "occurrences", g.policies(), map[string]int64{"S3BucketPublic": int64(i + 1)})
		look(plainConfiguration(""))
	}
}

// TestSensitiveAndPublic asks in one call for the objects with sensitive data in public buckets.
func TestSensitiveAndPublic(t *testing.T) {
	g := newGuardedWorld(t, sqliteURL(t))
	g.put("b", map[string]string{"people.csv": people(3), "note.txt": "nothing"})
	g.put("private", map[string]string{"people.csv": people(3)})
	g.objects[home].Configure("private", plainConfiguration(""))
	g.look(plainConfiguration(publicPolicy))
	g.start()
	g.run("b", "private")
	ask := func(permission string) (paths []string) {
		for _, f := range g.findings(home, &macie2.FindingCriteria{Criterion: map[string]macie2.CriterionAdditionalProperties{
			"category": {Eq: []string{"CLASSIFICATION"}}, "resourcesAffected.s3Bucket.publicAccess.effectivePermission": {Eq: []string{permission}},
			"classificationDetails.result.sensitiveData.category": {Eq: []string{"PERSONAL_INFORMATION"}},
		}}) {
			paths = append(paths, *f.ResourcesAffected.S3Object.Path)
			equal(t, "owner", *f.ResourcesAffected.S3Bucket.Owner.DisplayName, "owner")
		}
		return paths
	}
	equal(t, "sensitive and public", ask("PUBLIC"), []string{"b/people.csv"})
	equal(t, "sensitive and not public", ask("NOT_PUBLIC"), []string{"private/people.csv"})
}
