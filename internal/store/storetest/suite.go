// Package storetest is the acceptance suite of the store's engines: what it asks of one it asks of every one.
package storetest

import (
	"context"
	"testing"

	"github.com/magpie-sec/magpie/internal/store"
)

// Run runs the suite. open opens a fresh, migrated database that is closed when the test ends.
func Run(t *testing.T, open func(t testing.TB) store.DB) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Tx", transactionTests},
		{"Session", sessionTests},
		{"Job", jobTests},
		{"Result", resultTests},
		{"JobEvent", jobEventTests},
		{"Ledger", ledgerTests},
		{"LargeObject", largeObjectTests},
		{"Bucket", bucketTests},
		{"Notification", notificationTests},
		{"Discovery", discoveryTests},
		{"AccessKey", accessKeyTests},
		{"Tag", tagTests},
		{"Setting", settingTests},
		{"Reveal", revealTests},
		{"Export", exportTests},
		{"CustomIdentifier", customIdentifierTests},
		{"AllowList", allowListTests},
		{"Finding", findingTests},
		{"Criteria", criteriaTests},
		{"Analyzer", analyzerTests},
		{"Preview", previewTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
			}
		})
	}
}

type test struct {
	name string
	run  func(t *testing.T, db store.DB)
}

// Two tenants in one account and one in another: nothing of one may be seen by the others.
var (
	here  = store.Tenant{Account: "111122223333", Region: "us-east-1"}
	there = store.Tenant{Account: "111122223333", Region: "eu-west-1"}
	other = store.Tenant{Account: "444455556666", Region: "us-east-1"}
)

func update(t testing.TB, db store.DB, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	ctx := t.Context()
	if err := db.Update(ctx, func(tx store.Tx) error { return fn(ctx, tx) }); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, db store.DB, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	ctx := t.Context()
	if err := db.View(ctx, func(tx store.Tx) error { return fn(ctx, tx) }); err != nil {
		t.Fatal(err)
	}
}
