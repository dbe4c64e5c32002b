package managed

import (
	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/check"
)

const cardCitation = "ISO/IEC 7812-1 (numbering and annex B, Luhn); issuer ranges as published by the brands"

var cardKeywords = []string{"account number", "american express", "amex", "bank card", "c card", "card", "cc #", "ccn", "check card",
	"cred card", "credit", "credit card", "credit cards", "credit no", "credit num", "dankort", "debit", "debit card", "debit no", "debit num",
	"diners club", "discover", "electron", "japanese card bureau", "jcb", "mastercard", "mc", "pan", "payment account number",
	"payment card number", "pcn", "pmnt #", "pmnt card", "pmnt no", "pmnt number", "union pay", "visa",
	// Expansions of the above, as column names have them.
	"credit card number", "card number", "cc number", "cc num", "cc no", "ccnum", "debit number", "unionpay", "pmnt num", "payment card", "master card"}

// reservedCards are the test numbers of issuers and processors that Macie never reports.
var reservedCards = []string{
	"122000000000003", "2222405343248877", "2222990905257051", "2223007648726984", "2223577120017656", "30569309025904", "34343434343434",
	"3528000700000000", "3530111333300000", "3566002020360505", "36148900647913", "36700102000000", "371449635398431", "378282246310005",
	"378734493671000", "38520000023237", "4012888888881881", "4111111111111111", "4222222222222", "4444333322221111", "4462030000000000",
	"4484070000000000", "4911830000000", "4917300800000000", "4917610000000000", "4917610000000000003", "5019717010103742",
	"5105105105105100", "5111010030175156", "5185540810000019", "5200828282828210", "5204230080000017", "5204740009900014",
	"5420923878724339", "5454545454545454", "5455330760000018", "5506900490000436", "5506900490000444", "5506900510000234",
	"5506920809243667", "5506922400634930", "5506927427317625", "5553042241984105", "5555553753048194", "5555555555554444",
	"5610591081018250", "6011000990139424", "6011000400000000", "6011111111111117", "630490017740292441", "630495060000000000",
	"6331101999990016", "6759649826438453", "6799990100000000019", "76009244561",
}

// cardShapes are the ways in which cards are written near a keyword: as one number, or in the groups that are embossed.
var cardShapes = append([]string{
	"'4'9{12}",
	"'4'9{3}~9{3}~9{3}~9{3}",
	"'3'[0689]9{13}", // Diners Club is issued with 14 to 19 digits
	"'3'[47]99~9{4}~9{4}~9{3}",
	"'3'[0689]99~9{4}~9{4}~99",
	"[2-6]9{3}~9{4}~9{4}~9{4}~9{1,3}",
}, commonCards...)

// bareCardShapes are those that are found without a keyword. Long numbers that merely pass Luhn are common (product codes of 13 digits, 64-bit
// numbers of 19), so only the lengths that each brand commonly issues count.
var bareCardShapes = append([]string{"'62'9{15,16}"}, commonCards...)

var commonCards = []string{
	"[2-6]9{3}~9{4}~9{4}~9{4}",
	"'3'[47]99~9{6}~9{5}",   // American Express
	"'3'[0689]99~9{6}~9{4}", // Diners Club
	"'62'9{4}~9{13}",        // UnionPay
}

// bareCards are the layouts found without a keyword. They stand alone and their groups differ: a table of figures is full of groups of four.
func bareCards() []detect.Layout {
	out := layouts(detect.KeywordAbsent, bareCardShapes)
	for i := range out {
		out[i].Alone = true
		out[i].Lead = "/" // to be seen and refused
		out[i].CheckText = check.BareCard
	}
	return out
}

