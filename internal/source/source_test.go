package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestErrorIsOneLine(t *testing.T) {
	e := &Error{Kind: AccessDenied, Op: "open", Bucket: "b", Key: "a\n\x1b[31m\xff", Err: fs.ErrPermission}
	if want := `open bucket "b" key "a\n\x1b[31m\xff": access denied: permission denied`; e.Error() != want {
		t.Errorf("error text %q, want %q", e.Error(), want)
	}
	if want := "list: source unavailable for now"; (&Error{Kind: Unavailable, Op: "list"}).Error() != want {
		t.Errorf("error text without bucket and cause is not %q", want)
	}
	if !errors.Is(e, fs.ErrPermission) {
		t.Error("the cause is lost")
	}
}

func TestKindOf(t *testing.T) {
	for err, want := range map[error]Kind{
		nil:                      Other,
		errors.New("x"):          Other,
		context.Canceled:         Other,
		context.DeadlineExceeded: Unavailable,
		fmt.Errorf("shard 7: %w", &Error{Kind: Changed}):                           Changed,
		&Error{Kind: NotFound, Err: &Error{Kind: AccessDenied}}:                    NotFound,
		errors.Join(errors.New("x"), &Error{Kind: BucketNotFound}):                 BucketNotFound,
		fmt.Errorf("%w: %w", context.DeadlineExceeded, &Error{Kind: AccessDenied}): AccessDenied,
	} {
		if got := KindOf(err); got != want {
			t.Errorf("KindOf(%v) is %q, want %q", err, got, want)
		}
	}
	for k := Other; k <= Archived; k++ {
		if k.String() == "" {
			t.Errorf("kind %d has no words", k)
		}
	}
	if got := (Archived + 1).String(); got != "Kind(10)" {
		t.Errorf("a kind that is none is %q", got)
	}
}

func TestFacts(t *testing.T) {
	var zero Fact[int]
	if zero.State != StateUnknown {
		t.Error("a fact that nobody filled in is not unknown")
	}
	if v, known := Known(7).Get(); v != 7 || !known {
		t.Errorf("a known fact gives %d, %v", v, known)
	}
	for fact, want := range map[Fact[int]]string{zero: "unknown", Unknown[int]("denied"): "unknown", Absent[int](""): "absent", Known(0): "known"} {
		if _, known := fact.Get(); fact.State.String() != want || known != (want == "known") {
			t.Errorf("%+v is %s, want %s", fact, fact.State, want)
		}
	}
}
