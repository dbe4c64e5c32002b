package check

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// minArmor is the least number of base64 characters in the body of a key: the shortest private key (Ed25519 in PKCS #8) has 64. minArmorRun is
// the length from which letters and digits in a row are base64 rather than words.
const (
	minArmor    = 40
	minArmorRun = 16
)

// Armor returns the grammar of what follows "-----BEGIN label-----": a body of base64, headers and whatever source code puts between the
// lines (escaped line ends, quotes, plus signs), and the end line of the same label (RFC 7468; RFC 1421 for the headers; RFC 4880 6.2).
func Armor(label string) func(rest []byte, final bool) int {
	end := []byte("-----END " + label + "-----")
	return func(rest []byte, final bool) int { return armor(end, rest, final) }
}

func armor(end, rest []byte, final bool) int {
	n := bytes.Index(rest, end[:5])
	if n < 0 || len(rest)-n < len(end) && bytes.HasPrefix(end, rest[n:]) {
		if final {
			return No
		}
		return More
	}
	if !bytes.HasPrefix(rest[n:], end) || !keyBody(rest[:n]) {
		return No
	}
	return n + len(end)
}

// keyBody reports whether t, the text between the BEGIN and END lines of a key, is a key's: runs of base64 that make up at least half of its
// letters and digits. The rest are headers and what source code writes between the lines. A body that was cut (an ellipsis, asterisks,
// "redacted") or that lacks the variety of encoded bytes is a placeholder.
func keyBody(t []byte) bool {
	var seen, ofRun letterSet
	long, all, run := 0, 0, 0
	for i := 0; i <= len(t); i++ {
		b := byte('\n')
		if i < len(t) {
			b = t[i]
		}
		if isAlnum(b) || b == '+' || b == '/' {
			ofRun.add(b)
			run++
			continue
		}
		if b == '\\' && i+1 < len(t) && t[i+1] == '/' {
			continue // JSON may escape it
		}
		if run >= minArmorRun {
			long += run
			seen.join(ofRun)
		} else if cutWord(t[i-min(run, i) : i]) {
			return false
		}
		all += run
		run, ofRun = 0, letterSet{}
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' || b == 0x7F || elided(t[i:]) {
			return false
		}
	}
	return long >= minArmor && 2*long >= all && seen.mixed() && seen.size() >= 16
}

// elided reports whether t begins with a sign that something was left out.
func elided(t []byte) bool {
	return bytes.HasPrefix(t, []byte("...")) || bytes.HasPrefix(t, []byte("…")) || bytes.HasPrefix(t, []byte("***"))
}

// cutWord reports whether a word says that something was left out.
func cutWord(word []byte) bool {
	for _, w := range [...]string{"redacted", "snip", "snipped", "truncated", "omitted", "removed"} {
		if equalFold(word, w) {
			return true
		}
	}
	return false
}

// WrappedArmor returns the grammar of a whole private key in PEM or OpenPGP armour with one of these labels, encoded in base64 once more, as
// secrets of Kubernetes and environment variables have it. It takes what follows "LS0tLS1CRUdJTiB", which is the code of "-----BEGIN " and of
// the first two bits of the label.
func WrappedArmor(labels ...string) func(rest []byte, final bool) int {
	var begins, ends [][]byte
	for _, l := range labels {
		begins = append(begins, []byte(l+"-----"))
		ends = append(ends, []byte("-----END "+l+"-----"))
	}
	return func(rest []byte, final bool) int {
		const label = 45 // characters: those of the longest label, after the first whole groups of four
		if len(rest) < label {
			if final {
				return No
			}
			return More
		}
		var head [label]byte
		n, err := base64.RawStdEncoding.Decode(head[:], rest[1:label])
		if err != nil {
			return No
		}
		for i, begin := range begins {
			if rest[0] == firstCode(begin[0]) && bytes.HasPrefix(head[:n], begin[1:]) {
				return wrappedBody(ends[i], len(begin)-1, rest, final)
			}
		}
		return No
	}
}

