// Package remedy finds, for a finding of external access, the smallest change of the resource's documents and settings that closes it.
//
// Candidates are made of the statements, grants and shares that the finding names, and every candidate is tried: resource.Analyze of the
// changed resource must no longer have the finding, must have no access that was not there before, and a statement that was changed must let
// nobody in from outside any more by what it let in before. Of those that pass, the one that costs least is taken (see cost): first the fewest
// other findings that go with it, then the least that those within the zone of trust lose, then the least text.
//
// No candidate adds access: they take statements, principals, values, actions, grants and shares away, add conditions to statements that
// allow, or turn on a setting that blocks.
package remedy

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/reach"
	"github.com/magpie-sec/magpie/internal/resource"
	"github.com/magpie-sec/magpie/internal/source"
)

// ErrNone says that no change that was tried closes a finding without opening something else.
var ErrNone = errors.New("no change was found that closes it and opens nothing else")

// ErrBudget says that the resource has so many findings that no change was looked for.
var ErrBudget = errors.New("not looked for, as the resource has too many findings; close others first")

// A Remedy is a change that closes a finding.
type Remedy struct {
	Edits []Edit // in the order of the documents; all of them are needed
	// Lost are other findings that go or shrink with it.
	Lost []resource.Finding
	// Left is access that the finding covered and that stays, as a finding of its own: other statements grant it.
	Left []resource.Finding
	// Resource is the resource as it would be. Documents that were changed have no places.
	Resource *resource.Resource
}

// budget is about how many findings may be made while remedies for one resource are looked for.
const budget = 20_000

// maxCandidates is how many changes are tried for one finding.
const maxCandidates = 64

// limits bound the work of one try. A change whose effect takes more to tell is not offered.
var limits = reach.Limits{Steps: 50_000}

// A Closer finds remedies for the findings of one resource. It is for one goroutine.
type Closer struct {
	r      *resource.Resource
	zone   reach.Zone
	before resource.Result
	most   resource.Result // what may be at most, where documents have parts that are not known
	left   int             // of the budget
	tried  map[resource.Fingerprint]tried
	had    map[string]*resource.Finding // the findings before, by what they are about
	parsed map[string]*iam.Policy       // documents by name
	lives  map[string]bool              // statements with a condition in addition, see alive
}

// tried is what a changed resource analyses to.
type tried struct{ result, most resource.Result }

// New makes a closer. result is what resource.Analyze makes of the resource and the zone.
func New(r *resource.Resource, zone reach.Zone, result resource.Result) *Closer {
	if r.Account != "" {
		zone.Account = r.Account
	}
	c := &Closer{r: r, zone: zone, before: result, left: budget, tried: map[resource.Fingerprint]tried{}, had: byAccess(result.Findings),
		parsed: map[string]*iam.Policy{}, lives: map[string]bool{}}
	if upper, differs := atMost(r); differs {
		c.most = resource.AnalyzeWithin(upper, zone, limits)
	}
	return c
}

// Close finds the smallest change that closes a finding of the resource. It fails with ErrNone or ErrBudget.
func (c *Closer) Close(f *resource.Finding) (*Remedy, error) {
	if c.left <= 0 {
		return nil, ErrBudget
	}
	candidates := c.candidates(f)
	var best *Remedy
	var least cost
	spent := false
	for _, edits := range candidates {
		r, ok := c.try(f, edits)
		if !ok {
			spent = spent || c.left <= 0
			continue
		}
		if k := c.cost(r); best == nil || k.compare(least) < 0 {
			best, least = r, k
		}
	}
	if best == nil {
		if spent {
			return nil, ErrBudget
		}
		return nil, ErrNone
	}
	return c.shrink(f, best), nil
}

// shrink takes edits away that are not needed.
func (c *Closer) shrink(f *resource.Finding, r *Remedy) *Remedy {
	for i := len(r.Edits) - 1; i >= 0 && len(r.Edits) > 1; i-- {
		fewer := slices.Delete(slices.Clone(r.Edits), i, i+1)
		if less, ok := c.try(f, fewer); ok && c.cost(less).compare(c.cost(r)) < 0 {
			r, i = less, len(less.Edits) // what was needed before may not be now
		}
	}
	return r
}

// A cost orders the changes that close a finding.
type cost struct {
	lost       int // other findings that go or shrink
	inside     loss
	preference int // of conditions that do the same: those that suit the statement first
	text       int // bytes of what is added and taken away
}

// A loss is what a change takes from others than those outside the zone.
type loss int

const (
	nothing  loss = iota
	unseen        // access that is not analysed may end: the ACLs of objects
	action        // an action that the statement lets insiders use, too
	wholeOne      // all that a statement that insiders use lets them do
)

func (k cost) compare(l cost) int {
	return cmp.Or(cmp.Compare(k.lost, l.lost), cmp.Compare(k.inside, l.inside), cmp.Compare(k.preference, l.preference), cmp.Compare(k.text, l.text))
}

