// Package postal recognises mailing addresses of Australia, Canada, France, Germany, Italy, Spain, the United Kingdom and the United States in
// running text and as whole values. An address has a town and its postal code; the street, post office box and unit before them and the country
// behind them belong to it. The code has to agree with the state, province or town beside it as far as that is known.
package postal

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/detect/check"
)

// MaxLen is the greatest length of an address in bytes.
const MaxLen = 300

// lookAhead is how far behind the postal code one looks: for a town, its province and the country.
const lookAhead = 110

type country uint8

const (
	nowhere country = iota
	states
	canada
	kingdom
	australia
	germany
	france
	italy
	spain
	countries
)

// A span is t[from:to].
type span struct{ from, to int }

// Five recognises the address with the postal code of five digits at t[start:end]: American, German, French, Italian or Spanish. It answers with the
// address's span, check.No or check.More.
func Five(t []byte, start, end int, final bool) (from, to int) {
	if end-start != 5 || !GlanceFive(t, start, end, final) {
		return check.No, 0
	}
	if end+2 >= len(t) && !final {
		return check.More, 0
	}
	if stateMayPrecede(t, start) {
		if from, to = american(t, start, end, final, false); from != check.No {
			return from, to
		}
	}
	if townMayFollow(t, end) {
		return european(t, start, end, final, false)
	}
	return check.No, 0
}

// GlanceFive is the quick look before Five: a state stands before the code or a town behind it.
func GlanceFive(t []byte, start, end int, final bool) bool {
	return (start == 0 || mayPrecede(t[start-1])) && (stateMayPrecede(t, start) || townMayFollow(t, end) || end+1 >= len(t) && !final)
}

func stateMayPrecede(t []byte, start int) bool {
	return start > 2 && t[start-1] == ' ' && (isLetter(t[start-2]) || t[start-2] == ',' || t[start-2] == '.' || t[start-2] == ' ')
}

func townMayFollow(t []byte, end int) bool {
	return end+1 < len(t) && t[end] == ' ' && (t[end+1]-'A' < 26 || t[end+1] >= utf8.RuneSelf)
}

// GlanceAustralia is the quick look before Australia: the word begins with a capital, and a code follows it.
func GlanceAustralia(t []byte, start, end int, final bool) bool {
	if t[start]-'A' >= 26 {
		return false
	}
	for i := end; i < end+2; i++ {
		switch {
		case i >= len(t):
			return !final
		case t[i] != ' ' && t[i] != ',':
			return i > end && t[i]-'0' < 10
		}
	}
	return true
}

// mayPrecede tells the bytes that may stand before a postal code.
func mayPrecede(b byte) bool {
	switch b {
	case ' ', '\t', '\n', '\r', '"', '\'', '(', ',', '>', ':', '|', ';', '-', '=', 'n':
		return true
	}
	return false
}

// american recognises the address before the ZIP code t[start:end].
func american(t []byte, start, end int, final, trusted bool) (from, to int) {
	i := back(t, start, " ,")
	word, state := stateBefore(t, i)
	if state == nil || !inRanges(state.zones, three(t[start:])) {
		return check.No, 0
	}
	if len(t)-end < lookAhead && !final {
		return check.More, 0
	}
	if end < len(t) && t[end] == '-' {
		if n := digits(t[end+1:]); n != 4 {
			return check.No, 0
		}
		end += 5
	}
	if !closes(t, end) {
		return check.No, 0
	}
	city, street, apart := townAndStreet(t, word, states)
	if city.to == 0 {
		return check.No, 0
	}
	known := knownTown(usTowns, t, city)
	if street < 0 && !known && !trusted {
		if state == usStates["ID"] || !apart && state.word {
			return check.No, 0
		}
	}
	if street < 0 {
		street = city.from
	}
	return street, nation(t, end, states)
}

// stateBefore reads the state that ends at t[i]: its abbreviation in capitals or its name. It returns where it begins; nil for none.
func stateBefore(t []byte, i int) (from int, s *usState) {
	if i > 0 && t[i-1] == '.' {
		i--
	}
	var buf [64]byte
	for words, j := 1, i; words <= 3; words++ {
		k := j
		for k > 0 && j-k < 16 && (isLetter(t[k-1]) || t[k-1] == '.') {
			k--
		}
		if k == j || t[k]-'A' >= 26 && words != 2 {
			return 0, nil
		}
		if words == 1 && j-k == 2 && t[k+1]-'A' < 26 {
			return k, usStates[string(t[k:j])]
		}
		if s = usNames[string(fold(buf[:0], t[k:i]))]; s != nil {
			if words == 1 && s == usStates["VA"] && k > 5 && string(fold(buf[:0], t[k-5:k])) == "west " {
				return k - 5, usStates["WV"]
			}
			return k, s
		}
		if k == 0 || t[k-1] != ' ' {
			return 0, nil
		}
		j = k - 1
	}
	return 0, nil
}

// Canada recognises the address with the postal code t[start:end], in the form A1A 1A1.
func Canada(t []byte, start, end int, final bool) (from, to int) {
	return canadian(t, start, end, final, false)
}

