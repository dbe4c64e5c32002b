package main

import "strings"

// addCustomerExports makes what the support desk draws from the customer system and what the bank sends.
func addCustomerExports(e *estate) error {
	const bucket = "talwind-customer-exports/"
	err := e.addTables(bucket, []keyedTable{
		{"crm/customers-2026-10.csv", table{form{crlf: true, charset: "bom"}, ',', 120, []column{
			{"customer_id", "⟦seq 10001⟧"}, {"full_name", "⟦name⟧"}, {"birth_date", "⟦dob⟧"}, {"email", "⟦email⟧"},
			{"phone", "⟦phone⟧||⟦phone parens⟧||⟦phone plus⟧"}, {"city", "⟦city⟧"}, {"joined", "⟦date⟧"}, {"newsletter", "⟦one-of yes|no⟧"},
		}}},
		{"crm/complaints-2026-11.csv", table{form{}, ',', 40, []column{
			{"case", "⟦seq 88300⟧"}, {"customer_name", "⟦name⟧"},
			{"message", "Ordered ⟦product⟧, got \"⟦product⟧\" instead||Please call me,\nmy new phone is ⟦phone parens⟧.\nThe old one is gone.||" +
				"Second reminder!\nWhere is parcel ⟦tracking⟧?||The invoice says ⟦amount⟧, the shop said ⟦amount⟧"},
			{"closed", "⟦date⟧||"},
		}}},
		{"crm/kunden-koeln.csv", table{form{crlf: true, charset: "latin1"}, ';', 60, []column{
			{"Kundennr", "⟦seq 70001⟧"}, {"Name", "⟦name de⟧"}, {"IBAN", "⟦iban DE⟧||⟦iban DE spaced⟧"}, {"Ort", "⟦city de⟧"},
			{"Bemerkung", "||Rückruf erwünscht; bitte vormittags||Händler||"}, {"Umsatz", "⟦amount⟧"},
		}}},
		{"crm/clients-besancon.csv", table{form{charset: "latin1"}, ';', 40, []column{
			{"numero", "⟦seq 81001⟧"}, {"name", "⟦name fr⟧"}, {"ville", "⟦city fr⟧"}, {"iban", "⟦iban FR⟧"}, {"depuis", "⟦date⟧"},
			{"remarque", "client fidèle||||livré à l'étage; sonner deux fois||"},
		}}},
		{"crm/members.tsv", table{form{}, '\t', 80, []column{
			{"member", "TW⟦seq 500100⟧"}, {"full_name", "⟦name⟧"}, {"dob", "⟦dob us⟧"}, {"mobile", "⟦phone bare⟧||⟦phone dots⟧"}, {"points", "⟦n 0 9000⟧"},
		}}},
		{"crm/newsletter-bounces.csv", table{form{}, ',', 90, []column{
			{"email", "⟦email⟧"}, {"bounced_at", "⟦clock⟧"}, {"smtp_code", "⟦one-of 550|552|421⟧"}, {"campaign", "⟦uuid⟧"},
		}}},
		{"billing/chargebacks-2026-q3.csv", table{form{}, ',', 45, []column{
			{"case_id", "CB-⟦seq 2600⟧"}, {"customer_name", "⟦name⟧"}, {"card_number", "⟦card⟧||⟦card visa spaced⟧||⟦card mastercard hyphens⟧||⟦card diners⟧"},
			{"amount", "⟦amount⟧"}, {"opened", "⟦date⟧"}, {"reason", "⟦one-of 10.4|13.1|13.3⟧"},
		}}},
		{"billing/financing-applications.csv", table{form{crlf: true}, ',', 50, []column{
			{"application", "FA-⟦seq 3300⟧"}, {"full_name", "⟦name⟧"}, {"ssn", "⟦ssn⟧||⟦ssn⟧||⟦ssn bare⟧"}, {"birth_date", "⟦dob us⟧"},
			{"phone", "⟦phone parens⟧"}, {"checking_account", "⟦bank-account⟧"}, {"income", "⟦n 24000 98000⟧"}, {"decision", "⟦one-of approved|declined|open⟧"},
		}}},
		{"billing/refund-batch-0419.csv", table{form{}, ',', 35, []column{
			{"order", "TW-2026-⟦seq 117000⟧"}, {"instrument", "⟦bare-card⟧||⟦bare-card jcb⟧||⟦bare-card unionpay⟧"}, {"amount", "⟦amount⟧"}, {"booked", "⟦date⟧"},
		}}},
		{"billing/gateway-test-fixtures.csv", table{form{}, ',', 30, []column{
			{"scenario", "⟦one-of approve|decline|timeout|fraud⟧"}, {"card_number", "⟦reserved⟧||⟦bad-card⟧"}, {"expected", "⟦one-of 00|05|91|59⟧"},
		}}},
		{"exports/orders-2026-10.csv", table{form{}, ',', 400, []column{
			{"order", "TW-2026-⟦seq 112000⟧"}, {"placed_at", "⟦clock⟧"}, {"customer_name", "⟦name⟧||||||||"}, {"product", "⟦product⟧"}, {"ean", "⟦ean⟧"},
			{"total", "⟦amount⟧"}, {"tracking", "⟦tracking⟧"},
		}}},
	})
	if err != nil {
		return err
	}
	if err := e.addGzip(bucket + "exports/orders-2026-10.csv.gz"); err != nil {
		return err
	}
	if err := e.addRecords(bucket+"exports/customers-full.json", `{
		"exported": "2026-11-17T04:00:00Z", "schema": 41, "customers": [`+repeat(40, `{
			"id": "#⟦seq 10001⟧", "name": "⟦name⟧", "birthDate": "⟦dob⟧", "email": "⟦email⟧", "phone": ["⟦phone⟧", "⟦phone plus⟧"],
			"city": "⟦city⟧", "consents": {"newsletter": true, "sms": false},
			"wallet": {"card": [{"number": "⟦card⟧", "label": "main"}], "balance": "#⟦amount⟧"},
			"orders": [{"order": "TW-2026-⟦seq 112000⟧", "total": "#⟦amount⟧", "parcel": "⟦tracking⟧"}]}`)+`]}`); err != nil {
		return err
	}
	return e.addRecords(bucket+"exports/rentals.json", `[`+repeat(30, `{
		"rental": "⟦uuid⟧", "bike": "⟦product⟧", "from": "⟦date⟧", "Renter": {"Full Name": "⟦name⟧", "Date of Birth": "⟦dob⟧"},
		"deposit-account": "#⟦bank-account⟧", "paid": true, "note": null}`)+`]`)
}

// repeat joins copies of a template with commas.
func repeat(n int, template string) string {
	return strings.TrimSuffix(strings.Repeat(template+",", n), ",")
}
