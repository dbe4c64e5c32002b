package check

// Licence reports whether the digits of a driver's licence number without a check digit are plausible: not all alike, and if there is nothing
// but digits not counted up or down (123456789) and not a date of eight digits, which stands beside a licence as often as its number does.
func Licence(compact []byte) bool {
	first, same, up, down, letters := byte(0), true, true, true, 0
	var last byte
	n := 0
	for _, b := range compact {
		if !isDigit(b) {
			letters++
			continue
		}
		if n == 0 {
			first = b
		} else {
			same = same && b == first
			up = up && b-'0' == (last-'0'+1)%10
			down = down && b-'0' == (last-'0'+9)%10
		}
		last = b
		n++
	}
	if n > 3 && same {
		return false
	}
	if letters > 0 {
		return true
	}
	return !(n > 3 && (up || down)) && !(n == 8 && dateOfEight(compact))
}

// dateOfEight reports whether eight digits are a date of a licence or its holder, of 1940 to 2039: year, month, day, or the year last.
func dateOfEight(d []byte) bool {
	date := func(year, month, day []byte) bool {
		y := number(year)
		return y >= 1940 && y <= 2039 && validDay(y, 4, number(month), number(day))
	}
	return date(d[:4], d[4:6], d[6:]) || date(d[4:], d[2:4], d[:2]) || date(d[4:], d[:2], d[2:4])
}

// NewHampshireLicence reports whether two digits, three letters and five digits are a driver's licence number of New Hampshire as it was until
// 2017: month of birth, first and last letter of the surname and the initial, year and day of birth, and a digit.
func NewHampshireLicence(compact []byte) bool {
	return validDay(number(compact[5:7]), 2, number(compact[:2]), number(compact[7:9]))
}

// MontanaLicence reports whether 13 digits are a driver's licence number of Montana: month of birth, three digits, year of birth, the number
// of the state (41), day of birth.
func MontanaLicence(compact []byte) bool {
	return string(compact[9:11]) == "41" && validDay(number(compact[5:9]), 4, number(compact[:2]), number(compact[11:13]))
}

// NorthDakotaLicence reports whether three letters and six digits may be a driver's licence number of North Dakota: letters of the surname, year
// of birth and four digits. A date such as May-12-2019 has the same form.
func NorthDakotaLicence(compact []byte) bool {
	year := number(compact[5:9])
	return (monthNumber(compact[:3]) == 0 || year < 1900 || year > 2099) && Licence(compact)
}

// WashingtonLicence reports whether WDL and nine letters and digits may be a driver's licence number of Washington as it is since 2018: some of
// them are digits, some letters.
func WashingtonLicence(compact []byte) bool {
	digits := 0
	for _, b := range compact[3:] {
		if isDigit(b) {
			digits++
		}
	}
	return digits > 0 && Licence(compact)
}

// NovaScotiaLicence reports whether five letters and nine digits are a driver's master number of Nova Scotia: letters of the surname, the date
// of birth as DDMMYY and three digits.
func NovaScotiaLicence(compact []byte) bool {
	return birthDate(compact[9:11], compact[7:9], compact[5:7], 0)
}

// birthDate reports whether three times two digits are year, month and day, where the month may have women added to it.
func birthDate(year, month, day []byte, women int) bool {
	m := number(month)
	if women > 0 && m > women {
		m -= women
	}
	return validDay(number(year), 2, m, number(day))
}

// UKLicence reports whether 16 characters, or these and the two digits of an issue, are a driver number of Great Britain (DVLA): five letters
// of the surname filled up with 9, decade of birth, month (50 added for women), day, year within the decade, two initials or 9, a
// character that tells drivers apart and two check characters, whose rule is not public.
func UKLicence(compact []byte) bool {
	for i := 1; i < 5; i++ {
		if compact[i] != '9' && compact[i-1] == '9' {
			return false
		}
	}
	if compact[11] == '9' && compact[12] != '9' {
		return false
	}
	year := 10*int(compact[5]-'0') + int(compact[10]-'0')
	month := number(compact[6:8])
	if month > 50 {
		month -= 50
	}
	return validDay(year, 2, month, number(compact[8:10]))
}