// firstCode returns the base64 character for the last six bits of a capital.
func firstCode(capital byte) byte { return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[capital-'@'] }

// wrappedBody is WrappedArmor for the label that takes so many bytes behind its first, with its dashes. It decodes twice as much of the text
// each time and gives up at what does not stand in armour, so that a text of nothing but beginnings takes no more than linear time.
func wrappedBody(endLine []byte, label int, rest []byte, final bool) int {
	var buf [maxWrapped]byte
	for limit := 257; ; limit = 2*limit - 1 { // rest[0] belongs to the group of the prefix
		body, _ := base64Run(rest[:min(limit, len(rest))])
		whole := body < min(limit, len(rest)) || body == len(rest) && final
		coded := rest[1:body]
		if !whole {
			coded = coded[:len(coded)/4*4]
		}
		if base64.RawStdEncoding.DecodedLen(len(coded)) > len(buf) {
			return No
		}
		size, err := base64.RawStdEncoding.Decode(buf[:], coded)
		if err != nil {
			return No
		}
		text := buf[label:max(label, size)]
		for _, b := range text {
			if b < ' ' && b != '\n' && b != '\r' && b != '\t' || b == 0x7F {
				return No
			}
		}
		if i := bytes.Index(text, endLine[:5]); i >= 0 && len(text)-i >= len(endLine) {
			if armor(endLine, text, true) < 0 {
				return No
			}
			break
		}
		if whole {
			return No
		}
		if limit >= len(rest) {
			return More
		}
	}
	body, end := base64Run(rest)
	if end == len(rest) && !final {
		return More
	}
	if body%4 == 2 { // the prefix is of 15 characters
		return No
	}
	return end
}

// maxWrapped is the greatest size of a key that WrappedArmor decodes. RSA with 16384 bits takes 12.6 KiB.
const maxWrapped = 24 << 10

// base64Run returns how many base64 characters t begins with, and where the padding behind them ends.
func base64Run(t []byte) (body, end int) {
	for body < len(t) && (isAlnum(t[body]) || t[body] == '+' || t[body] == '/') {
		body++
	}
	end = body
	for end < len(t) && end < body+2 && t[end] == '=' {
		end++
	}
	return body, end
}

// puttyHeaders are the lines of a PuTTY private key file in their order (PuTTY manual, appendix C). Those of key derivation are in encrypted
// files of version 3 only.
var puttyHeaders = []struct {
	name     string
	optional bool
	lines    bool // the value is the number of lines of base64 that follow
}{
	{name: "Encryption:"}, {name: "Comment:"}, {name: "Public-Lines:", lines: true},
	{name: "Key-Derivation:", optional: true}, {name: "Argon2-Memory:", optional: true}, {name: "Argon2-Passes:", optional: true},
	{name: "Argon2-Parallelism:", optional: true}, {name: "Argon2-Salt:", optional: true},
	{name: "Private-Lines:", lines: true}, {name: "Private-MAC:"},
}

// PuTTYKey is the grammar of a PuTTY private key file behind "PuTTY-User-Key-File-2: " (or -3), from the algorithm on. The file may be
// embedded in another text, see embeddedLine.
func PuTTYKey(rest []byte, final bool) int {
	more := No
	if !final {
		more = More
	}
	start, end, at := embeddedLine(rest, 0)
	if at < 0 {
		return more
	}
	if start == end || !isLetter(rest[start]) {
		return No
	}
	for _, h := range puttyHeaders {
		start, end, next := embeddedLine(rest, at)
		if !bytes.HasPrefix(rest[start:end], []byte(h.name)) {
			if next < 0 {
				return more
			}
			if h.optional {
				continue
			}
			return No
		}
		for start += len(h.name); start < end && (rest[start] == ' ' || rest[start] == '\t'); {
			start++
		}
		if h.name == "Private-MAC:" {
			n := start
			for n < len(rest) && (isDigit(rest[n]) || lower(rest[n])-'a' < 6) {
				n++
			}
			if n == len(rest) && !final {
				return More
			}
			if n-start != 40 && n-start != 64 || n < len(rest) && isAlnum(rest[n]) { // SHA-1 in version 2, SHA-256 in version 3
				return No
			}
			return n
		}
		if next < 0 {
			return more
		}
		at = next
		if !h.lines {
			continue
		}
		count := 0
		for _, b := range rest[start:end] {
			if !isDigit(b) || count > 1000 {
				return No
			}
			count = count*10 + int(b-'0')
		}
		for ; count > 0; count-- {
			if start, end, at = embeddedLine(rest, at); at < 0 {
				return more
			}
			if !isBase64(rest[start:end]) {
				return No
			}
		}
	}
	return No
}

