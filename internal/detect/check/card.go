package check

// cardRange is a range of leading digits with the lengths that are issued under it.
type cardRange struct {
	prefix, from, to int // number of leading digits, and their first and last value
	lengths          []int
}

// cardRanges are the issuer ranges of the brands that Macie lists: American Express, Dankort, Diners Club, Discover, Electron, JCB,
// Mastercard, UnionPay and Visa, as the brands publish them.
var cardRanges = []cardRange{
	{2, 34, 34, []int{15}}, {2, 37, 37, []int{15}},
	{4, 5019, 5019, []int{16}},
	{3, 300, 305, diners}, {4, 3095, 3095, diners}, {2, 36, 36, diners}, {2, 38, 39, diners},
	{4, 6011, 6011, from16}, {3, 644, 649, from16}, {2, 65, 65, from16},
	{4, 3528, 3589, from16},
	{4, 2221, 2720, []int{16}}, {2, 51, 55, []int{16}},
	{2, 62, 62, from16},          // UnionPay, with Discover's 622126 to 622925
	{1, 4, 4, []int{13, 16, 19}}, // Visa, with Electron
}

var (
	diners = []int{14, 15, 16, 17, 18, 19}
	from16 = []int{16, 17, 18, 19}
)

// Card reports whether the digits are a payment card number: an issuer range and length of cardRanges, and Luhn.
func Card(digits []byte) bool {
	if len(digits) < 13 || uniform(digits[1:]) || !Luhn(digits) {
		return false
	}
	for _, r := range cardRanges {
		head := 0
		for _, b := range digits[:r.prefix] {
			head = head*10 + int(b-'0')
		}
		if head < r.from || head > r.to {
			continue
		}
		for _, n := range r.lengths {
			if n == len(digits) {
				return true
			}
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
