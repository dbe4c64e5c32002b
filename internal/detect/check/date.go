package check

// Date reports whether the text is a date of a person's life: a day, a month (a number, or an English name of three letters or more) and
// a year, in the orders in use: year-month-day, month/day/year and day/month/year. What follows a 'T' is ignored. A year of two digits is taken
// as it is; one of four has to be from 1880 to 2099.
func Date(text []byte) bool {
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
			if parts == 3 {
				return false
			}
			n[parts], width[parts] = v, j-i
			parts++
		case isLetter(b):
			for j < len(text) && isLetter(text[j]) {
				j++
			}
			word := text[i:j]
			if m := monthNumber(word); m > 0 && month == 0 {
				month, monthAt = m, parts
			} else if parts == 3 && lower(b) == 't' {
				i = len(text)
				continue
			} else if !ordinal(word) {
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

var months = [...]string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}

// monthNumber returns 1 to 12 for a month's name or an abbreviation of three letters or more, else 0.
func monthNumber(word []byte) int {
	if len(word) < 3 {
		return 0
	}
	for m, name := range months {
		if len(word) > len(name) {
			continue
		}
		k := 0
		for k < len(word) && lower(word[k]) == name[k] {
			k++
		}
		if k == len(word) {
			return m + 1
		}
	}
	return 0
}

func ordinal(word []byte) bool {
	if len(word) != 2 {
		return false
	}
	switch string([]byte{lower(word[0]), lower(word[1])}) {
	case "st", "nd", "rd", "th":
		return true
	}
	return false
}

func isDigit(b byte) bool { return b-'0' < 10 }

func isLetter(b byte) bool { return (b|0x20)-'a' < 26 }

func isAlnum(b byte) bool { return isDigit(b) || isLetter(b) }

func lower(b byte) byte {
	if b-'A' < 26 {
		return b | 0x20
	}
	return b
}