func canadian(t []byte, start, end int, final, trusted bool) (from, to int) {
	if start > 0 && !mayPrecede(t[start-1]) || indexByte("DFIOQUWZ", t[start]) {
		return check.No, 0
	}
	for _, b := range t[start:end] {
		switch b {
		case 'D', 'F', 'I', 'O', 'Q', 'U':
			return check.No, 0
		}
	}
	if len(t)-end < lookAhead && !final {
		return check.More, 0
	}
	if !closes(t, end) {
		return check.No, 0
	}
	i := back(t, start, " ,\n\r")
	if i > 0 && t[i-1] == ')' {
		i--
	}
	word, letters := province(t, i)
	if letters != "" && !indexByte(letters, t[start]) {
		return check.No, 0
	}
	if word > 0 && t[word-1] == '(' {
		word--
	}
	city, street, _ := townAndStreet(t, word, canada)
	if city.to == 0 || letters == "" && street < 0 && !trusted && !knownTown(caTowns, t, city) {
		return check.No, 0
	}
	if street < 0 {
		street = city.from
	}
	return street, nation(t, end, canada)
}

// province reads the province that ends at t[i], and the first letters of its codes; "" for none.
func province(t []byte, i int) (from int, letters string) {
	end := i
	if i > 0 && t[i-1] == '.' {
		end--
	}
	var buf [64]byte
	for words, j := 1, end; words <= 4; words++ {
		k := j
		for k > 0 && j-k < 16 && (isLetter(t[k-1]) || t[k-1] >= utf8.RuneSelf || t[k-1] == '-') {
			k--
		}
		if k == j {
			break
		}
		if l := caProvinces[string(fold(buf[:0], t[k:end]))]; l != "" && t[k]-'a' >= 26 && (end-k > 3 || t[k+1]-'A' < 26 || end-k == 3) {
			return k, l
		}
		if k == 0 || t[k-1] != ' ' {
			break
		}
		j = k - 1
	}
	return i, ""
}

// Australia recognises the address with the state t[start:end], its abbreviation or the last word of its name, and the postcode behind it.
func Australia(t []byte, start, end int, final bool) (from, to int) {
	if end+8 > len(t) && !final {
		return check.More, 0
	}
	code := end
	for code < len(t) && code < end+2 && (t[code] == ' ' || t[code] == ',') {
		code++
	}
	if code == end || digits(t[code:]) != 4 || t[start]-'A' >= 26 {
		return check.No, 0
	}
	var buf [64]byte
	state := auStates[string(fold(buf[:0], t[start:end]))]
	if state != nil && t[start+1]-'A' >= 26 && (end-start != 3 || t[start]|0x20 == 'a' || t[start]|0x20 == 'n') {
		return check.No, 0 // Act, Sa, Wa, Nt, Nsw
	}
	if state == nil {
		for words, k := 1, start; ; words++ {
			if s := auNames[string(fold(buf[:0], t[k:end]))]; s != "" {
				state, start = auStates[s], k
				break
			}
			j := k
			if words == 3 || k == 0 || t[k-1] != ' ' {
				return check.No, 0
			}
			for k--; k > 0 && isLetter(t[k-1]) && j-k < 16; k-- {
			}
		}
	}
	if !inRanges(state, 10*three(t[code:])+int(t[code+3]-'0')) {
		return check.No, 0
	}
	if len(t)-code < lookAhead && !final {
		return check.More, 0
	}
	if !closes(t, code+4) {
		return check.No, 0
	}
	city, street, _ := townAndStreet(t, start, australia)
	if city.to == 0 {
		return check.No, 0
	}
	if street < 0 {
		street = city.from
	}
	return street, nation(t, code+4, australia)
}

// Kingdom recognises the address with the British postcode t[start:end].
func Kingdom(t []byte, start, end int, final bool) (from, to int) {
	return british(t, start, end, final, false)
}

func british(t []byte, start, end int, final, trusted bool) (from, to int) {
	if start > 0 && !mayPrecede(t[start-1]) {
		return check.No, 0
	}
	letters := 1
	if isLetter(t[start+1]) {
		letters = 2
	}
	for _, b := range t[end-2 : end] {
		switch b {
		case 'C', 'I', 'K', 'M', 'O', 'V':
			return check.No, 0
		}
	}
	area := t[start : start+letters]
	if !ukAreas[string(area)] {
		return check.No, 0
	}
	if len(t)-end < lookAhead && !final {
		return check.More, 0
	}
	if !closes(t, end) {
		return check.No, 0
	}
	i, street, town := start, -1, span{}
	known := false
	for n := 0; n < 5; n++ {
		seg, sep := segmentBefore(t, i)
		if seg.to == 0 {
			break
		}
		s, rest := anglo(t, seg, true)
		if s >= 0 && rest.to > rest.from && town.to == 0 {
			town = rest
			known = agrees(t, town, kingdom, area) > 0
			if agrees(t, town, kingdom, area) < 0 {
				return check.No, 0
			}
		}
		if s >= 0 {
			street = s
			if before, _ := segmentBefore(t, s); before.to > 0 && isUnit(t, before) {
				street = before.from
			}
			break
		}
		words := townAtEnd(t, seg)
		if words.to == 0 || n > 0 && words.from != seg.from {
			break
		}
		switch agrees(t, words, kingdom, area) {
		case -1:
			return check.No, 0
		case 1:
			known, town = true, words
		}
		if town.to == 0 {
			town = words
		}
		if sep == ' ' && n > 0 || words.from != seg.from {
			break
		}
		i = seg.from
	}
	if town.to == 0 || !known && street < 0 && !trusted {
		return check.No, 0
	}
	if street < 0 {
		street = town.from
	}
	return street, nation(t, end, kingdom)
}

