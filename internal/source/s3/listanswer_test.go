package s3

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// answering answers everything with one text.
type answering string

// RoundTrip implements http.RoundTripper.
func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(a))), Request: r}, nil
}

// repeated is the token, and what a store repeats of the question: a prefix is that unless it stands among the common ones.
var repeated = regexp.MustCompile(`(<CommonPrefixes>[ \n\t\r]*)?<(Name|Tenant|Prefix|Delimiter|ContinuationToken|NextContinuationToken|StartAfter)>[^<]*</`)

// withoutQuestion leaves out what is repeated.
func withoutQuestion(text string) string {
	return repeated.ReplaceAllStringFunc(text, func(found string) string {
		if strings.HasPrefix(found, "<CommonPrefixes>") {
			return found
		}
		return found[:strings.IndexByte(found, '>')+1] + "</"
	})
}

// byClient is what the client's own decoder makes of an answer.
func byClient(t testing.TB, text string) (listAnswer, error) {
	client := s3.New(s3.Options{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), HTTPClient: &http.Client{Transport: answering(text)},
		Retryer: aws.NopRetryer{},
	})
	out, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("b")})
	var a listAnswer
	if err == nil {
		a.from(out)
	}
	return a, err
}

func compare(t testing.TB, text string, mustRead bool) {
	t.Helper()
	var a listAnswer
	if !a.read([]byte(text)) {
		if mustRead {
			t.Errorf("left to the client: %s", text)
		}
		if d := cmp.Diff(listAnswer{}, a, cmp.AllowUnexported(listAnswer{})); d != "" {
			t.Errorf("what is left to the client is half read: %s", d)
		}
		return
	}
	want, err := byClient(t, text)
	if err != nil {
		want, err = byClient(t, withoutQuestion(text))
		want.token = a.token
	}
	if err != nil {
		t.Errorf("the client refuses it: %v\n%s", err, text)
		return
	}
	if a.token == "" {
		want.token = "" // one with characters that XML does not have, or that the client changes
	}
	if d := cmp.Diff(want, a, cmp.AllowUnexported(listAnswer{}), cmpopts.EquateEmpty()); d != "" {
		t.Errorf("(-client +ours)\n%s\n%s", d, text)
	}
}