// embeddedLine returns the line t[start:end] of a file behind t[at:], and where to look for the next one, -1 if the line has no end in t. The
// file may be part of another text: its lines then end with an escape (\n, \r\n, with any number of backslashes), and may be indented,
// quoted, in comments, and joined by operators, all of which is left out. A line is cut at 512 bytes.
func embeddedLine(t []byte, at int) (start, end, next int) {
	for start = at; start < len(t) && strings.IndexByte(" \t\r\n\"'`+,;.\\#*|>/-", t[start]) >= 0; {
		start++
	}
	for end = start; end < len(t) && end < start+512; end++ {
		switch {
		case t[end] == '\n':
			next = end + 1
		case t[end] == '\\':
			if next = escapedLineEnd(t, end); next < 0 {
				continue
			}
		default:
			continue
		}
		for end > start && strings.IndexByte(" \t\r\"'`+,;", t[end-1]) >= 0 {
			end--
		}
		return start, end, next
	}
	if end < len(t) {
		return start, start, end
	}
	return start, end, -1
}

// escapedLineEnd returns the end of an escaped line end (\n, \r or \r\n, with one or more backslashes) that begins at t[at], or -1.
func escapedLineEnd(t []byte, at int) int {
	end := at
	for _, letter := range []byte("rn") {
		i := end
		for i < len(t) && t[i] == '\\' {
			i++
		}
		if i > end && i < len(t) && t[i] == letter {
			end = i + 1
		}
	}
	if end == at {
		return -1
	}
	return end
}

// isBase64 reports whether a line is base64, in which JSON may escape a slash.
func isBase64(line []byte) bool {
	for i, b := range line {
		if !isAlnum(b) && b != '+' && b != '/' && b != '=' && !(b == '\\' && i+1 < len(line) && line[i+1] == '/') {
			return false
		}
	}
	return len(line) > 0
}

// JWT is the grammar of a JSON Web Token in the compact form of JWS (RFC 7519, RFC 7515 7.1) behind the "eyJ" that nearly every one begins with: a
// header that decodes to a JSON object with "alg", claims that decode to an object, and a signature, which is empty in unsecured tokens only
// (RFC 7519 section 6).
func JWT(rest []byte, final bool) int { return jwt("eyJ", rest, final) }

// JWTFrom is JWT for a header that begins otherwise, with white space in its JSON.
func JWTFrom(begin string) func(rest []byte, final bool) int {
	return func(rest []byte, final bool) int { return jwt(begin, rest, final) }
}

func jwt(begin string, rest []byte, final bool) int {
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
	if at < len(rest) && rest[at] == '.' {
		switch {
		case at+1 == len(rest) && !final:
			return More
		case at+1 < len(rest) && (isBase64URL(rest[at+1]) || rest[at+1] == '.'):
			return No // five parts: JWE; or an ellipsis
		}
	}
	var buf [maxClaims]byte
	header := append(append(buf[maxClaims/2:maxClaims/2], begin...), rest[:min(ends[0], 2000)]...)
	n, err := base64.RawURLEncoding.Decode(buf[:maxClaims/2], header)
	if err != nil {
		return No
	}
	alg, ok := stringMember(buf[:n], "alg")
	if !ok || ends[2] == ends[1]+1 && !equalFold(alg, "none") {
		return No
	}
	claims := rest[ends[0]+1 : ends[1]]
	if base64.RawURLEncoding.DecodedLen(len(claims)) > len(buf) {
		return No
	}
	if n, err = base64.RawURLEncoding.Decode(buf[:], claims); err != nil || !isObject(buf[:n]) {
		return No
	}
	return at
}