// european recognises the address with the German, French, Italian or Spanish postal code t[start:end] and the town behind it.
func european(t []byte, start, end int, final, trusted bool) (from, to int) {
	if len(t)-end < lookAhead && !final {
		return check.More, 0
	}
	zone := 10*int(t[start]-'0') + int(t[start+1]-'0')
	code := t[start : start+5]
	first, forced := prefix(t, start)
	if forced == nowhere && first > 0 && t[first-1] == '-' {
		return check.No, 0
	}
	if first > 0 && t[first-1] == 'n' && !escaped(t, first) {
		return check.No, 0
	}
	trusted = trusted || labelled(t, first)
	// The street before it says which country it is.
	i, street, where := first, -1, nowhere
	for n := 0; n < 4 && street < 0; n++ {
		seg, sep := segmentBefore(t, i)
		if seg.to == 0 {
			break
		}
		street, where = continental(t, seg, sep, n == 0, zone)
		if street >= 0 {
			if before, _ := segmentBefore(t, street); before.to > 0 && (where == france || where == spain) && isHouseNumber(t[before.from:before.to]) {
				street = before.from // 12, rue de la Paix
			}
			break
		}
		if !isUnit(t, seg) {
			break
		}
		i = seg.from
	}
	for c := germany; c <= spain; c++ {
		if forced != nowhere && c != forced || street >= 0 && c != where || !validZone(c, zone) {
			continue
		}
		town := townBehind(t, end+1, c)
		if town.to == 0 {
			continue
		}
		known := agrees(t, town, c, code)
		if known < 0 || known == 0 && street < 0 && forced == nowhere && !trusted {
			continue
		}
		to, ok := behindTown(t, town.to, c, zone)
		if !ok || !closes(t, to) {
			continue
		}
		if street < 0 {
			street = first
		}
		return street, nation(t, to, c)
	}
	return check.No, 0
}

// validZone reports whether postal codes of the country begin with these two digits.
func validZone(c country, zone int) bool {
	switch c {
	case germany:
		return zone > 0 && zone != 5 && zone != 43 && zone != 62
	case france:
		return zone >= 1 && zone <= 95 || zone == 97 || zone == 98
	case italy:
		return zone <= 98
	}
	return zone >= 1 && zone <= 52
}

// prefix reads the sign of a country before the code, as in D-10115.
func prefix(t []byte, start int) (first int, c country) {
	if start < 2 || t[start-1] != '-' {
		return start, nowhere
	}
	i := start - 1
	for i > 0 && start-i < 4 && t[i-1]-'A' < 26 {
		i--
	}
	if i > 0 && (isAlnum(t[i-1]) || t[i-1] == '-' || t[i-1] == '_') && !escaped(t, i) {
		return start, nowhere
	}
	switch string(t[i : start-1]) {
	case "D", "DE":
		return i, germany
	case "F", "FR":
		return i, france
	case "I", "IT":
		return i, italy
	case "E", "ES":
		return i, spain
	}
	return start, nowhere
}

// labels are words before a postal code that say what it is.
var labels = setOf("plz anschrift adresse wohnort wohnhaft wohnsitz indirizzo residenza domicilio direccion address adr cap cp postleitzahl postal zip")

// labelled reports whether such a word stands before t[i].
func labelled(t []byte, i int) bool {
	i = back(t, i, " :=\"'")
	j := i
	for j > 0 && i-j < 16 && (isLetter(t[j-1]) || t[j-1] >= utf8.RuneSelf) {
		j--
	}
	var buf [64]byte
	return i > j && labels[string(fold(buf[:0], t[j:i]))]
}

// townBehind reads the town at t[i:] behind a postal code.
func townBehind(t []byte, i int, c country) span {
	town, words := span{from: i}, 0
	for i < len(t) && words < 6 {
		j := i
		for j < len(t) && (isLetter(t[j]) || t[j] >= utf8.RuneSelf || t[j] == '-' || t[j] == '\'' || t[j] == '.' && j-i < 4) {
			j++
		}
		word := t[i:j]
		if len(word) == 0 || len(word) > 40 {
			break
		}
		first, _ := utf8.DecodeRune(word)
		var buf [96]byte
		folded := fold(buf[:0], word)
		switch {
		case unicode.IsUpper(first):
			if words == 0 && noTowns[string(folded)] || roads[string(folded)] || string(folded) == "cedex" {
				return endTown(town)
			}
			if c == italy && words > 0 && len(word) == 2 && itProvinces[string(word)] != "" {
				return endTown(town)
			}
			town.to = j
			words++
		case words > 0 && townParticles[string(folded)]:
		case len(folded) > 2 && folded[1] == '\'' && (folded[0] == 'l' || folded[0] == 'd'):
			town.to = j
			words++
		default:
			return endTown(town)
		}
		if j >= len(t) || t[j] != ' ' {
			break
		}
		i = j + 1
	}
	return endTown(town)
}

