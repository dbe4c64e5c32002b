package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// Of most objects a result says only that they were read to their end and that nothing was found. Such results of one commit share a row, a page:
// nobody asks for them one by one but a scheduled job's next run, which asks for a range of keys, and a row and its index entry for each would be
// most of what the database has to write for a small object. All others have rows of their own, for which [UnreadByReason] and its like ask.
//
// A page has its results in the order of keys, and is never changed. A later result of one of its objects, in a row or in another page, counts.

// pageLeast is how many results make a page.
const pageLeast = 8

// paged says whether a result may stand in a page.
func (r *Result) paged() bool {
	return r.Status == "COMPLETE" && r.Reason == "" && r.FindingID == "" && r.Detections == nil && len(r.Key) <= MaxKey
}

// resultOrder is the order of results: by bucket, key and version.
func resultOrder(a, b *Result) int {
	return cmp.Or(cmp.Compare(a.Bucket, b.Bucket), bytes.Compare(a.Key, b.Key), cmp.Compare(a.VersionID, b.VersionID))
}

// putResultPage stores results of one bucket, in order, as a page.
func putResultPage(ctx context.Context, tx Tx, t Tenant, jobID, runID string, results []*Result) error {
	bucket, first, last := results[0].Bucket, document(results[0].Key), document(results[len(results)-1].Key)
	// Rows of these objects, of a listing that tells keys twice, would count for later than the page.
	var before [][]byte
	err := Each(ctx, tx, `SELECT object_key FROM results WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND bucket = $5
		AND object_key >= $6 AND object_key <= $7`, []any{t.Account, t.Region, jobID, runID, bucket, first, last}, func(rows Rows) error {
		var key []byte
		err := rows.Scan(&key)
		before = append(before, key)
		return err
	})
	if err != nil {
		return err
	}
	for _, key := range before {
		for i, found := slices.BinarySearchFunc(results, key, func(r *Result, key []byte) int { return bytes.Compare(r.Key, key) }); found && i < len(results) &&
			bytes.Equal(results[i].Key, key); i++ {
			if _, err := tx.Exec(ctx, `DELETE FROM results WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND bucket = $5
				AND object_key = $6 AND version_id = $7`, t.Account, t.Region, jobID, runID, bucket, key, results[i].VersionID); err != nil {
				return err
			}
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO result_pages (account, region, job_id, run_id, bucket, first_key, last_key, objects, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, t.Account, t.Region, jobID, runID, bucket, first, last, int64(len(results)), packResults(results))
	return err
}

// resultPageFormat is what the body of a page begins with.
const resultPageFormat = 1

// packResults writes results of one bucket in order. A text is told once and then by its number, what a key shares with the one before is left out,
// and times are told as differences.
func packResults(results []*Result) []byte {
	b := make([]byte, 0, 64+48*len(results))
	b = append(b, resultPageFormat)
	texts := map[string]uint64{}
	text := func(s string) {
		if n, told := texts[s]; told {
			b = binary.AppendUvarint(b, n)
			return
		}
		n := uint64(len(texts))
		texts[s] = n
		b = binary.AppendUvarint(b, n)
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	var key []byte
	var modified, analyzed int64
	for _, r := range results {
		shared := 0
		for shared < len(key) && shared < len(r.Key) && key[shared] == r.Key[shared] {
			shared++
		}
		key = r.Key
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(shared)), uint64(len(key)-shared))
		b = append(b, key[shared:]...)
		text(r.VersionID)
		text(r.Rules)
		text(r.MIMEType)
		if digits, err := hex.DecodeString(r.ETag); err == nil && hex.EncodeToString(digits) == r.ETag {
			b = append(binary.AppendUvarint(b, uint64(len(digits))<<1|1), digits...)
		} else {
			b = append(binary.AppendUvarint(b, uint64(len(r.ETag))<<1), r.ETag...)
		}
		b = binary.AppendVarint(b, r.Size)
		b = binary.AppendVarint(b, r.Size-r.BytesClassified)
		b = binary.AppendVarint(b, r.ModifiedAt-modified)
		b = binary.AppendVarint(b, r.AnalyzedAt-analyzed)
		modified, analyzed = r.ModifiedAt, r.AnalyzedAt
	}
	return b
}

var errResultPage = errors.New("a page of results is damaged")

// unpackResults reads what packResults wrote.
func unpackResults(bucket string, objects int64, b []byte) ([]Result, error) {
	if len(b) == 0 || b[0] != resultPageFormat || objects < 0 || objects > int64(len(b)) {
		return nil, errResultPage
	}
	b = b[1:]
	damaged := false
	number := func() uint64 {
		n, used := binary.Uvarint(b)
		if used <= 0 {
			damaged, b = true, nil
			return 0
		}
		b = b[used:]
		return n
	}
	signed := func() int64 {
		n, used := binary.Varint(b)
		if used <= 0 {
			damaged, b = true, nil
			return 0
		}
		b = b[used:]
		return n
	}
	take := func(n uint64) []byte {
		if n > uint64(len(b)) {
			damaged, b = true, nil
			return nil
		}
		taken := b[:n]
		b = b[n:]
		return taken
	}
	var texts []string
	text := func() string {
		n := number()
		if n == uint64(len(texts)) && !damaged {
			texts = append(texts, string(take(number())))
		}
		if n >= uint64(len(texts)) {
			damaged = true
			return ""
		}
		return texts[n]
	}
	results := make([]Result, 0, objects)
	key := []byte{} // as the database tells an empty one
	var modified, analyzed int64
	for range objects {
		shared := number()
		suffix := take(number())
		if shared > uint64(len(key)) || shared+uint64(len(suffix)) > MaxKey {
			return nil, errResultPage
		}
		key = append(key[:shared:shared], suffix...)
		r := Result{Bucket: bucket, Key: key, Status: "COMPLETE", VersionID: text(), Rules: text(), MIMEType: text()}
		if n := number(); n&1 != 0 {
			r.ETag = hex.EncodeToString(take(n >> 1))
		} else {
			r.ETag = string(take(n >> 1))
		}
		r.Size = signed()
		r.BytesClassified = r.Size - signed()
		modified, analyzed = modified+signed(), analyzed+signed()
		r.ModifiedAt, r.AnalyzedAt = modified, analyzed
		if damaged {
			return nil, errResultPage
		}
		results = append(results, r)
	}
	if len(b) != 0 {
		return nil, errResultPage
	}
	return results, nil
}

// resultPages calls fn on pages of a run, in order of bucket and first key, later ones last. Where tells more of which, in terms of bucket, first_key
// and last_key, behind the parameter $4.
func resultPages(ctx context.Context, tx Tx, t Tenant, jobID, runID, where string, args []any, fn func([]Result) error) error {
	return Each(ctx, tx, `SELECT bucket, objects, body FROM result_pages WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4 AND `+where+
		` ORDER BY bucket, first_key, id`, append([]any{t.Account, t.Region, jobID, runID}, args...), func(rows Rows) error {
		var bucket string
		var objects int64
		var body []byte
		if err := rows.Scan(&bucket, &objects, &body); err != nil {
			return err
		}
		results, err := unpackResults(bucket, objects, body)
		if err != nil {
			return fmt.Errorf("run %s of job %s: %w", runID, jobID, err)
		}
		return fn(results)
	})
}

// pagedResults returns the first results of a run's pages behind a place, in order: at least limit if there are as many.
func pagedResults(ctx context.Context, tx Tx, t Tenant, jobID, runID string, after ResultPlace, limit int) ([]Result, error) {
	behind := Result{Bucket: after.Bucket, Key: after.Key, VersionID: after.VersionID}
	enough := errors.New("enough")
	var out []Result
	err := resultPages(ctx, tx, t, jobID, runID, "(bucket, last_key) >= ($5, $6)", []any{after.Bucket, document(after.Key)}, func(page []Result) error {
		// Whatever stands before the first of this page is in none that follows.
		if len(out) >= limit && sortResults(&out) >= limit && resultOrder(&out[limit-1], &page[0]) < 0 {
			return enough
		}
		for i := range page {
			if resultOrder(&page[i], &behind) > 0 {
				out = append(out, page[i])
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, enough) {
		return nil, err
	}
	sortResults(&out)
	return out, nil
}

// sortResults orders results, keeps the last of each object, and returns how many are left.
func sortResults(results *[]Result) int {
	slices.SortStableFunc(*results, func(a, b Result) int { return resultOrder(&a, &b) })
	kept := (*results)[:0]
	for i, r := range *results {
		if i+1 < len(*results) && resultOrder(&r, &(*results)[i+1]) == 0 {
			continue
		}
		kept = append(kept, r)
	}
	*results = kept
	return len(kept)
}

// deleteResultPages deletes pages of a run until at least limit results are gone, or none is left, and returns how many results there were.
func deleteResultPages(ctx context.Context, tx Tx, r RunPlace, limit int64) (n int64, err error) {
	for n < limit {
		pages := 0
		err := Each(ctx, tx, `DELETE FROM result_pages WHERE id IN (SELECT id FROM result_pages WHERE account = $1 AND region = $2 AND job_id = $3 AND run_id = $4
			LIMIT $5) RETURNING objects`, []any{r.Tenant.Account, r.Tenant.Region, r.JobID, r.RunID, max((limit-n)/256, 1)}, func(rows Rows) error {
			var objects int64
			err := rows.Scan(&objects)
			n, pages = n+objects, pages+1
			return err
		})
		if err != nil || pages == 0 {
			return n, err
		}
	}
	return n, nil
}
