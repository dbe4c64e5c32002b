package macie

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// TestInventoryOfAStore watches the buckets of a real S3 server behind a proxy that adds what it does not answer, and that fails.
func TestInventoryOfAStore(t *testing.T) {
	s3test.Start(t).Close() // the server's own goroutines are there before those of the test are counted
	w := newWorld(t)
	bench := s3test.Start(t)
	store, err := s3.New(s3.Options{Endpoint: bench.URL, Region: s3test.Region, Account: home.Account, Credentials: credentials.NewStaticCredentialsProvider(s3test.AccessKey, s3test.SecretKey, ""),
		Retry: s3.Retry{Attempts: 2, Base: time.Millisecond, Max: time.Millisecond}})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	w.sources[home] = []source.Driver{store}
	watcher := w.watched(time.Minute, time.Minute)
	for _, name := range []string{"open", "sealed", "slow"} {
		bench.CreateBucket(t, name)
		bench.Fill(t, name, map[string]string{"people.csv": people(3), "2026/note.txt": "nothing"})
		bench.Configure(name, plainConfiguration(""))
	}
	bench.ConfigureAccount(source.Absent[source.PublicAccessBlock](""))
	look := func() map[string]macie2.BucketMetadata {
		t.Helper()
		w.clock.Advance(time.Minute)
		watcher.Look(t.Context())
		return w.stored()
	}
	types := func() string {
		var names []string
		for _, f := range w.findings(home, nil) {
			names = append(names, strings.TrimPrefix(string(f.Type), "Policy:IAMUser/")+" "+*f.ResourcesAffected.S3Bucket.Name)
		}
		return strings.Join(names, ", ")
	}
	for name, m := range look() {
		if m.ErrorMessage != nil || wire.Value(m.ObjectCount) != 2 || m.PublicAccess.EffectivePermission != macie2.EffectivePermissionNotPublic ||
			m.SharedAccess != macie2.SharedAccessNotShared || m.AllowsUnencryptedObjectUploads != macie2.AllowsUnencryptedObjectUploadsTrue {
			t.Errorf("%s: %s", name, wire.Marshal(&m))
		}
	}
	equal(t, "findings at first sight", types(), "")

	sealed := bench.On(s3test.Rule{Op: "ListObjectsV2", Bucket: "sealed", Do: s3test.AccessDenied})
	slow := bench.On(s3test.Rule{Op: "ListObjectsV2", Bucket: "slow", Do: s3test.SlowDown})
	open := plainConfiguration(strings.ReplaceAll(publicPolicy, ":::b/", ":::open/"))
	bench.Configure("open", open)
	all := look()
	if m := all["open"]; m.PublicAccess.EffectivePermission != macie2.EffectivePermissionPublic || m.SharedAccess != macie2.SharedAccessExternal {
		t.Errorf("%s", wire.Marshal(&m))
	}
	if m := all["sealed"]; m.ErrorCode != macie2.BucketMetadataErrorCodeAccessDenied || m.ObjectCount != nil {
		t.Errorf("%s", wire.Marshal(&m))
	}
	if m := all["slow"]; m.ErrorMessage != nil || wire.Value(m.ObjectCount) != 2 {
		t.Errorf("a bucket that answers SlowDown keeps what was read: %s", wire.Marshal(&m))
	}
	equal(t, "findings", types(), "S3BucketPublic open")

	// The policy may not be read any more: nothing is known, nothing is cleared, nothing is raised.
	denied := open
	denied.Policy = source.Denied[string]("refused")
	bench.Configure("open", denied)
	if m := look()["open"]; m.PublicAccess.EffectivePermission != macie2.EffectivePermissionUnknown || m.ErrorCode != "" {
		t.Errorf("%s", wire.Marshal(&m))
	}
	sealed.Remove()
	slow.Remove()
	bench.Configure("open", open)
	for name, m := range look() {
		if m.ErrorMessage != nil || wire.Value(m.ObjectCount) != 2 {
			t.Errorf("%s has not recovered: %s", name, wire.Marshal(&m))
		}
	}
	equal(t, "findings", types(), "S3BucketPublic open")
	equal(t, "count", *w.findings(home, nil)[0].Count, 1)

	w.setDiscovery(discoveryOn, "")
	w.start()
	watcher.Look(t.Context())
	w.wait(discoveryJob)
	equal(t, "sensitive and public", len(w.findings(home, &macie2.FindingCriteria{Criterion: map[string]macie2.CriterionAdditionalProperties{
		"classificationDetails.originType": {Eq: []string{"AUTOMATED_SENSITIVE_DATA_DISCOVERY"}}, "resourcesAffected.s3Bucket.publicAccess.effectivePermission": {Eq: []string{"PUBLIC"}}}})), 1)
	for name, m := range w.buckets(macie2.DescribeBucketsInput{}) {
		if *m.SensitivityScore < 51 {
			t.Errorf("%d: score %d", name, *m.SensitivityScore)
		}
	}
}
