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
	"credit card number", "card number", "cc number", "cc num", "cc no", "ccnum"}

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
	"'3'[0689]9{13}", // Diners Club is issued with 14 to 19 digits
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
		out[i].CheckText = check.DistinctGroups
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
	}
}
