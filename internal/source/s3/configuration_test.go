package s3_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/source/s3"
)

// answers are what a store answers to the configuration requests of a bucket, by subresource; what is missing is not implemented.
type answers map[string]answer

type answer struct {
	status int
	body   string
}

func errorBody(code string) string {
	return "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>secret text of the store</Message></Error>"
}

// subresources are those that Configuration asks for.
var subresources = []string{"versioning", "policy", "acl", "publicAccessBlock", "ownershipControls", "encryption", "tagging", "replication", "location"}

type asked struct {
	mu    sync.Mutex
	count map[string]int
}

func (a *asked) add(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count[what]++
}

func (a answers) serve(t *testing.T) (http.Handler, *asked) {
	counted := &asked{count: map[string]int{}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		what := "none"
		if strings.HasPrefix(r.URL.Path, "/v20180820/") {
			what = "account"
			if got := r.Header.Get("X-Amz-Account-Id"); got != "123456789012" {
				t.Errorf("asked for the block of account %q", got)
			}
		}
		for _, s := range subresources {
			if r.URL.Query().Has(s) {
				what = s
			}
		}
		counted.add(what)
		reply, ok := a[what]
		if !ok {
			reply = answer{501, errorBody("NotImplemented")}
		}
		w.WriteHeader(reply.status)
		fmt.Fprint(w, reply.body)
	}), counted
}

// awsAnswers are in the form of Amazon S3's own, after the examples of its API reference.
func awsAnswers() answers {
	const ns = ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`
	return answers{
		"versioning": {200, `<VersioningConfiguration` + ns + `><Status>Enabled</Status></VersioningConfiguration>`},
		"policy":     {200, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}`},
		"acl": {200, `<AccessControlPolicy` + ns + `><Owner><ID>79a59df900b949e5</ID><DisplayName>acme</DisplayName></Owner><AccessControlList>` +
			`<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>79a59df900b949e5</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant>` +
			`<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant>` +
			`</AccessControlList></AccessControlPolicy>`},
		"publicAccessBlock": {200, `<PublicAccessBlockConfiguration` + ns + `><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>false</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>false</RestrictPublicBuckets></PublicAccessBlockConfiguration>`},
		"ownershipControls": {200, `<OwnershipControls` + ns + `><Rule><ObjectOwnership>BucketOwnerPreferred</ObjectOwnership></Rule></OwnershipControls>`},
		"encryption":        {200, `<ServerSideEncryptionConfiguration` + ns + `><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>arn:aws:kms:us-east-1:123456789012:key/1</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>`},
		"tagging":           {200, `<Tagging` + ns + `><TagSet><Tag><Key>team</Key><Value>a &amp; b</Value></Tag></TagSet></Tagging>`},
		"replication": {200, `<ReplicationConfiguration` + ns + `><Role>arn:aws:iam::123456789012:role/r</Role><Rule><ID>all</ID><Status>Enabled</Status><Destination><Bucket>arn:aws:s3:::copy</Bucket><Account>444455556666</Account></Destination></Rule>` +
			`<Rule><ID>off</ID><Status>Disabled</Status><Destination><Bucket>arn:aws:s3:::other</Bucket></Destination></Rule></ReplicationConfiguration>`},
		"location": {200, `<LocationConstraint` + ns + `>eu-west-3</LocationConstraint>`},
		"account":  {200, `<PublicAccessBlockConfiguration xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>`},
		"none":     {200, `<ListAllMyBucketsResult><Buckets><Bucket><Name>b</Name><CreationDate>2026-01-02T03:04:05.000Z</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>`},
	}
}

