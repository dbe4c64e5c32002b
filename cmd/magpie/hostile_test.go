package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/store"
)

// memoryMost is what the whole server may use at its peak, in kB.
const memoryMost = 200_000

// A fate is what becomes of an object.
type fate struct {
	status, reason string
	finding        bool
}

const (
	card     = "4539578763621486"
	cardText = "name,card number\nAnn Lee," + card + "\n"
)

// TestBadInput scans an estate full of what no reader should trust, with bad requests meanwhile: each object and each request gets its own
// clear answer, everything else goes on, and the process stays small.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	estate := filepath.Join(dir, "estate")
	want := hostileEstate(t, estate)
	data := filepath.Join(dir, "data")
	cmd := command(dir, nil, append([]string{"serve", "--data", data, "--source", estate, "--workers", "2"}, anyPort...)...)
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	unprivileged(t, cmd, dir)
	if cmd.SysProcAttr != nil {
		if err := os.Chown(data, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	s := awaitServing(start(t, cmd), data)
	c := s.client()
	enable(t, c)
	id := createJob(t, c, "hostile")
	badRequests(t, s, c)
	awaitStatus(t, c, id, types.JobStatusComplete)

	got := map[string]fate{}
	for _, r := range resultsOf(t, filepath.Join(data, databaseFile), id) {
		got[string(r.Key)] = fate{r.Status, r.Reason, r.FindingID != ""}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(fate{})); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	for _, f := range findingsByID(t, c) {
		if text := scrub(t, f); strings.Contains(text, card) {
			t.Errorf("a finding shows what was found: %s", text)
		}
	}
	described := describeJob(t, c, id)
	if described.LastRunErrorStatus.Code != types.LastRunErrorStatusCodeNone {
		t.Errorf("last run error %s, want NONE: the objects' troubles are their own", described.LastRunErrorStatus.Code)
	}
	checkBuckets(t, c)
	if peak := peakMemory(t, s.cmd.Process.Pid); peak > memoryMost {
		t.Errorf("the server used %d kB at its peak, want at most %d", peak, memoryMost)
	} else {
		t.Logf("peak memory: %d kB", peak)
	}
	s.stop()
	if said := s.said(); strings.Contains(said, card) {
		t.Error("the log shows what was found")
	}
}

// hostileEstate writes the estate and says what must become of each object.
func hostileEstate(t *testing.T, estate string) map[string]fate {
	t.Helper()
	bucket := filepath.Join(estate, "hostile")
	want := map[string]fate{}
	for i := range 50 {
		key := fmt.Sprintf("good/%02d.csv", i)
		writeTree(t, bucket, map[string]string{key: cardText})
		want[key] = fate{"COMPLETE", "", true}
	}
	put := func(key string, content []byte, f fate) {
		writeTree(t, bucket, map[string]string{key: string(content)})
		want[key] = f
	}
	writeTree(t, estate, map[string]string{"template.yaml": "Resources:\n  Bucket: [this is: {no template\n"})
	put("invalid-utf-8.txt", []byte("card number "+card+" and then \xff\xfe\xc3\x28 \xf0\x9f\n"), fate{"COMPLETE", "", true})
	put("unreadable.csv", []byte(cardText), fate{"SKIPPED", "PERMISSION_DENIED", false})
	writeTree(t, bucket, map[string]string{"locked/inside.csv": cardText})
	want["locked/"] = fate{"SKIPPED", "PERMISSION_DENIED", false}
	for _, name := range []string{"unreadable.csv", "locked"} {
		if err := os.Chmod(filepath.Join(bucket, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(bucket, "locked"), 0o700) }) // so that it can be removed
	if err := os.Symlink("/etc/passwd", filepath.Join(bucket, "link")); err != nil {
		t.Fatal(err)
	}
	want["link"] = fate{"SKIPPED", "UNSUPPORTED_FILE_TYPE_EXCEPTION", false}

	long := gzipped(t, strings.NewReader(cardText+strings.Repeat("Bob Ray,none,"+strings.Repeat("x", 100)+"\n", 20000)))
	put("truncated.csv.gz", long[:len(long)-50], fate{"PARTIAL", "MALFORMED_FILE", true})
	over := fate{"PARTIAL", "ARCHIVE_TOTAL_BYTES_EXTRACTED_OVER_LIMIT", false}
	line := bytes.Repeat(gzipped(t, io.LimitReader(letters{}, 64<<20)), 160)
	put("line-of-10-GB.txt.gz", line, over)
	bomb := copiesZip(t, "line.txt.gz", line, 1)
	if len(bomb) > 1e6 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	put("bomb-of-10-GB.zip", bomb, over)
	put("overlapping-bomb-of-10-GB.zip", overlappingZip(t, 10_000), fate{"PARTIAL", "MALFORMED_FILE", false})
	nested := overlappingZip(t, 100)
	for range 4 {
		nested = copiesZip(t, "inner.zip", nested, 10)
	}
	put("nested-bomb.zip", nested, over)
	put("quine.zip", quineZip(), fate{"SKIPPED", "MALFORMED_FILE", false})
	deep := []byte(cardText)
	for range 20 {
		deep = copiesZip(t, "deeper.zip", deep, 1)
	}
	put("matryoshka.zip", deep, fate{"SKIPPED", "ARCHIVE_NESTING_LEVEL_OVER_LIMIT", false})

	// One line of a gigabyte, with something to find at its end.
	path := filepath.Join(bucket, "line-of-1-GB.txt")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, io.LimitReader(letters{}, 1<<30)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, " card number "+card); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	want["line-of-1-GB.txt"] = fate{"COMPLETE", "", true}
	return want
}

