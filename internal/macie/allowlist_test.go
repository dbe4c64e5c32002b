package macie

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/folder"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

func regexCriteria(pattern string) *macie2.AllowListCriteria {
	return &macie2.AllowListCriteria{Regex: &pattern}
}

func wordsCriteria(bucket, key string) *macie2.AllowListCriteria {
	return &macie2.AllowListCriteria{S3WordsList: &macie2.S3WordsList{BucketName: &bucket, ObjectKey: &key}}
}

// listOf returns a request for an allow list; its name is also its token.
func listOf(name string, c *macie2.AllowListCriteria) *macie2.CreateAllowListInput {
	return &macie2.CreateAllowListInput{ClientToken: &name, Name: &name, Criteria: c}
}

// allow makes an allow list of home and returns its id.
func (w *world) allow(in *macie2.CreateAllowListInput) string {
	w.Helper()
	out, err := w.service.CreateAllowList(w.ctx, in)
	must(w, err)
	return *out.Id
}

func (w *world) allowList(id string) *macie2.GetAllowListOutput {
	w.Helper()
	out, err := w.service.GetAllowList(w.ctx, &macie2.GetAllowListInput{Id: &id})
	must(w, err)
	return out
}

func (w *world) disallow(id, ignoreJobs string) error {
	in := &macie2.DeleteAllowListInput{Id: &id}
	if ignoreJobs != "" {
		in.IgnoreJobChecks = &ignoreJobs
	}
	_, err := w.service.DeleteAllowList(w.ctx, in)
	return err
}

// TestAllowList takes a list of each kind through its life.
func TestAllowList(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.put("lists", map[string]string{"words.txt": "Ada\nLovelace\n"})
		for name, criteria := range map[string][2]*macie2.AllowListCriteria{
			"regex": {regexCriteria("a|b"), regexCriteria("c")},
			"words": {wordsCriteria("lists", "words.txt"), wordsCriteria("lists", "missing.txt")},
		} {
			in := listOf(name, criteria[0])
			in.Description, in.Tags = wire.Ptr("what it is for"), map[string]string{"team": "support"}
			out, err := w.service.CreateAllowList(w.ctx, in)
			must(t, err)
			id := *out.Id
			if !regexp.MustCompile(`^[a-z0-9]{22}$`).MatchString(id) {
				t.Errorf("%q is no id of an allow list", id)
			}
			created := wire.TimeOf(w.clock.Now())
			want := &macie2.GetAllowListOutput{
				Arn: wire.Ptr("arn:aws:macie2:eu-west-1:123456789012:allow-list/" + id), CreatedAt: &created, UpdatedAt: &created, Criteria: in.Criteria,
				Description: in.Description, Id: &id, Name: in.Name, Tags: in.Tags, Status: &macie2.AllowListStatus{Code: macie2.AllowListStatusCodeOk},
			}
			equal(t, "ARN", *out.Arn, *want.Arn)
			equal(t, name, w.allowList(id), want)

			w.clock.Advance(time.Hour)
			equal(t, "id of the same request", w.allow(in), id)
			another := listOf(name, regexCriteria("another"))
			_, err = w.service.CreateAllowList(w.ctx, another)
			refused(t, err, wire.Conflict, "clientToken was used for another")
			another.ClientToken = wire.Ptr("another token")
			_, err = w.service.CreateAllowList(w.ctx, another)
			refused(t, err, wire.Conflict, "has the name")

			updated, err := w.service.UpdateAllowList(w.ctx, &macie2.UpdateAllowListInput{Id: &id, Name: wire.Ptr("new " + name), Criteria: criteria[1]})
			must(t, err)
			equal(t, "answer to the update", updated, &macie2.UpdateAllowListOutput{Arn: want.Arn, Id: &id})
			want.Name, want.Criteria, want.Description, want.UpdatedAt = wire.Ptr("new "+name), criteria[1], nil, wire.PtrTime(w.clock.Now())
			got := w.allowList(id)
			if name == "words" {
				equal(t, "status", got.Status.Code, macie2.AllowListStatusCodeS3ObjectNotFound)
			}
			want.Status = got.Status
			equal(t, "updated "+name, got, want)
			equal(t, "id of the first request after the update", w.allow(in), id)
		}
		lists, err := w.service.ListAllowLists(w.ctx, &macie2.ListAllowListsInput{})
		must(t, err)
		equal(t, "number of lists", len(lists.AllowLists), 2)
		ids := map[string]string{}
		for _, l := range lists.AllowLists {
			full := w.allowList(*l.Id)
			equal(t, "summary", l, macie2.AllowListSummary{Arn: full.Arn, CreatedAt: full.CreatedAt, Description: full.Description, Id: full.Id,
				Name: full.Name, UpdatedAt: full.UpdatedAt})
			ids[*l.Name] = *l.Id
		}
		update := func(id, name string, c *macie2.AllowListCriteria) error {
			_, err := w.service.UpdateAllowList(w.ctx, &macie2.UpdateAllowListInput{Id: &id, Name: &name, Criteria: c})
			return err
		}
		refused(t, update(ids["new regex"], "x", wordsCriteria("lists", "words.txt")), wire.Validation, "cannot change its kind")
		refused(t, update(ids["new words"], "x", regexCriteria("x")), wire.Validation, "cannot change its kind")
		refused(t, update(ids["new words"], "new regex", wordsCriteria("lists", "words.txt")), wire.Validation, "has the name")
		refused(t, update(ids["new regex"], "x", regexCriteria("(")), wire.Validation, "criteria.regex")
		refused(t, update("none", "x", regexCriteria("x")), wire.NotFound, "specified allow list does not exist")
		must(t, update(ids["new regex"], "new regex", regexCriteria("x")))

		refused(t, w.disallow(ids["new regex"], "maybe"), wire.Validation, "ignoreJobChecks")
		must(t, w.disallow(ids["new regex"], "false"))
		refused(t, w.disallow(ids["new regex"], ""), wire.NotFound, "specified allow list does not exist")
		_, err = w.service.GetAllowList(w.ctx, &macie2.GetAllowListInput{Id: wire.Ptr(ids["new regex"])})
		refused(t, err, wire.NotFound, "specified allow list does not exist")
		must(t, w.db.View(t.Context(), func(tx store.Tx) error {
			tags, err := store.Tags(t.Context(), tx, home, allowListARN(home, ids["new regex"]))
			equal(t, "tags of a deleted list", len(tags), 0)
			return err
		}))
		again := listOf("regex", regexCriteria("a|b"))
		if w.allow(again) == ids["new regex"] {
			t.Error("the token of a deleted list gives it back")
		}
	})
}

