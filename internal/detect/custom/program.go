package custom

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"unicode"
	"unicode/utf8"
)

// A program is a compiled pattern: the instructions that regexp/syntax made of it, over classes of characters that no instruction tells
// apart. It is immutable.
type program struct {
	inst  []instruction
	start uint32

	// ascii and bounds give the class of a character: bounds[i] is the first character of a stretch, all of class inStretch[i].
	ascii     [utf8.RuneSelf]uint16
	bounds    []rune
	inStretch []uint16
	classes   int
	// kinds says for a class what its characters are beside an assertion.
	kinds []uint8
	// asserts says that there are assertions (^, $, \b) at all.
	asserts bool

	// opens tells by a byte whether a match that is not empty may begin there.
	opens [256]bool

	// literal is a text that is in every match, "" for none; before is how many bytes of a match there may be in front of it, -1 for any
	// number.
	literal []byte
	before  int
}

type instruction struct {
	op       syntax.InstOp // InstAlt, InstEmptyWidth, InstMatch, InstFail, InstNop or InstRune
	out, arg uint32
	in       []uint64 // the classes that an InstRune takes, by bits
}

func (i *instruction) takes(class uint16) bool { return i.in[class/64]>>(class%64)&1 != 0 }

// Kinds of characters, as the neighbours of a position that an assertion is about.
const (
	other uint8 = iota
	word
	newline
	edge // the text begins or ends here
	kinds
)

// compile compiles a pattern of the dialect.
func compile(pattern string) (*program, error) {
	re, err := parse(pattern)
	if err != nil {
		return nil, err
	}
	p := &program{}
	p.literal, p.before = literalOf(re)
	code, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil, err
	}
	if len(code.Inst) > maxInstructions {
		return nil, fmt.Errorf("the pattern is too large: %d steps, and it may have %d; shorten its repetitions", len(code.Inst), maxInstructions)
	}
	p.start = uint32(code.Start)
	p.inst = make([]instruction, len(code.Inst))
	for i := range code.Inst {
		in := &code.Inst[i]
		to := instruction{op: in.Op, out: in.Out, arg: in.Arg}
		switch in.Op {
		case syntax.InstAltMatch:
			to.op = syntax.InstAlt
		case syntax.InstCapture:
			to.op = syntax.InstNop
		case syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			to.op = syntax.InstRune
		case syntax.InstEmptyWidth:
			p.asserts = true
		}
		p.inst[i] = to
	}
	p.classify(code.Inst)
	p.open(p.start, make([]bool, len(p.inst)))
	return p, nil
}

// open fills opens with what can be read first from an instruction on, whatever the assertions before it say.
func (p *program) open(pc uint32, seen []bool) {
	if seen[pc] {
		return
	}
	seen[pc] = true
	switch in := &p.inst[pc]; in.op {
	case syntax.InstAlt:
		p.open(in.out, seen)
		p.open(in.arg, seen)
	case syntax.InstNop, syntax.InstEmptyWidth:
		p.open(in.out, seen)
	case syntax.InstRune:
		wide := false // takes something beyond ASCII
		for k, class := range p.inStretch {
			wide = wide || in.takes(class) && (k+1 == len(p.bounds) || p.bounds[k+1] > utf8.RuneSelf)
		}
		for b := range p.opens {
			p.opens[b] = p.opens[b] || (b < utf8.RuneSelf && in.takes(p.ascii[b%utf8.RuneSelf])) || b >= utf8.RuneSelf && wide
		}
	}
}

