package s3

import (
	"crypto/md5"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
)

func FuzzManifest(f *testing.F) {
	const at = "p/b/id/data/"
	f.Add([]byte(`{"sourceBucket": "b", "destinationBucket": "arn:aws:s3:::d", "version": "2016-11-30", "creationTimestamp": "1514944800000", "fileFormat": "CSV",
		"fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass",
		"files": [{"key": "` + at + `x.csv.gz", "size": 2147483647, "MD5checksum": "f11166069f1990abeb9c97ace9cdfabc"}]}`))
	f.Add([]byte(`{"sourceBucket": "b", "destinationBucket": "arn:aws:s3:::d", "creationTimestamp": "1", "fileFormat": "Parquet", "fileSchema":
		"message s3.inventory { required binary bucket (UTF8); required binary key (UTF8); optional int64 size; optional int64 last_modified_date (TIMESTAMP_MILLIS); optional binary e_tag (UTF8); optional binary storage_class (UTF8); }", "files": []}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		sum := md5.Sum(text)
		m, err := parseManifest(text, []byte(hex.EncodeToString(sum[:])), &report{source: "b", destination: "d", base: "p/b/id/", begun: time.Unix(1, 0)})
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, file := range m.Files {
			if !strings.HasPrefix(file.Key, at) || seen[file.Key] || file.Size < 0 {
				t.Errorf("file %+v", file)
			}
			seen[file.Key] = true
		}
		for i, at := range m.columns.at {
			if at >= m.columns.all || at < 0 && i < columnEncryption {
				t.Errorf("column %d at %d of %d", i, at, m.columns.all)
			}
		}
	})
}

func FuzzReportCSV(f *testing.F) {
	schema := "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass, EncryptionStatus"
	f.Add(`"b","a%20b+c/%FF","v","true","false","12","2026-01-02T03:04:05.678Z","d41d8cd98f00b204e9800998ecf8427e-2","STANDARD","SSE-S3"` + "\n")
	f.Add(`b,k,,false,true,,2026-01-02T03:04:05Z,,,` + "\r\n" + `"b","""quoted""","","true","false","1","2024-02-29T00:00:00.000Z","x","GLACIER",""`)
	columns, err := columnsOf("CSV", schema)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sp := newSpool("", 1<<20, 256)
		defer sp.close()
		var all []source.Object
		err := readRows(strings.NewReader(text), "b", &columns, func(o *source.Object) error {
			if o.Key == "" || len(o.Key) > maxKey || o.ETag == "" || o.Size < 0 || o.LastModified.IsZero() || o.LastModified.Nanosecond() != 0 {
				t.Errorf("object %+v", *o)
			}
			all = append(all, *o)
			return sp.add(o)
		})
		if err != nil {
			return
		}
		if err := sp.finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		known := map[source.Object]bool{}
		keys := map[string]bool{}
		for _, o := range all {
			known[o], keys[o.Key] = true, true
		}
		last, n := "", 0
		if err := sp.yield(func(o source.Object) (bool, error) {
			if o.Key <= last || !known[o] {
				t.Errorf("%+v behind %q", o, last)
			}
			last = o.Key
			n++
			return true, nil
		}); err != nil || n != len(keys) {
			t.Errorf("%d objects of %d keys, %v", n, len(keys), err)
		}
	})
}

// TestDamagedSpool answers an error to every byte that fell over, or the rows, and never more than it may read.
func TestDamagedSpool(t *testing.T) {
	for i := range 200 {
		sp := newSpool(t.TempDir(), 1<<20, 1<<20)
		for _, key := range []string{"a/1", "a/2", "b", "c/long/er"} {
			if err := sp.add(&source.Object{Key: key, ETag: "tag", LastModified: time.Unix(1, 0)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := sp.finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := sp.file.file.WriteAt([]byte{0xff}, int64(i)%sp.file.size); err != nil {
			t.Fatal(err)
		}
		n := 0
		err := sp.yield(func(source.Object) (bool, error) { n++; return true, nil })
		if n > 4 || n < 4 && err == nil {
			t.Errorf("byte %d: %d rows, %v", i, n, err)
		}
		sp.close()
	}
}