func TestAllowListRefused(t *testing.T) {
	w := newWorld(t)
	w.put("lists", map[string]string{"words.txt": "Ada\n", "denied.txt": "Ada\n"})
	w.objects[home].Deny("lists", "denied.txt")
	w.objects[home].Put("lists", source.Object{Key: "cold.txt", StorageClass: "GLACIER"}, []byte("Ada\n"))
	w.objects[home].Put("lists", source.Object{Key: "locked.txt", Encryption: source.Encryption{Type: "SSE-C"}}, []byte("Ada\n"))
	both := regexCriteria("a")
	both.S3WordsList = wordsCriteria("lists", "words.txt").S3WordsList
	for name, v := range map[string]struct {
		in   *macie2.CreateAllowListInput
		kind wire.Kind
		text string
	}{
		"empty token":  {&macie2.CreateAllowListInput{ClientToken: wire.Ptr(""), Name: wire.Ptr("a"), Criteria: regexCriteria("a")}, wire.Validation, "clientToken"},
		"neither":      {listOf("a", &macie2.AllowListCriteria{}), wire.Validation, "regex or s3WordsList"},
		"both":         {listOf("a", both), wire.Validation, "not both"},
		"broken regex": {listOf("a", regexCriteria("[")), wire.Validation, "criteria.regex"},
		"look-behind":  {listOf("a", regexCriteria("(?<=a)b")), wire.Validation, "criteria.regex"},
		"denied":       {listOf("a", wordsCriteria("lists", "denied.txt")), wire.AccessDenied, "may not be read"},
		"cold":         {listOf("a", wordsCriteria("lists", "cold.txt")), wire.AccessDenied, "may not be read"},
		"locked":       {listOf("a", wordsCriteria("lists", "locked.txt")), wire.AccessDenied, "may not be read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.service.CreateAllowList(w.ctx, v.in)
			refused(t, err, v.kind, v.text)
		})
	}
	tagged := listOf("a", regexCriteria("a"))
	tagged.Tags = map[string]string{"aws:x": ""}
	_, err := w.service.CreateAllowList(w.ctx, tagged)
	refused(t, err, wire.Validation, "aws:")
}