// IndianLicence reports whether two letters and 13 digits are a driving licence number of India: code of a state or union territory (Central
// Motor Vehicles Rules, and those of states that have been renamed), its transport office from 01 to 99, year of issue and a number.
func IndianLicence(compact []byte) bool {
	switch string(compact[:2]) {
	case "AN", "AP", "AR", "AS", "BR", "CG", "CH", "DD", "DL", "DN", "GA", "GJ", "HP", "HR", "JH", "JK", "KA", "KL", "LA", "LD", "MH", "ML", "MN",
		"MP", "MZ", "NL", "OD", "OR", "PB", "PY", "RJ", "SK", "TG", "TN", "TR", "TS", "UA", "UK", "UP", "WB":
	default:
		return false
	}
	year := number(compact[4:8])
	return string(compact[2:4]) != "00" && year >= 1950 && year <= 2049 && number(compact[8:]) != 0
}

// GermanLicence reports whether 11 characters are the number of a German card licence: four for the authority, of which the first is the letter
// of its state, five that count, a check digit and the number of the copy. The check digit is the sum of the first nine times 9 to 1,
// with A to Z as 10 to 35, mod 11, X for 10 (Kraftfahrt-Bundesamt; the specimen of the Fahrerlaubnis-Verordnung, annex 8, is B072RRE2I55).
func GermanLicence(compact []byte) bool {
	sum := 0
	for i, b := range compact[:9] {
		sum += (9 - i) * value36(b)
	}
	if sum %= 11; sum == 10 {
		return compact[9] == 'X'
	}
	return compact[9] == '0'+byte(sum)
}

// value36 is the value of a digit or capital: 0 to 35.
func value36(b byte) int {
	if isDigit(b) {
		return int(b - '0')
	}
	return int(b-'A') + 10
}

// SpanishLicence reports whether the value is a Spanish driving licence number, which is the holder's DNI, or NIE with X, Y or Z in front for
// 0, 1 or 2 (Orden INT/2058/2008); both end in the letter of DNI.
func SpanishLicence(compact []byte) bool {
	if isDigit(compact[0]) {
		return DNI(compact) && !uniform(compact[:8])
	}
	var dni [9]byte
	copy(dni[:], compact)
	dni[0] = '0' + compact[0] - 'X'
	return DNI(dni[:]) && !uniform(compact[1:8])
}

// SwedishLicence reports whether 10 or 12 digits are a Swedish personal identity number, which serves as that of the driving licence
// (Folkbokföringslagen section 18): date of birth (60 added to the day in coordination numbers), three digits, check digit by Luhn over the
// last ten.
func SwedishLicence(digits []byte) bool {
	if len(digits) == 12 {
		if c := string(digits[:2]); c != "18" && c != "19" && c != "20" {
			return false
		}
		digits = digits[2:]
	}
	day := number(digits[4:6])
	if day > 60 {
		day -= 60
	}
	return Luhn(digits) && validDay(number(digits[:2]), 2, number(digits[2:4]), day) && string(digits[6:9]) != "000"
}

// FinnishLicence reports whether the value is a Finnish personal identity code, which serves as the number of the driving licence (Decree
// 128/2010 on the population information system): DDMMYY, a sign for the century unless it was punctuation, three digits from 002 and
// a check character, which is the number of all nine digits mod 31 in the alphabet without G, I, O, Q and Z.
func FinnishLicence(compact []byte) bool {
	serial := compact[len(compact)-4 : len(compact)-1]
	n := number(compact[:6])*1000 + number(serial)
	return validDay(number(compact[4:6]), 2, number(compact[2:4]), number(compact[:2])) && number(serial) >= 2 &&
		compact[len(compact)-1] == "0123456789ABCDEFHJKLMNPRSTUVWXY"[n%31]
}
