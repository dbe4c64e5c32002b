package reach

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/arn"
	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/eval"
	"github.com/magpie-sec/magpie/internal/iam/glob"
)

// ask looks for a request that meets some constraints, is in none of some boxes, and is confirmed. st is its point; nil without an error if
// there is no such request.
//
// Policy variables are first left open. If there is no request then, there is none. If there is, values are tried for the variables' keys:
// absence, a text that no policy has, texts that the policies compare the key with, and what the key is at the point found. Should none do,
// the question is not decided.
func (sp *space) ask(require []signed, avoid []*box, confirmed func(st *state) bool) (*state, error) {
	confirm := func(st *state) bool {
		sp.work(sp.size)
		return confirmed(st)
	}
	variables := sp.variables()
	if len(variables) == 0 {
		st, err := sp.find(require, avoid)
		if st == nil || err != nil {
			return nil, err
		}
		if !confirm(st) {
			return nil, fmt.Errorf("%w: a request that was found is not confirmed", ErrUnsupported)
		}
		return st, nil
	}
	sp.take(stance{open: true})
	st, err := sp.find(require, avoid)
	if st == nil && err == nil || errors.Is(err, errSpent) {
		return nil, err
	}
	if st != nil && confirm(st) {
		return st, nil
	}
	for _, values := range sp.choices(variables, st) {
		sp.take(stance{values: values})
		pinned := slices.Clone(require)
		for _, k := range variables {
			pinned = append(pinned, sp.pin(k, values))
		}
		st, e := sp.find(pinned, avoid)
		switch {
		case st != nil && confirm(st):
			return st, nil
		case errors.Is(e, errSpent):
			return nil, e
		case e != nil:
			err = e
		}
	}
	if err == nil {
		err = fmt.Errorf("%w: policy variables that depend on each other", ErrUnsupported)
	}
	return nil, err
}

// variables are the keys that variables stand for. A multivalued one never has a value.
func (sp *space) variables() []*key {
	var list []*key
	for _, k := range sp.order {
		if k.variable && k.canBeOne() {
			list = append(list, k)
		}
	}
	return list
}

// maxChoices bounds the values that are tried for variables.
const maxChoices = 64

// choices are values for the variables' keys; those that are missing are absent.
func (sp *space) choices(variables []*key, st *state) []map[string]string {
	all := []map[string]string{{}}
	for _, k := range variables {
		var values []string
		add := func(s string) {
			sp.work(1 + len(values)/8)
			if !slices.Contains(values, s) {
				values = append(values, s)
			}
		}
		if st != nil {
			v := &st.values[k.coord]
			if k.coord == callerCoord {
				v = sp.callerKey(v, k)
			}
			if !v.absent {
				add(v.list[0])
			}
		}
		for _, text := range sp.within(st, k.folded) {
			add(text)
		}
		if k.samples == nil && k.coord != callerCoord {
			add(fresh)
			if k.families[iam.FamilyARN] {
				add("arn:aws:iam::210987654321:user/example")
			}
		}
		for _, c := range k.conditions {
			for i := range c.Values {
				if v := &c.Values[i]; !v.Template.HasVariables() {
					add(v.Value)
				}
			}
		}
		if k.coord == callerCoord {
			for i := range sp.callers {
				if f := sp.callers[i].frames[k.folded]; f != nil && f.exact && len(values) < 8 {
					add(f.value)
				}
			}
		}
		var more []map[string]string
		for _, choice := range all {
			for _, s := range values {
				if len(more) >= maxChoices {
					break
				}
				c := map[string]string{k.folded: s}
				for k, v := range choice {
					c[k] = v
				}
				more = append(more, c)
			}
		}
		all = append(more, all...)
		if len(all) > maxChoices {
			all = all[:maxChoices]
		}
	}
	return all
}

// within gives what texts at a point have where templates have a variable. A variable whose place in the text is open gives nothing.
func (sp *space) within(st *state, key string) []string {
	if st == nil {
		return nil
	}
	var values []string
	for i := range sp.atoms {
		t := sp.atoms[i].template
		if t == nil {
			continue
		}
		if sp.over {
			break
		}
		for c := range st.values {
			for _, text := range st.values[c].list {
				if !sp.inAtom(int32(i), text) {
					continue
				}
				before := ""
				for j, part := range t.Parts {
					if part.Kind == iam.PartVariable {
						if rest, ok := strings.CutPrefix(text, before); ok && part.Key == key {
							next := ""
							if j+1 < len(t.Parts) {
								next = t.Parts[j+1].Text
							}
							if n := strings.IndexAny(next, "*?"); n >= 0 {
								next = next[:n]
							}
							if at := strings.Index(rest, next); next != "" && at >= 0 {
								rest = rest[:at]
							}
							values = append(values, rest)
						}
						break
					}
					if part.Kind == iam.PartText && strings.ContainsAny(part.Text, "*?") {
						break
					}
					before += part.Text
				}
			}
		}
	}
	return values
}

// pin is the literal of a key having the value that was chosen for it.
func (sp *space) pin(k *key, values map[string]string) signed {
	s, ok := values[k.folded]
	if !ok {
		return yes(sp.number("absent "+k.folded, func() literal { return literal{coord: k.coord, key: k, absent: true, single: never, set: never} }))
	}
	return yes(sp.number("is "+k.folded+" "+s, func() literal {
		a := yes(sp.patternAtom("like", glob.Literal(s)))
		return literal{coord: k.coord, key: k, single: onValue, test: &test{textual: true, whenTrue: [][]signed{{a}}, whenFalse: [][]signed{{negate(a)}}}}
	}))
}

// request is the request at a point, as one layer sees it.
func (sp *space) request(st *state, layer int) eval.Request {
	c := &sp.callers[st.values[callerCoord].point]
	r := eval.Request{Caller: c.Caller, Context: eval.Context{}}
	if sp.linked {
		sp.completeCaller(&r.Caller, c, &st.values[callerCoord])
		r.Context = r.Caller.Keys()
	}
	for _, k := range sp.order {
		v := &st.values[k.coord]
		if k.coord == callerCoord {
			v = sp.callerKey(v, k)
		}
		if v.absent {
			delete(r.Context, k.folded)
			continue
		}
		r.Context[k.folded] = eval.Values{List: v.list, Many: v.set}
	}
	if sp.actions != nil {
		r.Action = sp.actions.classes[st.values[actionCoord].point].name
	} else {
		r.Action = st.values[actionCoord].list[0]
	}
	r.Resource = st.values[firstResource+layer].list[0]
	return r
}

// completeCaller fills in whom the keys tell more of.
func (sp *space) completeCaller(caller *eval.Caller, c *caller, v *value) {
	k := sp.keys[principalARN]
	for i := range v.keys {
		if v.keys[i].key.folded == principalARN {
			k = v.keys[i].key
		}
	}
	if k == nil || c.arn == "" {
		return
	}
	s := sp.callerKey(v, k)
	if s.absent {
		return
	}
	caller.ARN = s.list[0]
	if a, err := arn.Parse(caller.ARN); err == nil {
		caller.Account = a.Account
	}
	if caller.Kind == eval.RoleSession {
		caller.SessionARN = sessionARN(caller.ARN, c.SessionARN[strings.LastIndexByte(c.SessionARN, '/')+1:])
	}
}