// TestAllowListQuota fills the quota of each kind, and pages through what there is.
func TestAllowListQuota(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		var want []string
		for i := range maxAllowListsOfKind {
			for kind, c := range map[string]*macie2.AllowListCriteria{"regex": regexCriteria("a"), "words": wordsCriteria("lists", "words.txt")} {
				want = append(want, w.allow(listOf(fmt.Sprint(kind, i), c)))
				w.clock.Advance(time.Millisecond)
			}
		}
		for kind, c := range map[string]*macie2.AllowListCriteria{"regex": regexCriteria("a"), "s3WordsList": wordsCriteria("lists", "words.txt")} {
			_, err := w.service.CreateAllowList(w.ctx, listOf("one more", c))
			refused(t, err, wire.Quota, "5 allow lists with "+kind)
		}
		equal(t, "the same request at the quota", len(w.allow(listOf("regex0", regexCriteria("a")))), allowListIDLen)
		for _, size := range []int64{1, 3, 10, 25} {
			var got []string
			in := &macie2.ListAllowListsInput{MaxResults: &size}
			for {
				out, err := w.service.ListAllowLists(w.ctx, in)
				must(t, err)
				for _, l := range out.AllowLists {
					got = append(got, *l.Id)
				}
				if in.NextToken = out.NextToken; in.NextToken == nil {
					break
				}
				equal(t, "size of a page", int64(len(out.AllowLists)), size)
			}
			equal(t, fmt.Sprint("pages of ", size), got, want)
		}
		// A page goes on where the one before ended, though that list is gone.
		first, err := w.service.ListAllowLists(w.ctx, &macie2.ListAllowListsInput{MaxResults: wire.Ptr[int64](3)})
		must(t, err)
		must(t, w.disallow(want[2], ""))
		second, err := w.service.ListAllowLists(w.ctx, &macie2.ListAllowListsInput{MaxResults: wire.Ptr[int64](3), NextToken: first.NextToken})
		must(t, err)
		equal(t, "first of the second page", *second.AllowLists[0].Id, want[3])
		_, err = w.service.ListAllowLists(w.ctx, &macie2.ListAllowListsInput{NextToken: wire.Ptr("nonsense")})
		refused(t, err, wire.Validation, "nextToken")
	})
}

// TestAllowListsAtOnce makes more lists at once than the quota allows, and deletes lists while jobs are made with them: the quota holds, and no
// job is there whose list was deleted in spite of it.
func TestAllowListsAtOnce(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.put("bucket", nil)
		var group sync.WaitGroup
		var made atomic.Int64
		for i := range 2 * maxAllowListsOfKind {
			group.Go(func() {
				switch _, err := w.service.CreateAllowList(w.ctx, listOf(fmt.Sprint("list ", i), regexCriteria("a"))); {
				case err == nil:
					made.Add(1)
				default:
					refused(t, err, wire.Quota, "")
				}
			})
		}
		group.Wait()
		equal(t, "lists made", made.Load(), maxAllowListsOfKind)
		lists, err := w.service.ListAllowLists(w.ctx, &macie2.ListAllowListsInput{})
		must(t, err)
		for _, l := range lists.AllowLists {
			var job, deletion error
			group.Go(func() {
				in := jobOver(*l.Name, "bucket")
				in.AllowListIds = []string{*l.Id}
				_, job = w.service.CreateClassificationJob(w.ctx, in)
			})
			group.Go(func() { deletion = w.disallow(*l.Id, "") })
			group.Wait()
			oneFirst(t, job, deletion)
		}
	})
}

// lateDB commits its transactions only when it may.
type lateDB struct {
	store.DB
	ready chan<- struct{}
	goOn  <-chan struct{}
}

func (l lateDB) Update(ctx context.Context, fn func(store.Tx) error) error {
	return l.DB.Update(ctx, func(tx store.Tx) error {
		err := fn(tx)
		l.ready <- struct{}{}
		<-l.goOn
		return err
	})
}

// begunDB tells when a transaction is about to begin, which may have to wait for another.
type begunDB struct {
	store.DB
	begun chan<- struct{}
}

func (b begunDB) Update(ctx context.Context, fn func(store.Tx) error) error {
	b.begun <- struct{}{}
	return b.DB.Update(ctx, fn)
}

// TestAllowListDeletedMeanwhile deletes a list while a job that uses it is made but not committed yet: the deletion sees the job, or comes first
// if the job has to be made again.
func TestAllowListDeletedMeanwhile(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		in := jobOver("token", "bucket")
		in.AllowListIds = []string{w.allow(listOf("list", regexCriteria("a")))}
		ready, goOn := make(chan struct{}, 100), make(chan struct{})
		cfg := w.service.cfg
		cfg.DB = lateDB{w.db, ready, goOn}
		late, err := New(cfg)
		must(t, err)
		var group sync.WaitGroup
		var job, deletion error
		group.Go(func() { _, job = late.CreateClassificationJob(w.ctx, in) })
		<-ready
		begun := make(chan struct{}, 100)
		cfg.DB = begunDB{w.db, begun}
		w.service, err = New(cfg)
		must(t, err)
		group.Go(func() { deletion = w.disallow(in.AllowListIds[0], "") })
		<-begun
		close(goOn)
		group.Wait()
		oneFirst(t, job, deletion)
	})
}

