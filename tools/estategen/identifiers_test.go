package main

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An identifier is what a value of a type looks like, written down again and apart from the generator: slow, and strict about what is
// planted. Keywords are those of Macie's documentation; a type without any needs none.
type identifier struct {
	id       string
	pattern  *regexp.Regexp
	check    func(value string) bool
	keywords []string
	// column asks for the keyword in the column's or field's name, and that the value is all there is.
	column bool
}

var phoneWords = words("cell|contact|fax|mobile|phone|tel|telephone")

var cardWords = words("account number|american express|amex|bank card|c card|card|cc #|ccn|check card|cred card|credit|dankort|debit|diners club|" +
	"discover|electron|japanese card bureau|jcb|mastercard|mc|pan|payment account number|pcn|pmnt|union pay|visa")

// identifiers are the types that the manifest knows. Cards without keyword and accounts by country follow from these in the test.
var identifiers = []identifier{
	{"AWS_CREDENTIALS", re(`[A-Za-z0-9/+]{40}`), isAWSSecret, words("aws_secret_access_key|credentials|secret access key|secret key|set-awscredential"), false},
	{"GCP_API_KEY", re(`AIza[0-9A-Za-z_-]{35}`), nil, words("g_places_key|gcp api key|gcp key|google cloud key|google-api-key|google-cloud-apikeys|googlekey|x-goog-api-key"), false},
	{"HTTP_BASIC_AUTH_HEADER", re(`(?i)(?:proxy-)?authorization: *basic +[A-Za-z0-9+/]+=*`), isBasic, nil, false},
	{"HTTP_COOKIE", re(`(?i)(?:set-)?cookie: *[^=;\s]+=[^\n]+`), nil, nil, false},
	{"JSON_WEB_TOKEN", re(`[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`), isJWT, nil, false},
	{"OPENSSH_PRIVATE_KEY", re(`-----BEGIN OPENSSH PRIVATE KEY-----[^-]+-----END OPENSSH PRIVATE KEY-----`), isOpenSSH, nil, false},
	{"PGP_PRIVATE_KEY", re(`-----BEGIN PGP PRIVATE KEY BLOCK-----[^-]+-----END PGP PRIVATE KEY BLOCK-----`), nil, nil, false},
	{"PKCS", re(`-----BEGIN (?:RSA |DSA |EC |ENCRYPTED )?PRIVATE KEY-----[^-]+-----END [A-Z ]*PRIVATE KEY-----`), isPKCS, nil, false},
	{"PUTTY_PRIVATE_KEY", re(`PuTTY-User-Key-File-[23]: [\w-]+\r?\nEncryption: [\w-]+\r?\nComment: [A-Za-z0-9-]+\r?\nPublic-Lines: \d+\r?\n[A-Za-z0-9/+=\r\n]+Private-Lines: \d+\r?\n[A-Za-z0-9/+=\r\n]+Private-MAC: [0-9a-f]{64}`), nil, nil, false},
	{"STRIPE_CREDENTIALS", re(`[spr]k_(?:live|test)_[A-Za-z0-9]{24,}`), isStripe, nil, false},
	{"CREDIT_CARD_NUMBER", re(`\d+(?:[ -]\d+)*`), nil, cardWords, false},
	{"IBAN", re(`[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}`), nil, nil, false},
	{"BANK_ACCOUNT_NUMBER", re(`\d{9,17}`), nil, words("bank account|bank acct|checking account|checking acct|deposit account|deposit acct|savings account|savings acct|chequing account|chequing acct"), false},
	{"USA_SOCIAL_SECURITY_NUMBER", re(`\d{3}[- ]?\d{2}[- ]?\d{4}`), isSSN, words("social security|ss#|ssn"), false},
	{"USA_PASSPORT_NUMBER", re(`[A-Z]\d{8}|\d{9}`), nil, words("passport|travel document"), false},
	{"DATE_OF_BIRTH", re(`\d{4}-\d\d-\d\d|\d\d?[/-]\d\d?[/-]\d{4}|\d{1,2} [A-Z][a-z]+ \d{4}`), nil, words("bday|b-day|birth date|birthday|date of birth|dob"), false},
	{"NAME", re(`(\p{Lu}\p{Ll}+) (\p{Lu}\p{Ll}+)`), isName, words("name|employee"), true},
	{"PHONE_NUMBER", re(`(?:\+?1[-. ]?)?\(?[2-9]\d\d\)?[-. ]?[2-9]\d\d[-. ]?\d{4}`), nil, phoneWords, false},
	{"UK_NATIONAL_INSURANCE_NUMBER", re(`[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?(?:\d\d ?){3}[A-D]`), isNINO, words("insurance no.|insurance number|insurance#|national insurance number|nationalinsurance#|nationalinsurancenumber|nin|nino"), false},
	{"BRAZIL_CPF_NUMBER", re(`\d{3}\.?\d{3}\.?\d{3}-?\d\d`), isCPF, words("cpf|cadastro de pessoa"), false},
	{"GERMANY_TAX_IDENTIFICATION_NUMBER", re(`\d{11}`), isSteuerID, words("identifikationsnummer|steuer id|steueridentifikationsnummer|steuernummer|tax id|tax identification number|tax number"), false},
	{"SPAIN_DNI_NUMBER", re(`\d{8}-?[A-Z]`), isDNI, words("dni|dni#|dninúmero#|documento nacional de identidad|identidad único|insurance number|national identification number|national identity|nationalid#|nationalidno#|personal identification number|personal identity no|unique identity number|uniqueid#"), false},
	{"VEHICLE_IDENTIFICATION_NUMBER", re(`[A-HJ-NPR-Z0-9]{17}`), isVIN, words("fahrgestellnummer|niv|vehicle identification number|vin|numer vin|vin numeris"), false},
	{"UK_NHS_NUMBER", re(`\d{3}[ -]?\d{3}[ -]?\d{4}`), isNHS, words("national health service|nhs"), false},
}

