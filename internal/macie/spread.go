package macie

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/store"
)

// spreadPieces is into how many shards the rest of a page is cut at most.
const spreadPieces = 16

// spread cuts the rest of a page into shards of their own if nothing of the run is left for idle workers: at its end and in small jobs, few
// pages would keep few workers busy while all others wait. A piece has as many objects as were done since the last commit, so that
// it pays for its transactions as a commit would have, and a worker that reads slowly gives more away. It reports whether it did; then the
// attempt's work is done, and it continues with whatever piece it claims.
func (w *Worker) spread(ctx context.Context, a *job.Attempt, objects []source.Object, done, since int) (bool, error) {
	rest := objects[done:]
	if len(rest) <= since || a.Failures > 0 || a.Run.JobID == discoveryJob {
		return false, nil // what fails is not cut again and again
	}
	var waiting bool
	if err := w.cfg.DB.View(ctx, func(tx store.Tx) (err error) {
		waiting, err = job.AnyReady(ctx, tx, a.Run)
		return err
	}); err != nil || waiting {
		return false, err
	}
	size := max(since, (len(rest)+spreadPieces-1)/spreadPieces)
	var shards []job.NewShard
	for from := 0; from < len(rest); from += size {
		var p page
		for _, o := range rest[from:min(from+size, len(rest))] {
			p.add(o)
		}
		shards = append(shards, job.NewShard{Key: fmt.Sprintf("%s+%d", a.Key, done+from), Kind: a.Kind, Bucket: a.Bucket, Payload: p.data, Priority: a.Priority})
	}
	err := a.Commit(ctx, binary.AppendUvarint(nil, uint64(len(objects))), job.Counters{}, func(tx store.Tx) error {
		_, err := a.AddShards(ctx, tx, shards...)
		return err
	})
	return err == nil, err
}
