package main

import "fmt"

// addEvents makes the event stream's files: JSON Lines by topic and day.
func addEvents(e *estate) error {
	const bucket = "talwind-events/"
	const head = `"id": "⟦uuid⟧", "time": "⟦clock⟧", `
	order := `{` + head + `"type": "order.placed", "data": {"order": "TW-2026-⟦seq 118000⟧", "lines": [{"ean": "⟦ean⟧", "title": "⟦product⟧", "count": "#⟦n 1 4⟧"}], "total": "#⟦amount⟧"}}`
	paid := `{` + head + `"type": "order.paid", "data": {"order": "TW-2026-⟦seq 118000⟧", "payment": {"card": {"number": "⟦card⟧", "holder": {"name": "⟦name⟧"}}, "total": "#⟦amount⟧"}}}`
	customer := `{` + head + `"type": "customer.updated", "data": {"customer": {"id": "#⟦seq 10001⟧", "name": "⟦name⟧", "birth date": "⟦dob⟧", "phone": "⟦phone⟧"}, "changed": ["name"]}}`
	financed := `{` + head + `"type": "customer.financed", "data": {"applicant": {"name": "⟦name⟧", "ssn": "⟦ssn⟧"}, "bank account": "⟦bank-account⟧", "sum": "#⟦amount⟧"}}`
	payout := `{` + head + `"type": "supplier.paid", "data": {"supplier": "#⟦n 30000 30999⟧", "payee": "⟦iban any⟧", "sum": "#⟦amount⟧"}}`
	click := `{` + head + `"type": "page.viewed", "data": {"path": "⟦path⟧", "visitor": "⟦hex 24⟧", "ms": "#⟦n 40 2500⟧"}}`
	ride := `{` + head + `"type": "bike.ride", "data": {"bike": "TWB-⟦hex 8⟧", "lat": "#40.0⟦n 1000 9999⟧", "lon": "#-105.2⟦n 1000 9999⟧", "speed": "#⟦n 0 38⟧.⟦n 0 9⟧", "battery": "#⟦n 5 100⟧"}}`

	topics := []struct {
		key      string
		events   []string // taken in turn
		n        int
		compress bool
	}{
		{"orders/2026/11/18/part-0000.jsonl", []string{order, order, order, paid}, 200, false},
		{"orders/2026/11/18/part-0001.jsonl.gz", []string{order, order, paid}, 150, true},
		{"customers/2026/11/18/part-0000.jsonl", []string{customer, customer, financed}, 90, false},
		{"payouts/2026/11/18/part-0000.jsonl", []string{payout}, 56, false},
		{"clicks/2026/11/18/part-0000.jsonl", []string{click}, 500, false},
		{"rides/2026/11/18/part-0000.jsonl.gz", []string{ride}, 400, true},
	}
	for _, t := range topics {
		var list []string
		for i := range t.n {
			list = append(list, t.events[i%len(t.events)])
		}
		key := bucket + t.key
		if !t.compress {
			if err := e.addRecords(key, list...); err != nil {
				return err
			}
			continue
		}
		if err := e.addRecords(key[:len(key)-len(".gz")], list...); err != nil {
			return err
		}
		if err := e.addGzip(key); err != nil {
			return err
		}
	}
	if err := e.addRecords(bucket+"schema/customer.schema.json", `{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "customer.updated", "type": "object",
		"required": ["id", "name"], "properties": {
			"id": {"type": "integer", "minimum": 10001}, "name": {"type": "string", "maxLength": 120},
			"birth date": {"type": "string", "format": "date"}, "phone": {"type": "string", "pattern": "^[0-9 ()+-]{7,}$"},
			"ssn": {"type": "string", "pattern": "^\\d{3}-\\d{2}-\\d{4}$"}}}`); err != nil {
		return err
	}
	var hooks []string
	for i := range 60 {
		hooks = append(hooks, fmt.Sprintf(`{"id": "evt_⟦hex 24⟧", "livemode": true, "type": "charge.succeeded", "data": {"object": {"id": "ch_⟦hex 24⟧",
			"amount": "#⟦n 900 250000⟧", "last4": "⟦n 1000 9999⟧", "network": "%s", "receipt": "%d-⟦n 1000 9999⟧"}}}`, []string{"visa", "amex", "mastercard"}[i%3], 2000+i))
	}
	return e.addRecords(bucket+"webhooks/payments-2026-11-18.jsonl", hooks...)
}
