package pdf

import (
	"bytes"
	"io"
	"math"
	"strings"
)

const (
	maxOperands = 64
	maxStates   = 256 // of q in q
	maxForms    = 16  // of form XObjects in one another
	maxFontCost = 250_000
)

// operators maps what content streams consist of to itself, so that it is allocated once.
var operators = func() map[string]any {
	m := map[string]any{}
	for _, s := range strings.Fields("q Q cm w J j M d ri i gs m l c v y h re S s f F f* B B* b b* n W W* BT ET Tc Tw Tz TL Tf Tr Ts Td TD Tm T* Tj TJ ' \" " +
		"d0 d1 CS cs SC sc G g RG rg K k sh BI ID EI Do MP DP BX EX R") {
		m[s] = keyword(s)
	}
	return m
}()

// matrix is a b c d e f of ISO 32000-2, 8.3.3.
type matrix [6]float64

var unit = matrix{1, 0, 0, 1, 0, 0}

// times is the matrix that does m first, then n.
func (m matrix) times(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

func (m matrix) apply(x, y float64) (float64, float64) {
	return x*m[0] + y*m[2] + m[4], x*m[1] + y*m[3] + m[5]
}

func (f *file) matrix(o any) matrix {
	a := f.list(o)
	if len(a) != 6 {
		return unit
	}
	var m matrix
	for i := range m {
		m[i], _ = num(f.resolve(a[i]))
	}
	return m
}

type state struct {
	ctm                         matrix
	font                        *font
	size                        float64
	charSpace, wordSpace, scale float64
	leading, rise               float64
}

// An interpreter runs content streams and gives the text that they show to a page.
type interpreter struct {
	f    *file
	page *page

	state
	stack     []state
	tm, tlm   matrix
	resources dict
	forms     []ref // that are being shown
	fonts     map[any]*font
	fontCost  int

	// actual is the text that stands for what is shown in a marked sequence; marks says which of the open ones has it.
	marks  int
	actual int
	text   *string
}

func newInterpreter(f *file) *interpreter { return &interpreter{f: f, fonts: map[any]*font{}} }

// start makes ready for a page.
func (in *interpreter) start(p *page, resources dict, ctm matrix) {
	in.page, in.resources = p, resources
	in.state = state{ctm: ctm, scale: 1}
	in.stack, in.forms = in.stack[:0], in.forms[:0]
	in.marks, in.actual, in.text = 0, 0, nil
}

// run executes a content stream. What it cannot understand it leaves out.
func (in *interpreter) run(r io.Reader) {
	l := newLexer(r, 8192)
	l.content = true
	var operands []any
	bottom := len(in.stack)
	marks := in.marks
	for in.f.err == nil && in.page.err == nil {
		l.elements = 0
		o, err := l.object(0)
		if err != nil {
			in.f.damaged = true
			operands = operands[:0]
			continue
		}
		k, ok := o.(keyword)
		if !ok {
			if len(operands) == maxOperands {
				operands = operands[:copy(operands, operands[1:])]
			}
			operands = append(operands, o)
			continue
		}
		if k == eof {
			break
		}
		if k == "BI" {
			in.inlineImage(l)
		} else {
			in.execute(k, operands, bottom)
		}
		operands = operands[:0]
	}
	if len(in.stack) > bottom {
		in.state = in.stack[bottom]
		in.stack = in.stack[:bottom]
	}
	if in.marks = marks; in.actual > marks {
		in.actual, in.text = 0, nil
	}
}

func (in *interpreter) execute(k keyword, operands []any, bottom int) {
	n := func(i int) float64 { // the ith operand from the end
		if i > len(operands) {
			return 0
		}
		v, _ := num(operands[len(operands)-i])
		return v
	}
	last := func() any {
		if len(operands) == 0 {
			return nil
		}
		return operands[len(operands)-1]
	}
	switch k {
	case "q":
		if len(in.stack) < bottom+maxStates {
			in.stack = append(in.stack, in.state)
		}
	case "Q":
		if len(in.stack) > bottom {
			in.state = in.stack[len(in.stack)-1]
			in.stack = in.stack[:len(in.stack)-1]
		}
	case "cm":
		in.ctm = matrix{n(6), n(5), n(4), n(3), n(2), n(1)}.times(in.ctm)
	case "BT":
		in.tm, in.tlm = unit, unit
	case "Tc":
		in.charSpace = n(1)
	case "Tw":
		in.wordSpace = n(1)
	case "Tz":
		in.scale = n(1) / 100
	case "TL":
		in.leading = n(1)
	case "Ts":
		in.rise = n(1)
	case "Tf":
		in.size = n(1)
		if len(operands) >= 2 {
			if f, ok := operands[len(operands)-2].(name); ok {
				in.font = in.findFont(in.resource("Font", f))
			}
		}
	case "gs":
		if g, ok := last().(name); ok {
			d := in.f.dict(in.resource("ExtGState", g))
			if list := in.f.list(d["Font"]); len(list) == 2 {
				in.font = in.findFont(list[0])
				in.size, _ = num(in.f.resolve(list[1]))
			}
		}
	case "Td":
		in.move(n(2), n(1))
	case "TD":
		in.leading = -n(1)
		in.move(n(2), n(1))
	case "Tm":
		in.tlm = matrix{n(6), n(5), n(4), n(3), n(2), n(1)}
		in.tm = in.tlm
	case "T*":
		in.move(0, -in.leading)
	case "Tj":
		in.show(last())
	case "'":
		in.move(0, -in.leading)
		in.show(last())
	case "\"":
		in.wordSpace, in.charSpace = n(3), n(2)
		in.move(0, -in.leading)
		in.show(last())
	case "TJ":
		list, _ := last().(array)
		for _, o := range list {
			if v, ok := num(o); ok {
				in.advance(-v / 1000 * in.size)
				continue
			}
			in.show(o)
		}
	case "Do":
		if x, ok := last().(name); ok {
			in.form(in.resource("XObject", x), unit)
		}
	case "BMC":
		in.marks++
	case "BDC":
		in.marks++
		d, ok := last().(dict)
		if p, isName := last().(name); isName {
			d, ok = in.f.dict(in.resource("Properties", p)), true
		}
		if s, found := in.f.resolve(d["ActualText"]).(str); ok && found && in.actual == 0 {
			t := textString(s)
			in.actual, in.text = in.marks, &t
		}
	case "EMC":
		if in.actual == in.marks {
			in.actual, in.text = 0, nil
		}
		in.marks = max(0, in.marks-1)
	}
}

func (in *interpreter) resource(kind, n name) any { return in.f.dict(in.resources[kind])[n] }

func (in *interpreter) move(x, y float64) {
	in.tlm = matrix{1, 0, 0, 1, x, y}.times(in.tlm)
	in.tm = in.tlm
}

// advance moves along the line by a distance in text space.
func (in *interpreter) advance(d float64) {
	if in.font != nil && in.font.vertical {
		in.tm = matrix{1, 0, 0, 1, 0, d}.times(in.tm)
		return
	}
	in.tm = matrix{1, 0, 0, 1, d * in.scale, 0}.times(in.tm)
}

// findFont returns a font, made before if there is room for it.
func (in *interpreter) findFont(o any) *font {
	key, keyed := o.(ref)
	if keyed {
		if t := in.fonts[key]; t != nil {
			return t
		}
	}
	d := in.f.dict(o)
	if d == nil {
		return in.defaultFont()
	}
	t := in.f.readFont(d)
	if keyed {
		if in.fontCost += t.cost; in.fontCost > maxFontCost {
			clear(in.fonts)
			in.fontCost = t.cost
		}
		in.fonts[key] = t
	}
	return t
}

// defaultFont stands for one that is missing.
func (in *interpreter) defaultFont() *font {
	if t := in.fonts["default"]; t != nil {
		return t
	}
	t := in.f.readFont(dict{"Subtype": name("Type1"), "BaseFont": name("Helvetica"), "Encoding": name("WinAnsiEncoding")})
	in.fonts["default"] = t
	return t
}

// show shows a string.
func (in *interpreter) show(o any) {
	s, ok := o.(str)
	if !ok || in.f.spend(len(s)) != nil {
		return
	}
	if in.font == nil {
		in.font = in.defaultFont()
	}
	vertical := in.font.vertical
	in.font.each(s, func(g glyph) {
		if in.page.err != nil || in.f.err != nil {
			return
		}
		w := float64(g.width) * in.size
		space := in.charSpace
		if g.space {
			space += in.wordSpace
		}
		m := in.tm.times(in.ctm)
		x0, y0 := m.apply(0, in.rise)
		dx, dy := w*in.scale, 0.0
		if vertical {
			dx, dy = 0, -w
		}
		x1, y1 := m.apply(dx, in.rise+dy)
		text := g.text
		if in.text != nil {
			text = *in.text
			*in.text = ""
		}
		in.page.glyph(text, x0, y0, x1, y1, m, math.Abs(in.size)*in.font.em, vertical)
		if vertical {
			in.tm = matrix{1, 0, 0, 1, 0, dy - space}.times(in.tm)
		} else {
			in.tm = matrix{1, 0, 0, 1, dx + space*in.scale, 0}.times(in.tm)
		}
	})
}

// form shows a form XObject; the matrix comes after its own.
func (in *interpreter) form(o any, m matrix) {
	s, ok := in.f.resolve(o).(*stream)
	if !ok || len(in.forms) >= maxForms {
		return
	}
	if st := in.f.name(s.dict["Subtype"]); st != "Form" && st != "" {
		return
	}
	for _, id := range in.forms {
		if id == s.id {
			return
		}
	}
	r, err := in.f.decode(s, true)
	if err != nil || in.f.spend(8<<10) != nil {
		return
	}
	in.forms = append(in.forms, s.id)
	saved, resources, tm, tlm := in.state, in.resources, in.tm, in.tlm
	in.ctm = in.f.matrix(s.dict["Matrix"]).times(m).times(in.ctm)
	if d := in.f.dict(s.dict["Resources"]); d != nil {
		in.resources = d
	}
	in.run(r)
	in.state, in.resources, in.tm, in.tlm = saved, resources, tm, tlm
	in.forms = in.forms[:len(in.forms)-1]
}

// inlineImage passes an image in the content: its dictionary, ID, the data, EI.
func (in *interpreter) inlineImage(l *lexer) {
	for {
		o, err := l.object(0)
		if err != nil {
			return
		}
		if k, ok := o.(keyword); ok && (k == "ID" || k == eof || k == "EI") {
			if k != "ID" {
				return
			}
			break
		}
	}
	l.next() // one blank
	var tail []byte
	for c := l.next(); c >= 0; c = l.next() {
		if len(tail) == 3 {
			copy(tail, tail[1:])
			tail = tail[:2]
		}
		tail = append(tail, byte(c))
		if len(tail) == 3 && class[tail[0]] == blank && tail[1] == 'E' && tail[2] == 'I' && l.looksLikeContent() {
			return
		}
	}
}

// looksLikeContent says that what follows an EI is no more of an image.
func (l *lexer) looksLikeContent() bool {
	c := l.peek()
	if c >= 0 && class[c] != blank {
		return false
	}
	b := l.buf[l.pos:min(l.end, l.pos+16)]
	return bytes.IndexFunc(b, func(r rune) bool { return r > 0x7e || r < ' ' && class[byte(r)] != blank || r == 0 }) < 0
}