func known() source.Configuration {
	return source.Configuration{
		Region:     source.Known("eu-west-3"),
		Created:    source.Known(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)),
		Owner:      source.Known(source.Owner{ID: "79a59df900b949e5", DisplayName: "acme"}),
		Versioning: source.Known(true),
		Tags:       source.Known([]source.Tag{{Key: "team", Value: "a & b"}}),
		Encryption: source.Known("aws:kms"),
		KMSKey:     source.Known("arn:aws:kms:us-east-1:123456789012:key/1"),
		Policy:     source.Known(awsAnswers()["policy"].body),
		ACL: source.Known([]source.Grant{
			{GranteeType: "CanonicalUser", Grantee: "79a59df900b949e5", Permission: "FULL_CONTROL"},
			{GranteeType: "Group", Grantee: source.AllUsers, Permission: "READ"},
		}),
		PublicAccessBlock: source.Known(source.PublicAccessBlock{BlockPublicACLs: true, BlockPublicPolicy: true}),
		Ownership:         source.Known("BucketOwnerPreferred"),
		Replication: source.Known([]source.ReplicationRule{
			{ID: "all", Enabled: true, Bucket: source.Known("arn:aws:s3:::copy"), Account: source.Known("444455556666")},
			{ID: "off", Bucket: source.Known("arn:aws:s3:::other"), Account: source.Absent[string]("")},
		}),
	}
}

