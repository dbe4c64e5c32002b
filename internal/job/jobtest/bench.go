package jobtest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/magpie-sec/magpie/internal/job"
	"github.com/magpie-sec/magpie/internal/store"
)

// Benchmark measures the engine on the suite's database beside the same statements in a bare loop:
//
//   - Shards: shards that do nothing, so a claim and a closing each;
//   - Shards/bare: two transactions with one UPDATE of a row each;
//   - Effects: commits that write one row each, ten to a shard;
//   - Effects/bare: transactions with an INSERT and an UPDATE each.
//
// The bare loops run on as many goroutines as the engine has slots.
func Benchmark(b *testing.B, s Suite) {
	for _, slots := range []int{1, 8} {
		b.Run(fmt.Sprintf("Shards/slots=%d", slots), func(b *testing.B) { benchShards(b, s, slots) })
		b.Run(fmt.Sprintf("Shards/bare=%d", slots), func(b *testing.B) { benchBareShards(b, s, slots) })
		b.Run(fmt.Sprintf("Effects/slots=%d", slots), func(b *testing.B) { benchEffects(b, s, slots) })
		b.Run(fmt.Sprintf("Effects/bare=%d", slots), func(b *testing.B) { benchBareEffects(b, s, slots) })
	}
}

func benchDB(b *testing.B, s Suite) store.DB {
	b.Helper()
	db := openDB(b, s.Database(b))
	if err := CreateTables(b.Context(), db); err != nil {
		b.Fatal(err)
	}
	return db
}

// benchRun does a run of the given shards and reports how many of unit it did in a second.
func benchRun(b *testing.B, s Suite, handler *Handler, slots int, shards []job.NewShard, n int, unit string) {
	db := benchDB(b, s)
	dispatcher, err := s.Dispatcher(db, job.SystemClock{})
	if err != nil {
		b.Fatal(err)
	}
	complete := make(chan struct{}, 1)
	engine, err := job.New(job.Config{
		DB: db, Handler: handler, Dispatcher: dispatcher, Slots: slots,
		Hooks: job.Hooks{Complete: func(job.Run) { complete <- struct{}{} }},
	})
	if err != nil {
		b.Fatal(err)
	}
	err = db.Update(b.Context(), func(tx store.Tx) error {
		_, _, err := engine.StartRun(b.Context(), tx, tenant, "bench", "1", shards...)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	if err := engine.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	<-complete
	b.StopTimer()
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), unit)
	if err := engine.Stop(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func benchShards(b *testing.B, s Suite, slots int) {
	shards := make([]job.NewShard, b.N)
	for i := range shards {
		shards[i] = job.NewShard{Key: fmt.Sprint(i), Kind: "keys", Payload: []byte(`{}`)}
	}
	benchRun(b, s, &Handler{}, slots, shards, b.N, "shards/s")
}

func benchEffects(b *testing.B, s Suite, slots int) {
	const perShard = 10
	var shards []job.NewShard
	for i := 0; i < b.N; i += perShard {
		payload := fmt.Appendf(nil, `{"From":%d,"To":%d,"Step":1}`, i, min(i+perShard, b.N))
		shards = append(shards, job.NewShard{Key: fmt.Sprint(i), Kind: "keys", Payload: payload})
	}
	benchRun(b, s, &Handler{}, slots, shards, b.N, "commits/s")
}

// bare calls step b.N times from several goroutines and reports the rate.
func bare(b *testing.B, workers int, unit string, step func(i int) error) {
	next := make(chan int)
	var group sync.WaitGroup
	b.ResetTimer()
	for range workers {
		group.Go(func() {
			for i := range next {
				if err := step(i); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range b.N {
		next <- i
	}
	close(next)
	group.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), unit)
}

func benchBareShards(b *testing.B, s Suite, workers int) {
	db := bareDB(b, s)
	bare(b, workers, "shards/s", func(i int) error {
		for _, state := range []string{"running", "done"} {
			err := db.Update(b.Context(), func(tx store.Tx) error {
				_, err := tx.Exec(b.Context(), `UPDATE bare SET state = $2 WHERE id = $1`, int64(i), state)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func benchBareEffects(b *testing.B, s Suite, workers int) {
	db := bareDB(b, s)
	bare(b, workers, "commits/s", func(i int) error {
		return db.Update(b.Context(), func(tx store.Tx) error {
			if _, err := tx.Exec(b.Context(), `UPDATE bare SET state = $2 WHERE id = $1`, int64(i), "moved"); err != nil {
				return err
			}
			_, err := tx.Exec(b.Context(), `INSERT INTO effects (run_id, key) VALUES ($1, $2)`, "bench", int64(i))
			return err
		})
	})
}

// bareDB makes a table with a row for each step.
func bareDB(b *testing.B, s Suite) store.DB {
	db := benchDB(b, s)
	err := db.Update(b.Context(), func(tx store.Tx) error {
		if _, err := tx.Exec(b.Context(), `CREATE TABLE bare (id BIGINT PRIMARY KEY, state TEXT NOT NULL)`); err != nil {
			return err
		}
		for i := range b.N {
			if _, err := tx.Exec(b.Context(), `INSERT INTO bare (id, state) VALUES ($1, $2)`, int64(i), "ready"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return db
}
