package check

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
)

// minArmor is the least number of base64 characters in the body of a key: the shortest private key (Ed25519 in PKCS #8) has 64.
const minArmor = 40

// Armor returns the grammar of what follows "-----BEGIN label-----": a body of base64, headers and whatever source code puts between the
// lines (escaped line ends, quotes, plus signs), and the end line of the same label (RFC 7468; RFC 1421 for the headers; RFC 4880 6.2).
func Armor(label string) func(rest []byte, final bool) int {
	end := []byte("-----END " + label + "-----")
	return func(rest []byte, final bool) int {
		n := bytes.Index(rest, end[:5])
		if n < 0 || len(rest)-n < len(end) && bytes.HasPrefix(end, rest[n:]) {
			if final {
				return No
			}
			return More
		}
		if !bytes.HasPrefix(rest[n:], end) {
			return No
		}
		count := 0
		for _, b := range rest[:n] {
			switch {
			case isAlnum(b) || b == '+' || b == '/':
				count++
			case b < ' ' && b != '\n' && b != '\r' && b != '\t' || b > '~':
				return No
			}
		}
		if count < minArmor {
			return No
		}
		return n + len(end)
	}
}

// puttyHeaders are the lines of a PuTTY private key file in their order (PuTTY manual, appendix C). Those of key derivation are in encrypted
// files of version 3 only.
var puttyHeaders = []struct {
	name     string
	optional bool
	lines    bool // the value is the number of lines of base64 that follow
}{
	{name: "Encryption"}, {name: "Comment"}, {name: "Public-Lines", lines: true},
	{name: "Key-Derivation", optional: true}, {name: "Argon2-Memory", optional: true}, {name: "Argon2-Passes", optional: true},
	{name: "Argon2-Parallelism", optional: true}, {name: "Argon2-Salt", optional: true},
	{name: "Private-Lines", lines: true}, {name: "Private-MAC"},
}

// PuTTYKey is the grammar of a PuTTY private key file behind "PuTTY-User-Key-File-2: " (or -3), from the algorithm on. Lines end with LF, CR
// LF, or the two characters \n of a one-line dump.
func PuTTYKey(rest []byte, final bool) int {
	more := No
	if !final {
		more = More
	}
	line, at := puttyLine(rest, 0)
	if at < 0 {
		return more
	}
	if len(line) == 0 || !isLetter(line[0]) {
		return No
	}
	for _, h := range puttyHeaders {
		line, next := puttyLine(rest, at)
		if next < 0 && h.name != "Private-MAC" {
			return more
		}
		if next < 0 {
			line = rest[at:]
		}
		value, ok := bytes.CutPrefix(line, []byte(h.name+": "))
		if !ok {
			if h.optional {
				continue
			}
			if next < 0 && !final && bytes.HasPrefix([]byte(h.name+": "), line) {
				return More
			}
			return No
		}
		if h.name == "Private-MAC" {
			n := 0
			for n < len(value) && (isDigit(value[n]) || lower(value[n])-'a' < 6) {
				n++
			}
			if n == len(value) && next < 0 && !final {
				return More
			}
			if n != 40 && n != 64 || n < len(value) && isAlnum(value[n]) { // SHA-1 in version 2, SHA-256 in version 3
				return No
			}
			return at + len(h.name) + 2 + n
		}
		at = next
		if !h.lines {
			continue
		}
		count := 0
		for _, b := range value {
			if !isDigit(b) || count > 1000 {
				return No
			}
			count = count*10 + int(b-'0')
		}
		for ; count > 0; count-- {
			if line, at = puttyLine(rest, at); at < 0 {
				return more
			}
			if !isBase64(line) {
				return No
			}
		}
	}
	return No
}

// puttyLine returns the line at rest[at:] and where the next begins, -1 if the line has no end. A line is cut at 512 bytes.
func puttyLine(rest []byte, at int) (line []byte, next int) {
	limit := min(len(rest), at+512)
	for i := at; i < limit; i++ {
		switch {
		case rest[i] == '\n':
			return bytes.TrimSuffix(rest[at:i], []byte("\r")), i + 1
		case rest[i] == '\\' && i+1 < limit && rest[i+1] == 'n':
			return bytes.TrimSuffix(rest[at:i], []byte(`\r`)), i + 2
		}
	}
	if limit < len(rest) {
		return nil, limit
	}
	return nil, -1
}

func isBase64(line []byte) bool {
	for _, b := range line {
		if !isAlnum(b) && b != '+' && b != '/' && b != '=' {
			return false
		}
	}
	return len(line) > 0
}

// JWT is the grammar of a JSON Web Token in the compact form of JWS (RFC 7519, RFC 7515 7.1) behind the "eyJ" that every one begins with: a header that
// decodes to a JSON object with "alg", claims that decode to an object, and a signature, which may be empty.
func JWT(rest []byte, final bool) int {
	ends := [3]int{}
	at := 0
	for part := range ends {
		for at < len(rest) && isBase64URL(rest[at]) {
			at++
		}
		ends[part] = at
		if at == len(rest) && !final {
			return More
		}
		if part == 2 {
			break
		}
		if at == len(rest) || rest[at] != '.' {
			return No
		}
		at++
	}
	if at+1 < len(rest) && rest[at] == '.' && isBase64URL(rest[at+1]) {
		return No // five parts: JWE
	}
	var buf [4096]byte
	header := append(append(buf[2048:2048], "eyJ"...), rest[:min(ends[0], 2000)]...)
	n, err := base64.RawURLEncoding.Decode(buf[:2048], header)
	if err != nil || !hasMember(buf[:n], `"alg"`) {
		return No
	}
	claims := rest[ends[0]+1 : ends[1]]
	if len(claims) < 2 || len(claims)%4 == 1 {
		return No
	}
	if n, err = base64.RawURLEncoding.Decode(buf[:3], claims[:min(4, len(claims))]); err != nil || n == 0 || buf[0] != '{' {
		return No
	}
	return at
}

