package classify

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/managed"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/formats"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/text"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The values that the tests plant. The number of the card passes its check and is no issuer's test number; the others are invented.
const (
	ssn    = "536-90-4399"
	card   = "4532015112830366"
	secret = "kX9fQ2mZ7vB4nT8wL1cR6yH3jD5gS0pAeUiOqWzE"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newClassifier(t testing.TB) *Classifier {
	t.Helper()
	engine, err := detect.New(detect.Options{Identifiers: managed.All()})
	must(t, err)
	return &Classifier{Engine: engine, Extractor: &extract.Extractor{Formats: formats.All(), Spool: Spool(t.TempDir())}}
}

func object(name, body string) extract.Object {
	return extract.Object{Name: name, Size: int64(len(body)), Reader: strings.NewReader(body), ReaderAt: strings.NewReader(body),
		Modified: time.Date(2026, 11, 1, 2, 3, 4, 0, time.UTC)}
}

func zipped(t testing.TB, names []string, bodies map[string]string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)})
		must(t, err)
		_, err = io.WriteString(w, bodies[name])
		must(t, err)
	}
	must(t, z.Close())
	return b.String()
}

func tarred(t testing.TB, name, body string) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(t, w.WriteHeader(&tar.Header{Name: name, Size: int64(len(body)), Mode: 0o600}))
	_, err := io.WriteString(w, body)
	must(t, err)
	must(t, w.Close())
	return b.String()
}

func gzipped(t testing.TB, body string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, body)
	must(t, err)
	must(t, w.Close())
	return b.String()
}

// objects returns an object of every format, with the places of what stands in them.
func objects(t testing.TB) map[string]string {
	csv := "name,ssn,card number\nAda," + ssn + "," + card + "\nBob,,4485275742308327\n"
	return map[string]string{
		"table.csv":    csv,
		"table.tsv":    strings.ReplaceAll(csv, ",", "\t"),
		"tree.json":    `{"people":[{"name":"Ada"},{"ids":{"ssn":"` + ssn + `"}}],"note":"aws_secret_access_key = ` + secret + `"}`,
		"events.jsonl": `{"event":"a"}` + "\n" + `{"event":"b","ssn":"` + ssn + `"}` + "\n",
		"notes.txt":    "Grüße,\nmy ssn ist " + ssn + ".\n",
		"key.pem":      "-----BEGIN OPENSSH PRIVATE KEY-----\n" + strings.Repeat("b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAABlwAAAAdzc2gtcn\n", 4) + "-----END OPENSSH PRIVATE KEY-----\n",
		"nothing.txt":  "Nothing to see here.\n",
		"empty":        "",
		"logo.ico":     "\x00\x00\x01\x00\x01\x00\x10\x10\x00\x00\x01\x00",
		"packed.gz":    gzipped(t, csv),
		"packed.zip":   zipped(t, []string{"a/table.csv", "logo.bin"}, map[string]string{"a/table.csv": csv, "logo.bin": "\x00\x01\x02\xff\x00"}),
		"nested.tar":   tarred(t, "inner.zip", zipped(t, []string{"deep/table.csv"}, map[string]string{"deep/table.csv": csv})),
		"damaged.gz":   gzipped(t, strings.Repeat(csv, 50))[:60],
	}
}

func subject(name, body string) Subject {
	return Subject{
		ID: "0123456789abcdef0123456789abcdef", Account: "123456789012", Region: "eu-west-1", Partition: "aws", Now: wire.TimeOf(time.Unix(1_790_000_000, 0)),
		JobARN: "arn:aws:macie2:eu-west-1:123456789012:classification-job/1", JobID: "1", Location: "s3://[export-config-not-set]/",
		Bucket: &macie2.S3Bucket{Name: wire.Ptr("bucket")},
		Object: S3Object("aws", "bucket", source.Object{Key: name, Size: int64(len(body)), ETag: "x", LastModified: time.Unix(1_780_000_000, 0)}),
	}
}

// records classifies an object and returns its record and those of its members, indented.
func records(t testing.TB, c *Classifier, name, body string) string {
	t.Helper()
	var out bytes.Buffer
	add := func(d *Document) {
		line, err := d.Record(subject(name, body))
		must(t, err)
		must(t, json.Indent(&out, line, "", "  "))
		out.WriteByte('\n')
	}
	d, err := c.Classify(t.Context(), object(name, body), func(member Document) error {
		add(&member)
		return nil
	})
	must(t, err)
	add(&d)
	for _, value := range []string{ssn, card, secret} {
		if strings.Contains(out.String(), value) {
			t.Errorf("%s: a record holds a found value", name)
		}
	}
	return out.String()
}

