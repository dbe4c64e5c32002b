package extract

import (
	"strings"
	"time"

	"github.com/magpie-sec/magpie/internal/text"
)

// A Document is one thing with text of its own: the object itself, or a member of an archive.
type Document struct {
	// Path holds the names of the members from outside in; empty for the object itself. A member's name is the path inside its archive
	// ("2024/payroll.csv"), so that ["backup.tar", "2024/payroll.csv"] is a file in a tar in the object.
	Path []string
	// Name is the object's name, or the last element of Path.
	Name string
	// MIME is the type that was found in the content, without parameters ("text/csv"), whatever the name says.
	MIME string
	// Extension is what follows the last dot of the last element of Name, as written there; "" without one.
	Extension string
	// Size is in bytes, -1 when it is not known beforehand.
	Size int64
	// Modified is when the object or member was last changed; zero when not known.
	Modified time.Time
	// Kind says how most places of this document are named. What could not be parsed is delivered as running text whatever the kind.
	Kind text.Kind
}

// Code says how much of a document was analysed, in Macie's words.
type Code string

const (
	Complete Code = "COMPLETE" // all of it
	Partial  Code = "PARTIAL"  // only some
	Skipped  Code = "SKIPPED"  // nothing
)

// Reason says why a document was not analysed wholly: those of Macie's status reasons that the extraction decides. "" with Complete.
type Reason string

const (
	// ArchiveContainsUnprocessedFiles: some or no members of the archive were analysed.
	ArchiveContainsUnprocessedFiles Reason = "ARCHIVE_CONTAINS_UNPROCESSED_FILES"
	// ArchiveExceedsSizeLimit: the archive is over the size quota of its format.
	ArchiveExceedsSizeLimit Reason = "ARCHIVE_EXCEEDS_SIZE_LIMIT"
	// ArchiveNestingLevelOverLimit: archives stand in one another deeper than Limits.Depth.
	ArchiveNestingLevelOverLimit Reason = "ARCHIVE_NESTING_LEVEL_OVER_LIMIT"
	// ArchiveTotalBytesExtractedOverLimit: over Limits.ExtractedBytes or Limits.Ratio.
	ArchiveTotalBytesExtractedOverLimit Reason = "ARCHIVE_TOTAL_BYTES_EXTRACTED_OVER_LIMIT"
	// ArchiveTotalDocumentsProcessedOverLimit: more than Limits.Members members.
	ArchiveTotalDocumentsProcessedOverLimit Reason = "ARCHIVE_TOTAL_DOCUMENTS_PROCESSED_OVER_LIMIT"
	// FileExceedsSizeLimit: the file is over the size quota of its format, or the member over Limits.MemberBytes.
	FileExceedsSizeLimit Reason = "FILE_EXCEEDS_SIZE_LIMIT"
	// JSONNestingLevelOverLimit: JSON nested deeper than Limits.JSONDepth.
	JSONNestingLevelOverLimit Reason = "JSON_NESTING_LEVEL_OVER_LIMIT"
	// MalformedFile: the type could not be found out, or the data ended or broke while it was being extracted.
	MalformedFile Reason = "MALFORMED_FILE"
	// MalformedOrFileSizeExceedsLimit: a Microsoft Office file that is malformed or too large.
	MalformedOrFileSizeExceedsLimit Reason = "MALFORMED_OR_FILE_SIZE_EXCEEDS_LIMIT"
	// OOXMLUncompressedRatioExceedsLimit: an Office Open XML file that is compressed too well.
	OOXMLUncompressedRatioExceedsLimit Reason = "OOXML_UNCOMPRESSED_RATIO_EXCEEDS_LIMIT"
	// OOXMLUncompressedSizeExceedsLimit: an Office Open XML file that expands too far.
	OOXMLUncompressedSizeExceedsLimit Reason = "OOXML_UNCOMPRESSED_SIZE_EXCEEDS_LIMIT"
	// TimeCutOffReached: over Limits.Time.
	TimeCutOffReached Reason = "TIME_CUT_OFF_REACHED"
	// UnableToParseFile: structured data that does not parse, and cannot be read as text either.
	UnableToParseFile Reason = "UNABLE_TO_PARSE_FILE"
	// UnsupportedFileType: a format that we do not read, or an encrypted member.
	UnsupportedFileType Reason = "UNSUPPORTED_FILE_TYPE_EXCEPTION"
)

// A Result says what became of a document.
type Result struct {
	Code   Code
	Reason Reason
	// Bytes counts what was analysed: the document's own bytes as stored (before any decoding of charsets), for an archive those of its
	// members.
	Bytes int64
}

// A Sink takes what an Extractor finds, in the document's order, from one goroutine. Every document is begun and ended, also one that is
// skipped; a member begins and ends between its archive's Begin and End. After an error of any kind nothing more is called, so that
// documents may stay open. An error stops the extraction and comes back from Extract unchanged.
type Sink interface {
	Begin(Document) error
	// Text receives the next stretch of the document that was begun last and not ended. The block's memory is reused afterwards.
	Text(*text.Block) error
	End(Document, Result) error
}

// Extension returns what follows the last dot in the last element of a name, "" if there is nothing. A leading dot counts as well: the
// extension of ".env" is "env".
func Extension(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return ""
	}
	return name[dot+1:]
}