func TestConfiguration(t *testing.T) {
	handler, _ := awsAnswers().serve(t)
	store := open(t, handler, func(o *s3.Options) { o.Profile.Enforces = []s3.Setting{s3.RestrictPublicBuckets} })
	if _, err := store.Buckets(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := store.Configuration(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(known(), c); d != "" {
		t.Errorf("configuration (-want +got):\n%s", d)
	}
	if got, want := store.AccountPublicAccessBlock(t.Context()), source.Known(source.PublicAccessBlock{RestrictPublicBuckets: true}); got != want {
		t.Errorf("the account's block is %+v, want %+v", got, want)
	}
}

// states are the states of every fact, so that a test can name the one that it is about.
func states(c source.Configuration) map[string]string {
	state := func(s source.State, denied bool) string {
		if denied {
			return "denied"
		}
		return s.String()
	}
	return map[string]string{
		"location": state(c.Region.State, c.Region.Denied), "owner": state(c.Owner.State, c.Owner.Denied), "versioning": state(c.Versioning.State, c.Versioning.Denied),
		"tagging": state(c.Tags.State, c.Tags.Denied), "encryption": state(c.Encryption.State, c.Encryption.Denied), "key": state(c.KMSKey.State, c.KMSKey.Denied),
		"policy": state(c.Policy.State, c.Policy.Denied), "acl": state(c.ACL.State, c.ACL.Denied),
		"publicAccessBlock": state(c.PublicAccessBlock.State, c.PublicAccessBlock.Denied), "ownershipControls": state(c.Ownership.State, c.Ownership.Denied),
		"replication": state(c.Replication.State, c.Replication.Denied),
	}
}

// TestOneSetting makes the store answer one question in another way. That fact must be as it says, and nothing else change.
func TestOneSetting(t *testing.T) {
	none := map[string]string{"policy": "NoSuchBucketPolicy", "publicAccessBlock": "NoSuchPublicAccessBlockConfiguration",
		"ownershipControls": "OwnershipControlsNotFoundError", "tagging": "NoSuchTagSet", "replication": "ReplicationConfigurationNotFoundError"}
	listing := `<ListBucketResult><Name>b</Name></ListBucketResult>`
	listed := map[string]string{"encryption": "absent", "ownershipControls": "absent", "publicAccessBlock": "absent", "replication": "absent", "tagging": "absent"}
	for _, what := range subresources {
		for _, test := range []struct {
			name   string
			answer answer
			want   string
		}{
			{"denied", answer{403, errorBody("AccessDenied")}, "denied"},
			{"denied without a body", answer{403, ""}, "denied"},
			{"not implemented", answer{501, errorBody("NotImplemented")}, "absent"},
			{"no such thing", answer{404, errorBody(none[what])}, "absent"},
			{"nothing found, no code", answer{404, ""}, "unknown"},
			{"a listing", answer{200, listing}, cmp.Or(listed[what], "unknown")},
			{"nothing", answer{200, ""}, "unknown"},
			{"a page for people", answer{200, "<!DOCTYPE html><html><body>Welcome</body></html>"}, "unknown"},
			{"half an answer", answer{200, awsAnswers()[what].body[:len(awsAnswers()[what].body)*2/3]}, "unknown"},
			{"broken", answer{500, errorBody("InternalError")}, "unknown"},
			{"not allowed", answer{405, errorBody("MethodNotAllowed")}, "unknown"},
			{"malformed", answer{400, errorBody("MalformedXML")}, "unknown"},
		} {
			if test.name == "no such thing" && none[what] == "" {
				continue
			}
			t.Run(what+"/"+test.name, func(t *testing.T) {
				a := awsAnswers()
				a[what] = test.answer
				handler, _ := a.serve(t)
				store := open(t, handler, func(o *s3.Options) { o.Retry.Attempts = 2 })
				c, err := store.Configuration(t.Context(), "b")
				if err != nil {
					t.Fatal(err)
				}
				want := states(known())
				want[what] = test.want
				switch {
				case what == "encryption":
					want["key"] = test.want
				case what == "acl" && test.want == "absent":
					want["owner"] = "unknown"
				case what == "acl":
					want["owner"] = test.want
				case what == "location" && test.want == "absent":
					want["location"] = "unknown"
				}
				if d := gocmp.Diff(want, states(c)); d != "" {
					t.Errorf("states (-want +got):\n%s\n%+v", d, c)
				}
				if text := fmt.Sprintf("%+v", c); strings.Contains(text, "secret text") || strings.Contains(text, "TESTSECRET") {
					t.Errorf("the store's text reaches the facts: %s", text)
				}
			})
		}
	}
	t.Run("no encryption", func(t *testing.T) {
		a := awsAnswers()
		a["encryption"] = answer{404, errorBody("ServerSideEncryptionConfigurationNotFoundError")}
		handler, _ := a.serve(t)
		c, err := open(t, handler, nil).Configuration(t.Context(), "b")
		if err != nil || c.Encryption != source.Known("NONE") || c.KMSKey.State != source.StateAbsent {
			t.Errorf("encryption %+v, key %+v, error %v, want none", c.Encryption, c.KMSKey, err)
		}
	})
}

func TestWholeBucket(t *testing.T) {
	all := func(status int, code string) answers {
		a := answers{}
		for _, what := range subresources {
			a[what] = answer{status, errorBody(code)}
		}
		return a
	}
	for code, want := range map[string]source.Kind{"NoSuchBucket": source.BucketNotFound, "AccessDenied": source.AccessDenied, "SlowDown": source.Unavailable} {
		handler, _ := all(map[string]int{"NoSuchBucket": 404, "AccessDenied": 403, "SlowDown": 503}[code], code).serve(t)
		store := open(t, handler, func(o *s3.Options) { o.Retry.Attempts = 2 })
		_, err := store.Configuration(t.Context(), "b")
		if source.KindOf(err) != want {
			t.Errorf("%s everywhere: error %v, want kind %q", code, err, want)
		}
	}
	// One answer is enough to have a bucket.
	a := all(403, "AccessDenied")
	a["tagging"] = answer{404, errorBody("NoSuchTagSet")}
	handler, _ := a.serve(t)
	if c, err := open(t, handler, nil).Configuration(t.Context(), "b"); err != nil || !c.Policy.Denied || c.Tags.State != source.StateAbsent {
		t.Errorf("facts %+v, error %v", c, err)
	}
}

func TestNotImplementedIsAskedOnce(t *testing.T) {
	a := awsAnswers()
	delete(a, "publicAccessBlock")
	delete(a, "replication")
	handler, count := a.serve(t)
	store := open(t, handler, nil)
	if f := store.AccountPublicAccessBlock(t.Context()); f.State != source.StateAbsent {
		t.Errorf("the account's block is %+v, want absent", f)
	}
	for _, bucket := range []string{"b", "c", "d"} {
		c, err := store.Configuration(t.Context(), bucket)
		if err != nil || c.PublicAccessBlock.State != source.StateAbsent || c.PublicAccessBlock.Reason == "" || c.Replication.State != source.StateAbsent {
			t.Errorf("bucket %s: block %+v, replication %+v, error %v", bucket, c.PublicAccessBlock, c.Replication, err)
		}
	}
	if count.count["publicAccessBlock"] != 1 || count.count["replication"] != 1 || count.count["account"] != 0 || count.count["policy"] != 3 {
		t.Errorf("asked %v, want once for what the store has not implemented", count.count)
	}
}

func TestLacksOfTheProfile(t *testing.T) {
	a := awsAnswers()
	a["publicAccessBlock"] = answer{200, ""} // a store that lies
	handler, count := a.serve(t)
	store := open(t, handler, func(o *s3.Options) { o.Profile.Lacks = []s3.Setting{s3.PublicAccessBlock} })
	c, err := store.Configuration(t.Context(), "b")
	if err != nil || c.PublicAccessBlock.State != source.StateAbsent || store.AccountPublicAccessBlock(t.Context()).State != source.StateAbsent {
		t.Errorf("block %+v, error %v", c.PublicAccessBlock, err)
	}
	if count.count["publicAccessBlock"] != 0 {
		t.Error("what the profile rules out is asked for")
	}
}

func TestAccountBlockOfOtherStores(t *testing.T) {
	for name, test := range map[string]struct {
		answer answer
		want   source.State
		denied bool
	}{
		"no block":           {answer{404, errorBody("NoSuchPublicAccessBlockConfiguration")}, source.StateAbsent, false},
		"no S3 Control":      {answer{404, errorBody("NoSuchBucket")}, source.StateAbsent, false},
		"not implemented":    {answer{501, errorBody("NotImplemented")}, source.StateAbsent, false},
		"denied":             {answer{403, errorBody("AccessDenied")}, source.StateUnknown, true},
		"denied, wrapped":    {answer{403, "<ErrorResponse>" + errorBody("AccessDenied")[21:] + "</ErrorResponse>"}, source.StateUnknown, true},
		"a listing":          {answer{200, "<ListBucketResult/>"}, source.StateUnknown, false},
		"nothing":            {answer{200, ""}, source.StateUnknown, false},
		"a page for people":  {answer{404, "<html>"}, source.StateUnknown, false},
		"down for some time": {answer{503, ""}, source.StateUnknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := awsAnswers()
			a["account"] = test.answer
			handler, _ := a.serve(t)
			f := open(t, handler, func(o *s3.Options) { o.Retry.Attempts = 2 }).AccountPublicAccessBlock(t.Context())
			if f.State != test.want || f.Denied != test.denied || f.State == source.StateUnknown && f.Reason == "" {
				t.Errorf("the account's block is %+v, want %v, denied %v", f, test.want, test.denied)
			}
		})
	}
}

func TestLongPolicy(t *testing.T) {
	const limit = 10 << 20
	policy := func(size int) string {
		const frame = `{"Version":"2012-10-17","Id":"","Statement":[]}`
		return strings.Replace(frame, `""`, `"`+strings.Repeat("x", size-len(frame))+`"`, 1)
	}
	for size, want := range map[int]source.State{limit: source.StateKnown, limit + 1: source.StateUnknown} {
		a := awsAnswers()
		a["policy"] = answer{200, policy(size)}
		handler, _ := a.serve(t)
		c, err := open(t, handler, nil).Configuration(t.Context(), "b")
		if err != nil || c.Policy.State != want || c.Versioning.State != source.StateKnown {
			t.Errorf("a policy of %d bytes is %v (%s), error %v, want %v", size, c.Policy.State, c.Policy.Reason, err, want)
		}
	}
}

func TestOwnersOfTheProfile(t *testing.T) {
	const me = `"arn:aws:iam::123456789012:root"`
	for _, test := range []struct{ name, told, want string }{
		{"a name", `{"Statement": [ {"Principal": {"AWS": "alice"}, "Action":"*"}]}`, `{"Statement": [ {"Principal": {"AWS": ` + me + `}, "Action":"*"}]}`},
		{"several", `{"Statement":{"NotPrincipal":{"AWS" : ["bob","alice" , "arn:store:user/a"]}}}`, `{"Statement":{"NotPrincipal":{"AWS" : ["bob",` + me + ` , ` + me + `]}}}`},
		{"without a kind", `{"Statement":[{"Principal":"alice"},{"Principal":"bob"},{"Principal":"*"}]}`, `{"Statement":[{"Principal":{"AWS":` + me + `}},{"Principal":{"AWS":"bob"}},{"Principal":"*"}]}`},
		{"a list without a kind", `{"Statement":[{"Principal": ["alice","*"] }]}`, `{"Statement":[{"Principal": {"AWS":[` + me + `,"*"]} }]}`},
		{"escaped", `{"Statement":[{"Principal":{"AWS":"\u0061lice"}}]}`, `{"Statement":[{"Principal":{"AWS":` + me + `}}]}`},
		{"elsewhere", `{"Id":"alice","Statement":[{"Sid":"alice","Principal":{"Service":"alice"},"Resource":"alice","Condition":{"StringEquals":{"Principal":"alice","AWS":"alice"}}}]}`, ""},
		{"part of a name", `{"Statement":[{"Principal":{"AWS":["alice2","arn:aws:iam::123456789012:user/alice"]}}]}`, ""},
		{"numbers", `{"Statement":[{"Principal":{"AWS":123456789012345678901234567890}, "X":1e5}]}`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := awsAnswers()
			a["policy"] = answer{200, test.told}
			handler, _ := a.serve(t)
			c, err := open(t, handler, func(o *s3.Options) { o.Profile.Owners = []string{"alice", "arn:store:user/a"} }).Configuration(t.Context(), "b")
			if test.want == "" {
				test.want = test.told
			}
			if err != nil || c.Policy != source.Known(test.want) {
				t.Errorf("policy %+v, error %v\nwant %s", c.Policy, err, test.want)
			}
		})
	}
	a := awsAnswers()
	a["acl"] = answer{200, strings.Replace(a["acl"].body, "<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"><ID>79a59df900b949e5", "<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"><ID>alice", 1)}
	handler, _ := a.serve(t)
	c, err := open(t, handler, func(o *s3.Options) { o.Profile.Owners = []string{"alice"} }).Configuration(t.Context(), "b")
	if err != nil || c.ACL.Value[0].Grantee != "" {
		t.Errorf("grants %+v, error %v, want the first one to be the owner's", c.ACL, err)
	}
}

