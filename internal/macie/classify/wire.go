package classify

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/text"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// MaxFindingLocations is how many places one finding shows over all its types.
const MaxFindingLocations = 15

// ClassificationResult returns the document's result in the shape of a finding, with at most locations places, depth first over the types.
func (d *Document) ClassificationResult(locations int) *macie2.ClassificationResult {
	result := &macie2.ClassificationResult{
		MimeType:              wire.Ptr(d.MIME),
		SizeClassified:        wire.Ptr(d.Status.Bytes),
		Status:                &macie2.ClassificationResultStatus{Code: wire.Ptr(string(d.Status.Code))},
		SensitiveData:         []macie2.SensitiveDataItem{},
		CustomDataIdentifiers: &macie2.CustomDataIdentifiers{TotalCount: wire.Ptr[int64](0), Detections: []macie2.CustomDetection{}},
	}
	if d.Status.Reason != "" {
		result.Status.Reason = wire.Ptr(string(d.Status.Reason))
	}
	more := false
	for _, found := range d.Detections {
		shown := found.Locations[:min(locations, len(found.Locations))]
		locations -= len(shown)
		more = more || int64(len(shown)) < found.Count
		category := macie2.SensitiveDataItemCategory(found.Identifier.Category)
		if n := len(result.SensitiveData); n == 0 || result.SensitiveData[n-1].Category != category {
			result.SensitiveData = append(result.SensitiveData, macie2.SensitiveDataItem{Category: category, TotalCount: wire.Ptr[int64](0)})
		}
		item := &result.SensitiveData[len(result.SensitiveData)-1]
		*item.TotalCount += found.Count
		item.Detections = append(item.Detections, macie2.DefaultDetection{
			Type:        wire.Ptr(found.Identifier.ID),
			Count:       wire.Ptr(found.Count),
			Occurrences: occurrences(shown),
		})
	}
	for _, found := range d.Custom {
		shown := found.Locations[:min(locations, len(found.Locations))]
		locations -= len(shown)
		more = more || int64(len(shown)) < found.Count
		*result.CustomDataIdentifiers.TotalCount += found.Count
		result.CustomDataIdentifiers.Detections = append(result.CustomDataIdentifiers.Detections, macie2.CustomDetection{
			Arn:         optional(found.Definition.ARN),
			Name:        wire.Ptr(found.Definition.Name),
			Count:       wire.Ptr(found.Count),
			Occurrences: occurrences(shown),
		})
	}
	result.AdditionalOccurrences = wire.Ptr(more)
	return result
}

// occurrences returns nil without locations: archives and types beyond the limit show none.
func occurrences(locations []text.Location) *macie2.Occurrences {
	if len(locations) == 0 {
		return nil
	}
	o := &macie2.Occurrences{}
	for i := range locations {
		switch l := &locations[i]; {
		case l.Kind == text.Pages:
			o.Pages = append(o.Pages, macie2.Page{PageNumber: wire.Ptr(l.Row)})
		case l.Kind == text.Cells && l.Field != nil:
			o.Cells = append(o.Cells, cell(l))
		case l.Kind == text.Records && l.Field != nil:
			o.Records = append(o.Records, recordOf(l))
		default:
			o.LineRanges = append(o.LineRanges, macie2.Range{
				Start: wire.Ptr(l.Line), End: wire.Ptr(l.EndLine), StartColumn: wire.Ptr(l.Column),
			})
		}
	}
	return o
}

func recordOf(l *text.Location) macie2.Record {
	r := macie2.Record{RecordIndex: wire.Ptr(l.Row)}
	if l.Field != unnamed {
		r.JsonPath = wire.Ptr(l.Field.JSONPath(l.Indexes))
	}
	return r
}

func cell(l *text.Location) macie2.Cell {
	c := macie2.Cell{Row: wire.Ptr(l.Row), Column: wire.Ptr(int64(l.Field.Column))}
	if len(l.Field.Names) > 0 {
		c.ColumnName = wire.Ptr(strings.Join(l.Field.Names, " "))
	}
	if l.Field.Sheet != "" && l.Field.Column > 0 {
		c.CellReference = wire.Ptr(cellReference(l.Field.Sheet, l.Field.Column, l.Row))
	}
	return c
}

