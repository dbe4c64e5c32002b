package classify

import (
	"encoding/json"
	"strconv"

	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// A Recorder writes the records of documents one after the other, as [Document.Record] does: most objects hold nothing, and what is said of those is
// the same but for a few members. It is for one goroutine; the zero value is ready.
type Recorder struct {
	line       []byte
	bucket     *macie2.S3Bucket
	bucketJSON []byte // nil if it has to be written with more care than here
}

// Record returns a document's result as one line of JSON, which is the caller's until the next call.
func (r *Recorder) Record(d *Document, s Subject) ([]byte, error) {
	if len(d.Detections) == 0 && len(d.Custom) == 0 && len(d.Path) == 0 && s.Bucket != nil && s.Object != nil {
		if r.bucket != s.Bucket {
			bucket := *s.Bucket
			bucket.AllowsUnencryptedObjectUploads = ""
			r.bucket, r.bucketJSON = s.Bucket, wire.Marshal(&bucket)
			if !plain(r.bucketJSON) {
				r.bucketJSON = nil
			}
		}
		if r.bucketJSON != nil && r.nothing(d, &s) {
			return r.line, nil
		}
	}
	return d.Record(s)
}

// nothing writes the record of a document without detections; false if the object's part has to be written with more care.
func (r *Recorder) nothing(d *Document, s *Subject) bool {
	b := append(r.line[:0], `{"accountId":`...)
	text := func(s string) { b = appendText(b, s) }
	or := func(s string) {
		if s == "" {
			b = append(b, "null"...)
		} else {
			text(s)
		}
	}
	or(s.Account)
	b = append(b, `,"category":"`...)
	b = append(b, macie2.FindingCategoryClassification...)
	b = append(b, `","classificationDetails":{"detailedResultsLocation":`...)
	or(s.Location)
	b = append(b, `,"jobArn":`...)
	or(s.JobARN)
	b = append(b, `,"jobId":`...)
	or(s.JobID)
	b = append(b, `,"originType":"`...)
	b = append(b, s.origin()...)
	b = append(b, `","result":{"customDataIdentifiers":{"detections":[],"totalCount":0},"mimeType":`...)
	text(d.MIME)
	b = append(b, `,"sensitiveData":[],"sizeClassified":`...)
	b = strconv.AppendInt(b, d.Status.Bytes, 10)
	b = append(b, `,"status":{"code":`...)
	text(string(d.Status.Code))
	b = append(b, `,"reason":`...)
	or(string(d.Status.Reason))
	now := s.Now.String()
	b = append(b, `}}},"createdAt":`...)
	text(now)
	b = append(b, `,"description":null,"id":`...)
	or(s.ID)
	b = append(b, `,"partition":`...)
	or(s.Partition)
	b = append(b, `,"region":`...)
	or(s.Region)
	b = append(b, `,"resourcesAffected":{"s3Bucket":`...)
	b = append(b, r.bucketJSON...)
	b = append(b, `,"s3Object":`...)
	object := *s.Object
	object.VersionId = nil
	from := len(b)
	b = wire.AppendJSON(b, &object)
	r.line = b
	if !plain(b[from:]) || b[len(b)-2] == '{' {
		return false
	}
	b[len(b)-1] = ','
	b = append(b, `"embeddedFileDetails":null}},"schemaVersion":"`+SchemaVersion+`","severity":null,"title":null,"type":null,"updatedAt":`...)
	text(now)
	r.line = append(b, '}')
	return true
}

// appendText appends a text as encoding/json writes it.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // never fails
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// plain says whether JSON without white space has nothing that encoding/json would write in another way within a document.
func plain(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c >= 0x7f || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}
