package pdf

import (
	"math"
	"slices"
	"strings"

	"github.com/magpie-sec/magpie/internal/text"
)

// A page gathers what is shown in spans, and puts them into lines: what stands on one line is one line of text, so that a label stands
// beside its value, whatever order it was written in.
type page struct {
	deliver func(text []byte) error
	cells   func(text []byte, cells []text.Segment) error
	err     error

	spans  []span
	gaps   []wideGap
	spaces [32]int // between words, by their width in twentieths of the size
	text   []byte
	out    []byte
	table  table
	shown  int     // glyphs so far
	apart  bool    // what comes next is not to be joined with what came before
	glyph0 float64 // where the last glyph began
	last   string  // and its text
	inked  float64 // where the last glyph that is no blank ended
}

// A span is text on one baseline without large gaps. Along is measured in the direction of the text, across from the top.
type span struct {
	dir        int16 // degrees
	size       float32
	from, to   float64
	across     float64
	start, end int // in text
}

// A wideGap is within a span, wider than between words, and may be that between columns.
type wideGap struct {
	at       int // in text: where the next word begins
	from, to float64
}

const (
	maxSpans = 60_000
	maxText  = 2 << 20 // bytes of a page that are laid out together
	maxCoord = 1e7

	wordGap   = 0.10 // of the size: a gap between words
	columnGap = 1.4  // of the size: a gap between columns
	tableGap  = 0.4  // of the size: one between the columns of a table, if more speaks for it and words stand closer
)

func (p *page) glyph(text string, x0, y0, x1, y1 float64, m matrix, size float64, vertical bool) {
	ax, ay := m[0], m[1]
	if vertical {
		ax, ay = -m[2], -m[3]
	}
	n := math.Hypot(ax, ay)
	size *= math.Hypot(m[2], m[3])
	if vertical {
		size = size / math.Hypot(m[2], m[3]) * math.Hypot(m[0], m[1])
	}
	if n == 0 || size == 0 || !(math.Abs(x0) < maxCoord) || !(math.Abs(y0) < maxCoord) || !(math.Abs(x1) < maxCoord) || !(math.Abs(y1) < maxCoord) || !(size < maxCoord) {
		return
	}
	ax, ay = ax/n, ay/n
	from, to := x0*ax+y0*ay, x1*ax+y1*ay
	across := x0*ay - y0*ax
	dir := int16(math.Round(math.Atan2(ay, ax) * 180 / math.Pi))
	if dir == -180 {
		dir = 180
	}
	if to < from {
		from, to = to, from
	}
	if text == "" {
		return
	}
	blank := strings.TrimSpace(text) == ""
	if !blank {
		p.shown++
	}
	k := len(p.spans) - 1
	if k >= 0 && !p.apart {
		s := &p.spans[k]
		gap := from - s.to
		if s.dir == dir && math.Abs(across-s.across) < 0.1*size && math.Abs(float64(s.size)-size) < 0.5*size {
			if !blank && text == p.last && math.Abs(from-p.glyph0) < 0.1*size {
				return // printed twice to look bold
			}
			if gap > -0.4*size && gap < columnGap*size {
				if ends := p.text[len(p.text)-1] == ' '; blank && !ends || !blank && !ends && gap > wordGap*size {
					p.text = append(p.text, ' ')
				}
				if !blank {
					if wide := from - p.inked; wide > wordGap*size {
						p.spaces[min(int(20*wide/size), len(p.spaces)-1)]++
						if wide > tableGap*size && len(p.gaps) < maxSpans {
							p.gaps = append(p.gaps, wideGap{len(p.text), p.inked, from})
						}
					}
					p.text = append(p.text, text...)
					p.inked = to
				}
				s.to, s.end = max(to, s.to), len(p.text)
				p.last, p.glyph0 = text, from
				return
			}
		}
	}
	if blank {
		return
	}
	if len(p.spans) >= maxSpans || len(p.text) >= maxText {
		p.flush()
	}
	p.apart = false
	start := len(p.text)
	p.text = append(p.text, text...)
	p.spans = append(p.spans, span{dir: dir, size: float32(size), from: from, to: to, across: across, start: start, end: len(p.text)})
	p.last, p.glyph0, p.inked = text, from, to
}

