package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/klauspost/compress/zlib"
)

// addDeployArtifacts makes the files of the deployment that are not plain text.
func addDeployArtifacts(e *estate) error {
	const bucket = "talwind-deploy-artifacts/"
	if err := e.addRecords(bucket+"infra/gcp-service-account.json", `{
		"type": "service_account", "project_id": "talwind-maps", "private_key_id": "⟦hex 40⟧", "private_key": "⟦pkcs8-rsa⟧\n",
		"client_email": "tiles@talwind-maps.iam.example", "client_id": "104829173650283746152", "auth_uri": "https://accounts.example/o/oauth2/auth"}`); err != nil {
		return err
	}
	return e.addRecords(bucket+"infra/vault-export.json", `{
		"exported": "2026-11-02T10:00:00Z", "paths": {
			"shop/payments": {"live": "⟦stripe sk⟧", "webhook": "whsec_⟦hex 32⟧"},
			"shop/storage": {"credentials": {"aws": {"id": "AKIAIOSFODNN7EXAMPLE", "key": "⟦aws⟧"}}},
			"shop/maps": {"GCP api key": "⟦gcp⟧"},
			"ops/deploy": {"keys": ["⟦openssh⟧\n", "⟦ssh-pub⟧"]},
			"ops/release": {"armored": "⟦pgp⟧"}}}`)
}

// addSourceMirror makes the structured files among the sources. Nothing in this bucket is sensitive.
func addSourceMirror(e *estate) error {
	const bucket = "talwind-source-mirror/"
	packages := []string{"accepts", "body-parser", "bytes", "cookie-signature", "debug", "depd", "etag", "finalhandler", "fresh", "http-errors", "ms", "on-finished", "qs", "range-parser", "send", "vary"}
	var lock []string
	for i, p := range packages {
		lock = append(lock, fmt.Sprintf(`"node_modules/%s": {"version": "%d.⟦n 0 30⟧.⟦n 0 9⟧", "resolved": "https://packages.example/%s/-/%s.tgz",
			"integrity": "sha512-⟦hex 86⟧==", "license": "MIT", "engines": {"node": ">= 18"}}`, p, i%4, p, p))
	}
	if err := e.addRecords(bucket+"package-lock.json", `{"name": "talwind-frontend", "version": "4.2.1", "lockfileVersion": 3, "requires": true, "packages": {`+strings.Join(lock, ",")+`}}`); err != nil {
		return err
	}
	if err := e.addRecords(bucket+"package.json", `{"name": "talwind-frontend", "version": "4.2.1", "private": true, "type": "module",
		"scripts": {"build": "vite build", "test": "vitest run"}, "dependencies": {"send": "^1.1.0", "qs": "^6.13.0"}}`); err != nil {
		return err
	}
	return e.addTable(bucket+"importer/testdata/parts.csv", table{form{}, ',', 60, []column{
		{"part_no", "⟦part⟧"}, {"ean", "⟦ean⟧"}, {"title", "⟦product⟧"}, {"revision", "⟦hex 40⟧"}, {"weight_g", "⟦n 12 14000⟧"},
	}})
}

// addPublicSite makes the web site's data, its logo and its warranty.
func addPublicSite(e *estate) error {
	const bucket = "talwind-public-site/"
	if err := e.add(bucket+"images/logo.png", document{data: logo()}); err != nil {
		return err
	}
	if err := e.add(bucket+"warranty.pdf", document{data: warranty()}); err != nil {
		return err
	}
	if err := e.addRecords(bucket+"catalogue/products.json", `{"currency": "USD", "products": [`+repeat(48, `{
		"title": "⟦product⟧", "ean": "⟦ean⟧", "part": "⟦part⟧", "price": "#⟦amount⟧", "in_stock": true, "sizes": ["S", "M", "L"]}`)+`]}`); err != nil {
		return err
	}
	return e.addRecords(bucket+"stores.json", `[`+repeat(7, `{"store": "⟦city⟧", "lat": "#40.⟦n 100000 999999⟧", "lon": "#-105.⟦n 100000 999999⟧",
		"opens": "09:30", "closes": "18:00", "workshop": true}`)+`]`)
}

// addPartnerExchange makes what suppliers and carriers leave.
func addPartnerExchange(e *estate) error {
	return e.addTables("talwind-partner-exchange/", []keyedTable{
		{"suppliers/suppliers.csv", table{form{}, ',', 24, []column{
			{"supplier_no", "⟦seq 30401⟧"}, {"company", "⟦supplier⟧"}, {"account", "⟦iban any⟧||⟦iban AT⟧||⟦iban any spaced⟧"}, {"terms", "⟦one-of net_30|net_60|prepaid⟧"},
		}}},
		{"suppliers/payment-run-2026-11.csv", table{form{crlf: true}, ';', 42, []column{
			{"run", "PR-2026-11"}, {"payee", "⟦supplier⟧"}, {"creditor_iban", "⟦iban any hyphens⟧||⟦iban any⟧"}, {"sum", "⟦amount⟧"},
		}}},
		{"suppliers/rejected-2026-11.csv", table{form{}, ',', 16, []column{
			{"payee", "⟦supplier⟧"}, {"target", "⟦bad-iban DE⟧||⟦bad-iban FR⟧||⟦bad-iban GB⟧||⟦bad-iban IT⟧"}, {"sum", "⟦amount⟧"}, {"code", "AC01"},
		}}},
		{"carriers/parcels-2026-11.csv", table{form{}, ',', 200, []column{
			{"tracking", "⟦tracking⟧"}, {"order", "TW-2026-⟦seq 117500⟧"}, {"weight_g", "⟦n 150 24000⟧"}, {"scanned_at", "⟦clock⟧"},
		}}},
		{"catalogue/prices-2026-11.tsv", table{form{crlf: true, charset: "utf16le"}, '\t', 60, []column{
			{"ean", "⟦ean⟧"}, {"Artikel", "⟦product⟧"}, {"Größe", "⟦one-of S|M|L|–⟧"}, {"Preis €", "⟦amount⟧"},
		}}},
	})
}

// icon is the logo as an icon of Windows: a list of one picture.
func icon() []byte {
	png := logo()
	head := []byte{0, 0, 1, 0, 1, 0, 16, 16, 0, 0, 1, 0, 8, 0}
	head = binary.LittleEndian.AppendUint32(head, uint32(len(png)))
	head = binary.LittleEndian.AppendUint32(head, 22)
	return append(head, png...)
}

// logo is a PNG of 16 by 16 grey pixels.
func logo() []byte {
	const side = 16
	var pixels bytes.Buffer
	z := zlib.NewWriter(&pixels)
	for y := range side {
		row := make([]byte, 1+side) // no filter
		for x := range side {
			if d := (x-8)*(x-8) + (y-8)*(y-8); d > 20 && d < 60 {
				row[1+x] = 0xd0
			}
		}
		z.Write(row) // to memory: it cannot fail
	}
	z.Close()
	out := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
		body := append([]byte(kind), data...)
		out = binary.BigEndian.AppendUint32(append(out, body...), crc32.ChecksumIEEE(body))
	}
	chunk("IHDR", []byte{0, 0, 0, side, 0, 0, 0, side, 8, 0, 0, 0, 0})
	chunk("IDAT", pixels.Bytes())
	chunk("IEND", nil)
	return out
}

// warranty is a PDF of one page with one sentence.
func warranty() []byte {
	page := "BT /F1 12 Tf 72 720 Td (Frames are under warranty for five years, parts for two.) Tj ET"
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(page), page),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var out bytes.Buffer
	out.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = out.Len()
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, at := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return out.Bytes()
}
