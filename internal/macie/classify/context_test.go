package classify

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"
)

// encodeUTF16 writes UTF-16 with a byte order mark.
func encodeUTF16(order binary.AppendByteOrder, s string) string {
	var out []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + s)) {
		out = order.AppendUint16(out, u)
	}
	return string(out)
}

// TestContext shows that the rules about keywords hold in objects as they are stored: in every encoding, as the name of a column, and as any
// element on a path (macie.md 1.2).
func TestContext(t *testing.T) {
	const id = "USA_SOCIAL_SECURITY_NUMBER"
	csv := "name,SSN,note\r\nAda," + ssn + ",x\r\nBob," + ssn + ",y\r\n"
	for name, c := range map[string]struct {
		body string
		want int64
	}{
		"little.txt":      {encodeUTF16(binary.LittleEndian, "Grüße\r\nSSN:\r\n\t"+ssn+"\r\n"), 1},
		"big.txt":         {encodeUTF16(binary.BigEndian, "Grüße\r\nSocial Security Number "+ssn), 1},
		"mark.txt":        {"\xef\xbb\xbfSSN " + ssn, 1},
		"latin.txt":       {"Gr\xfc\xdfe, die SSN ist " + ssn, 1},
		"table.csv":       {csv, 2},
		"mark.csv":        {"\xef\xbb\xbfSSN,name\n" + ssn + ",Ada\n", 1},
		"little.csv":      {encodeUTF16(binary.LittleEndian, csv), 2},
		"table.tsv":       {strings.ReplaceAll(csv, ",", "\t"), 2},
		"neighbour.csv":   {"name,number,note\nssn," + ssn + ",ssn\nssn," + ssn + ",ssn\n", 0},
		"same cell.csv":   {"name,note\nAda,SSN " + ssn + "\nBob,none\n", 1},
		"path.json":       {`{"person":{"ssn":{"current":["` + ssn + `","` + ssn + `"]}}}`, 2},
		"beside.json":     {`{"person":{"ssn":"none","number":"` + ssn + `"}}`, 0},
		"same value.json": {`{"note":"SSN ` + ssn + `"}`, 1},
		"lines.jsonl":     {`{"a":1}` + "\n" + `{"employeeSsn":"` + ssn + `"}` + "\n", 1},
		"number.json":     {`{"ssn":` + strings.ReplaceAll(ssn, "-", "") + `}`, 1},
		"page.xml":        {`<?xml version="1.0"?><p><ssn>` + ssn + `</ssn><q ssn="` + ssn + `"/></p>`, 2},
		"page.html":       {`<table><tr><th>SSN</th><td>` + ssn + `</td></tr></table>`, 1},
	} {
		d := classified(t, name, c.body)
		var got int64
		for _, found := range d.Detections {
			if found.Identifier.ID == id {
				got += found.Count
			}
		}
		if got != c.want {
			t.Errorf("%s: %d found, want %d", name, got, c.want)
		}
	}
}
