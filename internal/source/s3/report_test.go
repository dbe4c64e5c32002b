package s3_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
	"github.com/magpie-sec/magpie/internal/source/s3/s3test"
	"github.com/magpie-sec/magpie/internal/source/sourcetest"
)

// reportTime is when the reports of tests are begun, and an hour later is now.
var reportTime = time.Date(2026, 11, 20, 21, 32, 0, 0, time.UTC)

func reported(key string) source.Object {
	sum := md5.Sum([]byte(key))
	return source.Object{
		Key: key, Size: int64(len(key)) << 20, ETag: hex.EncodeToString(sum[:]), LastModified: reportTime.Add(-time.Duration(sum[0]) * time.Hour),
		StorageClass: []string{"STANDARD", "GLACIER", "INTELLIGENT_TIERING"}[int(sum[1])%3],
		Encryption:   source.Encryption{Type: []string{"AES256", "aws:kms", "SSE-C", "NONE", "aws:kms:dsse"}[int(sum[2])%5]},
	}
}

func reportedAll(keys []string) (objects []source.Object) {
	for _, k := range keys {
		objects = append(objects, reported(k))
	}
	return objects
}

// A reporting is a fake with a report of the bucket b in the bucket reports.
type reporting struct {
	*fake
	configurations string
	log            bytes.Buffer
	dir            string
}

// newReporting makes a fake that delivers a report. The bucket itself has one key, "live", so that a listing shows.
func newReporting(t testing.TB, reports ...*s3test.InventoryReport) *reporting {
	r := &reporting{fake: newFake(sourcetest.Content{"b": {"live": "x"}, "reports": {}}), dir: t.TempDir()}
	for _, report := range reports {
		for key, body := range report.Objects() {
			r.put("reports", key, body)
		}
	}
	r.configurations = s3test.Configurations(reports...)
	r.before = func(w http.ResponseWriter, q *http.Request) bool {
		if !q.URL.Query().Has("inventory") {
			return false
		}
		fmt.Fprint(w, `<?xml version="1.0" encoding="UTF-8"?>`, r.configurations)
		return true
	}
	return r
}

func (r *reporting) open(t testing.TB, change func(*s3.Options)) *s3.Store {
	return open(t, r, func(o *s3.Options) {
		o.Reports = s3.Reports{MaxAge: 36 * time.Hour, Least: -1, Folder: r.dir, Now: func() time.Time { return reportTime.Add(time.Hour) },
			Log: slog.New(slog.NewTextHandler(&r.log, nil))}
		if change != nil {
			change(o)
		}
	})
}

// listReported lists the bucket b with reports allowed.
func listReported(t testing.TB, d source.Driver, opts source.ListOptions) (objects []source.Object, told source.Report, err error) {
	t.Helper()
	times := 0
	opts.Report = &source.ReportOptions{Told: func(r source.Report) {
		if told = r; len(objects) > 0 {
			t.Error("told after the first object")
		}
		times++
	}}
	for item, err := range d.List(context.Background(), "b", opts) {
		if err != nil {
			return objects, told, err
		}
		objects = append(objects, item.Object)
	}
	if times != 1 {
		t.Errorf("told %d times, not once", times)
	}
	return objects, told, nil
}

func plainReport(files ...[]s3test.InventoryRow) *s3test.InventoryReport {
	return &s3test.InventoryReport{Bucket: "b", Destination: "reports", Prefix: "inv/all", ID: "daily", Begun: reportTime, Files: files}
}

// oddKeys are keys that an encoding might get wrong.
func oddKeys() (keys []string) {
	for c := range 256 {
		keys = append(keys, "odd/"+string([]byte{byte(c)})+"x")
	}
	return append(keys, "a b", "a+b", "a%20b", `a"b`, "a,b", "a\nb", "é", strings.Repeat("k", 1024), "//", "..", "100%")
}

