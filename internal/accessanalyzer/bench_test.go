package accessanalyzer

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/memory"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/accessanalyzer"
)

// ordinary are statements of the kinds that people's bucket policies have; BUCKET and ## are filled in.
var ordinary = []string{
	``,
	`{"Sid":"TLS","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::BUCKET","arn:aws:s3:::BUCKET/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`,
	`{"Sid":"Logs","Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::BUCKET/*"}`,
	`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/app-##"},"Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::BUCKET/*"}`,
	`{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::999988887777:root","arn:aws:iam::444455556666:role/reader-##"]},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::BUCKET","arn:aws:s3:::BUCKET/*"]}`,
	`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::BUCKET/*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}}`,
	`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::BUCKET/public/*"}`,
	`{"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::BUCKET","arn:aws:s3:::BUCKET/*"],"Condition":{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","198.51.100.0/24"]}}}`,
}

const benchBuckets = 10_000

func ordinaryPolicy(i int) string {
	statement := ordinary[i%len(ordinary)]
	if statement == "" {
		return ""
	}
	return strings.NewReplacer("BUCKET", fmt.Sprintf("bucket-%05d", i), "##", fmt.Sprint(i)).Replace(`{"Version":"2012-10-17","Statement":[` + statement + `]}`)
}

// configureBucket makes a bucket of a store with the policy of a number.
func configureBucket(s *memory.Store, i, policy int) {
	c := source.Configuration{ACL: source.Known([]source.Grant{}), Ownership: source.Known("BucketOwnerEnforced"),
		PublicAccessBlock: source.Absent[source.PublicAccessBlock](""), Policy: source.Absent[string]("")}
	if text := ordinaryPolicy(policy); text != "" {
		c.Policy = source.Known(strings.ReplaceAll(text, fmt.Sprintf("bucket-%05d", policy), fmt.Sprintf("bucket-%05d", i)))
	}
	s.Configure(fmt.Sprintf("bucket-%05d", i), c)
}

// storeOfBuckets is a store that tells of each bucket how it is configured.
func storeOfBuckets() *memory.Store {
	s := &memory.Store{}
	s.SetAccountPublicAccessBlock(source.Absent[source.PublicAccessBlock](""))
	for i := range benchBuckets {
		s.CreateBucket(source.Bucket{Name: fmt.Sprintf("bucket-%05d", i)})
		configureBucket(s, i, i)
	}
	return s
}

// cpu reports how much processor time an iteration takes, which a busy machine does not make longer.
func cpu(b *testing.B) (stop func()) {
	used := func() time.Duration {
		var r syscall.Rusage
		must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	start := used()
	return func() { b.ReportMetric(float64((used()-start).Microseconds())/1000/float64(b.N), "cpu-ms/op") }
}

func benchWorld(b *testing.B, d source.Driver) *world {
	w := newWorld(b)
	w.cfg.Sources = Sources{home: {d}}
	w.restart()
	w.analyzer()
	return w
}

// BenchmarkCold scans 10,000 buckets with ordinary policies for the first time: source, analysis and SQLite.
func BenchmarkCold(b *testing.B) {
	s := storeOfBuckets()
	defer cpu(b)()
	for b.Loop() {
		b.StopTimer()
		w := benchWorld(b, s)
		b.StartTimer()
		w.scan()
		b.StopTimer()
		out, err := w.service.GetFindingsStatistics(w.ctx, &accessanalyzer.GetFindingsStatisticsInput{AnalyzerArn: wire.Ptr(homeARN)})
		must(b, err)
		b.ReportMetric(float64(*out.FindingsStatistics[0].ExternalAccessFindingsStatistics.TotalActiveFindings), "findings")
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB-after")
		b.StartTimer()
	}
}

// BenchmarkChange scans them again after the policy of one has changed.
func BenchmarkChange(b *testing.B) {
	s := storeOfBuckets()
	w := benchWorld(b, s)
	w.scan()
	n := 0
	defer cpu(b)()
	for b.Loop() {
		n++
		configureBucket(s, 4, 4+n%2*2)
		w.clock.advance(time.Second)
		w.scan()
	}
	if got := w.analyzedAt(); got["bucket-00004"] != time.Duration(n)*time.Second {
		b.Errorf("the change was analysed at %v", got["bucket-00004"])
	}
}

// BenchmarkUnchanged scans them again when nothing has changed.
func BenchmarkUnchanged(b *testing.B) {
	w := benchWorld(b, storeOfBuckets())
	w.scan()
	defer cpu(b)()
	for b.Loop() {
		w.scan()
	}
}

// BenchmarkRestart is the first scan of a server that finds everything in the database.
func BenchmarkRestart(b *testing.B) {
	w := benchWorld(b, storeOfBuckets())
	w.scan()
	defer cpu(b)()
	for b.Loop() {
		w.restart()
		w.scan()
	}
}

// BenchmarkTemplate scans an estate folder whose template is almost as long as one may be: cold, after one change, and when nothing has changed.
func BenchmarkTemplate(b *testing.B) {
	text := func(changed int) string {
		var t strings.Builder
		t.WriteString(`{"Resources":{`)
		for i := range 2000 {
			policy := ordinaryPolicy(i)
			if i == changed {
				policy = ""
			}
			fmt.Fprintf(&t, "%s\n\"B%d\":{\"Type\":\"AWS::S3::Bucket\",\"Properties\":{\"BucketName\":\"bucket-%05d\"}}", map[bool]string{true: ","}[i > 0], i, i)
			if policy != "" {
				fmt.Fprintf(&t, ",\n\"P%d\":{\"Type\":\"AWS::S3::BucketPolicy\",\"Properties\":{\"Bucket\":\"bucket-%05d\",\"PolicyDocument\":%s}}", i, i, policy)
			}
		}
		return t.String() + "}}"
	}
	texts := []string{text(-1), text(4)}
	e := &estate{documents: map[string]string{"template.json": texts[0]}}
	b.Run("Cold", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			w := benchWorld(b, e)
			b.StartTimer()
			w.scan()
		}
	})
	w := benchWorld(b, e)
	w.scan()
	b.Run("Change", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n++
			e.set("template.json", texts[n%2])
			w.scan()
		}
	})
	b.Run("Unchanged", func(b *testing.B) {
		for b.Loop() {
			w.scan()
		}
	})
}