func (c *Closer) cost(r *Remedy) cost {
	k := cost{lost: len(r.Lost)}
	for i := range r.Edits {
		e := &r.Edits[i]
		k.inside, k.preference, k.text = max(k.inside, e.loss), k.preference+e.preference, k.text+e.size
	}
	return k
}

// try analyses the resource as it is after some edits.
func (c *Closer) try(f *resource.Finding, edits []Edit) (*Remedy, bool) {
	changed, kept, ok := apply(c.r, edits)
	if !ok {
		return nil, false
	}
	print := changed.Fingerprint()
	t, known := c.tried[print]
	if !known {
		if c.left -= 1 + len(c.before.Findings); c.left < 0 {
			return nil, false
		}
		t.result = resource.AnalyzeWithin(changed, c.zone, limits)
		if upper, differs := atMost(changed); differs {
			t.most = resource.AnalyzeWithin(upper, c.zone, limits)
		}
		c.tried[print] = t
	}
	if !sameGaps(t.result, c.before) || !sameGaps(t.most, c.most) {
		return nil, false
	}
	r := &Remedy{Edits: edits, Resource: changed}
	touched := func(g *resource.Finding) bool {
		return slices.ContainsFunc(g.Reasons, func(why resource.Reason) bool { return kept.touched(why, edits) })
	}
	for i := range t.result.Findings {
		g := &t.result.Findings[i]
		if b := c.had[about(g)]; b != nil && !same(f, g) && (b.Public || !g.Public) && holds(b, g.Actions) {
			continue
		}
		if same(f, g) || !covered(g, c.before.Findings) {
			return nil, false
		}
		if touched(g) {
			return nil, false // the change only narrows what the statement lets in
		}
		r.Left = append(r.Left, *g)
	}
	for i := range t.most.Findings {
		if g := &t.most.Findings[i]; (within(f, g) || within(g, f)) && touched(g) {
			return nil, false // what is not known may be the finding again
		}
	}
	has := byAccess(t.result.Findings)
	for i := range c.before.Findings {
		b := &c.before.Findings[i]
		if g := has[about(b)]; !same(b, f) && (g == nil || !holds(g, b.Actions)) {
			r.Lost = append(r.Lost, *b)
		}
	}
	return r, true
}

// same reports whether two findings are about the same access.
func same(f, g *resource.Finding) bool {
	return f.Principal == g.Principal && slices.Equal(f.Condition, g.Condition)
}

// about is what a finding is about, as a text.
func about(f *resource.Finding) string {
	var b strings.Builder
	b.WriteString(string(f.Principal.Kind) + "\x00" + f.Principal.Value)
	for _, t := range f.Condition {
		b.WriteString("\x00" + t.Key + "\x00" + t.Label)
	}
	return b.String()
}

func byAccess(findings []resource.Finding) map[string]*resource.Finding {
	m := make(map[string]*resource.Finding, len(findings))
	for i := range findings {
		m[about(&findings[i])] = &findings[i]
	}
	return m
}

// within reports whether whom a finding lets in, and when, is part of what another says.
func within(g, f *resource.Finding) bool {
	if g.Principal != f.Principal && f.Principal != (reach.Principal{Kind: reach.AWS, Value: "*"}) || g.Public && !f.Public {
		return false
	}
	return !slices.ContainsFunc(f.Condition, func(t reach.Term) bool { return !slices.Contains(g.Condition, t) })
}

// holds reports whether a finding is about all of some actions.
func holds(f *resource.Finding, actions []string) bool {
	return !slices.ContainsFunc(actions, func(a string) bool { return !slices.Contains(f.Actions, a) })
}

// covered reports whether all access of a finding is part of findings.
func covered(g *resource.Finding, by []resource.Finding) bool {
	return !slices.ContainsFunc(g.Actions, func(a string) bool {
		return !slices.ContainsFunc(by, func(b resource.Finding) bool { return within(g, &b) && slices.Contains(b.Actions, a) })
	})
}

// sameGaps reports whether all that is undecided after a change was so before, and for lack of facts rather than for the work it takes.
func sameGaps(after, before resource.Result) bool {
	if after.Error == "" {
		return true
	}
	for _, gap := range strings.Split(after.Reason, "; ") {
		if !strings.Contains(before.Reason, gap) || strings.Contains(gap, "too complex") || strings.Contains(gap, reach.ErrUnsupported.Error()) {
			return false
		}
	}
	return true
}

// atMost is the resource with everything that is not known of its documents taken for the most that it may allow.
func atMost(r *resource.Resource) (most *resource.Resource, differs bool) {
	c := *r
	widen := func(d *source.Fact[resource.Document]) {
		if d.State == source.StateKnown && d.Value.Least != "" {
			d.Value.Least, d.Value.Reason, differs = "", "", true
		}
	}
	widen(&c.Policy)
	c.AccessPoints.Value = slices.Clone(c.AccessPoints.Value)
	for i := range c.AccessPoints.Value {
		widen(&c.AccessPoints.Value[i].Policy)
	}
	return &c, differs
}
