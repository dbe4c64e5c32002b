// Command namegen writes the list of names that internal/detect/person embeds.
//
// It needs files that are not part of this repository, so it runs when the list is to change, not in the build: the locale data of the three
// Faker libraries (JavaScript 10.6.0, Ruby 2.21.0, Python 0.9.3, all MIT), each dumped as JSON
//
//	{"de": {"given": ["Anna", ...], "family": ["Schmidt", ...]}, ...}
//
// and a list of English words, one a line, such as /usr/share/dict/american-english of Debian's wamerican. The words mark names that
// are words as well, and are listed as words that are no names. For the JavaScript library the dump is
//
//	import { allLocales } from "@faker-js/faker";
//	const flat = x => [...new Set(Object.values(x ?? {}).flat())];
//	const out = {};
//	for (const [k, v] of Object.entries(allLocales)) out[k] = { given: flat(v.person?.first_name), family: flat(v.person?.last_name) };
//	console.log(JSON.stringify(out));
//
// Of the Ruby library the locale nl is left out: its 20,000 family names hold too many words.
//
// Usage: namegen -words FILE -out internal/detect/person/names.gz DUMP...
package main

import (
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"sort"
	"strings"

	"github.com/magpie-sec/magpie/internal/detect/person"
)

func main() {
	log.SetFlags(0)
	words := flag.String("words", "", "list of English words")
	out := flag.String("out", "", "file to write")
	flag.Parse()
	if err := run(*words, *out, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

// A name is how many locales have it as a given and as a family name.
type name struct{ given, family int }

func run(words, out string, dumps []string) error {
	names := map[string]*name{}
	for _, file := range dumps {
		if err := read(file, names); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	english, err := readWords(words)
	if err != nil {
		return err
	}
	return write(out, lines(names, english))
}

// skip are locales with invented names.
var skip = map[string]bool{"en_BORK": true, "en-BORK": true, "eo": true}

func read(file string, names map[string]*name) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var dump map[string]struct{ Given, Family []string }
	if err := json.Unmarshal(raw, &dump); err != nil {
		return err
	}
	for locale, lists := range dump {
		if skip[locale] {
			continue
		}
		for w := range parts(lists.Given) {
			entry(names, w).given++
		}
		for w := range parts(lists.Family) {
			entry(names, w).family++
		}
	}
	return nil
}

func entry(names map[string]*name, w string) *name {
	if names[w] == nil {
		names[w] = &name{}
	}
	return names[w]
}

// parts returns the folded words of a list that consist of Latin letters.
func parts(list []string) map[string]bool {
	out := map[string]bool{}
	for _, full := range list {
		for _, w := range strings.Fields(full) {
			folded := string(person.Fold(nil, []byte(w)))
			if len(folded) > 1 && strings.Trim(folded, "abcdefghijklmnopqrstuvwxyz'-") == "" && !strings.ContainsAny(folded[:1]+folded[len(folded)-1:], "'-") {
				out[folded] = true
			}
		}
	}
	return out
}

// readWords reads the words that are not names by themselves.
func readWords(file string) (map[string]bool, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, w := range strings.Fields(string(raw)) {
		if w == strings.ToLower(w) && !strings.Contains(w, "'") {
			out[w] = true
		}
	}
	return out, nil
}

// lines gives each name with its kind behind, and the other words with 0. A word of English counts as a given name only if three locales have it as one, as a family
// name if two have.
func lines(names map[string]*name, english map[string]bool) []string {
	var out []string
	for w, n := range names {
		tell, leastGiven, leastFamily := person.Kind(person.Sure), 1, 1
		if english[w] {
			tell, leastGiven, leastFamily = person.Doubt, 3, 2
		}
		kind := person.Kind(person.None)
		if n.given >= leastGiven {
			kind |= tell
		}
		switch {
		case n.family >= leastFamily && n.given > 6*n.family:
			// a given name
		case n.family >= leastFamily && tell == person.Sure && n.given > 3*n.family:
			kind |= person.Likely << person.FamilyShift
		case n.family >= leastFamily:
			kind |= tell << person.FamilyShift
		case n.family == 0 && !english[w] && n.given <= 4:
			kind |= person.Doubt << person.FamilyShift // rare as a given name, so perhaps one of a family
		}
		if kind != 0 {
			out = append(out, w+string(rune('0'+kind)))
			delete(english, w)
		}
	}
	for w := range english {
		if folded := string(person.Fold(nil, []byte(w))); len(folded) > 2 && strings.Trim(folded, "abcdefghijklmnopqrstuvwxyz") == "" {
			out = append(out, folded+"0")
		}
	}
	sort.Strings(out)
	return out
}

func write(file string, lines []string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write([]byte(strings.Join(lines, "\n") + "\n")); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return f.Close()
}
