package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/store"
)

type keysCommand struct {
	Add    keysAdd    `cmd:"" help:"Make an access key, and print its secret this once."`
	List   keysList   `cmd:"" help:"List the access keys; secrets are not shown."`
	Remove keysRemove `cmd:"" help:"Remove an access key. Servers may go on taking it for 5 seconds."`
}

type keysAdd struct {
	Name    string  `arg:"" optional:"" default:"root" help:"The IAM user that the key stands for; without one the account itself."`
	Account string  `default:"111122223333" placeholder:"ID" help:"The key's account, 12 digits. Default: 111122223333."`
	Policy  *string `placeholder:"FILE" help:"Not available yet: what the key may do."`
	databaseFlags
}

// Run makes a key.
func (c keysAdd) Run(ctx context.Context, std stdio) error {
	switch {
	case c.Policy != nil:
		return errors.New("--policy: this version cannot enforce policies yet, so it takes none: every key may do everything in its account. Leave --policy out if that is right")
	case !arn.IsAccount(c.Account):
		return fmt.Errorf("--account %q: an account id has 12 digits", c.Account)
	case !userName.MatchString(c.Name):
		return fmt.Errorf("%q: a user's name has 1 to 64 letters, digits and characters of _+=,.@-", c.Name)
	}
	data, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	master, err := openMasterKey(ctx, data, db)
	if err != nil {
		return err
	}
	made := newCredential()
	row, err := made.row(master, c.Account, c.Name, time.Now())
	if err != nil {
		return err
	}
	if err := db.Update(ctx, func(tx store.Tx) error {
		return store.CreateAccessKey(ctx, tx, row)
	}); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", c.profile(), made.id, made.secret)
	fmt.Fprintln(std.err, "This is a profile for a file of AWS credentials. The secret is shown this once.")
	return nil
}

func (c keysAdd) profile() string {
	if c.Name == rootName {
		return profile
	}
	return profile + "-" + c.Name
}

type keysList struct {
	databaseFlags
}

// Run lists the keys.
func (c keysList) Run(ctx context.Context, std stdio) error {
	db, err := c.read(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	var keys []store.AccessKey
	err = db.View(ctx, func(tx store.Tx) (err error) {
		keys, err = store.AccessKeys(ctx, tx, "")
		return err
	})
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tACCOUNT\tUSER\tMADE\tLAST USED")
	for _, k := range keys {
		used := "never"
		if k.UsedAt != nil {
			used = stamp(*k.UsedAt)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Account, printable(k.Name), stamp(k.CreatedAt), used)
	}
	return table.Flush()
}

func stamp(milliseconds int64) string {
	return time.UnixMilli(milliseconds).UTC().Format(time.RFC3339)
}

type keysRemove struct {
	ID string `arg:"" help:"The access key's id."`
	databaseFlags
}

// Run removes a key.
func (c keysRemove) Run(ctx context.Context, std stdio) error {
	_, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	err = db.Update(ctx, func(tx store.Tx) error { return store.DeleteAccessKey(ctx, tx, c.ID) })
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("there is no access key %s; magpie keys list shows them", printable(c.ID))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "Removed %s.\n", c.ID)
	return nil
}
