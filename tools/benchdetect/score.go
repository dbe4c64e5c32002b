package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/text"
)

func newReader(b []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b)))
}

// A planted is a line of planted.jsonl.
type planted struct {
	File   string
	Offset int
	Type   string
	Value  string
}

// identifiersOf says by which managed data identifier a planted type is to be found, if it does not have the identifier's name. Types without
// one have no managed data identifier: Macie does not look for them.
var identifiersOf = map[string][]string{
	"IBAN_DE":            {"GERMANY_BANK_ACCOUNT_NUMBER"},
	"IBAN_GB":            {"UK_BANK_ACCOUNT_NUMBER"},
	"PRIVATE_KEY":        {"PKCS", "OPENSSH_PRIVATE_KEY"},
	"CREDIT_CARD_NUMBER": {"CREDIT_CARD_NUMBER", "CREDIT_CARD_NUMBER_(NO_KEYWORD)"},
	"EMAIL_ADDRESS":      nil,
	"AWS_ACCESS_KEY_ID":  nil,
	"GITHUB_TOKEN":       nil,
	"SLACK_TOKEN":        nil,
	"ADDRESS":            nil, // streets without city and postal code
}

// wellFormed reports whether a planted value is what its type says: the generator fills some with plain noise.
func wellFormed(p planted) bool {
	switch p.Type {
	case "HTTP_BASIC_AUTH_HEADER": // a user, a colon and a password
		decoded, err := base64.StdEncoding.DecodeString(p.Value)
		printable := !bytes.ContainsFunc(decoded, func(r rune) bool { return r < ' ' || r == 0x7F || r == 0xFFFD })
		return err == nil && printable && bytes.IndexByte(decoded, ':') >= 0
	case "JSON_WEB_TOKEN": // claims
		_, claims, _ := strings.Cut(p.Value, ".")
		claims, _, _ = strings.Cut(claims, ".")
		decoded, err := base64.RawURLEncoding.DecodeString(claims)
		return err == nil && json.Valid(decoded)
	}
	return true
}

// A place is where a value stands: its 1-based line, and the value.
type place struct {
	line  int
	value string
}

// score reads each corpus through extraction and detection and compares with what was planted.
func score(dir string, engine *detect.Engine) error {
	byFile, err := readPlanted(filepath.Join(dir, "planted.jsonl"))
	if err != nil {
		return err
	}
	fmt.Println("| data | planted | found | recall | found beside | of these |")
	fmt.Println("| --- | --- | --- | --- | --- | --- |")
	for _, kind := range kinds {
		content, err := os.ReadFile(filepath.Join(dir, kind.file))
		if err != nil {
			return err
		}
		if err := scoreFile(kind.name, kind.file, content, byFile[kind.file], engine); err != nil {
			return err
		}
	}
	return nil
}

func readPlanted(file string) (map[string][]planted, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := map[string][]planted{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var p planted
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return nil, err
		}
		out[p.File] = append(out[p.File], p)
	}
	return out, lines.Err()
}

func scoreFile(name, file string, content []byte, plants []planted, engine *detect.Engine) error {
	// Of the table only every hundredth row is labelled.
	labelled := func(line int) bool { return name != "csv" || (line-1)%100 == 0 && line > 1 }
	found := map[place][]string{}
	s := engine.NewScanner(func(m detect.Match) {
		line := int(m.Location.Line)
		switch m.Location.Kind {
		case text.Cells:
			line = int(m.Location.Row)
		case text.Records:
			line = int(m.Location.Row) + 1
		}
		if labelled(line) {
			at := place{line, string(m.Text)}
			found[at] = append(found[at], m.Identifier.ID)
		}
	})
	if err := extractTo(file, content, s.Write); err != nil {
		return err
	}
	s.Close()

	total, hit, noise := 0, 0, 0
	missed := map[string]int{}
	line, at := 1, 0
	for _, p := range plants {
		line += bytes.Count(content[at:p.Offset], []byte("\n"))
		at = p.Offset
		ids, mapped := identifiersOf[p.Type]
		if !mapped {
			ids = []string{p.Type}
		}
		where := place{line, p.Value}
		got := found[where]
		ok := slices.ContainsFunc(got, func(id string) bool { return slices.Contains(ids, id) })
		if ok {
			delete(found, where)
		}
		switch {
		case len(ids) == 0:
		case !wellFormed(p):
			noise++
		default:
			total++
			if ok {
				hit++
			} else {
				missed[p.Type]++
			}
		}
	}
	beside := map[string]int{}
	sample := map[string]string{}
	extra := 0
	for where, ids := range found {
		extra++
		for _, id := range ids {
			beside[id]++
			if s := fmt.Sprintf("line %d %.40q", where.line, where.value); sample[id] == "" || s < sample[id] {
				sample[id] = s
			}
		}
	}
	fmt.Printf("| %s | %d | %d | %.4f | %d | %s |\n", name, total, hit, float64(hit)/float64(max(total, 1)), extra, counts(beside))
	if noise > 0 {
		fmt.Fprintf(os.Stderr, "%s: %d planted values are not what their type says and do not count\n", name, noise)
	}
	if len(missed) > 0 {
		fmt.Fprintf(os.Stderr, "%s: missed %s\n", name, counts(missed))
	}
	for id, s := range sample {
		fmt.Fprintf(os.Stderr, "%s: beside %s, as in %s\n", name, id, s)
	}
	return nil
}

func counts(of map[string]int) string {
	var names []string
	for name := range of {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		return of[names[i]] > of[names[j]] || of[names[i]] == of[names[j]] && names[i] < names[j]
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, of[name])
	}
	return strings.Join(names, ", ")
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
