package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const exampleEstate = "../../examples/estate"

// manifest is what the generator of the example estate says it has planted.
type manifest struct {
	Values []struct {
		File   string          `json:"file"`
		Member json.RawMessage `json:"member"` // a path, or a list of paths from outside in
		Type   string          `json:"type"`
		Place  struct {
			Line       int64  `json:"line"`
			Column     int64  `json:"column"`
			Row        int64  `json:"row"`
			ColumnName string `json:"columnName"`
			Record     int64  `json:"record"`
			JSONPath   string `json:"jsonPath"`
		} `json:"place"`
	} `json:"values"`
	Objects []struct {
		File   string `json:"file"`
		Status string `json:"status"`
		Reason string `json:"reason"`
	} `json:"objects"`
}

// discoveryResult is what the test reads of a line of --format jsonl.
type discoveryResult struct {
	ClassificationDetails struct {
		Result struct {
			Status struct{ Code, Reason string }
			// A detection has places unless it is the summary of an archive.
			SensitiveData []struct {
				Detections []struct {
					Type        string
					Count       int64
					Occurrences struct {
						Cells []struct {
							Row, Column int64
							ColumnName  string
						}
						LineRanges []struct{ Start, StartColumn int64 }
						Records    []struct {
							RecordIndex int64
							JSONPath    string `json:"jsonPath"`
						}
					}
				}
			}
		}
	}
	ResourcesAffected struct {
		S3Object struct {
			Key                 string
			EmbeddedFileDetails *struct{ FilePath string }
		}
	}
}

// TestScanOfExampleEstate compares what a scan finds with what the generator planted, both ways: nothing missed, nothing else found, each
// value at its place.
func TestScanOfExampleEstate(t *testing.T) {
	wanted, statuses := readManifest(t)
	found, got := scanEstate(t)
	if diff := cmp.Diff(wanted, found); diff != "" {
		t.Errorf("planted (-) and found (+) differ:\n%s", diff)
	}
	if diff := cmp.Diff(statuses, got); diff != "" {
		t.Errorf("the objects' expected (-) and reported (+) statuses differ:\n%s", diff)
	}
	if len(wanted) < 100 || len(statuses) < 60 {
		t.Errorf("the estate is too small to prove anything: %d values, %d objects", len(wanted), len(statuses))
	}
}

func readManifest(t *testing.T) (values []string, statuses map[string]string) {
	t.Helper()
	text, err := os.ReadFile(exampleEstate + "/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	for _, v := range m.Values {
		p, place := v.Place, ""
		switch {
		case p.Line > 0:
			place = fmt.Sprintf("line %d:%d", p.Line, p.Column)
		case p.Row > 0:
			place = fmt.Sprintf("row %d column %d %s", p.Row, p.Column, p.ColumnName)
		default:
			place = fmt.Sprintf("record %d %s", p.Record, p.JSONPath)
		}
		values = append(values, v.File+memberPath(t, v.Member)+" "+v.Type+" "+place)
	}
	slices.Sort(values)
	statuses = map[string]string{}
	for _, o := range m.Objects {
		statuses[o.File] = strings.TrimSpace(o.Status + " " + o.Reason)
	}
	return values, statuses
}

func memberPath(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	if raw == nil {
		return ""
	}
	var one string
	var path []string
	if json.Unmarshal(raw, &one) == nil {
		path = []string{one}
	} else if err := json.Unmarshal(raw, &path); err != nil {
		t.Fatal(err)
	}
	return "!/" + strings.Join(path, "!/")
}

func scanEstate(t *testing.T) (values []string, statuses map[string]string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"scan", "--format", "jsonl", exampleEstate}, stdio{strings.NewReader(""), &out, &errs})
	if code != exitIncomplete { // the estate has files that nobody can read
		t.Fatalf("exit code %d, want %d\n%s", code, exitIncomplete, errs.String())
	}
	statuses = map[string]string{}
	for line := range strings.Lines(out.String()) {
		var r discoveryResult
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		file := r.ResourcesAffected.S3Object.Key
		if member := r.ResourcesAffected.S3Object.EmbeddedFileDetails; member != nil {
			file += "!/" + member.FilePath
		} else {
			status := r.ClassificationDetails.Result.Status
			statuses[file] = strings.TrimSpace(status.Code + " " + status.Reason)
		}
		for _, category := range r.ClassificationDetails.Result.SensitiveData {
			for _, d := range category.Detections {
				at := file + " " + d.Type + " "
				for _, c := range d.Occurrences.Cells {
					values = append(values, at+fmt.Sprintf("row %d column %d %s", c.Row, c.Column, c.ColumnName))
				}
				for _, l := range d.Occurrences.LineRanges {
					values = append(values, at+fmt.Sprintf("line %d:%d", l.Start, l.StartColumn))
				}
				for _, r := range d.Occurrences.Records {
					values = append(values, at+fmt.Sprintf("record %d %s", r.RecordIndex, r.JSONPath))
				}
			}
		}
	}
	slices.Sort(values)
	return values, statuses
}
