package s3

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/magpie-sec/magpie/internal/source"
)

const (
	// maxRow is how long a row of a CSV file may be: a key of 1,024 bytes, each written as %XX, has 3 KB, and the list of who has access, which
	// nobody wants here, some 30.
	maxRow = 256 << 10
	// maxKey is how long a key of S3 may be.
	maxKey = 1024
)

// spoolReport reads a report's files into a spool: the objects under prefix behind after.
func (s *Store) spoolReport(ctx context.Context, r *report, m *manifest, prefix, after string) (_ *spool, err error) {
	total := int64(0)
	for _, f := range m.Files {
		total += min(f.Size, 1<<50)
	}
	if total < s.opts.Reports.Least {
		return nil, errNoReport("the report is so small that listing takes no more")
	}
	sp := newSpool(s.opts.Reports.Folder, s.opts.Reports.MaxSpool, s.opts.Reports.Memory)
	defer func() {
		if err != nil {
			sp.close()
		}
	}()
	folders := map[string]bool{}
	last := ""
	take := func(o *source.Object) error {
		if o.Key <= after && after != "" || !strings.HasPrefix(o.Key, prefix) {
			return nil
		}
		if folder := folderOf(o.Key, prefix); folder != last && folder != o.Key && len(folders) <= maxFolders {
			last = strings.Clone(folder)
			folders[last] = true
		}
		return sp.add(o)
	}
	for i := range m.Files {
		if err := s.readReportFile(ctx, r, m, &m.Files[i], take); err != nil {
			return nil, err
		}
	}
	if err := sp.finish(ctx); err != nil {
		return nil, err
	}
	return sp, s.proveWhole(ctx, r, sp, folders, prefix, after)
}

// readReportFile reads one file of a report to its end, and proves that it is the one that the manifest tells of.
func (s *Store) readReportFile(ctx context.Context, r *report, m *manifest, f *manifestFile, take func(*source.Object) error) error {
	object, err := s.open(ctx, r.destination, f.Key, source.OpenOptions{})
	if err != nil {
		return err
	}
	defer object.Close()
	checked := &checkedReader{r: object, sum: md5.New(), left: f.Size}
	if m.columns.format == "CSV" {
		err = readCSV(checked, r.source, &m.columns, take)
	} else {
		err = s.readCopy(ctx, checked, r, m, f, take)
	}
	if cause := checked.err; err != nil && cause != nil && !errors.Is(cause, io.EOF) {
		err = cause // of the way here, not of the file
	}
	if err == nil {
		err = checked.prove(f)
	}
	if err != nil {
		return fmt.Errorf("file %q: %w", f.Key, err)
	}
	return nil
}

// readCopy reads a file that needs random access: from a copy, which has been proved before.
func (s *Store) readCopy(ctx context.Context, checked *checkedReader, r *report, m *manifest, f *manifestFile, take func(*source.Object) error) error {
	if f.Size > s.opts.Reports.MaxSpool {
		return fmt.Errorf("it takes more than %d bytes of temporary files", s.opts.Reports.MaxSpool)
	}
	file, err := temporary(s.opts.Reports.Folder)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := io.Copy(file, checked); err != nil {
		return err
	}
	if err := checked.prove(f); err != nil {
		return err
	}
	return readParquet(ctx, file, f.Size, r.source, &m.columns, take)
}

// A checkedReader yields a file as long as it is told to be, and knows its checksum at the end.
type checkedReader struct {
	r    io.Reader
	sum  hash.Hash
	left int64
	err  error // of r
}

var errTooLong = errors.New("it is longer than the manifest says")

func (c *checkedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sum.Write(p[:n])
	if c.left -= int64(n); c.left < 0 {
		err = errTooLong
	}
	if err != nil {
		c.err = err
	}
	return n, err
}

// prove reads what is left of the file and compares its length and its checksum with those of the manifest.
func (c *checkedReader) prove(f *manifestFile) error {
	if _, err := io.Copy(io.Discard, c); err != nil {
		return err
	}
	if c.left != 0 {
		return errors.New("it is shorter than the manifest says")
	}
	if subtle.ConstantTimeCompare(c.sum.Sum(nil), f.sum[:]) != 1 {
		return errors.New("its checksum is not the manifest's")
	}
	return nil
}

