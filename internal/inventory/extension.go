package inventory

import (
	"strings"

	"github.com/magpie-sec/magpie/internal/source"
)

// Eligible says whether an object can be analysed, by what an inventory sees of it: storage class and file name extension (Amazon Macie User
// Guide, "Supported storage classes and formats"). Whether it is analysed in the end is decided by its content.
type Eligible uint8

const (
	// Classifiable objects can be analysed.
	Classifiable Eligible = iota
	// ByStorageClass objects cannot, for their storage class, whatever their extension.
	ByStorageClass
	// ByFileType objects cannot, for their extension.
	ByFileType
)

// EligibilityOf judges an object.
func EligibilityOf(o source.Object) Eligible {
	switch {
	case o.StorageClass != "" && !storageClasses[o.StorageClass]:
		return ByStorageClass
	case !ClassifiableExtension(Extension(o.Key)):
		return ByFileType
	default:
		return Classifiable
	}
}

// storageClasses are those whose objects can be read at once. An object whose store names no class is read like STANDARD.
var storageClasses = map[string]bool{
	"STANDARD": true, "STANDARD_IA": true, "ONEZONE_IA": true, "INTELLIGENT_TIERING": true, "REDUCED_REDUNDANCY": true, "GLACIER_IR": true,
}

// Extension returns the file name extension of a key: what follows the last dot of its last part, in lower case. It is "" when there is no
// dot, nothing behind it, or nothing before it (".profile" has no extension).
func Extension(key string) string {
	name := key[strings.LastIndexByte(key, '/')+1:]
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 {
		return ""
	}
	return strings.ToLower(name[dot+1:])
}

// ClassifiableExtension reports whether objects with the extension count as classifiable. So do objects without one, which are text more
// often than not, and numbers ("app.log.1", "backup.2026"), which rotation puts behind the real extension. Every other extension must be in
// the list: Macie's documented formats, and, as it does not publish its further text formats, those that name text or source code.
func ClassifiableExtension(extension string) bool {
	return strings.Trim(extension, "0123456789-_") == "" || classifiable[extension]
}

// CompressedExtension reports whether objects with the extension count as compressed in size statistics (BucketMetadata.sizeInBytesCompressed).
func CompressedExtension(extension string) bool {
	return extension == "gz" || extension == "gzip" || extension == "zip"
}

var classifiable = extensions(
	// Documented: big data, compression and archives, documents, email, text.
	"avro parquet",
	"gz gzip tar zip tgz",
	"pdf doc docx xls xlsx",
	"eml",
	"csv tsv json jsonl xml htm html yaml yml txt",
	// Other names of those text formats.
	"tab psv ndjson ldjson geojson jsonld topojson har ipynb webmanifest xhtml xsd xsl xslt wsdl rss atom svg plist kml gpx",
	"text log out err md markdown rst adoc asciidoc tex bib org wiki rtf ics ical vcf vcard ldif srt vtt po pot",
	"ini cfg conf config cnf properties props env toml hcl tf tfvars tfstate editorconfig gitconfig npmrc netrc reg inf service",
	// Keys and certificates in their text form.
	"pem crt cer csr key pub asc ppk ovpn",
	// Source code and scripts.
	"c h cc cpp cxx hh hpp hxx cs java kt kts scala groovy gradle clj cljs go rs swift m mm d zig nim v pas f f90 for cob cbl",
	"py pyi pyw rb erb pl pm php phtml lua tcl r jl hs ml mli fs fsx ex exs erl hrl lisp el scm dart",
	"js mjs cjs jsx ts mts cts tsx vue svelte coffee css scss sass less ejs hbs mustache tmpl tpl jinja j2",
	"sh bash zsh fish ksh csh bat cmd ps1 psm1 awk sed vbs applescript mk cmake make dockerfile",
	"sql ddl dml psql plsql pks pkb graphql gql proto thrift avsc",
	"diff patch eslintrc babelrc lock sum mod",
	// Data interchange as text.
	"hl7 x12 edi edifact fix mt940 sta ofx qif dat lst dump",
)

func extensions(lists ...string) map[string]bool {
	all := map[string]bool{}
	for _, list := range lists {
		for _, e := range strings.Fields(list) {
			all[e] = true
		}
	}
	return all
}
