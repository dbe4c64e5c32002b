package detect_test

import (
	"strings"
	"testing"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/detecttest"
	"github.com/magpie-sec/magpie/internal/text"
)

// nineDigits has keywords in several scripts.
func nineDigits() *detect.Identifier {
	return &detect.Identifier{ID: "ID", MaxLen: 11, Layouts: []detect.Layout{{Shape: "9{3}~99~9{4}"}, {Shape: "A9{8}"}},
		Keywords: []string{"ssn", "social security number", "tax id", "ИНН", "номер паспорта", "АФМ", "αριθμός ταυτότητας", "身份证号码", "パスポート番号", "주민등록번호",
			"número de identificação", "เลขประจำตัว", "steuer-id", "n.i.f."}}
}

// TestContext shows where in running text a keyword counts. Markup between keyword and value is counted as characters.
func TestContext(t *testing.T) {
	e := detecttest.Engine(t, 0, nineDigits())
	const value = "536-22-8145"
	for _, c := range []struct {
		name, text string
		found      bool
	}{
		{"label on the line above", "Social Security Number\n«»\n", true},
		{"with CRLF", "Social Security Number\r\n«»\r\n", true},
		{"indented", "SSN:\n        «»\n", true},
		{"indented with tabs and CRLF", "\t\tSSN\r\n\t\t\t\t«»", true},
		{"an empty line between", "SSN\n\n«»", true},
		{"a label that is broken", "Social\n  Security\r\n\tNumber: «»", true},
		{"a label broken at a hyphen", "social-\nsecurity number: «»", true},
		{"label on the line below", "«»\nSSN", false},

		{"XML element", "<ssn>«»</ssn>", true},
		{"XML element with a namespace", `<emp:SSN xmlns:emp="urn:a">«»</emp:SSN>`, true},
		{"XML attribute", `<person ssn="«»"/>`, true},
		{"XML attribute in single quotes", "<person id='7' ssn = '«»' />", true},
		{"XML end tag alone", "<a>«»</ssn>", false},
		{"XML over lines", "<ssn>\n    «»\n</ssn>", true},
		{"XML CDATA", "<ssn><![CDATA[«»]]></ssn>", true},
		{"XML in camel case", "<employeeSsn>«»</employeeSsn>", true},
		{"XML, type in between", `<ssn type="string">«»</ssn>`, true},
		{"XML, too much in between", `<ssn type="string" xml:lang="en-US">«»</ssn>`, false},

		{"HTML table", "<tr><td>SSN</td><td>«»</td></tr>", true},
		{"HTML table with attributes", `<th>SSN</th><td class="value">«»</td>`, true},
		{"HTML definition", "<dt>Tax ID</dt>\n<dd>«»</dd>", true},
		{"HTML label", "<label>SSN: <b>«»</b></label>", true},
		{"HTML input", `<input name="ssn" value="«»">`, true},
		{"HTML input with a type", `<input name="ssn" type="text" value="«»">`, true},
		{"HTML, too much markup", `<label for="f1">SSN</label><input id="f1" type="text" value="«»">`, false},
		{"HTML entity", "SSN:&nbsp;«»", true},

		{"JSON text", `{"ssn":"«»"}`, true},
		{"JSON text with spaces", `{"ssn" : [ "«»" ]}`, true},
		{"JSON in a string", `"{\"ssn\":\"«»\"}"`, true},
		{"a dumped text", `name\nSSN\t«»\n`, true},
		{"YAML", "ssn: «»", true},
		{"YAML list", "ssn:\n  - «»", true},
		{"env", "export EMPLOYEE_SSN=«»", true},
		{"ini", "ssn = «»", true},
		{"query", "?a=1&ssn=«»&b=2", true},
		{"code", "var userSSN = \"«»\"", true},
		{"snake case", "user_ssn_hash: «»", true},
		{"kebab case", "--user-ssn «»", true},
		{"camel case", "userSsnValue: «»", true},
		{"capitals before a word", "SSNValue: «»", true},
		{"Pascal case of three words", "SocialSecurityNumber=«»", true},
		{"camel case of three words", "mySocialSecurityNumber=«»", true},
		{"digits beside", "ssn1=«»", true},
		{"part of a word", "assn=«»", false},
		{"part of a word", "ssns=«»", false},
		{"Markdown table", "| **SSN** | `«»` |", true},
		{"parentheses", "(SSN) «»", true},
		{"brackets", "SSN [«»]", true},

		{"Cyrillic", "ИНН «»", true},
		{"Cyrillic, small", "инн: «»", true},
		{"Cyrillic, part of a word", "ИННА «»", false},
		{"Cyrillic, two words", "Номер паспорта: «»", true},
		{"Cyrillic, snake case", "номер_паспорта=«»", true},
		{"Cyrillic, over a line end", "НОМЕР\r\nПАСПОРТА «»", true},
		{"Cyrillic, declined", "номера паспорта «»", false},
		{"Greek", "ΑΦΜ «»", false}, // Greek capitals; the keyword above is written in Cyrillic ones
		{"Greek with accents", "Αριθμός Ταυτότητας: «»", true},
		{"Greek without accents", "αριθμος ταυτοτητας «»", true},
		{"Greek in capitals", "ΑΡΙΘΜΟΣ ΤΑΥΤΟΤΗΤΑΣ: «»", true},
		{"Chinese", "身份证号码：«»", true},
		{"Chinese in a sentence", "他的身份证号码是«»。", true},
		{"Japanese", "パスポート番号 «»", true},
		{"Japanese, half-width", "ﾊﾟｽﾎﾟｰﾄ番号 «»", true},
		{"Korean with a particle", "주민등록번호는 «»입니다", true},
		{"Thai", "เลขประจำตัว«»", true},
		{"Portuguese", "NÚMERO DE IDENTIFICAÇÃO: «»", true},
		{"Portuguese without accents", "numero_de_identificacao=«»", true},
		{"Portuguese, decomposed", "nu\u0301mero de identificac\u0327a\u0303o «»", true},
		{"full width", "ＳＳＮ： «»", true},
		{"no-break space", "social\u00a0security\u00a0number\u00a0«»", true},
		{"typographic hyphen", "Steuer\u2011ID «»", true},
		{"en dash", "Steuer–ID «»", true},
		{"dots", "N.I.F.: «»", true},
		{"soft hyphen", "so\u00adcial security number «»", true},
		{"byte order mark", "\ufeffSSN «»", true},
		{"zero-width space", "SSN\u200b: «»", true},
	} {
		in := strings.Replace(c.text, "«»", value, 1)
		got := detecttest.Scan(e, &text.Block{Text: []byte(in)})
		if found := len(got) == 1 && got[0].Text == value; found != c.found || len(got) > 1 {
			t.Errorf("%s: found %v in %q", c.name, got, in)
		}
	}
}

