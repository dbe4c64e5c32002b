package check

// AccountNumber reports whether the digits may be an account number: they are not all alike.
func AccountNumber(digits []byte) bool { return !uniform(digits) }
