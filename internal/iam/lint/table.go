package lint

import (
	"sync"

	"github.com/magpie-sec/magpie/internal/iam"
)

// A family is a function that makes one or several checks.
type family struct {
	sound     bool // it is not asked about statements of which a part has no meaning
	policy    func(*linter, []*statement)
	statement func(*linter, *statement)
	condition func(*linter, *statement, *iam.Condition)
}

// kinds is a set of kinds of policies.
type kinds uint16

func of(list ...iam.Kind) kinds {
	var set kinds
	for _, k := range list {
		set |= 1 << k
	}
	return set
}

func (set kinds) has(k iam.Kind) bool { return set&(1<<k) != 0 }

// A check is a row of the table.
type check struct {
	code  iam.Code
	typ   Type
	kinds kinds
	types []string // of resources, for resource policies; nil: all
	by    *family
}

// A row is a check with its place.
type row struct {
	check
	order int
}

// rows gives the checks by code.
var rows = sync.OnceValue(func() map[iam.Code]row {
	m := make(map[iam.Code]row, len(checks))
	for i, c := range checks {
		m[c.code] = row{c, i}
	}
	return m
})