// cellReference writes a reference as it stands in formulas: "Sheet2!C5". A sheet's name that could be mistaken is quoted ("'May 2026'!C5").
func cellReference(sheet string, column int, row int64) string {
	var letters []byte
	for ; column > 0; column = (column - 1) / 26 {
		letters = append(letters, byte('A'+(column-1)%26))
	}
	slices.Reverse(letters)
	if !isPlainSheet(sheet) {
		sheet = "'" + strings.ReplaceAll(sheet, "'", "''") + "'"
	}
	return sheet + "!" + string(letters) + strconv.FormatInt(row, 10)
}

// isPlainSheet says that a sheet's name needs no quotes: letters, digits and underscores, not first a digit, and no cell's name.
func isPlainSheet(name string) bool {
	letters, digits := 0, 0
	for _, r := range name {
		switch {
		case unicode.IsLetter(r) && digits == 0:
			letters++
		case r >= '0' && r <= '9' && letters > 0:
			digits++
		case r == '_', unicode.IsLetter(r), unicode.IsDigit(r) && letters > 0:
			letters = 4 // no cell is called so
		default:
			return false
		}
	}
	return digits == 0 || letters > 3
}

// categoryTypes are the types of findings in which everything is of one category (macie.md 5.1).
var categoryTypes = map[detect.Category]macie2.FindingType{
	detect.Credentials:          macie2.FindingTypeSensitiveDataS3ObjectCredentials,
	detect.FinancialInformation: macie2.FindingTypeSensitiveDataS3ObjectFinancial,
	detect.PersonalInformation:  macie2.FindingTypeSensitiveDataS3ObjectPersonal,
}

// FindingType returns the type of the finding that the document makes; "" when nothing was found that makes one.
func (d *Document) FindingType() macie2.FindingType {
	var kind macie2.FindingType
	for _, found := range d.Detections {
		of := categoryTypes[found.Identifier.Category]
		if kind != "" && kind != of {
			return macie2.FindingTypeSensitiveDataS3ObjectMultiple
		}
		kind = of
	}
	if !slices.ContainsFunc(d.Custom, func(found CustomDetection) bool { return found.Definition.Level(found.Count) > 0 }) {
		return kind
	}
	if kind != "" {
		return macie2.FindingTypeSensitiveDataS3ObjectMultiple
	}
	return macie2.FindingTypeSensitiveDataS3ObjectCustomIdentifier
}

// Severity returns the highest severity over the types and custom data identifiers found; nil when nothing was found that makes a finding.
func (d *Document) Severity() *macie2.Severity {
	var highest detect.Level
	for _, found := range d.Detections {
		highest = max(highest, found.Identifier.Severity.At(found.Count))
	}
	for _, found := range d.Custom {
		highest = max(highest, found.Definition.Level(found.Count))
	}
	if highest == 0 {
		return nil
	}
	return &macie2.Severity{Score: wire.Ptr(int64(highest)), Description: SeverityDescription(highest)}
}

// SeverityDescription returns the wire's word for a severity.
func SeverityDescription(s detect.Level) macie2.SeverityDescription {
	return macie2.SeverityDescription(s.String())
}

// Title returns the title of a sensitive data finding of a type. Those that are known of the service end with a full stop, or not
// (macie.md 5.4); ours do.
func Title(t macie2.FindingType) string { return "The S3 object contains " + contents[t] + "." }

// Description returns one sentence more than Title.
func Description(t macie2.FindingType) string {
	return Title(t) + " The occurrences say where in the object; the counts are in the result."
}

var contents = map[macie2.FindingType]string{
	macie2.FindingTypeSensitiveDataS3ObjectCredentials:      "credentials data",
	macie2.FindingTypeSensitiveDataS3ObjectFinancial:        "financial information",
	macie2.FindingTypeSensitiveDataS3ObjectPersonal:         "personal information",
	macie2.FindingTypeSensitiveDataS3ObjectCustomIdentifier: "text that matches custom data identifiers",
	macie2.FindingTypeSensitiveDataS3ObjectMultiple:         "multiple categories of sensitive data",
}
