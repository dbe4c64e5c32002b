// Package check holds the checks that tell a value from a number of the same form: one function for each algorithm, and the few grammars
// that a layout cannot express.
package check

// What a grammar answers instead of a length.
const (
	// No says that there is no value.
	No = -1
	// More says that the text ends before the value does.
	More = -2
)
