package person

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/detect/check"
)

// find returns the names that Around finds at the capitalised words of a text.
func find(text string) []string {
	t := []byte(text)
	triggers := triggerSet()
	var out []string
	for i, claimed := 0, 0; i < len(t); {
		r, size := utf8.DecodeRune(t[i:])
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			i += size
			continue
		}
		end := i
		for end < len(t) {
			r, size := utf8.DecodeRune(t[end:])
			if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) {
				break
			}
			end += size
		}
		if unicode.IsUpper(r) && triggers[string(Fold(nil, t[i:end]))] {
			if from, to := Around(t, i, end, true); from >= claimed {
				out = append(out, text[from:to])
				claimed, end = to, max(end, to)
			}
		}
		i = end
	}
	return out
}

var knownTriggers map[string]bool

func triggerSet() map[string]bool {
	if knownTriggers == nil {
		knownTriggers = setOf(strings.Join(Triggers(), " "))
	}
	return knownTriggers
}

func TestLoad(t *testing.T) {
	begin := time.Now()
	tab, err := load()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d slots in %v", len(tab.hashes), time.Since(begin))
	for word, want := range map[string]Kind{"müller": Sure << FamilyShift, "the": plain, "table": plain, "zzyx": 0} {
		if got := kindOf([]byte(word)); got&want != want || want == 0 && got != 0 {
			t.Errorf("%s: kind %b, want %b", word, got, want)
		}
	}
	if k := kindOf([]byte("Jean-Luc")); k.given() != Sure {
		t.Errorf("Jean-Luc: kind %b", k)
	}
	if n := len(Triggers()); n < 15000 {
		t.Errorf("%d triggers", n)
	}
}

// TestPairs finds a pair of common given and family names of eight languages in each of several settings: at least 95 of 100.
func TestPairs(t *testing.T) {
	given := map[string]string{
		"en": "James Mary Robert Patricia Michael Jennifer Sarah Emily Oliver Charlotte Harry Amelia Jack Olivia Thomas Hannah Matthew Rebecca",
		"fr": "Jean Marie Pierre Camille Nicolas Chloé Julien Manon Antoine Élodie François Céline Hugo Léa Mathieu Aurélie",
		"de": "Hans Ursula Jürgen Sabine Stefan Claudia Lukas Leonie Tobias Heike Uwe Birgit Matthias Katrin Florian Jana",
		"es": "José María Carmen Antonio Lucía Manuel Pilar Javier Alejandro Marta Sergio Raúl Beatriz Álvaro Inés",
		"it": "Giovanni Francesca Marco Giulia Alessandro Chiara Matteo Paola Luca Elena Andrea Valentina",
		"pt": "João Ana Pedro Beatriz Tiago Mariana Gonçalo Catarina Rui Leonor Thiago Letícia",
		"nl": "Jan Sanne Pieter Anouk Willem Femke Daan Fleur Maarten Joost",
		"pl": "Piotr Anna Krzysztof Katarzyna Tomasz Agnieszka Marek Małgorzata Wojciech Zofia",
		"sv": "Lars Ingrid Anders Karin Björn Astrid Sven Linnéa Magnus Elsa",
	}
	family := map[string]string{
		"en": "Smith Johnson Williams Brown Taylor Davies Wilson Evans Thomas Roberts Walker Wright Robinson Thompson Hughes Edwards Clarke Turner Cooper",
		"fr": "Dupont Durand Lefebvre Moreau Laurent Girard Roux Fournier Mercier Bonnet Garnier Chevalier Gauthier Rousseau",
		"de": "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Zimmermann",
		"es": "García Fernández González Rodríguez López Martínez Sánchez Pérez Gómez Ruiz Hernández Jiménez Álvarez",
		"it": "Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Conti Gallo",
		"pt": "Silva Santos Ferreira Pereira Oliveira Costa Rodrigues Martins Sousa Gonçalves Carvalho",
		"nl": "Jansen Bakker Visser Smit Meijer Mulder Dijkstra Vermeulen Hendriks Willems",
		"pl": "Nowak Kowalski Wiśniewski Wójcik Kowalczyk Kamiński Lewandowska Zieliński Szymański Woźniak",
		"sv": "Andersson Johansson Karlsson Nilsson Eriksson Larsson Lindqvist Bergström Lindgren Sjöberg",
	}
	settings := []string{"%s", "Yesterday I spoke with %s about it.", "Name: %s\nAge: 41\n", "Dear %s,\n", "id=7 user=\"%s\" ok", "- %s, Sales", "<p>%s</p>", "(%s)"}
	for language := range given {
		total, missed := 0, []string{}
		for _, g := range strings.Fields(given[language]) {
			for _, f := range strings.Fields(family[language]) {
				for _, s := range settings {
					want := g + " " + f
					total++
					if got := find(strings.ReplaceAll(s, "%s", want)); len(got) != 1 || got[0] != want {
						missed = append(missed, strings.ReplaceAll(s, "%s", want))
					}
				}
			}
		}
		if len(missed)*20 > total {
			t.Errorf("%s: %d of %d are not found: %.400q", language, len(missed), total, missed)
		}
	}
}

