package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/cfn"
)

func TestEstateIsFresh(t *testing.T) {
	if err := run(estateFolder, true); err != nil {
		t.Error(err)
	}
}

func TestSameEveryTime(t *testing.T) {
	first, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	second, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
}

func TestWriteAndCompare(t *testing.T) {
	files := map[string][]byte{"bucket/a/b.txt": []byte("one\r\n"), "manifest.json": []byte("{}")}
	dir := t.TempDir()
	inside := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	put := func(name, text string) func() error {
		return func() error { return os.WriteFile(inside(name), []byte(text), 0o644) }
	}
	for _, c := range []struct {
		name  string
		spoil func() error
		want  string
	}{
		{"first time", func() error { return nil }, ""},
		{"changed", put("bucket/a/b.txt", "one\n"), "bucket/a/b.txt is stale"},
		{"lost", func() error { return os.Remove(inside("manifest.json")) }, "manifest.json is missing"},
		{"left over", put("bucket/old.txt", ""), "bucket/old.txt is not generated any more"},
	} {
		if err := write(dir, files); err != nil {
			t.Fatal(err)
		}
		if err := c.spoil(); err != nil {
			t.Fatal(err)
		}
		if err := compare(dir, files); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: the check says %v, want %q", c.name, err, c.want)
		}
	}
	if err := write(dir, files); err != nil {
		t.Fatal(err)
	}
	have, err := existing(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(files, have); diff != "" {
		t.Error(diff)
	}
}

