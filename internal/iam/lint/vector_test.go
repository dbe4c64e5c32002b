package lint

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/iam"
)

// The vectors in testdata/*.txt stand under the code that they are about, "== CODE". Each is a line that begins with + (it fires) or - (it does
// not), with the kind of policy, for a resource policy perhaps :TYPE of the resource, and the policy:
//
//	+ identity Action=["s3:GetObjet"] => Statement.Action[0]
//	- resource:AWS::S3::Bucket {"Effect":"Allow",...}
//	+ identity! {"Statement":...} => (document)
//
// A policy is a statement, given by what differs from a plain one (plainStatement; null leaves an element out), a statement or list of
// statements as JSON, or, after "!", the text of the document. Behind => stand the locations, of several findings one after the other. Lines
// that begin with a space go on. "origin:" says where the expectation comes from: documented (by AWS, and where), observed, reasoned.

var kindNames = map[string]iam.Kind{"identity": iam.Identity, "resource": iam.Resource, "trust": iam.Trust, "boundary": iam.Boundary,
	"session": iam.Session, "scp": iam.SCP, "rcp": iam.RCP, "endpoint": iam.Endpoint}

// repeated stands for a character several times: §20x is twenty times x.
var repeated = regexp.MustCompile(`§(\d+)([^\d])`)

type vector struct {
	file         string
	line         int
	code         string
	fires        bool
	kind         iam.Kind
	resourceType string
	text         string
	want         []string
}

func (v vector) String() string {
	return fmt.Sprintf("%s:%d %s %.300s", v.file, v.line, v.code, v.text)
}

var elements = []string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}

// plainStatement is a statement of a kind of which no check says anything.
func plainStatement(kind iam.Kind) map[string]string {
	s := map[string]string{"Effect": `"Allow"`, "Action": `"s3:GetObject"`, "Resource": `"arn:aws:s3:::logs/*"`}
	switch kind {
	case iam.Resource, iam.Endpoint:
		s["Principal"] = `{"AWS":"111122223333"}`
	case iam.Trust:
		s["Principal"], s["Action"] = `{"AWS":"111122223333"}`, `"sts:AssumeRole"`
		delete(s, "Resource")
	case iam.RCP:
		s["Principal"], s["Effect"] = `"*"`, `"Deny"`
	}
	return s
}

// document writes the policy that a vector gives.
func document(kind iam.Kind, text string, whole bool) (string, error) {
	if whole {
		return text, nil
	}
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		s := plainStatement(kind)
		for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
			name, rest, ok := strings.Cut(text, "=")
			if !ok || !slices.Contains(elements, name) {
				return "", fmt.Errorf("no element: %s", text)
			}
			d := json.NewDecoder(strings.NewReader(rest))
			var value json.RawMessage
			if err := d.Decode(&value); err != nil {
				return "", err
			}
			text = rest[d.InputOffset():]
			delete(s, strings.TrimPrefix(name, "Not"))
			if s[name] = string(value); s[name] == "null" {
				delete(s, name)
			}
		}
		var parts []string
		for _, name := range elements {
			if s[name] != "" {
				parts = append(parts, fmt.Sprintf("%q:%s", name, s[name]))
			}
		}
		text = "{" + strings.Join(parts, ",") + "}"
	}
	return `{"Version":"2012-10-17","Statement":` + text + `}`, nil
}

