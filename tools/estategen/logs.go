package main

import (
	"fmt"
	"strings"
)

// addWebshopLogs makes the logs of the webshop: long, dull, and with a leak here and there.
func addWebshopLogs(e *estate) error {
	const bucket = "talwind-webshop-logs/"
	const access = `⟦ip⟧ - - [⟦logclock⟧] "GET ⟦path⟧ HTTP/1.1" ⟦one-of 200|200|200|304|404⟧ ⟦n 120 48000⟧ "-" "⟦agent⟧" ⟦hex 32⟧` + "\n"
	const app = "⟦clock⟧ ⟦one-of INFO|INFO|INFO|WARN⟧ ⟦one-of basket|search|checkout|stock⟧ request=⟦uuid⟧ status=⟦one-of 200|201|404⟧ took=⟦n 2 900⟧ms\n"
	logs := []struct {
		key string
		form
		line  string
		lines int
		leaks map[int]string
	}{
		{"access/access-2026-11-17.log", form{}, access, 900, map[int]string{
			377: `⟦ip⟧ - - [⟦logclock⟧] "GET /api/v2/basket?token=⟦jwt⟧ HTTP/1.1" 200 512 "-" "⟦agent⟧" ⟦hex 32⟧` + "\n",
		}},
		{"access/access-2026-11-18.log", form{}, access, 1100, nil},
		{"app/webshop-2026-11-18.log", form{}, app, 900, map[int]string{
			120: "⟦clock⟧ DEBUG gateway upstream erp request=⟦uuid⟧ header ⟦basic⟧\n",
			121: "⟦clock⟧ DEBUG gateway upstream erp request=⟦uuid⟧ status=200\n",
			455: "⟦clock⟧ DEBUG session token accepted bearer=⟦jwt⟧ request=⟦uuid⟧\n",
			610: "⟦clock⟧ DEBUG session token refused bearer=⟦bad-jwt⟧ request=⟦uuid⟧\n",
			871: "⟦clock⟧ DEBUG gateway request=⟦uuid⟧ ⟦cookie⟧\n",
		}},
		{"app/webshop-2026-11-19.log", form{}, app, 500, nil},
		{"app/payment-2026-11-18.log", form{}, "⟦clock⟧ INFO payment intent=⟦uuid⟧ amount=⟦amount⟧ USD state=⟦one-of created|settled|settled⟧\n", 500, map[int]string{
			88:  "⟦clock⟧ DEBUG payment retry card=⟦card visa⟧ amount=⟦amount⟧ USD\n",
			203: "⟦clock⟧ DEBUG payment fallback terminal=07 instrument=⟦bare-card mastercard⟧ amount=⟦amount⟧ USD\n",
			204: "⟦clock⟧ WARN payment fallback refused instrument=⟦bad-card⟧ amount=⟦amount⟧ USD\n",
			340: "⟦clock⟧ DEBUG payment gateway configured key=⟦stripe sk⟧\n",
			411: "⟦clock⟧ INFO payment sandbox check with 4111111111111111 passed\n",
		}},
		{"app/till-sync-2026-11-18.log", form{crlf: true}, "⟦clock⟧ till-⟦n 1 9⟧ synced ⟦n 1 60⟧ receipts, revision ⟦hex 40⟧\n", 300, map[int]string{
			150: "⟦clock⟧ till-4 upload failed, retrying with aws_secret_access_key=⟦aws⟧\n",
		}},
	}
	for _, l := range logs {
		var b strings.Builder
		for i := range l.lines {
			line := l.line
			if leak, ok := l.leaks[i]; ok {
				line = leak
			}
			b.WriteString(line)
		}
		if err := e.addText(bucket+l.key, l.form, b.String()); err != nil {
			return err
		}
	}
	if err := e.addGzip(bucket + "access/access-2026-11-17.log.gz"); err != nil {
		return err
	}
	var audit []string
	for i := range 150 {
		change := `"field": "price", "old": "#⟦amount⟧", "new": "#⟦amount⟧"`
		switch i {
		case 42:
			change = `"field": "endpoint.authorization", "new": "⟦basic⟧"`
		case 97:
			change = `"field": "session", "new": "⟦jwt⟧"`
		}
		audit = append(audit, fmt.Sprintf(`{"at": "⟦clock⟧", "by": "staff-⟦n 10 99⟧", "action": "update", "change": {%s}, "trace": "⟦hex 32⟧"}`, change))
	}
	return e.addRecords(bucket+"audit/audit-2026-11.jsonl", audit...)
}
