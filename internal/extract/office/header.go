package office

import "bytes"

// HeaderText leaves out the codes of a page's header or footer: &L, &C and &R begin its parts, &"font,style" and &10 say how it looks.
func HeaderText(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '&' || i+1 == len(b) {
			out = append(out, b[i])
			continue
		}
		i++
		switch c := b[i]; {
		case c == '&':
			out = append(out, '&')
		case c == '"':
			if k := bytes.IndexByte(b[i+1:], '"'); k >= 0 {
				i += k + 1
			}
		case c >= '0' && c <= '9':
			for i+1 < len(b) && b[i+1] >= '0' && b[i+1] <= '9' {
				i++
			}
		case len(out) > 0 && (c == 'L' || c == 'C' || c == 'R'):
			out = append(out, ' ')
		}
	}
	return bytes.ToValidUTF8(bytes.TrimSpace(out), []byte("\uFFFD"))
}