// maxClaims is the greatest size of the claims of a JWT that is decoded. Headers of HTTP end at 8 KiB in most servers.
const maxClaims = 12 << 10

func isObject(b []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{")) && json.Valid(b)
}

// stringMember returns the value, as it is written, of the string member of this name of the JSON object b.
func stringMember(b []byte, name string) (value []byte, ok bool) {
	if !isObject(b) {
		return nil, false
	}
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			key := quoted(b[i:])
			i += len(key) + 1
			rest := bytes.TrimLeft(b[i+1:], " \t\r\n")
			if depth != 1 || string(key) != name || !bytes.HasPrefix(rest, []byte(":")) {
				continue
			}
			if rest = bytes.TrimLeft(rest[1:], " \t\r\n"); rest[0] == '"' {
				return quoted(rest), true
			}
		}
	}
	return nil, false
}

// quoted returns what stands between the quotes of the JSON string that the valid JSON text t begins with.
func quoted(t []byte) []byte {
	end := 1
	for t[end] != '"' {
		if t[end] == '\\' {
			end++
		}
		end++
	}
	return t[1:end]
}

func isBase64URL(b byte) bool { return isAlnum(b) || b == '-' || b == '_' }

// fieldGlue returns how many bytes of t, what follows the name of a header field, stand between it and its value in headers, commands,
// configuration, code, JSON and logs: punctuation, white space, escapes, and glueWords. A line ends only behind a comma or an opening
// bracket. -1 stands for a text that ends before the value, and unless final may go on.
func fieldGlue(t []byte, final bool) int {
	open := false
	for i := 0; i < maxGlue; i++ {
		if i == len(t) {
			return -1
		}
		switch b := t[i]; {
		case b == ',' || b == '(' || b == '[' || b == '{' || b == '>':
			open = true
		case b == '\n' || b == '\r':
			if !open {
				return i
			}
		case b == '%':
			if i+3 > len(t) {
				return -1
			}
			if !encodedGlue(t[i+1], t[i+2]) {
				return i
			}
			i += 2
		case isAlnum(b):
			n := i
			for n < len(t) && isAlnum(t[n]) {
				n++
			}
			if n+2 > len(t) && final {
				return i
			}
			if n+2 > len(t) {
				return -1
			}
			escape := n == i+1 && t[i-min(i, 1)] == '\\' && (b == 'n' || b == 'r' || b == 't')
			named := t[n] == '=' && t[n+1] != '"' && t[n+1] != '\'' // the name of a cookie
			if !escape && (named || !glueWord(t[i:n])) {
				return i
			}
			i = n - 1
		case strings.IndexByte(" \t:=\"'`\\<./)]}-+&;_@", b) < 0:
			return i
		}
	}
	return maxGlue
}

// maxGlue bounds what may stand between the name of a header field and its value.
const maxGlue = 96

// encodedGlue reports whether %ab is white space, a quote, ':' or '=' in a URL.
func encodedGlue(a, b byte) bool {
	return a == '2' && (b == '0' || b == '2') || a == '3' && (lower(b) == 'a' || lower(b) == 'd') || a == '0' && (lower(b) == 'a' || lower(b) == 'd')
}

// glueWord reports whether a word may stand between the name of a header field and its value: the "value" of pairs, the "to" of Kotlin, the
// elements of test plans, entities of HTML, the constructors of .NET and Rust, the argument label of Cocoa.
func glueWord(word []byte) bool {
	for _, w := range [...]string{"value", "val", "to", "string", "stringProp", "name", "key", "type", "text", "header", "headers", "quot", "new", "from",
		"static", "str", "system", "net", "http", "authenticationHeaderValue", "headerValue", "forHTTPHeaderField"} {
		if equalFold(word, w) {
			return true
		}
	}
	return false
}

