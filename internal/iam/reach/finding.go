package reach

// External finds all access of someone outside the zone to one of the actions, cut as Access Analyzer does.
func External(docs Guard, zone Zone, actions []string, l Limits) ([]Access, error) {
	return nil, ErrUnsupported
}

// IsPublic tells whether everyone may use one of the actions.
func IsPublic(docs Guard, actions []string, l Limits) ([]Access, error) {
	return nil, ErrUnsupported
}