// neighbours are types outside the manifest that a value of it, or its surroundings, could be taken for. The estate has none of them.
var neighbours = []identifier{
	{"CREDIT_CARD_EXPIRATION", re(`\d\d?[/-]\d\d(?:\d\d)?`), nil, words("exp d|exp m|exp y|expiration|expiry"), false},
	{"CREDIT_CARD_SECURITY_CODE", re(`\d{3,4}`), nil, words("card id|card identification|card security code|card validation|card verification|cvc|cvv"), false},
	{"LATITUDE_LONGITUDE", re(`-?\d{1,2}\.\d+, ?-?\d{1,3}\.\d+`), nil, words("coordinate|coordinates|lat long|latitude longitude|position"), false},
	{"GERMANY_PASSPORT_NUMBER", re(`[CFGHJKLMNPRTVWXYZ][CFGHJKLMNPRTVWXYZ0-9]{8}`), hasDigit, words("ausstellungsdatum|ausstellungsort|geburtsdatum|passport|passports|reisepass|ausweisnummer|id number|identification number|identity number|insurance number|personal id|personalausweis"), false},
	{"UK_PASSPORT_NUMBER", re(`\d{9}`), nil, words("passeport|passport #|passport no|passport number|passport#|passportid"), false},
	{"ARGENTINA_DNI_NUMBER", re(`\d{7,8}`), nil, words("dni|documento nacional de identidad"), false},
	{"CANADA_SOCIAL_INSURANCE_NUMBER", re(`\d{3}[ -]?\d{3}[ -]?\d{3}`), nil, words("canadian id|sin|social insurance number"), false},
	{"FRANCE_NATIONAL_IDENTIFICATION_NUMBER", re(`\d{13,15}`), nil, words("assurance sociale|cni|insee|insurance number|national id number|nationalid#|social|ss#|ssn"), false},
	{"UK_TAX_IDENTIFICATION_NUMBER", re(`\d{10}`), nil, words("paye|tax id|tax no|tax number|tax reference|tin|trn|unique tax|utr"), false},
	{"SPAIN_SOCIAL_SECURITY_NUMBER", re(`\d{12}`), nil, words("seguridad social|social security|ssn"), false},
	{"BRAZIL_CNPJ_NUMBER", re(`\d{14}`), nil, words("cadastro nacional|cnpj|cpf"), false},
	{"USA_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER", re(`9\d\d-?\d\d-?\d{4}`), nil, words("i.t.i.n.|individual taxpayer identification number|itin"), false},
	{"CHILE_RUT_NUMBER", re(`\d{7,8}-?[0-9K]`), nil, words("run|run#|rut|rut#"), false},
	{"BRAZIL_CEP_CODE", re(`\d{5}-\d{3}`), nil, words("cep|código postal|codigo postal"), false},
}

