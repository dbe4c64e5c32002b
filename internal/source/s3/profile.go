package s3

// A Profile says what a store cannot say of itself.
type Profile struct {
	// Owners are the store's own names of the account that owns the buckets, in policies and access control lists.
	Owners []string
	// Lacks are settings that the store has not, though it answers as if it had (Setting...).
	Lacks []string
}

type missing struct{}
