package main

import "unicode/utf16"

// addPayroll makes what people operations keeps.
func addPayroll(e *estate) error {
	const bucket = "talwind-hr-payroll/"
	err := e.addTables(bucket, []keyedTable{
		{"payroll/2026-10-koeln.csv", table{form{}, ';', 30, []column{
			{"personalnr", "⟦seq 4001⟧"}, {"employee", "⟦name de⟧"}, {"steuer_id", "⟦steuer-id⟧"}, {"iban", "⟦iban DE⟧||⟦iban DE⟧||⟦iban NL spaced⟧"},
			{"brutto", "⟦amount⟧"}, {"netto", "⟦amount⟧"},
		}}},
		{"payroll/2026-10-us.tsv", table{form{}, '\t', 70, []column{
			{"no", "⟦seq 1001⟧"}, {"employee", "⟦name⟧"}, {"SSN", "⟦ssn⟧"}, {"savings_account", "⟦bank-account⟧"}, {"gross", "⟦amount⟧"}, {"net", "⟦amount⟧"},
			{"hours", "⟦n 60 176⟧"},
		}}},
		{"payroll/2026-10-besancon.tsv", table{form{charset: "utf16le", crlf: true}, '\t', 12, []column{
			{"matricule", "⟦seq 6001⟧"}, {"name", "⟦name fr⟧"}, {"iban", "⟦iban FR spaced⟧"}, {"net à payer", "⟦amount⟧"},
		}}},
		{"staff/travel-documents.csv", table{form{}, ',', 25, []column{
			{"employee", "⟦name⟧"}, {"travel_document", "⟦passport⟧"}, {"trip", "⟦one-of Taipei|Köln|Leeds⟧"}, {"leaves", "⟦date⟧"},
		}}},
		{"staff/leeds-starters.csv", table{form{}, ',', 15, []column{
			{"full_name", "⟦name⟧"}, {"nino", "⟦nino⟧"}, {"nhs_number", "⟦nhs⟧||⟦nhs spaced⟧"}, {"starts", "⟦date⟧"},
		}}},
		{"staff/sao-paulo.csv", table{form{}, ';', 12, []column{
			{"employee_name", "⟦name es⟧"}, {"cpf", "⟦cpf dotted⟧||⟦cpf⟧"}, {"desde", "⟦date⟧"},
		}}},
		{"staff/madrid.csv", table{form{}, ';', 14, []column{
			{"name", "⟦name es⟧"}, {"dni", "⟦dni⟧"}, {"iban", "⟦iban ES⟧"}, {"alta", "⟦date⟧"},
		}}},
		{"fleet/vans.csv", table{form{crlf: true}, ',', 18, []column{
			{"plate", "⟦plate⟧"}, {"vin", "⟦vin⟧"}, {"model", "⟦one-of Transit|ProMaster|Crafter⟧"}, {"odometer", "⟦n 4000 120000⟧"}, {"inspection", "⟦date⟧"},
		}}},
		{"planning/shifts-2026-11.csv", table{form{}, ',', 120, []column{
			{"shift", "⟦uuid⟧"}, {"store", "⟦city⟧"}, {"day", "⟦date⟧"}, {"starts", "0⟦n 7 9⟧:00"}, {"staff_no", "⟦n 1001 1070⟧"},
		}}},
	})
	if err != nil {
		return err
	}
	if err := e.addRecords(bucket+"staff/directory.json", `{"asOf": "2026-11-01", "people": {`+
		`"boulder": [`+repeat(20, `{"employee": "⟦name⟧", "dob": "⟦dob⟧", "passport": "⟦passport⟧", "reach": {"mobile": "⟦phone dashed⟧"}, "desk": "B-⟦n 100 140⟧"}`)+`],`+
		`"leeds": [`+repeat(8, `{"employee": "⟦name⟧", "nino": "⟦nino⟧", "medical": {"NHS": "⟦nhs⟧"}}`)+`]}}`); err != nil {
		return err
	}
	return e.add(bucket+"archive/board-compensation.xlsx", document{data: protectedWorkbook(newStream("board-compensation")), skipped: unsupported})
}

// protectedWorkbook is the outside of a workbook with a password: a compound file (MS-CFB) of one sector of allocation table, one of
// directory, and an encrypted package that tells nothing.
func protectedWorkbook(s *stream) []byte {
	const sector, sectors = 512, 12
	file := make([]byte, sector*(3+sectors))
	put := func(at int, v uint64, size int) {
		for i := range size {
			file[at+i] = byte(v >> (8 * i))
		}
	}
	const free, end, table = 0xffffffff, 0xfffffffe, 0xfffffffd
	copy(file, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	for _, field := range []struct {
		at   int
		v    uint64
		size int
	}{{24, 0x3e, 2}, {26, 3, 2}, {28, 0xfffe, 2}, {30, 9, 2}, {32, 6, 2}, {44, 1, 4}, {48, 1, 4}, {56, 4096, 4}, {60, end, 4}, {68, end, 4}} {
		put(field.at, field.v, field.size)
	}
	for i := range 109 { // the list of the allocation table's sectors: the first
		put(76+4*i, free, 4)
	}
	put(76, 0, 4)
	for i := range sector / 4 { // the allocation table: itself, the directory, the package's chain
		next := uint64(free)
		switch {
		case i == 0:
			next = table
		case i == 1, i == 1+sectors:
			next = end
		case i > 1 && i < 1+sectors:
			next = uint64(i) + 1
		}
		put(sector+4*i, next, 4)
	}
	entry := func(i int, name string, kind, child, start, size uint64) {
		at := 2*sector + 128*i
		for j, c := range utf16.Encode([]rune(name)) {
			put(at+2*j, uint64(c), 2)
		}
		put(at+64, uint64(2*len(name)+2), 2)
		put(at+66, kind|1<<8, 2)
		put(at+68, free, 4)
		put(at+72, free, 4)
		put(at+76, child, 4)
		put(at+116, start, 4)
		put(at+120, size, 8)
	}
	entry(0, "Root Entry", 5, 1, end, 0)
	entry(1, "EncryptedPackage", 2, free, 2, sectors*sector)
	copy(file[3*sector:], s.bytes(sectors*sector))
	return file
}
