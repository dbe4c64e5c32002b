package s3test

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
)

// An InventoryReport is an S3 Inventory report as Amazon S3 delivers it. The forms are those of the Amazon S3 User Guide, "Locating your
// inventory list" (names of files, manifest) and "Amazon S3 Inventory list" (fields), and of the API's InventoryConfiguration.
type InventoryReport struct {
	Bucket, Destination string
	Prefix, ID          string
	Begun               time.Time
	// Filter is the prefix of the keys that the configuration is about.
	Filter string
	// AllVersions adds the fields of versions.
	AllVersions bool
	// Fields are the optional ones; nil is Size, LastModifiedDate, ETag, StorageClass and EncryptionStatus.
	Fields []string
	// Data, if not nil, makes the data files, in Format and with DataSchema: the default is CSV.
	Data       func(rows []InventoryRow) string
	Format     string
	DataSchema string
	// Files are the rows of each data file.
	Files [][]InventoryRow
}

// An InventoryRow is a row of a report. Of its object Encryption.Type is what S3 calls the algorithm.
type InventoryRow struct {
	source.Object
	Old, Marker bool
}

// Schema returns the fields of the rows.
func (r *InventoryReport) Schema() []string {
	fields := []string{"Bucket", "Key"}
	if r.AllVersions {
		fields = append(fields, "VersionId", "IsLatest", "IsDeleteMarker")
	}
	if r.Fields == nil {
		return append(fields, "Size", "LastModifiedDate", "ETag", "StorageClass", "EncryptionStatus")
	}
	return append(fields, r.Fields...)
}

// Rows makes the rows of objects, in their order.
func Rows(objects ...source.Object) []InventoryRow {
	rows := make([]InventoryRow, len(objects))
	for i, o := range objects {
		rows[i].Object = o
	}
	return rows
}

// Base is where the report's folder and its data lie.
func (r *InventoryReport) Base() string {
	base := r.Bucket + "/" + r.ID + "/"
	if r.Prefix != "" {
		base = r.Prefix + "/" + base
	}
	return base
}

// Folder is the report's own folder.
func (r *InventoryReport) Folder() string {
	return r.Base() + r.Begun.UTC().Format("2006-01-02T15-04Z") + "/"
}

// Objects makes everything that the destination holds of the report, by key.
func (r *InventoryReport) Objects() map[string]string {
	type file struct {
		Key         string `json:"key"`
		Size        int    `json:"size"`
		MD5Checksum string `json:"MD5checksum"`
	}
	out := map[string]string{}
	files := []file{}
	for i, rows := range r.Files {
		body, extension := "", ".csv.gz"
		if r.Data != nil {
			body, extension = r.Data(rows), "."+strings.ToLower(r.Format)
		} else {
			body = r.csv(rows)
		}
		// Amazon S3 calls its files by random ids; here the order does not matter either.
		sum := md5.Sum(fmt.Appendf(nil, "%s %d %d", r.ID, r.Begun.Unix(), i))
		key := r.Base() + "data/" + hex.EncodeToString(sum[:]) + extension
		out[key] = body
		files = append(files, file{key, len(body), hexMD5(body)})
	}
	format, schema := "CSV", strings.Join(r.Schema(), ", ")
	if r.Data != nil {
		format, schema = r.Format, r.DataSchema
	}
	manifest, err := json.MarshalIndent(map[string]any{
		"sourceBucket": r.Bucket, "destinationBucket": "arn:aws:s3:::" + r.Destination, "version": "2016-11-30",
		"creationTimestamp": strconv.FormatInt(r.Begun.UnixMilli(), 10), "fileFormat": format, "fileSchema": schema,
		"files": files,
	}, "", "  ")
	if err != nil {
		panic(err)
	}
	out[r.Folder()+"manifest.json"] = string(manifest)
	out[r.Folder()+"manifest.checksum"] = hexMD5(string(manifest)) + "\n"
	return out
}

