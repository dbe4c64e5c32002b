package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/store"
)

var jobEventTests = []test{{"Once", testJobEventsOnce}, {"AtOnce", testJobEventsAtOnce}, {"Unread", testUnread}, {"AllJobs", testAllJobs}}

// put adds events and returns the types of those that are new.
func putEvents(t *testing.T, db store.DB, tenant store.Tenant, events ...store.JobEvent) (types []string) {
	t.Helper()
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		types = nil
		added, err := store.PutJobEvents(ctx, tx, tenant, events)
		for _, e := range added {
			types = append(types, e.Type)
		}
		return err
	})
	return types
}

// eventTypes returns the types of a job's events, read in pages.
func eventTypes(t *testing.T, db store.DB, tenant store.Tenant, job string, page int) (types []string) {
	t.Helper()
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		types = nil
		for after := int64(0); ; {
			events, err := store.JobEvents(ctx, tx, tenant, job, after, page)
			if err != nil || len(events) == 0 {
				return err
			}
			for _, e := range events {
				if e.Seq <= after || e.JobID != job {
					t.Errorf("event %+v behind %d", e, after)
				}
				after, types = e.Seq, append(types, e.Type)
			}
		}
	})
	return types
}

func testJobEventsOnce(t *testing.T, db store.DB) {
	event := func(job, key, eventType string) store.JobEvent {
		return store.JobEvent{JobID: job, RunID: "r", Key: key, Type: eventType, OccurredAt: 5, Doc: []byte(`{"a":1}`)}
	}
	equal(t, "new", []string{"CREATED", "PAUSED", "PAUSED"},
		putEvents(t, db, here, event("j", "created", "CREATED"), event("j", "", "PAUSED"), event("j", "created", "TWIN"), event("j", "", "PAUSED")))
	equal(t, "new the second time", []string{"RESUMED"}, putEvents(t, db, here, event("j", "created", "CREATED"), event("j", "", "RESUMED")))
	equal(t, "of another job", []string{"CREATED"}, putEvents(t, db, here, event("k", "created", "CREATED")))
	equal(t, "of another Region", []string{"CREATED"}, putEvents(t, db, there, event("j", "created", "CREATED")))
	for _, page := range []int{1, 2, 100} {
		equal(t, fmt.Sprint("events in pages of ", page), []string{"CREATED", "PAUSED", "PAUSED", "RESUMED"}, eventTypes(t, db, here, "j", page))
	}
	equal(t, "events of no job", []string(nil), eventTypes(t, db, here, "x", 10))
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		got, err := store.JobEvents(ctx, tx, here, "j", 0, 1)
		want := event("j", "created", "CREATED")
		want.Seq = got[0].Seq
		equal(t, "read back", []store.JobEvent{want}, got)
		return err
	})
	wantError(t, db, store.ErrInvalid, func(ctx context.Context, tx store.Tx) error {
		_, err := store.PutJobEvents(ctx, tx, here, []store.JobEvent{event("j", "\x00", "X")})
		return err
	})
}

// testJobEventsAtOnce lets many writers tell the same: one does.
func testJobEventsAtOnce(t *testing.T, db store.DB) {
	const writers = 6
	told := make(chan int, writers)
	for range writers {
		go func() {
			n := 0
			err := db.Update(t.Context(), func(tx store.Tx) error {
				var events []store.JobEvent
				for i := range 100 {
					events = append(events, store.JobEvent{JobID: "j", Key: fmt.Sprint(i), Type: fmt.Sprint(i)})
				}
				added, err := store.PutJobEvents(t.Context(), tx, here, events)
				n = len(added)
				return err
			})
			if err != nil {
				t.Error(err)
			}
			told <- n
		}()
	}
	sum := 0
	for range writers {
		sum += <-told
	}
	equal(t, "told", 100, sum)
	equal(t, "events", 100, len(eventTypes(t, db, here, "j", 1000)))
}

// testUnread reads what is not COMPLETE of results, in sums and one by one.
func testUnread(t *testing.T, db store.DB) {
	long := strings.Repeat("k", store.MaxKey+10)
	results := []store.Result{
		{Bucket: "a", Key: []byte("1"), Status: "COMPLETE", Size: 100},
		{Bucket: "a", Key: []byte("2\x00\xff"), Status: "SKIPPED", Reason: "MALFORMED_FILE", Size: 10},
		{Bucket: "a", Key: []byte("3"), Status: "SKIPPED", Reason: "MALFORMED_FILE", Size: -1},
		{Bucket: "a", Key: []byte(long), Status: "PARTIAL", Reason: "TIME_CUT_OFF_REACHED", Size: 7, BytesClassified: 3},
		{Bucket: "b", Key: []byte("2"), VersionID: "v", Status: "SKIPPED", Reason: "PERMISSION_DENIED", Size: 5},
	}
	update(t, db, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(store.PutResults(ctx, tx, here, "j", "r", results), store.PutResults(ctx, tx, here, "j", "other", results),
			store.PutResults(ctx, tx, there, "j", "r", results[:2]))
	})
	view(t, db, func(ctx context.Context, tx store.Tx) error {
		sums, err := store.UnreadByReason(ctx, tx, here, "j", "r")
		equal(t, "sums", []store.Unread{
			{Bucket: "a", Status: "PARTIAL", Reason: "TIME_CUT_OFF_REACHED", Objects: 1, Bytes: 7, Classified: 3},
			{Bucket: "a", Status: "SKIPPED", Reason: "MALFORMED_FILE", Objects: 2, Bytes: 10},
			{Bucket: "b", Status: "SKIPPED", Reason: "PERMISSION_DENIED", Objects: 1, Bytes: 5},
		}, sums)
		for _, page := range []int{1, 3, 100} {
			var got []store.Result
			for place := (store.ResultPlace{}); ; {
				rows, err := store.UnreadResults(ctx, tx, here, "j", "r", place, page)
				if err != nil {
					return err
				}
				if got = append(got, rows...); len(rows) < page {
					break
				}
				last := rows[len(rows)-1]
				place = store.ResultPlace{Bucket: last.Bucket, Key: last.Key, VersionID: last.VersionID}
			}
			equal(t, fmt.Sprint("in pages of ", page), results[1:], got)
		}
		return err
	})
}

// testAllJobs lists the jobs of all tenants.
func testAllJobs(t *testing.T, db store.DB) {
	var want []store.JobRef
	for _, tenant := range []store.Tenant{here, there, other} {
		for i, id := range []string{"a1", "a2", "b1"} {
			update(t, db, func(ctx context.Context, tx store.Tx) error {
				return store.CreateJob(ctx, tx, tenant, store.Job{ID: id, CreatedAt: int64(i), ClientToken: id})
			})
		}
	}
	for _, tenant := range []store.Tenant{there, here, other} {
		for _, id := range []string{"a1", "a2", "b1"} {
			want = append(want, store.JobRef{Tenant: tenant, ID: id})
		}
	}
	list := func(prefix string, page int) (got []store.JobRef) {
		view(t, db, func(ctx context.Context, tx store.Tx) error {
			for {
				rows, err := store.AllJobs(ctx, tx, prefix, len(got), page)
				if got = append(got, rows...); err != nil || len(rows) < page {
					return err
				}
			}
		})
		return got
	}
	equal(t, "all", want, list("", 100))
	equal(t, "in pages", want, list("", 2))
	equal(t, "that begin with b", []store.JobRef{want[2], want[5], want[8]}, list("b", 100))
	equal(t, "that begin with c", []store.JobRef(nil), list("c", 100))
}
