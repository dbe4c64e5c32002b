package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxManifest is how long a manifest may be: some 50,000 files, of which Amazon S3 makes one for each million of objects or so.
	maxManifest = 8 << 20
	// maxChecksum is how long the checksum of a manifest may be, which has 32 digits and perhaps the end of a line.
	maxChecksum = 256
)

// A manifest says what a report consists of (Amazon S3 User Guide, "Locating your inventory list").
type manifest struct {
	SourceBucket      string         `json:"sourceBucket"`
	DestinationBucket string         `json:"destinationBucket"` // an ARN
	CreationTimestamp string         `json:"creationTimestamp"` // milliseconds since 1970
	FileFormat        string         `json:"fileFormat"`        // CSV, Parquet, ORC
	FileSchema        string         `json:"fileSchema"`
	Files             []manifestFile `json:"files"`

	columns columns
	created time.Time
}

type manifestFile struct {
	Key         string `json:"key"`
	Size        int64  `json:"size"`
	MD5Checksum string `json:"MD5checksum"`

	sum [md5.Size]byte
}

// manifest reads the manifest of a report, and sets the report's begun to when it began for certain.
func (s *Store) manifest(ctx context.Context, r *report) (*manifest, error) {
	at := r.base + r.folder + "/"
	// The checksum comes last, so that a report without one is not complete.
	sum, err := s.small(ctx, r.destination, at+"manifest.checksum", maxChecksum)
	if err != nil {
		return nil, fmt.Errorf("manifest.checksum: %w", err)
	}
	text, err := s.small(ctx, r.destination, at+"manifest.json", maxManifest)
	if err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	m, err := parseManifest(text, sum, r)
	if err != nil {
		return nil, err
	}
	if now := s.opts.Reports.Now(); m.created.Before(r.begun) {
		if r.begun = m.created; r.begun.Before(now.Add(-s.opts.Reports.MaxAge)) {
			return nil, errors.New("the manifest is older than its folder says, and too old")
		}
	}
	return m, nil
}

// parseManifest reads a manifest and refuses one that is not about the report, names files that are not beside it, or tells too little.
func parseManifest(text, checksum []byte, r *report) (*manifest, error) {
	want, err := hex.DecodeString(string(bytes.TrimSpace(checksum)))
	if got := md5.Sum(text); err != nil || subtle.ConstantTimeCompare(got[:], want) != 1 {
		return nil, errors.New("the manifest is not that of its checksum")
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, errors.New("the manifest does not parse")
	}
	if m.SourceBucket != r.source {
		return nil, errors.New("the manifest is about another bucket")
	}
	if b, ok := bucketOfARN(m.DestinationBucket); !ok || b != r.destination {
		return nil, errors.New("the manifest is of another destination")
	}
	ms, err := strconv.ParseInt(m.CreationTimestamp, 10, 64)
	if err != nil || ms < 0 || ms > time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() {
		return nil, errors.New("the manifest does not tell when it was made")
	}
	m.created = time.UnixMilli(ms).UTC()
	if m.columns, err = columnsOf(m.FileFormat, m.FileSchema); err != nil {
		return nil, err
	}
	for i := range m.Files {
		f := &m.Files[i]
		if rest, ok := strings.CutPrefix(f.Key, r.base+"data/"); !ok || rest == "" || strings.Contains(rest, "/") {
			return nil, errors.New("the manifest names a file outside its destination")
		}
		if n, err := hex.Decode(f.sum[:], []byte(limited(f.MD5Checksum, 2*md5.Size))); err != nil || n != md5.Size || len(f.MD5Checksum) != 2*md5.Size || f.Size < 0 {
			return nil, errors.New("the manifest does not tell the size and the checksum of a file")
		}
	}
	byKey := slices.Clone(m.Files)
	slices.SortFunc(byKey, func(a, b manifestFile) int { return strings.Compare(a.Key, b.Key) })
	if len(slices.CompactFunc(byKey, func(a, b manifestFile) bool { return a.Key == b.Key })) != len(m.Files) {
		return nil, errors.New("the manifest names a file twice")
	}
	return &m, nil
}

func limited(s string, n int) string { return s[:min(len(s), n)] }

// Columns of a report. Its rows have more, of which nothing is wanted.
const (
	columnBucket = iota
	columnKey
	columnSize
	columnModified
	columnETag
	columnClass
	columnEncryption
	columnLatest
	columnMarker
	columnCount
)

// columnNames are those of files in CSV and those of Parquet (Amazon S3 User Guide, "Amazon S3 Inventory list").
var columnNames = [columnCount][2]string{
	columnBucket: {"Bucket", "bucket"}, columnKey: {"Key", "key"}, columnSize: {"Size", "size"}, columnModified: {"LastModifiedDate", "last_modified_date"},
	columnETag: {"ETag", "e_tag"}, columnClass: {"StorageClass", "storage_class"}, columnEncryption: {"EncryptionStatus", "encryption_status"},
	columnLatest: {"IsLatest", "is_latest"}, columnMarker: {"IsDeleteMarker", "is_delete_marker"},
}

// columns say where in a row what is wanted stands.
type columns struct {
	format string           // CSV or Parquet
	at     [columnCount]int // -1: the report does not have it
	all    int              // columns of a row; of CSV
}

// columnsOf finds the columns of a schema.
func columnsOf(format, schema string) (columns, error) {
	c := columns{format: format}
	var names []string
	form := 1
	switch format {
	case "CSV":
		form = 0
		names = strings.Split(schema, ",")
		for i := range names {
			names[i] = strings.TrimSpace(names[i])
		}
	case "Parquet":
		names = schemaWords(schema)
	case "ORC":
		return c, errors.New("a report in ORC is not read: its times have no zone")
	default:
		return c, errors.New("the report is in a format that is not read")
	}
	c.all = len(names)
	for i, both := range columnNames {
		c.at[i] = slices.Index(names, both[form])
		if c.at[i] >= 0 && slices.Contains(names[c.at[i]+1:], both[form]) {
			return c, fmt.Errorf("the report has two columns %s", both[0])
		}
	}
	for i := columnBucket; i < columnEncryption; i++ {
		if c.at[i] < 0 {
			return c, fmt.Errorf("the report does not have the field %s", columnNames[i][0])
		}
	}
	if (c.at[columnLatest] >= 0) != (c.at[columnMarker] >= 0) {
		return c, errors.New("the report tells of versions, but not which ones are delete markers or the latest")
	}
	if format == "Parquet" && c.versions() {
		return c, errors.New("a report of all versions is read in CSV only")
	}
	return c, nil
}

// schemaWords returns the words of a schema of Parquet; the names of its columns are among them, each once.
func schemaWords(schema string) []string {
	return strings.FieldsFunc(schema, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	})
}

// versions reports whether the rows are those of all versions.
func (c *columns) versions() bool { return c.at[columnLatest] >= 0 }
