package main

import "fmt"

// People and places of many countries, from general knowledge; none is a record of someone.
var people = map[string][2][]string{
	"en": {{"James", "Olivia", "Robert", "Patricia", "Michael", "Jennifer", "William", "Elizabeth", "Thomas", "Susan", "Daniel", "Margaret", "Steven", "Emily", "Kenneth", "Laura"},
		{"Smith", "Johnson", "Williams", "Taylor", "Anderson", "Thompson", "Robinson", "Walker", "Mitchell", "Campbell", "Roberts", "Edwards", "Morris", "Cooper", "Richardson", "Bennett"}},
	"de": {{"Hans", "Jürgen", "Sabine", "Monika", "Wolfgang", "Ursula", "Stefan", "Katrin", "Matthias", "Heike"}, {"Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Wagner", "Becker", "Hoffmann", "Schäfer", "Krüger"}},
	"fr": {{"Jean", "Élodie", "Philippe", "Nathalie", "François", "Céline", "Nicolas", "Sandrine", "Thierry", "Amélie"}, {"Dubois", "Lefèvre", "Moreau", "Laurent", "Girard", "Fournier", "Rousseau", "Mercier", "Chevalier", "Gauthier"}},
	"es": {{"José", "María", "Antonio", "Carmen", "Francisco", "Lucía", "Manuel", "Isabel", "Javier", "Pilar"}, {"García", "Fernández", "González", "Rodríguez", "López", "Martínez", "Sánchez", "Pérez", "Gómez", "Jiménez"}},
	"it": {{"Giuseppe", "Giulia", "Francesco", "Chiara", "Alessandro", "Valentina", "Lorenzo", "Federica", "Matteo", "Elena"}, {"Rossi", "Ferrari", "Esposito", "Bianchi", "Romano", "Colombo", "Ricci", "Marino", "Greco", "Conti"}},
	"pt": {{"João", "Ana", "Pedro", "Mariana", "Tiago", "Beatriz", "Rafael", "Camila", "Gustavo", "Fernanda"}, {"Silva", "Santos", "Oliveira", "Souza", "Pereira", "Carvalho", "Almeida", "Ribeiro", "Gomes", "Martins"}},
	"pl": {{"Piotr", "Katarzyna", "Tomasz", "Agnieszka", "Andrzej", "Małgorzata"}, {"Nowak", "Kowalski", "Wiśniewski", "Wójcik", "Kamiński", "Lewandowski"}},
	"nl": {{"Pieter", "Sanne", "Willem", "Femke", "Maarten", "Anouk"}, {"de Vries", "van den Berg", "Jansen", "Bakker", "Visser", "Mulder"}},
	"sv": {{"Lars", "Ingrid", "Anders", "Karin", "Björn", "Astrid"}, {"Johansson", "Andersson", "Karlsson", "Nilsson", "Eriksson", "Lindqvist"}},
	"in": {{"Priya", "Rahul", "Ananya", "Arjun", "Sunita", "Vikram"}, {"Sharma", "Patel", "Gupta", "Reddy", "Iyer", "Singh"}},
}

var languages = []string{"en", "en", "en", "de", "fr", "es", "it", "pt", "pl", "nl", "sv", "in"}

func (g *gen) name() string {
	p := people[pick(g, languages)]
	given, family := pick(g, p[0]), pick(g, p[1])
	switch g.IntN(8) {
	case 0:
		return given + " " + g.letters(1) + ". " + family
	case 1:
		return family + ", " + given
	}
	return given + " " + family
}

type city struct{ name, region, code string }

var (
	usCities = []city{{"Springfield", "IL", "627"}, {"Portland", "OR", "972"}, {"Austin", "TX", "787"}, {"Denver", "CO", "802"}, {"Seattle", "WA", "981"}, {"Boston", "MA", "021"}, {"Atlanta", "GA", "303"}, {"San Diego", "CA", "921"}, {"Salt Lake City", "UT", "841"}, {"Columbus", "OH", "432"}}
	caCities = []city{{"Toronto", "ON", "M5V"}, {"Vancouver", "BC", "V6B"}, {"Montréal", "QC", "H2X"}, {"Calgary", "AB", "T2P"}, {"Halifax", "NS", "B3H"}, {"Winnipeg", "MB", "R3C"}}
	auCities = []city{{"Sydney", "NSW", "20"}, {"Melbourne", "VIC", "30"}, {"Brisbane", "QLD", "40"}, {"Perth", "WA", "60"}, {"Adelaide", "SA", "50"}, {"Hobart", "TAS", "70"}}
	ukCities = []city{{"London", "", "SW1A"}, {"Manchester", "", "M1"}, {"Leeds", "", "LS2"}, {"Bristol", "", "BS1"}, {"Cambridge", "", "CB2"}, {"Edinburgh", "", "EH1"}, {"Cardiff", "", "CF10"}}
	deCities = []city{{"Berlin", "", "10"}, {"München", "", "80"}, {"Hamburg", "", "20"}, {"Köln", "", "50"}, {"Leipzig", "", "04"}, {"Stuttgart", "", "70"}, {"Frankfurt am Main", "", "60"}}
	frCities = []city{{"Paris", "", "75"}, {"Lyon", "", "69"}, {"Marseille", "", "13"}, {"Toulouse", "", "31"}, {"Nantes", "", "44"}, {"Bordeaux", "", "33"}, {"Strasbourg", "", "67"}}
	itCities = []city{{"Roma", "RM", "001"}, {"Milano", "MI", "201"}, {"Torino", "TO", "101"}, {"Napoli", "NA", "801"}, {"Bologna", "BO", "401"}, {"Firenze", "FI", "501"}}
	esCities = []city{{"Madrid", "", "28"}, {"Barcelona", "", "08"}, {"Sevilla", "", "41"}, {"Valencia", "", "46"}, {"Zaragoza", "", "50"}, {"Bilbao", "", "48"}}
)