func cards() []*detect.Identifier {
	card := detect.Identifier{Category: detect.FinancialInformation, Check: check.Card, Checksum: true, Refuse: reservedCards,
		Keywords: cardKeywords, MaxLen: 23, Severity: alwaysHigh, Citation: cardCitation}
	withKeyword, without := card, card
	withKeyword.ID, withKeyword.Recommended = "CREDIT_CARD_NUMBER", true
	withKeyword.Layouts = layouts(detect.KeywordRequired, cardShapes)
	without.ID = "CREDIT_CARD_NUMBER_(NO_KEYWORD)"
	without.Layouts = bareCards()
	withKeyword.Example, without.Example = "card «4032136880469578»", "paid with «5412 7257 5798 4375»"
	return []*detect.Identifier{
		{
			ID: "BANK_ACCOUNT_NUMBER", Category: detect.FinancialInformation, Check: check.AccountNumber,
			Layouts: needKeyword("9{9,17}"),
			Refuse:  []string{"123456789", "1234567890"},
			Keywords: []string{"bank account", "bank acct", "checking account", "checking acct", "deposit account", "deposit acct",
				"savings account", "savings acct", "chequing account", "chequing acct"},
			MaxLen: 17, Severity: alwaysHigh,
			Example:  "bank account «204815573»",
			Citation: "ANSI X9.100-160 (US account field); Payments Canada Standard 006 (7 to 12 digits); Macie takes 9 to 17",
		},
		&withKeyword, &without,
		{
			ID: "CREDIT_CARD_MAGNETIC_STRIPE", Category: detect.FinancialInformation,
			// With and without the sentinels, which readers often strip; D is '=' in the track 2 equivalent data of a chip.
			Layouts: []detect.Layout{
				{Shape: "%\"b\"", Tail: check.Track1, CheckText: check.Stripe},
				{Shape: "\"b\"9{12,19}^", Tail: check.Track1Name, CheckText: check.Stripe},
				{Shape: ";9{12,19}=", Tail: check.Track2, CheckText: check.Stripe},
				{Shape: "9{12,19}=", Tail: check.Track2, CheckText: check.Stripe},
				{Shape: "9{12,19}\"d\"9{4}", Tail: check.Track2Chip, CheckText: check.Stripe},
			},
			Keywords: []string{"card data", "iso7813", "mag", "magstripe", "stripe", "swipe",
				"mag stripe", "magnetic stripe", "magnetic strip", "iso 7813", "iso/iec 7813", "stripe data", "swipe data", "track data", "track 1", "track 2",
				"mag data", "swiped"},
			MaxLen: 128, Severity: alwaysHigh, Recommended: true,
			Example:  "swipe: «;4032136880469578=29052011000012345678?»",
			Citation: "ISO/IEC 7813 (tracks 1 and 2); ISO/IEC 7812-1 annex B (Luhn); EMV Book 3 annex A, tag 57 (track 2 equivalent data)",
		},
		{
			ID: "CREDIT_CARD_SECURITY_CODE", Category: detect.FinancialInformation,
			Layouts: []detect.Layout{{Shape: "9{3,4}", Around: check.SecurityCode}},
			Keywords: []string{"card id", "card identification code", "card identification number", "card security code", "card validation code",
				"card validation number", "card verification data", "card verification value", "cvc", "cvc2", "cvv", "cvv2", "elo verification code",
				"card verification code", "card verification number", "cvv code", "cvc code", "cvv number", "card cvv", "card cvc", "cvv no"},
			MaxLen: 16, Severity: mediumHighHigh,
			Example:  "CVV: «739»",
			Citation: "ISO/IEC 7813 leaves the value to the brands: three digits (CVC2, CVV2), four for American Express (CID)",
		},
		{
			ID: "CREDIT_CARD_EXPIRATION", Category: detect.FinancialInformation, Layouts: expirations(),
			Keywords: append([]string{"exp d", "exp m", "exp y", "expiration", "expiry",
				"^exp$", "exp date", "exp dt", "valid thru", "valid through", "good thru", "good through", "expiration date", "expiry date", "card exp", "cc exp"},
				append(expiryMonths, expiryYears...)...),
			MaxLen: 80, Severity: lowMediumHigh,
			Example:  "expiry «02/26»",
			Citation: "ISO/IEC 7813 (expiry as year and month); ISO 8601-1; Unicode CLDR date patterns",
		},
	}
}

// The names of an expiry that may be in one word, and of the two halves of one that is stored in parts.
var (
	expiryFields = []string{"card exp", "cc exp", "exp date", "expiry date", "expiration date", "card expiry", "card expiration", "valid thru"}
	expiryMonths = []string{"exp mm", "exp month", "exp mon", "expiration month", "expiry month", "expire month", "expires month"}
	expiryYears  = []string{"exp yy", "exp yyyy", "exp yr", "exp year", "expiration year", "expiry year", "expire year", "expires year"}
)

// expirations are the forms of an expiry: a month and a year, in one value, in two near each other, or one in each column; or a full date.
func expirations() []detect.Layout {
	months, years := append([]string{"exp m"}, expiryMonths...), append([]string{"exp y"}, expiryYears...)
	out := needKeyword(
		"9{1,2}[-/]9{4}", "9{1,2} / 9{2,4}", "9{1,2}[-/]99", "9{4}[-/]99",
		"a{3,9}[-/ .]9{4}", "a{3,9}, 9{4}", "a{3,9}. 9{4}", "a{3,9}[-/ ]99", "99[-/ ]a{3,9}", "9{4}[-/ ]a{3,9}",
	)
	for i := range out {
		out[i].CheckText = check.Expiry
		out[i].Lead = "/" // to be seen and refused: the end of a date
		out[i].Alone = true
	}
	for _, shape := range []string{
		"9{4}[-/ .]99[-/ .]99", "9{1,2}[-/.]9{1,2}[-/.]9{4}", "9{1,2}[-/]9{1,2}[-/]99",
		"9{1,2}[-/ ]a{3,9},?[-/ ]9{4}", "a{3,9} 9{1,2},? 9{4}",
	} {
		out = append(out, detect.Layout{Shape: shape, Around: check.ExpiryDate, CheckText: check.Expiry})
	}
	return append(out,
		// "exp" is a function as well: it takes the form that is embossed.
		detect.Layout{Shape: "99/99", Keywords: []string{"exp"}, Lead: "/", CheckText: check.Expiry, Alone: true},
		detect.Layout{Shape: "99/9{4}", Keywords: []string{"exp"}, Lead: "/", CheckText: check.Expiry, Alone: true},
		detect.Layout{Shape: "9{1,2}", Keyword: detect.KeywordRequired, Keywords: months, Tail: check.ExpiryYearFollows, CheckText: check.ExpiryMonthAndYear},
		detect.Layout{Shape: "9{2,4}", Keyword: detect.KeywordRequired, Keywords: years, Tail: check.ExpiryMonthFollows, CheckText: check.ExpiryYearAndMonth},
		detect.Layout{Tail: check.ExpiryDigits, Keyword: detect.KeywordInField, Keywords: expiryFields, Whole: true},
		detect.Layout{Tail: check.ExpiryMonth, Keyword: detect.KeywordInField, Keywords: months, Whole: true},
		detect.Layout{Tail: check.ExpiryYear, Keyword: detect.KeywordInField, Keywords: years, Whole: true},
	)
}
