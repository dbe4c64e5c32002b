package rtf

// action says what a control word means to us.
type action uint8

const (
	ignored     action = iota
	destination        // begins a destination
	character          // stands for text
	paragraph
	line
	tab
	cell
	row
	rowBegin
	rowHeader
	inTable
	nestedCell
	nestedRow
	unicodeRune
	unicodeSkip
	binaryData
	fontNumber
	fontCharset
	fontCodePage
	defaultFont
	codePage
	macCodePage
	dosCodePage
	dosCodePage850
	plain
	deleted
	htmlOff
	unicodePair
)

// A word is what is known of a control word.
type word struct {
	action action
	dest   dest
	text   string // of a character; of a property its name
}

// dest says what becomes of the text of a group.
type dest uint8

const (
	body        dest = iota
	aside            // text beside the text: a line of its own behind the paragraph
	skipped          // nothing
	property         // a line "name: value"
	fontTable        // fonts' names
	instruction      // of a field: only what it refers to counts
	shapeName        // of a property of a shape
	shapeValue       // its value
	object           // an embedded object
	objectData       // its bytes
	variables        // pairs of groups, name and value
	html             // a tag in encapsulated HTML
	info             // holds properties
	tableProps       // of a table within a table
	pair             // text twice: in the code page, and in Unicode
)

func chars(s string) word                 { return word{action: character, text: s} }
func to(d dest) word                      { return word{action: destination, dest: d} }
func named(name string) word              { return word{action: destination, dest: property, text: name} }
func does(a action) word                  { return word{action: a} }
func skip(m map[string]word, n ...string) { all(m, to(skipped), n) }

func all(m map[string]word, w word, names []string) {
	for _, n := range names {
		m[n] = w
	}
}

// words are the control words that matter. A destination that is not here is skipped if it is marked as optional, else its text is the text.
var words = func() map[string]word {
	m := map[string]word{
		"par": does(paragraph), "sect": does(paragraph), "page": does(paragraph), "column": does(paragraph), "line": does(line), "softline": does(line),
		"lbr": does(line), "tab": does(tab), "cell": does(cell), "row": does(row), "trowd": does(rowBegin), "intbl": does(inTable), "trhdr": does(rowHeader),
		"nestcell": does(nestedCell), "nestrow": does(nestedRow),
		"u": does(unicodeRune), "uc": does(unicodeSkip), "bin": does(binaryData), "f": does(fontNumber), "fcharset": does(fontCharset), "cpg": does(fontCodePage),
		"deff": does(defaultFont), "ansicpg": does(codePage), "mac": does(macCodePage), "pc": does(dosCodePage), "pca": does(dosCodePage850),
		"plain": does(plain), "deleted": does(deleted), "htmlrtf": does(htmlOff), "upr": does(unicodePair),

		"emdash": chars("—"), "endash": chars("–"), "lquote": chars("‘"), "rquote": chars("’"), "ldblquote": chars("“"), "rdblquote": chars("”"),
		"bullet": chars("•"), "emspace": chars(" "), "enspace": chars(" "), "qmspace": chars(" "),

		"fonttbl": to(fontTable), "info": to(info), "docvar": to(variables), "fldinst": to(instruction), "sn": to(shapeName), "sv": to(shapeValue),
		"object": to(object), "objdata": to(objectData), "htmltag": to(html), "ud": to(pair),

		"title": named("title"), "subject": named("subject"), "author": named("author"), "manager": named("manager"), "company": named("company"),
		"operator": named("operator"), "category": named("category"), "keywords": named("keywords"), "comment": named("comment"),
		"doccomm": named("comments"), "hlinkbase": named("link base"), "propname": to(variables),
		"staticval": {action: destination, dest: variables, text: "value"}, "linkval": {action: destination, dest: variables, text: "value"},
		"userprops": to(info),

		// Marked as optional, yet with text of people's.
		"shpinst": to(body), "nesttableprops": to(tableProps), "shppict": to(body), "fldrslt": to(body), "userprop": to(body), "formfield": to(body),
		"result": to(body), "hl": to(body), "background": to(body), "do": to(body), "falt": to(skipped), "sp": to(body), "pgdsc": to(body), "pgdscno": to(body), "mmath": to(body), "mr": to(body),
		"mt": to(body),
	}
	all(m, to(aside), []string{"header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf", "footnote", "annotation", "atnauthor",
		"shptxt", "dptxbxtext", "ffdeftext", "ffl", "ffhelptext", "ffstattext", "ffentrymcr", "xe", "hlsrc", "hlfr", "hlloc"})
	skip(m, "colortbl", "stylesheet", "filetbl", "listtable", "listoverridetable", "revtbl", "rsidtbl", "pict", "nonshppict", "themedata", "colorschememapping",
		"latentstyles", "datastore", "xmlnstbl", "mmathPr", "wgrffmtfilter", "pgptbl", "tc", "tcn", "private", "generator", "objclass", "objname", "objalias",
		"objsect", "objtime", "atnid", "atnref", "atnicn", "atndate", "atntime", "atnparent", "bkmkstart", "bkmkend", "fontemb", "fontfile", "panose", "listname",
		"liststylename", "listpicture", "nonesttables", "ftnsep", "ftnsepc", "ftncn", "aftnsep", "aftnsepc", "aftncn", "pntext", "listtext", "pn", "pnseclvl",
		"mhtmltag", "blipuid", "bliptag", "picprop", "passwordhash", "writereservhash", "fchars", "lchars", "template", "ffname", "ffformat", "datafield",
		"fldtype", "creatim", "revtim", "printim", "buptim", "oldcprops", "oldpprops", "oldtprops", "oldsprops", "protusertbl", "factoidname", "defchp", "defpap",
		"mvfmf", "mvfml", "mvtof", "mvtol", "xmlopen", "xmlclose", "xmlattrname", "xmlattrvalue", "ebcstart", "ebcend", "gridtbl", "lsdlockedexcept",
		"protstart", "protend", "bxe", "ixe", "rxe", "txe", "yxe", "mailmerge", "urtf", "abiframeprops", "abipixelsperinch", "pntxta", "pntxtb")
	return m
}()

// told are the properties of shapes whose values people wrote.
var told = map[string]bool{"wzDescription": true, "gtextUNICODE": true, "pihlShape": true, "wzTooltip": true, "hspNext": false}

// charsets are the code pages of fonts by \fcharset; 1252 where there is none.
var charsets = map[int]int{0: 1252, 2: 1252, 77: 10000, 78: 932, 79: 949, 80: 936, 81: 950, 83: 1253, 84: 1254, 85: 1257, 86: 1256, 87: 874, 88: 1250, 89: 1251,
	128: 932, 129: 949, 130: 949, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258, 177: 1255, 178: 1256, 179: 1256, 180: 1256, 181: 1255, 186: 1257, 204: 1251,
	222: 874, 238: 1250, 254: 437, 255: 850}
