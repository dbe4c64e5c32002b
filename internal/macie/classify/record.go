package classify

import (
	"encoding/json"

	"github.com/magpie-sec/magpie/internal/store"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// Record returns a document's sensitive data discovery result as one line of JSON (macie.md 8.3): the members of a finding less those that
// only findings have, all places that were kept, and for a member of an archive what it is called there. Type, title, description and severity
// are null when nothing was found.
func (d *Document) Record(s Subject) ([]byte, error) {
	r := record{
		AccountID: optional(s.Account), Category: macie2.FindingCategoryClassification, CreatedAt: s.Now.String(), UpdatedAt: s.Now.String(),
		ID: optional(s.ID), Partition: optional(s.Partition), Region: optional(s.Region), SchemaVersion: SchemaVersion,
		ClassificationDetails: recordDetails{
			Location: optional(s.Location), JobARN: optional(s.JobARN), JobID: optional(s.JobID), Origin: s.origin(), Result: d.recordResult(),
		},
	}
	if severity := d.Severity(); severity != nil {
		r.Severity = &recordSeverity{string(severity.Description), *severity.Score}
	}
	if kind := d.FindingType(); kind != "" {
		r.Type, r.Title, r.Description = optional(string(kind)), optional(Title(kind)), optional(Description(kind))
	}
	if s.Bucket != nil {
		bucket := *s.Bucket
		bucket.AllowsUnencryptedObjectUploads = "" // only findings have it
		r.ResourcesAffected.S3Bucket = wire.Marshal(&bucket)
	}
	r.ResourcesAffected.S3Object = recordObject{object: s.Object, member: d.member()}
	return json.Marshal(&r)
}

// A record is a line of a file of results. All its members are there, null where there is nothing to say.
type record struct {
	AccountID             *string                `json:"accountId"`
	Category              macie2.FindingCategory `json:"category"`
	ClassificationDetails recordDetails          `json:"classificationDetails"`
	CreatedAt             string                 `json:"createdAt"`
	Description           *string                `json:"description"`
	ID                    *string                `json:"id"`
	Partition             *string                `json:"partition"`
	Region                *string                `json:"region"`
	ResourcesAffected     struct {
		S3Bucket json.RawMessage `json:"s3Bucket"`
		S3Object recordObject    `json:"s3Object"`
	} `json:"resourcesAffected"`
	SchemaVersion string          `json:"schemaVersion"`
	Severity      *recordSeverity `json:"severity"`
	Title         *string         `json:"title"`
	Type          *string         `json:"type"`
	UpdatedAt     string          `json:"updatedAt"`
}

type recordSeverity struct {
	Description string `json:"description"`
	Score       int64  `json:"score"`
}

type recordDetails struct {
	Location *string           `json:"detailedResultsLocation"`
	JobARN   *string           `json:"jobArn"`
	JobID    *string           `json:"jobId"`
	Origin   macie2.OriginType `json:"originType"`
	Result   recordResult      `json:"result"`
}

type recordResult struct {
	CustomDataIdentifiers recordCustom     `json:"customDataIdentifiers"`
	MIMEType              *string          `json:"mimeType"`
	SensitiveData         []recordCategory `json:"sensitiveData"`
	SizeClassified        *int64           `json:"sizeClassified"`
	Status                recordStatus     `json:"status"`
}

type recordStatus struct {
	Code   *string `json:"code"`
	Reason *string `json:"reason"`
}

type recordCustom struct {
	Detections []recordCustomDetection `json:"detections"`
	TotalCount *int64                  `json:"totalCount"`
}

type recordCustomDetection struct {
	ARN         *string            `json:"arn"`
	Count       *int64             `json:"count"`
	Name        *string            `json:"name"`
	Occurrences *recordOccurrences `json:"occurrences"`
}

type recordCategory struct {
	Category   macie2.SensitiveDataItemCategory `json:"category"`
	Detections []recordDetection                `json:"detections"`
	TotalCount *int64                           `json:"totalCount"`
}

type recordDetection struct {
	Count       *int64             `json:"count"`
	Occurrences *recordOccurrences `json:"occurrences"`
	Type        *string            `json:"type"`
}

type recordOccurrences struct {
	Cells        []recordCell      `json:"cells"`
	LineRanges   []recordLineRange `json:"lineRanges"`
	OffsetRanges *struct{}         `json:"offsetRanges"` // reserved: always null
	Pages        []recordPage      `json:"pages"`
	Records      []recordRecord    `json:"records"`
}

type recordCell struct {
	CellReference *string `json:"cellReference"`
	Column        *int64  `json:"column"`
	ColumnName    *string `json:"columnName"`
	Row           *int64  `json:"row"`
}

type recordLineRange struct {
	End         *int64 `json:"end"`
	Start       *int64 `json:"start"`
	StartColumn *int64 `json:"startColumn"`
}

type recordPage struct {
	LineRange   *struct{} `json:"lineRange"`   // reserved: always null
	OffsetRange *struct{} `json:"offsetRange"` // the same
	PageNumber  *int64    `json:"pageNumber"`
}

type recordRecord struct {
	JSONPath    *string `json:"jsonPath,omitempty"`
	RecordIndex *int64  `json:"recordIndex"`
}

func (d *Document) recordResult() recordResult {
	result := d.ClassificationResult(MaxLocations * (len(d.Detections) + len(d.Custom)))
	r := recordResult{
		MIMEType: result.MimeType, SizeClassified: result.SizeClassified, Status: recordStatus{result.Status.Code, result.Status.Reason},
		SensitiveData: []recordCategory{}, CustomDataIdentifiers: recordCustom{[]recordCustomDetection{}, result.CustomDataIdentifiers.TotalCount},
	}
	for _, item := range result.SensitiveData {
		category := recordCategory{Category: item.Category, TotalCount: item.TotalCount}
		for _, found := range item.Detections {
			category.Detections = append(category.Detections, recordDetection{found.Count, recordPlaces(found.Occurrences), found.Type})
		}
		r.SensitiveData = append(r.SensitiveData, category)
	}
	for _, found := range result.CustomDataIdentifiers.Detections {
		r.CustomDataIdentifiers.Detections = append(r.CustomDataIdentifiers.Detections,
			recordCustomDetection{found.Arn, found.Count, found.Name, recordPlaces(found.Occurrences)})
	}
	return r
}

func recordPlaces(o *macie2.Occurrences) *recordOccurrences {
	if o == nil {
		return nil
	}
	r := &recordOccurrences{}
	for _, c := range o.Cells {
		r.Cells = append(r.Cells, recordCell{c.CellReference, c.Column, c.ColumnName, c.Row})
	}
	for _, l := range o.LineRanges {
		r.LineRanges = append(r.LineRanges, recordLineRange{l.End, l.Start, l.StartColumn})
	}
	for _, p := range o.Pages {
		r.Pages = append(r.Pages, recordPage{PageNumber: p.PageNumber})
	}
	for _, of := range o.Records {
		r.Records = append(r.Records, recordRecord{of.JsonPath, of.RecordIndex})
	}
	return r
}

// A recordObject is an S3Object with the member that the API's shape does not have, and without the one that only findings have.
type recordObject struct {
	object *macie2.S3Object
	member *embeddedFile
}

type embeddedFile struct {
	FilePath         string  `json:"filePath"`
	FileExtension    string  `json:"fileExtension"`
	FileSize         *int64  `json:"fileSize"`
	FileLastModified *string `json:"fileLastModified"`
}

// MarshalJSON writes the object with embeddedFileDetails as its last member.
func (o recordObject) MarshalJSON() ([]byte, error) {
	member, err := json.Marshal(o.member)
	if err != nil {
		return nil, err
	}
	b := []byte{'{'}
	if o.object != nil {
		object := *o.object
		object.VersionId = nil
		b = wire.Marshal(&object)
		b[len(b)-1] = ','
	}
	return append(append(append(b, `"embeddedFileDetails":`...), member...), '}'), nil
}

// member describes a member of an archive by its path from the object on; nil for the object itself.
func (d *Document) member() *embeddedFile {
	if len(d.Path) == 0 {
		return nil
	}
	m := &embeddedFile{FilePath: store.CleanText(d.MemberPath()), FileExtension: store.CleanText(d.Extension)}
	if d.Size >= 0 {
		m.FileSize = wire.Ptr(d.Size)
	}
	if !d.Modified.IsZero() {
		m.FileLastModified = wire.Ptr(wire.TimeOf(d.Modified).String())
	}
	return m
}