// oneFirst checks that of a job that uses a list and the list's deletion one came first and the other was refused.
func oneFirst(t *testing.T, job, deletion error) {
	t.Helper()
	if (job == nil) == (deletion == nil) {
		t.Errorf("job: %v, deletion: %v; one of them has to come first", job, deletion)
	}
	if job != nil {
		refused(t, job, wire.Validation, "no allow list")
	} else {
		refused(t, deletion, wire.Validation, "used by the job")
	}
}

// TestAllowListStatus shows each status that GetAllowList can find (macie.md 2.4).
func TestAllowListStatus(t *testing.T) {
	w := newWorld(t)
	w.put("lists", map[string]string{
		"good.txt": "Ada\r\n\r\n  Lovelace  \n", "empty.txt": "", "blank.txt": "\n \n", "binary.txt": "Ada\n\x00\x01\xff\n",
		"many.txt": strings.Repeat("Ada\n", 100_001), "large.txt": strings.Repeat("\n", 35<<20+1), "long.txt": strings.Repeat("ä", 91),
		"denied.txt": "Ada\n", "away.txt": "Ada\n", "broken.txt": "Ada\n",
	})
	w.putFor(other, "theirs", map[string]string{"words.txt": "Ada\n"})
	w.fault(func(step, _, key string) error {
		switch {
		case step == "read" && key == "away.txt":
			return &source.Error{Kind: source.Unavailable, Op: step, Err: fmt.Errorf("secret detail")}
		case step == "read" && key == "broken.txt":
			return &source.Error{Kind: source.Other, Op: step, Err: fmt.Errorf("secret detail")}
		}
		return nil
	})
	id := w.allow(listOf("list", wordsCriteria("lists", "good.txt")))
	for at, want := range map[string]struct {
		code macie2.AllowListStatusCode
		text string
	}{
		"lists/good.txt":    {"OK", ""},
		"lists/empty.txt":   {"S3_OBJECT_EMPTY", "no entries"},
		"lists/blank.txt":   {"S3_OBJECT_EMPTY", "no entries"},
		"lists/many.txt":    {"S3_OBJECT_OVERSIZE", "too many entries"},
		"lists/large.txt":   {"S3_OBJECT_OVERSIZE", "too many entries or bytes"},
		"lists/binary.txt":  {"UNKNOWN_ERROR", "line 2 is not text"},
		"lists/long.txt":    {"UNKNOWN_ERROR", "line 1 has 91 characters"},
		"lists/missing.txt": {"S3_OBJECT_NOT_FOUND", "no such object"},
		"nowhere/words.txt": {"S3_OBJECT_NOT_FOUND", "not among those of the account"},
		"theirs/words.txt":  {"S3_OBJECT_NOT_FOUND", "not among those of the account"},
		"lists/away.txt":    {"UNKNOWN_ERROR", "Try again later"},
		"lists/broken.txt":  {"UNKNOWN_ERROR", "cannot be read."},
	} {
		t.Run(at, func(t *testing.T) {
			bucket, key, _ := strings.Cut(at, "/")
			_, err := w.service.UpdateAllowList(w.ctx, &macie2.UpdateAllowListInput{Id: &id, Name: wire.Ptr("list"), Criteria: wordsCriteria(bucket, key)})
			must(t, err)
			got := w.allowList(id).Status
			if got.Code != want.code || (got.Description == nil) != (want.text == "") || !strings.Contains(wire.Value(got.Description), want.text) ||
				strings.Contains(wire.Value(got.Description), "secret") {
				t.Errorf("status %s, %q", got.Code, wire.Value(got.Description))
			}
		})
	}
	// The list is refused once its object may not be read; until then it may be made.
	_, err := w.service.UpdateAllowList(w.ctx, &macie2.UpdateAllowListInput{Id: &id, Name: wire.Ptr("list"), Criteria: wordsCriteria("lists", "denied.txt")})
	must(t, err)
	w.objects[home].Deny("lists", "denied.txt")
	equal(t, "status of a denied object", w.allowList(id).Status.Code, macie2.AllowListStatusCodeS3ObjectAccessDenied)
	_, err = w.service.UpdateAllowList(w.ctx, &macie2.UpdateAllowListInput{Id: &id, Name: wire.Ptr("list"), Criteria: wordsCriteria("lists", "denied.txt")})
	refused(t, err, wire.AccessDenied, "may not be read")
	equal(t, "status of a regex", w.allowList(w.allow(listOf("regex", regexCriteria("a")))).Status,
		&macie2.AllowListStatus{Code: macie2.AllowListStatusCodeOk})
	w.sources[home] = nil
	equal(t, "status without a source", w.allowList(id).Status.Code, macie2.AllowListStatusCodeS3ObjectNotFound)
}