func TestReport(t *testing.T) {
	keys := oddKeys()
	slices.Sort(keys)
	want := reportedAll(keys)
	rows := s3test.Rows(want...)
	shuffled := slices.Clone(rows)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	var even, odd []s3test.InventoryRow
	for i, row := range rows {
		if i%2 == 0 {
			even = append(even, row)
		} else {
			odd = append(odd, row)
		}
	}
	for name, test := range map[string]struct {
		files  [][]s3test.InventoryRow
		change func(*s3test.InventoryReport)
		memory int
	}{
		"one file":                          {files: [][]s3test.InventoryRow{rows}},
		"files one behind the other":        {files: [][]s3test.InventoryRow{rows[:100], rows[100:150], rows[150:]}},
		"files in no order":                 {files: [][]s3test.InventoryRow{rows[150:], rows[:100], rows[100:150]}},
		"files that overlap":                {files: [][]s3test.InventoryRow{odd, even}},
		"an unsorted file":                  {files: [][]s3test.InventoryRow{shuffled}},
		"an unsorted file, little memory":   {files: [][]s3test.InventoryRow{shuffled}, memory: 500},
		"more runs than are merged at once": {files: [][]s3test.InventoryRow{shuffled}, memory: 1},
		"files with the same rows":          {files: [][]s3test.InventoryRow{even, rows, shuffled}},
		"no prefix":                         {files: [][]s3test.InventoryRow{rows}, change: func(r *s3test.InventoryReport) { r.Prefix = "" }},
		"an empty file":                     {files: [][]s3test.InventoryRow{{}, rows}},
		"fields in another order, and more": {files: [][]s3test.InventoryRow{rows}, change: func(r *s3test.InventoryReport) {
			r.Fields = []string{"IsMultipartUploaded", "StorageClass", "ETag", "EncryptionStatus", "LastModifiedDate", "Size", "ChecksumAlgorithm"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			report := plainReport(test.files...)
			if test.change != nil {
				test.change(report)
			}
			r := newReporting(t, report)
			d := r.open(t, func(o *s3.Options) { o.Reports.Memory = test.memory })
			got, told, err := listReported(t, d, source.ListOptions{})
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("%d objects, %v, want %d\n%s", len(got), err, len(want), r.log.String())
			}
			if want := "s3://reports/" + report.Folder() + "manifest.json"; told.Name != want || !told.Begun.Equal(reportTime) || told.Reason != "" {
				t.Errorf("told %+v, want %s of %v", told, want, reportTime)
			}
			if left, err := os.ReadDir(r.dir); err != nil || len(left) > 0 {
				t.Errorf("%d files are left in the folder, %v", len(left), err)
			}
			// A listing that was cut short goes on anywhere.
			for _, at := range []int{0, 1, 100, len(keys) - 1} {
				rest, _, err := listReported(t, d, source.ListOptions{After: keys[at]})
				if err != nil || !slices.Equal(rest, want[at+1:]) {
					t.Errorf("behind %q: %d objects, %v, want %d", keys[at], len(rest), err, len(want)-at-1)
				}
			}
			part, _, err := listReported(t, d, source.ListOptions{Prefix: "odd/", After: "a"})
			if err != nil || len(part) != 256 {
				t.Errorf("below a prefix: %d objects, %v, want 256", len(part), err)
			}
			// Whoever does not ask for reports is told what is there now.
			if keys, err := listed(d, source.ListOptions{}); err != nil || !slices.Equal(keys, []string{"live"}) {
				t.Errorf("listed %q, %v", keys, err)
			}
		})
	}
}

