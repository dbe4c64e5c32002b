package storetest

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// The findings of the benchmarks: an estate of some 500 buckets, skewed as estates are, whose 20 jobs a million ran one after the other
// over 90 days. Everything follows from the number of the finding.

// sampleStart is when the first sample finding was made.
var sampleStart = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)

const (
	sampleStep    = 7776 * time.Millisecond // a million make 90 days
	samplesPerJob = 50_000
	sampleBuckets = 500
)

// mix is the finalizer of SplitMix64: a good hash of small numbers.
func mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// sampleKind is a kind of object with what is found in it.
type sampleKind struct {
	share            uint64 // of 100
	extension, mime  string
	category, kind   string // of the finding
	detections       [3]string
	severityOf100    [2]uint64 // Low below the first, Medium below the second, else High
	sensitiveOfOther string    // a second category
}

// No CSV file holds AWS credentials: two common fields that never meet.
var sampleKinds = []sampleKind{
	{25, "csv", "text/csv", "PERSONAL_INFORMATION", "Personal", [3]string{"NAME", "ADDRESS", "USA_SOCIAL_SECURITY_NUMBER"}, [2]uint64{30, 70}, ""},
	{15, "json", "application/json", "PERSONAL_INFORMATION", "Personal", [3]string{"NAME", "DATE_OF_BIRTH", "PHONE_NUMBER"}, [2]uint64{60, 90}, ""},
	{15, "log", "text/plain", "CREDENTIALS", "Credentials", [3]string{"AWS_CREDENTIALS", "HTTP_BASIC_AUTH_HEADER", ""}, [2]uint64{0, 0}, ""},
	{5, "env", "text/plain", "CREDENTIALS", "Credentials", [3]string{"AWS_CREDENTIALS", "PGP_PRIVATE_KEY", ""}, [2]uint64{0, 0}, ""},
	{10, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "FINANCIAL_INFORMATION", "Financial",
		[3]string{"CREDIT_CARD_NUMBER", "BANK_ACCOUNT_NUMBER", ""}, [2]uint64{10, 20}, ""},
	{10, "txt", "text/plain", "FINANCIAL_INFORMATION", "Financial", [3]string{"CREDIT_CARD_NUMBER", "CREDIT_CARD_EXPIRATION", ""}, [2]uint64{20, 60}, ""},
	{10, "parquet", "application/x-parquet", "PERSONAL_INFORMATION", "Multiple", [3]string{"NAME", "PHONE_NUMBER", "CREDIT_CARD_NUMBER"}, [2]uint64{20, 50},
		"FINANCIAL_INFORMATION"},
	{9, "", "text/plain", "CREDENTIALS", "Multiple", [3]string{"AWS_CREDENTIALS", "OPENSSH_PRIVATE_KEY", ""}, [2]uint64{0, 0}, "PERSONAL_INFORMATION"},
	{1, "pdf", "application/pdf", "PERSONAL_INFORMATION", "Personal", [3]string{"UK_PASSPORT_NUMBER", "NAME", ""}, [2]uint64{10, 60}, ""},
}

// SampleFindingID returns the id of sample finding n.
func SampleFindingID(n int) string {
	var b [16]byte
	for i, v := range []uint64{mix(uint64(n)), mix(uint64(n) ^ 0xf1)} {
		for j := range 8 {
			b[i*8+j] = byte(v >> (8 * j))
		}
	}
	return hex.EncodeToString(b[:])
}

// SampleJob returns the id of the job that made sample finding n.
func SampleJob(n int) string { return fmt.Sprintf("%032x", mix(uint64(n/samplesPerJob)^0xabcd)) }

// SampleTime returns when sample finding n was made, in milliseconds.
func SampleTime(n int) int64 { return sampleStart.Add(time.Duration(n) * sampleStep).UnixMilli() }

// SampleBucket returns the name of the bucket with the i-th most findings.
func SampleBucket(i int) string {
	return fmt.Sprintf("estate-%03d-%s", i, []string{"data", "logs", "backup"}[i%3])
}