// BasicHeader is the grammar of what follows the name of an Authorization field: the scheme Basic and its credentials.
func BasicHeader(rest []byte, final bool) int {
	n := fieldGlue(rest, final)
	if n < 0 && !final {
		return More
	}
	if n < 0 || len(rest)-n < len("basic") || !equalFold(rest[n:n+len("basic")], "basic") {
		return No
	}
	n += len("basic")
	return plus(n, basicScheme(rest[n:], final))
}

// BasicThenName is the grammar of what follows the scheme Basic where the name of the field comes behind the value: setValue(_:
// forHTTPHeaderField:) of Cocoa, and pairs whose "value" is written first.
func BasicThenName(rest []byte, final bool) int {
	n := BasicCredentials(rest, final)
	if n < 0 {
		return n
	}
	glue := fieldGlue(rest[n:], final)
	if glue < 0 && !final {
		return More
	}
	if glue <= 0 || rest[n] != '"' && rest[n] != '\'' && rest[n] != '\\' {
		return No
	}
	n += glue
	for _, name := range [...]string{"authorization", "proxy-authorization"} {
		if len(rest)-n < len(name)+1 && !final {
			return More
		}
		if end := n + len(name); end <= len(rest) && equalFold(rest[n:end], name) && (end == len(rest) || !isAlnum(rest[end])) {
			return end
		}
	}
	return No
}

// plus adds n to what a grammar has answered.
func plus(n, answer int) int {
	if answer < 0 {
		return answer
	}
	return n + answer
}

// basicScheme is the grammar of what follows the scheme Basic: white space, which may be escaped or encoded for a URL, or the end of one
// string and the beginning of another that an operator or comma joins in code; then BasicCredentials.
func basicScheme(rest []byte, final bool) int {
	n := skip(rest, 0, " \t\\")
	if n < len(rest) && (rest[n] == '"' || rest[n] == '\'') {
		n = skip(rest, n+1, " \t")
		if n < len(rest) && strings.IndexByte("+.,&", rest[n]) >= 0 {
			n++
		}
		n = skip(rest, n, " \t\r\n\\")
		if n < len(rest) && rest[n] != '"' && rest[n] != '\'' {
			return No
		}
		n++
	} else if n == 0 && len(rest) > 0 {
		switch {
		case rest[0] == '+':
			n = 1
		case rest[0] == '%' && len(rest) < 3 && !final:
			return More
		case bytes.HasPrefix(rest, []byte("%20")):
			n = 3
		default:
			return No
		}
	}
	if n >= len(rest) {
		if final {
			return No
		}
		return More
	}
	return plus(n, BasicCredentials(rest[n:], final))
}

// skip returns where the bytes of a set end that stand at t[at:], at most 16.
func skip(t []byte, at int, set string) int {
	for end := at + 16; at < end && at < len(t) && strings.IndexByte(set, t[at]) >= 0; {
		at++
	}
	return at
}