func re(pattern string) *regexp.Regexp { return regexp.MustCompile(pattern) }

func words(list string) []string { return strings.Split(list, "|") }

func luhnSum(digits string) int {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		sum += []int{d, d/5 + d*2%10}[i%2]
	}
	return sum % 10
}

// cardBrand is the prefixes and lengths of Macie's brands.
var cardBrand = re(`^(?:3[47]\d{13}|5019\d{12}|(?:30[0-5]|36|3[89])\d{11,17}|(?:6011|64[4-9]|65)\d{12,16}|35[2-8]\d{13,16}|` +
	`(?:222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720|5[1-5]\d\d)\d{12}|62\d{14,17}|4(?:\d{12}|\d{15}|\d{18}))$`)

func isCardNumber(digits string) bool {
	return cardBrand.MatchString(digits) && luhnSum(digits) == 0 && !slices.Contains(reservedCards, digits)
}

// ibanLength is the length of an account number of the countries with an identifier, and its identifier.
var ibanCountries = map[string]struct {
	length int
	id     string
}{
	"AL": {28, "ALBANIA"}, "AD": {24, "ANDORRA"}, "BA": {20, "BOSNIA_AND_HERZEGOVINA"}, "BR": {29, "BRAZIL"}, "BG": {22, "BULGARIA"},
	"CR": {22, "COSTA_RICA"}, "HR": {21, "CROATIA"}, "CY": {28, "CYPRUS"}, "CZ": {24, "CZECH_REPUBLIC"}, "DK": {18, "DENMARK"},
	"DO": {28, "DOMINICAN_REPUBLIC"}, "EG": {29, "EGYPT"}, "EE": {20, "ESTONIA"}, "FO": {18, "FAROE_ISLANDS"}, "FI": {18, "FINLAND"},
	"FR": {27, "FRANCE"}, "GE": {22, "GEORGIA"}, "DE": {22, "GERMANY"}, "GR": {27, "GREECE"}, "GL": {18, "GREENLAND"}, "HU": {28, "HUNGARY"},
	"IS": {26, "ICELAND"}, "IE": {22, "IRELAND"}, "IT": {27, "ITALY"}, "JO": {30, "JORDAN"}, "XK": {20, "KOSOVO"}, "LI": {21, "LIECHTENSTEIN"},
	"LT": {20, "LITHUANIA"}, "MT": {31, "MALTA"}, "MR": {27, "MAURITANIA"}, "MU": {30, "MAURITIUS"}, "MC": {27, "MONACO"}, "ME": {22, "MONTENEGRO"},
	"NL": {18, "NETHERLANDS"}, "MK": {19, "NORTH_MACEDONIA"}, "PL": {28, "POLAND"}, "PT": {25, "PORTUGAL"}, "SM": {27, "SAN_MARINO"},
	"SN": {28, "SENEGAL"}, "RS": {22, "SERBIA"}, "SK": {24, "SLOVAKIA"}, "SI": {19, "SLOVENIA"}, "ES": {24, "SPAIN"}, "SE": {24, "SWEDEN"},
	"CH": {21, "SWITZERLAND"}, "TL": {23, "TIMOR_LESTE"}, "TN": {24, "TUNISIA"}, "TR": {26, "TURKIYE"}, "GB": {22, "UK"}, "UA": {29, "UKRAINE"},
	"AE": {23, "UNITED_ARAB_EMIRATES"}, "VG": {24, "VIRGIN_ISLANDS"},
}

