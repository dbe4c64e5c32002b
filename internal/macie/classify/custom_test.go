package classify

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/allow"
	"github.com/magpie-sec/magpie/internal/detect/custom"
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

func customClassifier(t testing.TB, lists allow.Lists, defs ...*custom.Definition) *Classifier {
	t.Helper()
	c := newClassifier(t)
	engine, err := custom.New(defs)
	must(t, err)
	c.Custom, c.Allow = engine, lists
	return c
}

func words(t testing.TB, list string) *allow.List {
	t.Helper()
	l, err := allow.Words(strings.NewReader(list))
	must(t, err)
	return l
}

var badge = &custom.Definition{ID: "b1", ARN: "arn:aws:macie2:eu-west-1:123456789012:custom-data-identifier/b1", Name: "Badge", Regex: `[A-Z]-\d{8}`}

// TestCustom has custom data identifiers in a finding of every type: alone, and beside managed ones.
func TestCustom(t *testing.T) {
	from3 := &custom.Definition{ID: "f", Name: "From three", Regex: `ticket \d+`,
		SeverityLevels: []custom.SeverityLevel{{Severity: detect.Low, OccurrencesThreshold: 3}, {Severity: detect.High, OccurrencesThreshold: 5}}}
	keyed := &custom.Definition{ID: "k", Name: "Keyed", Regex: `\d{6}`, Keywords: []string{"locker"}}
	c := customClassifier(t, nil, from3, badge, keyed)
	for name, v := range map[string]struct {
		file, body string
		kind       macie2.FindingType
		severity   macie2.SeverityDescription
		custom     []string
	}{
		"none":            {"a.txt", "Nothing here.", "", "", nil},
		"custom alone":    {"a.txt", "Badge F-12345678\nand P-87654321.", "SensitiveData:S3Object/CustomIdentifier", "Medium", []string{"Badge 2"}},
		"with a number":   {"a.csv", "ssn,badge\n" + ssn + ",F-12345678\n", "SensitiveData:S3Object/Multiple", "High", []string{"Badge 1"}},
		"below":           {"a.txt", "ticket 1, ticket 2", "", "", nil},
		"below, others":   {"a.txt", "ticket 1, ticket 2, F-12345678", "SensitiveData:S3Object/CustomIdentifier", "Medium", []string{"Badge 1"}},
		"below, managed":  {"a.csv", "ssn,note\n" + ssn + ",ticket 1\n", "SensitiveData:S3Object/Personal", "High", nil},
		"at the lowest":   {"a.txt", "ticket 1, ticket 2, ticket 3", "SensitiveData:S3Object/CustomIdentifier", "Low", []string{"From three 3"}},
		"at the highest":  {"a.txt", strings.Repeat("ticket 1, ", 5), "SensitiveData:S3Object/CustomIdentifier", "High", []string{"From three 5"}},
		"in an archive":   {"a.zip", zipped(t, []string{"1.txt", "2.txt"}, map[string]string{"1.txt": "ticket 1, ticket 2", "2.txt": "ticket 3"}), "SensitiveData:S3Object/CustomIdentifier", "Low", []string{"From three 3"}},
		"column":          {"a.csv", "name,locker no\nAda,123456\n", "SensitiveData:S3Object/CustomIdentifier", "Medium", []string{"Keyed 1"}},
		"other column":    {"a.csv", "locker no,number\n,123456\n", "", "", nil},
		"path":            {"a.json", `{"lockers":[{"no":"123456"},{"no":"no 123456"}],"no":"123456"}`, "SensitiveData:S3Object/CustomIdentifier", "Medium", []string{"Keyed 2"}},
		"path, too far":   {"a.json", `{"locker":"` + strings.Repeat("x", 45) + ` 123456"}`, "", "", nil},
		"column, however": {"a.csv", "name,locker\nAda," + strings.Repeat("x", 300) + " 123456\n", "SensitiveData:S3Object/CustomIdentifier", "Medium", []string{"Keyed 1"}},
	} {
		d, err := c.Classify(t.Context(), object(v.file, v.body), nil)
		must(t, err)
		var got []string
		for _, found := range d.Custom {
			got = append(got, fmt.Sprint(found.Definition.Name, " ", found.Count))
		}
		if diff := cmp.Diff(v.custom, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if d.Found() != (v.kind != "") {
			t.Errorf("%s: found %v", name, d.Found())
		}
		f := d.Finding(Subject{})
		if f.Type != v.kind || f.Severity != nil && f.Severity.Description != v.severity || (f.Severity == nil) != (v.severity == "") {
			t.Errorf("%s: %s %v", name, f.Type, f.Severity)
		}
	}
}

// TestCustomRecord holds the shape of a custom data identifier's result.
func TestCustomRecord(t *testing.T) {
	c := customClassifier(t, nil, badge)
	d, err := c.Classify(t.Context(), object("a.txt", "ssn "+ssn+"\nbadge\tF-12345678"), nil)
	must(t, err)
	got := string(wire.Marshal(d.ClassificationResult(MaxFindingLocations).CustomDataIdentifiers))
	want := `{"detections":[{"arn":"` + badge.ARN + `","count":1,"name":"Badge","occurrences":{"lineRanges":[{"end":2,"start":2,"startColumn":7}]}}],"totalCount":1}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	line, err := d.Record(subject("a.txt", ""))
	must(t, err)
	if strings.Contains(string(line), "12345678\"") || !strings.Contains(string(line), `"name":"Badge"`) {
		t.Errorf("%s", line)
	}
}

// TestAllow keeps what allow lists name from counts, places and results, whichever kind of identifier finds it.
func TestAllow(t *testing.T) {
	pattern, err := allow.Regex(`F-\d{8}|\d{3}-90-\d{4}`)
	must(t, err)
	body := "ssn " + ssn + "\nF-12345678 and P-87654321\n"
	for name, v := range map[string]struct {
		lists allow.Lists
		want  []string
	}{
		"none":    {nil, []string{"USA_SOCIAL_SECURITY_NUMBER 1", "Badge 2"}},
		"words":   {allow.Lists{words(t, "p-87654321\n"+ssn)}, []string{"Badge 1"}},
		"pattern": {allow.Lists{pattern}, []string{"Badge 1"}},
		"both":    {allow.Lists{pattern, words(t, "p-87654321")}, nil},
		"a part":  {allow.Lists{words(t, "87654321\n90-4399")}, []string{"USA_SOCIAL_SECURITY_NUMBER 1", "Badge 2"}},
	} {
		d, err := customClassifier(t, v.lists, badge).Classify(t.Context(), object("a.txt", body), nil)
		must(t, err)
		var got []string
		for _, found := range d.Detections {
			got = append(got, fmt.Sprint(found.Identifier.ID, " ", found.Count))
		}
		for _, found := range d.Custom {
			got = append(got, fmt.Sprint(found.Definition.Name, " ", found.Count))
			if int64(len(found.Locations)) != found.Count {
				t.Errorf("%s: %d places", name, len(found.Locations))
			}
		}
		if diff := cmp.Diff(v.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	// Addresses are not affected.
	c := newClassifier(t)
	c.Allow = allow.Lists{words(t, "anything")}
	for _, id := range []string{"ADDRESS", "NAME"} {
		if got := c.allows(detect.Match{Identifier: &detect.Identifier{ID: id}, Text: []byte("Anything")}); got != (id != "ADDRESS") {
			t.Errorf("%s: %v", id, got)
		}
	}
}

// TestCustomNames keeps what a custom data identifier finds in a name from being shown as part of a place.
func TestCustomNames(t *testing.T) {
	c := customClassifier(t, nil, badge)
	d, err := c.Classify(t.Context(), object("a.json", `{"F-12345678":{"badge":"P-87654321"}}`), nil)
	must(t, err)
	// The name itself is text of the document as well, and found where it stands.
	if f := string(wire.Marshal(d.Finding(Subject{}))); strings.Contains(f, "F-1234") || !strings.Contains(f, `"records":[{"recordIndex":0}]`) {
		t.Errorf("%s", f)
	}
}

// TestUnfinished has a pattern that a text makes expensive: the object says that it was not read to the end for it.
func TestUnfinished(t *testing.T) {
	hostile := &custom.Definition{ID: "h", Name: "Hostile", Regex: `(?s)a.{0,400}z`}
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 100<<10)
	for i := range text {
		text[i] = "ab"[random.IntN(2)]
	}
	body := "F-12345678 " + string(text) + " F-12345678"
	c := customClassifier(t, nil, hostile, badge)
	d, err := c.Classify(t.Context(), object("a.txt", body), nil)
	must(t, err)
	if len(d.Unfinished) != 1 || d.Unfinished[0] != hostile || d.Status.Code != extract.Partial || d.Status.Reason != extract.TimeCutOffReached {
		t.Errorf("%v %+v", d.Unfinished, d.Status)
	}
	if len(d.Custom) != 1 || d.Custom[0].Count != 2 {
		t.Errorf("the other definition found %+v", d.Custom)
	}
	d, err = c.Classify(t.Context(), object("a.zip", zipped(t, []string{"a.txt"}, map[string]string{"a.txt": body})), nil)
	must(t, err)
	if len(d.Unfinished) != 1 || d.Status.Code != extract.Partial || d.Status.Reason != extract.ArchiveContainsUnprocessedFiles {
		t.Errorf("in an archive: %v %+v", d.Unfinished, d.Status)
	}
	d, err = c.Classify(t.Context(), object("a.txt", "F-12345678"), nil)
	must(t, err)
	if len(d.Unfinished) != 0 || d.Status.Code != extract.Complete || len(d.Custom) != 1 {
		t.Errorf("the next object: %+v", d)
	}
}

// TestCustomAtOnce classifies the same objects from many goroutines with one classifier.
func TestCustomAtOnce(t *testing.T) {
	keyed := &custom.Definition{ID: "k", Name: "Keyed", Regex: `\d{6,8}`, Keywords: []string{"badge"}}
	pattern, err := allow.Regex(`F-0\d+`)
	must(t, err)
	c := customClassifier(t, allow.Lists{pattern, words(t, "f-12345678")}, badge, keyed)
	bodies := map[string]string{
		"a.txt": strings.Repeat("badge F-12345678, badge F-87654321\n", 300), "b.csv": "badge,id\n" + strings.Repeat("123456,F-01234567\n", 200) + "1,P-01234567\n",
		"c.json": `{"badge":["F-87654321","F-00000000"]}`,
	}
	want := map[string]string{}
	for name, body := range bodies {
		want[name] = records(t, c, name, body)
	}
	if strings.Count(want["a.txt"], `"count": 300`) != 1 || !strings.Contains(want["b.csv"], `"count": 200`) || !strings.Contains(want["c.json"], `"count": 1`) {
		t.Errorf("%.3000s", want)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for name, body := range bodies {
				if got := records(t, c, name, body); got != want[name] {
					t.Errorf("%s: %s", name, cmp.Diff(want[name], got))
				}
			}
		})
	}
	group.Wait()
}
