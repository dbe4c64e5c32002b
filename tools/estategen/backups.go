package main

// addBackups makes archives of what was switched off.
func addBackups(e *estate) error {
	const bucket = "talwind-archive-backup/"
	b := &shelf{}
	customers := table{form{crlf: true}, ',', 40, []column{
		{"id", "⟦seq 1⟧"}, {"customer_name", "⟦name⟧"}, {"dob", "⟦dob us⟧"}, {"phone", "⟦phone parens⟧"}, {"last_order", "⟦date⟧"},
	}}
	staff := table{form{}, ';', 12, []column{
		{"name", "⟦name de⟧"}, {"steuer_id", "⟦steuer-id⟧"}, {"iban", "⟦iban DE⟧"}, {"bis", "⟦date⟧"},
	}}
	stock := table{form{}, ',', 80, []column{{"ean", "⟦ean⟧"}, {"part_no", "⟦part⟧"}, {"title", "⟦product⟧"}, {"count", "⟦n 0 40⟧"}}}
	orders := `{"order": "TW-2024-⟦seq 200⟧", "buyer": {"name": "⟦name⟧"}, "payment": {"debit": {"no": "⟦card visa⟧"}}, "sum": "#⟦amount⟧"}`
	files := []struct {
		key     string
		archive func(...member) (document, error)
		members []member
	}{
		{"crm-2025.zip", zipOf, []member{
			b.table("crm/customers.csv", customers), b.text("crm-notes", "crm/notes.txt"), {"crm/favicon.ico", document{data: icon(), skipped: unsupported}},
		}},
		{"site-2025.tar", tarOf, []member{
			b.text("site-index", "htdocs/index.html"), b.text("site-style", "htdocs/css/site.css"), b.text("site-build", "BUILD"),
			b.table("data/stock.csv", stock),
		}},
		{"hr-2025.tar.gz", tarGzip("hr-2025.tar"), []member{
			b.table("staff/austritte.csv", staff), b.text("hr-memo", "notizen/praemien.txt"), b.records("orders/staff-orders.jsonl", 12, orders),
		}},
		{"tills-2024.zip", zipOf, []member{
			b.archive("boulder.zip", zipOf, b.text("till-readme", "README"), b.records("receipts.jsonl", 30, orders)),
			b.archive("golden.tar.gz", tarGzip("golden.tar"), b.text("till-config", "etc/till.ini"), b.text("ssh-key", "root/.ssh/id_ed25519"), b.text("putty-key", "sftp/till.ppk")),
			b.text("till-readme", "README"),
		}},
		{"logs-2024.zip", zipOf, []member{b.text("old-access", "access-2024-03-04.log"), b.text("error-notes", "review.txt")}},
		{"stock-2023.zip", zipOf, []member{b.table("2023/stock.csv", stock)}},
	}
	if b.err != nil {
		return b.err
	}
	for _, f := range files {
		d, err := f.archive(f.members...)
		if err := e.addMade(bucket+f.key, d, err); err != nil {
			return err
		}
	}
	const dump = bucket + "shop-db-2025-12-31.sql"
	if err := e.addText(dump, form{}, databaseDump()); err != nil {
		return err
	}
	return e.addGzip(dump + ".gz")
}

// tarGzip makes a tar in a gzip; the tar is called name.
func tarGzip(name string) func(...member) (document, error) {
	return func(members ...member) (document, error) {
		d, err := tarOf(members...)
		if err != nil {
			return d, err
		}
		return gzipOf(member{name, d})
	}
}

// A shelf makes members and keeps the first error.
type shelf struct{ err error }

func (b *shelf) keep(m member, err error) member {
	if b.err == nil {
		b.err = err
	}
	return m
}

func (b *shelf) text(section, name string) member { return b.keep(memberText(section, name)) }

func (b *shelf) table(name string, t table) member {
	d, err := t.document(newStream("backup " + name))
	return b.keep(member{name, d}, err)
}

func (b *shelf) records(name string, n int, template string) member {
	list := make([]string, n)
	for i := range list {
		list[i] = template
	}
	d, err := records(newStream("backup "+name), form{}, list...)
	return b.keep(member{name, d}, err)
}

func (b *shelf) archive(name string, pack func(...member) (document, error), members ...member) member {
	d, err := pack(members...)
	return b.keep(member{name, d}, err)
}

func databaseDump() string {
	text := "/* Dump of database shop, 31 December 2025 */\ncreate table payouts (payout_id bigint, payee varchar(34), cents bigint, booked date);\n"
	for range 60 {
		text += "insert into payouts values (⟦seq 900100⟧, '⟦iban any⟧', ⟦n 900 990000⟧, '⟦date⟧');\n"
	}
	text += "create table articles (ean char(13), title varchar(200), cents bigint);\n"
	for range 60 {
		text += "insert into articles values ('⟦ean⟧', '⟦product⟧', ⟦n 900 250000⟧);\n"
	}
	return text
}
