package custom

// Overdrawn reports whether some definition took more work on the document than the document's own bytes allow. If that holds for none of the
// parts of a document, each scanned as a document, no definition is given up in the whole one either.
func (s *Scanner) Overdrawn() bool {
	for i := range s.rules {
		if m := s.rules[i].matcher; m != nil && m.steps > m.allowed-stepsFree {
			return true
		}
	}
	return false
}