func endTown(s span) span {
	if s.to == 0 {
		return span{}
	}
	return s
}

var (
	townParticles = setOf("am an der im in bei ob vor sur sous les la le de del della di da do d' l' en aux a y dos das do di")
	// roads are the words with which streets of English addresses end, where a town is expected.
	roads = setOf("street avenue road drive lane boulevard blvd rd dr ln ct court highway parkway pkwy hwy terrace broadway circle trail")
)

// behindTown reads what belongs to the town: CEDEX and its number, the province of an Italian or Spanish address. It answers false for a province
// that does not agree with the code.
func behindTown(t []byte, i int, c country, zone int) (to int, ok bool) {
	rest := t[i:min(len(t), i+40)]
	switch c {
	case france:
		var buf [64]byte
		if len(rest) >= 6 && string(fold(buf[:0], rest[:6])) == " cedex" {
			i += 6
			if n := 0; i < len(t) && t[i] == ' ' {
				if n = digits(t[i+1:]); n == 1 || n == 2 {
					i += 1 + n
				}
			}
		}
	case italy:
		n := 0
		for n < len(rest) && (rest[n] == ' ' || rest[n] == ',' || rest[n] == '(') && n < 3 {
			n++
		}
		if n == 0 || len(rest) < n+2 || rest[n]-'A' >= 26 || rest[n+1]-'A' >= 26 || len(rest) > n+2 && isAlnum(rest[n+2]) {
			return i, true
		}
		p := itProvinces[string(rest[n:n+2])]
		if p == "" {
			return i, true
		}
		if number(p) != zone && !(p == "09" && zone == 9) {
			return i, false
		}
		i += n + 2
		if len(rest) > n+2 && rest[n+2] == ')' {
			i++
		}
	case spain, germany:
		if len(rest) > 3 && rest[0] == ' ' && rest[1] == '(' {
			if n := bytes.IndexByte(rest, ')'); n > 2 && !bytes.ContainsAny(rest[:n], "0123456789\n") {
				i += n + 1
			}
		}
	}
	return i, true
}

// continental finds the street in a segment, and the country whose streets are written so. near says that the segment is the one right before
// the code, and zone its first two digits.
func continental(t []byte, seg span, sep byte, near bool, zone int) (from int, c country) {
	type word struct{ from, to int }
	var ws [16]word
	n := 0
	for i := seg.from; i < seg.to; {
		j := i
		for j < seg.to && t[j] != ' ' {
			j++
		}
		if j > i {
			if n == len(ws) {
				copy(ws[:], ws[1:])
				n--
			}
			ws[n] = word{i, j}
			n++
		}
		i = j + 1
	}
	if n == 0 {
		return -1, nowhere
	}
	var buf [128]byte
	for k := range ws[:n] {
		w := t[ws[k].from:ws[k].to]
		if len(w) > 40 {
			continue
		}
		folded := fold(buf[:0], w)
		typ := bytes.TrimRight(folded, ".")
		switch {
		case n-k < 2 && !bytes.HasPrefix(folded, []byte("c/")):
		case (frStreets[string(typ)]) && k > 0 && (isHouseNumber(t[ws[k-1].from:ws[k-1].to]) || k > 1 && isBis(t[ws[k-1].from:ws[k-1].to])):
			from = ws[k-1].from
			if isBis(t[ws[k-1].from:ws[k-1].to]) {
				from = ws[k-2].from
			}
			return from, france
		case itStreets[string(typ)] && endsInNumber(t, seg) && w[0]-'a' >= 26 && string(typ) != "calle":
			return ws[k].from, italy
		case frStreets[string(typ)] && k == 0 && houseBefore(t, seg.from) && !validZone(spain, zone) && hasCapital(t[ws[k].to:seg.to]):
			return ws[k].from, france // 12, av. du Parc; "av." is Spanish too
		case esStreets[string(typ)] || bytes.HasPrefix(folded, []byte("c/")) && len(folded) > 2:
			if w[0]-'a' >= 26 || hasCapital(t[ws[k].to:seg.to]) {
				return ws[k].from, spain
			}
		case itStreets[string(typ)] && string(typ) != "calle" && hasCapital(t[ws[k].to:seg.to]):
			return ws[k].from, italy
		case frStreets[string(typ)] && k == 0 && hasCapital(t[ws[k].to:seg.to]) && len(typ) > 2:
			return ws[k].from, france
		case string(typ) == "postfach" && digits(t[ws[k+1].from:]) > 0:
			return ws[k].from, germany
		}
	}
	// Musterstraße 12a; An der Alster 1; Lange Straße 5-7
	last := n - 1
	if !isHouseNumber(t[ws[last].from:ws[last].to]) {
		if n < 3 || ws[last].to-ws[last].from != 1 || !isLetter(t[ws[last].from]) || !isHouseNumber(t[ws[last-1].from:ws[last-1].to]) {
			return -1, nowhere
		}
		last-- // 12 a
	}
	if last == 0 {
		return -1, nowhere
	}
	k := last
	for k > 0 && last-k < 5 {
		w := t[ws[k-1].from:ws[k-1].to]
		first, _ := utf8.DecodeRune(w)
		if !unicode.IsUpper(first) && !deParticles[string(w)] && !isOrdinal(w) || !wordOnly(w) && !isOrdinal(w) {
			break
		}
		k--
	}
	for k < last && t[ws[k].from]-'a' < 26 {
		k++
	}
	if k == last {
		return -1, nowhere
	}
	strong := false
	for _, w := range ws[k:last] {
		folded := fold(buf[:0], t[w.from:w.to])
		if noTowns[string(bytes.TrimRight(folded, ":."))] && !deParticles[string(folded)] || roads[string(folded)] {
			return -1, nowhere
		}
		for _, e := range deStreetEnds {
			strong = strong || bytes.HasSuffix(folded, []byte(e)) && len(folded) > len(e)-1
		}
	}
	if !strong && (k > 0 || sep == ' ' || !near) {
		return -1, nowhere // any words with a number behind have to be the whole segment
	}
	return ws[k].from, germany
}

