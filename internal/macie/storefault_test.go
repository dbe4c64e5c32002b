package macie

import (
	"net/http"
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

// TestFaultsOfAStore does everything that stores do to one of two buckets of a real S3 server: it fails alone and visibly, nothing is raised for it,
// and it is as before as soon as the store is, without a restart.
func TestFaultsOfAStore(t *testing.T) {
	s3test.Start(t).Close() // the server's own goroutines are there before those of the test are counted
	w := newWorld(t)
	bench := s3test.Start(t)
	driver, err := s3.New(s3.Options{Endpoint: bench.URL, Region: s3test.Region, Account: home.Account,
		Credentials: credentials.NewStaticCredentialsProvider(s3test.AccessKey, s3test.SecretKey, ""),
		Retry:       s3.Retry{Attempts: 2, Base: time.Microsecond, Max: time.Millisecond, Attempt: 5 * time.Second}})
	must(t, err)
	t.Cleanup(func() { must(t, driver.Close()) })
	w.sources[home] = []source.Driver{driver}
	watcher := w.watched(time.Minute, time.Minute)
	bench.ConfigureAccount(source.Absent[source.PublicAccessBlock](""))
	fill := func(bucket string) {
		bench.CreateBucket(t, bucket)
		bench.Fill(t, bucket, map[string]string{"people.csv": people(3), "2026/note.txt": "nothing"})
		bench.Configure(bucket, plainConfiguration(""))
	}
	fill("ill")
	fill("well")
	look := func() map[string]macie2.BucketMetadata {
		t.Helper()
		w.clock.Advance(time.Minute)
		watcher.Look(t.Context())
		return w.stored()
	}
	sound := func(when string, m macie2.BucketMetadata) {
		t.Helper()
		if m.ErrorMessage != nil || m.ErrorCode != "" || wire.Value(m.ObjectCount) != 2 || m.PublicAccess.EffectivePermission != macie2.EffectivePermissionNotPublic {
			t.Errorf("%s: %s", when, wire.Marshal(&m))
		}
	}
	before := look()
	sound("before", before["ill"])

	// What a fault makes of the bucket. Of what may pass it keeps what was read; the log says why.
	denied := func(m macie2.BucketMetadata) bool {
		return m.ErrorCode == macie2.BucketMetadataErrorCodeAccessDenied && m.ErrorMessage != nil && m.ObjectCount == nil
	}
	failed := func(words string) func(macie2.BucketMetadata) bool {
		return func(m macie2.BucketMetadata) bool {
			return m.ErrorCode == "" && strings.Contains(wire.Value(m.ErrorMessage), words) && m.ObjectCount == nil
		}
	}
	kept := func(m macie2.BucketMetadata) bool {
		return m.ErrorMessage == nil && wire.Value(m.ObjectCount) == 2 && *m.LastUpdated < wire.TimeOf(w.clock.Now()) && strings.Contains(w.log.String(), "bucket=ill")
	}
	unknown := func(why string) func(macie2.BucketMetadata) bool {
		return func(m macie2.BucketMetadata) bool {
			return m.ErrorCode == "" && wire.Value(m.ErrorMessage) == accessUnknown+why+"." && wire.Value(m.ObjectCount) == 2 &&
				m.PublicAccess.EffectivePermission == macie2.EffectivePermissionUnknown
		}
	}
	same := func(m macie2.BucketMetadata) bool {
		return m.ErrorMessage == nil && wire.Value(m.ObjectCount) == 2 && m.PublicAccess.EffectivePermission == macie2.EffectivePermissionNotPublic
	}
	policy := func(body string) s3test.Reply { return s3test.Answer(http.StatusOK, "application/json", body) }
	for _, test := range []struct {
		name, op string
		do       s3test.Reply
		want     func(macie2.BucketMetadata) bool
	}{
		{"listing denied", "ListObjectsV2", s3test.AccessDenied, denied},
		{"key revoked", "ListObjectsV2", s3test.InvalidKey, denied},
		{"credentials expired", "ListObjectsV2", s3test.ExpiredToken, kept},
		{"clock", "ListObjectsV2", s3test.Skewed, kept},
		{"slow down", "ListObjectsV2", s3test.SlowDown, kept},
		{"internal error", "ListObjectsV2", s3test.InternalError, kept},
		{"connection dropped", "ListObjectsV2", s3test.Drop, kept},
		{"body cut off", "ListObjectsV2", s3test.Cut(100), kept},
		{"bucket gone while it is listed", "ListObjectsV2", s3test.NoSuchBucket, failed("does not exist")},
		{"redirect to nowhere", "ListObjectsV2", s3test.Answer(http.StatusFound, "text/html", ""), failed("could not be read")},
		{"a page for people", "ListObjectsV2", s3test.NotXML, failed("could not be read")},
		{"nothing", "ListObjectsV2", s3test.Empty, failed("could not be read")},
		{"keys told twice", "ListObjectsV2", s3test.Twice, same},
		{"everything denied", "", s3test.AccessDenied, denied},
		{"everything slow", "", s3test.SlowDown, kept},
		{"everything dropped", "", s3test.Drop, kept},
		{"policy denied", "GetBucketPolicy", s3test.AccessDenied, unknown("bucket policy: AccessDenied (status 403)")},
		{"policy that does not parse", "GetBucketPolicy", policy(`{"Version":"2012-10-17","Statement":[`), unknown("bucket policy: the policy does not parse: no JSON at byte 37")},
		{"policy of another kind", "GetBucketPolicy", policy(`{"Version":"2012-10-17","Statement":[{"Effect":"Perhaps","Principal":"*","Action":"s3:*","Resource":"*"}]}`), unknown("its policy cannot be decided")},
		{"policy of 10 MB", "GetBucketPolicy", policy(`{"Version":"2012-10-17","Id":"` + strings.Repeat("x", 10<<20) + `","Statement":[]}`), unknown("bucket policy: the store answered with more than 10485760 bytes")},
		{"policy that is a listing", "GetBucketPolicy", s3test.Listing, unknown("bucket policy: the store answered 200 with what is no policy")},
		{"tags denied", "GetBucketTagging", s3test.AccessDenied, same},
		{"versioning broken", "GetBucketVersioning", s3test.InternalError, same},
		{"replication dropped", "GetBucketReplication", s3test.Drop, same},
		{"encryption denied", "GetBucketEncryption", s3test.AccessDenied, same},
		{"ownership denied", "GetBucketOwnershipControls", s3test.AccessDenied, same}, // without a grant in the list it does not matter
		{"5 TB", "ListObjectsV2", s3test.Rewrite(func(b []byte) []byte {
			return []byte(strings.ReplaceAll(string(b), "<Size>7</Size>", "<Size>5497558138880</Size>"))
		}), func(m macie2.BucketMetadata) bool { return same(m) && *m.SizeInBytes == 5<<40+int64(len(people(3))) }},
	} {
		rule := bench.On(s3test.Rule{Op: test.op, Bucket: "ill", Do: test.do})
		all := look()
		if m := all["ill"]; !test.want(m) || rule.Met() == 0 {
			t.Errorf("%s, met %d times: %s", test.name, rule.Met(), wire.Marshal(&m))
		}
		sound(test.name+": the other bucket", all["well"])
		if m := all["well"]; *m.LastUpdated != wire.TimeOf(w.clock.Now()) {
			t.Errorf("%s: the other bucket was read at %s", test.name, wire.Marshal(&m))
		}
		rule.Remove()
		all = look()
		sound(test.name+": afterwards", all["ill"])
		if got, want := *all["ill"].SizeInBytes, *before["ill"].SizeInBytes; got != want {
			t.Errorf("%s: afterwards %d bytes, want %d", test.name, got, want)
		}
	}
	equal(t, "findings", len(w.findings(home, nil)), 0)

	// A bucket that is gone from the store's own list goes, and comes back.
	bench.DeleteBucket(t, "ill")
	all := look()
	_, there := all["ill"]
	equal(t, "a deleted bucket is there", there, false)
	sound("deleted: the other bucket", all["well"])
	fill("ill")
	sound("made again", look()["ill"])
}

// TestKeysOfEveryByte analyses an object for each byte that a key may have: none is lost, and none is taken for another.
func TestKeysOfEveryByte(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		keys := map[string]string{}
		for c := range 256 {
			keys["k"+string([]byte{byte(c)})+"/"+string([]byte{byte(c)})+".csv"] = people(1)
		}
		w.put("b", keys)
		w.start()
		id := w.run("b")
		results := w.results(id)
		equal(t, "results", len(results), 256)
		for key := range keys {
			if r, ok := results[key]; !ok || r.Status != "COMPLETE" {
				t.Errorf("%q: %+v", key, r)
			}
		}
		paths := map[string]bool{}
		for _, f := range w.findings(home, nil) {
			paths[*f.ResourcesAffected.S3Object.Key] = true
		}
		if n := len(w.findings(home, nil)); n != 256 || len(paths) < 128 {
			t.Errorf("%d findings with %d keys", n, len(paths))
		}
		// A second run opens nothing, and tells the same.
		again := w.run("b")
		equal(t, "totals again", w.totals(again).Counters, w.totals(id).Counters)
	})
}