// TestReportOfVersions has the latest versions only, without those that are delete markers, and tells them without their versions, as listings do.
func TestReportOfVersions(t *testing.T) {
	var rows []s3test.InventoryRow
	add := func(o source.Object, version string, old, marker bool) {
		o.VersionID = version
		rows = append(rows, s3test.InventoryRow{Object: o, Old: old, Marker: marker})
	}
	a, b := reported("a"), reported("b")
	add(a, "2", false, false)
	earlier := a
	earlier.ETag, earlier.LastModified = "00000000000000000000000000000000", a.LastModified.Add(time.Hour)
	add(earlier, "1", true, false)
	add(b, "4", false, true)
	add(b, "3", true, false)
	add(reported("c"), "null", false, false)
	report := plainReport(rows)
	report.AllVersions = true
	got, _, err := listReported(t, newReporting(t, report).open(t, nil), source.ListOptions{})
	if want := []source.Object{a, reported("c")}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

// TestNewestReport takes the newest complete one that is young enough, of whatever configuration tells of all keys.
func TestNewestReport(t *testing.T) {
	at := func(id string, hours int, key string) *s3test.InventoryReport {
		r := plainReport(s3test.Rows(reported(key)))
		r.ID, r.Begun = id, reportTime.Add(time.Duration(hours)*time.Hour)
		return r
	}
	for name, test := range map[string]struct {
		reports []*s3test.InventoryReport
		change  func(r *reporting, reports []*s3test.InventoryReport)
		opts    source.ListOptions
		want    string // "live": none
		reason  string
	}{
		"the newest": {reports: []*s3test.InventoryReport{at("x", -20, "x20"), at("y", -10, "y10"), at("z", -30, "z30")}, want: "y10"},
		"one that is under way": {
			reports: []*s3test.InventoryReport{at("x", -20, "x20"), at("x", 0, "x0")}, want: "x20",
			change: func(r *reporting, reports []*s3test.InventoryReport) {
				delete(r.buckets["reports"], reports[1].Folder()+"manifest.checksum")
			},
		},
		"too old":        {reports: []*s3test.InventoryReport{at("x", -36, "x")}, want: "live", reason: "there is no report of the last 36h0m0s"},
		"of the future":  {reports: []*s3test.InventoryReport{at("x", 2, "x")}, want: "live", reason: "there is no report of the last 36h0m0s"},
		"just made":      {reports: []*s3test.InventoryReport{at("x", 1, "x")}, want: "x"},
		"none delivered": {reports: []*s3test.InventoryReport{at("x", 0, "x")}, want: "live", reason: "there is no report of the last", change: func(r *reporting, _ []*s3test.InventoryReport) { clear(r.buckets["reports"]) }},
		"of some keys only": {
			reports: []*s3test.InventoryReport{func() *s3test.InventoryReport { r := at("x", 0, "f/x"); r.Filter = "f/"; return r }()}, want: "live",
			reason: `the configuration "x" is about some of the keys only`,
		},
		"of all keys that are asked for": {
			reports: []*s3test.InventoryReport{func() *s3test.InventoryReport { r := at("x", 0, "f/x"); r.Filter = "f"; return r }()},
			opts:    source.ListOptions{Prefix: "f/"}, want: "f/x",
		},
		"of all keys, beside one of some": {
			reports: []*s3test.InventoryReport{func() *s3test.InventoryReport { r := at("x", 0, "f/x"); r.Filter = "f/"; return r }(), at("y", -3, "y")}, want: "y",
		},
		"in a folder younger than it is": {
			reports: []*s3test.InventoryReport{at("x", -50, "x")}, want: "live", reason: "older than its folder says",
			change: func(r *reporting, reports []*s3test.InventoryReport) {
				for _, name := range []string{"manifest.json", "manifest.checksum"} {
					r.put("reports", at("x", 0, "").Folder()+name, r.buckets["reports"][reports[0].Folder()+name].body)
				}
			},
		},
		"no configuration": {reports: nil, want: "live", reason: "the bucket has no inventory configuration"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReporting(t, test.reports...)
			if test.change != nil {
				r.keys = map[string][]string{}
				test.change(r, test.reports)
			}
			r.put("b", "f/live", "x")
			if len(test.reports) == 0 || test.want == "live" {
				delete(r.buckets["b"], "f/live")
			}
			got, told, err := listReported(t, r.open(t, nil), test.opts)
			if err != nil || len(got) != 1 || got[0].Key != test.want {
				t.Errorf("%v, %v, want %s", got, err, test.want)
			}
			if (told.Name == "") != (test.want == "live") || !strings.Contains(told.Reason, test.reason) {
				t.Errorf("told %+v, want the reason %q", told, test.reason)
			}
		})
	}
}