func TestUnknownGrants(t *testing.T) {
	for _, grant := range []string{
		`<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Robot"><ID>x</ID></Grantee><Permission>READ</Permission>`,
		`<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"></Grantee><Permission>READ</Permission>`,
		`<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>x</ID></Grantee><Permission>LOOK</Permission>`,
		`<Permission>READ</Permission>`,
	} {
		a := awsAnswers()
		a["acl"] = answer{200, `<AccessControlPolicy><Owner><ID>o</ID></Owner><AccessControlList><Grant>` + grant + `</Grant></AccessControlList></AccessControlPolicy>`}
		handler, _ := a.serve(t)
		c, err := open(t, handler, nil).Configuration(t.Context(), "b")
		if err != nil || c.ACL.State != source.StateUnknown || c.ACL.Reason == "" || c.Owner.State != source.StateKnown {
			t.Errorf("%s: ACL %+v, owner %+v, error %v", grant, c.ACL, c.Owner, err)
		}
	}
}

// TestAsOtherStoresAnswer has the answers that other stores were seen to give, to a bucket of which nothing is configured but what the test
// says. docs/stores.md has the versions.
func TestAsOtherStoresAnswer(t *testing.T) {
	const xsi = `xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
	block := func(root, restrict string) answer {
		return answer{200, `<?xml version="1.0" encoding="UTF-8"?><` + root + `><BlockPublicAcls>false</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>` +
			`<BlockPublicPolicy>false</BlockPublicPolicy><RestrictPublicBuckets>` + restrict + `</RestrictPublicBuckets></` + root + `>`}
	}
	listing := answer{200, `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix></Prefix>` +
		`<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>`}
	ceph := answers{
		"versioning": {200, `<?xml version="1.0" encoding="UTF-8"?><VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></VersioningConfiguration>`},
		"policy":     {404, errorBody("NoSuchBucketPolicy")},
		"acl": {200, `<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>storage</ID><DisplayName>Storage</DisplayName></Owner><AccessControlList>` +
			`<Grant><Grantee ` + xsi + ` xsi:type="CanonicalUser"><ID>storage</ID><DisplayName>Storage</DisplayName></Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>`},
		"publicAccessBlock": block("BlockPublicAccessBlockConfiguration", "true"),
		"ownershipControls": listing, "encryption": listing,
		"replication": {200, `<?xml version="1.0" encoding="UTF-8"?><ReplicationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Role></Role></ReplicationConfiguration>`},
		"tagging":     {404, errorBody("NoSuchTagSet")},
		"location":    {200, `<?xml version="1.0" encoding="UTF-8"?><LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">default</LocationConstraint>`},
		"account":     {404, errorBody("NoSuchBucket")},
	}
	later := func(block answer) answers {
		a := answers{}
		for what, reply := range ceph {
			a[what] = reply
		}
		a["publicAccessBlock"] = block
		return a
	}
	minio := answers{
		"versioning": {200, `<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></VersioningConfiguration>`},
		"policy":     {404, errorBody("NoSuchBucketPolicy")},
		"acl": {200, `<AccessControlPolicy><Owner><ID></ID><DisplayName></DisplayName></Owner><AccessControlList><Grant><Grantee ` + xsi +
			` xsi:type="CanonicalUser"><Type>CanonicalUser</Type></Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>`},
		"encryption":  {404, errorBody("ServerSideEncryptionConfigurationNotFoundError")},
		"replication": {404, errorBody("ReplicationConfigurationNotFoundError")},
		"tagging":     {404, errorBody("NoSuchTagSet")},
		"location":    {200, `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></LocationConstraint>`},
		"account":     {404, errorBody("NoSuchBucket")},
	}
	ofCeph := map[string]string{"location": "known", "owner": "known", "versioning": "absent", "tagging": "absent", "encryption": "absent", "key": "absent",
		"policy": "absent", "acl": "known", "publicAccessBlock": "known", "ownershipControls": "absent", "replication": "absent"}
	doubted := maps.Clone(ofCeph)
	doubted["publicAccessBlock"] = "unknown"
	ofMinIO := maps.Clone(ofCeph)
	ofMinIO["publicAccessBlock"], ofMinIO["encryption"], ofMinIO["owner"] = "absent", "known", "unknown"
	const s3Root = "PublicAccessBlockConfiguration"
	for _, test := range []struct {
		name    string
		answers answers
		profile s3.Profile
		want    map[string]string
		block   source.PublicAccessBlock
		grantee string
	}{
		{"Ceph 16", ceph, s3.Profile{}, ofCeph, source.PublicAccessBlock{IgnorePublicACLs: true}, "storage"},
		{"Ceph 16, whatever its profile says it lacks", ceph, s3.Profile{Lacks: []s3.Setting{s3.RestrictPublicBuckets}}, ofCeph, source.PublicAccessBlock{IgnorePublicACLs: true}, "storage"},
		{"S3's own root element", later(block(s3Root, "true")), s3.Profile{}, doubted, source.PublicAccessBlock{}, "storage"},
		{"S3's own root element, without the switch that may not be enforced", later(block(s3Root, "false")), s3.Profile{}, ofCeph, source.PublicAccessBlock{IgnorePublicACLs: true}, "storage"},
		{"S3's own root element, known not to be enforced", later(block(s3Root, "true")), s3.Profile{Lacks: []s3.Setting{s3.RestrictPublicBuckets}}, ofCeph, source.PublicAccessBlock{IgnorePublicACLs: true}, "storage"},
		{"S3's own root element, known to be enforced", later(block(s3Root, "true")), s3.Profile{Enforces: []s3.Setting{s3.RestrictPublicBuckets}}, ofCeph,
			source.PublicAccessBlock{IgnorePublicACLs: true, RestrictPublicBuckets: true}, "storage"},
		{"MinIO", minio, s3.Profile{}, ofMinIO, source.PublicAccessBlock{}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			handler, _ := test.answers.serve(t)
			store := open(t, handler, func(o *s3.Options) { o.Profile = test.profile })
			c, err := store.Configuration(t.Context(), "b")
			if err != nil {
				t.Fatal(err)
			}
			if d := gocmp.Diff(test.want, states(c)); d != "" {
				t.Errorf("states (-want +got):\n%s\n%+v", d, c)
			}
			if c.PublicAccessBlock.Value != test.block {
				t.Errorf("the block is %+v, want %+v", c.PublicAccessBlock.Value, test.block)
			}
			if c.PublicAccessBlock.State == source.StateUnknown && !strings.Contains(c.PublicAccessBlock.Reason, "restrict_public_buckets") {
				t.Errorf("the reason %q does not say what to do", c.PublicAccessBlock.Reason)
			}
			if want := []source.Grant{{GranteeType: "CanonicalUser", Grantee: test.grantee, Permission: "FULL_CONTROL"}}; !slices.Equal(c.ACL.Value, want) {
				t.Errorf("the ACL is %+v, want %+v", c.ACL.Value, want)
			}
			if f := store.AccountPublicAccessBlock(t.Context()); test.name == "MinIO" && f.State != source.StateAbsent {
				t.Errorf("the account's block is %+v, want absent", f)
			}
		})
	}
}