const (
	awsAnswer = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix></Prefix>` +
		`<NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken><KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys>` +
		`<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><Contents><Key>a%2Bb+c</Key><LastModified>2026-10-12T17:50:30.000Z</LastModified>` +
		`<ETag>&quot;70ee1738b6b21e2c8a43f3a5ab0eee71-3&quot;</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>` +
		`<Size>5497558138880</Size><StorageClass>STANDARD</StorageClass></Contents>` +
		`<Contents><Key>d &amp; é</Key><LastModified>2026-10-12T17:50:30.123456789Z</LastModified><ETag>"x"</ETag><Size>0</Size>` +
		`<Owner><ID>abc</ID><DisplayName>me &lt;3</DisplayName></Owner><StorageClass>GLACIER_IR</StorageClass></Contents>` +
		`<CommonPrefixes><Prefix>e/</Prefix></CommonPrefixes></ListBucketResult>`
	// Ceph repeats the question as it is, whatever the encoding and whether XML has such characters or not.
	cephAnswer = `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EncodingType>url</EncodingType><Tenant>t</Tenant><Name>b</Name>` +
		"<Prefix>a&#x01;&amp;</Prefix><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated><Contents><Key>dot%2F..%2Fx%01.csv</Key>" +
		`<LastModified>2026-11-22T00:33:57.519Z</LastModified><ETag>&quot;1ea334558fc1bcd4c8d9bbcd7b4f6737&quot;</ETag><Size>57</Size><StorageClass>STANDARD</StorageClass>` +
		"<Owner><ID>storage</ID><DisplayName>Storage</DisplayName></Owner><Type>Normal</Type></Contents><KeyCount>1</KeyCount><StartAfter>\uffff\x01</StartAfter></ListBucketResult>"
	bareAnswer = "<ListBucketResult>\n  <IsTruncated>false</IsTruncated>\n  <Prefix/>\n  <Contents>\n    <Key>a</Key>\n  </Contents>\n</ListBucketResult>\n"
)

func TestListAnswer(t *testing.T) {
	compare(t, awsAnswer, true)
	compare(t, bareAnswer, true)
	compare(t, "<ListBucketResult></ListBucketResult>", true)
	compare(t, cephAnswer, true)
	var a listAnswer
	if !a.read([]byte(awsAnswer)) {
		t.Fatal("not read")
	}
	a.decode()
	var odd listAnswer
	for token, want := range map[string]string{"a&amp;b": "a&b", "\uffff": "", "a&#x01;": "", "cr\rx": ""} {
		text := strings.Replace(cephAnswer, "<KeyCount>", "<NextContinuationToken>"+token+"</NextContinuationToken><KeyCount>", 1)
		if !odd.read([]byte(text)) || odd.token != want || len(odd.objects) != 1 {
			t.Errorf("the token %q is read as %q, want %q: %+v", token, odd.token, want, odd)
		}
	}
	if a.objects[0].Key != "a+b c" || a.objects[0].Size != 5<<40 || a.objects[0].ETag != "70ee1738b6b21e2c8a43f3a5ab0eee71-3" || !a.more || a.token == "" || a.prefixes[0] != "e/" {
		t.Errorf("%+v", a)
	}
	// Each of these is not as usual: the client may make of it what it wants.
	for _, change := range [][2]string{
		{"<Size>0</Size>", "<Size>x</Size>"}, {"<Size>0</Size>", "<size>1</size>"}, {"<Size>0</Size>", "<Size unit='B'>1</Size>"}, {"&amp;", "&nbsp;"},
		{"&amp;", "&#233;"}, {"<Name>b</Name>", "<Name><![CDATA[b]]></Name>"}, {"<Name>b</Name>", "<!-- b -->"}, {"é", "\xe9"}, {"é", "\r\n"}, {"é", "\x01"},
		{"UTF-8", "ISO-8859-1"}, {"<ListBucketResult ", "<ListBucketResult x='1' "}, {"</ListBucketResult>", ""}, {"</ListBucketResult>", "</ListBucketResult><x/>"},
		{"<Key>a", "<Key>]]>"}, {"2026-10-12T17:50:30.000Z", "2026-10-12T17:50:30+02:00"}, {"<IsTruncated>true", "<IsTruncated>yes"}, {"<KeyCount>2", "<KeyCount>"},
	} {
		text := strings.Replace(awsAnswer, change[0], change[1], 1)
		if text == awsAnswer {
			t.Fatalf("%q is not there", change[0])
		}
		if new(listAnswer).read([]byte(text)) {
			t.Errorf("%q instead of %q is read", change[1], change[0])
		}
	}
	for i := range awsAnswer {
		compare(t, awsAnswer[:i], false)
	}
}

func FuzzListAnswer(f *testing.F) {
	f.Add(awsAnswer)
	f.Add(bareAnswer)
	f.Add(cephAnswer)
	for _, text := range []string{"", "<", "<>", "<ListBucketResult>", "<?xml ?>", "<ListBucketResult/>", "<ListBucketResult></ListBucketResult >", "<ListBucketResult><Contents></Contents></ListBucketResult>"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { compare(t, text, false) })
}

func BenchmarkListAnswer(b *testing.B) {
	var text strings.Builder
	text.WriteString(`<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated>`)
	for i := range 1000 {
		fmt.Fprintf(&text, `<Contents><Key>warehouse/events/2026/part=001/%06d-0123456789.parquet</Key><LastModified>2026-10-12T17:50:30.000Z</LastModified>`+
			`<ETag>&quot;70ee1738b6b21e2c8a43f3a5ab0eee71&quot;</ETag><Size>%d</Size><StorageClass>STANDARD</StorageClass></Contents>`, i, i)
	}
	text.WriteString("</ListBucketResult>")
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var a listAnswer
			if !a.read([]byte(text.String())) || len(a.objects) != 1000 {
				b.Fatal("not read")
			}
		}
		b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "keys/s")
	})
	b.Run("the client", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if a, err := byClient(b, text.String()); err != nil || len(a.objects) != 1000 {
				b.Fatal(err)
			}
		}
		b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "keys/s")
	})
}
