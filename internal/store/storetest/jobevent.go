package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/magpie-sec/magpie/internal/store"
)

var jobEventTests = []test{{"Once", testJobEventsOnce}, {"AtOnce", testJobEventsAtOnce}}

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
