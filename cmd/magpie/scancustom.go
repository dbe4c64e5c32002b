package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/magpie-sec/magpie/internal/detect"
	"github.com/magpie-sec/magpie/internal/detect/allow"
	"github.com/magpie-sec/magpie/internal/detect/custom"
)

// maxRulesFile is the longest file of definitions in bytes.
const maxRulesFile = 1 << 20

// maxRulesDepth is how deep values in such a file may be nested; four levels have a meaning.
const maxRulesDepth = 20

// readCustom reads the files of --custom. It returns nil without any.
func readCustom(files []string) (*custom.Engine, error) {
	if len(files) == 0 {
		return nil, nil
	}
	var all []*custom.Definition
	where := map[string]string{} // by name
	for _, file := range files {
		r, root, err := readRules(file)
		if err != nil {
			return nil, fmt.Errorf("--custom: %w", err)
		}
		items := []*yaml.Node{root}
		if root.Kind == yaml.SequenceNode {
			items = root.Content
		}
		if len(items) == 0 {
			return nil, fmt.Errorf("--custom: %w", r.fail(root, "there is no definition in the list"))
		}
		for _, item := range items {
			d, err := r.definition(item)
			if err != nil {
				return nil, fmt.Errorf("--custom: %w", err)
			}
			if other, taken := where[d.Name]; taken {
				return nil, fmt.Errorf("--custom: %w", r.fail(item, "the name %q is taken by the definition at %s; names tell results apart", d.Name, other))
			}
			where[d.Name] = fmt.Sprintf("%s:%d", file, item.Line)
			all = append(all, d)
		}
	}
	return custom.New(all)
}

// readAllow reads the files of --allow.
func readAllow(files []string) (allow.Lists, error) {
	var lists allow.Lists
	for _, file := range files {
		l, err := readAllowList(file)
		if err != nil {
			return nil, fmt.Errorf("--allow: %w", err)
		}
		lists = append(lists, l)
	}
	return lists, nil
}

func readAllowList(file string) (*allow.List, error) {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".json", ".yaml", ".yml":
	default:
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		l, err := allow.Words(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w (a list has one word or phrase in each line)", file, err)
		}
		return l, nil
	}
	r, root, err := readRules(file)
	if err != nil {
		return nil, err
	}
	return r.allowList(root)
}

// rules is a file of definitions under way.
type rules struct{ file string }

func (r rules) fail(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", r.file, n.Line, fmt.Sprintf(format, args...))
}

// readRules reads a file in JSON or YAML and returns its root.
func readRules(file string) (rules, *yaml.Node, error) {
	r := rules{file: file}
	f, err := os.Open(file)
	if err != nil {
		return r, nil, err
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, maxRulesFile+1))
	if err != nil {
		return r, nil, err
	}
	start := &yaml.Node{Line: 1}
	if len(body) > maxRulesFile {
		return r, nil, r.fail(start, "the file is longer than %d bytes", maxRulesFile)
	}
	if strings.EqualFold(filepath.Ext(file), ".json") || json.Valid(body) {
		root, err := jsonNode(r, body)
		return r, root, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(body))
	var doc, second yaml.Node
	if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
		return r, nil, r.fail(start, "the file is empty")
	} else if err != nil {
		return r, nil, fmt.Errorf("%s: %s", file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := decoder.Decode(&second); err == nil {
		return r, nil, r.fail(&second, "a second document; write a list instead")
	} else if !errors.Is(err, io.EOF) {
		return r, nil, fmt.Errorf("%s: %s", file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return r, doc.Content[0], nil
}

// jsonNode reads JSON as a tree of nodes with their lines.
func jsonNode(r rules, body []byte) (*yaml.Node, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	line := func() int { return 1 + bytes.Count(body[:decoder.InputOffset()], []byte{'\n'}) }
	var value func(depth int) (*yaml.Node, error)
	value = func(depth int) (*yaml.Node, error) {
		if depth > maxRulesDepth {
			return nil, r.fail(&yaml.Node{Line: line()}, "values are nested too deep")
		}
		token, err := decoder.Token()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the file ends too early")
			}
			return nil, r.fail(&yaml.Node{Line: line()}, "%v", err)
		}
		n := &yaml.Node{Kind: yaml.ScalarNode, Line: line()}
		switch v := token.(type) {
		case string:
			n.Tag, n.Value = "!!str", v
		case json.Number:
			n.Tag, n.Value = "!!int", v.String()
		case json.Delim:
			n.Kind = map[json.Delim]yaml.Kind{'{': yaml.MappingNode, '[': yaml.SequenceNode}[v]
			for decoder.More() {
				child, err := value(depth + 1)
				if err != nil {
					return nil, err
				}
				n.Content = append(n.Content, child)
			}
			if _, err := decoder.Token(); err != nil {
				return nil, r.fail(&yaml.Node{Line: line()}, "%v", err)
			}
		default: // true, false, null
			n.Tag, n.Value = "!!null", fmt.Sprint(v)
		}
		return n, nil
	}
	root, err := value(0)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, r.fail(&yaml.Node{Line: line()}, "there is something behind the end of the value; write a list instead")
	}
	return root, nil
}

