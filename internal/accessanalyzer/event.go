package accessanalyzer

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/magpie-sec/magpie/internal/publish"
	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
)

// publishFinding adds the event of a finding that is new, has another status, or is deleted, which does not change the status
// (access-analyzer.md 2.9).
func publishFinding(ctx context.Context, tx store.Tx, t store.Tenant, outbox *publish.Outbox, analyzer string, row store.AccessFinding, now int64, deleted bool) error {
	if !outbox.Takes(publish.EventBridge) {
		return nil
	}
	f, err := readFinding(&row)
	if err != nil {
		return err
	}
	var all, detail map[string]any
	if err := json.Unmarshal(wire.Marshal(f), &all); err != nil {
		return fmt.Errorf("finding %s: %w", row.ID, err)
	}
	detail = map[string]any{"version": "1.0", "accountId": row.Owner, "region": t.Region, "isDeleted": deleted}
	for _, name := range []string{"id", "resource", "resourceType", "status", "isPublic", "principal", "action", "condition", "createdAt", "analyzedAt", "updatedAt", "error"} {
		if v, ok := all[name]; ok {
			detail[name] = v
		}
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	return outbox.Add(ctx, tx, t, publish.Event{
		Kind: publish.EventBridge, Source: "aws.access-analyzer", DetailType: "Access Analyzer Finding", Resources: []string{analyzer},
		Detail: text, Subject: row.ID, Time: time.UnixMilli(now),
	})
}