func hexMD5(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

// encryptionWords are S3 Inventory's, by the algorithm.
var encryptionWords = map[string]string{
	"AES256": "SSE-S3", "aws:kms": "SSE-KMS", "aws:kms:dsse": "DSSE-KMS", "SSE-C": "SSE-C", "NONE": "NOT-SSE",
}

func (r *InventoryReport) csv(rows []InventoryRow) string {
	var text bytes.Buffer
	zipped, _ := gzip.NewWriterLevel(&text, gzip.BestSpeed)
	var line []byte
	schema := r.Schema()
	for i := range rows {
		line = line[:0]
		for n, field := range schema {
			if n > 0 {
				line = append(line, ',')
			}
			line = append(line, '"')
			line = append(line, r.field(field, &rows[i])...)
			line = append(line, '"')
		}
		zipped.Write(append(line, '\n'))
	}
	zipped.Close()
	return text.String()
}

func (r *InventoryReport) field(name string, row *InventoryRow) string {
	if row.Marker && slices.Contains([]string{"Size", "ETag", "StorageClass", "EncryptionStatus"}, name) {
		return ""
	}
	switch name {
	case "Bucket":
		return r.Bucket
	case "Key":
		return strings.ReplaceAll(url.QueryEscape(row.Key), "%2F", "/")
	case "VersionId":
		return row.VersionID
	case "IsLatest":
		return strconv.FormatBool(!row.Old)
	case "IsDeleteMarker":
		return strconv.FormatBool(row.Marker)
	case "Size":
		return strconv.FormatInt(row.Size, 10)
	case "LastModifiedDate":
		return row.LastModified.UTC().Format("2006-01-02T15:04:05.000Z")
	case "ETag":
		return row.ETag
	case "StorageClass":
		return row.StorageClass
	case "EncryptionStatus":
		return encryptionWords[row.Encryption.Type]
	default:
		return "false"
	}
}

// Configurations answers ListBucketInventoryConfigurations with the configurations that make these reports.
func Configurations(reports ...*InventoryReport) string {
	var b strings.Builder
	text := func(s string) string {
		var out strings.Builder
		xml.EscapeText(&out, []byte(s))
		return out.String()
	}
	b.WriteString(`<ListInventoryConfigurationsResult xmlns="` + namespace + `">`)
	for _, r := range reports {
		fmt.Fprintf(&b, `<InventoryConfiguration><Id>%s</Id><IsEnabled>true</IsEnabled><Destination><S3BucketDestination><Format>CSV</Format>`+
			`<AccountId>123456789012</AccountId><Bucket>arn:aws:s3:::%s</Bucket>`, text(r.ID), text(r.Destination))
		if r.Prefix != "" {
			fmt.Fprintf(&b, `<Prefix>%s</Prefix>`, text(r.Prefix))
		}
		b.WriteString(`</S3BucketDestination></Destination><Schedule><Frequency>Daily</Frequency></Schedule>`)
		if r.Filter != "" {
			fmt.Fprintf(&b, `<Filter><Prefix>%s</Prefix></Filter>`, text(r.Filter))
		}
		versions := "Current"
		if r.AllVersions {
			versions = "All"
		}
		fmt.Fprintf(&b, `<IncludedObjectVersions>%s</IncludedObjectVersions><OptionalFields>`, versions)
		for _, f := range r.Schema()[2:] {
			fmt.Fprintf(&b, `<Field>%s</Field>`, f)
		}
		b.WriteString(`</OptionalFields></InventoryConfiguration>`)
	}
	b.WriteString(`<IsTruncated>false</IsTruncated></ListInventoryConfigurationsResult>`)
	return b.String()
}

// Deliver puts reports into their destinations, which must be there, and makes the proxy tell their configurations.
func (b *Bench) Deliver(t testing.TB, reports ...*InventoryReport) *Handle {
	t.Helper()
	for _, r := range reports {
		for key, body := range r.Objects() {
			b.Put(t, r.Destination, key, body)
		}
	}
	return b.On(Rule{Op: "ListBucketInventoryConfigurations", Bucket: reports[0].Bucket, Do: Document(Configurations(reports...))})
}