// TestAllowListOutside names files beside an estate's buckets: none is read.
func TestAllowListOutside(t *testing.T) {
	root := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(root, "estate", "lists"), 0o755))
	must(t, os.MkdirAll(filepath.Join(root, "estate", ".git"), 0o755))
	for _, name := range []string{"secret.txt", "estate/template.yaml", "estate/lists/words.txt", "estate/.git/words.txt"} {
		must(t, os.WriteFile(filepath.Join(root, name), []byte("Ada\n"), 0o644))
	}
	must(t, os.Symlink(filepath.Join(root, "secret.txt"), filepath.Join(root, "estate/lists/link.txt")))
	must(t, os.Symlink(root, filepath.Join(root, "estate/outside")))
	estate, err := folder.Estate(filepath.Join(root, "estate"))
	must(t, err)
	t.Cleanup(func() { must(t, estate.Close()) })
	w := newWorld(t)
	w.sources[home] = []source.Driver{estate}
	id := w.allow(listOf("list", wordsCriteria("lists", "words.txt")))
	equal(t, "status", w.allowList(id).Status.Code, macie2.AllowListStatusCodeOk)
	for _, at := range [][2]string{
		{"lists", "../../secret.txt"}, {"lists", "../template.yaml"}, {"lists", filepath.Join(root, "secret.txt")}, {"lists", "link.txt"},
		{"...", "secret.txt"}, {".git", "words.txt"}, {"outside", "secret.txt"}, {"template.yaml", "."}, {"lists", "."}, {"lists", "a\x00"},
	} {
		_, err := w.service.UpdateAllowList(w.ctx, &macie2.UpdateAllowListInput{Id: &id, Name: wire.Ptr("list"), Criteria: wordsCriteria(at[0], at[1])})
		if err != nil {
			refused(t, err, wire.AccessDenied, "may not be read")
			continue
		}
		if got := w.allowList(id).Status; got.Code != macie2.AllowListStatusCodeS3ObjectNotFound {
			t.Errorf("%q: %s, %s", at, got.Code, wire.Value(got.Description))
		}
	}
}

// TestCustomTags tags what this file and customidentifier_test.go are about.
func TestCustomTags(t *testing.T) {
	w := newWorld(t)
	w.enable(other)
	identifier, list := w.identify(tickets()), w.allow(listOf("list", regexCriteria("a")))
	for _, resource := range []string{customIdentifierARN(home, identifier), allowListARN(home, list)} {
		_, err := w.service.TagResource(w.ctx, &macie2.TagResourceInput{ResourceArn: &resource, Tags: map[string]string{"a": "1", "b": "2"}})
		must(t, err)
		_, err = w.service.UntagResource(w.ctx, &macie2.UntagResourceInput{ResourceArn: &resource, TagKeys: []string{"b"}})
		must(t, err)
		out, err := w.service.ListTagsForResource(w.ctx, &macie2.ListTagsForResourceInput{ResourceArn: &resource})
		must(t, err)
		equal(t, "tags", out.Tags, map[string]string{"a": "1"})
		_, err = w.service.ListTagsForResource(as(t.Context(), other), &macie2.ListTagsForResourceInput{ResourceArn: &resource})
		refused(t, err, wire.NotFound, "specified resource does not exist")
	}
	equal(t, "tags of the identifier", w.identifier(identifier).Tags, map[string]string{"a": "1"})
	equal(t, "tags of the list", w.allowList(list).Tags, map[string]string{"a": "1"})
	for _, resource := range []string{customIdentifierARN(home, list), allowListARN(home, identifier), allowListARN(abroad, list)} {
		_, err := w.service.TagResource(w.ctx, &macie2.TagResourceInput{ResourceArn: &resource, Tags: map[string]string{"a": "b"}})
		refused(t, err, wire.NotFound, "specified resource does not exist")
	}
}
