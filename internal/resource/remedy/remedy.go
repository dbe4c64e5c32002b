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

// steps bound the work of one try. A change whose effect takes more to tell is not offered.
const steps = 80_000

func (c *Closer) limits() reach.Limits { return reach.Limits{Steps: steps, Stop: c.Stop} }

// A Closer finds remedies for the findings of one resource. It is for one goroutine.
type Closer struct {
	// Stop, if it is not nil, is asked now and then, such as the Err method of a context: once it returns an error, Close does too.
	Stop func() error

	r      *resource.Resource
	zone   reach.Zone
	before resource.Result
	left   int // of the budget
	tried  map[resource.Fingerprint]resource.Result
	had    map[string]*resource.Finding // the findings before, by what they are about
	parsed map[string]*iam.Policy       // documents by name
	lives  map[string]bool              // statements with a condition in addition, see alive
}

// New makes a closer. result is what resource.Analyze makes of the resource and the zone.
func New(r *resource.Resource, zone reach.Zone, result resource.Result) *Closer {
	if r.Account != "" {
		zone.Account = r.Account
	}
	c := &Closer{r: r, zone: zone, before: result, left: budget, tried: map[resource.Fingerprint]resource.Result{}, had: byAccess(result.Findings),
		parsed: map[string]*iam.Policy{}, lives: map[string]bool{}}
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
		if err := c.stopped(); err != nil {
			return nil, err
		}
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
	best = c.shrink(f, best)
	return best, c.stopped()
}

func (c *Closer) stopped() error {
	if c.Stop == nil {
		return nil
	}
	return c.Stop()
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
	after, ok := c.analyse(changed)
	if !ok || !sameGaps(after, c.before) {
		return nil, false
	}
	r := &Remedy{Edits: edits, Resource: changed}
	touched := func(g *resource.Finding) bool {
		return slices.ContainsFunc(g.Reasons, func(why resource.Reason) bool { return kept.touched(why, edits) })
	}
	for i := range after.Findings {
		g := &after.Findings[i]
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
	has := byAccess(after.Findings)
	if most, differs := atMost(changed, edits, kept); differs {
		perhaps, ok := c.analyse(most)
		if !ok || !sameGaps(perhaps, c.before) {
			return nil, false
		}
		for i := range perhaps.Findings {
			g := &perhaps.Findings[i]
			if b := has[about(g)]; (b == nil || !holds(b, g.Actions)) && (within(f, g) || within(g, f)) {
				return nil, false // what is not known of the statements that were changed may be the finding again
			}
		}
	}
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

// analyse is resource.Analyze within the budget; ok is false if it is spent.
func (c *Closer) analyse(r *resource.Resource) (result resource.Result, ok bool) {
	print := r.Fingerprint()
	if result, ok = c.tried[print]; ok {
		return result, true
	}
	if c.left -= 1 + len(c.before.Findings); c.left < 0 {
		return result, false
	}
	result = resource.AnalyzeWithin(r, c.zone, c.limits())
	c.tried[print] = result
	return result, true
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

// atMost is a changed resource with what is not known of its documents taken for the most that it may allow in the statements that were
// changed, and for the least in all others: what it lets in beyond the certain is by the statements that were changed. differs is false if all
// of the documents is known.
func atMost(r *resource.Resource, edits []Edit, left kept) (most *resource.Resource, differs bool) {
	c := *r
	c.AccessPoints.Value = slices.Clone(c.AccessPoints.Value)
	main := ""
	for i := range edits {
		if name := edits[i].Reason.Document; edits[i].ofStatement() && !strings.HasPrefix(name, accessPointPolicy) {
			main = name
		}
	}
	names := []string{main}
	for _, p := range c.AccessPoints.Value {
		names = append(names, accessPointPolicy+p.Name)
	}
	for _, name := range names {
		d, kind := documentOf(&c, name)
		if d.State != source.StateKnown || d.Value.Least == "" {
			continue
		}
		differs = true
		text := d.Value.Text // if they cannot be told apart, all of it
		least, err1 := iam.Parse(d.Value.Least, kind)
		upper, err2 := iam.Parse(d.Value.Text, kind)
		if err1 == nil && err2 == nil && len(least.Statements) == len(upper.Statements) {
			mixed := *least
			mixed.Statements = slices.Clone(least.Statements)
			for i := range mixed.Statements {
				if left.touched(resource.Reason{Document: name, Statement: i}, edits) {
					mixed.Statements[i] = upper.Statements[i]
				}
			}
			text = mixed.String()
		}
		d.Value = resource.Document{Text: text}
	}
	return &c, differs
}
