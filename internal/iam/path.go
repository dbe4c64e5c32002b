package iam

import (
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// StepKind says where a step of a Path goes.
type StepKind uint8

// The steps of ValidatePolicy's paths (access-analyzer.md 7.1).
const (
	StepValue     StepKind = iota // to the value under a key
	StepKey                       // to the key itself
	StepIndex                     // to an element of a list
	StepSubstring                 // to a part of a string
)

// Step is one step of a Path.
type Step struct {
	Kind          StepKind
	Name          string // of a value or key
	Index         int    // of an element, from 0
	Start, Length int    // of a substring, in characters, from 0
}

// Path leads from the root of a policy to one of its elements.
type Path []Step

// String writes a path as in Statement[2].Condition.StringEquals["aws:SourceVpce"][0]; a key itself ends in "#key", a part of a string in
// its first and its last place.
func (p Path) String() string {
	var b strings.Builder
	for _, s := range p {
		switch s.Kind {
		case StepValue, StepKey:
			switch {
			case !isWord(s.Name):
				b.WriteString("[" + strconv.Quote(s.Name) + "]")
			case b.Len() > 0:
				b.WriteString("." + s.Name)
			default:
				b.WriteString(s.Name)
			}
			if s.Kind == StepKey {
				b.WriteString("#key")
			}
		case StepIndex:
			b.WriteString("[" + strconv.Itoa(s.Index) + "]")
		case StepSubstring:
			b.WriteString("[" + strconv.Itoa(s.Start) + ":" + strconv.Itoa(s.Start+s.Length) + "]")
		}
	}
	return b.String()
}

func isWord(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') {
			return false
		}
	}
	return s != ""
}

// path finds the element that a span belongs to: the innermost one that holds it.
func (s *source) path(span Span) Path {
	var path Path
	for n := s.root; n != nil && n.span != span; {
		switch n.kind {
		case nodeObject:
			i := sort.Search(len(n.fields), func(i int) bool { return n.fields[i].value.span.End >= span.End })
			if i == len(n.fields) || span.Start < n.fields[i].nameSpan.Start {
				return path
			}
			f := n.fields[i]
			if span.Start < f.value.span.Start {
				return append(path, Step{Kind: StepKey, Name: f.name})
			}
			path = append(path, Step{Kind: StepValue, Name: f.name})
			n = f.value
		case nodeList:
			i := sort.Search(len(n.items), func(i int) bool { return n.items[i].span.End >= span.End })
			if i == len(n.items) || span.Start < n.items[i].span.Start {
				return path
			}
			path = append(path, Step{Kind: StepIndex, Index: i})
			n = n.items[i]
		case nodeString:
			start := s.characters(n.span.Start+1, span.Start)
			return append(path, Step{Kind: StepSubstring, Start: start, Length: s.characters(span.Start, span.End)})
		default:
			return path
		}
	}
	return path
}

// characters counts those that the inside of a JSON string stands for between two offsets.
func (s *source) characters(from, to int) int {
	inside := s.text[from:to]
	n := 0
	for i := 0; i < len(inside); n++ {
		_, width := utf8.DecodeRuneInString(inside[i:])
		if inside[i] == '\\' {
			_, width, _ = unescape(inside[i:])
		}
		i += max(width, 1)
	}
	return n
}