// TestBadReports are not read, and the bucket is listed, whatever is wrong with them: nothing of them is told.
func TestBadReports(t *testing.T) {
	good := func() *s3test.InventoryReport {
		return plainReport(s3test.Rows(reportedAll([]string{"a", "b", "c"})...), s3test.Rows(reportedAll([]string{"d", "e", "f"})...))
	}
	manifest := func(change func(m map[string]any)) func(r *reporting) {
		return func(r *reporting) {
			at := good().Folder()
			var m map[string]any
			if err := json.Unmarshal([]byte(r.buckets["reports"][at+"manifest.json"].body), &m); err != nil {
				panic(err)
			}
			change(m)
			text, _ := json.Marshal(m)
			sum := md5.Sum(text)
			r.put("reports", at+"manifest.json", string(text))
			r.put("reports", at+"manifest.checksum", hex.EncodeToString(sum[:]))
		}
	}
	file := func(m map[string]any, i int) map[string]any { return m["files"].([]any)[i].(map[string]any) }
	// data replaces the second file, with everything around it as it should be.
	data := func(change func(body string) string) func(r *reporting) {
		return func(r *reporting) {
			manifest(func(m map[string]any) {
				f := file(m, 1)
				key := f["key"].(string)
				body := change(r.buckets["reports"][key].body)
				sum := md5.Sum([]byte(body))
				f["size"], f["MD5checksum"] = len(body), hex.EncodeToString(sum[:])
				r.put("reports", key, body)
			})(r)
		}
	}
	zip := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		w.Write([]byte(text))
		w.Close()
		return b.String()
	}
	text := func(text string) func(r *reporting) { return data(func(string) string { return zip(text) }) }
	const row = `"b","k","1","2026-01-02T03:04:05.000Z","00000000000000000000000000000000","STANDARD","SSE-S3"`
	with := func(old, new string) func(r *reporting) { return text(strings.Replace(row, old, new, 1) + "\n") }
	raw := func(change func(string) string) func(r *reporting) { // past the manifest
		return func(r *reporting) {
			for key, o := range r.buckets["reports"] {
				if strings.HasSuffix(key, ".csv.gz") {
					r.put("reports", key, change(o.body))
					return
				}
			}
		}
	}
	answer := func(op string, do func(w http.ResponseWriter)) func(r *reporting) {
		return func(r *reporting) {
			before := r.before
			r.before = func(w http.ResponseWriter, q *http.Request) bool {
				if op == "inventory" && q.URL.Query().Has("inventory") || op == "list" && q.URL.Path == "/reports" || op == "data" && strings.HasSuffix(q.URL.Path, ".csv.gz") {
					do(w)
					return true
				}
				return before(w, q)
			}
		}
	}
	code := func(status int, code string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { failWith(w, status, code) }
	}
	parquet := manifest(func(m map[string]any) {
		m["fileFormat"], m["fileSchema"] = "Parquet", parquetSchema
	})
	for name, test := range map[string]struct {
		break_ func(r *reporting)
		reason string
	}{
		"manifest gone":                {func(r *reporting) { delete(r.buckets["reports"], good().Folder()+"manifest.json") }, "manifest.json"},
		"manifest not of its checksum": {func(r *reporting) { r.put("reports", good().Folder()+"manifest.checksum", strings.Repeat("0", 32)) }, "not that of its checksum"},
		"checksum that is none":        {func(r *reporting) { r.put("reports", good().Folder()+"manifest.checksum", "none") }, "not that of its checksum"},
		"checksum of a megabyte":       {func(r *reporting) { r.put("reports", good().Folder()+"manifest.checksum", strings.Repeat("0", 1<<20)) }, "longer than 256 bytes"},
		"manifest that is none":        {func(r *reporting) { putBoth(r, good().Folder(), "[1, 2") }, "does not parse"},
		"manifest of a list":           {func(r *reporting) { putBoth(r, good().Folder(), "[]") }, "does not parse"},
		"manifest of 9 MB":             {func(r *reporting) { putBoth(r, good().Folder(), strings.Repeat(" ", 9<<20)) }, "longer than"},
		"of another bucket":            {manifest(func(m map[string]any) { m["sourceBucket"] = "c" }), "another bucket"},
		"of another destination":       {manifest(func(m map[string]any) { m["destinationBucket"] = "arn:aws:s3:::elsewhere" }), "another destination"},
		"without a time":               {manifest(func(m map[string]any) { m["creationTimestamp"] = "yesterday" }), "when it was made"},
		"in ORC":                       {manifest(func(m map[string]any) { m["fileFormat"] = "ORC" }), "ORC is not read"},
		"CSV that says it is Parquet":  {parquet, "damaged, or of a kind"},
		"in a format of its own":       {manifest(func(m map[string]any) { m["fileFormat"] = "XLS" }), "format"},
		"without entity tags":          {manifest(func(m map[string]any) { m["fileSchema"] = "Bucket, Key, Size, LastModifiedDate, StorageClass" }), "field ETag"},
		"with two keys": {manifest(func(m map[string]any) {
			m["fileSchema"] = "Bucket, Key, Key, Size, LastModifiedDate, ETag, StorageClass"
		}), "two columns"},
		"with fewer columns than rows":  {manifest(func(m map[string]any) { m["fileSchema"] = "Bucket, Key, Size, LastModifiedDate, ETag, StorageClass" }), "fields"},
		"a file outside":                {manifest(func(m map[string]any) { file(m, 0)["key"] = "inv/other/data/x.csv.gz" }), "outside its destination"},
		"a file above":                  {manifest(func(m map[string]any) { file(m, 0)["key"] = good().Base() + "data/../../x.csv.gz" }), "outside its destination"},
		"a file twice":                  {manifest(func(m map[string]any) { file(m, 0)["key"] = file(m, 1)["key"] }), "twice"},
		"a file without a checksum":     {manifest(func(m map[string]any) { delete(file(m, 0), "MD5checksum") }), "checksum of a file"},
		"a negative size":               {manifest(func(m map[string]any) { file(m, 0)["size"] = -1 }), "checksum of a file"},
		"a file that is not there":      {manifest(func(m map[string]any) { file(m, 1)["key"] = good().Base() + "data/none.csv.gz" }), "does not exist"},
		"a file with another checksum":  {manifest(func(m map[string]any) { file(m, 1)["MD5checksum"] = strings.Repeat("0", 32) }), "checksum is not the manifest's"},
		"a file longer than told":       {manifest(func(m map[string]any) { file(m, 1)["size"] = 10 }), "longer than the manifest says"},
		"a file shorter than told":      {manifest(func(m map[string]any) { file(m, 1)["size"] = 10_000 }), "shorter than the manifest says"},
		"a file that was replaced":      {raw(func(string) string { return zip(row + "\n") }), "than the manifest says"},
		"a bit that fell over":          {raw(func(b string) string { return b[:9] + string([]byte{b[9] ^ 1}) + b[10:] }), "checksum is not the manifest's"},
		"a file that was cut":           {data(func(b string) string { return b[:len(b)-12] }), "cut off, or damaged"},
		"something behind a file's end": {data(func(b string) string { return b + "more" }), "cut off, or damaged"},
		"a file that is not compressed": {data(func(string) string { return row + "\n" }), "gzip"},
		"an empty file of no bytes":     {data(func(string) string { return "" }), "gzip"},
		"rows of another bucket":        {with(`"b"`, `"c"`), "another bucket"},
		"a key that is not encoded":     {with(`"k"`, `"100%"`), "not encoded"},
		"a key that is badly encoded":   {with(`"k"`, `"%zz"`), "not encoded"},
		"a key that ends in a half":     {with(`"k"`, `"k%4"`), "not encoded"},
		"no key":                        {with(`"k"`, `""`), "none of S3"},
		"a key of 1,025 bytes":          {with(`"k"`, `"`+strings.Repeat("k", 1025)+`"`), "none of S3"},
		"a size that is none":           {with(`"1"`, `"one"`), "size"},
		"a negative size of an object":  {with(`"1"`, `"-1"`), "size"},
		"no size":                       {with(`"1"`, `""`), "size"},
		"a time that is none":           {with(`2026-01-02`, `2026-13-02`), "changed"},
		"no entity tag":                 {with(`"00000000000000000000000000000000"`, `""`), "entity tag"},
		"a storage class with a bell":   {with(`STANDARD`, "\a"), "storage class"},
		"a quote that is open":          {with(`"SSE-S3"`, `"SSE-S3`), "not closed"},
		"something behind a quote":      {with(`"SSE-S3"`, `"SSE"-S3`), "behind a quote"},
		"a row with fields too many":    {with(`"SSE-S3"`, `"SSE-S3",""`), "8 fields, not 7"},
		"a row with fields too few":     {text(`"b","k"` + "\n"), "2 fields, not 7"},
		"a header":                      {text("Bucket,Key,Size,LastModifiedDate,ETag,StorageClass,EncryptionStatus\n" + row + "\n"), "another bucket"},
		"an empty row":                  {text(row + "\n\n" + row + "\n"), "an empty one"},
		"a row of a megabyte":           {with(`"k"`, `"`+strings.Repeat("k", 1<<20)+`"`), "too long"},
		"more than may be spooled":      {text(strings.Repeat(row+"\n", 100_000)), "temporary files"},
		"configurations denied":         {answer("inventory", code(403, "AccessDenied")), "access denied"},
		"configurations as a listing":   {answer("inventory", func(w http.ResponseWriter) { fmt.Fprint(w, `<ListBucketResult></ListBucketResult>`) }), "instead of ListInventoryConfigurationsResult"},
		"not implemented":               {answer("inventory", code(501, "NotImplemented")), "not implemented"},
		"destination denied":            {answer("list", code(403, "AccessDenied")), `bucket "reports": access denied`},
		"destination gone":              {answer("list", code(404, "NoSuchBucket")), `bucket "reports": bucket does not exist`},
		"data denied":                   {answer("data", code(403, "AccessDenied")), "access denied"},
		"data under a key out of reach": {answer("data", code(400, "KMS.DisabledException")), "KMS key"},
		"a destination that is none": {func(r *reporting) {
			r.configurations = strings.Replace(r.configurations, "arn:aws:s3:::reports", "reports/../b", 1)
		}, "no bucket"},
		"an id with a slash": {func(r *reporting) { r.configurations = strings.Replace(r.configurations, "<Id>daily", "<Id>../x", 1) }, "cannot be"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReporting(t, good())
			test.break_(r)
			d := r.open(t, func(o *s3.Options) { o.Reports.MaxSpool, o.Reports.Memory = 50_000, 100_000 })
			got, told, err := listReported(t, d, source.ListOptions{})
			if err != nil || len(got) != 1 || got[0].Key != "live" {
				t.Fatalf("%v, %v, want the listing", got, err)
			}
			if told.Name != "" || !strings.Contains(told.Reason, test.reason) {
				t.Errorf("told %+v, want the reason %q", told, test.reason)
			}
			if quiet := name == "not implemented"; quiet == strings.Contains(r.log.String(), "level=WARN") {
				t.Errorf("the log has %s", r.log.String())
			}
			if strings.ContainsAny(told.Reason, "\a\n") {
				t.Errorf("the reason %q has what a terminal would take amiss", told.Reason)
			}
			if left, _ := os.ReadDir(r.dir); len(left) > 0 {
				t.Errorf("%d files are left", len(left))
			}
		})
	}
	// And the report that all of these are made of is good.
	if got, told, err := listReported(t, newReporting(t, good()).open(t, nil), source.ListOptions{}); err != nil || len(got) != 6 || told.Name == "" {
		t.Errorf("the good report: %v, %+v, %v", got, told, err)
	}
}

