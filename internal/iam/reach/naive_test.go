package reach

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/eval"
	"math/rand/v2"
)

// inside reports whether a combination of labels lies in another.
func (m *miner) inside(f, g []int) bool {
	for i, d := range m.dims {
		if !d.holding[f[i]].has(g[i]) {
			return false
		}
	}
	return true
}

// naive cuts findings as access-analyzer.md 2.5 says it, one question about all statements and all children per combination.
func naive(docs Guard, zone Zone, actions []string) ([]string, error) {
	m, err := newMiner(&docs, &zone, actions, newMeter(Limits{Steps: 50_000_000}))
	if m == nil || err != nil {
		return nil, err
	}
	m.beyond(&zone)
	if err := m.dimensions(); err != nil {
		return nil, err
	}
	work := [][]int{make([]int, len(m.dims))}
	seen := map[string]bool{}
	var reported []*found
	for len(work) > 0 {
		f := work[0]
		work = work[1:]
		name := string(packInto(nil, toInt32(f)))
		if seen[name] {
			continue
		}
		seen[name] = true
		var cell []signed
		avoid := slices.Clone(m.deny)
		var kids [][]int
		for i, d := range m.dims {
			cell = append(cell, d.cell(f[i], false)...)
			for _, l := range d.labels[f[i]].lower {
				g := slices.Clone(f)
				g[i] = l
				kids = append(kids, g)
				child := &box{}
				for j, e := range m.dims {
					for _, s := range e.cell(g[j], false) {
						child.literals = append(child.literals, litOf(s))
					}
				}
				avoid = append(avoid, child)
			}
		}
		irreducible := false
		for _, b := range m.allow {
			m.open()
			st, err := m.sp.ask(slices.Concat(positive(b), m.outside, cell), avoid, func(st *state) bool { return m.confirm(b, st) })
			if err != nil {
				return nil, err
			}
			irreducible = irreducible || st != nil
		}
		if irreducible {
			reported = append(reported, &found{labels: f})
		} else {
			work = append(work, kids...)
		}
	}
	var list []string
	for _, f := range reported {
		if slices.ContainsFunc(reported, func(g *found) bool { return g != f && m.inside(f.labels, g.labels) }) {
			continue
		}
		a := Access{Principal: m.dims[0].labels[f.labels[0]].principal}
		for i, d := range m.dims {
			if i > 0 && f.labels[i] > 0 {
				a.Condition = append(a.Condition, Term{d.key.name, d.labels[f.labels[i]].text})
			}
		}
		slices.SortFunc(a.Condition, func(x, y Term) int { return strings.Compare(x.Key, y.Key) })
		list = append(list, label2(a))
	}
	slices.Sort(list)
	return list, nil
}

func toInt32(list []int) []int32 {
	out := make([]int32, len(list))
	for i, n := range list {
		out[i] = int32(n)
	}
	return out
}

// label2 is what a finding is about, without what grants it.
func label2(a Access) string {
	text, _, _ := strings.Cut(show(a), " =>")
	return text
}

func labelsOf(list []Access) []string {
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = label2(a)
	}
	slices.Sort(out)
	return out
}