// article is invented, in the manner of an encyclopaedia: places, firms, works, languages, days and sciences, and two people.
const article = `Veldmark is a town in the Lower Ostrava Region of Central Europe, on the left bank of the River Tessel. The population was
12,450 in the 2011 Census. It is the seat of the Veldmark District Council and the largest town between Lake Arden and the Silver Mountains.

The Old Town Hall, built in the Gothic style, stands on Market Square beside Saint Martin Church and the Royal Theatre. Queen Victoria Street leads to
Central Station, from which Eastern Railway trains run to Berlin, Vienna and Prague. The Charles Bridge Museum opened on Monday, 4 April 1988.
In the Thirty Years War the town was besieged twice. Under the Treaty of Arden it fell to the Kingdom of Bohemia. The Veldmark Chronicle, a Latin
manuscript of the Early Middle Ages, is kept in the National Library. The University of Veldmark teaches English, German, French and Italian
Literature, Computer Science and Applied Mathematics; its Faculty of Law is the oldest in Europe. The Martin Luther Institute is part of it.

Notable companies are Northern Steel Corporation, Grant Brothers, and the May Day Brewing Company. The Jordan Valley Project and the Victoria Falls
Hotel are partners of the town. The local football club, Dynamo Veldmark, won the Baltic Cup in 1974 and the Summer League in June 1975.

The mathematician Anneliese Kowalski (1871-1940) and the painter Johann van der Meulen were born here. See also: List of towns in Europe, Holy
Roman Empire, History of Central Europe, Black Forest, Costa Brava, San Marino, Santa Cruz, New South Wales.`

func TestArticle(t *testing.T) {
	got := find(article)
	if len(got) != 2 || got[0] != "Anneliese Kowalski" || got[1] != "Johann van der Meulen" {
		t.Errorf("found %q", got)
	}
}

func TestWhole(t *testing.T) {
	for value, want := range map[string][2]bool{
		"Jane Whitfield":           {true, true},
		"Zbyx Qwortz":              {true, false},
		"Doe, Jane":                {true, true},
		"Dr. Jane Doe":             {true, true},
		"Jane Doe, PhD":            {true, true},
		"Martin Hargreaves Jr.":    {true, true},
		"Wang Xiaoming":            {true, true},
		"Ludwig van der Berg":      {true, true},
		"Blue Widget":              {false, false},
		"Widget Pro Max":           {true, false},
		"Springfield Power Plant":  {true, false},
		"Paris Office":             {false, false},
		"San Diego":                {false, false},
		"Northwind Traders":        {false, false},
		"Guest Checkout":           {false, false},
		"Max Throughput":           {true, false},
		"van Dyk, Pieter":          {true, true},
		"Nguyen Thi Minh Khai":     {true, true},
		"Acme Inc":                 {false, false},
		"Chicago University":       {false, false},
		"New York":                 {false, false},
		"Jane":                     {false, false},
		"jane doe":                 {false, false},
		"J. A.":                    {false, false},
		"Jane Doe 2":               {false, false},
		"Jane Doe called us":       {false, false},
		"":                         {false, false},
		"Mercedes Benz":            {false, false},
		"Иван Петров":              {false, false},
		"First Name and Last Name": {false, false},
	} {
		for k, f := range []func([]byte, bool) int{Whole, Given} {
			if got := f([]byte(value), true) == len(value) && value != ""; got != want[k] {
				t.Errorf("%q, grammar %d: %v, want %v", value, k, got, want[k])
			}
		}
	}
}

// FuzzAround gives arbitrary text, cut anywhere, and compares what is decided with and without the rest.
func FuzzAround(f *testing.F) {
	f.Add("Dear Mr. John van der Smith, Jr. & Co", uint8(5), uint8(20))
	f.Add("Smith, Anna-Maria K. O’Neill\xc3", uint8(7), uint8(12))
	f.Add("name: Jörg Müller-Lüdenscheidt <j@x>", uint8(0), uint8(9))
	f.Fuzz(func(t *testing.T, text string, start, cut uint8) {
		b := []byte(text)
		i := int(start)
		if i >= len(b) {
			return
		}
		end := i
		for end < len(b) && isAlnum(b[end]) {
			end++
		}
		for _, fn := range []func([]byte, int, int, bool) (int, int){Around, Labelled} {
			from, to := fn(b, i, end, true)
			if from >= 0 && (to <= from || to > len(b)) || from < 0 && from != check.No {
				t.Fatalf("%d, %d", from, to)
			}
			n := max(end, len(b)-int(cut))
			if f2, t2 := fn(b[:n], i, end, false); f2 != check.More && (f2 != from || f2 >= 0 && t2 != to) {
				t.Errorf("%q: %d, %d of the whole, %d, %d of %d bytes", text, from, to, f2, t2, n)
			}
		}
		Whole(b, true)
		Given(b, true)
	})
}
