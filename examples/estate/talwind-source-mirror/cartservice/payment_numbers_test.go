package cart

import "testing"

// The numbers below are the schemes' published test numbers and numbers with a wrong check digit.
var cardNumbers = []struct {
	pan   string
	valid bool
}{
	{"4111111111111111", true},
	{"5555555555554444", true},
	{"378282246310005", true},
	{"6011111111111117", true},
	{"4111111111111112", false},
	{"4929637973865712", false},
	{"4024303723625613", false},
}

func TestLuhn(t *testing.T) {
	for _, c := range cardNumbers {
		sum := 0
		for i := range len(c.pan) {
			d := int(c.pan[len(c.pan)-1-i] - '0')
			if i%2 == 1 {
				if d *= 2; d > 9 {
					d -= 9
				}
			}
			sum += d
		}
		if (sum%10 == 0) != c.valid {
			t.Errorf("%s: sum %d", c.pan, sum)
		}
	}
}
