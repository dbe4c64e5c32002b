package catalog

import (
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCounts has the numbers of the package that the catalogue is made of, counted in its JSON by other means.
func TestCounts(t *testing.T) {
	c := Load()
	keys, resources, required := 0, 0, 0
	levels, types := map[AccessLevel]int{}, map[Type]int{}
	rcp := 0
	for i := range c.Services() {
		s := &c.Services()[i]
		keys += len(s.Keys)
		if s.RCP {
			rcp++
		}
		for _, k := range s.Keys {
			types[k.Type]++
		}
	}
	for i := range c.Actions() {
		a := &c.Actions()[i]
		levels[a.Level]++
		resources += len(a.Resources)
		for _, r := range a.Resources {
			if r.Required {
				required++
			}
		}
	}
	for _, v := range []struct {
		what      string
		got, want int
	}{
		{"services", len(c.Services()), 456},
		{"services with RCPs", rcp, 62},
		{"actions", len(c.Actions()), 22091},
		{"types of resources", len(c.ResourceTypes()), 2334},
		{"keys of services", keys, 2578 - 3},                     // three are there twice, with different spellings of their variable
		{"resources of actions", resources, 21931 - 6},           // six are there twice
		{"of which required", required, 15730 - 3},               // of which three
		{"keys of the type String", types[String], 1660 - 3 - 1}, // one corrected
		{"keys of the type ArrayOfString", types[ArrayOfString], 506 + 1},
		{"keys of the type ARN", types[ARN], 176},
		{"keys of the type Bool", types[Bool], 119},
		{"keys of the type Numeric", types[Numeric], 81},
		{"keys of the type ArrayOfARN", types[ArrayOfARN], 27},
		{"keys of the type Date", types[Date], 4},
		{"keys of the type ArrayOfBool", types[ArrayOfBool], 4},
		{"keys of the type IPAddress", types[IPAddress], 1},
		{"actions that write", levels[Write], 11357},
		{"actions that read", levels[Read], 5871},
		{"actions that list", levels[List], 3719},
		{"actions that tag", levels[Tagging], 719},
		{"actions that manage permissions", levels[PermissionsManagement], 425},
	} {
		if v.got != v.want {
			t.Errorf("%d %s, want %d", v.got, v.what, v.want)
		}
	}
}

// TestConsistency checks that everything named is there, once, in order and well-formed.
func TestConsistency(t *testing.T) {
	c := Load()
	inOrder := func(what string, names iter.Seq[string]) {
		last := ""
		for n := range names {
			if compareFold(last, n) >= 0 {
				t.Errorf("%s %q does not stand behind %q", what, n, last)
			}
			if n != strings.TrimSpace(n) || strings.ContainsFunc(n, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%s %q has odd characters", what, n)
			}
			last = n
		}
	}
	isKey := map[*ConditionKey]bool{}
	for _, k := range c.Keys() {
		isKey[k] = true
		if typeNames[k.Type] == "" || k.Name == "" {
			t.Errorf("key %q has no name or type", k.Name)
		}
		if strings.Count(k.Name, "${")+strings.Count(k.Name, "<") > 1 {
			t.Errorf("key %s has several variables, Key finds one", k.Name)
		}
		if head, tail := around(k.Name); k.Template() == (head == k.Name) || strings.ContainsAny(head+tail, "${}<>") {
			t.Errorf("key %s has a broken variable", k.Name)
		}
		if got, _ := c.Key(strings.NewReplacer("${", "", "}", "", "<", "", ">", "").Replace(k.Name)); !k.Template() && got.Name != k.Name {
			t.Errorf("key %s is not found", k.Name)
		}
	}
	twice := 0
	for i, k := range c.Keys()[1:] {
		if compareFold(k.Name, c.Keys()[i].Name) == 0 {
			twice++
			if k.Type == c.Keys()[i].Type {
				t.Errorf("key %s is there twice", k.Name)
			}
		}
	}
	if twice != 1 {
		t.Errorf("%d names of keys have two types, expected that of identitystore:UserId", twice)
	}

	inOrder("service", func(yield func(string) bool) {
		for _, s := range c.Services() {
			_ = yield(s.Prefix)
		}
	})
	seen := 0
	for i := range c.Services() {
		s := &c.Services()[i]
		if s.Name == "" || len(s.Actions) == 0 || s.Prefix != strings.ToLower(s.Prefix) || c.Service(strings.ToUpper(s.Prefix)) != s {
			t.Errorf("service %s (%s) has no name or no actions, or is not found", s.Prefix, s.Name)
		}
		inOrder("key of "+s.Prefix, func(yield func(string) bool) {
			for _, k := range s.Keys {
				if !isKey[k] {
					t.Errorf("%s has a key that is not listed", s.Prefix)
				}
				_ = yield(k.Name)
			}
		})
		inOrder("type of "+s.Prefix, func(yield func(string) bool) {
			for j := range s.ResourceTypes {
				r := &s.ResourceTypes[j]
				if r.Service != s || s.ResourceType(r.Name) != r || len(r.ARNs) == 0 {
					t.Errorf("type %s of %s is not found, or has no ARN", r.Name, s.Prefix)
				}
				checkARNs(t, r)
				checkKeys(t, s, r.Keys, r.Name)
				_ = yield(r.Name)
			}
		})
		inOrder("action of "+s.Prefix, func(yield func(string) bool) {
			for j := range s.Actions {
				a := &s.Actions[j]
				if a.Service != s || a.ID != seen || &c.Actions()[a.ID] != a || a.Full != s.Prefix+":"+a.Name || c.Action(strings.ToUpper(a.Full)) != a {
					t.Errorf("action %s is not where it belongs", a)
				}
				seen++
				if levelNames[a.Level] == "" {
					t.Errorf("action %s has no level", a)
				}
				checkKeys(t, s, a.Keys, a.Full)
				types := map[*ResourceType]bool{}
				for _, r := range a.Resources {
					if r.Type == nil || r.Type.Service != s || types[r.Type] {
						t.Fatalf("action %s has a resource of another service, or twice", a)
					}
					types[r.Type] = true
					checkKeys(t, s, r.Keys, a.Full)
				}
				_ = yield(a.Name)
			}
		})
	}
	if seen != len(c.Actions()) {
		t.Errorf("%d actions are of services, %d in all", seen, len(c.Actions()))
	}
}

func checkKeys(t *testing.T, s *Service, keys []*ConditionKey, of string) {
	t.Helper()
	for i, k := range keys {
		if !slices.Contains(s.Keys, k) || slices.Contains(keys[:i], k) {
			t.Errorf("%s has the key %s, which its service has not, or twice", of, k.Name)
		}
	}
}

// checkARNs checks that templates are such, and that an ARN made from one fits and meets its type.
func checkARNs(t *testing.T, r *ResourceType) {
	t.Helper()
	for _, template := range r.ARNs {
		parts, ok := SplitARN(template)
		if !ok || parts[0] != "arn" || parts[1] != "${Partition}" || parts[2] == "" || parts[5] == "" {
			t.Errorf("%s of %s: %q is no template", r.Name, r.Service.Prefix, template)
		}
		made := strings.ReplaceAll(glob(template, "x1"), "*", "y")
		if strings.ContainsAny(made, "${}, ") {
			t.Errorf("%s of %s: %q has a broken variable", r.Name, r.Service.Prefix, template)
		}
		if !r.Matches(made) || !r.Meets(made) || !r.Meets("*") || !r.Meets(glob(template, "?*")) {
			t.Errorf("%s of %s: %q does not fit its template", r.Name, r.Service.Prefix, made)
		}
		if got := Load().ResourceTypeOf(made); got == nil && parts[2][0] != '$' {
			t.Errorf("%s of %s: %q is of no type", r.Name, r.Service.Prefix, made)
		}
	}
}

// TestGlobals compares the table of global keys with what services say of them.
func TestGlobals(t *testing.T) {
	c := Load()
	for i, g := range globals {
		if g.Presence == Unstated || typeNames[g.Type] == "" {
			t.Errorf("%s has no presence or type", g.Name)
		}
		for _, other := range globals[:i] {
			if compareFold(other.Name, g.Name) == 0 {
				t.Errorf("%s is there twice", g.Name)
			}
		}
		k, variable := c.Key(strings.NewReplacer("${TagKey}", "Team", "${Provider}", "oidc.example.com/id/1").Replace(g.Name))
		if k == nil || !k.Global() || k.Presence != g.Presence || k.Type != g.Type || k.Template() != (variable != "") {
			t.Errorf("%s is found as %+v", g.Name, k)
		}
		for _, prefix := range g.only {
			if s := c.Service(prefix); s == nil && prefix != "sms-voice" {
				t.Errorf("%s comes with requests to %s, which is no service", g.Name, prefix)
			} else if s != nil && !k.CarriedBy(s) {
				t.Errorf("%s is not carried by %s", g.Name, prefix)
			}
		}
	}
	for name, patterns := range notCarried {
		if k, _ := c.Key(name); k == nil || k.Name != name || !k.Global() {
			t.Errorf("%s is no global key", name)
		}
		for _, p := range patterns {
			if !c.MatchesAny(p) {
				t.Errorf("%s is no action", p)
			}
		}
	}
	sensitive := 0
	for _, k := range c.Keys() {
		if strings.HasPrefix(k.Name, "aws:") && !k.Global() {
			t.Errorf("%s is not among the global keys", k.Name)
		}
		if k.Sensitive {
			sensitive++
		}
	}
	if sensitive != 10 {
		t.Errorf("%d sensitive keys, AWS lists 10", sensitive)
	}
	epoch, _ := c.Key("aws:epochtime")
	now, _ := c.Key("aws:currenttime")
	paths, _ := c.Key("aws:PrincipalOrgPaths")
	if !epoch.Takes(Numeric) || !epoch.Takes(Date) || epoch.Takes(String) || now.Takes(Numeric) || !paths.Takes(String) {
		t.Error("Takes is wrong about aws:EpochTime, aws:CurrentTime or aws:PrincipalOrgPaths")
	}
	if !paths.Type.Multivalued() || now.Type.Multivalued() || ArrayOfARN.Element() != ARN || ArrayOfBool.Element() != Bool || Numeric.Element() != Numeric {
		t.Error("Multivalued or Element is wrong")
	}
}

func TestKeyTemplates(t *testing.T) {
	c := Load()
	for _, v := range []struct{ name, key, variable string }{
		{"aws:requesttag/Cost Center", "aws:RequestTag/${TagKey}", "Cost Center"},
		{"aws:ResourceTag/a/b:c", "aws:ResourceTag/${TagKey}", "a/b:c"},
		{"s3:existingobjecttag/x", "s3:ExistingObjectTag/<key>", "x"},
		{"kms:EncryptionContext:aws:s3:arn", "kms:EncryptionContext:${EncryptionContextKey}", "aws:s3:arn"},
		{"kms:EncryptionContextKeys", "kms:EncryptionContextKeys", ""},
		{"events:Metadata/x", "events:Metadata/${MetadataKey}", "x"},
		{"events:Metadata/x/Matcher", "events:Metadata/${MetadataKey}/Matcher", "x"},
		{"codebuild:secondarySources/src.location", "codebuild:secondarySources/${sourceIdentifier}.location", "src"},
		{"ssm:resourceTag/Team", "ssm:resourceTag/${TagKey}", "Team"},
		{"ssm:resourceTag/aws:ssmmessages:session-id", "ssm:resourceTag/aws:ssmmessages:session-id", ""},
		{"secretsmanager:ResourceTag/Team", "secretsmanager:ResourceTag/${TagKey}", "Team"},
		{"token.actions.acme.ghe.com:repository", "token.actions.${Domain}.ghe.com:repository", "acme"},
		{"token.actions.githubusercontent.com:sub", "${Provider}:sub", "token.actions.githubusercontent.com"},
		{"accounts.google.com:aud", "accounts.google.com:aud", ""},
		{"saml:sub", "saml:sub", ""},
		{"s3:sub", "", ""},
		{":sub", "", ""},
	} {
		k, variable := c.Key(v.name)
		if name := ""; k != nil && k.Name != v.key || k == nil && v.key != name || variable != v.variable {
			t.Errorf("%s: %+v with %q, want %q with %q", v.name, k, variable, v.key, v.variable)
		}
	}
}

// TestMatch compares expansions with those of a plain matcher over all names.
func TestMatch(t *testing.T) {
	c := Load()
	patterns := []string{"*", "**", "?*", "s3:*", "S3:*", "s3:**", "s3:Get*", "s3:get*acl", "s3:GetObject", "s3:GetObject*", "s3:?etObject", "s3*", "s?:*", "*:*",
		"*:Get*", "*Object", "ec2:Describe*s", "ec2:*Vpc*", "iam:*Role*Pol*", "sts:*", "nosuch:*", "s3:", "s3:Z*", "", ":", "s3:*:*", "s3:GetObjec", "e*:*a?e*s",
		"ec2:?", "execute-api:Inv*", "s3:*?", "*s3:*", "dynamodb:*Item"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 { // parts of real names with wildcards
		name := []byte(c.Actions()[random.IntN(len(c.Actions()))].Full)
		for range 1 + random.IntN(4) {
			i := random.IntN(len(name))
			switch random.IntN(3) {
			case 0:
				name[i] = '*'
			case 1:
				name[i] = '?'
			default:
				name = append(name[:i:i], append([]byte("*"), name[min(len(name), i+random.IntN(6)):]...)...)
			}
		}
		patterns = append(patterns, string(name))
	}
	covered := 0
	for _, p := range patterns {
		var got, want []string
		for a := range c.Match(p) {
			got = append(got, a.Full)
		}
		folded := strings.ToLower(p)
		for i := range c.Actions() {
			if name := c.Actions()[i].Full; plain(folded, strings.ToLower(name)) {
				want = append(want, name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q covers %d actions, want %d", p, len(got), len(want))
		}
		if c.MatchesAny(p) != (len(want) > 0) {
			t.Errorf("MatchesAny(%q) is %v", p, len(want) == 0)
		}
		covered += len(want)
	}
	if covered < 4*len(c.Actions()) {
		t.Errorf("the patterns cover %d actions only", covered)
	}
	n := 0
	for range c.Match("s3:*") { // a loop may stop
		if n++; n == 3 {
			break
		}
	}
	for service, all := range map[string]map[string]bool{
		"s3":  {"s3:*": true, "*": true, "S3:?*": true, "s3:**": true, "*:*": true, "s3:G*": false, "ec2:*": false, "": false, "s*": true},
		"sts": {"sts:*": true, "sts:*e*": true, "sts:?e*": false, "*s:*": true},
	} {
		for p, want := range all {
			if got := c.Service(service).AllMatch(p); got != want {
				t.Errorf("AllMatch(%q) for %s is %v", p, service, got)
			}
		}
	}
}

// plain is the definition of matching.
func plain(p, s string) bool {
	if p == "" {
		return s == ""
	}
	if p[0] == '*' {
		return plain(p[1:], s) || s != "" && plain(p, s[1:])
	}
	return s != "" && (p[0] == '?' || p[0] == s[0]) && plain(p[1:], s[1:])
}

func TestActionsWith(t *testing.T) {
	c := Load()
	for name, want := range map[string][]string{
		"iam:PassedToService":         {"iam:PassRole"},
		"s3:max-annotation-results":   nil, // filled below
		"lambda:FunctionUrlAuthType":  nil,
		"kms:EncryptionContext:Other": nil,
	} {
		k, _ := c.Key(name)
		var got, all []string
		for a := range c.ActionsWith(k) {
			got = append(got, a.Full)
		}
		for i := range c.Actions() {
			a := &c.Actions()[i]
			if s := a.Supports(k); s == Named || s == ByResource {
				all = append(all, a.Full)
			}
		}
		if len(all) == 0 || !slices.Equal(got, all) || want != nil && !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, all)
		}
	}
}

func TestResourceTypeOf(t *testing.T) {
	c := Load()
	for arn, want := range map[string]string{
		"arn:aws:s3:::example-bucket":                               "s3 bucket",
		"arn:aws-cn:s3:::example-bucket/a/b:c":                      "s3 object",
		"arn:aws:s3:eu-west-1:111122223333:accesspoint/ap":          "s3 accesspoint",
		"arn:aws:s3:eu-west-1:111122223333:accesspoint/ap/object/k": "s3 accesspointobject",
		"arn:aws:s3:eu-west-1:111122223333:example-bucket":          "",
		"arn:aws:s3:::": "",
		"arn:aws:iam::111122223333:role/path/name":                                         "iam role",
		"arn:aws:iam::111122223333:role/service-role/x":                                    "iam role",
		"arn:aws:iam::111122223333:user/name":                                              "iam user",
		"arn:aws:iam:eu-west-1:111122223333:user/name":                                     "",
		"arn:aws:dynamodb:eu-west-1:111122223333:table/t":                                  "dynamodb table",
		"arn:aws:dynamodb:eu-west-1:111122223333:table/t/index/i":                          "dynamodb index",
		"arn:aws:dynamodb:eu-west-1:111122223333:table/t/stream/2026-01-02T03:04:05.678":   "dynamodb stream",
		"arn:aws:sqs:eu-west-1:111122223333:q":                                             "sqs queue",
		"arn:aws:lambda:eu-west-1:111122223333:function:f":                                 "lambda function",
		"arn:aws:lambda:eu-west-1:111122223333:function:f:PROD":                            "lambda function alias",
		"arn:aws:kms:eu-west-1:111122223333:key/12345678-1234-1234-1234-123456789012":      "kms key",
		"arn:aws:kms:eu-west-1:111122223333:alias/aws/s3":                                  "kms alias",
		"arn:aws:secretsmanager:eu-west-1:111122223333:secret:name-AbCdEf":                 "secretsmanager Secret",
		"arn:aws:S3:::example-bucket":                                                      "",
		"arn:aws:nosuch:::x":                                                               "",
		"example-bucket":                                                                   "",
		"":                                                                                 "",
		"arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0":                  "ec2 instance",
		"arn:aws:elasticfilesystem:eu-west-1:111122223333:file-system/fs-0123456789abcdef": "elasticfilesystem file-system",
	} {
		got := ""
		if r := c.ResourceTypeOf(arn); r != nil {
			got = r.Service.Prefix + " " + r.Name
			if arn == "arn:aws:lambda:eu-west-1:111122223333:function:f:PROD" && strings.HasPrefix(got, "lambda function ") {
				continue // alias and version have the same form
			}
		}
		if got != want {
			t.Errorf("%s is %q, want %q", arn, got, want)
		}
	}
	for service, want := range map[string]bool{"s3": true, "s3-object-lambda": true, "iam": true, "S3": false, "": false, "nosuch": false} {
		if got := c.ARNServiceKnown(service); got != want {
			t.Errorf("ARNServiceKnown(%q) is %v", service, got)
		}
	}
}

func TestMeets(t *testing.T) {
	c := Load()
	for _, v := range []struct {
		service, typ, pattern string
		want                  bool
	}{
		{"s3", "bucket", "*", true},
		{"s3", "bucket", "arn:aws:s3:::*", true},
		{"s3", "object", "arn:aws:s3:::*", true},
		{"s3", "object", "arn:aws:s3:::example-bucket", false},
		{"s3", "object", "arn:aws:s3:::example*", true},
		{"s3", "object", "arn:aws:s3:::example-bucket/${aws:username}/*", true},
		{"s3", "bucket", "arn:aws:s3:::${aws:PrincipalTag/Team}", true},
		{"s3", "bucket", "arn:aws:s3:eu-west-1::example-bucket", false},
		{"s3", "bucket", "arn:aws:s3:*:*:example-bucket", true},
		{"s3", "bucket", "arn:*", true},
		{"s3", "bucket", "arn:aws:s3", false},
		{"s3", "bucket", "arn:aws:sqs:*", false},
		{"s3", "bucket", "", false},
		{"iam", "role", "arn:aws:iam::111122223333:*", true},
		{"iam", "role", "arn:aws:iam::111122223333:r?le/x", true},
		{"iam", "role", "arn:aws:iam::111122223333:role/", false},
		{"iam", "role", "arn:aws:iam::111122223333:user/*", false},
		{"iam", "role", "arn:aws:iam::*:*/x", true},
		{"dynamodb", "index", "arn:aws:dynamodb:eu-west-1:111122223333:table/t*", true},
		{"dynamodb", "index", "arn:aws:dynamodb:eu-west-1:111122223333:table/t", false},
		{"dms", "Certificate", "arn:aws:dms:eu-west-1:111122223333:cert:ABC", true},
	} {
		if got := c.Service(v.service).ResourceType(v.typ).Meets(v.pattern); got != v.want {
			t.Errorf("%s of %s and %q: %v", v.typ, v.service, v.pattern, got)
		}
	}
}

// TestHostile gives inputs that no policy has; each has to be answered in time that grows with its length only.
func TestHostile(t *testing.T) {
	c := Load()
	const n = 1 << 18
	start := time.Now()
	for _, part := range []string{"*", "?", "*a", "a", "${", "${a}", ":", "/", "\xff", "<", "}"} {
		s := strings.Repeat(part, n/len(part))
		for _, s := range []string{s, "s3:" + s, "aws:RequestTag/" + s, "arn:aws:s3:::" + s} {
			for range c.Match(s) {
			}
			c.Action(s)
			c.Service(s)
			c.Key(s)
			c.KeyPrefixKnown(s)
			c.ResourceTypeOf(s)
			c.ARNServiceKnown(s)
			c.NearestKey(s)
			c.NearestService(s)
			c.Service("s3").ResourceType("bucket").Meets(s)
			c.Service("s3").ResourceType("object").Matches(s)
			c.Service("s3").NearestAction(s)
		}
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
}

// TestGlobsMeet compares with all short texts.
func TestGlobsMeet(t *testing.T) {
	var globs, texts []string
	for _, letters := range []struct {
		alphabet string
		to       *[]string
		most     int
	}{{"ab*?", &globs, 3}, {"ab", &texts, 6}} {
		*letters.to = []string{""}
		for i := 0; i < len(*letters.to); i++ {
			if s := (*letters.to)[i]; len(s) < letters.most {
				for _, l := range letters.alphabet {
					*letters.to = append(*letters.to, s+string(l))
				}
			}
		}
	}
	matched := make([]map[string]bool, len(globs))
	for i, g := range globs {
		matched[i] = map[string]bool{}
		for _, s := range texts {
			if plain(g, s) {
				matched[i][s] = true
			}
		}
	}
	for i, a := range globs {
		for j, b := range globs {
			want := false
			for s := range maps.Keys(matched[i]) {
				if want = matched[j][s]; want {
					break
				}
			}
			if got := globsMeet(a, b); got != want {
				t.Errorf("%q and %q: %v", a, b, got)
			}
		}
	}
}

// TestDecodeBroken reads data with every kind of damage, none of which may be taken for a catalogue without notice or panic.
func TestDecodeBroken(t *testing.T) {
	text, err := unpack(packed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decode(text); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	for _, broken := range []string{"", "\n", Format, Format + "\n", Format + "\n0\t0\t0\t0\t0\n", Format + "\n-1\t0\t0\t0\t0\t0\n", Format + "\n1\t1\t1\t1\t1\t1\n", text + "\n",
		text[:len(text)-1], strings.Replace(text, Format, "magpie catalog 0", 1)} {
		if _, err := decode(broken); err == nil {
			t.Errorf("%.40q passes", broken)
		}
	}
	small := miniature
	if c, err := decode(small); err != nil || len(c.Actions()) != 2 || c.Actions()[1].Resources[0].Keys[0].Name != "x:k" {
		t.Fatalf("the miniature is broken: %v", err)
	}
	for i := range small {
		_, _ = decode(small[:i])
		for range 20 {
			b := []byte(small)
			b[i] = "\t\n 0129-+.x\x00\xff"[random.IntN(13)]
			_, _ = decode(string(b))
		}
	}
	if _, err := unpack(packed[:len(packed)/2]); err == nil {
		t.Error("half of the file passes")
	}
	if _, err := unpack(nil); err == nil {
		t.Error("nothing passes")
	}
}

const miniature = Format + "\t1\t2026-01-02\tsha512-x\n" +
	"2\t3\t1\t1\t2\t1\n" + "x:k\t1\nx:l\t8\n" + "\n0\n0 1\n" +
	"x\tExample\t1\t2\t1\t2\n" + "thing\t1\tarn:${Partition}:x:::${Thing}\n" + "x:Do\t3\t0\t\nx:Get\t1\t1\t0+.1\n"
