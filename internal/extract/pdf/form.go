package pdf

import (
	"bytes"
	"io"
	"strings"
)

// Read yields the streams one after the other, a line end between them.
func (c *contents) Read(p []byte) (int, error) {
	for {
		if c.r == nil {
			if len(c.parts) == 0 {
				return 0, io.EOF
			}
			s, ok := c.f.resolve(c.parts[0]).(*stream)
			c.parts = c.parts[1:]
			if !ok {
				c.f.damaged = true
				continue
			}
			r, err := c.f.decode(s, true)
			if err != nil {
				c.f.damaged = true
				continue
			}
			c.r = io.MultiReader(r, bytes.NewReader([]byte("\n")))
		}
		n, err := c.r.Read(p)
		if err != nil {
			c.r = nil
		}
		if n > 0 {
			return n, nil
		}
		if c.f.err != nil {
			return 0, c.f.err
		}
	}
}

// annotations shows the appearances of a page's annotations where they stand, and returns what else they say.
func (r *reader) annotations(d dict) (notes []string) {
	total := 0
	for i, o := range r.f.list(d["Annots"]) {
		a := r.f.dict(o)
		if a == nil || i >= maxAnnotations || total > maxText || r.f.err != nil || r.page.err != nil {
			continue
		}
		kind := r.f.name(a["Subtype"])
		if kind == "Link" {
			continue
		}
		glyphs, spans := r.page.shown, len(r.page.spans)
		if kind != "Popup" {
			r.page.apart = true
			r.appearance(a)
			r.page.apart = false
		}
		shown := r.page.shown > glyphs
		var note string
		if kind == "Widget" {
			label, value := r.field(a)
			if value != "" && shown {
				r.page.label(spans, label)
			} else if value != "" {
				note = strings.TrimSpace(label + " " + value)
			}
		} else if s, ok := r.f.resolve(a["Contents"]).(str); ok && !(shown && kind == "FreeText") {
			note = textString(s)
		}
		if note != "" {
			total += len(note)
			notes = append(notes, note)
		}
	}
	return notes
}

const hidden = 1<<1 | 1<<5 // hidden, and not to be viewed

// appearance shows the normal appearance of an annotation in its rectangle. ISO 32000-2, 12.5.5.
func (r *reader) appearance(a dict) {
	n := r.f.resolve(r.f.dict(a["AP"])["N"])
	if states, ok := n.(dict); ok {
		n = r.f.resolve(states[r.f.name(a["AS"])])
	}
	s, ok := n.(*stream)
	if !ok || r.f.int(a["F"], 0)&hidden != 0 {
		return
	}
	rect, box := r.box(a["Rect"]), r.box(s.dict["BBox"])
	m := r.f.matrix(s.dict["Matrix"])
	var t [4]float64 // the box after the matrix
	for i, c := range [4][2]float64{{box[0], box[1]}, {box[2], box[1]}, {box[0], box[3]}, {box[2], box[3]}} {
		x, y := m.apply(c[0], c[1])
		if i == 0 {
			t = [4]float64{x, y, x, y}
		}
		t = [4]float64{min(t[0], x), min(t[1], y), max(t[2], x), max(t[3], y)}
	}
	sx, sy := 1.0, 1.0
	if w := t[2] - t[0]; w > 0 && rect[2] > rect[0] {
		sx = (rect[2] - rect[0]) / w
	}
	if h := t[3] - t[1]; h > 0 && rect[3] > rect[1] {
		sy = (rect[3] - rect[1]) / h
	}
	r.in.start(&r.page, nil, unit)
	r.in.form(s, matrix{sx, 0, 0, sy, rect[0] - t[0]*sx, rect[1] - t[1]*sy})
}

func (r *reader) box(o any) (b [4]float64) {
	for i, v := range r.f.list(o) {
		if i < 4 {
			b[i], _ = num(r.f.resolve(v))
		}
	}
	return [4]float64{min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])}
}

// field returns what a form calls a field, and its value.
func (r *reader) field(a dict) (label, value string) {
	for depth := 0; a != nil && depth < 16; depth++ {
		for _, k := range []name{"TU", "T"} {
			if s, ok := r.f.resolve(a[k]).(str); ok && label == "" {
				label = fieldLabel(textString(s))
			}
		}
		if value == "" {
			value = r.fieldValue(a["V"])
		}
		a = r.f.dict(a["Parent"])
	}
	return label, value
}

// fieldLabel turns a field's name into words. Names that writers made up by counting say nothing.
func fieldLabel(s string) string {
	s, _, _ = strings.Cut(s, "[")
	s = strings.TrimSpace(s)
	bare := strings.ToLower(strings.Trim(s, "0123456789_- ."))
	switch bare {
	case "text", "textfield", "text field", "field", "fill", "undefined", "combo box", "combobox", "check box", "checkbox", "topmostsubform", "form", "page", "#subform":
		return ""
	}
	if len(bare) < 3 || len(s) > maxToken {
		return ""
	}
	return s + ":"
}

func (r *reader) fieldValue(o any) string {
	switch v := r.f.resolve(o).(type) {
	case str:
		return textString(v)
	case array:
		var all []string
		for _, e := range v {
			if s, ok := r.f.resolve(e).(str); ok && len(all) < 1000 {
				all = append(all, textString(s))
			}
		}
		return strings.Join(all, " ")
	case *stream:
		if d, err := r.f.decode(v, true); err == nil {
			b, _ := io.ReadAll(io.LimitReader(d, maxToken))
			return textString(str(b))
		}
	}
	return ""
}