func TestShape(t *testing.T) {
	buckets := bucketFolders(t)
	if len(buckets) < 6 {
		t.Errorf("%d buckets, want at least 6", len(buckets))
	}
	for _, b := range buckets {
		if !regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`).MatchString(b) {
			t.Errorf("%q is no name for a bucket", b)
		}
	}
	files, err := existing(estateFolder)
	if err != nil {
		t.Fatal(err)
	}
	objects, size := 0, 0
	for name, data := range files {
		size += len(data)
		if strings.Contains(name, "/") {
			objects++
		}
		if strings.IndexFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) >= 0 {
			t.Errorf("%q: file systems spell such names in different ways", name)
		}
	}
	if objects < 60 {
		t.Errorf("%d files, want at least 60", objects)
	}
	if size > 1_500_000 {
		t.Errorf("the estate has %d bytes", size)
	}
}

// TestTemplate evaluates the template: each folder is one of its buckets, and the other way round.
func TestTemplate(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(estateFolder, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	names := bucketNames(t, data)
	if diff := cmp.Diff(bucketFolders(t), names); diff != "" {
		t.Error(diff)
	}
	items, err := os.ReadFile(filepath.Join(estateFolder, "config-items.json"))
	if err != nil {
		t.Fatal(err)
	}
	var snapshot struct {
		ConfigurationItems []struct {
			ResourceType  string
			ResourceID    string
			Configuration map[string]bool
		}
	}
	if err := json.Unmarshal(items, &snapshot); err != nil {
		t.Fatal(err)
	}
	for _, item := range snapshot.ConfigurationItems {
		if item.ResourceType == "AWS::S3::AccountPublicAccessBlock" && len(item.Configuration) == 4 {
			return
		}
	}
	t.Error("config-items.json has no account-level public access block")
}

func readManifest(t *testing.T) (m manifest) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(estateFolder, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// at names a place in words that can be compared.
func at(file string, member []string, id string, p place) string {
	where := fmt.Sprintf("row %d column %d %q", p.Row, p.Column, p.ColumnName)
	switch {
	case p.Record != nil:
		where = fmt.Sprintf("record %d %s", *p.Record, p.JSONPath)
	case p.Line > 0:
		where = fmt.Sprintf("line %d column %d", p.Line, p.Column)
	}
	return fmt.Sprintf("%s %v: %s: %s", file, member, where, id)
}

// TestManifestIsExact looks for every identifier with the patterns of this test, which know nothing of the generator: what is listed stands
// at its place with its keyword near and its check digits right; what is not listed is not there, and nothing stands so near to a keyword
// that one could argue.
func TestManifestIsExact(t *testing.T) {
	want := map[string]int{}
	for _, v := range readManifest(t).Values {
		want[at(v.File, v.Member, v.Type, v.Place)]++
	}
	got := map[string]int{}
	for _, l := range readEstate(t) {
		for _, s := range l.segments {
			for _, f := range search(s, identifiers) {
				where := at(l.file, l.member, f.id, s.place(f.offset))
				if f.doubtful {
					t.Errorf("%s: stands near a keyword, yet not as the manifest's rules want it", where)
					continue
				}
				got[where]++
			}
			for _, f := range search(s, neighbours) {
				t.Errorf("%s: the estate is to have none of these", at(l.file, l.member, f.id, s.place(f.offset)))
			}
		}
	}
	for _, where := range slices.Sorted(maps.Keys(want)) {
		if got[where] != want[where] {
			t.Errorf("%s: listed %d times, there %d times", where, want[where], got[where])
		}
	}
	for _, where := range slices.Sorted(maps.Keys(got)) {
		if want[where] == 0 {
			t.Errorf("%s: not listed", where)
		}
	}
}

// A hit is a value of a type at a byte offset. It is doubtful if a keyword is near, but not where a planted value has it.
type hit struct {
	id       string
	offset   int
	doubtful bool
}

func search(s segment, list []identifier) (hits []hit) {
	for _, id := range list {
		for from := 0; from < len(s.text); {
			m := id.pattern.FindStringIndex(s.text[from:])
			if m == nil {
				break
			}
			start, end := from+m[0], from+m[1]
			from = start + 1
			for from < len(s.text) && isWord(s.text, from) && isWord(s.text, from-1) {
				from++ // the next match begins with a word, too
			}
			if id.id == "CREDIT_CARD_NUMBER" || id.id == "IBAN" {
				hits = append(hits, accounts(s, id, start, end)...)
				if id.id == "IBAN" || len(hits) > 0 && hits[len(hits)-1].offset == start {
					from = end
				}
				continue
			}
			v := s.text[start:end]
			if bounded(s.text, start, end) && (id.check == nil || id.check(v)) {
				if h, ok := judge(s, id, start, end); ok {
					hits = append(hits, h)
					from = end
				}
			}
		}
	}
	return hits
}

// TestSearch shows that the search sees values, doubts and look-alikes: a manifest is not exact because nobody looks.
func TestSearch(t *testing.T) {
	for _, c := range []struct {
		text string
		name string
		want string // type at offset, "?" for doubtful
	}{
		{"ssn 123-45-6789", "", "USA_SOCIAL_SECURITY_NUMBER 4"},
		{"part 123-45-6789", "", ""},
		{"123-45-6789 is the ssn", "", "USA_SOCIAL_SECURITY_NUMBER 0?"},
		{"ssn:\n123-45-6789", "", "USA_SOCIAL_SECURITY_NUMBER 5?"},
		{"ssn: " + strings.Repeat("x", 27) + " 123-45-6789", "", "USA_SOCIAL_SECURITY_NUMBER 33"},
		{"ssn: " + strings.Repeat("x", 28) + " 123-45-6789", "", ""},
		{"the cssn 123-45-6789", "", ""},
		{"hisSSN 123-45-6789", "", "USA_SOCIAL_SECURITY_NUMBER 7"},
		{"ssnumber 123-45-6789", "", "USA_SOCIAL_SECURITY_NUMBER 9?"},
		{"666-45-6789", "ssn", ""},
		{"visa 4532 0150 1122 3341", "", "CREDIT_CARD_NUMBER 5"},
		{"paid 4532 0150 1122 3341", "", "CREDIT_CARD_NUMBER_(NO_KEYWORD) 5"},
		{"4532-0150-1122-3341 in panniers", "", "CREDIT_CARD_NUMBER 0?"},
		{"visa 4111111111111111", "", ""},
		{"visa 4532015011223342", "", ""},
		{"GB82 WEST 1234 5698 7654 32", "", "UK_BANK_ACCOUNT_NUMBER 0"},
		{"GB83 WEST 1234 5698 7654 32", "", ""},
		{"AT611904300234573201", "", ""},
		{"Mary Smith", "fullName", "NAME 0"},
		{"Mary Smith", "city", "NAME 0?"},
		{"sent to +1 303-555-0123", "", "PHONE_NUMBER 8"},
		{"sent to 303-555-0123", "", ""},
		{"nhs 943 476 5919", "", "UK_NHS_NUMBER 4"},
		{"nhs 943 476 5918", "", ""},
		{"1M8GDM9AXKP042788", "vin", "VEHICLE_IDENTIFICATION_NUMBER 0"},
		{"1M8GDM9A0KP042788", "vin", ""},
		{"12345678Z", "dni", "SPAIN_DNI_NUMBER 0"},
		{"12345678A", "dni", ""},
		{"111.444.777-35", "cpf", "BRAZIL_CPF_NUMBER 0"},
		{"111.444.777-36", "cpf", ""},
		{"86095742719", "Steuer-ID", "GERMANY_TAX_IDENTIFICATION_NUMBER 0"},
		{"86095742718", "Steuer-ID", ""},
		{"eyJhbGciOiJub25lIn0.e30.", "", "JSON_WEB_TOKEN 0"},
		{"eyJoYWxnIjoibm9uZSJ9.e30.", "", ""},
	} {
		s := segment{text: c.text}
		if c.name != "" {
			s.names = []string{c.name}
		}
		var got []string
		for _, h := range search(s, identifiers) {
			got = append(got, fmt.Sprintf("%s %d%s", h.id, h.offset, map[bool]string{true: "?"}[h.doubtful]))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%q in %q: %q, want %q", c.text, c.name, got, c.want)
		}
	}
}

// accounts looks at every run of whole groups from the first group on.
func accounts(s segment, id identifier, start, end int) []hit {
	for i := end; i > start; i-- {
		if !bounded(s.text, start, i) {
			continue
		}
		compact := strings.NewReplacer(" ", "", "-", "").Replace(s.text[start:i])
		if id.id == "IBAN" {
			if name := ibanType(compact); name != "" {
				return []hit{{name, start, false}}
			}
			continue
		}
		if isCardNumber(compact) {
			if h, ok := judge(s, id, start, i); ok {
				return []hit{h}
			}
			return []hit{{"CREDIT_CARD_NUMBER_(NO_KEYWORD)", start, false}}
		}
	}
	return nil
}

// maxGap is how many characters may stand between a keyword and a value.
const maxGap = 30

// judge looks for the keyword: in a name or before the value in the same line, as planted values have it; or else anywhere near.
func judge(s segment, id identifier, start, end int) (hit, bool) {
	found, doubtful := hit{id.id, start, false}, hit{id.id, start, true}
	inName := func(whole bool) bool {
		return slices.ContainsFunc(s.names, func(n string) bool {
			return hasKeyword(n, id.keywords, whole, func(int, int) bool { return true })
		})
	}
	if id.column {
		if inName(true) && start == 0 && end == len(s.text) {
			return found, true
		}
		return doubtful, true
	}
	// Keywords are far shorter than what is cut off here.
	before, after := s.text[max(0, start-200):start], s.text[end:min(len(s.text), end+200)]
	line := before[strings.LastIndexByte(before, '\n')+1:]
	endsNear := func(_, gap int) bool { return gap <= maxGap }
	startsNear := func(gap, _ int) bool { return gap <= maxGap }
	switch {
	case len(id.keywords) == 0, id.id == "PHONE_NUMBER" && strings.HasPrefix(s.text[start:], "+1"),
		inName(true), hasKeyword(line, id.keywords, true, endsNear):
		return found, true
	}
	return doubtful, inName(false) || hasKeyword(before, id.keywords, false, endsNear) || hasKeyword(after, id.keywords, false, startsNear)
}

// bounded says that the value is no part of a longer word or number.
func bounded(text string, start, end int) bool {
	return !(start > 0 && isWord(text, start-1) && isWord(text, start)) && !(end < len(text) && isWord(text, end) && isWord(text, end-1))
}

// isWord reports whether a letter or digit stands at the offset; bytes beyond ASCII are parts of letters.
func isWord(text string, i int) bool {
	c := text[i]
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= utf8.RuneSelf
}

// TestObjects compares the objects' part of the manifest with the values' and with the folder.
func TestObjects(t *testing.T) {
	m := readManifest(t)
	counts := map[string]map[string]int{}
	for _, v := range m.Values {
		where := v.File + " " + strings.Join(v.Member, " ")
		if counts[where] == nil {
			counts[where] = map[string]int{}
		}
		counts[where][v.Type]++
	}
	statuses := map[string]string{}
	var walk func(file string, e expectedObject) map[string]int
	walk = func(file string, e expectedObject) map[string]int {
		if len(e.Members) == 0 {
			where := file + " " + strings.Join(e.Member, " ")
			statuses[where] = e.Status
			sum := counts[where]
			if sum == nil {
				sum = map[string]int{}
			}
			if diff := cmp.Diff(sum, e.Counts); diff != "" {
				t.Errorf("%s: %s", where, diff)
			}
			return sum
		}
		sum, status, reason := map[string]int{}, complete, ""
		for _, inner := range e.Members {
			for id, n := range walk(file, inner) {
				sum[id] += n
			}
			if inner.Status != complete {
				status, reason = partial, someUnread
			}
		}
		if diff := cmp.Diff(sum, e.Counts); diff != "" {
			t.Errorf("%s %v: %s", file, e.Member, diff)
		}
		if e.Status != status || e.Reason != reason {
			t.Errorf("%s %v is %s %s, want %s %s", file, e.Member, e.Status, e.Reason, status, reason)
		}
		return sum
	}
	for _, e := range m.Objects {
		walk(e.File, e)
	}
	for _, l := range readEstate(t) {
		where, want := l.file+" "+strings.Join(l.member, " "), complete
		if l.binary && !strings.HasSuffix(l.file, ".pdf") && !strings.HasSuffix(l.file, ".png") {
			want = skipped
		}
		if statuses[where] != want {
			t.Errorf("%s is %q, want %s", where, statuses[where], want)
		}
		delete(statuses, where)
	}
	for where := range statuses {
		t.Errorf("%s is listed, but is not there", where)
	}
}

// TestEveryTypeOften wants each type in at least two files, and account numbers of at least a dozen countries.
func TestEveryTypeOften(t *testing.T) {
	files := map[string]map[string]bool{}
	for _, v := range readManifest(t).Values {
		if files[v.Type] == nil {
			files[v.Type] = map[string]bool{}
		}
		files[v.Type][v.File] = true
	}
	countries := 0
	for id := range files {
		if strings.HasSuffix(id, "_BANK_ACCOUNT_NUMBER") {
			countries++
		}
	}
	if countries < 12 {
		t.Errorf("account numbers of %d countries", countries)
	}
	for _, id := range append(identifiers, identifier{id: "CREDIT_CARD_NUMBER_(NO_KEYWORD)"}) {
		if n := len(files[id.id]); n < 2 && id.id != "IBAN" {
			t.Errorf("%s stands in %d files", id.id, n)
		}
	}
}

// TestReservedStandThere shows that the numbers that Macie never reports are in the estate, so that a scan can get them wrong.
func TestReservedStandThere(t *testing.T) {
	var all strings.Builder
	for _, l := range readEstate(t) {
		for _, s := range l.segments {
			all.WriteString(s.text + "\n")
		}
	}
	for _, v := range []string{"4111111111111111", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "sk_test_4eC39HqLyjWDarjtT1zdp7dc"} {
		if !strings.Contains(all.String(), v) {
			t.Errorf("%s is nowhere", v)
		}
	}
}

// bucketNames returns the evaluated names of the template's buckets, sorted.
func bucketNames(t *testing.T, template []byte) (names []string) {
	t.Helper()
	parsed, err := cfn.Parse(template)
	if err != nil {
		t.Fatal(err)
	}
	stack, err := parsed.Evaluate(cfn.Env{Account: "123456789012", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range stack.Resources {
		if r.Type != "AWS::S3::Bucket" {
			continue
		}
		value, _ := r.Properties.Get("BucketName")
		name, ok := value.Text()
		if !ok {
			t.Errorf("%s: the template does not tell its name", r.LogicalID)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
