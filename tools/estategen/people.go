package main

// Common names, so that they are names to everyone. Full names stand only in columns and fields that are called so.
var (
	givenNames = []string{
		"James", "Mary", "Robert", "Patricia", "John", "Jennifer", "Michael", "Linda", "David", "Elizabeth", "William", "Barbara",
		"Richard", "Susan", "Joseph", "Jessica", "Thomas", "Sarah", "Daniel", "Karen", "Matthew", "Nancy", "Anthony", "Lisa", "Steven",
		"Sandra", "Andrew", "Emily", "Kenneth", "Michelle",
	}
	familyNames = []string{
		"Smith", "Johnson", "Williams", "Brown", "Jones", "Miller", "Davis", "Wilson", "Anderson", "Taylor", "Moore", "Jackson",
		"Thompson", "Harris", "Robinson", "Walker", "Wright", "Nelson", "Mitchell", "Roberts", "Turner", "Phillips", "Campbell", "Parker",
		"Evans", "Edwards", "Collins", "Stewart", "Morris", "Murphy",
	}
	germanGiven  = []string{"Hans", "Petra", "Stefan", "Monika", "Jürgen", "Sabine", "Wolfgang", "Ursula", "Klaus", "Andrea", "Jörg", "Martina"}
	germanFamily = []string{"Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Wagner", "Becker", "Schulz", "Hoffmann", "Schäfer", "Bauer", "Krüger"}
	frenchGiven  = []string{"Jean", "Marie", "Pierre", "Nathalie", "François", "Isabelle", "Philippe", "Sylvie", "Hélène", "Laurent"}
	frenchFamily = []string{"Martin", "Bernard", "Dubois", "Durand", "Leroy", "Moreau", "Lefèvre", "Girard", "Roux", "Fournier"}
	spanishGiven = []string{"Antonio", "Carmen", "Manuel", "María", "José", "Ana", "Francisco", "Isabel", "Javier", "Lucía"}
	spanishLast  = []string{"García", "Rodríguez", "González", "Fernández", "López", "Martínez", "Sánchez", "Pérez", "Gómez", "Ruiz"}
)

func (s *stream) name(language string) string {
	switch language {
	case "de":
		return pick(s, germanGiven) + " " + pick(s, germanFamily)
	case "fr":
		return pick(s, frenchGiven) + " " + pick(s, frenchFamily)
	case "es":
		return pick(s, spanishGiven) + " " + pick(s, spanishLast)
	default:
		return pick(s, givenNames) + " " + pick(s, familyNames)
	}
}

// None of these words is anybody's name.
var (
	cities       = []string{"Boulder", "Fort Collins", "Longmont", "Pueblo", "Greeley", "Loveland", "Golden", "Durango"}
	germanCities = []string{"Köln", "München", "Nürnberg", "Göttingen", "Münster", "Saarbrücken", "Tübingen", "Kiel"}
	frenchCities = []string{"Besançon", "Nîmes", "Orléans", "Angoulême", "Lille", "Strasbourg"}
	products     = []string{
		"Ridgeline 29 trail bike", "Causeway city bike", "Gravelking frame set", "Harbour cargo bike", "Switchback hardtail", "Tailwind road bike",
		"Pannier rail kit", "Floor pump 160 psi", "Folding lock 90 cm", "Helmet visor", "Dynamo hub 32 hole", "Chainring 44T", "Brake pads, pair",
		"Saddle, wide", "Mudguard set 45 mm", "Bottle cage, steel",
	}
	suppliers = []string{
		"Nordlicht Fahrradteile GmbH", "Ateliers du Pignon SARL", "Ruote Alte SpA", "Harrow Lane Wheels Ltd", "Van der Spaak BV", "Bergkette AG",
		"Pedale Iberia SL", "Polskie Szprychy SA", "Kattegat Cykler ApS", "Blaa Kaede ApS", "Sprocket House Ltd", "Tuuli Pyörät Oy",
	}
	agents = []string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
		"curl/8.5.0", "TalwindApp/4.2.1 (build 4211)",
	}
	urlPaths = []string{
		"/", "/bikes", "/bikes/trail", "/bikes/city", "/parts/brakes", "/parts/locks", "/basket", "/checkout/shipping", "/api/v2/stock",
		"/api/v2/basket/items", "/img/hero-1600.webp", "/css/site.css", "/search?q=gravel", "/search?q=lights&page=2", "/workshop/booking",
	}
)