// isOrdinal tells the day in Straße des 17. Juni.
func isOrdinal(w []byte) bool {
	n := digits(w)
	return n > 0 && n < 3 && len(w) == n+1 && w[n] == '.'
}

var deParticles = setOf("der den dem des die das am an im in zum zur auf bei unter den von vor hinter")

// houseBefore reports whether the segment before t[i] is a house number.
func houseBefore(t []byte, i int) bool {
	seg, _ := segmentBefore(t, i)
	return seg.to > 0 && isHouseNumber(t[seg.from:seg.to])
}

func hasCapital(t []byte) bool {
	for _, b := range t {
		if b-'A' < 26 || b == 0xC3 {
			return true
		}
	}
	return false
}

func endsInNumber(t []byte, seg span) bool {
	for i := seg.to - 1; i >= seg.from && seg.to-i < 6; i-- {
		if isDigit(t[i]) {
			return true
		}
	}
	return false
}

// isBis tells the letter or word behind a French house number.
func isBis(w []byte) bool {
	if len(w) > 6 {
		return false
	}
	var buf [16]byte
	switch string(fold(buf[:0], w)) {
	case "bis", "ter", "quater", "b", "a", "c":
		return true
	}
	return false
}

func wordOnly(w []byte) bool {
	for _, b := range w {
		if !isLetter(b) && b < utf8.RuneSelf && b != '-' && b != '.' && b != '\'' {
			return false
		}
	}
	return true
}

// isHouseNumber tells 12, 12a, 12-14, 12/3.
func isHouseNumber(w []byte) bool {
	n := digits(w)
	if n == 0 || n > 5 {
		return false
	}
	rest := w[n:]
	if len(rest) > 0 && isLetter(rest[0]) {
		rest = rest[1:]
	}
	if len(rest) > 1 && (rest[0] == '-' || rest[0] == '/') {
		m := 1
		for m < len(rest) && isAlnum(rest[m]) {
			m++
		}
		return m == len(rest) && m < 6
	}
	return len(rest) == 0
}

// townAndStreet reads, before t[i] where state or province stand, the town and what precedes it. street is -1 if there is none; apart says that
// a comma or line end stands behind the town.
func townAndStreet(t []byte, i int, c country) (town span, street int, apart bool) {
	seg, sep := segmentBefore(t, i)
	if seg.to == 0 {
		return span{}, -1, false
	}
	apart = sep != ' '
	street, rest := anglo(t, seg, false)
	if street >= 0 && rest.to > rest.from {
		if before, _ := segmentBefore(t, street); c == australia && before.to > 0 && isUnit(t, before) {
			street = before.from
		}
		return rest, street, apart
	}
	street = -1
	town = townAtEnd(t, seg)
	if town.to == 0 {
		return span{}, -1, false
	}
	if town.from != seg.from {
		return town, -1, apart
	}
	for n := 0; n < 3; n++ {
		before, sep := segmentBefore(t, seg.from)
		if before.to == 0 || sep == ' ' {
			break
		}
		if s, rest := anglo(t, before, c == australia); s >= 0 && rest.to <= rest.from {
			street = s
			if b, _ := segmentBefore(t, s); b.to > 0 && isUnit(t, b) {
				street = b.from
			}
			break
		}
		if !isUnit(t, before) {
			break
		}
		seg = before
	}
	return town, street, apart
}