func putBoth(r *reporting, folder, text string) {
	sum := md5.Sum([]byte(text))
	r.put("reports", folder+"manifest.json", text)
	r.put("reports", folder+"manifest.checksum", hex.EncodeToString(sum[:]))
}

// TestReportsAreOff asks nothing about inventories unless the source is told to.
func TestReportsAreOff(t *testing.T) {
	r := newReporting(t, plainReport(s3test.Rows(reported("a"))))
	before := r.before
	r.before = func(w http.ResponseWriter, q *http.Request) bool {
		if q.URL.Query().Has("inventory") {
			t.Error("asked for inventory configurations")
		}
		return before(w, q)
	}
	d := open(t, r, nil)
	if got, told, err := listReported(t, d, source.ListOptions{}); err != nil || len(got) != 1 || got[0].Key != "live" || told != (source.Report{}) {
		t.Errorf("%v, %+v, %v", got, told, err)
	}
}

// TestReportsForJobs are read where the source is told to, if they tell more than the last run has seen.
func TestReportsForJobs(t *testing.T) {
	sure := reportTime.Add(-24 * time.Hour)
	for name, test := range map[string]struct {
		allowed bool
		after   time.Time
		want    string
	}{
		"not allowed":       {false, time.Time{}, "live"},
		"allowed":           {true, time.Time{}, "a"},
		"tells more":        {true, sure.Add(-time.Second), "a"},
		"tells nothing new": {true, sure, "live"},
	} {
		d := newReporting(t, plainReport(s3test.Rows(reported("a")))).open(t, func(o *s3.Options) { o.Reports.ScheduledJobs = test.allowed })
		var told []source.Report
		opts := source.ListOptions{Report: &source.ReportOptions{Use: source.ForScheduledJobs, After: test.after, Told: func(r source.Report) { told = append(told, r) }}}
		if keys, err := listed(d, opts); err != nil || len(keys) != 1 || keys[0] != test.want || len(told) != 1 || (told[0].Name == "") != (test.want == "live") {
			t.Errorf("%s: %q, %+v, %v", name, keys, told, err)
		}
	}
}