// readCSV reads a file of CSV, compressed with gzip, without a header, and hands over each object that its rows tell of: the latest versions, and
// no delete markers. What take is given is used again afterwards, but for its strings.
func readCSV(r io.Reader, bucket string, c *columns, take func(*source.Object) error) error {
	unzipped, err := gzip.NewReader(bufio.NewReaderSize(r, 64<<10))
	if err != nil {
		return errors.New("it is not compressed with gzip")
	}
	defer unzipped.Close()
	return readRows(unzipped, bucket, c, take)
}

// readRows reads the rows of a file of CSV.
func readRows(r io.Reader, bucket string, c *columns, take func(*source.Object) error) error {
	lines := bufio.NewReaderSize(r, maxRow)
	row := rowReader{columns: c, bucket: bucket}
	for number := int64(1); ; number++ {
		line, err := lines.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			if errors.Is(err, bufio.ErrBufferFull) {
				err = errors.New("a row is too long")
			} else {
				err = errors.New("it is cut off, or damaged")
			}
			return fmt.Errorf("row %d: %w", number, err)
		}
		end := err != nil
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(line) == 0 {
			if end {
				return nil
			}
			return fmt.Errorf("row %d: an empty one", number)
		}
		is, err := row.read(line)
		if err != nil {
			return fmt.Errorf("row %d: %w", number, err)
		}
		if is {
			if err := take(&row.object); err != nil {
				return err
			}
		}
		if end {
			return nil
		}
	}
}

// A rowReader turns rows into objects.
type rowReader struct {
	columns *columns
	bucket  string
	fields  [columnCount][]byte
	object  source.Object
	classes map[string]string
}

// read reads a row and says whether it is about an object. Its text is written over.
func (r *rowReader) read(line []byte) (bool, error) {
	if err := r.split(line); err != nil {
		return false, err
	}
	f := &r.fields
	if string(f[columnBucket]) != r.bucket {
		return false, errors.New("it is about another bucket")
	}
	if r.columns.versions() {
		latest, ok := truth(f[columnLatest])
		marker, ok2 := truth(f[columnMarker])
		if !ok || !ok2 {
			return false, errors.New("it does not tell whether it is about the latest version")
		}
		if !latest || marker {
			return false, nil
		}
	}
	key, ok := unescapeKey(f[columnKey])
	if !ok {
		return false, errors.New("its key is not encoded as it should be")
	}
	return true, r.fill(key)
}

// fill makes the object of the fields; key is decoded.
func (r *rowReader) fill(key []byte) error {
	f := &r.fields
	if len(key) == 0 || len(key) > maxKey {
		return errors.New("its key is none of S3")
	}
	size, err := strconv.ParseInt(string(f[columnSize]), 10, 64)
	if err != nil || size < 0 {
		return errors.New("it does not tell the object's size")
	}
	modified, ok := reportTime(f[columnModified])
	if !ok {
		return errors.New("it does not tell when the object was changed")
	}
	tag := bytes.Trim(f[columnETag], `"`)
	if len(tag) == 0 || len(tag) > maxTag {
		return errors.New("it does not tell the object's entity tag")
	}
	class, ok := r.class(f[columnClass])
	if !ok {
		return errors.New("it does not tell the object's storage class")
	}
	// Versions are left out: a listing does not tell them, and what a report and a listing tell of the same object has to be the same.
	r.object = source.Object{Key: string(key), Size: size, ETag: string(tag), LastModified: modified, StorageClass: class}
	if r.columns.at[columnEncryption] >= 0 {
		r.object.Encryption.Type = encryptionOf(f[columnEncryption])
	}
	return nil
}

// maxTag is how long an entity tag may be; those of Amazon S3 have up to 38 characters.
const maxTag = 128

