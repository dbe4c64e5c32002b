package check

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
