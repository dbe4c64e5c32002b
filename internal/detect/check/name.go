package check

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// PersonName is the grammar of a full name as a whole value: two to five words in Latin script, each with a capital first (or all in capitals), with
// particles such as "van der" and initials between them, perhaps as "Family, Given". Words that name firms, places and things are refused.
func PersonName(value []byte, _ bool) int {
	words, full, run := 0, 0, 0
	for rest := value; len(rest) > 0; {
		var word []byte
		if i := indexSpace(rest); i < 0 {
			word, rest = rest, nil
		} else {
			word, rest = rest[:i], rest[i+1:]
		}
		if len(word) > 1 && word[len(word)-1] == ',' && words == 0 && len(rest) > 0 {
			word = word[:len(word)-1]
		}
		words++
		switch classifyWord(word) {
		case wordName:
			full++
			run = 0
		case wordInitial, wordParticle:
			if run++; run > 3 {
				return No
			}
			if len(rest) == 0 && full < 2 {
				return No
			}
		default:
			return No
		}
	}
	if words < 2 || words > 6 || full < 2 || full > 5 {
		return No
	}
	return len(value)
}

// GivenName is PersonName for fields whose name does not say that it is a person's: the value has to begin with a common given name.
func GivenName(value []byte, final bool) int {
	i := indexSpace(value)
	if i < 0 {
		return No
	}
	word := value[:i]
	if word[len(word)-1] == ',' {
		word = value[i+1:]
		if i = indexSpace(word); i >= 0 {
			word = word[:i]
		}
	}
	if len(word) > 40 {
		return No
	}
	var buf [64]byte
	if !givenNames[string(lowerName(buf[:0], word))] {
		return No
	}
	return PersonName(value, final)
}

func indexSpace(b []byte) int {
	for i, c := range b {
		if c == ' ' && i > 0 {
			return i
		}
	}
	return -1
}

// lowerName appends the word in small letters.
func lowerName(dst, word []byte) []byte {
	for len(word) > 0 {
		r, size := utf8.DecodeRune(word)
		dst = utf8.AppendRune(dst, unicode.ToLower(r))
		word = word[size:]
	}
	return dst
}

const (
	wordOther = iota
	wordName
	wordInitial
	wordParticle
)

func classifyWord(word []byte) int {
	if len(word) == 0 || len(word) > 40 {
		return wordOther
	}
	if particles[string(word)] {
		return wordParticle
	}
	first, size := utf8.DecodeRune(word)
	if !unicode.Is(unicode.Latin, first) || !unicode.IsUpper(first) {
		return wordOther
	}
	if len(word) == size || len(word) == size+1 && word[size] == '.' {
		return wordInitial
	}
	letters, last := 0, first
	for rest := word; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		rest = rest[size:]
		switch {
		case unicode.Is(unicode.Latin, r):
			letters++
		case unicode.Is(unicode.Mn, r):
		case (r == '-' || r == '\'' || r == '’') && letters > 0 && last != '-' && last != '\'':
		default:
			return wordOther
		}
		last = r
	}
	var buf [64]byte
	if letters < 2 || last == '-' || notPersons[string(lowerName(buf[:0], word))] {
		return wordOther
	}
	return wordName
}

var particles = setOf("van der den de del della di da dos das du la le von zu zur af av bin ibn al el ter ten y e i und Jr. Sr. Jr Sr II III IV Dr. Mr. Mrs. Ms.")

