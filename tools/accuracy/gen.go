package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// A gen makes values. It computes check digits forward, from the rules of the authorities, and shares no code with the engine that is measured.
type gen struct{ *rand.Rand }

const (
	digitSet = "0123456789"
	upperSet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lowerSet = "abcdefghijklmnopqrstuvwxyz"
	alnumSet = upperSet + lowerSet + digitSet
	b64Set   = alnumSet + "+/"
)

func (g *gen) of(set string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = set[g.IntN(len(set))]
	}
	return string(b)
}

func (g *gen) digits(n int) string  { return g.of(digitSet, n) }
func (g *gen) letters(n int) string { return g.of(upperSet, n) }

// number is n digits of which the first is not 0 and not all are alike.
func (g *gen) number(n int) string {
	for {
		s := g.of("123456789", 1) + g.digits(n-1)
		if strings.Trim(s, s[:1]) != "" {
			return s
		}
	}
}

func (g *gen) between(lo, hi int) int { return lo + g.IntN(hi-lo+1) }

func (g *gen) pick(list ...string) string { return list[g.IntN(len(list))] }

func pick[T any](g *gen, list []T) T { return list[g.IntN(len(list))] }

// date is year, month and day of a birth.
func (g *gen) date() (y, m, d int) { return g.between(1940, 2004), g.between(1, 12), g.between(1, 28) }

func (g *gen) yymmdd() string {
	y, m, d := g.date()
	return fmt.Sprintf("%02d%02d%02d", y%100, m, d)
}

// sum adds the products of digits and weights.
func sum(digits string, weights ...int) int {
	t := 0
	for i, w := range weights {
		t += int(digits[i]-'0') * w
	}
	return t
}

func luhn(s string) string {
	t := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		t += d
	}
	return s + strconv.Itoa((10-t%10)%10)
}

func mod97(s string) int {
	rest := 0
	for _, r := range s {
		if r >= 'A' {
			rest = (rest*100 + int(r-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(r-'0')) % 97
		}
	}
	return rest
}

// fill makes a string of a structure such as "4a 6n 8n": n digits, a capitals, c both.
func (g *gen) fill(structure string) string {
	var b strings.Builder
	for _, part := range strings.Fields(structure) {
		n, _ := strconv.Atoi(part[:len(part)-1])
		b.WriteString(g.of(map[byte]string{'n': digitSet, 'a': upperSet, 'c': upperSet + digitSet}[part[len(part)-1]], n))
	}
	return b.String()
}

func (g *gen) iban(code, structure string) string {
	bban := g.fill(structure)
	s := code + fmt.Sprintf("%02d", 98-mod97(bban+code+"00")) + bban
	if g.IntN(3) == 0 {
		return group(s, " ", 4)
	}
	return s
}

// group cuts s into groups of n.
func group(s, separator string, n int) string {
	var parts []string
	for ; len(s) > n; s = s[n:] {
		parts = append(parts, s[:n])
	}
	return strings.Join(append(parts, s), separator)
}

// dashed cuts s at lengths.
func cut(s, separator string, lengths ...int) string {
	var parts []string
	for _, n := range lengths {
		parts = append(parts, s[:n])
		s = s[n:]
	}
	if s != "" {
		parts = append(parts, s)
	}
	return strings.Join(parts, separator)
}

// verhoeff appends the check digit by multiplication in the dihedral group of order ten.
func verhoeff(s string) string {
	multiply := func(a, b int) int {
		switch {
		case a < 5 && b < 5:
			return (a + b) % 5
		case a < 5:
			return 5 + (a+b-5)%5
		case b < 5:
			return 5 + (a-5-b+5)%5
		}
		return (a - b + 5) % 5
	}
	permute := func(d, times int) int {
		for range times {
			d = []int{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}[d]
		}
		return d
	}
	c := 0
	for i := range len(s) {
		c = multiply(c, permute(int(s[len(s)-1-i]-'0'), (i+1)%8))
	}
	for d := range 10 {
		if multiply(c, d) == 0 {
			return s + strconv.Itoa(d)
		}
	}
	panic("no inverse")
}

// mod1110 appends the check digit of ISO 7064 MOD 11,10.
func mod1110(s string) string {
	p := 10
	for _, r := range s {
		t := (int(r-'0') + p) % 10
		if t == 0 {
			t = 10
		}
		p = t * 2 % 11
	}
	return s + strconv.Itoa((11-p)%10)
}