// TestOverlappingNaive compares both ways on the family of the benchmarks.
func TestOverlappingNaive(t *testing.T) {
	for _, variant := range "ABC" {
		most := 6
		if testing.Short() {
			most = 3
		}
		for n := 1; n <= most; n++ {
			p := overlapping(t, n, byte(variant))
			zone := Zone{Account: "111122223333"}
			start := time.Now()
			got, err := External(Alone(p), zone, []string{"s3:GetObject"}, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			took := time.Since(start)
			start = time.Now()
			want, err := naive(Alone(p), zone, []string{"s3:GetObject"})
			if err != nil {
				t.Fatal(err)
			}
			if variant != 'C' && len(got) != n*n {
				t.Errorf("%c n=%d: %d findings", variant, n, len(got))
			}
			if !slices.Equal(labelsOf(got), want) {
				t.Errorf("%c n=%d:\n%s\nnaive:\n%s", variant, n, strings.Join(labelsOf(got), "\n"), strings.Join(want, "\n"))
			}
			t.Logf("%c n=%d: %d findings in %v, naively %v", variant, n, len(got), took, time.Since(start))
		}
	}
}

// external makes a policy about the keys that findings are cut along.
func (m maker) external(t testing.TB) *iam.Policy {
	saved := keyNames
	defer func() { keyNames = saved }()
	keyNames = []string{"aws:PrincipalArn", "aws:PrincipalAccount", "aws:SourceIp", "aws:SourceIp", "aws:SourceArn", "k:one", "aws:SecureTransport", "aws:userid", "aws:PrincipalType", "aws:PrincipalOrgPaths"}
	return m.policy(t, iam.Resource, 3)
}

// covers reports whether a finding speaks of a request.
func covers(p *iam.Policy, a *Access, r *eval.Request) bool {
	if a.Principal.Value != "*" || a.Principal.Kind != AWS {
		named := false
		for i := range p.Statements {
			if ps := p.Statements[i].Principals; ps != nil {
				for j := range ps.List {
					q := ps.List[j]
					if q.Value == a.Principal.Value || q.Kind == iam.Account && q.Account == a.Principal.Value {
						named = named || eval.Names(&iam.Statement{Principals: &iam.Principals{List: []iam.Principal{q}}}, &r.Caller) != eval.NotNamed
					}
				}
			}
		}
		if !named {
			return false
		}
	}
	for _, term := range a.Condition {
		meets := false
		for i := range p.Statements {
			for j := range p.Statements[i].Conditions {
				c := p.Statements[i].Conditions[j]
				if c.Key.Folded != iam.FoldKey(term.Key) || c.Operator.Test == iam.Null {
					continue
				}
				if c.Operator.Test.Negated() {
					c.Operator.Test--
				}
				c.Operator = iam.Operator{Test: c.Operator.Test}
				if r.Context[c.Key.Folded].Many {
					c.Operator.Qualifier = iam.ForAnyValue
				}
				for _, v := range c.Values {
					if v.Value == term.Label {
						c.Values = []iam.Value{v}
						meets = meets || eval.Holds(&c, r.Context)
					}
				}
			}
		}
		if !meets {
			return false
		}
	}
	return slices.Contains(a.Actions, r.Action)
}

// TestExternalAgainstEval has eval look for requests from outside that no finding covers, or that everyone can make though IsPublic says no,
// and compares with the naive way of cutting.
func TestExternalAgainstEval(t *testing.T) {
	rounds := 5_000
	if testing.Short() {
		rounds = 2_000
	}
	m := maker{rand.New(rand.NewPCG(33, 44))}
	actions := []string{"a:GetX", "a:GetY", "a:PutX", "b:Put"}
	zone := Zone{Account: "111122223333"}
	undecided, total, public := 0, 0, 0
	reasons := map[string]int{}
	var requests []*eval.Request
	for i := range rounds {
		if i%50 == 0 {
			requests = requests[:0]
			for range 40 {
				r := m.request()
				derived := r.Caller.Keys()
				for _, k := range linkedKeys {
					delete(r.Context, k)
				}
				for k, v := range derived {
					r.Context[k] = v
				}
				if m.IntN(2) == 0 {
					r.Context.Set("aws:SourceArn", m.one("arn:aws:s3:::b", "arn:aws:s3:::bx", "arn:aws:sns:us-east-1:111122223333:t"))
				}
				if r.Caller.Kind != eval.Root || r.Caller.ARN != "" {
					requests = append(requests, r)
				}
			}
		}
		p := m.external(t)
		docs := Alone(p)
		list, err := External(docs, zone, actions, Limits{})
		if err != nil {
			if strings.Contains(err.Error(), "not confirmed") {
				t.Fatalf("%v\n%s", err, p.Text())
			}
			reasons[err.Error()]++
			undecided++
			continue
		}
		total += len(list)
		open, err := IsPublic(docs, actions, Limits{})
		if err != nil {
			undecided++
			continue
		}
		if len(open) > 0 {
			public++
		}
		isPublic := false
		for j := range list {
			a := &list[j]
			isPublic = isPublic || a.Public
			if !eval.Permits(p, &a.Witness) || !covers(p, a, &a.Witness) || a.Witness.Caller.Account == zone.Account || a.Witness.Caller.Kind == eval.Service {
				t.Fatalf("the request does not show %s: %+v\n%s", show(*a), a.Witness, p.Text())
			}
		}
		if isPublic && len(open) == 0 {
			t.Fatalf("a public finding, and IsPublic says no\n%s", p.Text())
		}
		for _, r := range requests {
			if !slices.Contains(actions, r.Action) || r.Caller.Account == zone.Account || r.Caller.Kind == eval.Service || !imaginable(r, p) || !eval.Permits(p, r) {
				continue
			}
			if v, ok := r.Context["aws:sourcearn"]; ok && strings.Contains(v.List[0], ":111122223333:") {
				continue
			}
			if !slices.ContainsFunc(list, func(a Access) bool { return covers(p, &a, r) }) {
				t.Fatalf("overlooked: %+v\n%s\n%v", r, p.Text(), labelsOf(list))
			}
			if r.Caller.Kind == eval.Anonymous && !isPublic && !limited(r) {
				t.Fatalf("public: %+v\n%s\n%v", r, p.Text(), labelsOf(list))
			}
		}
		if i%80 == 0 {
			for _, action := range actions {
				want, err := naive(docs, zone, []string{action})
				if err != nil {
					undecided++
					break
				}
				of := slices.DeleteFunc(slices.Clone(list), func(a Access) bool { return !slices.Contains(a.Actions, action) })
				if got := labelsOf(of); !slices.Equal(got, want) {
					t.Fatalf("%s:\n%s\nnaively\n%s\n%s", action, strings.Join(got, "\n"), strings.Join(want, "\n"), p.Text())
				}
			}
		}
	}
	t.Logf("%d findings, %d policies public, %d undecided: %v", total, public, undecided, reasons)
	if undecided > rounds/25 || total < rounds/2 || public < rounds/10 {
		t.Errorf("%d findings, %d policies public, %d undecided", total, public, undecided)
	}
}

// limited reports whether a request carries a considered key at all.
func limited(r *eval.Request) bool {
	for k := range r.Context {
		if _, ok := considered(k); ok && k != principalID {
			return true
		}
	}
	return false
}