// segmentBefore returns the segment of an address that ends before t[i], between commas or line ends, and what sets it off: ' ', ',' or '\n'. to
// is 0 for none.
func segmentBefore(t []byte, i int) (seg span, sep byte) {
	sep = ' '
	lines := 0
	for i > 0 {
		b := t[i-1]
		switch {
		case b == ' ' || b == '\t' || b == '\r':
		case b == ',' || b == ';' || b == '|':
			sep = ','
		case b == '\n':
			if lines++; lines > 1 {
				return span{}, 0
			}
			sep = '\n'
		case b == 'n' && escaped(t, i):
			if lines++; lines > 1 {
				return span{}, 0
			}
			sep = '\n'
			i--
		case b == '-' && i > 1 && t[i-2] == ' ':
			sep = ','
		case b == '>' && i > 3 && (string(t[i-4:i]) == "<br>" || i > 4 && string(t[i-5:i]) == "<br/>"):
			if sep = '\n'; t[i-2] == '/' {
				i--
			}
			i -= 3
		default:
			goto found
		}
		i--
	}
	return span{}, 0
found:
	seg.to = i
	for i > 0 && seg.to-i < 90 {
		b := t[i-1]
		if b == ',' || b == ';' || b == '|' || b == '\n' || b == '\r' || b == '\t' || b == '"' || b == '<' || b == '>' || b == '=' || b == '(' || b == '[' || b == '{' ||
			b == ':' || b == '\\' || b == 'n' && escaped(t, i) || b == '.' && i < len(t) && t[i] == ' ' && sentenceEnds(t, i-1) || b == '-' && i > 1 && t[i-2] == ' ' && t[i] == ' ' {
			break
		}
		i--
	}
	for i < seg.to && (t[i] == ' ' || t[i] == '*' || t[i] == '-' || t[i] == '\'') {
		i++
	}
	for i < seg.to && t[i]&0xC0 == 0x80 {
		i++
	}
	if i == seg.to {
		return span{}, 0
	}
	seg.from = i
	return seg, sep
}

// sentenceEnds reports whether the full stop at t[i] ends a sentence, not an abbreviation.
func sentenceEnds(t []byte, i int) bool {
	if i+2 < len(t) && (isDigit(t[i+2]) || t[i+2]-'a' < 26) {
		return false
	}
	n := 0
	for n < i && n < 6 && isLetter(t[i-1-n]) {
		n++
	}
	var buf [16]byte
	word := fold(buf[:0], t[i-n:i])
	return n >= 4 && !streetWords[string(word)] && !esStreets[string(word)] && !bytes.HasSuffix(word, []byte("str")) || n == 0 && i > 0 && t[i-1] == ')'
}

// escaped reports whether an escaped line end stands before t[i].
func escaped(t []byte, i int) bool {
	return i >= 2 && t[i-1] == 'n' && t[i-2] == '\\' && (i < 3 || t[i-3] != '\\')
}

// townAtEnd returns the words with a capital at the end of a segment, if they may be a town.
func townAtEnd(t []byte, seg span) span {
	town, words := span{to: seg.to}, 0
	for i := seg.to; i > seg.from; {
		j := i
		for j > seg.from && t[j-1] != ' ' {
			j--
		}
		w := t[j:i]
		if len(w) == 0 || len(w) > 40 || !wordOnly(w) {
			break
		}
		first, _ := utf8.DecodeRune(w)
		var buf [96]byte
		folded := fold(buf[:0], w)
		if noTowns[string(folded)] && (words == 0 || !articles[string(folded)]) {
			if words == 0 {
				return span{}
			}
			break
		}
		if unicode.IsUpper(first) {
			town.from = j
			if words++; words > 5 {
				return span{}
			}
		} else if words == 0 || !anglicParticles[string(w)] {
			break
		}
		i = j - 1
	}
	if words == 0 || town.to-town.from < 2 || words == 1 && (isWord(t, town, "city") || isWord(t, town, "state") || isWord(t, town, "port")) {
		return span{}
	}
	return town
}

// articles may begin the name of a town.
var articles = setOf("la le les los las el lo")

// isWord compares a word, without regard to case.
func isWord(t []byte, s span, word string) bool {
	var buf [64]byte
	return s.to-s.from == len(word) && string(fold(buf[:0], t[s.from:s.to])) == word
}

var anglicParticles = setOf("of the la le de del du des upon on by in under sur")

// anglo finds an English street in a segment: its beginning, and the words behind it that may be a town. bare lets the street do without a house
// number if it is the whole segment. street is -1 for none.
func anglo(t []byte, seg span, bare bool) (street int, rest span) {
	if p := box(t, seg); p.to > 0 {
		return p.from, span{from: skip(t, p.to, seg.to), to: seg.to}
	}
	var ws [16]span
	n := 0
	for i := seg.from; i < seg.to; {
		j := i
		for j < seg.to && t[j] != ' ' {
			j++
		}
		if j > i {
			if n == len(ws) {
				copy(ws[:], ws[1:])
				n--
			}
			ws[n] = span{i, j}
			n++
		}
		i = j + 1
	}
	number := -1
	for k := 0; k < n-1; k++ {
		if !isHouseNumber(t[ws[k].from:ws[k].to]) || k+1 < n && !isStreetWord(t, ws[k+1]) {
			continue
		}
		ok := true
		for _, w := range ws[k+1 : n] {
			ok = ok && isStreetWord(t, w)
		}
		if ok {
			number = k
			break
		}
	}
	first := number + 1
	if number < 0 {
		if !bare || n < 2 || n > 4 {
			return -1, span{}
		}
		for _, w := range ws[:n] {
			if t[w.from]-'a' < 26 || isDigit(t[w.from]) {
				return -1, span{}
			}
		}
		if !isSuffix(t, ws[n-1]) || isSaint(t, ws[n-1]) {
			return -1, span{}
		}
		return ws[0].from, span{seg.to, seg.to}
	}
	from := ws[number].from
	if number > 0 && isUnitPair(t, ws[:number]) {
		from = ws[number-2].from
	}
	// The last suffix, with a direction and a unit behind it, ends the street.
	end := -1
	for k := first + 1; k < n; k++ {
		if isSuffix(t, ws[k]) && !(isSaint(t, ws[k]) && k+1 < n && end >= 0) {
			end = k
		}
	}
	if end < 0 {
		if n-first > 4 || !hasCapital(t[ws[first].from:ws[n-1].to]) {
			return -1, span{}
		}
		return from, span{seg.to, seg.to}
	}
	for end++; end < n; end++ {
		switch {
		case isDirection(t[ws[end].from:ws[end].to]):
		case end+1 < n && isUnitWord(t, ws[end]):
			end++
		case t[ws[end].from] == '#' || isDigit(t[ws[end].from]):
		default:
			return from, span{ws[end].from, seg.to}
		}
	}
	return from, span{seg.to, seg.to}
}

