package person

import "strings"

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// A cue is a word before a name.
type cue uint8

const (
	title    cue = 1 + iota // Dr. Jane Doe
	greeting                // Dear Jane Doe
	label                   // Patient: Jane Doe
)

// cues are words with a capital that announce a name, folded.
var cues = func() map[string]cue {
	m := map[string]cue{}
	for c, words := range map[cue]string{
		title: `mr mrs ms miss mx dr prof professor sir dame herr frau fraulein herrn m mme mlle monsieur madame mademoiselle sr sra srta senor senora
			senorita don dona sig signor signora dott dottor dottore dottoressa dottssa avv geom dhr mevr mevrouw meneer mw dhr hr fru
			herra rouva sayin shri smt pan pani panu capt captain lt lieutenant sgt sergeant cpl col rev reverend rabbi imam sheikh`,
		greeting: `dear hi hello hallo hey attn attention liebe lieber bonjour cher chere hola querido querida estimado estimada caro cara gentile
			ciao prezado prezada ola beste geachte szanowny szanowna drogi droga kara basta hej kare geehrter geehrte signed sincerely`,
		label: `patient employee customer client contact name from to cc applicant beneficiary cardholder holder passenger guest student teacher
			doctor physician nurse manager supervisor witness defendant plaintiff tenant landlord buyer seller spouse insured subscriber recipient
			sender assignee reporter author owner attendee member candidate interviewer signatory responsible by
			mitarbeiter kunde kundin patientin ansprechpartner empfanger absender von an mieter vermieter
			expediteur destinataire salarie titulaire assure de destinatario remitente paciente empleado cliente titular
			dipendente paziente mittente intestatario werknemer klant klantnaam pracownik pacjent klient anstalld kund
			nombre nom nome naam navn namn nimi imie vorname nachname apellidos`,
	} {
		for _, w := range strings.Fields(words) {
			if _, ok := m[w]; !ok {
				m[w] = c
			}
		}
	}
	return m
}()

// Labels are the words, small or large, at which Labelled has to be tried.
var Labels = strings.Fields(`name patient employee customer client contact applicant beneficiary cardholder passenger guest student supervisor
	tenant landlord buyer seller spouse insured recipient sender assignee author owner attendee signatory nombre nome naam mitarbeiter kunde`)

var knownLabels = setOf(strings.Join(Labels, " "))

// owners are words whose name, as in customer_name, is that of a person.
var owners = setOf(`full customer client patient employee person contact cardholder holder applicant beneficiary student member guest passenger
	recipient legal maiden doctor physician nurse manager supervisor sender author owner spouse insured subscriber display billing shipping account
	buyer seller tenant landlord your my our real complete`)

// particles are words within names that are written small.
var particles = setOf(`van der den de del della di da das dos du la le von zu zur zum af av bin ibn al el ter ten te y e i bint abu ap vom d ben st san los las
	degli dei dalla dal lo`)

// weakParticles are articles as well: by themselves they make no family name of an unlisted word.
var weakParticles = setOf("zu zum zur vom der den la le los las lo e y i ten ter das dos di d ben st san")

// capitalParticles are particles that are often written with a capital and are no words of their own.
var capitalParticles = setOf("Van Der Den De Del Della Di Da Dos Du La Le Von Zu Bin Ibn Al El Ter Ten Bint Abu Dal Dalla Degli")