// TestSmallReport lists a bucket whose report is small: that takes no more requests and tells what is there now.
func TestSmallReport(t *testing.T) {
	r := newReporting(t, plainReport(s3test.Rows(reported("a"))))
	d := r.open(t, func(o *s3.Options) { o.Reports.Least = 0 })
	if got, told, err := listReported(t, d, source.ListOptions{}); err != nil || got[0].Key != "live" || !strings.Contains(told.Reason, "small") {
		t.Errorf("%v, %+v, %v", got, told, err)
	}
}

// TestReportOnTheWay survives bodies that are cut off, and a report that is replaced while it is read.
func TestReportOnTheWay(t *testing.T) {
	var keys []string
	for i := range 5000 {
		keys = append(keys, fmt.Sprintf("k%05d", i))
	}
	r := newReporting(t, plainReport(s3test.Rows(reportedAll(keys)...)))
	before, cuts := r.before, 0
	r.before = func(w http.ResponseWriter, q *http.Request) bool {
		if strings.HasSuffix(q.URL.Path, ".csv.gz") && cuts < 3 {
			cuts++
			body := r.buckets["reports"][strings.TrimPrefix(q.URL.Path, "/reports/")]
			var from int
			fmt.Sscanf(q.Header.Get("Range"), "bytes=%d-", &from)
			w.Header().Set("Etag", `"`+body.tag+`"`)
			w.Header().Set("Content-Length", fmt.Sprint(len(body.body)-from))
			if from > 0 {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(body.body)-1, len(body.body)))
				w.WriteHeader(http.StatusPartialContent)
			}
			w.Write([]byte(body.body[from : from+1000]))
			panic(http.ErrAbortHandler)
		}
		return before(w, q)
	}
	got, told, err := listReported(t, r.open(t, nil), source.ListOptions{})
	if err != nil || told.Name == "" || !slices.Equal(got, reportedAll(keys)) || cuts != 3 {
		t.Errorf("%d objects, %+v, %v after %d cuts", len(got), told, err, cuts)
	}
}

