package check

import (
	"bytes"
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A cardRange is a range of the first four digits, with the lengths that are issued under it.
type cardRange struct {
	from, to int
	lengths  uint32 // by bits
}

// cardRanges are the issuer ranges of the brands that Macie lists, as the brands publish them.
var cardRanges = []cardRange{ // in their order
	{2221, 2720, 1 << 16},                      // Mastercard
	{3000, 3059, from14}, {3095, 3095, from14}, // Diners Club
	{3400, 3499, 1 << 15},               // American Express
	{3528, 3589, from16},                // JCB
	{3600, 3699, from14},                // Diners Club
	{3700, 3799, 1 << 15},               // American Express
	{3800, 3999, from14},                // Diners Club
	{4000, 4999, 1<<13 | 1<<16 | 1<<19}, // Visa, with Electron
	{5019, 5019, 1 << 16},               // Dankort
	{5100, 5599, 1 << 16},               // Mastercard
	{6011, 6011, from16},                // Discover
	{6200, 6299, from16},                // UnionPay, with Discover's 622126 to 622925
	{6440, 6599, from16},                // Discover
}

const (
	from16 = 1<<16 | 1<<17 | 1<<18 | 1<<19
	from14 = 1<<14 | 1<<15 | from16
)

// Card reports whether the digits are a payment card number: an issuer range and length of cardRanges, and Luhn.
func Card(digits []byte) bool {
	if len(digits) < 13 || len(digits) > 19 {
		return false
	}
	head := int(digits[0]-'0')*1000 + int(digits[1]-'0')*100 + int(digits[2]-'0')*10 + int(digits[3]-'0')
	for _, r := range cardRanges {
		if head <= r.to {
			return head >= r.from && r.lengths>>len(digits)&1 != 0 && !uniform(digits[1:]) && Luhn(digits)
		}
	}
	return false
}

// DistinctGroups reports whether no two of the groups of digits are alike. Those of a card number seldom are; columns of figures often.
func DistinctGroups(text []byte) bool {
	var groups [8][]byte
	n := 0
	for i := 0; i < len(text); i++ {
		if !isDigit(text[i]) {
			continue
		}
		start := i
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		for _, g := range groups[:n] {
			if string(g) == string(text[start:i]) {
				return false
			}
		}
		if n == len(groups) {
			return false
		}
		groups[n] = text[start:i]
		n++
	}
	return true
}

// BareCard reports whether the text may be a card number although no word near it says so: no path leads to it, its groups are distinct, and in one
// word it has enough different digits. Of 16 random digits three in a thousand have five different ones or fewer; of what is counted or coded in
// a small alphabet nearly all.
func BareCard(text []byte) bool {
	if len(text) > 0 && text[0] == '/' {
		return false
	}
	seen, digits := 0, 0
	for _, b := range text {
		if isDigit(b) {
			seen |= 1 << (b - '0')
			digits++
		}
	}
	return (digits < len(text) || bits.OnesCount(uint(seen)) > 4+digits/15) && DistinctGroups(text)
}

// maxTrack is the greatest length of a track with its sentinels: track 1 has 79 characters (ISO/IEC 7813).
const maxTrack = 79

// Track1 is the grammar of track 1 behind its start sentinel and format code B: the number, '^', a name, and what Track1Name reads.
func Track1(rest []byte, final bool) int {
	n := 0
	for n < len(rest) && n <= maxTrack && (isDigit(rest[n]) || rest[n] == ' ') {
		n++
	}
	switch {
	case n == len(rest):
		return unfinished(final)
	case n < 12 || n > 22 || rest[n] != '^':
		return No
	}
	return behind(n+1, Track1Name(rest[n+1:], final))
}

// Track1Name is the grammar of track 1 behind the number and its '^': a name of up to 26 characters, '^', year and month of expiry, service
// code and discretionary data, with or without the end sentinel '?'.
func Track1Name(rest []byte, final bool) int {
	n := 0
	for n < len(rest) && n <= maxTrack && rest[n] >= ' ' && rest[n] < 0x7F && strings.IndexByte("^?\"", rest[n]) < 0 {
		n++
	}
	switch {
	case n == len(rest):
		return unfinished(final)
	case n < 1 || n > 26 || rest[n] != '^':
		return No
	}
	return behind(n+1, trackEnd(rest[n+1:], final, "^/"))
}

// Track2 is the grammar of track 2 behind the number and its '=': year and month of expiry, service code and discretionary data, with or
// without the end sentinel.
func Track2(rest []byte, final bool) int { return trackEnd(rest, final, "=") }

// Track2Chip is the grammar of a chip's track 2 equivalent data behind the expiry: digits, filled up to whole bytes with an F.
func Track2Chip(rest []byte, final bool) int {
	n := 0
	for n < len(rest) && n <= maxTrack && isDigit(rest[n]) {
		n++
	}
	if n < len(rest) && lower(rest[n]) == 'f' {
		n++
	}
	switch {
	case n == len(rest) && !final:
		return More
	case n < 3 || n > 22 || n < len(rest) && (isAlnum(rest[n]) || rest[n] == '_'):
		return No
	}
	return n
}

// trackEnd reads from the expiry to the end of a track: at least the four digits of the expiry and the three of the service code.
func trackEnd(rest []byte, final bool, special string) int {
	n, digits := 0, 0
	for ; n < len(rest) && n <= maxTrack; n++ {
		b := rest[n]
		if isDigit(b) {
			digits++
			continue
		}
		if special == "=" && b != '=' || special != "=" && !isLetter(b) && strings.IndexByte(special, b) < 0 {
			break
		}
	}
	for n > 0 && (n == len(rest) && final || n < len(rest) && rest[n] != '?') && !isAlnum(rest[n-1]) {
		n-- // without a sentinel the track ends in data, not in the blank or stop of a sentence
	}
	switch {
	case n == len(rest) && !final:
		return More
	case digits < 7 || n > maxTrack:
		return No
	case n < len(rest) && rest[n] == '?':
		return secondTrack(rest, n+1, final)
	case n < len(rest) && (isAlnum(rest[n]) || rest[n] == '_'):
		return No
	}
	return n
}

// secondTrack reads track 2 where it stands right behind track 1, which ends at rest[n], as readers write both; else it returns n.
func secondTrack(rest []byte, n int, final bool) int {
	i := n + 1
	if n == len(rest) {
		if !final {
			return More
		}
		return n
	}
	if rest[n] != ';' {
		return n
	}
	for i < len(rest) && isDigit(rest[i]) && i-n < 21 {
		i++
	}
	if i == len(rest) && !final {
		return More
	}
	if i == len(rest) || rest[i] != '=' {
		return n
	}
	switch more := trackEnd(rest[i+1:], final, "="); more {
	case No:
		return n
	default:
		return behind(i+1, more)
	}
}

// Stripe reports whether the text of a track has a number that passes Luhn and a month of expiry from 01 to 12 (a separator in the place of
// the expiry says that there is none).
func Stripe(text []byte) bool {
	var pan [20]byte
	n, i := 0, 0
	for i < len(text) && !isDigit(text[i]) {
		i++
	}
	for ; i < len(text) && (isDigit(text[i]) || text[i] == ' '); i++ {
		if text[i] == ' ' {
			continue
		}
		if n == len(pan) {
			return false
		}
		pan[n] = text[i]
		n++
	}
	if n < 12 || n > 19 || uniform(pan[:n]) || !Luhn(pan[:n]) || i == len(text) {
		return false
	}
	if text[i] == '^' { // the name stands between number and expiry
		for i++; i < len(text) && text[i] != '^'; i++ {
		}
	}
	i++
	if i < len(text) && (text[i] == '^' || text[i] == '=') {
		return true
	}
	return i+4 <= len(text) && allDigits(text[i:i+4]) && monthOf(text[i+2:i+4]) > 0
}

// SecurityCode recognises a card's security code around its digits t[start:end]: they are neither part of a longer token, nor of a date or
// amount, nor one of several groups, and no other number of three digits or more stands between them and the last word that names a code or
// card.
func SecurityCode(t []byte, start, end int, final bool) (from, to int) {
	if !codeBegins(t, start) {
		return No, 0
	}
	if end+4 > len(t) && !final {
		return More, 0
	}
	after := t[end:min(end+4, len(t))]
	if len(after) > 0 && (isAlnum(after[0]) || after[0] >= 0x80 && !noLetter(after) || strings.IndexByte("_%/:=", after[0]) >= 0) {
		return No, 0
	}
	if len(after) > 1 && (strings.IndexByte("-+@", after[0]) >= 0 && isAlnum(after[1]) || after[0] == '.' && isDigit(after[1])) {
		return No, 0
	}
	if len(after) > 1 && after[0] == ' ' && isDigit(after[1]) && bytes.IndexByte(after[2:], '/') < 0 {
		return No, 0
	}
	for i := start; i > 0 && start-i < maxBetween; {
		if i--; !isDigit(t[i]) {
			continue
		}
		last := i
		for i > 0 && isDigit(t[i-1]) {
			i--
		}
		if last-i >= 2 {
			if between := t[last+1 : start]; !containsFold(between, "cv") && !containsFold(between, "card") {
				return No, 0
			}
			break
		}
	}
	if inLongName(t[max(0, start-maxBetween):start]) {
		return No, 0
	}
	return start, end
}

// inLongName reports whether the last cvc or cvv in the text is in a name, as of a constant, whose next part is a word of something else than a
// security code: XML_CVC_ATTRIBUTE.
func inLongName(t []byte) bool {
	for i := len(t) - 3; i >= 0; i-- {
		if lower(t[i]) != 'c' || lower(t[i+1]) != 'v' || lower(t[i+2]) != 'c' && lower(t[i+2]) != 'v' {
			continue
		}
		if i += 3; i < len(t) && t[i] == '2' {
			i++
		}
		if i+1 >= len(t) || t[i] != '_' || !isLetter(t[i+1]) {
			return false
		}
		start := i + 1
		for i = start; i < len(t) && isLetter(t[i]); i++ {
		}
		var buf [12]byte
		if i-start > len(buf) {
			return true
		}
		for k, b := range t[start:i] {
			buf[k] = lower(b)
		}
		switch string(buf[:i-start]) {
		case "code", "no", "nr", "num", "number", "val", "value", "digits", "pin", "cvc", "cvv", "cid", "data", "is", "enc", "encrypted", "plain", "str", "raw", "text":
			return false
		}
		return true
	}
	return false
}

// codeBegins reports whether a security code may begin at t[i].
func codeBegins(t []byte, i int) bool {
	if i == 0 {
		return true
	}
	before, second := t[i-1], byte(0)
	if i > 1 {
		second = t[i-2]
	}
	switch {
	case isAlnum(before):
		return second == '\\' && strings.IndexByte("nrt", before) >= 0
	case strings.IndexByte("_+%$/", before) >= 0:
		return false
	case before == '-' || before == '.':
		return !isAlnum(second)
	case before == ' ' && isDigit(second): // the 2 of CVC2 is no group
		return second == '2' && i > 2 && (lower(t[i-3]) == 'c' || lower(t[i-3]) == 'v')
	case before >= 0x80:
		r, _ := utf8.DecodeLastRune(t[:i])
		return !unicode.IsLetter(r) && !unicode.Is(unicode.Sc, r)
	}
	return true
}

// noLetter reports whether the text begins with a character outside ASCII that is no letter.
func noLetter(text []byte) bool {
	r, _ := utf8.DecodeRune(text)
	return !unicode.IsLetter(r)
}

// unfinished is the answer of a grammar whose text ended too early.
func unfinished(final bool) int {
	if final {
		return No
	}
	return More
}

// behind adds what a grammar read to the n bytes before it.
func behind(n, answer int) int {
	if answer < 0 {
		return answer
	}
	return n + answer
}

func allDigits(text []byte) bool {
	for _, b := range text {
		if !isDigit(b) {
			return false
		}
	}
	return len(text) > 0
}