// class returns a storage class, each of them kept once.
func (r *rowReader) class(b []byte) (string, bool) {
	if class, ok := r.classes[string(b)]; ok {
		return class, true
	}
	class := plainWord(string(b))
	if class == "" || len(r.classes) == 64 {
		return "", false
	}
	if r.classes == nil {
		r.classes = map[string]string{}
	}
	r.classes[class] = class
	return class, true
}

// encryptionOf translates the report's words for how an object is encrypted.
func encryptionOf(b []byte) string {
	switch string(b) {
	case "SSE-S3":
		return "AES256"
	case "SSE-KMS":
		return "aws:kms"
	case "DSSE-KMS":
		return "aws:kms:dsse"
	case "SSE-C":
		return "SSE-C"
	case "NOT-SSE":
		return "NONE"
	}
	return ""
}

// replaced reports whether a key of a report in Parquet may be another one: what is no UTF-8 in it is told as U+FFFD.
func replaced(key string) bool { return strings.Contains(key, "\uFFFD") }

func truth(b []byte) (value, ok bool) {
	switch string(b) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// reportTime reads a time as 2026-01-02T03:04:05.000Z; fractions of seconds go, as in listings.
func reportTime(b []byte) (time.Time, bool) {
	if len(b) == len("2026-01-02T03:04:05.000Z") && b[4] == '-' && b[7] == '-' && b[10] == 'T' && b[13] == ':' && b[16] == ':' && b[19] == '.' && b[23] == 'Z' {
		n := func(from, to int) (n int) {
			for _, c := range b[from:to] {
				if c < '0' || c > '9' {
					return -1 << 20
				}
				n = 10*n + int(c-'0')
			}
			return n
		}
		year, month, day, hour, minute, second := n(0, 4), n(5, 7), n(8, 10), n(11, 13), n(14, 16), n(17, 19)
		if year > 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 28 && hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60 {
			return time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC), true
		}
	}
	t, err := time.Parse(time.RFC3339, string(b))
	return listedTime(t), err == nil && t.Unix() > 0 && t.Year() < 10000
}

// split finds the wanted fields of a row.
func (r *rowReader) split(line []byte) error {
	at := 0
	rest := line
	for more := true; more; at++ {
		var field []byte
		if len(rest) > 0 && rest[0] == '"' {
			end := bytes.IndexByte(rest[1:], '"')
			if end < 0 {
				return errors.New("a quote is not closed")
			}
			field, rest = rest[1:end+1], rest[end+2:]
			for len(rest) > 0 && rest[0] == '"' { // a quote within
				end := bytes.IndexByte(rest[1:], '"')
				if end < 0 {
					return errors.New("a quote is not closed")
				}
				field = append(append(field[:len(field):len(field)], '"'), rest[1:end+1]...)
				rest = rest[end+2:]
			}
			if more = len(rest) > 0; more && rest[0] != ',' {
				return errors.New("something stands behind a quote")
			} else if more {
				rest = rest[1:]
			}
		} else {
			end := bytes.IndexByte(rest, ',')
			if more = end >= 0; more {
				field, rest = rest[:end], rest[end+1:]
			} else {
				field = rest
			}
		}
		for i, wanted := range r.columns.at {
			if wanted == at {
				r.fields[i] = field
			}
		}
	}
	if at != r.columns.all {
		return fmt.Errorf("it has %d fields, not %d", at, r.columns.all)
	}
	return nil
}

// unescapeKey takes the encoding off a key, as that of listings: %XX, and + for a space.
func unescapeKey(b []byte) ([]byte, bool) {
	if bytes.IndexByte(b, '%') < 0 && bytes.IndexByte(b, '+') < 0 {
		return b, true
	}
	out := b[:0]
	for i := 0; i < len(b); i++ {
		switch c := b[i]; c {
		case '+':
			out = append(out, ' ')
		case '%':
			if i+2 >= len(b) {
				return nil, false
			}
			high, low := hexDigit(b[i+1]), hexDigit(b[i+2])
			if high > 15 || low > 15 {
				return nil, false
			}
			out = append(out, high<<4|low)
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out, true
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
