package postal

import (
	"strings"

	"github.com/magpie-sec/magpie/internal/detect/person"
)

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

// fold is the form in which words are looked up: small letters without accents.
func fold(dst, word []byte) []byte { return person.Fold(dst, word) }

// A usState is a state, district, territory or armed forces region.
type usState struct {
	// zones are the ranges of the first three digits of its ZIP codes.
	zones []zoneRange
	// word says that its abbreviation is a word or label as well: without a street it needs the comma behind the city.
	word bool
}

// usStates are the states by their abbreviations: USPS, Publication 28 appendix B, and Domestic Mail Manual, labeling list L002.
var usStates = func() map[string]*usState {
	m := map[string]*usState{}
	for _, f := range strings.Fields(`AL:350-369 AK:995-999 AZ:850-865 AR:716-729 CA:900-961 CO:800-816 CT:060-069 DC:200-205 DE:197-199 FL:320-349
		GA:300-319,398-399 HI:967-968 ID:832-838 IL:600-629 IN:460-479 IA:500-528 KS:660-679 KY:400-427 LA:700-714 ME:039-049 MD:206-219
		MA:010-027,055-055 MI:480-499 MN:550-567 MS:386-397 MO:630-658 MT:590-599 NE:680-693 NV:889-898 NH:030-038 NJ:070-089 NM:870-884
		NY:100-149,005-005,063-063 NC:270-289 ND:580-588 OH:430-459 OK:730-749 OR:970-979 PA:150-196 RI:028-029 SC:290-299 SD:570-577 TN:370-385
		TX:750-799,885-885,733-733 UT:840-847 VT:050-059 VA:220-246,201-201 WA:980-994 WV:247-268 WI:530-549 WY:820-831,834-834 PR:006-009
		VI:008-008 GU:969-969 AS:967-967 MP:969-969 AE:090-099 AA:340-340 AP:962-966`) {
		state, ranges, _ := strings.Cut(f, ":")
		s := &usState{word: usWords[state]}
		for _, r := range strings.Split(ranges, ",") {
			lo, hi, _ := strings.Cut(r, "-")
			s.zones = append(s.zones, zoneRange{number(lo), number(hi)})
		}
		m[state] = s
	}
	return m
}()

type zoneRange struct{ lo, hi int }