func readVectors(t testing.TB) []vector {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	for _, file := range files {
		if filepath.Base(file) == "codes.txt" {
			continue
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		code, origin, text, at, n := "", "", "", 0, 0
		flush := func() {
			if text == "" {
				return
			}
			v := vector{file: filepath.Base(file), line: at, code: code, fires: text[0] == '+'}
			body, want, _ := strings.Cut(text[1:], "=>")
			v.want = strings.Fields(want)
			kind, policy, _ := strings.Cut(strings.TrimSpace(body), " ")
			kind, whole := strings.CutSuffix(kind, "!")
			kind, v.resourceType, _ = strings.Cut(kind, ":")
			var ok bool
			if v.kind, ok = kindNames[kind]; !ok || code == "" || origin == "" {
				t.Fatalf("%s:%d: a vector needs a kind, a code and an origin: %s", v.file, v.line, text)
			}
			policy = repeated.ReplaceAllStringFunc(policy, func(s string) string {
				m := repeated.FindStringSubmatch(s)
				n, _ := strconv.Atoi(m[1])
				return strings.Repeat(m[2], n)
			})
			if v.text, err = document(v.kind, strings.TrimSpace(policy), whole); err != nil {
				t.Fatalf("%s:%d: %v", v.file, v.line, err)
			}
			all = append(all, v)
			text = ""
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			n++
			line := lines.Text()
			switch {
			case strings.HasPrefix(line, " "):
				text += "\n" + line[1:]
				continue
			}
			flush()
			switch {
			case line == "" || line[0] == '#':
			case strings.HasPrefix(line, "== "):
				code, origin = line[3:], ""
			case strings.HasPrefix(line, "origin: "):
				origin = line[8:]
				if word, _, _ := strings.Cut(origin, ","); word != "documented" && word != "observed" && word != "reasoned" {
					t.Fatalf("%s:%d: %s", file, n, line)
				}
			case line[0] == '+' || line[0] == '-':
				text, at = line, n
			default:
				t.Fatalf("%s:%d: %s", file, n, line)
			}
		}
		flush()
	}
	return all
}

// locations gives where findings of a code are, those of several one after the other.
func locations(findings []Finding, code iam.Code) []string {
	var list []string
	for _, f := range findings {
		if f.Code == code {
			for _, at := range f.Locations {
				list = append(list, at.String())
			}
		}
	}
	return list
}

func TestVectors(t *testing.T) {
	fire, pass := map[string]int{}, map[string]int{}
	for _, v := range readVectors(t) {
		findings := Check(v.text, v.kind, v.resourceType)
		got := locations(findings, iam.Code(v.code))
		if v.fires {
			fire[v.code]++
			if diff := cmp.Diff(v.want, got); diff != "" {
				t.Errorf("%s: %s\nall: %v", v, diff, codes(findings))
			}
		} else if pass[v.code]++; len(got) > 0 {
			t.Errorf("%s: fires at %v", v, got)
		}
		sound(t, v.text, findings)
	}
	for _, c := range checks {
		if n := fire[string(c.code)]; n < 2 {
			t.Errorf("%s: %d vectors fire, want two at least", c.code, n)
		}
		if n := pass[string(c.code)]; n < 2 {
			t.Errorf("%s: %d near misses, want two at least", c.code, n)
		}
	}
	for code := range fire {
		if !slices.ContainsFunc(checks, func(c check) bool { return string(c.code) == code }) {
			t.Errorf("%s is no check", code)
		}
	}
}

// sound proves what holds of all findings.
func sound(t testing.TB, text string, findings []Finding) {
	t.Helper()
	for i, f := range findings {
		if f.Details == "" || !strings.HasSuffix(f.Details, ".") && !strings.HasSuffix(f.Details, "?") || len(f.Locations) == 0 || !strings.HasPrefix(f.LearnMore(), guide) {
			t.Errorf("%s: %+v", text, f)
		}
		for _, at := range f.Locations {
			if at.Start.Byte < 0 || at.End.Byte < at.Start.Byte || at.End.Byte > len(text) {
				t.Errorf("%s: %+v", text, f)
			}
		}
		if i > 0 && findings[i-1].Locations[0].Start.Byte > f.Locations[0].Start.Byte {
			t.Errorf("%s: findings out of order", text)
		}
	}
}

func codes(findings []Finding) []string {
	var list []string
	for _, f := range findings {
		list = append(list, fmt.Sprint(f.Code, locations([]Finding{f}, f.Code)))
	}
	return list
}

// TestTable holds the table against the list of ValidatePolicy's checks: each is made, or marked as left.
func TestTable(t *testing.T) {
	data, err := os.ReadFile("testdata/codes.txt")
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]Type{"E": Error, "S": SecurityWarning, "W": Warning, "G": Suggestion}
	listed := map[iam.Code]bool{}
	left := 0
	for _, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Fields(line)
		code := iam.Code(fields[1])
		listed[code] = true
		at := slices.IndexFunc(checks, func(c check) bool { return c.code == code })
		switch {
		case len(fields) == 3 && fields[2] == "left":
			left++
			if at >= 0 {
				t.Errorf("%s is marked as left and stands in the table", code)
			}
		case at < 0:
			t.Errorf("%s is neither in the table nor marked as left", code)
		case checks[at].typ != types[fields[0]]:
			t.Errorf("%s is of type %s, want %s", code, checks[at].typ, types[fields[0]])
		}
	}
	if len(listed) < 145 || left > 4 {
		t.Errorf("%d codes, %d left", len(listed), left)
	}
	for i, c := range checks {
		if !listed[c.code] {
			t.Errorf("%s is no code of ValidatePolicy", c.code)
		}
		if slices.ContainsFunc(checks[:i], func(d check) bool { return d.code == c.code }) {
			t.Errorf("%s stands twice", c.code)
		}
		if c.by != byParser && !slices.Contains(families, c.by) {
			t.Errorf("%s: its family is not asked", c.code)
		}
	}
	for i, f := range families {
		if !slices.ContainsFunc(checks, func(c check) bool { return c.by == f }) {
			t.Errorf("family %d makes no check", i)
		}
	}
}

// TestPlain proves that the statements that vectors start from are faultless.
func TestPlain(t *testing.T) {
	for name, kind := range kindNames {
		text, err := document(kind, "", false)
		if err != nil {
			t.Fatal(err)
		}
		if findings := Check(text, kind, ""); len(findings) > 0 {
			t.Errorf("%s: %v", name, codes(findings))
		}
	}
}
