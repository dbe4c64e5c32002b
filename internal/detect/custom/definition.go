package custom

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/magpie-sec/magpie/internal/detect"
)

// The limits of macie.md 2.1. Lengths are in characters.
const (
	maxName        = 128
	maxRegex       = 512
	maxKeywords    = 50
	minKeyword     = 3
	maxKeyword     = 90
	maxIgnoreWords = 10
	minIgnoreWord  = 4
	maxIgnoreWord  = 90
	maxDistance    = 300
	maxLevels      = 3
	maxSample      = 1000
)

// DefaultDistance is the greatest distance between a keyword and the end of a match, in characters, of a definition that gives none.
const DefaultDistance = 50

// A Definition is what CreateCustomDataIdentifier takes, with the identity that the service gave it. It is not changed once an Engine is
// made of it.
type Definition struct {
	ID, ARN, Name string
	// Regex is the pattern, in the dialect that Check enforces.
	Regex string
	// Keywords, if there are any, have to stand near a match. They are character sequences, compared without regard to case.
	Keywords []string
	// IgnoreWords are compared with regard to case; a match that contains one is dropped.
	IgnoreWords []string
	// MaximumMatchDistance is how many characters there may be from the end of a keyword to the end of a match; 0 means DefaultDistance.
	MaximumMatchDistance int
	// SeverityLevels is empty, or rises from Low to High.
	SeverityLevels []SeverityLevel
}

// A SeverityLevel says from how many occurrences in one object on a finding has a severity.
type SeverityLevel struct {
	Severity             detect.Level
	OccurrencesThreshold int64
}

// Level returns the severity for a number of occurrences in one object: that of the highest threshold reached, 0 below the lowest, and
// Medium for any number without severity levels (macie.md 5.3).
func (d *Definition) Level(occurrences int64) detect.Level {
	if len(d.SeverityLevels) == 0 && occurrences > 0 {
		return detect.Medium
	}
	var highest detect.Level
	for _, l := range d.SeverityLevels {
		if occurrences >= l.OccurrencesThreshold {
			highest = max(highest, l.Severity)
		}
	}
	return highest
}

func (d *Definition) distance() int {
	if d.MaximumMatchDistance == 0 {
		return DefaultDistance
	}
	return d.MaximumMatchDistance
}

// Check holds a definition to all limits of macie.md 2.1, and its pattern to the dialect of 2.2 and to a bounded amount of work. The error
// says which member is wrong and why, for people: it becomes a ValidationException.
func Check(d *Definition) error {
	if err := length("name", d.Name, 1, maxName); err != nil {
		return err
	}
	_, err := check(d)
	return err
}

// check is Check without the name, and returns the compiled pattern.
func check(d *Definition) (*program, error) {
	if err := length("regex", d.Regex, 1, maxRegex); err != nil {
		return nil, err
	}
	if err := words("keywords", d.Keywords, maxKeywords, minKeyword, maxKeyword); err != nil {
		return nil, err
	}
	if err := words("ignoreWords", d.IgnoreWords, maxIgnoreWords, minIgnoreWord, maxIgnoreWord); err != nil {
		return nil, err
	}
	if n := d.MaximumMatchDistance; n < 0 || n > maxDistance {
		return nil, fmt.Errorf("maximumMatchDistance is %d, and has to be from 1 to %d", n, maxDistance)
	}
	if err := levels(d.SeverityLevels); err != nil {
		return nil, err
	}
	p, err := compile(d.Regex)
	if err != nil {
		return nil, fmt.Errorf("regex: %w", err)
	}
	if err := p.try(); err != nil {
		return nil, fmt.Errorf("regex: %w", err)
	}
	return p, nil
}

func length(member, s string, least, most int) error {
	switch n := utf8.RuneCountInString(s); {
	case !utf8.ValidString(s):
		return fmt.Errorf("%s is not UTF-8", member)
	case n == 0 && least > 0:
		return fmt.Errorf("%s is required", member)
	case n < least || n > most:
		return fmt.Errorf("%s has %d characters, and has to have from %d to %d", member, n, least, most)
	}
	return nil
}

func words(member string, list []string, most, shortest, longest int) error {
	if len(list) > most {
		return fmt.Errorf("%s has %d entries, and may have %d", member, len(list), most)
	}
	for i, w := range list {
		if err := length(fmt.Sprintf("%s[%d]", member, i), w, shortest, longest); err != nil {
			return err
		}
	}
	return nil
}

func levels(list []SeverityLevel) error {
	if len(list) > maxLevels {
		return fmt.Errorf("severityLevels has %d entries, and may have %d", len(list), maxLevels)
	}
	var thresholds [detect.High + 1]int64
	for i, l := range list {
		switch {
		case l.Severity < detect.Low || l.Severity > detect.High:
			return fmt.Errorf("severityLevels[%d].severity has to be LOW, MEDIUM or HIGH", i)
		case l.OccurrencesThreshold < 1:
			return fmt.Errorf("severityLevels[%d].occurrencesThreshold is %d, and has to be 1 or more", i, l.OccurrencesThreshold)
		case thresholds[l.Severity] != 0:
			return fmt.Errorf("severityLevels has two entries for one severity")
		}
		thresholds[l.Severity] = l.OccurrencesThreshold
	}
	last := int64(0)
	for _, n := range thresholds {
		if n == 0 {
			continue
		}
		if n <= last {
			return errors.New("severityLevels: occurrencesThreshold has to rise from LOW to MEDIUM to HIGH")
		}
		last = n
	}
	return nil
}
