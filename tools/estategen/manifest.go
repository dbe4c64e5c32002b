package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Status codes and reasons of a document, in Macie's words.
const (
	complete = "COMPLETE"
	partial  = "PARTIAL"
	skipped  = "SKIPPED"

	someUnread  = "ARCHIVE_CONTAINS_UNPROCESSED_FILES"
	unsupported = "UNSUPPORTED_FILE_TYPE_EXCEPTION"
)

// A manifest lists what a scan of the estate must find, no more and no less.
type manifest struct {
	Values  []plantedValue   `json:"values"`
	Objects []expectedObject `json:"objects"`
}

// A plantedValue says where a value of a type starts, never the value.
type plantedValue struct {
	// File is bucket/key; Member holds the names of archive members from outside in.
	File   string   `json:"file"`
	Member []string `json:"member,omitempty"`
	Type   string   `json:"type"`
	Place  place    `json:"place"`
}

// An expectedObject is what a scan says of a file or of a member of an archive. An archive's counts are the sums over its members.
type expectedObject struct {
	File    string           `json:"file,omitempty"`
	Member  []string         `json:"member,omitempty"`
	Status  string           `json:"status"`
	Reason  string           `json:"reason,omitempty"`
	Counts  map[string]int   `json:"counts"`
	Members []expectedObject `json:"members,omitempty"`
}

// add enters a document and everything in it.
func (m *manifest) add(file string, path []string, d document) expectedObject {
	e := expectedObject{File: file, Member: path, Status: complete, Counts: map[string]int{}}
	if len(path) > 0 {
		e.File = ""
	}
	for _, p := range d.plants {
		m.Values = append(m.Values, plantedValue{file, path, p.id, p.place})
		e.Counts[p.id]++
	}
	for _, inner := range d.members {
		below := m.add(file, append(slices.Clip(path), inner.name), inner.document)
		for id, n := range below.Counts {
			e.Counts[id] += n
		}
		if below.Status != complete {
			e.Status, e.Reason = partial, someUnread
		}
		e.Members = append(e.Members, below)
	}
	if d.skipped != "" {
		e.Status, e.Reason = skipped, d.skipped
	}
	return e
}

// encode writes one value and one object a line, so that a change shows as lines.
func (m *manifest) encode() ([]byte, error) {
	var out bytes.Buffer
	list := func(name string, n int, at func(int) any) error {
		fmt.Fprintf(&out, "  %q: [\n", name)
		for i := range n {
			line, err := json.Marshal(at(i))
			if err != nil {
				return err
			}
			out.WriteString("    " + string(line) + strings.Repeat(",", min(1, n-1-i)) + "\n")
		}
		out.WriteString("  ]")
		return nil
	}
	out.WriteString("{\n")
	if err := list("objects", len(m.Objects), func(i int) any { return m.Objects[i] }); err != nil {
		return nil, err
	}
	out.WriteString(",\n")
	if err := list("values", len(m.Values), func(i int) any { return m.Values[i] }); err != nil {
		return nil, err
	}
	out.WriteString("\n}\n")
	return out.Bytes(), nil
}