// members calls take for each member of an object; take reports whether it knows the name.
func (r rules) members(n *yaml.Node, what string, known []string, take func(name string, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return r.fail(n, "%s is expected here: an object with the members %s", what, strings.Join(known, ", "))
	}
	var seen []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case !slices.Contains(known, key.Value):
			return r.fail(key, "%s has no member %q; it has %s", what, key.Value, strings.Join(known, ", "))
		case slices.Contains(seen, key.Value):
			return r.fail(key, "%s is there twice", key.Value)
		}
		seen = append(seen, key.Value)
		if err := take(key.Value, value); err != nil {
			return err
		}
	}
	return nil
}

func (r rules) text(n *yaml.Node, member string) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		return "", r.fail(n, "%s has to be a text (in quotes, if it looks like something else)", member)
	}
	return n.Value, nil
}

func (r rules) texts(n *yaml.Node, member string) ([]string, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, r.fail(n, "%s has to be a list of texts", member)
	}
	var out []string
	for _, item := range n.Content {
		s, err := r.text(item, member)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (r rules) number(n *yaml.Node, member string) (int64, error) {
	v, err := strconv.ParseInt(n.Value, 10, 64)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil {
		return 0, r.fail(n, "%s has to be a whole number", member)
	}
	return v, nil
}

// definition reads a custom data identifier in the shape of CreateCustomDataIdentifier's request.
func (r rules) definition(n *yaml.Node) (*custom.Definition, error) {
	d := &custom.Definition{}
	known := []string{"name", "description", "regex", "keywords", "ignoreWords", "maximumMatchDistance", "severityLevels", "tags", "clientToken"}
	err := r.members(n, "a custom data identifier", known, func(name string, v *yaml.Node) (err error) {
		switch name {
		case "name":
			d.Name, err = r.text(v, name)
		case "regex":
			d.Regex, err = r.text(v, name)
		case "keywords":
			d.Keywords, err = r.texts(v, name)
		case "ignoreWords":
			d.IgnoreWords, err = r.texts(v, name)
		case "maximumMatchDistance":
			var distance int64
			if distance, err = r.number(v, name); err == nil && (distance < 1 || distance > 300) {
				err = r.fail(v, "%s is %d, and has to be from 1 to 300", name, distance)
			}
			d.MaximumMatchDistance = int(distance)
		case "severityLevels":
			d.SeverityLevels, err = r.levels(v)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := custom.Check(d); err != nil {
		return nil, r.fail(n, "%v", err)
	}
	return d, nil
}

func (r rules) levels(n *yaml.Node) ([]custom.SeverityLevel, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, r.fail(n, "severityLevels has to be a list")
	}
	byName := map[string]detect.Level{"LOW": detect.Low, "MEDIUM": detect.Medium, "HIGH": detect.High}
	var out []custom.SeverityLevel
	for _, item := range n.Content {
		var l custom.SeverityLevel
		err := r.members(item, "a severity level", []string{"severity", "occurrencesThreshold"}, func(name string, v *yaml.Node) (err error) {
			if name == "occurrencesThreshold" {
				l.OccurrencesThreshold, err = r.number(v, name)
				return err
			}
			if l.Severity = byName[v.Value]; l.Severity == 0 {
				return r.fail(v, "severity has to be LOW, MEDIUM or HIGH")
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// allowList reads the criteria of an allow list, alone or within the shape of CreateAllowList's request.
func (r rules) allowList(n *yaml.Node) (*allow.List, error) {
	var pattern *yaml.Node
	criteria := []string{"regex", "s3WordsList"}
	take := func(name string, v *yaml.Node) error {
		if name == "s3WordsList" {
			return r.fail(v, "a scan does not read lists from S3; give the text file itself to --allow")
		}
		_, err := r.text(v, name)
		pattern = v
		return err
	}
	known := append(criteria, "criteria", "name", "description", "tags", "clientToken")
	err := r.members(n, "an allow list", known, func(name string, v *yaml.Node) error {
		switch name {
		case "criteria":
			return r.members(v, "criteria", criteria, take)
		case "regex", "s3WordsList":
			return take(name, v)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if pattern == nil {
		return nil, r.fail(n, "regex is missing")
	}
	l, err := allow.Regex(pattern.Value)
	if err != nil {
		return nil, r.fail(pattern, "%v", err)
	}
	return l, nil
}