// TestRecords compares the records of an object of every format, and of its members, with golden files.
func TestRecords(t *testing.T) {
	c := newClassifier(t)
	for name, body := range objects(t) {
		got := records(t, c, name, body)
		path := filepath.Join("testdata", name+".json")
		if *update {
			must(t, os.MkdirAll("testdata", 0o755))
			must(t, os.WriteFile(path, []byte(got), 0o644))
		}
		want, err := os.ReadFile(path)
		must(t, err)
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestAtOnce classifies the same objects from many goroutines with one classifier: the records are those of one goroutine.
func TestAtOnce(t *testing.T) {
	c := newClassifier(t)
	all := objects(t)
	want := map[string]string{}
	for name, body := range all {
		want[name] = records(t, newClassifier(t), name, body)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for _, name := range slices.Sorted(maps.Keys(all)) {
				if got := records(t, c, name, all[name]); got != want[name] {
					t.Errorf("%s: %s", name, cmp.Diff(want[name], got))
				}
			}
		})
	}
	group.Wait()
}

func classified(t testing.TB, name, body string) Document {
	t.Helper()
	d, err := newClassifier(t).Classify(t.Context(), object(name, body), nil)
	must(t, err)
	return d
}

// TestMostPlaces has more occurrences than a finding and a record show: a finding shows 15, those of the first type first.
func TestMostPlaces(t *testing.T) {
	places := func(r *macie2.ClassificationResult) (out []string) {
		for _, item := range r.SensitiveData {
			for _, d := range item.Detections {
				n := 0
				if d.Occurrences != nil {
					n = len(d.Occurrences.Cells)
				}
				out = append(out, fmt.Sprint(*d.Type, " ", *d.Count, " at ", n))
			}
		}
		return out
	}
	table := func(cards, ssns int) string {
		b := "card number,ssn\n"
		for i := range max(cards, ssns) {
			cells := [2]string{}
			if i < cards {
				cells[0] = card
			}
			if i < ssns {
				cells[1] = ssn
			}
			b += strings.Join(cells[:], ",") + "\n"
		}
		return b
	}
	for _, v := range []struct {
		cards, ssns int
		want        []string
		more        bool
	}{
		{3, 4, []string{"CREDIT_CARD_NUMBER 3 at 3", "USA_SOCIAL_SECURITY_NUMBER 4 at 4"}, false},
		{7, 8, []string{"CREDIT_CARD_NUMBER 7 at 7", "USA_SOCIAL_SECURITY_NUMBER 8 at 8"}, false},
		{10, 10, []string{"CREDIT_CARD_NUMBER 10 at 10", "USA_SOCIAL_SECURITY_NUMBER 10 at 5"}, true},
		{15, 1, []string{"CREDIT_CARD_NUMBER 15 at 15", "USA_SOCIAL_SECURITY_NUMBER 1 at 0"}, true},
		{16, 0, []string{"CREDIT_CARD_NUMBER 16 at 15"}, true},
	} {
		d := classified(t, "a.csv", table(v.cards, v.ssns))
		result := d.Finding(Subject{}).ClassificationDetails.Result
		if diff := cmp.Diff(v.want, places(result)); diff != "" || *result.AdditionalOccurrences != v.more {
			t.Errorf("%d cards, %d numbers: more %v %s", v.cards, v.ssns, *result.AdditionalOccurrences, diff)
		}
	}
	d := classified(t, "a.csv", table(MaxLocations+5, MaxLocations-5))
	got := places(d.ClassificationResult(MaxLocations * len(d.Detections)))
	if diff := cmp.Diff([]string{"CREDIT_CARD_NUMBER 1005 at 1000", "USA_SOCIAL_SECURITY_NUMBER 995 at 995"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestSeverity holds the finding's severity to macie.md 5.3: the highest over the types, by their counts.
func TestSeverity(t *testing.T) {
	ids := map[string]*detect.Identifier{}
	for _, id := range managed.All() {
		ids[id.ID] = id
	}
	type found map[string]int64
	for name, v := range map[string]struct {
		found found
		want  macie2.SeverityDescription
		kind  macie2.FindingType
	}{
		"one birthday":   {found{"DATE_OF_BIRTH": 1}, "Low", "SensitiveData:S3Object/Personal"},
		"two birthdays":  {found{"DATE_OF_BIRTH": 2}, "Medium", "SensitiveData:S3Object/Personal"},
		"99 birthdays":   {found{"DATE_OF_BIRTH": 99}, "Medium", "SensitiveData:S3Object/Personal"},
		"100 birthdays":  {found{"DATE_OF_BIRTH": 100}, "High", "SensitiveData:S3Object/Personal"},
		"a car":          {found{"VEHICLE_IDENTIFICATION_NUMBER": 99}, "Low", "SensitiveData:S3Object/Personal"},
		"many cars":      {found{"VEHICLE_IDENTIFICATION_NUMBER": 100}, "Medium", "SensitiveData:S3Object/Personal"},
		"a key":          {found{"AWS_CREDENTIALS": 1}, "High", "SensitiveData:S3Object/Credentials"},
		"a card":         {found{"CREDIT_CARD_NUMBER": 1}, "High", "SensitiveData:S3Object/Financial"},
		"a card twice":   {found{"CREDIT_CARD_NUMBER": 1, "BANK_ACCOUNT_NUMBER": 1}, "High", "SensitiveData:S3Object/Financial"},
		"the highest":    {found{"DATE_OF_BIRTH": 1, "USA_SOCIAL_SECURITY_NUMBER": 1}, "High", "SensitiveData:S3Object/Personal"},
		"card and birth": {found{"DATE_OF_BIRTH": 1, "CREDIT_CARD_NUMBER": 1}, "High", "SensitiveData:S3Object/Multiple"},
		"key and birth":  {found{"DATE_OF_BIRTH": 1, "PKCS": 1}, "High", "SensitiveData:S3Object/Multiple"},
	} {
		d := Document{}
		for id, count := range v.found {
			if ids[id] == nil {
				t.Fatalf("there is no identifier %s", id)
			}
			d.Detections = append(d.Detections, Detection{Identifier: ids[id], Count: count})
		}
		f := d.Finding(Subject{})
		score := map[macie2.SeverityDescription]int64{"Low": 1, "Medium": 2, "High": 3}[v.want]
		if f.Severity.Description != v.want || *f.Severity.Score != score || f.Type != v.kind {
			t.Errorf("%s: %s %d, %s", name, f.Severity.Description, *f.Severity.Score, f.Type)
		}
		if !strings.HasPrefix(*f.Title, "The S3 object contains ") || !strings.HasSuffix(*f.Title, ".") || strings.Contains(*f.Title, "  ") {
			t.Errorf("%s: title %q", name, *f.Title)
		}
	}
	if d := (&Document{}); d.Severity() != nil || d.FindingType() != "" {
		t.Error("a document without detections has a severity or a type")
	}
}

// TestSensitiveNames has sensitive data in the names of columns and paths: places there are shown without their names.
func TestSensitiveNames(t *testing.T) {
	d := classified(t, "a.json", `{"ssn `+ssn+`":{"visa card":"`+card+`"},"ssn":"`+ssn+`"}`)
	f := wire.Marshal(d.Finding(Subject{}))
	if bytes.Contains(f, []byte(ssn)) || !bytes.Contains(f, []byte(`"jsonPath":"$.ssn"`)) || !bytes.Contains(f, []byte(`"records":[{"recordIndex":0}]`)) {
		t.Errorf("%s", f)
	}
	var column = &text.Field{Names: []string{"ssn " + ssn}, Column: 3}
	r := &run{classifier: newClassifier(t)}
	if shown := r.shown(column); shown.Column != 3 || len(shown.Names) != 0 {
		t.Errorf("%+v", shown)
	}
	if first, second := r.shown(column), r.shown(column); first != second {
		t.Error("the column is looked at again")
	}
	plain := &text.Field{Names: []string{"ssn"}, Column: 3}
	if r.shown(plain) != plain || r.shown(nil) != nil {
		t.Error("a column without sensitive data in its name is changed")
	}
}

// TestCapped counts names no further than Macie does, archives included.
func TestCapped(t *testing.T) {
	body := "full name\n" + strings.Repeat("Ada Lovelace\n", cappedCount+500)
	count := func(d Document) int64 {
		i := slices.IndexFunc(d.Detections, func(d Detection) bool { return d.Identifier.ID == "NAME" })
		if i < 0 {
			t.Fatal("no names are found")
		}
		return d.Detections[i].Count
	}
	if n := count(classified(t, "a.csv", body)); n != cappedCount {
		t.Errorf("%d names in a table", n)
	}
	names := []string{"a.csv", "b.csv"}
	if n := count(classified(t, "a.zip", zipped(t, names, map[string]string{"a.csv": body, "b.csv": body}))); n != cappedCount {
		t.Errorf("%d names in an archive", n)
	}
}

// TestOwn tells what stands in a mail itself from what stands in its attachments.
func TestOwn(t *testing.T) {
	c := newClassifier(t)
	mail := "From: a@example.org\nTo: b@example.org\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nmy ssn is " + ssn + "\n--x\n" +
		"Content-Type: text/csv; name=people.csv\n\nname,ssn\nAnn," + ssn + "\nBob," + ssn + "\n--x--\n"
	var members []Document
	d, err := c.Classify(t.Context(), object("a.eml", mail), func(m Document) error { members = append(members, m); return nil })
	if err != nil || len(members) != 1 || len(d.Detections) != 1 || len(members[0].Detections) != 1 {
		t.Fatalf("%+v, members %+v, error %v", d, members, err)
	}
	if own := d.Detections[0]; own.Count != 3 || own.Own != 1 || len(own.Locations) != 1 || own.Locations[0].Line != 7 {
		t.Errorf("the mail has %+v", own)
	}
	if m := members[0].Detections[0]; m.Count != 2 || m.Own != 2 {
		t.Errorf("the attachment has %+v", m)
	}
}

// TestErrors lets the member's function, the reader and the context fail. The classifier goes on to work.
func TestErrors(t *testing.T) {
	c := newClassifier(t)
	wrong := errors.New("wrong")
	archive := zipped(t, []string{"a.csv", "b.csv"}, map[string]string{"a.csv": "ssn\n" + ssn + "\n", "b.csv": "ssn\n" + ssn + "\n"})
	calls := 0
	_, err := c.Classify(t.Context(), object("a.zip", archive), func(Document) error { calls++; return wrong })
	if !errors.Is(err, wrong) || calls != 1 {
		t.Errorf("%d calls, error %v", calls, err)
	}
	broken := extract.Object{Name: "a.csv", Size: -1, Reader: io.MultiReader(strings.NewReader("ssn\n"+ssn+"\n"), brokenReader{wrong})}
	if _, err = c.Classify(t.Context(), broken, nil); !errors.Is(err, wrong) {
		t.Errorf("error %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = c.Classify(ended, object("a.csv", "ssn\n"+ssn+"\n"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	d, err := c.Classify(t.Context(), object("a.csv", "ssn\n"+ssn+"\n"), nil)
	if err != nil || len(d.Detections) != 1 || d.Detections[0].Count != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

// TestSpool leaves nothing in the folder of temporary files.
func TestSpool(t *testing.T) {
	folder := t.TempDir()
	f, err := Spool(folder)()
	must(t, err)
	_, err = f.Write([]byte("text"))
	must(t, err)
	b := make([]byte, 2)
	if _, err := f.ReadAt(b, 1); err != nil || string(b) != "ex" {
		t.Errorf("%q %v", b, err)
	}
	left, err := os.ReadDir(folder)
	must(t, err)
	if len(left) != 0 {
		t.Errorf("%v is left behind while the file is open", left)
	}
	must(t, f.Close())
	if _, err := Spool(filepath.Join(folder, "missing"))(); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("error %v", err)
	}
}

// TestS3Object leaves out what a source does not tell.
func TestS3Object(t *testing.T) {
	got := string(wire.Marshal(S3Object("aws-cn", "b", source.Object{Key: "a\xff/.env", Size: source.UnknownSize,
		Encryption: source.Encryption{Type: "aws:kms"}})))
	want := `{"bucketArn":"arn:aws-cn:s3:::b","eTag":"","extension":"env","key":"a` + "\uFFFD" + `/.env","path":"b/a` + "\uFFFD" + `/.env",` +
		`"serverSideEncryption":{"encryptionType":"aws:kms"},"storageClass":"STANDARD","versionId":""}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// BenchmarkClassify measures one small object of each kind, from its bytes to its finding.
func BenchmarkClassify(b *testing.B) {
	c := newClassifier(b)
	for _, name := range []string{"table.csv", "events.jsonl", "notes.txt", "packed.zip"} {
		body := objects(b)[name]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				d, err := c.Classify(b.Context(), object(name, body), nil)
				must(b, err)
				if len(wire.Marshal(d.Finding(subject(name, body)))) == 0 {
					b.Fatal("no finding")
				}
			}
		})
	}
}

// TestMembersAreKept: the record of a document that was written down and read back is the record of the document.
func TestMembersAreKept(t *testing.T) {
	c := newClassifier(t)
	byID := map[string]*detect.Identifier{}
	for _, id := range managed.All() {
		byID[id.ID] = id
	}
	for name, body := range objects(t) {
		check := func(d *Document) {
			text, err := d.KeepMember()
			must(t, err)
			for _, value := range []string{ssn, card, secret} {
				if bytes.Contains(text, []byte(value)) {
					t.Errorf("%s: what is kept of a member holds a found value", name)
				}
			}
			told, _, err := Told(text, byID, nil)
			must(t, err)
			want, err := d.Record(subject(name, body))
			must(t, err)
			got, err := told.Record(subject(name, body))
			must(t, err)
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", name, d.MemberPath(), diff)
			}
			if told.Whole() == d.Archive {
				t.Errorf("%s %s: whole %v, archive %v", name, d.MemberPath(), told.Whole(), d.Archive)
			}
		}
		d, err := c.Classify(t.Context(), object(name, body), func(member Document) error {
			check(&member)
			return nil
		})
		must(t, err)
		check(&d)
	}
}
