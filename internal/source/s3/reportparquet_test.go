package s3_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	library "github.com/parquet-go/parquet-go"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
)

// parquetSchema is the manifest's, in the form of the Amazon S3 User Guide ("Locating your inventory list").
const parquetSchema = "message s3.inventory { required binary bucket (UTF8); required binary key (UTF8); optional int64 size; " +
	"optional int64 last_modified_date (TIMESTAMP_MILLIS); optional binary e_tag (UTF8); optional binary storage_class (UTF8); " +
	"optional boolean is_multipart_uploaded; optional binary replication_status (UTF8); optional binary encryption_status (UTF8); }"

// A parquetRow is a row of a report in Parquet.
type parquetRow struct {
	Bucket     string  `parquet:"bucket"`
	Key        string  `parquet:"key"`
	Size       *int64  `parquet:"size,optional"`
	Modified   *int64  `parquet:"last_modified_date,optional,timestamp(millisecond)"`
	ETag       *string `parquet:"e_tag,optional"`
	Class      *string `parquet:"storage_class,optional"`
	Multipart  *bool   `parquet:"is_multipart_uploaded,optional"`
	Replicated *string `parquet:"replication_status,optional"`
	Encryption *string `parquet:"encryption_status,optional"`
}

func asParquet(change func(*parquetRow), options ...library.WriterOption) func(rows []s3test.InventoryRow) string {
	return func(rows []s3test.InventoryRow) string {
		words := map[string]string{"AES256": "SSE-S3", "aws:kms": "SSE-KMS", "aws:kms:dsse": "DSSE-KMS", "SSE-C": "SSE-C", "NONE": "NOT-SSE"}
		var b bytes.Buffer
		w := library.NewGenericWriter[parquetRow](&b, options...)
		for _, row := range rows {
			size, modified, tag, class, multipart, encryption := row.Size, row.LastModified.UnixMilli()+123, row.ETag, row.StorageClass, false, words[row.Encryption.Type]
			p := parquetRow{Bucket: "b", Key: row.Key, Size: &size, Modified: &modified, ETag: &tag, Class: &class, Multipart: &multipart, Encryption: &encryption}
			if change != nil {
				change(&p)
			}
			w.Write([]parquetRow{p})
		}
		w.Close()
		return b.String()
	}
}

func parquetReport(data func([]s3test.InventoryRow) string, files ...[]s3test.InventoryRow) *s3test.InventoryReport {
	r := plainReport(files...)
	r.Format, r.DataSchema, r.Data = "Parquet", parquetSchema, data
	return r
}

func TestParquetReport(t *testing.T) {
	keys := []string{"a b", "a+b", "a%20b", "é", "z/\n", strings.Repeat("k", 1024)}
	for i := range 3000 {
		keys = append(keys, "many/"+strings.Repeat("x", i%100)+string(rune('a'+i%26))+strings.Repeat("y", i/100))
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	want := reportedAll(keys)
	rows := s3test.Rows(want...)
	for name, data := range map[string]func([]s3test.InventoryRow) string{
		"snappy":           asParquet(nil, library.Compression(&library.Snappy)),
		"small row groups": asParquet(nil, library.MaxRowsPerRowGroup(100), library.Compression(&library.Zstd)),
		"small pages":      asParquet(nil, library.PageBufferSize(512)),
	} {
		t.Run(name, func(t *testing.T) {
			r := newReporting(t, parquetReport(data, rows[1000:], rows[:1000]))
			got, told, err := listReported(t, r.open(t, nil), source.ListOptions{})
			if err != nil || told.Name == "" || !slices.Equal(got, want) {
				t.Errorf("%d objects, %+v, %v, want %d", len(got), told, err, len(want))
			}
		})
	}
	for name, test := range map[string]struct {
		change func(*parquetRow)
		reason string
	}{
		"no size":                  {func(r *parquetRow) { r.Size = nil }, "size"},
		"no entity tag":            {func(r *parquetRow) { r.ETag = nil }, "entity tag"},
		"no time":                  {func(r *parquetRow) { r.Modified = nil }, "changed"},
		"another bucket":           {func(r *parquetRow) { r.Bucket = "c" }, "another bucket"},
		"no bucket":                {func(r *parquetRow) { r.Bucket = "" }, "another bucket"},
		"an empty key":             {func(r *parquetRow) { r.Key = "" }, "none of S3"},
		"a key that is no text":    {func(r *parquetRow) { r.Key = "a\xff" }, "no text"},
		"a key of a hundred KB":    {func(r *parquetRow) { r.Key = strings.Repeat("k", 100_000) }, "too long"},
		"a size that cannot be":    {func(r *parquetRow) { n := int64(-1); r.Size = &n }, "size"},
		"a time that cannot be":    {func(r *parquetRow) { n := int64(1 << 62); r.Modified = &n }, "changed"},
		"a class with a line feed": {func(r *parquetRow) { s := "A\nB"; r.Class = &s }, "storage class"},
	} {
		r := newReporting(t, parquetReport(asParquet(test.change), rows[:2]))
		got, told, err := listReported(t, r.open(t, nil), source.ListOptions{})
		if err != nil || len(got) != 1 || got[0].Key != "live" || !strings.Contains(told.Reason, test.reason) {
			t.Errorf("%s: %v, %+v, %v", name, got, told, err)
		}
	}
	versions := parquetReport(asParquet(nil), rows[:2])
	versions.DataSchema = strings.Replace(parquetSchema, "optional int64 size;", "optional boolean is_latest; optional boolean is_delete_marker; optional int64 size;", 1)
	if got, told, err := listReported(t, newReporting(t, versions).open(t, nil), source.ListOptions{}); err != nil || got[0].Key != "live" || !strings.Contains(told.Reason, "CSV only") {
		t.Errorf("all versions: %v, %+v, %v", got, told, err)
	}
}