// things are words that make a name that of a place, firm, institution, work, ship, law or prize, as a part of it or right behind it.
var things = setOf(`str street oblast krai raion st road rd avenue ave drive boulevard blvd court ct place pl way parkway pkwy highway hwy terrace crescent close row square sq plaza
	alley circle trail bridge tunnel airport station stadium arena tower towers building buildings centre center centro hotel inn theatre
	theater cinema museum gallery library bibliotheek school college university universitat universite universidad universita institute
	instituto institut academy academie akademie faculty department hospital clinic klinik klinikum cathedral chapel abbey castle palace garden
	gardens cemetery memorial monument statue award awards prize preis prix premio medal trophy cup foundation stiftung fondation fundacion
	fondazione trust fund society association verein club company co corp corporation inc incorporated ltd limited llc llp plc gmbh ag kg ohg ug
	sa sas sarl srl spa bv nv oy ab aps asa sl slu lda pty gruppe groupe grupo holding holdings bank banque banco banca partners partner
	associates brothers bros sons records press verlag books editions publishing publishers media studio studios productions pictures
	entertainment films motors airlines airways industries industry systems technologies technology tech software solutions services service
	consulting capital ventures securities insurance pharmaceuticals pharma laboratories laboratory labs lab international global worldwide act
	law amendment theorem lemma pseudoprimes primes conjecture equation equations inequality algorithm method test effect syndrome disease distribution transform
	function functions principle paradox problem scale telescope code cipher number numbers constant process machine model series space logic
	calculus filter matrix hypothesis formula diagram tree graph sequence county parish district township city town village municipality valley
	river creek lake bay island islands isle sea ocean strait cape peninsula mountain mountains mount peak glacier falls springs canyon desert
	forest beach harbor harbour port canal heights hills ridge province state states territory region republic kingdom empire dynasty era period
	age war wars battle treaty agreement convention protocol festival tournament open championship championships league team orchestra quartet
	quintet band trio choir ensemble symphony opera show album song film movie novel trilogy ballet concerto sonata collection archive archives
	papers lecture lectures chair fellowship scholarship strasse weg platz allee gasse ufer damm schule gymnasium haus kirche krankenhaus halle
	brucke turm stadt kreis rue lycee ecole eglise chateau pont gare quai calle avenida paseo puente iglesia colegio puerto ciudad playa via
	viale piazza corso ponte chiesa scuola liceo stazione version edition release license licence format type class object file files server
	client database user admin account system error manager config default settings menu button pages report reports data table list index key
	value string date time days week month year total amount balance status order orders invoice payment product products item items card cards
	monday tuesday wednesday thursday friday saturday sunday january february march july september october november december english german
	french spanish italian dutch greek latin russian chinese japanese american british european african asian indian the of and for with from in
	on at by is was are were has had have would can could should must not no yes this that these those his her its their our your my we you he
	she they it if when where who what how why all any each every some new old grove manor cottage estate mansion plantation ranch farm farms
	winery brewery vineyard vineyards hms uss ship aircraft carrier destroyer mk christ claus
	` + pronouns + typefaces + codeWords + countries)

// Words of text in which nouns have capitals, and where people's names would stand: können Sie Dateien.
const pronouns = `sie ihr ihre ihrem ihrer ihres ihnen uns unser unsere dein deine mein meine euch keine folgendes folgende `

// How typefaces and their characters are called: Cambria Bold Italic, TAI LE LETTER KA.
const typefaces = `italic oblique bold semibold condensed sans serif mono monospace grotesk gothic font fonts letter letters glyph vowel consonant `

// Names of types and files, and what programs and documents speak: Len Expr, Dev Mgr.
const codeWords = `expr stmt decl timespec timeval func struct enum iface impl ctx cfg config mgr util utils args argv params attr attrs ptr buf msg req resp src dst
	api url uri dns tls ssl http https xml html json yaml sql pdf csv linux unix debian ubuntu windows android org `

// countries are names of countries and regions that no one bears, or next to no one, and believers' names.
const countries = `afghanistan albania algeria angola antarctica armenia azerbaijan bahrain bangladesh belarus belgium bolivia botswana bulgaria cambodia cameroon
	croatia cyprus czechia ecuador egypt eritrea estonia ethiopia finland guatemala guinea haiti honduras hungary iceland indonesia iran iraq kashmir
	kazakhstan kosovo kuwait latvia liberia libya lithuania madagascar malaysia mauritius mexico moldova mongolia montenegro mozambique myanmar namibia
	nepal nicaragua nigeria pakistan palestine paraguay philippines qatar romania rwanda serbia singapore slovakia slovenia somalia switzerland syria taiwan
	tanzania thailand tunisia uganda ukraine uruguay uzbekistan venezuela vietnam yemen zambia zimbabwe muslim muslims catholic orthodox buddhist `