// ibanType returns the identifier of an account number without separators, "" if it is none.
func ibanType(v string) string {
	c, ok := ibanCountries[v[:2]]
	if !ok || len(v) != c.length {
		return ""
	}
	var digits strings.Builder
	for _, r := range v[4:] + v[:4] {
		if r >= 'A' {
			digits.WriteString(strconv.Itoa(int(r-'A') + 10))
		} else {
			digits.WriteRune(r)
		}
	}
	n, ok := new(big.Int).SetString(digits.String(), 10)
	if !ok || n.Mod(n, big.NewInt(97)).Int64() != 1 {
		return ""
	}
	return c.id + "_BANK_ACCOUNT_NUMBER"
}

func onlyDigits(v string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, v)
}

// weighted sums the products of digits and weights.
func weighted(digits string, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += w * int(digits[i]-'0')
	}
	return sum
}

func hasDigit(v string) bool { return onlyDigits(v) != "" }

func isAWSSecret(v string) bool {
	return !slices.Contains([]string{"je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}, v)
}

func isStripe(v string) bool {
	return !slices.Contains([]string{"sk_test_4eC39HqLyjWDarjtT1zdp7dc", "pk_test_TYooMQauvdEDq54NiTphI7jx"}, v)
}

func isBasic(v string) bool {
	token := v[strings.LastIndexByte(v, ' ')+1:]
	plain, err := base64.StdEncoding.DecodeString(token)
	return err == nil && utf8.Valid(plain) && strings.Contains(string(plain), ":")
}

func isJWT(v string) bool {
	header, _, _ := strings.Cut(v, ".")
	plain, err := base64.RawURLEncoding.DecodeString(header)
	var fields struct{ Alg string }
	return err == nil && json.Unmarshal(plain, &fields) == nil && fields.Alg != ""
}

// dedented takes the indentation off a PEM block.
func dedented(v string) []byte {
	lines := strings.Split(v, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
	}
	return []byte(strings.Join(lines, "\n") + "\n")
}

func isOpenSSH(v string) bool {
	b, _ := pem.Decode(dedented(v))
	return b != nil && strings.HasPrefix(string(b.Bytes), "openssh-key-v1\x00")
}

func isPKCS(v string) bool {
	b, _ := pem.Decode(dedented(v))
	if b == nil {
		return false
	}
	var err error
	switch b.Type {
	case "RSA PRIVATE KEY":
		_, err = x509.ParsePKCS1PrivateKey(b.Bytes)
	case "EC PRIVATE KEY":
		_, err = x509.ParseECPrivateKey(b.Bytes)
	case "PRIVATE KEY":
		_, err = x509.ParsePKCS8PrivateKey(b.Bytes)
	default:
		var encrypted struct {
			Algorithm asn1.RawValue
			Data      []byte
		}
		_, err = asn1.Unmarshal(b.Bytes, &encrypted)
	}
	return err == nil
}

func isSSN(v string) bool {
	d := onlyDigits(v)
	return d[:3] != "000" && d[:3] != "666" && d[0] != '9' && d[3:5] != "00" && d[5:] != "0000" && strings.Count(v, "-") != 1
}

func isNINO(v string) bool {
	return !slices.Contains([]string{"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}, v[:2])
}

func isCPF(v string) bool {
	d := onlyDigits(v)
	digit := func(sum int) byte { return byte('0' + sum*10%11%10) }
	return strings.Count(d, d[:1]) < 11 && d[9] == digit(weighted(d, 10, 9, 8, 7, 6, 5, 4, 3, 2)) && d[10] == digit(weighted(d, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2))
}

func isSteuerID(v string) bool {
	twice, absent := 0, 0
	for _, d := range decimal {
		switch strings.Count(v[:10], string(d)) {
		case 0:
			absent++
		case 2:
			twice++
		}
	}
	p := 10
	for _, d := range v[:10] {
		if p = (p + int(d-'0')) % 10; p == 0 {
			p = 10
		}
		p = p * 2 % 11
	}
	return v[0] != '0' && twice == 1 && absent == 1 && (p+int(v[10]-'0'))%10 == 1
}

func isDNI(v string) bool {
	n, _ := strconv.Atoi(onlyDigits(v))
	return v[len(v)-1] == "TRWAGMYFPDXBNJZSQVHLCKE"[n%23]
}

func isVIN(v string) bool {
	sum := 0
	for i, c := range v {
		n := strings.IndexRune("0123456789", c)
		if n < 0 {
			n = strings.IndexRune(".ABCDEFGH..JKLMN.P.R..STUVWXYZ", c) % 10
		}
		sum += n * int("\x08\x07\x06\x05\x04\x03\x02\x0a\x00\x09\x08\x07\x06\x05\x04\x03\x02"[i])
	}
	return v[8] == "0123456789X"[sum%11]
}

func isNHS(v string) bool {
	return weighted(onlyDigits(v), 10, 9, 8, 7, 6, 5, 4, 3, 2, 1)%11 == 0
}

// moreGivenNames are words that are names as well, which a detector could take for one when another capitalised word follows.
var moreGivenNames = strings.Fields(`Adam Alan Albert Alice Amber Amy Angel Ann Anna April Art Arthur Ashley Aurora Austin Autumn Ben Bill Bob Brian Brooklyn
	Carol Chad Charlotte Chase Chelsea Christian Chuck Clay Dakota Dale Dallas Dan Dawn Dean Denver Don Drew Emma Eric Eva Eve Faith Florence
	Frank Gene George Glen Grace Grant Guy Harry Heath Helen Henry Holly Hope Houston Ian Iris Ivy Jack Jade Jan Jane Jay Jean Jordan Joy Julia
	June Kate Kent Kim Lance Lara Laura Lee Leo Lily Lincoln Louis Lucas Lukas Madison Marc Maria Mark Martin Max May Mia Miles Nick Oliver
	Otto Paris Pat Paul Penny Peter Phil Phoenix Ralph Ray Rich Rob Rose Roy Ruby Ruth Sam Savannah Sierra Simon Sky Stella Sue Summer Ted Tim
	Tom Tony Uwe Victor Victoria Will Zoe`)

func isName(v string) bool {
	given, _, _ := strings.Cut(v, " ")
	for _, list := range [][]string{givenNames, germanGiven, frenchGiven, spanishGiven, moreGivenNames} {
		if slices.Contains(list, given) {
			return true
		}
	}
	return false
}

// hasKeyword says whether a keyword stands in a text for which near agrees; it is told how many characters stand before and behind it.
// A keyword begins a word, which may begin with a capital inside another; if whole is set it ends one, too.
func hasKeyword(text string, keywords []string, whole bool, near func(before, behind int) bool) bool {
	plain := normal(text)
	for _, k := range keywords {
		for _, k := range []string{normal(k), strings.ReplaceAll(normal(k), " ", "")} {
			for at := 0; ; at++ {
				i := strings.Index(plain[at:], k)
				if i < 0 {
					break
				}
				at += i
				end := at + len(k)
				if startsWord(text, at) && !(whole && startsLetter(text[end:]) && !startsWord(text, end)) &&
					near(utf8.RuneCountInString(text[:at]), utf8.RuneCountInString(text[end:])) {
					return true
				}
			}
		}
	}
	return false
}

func startsLetter(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return unicode.IsLetter(r)
}

func startsWord(text string, i int) bool {
	last, _ := utf8.DecodeLastRuneInString(text[:i])
	next, _ := utf8.DecodeRuneInString(text[i:])
	return !unicode.IsLetter(last) || unicode.IsLower(last) && unicode.IsUpper(next)
}

// normal lowers the case and makes what may stand between the words of a keyword a space. It leaves every letter where it is.
func normal(text string) string {
	return strings.NewReplacer("_", " ", "-", " ").Replace(strings.ToLower(text))
}