// SampleFinding returns the JSON of sample finding n, about 1.7 KB. Every 200th is a policy finding, every other of which was updated.
func SampleFinding(n int) []byte {
	h := mix(uint64(n) ^ 0x5eed)
	pick := func(of uint64) uint64 {
		h = mix(h)
		return h % of
	}
	u := pick(sampleBuckets) * pick(sampleBuckets) / sampleBuckets // products of two are skewed to the small
	at := sampleStart.Add(time.Duration(n) * sampleStep)
	var b strings.Builder
	fmt.Fprintf(&b, `{"accountId":"111122223333","archived":%t,`, pick(100) < 30)
	created, updated, count := at, at, 1
	if n%200 == 199 {
		if n%400 == 399 {
			updated, count = at.Add(72*time.Hour), 1+int(pick(5))+1
		}
		kind := []string{"S3BucketPublic", "S3BlockPublicAccessDisabled", "S3BucketSharedExternally"}[pick(3)]
		fmt.Fprintf(&b, `"category":"POLICY","type":"Policy:IAMUser/%s","severity":{"score":3,"description":"High"},"policyDetails":{"action":`+
			`{"actionType":"AWS_API_CALL","apiCallDetails":{"api":"PutBucketPolicy","apiServiceName":"s3.amazonaws.com","firstSeen":%q,"lastSeen":%q}},`+
			`"actor":{"ipAddressDetails":{"ipAddressV4":"198.51.100.%d","ipCountry":{"code":"NL","name":"Netherlands"}},"userIdentity":{"type":"IAMUser",`+
			`"iamUser":{"accountId":"111122223333","principalId":"AIDAEXAMPLE","userName":"user-%d"}}}},"classificationDetails":null,`+
			`"resourcesAffected":{%s,"s3Object":null},`, kind, stamp(created), stamp(updated), pick(250), pick(40), sampleBucket(u, n))
	} else {
		sampleObject(&b, n, u, pick)
	}
	fmt.Fprintf(&b, `"count":%d,"createdAt":%q,"updatedAt":%q,"description":"The object holds values that look like sensitive data.",`+
		`"id":%q,"partition":"aws","region":"us-east-1","sample":%t,"schemaVersion":"1.0","title":"The S3 object contains sensitive data"}`,
		count, stamp(created), stamp(updated), SampleFindingID(n), pick(1000) == 0)
	return []byte(b.String())
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func sampleObject(b *strings.Builder, n int, bucket uint64, pick func(uint64) uint64) {
	var kind sampleKind
	for i, at := 0, pick(100); ; i++ {
		if kind = sampleKinds[i]; at < kind.share {
			break
		}
		at -= kind.share
	}
	score, severity := 3, "High"
	switch s := pick(100); {
	case s < kind.severityOf100[0]:
		score, severity = 1, "Low"
	case s < kind.severityOf100[1]:
		score, severity = 2, "Medium"
	}
	name := SampleBucket(int(bucket))
	key := fmt.Sprintf("year=2026/part=%02d/%08d", n/10_000%100, n)
	if kind.extension != "" {
		key += "." + kind.extension
	}
	total := 1 + pick(300)
	fmt.Fprintf(b, `"category":"CLASSIFICATION","type":"SensitiveData:S3Object/%s","severity":{"score":%d,"description":%q},"policyDetails":null,`,
		kind.kind, score, severity)
	fmt.Fprintf(b, `"classificationDetails":{"detailedResultsLocation":"s3://[export-config-not-set]/AWSLogs/","jobArn":"arn:aws:macie2:us-east-1:111122223333:classification-job/%[1]s",`+
		`"jobId":%[1]q,"originType":"SENSITIVE_DATA_DISCOVERY_JOB","result":{"additionalOccurrences":false,"customDataIdentifiers":{"detections":[],"totalCount":0},`+
		`"mimeType":%[2]q,"sensitiveData":[{"category":%[3]q,"totalCount":%[4]d,"detections":[`, SampleJob(n), kind.mime, kind.category, total)
	for i, d := range kind.detections {
		if d == "" || i > 0 && pick(2) == 0 {
			continue
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(b, `{"type":%q,"count":%d,"occurrences":{"cells":null,"lineRanges":[{"start":%d,"end":%[3]d,"startColumn":1}],"offsetRanges":[],"pages":[],"records":[]}}`,
			d, 1+total/uint64(i+1), pick(10_000))
	}
	b.WriteString("]}")
	if kind.sensitiveOfOther != "" {
		fmt.Fprintf(b, `,{"category":%q,"totalCount":1,"detections":[{"type":"NAME","count":1}]}`, kind.sensitiveOfOther)
	}
	size := 1 + pick(1<<22)
	fmt.Fprintf(b, `],"sizeClassified":%[1]d,"status":{"code":%[2]q,"reason":null}}},"resourcesAffected":{%[3]s,"s3Object":{"bucketArn":"arn:aws:s3:::%[4]s",`+
		`"eTag":"%032[1]x","extension":%[5]q,"key":%[6]q,"lastModified":%[7]q,"path":"%[4]s/%[6]s","publicAccess":%[8]t,`, size,
		[]string{"COMPLETE", "PARTIAL"}[pick(20)/19], sampleBucket(bucket, n), name, kind.extension, key,
		stamp(sampleStart.Add(-time.Duration(pick(1000))*time.Hour)), publicBucket(bucket))
	fmt.Fprintf(b, `"serverSideEncryption":{"encryptionType":"AES256","kmsMasterKeyId":null},"size":%d,"storageClass":"STANDARD","tags":[],"versionId":""}},`, size)
}

func publicBucket(bucket uint64) bool { return bucket%25 == 24 }

// sampleBucket writes the facts of a bucket, which change every 200,000 findings.
func sampleBucket(bucket uint64, n int) string {
	permission := "NOT_PUBLIC"
	if publicBucket(bucket) {
		permission = "PUBLIC"
	}
	block := fmt.Sprintf(`{"blockPublicAcls":%[1]t,"blockPublicPolicy":%[1]t,"ignorePublicAcls":%[1]t,"restrictPublicBuckets":%[1]t}`, !publicBucket(bucket))
	name := SampleBucket(int(bucket))
	return fmt.Sprintf(`"s3Bucket":{"allowsUnencryptedObjectUploads":"FALSE","arn":"arn:aws:s3:::%s","createdAt":%q,"defaultServerSideEncryption":`+
		`{"encryptionType":"AES256","kmsMasterKeyId":null},"name":%[1]q,"owner":{"displayName":"estate","id":"79a59df900b949e55d96a1e698fbaced"},`+
		`"publicAccess":{"effectivePermission":%[3]q,"permissionConfiguration":{"accountLevelPermissions":{"blockPublicAccess":%[4]s},"bucketLevelPermissions":`+
		`{"accessControlList":{"allowsPublicReadAccess":false,"allowsPublicWriteAccess":false},"blockPublicAccess":%[4]s,"bucketPolicy":`+
		`{"allowsPublicReadAccess":%[5]t,"allowsPublicWriteAccess":false}}}},"tags":[{"key":"team","value":"team-%[6]d"}]}`,
		name, stamp(sampleStart.Add(time.Duration(n/200_000)*time.Hour)), permission, block, publicBucket(bucket), bucket%12)
}