// TestCancelledReport ends with the context's error, before the report is read and after.
func TestCancelledReport(t *testing.T) {
	r := newReporting(t, plainReport(s3test.Rows(reportedAll([]string{"a", "b"})...)))
	d := r.open(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	for _, err := range d.List(ctx, "b", source.ListOptions{Report: &source.ReportOptions{}}) {
		if n++; n == 1 {
			cancel()
		} else if err != context.Canceled {
			t.Errorf("item %d: %v", n, err)
		}
	}
	ctx, cancel = context.WithCancel(t.Context())
	before := r.before
	r.before = func(w http.ResponseWriter, q *http.Request) bool {
		cancel()
		return before(w, q)
	}
	var last error
	for _, last = range d.List(ctx, "b", source.ListOptions{Report: &source.ReportOptions{}}) {
	}
	if n != 2 || last != context.Canceled {
		t.Errorf("%d items; %v", n, last)
	}
}

// TestSpoolSorts puts random rows through small buffers.
func TestSpoolSorts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		key := rapid.StringOfN(rapid.RuneFrom([]rune("ab/~é")), 1, 6, -1)
		newest := map[string]source.Object{}
		var files [][]s3test.InventoryRow
		for range rapid.IntRange(1, 5).Draw(rt, "files") {
			keys := rapid.SliceOfN(key, 0, 60).Draw(rt, "keys")
			if rapid.Bool().Draw(rt, "sorted") {
				slices.Sort(keys)
			}
			var rows []s3test.InventoryRow
			for _, k := range keys {
				o := reported(k)
				o.LastModified = o.LastModified.Add(time.Duration(rapid.IntRange(0, 3).Draw(rt, "later")) * time.Hour)
				o.ETag = o.LastModified.Format(time.RFC3339)
				if o.LastModified.After(newest[k].LastModified) {
					newest[k] = o
				}
				rows = append(rows, s3test.InventoryRow{Object: o})
			}
			files = append(files, rows)
		}
		var want []source.Object
		for _, k := range slices.Sorted(maps.Keys(newest)) {
			want = append(want, newest[k])
		}
		d := newReporting(t, plainReport(files...)).open(t, func(o *s3.Options) { o.Reports.Memory = rapid.IntRange(1, 2000).Draw(rt, "memory") })
		got, told, err := listReported(t, d, source.ListOptions{})
		if err != nil || told.Name == "" || !slices.Equal(got, want) {
			rt.Fatalf("%v\n%+v, %v, want\n%v", got, told, err, want)
		}
	})
}