// BasicCredentials is the grammar of the credentials of the scheme Basic: base64 that decodes to a user, a colon and a password, without control
// characters (RFC 7617 section 2). The padding may be encoded for a URL.
func BasicCredentials(rest []byte, final bool) int {
	body, n := base64Run(rest)
	for n < len(rest) && n < body+6 && rest[n] == '%' && (n == body || rest[n-1] != '=') {
		if n+3 > len(rest) {
			if !final {
				return More
			}
			break
		}
		if rest[n+1] != '3' || lower(rest[n+2]) != 'd' {
			break
		}
		n += 3
	}
	if len(rest)-n < 3 && !final {
		return More
	}
	if n < len(rest) && (rest[n] == '=' || isBase64URL(rest[n]) || bytes.HasPrefix(rest[n:], []byte("…")) ||
		n+1 < len(rest) && rest[n] == '.' && (isBase64URL(rest[n+1]) || rest[n+1] == '.')) {
		return No // longer, or cut
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
	n := skip(rest, 6, " ")
	return plus(n, BasicCredentials(rest[n:], final))
}

// CookieHeader returns the grammar of what follows the name of a Cookie or Set-Cookie field and the byte behind it: CookiePairs, set off by a
// colon or, as in code, in a string of their own. after is the byte behind the name: a quote, a colon, a space if a string may follow it as
// in "add_header Set-Cookie", '=' behind an option of a command, or 0 for another one.
func CookieHeader(after byte) func(rest []byte, final bool) int {
	return func(rest []byte, final bool) int {
		n := fieldGlue(rest, final)
		if n < 0 {
			if final {
				return No
			}
			return More
		}
		glue := rest[:n]
		if after != ':' && after != '=' && bytes.IndexByte(glue, ':') < 0 {
			if after == 0 && bytes.IndexByte(glue, ',') < 0 || n == 0 || strings.IndexByte("\"'`[({", glue[n-1]) < 0 {
				return No
			}
		}
		end := plus(n, CookiePairs(rest[n:], final))
		for n > 0 && strings.IndexByte("[({", rest[n-1]) >= 0 && end > n && strings.IndexByte("])}", rest[end-1]) >= 0 {
			end--
		}
		return end
	}
}

// CookiePairs is the grammar of the value of a Cookie or Set-Cookie field: name=value, and further pairs or attributes after "; " (RFC 6265
// sections 4.1.1 and 4.2.1). The first pair has to have a value, which is not a place for one.
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
			if at == value {
				at = quotedOctets(rest, at)
			}
			if end == No && (at < len(rest) || final) && (len(name) == 0 || at == value || isPlace(rest[value:at])) {
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

// quotedOctets returns the end of a cookie's value in quotes that begins at t[at], t's end if it may go on behind it, or at.
func quotedOctets(t []byte, at int) int {
	if at == len(t) || t[at] != '"' {
		return at
	}
	end := at + 1
	for end < len(t) && isCookieOctet(t[end]) {
		end++
	}
	switch {
	case end == len(t):
		return end
	case end > at+1 && t[end] == '"':
		return end + 1
	}
	return at
}

// isPlace reports whether a value is one that code or a template puts something else for: ${x}, $(x), $X, {{x}}, %s.
func isPlace(value []byte) bool {
	if len(value) < 2 {
		return false
	}
	switch value[0] {
	case '$':
		return value[1] == '{' || value[1] == '(' || isLetter(value[1])
	case '{':
		return value[1] == '{'
	case '%':
		return len(value) == 2 && isLetter(value[1])
	}
	return false
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

// awsSecretLen is the length of a secret access key.
const awsSecretLen = 40

// AWSSecretEscaped is AWSSecretRest behind the '%' or backslash of an escape.
func AWSSecretEscaped(rest []byte, final bool) int {
	if len(rest) < 5 && !final {
		return More
	}
	size := 0
	switch {
	case len(rest) >= 1 && rest[0] == '/':
		size = 1
	case len(rest) >= 2 && rest[0] == '2' && secretEscape(rest[1]) != 0:
		size = 2
	case len(rest) >= 5 && equalFold(rest[:4], "u002") && secretEscape(rest[4]) != 0:
		size = 5
	default:
		return No
	}
	return plus(size, AWSSecretRest(rest[size:], final))
}

// AWSSecretRest is the grammar of what follows the beginning of a secret access key: as many characters of base64 as there are, up to one too
// many; AWSSecret counts them. '/' and '+' may be encoded for a URL (%2F) or escaped (\/, \u002F).
func AWSSecretRest(rest []byte, final bool) int {
	at := 0
	for n := 0; n <= awsSecretLen; n++ {
		if len(rest)-at < 6 && !final {
			return More
		}
		_, size := secretChar(rest[at:])
		if size == 0 {
			break
		}
		at += size
	}
	next := rest[at:]
	switch {
	case len(next) == 0:
	case next[0] == '=' || isBase64URL(next[0]) && (next[0] != '-' || len(next) > 1 && isAlnum(next[1])),
		next[0] == '.' && len(next) > 1 && isAlnum(next[1]),
		len(next) > 2 && next[0] == '%' && next[1] == '3' && lower(next[2]) == 'd',
		len(next) > 5 && equalFold(next[:6], `\u003d`):
		return No
	}
	return at
}

// secretChar returns the character of base64 that t begins with and how many bytes it takes; 0 if there is none.
func secretChar(t []byte) (c byte, size int) {
	switch {
	case len(t) == 0:
	case isAlnum(t[0]) || t[0] == '+' || t[0] == '/':
		return t[0], 1
	case len(t) >= 2 && t[0] == '\\' && t[1] == '/':
		return '/', 2
	case len(t) >= 3 && t[0] == '%' && t[1] == '2':
		return secretEscape(t[2]), sizeIf(secretEscape(t[2]) != 0, 3)
	case len(t) >= 6 && equalFold(t[:5], `\u002`):
		return secretEscape(t[5]), sizeIf(secretEscape(t[5]) != 0, 6)
	}
	return 0, 0
}

// secretEscape returns '/' for F and '+' for B, the second digits of their codes, else 0.
func secretEscape(digit byte) byte {
	switch digit | 0x20 {
	case 'f':
		return '/'
	case 'b':
		return '+'
	}
	return 0
}

func sizeIf(ok bool, size int) int {
	if ok {
		return size
	}
	return 0
}

// AWSSecret reports whether the text may be an AWS secret access key: 40 characters of base64 drawn at random. Those that AWS documents hold
// the word EXAMPLE, which one in 10^9 random keys does in any case of letters. Text that was encoded is no key.
func AWSSecret(text []byte) bool {
	var key [awsSecretLen]byte
	n := 0
	for at := 0; at < len(text); n++ {
		c, size := secretChar(text[at:])
		if size == 0 || n == len(key) {
			return false
		}
		key[n] = c
		at += size
	}
	if n != len(key) || !RandomText(key[:]) || containsFold(key[:], "example") {
		return false
	}
	var decoded [awsSecretLen / 4 * 3]byte
	size, err := base64.RawStdEncoding.Decode(decoded[:], key[:])
	return err == nil && !utf8.Valid(decoded[:size])
}

// containsFold reports whether word, in small letters, is part of t in any case.
func containsFold(t []byte, word string) bool {
	for i := 0; i+len(word) <= len(t); i++ {
		if equalFold(t[i:i+len(word)], word) {
			return true
		}
	}
	return false
}

// GoogleKey reports whether the text, an API key of Google with the form of one, is drawn at random: less than half of it stands in
// alphabetical or numerical order.
func GoogleKey(text []byte) bool {
	steps := 0
	for i := 1; i < len(text); i++ {
		if text[i] == text[i-1]+1 {
			steps++
		}
	}
	return 2*steps < len(text) && RandomToken(text[min(4, len(text)):])
}

// stripeLen are the least and the greatest number of characters of a Stripe key behind its prefix.
const (
	minStripe = 24
	maxStripe = 247
)

// StripeRest is the grammar of a Stripe key behind sk_live_ and its like: letters and digits. Code may join them to the prefix from a string
// of their own.
func StripeRest(rest []byte, final bool) int {
	at := 0
	if n := skip(rest, 0, "\\"); n < len(rest) && (rest[n] == '"' || rest[n] == '\'') {
		at = skip(rest, n+1, " \t\r\n")
		if at < len(rest) && (rest[at] == '+' || rest[at] == '.' || rest[at] == '&') {
			at = skip(rest, at+1, " \t\r\n\\")
			if at < len(rest) && rest[at] != '"' && rest[at] != '\'' {
				return No
			}
			at++
		}
	}
	start := at
	for at < len(rest) && isAlnum(rest[at]) {
		at++
	}
	if len(rest)-at < 2 && !final {
		return More
	}
	if at-start < minStripe || at-start > maxStripe {
		return No
	}
	if at < len(rest) {
		inside := at+1 < len(rest) && isAlnum(rest[at+1])
		if b := rest[at]; b == '_' || b >= utf8.RuneSelf || (b == '-' || b == '+') && inside || b == '.' && inside && isDigit(rest[at+1]) {
			return No
		}
	}
	return at
}

// stripeSamples are keys that Stripe's documentation publishes.
var stripeSamples = [...]string{"sk_test_4eC39HqLyjWDarjtT1zdp7dc", "pk_test_TYooMQauvdEDq54NiTphI7jx", "sk_test_tR3PYbcVNZZ796tH88S4VQ2u",
	"sk_test_BQokikJOvBiI2HlWgH4olfQ2", "pk_test_6pRNASCoBOKtIshFeQd4XMUh"}

// StripeKey reports whether the text, a Stripe key with the form of one, is drawn at random and none that Stripe's documentation publishes.
func StripeKey(text []byte) bool {
	prefix := len("sk_live_")
	at := len(text)
	for at > 0 && isAlnum(text[at-1]) {
		at--
	}
	for _, s := range stripeSamples {
		if string(text[:prefix]) == s[:prefix] && string(text[at:]) == s[prefix:] {
			return false
		}
	}
	return RandomToken(text[at:])
}

// RandomToken reports whether the text may be drawn at random from letters and digits, as a placeholder is not: eight different ones, and a
// digit, or a quarter at least outside runs of four small letters (the first may be a capital).
func RandomToken(text []byte) bool {
	var seen letterSet
	for _, b := range text {
		seen.add(b)
	}
	return seen.size() >= 8 && (seen.digits != 0 || 4*wordLetters(text) < 3*len(text))
}

// RandomText reports whether the text looks drawn at random from letters and digits: it has digits, capitals and small letters, often changes
// between them, as hexadecimal numbers do not, and less than two thirds of it are runs of four small letters (the first may be a capital),
// as names of things have them. One random text of 40 characters in some 500 fails.
func RandomText(value []byte) bool {
	changes, last := 0, -1
	var seen letterSet
	for _, b := range value {
		kind := letterKind(b)
		if kind != last && last >= 0 {
			changes++
		}
		last = kind
		seen.add(b)
	}
	return seen.mixed() && changes*4 >= len(value) && 3*wordLetters(value) < 2*len(value)
}

// letterKind returns 1 for a digit, 2 for a capital, 4 for a small letter, else 0.
func letterKind(b byte) int {
	switch {
	case isDigit(b):
		return 1
	case b-'A' < 26:
		return 2
	case b-'a' < 26:
		return 4
	}
	return 0
}

// wordLetters returns how many letters of the text stand in runs of four small letters or more, of which the first may be a capital.
func wordLetters(text []byte) int {
	words, run := 0, 0
	for i, b := range text {
		kind := letterKind(b)
		if kind == 4 && run > 0 {
			run++
		} else if run = kind / 2; run > 1 {
			run = 1
		}
		if next := i + 1; (next == len(text) || text[next]-'a' >= 26) && run >= 4 {
			words += run
		}
	}
	return words
}

// A letterSet is a set of ASCII letters and digits; other bytes do not get into it.
type letterSet struct{ digits, capitals, small uint32 }

func (s *letterSet) add(b byte) {
	switch letterKind(b) {
	case 1:
		s.digits |= 1 << (b - '0')
	case 2:
		s.capitals |= 1 << (b - 'A')
	case 4:
		s.small |= 1 << (b - 'a')
	}
}

func (s *letterSet) join(o letterSet) {
	s.digits, s.capitals, s.small = s.digits|o.digits, s.capitals|o.capitals, s.small|o.small
}

// mixed reports whether there are digits, capitals and small letters.
func (s *letterSet) mixed() bool { return s.digits != 0 && s.capitals != 0 && s.small != 0 }

func (s *letterSet) size() int {
	return bits.OnesCount32(s.digits) + bits.OnesCount32(s.capitals) + bits.OnesCount32(s.small)
}