// firms are words that, behind a comma, '&' or "and", make a name that of a firm.
var firms = setOf("inc llc llp ltd limited corp corporation co company plc gmbh ag sa sas srl spa bv nv oy ab kg sons son brothers partners associates daughters cie hijos fils figli sohne")

// lowerThings are words that, written small behind a name, make it that of a thing.
var lowerThings = setOf("street avenue road straat strasse gasse")

// places are words that, before a name, make it that of a place, a building, a ship or an institution.
var places = setOf(`saint st st. ste sainte san santa santo sankt sao mount mt lake fort ft port porto puerto cape camp point hotel rue avenue boulevard place
	calle avenida plaza paseo via viale piazza corso rua praca lycee college ecole universite university universidad universita instituto
	institute institut hospital hms uss rms ss mv usns chateau domaine maison palazzo palais villa casa rio ile isle isola los las el la new
	north south east west upper lower strasse quai pont parc parque jardin jardim gare stade cathedrale basilica basilique chiesa iglesia igreja
	kirche theatre teatro museo musee museu stadion estadio aeropuerto aeroport largo travessa ulica aleja plac camino carretera ronda travesia carrer passeig viale vicolo largo corso strada contrada chemin allee impasse quai route sentier faubourg cours square
	lungotevere barrio colonia urbanizacion av ave bd bld boul pl ch rte imp avda ctra str zza za passage residence lotissement cite quartier rond-point villa urb
	operation hurricane tropical
	storm typhoon cyclone project class type brand model product company firm ship vessel yacht submarine building school city town village
	county`)

// notNames are pairs, first and last word, that look like a name and are none.
var notNames = func() map[string]bool {
	m := map[string]bool{}
	for _, p := range strings.Split(`sierra leone,costa rica,puerto rico,monte carlo,rio grande,porto alegre,jesus christ,virgin mary,santa claus,uncle sam,
		peter pan,mona lisa,ann arbor,rolls royce,mercedes benz,harley davidson,aston martin,alfa romeo,morgan stanley,wells fargo,louis vuitton,
		calvin klein,jack daniels,johnnie walker,merrill lynch,goldman sachs,victoria cross,martin marietta,moulin rouge,don quixote,
		marks spencer,dow jones,bell atlantic,barclays bank,lloyd george,dolce gabbana,hugo boss,marie claire,vera cruz,jordan valley,
		mason dixon,max value,min value,max min,lee enfield,san marino,el salvador,christian dior,estee lauder,
		baker tilly,grant thornton,ernst young,lehman brothers,blue cross,red cross,palo alto,victoria falls,alice springs,charlotte amalie,
		hong kong,viet nam,sri lanka,papua guinea,addis ababa,abu dhabi,kuala lumpur,phnom penh,santa fe,tel aviv,lady gaga,
		ann taylor,eddie bauer,tommy hilfiger,ralph lauren,jenny craig,mary kay,betty crocker,aunt jemima,john deere,jack russell,
		paris saint-germain,austin healey,king james,prince albert,prince edward,king george,queen elizabeth,queen victoria,queen mary,lord nelson,
		st martin,jean jacques,marie antoinette,magna carta,anno domini,ave maria,prentice hall,morgan kaufmann,addison wesley,julian day,julian date,columbus day,mato grosso,avant garde,bella vista,buena vista,terra nova,casa blanca,costa brava,costa blanca`, ",") {
		m[strings.TrimSpace(p)] = true
	}
	return m
}()
