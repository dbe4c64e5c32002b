package mail

// Base64 decodes base64 as it comes: whatever is no character of it is passed over, and padding ends a group, after which another may begin.
type Base64 struct {
	bits uint32
	n    int // characters in bits
}

const (
	padding = 64
	other   = 255
)

var base64Values = func() (t [256]byte) {
	for i := range t {
		t[i] = other
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		t[c] = byte(i)
	}
	t['-'], t['_'] = 62, 63 // the variant for URLs
	t['='] = padding
	return t
}()

// Append appends the bytes that src holds.
func (d *Base64) Append(dst, src []byte) []byte {
	for i := 0; i < len(src); {
		if d.n == 0 {
			for ; i+4 <= len(src); i += 4 {
				a, b, c, e := base64Values[src[i]], base64Values[src[i+1]], base64Values[src[i+2]], base64Values[src[i+3]]
				if a|b|c|e >= padding {
					break
				}
				v := uint32(a)<<18 | uint32(b)<<12 | uint32(c)<<6 | uint32(e)
				dst = append(dst, byte(v>>16), byte(v>>8), byte(v))
			}
			if i == len(src) {
				break
			}
		}
		v := base64Values[src[i]]
		i++
		switch {
		case v == padding:
			dst = d.End(dst)
		case v < padding:
			d.bits, d.n = d.bits<<6|uint32(v), d.n+1
			if d.n == 4 {
				dst = append(dst, byte(d.bits>>16), byte(d.bits>>8), byte(d.bits))
				d.n = 0
			}
		}
	}
	return dst
}

// End appends what an incomplete group holds.
func (d *Base64) End(dst []byte) []byte {
	switch d.n {
	case 2:
		dst = append(dst, byte(d.bits>>4))
	case 3:
		dst = append(dst, byte(d.bits>>10), byte(d.bits>>2))
	}
	d.n = 0
	return dst
}

// LooksBase64 says that a line may be of base64: it has no other characters but white space at its end.
func LooksBase64(line []byte) bool {
	n := len(line)
	for n > 0 && (line[n-1] == ' ' || line[n-1] == '\t') {
		n--
	}
	for _, c := range line[:n] {
		if base64Values[c] == other {
			return false
		}
	}
	return true
}

// QuotedPrintable appends the bytes that a line of quoted-printable without its end stands for. Soft says that the next line continues it; rest is
// what must be put before the next piece of a line that comes in pieces.
func QuotedPrintable(dst, line []byte, piece bool) (out []byte, soft bool, rest []byte) {
	n := len(line)
	if !piece {
		for n > 0 && (line[n-1] == ' ' || line[n-1] == '\t') {
			n--
		}
		if n > 0 && line[n-1] == '=' {
			soft, line = true, line[:n-1]
		}
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c != '=':
			dst = append(dst, c)
		case i+2 < len(line) && isHex(line[i+1]) && isHex(line[i+2]):
			dst = append(dst, hexValue(line[i+1])<<4|hexValue(line[i+2]))
			i += 2
		case piece && i+2 >= len(line):
			return dst, false, line[i:]
		default:
			dst = append(dst, c)
		}
	}
	return dst, soft, nil
}

// UULine appends the bytes that a line of a uuencoded file stands for; false if it is none.
func UULine(dst, line []byte) ([]byte, bool) {
	if len(line) == 0 || line[0] < ' ' || line[0] > '`' {
		return dst, false
	}
	n := int(line[0]-' ') & 63
	body := line[1:]
	groups := (n + 2) / 3 * 4
	if len(body) > groups+2 || len(body) < groups-8 { // spaces at the end get lost, a check character is added
		return dst, false
	}
	at := func(i int) byte {
		if i < len(body) {
			return (body[i] - ' ') & 63
		}
		return 0
	}
	for i := range body {
		if i < groups && (body[i] < ' ' || body[i] > '`') {
			return dst, false
		}
	}
	for i := 0; n > 0; i, n = i+4, n-3 {
		a, b, c, d := at(i), at(i+1), at(i+2), at(i+3)
		group := [3]byte{a<<2 | b>>4, b<<4 | c>>2, c<<6 | d}
		dst = append(dst, group[:min(n, 3)]...)
	}
	return dst, true
}

// UUBegin returns the name of the file that a line "begin 644 name" announces.
func UUBegin(line []byte) (name string, ok bool) {
	const word = "begin "
	if len(line) < len(word)+5 || len(line) > 300 || string(line[:len(word)]) != word {
		return "", false
	}
	i := len(word)
	for i < len(line) && line[i] >= '0' && line[i] <= '7' {
		i++
	}
	if n := i - len(word); n < 3 || n > 5 || i+1 >= len(line) || line[i] != ' ' {
		return "", false
	}
	return string(Text(nil, line[i+1:])), true
}