// isUnitPair tells "Flat 3" or "Apt 4" in front of a house number.
func isUnitPair(t []byte, ws []span) bool {
	n := len(ws)
	if n < 2 || !isUnitWord(t, ws[n-2]) {
		return false
	}
	w := ws[n-1]
	return w.to-w.from == 1 || isDigit(t[w.from]) || isDigit(t[w.to-1])
}

func isUnitWord(t []byte, w span) bool {
	var buf [64]byte
	return w.to-w.from < 16 && unitWords[string(bytes.TrimRight(fold(buf[:0], t[w.from:w.to]), "."))]
}

func isSuffix(t []byte, w span) bool {
	var buf [64]byte
	return w.to-w.from < 16 && streetWords[string(bytes.TrimRight(fold(buf[:0], t[w.from:w.to]), "."))] && !isDigit(t[w.from])
}

// isSaint tells St, which is a street or a saint.
func isSaint(t []byte, w span) bool {
	return w.to-w.from <= 3 && t[w.from] == 'S' && t[w.from+1]|0x20 == 't'
}

func isDirection(w []byte) bool {
	switch string(bytes.TrimRight(w, ".")) {
	case "N", "S", "E", "W", "NE", "NW", "SE", "SW", "North", "South", "East", "West":
		return true
	}
	return false
}

// isStreetWord tells the words that streets consist of.
func isStreetWord(t []byte, w span) bool {
	word := t[w.from:w.to]
	if len(word) > 32 {
		return false
	}
	first, _ := utf8.DecodeRune(word)
	switch {
	case word[0] == '#' && len(word) > 1 && len(word) < 7:
		return true
	case isDigit(word[0]):
		n := digits(word)
		return n <= 4 && len(word)-n <= 2 // 5th, 4B, 12
	case unicode.IsUpper(first):
		return wordOnly(word) || len(word) <= 4
	}
	return anglicParticles[string(word)] || isUnitWord(t, w) || len(word) > 1 && isSuffix(t, w)
}

// box finds a post office box in a segment.
func box(t []byte, seg span) span {
	var buf [160]byte
	folded := fold(buf[:0], t[seg.from:seg.to])
	if len(folded) != seg.to-seg.from {
		return span{} // letters outside ASCII: no English box
	}
	for _, b := range boxes {
		i := bytes.Index(folded, b)
		if i < 0 || i > 0 && isAlnum(folded[i-1]) {
			continue
		}
		j := i + len(b)
		if n := digits(folded[j:]); n > 0 && n < 8 {
			return span{seg.from + i, seg.from + j + n}
		}
	}
	return span{}
}

var boxes = [][]byte{[]byte("gpo box "), []byte("p.o. box "), []byte("po box "), []byte("p. o. box "), []byte("p o box "), []byte("p.o.box "), []byte("post office box "),
	[]byte("locked bag "), []byte("private bag "), []byte("c.p. "), []byte("case postale ")}

// isUnit tells a segment that names a part of a building: Apt 4B; 3º Izq.; #12.
func isUnit(t []byte, seg span) bool {
	end := seg.from
	for end < seg.to && t[end] != ' ' {
		end++
	}
	if t[seg.from] == '#' && seg.to-seg.from < 8 {
		return true
	}
	if seg.to-seg.from > 30 {
		return false
	}
	if isUnitWord(t, span{seg.from, end}) {
		return true
	}
	last := seg.to
	for last > seg.from && t[last-1] != ' ' {
		last--
	}
	if isWord(t, span{last, seg.to}, "floor") || isWord(t, span{last, seg.to}, "etage") || isWord(t, span{last, seg.to}, "stock") {
		return true // Fifth Floor
	}
	return isDigit(t[seg.from]) && seg.to-seg.from <= 12 // a number, a floor
}

// agrees compares the code with the town: 1 if the town is known and the code is its, -1 if it is not its, 0 if the town is not known.
func agrees(t []byte, town span, c country, code []byte) int {
	var buf [160]byte
	if town.to-town.from > 60 {
		return 0
	}
	folded := fold(buf[:0], t[town.from:town.to])
	starts, ok := towns[c][string(folded)]
	if !ok {
		// The first word alone: "Berlin Mitte", "Lyon 3e".
		n := bytes.IndexByte(folded, ' ')
		if n < 0 || c == kingdom {
			return 0
		}
		if starts, ok = towns[c][string(folded[:n])]; !ok {
			return 0
		}
	}
	for i := 0; i < len(starts); {
		j := i
		for j < len(starts) && starts[j] != '/' {
			j++
		}
		if p := starts[i:j]; c == kingdom && string(code) == p || c != kingdom && len(code) >= len(p) && string(code[:len(p)]) == p {
			return 1
		}
		i = j + 1
	}
	return -1
}

