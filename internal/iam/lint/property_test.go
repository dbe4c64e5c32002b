package lint

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/magpie-sec/magpie/internal/iam"
	"github.com/magpie-sec/magpie/internal/iam/eval"
	"github.com/magpie-sec/magpie/internal/iam/glob"
)

func random(r *rand.Rand, alphabet string, most int) string {
	b := make([]byte, r.IntN(most+1))
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

// TestRedundantAgainstGlob compares the redundant patterns of random lists with those of a search that asks glob about each pair.
func TestRedundantAgainstGlob(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 3000 {
		n := 2 + r.IntN(6)
		texts := make([]string, n)
		patterns := make([]glob.Pattern, n)
		for i := range texts {
			texts[i] = "s3:" + random(r, "ab*?", 4) + "a"
			patterns[i] = glob.Action(texts[i])
		}
		holds := func(i, j int) bool {
			in, err := glob.Includes(patterns[i], patterns[j])
			if err != nil {
				t.Fatal(err)
			}
			return in
		}
		var want []int
		for i := range texts {
			for j := range texts {
				if i != j && holds(j, i) && (j < i || !holds(i, j)) {
					want = append(want, i)
					break
				}
			}
		}
		list, _ := json.Marshal(texts)
		text := fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Resource":"*","Action":%s}}`, list)
		var got []int
		for _, f := range Check(text, iam.Identity, "") {
			if f.Code != "REDUNDANT_ACTION" {
				continue
			}
			var places []int
			for _, at := range f.Locations {
				places = append(places, at.Path[2].Index)
			}
			// One of a group holds the others.
			keeper := slices.IndexFunc(places, func(i int) bool { return !slices.Contains(want, i) })
			if keeper < 0 {
				t.Fatalf("%s: all of %v are redundant", text, places)
			}
			for i, place := range places {
				if i != keeper {
					got = append(got, place)
					if !holds(places[keeper], place) {
						t.Errorf("%s: %s does not hold %s", text, texts[places[keeper]], texts[place])
					}
				}
			}
		}
		slices.Sort(got)
		if found += len(got); !slices.Equal(got, want) {
			t.Errorf("%s: redundant are %v, want %v", text, got, want)
		}
	}
	if found < 1000 {
		t.Errorf("only %d redundant patterns", found)
	}
}

// TestWildcardsAgainstEval holds what is told of conditions with wildcards against eval: what always holds, holds of every request, and so on.
func TestWildcardsAgainstEval(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	keys := []struct {
		name           string
		many, required bool
	}{{"aws:PrincipalTag/t", false, false}, {"aws:RequestedRegion", false, true}, {"aws:CalledVia", true, false}}
	texts := []string{"", "a", "b", "ab", "ba", "aa", "z", "eu-west-1"}
	told := map[iam.Code]int{}
	for range 20_000 {
		key := keys[r.IntN(len(keys))]
		op := []string{"StringLike", "StringNotLike"}[r.IntN(2)]
		if key.many {
			op = []string{"ForAllValues:", "ForAnyValue:"}[r.IntN(2)] + op
		} else if r.IntN(2) == 0 {
			op += "IfExists"
		}
		values := make([]string, 1+r.IntN(3))
		for i := range values {
			values[i] = []string{"*", "?*", "**", "", "a*", "*a", "?", "a"}[r.IntN(8)]
		}
		list, _ := json.Marshal(values)
		text := fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"%s":{"%s":%s}}}}`, op, key.name, list)
		p, err := iam.Parse(text, iam.Identity)
		if err != nil {
			t.Fatal(err)
		}
		c := &p.Statements[0].Conditions[0]
		// present and absent tell whether the condition holds of all, of no or of some contexts with and without the key.
		var present, absent struct{ yes, no bool }
		for range 40 {
			ctx := eval.Context{}
			if key.many {
				set := make([]string, 1+r.IntN(3))
				for i := range set {
					set[i] = texts[r.IntN(len(texts))]
				}
				ctx.SetMany(key.name, set...)
			} else {
				ctx.Set(key.name, texts[r.IntN(len(texts))])
			}
			if eval.Holds(c, ctx) {
				present.yes = true
			} else {
				present.no = true
			}
		}
		if !key.required {
			absent.yes = eval.Holds(c, eval.Context{})
			absent.no = !absent.yes
		}
		everything := slices.Contains(values, "*") || slices.Contains(values, "**") || slices.Contains(values, "?*") && slices.Contains(values, "")
		fired := iam.Code("")
		for _, f := range Check(text, iam.Identity, "") {
			right, about := false, true
			switch f.Code {
			case "REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION":
				right = !present.no && !absent.no
			case "REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION":
				right = !present.yes && !absent.yes
			case "EQUIVALENT_TO_NULL_FALSE":
				right = !present.no && !absent.yes
			case "EQUIVALENT_TO_NULL_TRUE":
				right = !present.yes && !absent.no
			default:
				about = false
			}
			if about {
				fired = f.Code
				if told[f.Code]++; !right {
					t.Errorf("%s: %s, but it holds: present %+v, absent %+v", text, f.Code, present, absent)
				}
			}
		}
		if everything != (fired != "") {
			t.Errorf("%s: told %q", text, fired)
		}
	}
	if len(told) != 4 {
		t.Errorf("told %v", told)
	}
}

// TestContradictionsAgainstEval holds statements that are said to have no effect against random requests.
func TestContradictionsAgainstEval(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	told, not := 0, 0
	for range 1500 {
		pattern := func() string { return random(r, "ab", 2) + []string{"", "*", "?"}[r.IntN(3)] }
		text := fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":{"%s":{"s3:prefix":[%q,%q]},"%s":{"s3:prefix":%q}}}}`,
			[]string{"StringLike", "StringLikeIfExists"}[r.IntN(2)], pattern(), pattern(), []string{"StringNotLike", "StringEquals", "StringNotEquals"}[r.IntN(3)], pattern())
		p, err := iam.Parse(text, iam.Identity)
		if err != nil {
			t.Fatal(err)
		}
		fires := slices.ContainsFunc(Check(text, iam.Identity, ""), func(f Finding) bool {
			return f.Code == "REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION"
		})
		holds := false
		for i := range 41 {
			ctx := eval.Context{}
			if i > 0 {
				ctx.Set("s3:prefix", random(r, "abc", 4))
			}
			holds = holds || eval.Holds(&p.Statements[0].Conditions[0], ctx) && eval.Holds(&p.Statements[0].Conditions[1], ctx)
		}
		if fires {
			told++
		} else {
			not++
		}
		if fires && holds {
			t.Errorf("%s: said to have no effect", text)
		}
	}
	if told < 100 || not < 100 {
		t.Errorf("told of %d, not of %d", told, not)
	}
}