// TestContextOfFields shows that in columns and records the names of the column, or of every element on the path, count, and what is in the same value;
// other values do not.
func TestContextOfFields(t *testing.T) {
	e := detecttest.Engine(t, 0, nineDigits())
	for _, c := range []struct {
		path, value string
		found       bool
	}{
		{"SSN", "536-22-8145", true},
		{"ssn", "no number here but far, far from its beginning 536-22-8145", true},
		{"employee_ssn", "536-22-8145", true},
		{"employeeSSN", "536-22-8145", true},
		{"Social Security Number (SSN)", "536228145", true},
		{"ИНН", "536228145", true},
		{"身份证号码", "536228145", true},
		{"ＳＳＮ", "536228145", true},
		{"ssns", "536228145", false},
		{"note", "SSN 536-22-8145", true},
		{"note", "536-22-8145", false},
		{"ssn/values", "536-22-8145", true},
		{"ssn/a/b/c/d", "536-22-8145", true},
		{"tax/id", "536-22-8145", false}, // a keyword is in one name
		{"person/tax_id/0", "536-22-8145", true},
	} {
		for _, kind := range []text.Kind{text.Cells, text.Records} {
			b := detecttest.Value(strings.Split(c.path, "/"), c.value)
			b.Kind = kind
			if got := detecttest.Scan(e, b); (len(got) == 1) != c.found {
				t.Errorf("%q, %q: found %v", c.path, c.value, got)
			}
		}
	}
	ssn, other := &text.Field{Names: []string{"ssn"}, Column: 1}, &text.Field{Names: []string{"other"}, Column: 2}
	b := &text.Block{Kind: text.Cells, Text: []byte("SSN,536-22-8145"), Segments: []text.Segment{{End: 3, Field: ssn, Row: 2}, {Start: 4, End: 15, Field: other, Row: 2}}}
	if got := detecttest.Scan(e, b); len(got) > 0 {
		t.Errorf("the neighbouring cell counts: found %v", got)
	}
}