// label puts what a field is called beside its value, whose first span is given: before it if it is short, so that what is printed there stays
// near, else behind.
func (p *page) label(value int, s string) {
	if s == "" || value >= len(p.spans) || len(p.text) >= maxText {
		return
	}
	v := p.spans[value]
	at := v.from - 0.01*float64(v.size)
	if len(s) > 24 {
		for _, o := range p.spans[value:] {
			if o.dir == v.dir && math.Abs(o.across-v.across) < 0.1*float64(v.size) {
				at = max(at, o.to+0.2*float64(v.size))
			}
		}
	}
	start := len(p.text)
	p.text = append(p.text, s+" "...)
	p.spans = append(p.spans, span{dir: v.dir, size: v.size, from: at, to: at, across: v.across, start: start, end: len(p.text)})
	p.apart = true
}

// line adds text that has no place of its own, such as a note, behind the page's lines.
func (p *page) line(s string) {
	p.flush()
	if s = strings.TrimSpace(s); s != "" && p.err == nil {
		p.err = p.deliver([]byte(s + "\n"))
	}
}

// flush delivers the spans as lines of text.
func (p *page) flush() {
	var dirs []int16
	count := map[int16]int{}
	for i := range p.spans {
		s := &p.spans[i]
		if count[s.dir]++; count[s.dir] == 1 {
			dirs = append(dirs, s.dir)
		}
	}
	slices.SortStableFunc(dirs, func(a, b int16) int { return count[b] - count[a] })
	p.out = p.out[:0]
	var some []span
	for _, d := range dirs {
		some = some[:0]
		for i := range p.spans {
			if p.spans[i].dir == d {
				some = append(some, p.spans[i])
			}
		}
		p.lines(some)
	}
	p.spans, p.gaps, p.spaces, p.text, p.last = p.spans[:0], p.gaps[:0], [32]int{}, p.text[:0], ""
	if len(p.out) > 0 && p.err == nil {
		p.err = p.deliver(p.out)
	}
}

// A line is a range of spans.
type line struct {
	start, end   int
	across, size float64
}

// lines writes the spans of one direction from the top to the bottom.
func (p *page) lines(spans []span) {
	slices.SortStableFunc(spans, func(a, b span) int { return compare(a.across, b.across) })
	var lines []line
	for i := 0; i < len(spans); {
		base, size := spans[i].across, float64(spans[i].size)
		k := i + 1
		for k < len(spans) && spans[k].across-base < 0.4*max(size, float64(spans[k].size)) {
			size = max(size, float64(spans[k].size))
			k++
		}
		slices.SortStableFunc(spans[i:k], func(a, b span) int { return compare(a.from, b.from) })
		lines = append(lines, line{i, k, base, size})
		i = k
	}
	p.table.begin(spans, lines, p.tableGap())
	for i := p.continued(); i < len(lines); {
		l := lines[i]
		if i > 0 && l.across-lines[i-1].across > 2.2*l.size {
			p.out = append(p.out, '\n')
		}
		p.join(spans[l.start:l.end])
		i++
		if i < len(lines) {
			i += p.rows(i - 1)
		}
	}
}

// tableGap returns how wide a gap of this page has to be to stand between columns, in sizes. Fonts differ in what stands between words: a
// quarter of the size or, where all letters are equally wide, more than a half.
func (p *page) tableGap() float64 {
	all := 0
	for _, n := range p.spaces {
		all += n
	}
	width, seen := 0, p.spaces[0]
	for seen*4 < all {
		width++
		seen += p.spaces[width]
	}
	return max(tableGap, 1.6*float64(width+1)/20)
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// join writes one line, whose spans are in order.
func (p *page) join(line []span) {
	begin := len(p.out)
	for i := range line {
		s := &line[i]
		t := strings.TrimRight(string(p.text[s.start:s.end]), " ")
		if i > 0 {
			b := &line[i-1]
			size := float64(max(s.size, b.size))
			gap := s.from - b.to
			if gap < -0.5*size && s.to-s.from > 0 && math.Abs(s.from-b.from) < 0.3*size && t == strings.TrimRight(string(p.text[b.start:b.end]), " ") {
				continue // printed twice to look bold
			}
			switch {
			case gap > columnGap*size:
				p.out = append(p.out, '\t')
			case gap > wordGap*float64(min(s.size, b.size)), p.text[b.end-1] == ' ':
				p.out = append(p.out, ' ')
			}
		}
		p.out = append(p.out, t...)
	}
	p.out = logical(p.out, begin)
	p.out = append(p.out, '\n')
}