func number(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// inRanges reports whether one of the ranges holds n.
func inRanges(rs []zoneRange, n int) bool {
	for _, r := range rs {
		if n >= r.lo && n <= r.hi {
			return true
		}
	}
	return false
}

// usNames are the states' names, folded.
var usNames = func() map[string]*usState {
	m := map[string]*usState{}
	for name, abbreviation := range pairs(`alabama:AL alaska:AK arizona:AZ arkansas:AR california:CA colorado:CO connecticut:CT delaware:DE florida:FL georgia:GA
	hawaii:HI idaho:ID illinois:IL indiana:IN iowa:IA kansas:KS kentucky:KY louisiana:LA maine:ME maryland:MD massachusetts:MA michigan:MI minnesota:MN
	mississippi:MS missouri:MO montana:MT nebraska:NE nevada:NV new_hampshire:NH new_jersey:NJ new_mexico:NM new_york:NY north_carolina:NC
	north_dakota:ND ohio:OH oklahoma:OK oregon:OR pennsylvania:PA rhode_island:RI south_carolina:SC south_dakota:SD tennessee:TN texas:TX utah:UT
	vermont:VT virginia:VA washington:WA west_virginia:WV wisconsin:WI wyoming:WY puerto_rico:PR district_of_columbia:DC d.c:DC`) {
		m[name] = usStates[abbreviation]
	}
	return m
}()

// usWords are the abbreviations of states that are words or labels.
var usWords = setOf("ID OK IN OR ME HI OH PA MA LA CO DE AL MS MD AS VI GU MP AA AE AP PR AR MO MI CT MT NE SD SC")

// caProvinces gives the first letters of the postal codes of each province and territory: Canada Post, addressing guidelines.
var caProvinces = pairs(`nl:A newfoundland:A newfoundland_and_labrador:A labrador:A nf:A ns:B nova_scotia:B nouvelle-ecosse:B pe:C pei:C
	prince_edward_island:C nb:E new_brunswick:E nouveau-brunswick:E qc:GHJK quebec:GHJ que:GHJ pq:GHJ on:KLMNP ontario:KLMNP ont:KLMNP mb:R manitoba:R
	man:R sk:S saskatchewan:S sask:S ab:T alberta:T alta:T bc:V british_columbia:V colombie-britannique:V nt:X northwest_territories:X nu:X
	nunavut:X yt:Y yukon:Y yukon_territory:Y`)

// auStates gives the ranges of the postcodes of each state and territory: Australia Post, postcode allocation.
var auStates = map[string][]zoneRange{
	"nsw": {{1000, 2599}, {2619, 2899}, {2921, 2999}}, "act": {{200, 299}, {2600, 2618}, {2900, 2920}}, "vic": {{3000, 3999}, {8000, 8999}},
	"qld": {{4000, 4999}, {9000, 9999}}, "sa": {{5000, 5999}}, "wa": {{6000, 6999}}, "tas": {{7000, 7999}}, "nt": {{800, 999}},
}

// auNames are the states' names by their last word.
var auNames = pairs("new_south_wales:nsw victoria:vic queensland:qld south_australia:sa western_australia:wa tasmania:tas northern_territory:nt australian_capital_territory:act")

// ukAreas are the letters with which postcodes begin: Royal Mail, Postcode Address File.
var ukAreas = setOf(`AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK FY G GL GU GY HA HD HG
	HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN
	SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO ZE`)

// pairs reads "key:value key:value", '_' for a space in keys.
func pairs(s string) map[string]string {
	m := map[string]string{}
	for _, f := range strings.Fields(s) {
		k, v, _ := strings.Cut(f, ":")
		m[strings.ReplaceAll(k, "_", " ")] = v
	}
	return m
}

// towns gives for large towns how the postal code begins, the alternatives set off by '/'. A code that does not agree with its town is no
// address; a town that is not here needs a street.
var towns = [countries]map[string]string{
	germany: pairs(`berlin:10/11/12/13/14 hamburg:20/21/22 munchen:80/81 muenchen:80/81 munich:80/81 koln:50/51 koeln:50/51 cologne:50/51
		frankfurt:60/65/15 frankfurt_am_main:60/65 stuttgart:70 dusseldorf:40 duesseldorf:40 leipzig:04 dortmund:44 essen:45 bremen:28
		dresden:01 hannover:30 nurnberg:90 nuernberg:90 duisburg:47 bochum:44 wuppertal:42 bielefeld:33 bonn:53 munster:48 muenster:48 mannheim:68
		karlsruhe:76 augsburg:86 wiesbaden:55/65 monchengladbach:41 gelsenkirchen:45 aachen:52 braunschweig:38 chemnitz:09 kiel:24
		halle:06/33 magdeburg:39 freiburg:79/21 freiburg_im_breisgau:79 krefeld:47 mainz:55 lubeck:23 luebeck:23 erfurt:99 oberhausen:46 rostock:18 kassel:34 hagen:58
		potsdam:14 saarbrucken:66 saarbruecken:66 hamm:59 ludwigshafen:67 mulheim:45 oldenburg:26 osnabruck:49 osnabrueck:49 leverkusen:51
		heidelberg:69 darmstadt:64 solingen:42 regensburg:93 herne:44 paderborn:33 neuss:41 ingolstadt:85 offenbach:63 furth:90 wurzburg:97 wuerzburg:97
		ulm:89 heilbronn:74 pforzheim:75 wolfsburg:38 gottingen:37 goettingen:37 bottrop:46 reutlingen:72 koblenz:56 erlangen:91 bremerhaven:27 trier:54
		jena:07 remscheid:42 cottbus:03 salzgitter:38 gera:07 hildesheim:31 siegen:57 schwerin:19 zwickau:08 konstanz:78 bamberg:96 bayreuth:95
		flensburg:24 passau:94 weimar:99 giessen:35 marburg:35 tubingen:72 tuebingen:72 luneburg:21 stralsund:18 greifswald:17`),
	france: pairs(`paris:75 marseille:13 lyon:69 toulouse:31 nice:06 nantes:44 montpellier:34 strasbourg:67 bordeaux:33 lille:59 rennes:35 reims:51
		saint-etienne:42 le_havre:76 toulon:83 grenoble:38 dijon:21 angers:49 nimes:30 villeurbanne:69 aix-en-provence:13 clermont-ferrand:63
		le_mans:72 brest:29 tours:37 amiens:80 limoges:87 annecy:74 perpignan:66 boulogne-billancourt:92 metz:57 besancon:25 orleans:45 rouen:76 mulhouse:68
		saint-denis:93/974 argenteuil:95 montreuil:93 caen:14 nancy:54 roubaix:59 tourcoing:59 nanterre:92 avignon:84 vitry-sur-seine:94 creteil:94
		poitiers:86 dunkerque:59 versailles:78 courbevoie:92 colombes:92 aubervilliers:93 aulnay-sous-bois:93 asnieres-sur-seine:92 rueil-malmaison:92
		pau:64 champigny-sur-marne:94 antibes:06 la_rochelle:17 cannes:06 calais:62 beziers:34 colmar:68 bourges:18 ajaccio:20 bastia:20 quimper:29 valence:26
		troyes:10 neuilly-sur-seine:92 lorient:56 levallois-perret:92 issy-les-moulineaux:92 chambery:73 niort:79 beauvais:60 evry:91 cergy:95
		bayonne:64 biarritz:64 arras:62 tarbes:65 albi:81 blois:41 chartres:28 laval:53 vannes:56 montauban:82 saint-malo:35 fort-de-france:97`),
	italy: pairs(`roma:00 milano:20 napoli:80 torino:10 palermo:90 genova:16 bologna:40 firenze:50 bari:70 catania:95 venezia:30 verona:37 messina:98
		padova:35 trieste:34 brescia:25 parma:43 taranto:74 prato:59 modena:41 reggio_calabria:89 reggio_emilia:42 perugia:06 livorno:57 ravenna:48
		cagliari:09 foggia:71 rimini:47 salerno:84 ferrara:44 sassari:07 latina:04 monza:20 siracusa:96 pescara:65 bergamo:24 forli:47 trento:38
		vicenza:36 terni:05 bolzano:39 novara:28 piacenza:29 ancona:60 andria:76 arezzo:52 udine:33 cesena:47 lecce:73 la_spezia:19 pesaro:61 alessandria:15
		pistoia:51 pisa:56 catanzaro:88 lucca:55 como:22 treviso:31 varese:21 asti:14 caserta:81 ragusa:97 pavia:27 cremona:26 cosenza:87 massa:54
		trapani:91 potenza:85 viterbo:01 crotone:88 matera:75 caltanissetta:93 agrigento:92 benevento:82 cuneo:12 avellino:83 siena:53 savona:17 imperia:18
		grosseto:58 mantova:46 rieti:02 chieti:66 campobasso:86 isernia:86 aosta:11 biella:13 vercelli:13 lodi:26 lecco:23 sondrio:23 belluno:32
		gorizia:34 pordenone:33 rovigo:45 macerata:62 fermo:63 ascoli_piceno:63 teramo:64 l'aquila:67 frosinone:03 brindisi:72 enna:94 nuoro:08 oristano:09
		carpi:41 sesto_san_giovanni:20`),
	spain: pairs(`madrid:28 barcelona:08 valencia:46 sevilla:41 zaragoza:50 malaga:29 murcia:30 palma:07 palma_de_mallorca:07 las_palmas_de_gran_canaria:35
		las_palmas:35 bilbao:48 alicante:03 cordoba:14 valladolid:47 vigo:36 gijon:33 hospitalet_de_llobregat:08 l'hospitalet_de_llobregat:08 vitoria-gasteiz:01 vitoria:01
		la_coruna:15 a_coruna:15 granada:18 elche:03 oviedo:33 badalona:08 cartagena:30 terrassa:08 jerez_de_la_frontera:11 sabadell:08 mostoles:28
		santa_cruz_de_tenerife:38 pamplona:31 almeria:04 alcala_de_henares:28 fuenlabrada:28 leganes:28 san_sebastian:20 donostia:20 getafe:28 burgos:09
		santander:39 castellon_de_la_plana:12 castellon:12 albacete:02 alcorcon:28 san_cristobal_de_la_laguna:38 logrono:26 badajoz:06 salamanca:37 huelva:21
		marbella:29 lleida:25 lerida:25 tarragona:43 leon:24 cadiz:11 jaen:23 ourense:32 orense:32 girona:17 gerona:17 lugo:27 caceres:10 toledo:45 pontevedra:36
		palencia:34 ciudad_real:13 zamora:49 avila:05 cuenca:16 huesca:22 guadalajara:19 segovia:40 soria:42 teruel:44 melilla:52 ceuta:51 reus:43
		santiago_de_compostela:15 ferrol:15 merida:06 ibiza:07`),
	kingdom: pairs(`london:E/EC/N/NW/SE/SW/W/WC birmingham:B leeds:LS glasgow:G sheffield:S bradford:BD liverpool:L edinburgh:EH manchester:M bristol:BS
		cardiff:CF leicester:LE coventry:CV kingston_upon_hull:HU hull:HU belfast:BT stoke-on-trent:ST wolverhampton:WV nottingham:NG plymouth:PL
		southampton:SO reading:RG derby:DE dudley:DY newcastle_upon_tyne:NE newcastle:NE/ST northampton:NN portsmouth:PO luton:LU preston:PR aberdeen:AB
		sunderland:SR norwich:NR walsall:WS bournemouth:BH swansea:SA oxford:OX cambridge:CB york:YO ipswich:IP peterborough:PE blackpool:FY dundee:DD
		middlesbrough:TS bolton:BL stockport:SK brighton:BN hove:BN huddersfield:HD exeter:EX gloucester:GL swindon:SN telford:TF slough:SL
		blackburn:BB cheltenham:GL colchester:CO chester:CH chelmsford:CM bath:BA worcester:WR lincoln:LN lancaster:LA watford:WD crawley:RH guildford:GU
		harrogate:HG inverness:IV durham:DH carlisle:CA canterbury:CT milton_keynes:MK basildon:SS southend-on-sea:SS maidstone:ME warrington:WA wigan:WN
		rochdale:OL oldham:OL doncaster:DN rotherham:S barnsley:S wakefield:WF halifax:HX stirling:FK perth:PH newport:NP/TF/PO/SA wrexham:LL bangor:LL/BT
		salisbury:SP winchester:SO truro:TR torquay:TQ taunton:TA shrewsbury:SY hereford:HR croydon:CR bromley:BR harrow:HA ilford:IG romford:RM
		enfield:EN kingston_upon_thames:KT twickenham:TW sutton:SM dartford:DA uxbridge:UB redhill:RH stevenage:SG hemel_hempstead:HP st_albans:AL
		tunbridge_wells:TN dorchester:DT crewe:CW darlington:DL kilmarnock:KA kirkcaldy:KY motherwell:ML paisley:PA lerwick:ZE dumfries:DG galashiels:TD`),
}

// usTowns and caTowns are large cities that are taken without the comma before the state, or without a province.
var usTowns = lines(`new york,los angeles,chicago,houston,phoenix,philadelphia,san antonio,san diego,dallas,austin,jacksonville,fort worth,columbus,
	indianapolis,charlotte,san francisco,seattle,denver,washington,nashville,oklahoma city,el paso,boston,portland,las vegas,detroit,memphis,louisville,
	baltimore,milwaukee,albuquerque,tucson,fresno,sacramento,kansas city,mesa,atlanta,omaha,colorado springs,raleigh,miami,long beach,oakland,
	minneapolis,tulsa,tampa,arlington,new orleans,wichita,bakersfield,cleveland,aurora,anaheim,honolulu,santa ana,riverside,corpus christi,lexington,
	henderson,stockton,saint paul,st. paul,cincinnati,st. louis,saint louis,pittsburgh,greensboro,lincoln,anchorage,plano,orlando,irvine,newark,durham,
	toledo,fort wayne,st. petersburg,laredo,jersey city,buffalo,madison,lubbock,chandler,scottsdale,reno,glendale,norfolk,baton rouge,boise,richmond,
	birmingham,spokane,des moines,hartford,providence,salt lake city,little rock,jackson,akron,dayton,worcester,springfield,tallahassee,ann arbor,
	eugene,salem,bangor,sioux falls,fargo,billings,cheyenne,burlington,wilmington,charleston,savannah,montgomery,mobile,topeka,lansing,juneau,helena`)

var caTowns = lines(`toronto,montreal,vancouver,calgary,edmonton,ottawa,winnipeg,quebec,quebec city,hamilton,kitchener,london,victoria,halifax,oshawa,windsor,
	saskatoon,regina,sherbrooke,st. john's,st john's,barrie,kelowna,abbotsford,kingston,sudbury,trois-rivieres,guelph,moncton,brantford,saint john,thunder bay,
	mississauga,brampton,laval,surrey,markham,vaughan,gatineau,burnaby,longueuil,burlington,richmond,fredericton,charlottetown,whitehorse,yellowknife,iqaluit`)

func lines(s string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Split(s, ",") {
		set[strings.TrimSpace(w)] = true
	}
	return set
}

// itProvinces gives how the CAP begins in each province: Poste Italiane, Codice di Avviamento Postale.
var itProvinces = pairs(`RM:00 VT:01 RI:02 FR:03 LT:04 TR:05 PG:06 SS:07 OT:07 NU:08 OG:08 CA:09 SU:09 CI:09 VS:09 OR:09 TO:10 AO:11 CN:12 VC:13 BI:13 AT:14 AL:15
	GE:16 SV:17 IM:18 SP:19 MI:20 MB:20 VA:21 CO:22 LC:23 SO:23 BG:24 BS:25 CR:26 LO:26 PV:27 NO:28 VB:28 PC:29 VE:30 TV:31 BL:32 UD:33 PN:33 TS:34 GO:34
	PD:35 VI:36 VR:37 TN:38 BZ:39 BO:40 MO:41 RE:42 PR:43 FE:44 RO:45 MN:46 RN:47 FC:47 RA:48 FI:50 PT:51 AR:52 SI:53 MS:54 LU:55 PI:56 LI:57 GR:58
	PO:59 AN:60 PU:61 MC:62 AP:63 FM:63 TE:64 PE:65 CH:66 AQ:67 BA:70 BT:76 FG:71 BR:72 LE:73 TA:74 MT:75 NA:80 CE:81 BN:82 AV:83 SA:84 PZ:85 CB:86 IS:86 CS:87
	CZ:88 KR:88 VV:89 RC:89 PA:90 TP:91 AG:92 CL:93 EN:94 CT:95 SR:96 RG:97 ME:98`)

// streetWords are the words with which street names in English end, whole and as USPS Publication 28 abbreviates them.
var streetWords = setOf(`street st road rd avenue ave av drive dr boulevard blvd lane ln court ct place pl way parkway pkwy highway hwy terrace terr ter
	crescent cres close row square sq plaza plz alley aly circle cir trail trl loop run path pike turnpike tpke freeway expressway expy route rte
	bend ridge rdg point pt crossing xing grove gardens gdns mews hill rise walk parade pde esplanade quay wharf broadway cove creek heights hollow
	mall manor park pass passage promenade green view vista chase croft drove end fold gate green yard mount vale approach`)

// unitWords name a part of a building.
var unitWords = setOf(`apt apartment suite ste unit floor fl room rm flat bldg building level lot space trailer no dept department shop office studio
	app appt appartement batiment bat etage escalier esc piso planta puerta pta bajo atico int interno scala piano hinterhaus etage stock whg
	wohnung c/o care po hse house bloque blk block portal local dcha izda ca`)

// frStreets, itStreets and esStreets are the words with which street names begin.
var (
	frStreets = setOf(`rue avenue av ave boulevard bd bld bvd place pl chemin ch che allee allees all impasse imp route rte quai cours square sq passage
		faubourg fbg sentier villa residence lotissement lot hameau esplanade promenade rond-point voie cite ruelle venelle montee traverse parvis zone za zi zac bp cs`)
	itStreets = setOf("via viale v.le piazza p.za p.zza piazzale p.le corso c.so largo vicolo strada contrada localita loc frazione fraz lungotevere lungarno salita calle borgo rione vico galleria")
	esStreets = setOf(`calle c/ c cl avenida avda avd av plaza pza pl paseo p camino cno carretera ctra ronda rda travesia trav gran rambla carrer avinguda
		placa passeig urbanizacion urb poligono pol glorieta callejon cuesta costanilla pasaje bulevar via apartado`)
)

// deStreetEnds are the ends of street names in German.
var deStreetEnds = strings.Fields("strasse str str. weg platz allee gasse ring damm ufer steig pfad chaussee markt berg graben garten hof stieg winkel zeile kai brucke tor park wall feld anger aue kamp")

// nations are the names of the countries as they stand below an address.
var nations = [countries]map[string]bool{
	states:    lines("usa,u.s.a.,united states,united states of america,us,u.s."),
	canada:    lines("canada"),
	kingdom:   lines("uk,u.k.,united kingdom,england,scotland,wales,northern ireland,great britain,gb"),
	australia: lines("australia"),
	germany:   lines("germany,deutschland,allemagne,alemania,germania"),
	france:    lines("france,frankreich,francia"),
	italy:     lines("italy,italia,italien,italie"),
	spain:     lines("spain,espana,spanien,espagne,spagna"),
}

// noTowns are words with a capital that stand before numbers and are no town.
var noTowns = setOf(`zip code postcode postal status user order account customer case employee invoice error model version id number no ref
	reference http https date time total page line row version build release item product serial key type code value name phone tel fax
	january february march april may june july august september october november december monday tuesday wednesday thursday friday saturday sunday
	the a an and or in on at of for from to with is was by per see section chapter figure table eur usd gbp euro euros dollars pounds
	der die das ein eine und oder von mit bei fur stuck le la les un une et ou il lo uno el los y o
	api sdk tcp udp gmbh ag inc ltd llc corp company email mail web server client job task event request response`)
