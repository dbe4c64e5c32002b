package wire

// Ptr returns a pointer to v, for optional members.
func Ptr[T any](v T) *T { return &v }

// Value returns what p points to, or the zero value for an absent member.
func Value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// ValueOr returns what p points to, or def for an absent member.
func ValueOr[T any](p *T, def T) T {
	if p == nil {
		return def
	}
	return *p
}