// hasMember reports whether b is a JSON object in which the quoted name is followed by a colon.
func hasMember(b []byte, name string) bool {
	i := bytes.Index(b, []byte(name))
	if len(b) < 2 || b[0] != '{' || i < 0 || !json.Valid(b) {
		return false
	}
	return bytes.HasPrefix(bytes.TrimLeft(b[i+len(name):], " \t\r\n"), []byte(":"))
}

func isBase64URL(b byte) bool { return isAlnum(b) || b == '-' || b == '_' }

// BasicCredentials is the grammar of what follows "Authorization: Basic ": base64 that decodes to a user, a colon and a password, without control
// characters (RFC 7617 section 2).
func BasicCredentials(rest []byte, final bool) int {
	n := 0
	for n < len(rest) && (isAlnum(rest[n]) || rest[n] == '+' || rest[n] == '/') {
		n++
	}
	body := n
	for n < len(rest) && n < body+2 && rest[n] == '=' {
		n++
	}
	if n == len(rest) && !final {
		return More
	}
	if n < len(rest) && (rest[n] == '=' || rest[n] == '_' || rest[n] == '-') {
		return No
	}
	var buf [1024]byte
	if body < 4 || body%4 == 1 || base64.RawStdEncoding.DecodedLen(body) > len(buf) {
		return No
	}
	size, err := base64.RawStdEncoding.Decode(buf[:], rest[:body])
	if err != nil || bytes.IndexByte(buf[:size], ':') < 0 {
		return No
	}
	for _, b := range buf[:size] {
		if b < ' ' || b == 0x7F {
			return No
		}
	}
	return n
}

// BasicHeaderValue is the grammar of the value of an Authorization field: "Basic " and BasicCredentials.
func BasicHeaderValue(rest []byte, final bool) int {
	if len(rest) < 6 || !bytes.EqualFold(rest[:6], []byte("basic ")) {
		return No
	}
	if n := BasicCredentials(rest[6:], final); n >= 0 {
		return 6 + n
	}
	return No
}

// CookiePairs is the grammar of the value of a Cookie or Set-Cookie field: name=value, and further pairs or attributes after "; " (RFC 6265
// sections 4.1.1 and 4.2.1). The first pair has to have a value.
func CookiePairs(rest []byte, final bool) int {
	end := No
	for at := 0; ; {
		start := at
		for at < len(rest) && isToken(rest[at]) {
			at++
		}
		name := rest[start:at]
		if at < len(rest) && rest[at] == '=' {
			at++
			value := at
			for at < len(rest) && (isCookieOctet(rest[at]) || (rest[at] == ' ' || rest[at] == ',') && equalFold(name, "expires")) {
				at++
			}
			if end == No && (at < len(rest) || final) && (len(name) == 0 || at == value) {
				return No
			}
		} else if end == No && (at < len(rest) || final) {
			return No
		}
		if at == len(rest) && !final {
			return More
		}
		if len(name) > 0 {
			end = at
		}
		if at == len(rest) || rest[at] != ';' {
			return end
		}
		for at++; at < len(rest) && rest[at] == ' '; {
			at++
		}
		if at == len(rest) && !final {
			return More
		}
		if at == len(rest) || !isToken(rest[at]) {
			return end
		}
	}
}

// isToken reports whether b may stand in a token of RFC 9110, quotes and backquotes left out.
func isToken(b byte) bool {
	return isAlnum(b) || b != 0 && bytes.IndexByte([]byte("!#$%&*+-.^_|~"), b) >= 0
}

// isCookieOctet reports whether b may stand in a cookie's value.
func isCookieOctet(b byte) bool {
	return b > ' ' && b < 0x7F && b != '"' && b != ',' && b != ';' && b != '\\' && b != '\'' && b != '`' && b != '<' && b != '>'
}

func equalFold(b []byte, s string) bool { return len(b) == len(s) && bytes.EqualFold(b, []byte(s)) }

// AWSSecret reports whether the text may be an AWS secret access key: 40 characters drawn at random.
func AWSSecret(text []byte) bool { return len(text) == 40 && RandomText(text) }

// RandomText reports whether the text looks drawn at random from letters and digits: it has digits, capitals and small letters, often changes
// between them, as hexadecimal numbers do not, and less than half of it are runs of four small letters (the first may be a capital), as
// names of things have them. One random text of 40 characters in some 300 fails.
func RandomText(value []byte) bool {
	changes, kinds, last, run, words := 0, 0, -1, 0, 0
	for i, b := range value {
		kind := 0
		switch {
		case isDigit(b):
			kind = 1
		case b-'A' < 26:
			kind = 2
		case b-'a' < 26:
			kind = 4
		}
		if kind != last && last >= 0 {
			changes++
		}
		if kind == 4 && run > 0 {
			run++
		} else if run = kind / 2; run > 1 {
			run = 1
		}
		if next := i + 1; (next == len(value) || value[next]-'a' >= 26) && run >= 4 {
			words += run
		}
		kinds |= kind
		last = kind
	}
	return kinds&7 == 7 && changes*4 >= len(value) && words*2 < len(value)
}