func knownTown(known map[string]bool, t []byte, town span) bool {
	var buf [160]byte
	return town.to-town.from < 60 && known[string(fold(buf[:0], t[town.from:town.to]))]
}

// nation returns the end of the address with the name of its country, if that stands behind t[i].
func nation(t []byte, i int, c country) int {
	j := i
	for j < len(t) && j < i+4 && (t[j] == ',' || t[j] == ' ' || t[j] == '\n' || t[j] == '\r' || t[j] == '.') {
		j++
	}
	if j == i {
		return i
	}
	var buf [64]byte
	for words, k := 0, j; words < 4 && k < len(t) && k-j < 28; words++ {
		for k < len(t) && (isLetter(t[k]) || t[k] == '.' || t[k] >= utf8.RuneSelf) && k-j < 28 {
			k++
		}
		name := fold(buf[:0], t[j:k])
		if nations[c][string(name)] && closes(t, k) && !(len(name) == 2 && t[j]-'a' < 26) {
			if end := longerNation(t, j, k, c); end > 0 {
				return end
			}
			return k
		}
		if trimmed := bytes.TrimRight(name, "."); len(trimmed) < len(name) && nations[c][string(trimmed)] {
			return k - (len(name) - len(trimmed))
		}
		if k >= len(t) || t[k] != ' ' {
			break
		}
		k++
	}
	return i
}

// longerNation looks for "United States of America" where "United States" was found.
func longerNation(t []byte, from, to int, c country) int {
	const more = " of America"
	if c == states && bytes.HasPrefix(t[to:], []byte(more)) {
		return to + len(more)
	}
	return 0
}

// closes reports whether an address may end at t[i].
func closes(t []byte, i int) bool {
	if i >= len(t) {
		return true
	}
	var next byte
	if i+1 < len(t) {
		next = t[i+1]
	}
	switch b := t[i]; {
	case isAlnum(b) || b == '_' || b == '%' || b == '@' || b == '/' && isAlnum(next):
		return false
	case b == '-' || b == '.' || b == '+':
		return !isAlnum(next)
	case b >= utf8.RuneSelf:
		r, _ := utf8.DecodeRune(t[i:])
		return !unicode.IsLetter(r)
	}
	return true
}

// back returns where the run of these bytes before t[i] begins, at most three of them.
func back(t []byte, i int, set string) int {
	for k := 0; k < 3 && i > 0 && indexByte(set, t[i-1]); k++ {
		i--
	}
	return i
}

func indexByte(s string, b byte) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == b {
			return true
		}
	}
	return false
}

func skip(t []byte, i, end int) int {
	for i < end && (t[i] == ' ' || t[i] == ',') {
		i++
	}
	return i
}

// three is the number of the first three digits.
func three(t []byte) int { return 100*int(t[0]-'0') + 10*int(t[1]-'0') + int(t[2]-'0') }

// digits counts the digits at the beginning of t, up to 9.
func digits(t []byte) int {
	n := 0
	for n < len(t) && n < 9 && isDigit(t[n]) {
		n++
	}
	return n
}

func isDigit(b byte) bool { return b-'0' < 10 }

func isLetter(b byte) bool { return (b|0x20)-'a' < 26 }

func isAlnum(b byte) bool { return isDigit(b) || isLetter(b) }

// WholeForm reports whether a value may be an address as Whole takes it, as far as its form tells: it needs a postal code.
func WholeForm(form []byte) bool {
	for i := range form {
		if i > 0 && isAlnum(form[i-1]) {
			continue
		}
		switch n := digits(form[i:]); {
		case n == 5:
			return true
		case n == 0 && i+2 < len(form) && isLetter(form[i]) && isDigit(form[i+1]) && isLetter(form[i+2]):
			return true
		}
	}
	return false
}

// Whole is the grammar of an address as the whole value of a field that holds addresses: a town and its code suffice, whether known or not, if
// they are all of the value.
func Whole(value []byte, _ bool) int {
	for i := 0; i < len(value); i++ {
		if !isAlnum(value[i]) || i > 0 && isAlnum(value[i-1]) {
			continue
		}
		end := i
		for end < len(value) && isAlnum(value[end]) {
			end++
		}
		from, to := check.No, 0
		switch n := end - i; {
		case n == 5 && digits(value[i:]) == 5:
			if from, to = american(value, i, end, true, true); from < 0 && end+1 < len(value) && value[end] == ' ' {
				from, to = european(value, i, end, true, true)
			}
		case n == 3 && end+4 <= len(value) && isLetter(value[i]) && isDigit(value[i+1]) && isLetter(value[i+2]) && isDigit(value[end+1]) && isLetter(value[end+2]):
			from, to = canadian(value, i, min(len(value), end+4), true, true)
		}
		if from == 0 && to == len(value) {
			return to
		}
	}
	return check.No
}
