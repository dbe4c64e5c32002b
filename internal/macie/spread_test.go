package macie

import (
	"fmt"
	"testing"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
)

// TestSpread has one page and two workers: the rest of the page is cut up for the one that is idle, and every object counts once.
func TestSpread(t *testing.T) {
	w := newWorld(t)
	const n = 3*commitObjects + 7
	bodies := make(map[string]string, n)
	for i := range n {
		bodies[fmt.Sprintf("%04d.txt", i)] = "ssn " + plantedSSN
	}
	w.put("bucket", bodies)
	w.start()
	id := w.run("bucket")
	equal(t, "results", len(w.results(id)), n)
	equal(t, "findings", len(w.findings(home, nil)), n)
	if totals := w.totals(id); totals.Objects != n || totals.Findings != n || totals.Listed != n {
		t.Errorf("%+v", totals.Counters)
	}
	var shards []job.Shard
	must(t, w.db.View(t.Context(), func(tx store.Tx) (err error) {
		shards, err = job.Shards(t.Context(), tx, latestRef(w, id), job.Done, 0, 100)
		return err
	}))
	var objects []int64
	for _, s := range shards {
		objects = append(objects, s.Counters.Objects)
	}
	// The listing; the page, of which a commit is made; the pieces of the rest, the first of which may find nothing else waiting and is too
	// small to be cut again.
	equal(t, "objects of each shard", fmt.Sprint(objects), fmt.Sprint([]int64{0, commitObjects, commitObjects, commitObjects, 7}))
}
