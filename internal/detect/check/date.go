package check

import "strings"

// Date reports whether the text is a date of a person's life: a day, a month (a number, or a name of monthNumber) and a year, in the orders in
// use: year-month-day, month/day/year and day/month/year. What follows a 'T' is ignored. A year of two digits is taken as it is; one of four has
// to be from 1880 to 2099. Eight digits in one word are year, month and day, or the year last.
func Date(text []byte) bool {
	if len(text) == 8 && allDigits(text) {
		return compactDate(text)
	}
	var n [3]int
	var width [3]int
	parts, month, monthAt := 0, 0, -1
	for i := 0; i < len(text); {
		j := i
		switch b := text[i]; {
		case isDigit(b):
			v := 0
			for j < len(text) && isDigit(text[j]) {
				v = v*10 + int(text[j]-'0')
				j++
			}
			if parts == 3 || j-i > 4 {
				return false
			}
			n[parts], width[parts] = v, j-i
			parts++
		case inWord(b):
			for j < len(text) && inWord(text[j]) {
				j++
			}
			word := text[i:j]
			if m := monthNumber(word); m > 0 && month == 0 {
				month, monthAt = m, parts
			} else if parts == 3 && lower(b) == 't' {
				i = len(text)
				continue
			} else if !dateWord(word) {
				return false
			}
		default:
			j++
		}
		if j > i {
			i = j
		}
		if parts == 3 && i < len(text) && (text[i] == 'T' || text[i] == 't' || text[i] == ' ') {
			break
		}
	}
	if month > 0 {
		switch {
		case parts != 2:
			return false
		case width[0] == 4: // 1990 January 2
			return monthAt == 1 && validDay(n[0], width[0], month, n[1])
		}
		return monthAt <= 1 && validDay(n[1], width[1], month, n[0])
	}
	if parts != 3 {
		return false
	}
	if width[0] == 4 {
		return validDay(n[0], 4, n[1], n[2])
	}
	return validDay(n[2], width[2], n[0], n[1]) || validDay(n[2], width[2], n[1], n[0])
}

// compactDate reports whether eight digits are a date from 1900 to 2039.
func compactDate(d []byte) bool {
	valid := func(year, month, day []byte) bool {
		return string(year) >= "1900" && string(year) < "2040" && validDay(number(year), 4, number(month), number(day))
	}
	return valid(d[:4], d[4:6], d[6:]) || valid(d[4:], d[:2], d[2:4]) || valid(d[4:], d[2:4], d[:2])
}

func validDay(year, width, month, day int) bool {
	if width != 2 && (width != 4 || year < 1880 || year > 2099) || month < 1 || month > 12 || day < 1 {
		return false
	}
	days := [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
	if month == 2 && year%4 == 0 && year != 1900 {
		days = 29
	}
	return day <= days
}

// months are the names in English, French, German, Spanish, Italian and Portuguese without accents (Unicode CLDR), and German abbreviations that are
// not the beginning of a name.
var months = [12]string{
	"january janvier januar janner enero gennaio janeiro", "february fevrier februar feber febrero febbraio fevereiro", "march mars marz maerz mrz marzo marco",
	"april avril abril aprile", "may mai mayo maggio maio", "june juin juni junio giugno junho", "july juillet juli julio luglio julho",
	"august aout agosto", "september septembre septiembre setiembre settembre setembro", "october octobre oktober octubre ottobre outubro",
	"november novembre noviembre novembro", "december decembre dezember diciembre dicembre dezembro",
}

// monthNumber returns 1 to 12 for a month's name or an abbreviation of three letters or more, with or without its accents, else 0.
func monthNumber(word []byte) int {
	var buf [12]byte
	n := 0
	for i := 0; i < len(word); i++ {
		b := lower(word[i])
		if b == 0xC3 && i+1 < len(word) { // a letter of Latin-1 in UTF-8
			i++
			switch word[i] {
			case 0xA4, 0x84:
				b = 'a'
			case 0xA7, 0x87:
				b = 'c'
			case 0xA8, 0xA9, 0x88, 0x89:
				b = 'e'
			case 0xBB, 0x9B:
				b = 'u'
			}
		}
		if n == len(buf) {
			return 0
		}
		buf[n] = b
		n++
	}
	if n < 3 || string(buf[:n]) == "jui" { // French June or July
		return 0
	}
	for m, names := range months {
		for len(names) >= n {
			if names[:n] == string(buf[:n]) {
				return m + 1
			}
			next := strings.IndexByte(names, ' ')
			if next < 0 {
				break
			}
			names = names[next+1:]
		}
	}
	return 0
}

// dateWord reports whether the word is an ordinal's ending or one that joins the parts of a date.
func dateWord(word []byte) bool {
	if len(word) > 3 {
		return false
	}
	var buf [3]byte
	for i, b := range word {
		buf[i] = lower(b)
	}
	switch string(buf[:len(word)]) {
	case "st", "nd", "rd", "th", "er", "\u00BA", "\u00AA", "of", "de", "del":
		return true
	}
	return false
}

// inWord reports whether the byte belongs to a word of letters.
func inWord(b byte) bool { return isLetter(b) || b >= 0x80 }

func isDigit(b byte) bool { return b-'0' < 10 }

func isLetter(b byte) bool { return (b|0x20)-'a' < 26 }

func isAlnum(b byte) bool { return isDigit(b) || isLetter(b) }

func lower(b byte) byte {
	if b-'A' < 26 {
		return b | 0x20
	}
	return b
}
