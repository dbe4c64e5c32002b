package macie

import "github.com/magpie-sec/magpie/internal/source"

// Unreadable returns the reason for which an object is not even opened, as far as its listing tells: its storage class, or a key that its customer
// keeps. "" if there is none.
func Unreadable(o source.Object) string { return unreadable(o) }