// classify divides the characters into classes.
func (p *program) classify(code []syntax.Inst) {
	// Instructions that take the same characters share a number, as far as that is easily seen.
	type key struct {
		op    syntax.InstOp
		arg   uint32
		count int
		first *rune // repetitions share the slice
		only  rune
	}
	numbers := map[key]int{}
	var distinct []*syntax.Inst
	number := make([]int, len(code))
	bounds := map[rune]bool{0: true}
	between := func(lo, hi rune) { bounds[lo], bounds[hi+1] = true, true }
	for i := range code {
		in := &code[i]
		if p.inst[i].op != syntax.InstRune {
			continue
		}
		k := key{op: in.Op, arg: in.Arg, count: len(in.Rune)}
		switch len(in.Rune) {
		case 0:
		case 1:
			k.only = in.Rune[0]
		default:
			k.first = &in.Rune[0]
		}
		n, ok := numbers[k]
		if !ok {
			n = len(distinct)
			numbers[k] = n
			distinct = append(distinct, in)
			for k := 0; k+1 < len(in.Rune); k += 2 {
				between(in.Rune[k], in.Rune[k+1])
			}
			if len(in.Rune) == 1 {
				r := in.Rune[0]
				between(r, r)
				for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
					between(f, f)
				}
			}
		}
		number[i] = n
	}
	between('\n', '\n')
	if p.asserts {
		for _, w := range []string{"09", "AZ", "az", "__"} {
			between(rune(w[0]), rune(w[1]))
		}
	}
	for r := range bounds {
		p.bounds = append(p.bounds, r)
	}
	slices.Sort(p.bounds)
	classOf := map[string]uint16{}
	signature := make([]byte, len(distinct)+1)
	var members [][]byte
	for _, r := range p.bounds {
		for n, in := range distinct {
			signature[n] = 0
			if in.MatchRune(r) {
				signature[n] = 1
			}
		}
		signature[len(distinct)] = other
		if p.asserts {
			signature[len(distinct)] = kindOf(r)
		}
		class, ok := classOf[string(signature)]
		if !ok {
			class = uint16(len(members))
			classOf[string(signature)] = class
			members = append(members, slices.Clone(signature))
			p.kinds = append(p.kinds, signature[len(distinct)])
		}
		p.inStretch = append(p.inStretch, class)
	}
	p.classes = len(members)
	for r := range p.ascii {
		p.ascii[r] = p.search(rune(r))
	}
	sets := make([][]uint64, len(distinct))
	for n := range distinct {
		sets[n] = make([]uint64, p.classes/64+1)
		for class, signature := range members {
			if signature[n] != 0 {
				sets[n][class/64] |= 1 << (class % 64)
			}
		}
	}
	for i := range p.inst {
		if p.inst[i].op == syntax.InstRune {
			p.inst[i].in = sets[number[i]]
		}
	}
}

func kindOf(r rune) uint8 {
	switch {
	case r == '\n':
		return newline
	case syntax.IsWordChar(r):
		return word
	}
	return other
}

func (p *program) search(r rune) uint16 {
	lo, hi := 0, len(p.bounds) // bounds[lo] <= r < bounds[hi]
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; p.bounds[mid] <= r {
			lo = mid
		} else {
			hi = mid
		}
	}
	return p.inStretch[lo]
}

// next returns the class and the length of the character at t[i].
func (p *program) next(t []byte, i int) (class uint16, size int) {
	if b := t[i]; b < utf8.RuneSelf {
		return p.ascii[b], 1
	}
	r, size := utf8.DecodeRune(t[i:])
	return p.search(r), size
}

// kindBefore returns the kind of the character before t[i]. first says that the text begins at t[0].
func (p *program) kindBefore(t []byte, i int, first bool) uint8 {
	if !p.asserts {
		return other
	}
	if i == 0 {
		if first {
			return edge
		}
		return other
	}
	r, _ := utf8.DecodeLastRune(t[:i])
	return kindOf(r)
}

// assertions returns what holds between characters of two kinds.
func assertions(before, after uint8) syntax.EmptyOp {
	var ops syntax.EmptyOp
	switch before {
	case edge:
		ops = syntax.EmptyBeginText | syntax.EmptyBeginLine
	case newline:
		ops = syntax.EmptyBeginLine
	}
	switch after {
	case edge:
		ops |= syntax.EmptyEndText | syntax.EmptyEndLine
	case newline:
		ops |= syntax.EmptyEndLine
	}
	if (before == word) != (after == word) {
		return ops | syntax.EmptyWordBoundary
	}
	return ops | syntax.EmptyNoWordBoundary
}
