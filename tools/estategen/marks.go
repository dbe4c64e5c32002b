package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A value is a piece of text and the identifier that must find it, "" if nothing may be found.
type value struct{ id, text string }

// A find is a planted value in a text: its identifier, and its line and column in characters, both from 1.
type find struct {
	id           string
	line, column int
}

// mark is a place in a text where a value is drawn: ⟦maker argument...⟧.
var mark = regexp.MustCompile(`⟦([^⟧]*)⟧`)

// render draws a value for each mark of a text. A value of several lines that stands alone on its line is indented like its mark.
func (s *stream) render(text string) (string, []find, error) {
	var out strings.Builder
	var finds []find
	line, column := 1, 1
	write := func(t string) {
		out.WriteString(t)
		if n := strings.Count(t, "\n"); n > 0 {
			line, column, t = line+n, 1, t[strings.LastIndexByte(t, '\n')+1:]
		}
		column += utf8.RuneCountInString(t)
	}
	at := 0
	for _, m := range mark.FindAllStringSubmatchIndex(text, -1) {
		write(text[at:m[0]])
		at = m[1]
		v, err := s.draw(strings.Fields(text[m[2]:m[3]]))
		if err != nil {
			return "", nil, err
		}
		if v.id != "" {
			finds = append(finds, find{v.id, line, column})
		}
		start := text[strings.LastIndexByte(text[:m[0]], '\n')+1 : m[0]]
		if strings.Trim(start, " ") == "" {
			v.text = strings.ReplaceAll(v.text, "\n", "\n"+start)
		}
		write(v.text)
	}
	write(text[at:])
	return out.String(), finds, nil
}

// draw makes the value of a mark.
func (s *stream) draw(words []string) (value, error) {
	args := append(words, "", "", "")[1:]
	for _, make := range []func(string, []string) (value, bool, error){s.drawPerson, s.drawMoney, s.drawCredential, s.drawHarmless} {
		if v, ok, err := make(words[0], args); ok || err != nil {
			return v, err
		}
	}
	return value{}, fmt.Errorf("no maker for the mark %v", words)
}

// drawPerson makes values that belong to people. Dates of birth and phone numbers take a style.
func (s *stream) drawPerson(maker string, args []string) (value, bool, error) {
	switch maker {
	case "name":
		return value{"NAME", s.name(args[0])}, true, nil
	case "dob":
		layouts := map[string]string{"": "2006-01-02", "us": "01/02/2006", "long": "2 January 2006"}
		return value{"DATE_OF_BIRTH", s.day(1948, 2005).Format(layouts[args[0]])}, true, nil
	case "phone":
		return value{"PHONE_NUMBER", s.phone(args[0])}, true, nil
	case "ssn":
		ssn := s.ssn()
		if args[0] == "bare" {
			ssn = strings.ReplaceAll(ssn, "-", "")
		}
		return value{"USA_SOCIAL_SECURITY_NUMBER", ssn}, true, nil
	case "passport":
		return value{"USA_PASSPORT_NUMBER", s.passport()}, true, nil
	case "nino":
		return value{"UK_NATIONAL_INSURANCE_NUMBER", s.nino()}, true, nil
	case "nhs":
		nhs := s.nhs()
		if args[0] == "spaced" {
			nhs = groups(nhs, " ", 3, 3, 4)
		}
		return value{"UK_NHS_NUMBER", nhs}, true, nil
	case "cpf":
		cpf := s.cpf()
		if args[0] == "dotted" {
			cpf = groups(cpf[:9], ".", 3) + "-" + cpf[9:]
		}
		return value{"BRAZIL_CPF_NUMBER", cpf}, true, nil
	case "steuer-id":
		return value{"GERMANY_TAX_IDENTIFICATION_NUMBER", s.steuerID()}, true, nil
	case "dni":
		return value{"SPAIN_DNI_NUMBER", s.dni()}, true, nil
	case "vin":
		return value{"VEHICLE_IDENTIFICATION_NUMBER", s.vin()}, true, nil
	}
	return value{}, false, nil
}

// drawMoney makes numbers of cards and accounts. A card takes its brand and a separator; "bare-card" is one that stands near no keyword.
func (s *stream) drawMoney(maker string, args []string) (value, bool, error) {
	separator := map[string]string{"spaced": " ", "hyphens": "-"}[args[1]]
	switch maker {
	case "card", "bare-card":
		id := "CREDIT_CARD_NUMBER"
		if maker == "bare-card" {
			id = "CREDIT_CARD_NUMBER_(NO_KEYWORD)"
		}
		card := s.card(strings.Trim(args[0], "*"))
		if len(card) == 15 {
			return value{id, groups(card, separator, 4, 6, 5)}, true, nil
		}
		return value{id, groups(card, separator, 4)}, true, nil
	case "iban":
		country := args[0]
		if country == "any" {
			country = pick(s, []string{"CH", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "IE", "IT", "NL", "PL", "PT", "SE"})
		}
		id := ""
		if name := ibanTypes[country]; name != "" {
			id = name + "_BANK_ACCOUNT_NUMBER"
		}
		return value{id, groups(s.iban(country), separator, 4)}, true, nil
	case "bank-account":
		return value{"BANK_ACCOUNT_NUMBER", s.bankAccount()}, true, nil
	}
	return value{}, false, nil
}