// TestReportThatIsNotWhole is told by what the bucket has had for long: a configuration had another filter when it was made.
func TestReportThatIsNotWhole(t *testing.T) {
	var keys []string
	for i := range 30 {
		keys = append(keys, fmt.Sprintf("m/%02d", i))
	}
	for name, test := range map[string]struct {
		old, young []string // of the bucket, beside those of the report
		opts       source.ListOptions
		missing    string // "": it is whole as far as that can be told
	}{
		"nothing else":                    {},
		"something new before it":         {young: []string{"a"}},
		"something old before it":         {old: []string{"a"}, missing: "a"},
		"something old in between":        {old: []string{"m/05x"}, missing: "m/05x"},
		"a new folder behind it":          {young: []string{"n/1", "n/2"}},
		"an old folder behind it":         {young: []string{"n/1"}, old: []string{"n/2"}, missing: "n/2"},
		"something old that is behind it": {old: []string{"a", "n/2"}, opts: source.ListOptions{After: "m/03"}, missing: "n/2"},
		"below a prefix all is told":      {old: []string{"a", "n/2"}, opts: source.ListOptions{Prefix: "m/"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReporting(t, plainReport(s3test.Rows(reportedAll(keys)...)))
			r.pageSize = 10
			age := map[string]bool{}
			for _, k := range slices.Concat(keys, test.old) {
				r.put("b", k, k)
				age[k] = true
			}
			for _, k := range test.young {
				r.put("b", k, k)
			}
			r.modified = func(key string) time.Time {
				if age[key] {
					return reportTime.Add(-25 * time.Hour)
				}
				return reportTime.Add(-23 * time.Hour)
			}
			_, told, err := listReported(t, r.open(t, nil), test.opts)
			if err != nil || (told.Name == "") != (test.missing != "") || !strings.Contains(told.Reason, test.missing) {
				t.Errorf("%+v, %v", told, err)
			}
		})
	}
}