// TestListingOfAllQuestions: if something on the way takes the questions away, nothing is known, rather than missing.
func TestListingOfAllQuestions(t *testing.T) {
	a := answers{}
	for _, what := range subresources {
		a[what] = answer{200, `<ListBucketResult><Name>b</Name></ListBucketResult>`}
	}
	handler, _ := a.serve(t)
	c, err := open(t, handler, nil).Configuration(t.Context(), "b")
	if err == nil {
		for what, state := range states(c) {
			if state != "unknown" {
				t.Errorf("%s is %s", what, state)
			}
		}
	}
}

// TestGrantToNobody: only the full control of an owner without an id is the owner's.
func TestGrantToNobody(t *testing.T) {
	const grant = `<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><Type>CanonicalUser</Type></Grantee><Permission>%s</Permission></Grant>`
	for _, test := range []struct{ owner, permission, want string }{
		{"", "FULL_CONTROL", "known"}, {"", "READ", "unknown"}, {"o", "FULL_CONTROL", "unknown"},
	} {
		a := awsAnswers()
		a["acl"] = answer{200, `<AccessControlPolicy><Owner><ID>` + test.owner + `</ID></Owner><AccessControlList>` + fmt.Sprintf(grant, test.permission) + `</AccessControlList></AccessControlPolicy>`}
		handler, _ := a.serve(t)
		c, err := open(t, handler, nil).Configuration(t.Context(), "b")
		if err != nil || c.ACL.State.String() != test.want {
			t.Errorf("owner %q, %s: ACL %+v, error %v, want it %s", test.owner, test.permission, c.ACL, err, test.want)
		}
	}
}