// letters is an endless line.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func gzipped(t *testing.T, r io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.Copy(w, r)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// copiesZip makes an archive of n members with the same content.
func copiesZip(t *testing.T, name string, content []byte, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range n {
		m, err := w.Create(fmt.Sprintf("%d-%s", i, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// overlappingZip makes an archive of n members of a megabyte each that share one compressed kilobyte, the construction of D. Fifield, "A
// better zip bomb" (2019), in its simplest form: every entry of the directory names the same local header.
func overlappingZip(t *testing.T, n int) []byte {
	t.Helper()
	kernel := bytes.Repeat([]byte("a"), 1<<20)
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(kernel)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	const name = "00000.txt"
	sizes := func(h []byte) {
		binary.LittleEndian.PutUint32(h[0:], crc32.ChecksumIEEE(kernel))
		binary.LittleEndian.PutUint32(h[4:], uint32(packed.Len()))
		binary.LittleEndian.PutUint32(h[8:], uint32(len(kernel)))
		binary.LittleEndian.PutUint16(h[12:], uint16(len(name)))
	}
	local := make([]byte, 30, 30+len(name))
	copy(local, "PK\x03\x04\x14\x00")
	local[8] = zip8
	sizes(local[14:])
	out := append(append(local, name...), packed.Bytes()...)
	directory := len(out)
	for i := range n {
		entry := make([]byte, 46, 46+len(name))
		copy(entry, "PK\x01\x02\x14\x00\x14\x00")
		entry[10] = zip8
		sizes(entry[16:])
		out = append(append(out, entry...), fmt.Sprintf("%05d.txt", i)...)
	}
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[8:], uint16(n))
	binary.LittleEndian.PutUint16(end[10:], uint16(n))
	binary.LittleEndian.PutUint32(end[12:], uint32(len(out)-directory))
	binary.LittleEndian.PutUint32(end[16:], uint32(directory))
	return append(out, end...)
}

const zip8 = 8 // deflate

// quineZip makes an archive whose only member, stored, claims to be the archive itself.
func quineZip() []byte {
	const name = "quine.zip"
	const size = 30 + len(name) + 46 + len(name) + 22
	local := make([]byte, 30, size)
	copy(local, "PK\x03\x04")
	entry := make([]byte, 46)
	copy(entry, "PK\x01\x02")
	for _, h := range [][]byte{local[18:], entry[20:]} {
		binary.LittleEndian.PutUint32(h, uint32(size))
		binary.LittleEndian.PutUint32(h[4:], uint32(size))
		binary.LittleEndian.PutUint16(h[8:], uint16(len(name)))
	}
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	end[8], end[10] = 1, 1
	binary.LittleEndian.PutUint32(end[12:], uint32(len(entry)+len(name)))
	binary.LittleEndian.PutUint32(end[16:], uint32(len(local)+len(name)))
	return slices.Concat(local, []byte(name), entry, []byte(name), end)
}

// badRequests sends what a server must refuse without harm.
func badRequests(t *testing.T, s *serving, c *macie2.Client) {
	t.Helper()
	// A body of 100 MB: refused by its length alone, or cut off while it comes.
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.endpoint, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const length = 100_000_000
	go func() {
		fmt.Fprintf(conn, "POST /jobs HTTP/1.1\r\nHost: magpie\r\nContent-Length: %d\r\nX-Amz-Date: 20261121T080000Z\r\nAuthorization: AWS4-HMAC-SHA256 "+
			"Credential=MAGPIENOSUCHKEY00000/20261121/us-east-1/macie2/aws4_request, SignedHeaders=host;x-amz-date, Signature=00\r\n\r\n", length)
		io.Copy(conn, io.LimitReader(letters{}, length)) // until the server closes
	}()
	head := make([]byte, 12)
	if _, err := io.ReadFull(conn, head); err != nil || string(head) != "HTTP/1.1 413" {
		t.Errorf("a body of 100 MB: %q, %v, want 413", head, err)
	}

	// A page token belongs to its query.
	if _, err := c.CreateSampleFindings(t.Context(), &macie2.CreateSampleFindingsInput{}); err != nil {
		t.Fatal(err)
	}
	first, err := c.ListFindings(t.Context(), &macie2.ListFindingsInput{MaxResults: aws.Int32(1)})
	if err != nil || first.NextToken == nil {
		t.Fatalf("first page: %+v, %v", first, err)
	}
	_, err = c.ListFindings(t.Context(), &macie2.ListFindingsInput{MaxResults: aws.Int32(1), NextToken: first.NextToken,
		SortCriteria: &types.SortCriteria{AttributeName: aws.String("count"), OrderBy: types.OrderByAsc}})
	if !isA[*types.ValidationException](err) {
		t.Errorf("a token of another query: %v, want a ValidationException", err)
	}
	_, err = c.ListClassificationJobs(t.Context(), &macie2.ListClassificationJobsInput{NextToken: first.NextToken})
	if !isA[*types.ValidationException](err) {
		t.Errorf("a token of another operation: %v, want a ValidationException", err)
	}
}

// checkBuckets sees that a broken template leaves the bucket known, and what the template would have said unknown.
func checkBuckets(t *testing.T, c *macie2.Client) {
	t.Helper()
	out, err := c.DescribeBuckets(t.Context(), &macie2.DescribeBucketsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Buckets) != 1 || *out.Buckets[0].BucketName != "hostile" {
		t.Fatalf("buckets: %+v, want hostile", out.Buckets)
	}
	if got := out.Buckets[0].PublicAccess.EffectivePermission; got != types.EffectivePermissionUnknown {
		t.Errorf("effective permission %s, want UNKNOWN", got)
	}
}

// resultsOf reads what became of the objects of a job.
func resultsOf(t *testing.T, database, id string) []store.Result {
	t.Helper()
	db, err := openDatabase(t.Context(), database, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var results []store.Result
	if err := db.View(t.Context(), func(tx store.Tx) error {
		_, results, err = runOf(t.Context(), tx, id)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return results
}

// peakMemory returns the most memory that a process had resident, in kB (proc(5), VmHWM).
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	for line := range strings.Lines(readFile(t, fmt.Sprintf("/proc/%d/status", pid))) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("the system does not tell the peak of memory")
	return 0
}