func (s *stream) drawCredential(maker string, args []string) (value, bool, error) {
	simple := map[string]func() value{
		"aws":         func() value { return value{"AWS_CREDENTIALS", s.awsSecret()} },
		"gcp":         func() value { return value{"GCP_API_KEY", "AIza" + s.from(alphanum+"-_", 34) + s.from(alphanum, 1)} },
		"basic":       func() value { return value{"HTTP_BASIC_AUTH_HEADER", "Authorization: " + s.basicAuth()} },
		"proxy-basic": func() value { return value{"HTTP_BASIC_AUTH_HEADER", "Proxy-Authorization: " + s.basicAuth()} },
		"cookie":      func() value { return value{"HTTP_COOKIE", s.cookie()} },
		"set-cookie":  func() value { return value{"HTTP_COOKIE", s.setCookie()} },
		"jwt":         func() value { return value{"JSON_WEB_TOKEN", s.jwt()} },
		"stripe":      func() value { return value{"STRIPE_CREDENTIALS", s.stripe(args[0])} },
		"pgp":         func() value { return value{"PGP_PRIVATE_KEY", s.pgp("PRIVATE KEY BLOCK", 700)} },
	}
	if make, ok := simple[maker]; ok {
		return make(), true, nil
	}
	keys := map[string]struct {
		id   string
		make func() (string, error)
	}{
		"pkcs1":     {"PKCS", s.pkcs1},
		"pkcs8":     {"PKCS", s.pkcs8},
		"pkcs8-rsa": {"PKCS", s.pkcs8RSA},
		"ec":        {"PKCS", s.ec},
		"encrypted": {"PKCS", s.encryptedPKCS8},
		"openssh":   {"OPENSSH_PRIVATE_KEY", s.openSSH},
		"putty":     {"PUTTY_PRIVATE_KEY", s.putty},

		"certificate": {"", s.certificate},
		"public-key":  {"", s.publicKey},
	}
	if key, ok := keys[maker]; ok {
		text, err := key.make()
		return value{key.id, text}, true, err
	}
	return value{}, false, nil
}

// drawHarmless makes what surrounds the values, and what looks like one of them and is none.
func (s *stream) drawHarmless(maker string, args []string) (value, bool, error) {
	number := func(i, otherwise int) int {
		if n, err := strconv.Atoi(args[i]); err == nil {
			return n
		}
		return otherwise
	}
	makers := map[string]func() string{
		"bad-card": s.notACard,
		"bad-iban": func() string { return s.notAnIBAN(args[0]) },
		"bad-jwt":  s.notAJWT,
		"reserved": func() string { return pick(s, reservedCards) },
		"part":     func() string { return s.ssn() }, // no keyword stands near: a part's number
		"ssh-pub":  s.sshPublicKey,
		"pgp-pub":  func() string { return s.pgp("PUBLIC KEY BLOCK", 500) },

		"amount": func() string { return fmt.Sprintf("%d.%02d", s.between(9, 2400), s.below(100)) },
		"agent":  func() string { return pick(s, agents) },
		"city": func() string {
			return pick(s, map[string][]string{"": cities, "de": germanCities, "fr": frenchCities}[args[0]])
		},
		"clock":    func() string { return s.tick().Format("2006-01-02T15:04:05.000Z") },
		"logclock": func() string { return s.tick().Format("02/Jan/2006:15:04:05 -0700") },
		"date":     func() string { return s.day(2023, 2026).Format("2006-01-02") },
		"ean":      s.ean,
		"email":    s.email,
		"hex":      func() string { return s.from(hexadec, number(0, 16)) },
		"ip": func() string {
			return fmt.Sprintf("%s%d", pick(s, []string{"192.0.2.", "198.51.100.", "203.0.113."}), s.between(1, 254))
		},
		"n":        func() string { return strconv.Itoa(s.between(number(0, 0), number(1, 9))) },
		"one-of":   func() string { return pick(s, strings.Split(args[0], "|")) },
		"path":     func() string { return pick(s, urlPaths) },
		"plate":    func() string { return s.from(upper, 3) + "-" + s.from("ABCDEFGHJKLMN", 1) + s.digits(2) },
		"product":  func() string { return pick(s, products) },
		"seq":      func() string { return strconv.Itoa(s.next(number(0, 1))) },
		"supplier": func() string { return suppliers[s.next(0)%len(suppliers)] },
		"tracking": s.tracking,
		"uuid":     s.uuid,
	}
	make, ok := makers[maker]
	if !ok {
		return value{}, false, nil
	}
	return value{text: make()}, true, nil
}

// email draws an address that tells no name.
func (s *stream) email() string {
	words := []string{"bikefan", "trailrider", "commuter", "twowheels", "gravelgoose", "hillclimb", "slowroll", "brevet"}
	return fmt.Sprintf("%s%d@%s", pick(s, words), s.between(10, 999), pick(s, []string{"example.com", "example.net", "example.org"}))
}

// ids returns the identifiers of finds, in order.
func ids(finds []find) []string {
	return slices.Collect(func(yield func(string) bool) {
		for _, f := range finds {
			if !yield(f.id) {
				return
			}
		}
	})
}