func (g *gen) address() string {
	n := g.between(1, 980)
	switch g.IntN(10) {
	case 0, 1, 2:
		c := pick(g, usCities)
		street := g.pick("Maple", "Oak", "Cedar", "Washington", "Highland", "Lincoln", "Elm", "Sunset") + " " + g.pick("St", "Street", "Ave", "Avenue", "Road", "Blvd", "Drive", "Lane")
		return fmt.Sprintf("%d %s, %s, %s %s%s", n, street, c.name, c.region, c.code, g.digits(2))
	case 3:
		c := pick(g, caCities)
		return fmt.Sprintf("%d %s %s, %s, %s %s %s", n, g.pick("King", "Queen", "Granville", "Portage"), g.pick("Street", "Avenue", "Road"), c.name, c.region, c.code, g.of("123456789", 1)+g.of("ABCEGHJKLMNPRSTVWXYZ", 1)+g.of("123456789", 1))
	case 4:
		c := pick(g, auCities)
		return fmt.Sprintf("%d %s %s, %s %s %s0%s", n, g.pick("George", "Collins", "Adelaide", "Murray"), g.pick("Street", "Road", "Parade"), c.name, c.region, c.code, g.of("123456789", 1))
	case 5:
		c := pick(g, ukCities)
		return fmt.Sprintf("%d %s %s, %s %s %d%s", g.between(1, 200), g.pick("High", "Station", "Victoria", "Church", "Mill"), g.pick("Street", "Road", "Lane"), c.name, c.code, g.between(1, 9), g.of("ABDEFGHJLNPQRSTUWXYZ", 2))
	case 6:
		c := pick(g, deCities)
		return fmt.Sprintf("%s %d, %s%s %s", g.pick("Hauptstraße", "Bahnhofstraße", "Goethestr.", "Lindenweg", "Am Markt"), g.between(1, 150), c.code, g.of("123456789", 1)+g.digits(1)+g.of("123456789", 1), c.name)
	case 7:
		c := pick(g, frCities)
		return fmt.Sprintf("%d %s, %s00%d %s", g.between(1, 150), g.pick("rue Victor Hugo", "avenue de la République", "boulevard Voltaire", "place de la Mairie", "rue des Lilas"), c.code, g.between(0, 9), c.name)
	case 8:
		c := pick(g, itCities)
		return fmt.Sprintf("%s %d, %s%s %s (%s)", g.pick("Via Roma", "Via Garibaldi", "Corso Italia", "Viale Europa", "Piazza Dante"), g.between(1, 150), c.code, g.digits(2), c.name, c.region)
	}
	c := pick(g, esCities)
	return fmt.Sprintf("%s %d, %s0%s %s", g.pick("Calle Mayor", "Avenida de la Constitución", "C/ Alcalá", "Plaza de España", "Paseo de Gracia"), g.between(1, 150), c.code, g.digits(2), c.name)
}

// noName is two or three capitalised words that are no person.
func (g *gen) noName() string {
	return g.pick("Northwind Traders Ltd", "Deutsche Bank AG", "Golden Gate Bridge", "Main Street", "Order Status", "San Francisco", "New York City", "Machine Learning",
		"Visual Studio", "Apache Kafka", "United Nations", "Monday Morning", "Mont Blanc", "Café Central", "Windows Server", "Blue Ridge Mountains", "University of Oxford",
		"St. Mary's Hospital", "Lake Victoria", "Jordan River", "Baker Street", "Santa Clara County", "Nobel Prize", "Pythagorean Theorem", "Washington Post", "Mercedes Benz",
		"Harley Davidson", "Johnson & Johnson", "Ernst & Young", "Wells Fargo", "Marks and Spencer", "Louis Vuitton Store", "Christmas Eve", "Grand Canyon", "Saint Lawrence Seaway",
		"James Webb Space Telescope", "Charles Darwin University", "John F. Kennedy Airport", "Accept Language", "Content Type", "Internal Server Error", "Support Team",
		"Red Hat Enterprise", "Rua Augusta", "Place Vendôme", "Plaza Mayor", "Piazza Navona", "Bahnhofstraße Zürich", "Bayern München", "Real Madrid")
}

// noAddress lacks the city or the postal code, or these do not belong together.
func (g *gen) noAddress() string {
	n := g.between(2, 900)
	return g.pick(fmt.Sprintf("%d Maple Street", n), fmt.Sprintf("%d Oak Ave, Springfield, IL", n), "Springfield, IL 90210", "Austin, TX 02101", "Toronto, ON V6B 1A1", "Sydney NSW 6000",
		fmt.Sprintf("Hauptstraße %d", n), fmt.Sprintf("%d rue Victor Hugo", n), "99999 Nowhere", fmt.Sprintf("Via Roma %d", n), fmt.Sprintf("Calle Mayor %d", n), "Manchester", "order 62704",
		fmt.Sprintf("%d High Street, Leeds", n), "Seattle 5551234", "Room 10115 Berlin wing"[:10])
}