// notPersons are words that full names do not hold but names of firms, products, places, records and people's roles do. Words that are
// family names as well (Brown, Church, Lane, Park, West) or given names (April, June, August) are not among them.
var notPersons = setOf(`inc llc ltd limited corp corporation company co gmbh ag sa sas srl spa bv nv plc oy ab kg group holding holdings bank trust fund
	university college school institute academy hospital clinic foundation association society club team department dept division office
	center centre services service solutions systems system technologies technology software labs studio studios media network networks
	partners consulting industries international global national federal state county city town united states america kingdom republic
	south east new san los las saint street avenue road boulevard drive square river mountain
	hotel restaurant cafe bar store shop market mall airport station
	product item model version edition default test sample example demo user admin administrator customer client account order invoice
	payment report file document data table column row field value name type status error warning info main root server database backup
	project task job process worker queue event log message email phone address
	red blue yellow orange purple pink small medium large extra premium basic standard pro plus
	monday tuesday wednesday thursday friday saturday sunday january february march april june july august september october november december
	the and for with from of in on to by`)

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// givenNames are common given names of the languages in Latin script, from general knowledge.
var givenNames = setOf(`james mary robert patricia john jennifer michael linda david elizabeth william barbara richard susan joseph jessica thomas sarah
	charles karen christopher lisa daniel nancy matthew betty anthony margaret mark sandra donald ashley steven kimberly andrew emily paul donna
	joshua michelle kenneth carol kevin amanda brian melissa george deborah timothy stephanie ronald rebecca jason sharon edward laura jeffrey
	cynthia ryan dorothy jacob amy nicholas kathleen gary angela eric shirley jonathan emma stephen anna larry brenda justin pamela scott nicole
	brandon ruth benjamin katherine samuel samantha gregory christine alexander catherine patrick virginia frank rachel raymond olivia jack
	heather dennis maria jerry diane tyler julie aaron joyce jose victoria adam kelly nathan christina henry joan zachary evelyn douglas lauren
	peter judith kyle megan noah cheryl ethan andrea jeremy hannah walter jacqueline christian martha keith madison roger teresa terry gloria
	austin sara sean janice gerald ann carl kathryn dylan abigail harold sophia jordan frances jesse jean bryan alice lawrence judy arthur isabella
	gabriel julia bruce grace logan amber billy denise joe danielle alan marilyn juan beverly elijah charlotte willie natalie albert theresa wayne
	diana randy brittany mason doris vincent kayla liam alexis roy lori bobby marie carlos ana lucas luca sofia wei yuki priya omar fatima ivan
	olga chloe hans greta giulia mateo lucia arjun ananya lukas jan piotr anna katarzyna marek agnieszka tomasz pavel petr eva jana martin lars
	erik sven ingrid astrid nils karin bjorn anders kirsten mette soren jens mikkel freja pekka matti aino juhani helmi jussi
	hans klaus jörg joerg jürgen jurgen wolfgang heinz ursula monika sabine petra stefan andreas markus matthias tobias florian sebastian felix leon jonas
	lena leonie mia lea friedrich karl heike birgit gisela uwe dieter gunter günter
	pierre hélène helene jacques michel philippe alain nicolas julien antoine luc hugo louis jules camille manon élodie elodie amélie amelie françois francois
	françoise francoise céline celine sophie isabelle nathalie valérie valerie sylvie aurélie aurelie mathieu thierry laurent olivier
	giovanni giuseppe antonio mario luigi francesco alessandro andrea marco matteo lorenzo chiara francesca martina elena paola simona roberto
	maría francisco josé manuel javier pablo pedro miguel luis fernando sergio jorge alberto álvaro alvaro raúl raul carmen isabel pilar dolores rosa lucía
	marta paula cristina beatriz inés ines alejandro diego sofía ximena guadalupe
	joão joao antónio paulo rui tiago gonçalo goncalo mariana beatriz inês catarina leonor francisca rafael bruno eduardo gustavo felipe
	larissa juliana camila fernanda letícia leticia thiago vinícius vinicius
	johan willem pieter cornelis hendrik maarten sanne anouk femke bram daan sem fleur joost
	mohammed muhammad ahmed ali hassan hussein ibrahim youssef khalid aisha zainab layla yasmin amina mustafa mehmet ayşe ayse emre zeynep
	raj rahul amit anil sunil vijay sanjay deepak ravi suresh lakshmi sunita anita kavita pooja neha rohan aditya
	hiroshi kenji takashi akira haruto sakura yumi naoko min-jun ji-woo seo-yeon mei ling xiao jing hao chen
	tom tim ben sam max kate jane jim bob bill mike dave steve chris alex nick matt dan tony greg ken ron don ed fred phil ray`)
